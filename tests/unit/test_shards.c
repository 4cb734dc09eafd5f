/*
 * test_shards.c - the open shards of a stream as a partition of the hash key space.
 */
#include "scaling/shards.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

static struct shard shard_of(const char *id, hashkey start, hashkey end)
{
    struct shard shard = {.start = start, .end = end};

    snprintf(shard.id, sizeof(shard.id), "%s", id);
    return shard;
}

static void add(struct shard_map *map, const char *id, hashkey start, hashkey end)
{
    struct shard shard = shard_of(id, start, end);
    struct error err;

    ck_assert_int_eq(shard_map_add(map, &shard, &err), 0);
}

START_TEST(a_map_is_sorted_whatever_the_order_of_listing)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct error err;

    add(&map, "c", 200, HASHKEY_MAX);
    add(&map, "a", 0, 99);
    add(&map, "b", 100, 199);
    ck_assert_int_eq(shard_map_check(&map, &err), 0);
    ck_assert_str_eq(map.items[0].id, "a");
    ck_assert_str_eq(map.items[1].id, "b");
    ck_assert_str_eq(map.items[2].id, "c");
    ck_assert_ptr_eq(shard_map_find(&map, "b"), &map.items[1]);
    ck_assert_ptr_null(shard_map_find(&map, "d"));
}
END_TEST

START_TEST(a_shard_that_ends_before_it_starts_is_refused)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct shard wrong = shard_of("x", 5, 4);
    struct error err;

    ck_assert_int_eq(shard_map_add(&map, &wrong, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, "shard 'x' ends before it starts");
    ck_assert_uint_eq(map.count, 0);
}
END_TEST

START_TEST(a_listing_has_a_ceiling)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct shard one = shard_of("x", 0, 0);
    struct error err;

    for (int i = 0; i < SHARDS_PER_STREAM_MAX * 2; i++) {
        one.start = one.end = (hashkey)i;
        ck_assert_int_eq(shard_map_add(&map, &one, &err), 0);
    }
    ck_assert_int_eq(shard_map_add(&map, &one, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_uint_eq(map.count, SHARDS_PER_STREAM_MAX * 2);
}
END_TEST

#define TOP "340282366920938463463374607431768211455"

static const struct {
    struct {
        const char *id;
        hashkey start, end;
    } shards[3];
    const char *fault;
} broken[] = {
    {{{0}}, "no open shard covers the hash keys 0 to " TOP},
    {{{"a", 1, HASHKEY_MAX}}, "no open shard covers the hash keys 0 to 0"},
    {{{"a", 0, 9}, {"b", 11, HASHKEY_MAX}}, "no open shard covers the hash keys 10 to 10"},
    {{{"a", 0, 9}, {"b", 9, HASHKEY_MAX}}, "open shards 'a' and 'b' overlap"},
    {{{"a", 0, HASHKEY_MAX}, {"b", 9, HASHKEY_MAX}}, "open shards 'a' and 'b' overlap"},
    {{{"a", 0, 99}, {"b", 9, 20}, {"c", 100, HASHKEY_MAX}}, "open shards 'a' and 'b' overlap"},
    {{{"a", 0, HASHKEY_MAX - 1}}, "no open shard covers the hash keys " TOP " to " TOP},
    {{{"a", 0, HASHKEY_MAX}, {"b", HASHKEY_MAX, HASHKEY_MAX}}, "open shards 'a' and 'b' overlap"},
};

START_TEST(a_gap_or_overlap_is_named)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct error err = {0};

    for (size_t i = 0; i < 3 && broken[_i].shards[i].id != NULL; i++)
        add(&map, broken[_i].shards[i].id, broken[_i].shards[i].start, broken[_i].shards[i].end);
    ck_assert_int_eq(shard_map_check(&map, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, broken[_i].fault);
}
END_TEST

START_TEST(even_shards_are_worth_their_count_exactly)
{
    static const unsigned large[] = {999, 1024, 4096, 9973, 9999, 10000};

    for (unsigned i = 0; i < 600 + COUNT_OF(large); i++) {
        unsigned count = i < 600 ? i + 1 : large[i - 600];
        SCOPED(shard_map_clear) struct shard_map map = {0};
        struct error err;

        even_map(&map, count);
        ck_assert_int_eq(shard_map_check(&map, &err), 0);
        ck_assert(shard_map_is_even(&map));
        ck_assert_msg(shard_map_effective(&map) == (double)count, "%u shards are worth %.17g", count,
                      shard_map_effective(&map));
    }
}
END_TEST

START_TEST(a_part_of_a_generation_is_worth_nothing)
{
    for (unsigned count = 2; count <= 200; count++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        struct error err;
        hashkey key;

        even_map(&map, count);
        ck_assert(hashkey_middle(map.items[0].start, map.items[0].end, &key));
        ck_assert_int_eq(shard_map_split(&map, 0, key, &err), 0);
        ck_assert(!shard_map_is_even(&map));
        ck_assert(shard_map_effective(&map) == (double)count);
    }
}
END_TEST

START_TEST(a_widest_share_that_is_no_whole_part_stays_what_it_is)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    hashkey key = (HASHKEY_MAX >> 3) * 5; /* 5/8 */

    add(&map, "a", 0, key - 1);
    add(&map, "b", key, HASHKEY_MAX);
    ck_assert_double_eq_tol(shard_map_widest_share(&map), 0.625, 1e-12);
    ck_assert_double_eq_tol(shard_map_effective(&map), 1.6, 1e-12);
}
END_TEST

START_TEST(an_empty_map_is_worth_nothing)
{
    struct shard_map map = {0};

    ck_assert_double_eq(shard_map_widest_share(&map), 0);
    ck_assert_double_eq(shard_map_effective(&map), 0);
    shard_map_clear(&map);
}
END_TEST

/* Shard 0 of 2 was split: a half and two quarters carry 1, 0.4 and 0.2. */
START_TEST(even_shards_carry_what_lies_on_their_ranges)
{
    const double loads[] = {0.4, 0.2, 1};
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct error err;

    even_map(&map, 2);
    ck_assert_int_eq(shard_map_split(&map, 0, (hashkey)1 << 126, &err), 0);
    ck_assert_double_eq_tol(shard_map_even_load(&map, loads, 1), 1.6, 1e-12);
    ck_assert_double_eq_tol(shard_map_even_load(&map, loads, 2), 1, 1e-12);
    ck_assert_double_eq_tol(shard_map_even_load(&map, loads, 3), 2.0 / 3, 1e-12);
    ck_assert_double_eq_tol(shard_map_even_load(&map, loads, 4), 0.5, 1e-12);
    ck_assert_double_eq_tol(shard_map_even_load(&map, (double[]){0.4, 0.9, 0}, 3), 0.7, 1e-12);
    ck_assert_double_eq_tol(shard_map_even_load(&map, loads, 10000), 1.0 / 5000, 1e-9);
}
END_TEST

START_TEST(a_split_leaves_two_halves_with_their_parent)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct error err;

    even_map(&map, 2);
    ck_assert_int_eq(shard_map_split(&map, 1, (hashkey)3 << 126, &err), 0);
    ck_assert_uint_eq(map.count, 3);
    ck_assert_int_eq(shard_map_check(&map, &err), 0);
    ck_assert_str_eq(map.items[1].id, "shardId-000000000001/0");
    ck_assert_str_eq(map.items[2].id, "shardId-000000000001/1");
    ck_assert_str_eq(map.items[2].parent, "shardId-000000000001");
    ck_assert_str_eq(map.items[2].adjacent_parent, "");
    ck_assert(map.items[2].start == (hashkey)3 << 126);
}
END_TEST

START_TEST(a_merge_leaves_the_union_with_both_parents)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct error err;

    even_map(&map, 3);
    ck_assert_int_eq(shard_map_merge(&map, 1, &err), 0);
    ck_assert_uint_eq(map.count, 2);
    ck_assert_int_eq(shard_map_check(&map, &err), 0);
    ck_assert_str_eq(map.items[1].id, "shardId-000000000001+shardId-000000000002");
    ck_assert_str_eq(map.items[1].parent, "shardId-000000000001");
    ck_assert_str_eq(map.items[1].adjacent_parent, "shardId-000000000002");
}
END_TEST

/* AWS wants start + 1 < key < end. */
START_TEST(a_split_at_the_edge_of_a_range_is_refused)
{
    static const struct {
        hashkey key;
        bool allowed;
    } keys[] = {{0, false},  {9, false},  {10, false}, {11, false}, {12, true},          {18, true},
                {19, false}, {20, false}, {21, false}, {0, false},  {HASHKEY_MAX, false}};

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        struct error err;

        add(&map, "a", 0, 9);
        add(&map, "b", 10, 19);
        add(&map, "c", 20, HASHKEY_MAX);
        ck_assert_int_eq(shard_map_split(&map, 1, keys[i].key, &err), keys[i].allowed ? 0 : -1);
        ck_assert_uint_eq(map.count, keys[i].allowed ? 4 : 3);
    }
}
END_TEST

START_TEST(what_is_not_there_is_neither_split_nor_merged)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct error err;

    even_map(&map, 2);
    ck_assert_int_eq(shard_map_split(&map, 2, 5, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_int_eq(shard_map_merge(&map, 1, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    map.items[1].start++;
    ck_assert_int_eq(shard_map_merge(&map, 0, &err), -1);
    ck_assert_str_eq(err.message,
                     "shards 'shardId-000000000000' and 'shardId-000000000001' are not adjacent");
    ck_assert_uint_eq(map.count, 2);
}
END_TEST

START_TEST(made_up_ids_stay_unlike_each_other_when_they_no_longer_fit)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    uint64_t state = 42;
    struct error err;

    even_map(&map, 2);
    for (int i = 0; i < 3000; i++) {
        size_t at = (size_t)dice_between(&state, 0, (int64_t)map.count - 1);
        hashkey key;

        if (map.count > 30) /* long names by merging */
            ck_assert_int_eq(shard_map_merge(&map, at == map.count - 1 ? at - 1 : at, &err), 0);
        else if (hashkey_middle(map.items[at].start, map.items[at].end, &key))
            ck_assert_int_eq(shard_map_split(&map, at, key, &err), 0);
        for (size_t j = 0; j < map.count; j++)
            ck_assert_ptr_eq(shard_map_find(&map, map.items[j].id), &map.items[j]);
    }
    ck_assert_int_eq(shard_map_check(&map, &err), 0);
}
END_TEST

START_TEST(a_copy_stands_alone)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(shard_map_clear) struct shard_map copy = {0};
    struct shard_map empty = {0};
    struct error err;

    even_map(&map, 4);
    shard_map_copy(&copy, &map);
    ck_assert_int_eq(shard_map_merge(&map, 0, &err), 0);
    ck_assert_uint_eq(copy.count, 4);
    ck_assert_str_eq(copy.items[1].id, "shardId-000000000001");
    ck_assert_int_eq(shard_map_split(&copy, 3, (hashkey)7 << 125, &err), 0);
    ck_assert_uint_eq(copy.count, 5);
    shard_map_copy(&empty, &(struct shard_map){0});
    ck_assert_ptr_null(empty.items);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("shards");
    TCase *tcase = tcase_create("shards");

    tcase_add_test(tcase, a_map_is_sorted_whatever_the_order_of_listing);
    tcase_add_test(tcase, a_shard_that_ends_before_it_starts_is_refused);
    tcase_add_test(tcase, a_listing_has_a_ceiling);
    tcase_add_loop_test(tcase, a_gap_or_overlap_is_named, 0, COUNT_OF(broken));
    tcase_add_test(tcase, even_shards_are_worth_their_count_exactly);
    tcase_add_test(tcase, a_part_of_a_generation_is_worth_nothing);
    tcase_add_test(tcase, a_widest_share_that_is_no_whole_part_stays_what_it_is);
    tcase_add_test(tcase, an_empty_map_is_worth_nothing);
    tcase_add_test(tcase, even_shards_carry_what_lies_on_their_ranges);
    tcase_add_test(tcase, a_split_leaves_two_halves_with_their_parent);
    tcase_add_test(tcase, a_merge_leaves_the_union_with_both_parents);
    tcase_add_test(tcase, a_split_at_the_edge_of_a_range_is_refused);
    tcase_add_test(tcase, what_is_not_there_is_neither_split_nor_merged);
    tcase_add_test(tcase, made_up_ids_stay_unlike_each_other_when_they_no_longer_fit);
    tcase_add_test(tcase, a_copy_stands_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
