/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_LIMIT_H
#define VNIC_LIMIT_H 1

/* Bandwidth limit
 * ===============
 *
 * What: what VNIC.maxbw_kbps allows in one direction.  Frames wait in a ring
 * until the limit admits them, and are dropped when that ring is full, so a
 * sender that adapts, such as TCP, is shaped rather than policed.
 *
 * Data flow: ring_get() --limit_admit()--> how many frames may leave now.
 * The receive rings of one VNIC share a limit, and so do its ports' sends.
 *
 * Units: kbit/s on the command line, which is bits per millisecond in the
 * token bucket.  A frame counts with its Ethernet header and without frame
 * check sequence, preamble and gap.  A limit lets LIMIT_BURST_MS worth of
 * bits through at once, and two frames of 1,514 bytes at least.  A frame that
 * is longer than that, such as one of many TCP segments, passes when the
 * bucket is full, and what it costs beyond that is owed: so the rate holds
 * for frames of any length.
 *
 * Ownership: reference counted; each ring that uses a limit has a reference.
 *
 * Thread-safety: any thread.  The rings of a VNIC may be polled by different
 * threads, hence the mutex, which a VNIC without a limit never sees.
 *
 * Errors: none.
 *
 * Rejected: OVS's lib/token-bucket.h, whose tokens can't be owed, and which
 * lets twice the burst pass after a pause, for it looks at the clock only when
 * it has run out of tokens.
 *
 * Source: token buckets as in RFC 2697; dladm(1M) "maxbw". */

#include <stddef.h>
#include <stdint.h>

struct dp_packet;
struct limit;

#define LIMIT_BURST_MS 10

/* Returns NULL, which is no limit, for 0 'kbps'. */
struct limit *limit_create(uint64_t kbps);
struct limit *limit_ref(struct limit *);
void limit_unref(struct limit *);

/* Returns how many of the first packets may pass, and counts them. */
size_t limit_admit(struct limit *, struct dp_packet *const *packets,
                   size_t n);

/* Wakes up the poll loop when the next frame may pass. */
void limit_wait(struct limit *);

#endif /* datapath-ext/limit.h */
