/*
 * test_plan_properties.c - what holds for every plan, over thousands of random streams.
 *
 * The figures of a plan are computed here a second way: by laying the load of the
 * old shards, evenly within each, on the shards that the operations really leave.
 */
#include "scaling/plan_up.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

enum { STREAMS_PER_ROUND = 75 };

static struct demand bytes_of(double shards)
{
    struct demand demand = worth(shards);

    demand.records_per_s = demand.accepted_records_per_s = 0;
    return demand;
}

/* A stream in some state, and what is known of it. */
struct scene {
    struct stream_config config;
    struct shard_map map;
    struct shard_load loads[128];
    struct up_facts facts;
};

static void scene_clear(struct scene *scene)
{
    shard_map_clear(&scene->map);
}

/* Loads from idle to several times what max_shards takes; now and then a shard without data. */
static void roll_loads(struct scene *scene, uint64_t *state)
{
    double scale = exp(8 * dice_fraction(state) - 4), total = 0;

    for (size_t i = 0; i < scene->map.count; i++) {
        double load = scale * dice_fraction(state) * (dice_fraction(state) < 0.1 ? 10 : 1);

        if (dice_fraction(state) < 0.85)
            scene->loads[i].demand = bytes_of(load);
        scene->loads[i].alarming = dice_fraction(state) < 0.1;
        total += load;
    }
    scene->facts.demand = bytes_of(total);
    scene->facts.shard_loads = scene->loads;
}

static void roll(struct scene *ret_scene, uint64_t *state)
{
    struct scene scene = {.config = {.target_utilization = 0.3 + 0.4 * dice_fraction(state)}};
    struct up_facts *facts = &scene.facts;

    scene.config.scale_up_threshold = scene.config.target_utilization + 0.05 + 0.2 * dice_fraction(state);
    scene.config.resharding = dice_between(state, 0, 2);
    scene.config.max_shards = dice_between(state, 1, 120);
    scene.config.min_shards =
        dice_between(state, 1, dice_fraction(state) < 0.7 ? 1 : scene.config.max_shards);
    if (dice_fraction(state) < 0.5)
        even_map(&scene.map, (unsigned)dice_between(state, 1, 40));
    else
        random_map(&scene.map, (unsigned)dice_between(state, 1, 40), state);
    for (size_t i = 0; i < scene.map.count; i++) /* hot keys have tests of their own */
        scene.map.items[i].parent[0] = '\0';

    facts->alarmed = dice_fraction(state) < 0.9;
    facts->account_headroom = dice_fraction(state) < 0.7 ? -1 : dice_between(state, 0, 60);
    facts->updates_24h = dice_fraction(state) < 0.6 ? 0 : (int)dice_between(state, 0, 11);
    if (dice_fraction(state) < 0.3)
        facts->update_seconds_per_shard = 60 * dice_fraction(state);
    switch (dice_between(state, 0, 3)) {
    case 0:
        roll_loads(&scene, state);
        break;
    case 1: /* nothing known */
        break;
    default:
        facts->demand = bytes_of((double)scene.map.count * exp(4 * dice_fraction(state) - 2));
        if (dice_fraction(state) < 0.4) {
            facts->demand.throttled_records_per_s = 100;
            facts->demand.accepted_bytes_per_s *= dice_fraction(state);
        }
    }
    *ret_scene = scene;
    ret_scene->facts.config = &ret_scene->config;
    ret_scene->facts.shards = &ret_scene->map;
    if (scene.facts.shard_loads != NULL)
        ret_scene->facts.shard_loads = ret_scene->loads;
}

/* Also below min_shards only what was accepted is spread by width. */
static bool is_skewed(const struct scene *scene)
{
    double accepted = demand_accepted_utilization(&scene->facts.demand, shard_map_effective(&scene->map));

    return scene->facts.alarmed && scene->facts.demand.throttled_records_per_s > 0 && accepted < SKEW_BELOW;
}

/* What each shard of the scene carries: its own figures, the rest of the stream's by width. */
static void loads_of(const struct scene *scene, const struct up_plan *plan, double *ret_loads)
{
    double rest = scene->facts.demand.bytes_per_s / SHARD_BYTES_PER_S, rest_share = 0;

    if (plan->basis == UP_BASIS_SKEW || (plan->basis == UP_BASIS_MINIMUM && is_skewed(scene)))
        rest = scene->facts.demand.accepted_bytes_per_s / SHARD_BYTES_PER_S;
    for (size_t i = 0; i < scene->map.count; i++) {
        ret_loads[i] = scene->loads[i].demand.bytes_per_s / SHARD_BYTES_PER_S;
        if (scene->loads[i].demand.known)
            rest -= ret_loads[i];
        else
            rest_share += hashkey_share(scene->map.items[i].start, scene->map.items[i].end);
    }
    for (size_t i = 0; i < scene->map.count; i++) {
        const struct shard *shard = &scene->map.items[i];

        if (scene->loads[i].demand.known)
            continue;
        ret_loads[i] = fmax(rest, 0) * hashkey_share(shard->start, shard->end) / rest_share;
        if (scene->loads[i].alarming)
            ret_loads[i] = fmax(ret_loads[i], scene->config.scale_up_threshold);
    }
}

/* The fullest shard of `after`. */
static double fullest(const struct shard_map *before, const double *loads, const struct shard_map *after)
{
    double worst = 0;
    size_t first = 0;

    for (size_t i = 0; i < after->count; i++) {
        const struct shard *shard = &after->items[i];
        double load = 0;

        while (before->items[first].end < shard->start)
            first++;
        for (size_t j = first; j < before->count && before->items[j].start <= shard->end; j++) {
            const struct shard *old = &before->items[j];
            hashkey low = old->start > shard->start ? old->start : shard->start;
            hashkey high = old->end < shard->end ? old->end : shard->end;

            load += loads[j] * hashkey_share(low, high) / hashkey_share(old->start, old->end);
        }
        worst = fmax(worst, load);
    }
    return worst;
}

static void check_bounds(const struct scene *scene, const struct up_plan *plan, const struct shard_map *after)
{
    int64_t from = (int64_t)scene->map.count, room = scene->facts.account_headroom;
    const struct stream_config *config = &scene->config;
    struct error err;

    ck_assert_msg(shard_map_check(after, &err) == 0, "%s: %s", plan->reason, err.message);
    ck_assert_int_eq(plan->from_shards, from);
    ck_assert_int_eq(plan->to_shards, (int64_t)after->count);
    ck_assert_int_ge(plan->peak_shards, plan->to_shards);
    ck_assert_msg(plan->to_shards <= config->max_shards || plan->operation_count == 0, "%s", plan->reason);
    ck_assert_msg(room < 0 || plan->peak_shards <= from + room, "%s", plan->reason);
    ck_assert_msg(plan->to_shards >= config->min_shards || plan->limit != LIMIT_NONE, "%s", plan->reason);
    ck_assert_int_eq(plan->verdict == UP_RESHARD, plan->operation_count > 0);
    ck_assert(plan->verdict != UP_LIMITED || plan->limit != LIMIT_NONE);
    ck_assert(plan->verdict != UP_ENOUGH || plan->limit == LIMIT_NONE);
    ck_assert(scene->facts.alarmed || from < config->min_shards || plan->verdict == UP_ENOUGH);
    ck_assert_uint_gt(strlen(plan->reason), 10);
    ck_assert((plan->seconds > 0) == (plan->operation_count > 0));
}

static void check_loads(const struct scene *scene, const struct up_plan *plan, const struct shard_map *after)
{
    double loads[128], now, then;

    ck_assert_int_eq(isnan(plan->utilization_now), isnan(plan->utilization_after));
    if (isnan(plan->utilization_now)) {
        ck_assert(!scene->facts.demand.known);
        return;
    }
    loads_of(scene, plan, loads);
    now = fullest(&scene->map, loads, &scene->map);
    then = fullest(&scene->map, loads, after);
    ck_assert_msg(fabs(plan->utilization_now - now) <= 1e-6 * now, "%g, not %g: %s", now,
                  plan->utilization_now, plan->reason);
    ck_assert_msg(fabs(plan->utilization_after - then) <= 1e-6 * then, "%g, not %g: %s", then,
                  plan->utilization_after, plan->reason);
    if (scene->facts.alarmed && plan->limit == LIMIT_NONE)
        ck_assert_msg(then <= scene->config.target_utilization * (1 + 1e-6), "%g: %s", then, plan->reason);
    if (scene->config.resharding == RESHARDING_SPLIT)
        ck_assert_msg(then <= now * (1 + 1e-6), "%s", plan->reason);
}

START_TEST(a_plan_can_be_carried_out_stays_in_bounds_and_reaches_its_target)
{
    uint64_t state = 7919 * ((uint64_t)_i + 1);

    for (int n = 0; n < STREAMS_PER_ROUND; n++) {
        SCOPED(scene_clear) struct scene scene;
        SCOPED(up_plan_clear) struct up_plan plan = {0};
        SCOPED(shard_map_clear) struct shard_map after = {0};

        roll(&scene, &state);
        plan_up(&scene.facts, &plan);
        shard_map_copy(&after, &scene.map);
        for (size_t i = 0; i < plan.operation_count; i++)
            apply_operation(&after, &plan.operations[i]);
        check_bounds(&scene, &plan, &after);
        check_loads(&scene, &plan, &after);
    }
}
END_TEST

/* One turn of the engine: the operation is done, the same demand is looked at again. */
static void go_on(struct scene *scene, const struct up_plan *plan)
{
    struct shard_load before[128];
    struct shard_map old = {0};

    memcpy(before, scene->loads, sizeof(before));
    shard_map_copy(&old, &scene->map);
    apply_operation(&scene->map, &plan->operations[0]);
    if (scene->facts.account_headroom >= 0)
        scene->facts.account_headroom -= (int64_t)scene->map.count - (int64_t)old.count;
    scene->facts.updates_24h += plan->operations[0].kind == OPERATION_UPDATE;
    if (scene->facts.goal_shards == 0) {
        scene->facts.goal_shards = plan->to_shards;
        scene->facts.goal_basis = plan->basis;
    }
    for (size_t i = 0, j = 0; scene->facts.shard_loads != NULL && i < scene->map.count; i++) {
        bool is_new = strcmp(scene->map.items[i].id, old.items[j].id) != 0;

        scene->loads[i] = before[j];
        if (is_new) {
            scene->loads[i].demand.bytes_per_s /= 2;
            scene->loads[i].alarming = false;
        }
        if (!is_new || scene->map.items[i].end == old.items[j].end)
            j++;
    }
    shard_map_clear(&old);
}

static bool same_operation(const struct operation *a, const struct operation *b)
{
    return a->kind == b->kind && a->target == b->target && strcmp(a->shard, b->shard) == 0 &&
           a->new_start == b->new_start;
}

static void follow(struct scene *scene, struct up_plan *plan)
{
    while (plan->verdict == UP_RESHARD) {
        struct up_plan next = {0};

        go_on(scene, plan);
        plan_up(&scene->facts, &next);
        ck_assert_msg(next.operation_count == plan->operation_count - 1 && next.to_shards == plan->to_shards,
                      "%zu operations to %lld after %zu to %lld: %s, then %s", next.operation_count,
                      (long long)next.to_shards, plan->operation_count, (long long)plan->to_shards,
                      plan->reason, next.reason);
        for (size_t i = 0; i < next.operation_count; i++)
            ck_assert_msg(same_operation(&next.operations[i], &plan->operations[i + 1]),
                          "operation %zu: %s, then %s", i + 1, plan->reason, next.reason);
        up_plan_clear(plan);
        *plan = next;
    }
}

START_TEST(planning_again_after_every_operation_gives_the_rest_of_the_plan)
{
    uint64_t state = 104729 * ((uint64_t)_i + 1);

    for (int n = 0; n < STREAMS_PER_ROUND / 3; n++) {
        SCOPED(scene_clear) struct scene scene;
        SCOPED(up_plan_clear) struct up_plan plan = {0};

        roll(&scene, &state);
        if (scene.config.resharding == RESHARDING_UPDATE)
            scene.facts.shard_loads =
                NULL; /* an update is followed by new figures, not by half the old ones */
        if (scene.facts.account_headroom >= 0)
            scene.config.min_shards = 1; /* what the account forbids, the minimum would ask for again */
        for (size_t i = 0; i < scene.map.count; i++) { /* nor do the halves of an alarming shard alarm */
            scene.loads[i].alarming = false;
            if (!scene.loads[i].demand.known)
                scene.loads[i].demand = bytes_of(0.1);
        }
        plan_up(&scene.facts, &plan);
        follow(&scene, &plan);
    }
}
END_TEST

START_TEST(even_streams_get_whole_generations)
{
    static const struct stream_config config = {
        .min_shards = 1, .max_shards = 10000, .scale_up_threshold = 0.8, .target_utilization = 0.6};
    unsigned count = (unsigned)_i;

    for (double load = 0.05; load < 5; load *= 1.17) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        SCOPED(up_plan_clear) struct up_plan plan = {0};
        struct up_facts facts = {&config, &map, bytes_of(load * count), .alarmed = true,
                                 .account_headroom = -1};
        int64_t expected = count;

        while (load * count > 0.6 * (double)expected * (1 + 1e-9))
            expected *= 2;
        even_map(&map, count);
        plan_up(&facts, &plan);
        ck_assert_int_eq(plan.to_shards, expected);
        ck_assert_int_eq(plan.limit, LIMIT_NONE);
    }
}
END_TEST

/* With no other help, a hot shard behind stream-level metrics may cost one generation a day and not more. */
START_TEST(skew_without_shard_metrics_never_grows_for_ever)
{
    struct stream_config config = {
        .min_shards = 1, .max_shards = 1000, .scale_up_threshold = 0.8, .target_utilization = 0.6};
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct up_facts facts = {&config, &map, .alarmed = true, .account_headroom = -1};

    config.resharding = _i;
    even_map(&map, 10);
    facts.demand = bytes_of(9);
    facts.demand.accepted_bytes_per_s = 3 * SHARD_BYTES_PER_S;
    facts.demand.throttled_records_per_s = 1e6;
    for (int alarm = 0; alarm < 20; alarm++) {
        facts.goal_shards = 0;
        for (;;) {
            SCOPED(up_plan_clear) struct up_plan plan = {0};

            plan_up(&facts, &plan);
            if (plan.verdict != UP_RESHARD)
                break;
            apply_operation(&map, &plan.operations[0]);
            facts.skew_spent = true;
            facts.goal_shards = plan.to_shards;
            facts.goal_basis = plan.basis;
        }
    }
    ck_assert_uint_eq(map.count, 20);
}
END_TEST

START_TEST(figures_that_are_none_do_no_harm)
{
    static const double figures[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e-320, 1e308, 1e18, 1048576};
    struct stream_config config = {
        .min_shards = 2, .max_shards = 50, .scale_up_threshold = 0.8, .target_utilization = 0.6};
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct shard_load loads[4] = {0};
    struct up_facts facts = {&config, &map, .alarmed = true, .account_headroom = -1};

    even_map(&map, 4);
    config.resharding = _i % 3;
    for (size_t a = 0; a < COUNT_OF(figures); a++) {
        for (size_t b = 0; b < COUNT_OF(figures); b++) {
            for (size_t c = 0; c < COUNT_OF(figures); c++) {
                SCOPED(up_plan_clear) struct up_plan plan = {0};

                facts.demand =
                    (struct demand){true, figures[a], figures[b], figures[c], figures[a], figures[b]};
                loads[1].demand =
                    (struct demand){true, figures[c], figures[a], figures[b], figures[c], figures[a]};
                facts.shard_loads = _i < 3 ? NULL : loads;
                facts.update_seconds_per_shard = figures[c];
                facts.account_headroom = c % 2 == 0 ? -1 : INT64_MAX;
                plan_up(&facts, &plan);
                ck_assert_int_le(plan.to_shards, 50);
                ck_assert_int_ge(plan.to_shards, 4);
                ck_assert_int_ge(plan.seconds, 0);
                ck_assert(isnan(plan.utilization_now) || plan.utilization_now >= 0);
                ck_assert(!isinf(plan.utilization_now) && !isinf(plan.utilization_after));
            }
        }
    }
}
END_TEST

/* The largest stream there may be, each way; the test's time limit is the check. */
START_TEST(ten_thousand_shards_are_planned_in_a_moment)
{
    struct stream_config config = {
        .min_shards = 1, .max_shards = 10000, .scale_up_threshold = 0.8, .target_utilization = 0.6};
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct shard_load *loads = must_calloc(10000, sizeof(*loads));
    struct up_facts facts = {&config, &map, bytes_of(1e9), .alarmed = true, .account_headroom = -1};
    uint64_t state = 5;

    config.resharding = _i % 3;
    even_map(&map, _i < 3 ? 5000 : 1);
    for (size_t i = 0; i < map.count; i++)
        loads[i].demand = bytes_of(map.count == 1 ? 1e9 : 10 * dice_fraction(&state));
    facts.shard_loads = _i < 6 ? loads : NULL;
    plan_up(&facts, &plan);
    ck_assert_int_eq(plan.verdict, UP_RESHARD);
    ck_assert_int_eq(plan.limit, _i % 3 == RESHARDING_UPDATE && _i >= 3 ? LIMIT_UPDATES : LIMIT_MAX_SHARDS);
    ck_assert_int_eq(plan.to_shards, plan.limit == LIMIT_UPDATES ? 1024 : 10000);
    free(loads);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("plan_properties");
    TCase *tcase = tcase_create("plan_properties");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_plan_can_be_carried_out_stays_in_bounds_and_reaches_its_target, 0, 40);
    tcase_add_loop_test(tcase, planning_again_after_every_operation_gives_the_rest_of_the_plan, 0, 40);
    tcase_add_loop_test(tcase, even_streams_get_whole_generations, 1, 24);
    tcase_add_loop_test(tcase, skew_without_shard_metrics_never_grows_for_ever, 0, 3);
    tcase_add_loop_test(tcase, figures_that_are_none_do_no_harm, 0, 6);
    tcase_add_loop_test(tcase, ten_thousand_shards_are_planned_in_a_moment, 0, 9);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
