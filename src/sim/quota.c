/*
 * quota.c - how many requests per second the account may make: a token bucket for each operation.
 */
#include "model.h"

#include "base/memory.h"
#include "base/text.h"

enum family { FAMILY_KINESIS, FAMILY_CLOUDWATCH, FAMILY_SNS };

static const struct limit {
    const char *operation;
    enum family family;
    double per_second; /* and at once */
    bool per_stream;
} limits[] = {
    {"CreateStream", FAMILY_KINESIS, 5, false},
    {"DeleteStream", FAMILY_KINESIS, 5, false},
    {"DescribeLimits", FAMILY_KINESIS, 1, false},
    {"DescribeStream", FAMILY_KINESIS, 10, false},
    {"DescribeStreamSummary", FAMILY_KINESIS, 20, false},
    {"DisableEnhancedMonitoring", FAMILY_KINESIS, 5, false},
    {"EnableEnhancedMonitoring", FAMILY_KINESIS, 5, false},
    {"ListShards", FAMILY_KINESIS, 1000, true},
    {"ListStreams", FAMILY_KINESIS, 5, false},
    {"MergeShards", FAMILY_KINESIS, 5, false},
    {"SplitShard", FAMILY_KINESIS, 5, false},
    {"UpdateShardCount", FAMILY_KINESIS, 10, false},
    {"DeleteAlarms", FAMILY_CLOUDWATCH, 3, false},
    {"DescribeAlarms", FAMILY_CLOUDWATCH, 9, false},
    {"DescribeAlarmsForMetric", FAMILY_CLOUDWATCH, 9, false},
    {"GetMetricData", FAMILY_CLOUDWATCH, 50, false},
    {"GetMetricStatistics", FAMILY_CLOUDWATCH, 400, false},
    {"PutCompositeAlarm", FAMILY_CLOUDWATCH, 3, false},
    {"PutMetricAlarm", FAMILY_CLOUDWATCH, 3, false},
    {"PutMetricData", FAMILY_CLOUDWATCH, 500, false},
    {"SetAlarmState", FAMILY_CLOUDWATCH, 3, false},
    {"CreateTopic", FAMILY_SNS, 30, false},
    {"Publish", FAMILY_SNS, 300, false},
    {"Subscribe", FAMILY_SNS, 100, false},
    {"Unsubscribe", FAMILY_SNS, 100, false},
};

struct quota {
    struct token_bucket buckets[COUNT_OF(limits)];
};

struct quota *model_quota_new(void)
{
    return must_calloc(1, sizeof(struct quota));
}

void model_quota_free(struct quota *quota)
{
    free(quota);
}

static bool take(struct token_bucket *bucket, double per_second, int64_t now_ms)
{
    if (bucket->filled_ms == 0)
        bucket->tokens = per_second;
    else
        bucket->tokens += per_second * (double)(now_ms - bucket->filled_ms) / 1000;
    if (bucket->tokens > per_second)
        bucket->tokens = per_second;
    bucket->filled_ms = now_ms;
    if (bucket->tokens < 1)
        return false;
    bucket->tokens -= 1;
    return true;
}

static int refuse(const struct sim *sim, enum family family, const char *stream, struct fault *fault)
{
    if (family == FAMILY_CLOUDWATCH)
        return model_fault(fault, "ThrottlingException", 400, "Rate exceeded");
    if (family == FAMILY_SNS)
        return model_fault(fault, "Throttled", 429, "Rate exceeded");
    if (stream != NULL)
        return model_fault(fault, "LimitExceededException", 400,
                           "Rate exceeded for stream %s under account %s.", stream, sim->account);
    return model_fault(fault, "LimitExceededException", 400, "Rate exceeded for account %s.", sim->account);
}

int model_allow(struct sim *sim, const char *operation, const char *stream_name, struct fault *fault)
{
    struct token_bucket *bucket;
    struct stream *stream;
    struct fault unknown;
    size_t i = 0;

    if (!sim->check_quotas)
        return 0;
    while (i < COUNT_OF(limits) && !text_equal(limits[i].operation, operation))
        i++;
    if (i == COUNT_OF(limits))
        return 0;
    bucket = &sim->quota->buckets[i];
    if (limits[i].per_stream) {
        if (stream_name == NULL || model_find_stream(sim, stream_name, &stream, &unknown) < 0)
            return 0;
        bucket = &stream->list_shards;
    }
    return take(bucket, limits[i].per_second, sim->now_ms)
               ? 0
               : refuse(sim, limits[i].family, stream_name, fault);
}
