/*
 * wire_alarms.c - CloudWatch alarms: settings from a request, and back into an answer.
 */
#include "wire_cloudwatch.h"

#include "base/json_check.h"
#include "base/json_print.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

/* What the model keeps without reading it. */
static const char *const opaque_members[] = {"EvaluationWindow", "ActionsSuppressor",
                                             "ActionsSuppressorWaitPeriod",
                                             "ActionsSuppressorExtensionPeriod"};

static const char *const action_members[] = {[VALUE_OK] = "OKActions",
                                             [VALUE_ALARM] = "AlarmActions",
                                             [VALUE_INSUFFICIENT_DATA] = "InsufficientDataActions"};

static char *read_owned(const cJSON *input, const char *name)
{
    return must_strdup(input_text(input, name));
}

/* ---- from a request */

void wire_read_metric(const cJSON *input, const char *name_space, struct metric_name *ret_metric)
{
    const cJSON *list = input_member(input, "Dimensions"), *item;
    size_t count = 0;

    ret_metric->namespace = must_strdup(name_space != NULL ? name_space : input_text(input, "Namespace"));
    ret_metric->name = read_owned(input, "MetricName");
    ret_metric->dimensions =
        must_calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*ret_metric->dimensions));
    cJSON_ArrayForEach(item, list) {
        ret_metric->dimensions[count].name = read_owned(item, "Name");
        ret_metric->dimensions[count++].value = read_owned(item, "Value");
    }
    ret_metric->dimension_count = count;
}

static void read_query(const cJSON *input, struct data_query *query)
{
    const cJSON *stat = input_member(input, "MetricStat");
    const cJSON *returns = input_member(input, "ReturnData");

    query->id = read_owned(input, "Id");
    query->expression = read_owned(input, "Expression");
    query->label = read_owned(input, "Label");
    query->account_id = read_owned(input, "AccountId");
    query->return_data = returns == NULL ? -1 : cJSON_IsTrue(returns);
    query->period_s = input_integer(stat == NULL ? input : stat, "Period", 0);
    if (stat != NULL) {
        wire_read_metric(input_member(stat, "Metric"), NULL, &query->metric);
        query->stat = read_owned(stat, "Stat");
        query->unit = read_owned(stat, "Unit");
    }
}

void wire_read_queries(const cJSON *list, struct data_query **ret_queries, size_t *ret_count)
{
    size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
    struct data_query *queries = must_calloc(count + 1, sizeof(*queries));
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
        read_query(item, &queries[i++]);
    *ret_queries = queries;
    *ret_count = count;
}

static void read_actions(const cJSON *input, struct text_list lists[3])
{
    for (size_t value = 0; value < COUNT_OF(action_members); value++) {
        const cJSON *list = input_member(input, action_members[value]), *item;

        lists[value].items = must_calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(char *));
        cJSON_ArrayForEach(item, list)
            lists[value].items[lists[value].count++] = must_strdup(item->valuestring);
    }
}

static char *read_opaque(const cJSON *input)
{
    cJSON *kept = cJSON_CreateObject();
    char *text = NULL;

    for (size_t i = 0; i < COUNT_OF(opaque_members); i++) {
        const cJSON *member = input_member(input, opaque_members[i]);

        if (member != NULL)
            (void)cJSON_AddItemToObject(kept, opaque_members[i], cJSON_Duplicate(member, true));
    }
    if (kept->child != NULL)
        text = json_print(kept);
    cJSON_Delete(kept);
    return text;
}

static void read_common(const cJSON *input, struct alarm_settings *settings)
{
    settings->name = read_owned(input, "AlarmName");
    settings->description = read_owned(input, "AlarmDescription");
    settings->actions_enabled = input_boolean(input, "ActionsEnabled", true);
    settings->threshold = NAN;
    settings->opaque = read_opaque(input);
    read_actions(input, settings->actions);
}

static int put_alarm(struct call *call, struct alarm_settings *settings, struct fault *fault)
{
    int result = model_put_alarm(call->sim, settings, fault);

    if (result < 0)
        model_alarm_settings_clear(settings);
    return result;
}

int wire_put_metric_alarm(struct call *call, struct fault *fault)
{
    const cJSON *input = call->input;
    struct alarm_settings settings = {0};

    read_common(input, &settings);
    /* Without a MetricName there is no metric, but what was given of one is the model's to refuse. */
    if (input_member(input, "MetricName") != NULL || input_member(input, "Namespace") != NULL ||
        input_member(input, "Dimensions") != NULL)
        wire_read_metric(input, NULL, &settings.metric);
    settings.statistic = read_owned(input, "Statistic");
    settings.extended_statistic = read_owned(input, "ExtendedStatistic");
    settings.unit = read_owned(input, "Unit");
    settings.period_s = input_integer(input, "Period", 0);
    if (input_member(input, "Metrics") != NULL)
        wire_read_queries(input_member(input, "Metrics"), &settings.queries, &settings.query_count);
    settings.evaluation_periods = input_integer(input, "EvaluationPeriods", 0);
    settings.datapoints_to_alarm = input_integer(input, "DatapointsToAlarm", 0);
    settings.threshold = input_double(input, "Threshold", NAN);
    settings.comparison = read_owned(input, "ComparisonOperator");
    settings.treat_missing = read_owned(input, "TreatMissingData");
    settings.low_sample_percentile = read_owned(input, "EvaluateLowSampleCountPercentile");
    settings.threshold_metric_id = read_owned(input, "ThresholdMetricId");
    return put_alarm(call, &settings, fault);
}

int wire_put_composite_alarm(struct call *call, struct fault *fault)
{
    struct alarm_settings settings = {.composite = true};

    read_common(call->input, &settings);
    settings.rule = read_owned(call->input, "AlarmRule");
    return put_alarm(call, &settings, fault);
}

/* ---- into an answer */

static void write_dimensions(cJSON *object, const struct metric_name *metric)
{
    cJSON *list = answer_list(object, "Dimensions");

    for (size_t i = 0; i < metric->dimension_count; i++) {
        cJSON *item = answer_element(list);

        answer_text(item, "Name", metric->dimensions[i].name);
        answer_text(item, "Value", metric->dimensions[i].value);
    }
}

static void write_query(cJSON *object, const struct data_query *query)
{
    cJSON *stat, *metric;

    answer_text(object, "Id", query->id);
    if (query->expression == NULL) {
        stat = answer_structure(object, "MetricStat");
        metric = answer_structure(stat, "Metric");
        answer_text(metric, "Namespace", query->metric.namespace);
        answer_text(metric, "MetricName", query->metric.name);
        write_dimensions(metric, &query->metric);
        answer_number(stat, "Period", (double)query->period_s);
        answer_text(stat, "Stat", query->stat);
        answer_text(stat, "Unit", query->unit);
    } else {
        answer_text(object, "Expression", query->expression);
        if (query->period_s != 0)
            answer_number(object, "Period", (double)query->period_s);
    }
    answer_text(object, "Label", query->label);
    answer_boolean(object, "ReturnData", query->return_data != 0);
    answer_text(object, "AccountId", query->account_id);
}

static void write_opaque(cJSON *object, const char *text)
{
    cJSON *kept = text == NULL ? NULL : cJSON_Parse(text);

    while (kept != NULL && kept->child != NULL) {
        char *name = must_strdup(kept->child->string);

        (void)cJSON_AddItemToObject(object, name, cJSON_DetachItemViaPointer(kept, kept->child));
        free(name);
    }
    cJSON_Delete(kept);
}

static void write_common(const struct call *call, cJSON *object, const struct alarm *alarm)
{
    const struct alarm_settings *settings = &alarm->settings;
    char arn[MODEL_ARN_SIZE];

    model_alarm_arn(call->sim, alarm, arn, sizeof(arn));
    answer_text(object, "AlarmName", settings->name);
    answer_text(object, "AlarmArn", arn);
    answer_text(object, "AlarmDescription", settings->description);
    answer_time(call, object, "AlarmConfigurationUpdatedTimestamp", alarm->configured_ms);
    answer_boolean(object, "ActionsEnabled", settings->actions_enabled);
    for (size_t value = 0; value < COUNT_OF(action_members); value++) {
        cJSON *list = answer_list(object, action_members[value]);

        for (size_t i = 0; i < settings->actions[value].count; i++)
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(settings->actions[value].items[i]));
    }
    answer_text(object, "StateValue", model_value_name(alarm->value));
    answer_text(object, "StateReason", alarm->reason);
    answer_text(object, "StateReasonData", alarm->reason_data);
    answer_time(call, object, "StateUpdatedTimestamp", alarm->updated_ms);
    answer_time(call, object, "StateTransitionedTimestamp", alarm->transitioned_ms);
    write_opaque(object, settings->opaque);
}

static void write_metric_alarm(const struct call *call, cJSON *object, const struct alarm *alarm)
{
    const struct alarm_settings *settings = &alarm->settings;
    cJSON *list;

    write_common(call, object, alarm);
    if (settings->metric.name != NULL) {
        answer_text(object, "MetricName", settings->metric.name);
        answer_text(object, "Namespace", settings->metric.namespace);
        answer_text(object, "Statistic", settings->statistic);
        answer_text(object, "ExtendedStatistic", settings->extended_statistic);
        write_dimensions(object, &settings->metric);
        answer_number(object, "Period", (double)settings->period_s);
        answer_text(object, "Unit", settings->unit);
    } else {
        list = answer_list(object, "Metrics");
        for (size_t i = 0; i < settings->query_count; i++)
            write_query(answer_element(list), &settings->queries[i]);
    }
    answer_number(object, "EvaluationPeriods", (double)settings->evaluation_periods);
    if (settings->datapoints_to_alarm != 0)
        answer_number(object, "DatapointsToAlarm", (double)settings->datapoints_to_alarm);
    if (!isnan(settings->threshold))
        answer_number(object, "Threshold", settings->threshold);
    answer_text(object, "ComparisonOperator", settings->comparison);
    answer_text(object, "TreatMissingData", settings->treat_missing);
    answer_text(object, "EvaluateLowSampleCountPercentile", settings->low_sample_percentile);
    answer_text(object, "ThresholdMetricId", settings->threshold_metric_id);
}

static void write_composite_alarm(const struct call *call, cJSON *object, const struct alarm *alarm)
{
    write_common(call, object, alarm);
    answer_text(object, "AlarmRule", alarm->settings.rule);
}

/* ---- the others */

static int read_value(const char *name)
{
    for (int value = VALUE_OK; value <= VALUE_INSUFFICIENT_DATA; value++) {
        if (name != NULL && strcmp(name, model_value_name((enum alarm_value)value)) == 0)
            return value;
    }
    return -1;
}

static void read_types(const cJSON *types, struct describe_alarms *request)
{
    const cJSON *type;

    request->metric = types == NULL;
    cJSON_ArrayForEach(type, types) {
        request->metric |= strcmp(type->valuestring, "MetricAlarm") == 0;
        request->composite |= strcmp(type->valuestring, "CompositeAlarm") == 0;
    }
}

/* Pointers into the input; the caller frees the array. */
static const char **read_names(const cJSON *list, size_t *ret_count)
{
    const char **names = must_calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*names));
    const cJSON *item;
    size_t count = 0;

    cJSON_ArrayForEach(item, list)
        names[count++] = item->valuestring;
    *ret_count = count;
    return names;
}

int wire_describe_alarms(struct call *call, struct fault *fault)
{
    struct describe_alarms request = {
        .name_prefix = input_text(call->input, "AlarmNamePrefix"),
        .action_prefix = input_text(call->input, "ActionPrefix"),
        .value = read_value(input_text(call->input, "StateValue")),
        .max_records = input_integer(call->input, "MaxRecords", 0),
        .next_token = input_text(call->input, "NextToken"),
    };
    const char **names = read_names(input_member(call->input, "AlarmNames"), &request.name_count);
    struct alarm_page page = {0};
    cJSON *metric, *composite;
    int result;

    request.names = names;
    read_types(input_member(call->input, "AlarmTypes"), &request);
    result = model_describe_alarms(call->sim, &request, &page, fault);
    free(names);
    if (result < 0)
        return -1;
    composite = answer_list(wire_output(call), "CompositeAlarms");
    metric = answer_list(call->output, "MetricAlarms");
    (void)answer_list(call->output, "LogAlarms"); /* AWS sends it to everybody */
    for (size_t i = 0; i < page.count; i++) {
        if (page.items[i]->settings.composite)
            write_composite_alarm(call, answer_element(composite), page.items[i]);
        else
            write_metric_alarm(call, answer_element(metric), page.items[i]);
    }
    if (page.next_token[0] != '\0')
        answer_text(call->output, "NextToken", page.next_token);
    model_alarm_page_clear(&page);
    return 0;
}

int wire_describe_alarms_for_metric(struct call *call, struct fault *fault)
{
    struct metric_name metric = {0};
    struct alarm_page page = {0};
    cJSON *list;

    (void)fault; /* a metric nobody watches has no alarms; that is no fault */
    wire_read_metric(call->input, NULL, &metric);
    model_alarms_for_metric(call->sim, &metric, input_text(call->input, "Statistic"),
                            input_integer(call->input, "Period", 0), &page);
    list = answer_list(wire_output(call), "MetricAlarms");
    for (size_t i = 0; i < page.count; i++)
        write_metric_alarm(call, answer_element(list), page.items[i]);
    model_alarm_page_clear(&page);
    model_metric_name_clear(&metric);
    return 0;
}

int wire_set_alarm_state(struct call *call, struct fault *fault)
{
    const char *data = input_text(call->input, "StateReasonData");
    struct error err;

    if (data != NULL && json_check(data, strlen(data), JSON_DEPTH_MAX, &err) < 0)
        return model_fault(fault, "InvalidFormatFault", 400, "StateReasonData was not valid JSON");
    return model_set_alarm_state(call->sim, input_text(call->input, "AlarmName"),
                                 (enum alarm_value)read_value(input_text(call->input, "StateValue")),
                                 input_text(call->input, "StateReason"), data, fault);
}

int wire_delete_alarms(struct call *call, struct fault *fault)
{
    size_t count;
    const char **names = read_names(input_member(call->input, "AlarmNames"), &count);
    int result = model_delete_alarms(call->sim, names, count, fault);

    free(names);
    return result;
}
