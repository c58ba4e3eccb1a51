/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/limit.h"

#include "dp-packet.h"
#include "openvswitch/poll-loop.h"
#include "ovs-thread.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

#define BITS_PER_BYTE 8

/* Two full frames, or a slow limit would never let one pass. */
#define MIN_BURST (2 * (ETH_HEADER_LEN + ETH_PAYLOAD_MAX) * BITS_PER_BYTE)

struct limit {
    /* Constant. */
    int64_t rate;               /* Bits per ms. */
    int64_t burst;              /* Bits, the most that 'tokens' can be. */

    struct ovs_refcount ref_cnt;

    struct ovs_mutex mutex;
    int64_t tokens OVS_GUARDED; /* Bits that may pass; negative if a long frame
                                 * took more than there were. */
    long long int filled OVS_GUARDED; /* When 'tokens' were added last, in
                                       * ms. */
    int64_t wanted OVS_GUARDED; /* Tokens that the frame that was refused last
                                 * waits for, or 0. */
};

struct limit *
limit_create(uint64_t kbps)
{
    if (!kbps) {
        return NULL;
    }

    struct limit *limit = xzalloc(sizeof *limit);

    limit->rate = MIN(kbps, UINT32_MAX);
    limit->burst = MAX(limit->rate * LIMIT_BURST_MS, MIN_BURST);
    ovs_refcount_init(&limit->ref_cnt);
    ovs_mutex_init(&limit->mutex);
    ovs_mutex_lock(&limit->mutex);
    limit->tokens = limit->burst;
    limit->filled = time_msec();
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

static void
limit_fill(struct limit *limit)
    OVS_REQUIRES(limit->mutex)
{
    long long int now = time_msec();
    int64_t missing = limit->burst - limit->tokens;

    if (now <= limit->filled) {
        return;
    }
    if (now - limit->filled > missing / limit->rate) {
        limit->tokens = limit->burst;
    } else {
        limit->tokens += (now - limit->filled) * limit->rate;
    }
    limit->filled = now;
}

size_t
limit_admit(struct limit *limit, struct dp_packet *const *packets, size_t n)
{
    size_t i;

    ovs_mutex_lock(&limit->mutex);
    limit_fill(limit);
    limit->wanted = 0;
    for (i = 0; i < n; i++) {
        int64_t bits = (int64_t) dp_packet_size(packets[i]) * BITS_PER_BYTE;
        int64_t wanted = MIN(bits, limit->burst);

        if (limit->tokens < wanted) {
            limit->wanted = wanted;
            break;
        }
        limit->tokens -= bits;
    }
    ovs_mutex_unlock(&limit->mutex);
    return i;
}

void
limit_wait(struct limit *limit)
{
    ovs_mutex_lock(&limit->mutex);

    int64_t missing = limit->wanted - limit->tokens;

    if (missing > 0) {
        poll_timer_wait_until(limit->filled
                              + DIV_ROUND_UP(missing, limit->rate));
    } else {
        poll_immediate_wake();
    }
    ovs_mutex_unlock(&limit->mutex);
}
