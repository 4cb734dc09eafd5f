/*
 * lineage.c - what the splits of a stream show of its load, kept from look to look.
 *
 * A split shows as two open neighbours with the same parent, whoever made it; each look with shard-level metrics
 * writes down what both carry.  When one of them is split or merged, what was written last is what remains.
 */
#include "turn.h"

#include "base/memory.h"
#include "base/text.h"
#include "store/splits.h"

#include <math.h>

static bool came_from_split(const struct shard *shard)
{
    return shard->parent[0] != '\0' && shard->adjacent_parent[0] == '\0';
}

/* CloudWatch has nothing of a shard that took nothing: where its sibling has figures, that is what is missing. */
static double load_of(const struct shard_load *own, const struct shard_load *sibling)
{
    if (!own->demand.known && sibling->demand.known)
        return 0;
    return demand_utilization(&own->demand, 1);
}

/* The open pairs; the caller frees. */
static struct lineage_split *open_splits(const struct shard_map *map, const struct shard_load *loads,
                                         size_t *ret_count)
{
    struct lineage_split *splits = must_calloc(map->count, sizeof(*splits));
    size_t count = 0;

    for (size_t i = 0; i + 1 < map->count; i++) {
        const struct shard *lower = &map->items[i], *upper = lower + 1;

        if (!came_from_split(lower) || !came_from_split(upper) || !text_equal(lower->parent, upper->parent))
            continue;
        splits[count] = (struct lineage_split){.start = lower->start,
                                               .end = upper->end,
                                               .at = upper->start,
                                               .lower_load = load_of(&loads[i], &loads[i + 1]),
                                               .upper_load = load_of(&loads[i + 1], &loads[i])};
        (void)text_copy(splits[count++].parent, SHARD_ID_SIZE, lower->parent);
    }
    *ret_count = count;
    return splits;
}

static bool is_same(const struct lineage_split *one, const struct lineage_split *other)
{
    return text_equal(one->parent, other->parent) && one->start == other->start && one->end == other->end &&
           one->at == other->at;
}

/* What is seen now goes before what was kept. */
static void merge(struct turn *turn, const struct lineage_split *now, size_t count)
{
    size_t kept = turn->split_count;

    turn->splits = must_realloc(turn->splits, kept + count + 1, sizeof(*turn->splits));
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;

        while (at < kept && !is_same(&turn->splits[at], &now[i]))
            at++;
        if (at == kept) {
            turn->splits[turn->split_count] = now[i];
            turn->splits[turn->split_count++].at_ms = turn->now_ms;
        } else if (!isnan(now[i].lower_load) && !isnan(now[i].upper_load)) {
            turn->splits[at].lower_load = now[i].lower_load;
            turn->splits[at].upper_load = now[i].upper_load;
        }
    }
}

int lineage_look(struct turn *turn, const struct shard_load *loads, struct error *err)
{
    size_t count;
    struct lineage_split *now = open_splits(&turn->shards, loads, &count);
    int result;

    free(turn->splits);
    turn->splits = NULL;
    turn->split_count = 0;
    result = store_splits_load(turn->store, turn->config->name, turn->now_ms - LINEAGE_MS, &turn->splits,
                               &turn->split_count, err);
    if (result == 0)
        merge(turn, now, count);
    if (result == 0 && turn->locked)
        result = store_splits_seen(turn->store, turn->config->name, now, count, turn->now_ms, err);
    free(now);
    return result;
}
