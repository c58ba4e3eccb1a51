/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-private.h"

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/hw.h"
#include "datapath-ext/link-hw.h"
#include "datapath-ext/ring.h"
#include "datapath-ext/steer.h"
#include "datapath-ext/vnic.h"
#include "util.h"

/* Rings. */

static void
take_steer_verdict(const struct steer_verdict *steer, struct verdict *verdict)
{
    verdict->rule = steer->rule;
    verdict->why = steer->why;
    verdict->ring = steer->ring;
    verdict->kind = (steer->action == RULE_RING ? VERDICT_RING
                     : steer->action == RULE_HOST ? VERDICT_HOST
                     : VERDICT_DROP);
}

void
link_port_classify(const struct link_port *port, struct frame *frame,
                   struct verdict *verdict)
{
    struct steer_verdict steer;

    verdict->port = port;
    verdict->rule = NULL;
    if (OVS_LIKELY(!port->steer)) {
        verdict->kind = VERDICT_RING;
        verdict->ring = port->ring;
        verdict->why = "it is the only ring";
        return;
    }
    steer_frame(port->steer, frame, &steer);
    take_steer_verdict(&steer, verdict);
}

/* The ring into which a rule for all frames of the link directs them. */
static bool
rule_ring(struct rule *rule, struct verdict *verdict)
{
    const struct link_port *port = rule->aux ? vnic_get_port(rule->aux) : NULL;

    if (!port) {
        /* The VNIC has no port now: the frame is unclaimed by this rule. */
        return false;
    }
    verdict->port = port;
    verdict->ring = port->steer ? steer_ring(port->steer, rule->ring)
                                : port->ring;
    verdict->kind = VERDICT_RING;
    return true;
}

static bool
link_obey_rule(const struct link *link, struct rule *rule,
               struct verdict *verdict)
{
    verdict->port = NULL;
    verdict->ring = NULL;
    verdict->rule = rule;
    switch (rule->action) {
    case RULE_RING:
        return (rule_ring(rule, verdict)
                && verdict->port->link == link);
    case RULE_HOST:
        verdict->kind = VERDICT_HOST;
        return true;
    case RULE_DROP:
        verdict->kind = VERDICT_DROP;
        return true;
    }
    OVS_NOT_REACHED();
}

static bool
link_obey_rules(const struct link *link, const struct rules *rules,
                struct frame *frame, struct verdict *verdict)
{
    struct rule *rule = rules_lookup(rules, frame_flow(frame));

    return rule && link_obey_rule(link, rule, verdict);
}

void
link_classify(const struct link *link, struct frame *frame,
              struct verdict *verdict)
{
    const struct rules *rules = link_rules(link);

    if (OVS_UNLIKELY(rules)
        && link_obey_rules(link, rules, frame, verdict)) {
        return;
    }
    if (OVS_UNLIKELY(eth_addr_is_multicast(frame->key.mac))) {
        verdict->kind = VERDICT_GROUP;
        verdict->rule = NULL;
        return;
    }

    struct link_port *port
        = link_port_from_claim(classify_lookup(&link->cls, &frame->key));

    if (OVS_LIKELY(port)) {
        link_port_classify(port, frame, verdict);
    } else {
        verdict->kind = VERDICT_UNCLAIMED;
        verdict->rule = NULL;
    }
}

/* Marks of hardware. */

/* Has the frame the VLAN tag, or none, that the rule is for?  Of two tags the
 * second is where devices and Open vSwitch disagree. */
static bool
mark_is_for_vlan(const struct mark *mark, const struct dp_packet *packet)
{
    const struct vlan_eth_header *veh = dp_packet_data(packet);
    ovs_be16 tci = 0;

    if (eth_type_vlan(veh->veth_type)) {
        if (dp_packet_size(packet) < sizeof *veh
            || eth_type_vlan(veh->veth_next_type)) {
            return false;
        }
        tci = veh->veth_tci | htons(VLAN_CFI);
    }
    return !((tci ^ mark->tci) & mark->tci_mask);
}

static bool
link_obey_marked_rule(const struct link *link, const struct mark *mark,
                      struct frame *frame, struct verdict *verdict)
{
    struct steer_verdict steer;

    if (!mark_is_for_vlan(mark, frame->packet)) {
        return false;
    } else if (!mark->port) {
        return link_obey_rule(link, mark->rule, verdict);
    }
    verdict->port = mark->port;
    steer_obey(mark->port->steer, mark->rule, &steer);
    take_steer_verdict(&steer, verdict);
    return true;
}

static bool
link_obey_claim(const struct link *link, const struct mark *mark,
                struct frame *frame, struct verdict *verdict)
{
    const struct rules *rules = mark->asks_rules ? link_rules(link) : NULL;

    if (!l2_key_equal(&frame->key, &mark->port->claim.key)) {
        return false;
    } else if (!rules || !link_obey_rules(link, rules, frame, verdict)) {
        link_port_classify(mark->port, frame, verdict);
    }
    return true;
}

bool
link_obey_mark(struct link *link, struct frame *frame,
               struct verdict *verdict)
{
    const struct mark_table *table = link_marks(link);
    const struct mark *mark;
    uint32_t value;

    if (!hw_take_mark(frame->packet, &value) || !table) {
        return false;
    }
    mark = mark_table_find(table, value);
    if (!mark || !(mark->rule
                   ? link_obey_marked_rule(link, mark, frame, verdict)
                   : link_obey_claim(link, mark, frame, verdict))) {
        return false;
    }
    counter_add_own(&link->rx_marked, 1);
    return true;
}

/* Explanation. */

struct explanation {
    const struct link *link;
    struct match_result *results;
    size_t n, allocated;
};

static void OVS_PRINTF_FORMAT(3, 4)
explain(struct explanation *ex, const char *port, const char *format, ...)
{
    va_list args;

    if (ex->n >= ex->allocated) {
        ex->results = x2nrealloc(ex->results, &ex->allocated,
                                 sizeof *ex->results);
    }
    va_start(args, format);
    ex->results[ex->n++] = (struct match_result) {
        .port = nullable_xstrdup(port), .why = xvasprintf(format, args),
    };
    va_end(args);
}

static void
explain_default(struct explanation *ex, const char *why)
{
    const struct link_port *port = link_default_port(ex->link);

    explain(ex, port ? ring_get_port(port->ring) : NULL, "%s%s", why,
            port ? "" : ", and the link has no default port");
}

static void
explain_verdict(struct explanation *ex, const struct verdict *verdict)
{
    const char *rule = verdict->rule ? verdict->rule->name : NULL;
    char *why = rule ? xasprintf("rule \"%s\"", rule)
                     : nullable_xstrdup(verdict->why);

    switch (verdict->kind) {
    case VERDICT_RING:
        explain(ex, ring_get_port(verdict->ring), "%s", why);
        break;
    case VERDICT_HOST:
        explain_default(ex, why);
        break;
    case VERDICT_DROP:
        explain(ex, NULL, "%s", why);
        break;
    case VERDICT_GROUP:
    case VERDICT_UNCLAIMED:
        OVS_NOT_REACHED();
    }
    free(why);
}

static void
explain_group(struct explanation *ex, struct frame *frame)
{
    struct link_port *port;

    if (link_default_port(ex->link)) {
        explain_default(ex, "the default port gets each group-addressed "
                        "frame");
    }
    CMAP_FOR_EACH (port, claim.node, &ex->link->cls.claims) {
        if (port->claim.key.vlan == frame->key.vlan) {
            struct verdict verdict;

            link_port_classify(port, frame, &verdict);
            if (verdict.kind != VERDICT_HOST) {
                explain_verdict(ex, &verdict);
            }
        }
    }
}

size_t
link_explain(const struct link *link, struct dp_packet *packet,
             struct match_result **results)
{
    struct explanation ex = { .link = link };
    struct verdict verdict;
    struct frame frame;

    if (!frame_init(&frame, packet)) {
        explain(&ex, NULL, "it is no Ethernet frame");
    } else {
        link_classify(link, &frame, &verdict);
        if (verdict.kind == VERDICT_GROUP) {
            explain_group(&ex, &frame);
        } else if (verdict.kind == VERDICT_UNCLAIMED) {
            explain_default(&ex, "no VNIC claims it");
        } else {
            explain_verdict(&ex, &verdict);
            ex.results[ex.n - 1].in_hardware
                = link_hw_decides(link, &verdict);
        }
    }
    if (!ex.n) {
        explain(&ex, NULL, "no port of the link is in its VLAN");
    }
    *results = ex.results;
    return ex.n;
}
