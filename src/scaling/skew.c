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
    struct skew_sight sight = {.demand = INFINITY};
    size_t minutes = 0;

    for (size_t i = count; i > 0; i--, minutes++) {
        double part = refused_part(&points[i - 1]);

        if (part < SKEW_REFUSED_LEAST || isnan(demand[i - 1]))
            break;
        sight.refused += part;
        sight.owed += part * demand[i - 1] / 60;
        sight.demand = fmin(sight.demand, demand[i - 1]);
        sight.since_ms = points[i - 1].start_ms;
    }
    if (minutes < SKEW_MINUTES)
        return false;
    sight.refused /= (double)minutes;
    *ret_sight = sight;
    return true;
}

/* In days; below 0 by a clock that was ahead. */
static double age_of(const struct skew *skew, int64_t now_ms)
{
    return (double)(now_ms - skew->seen_ms) / SKEW_DAY_MS;
}

static bool is_known(const struct skew *skew, int64_t now_ms)
{
    double age = age_of(skew, now_ms);

    return skew->bears > 0 && age >= 0 && age < (skew->hot ? 1 : SKEW_FORGOTTEN_DAYS);
}

static double bears_now(const struct skew *skew, int64_t now_ms)
{
    return skew->bears *
           pow(SKEW_GROWTH, floor(age_of(skew, now_ms))); /* alarms stand there, and move with it */
}

bool skew_is_hot(const struct skew *skew, int64_t now_ms)
{
    return skew->hot && is_known(skew, now_ms);
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

bool skew_learn(struct skew *skew, const struct skew_sight *sight, double capacity, int64_t now_ms)
{
    struct skew seen = {.bears = sight->demand / capacity, .refused = sight->refused, .seen_ms = now_ms};

    if (skew_is_hot(skew, now_ms))
        return false;
    if (is_known(skew, now_ms)) {
        if (seen.bears <= SKEW_TRIED * skew->bears)
            seen.hot = seen.refused > SKEW_HELPED * skew->refused;
        else if (seen.bears >= bears_now(skew, now_ms))
            return false;
    }
    if (!seen.hot && !pays(sight->owed, capacity))
        return false;
    *skew = seen;
    return true;
}

double skew_too_full(const struct skew *skew, int64_t now_ms)
{
    return is_known(skew, now_ms) && !skew->hot ? bears_now(skew, now_ms) : 0;
}

double skew_line(const struct skew *skew, double line, int64_t now_ms)
{
    double too_full = skew_too_full(skew, now_ms);

    return too_full > 0 ? fmin(line, SKEW_SPARE * too_full) : line;
}
