/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-link.h"

#include <limits.h>

#include "db-ctl-base.h"
#include "utilities/vsctl-row.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

static const struct vsctl_row_kind link_kind = {
    .table = &vsctl_vnic_link_table,
    .keys = { { { &ovsrec_vnic_link_col_netdev, NULL }, "netdev=DEV" } },
    .first = 2,
};

static void
pre_add_vnic_link(struct ctl_context *ctx)
{
    vsctl_row_add_prerequisites(ctx, &link_kind);
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
    vsctl_row_prerequisites(ctx, &link_kind);
}

/* VNICs that use the link don't keep it: their status says that it is gone,
 * and a link that is added again under the same name heals them. */
static void
cmd_del_vnic_link(struct ctl_context *ctx)
{
    vsctl_row_del(ctx, &link_kind);
}

static void
cmd_list_vnic_links(struct ctl_context *ctx)
{
    vsctl_row_list(ctx, &link_kind);
}

static const struct ctl_command_syntax commands[] = {
    {"add-vnic-link", 2, INT_MAX, "ARG ARG...", pre_add_vnic_link,
     cmd_add_vnic_link, NULL, "--may-exist", RW},
    {"del-vnic-link", 1, 1, "ARG", pre_vnic_link, cmd_del_vnic_link, NULL,
     "--if-exists", RW},
    {"list-vnic-links", 0, 0, "", pre_vnic_link, cmd_list_vnic_links, NULL,
     "", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};

void
vsctl_link_register(void)
{
    ctl_register_commands(commands);
}

const char *
vsctl_link_usage(void)
{
    return "\
  add-vnic-link LINK netdev=DEV  let VNICs share device DEV as LINK\n\
  del-vnic-link LINK          delete LINK\n\
  list-vnic-links             print the names of all the links\n";
}
