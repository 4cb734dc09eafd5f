/*
 * The policy `adaptive` in the engine: looks of its own, actions with a goal, and what stops them.
 */
#include "adaptive_world.h"
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/decisions.h"
#include "store/minutes.h"
#include "store/streams.h"

/* Nothing says `policy`: it is the default. */
static const char orders[] = "[stream orders]\nmax_shards = 64\n";

START_TEST(a_constant_load_leads_to_nothing)
{
    struct world *world = adaptive_scene(orders, 4, "constant:2.8M");

    world_run(world, 6 * HOUR_MS);
    ck_assert_uint_eq(world_reshards(world), 0);
    assert_fitting(world, 4);
    ck_assert_uint_eq(world->requests > 0, 1);
    world_free(world);
}
END_TEST

/* Nobody hears of an alarm: the looks find it. */
START_TEST(a_rising_load_is_followed_without_an_alarm)
{
    struct world *world = adaptive_scene(orders, 4, "constant:2M");

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
    struct world *world = adaptive_scene(orders, 4, "constant:2M");

    world_run(world, 10 * MINUTE_MS);
    assert_fitting(world, 4);
    world_traffic(world, "orders", "constant:3.28M", 2048, "uniform");
    world_run(world, 20 * MINUTE_MS);
    assert_fitting(world, 8);
    ck_assert_str_eq(world_alarm_state(world, "orders IncomingBytes"), "OK");
    world_free(world);
}
END_TEST

static int64_t learned_ms(struct world *world)
{
    struct adaptive_habits habits;
    struct error err = {0};
    int64_t at_ms;

    ck_assert_msg(store_habits_load(world->store, "orders", &habits, &at_ms, &err) == 0, "%s", err.message);
    return at_ms;
}

START_TEST(habits_are_learned_when_a_day_is_known_and_then_once_a_day)
{
    struct world *world = adaptive_scene(orders, 1, "constant:350k");
    int64_t first_ms;

    world_run(world, 23 * HOUR_MS);
    ck_assert_int_eq(learned_ms(world), 0);
    world_run(world, 2 * HOUR_MS);
    first_ms = learned_ms(world);
    ck_assert_int_gt(first_ms, 0);
    world_run(world, 22 * HOUR_MS);
    ck_assert_int_eq(learned_ms(world), first_ms);
    world_run(world, 3 * HOUR_MS);
    ck_assert_int_ge(learned_ms(world), first_ms + 24 * HOUR_MS);
    world_free(world);
}
END_TEST

START_TEST(shards_are_given_back_after_an_hour_without_a_pass)
{
    struct world *world = adaptive_scene(orders, 16, "constant:2M");

    world_run(world, 50 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 16);
    world_run(world, HOUR_MS);
    ck_assert_int_lt(world_open_shards(world, "orders"), 8);
    assert_fitting(world, world_open_shards(world, "orders"));
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_DOWN);
    world_free(world);
}
END_TEST

/* Somebody moved its threshold below the load; that it stands in ALARM for that asks for no shards. */
START_TEST(an_alarm_that_fires_because_its_threshold_does_not_fit_gets_one_that_does)
{
    struct world *world = adaptive_scene(orders, 4, "constant:2M");

    world_run(world, 10 * MINUTE_MS);
    cJSON_Delete(world_cloudwatch(
        world, "PutMetricAlarm",
        "{\"AlarmName\":\"orders IncomingBytes\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":"
        "\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],"
        "\"Statistic\":\"Sum\",\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":1000000,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"AlarmActions\":[\"" WORLD_TOPIC "\"]}"));
    world->reconcile_at_ms = INT64_MAX;
    world_run(world, 20 * MINUTE_MS);
    ck_assert_str_eq(world_alarm_state(world, "orders IncomingBytes"), "ALARM");
    world->reconcile_at_ms = world->clock.ms; /* which brings the alarm again, and finds the threshold */
    world_run(world, 5 * MINUTE_MS);
    ck_assert_str_eq(world_alarm_state(world, "orders IncomingBytes"), "OK");
    assert_fitting(world, 4);
    world_free(world);
}
END_TEST

/* What is said to an alarm that asks for nothing is about the shards, not about what else keeps them. */
START_TEST(an_alarm_within_the_cooldown_is_told_that_fewer_shards_would_do)
{
    struct world *world =
        adaptive_scene("[stream orders]\nmax_shards = 64\ncooldown = 3h\n", 16, "constant:2M");

    world_run(world, 110 * MINUTE_MS);
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_DOWN);
    world_traffic(world, "orders", "constant:300k", 2048, "uniform");
    world_run(world, 100 * MINUTE_MS);
    cJSON_Delete(world_cloudwatch(world, "SetAlarmState",
                                  "{\"AlarmName\":\"orders IncomingBytes\",\"StateValue\":\"ALARM\","
                                  "\"StateReason\":\"by hand\"}"));
    world_run(world, MINUTE_MS);
    ck_assert_msg(
        world_was_decided(world, "hold", "shards would be enough; nothing is given back within the cooldown"),
        "%s", world_last_decision(world, "orders").reason);
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
    struct world *world = adaptive_scene(orders, 16, "constant:2M");
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
    ck_assert_uint_eq(world_reshards(world), 0);
    ck_assert_int_eq(pass(world, false).result, PASS_RESHARD);
    world_run(world, 10 * MINUTE_MS);
    assert_fitting(world, 4);
    world_free(world);
}
END_TEST

/* Cron alone, and shards that somebody has opened by hand since. */
START_TEST(a_pass_sees_the_shards_that_there_are)
{
    struct world *world = adaptive_scene(orders, 4, "constant:2M");
    struct error err = {0};
    struct pass_row row;

    world_run(world, 30 * MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX;
    ck_assert_int_eq(store_stream_pause(world->store, "orders", INT64_MAX, world->clock.ms, &err), 0);
    for (int shards = 8; shards <= 16; shards += 8) {
        cJSON_Delete(world_kinesis(
            world, "UpdateShardCount",
            "{\"StreamName\":\"orders\",\"TargetShardCount\":%d,\"ScalingType\":\"UNIFORM_SCALING\"}",
            shards));
        world_run(world, HOUR_MS);
    }
    ck_assert_int_eq(store_stream_pause(world->store, "orders", 0, world->clock.ms, &err), 0);
    row = pass(world, true);
    ck_assert_msg(row.result == PASS_RESHARD && row.from_shards == 16 && row.to_shards == 4, "%d: %s",
                  (int)row.result, row.reason);
    ck_assert_int_eq(world_state(world).open_shards, 4); /* a dry run notes nothing */
    ck_assert_int_eq(pass(world, false).result, PASS_RESHARD);
    world_run(world, 10 * MINUTE_MS);
    assert_fitting(world, 4);
    world_free(world);
}
END_TEST

START_TEST(a_burst_in_the_middle_of_a_give_back_turns_it_round)
{
    struct world *world =
        adaptive_scene(orders, 32, "constant:1M"); /* to give all back takes a quarter of an hour */
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

/* The reason of the last action goes on with one sentence more, which says this. */
static void assert_later(struct world *world, const char *says)
{
    struct action action = world_last_action(world);
    const char *later = strstr(action.reason, "; later: the newest minute asks for");

    ck_assert_msg(later != NULL && strstr(later, says) != NULL && strstr(later + 1, "; later: ") == NULL,
                  "%s", action.reason);
}

/* 16 would be half as full again as 8, which are at 75 %. */
START_TEST(a_rise_that_ends_short_of_its_goal_says_why)
{
    struct world *world = adaptive_scene(orders, 2, "constant:1M");

    world_run(world, 5 * MINUTE_MS);
    world_traffic(world, "orders", "constant:6M", 2048, "uniform");
    world_run(world, 15 * MINUTE_MS);
    ck_assert_int_eq(world_last_action(world).to_shards, 8);
    ck_assert_ptr_nonnull(strstr(world_last_action(world).reason, ": 2 shards become 16, "));
    assert_later(world, ": 8 of the 16 shards that were wanted are enough");
    world_free(world);
}
END_TEST

/* A way down to four even shards turns when the load comes back: many are open then, and take no more than four. */
START_TEST(a_rise_from_uneven_shards_to_fewer_even_ones_says_what_it_does_and_where_it_ends)
{
    struct world *world = adaptive_scene(orders, 13, "constant:3M");
    struct action action;

    for (int i = 0; i < 90 && world_reshards(world) == 0; i++)
        world_run(world, MINUTE_MS);
    world_run(world, MINUTE_MS);
    world_traffic(world, "orders", "constant:3.5M", 2048, "uniform");
    world_run(world, 8 * MINUTE_MS);
    action = world_last_action(world);
    ck_assert_int_eq(action.kind, ACTION_SCALE_UP);
    ck_assert_msg(action.from_shards > action.goal_shards && action.to_shards > action.goal_shards &&
                      strstr(action.reason, " uneven shards become 8 even ones, ") != NULL,
                  "%s", action.reason);
    assert_later(world, " uneven shards are enough on the way to the 8 even ones that were wanted");
    world_free(world);
}
END_TEST

START_TEST(a_load_that_goes_on_rising_raises_the_goal)
{
    struct world *world = adaptive_scene(orders, 8, "constant:7.4M");

    world_run(world, 2 * MINUTE_MS);
    world_traffic(world, "orders", "constant:20M", 2048, "uniform");
    world_run(world, 25 * MINUTE_MS);
    assert_fitting(world, 32);
    ck_assert_int_eq(world_last_action(world).id, 1);
    ck_assert_int_eq(world_last_action(world).goal_shards, 32);
    assert_later(world, " uneven shards become 32 even ones, the first whole generation");
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
    struct world *world = adaptive_scene(streams, bounds[_i].shards, bounds[_i].load);
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
    struct world *world = adaptive_scene(orders, 4, "constant:2M");
    struct error err = {0};

    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(
        store_stream_pause(world->store, "orders", world->clock.ms + HOUR_MS, world->clock.ms, &err), 0);
    world_traffic(world, "orders", "constant:3.9M", 2048, "uniform");
    world_run(world, 55 * MINUTE_MS);
    ck_assert_uint_eq(world_reshards(world), 0);
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), 4);
    world_free(world);
}
END_TEST

START_TEST(looks_survive_a_restart_and_begin_by_the_first_look_at_everything)
{
    struct world *world = adaptive_scene(orders, 4, "constant:2M");
    struct stream_state state;

    world_run(world, 30 * MINUTE_MS);
    state = world_state(world);
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
    struct world *world =
        adaptive_scene("[stream orders]\nmin_shards = 4\nmax_shards = 64\n", 4, "constant:1.5M");
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

/* But for the first, when CloudWatch has told nothing yet, those with numbers of an hour that is not known, and then. */
START_TEST(a_look_that_leads_to_nothing_leaves_no_decision)
{
    struct world *world = adaptive_scene(orders, 4, "constant:3M");
    struct decision_list list = {0};
    struct error err = {0};

    world_run(world, 3 * HOUR_MS);
    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 100, &list, &err), 0);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(list.items[0].verdict, "hold");
    ck_assert(strstr(list.items[0].reason, "asked for 3.00, which keeps 4 shards") != NULL);
    ck_assert(strstr(list.items[1].reason, "some are unknown, so nothing is given back") != NULL);
    ck_assert(strncmp(list.items[2].reason, "CloudWatch has no minute", 24) == 0);
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
    struct world *world = adaptive_scene(orders, 4, "constant:2M");

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
    struct world *world = adaptive_scene("[stream orders]\nmax_shards = 4\n", 4, "constant:2M");

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
    struct world *world = adaptive_scene(orders, 4, "constant:2M");

    world_traffic(world, "orders", "constant:2.4M", 2048, "hot:0.95");
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
    ck_assert_int_eq(world_state(world).failures, 0);
    ck_assert_int_eq(world_state(world).open_shards, 2);
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
    struct world *world = adaptive_scene(orders, 4, "constant:2M");
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

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, adaptive");
    TCase *tcase = tcase_create("adaptive");

    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, a_constant_load_leads_to_nothing);
    tcase_add_test(tcase, a_rising_load_is_followed_without_an_alarm);
    tcase_add_test(tcase, alarms_stand_where_the_policy_acts_before_it_has_learned_anything_too);
    tcase_add_test(tcase, habits_are_learned_when_a_day_is_known_and_then_once_a_day);
    tcase_add_test(tcase, shards_are_given_back_after_an_hour_without_a_pass);
    tcase_add_test(tcase, an_alarm_that_fires_because_its_threshold_does_not_fit_gets_one_that_does);
    tcase_add_test(tcase, an_alarm_within_the_cooldown_is_told_that_fewer_shards_would_do);
    tcase_add_test(tcase, a_pass_asks_the_policy_and_not_the_day);
    tcase_add_test(tcase, a_pass_sees_the_shards_that_there_are);
    tcase_add_test(tcase, a_burst_in_the_middle_of_a_give_back_turns_it_round);
    tcase_add_test(tcase, a_rise_that_ends_short_of_its_goal_says_why);
    tcase_add_test(tcase, a_rise_from_uneven_shards_to_fewer_even_ones_says_what_it_does_and_where_it_ends);
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
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
