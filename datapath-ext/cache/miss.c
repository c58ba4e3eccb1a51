/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/miss.h"

struct text {
    const char *name;
    const char *text;
};

static const struct text misses[N_CACHE_MISSES] = {
    [CACHE_HIT] = { "hit", "" },
#define MISS(NAME, STRING, TEXT) [CACHE_MISS_##NAME] = { STRING, TEXT },
    CACHE_MISSES
#undef MISS
};

static const struct text refusals[N_CACHE_REFUSALS] = {
    [CACHE_KEEP] = { "kept", "" },
#define REFUSAL(NAME, STRING, TEXT) [CACHE_REFUSAL_##NAME] = { STRING, TEXT },
    CACHE_REFUSALS
#undef REFUSAL
};

const char *
cache_miss_name(size_t miss)
{
    return misses[miss].name;
}

const char *
cache_miss_text(size_t miss)
{
    return misses[miss].text;
}

const char *
cache_refusal_name(size_t refusal)
{
    return refusals[refusal].name;
}

const char *
cache_refusal_text(size_t refusal)
{
    return refusals[refusal].text;
}

static const struct text kills[N_CACHE_KILLS] = {
#define KILL(NAME, STRING, TEXT) [CACHE_KILL_##NAME] = { STRING, TEXT },
    CACHE_KILLS
#undef KILL
};

const char *
cache_kill_name(size_t kill)
{
    return kills[kill].name;
}

const char *
cache_kill_text(size_t kill)
{
    return kills[kill].text;
}
