/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/vnic-config.h"

#include "datapath-ext/datapath-ext.h"
#include "packets.h"
#include "util.h"

static void *
copy_array(const void *array, size_t n, size_t size)
{
    return n ? xmemdup(array, n * size) : NULL;
}

void
vnic_config_copy(struct vnic_config *dst, const struct vnic_config *src)
{
    *dst = *src;
    dst->name = xstrdup(src->name);
    dst->link = nullable_xstrdup(src->link);
    dst->front = nullable_xstrdup(src->front);
    dst->front_type = nullable_xstrdup(src->front_type);
    dst->error = nullable_xstrdup(src->error);
    dst->rings = copy_array(src->rings, src->n_rings, sizeof *src->rings);
    dst->rules = rule_configs_copy(src->rules, src->n_rules);
    dst->addresses = copy_array(src->addresses, src->n_addresses,
                                sizeof *src->addresses);
}

void
vnic_config_destroy(struct vnic_config *config)
{
    free(CONST_CAST(char *, config->name));
    free(CONST_CAST(char *, config->link));
    free(CONST_CAST(char *, config->front));
    free(CONST_CAST(char *, config->front_type));
    free(CONST_CAST(char *, config->error));
    free(CONST_CAST(struct ring_config *, config->rings));
    rule_configs_free(config->rules, config->n_rules);
    free(CONST_CAST(struct in6_addr *, config->addresses));
}

static bool
ring_config_equal(const struct ring_config *a, const struct ring_config *b)
{
    return (a->id == b->id
            && a->role == b->role
            && a->depth == b->depth
            && a->weight == b->weight
            && a->is_strict == b->is_strict
            && a->is_busy == b->is_busy
            && a->lro == b->lro
            && a->is_required == b->is_required);
}

static bool
rings_equal(const struct vnic_config *a, const struct vnic_config *b)
{
    if (a->n_rings != b->n_rings || !ring_config_equal(&a->ring, &b->ring)) {
        return false;
    }
    for (size_t i = 0; i < a->n_rings; i++) {
        if (!ring_config_equal(&a->rings[i], &b->rings[i])) {
            return false;
        }
    }
    return true;
}

bool
vnic_config_equal(const struct vnic_config *a, const struct vnic_config *b)
{
    return (nullable_string_is_equal(a->link, b->link)
            && nullable_string_is_equal(a->front, b->front)
            && nullable_string_is_equal(a->front_type, b->front_type)
            && nullable_string_is_equal(a->error, b->error)
            && a->is_default == b->is_default
            && eth_addr_equals(a->mac, b->mac)
            && a->vlan == b->vlan
            && a->maxbw_kbps == b->maxbw_kbps
            && a->learns == b->learns
            && a->priority == b->priority
            && rings_equal(a, b)
            && rule_configs_equal(a->rules, a->n_rules, b->rules, b->n_rules)
            && a->n_addresses == b->n_addresses
            && (!a->n_addresses
                || !memcmp(a->addresses, b->addresses,
                           a->n_addresses * sizeof *a->addresses)));
}

const struct ring_config *
vnic_config_find_ring(const struct vnic_config *config, int id)
{
    for (size_t i = 0; i < config->n_rings; i++) {
        if (config->rings[i].id == id) {
            return &config->rings[i];
        }
    }
    return NULL;
}
