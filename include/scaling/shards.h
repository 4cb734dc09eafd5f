/*
 * shards.h - the open shards of a stream as a partition of the hash key space.
 *
 * Pure.  A map is kept sorted by start of range.
 */
#ifndef SCALING_SHARDS_H
#define SCALING_SHARDS_H

#include "base/error.h"
#include "base/hashkey.h"
#include "scaling/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shard {
    char id[SHARD_ID_SIZE];
    char parent[SHARD_ID_SIZE];          /* "" when none is known */
    char adjacent_parent[SHARD_ID_SIZE]; /* "" unless it came from a merge */
    hashkey start;
    hashkey end; /* inclusive */
};

struct shard_map {
    struct shard *items;
    size_t count;
    size_t capacity;
};

/* Begins zeroed: struct shard_map map = {0}. */
void shard_map_clear(struct shard_map *map);
void shard_map_copy(struct shard_map *target, const struct shard_map *source); /* target begins zeroed */
/* Keeps the order by start.  ERROR_INPUT beyond SHARDS_PER_STREAM_MAX * 2 shards or when start > end. */
int shard_map_add(struct shard_map *map, const struct shard *shard, struct error *err);
/* NULL when there is none of that id.  Linear. */
struct shard *shard_map_find(const struct shard_map *map, const char *id);

/* ERROR_INPUT that names the gap or overlap unless the ranges cover 0..2^128-1 exactly once. */
int shard_map_check(const struct shard_map *map, struct error *err);

/* Share of the widest shard, 0..1; 0 for an empty map. */
double shard_map_widest_share(const struct shard_map *map);
/* How many shards' worth of evenly spread load the stream takes: 1 / widest share.  0 for an empty map.
 * For shards that are even up to AWS's rounding it is the count exactly. */
double shard_map_effective(const struct shard_map *map);
/* All within one part in 10^9 of each other. */
bool shard_map_is_even(const struct shard_map *map);
/* What the fullest of `count` even shards would carry, where loads[i] lies evenly on the range of shard i. */
double shard_map_even_load(const struct shard_map *map, const double *loads, int64_t count);

/*
 * What a split or merge would leave, before AWS has named it: "ID/0" and "ID/1", "A+B", or, where that
 * would be too long, "key-START-END".  Unlike any other made-up id of shards open at the same time.
 */
void shard_halves(const struct shard *shard, hashkey key, struct shard *ret_lower, struct shard *ret_upper);
void shard_union(const struct shard *lower, const struct shard *upper, struct shard *ret_union);

/* Replaces item `index` by its halves.  ERROR_INPUT unless start + 1 < key < end, as AWS wants it. */
int shard_map_split(struct shard_map *map, size_t index, hashkey key, struct error *err);
/* Replaces `index` and `index + 1` by their union.  ERROR_INPUT unless they are adjacent. */
int shard_map_merge(struct shard_map *map, size_t index, struct error *err);

#endif
