/*
 * More shards than max_shards: the real engine and store against the simulated AWS, in virtual time.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "base/text.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/streams.h"

/* Looked at every five minutes, from now on. */
static struct world *begin(const char *settings, int shards, const char *load)
{
    SCOPED(free_text) char *streams = must_printf("[stream orders]\n%s\n", settings);
    struct world *world = world_new_classic(streams, NULL);

    world_scene(world, "orders", shards);
    if (load != NULL)
        world_traffic(world, "orders", load, 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    world->reconcile_at_ms = world->clock.ms;
    return world;
}

static size_t resharding_calls(const struct world *world)
{
    return world_count_calls(world, "MergeShards") + world_count_calls(world, "UpdateShardCount") +
           world_count_calls(world, "SplitShard");
}

/* `effective` shards' worth of load is what they take. */
static void assert_rests_at(struct world *world, int shards, int effective)
{
    size_t calls = resharding_calls(world);

    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 60 * 1048576 * effective);
    world_assert_partition(world, "orders");
    world_run(world, 4 * (int64_t)HOUR_MS);
    ck_assert_uint_eq(resharding_calls(world), calls);
}

static const struct {
    const char *resharding, *load;
    int shards, most, effective;
} quiet[] = {
    {"split", "constant:1M", 12, 8, 6},
    {"split", NULL, 12, 8, 6}, /* nothing was ever measured */
    {"update-shard-count", "constant:1M", 12, 8, 8},
    {"auto", "constant:1M", 12, 8, 6},
    {"auto", "constant:2M", 16, 4, 4},
    {"update-shard-count", NULL, 16, 1, 1},
};

START_TEST(a_stream_above_max_shards_is_brought_down_to_it_and_rests_there)
{
    SCOPED(free_text)
    char *settings = must_printf("max_shards = %d\nresharding = %s", quiet[_i].most, quiet[_i].resharding);
    struct world *world = begin(settings, quiet[_i].shards, quiet[_i].load);
    struct action action;

    world_run(world, HOUR_MS);
    action = world_last_action(world);
    ck_assert_int_eq(action.kind, ACTION_SCALE_DOWN);
    ck_assert_str_eq(action.failure, "");
    ck_assert_msg(strstr(action.reason, "more than max_shards (") != NULL, "%s", action.reason);
    assert_rests_at(world, quiet[_i].most, quiet[_i].effective);
    world_free(world);
}
END_TEST

/* 4 shards' worth: in pairs of 12 they are 67 % full, in fewer than 6 equal groups above 80 %. */
START_TEST(load_that_does_not_fit_below_max_shards_keeps_the_shards_it_needs)
{
    struct world *world = begin("max_shards = 3\nresharding = split", 12, "constant:4M");
    struct decision decision;

    world_run(world, 2 * HOUR_MS);
    ck_assert_str_eq(world_last_action(world).failure, "");
    assert_rests_at(world, 6, 6);
    decision = world_last_decision(world, "orders");
    ck_assert_str_eq(decision.verdict, "hold");
    ck_assert_msg(text_starts_with(decision.reason, "6 shards are more than max_shards (3): the 5m from "),
                  "%s", decision.reason);

    /* A window later the load is forgotten. */
    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, 25 * (int64_t)HOUR_MS);
    assert_rests_at(world, 3, 3);
    world_free(world);
}
END_TEST

START_TEST(a_hold_that_lasts_is_stored_once)
{
    struct world *world = begin("max_shards = 3\nresharding = split", 4, "constant:3M");
    struct decision_list list = {0};
    struct error err = {0};

    world_run(world, 6 * (int64_t)HOUR_MS);
    ck_assert_uint_eq(resharding_calls(world), 0);
    ck_assert_int_eq(world_last_action(world).id, 0);
    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 100, &list, &err), 0);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].verdict, "hold");
    decision_list_clear(&list);
    world_free(world);
}
END_TEST

/* The window knows nothing of it yet. */
START_TEST(load_that_has_just_come_is_not_squeezed_together)
{
    struct world *world = begin("max_shards = 4\nresharding = split", 12, "constant:1M");

    world_traffic(world, "orders", "constant:8M", 4096, "uniform");
    world->reconcile_at_ms = world->clock.ms + 4 * (int64_t)MINUTE_MS;
    world_run(world, 2 * HOUR_MS);
    ck_assert_uint_eq(resharding_calls(world), 0);
    ck_assert_int_eq(world_open_shards(world, "orders"), 12);
    world_free(world);
}
END_TEST

START_TEST(an_alarm_meanwhile_ends_the_merging_and_max_shards_bounds_what_is_done_for_it)
{
    struct world *world = begin("max_shards = 4\nresharding = split", 16, "constant:1M");

    world_run(world, 100000);
    ck_assert_int_gt(world_open_shards(world, "orders"), 4);
    world_traffic(world, "orders", "constant:15M", 4096, "uniform");
    world_run(world, HOUR_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), 8);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    ck_assert_int_eq(world_last_action(world).kind, ACTION_SCALE_UP);
    ck_assert_msg(strstr(world_last_action(world).failure, "max_shards") != NULL, "%s",
                  world_last_action(world).failure);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

START_TEST(a_paused_stream_stays_above_until_the_pause_ends)
{
    struct world *world = begin("max_shards = 8", 16, NULL);
    struct error err = {0};

    world->reconcile_at_ms = INT64_MAX;
    ck_assert_int_eq(store_stream_pause(world->store, "orders", world->clock.ms + 3 * (int64_t)HOUR_MS,
                                        world->clock.ms, &err),
                     0);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 2 * HOUR_MS);
    ck_assert_uint_eq(resharding_calls(world), 0);
    world_run(world, 2 * HOUR_MS);
    assert_rests_at(world, 8, 8);
    world_free(world);
}
END_TEST

START_TEST(a_restart_at_any_moment_ends_at_max_shards_all_the_same)
{
    struct world *world = begin("max_shards = 8\nresharding = split", 16, "constant:1M");

    for (int i = 0; i < 600; i++) {
        world_run(world, 1000 + 137 * (i % 7));
        world_restart(world);
    }
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), 8);
    assert_rests_at(world, 8, 8);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("maximum");
    TCase *tcase = tcase_create("virtual time");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_stream_above_max_shards_is_brought_down_to_it_and_rests_there, 0,
                        COUNT_OF(quiet));
    tcase_add_test(tcase, load_that_does_not_fit_below_max_shards_keeps_the_shards_it_needs);
    tcase_add_test(tcase, a_hold_that_lasts_is_stored_once);
    tcase_add_test(tcase, load_that_has_just_come_is_not_squeezed_together);
    tcase_add_test(tcase, an_alarm_meanwhile_ends_the_merging_and_max_shards_bounds_what_is_done_for_it);
    tcase_add_test(tcase, a_paused_stream_stays_above_until_the_pause_ends);
    tcase_add_test(tcase, a_restart_at_any_moment_ends_at_max_shards_all_the_same);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
