/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef PROBE_SEAM_H
#define PROBE_SEAM_H 1

/* Counts the hash probes of Open vSwitch's classifier: the linker's --wrap
 * leads its calls of cmap_find(), one for each subtable that it looks into,
 * past a counter. */

#include <stdint.h>

/* Since the program's start, in all threads. */
uint64_t probe_count(void);

#endif /* tests/probe-seam.h */
