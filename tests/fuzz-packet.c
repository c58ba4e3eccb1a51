/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/classify.h"

#include <assert.h>

#include "dp-packet.h"
#include "flow.h"
#include "random.h"
#include "tests/fuzz.h"
#include "tests/rule-set.h"
#include "util.h"

/* Any bytes are classified as the naive parser and search say, by VLAN and by
 * rules, and without an access behind the frame. */

static struct rule_set *set;

int
LLVMFuzzerInitialize(int *argc OVS_UNUSED, char ***argv OVS_UNUSED)
{
    /* Few enough for the naive search not to take all of the time. */
    random_set_seed(1);
    set = rule_set_create(80);
    assert(set->n_masks == RULES_MAX_MASKS);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dp_packet packet;
    struct l2_key key;
    int vlan = naive_vlan(data, size);

    dp_packet_use_const(&packet, data, size);
    assert(classify_extract(&packet, &key) == (vlan >= 0));
    if (vlan >= 0) {
        assert(key.vlan == vlan && !memcmp(&key.mac, data, sizeof key.mac));
    }

    /* As in the daemon, and with other_config:vlan-limit=2. */
    for (int limit = 1; limit <= 2; limit++) {
        flow_limit_vlans(limit);
        rule_set_compare(set, data, size);
    }
    return 0;
}
