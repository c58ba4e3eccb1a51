/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/rule-config.h"

#include "util.h"

struct rule_config *
rule_configs_copy(const struct rule_config *configs, size_t n)
{
    struct rule_config *copy = n ? xmemdup(configs, n * sizeof *configs)
                                 : NULL;

    for (size_t i = 0; i < n; i++) {
        copy[i].name = xstrdup(configs[i].name);
        copy[i].vnic = nullable_xstrdup(configs[i].vnic);
    }
    return copy;
}

void
rule_configs_free(const struct rule_config *configs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(CONST_CAST(char *, configs[i].name));
        free(CONST_CAST(char *, configs[i].vnic));
    }
    free(CONST_CAST(struct rule_config *, configs));
}

static bool
rule_config_equal(const struct rule_config *a, const struct rule_config *b)
{
    return (!strcmp(a->name, b->name)
            && a->priority == b->priority
            && match_equal(&a->match, &b->match)
            && a->action == b->action
            && nullable_string_is_equal(a->vnic, b->vnic)
            && a->ring == b->ring
            && a->in_hardware == b->in_hardware
            && a->needs_hardware == b->needs_hardware);
}

bool
rule_configs_equal(const struct rule_config *a, size_t n_a,
                   const struct rule_config *b, size_t n_b)
{
    if (n_a != n_b) {
        return false;
    }
    for (size_t i = 0; i < n_a; i++) {
        if (!rule_config_equal(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}
