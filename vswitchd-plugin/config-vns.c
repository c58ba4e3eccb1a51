/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "openvswitch/shash.h"
#include "smap.h"
#include "util.h"
#include "vswitch-idl.h"

void
config_add_columns(struct ovsdb_idl *idl)
{
    /* For bridge_is_of_ovn().  A change of it is no reason to configure all
     * bridges anew: it never was. */
    ovsdb_idl_add_column(idl, &ovsrec_open_vswitch_col_external_ids);
    ovsdb_idl_omit_alert(idl, &ovsrec_open_vswitch_col_external_ids);
}

void
config_read_vns(struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vns_instance *rec;

    OVSREC_VNS_INSTANCE_FOR_EACH (rec, idl) {
        struct vns_row *row = xzalloc(sizeof *row);

        row->vns_id = rec->vns_id;
        if (!optional_bool(rec->enabled, rec->n_enabled, true)) {
            row_inactive(&row->status, "enabled: is false");
        }
        shash_add(&config->vns, rec->name, row);
    }
}

struct vns_row *
config_find_vns(const struct config *config, const char *name,
                struct row_status *status)
{
    struct vns_row *row = shash_find_data(&config->vns, name);

    if (!row) {
        row_error(status, "vns: there is no VNS_Instance \"%s\"; create it "
                  "or change vns", name);
        return NULL;
    }
    if (row->status.state != ROW_ACTIVE) {
        row_inactive(status, "vns: VNS_Instance \"%s\" is not enabled", name);
        return NULL;
    }
    return row;
}

/* Which ports get a flow. */

static bool
vns_is_used(const struct config *config)
{
    const struct shash_node *node;
    const struct ring_row *ring;

    SHASH_FOR_EACH (node, &config->vnics) {
        const struct vnic_row *vnic = node->data;

        if (vnic->vns || vnic->is_closed) {
            return true;
        }
    }
    HMAP_FOR_EACH (ring, node, &config->rings) {
        if (ring->vns) {
            return true;
        }
    }
    return false;
}

static enum metadata_role
metadata_role(enum ring_role role)
{
    static const enum metadata_role roles[] = {
        [RING_DEFAULT] = METADATA_ROLE_DEFAULT,
        [RING_LOCAL] = METADATA_ROLE_LOCAL,
        [RING_FORWARD] = METADATA_ROLE_FORWARD,
        [RING_LEVEL] = METADATA_ROLE_LEVEL,
        [RING_MAC] = METADATA_ROLE_MAC,
        [RING_CONTROL] = METADATA_ROLE_CONTROL,
        [RING_MGMT] = METADATA_ROLE_MGMT,
    };

    return roles[role];
}

/* OVN's integration bridge has a meaning of its own for a packet's metadata.
 * ovn-controller finds it as we do: by this key, one per chassis on a host
 * with several, and by this name without one. */
static bool
bridge_is_of_ovn(const struct ovsrec_bridge *bridge,
                 const struct ovsdb_idl *idl)
{
    const struct ovsrec_open_vswitch *cfg = ovsrec_open_vswitch_first(idl);
    const struct smap_node *node;

    if (!strcmp(bridge->name, "br-int")) {
        return true;
    }
    SMAP_FOR_EACH (node, &cfg->external_ids) {
        if (!strncmp(node->key, "ovn-bridge", strlen("ovn-bridge"))
            && !strcmp(node->value, bridge->name)) {
            return true;
        }
    }
    return false;
}

static void
place_port(struct config *config, const struct ovsdb_idl *idl,
           struct vnic_row *vnic, const char *name, struct vns_row *vns,
           enum ring_role role)
{
    const struct ovsrec_interface *iface = shash_find_data(&config->ifaces,
                                                           name);
    const struct iface_port *place = shash_find_data(&config->iface_ports,
                                                     name);
    struct vns_port *port;

    if ((!vns && !vnic->is_closed) || !iface || strcmp(iface->type, "vnic")
        || !place) {
        return;
    }
    if (bridge_is_of_ovn(place->bridge, idl)) {
        row_error(&vnic->status, "vns: bridge \"%s\" belongs to OVN; move "
                  "port \"%s\" to another bridge or clear vns",
                  place->bridge->name, name);
        return;
    }
    port = xzalloc(sizeof *port);
    port->vnic = vnic;
    port->flow.bridge = xstrdup(place->bridge->name);
    port->flow.port = xstrdup(name);
    port->flow.vns_id = vnic->is_closed ? 0 : vns->vns_id;
    port->flow.role = metadata_role(role);
    shash_add(&config->vns_ports, name, port);
    if (!vnic->is_closed) {
        vns->n_rings++;
    }
}

static void
vnic_row_require_ring(struct vnic_row *vnic, int id)
{
    for (size_t i = 0; i < vnic->config.n_rings; i++) {
        if (vnic->rings[i].id == id) {
            vnic->rings[i].is_required = true;
        }
    }
}

/* A ring that isn't there leaves its frames to the default ring, where they
 * would get the id of another instance.  So a VNIC is attached only together
 * with such rings. */
static void
check_instance(const struct ring_row *ring, struct vnic_row *vnic)
{
    if (!ring->vns || ring->vns == vnic->default_vns) {
        return;
    }
    if (ring->is_served) {
        vnic_row_require_ring(vnic, ring->config.id);
    } else {
        row_error(&vnic->status, "rings: frames for \"%s\", which is not "
                  "served, would enter another VNS_Instance by the default "
                  "ring; clear its vns", ring->port);
        vnic->is_closed = true;
    }
}

void
config_place_vns(struct config *config, const struct ovsdb_idl *idl)
{
    struct shash_node *node;
    struct ring_row *ring;

    if (!vns_is_used(config)) {
        return;
    }
    HMAP_FOR_EACH (ring, node, &config->rings) {
        check_instance(ring, ring->vnic);
    }
    SHASH_FOR_EACH (node, &config->vnics) {
        struct vnic_row *vnic = node->data;

        place_port(config, idl, vnic, vnic->name, vnic->default_vns,
                   RING_DEFAULT);
    }
    HMAP_FOR_EACH (ring, node, &config->rings) {
        if (ring->is_served && ring->config.role != RING_DEFAULT) {
            place_port(config, idl, ring->vnic, ring->port, ring->vns,
                       ring->config.role);
        }
    }
}
