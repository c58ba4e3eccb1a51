/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "vswitchd-plugin/match.h"

#include <assert.h>

#include "openflow/openflow.h"
#include "openvswitch/match.h"
#include "tests/fuzz.h"
#include "util.h"

/* Whatever text is accepted looks at nothing but the headers of a frame, and
 * survives being written and read again. */

static void
check_fields(const struct match *match)
{
    struct flow rest = match->wc.masks;

    memset(&rest.dl_dst, 0, sizeof rest.dl_dst);
    memset(&rest.dl_src, 0, sizeof rest.dl_src);
    rest.dl_type = 0;
    rest.vlans[0].tci = 0;
    rest.nw_src = rest.nw_dst = 0;
    memset(&rest.ipv6_src, 0, sizeof rest.ipv6_src);
    memset(&rest.ipv6_dst, 0, sizeof rest.ipv6_dst);
    rest.nw_tos = rest.nw_proto = 0;
    rest.tp_src = rest.tp_dst = 0;
    assert(is_all_zeros(&rest, sizeof rest));
}

static void
check_text(const char *text)
{
    struct match match, again;
    char *error = match_parse(text, &match);
    char *s;

    if (error) {
        assert(*error);
        free(error);
        return;
    }
    check_fields(&match);
    s = match_to_string(&match, NULL, OFP_DEFAULT_PRIORITY);
    error = match_parse(s, &again);
    if (error || !match_equal(&match, &again)) {
        ovs_fatal(0, "\"%s\" became \"%s\": %s", text, s,
                  error ? error : "another match");
    }
    free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmemdup0((const char *) data, size);

    check_text(text);
    free(text);
    return 0;
}
