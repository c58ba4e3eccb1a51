/*
 * SPDX-License-Identifier: Apache-2.0
 */

/* A NIC that repeats itself
 * =========================
 *
 * What: a library to preload into an ovs-vswitchd, so that two of them can be
 * given the same packets in the same batches, and all that they send can be
 * compared.  It takes the place of the receive and transmit functions of
 * DPDK's devices net_null_oracle1, net_null_oracle2...:
 *
 *     tests/oracle --> input  --> port 1, 2... --> ovs-vswitchd
 *                      output <-- port 1, 2... <--
 *
 * Input and output are records (struct record and its bytes) in a file, that
 * of ORACLE_NIC, which is mapped by both.  There is one input for all ports: a
 * port receives its batch when its turn has come and not before, so the order
 * of packets between ports, too, is the same in each run.  A batch ends with a
 * record that says so.
 *
 * When everything is received and 'idle' grows, the packets are through:
 * Open vSwitch sends what it has received before it polls again (unless
 * tx-flush-interval is set).
 *
 * pcap devices were the other way, but replay from a FIFO blocks its thread,
 * has to be filled up to whole batches, and has no order between ports.
 *
 * It also takes the chance out of random_init() of Open vSwitch, by the time,
 * the entropy and the thread's id that go into it.  Thereby conntrack's hash
 * basis, which chooses addresses and ports for NAT, is the same in each run.
 *
 * Faults: 'lose', 'swap' and 'spoil' make one of so many transmissions wrong,
 * which shows that the comparison notices.
 *
 * Thread-safety: one thread polls all ports and sends. */

#include <config.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define DEVICE "net_null_oracle"
#define MAX_QUEUES 16
/* A thread without packets leaves the CPU to the others, but not for long: it
 * only tells RCU that it is quiescent after 1024 rounds. */
#define IDLE_POLLS 16
#define IDLE_US 20
#define SEED 8005022

/* Keep in step with nic.py. */
#define CONTROL_SIZE 4096
#define INPUT_SIZE (64u << 20)
#define OUTPUT_SIZE (512u << 20)

struct control {
    _Atomic uint64_t given;     /* Inputs so far, raised by the test... */
    _Atomic uint64_t head;      /* ...when there are so many bytes of it. */
    _Atomic uint64_t taken;     /* Inputs whose packets are all received. */
    _Atomic uint64_t tail;      /* Bytes received of the last one. */
    _Atomic uint64_t sent;      /* Bytes of output. */
    _Atomic uint64_t idle;      /* Polls that found nothing. */
    _Atomic uint32_t lose, swap, spoil;
};

enum { END_OF_BATCH = 1, GOOD_CHECKSUMS = 2 };

struct record {
    uint16_t len;
    uint8_t port;
    uint8_t flags;
};

struct port {
    uint8_t number;
    struct rte_mempool *pool;
    void *queues[MAX_QUEUES];   /* Each the port itself. */
};

static struct port ports[RTE_MAX_ETHPORTS];
static struct control *control;
static uint8_t *input, *output;
static uint64_t n_sent;         /* Packets, for faults. */
static uint64_t head;           /* Of the input that is being received. */

#define REAL(FUNCTION) ((__typeof__(&FUNCTION)) real(#FUNCTION))

static void *
real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function) {
        fprintf(stderr, "oracle-nic: no %s\n", name);
        abort();
    }
    return function;
}

static void
map_control(void)
{
    const char *path = getenv("ORACLE_NIC");
    int fd = path ? open(path, O_RDWR) : -1;
    uint8_t *base = mmap(NULL, CONTROL_SIZE + INPUT_SIZE + OUTPUT_SIZE,
                         PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (base == MAP_FAILED) {
        perror("oracle-nic: ORACLE_NIC");
        abort();
    }
    close(fd);
    control = (struct control *) (void *) base;
    input = base + CONTROL_SIZE;
    output = input + INPUT_SIZE;
}

static bool
has_input(void)
{
    uint64_t given = atomic_load_explicit(&control->given,
                                          memory_order_acquire);

    if (given != control->taken && !head) {
        control->tail = 0;
        head = control->head;
    }
    return head;
}

static bool
next_record(uint64_t tail, uint8_t port, struct record *record)
{
    if (tail == head) {
        return false;
    }
    memcpy(record, input + tail, sizeof *record);
    return record->port == port;
}

static uint16_t
receive(void *port_, struct rte_mbuf **mbufs, uint16_t n)
{
    struct port *port = port_;
    struct record record;
    uint16_t i = 0;
    uint64_t tail;

    if (!has_input()) {
        if (!(atomic_fetch_add(&control->idle, 1) % IDLE_POLLS)) {
            usleep(IDLE_US);
        }
        return 0;
    }
    tail = control->tail;
    while (i < n && next_record(tail, port->number, &record)) {
        struct rte_mbuf *mbuf = rte_pktmbuf_alloc(port->pool);

        if (!mbuf) {
            break;
        }
        memcpy(rte_pktmbuf_append(mbuf, record.len),
               input + tail + sizeof record, record.len);
        if (record.flags & GOOD_CHECKSUMS) {
            mbuf->ol_flags |= (RTE_MBUF_F_RX_IP_CKSUM_GOOD
                               | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
        }
        mbufs[i++] = mbuf;
        tail += sizeof record + record.len;
        if (record.flags & END_OF_BATCH) {
            break;
        }
    }
    control->tail = tail;
    if (tail == head) {
        head = 0;
        control->taken++;
    }
    return i;
}

static bool
is_turn(uint32_t every)
{
    return every && !(n_sent % every);
}

static void
send_one(const struct port *port, struct rte_mbuf *mbuf)
{
    struct record record = { .len = rte_pktmbuf_pkt_len(mbuf),
                             .port = port->number };
    uint64_t sent = control->sent;
    uint8_t *p = output + sent;

    n_sent++;
    if (is_turn(control->lose)) {
        return;
    }
    if (sent + sizeof record + record.len > OUTPUT_SIZE) {
        fprintf(stderr, "oracle-nic: too much output\n");
        abort();
    }
    memcpy(p, &record, sizeof record);
    for (struct rte_mbuf *seg = mbuf; seg; seg = seg->next) {
        memcpy(p + sizeof record, rte_pktmbuf_mtod(seg, void *),
               rte_pktmbuf_data_len(seg));
        p += rte_pktmbuf_data_len(seg);
    }
    if (is_turn(control->spoil)) {
        *(p + sizeof record - 1) ^= 1;
    }
    atomic_store_explicit(&control->sent, sent + sizeof record + record.len,
                          memory_order_release);
}

static uint16_t
send_burst(void *port, struct rte_mbuf **mbufs, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        if (i + 1 < n && is_turn(control->swap)) {
            struct rte_mbuf *next = mbufs[i + 1];

            mbufs[i + 1] = mbufs[i];
            mbufs[i] = next;
        }
        send_one(port, mbufs[i]);
    }
    rte_pktmbuf_free_bulk(mbufs, n);
    return n;
}

int
rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t n_descs,
                       unsigned int socket, const struct rte_eth_rxconf *conf,
                       struct rte_mempool *pool)
{
    ports[id].pool = pool;
    return REAL(rte_eth_rx_queue_setup)(id, queue, n_descs, socket, conf,
                                        pool);
}

int
rte_eth_dev_start(uint16_t id)
{
    struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[id];
    int error = REAL(rte_eth_dev_start)(id);
    char name[RTE_ETH_NAME_MAX_LEN];
    struct port *port = &ports[id];

    if (error || rte_eth_dev_get_name_by_port(id, name)
        || strncmp(name, DEVICE, strlen(DEVICE))) {
        return error;
    }
    if (!control) {
        map_control();
    }
    port->number = atoi(name + strlen(DEVICE));
    for (int i = 0; i < MAX_QUEUES; i++) {
        port->queues[i] = port;
    }
    ops->rxq.data = ops->txq.data = port->queues;
    ops->rx_pkt_burst = receive;
    ops->tx_pkt_burst = send_burst;
    return 0;
}

/* The chance that random_init() takes, in the order in which it does. */

static __thread struct timeval last_time;
static __thread int urandom = -1;
static __thread bool is_self_wanted;

int
gettimeofday(struct timeval *tv, void *zone)
{
    int error = REAL(gettimeofday)(tv, zone);

    last_time = *tv;
    return error;
}

int
open64(const char *path, int flags, ...)
{
    va_list args;
    int mode, fd;

    va_start(args, flags);
    mode = va_arg(args, int);
    va_end(args);
    fd = ((int (*)(const char *, int, ...)) real("open64"))(path, flags, mode);
    if (!strcmp(path, "/dev/urandom")) {
        urandom = fd;
    }
    return fd;
}

ssize_t
read(int fd, void *buffer, size_t n)
{
    static ssize_t (*read_)(int, void *, size_t);

    if (!read_) {
        read_ = REAL(read);
    }
    /* Universally unique ids take more, and should stay unique. */
    if (fd == urandom && n == sizeof(uint32_t)) {
        uint32_t value = SEED ^ last_time.tv_sec ^ last_time.tv_usec;

        memcpy(buffer, &value, sizeof value);
        urandom = -1;
        is_self_wanted = true;
        return n;
    }
    return read_(fd, buffer, n);
}

pthread_t
pthread_self(void)
{
    static pthread_t (*self)(void);

    if (is_self_wanted) {
        is_self_wanted = false;
        return (pthread_t) SEED;
    }
    if (!self) {
        self = (pthread_t (*)(void)) real("pthread_self");
    }
    return self();
}
