/*
 * test_action.c - the rule table is sound.
 */
#include "scaling/action.h"

#include "base/memory.h"
#include "support.h"

START_TEST(rule_ids_rise_and_no_pair_is_ruled_twice)
{
    bool seen[ACTION_STATE_COUNT][ACTION_EVENT_COUNT] = {0};
    int previous = 0;
    size_t count;
    const struct action_rule *rules = action_rules(&count);

    for (size_t i = 0; i < count; i++) {
        ck_assert_int_gt(rules[i].id, previous);
        previous = rules[i].id;
        ck_assert_msg(!seen[rules[i].from][rules[i].on], "rule %d can never fire", rules[i].id);
        seen[rules[i].from][rules[i].on] = true;
        ck_assert_ptr_eq(action_next(rules[i].from, rules[i].on), &rules[i]);
    }
}
END_TEST

START_TEST(done_is_the_end)
{
    for (int event = 0; event < ACTION_EVENT_COUNT; event++)
        ck_assert_ptr_null(action_next(ACTION_DONE, (enum action_event)event));
}
END_TEST

START_TEST(only_the_end_frees_the_lock)
{
    size_t count;
    const struct action_rule *rules = action_rules(&count);

    for (size_t i = 0; i < count; i++)
        ck_assert_msg((rules[i].to == ACTION_DONE) == (rules[i].deed == DEED_FINISH), "rule %d", rules[i].id);
}
END_TEST

START_TEST(an_operation_is_only_called_from_planning_and_always_closed)
{
    size_t count;
    const struct action_rule *rules = action_rules(&count);

    for (size_t i = 0; i < count; i++) {
        const struct action_rule *rule = &rules[i];

        ck_assert_msg((rule->to == ACTION_INTENDED) == (rule->deed == DEED_INTEND_AND_CALL), "rule %d",
                      rule->id);
        if (rule->to == ACTION_INTENDED)
            ck_assert_int_eq(rule->from, ACTION_PLANNING);
        if (rule->from == ACTION_INTENDED)
            ck_assert_msg(rule->deed == DEED_STORE_OUTCOME || rule->deed == DEED_FINISH, "rule %d", rule->id);
    }
}
END_TEST

/* Never two reshardings in flight: a stream that is changing is waited for, from wherever we are. */
START_TEST(a_changing_stream_is_waited_for)
{
    for (int state = 0; state < ACTION_DONE; state++) {
        const struct action_rule *rule = action_next((enum action_state)state, EVENT_SEEN_UPDATING);

        ck_assert_msg(rule != NULL && rule->to == ACTION_WAITING, "state %d", state);
    }
}
END_TEST

START_TEST(a_stream_that_is_gone_ends_every_action)
{
    for (int state = 0; state < ACTION_DONE; state++) {
        const struct action_rule *rule = action_next((enum action_state)state, EVENT_SEEN_GONE);

        ck_assert_msg(rule != NULL && rule->to == ACTION_DONE, "state %d", state);
    }
}
END_TEST

/* What a turn meets when AWS is well and says yes to all: the thing that leads on from a state. */
static enum action_event good_event(enum action_state state)
{
    static const enum action_event events[ACTION_STATE_COUNT] = {
        [ACTION_PLANNING] = EVENT_NEEDS_NOTHING, [ACTION_INTENDED] = EVENT_SEEN_ACTIVE,
        [ACTION_WAITING] = EVENT_SEEN_ACTIVE,    [ACTION_THRESHOLDS] = EVENT_ALARMS_MOVED,
        [ACTION_RESET] = EVENT_ALARMS_RESET,
    };

    return events[state];
}

START_TEST(a_healthy_stream_ends_every_state_with_alarms_moved_and_reset)
{
    enum action_state state = (enum action_state)_i;
    bool moved = state == ACTION_RESET, reset = false;

    for (int turns = 0; state != ACTION_DONE; turns++) {
        const struct action_rule *rule = action_next(state, good_event(state));

        ck_assert_msg(rule != NULL && turns < 6, "stuck in %s", action_state_name(state));
        moved |= rule->on == EVENT_ALARMS_MOVED;
        reset |= rule->on == EVENT_ALARMS_RESET;
        state = rule->to;
    }
    ck_assert(moved && reset);
}
END_TEST

/* Whatever is refused or blocked, no way leads to the end past the alarms, except that the stream is gone. */
START_TEST(no_failure_leaves_a_silent_alarm)
{
    size_t count;
    const struct action_rule *rules = action_rules(&count);

    for (size_t i = 0; i < count; i++) {
        if (rules[i].to == ACTION_DONE && rules[i].on != EVENT_SEEN_GONE)
            ck_assert_int_eq(rules[i].from, ACTION_RESET);
        if (rules[i].to == ACTION_RESET)
            ck_assert(rules[i].from == ACTION_THRESHOLDS || rules[i].from == ACTION_RESET);
    }
}
END_TEST

/* A deed that was cut off is met again: by looking at a stream that rests. */
START_TEST(every_state_that_owes_a_deed_finds_it_again)
{
    static const struct {
        enum action_state state;
        enum action_state to;
        enum action_deed deed;
    } again[] = {
        {ACTION_INTENDED, ACTION_PLANNING, DEED_STORE_OUTCOME},
        {ACTION_WAITING, ACTION_PLANNING, DEED_STORE_ACTIVE},
        {ACTION_THRESHOLDS, ACTION_THRESHOLDS, DEED_MOVE_THRESHOLDS},
        {ACTION_RESET, ACTION_RESET, DEED_RESET_ALARMS},
    };

    for (size_t i = 0; i < COUNT_OF(again); i++) {
        const struct action_rule *rule = action_next(again[i].state, EVENT_SEEN_ACTIVE);

        ck_assert_ptr_nonnull(rule);
        ck_assert_int_eq(rule->to, again[i].to);
        ck_assert_int_eq(rule->deed, again[i].deed);
    }
}
END_TEST

START_TEST(an_update_refused_leads_to_splits)
{
    const struct action_rule *rule = action_next(ACTION_INTENDED, EVENT_UPDATE_REFUSED);

    ck_assert_int_eq(rule->id, 45);
    ck_assert_int_eq(rule->to, ACTION_PLANNING);
    ck_assert_int_eq(rule->deed, DEED_STORE_OUTCOME);
}
END_TEST

START_TEST(every_state_and_event_is_of_use)
{
    bool reached[ACTION_STATE_COUNT] = {[ACTION_PLANNING] = true}, heard[ACTION_EVENT_COUNT] = {0};
    size_t count;
    const struct action_rule *rules = action_rules(&count);

    for (size_t i = 0; i < count; i++)
        heard[rules[i].on] = true;
    for (int round = 0; round < ACTION_STATE_COUNT; round++) {
        for (size_t i = 0; i < count; i++)
            reached[rules[i].to] |= reached[rules[i].from];
    }
    for (int i = 0; i < ACTION_STATE_COUNT; i++)
        ck_assert_msg(reached[i], "state %d", i);
    for (int i = 0; i < ACTION_EVENT_COUNT; i++)
        ck_assert_msg(heard[i], "event %d", i);
}
END_TEST

START_TEST(everything_has_a_name_and_every_rule_a_sentence)
{
    size_t count;
    const struct action_rule *rules = action_rules(&count);

    for (int i = 0; i < ACTION_STATE_COUNT; i++)
        ck_assert_uint_gt(strlen(action_state_name((enum action_state)i)), 0);
    for (int i = 0; i < ACTION_EVENT_COUNT; i++)
        ck_assert_uint_gt(strlen(action_event_name((enum action_event)i)), 0);
    for (int i = 0; i <= DEED_FINISH; i++)
        ck_assert_uint_gt(strlen(action_deed_name((enum action_deed)i)), 0);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_gt(strlen(rules[i].why), 10);
        ck_assert_int_ne(rules[i].why[strlen(rules[i].why) - 1], '.');
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("action");
    TCase *tcase = tcase_create("action");

    tcase_add_test(tcase, rule_ids_rise_and_no_pair_is_ruled_twice);
    tcase_add_test(tcase, done_is_the_end);
    tcase_add_test(tcase, only_the_end_frees_the_lock);
    tcase_add_test(tcase, an_operation_is_only_called_from_planning_and_always_closed);
    tcase_add_test(tcase, a_changing_stream_is_waited_for);
    tcase_add_test(tcase, a_stream_that_is_gone_ends_every_action);
    tcase_add_loop_test(tcase, a_healthy_stream_ends_every_state_with_alarms_moved_and_reset, 0, ACTION_DONE);
    tcase_add_test(tcase, no_failure_leaves_a_silent_alarm);
    tcase_add_test(tcase, every_state_that_owes_a_deed_finds_it_again);
    tcase_add_test(tcase, an_update_refused_leads_to_splits);
    tcase_add_test(tcase, every_state_and_event_is_of_use);
    tcase_add_test(tcase, everything_has_a_name_and_every_rule_a_sentence);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
