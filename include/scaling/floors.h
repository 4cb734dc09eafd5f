/*
 * floors.h - hours of the week for which a stream keeps so many shards, whatever its load:
 *
 *     floor = Mon-Fri 07:00-10:00 20, daily 22:00-02:00 8
 *
 * Pure.  All times are UTC.  A window that ends at or before its begin ends on the day after.
 */
#ifndef SCALING_FLOORS_H
#define SCALING_FLOORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FLOORS_MAX = 16,
    /* Resharding takes about so long per split, one after the other (FACTS: 30 s), so a window is prepared before it
     * opens. */
    FLOOR_SPLIT_MS = 30 * 1000,
    /* What is open already is not given back so shortly before. */
    FLOOR_KEEP_MS = 60 * 60 * 1000,
};

struct floor_window {
    uint8_t days;     /* on which it opens; bit 0 is Monday */
    int16_t from, to; /* minutes of the day, 0..1439 and 1..1440 */
    int32_t shards;
};

struct floors {
    size_t count;
    struct floor_window windows[FLOORS_MAX];
};

/* One window as an operator writes it, without commas.  NULL, or what is wrong with it (static). */
const char *floor_parse(const char *text, struct floor_window *ret_window);
/* All of them as one would write them; "" for none.  At most 48 bytes each. */
void floors_format(const struct floors *floors, char *text, size_t size);

/*
 * The most shards asked for at `now_ms`, by windows that are open, or open soon: a stream that has `open` shards, too
 * few, begins `slack_ms` and FLOOR_SPLIT_MS per missing shard earlier; one that has enough keeps them.  0: none.
 */
int64_t floors_needed(const struct floors *floors, int64_t open, int64_t now_ms, int64_t slack_ms);

#endif
