/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_INPUT_H
#define VNIC_INPUT_H 1

/* Input functions
 * ===============
 *
 * What: dpif-netdev's list of functions that take what its threads receive,
 * which 'dpif-netdev/dpif-impl-get' shows and 'dpif-impl-set' chooses from:
 * Open vSwitch's own, and dpif_vnic, the pipeline cache.  input-seam.c defines
 * the three functions of lib/dpif-netdev-private-dpif.h, so that the archive's
 * object stays out.
 *
 * Data flow: frames that were received for several rings come at once
 * (handover.h), through whichever function is chosen.  dpif_vnic takes them as
 * mixed batches; others get a batch for each ring.
 *
 * Units: none.
 *
 * Ownership: none.
 *
 * Thread-safety: input_choose() is for the main thread, all else for any.
 *
 * Errors: none.
 *
 * Source: lib/dpif-netdev-private-dpif.c, whose messages are kept. */

#include <stdbool.h>

/* Returns false if there is none of this name, or the CPU lacks what it
 * needs. */
bool input_choose(const char *name);
/* Is dpif_vnic chosen? */
bool input_is_cache(void);

#endif /* datapath-ext/input.h */
