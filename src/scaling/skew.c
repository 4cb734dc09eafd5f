/*
 * skew.c - what a stream was seen not to bear.
 */
#include "scaling/skew.h"

#include "scaling/adaptive.h"

#include <math.h>

enum { WINDOW_MINUTES = SKEW_WINDOW_MS / (60 * 1000) };

bool skew_applies(const struct stream_config *config)
{
    return config->policy == POLICY_ADAPTIVE && config->alarm_level == ALARM_LEVEL_STREAM;
}

static double refused_part(const struct load_point *point)
{
    double refused = load_sum(point->throttled_records), accepted = load_sum(point->records);

    return refused > 0 && accepted >= 0 ? refused / (refused + accepted) : 0;
}

static void add_minute(struct skew_sight *sight, double part, double demand, int64_t start_ms)
{
    sight->refused += part;
    sight->owed += part * demand / 60;
    sight->demand += demand;
    sight->since_ms = start_ms;
}

static bool mean_of(const struct skew_sight *sum, size_t minutes, struct skew_sight *ret_sight)
{
    if (minutes < SKEW_MINUTES)
        return false;
    *ret_sight = *sum;
    ret_sight->refused /= (double)minutes;
    ret_sight->demand /= (double)minutes;
    return true;
}

bool skew_look(const struct load_point *points, const float *demand, size_t count,
               struct skew_sight *ret_sight)
{
    struct skew_sight sum = {0};
    size_t minutes = 0;

    for (size_t i = count; i > 0 && minutes < WINDOW_MINUTES; i--, minutes++) {
        double part = refused_part(&points[i - 1]);

        if (part < SKEW_REFUSED_LEAST || isnan(demand[i - 1]))
            break;
        add_minute(&sum, part, demand[i - 1], points[i - 1].start_ms);
    }
    return mean_of(&sum, minutes, ret_sight);
}

bool skew_look_back(const struct load_point *points, const float *demand, size_t count, double most,
                    struct skew_sight *ret_sight)
{
    struct skew_sight sum = {0};
    size_t minutes = 0;

    for (size_t i = count; i > 0; i--) {
        double part = refused_part(&points[i - 1]);

        if (part < SKEW_REFUSED_LEAST || isnan(demand[i - 1]) || demand[i - 1] > most)
            continue;
        add_minute(&sum, part, demand[i - 1], points[i - 1].start_ms);
        minutes++;
    }
    return mean_of(&sum, minutes, ret_sight);
}

/* In days; below 0 by a clock that was ahead. */
static double age_of(const struct skew *skew, int64_t now_ms)
{
    return (double)(now_ms - skew->seen_ms) / SKEW_DAY_MS;
}

static bool is_remembered(const struct skew *skew, int64_t now_ms)
{
    double age = age_of(skew, now_ms);

    return skew->capacity > 0 && age >= 0 && age < SKEW_FORGOTTEN_DAYS;
}

static double bears_now(const struct skew *skew, int64_t now_ms)
{
    return skew->bears *
           pow(SKEW_GROWTH, floor(age_of(skew, now_ms))); /* alarms stand there, and move with it */
}

bool skew_is_hot(const struct skew *skew, int64_t now_ms)
{
    return skew->hot && is_remembered(skew, now_ms) && age_of(skew, now_ms) < (double)skew->hot_days;
}

static bool pays(double owed, double capacity)
{
    return owed * ADAPTIVE_REFUSED_SHARD_HOURS >= capacity * 24;
}

bool skew_may_pay(const struct skew_sight *sight, const struct skew_stream *stream, int64_t now_ms)
{
    int64_t span_ms = now_ms - stream->settled_ms;

    if (span_ms > SKEW_WINDOW_MS)
        span_ms = SKEW_WINDOW_MS;
    return pays(2 * sight->refused * sight->demand * (double)span_ms / 3600e3, stream->capacity);
}

bool skew_is_unproven(const struct skew *skew, const struct skew_stream *stream, int64_t now_ms)
{
    int64_t age_ms = now_ms - stream->settled_ms;

    return is_remembered(skew, now_ms) && !skew->hot && stream->capacity >= SKEW_MORE * skew->capacity &&
           stream->settled_ms >= skew->seen_ms && age_ms >= 0 && age_ms < SKEW_PROVED_MS;
}

/* Of what was seen, a generation was made since, and did that help? */
enum verdict { VERDICT_NONE, VERDICT_HELPED, VERDICT_HOT, VERDICT_OPEN };

/* What of the load that `seen` has would be refused if the shards had not helped: all that one key is above a shard, when
 * that key had what one shard takes and all that was refused.  Where no key can, a shard is too full in some seconds only,
 * and refuses the same part. */
static double refused_anyway(const struct skew *skew, const struct skew *seen)
{
    double key = (skew->refused * skew->demand + 1) / skew->demand;

    return key < 1 ? key * seen->demand - 1 : skew->refused * seen->demand;
}

static enum verdict judge(const struct skew *skew, const struct skew *seen)
{
    double saved = refused_anyway(skew, seen) - seen->refused * seen->demand;

    if (skew->hot || seen->capacity < SKEW_MORE * skew->capacity)
        return VERDICT_NONE;
    if (seen->demand > SKEW_ALIKE * skew->demand || seen->demand * SKEW_ALIKE < skew->demand)
        return VERDICT_OPEN;
    return saved * ADAPTIVE_REFUSED_SHARD_HOURS >= SKEW_HELPED * (seen->capacity - skew->capacity)
               ? VERDICT_HELPED
               : VERDICT_HOT;
}

/* What was made for it hardly helped: the line is what it was before, and the next try further off than this one was. */
static void give_up(struct skew *skew, int64_t now_ms)
{
    int64_t days = skew->hot_days > 0 ? 2 * skew->hot_days : 1;

    skew->bears = skew->earlier;
    skew->hot = true;
    skew->hot_days = days < SKEW_HOT_DAYS ? days : SKEW_HOT_DAYS;
    skew->seen_ms = now_ms;
}

bool skew_learn(struct skew *skew, const struct skew_sight *sight, const struct skew_stream *stream,
                int64_t now_ms)
{
    struct skew seen = {.bears = sight->demand / stream->capacity,
                        .refused = sight->refused,
                        .demand = sight->demand,
                        .capacity = stream->capacity,
                        .seen_ms = now_ms};

    if (skew_is_hot(skew, now_ms))
        return false;
    if (is_remembered(skew, now_ms)) {
        enum verdict verdict = judge(skew, &seen);

        if (skew->bears > 0 && seen.bears >= bears_now(skew, now_ms))
            return false;
        if (verdict == VERDICT_HOT) {
            give_up(skew, now_ms);
            return true;
        }
        if (verdict == VERDICT_OPEN && age_of(skew, now_ms) < 1)
            return false;
        /* Shards that came or went since then had that line. */
        seen.earlier = stream->settled_ms > skew->seen_ms ? bears_now(skew, now_ms) : skew->earlier;
        seen.hot_days = verdict == VERDICT_HELPED ? 0 : skew->hot_days;
    }
    if (stream->most < SKEW_MORE * stream->capacity || !pays(sight->owed, stream->capacity))
        return false;
    *skew = seen;
    return true;
}

double skew_too_full(const struct skew *skew, int64_t now_ms)
{
    return is_remembered(skew, now_ms) ? bears_now(skew, now_ms) : 0;
}

double skew_line(const struct skew *skew, double line, int64_t now_ms)
{
    double too_full = skew_too_full(skew, now_ms);

    return too_full > 0 ? fmin(line, SKEW_SPARE * too_full) : line;
}
