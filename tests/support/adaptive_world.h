/*
 * adaptive_world.h - a stream of the policy `adaptive`, and how it must be left.
 */
#ifndef TESTS_ADAPTIVE_WORLD_H
#define TESTS_ADAPTIVE_WORLD_H

#include "world.h"

/* `orders` with so many shards and such a load of 2 KiB records, evenly; looked at by reconcile at once. */
struct world *adaptive_scene(const char *streams, int shards, const char *load);
/* The same with alarms on shards, and such keys. */
struct world *uneven_scene(int shards, const char *load, const char *keys);
/* So many shards, a whole partition, and thresholds for what they take. */
void assert_fitting(struct world *world, int64_t shards);

#endif
