/*
 * SPDX-License-Identifier: Apache-2.0
 */

/* A NIC that classifies
 * =====================
 *
 * What: a library to preload into a program that uses DPDK.  It gives the
 * flow API to DPDK's af_packet devices, which have several receive queues and
 * a kernel device behind them but no flow API, and so makes a NIC of a veth:
 *
 *     far end of a veth --> AF_PACKET fanout (the RSS of this NIC) --> queue
 *         --> rules, here --> queue and mark of the rule, or dropped
 *
 * A driver of its own would be the other way.  It needs DPDK's headers for
 * drivers (ethdev_driver.h), which libdpdk-dev does not have; copies of them
 * would have to follow each release.  All that is used here is public: the
 * functions rte_flow_*(), which the preloaded library takes the place of, and
 * receive callbacks, which may change a burst, and are called for empty ones
 * too.
 *
 * What this NIC can do: match Ethernet, VLAN (with has_vlan), IPv4, IPv6, TCP,
 * UDP, SCTP, ICMP and ICMPv6 headers, any bits of them; mark, queue, rss,
 * drop and count; levels 0 to 3.  As strict drivers do it refuses 'last', bits
 * of a spec that are not in its mask, and other groups.  As any NIC it forgets
 * its rules when the port stops.  It sees no fragments: AF_PACKET puts them
 * together.
 *
 * What it can't is in its name, so that "dpdk-devargs" says all:
 * net_af_packet_MISSING with any of "nomark", "noqueue", "nocount", "nodrop",
 * "nolevels", "noipv6", "notags" (no has_vlan), and "max2" for at most 2
 * rules, for instance net_af_packet_nomark_max2,iface=l1,qpairs=2.
 *
 * A frame of Ethernet type 0x88b6 makes it ask for a reset, as a virtual
 * function does whose host has changed it; with "norestart" in its name, the
 * first 9 tries to start it then fail.  Below, af_packet just runs on, for it
 * can't be started again after it was stopped.
 *
 * Thread-safety: as DPDK asks of a driver: any number of threads may receive
 * while one changes the rules. */

#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define MAX_QUEUES 8
#define MAX_ITEMS 8
#define MAX_LEVEL 3
#define DRIVER "net_af_packet"
#define TYPE_RESET 0x88b6       /* IEEE 802: for local experiments. */

/* The bytes of an item, or of a header that is compared with it. */
union header {
    struct rte_flow_item_eth eth;
    struct rte_flow_item_vlan vlan;
    struct rte_flow_item_ipv4 ipv4;
    struct rte_flow_item_ipv6 ipv6;
    struct rte_flow_item_tcp tcp;
    struct rte_flow_item_udp udp;
    struct rte_flow_item_sctp sctp;
    struct rte_flow_item_icmp icmp;
    struct rte_flow_item_icmp6 icmp6;
    uint8_t bytes[64];
};

struct header_item {
    enum rte_flow_item_type type;
    union header spec, mask;
};

struct rte_flow {
    TAILQ_ENTRY(rte_flow) node;
    uint32_t level;
    struct header_item items[MAX_ITEMS];
    size_t n_items;
    bool has_mark, has_queue, has_drop, has_count;
    uint32_t mark;
    uint16_t queue;
    uint64_t packets, bytes;
};

/* What a port is.  Of static size, for receive callbacks may outlive a port.
 * Global, as DPDK's own table of ports is. */
struct nic {
    pthread_mutex_t mutex;
    bool is_ours;
    bool is_reset;              /* And not started yet? */
    unsigned int n_tries;       /* To start it then, ever. */
    TAILQ_HEAD(, rte_flow) rules; /* By level. */
    size_t n_rules;
    struct rte_ring *rings[MAX_QUEUES]; /* Frames that changed queues. */
    const struct rte_eth_rxtx_callback *callbacks[MAX_QUEUES];
    uint16_t n_queues;
    rte_eth_dev_cb_fn reset;    /* The application's. */
    void *reset_arg;
    char name[RTE_ETH_NAME_MAX_LEN];
};
static struct nic nics[RTE_MAX_ETHPORTS];

/* The function of this name that this library has taken the place of. */
#define REAL(FUNCTION) ((__typeof__(&FUNCTION)) dlsym(RTLD_NEXT, #FUNCTION))

static bool
lacks(const struct nic *nic, const char *what)
{
    return strstr(nic->name, what) != NULL;
}

/* Frames. */

/* A frame's headers, in the form of items. */
struct headers {
    struct header_item items[MAX_ITEMS];
    size_t n;
};

static union header *
add_header(struct headers *headers, enum rte_flow_item_type type)
{
    struct header_item *item = &headers->items[headers->n++];

    memset(item, 0, sizeof *item);
    item->type = type;
    return &item->spec;
}

/* Takes N bytes of the frame for a header of TYPE.  Ends the parsing if there
 * are fewer. */
#define PARSE(HEADERS, TYPE, MEMBER, N)                                     \
    union header *MEMBER##_header;                                          \
                                                                            \
    if (end - data < (long) (N)) {                                          \
        return;                                                             \
    }                                                                       \
    MEMBER##_header = add_header(HEADERS, RTE_FLOW_ITEM_TYPE_##TYPE);       \
    memcpy(&MEMBER##_header->MEMBER, data, N);                              \
    data += (N)

static void
parse_l4(struct headers *headers, uint8_t proto, bool is_ipv4,
         const uint8_t *data, const uint8_t *end)
{
    if (proto == IPPROTO_TCP) {
        PARSE(headers, TCP, tcp, sizeof(struct rte_tcp_hdr));
    } else if (proto == IPPROTO_UDP) {
        PARSE(headers, UDP, udp, sizeof(struct rte_udp_hdr));
    } else if (proto == IPPROTO_SCTP) {
        PARSE(headers, SCTP, sctp, sizeof(struct rte_sctp_hdr));
    } else if (proto == IPPROTO_ICMP && is_ipv4) {
        PARSE(headers, ICMP, icmp, sizeof(struct rte_icmp_hdr));
    } else if (proto == IPPROTO_ICMPV6 && !is_ipv4) {
        PARSE(headers, ICMP6, icmp6, 4);
    }
}

static void
parse(struct headers *headers, const uint8_t *data, const uint8_t *end)
{
    uint16_t type;

    headers->n = 0;
    PARSE(headers, ETH, eth, sizeof(struct rte_ether_hdr));
    type = ntohs(eth_header->eth.type);
    while (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ) {
        if (headers->n > 2) {
            return;
        }
        eth_header->eth.has_vlan = 1;
        PARSE(headers, VLAN, vlan, sizeof(struct rte_vlan_hdr));
        type = ntohs(vlan_header->vlan.inner_type);
    }
    if (type == RTE_ETHER_TYPE_IPV4) {
        const uint8_t *start = data;

        PARSE(headers, IPV4, ipv4, sizeof(struct rte_ipv4_hdr));
        data = start + rte_ipv4_hdr_len(&ipv4_header->ipv4.hdr);
        parse_l4(headers, ipv4_header->ipv4.hdr.next_proto_id, true, data,
                 end);
    } else if (type == RTE_ETHER_TYPE_IPV6) {
        PARSE(headers, IPV6, ipv6, sizeof(struct rte_ipv6_hdr));
        parse_l4(headers, ipv6_header->ipv6.hdr.proto, false, data, end);
    }
}

/* Does each item match the header in its place? */
static bool
rule_matches(const struct rte_flow *rule, const struct headers *headers)
{
    if (rule->n_items > headers->n) {
        return false;
    }
    for (size_t i = 0; i < rule->n_items; i++) {
        const struct header_item *item = &rule->items[i];
        const struct header_item *header = &headers->items[i];

        if (item->type != header->type) {
            return false;
        }
        for (size_t j = 0; j < sizeof item->mask.bytes; j++) {
            if ((item->spec.bytes[j] ^ header->spec.bytes[j])
                & item->mask.bytes[j]) {
                return false;
            }
        }
    }
    return true;
}

static struct rte_flow *
find_rule(struct nic *nic, struct rte_mbuf *mbuf)
{
    const uint8_t *data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    struct headers headers;
    struct rte_flow *rule;

    parse(&headers, data, data + rte_pktmbuf_data_len(mbuf));
    TAILQ_FOREACH (rule, &nic->rules, node) {
        if (rule_matches(rule, &headers)) {
            rule->packets++;
            rule->bytes += rte_pktmbuf_pkt_len(mbuf);
            return rule;
        }
    }
    return NULL;
}

/* Returns 'mbuf' if it stays on 'queue'. */
static struct rte_mbuf *
classify(struct nic *nic, uint16_t queue, struct rte_mbuf *mbuf)
{
    struct rte_flow *rule;

    /* AF_PACKET has taken the tag off. */
    if (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
        rte_vlan_insert(&mbuf);
        mbuf->ol_flags &= ~RTE_MBUF_F_RX_VLAN;
    }
    rule = find_rule(nic, mbuf);
    if (!rule) {
        return mbuf;
    }
    if (rule->has_drop) {
        rte_pktmbuf_free(mbuf);
        return NULL;
    }
    if (rule->has_mark) {
        mbuf->hash.fdir.hi = rule->mark;
        mbuf->ol_flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
    }
    if (!rule->has_queue || rule->queue == queue) {
        return mbuf;
    }
    if (rte_ring_enqueue(nic->rings[rule->queue], mbuf)) {
        rte_pktmbuf_free(mbuf);
    }
    return NULL;
}

static bool
is_reset(const struct rte_mbuf *mbuf)
{
    const struct rte_ether_hdr *eth
        = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);

    return (rte_pktmbuf_data_len(mbuf) >= sizeof *eth
            && eth->ether_type == htons(TYPE_RESET));
}

static uint16_t
receive(uint16_t port, uint16_t queue, struct rte_mbuf *mbufs[],
        uint16_t n, uint16_t max, void *nic_)
{
    struct nic *nic = nic_;
    uint16_t n_kept = 0;

    for (uint16_t i = 0; i < n; i++) {
        if (nic->reset && is_reset(mbufs[i])) {
            nic->reset(port, RTE_ETH_EVENT_INTR_RESET, nic->reset_arg, NULL);
        }
    }
    pthread_mutex_lock(&nic->mutex);
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *mbuf = classify(nic, queue, mbufs[i]);

        if (mbuf) {
            mbufs[n_kept++] = mbuf;
        }
    }
    pthread_mutex_unlock(&nic->mutex);
    return n_kept + rte_ring_dequeue_burst(nic->rings[queue],
                                           (void **) &mbufs[n_kept],
                                           max - n_kept, NULL);
}

/* The port. */

static void
forget_rules(struct nic *nic)
{
    struct rte_flow *rule;

    pthread_mutex_lock(&nic->mutex);
    while ((rule = TAILQ_FIRST(&nic->rules))) {
        TAILQ_REMOVE(&nic->rules, rule, node);
        free(rule);
    }
    nic->n_rules = 0;
    pthread_mutex_unlock(&nic->mutex);
}

static void
remove_queues(uint16_t port, struct nic *nic)
{
    for (uint16_t i = 0; i < nic->n_queues; i++) {
        struct rte_mbuf *mbuf;

        rte_eth_remove_rx_callback(port, i, nic->callbacks[i]);
        while (!rte_ring_dequeue(nic->rings[i], (void **) &mbuf)) {
            rte_pktmbuf_free(mbuf);
        }
        rte_ring_free(nic->rings[i]);
    }
    nic->n_queues = 0;
}

static void
add_queues(uint16_t port, struct nic *nic, uint16_t n)
{
    nic->n_queues = RTE_MIN(n, MAX_QUEUES);
    for (uint16_t i = 0; i < nic->n_queues; i++) {
        char name[RTE_RING_NAMESIZE];

        snprintf(name, sizeof name, "test-nic-%u-%u", port, i);
        nic->rings[i] = rte_ring_create(name, 1024, SOCKET_ID_ANY, 0);
        nic->callbacks[i] = rte_eth_add_rx_callback(port, i, receive, nic);
        if (!nic->rings[i] || !nic->callbacks[i]) {
            abort();
        }
    }
}

/* Applications ask for the events of all ports. */
int
rte_eth_dev_callback_register(uint16_t port, enum rte_eth_event_type event,
                              rte_eth_dev_cb_fn callback, void *arg)
{
    if (event == RTE_ETH_EVENT_INTR_RESET && port == RTE_ETH_ALL) {
        for (int i = 0; i < RTE_MAX_ETHPORTS; i++) {
            nics[i].reset = callback;
            nics[i].reset_arg = arg;
        }
    }
    return REAL(rte_eth_dev_callback_register)(port, event, callback, arg);
}

int
rte_eth_dev_reset(uint16_t port)
{
    struct nic *nic = &nics[port];

    if (!nic->is_ours) {
        return REAL(rte_eth_dev_reset)(port);
    }
    nic->is_reset = true;
    forget_rules(nic);
    return 0;
}

int
rte_eth_dev_configure(uint16_t port, uint16_t n_rxq, uint16_t n_txq,
                      const struct rte_eth_conf *conf)
{
    struct nic *nic = &nics[port];

    if (!nic->is_reset) {
        return REAL(rte_eth_dev_configure)(port, n_rxq, n_txq, conf);
    }
    return lacks(nic, "norestart") && nic->n_tries++ < 9 ? -EIO : 0;
}

int
rte_eth_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t n,
                       unsigned int socket, const struct rte_eth_rxconf *conf,
                       struct rte_mempool *pool)
{
    return (nics[port].is_reset ? 0
            : REAL(rte_eth_rx_queue_setup)(port, queue, n, socket, conf,
                                           pool));
}

int
rte_eth_tx_queue_setup(uint16_t port, uint16_t queue, uint16_t n,
                       unsigned int socket, const struct rte_eth_txconf *conf)
{
    return (nics[port].is_reset ? 0
            : REAL(rte_eth_tx_queue_setup)(port, queue, n, socket, conf));
}

int
rte_eth_dev_start(uint16_t port)
{
    struct nic *nic = &nics[port];
    struct rte_eth_dev_info info;

    if (!rte_eth_dev_info_get(port, &info)
        && !rte_eth_dev_get_name_by_port(port, nic->name)) {
        nic->is_ours = !strncmp(nic->name, DRIVER, strlen(DRIVER));
    }
    if (nic->is_ours) {
        if (!nic->rules.tqh_last) {
            TAILQ_INIT(&nic->rules);
            pthread_mutex_init(&nic->mutex, NULL);
        }
        forget_rules(nic);
        remove_queues(port, nic);
        add_queues(port, nic, info.nb_rx_queues);
        nic->is_reset = false;
    }
    return REAL(rte_eth_dev_start)(port);
}

int
rte_eth_dev_close(uint16_t port)
{
    struct nic *nic = &nics[port];

    if (nic->is_ours) {
        forget_rules(nic);
        remove_queues(port, nic);
        nic->is_ours = false;
    }
    return REAL(rte_eth_dev_close)(port);
}

/* Rules. */

static size_t
item_size(const struct nic *nic, enum rte_flow_item_type type)
{
    switch ((int) type) {
    case RTE_FLOW_ITEM_TYPE_ETH: return sizeof(struct rte_flow_item_eth);
    case RTE_FLOW_ITEM_TYPE_VLAN: return sizeof(struct rte_flow_item_vlan);
    case RTE_FLOW_ITEM_TYPE_IPV4: return sizeof(struct rte_flow_item_ipv4);
    case RTE_FLOW_ITEM_TYPE_IPV6:
        return lacks(nic, "noipv6") ? 0 : sizeof(struct rte_flow_item_ipv6);
    case RTE_FLOW_ITEM_TYPE_TCP: return sizeof(struct rte_flow_item_tcp);
    case RTE_FLOW_ITEM_TYPE_UDP: return sizeof(struct rte_flow_item_udp);
    case RTE_FLOW_ITEM_TYPE_SCTP: return sizeof(struct rte_flow_item_sctp);
    case RTE_FLOW_ITEM_TYPE_ICMP: return sizeof(struct rte_flow_item_icmp);
    case RTE_FLOW_ITEM_TYPE_ICMP6: return sizeof(struct rte_flow_item_icmp6);
    default: return 0;
    }
}

static int
refuse(struct rte_flow_error *error, enum rte_flow_error_type type,
       const char *message)
{
    return rte_flow_error_set(error, ENOTSUP, type, NULL, message);
}

static int
add_item(const struct nic *nic, const struct rte_flow_item *item,
         struct rte_flow *rule, struct rte_flow_error *error)
{
    struct header_item *header = &rule->items[rule->n_items++];
    size_t size = item_size(nic, item->type);

    if (!size || rule->n_items > MAX_ITEMS) {
        return refuse(error, RTE_FLOW_ERROR_TYPE_ITEM, "header is unknown");
    }
    if (item->last) {
        return refuse(error, RTE_FLOW_ERROR_TYPE_ITEM_LAST,
                      "ranges are not supported");
    }
    if (!item->spec != !item->mask) {
        return refuse(error, RTE_FLOW_ERROR_TYPE_ITEM_MASK,
                      "spec and mask must come together");
    }
    memset(header, 0, sizeof *header);
    header->type = item->type;
    if (item->spec) {
        memcpy(&header->spec, item->spec, size);
        memcpy(&header->mask, item->mask, size);
    }
    if (item->type == RTE_FLOW_ITEM_TYPE_ETH && header->mask.eth.has_vlan
        && lacks(nic, "notags")) {
        return refuse(error, RTE_FLOW_ERROR_TYPE_ITEM_MASK,
                      "frames can't be told by their having a tag");
    }
    for (size_t i = 0; i < size; i++) {
        if (header->spec.bytes[i] & ~header->mask.bytes[i]) {
            return refuse(error, RTE_FLOW_ERROR_TYPE_ITEM_SPEC,
                          "spec has bits that are not in the mask");
        }
    }
    return 0;
}

static int
add_action(const struct nic *nic, const struct rte_flow_action *action,
           struct rte_flow *rule, struct rte_flow_error *error)
{
    const enum rte_flow_error_type type = RTE_FLOW_ERROR_TYPE_ACTION;

    switch ((int) action->type) {
    case RTE_FLOW_ACTION_TYPE_MARK:
        if (lacks(nic, "nomark")) {
            return refuse(error, type, "frames can't be marked");
        }
        rule->has_mark = true;
        rule->mark = ((const struct rte_flow_action_mark *)
                      action->conf)->id;
        return 0;
    case RTE_FLOW_ACTION_TYPE_QUEUE:
        rule->has_queue = true;
        rule->queue = ((const struct rte_flow_action_queue *)
                       action->conf)->index;
        return (lacks(nic, "noqueue")
                ? refuse(error, type, "rules have no queue")
                : rule->queue >= nic->n_queues
                ? refuse(error, type, "there is no such queue") : 0);
    case RTE_FLOW_ACTION_TYPE_RSS:
        return 0;
    case RTE_FLOW_ACTION_TYPE_DROP:
        rule->has_drop = true;
        return (lacks(nic, "nodrop")
                ? refuse(error, type, "frames can't be dropped") : 0);
    case RTE_FLOW_ACTION_TYPE_COUNT:
        rule->has_count = true;
        return (lacks(nic, "nocount")
                ? refuse(error, type, "there are no counters") : 0);
    default:
        return refuse(error, type, "action is unknown");
    }
}

static int
make_rule(const struct nic *nic, const struct rte_flow_attr *attr,
          const struct rte_flow_item items[],
          const struct rte_flow_action actions[], struct rte_flow *rule,
          struct rte_flow_error *error)
{
    int ret = 0;

    memset(rule, 0, sizeof *rule);
    rule->level = attr->priority;
    if (!attr->ingress || attr->egress || attr->transfer || attr->group) {
        return refuse(error, RTE_FLOW_ERROR_TYPE_ATTR,
                      "rules are for ingress and in group 0");
    }
    if (rule->level > (lacks(nic, "nolevels") ? 0 : MAX_LEVEL)) {
        return refuse(error, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY,
                      "there is no such level");
    }
    for (; !ret && items->type != RTE_FLOW_ITEM_TYPE_END; items++) {
        ret = add_item(nic, items, rule, error);
    }
    for (; !ret && actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) {
        ret = add_action(nic, actions, rule, error);
    }
    return ret;
}

int
rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                  const struct rte_flow_item items[],
                  const struct rte_flow_action actions[],
                  struct rte_flow_error *error)
{
    struct rte_flow rule;

    return (nics[port].is_ours
            ? make_rule(&nics[port], attr, items, actions, &rule, error)
            : REAL(rte_flow_validate)(port, attr, items, actions, error));
}

struct rte_flow *
rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                const struct rte_flow_item items[],
                const struct rte_flow_action actions[],
                struct rte_flow_error *error)
{
    struct nic *nic = &nics[port];
    struct rte_flow *rule, *next;

    if (!nic->is_ours) {
        return REAL(rte_flow_create)(port, attr, items, actions, error);
    }
    rule = malloc(sizeof *rule);
    if (!rule || make_rule(nic, attr, items, actions, rule, error)) {
        free(rule);
        return NULL;
    }
    if (lacks(nic, "max2") && nic->n_rules == 2) {
        free(rule);
        refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, "the table is full");
        return NULL;
    }

    pthread_mutex_lock(&nic->mutex);
    TAILQ_FOREACH (next, &nic->rules, node) {
        if (next->level > rule->level) {
            break;
        }
    }
    if (next) {
        TAILQ_INSERT_BEFORE(next, rule, node);
    } else {
        TAILQ_INSERT_TAIL(&nic->rules, rule, node);
    }
    nic->n_rules++;
    pthread_mutex_unlock(&nic->mutex);
    return rule;
}

int
rte_flow_destroy(uint16_t port, struct rte_flow *rule,
                 struct rte_flow_error *error)
{
    struct nic *nic = &nics[port];

    if (!nic->is_ours) {
        return REAL(rte_flow_destroy)(port, rule, error);
    }
    pthread_mutex_lock(&nic->mutex);
    TAILQ_REMOVE(&nic->rules, rule, node);
    nic->n_rules--;
    pthread_mutex_unlock(&nic->mutex);
    free(rule);
    return 0;
}

int
rte_flow_query(uint16_t port, struct rte_flow *rule,
               const struct rte_flow_action *action, void *data,
               struct rte_flow_error *error)
{
    struct nic *nic = &nics[port];
    struct rte_flow_query_count *count = data;

    if (!nic->is_ours) {
        return REAL(rte_flow_query)(port, rule, action, data, error);
    }
    if (action->type != RTE_FLOW_ACTION_TYPE_COUNT || !rule->has_count) {
        return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION, "nothing to query");
    }
    pthread_mutex_lock(&nic->mutex);
    count->hits_set = count->bytes_set = 1;
    count->hits = rule->packets;
    count->bytes = rule->bytes;
    pthread_mutex_unlock(&nic->mutex);
    return 0;
}
