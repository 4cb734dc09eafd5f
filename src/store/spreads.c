/*
 * spreads.c - a row per stream.
 */
#include "store/spreads.h"

#include "base/memory.h"
#include "floats.h"
#include "handle.h"

#include <endian.h>
#include <float.h>

/* As it is stored. */
struct stored_cell {
    uint64_t start_high, start_low; /* big-endian */
    uint32_t part, cut_from;        /* floats, little-endian */
    uint8_t kept, guessed;
    uint8_t zero[2];
    uint32_t cut_share; /* a float as they are; 0, which says nothing, where an older program wrote it */
};
_Static_assert(sizeof(struct stored_cell) == 32, "as migrations/0008_spreads.sql says");

int store_spread_set(struct store *store, const char *stream, const struct spread *spread, int64_t read_ms,
                     struct error *err)
{
    SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
    struct stored_cell *stored = must_calloc(spread->count, sizeof(*stored));
    int result;

    for (size_t i = 0; i < spread->count; i++) {
        const struct spread_cell *cell = &spread->cells[i];

        stored[i] = (struct stored_cell){.start_high = htobe64((uint64_t)(cell->start >> 64)),
                                         .start_low = htobe64((uint64_t)cell->start),
                                         .part = float_bits((float)cell->part),
                                         .cut_from = float_bits((float)cell->cut_from),
                                         .cut_share = float_bits((float)cell->cut_share),
                                         .kept = cell->kept,
                                         .guessed = cell->guessed};
    }
    result = store_run(hurried, SPREAD_SET,
                       VALUES(TEXT(stream), INTEGER(read_ms), INTEGER(spread->measured_ms),
                              BLOB(stored, spread->count * sizeof(*stored))),
                       err);
    free(stored);
    return result;
}

struct found {
    struct spread spread;
    int64_t read_ms;
    bool broken;
};

static bool read_spread(sqlite3_stmt *row, void *context)
{
    struct found *found = context;
    size_t count = (size_t)sqlite3_column_bytes(row, 2) / sizeof(struct stored_cell);
    const char *bytes = sqlite3_column_blob(row, 2);

    found->read_ms = sqlite3_column_int64(row, 0);
    found->spread.measured_ms = sqlite3_column_int64(row, 1);
    found->spread.cells = must_calloc(count, sizeof(*found->spread.cells));
    found->spread.count = count;
    for (size_t i = 0; i < count; i++) {
        struct spread_cell *cell = &found->spread.cells[i];
        struct stored_cell stored;

        memcpy(&stored, bytes + i * sizeof(stored), sizeof(stored));
        *cell = (struct spread_cell){.start = (hashkey)be64toh(stored.start_high) << 64 |
                                              be64toh(stored.start_low),
                                     .part = float_value(stored.part),
                                     .cut_from = float_value(stored.cut_from),
                                     .cut_share = float_value(stored.cut_share),
                                     .kept = stored.kept,
                                     .guessed = stored.guessed != 0};
        found->broken |= !(cell->part >= 0 && cell->part <= FLT_MAX) ||
                         (i == 0 ? cell->start != 0 : cell->start <= cell[-1].start);
    }
    return true;
}

int store_spread_load(struct store *store, const char *stream, struct spread *ret_spread,
                      int64_t *ret_read_ms, struct error *err)
{
    struct found found = {0};

    if (store_each(store, SPREAD_LOAD, VALUES(TEXT(stream)), read_spread, &found, err) < 0) {
        spread_clear(&found.spread);
        return -1;
    }
    if (found.broken) { /* it is only a measurement: made again */
        spread_clear(&found.spread);
        found.read_ms = 0;
    }
    *ret_spread = found.spread;
    *ret_read_ms = found.read_ms;
    return 0;
}

int store_spreads_forget(struct store *store, int64_t before_ms, struct error *err)
{
    return store_run(store, SPREADS_FORGET, VALUES(INTEGER(before_ms)), err);
}
