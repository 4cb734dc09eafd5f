/*
 * spread.h - how the load of a stream lies over its hash keys, as far as the metrics of single shards have shown.
 *
 * Pure.  The key space is divided into cells, each with its part of the load; within a cell the load is taken to lie
 * evenly.  A boundary between shards that falls into a cell cuts it in two, so what is known grows finer with every
 * split, and it outlasts the merge that takes the boundary away, unless the load is as dense on both sides of it: no two
 * measurements are alike, and what differs no more than they do is even.
 */
#ifndef SCALING_SPREAD_H
#define SCALING_SPREAD_H

#include "scaling/shards.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Beyond these, and the open shards, the two neighbours with the least load become one. */
    SPREAD_CELLS_MAX = 1000,
    /* A cell that kept HOT_CHILD_PART (lineage.h) of the load it was cut out of so often holds one hot key. */
    SPREAD_CUTS_KEPT = 2,
};

/* What keeps its load and more than this of its width has kept it for its width: that says nothing of a hot key. */
#define SPREAD_CUT_WIDTH 0.75

struct spread_cell {
    hashkey start;    /* it ends where the next one starts */
    double part;      /* of the load of the stream */
    double cut_from;  /* the part of the cell it was cut out of; of one with a hot key: its own then */
    double cut_share; /* of the key space: how wide that was */
    uint8_t kept;     /* how many cuts in a row left nearly all load on this side; at most SPREAD_CUTS_KEPT */
    bool guessed;     /* cut, and not measured since: its part is by width */
};

/* Begins zeroed: nothing is known, and the load is taken to lie evenly on all keys. */
struct spread {
    struct spread_cell *cells; /* the first starts at 0 */
    size_t count;
    int64_t measured_ms; /* when metrics last said something of it, for whoever has a clock; 0: never */
};
void spread_clear(struct spread *spread);

/*
 * What each shard of `map` (a complete partition) was measured to carry of the load of the stream; NAN: not measured.  More
 * than before is believed at once, less by halves, unless the shard was only guessed at.
 */
void spread_learn(struct spread *spread, const struct shard_map *map, const double *parts);

/* Of the load, on [start, end]. */
double spread_part(const struct spread *spread, hashkey start, hashkey end);
/* Is there a shard whose part is only guessed at? */
bool spread_is_guessed(const struct spread *spread, const struct shard_map *map);
/* Is nearly all of it on one hot key?  Then no split divides it. */
bool spread_is_hot(const struct spread *spread, hashkey start, hashkey end);
/*
 * The key in [start, end] below which `fraction` (between 0 and 1) of its load lies, as a split may have it.  Not in a cell
 * with a hot key, but at the nearer side of it.  False where no split can be.
 */
bool spread_key(const struct spread *spread, hashkey start, hashkey end, double fraction, hashkey *ret_key);

#endif
