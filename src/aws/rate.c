/*
 * rate.c - keeps a process below AWS's request quotas.
 *
 * DESIGN
 * A bucket per operation (and stream, where AWS counts per stream), kept as the time at which it will
 * be full again: taking n units moves that time n units into the future, and who finds it too far
 * ahead waits for the difference.  Places are given out under the lock, waited for outside of it, so
 * waiting threads queue up in the order in which they came.
 *
 * No window of one second sees more than AWS allows: a bucket refills at 80 % of the quota and holds
 * the other 20 %, at least one call.
 */
#include "aws/rate.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>

/*
 * What AWS allows each second.  Sources: operation documentation in the Kinesis API reference and
 * "Quotas and limits" of its guide (FACTS 1.3); "CloudWatch service quotas" (FACTS 2.5), of which the
 * lower, fixed values are taken; "Amazon SNS endpoints and quotas".
 */
static const struct limit {
    const char *operation;
    double per_second;
    bool per_stream;
    double largest; /* units of the largest single call */
} limits[] = {
    {"kinesis:DescribeLimits", 1, false, 1},
    {"kinesis:DescribeStreamSummary", 20, false, 1},
    {"kinesis:ListShards", 100, true, 1}, /* the guide; the API reference says 1000 */
    {"kinesis:ListStreams", 5, false, 1},
    {"kinesis:SplitShard", 5, false, 1},
    {"kinesis:MergeShards", 5, false, 1},
    {"kinesis:UpdateShardCount", 10, false, 1},
    {"kinesis:EnableEnhancedMonitoring", 5, false, 1},
    {"cloudwatch:DescribeAlarms", 9, false, 1},
    {"cloudwatch:DescribeAlarmsForMetric", 9, false, 1},
    {"cloudwatch:PutMetricAlarm", 3, false, 1},
    {"cloudwatch:DeleteAlarms", 3, false, 1},
    {"cloudwatch:SetAlarmState", 3, false, 1},
    {"cloudwatch:GetMetricData", 50, false, 1},
    {"cloudwatch:GetMetricData/datapoints", 180000, false, 100800}, /* estimated from range and period */
    {"sns:ConfirmSubscription", 100, false, 1},
    {"sns:GetTopicAttributes", 30, false, 1},
    {"sns:ListSubscriptionsByTopic", 30, false, 1},
    /* AWS tells no rates for these; ours, cautious: somebody watches progress, nobody waits for a split. */
    {"cloudformation:CreateChangeSet", 5, false, 1},
    {"cloudformation:CreateStack", 5, false, 1},
    {"cloudformation:DeleteChangeSet", 5, false, 1},
    {"cloudformation:DeleteStack", 5, false, 1},
    {"cloudformation:DescribeChangeSet", 5, false, 1},
    {"cloudformation:DescribeStackEvents", 5, false, 1},
    {"cloudformation:DescribeStacks", 5, false, 1},
    {"cloudformation:ExecuteChangeSet", 5, false, 1},
    {"cloudformation:GetTemplate", 5, false, 1},
    {"sts:GetCallerIdentity", 5, false, 1},
};
/* An operation that has no row. */
static const struct limit unlisted = {"", 5, false, 1};

enum { RECOVERY_MS = 60 * 1000 };
/* Longer than all threads together ever queue: a bucket that is full later was filled by another clock. */
enum { QUEUE_LONGEST_MS = 5 * 60 * 1000 };
static const double slowest_factor = 1.0 / 16;

/* What is left of an operation's rate after AWS throttled it. */
struct penalty {
    const struct limit *limit;
    double factor; /* at `since_ms`; back to 1 RECOVERY_MS later */
    int64_t since_ms;
};

struct bucket {
    const struct limit *limit;
    char *operation; /* of an unlisted one; NULL otherwise */
    char *key;
    double full_ms; /* when it will be full again */
};

struct rate_limiter {
    struct clock *clock;
    pthread_mutex_t lock;
    struct penalty penalties[COUNT_OF(limits) + 1]; /* the last one for all unlisted */
    struct bucket *buckets;
    size_t count;
};

struct rate_limiter *rate_limiter_new(struct clock *clock)
{
    struct rate_limiter *limiter = must_calloc(1, sizeof(*limiter));

    limiter->clock = clock;
    pthread_mutex_init(&limiter->lock, NULL);
    for (size_t i = 0; i < COUNT_OF(limiter->penalties); i++) {
        limiter->penalties[i].limit = i < COUNT_OF(limits) ? &limits[i] : &unlisted;
        limiter->penalties[i].factor = 1;
        limiter->penalties[i].since_ms = INT64_MIN / 2;
    }
    return limiter;
}

void rate_limiter_free(struct rate_limiter *limiter)
{
    if (limiter == NULL)
        return;
    for (size_t i = 0; i < limiter->count; i++) {
        free(limiter->buckets[i].operation);
        free(limiter->buckets[i].key);
    }
    free(limiter->buckets);
    pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

static struct penalty *find_penalty(struct rate_limiter *limiter, const char *operation)
{
    size_t i = 0;

    while (i < COUNT_OF(limits) && strcmp(limits[i].operation, operation) != 0)
        i++;
    return &limiter->penalties[i];
}

static double factor_at(const struct penalty *penalty, int64_t now_ms)
{
    double passed = (double)(now_ms - penalty->since_ms) / RECOVERY_MS;

    if (passed >= 1)
        return 1;
    return penalty->factor + (1 - penalty->factor) * (passed > 0 ? passed : 0);
}

/* A bucket that is full is as good as a new one, so there are never more than are in use at once. */
static struct bucket *find_bucket(struct rate_limiter *limiter, const struct limit *limit,
                                  const char *operation, const char *key, int64_t now_ms)
{
    struct bucket *free_one = NULL;

    for (size_t i = 0; i < limiter->count; i++) {
        struct bucket *bucket = &limiter->buckets[i];

        if (bucket->limit == limit && strcmp(bucket->key, key) == 0 &&
            (bucket->operation == NULL || strcmp(bucket->operation, operation) == 0))
            return bucket;
        if (bucket->full_ms <= (double)now_ms)
            free_one = bucket;
    }
    if (free_one == NULL) {
        limiter->buckets = must_realloc(limiter->buckets, limiter->count + 1, sizeof(*limiter->buckets));
        free_one = &limiter->buckets[limiter->count++];
    } else {
        free(free_one->operation);
        free(free_one->key);
    }
    *free_one = (struct bucket){
        .limit = limit,
        .operation = limit == &unlisted ? must_strdup(operation) : NULL,
        .key = must_strdup(key),
        .full_ms = (double)now_ms,
    };
    return free_one;
}

/* Takes a place; returns how long it is until then. */
static int64_t reserve(struct rate_limiter *limiter, const char *operation, const char *key, double units)
{
    int64_t now_ms = clock_now_ms(limiter->clock);
    struct penalty *penalty = find_penalty(limiter, operation);
    const struct limit *limit = penalty->limit;
    double full_rate = limit->largest > 1 ? limit->per_second - limit->largest : 0.8 * limit->per_second;
    double held = fmax(limit->largest, floor(limit->per_second - full_rate));
    double unit_ms = 1000 / (full_rate * factor_at(penalty, now_ms));
    struct bucket *bucket = find_bucket(limiter, limit, operation, limit->per_stream ? key : "", now_ms);
    double start_ms, wait_ms;

    /* A clock that was set back must not make anybody wait for what it has lost. */
    if (bucket->full_ms < (double)now_ms || bucket->full_ms > (double)now_ms + QUEUE_LONGEST_MS)
        bucket->full_ms = (double)now_ms;
    start_ms = bucket->full_ms + (fmin(units, held) - held) * unit_ms;
    wait_ms = ceil(start_ms - (double)now_ms);
    bucket->full_ms += units * unit_ms;
    return wait_ms > 0 ? (int64_t)wait_ms : 0;
}

int64_t rate_limiter_take(struct rate_limiter *limiter, const char *operation, const char *key, double units)
{
    int64_t wait_ms;

    pthread_mutex_lock(&limiter->lock);
    wait_ms = reserve(limiter, operation, key, units);
    pthread_mutex_unlock(&limiter->lock);
    if (wait_ms > 0)
        clock_sleep_ms(limiter->clock, wait_ms);
    return wait_ms;
}

int64_t rate_limiter_wait(struct rate_limiter *limiter, const char *operation, const char *key)
{
    return rate_limiter_take(limiter, operation, key, 1);
}

void rate_limiter_throttled(struct rate_limiter *limiter, const char *operation)
{
    struct penalty *penalty;
    int64_t now_ms;

    pthread_mutex_lock(&limiter->lock);
    now_ms = clock_now_ms(limiter->clock);
    penalty = find_penalty(limiter, operation);
    penalty->factor = fmax(slowest_factor, factor_at(penalty, now_ms) / 2);
    penalty->since_ms = now_ms;
    pthread_mutex_unlock(&limiter->lock);
}
