/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "util.h"
#include "vswitch-idl.h"

/* Interfaces of type vnic without a row, and of type vnic-link. */

static void
read_vlan_option(struct vnic_row *row)
{
    const char *s = smap_get(&row->iface->options, "vlan");
    unsigned int vlan;

    if (!s) {
        return;
    }
    if (!str_to_uint(s, 10, &vlan) || vlan > 4094) {
        row_error(&row->status, "options:vlan: \"%s\" is not 0 to 4094", s);
    } else {
        row->config.vlan = vlan;
    }
}

static void
read_options(struct config *config, const struct ovsrec_interface *iface)
{
    bool is_default = !strcmp(iface->type, "vnic-link");
    struct vnic_row *row = vnic_row_create(
        is_default ? &config->defaults : &config->vnics, iface->name);
    const char *link = smap_get(&iface->options, "link");
    const char *mac = smap_get(&iface->options, "mac");

    row->iface = iface;
    row->has_iface = true;
    row->config.is_default = is_default;
    if (link) {
        vnic_row_set_link(row, config, link);
    } else {
        row_error(&row->status, "options:link: must be set%s; name a "
                  "VNIC_Link", is_default ? "" : ", or a VNIC of the "
                  "interface's name be created");
    }
    if (is_default) {
        if (mac || smap_get(&iface->options, "vlan")) {
            row_error(&row->status, "options:%s: a default port has none; "
                      "remove it", mac ? "mac" : "vlan");
        }
        return;
    }
    if (mac) {
        vnic_row_set_mac(row, mac);
    }
    read_vlan_option(row);
}

static bool
is_lone_vnic(const struct config *config, const struct ovsrec_interface *iface)
{
    return (!strcmp(iface->type, "vnic")
            && !shash_find(&config->vnics, iface->name)
            && !shash_find(&config->ring_ports, iface->name));
}

static void
read_ports(struct config *config)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->ifaces) {
        const struct ovsrec_interface *iface = node->data;

        if (!strcmp(iface->type, "vnic-link")
            || is_lone_vnic(config, iface)) {
            read_options(config, iface);
        }
    }
}

/* All but the first, by name, of several default ports of a link. */
static void
check_defaults(struct config *config)
{
    const struct shash_node **sorted = shash_sort(&config->defaults);
    struct shash by_link = SHASH_INITIALIZER(&by_link);

    for (size_t i = 0; i < shash_count(&config->defaults); i++) {
        struct vnic_row *row = sorted[i]->data;
        const struct vnic_row *first
            = row->link ? shash_find_data(&by_link, row->link) : NULL;

        if (first) {
            row_error(&row->status, "options:link: \"%s\" has the default "
                      "port \"%s\"; remove one of them", row->link,
                      first->name);
        } else if (row->link) {
            shash_add(&by_link, row->link, row);
        }
    }
    shash_destroy(&by_link);
    free(sorted);
}

void
config_read_ports(struct config *config)
{
    read_ports(config);
    check_defaults(config);
}
