/*
 * streams.c - due times, locks and cooldowns: one row per stream.
 */
#include "store/streams.h"

#include "base/memory.h"
#include "handle.h"

#include <assert.h>

/* Columns in the order of STREAM_COLUMNS (statements.c). */
static void stream_read(sqlite3_stmt *row, struct stream_state *state)
{
    char start[HASHKEY_TEXT_SIZE], end[HASHKEY_TEXT_SIZE];
    int column = 0;

    *state = (struct stream_state){0};
    row_text(row, column++, state->stream, sizeof(state->stream));
    state->due_ms = sqlite3_column_int64(row, column++);
    state->due_reasons = (unsigned)sqlite3_column_int64(row, column++);
    row_text(row, column++, state->lock_owner, sizeof(state->lock_owner));
    state->lock_until_ms = sqlite3_column_int64(row, column++);
    state->cooldown_until_ms = sqlite3_column_int64(row, column++);
    state->last_scale_up_ms = sqlite3_column_int64(row, column++);
    state->last_scale_down_ms = sqlite3_column_int64(row, column++);
    state->skew_split_ms = sqlite3_column_int64(row, column++);
    state->failures = sqlite3_column_int(row, column++);
    row_text(row, column++, state->last_error, sizeof(state->last_error));
    state->last_error_ms = sqlite3_column_int64(row, column++);
    state->open_shards = sqlite3_column_int64(row, column++);
    state->effective_shards = sqlite3_column_double(row, column++);
    state->seen_ms = sqlite3_column_int64(row, column++);
    state->revision = sqlite3_column_int64(row, column++);
    state->paused_until_ms = sqlite3_column_int64(row, column++);
    row_text(row, column++, state->hot_shard, sizeof(state->hot_shard));
    row_text(row, column++, start, sizeof(start));
    row_text(row, column++, end, sizeof(end));
    (void)hashkey_parse(start, &state->hot_start); /* "" without a hot key: stays 0 */
    (void)hashkey_parse(end, &state->hot_end);
    state->hot_ms = sqlite3_column_int64(row, column++);
}

static bool read_one(sqlite3_stmt *row, void *context)
{
    stream_read(row, context);
    return true;
}

static void append(struct stream_state_list *list, const struct stream_state *state)
{
    list->items = must_realloc(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = *state;
}

static bool read_all(sqlite3_stmt *row, void *context)
{
    struct stream_state state;

    stream_read(row, &state);
    append(context, &state);
    return true;
}

void stream_state_list_clear(struct stream_state_list *list)
{
    free(list->items);
    *list = (struct stream_state_list){0};
}

int64_t stream_last_reshard_ms(const struct stream_state *state)
{
    return state->last_scale_up_ms > state->last_scale_down_ms ? state->last_scale_up_ms
                                                               : state->last_scale_down_ms;
}

int store_stream_load(struct store *store, const char *stream, struct stream_state *ret_state,
                      struct error *err)
{
    struct stream_state state = {.due_ms = INT64_MAX};

    snprintf(state.stream, sizeof(state.stream), "%s", stream);
    if (store_each(store, STREAM_LOAD, VALUES(TEXT(stream)), read_one, &state, err) < 0)
        return -1;
    *ret_state = state;
    return 0;
}

int store_streams_all(struct store *store, struct stream_state_list *ret_list, struct error *err)
{
    SCOPED(stream_state_list_clear) struct stream_state_list list = {0};

    if (store_each(store, STREAM_ALL, NO_VALUES, read_all, &list, err) < 0)
        return -1;
    *ret_list = list;
    list = (struct stream_state_list){0};
    return 0;
}

int store_stream_make_due(struct store *store, const char *stream, int64_t due_ms, unsigned reasons,
                          struct error *err)
{
    return store_run(store, STREAM_MAKE_DUE, VALUES(TEXT(stream), INTEGER(due_ms), INTEGER(reasons)), err);
}

int store_stream_set_due(struct store *store, const struct stream_state *loaded, int64_t due_ms,
                         unsigned reasons, struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);

    return store_run(
        store, STREAM_SET_DUE,
        VALUES(TEXT(loaded->stream), INTEGER(due_ms), INTEGER(reasons), INTEGER(loaded->revision)), err);
}

/* Rows come in order of their due time: first those that are due, then the one that says when to look again.
 */
struct due_rows {
    int64_t now_ms;
    size_t limit;
    struct stream_state_list list;
    int64_t next_ms;
};

static bool read_due(sqlite3_stmt *row, void *context)
{
    struct due_rows *due = context;
    struct stream_state state;

    stream_read(row, &state);
    if (state.due_ms > due->now_ms || due->list.count == due->limit) {
        due->next_ms = state.due_ms;
        return false;
    }
    append(&due->list, &state);
    return true;
}

int store_streams_due(struct store *store, int64_t now_ms, int limit, struct stream_state_list *ret_list,
                      int64_t *ret_next_ms, struct error *err)
{
    struct due_rows due = {.now_ms = now_ms, .limit = (size_t)rows_limit(limit), .next_ms = INT64_MAX};

    if (store_each(store, STREAM_DUE, VALUES(INTEGER((int64_t)due.limit + 1)), read_due, &due, err) < 0) {
        stream_state_list_clear(&due.list);
        return -1;
    }
    *ret_list = due.list;
    *ret_next_ms = due.next_ms;
    return 0;
}

int store_lock_take(struct store *store, const char *stream, const char *owner, int64_t now_ms,
                    int64_t lease_ms, bool ignore_cooldown, bool *ret_taken, struct stream_state *ret_state,
                    struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
    SCOPED(store_rollback) struct store *transaction = NULL;
    struct stream_state state;
    bool held, resting;

    assert(owner[0] != '\0' && strlen(owner) < OWNER_SIZE && lease_ms > 0);
    if (store_begin(store, &transaction, err) < 0 || store_stream_load(store, stream, &state, err) < 0)
        return -1;
    held =
        state.lock_owner[0] != '\0' && strcmp(state.lock_owner, owner) != 0 && state.lock_until_ms > now_ms;
    resting = !ignore_cooldown && state.cooldown_until_ms > now_ms;
    if (!held && !resting) {
        if (store_run(store, STREAM_LOCK, VALUES(TEXT(stream), TEXT(owner), INTEGER(now_ms + lease_ms)),
                      err) < 0 ||
            store_stream_load(store, stream, &state, err) < 0 || store_commit(&transaction, err) < 0)
            return -1;
    }
    *ret_taken = !held && !resting;
    *ret_state = state;
    return 0;
}

int store_lock_release(struct store *store, const char *stream, const char *owner, int64_t cooldown_until_ms,
                       struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);

    return store_run(store, STREAM_UNLOCK, VALUES(TEXT(stream), TEXT(owner), INTEGER(cooldown_until_ms)),
                     err);
}

int store_stream_outcome(struct store *store, const char *stream, int64_t now_ms, const char *message,
                         struct error *err)
{
    if (message == NULL)
        return store_run(store, STREAM_SUCCEEDED, VALUES(TEXT(stream)), err);
    return store_run(store, STREAM_FAILED, VALUES(TEXT(stream), TEXT(message), INTEGER(now_ms)), err);
}

int store_stream_seen(struct store *store, const char *stream, int64_t open_shards, double effective_shards,
                      int64_t now_ms, struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);

    return store_run(store, STREAM_SEEN,
                     VALUES(TEXT(stream), INTEGER(open_shards), REAL(effective_shards), INTEGER(now_ms)),
                     err);
}

int store_stream_skew(struct store *store, const char *stream, int64_t now_ms, struct error *err)
{
    return store_run(store, STREAM_SKEW, VALUES(TEXT(stream), INTEGER(now_ms)), err);
}

bool stream_has_hot_key(const struct stream_state *state, int64_t cooldown_ms, int64_t now_ms)
{
    const int64_t hour_ms = 60 * 60 * 1000;

    return state->hot_shard[0] != '\0' && now_ms - state->hot_ms < cooldown_ms + hour_ms;
}

int store_stream_hot_key(struct store *store, const char *stream, const char *shard, hashkey start,
                         hashkey end, int64_t now_ms, struct error *err)
{
    char first[HASHKEY_TEXT_SIZE] = "", last[HASHKEY_TEXT_SIZE] = "";

    if (shard[0] != '\0') {
        hashkey_format(start, first);
        hashkey_format(end, last);
    }
    return store_run(store, STREAM_HOT_KEY,
                     VALUES(TEXT(stream), TEXT(shard), TEXT(first), TEXT(last), INTEGER(now_ms)), err);
}

int store_stream_pause(struct store *store, const char *stream, int64_t until_ms, int64_t now_ms,
                       struct error *err)
{
    return store_run(store, STREAM_PAUSE, VALUES(TEXT(stream), INTEGER(until_ms), INTEGER(now_ms)), err);
}

int store_stream_catch_up(struct store *store, const char *stream, const struct stream_latest *latest,
                          bool *ret_changed, struct error *err)
{
    if (store_run(store, STREAM_CATCH_UP,
                  VALUES(TEXT(stream), INTEGER(latest->cooldown_ms), INTEGER(latest->lock_ms),
                         INTEGER(latest->due_ms), INTEGER(latest->reshard_ms)),
                  err) < 0)
        return -1;
    *ret_changed = store_changes(store) > 0;
    return 0;
}

int store_alarm_learn(struct store *store, const char *stream, const char *alarm_name, int64_t now_ms,
                      struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);

    return store_run(store, ALARM_LEARN, VALUES(TEXT(stream), TEXT(alarm_name), INTEGER(now_ms)), err);
}

static bool read_name(sqlite3_stmt *row, void *context)
{
    names_add(context, (const char *)sqlite3_column_text(row, 0));
    return true;
}

int store_alarms_learned(struct store *store, const char *stream, char ***ret_names, size_t *ret_count,
                         struct error *err)
{
    struct names names = {0};

    if (store_each(store, ALARM_LIST, VALUES(TEXT(stream), INTEGER(ROWS_MAX)), read_name, &names, err) < 0) {
        names_clear(&names);
        return -1;
    }
    *ret_names = names.items;
    *ret_count = names.count;
    return 0;
}

int store_alarm_forget(struct store *store, const char *stream, const char *alarm_name, struct error *err)
{
    return store_run(store, ALARM_FORGET, VALUES(TEXT(stream), TEXT(alarm_name)), err);
}

void store_names_free(char **names, size_t count)
{
    names_clear(&(struct names){names, count});
}
