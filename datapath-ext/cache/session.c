/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/session.h"

#include "cmap.h"
#include "datapath-ext/cache/tcp.h"
#include "datapath-ext/counter.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

struct session_conn {
    struct cmap_node node;      /* In 'by_conn', unless 'conn_place' is 0. */
    atomic_uintptr_t conn_place; /* The connection's address plus the place
                                 * here, which spares a pointer back. */
};

struct session {
    /* The first line: what a segment needs. */
    struct tcp tcp;
    uint32_t number;
    /* Set under 'mutex', read also without. */
    atomic_uint32_t first;      /* Entry id, or 0. */
    atomic_uint8_t has_new;     /* Which connections an entry expects to have
                                 * seen no reply. */
    bool is_free;               /* Guarded by 'mutex'. */
    uint8_t n_entries;          /* The same. */
    struct conntrack *ct;

    OVS_ALIGNED_VAR(CACHE_LINE_SIZE)
    struct session_conn conns[SESSION_MAX_CONNS];
};
BUILD_ASSERT_DECL(offsetof(struct session, conns) == CACHE_LINE_SIZE);

/* Global as connections are, which threads of any datapath share. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct cmap by_conn = CMAP_INITIALIZER;
static atomic_count n_sessions = ATOMIC_COUNT_INIT(0);
static atomic_count n_hidden = ATOMIC_COUNT_INIT(0);

/* Sessions by number, from 1 on, in chunks that never move. */
#define CHUNK_BITS 12
#define CHUNK_SIZE (1u << CHUNK_BITS)
#define MAX_CHUNKS 2048
static struct session *chunks[MAX_CHUNKS];
static uint32_t n_numbers OVS_GUARDED_BY(mutex) = 1;
static struct session *spare OVS_GUARDED_BY(mutex); /* Linked by 'ct'. */

static struct {
    struct table *table;
    struct counter *killed;
} tables[SESSION_MAX_TABLES + 1] OVS_GUARDED_BY(mutex);

/* An entry's reference: the session's number and the direction of its packets:
 * 0 is that of the packet for which the session was made. */
#define DIRECTION (1u << 31)

static inline struct session *
session_get(uint32_t ref)
{
    uint32_t number = ref & ~DIRECTION;

    return &chunks[number >> CHUNK_BITS][number & (CHUNK_SIZE - 1)];
}

/* Connections of a session. */

#define PLACES ((uintptr_t) 7)
BUILD_ASSERT_DECL(SESSION_MAX_CONNS <= PLACES + 1);

static inline uintptr_t
conn_place_get(const struct session_conn *c)
{
    uintptr_t value;

    atomic_read_relaxed(&CONST_CAST(struct session_conn *, c)->conn_place,
                        &value);
    return value;
}

static inline struct conn *
session_conn_get(const struct session_conn *c)
{
    return (struct conn *) (conn_place_get(c) & ~PLACES);
}

static inline unsigned int
session_conn_place(const struct session_conn *c)
{
    return conn_place_get(c) & PLACES;
}

static inline uint32_t
session_first(struct session *session)
{
    uint32_t first;

    atomic_read_relaxed(&session->first, &first);
    return first;
}

static inline uint8_t
session_has_new(struct session *session)
{
    uint8_t has_new;

    atomic_read_relaxed(&session->has_new, &has_new);
    return has_new;
}

static inline struct session *
session_of(const struct session_conn *c)
{
    return CONTAINER_OF(c - session_conn_place(c), struct session, conns);
}

#define FOR_EACH_OF_CONN(C, CONN) \
    CMAP_FOR_EACH_WITH_HASH (C, node, hash_pointer(CONN, 0), &by_conn) \
        if (session_conn_get(C) == (CONN))

static int
find_place(const struct session *session, const struct conn *conn)
{
    for (int i = 0; i < session->tcp.n; i++) {
        if (session_conn_get(&session->conns[i]) == conn) {
            return i;
        }
    }
    return -1;
}

static void
conn_remove(struct session *session, unsigned int place)
    OVS_REQUIRES(mutex)
{
    struct session_conn *c = &session->conns[place];
    struct conn *conn = session_conn_get(c);

    if (conn) {
        cmap_remove(&by_conn, &c->node, hash_pointer(conn, 0));
        atomic_store_relaxed(&c->conn_place, place);
        tcp_forget(&session->tcp, place);
    }
}

/* Entries. */

static struct entry *
entry_by_id(uint32_t id)
    OVS_REQUIRES(mutex)
{
    const struct table *table = tables[id >> ENTRY_ID_BITS].table;

    return &table->entries[id & ((1u << ENTRY_ID_BITS) - 1)];
}

unsigned int
session_add_table(struct table *table, struct counter *killed)
{
    unsigned int number = 0;

    ovs_mutex_lock(&mutex);
    for (unsigned int i = 1; i <= SESSION_MAX_TABLES; i++) {
        if (!tables[i].table) {
            tables[i].table = table;
            tables[i].killed = killed;
            number = i;
            break;
        }
    }
    ovs_mutex_unlock(&mutex);
    return number;
}

void
session_remove_table(unsigned int number)
{
    ovs_mutex_lock(&mutex);
    tables[number].table = NULL;
    ovs_mutex_unlock(&mutex);
}

/* Life. */

static struct session *
session_alloc(void)
    OVS_REQUIRES(mutex)
{
    struct session *session = spare;
    uint32_t number;

    if (session) {
        spare = (void *) session->ct;
        number = session->number;
    } else {
        struct session **chunk = &chunks[n_numbers >> CHUNK_BITS];

        if (n_numbers >> CHUNK_BITS >= MAX_CHUNKS) {
            return NULL;
        }
        if (!*chunk) {
            *chunk = xzalloc_cacheline(CHUNK_SIZE * sizeof **chunk);
        }
        number = n_numbers++;
        session = session_get(number);
    }
    memset(session, 0, sizeof *session);
    session->number = number;
    tcp_init(&session->tcp);
    atomic_count_inc(&n_sessions);
    return session;
}

/* After a grace period. */
static void
session_free(struct session *session)
{
    ovs_mutex_lock(&mutex);
    session->ct = (void *) spare;
    spare = session;
    ovs_mutex_unlock(&mutex);
}

/* Without entries, a session is of use only as long as it has windows that a
 * connection lacks. */
static void
session_check(struct session *session)
    OVS_REQUIRES(mutex)
{
    if (!session_first(session) && !session->is_free
        && !tcp_is_pending(&session->tcp)) {
        for (unsigned int i = 0; i < session->tcp.n; i++) {
            conn_remove(session, i);
        }
        session->is_free = true;
        atomic_count_dec(&n_sessions);
        ovsrcu_postpone(session_free, session);
    }
}

static void
session_kill_entries(struct session *session, enum cache_kill cause)
    OVS_REQUIRES(mutex)
{
    uint32_t id = session_first(session);

    while (id) {
        struct entry *entry = entry_by_id(id);

        counter_add(&tables[id >> ENTRY_ID_BITS].killed[cause], 1);
        id = entry->next;
        entry->next = 0;
        atomic_store_explicit(&entry->deadline, ENTRY_DEAD,
                              memory_order_release);
        atomic_store_relaxed(&entry->session, 0);
    }
    atomic_store_relaxed(&session->first, 0);
    session->n_entries = 0;
}

static void
session_kill(struct session *session, enum cache_kill cause)
    OVS_REQUIRES(mutex)
{
    session_kill_entries(session, cause);
    tcp_end(&session->tcp);
    session_check(session);
}

static struct session *
session_create(const struct session_spec *spec)
    OVS_REQUIRES(mutex)
{
    struct session *session = session_alloc();

    if (!session) {
        return NULL;
    }
    session->ct = spec->ct;
    session->tcp.n = spec->n;
    for (unsigned int i = 0; i < spec->n; i++) {
        struct conn *conn = spec->conns[i].conn;
        struct session_conn *c = &session->conns[i];

        session->tcp.orientation |= spec->conns[i].reply << i;
        atomic_store_relaxed(&c->conn_place, (uintptr_t) conn + i);
        cmap_insert(&by_conn, &c->node, hash_pointer(conn, 0));
    }
    return session;
}

/* Finds the session of exactly these connections, with packets in the same
 * direction in all of them or in none, which '*direction' says. */
static struct session *
session_find(const struct session_spec *spec, bool *direction)
    OVS_REQUIRES(mutex)
{
    struct session_conn *c;

    FOR_EACH_OF_CONN (c, spec->conns[0].conn) {
        struct session *session = session_of(c);
        unsigned int n_same = 0, n_reverse = 0;

        for (size_t i = 0; i < spec->n; i++) {
            int place = find_place(session, spec->conns[i].conn);

            if (place >= 0) {
                bool reply = session->tcp.orientation >> place & 1;

                n_same += spec->conns[i].reply == reply;
                n_reverse += spec->conns[i].reply != reply;
            }
        }
        if (session->tcp.n == spec->n
            && (n_same == spec->n || n_reverse == spec->n)) {
            *direction = n_reverse;
            return session;
        }
    }
    return NULL;
}

/* Have the connections changed since they were observed? */
static bool
spec_holds(const struct session_spec *spec)
{
    for (size_t i = 0; i < spec->n; i++) {
        struct conn *conn = spec->conns[i].conn;
        struct ovs_ct_mark mark = ovs_conn_mark(conn);

        if (!ovs_conn_is_usable(conn)
            || !ovs_ct_mark_equal(&mark, &spec->conns[i].mark)) {
            return false;
        }
    }
    return true;
}

static struct session *
session_link(const struct session_spec *spec, unsigned int table,
             struct entry *entry, uint32_t index, long long now)
    OVS_REQUIRES(mutex)
{
    bool direction = false;
    struct session *session = session_find(spec, &direction);

    if (session) {
        tcp_resume(&session->tcp);
        if (session->n_entries >= SESSION_MAX_ENTRIES) {
            session_kill_entries(session, CACHE_KILL_CONN_CROWD);
        }
    } else {
        session = session_create(spec);
    }
    if (session) {
        for (size_t i = 0; i < spec->n; i++) {
            if (spec->conns[i].result == OVS_CT_NEW) {
                int place = find_place(session, spec->conns[i].conn);

                atomic_store_relaxed(&session->has_new,
                                     session_has_new(session) | 1u << place);
            }
        }
        session->n_entries++;
        entry->next = session_first(session);
        atomic_store_relaxed(&session->first,
                             table << ENTRY_ID_BITS | index);
        atomic_store_relaxed(&entry->session,
                             session->number | (direction ? DIRECTION : 0));
        /* At once: the first hit looks whether all is as it was. */
        atomic_store_relaxed(&entry->deadline, entry_time(now));
    }
    return session;
}

enum cache_refusal
session_join(const struct session_spec *spec, unsigned int table,
             struct entry *entry, uint32_t index, long long now)
{
    struct session *session;

    ovs_mutex_lock(&mutex);
    session = session_link(spec, table, entry, index, now);
    ovs_mutex_unlock(&mutex);
    if (!session) {
        return CACHE_REFUSAL_ROOM;
    }
    /* What changes from now on is told to the session. */
    atomic_thread_fence(memory_order_seq_cst);
    if (spec->n_hidden != session_n_hidden() || !spec_holds(spec)) {
        session_leave(table, entry, index);
        return CACHE_REFUSAL_RACE;
    }
    return CACHE_KEEP;
}

void
session_leave(unsigned int table, struct entry *entry, uint32_t index)
{
    uint32_t id = table << ENTRY_ID_BITS | index;
    uint32_t ref;

    ovs_mutex_lock(&mutex);
    atomic_read_relaxed(&entry->session, &ref);
    if (ref) {
        struct session *session = session_get(ref);
        uint32_t other = session_first(session);

        if (other == id) {
            atomic_store_relaxed(&session->first, entry->next);
        } else {
            while (entry_by_id(other)->next != id) {
                other = entry_by_id(other)->next;
            }
            entry_by_id(other)->next = entry->next;
        }
        entry->next = 0;
        session->n_entries--;
        atomic_store_relaxed(&entry->session, 0);
        session_check(session);
    }
    atomic_store_relaxed(&entry->deadline, ENTRY_DEAD);
    ovs_mutex_unlock(&mutex);
}

/* Hits. */

static void
kill_by_ref(uint32_t ref, enum cache_kill cause)
{
    ovs_mutex_lock(&mutex);
    session_kill(session_get(ref), cause);
    ovs_mutex_unlock(&mutex);
}

/* Sets the deadline, unless the entry died meanwhile. */
static bool
set_deadline(struct entry *entry, uint32_t old, long long time)
{
    return atomic_compare_exchange_strong(&entry->deadline, &old,
                                          entry_time(time));
}

bool
session_renew(struct entry *entry, uint32_t ref, long long now)
{
    uint32_t deadline = entry_deadline(entry);
    long long period = SESSION_RENEW_MS;

    entry->last_hit = now;
    if (deadline == ENTRY_DEAD) {
        return false;           /* Since the caller looked. */
    } else if (!ref) {
        return set_deadline(entry, deadline, now + period);
    }

    struct session *session = session_get(ref);

    for (unsigned int i = 0; i < session->tcp.n; i++) {
        struct conn *conn = session_conn_get(&session->conns[i]);
        bool reply = ((session->tcp.orientation >> i & 1)
                      != !!(ref & DIRECTION));
        bool is_new = session_has_new(session) >> i & 1 && !reply;
        long long lifetime;

        if (!conn
            || !ovs_conn_touch(session->ct, conn, reply,
                               is_new ? OVS_CT_NEW : OVS_CT_ESTABLISHED,
                               now, &lifetime)) {
            kill_by_ref(ref, CACHE_KILL_EXPIRED);
            return false;
        }
        period = MIN(period, lifetime / 8);
    }
    return set_deadline(entry, deadline, now + period);
}

void
session_prefetch(uint32_t ref)
{
    OVS_PREFETCH_WRITE(session_get(ref));
}

/* The windows of all connections, which are brought up to date on the way,
 * unless they differ. */
static bool
session_lease(struct session *session)
{
    struct tcp_window first[2], windows[2];
    uint32_t revision = tcp_revision(&session->tcp);
    unsigned int n = session->tcp.n;

    for (unsigned int i = 0; i < n; i++) {
        struct conn *conn = session_conn_get(&session->conns[i]);
        bool swap = ((session->tcp.orientation ^ session->tcp.orientation >> i)
                     & 1);

        /* This revokes other sessions' leases of the connection, and ours. */
        if (!conn || !ovs_tcp_get(conn, windows)) {
            return false;
        }
        if (!i) {
            memcpy(first, windows, sizeof first);
        } else if (memcmp(&first[0], &windows[swap], sizeof first[0])
                   || memcmp(&first[1], &windows[!swap], sizeof first[1])) {
            return false;
        }
    }
    return n && tcp_lease(&session->tcp, revision + n, 0, first);
}

enum cache_miss
session_tcp(uint32_t ref, const struct tcp_segment *segment)
{
    struct session *session = session_get(ref);
    bool direction = ref & DIRECTION;
    enum tcp_verdict verdict = tcp_segment(&session->tcp, direction, segment);

    if (OVS_UNLIKELY(verdict == TCP_NOT_LIVE) && session_lease(session)) {
        verdict = tcp_segment(&session->tcp, direction, segment);
    }
    return (OVS_LIKELY(verdict == TCP_VALID) ? CACHE_HIT
            : verdict == TCP_BUSY ? CACHE_MISS_BUSY : CACHE_MISS_TCP_STATE);
}

/* Conntrack. */

/* Without the lock, for this is asked of all that leaves a map anywhere. */
static bool
is_known(const struct conn *conn)
{
    struct session_conn *c;

    FOR_EACH_OF_CONN (c, conn) {
        return true;
    }
    return false;
}

static void
check_of_conn(const struct conn *conn)
{
    struct session_conn *c;

    ovs_mutex_lock(&mutex);
    FOR_EACH_OF_CONN (c, conn) {
        session_check(session_of(c));
    }
    ovs_mutex_unlock(&mutex);
}

void
session_before_update(struct conn *conn)
{
    struct tcp_window windows[2];
    bool was_pending = false;
    struct session_conn *c;

    if (!atomic_count_get(&n_sessions) || !ovs_conn_is_tcp(conn)) {
        return;
    }
    FOR_EACH_OF_CONN (c, conn) {
        struct session *session = session_of(c);

        if (tcp_revoke(&session->tcp, session_conn_place(c), windows)) {
            ovs_tcp_set(conn, windows);
            was_pending |= !session_first(session);
        }
    }
    if (was_pending) {
        check_of_conn(conn);
    }
}

static void
kill_of_conn(const struct conn *conn, enum cache_kill cause, bool only_new)
{
    struct session_conn *c;

    ovs_mutex_lock(&mutex);
    FOR_EACH_OF_CONN (c, conn) {
        struct session *session = session_of(c);

        if (!only_new
            || session_has_new(session) >> session_conn_place(c) & 1) {
            session_kill(session, cause);
            atomic_store_relaxed(&session->has_new, 0);
        }
    }
    ovs_mutex_unlock(&mutex);
}

void
session_after_update(struct conn *conn, bool reply, enum ovs_ct_result result)
{
    struct session_conn *c;
    bool kills_new = false;

    if (!atomic_count_get(&n_sessions)
        || (result != OVS_CT_AGAIN && !reply)) {
        return;
    }
    if (result == OVS_CT_AGAIN) {
        kill_of_conn(conn, CACHE_KILL_CONN_STATE, false);
        return;
    }
    FOR_EACH_OF_CONN (c, conn) {
        kills_new |= session_has_new(session_of(c)) != 0;
    }
    if (kills_new) {
        kill_of_conn(conn, CACHE_KILL_CONN_STATE, true);
    }
}

void
session_conn_kill(const struct conn *conn, enum cache_kill cause)
{
    if (atomic_count_get(&n_sessions) && is_known(conn)) {
        kill_of_conn(conn, cause, false);
    }
}

void
session_conn_end(const struct conn *conn)
{
    struct session_conn *c;

    if (!atomic_count_get(&n_sessions) || !is_known(conn)) {
        return;
    }
    ovs_mutex_lock(&mutex);
    FOR_EACH_OF_CONN (c, conn) {
        struct session *session = session_of(c);

        conn_remove(session, session_conn_place(c));
        session_kill(session, CACHE_KILL_CONN);
    }
    ovs_mutex_unlock(&mutex);
}

void
session_kill_all(enum cache_kill cause)
{
    struct session_conn *c;

    ovs_mutex_lock(&mutex);
    CMAP_FOR_EACH (c, node, &by_conn) {
        session_kill(session_of(c), cause);
    }
    ovs_mutex_unlock(&mutex);
}

void
session_conn_hide(const struct conn *conn)
{
    atomic_count_inc(&n_hidden);
    /* Who joins a session now sees that, or is seen. */
    atomic_thread_fence(memory_order_seq_cst);
    if (ovs_conn_is_reverse(conn)) {
        /* Conntrack has no way back from it. */
        session_kill_all(CACHE_KILL_CONN_HIDDEN);
    } else {
        session_conn_kill(conn, CACHE_KILL_CONN_HIDDEN);
    }
}

unsigned int
session_n_hidden(void)
{
    return atomic_count_get(&n_hidden);
}

size_t
session_count(void)
{
    return atomic_count_get(&n_sessions);
}

void
session_format(uint32_t ref, struct ds *ds)
{
    const struct session *session = session_get(ref);

    for (unsigned int i = 0; i < session->tcp.n; i++) {
        const struct conn *conn = session_conn_get(&session->conns[i]);

        if (conn) {
            ds_put_cstr(ds, "  connection: ");
            ovs_conn_format(conn, ds);
            ds_put_cstr(ds, session->tcp.is_live ? ", windows on lease\n"
                        : "\n");
        }
    }
}
