/*
 * protocol.h - lock, lease, cooldown, deferral and alarm of one stream, and two processes that work on it.
 *
 * A model for the explorer (explore.c): small enough that every state can be visited.  What an action does next is
 * not modelled but asked: action_next() is the program's own.  Everything else says on the right which function of
 * the program it stands for.  Time is counted in ticks of half a lease.
 */
#ifndef TESTS_PROTOCOL_H
#define TESTS_PROTOCOL_H

#include "scaling/action.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROCESSES = 2, LEASE = 2, COOLDOWN = 2, NEVER = 3, GENERATION_MAX = 2, LOAD_MAX = 3 };

/* Where in engine_turn() a process stands; each step to the next is atomic, because it is one transaction, one call,
 * or touches nothing that others see. */
enum place {
    AWAY,     /* no turn */
    LOADED,   /* turn_load() is done */
    LOCKED,   /* store_lock_take() is done, and what it changed is loaded again */
    LOOKING,  /* observe() */
    SEEN,     /* apply() */
    INTENDED, /* store_step_intend() is done, the call is next */
    LEAVING,  /* store_lock_release() of turn_leave() */
    LEFT,     /* store_stream_set_due() of turn_leave() */
};

enum lock_owner { LOCK_FREE, LOCK_FIRST, LOCK_SECOND, LOCK_GHOST };
enum aws_status { AWS_ACTIVE, AWS_UPDATING, AWS_GONE };
enum note {
    NOTE_NONE,
    NOTE_PENDING,
    NOTE_DEFERRED,
    NOTE_PENDING_MEANWHILE, /* came after the running action began: it is not that action's */
    NOTE_DEFERRED_MEANWHILE,
};
enum { NO_ACTION = ACTION_STATE_COUNT, KEEP_DUE = NEVER + 1 };

struct process {
    uint8_t place;
    uint8_t action; /* turn->action.state, or NO_ACTION */
    uint8_t event;
    uint8_t planned;   /* the generation the operation was planned on: names the shards it takes */
    uint8_t next;      /* turn->next_ms; KEEP_DUE: not ours to say */
    uint8_t keep;      /* turn->next_reasons has DUE_REPAIR */
    uint8_t late;      /* ticks since the lease was taken or renewed, at most LEASE */
    uint8_t disturbed; /* somebody made the stream due since the turn began: the revision */
};

struct state {
    /* The database. */
    uint8_t lock, lease, cooldown, action, repair_action, step_open, note, due, repair;
    /* AWS: each reshard is a generation; a load of n needs n of them, an alarm's threshold was moved for one. */
    uint8_t status, generation, load, threshold, alarm;
    uint8_t bad_luck; /* how much more of it there may be */
    struct process processes[PROCESSES];
};

/* What must be seen: broken on purpose, one at a time. */
enum defect {
    DEFECT_NONE,
    DEFECT_LOCK_DROPPED,
    DEFECT_LEASE_NEVER_ENDS,
    DEFECT_LEASE_NOT_RENEWED,
    DEFECT_COOLDOWN_IGNORED,
    DEFECT_COOLDOWN_NOT_CHECKED_UNDER_LOCK,
    DEFECT_DEFERRED_FORGOTTEN,
    DEFECT_DEFERRED_NEVER_DUE,
    DEFECT_INTENT_NOT_STORED,
    DEFECT_LATE_WRITER_NOT_STOPPED,
    DEFECT_REVISION_IGNORED,
    DEFECT_ALARM_NOT_RESET,
    DEFECT_THRESHOLDS_NOT_MOVED,
    DEFECT_BLOCKED_ENDS_AT_ONCE,
    DEFECT_ALL_NOTES_ENDED,
    DEFECT_RECONCILE_BLIND,
    DEFECT_COUNT
};
extern enum defect defect;
const char *defect_name(enum defect one);

/* What a step did besides leading to the next state. */
struct step {
    struct state to;
    bool good;  /* no crash, loss, refusal or delay, and nobody else interferes */
    bool acted; /* an action began, or AWS took a call */
    int rule;   /* of scaling/action.c; 0 none */
    const char *name;
    const char *violation; /* of what must never happen; NULL */
};

enum { STEPS_MAX = 48 };
/* All steps from a state; `reconciles` false: nobody looks at everything now and then. */
int protocol_steps(const struct state *from, bool reconciles, struct step steps[STEPS_MAX]);
/* A stream with this load; `bad_luck` steps that are not good may come. */
struct state protocol_start(uint8_t load, uint8_t bad_luck);

#endif
