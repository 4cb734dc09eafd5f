/*
 * reason_down.c - a scale-down's one sentence for the operator.
 *
 * A hold names the period that decides, so that one can look at it in CloudWatch.
 */
#include "reason_down.h"

#include "base/date.h"
#include "base/number.h"
#include "base/text.h"
#include "wording.h"

#include <math.h>

enum { DURATION_SIZE = 24 };

static void write_start(const struct window *window, size_t period, char text[DATE_SIZE])
{
    date_format_seconds(window->facts->points[period].start_ms, text);
}

static void write_length(const struct window *window, size_t period, char text[DURATION_SIZE])
{
    number_format_duration(window->facts->points[period].period_ms, text, DURATION_SIZE);
}

static void write_threshold(const struct window *window, char text[WORDING_SIZE])
{
    double threshold = window->facts->config->scale_down_threshold;

    wording_percent(threshold, threshold, text);
}

/* The setting that is the fewest shards a plan may leave. */
static const char *floor_name(const struct window *window)
{
    return window->facts->to_maximum ? "max_shards" : config_minimum_name(window->facts->config);
}

/* "the 5m from 2026-11-21T08:15:00Z filled 31 % of 16 shards" */
static void say_worst(const struct window *window, struct down_plan *plan)
{
    char length[DURATION_SIZE], start[DATE_SIZE], percent[WORDING_SIZE];

    write_length(window, window->worst, length);
    write_start(window, window->worst, start);
    wording_percent(plan->worst_now, window->facts->config->scale_down_threshold, percent);
    SAY(plan, "the %s from %s filled %s of ", length, start, percent);
    if (fabs(window->capacity - (double)plan->from_shards) <= LOAD_SLACK * window->capacity)
        SAY(plan, "%lld shard%s", (long long)plan->from_shards, text_plural(plan->from_shards));
    else
        SAY(plan, "what %lld shards take, %.2f shards' worth", (long long)plan->from_shards,
            window->capacity);
}

static void say_young(const struct window *window, struct down_plan *plan)
{
    char created[DATE_SIZE], start[DATE_SIZE];

    date_format_seconds(window->facts->created_ms, created);
    date_format_seconds(window->start_ms, start);
    SAY(plan, "the stream was created at %s, after the window began at %s", created, start);
}

static void say_missing(const struct window *window, struct down_plan *plan)
{
    static const char *const because[] = {
        [MISSING_AUTO] = "no other metric shows that the stream was idle",
        [MISSING_IDLE] = "what is there of them shows that the stream was not idle",
        [MISSING_UNKNOWN] = "missing_data is unknown",
    };
    char first[DATE_SIZE];

    if (window->facts->point_count == 0) {
        SAY(plan, "there is no period to judge the load by");
        return;
    }
    write_start(window, window->first_missing, first);
    SAY(plan, "%zu of %zu periods ha%s no datapoint, the first that of %s, and %s", window->missing,
        window->facts->point_count, window->missing == 1 ? "s" : "ve", first,
        because[window->facts->config->missing_data]);
}

static void say_throttled(const struct window *window, struct down_plan *plan)
{
    char length[DURATION_SIZE], start[DATE_SIZE], records[WORDING_SIZE];

    write_length(window, window->most_throttled, length);
    write_start(window, window->most_throttled, start);
    wording_count(window->facts->points[window->most_throttled].throttled_records, records);
    SAY(plan, "%s records were throttled in the %s from %s", records, length, start);
    if (window->throttled > 1)
        SAY(plan, ", and others in %zu more of %zu periods", window->throttled - 1,
            window->facts->point_count);
}

static void say_busy(const struct window *window, struct down_plan *plan)
{
    char threshold[WORDING_SIZE];

    write_threshold(window, threshold);
    say_worst(window, plan);
    SAY(plan, ", and only below %s is a stream merged", threshold);
    if (window->busy > 1)
        SAY(plan, "; so did %zu more of %zu periods", window->busy - 1, window->facts->point_count);
}

static void say_full(const struct window *window, struct down_plan *plan)
{
    char threshold[WORDING_SIZE];

    write_threshold(window, threshold);
    say_worst(window, plan);
    if (window->facts->config->resharding == RESHARDING_UPDATE)
        SAY(plan, ", but fewer even shards would be fuller than %s", threshold);
    else
        SAY(plan, ", but no two neighbours together stay within %s of one shard", threshold);
}

static void say_updates(const struct window *window, struct down_plan *plan)
{
    say_worst(window, plan);
    SAY(plan,
        ", but %d of the %d UpdateShardCount calls of 24 hours are used up, and the last %d are kept for "
        "scale-ups",
        window->facts->updates_24h, UPDATES_PER_DAY, UPDATES_KEPT_FOR_EMERGENCY);
}

static void say_what_is_done(const struct window *window, struct down_plan *plan)
{
    long long merges = 0, updates = 0;
    char percent[WORDING_SIZE];

    for (size_t i = 0; i < plan->operation_count; i++) {
        merges += plan->operations[i].kind == OPERATION_MERGE;
        updates += plan->operations[i].kind == OPERATION_UPDATE;
    }
    say_worst(window, plan);
    SAY(plan, ", no period more: ");
    if (updates > 0)
        SAY(plan, "%lld UpdateShardCount call%s%s", updates, text_plural(updates), merges > 0 ? " and " : "");
    if (merges > 0)
        SAY(plan, "%lld merge%s", merges, text_plural(merges));
    wording_percent(plan->worst_after, window->facts->config->scale_down_threshold, percent);
    SAY(plan, " to %lld shard%s leave%s at most %s", (long long)plan->to_shards, text_plural(plan->to_shards),
        merges + updates == 1 ? "s" : "", percent);
    if (plan->to_shards == window->facts->config->min_shards)
        SAY(plan, "; %s is %lld", floor_name(window), (long long)plan->to_shards);
}

void reason_down_write(const struct window *window, struct down_plan *plan)
{
    if (window->facts->to_maximum && plan->hold != HOLD_MINIMUM)
        SAY(plan, "%lld shards are more than max_shards (%lld): ", (long long)plan->from_shards,
            (long long)window->facts->config->min_shards);
    switch (plan->hold) {
    case HOLD_NONE:
        say_what_is_done(window, plan);
        break;
    case HOLD_MINIMUM:
        SAY(plan, "%lld open shard%s, %s is %lld", (long long)plan->from_shards,
            text_plural(plan->from_shards), floor_name(window), (long long)window->facts->config->min_shards);
        break;
    case HOLD_YOUNG:
        say_young(window, plan);
        break;
    case HOLD_MISSING:
        say_missing(window, plan);
        break;
    case HOLD_BUSY:
        say_busy(window, plan);
        break;
    case HOLD_THROTTLED:
        say_throttled(window, plan);
        break;
    case HOLD_FULL:
        say_full(window, plan);
        break;
    case HOLD_UPDATES:
        say_updates(window, plan);
        break;
    case DOWN_HOLD_COUNT:
        break;
    }
}
