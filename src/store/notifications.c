/*
 * notifications.c - every alarm that reached us, once, and what became of it.
 */
#include "store/notifications.h"

#include "base/memory.h"
#include "handle.h"
#include "store/streams.h"

enum { ATTEMPTS_MAX = 3 };

/* These numbers stand in the database (migrations/0001). */
_Static_assert(NOTIFICATION_PENDING == 0 && NOTIFICATION_DEFERRED == 1 && NOTIFICATION_ACTED == 2 &&
                   NOTIFICATION_DROPPED == 3 && NOTIFICATION_DEAD == 4 && NOTIFICATION_STATUS_COUNT == 5,
               "the order of enum notification_status is stored");

static const char *const status_names[NOTIFICATION_STATUS_COUNT] = {
    [NOTIFICATION_PENDING] = "pending", [NOTIFICATION_DEFERRED] = "deferred", [NOTIFICATION_ACTED] = "acted",
    [NOTIFICATION_DROPPED] = "dropped", [NOTIFICATION_DEAD] = "dead",
};

const char *notification_status_name(enum notification_status status)
{
    return status < NOTIFICATION_STATUS_COUNT ? status_names[status] : "unknown";
}

void notification_clear(struct notification *notification)
{
    free(notification->body);
    *notification = (struct notification){0};
}

void notification_list_clear(struct notification_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        notification_clear(&list->items[i]);
    free(list->items);
    *list = (struct notification_list){0};
}

/* Columns in the order of NOTIFICATION_COLUMNS (statements.c). */
static int notification_read(sqlite3_stmt *row, struct notification *notification)
{
    int column = 0;

    *notification = (struct notification){0};
    notification->id = sqlite3_column_int64(row, column++);
    row_text(row, column++, notification->message_id, sizeof(notification->message_id));
    row_text(row, column++, notification->topic_arn, sizeof(notification->topic_arn));
    row_text(row, column++, notification->alarm_name, sizeof(notification->alarm_name));
    row_text(row, column++, notification->stream, sizeof(notification->stream));
    row_text(row, column++, notification->shard, sizeof(notification->shard));
    row_text(row, column++, notification->metric, sizeof(notification->metric));
    row_text(row, column++, notification->new_state, sizeof(notification->new_state));
    notification->changed_ms = sqlite3_column_int64(row, column++);
    notification->received_ms = sqlite3_column_int64(row, column++);
    notification->status = (enum notification_status)sqlite3_column_int(row, column++);
    notification->attempts = sqlite3_column_int(row, column++);
    row_text(row, column++, notification->reason, sizeof(notification->reason));
    notification->action_id = sqlite3_column_int64(row, column++);
    return column;
}

static bool read_all(sqlite3_stmt *row, void *context)
{
    struct notification_list *list = context;

    list->items = must_realloc(list->items, list->count + 1, sizeof(*list->items));
    (void)notification_read(row, &list->items[list->count++]);
    return true;
}

static bool read_with_body(sqlite3_stmt *row, void *context)
{
    struct notification *notification = context;
    int body = notification_read(row, notification);

    notification->body = must_strdup((const char *)sqlite3_column_text(row, body));
    return true;
}

static int list_rows(struct store *store, enum statement statement, const struct value *values,
                     struct notification_list *ret_list, struct error *err)
{
    SCOPED(notification_list_clear) struct notification_list list = {0};

    if (store_each(store, statement, values, read_all, &list, err) < 0)
        return -1;
    *ret_list = list;
    list = (struct notification_list){0};
    return 0;
}

/* Under which name a notification waits for its turn. */
static const char *due_name(const char *stream)
{
    return stream[0] != '\0' ? stream : STREAM_NOT_KNOWN;
}

/* Those that end at once (status DROPPED) make nothing due. */
static int make_due(struct store *store, const struct notification *notification, struct error *err)
{
    bool open = notification->status == NOTIFICATION_PENDING || notification->status == NOTIFICATION_DEFERRED;

    return !open ? 0
                 : store_stream_make_due(store, due_name(notification->stream), notification->received_ms,
                                         DUE_NOTIFICATION, err);
}

int store_notification_add(struct store *store, const struct notification *notification, bool *ret_new,
                           struct error *err)
{
    const struct notification *n = notification;
    SCOPED(store_rollback) struct store *transaction = NULL;
    bool added;

    if (store_begin(store, &transaction, err) < 0 ||
        store_run(store, NOTIFICATION_ADD,
                  VALUES(TEXT(n->message_id), TEXT(n->topic_arn), TEXT(n->alarm_name), TEXT(n->stream),
                         TEXT(n->shard), TEXT(n->metric), TEXT(n->new_state), INTEGER(n->changed_ms),
                         INTEGER(n->received_ms), INTEGER(n->status), INTEGER(n->attempts), TEXT(n->reason),
                         INTEGER(n->action_id), TEXT(n->body)),
                  err) < 0)
        return -1;
    added = store_changes(store) > 0;
    if (added && (make_due(store, notification, err) < 0 || store_commit(&transaction, err) < 0))
        return -1;
    *ret_new = added;
    return 0;
}

int store_notifications_open(struct store *store, const char *stream, struct notification_list *ret_list,
                             struct error *err)
{
    return list_rows(store, NOTIFICATION_OPEN, VALUES(TEXT(stream), INTEGER(NOTIFICATIONS_OPEN_MAX)),
                     ret_list, err);
}

int store_notification_load(struct store *store, int64_t id, struct notification *ret_notification,
                            struct error *err)
{
    struct notification found = {0};

    if (store_each(store, NOTIFICATION_LOAD, VALUES(INTEGER(id)), read_with_body, &found, err) < 0)
        return -1;
    if (found.id == 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no notification %lld", (long long)id);
    *ret_notification = found;
    return 0;
}

/* NOTIFICATION_COPY or NOTIFICATION_ASSIGN: one row of that stream, which is due then. */
static int give(struct store *store, enum statement statement, int64_t id, const char *stream, int64_t now_ms,
                struct error *err)
{
    if (store_run(store, statement, VALUES(TEXT(stream), INTEGER(id)), err) < 0)
        return -1;
    return store_changes(store) == 0 ? 0
                                     : store_stream_make_due(store, stream, now_ms, DUE_NOTIFICATION, err);
}

int store_notification_assign(struct store *store, int64_t id, const char *const *streams, size_t count,
                              int64_t now_ms, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;

    if (store_begin(store, &transaction, err) < 0)
        return -1;
    for (size_t i = 1; i < count; i++) {
        if (give(store, NOTIFICATION_COPY, id, streams[i], now_ms, err) < 0)
            return -1;
    }
    if (give(store, NOTIFICATION_ASSIGN, id, streams[0], now_ms, err) < 0)
        return -1;
    return store_commit(&transaction, err);
}

int store_notification_set(struct store *store, int64_t id, enum notification_status status,
                           const char *reason, int64_t action_id, struct error *err)
{
    return store_run(store, NOTIFICATION_SET,
                     VALUES(INTEGER(id), INTEGER(status), TEXT(reason), INTEGER(action_id)), err);
}

static bool read_status(sqlite3_stmt *row, void *context)
{
    *(bool *)context = sqlite3_column_int(row, 0) == NOTIFICATION_DEAD;
    return true;
}

int store_notification_failed(struct store *store, int64_t id, const char *reason, bool *ret_dead,
                              struct error *err)
{
    bool dead = false;

    if (store_each(store, NOTIFICATION_FAILED, VALUES(INTEGER(id), TEXT(reason), INTEGER(ATTEMPTS_MAX)),
                   read_status, &dead, err) < 0)
        return -1;
    *ret_dead = dead;
    return 0;
}

/* What a statement on a dead letter gives back: its stream, and with it that there was one. */
struct revived {
    bool found;
    char stream[STREAM_NAME_SIZE];
};

static bool read_revived(sqlite3_stmt *row, void *context)
{
    struct revived *revived = context;

    revived->found = true;
    row_text(row, 0, revived->stream, sizeof(revived->stream));
    return true;
}

static int revive(struct store *store, enum statement statement, int64_t id, struct revived *ret_revived,
                  struct error *err)
{
    *ret_revived = (struct revived){0};
    if (store_each(store, statement, VALUES(INTEGER(id)), read_revived, ret_revived, err) < 0)
        return -1;
    return ret_revived->found
               ? 0
               : error_set(err, ERROR_NOT_FOUND, "there is no dead notification %lld", (long long)id);
}

int store_notification_replay(struct store *store, int64_t id, int64_t now_ms, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;
    struct revived revived;

    if (store_begin(store, &transaction, err) < 0 ||
        revive(store, NOTIFICATION_REPLAY, id, &revived, err) < 0 ||
        store_stream_make_due(store, due_name(revived.stream), now_ms, DUE_NOTIFICATION, err) < 0)
        return -1;
    return store_commit(&transaction, err);
}

int store_notification_drop_dead(struct store *store, int64_t id, struct error *err)
{
    struct revived revived;

    return revive(store, NOTIFICATION_DROP_DEAD, id, &revived, err);
}

static bool read_dead(sqlite3_stmt *row, void *context)
{
    struct dead_letters *dead = context;

    dead->count = sqlite3_column_int64(row, 0);
    dead->oldest_ms = sqlite3_column_int64(row, 1);
    return true;
}

int store_dead_letters(struct store *store, struct dead_letters *ret_dead, struct error *err)
{
    struct dead_letters dead = {0};

    if (store_each(store, NOTIFICATION_OLDEST_DEAD, NO_VALUES, read_dead, &dead, err) < 0)
        return -1;
    *ret_dead = dead;
    return 0;
}

int store_notifications_recent(struct store *store, const char *stream, int status, int limit,
                               struct notification_list *ret_list, struct error *err)
{
    int64_t rows = rows_limit(limit);

    if (stream == NULL && status < 0)
        return list_rows(store, NOTIFICATION_RECENT, VALUES(INTEGER(rows)), ret_list, err);
    if (status < 0)
        return list_rows(store, NOTIFICATION_RECENT_STREAM, VALUES(TEXT(stream), INTEGER(rows)), ret_list,
                         err);
    if (stream == NULL)
        return list_rows(store, NOTIFICATION_RECENT_STATUS, VALUES(INTEGER(status), INTEGER(rows)), ret_list,
                         err);
    return list_rows(store, NOTIFICATION_RECENT_BOTH, VALUES(TEXT(stream), INTEGER(status), INTEGER(rows)),
                     ret_list, err);
}

static bool read_total(sqlite3_stmt *row, void *context)
{
    const char *what = (const char *)sqlite3_column_text(row, 0);
    int status = sqlite3_column_int(row, 1);
    int64_t *counts = context;

    if (strcmp(what, "notification") == 0 && status >= 0 && status < NOTIFICATION_STATUS_COUNT)
        counts[status] = sqlite3_column_int64(row, 3);
    return true;
}

int store_notification_counts(struct store *store, int64_t ret_counts[NOTIFICATION_STATUS_COUNT],
                              struct error *err)
{
    int64_t counts[NOTIFICATION_STATUS_COUNT] = {0};

    if (store_each(store, TOTALS, NO_VALUES, read_total, counts, err) < 0)
        return -1;
    memcpy(ret_counts, counts, sizeof(counts));
    return 0;
}
