/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-vnic.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/dynamic-string.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "sset.h"
#include "util.h"
#include "utilities/vsctl-port.h"
#include "utilities/vsctl-ring.h"
#include "utilities/vsctl-row.h"
#include "utilities/vsctl-stock.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

static const struct vsctl_row_kind vnic_kind = {
    .table = &vsctl_vnic_table,
    .keys = { { { &ovsrec_vnic_col_link, NULL }, "link=LINK" } },
    .first = 3,
};

static void
pre_vnic(struct ctl_context *ctx)
{
    vsctl_row_prerequisites(ctx, &vnic_kind);
    vsctl_ring_prerequisites(ctx);
}

static void
pre_add_vnic(struct ctl_context *ctx)
{
    pre_vnic(ctx);
    vsctl_row_add_prerequisites(ctx, &vnic_kind);
}

/* Whether "--may-exist add-vnic" may have 'iface' for the one it wants. */
static bool
check_iface(struct ctl_context *ctx, const struct ovsrec_interface *iface)
{
    char *ring = vsctl_ring_of_port(ctx, iface->name);

    if (!vsctl_port_is_vnic(iface)) {
        vsctl_row_error_but(ctx, "%s is actually an interface of type %s",
                            iface->name,
                            iface->type[0] ? iface->type : "system");
    } else if (ring) {
        vsctl_row_error_but(ctx, "%s is actually the port of %s",
                            iface->name, ring);
    } else if (smap_get(&iface->options, "link")
               && !vsctl_row_find(ctx, &vnic_kind, iface->name)) {
        /* A row would make its options void. */
        vsctl_row_error_but(ctx, "%s is actually configured by options of its "
                            "Interface", iface->name);
    }
    free(ring);
    return !ctx->error;
}

/* The stock "add-port" would take the columns for those of a Port. */
static void
cmd_add_vnic(struct ctl_context *ctx)
{
    const char *name = ctx->argv[2];
    const struct ovsrec_interface *iface = vsctl_port_find(ctx, name);

    if (!vsctl_row_check(ctx, &vnic_kind)
        || (iface && vsctl_row_has_option(ctx, "--may-exist")
            && !check_iface(ctx, iface))) {
        return;
    }
    vsctl_port_add(ctx, ctx->argv[1], name);
    if (!ctx->error) {
        vsctl_row_add(ctx, &vnic_kind);
    }
}

/* Whether 'iface', or NULL, is the Interface of a VNIC. */
static bool
is_vnic(const struct ctl_context *ctx, const struct ovsrec_interface *iface)
{
    char *ring;

    if (!iface || !vsctl_port_is_vnic(iface)) {
        return false;
    }
    ring = vsctl_ring_of_port(ctx, iface->name);
    free(ring);
    return !ring;
}

static void
error_no_vnic(struct ctl_context *ctx, const char *name)
{
    char *ring = vsctl_ring_of_port(ctx, name);

    if (ring) {
        ctl_error(ctx, "no VNIC named %s; it is the port of %s, which is "
                  "deleted with del-vnic-ring", name, ring);
    } else {
        ctl_error(ctx, "no VNIC named %s", name);
    }
    free(ring);
}

/* An Interface of another type is no part of the VNIC, even if the row has its
 * name.  Rules that name the VNIC stay, see vsctl-rule.h. */
static void
cmd_del_vnic(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];
    const struct ovsdb_idl_row *row = vsctl_row_find(ctx, &vnic_kind, name);
    const struct ovsrec_interface *iface = vsctl_port_find(ctx, name);

    if (!is_vnic(ctx, iface)) {
        iface = NULL;
    }
    if (!row && !iface) {
        if (!vsctl_row_has_option(ctx, "--if-exists")) {
            error_no_vnic(ctx, name);
        }
        return;
    }
    vsctl_ring_del_ports(ctx, name);
    if (iface) {
        vsctl_port_del(ctx, iface);
    }
    if (row) {
        ovsdb_idl_txn_delete(row);
    }
}

/* Leaves the VNICs in 'output', which lists the bridge's interfaces. */
static void
keep_vnics(struct ctl_context *ctx, const struct sset *vnics)
{
    char *ifaces = ds_steal_cstr(&ctx->output);
    char *save_ptr = NULL;

    for (char *name = strtok_r(ifaces, "\n", &save_ptr); name;
         name = strtok_r(NULL, "\n", &save_ptr)) {
        if (sset_contains(vnics, name)) {
            ds_put_format(&ctx->output, "%s\n", name);
        }
    }
    free(ifaces);
}

static void
cmd_list_vnics(struct ctl_context *ctx)
{
    struct sset names = SSET_INITIALIZER(&names);
    const struct ovsrec_interface *iface;
    const struct ovsrec_vnic *vnic;

    OVSREC_INTERFACE_FOR_EACH (iface, ctx->idl) {
        if (is_vnic(ctx, iface)) {
            sset_add(&names, iface->name);
        }
    }
    if (ctx->argc > 1) {
        vsctl_stock_run(ctx, "list-ifaces", 2, ctx->argv);
        keep_vnics(ctx, &names);
    } else {
        OVSREC_VNIC_FOR_EACH (vnic, ctx->idl) {
            sset_add(&names, vnic->name);
        }
        vsctl_row_put_sorted(&names, &ctx->output);
    }
    sset_destroy(&names);
}

/* Bash completion knows what the arguments stand for, and would complete
 * COLUMN with those of a Port. */
static const struct ctl_command_syntax commands[] = {
    {"add-vnic", 3, INT_MAX, "BRIDGE NEW-PORT ARG...", pre_add_vnic,
     cmd_add_vnic, NULL, "--may-exist", RW},
    {"del-vnic", 1, 1, "IFACE", pre_vnic, cmd_del_vnic, NULL,
     "--if-exists", RW},
    {"list-vnics", 0, 1, "[BRIDGE]", pre_vnic, cmd_list_vnics, NULL, "", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};

void
vsctl_vnic_register(void)
{
    ctl_register_commands(commands);
}

const char *
vsctl_vnic_usage(void)
{
    return "\
  add-vnic BRIDGE VNIC link=LINK  add VNIC on LINK to BRIDGE\n\
  del-vnic VNIC               delete VNIC, its rings and their ports\n\
  list-vnics [BRIDGE]         print the names of the VNICs (on BRIDGE)\n";
}
