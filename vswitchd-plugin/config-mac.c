/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "sha1.h"
#include "util.h"
#include "vswitch-idl.h"

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
    char mac[ETH_ADDR_STRLEN + 1], ip[INET6_ADDRSTRLEN];

    snprintf(mac, sizeof mac, ETH_ADDR_FMT, ETH_ADDR_ARGS(row->config.mac));
    check_place(places, row, row->mac_mode == MAC_FACTORY ? "mac_mode" : "mac",
                mac);
    for (size_t i = 0; i < row->n_configured; i++) {
        /* One text for an address, however it is written. */
        ipv6_string_mapped(ip, &row->addresses[i]);
        check_place(places, row, "ip_addresses", ip);
    }
    if (row->status.state == ROW_ACTIVE) {
        claim_place(places, row, mac);
        for (size_t i = 0; i < row->n_configured; i++) {
            ipv6_string_mapped(ip, &row->addresses[i]);
            claim_place(places, row, ip);
        }
    }
}

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
