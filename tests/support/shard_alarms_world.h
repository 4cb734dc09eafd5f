/*
 * shard_alarms_world.h - the alarms that kinescale makes on the shards of `orders`, and whether they are right.
 */
#ifndef TESTS_SHARD_ALARMS_WORLD_H
#define TESTS_SHARD_ALARMS_WORLD_H

#include "world.h"

/* All alarms whose names are of the kind that kinescale gives; the caller's. */
cJSON *alarms_on_shards(struct world *world);
/* NULL: not among them. */
const cJSON *find_alarm(const cJSON *alarms, const char *name);
/* Exactly one for each open shard and metric, and none besides. */
void assert_shard_alarms_match(struct world *world);
bool shard_is_open(struct world *world, const char *shard);

#endif
