/*
 * test_steps.c - the sweep to an even partition takes the fewest reshardings there are.
 */
#include "scaling/steps.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

static unsigned gcd(unsigned a, unsigned b)
{
    return b == 0 ? a : gcd(b, a % b);
}

/* Does all of them; the map must end as `target` even shards, never with more open than was said. */
static void sweep(struct shard_map *map, unsigned target, struct step_list *ret_steps)
{
    int64_t peak = (int64_t)map->count;
    struct error err;

    ck_assert_msg(steps_to_even(map, target, ret_steps, &err) == 0, "%s", err.message);
    for (size_t i = 0; i < ret_steps->count; i++) {
        apply_operation(map, &ret_steps->items[i]);
        if ((int64_t)map->count > peak)
            peak = (int64_t)map->count;
    }
    ck_assert_int_eq(shard_map_check(map, &err), 0);
    ck_assert_uint_eq(map->count, target);
    ck_assert(shard_map_is_even(map));
    ck_assert_uint_eq(ret_steps->splits + ret_steps->merges, ret_steps->count);
    ck_assert_int_eq(ret_steps->peak_shards, peak);
    ck_assert_uint_eq(ret_steps->after.count, map->count);
    for (size_t i = 0; i < map->count; i++)
        ck_assert(memcmp(&ret_steps->after.items[i], &map->items[i], sizeof(map->items[i])) == 0);
}

START_TEST(even_shards_take_the_fewest_splits_and_merges)
{
    unsigned from = (unsigned)_i;

    for (unsigned target = 1; target <= 48; target++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        SCOPED(step_list_clear) struct step_list steps = {0};
        unsigned shared = gcd(from, target);

        even_map(&map, from);
        sweep(&map, target, &steps);
        ck_assert_uint_eq(steps.splits, target - shared);
        ck_assert_uint_eq(steps.merges, from - shared);
        ck_assert_int_le(steps.peak_shards, (from > target ? from : target) + 1);
        if (target % from == 0)
            ck_assert_int_eq(steps.peak_shards, target);
    }
}
END_TEST

/* What was observed of UpdateShardCount: 4 to 3 splits shards 1 and 2 and leaves the ids 6, 9 and 10. */
START_TEST(four_to_three_goes_as_it_was_seen_on_aws)
{
    static const struct {
        enum operation_kind kind;
        const char *shard, *adjacent;
    } expected[] = {
        {OPERATION_SPLIT, "shardId-000000000001", ""},
        {OPERATION_MERGE, "shardId-000000000000", "shardId-000000000001/0"},
        {OPERATION_SPLIT, "shardId-000000000002", ""},
        {OPERATION_MERGE, "shardId-000000000001/1", "shardId-000000000002/0"},
        {OPERATION_MERGE, "shardId-000000000002/1", "shardId-000000000003"},
    };
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(step_list_clear) struct step_list steps = {0};

    even_map(&map, 4);
    sweep(&map, 3, &steps);
    ck_assert_uint_eq(steps.count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        ck_assert_int_eq(steps.items[i].kind, expected[i].kind);
        ck_assert_str_eq(steps.items[i].shard, expected[i].shard);
        ck_assert_str_eq(steps.items[i].adjacent, expected[i].adjacent);
    }
}
END_TEST

/* A split adds one boundary and a merge removes one, so what is shared already decides how few will do. */
START_TEST(any_partition_takes_the_fewest_splits_and_merges)
{
    uint64_t state = 1000 + (uint64_t)_i;

    for (int run = 0; run < 100; run++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        SCOPED(step_list_clear) struct step_list steps = {0};
        unsigned from = (unsigned)dice_between(&state, 1, 40), target = (unsigned)dice_between(&state, 1, 80);
        unsigned shared = 1;

        random_map(&map, from, &state);
        for (size_t i = 1; i < from; i++) {
            double border = hashkey_share(0, map.items[i].start) * target;

            shared += fabs(border - round(border)) < 1e-12 * target;
        }
        sweep(&map, target, &steps);
        ck_assert_uint_eq(steps.splits, target - shared);
        ck_assert_uint_eq(steps.merges, from - shared);
    }
}
END_TEST

START_TEST(what_is_even_already_takes_nothing)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(step_list_clear) struct step_list steps = {0};

    even_map(&map, 7);
    sweep(&map, 7, &steps);
    ck_assert_uint_eq(steps.count, 0);
}
END_TEST

START_TEST(tiny_ranges_are_merged_never_split)
{
    const hashkey middle = (hashkey)1 << 127;
    const hashkey borders[] = {1, 2, 5, middle - 1, middle, middle + 3, HASHKEY_MAX - 1, HASHKEY_MAX};

    for (unsigned target = 1; target <= 33; target++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        SCOPED(step_list_clear) struct step_list steps = {0};
        struct error err;
        hashkey start = 0;

        for (size_t i = 0; i <= COUNT_OF(borders); i++) {
            struct shard shard = {.start = start,
                                  .end = i < COUNT_OF(borders) ? borders[i] - 1 : HASHKEY_MAX};

            snprintf(shard.id, sizeof(shard.id), "s%zu", i);
            ck_assert_int_eq(shard_map_add(&map, &shard, &err), 0);
            start = i < COUNT_OF(borders) ? borders[i] : 0;
        }
        sweep(&map, target, &steps);
    }
}
END_TEST

START_TEST(ten_thousand_shards_take_a_moment)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(step_list_clear) struct step_list steps = {0};
    struct error err;

    even_map(&map, 10000);
    ck_assert_int_eq(steps_to_even(&map, 9999, &steps, &err), 0);
    ck_assert_uint_eq(steps.splits, 9998);
    ck_assert_uint_eq(steps.merges, 9999);
    ck_assert_int_eq(steps.peak_shards, 10001);
    ck_assert_int_eq(steps.items[steps.count - 1].target, 9999);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct step_list steps = {0};
    struct error err = {0};

    ck_assert_int_eq(steps_to_even(&map, 4, &steps, &err), -1);
    even_map(&map, 4);
    ck_assert_int_eq(steps_to_even(&map, 0, &steps, &err), -1);
    ck_assert_int_eq(steps_to_even(&map, -1, &steps, &err), -1);
    ck_assert_int_eq(steps_to_even(&map, 10001, &steps, &err), -1);
    ck_assert_str_eq(err.message, "a stream has 1 to 10000 shards, not 10001");
    map.items[1].end--;
    ck_assert_int_eq(steps_to_even(&map, 4, &steps, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_null(steps.items);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("steps");
    TCase *tcase = tcase_create("steps");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, even_shards_take_the_fewest_splits_and_merges, 1, 25);
    tcase_add_test(tcase, four_to_three_goes_as_it_was_seen_on_aws);
    tcase_add_loop_test(tcase, any_partition_takes_the_fewest_splits_and_merges, 0, 10);
    tcase_add_test(tcase, what_is_even_already_takes_nothing);
    tcase_add_test(tcase, tiny_ranges_are_merged_never_split);
    tcase_add_test(tcase, ten_thousand_shards_take_a_moment);
    tcase_add_test(tcase, what_cannot_be_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
