/*
 * SPDX-License-Identifier: Apache-2.0
 */

/* A NIC that repeats itself
 * =========================
 *
 * What: a library to preload into an ovs-vswitchd, so that two of them can be
 * given the same packets in the same batches, and all that they send can be
 * compared.  It takes the place of the receive and transmit functions of
 * DPDK's devices net_null_oracle1, net_null_oracle2..., which PMD threads
 * poll, and of tap devices p1, p2..., which the main thread polls:
 *
 *     tests/oracle --> input  --> port 1, 2... --> ovs-vswitchd
 *                      output <-- port 1, 2... <--
 *
 * Input and output are records (struct record and its bytes) in a file, that
 * of ORACLE_NIC, which is mapped by both.  There is one input for all queues
 * of all ports: a queue receives its batch when its turn has come and not
 * before, so the order of packets between ports, too, is the same in each run.
 * A batch ends with a record that says so.
 *
 * Threads take turns: nobody receives a batch while another thread has one.  A
 * thread has none any more when it polls again, for Open vSwitch sends what it
 * has received before it does that (unless tx-flush-interval is set).  So when
 * everything is 'taken', the packets are through.
 *
 * pcap devices were the other way, but replay from a FIFO blocks its thread,
 * has to be filled up to whole batches, and has no order between ports.  Dummy
 * devices, which the main thread polls too, receive one packet at a time.
 *
 * It also takes the chance out of random_init() of Open vSwitch, by the time,
 * the entropy and the thread's id that go into it.  Thereby conntrack's hash
 * basis, which chooses addresses and ports for NAT, is the same in each run.
 *
 * Faults: 'lose', 'swap' and 'spoil' make one of so many transmissions wrong,
 * which shows that the comparison notices.
 *
 * Thread-safety: 'turn_mutex' guards the input and says whose turn it is.  Who
 * has the turn sends. */

#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define DEVICE "net_null_oracle"
#define MAX_QUEUES 16
/* A thread without packets leaves the CPU to the others, but not for long: it
 * only tells RCU that it is quiescent after 1024 rounds. */
#define IDLE_POLLS 16
#define IDLE_US 20
#define MAX_FDS 1024
#define SEED 8005022

/* Keep in step with nic.py. */
#define CONTROL_SIZE 4096
#define INPUT_SIZE (64u << 20)
#define OUTPUT_SIZE (512u << 20)

struct control {
    _Atomic uint64_t given;     /* Inputs so far, raised by the test... */
    _Atomic uint64_t head;      /* ...when there are so many bytes of it. */
    _Atomic uint64_t taken;     /* Inputs whose packets are through. */
    _Atomic uint64_t tail;      /* Bytes received of the last one. */
    _Atomic uint64_t sent;      /* Bytes of output. */
    _Atomic uint64_t idle;      /* Polls that found nothing. */
    _Atomic uint32_t lose, swap, spoil;
};

enum { END_OF_BATCH = 1, GOOD_CHECKSUMS = 2 };

struct record {
    uint16_t len;
    uint8_t queue;              /* See queue_number(). */
    uint8_t flags;
};

struct port {
    uint8_t number;
    struct rte_mempool *pool;
    struct queue {
        const struct port *port;
        uint8_t number;
    } queues[MAX_QUEUES];
    void *queue_pointers[MAX_QUEUES];
};

static struct port ports[RTE_MAX_ETHPORTS];
static struct control *control;
static uint8_t *input, *output;
static uint64_t n_sent;         /* Packets, for faults. */

static pthread_mutex_t turn_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t head;           /* Of the input that is being received. */
static const char *holder;      /* The 'me' of who has a batch, or NULL. */
static __thread char me;

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

static uint8_t
queue_number(int port, int queue)
{
    return port | queue << 4;
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

static void
be_idle(bool has_other)
{
    static __thread unsigned int n;

    if (!has_other) {
        atomic_fetch_add(&control->idle, 1);
    }
    if (!(n++ % IDLE_POLLS)) {
        usleep(IDLE_US);
    }
}

/* A thread polls.  Returns true if there is something to receive, though maybe
 * not for this queue; turn_end() must follow. */
static bool
turn_begin(void)
{
    bool has_other;

    pthread_mutex_lock(&turn_mutex);
    if (holder == &me) {
        holder = NULL;
        if (control->tail == head) {
            head = 0;
            control->taken++;
        }
    }
    has_other = holder != NULL;
    if (!has_other && has_input()) {
        return true;
    }
    pthread_mutex_unlock(&turn_mutex);
    be_idle(has_other);
    return false;
}

static void
turn_end(bool has_received)
{
    if (has_received) {
        holder = &me;
    }
    pthread_mutex_unlock(&turn_mutex);
}

/* Returns the bytes of the next record, or NULL if it is another queue's. */
static const uint8_t *
next_record(uint8_t queue, struct record *record)
{
    uint64_t tail = control->tail;

    if (tail == head) {
        return NULL;
    }
    memcpy(record, input + tail, sizeof *record);
    return record->queue == queue ? input + tail + sizeof *record : NULL;
}

static void
take_record(const struct record *record)
{
    control->tail += sizeof *record + record->len;
}

static uint16_t
receive(void *queue_, struct rte_mbuf **mbufs, uint16_t n)
{
    struct queue *queue = queue_;
    struct record record = { .flags = 0 };
    const uint8_t *data;
    uint16_t i = 0;

    if (!turn_begin()) {
        return 0;
    }
    while (i < n && !(record.flags & END_OF_BATCH)
           && (data = next_record(queue->number, &record))) {
        struct rte_mbuf *mbuf = rte_pktmbuf_alloc(queue->port->pool);

        if (!mbuf) {
            break;
        }
        memcpy(rte_pktmbuf_append(mbuf, record.len), data, record.len);
        if (record.flags & GOOD_CHECKSUMS) {
            mbuf->ol_flags |= (RTE_MBUF_F_RX_IP_CKSUM_GOOD
                               | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
        }
        mbufs[i++] = mbuf;
        take_record(&record);
    }
    turn_end(i > 0);
    return i;
}

static bool
is_turn(uint32_t every)
{
    return every && !(n_sent % every);
}

/* Where a frame's bytes are to go, or NULL if it gets lost. */
static uint8_t *
send_begin(uint8_t port, uint16_t len)
{
    struct record record = { .len = len, .queue = port };
    uint64_t sent = control->sent;

    n_sent++;
    if (is_turn(control->lose)) {
        return NULL;
    }
    if (sent + sizeof record + len > OUTPUT_SIZE) {
        fprintf(stderr, "oracle-nic: too much output\n");
        abort();
    }
    memcpy(output + sent, &record, sizeof record);
    return output + sent + sizeof record;
}

static void
send_end(uint8_t *data, uint16_t len)
{
    if (is_turn(control->spoil)) {
        data[len - 1] ^= 1;
    }
    atomic_store_explicit(&control->sent, data + len - output,
                          memory_order_release);
}

static void
send_one(const struct port *port, struct rte_mbuf *mbuf)
{
    uint16_t len = rte_pktmbuf_pkt_len(mbuf);
    uint8_t *data = send_begin(port->number, len), *p = data;

    if (!data) {
        return;
    }
    for (struct rte_mbuf *seg = mbuf; seg; seg = seg->next) {
        memcpy(p, rte_pktmbuf_mtod(seg, void *), rte_pktmbuf_data_len(seg));
        p += rte_pktmbuf_data_len(seg);
    }
    send_end(data, len);
}

static uint16_t
send_burst(void *queue_, struct rte_mbuf **mbufs, uint16_t n)
{
    struct queue *queue = queue_;

    for (uint16_t i = 0; i < n; i++) {
        if (i + 1 < n && is_turn(control->swap)) {
            struct rte_mbuf *next = mbufs[i + 1];

            mbufs[i + 1] = mbufs[i];
            mbufs[i] = next;
        }
        send_one(queue->port, mbufs[i]);
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
        port->queues[i].port = port;
        port->queues[i].number = queue_number(port->number, i);
        port->queue_pointers[i] = &port->queues[i];
    }
    ops->rxq.data = ops->txq.data = port->queue_pointers;
    ops->rx_pkt_burst = receive;
    ops->tx_pkt_burst = send_burst;
    return 0;
}

/* Tap devices.  The kernel has them, too, but no packet passes it. */

static struct tap {
    uint8_t port;               /* 0: the file is none of our taps. */
    bool has_batch;             /* All of one, which is to be ended. */
} taps[MAX_FDS];                /* By file descriptor. */
static __thread bool polls_taps;

static struct tap *
tap_by_fd(int fd)
{
    return fd >= 0 && fd < MAX_FDS && taps[fd].port ? &taps[fd] : NULL;
}

int
ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;
    int result, port;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    result = ((int (*)(int, unsigned long, void *)) real("ioctl"))(
        fd, request, arg);
    if (!result && request == TUNSETIFF && fd < MAX_FDS
        && sscanf(((struct ifreq *) arg)->ifr_name, "p%d", &port) == 1) {
        if (!control) {
            map_control();
        }
        taps[fd] = (struct tap) { .port = port };
        polls_taps = true;
    }
    return result;
}

int
close(int fd)
{
    struct tap *tap = tap_by_fd(fd);

    if (tap) {
        tap->port = 0;
    }
    return REAL(close)(fd);
}

/* One packet; a batch ends where there is none. */
static ssize_t
tap_receive(struct tap *tap, const struct iovec *iov)
{
    ssize_t n = -1;
    const uint8_t *data;
    struct record record;

    errno = EAGAIN;
    if (tap->has_batch) {
        tap->has_batch = false;
        return n;
    }
    if (!turn_begin()) {
        return n;
    }
    data = next_record(queue_number(tap->port, 0), &record);
    if (data) {
        n = record.len < iov->iov_len ? record.len : iov->iov_len;
        memcpy(iov->iov_base, data, n);
        take_record(&record);
        tap->has_batch = record.flags & END_OF_BATCH;
    }
    turn_end(n >= 0);
    errno = EAGAIN;
    return n;
}

ssize_t
readv(int fd, const struct iovec *iov, int n)
{
    struct tap *tap = tap_by_fd(fd);
    ssize_t retval;

    if (!tap) {
        return REAL(readv)(fd, iov, n);
    }
    retval = tap_receive(tap, iov);
    if (retval < 0) {
        /* What the kernel sends by itself, so that it doesn't wake us. */
        REAL(readv)(fd, iov, n);
        errno = EAGAIN;
    }
    return retval;
}

ssize_t
write(int fd, const void *buffer, size_t n)
{
    static ssize_t (*write_)(int, const void *, size_t);
    struct tap *tap = tap_by_fd(fd);
    uint8_t *data;

    if (!tap) {
        if (!write_) {
            write_ = REAL(write);
        }
        return write_(fd, buffer, n);
    }
    data = send_begin(tap->port, n);
    if (data) {
        memcpy(data, buffer, n);
        send_end(data, n);
    }
    return n;
}

/* The main thread sleeps here, and no packet wakes it. */
int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
    static int (*poll_)(struct pollfd *, nfds_t, int);

    if (!poll_) {
        poll_ = REAL(poll);
    }
    if (polls_taps && timeout) {
        timeout = control->given == control->taken;     /* ms */
    }
    return poll_(fds, n, timeout);
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
