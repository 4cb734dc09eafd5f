/*
 * The scale-down pass: the real engine and store against the simulated AWS, in virtual time.
 */
#include "support.h"
#include "world.h"

#include "aws/kinesis.h"
#include "base/memory.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/streams.h"

#define DAY (24 * (int64_t)HOUR_MS)

static const char orders[] = "[stream orders]\nmin_shards = 2\nmax_shards = 64\nresharding = split\n";

/* 16 shards that carried `load` for a day and a bit. */
static struct world *day(const char *streams, const char *load)
{
    struct world *world = world_new_classic(streams, NULL);

    world_scene(world, "orders", 16);
    world_traffic(world, "orders", load, 4096, "uniform");
    world_run(world, DAY + 30 * MINUTE_MS);
    return world;
}

static struct pass_row pass(struct world *world, bool dry_run, bool forced)
{
    struct pass_options options = {.dry_run = dry_run, .forced = forced};
    struct pass_row row = {.stream = "orders"};
    struct error err = {0};

    ck_assert_msg(engine_scale_down(world->engine, world->store, &options, &row, 1, &err) == 0, "%s",
                  row.reason);
    down_plan_clear(&row.plan);
    return row;
}

static void assert_hold(struct world *world, enum pass_result result, const char *why)
{
    struct pass_row row = pass(world, false, false);

    ck_assert_msg(row.result == result && strstr(row.reason, why) != NULL, "result %d: %s", (int)row.result,
                  row.reason);
    world_run(world, HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 0);
}

static void assert_thresholds(struct world *world, int shards)
{
    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 60 * 1048576 * shards);
    ck_assert_double_eq(world_threshold(world, "orders IncomingRecords"), 0.8 * 60 * 1000 * shards);
    world_assert_partition(world, "orders");
}

static size_t holds_stored(struct world *world)
{
    struct decision_list list = {0};
    struct error err = {0};
    size_t holds = 0;

    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 100, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        holds += strcmp(list.items[i].verdict, "hold") == 0;
    decision_list_clear(&list);
    return holds;
}

/* 3.2 MiB/s on 16 shards is 20 %; pairs carry 40 %, three would carry 60 %. */
START_TEST(a_quiet_day_leads_to_the_fewest_shards_that_stay_below_half)
{
    struct world *world = day(orders, "constant:3.2M");
    struct pass_row row = pass(world, false, false);
    struct action action;

    ck_assert_msg(row.result == PASS_RESHARD && row.to_shards == 8, "%d: %s", (int)row.result, row.reason);
    world_run(world, HOUR_MS);
    assert_thresholds(world, 8);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 8);
    action = world_last_action(world);
    ck_assert_int_eq(action.kind, ACTION_SCALE_DOWN);
    ck_assert_int_eq(action.state, ACTION_DONE);
    ck_assert_str_eq(action.failure, "");
    world_free(world);
}
END_TEST

START_TEST(a_dry_run_says_the_same_and_touches_nothing)
{
    struct world *world = day(orders, "constant:3.2M");
    struct pass_row row = pass(world, true, false);

    ck_assert_msg(row.result == PASS_RESHARD && row.to_shards == 8, "%d: %s", (int)row.result, row.reason);
    world_run(world, HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 0);
    ck_assert_int_eq(world_last_action(world).id, 0);
    world_free(world);
}
END_TEST

START_TEST(within_36_hours_it_holds_unless_forced)
{
    struct world *world = day(orders, "constant:3.2M");

    (void)pass(world, false, false);
    world_run(world, HOUR_MS);
    assert_thresholds(world, 8);
    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, DAY + HOUR_MS);
    ck_assert_int_eq(pass(world, false, false).result, PASS_HOLD);
    ck_assert_ptr_nonnull(strstr(pass(world, false, false).reason, "36h"));
    ck_assert_uint_eq(holds_stored(world), 1); /* said twice */
    ck_assert_int_eq(pass(world, false, true).result, PASS_RESHARD);
    world_run(world, HOUR_MS);
    assert_thresholds(world, 2);
    world_free(world);
}
END_TEST

/* Ten minutes at 8.2 MiB/s, 51 % of 16 shards, some time in the night: one whole period at least. */
START_TEST(one_busy_period_holds_and_is_named)
{
    struct world *world = day(orders, "steps:10h=3.2M,10m=8.2M,20h=3.2M");
    struct pass_row row = pass(world, false, false);

    ck_assert_msg(row.result == PASS_HOLD, "%d: %s", (int)row.result, row.reason);
    ck_assert_msg(strstr(row.reason, "2026-03-02T10:0") != NULL, "%s", row.reason);
    assert_hold(world, PASS_HOLD, "51");
    world_free(world);
}
END_TEST

/* 8.2 MiB/s from 10:00 on: until 10:10 of the next day CloudWatch, which bills for every look, can say nothing new. */
START_TEST(a_busy_period_is_asked_for_once_as_long_as_it_decides)
{
    struct world *world = day(orders, "steps:10h=3.2M,10m=8.2M,40h=3.2M");
    size_t before = world_count_calls(world, "GetMetricData");

    for (int hour = 0; hour < 9; hour++) {
        ck_assert_int_eq(pass(world, false, false).result, PASS_HOLD);
        world_run(world, HOUR_MS);
    }
    ck_assert_uint_eq(world_count_calls(world, "GetMetricData"), before + 1);
    ck_assert_uint_eq(holds_stored(world), 1);
    world_run(world, 2 * HOUR_MS);
    ck_assert_int_eq(pass(world, false, false).result, PASS_RESHARD);
    world_free(world);
}
END_TEST

/* The same period is not busy on twice as many shards. */
START_TEST(a_busy_period_is_judged_again_when_the_stream_takes_more)
{
    struct world *world = day(orders, "steps:10h=3.2M,10m=8.2M,40h=3.2M");
    struct error err = {0};
    struct pass_row row;

    ck_assert_int_eq(pass(world, false, false).result, PASS_HOLD);
    ck_assert_int_eq(kinesis_update_count(world->aws, "orders", 32, &err), 0);
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 32);
    row = pass(world, false, false);
    ck_assert_msg(strstr(row.reason, "26 % of 32 shards") != NULL, "%s", row.reason);
    world_free(world);
}
END_TEST

START_TEST(periods_without_datapoints_hold_when_nobody_reads_the_stream)
{
    struct world *world = world_new_classic(orders, NULL);
    struct error err = {0};

    world_scene(world, "orders", 16);
    ck_assert_int_eq(sim_set_consumer(world->sim, "orders", false, &err), 0);
    world_traffic(world, "orders", "steps:10h=3.2M,2h=0,20h=3.2M", 4096, "uniform");
    world_run(world, DAY + 30 * MINUTE_MS);
    assert_hold(world, PASS_HOLD, "23 of 288 periods");
    world_free(world);
}
END_TEST

START_TEST(the_same_periods_are_idle_when_a_consumer_is_the_witness)
{
    struct world *world = day(orders, "steps:10h=3.2M,2h=0,20h=3.2M");

    ck_assert_int_eq(pass(world, false, false).result, PASS_RESHARD);
    world_run(world, HOUR_MS);
    assert_thresholds(world, 8);
    world_free(world);
}
END_TEST

START_TEST(a_stream_at_its_minimum_or_younger_than_a_day_holds)
{
    struct world *world =
        world_new_classic("[stream orders]\nmin_shards = 16\nmax_shards = 64\ndesired_shards = 16\n", NULL);
    size_t before;

    world_scene(world, "orders", 16);
    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, DAY + HOUR_MS);
    before = world_count_calls(world, "GetMetricData");
    assert_hold(world, PASS_HOLD, "min_shards");
    ck_assert_uint_eq(world_count_calls(world, "GetMetricData"), before); /* there is nothing to ask */
    world_free(world);

    world = world_new_classic(orders, NULL);
    world_scene(world, "orders", 16);
    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, 6 * HOUR_MS);
    ck_assert_int_eq(pass(world, false, false).result, PASS_HOLD);
    world_free(world);
}
END_TEST

START_TEST(an_alarm_ends_the_merging_and_is_acted_on_at_once)
{
    struct world *world = day(orders, "constant:3.2M");
    int64_t open;

    (void)pass(world, false, false);
    world_run(world, MINUTE_MS / 2);
    open = world_open_shards(world, "orders");
    ck_assert_int_le(open, 16);
    world_traffic(world, "orders", "constant:15M", 4096, "uniform");
    world_run(world, HOUR_MS);
    ck_assert_int_ge(world_open_shards(world, "orders"), 16);
    ck_assert_uint_lt(world_count_calls(world, "MergeShards"), 8);
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_UP);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

START_TEST(a_restart_at_any_moment_ends_as_planned)
{
    struct world *world = day(orders, "constant:3.2M");

    (void)pass(world, false, false);
    for (int i = 0; i < 600; i++) {
        world_run(world, 1000 + 137 * (i % 7));
        world_restart(world);
    }
    assert_thresholds(world, 8);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 8);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("scale-down");
    TCase *tcase = tcase_create("virtual time");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_quiet_day_leads_to_the_fewest_shards_that_stay_below_half);
    tcase_add_test(tcase, a_dry_run_says_the_same_and_touches_nothing);
    tcase_add_test(tcase, within_36_hours_it_holds_unless_forced);
    tcase_add_test(tcase, one_busy_period_holds_and_is_named);
    tcase_add_test(tcase, a_busy_period_is_asked_for_once_as_long_as_it_decides);
    tcase_add_test(tcase, a_busy_period_is_judged_again_when_the_stream_takes_more);
    tcase_add_test(tcase, periods_without_datapoints_hold_when_nobody_reads_the_stream);
    tcase_add_test(tcase, the_same_periods_are_idle_when_a_consumer_is_the_witness);
    tcase_add_test(tcase, a_stream_at_its_minimum_or_younger_than_a_day_holds);
    tcase_add_test(tcase, an_alarm_ends_the_merging_and_is_acted_on_at_once);
    tcase_add_test(tcase, a_restart_at_any_moment_ends_as_planned);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
