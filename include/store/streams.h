/*
 * streams.h - when a stream is due, who works on it, and until when it must rest.
 *
 * The lock is a lease: it ends by itself when its owner dies.  Both lock and
 * cooldown hold across all threads and processes on the database.
 */
#ifndef STORE_STREAMS_H
#define STORE_STREAMS_H

#include "base/hashkey.h"
#include "base/names.h"
#include "scaling/limits.h"
#include "store/store.h"

#include <stddef.h>

enum { OWNER_SIZE = 96 };

/* Why a stream is due; bits, kept until the turn that serves them. */
enum due_reason {
    DUE_NOTIFICATION = 1,
    DUE_ACTION = 2,             /* an action goes on */
    DUE_REPAIR = 4,             /* thresholds do not fit the shards, or fewer than min_shards */
    DUE_SCALE_DOWN = 8,         /* a pass found that shards can be merged */
    DUE_SCALE_DOWN_FORCED = 16, /* the same, whenever the last one was */
    DUE_ABOVE_MAXIMUM = 32,     /* more than max_shards */
    DUE_ADAPT = 64,             /* the policy `adaptive` looks at the newest minutes */
};

/* Under this name the notifications whose stream is not known yet (composite alarms) fall due: no stream's name
 * holds a colon. */
#define STREAM_NOT_KNOWN ":unknown"

struct stream_state {
    char stream[STREAM_NAME_SIZE];
    int64_t due_ms; /* INT64_MAX when not due */
    unsigned due_reasons;
    char lock_owner[OWNER_SIZE]; /* "" when free */
    int64_t lock_until_ms;
    int64_t cooldown_until_ms;
    int64_t last_scale_up_ms; /* 0: never */
    int64_t last_scale_down_ms;
    int64_t skew_split_ms; /* when a generation was last split for skew; 0: never */
    int failures;          /* turns that failed in a row */
    char last_error[512];  /* of the last failed turn, "" after one that succeeded */
    int64_t last_error_ms;
    int64_t open_shards; /* as last seen; 0: never */
    double effective_shards;
    int64_t seen_ms;
    int64_t paused_until_ms; /* 0: not paused; INT64_MAX: until it is resumed */
    /* The key that the last plan found to be hot: its shard, "" for none, and where it hashes to. */
    char hot_shard[SHARD_ID_SIZE];
    hashkey hot_start, hot_end;
    int64_t hot_ms;   /* when it was found last */
    int64_t revision; /* rises whenever somebody makes the stream due; see store_stream_set_due */
};
struct stream_state_list {
    struct stream_state *items;
    size_t count;
};
void stream_state_list_clear(struct stream_state_list *list); /* begins zeroed */

/* When an action that changed shards ended last, up or down; 0: never. */
int64_t stream_last_reshard_ms(const struct stream_state *state);

/* A stream never heard of gives an empty state with due_ms INT64_MAX. */
int store_stream_load(struct store *store, const char *stream, struct stream_state *ret_state,
                      struct error *err);
int store_streams_all(struct store *store, struct stream_state_list *ret_list, struct error *err);

/* Not later than `due_ms`: an earlier due time is kept; the reasons are added. */
int store_stream_make_due(struct store *store, const char *stream, int64_t due_ms, unsigned reasons,
                          struct error *err);
/*
 * The turn is over: exactly this due time (INT64_MAX: not due) and these reasons, unless somebody made it due
 * (store_stream_make_due, store_notification_add...) since `loaded` was read: then the earlier of both times
 * stands and the reasons are added, so that nothing asked for meanwhile is lost.  `loaded` is what
 * store_stream_load or store_lock_take gave before the turn looked at anything; its stream and revision count.
 */
int store_stream_set_due(struct store *store, const struct stream_state *loaded, int64_t due_ms,
                         unsigned reasons, struct error *err);
/* Streams due at or before now, the longest due first, at most `limit`; and the earliest due time among those
 * not in the list, which is in the past when there were more than `limit` (INT64_MAX: never). */
int store_streams_due(struct store *store, int64_t now_ms, int limit, struct stream_state_list *ret_list,
                      int64_t *ret_next_ms, struct error *err);

/*
 * Takes or renews the lock in one transaction.  *ret_taken is false when another owner holds it (and its
 * lease is not over), or, unless `ignore_cooldown`, when the cooldown is not over; *ret_state is as it then is.
 */
int store_lock_take(struct store *store, const char *stream, const char *owner, int64_t now_ms,
                    int64_t lease_ms, bool ignore_cooldown, bool *ret_taken, struct stream_state *ret_state,
                    struct error *err);
/* Only when `owner` still has it; the cooldown begins when cooldown_until_ms > 0. */
int store_lock_release(struct store *store, const char *stream, const char *owner, int64_t cooldown_until_ms,
                       struct error *err);

/* What was found under patterns, of whichever configuration, instead of what was there. */
int store_found_set(struct store *store, const struct names *names, struct error *err);
/* Sorted; the caller's to clear. */
int store_found_load(struct store *store, struct names *ret_names, struct error *err);

/* A turn failed (message) or succeeded (NULL). */
int store_stream_outcome(struct store *store, const char *stream, int64_t now_ms, const char *message,
                         struct error *err);
int store_stream_seen(struct store *store, const char *stream, int64_t open_shards, double effective_shards,
                      int64_t now_ms, struct error *err);
int store_stream_skew(struct store *store, const char *stream, int64_t now_ms, struct error *err);
/* Is the hot key one of the present?  An alarm that stands makes a plan after every cooldown, so one that no plan has
 * found for an hour more than that is over. */
bool stream_has_hot_key(const struct stream_state *state, int64_t cooldown_ms, int64_t now_ms);
/* A plan found that no split divides the key on this shard; "" when it found none. */
int store_stream_hot_key(struct store *store, const char *stream, const char *shard, hashkey start,
                         hashkey end, int64_t now_ms, struct error *err);
/*
 * Nothing is begun on the stream before `until_ms` (INT64_MAX: before it is resumed; 0: resumes it).  The stream is
 * due at once, so that what was deferred is deferred to the right time.
 */
int store_stream_pause(struct store *store, const char *stream, int64_t until_ms, int64_t now_ms,
                       struct error *err);

/*
 * After a clock was set back, what it made up lies too far ahead: no cooldown ends, no lease runs out, nothing is due and
 * no reshard ended later than this.  A pause stays: its end is an operator's.
 */
struct stream_latest {
    int64_t cooldown_ms, lock_ms, due_ms, reshard_ms;
};
int store_stream_catch_up(struct store *store, const char *stream, const struct stream_latest *latest,
                          bool *ret_changed, struct error *err);

/* Alarms learned from notifications (metric math, children of composites), which cannot be found by metric. */
int store_alarm_learn(struct store *store, const char *stream, const char *alarm_name, int64_t now_ms,
                      struct error *err);
/* The caller frees with store_names_free(). */
int store_alarms_learned(struct store *store, const char *stream, char ***ret_names, size_t *ret_count,
                         struct error *err);
int store_alarm_forget(struct store *store, const char *stream, const char *alarm_name, struct error *err);
void store_names_free(char **names, size_t count);

#endif
