#include "partition.h"

#include "base/memory.h"
#include "scaling/steps.h"

#include <check.h>

const struct stream_config plain_stream = {
    .min_shards = 1, .max_shards = 64, .scale_up_threshold = 0.8, .target_utilization = 0.6};

struct demand worth(double shards)
{
    return (struct demand){.known = true,
                           .bytes_per_s = shards * SHARD_BYTES_PER_S,
                           .records_per_s = 100,
                           .accepted_bytes_per_s = shards * SHARD_BYTES_PER_S,
                           .accepted_records_per_s = 100};
}

uint64_t dice(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545F4914F6CDD1Du;
}

int64_t dice_between(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(dice(state) % (uint64_t)(high - low + 1));
}

double dice_fraction(uint64_t *state)
{
    return (double)(dice(state) >> 11) / 9007199254740992.0;
}

void even_map(struct shard_map *ret_map, unsigned count)
{
    *ret_map = (struct shard_map){0};
    for (unsigned i = 0; i < count; i++) {
        struct shard shard = {.start = hashkey_even_start(i, count)};
        struct error err;

        shard.end = i + 1 < count ? hashkey_even_start(i + 1, count) - 1 : HASHKEY_MAX;
        snprintf(shard.id, sizeof(shard.id), "shardId-%012u", i);
        ck_assert_int_eq(shard_map_add(ret_map, &shard, &err), 0);
    }
}

void random_map(struct shard_map *ret_map, unsigned count, uint64_t *state)
{
    struct error err;

    even_map(ret_map, (unsigned)dice_between(state, 1, 6));
    while (ret_map->count != count) {
        size_t i = (size_t)dice_between(state, 0, (int64_t)ret_map->count - 1);
        const struct shard *shard = &ret_map->items[i];
        hashkey key;

        if (ret_map->count > count || (ret_map->count > 1 && dice_fraction(state) < 0.2)) {
            ck_assert_int_eq(shard_map_merge(ret_map, i == ret_map->count - 1 ? i - 1 : i, &err), 0);
        } else {
            double fraction = dice_fraction(state) < 0.7 ? 0.5 : 0.05 + 0.9 * dice_fraction(state);

            ck_assert(hashkey_at_fraction(shard->start, shard->end, fraction, &key));
            ck_assert_int_eq(shard_map_split(ret_map, i, key, &err), 0);
        }
    }
}

static size_t index_of(const struct shard_map *map, const char *id)
{
    const struct shard *shard = shard_map_find(map, id);

    ck_assert_msg(shard != NULL, "there is no shard '%s'", id);
    return (size_t)(shard - map->items);
}

/* As AWS: same boundaries as the sweep. */
static void update(struct shard_map *map, int64_t target)
{
    struct step_list steps;
    struct error err;

    ck_assert_int_ne(target, (int64_t)map->count);
    ck_assert_int_ge(2 * target, (int64_t)map->count);
    ck_assert_int_le(target, 2 * (int64_t)map->count);
    ck_assert_int_eq(steps_to_even(map, target, &steps, &err), 0);
    for (size_t i = 0; i < steps.count; i++)
        apply_operation(map, &steps.items[i]);
    step_list_clear(&steps);
}

void apply_operation(struct shard_map *map, const struct operation *operation)
{
    struct error err;
    size_t index;

    switch (operation->kind) {
    case OPERATION_SPLIT:
        index = index_of(map, operation->shard);
        ck_assert_msg(shard_map_split(map, index, operation->new_start, &err) == 0, "%s", err.message);
        break;
    case OPERATION_MERGE:
        index = index_of(map, operation->shard);
        ck_assert_uint_eq(index_of(map, operation->adjacent), index + 1);
        ck_assert_msg(shard_map_merge(map, index, &err) == 0, "%s", err.message);
        break;
    case OPERATION_UPDATE:
        update(map, operation->target);
        break;
    default:
        ck_abort_msg("operation of kind %d", operation->kind);
    }
    ck_assert_int_eq((int64_t)map->count, operation->target);
}

void apply_split_as_aws(struct shard_map *map, const struct operation *operation)
{
    size_t index = index_of(map, operation->shard);
    long long last = 0;

    for (size_t i = 0; i < map->count;
         i++) { /* no shard has a greater number than the newest, which is open */
        long long number = strtoll(map->items[i].id + strlen("shardId-"), NULL, 10);

        last = number > last ? number : last;
    }
    ck_assert_int_eq(operation->kind, OPERATION_SPLIT);
    apply_operation(map, operation);
    snprintf(map->items[index].id, SHARD_ID_SIZE, "shardId-%012lld", last + 1);
    snprintf(map->items[index + 1].id, SHARD_ID_SIZE, "shardId-%012lld", last + 2);
}
