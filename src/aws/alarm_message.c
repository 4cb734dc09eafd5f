/*
 * alarm_message.c - the one thing the program is told about: an alarm went into a state.
 *
 * Strict about the four members that every alarm message of the last ten years had, lenient about the rest:
 * members came and went, and an alarm that is not understood is an alarm that is lost.
 */
#include "aws/alarm_message.h"

#include "untrusted.h"

#include "aws/endpoint.h"
#include "aws/sns_message.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

static const char kinesis_namespace[] = "AWS/Kinesis";

/* ---- members of the message itself */

static int copy_member(const cJSON *object, const char *name, bool required, char *target, size_t size,
                       struct error *err)
{
    const char *value = untrusted_member(object, name);

    if (value == NULL || *value == '\0')
        return required ? error_set(err, ERROR_INPUT, "'%s' is missing or no text", name) : 0;
    if (!text_copy(target, size, value))
        return error_set(err, ERROR_INPUT, "'%s' has more than %zu bytes", name, size - 1);
    return 0;
}

static int read_state(const cJSON *object, const char *name, bool required, enum alarm_state *state,
                      struct error *err)
{
    static const enum alarm_state states[] = {ALARM_OK, ALARM_ALARM, ALARM_INSUFFICIENT_DATA};
    const char *value = untrusted_member(object, name);
    char quoted[41];

    if (value == NULL)
        return required ? error_set(err, ERROR_INPUT, "'%s' is missing or no text", name) : 0;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (strcmp(alarm_state_name(states[i]), value) == 0) {
            *state = states[i];
            return 0;
        }
    }
    untrusted_quote(value, quoted, sizeof(quoted));
    return error_set(err, ERROR_INPUT, "'%s' is no state: '%s'", name, quoted);
}

static int read_time(const cJSON *object, const char *name, int64_t *ret_ms, struct error *err)
{
    const char *value = untrusted_member(object, name);

    if (value == NULL)
        return error_set(err, ERROR_INPUT, "'%s' is missing or no text", name);
    if (!date_parse(value, ret_ms)) {
        char quoted[41];

        untrusted_quote(value, quoted, sizeof(quoted));
        return error_set(err, ERROR_INPUT, "'%s' is no time: '%s'", name, quoted);
    }
    return 0;
}

/* ---- which stream */

/* Lower case in messages, upper in the API: whoever relays one may have turned the one into the other. */
static const char *either(const cJSON *object, const char *lower, const char *upper)
{
    const char *value = untrusted_member(object, lower);

    return value != NULL ? value : untrusted_member(object, upper);
}

/* NULL when it is not among them; `dimensions` may be anything. */
static const char *dimension(const cJSON *dimensions, const char *wanted)
{
    const cJSON *one;

    if (!cJSON_IsArray(dimensions))
        return NULL;
    cJSON_ArrayForEach(one, dimensions) {
        const char *name = either(one, "name", "Name");

        if (name != NULL && strcmp(name, wanted) == 0)
            return either(one, "value", "Value");
    }
    return NULL;
}

/* The stream and shard of one metric, for what the message has been found to be about until now. */
static int note_metric(const cJSON *metric, bool first, struct alarm_message *message, struct error *err)
{
    const cJSON *dimensions = cJSON_GetObjectItemCaseSensitive(metric, "Dimensions");
    const char *namespace = untrusted_member(metric, "Namespace");
    const char *stream = dimension(dimensions, "StreamName");
    const char *shard = dimension(dimensions, "ShardId");

    if (namespace == NULL || strcmp(namespace, kinesis_namespace) != 0 || stream == NULL)
        return 0;
    if (!untrusted_is_plain(stream, STREAM_NAME_MAX, "_.-"))
        return error_set(err, ERROR_INPUT, "'StreamName' is no name of a stream");
    if (shard == NULL)
        shard = "";
    else if (!untrusted_is_plain(shard, SHARD_ID_SIZE - 1, "_.-"))
        return error_set(err, ERROR_INPUT, "'ShardId' is no id of a shard");

    if (first) {
        (void)text_copy(message->stream, sizeof(message->stream), stream);
        (void)text_copy(message->shard, sizeof(message->shard), shard);
    } else if (strcmp(message->shard, shard) != 0) {
        message->shard[0] = '\0'; /* about more than one shard: about the stream */
    }
    return 0;
}

static int read_math(const cJSON *metrics, struct alarm_message *message, struct error *err)
{
    const cJSON *one;

    message->math = true;
    cJSON_ArrayForEach(one, metrics) {
        const cJSON *stat = cJSON_GetObjectItemCaseSensitive(one, "MetricStat");
        const cJSON *metric = cJSON_GetObjectItemCaseSensitive(stat, "Metric");

        if (note_metric(metric, message->stream[0] == '\0', message, err) < 0)
            return -1;
    }
    return 0;
}

static int read_trigger(const cJSON *trigger, struct alarm_message *message, struct error *err)
{
    const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(trigger, "Metrics");

    if (copy_member(trigger, "ComparisonOperator", false, message->comparison, sizeof(message->comparison),
                    err) < 0)
        return -1;
    if (cJSON_IsArray(metrics))
        return read_math(metrics, message, err);
    if (copy_member(trigger, "MetricName", false, message->metric, sizeof(message->metric), err) < 0)
        return -1;
    return note_metric(trigger, true, message, err);
}

/* ---- composite */

/* Those beyond what fits are left to the look at all alarms that follows every few minutes. */
static int read_children(const cJSON *children, struct alarm_message *message, struct error *err)
{
    static const char prefix[] = "alarm:";
    const cJSON *child;

    cJSON_ArrayForEach(child, children) {
        const char *text = untrusted_member(child, "Arn");
        struct arn arn;

        if (message->child_count == ALARM_CHILDREN_MAX)
            return 0;
        if (text == NULL || arn_parse(text, &arn, err) < 0 || !text_starts_with(arn.resource, prefix) ||
            !text_copy(message->child_names[message->child_count], ALARM_NAME_SIZE,
                       arn.resource + strlen(prefix)))
            return error_set(err, ERROR_INPUT, "an 'Arn' in 'TriggeringChildren' is no ARN of an alarm");
        message->child_count++;
    }
    return 0;
}

/* ---- all of it */

static int read_message(const cJSON *object, struct alarm_message *message, struct error *err)
{
    const cJSON *children = cJSON_GetObjectItemCaseSensitive(object, "TriggeringChildren");

    message->old_state = ALARM_INSUFFICIENT_DATA;
    if (copy_member(object, "AlarmName", true, message->alarm_name, sizeof(message->alarm_name), err) < 0 ||
        copy_member(object, "AlarmArn", false, message->alarm_arn, sizeof(message->alarm_arn), err) < 0 ||
        read_state(object, "NewStateValue", true, &message->new_state, err) < 0 ||
        read_state(object, "OldStateValue", false, &message->old_state, err) < 0 ||
        read_time(object, "StateChangeTime", &message->changed_ms, err) < 0)
        return -1;
    message->composite = untrusted_member(object, "AlarmRule") != NULL || cJSON_IsArray(children);
    if (message->composite)
        return cJSON_IsArray(children) ? read_children(children, message, err) : 0;
    return read_trigger(cJSON_GetObjectItemCaseSensitive(object, "Trigger"), message, err);
}

int alarm_message_parse(const char *text, size_t length, struct alarm_message *ret_message, struct error *err)
{
    /* Ten metrics of thirty dimensions are some thousand values. */
    static const struct untrusted_limits limits = {
        .bytes = SNS_BODY_MAX, .depth = 16, .values = 16384, .members = 256};
    SCOPED(untrusted_release) cJSON *object = NULL;
    struct alarm_message message = {0};

    if (untrusted_json(text, length, &limits, &object, err) < 0 || read_message(object, &message, err) < 0)
        return error_wrap(err, "alarm message");
    *ret_message = message;
    return 0;
}
