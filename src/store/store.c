/*
 * store.c - opening and closing the file, and what concerns all of it.
 *
 * DESIGN  Nothing is written before store_check() has accepted the file.  Every
 * write is one statement or one BEGIN IMMEDIATE transaction, so that a process
 * that dies leaves all of it or nothing.
 */
#include "store/store.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_PAUSE_MS = 10 };

/* How every writing connection is set up; journal_mode has a function of its own. */
static const char settings[] = "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA journal_size_limit = 67108864;";

/*
 * With mode 0600 from its first moment, whatever the umask.  Not by open(): closing a file drops all locks
 * that this process has on it, those of other handles too.  SQLite gives -wal and -shm the same mode.
 */
static int create_file(const char *path, struct error *err)
{
    if (mknod(path, S_IFREG | 0600, 0) == 0 || errno == EEXIST)
        return 0;
    return error_set(err, errno == ENOSPC || errno == EDQUOT ? ERROR_STORE : ERROR_CONFIG,
                     "cannot create database '%s': %s", path, strerror(errno));
}

static int open_connection(struct store *store, int flags, struct error *err)
{
    /* One handle per thread, so SQLite needs no mutex around each call. */
    if (sqlite3_open_v2(store->path, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
        SQLITE_OK)
        return store_refused(store, err);
    store_set_busy_timeout(store, STORE_BUSY_TIMEOUT_MS);
    /* Until the file is known to be ours, closing it must not write to it. */
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return store_prepare(store, TABLELESS_COUNT, err);
}

/*
 * What may not be written SQLite opens for reading, and says so at the first write only.  -wal and -shm may have been
 * made by somebody who could only read, with the mode the file had then: they would outlive a chmod of the file.
 */
static int check_writable(const struct store *store, struct error *err)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    const char *main_file =
        sqlite3_db_filename(store->db, "main"); /* where a link leads to; "" for :memory: */
    SCOPED(buffer_clear) struct buffer refused = {.ceiling = sizeof(err->message)};
    int failure = 0;

    for (size_t i = 0; *main_file != '\0' && i < COUNT_OF(endings); i++) {
        SCOPED(free_text) char *path = must_printf("%s%s", main_file, endings[i]);

        if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 || errno == ENOENT)
            continue;
        failure = errno;
        /* What does not fit would not fit into the message either. */
        (void)buffer_printf(&refused, err, "%s'%s'", refused.length > 0 ? ", " : "", path);
    }
    if (failure == 0)
        return 0;
    return error_set(err, ERROR_CONFIG,
                     "database '%s' can be read only; give its user the right to write %s: %s", store->path,
                     buffer_text(&refused), strerror(failure));
}

static int journal_mode(struct store *store, const char *sql, char mode[16])
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &row, NULL);

    if (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        row_text(row, 0, mode, 16);
        code = SQLITE_OK;
    }
    (void)sqlite3_finalize(row);
    return code;
}

/* The change of mode needs the file for itself and does not wait for it as other statements do. */
static int use_wal(struct store *store, struct error *err)
{
    char mode[16] = "";
    int code;

    for (int waited_ms = 0;; waited_ms += BUSY_PAUSE_MS) {
        code = journal_mode(store, "PRAGMA journal_mode = WAL", mode);
        if ((code & 0xff) != SQLITE_BUSY || waited_ms >= store->busy_timeout_ms)
            break;
        (void)sqlite3_sleep(BUSY_PAUSE_MS);
    }
    if (code != SQLITE_OK)
        return store_refused(store, err);
    if (!text_equal(mode, "wal") && !text_equal(mode, "memory"))
        return error_set(err, ERROR_CONFIG,
                         "database '%s' cannot have a write-ahead log, its journal stays '%s'", store->path,
                         mode);
    return 0;
}

int store_open(const char *path, struct store **ret_store, struct error *err)
{
    struct store *store = must_calloc(1, sizeof(*store));

    store->path = must_strdup(path);
    if (!text_equal(path, ":memory:") && create_file(path, err) < 0)
        goto fail;
    if (open_connection(store, SQLITE_OPEN_READWRITE, err) < 0 || check_writable(store, err) < 0 ||
        store_check(store, err) < 0)
        goto fail;
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    if (use_wal(store, err) < 0 || store_execute(store, settings, err) < 0 || store_migrate(store, err) < 0 ||
        store_prepare(store, STATEMENT_COUNT, err) < 0)
        goto fail;
    store->ready = true;

    *ret_store = store;
    return 0;

fail:
    store_close(store);
    return -1;
}

int store_open_readonly(const char *path, struct store **ret_store, struct error *err)
{
    struct store *store = must_calloc(1, sizeof(*store));
    struct stat found;
    int64_t version;

    store->path = must_strdup(path);
    if (stat(path, &found) < 0) {
        (void)error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_CONFIG,
                        "cannot open database '%s': %s", path, strerror(errno));
        goto fail;
    }
    if (open_connection(store, SQLITE_OPEN_READONLY, err) < 0 || store_check(store, err) < 0 ||
        store_ask(store, "PRAGMA user_version", &version, err) < 0)
        goto fail;
    if (version != store_known_schema()) {
        (void)error_set(
            err, ERROR_CONFIG,
            "database '%s' has schema %d, this program needs %d: start the service once to change it", path,
            (int)version, store_known_schema());
        goto fail;
    }
    store->schema = (int)version;
    if (store_prepare(store, STATEMENT_COUNT, err) < 0)
        goto fail;
    store->ready = true;

    *ret_store = store;
    return 0;

fail:
    store_close(store);
    return -1;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]);
    (void)sqlite3_close(store->db);
    store_uncount(store);
    free(store->path);
    free(store);
}

int store_probe(struct store *store, int64_t now_ms, struct error *err)
{
    int moved = 0;

    /* Writing to it goes on well; but who opens the path next (a restart, `status`) finds nothing of it. */
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
        return error_set(err, ERROR_STORE,
                         "database '%s' was moved or deleted: put it back, or restart with an empty one",
                         store->path);
    return store_run(store, PROBE, VALUES(INTEGER(now_ms)), err);
}

int store_prune(struct store *store, int64_t before_ms, struct pruned *ret_pruned, struct error *err)
{
    /* Notifications and decisions first: they refer to actions. */
    static const enum statement statements[] = {PRUNE_NOTIFICATIONS, PRUNE_DECISIONS, PRUNE_ACTIONS,
                                                PRUNE_SPLITS};
    SCOPED(store_rollback) struct store *transaction = NULL;
    struct pruned pruned = {0};

    if (store_begin(store, &transaction, err) < 0 ||
        store_run(store, PRUNE_DEAD_LETTERS, VALUES(INTEGER(before_ms), INTEGER(PRUNE_MAX)), err) < 0)
        return -1;
    pruned.dead_letters = store_changes(store);
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        if (store_run(store, statements[i], VALUES(INTEGER(before_ms), INTEGER(PRUNE_MAX)), err) < 0)
            return -1;
        pruned.rows += store_changes(store);
    }
    if (store_commit(&transaction, err) < 0)
        return -1;
    *ret_pruned = pruned;
    return 0;
}

/*
 * Asks again every millisecond.  SQLite's own way waits longer each time: who has waited longest is then the last to
 * look, and a free file stays free for up to a tenth of a second.
 */
static int wait_for_writer(void *context, int times)
{
    struct store *store = context;

    if (times == 0)
        store->busy_since_ns = clock_monotonic_ns();
    if (clock_monotonic_ns() - store->busy_since_ns >= store->busy_timeout_ms * 1000000LL)
        return 0;
    (void)sqlite3_sleep(1);
    return 1;
}

void store_set_busy_timeout(struct store *store, int milliseconds)
{
    store->busy_timeout_ms = milliseconds;
    (void)sqlite3_busy_handler(store->db, wait_for_writer, store);
}

int store_schema_version(const struct store *store)
{
    return store->schema;
}
