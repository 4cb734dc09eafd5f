/*
 * wire_cloudwatch.c - CloudWatch: the table of operations, and its metrics.
 */
#include "wire_cloudwatch.h"

#include "base/memory.h"

#include <string.h>

/* ---- GetMetricData */

static void write_results(struct call *call, const struct data_answer *answer)
{
    cJSON *list = answer_list(wire_output(call), "MetricDataResults");

    for (size_t i = 0; i < answer->count; i++) {
        const struct data_result *result = &answer->items[i];
        cJSON *object = answer_element(list), *times, *values;

        answer_text(object, "Id", result->id);
        answer_text(object, "Label", result->label);
        times = answer_list(object, "Timestamps");
        values = answer_list(object, "Values");
        for (size_t k = 0; k < result->count; k++) {
            answer_element_time(call, times, result->times_ms[k]);
            (void)cJSON_AddItemToArray(values, cJSON_CreateNumber(result->values[k]));
        }
        answer_text(object, "StatusCode", "Complete");
    }
    (void)answer_list(call->output, "Messages");
    if (answer->next_token[0] != '\0')
        answer_text(call->output, "NextToken", answer->next_token);
}

static int get_metric_data(struct call *call, struct fault *fault)
{
    const char *scan_by = input_text(call->input, "ScanBy");
    struct data_query *queries;
    struct data_answer answer = {0};
    struct data_request request = {
        .start_ms = input_time(call->input, "StartTime", 0),
        .end_ms = input_time(call->input, "EndTime", 0),
        .ascending = scan_by != NULL && strcmp(scan_by, "TimestampAscending") == 0,
        .max_datapoints = input_integer(call->input, "MaxDatapoints", 0),
        .next_token = input_text(call->input, "NextToken"),
    };
    int result;

    wire_read_queries(input_member(call->input, "MetricDataQueries"), &queries, &request.count);
    request.queries = queries;
    result = model_get_metric_data(call->sim, &request, &answer, fault);
    if (result == 0) {
        write_results(call, &answer);
        model_data_answer_clear(&answer);
    }
    model_data_queries_clear(queries, request.count);
    return result;
}

/* ---- GetMetricStatistics */

static void write_point(const struct call *call, cJSON *object, const struct datapoint *point,
                        const char *unit)
{
    const struct {
        const char *name;
        double value;
    } statistics[] = {
        {"SampleCount", point->count}, {"Average", point->count > 0 ? point->sum / point->count : 0},
        {"Sum", point->sum},           {"Minimum", point->minimum},
        {"Maximum", point->maximum},
    };
    const cJSON *wanted;

    answer_time(call, object, "Timestamp", point->at_ms);
    cJSON_ArrayForEach(wanted, input_member(call->input, "Statistics")) {
        for (size_t i = 0; i < COUNT_OF(statistics); i++) {
            if (strcmp(wanted->valuestring, statistics[i].name) == 0 &&
                !cJSON_HasObjectItem(object, statistics[i].name))
                answer_number(object, statistics[i].name, statistics[i].value);
        }
    }
    answer_text(object, "Unit", unit);
}

static int get_metric_statistics(struct call *call, struct fault *fault)
{
    struct metric_name metric = {0};
    struct datapoint *points;
    const char *unit;
    cJSON *list;
    size_t count;
    int result;

    if (input_member(call->input, "ExtendedStatistics") != NULL)
        return model_fault(fault, "InvalidParameterValueException", 400,
                           "The simulated CloudWatch keeps no values to take percentiles of.");
    if (input_member(call->input, "Statistics") == NULL)
        return model_fault(fault, "InvalidParameterCombinationException", 400,
                           "Must specify either Statistics or ExtendedStatistics");
    wire_read_metric(call->input, NULL, &metric);
    result = model_get_metric_statistics(
        call->sim, &metric, input_time(call->input, "StartTime", 0), input_time(call->input, "EndTime", 0),
        input_integer(call->input, "Period", 0), &points, &count, &unit, fault);
    if (result == 0) {
        answer_text(wire_output(call), "Label", metric.name);
        list = answer_list(call->output, "Datapoints");
        for (size_t i = 0; i < count; i++)
            write_point(call, answer_element(list), &points[i], unit);
        free(points);
    }
    model_metric_name_clear(&metric);
    return result;
}

/* ---- PutMetricData */

static void add_value(struct datapoint *point, double value, double count)
{
    if (point->count <= 0 || value < point->minimum)
        point->minimum = value;
    if (point->count <= 0 || value > point->maximum)
        point->maximum = value;
    point->sum += value * count;
    point->count += count;
}

static int add_values(const cJSON *values, const cJSON *counts, int number, struct datapoint *point,
                      struct fault *fault)
{
    const cJSON *value, *count = counts == NULL ? NULL : counts->child;

    if (counts != NULL && cJSON_GetArraySize(counts) != cJSON_GetArraySize(values))
        return model_fault(
            fault, "InvalidParameterValueException", 400,
            "The parameters MetricData.member.%d.Values and MetricData.member.%d.Counts must be of the "
            "same size.",
            number, number);
    cJSON_ArrayForEach(value, values) {
        add_value(point, value->valuedouble, count == NULL ? 1 : count->valuedouble);
        count = count == NULL ? NULL : count->next;
    }
    return 0;
}

/* A datum says what it has seen in one of three ways. */
static int read_datum(const cJSON *input, const char *name_space, int number, struct metric_datum *datum,
                      struct fault *fault)
{
    const cJSON *value = input_member(input, "Value");
    const cJSON *set = input_member(input, "StatisticValues");
    const cJSON *values = input_member(input, "Values");

    if ((value != NULL) + (set != NULL) + (values != NULL) != 1)
        return model_fault(
            fault, "InvalidParameterCombinationException", 400,
            "Exactly one of MetricData.member.%d.Value, MetricData.member.%d.StatisticValues and "
            "MetricData.member.%d.Values must be specified.",
            number, number, number);
    wire_read_metric(input, name_space, &datum->metric);
    datum->unit = input_text(input, "Unit");
    if (set != NULL)
        datum->point = (struct datapoint){0, input_double(set, "Sum", 0), input_double(set, "SampleCount", 0),
                                          input_double(set, "Minimum", 0), input_double(set, "Maximum", 0)};
    datum->point.at_ms = input_time(input, "Timestamp", 0);
    if (value != NULL)
        add_value(&datum->point, value->valuedouble, 1);
    return values == NULL ? 0
                          : add_values(values, input_member(input, "Counts"), number, &datum->point, fault);
}

static int put_metric_data(struct call *call, struct fault *fault)
{
    const cJSON *list = input_member(call->input, "MetricData"), *item;
    struct metric_datum *data = must_calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*data));
    size_t count = 0;
    int result = 0;

    cJSON_ArrayForEach(item, list) {
        result = read_datum(item, input_text(call->input, "Namespace"), (int)count + 1, &data[count], fault);
        count++;
        if (result < 0)
            break;
    }
    if (result == 0)
        result = model_put_metric_data(call->sim, data, count, fault);
    for (size_t i = 0; i < count; i++)
        model_metric_name_clear(&data[i].metric);
    free(data);
    return result;
}

const struct operation wire_cloudwatch_operations[] = {
    {SERVICE_CLOUDWATCH, "PutMetricAlarm", &shape_cloudwatch_put_metric_alarm, STREAM_NONE, false,
     wire_put_metric_alarm},
    {SERVICE_CLOUDWATCH, "PutCompositeAlarm", &shape_cloudwatch_put_composite_alarm, STREAM_NONE, false,
     wire_put_composite_alarm},
    {SERVICE_CLOUDWATCH, "DescribeAlarms", &shape_cloudwatch_describe_alarms, STREAM_NONE, false,
     wire_describe_alarms},
    {SERVICE_CLOUDWATCH, "DescribeAlarmsForMetric", &shape_cloudwatch_describe_alarms_for_metric, STREAM_NONE,
     false, wire_describe_alarms_for_metric},
    {SERVICE_CLOUDWATCH, "SetAlarmState", &shape_cloudwatch_set_alarm_state, STREAM_NONE, false,
     wire_set_alarm_state},
    {SERVICE_CLOUDWATCH, "DeleteAlarms", &shape_cloudwatch_alarm_names, STREAM_NONE, false,
     wire_delete_alarms},
    {SERVICE_CLOUDWATCH, "GetMetricData", &shape_cloudwatch_get_metric_data, STREAM_NONE, false,
     get_metric_data},
    {SERVICE_CLOUDWATCH, "GetMetricStatistics", &shape_cloudwatch_get_metric_statistics, STREAM_NONE, false,
     get_metric_statistics},
    {SERVICE_CLOUDWATCH, "PutMetricData", &shape_cloudwatch_put_metric_data, STREAM_NONE, false,
     put_metric_data},
    {0},
};
