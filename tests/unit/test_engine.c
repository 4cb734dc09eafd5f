/*
 * The real engine, store and AWS client against the simulated AWS, in virtual time.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/notifications.h"
#include "store/streams.h"

static const char orders[] = "[stream orders]\nmin_shards = 1\nmax_shards = 64\nresharding = split\n";

#define BYTES_ALARM "orders IncomingBytes"
#define RECORDS_ALARM "orders IncomingRecords"
#define THROTTLED_ALARM "orders WriteProvisionedThroughputExceeded"

static double bytes_threshold(int shards)
{
    return 0.8 * 60 * 1048576 * shards;
}

static struct world *scene(const char *streams, int shards)
{
    struct world *world = world_new_classic(streams, NULL);

    world_scene(world, "orders", shards);
    return world;
}

/* ---- what the store remembers */

static size_t actions(struct world *world, struct action *ret_last)
{
    struct action_list list = {0};
    struct error err = {0};
    size_t count;

    ck_assert_int_eq(store_actions_recent(world->store, "orders", 100, &list, &err), 0);
    count = list.count;
    if (count > 0 && ret_last != NULL)
        *ret_last = list.items[0];
    action_list_clear(&list);
    return count;
}

static size_t notifications(struct world *world, enum notification_status status, char *ret_reason,
                            size_t size)
{
    struct notification_list list = {0};
    struct error err = {0};
    size_t count;

    ck_assert_int_eq(store_notifications_recent(world->store, NULL, (int)status, 100, &list, &err), 0);
    count = list.count;
    if (count > 0 && ret_reason != NULL)
        snprintf(ret_reason, size, "%s", list.items[0].reason);
    notification_list_clear(&list);
    return count;
}

/* No shard may have been asked to split twice with success. */
static void assert_no_double_split(struct world *world)
{
    struct sim_totals totals;
    struct error err = {0};
    int64_t open = world_open_shards(world, "orders");

    ck_assert_int_eq(sim_stream_totals(world->sim, "orders", &totals, &err), 0);
    if (totals.updates == 0)
        ck_assert_int_eq(totals.splits - totals.merges, open - 4);
    world_assert_partition(world, "orders");
}

static void assert_armed(struct world *world, int shards)
{
    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), bytes_threshold(shards));
    ck_assert_double_eq(world_threshold(world, RECORDS_ALARM), 0.8 * 60 * 1000 * shards);
    ck_assert_double_eq(world_threshold(world, THROTTLED_ALARM), 0);
    ck_assert_str_ne(world_alarm_state(world, BYTES_ALARM), "ALARM");
    ck_assert_str_ne(world_alarm_state(world, RECORDS_ALARM), "ALARM");
}

/* ---- the main job */

/* 3.6 MiB/s on 4 shards is 90 %; a whole generation leaves 45 %. */
START_TEST(an_alarm_leads_to_a_whole_generation_and_is_armed_again)
{
    struct world *world = scene(orders, 4);
    struct action action;

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 20 * MINUTE_MS);

    assert_armed(world, 8);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 4);
    ck_assert_uint_eq(actions(world, &action), 1);
    ck_assert_int_eq(action.state, ACTION_DONE);
    ck_assert_int_eq(action.from_shards, 4);
    ck_assert_int_eq(action.to_shards, 8);
    ck_assert_str_eq(action.failure, "");
    ck_assert_uint_eq(notifications(world, NOTIFICATION_ACTED, NULL, 0), 1);
    assert_no_double_split(world);
    world_free(world);
}
END_TEST

static void forget(cJSON *alarm, const char *field)
{
    cJSON_DeleteItemFromObject(alarm, field);
}

START_TEST(every_field_of_an_alarm_but_its_threshold_stays_as_it_was)
{
    static const char *const changing[] = {"Threshold",
                                           "StateValue",
                                           "StateReason",
                                           "StateReasonData",
                                           "StateUpdatedTimestamp",
                                           "StateTransitionedTimestamp",
                                           "AlarmConfigurationUpdatedTimestamp"};
    struct world *world = scene(orders, 4);
    cJSON *before = world_alarm(world, BYTES_ALARM), *after;

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 20 * MINUTE_MS);
    after = world_alarm(world, BYTES_ALARM);
    ck_assert_double_eq(cJSON_GetObjectItem(after, "Threshold")->valuedouble, bytes_threshold(8));
    for (size_t i = 0; i < COUNT_OF(changing); i++) {
        forget(before, changing[i]);
        forget(after, changing[i]);
    }
    ck_assert_msg(cJSON_Compare(before, after, true), "before: %s after: %s", cJSON_Print(before),
                  cJSON_Print(after));
    cJSON_Delete(before);
    cJSON_Delete(after);
    world_free(world);
}
END_TEST

/* 1048-byte records: bytes and records stand at 90 % both, and alarm in the same evaluation. */
START_TEST(two_alarms_of_the_same_second_make_one_action)
{
    struct world *world = scene(orders, 4);
    char reason[512] = "";

    world_traffic(world, "orders", "constant:3.6M", 1048, "uniform");
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 8);
    ck_assert_uint_eq(actions(world, NULL), 1);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 4);
    ck_assert_uint_eq(notifications(world, NOTIFICATION_PENDING, NULL, 0), 0);
    ck_assert_uint_eq(notifications(world, NOTIFICATION_DEFERRED, NULL, 0), 0);
    ck_assert_uint_eq(notifications(world, NOTIFICATION_ACTED, NULL, 0) +
                          notifications(world, NOTIFICATION_DROPPED, reason, sizeof(reason)),
                      2);
    world_free(world);
}
END_TEST

/* Of what was rejected only so much is believed; the shards that there are later let more in. */
START_TEST(an_action_that_went_further_than_it_was_to_go_says_why)
{
    struct world *world = scene(orders, 1);
    struct action action;

    world_traffic(world, "orders", "constant:5M", 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 16);
    ck_assert_uint_eq(actions(world, &action), 1);
    ck_assert_int_eq(action.goal_shards, 8);
    ck_assert_msg(strncmp(action.reason, "at least 4.0 MiB/s ", 19) == 0, "%s", action.reason);
    ck_assert_msg(strstr(action.reason, "; later: 5.0 MiB/s ") != NULL, "%s", action.reason);
    world_free(world);
}
END_TEST

START_TEST(when_traffic_rises_again_the_alarm_fires_again)
{
    struct world *world = scene(orders, 4);

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 20 * MINUTE_MS);
    assert_armed(world, 8);
    world_traffic(world, "orders", "constant:7.5M", 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 16);
    ck_assert_uint_eq(actions(world, NULL), 2);
    world_free(world);
}
END_TEST

/* Demand beyond the old capacity is seen by what was throttled: one action goes all the way. */
START_TEST(throttled_records_count_as_demand)
{
    struct world *world = scene(orders, 4);
    struct sim_totals totals;
    struct error err = {0};

    world_traffic(world, "orders", "constant:9M", 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 16);
    ck_assert_uint_eq(actions(world, NULL), 1);
    ck_assert_int_eq(sim_stream_totals(world->sim, "orders", &totals, &err), 0);
    ck_assert_double_gt(totals.throttled_bytes, 0);
    world_free(world);
}
END_TEST

/* ---- cooldown and deferral */

static const char long_cooldown[] =
    "[stream orders]\nmin_shards = 1\nmax_shards = 64\nresharding = split\ncooldown = 30m\n";

START_TEST(an_alarm_during_the_cooldown_is_acted_on_when_it_ends)
{
    struct world *world = scene(long_cooldown, 4);
    char reason[512] = "";

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 10 * MINUTE_MS);
    assert_armed(world, 8);
    world_traffic(world, "orders", "constant:7.5M", 4096, "uniform");
    world_run(world, 15 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_str_eq(world_alarm_state(world, BYTES_ALARM), "ALARM");
    ck_assert_uint_ge(notifications(world, NOTIFICATION_DEFERRED, reason, sizeof(reason)), 1);
    ck_assert_ptr_nonnull(strstr(reason, "cooldown"));
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 16);
    world_free(world);
}
END_TEST

START_TEST(an_alarm_that_ended_by_itself_during_the_cooldown_is_dropped_with_the_reason)
{
    struct world *world = scene(long_cooldown, 4);
    char reason[512] = "";

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 10 * MINUTE_MS);
    world_traffic(world, "orders", "constant:7.5M", 4096, "uniform");
    world_run(world, 5 * MINUTE_MS);
    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, 40 * MINUTE_MS);
    assert_armed(world, 8);
    ck_assert_uint_ge(notifications(world, NOTIFICATION_DROPPED, reason, sizeof(reason)), 1);
    ck_assert_str_eq(reason, "the alarm is no longer in ALARM");
    ck_assert_uint_eq(notifications(world, NOTIFICATION_DEFERRED, NULL, 0), 0);
    world_free(world);
}
END_TEST

/* Its alarm is reset with the others when the action ends: there is nothing to act on after a short cooldown. */
START_TEST(an_alarm_that_fires_while_shards_are_split_makes_no_second_action)
{
    struct world *world = scene("[stream orders]\nmax_shards = 64\nresharding = split\ncooldown = 1m\n", 4);
    char reason[512] = "";

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    for (int i = 0; i < 600 && world_count_calls(world, "SplitShard") < 4; i++)
        world_run(world, 1000);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 4);
    cJSON_Delete(world_cloudwatch(world, "SetAlarmState",
                                  "{\"AlarmName\":\"" RECORDS_ALARM "\",\"StateValue\":\"ALARM\","
                                  "\"StateReason\":\"late\"}"));
    world_run(world, 10 * MINUTE_MS);

    ck_assert_uint_eq(actions(world, NULL), 1);
    ck_assert_uint_eq(notifications(world, NOTIFICATION_DROPPED, reason, sizeof(reason)), 1);
    ck_assert_str_eq(reason, "the alarm is no longer in ALARM");
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

/* ---- bounds and refusals */

START_TEST(max_shards_is_never_passed_and_the_reason_is_kept)
{
    struct world *world = scene("[stream orders]\nmin_shards = 1\nmax_shards = 8\n", 4);
    struct action action;

    world_traffic(world, "orders", "constant:20M", 4096, "uniform");
    world_run(world, 40 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), bytes_threshold(8));
    ck_assert_uint_ge(actions(world, &action), 1);
    ck_assert_msg(strstr(action.failure, "max_shards") != NULL, "failure: %s", action.failure);
    world_free(world);
}
END_TEST

START_TEST(a_refused_step_ends_the_action_with_the_failure_and_an_armed_alarm)
{
    struct world *world = scene(orders, 4);
    struct action action;

    world_strike(world, FAULT_DENIED, "SplitShard", 1000);
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 4 * MINUTE_MS);
    ck_assert_uint_eq(actions(world, &action), 1);
    ck_assert_int_eq(action.state, ACTION_DONE);
    ck_assert_msg(strstr(action.failure, "not authorized") != NULL, "failure: %s", action.failure);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);

    /* The rights are given: the alarm, armed again, leads to the shards without anybody's help. */
    world->fault = FAULT_NONE;
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

START_TEST(update_shard_count_goes_straight_to_the_target)
{
    struct world *world =
        scene("[stream orders]\nmin_shards = 1\nmax_shards = 64\nresharding = update-shard-count\n", 4);

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 6); /* 3.6 MiB/s at 60 % */
    ck_assert_uint_eq(world_count_calls(world, "UpdateShardCount"), 1);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    world_free(world);
}
END_TEST

START_TEST(a_stream_below_min_shards_is_brought_inside)
{
    struct world *world = scene("[stream orders]\nmin_shards = 6\nmax_shards = 64\n", 4);

    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_ge(world_open_shards(world, "orders"), 6);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

/* ---- nothing measured */

START_TEST(without_metrics_an_alarm_splits_one_generation_and_no_more)
{
    struct world *world = scene(orders, 4);

    cJSON_Delete(world_cloudwatch(world, "SetAlarmState",
                                  "{\"AlarmName\":\"" BYTES_ALARM
                                  "\",\"StateValue\":\"ALARM\",\"StateReason\":\"by hand\"}"));
    world_run(world, 60 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 4);
    world_free(world);
}
END_TEST

/* One key takes 1.5 MiB/s of 2: splitting widths never ends that. */
START_TEST(skew_without_shard_metrics_costs_one_generation_at_most)
{
    struct world *world = scene(orders, 4);
    struct action action;

    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", "constant:2M", 4096, "hot:0.75");
    world_run(world, 6 * HOUR_MS);
    ck_assert_int_le(world_open_shards(world, "orders"), 8);
    ck_assert_uint_ge(actions(world, &action), 2);
    ck_assert_msg(strstr(action.failure, "IncomingBytes") != NULL, "failure: %s", action.failure);
    world_free(world);
}
END_TEST

/* The minute of the jump averages little and throttles much; that is no hot key. */
START_TEST(a_jump_in_the_middle_of_a_minute_is_not_taken_for_a_hot_key)
{
    struct world *world = scene(orders, 2);

    world_traffic(world, "orders", "constant:500k", 4096, "uniform");
    world_run(world, 10 * MINUTE_MS + 40000 - world->clock.ms % MINUTE_MS);
    world_traffic(world, "orders", "constant:6M", 4096, "uniform");
    world_run(world, 12 * MINUTE_MS);
    assert_armed(world, 16);
    ck_assert_uint_eq(actions(world, NULL), 1);
    world_free(world);
}
END_TEST

START_TEST(an_alarm_that_asks_for_nothing_keeps_no_other_waiting_for_the_whole_cooldown)
{
    struct world *world = scene(long_cooldown, 4);
    struct action action;

    cJSON_Delete(world_cloudwatch(world, "SetAlarmState",
                                  "{\"AlarmName\":\"" BYTES_ALARM
                                  "\",\"StateValue\":\"ALARM\",\"StateReason\":\"by hand\"}"));
    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, 5 * MINUTE_MS);
    ck_assert_uint_eq(actions(world, &action), 1);
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_ge(world_open_shards(world, "orders"), 8);
    world_free(world);
}
END_TEST

/* ---- reconcile */

START_TEST(an_alarm_whose_notification_was_lost_is_found)
{
    struct world *world = scene(orders, 4);

    world->deaf = true;
    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

START_TEST(thresholds_that_do_not_fit_are_put_right)
{
    struct world *world = scene(orders, 4);

    cJSON_Delete(world_kinesis(
        world, "UpdateShardCount",
        "{\"StreamName\":\"orders\",\"TargetShardCount\":8,\"ScalingType\":\"UNIFORM_SCALING\"}"));
    world_run(world, 10 * MINUTE_MS);
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), bytes_threshold(4));
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, MINUTE_MS);
    assert_armed(world, 8);
    ck_assert_uint_eq(world_count_calls(world, "SetAlarmState"), 0);
    world_free(world);
}
END_TEST

START_TEST(one_bad_stream_stops_no_other)
{
    struct world *world =
        world_new_classic("[stream orders]\nmax_shards = 64\n[stream missing]\nmax_shards = 64\n", NULL);

    world_scene(world, "orders", 4);
    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 20 * MINUTE_MS);
    assert_armed(world, 8);
    world_free(world);
}
END_TEST

/* ---- composite and metric math */

START_TEST(a_composite_alarm_finds_its_stream_by_its_children)
{
    struct world *world = scene(orders, 4);

    /* The child has no action of its own; only the composite speaks. */
    cJSON_Delete(world_cloudwatch(
        world, "PutMetricAlarm",
        "{\"AlarmName\":\"child\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"IncomingBytes\","
        "\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],\"Statistic\":\"Sum\",\"Period\":60,"
        "\"EvaluationPeriods\":1,\"Threshold\":100000000,\"ComparisonOperator\":\"GreaterThanThreshold\"}"));
    cJSON_Delete(world_cloudwatch(world, "PutCompositeAlarm",
                                  "{\"AlarmName\":\"parent\",\"AlarmRule\":\"ALARM(\\\"child\\\")\","
                                  "\"AlarmActions\":[\"" WORLD_TOPIC "\"]}"));
    cJSON_Delete(world_cloudwatch(world, "DeleteAlarms",
                                  "{\"AlarmNames\":[\"" BYTES_ALARM "\",\"" RECORDS_ALARM
                                  "\",\"" THROTTLED_ALARM "\"]}"));
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_double_eq(world_threshold(world, "child"), bytes_threshold(8));
    ck_assert_str_eq(world_alarm_state(world, "child"), "OK");
    world_free(world);
}
END_TEST

START_TEST(a_metric_math_alarm_is_acted_on_and_reset_but_its_threshold_is_left_alone)
{
    struct world *world = scene(orders, 4);

    cJSON_Delete(world_cloudwatch(world, "DeleteAlarms",
                                  "{\"AlarmNames\":[\"" BYTES_ALARM "\",\"" RECORDS_ALARM
                                  "\",\"" THROTTLED_ALARM "\"]}"));
    cJSON_Delete(world_cloudwatch(
        world, "PutMetricAlarm",
        "{\"AlarmName\":\"math\",\"EvaluationPeriods\":1,\"Threshold\":0.8,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"AlarmActions\":[\"" WORLD_TOPIC "\"],\"Metrics\":["
        "{\"Id\":\"m1\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/"
        "Kinesis\",\"MetricName\":\"IncomingBytes\","
        "\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}]},\"Period\":60,\"Stat\":\"Sum\"},"
        "\"ReturnData\":false},{\"Id\":\"e1\",\"Expression\":\"m1/(1048576*60*4)\",\"ReturnData\":true}]}"));
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 6 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_double_eq(world_threshold(world, "math"), 0.8);
    ck_assert_uint_ge(world_count_calls(world, "SetAlarmState"), 1);
    world_free(world);
}
END_TEST

/* ---- whatever happens */

START_TEST(a_lost_answer_splits_no_shard_twice)
{
    struct world *world = scene(orders, 4);

    world_strike(world, _i == 0 ? FAULT_LOST : FAULT_UNHEARD, "SplitShard", 10);
    world->fault_after = 1;
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world_run(world, 60 * MINUTE_MS);
    assert_armed(world, 8);
    assert_no_double_split(world);
    ck_assert_uint_eq(actions(world, NULL), 1);
    world_free(world);
}
END_TEST

/* Nothing may hang on what a process remembers: it is replaced before every minute. */
START_TEST(a_restart_every_few_seconds_changes_nothing)
{
    struct world *world = scene(orders, 4);

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    world->reconcile_at_ms = world->clock.ms;
    for (int i = 0; i < 60 * 12; i++) {
        world_run(world, 5000);
        world_restart(world);
    }
    assert_armed(world, 8);
    assert_no_double_split(world);
    world_free(world);
}
END_TEST

START_TEST(two_engines_on_one_database_make_one_action)
{
    struct world *world = scene(orders, 4);
    struct engine_options other = {
        .config = world->config, .aws = world->aws, .clock = &world->clock.clock, .owner = "the other"};
    struct engine *engine = engine_new(&other);
    struct error err = {0};

    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    for (int i = 0; i < 20 * 60; i++) {
        world_run(world, 1000);
        ck_assert_msg(engine_turn(engine, world->store, "orders", &err) == 0, "%s", err.message);
    }
    assert_armed(world, 8);
    ck_assert_uint_eq(actions(world, NULL), 1);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 4);
    engine_free(engine);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine");
    TCase *tcase = tcase_create("virtual time");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, an_alarm_leads_to_a_whole_generation_and_is_armed_again);
    tcase_add_test(tcase, every_field_of_an_alarm_but_its_threshold_stays_as_it_was);
    tcase_add_test(tcase, two_alarms_of_the_same_second_make_one_action);
    tcase_add_test(tcase, an_action_that_went_further_than_it_was_to_go_says_why);
    tcase_add_test(tcase, when_traffic_rises_again_the_alarm_fires_again);
    tcase_add_test(tcase, throttled_records_count_as_demand);
    tcase_add_test(tcase, an_alarm_during_the_cooldown_is_acted_on_when_it_ends);
    tcase_add_test(tcase, an_alarm_that_ended_by_itself_during_the_cooldown_is_dropped_with_the_reason);
    tcase_add_test(tcase, an_alarm_that_fires_while_shards_are_split_makes_no_second_action);
    tcase_add_test(tcase, max_shards_is_never_passed_and_the_reason_is_kept);
    tcase_add_test(tcase, a_refused_step_ends_the_action_with_the_failure_and_an_armed_alarm);
    tcase_add_test(tcase, update_shard_count_goes_straight_to_the_target);
    tcase_add_test(tcase, a_stream_below_min_shards_is_brought_inside);
    tcase_add_test(tcase, without_metrics_an_alarm_splits_one_generation_and_no_more);
    tcase_add_test(tcase, skew_without_shard_metrics_costs_one_generation_at_most);
    tcase_add_test(tcase, a_jump_in_the_middle_of_a_minute_is_not_taken_for_a_hot_key);
    tcase_add_test(tcase, an_alarm_that_asks_for_nothing_keeps_no_other_waiting_for_the_whole_cooldown);
    tcase_add_test(tcase, an_alarm_whose_notification_was_lost_is_found);
    tcase_add_test(tcase, thresholds_that_do_not_fit_are_put_right);
    tcase_add_test(tcase, one_bad_stream_stops_no_other);
    tcase_add_test(tcase, a_composite_alarm_finds_its_stream_by_its_children);
    tcase_add_test(tcase, a_metric_math_alarm_is_acted_on_and_reset_but_its_threshold_is_left_alone);
    tcase_add_loop_test(tcase, a_lost_answer_splits_no_shard_twice, 0, 2);
    tcase_add_test(tcase, a_restart_every_few_seconds_changes_nothing);
    tcase_add_test(tcase, two_engines_on_one_database_make_one_action);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
