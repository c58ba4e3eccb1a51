/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "tests/benchmark.h"

#include <assert.h>
#include <rte_cycles.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

/* Enough passes that the quickest was not disturbed and the median not often,
 * and of each so many packets that reading the counter costs nothing. */
#define N_PASSES 31
#define MIN_PACKETS 100000

static int
compare_doubles(const void *a_, const void *b_)
{
    const double *a = a_;
    const double *b = b_;

    return *a < *b ? -1 : *a > *b;
}

void
benchmark_header(const char *label)
{
    printf("%-24s %8s %8s  cycles per packet\n", label, "median", "min");
}

void
benchmark_run(benchmark_func *function, void *aux, size_t n_packets,
              const char *label_format, ...)
{
    size_t n_calls = DIV_ROUND_UP(MIN_PACKETS, n_packets);
    double cycles[N_PASSES];
    char label[25];
    va_list args;

    va_start(args, label_format);
    vsnprintf(label, sizeof label, label_format, args);
    va_end(args);

    assert(function(aux) == n_packets);         /* Warms up the caches. */
    for (size_t pass = 0; pass < N_PASSES; pass++) {
        uint64_t start = rte_rdtsc();

        for (size_t i = 0; i < n_calls; i++) {
            assert(function(aux) == n_packets);
        }
        cycles[pass] = (double) (rte_rdtsc() - start) / (n_calls * n_packets);
    }
    qsort(cycles, N_PASSES, sizeof *cycles, compare_doubles);
    printf("%-24s %8.1f %8.1f\n", label, cycles[N_PASSES / 2], cycles[0]);
}
