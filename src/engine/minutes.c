/*
 * minutes.c - the demand of every minute: only what is new is asked of CloudWatch.
 *
 * A stream that is seen for the first time brings the history that CloudWatch has of it, so that it is not without one.
 */
#include "turn.h"

#include "base/memory.h"
#include "scaling/load.h"

#include <math.h>

enum {
    MINUTE_MS = 60 * 1000,
    /* Points of one minute are kept for 15 days (FACTS 2.4); the last of them may go while we ask. */
    FIRST_DAYS = 14,
    /* A decision asks for the last day. */
    LOOK_DAYS = 1,
    /* The newest points are revised for a few minutes; what was not known may have come since. */
    REVISED_MS = 5 * MINUTE_MS,
    LATE_MS = 3 * 60 * MINUTE_MS,
    /* A minute without a point is not late any more but missing, as in the window of a scale-down. */
    COMPLETE_AFTER_MS = 2 * MINUTE_MS,
};

/* What is asked, and what came of it. */
struct fetch {
    int64_t start_ms, end_ms;
    struct load_point *points;
    float *demand;
    size_t count;  /* of both; without the newest, while they are late */
    bool complete; /* CloudWatch said all that it has */
};

static void fetch_clear(struct fetch *fetch)
{
    free(fetch->points);
    free(fetch->demand);
    *fetch = (struct fetch){0};
}

/* Where to begin, by what is known. */
static int64_t begin_of(const struct minutes *known, int64_t end_ms)
{
    int64_t first_ms = end_ms - (int64_t)FIRST_DAYS * DAY_MS;
    int64_t known_ms = known->start_ms + (int64_t)known->count * MINUTE_MS;
    int64_t start_ms;

    if (known->count == 0)
        return first_ms;
    start_ms = known_ms - (isnan(known->demand[known->count - 1]) ? LATE_MS : REVISED_MS);
    if (start_ms > end_ms - REVISED_MS) /* by a clock that was set back since */
        start_ms = end_ms - REVISED_MS;
    return start_ms > first_ms ? start_ms : first_ms;
}

static bool is_missing(const struct load_point *point)
{
    return isnan(load_sum(point->bytes)) && isnan(load_sum(point->records)) &&
           !(load_sum(point->throttled_records) > 0);
}

static int ask_load(struct turn *turn, struct fetch *fetch, struct error *err)
{
    struct metric_query queries[ALARM_METRIC_COUNT];
    struct metric_answer answer = {0};

    look_add_queries(queries, turn->config->name, NULL);
    if (cloudwatch_metrics(turn->engine->aws, queries, COUNT_OF(queries), fetch->start_ms, fetch->end_ms,
                           &answer, err) < 0)
        return -1;
    fetch->count = answer.series[0].count;
    fetch->complete = true;
    for (int i = 0; i < ALARM_METRIC_COUNT; i++)
        fetch->complete = fetch->complete && answer.series[i].complete;
    fetch->points = must_calloc(fetch->count, sizeof(*fetch->points));
    for (size_t i = 0; i < fetch->count; i++)
        fetch->points[i] =
            (struct load_point){.start_ms = fetch->start_ms + (int64_t)i * MINUTE_MS,
                                .period_ms = MINUTE_MS,
                                .bytes = answer.series[METRIC_BYTES].values[i],
                                .records = answer.series[METRIC_RECORDS].values[i],
                                .throttled_records = answer.series[METRIC_THROTTLED].values[i]};
    metric_answer_clear(&answer);
    fetch->demand = must_calloc(fetch->count, sizeof(*fetch->demand));
    load_worth(fetch->points, fetch->count, fetch->demand);
    while (fetch->count > 0 && isnan(fetch->demand[fetch->count - 1]) &&
           fetch->points[fetch->count - 1].start_ms + MINUTE_MS + COMPLETE_AFTER_MS > turn->now_ms)
        fetch->count--;
    return 0;
}

/* Another metric of the stream that is there whenever CloudWatch works tells an idle minute from an unknown one. */
static int ask_witness(struct turn *turn, struct fetch *fetch, struct error *err)
{
    struct metric_query query = {.metric = "GetRecords.Success",
                                 .stream = turn->config->name,
                                 .statistic = "Sum",
                                 .period_s = MINUTE_MS / 1000};
    struct metric_answer answer = {0};

    if (cloudwatch_metrics(turn->engine->aws, &query, 1, fetch->start_ms, fetch->end_ms, &answer, err) < 0)
        return -1;
    for (size_t i = 0; i < fetch->count; i++) {
        if (is_missing(&fetch->points[i]) && !isnan(answer.series[0].values[i]))
            fetch->demand[i] = 0;
    }
    metric_answer_clear(&answer);
    return 0;
}

/* The first minute that the stream was there for as a whole: an earlier one says nothing of it. */
static int find_first(struct turn *turn, const struct minutes *known, const struct fetch *fetch,
                      size_t *ret_first, struct error *err)
{
    size_t first = 0;

    *ret_first = 0;
    if (known->count > 0)
        return 0;
    if (look_summary(turn, err) < 0)
        return -1;
    while (first < fetch->count && is_missing(&fetch->points[first]) &&
           fetch->points[first].start_ms < turn->summary.created_ms)
        first++;
    *ret_first = first;
    return 0;
}

/* Minutes without a point. */
static int settle_missing(struct turn *turn, const struct minutes *known, struct fetch *fetch,
                          struct error *err)
{
    bool any = false;
    size_t first;

    if (!fetch->complete || turn->config->missing_data == MISSING_UNKNOWN)
        return 0;
    if (find_first(turn, known, fetch, &first, err) < 0)
        return -1;
    for (size_t i = first; i < fetch->count; i++) {
        if (!is_missing(&fetch->points[i]))
            continue;
        any = true;
        if (turn->config->missing_data == MISSING_IDLE)
            fetch->demand[i] = 0;
    }
    return any && turn->config->missing_data == MISSING_AUTO ? ask_witness(turn, fetch, err) : 0;
}

/* What was fetched replaces what was known of the same minutes, and goes on from there. */
static void merge(struct minutes *known, const struct fetch *fetch)
{
    int64_t place, end;

    if (fetch->count == 0)
        return;
    if (known->count == 0)
        known->start_ms = fetch->start_ms;
    place = (fetch->start_ms - known->start_ms) / MINUTE_MS; /* below 0: before the first that is wanted */
    end = place + (int64_t)fetch->count;
    if (end > (int64_t)known->count) {
        known->demand = must_realloc(known->demand, (size_t)end, sizeof(*known->demand));
        while ((int64_t)known->count < end)
            known->demand[known->count++] = NAN;
    }
    for (int64_t i = place < 0 ? -place : 0; i < (int64_t)fetch->count; i++)
        known->demand[place + i] = fetch->demand[i];
}

/* A clock that was set back has not seen these yet. */
static void cut(struct minutes *known, int64_t end_ms)
{
    int64_t count = (end_ms - known->start_ms) / MINUTE_MS;

    if (count < 0)
        count = 0;
    if ((size_t)count < known->count)
        known->count = (size_t)count;
}

int minutes_look(struct turn *turn, struct error *err)
{
    SCOPED(fetch_clear) struct fetch fetch = {.end_ms = turn->now_ms / MINUTE_MS * MINUTE_MS};
    struct minutes *known = &turn->minutes, fresh;

    if (turn->minutes_known)
        return 0;
    minutes_clear(known);
    if (store_minutes_load(turn->store, turn->config->name, turn->now_ms - LOOK_DAYS * DAY_MS, known, err) <
        0)
        return -1;
    cut(known, fetch.end_ms);
    fetch.start_ms = begin_of(known, fetch.end_ms);
    if (ask_load(turn, &fetch, err) < 0 || settle_missing(turn, known, &fetch, err) < 0)
        return -1;
    turn->refuses = skew_look(fetch.points, fetch.demand, fetch.count, &turn->sight);
    fresh = (struct minutes){.start_ms = fetch.start_ms, .demand = fetch.demand, .count = fetch.count};
    if (turn->locked && store_minutes_put(turn->store, turn->config->name, &fresh, err) < 0)
        return -1;
    merge(known, &fetch);
    turn->minutes_known = true;
    return 0;
}

int minutes_refused(struct turn *turn, int64_t since_ms, double most, bool *ret_any,
                    struct skew_sight *ret_sight, struct error *err)
{
    SCOPED(fetch_clear)
    struct fetch fetch = {.start_ms = since_ms / MINUTE_MS * MINUTE_MS,
                          .end_ms = turn->now_ms / MINUTE_MS * MINUTE_MS};

    if (ask_load(turn, &fetch, err) < 0)
        return -1;
    *ret_any = skew_look_back(fetch.points, fetch.demand, fetch.count, most, ret_sight);
    return 0;
}
