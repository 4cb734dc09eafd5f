/*
 * goals.c - the partition that a scale-down or an action by hand works towards.
 */
#include "base/memory.h"
#include "handle.h"
#include "store/actions.h"

int store_goal_set(struct store *store, int64_t action_id, const hashkey *starts, size_t count,
                   struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;

    if (store_begin(store, &transaction, err) < 0 ||
        store_run(store, GOAL_CLEAR, VALUES(INTEGER(action_id)), err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char text[HASHKEY_TEXT_SIZE];

        hashkey_format(starts[i], text);
        if (store_run(store, GOAL_ADD, VALUES(INTEGER(action_id), INTEGER((int64_t)i), TEXT(text)), err) < 0)
            return -1;
    }
    return store_commit(&transaction, err);
}

struct goal {
    hashkey *starts;
    size_t count;
    bool broken;
};

static bool read_start(sqlite3_stmt *row, void *context)
{
    struct goal *goal = context;

    goal->starts = must_realloc(goal->starts, goal->count + 1, sizeof(*goal->starts));
    goal->broken |= !hashkey_parse((const char *)sqlite3_column_text(row, 0), &goal->starts[goal->count++]);
    return !goal->broken;
}

int store_goal_load(struct store *store, int64_t action_id, hashkey **ret_starts, size_t *ret_count,
                    struct error *err)
{
    struct goal goal = {0};
    int result = store_each(store, GOAL_LIST, VALUES(INTEGER(action_id)), read_start, &goal, err);

    if (result == 0 && goal.broken)
        result = error_set(err, ERROR_STORE, "the goal of action %lld holds what is no hash key",
                           (long long)action_id);
    if (result < 0) {
        free(goal.starts);
        return -1;
    }
    *ret_starts = goal.starts;
    *ret_count = goal.count;
    return 0;
}
