/*
 * Uneven keys on a stream whose shards nobody watches one by one: what it does not bear, and what no shard would help.
 */
#include "adaptive_world.h"
#include "base/memory.h"
#include "store/minutes.h"
#include "support.h"
#include "world.h"

static const char orders[] = "[stream orders]\nmax_shards = 64\n";

static struct world *uneven(const char *load, const char *keys)
{
    struct world *world = adaptive_scene(orders, 8, load);

    world_traffic(world, "orders", load, 2048, keys);
    return world;
}

/* A quarter of the keys has 40 % of the load: two of eight shards are too full.  The daemon is ended in between. */
START_TEST(a_stream_that_refuses_though_it_is_not_full_gets_shards_and_keeps_them)
{
    struct world *world = uneven("constant:5.2M", "slice:0.4:0:4");
    double before;

    world_run(world, 5 * HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 16);
    ck_assert_msg(
        strstr(world_last_action(world).reason, " % was too full for a shard: 8 shards become 16") != NULL,
        "%s", world_last_action(world).reason);
    before = world_totals(world).throttled_bytes;
    ck_assert_double_gt(before, 0);
    /* The line is at nine tenths of what 5.2 MiB/s are of eight shards, and the alarms of 16 shards stand there. */
    ck_assert_double_eq_tol(world_threshold(world, "orders IncomingBytes"), 0.9 * 2 * 5.2 * 1048576 * 60,
                            1e5);
    world_restart(world);
    world_run(world, 30 * HOUR_MS); /* habits are learned meanwhile */
    ck_assert_int_gt(world_open_shards(world, "orders"), 8);
    /* Fewer shards are tried after a day, and refuse for a while. */
    ck_assert_double_lt(world_totals(world).throttled_bytes, 3 * before);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

/* One key has 1.6 MiB/s.  The other keys of its shard are helped by the first generation; by the second nobody is. */
START_TEST(what_a_hot_key_alone_fills_is_given_back)
{
    struct world *world = uneven("constant:5.2M", "hot:0.3");

    world_run(world, 20 * HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 16);
    ck_assert_uint_eq(world_reshards(world), 8 + 16 + 16);
    /* Fewer are tried as time goes by, and refuse more.  15.2 % of 5.2 MiB/s are refused with 16 shards, 19.5 % with 8. */
    world_run(world, 12 * 24 * HOUR_MS);
    ck_assert_uint_le(world_reshards(world), 12 * 40);
    ck_assert_double_lt(world_totals(world).throttled_bytes, 0.18 * 5.2 * 1048576 * 3600 * (12 * 24 + 20));
    world_free(world);
}
END_TEST

/* What was learned of the whole stream is no guide where the metrics of the shards are asked for. */
START_TEST(a_stream_that_is_watched_by_its_shards_forgets_what_it_did_not_bear)
{
    struct world *world =
        adaptive_scene("[stream orders]\nmax_shards = 64\nalarm_level = shard\n", 8, "constant:5.2M");
    struct error err = {0};
    const struct skew hot = {.bears = 0.4,
                             .earlier = 0.4,
                             .refused = 0.2,
                             .demand = 3.2,
                             .capacity = 8,
                             .seen_ms = world->clock.ms,
                             .hot_days = 8,
                             .hot = true};

    ck_assert_int_eq(store_skew_set(world->store, "orders", &hot, &err), 0);
    world_run(world, 6 * HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_ptr_null(strstr(world_last_decision(world, "orders").reason, "keys are hot"));
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 8 * 1048576 * 60);
    world_free(world);
}
END_TEST

static const struct {
    const char *stream;
    int64_t account_limit;
} rooms[] = {{"[stream orders]\nmax_shards = 11\n", 500}, {"[stream orders]\nmax_shards = 64\n", 11}};

/* A generation would pay, and there is no room for one: the line stays, so that the rest is not split in vain. */
START_TEST(what_has_no_room_for_a_generation_learns_nothing)
{
    struct world *world =
        world_new(rooms[_i].stream, &(struct sim_options){.shard_limit = rooms[_i].account_limit});

    world_scene(world, "orders", 8);
    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", "constant:5.2M", 2048, "slice:0.4:0:4");
    world_run(world, 8 * HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 8 * 1048576 * 60);
    world_free(world);
}
END_TEST

/* Five minutes an hour: twice the shards for it all day would cost more. */
START_TEST(what_refuses_for_minutes_is_not_split_for_all_day)
{
    struct world *world =
        uneven("steps:55m=3M,5m=5.2M,55m=3M,5m=5.2M,55m=3M,5m=5.2M,55m=3M", "slice:0.4:0:4");

    world_run(world, 235 * MINUTE_MS);
    ck_assert_double_gt(world_totals(world).throttled_bytes, 0);
    ck_assert_int_le(world_open_shards(world, "orders"), 8);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, skew");
    TCase *tcase = tcase_create("skew");

    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, a_stream_that_refuses_though_it_is_not_full_gets_shards_and_keeps_them);
    tcase_add_test(tcase, what_a_hot_key_alone_fills_is_given_back);
    tcase_add_test(tcase, a_stream_that_is_watched_by_its_shards_forgets_what_it_did_not_bear);
    tcase_add_loop_test(tcase, what_has_no_room_for_a_generation_learns_nothing, 0, (int)COUNT_OF(rooms));
    tcase_add_test(tcase, what_refuses_for_minutes_is_not_split_for_all_day);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
