/*
 * resources_kinesis.c - AWS::Kinesis::Stream.
 *
 * Like AWS's handler, an update makes the stream what the template says: it does not ask who changed the number of
 * shards since.  An update of anything in the resource calls UpdateShardCount when the open shards are others.
 */
#include "base/memory.h"
#include "base/text.h"
#include "resources.h"
#include "wire.h"

static bool is_on_demand(const cJSON *properties)
{
    return text_equal(input_text(input_member(properties, "StreamModeDetails"), "StreamMode"), "ON_DEMAND");
}

static int check_mode(const struct handle *handle, struct fault *fault)
{
    bool has_count = input_member(handle->properties, "ShardCount") != NULL;

    if (is_on_demand(handle->properties) == has_count)
        return model_fault(fault, "InvalidRequest", 400, "%s",
                           has_count ? "ShardCount must not be given for a stream with StreamMode ON_DEMAND"
                                     : "ShardCount must be given for a stream with StreamMode PROVISIONED");
    return 0;
}

static cJSON *name_stream(const struct handle *handle)
{
    cJSON *input = cJSON_CreateObject();

    answer_text(input, "StreamName", handle->physical);
    return input;
}

int resource_create_stream(struct handle *handle, struct fault *fault)
{
    const char *name = input_text(handle->properties, "Name");
    const cJSON *mode = input_member(handle->properties, "StreamModeDetails");
    int64_t shards = input_integer(handle->properties, "ShardCount", 0);
    char arn[MODEL_ARN_SIZE];
    cJSON *input;

    if (check_mode(handle, fault) < 0)
        return -1;
    input = cJSON_CreateObject();
    answer_text(input, "StreamName", name);
    if (shards > 0)
        answer_number(input, "ShardCount", (double)shards);
    if (mode != NULL)
        (void)cJSON_AddItemToObject(input, "StreamModeDetails", cJSON_Duplicate(mode, true));
    if (resource_call(handle, SERVICE_KINESIS, "CreateStream", input, NULL, fault) < 0)
        return -1;
    handle->physical = must_strdup(name);
    model_stream_arn(handle->sim, name, arn);
    resource_attribute(handle, "Arn", arn);
    return 0;
}

int resource_update_stream(struct handle *handle, struct fault *fault)
{
    int64_t wanted = input_integer(handle->properties, "ShardCount", 0);
    struct stream *stream;
    cJSON *input;

    if (check_mode(handle, fault) < 0 || model_find_stream(handle->sim, handle->physical, &stream, fault) < 0)
        return -1;
    if (is_on_demand(handle->properties) != stream->on_demand)
        return model_fault(fault, "InvalidRequest", 400, "the simulated Kinesis has no UpdateStreamMode");
    if (stream->on_demand || (stream->status == MODEL_ACTIVE && model_open_shards(stream) == wanted))
        return 0;
    input = name_stream(handle);
    answer_number(input, "TargetShardCount", (double)wanted);
    answer_text(input, "ScalingType", "UNIFORM_SCALING");
    return resource_call(handle, SERVICE_KINESIS, "UpdateShardCount", input, NULL, fault);
}

/* Bits of DesiredShardLevelMetrics. */
static unsigned metrics_of(const cJSON *properties)
{
    const cJSON *metric;
    unsigned bits = 0;

    cJSON_ArrayForEach(metric, input_member(properties, "DesiredShardLevelMetrics")) {
        if (text_equal(metric->valuestring, "ALL"))
            bits = SHARD_ALL;
        for (int bit = 0; bit < SHARD_METRIC_COUNT; bit++) {
            if (text_equal(metric->valuestring, model_shard_metric_name(bit)))
                bits |= 1U << bit;
        }
    }
    return bits;
}

static int switch_metrics(struct handle *handle, unsigned bits, const char *operation, struct fault *fault)
{
    cJSON *input = name_stream(handle), *list = answer_list(input, "ShardLevelMetrics");

    for (int bit = 0; bit < SHARD_METRIC_COUNT; bit++) {
        if (bits & 1U << bit)
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(model_shard_metric_name(bit)));
    }
    return resource_call(handle, SERVICE_KINESIS, operation, input, NULL, fault);
}

/* What only an ACTIVE stream takes comes last, one after the other, because each leaves it UPDATING for a while: metrics
 * that were in the template and are no more are switched off. */
int resource_stream_settled(struct handle *handle, struct fault *fault)
{
    unsigned wanted = metrics_of(handle->properties), before = metrics_of(handle->before), on, off;
    struct stream *stream;

    if (model_find_stream(handle->sim, handle->physical, &stream, fault) < 0)
        return -1;
    if (stream->status != MODEL_ACTIVE)
        return 0;
    stream->retention_hours = input_integer(handle->properties, "RetentionPeriodHours", 24);
    on = wanted & ~stream->enhanced;
    off = before & ~wanted & stream->enhanced;
    if (on != 0)
        return switch_metrics(handle, on, "EnableEnhancedMonitoring", fault);
    return off != 0 ? switch_metrics(handle, off, "DisableEnhancedMonitoring", fault) : 1;
}

int resource_remove_stream(struct handle *handle, struct fault *fault)
{
    struct stream *stream;

    if (model_find_stream(handle->sim, handle->physical, &stream, fault) < 0)
        return 0;
    return resource_call(handle, SERVICE_KINESIS, "DeleteStream", name_stream(handle), NULL, fault);
}

int resource_stream_gone(struct handle *handle, struct fault *fault)
{
    struct stream *stream;

    return model_find_stream(handle->sim, handle->physical, &stream, fault) < 0;
}
