/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_CHECKSUM_H
#define CACHE_CHECKSUM_H 1

/* Checksum
 * ========
 *
 * What: sums of 16-bit words in ones' complement, in the order of bytes that
 * they have in memory (RFC 1071, 2(B)), and differences of them (RFC 1624).
 *
 * lib/csum.h takes a word at a time; here it is four, for conntrack's check of
 * a packet is repeated for every hit.  A sum is kept in 32-bit parts, so that
 * sums can be added.  Each piece of the rest has a constant size, for a
 * memcpy() that varies is a call.
 *
 * Data flow: key.c verifies, rewrite.c adjusts.
 *
 * Units: bytes for lengths.
 *
 * Ownership: none.
 *
 * Thread-safety: any thread.
 *
 * Errors: none. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
checksum_sum(const void *data_, size_t n)
{
    const uint8_t *data = data_;
    uint64_t sum = 0, carries = 0, word;
    uint32_t half;
    uint16_t quarter;

    for (; n >= 8; n -= 8, data += 8) {
        memcpy(&word, data, 8);
        carries += __builtin_add_overflow(sum, word, &sum);
    }
    sum = (sum & UINT32_MAX) + (sum >> 32) + carries;
    if (n & 4) {
        memcpy(&half, data, 4);
        sum += half;
        data += 4;
    }
    if (n & 2) {
        memcpy(&quarter, data, 2);
        sum += quarter;
        data += 2;
    }
    if (n & 1) {
        quarter = 0;
        memcpy(&quarter, data, 1);
        sum += quarter;
    }
    return sum;
}

/* To 16 bits: 0 only if 'sum' is. */
static inline uint16_t
checksum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

/* The sum that makes 'new' of 'old', 'n' bytes (an even number); 0 if they
 * are equal, and only then. */
static inline uint64_t
checksum_difference(const void *old_, const void *new_, size_t n)
{
    const uint8_t *old = old_, *new = new_;
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i += 2) {
        uint16_t a, b;

        memcpy(&a, old + i, 2);
        memcpy(&b, new + i, 2);
        if (a != b) {
            sum += (uint16_t) ~a + b;
        }
    }
    return sum;
}

/* The checksum 'old' after a change by 'difference', which is not 0. */
static inline uint16_t
checksum_adjust(uint16_t old, uint16_t difference)
{
    uint32_t sum = (uint16_t) ~old + difference;

    return ~((sum & 0xffff) + (sum >> 16));
}

#endif /* datapath-ext/cache/checksum.h */
