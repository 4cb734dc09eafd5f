/*
 * parallel.h - jobs that know nothing of each other, on all cores.
 *
 * Internal to cli/.
 */
#ifndef CLI_PARALLEL_H
#define CLI_PARALLEL_H

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>

typedef int job_fn(void *context, size_t job, struct error *err);

/*
 * Runs jobs 0 to count - 1, each once; after a failure none is begun any more.  Fails as the first that failed.
 * `progress` NULL: nothing is drawn; else a terminal, and `what` is what they are, as "3 of 12 combinations".
 */
int parallel_run(size_t count, job_fn *run, void *context, FILE *progress, const char *what,
                 struct error *err);

#endif
