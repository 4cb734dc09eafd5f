/*
 * retry.h - what AWS's errors mean to us, and how long to wait.  Pure.
 */
#ifndef AWS_RETRY_H
#define AWS_RETRY_H

#include "base/error.h"

#include <stdint.h>

/*
 * `operation` "SplitShard"..., `code` the part of __type after '#' and before ':', `message` may be "".
 * LimitExceededException means four things (FACTS 1.6): throttling (by text, and for operations that
 * only read), too many streams being changed at once (throttled), a quota (shard limit, calls per
 * day), a bound of UpdateShardCount (quota).  Never fails: an unknown code is judged by the status.
 */
enum error_kind aws_error_kind(const char *operation, int status, const char *code, const char *message);

/* Before try number `attempt` (the first retry is 1): full jitter, `dice` in [0, 1).
 * Base 100 ms, 1 s when throttled; never over 20 s. */
int64_t retry_delay_ms(int attempt, enum error_kind kind, double dice);

enum { RETRY_ATTEMPTS_MAX = 4 }; /* the first one included */

/* A budget that stops retries when everything fails (botocore "standard": 500 tokens, 5 a retry,
 * 10 after a timeout; a success gives one back, or what its retry had cost). */
struct retry_budget {
    int tokens;
};
void retry_budget_init(struct retry_budget *budget);
bool retry_budget_take(struct retry_budget *budget, bool after_timeout, int *ret_cost);
void retry_budget_success(struct retry_budget *budget, int cost_of_last_retry);

#endif
