/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/record.h"

#include "datapath-ext/cache/tail.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "ovs-thread.h"
#include "util.h"

/* The thread's recorder, while stock works for it. */
static thread_local struct recorder *armed;

/* Global as it is one function of dpif-netdev's, for all. */
static ATOMIC(odp_execute_cb) execute_cb;

/* Set once, before there are threads. */
static bool tcp_is_forbidden;

void
record_forbid_tcp(void)
{
    tcp_is_forbidden = true;
}

static inline unsigned int
place_of(const struct dp_packet *packet)
{
    /* Fibonacci hashing, to the six bits of a place. */
    return (uintptr_t) packet * UINT64_C(0x9e3779b97f4a7c15) >> 58;
}

bool
recorder_add(struct recorder *recorder, const struct dp_packet *packet,
             const struct key *key, const struct tunnel_outer *outer)
{
    unsigned int place = place_of(packet);
    const uint8_t *data = dp_packet_data(packet);
    struct record *record;

    if (recorder->n >= RECORDER_SIZE) {
        return false;
    }
    record = &recorder->records[recorder->n++];
    while (recorder->places[place]) {
        place = (place + 1) % RECORDER_PLACES;
    }
    recorder->places[place] = recorder->n;
    record->packet = packet;
    record->refusal = CACHE_KEEP;
    record->is_recirculating = false;
    record->has_output = false;
    record->is_pushed = false;
    record->is_probe = key->order != KEY_ORDER_FLOW;
    record->size = dp_packet_size(packet);
    record->pop.is_done = false;
    if (key->outer) {
        record->outer = *outer;
    }
    record->before.key = *key;
    record->before.size = record->size - key->outer;
    record->before.n = MIN(key->l4_ofs + 20, record->before.size);
    memcpy(record->before.bytes, data + key->outer, record->before.n);
    memset(&record->path, 0, offsetof(struct path_spec, passes));
    memset(&record->path.output, 0, sizeof record->path.output);
    record->session.n = 0;
    record->session.n_hidden = session_n_hidden();
    return true;
}

void
recorder_clear(struct recorder *recorder)
{
    if (recorder->n) {
        memset(recorder->places, 0, sizeof recorder->places);
        recorder->n = 0;
    }
}

void
recorder_arm(struct recorder *recorder)
{
    armed = recorder->n ? recorder : NULL;
}

void
recorder_disarm(void)
{
    armed = NULL;
}

odp_execute_cb
recorder_execute_cb(void)
{
    odp_execute_cb cb;

    atomic_read_relaxed(&execute_cb, &cb);
    return cb;
}

bool
record_is_armed(void)
{
    return armed;
}

static struct record *
record_find(const struct dp_packet *packet)
{
    unsigned int place = place_of(packet);

    for (; armed->places[place]; place = (place + 1) % RECORDER_PLACES) {
        struct record *record = &armed->records[armed->places[place] - 1];

        if (record->packet == packet) {
            return record;
        }
    }
    return NULL;
}

#define FOR_EACH_RECORD(RECORD, I, BATCH)                                   \
    for (size_t I = 0; I < dp_packet_batch_size(BATCH); I++)                \
        if (((RECORD) = record_find((BATCH)->packets[I])))

static void
record_refuse(struct record *record, enum cache_refusal refusal)
{
    if (!record->refusal) {
        record->refusal = refusal;
    }
}

/* Actions. */

static enum cache_refusal
refusal_of_set(const struct nlattr *set)
{
    int type = nl_attr_type(nl_attr_get(set));

    /* The priority is no header: it goes to the device with the packet. */
    return (type == OVS_KEY_ATTR_TUNNEL ? CACHE_REFUSAL_TUNNEL
            : type == OVS_KEY_ATTR_PRIORITY ? CACHE_REFUSAL_ACTION
            : CACHE_KEEP);
}

static enum cache_refusal
refusal_of_action(const struct nlattr *a)
{
    enum ovs_action_attr type = nl_attr_type(a);

    switch (type) {
    case OVS_ACTION_ATTR_OUTPUT:
    case OVS_ACTION_ATTR_RECIRC:
    case OVS_ACTION_ATTR_CT:
    case OVS_ACTION_ATTR_CT_CLEAR:
    case OVS_ACTION_ATTR_PUSH_VLAN:
    case OVS_ACTION_ATTR_POP_VLAN:
    case OVS_ACTION_ATTR_HASH:
    case OVS_ACTION_ATTR_DROP:
    case OVS_ACTION_ATTR_TUNNEL_POP: /* See pops_only(). */
        return CACHE_KEEP;
    case OVS_ACTION_ATTR_SET:
    case OVS_ACTION_ATTR_SET_MASKED:
        return refusal_of_set(a);
    case OVS_ACTION_ATTR_USERSPACE:
        return CACHE_REFUSAL_USERSPACE;
    case OVS_ACTION_ATTR_TUNNEL_PUSH: /* Of a tail only. */
        return CACHE_REFUSAL_TUNNEL;
    case OVS_ACTION_ATTR_METER:
        return CACHE_REFUSAL_METER;
    case OVS_ACTION_ATTR_SAMPLE:
    case OVS_ACTION_ATTR_CLONE:
    case OVS_ACTION_ATTR_TRUNC:
    case OVS_ACTION_ATTR_CHECK_PKT_LEN:
        return CACHE_REFUSAL_CLONE;
    case OVS_ACTION_ATTR_PUSH_MPLS:
    case OVS_ACTION_ATTR_POP_MPLS:
    case OVS_ACTION_ATTR_ADD_MPLS:
    case OVS_ACTION_ATTR_PUSH_ETH:
    case OVS_ACTION_ATTR_POP_ETH:
    case OVS_ACTION_ATTR_PUSH_NSH:
    case OVS_ACTION_ATTR_POP_NSH:
        return CACHE_REFUSAL_HEADER;
    case OVS_ACTION_ATTR_LB_OUTPUT:
        return CACHE_REFUSAL_BOND;
    case OVS_ACTION_ATTR_UNSPEC:
    case __OVS_ACTION_ATTR_MAX:
    default:
        return CACHE_REFUSAL_ACTION;
    }
}

/* What a context stands for is a header as it came in, but for its tag. */
static bool
pops_only(const struct nlattr *actions, size_t len)
{
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH (a, left, actions, len) {
        if (nl_attr_type(a) != OVS_ACTION_ATTR_POP_VLAN
            && nl_attr_type(a) != OVS_ACTION_ATTR_TUNNEL_POP) {
            return false;
        }
    }
    return true;
}

/* Stores in 'end' why it drops or what its tail is, and as 'n' the number of
 * outputs before that.  'drops' if the list does nothing else. */
static enum cache_refusal
refusal_of_list(const struct nlattr *actions, size_t len,
                struct output_spec *end, bool *drops)
{
    enum cache_refusal refusal = tail_find(actions, len, &end->tail);
    const struct nlattr *a;
    size_t left;

    *drops = true;
    NL_ATTR_FOR_EACH (a, left, actions, len) {
        if (a == end->tail) {
            end->tail_len = left;
            *drops = false;
            break;
        } else if (nl_attr_type(a) == OVS_ACTION_ATTR_DROP) {
            end->is_explicit = true;
            end->drop_reason = nl_attr_get_u32(a);
        } else {
            *drops = false;
            end->n += nl_attr_type(a) == OVS_ACTION_ATTR_OUTPUT;
            refusal = refusal ? refusal : refusal_of_action(a);
            if (nl_attr_type(a) == OVS_ACTION_ATTR_TUNNEL_POP
                && !pops_only(actions, len)) {
                refusal = refusal ? refusal : CACHE_REFUSAL_TUNNEL;
            }
        }
    }
    return refusal;
}

/* Passes. */

/* 'packet' has come out of its tunnel. */
static void
pop_take(struct record_pop *pop, const struct dp_packet *packet,
         const struct record *record)
{
    const struct flow_tnl *tunnel = &packet->md.tunnel;
    uint8_t proto = (record->before.key.outer ? record->outer.narrow.proto
                     : record->before.key.narrow.proto);

    pop->len = record->size - dp_packet_size(packet);
    pop->kind = (proto == IPPROTO_GRE ? TUNNEL_GRE
                 : tunnel->flags & FLOW_TNL_F_UDPIF ? TUNNEL_GENEVE
                 : TUNNEL_VXLAN);
    pop->is_other = (packet->packet_type != htonl(PT_ETH)
                     || tunnel->gtpu_flags || tunnel->gtpu_msgtype
                     || tunnel->erspan_ver
                     || (proto != IPPROTO_GRE && proto != IPPROTO_UDP));
}

static void
record_pass(struct record *record, const struct ovs_execute_aux *aux,
            const struct dp_packet *packet, const struct nlattr *actions)
{
    struct path_spec *path = &record->path;
    struct dp_netdev_flow *flow = ovs_flow_of(aux->flow);
    /* Before it is asked whether these are still the ones. */
    const void *flow_actions = ovs_flow_actions(flow);

    record->is_recirculating = false;
    if (record->pop.is_done && path->n == 1) {
        pop_take(&record->pop, packet, record);
    }
    if (path->n >= PATH_MAX_PASSES) {
        record_refuse(record, CACHE_REFUSAL_PASSES);
        return;
    } else if (!ovs_flow_executes(flow, actions)) {
        record_refuse(record, CACHE_REFUSAL_RACE);
        return;
    } else if (ovs_flow_has_tcp_flags(flow, TCP_PSH)) {
        record_refuse(record, CACHE_REFUSAL_PSH);
        return;
    }
    path->passes[path->n++] = (struct path_pass) {
        .flow = flow,
        .actions = flow_actions,
        .growth = (int32_t) dp_packet_size(packet) - (int32_t) record->size,
    };
}

/* Output. */

static void
headers_take(struct record_headers *headers, struct dp_packet *packet,
             const struct record *record)
{
    enum cache_miss miss = key_extract(packet,
                                       record->before.key.narrow.in_port,
                                       armed->seed, &headers->key);

    headers->n = 0;
    headers->size = dp_packet_size(packet);
    if (miss == CACHE_HIT || miss == CACHE_MISS_TTL
        || miss == CACHE_MISS_CHECKSUM) {
        headers->n = MIN(headers->key.l4_ofs + 20, headers->size);
        memcpy(headers->bytes, dp_packet_data(packet), headers->n);
    }
}

static bool
headers_equal(const struct record_headers *a, const struct record_headers *b)
{
    return (a->size == b->size && a->n == b->n
            && !memcmp(a->bytes, b->bytes, a->n));
}

/* All outputs must be of the same bytes. */
static void
record_content(struct record *record, struct dp_packet *packet)
{
    if (record->refusal || record->is_pushed) {
        /* What follows is of no interest. */
    } else if (!record->has_output) {
        headers_take(&record->after, packet, record);
        record->has_output = true;
        if (!record->after.n) {
            record_refuse(record, CACHE_REFUSAL_REWRITE);
        }
    } else {
        struct record_headers headers;

        headers_take(&headers, packet, record);
        if (!headers_equal(&headers, &record->after)) {
            record_refuse(record, CACHE_REFUSAL_OUTPUTS);
        }
    }
}

static void
record_output(struct record *record, struct dp_packet *packet,
              odp_port_t port, bool steal)
{
    struct output_spec *output = &record->path.output;

    record_content(record, packet);
    if (output->tail && !record->n_before_tail) {
        /* It is in there. */
    } else if (output->n >= OUTPUT_MAX_PORTS) {
        record_refuse(record, CACHE_REFUSAL_PASSES);
    } else if (!record->refusal) {
        output->ports[output->n++] = port;
        record->n_before_tail -= output->tail ? 1 : 0;
    }
    if (steal) {
        /* Its memory may become another packet's at once. */
        record->packet = NULL;
    }
}

/* Conntrack. */

struct ct_call {
    uint16_t zone;
    bool has_option;            /* force, or a helper. */
};

static struct ct_call
ct_call_parse(const struct nlattr *ct)
{
    struct ct_call call = { 0, false };
    const struct nlattr *a;
    size_t left;

    NL_NESTED_FOR_EACH (a, left, ct) {
        enum ovs_ct_attr type = nl_attr_type(a);

        switch (type) {
        case OVS_CT_ATTR_ZONE:
            call.zone = nl_attr_get_u16(a);
            break;
        case OVS_CT_ATTR_FORCE_COMMIT:
        case OVS_CT_ATTR_HELPER:
            call.has_option = true;
            break;
        case OVS_CT_ATTR_UNSPEC:
        case OVS_CT_ATTR_COMMIT:
        case OVS_CT_ATTR_MARK:
        case OVS_CT_ATTR_LABELS:
        case OVS_CT_ATTR_NAT:
        case OVS_CT_ATTR_EVENTMASK:
        case OVS_CT_ATTR_TIMEOUT:
        case __OVS_CT_ATTR_MAX:
        default:
            break;
        }
    }
    return call;
}

static void
record_ct_before(struct record *record, const struct dp_packet *packet,
                 const struct ct_call *call)
{
    const struct conn *conn = packet->md.conn;

    record->n_conns_before = record->session.n;
    if (call->has_option) {
        record_refuse(record, CACHE_REFUSAL_CT_OPTION);
    } else if (conn && ovs_conn_zone(conn) == call->zone) {
        /* Conntrack takes the connection that it found before. */
        bool is_known = false;

        for (size_t i = 0; i < record->session.n; i++) {
            is_known |= record->session.conns[i].conn == conn;
        }
        record->n_conns_before = is_known ? SIZE_MAX : record->session.n;
    }
}

static void
record_ct_after(struct record *record)
{
    if (record->n_conns_before != SIZE_MAX
        && record->session.n == record->n_conns_before) {
        record_refuse(record, CACHE_REFUSAL_CT_NEW);
    }
}

static enum cache_refusal
refusal_of_update(const struct record *record, const struct conn *conn,
                  enum ovs_ct_result result)
{
    return (result == OVS_CT_INVALID ? CACHE_REFUSAL_CT_INVALID
            : result == OVS_CT_AGAIN ? CACHE_REFUSAL_CT_NEW
            : !ovs_conn_is_usable(conn) ? CACHE_REFUSAL_CT_OPTION
            : ovs_conn_is_tcp(conn) && (result != OVS_CT_ESTABLISHED
                                        || tcp_is_forbidden)
            ? CACHE_REFUSAL_TCP_STATE
            : record->session.n >= SESSION_MAX_CONNS ? CACHE_REFUSAL_PASSES
            : CACHE_KEEP);
}

void
record_ct_update(struct conntrack *ct, struct conn *conn,
                 const struct dp_packet *packet, bool reply,
                 enum ovs_ct_result result)
{
    struct record *record = armed ? record_find(packet) : NULL;

    if (!record || record->refusal) {
        return;
    }
    for (size_t i = 0; i < record->session.n; i++) {
        const struct session_conn_spec *spec = &record->session.conns[i];

        if (spec->conn == conn) {
            /* A second time, as for ct(commit) after ct() with NAT.  That
             * changes nothing more: no time has passed, and a segment that is
             * valid is so twice. */
            if (spec->reply != reply || spec->result != result) {
                record_refuse(record, CACHE_REFUSAL_CT_NEW);
            }
            record->n_conns_before = SIZE_MAX;
            return;
        }
    }
    record_refuse(record, refusal_of_update(record, conn, result));
    if (!record->refusal) {
        record->session.ct = ct;
        record->session.conns[record->session.n++]
            = (struct session_conn_spec) {
                .conn = conn, .reply = reply, .result = result,
                .mark = ovs_conn_mark_locked(conn),
            };
    }
}

void
record_ct_change(const struct conn *conn)
{
    for (size_t i = 0; armed && i < armed->n; i++) {
        struct record *record = &armed->records[i];

        for (size_t j = 0; j < record->session.n; j++) {
            if (record->session.conns[j].conn == conn) {
                record_refuse(record, CACHE_REFUSAL_CT_CHANGE);
            }
        }
    }
}

void
record_upcall(const struct dp_packet *packet)
{
    struct record *record = armed ? record_find(packet) : NULL;

    if (record) {
        record_refuse(record, CACHE_REFUSAL_UPCALL);
    }
}

/* Between the actions and dpif-netdev. */

static enum cache_refusal
refusal_of_pop(const struct record *record)
{
    return (record->path.n != 1 || record->has_output || record->session.n
            || record->pop.is_done ? CACHE_REFUSAL_TUNNEL : CACHE_KEEP);
}

static void
record_pop(struct record *record, odp_port_t port)
{
    record_refuse(record, refusal_of_pop(record));
    record->pop.is_done = !record->refusal;
    record->pop.port = port;
    record->pop.len = 0;
}

/* Also what comes out of a tunnel. */
static void
observe_recirculation(void *aux, struct dp_packet_batch *batch,
                      const struct nlattr *a, bool steal)
{
    bool is_pop = nl_attr_type(a) == OVS_ACTION_ATTR_TUNNEL_POP;
    struct record *record, *records[RECORDER_SIZE];
    size_t n = 0;

    FOR_EACH_RECORD (record, i, batch) {
        if (is_pop) {
            record_pop(record, nl_attr_get_odp_port(a));
        }
        if (steal) {
            record->is_recirculating = true;
            records[n++] = record;
        } else {
            record_refuse(record, CACHE_REFUSAL_CLONE);
        }
    }
    recorder_execute_cb()(aux, batch, a, steal);
    for (size_t i = 0; i < n; i++) {
        if (records[i]->is_recirculating) {
            record_refuse(records[i], CACHE_REFUSAL_VANISHED);
            records[i]->packet = NULL;
        }
    }
}

static void
observe_ct(void *aux, struct dp_packet_batch *batch, const struct nlattr *a,
           bool steal)
{
    struct ct_call call = ct_call_parse(a);
    struct record *record;

    FOR_EACH_RECORD (record, i, batch) {
        record_ct_before(record, batch->packets[i], &call);
    }
    recorder_execute_cb()(aux, batch, a, steal);
    FOR_EACH_RECORD (record, i, batch) {
        record_ct_after(record);
    }
}

static void
observe(void *aux, struct dp_packet_batch *batch, const struct nlattr *a,
        bool steal)
{
    struct record *record;

    switch (nl_attr_type(a)) {
    case OVS_ACTION_ATTR_RECIRC:
    case OVS_ACTION_ATTR_TUNNEL_POP:
        observe_recirculation(aux, batch, a, steal);
        return;
    case OVS_ACTION_ATTR_CT:
        observe_ct(aux, batch, a, steal);
        return;
    case OVS_ACTION_ATTR_OUTPUT:
        FOR_EACH_RECORD (record, i, batch) {
            record_output(record, batch->packets[i],
                          nl_attr_get_odp_port(a), steal);
        }
        break;
    case OVS_ACTION_ATTR_TUNNEL_PUSH:
        FOR_EACH_RECORD (record, i, batch) {
            record_content(record, batch->packets[i]);
            record->is_pushed = true;
        }
        break;
    default:
        break;
    }
    recorder_execute_cb()(aux, batch, a, steal);
}

void
record_execute(void *aux_, struct dp_packet_batch *batch, bool steal,
               const struct nlattr *actions, size_t actions_len,
               odp_execute_cb cb, record_real_execute *real)
{
    const struct ovs_execute_aux *aux = aux_;
    struct record *record, *mine[RECORDER_SIZE];
    struct output_spec end = { .n = 0 };
    enum cache_refusal refusal;
    size_t n = 0;
    bool drops;

    if (!aux || aux->pmd != armed->pmd) {
        real(aux_, batch, steal, actions, actions_len, cb);
        return;
    }
    atomic_store_relaxed(&execute_cb, cb);
    refusal = refusal_of_list(actions, actions_len, &end, &drops);
    FOR_EACH_RECORD (record, i, batch) {
        if (refusal || !steal) {
            record_refuse(record, refusal ? refusal : CACHE_REFUSAL_CLONE);
        }
        if (!record->refusal) {
            record_pass(record, aux, batch->packets[i], actions);
        }
        if (drops) {
            record->packet = NULL;
            if (!record->has_output) {
                record->path.output.is_explicit = end.is_explicit;
                record->path.output.drop_reason = end.drop_reason;
            }
        }
        if (end.tail) {
            record->n_before_tail = end.n;
            record->path.output.tail = end.tail;
            record->path.output.tail_len = end.tail_len;
        }
        record->is_recirculating = false;
        mine[n++] = record;
    }
    real(aux_, batch, steal, actions, actions_len, observe);
    for (size_t i = 0; i < n; i++) {
        if (mine[i]->packet) {
            /* It ended without an output that took it. */
            record_refuse(mine[i], CACHE_REFUSAL_VANISHED);
            mine[i]->packet = NULL;
        }
    }
}
