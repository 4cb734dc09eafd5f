/*
 * The way from one partition to another.
 */
#include "support.h"

#include "base/memory.h"
#include "partition.h"
#include "scaling/goal.h"
#include "scaling/steps.h"

/* Goes all the way; counts, and holds the ceiling and the floor on every step. */
static void walk(struct shard_map *map, const hashkey *starts, size_t count, int64_t ceiling,
                 enum goal_order order, size_t *ret_splits, size_t *ret_merges)
{
    size_t from = map->count, floor = from < count ? from : count;
    struct operation operation;
    struct error err;

    /* As many as before, and no room for one more: there has to be one less for a while. */
    if (from == count && ceiling == (int64_t)count)
        floor--;

    *ret_splits = *ret_merges = 0;
    while (goal_next(map, starts, count, ceiling, order, NULL, &operation)) {
        apply_operation(map, &operation);
        ck_assert_int_eq(shard_map_check(map, &err), 0);
        ck_assert_int_eq(operation.target, (int64_t)map->count);
        *(operation.kind == OPERATION_SPLIT ? ret_splits : ret_merges) += 1;
        ck_assert_int_le((int64_t)map->count, ceiling);
        ck_assert_uint_ge(map->count, floor);
        ck_assert_uint_lt(*ret_splits + *ret_merges, from + count + 1);
    }
    ck_assert_uint_eq(map->count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert(map->items[i].start == starts[i]);
}

static int64_t gcd(int64_t a, int64_t b)
{
    return b == 0 ? a : gcd(b, a % b);
}

/* All pairs up to 24: target - g splits and N - g merges, whether or not there is room for one more. */
START_TEST(even_maps_take_the_fewest_calls_under_any_ceiling)
{
    for (int64_t to = 1; to <= 24; to++) {
        for (int64_t room = 0; room < 3; room++) {
            struct shard_map map = {0};
            struct step_list steps;
            struct error err;
            hashkey starts[32];
            size_t splits, merges;
            int64_t larger = _i > to ? _i : to;

            even_map(&map, (unsigned)_i);
            ck_assert_int_eq(steps_to_even(&map, to, &steps, &err), 0);
            for (size_t k = 0; k < steps.after.count; k++)
                starts[k] = steps.after.items[k].start;
            walk(&map, starts, steps.after.count, larger + room, GOAL_SWEEP, &splits, &merges);
            ck_assert_uint_eq(splits, steps.splits);
            ck_assert_uint_eq(merges, steps.merges);
            if (to % _i == 0 || _i % to == 0)
                ck_assert_uint_eq(splits + merges, (size_t)(to + _i - 2 * gcd(to, _i)));
            step_list_clear(&steps);
            shard_map_clear(&map);
        }
    }
}
END_TEST

/* Boundaries a few keys apart are those of AWS's rounding: no shard fits between them. */
static hashkey settled(const struct shard_map *map, hashkey start)
{
    for (size_t i = 0; i < map->count; i++) {
        hashkey there = map->items[i].start;

        if ((there > start ? there - start : start - there) <= 4)
            return there;
    }
    return start;
}

START_TEST(any_partition_becomes_any_other)
{
    uint64_t state = 4711;

    for (int round = 0; round < 1000; round++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        SCOPED(shard_map_clear) struct shard_map goal = {0};
        hashkey starts[40];
        size_t shared = 0, from, larger, splits, merges;

        random_map(&map, (unsigned)dice_between(&state, 1, 40), &state);
        random_map(&goal, (unsigned)dice_between(&state, 1, 40), &state);
        from = map.count;
        for (size_t i = 0; i < goal.count; i++)
            starts[i] = settled(&map, goal.items[i].start);
        for (size_t i = 1; i < from; i++) {
            for (size_t k = 1; k < goal.count; k++)
                shared += map.items[i].start == starts[k];
        }
        larger = from > goal.count ? from : goal.count;
        walk(&map, starts, goal.count, (int64_t)larger + dice_between(&state, 0, 3),
             round % 2 == 0 ? GOAL_SWEEP : GOAL_RELIEF, &splits, &merges);
        ck_assert_uint_eq(splits, goal.count - 1 - shared);
        ck_assert_uint_eq(merges, from - 1 - shared);
    }
}
END_TEST

/* Where nothing bounds how many are open, the splits come first, and no shard but the widest is split. */
START_TEST(relief_splits_the_widest_first_and_merges_last)
{
    for (unsigned to = 1; to <= 48; to++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        struct operation operation;
        bool merged = false;
        struct step_list steps;
        hashkey starts[48];
        struct error err;
        size_t splits;

        even_map(&map, (unsigned)_i);
        ck_assert_int_eq(steps_to_even(&map, to, &steps, &err), 0);
        for (size_t k = 0; k < steps.after.count; k++)
            starts[k] = steps.after.items[k].start;
        splits = goal_splits(&map, starts, steps.after.count);
        ck_assert_uint_eq(splits, steps.splits);
        while (goal_next(&map, starts, steps.after.count, INT64_MAX, GOAL_RELIEF, NULL, &operation)) {
            const struct shard *shard = shard_map_find(&map, operation.shard);
            double share = hashkey_share(shard->start, shard->end);

            if (operation.kind == OPERATION_SPLIT) {
                ck_assert(!merged);
                if (to % (unsigned)_i == 0)
                    ck_assert(share > 0.999 * shard_map_widest_share(&map));
                splits--;
            }
            merged = operation.kind == OPERATION_MERGE;
            apply_operation(&map, &operation);
        }
        ck_assert_uint_eq(splits, 0);
        ck_assert_uint_eq(map.count, to);
        ck_assert(shard_map_is_even(&map));
        step_list_clear(&steps);
    }
}
END_TEST

/* Four shards to sixteen: eight take twice the load as soon as four splits are done. */
START_TEST(relief_comes_with_every_whole_generation)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct operation operation;
    struct step_list steps;
    hashkey starts[16];
    struct error err;

    even_map(&map, 4);
    ck_assert_int_eq(steps_to_even(&map, 16, &steps, &err), 0);
    for (size_t k = 0; k < 16; k++)
        starts[k] = steps.after.items[k].start;
    for (int split = 1; split <= 12; split++) {
        ck_assert(goal_next(&map, starts, 16, INT64_MAX, GOAL_RELIEF, NULL, &operation));
        apply_operation(&map, &operation);
        ck_assert_double_eq(shard_map_effective(&map), split < 4 ? 4 : split < 12 ? 8 : 16);
    }
    step_list_clear(&steps);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("goal");
    TCase *tcase = tcase_create("goal");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, even_maps_take_the_fewest_calls_under_any_ceiling, 1, 25);
    tcase_add_test(tcase, any_partition_becomes_any_other);
    tcase_add_loop_test(tcase, relief_splits_the_widest_first_and_merges_last, 1, 25);
    tcase_add_test(tcase, relief_comes_with_every_whole_generation);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
