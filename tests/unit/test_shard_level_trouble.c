/*
 * test_shard_level_trouble.c - alarm_level = shard, whatever happens: faults, kills, and many alarms to change.
 */
#include "shard_alarms_world.h"
#include "support.h"
#include "world.h"

#include "base/text.h"

static const char orders[] = "[stream orders]\nmax_shards = 64\nalarm_level = shard\n";

/* Hot once the alarms are there, also where making them fails at first: one of four shards to 138 %. */
static struct world *hot_world(void)
{
    struct world *world = world_new_classic(orders, NULL);

    world_scene(world, "orders", 4);
    world_traffic(world, "orders", "steps:11m=200k,120m=2.2M", 2048, "slice:0.5:1:4");
    world->reconcile_at_ms = world->clock.ms;
    return world;
}

static void assert_hot_world_served(struct world *world, int k)
{
    ck_assert_msg(world_open_shards(world, "orders") == 7, "fault after %d calls: %lld shards", k,
                  (long long)world_open_shards(world, "orders"));
    ck_assert(!shard_is_open(world, "shardId-000000000001"));
    ck_assert(shard_is_open(world, "shardId-000000000000"));
    assert_shard_alarms_match(world);
    world_assert_partition(world, "orders");
}

/* Every call once, from the first alarm that is made to the last that is deleted. */
START_TEST(no_fault_at_any_call_leaves_alarms_that_do_not_match_the_shards)
{
    bool met = true;
    int k;

    for (k = 0; met && k < 400; k++) {
        struct world *world = hot_world();

        world->fault = _i == 0 ? FAULT_LOST : FAULT_UNHEARD;
        world->fault_times = 4; /* as often as one call is tried */
        world->fault_after = k;
        world_run(world, 45 * MINUTE_MS);
        met = world->fault_times < 4;
        assert_hot_world_served(world, k);
        world_free(world);
    }
    ck_assert_int_gt(k, 60);
    printf("calls failed one by one: %d\n", k);
}
END_TEST

/* The k-th call is the last thing that a process does; what comes after it finds its way. */
START_TEST(a_kill_at_any_call_leaves_alarms_that_match_the_shards)
{
    int killed = 1;

    for (int k = _i; killed > 0 && k < 800; k += 4) {
        struct world *world = hot_world();

        killed = 0;
        world->kill_at = 1 + k;
        world->kill_unheard = k % 2;
        for (int seconds = 0; seconds < 40 * 60; seconds += 5) {
            world_run(world, 5000);
            if (world->killed) {
                killed++;
                world_restart(world);
            }
        }
        world->kill_at = 0;
        if (world->killed)
            world_restart(world);
        world_run(world, 15 * MINUTE_MS);
        assert_hot_world_served(world, k);
        world_free(world);
    }
}
END_TEST

START_TEST(a_restart_every_few_seconds_changes_nothing)
{
    struct world *world = hot_world();

    for (int i = 0; i < 60 * 12; i++) {
        world_run(world, 5000);
        world_restart(world);
    }
    assert_hot_world_served(world, -1);
    world_free(world);
}
END_TEST

/* Looking alone takes longer than a turn may change alarms. */
START_TEST(however_slowly_aws_answers_every_turn_gets_on)
{
    struct world *world = hot_world();

    world->answer_ms = 3000;
    world_run(world, 2 * HOUR_MS);
    assert_hot_world_served(world, -1);
    world_free(world);
}
END_TEST

static size_t puts_meanwhile;
static int64_t due_meanwhile_ms;

/* As another worker would do it. */
static void serve_clicks(struct world *world)
{
    size_t puts = world_count_calls(world, "PutMetricAlarm");
    struct stream_state state;
    struct store *store;
    struct error err = {0};

    ck_assert_int_eq(store_open(world->database, &store, &err), 0);
    ck_assert_msg(engine_turn(world->engine, store, "clicks", &err) == 0, "%s", err.message);
    ck_assert_int_eq(store_stream_load(store, "clicks", &state, &err), 0);
    store_close(store);
    puts_meanwhile = world_count_calls(world, "PutMetricAlarm") - puts;
    due_meanwhile_ms = state.due_ms - world->clock.ms;
}

START_TEST(while_one_turn_changes_alarms_another_leaves_a_due_time)
{
    struct world *world = world_new_classic("max_shards = 64\n[stream orders]\n[stream clicks]\n", NULL);

    world_scene(world, "orders", 2);
    world_scene(world, "clicks", 2);
    for (int i = 0; i < 2; i++)
        cJSON_Delete(world_kinesis(
            world, "UpdateShardCount",
            "{\"StreamName\":\"%s\",\"TargetShardCount\":4,\"ScalingType\":\"UNIFORM_SCALING\"}",
            i == 0 ? "orders" : "clicks"));
    world_run(world, 10 * MINUTE_MS);
    due_meanwhile_ms = 0;
    world->meanwhile = serve_clicks;
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, MINUTE_MS);
    ck_assert(world->meanwhile == NULL);
    ck_assert_uint_eq(puts_meanwhile, 0);
    ck_assert_int_gt(due_meanwhile_ms, 0);
    ck_assert_int_lt(due_meanwhile_ms, 5000);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 4 * 50331648.0);
    ck_assert_double_eq(world_threshold(world, "clicks IncomingBytes"), 4 * 50331648.0);
    world_free(world);
}
END_TEST

/* 600 alarms at three a second: the worker is back for another stream's alarm within its ten seconds. */
START_TEST(making_many_alarms_keeps_no_other_stream_waiting)
{
    struct world *world =
        world_new_classic("[stream orders]\nmax_shards = 500\nalarm_level = shard\n"
                          "[stream clicks]\nmax_shards = 64\nresharding = split\n",
                          &(struct sim_options){.metric_delay_ms = -1, .shard_limit = 1000});
    int64_t asked_ms = 0, split_ms = 0;

    world_scene(world, "orders", 200);
    world_scene(world, "clicks", 2);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 15000);
    cJSON_Delete(world_cloudwatch(
        world, "SetAlarmState",
        "{\"AlarmName\":\"clicks IncomingBytes\",\"StateValue\":\"ALARM\",\"StateReason\":\"by hand\"}"));
    asked_ms = world->clock.ms;
    world_run(world, 2 * MINUTE_MS);
    for (size_t i = 0; i < world->call_count && split_ms == 0; i++) {
        if (text_equal(world->calls[i].operation, "SplitShard"))
            split_ms = world->calls[i].at_ms;
    }
    ck_assert_int_gt(split_ms, 0);
    ck_assert_msg(split_ms - asked_ms < 25000, "%lld ms", (long long)(split_ms - asked_ms));
    ck_assert_uint_lt(world_count_calls(world, "PutMetricAlarm"), 500);

    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "clicks"), 4);
    ck_assert_uint_ge(world_count_calls(world, "PutMetricAlarm"), 600);
    ck_assert_uint_le(world_count_calls(world, "PutMetricAlarm"), 610);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("shard level, trouble");
    TCase *faults = tcase_create("faults");

    tcase_set_timeout(faults, 300);
    tcase_add_loop_test(faults, no_fault_at_any_call_leaves_alarms_that_do_not_match_the_shards, 0, 2);
    tcase_add_loop_test(faults, a_kill_at_any_call_leaves_alarms_that_match_the_shards, 0, 4);
    tcase_add_test(faults, a_restart_every_few_seconds_changes_nothing);
    tcase_add_test(faults, however_slowly_aws_answers_every_turn_gets_on);
    tcase_add_test(faults, while_one_turn_changes_alarms_another_leaves_a_due_time);
    tcase_add_test(faults, making_many_alarms_keeps_no_other_stream_waiting);
    suite_add_tcase(suite, faults);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
