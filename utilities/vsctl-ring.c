/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-ring.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/dynamic-string.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "util.h"
#include "utilities/vsctl-port.h"
#include "utilities/vsctl-row.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

/* No more rings fit into a VNIC. */
#define N_IDS 64

/* What the arguments VNIC and ID stand for. */
struct ring_arg {
    const char *vnic_name;
    const struct ovsrec_vnic *vnic; /* NULL if there is no row. */
    long long int id;
    const struct ovsrec_vnic_ring *ring; /* NULL if there is none. */
    char *port;                 /* VNIC.ID, owned. */
};

void
vsctl_ring_prerequisites(struct ctl_context *ctx)
{
    vsctl_tables_require(ctx->idl);
    vsctl_port_prerequisites(ctx);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_interface_col_options);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_col_name);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_col_rings);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_ring_col_id);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_ring_col_role);
}

static const struct ovsrec_vnic *
find_vnic(const struct ctl_context *ctx, const char *name)
{
    const struct ovsdb_idl_row *row
        = vsctl_table_find_row(&vsctl_vnic_table, ctx->idl, name);

    return row ? CONTAINER_OF(row, const struct ovsrec_vnic, header_) : NULL;
}

static const struct ovsrec_vnic_ring *
find_ring(const struct ovsrec_vnic *vnic, long long int id)
{
    for (size_t i = 0; vnic && i < vnic->n_rings; i++) {
        if (vnic->rings[i]->id == id) {
            return vnic->rings[i];
        }
    }
    return NULL;
}

static const char *
ring_role(const struct ovsrec_vnic_ring *ring)
{
    return ring->role ? ring->role : "default";
}

/* The VNIC's own port is that of its default ring. */
static bool
has_port(const struct ovsrec_vnic_ring *ring)
{
    return strcmp(ring_role(ring), "default");
}

/* Ports. */

char *
vsctl_ring_of_port(const struct ctl_context *ctx, const char *name)
{
    const char *dot = strrchr(name, '.');
    const struct ovsrec_vnic_ring *ring;
    long long int id;
    char *vnic_name;
    char *s = NULL;

    if (!dot || !str_to_llong(dot + 1, 10, &id) || find_vnic(ctx, name)) {
        return NULL;
    }
    vnic_name = xmemdup0(name, dot - name);
    ring = find_ring(find_vnic(ctx, vnic_name), id);
    if (ring && has_port(ring)) {
        s = xasprintf("ring %lld of VNIC %s", id, vnic_name);
    }
    free(vnic_name);
    return s;
}

/* Deletes the port 'name' if it is that of a ring, or was: then it has neither
 * a row nor options that would make it a VNIC. */
static bool
del_port(struct ctl_context *ctx, const char *name)
{
    const struct ovsrec_interface *iface = vsctl_port_find(ctx, name);
    bool is_ring = false;

    if (iface && vsctl_port_is_vnic(iface) && !find_vnic(ctx, name)) {
        char *ring = vsctl_ring_of_port(ctx, name);

        is_ring = ring || !smap_get(&iface->options, "link");
        free(ring);
    }
    if (is_ring) {
        vsctl_port_del(ctx, iface);
    }
    return is_ring;
}

void
vsctl_ring_del_ports(struct ctl_context *ctx, const char *vnic_name)
{
    for (int id = 0; id < N_IDS && !ctx->error; id++) {
        char *name = xasprintf("%s.%d", vnic_name, id);

        del_port(ctx, name);
        free(name);
    }
}

/* Returns the Interface of the VNIC, or NULL if the VNIC has no port. */
static const struct ovsrec_interface *
find_vnic_port(struct ctl_context *ctx, const char *name)
{
    const struct ovsrec_interface *iface = vsctl_port_find(ctx, name);

    return iface && vsctl_port_is_vnic(iface) ? iface : NULL;
}

/* Whether the port that is there, under --may-exist, is the one wanted. */
static void
check_port(struct ctl_context *ctx, const struct ovsrec_interface *iface,
           const char *bridge)
{
    char *actual = vsctl_port_bridge(ctx, iface);

    if (!vsctl_port_is_vnic(iface)) {
        vsctl_row_error_but(ctx, "%s is actually an interface of type %s",
                            iface->name,
                            iface->type[0] ? iface->type : "system");
    } else if (strcmp(actual, bridge)) {
        vsctl_row_error_but(ctx, "%s is actually attached to bridge %s",
                            iface->name, actual);
    }
    free(actual);
}

static void
add_port(struct ctl_context *ctx, const struct ring_arg *arg)
{
    const struct ovsrec_interface *own = find_vnic_port(ctx, arg->vnic_name);
    const struct ovsrec_interface *iface = vsctl_port_find(ctx, arg->port);
    char *bridge;

    if (!own) {
        ctl_error(ctx, "VNIC %s has no port, so there is no bridge for that "
                  "of its ring; add it with --may-exist add-vnic BRIDGE %s "
                  "link=%s", arg->vnic_name, arg->vnic_name,
                  arg->vnic->link ? arg->vnic->link : "LINK");
        return;
    }
    bridge = vsctl_port_bridge(ctx, own);
    if (iface && vsctl_row_has_option(ctx, "--may-exist")) {
        check_port(ctx, iface, bridge);
    } else {
        vsctl_port_add(ctx, bridge, arg->port);
    }
    free(bridge);
}

/* Arguments. */

static bool
parse_arg(struct ctl_context *ctx, struct ring_arg *arg)
{
    arg->vnic_name = ctx->argv[1];
    arg->vnic = find_vnic(ctx, arg->vnic_name);
    if (!str_to_llong(ctx->argv[2], 10, &arg->id)
        || arg->id < 0 || arg->id >= N_IDS) {
        ctl_error(ctx, "\"%s\" is no number of a ring; give one from 0 to "
                  "%d", ctx->argv[2], N_IDS - 1);
        return false;
    }
    arg->ring = find_ring(arg->vnic, arg->id);
    arg->port = xasprintf("%s.%lld", arg->vnic_name, arg->id);
    return true;
}

/* A VNIC without a row has no place for rings. */
static void
error_no_vnic(struct ctl_context *ctx, const char *name)
{
    const struct ovsrec_interface *iface = find_vnic_port(ctx, name);

    if (iface && smap_get(&iface->options, "link")) {
        ctl_error(ctx, "VNIC %s is configured by options of its Interface and "
                  "has no rings of its own; delete it and use add-vnic", name);
    } else {
        ctl_error(ctx, "no VNIC named %s", name);
    }
}

/* add-vnic-ring. */

static void
pre_add_vnic_ring(struct ctl_context *ctx)
{
    vsctl_ring_prerequisites(ctx);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_col_kind);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_col_link);
    vsctl_row_set_prerequisites(ctx, &vsctl_vnic_ring_table, 3);
}

static bool
check_add(struct ctl_context *ctx, const struct ring_arg *arg)
{
    if (!arg->vnic) {
        error_no_vnic(ctx, arg->vnic_name);
    } else if (arg->vnic->kind && !strcmp(arg->vnic->kind, "etherstub")) {
        ctl_error(ctx, "VNIC %s is an etherstub, which has no rings; add them "
                  "to the VNICs on it", arg->vnic_name);
    } else if (arg->ring && !vsctl_row_has_option(ctx, "--may-exist")) {
        ctl_error(ctx, "there is already a ring %lld of VNIC \"%s\"; choose "
                  "another number or use --may-exist %s", arg->id,
                  arg->vnic_name, ctx->argv[0]);
    } else if (find_vnic(ctx, arg->port)) {
        ctl_error(ctx, "there is already a VNIC named \"%s\", as the port of "
                  "the ring would be; choose another number", arg->port);
    }
    return !ctx->error;
}

static const struct ovsrec_vnic_ring *
insert_ring(struct ctl_context *ctx, const struct ring_arg *arg)
{
    const struct ovsrec_vnic_ring *ring = ovsrec_vnic_ring_insert(ctx->txn);
    size_t n = arg->vnic->n_rings;
    struct ovsrec_vnic_ring **rings = xmalloc((n + 1) * sizeof *rings);

    ovsrec_vnic_ring_set_id(ring, arg->id);
    if (n) {
        memcpy(rings, arg->vnic->rings, n * sizeof *rings);
    }
    rings[n] = CONST_CAST(struct ovsrec_vnic_ring *, ring);
    ovsrec_vnic_verify_rings(arg->vnic);
    ovsrec_vnic_set_rings(arg->vnic, rings, n + 1);
    free(rings);
    return ring;
}

/* The id and the role are what the port depends on. */
static void
set_ring(struct ctl_context *ctx, const struct ring_arg *arg,
         const struct ovsrec_vnic_ring *ring)
{
    char *role = xstrdup(ring_role(ring));

    if (arg->ring) {
        ovsrec_vnic_ring_verify_role(ring);
    }
    vsctl_row_set(ctx, &vsctl_vnic_ring_table, &ring->header_, arg->port, 3);
    if (ctx->error) {
        /* Told already. */
    } else if (ring->id != arg->id) {
        ctl_error(ctx, "'%s' command can't set id to other than %lld",
                  ctx->argv[0], arg->id);
    } else if (arg->ring && strcmp(ring_role(ring), role)) {
        vsctl_row_error_but(ctx, "%s actually has role %s", arg->port, role);
    }
    free(role);
}

static void
cmd_add_vnic_ring(struct ctl_context *ctx)
{
    const struct ovsrec_vnic_ring *ring;
    struct ring_arg arg;

    if (!parse_arg(ctx, &arg)) {
        return;
    }
    if (check_add(ctx, &arg)) {
        ring = arg.ring ? arg.ring : insert_ring(ctx, &arg);
        set_ring(ctx, &arg, ring);
        if (!ctx->error && has_port(ring)) {
            add_port(ctx, &arg);
        }
    }
    free(arg.port);
}

/* del-vnic-ring. */

static void
remove_ring(const struct ring_arg *arg)
{
    const struct ovsrec_vnic *vnic = arg->vnic;
    struct ovsrec_vnic_ring **rings = xmalloc(vnic->n_rings * sizeof *rings);
    size_t n = 0;

    for (size_t i = 0; i < vnic->n_rings; i++) {
        if (vnic->rings[i] != arg->ring) {
            rings[n++] = vnic->rings[i];
        }
    }
    ovsrec_vnic_verify_rings(vnic);
    ovsrec_vnic_set_rings(vnic, rings, n);
    free(rings);
}

/* As with del-vnic, the parts are deleted as far as they exist. */
static void
cmd_del_vnic_ring(struct ctl_context *ctx)
{
    struct ring_arg arg;
    bool found;

    if (!parse_arg(ctx, &arg)) {
        return;
    }
    found = del_port(ctx, arg.port) || arg.ring;
    if (arg.ring) {
        remove_ring(&arg);
    }
    if (found || vsctl_row_has_option(ctx, "--if-exists")) {
        /* All is well. */
    } else if (!arg.vnic) {
        error_no_vnic(ctx, arg.vnic_name);
    } else {
        ctl_error(ctx, "no ring %lld of VNIC %s", arg.id, arg.vnic_name);
    }
    free(arg.port);
}

/* list-vnic-rings. */

static int
compare_ids(const void *a_, const void *b_)
{
    const int64_t *a = a_, *b = b_;

    return *a < *b ? -1 : *a > *b;
}

/* What is printed is what "del-vnic-ring" takes, as with other lists. */
static void
cmd_list_vnic_rings(struct ctl_context *ctx)
{
    const struct ovsrec_vnic *vnic = find_vnic(ctx, ctx->argv[1]);
    int64_t *ids;

    if (!vnic) {
        error_no_vnic(ctx, ctx->argv[1]);
        return;
    }
    ids = xmalloc(vnic->n_rings * sizeof *ids);
    for (size_t i = 0; i < vnic->n_rings; i++) {
        ids[i] = vnic->rings[i]->id;
    }
    qsort(ids, vnic->n_rings, sizeof *ids, compare_ids);
    for (size_t i = 0; i < vnic->n_rings; i++) {
        ds_put_format(&ctx->output, "%"PRId64"\n", ids[i]);
    }
    free(ids);
}

/* Bash completion knows what IFACE stands for. */
static const struct ctl_command_syntax commands[] = {
    {"add-vnic-ring", 2, INT_MAX, "IFACE ARG [ARG]...", pre_add_vnic_ring,
     cmd_add_vnic_ring, NULL, "--may-exist", RW},
    {"del-vnic-ring", 2, 2, "IFACE ARG", vsctl_ring_prerequisites,
     cmd_del_vnic_ring, NULL, "--if-exists", RW},
    {"list-vnic-rings", 1, 1, "IFACE", vsctl_ring_prerequisites,
     cmd_list_vnic_rings, NULL, "", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};

void
vsctl_ring_register(void)
{
    ctl_register_commands(commands);
}

const char *
vsctl_ring_usage(void)
{
    return "\
  add-vnic-ring VNIC ID [role=ROLE]  add ring ID to VNIC, with port VNIC.ID\n\
  del-vnic-ring VNIC ID       delete ring ID of VNIC and its port\n\
  list-vnic-rings VNIC        print the numbers of the rings of VNIC\n";
}
