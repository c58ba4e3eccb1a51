/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/placement.h"

#include <stdlib.h>

#include "datapath-ext/link-private.h"
#include "datapath-ext/rules.h"
#include "datapath-ext/steer.h"
#include "hash.h"
#include "packets.h"
#include "util.h"

void
placements_init(struct placements *list)
{
    memset(list, 0, sizeof *list);
    hmap_init(&list->by_name);
}

static void
placement_destroy(struct placement *p)
{
    ovs_assert(!p->hw_rule);
    minimatch_destroy(&p->match);
    free(p->name);
    free(p->problem);
    free(p->reason);
    free(p);
}

void
placements_destroy(struct placements *list)
{
    for (size_t i = 0; i < list->n; i++) {
        hmap_remove(&list->by_name, &list->all[i]->node);
        placement_destroy(list->all[i]);
    }
    free(list->all);
    hmap_destroy(&list->by_name);
    memset(list, 0, sizeof *list);
}

static uint32_t
placement_hash(const struct l2_key *key, const char *name)
{
    return hash_string(name ? name : "",
                       key ? hash_mac(key->mac, key->vlan, 1) : 0);
}

struct placement *
placements_find(const struct placements *list, const struct l2_key *key,
                const char *name)
{
    struct placement *p;

    HMAP_FOR_EACH_WITH_HASH (p, node, placement_hash(key, name),
                             &list->by_name) {
        if (p->is_vnic == (key != NULL)
            && (!key || l2_key_equal(&p->key, key))
            && nullable_string_is_equal(p->name, name)) {
            return p;
        }
    }
    return NULL;
}

/* Takes from 'match' what 'claim' doesn't match.  Returns false if nothing is
 * left. */
static bool
match_restrict(struct match *match, const struct match *claim)
{
    struct flow *flow = &match->flow;
    struct flow *mask = &match->wc.masks;
    ovs_be16 tci = claim->flow.vlans[0].tci;
    ovs_be16 tci_mask = claim->wc.masks.vlans[0].tci;

    if (!eth_addr_equal_except(flow->dl_dst, claim->flow.dl_dst, mask->dl_dst)
        || (flow->vlans[0].tci ^ tci) & mask->vlans[0].tci & tci_mask) {
        return false;
    }
    match_set_dl_dst(match, claim->flow.dl_dst);
    flow->vlans[0].tci |= tci;
    mask->vlans[0].tci |= tci_mask;
    return true;
}

/* The fields by which most rules that share no frame differ.  In two words,
 * for to compare whole matches, of thousands of rules with each other, takes
 * seconds. */
static void
make_brief(const struct flow *flow, uint64_t brief[2])
{
    brief[0] = ((uint64_t) ntohs(flow->dl_type) << 48
                | (uint64_t) ntohs(flow->vlans[0].tci) << 32
                | (uint64_t) ntohs(flow->tp_dst) << 16
                | flow->nw_proto);
    brief[1] = (uint64_t) ntohl(flow->nw_src) << 32 | ntohl(flow->nw_dst);
}

/* 'rule' is NULL for the claim of 'port', which is NULL for the link. */
static void
add_placement(struct placements *list, struct link_port *port,
              struct rule *rule, const struct match *match)
{
    struct placement *p = xzalloc(sizeof *p);
    struct match restricted = *match;

    p->name = rule ? xstrdup(rule->name) : NULL;
    p->is_vnic = port != NULL;
    p->rule = rule;
    p->port = port;
    p->action = rule ? rule->action : RULE_RING;
    p->is_wanted = !rule || rule->in_hardware;
    if (port) {
        struct match claim;

        p->key = port->claim.key;
        hw_match_from_claim(&claim, &p->key);
        if (!match_restrict(&restricted, &claim)) {
            p->problem = xstrdup("it matches no frame with the address and "
                                 "the VLAN of its VNIC");
        }
    }
    minimatch_init(&p->match, &restricted);
    make_brief(&restricted.flow, p->brief);
    make_brief(&restricted.wc.masks, p->brief_mask);
    if (!p->problem) {
        p->problem = hw_pattern_init(&p->pattern, &restricted);
    }

    if (list->n == list->allocated) {
        list->all = x2nrealloc(list->all, &list->allocated,
                               sizeof *list->all);
    }
    list->all[list->n++] = p;
    hmap_insert(&list->by_name, &p->node,
                placement_hash(port ? &p->key : NULL, p->name));
}

static void
add_rules(struct placements *list, struct link_port *port,
          const struct rules *rules)
{
    for (size_t i = 0; rules && i < rules_count(rules); i++) {
        struct match match;
        struct rule *rule = rules_get_ranked(rules, i, &match);

        add_placement(list, port, rule, &match);
    }
}

static int
compare_ports(const void *a_, const void *b_)
{
    const struct link_port *const *a = a_;
    const struct link_port *const *b = b_;
    int cmp = eth_addr_compare_3way((*a)->claim.key.mac, (*b)->claim.key.mac);

    return cmp ? cmp : (*a)->claim.key.vlan - (*b)->claim.key.vlan;
}

/* VNICs are sorted, so that it isn't chance whose rules a small device has. */
void
placements_collect(struct placements *list, const struct link *link)
{
    size_t n = 0, max = cmap_count(&link->cls.claims);
    struct link_port **ports = xmalloc(max * sizeof *ports);
    struct link_port *port;

    CMAP_FOR_EACH (port, claim.node, &link->cls.claims) {
        ovs_assert(n < max);
        ports[n++] = port;
    }
    qsort(ports, n, sizeof *ports, compare_ports);

    add_rules(list, NULL, link_rules(link));
    list->n_link = list->n;
    for (size_t i = 0; i < n; i++) {
        struct match any;

        add_rules(list, ports[i], ports[i]->steer
                  ? steer_rules(ports[i]->steer) : NULL);
        match_init_catchall(&any);
        add_placement(list, ports[i], NULL, &any);
    }
    free(ports);
}

bool
placement_is_same(const struct placement *a, const struct placement *b)
{
    return (a->action == b->action
            && a->is_wanted == b->is_wanted
            && minimatch_equal(&a->match, &b->match));
}

bool
placement_overlaps(const struct placement *a, const struct placement *b)
{
    struct {
        struct minimask mask;
        uint64_t storage[FLOW_U64S];
    } common;

    for (size_t i = 0; i < ARRAY_SIZE(a->brief); i++) {
        if ((a->brief[i] ^ b->brief[i])
            & a->brief_mask[i] & b->brief_mask[i]) {
            return false;
        }
    }
    minimask_combine(&common.mask, a->match.mask, b->match.mask,
                     common.storage);
    return miniflow_equal_in_minimask(a->match.flow, b->match.flow,
                                      &common.mask);
}

bool
placement_is_in_force(const struct placement *p)
{
    return !p->rule || p->rule->is_in_force;
}
