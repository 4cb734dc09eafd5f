/*
 * statements.c - all SQL the program runs, and the one way to run it.
 *
 * Each statement is prepared once per handle and put back when the function
 * that uses it returns, so no path leaves one open.  Every one finds its rows
 * by an index (test_store_plans.c asks SQLite); enum values in the texts are
 * explained in migrations/.
 */
#include "base/memory.h"
#include "base/text.h"
#include "handle.h"

#include <assert.h>

/* In the order in which stream_read(), notification_read()... take them. */
#define STREAM_COLUMNS                                                                             \
    "stream, due_ms, due_reasons, lock_owner, lock_until_ms, cooldown_until_ms, last_scale_up_ms," \
    " last_scale_down_ms, skew_split_ms, failures, last_error, last_error_ms, open_shards, "       \
    "effective_shards,"                                                                            \
    " seen_ms, revision, paused_until_ms, hot_shard, hot_start, hot_end, hot_ms"
#define NOTIFICATION_COLUMNS                                                                            \
    "id, message_id, topic_arn, alarm_name, stream, shard, metric, new_state, changed_ms, received_ms," \
    " status, attempts, reason, coalesce(action_id, 0)"
#define ACTION_COLUMNS                                                                                 \
    "id, stream, kind, state, rule, owner, started_ms, ended_ms, from_shards, to_shards, goal_shards," \
    " goal_basis, state_since_ms, reason, failure"
#define STEP_COLUMNS                                                                                       \
    "id, action_id, sequence, kind, shard, adjacent, new_start, target, intended_ms, ended_ms, active_ms," \
    " outcome, detail"
#define DECISION_COLUMNS "id, stream, at_ms, coalesce(action_id, 0), verdict, reason, inputs"

const char *const statement_sql[STATEMENT_COUNT] = {
    [WHOLE_BEGIN] = "BEGIN IMMEDIATE",
    [WHOLE_COMMIT] = "COMMIT",
    [PART_BEGIN] = "SAVEPOINT part",
    [PART_COMMIT] = "RELEASE part",

    [STREAM_LOAD] = "SELECT " STREAM_COLUMNS " FROM streams WHERE stream = ?",
    [STREAM_ALL] = "SELECT " STREAM_COLUMNS " FROM streams ORDER BY stream",
    [STREAM_DUE] = "SELECT " STREAM_COLUMNS " FROM streams WHERE due_ms < 9223372036854775807"
                   " ORDER BY due_ms, stream LIMIT ?",
    [STREAM_MAKE_DUE] = "INSERT INTO streams (stream, due_ms, due_reasons, revision) VALUES (?, ?, ?, 1)"
                        " ON CONFLICT (stream) DO UPDATE SET due_ms = min(due_ms, excluded.due_ms),"
                        " due_reasons = due_reasons | excluded.due_reasons, revision = revision + 1",
    [STREAM_SET_DUE] = "INSERT INTO streams (stream, due_ms, due_reasons) VALUES (?1, ?2, ?3)"
                       " ON CONFLICT (stream) DO UPDATE SET"
                       " due_ms = CASE revision WHEN ?4 THEN ?2 ELSE min(due_ms, ?2) END,"
                       " due_reasons = CASE revision WHEN ?4 THEN ?3 ELSE due_reasons | ?3 END",
    [STREAM_LOCK] =
        "INSERT INTO streams (stream, lock_owner, lock_until_ms) VALUES (?, ?, ?) ON CONFLICT (stream)"
        " DO UPDATE SET lock_owner = excluded.lock_owner, lock_until_ms = excluded.lock_until_ms",
    [STREAM_UNLOCK] =
        "UPDATE streams SET lock_owner = '', lock_until_ms = 0,"
        " cooldown_until_ms = iif(?3 > 0, ?3, cooldown_until_ms) WHERE stream = ?1 AND lock_owner = ?2",
    [STREAM_FAILED] =
        "INSERT INTO streams (stream, failures, last_error, last_error_ms) VALUES (?1, 1, ?2, ?3)"
        " ON CONFLICT (stream) DO UPDATE SET failures = failures + 1, last_error = ?2,"
        " last_error_ms = ?3",
    [STREAM_SUCCEEDED] = "UPDATE streams SET failures = 0, last_error = '' WHERE stream = ? AND failures > 0",
    [STREAM_SEEN] =
        "INSERT INTO streams (stream, open_shards, effective_shards, seen_ms) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (stream) DO UPDATE SET open_shards = ?2, effective_shards = ?3, seen_ms = ?4",
    [STREAM_SKEW] = "INSERT INTO streams (stream, skew_split_ms) VALUES (?1, ?2)"
                    " ON CONFLICT (stream) DO UPDATE SET skew_split_ms = ?2",
    [STREAM_HOT_KEY] = "INSERT INTO streams (stream, hot_shard, hot_start, hot_end, hot_ms)"
                       " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (stream) DO UPDATE SET hot_shard = ?2,"
                       " hot_start = ?3, hot_end = ?4, hot_ms = ?5",
    /* Due at once: what was deferred waits for another time now. */
    [STREAM_PAUSE] = "INSERT INTO streams (stream, paused_until_ms, due_ms, due_reasons, revision)"
                     " VALUES (?1, ?2, ?3, 1, 1) ON CONFLICT (stream) DO UPDATE SET paused_until_ms = ?2,"
                     " due_ms = min(due_ms, ?3), due_reasons = due_reasons | 1, revision = revision + 1",
    /* Neither "never" nor the end of a pause is a time that somebody's clock made up. */
    [STREAM_CATCH_UP] =
        "UPDATE streams SET cooldown_until_ms = min(cooldown_until_ms, ?2), lock_until_ms = "
        "min(lock_until_ms, ?3),"
        " due_ms = iif(due_ms IN (9223372036854775807, paused_until_ms), due_ms, min(due_ms, ?4)),"
        " last_scale_up_ms = min(last_scale_up_ms, ?5), last_scale_down_ms = min(last_scale_down_ms, ?5),"
        " revision = revision + 1 WHERE stream = ?1 AND (cooldown_until_ms > ?2 OR lock_until_ms > ?3"
        " OR last_scale_up_ms > ?5 OR last_scale_down_ms > ?5"
        " OR (due_ms > ?4 AND due_ms NOT IN (9223372036854775807, paused_until_ms)))",
    [STREAM_ENDED] = "INSERT INTO streams (stream, cooldown_until_ms, last_scale_up_ms, last_scale_down_ms)"
                     " VALUES (?1, max(?2, 0), ?3, ?4) ON CONFLICT (stream) DO UPDATE SET"
                     " cooldown_until_ms = iif(?2 > 0, ?2, cooldown_until_ms),"
                     " last_scale_up_ms = max(last_scale_up_ms, ?3),"
                     " last_scale_down_ms = max(last_scale_down_ms, ?4)",

    [ALARM_LEARN] = "INSERT INTO learned_alarms (stream, alarm_name, learned_ms) VALUES (?, ?, ?)"
                    " ON CONFLICT (stream, alarm_name) DO UPDATE SET learned_ms = excluded.learned_ms",
    [ALARM_LIST] = "SELECT alarm_name FROM learned_alarms WHERE stream = ? ORDER BY alarm_name LIMIT ?",
    [ALARM_FORGET] = "DELETE FROM learned_alarms WHERE stream = ? AND alarm_name = ?",

    [NOTIFICATION_ADD] =
        "INSERT INTO notifications (message_id, topic_arn, alarm_name, stream, shard, metric,"
        " new_state, changed_ms, received_ms, status, attempts, reason, action_id, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), coalesce(?, ''))"
        " ON CONFLICT (message_id) DO NOTHING",
    [NOTIFICATION_LOAD] = "SELECT " NOTIFICATION_COLUMNS ", body FROM notifications WHERE id = ?",
    [NOTIFICATION_OPEN] =
        "SELECT " NOTIFICATION_COLUMNS " FROM notifications WHERE stream = ? AND status IN (0, 1)"
        " ORDER BY received_ms, id LIMIT ?",
    [NOTIFICATION_COPY] =
        "INSERT INTO notifications (message_id, topic_arn, alarm_name, stream, shard, metric, new_state,"
        " changed_ms, received_ms, status, attempts, reason, action_id, body)"
        " SELECT message_id || '/' || ?1, topic_arn, alarm_name, ?1, shard, metric, new_state,"
        " changed_ms, received_ms, status, attempts, reason, action_id, body"
        " FROM notifications WHERE id = ?2 AND status IN (0, 1)",
    [NOTIFICATION_ASSIGN] = "UPDATE notifications SET stream = ? WHERE id = ? AND status IN (0, 1)",
    [NOTIFICATION_SET] =
        "UPDATE notifications SET status = ?2, reason = coalesce(?3, ''), action_id = nullif(?4, 0)"
        " WHERE id = ?1 AND status IN (0, 1)",
    [NOTIFICATION_FAILED] = "UPDATE notifications SET attempts = attempts + 1, reason = ?2,"
                            " status = iif(attempts + 1 >= ?3, 4, status) WHERE id = ?1 AND status IN (0, 1)"
                            " RETURNING status",
    [NOTIFICATION_REPLAY] = "UPDATE notifications SET status = 0, attempts = 0, reason = 'replayed'"
                            " WHERE id = ? AND status = 4 RETURNING stream",
    [NOTIFICATION_DROP_DEAD] = "UPDATE notifications SET status = 3, reason = 'dropped by hand; died of: '"
                               " || reason WHERE id = ? AND status = 4 RETURNING stream",
    [NOTIFICATION_OLDEST_DEAD] =
        "SELECT count(*), coalesce(min(received_ms), 0) FROM notifications WHERE status = 4",
    [NOTIFICATION_ACT] = "UPDATE notifications SET status = 2, action_id = ?1, reason = '' WHERE stream = ?2"
                         " AND status IN (0, 1) AND (received_ms <= ?3 OR action_id = ?1)",
    [NOTIFICATION_RECENT] = "SELECT " NOTIFICATION_COLUMNS " FROM notifications ORDER BY id DESC LIMIT ?",
    [NOTIFICATION_RECENT_STREAM] = "SELECT " NOTIFICATION_COLUMNS " FROM notifications WHERE stream = ?"
                                   " ORDER BY id DESC LIMIT ?",
    [NOTIFICATION_RECENT_STATUS] = "SELECT " NOTIFICATION_COLUMNS " FROM notifications WHERE status = ?"
                                   " ORDER BY id DESC LIMIT ?",
    [NOTIFICATION_RECENT_BOTH] = "SELECT " NOTIFICATION_COLUMNS " FROM notifications WHERE stream = ?"
                                 " AND status = ? ORDER BY id DESC LIMIT ?",

    [ACTION_BEGIN] =
        "INSERT INTO actions (stream, kind, state, rule, owner, started_ms, ended_ms, from_shards,"
        " to_shards, goal_shards, goal_basis, state_since_ms, reason, failure)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (stream) WHERE state < 5 DO NOTHING",
    [ACTION_SAVE] =
        "UPDATE actions SET state = ?2, ended_ms = ?3, rule = ?4, state_since_ms = ?5, to_shards = ?6,"
        " goal_shards = ?7, goal_basis = ?8, reason = ?9, failure = ?10 WHERE id = ?1 AND state < 5"
        " AND NOT EXISTS (SELECT 1 FROM streams WHERE stream = actions.stream AND lock_owner NOT IN ('', "
        "?11))",
    [ACTION_CURRENT] = "SELECT " ACTION_COLUMNS " FROM actions WHERE stream = ? AND state < 5",
    [ACTION_RECENT] = "SELECT " ACTION_COLUMNS " FROM actions ORDER BY id DESC LIMIT ?",
    [ACTION_RECENT_STREAM] =
        "SELECT " ACTION_COLUMNS " FROM actions WHERE stream = ? ORDER BY id DESC LIMIT ?",

    [STEP_INTEND] =
        "INSERT INTO steps (action_id, sequence, stream, kind, shard, adjacent, new_start, target,"
        " intended_ms) SELECT ?1, coalesce(max(sequence), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
        " FROM steps WHERE action_id = ?1 ON CONFLICT (action_id) WHERE outcome = 0 DO NOTHING",
    [STEP_CLOSE] = "UPDATE steps SET outcome = ?2, detail = coalesce(?3, ''), ended_ms = ?4"
                   " WHERE action_id = ?1 AND outcome = 0",
    [STEP_ACTIVE] = "UPDATE steps SET active_ms = ?2 WHERE active_ms = 0 AND id = (SELECT id FROM steps"
                    " WHERE action_id = ?1 AND outcome = 1 ORDER BY sequence DESC LIMIT 1)",
    [STEP_LAST] = "SELECT " STEP_COLUMNS " FROM steps WHERE action_id = ? ORDER BY sequence DESC LIMIT 1",
    [STEP_LIST] = "SELECT " STEP_COLUMNS " FROM steps WHERE action_id = ? ORDER BY sequence",
    [STEP_UPDATES] = "SELECT count(*), coalesce(min(intended_ms), 0) FROM steps WHERE stream = ? AND kind = 2"
                     " AND intended_ms >= ? AND outcome IN (0, 1)",
    [STEP_UPDATE_SECONDS] = "SELECT (active_ms - intended_ms) / 1000.0 / target FROM steps WHERE stream = ?"
                            " AND kind = 2 AND outcome = 1 AND active_ms > 0 AND target > 0"
                            " ORDER BY intended_ms DESC, id DESC LIMIT ?",
    [STEP_ANY_ACCEPTED] = "SELECT 1 FROM steps WHERE action_id = ? AND outcome = 1 LIMIT 1",

    [FOUND_CLEAR] = "DELETE FROM found",
    [FOUND_ADD] = "INSERT OR IGNORE INTO found (stream) VALUES (?)",
    [FOUND_LIST] = "SELECT stream FROM found ORDER BY stream",
    [GOAL_CLEAR] = "DELETE FROM goals WHERE action_id = ?",
    [GOAL_ADD] = "INSERT INTO goals (action_id, position, start) VALUES (?, ?, ?)",
    [GOAL_LIST] = "SELECT start FROM goals WHERE action_id = ? ORDER BY position",

    [SPLIT_SEEN] = "INSERT INTO splits (stream, parent, first_key, last_key, upper_key, at_ms, seen_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (stream, parent) DO UPDATE SET"
                   " first_key = ?3, last_key = ?4, upper_key = ?5, at_ms = ?6, seen_ms = ?6,"
                   " lower_load = NULL, upper_load = NULL"
                   " WHERE first_key <> ?3 OR last_key <> ?4 OR upper_key <> ?5",
    [SPLIT_MEASURED] =
        "INSERT INTO splits (stream, parent, first_key, last_key, upper_key, at_ms, seen_ms, lower_load,"
        " upper_load) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8) ON CONFLICT (stream, parent) DO UPDATE SET"
        " at_ms = iif(first_key = ?3 AND last_key = ?4 AND upper_key = ?5, at_ms, ?6), first_key = ?3,"
        " last_key = ?4, upper_key = ?5, seen_ms = ?6, lower_load = ?7, upper_load = ?8",
    [SPLIT_LIST] = "SELECT parent, first_key, last_key, upper_key, lower_load, upper_load, at_ms FROM splits"
                   " WHERE stream = ? AND seen_ms >= ? ORDER BY parent",

    [MINUTES_DAY] = "SELECT minutes FROM minutes WHERE stream = ? AND day = ?",
    [MINUTES_PUT] = "INSERT INTO minutes (stream, day, minutes) VALUES (?, ?, ?)"
                    " ON CONFLICT (stream, day) DO UPDATE SET minutes = excluded.minutes",
    [MINUTES_LIST] = "SELECT day, minutes FROM minutes WHERE stream = ? AND day >= ? ORDER BY day",
    [MINUTES_AGE] = "DELETE FROM minutes WHERE stream = ? AND day <= ?",
    [MINUTES_FORGET] = "DELETE FROM minutes WHERE day < ?",
    [HABITS_SET] =
        "INSERT INTO habits (stream, learned_ms, learned, hold_minutes, line, rhythm, expected_ms, expected)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream) DO UPDATE SET"
        " learned_ms = excluded.learned_ms, learned = excluded.learned, hold_minutes = excluded.hold_minutes,"
        " line = excluded.line, rhythm = excluded.rhythm, expected_ms = excluded.expected_ms,"
        " expected = excluded.expected",
    [HABITS_LOAD] = "SELECT learned_ms, learned, hold_minutes, line, rhythm FROM habits WHERE stream = ?",
    [EXPECTED_LOAD] = "SELECT expected_ms, expected FROM habits WHERE stream = ?",
    [HABITS_FORGET] = "DELETE FROM habits WHERE learned_ms < ?",
    [SKEW_SET] =
        "INSERT INTO skews (stream, bears, earlier, refused, demand, capacity, seen_ms, hot_days, hot)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream) DO UPDATE SET bears = excluded.bears,"
        " earlier = excluded.earlier, refused = excluded.refused, demand = excluded.demand,"
        " capacity = excluded.capacity, seen_ms = excluded.seen_ms, hot_days = excluded.hot_days,"
        " hot = excluded.hot",
    [SKEW_LOAD] = "SELECT bears, earlier, refused, demand, capacity, seen_ms, hot_days, hot FROM skews"
                  " WHERE stream = ?",
    [SKEWS_FORGET] = "DELETE FROM skews WHERE seen_ms < ?",
    [SPREAD_SET] = "INSERT INTO spreads (stream, read_ms, measured_ms, cells) VALUES (?, ?, ?, ?)"
                   " ON CONFLICT (stream) DO UPDATE SET read_ms = excluded.read_ms,"
                   " measured_ms = excluded.measured_ms, cells = excluded.cells",
    [SPREAD_LOAD] = "SELECT read_ms, measured_ms, cells FROM spreads WHERE stream = ?",
    [SPREADS_FORGET] = "DELETE FROM spreads WHERE read_ms < ?",

    [DECISION_ADD] = "INSERT INTO decisions (stream, at_ms, action_id, verdict, reason, inputs)"
                     " VALUES (?, ?, nullif(?, 0), ?, ?, ?)",
    [DECISION_RECENT] = "SELECT " DECISION_COLUMNS " FROM decisions ORDER BY id DESC LIMIT ?",
    [DECISION_RECENT_STREAM] =
        "SELECT " DECISION_COLUMNS " FROM decisions WHERE stream = ? ORDER BY id DESC LIMIT ?",

    [PRUNE_DEAD_LETTERS] = "UPDATE notifications SET status = 3 WHERE id IN (SELECT id FROM notifications"
                           " WHERE status = 4 AND received_ms < ? LIMIT ?)",
    /* Not by status alone, which SQLite would choose and then sort. */
    [PRUNE_NOTIFICATIONS] = "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications"
                            " INDEXED BY notifications_ended WHERE status IN (2, 3) AND received_ms < ?"
                            " ORDER BY received_ms LIMIT ?)",
    [PRUNE_DECISIONS] = "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE at_ms < ?"
                        " ORDER BY at_ms LIMIT ?)",
    [PRUNE_ACTIONS] =
        "DELETE FROM actions WHERE id IN (SELECT id FROM actions WHERE state = 5 AND ended_ms < ?"
        " ORDER BY ended_ms LIMIT ?)",
    [PRUNE_SPLITS] = "DELETE FROM splits WHERE (stream, parent) IN (SELECT stream, parent FROM splits"
                     " WHERE seen_ms < ? ORDER BY seen_ms LIMIT ?)",

    [TOTALS] = "SELECT what, a, b, count FROM totals",
    [PROBE] =
        "INSERT INTO probe (id, at_ms) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms",
};

/* What a refusal means while the file is being opened; later it is always ERROR_STORE. */
static const struct {
    int code;
    enum error_kind kind;
    const char *what_to_do;
} refusals[] = {
    {SQLITE_NOTADB, ERROR_CONFIG, ": name another file, or move this one away"},
    {SQLITE_CORRUPT, ERROR_CONFIG,
     ": it is damaged; restore a copy of it, or move it away with its -wal and -shm files and begin with a "
     "new one"},
    {SQLITE_CANTOPEN, ERROR_CONFIG, ": the file and its directory must be readable and writable"},
    {SQLITE_READONLY, ERROR_CONFIG, ": the file and its directory must be readable and writable"},
    {SQLITE_PERM, ERROR_CONFIG, ""},
    {SQLITE_AUTH, ERROR_CONFIG, ""},
};

int store_refused(struct store *store, struct error *err)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    int number = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(store->db) : 0;
    enum error_kind kind = code == SQLITE_CONSTRAINT ? ERROR_BUG : ERROR_STORE;
    const char *what_to_do = "";

    for (size_t i = 0; !store->ready && i < COUNT_OF(refusals); i++) {
        if (refusals[i].code == code) {
            kind = refusals[i].kind;
            what_to_do = refusals[i].what_to_do;
        }
    }
    return error_set(err, kind, "database '%s': %s%s%s%s", store->path, sqlite3_errmsg(store->db),
                     number != 0 ? ": " : "", number != 0 ? strerror(number) : "", what_to_do);
}

int store_prepare(struct store *store, int count, struct error *err)
{
    for (int i = 0; i < count; i++) {
        if (store->statements[i] == NULL &&
            sqlite3_prepare_v3(store->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK)
            return store_refused(store, err);
    }
    return 0;
}

static int bind_value(sqlite3_stmt *statement, int place, const struct value *value)
{
    switch (value->type) {
    case VALUE_TEXT:
        return sqlite3_bind_text(statement, place, value->text, -1, SQLITE_STATIC);
    case VALUE_INTEGER:
        return sqlite3_bind_int64(statement, place, value->integer);
    case VALUE_REAL:
        return sqlite3_bind_double(statement, place, value->real);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(statement, place, value->bytes, (sqlite3_uint64)value->integer,
                                   SQLITE_STATIC);
    case VALUE_END:
        break;
    }
    return SQLITE_MISUSE;
}

static int bind_values(sqlite3_stmt *statement, const struct value *values)
{
    int count = 0;

    while (values[count].type != VALUE_END) {
        int code = bind_value(statement, count + 1, &values[count]);

        if (code != SQLITE_OK)
            return code;
        count++;
    }
    assert(count == sqlite3_bind_parameter_count(statement));
    return SQLITE_OK;
}

static void put_back(sqlite3_stmt **statement)
{
    (void)sqlite3_reset(*statement); /* says again what the step said */
    (void)sqlite3_clear_bindings(*statement);
}

/* A transaction keeps the way that it began with: SQLite does not let it be changed inside one. */
static int settle_waiting(struct store *store, struct error *err)
{
    bool wanted = store->hurries == 0;

    if (store->unwaited == !wanted || sqlite3_get_autocommit(store->db) == 0)
        return 0;
    if (store_execute(store, wanted ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err) < 0)
        return -1;
    store->unwaited = !wanted;
    return 0;
}

int store_each(struct store *store, enum statement statement, const struct value *values, row_fn *read,
               void *context, struct error *err)
{
    SCOPED(put_back) sqlite3_stmt *row = store->statements[statement];
    int code;

    /* Who only reads waits for no disk; and the PRAGMA costs more than most reads. */
    if (!sqlite3_stmt_readonly(row) && settle_waiting(store, err) < 0)
        return -1;
    if (bind_values(row, values) != SQLITE_OK)
        return store_refused(store, err);
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        if (!read(row, context))
            return 0;
    }
    return code == SQLITE_DONE ? 0 : store_refused(store, err);
}

static bool pass_over(sqlite3_stmt *row, void *context)
{
    (void)row;
    (void)context;
    return true;
}

int store_run(struct store *store, enum statement statement, const struct value *values, struct error *err)
{
    return store_each(store, statement, values, pass_over, NULL, err);
}

int store_changes(const struct store *store)
{
    return sqlite3_changes(store->db);
}

int store_execute(struct store *store, const char *sql, struct error *err)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_refused(store, err);
}

int store_ask(struct store *store, const char *sql, int64_t *ret_value, struct error *err)
{
    sqlite3_stmt *row = NULL;
    int result = 0;

    if (sqlite3_prepare_v2(store->db, sql, -1, &row, NULL) != SQLITE_OK || sqlite3_step(row) != SQLITE_ROW)
        result = store_refused(store, err);
    else
        *ret_value = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return result;
}

/* Inside a transaction it is a savepoint; those of one name are a stack. */
int store_begin(struct store *store, struct store **ret_transaction, struct error *err)
{
    if (sqlite3_get_autocommit(store->db) == 0) {
        if (store_run(store, PART_BEGIN, NO_VALUES, err) < 0)
            return -1;
        store->parts++;
        *ret_transaction = store;
        return 0;
    }
    if (store_run(store, WHOLE_BEGIN, NO_VALUES, err) < 0)
        return -1;
    *ret_transaction = store;
    return 0;
}

int store_commit(struct store **transaction, struct error *err)
{
    struct store *store = *transaction;

    if (store_run(store, store->parts > 0 ? PART_COMMIT : WHOLE_COMMIT, NO_VALUES, err) < 0)
        return -1;
    if (store->parts > 0)
        store->parts--;
    *transaction = NULL;
    return 0;
}

void store_rollback(struct store **transaction)
{
    struct store *store = *transaction;
    bool part;

    if (store == NULL)
        return;
    part = store->parts > 0;
    if (part)
        store->parts--;
    /* SQLite undoes some failures by itself, and all of the transaction then; a second ROLLBACK would complain. */
    if (sqlite3_get_autocommit(store->db) == 0)
        (void)sqlite3_exec(store->db, part ? "ROLLBACK TO part; RELEASE part" : "ROLLBACK", NULL, NULL, NULL);
    *transaction = NULL;
}

struct store *store_hurry(struct store *store)
{
    store->hurries++;
    return store;
}

void store_wait_again(struct store **hurried)
{
    (*hurried)->hurries--;
}

void row_text(sqlite3_stmt *row, int column, char *target, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(row, column);

    (void)text_copy(target, size, text != NULL ? text : "");
}

int rows_limit(int limit)
{
    return limit < 0 ? 0 : limit > ROWS_MAX ? ROWS_MAX : limit;
}
