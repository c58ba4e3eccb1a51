/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "openvswitch/dynamic-string.h"
#include "datapath-ext/datapath-ext.h"
#include "packets.h"
#include "sha1.h"
#include "util.h"
#include "vswitch-idl.h"

struct vnic_row *
vnic_row_create(struct shash *rows, const char *name)
{
    struct vnic_row *row = xzalloc(sizeof *row);

    row->name = xstrdup(name);
    row->config.name = row->name;
    row->config.ring.id = -1;
    row->config.ring.depth = RING_DEPTH_DEFAULT;
    row->config.ring.weight = SERVICE_WEIGHT_DEFAULT;
    row->config.priority = VNIC_PRIORITY_MEDIUM;
    row->mac_mode = MAC_AUTO;
    shash_add(rows, name, row);
    return row;
}

/* Columns that rows and options have in common. */

void
vnic_row_set_link(struct vnic_row *row, const struct config *config,
                  const char *name)
{
    const struct link_row *link = shash_find_data(&config->links, name);

    row->link = xstrdup(name);
    row->config.link = row->link;
    if (!link) {
        row_error(&row->status, "link: there is no VNIC_Link \"%s\"; create "
                  "it with ovs-vsctl add-vnic-link %s netdev=DEVICE, or "
                  "change link", name, name);
    } else if (link->status.state == ROW_ERROR) {
        row_error(&row->status, "link: VNIC_Link \"%s\" has an error; see "
                  "its status_reason", name);
    } else if (link->status.state == ROW_INACTIVE) {
        row_inactive(&row->status, "link: \"%s\" is not enabled", name);
    }
}

void
vnic_row_set_mac(struct vnic_row *row, const char *s)
{
    if (!eth_addr_from_string(s, &row->config.mac)) {
        row_error(&row->status, "mac: \"%s\" is no MAC address; write it as "
                  "xx:xx:xx:xx:xx:xx", s);
    } else if (eth_addr_is_zero(row->config.mac)) {
        row_error(&row->status, "mac: the zero address can't be used; choose "
                  "another or clear mac");
    } else if (eth_addr_is_multicast(row->config.mac)) {
        row_error(&row->status, "mac: \"%s\" is a group address; choose one "
                  "with an even first byte", s);
    }
}

/* Rows. */

static enum mac_mode
parse_mac_mode(const char *s)
{
    return (!s || !strcmp(s, "auto") ? MAC_AUTO
            : !strcmp(s, "static") ? MAC_STATIC
            : !strcmp(s, "factory") ? MAC_FACTORY
            : MAC_RANDOM);
}

static void
read_mac(struct vnic_row *row)
{
    const struct ovsrec_vnic *rec = row->rec;

    row->mac_mode = parse_mac_mode(rec->mac_mode);
    if (rec->mac) {
        vnic_row_set_mac(row, rec->mac);
        if (row->mac_mode == MAC_FACTORY || row->mac_mode == MAC_RANDOM) {
            row_error(&row->status, "mac: must be empty with mac_mode %s; "
                      "clear it or set mac_mode to static", rec->mac_mode);
        }
    } else if (row->mac_mode == MAC_STATIC) {
        row_error(&row->status, "mac: must be set with mac_mode static; set "
                  "it or set mac_mode to auto");
    }
}

static bool
is_host_ip4(ovs_be32 ip)
{
    return ip && !ip_is_multicast(ip) && ip != OVS_BE32_MAX;
}

/* Parses a unicast address. */
static bool
parse_host_ip(const char *s, struct in6_addr *ip)
{
    ovs_be32 ip4;

    if (ip_parse(s, &ip4)) {
        in6_addr_set_mapped_ipv4(ip, ip4);
        return is_host_ip4(ip4);
    }
    if (!ipv6_parse(s, ip)) {
        return false;
    }
    ip4 = in6_addr_get_mapped_ipv4(ip);
    return IN6_IS_ADDR_V4MAPPED(ip) ? is_host_ip4(ip4)
           : ipv6_addr_is_set(ip) && !ipv6_addr_is_multicast(ip);
}

static bool
has_address(const struct vnic_row *row, size_t n, const struct in6_addr *ip)
{
    for (size_t i = 0; i < n; i++) {
        if (ipv6_addr_equals(&row->addresses[i], ip)) {
            return true;
        }
    }
    return false;
}

static void
read_ips(struct vnic_row *row)
{
    const struct ovsrec_vnic *rec = row->rec;
    size_t n = 0;

    row->addresses = xmalloc(rec->n_ip_addresses * sizeof *row->addresses);
    for (size_t i = 0; i < rec->n_ip_addresses; i++) {
        struct in6_addr ip;

        if (!parse_host_ip(rec->ip_addresses[i], &ip)) {
            row_error(&row->status, "ip_addresses: \"%s\" is no unicast IP "
                      "address; remove it", rec->ip_addresses[i]);
        } else if (!has_address(row, n, &ip)) {
            /* The database keeps just equal strings apart. */
            row->addresses[n++] = ip;
        }
    }
    row->config.addresses = row->addresses;
    row->config.n_addresses = row->n_configured = n;
}

static enum vnic_priority
parse_priority(const char *s)
{
    return (!s || !strcmp(s, "medium") ? VNIC_PRIORITY_MEDIUM
            : !strcmp(s, "low") ? VNIC_PRIORITY_LOW
            : VNIC_PRIORITY_HIGH);
}

static void
read_parent(struct vnic_row *row, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic *parent;

    if (!row->rec->parent) {
        return;
    }
    OVSREC_VNIC_FOR_EACH (parent, idl) {
        if (!strcmp(parent->name, row->rec->parent)
            && parent != row->rec
            && parent->kind && !strcmp(parent->kind, "intermediate")
            && nullable_string_is_equal(parent->link, row->rec->link)) {
            return;
        }
    }
    row_error(&row->status, "parent: \"%s\" is no VNIC of kind intermediate "
              "on the same link; create it or clear parent",
              row->rec->parent);
}

static void
read_vns(struct vnic_row *row, const struct config *config)
{
    if (row->rec->vns) {
        row->vns = config_find_vns(config, row->rec->vns, &row->status);
        row->default_vns = row->vns;
        row->is_closed = !row->vns;
    }
}

/* Columns whose system this version doesn't have: those that a tenant's
 * isolation hangs on are errors, for to ignore them would be to fail open;
 * the others are said to have no effect. */
static void
note_unserved(struct vnic_row *row)
{
    const struct ovsrec_vnic *rec = row->rec;

    if (rec->profile) {
        row_error(&row->status, "profile: there is no profile \"%s\"; "
                  "clear profile", rec->profile);
    }
}

static void
check_etherstub(struct vnic_row *row, const struct config *config)
{
    const struct ovsrec_vnic *rec = row->rec;
    const char *extra = (rec->link ? "link"
                         : rec->mac ? "mac"
                         : rec->mac_mode ? "mac_mode"
                         : rec->parent ? "parent"
                         : rec->n_vlan ? "vlan"
                         : rec->vns ? "vns"
                         : NULL);
    const struct link_row *link = shash_find_data(&config->links, row->name);

    if (extra) {
        row_error(&row->status, "%s: must be empty with kind etherstub; "
                  "clear it", extra);
    }
    if (link && link->rec) {
        row_error(&row->status, "name: \"%s\" is also a VNIC_Link; rename "
                  "one of them", row->name);
    }
}

static void
check_iface(struct vnic_row *row, struct config *config)
{
    const struct ovsrec_interface *iface
        = shash_find_data(&config->ifaces, row->name);

    if (!iface) {
        return;
    }
    if (strcmp(iface->type, "vnic")) {
        row_error(&row->status, "name: Interface \"%s\" is of type \"%s\"; "
                  "set that to vnic or rename the VNIC", row->name,
                  iface->type);
    } else {
        row->has_iface = true;
    }
}

static void
read_vnic(struct config *config, const struct ovsrec_vnic *rec,
          const struct ovsdb_idl *idl)
{
    struct vnic_row *row = vnic_row_create(&config->vnics, rec->name);

    row->rec = rec;
    row->has_row = true;
    row->is_etherstub = rec->kind && !strcmp(rec->kind, "etherstub");
    if (!optional_bool(rec->enabled, rec->n_enabled, true)) {
        row_inactive(&row->status, "enabled: is false");
    }
    if (row->is_etherstub) {
        check_etherstub(row, config);
        return;
    }

    row->config.vlan = optional_int(rec->vlan, rec->n_vlan, 0);
    row->config.maxbw_kbps = optional_int(rec->maxbw_kbps, rec->n_maxbw_kbps,
                                          0);
    row->config.priority = parse_priority(rec->priority);
    row->config.learns = optional_bool(rec->local_learn, rec->n_local_learn,
                                       false);
    row->netns = rec->netns;
    read_mac(row);
    read_ips(row);
    read_parent(row, idl);
    if (rec->link) {
        vnic_row_set_link(row, config, rec->link);
    } else {
        row_error(&row->status, "link: must be set; name a VNIC_Link");
    }
    check_iface(row, config);
    read_vns(row, config);
    note_unserved(row);
}

void
config_read_vnics(struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic *rec;

    OVSREC_VNIC_FOR_EACH (rec, idl) {
        read_vnic(config, rec, idl);
    }
}
