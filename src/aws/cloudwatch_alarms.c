/*
 * cloudwatch_alarms.c - alarms: find, make and delete them, move their thresholds, set their state (JSON 1.0).
 *
 * PutMetricAlarm overwrites the whole alarm.  So the alarm is kept as AWS showed it, and sent back
 * member by member: what PutMetricAlarm knows is copied, the state and whatever else DescribeAlarms
 * tells is left out, and only the threshold is ours.
 */
#include "aws/cloudwatch.h"

#include "base/json_check.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "call.h"

#include <math.h>

enum {
    NAMES_PER_CALL = 100, /* also the most that DescribeAlarms gives at once */
    PAGES_MAX = 2000,
    ALARMS_MAX = 100000, /* three at shard level for each of 33,000 shards */
    REASON_MAX = 1023,
    DIMENSION_VALUE_SIZE = 1024 * 4 + 1, /* 1024 characters */
};

static const char *const state_names[] = {
    [ALARM_OK] = "OK",
    [ALARM_ALARM] = "ALARM",
    [ALARM_INSUFFICIENT_DATA] = "INSUFFICIENT_DATA",
    NULL,
};

const char *alarm_state_name(enum alarm_state state)
{
    return state_names[state];
}

static struct aws_call call_of(const char *operation, const char *subject)
{
    return (struct aws_call){.service = AWS_CLOUDWATCH, .operation = operation, .subject = subject};
}

/* ---- lists */

static void alarm_clear(struct alarm *alarm)
{
    for (size_t i = 0; i < alarm->action_count; i++)
        free(alarm->actions[i]);
    free(alarm->actions);
    free(alarm->document);
    *alarm = (struct alarm){0};
}

void alarm_list_clear(struct alarm_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        alarm_clear(&list->items[i]);
    free(list->items);
    *list = (struct alarm_list){0};
}

bool alarm_has_action(const struct alarm *alarm, const char *arn)
{
    for (size_t i = 0; i < alarm->action_count; i++) {
        if (strcmp(alarm->actions[i], arn) == 0)
            return true;
    }
    return false;
}

static bool has_action_prefix(const struct alarm *alarm, const char *prefix)
{
    for (size_t i = 0; i < alarm->action_count; i++) {
        if (text_starts_with(alarm->actions[i], prefix))
            return true;
    }
    return false;
}

/* Doubles, so that a listing of thousands stays linear. */
static struct alarm *append(struct alarm_list *list)
{
    if ((list->count & (list->count - 1)) == 0)
        list->items = must_realloc(list->items, list->count > 0 ? 2 * list->count : 1, sizeof(*list->items));
    return &list->items[list->count++];
}

/* ---- reading */

static int read_actions(const cJSON *document, struct alarm *alarm, struct error *err)
{
    const cJSON *entries, *entry;

    if (json_array(document, "AlarmActions", &entries, err) < 0)
        return -1;
    alarm->actions = must_calloc((size_t)cJSON_GetArraySize(entries) + 1, sizeof(*alarm->actions));
    cJSON_ArrayForEach(entry, entries) {
        if (!cJSON_IsString(entry))
            return error_set(err, ERROR_INPUT, "the answer's 'AlarmActions' is malformed");
        alarm->actions[alarm->action_count++] = must_strdup(entry->valuestring);
    }
    return 0;
}

/* StreamName and ShardId; a value that could not be one of Kinesis is passed over. */
static int read_dimensions(const cJSON *metric, struct alarm *alarm, struct error *err)
{
    char name[256], value[DIMENSION_VALUE_SIZE];
    const cJSON *entries, *entry;

    if (json_array(metric, "Dimensions", &entries, err) < 0)
        return -1;
    cJSON_ArrayForEach(entry, entries) {
        if (json_text(entry, "Name", name, sizeof(name), err) < 0 ||
            json_text(entry, "Value", value, sizeof(value), err) < 0)
            return -1;
        if (strcmp(name, "StreamName") == 0 && strlen(value) < sizeof(alarm->stream))
            (void)text_copy(alarm->stream, sizeof(alarm->stream), value);
        else if (strcmp(name, "ShardId") == 0 && strlen(value) < sizeof(alarm->shard))
            (void)text_copy(alarm->shard, sizeof(alarm->shard), value);
    }
    return 0;
}

/* Metric math: the stream is that of the first Kinesis metric with one. */
static int read_metrics(const cJSON *metrics, struct alarm *alarm, struct error *err)
{
    const cJSON *query;

    cJSON_ArrayForEach(query, metrics) {
        const cJSON *stat, *metric;
        char namespace[256] = "";

        if (json_member(query, "MetricStat") == NULL) /* an expression */
            continue;
        if (json_object(query, "MetricStat", &stat, err) < 0 ||
            json_object(stat, "Metric", &metric, err) < 0 ||
            json_optional_text(metric, "Namespace", namespace, sizeof(namespace), err) < 0)
            return -1;
        if (alarm->period_s == 0 &&
            json_optional_integer(stat, "Period", 1, 86400, &alarm->period_s, err) < 0)
            return -1;
        if (alarm->stream[0] == '\0' && strcmp(namespace, "AWS/Kinesis") == 0 &&
            read_dimensions(metric, alarm, err) < 0)
            return -1;
    }
    return 0;
}

static int read_metric_alarm(const cJSON *document, struct alarm *alarm, struct error *err)
{
    const cJSON *metrics, *threshold = json_member(document, "Threshold");

    if (json_array(document, "Metrics", &metrics, err) < 0 ||
        json_optional_text(document, "Namespace", alarm->namespace, sizeof(alarm->namespace), err) < 0 ||
        json_optional_text(document, "MetricName", alarm->metric, sizeof(alarm->metric), err) < 0 ||
        json_optional_text(document, "Statistic", alarm->statistic, sizeof(alarm->statistic), err) < 0 ||
        json_optional_text(document, "ComparisonOperator", alarm->comparison, sizeof(alarm->comparison),
                           err) < 0 ||
        json_optional_integer(document, "Period", 1, 86400, &alarm->period_s, err) < 0)
        return -1;
    if (threshold != NULL) {
        if (!cJSON_IsNumber(threshold) || !isfinite(threshold->valuedouble))
            return error_set(err, ERROR_INPUT, "the answer's 'Threshold' is malformed");
        alarm->threshold = threshold->valuedouble;
    }
    alarm->math = cJSON_GetArraySize(metrics) > 0;
    return alarm->math ? read_metrics(metrics, alarm, err) : read_dimensions(document, alarm, err);
}

/* Leaves *alarm in a state that alarm_clear() takes, whatever happens. */
static int read_alarm(const cJSON *document, bool composite, struct alarm *alarm, struct error *err)
{
    int state;

    if (json_text(document, "AlarmName", alarm->name, sizeof(alarm->name), err) < 0 ||
        json_one_of(document, "StateValue", state_names, &state, err) < 0 ||
        json_optional_time(document, "StateUpdatedTimestamp", &alarm->transitioned_ms, err) < 0 ||
        json_optional_time(document, "StateTransitionedTimestamp", &alarm->transitioned_ms, err) < 0 ||
        read_actions(document, alarm, err) < 0)
        return -1;
    alarm->state = (enum alarm_state)state;
    alarm->composite = composite;
    alarm->threshold = NAN;
    return composite ? 0 : read_metric_alarm(document, alarm, err);
}

/* Moves the alarms of one member of the answer to the list; those without such an action are dropped. */
static int take_alarms(const cJSON *output, const char *member, const char *action_prefix,
                       struct alarm_list *list, struct error *err)
{
    const cJSON *entries;
    cJSON *document;

    if (json_array(output, member, &entries, err) < 0)
        return -1;
    cJSON_ArrayForEach(document, entries) {
        struct alarm alarm = {0};

        if (read_alarm(document, strcmp(member, "CompositeAlarms") == 0, &alarm, err) < 0) {
            alarm_clear(&alarm);
            return -1;
        }
        if (action_prefix != NULL && !has_action_prefix(&alarm, action_prefix)) {
            alarm_clear(&alarm);
            continue;
        }
        if (list->count == ALARMS_MAX) {
            alarm_clear(&alarm);
            return error_set(err, ERROR_INPUT, "more than %d alarms", ALARMS_MAX);
        }
        alarm.document = json_print(document);
        *append(list) = alarm;
    }
    return 0;
}

/* ---- DescribeAlarms */

/* All pages of one request, added to the list.  `input` gets the token of each page. */
static int describe(struct aws_client *client, struct aws_call *call, cJSON *input, const char *action_prefix,
                    struct alarm_list *list, struct error *err)
{
    for (int page = 0; page < PAGES_MAX; page++) {
        SCOPED(free_json) cJSON *output = NULL;
        SCOPED(free_text) char *token = NULL;

        if (aws_call_json(client, call, input, &output, err) < 0)
            return -1;
        if (take_alarms(output, "MetricAlarms", action_prefix, list, err) < 0 ||
            take_alarms(output, "CompositeAlarms", action_prefix, list, err) < 0 ||
            json_next_token(output, &token, err) < 0)
            return aws_call_wrap(call, err);
        if (token == NULL)
            return 0;
        cJSON_DeleteItemFromObjectCaseSensitive(input, "NextToken");
        cJSON_AddStringToObject(input, "NextToken", token);
    }
    (void)error_set(err, ERROR_INPUT, "more than %d pages", PAGES_MAX);
    return aws_call_wrap(call, err);
}

static cJSON *describe_input(void)
{
    cJSON *input = cJSON_CreateObject();
    cJSON *types = cJSON_AddArrayToObject(input, "AlarmTypes");

    /* Without this CloudWatch shows no composite ones. */
    cJSON_AddItemToArray(types, cJSON_CreateString("MetricAlarm"));
    cJSON_AddItemToArray(types, cJSON_CreateString("CompositeAlarm"));
    cJSON_AddNumberToObject(input, "MaxRecords", NAMES_PER_CALL);
    return input;
}

/* `filter` is a member of the request; with an `action_prefix` alarms without such an action are dropped. */
static int describe_all(struct aws_client *client, const char *filter, const char *value,
                        const char *action_prefix, struct alarm_list *ret_list, struct error *err)
{
    struct aws_call call = call_of("DescribeAlarms", "");
    SCOPED(free_json) cJSON *input = describe_input();
    SCOPED(alarm_list_clear) struct alarm_list list = {0};

    cJSON_AddStringToObject(input, filter, value);
    if (describe(client, &call, input, action_prefix, &list, err) < 0)
        return -1;
    *ret_list = list;
    list = (struct alarm_list){0};
    return 0;
}

int cloudwatch_alarms_by_action(struct aws_client *client, const char *action_prefix,
                                struct alarm_list *ret_list, struct error *err)
{
    /* CloudWatch compares the actions of every state; ours are those of ALARM. */
    return describe_all(client, "ActionPrefix", action_prefix, action_prefix, ret_list, err);
}

int cloudwatch_alarms_by_prefix(struct aws_client *client, const char *name_prefix,
                                struct alarm_list *ret_list, struct error *err)
{
    return describe_all(client, "AlarmNamePrefix", name_prefix, NULL, ret_list, err);
}

int cloudwatch_alarms_by_name(struct aws_client *client, const char *const *names, size_t count,
                              struct alarm_list *ret_list, struct error *err)
{
    struct aws_call call = call_of("DescribeAlarms", "");
    SCOPED(alarm_list_clear) struct alarm_list list = {0};

    for (size_t start = 0; start < count; start += NAMES_PER_CALL) {
        SCOPED(free_json) cJSON *input = describe_input();
        cJSON *wanted = cJSON_AddArrayToObject(input, "AlarmNames");

        for (size_t i = start; i < count && i < start + NAMES_PER_CALL; i++)
            cJSON_AddItemToArray(wanted, cJSON_CreateString(names[i]));
        if (describe(client, &call, input, NULL, &list, err) < 0)
            return -1;
    }
    *ret_list = list;
    list = (struct alarm_list){0};
    return 0;
}

int cloudwatch_alarms_for_metric(struct aws_client *client, const char *metric, const char *stream,
                                 const char *shard, struct alarm_list *ret_list, struct error *err)
{
    struct aws_call call = call_of("DescribeAlarmsForMetric", stream);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();
    SCOPED(free_json) cJSON *output = NULL;
    SCOPED(alarm_list_clear) struct alarm_list list = {0};

    cJSON_AddStringToObject(input, "Namespace", "AWS/Kinesis");
    cJSON_AddStringToObject(input, "MetricName", metric);
    json_add_dimensions(input, stream, shard);
    if (aws_call_json(client, &call, input, &output, err) < 0)
        return -1;
    if (take_alarms(output, "MetricAlarms", NULL, &list, err) < 0)
        return aws_call_wrap(&call, err);
    *ret_list = list;
    list = (struct alarm_list){0};
    return 0;
}

/* ---- PutMetricAlarm, DeleteAlarms, SetAlarmState */

/*
 * What PutMetricAlarm accepts, by the CloudWatch model; Tags too, but on creation only, and
 * DescribeAlarms does not tell them.  `alone`: must not stand beside Metrics, where DescribeAlarms
 * may show it empty.
 */
static const struct {
    const char *name;
    bool alone;
} put_members[] = {
    {"AlarmName", false},
    {"AlarmDescription", false},
    {"ActionsEnabled", false},
    {"OKActions", false},
    {"AlarmActions", false},
    {"InsufficientDataActions", false},
    {"MetricName", true},
    {"Namespace", true},
    {"Statistic", true},
    {"ExtendedStatistic", true},
    {"Dimensions", true},
    {"Period", true},
    {"Unit", true},
    {"EvaluationPeriods", false},
    {"DatapointsToAlarm", false},
    {"ComparisonOperator", false},
    {"TreatMissingData", false},
    {"EvaluateLowSampleCountPercentile", false},
    {"Metrics", false},
    {"ThresholdMetricId", false},
    {"EvaluationWindow", false},
    {"EvaluationCriteria", false},
    {"EvaluationInterval", false},
};

static bool is_empty_list(const cJSON *member)
{
    return cJSON_IsArray(member) && cJSON_GetArraySize(member) == 0;
}

static cJSON *put_input(const struct alarm *alarm, double threshold)
{
    SCOPED(free_json) cJSON *document = cJSON_Parse(alarm->document);
    cJSON *input = cJSON_CreateObject();

    for (size_t i = 0; i < COUNT_OF(put_members); i++) {
        const cJSON *member = json_member(document, put_members[i].name);

        if (member == NULL || (alarm->math && put_members[i].alone && is_empty_list(member)) ||
            (!alarm->math && strcmp(put_members[i].name, "Metrics") == 0 && is_empty_list(member)))
            continue;
        cJSON_AddItemToObject(input, put_members[i].name, cJSON_Duplicate(member, true));
    }
    cJSON_AddNumberToObject(input, "Threshold", threshold);
    return input;
}

int cloudwatch_put_threshold(struct aws_client *client, const struct alarm *alarm, double threshold,
                             struct error *err)
{
    struct aws_call call = call_of("PutMetricAlarm", alarm->name);
    SCOPED(free_json) cJSON *input = NULL;

    if (alarm->composite || isnan(alarm->threshold))
        return error_set(err, ERROR_REFUSED, "alarm '%s' has no threshold of its own", alarm->name);
    if (!isfinite(threshold))
        return error_set(err, ERROR_BUG, "the threshold for alarm '%s' is no number", alarm->name);
    input = put_input(alarm, threshold);
    return aws_call_json(client, &call, input, NULL, err);
}

int cloudwatch_make_alarm(struct aws_client *client, const struct alarm_order *order, struct error *err)
{
    struct aws_call call = call_of("PutMetricAlarm", order->name);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();

    if (!isfinite(order->threshold))
        return error_set(err, ERROR_BUG, "the threshold for alarm '%s' is no number", order->name);
    cJSON_AddStringToObject(input, "AlarmName", order->name);
    cJSON_AddStringToObject(input, "AlarmDescription", order->description);
    cJSON_AddTrueToObject(input, "ActionsEnabled");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(input, "AlarmActions"), cJSON_CreateString(order->topic_arn));
    cJSON_AddStringToObject(input, "Namespace", "AWS/Kinesis");
    cJSON_AddStringToObject(input, "MetricName", order->metric);
    json_add_dimensions(input, order->stream, order->shard);
    cJSON_AddStringToObject(input, "Statistic", "Sum");
    cJSON_AddNumberToObject(input, "Period", (double)order->period_s);
    cJSON_AddNumberToObject(input, "EvaluationPeriods", 1);
    cJSON_AddNumberToObject(input, "DatapointsToAlarm", 1);
    cJSON_AddNumberToObject(input, "Threshold", order->threshold);
    cJSON_AddStringToObject(input, "ComparisonOperator", "GreaterThanThreshold");
    cJSON_AddStringToObject(input, "TreatMissingData", "notBreaching");
    return aws_call_json(client, &call, input, NULL, err);
}

int cloudwatch_delete_alarms(struct aws_client *client, const char *const *names, size_t count,
                             struct error *err)
{
    struct aws_call call = call_of("DeleteAlarms", "");
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(input, "AlarmNames");

    if (count > ALARMS_PER_DELETE)
        return error_set(err, ERROR_BUG, "%zu alarms cannot be deleted in one call", count);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(names[i]));
    return aws_call_json(client, &call, input, NULL, err);
}

int cloudwatch_set_alarm_state(struct aws_client *client, const char *name, enum alarm_state state,
                               const char *reason, struct error *err)
{
    struct aws_call call = call_of("SetAlarmState", name);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();

    if (strlen(reason) > REASON_MAX)
        return error_set(err, ERROR_BUG, "the reason for the state of alarm '%s' has more than %d bytes",
                         name, REASON_MAX);
    cJSON_AddStringToObject(input, "AlarmName", name);
    cJSON_AddStringToObject(input, "StateValue", alarm_state_name(state));
    cJSON_AddStringToObject(input, "StateReason", reason);
    return aws_call_json(client, &call, input, NULL, err);
}
