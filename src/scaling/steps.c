/*
 * steps.c - the reshardings between one partition and an even one.
 *
 * One sweep from the lowest hash key up.  `front` is the open shard that begins
 * where the finished ones end; the shards after it are as they came.  So a split
 * or merge costs no search, and at most one shard more than max(N, target) is
 * ever open.
 */
#include "scaling/steps.h"

#include "base/memory.h"
#include "base/text.h"

struct sweep {
    const struct shard_map *map;
    size_t next; /* the first shard of the map that front does not contain */
    struct shard front;
    hashkey slack; /* boundaries this near to each other are the same: AWS rounds in several ways */
    int64_t open;
    size_t capacity;
    struct step_list steps;
};

static struct operation *add_step(struct sweep *sweep, enum operation_kind kind, const char *shard)
{
    struct step_list *steps = &sweep->steps;
    struct operation *step;

    if (steps->count == sweep->capacity) {
        sweep->capacity = sweep->capacity == 0 ? 16 : sweep->capacity * 2;
        steps->items = must_realloc(steps->items, sweep->capacity, sizeof(steps->items[0]));
    }
    sweep->open += kind == OPERATION_SPLIT ? 1 : -1;
    if (sweep->open > steps->peak_shards)
        steps->peak_shards = sweep->open;
    step = &steps->items[steps->count++];
    *step = (struct operation){.kind = kind, .target = sweep->open};
    (void)text_copy(step->shard, sizeof(step->shard), shard); /* same size */
    return step;
}

static void split(struct sweep *sweep, const struct shard *shard, hashkey key, struct shard *ret_lower,
                  struct shard *ret_upper)
{
    add_step(sweep, OPERATION_SPLIT, shard->id)->new_start = key;
    sweep->steps.splits++;
    shard_halves(shard, key, ret_lower, ret_upper);
}

/* Front grows by its neighbour. */
static void merge(struct sweep *sweep, const struct shard *upper)
{
    struct operation *step = add_step(sweep, OPERATION_MERGE, sweep->front.id);
    struct shard both;

    (void)text_copy(step->adjacent, sizeof(step->adjacent), upper->id);
    sweep->steps.merges++;
    shard_union(&sweep->front, upper, &both);
    sweep->front = both;
}

static bool near(const struct sweep *sweep, hashkey a, hashkey b)
{
    return (a > b ? a - b : b - a) <= sweep->slack;
}

/* There are never more than the target, and they come in their order. */
static void finish(struct sweep *sweep, const struct shard *shard)
{
    struct error err;

    (void)shard_map_add(&sweep->steps.after, shard, &err);
}

static void take_next(struct sweep *sweep)
{
    if (sweep->next < sweep->map->count)
        sweep->front = sweep->map->items[sweep->next++];
}

/* Makes front a finished shard that ends at `end`, then moves on to what comes after it. */
static void finish_one(struct sweep *sweep, hashkey end)
{
    while (!near(sweep, sweep->front.end, end)) {
        struct shard lower, upper;
        const struct shard *neighbour;

        if (sweep->front.end > end) {
            split(sweep, &sweep->front, end + 1, &lower, &upper);
            finish(sweep, &lower);
            sweep->front = upper;
            return;
        }
        neighbour = &sweep->map->items[sweep->next++];
        if (neighbour->end > end && !near(sweep, neighbour->end, end)) {
            split(sweep, neighbour, end + 1, &lower, &upper);
            merge(sweep, &lower);
            finish(sweep, &sweep->front);
            sweep->front = upper;
            return;
        }
        merge(sweep, neighbour);
    }
    finish(sweep, &sweep->front);
    take_next(sweep);
}

int steps_to_even(const struct shard_map *map, int64_t target, struct step_list *ret_steps, struct error *err)
{
    struct sweep sweep = {.map = map, .open = (int64_t)map->count};

    if (target < 1 || target > SHARDS_PER_STREAM_MAX)
        return error_set(err, ERROR_INPUT, "a stream has 1 to %d shards, not %lld", SHARDS_PER_STREAM_MAX,
                         (long long)target);
    if (shard_map_check(map, err) < 0)
        return -1;

    sweep.steps.peak_shards = sweep.open;
    sweep.slack = HASHKEY_MAX / (hashkey)target / 1000000000000U;
    take_next(&sweep);
    for (unsigned i = 1; i < (unsigned)target; i++)
        finish_one(&sweep, hashkey_even_start(i, (unsigned)target) - 1);
    while (sweep.next < map->count)
        merge(&sweep, &map->items[sweep.next++]);
    finish(&sweep, &sweep.front);
    *ret_steps = sweep.steps;
    return 0;
}

void step_list_clear(struct step_list *steps)
{
    free(steps->items);
    shard_map_clear(&steps->after);
    *steps = (struct step_list){0};
}
