/*
 * history.c - what a stream's producers have offered, as CloudWatch remembers it.
 */
#include "history.h"

#include "aws/cloudwatch.h"
#include "aws/kinesis.h"
#include "base/date.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "scaling/alarms.h"
#include "scaling/load.h"

#include <math.h>

enum {
    MINUTE_MS = 60000,
    DAY_MS = 24 * 60 * MINUTE_MS,
    COMPLETE_AFTER_MS = 3 * MINUTE_MS, /* later than that a minute's datapoints do not change any more */
    SAVED_MAX = 60 << 20,              /* bytes; HISTORY_DAYS_MAX come to 40 MiB */
    UNKNOWN_RECORD_BYTES = 1024, /* a shard is full of bytes and of records at about the same time then */
};

/* How long CloudWatch keeps sums of which length (GetMetricData, "Retention"). */
static const struct tier {
    int64_t period_s, kept_days;
} tiers[] = {{60, 15}, {300, 63}, {3600, HISTORY_DAYS_MAX}};

static int64_t round_up(int64_t ms, int64_t step_ms)
{
    return (ms + step_ms - 1) / step_ms * step_ms;
}

void history_clear(struct history *history)
{
    sim_load_clear(&history->load);
    *history = (struct history){0};
}

/* ---- one tier */

/* What came of a query whose right is missing, in words that can be acted on. */
static int wrap_auth(const char *action, struct error *err)
{
    return err->kind == ERROR_AUTH ? error_wrap(err, "the history needs credentials that may call %s", action)
                                   : -1;
}

/* NAN was no datapoint. */
static double value_at(const struct metric_answer *answer, enum alarm_metric metric, size_t i)
{
    double value = answer->series[metric].values[i];

    return isnan(value) ? 0 : fmax(0, value);
}

/* Puts the sums of one period into its minutes.  Throttled records have no bytes yet: see size_throttled(). */
static void spread(struct history *history, const struct metric_answer *answer, size_t period, size_t first,
                   size_t minutes, double *throttled)
{
    double part = 1 / (double)minutes;

    for (size_t i = first; i < first + minutes; i++) {
        history->load.minutes[i].bytes = value_at(answer, METRIC_BYTES, period) * part;
        history->load.minutes[i].records = value_at(answer, METRIC_RECORDS, period) * part;
        throttled[i] = value_at(answer, METRIC_THROTTLED, period) * part;
    }
    if (isnan(answer->series[METRIC_BYTES].values[period]) &&
        isnan(answer->series[METRIC_THROTTLED].values[period]))
        history->idle_minutes += (int64_t)minutes;
    if (minutes > 1)
        history->coarse_minutes += (int64_t)minutes;
}

static int fetch_tier(struct aws_client *aws, const char *stream, const struct tier *tier, int64_t from_ms,
                      int64_t to_ms, struct history *history, double *throttled, struct error *err)
{
    SCOPED(metric_answer_clear) struct metric_answer answer = {0};
    struct metric_query queries[ALARM_METRIC_COUNT];
    size_t minutes = (size_t)tier->period_s / 60;
    size_t first = (size_t)((from_ms - history->load.start_ms) / MINUTE_MS);

    for (enum alarm_metric i = 0; i < ALARM_METRIC_COUNT; i++)
        queries[i] = (struct metric_query){alarm_metric_name(i), stream, NULL, "Sum", tier->period_s};
    if (cloudwatch_metrics(aws, queries, ALARM_METRIC_COUNT, from_ms, to_ms, &answer, err) < 0)
        return wrap_auth("cloudwatch:GetMetricData", err);
    for (enum alarm_metric i = 0; i < ALARM_METRIC_COUNT; i++) {
        if (!answer.series[i].complete)
            return error_set(err, ERROR_TRANSIENT, "CloudWatch gave only a part of %s; try again",
                             alarm_metric_name(i));
    }
    for (size_t period = 0; period < answer.series[METRIC_BYTES].count; period++)
        spread(history, &answer, period, first + period * minutes, minutes, throttled);
    return 0;
}

/* ---- all of it */

/* Where the sums of this tier begin that are still kept; what comes before is left to the next one. */
static int64_t tier_start(size_t tier, int64_t wanted_ms, int64_t now_ms)
{
    int64_t kept_ms = now_ms - tiers[tier].kept_days * DAY_MS;
    size_t grid = wanted_ms < kept_ms && tier + 1 < COUNT_OF(tiers) ? tier + 1 : tier;

    return round_up(wanted_ms > kept_ms ? wanted_ms : kept_ms, tiers[grid].period_s * 1000);
}

static int fetch_tiers(struct aws_client *aws, const char *stream, int64_t wanted_ms, int64_t now_ms,
                       struct history *history, double *throttled, struct error *err)
{
    int64_t to_ms = history->load.start_ms + (int64_t)history->load.count * MINUTE_MS;

    for (size_t i = 0; i < COUNT_OF(tiers) && to_ms > history->load.start_ms; i++) {
        int64_t from_ms = tier_start(i, wanted_ms, now_ms);

        if (from_ms >= to_ms)
            continue;
        if (fetch_tier(aws, stream, &tiers[i], from_ms, to_ms, history, throttled, err) < 0)
            return -1;
        to_ms = from_ms;
    }
    return 0;
}

/* The first minute that some tier has. */
static int64_t first_minute(int64_t wanted_ms, int64_t now_ms)
{
    size_t tier = 0;

    while (tier + 1 < COUNT_OF(tiers) && wanted_ms < now_ms - tiers[tier].kept_days * DAY_MS)
        tier++;
    return tier_start(tier, wanted_ms, now_ms);
}

/* Records that exist: a rejected one is counted again each time its producer tries again. */
static double believed(double throttled, double accepted)
{
    return accepted > 0 ? fmin(throttled, (DEMAND_OVER_ACCEPTED_MAX - 1) * accepted) : throttled;
}

/* Of the records that were accepted in the whole history. */
static double mean_record_bytes(const struct history *history)
{
    double bytes = 0, records = 0;

    for (size_t i = 0; i < history->load.count; i++) {
        const struct sim_minute *minute = &history->load.minutes[i];

        if (minute->bytes > 0 && minute->records > 0) {
            bytes += minute->bytes;
            records += minute->records;
        }
    }
    return records > 0 ? bytes / records : UNKNOWN_RECORD_BYTES;
}

/* Bytes in no record, or records of no byte: a datapoint is lost, and the other one tells about how much it was. */
static void add_lost_points(struct history *history, double record_bytes)
{
    for (size_t i = 0; i < history->load.count; i++) {
        struct sim_minute *minute = &history->load.minutes[i];

        if ((minute->bytes > 0) == (minute->records > 0))
            continue;
        if (minute->bytes > 0)
            minute->records = fmax(1, minute->bytes / record_bytes);
        else
            minute->bytes = minute->records * record_bytes;
        history->mended_minutes++;
    }
}

/* Adds what was throttled, as large as what was accepted beside it, or in the mean. */
static void add_throttled(struct history *history, double record_bytes, const double *throttled)
{
    for (size_t i = 0; i < history->load.count; i++) {
        struct sim_minute *minute = &history->load.minutes[i];
        double records_more = believed(throttled[i], minute->records);
        double bytes_more =
            records_more * (minute->records > 0 ? minute->bytes / minute->records : record_bytes);

        minute->bytes += bytes_more;
        minute->records += records_more;
        history->throttled_bytes += bytes_more;
        history->throttled_records += records_more;
        history->rejections += throttled[i];
    }
}

static bool is_empty(const struct history *history)
{
    double bytes = 0;

    for (size_t i = 0; i < history->load.count; i++)
        bytes += history->load.minutes[i].bytes;
    return !(bytes > 0);
}

static int describe(struct aws_client *aws, const char *stream, struct stream_summary *summary,
                    struct error *err)
{
    if (kinesis_describe_summary(aws, stream, summary, err) == 0)
        return 0;
    if (err->kind == ERROR_NOT_FOUND)
        return error_set(err, ERROR_CONFIG, "there is no stream '%s' in %s", stream, aws_client_region(aws));
    return wrap_auth("kinesis:DescribeStreamSummary", err);
}

int history_fetch(struct aws_client *aws, const char *stream, int64_t days, int64_t now_ms,
                  struct history *ret_history, struct error *err)
{
    SCOPED(history_clear) struct history history = {0};
    struct stream_summary summary;
    int64_t end_ms = (now_ms - COMPLETE_AFTER_MS) / MINUTE_MS * MINUTE_MS;
    int64_t wanted_ms = end_ms - days * DAY_MS;
    double *throttled;
    int result;

    if (describe(aws, stream, &summary, err) < 0)
        return -1;
    if (wanted_ms < summary.created_ms)
        wanted_ms = summary.created_ms;
    history.open_shards = summary.open_shards;
    history.load.start_ms = first_minute(wanted_ms, now_ms);
    if (history.load.start_ms >= end_ms)
        return error_set(err, ERROR_CONFIG, "stream '%s' is too young to have a history", stream);
    history.load.count = (size_t)((end_ms - history.load.start_ms) / MINUTE_MS);
    history.load.minutes = must_calloc(history.load.count, sizeof(*history.load.minutes));
    throttled = must_calloc(history.load.count, sizeof(*throttled));
    result = fetch_tiers(aws, stream, wanted_ms, now_ms, &history, throttled, err);
    if (result == 0) {
        double record_bytes = mean_record_bytes(&history);

        add_lost_points(&history, record_bytes);
        add_throttled(&history, record_bytes, throttled);
    }
    free(throttled);
    if (result < 0)
        return -1;
    if (is_empty(&history))
        return error_set(err, ERROR_CONFIG,
                         "nothing was put into stream '%s' in the last %lld days: there is no load to try",
                         stream, (long long)days);
    *ret_history = history;
    history = (struct history){0};
    return 0;
}

/* ---- telling */

int history_save(const struct history *history, const char *path, struct error *err)
{
    SCOPED(buffer_clear) struct buffer text;

    buffer_init(&text, SAVED_MAX);
    if (buffer_add_text(&text, "timestamp,bytes,records\n", err) < 0)
        return -1;
    for (size_t i = 0; i < history->load.count; i++) {
        char at[DATE_SIZE], bytes[32], records[32];

        date_format_seconds(history->load.start_ms + (int64_t)i * MINUTE_MS, at);
        number_format_double(history->load.minutes[i].bytes, bytes, sizeof(bytes));
        number_format_double(history->load.minutes[i].records, records, sizeof(records));
        if (buffer_printf(&text, err, "%s,%s,%s\n", at, bytes, records) < 0)
            return -1;
    }
    return file_write(path, buffer_text(&text), text.length, err);
}

void history_print(const struct history *history, const char *stream, FILE *file)
{
    char from[DATE_SIZE];

    date_format_seconds(history->load.start_ms, from);
    fprintf(file, "%s: %.1f days from %s on, %lld of %zu minutes without puts, %lld shard%s now\n", stream,
            (double)history->load.count / 1440, from, (long long)history->idle_minutes, history->load.count,
            (long long)history->open_shards, text_plural(history->open_shards));
    if (history->throttled_records > 0)
        fprintf(file,
                "  %.0f records were rejected then; %.0f of them are believed, %.1f MiB, as large as those "
                "accepted "
                "beside them\n",
                history->rejections, history->throttled_records, history->throttled_bytes / 1048576);
    if (history->mended_minutes > 0)
        fprintf(
            file,
            "  of %lld minutes CloudWatch has bytes or records only: the other was taken from their mean\n",
            (long long)history->mended_minutes);
    if (history->coarse_minutes > 0)
        fprintf(file,
                "  %.1f days are older than 15 days, of which CloudWatch keeps longer sums only: peaks are "
                "flattened\n",
                (double)history->coarse_minutes / 1440);
}
