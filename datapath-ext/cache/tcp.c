/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/tcp.h"

#include <string.h>

#include "util.h"

void
tcp_init(struct tcp *tcp)
{
    memset(tcp, 0, sizeof *tcp);
    atomic_flag_clear(&tcp->lock);
}

static inline bool
try_lock(struct tcp *tcp)
{
    return !atomic_flag_test_and_set_explicit(&tcp->lock,
                                              memory_order_acquire);
}

static void
lock(struct tcp *tcp)
{
    while (!try_lock(tcp)) {
        continue;               /* Nobody holds it for long, or sleeps. */
    }
}

static inline void
unlock(struct tcp *tcp)
{
    atomic_flag_clear_explicit(&tcp->lock, memory_order_release);
}

/* As tcp_conn_update() between established ends: what it accepts, this accepts
 * and follows in the same way; what it might not, is left to it. */
#define MAX_ACK_WINDOW (0xffff + 1500)

static inline bool
follow(struct tcp *tcp, bool direction, const struct tcp_segment *segment)
{
    struct tcp_window *src = &tcp->windows[direction];
    struct tcp_window *dst = &tcp->windows[!direction];
    uint8_t sws = tcp->scale[direction], dws = tcp->scale[!direction];
    uint32_t seq = segment->seq, end = seq + segment->length;
    uint32_t win = segment->window;
    int ackskew = dst->seqlo - segment->ack;

    if (seq == end) {
        seq = end = src->seqlo;
    }
    if (!(INT_MOD_GEQ(src->seqhi, end)
          && INT_MOD_GEQ(seq, src->seqlo - (dst->max_win << dws))
          && ackskew >= -MAX_ACK_WINDOW
          && ackskew <= MAX_ACK_WINDOW << sws)) {
        return false;
    }
    if (src->max_win < win) {
        src->max_win = win;
    }
    if (INT_MOD_GT(end, src->seqlo)) {
        src->seqlo = end;
    }
    if (INT_MOD_GEQ(segment->ack + (win << sws), dst->seqhi)) {
        dst->seqhi = segment->ack + MAX(win << sws, 1);
    }
    return true;
}

enum tcp_verdict
tcp_segment(struct tcp *tcp, bool direction,
            const struct tcp_segment *segment)
{
    enum tcp_verdict verdict = TCP_NOT_LIVE;

    if (OVS_UNLIKELY(!try_lock(tcp))) {
        return TCP_BUSY;
    }
    if (OVS_LIKELY(tcp->is_live)) {
        verdict = follow(tcp, direction, segment) ? TCP_VALID : TCP_OUTSIDE;
    }
    unlock(tcp);
    return verdict;
}

/* Between the session's order of ends and a connection's. */
static void
orient(const struct tcp *tcp, unsigned int place,
       const struct tcp_window from[2], struct tcp_window to[2])
{
    bool swap = tcp->orientation >> place & 1;

    to[0] = from[swap];
    to[1] = from[!swap];
}

bool
tcp_revoke(struct tcp *tcp, unsigned int place, struct tcp_window windows[2])
{
    bool is_pending;

    lock(tcp);
    tcp->revision++;
    tcp->is_live = false;
    is_pending = tcp->pending >> place & 1;
    if (is_pending) {
        orient(tcp, place, tcp->windows, windows);
        tcp->pending &= ~(1u << place);
    }
    unlock(tcp);
    return is_pending;
}

uint32_t
tcp_revision(struct tcp *tcp)
{
    uint32_t revision;

    lock(tcp);
    revision = tcp->revision;
    unlock(tcp);
    return revision;
}

bool
tcp_lease(struct tcp *tcp, uint32_t revision, unsigned int place,
          const struct tcp_window windows[2])
{
    bool is_live;

    lock(tcp);
    is_live = tcp->revision == revision && !tcp->has_ended;
    if (is_live) {
        orient(tcp, place, windows, tcp->windows);
        ovs_tcp_scale(tcp->windows, tcp->scale);
        tcp->pending = (1u << tcp->n) - 1;
        tcp->is_live = true;
    }
    unlock(tcp);
    return is_live;
}

static void
set_ended(struct tcp *tcp, bool has_ended)
{
    lock(tcp);
    tcp->revision++;
    tcp->is_live = false;
    tcp->has_ended = has_ended;
    unlock(tcp);
}

void
tcp_end(struct tcp *tcp)
{
    set_ended(tcp, true);
}

void
tcp_resume(struct tcp *tcp)
{
    set_ended(tcp, false);
}

void
tcp_forget(struct tcp *tcp, unsigned int place)
{
    lock(tcp);
    tcp->pending &= ~(1u << place);
    unlock(tcp);
}

bool
tcp_is_pending(struct tcp *tcp)
{
    bool is_pending;

    lock(tcp);
    is_pending = tcp->pending;
    unlock(tcp);
    return is_pending;
}
