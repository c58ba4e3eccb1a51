/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/plugin.h"

#include "datapath-ext/datapath-ext.h"
#include "ofproto-ext/ofproto-ext.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"
#include "vswitch-idl.h"
#include "vswitchd-plugin/apply.h"
#include "vswitchd-plugin/config.h"
#include "vswitchd-plugin/local-learn.h"
#include "vswitchd-plugin/plugin-unixctl.h"
#include "vswitchd-plugin/status.h"

VLOG_DEFINE_THIS_MODULE(vnic_plugin);

/* As bridge.c's, for other_config:stats-update-interval. */
#define STATS_INTERVAL_DEFAULT 5000

static struct plugin {
    struct ovsdb_idl *idl;      /* The bridge module's. */
    struct config *config;      /* The one applied last. */
    bool lacks_tables;          /* Was that said? */

    struct local_learn *learn;
    uint64_t learn_seqno;       /* Of what was applied last. */

    /* Statistics. */
    long long int next_stats;   /* In msec. */
    bool had_cache;             /* Was the pipeline cache on? */
    struct ovsdb_idl_txn *stats_txn;

    struct plugin_timing timing;
} plugin;

void
plugin_init(void)
{
    datapath_ext_init();
    plugin.learn = local_learn_create();
    plugin_unixctl_init();
}

void
plugin_set_idl(struct ovsdb_idl *idl)
{
    plugin.idl = idl;
    status_omit_alerts(idl);
}

void
plugin_complete_idl(void)
{
    config_add_columns(plugin.idl);
}

const char *
plugin_version(void)
{
    return "ovs-vnic "VNIC_VERSION;
}

/* A database whose schema was replaced by the stock one has none of our
 * tables: what was in them is lost until it is restored, which an operator
 * must learn.  The VNICs in use stay as they are. */
static bool
plugin_has_tables(void)
{
    bool has = ovsdb_idl_server_has_table(plugin.idl, &ovsrec_table_vnic);

    if (!has && !plugin.lacks_tables) {
        VLOG_EMER("the database has no VNIC tables: its schema is not that "
                  "of ovs-vnic; convert it with ovsdb-tool convert and "
                  "restore the rows");
    }
    plugin.lacks_tables = !has;
    return has;
}

void
plugin_reconfigure(void)
{
    if (!plugin_has_tables()) {
        return;
    }

    long long int start = time_usec();
    struct config *config = config_create(plugin.idl);

    config_read_cache(config, plugin.idl, plugin.config);
    apply_cache(config, plugin.config);
    apply_links(config);
    config_complete(config, plugin.idl, plugin.config);
    apply_vns(config);
    plugin.learn_seqno = local_learn_seqno(plugin.learn);
    apply_local_learn(config, plugin.learn);
    apply_vnics(config);

    config_destroy(plugin.config);
    plugin.config = config;
    plugin.timing.reconfigure_us = time_usec() - start;
}

void
plugin_port_added(struct ofproto *ofproto, const char *port,
                  ofp_port_t ofp_port)
{
    if (!ofproto_ext_port_added(ofproto, port, ofp_port)) {
        apply_vns_errors(plugin.config);
    }
}

void
plugin_flows_flushed(void)
{
    ofproto_ext_flushed();
}

static void
plugin_run_flows(void)
{
    if (ofproto_ext_run()) {
        apply_vns_errors(plugin.config);
    }
}

void
plugin_publish(void)
{
    plugin_run_flows();
    if (plugin.config && !plugin.lacks_tables) {
        long long int start = time_usec();

        datapath_ext_find_fronts();
        apply_refresh(plugin.config);
        status_write(plugin.config, plugin.idl);
        plugin.timing.publish_us = time_usec() - start;
        plugin.timing.n++;
    }
}

/* Takes addresses into use that namespaces have told, and devices that could
 * not be opened. */
static void
plugin_run_again(void)
{
    local_learn_run(plugin.learn);
    if (local_learn_seqno(plugin.learn) != plugin.learn_seqno
        || datapath_ext_must_retry()) {
        plugin_reconfigure();
        plugin.next_stats = time_msec();
    }
}

static int
stats_interval(void)
{
    const struct ovsrec_open_vswitch *cfg
        = ovsrec_open_vswitch_first(plugin.idl);
    int interval = cfg ? smap_get_int(&cfg->other_config,
                                      "stats-update-interval",
                                      STATS_INTERVAL_DEFAULT)
                       : STATS_INTERVAL_DEFAULT;

    return MAX(interval, STATS_INTERVAL_DEFAULT);
}

static bool
plugin_has_stats(void)
{
    return (plugin.config && !plugin.lacks_tables
            && (!shash_is_empty(&plugin.config->links)
                || !shash_is_empty(&plugin.config->vnics)
                || !shash_is_empty(&plugin.config->vns)
                || status_has_caches(plugin.idl)));
}

static void
plugin_start_stats(void)
{
    plugin.next_stats = time_msec() + stats_interval();
    plugin.stats_txn = ovsdb_idl_txn_create(plugin.idl);
    datapath_ext_find_fronts();
    apply_refresh(plugin.config);
    status_write(plugin.config, plugin.idl);
    status_write_statistics(plugin.config, plugin.idl);
    status_write_caches(plugin.idl, plugin.stats_txn);
}

/* Whoever switches the cache off doesn't want to wait until its rows are
 * gone.  'dpif-netdev/dpif-impl-set' doesn't tell the database. */
static void
plugin_watch_cache(void)
{
    if (cache_is_on() != plugin.had_cache) {
        plugin.had_cache = cache_is_on();
        plugin.next_stats = time_msec();
    }
}

static void
plugin_run_stats_txn(void)
{
    if (plugin.stats_txn
        && ovsdb_idl_txn_commit(plugin.stats_txn) != TXN_INCOMPLETE) {
        ovsdb_idl_txn_destroy(plugin.stats_txn);
        plugin.stats_txn = NULL;
    }
}

void
plugin_run(void)
{
    if (!plugin.idl) {
        return;
    }
    plugin_run_stats_txn();
    if (ovsdb_idl_is_lock_contended(plugin.idl)) {
        /* Another daemon has taken over, and bridge_run() has given up its
         * bridges: give up the devices.  To regain the lock is a change of
         * the database, so that all is configured again then. */
        datapath_ext_exit();
        ofproto_ext_exit();
        return;
    }
    plugin_run_flows();
    datapath_ext_run();
    if (plugin.config && ovsdb_idl_has_lock(plugin.idl)) {
        plugin_run_again();
    }
    plugin_watch_cache();
    if (ovsdb_idl_has_lock(plugin.idl) && !plugin.stats_txn
        && plugin_has_stats() && time_msec() >= plugin.next_stats) {
        plugin_start_stats();
        plugin_run_stats_txn();
    }
}

void
plugin_wait(void)
{
    datapath_ext_wait();
    ofproto_ext_wait();
    local_learn_wait(plugin.learn);
    if (plugin.stats_txn) {
        ovsdb_idl_txn_wait(plugin.stats_txn);
    } else if (plugin.idl && ovsdb_idl_has_lock(plugin.idl)
               && plugin_has_stats()) {
        poll_timer_wait_until(plugin.next_stats);
    }
}

void
plugin_exit(void)
{
    if (plugin.stats_txn) {
        ovsdb_idl_txn_destroy(plugin.stats_txn);
        plugin.stats_txn = NULL;
    }
    datapath_ext_exit();
    ofproto_ext_exit();
    local_learn_destroy(plugin.learn);
    plugin.learn = NULL;
    config_destroy(plugin.config);
    plugin.config = NULL;
    plugin.idl = NULL;
}

void
plugin_get_memory_usage(struct simap *usage)
{
    datapath_ext_get_memory_usage(usage);
}

const struct config *
plugin_config(void)
{
    if (plugin.config) {
        apply_refresh(plugin.config);
    }
    return plugin.config;
}

struct plugin_timing
plugin_timing(void)
{
    return plugin.timing;
}
