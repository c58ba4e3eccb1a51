/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-vns.h"

#include <limits.h>

#include "db-ctl-base.h"
#include "utilities/vsctl-row.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

static const struct vsctl_row_kind vns_kind = {
    .table = &vsctl_vns_instance_table,
    .keys = { { { &ovsrec_vns_instance_col_vns_id, NULL }, "vns_id=N" } },
    .first = 2,
};

static void
pre_add_vns(struct ctl_context *ctx)
{
    vsctl_row_add_prerequisites(ctx, &vns_kind);
}

static void
cmd_add_vns(struct ctl_context *ctx)
{
    if (vsctl_row_check(ctx, &vns_kind)) {
        vsctl_row_add(ctx, &vns_kind);
    }
}

static void
pre_vns(struct ctl_context *ctx)
{
    vsctl_row_prerequisites(ctx, &vns_kind);
}

/* As with links, what names the instance stays, and has an error. */
static void
cmd_del_vns(struct ctl_context *ctx)
{
    vsctl_row_del(ctx, &vns_kind);
}

static void
cmd_list_vns(struct ctl_context *ctx)
{
    vsctl_row_list(ctx, &vns_kind);
}

static const struct ctl_command_syntax commands[] = {
    {"add-vns", 2, INT_MAX, "ARG ARG...", pre_add_vns, cmd_add_vns, NULL,
     "--may-exist", RW},
    {"del-vns", 1, 1, "ARG", pre_vns, cmd_del_vns, NULL, "--if-exists", RW},
    {"list-vns", 0, 0, "", pre_vns, cmd_list_vns, NULL, "", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};

void
vsctl_vns_register(void)
{
    ctl_register_commands(commands);
}

const char *
vsctl_vns_usage(void)
{
    return "\
  add-vns VNS vns_id=N        add virtual network stack VNS with number N\n\
  del-vns VNS                 delete VNS\n\
  list-vns                    print the names of all the VNS instances\n";
}
