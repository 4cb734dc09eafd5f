/*
 * turn.h - one turn of the engine, taken apart into look, think and act.
 *
 * Internal to engine/.  A turn gathers what it learns in one struct; nothing of
 * it outlives the turn but what was stored.
 */
#ifndef ENGINE_TURN_H
#define ENGINE_TURN_H

#include "aws/cloudwatch.h"
#include "aws/kinesis.h"
#include "engine/engine.h"
#include "scaling/action.h"
#include "scaling/adaptive.h"
#include "scaling/alarms.h"
#include "scaling/plan_up.h"
#include "scaling/shard_alarms.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/minutes.h"
#include "store/notifications.h"
#include "store/streams.h"

#include <pthread.h>

enum {
    /* A lease outlives the longest turn: a resharding call with its retries takes at most 4 x 20 s. */
    LEASE_MS = 120 * 1000,
    /* Metrics looked at: CloudWatch is a minute or two late, an alarm judges the last few. */
    LOOK_BACK_MS = 6 * 60 * 1000,
    /* A notification older than this is checked against the alarm's present state before it is acted on. */
    FRESH_MS = 2 * 60 * 1000,
    /* AWS may show the old shards for a while after it took a call ("start delay 1-30 s" was observed). */
    SETTLE_MS = 60 * 1000,
    /* No turn leaves a later due time but for a cooldown or a pause. */
    DUE_LATEST_MS = 5 * 60 * 1000,
    /* A floor is prepared for by a look at everything, and whoever does it takes a while. */
    FLOOR_SLACK_MS = 60 * 1000,
    /* The one generation for skew is spent for a day. */
    DAY_MS = 24 * 60 * 60 * 1000,
};

/* What splits have taught about where the load lies is believed for a week after it was last measured. */
#define LINEAGE_MS (7LL * DAY_MS)

/* Who changes alarms, and when the next one may: see alarm_queue.c. */
struct alarm_queue {
    pthread_mutex_t mutex;
    bool taken;
    int64_t end_ms; /* where the queue ends */
};

/* What passes need not ask CloudWatch again: see busy.c. */
struct busy_list {
    pthread_mutex_t mutex;
    struct busy *items;
    size_t count;
};

struct engine {
    pthread_mutex_t config_mutex;
    struct config *config; /* under the mutex; engine_config() */
    struct aws_client *aws;
    struct clock *clock;
    char owner[OWNER_SIZE];
    /* DescribeLimits may be asked once a second per account: one answer serves all streams.  Every reconcile asks
     * again, so that no alarm waits for it. */
    pthread_mutex_t limits_mutex;
    int64_t limits_at_ms; /* 0: never asked, or no longer true */
    int64_t headroom;     /* shards the account may still open; -1 unknown */
    struct alarm_queue alarm_queue;
    struct busy_list busy;
    int64_t forgot_ms; /* when reconcile last deleted old history; 0: never */
};

struct by_hand_goal;

/* What was learned of a stream of the policy `adaptive`. */
struct learned {
    bool loaded;
    struct adaptive_habits habits;
    int64_t habits_ms; /* when they were learned; 0: never */
    struct skew skew;
};

struct turn {
    struct engine *engine;
    struct store *store;
    struct config *whole;               /* held by the turn: as it was when the turn began */
    const struct stream_config *config; /* of this stream; in `whole`, or `room` */
    struct stream_config room;
    int64_t now_ms;
    struct stream_state state; /* as it was when the turn began */
    struct notification_list notifications;
    struct action action;
    const struct by_hand_goal *by_hand; /* what an action by hand begins with, else NULL */
    int goal_basis;                     /* what a new action begins with */
    bool running;                       /* `action` is one */
    bool locked;                        /* we hold the lock */
    bool held; /* by a pause, a cooldown or a failure: nothing is begun before next_ms */
    bool summary_known;
    struct stream_summary summary;
    struct shard_map shards; /* empty until looked at */
    struct alarm_list alarms;
    bool alarms_known;
    bool in_alarm_queue;          /* at its head */
    int64_t changes_since_ms;     /* when it asked first whether its time there is over */
    struct lineage_split *splits; /* as far as lineage_look() found them */
    size_t split_count;
    struct minutes minutes; /* as far as minutes_look() found them; count 0 before */
    bool minutes_known;
    struct spread spread;    /* as far as spread_look() found it; count 0: nothing is known */
    int64_t spread_read_ms;  /* 0: never */
    bool spread_known;       /* it was looked for in the store */
    struct learned learned;  /* as turn_settle() found it, or as learned since */
    struct skew_sight sight; /* records refused in the newest minutes, as minutes_look() found them */
    bool refuses;            /* there is such a sight */
    struct minutes expected; /* of habits with a rhythm, as far as a look found it; count 0: nothing */
    bool expected_known;     /* it was looked for in the store */
    int64_t adapt_ms;        /* when the policy `adaptive` looks again; 0: not said yet */
    int64_t next_ms;         /* when the stream is due again; INT64_MAX: not by itself; -1: not ours to say */
    unsigned next_reasons;
};

/* ---- engine.c: the frame of a turn */

/* Takes the configuration in force; false when it does not speak of the stream. */
bool turn_configure(struct turn *turn, const char *stream);
/* The settings as they are for this turn: a scheduled floor may raise min_shards, and the policy `adaptive` have learned
 * where alarms stand.  The state must be loaded. */
int turn_settle(struct turn *turn, struct error *err);
/* What the store knows of the stream. */
int turn_load(struct turn *turn, const char *stream, struct error *err);
/* Takes the lock, unless somebody else has it: then turn->locked stays false, and turn->state says who.  What was read
 * before may be old and is read again under the lock. */
int turn_lock(struct turn *turn, bool ignore_cooldown, struct error *err);
/* The failure is stored, and the stream is due again after a while. */
void turn_failed(struct turn *turn, const struct error *err);
/* Leaves the lock (unless an action keeps it) and the due time. */
int turn_leave(struct turn *turn, struct error *err);
void turn_clear(struct turn *turn);

/* ---- look.c: what is so; no decision */

/* Status of the stream, at most one call a turn. */
int look_summary(struct turn *turn, struct error *err);
/* Open shards, checked to be a complete partition (ERROR_TRANSIENT while AWS shows a gap); once a turn. */
int look_shards(struct turn *turn, struct error *err);
/* Everything plan_up() wants.  *ret_loads is the caller's to free; NULL without shard-level knowledge.
 * *ret_too_early: CloudWatch has nothing yet since the last action ended, but will have within a minute or two. */
int look_facts(struct turn *turn, struct up_facts *ret_facts, struct shard_load **ret_loads,
               bool *ret_too_early, struct error *err);
/* Does a notification name a shard that is closed?  True with a sentence; the shards must have been looked at. */
bool look_closed_shard(const struct turn *turn, char *reason, size_t size);
/* What the producers of the stream want, by its own recent minutes alone. */
int look_demand(struct turn *turn, struct demand *ret_demand, struct error *err);
/* ALARM_METRIC_COUNT queries for Sums of a minute: bytes, records, throttled records.  `shard` NULL: of the stream. */
void look_add_queries(struct metric_query *queries, const char *stream, const char *shard);
/* Shard-level metrics count only when all three are switched on. */
bool look_has_shard_metrics(const struct stream_summary *summary);
/* Shards the account may still open, from a DescribeLimits of the last reconciles; -1 when AWS would not say. */
int64_t look_headroom(struct engine *engine);
/* Asks AWS, so that turns need not. */
void look_headroom_now(struct engine *engine);
/* The account's numbers have changed: ask again next time. */
void look_headroom_again(struct engine *engine);

/* ---- minutes.c */

/*
 * Into turn->minutes, once a turn: the demand of the stream as far back as it is kept, from the store and what CloudWatch
 * has since.  The last minute is the newest that CloudWatch shows.  What is new is stored when the stream is locked.
 */
int minutes_look(struct turn *turn, struct error *err);
/* The minutes since then in which records were refused, of a demand of not more than `most` shards' worth. */
int minutes_refused(struct turn *turn, int64_t since_ms, double most, bool *ret_any,
                    struct skew_sight *ret_sight, struct error *err);

/* ---- spread.c: how the load lies over the keys */

/* Into turn->spread, once a turn, what is kept of it; nothing unless alarm_level is shard. */
int spread_look(struct turn *turn, struct error *err);
/* Reads the metrics of all open shards, which must have been looked at, and keeps what they teach when the stream is
 * locked.  minutes_look() comes before. */
int spread_read(struct turn *turn, struct error *err);

/* ---- habits.c: what the policy `adaptive` has learned of the stream */

/* Into *facts, with what is expected from now on; learned anew once a day when the stream is locked.  minutes_look()
 * comes before, and facts->open_shards is known. */
int habits_look(struct turn *turn, struct adaptive_facts *facts, struct error *err);
/* The alarms of a stream of the policy `adaptive` stand where it would act, on the line it has learned, or below what it
 * was seen not to bear: changes scale_up_threshold, and target_utilization with it.  *learned is loaded once. */
int habits_line(struct store *store, struct stream_config *config, int64_t now_ms, struct learned *learned,
                struct error *err);

/* ---- adapt.c: the policy `adaptive` */

/* Does it decide about the stream? */
bool adapt_applies(const struct stream_config *config);
/* Nothing runs: thinks, and begins an action when that leads to more or fewer shards.  `asked` by an alarm, which is
 * dropped when nothing is done for it. */
int adapt_begin(struct turn *turn, bool asked, struct error *err);
/* Was the action begun by this policy? */
bool adapt_began(const struct action *action);
/* Did a scale-down by this policy end because the load rose?  More shards are wanted at once. */
bool adapt_turned(const struct action *action);
/* Did a scale-up by this policy follow an alarm alone, without any figure?  Then the next one waits for the cooldown. */
bool adapt_was_blind(const struct action *action);
/* State PLANNING of such an action.  The event is EVENT_NEEDS_STEP with an operation, or EVENT_NEEDS_NOTHING. */
int adapt_observe(struct turn *turn, enum action_event *ret_event, struct operation *ret_operation,
                  struct error *err);
/* The turn is over and nothing runs: when the policy looks again. */
int64_t adapt_next_ms(const struct turn *turn);
/* What would be done now, and why; the stream itself is looked at when that is something. */
int adapt_look(struct turn *turn, bool asked, struct adaptive_plan *ret_plan, struct error *err);

/*
 * How a new action reaches `shards` shards: where they are to begin (the caller's), or none of them when UpdateShardCount
 * leads there.  `starts` NULL: even ones.
 */
int adapt_goal(struct turn *turn, int64_t shards, const hashkey *starts, hashkey **ret_starts,
               size_t *ret_count, struct error *err);
/* The next call of turn->action on the way there, from turn->shards; false: there. */
bool adapt_next_step(struct turn *turn, const hashkey *starts, size_t count, struct operation *ret_operation);

/* ---- give_back.c: what a give-back of the policy `adaptive` waits for */

/* Must a give-back of the policy `adaptive` wait?  With the reason then; may ask CloudWatch how far consumers are. */
int give_back_look(struct turn *turn, bool *ret_waits, char *reason, size_t size, struct error *err);

/* ---- view.c: what would be done */

/* The calls that such a plan would lead to, the caller's; 0 without ADAPTIVE_GO.  The turn is of no use for
 * anything else afterwards.  *ret_peak: most shards open at once. */
int adapt_steps(struct turn *turn, const struct adaptive_plan *plan, struct operation **ret_operations,
                size_t *ret_count, int64_t *ret_peak, struct error *err);

/* ---- triage.c: which notifications ask for something */

/* Drops those whose alarm is no longer in ALARM (asks CloudWatch unless one is fresh).
 * *ret_any tells whether one that must be acted on remains. */
int triage(struct turn *turn, bool *ret_any, struct error *err);
/* All pending ones are deferred, with the reason. */
int triage_defer(struct turn *turn, const char *reason, struct error *err);
/* All open ones are dropped, with the reason. */
int triage_drop(struct turn *turn, const char *reason, struct error *err);
/* The turn failed: one more attempt is counted for each open one. */
void triage_failed(struct turn *turn, const char *reason);
/* Gives notifications of composite alarms their stream, by their children. */
int triage_composites(struct engine *engine, struct store *store, struct error *err);

/* ---- pause.c */

/* Must the stream be left alone?  True with the reason; an action that runs is finished all the same. */
bool pause_holds(const struct stream_state *state, int64_t now_ms, char *reason, size_t size);
/* The turn of a paused stream: what came in is deferred until the pause ends. */
int pause_rest(struct turn *turn, const char *reason, struct error *err);

/* ---- act.c: the state machine of an action */

/* Begins an action and carries it as far as it goes without waiting. */
int act_begin(struct turn *turn, enum action_kind kind, struct error *err);
/* Goes on with the running one. */
int act_resume(struct turn *turn, struct error *err);

/* ---- by_hand.c: what an operator asked for */

/* Alarms wait until it is over: what an operator asked for is not ended by them. */
int by_hand_defer(struct turn *turn, struct error *err);
/* A new action gets its goal. */
int by_hand_keep_goal(struct turn *turn, struct error *err);
/* State PLANNING.  The event is EVENT_NEEDS_STEP with an operation, or EVENT_NEEDS_NOTHING. */
int by_hand_observe(struct turn *turn, enum action_event *ret_event, struct operation *ret_operation,
                    struct error *err);

/* ---- alarm_queue.c: CloudWatch lets an account change three alarms a second, and no worker shall wait for that */

/* False: another turn changes alarms; this one is due again when it may be its time.  Once a turn is enough. */
bool alarm_queue_enter(struct turn *turn);
/* Has this turn had its time?  It is due again then, after those that wait. */
bool alarm_queue_is_over(struct turn *turn);
/* In any case at the end of a turn. */
void alarm_queue_leave(struct turn *turn);

/* ---- alarms.c: thresholds and states */

/* Managed alarms of the stream: by metric and dimension with a topic of ours, and learned ones; once a turn.  Those
 * on shards are among them where alarm_level is shard, and in a repair, which removes what is no longer wanted. */
int alarms_look(struct turn *turn, struct error *err);
/* Is it one whose threshold we move: Sum of bytes or records of the stream, greater than. */
bool alarm_is_ours_to_move(const struct alarm *alarm, const char *stream, enum alarm_metric *ret_metric);
/* Does its change into ALARM ask for more shards? */
bool alarm_asks_for_shards(const struct alarm *alarm);
bool alarm_has_our_topic(const struct config *config, const struct alarm *alarm);
/* A change of an alarm failed.  -1: what may pass when tried again ends the turn; 0: it is gone, or AWS will not let
 * us, which is noted with a warning and in the action's failure, and the other alarms are served. */
int alarms_pass_over(struct turn *turn, const char *alarm, struct error *err);
/* Shall the rest of the changes wait?  *ret_whole is then true when the action ends without them: the next look at
 * everything finds them. */
bool alarms_must_stop(struct turn *turn, bool *ret_whole);
/* What makes the alarms fit the shards.  *ret_whole is false when more is to be done in a later turn. */
int alarms_fit(struct turn *turn, bool *ret_whole, struct error *err);
/* What stands in ALARM can fire again. */
int alarms_reset(struct turn *turn, bool *ret_whole, struct error *err);

/* ---- shard_alarms.c: one alarm per open shard and metric */

/* The name of an alarm on a shard is kept, unless it is one that we give: it is found again by nothing else. */
int shard_alarm_learn(struct store *store, const char *stream, const char *shard, const char *metric,
                      const char *name, int64_t now_ms, struct error *err);
/* What is to be done with those of `alarms` that are on shards of the stream, shard_alarm_plan_clear() it.  The
 * index of what is moved or deleted is that in `alarms`. */
void shard_alarms_think(const struct config *config, const struct stream_config *stream,
                        const struct shard_map *open, const struct alarm *const *alarms, size_t count,
                        struct shard_alarm_plan *ret_plan);
/* Shard-level metrics are on and the alarms on shards fit, or *ret_whole is false. */
int shard_alarms_fit(struct turn *turn, bool *ret_whole, struct error *err);

/* ---- lineage.c: what splits taught */

/* Into turn->splits, from the store and from what the open shards and their loads show now; that is kept for later
 * turns when the stream is locked.  One of `loads` per shard. */
int lineage_look(struct turn *turn, const struct shard_load *loads, struct error *err);

/* ---- record.c */

/* A decision with its inputs into the store, and a line in the log; facts and plan may be NULL. */
void record_decision(struct turn *turn, const char *verdict, const char *reason, const struct up_facts *facts,
                     const struct up_plan *plan);
/* The same, once: most holds last for days, and one row of history is enough for each.  Two of one verdict whose
 * reasons have the first `same` bytes in common are one. */
void record_once(struct turn *turn, const char *verdict, const char *reason, size_t same);
/* Once too, where every look has other numbers: two of one verdict with the same words up to a colon that is not in
 * brackets are one. */
void record_sentence(struct turn *turn, const char *verdict, const char *reason);
/* Why the action that runs went elsewhere than it was to go at first, after its first reason; the newest one counts. */
void record_later(struct turn *turn, const char *reason);

#endif
