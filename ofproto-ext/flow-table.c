/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "ofproto-ext/flow-table.h"

#include "fail-open.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

#define FLOW_PRIORITY (FAIL_OPEN_PRIORITY + 1)

struct ofproto *
flow_table_bridge(const char *name)
{
    struct ofproto_dpif *ofproto = ofproto_dpif_lookup_by_name(name);

    return ofproto ? &ofproto->up : NULL;
}

bool
flow_table_has(const struct ofproto *ofproto, const struct match *match,
               const struct ofpbuf *actions)
{
    const struct rule *rule = rule_from_cls_rule(
        classifier_find_match_exactly(&ofproto->tables[0].cls, match,
                                      FLOW_PRIORITY, OVS_VERSION_MAX));
    const struct rule_actions *present;

    if (!rule) {
        return false;
    }
    present = rule_get_actions(rule);
    return ofpacts_equal(present->ofpacts, present->ofpacts_len,
                         actions->data, actions->size);
}

static enum ofperr
flow_mod(struct ofproto *ofproto, enum ofp_flow_mod_command command,
         const struct match *match, const struct ofpbuf *actions)
{
    struct ofputil_flow_mod fm = {
        .priority = FLOW_PRIORITY,
        .table_id = 0,
        .command = command,
        .buffer_id = UINT32_MAX,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .ofpacts = actions ? actions->data : NULL,
        .ofpacts_len = actions ? actions->size : 0,
    };
    enum ofperr error;

    minimatch_init(&fm.match, match);
    error = ofproto_flow_mod(ofproto, &fm);
    minimatch_destroy(&fm.match);
    return error;
}

enum ofperr
flow_table_add(struct ofproto *ofproto, const struct match *match,
               const struct ofpbuf *actions)
{
    return flow_mod(ofproto, OFPFC_ADD, match, actions);
}

void
flow_table_remove(struct ofproto *ofproto, const struct match *match)
{
    /* Succeeds if there is no such flow. */
    flow_mod(ofproto, OFPFC_DELETE_STRICT, match, NULL);
}
