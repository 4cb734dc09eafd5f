/*
 * goal.c - the boundaries of two partitions, compared.
 */
#include "scaling/goal.h"

#include "base/text.h"

/* The lowest boundary of the goal that the map lacks; `index` is the shard that contains it. */
static bool find_missing(const struct shard_map *map, const hashkey *starts, size_t count, size_t *ret_index,
                         hashkey *ret_key)
{
    size_t shard = 0;

    for (size_t i = 0; i < count; i++) {
        while (shard < map->count && map->items[shard].end < starts[i])
            shard++;
        if (shard < map->count && map->items[shard].start != starts[i]) {
            *ret_index = shard;
            *ret_key = starts[i];
            return true;
        }
    }
    return false;
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
               struct operation *ret_operation)
{
    struct operation operation = {.target = (int64_t)map->count};
    size_t index;

    if (operation.target < ceiling && find_missing(map, starts, count, &index, &operation.new_start)) {
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
