/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-parse.h"
#include "util.h"
#include "vswitch-idl.h"

/* The fields that a frame carries before it has entered a bridge.  Ports are
 * MFF_TCP_SRC and so on in the parser's eyes. */
static const enum mf_field_id link_fields[] = {
    MFF_ETH_SRC, MFF_ETH_DST, MFF_ETH_TYPE, MFF_PACKET_TYPE,
    MFF_VLAN_TCI, MFF_DL_VLAN, MFF_VLAN_VID, MFF_DL_VLAN_PCP, MFF_VLAN_PCP,
    MFF_IPV4_SRC, MFF_IPV4_DST, MFF_IPV6_SRC, MFF_IPV6_DST,
    MFF_IP_PROTO, MFF_IP_DSCP, MFF_IP_DSCP_SHIFTED,
    MFF_TCP_SRC, MFF_TCP_DST, MFF_UDP_SRC, MFF_UDP_DST,
    MFF_SCTP_SRC, MFF_SCTP_DST,
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

/* The flow syntax also takes what belongs to a flow, not to a match. */
static bool
has_flow_keys(const struct ofputil_flow_mod *fm)
{
    return (fm->priority != OFP_DEFAULT_PRIORITY || fm->table_id != 0xff
            || fm->cookie_mask || fm->out_port != OFPP_ANY
            || fm->out_group != OFPG_ANY || fm->idle_timeout
            || fm->hard_timeout || fm->importance || fm->flags);
}

static void
check_match(struct classifier_row *row, const char *s)
{
    enum ofputil_protocol protocols;
    struct ofputil_flow_mod fm;
    char *error = parse_ofp_str(&fm, OFPFC_DELETE, s, NULL, NULL, &protocols);
    struct match match;

    if (error) {
        row_error(&row->status, "match: %s; mend it", error);
        free(error);
        return;
    }
    minimatch_expand(&fm.match, &match);
    minimatch_destroy(&fm.match);
    free(CONST_CAST(struct ofpact *, fm.ofpacts));
    if (has_flow_keys(&fm)) {
        row_error(&row->status, "match: \"%s\" has more than fields; remove "
                  "the rest", s);
    }
    for (enum mf_field_id id = 0; id < MFF_N_IDS; id++) {
        const struct mf_field *field = mf_from_id(id);

        /* The prerequisites tell fields apart that share a place in struct
         * flow, such as nw_proto and arp_op. */
        if (!mf_is_all_wild(field, &match.wc) && !is_link_field(id)
            && mf_are_prereqs_ok(field, &match.flow, NULL)) {
            row_error(&row->status, "match: a frame on a link has no field "
                      "%s; remove it", field->name);
            return;
        }
    }
}

static void
check_owner(struct classifier_row *row, const struct config *config,
            const struct ovsrec_vnic_classifier *rec)
{
    if (!rec->link == !rec->vnic) {
        row_error(&row->status, "link: %s; set either link or vnic",
                  rec->link ? "both link and vnic are set"
                            : "neither link nor vnic is set");
    } else if (rec->link && !shash_find(&config->links, rec->link)) {
        row_error(&row->status, "link: there is no VNIC_Link \"%s\"; create "
                  "it or change link", rec->link);
    } else if (rec->vnic && !shash_find(&config->vnics, rec->vnic)) {
        row_error(&row->status, "vnic: there is no VNIC \"%s\"; create it or "
                  "change vnic", rec->vnic);
    }
}

/* Each of these actions has an argument, in the column of its name. */
static void
check_argument(struct classifier_row *row,
               const struct ovsrec_vnic_classifier *rec)
{
    const struct {
        const char *name;
        bool is_set;
    } arguments[] = {
        { "ring", rec->n_ring }, { "vns", rec->vns },
        { "level", rec->n_level }, { "evi", rec->n_evi },
    };

    for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
        bool wanted = !strcmp(rec->action, arguments[i].name);

        if (wanted && !arguments[i].is_set) {
            row_error(&row->status, "%s: must be set with action %s; set it",
                      arguments[i].name, rec->action);
        } else if (!wanted && arguments[i].is_set) {
            row_error(&row->status, "%s: must be empty with action %s; clear "
                      "it", arguments[i].name, rec->action);
        }
    }
}

void
config_read_classifiers(struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic_classifier *rec;

    OVSREC_VNIC_CLASSIFIER_FOR_EACH (rec, idl) {
        struct classifier_row *row = xzalloc(sizeof *row);

        shash_add(&config->classifiers, rec->name, row);
        check_owner(row, config, rec);
        check_argument(row, rec);
        check_match(row, rec->match);
        row_inactive(&row->status, "%s", optional_bool(
            rec->enabled, rec->n_enabled, true)
            ? "this version classifies by MAC address and VLAN only"
            : "enabled: is false");
    }
}
