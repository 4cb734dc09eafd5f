/*
 * wire_kinesis.c - Kinesis: what is checked between members, and how streams and shards are shown.
 */
#include "wire.h"

#include <string.h>

/* ---- how things are shown */

static void write_mode(cJSON *object, const struct stream *stream)
{
    answer_text(answer_structure(object, "StreamModeDetails"), "StreamMode",
                stream->on_demand ? "ON_DEMAND" : "PROVISIONED");
}

static void write_metrics(cJSON *object, const char *name, unsigned metrics)
{
    cJSON *list = answer_list(object, name);

    for (int bit = 0; bit < SHARD_METRIC_COUNT; bit++) {
        if (metrics & 1u << bit)
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(model_shard_metric_name(bit)));
    }
}

/* What DescribeStream, DescribeStreamSummary and ListStreams have in common. */
static void write_head(const struct call *call, cJSON *object, const struct stream *stream)
{
    char arn[MODEL_ARN_SIZE];

    model_stream_arn(call->sim, stream->name, arn);
    answer_text(object, "StreamName", stream->name);
    answer_text(object, "StreamARN", arn);
    answer_text(object, "StreamStatus", model_status_name(stream->status));
    write_mode(object, stream);
    answer_time(call, object, "StreamCreationTimestamp", stream->created_ms);
}

static void write_settings(cJSON *object, const struct stream *stream)
{
    cJSON *monitoring = answer_element(answer_list(object, "EnhancedMonitoring"));

    write_metrics(monitoring, "ShardLevelMetrics", stream->enhanced);
    answer_number(object, "RetentionPeriodHours", (double)stream->retention_hours);
    answer_text(object, "EncryptionType", "NONE");
}

static void write_shard(cJSON *list, const struct stream *stream, const struct shard *shard)
{
    cJSON *object = answer_element(list), *range;
    char id[MODEL_SHARD_ID_SIZE], key[HASHKEY_TEXT_SIZE], sequence[MODEL_SEQUENCE_SIZE];

    model_shard_id(shard->index, id);
    answer_text(object, "ShardId", id);
    if (shard->parent >= 0) {
        model_shard_id(shard->parent, id);
        answer_text(object, "ParentShardId", id);
    }
    if (shard->adjacent_parent >= 0) {
        model_shard_id(shard->adjacent_parent, id);
        answer_text(object, "AdjacentParentShardId", id);
    }
    range = answer_structure(object, "HashKeyRange");
    hashkey_format(shard->start, key);
    answer_text(range, "StartingHashKey", key);
    hashkey_format(shard->end, key);
    answer_text(range, "EndingHashKey", key);
    range = answer_structure(object, "SequenceNumberRange");
    model_sequence_start(shard, sequence);
    answer_text(range, "StartingSequenceNumber", sequence);
    if (!model_shard_is_open(stream, shard)) {
        model_sequence_end(shard, sequence);
        answer_text(range, "EndingSequenceNumber", sequence);
    }
}

static void write_shards(cJSON *object, const struct shard_page *page)
{
    cJSON *list = answer_list(object, "Shards");

    for (size_t i = 0; i < page->count; i++)
        write_shard(list, page->stream, page->items[i]);
}

/* ---- streams */

static int create_stream(struct call *call, struct fault *fault)
{
    const char *mode = input_text(input_member(call->input, "StreamModeDetails"), "StreamMode");
    bool on_demand = mode != NULL && strcmp(mode, "ON_DEMAND") == 0;
    int64_t count = input_integer(call->input, "ShardCount", 0);

    if (count == 0 && !on_demand)
        return model_fault(
            fault, "ValidationException", 400,
            "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: "
            "Member must not be null");
    return model_create_stream(call->sim, input_text(call->input, "StreamName"), count, on_demand, fault);
}

static int delete_stream(struct call *call, struct fault *fault)
{
    return model_delete_stream(call->sim, call->stream, fault);
}

static int list_streams(struct call *call, struct fault *fault)
{
    struct stream_page page;
    cJSON *names, *summaries;

    if (model_list_streams(call->sim, input_integer(call->input, "Limit", 0),
                           input_text(call->input, "ExclusiveStartStreamName"),
                           input_text(call->input, "NextToken"), &page, fault) < 0)
        return -1;
    names = answer_list(wire_output(call), "StreamNames");
    answer_boolean(call->output, "HasMoreStreams", page.has_more);
    if (page.next_token[0] != '\0')
        answer_text(call->output, "NextToken", page.next_token);
    summaries = answer_list(call->output, "StreamSummaries");
    for (size_t i = 0; i < page.count; i++) {
        (void)cJSON_AddItemToArray(names, cJSON_CreateString(page.items[i]->name));
        write_head(call, answer_element(summaries), page.items[i]);
    }
    return 0;
}

static int describe_stream(struct call *call, struct fault *fault)
{
    struct shard_page page = {0};
    cJSON *description;

    if (model_describe_stream(call->sim, call->stream, input_text(call->input, "ExclusiveStartShardId"),
                              input_integer(call->input, "Limit", 0), &page, fault) < 0)
        return -1;
    description = answer_structure(wire_output(call), "StreamDescription");
    write_head(call, description, page.stream);
    write_settings(description, page.stream);
    write_shards(description, &page);
    answer_boolean(description, "HasMoreShards", page.has_more);
    model_shard_page_clear(&page);
    return 0;
}

static int describe_stream_summary(struct call *call, struct fault *fault)
{
    struct stream *stream;
    cJSON *summary;

    if (model_find_stream(call->sim, call->stream, &stream, fault) < 0)
        return -1;
    summary = answer_structure(wire_output(call), "StreamDescriptionSummary");
    write_head(call, summary, stream);
    write_settings(summary, stream);
    answer_number(summary, "OpenShardCount", (double)model_open_shards(stream));
    answer_number(summary, "ConsumerCount", 0);
    return 0;
}

/* ---- shards */

/* A token stands for all that it was got with. */
static int check_token(const struct call *call, struct fault *fault)
{
    static const char *const alone[] = {"StreamName", "StreamARN", "StreamCreationTimestamp",
                                        "ExclusiveStartShardId"};

    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        if (input_member(call->input, alone[i]) != NULL)
            return model_fault(fault, "InvalidArgumentException", 400,
                               "NextToken and %s cannot be provided together.", alone[i]);
    }
    return 0;
}

static int list_shards(struct call *call, struct fault *fault)
{
    const cJSON *filter = input_member(call->input, "ShardFilter");
    struct shard_page page = {0};
    struct list_shards request = {
        .stream = call->stream[0] == '\0' ? NULL : call->stream,
        .next_token = input_text(call->input, "NextToken"),
        .after = input_text(call->input, "ExclusiveStartShardId"),
        .max_results = input_integer(call->input, "MaxResults", 0),
        .created_ms = input_time(call->input, "StreamCreationTimestamp", 0),
        .filter_type = input_text(filter, "Type"),
        .filter_shard = input_text(filter, "ShardId"),
        .filter_ms = input_time(filter, "Timestamp", -1),
    };

    if (request.next_token != NULL && check_token(call, fault) < 0)
        return -1;
    if (request.next_token == NULL && request.stream == NULL)
        return model_fault(fault, "InvalidArgumentException", 400,
                           "Either NextToken or StreamName should be provided.");
    if (model_list_shards(call->sim, &request, &page, fault) < 0)
        return -1;
    write_shards(wire_output(call), &page);
    if (page.next_token[0] != '\0')
        answer_text(call->output, "NextToken", page.next_token);
    model_shard_page_clear(&page);
    return 0;
}

static int split_shard(struct call *call, struct fault *fault)
{
    return model_split_shard(call->sim, call->stream, input_text(call->input, "ShardToSplit"),
                             input_text(call->input, "NewStartingHashKey"), fault);
}

static int merge_shards(struct call *call, struct fault *fault)
{
    return model_merge_shards(call->sim, call->stream, input_text(call->input, "ShardToMerge"),
                              input_text(call->input, "AdjacentShardToMerge"), fault);
}

/* Name and ARN, as several operations echo them. */
static void write_echo(struct call *call)
{
    char arn[MODEL_ARN_SIZE];

    model_stream_arn(call->sim, call->stream, arn);
    answer_text(wire_output(call), "StreamName", call->stream);
    answer_text(call->output, "StreamARN", arn);
}

static int update_shard_count(struct call *call, struct fault *fault)
{
    int64_t target = input_integer(call->input, "TargetShardCount", 0), current;

    if (model_update_shard_count(call->sim, call->stream, target, &current, fault) < 0)
        return -1;
    write_echo(call);
    answer_number(call->output, "CurrentShardCount", (double)current);
    answer_number(call->output, "TargetShardCount", (double)target);
    return 0;
}

static int describe_limits(struct call *call, struct fault *fault)
{
    struct account_limits limits;

    (void)fault; /* nothing can go wrong with it */
    model_describe_limits(call->sim, &limits);
    answer_number(wire_output(call), "ShardLimit", (double)limits.shard_limit);
    answer_number(call->output, "OpenShardCount", (double)limits.open_shards);
    answer_number(call->output, "OnDemandStreamCount", (double)limits.on_demand_streams);
    answer_number(call->output, "OnDemandStreamCountLimit", (double)limits.on_demand_limit);
    return 0;
}

/* ---- shard-level metrics */

static unsigned read_metrics(const struct call *call)
{
    const cJSON *name;
    unsigned metrics = 0;

    cJSON_ArrayForEach(name, input_member(call->input, "ShardLevelMetrics")) {
        if (strcmp(name->valuestring, "ALL") == 0)
            metrics = SHARD_ALL;
        for (int bit = 0; bit < SHARD_METRIC_COUNT; bit++) {
            if (strcmp(name->valuestring, model_shard_metric_name(bit)) == 0)
                metrics |= 1u << bit;
        }
    }
    return metrics;
}

static int set_enhanced(struct call *call, bool enable, struct fault *fault)
{
    unsigned current, desired;

    if (model_set_enhanced(call->sim, call->stream, read_metrics(call), enable, &current, &desired, fault) <
        0)
        return -1;
    write_echo(call);
    write_metrics(call->output, "CurrentShardLevelMetrics", current);
    write_metrics(call->output, "DesiredShardLevelMetrics", desired);
    return 0;
}

static int enable_enhanced(struct call *call, struct fault *fault)
{
    return set_enhanced(call, true, fault);
}

static int disable_enhanced(struct call *call, struct fault *fault)
{
    return set_enhanced(call, false, fault);
}

const struct operation wire_kinesis_operations[] = {
    {SERVICE_KINESIS, "CreateStream", &shape_kinesis_create_stream, STREAM_NONE, false, create_stream},
    {SERVICE_KINESIS, "DeleteStream", &shape_kinesis_delete_stream, STREAM_REQUIRED, false, delete_stream},
    {SERVICE_KINESIS, "ListStreams", &shape_kinesis_list_streams, STREAM_NONE, false, list_streams},
    {SERVICE_KINESIS, "DescribeStream", &shape_kinesis_describe_stream, STREAM_REQUIRED, false,
     describe_stream},
    {SERVICE_KINESIS, "DescribeStreamSummary", &shape_kinesis_stream, STREAM_REQUIRED, false,
     describe_stream_summary},
    {SERVICE_KINESIS, "ListShards", &shape_kinesis_list_shards, STREAM_OPTIONAL, false, list_shards},
    {SERVICE_KINESIS, "SplitShard", &shape_kinesis_split_shard, STREAM_REQUIRED, false, split_shard},
    {SERVICE_KINESIS, "MergeShards", &shape_kinesis_merge_shards, STREAM_REQUIRED, false, merge_shards},
    {SERVICE_KINESIS, "UpdateShardCount", &shape_kinesis_update_shard_count, STREAM_REQUIRED, false,
     update_shard_count},
    {SERVICE_KINESIS, "DescribeLimits", &shape_no_members, STREAM_NONE, false, describe_limits},
    {SERVICE_KINESIS, "EnableEnhancedMonitoring", &shape_kinesis_enhanced_monitoring, STREAM_REQUIRED, false,
     enable_enhanced},
    {SERVICE_KINESIS, "DisableEnhancedMonitoring", &shape_kinesis_enhanced_monitoring, STREAM_REQUIRED, false,
     disable_enhanced},
    {0},
};
