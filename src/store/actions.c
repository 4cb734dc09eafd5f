/*
 * actions.c - the life of an action in the database.
 *
 * Every write names the action and is only good while it runs: a process whose lease ended, and whose
 * action somebody else finished meanwhile, gets ERROR_BUSY and changes nothing.
 */
#include "store/actions.h"

#include "base/memory.h"
#include "handle.h"

/* These numbers stand in the database (migrations/0001 and 0004). */
_Static_assert(ACTION_SCALE_UP == 0 && ACTION_SCALE_DOWN == 1 && ACTION_REPAIR == 2 && ACTION_BY_HAND == 3 &&
                   ACTION_KIND_COUNT == 4,
               "the order of enum action_kind is stored");
_Static_assert(ACTION_PLANNING == 0 && ACTION_INTENDED == 1 && ACTION_WAITING == 2 &&
                   ACTION_THRESHOLDS == 3 && ACTION_RESET == 4 && ACTION_DONE == 5 && ACTION_STATE_COUNT == 6,
               "the order of enum action_state is stored");

static const char *const kind_names[ACTION_KIND_COUNT] = {
    [ACTION_SCALE_UP] = "scale-up",
    [ACTION_SCALE_DOWN] = "scale-down",
    [ACTION_REPAIR] = "repair",
    [ACTION_BY_HAND] = "by-hand",
};

const char *action_kind_name(enum action_kind kind)
{
    return kind < ACTION_KIND_COUNT ? kind_names[kind] : "unknown";
}

void action_list_clear(struct action_list *list)
{
    free(list->items);
    *list = (struct action_list){0};
}

/* Columns in the order of ACTION_COLUMNS (statements.c). */
static void action_read(sqlite3_stmt *row, struct action *action)
{
    int column = 0;

    *action = (struct action){0};
    action->id = sqlite3_column_int64(row, column++);
    row_text(row, column++, action->stream, sizeof(action->stream));
    action->kind = (enum action_kind)sqlite3_column_int(row, column++);
    action->state = (enum action_state)sqlite3_column_int(row, column++);
    action->rule = sqlite3_column_int(row, column++);
    row_text(row, column++, action->owner, sizeof(action->owner));
    action->started_ms = sqlite3_column_int64(row, column++);
    action->ended_ms = sqlite3_column_int64(row, column++);
    action->from_shards = sqlite3_column_int64(row, column++);
    action->to_shards = sqlite3_column_int64(row, column++);
    action->goal_shards = sqlite3_column_int64(row, column++);
    action->goal_basis = sqlite3_column_int(row, column++);
    action->state_since_ms = sqlite3_column_int64(row, column++);
    row_text(row, column++, action->reason, sizeof(action->reason));
    row_text(row, column++, action->failure, sizeof(action->failure));
}

static bool read_one(sqlite3_stmt *row, void *context)
{
    action_read(row, context);
    return true;
}

static bool read_all(sqlite3_stmt *row, void *context)
{
    struct action_list *list = context;

    list->items = must_realloc(list->items, list->count + 1, sizeof(*list->items));
    action_read(row, &list->items[list->count++]);
    return true;
}

int store_action_begin(struct store *store, struct action *action, struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
    const struct action *a = action;

    if (store_run(store, ACTION_BEGIN,
                  VALUES(TEXT(a->stream), INTEGER(a->kind), INTEGER(a->state), INTEGER(a->rule),
                         TEXT(a->owner), INTEGER(a->started_ms), INTEGER(a->ended_ms),
                         INTEGER(a->from_shards), INTEGER(a->to_shards), INTEGER(a->goal_shards),
                         INTEGER(a->goal_basis), INTEGER(a->state_since_ms), TEXT(a->reason),
                         TEXT(a->failure)),
                  err) < 0)
        return -1;
    if (store_changes(store) == 0)
        return error_set(err, ERROR_BUSY, "an action on stream '%s' is running already", action->stream);
    action->id = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_action_current(struct store *store, const char *stream, struct action *ret_action, bool *ret_found,
                         struct error *err)
{
    struct action found = {0};

    if (store_each(store, ACTION_CURRENT, VALUES(TEXT(stream)), read_one, &found, err) < 0)
        return -1;
    *ret_found = found.id != 0;
    if (found.id != 0)
        *ret_action = found;
    return 0;
}

/* `state` and `ended_ms` may be further than the caller's copy. */
static int save(struct store *store, const struct action *action, enum action_state state, int64_t ended_ms,
                struct error *err)
{
    const struct action *a = action;

    if (store_run(store, ACTION_SAVE,
                  VALUES(INTEGER(a->id), INTEGER(state), INTEGER(state == ACTION_DONE ? ended_ms : 0),
                         INTEGER(a->rule), INTEGER(a->state_since_ms), INTEGER(a->to_shards),
                         INTEGER(a->goal_shards), INTEGER(a->goal_basis), TEXT(a->reason), TEXT(a->failure),
                         TEXT(a->owner)),
                  err) < 0)
        return -1;
    if (store_changes(store) == 0)
        return error_set(
            err, ERROR_BUSY,
            "action %lld on stream '%s' is not running any more, or another process has the lock",
            (long long)action->id, action->stream);
    return 0;
}

int store_action_save(struct store *store, const struct action *action, struct error *err)
{
    return save(store, action, action->state, action->ended_ms, err);
}

int store_step_intend(struct store *store, const struct action *action, const struct operation *operation,
                      int64_t now_ms, struct error *err)
{
    const struct operation *o = operation;
    SCOPED(store_rollback) struct store *transaction = NULL;
    char new_start[HASHKEY_TEXT_SIZE] = "";

    if (operation->kind == OPERATION_SPLIT)
        hashkey_format(operation->new_start, new_start);
    if (store_begin(store, &transaction, err) < 0 ||
        save(store, action, ACTION_INTENDED, action->ended_ms, err) < 0 ||
        store_run(store, STEP_INTEND,
                  VALUES(INTEGER(action->id), TEXT(action->stream), INTEGER(o->kind), TEXT(o->shard),
                         TEXT(o->adjacent), TEXT(new_start), INTEGER(o->target), INTEGER(now_ms)),
                  err) < 0)
        return -1;
    if (store_changes(store) == 0)
        return error_set(err, ERROR_BUSY, "action %lld on stream '%s' has a step whose outcome is open",
                         (long long)action->id, action->stream);
    return store_commit(&transaction, err);
}

int store_step_close(struct store *store, const struct action *action, enum step_outcome outcome,
                     const char *detail, int64_t now_ms, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;

    if (store_begin(store, &transaction, err) < 0 ||
        store_run(store, STEP_CLOSE,
                  VALUES(INTEGER(action->id), INTEGER(outcome), TEXT(detail), INTEGER(now_ms)), err) < 0 ||
        save(store, action, action->state, action->ended_ms, err) < 0)
        return -1;
    return store_commit(&transaction, err);
}

int store_step_active(struct store *store, const struct action *action, int64_t now_ms, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;

    if (store_begin(store, &transaction, err) < 0 ||
        store_run(store, STEP_ACTIVE, VALUES(INTEGER(action->id), INTEGER(now_ms)), err) < 0 ||
        save(store, action, action->state, action->ended_ms, err) < 0)
        return -1;
    return store_commit(&transaction, err);
}

static bool read_any(sqlite3_stmt *row, void *context)
{
    (void)row;
    *(bool *)context = true;
    return true;
}

static bool went_up(const struct action *action)
{
    return action->kind == ACTION_SCALE_UP ||
           (action->kind == ACTION_BY_HAND && action->to_shards >= action->from_shards);
}

static bool went_down(const struct action *action)
{
    return action->kind == ACTION_SCALE_DOWN ||
           (action->kind == ACTION_BY_HAND && action->to_shards < action->from_shards);
}

int store_action_end(struct store *store, const struct action *action, const char *owner,
                     int64_t cooldown_until_ms, int64_t now_ms, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;
    bool resharded = false;
    int64_t up_ms, down_ms;

    if (store_begin(store, &transaction, err) < 0 || save(store, action, ACTION_DONE, now_ms, err) < 0 ||
        store_run(store, STEP_CLOSE,
                  VALUES(INTEGER(action->id), INTEGER(STEP_UNHEARD), TEXT(""), INTEGER(now_ms)), err) < 0 ||
        store_each(store, STEP_ANY_ACCEPTED, VALUES(INTEGER(action->id)), read_any, &resharded, err) < 0)
        return -1;
    up_ms = resharded && went_up(action) ? now_ms : 0;
    down_ms = resharded && went_down(action) ? now_ms : 0;
    if (store_run(store, NOTIFICATION_ACT,
                  VALUES(INTEGER(action->id), TEXT(action->stream), INTEGER(action->started_ms)), err) < 0 ||
        store_run(store, STREAM_ENDED,
                  VALUES(TEXT(action->stream), INTEGER(cooldown_until_ms), INTEGER(up_ms), INTEGER(down_ms)),
                  err) < 0 ||
        store_run(store, STREAM_UNLOCK, VALUES(TEXT(action->stream), TEXT(owner), INTEGER(cooldown_until_ms)),
                  err) < 0)
        return -1;
    return store_commit(&transaction, err);
}

int store_actions_recent(struct store *store, const char *stream, int limit, struct action_list *ret_list,
                         struct error *err)
{
    SCOPED(action_list_clear) struct action_list list = {0};
    int64_t rows = rows_limit(limit);
    int result;

    if (stream == NULL)
        result = store_each(store, ACTION_RECENT, VALUES(INTEGER(rows)), read_all, &list, err);
    else
        result = store_each(store, ACTION_RECENT_STREAM, VALUES(TEXT(stream), INTEGER(rows)), read_all, &list,
                            err);
    if (result < 0)
        return -1;
    *ret_list = list;
    list = (struct action_list){0};
    return 0;
}

int store_action_last(struct store *store, const char *stream, struct action *ret_action, struct error *err)
{
    SCOPED(action_list_clear) struct action_list list = {0};

    if (store_actions_recent(store, stream, 1, &list, err) < 0)
        return -1;
    *ret_action = list.count > 0 ? list.items[0] : (struct action){0};
    return 0;
}

static bool read_total(sqlite3_stmt *row, void *context)
{
    struct action_totals *totals = context;
    const char *what = (const char *)sqlite3_column_text(row, 0);
    int64_t a = sqlite3_column_int64(row, 1);
    int64_t b = sqlite3_column_int64(row, 2);
    int64_t count = sqlite3_column_int64(row, 3);

    if (strcmp(what, "action") == 0 && a >= 0 && a < ACTION_KIND_COUNT)
        totals->actions[a] = count;
    else if (strcmp(what, "step") == 0 && a >= 0 && a < (int64_t)COUNT_OF(totals->steps) && b >= 0 &&
             b < STEP_OUTCOME_COUNT)
        totals->steps[a][b] = count;
    else if (strcmp(what, "failed") == 0)
        totals->failed = count;
    else if (strcmp(what, "running") == 0)
        totals->running = count;
    return true;
}

int store_action_totals(struct store *store, struct action_totals *ret_totals, struct error *err)
{
    struct action_totals totals = {0};

    if (store_each(store, TOTALS, NO_VALUES, read_total, &totals, err) < 0)
        return -1;
    *ret_totals = totals;
    return 0;
}
