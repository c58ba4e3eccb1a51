/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/vnic-private.h"

#include "datapath-ext/front.h"
#include "datapath-ext/learned.h"
#include "datapath-ext/limit.h"
#include "datapath-ext/link.h"
#include "datapath-ext/ring.h"
#include "datapath-ext/rules.h"
#include "datapath-ext/steer.h"
#include "datapath-ext/vnic-config.h"
#include "netdev-provider.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vnic);

struct ovs_mutex vnics_mutex = OVS_MUTEX_INITIALIZER;
struct shash vnics = SHASH_INITIALIZER(&vnics);
struct shash vnic_devices = SHASH_INITIALIZER(&vnic_devices);

/* Raised when an address was learned.  Global as 'vnics' is. */
static struct seq *learn_seq;
static uint64_t learn_seen;
static long long int learn_next = LLONG_MIN;

/* Set once. */
static vnic_find_link *find_link;
static vnic_set_polling *set_polling;

void
vnics_init(vnic_find_link *find, vnic_set_polling *set)
{
    find_link = find;
    set_polling = set;
    learn_seq = seq_create();
    learn_seen = seq_read(learn_seq);
}

char *
ring_port_name(const char *vnic, int id)
{
    return xasprintf("%s.%d", vnic, id);
}

/* Finds the VNIC and the ring that the port 'name' is for.  A VNIC's own name
 * goes before that of another VNIC's ring. */
struct vnic *
vnic_from_port_name(const char *name, const struct ring_config **ring)
    OVS_REQUIRES(vnics_mutex)
{
    struct vnic *vnic = shash_find_data(&vnics, name);
    const char *dot = strrchr(name, '.');
    int id;

    *ring = NULL;
    if (vnic) {
        *ring = &vnic->config.ring;
        return vnic;
    }
    if (dot && str_to_int(dot + 1, 10, &id)) {
        char *prefix = xmemdup0(name, dot - name);

        vnic = shash_find_data(&vnics, prefix);
        free(prefix);
        *ring = vnic ? vnic_config_find_ring(&vnic->config, id) : NULL;
    }
    return *ring ? vnic : NULL;
}

struct vnic_device *
find_device(const struct vnic *vnic, const struct ring_config *ring)
    OVS_REQUIRES(vnics_mutex)
{
    if (ring == &vnic->config.ring) {
        return shash_find_data(&vnic_devices, vnic->config.name);
    }

    char *name = ring_port_name(vnic->config.name, ring->id);
    struct vnic_device *device = shash_find_data(&vnic_devices, name);

    free(name);
    return device;
}

/* Ports. */

static void
link_port_free(struct link_port *port)
{
    steer_destroy(port->steer);
    free(port);
}

static bool
is_wanted_place(const struct vnic *vnic, const struct link *link)
{
    const struct vnic_config *config = &vnic->config;
    const struct link_port wanted = {
        .claim.key = { .mac = config->mac, .vlan = config->vlan },
        .is_default = config->is_default,
    };

    return (vnic->port && vnic->port->link == link
            && link_port_same_key(vnic->port, &wanted));
}

static void
vnic_collect_addresses(const struct vnic *vnic, struct vnic_addresses *own)
{
    const struct vnic_config *config = &vnic->config;
    size_t n = config->n_addresses;

    own->addresses = xmalloc((n + LEARNED_MAX) * sizeof *own->addresses);
    nullable_memcpy(own->addresses, config->addresses,
                    n * sizeof *own->addresses);
    own->n_learned = vnic->learned
        ? learned_get(vnic->learned, &own->addresses[n]) : 0;
    own->n = n + own->n_learned;
}

void
vnic_addresses_destroy(struct vnic_addresses *own)
{
    free(own->addresses);
}

bool
vnic_get_addresses(const char *name, struct vnic_addresses *own)
{
    const struct vnic *vnic;

    ovs_mutex_lock(&vnics_mutex);
    vnic = shash_find_data(&vnics, name);
    if (vnic) {
        vnic_collect_addresses(vnic, own);
    }
    ovs_mutex_unlock(&vnics_mutex);
    return vnic != NULL;
}

/* The steering of a VNIC, or NULL if all goes to its default ring. */
static struct steer *
build_steer(const struct vnic *vnic)
    OVS_REQUIRES(vnics_mutex)
{
    const struct vnic_config *config = &vnic->config;
    struct steer_options options = {
        .fallback = device_ring(find_device(vnic, &config->ring)),
        .rules = config->rules,
        .n_rules = config->n_rules,
    };

    for (size_t i = 0; i < config->n_rings; i++) {
        const struct ring_config *ring = &config->rings[i];
        struct ring *found = device_ring(find_device(vnic, ring));

        options.by_id[ring->id] = found;
        if (ring->role == RING_LOCAL) {
            options.local = found;
        } else if (ring->role == RING_FORWARD) {
            options.forward = found;
        }
    }
    if (vnic->learned) {
        learned_taken(vnic->learned);
    }
    if (!config->n_rings && !config->n_rules) {
        return NULL;
    }

    struct vnic_addresses own = { .n = 0 };
    struct steer *steer;

    vnic_collect_addresses(vnic, &own);
    options.addresses = own.addresses;
    options.n_addresses = own.n;
    steer = steer_create(&options);
    vnic_addresses_destroy(&own);
    return steer;
}

static struct link_port *
build_port(const struct vnic *vnic, struct link *link)
    OVS_REQUIRES(vnics_mutex)
{
    const struct vnic_device *main_device
        = find_device(vnic, &vnic->config.ring);
    struct link_port *port = xzalloc(sizeof *port);

    port->claim.key.mac = vnic->config.mac;
    port->claim.key.vlan = vnic->config.vlan;
    port->is_default = vnic->config.is_default;
    port->link = link;
    port->ring = device_ring(main_device);
    port->steer = build_steer(vnic);
    port->tx = vnic->tx;
    port->drops = main_device->drops;
    return port;
}

/* Attachment. */

static void
vnic_set_tx(struct vnic *vnic, bool wakes)
    OVS_REQUIRES(vnics_mutex)
{
    struct ring_options options = {
        .depth = vnic->config.ring.depth,
        .wakes = wakes,
        .is_tx = true,
        .limit = vnic->tx_limit,
    };

    if (vnic->tx && !(vnic->tx_limit
                      && ring_has_options(vnic->tx, &options))) {
        ring_retire(vnic->tx);
        vnic->tx = NULL;
    }
    if (!vnic->tx && vnic->tx_limit) {
        vnic->tx = ring_create(&options, find_device(
            vnic, &vnic->config.ring)->drops);
    }
}

void
vnic_detach(struct vnic *vnic)
    OVS_REQUIRES(vnics_mutex)
{
    struct vnic_device *device;

    if (!vnic->port) {
        return;
    }
    link_remove_port(vnic->port->link, vnic->port);
    LIST_FOR_EACH_SAFE (device, node, &vnic->devices) {
        device_detach(device);
    }
    ring_retire(vnic->tx);
    vnic->tx = NULL;
    ovsrcu_postpone(link_port_free, vnic->port);
    vnic->port = NULL;
    ovsrcu_set(&vnic->published, NULL);
}

/* Gives all rings to the devices that can serve them, and takes them from
 * those that can't.  Rings that go stay usable for a grace period, which the
 * port that still names them needs. */
static void
vnic_set_rings(struct vnic *vnic, struct link *link)
    OVS_REQUIRES(vnics_mutex)
{
    const struct vnic_config *config = &vnic->config;
    struct ovs_list had = OVS_LIST_INITIALIZER(&had);
    struct vnic_device *device;

    ovs_list_push_back_all(&had, &vnic->devices);
    for (size_t i = 0; i <= config->n_rings; i++) {
        const struct ring_config *ring = i ? &config->rings[i - 1]
                                           : &config->ring;

        device = find_device(vnic, ring);
        if (device_is_ready(device, vnic, link)) {
            device_set_ring(device, vnic, ring, link);
            ovs_list_remove(&device->node);
            ovs_list_push_back(&vnic->devices, &device->node);
        }
    }
    LIST_FOR_EACH_SAFE (device, node, &had) {
        device_detach(device);
    }
}

/* Makes 'vnic' what its configuration and its devices say, on 'link'. */
void
vnic_rebuild(struct vnic *vnic, struct link *link)
    OVS_REQUIRES(vnics_mutex)
{
    struct link_port *old = vnic->port, *new;
    struct vnic_device *device;

    vnic_set_tx(vnic, !link_is_pmd(link));
    vnic_set_rings(vnic, link);
    new = build_port(vnic, link);
    if (old) {
        steer_inherit(new->steer, old->steer);
        link_replace_port(link, old, new);
    } else if (!link_add_port(link, new)) {
        VLOG_WARN("%s: its place on link %s is taken", vnic->config.name,
                  link_name(link));
        link_port_free(new);
        new = NULL;
        /* vnic_detach() is for those that are attached. */
        ring_retire(vnic->tx);
        vnic->tx = NULL;
    }
    vnic->port = new;
    ovsrcu_set(&vnic->published, new);
    LIST_FOR_EACH_SAFE (device, node, &vnic->devices) {
        if (new) {
            device_set_member(device, link);
            device_publish(device, new);
        } else {
            device_detach(device);
        }
    }
    if (old) {
        ovsrcu_postpone(link_port_free, old);
    }
    vnic->is_stale = false;
}

static struct link *
wanted_link(const struct vnic *vnic)
{
    return (vnic->config.link && !vnic->config.error
            ? find_link(vnic->config.link) : NULL);
}

/* Makes the devices of 'vnic' be polled as its link is.  Returns false if one
 * that must be there isn't yet. */
static bool
vnic_set_polling_all(const struct vnic *vnic, const struct link *link)
    OVS_REQUIRES(vnics_mutex)
{
    const struct vnic_config *config = &vnic->config;
    bool is_pmd = link_is_pmd(link);
    bool has_required = true;

    for (size_t i = 0; i < config->n_rings; i++) {
        struct vnic_device *device = find_device(vnic, &config->rings[i]);

        if (!(device && !device->is_default
              && set_polling(device->netdev, is_pmd))
            && config->rings[i].is_required) {
            has_required = false;
        }
    }

    struct vnic_device *device = find_device(vnic, &config->ring);

    return (device && device->is_default == config->is_default
            && set_polling(device->netdev, is_pmd) && has_required);
}

/* Does a device of 'vnic' belong to another VNIC now, whose name is that of
 * the device? */
static bool
vnic_has_foreign(const struct vnic *vnic)
    OVS_REQUIRES(vnics_mutex)
{
    const struct vnic_device *device;
    const struct ring_config *ring;

    LIST_FOR_EACH (device, node, &vnic->devices) {
        const struct vnic *owner
            = vnic_from_port_name(netdev_get_name(device->netdev), &ring);

        /* Nobody's is that of a ring that was removed: vnic_set_rings() takes
         * it away, and the other rings keep their frames. */
        if (owner && owner != vnic) {
            return true;
        }
    }
    return false;
}

/* Main thread. */
void
vnic_update(struct vnic *vnic)
    OVS_REQUIRES(vnics_mutex)
{
    struct link *link = wanted_link(vnic);

    if (!link || vnic->refusal || !vnic_set_polling_all(vnic, link)) {
        vnic_detach(vnic);
        return;
    }
    if (!is_wanted_place(vnic, link)) {
        vnic_detach(vnic);
    } else if (!vnic->is_stale) {
        return;
    }
    vnic_rebuild(vnic, link);
}

/* Configuration. */

static void
set_limit(struct limit **limit, uint64_t kbps)
{
    limit_unref(*limit);
    *limit = limit_create(kbps);
}

static void
vnic_set_config(struct vnic *vnic, const struct vnic_config *config)
{
    if (vnic->config.maxbw_kbps != config->maxbw_kbps) {
        set_limit(&vnic->rx_limit, config->maxbw_kbps);
        set_limit(&vnic->tx_limit, config->maxbw_kbps);
    }
    vnic_config_destroy(&vnic->config);
    vnic_config_copy(&vnic->config, config);
    vnic->is_stale = true;
}

/* What was heard was heard from whoever had the VNIC's address, VLAN and
 * link. */
static void
vnic_reset_learned(struct vnic *vnic)
{
    learned_retire(vnic->learned);
    vnic->learned = vnic->config.learns ? learned_create() : NULL;
}

static bool
has_wanted_front(const struct vnic *vnic)
{
    return (!vnic->front
            || (vnic->config.front
                && !strcmp(front_name(vnic->front), vnic->config.front)
                && !strcmp(front_type(vnic->front),
                           vnic->config.front_type)));
}

static void
vnic_destroy(struct vnic *vnic, struct old_fronts *old)
    OVS_REQUIRES(vnics_mutex)
{
    vnic_drop_front(vnic, old);
    vnic_detach(vnic);
    limit_unref(vnic->rx_limit);
    limit_unref(vnic->tx_limit);
    learned_retire(vnic->learned);
    free(vnic->refusal);
    vnic_config_destroy(&vnic->config);
    /* The rules that named it have been replaced, but may be in use still. */
    ovsrcu_postpone(free, vnic);
}

static void
vnics_delete_unwanted(const struct shash *wanted, struct old_fronts *old)
    OVS_REQUIRES(vnics_mutex)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &vnics) {
        if (!shash_find(wanted, node->name)) {
            vnic_destroy(node->data, old);
            shash_delete(&vnics, node);
        }
    }
}

static void
vnics_set_configs(const struct vnic_config *configs, size_t n)
    OVS_REQUIRES(vnics_mutex)
{
    for (size_t i = 0; i < n; i++) {
        struct vnic *vnic = shash_find_data(&vnics, configs[i].name);

        if (!vnic) {
            vnic = xzalloc(sizeof *vnic);
            ovs_list_init(&vnic->devices);
            shash_add(&vnics, configs[i].name, vnic);
        } else if (vnic_config_equal(&vnic->config, &configs[i])) {
            continue;
        }
        bool is_same = (vnic->config.learns == configs[i].learns
                        && eth_addr_equals(vnic->config.mac, configs[i].mac)
                        && vnic->config.vlan == configs[i].vlan
                        && nullable_string_is_equal(vnic->config.link,
                                                    configs[i].link));

        vnic_set_config(vnic, &configs[i]);
        if (!is_same) {
            vnic_reset_learned(vnic);
        }
    }
}

/* The VNIC that a rule of a link names.  It need not be there: the daemon may
 * hold it back. */
static struct vnic *
rule_vnic(const struct rule *rule, const struct shash *wanted)
    OVS_REQUIRES(vnics_mutex)
{
    return (rule->vnic && shash_find(wanted, rule->vnic)
            ? shash_find_data(&vnics, rule->vnic) : NULL);
}

static bool
link_rules_are_current(const struct link *link, const struct link_rules *new,
                       const struct shash *wanted)
    OVS_REQUIRES(vnics_mutex)
{
    const struct rules *rules = link_get_rules(link);

    if (!link_has_rules(link, new->rules, new->n)) {
        return false;
    }
    for (size_t i = 0; i < new->n; i++) {
        const struct rule *rule = rules_get(rules, i);

        if (rule->aux != rule_vnic(rule, wanted)) {
            return false;
        }
    }
    return true;
}

/* Gives a link its rules, and these the VNICs that they name. */
static void
set_link_rules(const struct link_rules *new, const struct shash *wanted)
    OVS_REQUIRES(vnics_mutex)
{
    struct link *link = find_link(new->link);
    struct rules *rules;

    if (!link || link_rules_are_current(link, new, wanted)) {
        return;
    }
    rules = new->n ? rules_create(new->rules, new->n) : NULL;
    for (size_t i = 0; i < new->n; i++) {
        struct rule *rule = rules_get(rules, i);

        rule->aux = rule_vnic(rule, wanted);
    }
    link_set_rules(link, new->rules, new->n, rules);
}

void
vnics_set(const struct vnic_config *configs, size_t n,
          const struct link_rules *rules, size_t n_rules)
{
    struct shash wanted = SHASH_INITIALIZER(&wanted);
    struct old_fronts old = { .n = 0 };
    struct shash_node *node;

    for (size_t i = 0; i < n; i++) {
        shash_add(&wanted, configs[i].name, &configs[i]);
    }

    ovs_mutex_lock(&vnics_mutex);
    vnics_set_configs(configs, n);
    for (size_t i = 0; i < n_rules; i++) {
        set_link_rules(&rules[i], &wanted);
    }
    vnics_delete_unwanted(&wanted, &old);
    /* Two VNICs may have exchanged their addresses, so that all must leave
     * the places that they are no longer to have before one enters a new. */
    SHASH_FOR_EACH (node, &vnics) {
        struct vnic *vnic = node->data;

        if (!has_wanted_front(vnic)) {
            vnic_drop_front(vnic, &old);
        }
        if (vnic->port && (!is_wanted_place(vnic, wanted_link(vnic))
                           || vnic_has_foreign(vnic))) {
            vnic_detach(vnic);
        }
    }
    SHASH_FOR_EACH (node, &vnics) {
        struct vnic *vnic = node->data;

        free(vnic->refusal);
        vnic->refusal = NULL;
        vnic_update(vnic);
    }
    ovs_mutex_unlock(&vnics_mutex);
    for (size_t i = 0; i < n_rules; i++) {
        struct link *link = find_link(rules[i].link);

        if (link) {
            vnics_place(link);
        }
    }
    old_fronts_close(&old);
    shash_destroy(&wanted);
}

struct link_port *
vnic_get_port(const struct vnic *vnic)
{
    return ovsrcu_get(struct link_port *,
                      &CONST_CAST(struct vnic *, vnic)->published);
}

/* The main loop. */

#define LEARN_INTERVAL_MS 100

void
vnics_learned(void)
{
    seq_change(learn_seq);
}

void
vnics_run(void)
{
    struct shash_node *node;

    if (seq_read(learn_seq) == learn_seen || time_msec() < learn_next) {
        return;
    }
    learn_seen = seq_read(learn_seq);
    learn_next = time_msec() + LEARN_INTERVAL_MS;

    ovs_mutex_lock(&vnics_mutex);
    SHASH_FOR_EACH (node, &vnics) {
        struct vnic *vnic = node->data;

        if (vnic->learned && learned_changed(vnic->learned)) {
            vnic->is_stale = true;
            vnic_update(vnic);
        }
    }
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnics_wait(void)
{
    if (seq_read(learn_seq) != learn_seen) {
        poll_timer_wait_until(learn_next);
    } else {
        seq_wait(learn_seq, learn_seen);
    }
}

void
vnics_detach(const struct link *link)
{
    struct shash_node *node;

    ovs_mutex_lock(&vnics_mutex);
    SHASH_FOR_EACH (node, &vnics) {
        struct vnic *vnic = node->data;

        if (vnic->port && vnic->port->link == link) {
            vnic_detach(vnic);
        }
    }
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnics_notify(const struct link *link)
{
    struct shash_node *node;

    ovs_mutex_lock(&vnics_mutex);
    SHASH_FOR_EACH (node, &vnics) {
        const struct vnic *vnic = node->data;
        const struct vnic_device *device;

        if (vnic->port && vnic->port->link == link) {
            LIST_FOR_EACH (device, node, &vnic->devices) {
                netdev_change_seq_changed(device->netdev);
            }
        }
    }
    ovs_mutex_unlock(&vnics_mutex);
}
