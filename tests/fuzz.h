/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef FUZZ_H
#define FUZZ_H 1

/* What libFuzzer calls in a target. */

#include <stddef.h>
#include <stdint.h>

/* Optional. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* tests/fuzz.h */
