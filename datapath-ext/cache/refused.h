/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_REFUSED_H
#define CACHE_REFUSED_H 1

/* Refused
 * =======
 *
 * What: the last keys that were recorded and not kept, with the reason, for
 * who asks why a flow has no entry.  A flow that is refused is recorded again
 * a second later (seen.h), so that this has it as long as it lives, unless
 * more than REFUSED_MAX do.
 *
 * Rejected: the reason in seen.h, which has 16 bits of a key, so that it could
 * name a flow that it doesn't know.
 *
 * Data flow: learn.c: refused --refused_note()--> explain.c
 *
 * Units: keys.
 *
 * Ownership: part of a cache.
 *
 * Thread-safety: one thread.
 *
 * Errors: none. */

#include <stdint.h>

#include "datapath-ext/cache/key.h"

#define REFUSED_MAX 64

struct refused_note {
    struct key key;
    uint8_t why;                /* enum cache_refusal; 0 if unused. */
};

struct refused {
    struct refused_note notes[REFUSED_MAX];
    uint32_t next;
};

static inline void
refused_note(struct refused *refused, const struct key *key, uint8_t why)
{
    struct refused_note *note
        = &refused->notes[refused->next++ % REFUSED_MAX];

    note->key = *key;
    note->why = why;
}

#endif /* datapath-ext/cache/refused.h */
