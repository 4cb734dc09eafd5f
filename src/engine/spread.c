/*
 * spread.c - what the metrics of single shards show of how the load lies over the keys.
 *
 * Each shard costs three metrics, so they are asked for only when a decision rests on them, and now and then.
 */
#include "turn.h"

#include "base/memory.h"
#include "scaling/load.h"
#include "store/spreads.h"

#include <math.h>

enum { MINUTE_MS = 60 * 1000, WINDOW_MINUTES = 10 };

/*
 * A shard without a point carried nothing, or is too young for one.  It carried nothing where the others carried so much of
 * all, and more than they would if the silent ones had no less than this of what they are thought to carry.
 */
#define NEARLY_ALL 0.95
#define SILENT_PART 0.5

int spread_look(struct turn *turn, struct error *err)
{
    if (turn->spread_known || turn->config->alarm_level != ALARM_LEVEL_SHARD)
        return 0;
    if (store_spread_load(turn->store, turn->config->name, &turn->spread, &turn->spread_read_ms, err) < 0)
        return -1;
    turn->spread_known = true;
    return 0;
}

/* The demand of the stream in a minute; NAN unknown. */
static double demand_at(const struct minutes *minutes, int64_t at_ms)
{
    int64_t place = (at_ms - minutes->start_ms) / MINUTE_MS;

    return minutes->count == 0 || place < 0 || place >= (int64_t)minutes->count ? NAN
                                                                                : minutes->demand[place];
}

/* The part that a shard had of the minutes in which it was there as a whole; NAN when there is none. */
static double part_of(const struct turn *turn, const struct metric_series *series, int64_t start_ms,
                      bool *ret_any)
{
    struct load_point points[WINDOW_MINUTES];
    float own[WINDOW_MINUTES];
    double sum = 0, whole = 0;
    bool begun = false;

    for (int i = 0; i < WINDOW_MINUTES; i++)
        points[i] = (struct load_point){.start_ms = start_ms + (int64_t)i * MINUTE_MS,
                                        .period_ms = MINUTE_MS,
                                        .bytes = series[METRIC_BYTES].values[i],
                                        .records = series[METRIC_RECORDS].values[i],
                                        .throttled_records = series[METRIC_THROTTLED].values[i]};
    load_worth(points, WINDOW_MINUTES, own);
    for (int i = 0; i < WINDOW_MINUTES; i++) {
        double demand = demand_at(&turn->minutes, points[i].start_ms);
        bool first = !begun; /* it may have been made in this minute */

        if (isnan(own[i]))
            continue;
        *ret_any = begun = true;
        if (first || !(demand > 0))
            continue;
        sum += own[i];
        whole += demand;
    }
    return whole > 0 ? sum / whole : NAN;
}

/* Did the stream carry nothing, as far as is known?  Then its shards have nothing to tell. */
static bool was_idle(const struct turn *turn, int64_t start_ms)
{
    bool known = false;

    for (int i = 0; i < WINDOW_MINUTES; i++) {
        double demand = demand_at(&turn->minutes, start_ms + (int64_t)i * MINUTE_MS);

        if (demand > 0)
            return false;
        known |= demand == 0;
    }
    return known;
}

static void tell_silence(const struct turn *turn, const bool *silent, double sum, double *parts)
{
    double thought = 0;

    for (size_t i = 0; i < turn->shards.count; i++) {
        if (silent[i])
            thought += spread_part(&turn->spread, turn->shards.items[i].start, turn->shards.items[i].end);
    }
    if (sum < NEARLY_ALL || 1 - sum >= SILENT_PART * thought)
        return;
    for (size_t i = 0; i < turn->shards.count; i++) {
        if (silent[i])
            parts[i] = 0;
    }
}

static void learn(struct turn *turn, const struct metric_answer *answer, int64_t start_ms)
{
    double *parts = must_calloc(turn->shards.count, sizeof(*parts));
    bool *silent = must_calloc(turn->shards.count, sizeof(*silent));
    double sum = 0;

    for (size_t i = 0; i < turn->shards.count; i++) {
        bool any = false;

        parts[i] = part_of(turn, answer->series + i * ALARM_METRIC_COUNT, start_ms, &any);
        silent[i] = !any;
        if (parts[i] > 0)
            sum += parts[i];
    }
    tell_silence(turn, silent, sum, parts);
    if (sum > 0)
        spread_learn(&turn->spread, &turn->shards, parts);
    if (sum > 0 || was_idle(turn, start_ms))
        turn->spread.measured_ms = turn->now_ms;
    free(silent);
    free(parts);
}

int spread_read(struct turn *turn, struct error *err)
{
    size_t count = turn->shards.count * ALARM_METRIC_COUNT;
    struct metric_query *queries = must_calloc(count, sizeof(*queries));
    struct metric_answer answer = {0};
    int64_t end_ms = turn->now_ms / MINUTE_MS * MINUTE_MS;
    int64_t start_ms = end_ms - (int64_t)WINDOW_MINUTES * MINUTE_MS;
    int result;

    for (size_t i = 0; i < turn->shards.count; i++)
        look_add_queries(queries + i * ALARM_METRIC_COUNT, turn->config->name, turn->shards.items[i].id);
    result = cloudwatch_metrics(turn->engine->aws, queries, count, start_ms, end_ms, &answer, err);
    free(queries);
    if (result < 0)
        return -1;
    learn(turn, &answer, start_ms);
    metric_answer_clear(&answer);
    turn->spread_read_ms = turn->now_ms;
    return turn->locked ? store_spread_set(turn->store, turn->config->name, &turn->spread, turn->now_ms, err)
                        : 0;
}
