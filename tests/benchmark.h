/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef TESTS_BENCHMARK_H
#define TESTS_BENCHMARK_H 1

/* Benchmarks of single parts
 * ==========================
 *
 * What: says how many cycles a part of the packet path takes per packet, apart
 * from all others.  The "benchmark" subcommands of the unit programs use it,
 * and bench/bench-vnic runs those.
 *
 * Data flow: benchmark_run() calls the function that is measured often enough
 * and prints one line, which begins with a label of the caller's.
 *
 * Units: cycles of the time stamp counter per packet; it runs at a constant
 * rate, which may differ from that of the core.
 *
 * Ownership: the caller's 'aux' remains the caller's.
 *
 * Thread-safety: none; one thread measures.
 *
 * Errors: none.  What the function returns must be the number of packets that
 * the caller announced, or the program aborts: it would be measuring something
 * else. */

#include <stddef.h>

#include "openvswitch/compiler.h"

/* Handles packets, as many as it returns. */
typedef size_t benchmark_func(void *aux);

void benchmark_header(const char *label);
void benchmark_run(benchmark_func *, void *aux, size_t n_packets,
                   const char *label_format, ...) OVS_PRINTF_FORMAT(4, 5);

#endif /* tests/benchmark.h */
