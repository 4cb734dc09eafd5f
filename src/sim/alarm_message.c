/*
 * alarm_message.c - what an alarm's notification says: the JSON that CloudWatch puts into an SNS message.
 *
 * Keys, their order and their quirks are CloudWatch's: dimension keys in lower case, statistics in upper
 * snake case for one metric but as in the API inside Metrics, numbers as Java prints doubles, the region by
 * its display name.
 */
#include "alarms.h"

#include "base/date.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>

enum { MESSAGE_SIZE_MAX = 4 << 20 };

const char *model_region_name(const char *region)
{
    static const struct {
        const char *code, *name;
    } regions[] = {
        {"af-south-1", "Africa (Cape Town)"},
        {"ap-east-1", "Asia Pacific (Hong Kong)"},
        {"ap-northeast-1", "Asia Pacific (Tokyo)"},
        {"ap-northeast-2", "Asia Pacific (Seoul)"},
        {"ap-northeast-3", "Asia Pacific (Osaka)"},
        {"ap-south-1", "Asia Pacific (Mumbai)"},
        {"ap-southeast-1", "Asia Pacific (Singapore)"},
        {"ap-southeast-2", "Asia Pacific (Sydney)"},
        {"ca-central-1", "Canada (Central)"},
        {"eu-central-1", "EU (Frankfurt)"},
        {"eu-north-1", "EU (Stockholm)"},
        {"eu-south-1", "EU (Milan)"},
        {"eu-west-1", "EU (Ireland)"},
        {"eu-west-2", "EU (London)"},
        {"eu-west-3", "EU (Paris)"},
        {"me-south-1", "Middle East (Bahrain)"},
        {"sa-east-1", "South America (Sao Paulo)"},
        {"us-east-1", "US East (N. Virginia)"},
        {"us-east-2", "US East (Ohio)"},
        {"us-west-1", "US West (N. California)"},
        {"us-west-2", "US West (Oregon)"},
    };

    for (size_t i = 0; i < COUNT_OF(regions); i++) {
        if (text_equal(regions[i].code, region))
            return regions[i].name;
    }
    return region;
}

/* ---- JSON */

/* The texts below are bounded by what the API lets in, so the ceiling is never met. */
static void add(struct buffer *buffer, const char *text)
{
    struct error err;

    (void)buffer_add_text(buffer, text, &err);
}

void model_add_json_text(struct buffer *buffer, const char *text)
{
    struct error err;

    (void)json_print_text(text, buffer, &err);
}

/* Double.toString(): the shortest digits that read back, plain from 0.001 to ten millions. */
void model_format_number(double value, char *text, size_t size)
{
    char digits[NUMBER_SHORTEST_SIZE], *exponent_text;
    int precision, exponent;

    if (!isfinite(value)) {
        snprintf(text, size, "null");
        return;
    }
    precision = number_shortest(value, digits);
    exponent_text = strchr(digits, 'e');
    exponent = (int)strtol(exponent_text + 1, NULL, 10);
    if (value == 0 || (exponent >= -3 && exponent < 7)) {
        snprintf(text, size, "%.*f", precision - exponent > 1 ? precision - exponent : 1, value);
        return;
    }
    *exponent_text = '\0';
    snprintf(text, size, "%s%sE%d", digits, precision == 0 ? ".0" : "", exponent);
}

static void add_key(struct buffer *buffer, const char *key)
{
    if (buffer->length > 0 && strchr("{[", buffer->bytes[buffer->length - 1]) == NULL)
        add(buffer, ",");
    model_add_json_text(buffer, key);
    add(buffer, ":");
}

/* NULL becomes null. */
static void add_member(struct buffer *buffer, const char *key, const char *text)
{
    add_key(buffer, key);
    if (text == NULL)
        add(buffer, "null");
    else
        model_add_json_text(buffer, text);
}

static void add_integer(struct buffer *buffer, const char *key, int64_t number)
{
    struct error err;

    add_key(buffer, key);
    (void)buffer_printf(buffer, &err, "%lld", (long long)number);
}

static void add_time(struct buffer *buffer, const char *key, int64_t ms)
{
    char text[DATE_SIZE];

    date_format_offset(ms, text);
    add_member(buffer, key, text);
}

static void add_texts(struct buffer *buffer, const char *key, const struct text_list *texts)
{
    add_key(buffer, key);
    add(buffer, "[");
    for (size_t i = 0; i < texts->count; i++) {
        add(buffer, i > 0 ? "," : "");
        model_add_json_text(buffer, texts->items[i]);
    }
    add(buffer, "]");
}

static void add_dimensions(struct buffer *buffer, const struct metric_name *metric)
{
    add_key(buffer, "Dimensions");
    add(buffer, "[");
    for (size_t i = 0; i < metric->dimension_count; i++) {
        add(buffer, i > 0 ? ",{" : "{");
        add_member(buffer, "value", metric->dimensions[i].value);
        add_member(buffer, "name", metric->dimensions[i].name);
        add(buffer, "}");
    }
    add(buffer, "]");
}

/* ---- the trigger */

static void add_single_metric(struct buffer *buffer, const struct alarm_settings *settings)
{
    static const char *const statistics[][2] = {{"Average", "AVERAGE"},
                                                {"Maximum", "MAXIMUM"},
                                                {"Minimum", "MINIMUM"},
                                                {"SampleCount", "SAMPLE_COUNT"},
                                                {"Sum", "SUM"}};

    add_member(buffer, "MetricName", settings->metric.name);
    add_member(buffer, "Namespace", settings->metric.namespace);
    add_member(buffer, "StatisticType", settings->statistic != NULL ? "Statistic" : "ExtendedStatistic");
    if (settings->statistic == NULL)
        add_member(buffer, "ExtendedStatistic", settings->extended_statistic);
    for (size_t i = 0; i < COUNT_OF(statistics) && settings->statistic != NULL; i++) {
        if (text_equal(statistics[i][0], settings->statistic))
            add_member(buffer, "Statistic", statistics[i][1]);
    }
    add_member(buffer, "Unit", settings->unit);
    add_dimensions(buffer, &settings->metric);
    add_integer(buffer, "Period", settings->period_s);
}

static void add_query(struct buffer *buffer, const struct data_query *query)
{
    add(buffer, "{");
    if (query->expression != NULL)
        add_member(buffer, "Expression", query->expression);
    add_member(buffer, "Id", query->id);
    if (query->label != NULL)
        add_member(buffer, "Label", query->label);
    if (query->expression == NULL) {
        add_key(buffer, "MetricStat");
        add(buffer, "{");
        add_key(buffer, "Metric");
        add(buffer, "{");
        add_dimensions(buffer, &query->metric);
        add_member(buffer, "MetricName", query->metric.name);
        add_member(buffer, "Namespace", query->metric.namespace);
        add(buffer, "}");
        add_integer(buffer, "Period", query->period_s);
        add_member(buffer, "Stat", query->stat);
        if (query->unit != NULL)
            add_member(buffer, "Unit", query->unit);
        add(buffer, "}");
    }
    add_key(buffer, "ReturnData");
    add(buffer, query->return_data != 0 ? "true" : "false");
    if (query->account_id != NULL)
        add_member(buffer, "AccountId", query->account_id);
    add(buffer, "}");
}

/* A math alarm's Period is that of its metrics. */
static int64_t math_period(const struct alarm_settings *settings)
{
    for (size_t i = 0; i < settings->query_count; i++) {
        if (settings->queries[i].period_s > 0)
            return settings->queries[i].period_s;
    }
    return 60;
}

static void add_trigger(struct buffer *buffer, const struct alarm_settings *settings)
{
    bool single = settings->metric.name != NULL;
    char number[32];

    add_key(buffer, "Trigger");
    add(buffer, "{");
    if (single)
        add_single_metric(buffer, settings);
    else
        add_integer(buffer, "Period", math_period(settings));
    add_integer(buffer, "EvaluationPeriods", settings->evaluation_periods);
    if (settings->datapoints_to_alarm > 0)
        add_integer(buffer, "DatapointsToAlarm", settings->datapoints_to_alarm);
    add_member(buffer, "ComparisonOperator", settings->comparison);
    if (settings->threshold_metric_id != NULL) {
        add_member(buffer, "ThresholdMetricId", settings->threshold_metric_id);
    } else {
        model_format_number(settings->threshold, number, sizeof(number));
        add_key(buffer, "Threshold");
        add(buffer, number);
    }
    add_member(buffer, "TreatMissingData",
               settings->treat_missing != NULL ? settings->treat_missing : "missing");
    add_member(buffer, "EvaluateLowSampleCountPercentile",
               settings->low_sample_percentile != NULL ? settings->low_sample_percentile : "");
    if (!single) {
        add_key(buffer, "Metrics");
        add(buffer, "[");
        for (size_t i = 0; i < settings->query_count; i++) {
            add(buffer, i > 0 ? "," : "");
            add_query(buffer, &settings->queries[i]);
        }
        add(buffer, "]");
    }
    add(buffer, "}");
}

static void add_children(struct buffer *buffer, const struct sim *sim, const struct alarm *alarm,
                         const struct alarm *child)
{
    char arn[2048];

    add_member(buffer, "AlarmRule", alarm->settings.rule);
    add_key(buffer, "TriggeringChildren");
    add(buffer, "[");
    if (child != NULL) {
        model_alarm_arn(sim, child, arn, sizeof(arn));
        add(buffer, "{");
        add_member(buffer, "Arn", arn);
        add_key(buffer, "State");
        add(buffer, "{");
        add_member(buffer, "Value", model_value_name(child->value));
        add_time(buffer, "Timestamp", child->updated_ms);
        add(buffer, "}}");
    }
    add(buffer, "]");
}

char *model_alarm_message(const struct sim *sim, const struct alarm *alarm, enum alarm_value old_value,
                          const struct alarm *child)
{
    const struct alarm_settings *settings = &alarm->settings;
    struct buffer buffer;
    char arn[2048];

    model_alarm_arn(sim, alarm, arn, sizeof(arn));
    buffer_init(&buffer, MESSAGE_SIZE_MAX);
    add(&buffer, "{");
    add_member(&buffer, "AlarmName", settings->name);
    add_member(&buffer, "AlarmDescription", settings->description);
    add_member(&buffer, "AWSAccountId", sim->account);
    add_time(&buffer, "AlarmConfigurationUpdatedTimestamp", alarm->configured_ms);
    add_member(&buffer, "NewStateValue", model_value_name(alarm->value));
    add_member(&buffer, "NewStateReason", alarm->reason);
    add_time(&buffer, "StateChangeTime", alarm->updated_ms);
    add_member(&buffer, "Region", model_region_name(sim->region));
    add_member(&buffer, "AlarmArn", arn);
    add_member(&buffer, "OldStateValue", model_value_name(old_value));
    add_texts(&buffer, "OKActions", &settings->actions[VALUE_OK]);
    add_texts(&buffer, "AlarmActions", &settings->actions[VALUE_ALARM]);
    add_texts(&buffer, "InsufficientDataActions", &settings->actions[VALUE_INSUFFICIENT_DATA]);
    if (settings->composite)
        add_children(&buffer, sim, alarm, child);
    else
        add_trigger(&buffer, settings);
    add(&buffer, "}");
    return buffer_take(&buffer);
}
