/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/vnic-private.h"

#include "datapath-ext/link.h"
#include "datapath-ext/link-hw.h"
#include "datapath-ext/rules.h"
#include "datapath-ext/steer.h"
#include "util.h"

static bool
is_claimed(const struct vnic *vnic)
    OVS_REQUIRES(vnics_mutex)
{
    return vnic->port && !vnic->port->is_default;
}

/* Detaches the VNICs that 'link' must not have.  Returns true if there was
 * any. */
static bool
refuse_vnics(const struct link *link)
    OVS_REQUIRES(vnics_mutex)
{
    struct shash_node *node;
    bool any = false;

    SHASH_FOR_EACH (node, &vnics) {
        struct vnic *vnic = node->data;
        const char *reason = is_claimed(vnic) && vnic->port->link == link
            ? link_hw_refusal(link, &vnic->port->claim.key) : NULL;

        if (reason) {
            free(vnic->refusal);
            vnic->refusal = xstrdup(reason);
            vnic_detach(vnic);
            any = true;
        }
    }
    return any;
}

void
vnics_place(struct link *link)
{
    ovs_mutex_lock(&vnics_mutex);
    do {
        link_hw_place(link);
    } while (refuse_vnics(link));
    link_hw_count(link);
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnics_clear_hw(struct link *link)
{
    ovs_mutex_lock(&vnics_mutex);
    link_hw_place(link);
    link_hw_clear(link);
    ovs_mutex_unlock(&vnics_mutex);
}

/* Questions. */

bool
vnic_get_rule_info(const char *name, const char *rule_name,
                   struct rule_info *info)
{
    const struct rule *rule = NULL;
    const struct vnic *vnic;
    bool exists;

    ovs_mutex_lock(&vnics_mutex);
    vnic = shash_find_data(&vnics, name);
    exists = vnic && is_claimed(vnic);
    if (exists && rule_name) {
        const struct steer *steer = vnic->port->steer;

        rule = rules_find(steer ? steer_rules(steer) : NULL, rule_name);
        exists = rule != NULL;
    }
    if (exists) {
        link_fill_rule_info(vnic->port->link, &vnic->port->claim.key, rule,
                            info);
    }
    ovs_mutex_unlock(&vnics_mutex);
    return exists;
}

char *
vnic_get_refusal(const char *name)
{
    const struct vnic *vnic;
    char *refusal;

    ovs_mutex_lock(&vnics_mutex);
    vnic = shash_find_data(&vnics, name);
    refusal = vnic ? nullable_xstrdup(vnic->refusal) : NULL;
    ovs_mutex_unlock(&vnics_mutex);
    return refusal;
}
