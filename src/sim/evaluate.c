/*
 * evaluate.c - once a minute: the newest visible datapoints, a verdict, and why.
 *
 * Windows slide: a period ends where the newest visible minute ends, whatever the clock says.
 */
#include "alarms.h"
#include "expression.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>

enum {
    EXTRA_PERIODS = 2, /* looked at beyond the evaluation periods */
    LISTED_POINTS_MAX = 5,
    REASON_SIZE = 1024,
};

struct evaluation {
    const struct alarm_settings *settings;
    struct grid grid;
    double *values;
    struct verdict verdict;
};

/* ---- the reason, in CloudWatch's words */

/* "16/09/25 16:58:00" */
static void format_point_time(int64_t ms, char text[DATE_SIZE])
{
    char iso[DATE_SIZE];

    date_format_seconds(ms, iso);
    snprintf(text, DATE_SIZE, "%.2s/%.2s/%.2s %.8s", iso + 8, iso + 5, iso + 2, iso + 11);
}

/* "[596.36 (16/09/25 16:58:00), ...]": the newest first, of those that were used and cross (or do not). */
static void add_points(struct buffer *buffer, const struct evaluation *evaluation, bool crossing)
{
    const struct alarm_settings *settings = evaluation->settings;
    int listed = 0;
    struct error err;

    (void)buffer_add_text(buffer, "[", &err);
    for (size_t i = evaluation->grid.count;
         i-- > evaluation->verdict.first_used && listed < LISTED_POINTS_MAX;) {
        char number[32], time[DATE_SIZE];

        if (isnan(evaluation->values[i]) ||
            model_breaches(settings->comparison, evaluation->values[i], settings->threshold) != crossing)
            continue;
        model_format_number(evaluation->values[i], number, sizeof(number));
        format_point_time(evaluation->grid.first_ms + (int64_t)i * evaluation->grid.period_ms, time);
        (void)buffer_printf(buffer, &err, "%s%s (%s)", listed++ > 0 ? ", " : "", number, time);
    }
    (void)buffer_add_text(buffer, "]", &err);
}

/* "3 datapoints", or with datapoints_to_alarm "3 out of the last 5 datapoints". */
static void add_count(struct buffer *buffer, const struct evaluation *evaluation, int count)
{
    const struct alarm_settings *settings = evaluation->settings;
    struct error err;

    if (settings->datapoints_to_alarm > 0)
        (void)buffer_printf(buffer, &err, "%d out of the last %lld datapoints", count,
                            (long long)settings->evaluation_periods);
    else
        (void)buffer_printf(buffer, &err, "%d datapoint%s", count, text_plural(count));
}

static void add_minimum(struct buffer *buffer, const struct evaluation *evaluation, bool alarm)
{
    const struct alarm_settings *settings = evaluation->settings;
    int64_t minimum = alarm ? settings->datapoints_to_alarm
                            : settings->evaluation_periods - settings->datapoints_to_alarm + 1;
    struct error err;

    if (settings->datapoints_to_alarm > 0)
        (void)buffer_printf(buffer, &err, " (minimum %lld datapoint%s for %s transition)", (long long)minimum,
                            text_plural(minimum), alarm ? "OK -> ALARM" : "ALARM -> OK");
}

static void add_crossed(struct buffer *buffer, const struct evaluation *evaluation, enum alarm_value value)
{
    const struct alarm_settings *settings = evaluation->settings;
    const struct verdict *verdict = &evaluation->verdict;
    bool alarm = value == VALUE_ALARM;
    int count = alarm ? verdict->breaching : verdict->real - verdict->breaching;
    const char *word = alarm ? "" : "not ";
    char threshold[32];
    struct error err;

    model_format_number(settings->threshold, threshold, sizeof(threshold));
    add_count(buffer, evaluation, count);
    if (count == 1) {
        (void)buffer_add_text(buffer, " ", &err);
        add_points(buffer, evaluation, alarm);
        (void)buffer_printf(buffer, &err, " was %s%s the threshold (%s)", word,
                            model_comparison_words(settings->comparison), threshold);
    } else {
        (void)buffer_printf(buffer, &err,
                            " were %s%s the threshold (%s). The most recent datapoints%s: ", word,
                            model_comparison_words(settings->comparison), threshold,
                            alarm ? " which crossed the threshold" : "");
        add_points(buffer, evaluation, alarm);
    }
    add_minimum(buffer, evaluation, alarm);
}

/* "no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching]" */
static void add_missing(struct buffer *buffer, const struct evaluation *evaluation)
{
    const char *treat = evaluation->settings->treat_missing;
    int filled = evaluation->verdict.filled;
    struct error err;

    (void)buffer_printf(
        buffer, &err,
        "no datapoints were received for %d period%s and %d missing datapoint%s treated as [%s]", filled,
        text_plural(filled), filled, filled == 1 ? " was" : "s were",
        text_equal(treat, "breaching") ? "Breaching" : "NonBreaching");
}

/* The caller frees. */
static char *reason_of(const struct evaluation *evaluation)
{
    const struct verdict *verdict = &evaluation->verdict;
    struct buffer buffer;
    struct error err;

    buffer_init(&buffer, REASON_SIZE - 1);
    if (verdict->value == VALUE_INSUFFICIENT_DATA) {
        (void)buffer_printf(&buffer, &err, "Insufficient Data: %d datapoint%s unknown.", verdict->filled,
                            verdict->filled == 1 ? " was" : "s were");
        return buffer_take(&buffer);
    }
    (void)buffer_add_text(&buffer, "Threshold Crossed: ", &err);
    if (verdict->value == VALUE_ALARM ? verdict->breaching > 0 : verdict->real > verdict->breaching)
        add_crossed(&buffer, evaluation, verdict->value);
    else
        add_missing(&buffer, evaluation);
    (void)buffer_add_text(&buffer, ".", &err);
    return buffer_take(&buffer);
}

/* StateReasonData; the caller frees. */
static char *reason_data_of(const struct sim *sim, const struct evaluation *evaluation)
{
    const struct alarm_settings *settings = evaluation->settings;
    char now[DATE_SIZE], start[DATE_SIZE], number[32];
    struct buffer buffer;
    struct error err;
    bool first = true;

    date_format_offset(sim->now_ms, now);
    date_format_offset(evaluation->grid.first_ms +
                           (int64_t)(evaluation->grid.count - (size_t)settings->evaluation_periods) *
                               evaluation->grid.period_ms,
                       start);
    buffer_init(&buffer, 3900);
    (void)buffer_printf(&buffer, &err, "{\"version\":\"1.0\",\"queryDate\":\"%s\",\"startDate\":\"%s\"", now,
                        start);
    if (settings->statistic != NULL)
        (void)buffer_printf(&buffer, &err, ",\"statistic\":\"%s\"", settings->statistic);
    (void)buffer_printf(&buffer, &err, ",\"period\":%lld,\"recentDatapoints\":[",
                        (long long)evaluation->grid.period_ms / 1000);
    for (size_t i = evaluation->verdict.first_used; i < evaluation->grid.count && buffer.length < 3700; i++) {
        if (isnan(evaluation->values[i]))
            continue;
        model_format_number(evaluation->values[i], number, sizeof(number));
        (void)buffer_printf(&buffer, &err, "%s%s", first ? "" : ",", number);
        first = false;
    }
    model_format_number(settings->threshold, number, sizeof(number));
    (void)buffer_printf(&buffer, &err, "],\"threshold\":%s}", number);
    return buffer_take(&buffer);
}

/* ---- evaluation */

static int64_t period_s_of(const struct alarm_settings *settings)
{
    if (settings->metric.name != NULL)
        return settings->period_s;
    for (size_t i = 0; i < settings->query_count; i++) {
        if (settings->queries[i].period_s > 0)
            return settings->queries[i].period_s;
    }
    return 60;
}

static void read_values(const struct sim *sim, const struct alarm *alarm, struct evaluation *evaluation)
{
    const struct alarm_settings *settings = &alarm->settings;
    struct error err;

    if (settings->metric.name != NULL) {
        model_read_grid(sim, model_series_find(sim->metrics, &settings->metric), settings->statistic,
                        &evaluation->grid, evaluation->values);
        return;
    }
    for (size_t i = 0; i < settings->query_count; i++) {
        if (settings->queries[i].return_data != 0 &&
            model_math(sim, settings->queries, settings->query_count, i, &evaluation->grid,
                       evaluation->values, &err) < 0)
            abort(); /* expressions are checked before an alarm is taken */
    }
}

static void evaluate(struct sim *sim, struct alarm *alarm)
{
    const struct alarm_settings *settings = &alarm->settings;
    size_t count = (size_t)settings->evaluation_periods + EXTRA_PERIODS;
    int64_t period_ms = period_s_of(settings) * 1000;
    struct evaluation evaluation = {
        .settings = settings,
        .grid = {model_visible_end(sim) - (int64_t)count * period_ms, period_ms, count},
        .values = must_calloc(count, sizeof(double)),
    };
    struct verdict_input input = {
        .values = evaluation.values,
        .count = count,
        .evaluation_periods = settings->evaluation_periods,
        .datapoints_to_alarm =
            settings->datapoints_to_alarm > 0 ? settings->datapoints_to_alarm : settings->evaluation_periods,
        .comparison = settings->comparison,
        .treat_missing = settings->treat_missing,
        .threshold = settings->threshold,
    };

    read_values(sim, alarm, &evaluation);
    evaluation.verdict = model_verdict(&input);
    if (!evaluation.verdict.keep && evaluation.verdict.value != alarm->value)
        model_change_alarm(sim, alarm, evaluation.verdict.value, reason_of(&evaluation),
                           reason_data_of(sim, &evaluation), NULL);
    free(evaluation.values);
}

void model_evaluate_alarms(struct sim *sim)
{
    for (size_t i = 0; i < sim->alarm_count; i++) {
        struct alarm *alarm = sim->alarms[i];

        /* An alarm on a band of expected values is kept, never computed. */
        if (!alarm->settings.composite && alarm->settings.threshold_metric_id == NULL &&
            model_comparison_words(alarm->settings.comparison) != NULL)
            evaluate(sim, alarm);
    }
}
