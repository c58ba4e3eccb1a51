/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_CACHE_UNIXCTL_H
#define VNIC_CACHE_UNIXCTL_H 1

/* Commands about the pipeline cache
 * =================================
 *
 * What: vnic/cache-show, the caches of all threads: hits, misses and what else
 * happened, each by its reason; and vnic/cache-explain, the entries of a flow
 * with the stages that they stand for, and the OpenFlow rules of each.
 *
 * Data flow: datapath-ext/cache-info.h, and for a stage's rules
 * ofproto-ext/ofproto-ext.h --> the reply.
 *
 * Thread-safety: main thread only.
 *
 * Errors: in the reply. */

void cache_unixctl_init(void);

#endif /* vswitchd-plugin/cache-unixctl.h */
