/*
 * test_plan_lineage.c - scale-ups of streams whose splits are remembered.
 *
 * Loads are in shards' worth.
 */
#include "scaling/plan_up.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

enum { SHARDS = 64, SPLITS = 64 };

struct scene {
    struct stream_config config;
    struct shard_map map;
    struct shard_load loads[SHARDS];
    struct lineage_split splits[SPLITS];
    struct up_facts facts;
};

static void scene_init(struct scene *scene, unsigned shards)
{
    *scene = (struct scene){.config = plain_stream};
    even_map(&scene->map, shards);
    scene->facts = (struct up_facts){.config = &scene->config,
                                     .shards = &scene->map,
                                     .shard_loads = scene->loads,
                                     .alarmed = true,
                                     .account_headroom = -1,
                                     .splits = scene->splits};
}

static void scene_clear(struct scene *scene)
{
    shard_map_clear(&scene->map);
}

static void measure(struct scene *scene, const double *loads)
{
    double total = 0;

    for (size_t i = 0; i < scene->map.count; i++) {
        scene->loads[i] = (struct shard_load){.demand = worth(loads[i])};
        total += loads[i];
    }
    scene->facts.demand = worth(total);
}

/* The split is done and remembered; its children are measured later. */
static struct lineage_split *do_split(struct scene *scene, const struct operation *operation)
{
    const struct shard *parent = shard_map_find(&scene->map, operation->shard);
    struct lineage_split *split = &scene->splits[scene->facts.split_count++];

    *split = (struct lineage_split){.start = parent->start,
                                    .end = parent->end,
                                    .at = operation->new_start,
                                    .lower_load = NAN,
                                    .upper_load = NAN,
                                    .at_ms = (int64_t)scene->facts.split_count};
    snprintf(split->parent, sizeof(split->parent), "%s", operation->shard);
    apply_split_as_aws(&scene->map, operation);
    return split;
}

/* One key that fills 1.5 shards, and 0.4 spread over all keys. */
static double hot_load(hashkey start, hashkey end, hashkey key)
{
    return 0.4 * hashkey_share(start, end) + (start <= key && key <= end ? 1.5 : 0);
}

static void measure_hot_key(struct scene *scene, hashkey key)
{
    double loads[SHARDS];

    for (size_t i = 0; i < scene->map.count; i++)
        loads[i] = hot_load(scene->map.items[i].start, scene->map.items[i].end, key);
    measure(scene, loads);
}

/* The neighbours of a hot shard may be merged away; what its lineage was is remembered. */
static void forget_siblings(struct scene *scene)
{
    for (size_t i = 0; i < scene->map.count; i++)
        snprintf(scene->map.items[i].id, SHARD_ID_SIZE, "s%zu", 10 * i);
}

START_TEST(a_hot_key_ends_the_splitting_of_its_lineage_after_two)
{
    hashkey key = ((hashkey)1 << 124) * (hashkey)_i + 12345;
    SCOPED(scene_clear) struct scene scene;
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    char expected[200], start[HASHKEY_TEXT_SIZE], end[HASHKEY_TEXT_SIZE];
    const struct shard *hot;

    scene_init(&scene, 4);
    for (int splits = 0; splits < 2; splits++) {
        SCOPED(up_plan_clear) struct up_plan step = {0};
        struct lineage_split *split;

        measure_hot_key(&scene, key);
        plan_up(&scene.facts, &step);
        ck_assert_int_eq(step.verdict, UP_RESHARD);
        split = do_split(&scene, &step.operations[0]);
        ck_assert(split->start <= key && key <= split->end);
        split->lower_load = hot_load(split->start, split->at - 1, key);
        split->upper_load = hot_load(split->at, split->end, key);
    }
    forget_siblings(&scene);
    measure_hot_key(&scene, key);
    plan_up(&scene.facts, &plan);
    ck_assert_int_eq(plan.verdict, UP_LIMITED);
    ck_assert_int_eq(plan.limit, LIMIT_HOT_KEY);
    ck_assert_str_eq(up_limit_name(plan.limit), "hot-key");
    for (hot = scene.map.items; hot->end < key;)
        hot++;
    hashkey_format(hot->start, start);
    hashkey_format(hot->end, end);
    snprintf(
        expected, sizeof(expected),
        " of the load followed one child through two splits: a key that hashes to %s..%s, which no split "
        "divides",
        start, end);
    ck_assert_msg(strstr(plan.reason, expected) != NULL, "%s", plan.reason);
    ck_assert_ptr_nonnull(strstr(plan.reason, "above the target of 60 %, but 97 % of the load"));

    /* Without what is remembered it would be split on. */
    up_plan_clear(&plan);
    scene.facts.split_count = 0;
    plan_up(&scene.facts, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
}
END_TEST

/* Shard 0 of 4, split twice; its lowest quarter has kept the load. */
static void split_twice(struct scene *scene)
{
    static const struct operation first = {OPERATION_SPLIT, "shardId-000000000000", "", (hashkey)1 << 125, 5};
    static const struct operation second = {OPERATION_SPLIT, "shardId-000000000004", "", (hashkey)1 << 124,
                                            6};
    struct lineage_split *split;

    scene_init(scene, 4);
    split = do_split(scene, &first);
    split->lower_load = 1.5;
    split->upper_load = 0.1;
    split = do_split(scene, &second);
    split->lower_load = 1.4;
    split->upper_load = 0.1;
    forget_siblings(scene);
}

START_TEST(other_shards_are_split_beside_a_hot_lineage)
{
    SCOPED(scene_clear) struct scene scene;
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    split_twice(&scene);
    measure(&scene, (double[]){1.5, 0.02, 0.05, 0.1, 0.9, 0.1});
    plan_up(&scene.facts, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_int_eq(plan.limit, LIMIT_HOT_KEY);
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert_str_eq(plan.operations[0].shard, "s40");
    ck_assert_double_eq_tol(plan.utilization_after, 1.5, 1e-12);
}
END_TEST

START_TEST(updates_are_not_sized_by_a_hot_lineage)
{
    SCOPED(scene_clear) struct scene scene;
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    split_twice(&scene);
    scene.config.resharding = RESHARDING_UPDATE;
    measure(&scene, (double[]){1.5, 0.02, 0.05, 0.1, 0.9, 0.1});
    plan_up(&scene.facts, &plan);
    ck_assert_int_eq(plan.limit, LIMIT_HOT_KEY);
    ck_assert_int_eq(plan.to_shards, 7);
}
END_TEST

START_TEST(a_hot_lineage_that_is_not_full_limits_nothing)
{
    SCOPED(scene_clear) struct scene scene;
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    split_twice(&scene);
    measure(&scene, (double[]){0.6, 0.02, 0.05, 0.1, 0.1, 0.1});
    plan_up(&scene.facts, &plan);
    ck_assert_int_eq(plan.verdict, UP_ENOUGH);
    ck_assert_int_eq(plan.limit, LIMIT_NONE);
}
END_TEST

/* What a shard was split into once, and merged from again, says where it is full. */
START_TEST(a_shard_is_split_where_its_load_is_halved)
{
    SCOPED(scene_clear) struct scene scene;
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    scene_init(&scene, 2);
    scene.splits[0] = (struct lineage_split){.parent = "long-gone",
                                             .end = HASHKEY_MAX >> 1,
                                             .at = (hashkey)1 << 126,
                                             .lower_load = 0.3,
                                             .upper_load = 0.9};
    scene.facts.split_count = 1;
    measure(&scene, (double[]){1, 0.1});
    plan_up(&scene.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, 1);
    /* a quarter of the load is in the first half, the second quarter in a third of the second half */
    ck_assert_double_eq_tol(hashkey_share(0, plan.operations[0].new_start), 0.25 + 0.25 / 3, 1e-9);
    ck_assert_double_eq_tol(plan.utilization_after, 0.5, 1e-9);
}
END_TEST

START_TEST(without_figures_of_its_own_a_shard_is_split_in_the_middle)
{
    SCOPED(scene_clear) struct scene scene;
    SCOPED(up_plan_clear) struct up_plan plan = {0};

    scene_init(&scene, 1);
    scene.splits[0] =
        (struct lineage_split){.end = HASHKEY_MAX, .at = 1000, .lower_load = 1, .upper_load = 9};
    scene.facts.split_count = 1;
    scene.facts.shard_loads = NULL;
    scene.facts.demand = worth(0.9);
    plan_up(&scene.facts, &plan);
    ck_assert_uint_eq(plan.operation_count, 1);
    ck_assert(plan.operations[0].new_start == (hashkey)1 << 127);
}
END_TEST

/* Loads lie as a density that the plan learns split by split; in the end no shard is above the target. */
START_TEST(splits_that_learn_reach_the_target_and_stay_a_partition)
{
    uint64_t state = 2741 * ((uint64_t)_i + 1);
    double density[16], loads[SHARDS];
    SCOPED(scene_clear) struct scene scene;
    struct error err;

    for (size_t i = 0; i < COUNT_OF(density); i++)
        density[i] = 0.01 + 0.5 * dice_fraction(&state) * dice_fraction(&state);
    scene_init(&scene, (unsigned)dice_between(&state, 1, 3));
    for (;;) {
        SCOPED(up_plan_clear) struct up_plan plan = {0};

        for (size_t i = 0; i < scene.map.count; i++) {
            loads[i] = 0;
            for (unsigned part = 0; part < COUNT_OF(density); part++) {
                hashkey start = (hashkey)part << 124, end = start + (((hashkey)1 << 124) - 1);
                const struct shard *shard = &scene.map.items[i];

                loads[i] += 16 * density[part] *
                            hashkey_share(shard->start > start ? shard->start : start,
                                          shard->end < end ? shard->end : end);
            }
        }
        for (size_t n = 0; n < scene.facts.split_count; n++) { /* the newest: both children are open */
            struct lineage_split *split = &scene.splits[n];

            for (size_t i = 0; isnan(split->lower_load) && i < scene.map.count; i++) {
                if (scene.map.items[i].end == split->at - 1) {
                    split->lower_load = loads[i];
                    split->upper_load = loads[i + 1];
                }
            }
        }
        measure(&scene, loads);
        plan_up(&scene.facts, &plan);
        ck_assert_msg(plan.limit == LIMIT_NONE, "%s", plan.reason);
        if (plan.verdict == UP_ENOUGH)
            break;
        do_split(&scene, &plan.operations[0]);
        ck_assert_int_eq(shard_map_check(&scene.map, &err), 0);
    }
    for (size_t i = 0; i < scene.map.count; i++)
        ck_assert_double_le(loads[i], 0.6 * (1 + 1e-6));
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("plan_lineage");
    TCase *tcase = tcase_create("plan_lineage");

    tcase_add_loop_test(tcase, a_hot_key_ends_the_splitting_of_its_lineage_after_two, 0, 16);
    tcase_add_test(tcase, other_shards_are_split_beside_a_hot_lineage);
    tcase_add_test(tcase, updates_are_not_sized_by_a_hot_lineage);
    tcase_add_test(tcase, a_hot_lineage_that_is_not_full_limits_nothing);
    tcase_add_test(tcase, a_shard_is_split_where_its_load_is_halved);
    tcase_add_test(tcase, without_figures_of_its_own_a_shard_is_split_in_the_middle);
    tcase_add_loop_test(tcase, splits_that_learn_reach_the_target_and_stay_a_partition, 0, 40);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
