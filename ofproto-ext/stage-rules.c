/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "ofproto-ext/ofproto-ext.h"

#include "flow.h"
#include "odp-util.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-dpif-xlate.h"
#include "ofproto/ofproto-dpif-xlate-cache.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/shash.h"
#include "util.h"

/* The udpif knows the rules of a megaflow, but keeps them to itself and not
 * always at hand.  It finds them as this does: it translates the megaflow's
 * packet again, with no effect but the list of what was met on the way. */
static void
translate(struct ofproto_dpif *ofproto, const struct flow *flow,
          ofp_port_t in_port, struct xlate_cache *xcache,
          struct ofpbuf *actions)
{
    struct xlate_out xout;
    struct xlate_in xin;

    xlate_in_init(&xin, ofproto, ofproto_dpif_get_tables_version(ofproto),
                  flow, in_port, NULL, ntohs(flow->tcp_flags), NULL, NULL,
                  actions);
    xin.xcache = xcache;
    xlate_actions(&xin, &xout);
    xlate_out_uninit(&xout);
}

static void
format_rule(struct rule *rule, struct ds *ds)
{
    ovs_be64 cookie;

    ovs_mutex_lock(&rule->mutex);
    cookie = rule->flow_cookie;
    ovs_mutex_unlock(&rule->mutex);
    ds_put_format(ds, "    %s table=%"PRIu8" cookie=0x%"PRIx64" ",
                  rule->ofproto->name, rule->table_id, ntohll(cookie));
    cls_rule_format(&rule->cr, ofproto_get_tun_tab(rule->ofproto), NULL, ds);
    ds_put_char(ds, '\n');
}

/* A rule that ofproto has for packets that match none is not in a table that
 * OpenFlow sees. */
static void
format_entry(const struct xc_entry *entry, struct ds *ds)
{
    if (entry->type == XC_RULE && entry->rule->up.table_id != TBL_INTERNAL) {
        format_rule(&entry->rule->up, ds);
    } else if (entry->type == XC_TABLE && !entry->table.match) {
        ds_put_format(ds, "    %s table=%"PRIu8" no match\n",
                      entry->table.ofproto->up.name, entry->table.id);
    } else if (entry->type == XC_GROUP) {
        ds_put_format(ds, "    %s group=%"PRIu32"\n",
                      entry->group.group->up.ofproto->name,
                      entry->group.group->up.group_id);
    }
}

static void
format_met(const struct xlate_cache *xcache, struct ds *ds)
{
    struct ofpbuf entries = xcache->entries;
    const struct xc_entry *entry;
    size_t before = ds->length;

    XC_ENTRY_FOR_EACH (entry, &entries) {
        format_entry(entry, ds);
    }
    if (ds->length == before) {
        ds_put_cstr(ds, "    no table: actions of the pass before go on\n");
    }
}

void
ofproto_ext_format_rules(const char *type, const struct flow *flow,
                         const struct nlattr *actions, size_t actions_len,
                         struct ds *ds)
{
    const struct dpif_backer *backer = shash_find_data(&all_dpif_backers,
                                                       type);
    struct ofproto_dpif *ofproto;
    struct ofpbuf now_actions;
    struct xlate_cache xcache;
    ofp_port_t in_port;

    if (!backer || xlate_lookup(backer, flow, &ofproto, NULL, NULL, NULL,
                                &in_port, NULL)) {
        ds_put_cstr(ds, "    its rules are no longer known: its port or "
                    "recirculation id has gone\n");
        return;
    }
    ofpbuf_init(&now_actions, 0);
    xlate_cache_init(&xcache);
    translate(ofproto, flow, in_port, &xcache, &now_actions);
    if (now_actions.size != actions_len
        || memcmp(now_actions.data, actions, actions_len)) {
        ds_put_cstr(ds, "    its rules are no longer known: the bridge has "
                    "changed, and would do now:\n");
    }
    format_met(&xcache, ds);
    xlate_cache_uninit(&xcache);
    ofpbuf_uninit(&now_actions);
}
