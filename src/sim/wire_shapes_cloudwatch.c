/*
 * wire_shapes_cloudwatch.c - the inputs of CloudWatch's operations.
 */
#include "wire_shapes_common.h"

#include <string.h>

/* "[^:].*" */
static bool is_namespace(const char *value)
{
    return value[0] != '\0' && value[0] != ':';
}

static const struct shape_pattern namespace_pattern = {"[^:].*", is_namespace};

static const struct shape name = {SHAPE_STRING, BETWEEN(1, 255)};
static const struct shape alarm_description = {SHAPE_STRING, BETWEEN(0, 1024)};
static const struct shape action = {SHAPE_STRING, BETWEEN(1, 1024)};
static const struct shape actions = {SHAPE_LIST, AT_MOST(5), .of = &action};
static const struct shape metric_namespace = {SHAPE_STRING, BETWEEN(1, 255), .pattern = &namespace_pattern};
static const struct shape dimension_value = {SHAPE_STRING, BETWEEN(1, 1024)};
static const struct shape dimension = STRUCTURE({"Name", true, &name}, {"Value", true, &dimension_value});
static const struct shape dimensions = {SHAPE_LIST, AT_MOST(30), .of = &dimension};

static const struct shape statistic = {
    SHAPE_STRING,
    .values = (const char *const[]){"SampleCount", "Average", "Sum", "Minimum", "Maximum", NULL},
};
static const struct shape statistics = {SHAPE_LIST, BETWEEN(1, 5), .of = &statistic};
static const struct shape extended_statistics = {SHAPE_LIST, BETWEEN(1, 10), .of = &shape_text};
static const struct shape unit = {
    SHAPE_STRING,
    .values = (const char *const[]){"Seconds",
                                    "Microseconds",
                                    "Milliseconds",
                                    "Bytes",
                                    "Kilobytes",
                                    "Megabytes",
                                    "Gigabytes",
                                    "Terabytes",
                                    "Bits",
                                    "Kilobits",
                                    "Megabits",
                                    "Gigabits",
                                    "Terabits",
                                    "Percent",
                                    "Count",
                                    "Bytes/Second",
                                    "Kilobytes/Second",
                                    "Megabytes/Second",
                                    "Gigabytes/Second",
                                    "Terabytes/Second",
                                    "Bits/Second",
                                    "Kilobits/Second",
                                    "Megabits/Second",
                                    "Gigabits/Second",
                                    "Terabits/Second",
                                    "Count/Second",
                                    "None",
                                    NULL},
};
static const struct shape comparison = {
    SHAPE_STRING,
    .values =
        (const char *const[]){"GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold",
                              "LessThanOrEqualToThreshold", "LessThanLowerOrGreaterThanUpperThreshold",
                              "LessThanLowerThreshold", "GreaterThanUpperThreshold", NULL},
};
static const struct shape state_value = {
    SHAPE_STRING, .values = (const char *const[]){"INSUFFICIENT_DATA", "ALARM", "OK", NULL}};
static const struct shape state_reason = {SHAPE_STRING, BETWEEN(0, 1023)};
static const struct shape state_reason_data = {SHAPE_STRING, BETWEEN(0, 4000)};
static const struct shape scan_by = {
    SHAPE_STRING, .values = (const char *const[]){"TimestampDescending", "TimestampAscending", NULL}};

static const struct shape metric =
    STRUCTURE({"Namespace", false, &metric_namespace}, {"MetricName", false, &name},
              {"Dimensions", false, &dimensions});
static const struct shape metric_stat =
    STRUCTURE({"Metric", true, &metric}, {"Period", true, &shape_positive}, {"Stat", true, &shape_text},
              {"Unit", false, &unit});
static const struct shape expression = {SHAPE_STRING, BETWEEN(1, 2048)};
static const struct shape metric_data_query =
    STRUCTURE({"Id", true, &name}, {"MetricStat", false, &metric_stat}, {"Expression", false, &expression},
              {"Label", false, &shape_text}, {"ReturnData", false, &shape_boolean},
              {"Period", false, &shape_positive}, {"AccountId", false, &name});
static const struct shape metric_data_queries = {SHAPE_LIST, .of = &metric_data_query};

static const struct shape timezone_name = {SHAPE_STRING, BETWEEN(1, 50)};
static const struct shape wall_clock_window = STRUCTURE({"Timezone", false, &timezone_name});
static const struct shape evaluation_window =
    STRUCTURE({"WallClockWindow", false, &wall_clock_window}, {"SlidingWindow", false, &shape_no_members});

const struct shape shape_cloudwatch_put_metric_alarm =
    STRUCTURE({"AlarmName", true, &name}, {"AlarmDescription", false, &alarm_description},
              {"ActionsEnabled", false, &shape_boolean}, {"OKActions", false, &actions},
              {"AlarmActions", false, &actions}, {"InsufficientDataActions", false, &actions},
              {"MetricName", false, &name}, {"Namespace", false, &metric_namespace},
              {"Statistic", false, &statistic}, {"ExtendedStatistic", false, &shape_text},
              {"Dimensions", false, &dimensions}, {"Period", false, &shape_positive}, {"Unit", false, &unit},
              {"EvaluationPeriods", true, &shape_positive}, {"DatapointsToAlarm", false, &shape_positive},
              {"Threshold", false, &shape_double}, {"ComparisonOperator", true, &comparison},
              {"TreatMissingData", false, &name}, {"EvaluateLowSampleCountPercentile", false, &name},
              {"Metrics", false, &metric_data_queries}, {"Tags", false, &shape_tags},
              {"ThresholdMetricId", false, &name}, {"EvaluationWindow", false, &evaluation_window});

static const struct shape alarm_rule = {SHAPE_STRING, BETWEEN(1, 10240)};
static const struct shape suppressor = {SHAPE_STRING, BETWEEN(1, 1600)};
const struct shape shape_cloudwatch_put_composite_alarm = STRUCTURE(
    {"AlarmName", true, &name}, {"AlarmRule", true, &alarm_rule},
    {"AlarmDescription", false, &alarm_description}, {"ActionsEnabled", false, &shape_boolean},
    {"OKActions", false, &actions}, {"AlarmActions", false, &actions},
    {"InsufficientDataActions", false, &actions}, {"Tags", false, &shape_tags},
    {"ActionsSuppressor", false, &suppressor}, {"ActionsSuppressorWaitPeriod", false, &shape_integer},
    {"ActionsSuppressorExtensionPeriod", false, &shape_integer});

static const struct shape alarm_names = {SHAPE_LIST, AT_MOST(100), .of = &name};
static const struct shape alarm_type = {
    SHAPE_STRING, .values = (const char *const[]){"CompositeAlarm", "MetricAlarm", "LogAlarm", NULL}};
static const struct shape alarm_types = {SHAPE_LIST, .of = &alarm_type};
static const struct shape action_prefix = {SHAPE_STRING, BETWEEN(1, 1024)};
static const struct shape max_records = {SHAPE_INTEGER, BETWEEN(1, 100)};
const struct shape shape_cloudwatch_describe_alarms =
    STRUCTURE({"AlarmNames", false, &alarm_names}, {"AlarmNamePrefix", false, &name},
              {"AlarmTypes", false, &alarm_types}, {"StateValue", false, &state_value},
              {"ActionPrefix", false, &action_prefix}, {"MaxRecords", false, &max_records},
              {"NextToken", false, &shape_text});
const struct shape shape_cloudwatch_describe_alarms_for_metric =
    STRUCTURE({"MetricName", true, &name}, {"Namespace", true, &metric_namespace},
              {"Statistic", false, &statistic}, {"ExtendedStatistic", false, &shape_text},
              {"Dimensions", false, &dimensions}, {"Period", false, &shape_positive}, {"Unit", false, &unit});
const struct shape shape_cloudwatch_set_alarm_state =
    STRUCTURE({"AlarmName", true, &name}, {"StateValue", true, &state_value},
              {"StateReason", true, &state_reason}, {"StateReasonData", false, &state_reason_data});
const struct shape shape_cloudwatch_alarm_names = STRUCTURE({"AlarmNames", true, &alarm_names});

static const struct shape label_options = STRUCTURE({"Timezone", false, &shape_text});
const struct shape shape_cloudwatch_get_metric_data = STRUCTURE(
    {"MetricDataQueries", true, &metric_data_queries}, {"StartTime", true, &shape_timestamp},
    {"EndTime", true, &shape_timestamp}, {"NextToken", false, &shape_text}, {"ScanBy", false, &scan_by},
    {"MaxDatapoints", false, &shape_integer}, {"LabelOptions", false, &label_options});
const struct shape shape_cloudwatch_get_metric_statistics = STRUCTURE(
    {"Namespace", true, &metric_namespace}, {"MetricName", true, &name}, {"Dimensions", false, &dimensions},
    {"StartTime", true, &shape_timestamp}, {"EndTime", true, &shape_timestamp},
    {"Period", true, &shape_positive}, {"Statistics", false, &statistics},
    {"ExtendedStatistics", false, &extended_statistics}, {"Unit", false, &unit});

static const struct shape statistic_set =
    STRUCTURE({"SampleCount", true, &shape_double}, {"Sum", true, &shape_double},
              {"Minimum", true, &shape_double}, {"Maximum", true, &shape_double});
static const struct shape numbers = {SHAPE_LIST, AT_MOST(150), .of = &shape_double};
static const struct shape datum = STRUCTURE(
    {"MetricName", true, &name}, {"Dimensions", false, &dimensions}, {"Timestamp", false, &shape_timestamp},
    {"Value", false, &shape_double}, {"StatisticValues", false, &statistic_set}, {"Values", false, &numbers},
    {"Counts", false, &numbers}, {"Unit", false, &unit}, {"StorageResolution", false, &shape_positive});
static const struct shape data = {SHAPE_LIST, AT_MOST(1000), .of = &datum};
const struct shape shape_cloudwatch_put_metric_data =
    STRUCTURE({"Namespace", true, &metric_namespace}, {"MetricData", true, &data});
