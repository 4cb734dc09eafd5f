/*
 * What is left when something breaks: a kill, a full disk, a locked file, a write that fails in the middle.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "store/decisions.h"
#include "store_support.h"
#include "support.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct error err;

START_TEST(a_locked_database_is_waited_for_and_then_named)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct notification notification = alarm_of("orders", "m1", 1);
    bool is_new;
    sqlite3 *other = NULL;
    int64_t began;

    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    store_set_busy_timeout(store, 200);
    began = clock_monotonic_ns();
    MUST_FAIL(store_probe(store, 1, &err), ERROR_STORE, "database is locked");
    ck_assert_int_ge(clock_monotonic_ns() - began, 190 * 1000000LL);
    ck_assert(strstr(err.message, path) != NULL);
    MUST_FAIL(store_notification_add(store, &notification, &is_new, &err), ERROR_STORE, "database is locked");
    ck_assert_int_eq(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(other);
    MUST(store_probe(store, 2, &err));
    MUST(store_notification_add(store, &notification, &is_new, &err));
    ck_assert(is_new);
    store_close(store);
    ck_assert_int_eq(ask_file(path, "SELECT at_ms FROM probe"), 2);
}
END_TEST

START_TEST(a_file_that_is_no_more_where_it_was_is_named)
{
    const char *path = database_path();
    struct store *store = open_store(path), *memory = open_store(":memory:");
    char aside[512];

    snprintf(aside, sizeof(aside), "%s.aside", path);
    MUST(store_probe(store, 1, &err));
    MUST(store_probe(memory, 1, &err));
    ck_assert_int_eq(rename(path, aside), 0);
    MUST_FAIL(store_probe(store, 2, &err), ERROR_STORE, "was moved or deleted");
    ck_assert(strstr(err.message, path) != NULL);
    /* Another file under its name is not the one we write to. */
    ck_assert_int_eq(mknod(path, S_IFREG | 0600, 0), 0);
    MUST_FAIL(store_probe(store, 3, &err), ERROR_STORE, "was moved or deleted");
    ck_assert_int_eq(rename(aside, path), 0);
    MUST(store_probe(store, 4, &err));
    store_close(memory);
    store_close(store);
}
END_TEST

/* Exits with 0 when the disk was "full" at some point, nothing half written, and usable again afterwards. */
static int write_until_full(void *path)
{
    struct rlimit limit = {2 << 20, RLIM_INFINITY};
    struct store *store = NULL;
    struct error error = {0};
    int added = 0;
    bool is_new;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (store_open(path, &store, &error) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 1;
    for (; added < 5000; added++) {
        struct notification notification = alarm_of("orders", "", 1 + added);

        snprintf(notification.message_id, sizeof(notification.message_id), "m%d", added);
        snprintf(notification.stream, sizeof(notification.stream), "stream-%d", added);
        if (store_notification_add(store, &notification, &is_new, &error) < 0)
            break;
    }
    if (added == 5000)
        return 2;
    if (error.kind != ERROR_STORE || strstr(error.message, path) == NULL)
        return 3;
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0 || store_probe(store, added, &error) < 0)
        return 4;
    store_close(store);
    return 0;
}

START_TEST(a_full_disk_fails_whole_writes_and_nothing_else)
{
    char path[160];
    int64_t rows;

    snprintf(path, sizeof(path), "%s", database_path());
    ck_assert_int_eq(in_child(write_until_full, path), 0);
    rows = ask_file(path, "SELECT at_ms FROM probe");
    ck_assert_int_gt(rows, 20);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM notifications"), rows);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM streams WHERE due_reasons = 1"), rows);
    ck_assert_int_eq(ask_file(path, "SELECT count FROM totals WHERE what = 'notification'"), rows);
    store_close(open_store(path));
}
END_TEST

/* A deed writes to more than one table; `breaks` makes its last write fail. */
static struct action running;

static int add_late_alarm(struct store *store)
{
    struct notification notification = alarm_of("orders", "late", 2000);
    bool is_new;

    return store_notification_add(store, &notification, &is_new, &err);
}

static int assign(struct store *store)
{
    return store_notification_assign(store, 1, (const char *[]){"orders", "clicks"}, 2, 2000, &err);
}

static int replay(struct store *store)
{
    return store_notification_replay(store, 2, 2000, &err);
}

static int intend(struct store *store)
{
    return store_step_intend(store, &running, &(struct operation){OPERATION_UPDATE, .target = 9}, 2000, &err);
}

static int close_step(struct store *store)
{
    struct action further = running;

    further.state = ACTION_WAITING;
    return store_step_close(store, &further, STEP_ACCEPTED, "", 2000, &err);
}

static int end(struct store *store)
{
    return store_action_end(store, &running, "host:1", 9000, 2000, &err);
}

static int prune(struct store *store)
{
    struct pruned pruned;

    return store_prune(store, 5000, &pruned, &err);
}

static const struct {
    int (*deed)(struct store *store);
    bool open_step;
    const char *breaks;
} deeds[] = {
    {add_late_alarm, false, "UPDATE ON streams"}, {assign, false, "UPDATE ON streams"},
    {assign, false, "INSERT ON notifications"},   {assign, false, "UPDATE ON notifications"},
    {replay, false, "UPDATE ON streams"},         {intend, false, "INSERT ON steps"},
    {close_step, true, "UPDATE ON actions"},      {end, false, "UPDATE OF lock_owner ON streams"},
    {prune, false, "DELETE ON actions"},
};

/* All that the file holds, log included; the caller sqlite3_free()s. */
static unsigned char *contents(const char *path, sqlite3_int64 *size)
{
    sqlite3 *db = NULL;
    unsigned char *bytes;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    bytes = sqlite3_serialize(db, "main", size, 0);
    ck_assert_ptr_nonnull(bytes);
    (void)sqlite3_close(db);
    return bytes;
}

START_TEST(a_write_that_fails_in_the_middle_is_undone_as_a_whole)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct notification unknown = alarm_of("", "composite", 900), dead = alarm_of("orders", "dead", 900);
    struct stream_state state;
    struct action old = action_of("orders", ACTION_REPAIR, 100);
    char trigger[160];
    unsigned char *before, *after;
    sqlite3_int64 before_size, after_size;
    bool flag;

    dead.status = NOTIFICATION_DEAD;
    MUST(store_notification_add(store, &unknown, &flag, &err));
    MUST(store_notification_add(store, &dead, &flag, &err));
    MUST(store_stream_make_due(store, "orders", 900, DUE_ACTION, &err));
    MUST(store_lock_take(store, "orders", "host:1", 900, 60000, false, &flag, &state, &err));
    MUST(store_action_begin(store, &old, &err));
    MUST(store_action_end(store, &old, "other", 0, 200, &err));
    MUST(store_decision_add(store, &(struct decision){0, "orders", 100, old.id, "repair", "r", "{}"}, &err));
    running = action_of("orders", ACTION_SCALE_UP, 1000);
    MUST(store_action_begin(store, &running, &err));
    if (deeds[_i].open_step)
        MUST(intend(store));
    snprintf(trigger, sizeof(trigger),
             "CREATE TRIGGER broken BEFORE %s BEGIN SELECT raise(ABORT, 'broken'); END", deeds[_i].breaks);
    change_file(path, trigger);
    before = contents(path, &before_size);
    MUST_FAIL(deeds[_i].deed(store), ERROR_BUG, "broken");
    after = contents(path, &after_size);
    ck_assert(before_size == after_size && memcmp(before, after, (size_t)before_size) == 0);
    change_file(path, "DROP TRIGGER broken"); /* the handle is not stuck in a transaction */
    ck_assert_msg(deeds[_i].deed(store) == 0, "%s", err.message);
    sqlite3_free(before);
    sqlite3_free(after);
    store_close(store);
}
END_TEST

struct writer {
    const char *path;
    int pipe;
};

/* Whole lives of actions, one after the other, until it is killed; each end is told to the parent. */
static int live_until_killed(void *context)
{
    struct writer *writer = context;
    struct store *store = NULL;
    struct error error = {0};

    if (store_open(writer->path, &store, &error) < 0)
        return 1;
    for (int64_t now_ms = 1;; now_ms += 10) {
        struct action action = action_of("orders", ACTION_SCALE_UP, now_ms + 1);
        struct operation operation = {OPERATION_SPLIT, "shardId-000000000000", "", (hashkey)1 << 127, 5};
        struct notification notification = alarm_of("orders", "", now_ms);
        struct stream_state state;
        bool is_new, taken;

        snprintf(notification.message_id, sizeof(notification.message_id), "m%lld", (long long)now_ms);
        if (store_notification_add(store, &notification, &is_new, &error) < 0 ||
            store_lock_take(store, "orders", "host:1", now_ms, 1000, true, &taken, &state, &error) < 0 ||
            !taken || store_action_begin(store, &action, &error) < 0 ||
            store_step_intend(store, &action, &operation, now_ms + 2, &error) < 0 ||
            store_step_close(store, &action, STEP_ACCEPTED, "", now_ms + 3, &error) < 0 ||
            store_action_end(store, &action, "host:1", now_ms + 5, now_ms + 4, &error) < 0 ||
            write(writer->pipe, &now_ms, sizeof(now_ms)) != sizeof(now_ms))
            return 2;
    }
}

START_TEST(a_kill_at_any_moment_leaves_all_of_a_step_or_nothing_of_it)
{
    char path[160];
    int64_t told = 0, acted;
    int ends[2], status;
    pid_t child;

    snprintf(path, sizeof(path), "%s", database_path());
    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0)
        _exit(live_until_killed(&(struct writer){path, ends[1]}));
    (void)close(ends[1]);
    /* Another number of lives, and another place in the next one, with each round. */
    for (int i = 0; i < 3 + _i; i++)
        ck_assert_int_eq(read(ends[0], &told, sizeof(told)), sizeof(told));
    clock_sleep_ms(clock_system(), _i % 3);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    while (read(ends[0], &told, sizeof(told)) == sizeof(told)) {
    }
    (void)close(ends[0]);

    store_close(open_store(path));
    acted = ask_file(path, "SELECT count(*) FROM notifications WHERE status = 2");
    ck_assert_int_ge(acted, told / 10 + 1); /* what was acknowledged is there */
    ck_assert_int_le(acted, told / 10 + 2);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM actions WHERE state = 5"), acted);
    ck_assert_int_eq(ask_file(path, "SELECT cooldown_until_ms FROM streams"), (acted - 1) * 10 + 6);
    /* A step that is open belongs to an action that is INTENDED, and the other way round. */
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM actions WHERE state = 1 AND id NOT IN"
                                    " (SELECT action_id FROM steps)"),
                     0);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM steps WHERE outcome = 0 AND action_id IN"
                                    " (SELECT id FROM actions WHERE state <> 1)"),
                     0);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}
END_TEST

static int open_and_write(void *path)
{
    struct store *store = NULL;
    struct error error = {0};

    if (store_open(path, &store, &error) < 0)
        return 1;
    if (store_probe(store, 1, &error) < 0)
        return 2;
    store_close(store);
    return 0;
}

START_TEST(many_processes_may_create_the_same_file_at_once)
{
    char path[160];
    pid_t children[8];

    snprintf(path, sizeof(path), "%s", database_path());
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(open_and_write(path));
    }
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        int status;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %zu: %x", i, status);
    }
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM probe"), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store crash");
    TCase *trouble = tcase_create("trouble");

    tcase_set_timeout(trouble, 60);
    tcase_add_test(trouble, many_processes_may_create_the_same_file_at_once);
    tcase_add_test(trouble, a_locked_database_is_waited_for_and_then_named);
    tcase_add_test(trouble, a_file_that_is_no_more_where_it_was_is_named);
    tcase_add_test(trouble, a_full_disk_fails_whole_writes_and_nothing_else);
    tcase_add_loop_test(trouble, a_kill_at_any_moment_leaves_all_of_a_step_or_nothing_of_it, 0, 12);
    tcase_add_loop_test(trouble, a_write_that_fails_in_the_middle_is_undone_as_a_whole, 0, COUNT_OF(deeds));
    suite_add_tcase(made, trouble);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
