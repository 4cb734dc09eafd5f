/*
 * test_plan_shards.c - plans that rest on what single shards carry: the hot shard, and the hot key.
 *
 * Loads are in shards' worth.
 */
#include "scaling/plan_up.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

static void plan_with(struct shard_map *map, const double *loads, int64_t mode, double stream_load,
                      struct up_plan *ret_plan)
{
    struct shard_load shard_loads[16] = {0};
    struct stream_config config = plain_stream;
    struct up_facts facts = {&config, map, .shard_loads = shard_loads, .alarmed = true,
                             .account_headroom = -1};

    config.resharding = mode;
    if (!isnan(stream_load))
        facts.demand = worth(stream_load);
    for (size_t i = 0; i < map->count; i++) {
        if (loads[i] >= 0) /* -1: no data, -2: no data but alarming */
            shard_loads[i].demand = worth(loads[i]);
        shard_loads[i].alarming = loads[i] < -1;
    }
    plan_up(&facts, ret_plan);
}

START_TEST(the_hot_shard_is_split_whatever_the_width)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    even_map(&map, 4);
    plan_with(&map, (double[]){0.2, 0.3, 1.3, 0.7}, RESHARDING_AUTO, 2.5, &plan);
    ck_assert_int_eq(plan.basis, UP_BASIS_SHARDS);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_uint_eq(plan.operation_count, 4);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000002");
    ck_assert_str_eq(plan.operations[1].shard, "shardId-000000000003");
    ck_assert_str_eq(plan.operations[2].shard, "shardId-000000000002/0");
    ck_assert_str_eq(plan.operations[3].shard, "shardId-000000000002/1");
    ck_assert_double_eq_tol(plan.utilization_now, 1.3, 1e-12);
    ck_assert_double_eq_tol(plan.utilization_after, 0.35, 1e-12);
    ck_assert_str_eq(plan.reason,
                     "2.5 MiB/s and 100 records/s on 4 shards fill shard 'shardId-000000000002' to 130 %, "
                     "above the target of 60 %: 4 splits to 8 shards leave 35 %");
}
END_TEST

START_TEST(shards_without_data_carry_the_rest_by_width)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    even_map(&map, 4);
    plan_with(&map, (double[]){0.2, 0.2, -1, -1}, RESHARDING_SPLIT, 1.8, &plan);
    ck_assert_double_eq_tol(plan.utilization_now, 0.7, 1e-12);
    ck_assert_uint_eq(plan.operation_count, 2);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000002");
    ck_assert_str_eq(plan.operations[1].shard, "shardId-000000000003");
}
END_TEST

START_TEST(an_alarming_shard_without_data_counts_as_full_as_its_alarm_says)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    even_map(&map, 4);
    plan_with(&map, (double[]){-1, -2, -1, -1}, RESHARDING_AUTO, 1, &plan);
    ck_assert_double_eq_tol(plan.utilization_now, 0.8, 1e-12);
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000001");
}
END_TEST

START_TEST(blindly_the_shards_that_alarm_are_split_first_and_only_they)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    even_map(&map, 4);
    plan_with(&map, (double[]){-1, -2, -1, -2}, RESHARDING_AUTO, NAN, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_uint_eq(plan.operation_count, 2);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000001");
    ck_assert_str_eq(plan.operations[1].shard, "shardId-000000000003");
}
END_TEST

START_TEST(an_update_for_uneven_load_makes_the_fullest_even_shard_fit)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    even_map(&map, 2);
    plan_with(&map, (double[]){0.2, 1.2}, RESHARDING_UPDATE, 1.4, &plan);
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert_int_eq(plan.to_shards, 4); /* of 3 the last would carry 0.8 */
    ck_assert_double_eq_tol(plan.utilization_after, 0.6, 1e-9);
}
END_TEST

/* The one key that makes it hot lies in the highest of four shards; the rest carries 0.1 a shard. */
static void measure_hot_key(const struct shard_map *map, hashkey key, struct shard_load *loads)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct shard *shard = &map->items[i];
        bool hot = shard->start <= key && key <= shard->end;

        loads[i] =
            (struct shard_load){worth(0.4 * hashkey_share(shard->start, shard->end) + (hot ? 1.5 : 0))};
    }
}

START_TEST(one_hot_key_ends_the_splitting_after_two_and_is_named)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct shard_load loads[64];
    struct stream_config config = plain_stream;
    struct up_facts facts = {
        &config, &map, worth(1.9), .shard_loads = loads, .alarmed = true, .account_headroom = -1};
    hashkey key = ((hashkey)1 << 126) * 3 / 16 * (hashkey)(_i % 16 + 1) + 12345;
    int splits = 0;

    even_map(&map, 4);
    for (;; splits++) {
        SCOPED(up_plan_clear) struct up_plan plan = {0};

        ck_assert_int_le(splits, 3);
        measure_hot_key(&map, key, loads);
        plan_up(&facts, &plan);
        if (plan.verdict == UP_RESHARD) {
            apply_split_as_aws(&map, &plan.operations[0]);
            continue;
        }
        ck_assert_int_eq(plan.verdict, UP_LIMITED);
        ck_assert_int_eq(plan.limit, LIMIT_SKEW);
        ck_assert_ptr_nonnull(
            strstr(plan.reason, "followed one child through two splits: a key that hashes to "));
        break;
    }
    ck_assert_int_eq(splits, 2);

    /* Nor does UpdateShardCount divide it. */
    config.resharding = RESHARDING_UPDATE;
    {
        SCOPED(up_plan_clear) struct up_plan plan = {0};

        plan_up(&facts, &plan);
        ck_assert_int_eq(plan.verdict, UP_LIMITED);
        ck_assert_int_eq(plan.limit, LIMIT_SKEW);
    }
}
END_TEST

/* Four shards, the first split twice: an eighth and two sixteenths. */
static void split_twice(struct shard_map *ret_map)
{
    static const struct operation first = {OPERATION_SPLIT, "shardId-000000000000", "", (hashkey)1 << 125, 5};
    static const struct operation second = {OPERATION_SPLIT, "shardId-000000000004", "", (hashkey)1 << 124,
                                            6};

    even_map(ret_map, 4);
    apply_split_as_aws(ret_map, &first);
    apply_split_as_aws(ret_map, &second);
}

START_TEST(a_hot_key_does_not_keep_other_shards_from_being_split)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    split_twice(&map);
    plan_with(&map, (double[]){1.5, 0.02, 0.05, 0.1, 0.9, 0.1}, RESHARDING_AUTO, 2.67, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_int_eq(plan.limit, LIMIT_SKEW);
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000002");
    ck_assert_double_eq_tol(plan.utilization_after, 1.5, 1e-12);
}
END_TEST

START_TEST(an_update_is_not_sized_by_a_hot_key)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    split_twice(&map);
    plan_with(&map, (double[]){1.5, 0.02, 0.05, 0.1, 0.9, 0.1}, RESHARDING_UPDATE, 2.67, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_int_eq(plan.limit, LIMIT_SKEW);
    ck_assert_int_eq(plan.to_shards, 7);
    ck_assert_double_eq_tol(plan.utilization_after, 1.5, 1e-12);
}
END_TEST

START_TEST(a_load_that_lies_on_both_sides_is_no_hot_key)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    split_twice(&map);
    plan_with(&map, (double[]){0.9, 0.01, 0.5, 0.1, 0.1, 0.1}, RESHARDING_AUTO, 1.71, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_str_eq(plan.operations[0].shard, map.items[0].id);
}
END_TEST

/* Shards 0 and 1 were merged to 4 and split again, to 5 and 6; shard 2 was split once, to 7 and 8. */
START_TEST(a_neighbour_of_another_family_is_no_sibling)
{
    static const struct operation first = {OPERATION_SPLIT, "shardId-000000000004", "", (hashkey)1 << 126, 4};
    static const struct operation second = {OPERATION_SPLIT, "shardId-000000000002", "", (hashkey)5 << 125,
                                            5};
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct error err;

    even_map(&map, 4);
    ck_assert_int_eq(shard_map_merge(&map, 0, &err), 0);
    snprintf(map.items[0].id, SHARD_ID_SIZE, "shardId-000000000004");
    apply_split_as_aws(&map, &first);
    apply_split_as_aws(&map, &second);
    plan_with(&map, (double[]){0, 0, 0.9, 0, 0}, RESHARDING_AUTO, 0.9, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_str_eq(plan.operations[0].shard, "shardId-000000000007");
}
END_TEST

START_TEST(two_hot_keys_are_parted)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    split_twice(&map);
    plan_with(&map, (double[]){0.9, 0.4, 0.05, 0.1, 0.1, 0.1}, RESHARDING_AUTO, 1.65, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_str_eq(plan.operations[0].shard, map.items[0].id);
}
END_TEST

/* A generation split for skew is one split of the hot shard, not two. */
START_TEST(a_hot_shard_is_not_given_up_after_one_split)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    double loads[16] = {0};

    even_map(&map, 8);
    for (size_t i = 0; i < 16; i += 2) {
        struct operation split = {OPERATION_SPLIT, .target = (int64_t)map.count + 1};

        memcpy(split.shard, map.items[i].id, sizeof(split.shard));
        ck_assert(hashkey_middle(map.items[i].start, map.items[i].end, &split.new_start));
        apply_split_as_aws(&map, &split);
    }
    for (size_t hot = 0; hot < 16; hot++) {
        memset(loads, 0, sizeof(loads));
        loads[hot] = 0.9;
        plan_with(&map, loads, RESHARDING_AUTO, 0.9, &plan);
        ck_assert_int_eq(plan.verdict, UP_RESHARD);
        ck_assert_str_eq(plan.operations[0].shard, map.items[hot].id);
        up_plan_clear(&plan);
    }
}
END_TEST

START_TEST(a_range_of_three_keys_cannot_be_split)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct shard narrow = {.id = "narrow", .end = 2}, wide = {.id = "wide", .start = 3, .end = HASHKEY_MAX};
    struct error err;

    ck_assert_int_eq(shard_map_add(&map, &narrow, &err), 0);
    ck_assert_int_eq(shard_map_add(&map, &wide, &err), 0);
    plan_with(&map, (double[]){0.9, 0.1}, RESHARDING_SPLIT, 1, &plan);
    ck_assert_int_eq(plan.verdict, UP_LIMITED);
    ck_assert_int_eq(plan.limit, LIMIT_RANGE);
    ck_assert_str_eq(plan.reason,
                     "1.0 MiB/s and 100 records/s on 2 shards fill shard 'narrow' to 90 %, above the "
                     "target of 60 %, but a range of fewer than 4 hash keys cannot be split");
}
END_TEST

/* Somebody divided the first quarter for a reason that the stream's metrics do not show. */
START_TEST(auto_does_not_undo_what_somebody_divided)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct stream_config config = plain_stream;
    struct up_facts facts = {&config, &map, .alarmed = true, .account_headroom = -1};
    struct error err;

    even_map(&map, 12);
    ck_assert_int_eq(shard_map_split(&map, 0, map.items[0].end / 2 + 1, &err), 0);
    ck_assert_int_eq(shard_map_split(&map, 0, map.items[0].end / 2 + 1, &err), 0);
    config.resharding = RESHARDING_AUTO;
    facts.demand = worth(9);
    plan_up(&facts, &plan);
    ck_assert_int_eq(plan.operations[0].kind, OPERATION_SPLIT);
    ck_assert_int_eq(plan.operations[plan.operation_count - 1].kind, OPERATION_SPLIT);
    up_plan_clear(&plan);

    facts.demand = worth(28.5); /* 48 are as narrow as the narrowest */
    plan_up(&facts, &plan);
    ck_assert_int_eq(plan.operations[plan.operation_count - 1].kind, OPERATION_UPDATE);
    ck_assert_int_eq(plan.to_shards, 48);
}
END_TEST

/* ---- what of a plan is done next */

/* Shards 1 and 2 of four were made by a split `young_ms` ago; -1: no figures. */
static bool next_of(const double loads[4], int64_t young_ms, struct operation *ret_operation)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct shard_load shard_loads[4] = {0};
    struct stream_config config = plain_stream;
    const int64_t now_ms = 1000 * 60 * 1000;
    struct up_facts facts = {&config,
                             &map,
                             .demand = worth(3),
                             .shard_loads = shard_loads,
                             .alarmed = true,
                             .account_headroom = -1};

    even_map(&map, 4);
    for (size_t i = 0; i < 4; i++) {
        if (loads[i] >= 0)
            shard_loads[i].demand = worth(loads[i]);
        if (i == 1 || i == 2)
            shard_loads[i].young_ms = now_ms - young_ms;
    }
    plan_up(&facts, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    return up_plan_next(&facts, &plan, now_ms, ret_operation);
}

static const struct {
    const char *name;
    double loads[4];
    int64_t young_ms;
    const char *shard; /* NULL: nothing yet */
} next_cases[] = {
    {"the fullest goes first", {0.9, 0.2, 0.2, 1.3}, 60000, "shardId-000000000003"},
    {"a new shard that was measured is like any other", {0.3, 1.4, 0.1, 0.2}, 60000, "shardId-000000000001"},
    {"new shards without figures are waited for", {0.3, -1, -1, 0.2}, 60000, NULL},
    {"another that is too full goes before them", {0.7, -1, -1, 0.2}, 60000, "shardId-000000000000"},
    {"after four minutes a guess must do", {0.3, -1, -1, 0.2}, YOUNG_MS, "shardId-000000000001"},
};

START_TEST(a_shard_that_was_just_made_is_measured_before_it_is_split)
{
    struct operation operation = {0};
    bool found = next_of(next_cases[_i].loads, next_cases[_i].young_ms, &operation);

    ck_assert_msg(found == (next_cases[_i].shard != NULL), "%s", next_cases[_i].name);
    if (!found)
        return;
    ck_assert_msg(strcmp(operation.shard, next_cases[_i].shard) == 0, "%s: '%s'", next_cases[_i].name,
                  operation.shard);
    ck_assert_int_eq(operation.kind, OPERATION_SPLIT);
    ck_assert_int_eq(operation.target, 5);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("plan_shards");
    TCase *tcase = tcase_create("plan_shards");

    tcase_add_test(tcase, the_hot_shard_is_split_whatever_the_width);
    tcase_add_test(tcase, shards_without_data_carry_the_rest_by_width);
    tcase_add_test(tcase, an_alarming_shard_without_data_counts_as_full_as_its_alarm_says);
    tcase_add_test(tcase, blindly_the_shards_that_alarm_are_split_first_and_only_they);
    tcase_add_test(tcase, an_update_for_uneven_load_makes_the_fullest_even_shard_fit);
    tcase_add_loop_test(tcase, one_hot_key_ends_the_splitting_after_two_and_is_named, 0, 16);
    tcase_add_test(tcase, a_hot_key_does_not_keep_other_shards_from_being_split);
    tcase_add_test(tcase, an_update_is_not_sized_by_a_hot_key);
    tcase_add_test(tcase, a_load_that_lies_on_both_sides_is_no_hot_key);
    tcase_add_test(tcase, a_neighbour_of_another_family_is_no_sibling);
    tcase_add_test(tcase, two_hot_keys_are_parted);
    tcase_add_test(tcase, a_hot_shard_is_not_given_up_after_one_split);
    tcase_add_test(tcase, a_range_of_three_keys_cannot_be_split);
    tcase_add_test(tcase, auto_does_not_undo_what_somebody_divided);
    tcase_add_loop_test(tcase, a_shard_that_was_just_made_is_measured_before_it_is_split, 0,
                        COUNT_OF(next_cases));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
