/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/status.h"

#include "datapath-ext/datapath-ext.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "util.h"
#include "vswitch-idl.h"
#include "vswitchd-plugin/config.h"
#include "vswitchd-plugin/stats.h"

void
status_omit_alerts(struct ovsdb_idl *idl)
{
    const struct ovsdb_idl_column *columns[] = {
        &ovsrec_vnic_link_col_capabilities,
        &ovsrec_vnic_link_col_status,
        &ovsrec_vnic_link_col_status_reason,
        &ovsrec_vnic_link_col_statistics,
        &ovsrec_vnic_col_mac_in_use,
        &ovsrec_vnic_col_status,
        &ovsrec_vnic_col_status_reason,
        &ovsrec_vnic_col_statistics,
        &ovsrec_vnic_ring_col_ofport,
        &ovsrec_vnic_ring_col_status,
        &ovsrec_vnic_ring_col_status_reason,
        &ovsrec_vnic_ring_col_statistics,
        &ovsrec_vnic_classifier_col_installed,
        &ovsrec_vnic_classifier_col_status,
        &ovsrec_vnic_classifier_col_status_reason,
        &ovsrec_vnic_classifier_col_statistics,
        &ovsrec_vns_instance_col_status,
        &ovsrec_vns_instance_col_status_reason,
        &ovsrec_vns_instance_col_statistics,
        &ovsrec_vnic_cache_col_name,
        &ovsrec_vnic_cache_col_statistics,
    };

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_idl_omit_alert(idl, columns[i]);
    }
}

const char *
status_state_to_string(int row_state)
{
    return (row_state == ROW_ACTIVE ? "active"
            : row_state == ROW_INACTIVE ? "inactive"
            : "error");
}

/* Sets the columns status and status_reason of 'REC' in 'TABLE' to STATUS. */
#define WRITE_STATUS(TABLE, REC, STATUS)                                    \
    do {                                                                    \
        const char *state__ = status_state_to_string((STATUS)->state);      \
                                                                            \
        if (!nullable_string_is_equal((REC)->status, state__)) {            \
            ovsrec_##TABLE##_set_status(REC, state__);                      \
        }                                                                   \
        if (!nullable_string_is_equal((REC)->status_reason,                 \
                                      (STATUS)->reason)) {                  \
            ovsrec_##TABLE##_set_status_reason(REC, (STATUS)->reason);      \
        }                                                                   \
    } while (0)

/* Who adds a link's device to a bridge takes it away from the VNICs, and looks
 * at the port, not at the link. */
static void
write_port_error(const struct ovsrec_vnic_link *link,
                 const struct ovsdb_idl *idl)
{
    const struct ovsrec_interface *iface;
    char *error = xasprintf("%s is the device of VNIC_Link \"%s\", which is "
                            "out of use for that; remove this port or change "
                            "the link", link->netdev, link->name);

    OVSREC_INTERFACE_FOR_EACH (iface, idl) {
        if (!strcmp(iface->name, link->netdev)
            && !nullable_string_is_equal(iface->error, error)) {
            ovsrec_interface_set_error(iface, error);
        }
    }
    free(error);
}

static void
write_links(const struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic_link *rec;

    OVSREC_VNIC_LINK_FOR_EACH (rec, idl) {
        const struct link_row *row = shash_find_data(&config->links,
                                                     rec->name);

        if (row && !row->is_etherstub) {
            WRITE_STATUS(vnic_link, rec, row_effective(&row->status,
                                                       &row->runtime));
            if (row->is_port) {
                write_port_error(rec, idl);
            }
            if (!smap_equal(&rec->capabilities, &row->capabilities)) {
                ovsrec_vnic_link_set_capabilities(rec, &row->capabilities);
            }
        }
    }
}

static void
write_rings(const struct config *config, const struct ovsrec_vnic *vnic,
            const struct shash *ifaces)
{
    for (size_t i = 0; i < vnic->n_rings; i++) {
        const struct ovsrec_vnic_ring *rec = vnic->rings[i];
        const struct ring_row *row = config_find_ring(config, rec);

        if (row) {
            const struct row_status *status = row_effective(&row->status,
                                                            &row->runtime);
            const struct ovsrec_interface *iface
                = status->state == ROW_ACTIVE
                ? shash_find_data(ifaces, row->port) : NULL;

            WRITE_STATUS(vnic_ring, rec, status);
            if (iface && iface->n_ofport) {
                ovsrec_vnic_ring_set_ofport(rec, iface->ofport, 1);
            } else if (rec->n_ofport) {
                ovsrec_vnic_ring_set_ofport(rec, NULL, 0);
            }
        }
    }
}

static void
write_mac_in_use(const struct ovsrec_vnic *rec, const struct vnic_row *row,
                 bool is_active)
{
    char mac[ETH_ADDR_STRLEN + 1];

    snprintf(mac, sizeof mac, ETH_ADDR_FMT, ETH_ADDR_ARGS(row->config.mac));

    const char *in_use = is_active && !row->is_etherstub ? mac : NULL;

    if (!nullable_string_is_equal(rec->mac_in_use, in_use)) {
        ovsrec_vnic_set_mac_in_use(rec, in_use);
    }
}

static void
write_vnics(const struct config *config, const struct ovsdb_idl *idl)
{
    struct shash ifaces = SHASH_INITIALIZER(&ifaces);
    const struct ovsrec_interface *iface;
    const struct ovsrec_vnic *rec;

    /* Only rings need them, for their ofport. */
    if (!hmap_is_empty(&config->rings)) {
        OVSREC_INTERFACE_FOR_EACH (iface, idl) {
            shash_add_once(&ifaces, iface->name, iface);
        }
    }
    OVSREC_VNIC_FOR_EACH (rec, idl) {
        const struct vnic_row *row = shash_find_data(&config->vnics,
                                                     rec->name);

        if (row && row->has_row) {
            const struct row_status *status = row_effective(&row->status,
                                                            &row->runtime);

            WRITE_STATUS(vnic, rec, status);
            write_mac_in_use(rec, row, status->state == ROW_ACTIVE);
            write_rings(config, rec, &ifaces);
        }
    }
    shash_destroy(&ifaces);
}

static void
write_classifiers(const struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic_classifier *rec;

    OVSREC_VNIC_CLASSIFIER_FOR_EACH (rec, idl) {
        const struct classifier_row *row
            = shash_find_data(&config->classifiers, rec->name);

        if (row) {
            const struct row_status *status = row_effective(&row->status,
                                                            &row->runtime);

            WRITE_STATUS(vnic_classifier, rec, status);
            if (!nullable_string_is_equal(rec->installed, row->installed)) {
                ovsrec_vnic_classifier_set_installed(rec, row->installed);
            }
        }
    }
}

static void
write_vns(const struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vns_instance *rec;

    OVSREC_VNS_INSTANCE_FOR_EACH (rec, idl) {
        const struct vns_row *row = shash_find_data(&config->vns, rec->name);

        if (row) {
            WRITE_STATUS(vns_instance, rec, &row->status);
        }
    }
}

void
status_write(const struct config *config, const struct ovsdb_idl *idl)
{
    write_links(config, idl);
    write_vnics(config, idl);
    write_classifiers(config, idl);
    write_vns(config, idl);
}

/* Statistics. */

/* The device may lack the counter. */
static void
stats_add_known(struct stats *stats, const char *key, uint64_t value)
{
    if (value != UINT64_MAX) {
        stats_add(stats, key, value);
    }
}

static void
stats_add_drops(struct stats *stats, const uint64_t drops[N_DROPS])
{
    static const char *const names[N_DROPS] = {
#define DROP(ENUM, NAME, TEXT) "drop_" NAME,
        VNIC_DROPS
#undef DROP
    };

    for (int i = 0; i < N_DROPS; i++) {
        stats_add(stats, names[i], drops[i]);
    }
}

static void
write_link_statistics(const struct ovsrec_vnic_link *rec)
{
    struct stats stats = { .n = 0 };
    struct link_info info;

    if (link_get_info(rec->name, &info)) {
        stats_add(&stats, "rx_packets", info.rx_packets);
        stats_add(&stats, "rx_bytes", info.rx_bytes);
        stats_add(&stats, "rx_flooded", info.rx_flooded);
        stats_add(&stats, "rx_unclaimed", info.rx_unclaimed);
        stats_add(&stats, "rx_marked", info.rx_marked);
        stats_add(&stats, "hw_rules", info.hw_rules);
        stats_add(&stats, "tx_packets", info.tx_packets);
        stats_add(&stats, "tx_bytes", info.tx_bytes);
        stats_add(&stats, "tx_local", info.tx_local);
        stats_add_known(&stats, "device_rx_dropped", info.device_rx_dropped);
        stats_add_known(&stats, "device_rx_errors", info.device_rx_errors);
        stats_add_known(&stats, "device_tx_dropped", info.device_tx_dropped);
        stats_add_known(&stats, "device_tx_errors", info.device_tx_errors);
        stats_add_drops(&stats, info.drops);
        link_info_destroy(&info);
    }
    ovsrec_vnic_link_set_statistics(rec, stats.keys, stats.values, stats.n);
}

static void
write_ring_statistics(const struct ring_row *row,
                      const struct ovsrec_vnic_ring *rec)
{
    struct stats stats = { .n = 0 };
    struct port_info info;

    if (row->status.state == ROW_ACTIVE && port_get_info(row->port, &info)) {
        stats_add(&stats, "packets", info.rx_packets);
        stats_add(&stats, "merged", info.merged);
        stats_add(&stats, "bytes", info.rx_bytes);
        stats_add(&stats, "polls", info.polls);
        stats_add(&stats, "fill", info.fill);
        stats_add_drops(&stats, info.drops);
    }
    ovsrec_vnic_ring_set_statistics(rec, stats.keys, stats.values, stats.n);
}

static void
write_vnic_statistics(const struct config *config,
                      const struct ovsrec_vnic *rec)
{
    struct stats stats = { .n = 0 };
    struct port_info info;

    if (vnic_get_info(rec->name, &info)) {
        stats_add(&stats, "rx_packets", info.rx_packets);
        stats_add(&stats, "rx_bytes", info.rx_bytes);
        stats_add(&stats, "tx_packets", info.tx_packets);
        stats_add(&stats, "tx_bytes", info.tx_bytes);
        stats_add(&stats, "bypassed", info.bypassed);
        stats_add(&stats, "ring_fill", info.fill);
        stats_add_drops(&stats, info.drops);
    }
    ovsrec_vnic_set_statistics(rec, stats.keys, stats.values, stats.n);

    for (size_t i = 0; i < rec->n_rings; i++) {
        const struct ring_row *row = config_find_ring(config, rec->rings[i]);

        if (row) {
            write_ring_statistics(row, rec->rings[i]);
        }
    }
}

static void
write_vns_statistics(const struct config *config,
                     const struct ovsrec_vns_instance *rec)
{
    const struct vns_row *row = shash_find_data(&config->vns, rec->name);
    struct stats stats = { .n = 0 };

    if (row) {
        stats_add(&stats, "rings", row->n_rings);
    }
    ovsrec_vns_instance_set_statistics(rec, stats.keys, stats.values,
                                       stats.n);
}

static void
write_rule_statistics(const struct ovsrec_vnic_classifier *rec)
{
    struct stats stats = { .n = 0 };
    struct rule_info info;

    if (rec->link ? link_get_rule_info(rec->link, rec->name, &info)
        : rec->vnic && vnic_get_rule_info(rec->vnic, rec->name, &info)) {
        stats_add(&stats, "packets", info.packets);
        stats_add(&stats, "bytes", info.bytes);
        free(info.reason);
    }
    ovsrec_vnic_classifier_set_statistics(rec, stats.keys, stats.values,
                                          stats.n);
}

void
status_write_statistics(const struct config *config,
                        const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic_classifier *rule;
    const struct ovsrec_vnic_link *link;
    const struct ovsrec_vns_instance *vns;
    const struct ovsrec_vnic *vnic;

    OVSREC_VNIC_LINK_FOR_EACH (link, idl) {
        write_link_statistics(link);
    }
    OVSREC_VNIC_FOR_EACH (vnic, idl) {
        write_vnic_statistics(config, vnic);
    }
    OVSREC_VNIC_CLASSIFIER_FOR_EACH (rule, idl) {
        write_rule_statistics(rule);
    }
    OVSREC_VNS_INSTANCE_FOR_EACH (vns, idl) {
        write_vns_statistics(config, vns);
    }
}
