/*
 * division.h - which neighbours a scale-down puts together.  Internal to plan_down.
 */
#ifndef SCALING_DIVISION_H
#define SCALING_DIVISION_H

#include "window.h"

struct division {
    size_t *ends; /* of each group: the index after its last shard */
    size_t count;
    double fullest; /* what the fullest group carries in its worst period, in shards */
};

/*
 * `map` is the map of the facts unless the load is spread by width.  Every period of the window is known.
 * Cleared with division_clear().
 */
void division_find(const struct window *window, const struct shard_map *map, struct division *ret_division);
void division_clear(struct division *division);

#endif
