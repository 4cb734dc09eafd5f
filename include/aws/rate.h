/*
 * rate.h - keeps a process below AWS's request quotas.
 *
 * A token bucket per operation; the table of limits, with sources, is in rate.c
 * (FACTS 1.3 and 2.5), at 80 % of what AWS allows, so that others may live too.
 * Thread-safe.
 */
#ifndef AWS_RATE_H
#define AWS_RATE_H

#include "base/clock.h"

struct rate_limiter;
struct rate_limiter *rate_limiter_new(struct clock *clock);
void rate_limiter_free(struct rate_limiter *limiter);
/* Waits on the clock until the operation may be called; `operation` as "kinesis:SplitShard".  `key` is the stream:
 * it counts for quotas that are per stream (ListShards), and is passed over for others.  Returns the ms waited. */
int64_t rate_limiter_wait(struct rate_limiter *limiter, const char *operation, const char *key);
/* As above for quotas that count something else than calls: "cloudwatch:GetMetricData/datapoints". */
int64_t rate_limiter_take(struct rate_limiter *limiter, const char *operation, const char *key, double units);
/* AWS throttled us all the same: halve this operation's rate, to recover over a minute. */
void rate_limiter_throttled(struct rate_limiter *limiter, const char *operation);

#endif
