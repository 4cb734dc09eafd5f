/*
 * actions.h - what was done to a stream, step by step: intent first, outcome after.
 */
#ifndef STORE_ACTIONS_H
#define STORE_ACTIONS_H

#include "scaling/action.h"
#include "scaling/plan_up.h"
#include "store/store.h"

#include <stddef.h>

enum action_kind { ACTION_SCALE_UP, ACTION_SCALE_DOWN, ACTION_REPAIR, ACTION_BY_HAND, ACTION_KIND_COUNT };
const char *action_kind_name(enum action_kind kind); /* "scale-up", "scale-down", "repair", "by-hand" */

struct action {
    int64_t id;
    char stream[STREAM_NAME_SIZE];
    enum action_kind kind;
    enum action_state state;
    int rule;       /* the last action_rule that fired */
    char owner[96]; /* who began it; who goes on with it puts itself here before it saves */
    int64_t started_ms;
    int64_t ended_ms; /* 0 while it runs */
    int64_t from_shards;
    int64_t to_shards;   /* open shards as last seen */
    int64_t goal_shards; /* up_facts.goal_shards; 0 when the plan follows the load */
    int goal_basis;      /* enum up_basis; of a scale-down or an action by hand the engine's own */
    int64_t state_since_ms;
    char reason[512];  /* why it began: the plan's sentence; then why it went elsewhere (engine/record.c) */
    char failure[512]; /* "" unless it ended short of what was wanted */
};
struct action_list {
    struct action *items;
    size_t count;
};
void action_list_clear(struct action_list *list); /* begins zeroed */

enum step_outcome { STEP_OPEN, STEP_ACCEPTED, STEP_REFUSED, STEP_UNHEARD, STEP_OUTCOME_COUNT };
const char *step_outcome_name(enum step_outcome outcome); /* "open", "accepted", "refused", "unheard" */

struct step {
    int64_t id;
    int64_t action_id;
    int sequence; /* 1, 2, 3... within the action */
    struct operation operation;
    int64_t intended_ms;
    int64_t ended_ms;  /* when the outcome was stored; 0 while open */
    int64_t active_ms; /* when the stream was seen ACTIVE again; 0 before */
    enum step_outcome outcome;
    char detail[512]; /* what AWS said, when refused */
};
struct step_list_stored {
    struct step *items;
    size_t count;
};
void step_list_stored_clear(struct step_list_stored *list); /* begins zeroed */

/*
 * Functions that write a running action fail with ERROR_BUSY, and change nothing, when it has ended meanwhile, or when
 * somebody other than action->owner has the stream's lock: the lease ran out while this process stood still, and
 * another one has gone on.
 */

/* Begins one; the id goes into action->id.  ERROR_BUSY when the stream has a running one. */
int store_action_begin(struct store *store, struct action *action, struct error *err);
/* The running one of a stream; *ret_found is false when there is none. */
int store_action_current(struct store *store, const char *stream, struct action *ret_action, bool *ret_found,
                         struct error *err);
/* Writes state, rule, state_since_ms, to_shards, goal, reason and failure back; ended_ms too when state is DONE. */
int store_action_save(struct store *store, const struct action *action, struct error *err);
/* Saves the action (state INTENDED) and its next step in one transaction; the sequence is given by the store.
 * ERROR_BUSY when a step of it is still open: there is never more than one call in flight. */
int store_step_intend(struct store *store, const struct action *action, const struct operation *operation,
                      int64_t now_ms, struct error *err);
/* Closes the open step of the action and saves the action in one transaction.  No open step: only the action. */
int store_step_close(struct store *store, const struct action *action, enum step_outcome outcome,
                     const char *detail, int64_t now_ms, struct error *err);
/* The stream is ACTIVE again after the last accepted step; with the action, in one transaction. */
int store_step_active(struct store *store, const struct action *action, int64_t now_ms, struct error *err);
/*
 * The end: the action is DONE, its notifications (those pending or deferred with received_ms <= started_ms, and
 * those already tied to it) are ACTED with its id, the lock is free, the cooldown runs; one transaction.
 * A step that is still open is closed as UNHEARD.  Also sets last_scale_up_ms / last_scale_down_ms when at least one step was accepted;
 * an action by hand is the one or the other by the shards it left.
 */
int store_action_end(struct store *store, const struct action *action, const char *owner,
                     int64_t cooldown_until_ms, int64_t now_ms, struct error *err);

/* The last step of an action; *ret_found is false when it has none. */
int store_step_last(struct store *store, int64_t action_id, struct step *ret_step, bool *ret_found,
                    struct error *err);
int store_steps(struct store *store, int64_t action_id, struct step_list_stored *ret_list, struct error *err);
/* The newest of a stream; zeroed, with id 0, when it never had one. */
int store_action_last(struct store *store, const char *stream, struct action *ret_action, struct error *err);
/* Newest first; stream NULL for all. */
int store_actions_recent(struct store *store, const char *stream, int limit, struct action_list *ret_list,
                         struct error *err);

/* UpdateShardCount calls that AWS took or may have taken (accepted, open) since then; and when the oldest of them was. */
int store_updates_since(struct store *store, const char *stream, int64_t since_ms, int *ret_count,
                        int64_t *ret_oldest_ms, struct error *err);
/* Median of (active - intended) / target over the last 5 accepted updates, in seconds; 0 when there is none. */
int store_update_seconds(struct store *store, const char *stream, double *ret_seconds_per_shard,
                         struct error *err);

/* Where the shards begin that a scale-down or an action by hand shall leave; replaces what was there. */
int store_goal_set(struct store *store, int64_t action_id, const hashkey *starts, size_t count,
                   struct error *err);
/* In the order of the hash keys; *ret_starts is the caller's to free, NULL when none was set. */
int store_goal_load(struct store *store, int64_t action_id, hashkey **ret_starts, size_t *ret_count,
                    struct error *err);

/* Totals for /metrics. */
struct action_totals {
    int64_t actions[ACTION_KIND_COUNT];
    int64_t failed;
    int64_t running;
    int64_t steps[3][STEP_OUTCOME_COUNT]; /* by operation kind and outcome */
};
int store_action_totals(struct store *store, struct action_totals *ret_totals, struct error *err);

#endif
