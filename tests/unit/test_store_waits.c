/*
 * Which writes have reached the disk when their function returns, and which ride along with a later one.
 *
 * SQLite's calls of fdatasync() and fsync() land here first.
 */
#include "base/memory.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/notifications.h"
#include "store/streams.h"
#include "store_support.h"
#include "support.h"

#include <sqlite3.h>
#include <sys/syscall.h>

static int waits;

int fdatasync(int descriptor)
{
    waits++;
    return (int)syscall(SYS_fdatasync, descriptor);
}

int fsync(int descriptor)
{
    waits++;
    return (int)syscall(SYS_fsync, descriptor);
}

static struct error err;
static struct store *store;
static struct action action;

static void notify(void)
{
    struct notification n = {.message_id = "m1", .stream = "orders", .alarm_name = "a", .new_state = "ALARM"};
    bool is_new;

    MUST(store_notification_add(store, &n, &is_new, &err));
}

static void learn(void)
{
    MUST(store_alarm_learn(store, "orders", "math", 1, &err));
}

static void lock(void)
{
    struct stream_state state;
    bool taken;

    MUST(store_lock_take(store, "orders", "us", 10, 1000, false, &taken, &state, &err));
    ck_assert(taken);
}

static void begin(void)
{
    action = (struct action){.stream = "orders", .owner = "us", .kind = ACTION_SCALE_UP};
    MUST(store_action_begin(store, &action, &err));
}

static void see(void)
{
    MUST(store_stream_seen(store, "orders", 2, 2, 10, &err));
}

static void decide(void)
{
    struct decision decision = {.stream = "orders", .verdict = "reshard", .reason = "why", .inputs = "{}"};

    MUST(store_decision_add(store, &decision, &err));
}

static void intend(void)
{
    struct operation split = {.kind = OPERATION_SPLIT, .shard = "shardId-000000000000", .new_start = 7};

    MUST(store_step_intend(store, &action, &split, 10, &err));
}

static void close_step(void)
{
    MUST(store_step_close(store, &action, STEP_ACCEPTED, "", 20, &err));
}

static void set_due(void)
{
    struct stream_state state;

    MUST(store_stream_load(store, "orders", &state, &err));
    MUST(store_stream_set_due(store, &state, 99, DUE_ACTION, &err));
}

static void end(void)
{
    MUST(store_action_end(store, &action, "us", 5000, 30, &err));
}

static void unlock(void)
{
    MUST(store_lock_release(store, "orders", "us", 0, &err));
}

/* In the order of a turn; each needs those before it. */
static const struct {
    const char *name;
    void (*write)(void);
    bool is_waited_for;
} writes[] = {
    {"a learned alarm", learn, false},
    {"a notification", notify, true},
    {"a lock", lock, false},
    {"the beginning of an action", begin, false},
    {"what was seen", see, false},
    {"a decision", decide, false},
    {"an intended step", intend, true},
    {"the outcome of a step", close_step, true},
    {"a due time", set_due, false},
    {"the end of an action", end, true},
    {"the release of a lock", unlock, false},
};

START_TEST(only_what_cannot_be_found_again_is_waited_for)
{
    store = open_store(database_path());
    for (size_t i = 0; i < COUNT_OF(writes); i++) {
        waits = 0;
        writes[i].write();
        ck_assert_msg((waits > 0) == writes[i].is_waited_for, "%s: %d waits", writes[i].name, waits);
    }
    store_close(store);
}
END_TEST

START_TEST(a_hundred_notifications_in_one_transaction_are_waited_for_once)
{
    struct store *transaction = NULL;

    store = open_store(database_path());
    waits = 0;
    MUST(store_begin(store, &transaction, &err));
    for (int i = 0; i < 100; i++) {
        struct notification n = {.stream = "orders", .alarm_name = "a", .new_state = "ALARM"};
        bool is_new;

        snprintf(n.message_id, sizeof(n.message_id), "m%d", i);
        learn();
        MUST(store_notification_add(store, &n, &is_new, &err));
    }
    ck_assert_int_eq(waits, 0);
    MUST(store_commit(&transaction, &err));
    ck_assert_int_ge(waits, 1);
    ck_assert_int_le(waits, 2);
    store_close(store);
}
END_TEST

START_TEST(a_write_that_failed_in_a_hurry_leaves_no_hurry_behind)
{
    const char *path = database_path();
    struct stream_state state;
    sqlite3 *other;
    bool taken;

    store = open_store(path);
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    store_set_busy_timeout(store, 0);
    MUST_FAIL(store_lock_take(store, "orders", "us", 10, 1000, false, &taken, &state, &err), ERROR_STORE,
              "locked");
    ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
    waits = 0;
    notify();
    ck_assert_int_gt(waits, 0);
    store_close(store);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("store waits");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, only_what_cannot_be_found_again_is_waited_for);
    tcase_add_test(tcase, a_hundred_notifications_in_one_transaction_are_waited_for_once);
    tcase_add_test(tcase, a_write_that_failed_in_a_hurry_leaves_no_hurry_behind);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
