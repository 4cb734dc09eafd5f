/*
 * Pause and resume: the real engine and store against the simulated AWS, in virtual time.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/actions.h"
#include "store/notifications.h"
#include "store/streams.h"

static const char orders[] = "[stream orders]\nmin_shards = 1\nmax_shards = 64\nresharding = split\n";

#define BYTES_ALARM "orders IncomingBytes"

static struct world *scene(int shards)
{
    struct world *world = world_new_classic(orders, NULL);

    world_scene(world, "orders", shards);
    return world;
}

static void pause_until(struct world *world, int64_t until_ms)
{
    struct error err = {0};

    ck_assert_int_eq(
        store_stream_pause(world->store, "orders", until_ms, clock_now_ms(&world->clock.clock), &err), 0);
}

static void pause_for(struct world *world, int64_t ms)
{
    pause_until(world, clock_now_ms(&world->clock.clock) + ms);
}

static size_t deferred(struct world *world, char *ret_reason, size_t size)
{
    struct notification_list list = {0};
    struct error err = {0};
    size_t count;

    ck_assert_int_eq(
        store_notifications_recent(world->store, "orders", NOTIFICATION_DEFERRED, 100, &list, &err), 0);
    count = list.count;
    if (count > 0)
        snprintf(ret_reason, size, "%s", list.items[0].reason);
    notification_list_clear(&list);
    return count;
}

static void assert_untouched(struct world *world, int shards)
{
    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 0);
    ck_assert_uint_eq(world_count_calls(world, "UpdateShardCount"), 0);
}

static void assert_armed(struct world *world, int shards)
{
    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), 0.8 * 60 * 1048576 * shards);
    ck_assert_str_ne(world_alarm_state(world, BYTES_ALARM), "ALARM");
    world_assert_partition(world, "orders");
}

START_TEST(an_alarm_during_a_pause_is_acted_on_when_it_ends_by_itself)
{
    struct world *world = scene(4);
    char reason[512] = "";

    pause_for(world, 2 * HOUR_MS);
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 2 * HOUR_MS - MINUTE_MS);
    assert_untouched(world, 4);
    ck_assert_str_eq(world_alarm_state(world, BYTES_ALARM), "ALARM");
    ck_assert_uint_eq(deferred(world, reason, sizeof(reason)), 1);
    ck_assert_str_eq(reason, "the stream is paused until 2026-03-02T02:02:00Z");
    world_run(world, 15 * MINUTE_MS);
    assert_armed(world, 8);
    ck_assert_uint_eq(deferred(world, reason, sizeof(reason)), 0);
    world_free(world);
}
END_TEST

START_TEST(a_pause_without_end_lasts_until_it_is_resumed_also_after_a_restart)
{
    struct world *world = scene(4);
    char reason[512] = "";

    pause_until(world, INT64_MAX);
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 12 * HOUR_MS);
    world_restart(world);
    world_run(world, 12 * HOUR_MS);
    assert_untouched(world, 4);
    ck_assert_uint_eq(deferred(world, reason, sizeof(reason)), 1);
    ck_assert_str_eq(reason, "the stream is paused until it is resumed");
    pause_until(world, 0);
    world_run(world, 10 * MINUTE_MS);
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

START_TEST(an_alarm_that_ended_during_the_pause_is_dropped_when_it_ends)
{
    struct world *world = scene(4);
    char reason[512] = "";

    pause_for(world, HOUR_MS);
    world_traffic(world, "orders", "steps:10m=3.6M,20h=1M", 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    ck_assert_uint_ge(deferred(world, reason, sizeof(reason)), 1);
    world_run(world, HOUR_MS);
    ck_assert_uint_eq(deferred(world, reason, sizeof(reason)), 0);
    assert_untouched(world, 4);
    world_free(world);
}
END_TEST

START_TEST(a_shorter_pause_in_place_of_a_longer_one_ends_when_it_says)
{
    struct world *world = scene(4);

    pause_for(world, 10 * HOUR_MS);
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 20 * MINUTE_MS);
    pause_for(world, 20 * MINUTE_MS);
    world_run(world, 18 * MINUTE_MS);
    assert_untouched(world, 4);
    world_run(world, 12 * MINUTE_MS);
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

START_TEST(what_runs_when_the_pause_begins_is_finished_and_nothing_after_it)
{
    struct world *world = scene(4);

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    while (world_count_calls(world, "SplitShard") == 0)
        world_run(world, 1000);
    pause_until(world, INT64_MAX);
    world_run(world, 10 * MINUTE_MS);
    assert_armed(world, 8);
    world_traffic(world, "orders", "constant:7.6M", 4096, "uniform");
    world_run(world, HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_str_eq(world_alarm_state(world, BYTES_ALARM), "ALARM");
    world_free(world);
}
END_TEST

START_TEST(thresholds_that_do_not_fit_are_put_right_after_the_pause)
{
    struct world *world = scene(4);

    world->reconcile_at_ms = clock_now_ms(&world->clock.clock);
    pause_for(world, HOUR_MS);
    cJSON_Delete(world_kinesis(world, "UpdateShardCount",
                               "{\"StreamName\":\"orders\",\"TargetShardCount\":8,"
                               "\"ScalingType\":\"UNIFORM_SCALING\"}"));
    world_run(world, 50 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), 0.8 * 60 * 1048576 * 4);
    world_run(world, 20 * MINUTE_MS);
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

static struct pass_row pass(struct world *world)
{
    struct pass_options options = {.dry_run = false};
    struct pass_row row = {.stream = "orders"};
    struct error err = {0};

    ck_assert_msg(engine_scale_down(world->engine, world->store, &options, &row, 1, &err) == 0, "%s",
                  row.reason);
    down_plan_clear(&row.plan);
    return row;
}

START_TEST(a_scale_down_pass_holds_and_a_pause_undoes_what_it_found)
{
    struct world *world = scene(16);
    struct stream_state state;
    struct error err = {0};

    world_traffic(world, "orders", "constant:3.2M", 4096, "uniform");
    world_run(world, 25 * HOUR_MS);
    ck_assert_int_eq(pass(world).result, PASS_RESHARD);
    pause_until(world, INT64_MAX);
    world_run(world, HOUR_MS);
    assert_untouched(world, 16);
    ck_assert_int_eq(store_stream_load(world->store, "orders", &state, &err), 0);
    ck_assert_uint_eq(state.due_reasons & DUE_SCALE_DOWN, 0); /* a command that waits for it does not hang */
    ck_assert_int_eq(pass(world).result, PASS_HOLD);
    ck_assert_str_eq(pass(world).reason, "the stream is paused until it is resumed");
    pause_until(world, 0);
    ck_assert_int_eq(pass(world).result, PASS_RESHARD);
    world_run(world, HOUR_MS);
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("pause");
    TCase *tcase = tcase_create("pause");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, an_alarm_during_a_pause_is_acted_on_when_it_ends_by_itself);
    tcase_add_test(tcase, a_pause_without_end_lasts_until_it_is_resumed_also_after_a_restart);
    tcase_add_test(tcase, an_alarm_that_ended_during_the_pause_is_dropped_when_it_ends);
    tcase_add_test(tcase, a_shorter_pause_in_place_of_a_longer_one_ends_when_it_says);
    tcase_add_test(tcase, what_runs_when_the_pause_begins_is_finished_and_nothing_after_it);
    tcase_add_test(tcase, thresholds_that_do_not_fit_are_put_right_after_the_pause);
    tcase_add_test(tcase, a_scale_down_pass_holds_and_a_pause_undoes_what_it_found);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
