/*
 * Intent first, outcome after: actions, their steps, and the thoughts that led to them.
 */
#include "base/memory.h"
#include "store/decisions.h"
#include "store_support.h"
#include "support.h"

static struct error err;

static struct action begin(struct store *store, const char *stream, enum action_kind kind, int64_t now_ms)
{
    struct action action = action_of(stream, kind, now_ms);

    MUST(store_action_begin(store, &action, &err));
    ck_assert_int_gt(action.id, 0);
    return action;
}

static struct operation split(void)
{
    struct operation operation = {.kind = OPERATION_SPLIT, .shard = "shardId-000000000003", .target = 5};

    operation.new_start = HASHKEY_MAX / 2 + 1;
    return operation;
}

static struct operation update_to(int64_t target)
{
    return (struct operation){.kind = OPERATION_UPDATE, .target = target};
}

static void intend(struct store *store, const struct action *action, struct operation operation,
                   int64_t now_ms)
{
    MUST(store_step_intend(store, action, &operation, now_ms, &err));
}

/* An update that was accepted at once and ACTIVE again after `seconds`. */
static void update_took(struct store *store, const struct action *action, int64_t target, int64_t at_ms,
                        double seconds)
{
    intend(store, action, update_to(target), at_ms);
    MUST(store_step_close(store, action, STEP_ACCEPTED, NULL, at_ms + 100, &err));
    MUST(store_step_active(store, action, at_ms + (int64_t)(seconds * 1000), &err));
}

static struct action current(struct store *store, const char *stream)
{
    struct action action;
    bool found;

    MUST(store_action_current(store, stream, &action, &found, &err));
    ck_assert(found);
    return action;
}

static struct step last_step(struct store *store, int64_t action_id)
{
    struct step step;
    bool found;

    MUST(store_step_last(store, action_id, &step, &found, &err));
    ck_assert(found);
    return step;
}

START_TEST(all_of_an_action_comes_back_after_a_restart)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct action given = action_of("orders", ACTION_SCALE_DOWN, 1000), found;
    bool is_found;

    given.goal_shards = 9;
    given.goal_basis = UP_BASIS_SKEW;
    MUST(store_action_current(store, "orders", &found, &is_found, &err));
    ck_assert(!is_found);
    MUST(store_action_begin(store, &given, &err));
    given.state = ACTION_WAITING;
    given.rule = 35;
    given.to_shards = 5;
    given.goal_shards = 8;
    given.state_since_ms = 1500;
    snprintf(given.reason, sizeof(given.reason), "more than thought");
    snprintf(given.failure, sizeof(given.failure), "the account's shard limit is reached");
    MUST(store_action_save(store, &given, &err));
    store_close(store);

    store = open_store(path);
    found = current(store, "orders");
    ck_assert_int_eq(found.id, given.id);
    ck_assert_str_eq(found.stream, "orders");
    ck_assert(found.kind == ACTION_SCALE_DOWN && found.state == ACTION_WAITING && found.rule == 35);
    ck_assert_str_eq(found.owner, "host:1");
    ck_assert(found.started_ms == 1000 && found.ended_ms == 0 && found.state_since_ms == 1500);
    ck_assert(found.from_shards == 4 && found.to_shards == 5 && found.goal_shards == 8);
    ck_assert_int_eq(found.goal_basis, UP_BASIS_SKEW);
    ck_assert_str_eq(found.reason, "more than thought");
    ck_assert_str_eq(found.failure, "the account's shard limit is reached");
    store_close(store);
}
END_TEST

START_TEST(a_stream_has_one_action_at_a_time)
{
    struct store *store = open_store(":memory:");
    struct action first = begin(store, "orders", ACTION_SCALE_UP, 1000);
    struct action second = action_of("orders", ACTION_REPAIR, 1100);
    struct action other = begin(store, "other", ACTION_SCALE_UP, 1100);

    MUST_FAIL(store_action_begin(store, &second, &err), ERROR_BUSY, "'orders'");
    ck_assert_int_eq(second.id, 0);
    MUST(store_action_end(store, &first, "host:1", 0, 1200, &err));
    MUST(store_action_begin(store, &second, &err));
    ck_assert(second.id != first.id && second.id != other.id);
    ck_assert_int_eq(current(store, "orders").id, second.id);
    store_close(store);
}
END_TEST

START_TEST(an_ended_action_stays_as_it_ended)
{
    struct store *store = open_store(":memory:");
    struct action action = begin(store, "orders", ACTION_SCALE_UP, 1000);
    struct operation operation = split();
    struct action_list list = {0};
    struct step_list_stored steps = {0};

    MUST(store_action_end(store, &action, "host:1", 0, 1200, &err));
    /* Another process still thinks that it runs. */
    action.state = ACTION_WAITING;
    MUST_FAIL(store_action_save(store, &action, &err), ERROR_BUSY, "action 1 on stream 'orders'");
    MUST_FAIL(store_step_intend(store, &action, &operation, 1, &err), ERROR_BUSY, "not running");
    MUST_FAIL(store_step_close(store, &action, STEP_ACCEPTED, "", 1, &err), ERROR_BUSY, "not running");
    MUST_FAIL(store_step_active(store, &action, 1, &err), ERROR_BUSY, "not running");
    MUST_FAIL(store_action_end(store, &action, "host:1", 9999, 1300, &err), ERROR_BUSY, "not running");
    MUST(store_actions_recent(store, "orders", 10, &list, &err));
    ck_assert_uint_eq(list.count, 1);
    ck_assert(list.items[0].state == ACTION_DONE && list.items[0].ended_ms == 1200);
    action_list_clear(&list);
    MUST(store_steps(store, action.id, &steps, &err));
    ck_assert_uint_eq(steps.count, 0);
    store_close(store);
}
END_TEST

START_TEST(saving_an_action_as_done_needs_its_end)
{
    struct store *store = open_store(":memory:");
    struct action action = begin(store, "orders", ACTION_REPAIR, 1000);
    bool found;

    action.state = ACTION_DONE;
    MUST_FAIL(store_action_save(store, &action, &err), ERROR_BUG, "CHECK");
    action.ended_ms = 1100;
    MUST(store_action_save(store, &action, &err));
    MUST(store_action_current(store, "orders", &action, &found, &err));
    ck_assert(!found);
    store_close(store);
}
END_TEST

START_TEST(a_step_is_intended_closed_and_seen_active)
{
    struct store *store = open_store(":memory:");
    struct action action = begin(store, "orders", ACTION_SCALE_UP, 1000);
    struct operation merge = {OPERATION_MERGE, "shardId-000000000001", "shardId-000000000002", 0, 4};
    struct step step;
    struct step_list_stored steps = {0};
    bool found = true;

    MUST(store_step_last(store, action.id, &step, &found, &err));
    ck_assert(!found);
    action.rule = 10;
    intend(store, &action, split(), 1100);
    ck_assert_int_eq(current(store, "orders").state, ACTION_INTENDED);
    step = last_step(store, action.id);
    ck_assert(step.action_id == action.id && step.sequence == 1 && step.outcome == STEP_OPEN);
    ck_assert(step.operation.kind == OPERATION_SPLIT && step.operation.target == 5);
    ck_assert(step.operation.new_start == HASHKEY_MAX / 2 + 1);
    ck_assert_str_eq(step.operation.shard, "shardId-000000000003");
    ck_assert(step.intended_ms == 1100 && step.ended_ms == 0 && step.active_ms == 0);
    MUST_FAIL(store_step_intend(store, &action, &merge, 1150, &err), ERROR_BUSY, "outcome is open");

    action.state = ACTION_WAITING;
    action.rule = 20;
    MUST(store_step_close(store, &action, STEP_ACCEPTED, NULL, 1200, &err));
    step = last_step(store, action.id);
    ck_assert(step.outcome == STEP_ACCEPTED && step.ended_ms == 1200 && step.active_ms == 0);
    ck_assert(current(store, "orders").state == ACTION_WAITING && current(store, "orders").rule == 20);
    MUST(store_step_close(store, &action, STEP_REFUSED, "again", 1250, &err)); /* none is open */
    ck_assert(last_step(store, action.id).outcome == STEP_ACCEPTED);

    action.state = ACTION_PLANNING;
    MUST(store_step_active(store, &action, 31200, &err));
    ck_assert_int_eq(last_step(store, action.id).active_ms, 31200);
    ck_assert_int_eq(current(store, "orders").state, ACTION_PLANNING);

    intend(store, &action, merge, 31300);
    MUST(store_step_close(store, &action, STEP_REFUSED, "LimitExceededException", 31400, &err));
    MUST(store_step_active(store, &action, 40000, &err)); /* the accepted one was seen long ago */
    MUST(store_steps(store, action.id, &steps, &err));
    ck_assert_uint_eq(steps.count, 2);
    ck_assert(steps.items[0].sequence == 1 && steps.items[0].active_ms == 31200);
    ck_assert(steps.items[1].sequence == 2 && steps.items[1].active_ms == 0);
    ck_assert_str_eq(steps.items[1].detail, "LimitExceededException");
    ck_assert_str_eq(steps.items[1].operation.adjacent, "shardId-000000000002");
    ck_assert(steps.items[1].operation.new_start == 0);
    step_list_stored_clear(&steps);
    store_close(store);
}
END_TEST

static void add_alarm(struct store *store, const char *id, const char *stream, int64_t received_ms)
{
    struct notification notification = alarm_of(stream, id, received_ms);
    bool is_new;

    MUST(store_notification_add(store, &notification, &is_new, &err));
}

START_TEST(the_end_ties_notifications_frees_the_lock_and_begins_the_cooldown)
{
    struct store *store = open_store(":memory:");
    struct notification_list list = {0};
    struct stream_state state;
    struct action action;
    bool taken;
    static const enum notification_status expected[] = {
        NOTIFICATION_ACTED,   NOTIFICATION_ACTED,   NOTIFICATION_ACTED,
        NOTIFICATION_PENDING, NOTIFICATION_DROPPED, NOTIFICATION_PENDING,
    };

    add_alarm(store, "before", "orders", 900);
    add_alarm(store, "deferred", "orders", 1000);
    add_alarm(store, "tied, though later", "orders", 1500);
    add_alarm(store, "later", "orders", 1001);
    add_alarm(store, "dropped", "orders", 800);
    add_alarm(store, "of another stream", "other", 800);
    MUST(store_lock_take(store, "orders", "host:1", 950, 60000, false, &taken, &state, &err));
    action = begin(store, "orders", ACTION_SCALE_UP, 1000);
    MUST(store_notification_set(store, 2, NOTIFICATION_DEFERRED, "locked", 0, &err));
    MUST(store_notification_set(store, 3, NOTIFICATION_DEFERRED, "served by this", action.id, &err));
    MUST(store_notification_set(store, 5, NOTIFICATION_DROPPED, "quiet", 0, &err));
    intend(store, &action, split(), 1100);
    MUST(store_step_close(store, &action, STEP_ACCEPTED, "", 1200, &err));
    MUST(store_action_end(store, &action, "host:1", 99000, 2000, &err));

    MUST(store_notifications_recent(store, NULL, -1, 10, &list, &err));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const struct notification *n = &list.items[COUNT_OF(expected) - 1 - i];

        ck_assert_msg(n->status == expected[i], "%s: %s", n->message_id, notification_status_name(n->status));
        ck_assert_int_eq(n->action_id, n->status == NOTIFICATION_ACTED ? action.id : 0);
        ck_assert_str_eq(n->reason, n->status == NOTIFICATION_DROPPED ? "quiet" : "");
    }
    notification_list_clear(&list);
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert_str_eq(state.lock_owner, "");
    ck_assert(state.cooldown_until_ms == 99000 && state.last_scale_up_ms == 2000 &&
              state.last_scale_down_ms == 0);
    store_close(store);
}
END_TEST

static const struct {
    enum action_kind kind;
    enum step_outcome outcome; /* of its only step; STEP_OPEN: it has none */
    int64_t up_ms, down_ms;
} endings[] = {
    {ACTION_SCALE_UP, STEP_ACCEPTED, 2000, 0}, {ACTION_SCALE_DOWN, STEP_ACCEPTED, 0, 2000},
    {ACTION_REPAIR, STEP_ACCEPTED, 0, 0},      {ACTION_SCALE_UP, STEP_REFUSED, 0, 0},
    {ACTION_SCALE_DOWN, STEP_UNHEARD, 0, 0},   {ACTION_SCALE_UP, STEP_OPEN, 0, 0},
};

START_TEST(only_an_accepted_step_counts_as_a_scaling)
{
    struct store *store = open_store(":memory:");
    struct action action = begin(store, "orders", endings[_i].kind, 1000);
    struct stream_state state;

    if (endings[_i].outcome != STEP_OPEN) {
        intend(store, &action, split(), 1100);
        MUST(store_step_close(store, &action, endings[_i].outcome, "", 1200, &err));
    }
    MUST(store_action_end(store, &action, "host:1", 0, 2000, &err));
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert_int_eq(state.last_scale_up_ms, endings[_i].up_ms);
    ck_assert_int_eq(state.last_scale_down_ms, endings[_i].down_ms);
    ck_assert_int_eq(state.cooldown_until_ms, 0);
    store_close(store);
}
END_TEST

/* A process that stood still longer than its lease must not write over what its successor does. */
START_TEST(who_lost_the_lock_writes_nothing)
{
    struct store *store = open_store(":memory:");
    struct action action = begin(store, "orders", ACTION_SCALE_UP, 1000), late = action;
    struct operation operation = split();
    struct stream_state state;
    bool taken;

    intend(store, &action, operation, 1200);
    MUST(store_lock_take(store, "orders", "other", 1500, 60000, false, &taken, &state, &err));
    late.state = ACTION_THRESHOLDS;
    MUST_FAIL(store_action_save(store, &late, &err), ERROR_BUSY, "another process has the lock");
    MUST_FAIL(store_step_close(store, &late, STEP_REFUSED, "", 1600, &err), ERROR_BUSY, "another process");
    MUST_FAIL(store_step_intend(store, &late, &operation, 1600, &err), ERROR_BUSY, "another process");
    MUST_FAIL(store_step_active(store, &late, 1600, &err), ERROR_BUSY, "another process");
    MUST_FAIL(store_action_end(store, &late, "host:1", 5000, 2000, &err), ERROR_BUSY, "another process");
    ck_assert_int_eq(current(store, "orders").state, ACTION_INTENDED);
    ck_assert_int_eq(last_step(store, action.id).outcome, STEP_OPEN);

    /* Who has it puts itself into the action, and may. */
    snprintf(action.owner, sizeof(action.owner), "other");
    action.state = ACTION_WAITING;
    MUST(store_step_close(store, &action, STEP_ACCEPTED, "", 1700, &err));
    MUST(store_action_end(store, &action, "other", 5000, 2000, &err));
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert_str_eq(state.lock_owner, "");
    ck_assert_int_eq(state.cooldown_until_ms, 5000);
    store_close(store);
}
END_TEST

START_TEST(updates_count_when_aws_took_them_or_may_have)
{
    struct store *store = open_store(":memory:");
    struct action action = begin(store, "orders", ACTION_SCALE_UP, 1000);
    static const enum step_outcome outcomes[] = {STEP_ACCEPTED, STEP_REFUSED, STEP_UNHEARD, STEP_ACCEPTED};
    int64_t oldest_ms = -1;
    int count = -1;

    MUST(store_updates_since(store, "orders", 0, &count, &oldest_ms, &err));
    ck_assert(count == 0 && oldest_ms == 0);
    for (int i = 0; i < (int)COUNT_OF(outcomes); i++) {
        intend(store, &action, update_to(6), 2000 + i * 1000);
        MUST(store_step_close(store, &action, outcomes[i], "", 2500 + i * 1000, &err));
    }
    intend(store, &action, split(), 6000);
    MUST(store_step_close(store, &action, STEP_ACCEPTED, "", 6500, &err));
    intend(store, &action, update_to(8), 7000); /* still open */

    MUST(store_updates_since(store, "orders", 2000, &count, &oldest_ms, &err));
    ck_assert(count == 3 && oldest_ms == 2000);
    MUST(store_updates_since(store, "orders", 2001, &count, &oldest_ms, &err));
    ck_assert(count == 2 && oldest_ms == 5000);
    MUST(store_updates_since(store, "orders", 7001, &count, &oldest_ms, &err));
    ck_assert(count == 0 && oldest_ms == 0);
    MUST(store_updates_since(store, "other", 0, &count, &oldest_ms, &err));
    ck_assert_int_eq(count, 0);
    store_close(store);
}
END_TEST

START_TEST(the_pace_of_updates_is_the_median_of_the_last_five)
{
    struct store *store = open_store(":memory:");
    struct action action = begin(store, "orders", ACTION_SCALE_UP, 1000);
    double seconds = -1;

    MUST(store_update_seconds(store, "orders", &seconds, &err));
    ck_assert(seconds == 0);
    update_took(store, &action, 10, 1000000,
                9000); /* 900 s a shard, the sixth from the end: forgotten below */
    MUST(store_update_seconds(store, "orders", &seconds, &err));
    ck_assert_msg(seconds == 900, "%f", seconds);
    update_took(store, &action, 10, 2000000, 100); /* 10 */
    MUST(store_update_seconds(store, "orders", &seconds, &err));
    ck_assert_msg(seconds == 455, "%f", seconds);  /* the mean of both */
    update_took(store, &action, 4, 3000000, 200);  /* 50 */
    update_took(store, &action, 10, 4000000, 300); /* 30 */
    update_took(store, &action, 10, 5000000, 200); /* 20 */
    update_took(store, &action, 10, 6000000, 600); /* 60 */
    MUST(store_update_seconds(store, "orders", &seconds, &err));
    ck_assert_msg(seconds == 30, "%f", seconds);
    intend(store, &action, update_to(4), 7000000); /* neither open nor refused ones count */
    MUST(store_update_seconds(store, "orders", &seconds, &err));
    ck_assert_msg(seconds == 30, "%f", seconds);
    MUST(store_step_close(store, &action, STEP_REFUSED, "", 7100000, &err));
    MUST(store_update_seconds(store, "orders", &seconds, &err));
    ck_assert_msg(seconds == 30, "%f", seconds);
    store_close(store);
}
END_TEST

START_TEST(totals_follow_actions_and_steps)
{
    struct store *store = open_store(":memory:");
    struct action up = begin(store, "orders", ACTION_SCALE_UP, 1000), down, repair;
    struct action_totals totals;

    intend(store, &up, split(), 1100);
    MUST(store_step_close(store, &up, STEP_ACCEPTED, "", 1200, &err));
    intend(store, &up, split(), 1300);
    MUST(store_step_close(store, &up, STEP_REFUSED, "", 1400, &err));
    snprintf(up.failure, sizeof(up.failure), "refused");
    MUST(store_action_end(store, &up, "host:1", 0, 1500, &err));
    down = begin(store, "orders", ACTION_SCALE_DOWN, 2000);
    MUST(store_action_end(store, &down, "host:1", 0, 2100, &err));
    repair = begin(store, "orders", ACTION_REPAIR, 3000);
    intend(store, &repair, update_to(2), 3100);
    MUST(store_action_totals(store, &totals, &err));
    ck_assert(totals.actions[ACTION_SCALE_UP] == 1 && totals.actions[ACTION_SCALE_DOWN] == 1);
    ck_assert(totals.actions[ACTION_REPAIR] == 1 && totals.failed == 1 && totals.running == 1);
    ck_assert(totals.steps[OPERATION_SPLIT][STEP_ACCEPTED] == 1);
    ck_assert(totals.steps[OPERATION_SPLIT][STEP_REFUSED] == 1);
    ck_assert(totals.steps[OPERATION_SPLIT][STEP_OPEN] == 0);
    ck_assert(totals.steps[OPERATION_UPDATE][STEP_OPEN] == 1);
    ck_assert(totals.steps[OPERATION_MERGE][STEP_ACCEPTED] == 0);
    store_close(store);
}
END_TEST

START_TEST(the_newest_actions_and_decisions_come_first)
{
    struct store *store = open_store(":memory:");
    static const char *const streams[] = {"a", "b", "a"};
    struct action_list actions = {0};
    struct decision_list decisions = {0};

    for (int i = 0; i < (int)COUNT_OF(streams); i++) {
        struct action action = begin(store, streams[i], ACTION_SCALE_UP, 1000 + i);
        struct decision decision = {.at_ms = 1000 + i,
                                    .action_id = i == 0 ? action.id : 0,
                                    .verdict = "reshard",
                                    .reason = "60 of 50 %",
                                    .inputs = "{\"shards\":4}"};

        snprintf(decision.stream, sizeof(decision.stream), "%s", streams[i]);
        MUST(store_decision_add(store, &decision, &err));
        MUST(store_action_end(store, &action, "host:1", 0, 2000, &err));
    }
    MUST(store_actions_recent(store, NULL, 2, &actions, &err));
    ck_assert(actions.count == 2 && actions.items[0].id == 3 && actions.items[1].id == 2);
    action_list_clear(&actions);
    MUST(store_actions_recent(store, "a", 10, &actions, &err));
    ck_assert(actions.count == 2 && actions.items[0].id == 3 && actions.items[1].id == 1);
    action_list_clear(&actions);
    MUST(store_decisions_recent(store, NULL, 2, &decisions, &err));
    ck_assert(decisions.count == 2 && decisions.items[0].id == 3 && decisions.items[1].id == 2);
    decision_list_clear(&decisions);
    MUST(store_decisions_recent(store, "a", 10, &decisions, &err));
    ck_assert(decisions.count == 2 && decisions.items[1].at_ms == 1000 && decisions.items[1].action_id == 1);
    ck_assert_str_eq(decisions.items[1].stream, "a");
    ck_assert_str_eq(decisions.items[1].verdict, "reshard");
    ck_assert_str_eq(decisions.items[1].reason, "60 of 50 %");
    ck_assert_str_eq(decisions.items[1].inputs, "{\"shards\":4}");
    ck_assert_int_eq(decisions.items[0].action_id, 0);
    decision_list_clear(&decisions);
    store_close(store);
}
END_TEST

START_TEST(every_kind_and_outcome_has_a_name)
{
    ck_assert_str_eq(action_kind_name(ACTION_SCALE_UP), "scale-up");
    ck_assert_str_eq(action_kind_name(ACTION_SCALE_DOWN), "scale-down");
    ck_assert_str_eq(action_kind_name(ACTION_REPAIR), "repair");
    ck_assert_str_eq(action_kind_name(ACTION_BY_HAND), "by-hand");
    ck_assert_str_eq(action_kind_name(ACTION_KIND_COUNT), "unknown");
    ck_assert_str_eq(step_outcome_name(STEP_OPEN), "open");
    ck_assert_str_eq(step_outcome_name(STEP_ACCEPTED), "accepted");
    ck_assert_str_eq(step_outcome_name(STEP_REFUSED), "refused");
    ck_assert_str_eq(step_outcome_name(STEP_UNHEARD), "unheard");
    ck_assert_str_eq(step_outcome_name(STEP_OUTCOME_COUNT), "unknown");
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store actions");
    TCase *tcase = tcase_create("actions");

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, all_of_an_action_comes_back_after_a_restart);
    tcase_add_test(tcase, a_stream_has_one_action_at_a_time);
    tcase_add_test(tcase, an_ended_action_stays_as_it_ended);
    tcase_add_test(tcase, saving_an_action_as_done_needs_its_end);
    tcase_add_test(tcase, a_step_is_intended_closed_and_seen_active);
    tcase_add_test(tcase, the_end_ties_notifications_frees_the_lock_and_begins_the_cooldown);
    tcase_add_loop_test(tcase, only_an_accepted_step_counts_as_a_scaling, 0, COUNT_OF(endings));
    tcase_add_test(tcase, who_lost_the_lock_writes_nothing);
    tcase_add_test(tcase, updates_count_when_aws_took_them_or_may_have);
    tcase_add_test(tcase, the_pace_of_updates_is_the_median_of_the_last_five);
    tcase_add_test(tcase, totals_follow_actions_and_steps);
    tcase_add_test(tcase, the_newest_actions_and_decisions_come_first);
    tcase_add_test(tcase, every_kind_and_outcome_has_a_name);
    suite_add_tcase(made, tcase);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
