/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_MEMORY_H
#define CACHE_MEMORY_H 1

/* Memory
 * ======
 *
 * What: large zeroed regions that take real memory only where they are
 * touched, from huge pages where the kernel has them to give (transparent huge
 * pages, madvise(2)).  A table of millions of entries would spend its time in
 * page walks otherwise.  DPDK's own heap is no choice: our switch runs without
 * DPDK too.
 *
 * Data flow: none.
 *
 * Units: bytes.
 *
 * Ownership: the caller unmaps with the same size.
 *
 * Thread-safety: any thread.
 *
 * Errors: memory_map() returns NULL. */

#include <stddef.h>
#include <sys/mman.h>

static inline void *
memory_map(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }
    madvise(p, n, MADV_HUGEPAGE);
    return p;
}

static inline void
memory_unmap(void *p, size_t n)
{
    if (p) {
        munmap(p, n);
    }
}

#endif /* datapath-ext/cache/memory.h */
