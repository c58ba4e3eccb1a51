/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_APPLY_H
#define VNIC_APPLY_H 1

/* Application
 * ===========
 *
 * What: the only file that knows both the configuration and what it is
 * applied to.  It calls, and writes what came of it into the rows' status.
 *
 * Data flow: see config.h.  apply_links(), apply_vns() and apply_vnics() run
 * before the bridges change their ports, apply_refresh() after it.
 *
 * Thread-safety: main thread only.
 *
 * Errors: in the rows. */

struct config;
struct local_learn;

/* Only what differs from 'prev', which may be NULL, so that a choice made by
 * 'dpif-netdev/dpif-impl-set' lasts until another is configured. */
void apply_cache(const struct config *, const struct config *prev);
void apply_links(struct config *);
/* Before apply_vnics(), so that no VNIC receives without its flow. */
void apply_vns(struct config *);
/* Adds the addresses that the guests' namespaces tell. */
void apply_local_learn(struct config *, struct local_learn *);
void apply_vnics(struct config *);
/* Stops VNICs whose flow can't be added, starts those whose flow now is. */
void apply_vns_errors(struct config *);
void apply_refresh(struct config *);

#endif /* vswitchd-plugin/apply.h */
