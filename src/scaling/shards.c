/*
 * shards.c - the open shards of a stream as a partition of the hash key space.
 *
 * Shares are doubles: 2^-53 of a range is far above AWS's rounding (a few keys
 * of 2^114 or more), so everything that asks "are these equal?" allows one part
 * in 10^9.
 */
#include "scaling/shards.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

#define SAME_WIDTH 1e-9 /* relative */

/* An UpdateShardCount on its way can have more than are allowed to stay. */
enum { LISTED_MAX = SHARDS_PER_STREAM_MAX * 2 };

void shard_map_clear(struct shard_map *map)
{
    free(map->items);
    *map = (struct shard_map){0};
}

void shard_map_copy(struct shard_map *target, const struct shard_map *source)
{
    *target = (struct shard_map){0};
    if (source->count == 0)
        return;
    target->items = must_calloc(source->count, sizeof(target->items[0]));
    memcpy(target->items, source->items, source->count * sizeof(target->items[0]));
    target->count = target->capacity = source->count;
}

/* Opens a hole at `index`; the caller fills it. */
static void make_room(struct shard_map *map, size_t index)
{
    if (map->count == map->capacity) {
        map->capacity = map->capacity == 0 ? 16 : map->capacity * 2;
        map->items = must_realloc(map->items, map->capacity, sizeof(map->items[0]));
    }
    memmove(&map->items[index + 1], &map->items[index], (map->count - index) * sizeof(map->items[0]));
    map->count++;
}

/* The first item that starts after `start`. */
static size_t position_after(const struct shard_map *map, hashkey start)
{
    size_t low = 0, high = map->count;

    if (map->count > 0 && map->items[map->count - 1].start <= start) /* AWS mostly lists them in order */
        return map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (map->items[middle].start <= start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int shard_map_add(struct shard_map *map, const struct shard *shard, struct error *err)
{
    size_t index;

    if (map->count >= LISTED_MAX)
        return error_set(err, ERROR_INPUT, "more than %d open shards", LISTED_MAX);
    if (shard->start > shard->end)
        return error_set(err, ERROR_INPUT, "shard '%s' ends before it starts", shard->id);
    index = position_after(map, shard->start);
    make_room(map, index);
    map->items[index] = *shard;
    return 0;
}

struct shard *shard_map_find(const struct shard_map *map, const char *id)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->items[i].id, id) == 0)
            return &map->items[i];
    }
    return NULL;
}

static int complain_gap(hashkey first, hashkey last, struct error *err)
{
    char from[HASHKEY_TEXT_SIZE], to[HASHKEY_TEXT_SIZE];

    hashkey_format(first, from);
    hashkey_format(last, to);
    return error_set(err, ERROR_INPUT, "no open shard covers the hash keys %s to %s", from, to);
}

int shard_map_check(const struct shard_map *map, struct error *err)
{
    const struct shard *last;

    if (map->count == 0)
        return complain_gap(0, HASHKEY_MAX, err);
    if (map->items[0].start != 0)
        return complain_gap(0, map->items[0].start - 1, err);
    for (size_t i = 1; i < map->count; i++) {
        const struct shard *lower = &map->items[i - 1], *upper = &map->items[i];

        if (upper->start <= lower->end)
            return error_set(err, ERROR_INPUT, "open shards '%s' and '%s' overlap", lower->id, upper->id);
        if (upper->start - lower->end != 1)
            return complain_gap(lower->end + 1, upper->start - 1, err);
    }
    last = &map->items[map->count - 1];
    return last->end == HASHKEY_MAX ? 0 : complain_gap(last->end + 1, HASHKEY_MAX, err);
}

double shard_map_widest_share(const struct shard_map *map)
{
    double widest = 0;

    for (size_t i = 0; i < map->count; i++)
        widest = fmax(widest, hashkey_share(map->items[i].start, map->items[i].end));
    return widest;
}

double shard_map_effective(const struct shard_map *map)
{
    double shards, whole;

    if (map->count == 0)
        return 0;
    if (shard_map_is_even(map))
        return (double)map->count;
    /* 1/(1/n) is not n for every n, and a part of a generation leaves a widest shard of just 1/n. */
    shards = 1 / shard_map_widest_share(map);
    whole = round(shards);
    return fabs(shards - whole) <= SAME_WIDTH * whole ? whole : shards;
}

bool shard_map_is_even(const struct shard_map *map)
{
    double widest = shard_map_widest_share(map);

    for (size_t i = 0; i < map->count; i++) {
        if (hashkey_share(map->items[i].start, map->items[i].end) < widest * (1 - SAME_WIDTH))
            return false;
    }
    return true;
}

double shard_map_even_load(const struct shard_map *map, const double *loads, int64_t count)
{
    /* `before` and `load_before` are what lies below shard `at`, `done` what lies below even shard i. */
    double fullest = 0, before = 0, load_before = 0, done = 0;
    double share = hashkey_share(map->items[0].start, map->items[0].end);
    size_t at = 0;

    for (int64_t i = 1; i <= count; i++) {
        double border = (double)i / (double)count, below;

        while (at + 1 < map->count && before + share <= border) {
            before += share;
            load_before += loads[at++];
            share = hashkey_share(map->items[at].start, map->items[at].end);
        }
        below = load_before + loads[at] * (border - before) / share;
        fullest = fmax(fullest, below - done);
        done = below;
    }
    return fullest;
}

/* When a name would not fit.  With the start alone, a "/1" of long ago and one of today could be the same. */
static void name_by_range(struct shard *shard)
{
    char start[HASHKEY_TEXT_SIZE], end[HASHKEY_TEXT_SIZE];

    hashkey_format(shard->start, start);
    hashkey_format(shard->end, end);
    snprintf(shard->id, sizeof(shard->id), "key-%s-%s", start, end);
}

void shard_halves(const struct shard *shard, hashkey key, struct shard *ret_lower, struct shard *ret_upper)
{
    struct shard lower = {.start = shard->start, .end = key - 1};
    struct shard upper = {.start = key, .end = shard->end};

    (void)text_copy(lower.parent, sizeof(lower.parent), shard->id); /* same size */
    (void)text_copy(upper.parent, sizeof(upper.parent), shard->id);
    if (strlen(shard->id) + 2 < SHARD_ID_SIZE) {
        snprintf(lower.id, sizeof(lower.id), "%.*s/0", SHARD_ID_SIZE - 3, shard->id);
        snprintf(upper.id, sizeof(upper.id), "%.*s/1", SHARD_ID_SIZE - 3, shard->id);
    } else {
        name_by_range(&lower);
        name_by_range(&upper);
    }
    *ret_lower = lower;
    *ret_upper = upper;
}

void shard_union(const struct shard *lower, const struct shard *upper, struct shard *ret_union)
{
    struct shard both = {.start = lower->start, .end = upper->end};
    size_t length = strlen(lower->id);

    (void)text_copy(both.parent, sizeof(both.parent), lower->id); /* same size */
    (void)text_copy(both.adjacent_parent, sizeof(both.adjacent_parent), upper->id);
    if (length + 1 + strlen(upper->id) < SHARD_ID_SIZE)
        snprintf(both.id, sizeof(both.id), "%.*s+%.*s", (int)length, lower->id,
                 (int)(SHARD_ID_SIZE - 2 - length), upper->id);
    else
        name_by_range(&both);
    *ret_union = both;
}

int shard_map_split(struct shard_map *map, size_t index, hashkey key, struct error *err)
{
    struct shard whole;

    if (index >= map->count)
        return error_set(err, ERROR_INPUT, "there is no shard number %zu to split", index);
    whole = map->items[index];
    if (key <= whole.start || key - whole.start < 2 || key >= whole.end)
        return error_set(err, ERROR_INPUT, "shard '%s' cannot be split there", whole.id);
    if (map->count >= LISTED_MAX)
        return error_set(err, ERROR_INPUT, "more than %d open shards", LISTED_MAX);
    make_room(map, index);
    shard_halves(&whole, key, &map->items[index], &map->items[index + 1]);
    return 0;
}

int shard_map_merge(struct shard_map *map, size_t index, struct error *err)
{
    struct shard both;

    if (index >= map->count || map->count - index < 2)
        return error_set(err, ERROR_INPUT, "there is no shard number %zu to merge", index + 1);
    if (map->items[index].end == HASHKEY_MAX || map->items[index].end + 1 != map->items[index + 1].start)
        return error_set(err, ERROR_INPUT, "shards '%s' and '%s' are not adjacent", map->items[index].id,
                         map->items[index + 1].id);
    shard_union(&map->items[index], &map->items[index + 1], &both);
    map->items[index] = both;
    memmove(&map->items[index + 1], &map->items[index + 2], (map->count - index - 2) * sizeof(both));
    map->count--;
    return 0;
}
