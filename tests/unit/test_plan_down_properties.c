/*
 * test_plan_down_properties.c - what holds for every scale-down, over thousands of random streams.
 *
 * For streams of a few shards the best division is found a second way: by trying them all.
 */
#include "scaling/plan_down.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

enum { PERIODS = 6, SHARDS = 48, FEW_SHARDS = 10, STREAMS_PER_ROUND = 40 };

struct scene {
    struct stream_config config;
    struct shard_map map;
    struct load_point points[PERIODS];
    struct load_point shards[SHARDS][PERIODS];
    const struct load_point *rows[SHARDS];
    struct down_facts facts;
};

static void scene_clear(struct scene *scene)
{
    shard_map_clear(&scene->map);
}

static struct load_point point_of(size_t period, double bytes, double records)
{
    return (struct load_point){.start_ms = (int64_t)period * 60000,
                               .period_ms = 60000,
                               .bytes = bytes * 60 * SHARD_BYTES_PER_S,
                               .records = records * 60 * SHARD_RECORDS_PER_S};
}

static double worth_bytes(const struct load_point *point)
{
    return point->bytes / 60 / SHARD_BYTES_PER_S;
}

static double worth_records(const struct load_point *point)
{
    return point->records / 60 / SHARD_RECORDS_PER_S;
}

/* Fractions with the gaps that a configuration must have. */
static void roll_config(struct stream_config *config, uint64_t *state)
{
    *config = (struct stream_config){.scale_down_threshold = 0.05 + 0.5 * dice_fraction(state)};
    config->target_utilization = config->scale_down_threshold + 0.05 + 0.2 * dice_fraction(state);
    config->scale_up_threshold = config->target_utilization + 0.05 + 0.1 * dice_fraction(state);
    config->resharding = dice_between(state, 0, 2);
    config->min_shards = dice_fraction(state) < 0.6 ? 1 : dice_between(state, 1, 12);
    config->max_shards = dice_between(state, config->min_shards, 200);
    config->scale_down_window_ms = PERIODS * 60000;
}

static void roll_stream(struct scene *scene, double load, bool constant, uint64_t *state)
{
    double records = dice_fraction(state) < 0.5 ? 0.5 * load : 1.5 * load;

    for (size_t i = 0; i < PERIODS; i++) {
        double part = constant ? 1 : dice_fraction(state);

        scene->points[i] = point_of(i, load * part, records * part);
    }
}

/* Some without a datapoint; the stream's points are the sums and what those without carry. */
static void roll_shards(struct scene *scene, double load, bool constant, uint64_t *state)
{
    double gaps = constant ? 0 : dice_fraction(state) < 0.5 ? 0 : 0.2;

    for (size_t i = 0; i < PERIODS; i++)
        scene->points[i] = point_of(i, 0, 0);
    for (size_t i = 0; i < scene->map.count; i++) {
        double mean = load / (double)scene->map.count * 2 * dice_fraction(state);
        double records = 2 * dice_fraction(state);

        mean *= dice_fraction(state) < 0.1 ? 5 : 1;
        for (size_t period = 0; period < PERIODS; period++) {
            double part = constant ? 1 : dice_fraction(state);
            struct load_point *point = &scene->shards[i][period];

            *point = point_of(period, mean * part, mean * records * part);
            scene->points[period].bytes += point->bytes;
            scene->points[period].records += point->records;
            if (dice_fraction(state) < gaps)
                point->bytes = point->records = NAN;
        }
        scene->rows[i] = scene->shards[i];
    }
    scene->facts.shard_points = scene->rows;
}

/* Where it lies does not change: scene->facts points into it. */
static void roll(struct scene *scene, unsigned most_shards, bool constant, uint64_t *state)
{
    unsigned shards = (unsigned)dice_between(state, 1, most_shards);
    double load;

    memset(scene, 0, sizeof(*scene));
    roll_config(&scene->config, state);
    if (dice_fraction(state) < 0.4)
        even_map(&scene->map, shards);
    else
        random_map(&scene->map, shards, state);
    for (size_t i = 0; i < scene->map.count; i++) /* hot keys have tests of their own */
        scene->map.items[i].parent[0] = '\0';
    load = scene->config.scale_down_threshold * shard_map_effective(&scene->map) * dice_fraction(state);
    if (dice_fraction(state) < 0.4)
        roll_shards(scene, load, constant, state);
    else
        roll_stream(scene, load, constant, state);
    scene->facts.config = &scene->config;
    scene->facts.shards = &scene->map;
    scene->facts.points = scene->points;
    scene->facts.point_count = PERIODS;
    scene->facts.now_ms = (PERIODS + 1) * 60000;
    scene->facts.updates_24h = dice_fraction(state) < 0.6 ? 0 : (int)dice_between(state, 0, 11);
    if (dice_fraction(state) < 0.4)
        scene->facts.update_seconds_per_shard = 60 * dice_fraction(state);
}

static bool has_figures(const struct scene *scene, size_t shard, size_t period)
{
    return scene->facts.shard_points != NULL && !isnan(scene->shards[shard][period].bytes);
}

static double share_of(const struct scene *scene, size_t shard)
{
    return hashkey_share(scene->map.items[shard].start, scene->map.items[shard].end);
}

/* What the shards [first, end) carry together in their worst period. */
static double carried(const struct scene *scene, size_t first, size_t end)
{
    double worst = 0;

    for (size_t period = 0; period < PERIODS; period++) {
        double bytes = 0, records = 0, share = 0, rest_share = 0;
        double rest_bytes = worth_bytes(&scene->points[period]);
        double rest_records = worth_records(&scene->points[period]);

        for (size_t i = 0; i < scene->map.count; i++) {
            const struct load_point *point = &scene->shards[i][period];
            bool inside = first <= i && i < end;

            if (!has_figures(scene, i, period)) {
                rest_share += share_of(scene, i);
                share += inside ? share_of(scene, i) : 0;
                continue;
            }
            rest_bytes -= worth_bytes(point);
            rest_records -= worth_records(point);
            bytes += inside ? worth_bytes(point) : 0;
            records += inside ? worth_records(point) : 0;
        }
        if (share > 0) {
            bytes += fmax(0, rest_bytes) * share / rest_share;
            records += fmax(0, rest_records) * share / rest_share;
        }
        worst = fmax(worst, fmax(bytes, records));
    }
    return worst;
}

/* -- what a plan must be -------------------------------------------------------------------------------- */

/* Merged shards stay within the threshold, and the fullest is as full as the plan says. */
static void check_groups(const struct scene *scene, const struct down_plan *plan,
                         const struct shard_map *after)
{
    double limit = scene->config.scale_down_threshold * (1 + 1e-6), fullest = 0;
    size_t first = 0;

    for (size_t i = 0; i < after->count; i++) {
        size_t end = first + 1;
        double load;

        while (scene->map.items[end - 1].end != after->items[i].end)
            end++;
        load = carried(scene, first, end);
        ck_assert_msg(end - first == 1 || load <= limit, "%g: %s", load, plan->reason);
        fullest = fmax(fullest, load);
        first = end;
    }
    ck_assert_msg(fabs(fullest - plan->worst_after) <= 1e-6 * fullest + 1e-12, "%g, not %g: %s", fullest,
                  plan->worst_after, plan->reason);
}

static void check_plan(const struct scene *scene, const struct down_plan *plan, const struct shard_map *after)
{
    int updates = 0;
    struct error err;

    ck_assert_msg(shard_map_check(after, &err) == 0, "%s: %s", plan->reason, err.message);
    ck_assert_int_eq(plan->from_shards, (int64_t)scene->map.count);
    ck_assert_int_eq(plan->to_shards, (int64_t)after->count);
    ck_assert_int_eq(plan->verdict == DOWN_RESHARD, plan->operation_count > 0);
    ck_assert_int_eq(plan->verdict == DOWN_HOLD, plan->hold != HOLD_NONE);
    ck_assert_uint_gt(strlen(plan->reason), 10);
    ck_assert((plan->seconds > 0) == (plan->operation_count > 0));
    if (plan->verdict == DOWN_HOLD)
        return;
    ck_assert_int_ge(plan->to_shards, scene->config.min_shards);
    ck_assert_int_lt(plan->to_shards, plan->from_shards);
    for (size_t i = 0; i < plan->operation_count; i++)
        updates += plan->operations[i].kind == OPERATION_UPDATE;
    ck_assert_int_le(updates + (updates > 0 ? scene->facts.updates_24h : 0),
                     UPDATES_PER_DAY - UPDATES_KEPT_FOR_EMERGENCY);
    if (updates == 0)
        check_groups(scene, plan, after);
    else if (scene->facts.shard_points == NULL)
        ck_assert_double_le(carried(scene, 0, scene->map.count) * shard_map_widest_share(after),
                            scene->config.scale_down_threshold * (1 + 1e-6));
    ck_assert(scene->config.resharding != RESHARDING_SPLIT || updates == 0);
    ck_assert(scene->config.resharding != RESHARDING_UPDATE || updates == (int)plan->operation_count);
}

START_TEST(a_plan_can_be_carried_out_and_leaves_no_merged_shard_above_the_threshold)
{
    uint64_t state = 6151 * ((uint64_t)_i + 1);
    static struct scene scene;

    for (int n = 0; n < STREAMS_PER_ROUND; n++) {
        SCOPED(down_plan_clear) struct down_plan plan = {0};
        SCOPED(shard_map_clear) struct shard_map after = {0};

        roll(&scene, SHARDS, false, &state);
        plan_down(&scene.facts, &plan);
        shard_map_copy(&after, &scene.map);
        for (size_t i = 0; i < plan.operation_count; i++)
            apply_operation(&after, &plan.operations[i]);
        check_plan(&scene, &plan, &after);
        scene_clear(&scene);
    }
}
END_TEST

/* The same, with max_shards as the fewest and scale_up_threshold as the fullest. */
START_TEST(a_plan_to_the_maximum_stops_there_and_leaves_no_merged_shard_that_would_alarm)
{
    uint64_t state = 7333 * ((uint64_t)_i + 1);
    static struct scene scene;
    int reached = 0;

    for (int n = 0; n < STREAMS_PER_ROUND; n++) {
        SCOPED(down_plan_clear) struct down_plan plan = {0};
        SCOPED(shard_map_clear) struct shard_map after = {0};

        roll(&scene, SHARDS, false, &state);
        scene.config.max_shards = dice_between(&state, 1, (int64_t)scene.map.count);
        scene.config.min_shards = 1;
        scene.facts.to_maximum = true;
        plan_down(&scene.facts, &plan);
        shard_map_copy(&after, &scene.map);
        for (size_t i = 0; i < plan.operation_count; i++)
            apply_operation(&after, &plan.operations[i]);
        scene.config.min_shards = scene.config.max_shards;
        scene.config.scale_down_threshold = scene.config.scale_up_threshold;
        check_plan(&scene, &plan, &after);
        reached += plan.verdict == DOWN_RESHARD && plan.to_shards == scene.config.max_shards;
        scene_clear(&scene);
    }
    ck_assert_int_gt(reached, STREAMS_PER_ROUND / 20);
}
END_TEST

/* -- the best division ---------------------------------------------------------------------------------- */

/* Bit i of `borders`: a group ends after shard i.  INFINITY when a merged group is above the threshold. */
static double fullest_of(const struct scene *scene, unsigned borders, size_t *ret_groups)
{
    double fullest = 0;
    size_t first = 0, groups = 0;

    for (size_t i = 0; i < scene->map.count; i++) {
        double load;

        if (i + 1 < scene->map.count && (borders >> i & 1) == 0)
            continue;
        load = carried(scene, first, i + 1);
        if (i > first && load > scene->config.scale_down_threshold * (1 + 1e-9))
            return INFINITY;
        fullest = fmax(fullest, load);
        first = i + 1;
        groups++;
    }
    *ret_groups = groups;
    return fullest;
}

START_TEST(no_other_merges_leave_fewer_shards_or_a_fullest_one_less_full)
{
    uint64_t state = 31337 * ((uint64_t)_i + 1);
    static struct scene scene;

    for (int n = 0; n < 12; n++) {
        SCOPED(down_plan_clear) struct down_plan plan = {0};
        double best[FEW_SHARDS + 1];
        size_t fewest;

        roll(&scene, FEW_SHARDS, false, &state);
        scene.config.resharding = RESHARDING_SPLIT;
        scene.facts.begun = true;
        for (size_t i = 0; i <= FEW_SHARDS; i++)
            best[i] = INFINITY;
        for (unsigned borders = 0; borders < 1U << (scene.map.count - 1); borders++) {
            size_t groups = 0;
            double fullest = fullest_of(&scene, borders, &groups);

            if (!isinf(fullest) && (int64_t)groups >= scene.config.min_shards)
                best[groups] = fmin(best[groups], fullest);
        }
        plan_down(&scene.facts, &plan);
        if ((int64_t)scene.map.count <= scene.config.min_shards) {
            ck_assert_int_eq(plan.hold, HOLD_MINIMUM);
        } else {
            for (fewest = 0; isinf(best[fewest]);)
                fewest++;
            ck_assert_msg(plan.to_shards == (int64_t)fewest, "%zu, not %lld: %s", fewest,
                          (long long)plan.to_shards, plan.reason);
            ck_assert_int_eq(plan.hold, fewest == scene.map.count ? HOLD_FULL : HOLD_NONE);
            if (plan.hold == HOLD_NONE)
                ck_assert_msg(fabs(plan.worst_after - best[fewest]) <= 1e-6 * best[fewest] + 1e-12,
                              "%g, not %g: %s", best[fewest], plan.worst_after, plan.reason);
        }
        scene_clear(&scene);
    }
}
END_TEST

/* -- the same plan again -------------------------------------------------------------------------------- */

static bool same_operation(const struct operation *a, const struct operation *b)
{
    return a->kind == b->kind && a->target == b->target && strcmp(a->shard, b->shard) == 0 &&
           strcmp(a->adjacent, b->adjacent) == 0;
}

/* One turn of the engine: the operation is done, a little time has gone by, the same points are looked at. */
static void go_on(struct scene *scene, const struct operation *operation, uint64_t *state)
{
    if (operation->kind == OPERATION_MERGE && scene->facts.shard_points != NULL) {
        size_t lower = (size_t)(shard_map_find(&scene->map, operation->shard) - scene->map.items);

        for (size_t period = 0; period < PERIODS; period++) { /* none of its own, or those of both */
            scene->shards[lower][period].bytes += scene->shards[lower + 1][period].bytes;
            scene->shards[lower][period].records += scene->shards[lower + 1][period].records;
        }
        memmove(&scene->shards[lower + 1], &scene->shards[lower + 2],
                (scene->map.count - lower - 2) * sizeof(scene->shards[0]));
    }
    apply_operation(&scene->map, operation);
    scene->facts.updates_24h += operation->kind == OPERATION_UPDATE;
    scene->facts.now_ms += dice_between(state, 0, 600000);
    scene->facts.begun = true;
}

START_TEST(planning_again_after_every_operation_gives_the_rest_of_the_plan)
{
    uint64_t state = 15485863 * ((uint64_t)_i + 1);
    static struct scene scene;

    for (int n = 0; n < STREAMS_PER_ROUND / 2; n++) {
        SCOPED(down_plan_clear) struct down_plan plan = {0};

        roll(&scene, SHARDS - 1, false, &state);
        for (size_t i = 0; scene.facts.shard_points != NULL && i < scene.map.count; i++) {
            for (size_t period = 0; period < PERIODS; period++) /* those of both are the sum of known ones */
                if (isnan(scene.shards[i][period].bytes))
                    scene.shards[i][period] = point_of(period, 0, 0);
        }
        if (scene.config.resharding == RESHARDING_UPDATE)
            scene.facts.shard_points = NULL; /* an update is followed by new figures */
        plan_down(&scene.facts, &plan);
        while (plan.verdict == DOWN_RESHARD) {
            struct down_plan next = {0};

            go_on(&scene, &plan.operations[0], &state);
            plan_down(&scene.facts, &next);
            ck_assert_msg(next.operation_count == plan.operation_count - 1 &&
                              next.to_shards == plan.to_shards,
                          "%zu operations after %zu: %s, then %s", next.operation_count, plan.operation_count,
                          plan.reason, next.reason);
            for (size_t i = 0; i < next.operation_count; i++)
                ck_assert_msg(same_operation(&next.operations[i], &plan.operations[i + 1]),
                              "operation %zu: %s, then %s", i + 1, plan.reason, next.reason);
            down_plan_clear(&plan);
            plan = next;
        }
        scene_clear(&scene);
    }
}
END_TEST

/* -- no flapping ---------------------------------------------------------------------------------------- */

/* What plan_up makes of the same load; its own loads are those of the shards now. */
static void plan_up_at(const struct scene *scene, bool alarmed, struct up_plan *ret_plan)
{
    static struct shard_load loads[SHARDS * 8];
    struct up_facts facts = {&scene->config, &scene->map, .alarmed = alarmed, .account_headroom = -1};

    facts.updates_24h = scene->facts.updates_24h;
    facts.update_seconds_per_shard = scene->facts.update_seconds_per_shard;
    facts.demand = load_demand(scene->points, PERIODS);
    for (size_t i = 0; scene->facts.shard_points != NULL && i < scene->map.count; i++)
        loads[i].demand = load_demand(scene->shards[i], PERIODS);
    if (scene->facts.shard_points != NULL)
        facts.shard_loads = loads;
    plan_up(&facts, ret_plan);
}

static void expect_enough(const struct scene *scene, const char *after)
{
    for (int alarmed = 0; alarmed <= 1; alarmed++) {
        SCOPED(up_plan_clear) struct up_plan plan = {0};

        plan_up_at(scene, alarmed == 1, &plan);
        ck_assert_msg(plan.verdict == UP_ENOUGH, "%s, then %s", after, plan.reason);
    }
}

START_TEST(what_a_scale_down_leaves_is_enough_for_the_same_load)
{
    uint64_t state = 49979687 * ((uint64_t)_i + 1);
    static struct scene scene;

    for (int n = 0; n < STREAMS_PER_ROUND; n++) {
        SCOPED(down_plan_clear) struct down_plan plan = {0};
        SCOPED(up_plan_clear) struct up_plan before = {0};

        roll(&scene, SHARDS, true, &state);
        if (scene.config.resharding == RESHARDING_UPDATE)
            scene.facts.shard_points = NULL;
        plan_up_at(&scene, true, &before);
        plan_down(&scene.facts, &plan);
        for (size_t i = 0; i < plan.operation_count; i++)
            go_on(&scene, &plan.operations[i], &state);
        if (before.verdict == UP_ENOUGH)
            expect_enough(&scene, plan.reason);
        if (scene.facts.shard_points == NULL && plan.verdict == DOWN_RESHARD)
            ck_assert_int_eq(before.verdict, UP_ENOUGH);
        scene_clear(&scene);
    }
}
END_TEST

START_TEST(what_a_scale_up_opens_is_not_merged_at_the_same_load)
{
    uint64_t state = 86028121 * ((uint64_t)_i + 1);
    static struct scene scene;

    for (int n = 0; n < STREAMS_PER_ROUND; n++) {
        SCOPED(up_plan_clear) struct up_plan up = {0};
        SCOPED(down_plan_clear) struct down_plan down = {0};
        bool was_even;

        roll(&scene, SHARDS, true, &state);
        roll_stream(&scene,
                    4 * scene.config.target_utilization * (double)scene.map.count * dice_fraction(&state),
                    true, &state);
        scene.facts.shard_points = NULL;
        was_even = shard_map_is_even(&scene.map);
        plan_up_at(&scene, true, &up);
        for (size_t i = 0; i < up.operation_count; i++)
            go_on(&scene, &up.operations[i], &state);
        scene.facts.begun = false;
        plan_down(&scene.facts, &down);
        if (up.verdict == UP_RESHARD && was_even && scene.config.resharding == RESHARDING_SPLIT)
            ck_assert_msg(down.verdict == DOWN_HOLD, "%s, then %s", up.reason, down.reason);
        for (size_t i = 0; i < down.operation_count; i++)
            go_on(&scene, &down.operations[i], &state);
        if (up.limit == LIMIT_NONE)
            expect_enough(&scene, down.reason);
        else
            ck_assert_msg(down.verdict == DOWN_HOLD || down.hold == HOLD_NONE, "%s", down.reason);
        scene_clear(&scene);
    }
}
END_TEST

/* -- what is no figure, and very many shards ------------------------------------------------------------ */

START_TEST(figures_that_are_none_do_no_harm)
{
    static const double figures[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e-320, 1e308, 1e18, 1e6};
    static struct scene scene;
    uint64_t state = 77;

    roll(&scene, 1, true, &state);
    shard_map_clear(&scene.map);
    even_map(&scene.map, 4);
    roll_shards(&scene, 0.1, true, &state);
    scene.facts.shard_points = _i < 3 ? NULL : scene.rows;
    scene.config.resharding = _i % 3;
    scene.config.min_shards = 1;
    for (size_t a = 0; a < COUNT_OF(figures); a++) {
        for (size_t b = 0; b < COUNT_OF(figures); b++) {
            SCOPED(down_plan_clear) struct down_plan plan = {0};

            scene.points[1].bytes = figures[a];
            scene.points[2].throttled_records = scene.points[1].records = figures[b];
            scene.shards[2][3].bytes = figures[a];
            scene.shards[2][2].records = figures[b];
            scene.facts.update_seconds_per_shard = figures[a];
            scene.points[4].period_ms = a == 1 ? 0 : 60000;
            plan_down(&scene.facts, &plan);
            ck_assert_int_ge(plan.to_shards, 1);
            ck_assert_int_le(plan.to_shards, 4);
            ck_assert_int_ge(plan.seconds, 0);
            ck_assert(!isinf(plan.worst_now) && !isinf(plan.worst_after));
            ck_assert_int_eq(plan.missing > 0, plan.hold == HOLD_MISSING);
        }
    }
    scene_clear(&scene);
}
END_TEST

/* The largest stream there may be, each way; the test's time limit is the check. */
START_TEST(ten_thousand_shards_are_planned_in_a_moment)
{
    struct stream_config config = plain_stream;
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(down_plan_clear) struct down_plan plan = {0};
    struct load_point points[PERIODS], (*shards)[PERIODS] = must_calloc(10000, sizeof(*shards));
    const struct load_point **rows = must_calloc(10000, sizeof(struct load_point *));
    struct down_facts facts = {.config = &config, .shards = &map, .points = points, .point_count = PERIODS};
    uint64_t state = 5;

    config.resharding = _i % 3;
    config.scale_down_threshold = 0.5;
    config.max_shards = 10000;
    even_map(&map, 10000);
    for (size_t period = 0; period < PERIODS; period++) {
        points[period] = point_of(period, 0, 0);
        for (size_t i = 0; i < 10000; i++) {
            shards[i][period] = point_of(period, 0.2 * dice_fraction(&state), 0);
            points[period].bytes += shards[i][period].bytes;
        }
    }
    for (size_t i = 0; i < 10000; i++)
        rows[i] = shards[i];
    facts.shard_points = _i < 3 ? NULL : rows;
    plan_down(&facts, &plan);
    ck_assert_int_eq(plan.hold, HOLD_NONE);
    ck_assert_int_le(plan.to_shards, 4000);
    free(shards);
    free(rows);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("plan_down_properties");
    TCase *tcase = tcase_create("plan_down_properties");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_plan_can_be_carried_out_and_leaves_no_merged_shard_above_the_threshold, 0,
                        40);
    tcase_add_loop_test(tcase, a_plan_to_the_maximum_stops_there_and_leaves_no_merged_shard_that_would_alarm,
                        0, 40);
    tcase_add_loop_test(tcase, no_other_merges_leave_fewer_shards_or_a_fullest_one_less_full, 0, 40);
    tcase_add_loop_test(tcase, planning_again_after_every_operation_gives_the_rest_of_the_plan, 0, 40);
    tcase_add_loop_test(tcase, what_a_scale_down_leaves_is_enough_for_the_same_load, 0, 50);
    tcase_add_loop_test(tcase, what_a_scale_up_opens_is_not_merged_at_the_same_load, 0, 50);
    tcase_add_loop_test(tcase, figures_that_are_none_do_no_harm, 0, 6);
    tcase_add_loop_test(tcase, ten_thousand_shards_are_planned_in_a_moment, 0, 6);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
