/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/seam.h"

#include <stdio.h>

#include "bridge.h"
#include "connmgr.h"
#include "datapath-ext/datapath-ext.h"
#include "netdev.h"
#include "ofproto/ofproto.h"
#include "util.h"
#include "vswitch-idl.h"
#include "vswitchd-plugin/plugin.h"
#include "vswitchd-plugin/plugin-unixctl.h"

enum {
#define CONTACT(SYMBOL, CALLER, VERSIONS, REASON) CONTACT_##SYMBOL,
    PLUGIN_CONTACTS
#undef CONTACT
};

/* Global because a redirected call brings no context of ours. */
static struct seam_contact contacts[] = {
#define CONTACT(SYMBOL, CALLER, VERSIONS, REASON) \
    { #SYMBOL, CALLER, VERSIONS, REASON, { 0 } },
    PLUGIN_CONTACTS
#undef CONTACT
};

#define FIRED(SYMBOL) counter_add(&contacts[CONTACT_##SYMBOL].fired, 1)

/* Declares both sides of a contact. */
#define SEAM(RETURN, SYMBOL, ...)         \
    RETURN __real_##SYMBOL(__VA_ARGS__);  \
    RETURN __wrap_##SYMBOL(__VA_ARGS__)

SEAM(void, bridge_init, const char *);
SEAM(struct ovsdb_idl *, ovsdb_idl_create, const char *,
     const struct ovsdb_idl_class *, bool, bool);
SEAM(void, ofproto_set_flow_limit, unsigned int);
SEAM(int, ofproto_port_add, struct ofproto *, struct netdev *, ofp_port_t *);
SEAM(void, connmgr_flushed, struct connmgr *);
SEAM(void, ovsrec_open_vswitch_set_cur_cfg,
     const struct ovsrec_open_vswitch *, int64_t);
SEAM(void, bridge_run, void);
SEAM(void, bridge_wait, void);
SEAM(void, bridge_exit, bool);
SEAM(void, bridge_get_memory_usage, struct simap *);
SEAM(void, ovs_print_version, uint8_t, uint8_t);
SEAM(const char *, ovs_get_program_version, void);

#undef SEAM

void
__wrap_bridge_init(const char *remote)
{
    FIRED(bridge_init);
    plugin_unixctl_set_contacts(contacts, ARRAY_SIZE(contacts));
    plugin_init();
    __real_bridge_init(remote);
    plugin_complete_idl();
}

struct ovsdb_idl *
__wrap_ovsdb_idl_create(const char *remote,
                        const struct ovsdb_idl_class *class,
                        bool monitor_everything, bool retry)
{
    struct ovsdb_idl *idl = __real_ovsdb_idl_create(
        remote, class, monitor_everything, retry);

    FIRED(ovsdb_idl_create);
    if (class == &ovsrec_idl_class) {
        plugin_set_idl(idl);
    }
    return idl;
}

void
__wrap_ofproto_set_flow_limit(unsigned int limit)
{
    __real_ofproto_set_flow_limit(limit);
    FIRED(ofproto_set_flow_limit);
    plugin_reconfigure();
}

int
__wrap_ofproto_port_add(struct ofproto *ofproto, struct netdev *netdev,
                        ofp_port_t *ofp_port)
{
    int error = __real_ofproto_port_add(ofproto, netdev, ofp_port);

    FIRED(ofproto_port_add);
    if (!error && ofp_port) {
        plugin_port_added(ofproto, netdev_get_name(netdev), *ofp_port);
    }
    return error;
}

void
__wrap_connmgr_flushed(struct connmgr *mgr)
{
    FIRED(connmgr_flushed);
    plugin_flows_flushed();
    __real_connmgr_flushed(mgr);
}

void
__wrap_ovsrec_open_vswitch_set_cur_cfg(const struct ovsrec_open_vswitch *cfg,
                                       int64_t cur_cfg)
{
    FIRED(ovsrec_open_vswitch_set_cur_cfg);
    plugin_publish();
    __real_ovsrec_open_vswitch_set_cur_cfg(cfg, cur_cfg);
}

void
__wrap_bridge_run(void)
{
    __real_bridge_run();
    FIRED(bridge_run);
    plugin_run();
}

void
__wrap_bridge_wait(void)
{
    __real_bridge_wait();
    FIRED(bridge_wait);
    plugin_wait();
}

void
__wrap_bridge_exit(bool delete_datapath)
{
    FIRED(bridge_exit);
    plugin_exit();
    __real_bridge_exit(delete_datapath);
}

void
__wrap_bridge_get_memory_usage(struct simap *usage)
{
    __real_bridge_get_memory_usage(usage);
    FIRED(bridge_get_memory_usage);
    plugin_get_memory_usage(usage);
}

void
__wrap_ovs_print_version(uint8_t min_ofp, uint8_t max_ofp)
{
    __real_ovs_print_version(min_ofp, max_ofp);
    FIRED(ovs_print_version);
    puts(plugin_version());
}

/* The first line stays as it was: scripts read it. */
const char *
__wrap_ovs_get_program_version(void)
{
    static char *version;

    FIRED(ovs_get_program_version);
    free(version);
    version = xasprintf("%s%s\n", __real_ovs_get_program_version(),
                        plugin_version());
    return version;
}
