/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/seam.h"

#include "datapath-ext/cache/cache.h"
#include "datapath-ext/cache/ct-change.h"
#include "datapath-ext/front.h"
#include "datapath-ext/input.h"
#include "datapath-ext/netdev-vnic.h"
#include "conntrack.h"
#include "conntrack-tp.h"
#include "dpif.h"
#include "dpif-netdev-perf.h"
#include "dpif-netdev-private-dfc.h"
#include "netdev-offload.h"
#include "util.h"

enum {
#define CONTACT(SYMBOL, CALLER, VERSIONS, REASON) CONTACT_##SYMBOL,
    DATAPATH_CONTACTS
#undef CONTACT
};

/* Global because a redirected call brings no context of ours. */
static struct seam_contact contacts[] = {
#define CONTACT(SYMBOL, CALLER, VERSIONS, REASON) \
    { #SYMBOL, CALLER, VERSIONS, REASON, { 0 } },
    DATAPATH_CONTACTS
#undef CONTACT
};

struct seam_contact *
datapath_contacts(size_t *n)
{
    *n = ARRAY_SIZE(contacts);
    return contacts;
}

int __real_netdev_ports_insert(struct netdev *, struct dpif_port *);
int __wrap_netdev_ports_insert(struct netdev *, struct dpif_port *);

int
__wrap_netdev_ports_insert(struct netdev *netdev, struct dpif_port *port)
{
    int error = __real_netdev_ports_insert(netdev, port);

    counter_add(&contacts[CONTACT_netdev_ports_insert].fired, 1);
    netdev_vnic_set_port_number(netdev, port->port_no);
    return error;
}

int __real_netdev_reconfigure(struct netdev *);
int __wrap_netdev_reconfigure(struct netdev *);

int
__wrap_netdev_reconfigure(struct netdev *netdev)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct front *front = front_lock(netdev);
    int error = __real_netdev_reconfigure(netdev);

    counter_add(&contacts[CONTACT_netdev_reconfigure].fired, 1);
    front_unlock(front);
    return error;
}

/* The pipeline cache.  Contacts that fire for every batch count their own
 * thread's calls, and may lose another's. */

void __real_odp_execute_actions(void *, struct dp_packet_batch *, bool,
                                const struct nlattr *, size_t,
                                odp_execute_cb);
void __wrap_odp_execute_actions(void *, struct dp_packet_batch *, bool,
                                const struct nlattr *, size_t,
                                odp_execute_cb);

void
__wrap_odp_execute_actions(void *aux, struct dp_packet_batch *batch,
                           bool steal, const struct nlattr *actions,
                           size_t len, odp_execute_cb cb)
{
    if (OVS_LIKELY(!record_is_armed())) {
        __real_odp_execute_actions(aux, batch, steal, actions, len, cb);
        return;
    }
    counter_add_own(&contacts[CONTACT_odp_execute_actions].fired, 1);
    record_execute(aux, batch, steal, actions, len, cb,
                   __real_odp_execute_actions);
}

/* Ofproto's, the same for all datapaths. */
static upcall_callback *upcall_cb;

static int
upcall(const struct dp_packet *packet, const struct flow *flow,
       ovs_u128 *ufid, unsigned pmd_id, enum dpif_upcall_type type,
       const struct nlattr *userdata, struct ofpbuf *actions,
       struct flow_wildcards *wc, struct ofpbuf *put_actions, void *aux)
{
    record_upcall(packet);
    return upcall_cb(packet, flow, ufid, pmd_id, type, userdata, actions, wc,
                     put_actions, aux);
}

void __real_dpif_register_upcall_cb(struct dpif *, upcall_callback *, void *);
void __wrap_dpif_register_upcall_cb(struct dpif *, upcall_callback *, void *);

void
__wrap_dpif_register_upcall_cb(struct dpif *dpif, upcall_callback *cb,
                               void *aux)
{
    counter_add(&contacts[CONTACT_dpif_register_upcall_cb].fired, 1);
    ovs_assert(!upcall_cb || !cb || upcall_cb == cb);
    upcall_cb = cb ? cb : upcall_cb;
    __real_dpif_register_upcall_cb(dpif, cb ? upcall : NULL, aux);
}

/* Whose connections the thread looks for. */
static thread_local const struct conntrack *tracking;

int __real_conntrack_execute(struct conntrack *, struct dp_packet_batch *,
                             ovs_be16, bool, bool, uint16_t, const uint32_t *,
                             const struct ovs_key_ct_labels *, ovs_be16,
                             ovs_be16, const char *,
                             const struct nat_action_info_t *, long long,
                             uint32_t);
int __wrap_conntrack_execute(struct conntrack *, struct dp_packet_batch *,
                             ovs_be16, bool, bool, uint16_t, const uint32_t *,
                             const struct ovs_key_ct_labels *, ovs_be16,
                             ovs_be16, const char *,
                             const struct nat_action_info_t *, long long,
                             uint32_t);

int
__wrap_conntrack_execute(struct conntrack *ct, struct dp_packet_batch *batch,
                         ovs_be16 dl_type, bool force, bool commit,
                         uint16_t zone, const uint32_t *setmark,
                         const struct ovs_key_ct_labels *setlabel,
                         ovs_be16 tp_src, ovs_be16 tp_dst, const char *helper,
                         const struct nat_action_info_t *nat, long long now,
                         uint32_t tp_id)
{
    /* Entries outlive a moment of another input function. */
    bool may_change = ((setmark || setlabel || force)
                       && (input_is_cache() || cache_n_sessions()));
    struct ct_change change;
    int error;

    if (may_change) {
        counter_add(&contacts[CONTACT_conntrack_execute].fired, 1);
        ct_change_begin(&change, batch);
    }
    tracking = ct;
    error = __real_conntrack_execute(ct, batch, dl_type, force, commit, zone,
                                     setmark, setlabel, tp_src, tp_dst,
                                     helper, nat, now, tp_id);
    tracking = NULL;
    if (may_change) {
        ct_change_end(&change, batch, force);
    }
    return error;
}

/* Rare, and connections aren't found by their policy, so that all entries
 * with connections end.  They were about to look at timeouts again within a
 * second, but a connection's last packet may come before. */

int __real_timeout_policy_update(struct conntrack *, struct timeout_policy *);
int __wrap_timeout_policy_update(struct conntrack *, struct timeout_policy *);

int
__wrap_timeout_policy_update(struct conntrack *ct, struct timeout_policy *tp)
{
    int error = __real_timeout_policy_update(ct, tp);

    counter_add(&contacts[CONTACT_timeout_policy_update].fired, 1);
    session_kill_all(CACHE_KILL_CONN_POLICY);
    return error;
}

int __real_timeout_policy_delete(struct conntrack *, uint32_t);
int __wrap_timeout_policy_delete(struct conntrack *, uint32_t);

int
__wrap_timeout_policy_delete(struct conntrack *ct, uint32_t tp_id)
{
    int error = __real_timeout_policy_delete(ct, tp_id);

    counter_add(&contacts[CONTACT_timeout_policy_delete].fired, 1);
    session_kill_all(CACHE_KILL_CONN_POLICY);
    return error;
}

size_t __real_cmap_insert(struct cmap *, struct cmap_node *, uint32_t);
size_t __wrap_cmap_insert(struct cmap *, struct cmap_node *, uint32_t);

/* A connection's hash is that of its addresses in either direction.  A node
 * comes before those with the same hash, most of which have others. */
size_t
__wrap_cmap_insert(struct cmap *cmap, struct cmap_node *new, uint32_t hash)
{
    size_t n = __real_cmap_insert(cmap, new, hash);

    if (tracking && ovs_ct_has_map(tracking, cmap)) {
        const struct cmap_node *old = new;

        counter_add(&contacts[CONTACT_cmap_insert].fired, 1);
        while ((old = cmap_node_next(old))) {
            if (ovs_conn_hides(ovs_conn_of_node(new), ovs_conn_of_node(old))) {
                session_conn_hide(ovs_conn_of_node(old));
            }
        }
    }
    return n;
}

size_t __real_cmap_replace(struct cmap *, struct cmap_node *,
                           struct cmap_node *, uint32_t);
size_t __wrap_cmap_replace(struct cmap *, struct cmap_node *,
                           struct cmap_node *, uint32_t);

size_t
__wrap_cmap_replace(struct cmap *cmap, struct cmap_node *old,
                    struct cmap_node *new, uint32_t hash)
{
    size_t n = __real_cmap_replace(cmap, old, new, hash);

    if (!new) {
        counter_add(&contacts[CONTACT_cmap_replace].fired, 1);
        path_megaflow_end(old);
        session_conn_end(ovs_conn_of_node(old));
    }
    return n;
}

void __real_ovsrcu_postpone__(void (*)(void *), void *);
void __wrap_ovsrcu_postpone__(void (*)(void *), void *);

void
__wrap_ovsrcu_postpone__(void (*function)(void *), void *aux)
{
    counter_add(&contacts[CONTACT_ovsrcu_postpone__].fired, 1);
    path_actions_end(aux);
    __real_ovsrcu_postpone__(function, aux);
}

void __real_pmd_perf_start_iteration(struct pmd_perf_stats *);
void __wrap_pmd_perf_start_iteration(struct pmd_perf_stats *);

void
__wrap_pmd_perf_start_iteration(struct pmd_perf_stats *stats)
{
    counter_add_own(&contacts[CONTACT_pmd_perf_start_iteration].fired, 1);
    __real_pmd_perf_start_iteration(stats);
    cache_run(input_is_cache());
}

bool __real_netdev_has_tunnel_push_pop(const struct netdev *);
bool __wrap_netdev_has_tunnel_push_pop(const struct netdev *);

bool
__wrap_netdev_has_tunnel_push_pop(const struct netdev *netdev)
{
    counter_add(&contacts[CONTACT_netdev_has_tunnel_push_pop].fired, 1);
    contexts_ports_changed();
    return __real_netdev_has_tunnel_push_pop(netdev);
}

void __real_dfc_cache_uninit(struct dfc_cache *);
void __wrap_dfc_cache_uninit(struct dfc_cache *);

void
__wrap_dfc_cache_uninit(struct dfc_cache *dfc)
{
    counter_add(&contacts[CONTACT_dfc_cache_uninit].fired, 1);
    cache_thread_end(ovs_pmd_of(dfc));
    __real_dfc_cache_uninit(dfc);
}
