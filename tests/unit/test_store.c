/*
 * The file as a whole: opening, refusing, upgrading, forgetting.
 */
#include "../../src/store/handle.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/decisions.h"
#include "store_support.h"
#include "support.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

static struct error err;

static void write_bytes(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "we");

    ck_assert(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
}

/* Refused with this text, and the file is byte for byte as before. */
static void check_refused(const char *path, const char *part)
{
    size_t before_length, after_length;
    char *before = NULL, *after = NULL;
    struct store *store = NULL;

    MUST(file_read(path, 64 << 20, &before, &before_length, &err));
    MUST_FAIL(store_open(path, &store, &err), ERROR_CONFIG, part);
    ck_assert_msg(strstr(err.message, path) != NULL, "%s", err.message);
    MUST_FAIL(store_open_readonly(path, &store, &err), ERROR_CONFIG, part);
    ck_assert_ptr_null(store);
    MUST(file_read(path, 64 << 20, &after, &after_length, &err));
    ck_assert(before_length == after_length && memcmp(before, after, before_length) == 0);
    free(before);
    free(after);
}

START_TEST(a_new_file_is_private_whatever_the_umask_and_remembers)
{
    const char *path = database_path();
    const char *const suffixes[] = {"", "-wal", "-shm"};
    struct store *store;
    struct stream_state state;
    mode_t before = umask(0);

    store = open_store(path);
    (void)umask(before);
    MUST(store_stream_make_due(store, "orders", 77, DUE_REPAIR, &err));
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char name[160];
        struct stat found;

        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        ck_assert_int_eq(stat(name, &found), 0);
        ck_assert_msg((found.st_mode & 0777) == 0600, "%s has mode %o", name, found.st_mode & 0777);
    }
    ck_assert_int_eq(store_schema_version(store), store_known_schema());
    store_close(store);

    store = open_store(path);
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert_int_eq(state.due_ms, 77);
    ck_assert_uint_eq(state.due_reasons, DUE_REPAIR);
    store_close(store);
    ck_assert_int_eq(ask_file(path, "PRAGMA application_id"), 0x4b736361);
    ck_assert_int_eq(ask_file(path, "PRAGMA user_version"), store_known_schema());
}
END_TEST

START_TEST(a_database_in_memory_dies_with_its_handle)
{
    struct store *store = open_store(":memory:");
    struct stream_state_list list = {0};

    MUST(store_stream_make_due(store, "orders", 1, DUE_ACTION, &err));
    store_close(store);
    store = open_store(":memory:");
    MUST(store_streams_all(store, &list, &err));
    ck_assert_uint_eq(list.count, 0);
    store_close(store);
    store_close(NULL);
}
END_TEST

START_TEST(a_reader_needs_a_file_and_cannot_write)
{
    const char *path = database_path();
    struct store *store = NULL, *reader = NULL;
    struct stream_state state;

    MUST_FAIL(store_open_readonly(path, &reader, &err), ERROR_NOT_FOUND, path);
    ck_assert_int_ne(access(path, F_OK), 0);
    store = open_store(path);
    MUST(store_stream_make_due(store, "orders", 5, DUE_ACTION, &err));
    MUST(store_open_readonly(path, &reader, &err));
    MUST(store_stream_load(reader, "orders", &state, &err));
    ck_assert_int_eq(state.due_ms, 5);
    MUST_FAIL(store_stream_make_due(reader, "orders", 4, DUE_ACTION, &err), ERROR_STORE, "readonly");
    MUST(store_stream_make_due(store, "orders", 3, DUE_ACTION, &err));
    MUST(store_stream_load(reader, "orders", &state, &err));
    ck_assert_int_eq(state.due_ms, 3);
    store_close(store);
    store_close(reader);
}
END_TEST

START_TEST(a_reader_refuses_a_file_whose_schema_is_still_to_come)
{
    const char *path = database_path();
    struct store *reader = NULL;
    char complaint[64];

    write_text(path, "");
    snprintf(complaint, sizeof(complaint), "has schema 0, this program needs %d:", store_known_schema());
    MUST_FAIL(store_open_readonly(path, &reader, &err), ERROR_CONFIG, complaint);
    store_close(open_store(path)); /* an empty file is what a kill right after creating leaves */
    MUST(store_open_readonly(path, &reader, &err));
    store_close(reader);
}
END_TEST

START_TEST(a_file_from_a_newer_program_is_refused_and_not_touched)
{
    const char *path = database_path();
    char complaint[64];

    store_close(open_store(path));
    change_file(path, "PRAGMA user_version = 99");
    snprintf(complaint, sizeof(complaint),
             "has schema 99, this program knows only %d:", store_known_schema());
    check_refused(path, complaint);
    ck_assert_int_eq(ask_file(path, "PRAGMA user_version"), 99);
}
END_TEST

static int leave_a_log_behind(void *path)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL) != SQLITE_OK)
        return 1;
    return 0; /* not closed: the change stands in the -wal file alone */
}

START_TEST(a_newer_file_that_was_not_closed_keeps_its_log)
{
    char path[160], log[170];
    size_t before, after;
    char *text = NULL;

    snprintf(path, sizeof(path), "%s", database_path());
    snprintf(log, sizeof(log), "%s-wal", path);
    store_close(open_store(path));
    ck_assert_int_eq(in_child(leave_a_log_behind, path), 0);
    MUST(file_read(log, 64 << 20, &text, &before, &err));
    free(text);
    ck_assert_uint_gt(before, 0);
    check_refused(path, "has schema 99");
    MUST(file_read(log, 64 << 20, &text, &after, &err));
    free(text);
    ck_assert_uint_eq(before, after);
}
END_TEST

START_TEST(what_is_no_database_of_ours_is_refused_and_not_touched)
{
    static const char zeros[8192];
    static const char text[] = "[service]\nlisten = 0.0.0.0:8080\n";
    const char *path = database_path();
    struct store *store = NULL;

    write_bytes(path, text, sizeof(text));
    check_refused(path, "file is not a database");
    write_bytes(path, "xy", 2);
    check_refused(path, "file is not a database");
    write_bytes(path, zeros, sizeof(zeros));
    check_refused(path, "file is not a database");
    ck_assert_int_eq(unlink(path), 0);
    change_file(path, "CREATE TABLE songs (title)");
    check_refused(path, "is the database of another program");
    MUST_FAIL(store_open("/", &store, &err), ERROR_CONFIG, "database '/'");
    MUST_FAIL(store_open("", &store, &err), ERROR_CONFIG, "cannot create database ''");
    MUST_FAIL(store_open("/nowhere/at/all.db", &store, &err), ERROR_CONFIG, "No such file or directory");
}
END_TEST

static void fill(struct store *store, int count)
{
    for (int i = 0; i < count; i++) {
        struct notification notification;
        char id[32];
        bool is_new;

        snprintf(id, sizeof(id), "message-%d", i);
        notification = alarm_of("orders", id, 1000 + i);
        MUST(store_notification_add(store, &notification, &is_new, &err));
        ck_assert(is_new);
    }
}

START_TEST(a_truncated_or_overwritten_file_is_refused_with_what_to_do)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct stat whole;
    int file;

    fill(store, 200);
    store_close(store);
    ck_assert_int_eq(stat(path, &whole), 0);
    ck_assert_int_gt(whole.st_size, 20 * 4096);
    ck_assert_int_eq(truncate(path, whole.st_size / 4096 / 2 * 4096), 0);
    check_refused(path, "and begin with a new one");

    ck_assert_int_eq(unlink(path), 0);
    store = open_store(path);
    fill(store, 200);
    store_close(store);
    file = open(path, O_WRONLY | O_CLOEXEC);
    for (off_t at = 4096 * 3; at < whole.st_size; at += 4096 * 5)
        ck_assert_int_eq(pwrite(file, "all work and no play", 20, at), 20);
    (void)close(file);
    check_refused(path, "is damaged");
}
END_TEST

enum { NOBODY = 65534 };

/* Root may write everywhere; so a child becomes nobody first, who must get as far as the folder. */
static bool become_nobody(void)
{
    return geteuid() != 0 || (setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

/* The folder of a file; the test's own, and nobody's when we are root. */
static void folder_of(const char *path, char *ret_folder, size_t size)
{
    char above[180];

    snprintf(ret_folder, size, "%.*s", (int)(strrchr(path, '/') - path), path);
    snprintf(above, sizeof(above), "%s/..", ret_folder);
    ck_assert(geteuid() != 0 || (chmod(above, 0711) == 0 && chown(ret_folder, NOBODY, NOBODY) == 0));
}

static int open_as_nobody(void *path)
{
    struct store *store = NULL;
    struct error error = {0};

    if (!become_nobody())
        return 1;
    if (store_open(path, &store, &error) == 0)
        return 2;
    return error.kind == ERROR_CONFIG && strstr(error.message, path) != NULL ? 0 : 3;
}

START_TEST(a_directory_that_cannot_be_written_is_the_operators_matter)
{
    char path[160], directory[160];

    snprintf(path, sizeof(path), "%s", database_path());
    folder_of(path, directory, sizeof(directory));
    ck_assert_int_eq(chmod(directory, 0555), 0);
    ck_assert_int_eq(in_child(open_as_nobody, path), 0); /* missing, cannot be created */
    ck_assert_int_eq(chmod(directory, 0755), 0);
    store_close(open_store(path));
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(chmod(directory, 0555), 0);
    ck_assert_int_eq(in_child(open_as_nobody, path), 0); /* there, cannot be written */
    ck_assert_int_eq(chmod(directory, 0755), 0);
}
END_TEST

/* With the unit, commands are run as root: the service must go on writing. */
START_TEST(what_root_makes_beside_the_database_of_another_belongs_to_that_one)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char path[160], beside[170];
    struct stat found;
    struct store *store;

    if (geteuid() != 0) {
        printf("skipped: only root may write to everybody's files\n");
        return;
    }
    snprintf(path, sizeof(path), "%s", database_path());
    store_close(open_store(path));
    ck_assert_int_eq(chown(path, NOBODY, NOBODY), 0);
    store = open_store(path);
    MUST(store_stream_make_due(store, "orders", 1, DUE_ACTION, &err));
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        snprintf(beside, sizeof(beside), "%s%s", path, endings[i]);
        ck_assert_int_eq(stat(beside, &found), 0);
        ck_assert_msg(found.st_uid == NOBODY && found.st_gid == NOBODY, "%s is of user %u", beside,
                      (unsigned)found.st_uid);
    }
    store_close(store);
}
END_TEST

/* Which of the three files we may only read; all, or one that a reader left beside a file that was read-only then. */
static const struct {
    const char *refused[3];
} read_only[] = {{{""}}, {{"-wal"}}, {{"-shm"}}, {{"", "-wal", "-shm"}}};

struct read_only_case {
    const char *path;
    const char *const *refused;
};

static int is_refused_by_name(void *context)
{
    const struct read_only_case *tried = context;
    struct store *store = NULL;
    struct error error = {0};
    char expected[400];
    size_t length;

    if (!become_nobody())
        return 1;
    if (store_open(tried->path, &store, &error) == 0)
        return 2;
    length =
        (size_t)snprintf(expected, sizeof(expected),
                         "database '%s' can be read only; give its user the right to write ", tried->path);
    for (size_t i = 0; i < COUNT_OF(read_only[0].refused) && tried->refused[i] != NULL; i++)
        length += (size_t)snprintf(expected + length, sizeof(expected) - length, "%s'%s%s'",
                                   i > 0 ? ", " : "", tried->path, tried->refused[i]);
    snprintf(expected + length, sizeof(expected) - length, ": Permission denied");
    if (error.kind != ERROR_CONFIG || strcmp(error.message, expected) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 3;
    }
    return store_open_readonly(tried->path, &store, &error) == 0 ? 0 : 4;
}

START_TEST(files_that_can_only_be_read_are_refused_by_name_but_to_readers)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char path[160], directory[160], beside[170];
    struct read_only_case tried = {path, read_only[_i].refused};
    struct store *store;

    snprintf(path, sizeof(path), "%s", database_path());
    folder_of(path, directory, sizeof(directory));
    store = open_store(path); /* stays open: -wal and -shm stand beside it */
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        mode_t mode = 0600;

        for (size_t j = 0; j < COUNT_OF(read_only[0].refused) && tried.refused[j] != NULL; j++) {
            if (strcmp(endings[i], tried.refused[j]) == 0)
                mode = 0400;
        }
        snprintf(beside, sizeof(beside), "%s%s", path, endings[i]);
        ck_assert(geteuid() != 0 || chown(beside, NOBODY, NOBODY) == 0);
        ck_assert_int_eq(chmod(beside, mode), 0);
    }
    ck_assert_int_eq(in_child(is_refused_by_name, &tried), 0);
    store_close(store);
}
END_TEST

START_TEST(old_rows_are_forgotten_and_what_still_counts_is_kept)
{
    struct store *store = open_store(":memory:");
    int64_t counts[NOTIFICATION_STATUS_COUNT];
    struct action action = action_of("orders", ACTION_SCALE_UP, 100), running;
    struct operation operation = {OPERATION_UPDATE, .target = 6};
    struct action_totals totals;
    struct notification_list left = {0};
    struct decision_list thoughts = {0};
    struct action_list actions = {0};
    struct step_list_stored steps = {0};
    struct pruned pruned;
    bool dead;

    fill(store, 5);
    MUST(store_action_begin(store, &action, &err));
    MUST(store_step_intend(store, &action, &operation, 110, &err));
    MUST(store_step_close(store, &action, STEP_ACCEPTED, NULL, 120, &err));
    MUST(store_decision_add(store, &(struct decision){0, "orders", 90, action.id, "reshard", "r", "{}"},
                            &err));
    MUST(store_decision_add(store, &(struct decision){0, "orders", 2000, action.id, "enough", "r", "{}"},
                            &err));
    MUST(store_notification_set(store, 1, NOTIFICATION_DROPPED, "old", 0, &err));
    MUST(store_notification_set(store, 2, NOTIFICATION_ACTED, "", action.id, &err));
    for (int i = 0; i < 3; i++)
        MUST(store_notification_failed(store, 3, "no access", &dead, &err));
    MUST(store_notification_set(store, 5, NOTIFICATION_DROPPED, "newer", 0, &err));
    MUST(store_action_end(store, &action, "me", 0, 1000, &err));
    running = action_of("orders", ACTION_SCALE_UP, 200);
    MUST(store_action_begin(store, &running, &err));

    MUST(store_prune(store, 1002, &pruned, &err)); /* received_ms are 1000 to 1004 */
    ck_assert_int_eq(pruned.rows, 4);              /* notifications 1 and 2, one decision, one action */
    ck_assert_int_eq(pruned.dead_letters, 0);
    MUST(store_notifications_recent(store, NULL, -1, 100, &left, &err));
    ck_assert_uint_eq(left.count, 3);
    ck_assert(left.items[0].id == 5 && left.items[1].id == 4 && left.items[2].id == 3);
    MUST(store_decisions_recent(store, NULL, 10, &thoughts, &err));
    ck_assert_uint_eq(thoughts.count, 1);
    ck_assert_int_eq(thoughts.items[0].action_id, 0); /* the action it led to is forgotten */
    MUST(store_actions_recent(store, NULL, 10, &actions, &err));
    ck_assert(actions.count == 1 && actions.items[0].id == running.id);
    MUST(store_steps(store, action.id, &steps, &err));
    ck_assert_uint_eq(steps.count, 0);
    MUST(store_notification_counts(store, counts, &err));
    ck_assert(counts[NOTIFICATION_ACTED] == 1 && counts[NOTIFICATION_DROPPED] == 2);
    ck_assert(counts[NOTIFICATION_DEAD] == 1 && counts[NOTIFICATION_PENDING] == 1);
    MUST(store_action_totals(store, &totals, &err));
    ck_assert(totals.actions[ACTION_SCALE_UP] == 2 && totals.running == 1);
    ck_assert_int_eq(totals.steps[OPERATION_UPDATE][STEP_ACCEPTED], 1);
    MUST(store_prune(store, 1002, &pruned, &err));
    ck_assert_int_eq(pruned.rows, 0);
    notification_list_clear(&left);
    decision_list_clear(&thoughts);
    action_list_clear(&actions);
    step_list_stored_clear(&steps);
    store_close(store);
}
END_TEST

/* It counts as dropped from then on, as if an operator had done it. */
START_TEST(a_dead_letter_that_nobody_wanted_is_forgotten_in_the_end)
{
    struct store *store = open_store(":memory:");
    int64_t counts[NOTIFICATION_STATUS_COUNT];
    struct notification_list left = {0};
    struct dead_letters dead;
    struct pruned pruned;
    bool is_dead;

    fill(store, 2);
    for (int i = 0; i < 3; i++)
        MUST(store_notification_failed(store, 1, "no access", &is_dead, &err));
    MUST(store_prune(store, 1000, &pruned, &err)); /* received_ms are 1000 and 1001 */
    ck_assert(pruned.rows == 0 && pruned.dead_letters == 0);
    MUST(store_prune(store, 5000, &pruned, &err));
    ck_assert(pruned.rows == 1 && pruned.dead_letters == 1);
    MUST(store_notifications_recent(store, NULL, -1, 100, &left, &err));
    ck_assert(left.count == 1 && left.items[0].status == NOTIFICATION_PENDING);
    MUST(store_notification_counts(store, counts, &err));
    ck_assert(counts[NOTIFICATION_DEAD] == 0 && counts[NOTIFICATION_DROPPED] == 1);
    MUST(store_dead_letters(store, &dead, &err));
    ck_assert(dead.count == 0 && dead.oldest_ms == 0);
    notification_list_clear(&left);
    store_close(store);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store");
    TCase *opening = tcase_create("opening");

    tcase_set_timeout(opening, 60);
    tcase_add_test(opening, a_new_file_is_private_whatever_the_umask_and_remembers);
    tcase_add_test(opening, a_database_in_memory_dies_with_its_handle);
    tcase_add_test(opening, a_reader_needs_a_file_and_cannot_write);
    tcase_add_test(opening, a_reader_refuses_a_file_whose_schema_is_still_to_come);
    tcase_add_test(opening, a_file_from_a_newer_program_is_refused_and_not_touched);
    tcase_add_test(opening, a_newer_file_that_was_not_closed_keeps_its_log);
    tcase_add_test(opening, what_is_no_database_of_ours_is_refused_and_not_touched);
    tcase_add_test(opening, a_truncated_or_overwritten_file_is_refused_with_what_to_do);
    tcase_add_test(opening, a_directory_that_cannot_be_written_is_the_operators_matter);
    tcase_add_test(opening, what_root_makes_beside_the_database_of_another_belongs_to_that_one);
    tcase_add_loop_test(opening, files_that_can_only_be_read_are_refused_by_name_but_to_readers, 0,
                        COUNT_OF(read_only));
    tcase_add_test(opening, old_rows_are_forgotten_and_what_still_counts_is_kept);
    tcase_add_test(opening, a_dead_letter_that_nobody_wanted_is_forgotten_in_the_end);
    suite_add_tcase(made, opening);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
