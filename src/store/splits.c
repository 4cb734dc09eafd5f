/*
 * splits.c - which shard was split where, and what its children carried.
 */
#include "store/splits.h"

#include "base/memory.h"
#include "handle.h"

#include <math.h>

static int write_one(struct store *store, const char *stream, const struct lineage_split *split,
                     int64_t now_ms, struct error *err)
{
    char start[HASHKEY_TEXT_SIZE], end[HASHKEY_TEXT_SIZE], at[HASHKEY_TEXT_SIZE];
    bool measured = !isnan(split->lower_load) && !isnan(split->upper_load);

    hashkey_format(split->start, start);
    hashkey_format(split->end, end);
    hashkey_format(split->at, at);
    return store_run(store, measured ? SPLIT_MEASURED : SPLIT_SEEN,
                     measured ? VALUES(TEXT(stream), TEXT(split->parent), TEXT(start), TEXT(end), TEXT(at),
                                       INTEGER(now_ms), REAL(split->lower_load), REAL(split->upper_load))
                              : VALUES(TEXT(stream), TEXT(split->parent), TEXT(start), TEXT(end), TEXT(at),
                                       INTEGER(now_ms)),
                     err);
}

int store_splits_seen(struct store *store, const char *stream, const struct lineage_split *splits,
                      size_t count, int64_t now_ms, struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
    SCOPED(store_rollback) struct store *transaction = NULL;

    if (count == 0)
        return 0;
    if (store_begin(hurried, &transaction, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (write_one(store, stream, &splits[i], now_ms, err) < 0)
            return -1;
    }
    return store_commit(&transaction, err);
}

struct found {
    struct lineage_split *items;
    size_t count;
    bool broken;
};

static bool read_key(sqlite3_stmt *row, int column, hashkey *ret_key)
{
    return hashkey_parse((const char *)sqlite3_column_text(row, column), ret_key);
}

static double read_load(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN : sqlite3_column_double(row, column);
}

static bool read_split(sqlite3_stmt *row, void *context)
{
    struct found *found = context;
    struct lineage_split *split;

    found->items = must_realloc(found->items, found->count + 1, sizeof(*found->items));
    split = &found->items[found->count++];
    *split = (struct lineage_split){.lower_load = read_load(row, 4),
                                    .upper_load = read_load(row, 5),
                                    .at_ms = sqlite3_column_int64(row, 6)};
    row_text(row, 0, split->parent, sizeof(split->parent));
    found->broken |=
        !read_key(row, 1, &split->start) || !read_key(row, 2, &split->end) || !read_key(row, 3, &split->at);
    return !found->broken;
}

int store_splits_load(struct store *store, const char *stream, int64_t since_ms,
                      struct lineage_split **ret_splits, size_t *ret_count, struct error *err)
{
    struct found found = {0};
    int result =
        store_each(store, SPLIT_LIST, VALUES(TEXT(stream), INTEGER(since_ms)), read_split, &found, err);

    if (result == 0 && found.broken)
        result = error_set(err, ERROR_STORE, "the splits of stream '%s' hold what is no hash key", stream);
    if (result < 0) {
        free(found.items);
        return -1;
    }
    *ret_splits = found.items;
    *ret_count = found.count;
    return 0;
}
