/*
 * test_rhythm.c - what the same minutes of earlier days say, who goes by it, and what is done about it.
 */
#include "scaling/adaptive.h"

#include "base/memory.h"
#include "base/text.h"
#include "partition.h"
#include "support.h"

#include <math.h>

enum { DAY = RHYTHM_DAY_MINUTES, MINUTES_MAX = 15 * DAY };

static float minutes[MINUTES_MAX];

static void fill(size_t from, size_t count, float load)
{
    for (size_t i = from; i < from + count && i < MINUTES_MAX; i++)
        minutes[i] = load;
}

/* One shard's worth, and `height` in the half hour from 02:00 on of each day that is `every` days after the last. */
static void bursts(float height, size_t first_day, size_t every)
{
    fill(0, MINUTES_MAX, 1);
    for (size_t day = first_day; day < MINUTES_MAX / DAY; day += every)
        fill(day * DAY + 120, 30, height);
}

/* ---- what is expected */

static const struct {
    const char *name;
    enum rhythm rhythm;
    float yesterday, day_before, week_before; /* at noon; NAN: unknown for an hour */
    float expected;
} expectations[] = {
    {"nothing without a rhythm", RHYTHM_NONE, 9, 9, 9, 0},
    {"the lower of two days", RHYTHM_DAY, 9, 7, 1, 7},
    {"what was once only yesterday is not expected", RHYTHM_DAY, 9, 1, 9, 1},
    {"what was once only the day before is not expected", RHYTHM_DAY, 1, 9, 9, 1},
    {"one unknown day leaves the other", RHYTHM_DAY, NAN, 7, 1, 7},
    {"two unknown days leave nothing", RHYTHM_DAY, NAN, NAN, 9, 0},
    {"a week ago, whatever was since", RHYTHM_WEEK, 1, 1, 9, 9},
    {"an unknown week leaves nothing", RHYTHM_WEEK, 9, 9, NAN, 0},
};

static void noon(size_t day, float load)
{
    fill(day * DAY + 12 * 60 - 30, 60, load);
}

START_TEST(earlier_days_say_what_is_expected)
{
    float expected;

    fill(0, MINUTES_MAX, 1);
    noon(8, expectations[_i].yesterday);
    noon(7, expectations[_i].day_before);
    noon(2, expectations[_i].week_before);
    rhythm_expect(expectations[_i].rhythm, minutes, 9 * DAY, 9 * DAY + 12 * 60, 1, &expected);
    ck_assert_msg(expected == expectations[_i].expected, "%s: %f", expectations[_i].name, (double)expected);
}
END_TEST

START_TEST(a_minute_is_expected_five_minutes_early_and_late_and_not_longer)
{
    float expected[DAY];

    bursts(9, 0, 1);
    rhythm_expect(RHYTHM_DAY, minutes, 4 * DAY, 4 * DAY, DAY, expected);
    for (size_t i = 0; i < DAY; i++)
        ck_assert_msg(expected[i] == (i >= 115 && i < 155 ? 9.0f : 1.0f), "minute %zu: %f", i,
                      (double)expected[i]);
}
END_TEST

START_TEST(nothing_is_expected_of_minutes_that_nobody_knows_yet)
{
    float expected[3 * DAY];

    bursts(9, 0, 1);
    rhythm_expect(RHYTHM_DAY, minutes, DAY, 0, 3 * DAY, expected);
    ck_assert(expected[130] == 0.0f);           /* no day before the first */
    ck_assert(expected[DAY + 130] == 9.0f);     /* one */
    ck_assert(expected[2 * DAY + 130] == 9.0f); /* the day before is the one that is known */
    ck_assert(expected[3 * DAY - 1] == 1.0f);
    rhythm_expect(RHYTHM_DAY, minutes, 100, 0, DAY, expected);
    ck_assert(expected[DAY - 1] == 0.0f);
}
END_TEST

/* ---- what must be there for it */

START_TEST(what_is_expected_is_needed_so_much_earlier_as_its_splits_take)
{
    float expected[200] = {0};
    struct rhythm_need needs[200];

    for (size_t i = 0; i < 200; i++)
        expected[i] = i >= 100 && i < 110 ? 20 : 1;
    rhythm_needs(expected, 200, 1.5, 1000, needs); /* 30 shards, 15 minutes */
    ck_assert(needs[100].demand == 20.0f && needs[100].after == 0);
    ck_assert(needs[85].demand == 20.0f && needs[85].after == 15);
    ck_assert(needs[84].demand == 1.0f && needs[84].after == 0);
    ck_assert(needs[40].ahead == 1.0f);
    ck_assert(needs[41].ahead == 20.0f && needs[109].ahead == 20.0f);
    ck_assert(needs[110].ahead == 1.0f);
    rhythm_needs(expected, 200, 1.5, 12, needs); /* no more are allowed: 6 minutes */
    ck_assert(needs[94].demand == 20.0f && needs[93].demand == 1.0f);
    for (size_t i = 100; i < 110; i++)
        expected[i] = 100;
    rhythm_needs(expected, 200, 1.5, 1000, needs); /* longer than the hour */
    ck_assert(needs[25].demand == 100.0f && needs[25].after == 75 && needs[25].ahead == 100.0f);
    ck_assert(needs[24].demand == 1.0f && needs[24].ahead == 1.0f);
}
END_TEST

START_TEST(of_several_peaks_the_highest_counts_that_must_be_split_for_by_now)
{
    float expected[RHYTHM_DAY_MINUTES];
    struct rhythm_need needs[RHYTHM_DAY_MINUTES];

    for (size_t i = 0; i < COUNT_OF(expected); i++)
        expected[i] = (float)(1 + (i * 7919) % 97);
    rhythm_needs(expected, COUNT_OF(expected), 1.25, 100, needs);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        float demand = 0, ahead = 0;

        for (size_t k = i; k < COUNT_OF(expected); k++) {
            if (k - i <= (size_t)(fmin((double)expected[k] * 1.25, 100) / 2))
                demand = fmaxf(demand, expected[k]);
            if (k - i < RHYTHM_KEEP_MINUTES)
                ahead = fmaxf(ahead, expected[k]);
        }
        ck_assert_msg(needs[i].demand == demand && needs[i].ahead == fmaxf(ahead, demand) &&
                          expected[i + needs[i].after] == demand,
                      "minute %zu: %f and %f, not %f and %f", i, (double)needs[i].demand,
                      (double)needs[i].ahead, (double)demand, (double)ahead);
    }
}
END_TEST

/* ---- what is done about it: so much is expected in so many minutes, and for half an hour */

static const struct {
    const char *name;
    int64_t open;
    float expected;
    size_t in; /* minutes */
    double now;
    int64_t goal;
    bool rising;
    int64_t max_shards;
    enum adaptive_verdict verdict;
    int64_t shards;
    const char *says;
} dues[] = {
    {"there is time", 2, 20, 59, 1, 0, false, 64, ADAPTIVE_STAY, 2,
     "the highest of the last 60 minutes asked for 1.00 and soon 20.00 are expected, which keeps 2"},
    {"27 shards take 13 minutes: now", 2, 20, 13, 1, 0, false, 64, ADAPTIVE_GO, 28,
     "20.00 shards' worth are expected in 13 minutes, as on the days before: 2 shards become 28, split in "
     "time"},
    {"a minute earlier it is too soon", 2, 20, 14, 1, 0, false, 64, ADAPTIVE_STAY, 2, "which keeps 2 shards"},
    {"late is better than never", 3, 20, 1, 1, 0, false, 64, ADAPTIVE_GO, 27, "in 1 minute,"},
    {"too late too", 3, 20, 0, 1, 0, false, 64, ADAPTIVE_GO, 27, "20.00 shards' worth are expected now,"},
    {"what is there stays", 27, 20, 30, 1, 0, false, 64, ADAPTIVE_STAY, 27, "which keeps 27 shards"},
    {"a little less than would be split for does", 26, 20, 5, 1, 0, false, 64, ADAPTIVE_STAY, 26, ""},
    {"what is more than that does not", 108, 20, 30, 1, 0, false, 128, ADAPTIVE_GO, 27,
     "and soon 20.00 are expected: 108 shards become 27"},
    {"what nearly suffices must be split as a whole, and takes as long", 20, 20, 13, 1, 0, false, 64,
     ADAPTIVE_GO, 40, "20 shards become 40"},
    {"max_shards cuts it short", 2, 20, 5, 1, 0, false, 16, ADAPTIVE_GO, 16,
     "as far as it is allowed: max_shards"},
    {"and makes it begin later", 2, 20, 9, 1, 0, false, 16, ADAPTIVE_STAY, 2, ""},
    {"at max_shards it asks for nothing more", 16, 20, 5, 1, 0, false, 16, ADAPTIVE_STAY, 16,
     "which keeps 16"},
    {"a rise on its way there is not ended for want of load", 10, 20, 8, 1, 28, true, 64, ADAPTIVE_STAY, 10,
     ""},
    {"however long it takes", 3, 160, 90, 1, 210, true, 999, ADAPTIVE_STAY, 3, ""},
    {"nor made larger", 16, 20, 2, 1, 28, true, 64, ADAPTIVE_STAY, 16, ""},
    {"a rise to less than is expected is", 10, 20, 5, 1, 12, true, 64, ADAPTIVE_GO, 30,
     "10 shards become 30"},
    {"where it was to go it ends", 28, 20, 5, 1, 28, true, 64, ADAPTIVE_STOP, 28,
     "the 28 shards that were wanted are there"},
    {"a fall to what is expected goes on", 20, 19, 2, 1, 24, false, 64, ADAPTIVE_STAY, 20, ""},
    {"a fall to less than that turns", 16, 19, 2, 1, 12, false, 64, ADAPTIVE_GO, 32,
     "19.00 shards' worth are expected in 2 minutes"},
    {"a load that is there already goes before", 16, 20, 1, 18, 0, false, 64, ADAPTIVE_GO, 32,
     "the newest minute asks for 18.00"},
    {"a load that is there and asks for nothing does not", 20, 20, 1, 15, 0, false, 64, ADAPTIVE_GO, 40,
     "20.00 shards' worth are expected in 1 minute"},
};

static struct adaptive_facts facts_of(const struct stream_config *config, double now, int64_t open)
{
    fill(0, DAY, (float)now);
    return (struct adaptive_facts){.config = config,
                                   .minutes = minutes,
                                   .minute_count = DAY,
                                   .newest_age_ms = 120000,
                                   .open_shards = open,
                                   .capacity = (double)open,
                                   .account_headroom = -1,
                                   .habits = {.hold_minutes = 60, .line = 0.8, .rhythm = RHYTHM_DAY}};
}

START_TEST(shards_are_split_before_the_load_that_is_expected)
{
    struct stream_config config = plain_stream;
    struct adaptive_facts facts = facts_of(&config, dues[_i].now, dues[_i].open);
    float expected[240] = {0};
    struct adaptive_plan plan;

    config.max_shards = dues[_i].max_shards;
    for (size_t i = dues[_i].in; i < dues[_i].in + 30 && i < COUNT_OF(expected); i++)
        expected[i] = dues[_i].expected;
    facts.expected = expected;
    facts.expected_count = COUNT_OF(expected);
    facts.goal_shards = dues[_i].goal;
    facts.rising = dues[_i].rising;
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == dues[_i].verdict && plan.shards == dues[_i].shards &&
                      strstr(plan.reason, dues[_i].says) != NULL,
                  "%s: verdict %d, %lld shards: %s", dues[_i].name, (int)plan.verdict, (long long)plan.shards,
                  plan.reason);
    adaptive_plan_clear(&plan);
}
END_TEST

START_TEST(a_stream_is_looked_at_in_time_for_what_is_expected)
{
    struct adaptive_facts facts = facts_of(&plain_stream, 1, 8);
    float expected[30] = {0};
    struct adaptive_plan plan;

    facts.expected = expected;
    facts.expected_count = COUNT_OF(expected);
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.look_again_ms, ADAPTIVE_LOOK_LATER_MS);
    adaptive_plan_clear(&plan);
    expected[16] = 20; /* 27 shards: begun in 3 minutes */
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.look_again_ms, ADAPTIVE_LOOK_SOON_MS);
    adaptive_plan_clear(&plan);
}
END_TEST

/* The second of four shards has half of the load. */
START_TEST(where_the_load_lies_is_known_what_is_expected_lies_there)
{
    static const double parts[] = {0.1, 0.5, 0.2, 0.2};
    struct adaptive_facts facts = facts_of(&plain_stream, 0.5, 4);
    float expected[10] = {8, 8, 8, 8, 8, 8, 8, 8, 8, 8};
    struct spread spread = {0};
    struct shard_map map;
    struct adaptive_plan plan;

    even_map(&map, 4);
    spread_learn(&spread, &map, parts);
    facts.shards = &map;
    facts.spread = &spread;
    facts.expected = expected;
    facts.expected_count = COUNT_OF(expected);
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_GO);
    ck_assert(plan.by_load && plan.starts != NULL);
    ck_assert_int_eq(plan.shards, 2 + 6 + 3 + 3); /* 1.05, 5.25, 2.1 and 2.1 shards' worth, at 80 % each */
    ck_assert_ptr_nonnull(strstr(plan.reason, "8.00 shards' worth are expected now"));
    adaptive_plan_clear(&plan);
    spread_clear(&spread);
    shard_map_clear(&map);
}
END_TEST

/* ---- who has a rhythm */

static enum rhythm learned(size_t days)
{
    struct adaptive_habits habits;

    adaptive_learn(&plain_stream, minutes, days * DAY, 1, &habits);
    return habits.rhythm;
}

START_TEST(what_comes_every_day_is_learned_from_the_third_day_on)
{
    bursts(20, 0, 1);
    ck_assert_int_eq(learned(1), RHYTHM_NONE);
    ck_assert_int_eq(learned(3), RHYTHM_DAY);
    ck_assert_int_eq(learned(14), RHYTHM_DAY);
}
END_TEST

START_TEST(what_comes_once_a_week_is_learned_after_two)
{
    bursts(20, 3, 7);
    ck_assert_int_eq(learned(7), RHYTHM_NONE);
    ck_assert_int_eq(learned(14), RHYTHM_WEEK);
}
END_TEST

START_TEST(what_comes_by_no_day_has_no_rhythm)
{
    fill(0, MINUTES_MAX, 1);
    for (size_t i = 0, at = 300; at + 30 < MINUTES_MAX; i++, at += 900 + (i * 7919) % 1361)
        fill(at, 30, 20);
    ck_assert_int_eq(learned(14), RHYTHM_NONE);
    fill(0, MINUTES_MAX, 3);
    ck_assert_int_eq(learned(14), RHYTHM_NONE);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("rhythm");
    TCase *expect = tcase_create("expect"), *act = tcase_create("act"), *learn = tcase_create("learn");

    tcase_add_loop_test(expect, earlier_days_say_what_is_expected, 0, (int)COUNT_OF(expectations));
    tcase_add_test(expect, a_minute_is_expected_five_minutes_early_and_late_and_not_longer);
    tcase_add_test(expect, nothing_is_expected_of_minutes_that_nobody_knows_yet);
    tcase_add_test(expect, what_is_expected_is_needed_so_much_earlier_as_its_splits_take);
    tcase_add_test(expect, of_several_peaks_the_highest_counts_that_must_be_split_for_by_now);
    tcase_add_loop_test(act, shards_are_split_before_the_load_that_is_expected, 0, (int)COUNT_OF(dues));
    tcase_add_test(act, a_stream_is_looked_at_in_time_for_what_is_expected);
    tcase_add_test(act, where_the_load_lies_is_known_what_is_expected_lies_there);
    tcase_add_test(learn, what_comes_every_day_is_learned_from_the_third_day_on);
    tcase_add_test(learn, what_comes_once_a_week_is_learned_after_two);
    tcase_add_test(learn, what_comes_by_no_day_has_no_rhythm);
    suite_add_tcase(suite, expect);
    suite_add_tcase(suite, act);
    suite_add_tcase(suite, learn);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
