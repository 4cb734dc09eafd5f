/*
 * decisions.c - every thought with its inputs, so that "why?" has an answer later.
 */
#include "store/decisions.h"

#include "base/memory.h"
#include "handle.h"

void decision_list_clear(struct decision_list *list)
{
    free(list->items);
    *list = (struct decision_list){0};
}

int store_decision_add(struct store *store, const struct decision *decision, struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
    const struct decision *d = decision;

    return store_run(store, DECISION_ADD,
                     VALUES(TEXT(d->stream), INTEGER(d->at_ms), INTEGER(d->action_id), TEXT(d->verdict),
                            TEXT(d->reason), TEXT(d->inputs)),
                     err);
}

/* Columns in the order of DECISION_COLUMNS (statements.c). */
static bool read_all(sqlite3_stmt *row, void *context)
{
    struct decision_list *list = context;
    struct decision *decision;
    int column = 0;

    list->items = must_realloc(list->items, list->count + 1, sizeof(*list->items));
    decision = &list->items[list->count++];
    decision->id = sqlite3_column_int64(row, column++);
    row_text(row, column++, decision->stream, sizeof(decision->stream));
    decision->at_ms = sqlite3_column_int64(row, column++);
    decision->action_id = sqlite3_column_int64(row, column++);
    row_text(row, column++, decision->verdict, sizeof(decision->verdict));
    row_text(row, column++, decision->reason, sizeof(decision->reason));
    row_text(row, column++, decision->inputs, sizeof(decision->inputs));
    return true;
}

int store_decisions_recent(struct store *store, const char *stream, int limit, struct decision_list *ret_list,
                           struct error *err)
{
    SCOPED(decision_list_clear) struct decision_list list = {0};
    int64_t rows = rows_limit(limit);
    int result;

    if (stream == NULL)
        result = store_each(store, DECISION_RECENT, VALUES(INTEGER(rows)), read_all, &list, err);
    else
        result = store_each(store, DECISION_RECENT_STREAM, VALUES(TEXT(stream), INTEGER(rows)), read_all,
                            &list, err);
    if (result < 0)
        return -1;
    *ret_list = list;
    list = (struct decision_list){0};
    return 0;
}
