/*
 * files.c - how many files the process may have open: each connection is one.
 */
#include "parts.h"

#include <errno.h>
#include <sys/resource.h>

/* Shells and service managers give 1024 for programs that use select(); this one does not. */
int files_make_room(unsigned needed, struct error *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return error_set(err, ERROR_BUG, "cannot read the limit on open files: %s", strerror(errno));
    if (limit.rlim_cur >= needed)
        return 0;
    if (limit.rlim_max < needed)
        return error_set(
            err, ERROR_CONFIG,
            "%u files must be allowed to be open at the same time, not %llu: raise the hard limit "
            "(ulimit -Hn, LimitNOFILE)",
            needed, (unsigned long long)limit.rlim_max);
    limit.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return error_set(err, ERROR_CONFIG, "cannot allow %u open files: %s", needed, strerror(errno));
    return 0;
}
