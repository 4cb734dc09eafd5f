/*
 * The store under load: how SQLite finds rows in a long history, and many writers at once.
 */
#include "../../src/store/handle.h"
#include "base/memory.h"
#include "store/decisions.h"
#include "store_support.h"
#include "support.h"

#include <pthread.h>

static struct error err;

enum { ROWS = 100000, STREAMS = 200 };

/* 100,000 of each in one transaction: 500 per stream, nearly all of them long ended. */
static void write_history(struct store *store)
{
    MUST(store_execute(store, "BEGIN IMMEDIATE", &err));
    MUST(store_execute(
        store,
        "CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS"
        " (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 100000) SELECT i FROM c;"
        "INSERT INTO actions (stream, kind, state, rule, owner, started_ms, ended_ms, from_shards,"
        "  to_shards, goal_shards, goal_basis, state_since_ms, reason)"
        "  SELECT 'stream-' || (i % 200), 0, 5, 100, 'me', i, i + 1, 4, 5, 0, 0, i, 'r' FROM n;"
        "INSERT INTO steps (action_id, sequence, stream, kind, shard, adjacent, new_start, target,"
        "  intended_ms, ended_ms, active_ms, outcome)"
        "  SELECT i, 1, 'stream-' || (i % 200), 2, '', '', '', 5, i, i + 1, i + 2, 1 FROM n;"
        "INSERT INTO notifications (message_id, topic_arn, alarm_name, stream, shard, metric,"
        "  new_state, changed_ms, received_ms, status, action_id)"
        "  SELECT 'm' || i, 't', 'a', 'stream-' || (i % 200), '', 'IncomingBytes', 'ALARM', i, i,"
        "  iif(i > 99000, i % 5, 2 + i % 2), i FROM n;"
        "INSERT INTO decisions (stream, at_ms, action_id, verdict, reason, inputs)"
        "  SELECT 'stream-' || (i % 200), i, i, 'reshard', 'r', '{}' FROM n;"
        "INSERT INTO streams (stream, due_ms) SELECT 'stream-' || i,"
        "  iif(i % 2, i, 9223372036854775807) FROM n WHERE i < 200;"
        "DROP TABLE n;",
        &err));
    MUST(store_execute(store, "COMMIT", &err));
}

/* Small tables that are read as a whole, and walks along the row ids that a LIMIT ends. */
static const struct {
    enum statement statement;
    const char *scan;
} scans_allowed[] = {
    {STREAM_ALL, "SCAN streams USING INDEX"}, /* one row per stream, in the order of the names */
    {STREAM_DUE, "SCAN streams USING INDEX streams_due"},
    {TOTALS, "SCAN totals"},
    {FOUND_CLEAR, "SCAN found"},
    {FOUND_LIST, "SCAN found"},
    {NOTIFICATION_RECENT, "SCAN notifications"},
    {ACTION_RECENT, "SCAN actions"},
    {DECISION_RECENT, "SCAN decisions"},
};

static bool scan_is_allowed(int statement, const char *detail)
{
    for (size_t i = 0; i < COUNT_OF(scans_allowed); i++) {
        if ((int)scans_allowed[i].statement == statement &&
            strncmp(detail, scans_allowed[i].scan, strlen(scans_allowed[i].scan)) == 0)
            return true;
    }
    return false;
}

START_TEST(every_statement_finds_its_rows_by_an_index)
{
    struct store *store = open_store(":memory:");

    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_stmt *plan = NULL;
        char sql[2048];

        ck_assert_ptr_nonnull(statement_sql[i]);
        snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", statement_sql[i]);
        ck_assert_int_eq(sqlite3_prepare_v2(store->db, sql, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *detail = (const char *)sqlite3_column_text(plan, 3);

            ck_assert_msg(strstr(detail, "SCAN") == NULL || scan_is_allowed(i, detail), "%s: %s",
                          statement_sql[i], detail);
            ck_assert_msg(strstr(detail, "TEMP B-TREE") == NULL, "%s: %s", statement_sql[i], detail);
        }
        (void)sqlite3_finalize(plan);
    }
    store_close(store);
}
END_TEST

/* Steps of SQLite's machine since the last call: what a statement costs, whatever the machine. */
static int cost(struct store *store, enum statement statement)
{
    return sqlite3_stmt_status(store->statements[statement], SQLITE_STMTSTATUS_VM_STEP, 1);
}

START_TEST(no_hot_statement_costs_more_when_the_history_is_long)
{
    struct store *store = open_store(":memory:");
    struct notification alarm = alarm_of("stream-7", "new", 100001);
    struct action action = action_of("stream-7", ACTION_SCALE_UP, 100002);
    struct operation operation = {OPERATION_UPDATE, .target = 6};
    struct notification_list notifications = {0};
    struct action_list actions = {0};
    struct decision_list decisions = {0};
    struct stream_state_list due = {0};
    struct action_totals totals;
    int64_t counts[NOTIFICATION_STATUS_COUNT], ms;
    double seconds;
    bool is_new;
    int count;

    write_history(store);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        (void)cost(store, (enum statement)i);
    MUST(store_notification_add(store, &alarm, &is_new, &err));
    MUST(store_notifications_open(store, "stream-7", &notifications, &err));
    ck_assert_uint_gt(notifications.count, 0);
    notification_list_clear(&notifications);
    for (int stream = 0; stream < 2; stream++) {
        for (int status = -1; status < NOTIFICATION_STATUS_COUNT; status++) {
            MUST(store_notifications_recent(store, stream ? "stream-7" : NULL, status, 10, &notifications,
                                            &err));
            notification_list_clear(&notifications);
        }
    }
    MUST(store_streams_due(store, INT64_MAX - 1, 10, &due, &ms, &err));
    ck_assert_uint_eq(due.count, 10);
    stream_state_list_clear(&due);
    MUST(store_action_begin(store, &action, &err));
    MUST(store_step_intend(store, &action, &operation, 100003, &err));
    MUST(store_step_close(store, &action, STEP_ACCEPTED, "", 100004, &err));
    MUST(store_step_active(store, &action, 100005, &err));
    MUST(store_action_end(store, &action, "me", 0, 100006, &err));
    MUST(store_updates_since(store, "stream-7", 90000, &count, &ms, &err));
    ck_assert_int_eq(count, 51);
    MUST(store_update_seconds(store, "stream-7", &seconds, &err));
    MUST(store_actions_recent(store, "stream-7", 10, &actions, &err));
    ck_assert_uint_eq(actions.count, 10);
    action_list_clear(&actions);
    MUST(store_decisions_recent(store, "stream-7", 10, &decisions, &err));
    ck_assert_uint_eq(decisions.count, 10);
    decision_list_clear(&decisions);
    MUST(store_notification_counts(store, counts, &err));
    ck_assert_int_eq(counts[0] + counts[1] + counts[2] + counts[3] + counts[4], ROWS + 1);
    MUST(store_action_totals(store, &totals, &err));
    ck_assert_int_eq(totals.actions[ACTION_SCALE_UP], ROWS + 1);
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        int steps = cost(store, (enum statement)i);

        ck_assert_msg(steps < 5000, "%s: %d steps", statement_sql[i], steps);
    }
    store_close(store);
}
END_TEST

START_TEST(a_long_history_is_pruned_piece_by_piece)
{
    struct store *store = open_store(":memory:");
    struct pruned pruned = {.rows = 1};
    int total = 0, calls = 0;

    write_history(store);
    for (; pruned.rows != 0; calls++) {
        MUST(store_prune(store, 5001, &pruned, &err));
        ck_assert_int_le(pruned.rows, 3 * PRUNE_MAX);
        ck_assert_int_lt(cost(store, PRUNE_NOTIFICATIONS), 400000);
        total += pruned.rows;
    }
    ck_assert_int_eq(total, 5000 + 5000 + 4999); /* an action ends 1 ms after it begins */
    ck_assert_int_eq(calls, 6);
    store_close(store);
}
END_TEST

struct writer {
    pthread_t thread;
    const char *path;
    int number;
    bool failed;
    char message[512];
};

enum { WRITERS = 6, MESSAGES = 30 };

/* Every message is sent by two writers; both also fight for one lock and count what they did under it. */
static void *write_many(void *context)
{
    struct writer *writer = context;
    struct store *store = NULL;
    struct error error = {0};
    int result = store_open(writer->path, &store, &error);

    store_set_busy_timeout(store, 30000); /* the machine may be slow */
    for (int i = 0; result == 0 && i < MESSAGES; i++) {
        struct notification notification = alarm_of("orders", "", 1000 + i);
        struct stream_state state;
        char owner[16];
        bool is_new, taken;

        snprintf(notification.message_id, sizeof(notification.message_id), "%d-%d", writer->number / 2, i);
        snprintf(owner, sizeof(owner), "writer-%d", writer->number);
        result = store_notification_add(store, &notification, &is_new, &error);
        if (result == 0)
            result = store_lock_take(store, "orders", owner, 1000, 1000000, true, &taken, &state, &error);
        if (result == 0 && taken) {
            struct action action = action_of("orders", ACTION_REPAIR, 1000 + i);

            snprintf(action.owner, sizeof(action.owner), "%s", owner);
            result = store_action_begin(store, &action, &error);
            if (result == 0)
                result = store_action_end(store, &action, owner, 0, 2000, &error);
        }
    }
    writer->failed = result < 0;
    snprintf(writer->message, sizeof(writer->message), "%s", error.message);
    store_close(store);
    return NULL;
}

START_TEST(writers_in_many_threads_lose_nothing)
{
    char path[160];
    struct writer writers[WRITERS];

    snprintf(path, sizeof(path), "%s", database_path());
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.path = path, .number = i};
        ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_join(writers[i].thread, NULL), 0);
        ck_assert_msg(!writers[i].failed, "%s", writers[i].message);
    }
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM notifications"), WRITERS / 2 * MESSAGES);
    ck_assert_int_eq(ask_file(path, "SELECT revision FROM streams"), WRITERS / 2 * MESSAGES);
    ck_assert_int_gt(ask_file(path, "SELECT count(*) FROM actions"), 0);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM actions WHERE state < 5"), 0);
    ck_assert_int_eq(ask_file(path, "SELECT sum(count) FROM totals WHERE what = 'notification'"),
                     WRITERS / 2 * MESSAGES);
    ck_assert_int_eq(ask_file(path, "SELECT quick_check = 'ok' FROM pragma_quick_check"), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store load");
    TCase *tcase = tcase_create("load");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, every_statement_finds_its_rows_by_an_index);
    tcase_add_test(tcase, no_hot_statement_costs_more_when_the_history_is_long);
    tcase_add_test(tcase, a_long_history_is_pruned_piece_by_piece);
    tcase_add_test(tcase, writers_in_many_threads_lose_nothing);
    suite_add_tcase(made, tcase);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
