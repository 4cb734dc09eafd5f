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

/* Six hours of 6.24 shards' worth, a fifth of them refused but for each fortieth minute, which nobody knows or which refused
 * nothing; and each tenth is above the line, where it is no sign of uneven keys. */
START_TEST(minutes_that_refuse_nothing_do_not_hide_the_others)
{
    enum { MINUTES = 360 };
    static struct load_point points[MINUTES];
    static float demand[MINUTES];
    struct skew_sight sight = {0};

    for (size_t i = 0; i < MINUTES; i++) {
        points[i] = (struct load_point){
            .start_ms = (int64_t)i * MINUTE_MS, .records = 1000, .throttled_records = i % 40 == 0 ? 0 : 250};
        demand[i] = i % 10 == 5 ? 7 : i % 80 == 0 ? NAN : 6.24F;
    }
    ck_assert(skew_look(points, demand, MINUTES, &sight));
    ck_assert_int_eq(sight.since_ms, 321 * MINUTE_MS);
    ck_assert(skew_look_back(points, demand, MINUTES, 6.5, &sight));
    ck_assert_double_eq_tol(sight.refused, 0.2, 1e-9);
    ck_assert_double_eq_tol(sight.demand, 6.24, 1e-5);
    ck_assert_double_eq_tol(sight.owed, (360 - 9 - 36) * 0.2 * 6.24 / 60, 1e-4);
    ck_assert(!skew_look_back(points, demand, MINUTES, 6, &sight));
}
END_TEST

/* A first look sees two weeks, of which each minute refused a little. */
START_TEST(what_is_older_than_six_hours_is_no_sight)
{
    enum { MINUTES = 14 * 24 * 60 };
    static struct load_point points[MINUTES];
    static float demand[MINUTES];
    struct skew_sight sight;

    for (size_t i = 0; i < MINUTES; i++) {
        points[i] =
            (struct load_point){.start_ms = (int64_t)i * MINUTE_MS, .records = 1000, .throttled_records = 12};
        demand[i] = 11.6F;
    }
    ck_assert(skew_look(points, demand, MINUTES, &sight));
    ck_assert_int_eq(sight.since_ms, (int64_t)MINUTES * MINUTE_MS - SKEW_WINDOW_MS);
}
END_TEST

/* At 78 % of 8 shards a fifth was refused for an hour: 200 times 1.25 shard-hours, for a day of 8 shards. */
static const struct skew_sight full = {.refused = 0.2, .owed = 1.25, .demand = 6.24};

/* Which has had its shards for a day. */
static struct skew_stream shards_of(double capacity)
{
    return (struct skew_stream){.capacity = capacity, .most = 64, .settled_ms = now_ms - SKEW_DAY_MS};
}

static bool learns(struct skew *skew, const struct skew_sight *sight, double capacity, int64_t at_ms)
{
    struct skew_stream stream = shards_of(capacity);

    return skew_learn(skew, sight, &stream, at_ms);
}

/* The same after the shards were made, since what was seen last. */
static bool learns_after(struct skew *skew, const struct skew_sight *sight, double capacity, int64_t at_ms)
{
    struct skew_stream stream = {.capacity = capacity, .most = 64, .settled_ms = skew->seen_ms + 1};

    return skew_learn(skew, sight, &stream, at_ms);
}

static struct skew_sight sight_of(double refused, double owed, double demand)
{
    return (struct skew_sight){.refused = refused, .owed = owed, .demand = demand};
}

START_TEST(what_pays_for_a_generation_within_a_day_is_learned)
{
    struct skew skew = {0};
    struct skew_sight little = sight_of(0.2, 0.95, 6.24); /* 190 shard-hours for 192 */
    struct skew_stream few = shards_of(8);

    ck_assert_double_eq(skew_line(&skew, 0.8, now_ms), 0.8);
    ck_assert(!learns(&skew, &little, 8, now_ms));
    ck_assert_double_eq(skew_too_full(&skew, now_ms), 0);
    few.most = 11; /* not half as many again */
    ck_assert(!skew_learn(&skew, &full, &few, now_ms));
    ck_assert(learns(&skew, &full, 8, now_ms));
    ck_assert_double_eq_tol(skew_too_full(&skew, now_ms), 0.78, 1e-9);
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms), 0.702, 1e-9);
    ck_assert_double_eq(skew_line(&skew, 0.6, now_ms), 0.6);
    ck_assert(!skew_is_hot(&skew, now_ms));
    ck_assert(!learns(&skew, &full, 8, now_ms)); /* known */
}
END_TEST

START_TEST(who_refuses_too_slowly_is_not_even_asked_about)
{
    struct skew_sight sight =
        sight_of(0.02, 0, 4); /* 0.08 shards' worth; of six hours 200 times 0.48 shard-hours */

    struct skew_stream nine = shards_of(9), eight = shards_of(8);

    ck_assert(!skew_may_pay(&sight, &nine, now_ms));
    ck_assert(skew_may_pay(&sight, &eight, now_ms));
    eight.settled_ms = now_ms - HOUR_MS;
    ck_assert(!skew_may_pay(&sight, &eight, now_ms));
}
END_TEST

/* Of 6.24 shards' worth 1.25 were refused: one key alone would have 36 % of them.  Eight shards more pay within an hour when
 * they save 0.04, and helped when they saved 0.08. */
static const struct {
    const char *name;
    double refused, owed, demand, shards;
    int64_t later_ms;
    double most;
    bool learned, hot;
    double line; /* of 0.8 */
} after[] = {
    {"so much less that it helped", 0.18, 0, 6.24, 16, HOUR_MS, 64, false, false, 0.702},
    {"hardly less: a key is hot", 0.19, 0, 6.24, 16, HOUR_MS, 64, true, true, 0.8},
    {"that shows with all shards that may be", 0.19, 0, 6.24, 16, HOUR_MS, 16, true, true, 0.8},
    {"it helped, and what is left pays for another", 0.1, 3, 6.24, 16, HOUR_MS, 64, true, false, 0.351},
    {"which may not be", 0.1, 3, 6.24, 16, HOUR_MS, 16, false, false, 0.702},
    {"less load, of which that key refuses 17 %", 0.167, 0, 5.2, 16, HOUR_MS, 64, true, true, 0.8},
    {"less load, and less refused than that", 0.15, 0, 5.2, 16, HOUR_MS, 64, false, false, 0.702},
    {"more load, of which that key refuses 22 %", 0.22, 0, 7.2, 16, HOUR_MS, 64, true, true, 0.8},
    {"more load, and less refused than that", 0.2, 0, 7.2, 16, HOUR_MS, 64, false, false, 0.702},
    {"half the load tells nothing", 0.19, 9, 3, 16, HOUR_MS, 64, false, false, 0.702},
    {"nor does twice", 0.3, 9, 12, 16, HOUR_MS, 64, false, false, 0.702},
    {"after a day that is a new try", 0.3, 9, 12, 16, SKEW_DAY_MS, 64, true, false, 0.675},
    {"too few shards more: it must pay", 0.2, 1, 6.24, 10, HOUR_MS, 64, false, false, 0.702},
    {"too few, and it does", 0.2, 2, 6.24, 10, HOUR_MS, 64, true, false, 0.5616},
    {"fuller than what is known already", 0.4, 9, 7, 8, HOUR_MS, 64, false, false, 0.702},
};

START_TEST(what_a_generation_saved_tells_a_hot_key)
{
    struct skew skew = {0};
    struct skew_sight sight = sight_of(after[_i].refused, after[_i].owed, after[_i].demand);
    int64_t later_ms = now_ms + after[_i].later_ms;
    struct skew_stream stream = {
        .capacity = after[_i].shards, .most = after[_i].most, .settled_ms = now_ms + MINUTE_MS};

    ck_assert(learns(&skew, &full, 8, now_ms));
    ck_assert_msg(skew_learn(&skew, &sight, &stream, later_ms) == after[_i].learned, "%s", after[_i].name);
    ck_assert_msg(skew_is_hot(&skew, later_ms) == after[_i].hot, "%s", after[_i].name);
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, later_ms), after[_i].line, 1e-9);
}
END_TEST

/* Eight shards became sixteen, which helped, and then 32, which did not: sixteen are kept. */
START_TEST(a_generation_that_helped_stays_when_the_next_did_not)
{
    struct skew skew = {0};
    struct skew_sight helped = sight_of(0.1, 3, 6.24), same = sight_of(0.1, 0, 6.24);

    ck_assert(learns(&skew, &full, 8, now_ms));
    ck_assert(learns_after(&skew, &helped, 16, now_ms + HOUR_MS));
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms + HOUR_MS), 0.351, 1e-9);
    ck_assert(learns_after(&skew, &same, 32, now_ms + 2 * HOUR_MS));
    ck_assert(skew_is_hot(&skew, now_ms + 2 * HOUR_MS));
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms + 2 * HOUR_MS), 0.702, 1e-9);
}
END_TEST

/* Sixteen shards helped by day.  At night, on eight, a hot key comes, and sixteen do not help it: the day is as before. */
START_TEST(a_hot_key_at_night_leaves_the_line_of_the_day)
{
    struct skew skew = {0};
    struct skew_sight day = sight_of(0.2, 3, 12.5), night = sight_of(0.3, 3, 4);

    ck_assert(learns(&skew, &day, 16, now_ms));
    ck_assert(learns_after(&skew, &night, 8, now_ms + 12 * HOUR_MS));
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms + 12 * HOUR_MS), 0.45, 1e-9);
    ck_assert(learns_after(&skew, &night, 16, now_ms + 13 * HOUR_MS));
    ck_assert(skew_is_hot(&skew, now_ms + 13 * HOUR_MS));
    ck_assert_double_eq_tol(skew_line(&skew, 0.8, now_ms + 13 * HOUR_MS), 0.703125, 1e-9);
}
END_TEST

/* On two shards a tenth of 0.8 shards' worth was refused: no key has more than all, so seconds of each minute it is. */
START_TEST(where_no_key_can_be_it_the_same_part_is_refused_anyway)
{
    struct skew_sight seen = sight_of(0.1, 3, 0.8), less = sight_of(0.012, 0, 0.74),
                      more = sight_of(0.2, 3, 0.99);
    struct skew first = {0}, second = {0};

    ck_assert(learns(&first, &seen, 2, now_ms));
    second = first;
    ck_assert(!learns_after(&first, &less, 4, now_ms + HOUR_MS));
    ck_assert(!skew_is_hot(&first, now_ms + HOUR_MS));
    ck_assert(learns_after(&second, &more, 4, now_ms + HOUR_MS));
    ck_assert(skew_is_hot(&second, now_ms + HOUR_MS));
}
END_TEST

/* Each time nothing was gained by eight shards more. */
START_TEST(a_hot_key_is_tried_again_after_a_day_then_two_then_four_and_then_every_eight)
{
    static const int64_t days[] = {1, 2, 4, 8, 8};
    struct skew skew = {0};
    int64_t at_ms = now_ms;

    for (size_t i = 0; i < COUNT_OF(days); i++) {
        ck_assert(learns(&skew, &full, 8, at_ms));
        ck_assert(!skew_is_hot(&skew, at_ms));
        ck_assert(learns_after(&skew, &full, 16, at_ms));
        ck_assert_double_eq(skew_line(&skew, 0.8, at_ms), 0.8);
        at_ms += days[i] * SKEW_DAY_MS;
        ck_assert(skew_is_hot(&skew, at_ms - 1));
        ck_assert(!learns(&skew, &full, 8, at_ms - 1));
        ck_assert(!skew_is_hot(&skew, at_ms));
    }
    /* One that helps ends the row. */
    ck_assert(learns(&skew, &full, 8, at_ms));
    ck_assert(
        learns_after(&skew, &(struct skew_sight){.refused = 0.1, .owed = 3, .demand = 6.24}, 16, at_ms));
    ck_assert(learns_after(&skew, &(struct skew_sight){.refused = 0.1, .demand = 6.24}, 32, at_ms));
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

static const struct {
    const char *name;
    double capacity;
    int64_t settled_ms, at_ms; /* from when it was seen */
    bool unproven;
} generations[] = {
    {"just made", 16, 1, SKEW_PROVED_MS, true},
    {"made long ago", 16, 1, SKEW_PROVED_MS + 1, false},
    {"not made yet", 8, -HOUR_MS, 0, false},
    {"what was made is no generation", 11, 1, 2, false},
    {"what is believed no more", 16, 14 * (int64_t)SKEW_DAY_MS, 14 * (int64_t)SKEW_DAY_MS + 1, false},
    {"a clock that was ahead", 16, HOUR_MS, HOUR_MS - 1, false},
};

START_TEST(nothing_is_given_back_before_it_shows_whether_a_generation_helped)
{
    struct skew skew = {.bears = 0.5, .refused = 0.1, .demand = 4, .capacity = 8, .seen_ms = now_ms};
    struct skew_stream stream = {
        .capacity = generations[_i].capacity, .most = 64, .settled_ms = now_ms + generations[_i].settled_ms};
    int64_t at_ms = now_ms + generations[_i].at_ms;

    ck_assert_msg(skew_is_unproven(&skew, &stream, at_ms) == generations[_i].unproven, "%s",
                  generations[_i].name);
    skew.hot = true;
    ck_assert_msg(!skew_is_unproven(&skew, &stream, at_ms), "%s", generations[_i].name);
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
    tcase_add_test(tcase, a_hot_key_at_night_leaves_the_line_of_the_day);
    tcase_add_test(tcase, where_no_key_can_be_it_the_same_part_is_refused_anyway);
    tcase_add_test(tcase, minutes_that_refuse_nothing_do_not_hide_the_others);
    tcase_add_test(tcase, what_is_older_than_six_hours_is_no_sight);
    tcase_add_test(tcase, a_hot_key_is_tried_again_after_a_day_then_two_then_four_and_then_every_eight);
    tcase_add_test(tcase, what_was_not_borne_is_believed_a_little_less_every_day_and_then_forgotten);
    tcase_add_loop_test(tcase, nothing_is_given_back_before_it_shows_whether_a_generation_helped, 0,
                        (int)COUNT_OF(generations));
    tcase_add_test(tcase, what_is_unproven_keeps_all_shards);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
