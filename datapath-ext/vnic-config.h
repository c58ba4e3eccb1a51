/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_VNIC_CONFIG_H
#define VNIC_VNIC_CONFIG_H 1

/* Copies of a VNIC's configuration
 * ================================
 *
 * What: copying, comparing and freeing struct vnic_config of datapath-ext.h.
 *
 * Data flow: the plugin's structs --vnic_config_copy()--> struct vnic.
 *
 * Ownership: a copy owns all that it points to.
 *
 * Thread-safety: the caller's.
 *
 * Errors: none. */

#include <stdbool.h>

struct ring_config;
struct vnic_config;

/* 'dst' is uninitialized or destroyed. */
void vnic_config_copy(struct vnic_config *dst, const struct vnic_config *src);
void vnic_config_destroy(struct vnic_config *);
bool vnic_config_equal(const struct vnic_config *, const struct vnic_config *);

/* The ring of that number among all but the default one, or NULL. */
const struct ring_config *vnic_config_find_ring(const struct vnic_config *,
                                                int id);

#endif /* datapath-ext/vnic-config.h */
