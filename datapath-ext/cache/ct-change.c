/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/ct-change.h"

#include <netinet/in.h>

#include "datapath-ext/cache/record.h"
#include "datapath-ext/cache/session.h"
#include "ovs-thread.h"
#include "packets.h"

/* The thread's call that is under way. */
static thread_local struct ct_change *current;

static void
add(struct ct_change *change, struct conn *conn, struct ovs_ct_mark mark)
{
    ovs_assert(change->n < ARRAY_SIZE(change->conns));
    change->conns[change->n].conn = conn;
    change->conns[change->n++].mark = mark;
}

void
ct_change_begin(struct ct_change *change, const struct dp_packet_batch *batch)
{
    change->n = 0;
    for (size_t i = 0; i < dp_packet_batch_size(batch); i++) {
        struct conn *conn = batch->packets[i]->md.conn;

        if (conn) {
            add(change, conn, ovs_conn_mark(conn));
        }
    }
    current = change;
}

void
ct_change_note(struct conn *conn)
{
    /* More than one for each packet: one that fragments made up. */
    if (current && current->n < ARRAY_SIZE(current->conns)) {
        add(current, conn, ovs_conn_mark_locked(conn));
    }
}

static bool
is_noted(const struct ct_change *change, const struct conn *conn)
{
    for (size_t i = 0; i < change->n; i++) {
        if (change->conns[i].conn == conn) {
            return true;
        }
    }
    return false;
}

static bool
is_icmp(const struct dp_packet *packet)
{
    const uint8_t *l3 = dp_packet_l3(packet);

    /* IPv6: or an extension header, which may precede one. */
    return (IP_VER(l3[0]) == 4
            ? l3[offsetof(struct ip_header, ip_proto)] == IPPROTO_ICMP
            : l3[6] != IPPROTO_TCP && l3[6] != IPPROTO_UDP);
}

/* NULL after ct(nat), for any. */
static void
kill_related(const struct conn *conn)
{
    if (conn) {
        session_conn_kill(conn, CACHE_KILL_CONN_MARK);
    } else {
        session_kill_all(CACHE_KILL_CONN_MARK);
    }
}

void
ct_change_end(struct ct_change *change, const struct dp_packet_batch *batch,
              bool force)
{
    current = NULL;
    for (size_t i = 0; i < change->n; i++) {
        struct conn *conn = change->conns[i].conn;
        struct ovs_ct_mark mark = ovs_conn_mark(conn);

        if (!ovs_ct_mark_equal(&mark, &change->conns[i].mark)) {
            session_conn_kill(conn, CACHE_KILL_CONN_MARK);
            record_ct_change(conn);
        }
    }
    for (size_t i = 0; i < dp_packet_batch_size(batch); i++) {
        /* An ICMP error is no update of its connection, but sets its mark. */
        if (batch->packets[i]->md.ct_state & CS_RELATED
            && is_icmp(batch->packets[i])
            && !is_noted(change, batch->packets[i]->md.conn)) {
            kill_related(batch->packets[i]->md.conn);
        }
    }
    for (size_t i = 0; force && i < dp_packet_batch_size(batch); i++) {
        /* Which connection it has ended, conntrack doesn't tell: that of a
         * packet in the reply direction, which got a new one, or none. */
        if (batch->packets[i]->md.ct_state
            & (CS_NEW | CS_INVALID | CS_REPLY_DIR)) {
            session_kill_all(CACHE_KILL_CONN_FORCE);
            break;
        }
    }
}
