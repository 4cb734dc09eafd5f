/*
 * rhythm.c - the load of the same minutes of earlier days.
 */
#include "scaling/rhythm.h"

#include "base/memory.h"
#include "scaling/limits.h"

#include <math.h>

enum { JITTER_MINUTES = 5 };

/* Twice in a row: once is no rhythm, and a third day would learn a new one later. */
static const size_t periods[RHYTHM_COUNT][2] = {
    [RHYTHM_DAY] = {RHYTHM_DAY_MINUTES, 2 * RHYTHM_DAY_MINUTES},
    [RHYTHM_WEEK] = {7 * RHYTHM_DAY_MINUTES, 7 * RHYTHM_DAY_MINUTES},
};

const char *rhythm_name(enum rhythm rhythm)
{
    static const char *const names[RHYTHM_COUNT] = {
        [RHYTHM_NONE] = "none", [RHYTHM_DAY] = "day", [RHYTHM_WEEK] = "week"};

    return names[rhythm];
}

/* The highest minute within JITTER_MINUTES of `at`; NAN when all are unknown. */
static float highest_about(const float *minutes, size_t count, size_t at)
{
    size_t first = at < JITTER_MINUTES ? 0 : at - JITTER_MINUTES;
    float most = NAN;

    for (size_t i = first; i < count && i <= at + JITTER_MINUTES; i++)
        most = fmaxf(most, minutes[i]);
    return most;
}

void rhythm_expect(enum rhythm rhythm, const float *minutes, size_t minute_count, size_t from, size_t count,
                   float *ret_expected)
{
    for (size_t i = 0; i < count; i++) {
        float lower = NAN;

        for (size_t p = 0; rhythm != RHYTHM_NONE && p < COUNT_OF(periods[rhythm]); p++) {
            if (from + i >= periods[rhythm][p] && from + i - periods[rhythm][p] < minute_count)
                lower = fminf(lower, highest_about(minutes, minute_count, from + i - periods[rhythm][p]));
        }
        ret_expected[i] = isnan(lower) ? 0 : lower;
    }
}

/* The place of the highest in [from, to). */
static size_t highest_in(const float *expected, size_t from, size_t to)
{
    size_t highest = from;

    for (size_t i = from; i < to; i++)
        highest = expected[i] > expected[highest] ? i : highest;
    return highest;
}

/* As long before each minute as its splits may take. */
static void find_demand(const float *expected, size_t count, double room, int64_t most,
                        struct rhythm_need *needs)
{
    for (size_t i = 0; i < count; i++)
        needs[i] = (struct rhythm_need){.demand = expected[i]};
    for (size_t i = 0; i < count; i++) {
        double splits = fmin((double)expected[i] * room, (double)most);
        size_t minutes = (size_t)(splits * SPLIT_SECONDS / 60);

        for (size_t before = 1; before <= minutes && before <= i; before++) {
            if (expected[i] > needs[i - before].demand)
                needs[i - before] = (struct rhythm_need){.demand = expected[i], .after = before};
        }
    }
}

void rhythm_needs(const float *expected, size_t count, double room, int64_t most,
                  struct rhythm_need *ret_needs)
{
    size_t highest = count;

    find_demand(expected, count, room, most, ret_needs);
    for (size_t i = count; i-- > 0;) {
        size_t end = i + RHYTHM_KEEP_MINUTES < count ? i + RHYTHM_KEEP_MINUTES : count;

        if (highest == count || expected[i] >= expected[highest])
            highest = i;
        else if (highest >= end)
            highest = highest_in(expected, i, end);
        ret_needs[i].ahead = fmaxf(expected[highest], ret_needs[i].demand);
    }
}
