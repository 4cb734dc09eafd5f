/*
 * A load that comes every day at the same time, and a stream that expects it from the third day on.
 */
#include "adaptive_world.h"
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/decisions.h"
#include "store/minutes.h"

/* Half an hour of ten shards' worth from 02:00 on, for five days; 1 MiB/s and less is one shard. */
#define NIGHT "120m=600k,30m=10M,1290m=600k,"
static const char nightly[] = "steps:" NIGHT NIGHT NIGHT NIGHT "120m=600k,30m=10M,1290m=600k";
static const char orders[] = "[stream orders]\nmax_shards = 64\n";

static enum rhythm rhythm_of(struct world *world)
{
    struct adaptive_habits habits = {0};
    struct error err = {0};
    int64_t at_ms;

    ck_assert_msg(store_habits_load(world->store, "orders", &habits, &at_ms, &err) == 0, "%s", err.message);
    return habits.rhythm;
}

/* The daemon is ended in between: what is expected stands in the database. */
START_TEST(what_came_on_two_days_finds_its_shards_on_the_third)
{
    struct world *world = adaptive_scene(orders, 1, nightly);
    struct sim_totals before, after;

    world_run(world, 24 * HOUR_MS + 110 * MINUTE_MS);
    ck_assert_int_eq(rhythm_of(world), RHYTHM_NONE);
    ck_assert_int_eq(world_open_shards(world, "orders"), 1); /* ten minutes before the second burst */
    world_run(world, 24 * HOUR_MS - 30 * MINUTE_MS);
    ck_assert_int_eq(rhythm_of(world), RHYTHM_DAY);
    before = world_totals(world);
    world_restart(world);
    world_run(world, 40 * MINUTE_MS); /* as the third begins */
    ck_assert_int_ge(world_open_shards(world, "orders"), 11);
    ck_assert_msg(strstr(world_last_action(world).reason, "shards' worth are expected in ") != NULL, "%s",
                  world_last_action(world).reason);
    world_run(world, 30 * MINUTE_MS);
    after = world_totals(world);
    ck_assert_double_eq_tol(after.throttled_bytes, before.throttled_bytes, 1);
    world_run(world, 3 * HOUR_MS);
    ck_assert_int_le(world_open_shards(world, "orders"), 2);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

/* The last burst was on the fifth day; the sixth waits for it once more, the seventh does not. */
START_TEST(what_comes_no_more_is_soon_expected_no_more)
{
    struct world *world = adaptive_scene(orders, 1, nightly);

    world_run(world, (5 * 24 + 1) * HOUR_MS + 58 * MINUTE_MS);
    ck_assert_int_ge(world_open_shards(world, "orders"), 11);
    world_run(world, 24 * HOUR_MS);
    ck_assert_int_le(world_open_shards(world, "orders"), 2);
    world_free(world);
}
END_TEST

/* Somebody set the clock back, or the program was away for longer than anything is expected. */
START_TEST(what_was_expected_of_another_time_is_not_expected_of_this_one)
{
    float demand[60];
    struct adaptive_habits habits = {.hold_minutes = 60, .line = 0.9, .rhythm = RHYTHM_DAY, .learned = true};
    struct world *world = adaptive_scene(orders, 1, "constant:600k");
    struct minutes expected = {.demand = demand, .count = COUNT_OF(demand)};
    struct error err = {0};

    for (size_t i = 0; i < COUNT_OF(demand); i++)
        demand[i] = 30;
    for (int late = 0; late < 2; late++) {
        expected.start_ms = world->clock.ms / MINUTE_MS * MINUTE_MS + (late ? -61 : 60 * 24) * MINUTE_MS;
        ck_assert_int_eq(store_habits_set(world->store, "orders", &habits, &expected, world->clock.ms, &err),
                         0);
        world_run(world, 20 * MINUTE_MS);
        ck_assert_int_eq(world_open_shards(world, "orders"), 1);
    }
    expected.start_ms = world->clock.ms / MINUTE_MS * MINUTE_MS - 20 * MINUTE_MS;
    ck_assert_int_eq(store_habits_set(world->store, "orders", &habits, &expected, world->clock.ms, &err), 0);
    world_run(world, 20 * MINUTE_MS);
    ck_assert_int_gt(world_open_shards(world, "orders"), 16);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, rhythm");
    TCase *tcase = tcase_create("rhythm");

    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, what_came_on_two_days_finds_its_shards_on_the_third);
    tcase_add_test(tcase, what_comes_no_more_is_soon_expected_no_more);
    tcase_add_test(tcase, what_was_expected_of_another_time_is_not_expected_of_this_one);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
