/*
 * skew.c - what a stream was seen not to bear.
 */
#include "scaling/skew.h"

#include "scaling/adaptive.h"

#include <math.h>

static double refused_part(const struct load_point *point)
{
    double refused = load_sum(point->throttled_records), accepted = load_sum(point->records);

    return refused > 0 && accepted >= 0 ? refused / (refused + accepted) : 0;
}

bool skew_look(const struct load_point *points, const float *demand, size_t count,
               struct skew_sight *ret_sight)
{
    struct skew_sight sight = {0};
    size_t minutes = 0;

    for (size_t i = count; i > 0; i--, minutes++) {
        double part = refused_part(&points[i - 1]);

        if (part < SKEW_REFUSED_LEAST || isnan(demand[i - 1]))
            break;
        sight.refused += part;
        sight.owed += part * demand[i - 1] / 60;
        sight.demand += demand[i - 1];
        sight.since_ms = points[i - 1].start_ms;
    }
    if (minutes < SKEW_MINUTES)
        return false;
    sight.refused /= (double)minutes;
    sight.demand /= (double)minutes;
    *ret_sight = sight;
    return true;
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

bool skew_may_pay(const struct skew_sight *sight, double capacity, int64_t settled_ms, int64_t now_ms)
{
    double hours =
        (double)(now_ms - settled_ms < SKEW_WINDOW_MS ? now_ms - settled_ms : SKEW_WINDOW_MS) / 3600e3;

    return pays(2 * sight->refused * sight->demand * hours, capacity);
}

bool skew_is_unproven(const struct skew *skew, int64_t settled_ms, int64_t now_ms)
{
    return skew->bears > 0 && !skew->hot && settled_ms >= skew->seen_ms && now_ms - settled_ms >= 0 &&
           now_ms - settled_ms < SKEW_PROVED_MS;
}

/* Of what was seen, a generation was made since, and did that help? */
enum verdict { VERDICT_NONE, VERDICT_HELPED, VERDICT_HOT, VERDICT_OPEN };

/* A key that has what one shard takes and all that was refused would refuse more of this load, however many shards. */
static enum verdict judge(const struct skew *skew, const struct skew *seen)
{
    double key = (skew->refused * skew->demand + 1) / skew->demand;
    double saved = (key * seen->demand - 1) - seen->refused * seen->demand;

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

bool skew_learn(struct skew *skew, const struct skew_sight *sight, double capacity, bool may_grow,
                int64_t now_ms)
{
    struct skew seen = {.bears = sight->demand / capacity,
                        .refused = sight->refused,
                        .demand = sight->demand,
                        .capacity = capacity,
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
        seen.earlier = verdict == VERDICT_NONE ? skew->earlier : bears_now(skew, now_ms);
        seen.hot_days = verdict == VERDICT_HELPED ? 0 : skew->hot_days;
    }
    if (!may_grow || !pays(sight->owed, capacity))
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
