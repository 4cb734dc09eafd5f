/*
 * layout.h - where shards should begin, by how the load lies over the keys.
 *
 * Loads are in shards' worth.  What holds nothing counts a little by its width, so that a stream without load is divided
 * by width.
 */
#ifndef SCALING_LAYOUT_H
#define SCALING_LAYOUT_H

#include "scaling/shards.h"
#include "scaling/spread.h"

struct layout_facts {
    const struct shard_map *map; /* complete partition */
    const struct spread *spread;
    double demand;
    bool only_merges; /* layout_give_back(): every shard begins where one does now */
};

struct layout {
    hashkey *starts; /* ascending, the first is 0; free() them */
    size_t count;
    size_t operations; /* splits and merges from the map */
};

/*
 * Every shard that carries more than `limit` in as many of about the same load as it takes, as far as splits divide it;
 * in at least `fewest` shards, and not more than `most`, whatever that does to the limit: what room is left then goes to the
 * fullest, one after the other.
 */
void layout_rise(const struct layout_facts *facts, double limit, int64_t fewest, int64_t most,
                 struct layout *ret_layout);

/*
 * Of the partitions with `fewest` or more shards of which none carries more than `limit` (but for what cannot be divided)
 * the one for which shards, and `price` for each operation, cost least; of those with the same cost one whose fullest
 * shard is the least full.  False when none costs less than the shards that there are.
 */
bool layout_give_back(const struct layout_facts *facts, double limit, double price, int64_t fewest,
                      struct layout *ret_layout);

/* 1 / the largest part of the load that one shard carries and a split may divide; INFINITY when there is none. */
double layout_capacity(const struct layout_facts *facts);
/* The fullest that no split divides, and its part of the load; NULL when there is none. */
const struct shard *layout_hot(const struct layout_facts *facts, double *ret_part);

#endif
