/*
 * minutes.c - a row per stream and day.
 *
 * A day's row ends with the last minute that was put, so that it says by itself how far it reaches.
 */
#include "store/minutes.h"

#include "base/memory.h"
#include "floats.h"
#include "handle.h"

#include <assert.h>
#include <math.h>

enum { MINUTE_MS = 60 * 1000, DAY_MINUTES = 24 * 60 };

static const int64_t day_ms = (int64_t)DAY_MINUTES * MINUTE_MS;

void minutes_clear(struct minutes *minutes)
{
    free(minutes->demand);
    *minutes = (struct minutes){0};
}

/* ---- a day: DAY_MINUTES places, of which the first `count` are said */

struct day {
    uint32_t bits[DAY_MINUTES]; /* as they are stored */
    size_t count;
};

static void read_day(sqlite3_stmt *row, int column, struct day *day)
{
    size_t size = (size_t)sqlite3_column_bytes(row, column);

    day->count = size / sizeof(day->bits[0]); /* the table bounds it */
    memcpy(day->bits, sqlite3_column_blob(row, column), size);
}

static bool read_one_day(sqlite3_stmt *row, void *context)
{
    read_day(row, 0, context);
    return true;
}

/* ---- putting */

/* The minutes of one day, of all that are put: from the one at `from`; returns how many. */
static int put_day(struct store *store, const char *stream, const struct minutes *minutes, size_t from,
                   size_t *ret_taken, struct error *err)
{
    int64_t at_ms = minutes->start_ms + (int64_t)from * MINUTE_MS;
    size_t first = (size_t)(at_ms % day_ms / MINUTE_MS);
    size_t count = minutes->count - from < DAY_MINUTES - first ? minutes->count - from : DAY_MINUTES - first;
    struct day day = {.count = 0};

    if (store_each(store, MINUTES_DAY, VALUES(TEXT(stream), INTEGER(at_ms / day_ms)), read_one_day, &day,
                   err) < 0)
        return -1;
    while (day.count < first)
        day.bits[day.count++] = float_bits(NAN);
    for (size_t i = 0; i < count; i++)
        day.bits[first + i] = float_bits(minutes->demand[from + i]);
    if (day.count < first + count)
        day.count = first + count;
    *ret_taken = count;
    return store_run(
        store, MINUTES_PUT,
        VALUES(TEXT(stream), INTEGER(at_ms / day_ms), BLOB(day.bits, day.count * sizeof(day.bits[0]))), err);
}

int store_minutes_put(struct store *store, const char *stream, const struct minutes *minutes,
                      struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
    SCOPED(store_rollback) struct store *transaction = NULL;
    int64_t last_ms = minutes->start_ms + (int64_t)minutes->count * MINUTE_MS;

    assert(minutes->start_ms >= 0 && minutes->start_ms % MINUTE_MS == 0);
    if (minutes->count == 0)
        return 0;
    if (store_begin(hurried, &transaction, err) < 0)
        return -1;
    for (size_t from = 0, taken; from < minutes->count; from += taken) {
        if (put_day(store, stream, minutes, from, &taken, err) < 0)
            return -1;
    }
    if (store_run(store, MINUTES_AGE,
                  VALUES(TEXT(stream), INTEGER((last_ms - 1) / day_ms - MINUTES_KEPT_DAYS)), err) < 0)
        return -1;
    return store_commit(&transaction, err);
}

/* ---- loading */

/* Days that nobody put are places of unknown minutes. */
static bool read_all(sqlite3_stmt *row, void *context)
{
    struct minutes *minutes = context;
    int64_t start_ms = sqlite3_column_int64(row, 0) * day_ms;
    struct day day;
    size_t places;

    read_day(row, 1, &day);
    if (minutes->count == 0)
        minutes->start_ms = start_ms;
    places = (size_t)((start_ms - minutes->start_ms) / MINUTE_MS);
    minutes->demand = must_realloc(minutes->demand, places + day.count, sizeof(*minutes->demand));
    while (minutes->count < places)
        minutes->demand[minutes->count++] = NAN;
    for (size_t i = 0; i < day.count; i++)
        minutes->demand[minutes->count++] = float_value(day.bits[i]);
    return true;
}

/* Nothing is known of what was before the first. */
static void drop_unknown(struct minutes *minutes)
{
    size_t unknown = 0;

    while (unknown < minutes->count && isnan(minutes->demand[unknown]))
        unknown++;
    if (unknown == minutes->count) {
        minutes_clear(minutes);
        return;
    }
    minutes->count -= unknown;
    minutes->start_ms += (int64_t)unknown * MINUTE_MS;
    memmove(minutes->demand, minutes->demand + unknown, minutes->count * sizeof(*minutes->demand));
}

int store_minutes_load(struct store *store, const char *stream, int64_t since_ms, struct minutes *ret_minutes,
                       struct error *err)
{
    struct minutes minutes = {0};

    if (store_each(store, MINUTES_LIST, VALUES(TEXT(stream), INTEGER(since_ms / day_ms)), read_all, &minutes,
                   err) < 0) {
        minutes_clear(&minutes);
        return -1;
    }
    drop_unknown(&minutes);
    *ret_minutes = minutes;
    return 0;
}

int store_minutes_forget(struct store *store, int64_t before_ms, struct error *err)
{
    if (store_run(store, MINUTES_FORGET, VALUES(INTEGER(before_ms / day_ms)), err) < 0)
        return -1;
    if (store_run(store, HABITS_FORGET, VALUES(INTEGER(before_ms)), err) < 0)
        return -1;
    return store_run(store, SKEWS_FORGET, VALUES(INTEGER(before_ms)), err);
}

/* ---- habits */

int store_habits_set(struct store *store, const char *stream, const struct adaptive_habits *habits,
                     const struct minutes *expected, int64_t learned_ms, struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
    uint32_t *bits = must_calloc(expected->count, sizeof(*bits));
    int result;

    for (size_t i = 0; i < expected->count; i++)
        bits[i] = float_bits(expected->demand[i]);
    result = store_run(hurried, HABITS_SET,
                       VALUES(TEXT(stream), INTEGER(learned_ms), INTEGER(habits->learned),
                              INTEGER(habits->hold_minutes), REAL(habits->line), INTEGER(habits->rhythm),
                              INTEGER(expected->start_ms), BLOB(bits, expected->count * sizeof(*bits))),
                       err);
    free(bits);
    return result;
}

struct learned {
    struct adaptive_habits *habits;
    int64_t at_ms;
};

static bool read_habits(sqlite3_stmt *row, void *context)
{
    struct learned *learned = context;

    learned->at_ms = sqlite3_column_int64(row, 0);
    learned->habits->learned = sqlite3_column_int(row, 1) != 0;
    learned->habits->hold_minutes = sqlite3_column_int64(row, 2);
    learned->habits->line = sqlite3_column_double(row, 3);
    learned->habits->rhythm = (enum rhythm)sqlite3_column_int(row, 4); /* the table bounds it */
    return true;
}

int store_habits_load(struct store *store, const char *stream, struct adaptive_habits *ret_habits,
                      int64_t *ret_learned_ms, struct error *err)
{
    struct learned learned = {.habits = ret_habits};

    if (store_each(store, HABITS_LOAD, VALUES(TEXT(stream)), read_habits, &learned, err) < 0)
        return -1;
    *ret_learned_ms = learned.at_ms;
    return 0;
}

/* A value that no demand can have is nothing that is expected: the file may be damaged. */
static bool read_expected(sqlite3_stmt *row, void *context)
{
    struct minutes *expected = context;
    const char *bytes = sqlite3_column_blob(row, 1);

    expected->start_ms = sqlite3_column_int64(row, 0);
    expected->count = (size_t)sqlite3_column_bytes(row, 1) / sizeof(uint32_t);
    expected->demand = must_calloc(expected->count, sizeof(*expected->demand));
    for (size_t i = 0; i < expected->count; i++) {
        uint32_t bits;
        float demand;

        memcpy(&bits, bytes + i * sizeof(bits), sizeof(bits));
        demand = float_value(bits);
        expected->demand[i] = demand >= 0 && isfinite(demand) ? demand : 0;
    }
    return true;
}

int store_expected_load(struct store *store, const char *stream, struct minutes *ret_expected,
                        struct error *err)
{
    *ret_expected = (struct minutes){0};
    return store_each(store, EXPECTED_LOAD, VALUES(TEXT(stream)), read_expected, ret_expected, err);
}

/* ---- skew */

int store_skew_set(struct store *store, const char *stream, const struct skew *skew, struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);

    return store_run(hurried, SKEW_SET,
                     VALUES(TEXT(stream), REAL(skew->bears), REAL(skew->earlier), REAL(skew->refused),
                            REAL(skew->demand), REAL(skew->capacity), INTEGER(skew->seen_ms),
                            INTEGER(skew->hot_days), INTEGER(skew->hot)),
                     err);
}

static bool read_skew(sqlite3_stmt *row, void *context)
{
    struct skew *skew = context;

    *skew = (struct skew){.bears = sqlite3_column_double(row, 0),
                          .earlier = sqlite3_column_double(row, 1),
                          .refused = sqlite3_column_double(row, 2),
                          .demand = sqlite3_column_double(row, 3),
                          .capacity = sqlite3_column_double(row, 4),
                          .seen_ms = sqlite3_column_int64(row, 5),
                          .hot_days = sqlite3_column_int64(row, 6),
                          .hot = sqlite3_column_int(row, 7) != 0};
    return true;
}

int store_skew_load(struct store *store, const char *stream, struct skew *ret_skew, struct error *err)
{
    *ret_skew = (struct skew){0};
    return store_each(store, SKEW_LOAD, VALUES(TEXT(stream)), read_skew, ret_skew, err);
}
