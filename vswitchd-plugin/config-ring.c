/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "util.h"
#include "vswitch-idl.h"

static const char *
ring_role(const struct ovsrec_vnic_ring *rec)
{
    return rec->role ? rec->role : "default";
}

static bool
role_is_single(const char *role)
{
    return strcmp(role, "level") && strcmp(role, "mac");
}

static void
check_columns(struct ring_row *row, const struct ovsrec_vnic_ring *rec)
{
    bool is_level = !strcmp(ring_role(rec), "level");

    if (is_level && !rec->n_level) {
        row_error(&row->status, "level: must be set with role level; set it");
    } else if (!is_level && rec->n_level) {
        row_error(&row->status, "level: must be empty with role %s; clear it",
                  ring_role(rec));
    }
    if (rec->vns) {
        row_error(&row->status, "vns: there is no VNS instance \"%s\"; clear "
                  "vns", rec->vns);
    }
}

/* Compares 'rec' with the rings before it in 'vnic', which is sorted by UUID
 * and so has no order of its own: the lowest UUID keeps its place. */
static void
check_twins(struct ring_row *row, const struct ovsrec_vnic *vnic, size_t i)
{
    const struct ovsrec_vnic_ring *rec = vnic->rings[i];

    for (size_t j = 0; j < i; j++) {
        const struct ovsrec_vnic_ring *other = vnic->rings[j];

        if (other->id == rec->id) {
            row_error(&row->status, "id: VNIC \"%s\" has another ring "
                      "%"PRId64"; change one of them", vnic->name, rec->id);
        }
        if (!strcmp(ring_role(other), ring_role(rec))
            && role_is_single(ring_role(rec))) {
            row_error(&row->status, "role: ring %"PRId64" of VNIC \"%s\" has "
                      "role %s too; change one of them", other->id,
                      vnic->name, ring_role(rec));
        }
    }
}

static void
read_ring(struct config *config, struct vnic_row *vnic, size_t i)
{
    const struct ovsrec_vnic_ring *rec = vnic->rec->rings[i];
    struct ring_row *row = xzalloc(sizeof *row);

    row->uuid = rec->header_.uuid;
    row->vnic = vnic;
    hmap_insert(&config->rings, &row->node, uuid_hash(&row->uuid));

    check_columns(row, rec);
    check_twins(row, vnic->rec, i);
    if (rec->vns) {
        row_error(&vnic->status, "rings: ring %"PRId64" names VNS instance "
                  "\"%s\", which does not exist; clear its vns", rec->id,
                  rec->vns);
    }
    if (row->status.state == ROW_ERROR) {
        return;
    }
    if (!strcmp(ring_role(rec), "default")) {
        row->is_served = true;
        vnic->config.depth = optional_int(rec->depth, rec->n_depth,
                                          RING_DEPTH_DEFAULT);
    } else {
        row_inactive(&row->status, "role: this version serves no %s rings; "
                     "their frames use the default ring", ring_role(rec));
    }
}

void
config_read_rings(struct config *config)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->vnics) {
        struct vnic_row *vnic = node->data;

        for (size_t i = 0; vnic->rec && i < vnic->rec->n_rings; i++) {
            read_ring(config, vnic, i);
        }
    }
}
