/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include <stdlib.h>

#include "util.h"
#include "vswitch-idl.h"

static const char *const role_names[] = {
    [RING_DEFAULT] = "default",
    [RING_LOCAL] = "local",
    [RING_FORWARD] = "forward",
    [RING_LEVEL] = "level",
    [RING_MAC] = "mac",
    [RING_CONTROL] = "control",
    [RING_MGMT] = "mgmt",
};

const char *
ring_role_name(enum ring_role role)
{
    return role_names[role];
}

static enum ring_role
parse_role(const char *s)
{
    for (size_t role = 0; s && role < ARRAY_SIZE(role_names); role++) {
        if (!strcmp(s, role_names[role])) {
            return role;
        }
    }
    return RING_DEFAULT;
}

static bool
role_is_single(enum ring_role role)
{
    return role != RING_LEVEL && role != RING_MAC;
}

static void
check_columns(struct ring_row *row, const struct ovsrec_vnic_ring *rec)
{
    const char *role = ring_role_name(row->config.role);

    if (row->config.role == RING_LEVEL && !rec->n_level) {
        row_error(&row->status, "level: must be set with role level; set it");
    } else if (row->config.role != RING_LEVEL && rec->n_level) {
        row_error(&row->status, "level: must be empty with role %s; clear it",
                  role);
    }
    if (row->config.lro && row->config.role != RING_LOCAL) {
        row_error(&row->status, "lro: only a ring of role local may merge "
                  "segments, not one of role %s; clear lro", role);
    }
}

/* Finds the ring's VNS_Instance.  Without it, the VNIC stops: frames for the
 * ring would else reach another stack. */
static void
read_vns(struct ring_row *row, const struct config *config,
         const struct ovsrec_vnic_ring *rec)
{
    struct vnic_row *vnic = row->vnic;

    row->vns = vnic->vns;
    if (!rec->vns) {
        return;
    }
    row->vns = config_find_vns(config, rec->vns, &row->status);
    if (!row->vns) {
        vnic->is_closed = true;
        if (shash_find(&config->vns, rec->vns)) {
            row_inactive(&vnic->status, "rings: VNS_Instance \"%s\" of ring "
                         "%"PRId64" is not enabled", rec->vns, rec->id);
        } else {
            row_error(&vnic->status, "rings: ring %"PRId64" names "
                      "VNS_Instance \"%s\", which does not exist; create it "
                      "or change the ring's vns", rec->id, rec->vns);
        }
    } else if (vnic->rec->vns && strcmp(vnic->rec->vns, rec->vns)) {
        row_note(&row->status, "vns: overrides \"%s\" of VNIC \"%s\"",
                 vnic->rec->vns, vnic->name);
    }
}

static enum precedence
precedence(const struct ovsrec_vnic_ring *rec, const struct config *prev)
{
    const struct ring_row *old = prev ? config_find_ring(prev, rec) : NULL;

    if (!prev) {
        /* As for classifier rules. */
        return (nullable_string_is_equal(rec->status, "active")
                ? HOLDER : NEWCOMER);
    }
    return (old && old->is_holder && old->config.id == rec->id
            && old->config.role == parse_role(rec->role) ? HOLDER : NEWCOMER);
}

/* Does 'a' keep its place if 'b' wants it, too?  The order in the column is
 * that of UUIDs, which is chance. */
static bool
goes_before(const struct ovsrec_vnic_ring *a,
            const struct ovsrec_vnic_ring *b, const struct config *prev)
{
    enum precedence a_precedence = precedence(a, prev);
    enum precedence b_precedence = precedence(b, prev);

    return (a_precedence != b_precedence ? a_precedence > b_precedence
            : a->id != b->id ? a->id < b->id
            : uuid_compare_3way(&a->header_.uuid, &b->header_.uuid) < 0);
}

static void
check_twins(struct ring_row *row, const struct config *prev,
            const struct ovsrec_vnic_ring *rec)
{
    const struct ovsrec_vnic *vnic = row->vnic->rec;
    enum ring_role role = row->config.role;

    row->is_holder = true;
    for (size_t i = 0; i < vnic->n_rings; i++) {
        const struct ovsrec_vnic_ring *other = vnic->rings[i];
        bool same_id = other->id == rec->id;
        bool same_role = (parse_role(other->role) == role
                          && role_is_single(role));

        if (other == rec || !(same_id || same_role)
            || !goes_before(other, rec, prev)) {
            continue;
        }
        if (same_id) {
            row_error(&row->status, "id: VNIC \"%s\" has another ring "
                      "%d; change one of them", vnic->name, row->config.id);
        } else {
            row_error(&row->status, "role: ring %"PRId64" of VNIC \"%s\" has "
                      "role %s too; change one of them", other->id,
                      vnic->name, ring_role_name(role));
        }
        row->is_holder = false;
    }
}

/* Finds the port of a ring that isn't the default one. */
static void
check_port(struct ring_row *row, struct config *config)
{
    const struct ovsrec_interface *iface
        = shash_find_data(&config->ifaces, row->port);

    if (shash_find(&config->vnics, row->port)) {
        row_error(&row->status, "id: the port of ring %d would be \"%s\", "
                  "which is a VNIC; change id or rename that VNIC",
                  row->config.id, row->port);
    } else if (iface && strcmp(iface->type, "vnic")) {
        row_error(&row->status, "id: Interface \"%s\" is of type \"%s\"; set "
                  "that to vnic or change id", row->port, iface->type);
    } else {
        row->has_iface = iface != NULL;
        /* Also if the row has another error: it is no lone VNIC's port. */
        shash_add_once(&config->ring_ports, row->port, row);
    }
}

static void
read_columns(struct ring_config *ring, const struct ovsrec_vnic_ring *rec)
{
    ring->id = rec->id;
    ring->role = parse_role(rec->role);
    ring->depth = optional_int(rec->depth, rec->n_depth, RING_DEPTH_DEFAULT);
    ring->weight = optional_int(rec->weight, rec->n_weight,
                                SERVICE_WEIGHT_DEFAULT);
    ring->is_strict = optional_bool(rec->strict, rec->n_strict, false);
    ring->is_busy = rec->mode && !strcmp(rec->mode, "poll");
    ring->lro = optional_bool(rec->lro, rec->n_lro, false);
}

static void
read_ring(struct config *config, const struct config *prev,
          struct vnic_row *vnic, const struct ovsrec_vnic_ring *rec)
{
    struct ring_row *row = xzalloc(sizeof *row);
    bool is_default;

    row->uuid = rec->header_.uuid;
    row->vnic = vnic;
    hmap_insert(&config->rings, &row->node, uuid_hash(&row->uuid));

    read_columns(&row->config, rec);
    is_default = row->config.role == RING_DEFAULT;
    row->port = is_default ? xstrdup(vnic->name)
                           : ring_port_name(vnic->name, row->config.id);
    check_columns(row, rec);
    check_twins(row, prev, rec);
    read_vns(row, config, rec);
    if (is_default) {
        row->has_iface = vnic->has_iface;
        if (row->status.state == ROW_ACTIVE) {
            row->is_served = true;
            vnic->default_vns = row->vns;
            vnic->config.ring = row->config;
        }
        return;
    }
    check_port(row, config);
    if (row->status.state == ROW_ACTIVE) {
        row->is_served = row->has_iface;
        vnic->rings[vnic->config.n_rings++] = row->config;
    }
}

static int
compare_ids(const void *a_, const void *b_)
{
    const struct ring_config *a = a_;
    const struct ring_config *b = b_;

    return a->id - b->id;
}

void
config_read_rings(struct config *config, const struct config *prev)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->vnics) {
        struct vnic_row *vnic = node->data;

        if (vnic->is_etherstub || !vnic->rec->n_rings) {
            continue;
        }
        vnic->rings = xcalloc(vnic->rec->n_rings, sizeof *vnic->rings);
        vnic->config.rings = vnic->rings;
        for (size_t i = 0; i < vnic->rec->n_rings; i++) {
            read_ring(config, prev, vnic, vnic->rec->rings[i]);
        }
        /* The column's own order is that of UUIDs. */
        qsort(vnic->rings, vnic->config.n_rings, sizeof *vnic->rings,
              compare_ids);
    }
}

struct ring_row *
config_find_ring(const struct config *config,
                 const struct ovsrec_vnic_ring *rec)
{
    const struct uuid *uuid = &rec->header_.uuid;
    struct ring_row *row;

    HMAP_FOR_EACH_WITH_HASH (row, node, uuid_hash(uuid), &config->rings) {
        if (uuid_equals(&row->uuid, uuid)) {
            return row;
        }
    }
    return NULL;
}
