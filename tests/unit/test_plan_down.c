/*
 * test_plan_down.c - what each day allows to give back, and the sentence that says so.
 *
 * Loads are in shards' worth.  Shard-level points have test_plan_down_shards.c, and what holds for all
 * input test_plan_down_properties.c.
 */
#include "scaling/plan_down.h"

#include "base/memory.h"
#include "day.h"
#include "support.h"

#include <math.h>

/* A case says only what makes it different; the rest stays zero. */
static const struct {
    const char *name;
    int64_t mode, min; /* split; 1 */
    unsigned shards;
    double load;
    int updates;
    double seconds_per_shard;
    enum down_hold hold;
    size_t merges, calls;
    int64_t to;
    double after;
    int64_t seconds;
} cases[] = {
    {"a fifth of 16 shards fits into 8", .shards = 16, .load = 3.2, .merges = 8, .to = 8, .after = 0.4,
     .seconds = 240},
    {"exactly the threshold is within it", .shards = 16, .load = 4, .merges = 8, .to = 8, .after = 0.5,
     .seconds = 240},
    {"a little more is not", .shards = 16, .load = 4.00001, .hold = HOLD_FULL},
    {"three shards, whose shares are no doubles, fit exactly", .shards = 3, .load = 0.75, .merges = 1,
     .to = 2, .after = 0.5, .seconds = 30},
    {"half full is not below half", .shards = 16, .load = 8, .hold = HOLD_BUSY},
    {"just below it nothing fits", .shards = 16, .load = 7.99, .hold = HOLD_FULL},
    {"groups of three leave one over", .shards = 16, .load = 2.6, .merges = 10, .to = 6, .after = 0.4875,
     .seconds = 300},
    {"an idle stream goes to one shard", .shards = 16, .merges = 15, .to = 1, .seconds = 450},
    {"or to min_shards, evenly", .shards = 16, .min = 4, .merges = 12, .to = 4, .seconds = 360},
    {"min_shards stops what would fit", .shards = 16, .load = 0.5, .min = 6, .merges = 10, .to = 6,
     .after = 0.09375, .seconds = 300},
    {"at min_shards nothing is merged", .shards = 4, .min = 4, .hold = HOLD_MINIMUM},
    {"nor below", .shards = 2, .min = 4, .hold = HOLD_MINIMUM},
    {"the last shard stays", .shards = 1, .hold = HOLD_MINIMUM},
    {"calls of the day do not matter to merges", .shards = 4, .load = 0.8, .updates = 10, .merges = 2,
     .to = 2, .after = 0.4, .seconds = 60},
    /* UpdateShardCount */
    {"an update goes to the fewest even shards", .mode = RESHARDING_UPDATE, .shards = 16, .load = 4.4,
     .calls = 1, .to = 9, .after = 4.4 / 9, .seconds = 180},
    {"one call halves at most", .mode = RESHARDING_UPDATE, .shards = 15, .load = 1.4, .calls = 3, .to = 3,
     .after = 1.4 / 3, .seconds = 540},
    {"min_shards holds for updates", .mode = RESHARDING_UPDATE, .min = 5, .shards = 16, .load = 0.1,
     .calls = 2, .to = 5, .after = 0.02, .seconds = 360},
    {"no update without fewer even shards", .mode = RESHARDING_UPDATE, .shards = 3, .load = 1.2,
     .hold = HOLD_FULL},
    {"two calls are kept for scale-ups", .mode = RESHARDING_UPDATE, .shards = 16, .load = 1, .updates = 8,
     .hold = HOLD_UPDATES},
    {"and the one before them goes as far as it may", .mode = RESHARDING_UPDATE, .shards = 16, .load = 1,
     .updates = 7, .calls = 1, .to = 8, .after = 0.125, .seconds = 180},
    {"an own figure for the time of updates", .mode = RESHARDING_UPDATE, .shards = 16, .load = 4.4,
     .seconds_per_shard = 10, .calls = 1, .to = 9, .after = 4.4 / 9, .seconds = 90},
    /* auto */
    {"auto merges what merges do as fast", .mode = RESHARDING_AUTO, .shards = 12, .load = 2.6, .merges = 6,
     .to = 6, .after = 2.6 / 6, .seconds = 180},
    {"auto updates what would take merges longer", .mode = RESHARDING_AUTO, .shards = 14, .load = 3.2,
     .calls = 1, .to = 7, .after = 3.2 / 7, .seconds = 180},
    {"auto updates where merges leave more shards", .mode = RESHARDING_AUTO, .shards = 3, .load = 0.9,
     .calls = 1, .to = 2, .after = 0.45, .seconds = 180},
    {"auto merges the rest after updates", .mode = RESHARDING_AUTO, .shards = 32, .load = 1.6, .merges = 4,
     .calls = 2, .to = 4, .after = 0.4, .seconds = 480},
    {"auto merges when no calls are left for it", .mode = RESHARDING_AUTO, .shards = 14, .load = 3.2,
     .updates = 8, .merges = 7, .to = 7, .after = 3.2 / 7, .seconds = 210},
    {"where neither helps auto holds", .mode = RESHARDING_AUTO, .shards = 3, .load = 0.9, .updates = 8,
     .hold = HOLD_FULL},
};

START_TEST(a_plan_follows_the_table)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};
    size_t merges = 0, calls = 0;

    day_init(&day, cases[_i].shards, cases[_i].load);
    day.config.resharding = cases[_i].mode;
    day.config.min_shards = cases[_i].min > 0 ? cases[_i].min : 1;
    day.facts.updates_24h = cases[_i].updates;
    day.facts.update_seconds_per_shard = cases[_i].seconds_per_shard;
    plan_down(&day.facts, &plan);
    for (size_t i = 0; i < plan.operation_count; i++) {
        merges += plan.operations[i].kind == OPERATION_MERGE;
        calls += plan.operations[i].kind == OPERATION_UPDATE;
    }
    ck_assert_msg(plan.hold == cases[_i].hold && merges == cases[_i].merges && calls == cases[_i].calls,
                  "%s: hold %s, %zu merges, %zu calls: %s", cases[_i].name, down_hold_name(plan.hold), merges,
                  calls, plan.reason);
    ck_assert_int_eq(plan.verdict, plan.hold == HOLD_NONE ? DOWN_RESHARD : DOWN_HOLD);
    ck_assert_int_eq(plan.from_shards, cases[_i].shards);
    ck_assert_int_eq(plan.to_shards, cases[_i].to > 0 ? cases[_i].to : plan.from_shards);
    ck_assert_int_eq(plan.seconds, cases[_i].seconds);
    ck_assert_double_eq_tol(plan.worst_now, cases[_i].load / cases[_i].shards, 1e-9);
    if (plan.hold == HOLD_NONE)
        ck_assert_double_eq_tol(plan.worst_after, cases[_i].after, 1e-9);
    else
        ck_assert_double_eq_tol(plan.worst_after, plan.worst_now, 1e-9);
    ck_assert_uint_eq(plan.missing, 0);
}
END_TEST

START_TEST(neighbours_are_merged_from_the_lowest_range_up)
{
    static const char *const expected[][2] = {
        {"shardId-000000000000", "shardId-000000000001"},
        {"shardId-000000000000+shardId-000000000001", "shardId-000000000002"},
        {"shardId-000000000003", "shardId-000000000004"},
        {"shardId-000000000003+shardId-000000000004", "shardId-000000000005"},
        {"shardId-000000000006", "shardId-000000000007"},
    };
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 8, 1.3);
    plan_down(&day.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        ck_assert_int_eq(plan.operations[i].kind, OPERATION_MERGE);
        ck_assert_str_eq(plan.operations[i].shard, expected[i][0]);
        ck_assert_str_eq(plan.operations[i].adjacent, expected[i][1]);
        ck_assert_int_eq(plan.operations[i].target, 7 - (int64_t)i);
    }
    ck_assert_str_eq(plan.reason, "the 5m from 2026-11-21T07:55:00Z filled 16 % of 8 shards, no period more: "
                                  "5 merges to 3 shards leave at most 49 %");
}
END_TEST

/* -- above max_shards ------------------------------------------------------------------------------------ */

/* The threshold is that of the alarms, 80 %. */
static const struct {
    const char *name;
    int64_t mode; /* split */
    unsigned shards;
    int64_t most;
    double load;
    enum down_hold hold;
    int64_t to;
} above[] = {
    {"an idle stream goes to max_shards and no further", .shards = 16, .most = 6, .to = 6},
    {"so does one that fills max_shards to the threshold", .shards = 16, .most = 8, .load = 6.4, .to = 8},
    {"more load keeps more shards", .shards = 16, .most = 5, .load = 6.4, .to = 8},
    {"nothing is merged when no two neighbours fit", .shards = 4, .most = 3, .load = 1.7, .hold = HOLD_FULL},
    {"nor while the alarms would fire", .shards = 4, .most = 3, .load = 3.2, .hold = HOLD_BUSY},
    {"max_shards is inside", .shards = 8, .most = 8, .hold = HOLD_MINIMUM},
    {"so is what is below", .shards = 4, .most = 8, .hold = HOLD_MINIMUM},
    {"an update goes to max_shards", RESHARDING_UPDATE, .shards = 16, .most = 9, .load = 6.4, .to = 9},
    {"or to what the load needs", RESHARDING_UPDATE, .shards = 16, .most = 3, .load = 7, .to = 9},
};

START_TEST(a_stream_above_max_shards_is_brought_as_close_as_its_load_allows)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, above[_i].shards, above[_i].load);
    day.config.resharding = above[_i].mode;
    day.config.max_shards = above[_i].most;
    day.facts.to_maximum = true;
    day.facts.created_ms = day.facts.now_ms; /* it need not be proven for a whole window */
    day.points[7].bytes = day.points[7].records = NAN;
    plan_down(&day.facts, &plan);
    ck_assert_msg(plan.hold == above[_i].hold, "%s: %s: %s", above[_i].name, down_hold_name(plan.hold),
                  plan.reason);
    ck_assert_msg(plan.to_shards == (above[_i].to > 0 ? above[_i].to : plan.from_shards), "%s: %s",
                  above[_i].name, plan.reason);
    ck_assert_msg(plan.hold != HOLD_NONE || plan.worst_after <= 0.8 + 1e-9, "%s: %s", above[_i].name,
                  plan.reason);
}
END_TEST

START_TEST(the_sentence_names_max_shards)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 8, 1.6);
    day.config.max_shards = 4;
    day.facts.to_maximum = true;
    plan_down(&day.facts, &plan);
    ck_assert_str_eq(plan.reason,
                     "8 shards are more than max_shards (4): the 5m from 2026-11-21T07:55:00Z filled "
                     "20 % of 8 shards, no period more: 4 merges to 4 shards leave at most 40 %; "
                     "max_shards is 4");
}
END_TEST

/* -- holds ---------------------------------------------------------------------------------------------- */

static void expect_hold(const struct day *day, enum down_hold hold, const char *reason)
{
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    plan_down(&day->facts, &plan);
    ck_assert_str_eq(plan.reason, reason);
    ck_assert_str_eq(down_hold_name(plan.hold), down_hold_name(hold));
    ck_assert_int_eq(plan.verdict, DOWN_HOLD);
    ck_assert_ptr_null(plan.operations);
    ck_assert_int_eq(plan.to_shards, plan.from_shards);
    ck_assert_int_eq(plan.seconds, 0);
}

START_TEST(one_period_above_the_threshold_is_named)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 16, 3.2);
    day.points[100] = day_point(day.points[100].start_ms, 8.16, 1);
    expect_hold(&day, HOLD_BUSY,
                "the 5m from 2026-11-20T16:20:00Z filled 51 % of 16 shards, and only below 50 % is a stream "
                "merged");
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.worst_at_ms, day.points[100].start_ms);
    ck_assert_double_eq_tol(plan.worst_now, 0.51, 1e-9);
}
END_TEST

START_TEST(records_fill_a_shard_too)
{
    SCOPED(day_clear) struct day day;

    day_init(&day, 4, 0.1);
    day.points[7] = day_point(day.points[7].start_ms, 0.1, 2.01);
    day.points[9] = day_point(day.points[9].start_ms, 0.1, 2);
    expect_hold(
        &day, HOLD_BUSY,
        "the 5m from 2026-11-20T08:35:00Z filled 50.25 % of 4 shards, and only below 50 % is a stream "
        "merged; so did 1 more of 288 periods");
}
END_TEST

/* Three shards of which the first holds half of the keys take no more than two. */
START_TEST(the_widest_shard_decides_how_full_a_stream_is)
{
    SCOPED(day_clear) struct day day;
    struct error err;

    day_init(&day, 4, 1);
    ck_assert_int_eq(shard_map_merge(&day.map, 0, &err), 0);
    expect_hold(&day, HOLD_BUSY,
                "the 5m from 2026-11-21T07:55:00Z filled 50 % of what 3 shards take, 2.00 shards' worth, and "
                "only below 50 % is a stream merged; so did 287 more of 288 periods");
    for (size_t i = 0; i < DAY_PERIODS; i++)
        day.points[i] = day_point(day.points[i].start_ms, 0.99, 0.1);
    {
        SCOPED(down_plan_clear) struct down_plan plan = {0};

        plan_down(&day.facts, &plan);
        ck_assert_uint_eq(plan.operation_count, 1);
        ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000002");
        ck_assert_double_eq_tol(plan.worst_now, 0.495, 1e-9);
        ck_assert_double_eq_tol(plan.worst_after, 0.495, 1e-9);
    }
}
END_TEST

START_TEST(what_is_as_full_as_the_threshold_after_a_merge_is_merged_on)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};
    struct error err;

    day_init(&day, 4, 1);
    ck_assert_int_eq(shard_map_merge(&day.map, 0, &err), 0);
    day.facts.begun = true;
    plan_down(&day.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000002");
}
END_TEST

START_TEST(throttled_records_hold)
{
    SCOPED(day_clear) struct day day;

    day_init(&day, 16, 3.2);
    day.points[3].throttled_records = 1234;
    expect_hold(&day, HOLD_THROTTLED, "1,234 records were throttled in the 5m from 2026-11-20T08:15:00Z");
    day.points[4].throttled_records = 12;
    day.points[5].throttled_records = NAN;
    expect_hold(&day, HOLD_THROTTLED,
                "1,234 records were throttled in the 5m from 2026-11-20T08:15:00Z, and others in 1 more of "
                "288 periods");
}
END_TEST

START_TEST(a_stream_must_be_older_than_the_window)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 4, 0.1);
    day.facts.created_ms = DAY_START_MS + 1000;
    expect_hold(&day, HOLD_YOUNG,
                "the stream was created at 2026-11-20T08:00:01Z, after the window began at "
                "2026-11-20T08:00:00Z");
    day.facts.created_ms = DAY_START_MS;
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.hold, HOLD_NONE);
}
END_TEST

START_TEST(no_period_at_all_is_no_reason_to_merge)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};

    day_init(&day, 4, 0.1);
    day.facts.point_count = 0;
    day.config.missing_data = MISSING_IDLE;
    expect_hold(&day, HOLD_MISSING, "there is no period to judge the load by");
    plan_down(&day.facts, &plan);
    ck_assert(isnan(plan.worst_now) && isnan(plan.worst_after));
    day.facts.created_ms = day.facts.now_ms - day.config.scale_down_window_ms + 1;
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.hold, HOLD_YOUNG);
}
END_TEST

/* -- missing periods ------------------------------------------------------------------------------------ */

static const struct {
    int64_t missing_data;
    bool witnessed;
    double bytes, records;
    enum down_hold hold;
    const char *because;
} gaps[] = {
    {MISSING_AUTO, false, NAN, NAN, HOLD_MISSING, "no other metric shows that the stream was idle"},
    {MISSING_AUTO, true, NAN, NAN, HOLD_NONE, NULL},
    {MISSING_IDLE, false, NAN, NAN, HOLD_NONE, NULL},
    {MISSING_UNKNOWN, true, NAN, NAN, HOLD_MISSING, "missing_data is unknown"},
    {MISSING_AUTO, true, 100, NAN, HOLD_MISSING, "no other metric shows that the stream was idle"},
    {MISSING_IDLE, true, NAN, 100, HOLD_MISSING, "what is there of them shows that the stream was not idle"},
    {MISSING_IDLE, false, 0, NAN, HOLD_NONE, NULL},
    {MISSING_AUTO, true, -1, INFINITY, HOLD_NONE, NULL},
    {MISSING_AUTO, false, -1, 1e300, HOLD_MISSING, "no other metric shows that the stream was idle"},
};

START_TEST(a_missing_period_is_idle_or_unknown_as_the_operator_says)
{
    SCOPED(day_clear) struct day day;
    SCOPED(down_plan_clear) struct down_plan plan = {0};
    char reason[200];

    day_init(&day, 16, 3.2);
    day.config.missing_data = gaps[_i].missing_data;
    for (size_t i = 0; i < 29; i++) { /* ten per cent */
        day.points[2 + i].bytes = gaps[_i].bytes;
        day.points[2 + i].records = gaps[_i].records;
        day.witnessed[2 + i] = gaps[_i].witnessed;
    }
    plan_down(&day.facts, &plan);
    ck_assert_int_eq(plan.hold, gaps[_i].hold);
    ck_assert_uint_eq(plan.missing, gaps[_i].hold == HOLD_NONE ? 0 : 29);
    ck_assert_double_eq_tol(plan.worst_now, 0.2, 1e-9);
    if (gaps[_i].hold == HOLD_NONE) {
        ck_assert_int_eq(plan.to_shards, 8);
        return;
    }
    snprintf(reason, sizeof(reason),
             "29 of 288 periods have no datapoint, the first that of 2026-11-20T08:10:00Z, and %s",
             gaps[_i].because);
    ck_assert_str_eq(plan.reason, reason);
}
END_TEST

START_TEST(witnesses_may_be_left_out)
{
    SCOPED(day_clear) struct day day;

    day_init(&day, 16, 3.2);
    day.facts.witnessed = NULL;
    day.points[287].bytes = day.points[287].records = NAN;
    expect_hold(&day, HOLD_MISSING,
                "1 of 288 periods has no datapoint, the first that of 2026-11-21T07:55:00Z, and no other "
                "metric shows that the stream was idle");
}
END_TEST

/* Each hold hides those after it. */
START_TEST(the_plainest_reason_is_given_first)
{
    static const enum down_hold order[] = {HOLD_MINIMUM,   HOLD_YOUNG, HOLD_MISSING,
                                           HOLD_THROTTLED, HOLD_BUSY,  HOLD_FULL};
    SCOPED(day_clear) struct day day;

    day_init(&day, 2, 0.9);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        SCOPED(down_plan_clear) struct down_plan plan = {0};

        day.config.min_shards = i == 0 ? 2 : 1;
        day.facts.created_ms = i <= 1 ? DAY_START_MS + 1 : 0;
        day.points[0] = day_point(DAY_START_MS, i <= 2 ? NAN : 0, 0);
        day.points[1].throttled_records = i <= 3;
        day.points[2] = day_point(day.points[2].start_ms, i <= 4 ? 1.5 : 0, 0);
        plan_down(&day.facts, &plan);
        ck_assert_str_eq(down_hold_name(plan.hold), down_hold_name(order[i]));
    }
}
END_TEST

START_TEST(the_other_holds_say_what_they_mean)
{
    SCOPED(day_clear) struct day day;

    day_init(&day, 2, 0.9);
    expect_hold(&day, HOLD_FULL,
                "the 5m from 2026-11-21T07:55:00Z filled 45 % of 2 shards, but no two neighbours together "
                "stay within 50 % of one shard");
    day.config.resharding = RESHARDING_UPDATE;
    expect_hold(&day, HOLD_FULL,
                "the 5m from 2026-11-21T07:55:00Z filled 45 % of 2 shards, but fewer even shards would be "
                "fuller than 50 %");
    day.config.scale_down_threshold = 0.9;
    day.facts.updates_24h = 9;
    expect_hold(&day, HOLD_UPDATES,
                "the 5m from 2026-11-21T07:55:00Z filled 45 % of 2 shards, but 9 of the 10 UpdateShardCount "
                "calls of 24 hours are used up, and the last 2 are kept for scale-ups");
    day.config.min_shards = 2;
    expect_hold(&day, HOLD_MINIMUM, "2 open shards, min_shards is 2");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("plan_down");
    TCase *tcase = tcase_create("plan_down");

    tcase_add_loop_test(tcase, a_plan_follows_the_table, 0, COUNT_OF(cases));
    tcase_add_test(tcase, neighbours_are_merged_from_the_lowest_range_up);
    tcase_add_loop_test(tcase, a_stream_above_max_shards_is_brought_as_close_as_its_load_allows, 0,
                        COUNT_OF(above));
    tcase_add_test(tcase, the_sentence_names_max_shards);
    tcase_add_test(tcase, one_period_above_the_threshold_is_named);
    tcase_add_test(tcase, records_fill_a_shard_too);
    tcase_add_test(tcase, the_widest_shard_decides_how_full_a_stream_is);
    tcase_add_test(tcase, what_is_as_full_as_the_threshold_after_a_merge_is_merged_on);
    tcase_add_test(tcase, throttled_records_hold);
    tcase_add_test(tcase, a_stream_must_be_older_than_the_window);
    tcase_add_test(tcase, no_period_at_all_is_no_reason_to_merge);
    tcase_add_loop_test(tcase, a_missing_period_is_idle_or_unknown_as_the_operator_says, 0, COUNT_OF(gaps));
    tcase_add_test(tcase, witnesses_may_be_left_out);
    tcase_add_test(tcase, the_plainest_reason_is_given_first);
    tcase_add_test(tcase, the_other_holds_say_what_they_mean);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
