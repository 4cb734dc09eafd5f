/*
 * A file of an older program: it is brought up to date, and nothing of what it holds is lost.
 */
#include "../../src/store/handle.h"
#include "base/file.h"
#include "base/memory.h"
#include "store_support.h"
#include "support.h"

#include <glob.h>

static struct error err;

/* What every schema since the first can hold: one of each, and ids that were given before and forgotten. */
static const char contents[] =
    "INSERT INTO streams (stream, due_ms, due_reasons, cooldown_until_ms) VALUES ('orders', 500, 3, 400);"
    "INSERT INTO actions (id, stream, kind, state, rule, owner, started_ms, ended_ms, from_shards, to_shards,"
    " goal_shards, goal_basis, state_since_ms, reason) VALUES"
    " (7, 'orders', 0, 2, 100, 'a', 100, 0, 4, 8, 8, 0, 200, 'because'),"
    " (12, 'clicks', 2, 2, 100, 'c', 10, 0, 1, 1, 0, 0, 20, 'repair');"
    "UPDATE actions SET state = 5, ended_ms = started_ms + 100;"
    "DELETE FROM actions WHERE id = 12;"
    "INSERT INTO actions (id, stream, kind, state, rule, owner, started_ms, ended_ms, from_shards, to_shards,"
    " goal_shards, goal_basis, state_since_ms, reason) VALUES"
    " (9, 'orders', 1, 2, 20, 'b', 300, 0, 8, 7, 4, 0, 310, 'a quiet day');"
    "INSERT INTO steps (action_id, sequence, stream, kind, shard, adjacent, new_start, target, intended_ms,"
    " ended_ms, active_ms, outcome) VALUES"
    " (7, 1, 'orders', 0, 'shardId-000000000000', '', '17', 5, 110, 120, 130, 1),"
    " (9, 1, 'orders', 1, 'shardId-000000000001', 'shardId-000000000002', '', 7, 305, 0, 0, 0);"
    "INSERT INTO notifications (message_id, topic_arn, alarm_name, stream, shard, metric, new_state, "
    "changed_ms,"
    " received_ms, status, action_id) VALUES ('m-1', 't', 'a', 'orders', '', 'IncomingBytes', 'ALARM', 90, "
    "95,"
    " 2, 7), ('m-2', 't', 'a', 'orders', '', 'IncomingBytes', 'ALARM', 290, 295, 1, NULL);"
    "INSERT INTO decisions (stream, at_ms, action_id, verdict, reason, inputs) VALUES"
    " ('orders', 100, 7, 'reshard', 'because', '{}');";

/* A file as the program with only the first `version` migrations left it. */
static void write_old(const char *path, int version)
{
    glob_t files = {0};
    char stamp[96];

    ck_assert_int_eq(glob("migrations/[0-9]*.sql", 0, NULL, &files), 0);
    ck_assert_uint_eq(files.gl_pathc, (size_t)store_known_schema());
    for (int i = 0; i < version; i++) {
        char *sql;
        size_t length;

        MUST(file_read(files.gl_pathv[i], 1 << 20, &sql, &length, &err));
        change_file(path, sql);
        free(sql);
    }
    globfree(&files);
    change_file(path, contents);
    if (version >= 2)
        change_file(path,
                    "INSERT INTO goals VALUES (9, 0, '0'), (9, 1, '85070591730234615865843651857942052864')");
    snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             STORE_APPLICATION_ID, version);
    change_file(path, stamp);
}

static void assert_history(struct store *store)
{
    SCOPED(action_list_clear) struct action_list actions = {0};
    SCOPED(step_list_stored_clear) struct step_list_stored steps = {0};
    SCOPED(notification_list_clear) struct notification_list notes = {0};
    struct action_totals totals;
    struct stream_state state;

    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert(state.due_ms == 500 && state.due_reasons == 3 && state.cooldown_until_ms == 400);
    ck_assert_int_eq(state.paused_until_ms, 0);
    MUST(store_actions_recent(store, NULL, 10, &actions, &err));
    ck_assert_uint_eq(actions.count, 2);
    ck_assert(actions.items[0].id == 9 && actions.items[0].kind == ACTION_SCALE_DOWN &&
              actions.items[0].state == ACTION_WAITING && actions.items[0].goal_shards == 4);
    ck_assert(actions.items[1].id == 7 && actions.items[1].ended_ms == 200);
    ck_assert_str_eq(actions.items[1].reason, "because");
    MUST(store_steps(store, 9, &steps, &err));
    ck_assert(steps.count == 1 && steps.items[0].outcome == STEP_OPEN);
    MUST(store_notifications_recent(store, "orders", -1, 10, &notes, &err));
    ck_assert(notes.count == 2 && notes.items[1].action_id == 7);
    MUST(store_action_totals(store, &totals, &err));
    ck_assert(totals.actions[ACTION_SCALE_UP] == 1 && totals.actions[ACTION_SCALE_DOWN] == 1 &&
              totals.actions[ACTION_REPAIR] == 1 && totals.running == 1);
}

/* Loop: from the first schema to the one before the newest. */
START_TEST(an_older_file_is_brought_up_to_date_with_all_it_holds)
{
    const char *path = database_path();
    struct action next = action_of("clicks", ACTION_SCALE_UP, 600);
    struct action second = action_of("orders", ACTION_SCALE_UP, 600);
    struct action running;
    struct store *store;
    hashkey *starts;
    size_t count;
    bool found;

    write_old(path, _i);
    store = open_store(path);
    ck_assert_int_eq(store_schema_version(store), store_known_schema());
    assert_history(store);
    MUST(store_goal_load(store, 9, &starts, &count, &err));
    ck_assert_uint_eq(count, _i >= 2 ? 2 : 0);
    free(starts);

    /* Ids are not given twice, one action per stream, and what hung on an action still does. */
    MUST(store_action_begin(store, &next, &err));
    ck_assert_int_eq(next.id, 13);
    MUST_FAIL(store_action_begin(store, &second, &err), ERROR_BUSY, "running already");
    MUST(store_action_current(store, "orders", &running, &found, &err));
    ck_assert(found);
    MUST(store_step_close(store, &running, STEP_ACCEPTED, "", 320, &err));
    running.ended_ms = 330;
    MUST(store_action_end(store, &running, "b", 0, 330, &err));
    MUST(store_stream_pause(store, "orders", 900, 340, &err));
    store_close(store);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    ck_assert_int_eq(
        ask_file(path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM totals WHERE what = 'running' AND count = 1"), 1);
}
END_TEST

/* Whatever way it took, the schema is the same. */
START_TEST(an_upgraded_file_has_the_schema_of_a_new_one)
{
    static const char objects[] = "SELECT count(*) FROM sqlite_schema";
    char path[256], fresh[264];

    snprintf(path, sizeof(path), "%s", database_path());
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    write_old(path, _i);
    store_close(open_store(path));
    store_close(open_store(fresh));
    ck_assert_int_eq(ask_file(path, objects), ask_file(fresh, objects));
}
END_TEST

START_TEST(a_deleted_action_takes_its_steps_along_after_an_upgrade)
{
    const char *path = database_path();
    struct store *store;
    struct pruned pruned;

    write_old(path, _i);
    store = open_store(path);
    MUST(store_prune(store, 250, &pruned, &err));
    ck_assert_int_eq(pruned.rows, 3); /* notification, decision, action */
    store_close(store);
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM steps"), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("store_upgrade");
    TCase *tcase = tcase_create("upgrade");

    tcase_add_loop_test(tcase, an_older_file_is_brought_up_to_date_with_all_it_holds, 1,
                        store_known_schema());
    tcase_add_loop_test(tcase, an_upgraded_file_has_the_schema_of_a_new_one, 1, store_known_schema());
    tcase_add_loop_test(tcase, a_deleted_action_takes_its_steps_along_after_an_upgrade, 1,
                        store_known_schema());
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
