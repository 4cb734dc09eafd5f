/*
 * lineage.h - what the splits of a stream have taught about where its load lies.
 *
 * Pure.  A lineage is a range of hash keys with the splits that were made in it.  Kinesis names the shards
 * anew with every resharding and forgets the closed ones after a while, so a lineage is found again by its
 * keys.
 */
#ifndef SCALING_LINEAGE_H
#define SCALING_LINEAGE_H

#include "scaling/shards.h"

/* A child with this part of its parent's load has inherited the key that makes it hot. */
#define HOT_CHILD_PART 0.90

/* The middle of a range, which keeps shards even, will do while no half has more than this of the load. */
#define EVEN_HALF_PART 0.55

/* A split that was made, and what came of it. */
struct lineage_split {
    char parent[SHARD_ID_SIZE];
    hashkey start, end; /* of the parent */
    hashkey at;         /* where the upper child starts */
    /* Of the children, in one unit, over the same time after the split; NAN while unknown. */
    double lower_load, upper_load;
    int64_t at_ms;
};

/*
 * NewStartingHashKey for the next split of [start, end]: its middle, or, where splits in it say that the load
 * lies elsewhere, the key that halves the load.  Within each known part the load is taken to lie evenly; a
 * newer split corrects what older ones said.  `splits` in any order.  False for a range of fewer than 4 keys.
 *
 *   ret_lower_part  of the load of the range: what the lower child gets
 */
bool lineage_split_key(const struct lineage_split *splits, size_t count, hashkey start, hashkey end,
                       hashkey *ret_key, double *ret_lower_part);

struct hot_key {
    hashkey start, end; /* where it hashes to */
    double part;        /* the smaller of the two parts that followed it */
};

/* Is `shard` the child of a split, and its parent of another, and did both keep HOT_CHILD_PART of it? */
bool lineage_hot_key(const struct lineage_split *splits, size_t count, const struct shard *shard,
                     struct hot_key *ret_hot);

#endif
