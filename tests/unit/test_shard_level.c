/*
 * test_shard_level.c - alarm_level = shard: the real engine against the simulated AWS, in virtual time.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/shard_alarms.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/notifications.h"
#include "store/streams.h"

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

/* All alarms whose names are of the kind that kinescale gives. */
static cJSON *alarms_on_shards(struct world *world)
{
    cJSON *answer = world_cloudwatch(world, "DescribeAlarms", "{\"AlarmNamePrefix\":\"kinescale-\"}");
    cJSON *alarms = cJSON_DetachItemFromObject(answer, "MetricAlarms");

    ck_assert_ptr_null(cJSON_GetObjectItem(answer, "NextToken"));
    cJSON_Delete(answer);
    return alarms;
}

static const cJSON *find_alarm(const cJSON *alarms, const char *name)
{
    const cJSON *alarm;

    cJSON_ArrayForEach(alarm, alarms) {
        if (text_equal(cJSON_GetStringValue(cJSON_GetObjectItem(alarm, "AlarmName")), name))
            return alarm;
    }
    return NULL;
}

/* Exactly one for each open shard and metric, and none besides. */
static void assert_alarms_match(struct world *world)
{
    static const double thresholds[] = {
        [METRIC_BYTES] = 50331648, [METRIC_RECORDS] = 48000, [METRIC_THROTTLED] = 0};
    SCOPED(shard_map_clear) struct shard_map open = {0};
    cJSON *alarms = alarms_on_shards(world);

    world_shards(world, "orders", &open);
    for (size_t i = 0; i < open.count; i++) {
        for (int m = 0; m < ALARM_METRIC_COUNT; m++) {
            char name[ALARM_NAME_SIZE];
            const cJSON *alarm;

            ck_assert(shard_alarm_name("orders", open.items[i].id, (enum alarm_metric)m, name));
            alarm = find_alarm(alarms, name);
            ck_assert_msg(alarm != NULL, "no alarm '%s'", name);
            ck_assert_double_eq(cJSON_GetObjectItem(alarm, "Threshold")->valuedouble, thresholds[m]);
            ck_assert_str_eq(
                cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(alarm, "AlarmActions"), 0)),
                WORLD_TOPIC);
        }
    }
    ck_assert_int_eq(cJSON_GetArraySize(alarms), (int)open.count * ALARM_METRIC_COUNT);
    cJSON_Delete(alarms);
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

static struct stream_state state_of(struct world *world)
{
    struct stream_state state;
    struct error err = {0};

    ck_assert_int_eq(store_stream_load(world->store, "orders", &state, &err), 0);
    return state;
}

static bool was_decided(struct world *world, const char *verdict, const char *reason)
{
    struct decision_list list = {0};
    struct error err = {0};
    bool found = false;

    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 1000, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        found |= text_equal(list.items[i].verdict, verdict) && text_equal(list.items[i].reason, reason);
    decision_list_clear(&list);
    return found;
}

static bool is_open(struct world *world, const char *shard)
{
    SCOPED(shard_map_clear) struct shard_map open = {0};

    world_shards(world, "orders", &open);
    return shard_map_find(&open, shard) != NULL;
}

static int64_t splits(struct world *world)
{
    struct sim_totals totals;
    struct error err = {0};

    ck_assert_int_eq(sim_stream_totals(world->sim, "orders", &totals, &err), 0);
    return totals.splits;
}

/* ---- the alarms themselves */

START_TEST(every_open_shard_gets_its_alarms_and_the_metrics_for_them)
{
    struct world *world = scene(orders, 4);
    cJSON *summary;
    size_t puts = world_count_calls(world, "PutMetricAlarm");

    assert_alarms_match(world);
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
    assert_alarms_match(world);
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
    world->fault = FAULT_DENIED;
    world->fault_operation = "EnableEnhancedMonitoring";
    world->fault_times = 1000;
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 20 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "PutMetricAlarm"), 0);
    ck_assert_uint_ge(actions(world, ACTION_REPAIR, &action), 2);
    ck_assert_msg(strstr(action.failure, "EnableEnhancedMonitoring 'orders'") != NULL, "%s", action.failure);
    world->fault_times = 0;
    world_run(world, 10 * MINUTE_MS);
    assert_alarms_match(world);
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
    assert_alarms_match(world);
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
    assert_alarms_match(world);
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
    assert_alarms_match(world);
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
    ck_assert(!is_open(world, "shardId-000000000003"));
    ck_assert_uint_ge(open.count, 9);
    ck_assert_uint_le(open.count, 11);
    assert_alarms_match(world);
    world_assert_partition(world, "orders");
    ck_assert_uint_ge(actions(world, ACTION_SCALE_UP, &action), 1);
    ck_assert_str_eq(action.failure, "");
    ck_assert_str_eq(state_of(world).hot_shard, "");
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
    ck_assert(!is_open(world, "shardId-000000000002"));
    ck_assert(!is_open(world, "shardId-000000000003"));
    ck_assert(is_open(world, "shardId-000000000001"));
    ck_assert(is_open(world, "shardId-000000000004"));
    ck_assert_uint_eq(actions(world, ACTION_SCALE_UP, &action), 1);
    ck_assert_str_eq(action.failure, "");
    assert_alarms_match(world);
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
    ck_assert_int_eq(splits(world), 2);
    assert_alarms_match(world);
    ck_assert_uint_ge(actions(world, ACTION_SCALE_UP, &action), 2);
    ck_assert_msg(strstr(action.failure, " % of the load followed one child through two splits: a key that "
                                         "hashes to ") != NULL,
                  "%s", action.failure);
    state = state_of(world);
    ck_assert(is_open(world, state.hot_shard));
    ck_assert_int_lt(world->clock.ms - state.hot_ms, 20 * MINUTE_MS);
    ck_assert_double_eq_tol(hashkey_share(state.hot_start, state.hot_end), 1.0 / 32, 1e-9);

    /* The key cools down, and the range as a whole grows: then splitting helps, and is done. */
    world_traffic(world, "orders", "constant:7M", 2048, "uniform");
    world_run(world, HOUR_MS);
    ck_assert_int_gt(splits(world), 2);
    ck_assert_str_eq(state_of(world).hot_shard, "");
    assert_alarms_match(world);
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
    ck_assert(was_decided(world, "closed",
                          "an alarm names shard 'shardId-000000000001', which is closed; what took its "
                          "place is looked at: 'shardId-000000000004' and 'shardId-000000000005'"));
    assert_alarms_match(world);
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
    ck_assert(!is_open(world, "shardId-000000000004") && !is_open(world, "shardId-000000000005"));
    ck_assert(is_open(world, "shardId-000000000000"));
    assert_alarms_match(world);
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
    assert_alarms_match(world);
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
    world->fault = FAULT_DENIED;
    world->fault_operation = "PutMetricAlarm";
    world->fault_times = 1000;
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
    assert_alarms_match(world);
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
        ck_assert_msg(is_open(world, id) == (i < 2 || i > 4), "%s", id);
    }
    assert_alarms_match(world);
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
    assert_alarms_match(world);
    world_free(world);
}
END_TEST

/* ---- whatever happens */

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
    ck_assert(!is_open(world, "shardId-000000000001"));
    ck_assert(is_open(world, "shardId-000000000000"));
    assert_alarms_match(world);
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
    Suite *suite = suite_create("shard level");
    TCase *alarms = tcase_create("alarms"), *splits_case = tcase_create("splits"),
          *faults = tcase_create("faults");

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
