/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/local-learn.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "rtnetlink.h"
#include "timeval.h"
#include "util.h"
#include "vswitchd-plugin/netns-names.h"
#include "vswitchd-plugin/netns.h"

VLOG_DEFINE_THIS_MODULE(vnic_local_learn);

#define CHECK_INTERVAL 1000     /* Of names, where inotify is no help. */
#define DUMP_INTERVAL 100       /* Of a namespace; both in msec. */

struct addresses {
    struct in6_addr addrs[LOCAL_LEARN_MAX];
    size_t n, n_ignored;
};

/* A namespace, shared by the VNICs in it. */
struct place {
    char *name;
    struct netns *ns;           /* NULL if it can't be opened. */
    char *error;                /* Why. */
    bool is_dirty;              /* Something has changed... */
    long long int next_dump;    /* ...but is not read before, in msec. */
    bool is_wanted;             /* For local_learn_set(). */
};

struct guest {
    struct eth_addr mac;
    struct place *place;
    struct addresses now;
    struct addresses next;      /* While it is collected. */
    bool is_wanted;             /* For local_learn_set(). */
};

struct local_learn {
    struct shash places;        /* Contains "struct place"s. */
    struct shash guests;        /* Contains "struct guest"s. */
    uint64_t seqno;

    struct netns_names names;   /* Watched while something is wanted. */
    long long int next_check;   /* Of names, in msec. */
};

/* An interface that is a guest's.  While addresses are collected. */
struct iface {
    struct hmap_node node;      /* By 'ifindex'. */
    int ifindex;
    struct guest *guest;
};

struct collector {
    struct local_learn *ll;
    const struct place *place;
    struct hmap ifaces;         /* Contains "struct iface"s. */
};

static void
collect_link(struct ofpbuf *msg, void *collector_)
{
    struct collector *collector = collector_;
    struct rtnetlink_change change;
    struct shash_node *node;

    if (!rtnetlink_parse(msg, &change)) {
        return;
    }
    SHASH_FOR_EACH (node, &collector->ll->guests) {
        struct guest *guest = node->data;

        if (guest->place == collector->place
            && eth_addr_equals(guest->mac, change.mac)) {
            struct iface *iface = xmalloc(sizeof *iface);

            iface->ifindex = change.if_index;
            iface->guest = guest;
            hmap_insert(&collector->ifaces, &iface->node,
                        hash_int(iface->ifindex, 0));
        }
    }
}

static void
add_address(struct addresses *set, const struct in6_addr *addr)
{
    for (size_t i = 0; i < set->n; i++) {
        if (IN6_ARE_ADDR_EQUAL(&set->addrs[i], addr)) {
            return;
        }
    }
    if (set->n < LOCAL_LEARN_MAX) {
        set->addrs[set->n++] = *addr;
    } else {
        set->n_ignored++;
    }
}

static void
collect_address(struct ofpbuf *msg, void *collector_)
{
    struct collector *collector = collector_;
    struct in6_addr addr;
    struct iface *iface;
    int ifindex;

    if (!netns_parse_address(msg, &ifindex, &addr)) {
        return;
    }
    HMAP_FOR_EACH_WITH_HASH (iface, node, hash_int(ifindex, 0),
                             &collector->ifaces) {
        if (iface->ifindex == ifindex) {
            add_address(&iface->guest->next, &addr);
        }
    }
}

static int
compare_addresses(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr));
}

/* Returns true if 'guest->next' is news. */
static bool
accept_addresses(struct guest *guest)
{
    struct addresses *now = &guest->now;
    struct addresses *next = &guest->next;
    size_t size = next->n * sizeof next->addrs[0];

    qsort(next->addrs, next->n, sizeof next->addrs[0], compare_addresses);
    if (now->n == next->n && now->n_ignored == next->n_ignored
        && !memcmp(now->addrs, next->addrs, size)) {
        return false;
    }
    *now = *next;
    return true;
}

/* Makes the guests in 'place' have what was collected. */
static bool
accept_place(struct local_learn *ll, const struct place *place)
{
    struct shash_node *node;
    bool changed = false;

    SHASH_FOR_EACH (node, &ll->guests) {
        struct guest *guest = node->data;

        if (guest->place == place) {
            changed |= accept_addresses(guest);
        }
    }
    return changed;
}

static void
clear_next(struct local_learn *ll, const struct place *place)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &ll->guests) {
        struct guest *guest = node->data;

        if (guest->place == place) {
            guest->next.n = guest->next.n_ignored = 0;
        }
    }
}

/* Reads the addresses of all guests in 'place'.  Returns true if something
 * has changed. */
static bool
place_refresh(struct local_learn *ll, struct place *place)
{
    struct collector collector = { .ll = ll, .place = place };
    long long int start = time_msec();
    int error = 0;

    clear_next(ll, place);
    place->is_dirty = false;
    if (place->ns) {
        struct iface *iface;

        hmap_init(&collector.ifaces);
        error = netns_dump(place->ns, RTM_GETLINK, collect_link, &collector);
        if (!error) {
            error = netns_dump(place->ns, RTM_GETADDR, collect_address,
                               &collector);
        }
        HMAP_FOR_EACH_POP (iface, node, &collector.ifaces) {
            free(iface);
        }
        hmap_destroy(&collector.ifaces);
        place->next_dump = time_msec() + MAX(DUMP_INTERVAL,
                                             10 * (time_msec() - start));
    }
    if (error) {
        VLOG_DBG("namespace %s: %s", place->name, ovs_strerror(error));
        place->is_dirty = true;
        if (error != EAGAIN) {
            place->next_dump += CHECK_INTERVAL;
        }
        return false;
    }
    return accept_place(ll, place);
}

static char *
describe_error(const char *name, int error)
{
    switch (error) {
    case ENOENT:
        return xasprintf("netns: there is no "NETNS_DIR"/%s; create it with "
                         "\"ip netns add %s\", or clear the column",
                         name, name);
    case EINVAL:
        return xasprintf("netns: "NETNS_DIR"/%s is no network namespace; "
                         "remove it and use \"ip netns add %s\"",
                         name, name);
    case EPERM:
    case EACCES:
        return xasprintf("netns: ovs-vswitchd may not enter the namespace "
                         "\"%s\"; run it as root, or clear the column", name);
    default:
        return xasprintf("netns: the namespace \"%s\" can't be watched (%s); "
                         "mend that, or clear the column",
                         name, ovs_strerror(error));
    }
}

static void
place_set_error(struct place *place, char *error)
{
    free(place->error);
    place->error = error;
}

/* Makes 'place' what its name stands for now.  Returns true if that is
 * another than before, or another error. */
static bool
place_check(struct place *place)
{
    if (!netns_name_is_valid(place->name)) {
        bool is_new = !place->error;

        place_set_error(place, xasprintf(
            "netns: \"%s\" is no name of a namespace; use one that \"ip "
            "netns list\" shows", place->name));
        return is_new;
    }
    if (place->ns && netns_is_current(place->ns)) {
        return false;
    }

    bool was_open = place->ns != NULL;
    char *old_error = place->error;

    /* At once, for it keeps the namespace alive. */
    netns_close(place->ns);
    place->error = NULL;

    int error = netns_open(place->name, &place->ns);

    if (error) {
        place_set_error(place, describe_error(place->name, error));
    }

    bool changed = (was_open || !error || !old_error
                    || strcmp(old_error, place->error));
    free(old_error);
    return changed;
}

/* Must names be checked without a sign from inotify? */
static bool
needs_timer(const struct local_learn *ll)
{
    struct shash_node *node;

    if (shash_is_empty(&ll->places)) {
        return false;
    }
    SHASH_FOR_EACH (node, &ll->places) {
        const struct place *place = node->data;

        if (!place->ns && netns_name_is_valid(place->name)) {
            return true;
        }
    }
    return !netns_names_is_watching(&ll->names);
}

static bool
check_names(struct local_learn *ll)
{
    struct shash_node *node;
    bool changed = false;

    netns_names_watch(&ll->names);
    SHASH_FOR_EACH (node, &ll->places) {
        struct place *place = node->data;

        if (place_check(place)) {
            place_refresh(ll, place);
            changed = true;
        }
    }
    ll->next_check = time_msec() + CHECK_INTERVAL;
    return changed;
}

struct local_learn *
local_learn_create(void)
{
    struct local_learn *ll = xzalloc(sizeof *ll);

    shash_init(&ll->places);
    shash_init(&ll->guests);
    netns_names_init(&ll->names);
    return ll;
}

void
local_learn_destroy(struct local_learn *ll)
{
    if (ll) {
        local_learn_set(ll, NULL, 0);
        shash_destroy(&ll->places);
        shash_destroy(&ll->guests);
        free(ll);
    }
}

/* Puts 'wanted' into the set.  The place of a guest that is new there has
 * 'is_dirty' then. */
static void
want(struct local_learn *ll, const struct local_learn_wanted *wanted)
{
    struct place *place = shash_find_data(&ll->places, wanted->netns);
    struct guest *guest = shash_find_data(&ll->guests, wanted->name);

    if (!place) {
        place = xzalloc(sizeof *place);
        place->name = xstrdup(wanted->netns);
        shash_add_once(&ll->places, place->name, place);
        place_check(place);
    }
    place->is_wanted = true;
    if (!guest) {
        guest = xzalloc(sizeof *guest);
        shash_add_once(&ll->guests, wanted->name, guest);
    }
    guest->is_wanted = true;
    if (guest->place != place || !eth_addr_equals(guest->mac, wanted->mac)) {
        guest->place = place;
        guest->mac = wanted->mac;
        guest->now.n = guest->now.n_ignored = 0;
        place->is_dirty = true;
    }
}

/* Frees what is not wanted. */
static void
sweep(struct local_learn *ll)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &ll->guests) {
        struct guest *guest = node->data;

        if (!guest->is_wanted) {
            shash_delete(&ll->guests, node);
            free(guest);
        } else {
            guest->is_wanted = false;
        }
    }
    SHASH_FOR_EACH_SAFE (node, &ll->places) {
        struct place *place = node->data;

        if (!place->is_wanted) {
            shash_delete(&ll->places, node);
            netns_close(place->ns);
            free(place->error);
            free(place->name);
            free(place);
        } else {
            place->is_wanted = false;
        }
    }
}

void
local_learn_set(struct local_learn *ll,
                const struct local_learn_wanted wanted[], size_t n)
{
    struct shash_node *node;

    if (n) {
        /* First: a name may go while we look. */
        netns_names_watch(&ll->names);
    } else {
        netns_names_unwatch(&ll->names);
    }
    for (size_t i = 0; i < n; i++) {
        want(ll, &wanted[i]);
    }
    sweep(ll);
    SHASH_FOR_EACH (node, &ll->places) {
        struct place *place = node->data;

        if (place->is_dirty) {
            place_refresh(ll, place);
        }
    }
}

void
local_learn_run(struct local_learn *ll)
{
    struct shash_node *node;
    bool changed = false;

    if (netns_names_changed(&ll->names)
        || (needs_timer(ll) && time_msec() >= ll->next_check)) {
        changed |= check_names(ll);
    }
    SHASH_FOR_EACH (node, &ll->places) {
        struct place *place = node->data;

        if (place->ns) {
            place->is_dirty |= netns_changed(place->ns);
            if (place->is_dirty && time_msec() >= place->next_dump) {
                changed |= place_refresh(ll, place);
            }
        }
    }
    ll->seqno += changed;
}

void
local_learn_wait(struct local_learn *ll)
{
    struct shash_node *node;

    netns_names_wait(&ll->names);
    if (needs_timer(ll)) {
        poll_timer_wait_until(ll->next_check);
    }
    SHASH_FOR_EACH (node, &ll->places) {
        const struct place *place = node->data;

        if (place->ns && place->is_dirty) {
            poll_timer_wait_until(place->next_dump);
        } else if (place->ns) {
            netns_wait(place->ns);
        }
    }
}

uint64_t
local_learn_seqno(const struct local_learn *ll)
{
    return ll->seqno;
}

bool
local_learn_get(const struct local_learn *ll, const char *name,
                struct local_learn_info *info)
{
    const struct guest *guest = shash_find_data(&ll->guests, name);

    if (guest) {
        info->addrs = guest->now.addrs;
        info->n = guest->now.n;
        info->n_ignored = guest->now.n_ignored;
        info->error = guest->place->error;
    }
    return guest != NULL;
}
