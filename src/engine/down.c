/*
 * down.c - giving shards back: a day of load is looked at, then a plan is made once, then merged towards.
 *
 * Unlike a scale-up the plan is not made again on every turn: a merged shard has no history of its own, so the day
 * that justified the plan could not be read again.  What every turn does look at is whether the load has risen or
 * an alarm has come in; then the action ends where it stands.
 */
#include "down.h"

#include "base/date.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>

enum {
    PERIOD_MS = 5 * 60 * 1000,
    /* CloudWatch has a minute's datapoint a minute or two after it ended. */
    COMPLETE_AFTER_MS = 2 * 60 * 1000,
    /* Consumers are asked how far behind they are in the last periods of the window. */
    DRAIN_PERIODS = 3,
};

/* What is asked of CloudWatch for a stream; then three more for each shard with shard-level metrics. */
enum { WITNESS = ALARM_METRIC_COUNT, ITERATOR_AGE, STREAM_QUERIES };

int64_t down_window_end(int64_t now_ms)
{
    return (now_ms - COMPLETE_AFTER_MS) / PERIOD_MS * PERIOD_MS;
}

size_t down_query_count(const struct down_subject *subject)
{
    return STREAM_QUERIES + (subject->by_shard ? subject->shards->count * ALARM_METRIC_COUNT : 0);
}

static void add_query(struct metric_query **next, const struct down_subject *subject, const char *metric,
                      const char *shard, const char *statistic)
{
    *(*next)++ = (struct metric_query){.metric = metric,
                                       .stream = subject->config->name,
                                       .shard = shard,
                                       .statistic = statistic,
                                       .period_s = PERIOD_MS / 1000};
}

static void add_queries(struct metric_query **next, const struct down_subject *subject)
{
    for (int m = 0; m < ALARM_METRIC_COUNT; m++)
        add_query(next, subject, alarm_metric_name((enum alarm_metric)m), NULL, "Sum");
    add_query(next, subject, "GetRecords.Success", NULL, "Sum");
    add_query(next, subject, "GetRecords.IteratorAgeMilliseconds", NULL, "Maximum");
    for (size_t i = 0; subject->by_shard && i < subject->shards->count; i++) {
        for (int m = 0; m < ALARM_METRIC_COUNT; m++)
            add_query(next, subject, alarm_metric_name((enum alarm_metric)m), subject->shards->items[i].id,
                      "Sum");
    }
}

static struct load_point *read_points(const struct metric_series *series, int64_t start_ms, size_t skip,
                                      size_t count)
{
    struct load_point *points = must_calloc(count, sizeof(*points));

    for (size_t i = 0; i < count; i++)
        points[i] = (struct load_point){.start_ms = start_ms + (int64_t)i * PERIOD_MS,
                                        .period_ms = PERIOD_MS,
                                        .bytes = series[METRIC_BYTES].values[skip + i],
                                        .records = series[METRIC_RECORDS].values[skip + i],
                                        .throttled_records = series[METRIC_THROTTLED].values[skip + i]};
    return points;
}

static void read_series(struct down_subject *subject, const struct metric_series *series, int64_t start_ms,
                        size_t longest)
{
    size_t count = (size_t)(subject->config->scale_down_window_ms / PERIOD_MS);
    size_t skip = longest - count;

    start_ms += (int64_t)skip * PERIOD_MS;
    subject->points = read_points(series, start_ms, skip, count);
    subject->witnessed = must_calloc(count, sizeof(*subject->witnessed));
    subject->point_count = count;
    subject->iterator_age_ms = NAN;
    for (size_t i = 0; i < count; i++)
        subject->witnessed[i] = !isnan(series[WITNESS].values[skip + i]);
    for (size_t i = count - DRAIN_PERIODS; i < count; i++)
        subject->iterator_age_ms = fmax(subject->iterator_age_ms, series[ITERATOR_AGE].values[skip + i]);
    if (!subject->by_shard)
        return;
    subject->shard_points = must_calloc(subject->shards->count, sizeof(*subject->shard_points));
    for (size_t s = 0; s < subject->shards->count; s++)
        subject->shard_points[s] =
            read_points(series + STREAM_QUERIES + s * ALARM_METRIC_COUNT, start_ms, skip, count);
}

int down_look(struct engine *engine, struct down_subject *subjects, size_t count, int64_t now_ms,
              struct error *err)
{
    int64_t end_ms = down_window_end(now_ms);
    int64_t window_ms = 0;
    size_t total = 0;
    struct metric_query *queries, *next;
    struct metric_answer answer = {0};
    const struct metric_series *series;
    int result;

    for (size_t i = 0; i < count; i++) {
        total += down_query_count(&subjects[i]);
        if (subjects[i].config->scale_down_window_ms > window_ms)
            window_ms = subjects[i].config->scale_down_window_ms;
    }
    if (count == 0)
        return 0;
    queries = next = must_calloc(total, sizeof(*queries));
    for (size_t i = 0; i < count; i++)
        add_queries(&next, &subjects[i]);
    result = cloudwatch_metrics(engine->aws, queries, total, end_ms - window_ms, end_ms, &answer, err);
    free(queries);
    if (result < 0)
        return -1;
    series = answer.series;
    for (size_t i = 0; i < count; i++) {
        size_t used = down_query_count(&subjects[i]);

        read_series(&subjects[i], series, end_ms - window_ms, (size_t)(window_ms / PERIOD_MS));
        series += used;
    }
    metric_answer_clear(&answer);
    return 0;
}

void down_subject_clear(struct down_subject *subject)
{
    for (size_t s = 0; subject->shard_points != NULL && s < subject->shards->count; s++)
        free(subject->shard_points[s]);
    free(subject->shard_points);
    free(subject->points);
    free(subject->witnessed);
    subject->points = NULL;
    subject->witnessed = NULL;
    subject->shard_points = NULL;
}

/* ---- gates: what forbids it whatever the load was */

bool down_gate(const struct stream_state *state, const struct stream_config *config, bool forced,
               int64_t now_ms, char *reason, size_t size)
{
    int64_t next_ms = state->last_scale_down_ms + config->scale_down_every_ms;
    char at[DATE_SIZE], every[24];

    if (forced || state->last_scale_down_ms == 0 || now_ms >= next_ms)
        return true;
    date_format_seconds(next_ms, at);
    number_format_duration(config->scale_down_every_ms, every, sizeof(every));
    snprintf(reason, size, "the last scale-down was less than %s ago; the next may be at %s", every, at);
    return false;
}

bool down_stream_fits(const struct stream_summary *summary, char *reason, size_t size)
{
    if (summary->on_demand)
        snprintf(reason, size, "the stream is on-demand: AWS scales it");
    else if (summary->status != STREAM_ACTIVE)
        snprintf(reason, size, "the stream is %s, not ACTIVE", stream_status_name(summary->status));
    else
        return true;
    return false;
}

/* Merging while children of the last reshard are not read yet makes consumers follow a longer lineage. */
bool down_is_drained(const struct down_subject *subject, const struct stream_state *state, int64_t now_ms,
                     char *reason, size_t size)
{
    int64_t last_ms = stream_last_reshard_ms(state);

    if (last_ms == 0 || isnan(subject->iterator_age_ms) ||
        subject->iterator_age_ms < (double)(now_ms - last_ms))
        return true;
    snprintf(reason, size,
             "consumers are %.0f s behind and still read what was written before the last reshard",
             subject->iterator_age_ms / 1000);
    return false;
}

void down_think(const struct down_subject *subject, const struct stream_summary *summary, enum down_aim aim,
                int64_t now_ms, int updates_24h, double update_seconds_per_shard, struct down_plan *ret_plan)
{
    struct down_facts facts = {
        .config = subject->config,
        .shards = subject->shards,
        .now_ms = now_ms,
        .to_maximum = aim == DOWN_TO_MAXIMUM,
        .created_ms = summary->created_ms,
        .points = subject->points,
        .witnessed = subject->witnessed,
        .point_count = subject->point_count,
        .shard_points = subject->by_shard ? (const struct load_point *const *)subject->shard_points : NULL,
        .updates_24h = updates_24h,
        .update_seconds_per_shard = update_seconds_per_shard};

    plan_down(&facts, ret_plan);
}
