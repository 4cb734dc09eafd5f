/*
 * bench.h - how often something can be done in a second, told in one line each.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include "base/clock.h"

#include <stddef.h>

/* Calls `once(context)` for about half a second; prints "name  N/s", and MB/s when a call handles `bytes`. */
static inline void bench(const char *name, void (*once)(void *context), void *context, size_t bytes)
{
    int64_t start_ns = clock_monotonic_ns();
    int64_t elapsed_ns;
    long long count = 0;
    double per_s;

    do {
        once(context);
        count++;
        elapsed_ns = clock_monotonic_ns() - start_ns;
    } while (elapsed_ns < 500000000);
    per_s = (double)count * 1e9 / (double)elapsed_ns;
    printf("%-60s  %8.0f /s", name, per_s);
    if (bytes > 0)
        printf(" %10.1f MB/s", per_s * (double)bytes / 1e6);
    printf("\n");
}

#endif
