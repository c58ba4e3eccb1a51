/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "tests/time-seam.h"

#include <stdbool.h>

long long int __real_time_msec(void);
long long int __wrap_time_msec(void);

static bool stopped;
static long long int stopped_at;

void
time_stop(long long int msec)
{
    stopped = true;
    stopped_at = msec;
}

long long int
time_real_msec(void)
{
    return __real_time_msec();
}

long long int
__wrap_time_msec(void)
{
    return stopped ? stopped_at : __real_time_msec();
}
