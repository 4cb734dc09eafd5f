/*
 * The policy `adaptive` in trouble: figures that are missing, calls that AWS refuses, the end of the program.
 */
#include "adaptive_world.h"
#include "support.h"

#include "base/memory.h"
#include "store/minutes.h"

/* Nothing says `policy`: it is the default. */
static const char orders[] = "[stream orders]\nmax_shards = 64\n";

/* ---- figures that are missing */

static const struct {
    const char *missing_data;
    bool consumer;
    bool gives_back;
} missing[] = {{"auto", false, false}, {"auto", true, true}, {"unknown", true, false}, {"idle", false, true}};

/* Nobody writes: Kinesis has no datapoints then.  Where nobody reads either, nothing tells it from a CloudWatch that is
 * ill. */
START_TEST(what_is_not_known_is_no_reason_to_give_back)
{
    SCOPED(free_text)
    char *streams =
        must_printf("[stream orders]\nmax_shards = 64\nmissing_data = %s\n", missing[_i].missing_data);
    struct world *world = adaptive_scene(streams, 8, "constant:6M");
    struct error err = {0};

    ck_assert_int_eq(sim_set_consumer(world->sim, "orders", missing[_i].consumer, &err), 0);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    world_traffic(world, "orders", "constant:0", 2048, "uniform");
    world_run(world, 3 * HOUR_MS);
    ck_assert_msg((world_open_shards(world, "orders") < 8) == missing[_i].gives_back, "%s: %lld",
                  missing[_i].missing_data, (long long)world_open_shards(world, "orders"));
    world_free(world);
}
END_TEST

/* There is no first datapoint; but AWS says since when the stream is there. */
START_TEST(a_stream_that_nobody_ever_wrote_to_is_given_back_when_that_is_known)
{
    char *streams =
        must_printf("[stream orders]\nmax_shards = 64\nmissing_data = %s\n", missing[_i].missing_data);
    struct world *world = world_new(streams, NULL);
    struct error err = {0};

    world_scene(world, "orders", 8);
    ck_assert_int_eq(sim_set_consumer(world->sim, "orders", missing[_i].consumer, &err), 0);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 2 * HOUR_MS);
    ck_assert_msg((world_open_shards(world, "orders") == 1) == missing[_i].gives_back, "%s: %lld",
                  missing[_i].missing_data, (long long)world_open_shards(world, "orders"));
    if (!missing[_i].gives_back)
        ck_assert(world_was_decided(world, "hold", "CloudWatch has no minute of the last 5; "));
    world_free(world);
    free(streams);
}
END_TEST

START_TEST(an_alarm_without_figures_adds_one_generation_and_no_more)
{
    struct world *world = adaptive_scene(orders, 4, "constant:2M");

    world_run(world, 10 * MINUTE_MS);
    world_traffic(world, "orders", "constant:3.9M", 2048, "uniform");
    world_strike(world, FAULT_DENIED, "GetMetricData", 1000);
    world_run(world, 20 * MINUTE_MS);
    assert_fitting(world, 8);
    world_free(world);
}
END_TEST

/* What is throttled meanwhile raises the alarm again, and nobody knows whether that was before the splits. */
START_TEST(another_alarm_without_figures_waits_for_the_cooldown)
{
    struct world *world =
        adaptive_scene("[stream orders]\nmax_shards = 64\ncooldown = 30m\n", 4, "constant:20M");

    world_strike(world, FAULT_DENIED, "GetMetricData", 1000);
    world_run(world, 25 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    world_run(world, 30 * MINUTE_MS);
    assert_fitting(world, 16);
    world_free(world);
}
END_TEST

/* ---- what AWS refuses for good */

static struct world *merges_denied(const char *streams)
{
    struct world *world = adaptive_scene(streams, 8, "constant:2M");

    world_strike(world, FAULT_DENIED, "MergeShards", 1000);
    return world;
}

/* An hour until the first, and then every hour. */
START_TEST(a_give_back_that_is_refused_is_tried_again_after_5_and_15_minutes_and_then_every_hour)
{
    struct world *world = merges_denied(orders);
    struct decision decision;

    world_run(world, 90 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 3);
    world_run(world, 22 * HOUR_MS);
    ck_assert_uint_ge(world_count_calls(world, "MergeShards"), 3 + 20);
    ck_assert_uint_le(world_count_calls(world, "MergeShards"), 3 + 22);
    decision = world_last_decision(world, "orders");
    ck_assert_str_eq(decision.verdict, "hold");
    ck_assert_msg(strstr(decision.reason, "next try is at 2026-03-03T00:") != NULL &&
                      strstr(decision.reason, "not authorized") != NULL,
                  "%s", decision.reason);
    world->fault = FAULT_NONE;
    world_run(world, 80 * MINUTE_MS);
    ck_assert_int_le(world_open_shards(world, "orders"), 4);
    assert_fitting(world, world_open_shards(world, "orders"));
    world_free(world);
}
END_TEST

START_TEST(more_shards_do_not_wait_for_a_give_back_that_was_refused)
{
    struct world *world = merges_denied("[stream orders]\nmax_shards = 64\ncooldown = 30m\n");

    world_run(world, 61 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 1);
    world_traffic(world, "orders", "constant:7.5M", 2048, "uniform");
    world_run(world, 9 * MINUTE_MS);
    assert_fitting(world, 16);
    world_free(world);
}
END_TEST

/* ---- kills */

/* The end of the program at the requests of a run, before they are heard or after. */
static void assert_kills_cost_only_time(struct world *(*begin)(void), int64_t minutes,
                                        void (*assert_end)(struct world *world))
{
    bool killed = true;

    for (int at = 1; killed; at += getenv("KINESCALE_SWEEP") != NULL ? 1 : 7) {
        struct world *world = begin();

        world->requests = 0;
        world->kill_at = at;
        world->kill_unheard = at % 2 == 0;
        for (int64_t minute = 0; minute < minutes && !world->killed; minute++)
            world_run(world, MINUTE_MS);
        killed = world->killed;
        if (killed)
            world_restart(world);
        world->kill_at = 0;
        world_run(world, minutes * MINUTE_MS);
        assert_end(world);
        world_free(world);
    }
}

static struct world *about_to_rise(void)
{
    return adaptive_scene(orders, 4, "constant:3.65M");
}

/* Before an hour is over nothing is given back. */
static struct world *about_to_give_back(void)
{
    struct world *world = adaptive_scene(orders, 8, "constant:2M");

    world_run(world, 58 * MINUTE_MS);
    return world;
}

static struct world *about_to_rise_by_shard(void)
{
    struct world *world = uneven_scene(4, "constant:0.9M", "slice:0.8:3:4");

    world_run(world, 20 * MINUTE_MS);
    world_traffic(world, "orders", "constant:2M", 2048, "slice:0.8:3:4");
    return world;
}

static void assert_eight(struct world *world)
{
    assert_fitting(world, 8);
}

static void assert_four(struct world *world)
{
    assert_fitting(world, 4);
}

static void assert_only_the_full_one_was_split(struct world *world)
{
    struct shard_map map = {0};
    double before = world_totals(world).throttled_bytes;

    world_assert_partition(world, "orders");
    world_shards(world, "orders", &map);
    ck_assert_uint_ge(map.count, 6);
    ck_assert_uint_le(map.count, 7);
    ck_assert(map.items[3].start == hashkey_even_start(3, 4));
    shard_map_clear(&map);
    world_run(world, 5 * MINUTE_MS);
    ck_assert_double_eq_tol(world_totals(world).throttled_bytes, before, 1);
}

static const struct {
    struct world *(*begin)(void);
    int64_t minutes;
    void (*assert_end)(struct world *world);
} kills[] = {{about_to_rise, 12, assert_eight},
             {about_to_give_back, 14, assert_four},
             {about_to_rise_by_shard, 12, assert_only_the_full_one_was_split}};

START_TEST(a_kill_at_any_request_costs_only_time)
{
    assert_kills_cost_only_time(kills[_i].begin, kills[_i].minutes, kills[_i].assert_end);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, adaptive, in trouble");
    TCase *tcase = tcase_create("trouble");

    tcase_set_timeout(tcase, 600);
    tcase_add_loop_test(tcase, a_stream_that_nobody_ever_wrote_to_is_given_back_when_that_is_known, 0,
                        (int)COUNT_OF(missing));
    tcase_add_loop_test(tcase, what_is_not_known_is_no_reason_to_give_back, 0, (int)COUNT_OF(missing));
    tcase_add_test(tcase, an_alarm_without_figures_adds_one_generation_and_no_more);
    tcase_add_test(tcase, another_alarm_without_figures_waits_for_the_cooldown);
    tcase_add_test(tcase,
                   a_give_back_that_is_refused_is_tried_again_after_5_and_15_minutes_and_then_every_hour);
    tcase_add_test(tcase, more_shards_do_not_wait_for_a_give_back_that_was_refused);
    tcase_add_loop_test(tcase, a_kill_at_any_request_costs_only_time, 0, (int)COUNT_OF(kills));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
