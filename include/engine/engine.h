/*
 * engine.h - look, think, act for one stream: the only place where they meet.
 *
 * A passive object: somebody gives it turns.  It keeps nothing in memory from
 * one turn to the next that the store or AWS could not tell again, so a turn
 * may be the last thing this process does.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "aws/client.h"
#include "aws/kinesis.h"
#include "base/clock.h"
#include "scaling/plan_down.h"
#include "scaling/plan_up.h"
#include "store/notifications.h"

struct engine;

struct engine_options {
    struct config *config;  /* held until the engine is freed, or given another */
    struct aws_client *aws; /* borrowed, thread-safe */
    struct clock *clock;    /* borrowed */
    const char *owner;      /* who we are in locks: host, process id, start; copied */
};

struct engine *engine_new(const struct engine_options *options);
void engine_free(struct engine *engine);

/* ---- the configuration */

/* What is in force now, with the streams that were found; the caller's to config_free(). */
struct config *engine_config(struct engine *engine);
/*
 * Another one from now on, with the streams found so far; turns under way end with the one they began with.
 * What its patterns match besides is found by the next engine_discover().
 */
void engine_configure(struct engine *engine, struct config *config);
/*
 * Asks Kinesis which streams there are, for the patterns of the configuration; without any it does nothing.
 * What was found is kept for the next start, unless `store` is NULL.  -1: what was known before stays.
 */
int engine_discover(struct engine *engine, struct store *store, struct error *err);
/* Puts what was found by the last engine_discover() on this database into *config, which may become another one. */
int engine_recall(struct store *store, struct config **config, struct error *err);

enum taken {
    TAKEN_PENDING,  /* stored, and its stream is due */
    TAKEN_IGNORED,  /* stored with the reason why nothing is asked of us */
    TAKEN_REPEATED, /* seen before; nothing was changed */
};

/*
 * Stores what a genuine SNS notification of one of our topics says; `message` is its Message.
 * ret_notification (without body) is for the log.  -1: not stored, SNS shall send it again.
 */
int engine_take(struct engine *engine, struct store *store, const char *message_id, const char *topic_arn,
                const char *message, struct notification *ret_notification, enum taken *ret_taken,
                struct error *err);

/*
 * One turn: at most one resharding call.  Safe to call again after any failure, from any thread with a
 * store handle of its own, but not for one stream at the same time in one process.
 * Stores when the stream is due next.  -1 when the turn failed: that is stored as well, and err is for the log.
 */
int engine_turn(struct engine *engine, struct store *store, const char *stream, struct error *err);

/*
 * Looks for streams that match patterns, and at all configured ones: actions left half done, alarms that stand in ALARM without an action,
 * thresholds that do not fit, streams outside their bounds are made due.  One bad stream does not stop the others;
 * -1 only when nothing could be looked at.
 */
int engine_reconcile(struct engine *engine, struct store *store, struct error *err);

/* ---- the scale-down pass */

enum pass_result {
    PASS_RESHARD,   /* shards can be given back; the stream was made due */
    PASS_HOLD,      /* nothing to do, or not now; see reason */
    PASS_FORBIDDEN, /* a lock, a running action or a cooldown forbids it */
    PASS_FAILED,    /* it could not be looked at */
};
struct pass_row {
    const char *stream; /* given */
    enum pass_result result;
    int64_t from_shards, to_shards;
    char reason[512];
    struct down_plan plan; /* with PASS_RESHARD and most holds; down_plan_clear() it */
};
struct pass_options {
    bool dry_run; /* the same answers, and nothing is stored */
    bool forced;  /* whenever the last scale-down was */
};
/*
 * Looks at `count` streams, together.  What is found leads to actions in later turns (engine_turn()).
 * -1 when one or more could not be looked at; the rows say which, and the others are served.
 */
int engine_scale_down(struct engine *engine, struct store *store, const struct pass_options *options,
                      struct pass_row *rows, size_t count, struct error *err);

/* ---- by hand */

enum by_hand_kind {
    BY_HAND_TO,    /* to `count` even shards */
    BY_HAND_BY,    /* to so many more, or with a negative `count` fewer, even shards */
    BY_HAND_PART,  /* to `part` times more even shards, rounded up; negative for fewer */
    BY_HAND_SPLIT, /* these shards in the middle of their range */
    BY_HAND_MERGE, /* these shards, the first with the second, the third with the fourth... */
};
struct by_hand_request {
    const char *stream;
    enum by_hand_kind kind;
    int64_t count;
    double part;
    const char *const *shards; /* borrowed */
    size_t shard_count;
    bool dry_run; /* the same answer, and nothing is stored */
};
struct by_hand_plan {
    struct operation
        *operations; /* in order; each assumes the ones before it succeeded.  None: nothing to do */
    size_t operation_count;
    int64_t from_shards, to_shards, peak_shards;
    char reason[384];
    char refusal[512]; /* of a dry run: what forbids it now, and until when; "" when nothing does */
};
/*
 * Begins an action that does what an operator asked for; it goes on in later turns (engine_turn()), whoever takes
 * them.  A pause does not forbid it: whoever pauses a stream may want to work on it.
 * ERROR_BUSY: a lock, a running action, a cooldown or somebody else's resharding forbids it; a dry run tells that in the
 * plan instead.  ERROR_CONFIG: outside min_shards and max_shards, or a shard named twice.  ERROR_NOT_FOUND, ERROR_INPUT: no such stream or shard, or not possible with those.
 */
int engine_by_hand(struct engine *engine, struct store *store, const struct by_hand_request *request,
                   struct by_hand_plan *ret_plan, struct error *err);
void by_hand_plan_clear(struct by_hand_plan *plan); /* begins zeroed */

/* What a turn would see and think now. */
struct engine_view {
    struct stream_summary summary;
    struct shard_map shards;
    struct demand demand;
    double minute; /* what the newest known minute asks for, in shards: of an adaptive stream; NAN unknown */
    int updates_24h;
    int64_t headroom;    /* shards the account may still open; -1 unknown */
    int64_t alarm_level; /* enum alarm_level, as it is configured */
    bool too_early;      /* nothing was measured since the last action ended: a turn would wait; no plan */
    struct up_plan plan;
};
/* As if an alarm had come this moment.  Calls only what reads, stores nothing.  The view is the caller's. */
int engine_view(struct engine *engine, struct store *store, const char *stream, struct engine_view *ret_view,
                struct error *err);
void engine_view_clear(struct engine_view *view);

#endif
