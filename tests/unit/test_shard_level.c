/*
 * test_shard_level.c - alarm_level = shard: the real engine against the simulated AWS, in virtual time.
 */
#include "shard_alarms_world.h"
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "base/text.h"
#include "store/actions.h"
#include "store/notifications.h"

static const char orders[] = "[stream orders]\nmax_shards = 64\nalarm_level = shard\n";

/* Made by reconcile, and looked at by it from then on. */
static struct world *scene(const char *streams, int shards)
{
    struct world *world = world_new_classic(streams, NULL);

    world_scene(world, "orders", shards);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 2 * MINUTE_MS);
    return world;
}

static size_t actions(struct world *world, enum action_kind kind, struct action *ret_last)
{
    struct action_list list = {0};
    struct error err = {0};
    size_t count = 0;

    ck_assert_int_eq(store_actions_recent(world->store, "orders", 1000, &list, &err), 0);
    for (size_t i = list.count; i > 0; i--) {
        if (list.items[i - 1].kind != kind)
            continue;
        count++;
        if (ret_last != NULL)
            *ret_last = list.items[i - 1];
    }
    action_list_clear(&list);
    return count;
}

/* ---- the alarms themselves */

START_TEST(every_open_shard_gets_its_alarms_and_the_metrics_for_them)
{
    struct world *world = scene(orders, 4);
    cJSON *summary;
    size_t puts = world_count_calls(world, "PutMetricAlarm");

    assert_shard_alarms_match(world);
    ck_assert_uint_eq(puts, 12);
    summary = world_kinesis(world, "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(
                         cJSON_GetObjectItem(
                             cJSON_GetArrayItem(
                                 cJSON_GetObjectItem(cJSON_GetObjectItem(summary, "StreamDescriptionSummary"),
                                                     "EnhancedMonitoring"),
                                 0),
                             "ShardLevelMetrics"),
                         2)),
                     "WriteProvisionedThroughputExceeded");
    cJSON_Delete(summary);

    world_run(world, HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "PutMetricAlarm"), puts);
    ck_assert_uint_eq(world_count_calls(world, "DeleteAlarms"), 0);
    ck_assert_uint_eq(world_count_calls(world, "EnableEnhancedMonitoring"), 1);
    ck_assert_uint_eq(actions(world, ACTION_REPAIR, NULL), 1);
    world_free(world);
}
END_TEST

START_TEST(metrics_that_somebody_else_turned_on_stay_on)
{
    struct world *world = world_new_classic(orders, NULL);
    cJSON *summary;
    char *text;

    world_scene(world, "orders", 2);
    cJSON_Delete(world_kinesis(world, "EnableEnhancedMonitoring",
                               "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"OutgoingBytes\"]}"));
    world->reconcile_at_ms = world->clock.ms; /* the stream is UPDATING this moment */
    world_run(world, 2 * MINUTE_MS);
    assert_shard_alarms_match(world);
    summary = world_kinesis(world, "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    text = cJSON_PrintUnformatted(summary);
    ck_assert_ptr_nonnull(strstr(text, "OutgoingBytes"));
    ck_assert_ptr_nonnull(strstr(text, "IncomingRecords"));
    free(text);
    cJSON_Delete(summary);
    world_free(world);
}
END_TEST

START_TEST(without_the_right_to_turn_metrics_on_no_alarm_is_made)
{
    struct world *world = world_new_classic(orders, NULL);
    struct action action;

    world_scene(world, "orders", 2);
    world_strike(world, FAULT_DENIED, "EnableEnhancedMonitoring", 1000);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 20 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "PutMetricAlarm"), 0);
    ck_assert_uint_eq(actions(world, ACTION_REPAIR, &action), 2);
    ck_assert_msg(strstr(action.failure, "EnableEnhancedMonitoring 'orders'") != NULL, "%s", action.failure);
    /* Twice at once; then at the first look after an hour. */
    world_run(world, 40 * MINUTE_MS);
    ck_assert_uint_eq(actions(world, ACTION_REPAIR, NULL), 2);
    world_run(world, 15 * MINUTE_MS);
    ck_assert_uint_eq(actions(world, ACTION_REPAIR, NULL), 3);
    world->fault_times = 0;
    world_run(world, 70 * MINUTE_MS);
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

/* Somebody reshards by hand, deletes an alarm, spoils another. */
START_TEST(what_others_did_to_shards_and_alarms_is_put_right)
{
    struct world *world = scene(orders, 4);

    cJSON_Delete(world_cloudwatch(
        world, "DeleteAlarms", "{\"AlarmNames\":[\"kinescale-orders-shardId-000000000001-IncomingBytes\"]}"));
    cJSON_Delete(world_kinesis(
        world, "MergeShards",
        "{\"StreamName\":\"orders\",\"ShardToMerge\":\"shardId-000000000002\",\"AdjacentShardToMerge\":"
        "\"shardId-000000000003\"}"));
    world_run(world, 12 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 3);
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

static void put_foreign(struct world *world, const char *name, const char *stream, const char *topic)
{
    cJSON_Delete(
        world_cloudwatch(world, "PutMetricAlarm",
                         "{\"AlarmName\":\"%s\",\"Namespace\":\"AWS/"
                         "Kinesis\",\"MetricName\":\"IncomingBytes\",\"Dimensions\":["
                         "{\"Name\":\"StreamName\",\"Value\":\"%s\"},{\"Name\":\"ShardId\",\"Value\":"
                         "\"shardId-000000000099\"}],"
                         "\"Statistic\":\"Sum\",\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":5,"
                         "\"ComparisonOperator\":\"GreaterThanThreshold\",\"AlarmActions\":[\"%s\"]}",
                         name, stream, topic));
}

static bool exists(struct world *world, const char *name)
{
    cJSON *answer = world_cloudwatch(world, "DescribeAlarms", "{\"AlarmNames\":[\"%s\"]}", name);
    bool found = cJSON_GetArraySize(cJSON_GetObjectItem(answer, "MetricAlarms")) == 1;

    cJSON_Delete(answer);
    return found;
}

START_TEST(of_alarms_on_closed_shards_only_those_with_our_topic_are_deleted)
{
    struct world *world = scene(orders, 2);

    put_foreign(world, "ours, named by others", "orders", WORLD_TOPIC);
    put_foreign(world, "another topic", "orders", "arn:aws:sns:us-east-1:000000000000:somebody-else");
    put_foreign(world, "another stream", "clicks", WORLD_TOPIC);
    world_run(world, 12 * MINUTE_MS);
    ck_assert(!exists(world, "ours, named by others"));
    ck_assert(exists(world, "another topic"));
    ck_assert(exists(world, "another stream"));
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

START_TEST(back_at_stream_level_our_alarms_on_shards_go_and_those_on_the_stream_stay)
{
    struct world *world = scene(orders, 2);

    world_configure(world, "[stream orders]\nmax_shards = 64\n");
    world_run(world, 10 * MINUTE_MS);
    for (int i = 0; i < 2; i++) {
        cJSON *alarms = alarms_on_shards(world);

        ck_assert_int_eq(cJSON_GetArraySize(alarms), 0);
        cJSON_Delete(alarms);
        ck_assert(exists(world, "orders IncomingBytes"));
        world_run(world, HOUR_MS);
    }
    ck_assert_uint_eq(world_count_calls(world, "DeleteAlarms"), 1);
    world_configure(world, orders);
    world_run(world, 10 * MINUTE_MS);
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

/* ---- what is split */

/* 3 of 5.5 MiB/s lie on one of eight shards. */
START_TEST(one_hot_shard_of_eight_is_split_and_no_other)
{
    struct world *world = scene(orders, 8);
    SCOPED(shard_map_clear) struct shard_map open = {0};
    struct action action;

    world_traffic(world, "orders", "constant:2M", 2048, "uniform");
    world_run(world, 10 * MINUTE_MS);
    world_traffic(world, "orders", "constant:3.6M", 2048, "slice:0.4:3:8");
    world_run(world, 40 * MINUTE_MS);

    world_shards(world, "orders", &open);
    for (size_t i = 0; i < open.count; i++) {
        hashkey low = hashkey_even_start(3, 8), high = hashkey_even_start(4, 8);
        bool inside = open.items[i].start >= low && open.items[i].start < high;

        ck_assert_msg(inside == (open.items[i].parent[0] != '\0'), "shard '%s' of '%s'", open.items[i].id,
                      open.items[i].parent);
    }
    ck_assert(!shard_is_open(world, "shardId-000000000003"));
    ck_assert_uint_ge(open.count, 9);
    ck_assert_uint_le(open.count, 11);
    assert_shard_alarms_match(world);
    world_assert_partition(world, "orders");
    ck_assert_uint_ge(actions(world, ACTION_SCALE_UP, &action), 1);
    ck_assert_str_eq(action.failure, "");
    ck_assert_str_eq(world_state(world).hot_shard, "");
    world_free(world);
}
END_TEST

/* A quarter of the keys has most of the load: two shards of eight. */
START_TEST(several_hot_shards_are_split_in_one_action)
{
    struct world *world = scene(orders, 8);
    struct action action;

    world_traffic(world, "orders", "constant:3.5M", 2048, "slice:0.5:1:4");
    world_run(world, 10 * MINUTE_MS);
    ck_assert_uint_eq(actions(world, ACTION_SCALE_UP, &action), 1);
    ck_assert_int_eq(action.from_shards, 8);
    world_run(world, 30 * MINUTE_MS);
    ck_assert(!shard_is_open(world, "shardId-000000000002"));
    ck_assert(!shard_is_open(world, "shardId-000000000003"));
    ck_assert(shard_is_open(world, "shardId-000000000001"));
    ck_assert(shard_is_open(world, "shardId-000000000004"));
    ck_assert_uint_eq(actions(world, ACTION_SCALE_UP, &action), 1);
    ck_assert_str_eq(action.failure, "");
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

/* One key has 1.2 MiB/s: more than any shard takes. */
START_TEST(a_hot_key_is_followed_through_two_splits_and_then_left_alone)
{
    struct world *world = scene(orders, 8);
    struct action action;
    struct stream_state state;

    world_traffic(world, "orders", "constant:2.4M", 2048, "hot:0.5");
    world_run(world, 3 * HOUR_MS);
    ck_assert_int_eq(world_totals(world).splits, 2);
    assert_shard_alarms_match(world);
    ck_assert_uint_ge(actions(world, ACTION_SCALE_UP, &action), 2);
    ck_assert_msg(strstr(action.failure, " % of the load followed one child through two splits: a key that "
                                         "hashes to ") != NULL,
                  "%s", action.failure);
    state = world_state(world);
    ck_assert(shard_is_open(world, state.hot_shard));
    ck_assert_int_lt(world->clock.ms - state.hot_ms, 20 * MINUTE_MS);
    ck_assert_double_eq_tol(hashkey_share(state.hot_start, state.hot_end), 1.0 / 32, 1e-9);

    /* The key cools down, and the range as a whole grows: then splitting helps, and is done. */
    world_traffic(world, "orders", "constant:7M", 2048, "uniform");
    world_run(world, HOUR_MS);
    ck_assert_int_gt(world_totals(world).splits, 2);
    ck_assert_str_eq(world_state(world).hot_shard, "");
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

START_TEST(an_alarm_on_a_shard_that_is_closed_already_splits_nothing_blindly)
{
    struct world *world = scene(orders, 4);

    cJSON_Delete(world_kinesis(
        world, "SplitShard",
        "{\"StreamName\":\"orders\",\"ShardToSplit\":\"shardId-000000000001\",\"NewStartingHashKey\":"
        "\"127605887595351923798765477786913079296\"}"));
    world_run(world, MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX;
    cJSON_Delete(world_cloudwatch(
        world, "SetAlarmState",
        "{\"AlarmName\":\"kinescale-orders-shardId-000000000001-IncomingBytes\",\"StateValue\":\"ALARM\","
        "\"StateReason\":\"late\"}"));
    world_run(world, 10 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    ck_assert_uint_eq(actions(world, ACTION_SCALE_UP, NULL), 1);
    ck_assert(world_was_decided(world, "closed",
                                "an alarm names shard 'shardId-000000000001', which is closed; what took its "
                                "place is looked at: 'shardId-000000000004' and 'shardId-000000000005'"));
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

/* The children of a shard that somebody split are too full as well: by their own figures. */
START_TEST(an_alarm_on_a_closed_shard_leads_to_a_look_at_its_children)
{
    struct world *world = scene(orders, 4);

    cJSON_Delete(world_kinesis(
        world, "SplitShard",
        "{\"StreamName\":\"orders\",\"ShardToSplit\":\"shardId-000000000001\",\"NewStartingHashKey\":"
        "\"127605887595351923798765477786913079296\"}"));
    world_run(world, MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX; /* nobody makes alarms for them */
    world_traffic(world, "orders", "constant:2.2M", 2048, "slice:0.6:1:4");
    cJSON_Delete(world_cloudwatch(world, "DeleteAlarms",
                                  "{\"AlarmNames\":[\"orders IncomingBytes\",\"orders IncomingRecords\"]}"));
    world_run(world, 4 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    cJSON_Delete(world_cloudwatch(
        world, "SetAlarmState",
        "{\"AlarmName\":\"kinescale-orders-shardId-000000000001-IncomingBytes\",\"StateValue\":\"ALARM\","
        "\"StateReason\":\"late\"}"));
    world_run(world, 10 * MINUTE_MS);
    ck_assert(!shard_is_open(world, "shardId-000000000004") && !shard_is_open(world, "shardId-000000000005"));
    ck_assert(shard_is_open(world, "shardId-000000000000"));
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

START_TEST(merges_of_a_quiet_day_keep_the_alarms_with_the_shards)
{
    struct world *world = scene("[stream orders]\nmin_shards = 2\nmax_shards = 64\nalarm_level = shard\n", 8);
    struct pass_options options = {0};
    struct pass_row row = {.stream = "orders"};
    struct error err = {0};
    struct action action;

    world_traffic(world, "orders", "constant:1.2M", 2048, "uniform");
    world_run(world, 25 * (int64_t)HOUR_MS);
    ck_assert_int_eq(engine_scale_down(world->engine, world->store, &options, &row, 1, &err), 0);
    ck_assert_msg(row.result == PASS_RESHARD, "%s", row.reason);
    down_plan_clear(&row.plan);
    world_run(world, HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 3);
    ck_assert_uint_eq(actions(world, ACTION_SCALE_DOWN, &action), 1);
    ck_assert_str_eq(action.failure, "");
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

/* "kinescale-orders-shardId-..." is also how the names of stream "orders-shardId-x" begin. */
START_TEST(alarms_of_another_stream_whose_names_begin_alike_are_left_alone)
{
    struct world *world = scene(orders, 2);

    cJSON_Delete(world_cloudwatch(
        world, "PutMetricAlarm",
        "{\"AlarmName\":\"kinescale-orders-shardId-x-shardId-000000000000-IncomingBytes\",\"Namespace\":"
        "\"AWS/Kinesis\",\"MetricName\":\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":"
        "\"orders-shardId-x\"},{\"Name\":\"ShardId\",\"Value\":\"shardId-000000000000\"}],\"Statistic\":"
        "\"Sum\","
        "\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":5,\"TreatMissingData\":\"ignore\","
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"AlarmActions\":[\"" WORLD_TOPIC "\"]}"));
    cJSON_Delete(world_cloudwatch(world, "SetAlarmState",
                                  "{\"AlarmName\":\"kinescale-orders-shardId-x-shardId-000000000000-"
                                  "IncomingBytes\",\"StateValue\":\"ALARM\","
                                  "\"StateReason\":\"somebody else's\"}"));
    world_traffic(world, "orders", "constant:1.8M", 2048, "uniform");
    world_run(world, 15 * MINUTE_MS);
    ck_assert_uint_ge(actions(world, ACTION_SCALE_UP, NULL), 1);
    ck_assert_str_eq(
        world_alarm_state(world, "kinescale-orders-shardId-x-shardId-000000000000-IncomingBytes"), "ALARM");
    world_free(world);
}
END_TEST

START_TEST(where_no_alarm_may_be_made_one_is_tried_and_those_of_closed_shards_are_deleted)
{
    struct world *world = scene(orders, 4);
    struct action action;
    cJSON *alarms;
    size_t puts;

    cJSON_Delete(world_kinesis(
        world, "SplitShard",
        "{\"StreamName\":\"orders\",\"ShardToSplit\":\"shardId-000000000001\",\"NewStartingHashKey\":"
        "\"127605887595351923798765477786913079296\"}"));
    world_run(world, MINUTE_MS);
    world_strike(world, FAULT_DENIED, "PutMetricAlarm", 1000);
    puts = world_count_calls(world, "PutMetricAlarm");
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, MINUTE_MS);
    ck_assert_uint_eq(actions(world, ACTION_REPAIR, &action), 2);
    ck_assert_msg(strstr(action.failure, "not authorized") != NULL, "%s", action.failure);
    /* Three thresholds of the stream fit: five shards take what four took. */
    ck_assert_uint_eq(world_count_calls(world, "PutMetricAlarm") - puts, 1);
    alarms = alarms_on_shards(world);
    ck_assert_int_eq(cJSON_GetArraySize(alarms), 9);
    cJSON_Delete(alarms);
    world->fault = FAULT_NONE;
    world_run(world, 10 * MINUTE_MS);
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

START_TEST(without_metrics_all_shards_in_alarm_are_split_and_no_other)
{
    struct world *world = scene(orders, 8);

    world->deaf = true; /* of three alarms only the last is heard */
    for (int i = 2; i <= 4; i++) {
        world_run(world, 100);
        world->deaf = i < 4;
        cJSON_Delete(world_cloudwatch(world, "SetAlarmState",
                                      "{\"AlarmName\":\"kinescale-orders-shardId-00000000000%d-"
                                      "IncomingBytes\",\"StateValue\":\"ALARM\","
                                      "\"StateReason\":\"by hand\"}",
                                      i));
    }
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 11);
    for (int i = 0; i < 8; i++) {
        char id[SHARD_ID_SIZE];

        snprintf(id, sizeof(id), "shardId-00000000000%d", i);
        ck_assert_msg(shard_is_open(world, id) == (i < 2 || i > 4), "%s", id);
    }
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

START_TEST(max_shards_binds_and_the_alarm_fires_again_after_each_cooldown)
{
    struct world *world = scene("[stream orders]\nmax_shards = 9\nalarm_level = shard\n", 8);
    struct action action;

    world_traffic(world, "orders", "constant:4.5M", 2048, "slice:0.6:3:8");
    world_run(world, HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 9);
    ck_assert_uint_ge(actions(world, ACTION_SCALE_UP, &action), 5);
    ck_assert_msg(strstr(action.failure, "max_shards is 9") != NULL, "%s", action.failure);
    assert_shard_alarms_match(world);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("shard level");
    TCase *alarms = tcase_create("alarms"), *splits_case = tcase_create("splits");

    tcase_set_timeout(alarms, 60);
    tcase_add_test(alarms, every_open_shard_gets_its_alarms_and_the_metrics_for_them);
    tcase_add_test(alarms, metrics_that_somebody_else_turned_on_stay_on);
    tcase_add_test(alarms, without_the_right_to_turn_metrics_on_no_alarm_is_made);
    tcase_add_test(alarms, what_others_did_to_shards_and_alarms_is_put_right);
    tcase_add_test(alarms, of_alarms_on_closed_shards_only_those_with_our_topic_are_deleted);
    tcase_add_test(alarms, alarms_of_another_stream_whose_names_begin_alike_are_left_alone);
    tcase_add_test(alarms, where_no_alarm_may_be_made_one_is_tried_and_those_of_closed_shards_are_deleted);
    tcase_add_test(alarms, back_at_stream_level_our_alarms_on_shards_go_and_those_on_the_stream_stay);
    suite_add_tcase(suite, alarms);
    tcase_set_timeout(splits_case, 60);
    tcase_add_test(splits_case, one_hot_shard_of_eight_is_split_and_no_other);
    tcase_add_test(splits_case, several_hot_shards_are_split_in_one_action);
    tcase_add_test(splits_case, a_hot_key_is_followed_through_two_splits_and_then_left_alone);
    tcase_add_test(splits_case, an_alarm_on_a_shard_that_is_closed_already_splits_nothing_blindly);
    tcase_add_test(splits_case, an_alarm_on_a_closed_shard_leads_to_a_look_at_its_children);
    tcase_add_test(splits_case, merges_of_a_quiet_day_keep_the_alarms_with_the_shards);
    tcase_add_test(splits_case, without_metrics_all_shards_in_alarm_are_split_and_no_other);
    tcase_add_test(splits_case, max_shards_binds_and_the_alarm_fires_again_after_each_cooldown);
    suite_add_tcase(suite, splits_case);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
