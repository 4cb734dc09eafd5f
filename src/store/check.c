/*
 * check.c - may we work with this file?
 *
 * Only reads: a file that is refused (from a newer program, of another one,
 * damaged, no database at all) stays as it was, byte for byte.
 */
#include "base/memory.h"
#include "base/text.h"
#include "handle.h"

#include <pthread.h>
#include <sys/stat.h>

/*
 * The files this process has open, and by how many handles.  A check reads the whole file, and every thread
 * opens a handle of its own: only the first one checks, the others wait for it.  More files than fit are
 * checked by every handle.
 */
static struct {
    dev_t device;
    ino_t inode;
    int handles;
} files[16];
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

static bool first_line(sqlite3_stmt *row, char text[160])
{
    row_text(row, 0, text, 160);
    return strcmp(text, "ok") == 0;
}

static int damaged(const struct store *store, const char *complaint, struct error *err)
{
    return error_set(err, ERROR_CONFIG,
                     "database '%s' is damaged: %s; restore a copy of it, or move it away with its -wal and"
                     " -shm files and begin with a new one",
                     store->path, complaint);
}

static int quick_check(struct store *store, struct error *err)
{
    sqlite3_stmt *row = NULL;
    char complaint[160] = "";
    int result = 0;

    if (sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &row, NULL) != SQLITE_OK)
        return store_refused(store, err);
    if (sqlite3_step(row) != SQLITE_ROW)
        result = store_refused(store, err);
    else if (!first_line(row, complaint))
        result = damaged(store, complaint, err);
    (void)sqlite3_finalize(row);
    return result;
}

static int check_once(struct store *store, struct error *err)
{
    size_t free_place = COUNT_OF(files);
    struct stat found;

    if (stat(store->path, &found) < 0)
        return error_set(err, ERROR_CONFIG, "database '%s' is gone", store->path);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (files[i].handles == 0) {
            free_place = i;
        } else if (files[i].device == found.st_dev && files[i].inode == found.st_ino) {
            free_place = i;
            break;
        }
    }
    if ((free_place == COUNT_OF(files) || files[free_place].handles == 0) && quick_check(store, err) < 0)
        return -1;
    if (free_place == COUNT_OF(files))
        return 0;
    files[free_place].device = store->device = found.st_dev;
    files[free_place].inode = store->inode = found.st_ino;
    files[free_place].handles++;
    store->counted = true;
    return 0;
}

void store_uncount(struct store *store)
{
    if (!store->counted)
        return;
    pthread_mutex_lock(&files_lock);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (files[i].handles > 0 && files[i].device == store->device && files[i].inode == store->inode)
            files[i].handles--;
    }
    pthread_mutex_unlock(&files_lock);
}

/* Called in a transaction: another process may be making the file just now. */
static int check_kind(struct store *store, struct error *err)
{
    int64_t application, version, objects;

    if (store_ask(store, "PRAGMA application_id", &application, err) < 0 ||
        store_ask(store, "PRAGMA user_version", &version, err) < 0)
        return -1;
    if (application == STORE_APPLICATION_ID && version > store_known_schema())
        return error_set(err, ERROR_CONFIG,
                         "database '%s' has schema %d, this program knows only %d: run the newer program",
                         store->path, (int)version, store_known_schema());
    if (store_ask(store, "SELECT count(*) FROM sqlite_schema", &objects, err) < 0)
        return -1;
    if (application != STORE_APPLICATION_ID && (application != 0 || version != 0 || objects != 0))
        return error_set(err, ERROR_CONFIG, "'%s' is the database of another program", store->path);
    return 0;
}

int store_check(struct store *store, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = store;
    int result;

    if (text_equal(store->path, ":memory:"))
        return 0;
    if (store_execute(store, "BEGIN", err) < 0 || check_kind(store, err) < 0 ||
        store_commit(&transaction, err) < 0)
        return -1;

    pthread_mutex_lock(&files_lock);
    result = check_once(store, err);
    pthread_mutex_unlock(&files_lock);
    return result;
}
