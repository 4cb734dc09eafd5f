/*
 * figures.c - what is told of many measurements.
 */
#include "bed.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bed_milliseconds_since(int64_t start_ns)
{
    return (double)(clock_monotonic_ns() - start_ns) / 1e6;
}

double bed_percentile(double *values, size_t count, double percent)
{
    size_t rank = (size_t)(percent / 100 * (double)count + 0.999999); /* the nearest rank */

    qsort(values, count, sizeof(*values), compare);
    return values[rank == 0 ? 0 : rank - 1];
}

void bed_row(const char *what, const char *format, ...)
{
    va_list arguments;

    printf("%-60s  ", what);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}
