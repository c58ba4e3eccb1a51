/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-port.h"

#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/dynamic-string.h"
#include "ovsdb-idl.h"
#include "util.h"
#include "utilities/vsctl-error.h"
#include "utilities/vsctl-stock.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

/* All stock commands that are run here have the same prerequisites. */
void
vsctl_port_prerequisites(struct ctl_context *ctx)
{
    char *argv[] = { ctx->argv[0], CONST_CAST(char *, "port") };

    vsctl_stock_prerequisites(ctx, "del-port", 2, argv);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_interface_col_name);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_interface_col_type);
}

const struct ovsrec_interface *
vsctl_port_find(const struct ctl_context *ctx, const char *name)
{
    const struct ovsrec_interface *iface;

    OVSREC_INTERFACE_FOR_EACH (iface, ctx->idl) {
        if (!strcmp(iface->name, name)) {
            return iface;
        }
    }
    return NULL;
}

bool
vsctl_port_is_vnic(const struct ovsrec_interface *iface)
{
    return !strcmp(iface->type, "vnic");
}

/* The stock command prints the name. */
char *
vsctl_port_bridge(struct ctl_context *ctx,
                  const struct ovsrec_interface *iface)
{
    char *argv[] = { ctx->argv[0], iface->name };
    struct ds output = ctx->output;
    char *bridge;

    ds_init(&ctx->output);
    vsctl_stock_run(ctx, "iface-to-br", 2, argv);
    ds_chomp(&ctx->output, '\n');
    bridge = ds_steal_cstr(&ctx->output);
    ctx->output = output;
    return bridge;
}

void
vsctl_port_add(struct ctl_context *ctx, const char *bridge, const char *name)
{
    bool exists = vsctl_port_find(ctx, name) != NULL;
    char *argv[] = { ctx->argv[0], CONST_CAST(char *, bridge),
                     CONST_CAST(char *, name) };

    vsctl_stock_run(ctx, "add-port", 3, argv);
    if (!ctx->error && !exists) {
        ovsrec_interface_set_type(vsctl_port_find(ctx, name), "vnic");
    }
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

void
vsctl_port_del(struct ctl_context *ctx, const struct ovsrec_interface *iface)
{
    char *argv[] = { ctx->argv[0], iface->name };

    vsctl_stock_run(ctx, has_port_of_its_own(ctx, iface) ? "del-port"
                    : "del-bond-iface", 2, argv);
}

/* Stock commands. */

void
vsctl_port_pre_add_stock(struct ctl_context *ctx)
{
    vsctl_tables_use(ctx->idl);
    vsctl_table_add_status(&vsctl_vnic_link_table, ctx->idl);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_link_col_netdev);
}

/* The bridge's name, which comes first, is that of a device too, but the port
 * takes no device by that name. */
void
vsctl_port_run_add_stock(struct ctl_context *ctx,
                         void (*stock)(struct ctl_context *))
{
    const struct ovsrec_vnic_link *link;

    OVSREC_VNIC_LINK_FOR_EACH (link, ctx->idl) {
        for (int i = 2; i < ctx->argc; i++) {
            if (!strcmp(link->netdev, ctx->argv[i])) {
                vsctl_error_note_row(&vsctl_vnic_link_table, &link->header_);
            }
        }
    }
    stock(ctx);
}
