/*
 * steps.h - the reshardings between one partition and `target` even shards.
 *
 * Pure.  With N even shards and g = gcd(N, target) it takes target - g splits
 * and N - g merges, which is the fewest possible: each split adds one boundary,
 * each merge removes one, and g - 1 inner boundaries are shared.  UpdateShardCount
 * (UNIFORM_SCALING) was observed to do the same sweep, lowest hash key first.
 */
#ifndef SCALING_STEPS_H
#define SCALING_STEPS_H

#include "scaling/plan_up.h"
#include "scaling/shards.h"

struct step_list {
    struct operation *items; /* shards made on the way have the made-up ids of shards.h */
    size_t count;
    size_t splits, merges;
    int64_t peak_shards;
    struct shard_map after; /* what they leave, under made-up ids */
};

/* `map` is a complete partition, 1 <= target <= SHARDS_PER_STREAM_MAX.  ERROR_INPUT otherwise. */
int steps_to_even(const struct shard_map *map, int64_t target, struct step_list *ret_steps,
                  struct error *err);
void step_list_clear(struct step_list *steps);

#endif
