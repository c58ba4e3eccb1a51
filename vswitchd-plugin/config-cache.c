/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "openvswitch/vlog.h"
#include "util.h"
#include "vswitch-idl.h"

VLOG_DEFINE_THIS_MODULE(vnic_config_cache);

#ifndef CACHE_DEFAULT
#define CACHE_DEFAULT false
#endif

/* Open_vSwitch.other_config has no status of its own, so what is wrong there
 * is logged, once for each value. */
static size_t
parse_size(const char *s, size_t size)
{
    static char *last_bad;
    unsigned int value;

    if (str_to_uint(s, 10, &value) && IS_POW2(value)
        && value >= CACHE_MIN_SIZE && value <= CACHE_MAX_SIZE) {
        return value;
    }
    if (!last_bad || strcmp(last_bad, s)) {
        VLOG_INFO("Open_vSwitch: other_config:vnic-cache-size: \"%s\" is no "
                  "power of 2 from %d to %u; set it to one.  The size stays "
                  "%"PRIuSIZE".", s, CACHE_MIN_SIZE, CACHE_MAX_SIZE, size);
        free(last_bad);
        last_bad = xstrdup(s);
    }
    return size;
}

void
config_read_cache(struct config *config, const struct ovsdb_idl *idl,
                  const struct config *prev)
{
    const struct ovsrec_open_vswitch *cfg = ovsrec_open_vswitch_first(idl);
    const char *size = cfg ? smap_get(&cfg->other_config, "vnic-cache-size")
                           : NULL;

    config->cache.on = (cfg && smap_get_bool(&cfg->other_config, "vnic-cache",
                                             CACHE_DEFAULT));
    config->cache.size = CACHE_DEFAULT_SIZE;
    if (size) {
        config->cache.size = parse_size(size, (prev ? prev->cache.size
                                               : CACHE_DEFAULT_SIZE));
    }
}
