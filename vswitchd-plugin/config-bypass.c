/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "util.h"
#include "vswitch-idl.h"

/* Bypass is in effect only where the way through OpenFlow would do nothing
 * but output what came in: whatever else the bridge or the port is told to do
 * with packets needs them to pass.  That the flows themselves ask for nothing
 * more is what an operator says by setting the column. */

static const char *
bridge_policy(const struct ovsrec_bridge *bridge)
{
    return (bridge->n_mirrors ? "mirrors"
            : bridge->netflow ? "netflow"
            : bridge->sflow ? "sflow"
            : bridge->ipfix ? "ipfix"
            : NULL);
}

static const char *
port_policy(const struct ovsrec_port *port)
{
    return (port->n_tag ? "tag"
            : port->n_trunks ? "trunks"
            : port->vlan_mode ? "vlan_mode"
            : port->qos ? "qos"
            : port->n_interfaces > 1 ? "interfaces"
            : NULL);
}

static bool
has_vns(const struct ovsrec_vnic *rec)
{
    for (size_t i = 0; i < rec->n_rings; i++) {
        if (rec->rings[i]->vns) {
            return true;
        }
    }
    return rec->vns;
}

/* Notes why the ports can't be bypassed.  Returns true if they can. */
static bool
check_policies(struct vnic_row *row, const struct iface_port *own,
               const struct iface_port *front)
{
    const struct iface_port *ports[] = { own, front };
    const char *policy = bridge_policy(own->bridge);

    if (own->bridge != front->bridge) {
        row_note(&row->status, "front: not in effect while Interface \"%s\" "
                 "is on bridge \"%s\"; add it to \"%s\"", row->rec->front,
                 front->bridge->name, own->bridge->name);
        return false;
    }
    if (has_vns(row->rec)) {
        row_note(&row->status, "bypass: not in effect while vns is set");
        return false;
    }
    if (policy) {
        row_note(&row->status, "bypass: not in effect while bridge \"%s\" "
                 "has %s", own->bridge->name, policy);
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        policy = port_policy(ports[i]->port);
        if (policy) {
            row_note(&row->status, "bypass: not in effect while Port \"%s\" "
                     "has %s", ports[i]->port->name, policy);
            return false;
        }
    }
    return true;
}

static bool
type_is_refused(const char *type)
{
    return (!strcmp(type, "vnic") || !strcmp(type, "vnic-link")
            || !strcmp(type, "internal") || !strcmp(type, "patch"));
}

static void
read_front(struct config *config, struct vnic_row *row, struct shash *fronts)
{
    const struct ovsrec_vnic *rec = row->rec;
    const struct ovsrec_interface *iface
        = shash_find_data(&config->ifaces, rec->front);
    const struct iface_port *own
        = shash_find_data(&config->iface_ports, row->name);
    const struct iface_port *front
        = shash_find_data(&config->iface_ports, rec->front);
    const struct vnic_row *twin = shash_find_data(fronts, rec->front);

    if (iface && type_is_refused(iface->type)) {
        row_error(&row->status, "front: Interface \"%s\" is of type \"%s\", "
                  "which no guest has; name a tap or vhost-user port",
                  rec->front, iface->type);
    } else if (twin) {
        row_error(&row->status, "front: Interface \"%s\" is the front of VNIC "
                  "\"%s\"; change one of them", rec->front, twin->name);
    } else {
        shash_add(fronts, rec->front, row);
        if (!front) {
            row_note(&row->status, "front: there is no Interface \"%s\"; add "
                     "that port or change front", rec->front);
        } else if (own && optional_bool(rec->bypass, rec->n_bypass, false)
                   && check_policies(row, own, front)) {
            row->front = xstrdup(rec->front);
            row->front_type = xstrdup(iface->type[0] ? iface->type
                                      : "system");
            row->config.front = row->front;
            row->config.front_type = row->front_type;
        }
    }
}

void
config_read_fronts(struct config *config)
{
    const struct shash_node **sorted = shash_sort(&config->vnics);
    struct shash fronts = SHASH_INITIALIZER(&fronts);

    for (size_t i = 0; i < shash_count(&config->vnics); i++) {
        struct vnic_row *row = sorted[i]->data;
        const struct ovsrec_vnic *rec = row->rec;

        if (!rec || row->is_etherstub) {
            continue;
        }
        if (rec->front) {
            read_front(config, row, &fronts);
        } else if (optional_bool(rec->bypass, rec->n_bypass, false)) {
            row_error(&row->status, "front: must be set with bypass; name "
                      "the Interface of the guest or clear bypass");
        }
    }
    shash_destroy(&fronts);
    free(sorted);
}
