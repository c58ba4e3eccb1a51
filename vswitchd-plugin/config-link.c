/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "netdev.h"
#include "sset.h"
#include "userspace-tso.h"
#include "util.h"
#include "vswitch-idl.h"

/* Types of which a port has no device of its own to share. */
static bool
type_is_refused(const char *type)
{
    return (!strcmp(type, "internal") || !strcmp(type, "patch")
            || !strcmp(type, "vnic") || !strcmp(type, "vnic-link"));
}

static void
check_type(struct link_row *row, const struct sset *types)
{
    const char *type = row->config.type;

    if (type_is_refused(type)) {
        row_error(&row->status, "type: \"%s\" has no device to share; give "
                  "the type of a device, such as system, tap or dpdk", type);
    } else if (!strcmp(type, "dpdkvhostuser")) {
        row_error(&row->status, "type: a link on a vhost-user device is its "
                  "client; use dpdkvhostuserclient");
    } else if (!sset_contains(types, type) && !strncmp(type, "dpdk", 4)) {
        /* Its types are there only when DPDK has been initialized. */
        row_error(&row->status, "type: \"%s\" needs DPDK; set "
                  "other_config:dpdk-init to true in the Open_vSwitch table, "
                  "or change type", type);
    } else if (type[0] && !sset_contains(types, type)) {
        row_error(&row->status, "type: \"%s\" is unknown; see "
                  "iface_types in the Open_vSwitch table", type);
    }
}

/* What must be there before the device is opened: an unconfigured device of
 * class "dpdk" has no DPDK port, of which its reconfiguration takes no notice
 * and crashes, and one of the other class waits for a guest forever. */
static void
check_options(struct link_row *row)
{
    const struct smap *options = &row->config.options;
    const char *type = row->config.type;

    if (!strcmp(type, "dpdk") && !smap_get(options, "dpdk-devargs")) {
        row_error(&row->status, "options: dpdk-devargs is missing; set "
                  "options:dpdk-devargs to a device such as 0000:01:00.0");
    } else if (!strcmp(type, "dpdkvhostuserclient")
               && !smap_get(options, "vhost-server-path")) {
        row_error(&row->status, "options: vhost-server-path is missing; set "
                  "options:vhost-server-path to the guest's socket");
    }
}

static void
check_netdev(struct link_row *row, const struct config *config)
{
    const struct ovsrec_interface *iface
        = shash_find_data(&config->ifaces, row->config.netdev);

    if (iface) {
        row_error(&row->status, "netdev: \"%s\" is also an Interface; change "
                  "netdev, or remove that port", row->config.netdev);
        row->is_port = true;
    }
}

static void
check_features(struct link_row *row)
{
    const struct ovsrec_vnic_link *rec = row->rec;

    if (rec->mgmt) {
        row_error(&row->status, "mgmt: there is no Transport \"%s\"; "
                  "clear mgmt", rec->mgmt);
    }
    if (userspace_tso_enabled()) {
        row_error(&row->status, "netdev: links don't take part in TSO; set "
                  "other_config:userspace-tso-enable to false in the "
                  "Open_vSwitch table and restart the daemon");
    }
}

/* The database allows no other values. */
static enum hw_classifier
hw_classifier_from_string(const char *s)
{
    return (!s || !strcmp(s, "auto") ? HW_CLASSIFIER_AUTO
            : !strcmp(s, "off") ? HW_CLASSIFIER_OFF
            : HW_CLASSIFIER_REQUIRED);
}

static struct link_row *
link_row_create(struct config *config, const char *name)
{
    struct link_row *row = xzalloc(sizeof *row);

    row->name = xstrdup(name);
    row->config.name = row->name;
    smap_init(&row->capabilities);
    shash_add(&config->links, name, row);
    return row;
}

static void
read_link(struct config *config, const struct ovsrec_vnic_link *rec,
          const struct sset *types)
{
    struct link_row *row = link_row_create(config, rec->name);

    row->rec = rec;
    row->config.netdev = rec->netdev;
    row->config.type = rec->type;
    smap_clone(&row->config.options, &rec->options);
    row->config.n_rxq = optional_int(rec->rings, rec->n_rings, 0);
    row->config.mtu = optional_int(rec->mtu_request, rec->n_mtu_request, 0);
    row->config.hw_classifier = hw_classifier_from_string(rec->hw_classifier);

    if (!optional_bool(rec->enabled, rec->n_enabled, true)) {
        row_inactive(&row->status, "enabled: is false");
    }
    check_type(row, types);
    check_options(row);
    check_netdev(row, config);
    check_features(row);
}

static void
read_etherstub(struct config *config, const struct ovsrec_vnic *rec)
{
    struct link_row *twin = shash_find_data(&config->links, rec->name);

    if (twin) {
        row_error(&twin->status, "name: \"%s\" is also a VNIC of kind "
                  "etherstub; rename one of them", rec->name);
        return;
    }

    struct link_row *row = link_row_create(config, rec->name);

    row->is_etherstub = true;
    row->config.type = "";
    smap_init(&row->config.options);
    if (!optional_bool(rec->enabled, rec->n_enabled, true)) {
        row_inactive(&row->status, "enabled: is false");
    }
}

void
config_read_links(struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic_link *link;
    const struct ovsrec_vnic *vnic;
    struct sset types;

    sset_init(&types);
    netdev_enumerate_types(&types);
    OVSREC_VNIC_LINK_FOR_EACH (link, idl) {
        read_link(config, link, &types);
    }
    sset_destroy(&types);

    OVSREC_VNIC_FOR_EACH (vnic, idl) {
        if (vnic->kind && !strcmp(vnic->kind, "etherstub")) {
            read_etherstub(config, vnic);
        }
    }
}
