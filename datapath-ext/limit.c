/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/limit.h"

#include "dp-packet.h"
#include "openvswitch/token-bucket.h"
#include "ovs-thread.h"
#include "packets.h"
#include "sat-math.h"
#include "util.h"

#define BITS_PER_BYTE 8

/* Two full frames, or a slow limit would never let one pass. */
#define MIN_BURST (2 * (ETH_HEADER_LEN + ETH_PAYLOAD_MAX) * BITS_PER_BYTE)

struct limit {
    struct ovs_refcount ref_cnt;
    struct ovs_mutex mutex;
    struct token_bucket bucket OVS_GUARDED; /* In bits. */
    unsigned int next OVS_GUARDED; /* Bits of the frame that waits, or 0. */
};

struct limit *
limit_create(uint64_t kbps)
{
    if (!kbps) {
        return NULL;
    }

    struct limit *limit = xzalloc(sizeof *limit);
    unsigned int rate = MIN(kbps, UINT_MAX);
    unsigned int burst = sat_mul(rate, LIMIT_BURST_MS);

    ovs_refcount_init(&limit->ref_cnt);
    ovs_mutex_init(&limit->mutex);
    ovs_mutex_lock(&limit->mutex);
    token_bucket_init(&limit->bucket, rate, MAX(burst, MIN_BURST));
    ovs_mutex_unlock(&limit->mutex);
    return limit;
}

struct limit *
limit_ref(struct limit *limit)
{
    if (limit) {
        ovs_refcount_ref(&limit->ref_cnt);
    }
    return limit;
}

void
limit_unref(struct limit *limit)
{
    if (limit && ovs_refcount_unref(&limit->ref_cnt) == 1) {
        ovs_mutex_destroy(&limit->mutex);
        free(limit);
    }
}

/* A frame longer than the burst would wait forever: it costs the burst. */
static unsigned int
cost(const struct limit *limit, const struct dp_packet *packet)
    OVS_REQUIRES(limit->mutex)
{
    return MIN(dp_packet_size(packet) * BITS_PER_BYTE, limit->bucket.burst);
}

size_t
limit_admit(struct limit *limit, struct dp_packet *const *packets, size_t n)
{
    size_t i;

    ovs_mutex_lock(&limit->mutex);
    for (i = 0; i < n; i++) {
        unsigned int bits = cost(limit, packets[i]);

        if (!token_bucket_withdraw(&limit->bucket, bits)) {
            limit->next = bits;
            break;
        }
    }
    ovs_mutex_unlock(&limit->mutex);
    return i;
}

void
limit_wait(struct limit *limit)
{
    ovs_mutex_lock(&limit->mutex);
    token_bucket_wait(&limit->bucket, limit->next);
    ovs_mutex_unlock(&limit->mutex);
}
