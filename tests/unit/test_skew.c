/*
 * test_skew.c - what a stream was seen not to bear, and how long that is believed.
 */
#include "scaling/adaptive.h"
#include "scaling/skew.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, POINTS = 10 };
static const int64_t now_ms = 1000 * (int64_t)SKEW_DAY_MS;

/* Refused records of the last ten minutes, beside 1000 that were accepted. */
static const struct {
    const char *name;
    double refused[POINTS];
    size_t count;
    int minutes; /* in a row up to the last; 0: no sight */
} sights[] = {
    {"nothing refused", {0}, POINTS, 0},
    {"in all of them", {250, 250, 250, 250, 250, 250, 250, 250, 250, 250}, POINTS, 10},
    {"two minutes are too few", {250, 250, 250, 250, 250, 250, 250, 0, 250, 250}, POINTS, 0},
    {"three are enough", {0, 0, 0, 0, 0, 0, 0, 250, 250, 250}, POINTS, 3},
    {"not in the newest", {250, 250, 250, 250, 250, 250, 250, 250, 250, 0}, POINTS, 0},
    {"a few records are noise", {0, 0, 0, 0, 0, 0, 0, 250, 9, 250}, POINTS, 0},
    {"fewer minutes than that", {250, 250}, 2, 0},
    {"no minute at all", {0}, 0, 0},
    {"a minute that nobody knows ends it", {250, 250, 250, 250, NAN, 250, 250, 250, 250, 250}, POINTS, 5},
};

START_TEST(minutes_in_a_row_in_which_records_were_refused_are_a_sight)
{
    struct load_point points[POINTS];
    float demand[POINTS];
    struct skew_sight sight = {0};
    int minutes = sights[_i].minutes;

    for (size_t i = 0; i < POINTS; i++) {
        points[i] = (struct load_point){.start_ms = (int64_t)i * MINUTE_MS,
                                        .period_ms = MINUTE_MS,
                                        .bytes = 1e6,
                                        .records = 1000,
                                        .throttled_records = sights[_i].refused[i]};
        demand[i] = 6 + (float)i / 10;
    }
    ck_assert_msg(skew_look(points, demand, sights[_i].count, &sight) == (minutes > 0), "%s",
                  sights[_i].name);
    if (minutes == 0)
        return;
    ck_assert_double_eq_tol(sight.refused, 0.2, 1e-9);
    ck_assert_int_eq(sight.since_ms, (int64_t)(POINTS - minutes) * MINUTE_MS);
    ck_assert_double_eq_tol(sight.demand, 6 + (19.0 - minutes) / 20, 1e-6);
    /* A fifth of about 6.5 shards' worth in each minute. */
    ck_assert_double_eq_tol(sight.owed, 0.2 * (6 + (19.0 - minutes) / 20) * minutes / 60, 1e-6);
}
END_TEST

/* At 78 % of 8 shards a fifth was refused for an hour: 200 times 1.25 shard-hours, for a day of 8 shards. */
static const struct skew_sight full = {.refused = 0.2, .owed = 1.25, .demand = 6.24};

static struct skew_sight sight_of(double refused, double owed, double demand)
{
    return (struct skew_sight){.refused = refused, .owed = owed, .demand = demand};
}

START_TEST(what_pays_for_a_generation_within_a_day_is_learned)
{
    struct skew skew = {0};
    struct skew_sight little = sight_of(0.2, 0.95, 6.24); /* 190 shard-hours for 192 */

    ck_assert_double_eq(skew_line(&skew, 0.8, now_ms), 0.8);
    ck_assert(!skew_learn(&skew, &little, 8, true, now_ms));
    ck_assert_double_eq(skew_too_full(&skew, now_ms), 0);
    ck_assert(!skew_learn(&skew, &full, 8, false, now_ms)); /* nobody may make one */
    ck_assert(skew_learn(&skew, &full, 8, true, now_ms));
    ck_assert_double_eq_tol(skew_too_full(&skew, now_ms), 0.78, 1e-9);
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms), 0.702, 1e-9);
    ck_assert_double_eq(skew_line(&skew, 0.6, now_ms), 0.6);
    ck_assert(!skew_is_hot(&skew, now_ms));
    ck_assert(!skew_learn(&skew, &full, 8, true, now_ms)); /* known */
}
END_TEST

START_TEST(who_refuses_too_slowly_is_not_even_asked_about)
{
    struct skew_sight sight =
        sight_of(0.02, 0, 4); /* 0.08 shards' worth; of six hours 200 times 0.48 shard-hours */

    ck_assert(!skew_may_pay(&sight, 9, now_ms - SKEW_DAY_MS, now_ms));
    ck_assert(skew_may_pay(&sight, 8, now_ms - SKEW_DAY_MS, now_ms));
    ck_assert(!skew_may_pay(&sight, 8, now_ms - HOUR_MS, now_ms));
}
END_TEST

/* Of 6.24 shards' worth 1.25 were refused: one key alone would have 36 % of them.  Eight shards more pay within an hour when
 * they save 0.04, and helped when they saved 0.08. */
static const struct {
    const char *name;
    double refused, owed, demand, shards;
    int64_t later_ms;
    bool may_grow, learned, hot;
    double line; /* of 0.8 */
} after[] = {
    {"so much less that it helped", 0.18, 0, 6.24, 16, HOUR_MS, true, false, false, 0.702},
    {"hardly less: a key is hot", 0.19, 0, 6.24, 16, HOUR_MS, true, true, true, 0.8},
    {"that shows with all shards that may be", 0.19, 0, 6.24, 16, HOUR_MS, false, true, true, 0.8},
    {"it helped, and what is left pays for another", 0.1, 3, 6.24, 16, HOUR_MS, true, true, false, 0.351},
    {"which may not be", 0.1, 3, 6.24, 16, HOUR_MS, false, false, false, 0.702},
    {"less load, of which that key refuses 17 %", 0.167, 0, 5.2, 16, HOUR_MS, true, true, true, 0.8},
    {"less load, and less refused than that", 0.15, 0, 5.2, 16, HOUR_MS, true, false, false, 0.702},
    {"more load, of which that key refuses 22 %", 0.22, 0, 7.2, 16, HOUR_MS, true, true, true, 0.8},
    {"more load, and less refused than that", 0.2, 0, 7.2, 16, HOUR_MS, true, false, false, 0.702},
    {"half the load tells nothing", 0.19, 9, 3, 16, HOUR_MS, true, false, false, 0.702},
    {"nor does twice", 0.3, 9, 12, 16, HOUR_MS, true, false, false, 0.702},
    {"after a day that is a new try", 0.3, 9, 12, 16, SKEW_DAY_MS, true, true, false, 0.675},
    {"too few shards more: it must pay", 0.2, 1, 6.24, 10, HOUR_MS, true, false, false, 0.702},
    {"too few, and it does", 0.2, 2, 6.24, 10, HOUR_MS, true, true, false, 0.5616},
    {"fuller than what is known already", 0.4, 9, 7, 8, HOUR_MS, true, false, false, 0.702},
};

START_TEST(what_a_generation_saved_tells_a_hot_key)
{
    struct skew skew = {0};
    struct skew_sight sight = sight_of(after[_i].refused, after[_i].owed, after[_i].demand);
    int64_t later_ms = now_ms + after[_i].later_ms;

    ck_assert(skew_learn(&skew, &full, 8, true, now_ms));
    ck_assert_msg(skew_learn(&skew, &sight, after[_i].shards, after[_i].may_grow, later_ms) ==
                      after[_i].learned,
                  "%s", after[_i].name);
    ck_assert_msg(skew_is_hot(&skew, later_ms) == after[_i].hot, "%s", after[_i].name);
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, later_ms), after[_i].line, 1e-9);
}
END_TEST

/* Eight shards became sixteen, which helped, and then 32, which did not: sixteen are kept. */
START_TEST(a_generation_that_helped_stays_when_the_next_did_not)
{
    struct skew skew = {0};
    struct skew_sight helped = sight_of(0.1, 3, 6.24), same = sight_of(0.1, 0, 6.24);

    ck_assert(skew_learn(&skew, &full, 8, true, now_ms));
    ck_assert(skew_learn(&skew, &helped, 16, true, now_ms + HOUR_MS));
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms + HOUR_MS), 0.351, 1e-9);
    ck_assert(skew_learn(&skew, &same, 32, true, now_ms + 2 * HOUR_MS));
    ck_assert(skew_is_hot(&skew, now_ms + 2 * HOUR_MS));
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms + 2 * HOUR_MS), 0.702, 1e-9);
}
END_TEST

/* Each time nothing was gained by eight shards more. */
START_TEST(a_hot_key_is_tried_again_after_a_day_then_two_then_four_and_then_every_eight)
{
    static const int64_t days[] = {1, 2, 4, 8, 8};
    struct skew skew = {0};
    int64_t at_ms = now_ms;

    for (size_t i = 0; i < COUNT_OF(days); i++) {
        ck_assert(skew_learn(&skew, &full, 8, true, at_ms));
        ck_assert(!skew_is_hot(&skew, at_ms));
        ck_assert(skew_learn(&skew, &full, 16, true, at_ms));
        ck_assert_double_eq(skew_line(&skew, 0.8, at_ms), 0.8);
        at_ms += days[i] * SKEW_DAY_MS;
        ck_assert(skew_is_hot(&skew, at_ms - 1));
        ck_assert(!skew_learn(&skew, &full, 8, true, at_ms - 1));
        ck_assert(!skew_is_hot(&skew, at_ms));
    }
    /* One that helps ends the row. */
    ck_assert(skew_learn(&skew, &full, 8, true, at_ms));
    ck_assert(
        skew_learn(&skew, &(struct skew_sight){.refused = 0.1, .owed = 3, .demand = 6.24}, 16, true, at_ms));
    ck_assert(skew_learn(&skew, &(struct skew_sight){.refused = 0.1, .demand = 6.24}, 32, true, at_ms));
    ck_assert_int_eq(skew.hot_days, 1);
}
END_TEST

START_TEST(what_was_not_borne_is_believed_a_little_less_every_day_and_then_forgotten)
{
    struct skew skew = {.bears = 0.5, .refused = 0.1, .capacity = 8, .seen_ms = now_ms};

    ck_assert_double_eq(skew_too_full(&skew, now_ms + SKEW_DAY_MS - 1),
                        0.5); /* alarms are not moved by the minute */
    ck_assert_double_eq_tol(skew_too_full(&skew, now_ms + SKEW_DAY_MS), 0.525, 1e-9);
    ck_assert(skew_too_full(&skew, now_ms + (int64_t)SKEW_FORGOTTEN_DAYS * SKEW_DAY_MS - 1) > 0.9);
    ck_assert_double_eq(skew_too_full(&skew, now_ms + (int64_t)SKEW_FORGOTTEN_DAYS * SKEW_DAY_MS), 0);
    ck_assert_double_eq(skew_too_full(&skew, now_ms - 1), 0); /* seen by a clock that was ahead */
}
END_TEST

START_TEST(nothing_is_given_back_before_it_shows_whether_a_generation_helped)
{
    struct skew skew = {.bears = 0.5, .refused = 0.1, .capacity = 8, .seen_ms = now_ms};

    ck_assert(!skew_is_unproven(&skew, now_ms - 1, now_ms)); /* the generation is not made */
    ck_assert(skew_is_unproven(&skew, now_ms + 1, now_ms + SKEW_PROVED_MS));
    ck_assert(!skew_is_unproven(&skew, now_ms + 1, now_ms + 1 + SKEW_PROVED_MS));
    skew.hot = true;
    ck_assert(!skew_is_unproven(&skew, now_ms + 1, now_ms + 2));
}
END_TEST

/* Two shards' worth all day on sixteen. */
START_TEST(what_is_unproven_keeps_all_shards)
{
    static float minutes[ADAPTIVE_DAY_MINUTES];
    struct adaptive_facts facts = {.config = &plain_stream,
                                   .minutes = minutes,
                                   .minute_count = ADAPTIVE_DAY_MINUTES,
                                   .newest_age_ms = 2 * MINUTE_MS,
                                   .open_shards = 16,
                                   .capacity = 16,
                                   .account_headroom = -1,
                                   .habits = {.hold_minutes = 60, .line = 0.8}};
    struct adaptive_plan plan;

    for (size_t i = 0; i < COUNT_OF(minutes); i++)
        minutes[i] = 2;
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_GO);
    adaptive_plan_clear(&plan);
    facts.unproven = true;
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_STAY);
    ck_assert_msg(strstr(plan.reason, "whether that helped shows within 10 minutes") != NULL, "%s",
                  plan.reason);
    adaptive_plan_clear(&plan);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("skew");
    TCase *tcase = tcase_create("skew");

    tcase_add_loop_test(tcase, minutes_in_a_row_in_which_records_were_refused_are_a_sight, 0,
                        (int)COUNT_OF(sights));
    tcase_add_test(tcase, what_pays_for_a_generation_within_a_day_is_learned);
    tcase_add_test(tcase, who_refuses_too_slowly_is_not_even_asked_about);
    tcase_add_loop_test(tcase, what_a_generation_saved_tells_a_hot_key, 0, (int)COUNT_OF(after));
    tcase_add_test(tcase, a_generation_that_helped_stays_when_the_next_did_not);
    tcase_add_test(tcase, a_hot_key_is_tried_again_after_a_day_then_two_then_four_and_then_every_eight);
    tcase_add_test(tcase, what_was_not_borne_is_believed_a_little_less_every_day_and_then_forgotten);
    tcase_add_test(tcase, nothing_is_given_back_before_it_shows_whether_a_generation_helped);
    tcase_add_test(tcase, what_is_unproven_keeps_all_shards);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
