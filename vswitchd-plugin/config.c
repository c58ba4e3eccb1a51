/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "openvswitch/vlog.h"
#include "util.h"
#include "vswitch-idl.h"

VLOG_DEFINE_THIS_MODULE(vnic_config);

static void
read_ifaces(struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_interface *iface;

    OVSREC_INTERFACE_FOR_EACH (iface, idl) {
        shash_add_once(&config->ifaces, iface->name, iface);
    }
}

static void
read_iface_ports(struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_bridge *bridge;

    OVSREC_BRIDGE_FOR_EACH (bridge, idl) {
        for (size_t i = 0; i < bridge->n_ports; i++) {
            const struct ovsrec_port *port = bridge->ports[i];

            for (size_t j = 0; j < port->n_interfaces; j++) {
                struct iface_port *place = xmalloc(sizeof *place);

                *place = (struct iface_port) { port, bridge };
                free(shash_replace(&config->iface_ports,
                                   port->interfaces[j]->name, place));
            }
        }
    }
}

struct config *
config_create(const struct ovsdb_idl *idl)
{
    struct config *config = xzalloc(sizeof *config);

    shash_init(&config->links);
    shash_init(&config->vnics);
    shash_init(&config->defaults);
    shash_init(&config->classifiers);
    hmap_init(&config->rings);
    shash_init(&config->ring_ports);
    shash_init(&config->vns);
    shash_init(&config->vns_ports);
    shash_init(&config->ifaces);
    shash_init(&config->iface_ports);

    read_ifaces(config, idl);
    read_iface_ports(config, idl);
    config_read_links(config, idl);
    return config;
}

/* At INFO: an operator's mistake is no fault of the daemon.  Each change of a
 * row's error once, which the database can't tell: what was just written to it
 * is read back only later. */
static void
log_error(const char *table, const char *name, const struct row_status *status,
          const struct row_status *old)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 60);

    if (status->state == ROW_ERROR
        && (!old || !nullable_string_is_equal(old->reason, status->reason))) {
        VLOG_INFO_RL(&rl, "%s %s: %s", table, name, status->reason);
    }
}

#define LOG_ERRORS(TABLE, MEMBER, STRUCT)                                   \
    SHASH_FOR_EACH (node, &config->MEMBER) {                                \
        const struct STRUCT *row = node->data;                              \
        const struct STRUCT *old                                            \
            = prev ? shash_find_data(&prev->MEMBER, node->name) : NULL;     \
                                                                            \
        log_error(TABLE, node->name, &row->status,                          \
                  old ? &old->status : NULL);                               \
    }

static void
log_errors(const struct config *config, const struct config *prev)
{
    const struct shash_node *node;

    LOG_ERRORS("VNIC_Link", links, link_row);
    LOG_ERRORS("VNIC", vnics, vnic_row);
    LOG_ERRORS("VNIC_Classifier", classifiers, classifier_row);
}

#undef LOG_ERRORS

void
config_complete(struct config *config, const struct ovsdb_idl *idl,
                const struct config *prev)
{
    config_read_vns(config, idl);
    config_read_vnics(config, idl);
    config_read_rings(config, prev);
    config_read_ports(config);
    config_read_fronts(config);
    config_place_vns(config, idl);
    config_assign_macs(config, prev);
    config_read_classifiers(config, idl, prev);
    log_errors(config, prev);
}

static void
vnic_rows_destroy(struct shash *rows)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, rows) {
        struct vnic_row *row = node->data;

        row_status_clear(&row->status);
        row_status_clear(&row->runtime);
        rule_list_destroy(&row->classifier);
        free(row->name);
        free(row->link);
        free(row->rings);
        free(row->addresses);
        free(row->front);
        free(row->front_type);
        free(row);
    }
    shash_destroy(rows);
}

static void
vns_rows_destroy(struct config *config)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->vns) {
        struct vns_row *row = node->data;

        row_status_clear(&row->status);
        free(row);
    }
    shash_destroy(&config->vns);
    SHASH_FOR_EACH (node, &config->vns_ports) {
        struct vns_port *port = node->data;

        free(CONST_CAST(char *, port->flow.bridge));
        free(CONST_CAST(char *, port->flow.port));
        free(port);
    }
    shash_destroy(&config->vns_ports);
}

void
config_destroy(struct config *config)
{
    struct shash_node *node;
    struct ring_row *ring;

    if (!config) {
        return;
    }
    SHASH_FOR_EACH (node, &config->links) {
        struct link_row *row = node->data;

        row_status_clear(&row->status);
        row_status_clear(&row->runtime);
        rule_list_destroy(&row->classifier);
        smap_destroy(&row->config.options);
        smap_destroy(&row->capabilities);
        free(row->name);
        free(row);
    }
    shash_destroy(&config->links);
    vnic_rows_destroy(&config->vnics);
    vnic_rows_destroy(&config->defaults);
    SHASH_FOR_EACH (node, &config->classifiers) {
        struct classifier_row *row = node->data;

        row_status_clear(&row->status);
        row_status_clear(&row->runtime);
        free(row->name);
        free(row);
    }
    shash_destroy(&config->classifiers);
    HMAP_FOR_EACH_POP (ring, node, &config->rings) {
        row_status_clear(&ring->status);
        row_status_clear(&ring->runtime);
        free(ring->port);
        free(ring);
    }
    hmap_destroy(&config->rings);
    shash_destroy(&config->ring_ports);
    vns_rows_destroy(config);
    shash_destroy(&config->ifaces);
    shash_destroy_free_data(&config->iface_ports);
    free(config);
}

static void OVS_PRINTF_FORMAT(3, 0)
row_set(struct row_status *status, enum row_state state, const char *format,
        va_list args)
{
    if (status->state == ROW_ERROR || state < status->state) {
        return;
    }
    if (status->state == state && status->reason) {
        /* Several notes on one row stand side by side. */
        char *more = xvasprintf(format, args);
        char *both = xasprintf("%s; %s", status->reason, more);

        free(more);
        free(status->reason);
        status->reason = both;
        return;
    }
    free(status->reason);
    status->state = state;
    status->reason = xvasprintf(format, args);
}

void
row_error(struct row_status *status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    row_set(status, ROW_ERROR, format, args);
    va_end(args);
}

void
row_inactive(struct row_status *status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    row_set(status, ROW_INACTIVE, format, args);
    va_end(args);
}

void
row_note(struct row_status *status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    row_set(status, ROW_ACTIVE, format, args);
    va_end(args);
}

const struct row_status *
row_effective(const struct row_status *status,
              const struct row_status *runtime)
{
    return (runtime->state > status->state
            || (runtime->state == status->state && !status->reason)
            ? runtime : status);
}

void
row_status_clear(struct row_status *status)
{
    free(status->reason);
    status->reason = NULL;
    status->state = ROW_ACTIVE;
}
