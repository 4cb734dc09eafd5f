/*
 * test_habits.c - what the adaptive policy learns of a stream by its last week.
 */
#include "scaling/adaptive.h"

#include "partition.h"
#include "support.h"

#include <math.h>

enum { MINUTES_MAX = 14 * ADAPTIVE_DAY_MINUTES };

static float minutes[MINUTES_MAX];

static void fill(size_t from, size_t count, double load)
{
    for (size_t i = from; i < from + count; i++)
        minutes[i] = (float)load;
}

/* Between `low` and `high`: so many minutes of each, in turns. */
static void square_wave(double low, int64_t low_minutes, double high, int64_t high_minutes)
{
    for (int64_t i = 0; i < MINUTES_MAX; i++)
        minutes[i] = (float)(i % (low_minutes + high_minutes) < low_minutes ? low : high);
}

static struct adaptive_habits learned(size_t count)
{
    struct adaptive_habits habits;

    adaptive_learn(&plain_stream, minutes, count, 8, &habits);
    return habits;
}

START_TEST(a_day_is_needed_to_learn_anything)
{
    square_wave(2, 60, 6, 60);
    ck_assert(!learned(ADAPTIVE_DAY_MINUTES - 1).learned);
    ck_assert_int_eq(learned(ADAPTIVE_DAY_MINUTES - 1).hold_minutes, ADAPTIVE_HOLD_MINUTES);
    ck_assert_double_eq_tol(learned(ADAPTIVE_DAY_MINUTES - 1).line, 0.8, 1e-9);
    ck_assert(learned(ADAPTIVE_DAY_MINUTES).learned);
    fill(100, ADAPTIVE_DAY_MINUTES, NAN);
    ck_assert(!learned(ADAPTIVE_DAY_MINUTES + 100).learned);
}
END_TEST

START_TEST(bursts_that_come_back_make_the_hold_outlast_the_pause)
{
    /* Every 127 minutes, so at no time of the day, from 1 to 7 at once: each burst would be refused. */
    square_wave(1, 100, 7, 27);
    ck_assert_int_ge(learned(MINUTES_MAX).hold_minutes, 180);
}
END_TEST

START_TEST(a_load_that_rises_slowly_makes_the_hold_short_and_the_line_high)
{
    for (size_t i = 0; i < MINUTES_MAX; i++)
        minutes[i] =
            (float)(8 - 7 * cos(6.283185307 * (double)(i % ADAPTIVE_DAY_MINUTES) / ADAPTIVE_DAY_MINUTES));
    ck_assert_int_le(learned(MINUTES_MAX).hold_minutes, 45);
    ck_assert_double_gt(learned(MINUTES_MAX).line, 0.9);
}
END_TEST

START_TEST(of_habits_that_cost_the_same_the_one_nearest_to_the_default_is_taken)
{
    fill(0, MINUTES_MAX, 6.3);
    ck_assert_int_eq(learned(MINUTES_MAX).hold_minutes, 45);
    ck_assert_double_eq_tol(learned(MINUTES_MAX).line, 0.8, 1e-9);
}
END_TEST

START_TEST(only_the_last_week_is_learned_from)
{
    square_wave(1, 100, 7, 27);
    fill(0, MINUTES_MAX - ADAPTIVE_LEARN_MINUTES, 1);
    ck_assert_int_ge(learned(MINUTES_MAX).hold_minutes, 180);
    square_wave(1, 100, 7, 27);
    fill(MINUTES_MAX - ADAPTIVE_LEARN_MINUTES, ADAPTIVE_LEARN_MINUTES, 1);
    ck_assert_int_lt(learned(MINUTES_MAX).hold_minutes, 180);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("habits");
    TCase *learn = tcase_create("learn");

    tcase_add_test(learn, a_day_is_needed_to_learn_anything);
    tcase_add_test(learn, bursts_that_come_back_make_the_hold_outlast_the_pause);
    tcase_add_test(learn, a_load_that_rises_slowly_makes_the_hold_short_and_the_line_high);
    tcase_add_test(learn, of_habits_that_cost_the_same_the_one_nearest_to_the_default_is_taken);
    tcase_add_test(learn, only_the_last_week_is_learned_from);
    suite_add_tcase(suite, learn);
    return run_suite(suite);
}
