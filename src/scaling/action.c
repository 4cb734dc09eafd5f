/*
 * action.c - the life of one action on a stream, as a table.
 *
 * A deed that fails is done again: the state is kept, and the next look at a
 * healthy stream (SEEN_ACTIVE) finds the rule that repeats it.
 */
#include "scaling/action.h"

#include "base/memory.h"

static const struct action_rule rules[] = {
    {10, ACTION_PLANNING, EVENT_NEEDS_STEP, ACTION_INTENDED, DEED_INTEND_AND_CALL,
     "the plan has a next operation"},
    {12, ACTION_PLANNING, EVENT_SEEN_UPDATING, ACTION_WAITING, DEED_NONE,
     "the stream is being changed already; wait before planning"},
    {20, ACTION_INTENDED, EVENT_ACCEPTED, ACTION_WAITING, DEED_STORE_OUTCOME, "AWS took the operation"},
    {30, ACTION_INTENDED, EVENT_SEEN_UPDATING, ACTION_WAITING, DEED_STORE_OUTCOME,
     "the answer was lost, but the stream is changing: AWS had heard"},
    {35, ACTION_INTENDED, EVENT_CONFLICT, ACTION_WAITING, DEED_STORE_OUTCOME,
     "the stream was being changed, or had been, when AWS heard the operation; wait and plan afresh"},
    {40, ACTION_INTENDED, EVENT_SEEN_ACTIVE, ACTION_PLANNING, DEED_STORE_OUTCOME,
     "the answer was lost and the stream rests: done already or never heard, the shards will tell"},
    {45, ACTION_INTENDED, EVENT_UPDATE_REFUSED, ACTION_PLANNING, DEED_STORE_OUTCOME,
     "no call of UpdateShardCount is left today; plan afresh with splits"},
    {50, ACTION_INTENDED, EVENT_REFUSED, ACTION_THRESHOLDS, DEED_STORE_OUTCOME,
     "AWS refused the operation for good; settle for what was reached"},
    {55, ACTION_INTENDED, EVENT_SEEN_GONE, ACTION_DONE, DEED_FINISH, "the stream is gone"},
    {60, ACTION_WAITING, EVENT_SEEN_UPDATING, ACTION_WAITING, DEED_NONE, "the stream is still changing"},
    {70, ACTION_WAITING, EVENT_SEEN_ACTIVE, ACTION_PLANNING, DEED_STORE_ACTIVE,
     "the stream rests again; plan afresh"},
    {75, ACTION_WAITING, EVENT_SEEN_GONE, ACTION_DONE, DEED_FINISH, "the stream is gone"},
    {80, ACTION_PLANNING, EVENT_NEEDS_NOTHING, ACTION_THRESHOLDS, DEED_MOVE_THRESHOLDS,
     "the plan is fulfilled; move the alarms to the capacity there is"},
    {85, ACTION_PLANNING, EVENT_BLOCKED, ACTION_THRESHOLDS, DEED_MOVE_THRESHOLDS,
     "more is needed than is allowed; move the alarms to what was reached"},
    {88, ACTION_PLANNING, EVENT_SEEN_GONE, ACTION_DONE, DEED_FINISH, "the stream is gone"},
    {90, ACTION_THRESHOLDS, EVENT_ALARMS_MOVED, ACTION_RESET, DEED_RESET_ALARMS,
     "the alarms fit the capacity; reset those that stand in ALARM"},
    {92, ACTION_THRESHOLDS, EVENT_SEEN_ACTIVE, ACTION_THRESHOLDS, DEED_MOVE_THRESHOLDS,
     "the alarms may not have been moved; move them again"},
    {94, ACTION_THRESHOLDS, EVENT_SEEN_UPDATING, ACTION_WAITING, DEED_NONE,
     "somebody changes the stream; the alarms must fit what comes of it"},
    {96, ACTION_THRESHOLDS, EVENT_REFUSED, ACTION_RESET, DEED_RESET_ALARMS,
     "AWS refuses to move the alarms; at least they shall be able to fire again"},
    {98, ACTION_THRESHOLDS, EVENT_SEEN_GONE, ACTION_DONE, DEED_FINISH, "the stream is gone"},
    {100, ACTION_RESET, EVENT_ALARMS_RESET, ACTION_DONE, DEED_FINISH, "the alarms can fire again"},
    {102, ACTION_RESET, EVENT_SEEN_ACTIVE, ACTION_RESET, DEED_RESET_ALARMS,
     "the alarms may not have been reset; reset them again"},
    {104, ACTION_RESET, EVENT_SEEN_UPDATING, ACTION_WAITING, DEED_NONE,
     "somebody changes the stream; the alarms must fit what comes of it"},
    {106, ACTION_RESET, EVENT_REFUSED, ACTION_DONE, DEED_FINISH,
     "AWS refuses to reset the alarms; a later look must try again"},
    {108, ACTION_RESET, EVENT_SEEN_GONE, ACTION_DONE, DEED_FINISH, "the stream is gone"},
};

const struct action_rule *action_next(enum action_state from, enum action_event on)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].from == from && rules[i].on == on)
            return &rules[i];
    }
    return NULL;
}

const struct action_rule *action_rules(size_t *ret_count)
{
    *ret_count = COUNT_OF(rules);
    return rules;
}

const char *action_state_name(enum action_state state)
{
    static const char *const names[ACTION_STATE_COUNT] = {
        [ACTION_PLANNING] = "planning",     [ACTION_INTENDED] = "intended", [ACTION_WAITING] = "waiting",
        [ACTION_THRESHOLDS] = "thresholds", [ACTION_RESET] = "reset",       [ACTION_DONE] = "done",
    };

    return names[state];
}

const char *action_event_name(enum action_event event)
{
    static const char *const names[ACTION_EVENT_COUNT] = {
        [EVENT_NEEDS_STEP] = "needs-step",
        [EVENT_NEEDS_NOTHING] = "needs-nothing",
        [EVENT_BLOCKED] = "blocked",
        [EVENT_ACCEPTED] = "accepted",
        [EVENT_CONFLICT] = "conflict",
        [EVENT_REFUSED] = "refused",
        [EVENT_UPDATE_REFUSED] = "update-refused",
        [EVENT_SEEN_UPDATING] = "seen-updating",
        [EVENT_SEEN_ACTIVE] = "seen-active",
        [EVENT_SEEN_GONE] = "seen-gone",
        [EVENT_ALARMS_MOVED] = "alarms-moved",
        [EVENT_ALARMS_RESET] = "alarms-reset",
    };

    return names[event];
}

const char *action_deed_name(enum action_deed deed)
{
    static const char *const names[] = {
        [DEED_NONE] = "none",
        [DEED_INTEND_AND_CALL] = "intend-and-call",
        [DEED_STORE_OUTCOME] = "store-outcome",
        [DEED_STORE_ACTIVE] = "store-active",
        [DEED_MOVE_THRESHOLDS] = "move-thresholds",
        [DEED_RESET_ALARMS] = "reset-alarms",
        [DEED_FINISH] = "finish",
    };

    return names[deed];
}
