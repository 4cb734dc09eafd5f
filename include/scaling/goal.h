/*
 * goal.h - from one partition of the hash key space to another, one call at a time.
 *
 * Pure.  A partition is where its shards start.  Each split adds a boundary that the goal has and the map lacks, each
 * merge removes one that the goal lacks; so the number of calls is the least there can be, whatever their order, and
 * whoever asks again after each call, or after a restart, gets the rest of the same way.
 * Boundaries of the goal are those of the map or 4 keys and more away from them, or no split can make them.
 */
#ifndef SCALING_GOAL_H
#define SCALING_GOAL_H

#include "scaling/plan_up.h"
#include "scaling/shards.h"
#include "scaling/spread.h"

/* In which order boundaries are added.  Merges come lowest key first. */
enum goal_order {
    GOAL_SWEEP, /* lowest key first: under a low ceiling no shard becomes wider than the widest of both partitions */
    /* In the fullest shard first (in the widest, while nothing is known of the load), nearest to its middle: each round
     * relieves as soon as it is whole. */
    GOAL_RELIEF,
};

/*
 * The next call on the way to shards that start at `starts` (ascending, the first is 0).  Splits first,
 * so that capacity does not suffer on the way; but while `ceiling` shards are open, a merge.  With
 * ceiling >= `count` there is always a next one until the goal is reached: false then.  Never are fewer open than
 * the fewer of both partitions; one less when both have as many as the ceiling, or more.  `spread` may be NULL: nothing is
 * known of the load.
 */
bool goal_next(const struct shard_map *map, const hashkey *starts, size_t count, int64_t ceiling,
               enum goal_order order, const struct spread *spread, struct operation *ret_operation);

/* How many splits are left; with the open shards, the most that are open at once without a ceiling. */
size_t goal_splits(const struct shard_map *map, const hashkey *starts, size_t count);

#endif
