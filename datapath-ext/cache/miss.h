/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_MISS_H
#define CACHE_MISS_H 1

/* Misses
 * ======
 *
 * What: the one list of reasons why the pipeline cache leaves a packet to the
 * stock datapath, of those why it doesn't keep what that did, and of those why
 * what it kept is no longer valid.
 *
 * Data flow: the lists --> counters in cache.h, names in 'vnic/cache-show',
 * texts in 'vnic/cache-explain' and in ovs-vnic(7).
 *
 * Units: packets for misses, recordings for refusals, entries (paths, for
 * megaflows) for kills.
 *
 * Ownership: constants.
 *
 * Thread-safety: any thread.
 *
 * Errors: none. */

#include <stddef.h>

/* MISS(NAME, TEXT): the packet took the long way. */
#define CACHE_MISSES                                                        \
    MISS(NOT_IP, "not_ip", "neither IPv4 nor IPv6")                         \
    MISS(MALFORMED, "malformed", "lengths in its headers disagree")         \
    MISS(FRAGMENT, "fragment", "fragment of an IP packet")                  \
    MISS(OPTIONS, "options", "IPv4 options or IPv6 extension headers")      \
    MISS(PROTOCOL, "protocol",                                              \
         "neither TCP, UDP, SCTP nor an ICMP echo")                         \
    MISS(TTL, "ttl", "TTL or hop limit of 0 or 1")                          \
    MISS(VLAN, "vlan", "more than two tags, or a DEI bit")                  \
    MISS(TUNNEL, "tunnel", "a tunnel's header that only stock takes off")   \
    MISS(OFFLOAD, "offload", "checksum or segmentation is left to a device")\
    MISS(ASIDE, "aside",                                                    \
         "a port whose flows are simple for stock, or never come again")    \
    MISS(NO_ENTRY, "no_entry", "not recorded (yet)")                        \
    MISS(DEAD, "dead", "what was recorded is no longer valid")              \
    MISS(EXPIRED, "expired", "a connection has expired or changed")         \
    MISS(CHECKSUM, "checksum",                                              \
         "a bad checksum before conntrack, or one of 0xffff")               \
    MISS(TCP_STATE, "tcp_state",                                            \
         "conntrack must see this segment: flags, window or a change of "   \
         "state")                                                           \
    MISS(BUSY, "busy", "another thread works on the connection")            \
    MISS(ORDER, "order", "behind a packet of its flow that missed")

enum cache_miss {
    CACHE_HIT,
#define MISS(NAME, STRING, TEXT) CACHE_MISS_##NAME,
    CACHE_MISSES
#undef MISS
    N_CACHE_MISSES
};

/* REFUSAL(NAME, TEXT): a traversal that was observed is not kept. */
#define CACHE_REFUSALS                                                      \
    REFUSAL(UPCALL, "upcall", "no megaflow yet")                            \
    REFUSAL(ACTION, "action", "an action that can't be repeated")           \
    REFUSAL(USERSPACE, "userspace",                                         \
            "sent to the controller, sFlow, IPFIX or slow path")            \
    REFUSAL(TUNNEL, "tunnel", "tunnel header added or removed")             \
    REFUSAL(METER, "meter", "a meter decides for each packet")              \
    REFUSAL(CLONE, "clone", "sample, clone, check_pkt_len or truncation")   \
    REFUSAL(HEADER, "header", "MPLS, NSH or another header of no key")      \
    REFUSAL(BOND, "bond", "lb_output chooses the port for each packet")     \
    REFUSAL(OUTPUTS, "outputs", "outputs of different content")             \
    REFUSAL(REWRITE, "rewrite", "a field changed that no entry can hold")   \
    REFUSAL(PSH, "psh", "a flow that matches on TCP's PSH")                 \
    REFUSAL(PASSES, "passes", "too many recirculations or outputs")         \
    REFUSAL(VANISHED, "vanished", "dropped where it can't be seen why")     \
    REFUSAL(CT_NEW, "ct_new", "new or unknown connection")                  \
    REFUSAL(CT_INVALID, "ct_invalid", "invalid for conntrack")              \
    REFUSAL(CT_OPTION, "ct_option", "ct with force or a helper")            \
    REFUSAL(CT_CHANGE, "ct_change", "mark or label of a connection changed")\
    REFUSAL(TCP_STATE, "tcp_state", "TCP connection not established, or "   \
            "in different states in its zones")                             \
    REFUSAL(RACE, "race", "something changed while it was recorded")        \
    REFUSAL(CHECK, "check", "the entry did not reproduce the output")       \
    REFUSAL(ROOM, "room", "no room: live entries hold all places")          \
    REFUSAL(QUOTA, "quota", "the port holds its share of entries")

enum cache_refusal {
    CACHE_KEEP,
#define REFUSAL(NAME, STRING, TEXT) CACHE_REFUSAL_##NAME,
    CACHE_REFUSALS
#undef REFUSAL
    N_CACHE_REFUSALS
};

/* Why entries die.  KILL(NAME, STRING, TEXT) */
#define CACHE_KILLS                                                         \
    KILL(FLOW, "flow", "a megaflow was deleted")                            \
    KILL(ACTIONS, "actions", "a megaflow's actions changed")                \
    KILL(CONN, "conn", "a connection ended or was flushed")                 \
    KILL(CONN_STATE, "conn_state",                                          \
         "a connection got its first reply, or was opened anew")            \
    KILL(CONN_MARK, "conn_mark", "the mark or label of a connection changed")\
    KILL(CONN_FORCE, "conn_force", "ct(commit,force) made a connection")    \
    KILL(CONN_HIDDEN, "conn_hidden",                                        \
         "a newer connection has the same addresses")                       \
    KILL(CONN_CROWD, "conn_crowd",                                          \
         "a connection's packets had too many different headers")           \
    KILL(CONN_POLICY, "conn_policy", "a timeout policy was set or deleted") \
    KILL(EXPIRED, "expired", "a connection had expired when it was used")

enum cache_kill {
#define KILL(NAME, STRING, TEXT) CACHE_KILL_##NAME,
    CACHE_KILLS
#undef KILL
    N_CACHE_KILLS
};

const char *cache_miss_name(size_t);
const char *cache_miss_text(size_t);
const char *cache_refusal_name(size_t);
const char *cache_refusal_text(size_t);
const char *cache_kill_name(size_t);
const char *cache_kill_text(size_t);

#endif /* datapath-ext/cache/miss.h */
