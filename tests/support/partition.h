/*
 * partition.h - for the tests of scaling/: shard maps even and random, and what an operation makes of them.
 */
#ifndef TESTS_PARTITION_H
#define TESTS_PARTITION_H

#include "scaling/plan_up.h"

#include <stdint.h>

/* 1 to 64 shards, alarms at 80 %, a target of 60 %, by splits. */
extern const struct stream_config plain_stream;

/* What fills so many shards by its bytes, and throttles nothing; 100 records/s. */
struct demand worth(double shards);

/* Dice that fall the same way on every run.  The state begins with any seed but 0. */
uint64_t dice(uint64_t *state);
int64_t dice_between(uint64_t *state, int64_t low, int64_t high); /* both included */
double dice_fraction(uint64_t *state);                            /* [0, 1) */

/* "shardId-0..." with AWS's boundaries; the last shard takes the rest. */
void even_map(struct shard_map *ret_map, unsigned count);
/* Splits and merges at random until there are `count`; every range can be split. */
void random_map(struct shard_map *ret_map, unsigned count, uint64_t *state);

/* Does it to the map, and fails the test when it cannot be done. */
void apply_operation(struct shard_map *map, const struct operation *operation);

/* As above, a split; its children get the names that AWS would give them. */
void apply_split_as_aws(struct shard_map *map, const struct operation *operation);

#endif
