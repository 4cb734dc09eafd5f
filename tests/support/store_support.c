#include "store_support.h"

#include "support.h"

#include <sqlite3.h>
#include <sys/wait.h>

const char *database_path(void)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/kinescale.db", temporary_directory());
    return path;
}

struct store *open_store(const char *path)
{
    struct store *store = NULL;
    struct error err = {0};

    MUST(store_open(path, &store, &err));
    return store;
}

struct notification alarm_of(const char *stream, const char *message_id, int64_t received_ms)
{
    struct notification notification = {
        .topic_arn = "arn:aws:sns:eu-west-1:123456789012:kinescale",
        .alarm_name = "orders-bytes",
        .metric = "IncomingBytes",
        .new_state = "ALARM",
        .changed_ms = received_ms - 1000,
        .received_ms = received_ms,
    };

    snprintf(notification.stream, sizeof(notification.stream), "%s", stream);
    snprintf(notification.message_id, sizeof(notification.message_id), "%s", message_id);
    return notification;
}

struct action action_of(const char *stream, enum action_kind kind, int64_t started_ms)
{
    struct action action = {
        .kind = kind,
        .state = ACTION_PLANNING,
        .rule = 10,
        .owner = "host:1",
        .started_ms = started_ms,
        .from_shards = 4,
        .to_shards = 4,
        .state_since_ms = started_ms,
        .reason = "the load needs 6 shards",
    };

    snprintf(action.stream, sizeof(action.stream), "%s", stream);
    return action;
}

int in_child(int (*body)(void *context), void *context)
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(body(context));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static sqlite3 *connect_file(const char *path)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

int64_t ask_file(const char *path, const char *sql)
{
    sqlite3 *db = connect_file(path);
    sqlite3_stmt *row = NULL;
    int64_t answer;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    answer = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
    return answer;
}

void change_file(const char *path, const char *sql)
{
    sqlite3 *db = connect_file(path);

    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    (void)sqlite3_close(db);
}
