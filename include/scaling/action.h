/*
 * action.h - the life of one action on a stream, as a table.
 *
 *        +-----------------12-------------------+
 *        |                                      v
 *   PLANNING --10--> INTENDED --20,30,35--> WAITING --60--+
 *    ^ ^  |           |   |                  |  ^ ^       |
 *    | +--|---40,45---+   |                  |  | +-------+
 *    +----|---------------|--------70--------+  |
 *         | 80,85         | 50                  |
 *         v               v                     |
 *        THRESHOLDS (92: once more) ----94------+
 *         | 90,96                               |
 *         v                                     |
 *        RESET (102: once more) --------104-----+
 *         | 100,106
 *         v
 *        DONE <-- 55,75,88,98,108 from every state: the stream is gone
 *
 * The engine looks at the stream once per turn (SEEN_...), does the deed of the
 * rule it finds, and feeds the deed's own outcome back as the next event.  In
 * PLANNING a stream that was seen ACTIVE is planned for; the plan is the event.
 * A deed that failed for now is met again on the next turn by 40, 92 or 102.
 *
 * Pure data: the table says what, the engine knows how.  The state is stored
 * before the world is touched, so any line may be the last one a process runs.
 * The number of a rule never changes; it stands in the log and in the database.
 */
#ifndef SCALING_ACTION_H
#define SCALING_ACTION_H

#include <stddef.h>

enum action_state {
    ACTION_PLANNING,   /* look at shards and load, decide on the next operation */
    ACTION_INTENDED,   /* the operation is stored; AWS may or may not have heard of it */
    ACTION_WAITING,    /* AWS took it (or someone else reshards); wait for ACTIVE */
    ACTION_THRESHOLDS, /* no more operations; alarms must be moved to the new capacity */
    ACTION_RESET,      /* alarms in ALARM must be set to OK */
    ACTION_DONE,
    ACTION_STATE_COUNT
};

enum action_event {
    EVENT_NEEDS_STEP,     /* the plan has a next operation */
    EVENT_NEEDS_NOTHING,  /* the plan is fulfilled */
    EVENT_BLOCKED,        /* the plan wants more than is allowed */
    EVENT_ACCEPTED,       /* AWS answered the call with success */
    EVENT_CONFLICT,       /* ResourceInUse: somebody reshards already */
    EVENT_REFUSED,        /* AWS said no for good: to an operation, or to the deed of THRESHOLDS or RESET */
    EVENT_UPDATE_REFUSED, /* UpdateShardCount is out of calls; splits may still do it */
    EVENT_SEEN_UPDATING,
    EVENT_SEEN_ACTIVE,
    EVENT_SEEN_GONE, /* the stream does not exist (any more) or is being deleted */
    EVENT_ALARMS_MOVED,
    EVENT_ALARMS_RESET,
    ACTION_EVENT_COUNT
};

enum action_deed {
    DEED_NONE,
    DEED_INTEND_AND_CALL, /* store the operation, then call */
    DEED_STORE_OUTCOME,   /* close the stored operation with its outcome: this event */
    DEED_STORE_ACTIVE,    /* the stream rests again after it */
    DEED_MOVE_THRESHOLDS,
    DEED_RESET_ALARMS,
    DEED_FINISH /* end the action and what is open of it, begin the cooldown, free the lock */
};

struct action_rule {
    int id;
    enum action_state from;
    enum action_event on;
    enum action_state to;
    enum action_deed deed;
    const char *why; /* a sentence for the operator */
};

/* NULL when nothing is ruled: the caller keeps the state and looks again. */
const struct action_rule *action_next(enum action_state from, enum action_event on);
const struct action_rule *action_rules(size_t *ret_count);
const char *action_state_name(enum action_state state);
const char *action_event_name(enum action_event event);
const char *action_deed_name(enum action_deed deed);

#endif
