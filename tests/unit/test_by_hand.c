/*
 * Scaling, splitting and merging by hand: the real engine and store against the simulated AWS, in virtual time.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/actions.h"
#include "store/notifications.h"
#include "store/streams.h"

#include <math.h>

static const char orders[] = "[stream orders]\nmin_shards = 2\nmax_shards = 16\nresharding = split\n";
static const char by_update[] =
    "[stream orders]\nmin_shards = 2\nmax_shards = 64\nresharding = update-shard-count\n";

#define BYTES_ALARM "orders IncomingBytes"
#define SHARD(n) "shardId-00000000000" #n

static struct world *scene(const char *streams, int shards)
{
    struct world *world = world_new_classic(streams, NULL);

    world_scene(world, "orders", shards);
    return world;
}

static int by_hand(struct world *world, struct by_hand_request request, struct by_hand_plan *ret_plan,
                   struct error *err)
{
    request.stream = "orders";
    return engine_by_hand(world->engine, world->store, &request, ret_plan, err);
}

static struct by_hand_plan must_do(struct world *world, struct by_hand_request request)
{
    struct by_hand_plan plan = {0};
    struct error err = {0};

    ck_assert_msg(by_hand(world, request, &plan, &err) == 0, "%s", err.message);
    free(plan.operations);
    plan.operations = NULL;
    return plan;
}

static void assert_refused(struct world *world, struct by_hand_request request, enum error_kind kind,
                           const char *why)
{
    size_t splits = world_count_calls(world, "SplitShard"), merges = world_count_calls(world, "MergeShards");
    struct by_hand_plan plan = {0};
    struct error err = {0};

    ck_assert_int_lt(by_hand(world, request, &plan, &err), 0);
    ck_assert_msg(err.kind == kind && strstr(err.message, why) != NULL, "kind %d: %s", (int)err.kind,
                  err.message);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), splits);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), merges);
}

static struct by_hand_request to(int64_t count)
{
    return (struct by_hand_request){.kind = BY_HAND_TO, .count = count};
}

static void assert_even(struct world *world, int shards)
{
    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    ck_assert_msg(fabs(world_threshold(world, BYTES_ALARM) - 0.8 * 60 * 1048576 * shards) < 1, "threshold %f",
                  world_threshold(world, BYTES_ALARM));
    world_assert_partition(world, "orders");
}

static void assert_done(struct world *world, int from, int shards)
{
    struct action action = world_last_action(world);

    ck_assert_int_eq(action.kind, ACTION_BY_HAND);
    ck_assert_msg(action.state == ACTION_DONE && action.failure[0] == '\0', "%s: %s",
                  action_state_name(action.state), action.failure);
    ck_assert_int_eq(action.from_shards, from);
    ck_assert_int_eq(action.to_shards, shards);
    ck_assert_uint_eq(strncmp(action.reason, "by hand: ", 9), 0);
}

/* ---- scale */

static const struct {
    int from, to, splits, merges;
} ways[] = {
    {4, 8, 4, 0},   {8, 4, 0, 4},   {4, 6, 4, 2}, {6, 4, 2, 4},     {3, 7, 6, 2},     {7, 3, 2, 6},
    {2, 16, 14, 0}, {16, 2, 0, 14}, {4, 5, 4, 3}, {15, 16, 15, 14}, {18, 16, 14, 16}, {17, 16, 15, 16},
};

START_TEST(a_stream_comes_to_so_many_even_shards_with_the_fewest_calls)
{
    struct world *world = scene(orders, ways[_i].from);
    struct by_hand_plan plan = must_do(world, to(ways[_i].to));
    struct sim_totals totals;
    int larger = ways[_i].from > ways[_i].to ? ways[_i].from : ways[_i].to;

    ck_assert_uint_eq(plan.operation_count, (size_t)(ways[_i].splits + ways[_i].merges));
    ck_assert_int_eq(plan.to_shards, ways[_i].to);
    ck_assert_int_le(plan.peak_shards, larger < 16 ? larger + 1 : larger);
    for (int64_t second = 0, before = ways[_i].from; second < 3600; second += 5) {
        int64_t open;

        world_run(world, 5000);
        open = world_open_shards(world, "orders");
        ck_assert_int_le(open, plan.peak_shards);
        ck_assert_msg(open <= 16 || open <= before, "from %lld to %lld shards", (long long)before,
                      (long long)open); /* somebody else had opened more than max_shards */
        before = open;
    }
    assert_even(world, ways[_i].to);
    assert_done(world, ways[_i].from, ways[_i].to);
    totals = world_totals(world);
    ck_assert_int_eq(totals.splits, ways[_i].splits);
    ck_assert_int_eq(totals.merges, ways[_i].merges);
    ck_assert_int_eq(totals.updates, 0);
    ck_assert_uint_eq(ways[_i].to > ways[_i].from ? world_state(world).last_scale_up_ms > 0
                                                  : world_state(world).last_scale_down_ms > 0,
                      1);
    world_free(world);
}
END_TEST

static const struct {
    struct by_hand_request request;
    int64_t to;
} amounts[] = {
    {{.kind = BY_HAND_BY, .count = 2}, 6},     {{.kind = BY_HAND_BY, .count = -2}, 2},
    {{.kind = BY_HAND_PART, .part = 0.5}, 6},  {{.kind = BY_HAND_PART, .part = 0.3}, 6},
    {{.kind = BY_HAND_PART, .part = 0.25}, 5}, {{.kind = BY_HAND_PART, .part = -0.5}, 2},
    {{.kind = BY_HAND_PART, .part = -0.3}, 3}, {{.kind = BY_HAND_PART, .part = -0.1}, 4},
    {{.kind = BY_HAND_TO, .count = 4}, 4},
};

START_TEST(what_is_asked_for_is_counted_from_the_shards_there_are)
{
    struct world *world = scene(orders, 4);
    struct by_hand_request request = amounts[_i].request;
    struct by_hand_plan plan;

    request.dry_run = true;
    plan = must_do(world, request);
    ck_assert_int_eq(plan.to_shards, amounts[_i].to);
    ck_assert_uint_eq(plan.operation_count > 0, amounts[_i].to != 4);
    world_run(world, 10 * MINUTE_MS);
    assert_even(world, 4); /* a dry run */
    ck_assert_int_eq(world_last_action(world).id, 0);
    ck_assert_int_eq(world_state(world).lock_until_ms, 0);

    request.dry_run = false;
    (void)must_do(world, request);
    world_run(world, HOUR_MS);
    assert_even(world, (int)amounts[_i].to);
    ck_assert_int_eq(world_state(world).lock_until_ms, 0);
    if (amounts[_i].to == 4)
        ck_assert_int_eq(world_last_action(world).id, 0);
    world_free(world);
}
END_TEST

START_TEST(update_shard_count_is_used_where_it_is_configured)
{
    struct world *world = scene(by_update, 4);
    struct by_hand_plan plan = must_do(world, to(20));

    ck_assert_uint_eq(plan.operation_count, 3); /* 8, 16, 20 */
    world_run(world, 3 * HOUR_MS);
    assert_even(world, 20);
    assert_done(world, 4, 20);
    ck_assert_int_eq(world_totals(world).updates, 3);
    plan = must_do(world, to(7));
    ck_assert_uint_eq(plan.operation_count, 2); /* 10, 7 */
    world_run(world, 3 * HOUR_MS);
    assert_even(world, 7);
    ck_assert_int_eq(world_totals(world).updates, 5);
    world_free(world);
}
END_TEST

/* ---- named shards */

START_TEST(named_shards_are_split_and_nothing_else)
{
    static const char *const shards[] = {SHARD(1), SHARD(3)};
    struct world *world = scene(by_update, 4); /* for named ones there are only splits */
    struct by_hand_request request = {.kind = BY_HAND_SPLIT, .shards = shards, .shard_count = 2};

    (void)must_do(world, request);
    world_run(world, 3 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 6);
    ck_assert_int_eq(world_totals(world).splits, 2);
    ck_assert_int_eq(world_totals(world).updates, 0);
    assert_done(world, 4, 6);
    /* The widest two are as wide as before: so is the capacity. */
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), 0.8 * 60 * 1048576 * 4);
    assert_refused(world, request, ERROR_BUSY, "cooldown");
    world_run(world, 10 * MINUTE_MS);
    assert_refused(world, request, ERROR_NOT_FOUND, "no open shard '" SHARD(1) "'");
    world_free(world);
}
END_TEST

START_TEST(named_pairs_are_merged_in_either_order)
{
    static const char *const shards[] = {SHARD(1), SHARD(0), SHARD(4), SHARD(5)};
    struct world *world = scene(orders, 8);

    (void)must_do(world, (struct by_hand_request){.kind = BY_HAND_MERGE, .shards = shards, .shard_count = 4});
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 6);
    ck_assert_int_eq(world_totals(world).merges, 2);
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), 0.8 * 60 * 1048576 * 4);
    world_assert_partition(world, "orders");
    assert_done(world, 8, 6);
    world_free(world);
}
END_TEST

static const char *const pair_apart[] = {SHARD(0), SHARD(2)};
static const char *const three[] = {SHARD(0), SHARD(1), SHARD(2)};
static const char *const twice[] = {SHARD(0), SHARD(0)};
static const char *const foreign[] = {SHARD(9), SHARD(0)};

static const struct {
    struct by_hand_request request;
    enum error_kind kind;
    const char *why;
} wrongs[] = {
    {{.kind = BY_HAND_MERGE, .shards = pair_apart, .shard_count = 2}, ERROR_INPUT, "are not adjacent"},
    {{.kind = BY_HAND_MERGE, .shards = three, .shard_count = 3}, ERROR_CONFIG, "in pairs"},
    {{.kind = BY_HAND_MERGE, .shards = twice, .shard_count = 2}, ERROR_CONFIG, "is named twice"},
    {{.kind = BY_HAND_MERGE, .shards = foreign, .shard_count = 2},
     ERROR_NOT_FOUND,
     "no open shard '" SHARD(9)},
    {{.kind = BY_HAND_SPLIT, .shards = twice, .shard_count = 2}, ERROR_CONFIG, "is named twice"},
    {{.kind = BY_HAND_TO, .count = 1}, ERROR_CONFIG, "would have 1 shard, min_shards is 2"},
    {{.kind = BY_HAND_TO, .count = 17}, ERROR_CONFIG, "would have 17 shards, max_shards is 16"},
    {{.kind = BY_HAND_BY, .count = -4}, ERROR_CONFIG, "would have 0 shards"},
    {{.kind = BY_HAND_PART, .part = 10}, ERROR_CONFIG, "would have 44 shards"},
};

START_TEST(what_cannot_be_is_refused_with_the_reason)
{
    struct world *world = scene(orders, 4);

    assert_refused(world, wrongs[_i].request, wrongs[_i].kind, wrongs[_i].why);
    ck_assert_int_eq(world_state(world).lock_until_ms, 0);
    world_run(world, 10 * MINUTE_MS);
    assert_even(world, 4);
    ck_assert_int_eq(world_last_action(world).id, 0);
    world_free(world);
}
END_TEST

/* ---- among others */

START_TEST(it_is_refused_while_anything_else_is_at_the_stream)
{
    struct world *world = scene(orders, 4);
    struct stream_state state;
    struct error err = {0};
    bool taken;

    cJSON_Delete(world_kinesis(
        world, "SplitShard",
        "{\"StreamName\":\"orders\",\"ShardToSplit\":\"" SHARD(0) "\",\"NewStartingHashKey\":\"100\"}"));
    assert_refused(world, to(8), ERROR_BUSY, "UPDATING");
    world_run(world, MINUTE_MS);
    ck_assert_int_eq(store_lock_take(world->store, "orders", "somebody", world->clock.ms, 60000, true, &taken,
                                     &state, &err),
                     0);
    assert_refused(world, to(8), ERROR_BUSY, "'somebody' works on it");
    world_run(world, 2 * MINUTE_MS);
    (void)must_do(world, to(8));
    assert_refused(world, to(4), ERROR_BUSY, "by-hand #1 is under way");
    world_run(world, 20 * MINUTE_MS);
    assert_even(world, 8);
    world_free(world);
}
END_TEST

START_TEST(a_pause_does_not_forbid_it)
{
    struct world *world = scene(orders, 4);
    struct error err = {0};

    ck_assert_int_eq(store_stream_pause(world->store, "orders", INT64_MAX, world->clock.ms, &err), 0);
    (void)must_do(world, to(6));
    world_run(world, 20 * MINUTE_MS);
    assert_even(world, 6);
    assert_done(world, 4, 6);
    world_free(world);
}
END_TEST

/* Merging a busy stream is the operator's mistake, but not the last word. */
START_TEST(an_alarm_afterwards_is_acted_on_after_the_cooldown)
{
    struct world *world = scene(orders, 8);

    world_traffic(world, "orders", "constant:4M", 4096, "uniform");
    world_run(world, 10 * MINUTE_MS);
    (void)must_do(world, to(4));
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_UP);
    assert_even(world, 8);
    ck_assert_str_ne(world_alarm_state(world, BYTES_ALARM), "ALARM");
    world_free(world);
}
END_TEST

static struct notification newest(struct world *world)
{
    struct notification_list list = {0};
    struct notification n = {0};
    struct error err = {0};

    ck_assert_int_eq(store_notifications_recent(world->store, "orders", -1, 1, &list, &err), 0);
    if (list.count > 0)
        n = list.items[0];
    n.body = NULL;
    notification_list_clear(&list);
    return n;
}

/* 14 shards' worth on 16 shards while they are merged to 4. */
START_TEST(an_alarm_meanwhile_waits_with_its_reason_and_is_acted_on_afterwards)
{
    struct world *world = scene(orders, 16);
    struct notification n;

    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, 10 * MINUTE_MS);
    (void)must_do(world, to(4));
    world_traffic(world, "orders", "constant:14M", 4096, "uniform");
    while (newest(world).id == 0)
        world_run(world, 1000);
    world_run(world, 12000);
    n = newest(world);
    ck_assert_int_eq(n.status, NOTIFICATION_DEFERRED);
    ck_assert_str_eq(n.reason, "by-hand #1 is under way");
    ck_assert_int_eq(world_last_action(world).kind, ACTION_BY_HAND);
    while (world_last_action(world).state != ACTION_DONE)
        world_run(world, 1000);
    assert_done(world, 16, 4);

    world_run(world, 40 * MINUTE_MS);
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_UP);
    ck_assert_int_ge(world_open_shards(world, "orders"), 14);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

START_TEST(a_refused_step_ends_it_with_the_failure_and_thresholds_that_fit)
{
    struct world *world = scene(orders, 4);
    struct action action;

    (void)must_do(world, to(8));
    world->fault = FAULT_DENIED;
    world->fault_operation = "SplitShard";
    world->fault_after = 1;
    world->fault_times = 1;
    world_run(world, 30 * MINUTE_MS);
    action = world_last_action(world);
    ck_assert_int_eq(action.state, ACTION_DONE);
    ck_assert_str_ne(action.failure, "");
    ck_assert_int_eq(action.to_shards, world_open_shards(world, "orders"));
    ck_assert_int_lt(action.to_shards, 8);
    ck_assert_double_eq(world_threshold(world, BYTES_ALARM), 0.8 * 60 * 1048576 * 4);
    world_free(world);
}
END_TEST

START_TEST(an_action_whose_goal_was_never_stored_ends_and_says_so)
{
    struct world *world = scene(orders, 4);
    struct action action = {.kind = ACTION_BY_HAND,
                            .state = ACTION_PLANNING,
                            .stream = "orders",
                            .owner = "dead",
                            .started_ms = world->clock.ms,
                            .state_since_ms = world->clock.ms,
                            .from_shards = 4,
                            .to_shards = 4};
    struct error err = {0};

    ck_assert_int_eq(store_action_begin(world->store, &action, &err), 0);
    ck_assert_int_eq(store_stream_make_due(world->store, "orders", world->clock.ms, DUE_ACTION, &err), 0);
    world_run(world, MINUTE_MS);
    action = world_last_action(world);
    ck_assert_int_eq(action.state, ACTION_DONE);
    ck_assert_msg(strstr(action.failure, "before anything was done") != NULL, "%s", action.failure);
    assert_even(world, 4);
    world_free(world);
}
END_TEST

/* Loop: restarts every 2 + _i seconds, and once in the same way under UpdateShardCount. */
START_TEST(a_restart_every_few_seconds_ends_as_planned)
{
    struct world *world = scene(_i == 5 ? by_update : orders, 6);

    (void)must_do(world, to(_i % 2 == 0 ? 4 : 10));
    for (int i = 0; i < 300; i++) {
        world_restart(world);
        world_run(world, 2000 + 1000 * _i + 137 * (i % 7));
    }
    world_run(world, 20 * MINUTE_MS);
    assert_even(world, _i % 2 == 0 ? 4 : 10);
    assert_done(world, 6, _i % 2 == 0 ? 4 : 10);
    if (_i != 5)
        ck_assert_int_eq(world_totals(world).splits - world_totals(world).merges, _i % 2 == 0 ? -2 : 4);
    world_free(world);
}
END_TEST

/* Every request once, lost before it was heard or after it was carried out. */
START_TEST(no_fault_at_any_call_does_a_step_twice_or_gets_stuck)
{
    bool met = true;
    int k;

    for (k = 0; met && k < 400; k++) {
        struct world *world = scene(orders, 4);
        struct by_hand_plan plan = {0};
        struct error err = {0};
        int result = -1;

        world->fault = _i == 0 ? FAULT_LOST : FAULT_UNHEARD;
        world->fault_times = 4;
        world->fault_after = k;
        for (int tries = 0; tries < 6 && result < 0; tries++) { /* the operator asks again */
            result = by_hand(world, to(6), &plan, &err);
            by_hand_plan_clear(&plan);
        }
        ck_assert_msg(result == 0, "fault after %d calls: %s", k, err.message);
        world_run(world, 2 * HOUR_MS);
        met = world->fault_times < 4;
        ck_assert_msg(world_open_shards(world, "orders") == 6, "fault after %d calls: %lld shards", k,
                      (long long)world_open_shards(world, "orders"));
        assert_even(world, 6);
        assert_done(world, 4, 6);
        ck_assert_int_eq(world_totals(world).splits, 4);
        ck_assert_int_eq(world_totals(world).merges, 2);
        world_free(world);
    }
    ck_assert_int_gt(k, 10);
    printf("calls failed one by one: %d\n", k);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("by hand");
    TCase *tcase = tcase_create("virtual time");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_stream_comes_to_so_many_even_shards_with_the_fewest_calls, 0,
                        COUNT_OF(ways));
    tcase_add_loop_test(tcase, what_is_asked_for_is_counted_from_the_shards_there_are, 0, COUNT_OF(amounts));
    tcase_add_test(tcase, update_shard_count_is_used_where_it_is_configured);
    tcase_add_test(tcase, named_shards_are_split_and_nothing_else);
    tcase_add_test(tcase, named_pairs_are_merged_in_either_order);
    tcase_add_loop_test(tcase, what_cannot_be_is_refused_with_the_reason, 0, COUNT_OF(wrongs));
    tcase_add_test(tcase, it_is_refused_while_anything_else_is_at_the_stream);
    tcase_add_test(tcase, a_pause_does_not_forbid_it);
    tcase_add_test(tcase, an_alarm_meanwhile_waits_with_its_reason_and_is_acted_on_afterwards);
    tcase_add_test(tcase, an_alarm_afterwards_is_acted_on_after_the_cooldown);
    tcase_add_test(tcase, a_refused_step_ends_it_with_the_failure_and_thresholds_that_fit);
    tcase_add_test(tcase, an_action_whose_goal_was_never_stored_ends_and_says_so);
    tcase_add_loop_test(tcase, a_restart_every_few_seconds_ends_as_planned, 0, 6);
    tcase_add_loop_test(tcase, no_fault_at_any_call_does_a_step_twice_or_gets_stuck, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
