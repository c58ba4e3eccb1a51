/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_HW_PROBE_H
#define VNIC_HW_PROBE_H 1

/* Questions to a driver
 * =====================
 *
 * What: the matches by which a driver is asked what it can match, one for each
 * kind of header.  Each is for frames that no network has: to or from the
 * address zero, which IEEE 802, RFC 1122 and RFC 4291 give to nobody.
 *
 * Data flow: hw_open() asks until the driver accepts one, and then tries to
 * create that; hw_fill_capabilities() asks about all of them.
 *
 * Thread-safety: hw_probe_match() in any thread, hw_probe_validate() in the
 * main thread.
 *
 * Errors: none. */

#include <stdbool.h>
#include <stdint.h>

struct match;

#define HW_PROBES                                                           \
    PROBE(ETH, "eth")                                                       \
    PROBE(VLAN, "vlan")                                                     \
    PROBE(IPV4, "ipv4")                                                     \
    PROBE(IPV6, "ipv6")                                                     \
    PROBE(TCP, "tcp")                                                       \
    PROBE(UDP, "udp")                                                       \
    PROBE(SCTP, "sctp")

enum hw_probe {
#define PROBE(ENUM, NAME) HW_PROBE_##ENUM,
    HW_PROBES
#undef PROBE
    N_HW_PROBES
};

void hw_probe_match(enum hw_probe, struct match *);

/* Says the driver that it would create this rule, as hw_rule_create() does it?
 * 'flags' are HW_HAS_* of hw-actions.h, 'level' is as in hw.h. */
bool hw_probe_validate(uint16_t port_id, enum hw_probe, unsigned int flags,
                       unsigned int level, unsigned int n_queues);

#endif /* datapath-ext/hw-probe.h */
