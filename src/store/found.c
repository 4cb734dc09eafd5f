/*
 * found.c - which streams a pattern of the configuration was last seen to match.
 */
#include "base/memory.h"
#include "handle.h"
#include "store/streams.h"

int store_found_set(struct store *store, const struct names *names, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;

    if (store_begin(store, &transaction, err) < 0 || store_run(store, FOUND_CLEAR, NO_VALUES, err) < 0)
        return -1;
    for (size_t i = 0; i < names->count; i++) {
        if (store_run(store, FOUND_ADD, VALUES(TEXT(names->items[i])), err) < 0)
            return -1;
    }
    return store_commit(&transaction, err);
}

static bool read_name(sqlite3_stmt *row, void *context)
{
    names_add(context, (const char *)sqlite3_column_text(row, 0));
    return true;
}

int store_found_load(struct store *store, struct names *ret_names, struct error *err)
{
    struct names names = {0};

    if (store_each(store, FOUND_LIST, NO_VALUES, read_name, &names, err) < 0) {
        names_clear(&names);
        return -1;
    }
    *ret_names = names;
    return 0;
}
