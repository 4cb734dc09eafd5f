/*
 * migrate.c - brings the schema of a file up to what this program knows.
 *
 * Each step and its version number are committed together or not at all.  A
 * step that has been released is never edited; a new file runs all of them.
 * While they run foreign keys are not enforced (within a transaction that cannot
 * be switched), or a table made anew would take along all that refers to it;
 * what a step leaves is checked instead.
 */
#include "base/memory.h"
#include "handle.h"

/* Made from migrations/NNNN_*.sql by tools/embed-migrations; index + 1 is NNNN. */
static const char *const migrations[] = {
#include "migrations.inc"
};

int store_known_schema(void)
{
    return (int)COUNT_OF(migrations);
}

static int check_references(struct store *store, struct error *err)
{
    int64_t broken;

    if (store_ask(store, "SELECT count(*) FROM pragma_foreign_key_check", &broken, err) < 0)
        return -1;
    return broken == 0 ? 0
                       : error_set(err, ERROR_STORE, "database '%s': %lld rows refer to what is not there",
                                   store->path, (long long)broken);
}

/* Reads the version again under the lock: another process may have taken the step meanwhile. */
static int migrate_step(struct store *store, int64_t *version, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;
    char stamp[96];

    if (store_begin(store, &transaction, err) < 0 ||
        store_ask(store, "PRAGMA user_version", version, err) < 0)
        return -1;
    if (*version >= store_known_schema())
        return 0;
    snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             STORE_APPLICATION_ID, (int)*version + 1);
    if (store_execute(store, migrations[*version], err) < 0 || store_execute(store, stamp, err) < 0 ||
        check_references(store, err) < 0 || store_commit(&transaction, err) < 0)
        return error_wrap(err, "migration %04d", (int)*version + 1);
    ++*version;
    return 0;
}

int store_migrate(struct store *store, struct error *err)
{
    int64_t version;

    if (store_ask(store, "PRAGMA user_version", &version, err) < 0)
        return -1;
    if (version < store_known_schema() && store_execute(store, "PRAGMA foreign_keys = OFF", err) < 0)
        return -1;
    while (version < store_known_schema()) {
        if (migrate_step(store, &version, err) < 0)
            return -1;
    }
    if (store_execute(store, "PRAGMA foreign_keys = ON", err) < 0)
        return -1;
    /* Newer than known only when another process took the file over after store_check(). */
    if (version > store_known_schema())
        return error_set(err, ERROR_CONFIG, "database '%s' has schema %d, this program knows only %d",
                         store->path, (int)version, store_known_schema());
    store->schema = (int)version;
    return 0;
}
