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
#include "utilities/vsctl-row.h"
#include "utilities/vsctl-stock.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

static const struct vsctl_row_kind vnic_kind
    = { &vsctl_vnic_table, &ovsrec_vnic_col_link, "link=LINK", 3 };
static const struct vsctl_row_kind link_kind
    = { &vsctl_vnic_link_table, &ovsrec_vnic_link_col_netdev, "netdev=DEV",
        2 };

/* Links. */

static void
pre_add_vnic_link(struct ctl_context *ctx)
{
    vsctl_row_prerequisites(ctx, &link_kind);
}

static void
cmd_add_vnic_link(struct ctl_context *ctx)
{
    if (vsctl_row_check(ctx, &link_kind)) {
        vsctl_row_add(ctx, &link_kind);
    }
}

static void
pre_vnic_link(struct ctl_context *ctx)
{
    vsctl_tables_require(ctx->idl);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_link_col_name);
}

/* VNICs that use the link don't keep it: their status says that it is gone,
 * and a link that is added again under the same name heals them. */
static void
cmd_del_vnic_link(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row
        = vsctl_row_find(ctx, &link_kind, ctx->argv[1]);

    if (row) {
        ovsdb_idl_txn_delete(row);
    } else if (!vsctl_row_has_option(ctx, "--if-exists")) {
        ctl_error(ctx, "no VNIC_Link named %s", ctx->argv[1]);
    }
}

static void
put_sorted(const struct sset *names, struct ds *out)
{
    const char **sorted = sset_sort(names);

    for (size_t i = 0; i < sset_count(names); i++) {
        ds_put_format(out, "%s\n", sorted[i]);
    }
    free(sorted);
}

static void
cmd_list_vnic_links(struct ctl_context *ctx)
{
    struct sset names = SSET_INITIALIZER(&names);
    const struct ovsrec_vnic_link *link;

    OVSREC_VNIC_LINK_FOR_EACH (link, ctx->idl) {
        sset_add(&names, link->name);
    }
    put_sorted(&names, &ctx->output);
    sset_destroy(&names);
}

/* VNICs. */

static bool
iface_is_vnic(const struct ovsrec_interface *iface)
{
    return !strcmp(iface->type, "vnic");
}

static const struct ovsrec_interface *
find_iface(const struct ctl_context *ctx, const char *name)
{
    const struct ovsrec_interface *iface;

    OVSREC_INTERFACE_FOR_EACH (iface, ctx->idl) {
        if (!strcmp(iface->name, name)) {
            return iface;
        }
    }
    return NULL;
}

static void
pre_vnic(struct ctl_context *ctx)
{
    vsctl_tables_require(ctx->idl);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_col_name);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_interface_col_name);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_interface_col_type);
}

static void
pre_add_vnic(struct ctl_context *ctx)
{
    pre_vnic(ctx);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_interface_col_options);
    vsctl_stock_prerequisites(ctx, "add-port", 3, ctx->argv);
    vsctl_row_prerequisites(ctx, &vnic_kind);
}

/* Whether "--may-exist add-vnic" may have 'iface' for the one it wants. */
static bool
check_iface(struct ctl_context *ctx, const struct ovsrec_interface *iface)
{
    if (!iface_is_vnic(iface)) {
        vsctl_row_error_but(ctx, "%s is actually an interface of type %s",
                            iface->name,
                            iface->type[0] ? iface->type : "system");
    } else if (smap_get(&iface->options, "link")
               && !vsctl_row_find(ctx, &vnic_kind, iface->name)) {
        /* A row would make its options void. */
        vsctl_row_error_but(ctx, "%s is actually configured by options of its "
                            "Interface", iface->name);
    }
    return !ctx->error;
}

/* The stock "add-port" takes the name and the bridge for its own arguments; it
 * would take the columns for those of a Port. */
static void
cmd_add_vnic(struct ctl_context *ctx)
{
    const char *name = ctx->argv[2];
    const struct ovsrec_interface *iface = find_iface(ctx, name);

    if (!vsctl_row_check(ctx, &vnic_kind)
        || (iface && vsctl_row_has_option(ctx, "--may-exist")
            && !check_iface(ctx, iface))) {
        return;
    }
    vsctl_stock_run(ctx, "add-port", 3, ctx->argv);
    if (ctx->error) {
        return;
    }
    if (!iface) {
        ovsrec_interface_set_type(find_iface(ctx, name), "vnic");
    }
    vsctl_row_add(ctx, &vnic_kind);
}

static void
pre_del_vnic(struct ctl_context *ctx)
{
    pre_vnic(ctx);
    vsctl_stock_prerequisites(ctx, "del-port", 2, ctx->argv);
}

static bool
has_port_of_its_own(const struct ctl_context *ctx,
                    const struct ovsrec_interface *iface)
{
    const struct ovsrec_port *port;

    OVSREC_PORT_FOR_EACH (port, ctx->idl) {
        if (!strcmp(port->name, iface->name)) {
            return port->n_interfaces == 1 && port->interfaces[0] == iface;
        }
    }
    return false;
}

/* An Interface of another type is no part of the VNIC, even if the row has its
 * name. */
static void
cmd_del_vnic(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];
    const struct ovsdb_idl_row *row = vsctl_row_find(ctx, &vnic_kind, name);
    const struct ovsrec_interface *iface = find_iface(ctx, name);

    if (iface && !iface_is_vnic(iface)) {
        iface = NULL;
    }
    if (!row && !iface && !vsctl_row_has_option(ctx, "--if-exists")) {
        ctl_error(ctx, "no VNIC named %s", name);
    }
    if (iface) {
        vsctl_stock_run(ctx, has_port_of_its_own(ctx, iface) ? "del-port"
                             : "del-bond-iface", 2, ctx->argv);
    }
    if (row) {
        ovsdb_idl_txn_delete(row);
    }
}

static void
pre_list_vnics(struct ctl_context *ctx)
{
    pre_vnic(ctx);
    if (ctx->argc > 1) {
        vsctl_stock_prerequisites(ctx, "list-ifaces", 2, ctx->argv);
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
        if (iface_is_vnic(iface)) {
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
        put_sorted(&names, &ctx->output);
    }
    sset_destroy(&names);
}

/* Bash completion knows what the arguments stand for, and would complete
 * COLUMN with those of a Port. */
static const struct ctl_command_syntax commands[] = {
    {"add-vnic-link", 2, INT_MAX, "ARG ARG...", pre_add_vnic_link,
     cmd_add_vnic_link, NULL, "--may-exist", RW},
    {"del-vnic-link", 1, 1, "ARG", pre_vnic_link, cmd_del_vnic_link, NULL,
     "--if-exists", RW},
    {"list-vnic-links", 0, 0, "", pre_vnic_link, cmd_list_vnic_links, NULL,
     "", RO},
    {"add-vnic", 3, INT_MAX, "BRIDGE NEW-PORT ARG...", pre_add_vnic,
     cmd_add_vnic, NULL, "--may-exist", RW},
    {"del-vnic", 1, 1, "IFACE", pre_del_vnic, cmd_del_vnic, NULL,
     "--if-exists", RW},
    {"list-vnics", 0, 1, "[BRIDGE]", pre_list_vnics, cmd_list_vnics, NULL, "",
     RO},
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
    return "VNIC commands:\n\
  add-vnic-link LINK netdev=DEV  let VNICs share device DEV as LINK\n\
  del-vnic-link LINK          delete LINK\n\
  list-vnic-links             print the names of all the links\n\
  add-vnic BRIDGE VNIC link=LINK  add VNIC on LINK to BRIDGE\n\
  del-vnic VNIC               delete VNIC and its port\n\
  list-vnics [BRIDGE]         print the names of the VNICs (on BRIDGE)\n";
}
