/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/match.h"

#include "flow.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofp-protocol.h"
#include "packets.h"
#include "util.h"

/* The fields that a frame carries before it has entered a bridge. */
static const enum mf_field_id link_fields[] = {
    MFF_ETH_SRC, MFF_ETH_DST, MFF_ETH_TYPE,
    MFF_VLAN_TCI, MFF_DL_VLAN, MFF_VLAN_VID, MFF_DL_VLAN_PCP, MFF_VLAN_PCP,
    MFF_IPV4_SRC, MFF_IPV4_DST, MFF_IPV6_SRC, MFF_IPV6_DST,
    MFF_IP_PROTO, MFF_IP_DSCP, MFF_IP_DSCP_SHIFTED,
    MFF_TCP_SRC, MFF_TCP_DST, MFF_UDP_SRC, MFF_UDP_DST,
    MFF_SCTP_SRC, MFF_SCTP_DST,
    MFF_ICMPV4_TYPE, MFF_ICMPV4_CODE, MFF_ICMPV6_TYPE, MFF_ICMPV6_CODE,
};

static bool
is_link_field(enum mf_field_id id)
{
    for (size_t i = 0; i < ARRAY_SIZE(link_fields); i++) {
        if (link_fields[i] == id) {
            return true;
        }
    }
    return false;
}

/* "ip", "tcp6" and so on. */
static char *
set_protocol(const char *name, const char *value,
             const struct ofp_protocol *protocol, struct match *match)
{
    if (*value) {
        return xasprintf("%s takes no value; remove \"%s\"", name, value);
    }
    if (protocol) {
        match_set_dl_type(match, htons(protocol->dl_type));
        if (protocol->nw_proto) {
            match_set_nw_proto(match, protocol->nw_proto);
        }
    }
    return NULL;
}

/* Others would be possible in software, but few NICs and nobody's rules have
 * them, and each is a mask of its own. */
static bool
has_prefixes(const struct flow_wildcards *wc)
{
    return (ip_is_cidr(wc->masks.nw_src) && ip_is_cidr(wc->masks.nw_dst)
            && ipv6_is_cidr(&wc->masks.ipv6_src)
            && ipv6_is_cidr(&wc->masks.ipv6_dst));
}

/* Open vSwitch's parser stores bytes of addresses without a look at their
 * size: 10.0.0.256 would become 10.0.0.0. */
static bool
has_big_byte(const struct mf_field *field, const char *value)
{
    bool is_mac = field->string == MFS_ETHERNET;

    if (!is_mac && field->string != MFS_IPV4) {
        return false;
    }
    for (const char *p = value; *p; p++) {
        size_t n = strspn(p, is_mac ? "0123456789abcdefABCDEF" : "0123456789");

        if (is_mac ? n > 2 : n && (n > 3 || strtol(p, NULL, 10) > UINT8_MAX)) {
            return true;
        }
        if (n) {
            p += n - 1;
        }
    }
    return false;
}

static char *
set_field(const char *name, const char *value, struct match *match)
{
    const struct mf_field *field = mf_from_name(name);
    enum ofputil_protocol protocols = OFPUTIL_P_ANY;
    char *error, *sentence;

    if (!field || !is_link_field(field->id)) {
        return xasprintf("%s is not in the match language of ovs-vnic(7); "
                         "remove it", name);
    }
    if (!*value) {
        return xasprintf("%s has no value; write %s=VALUE", name, name);
    }
    if (has_big_byte(field, value)) {
        return xasprintf("%s: %s is no address; mend it", name, value);
    }
    error = ofp_parse_field(field, value, NULL, match, &protocols);
    if (!error) {
        return (has_prefixes(&match->wc) ? NULL
                : xasprintf("%s=%s is no prefix; write it as ADDRESS/LENGTH",
                            name, value));
    }
    sentence = xasprintf("%s; mend it", error);
    free(error);
    return sentence;
}

/* Is all that 'old' matches a part of what 'new' matches?  If not, something
 * was said twice, and not the same. */
static bool
match_extends(const struct match *new, const struct match *old)
{
    const uint64_t *nf = (const uint64_t *) &new->flow;
    const uint64_t *of = (const uint64_t *) &old->flow;
    const uint64_t *nm = (const uint64_t *) &new->wc.masks;
    const uint64_t *om = (const uint64_t *) &old->wc.masks;

    for (size_t i = 0; i < FLOW_U64S; i++) {
        if (om[i] & (~nm[i] | (nf[i] ^ of[i]))) {
            return false;
        }
    }
    return true;
}

static char *
set_term(const char *name, const char *value, struct match *match)
{
    const struct ofp_protocol *protocol;
    struct match old = *match;
    char *error;

    if (ofp_parse_protocol(name, &protocol) || !strcmp(name, "eth")) {
        error = set_protocol(name, value, protocol, match);
    } else {
        error = set_field(name, value, match);
    }
    if (!error && !match_extends(match, &old)) {
        error = xasprintf("%s contradicts what stands before it; remove one "
                          "of them", name);
    }
    return error;
}

/* Does 'flow' have the headers that a field of this name is in?  Some names
 * stand for fields of several protocols, of which the parser knows but the
 * first. */
static bool
has_header(const char *name, const struct flow *flow)
{
    if (!strcmp(name, "tp_src") || !strcmp(name, "tp_dst")) {
        return is_tcp(flow, NULL) || is_udp(flow, NULL) || is_sctp(flow, NULL);
    }
    if (!strcmp(name, "icmp_type") || !strcmp(name, "icmp_code")) {
        return is_icmpv4(flow, NULL) || is_icmpv6(flow, NULL);
    }
    return mf_are_prereqs_ok(mf_from_name(name), flow, NULL);
}

/* When all terms are known, for their order is free. */
static char *
check_term(const char *name, const char *value OVS_UNUSED,
           struct match *match)
{
    if (mf_from_name(name) && !has_header(name, &match->flow)) {
        return xasprintf("%s needs the protocol that it is a field of; add "
                         "that, such as ip, tcp or icmp6", name);
    }
    return NULL;
}

static char *
for_each_term(const char *s, struct match *match,
              char *(*function)(const char *, const char *, struct match *))
{
    char *copy = xstrdup(s);
    char *pos = copy;
    char *name, *value;
    char *error = NULL;

    while (!error && ofputil_parse_key_value(&pos, &name, &value)) {
        error = function(name, value, match);
    }
    free(copy);
    return error;
}

char *
match_parse(const char *s, struct match *match)
{
    char *error;

    match_init_catchall(match);
    error = for_each_term(s, match, set_term);
    if (!error) {
        error = for_each_term(s, match, check_term);
    }

    /* The parser adds it to whatever matches on a header. */
    match->flow.packet_type = 0;
    match->wc.masks.packet_type = 0;
    return error;
}
