/*
 * test_plan_down_shards.c - scale-downs that rest on what single shards carried.
 *
 * Loads are in shards' worth.
 */
#include "scaling/plan_down.h"

#include "base/memory.h"
#include "day.h"
#include "support.h"

START_TEST(a_hot_shard_is_left_alone_and_the_cold_are_merged)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 6, 1.3);
    day_by_shard(&day, (double[]){0.05, 0.1, 0.9, 0.1, 0.1, 0.05});
    plan_down(&day.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, 3);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000000");
    ck_assert_str_eq(plan.operations[1].shard, "shardId-000000000003");
    ck_assert_str_eq(plan.operations[2].adjacent, "shardId-000000000005");
    ck_assert_double_eq_tol(plan.worst_after, 0.9, 1e-9);
    ck_assert_double_eq_tol(plan.worst_now, 1.3 / 6, 1e-9);
}
END_TEST

/* Each shard is busy in another period, so that two together never are. */
START_TEST(the_sum_of_a_period_counts_not_the_sum_of_the_worst)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 4, 0.45);
    day_by_shard(&day, (double[]){0, 0, 0, 0});
    for (size_t period = 0; period < DAY_PERIODS; period++) {
        int64_t start_ms = day.points[period].start_ms;

        day.rows[period % 4][period] = day_point(start_ms, 0.45, 0.1);
    }
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.to_shards, 1);
    ck_assert_double_eq_tol(plan.worst_after, 0.45, 1e-9);
}
END_TEST

START_TEST(bytes_of_one_and_records_of_another_do_not_add_up)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 2, 0.45);
    day_by_shard(&day, (double[]){0, 0});
    for (size_t period = 0; period < DAY_PERIODS; period++) {
        day.rows[0][period] = day_point(day.points[period].start_ms, 0.45, 0.01);
        day.rows[1][period] = day_point(day.points[period].start_ms, 0.01, 0.45);
    }
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.to_shards, 1);
    ck_assert_double_eq_tol(plan.worst_after, 0.46, 1e-9);
}
END_TEST

START_TEST(shards_without_points_carry_the_rest_by_width)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 4, 1.2);
    day_by_shard(&day, (double[]){0.2, 0.2, -1, -1}); /* 0.4 each */
    plan_down(&day.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000000");
    ck_assert_double_eq_tol(plan.worst_after, 0.4, 1e-9);
}
END_TEST

/* 0.2 is the most that two groups need; that the first could also be three of four does not matter. */
START_TEST(the_fullest_group_is_the_least_full)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 4, 0.4);
    day.config.min_shards = 2;
    day_by_shard(&day, (double[]){0.1, 0.1, 0.15, 0.05});
    plan_down(&day.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, 2);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000000");
    ck_assert_str_eq(plan.operations[1].shard, "shardId-000000000002");
    ck_assert_double_eq_tol(plan.worst_after, 0.2, 1e-9);
}
END_TEST

START_TEST(groups_of_no_load_are_as_narrow_as_they_can_be)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 16, 0);
    day.config.min_shards = 4;
    day_by_shard(&day, (double[16]){0});
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.to_shards, 4);
    for (size_t i = 0; i < plan.operation_count; i++)
        apply_operation(&day.map, &plan.operations[i]);
    ck_assert(shard_map_is_even(&day.map));
}
END_TEST

START_TEST(an_update_is_sized_by_what_each_even_shard_would_carry)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 4, 0.8);
    day.config.resharding = RESHARDING_UPDATE;
    day_by_shard(&day, (double[]){0.05, 0.35, 0.35, 0.05});
    plan_down(&day.facts, &plan); /* of three, the middle one would carry 0.467; of two, each 0.4 */
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert_int_eq(plan.to_shards, 2);
    ck_assert_double_eq_tol(plan.worst_after, 0.4, 1e-9);
    down_plan_clear(&plan);
    day_by_shard(&day, (double[]){0.05, 0.05, 0.35, 0.35});
    plan_down(&day.facts, &plan); /* two: 0.7; three: 0.467 */
    ck_assert_int_eq(plan.to_shards, 3);
    ck_assert_double_eq_tol(plan.worst_after, 0.35 + 0.35 / 3, 1e-9);
}
END_TEST

START_TEST(auto_never_makes_shards_even_that_have_figures_of_their_own)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};
    double loads[16];

    day_init(&day, 16, 3.2);
    day.config.resharding = RESHARDING_AUTO;
    for (size_t i = 0; i < 16; i++)
        loads[i] = 0.2;
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.operations[0].kind, OPERATION_UPDATE);
    down_plan_clear(&plan);
    day_by_shard(&day, loads);
    plan_down(&day.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, 8);
    ck_assert_int_eq(plan.operations[0].kind, OPERATION_MERGE);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("plan_down_shards");
    TCase *tcase = tcase_create("plan_down_shards");

    tcase_add_test(tcase, a_hot_shard_is_left_alone_and_the_cold_are_merged);
    tcase_add_test(tcase, the_sum_of_a_period_counts_not_the_sum_of_the_worst);
    tcase_add_test(tcase, bytes_of_one_and_records_of_another_do_not_add_up);
    tcase_add_test(tcase, shards_without_points_carry_the_rest_by_width);
    tcase_add_test(tcase, the_fullest_group_is_the_least_full);
    tcase_add_test(tcase, groups_of_no_load_are_as_narrow_as_they_can_be);
    tcase_add_test(tcase, an_update_is_sized_by_what_each_even_shard_would_carry);
    tcase_add_test(tcase, auto_never_makes_shards_even_that_have_figures_of_their_own);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
