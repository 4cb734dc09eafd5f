/*
 * notifications.h - every alarm that reached us, and what became of it.
 *
 *   pending --+--> acted      an action was made for it
 *      ^      +--> dropped    looked at, nothing to do; the reason is kept
 *      |      +--> dead       failed three times; kept with its reason, can be replayed or dropped by hand
 *   deferred  (met a lock or cooldown; looked at again when that ends)
 */
#ifndef STORE_NOTIFICATIONS_H
#define STORE_NOTIFICATIONS_H

#include "scaling/limits.h"
#include "store/store.h"

#include <stddef.h>

enum notification_status {
    NOTIFICATION_PENDING,
    NOTIFICATION_DEFERRED,
    NOTIFICATION_ACTED,
    NOTIFICATION_DROPPED,
    NOTIFICATION_DEAD,
    NOTIFICATION_STATUS_COUNT
};
const char *notification_status_name(enum notification_status status); /* "pending" */

enum {
    NOTIFICATION_ID_SIZE = 128 + STREAM_NAME_SIZE
}; /* of SNS (aws/sns_message.h), '/' and a stream's name */

struct notification {
    int64_t id; /* set by the store */
    /* Unique.  What reconcile found begins with "reconcile:"; a composite's copy is "ID OF THE FIRST/STREAM". */
    char message_id[NOTIFICATION_ID_SIZE];
    char topic_arn[256];
    char alarm_name[ALARM_NAME_SIZE];
    char stream[STREAM_NAME_SIZE]; /* "" until a composite alarm's stream is known */
    char shard[SHARD_ID_SIZE];     /* "" for stream level */
    char metric[256];              /* "" for math and composite */
    char new_state[20];            /* "ALARM" */
    int64_t changed_ms;            /* StateChangeTime */
    int64_t received_ms;
    enum notification_status status;
    int attempts;      /* turns that failed on it */
    char reason[512];  /* why dropped, deferred or dead */
    int64_t action_id; /* 0 when none */
    char *body;        /* the alarm message; NULL unless asked for; owned */
};
struct notification_list {
    struct notification *items;
    size_t count;
};
void notification_list_clear(struct notification_list *list); /* begins zeroed */

/*
 * Stores it and makes its stream due at once, in one transaction.  `status` and `reason` as given: what we
 * need not act on (OK notifications, foreign streams) comes as DROPPED and makes nothing due.
 * *ret_new is false, and nothing is changed, when the message id is known.
 */
int store_notification_add(struct store *store, const struct notification *notification, bool *ret_new,
                           struct error *err);
/* Pending and deferred ones of a stream, oldest first, at most 1000; "" for those without a stream. */
int store_notifications_open(struct store *store, const char *stream, struct notification_list *ret_list,
                             struct error *err);
/*
 * Gives a composite alarm's notification its stream, and each further stream a copy of it, and makes them all due at
 * `now_ms`, in one transaction: what fails is tried again as a whole.  The names differ, and there is at least one.
 * One that has ended is left alone.
 */
int store_notification_assign(struct store *store, int64_t id, const char *const *streams, size_t count,
                              int64_t now_ms, struct error *err);
/* Ends or defers one.  Only from pending or deferred; others are left alone. */
int store_notification_set(struct store *store, int64_t id, enum notification_status status,
                           const char *reason, int64_t action_id, struct error *err);
/* One more failed attempt, `reason` kept; the third makes it DEAD.  *ret_dead says so. */
int store_notification_failed(struct store *store, int64_t id, const char *reason, bool *ret_dead,
                              struct error *err);
/* Dead to pending with no failed attempts, and its stream due at `now_ms`.  ERROR_NOT_FOUND when it is not dead. */
int store_notification_replay(struct store *store, int64_t id, int64_t now_ms, struct error *err);
/* Dead to dropped; what it died of stays in its reason.  ERROR_NOT_FOUND when it is not dead. */
int store_notification_drop_dead(struct store *store, int64_t id, struct error *err);
struct dead_letters {
    int64_t count;
    int64_t oldest_ms; /* when the oldest of them was received; 0 when there is none */
};
int store_dead_letters(struct store *store, struct dead_letters *ret_dead, struct error *err);
/* One with its body; notification_clear() it.  ERROR_NOT_FOUND. */
int store_notification_load(struct store *store, int64_t id, struct notification *ret_notification,
                            struct error *err);
void notification_clear(struct notification *notification);
/* The newest first; stream NULL for all; status -1 for all. */
int store_notifications_recent(struct store *store, const char *stream, int status, int limit,
                               struct notification_list *ret_list, struct error *err);
/* How many are pending, deferred or dead, and how many were ever acted on or dropped (store_prune() leaves it). */
int store_notification_counts(struct store *store, int64_t ret_counts[NOTIFICATION_STATUS_COUNT],
                              struct error *err);

#endif
