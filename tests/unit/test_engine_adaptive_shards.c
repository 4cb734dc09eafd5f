/*
 * The policy `adaptive` where alarms watch shards: it goes by what each of them carries.
 */
#include "store/spreads.h"

#include "adaptive_world.h"
#include "base/memory.h"
#include "support.h"

#include <math.h>

/* Half of the load on the fourth of 16 ranges: 2 of 4 MiB/s. */
START_TEST(only_the_shards_that_are_too_full_are_split)
{
    struct world *world = uneven_scene(8, "constant:4M", "slice:0.5:3:16");
    struct shard_map map = {0};
    double before;
    unsigned inside = 0;

    world_run(world, 30 * MINUTE_MS);
    before = world_totals(world).throttled_bytes;
    world_run(world, 10 * MINUTE_MS);
    ck_assert_double_eq_tol(world_totals(world).throttled_bytes, before, 1);
    ck_assert_int_le(world_open_shards(world, "orders"), 13);
    world_assert_partition(world, "orders");
    world_shards(world, "orders", &map);
    for (size_t i = 0; i < map.count; i++)
        inside +=
            map.items[i].start >= hashkey_even_start(3, 16) && map.items[i].end < hashkey_even_start(4, 16);
    ck_assert_uint_ge(inside, 2);
    shard_map_clear(&map);
    world_free(world);
}
END_TEST

START_TEST(what_carries_little_is_merged_while_the_full_stays)
{
    struct world *world =
        uneven_scene(16, "constant:4M", "slice:0.7:3:16"); /* 2.9 MiB/s in one of 16 ranges */
    double before;

    world_run(world, 3 * HOUR_MS);
    ck_assert_int_le(world_open_shards(world, "orders"), 7);
    world_assert_partition(world, "orders");
    before = world_totals(world).throttled_bytes;
    world_run(world, 3 * HOUR_MS);
    ck_assert_double_eq_tol(world_totals(world).throttled_bytes, before, 1);
    world_free(world);
}
END_TEST

/* The key has 1.5 MiB/s of 3: no number of shards carries that. */
START_TEST(a_hot_key_is_found_shown_and_left_alone)
{
    struct world *world = uneven_scene(8, "constant:3M", "hot:0.5");
    size_t calls;

    world_run(world, 2 * HOUR_MS);
    calls = world_reshards(world);
    world_run(world, 6 * HOUR_MS);
    ck_assert_msg(world_reshards(world) <= calls + 4, "%zu, then %zu", calls, world_reshards(world));
    ck_assert_int_le(world_open_shards(world, "orders"), 8);
    ck_assert_str_ne(world_state(world).hot_shard, "");
    world_free(world);
}
END_TEST

/* Of an even load, wherever and whenever it was measured: how far the worst cell is from even. */
static double most_uneven(struct world *world)
{
    struct spread spread = {0};
    struct error err = {0};
    double most = 0;
    int64_t read_ms;

    ck_assert_int_eq(store_spread_load(world->store, "orders", &spread, &read_ms, &err), 0);
    for (size_t i = 0; i < spread.count; i++) {
        hashkey end = i + 1 < spread.count ? spread.cells[i + 1].start - 1 : HASHKEY_MAX;

        most = fmax(most, fabs(spread.cells[i].part / hashkey_share(spread.cells[i].start, end) - 1));
    }
    spread_clear(&spread);
    return most;
}

static const struct {
    int shards;
    const char *load;
} young[] = {
    {24, "constant:21M"}, /* some are looked at ten minutes after they were made, in the middle of a minute */
    {40, "constant:34M"}, /* of some the first look sees nothing, and the others have nearly all */
};

START_TEST(shards_too_young_for_a_point_carry_what_they_were_thought_to)
{
    struct world *world = uneven_scene(young[_i].shards, young[_i].load, "uniform");

    for (int minute = 0; minute < 40; minute++) {
        world_run(world, MINUTE_MS);
        ck_assert_msg(most_uneven(world) < 0.01, "minute %d: %g off", minute, most_uneven(world));
    }
    ck_assert_int_gt(world_open_shards(world, "orders"), young[_i].shards);
    world_free(world);
}
END_TEST

static void switch_metrics(struct world *world, bool on)
{
    world_strike(world, on ? FAULT_NONE : FAULT_DENIED, "EnableEnhancedMonitoring", 1000);
    cJSON_Delete(world_kinesis(world, on ? "EnableEnhancedMonitoring" : "DisableEnhancedMonitoring",
                               "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"ALL\"]}"));
}

/* Somebody switches the metrics off, and we may not switch them on. */
START_TEST(what_shards_carried_hours_ago_gives_none_back)
{
    struct world *world = uneven_scene(8, "constant:4M", "slice:0.5:3:16");
    int64_t open;

    world_run(world, 3 * HOUR_MS);
    open = world_open_shards(world, "orders");
    switch_metrics(world, false);
    world_run(world, 61 * MINUTE_MS);
    world_traffic(world, "orders", "constant:0.5M", 2048, "slice:0.5:11:16");
    world_run(world, 6 * HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), open);
    ck_assert(world_was_decided(world, "hold", "not to be had for 60 minutes, so nothing is given back"));
    world_traffic(world, "orders", "constant:6M", 2048, "slice:0.5:3:16"); /* but it says where to split */
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), open);
    world_traffic(world, "orders", "constant:0.5M", 2048, "slice:0.5:11:16");
    switch_metrics(world, true);
    world_run(world, 2 * HOUR_MS);
    ck_assert_int_lt(world_open_shards(world, "orders"), 4);
    world_free(world);
}
END_TEST

START_TEST(the_metrics_of_shards_are_read_four_times_an_hour_while_nothing_is_to_be_done)
{
    struct world *world = uneven_scene(4, "constant:1.9M", "uniform");
    size_t asked;

    world_run(world, 30 * MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX;
    asked = world_count_calls(world, "GetMetricData");
    world_run(world, HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "GetMetricData") - asked, 12 + 4);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, adaptive, by shard");
    TCase *tcase = tcase_create("by shard");

    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, only_the_shards_that_are_too_full_are_split);
    tcase_add_test(tcase, what_carries_little_is_merged_while_the_full_stays);
    tcase_add_test(tcase, a_hot_key_is_found_shown_and_left_alone);
    tcase_add_loop_test(tcase, shards_too_young_for_a_point_carry_what_they_were_thought_to, 0,
                        (int)COUNT_OF(young));
    tcase_add_test(tcase, what_shards_carried_hours_ago_gives_none_back);
    tcase_add_test(tcase, the_metrics_of_shards_are_read_four_times_an_hour_while_nothing_is_to_be_done);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
