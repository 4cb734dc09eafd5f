/*
 * test_load.c - demand from sums of accepted and rejected records.
 */
#include "scaling/load.h"

#include "base/memory.h"
#include "scaling/limits.h"
#include "support.h"

#include <math.h>

#define MINUTE(n) .start_ms = (n)*60000, .period_ms = 60000

static struct demand of(const struct load_point *points, size_t count)
{
    return load_demand(points, count);
}

#define DEMAND(...)                              \
    of((const struct load_point[]){__VA_ARGS__}, \
       sizeof((const struct load_point[]){__VA_ARGS__}) / sizeof(struct load_point))

START_TEST(nothing_measured_is_nothing_known)
{
    struct demand none = load_demand(NULL, 0);
    struct demand empty = DEMAND({MINUTE(0), NAN, NAN, NAN}, {MINUTE(1), NAN, NAN, 17});

    ck_assert(!none.known);
    ck_assert(!empty.known);
    ck_assert_uint_eq(empty.points, 0);
    ck_assert_double_eq(empty.throttled_records_per_s, 0);
    ck_assert(isnan(demand_utilization(&empty, 4)));
    ck_assert(isnan(demand_accepted_utilization(&empty, 4)));
}
END_TEST

START_TEST(a_measured_zero_is_known)
{
    struct demand idle = DEMAND({MINUTE(0), 0, 0, NAN});

    ck_assert(idle.known);
    ck_assert_double_eq(idle.bytes_per_s, 0);
    ck_assert_double_eq(demand_utilization(&idle, 4), 0);
}
END_TEST

START_TEST(bytes_and_records_take_their_worst_points_each)
{
    struct demand demand =
        DEMAND({MINUTE(0), 6000, 600, 0}, {MINUTE(1), 12000, 300, 0}, {MINUTE(2), 60, 60, 0});

    ck_assert_double_eq(demand.bytes_per_s, 200);
    ck_assert_double_eq(demand.records_per_s, 10);
    ck_assert_double_eq(demand.accepted_bytes_per_s, 200);
    ck_assert_uint_eq(demand.points, 3);
    ck_assert_int_eq(demand.worst_at_ms, 0); /* 10 of 1000 records is tighter than 200 of 1 MiB */
}
END_TEST

START_TEST(throttled_records_count_with_the_mean_size_of_their_minute)
{
    struct demand demand = DEMAND({MINUTE(0), 60e6, 30000, 15000});

    ck_assert_double_eq(demand.records_per_s, 750);
    ck_assert_double_eq(demand.bytes_per_s, 1.5e6);
    ck_assert_double_eq(demand.accepted_records_per_s, 500);
    ck_assert_double_eq(demand.accepted_bytes_per_s, 1e6);
    ck_assert_double_eq(demand.throttled_records_per_s, 250);
}
END_TEST

START_TEST(attempts_are_believed_up_to_four_times_what_was_accepted)
{
    struct demand demand = DEMAND({MINUTE(0), 60e6, 60000, 6e9});

    ck_assert_double_eq(demand.records_per_s, 4000);
    ck_assert_double_eq(demand.bytes_per_s, 4e6);
    ck_assert_double_eq(demand.throttled_records_per_s, 1e8);
}
END_TEST

START_TEST(a_minute_without_a_size_takes_that_of_the_window)
{
    struct demand demand = DEMAND({MINUTE(0), 6000, 60, 0}, {MINUTE(1), 60000, NAN, 600});

    ck_assert_double_eq(demand.bytes_per_s, 2000); /* 1000 + 10 records of 100 bytes */
    ck_assert_double_eq(demand.records_per_s, 1);
}
END_TEST

START_TEST(what_no_stream_can_report_is_no_datapoint)
{
    static const double impossible[] = {-1, INFINITY, -INFINITY, NAN, 1e19, 1e308};

    for (size_t i = 0; i < COUNT_OF(impossible); i++) {
        struct demand demand = DEMAND(
            {MINUTE(0), 600, 60, 0}, {MINUTE(1), impossible[i], impossible[i], impossible[i]},
            {MINUTE(2), 600, impossible[i], impossible[i]}, {.start_ms = 0, .period_ms = 0, 1e9, 1e9, 1e9},
            {.start_ms = 0, .period_ms = -60000, 1e9, 1e9, 1e9});

        ck_assert_double_eq(demand.bytes_per_s, 10);
        ck_assert_double_eq(demand.records_per_s, 1);
        ck_assert_double_eq(demand.throttled_records_per_s, 0);
        ck_assert_uint_eq(demand.points, 2);
    }
}
END_TEST

START_TEST(the_slope_is_that_of_least_squares)
{
    /* 10, 40, 40, 70 bytes/s at 0, 60, 120, 180 s, in any order: slope 0.3; records 1/s, flat */
    struct demand demand = DEMAND({MINUTE(3), 4200, 60, 0}, {MINUTE(0), 600, 60, 0}, {MINUTE(2), 2400, 60, 0},
                                  {MINUTE(1), 2400, 60, 0});

    ck_assert_double_eq_tol(demand.slope_bytes_per_s2, 0.3, 1e-12);
    ck_assert_double_eq_tol(demand.slope_records_per_s2, 0, 1e-12);
}
END_TEST

START_TEST(two_points_or_one_moment_have_no_slope)
{
    struct demand two = DEMAND({MINUTE(0), 600, 60, 0}, {MINUTE(1), 6000, 60, 0});
    struct demand once = DEMAND({MINUTE(1), 600, 60, 0}, {MINUTE(1), 700, 60, 0}, {MINUTE(1), 800, 60, 0});

    ck_assert_double_eq(two.slope_bytes_per_s2, 0);
    ck_assert_double_eq(once.slope_bytes_per_s2, 0);
}
END_TEST

START_TEST(the_slope_keeps_its_digits_late_in_the_century)
{
    struct load_point points[5];
    int64_t now_ms = INT64_C(4102444800000);

    for (int i = 0; i < 5; i++)
        points[i] = (struct load_point){now_ms + i * 60000, 60000, 60.0 * (1000 + 6 * i), 60, 0};
    ck_assert_double_eq_tol(load_demand(points, 5).slope_bytes_per_s2, 0.1, 1e-12);
}
END_TEST

START_TEST(the_worst_moment_is_that_of_the_tighter_limit_and_the_later_of_equals)
{
    struct demand by_bytes =
        DEMAND({MINUTE(1), 60e6, 60, 0}, {MINUTE(2), 60e6, 60, 0}, {MINUTE(3), 60, 120, 0});
    struct demand by_records = DEMAND({MINUTE(1), 60, 60000, 0}, {MINUTE(2), 6000, 60, 0});
    struct demand only_records = DEMAND({MINUTE(7), NAN, 60, 0});
    struct demand only_bytes = DEMAND({MINUTE(8), 60, NAN, 0});

    ck_assert_int_eq(by_bytes.worst_at_ms, 120000);
    ck_assert_int_eq(by_records.worst_at_ms, 60000);
    ck_assert_int_eq(only_records.worst_at_ms, 420000);
    ck_assert_int_eq(only_bytes.worst_at_ms, 480000);
}
END_TEST

START_TEST(utilization_is_by_the_tighter_limit)
{
    struct demand demand = {.known = true,
                            .bytes_per_s = 2 * SHARD_BYTES_PER_S,
                            .records_per_s = 1000,
                            .accepted_bytes_per_s = SHARD_BYTES_PER_S,
                            .accepted_records_per_s = 1500};

    ck_assert_double_eq(demand_utilization(&demand, 4), 0.5);
    ck_assert_double_eq(demand_accepted_utilization(&demand, 4), 0.375);
    ck_assert(isnan(demand_utilization(&demand, 0)));
    ck_assert(isnan(demand_utilization(&demand, NAN)));
}
END_TEST

START_TEST(the_worth_of_a_minute_is_by_the_tighter_limit_with_what_was_rejected)
{
    struct load_point points[] = {
        {MINUTE(1), 120 * SHARD_BYTES_PER_S, 60, 0},     /* two shards by bytes */
        {MINUTE(2), 60, 180000, 0},                      /* three by records */
        {MINUTE(3), 60 * SHARD_BYTES_PER_S, 1000, 1000}, /* as much again was rejected */
        {MINUTE(4), 60 * SHARD_BYTES_PER_S, 1000, 1e6},  /* by producers that try again and again */
        {MINUTE(5), 0, 0, 0},
        {MINUTE(6), NAN, NAN, NAN},
        {MINUTE(7), NAN, 60, 0},
        {MINUTE(8), 60, NAN, 0},
    };
    const float expected[] = {2, 3, 2, DEMAND_OVER_ACCEPTED_MAX, 0, NAN, NAN, NAN};
    float worth[COUNT_OF(points)];

    load_worth(points, COUNT_OF(points), worth);
    for (size_t i = 0; i < COUNT_OF(points); i++)
        ck_assert_msg(isnan(expected[i]) ? isnan(worth[i]) : fabsf(worth[i] - expected[i]) < 1e-6f, "%zu: %g",
                      i, (double)worth[i]);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("load");
    TCase *tcase = tcase_create("load");

    tcase_add_test(tcase, nothing_measured_is_nothing_known);
    tcase_add_test(tcase, a_measured_zero_is_known);
    tcase_add_test(tcase, bytes_and_records_take_their_worst_points_each);
    tcase_add_test(tcase, throttled_records_count_with_the_mean_size_of_their_minute);
    tcase_add_test(tcase, attempts_are_believed_up_to_four_times_what_was_accepted);
    tcase_add_test(tcase, a_minute_without_a_size_takes_that_of_the_window);
    tcase_add_test(tcase, what_no_stream_can_report_is_no_datapoint);
    tcase_add_test(tcase, the_slope_is_that_of_least_squares);
    tcase_add_test(tcase, two_points_or_one_moment_have_no_slope);
    tcase_add_test(tcase, the_slope_keeps_its_digits_late_in_the_century);
    tcase_add_test(tcase, the_worst_moment_is_that_of_the_tighter_limit_and_the_later_of_equals);
    tcase_add_test(tcase, the_worth_of_a_minute_is_by_the_tighter_limit_with_what_was_rejected);
    tcase_add_test(tcase, utilization_is_by_the_tighter_limit);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
