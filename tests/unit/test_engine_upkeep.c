/*
 * What the engine does beside its main job: little between an alarm and a split, nothing kept for ever.
 */
#include "store_support.h"
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "base/text.h"
#include "store/decisions.h"
#include "store/streams.h"

static const char orders[] = "[stream orders]\nmax_shards = 64\nresharding = split\n";

static size_t decisions(struct world *world)
{
    struct decision_list list = {0};
    struct error err = {0};
    size_t count;

    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 1000, &list, &err), 0);
    count = list.count;
    decision_list_clear(&list);
    return count;
}

/* However long nothing happened: DescribeLimits is asked when everything is looked at, not when it is urgent. */
START_TEST(three_requests_lie_between_an_alarm_and_its_first_split)
{
    static const char *const expected[][3] = {{"DescribeStreamSummary", "ListShards", "GetMetricData"},
                                              {"GetMetricData", "DescribeStreamSummary", "ListShards"}};
    bool adaptive = _i % 2 == 1;
    struct world *world = adaptive ? world_new(orders, NULL) : world_new_classic(orders, NULL);
    size_t split = 0, first;

    world_scene(world, "orders", 2);
    world_traffic(world, "orders", "constant:500k", 2048, "uniform");
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, (20 + _i) * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    world_traffic(world, "orders", "constant:2M", 2048, "uniform");
    world_run(world, 10 * MINUTE_MS);

    while (split < world->call_count && !text_equal(world->calls[split].operation, "SplitShard"))
        split++;
    ck_assert_uint_lt(split, world->call_count);
    for (first = split; first > 0 && world->calls[first - 1].at_ms == world->calls[split].at_ms;)
        first--;
    ck_assert_uint_eq(split - first, COUNT_OF(expected[adaptive]));
    for (size_t i = 0; i < COUNT_OF(expected[adaptive]); i++)
        ck_assert_str_eq(world->calls[first + i].operation, expected[adaptive][i]);
    world_free(world);
}
END_TEST

START_TEST(what_ended_before_the_history_is_forgotten)
{
    struct world *world = world_new(orders, NULL);
    struct error err = {0};

    world_scene(world, "orders", 2);
    world_traffic(world, "orders", "constant:1.8M", 2048, "uniform");
    world_run(world, 10 * MINUTE_MS);
    ck_assert_uint_gt(decisions(world), 0);

    world->clock.ms += (world->config->service.history_ms - (24 * (int64_t)HOUR_MS));
    ck_assert_int_eq(engine_reconcile(world->engine, world->store, &err), 0);
    ck_assert_uint_gt(decisions(world), 0);

    world->clock.ms += 2 * (24 * (int64_t)HOUR_MS);
    ck_assert_int_eq(engine_reconcile(world->engine, world->store, &err), 0);
    ck_assert_uint_eq(decisions(world), 0);
    world_free(world);
}
END_TEST

/* Message ids too: with them a clock that is put right again would forget what was seen a minute ago. */
START_TEST(a_clock_that_is_a_year_ahead_forgets_nothing)
{
    struct world *world = world_new(orders, NULL);
    struct error err = {0};
    size_t before;

    world_scene(world, "orders", 2);
    world_traffic(world, "orders", "constant:1.8M", 2048, "uniform");
    world_run(world, 5 * MINUTE_MS + _i * 20000);
    before = decisions(world);
    ck_assert_uint_gt(before, 0);

    world->fault = FAULT_CLOCK;
    world->fault_times = INT32_MAX;
    world->clock.ms += 365 * (24 * (int64_t)HOUR_MS);
    (void)engine_reconcile(world->engine, world->store, &err);
    ck_assert_uint_eq(decisions(world), before);
    world_free(world);
}
END_TEST

/* `status` shows the failure of the last turn; an alarm for such a stream will never come. */
START_TEST(a_stream_that_does_not_exist_is_shown_as_failing_until_it_does)
{
    struct world *world = world_new("[stream orders]\nmax_shards = 64\n[stream odrers]\n", NULL);
    struct stream_state state;
    struct error err = {0};

    world_scene(world, "orders", 2);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_eq(store_stream_load(world->store, "odrers", &state, &err), 0);
    ck_assert_int_gt(state.failures, 2);
    ck_assert_msg(strstr(state.last_error, "ResourceNotFoundException") != NULL, "%s", state.last_error);
    ck_assert_int_eq(store_stream_load(world->store, "orders", &state, &err), 0);
    ck_assert_int_eq(state.failures, 0);

    cJSON_Delete(world_kinesis(world, "CreateStream", "{\"StreamName\":\"odrers\",\"ShardCount\":1}"));
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(store_stream_load(world->store, "odrers", &state, &err), 0);
    ck_assert_int_eq(state.failures, 0);
    ck_assert_str_eq(state.last_error, "");
    ck_assert_int_eq(state.open_shards, 1);
    world_free(world);
}
END_TEST

/* What CloudWatch says through SNS; the caller frees. */
static char *alarm_text(const char *state, const char *changed)
{
    return must_printf(
        "{\"AlarmName\":\"orders IncomingBytes\",\"NewStateValue\":\"%s\",\"StateChangeTime\":\"%s\","
        "\"Trigger\":{\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/Kinesis\","
        "\"StatisticType\":\"Statistic\",\"Statistic\":\"SUM\",\"Dimensions\":[{\"value\":\"orders\","
        "\"name\":\"StreamName\"}],\"Period\":60,\"EvaluationPeriods\":1,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"Threshold\":1.0}}",
        state, changed);
}

static const struct {
    const char *state, *changed;
    enum taken taken;
    const char *reason;
} unbelieved[] = {
    /* Replayed from a queue, or brought late by SNS: no metrics tell otherwise, and still nothing is split. */
    {"ALARM", "2026-03-01T22:00:00.000+0000", TAKEN_PENDING, "the alarm is no longer in ALARM"},
    /* As our own reset makes it. */
    {"OK", "2026-03-02T00:00:00.000+0000", TAKEN_IGNORED, "its new state is not ALARM"},
};

START_TEST(a_message_that_asks_for_nothing_or_no_longer_is_dropped_with_the_reason)
{
    struct world *world = world_new(orders, NULL);
    struct notification n;
    struct error err = {0};
    enum taken taken;
    char *text = alarm_text(unbelieved[_i].state, unbelieved[_i].changed);

    world_scene(world, "orders", 2);
    ck_assert_msg(engine_take(world->engine, world->store, "m1", WORLD_TOPIC, text, &n, &taken, &err) == 0,
                  "%s", err.message);
    ck_assert_int_eq(taken, unbelieved[_i].taken);
    world_run(world, MINUTE_MS);
    ck_assert_int_eq(store_notification_load(world->store, 1, &n, &err), 0);
    ck_assert_int_eq(n.status, NOTIFICATION_DROPPED);
    ck_assert_str_eq(n.reason, unbelieved[_i].reason);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    notification_clear(&n);
    free(text);
    world_free(world);
}
END_TEST

/* Else a program that dies in the call would not know that it ever called. */
START_TEST(an_operation_stands_in_the_database_before_aws_hears_of_it)
{
    bool found = false;

    for (int k = 1; !found && k < 100; k++) {
        struct world *world = world_new(orders, NULL);
        struct action action;
        struct step step;
        struct error err = {0};
        bool running;

        world_scene(world, "orders", 2);
        world_traffic(world, "orders", "constant:2M", 2048, "uniform");
        world->kill_at = k;
        for (int second = 0; !world->killed && second < 600; second++)
            world_run(world, 1000);
        world_restart(world);
        for (size_t i = 0; i < world->call_count; i++) /* AWS took it, and then the program died */
            found |= text_equal(world->calls[i].operation, "SplitShard") && world->calls[i].status == 200;
        if (found) {
            ck_assert_int_eq(store_action_current(world->store, "orders", &action, &running, &err), 0);
            ck_assert(running);
            ck_assert_int_eq(action.state, ACTION_INTENDED);
            ck_assert_int_eq(store_step_last(world->store, action.id, &step, &running, &err), 0);
            ck_assert(running && step.outcome == STEP_OPEN);
        }
        world_free(world);
    }
    ck_assert(found);
}
END_TEST

/* The action that a turn saw running ends, and its cooldown begins, before the turn has the lock. */
START_TEST(a_cooldown_that_began_before_the_lock_was_had_is_kept)
{
    struct world *world = world_new(orders, NULL);
    struct notification alarm, found;
    struct action action;
    struct error err = {0};
    bool is_new;
    char *trigger;

    world_scene(world, "orders", 2);
    alarm = alarm_of("orders", "m1", world->clock.ms);
    action = action_of("orders", ACTION_SCALE_UP, world->clock.ms - 1000);
    trigger = must_printf(
        "CREATE TRIGGER meanwhile AFTER UPDATE OF lock_owner ON streams WHEN NEW.lock_owner <> '' BEGIN"
        " UPDATE actions SET state = 5, ended_ms = %lld;"
        " UPDATE streams SET cooldown_until_ms = %lld; END",
        (long long)world->clock.ms, (long long)world->clock.ms + MINUTE_MS);
    ck_assert_int_eq(store_action_begin(world->store, &action, &err), 0);
    ck_assert_int_eq(store_notification_add(world->store, &alarm, &is_new, &err), 0);
    change_file(world->database, trigger);
    ck_assert_msg(engine_turn(world->engine, world->store, "orders", &err) == 0, "%s", err.message);
    ck_assert_int_eq(store_notification_load(world->store, 1, &found, &err), 0);
    ck_assert_int_eq(found.status, NOTIFICATION_DEFERRED);
    ck_assert_str_eq(found.reason, "cooldown for another 60 s");
    ck_assert_uint_eq(world_count_calls(world, "DescribeStreamSummary"), 0);
    notification_clear(&found);
    free(trigger);
    world_free(world);
}
END_TEST

static bool is_due(struct world *world, const char *stream)
{
    struct stream_state state;
    struct error err = {0};

    ck_assert_int_eq(store_stream_load(world->store, stream, &state, &err), 0);
    return state.due_ms != INT64_MAX;
}

/* Names that are beginnings of each other, in the index of the alarms too. */
START_TEST(the_alarms_of_one_stream_say_nothing_of_its_namesakes)
{
    static const char *const streams[] = {"orders", "orders-1", "orders2", "order", "bills"};

    for (size_t odd = 0; odd < COUNT_OF(streams); odd++) {
        struct world *world = world_new_classic("[stream bills]\n[stream orders*]\n[stream order]\n", NULL);
        struct error err = {0};

        for (size_t i = 0; i < COUNT_OF(streams); i++)
            world_scene(world, streams[i], 2);
        cJSON_Delete(world_kinesis(world, "SplitShard",
                                   "{\"StreamName\":\"%s\",\"ShardToSplit\":\"shardId-000000000000\","
                                   "\"NewStartingHashKey\":\"1000\"}",
                                   streams[odd]));
        world_run(world, 2 * MINUTE_MS);
        cJSON_Delete(world_kinesis(world, "MergeShards",
                                   "{\"StreamName\":\"%s\",\"ShardToMerge\":\"shardId-000000000003\","
                                   "\"AdjacentShardToMerge\":\"shardId-000000000001\"}",
                                   streams[odd]));
        world_run(world, 2 * MINUTE_MS);
        ck_assert_int_eq(engine_reconcile(world->engine, world->store, &err), 0);
        for (size_t i = 0; i < COUNT_OF(streams); i++)
            ck_assert_msg(is_due(world, streams[i]) == (i == odd), "%s, %s has odd shards", streams[i],
                          streams[odd]);
        world_free(world);
    }
}
END_TEST

/* While AWS is slow, what others store meanwhile is not ahead of the clock. */
START_TEST(a_look_that_lasts_minutes_cuts_no_cooldown_that_began_meanwhile)
{
    struct world *world =
        world_new("[stream a]\n[stream b]\n[stream c]\n[stream d]\n[stream orders]\n", NULL);
    int64_t cooldown_ms = config_find(world->config, "orders")->cooldown_ms;
    struct stream_state before, after;
    struct error err = {0};
    bool taken;

    world_scene(world, "orders", 2);
    world->answer_ms = MINUTE_MS;
    /* As an action that ends when `orders`, the last, is looked at. */
    ck_assert_int_eq(
        store_lock_take(world->store, "orders", "x", world->clock.ms, 1, true, &taken, &before, &err), 0);
    ck_assert_int_eq(
        store_lock_release(world->store, "orders", "x", world->clock.ms + 4 * MINUTE_MS + cooldown_ms, &err),
        0);
    ck_assert_int_eq(store_stream_load(world->store, "orders", &before, &err), 0);
    ck_assert_int_eq(engine_reconcile(world->engine, world->store, &err), 0);
    ck_assert_int_eq(store_stream_load(world->store, "orders", &after, &err), 0);
    ck_assert_int_eq(after.cooldown_until_ms, before.cooldown_until_ms);
    world_free(world);
}
END_TEST

/* Of four shards, by one look at everything. */
static void spoiled_threshold_must_be_put_right(struct world *world)
{
    struct error err = {0};

    cJSON_Delete(world_cloudwatch(
        world, "PutMetricAlarm",
        "{\"AlarmName\":\"orders "
        "IncomingBytes\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"IncomingBytes\","
        "\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],\"Statistic\":\"Sum\",\"Period\":60,"
        "\"EvaluationPeriods\":1,\"Threshold\":5,\"ComparisonOperator\":\"GreaterThanThreshold\","
        "\"AlarmActions\":[\"" WORLD_TOPIC "\"]}"));
    ck_assert_int_eq(engine_reconcile(world->engine, world->store, &err), 0);
    world_run(world, 2 * MINUTE_MS);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 60 * 1048576 * 4);
}

/* A stream that nobody writes to has no figures since its last action, however long a repair would wait for them. */
START_TEST(thresholds_are_put_right_without_waiting_for_figures)
{
    struct world *world = world_new("[stream orders]\nmin_shards = 4\ncooldown = 60s\n", NULL);
    struct error err = {0};

    world_scene(world, "orders", 2);
    ck_assert_int_eq(engine_reconcile(world->engine, world->store, &err), 0);
    world_run(world, 4 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    spoiled_threshold_must_be_put_right(world);
    world_free(world);
}
END_TEST

/* Repairs that AWS refuses rest for an hour; alarms to which max_shards was the answer are none. */
START_TEST(what_came_to_nothing_for_another_reason_keeps_no_repair_waiting)
{
    struct world *world = world_new(orders, NULL);
    struct error err = {0};

    world_scene(world, "orders", 4);
    for (int i = 0; i < 3; i++) {
        struct action action = action_of("orders", ACTION_SCALE_UP, world->clock.ms - 60000 + i * 10000);

        ck_assert_int_eq(store_action_begin(world->store, &action, &err), 0);
        snprintf(action.failure, sizeof(action.failure), "max_shards is 4");
        ck_assert_int_eq(store_action_end(world->store, &action, "host:1", 0, action.started_ms + 1000, &err),
                         0);
    }
    spoiled_threshold_must_be_put_right(world);
    world_free(world);
}
END_TEST

/* While the program waits for figures; the stream is ACTIVE again before it has made up its mind. */
static void split_by_somebody_else(struct world *world, const struct aws_request *request,
                                   const char *operation)
{
    (void)request;
    if (strcmp(operation, "GetMetricData") != 0)
        return;
    world->watch = NULL;
    cJSON_Delete(world_kinesis(world, "SplitShard",
                               "{\"StreamName\":\"orders\",\"ShardToSplit\":\"shardId-000000000000\","
                               "\"NewStartingHashKey\":\"42535295865117307932921825928971026432\"}"));
    world->answer_ms = 1000;
}

START_TEST(who_asks_for_a_split_that_somebody_else_has_made_plans_afresh)
{
    struct sim_options quick = {.metric_delay_ms = -1, .split_ms = 100};
    struct world *world = world_new(orders, &quick);

    world_scene(world, "orders", 4);
    world_traffic(world, "orders", "constant:3.8M", 2048, "uniform");
    world->watch = split_by_somebody_else;
    world_run(world, 20 * MINUTE_MS);
    ck_assert_ptr_null(world->watch);
    ck_assert_str_eq(world_last_action(world).failure, "");
    ck_assert_int_eq(world_last_action(world).id, 1);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 4); /* one in vain, three that were left */
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 60 * 1048576 * 8);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine upkeep");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, three_requests_lie_between_an_alarm_and_its_first_split, 0, 5);
    tcase_add_test(tcase, the_alarms_of_one_stream_say_nothing_of_its_namesakes);
    tcase_add_test(tcase, a_look_that_lasts_minutes_cuts_no_cooldown_that_began_meanwhile);
    tcase_add_test(tcase, thresholds_are_put_right_without_waiting_for_figures);
    tcase_add_test(tcase, what_came_to_nothing_for_another_reason_keeps_no_repair_waiting);
    tcase_add_test(tcase, what_ended_before_the_history_is_forgotten);
    tcase_add_loop_test(tcase, a_clock_that_is_a_year_ahead_forgets_nothing, 0, 6);
    tcase_add_test(tcase, a_stream_that_does_not_exist_is_shown_as_failing_until_it_does);
    tcase_add_loop_test(tcase, a_message_that_asks_for_nothing_or_no_longer_is_dropped_with_the_reason, 0,
                        COUNT_OF(unbelieved));
    tcase_add_test(tcase, an_operation_stands_in_the_database_before_aws_hears_of_it);
    tcase_add_test(tcase, who_asks_for_a_split_that_somebody_else_has_made_plans_afresh);
    tcase_add_test(tcase, a_cooldown_that_began_before_the_lock_was_had_is_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
