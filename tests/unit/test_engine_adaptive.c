/*
 * The policy `adaptive` in the engine: looks of its own, actions with a goal, and what stops them.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "base/text.h"
#include "store/decisions.h"
#include "store/minutes.h"
#include "store/streams.h"

/* Nothing says `policy`: it is the default. */
static const char orders[] = "[stream orders]\nmax_shards = 64\n";

static struct world *scene(const char *streams, int shards, const char *load)
{
    struct world *world = world_new(streams, NULL);

    world_scene(world, "orders", shards);
    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", load, 2048, "uniform");
    return world;
}

static struct stream_state state_of(struct world *world)
{
    struct stream_state state;
    struct error err = {0};

    ck_assert_int_eq(store_stream_load(world->store, "orders", &state, &err), 0);
    return state;
}

static size_t resharding_calls(struct world *world)
{
    return world_count_calls(world, "SplitShard") + world_count_calls(world, "MergeShards") +
           world_count_calls(world, "UpdateShardCount");
}

static void assert_fitting(struct world *world, int64_t shards)
{
    struct shard_map map = {0};

    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    world_assert_partition(world, "orders");
    world_shards(world, "orders", &map);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"),
                        0.8 * 60 * 1048576 * shard_map_effective(&map));
    shard_map_clear(&map);
}

START_TEST(a_constant_load_leads_to_nothing)
{
    struct world *world = scene(orders, 4, "constant:2.8M");

    world_run(world, 6 * HOUR_MS);
    ck_assert_uint_eq(resharding_calls(world), 0);
    assert_fitting(world, 4);
    ck_assert_uint_eq(world->requests > 0, 1);
    world_free(world);
}
END_TEST

/* Nobody hears of an alarm: the looks find it. */
START_TEST(a_rising_load_is_followed_without_an_alarm)
{
    struct world *world = scene(orders, 4, "constant:2M");

    world->deaf = true;
    world_run(world, HOUR_MS);
    world_traffic(world, "orders", "constant:3.7M", 2048, "uniform");
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), 4);
    assert_fitting(world, world_open_shards(world, "orders"));
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_UP);
    ck_assert_str_eq(world_last_action(world).failure, "");
    ck_assert_str_ne(world_alarm_state(world, "orders IncomingBytes"), "ALARM");
    world_free(world);
}
END_TEST

/* Between scale_up_threshold and the middle of the lines that are learned. */
START_TEST(alarms_stand_where_the_policy_acts_before_it_has_learned_anything_too)
{
    struct world *world = scene(orders, 4, "constant:2M");

    world_run(world, 10 * MINUTE_MS);
    assert_fitting(world, 4);
    world_traffic(world, "orders", "constant:3.28M", 2048, "uniform");
    world_run(world, 20 * MINUTE_MS);
    assert_fitting(world, 8);
    ck_assert_str_eq(world_alarm_state(world, "orders IncomingBytes"), "OK");
    world_free(world);
}
END_TEST

START_TEST(shards_are_given_back_after_an_hour_without_a_pass)
{
    struct world *world = scene(orders, 16, "constant:2M");

    world_run(world, 50 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 16);
    world_run(world, HOUR_MS);
    ck_assert_int_lt(world_open_shards(world, "orders"), 8);
    assert_fitting(world, world_open_shards(world, "orders"));
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_DOWN);
    world_free(world);
}
END_TEST

static struct pass_row pass(struct world *world, bool dry_run)
{
    struct pass_options options = {.dry_run = dry_run};
    struct pass_row row = {.stream = "orders"};
    struct error err = {0};

    ck_assert_int_eq(engine_scale_down(world->engine, world->store, &options, &row, 1, &err), 0);
    free(row.plan.operations); /* their number is enough */
    row.plan.operations = NULL;
    return row;
}

/* Where no daemon looks, a pass by cron does. */
START_TEST(a_pass_asks_the_policy_and_not_the_day)
{
    struct world *world = scene(orders, 16, "constant:2M");
    struct error err = {0};
    struct pass_row row;

    world_run(world, 30 * MINUTE_MS);
    row = pass(world, true);
    ck_assert_msg(row.result == PASS_HOLD && strstr(row.reason, "nothing is given back") != NULL, "%s",
                  row.reason);
    world->reconcile_at_ms = INT64_MAX;
    ck_assert_int_eq(store_stream_pause(world->store, "orders", INT64_MAX, world->clock.ms, &err), 0);
    world_run(world, HOUR_MS);
    ck_assert_int_eq(store_stream_pause(world->store, "orders", 0, world->clock.ms, &err), 0);
    row = pass(world, true);
    ck_assert_msg(row.result == PASS_RESHARD && row.to_shards == 4, "%d: %s", (int)row.result, row.reason);
    ck_assert_msg(strstr(row.reason, "16 shards become 4 by 12 operations") != NULL, "%s", row.reason);
    ck_assert_uint_eq(row.plan.operation_count, 12);
    ck_assert_uint_eq(resharding_calls(world), 0);
    ck_assert_int_eq(pass(world, false).result, PASS_RESHARD);
    world_run(world, 10 * MINUTE_MS);
    assert_fitting(world, 4);
    world_free(world);
}
END_TEST

START_TEST(a_burst_in_the_middle_of_a_give_back_turns_it_round)
{
    struct world *world = scene(orders, 32, "constant:1M"); /* to give all back takes a quarter of an hour */
    struct action action;
    int minutes = 0;

    while (world_open_shards(world, "orders") >= 26 && minutes++ < 120)
        world_run(world, MINUTE_MS);
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_DOWN);
    world_traffic(world, "orders", "constant:12M", 2048, "uniform");
    world_run(world, 4 * MINUTE_MS);
    action = world_last_action(world);
    ck_assert_msg(action.kind == ACTION_SCALE_UP, "%s", action.reason);
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_ge(world_open_shards(world, "orders"), 14);
    assert_fitting(world, world_open_shards(world, "orders"));
    world_free(world);
}
END_TEST

START_TEST(a_load_that_goes_on_rising_raises_the_goal)
{
    struct world *world = scene(orders, 8, "constant:7.4M");

    world_run(world, 2 * MINUTE_MS);
    world_traffic(world, "orders", "constant:20M", 2048, "uniform");
    world_run(world, 25 * MINUTE_MS);
    assert_fitting(world, 32);
    ck_assert_int_eq(world_last_action(world).id, 1);
    ck_assert_int_eq(world_last_action(world).goal_shards, 32);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 0);
    world_free(world);
}
END_TEST

/* What holds a stream, and what the shards then are after two hours. */
static const struct {
    const char *name, *settings, *load;
    int shards;
    int64_t least, most;
} bounds[] = {
    {"never above max_shards", "max_shards = 6", "constant:9M", 4, 6, 6},
    {"never below min_shards", "min_shards = 8\nmax_shards = 64", "constant:1M", 16, 8, 8},
    {"up to min_shards, whatever the load", "min_shards = 6\nmax_shards = 64", "constant:1M", 4, 6, 6},
    {"not below a floor", "max_shards = 64\nfloor = daily 00:00-24:00 8", "constant:1M", 16, 8, 8},
    {"up to a floor, in time", "max_shards = 64\nfloor = Mon 01:00-24:00 8", "constant:1M", 4, 8, 8},
    {"with alarms on shards too", "max_shards = 64\nalarm_level = shard", "constant:1M", 16, 2, 4},
    {"not below min_shards there", "min_shards = 8\nmax_shards = 64\nalarm_level = shard", "constant:1M", 16,
     8, 8},
    {"up to a floor, in time, there", "max_shards = 64\nalarm_level = shard\nfloor = Mon 01:00-24:00 8",
     "constant:1M", 4, 8, 8},
    {"by UpdateShardCount", "max_shards = 64\nresharding = update-shard-count", "constant:1M", 16, 2, 4},
};

START_TEST(settings_bound_what_is_done)
{
    SCOPED(free_text)
    char *streams = must_printf("[stream orders]\n%s\n", bounds[_i].settings);
    struct world *world = scene(streams, bounds[_i].shards, bounds[_i].load);
    int64_t open;

    world_run(world, 2 * HOUR_MS);
    open = world_open_shards(world, "orders");
    ck_assert_msg(open >= bounds[_i].least && open <= bounds[_i].most, "%s: %lld", bounds[_i].name,
                  (long long)open);
    world_free(world);
}
END_TEST

START_TEST(a_paused_stream_is_left_alone_and_looked_at_afterwards)
{
    struct world *world = scene(orders, 4, "constant:2M");
    struct error err = {0};

    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(
        store_stream_pause(world->store, "orders", world->clock.ms + HOUR_MS, world->clock.ms, &err), 0);
    world_traffic(world, "orders", "constant:3.9M", 2048, "uniform");
    world_run(world, 55 * MINUTE_MS);
    ck_assert_uint_eq(resharding_calls(world), 0);
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), 4);
    world_free(world);
}
END_TEST

START_TEST(looks_survive_a_restart_and_begin_by_the_first_look_at_everything)
{
    struct world *world = scene(orders, 4, "constant:2M");
    struct stream_state state;

    world_run(world, 30 * MINUTE_MS);
    state = state_of(world);
    ck_assert(state.due_reasons & DUE_ADAPT);
    ck_assert_int_le(state.due_ms - world->clock.ms, 5 * MINUTE_MS);
    world_restart(world);
    world->reconcile_at_ms = INT64_MAX;
    world->deaf = true;
    world_traffic(world, "orders", "constant:3.9M", 2048, "uniform");
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), 4);
    world_free(world);
}
END_TEST

START_TEST(a_quiet_look_asks_cloudwatch_once_and_nobody_else)
{
    struct world *world = scene("[stream orders]\nmin_shards = 4\nmax_shards = 64\n", 4, "constant:1.5M");
    size_t before, asked, limits;

    world_run(world, 30 * MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX;
    before = world->call_count;
    asked = world_count_calls(world, "GetMetricData");
    limits = world_count_calls(world, "DescribeLimits");
    world_run(world, HOUR_MS);
    /* Without a look at everything, the account's head-room is asked every ten minutes, for all streams. */
    ck_assert_uint_eq(world->call_count - before, world_count_calls(world, "GetMetricData") - asked +
                                                      world_count_calls(world, "DescribeLimits") - limits);
    ck_assert_uint_eq(world_count_calls(world, "GetMetricData") - asked, 12);
    world_free(world);
}
END_TEST

START_TEST(a_look_that_leads_to_nothing_leaves_no_decision)
{
    struct world *world = scene(orders, 4, "constant:3M");
    struct decision_list list = {0};
    struct error err = {0};

    world_run(world, 3 * HOUR_MS);
    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 100, &list, &err), 0);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].verdict, "hold");
    decision_list_clear(&list);
    world_free(world);
}
END_TEST

static size_t notifications(struct world *world, enum notification_status status, const char *why)
{
    struct notification_list list = {0};
    struct error err = {0};
    size_t count = 0;

    ck_assert_int_eq(store_notifications_recent(world->store, "orders", -1, 100, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        count += list.items[i].status == status && strstr(list.items[i].reason, why) != NULL;
    ck_assert_uint_eq(count, list.count);
    notification_list_clear(&list);
    return count;
}

/* Somebody set it; the load is half of what the shards take. */
START_TEST(an_alarm_that_the_policy_does_nothing_for_is_dropped_with_the_reason)
{
    struct world *world = scene(orders, 4, "constant:2M");

    world_run(world, 10 * MINUTE_MS);
    cJSON_Delete(world_cloudwatch(world, "SetAlarmState",
                                  "{\"AlarmName\":\"orders IncomingBytes\",\"StateValue\":\"ALARM\","
                                  "\"StateReason\":\"by hand\"}"));
    world_run(world, 2 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    ck_assert_uint_ge(notifications(world, NOTIFICATION_DROPPED, "shards' worth, 50 % of the capacity"), 1);
    world_free(world);
}
END_TEST

/* It stands in ALARM and CloudWatch will not tell again; so each look at everything asks, and the answer is kept. */
START_TEST(an_alarm_that_nothing_is_done_for_is_thought_about_again_and_again)
{
    struct world *world = scene("[stream orders]\nmax_shards = 4\n", 4, "constant:2M");

    world_run(world, 10 * MINUTE_MS);
    world_traffic(world, "orders", "constant:3.28M", 2048, "uniform");
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    ck_assert_str_eq(world_alarm_state(world, "orders IncomingBytes"), "ALARM");
    ck_assert_uint_ge(notifications(world, NOTIFICATION_DROPPED, "not allowed (max_shards)"), 4);
    ck_assert_str_eq(world_last_decision(world, "orders").verdict, "limited");
    ck_assert_int_gt(world_last_decision(world, "orders").at_ms, world->clock.ms - 6 * MINUTE_MS);
    world_free(world);
}
END_TEST

/* One key has more than a shard takes.  Its alarm fires again right after the one generation that was tried. */
START_TEST(a_hot_key_is_looked_at_as_long_as_its_alarm_stands)
{
    struct world *world = scene(orders, 4, "constant:2M");

    world_traffic(world, "orders", "constant:2.4M", 2048, "hot:0.6");
    world_run(world, 6 * HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 4);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    ck_assert_str_eq(world_last_decision(world, "orders").verdict, "limited");
    ck_assert_int_gt(world_last_decision(world, "orders").at_ms, world->clock.ms - 15 * MINUTE_MS);
    world_free(world);
}
END_TEST

/* It has no shard yet that could be looked at. */
START_TEST(a_stream_that_is_being_made_is_waited_for)
{
    struct world *world = world_new(orders, NULL);
    struct pass_row row;

    cJSON_Delete(world_kinesis(world, "CreateStream", "{\"StreamName\":\"orders\",\"ShardCount\":2}"));
    row = pass(world, true);
    ck_assert_msg(row.result == PASS_HOLD && strstr(row.reason, "CREATING") != NULL, "%d: %s",
                  (int)row.result, row.reason);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(state_of(world).failures, 0);
    ck_assert_int_eq(state_of(world).open_shards, 2);
    world_free(world);
}
END_TEST

/* ---- minutes */

static struct minutes minutes_of(struct world *world)
{
    struct minutes minutes = {0};
    struct error err = {0};

    ck_assert_int_eq(store_minutes_load(world->store, "orders", 0, &minutes, &err), 0);
    return minutes;
}

/* A stream that is new to us has been there for two days. */
START_TEST(a_stream_brings_the_history_that_cloudwatch_has)
{
    struct world *world = scene(orders, 4, "constant:2M");
    struct minutes minutes;

    world->reconcile_at_ms = INT64_MAX;
    world->deaf = true;
    world_run(world, 50 * HOUR_MS);
    ck_assert_uint_eq(minutes_of(world).count, 0);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, MINUTE_MS);
    minutes = minutes_of(world);
    ck_assert_uint_ge(minutes.count, 50 * 60 - 5);
    ck_assert_uint_le(minutes.count, 50 * 60 + 5);
    for (size_t i = 2; i < minutes.count; i++)
        ck_assert_double_eq_tol((double)minutes.demand[i], 2, 0.01);
    minutes_clear(&minutes);
    world_free(world);
}
END_TEST

static const struct {
    const char *missing_data;
    bool consumer;
    bool gives_back;
} missing[] = {{"auto", false, false}, {"auto", true, true}, {"unknown", true, false}, {"idle", false, true}};

/* Nobody writes: Kinesis has no datapoints then.  Where nobody reads either, nothing tells it from a CloudWatch that is
 * ill. */
START_TEST(what_is_not_known_is_no_reason_to_give_back)
{
    SCOPED(free_text)
    char *streams =
        must_printf("[stream orders]\nmax_shards = 64\nmissing_data = %s\n", missing[_i].missing_data);
    struct world *world = scene(streams, 8, "constant:6M");
    struct error err = {0};

    ck_assert_int_eq(sim_set_consumer(world->sim, "orders", missing[_i].consumer, &err), 0);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    world_traffic(world, "orders", "constant:0", 2048, "uniform");
    world_run(world, 3 * HOUR_MS);
    ck_assert_msg((world_open_shards(world, "orders") < 8) == missing[_i].gives_back, "%s: %lld",
                  missing[_i].missing_data, (long long)world_open_shards(world, "orders"));
    world_free(world);
}
END_TEST

START_TEST(an_alarm_without_figures_adds_one_generation_and_no_more)
{
    struct world *world = scene(orders, 4, "constant:2M");

    world_run(world, 10 * MINUTE_MS);
    world_traffic(world, "orders", "constant:3.9M", 2048, "uniform");
    world->fault = FAULT_DENIED;
    world->fault_operation = "GetMetricData";
    world->fault_times = 1000;
    world_run(world, 20 * MINUTE_MS);
    assert_fitting(world, 8);
    world_free(world);
}
END_TEST

/* What is throttled meanwhile raises the alarm again, and nobody knows whether that was before the splits. */
START_TEST(another_alarm_without_figures_waits_for_the_cooldown)
{
    struct world *world = scene("[stream orders]\nmax_shards = 64\ncooldown = 30m\n", 4, "constant:20M");

    world->fault = FAULT_DENIED;
    world->fault_operation = "GetMetricData";
    world->fault_times = 1000;
    world_run(world, 25 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    world_run(world, 30 * MINUTE_MS);
    assert_fitting(world, 16);
    world_free(world);
}
END_TEST

/* ---- what AWS refuses for good */

static struct world *merges_denied(const char *streams)
{
    struct world *world = scene(streams, 8, "constant:2M");

    world->fault = FAULT_DENIED;
    world->fault_operation = "MergeShards";
    world->fault_times = 1000;
    return world;
}

/* An hour until the first, and then every hour. */
START_TEST(a_give_back_that_is_refused_is_tried_again_after_5_and_15_minutes_and_then_every_hour)
{
    struct world *world = merges_denied(orders);
    struct decision decision;

    world_run(world, 90 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 3);
    world_run(world, 22 * HOUR_MS);
    ck_assert_uint_ge(world_count_calls(world, "MergeShards"), 3 + 20);
    ck_assert_uint_le(world_count_calls(world, "MergeShards"), 3 + 22);
    decision = world_last_decision(world, "orders");
    ck_assert_str_eq(decision.verdict, "hold");
    ck_assert_msg(strstr(decision.reason, "next try is at 2026-03-03T00:") != NULL &&
                      strstr(decision.reason, "not authorized") != NULL,
                  "%s", decision.reason);
    world->fault = FAULT_NONE;
    world_run(world, 80 * MINUTE_MS);
    ck_assert_int_le(world_open_shards(world, "orders"), 4);
    assert_fitting(world, world_open_shards(world, "orders"));
    world_free(world);
}
END_TEST

START_TEST(more_shards_do_not_wait_for_a_give_back_that_was_refused)
{
    struct world *world = merges_denied("[stream orders]\nmax_shards = 64\ncooldown = 30m\n");

    world_run(world, 61 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 1);
    world_traffic(world, "orders", "constant:7.5M", 2048, "uniform");
    world_run(world, 9 * MINUTE_MS);
    assert_fitting(world, 16);
    world_free(world);
}
END_TEST

/* ---- by what each shard carries */

static const char by_shard[] = "[stream orders]\nmax_shards = 64\nalarm_level = shard\n";

static struct world *uneven_scene(int shards, const char *load, const char *keys)
{
    struct world *world = scene(by_shard, shards, load);

    world_traffic(world, "orders", load, 2048, keys);
    return world;
}

static double throttled_bytes(struct world *world)
{
    struct sim_totals totals;
    struct error err = {0};

    ck_assert_int_eq(sim_stream_totals(world->sim, "orders", &totals, &err), 0);
    return totals.throttled_bytes;
}

/* Half of the load on the fourth of 16 ranges: 2 of 4 MiB/s. */
START_TEST(only_the_shards_that_are_too_full_are_split)
{
    struct world *world = uneven_scene(8, "constant:4M", "slice:0.5:3:16");
    struct shard_map map = {0};
    double before;
    unsigned inside = 0;

    world_run(world, 30 * MINUTE_MS);
    before = throttled_bytes(world);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_double_eq_tol(throttled_bytes(world), before, 1);
    ck_assert_int_le(world_open_shards(world, "orders"), 13);
    world_assert_partition(world, "orders");
    world_shards(world, "orders", &map);
    for (size_t i = 0; i < map.count; i++)
        inside +=
            map.items[i].start >= hashkey_even_start(3, 16) && map.items[i].end < hashkey_even_start(4, 16);
    ck_assert_uint_ge(inside, 2);
    shard_map_clear(&map);
    world_free(world);
}
END_TEST

START_TEST(what_carries_little_is_merged_while_the_full_stays)
{
    struct world *world =
        uneven_scene(16, "constant:4M", "slice:0.7:3:16"); /* 2.9 MiB/s in one of 16 ranges */
    double before;

    world_run(world, 3 * HOUR_MS);
    ck_assert_int_le(world_open_shards(world, "orders"), 7);
    world_assert_partition(world, "orders");
    before = throttled_bytes(world);
    world_run(world, 3 * HOUR_MS);
    ck_assert_double_eq_tol(throttled_bytes(world), before, 1);
    world_free(world);
}
END_TEST

/* The key has 1.5 MiB/s of 3: no number of shards carries that. */
START_TEST(a_hot_key_is_found_shown_and_left_alone)
{
    struct world *world = uneven_scene(8, "constant:3M", "hot:0.5");
    size_t calls;

    world_run(world, 2 * HOUR_MS);
    calls = resharding_calls(world);
    world_run(world, 6 * HOUR_MS);
    ck_assert_msg(resharding_calls(world) <= calls + 4, "%zu, then %zu", calls, resharding_calls(world));
    ck_assert_int_le(world_open_shards(world, "orders"), 8);
    ck_assert_str_ne(state_of(world).hot_shard, "");
    world_free(world);
}
END_TEST

static bool was_decided(struct world *world, const char *verdict, const char *why)
{
    struct decision_list list = {0};
    struct error err = {0};
    bool found = false;

    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 10, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        found |= text_equal(list.items[i].verdict, verdict) && strstr(list.items[i].reason, why) != NULL;
    decision_list_clear(&list);
    return found;
}

static void switch_metrics(struct world *world, bool on)
{
    world->fault = on ? FAULT_NONE : FAULT_DENIED;
    world->fault_operation = "EnableEnhancedMonitoring";
    world->fault_times = 1000;
    cJSON_Delete(world_kinesis(world, on ? "EnableEnhancedMonitoring" : "DisableEnhancedMonitoring",
                               "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"ALL\"]}"));
}

/* Somebody switches the metrics off, and we may not switch them on. */
START_TEST(what_shards_carried_hours_ago_gives_none_back)
{
    struct world *world = uneven_scene(8, "constant:4M", "slice:0.5:3:16");
    int64_t open;

    world_run(world, 3 * HOUR_MS);
    open = world_open_shards(world, "orders");
    switch_metrics(world, false);
    world_run(world, 61 * MINUTE_MS);
    world_traffic(world, "orders", "constant:0.5M", 2048, "slice:0.5:11:16");
    world_run(world, 6 * HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), open);
    ck_assert(was_decided(world, "hold", "not to be had for 60 minutes, so nothing is given back"));
    world_traffic(world, "orders", "constant:6M", 2048, "slice:0.5:3:16"); /* but it says where to split */
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), open);
    world_traffic(world, "orders", "constant:0.5M", 2048, "slice:0.5:11:16");
    switch_metrics(world, true);
    world_run(world, 2 * HOUR_MS);
    ck_assert_int_lt(world_open_shards(world, "orders"), 4);
    world_free(world);
}
END_TEST

START_TEST(the_metrics_of_shards_are_read_four_times_an_hour_while_nothing_is_to_be_done)
{
    struct world *world = uneven_scene(4, "constant:1.9M", "uniform");
    size_t asked;

    world_run(world, 30 * MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX;
    asked = world_count_calls(world, "GetMetricData");
    world_run(world, HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "GetMetricData") - asked, 60 + 4);
    world_free(world);
}
END_TEST

/* ---- kills */

/* The end of the program at the requests of a run, before they are heard or after. */
static void assert_kills_cost_only_time(struct world *(*begin)(void), int64_t minutes,
                                        void (*assert_end)(struct world *world))
{
    bool killed = true;

    for (int at = 1; killed; at += getenv("KINESCALE_SWEEP") != NULL ? 1 : 7) {
        struct world *world = begin();

        world->requests = 0;
        world->kill_at = at;
        world->kill_unheard = at % 2 == 0;
        for (int64_t minute = 0; minute < minutes && !world->killed; minute++)
            world_run(world, MINUTE_MS);
        killed = world->killed;
        if (killed)
            world_restart(world);
        world->kill_at = 0;
        world_run(world, minutes * MINUTE_MS);
        assert_end(world);
        world_free(world);
    }
}

static struct world *about_to_rise(void)
{
    return scene(orders, 4, "constant:3.65M");
}

/* Before an hour is over nothing is given back. */
static struct world *about_to_give_back(void)
{
    struct world *world = scene(orders, 8, "constant:2M");

    world_run(world, 58 * MINUTE_MS);
    return world;
}

static struct world *about_to_rise_by_shard(void)
{
    struct world *world = uneven_scene(4, "constant:0.9M", "slice:0.8:3:4");

    world_run(world, 20 * MINUTE_MS);
    world_traffic(world, "orders", "constant:2M", 2048, "slice:0.8:3:4");
    return world;
}

static void assert_eight(struct world *world)
{
    assert_fitting(world, 8);
}

static void assert_four(struct world *world)
{
    assert_fitting(world, 4);
}

static void assert_only_the_full_one_was_split(struct world *world)
{
    struct shard_map map = {0};
    double before = throttled_bytes(world);

    world_assert_partition(world, "orders");
    world_shards(world, "orders", &map);
    ck_assert_uint_ge(map.count, 6);
    ck_assert_uint_le(map.count, 7);
    ck_assert(map.items[3].start == hashkey_even_start(3, 4));
    shard_map_clear(&map);
    world_run(world, 5 * MINUTE_MS);
    ck_assert_double_eq_tol(throttled_bytes(world), before, 1);
}

static const struct {
    struct world *(*begin)(void);
    int64_t minutes;
    void (*assert_end)(struct world *world);
} kills[] = {{about_to_rise, 12, assert_eight},
             {about_to_give_back, 14, assert_four},
             {about_to_rise_by_shard, 12, assert_only_the_full_one_was_split}};

START_TEST(a_kill_at_any_request_costs_only_time)
{
    assert_kills_cost_only_time(kills[_i].begin, kills[_i].minutes, kills[_i].assert_end);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, adaptive");
    TCase *tcase = tcase_create("adaptive");

    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, a_constant_load_leads_to_nothing);
    tcase_add_test(tcase, a_rising_load_is_followed_without_an_alarm);
    tcase_add_test(tcase, alarms_stand_where_the_policy_acts_before_it_has_learned_anything_too);
    tcase_add_test(tcase, shards_are_given_back_after_an_hour_without_a_pass);
    tcase_add_test(tcase, a_pass_asks_the_policy_and_not_the_day);
    tcase_add_test(tcase, a_burst_in_the_middle_of_a_give_back_turns_it_round);
    tcase_add_test(tcase, a_load_that_goes_on_rising_raises_the_goal);
    tcase_add_loop_test(tcase, settings_bound_what_is_done, 0, (int)COUNT_OF(bounds));
    tcase_add_test(tcase, a_paused_stream_is_left_alone_and_looked_at_afterwards);
    tcase_add_test(tcase, looks_survive_a_restart_and_begin_by_the_first_look_at_everything);
    tcase_add_test(tcase, a_quiet_look_asks_cloudwatch_once_and_nobody_else);
    tcase_add_test(tcase, a_look_that_leads_to_nothing_leaves_no_decision);
    tcase_add_test(tcase, an_alarm_that_the_policy_does_nothing_for_is_dropped_with_the_reason);
    tcase_add_test(tcase, an_alarm_that_nothing_is_done_for_is_thought_about_again_and_again);
    tcase_add_test(tcase, a_stream_that_is_being_made_is_waited_for);
    tcase_add_test(tcase, a_hot_key_is_looked_at_as_long_as_its_alarm_stands);
    tcase_add_test(tcase, a_stream_brings_the_history_that_cloudwatch_has);
    tcase_add_loop_test(tcase, what_is_not_known_is_no_reason_to_give_back, 0, (int)COUNT_OF(missing));
    tcase_add_test(tcase, an_alarm_without_figures_adds_one_generation_and_no_more);
    tcase_add_test(tcase, another_alarm_without_figures_waits_for_the_cooldown);
    tcase_add_test(tcase,
                   a_give_back_that_is_refused_is_tried_again_after_5_and_15_minutes_and_then_every_hour);
    tcase_add_test(tcase, more_shards_do_not_wait_for_a_give_back_that_was_refused);
    tcase_add_test(tcase, only_the_shards_that_are_too_full_are_split);
    tcase_add_test(tcase, what_carries_little_is_merged_while_the_full_stays);
    tcase_add_test(tcase, a_hot_key_is_found_shown_and_left_alone);
    tcase_add_test(tcase, what_shards_carried_hours_ago_gives_none_back);
    tcase_add_test(tcase, the_metrics_of_shards_are_read_four_times_an_hour_while_nothing_is_to_be_done);
    tcase_add_loop_test(tcase, a_kill_at_any_request_costs_only_time, 0, (int)COUNT_OF(kills));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
