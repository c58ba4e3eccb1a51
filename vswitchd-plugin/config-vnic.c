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

static struct vnic_row *
vnic_row_create(struct shash *rows, const char *name)
{
    struct vnic_row *row = xzalloc(sizeof *row);

    row->name = xstrdup(name);
    row->config.name = row->name;
    row->config.depth = RING_DEPTH_DEFAULT;
    row->mac_mode = MAC_AUTO;
    shash_add(rows, name, row);
    return row;
}

/* Columns that rows and options have in common. */

static void
set_link(struct vnic_row *row, const struct config *config, const char *name)
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

static void
set_mac(struct vnic_row *row, const char *s)
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
        set_mac(row, rec->mac);
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
ip_is_host(const char *s)
{
    struct in6_addr ip6;
    ovs_be32 ip4;

    if (ip_parse(s, &ip4)) {
        return ip4 && !ip_is_multicast(ip4) && ip4 != OVS_BE32_MAX;
    }
    return (ipv6_parse(s, &ip6) && ipv6_addr_is_set(&ip6)
            && !ipv6_addr_is_multicast(&ip6));
}

static void
read_ips(struct vnic_row *row)
{
    const struct ovsrec_vnic *rec = row->rec;

    for (size_t i = 0; i < rec->n_ip_addresses; i++) {
        if (!ip_is_host(rec->ip_addresses[i])) {
            row_error(&row->status, "ip_addresses: \"%s\" is no unicast IP "
                      "address; remove it", rec->ip_addresses[i]);
        }
    }
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

/* Columns whose system this version doesn't have: those that a tenant's
 * isolation hangs on are errors, for to ignore them would be to fail open;
 * the others are said to have no effect. */
static void
note_unserved(struct vnic_row *row)
{
    const struct ovsrec_vnic *rec = row->rec;

    if (rec->vns) {
        row_error(&row->status, "vns: there is no VNS instance \"%s\"; "
                  "clear vns", rec->vns);
    }
    if (rec->profile) {
        row_error(&row->status, "profile: there is no profile \"%s\"; "
                  "clear profile", rec->profile);
    }
    if (rec->n_maxbw_kbps) {
        row_note(&row->status, "maxbw_kbps: not enforced by this version");
    }
    if (rec->priority && strcmp(rec->priority, "medium")) {
        row_note(&row->status, "priority: this version serves all alike");
    }
    if (optional_bool(rec->bypass, rec->n_bypass, false)) {
        row_note(&row->status, "bypass: this version never bypasses");
    }
    if (rec->n_ip_addresses
        || optional_bool(rec->local_learn, rec->n_local_learn, false)) {
        row_note(&row->status, "%s: this version has no local rings",
                 rec->n_ip_addresses ? "ip_addresses" : "local_learn");
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
    read_mac(row);
    read_ips(row);
    read_parent(row, idl);
    if (rec->link) {
        set_link(row, config, rec->link);
    } else {
        row_error(&row->status, "link: must be set; name a VNIC_Link");
    }
    check_iface(row, config);
    note_unserved(row);
}

/* Interfaces without a row. */

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
        set_link(row, config, link);
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
        set_mac(row, mac);
    }
    read_vlan_option(row);
}

static void
read_ports(struct config *config)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->ifaces) {
        const struct ovsrec_interface *iface = node->data;

        if (!strcmp(iface->type, "vnic-link")
            || (!strcmp(iface->type, "vnic")
                && !shash_find(&config->vnics, iface->name))) {
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
config_read_vnics(struct config *config, const struct ovsdb_idl *idl)
{
    const struct ovsrec_vnic *rec;

    OVSREC_VNIC_FOR_EACH (rec, idl) {
        read_vnic(config, rec, idl);
    }
    read_ports(config);
    check_defaults(config);
}

/* MAC addresses. */

/* The same address for the same names, on every host and after every
 * restart, locally administered and unicast. */
static struct eth_addr
derive_mac(const struct vnic_row *row)
{
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct eth_addr mac;
    struct sha1_ctx ctx;

    sha1_init(&ctx);
    sha1_update(&ctx, row->link, strlen(row->link) + 1);
    sha1_update(&ctx, row->name, strlen(row->name));
    sha1_final(&ctx, digest);
    memcpy(&mac, digest, sizeof mac);
    mac.ea[0] = (mac.ea[0] & ~1) | 2;
    return mac;
}

static void
assign_factory_mac(struct vnic_row *row, const struct vnic_row *prev)
{
    struct link_info info;

    if (link_get_info(row->link, &info)) {
        row->config.mac = info.mac;
        link_info_destroy(&info);
    }
    if (!eth_addr_is_zero(row->config.mac)) {
        return;
    }
    if (row->status.state == ROW_ACTIVE) {
        row_error(&row->status, "mac_mode: link \"%s\" has no factory "
                  "address; set mac_mode to auto", row->link);
    } else if (prev) {
        /* The link is closed; it will be the same one. */
        row->config.mac = prev->config.mac;
    }
}

/* Also for rows that are not in use now: a random address outlives that, and
 * so does the right to an address. */
static void
assign_mac(struct vnic_row *row, const struct vnic_row *prev)
{
    if (!eth_addr_is_zero(row->config.mac) || !row->link) {
        return;
    }
    switch (row->mac_mode) {
    case MAC_STATIC:
    case MAC_AUTO:
        row->config.mac = derive_mac(row);
        break;
    case MAC_FACTORY:
        assign_factory_mac(row, prev);
        break;
    case MAC_RANDOM:
        if (prev && prev->mac_mode == MAC_RANDOM) {
            row->config.mac = prev->config.mac;
        } else {
            eth_addr_random(&row->config.mac);
        }
        break;
    }
}

static char *
place_key(const struct vnic_row *row, const char *address)
{
    return xasprintf("%s %"PRIu16" %s", row->link, row->config.vlan,
                     address);
}

/* Finds out whether another VNIC of the link and VLAN owns 'address'. */
static void
check_place(const struct shash *places, struct vnic_row *row,
            const char *column, const char *address)
{
    char *key = place_key(row, address);
    const struct vnic_row *owner = shash_find_data(places, key);

    if (owner && owner != row) {
        row_error(&row->status, "%s: %s on link \"%s\", VLAN %"PRIu16", "
                  "belongs to VNIC \"%s\"; change one of them", column,
                  address, row->link, row->config.vlan, owner->name);
    }
    free(key);
}

static void
claim_place(struct shash *places, struct vnic_row *row, const char *address)
{
    char *key = place_key(row, address);

    shash_add_once(places, key, row);
    free(key);
}

/* Makes 'row' the owner of all its addresses, or of none. */
static void
claim_places(struct shash *places, struct vnic_row *row)
{
    size_t n_ips = row->rec ? row->rec->n_ip_addresses : 0;
    char mac[ETH_ADDR_STRLEN + 1];

    snprintf(mac, sizeof mac, ETH_ADDR_FMT, ETH_ADDR_ARGS(row->config.mac));
    check_place(places, row, row->mac_mode == MAC_FACTORY ? "mac_mode" : "mac",
                mac);
    for (size_t i = 0; i < n_ips; i++) {
        check_place(places, row, "ip_addresses", row->rec->ip_addresses[i]);
    }
    if (row->status.state == ROW_ACTIVE) {
        claim_place(places, row, mac);
        for (size_t i = 0; i < n_ips; i++) {
            claim_place(places, row, row->rec->ip_addresses[i]);
        }
    }
}

/* How strong the claim of 'row' to its address is: the highest goes first. */
enum precedence { NEWCOMER, HOLDER, HOLDER_IN_USE, N_PRECEDENCES };

static enum precedence
precedence(const struct vnic_row *row, const struct config *prev)
{
    const struct vnic_row *old = prev ? shash_find_data(&prev->vnics,
                                                        row->name) : NULL;

    if (!prev) {
        /* The daemon's first look: the database still knows who had which
         * address when the daemon before it ended. */
        struct eth_addr mac;

        return (row->rec && row->rec->mac_in_use
                && eth_addr_from_string(row->rec->mac_in_use, &mac)
                && eth_addr_equals(mac, row->config.mac)
                ? HOLDER : NEWCOMER);
    }
    if (!old || !old->is_holder || strcmp(old->link, row->link)
        || old->config.vlan != row->config.vlan
        || !eth_addr_equals(old->config.mac, row->config.mac)) {
        return NEWCOMER;
    }
    return old->status.state == ROW_ACTIVE ? HOLDER_IN_USE : HOLDER;
}

static void
claim_all(struct config *config, const struct config *prev,
          const struct shash_node **sorted)
{
    struct shash places = SHASH_INITIALIZER(&places);
    size_t n = shash_count(&config->vnics);

    for (int turn = N_PRECEDENCES - 1; turn >= 0; turn--) {
        for (size_t i = 0; i < n; i++) {
            struct vnic_row *row = sorted[i]->data;

            if (!row->is_etherstub && row->link
                && precedence(row, prev) == turn) {
                if (row->status.state == ROW_ACTIVE) {
                    claim_places(&places, row);
                    row->is_holder = row->status.state == ROW_ACTIVE;
                } else {
                    row->is_holder = turn > NEWCOMER;
                }
            }
        }
    }
    shash_destroy(&places);
}

void
config_assign_macs(struct config *config, const struct config *prev)
{
    const struct shash_node **sorted = shash_sort(&config->vnics);

    for (size_t i = 0; i < shash_count(&config->vnics); i++) {
        struct vnic_row *row = sorted[i]->data;

        if (!row->is_etherstub) {
            assign_mac(row, prev ? shash_find_data(&prev->vnics, row->name)
                                 : NULL);
        }
    }
    claim_all(config, prev, sorted);
    free(sorted);
}
