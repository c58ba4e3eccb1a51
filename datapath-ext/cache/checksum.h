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
 * a packet is repeated for every hit.  A sum fits into 64 bits as it is kept
 * in 32-bit parts: 2**32 words would have to follow for a carry to be lost.
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
    uint64_t sum = 0, word;
    uint32_t half = 0;

    for (; n >= 8; n -= 8, data += 8) {
        memcpy(&word, data, 8);
        sum += (word & UINT32_MAX) + (word >> 32);
    }
    if (n >= 4) {
        memcpy(&half, data, 4);
        sum += half;
        n -= 4;
        data += 4;
    }
    if (n) {
        half = 0;
        memcpy(&half, data, n);
        sum += half;
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
