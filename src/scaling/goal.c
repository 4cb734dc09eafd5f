/*
 * goal.c - the boundaries of two partitions, compared.
 */
#include "scaling/goal.h"

#include "base/text.h"

#include <math.h>

/* A boundary of the goal that the map lacks; `index` is the shard that contains it. */
struct missing {
    size_t index;
    hashkey key;
    double load;   /* of that shard */
    double beside; /* how far the key is from its middle, by load */
};

/* Widths and middles of shards of one generation differ by AWS's rounding. */
static bool is_about(double a, double b)
{
    return fabs(a - b) <= ldexp(a, -30);
}

static bool relieves_sooner(const struct missing *one, const struct missing *other)
{
    if (!is_about(one->load, other->load))
        return one->load > other->load;
    return one->index == other->index && one->beside < other->beside;
}

/* The one to add next; returns how many there are. */
static size_t find_missing(const struct shard_map *map, const hashkey *starts, size_t count,
                           enum goal_order order, const struct spread *spread, struct missing *ret_missing)
{
    const struct spread even = {0};
    size_t shard = 0, found = 0;

    if (spread == NULL)
        spread = &even;
    for (size_t i = 0; i < count; i++) {
        const struct shard *around;
        struct missing missing = {.key = starts[i]};

        while (shard < map->count && map->items[shard].end < starts[i])
            shard++;
        if (shard == map->count || map->items[shard].start == starts[i])
            continue;
        around = &map->items[shard];
        missing.index = shard;
        missing.load = spread_part(spread, around->start, around->end);
        missing.beside = fabs(spread_part(spread, around->start, starts[i] - 1) - missing.load / 2);
        if (found++ == 0 || (order == GOAL_RELIEF && relieves_sooner(&missing, ret_missing)))
            *ret_missing = missing;
    }
    return found;
}

size_t goal_splits(const struct shard_map *map, const hashkey *starts, size_t count)
{
    struct missing missing;

    return find_missing(map, starts, count, GOAL_SWEEP, NULL, &missing);
}

/* The lowest boundary of the map that the goal lacks: between `index` and the shard after it. */
static bool find_extra(const struct shard_map *map, const hashkey *starts, size_t count, size_t *ret_index)
{
    size_t i = 0;

    for (size_t shard = 1; shard < map->count; shard++) {
        while (i < count && starts[i] < map->items[shard].start)
            i++;
        if (i == count || starts[i] != map->items[shard].start) {
            *ret_index = shard - 1;
            return true;
        }
    }
    return false;
}

bool goal_next(const struct shard_map *map, const hashkey *starts, size_t count, int64_t ceiling,
               enum goal_order order, const struct spread *spread, struct operation *ret_operation)
{
    struct operation operation = {.target = (int64_t)map->count};
    struct missing missing;
    size_t index;

    if (operation.target < ceiling && find_missing(map, starts, count, order, spread, &missing) > 0) {
        index = missing.index;
        operation.new_start = missing.key;
        operation.kind = OPERATION_SPLIT;
        operation.target++;
    } else if (find_extra(map, starts, count, &index)) {
        operation.kind = OPERATION_MERGE;
        operation.new_start = 0;
        operation.target--;
        (void)text_copy(operation.adjacent, sizeof(operation.adjacent), map->items[index + 1].id);
    } else {
        return false;
    }
    (void)text_copy(operation.shard, sizeof(operation.shard), map->items[index].id);
    *ret_operation = operation;
    return true;
}
