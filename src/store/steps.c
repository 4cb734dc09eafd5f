/*
 * steps.c - the resharding calls of an action, as they are read back.
 */
#include "base/memory.h"
#include "handle.h"
#include "store/actions.h"

enum { UPDATES_MEASURED = 5 };

/* These numbers stand in the database (migrations/0001). */
_Static_assert(STEP_OPEN == 0 && STEP_ACCEPTED == 1 && STEP_REFUSED == 2 && STEP_UNHEARD == 3 &&
                   STEP_OUTCOME_COUNT == 4,
               "the order of enum step_outcome is stored");
_Static_assert(OPERATION_SPLIT == 0 && OPERATION_MERGE == 1 && OPERATION_UPDATE == 2,
               "the order of enum operation_kind is stored");

static const char *const outcome_names[STEP_OUTCOME_COUNT] = {
    [STEP_OPEN] = "open",
    [STEP_ACCEPTED] = "accepted",
    [STEP_REFUSED] = "refused",
    [STEP_UNHEARD] = "unheard",
};

const char *step_outcome_name(enum step_outcome outcome)
{
    return outcome < STEP_OUTCOME_COUNT ? outcome_names[outcome] : "unknown";
}

void step_list_stored_clear(struct step_list_stored *list)
{
    free(list->items);
    *list = (struct step_list_stored){0};
}

/* Columns in the order of STEP_COLUMNS (statements.c). */
static void step_read(sqlite3_stmt *row, struct step *step)
{
    char new_start[HASHKEY_TEXT_SIZE];
    int column = 0;

    *step = (struct step){0};
    step->id = sqlite3_column_int64(row, column++);
    step->action_id = sqlite3_column_int64(row, column++);
    step->sequence = sqlite3_column_int(row, column++);
    step->operation.kind = (enum operation_kind)sqlite3_column_int(row, column++);
    row_text(row, column++, step->operation.shard, sizeof(step->operation.shard));
    row_text(row, column++, step->operation.adjacent, sizeof(step->operation.adjacent));
    row_text(row, column++, new_start, sizeof(new_start));
    (void)hashkey_parse(new_start, &step->operation.new_start); /* "" but for splits: stays 0 */
    step->operation.target = sqlite3_column_int64(row, column++);
    step->intended_ms = sqlite3_column_int64(row, column++);
    step->ended_ms = sqlite3_column_int64(row, column++);
    step->active_ms = sqlite3_column_int64(row, column++);
    step->outcome = (enum step_outcome)sqlite3_column_int(row, column++);
    row_text(row, column++, step->detail, sizeof(step->detail));
}

static bool read_one(sqlite3_stmt *row, void *context)
{
    step_read(row, context);
    return true;
}

static bool read_all(sqlite3_stmt *row, void *context)
{
    struct step_list_stored *list = context;

    list->items = must_realloc(list->items, list->count + 1, sizeof(*list->items));
    step_read(row, &list->items[list->count++]);
    return true;
}

int store_step_last(struct store *store, int64_t action_id, struct step *ret_step, bool *ret_found,
                    struct error *err)
{
    struct step found = {0};

    if (store_each(store, STEP_LAST, VALUES(INTEGER(action_id)), read_one, &found, err) < 0)
        return -1;
    *ret_found = found.id != 0;
    if (found.id != 0)
        *ret_step = found;
    return 0;
}

int store_steps(struct store *store, int64_t action_id, struct step_list_stored *ret_list, struct error *err)
{
    SCOPED(step_list_stored_clear) struct step_list_stored list = {0};

    if (store_each(store, STEP_LIST, VALUES(INTEGER(action_id)), read_all, &list, err) < 0)
        return -1;
    *ret_list = list;
    list = (struct step_list_stored){0};
    return 0;
}

struct updates {
    int count;
    int64_t oldest_ms;
};

static bool read_updates(sqlite3_stmt *row, void *context)
{
    *(struct updates *)context = (struct updates){sqlite3_column_int(row, 0), sqlite3_column_int64(row, 1)};
    return true;
}

int store_updates_since(struct store *store, const char *stream, int64_t since_ms, int *ret_count,
                        int64_t *ret_oldest_ms, struct error *err)
{
    struct updates updates = {0};

    if (store_each(store, STEP_UPDATES, VALUES(TEXT(stream), INTEGER(since_ms)), read_updates, &updates,
                   err) < 0)
        return -1;
    *ret_count = updates.count;
    *ret_oldest_ms = updates.oldest_ms;
    return 0;
}

/* Sorted as they come. */
struct durations {
    double seconds[UPDATES_MEASURED];
    size_t count;
};

static bool read_seconds(sqlite3_stmt *row, void *context)
{
    struct durations *durations = context;
    double seconds = sqlite3_column_double(row, 0);
    size_t place = durations->count++;

    for (; place > 0 && durations->seconds[place - 1] > seconds; place--)
        durations->seconds[place] = durations->seconds[place - 1];
    durations->seconds[place] = seconds;
    return durations->count < UPDATES_MEASURED;
}

int store_update_seconds(struct store *store, const char *stream, double *ret_seconds_per_shard,
                         struct error *err)
{
    struct durations durations = {.count = 0};
    size_t middle;

    if (store_each(store, STEP_UPDATE_SECONDS, VALUES(TEXT(stream), INTEGER(UPDATES_MEASURED)), read_seconds,
                   &durations, err) < 0)
        return -1;
    middle = durations.count / 2;
    if (durations.count == 0)
        *ret_seconds_per_shard = 0;
    else if (durations.count % 2 == 1)
        *ret_seconds_per_shard = durations.seconds[middle];
    else
        *ret_seconds_per_shard = (durations.seconds[middle - 1] + durations.seconds[middle]) / 2;
    return 0;
}
