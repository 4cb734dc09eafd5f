/*
 * Scheduled floors and the engine: shards are there when the hour begins, and stay until it ends.
 */
#include "support.h"
#include "world.h"

#include "base/text.h"

/* The world begins at midnight, on a Monday. */
static struct world *scene(const char *streams, int shards)
{
    struct world *world = world_new_classic(streams, NULL);

    world_scene(world, "orders", shards);
    world->reconcile_at_ms = world->clock.ms;
    return world;
}

START_TEST(shards_are_there_when_the_hour_of_a_floor_begins)
{
    struct world *world = scene("[stream orders]\nmax_shards = 64\nresharding = split\n"
                                "floor = Mon 01:00-02:00 8\n",
                                2);
    struct action action;

    world_traffic(world, "orders", "constant:500k", 2048, "uniform");
    world_run(world, 50 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 2);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert(world_threshold(world, "orders IncomingBytes") == 0.8 * 60 * 1048576 * 8);
    action = world_last_action(world);
    ck_assert_msg(strstr(action.reason, "2 open shards, floor is 8") != NULL, "%s", action.reason);
    ck_assert_str_eq(action.failure, "");
    world_run(world, 6 * HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 6);
    world_free(world);
}
END_TEST

static void pass(struct world *world, enum pass_result result, const char *why)
{
    struct pass_options options = {.forced = true};
    struct pass_row row = {.stream = "orders"};
    struct error err = {0};

    ck_assert_int_eq(engine_scale_down(world->engine, world->store, &options, &row, 1, &err), 0);
    ck_assert_msg(row.result == result && strstr(row.reason, why) != NULL, "%d: %s", (int)row.result,
                  row.reason);
    down_plan_clear(&row.plan);
}

START_TEST(the_pass_gives_nothing_back_below_a_floor)
{
    struct world *world =
        scene("[stream orders]\nmax_shards = 64\nresharding = split\nscale_down_window = 30m\n"
              "floor = daily 22:00-03:00 8\n",
              8);

    world_traffic(world, "orders", "constant:500k", 2048, "uniform");
    world_run(world, 2 * HOUR_MS);
    pass(world, PASS_HOLD, "8 open shards, floor is 8");
    world_run(world, HOUR_MS);
    pass(world, PASS_RESHARD, "");
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 1);
    world_free(world);
}
END_TEST

START_TEST(an_operator_is_not_let_below_a_floor_either)
{
    struct world *world = scene("[stream orders]\nmax_shards = 64\nfloor = Mon 00:00-24:00 8\n", 8);
    struct by_hand_request request = {.stream = "orders", .kind = BY_HAND_TO, .count = 4};
    struct by_hand_plan plan = {0};
    struct error err = {0};

    world_run(world, MINUTE_MS);
    ck_assert_int_lt(engine_by_hand(world->engine, world->store, &request, &plan, &err), 0);
    ck_assert_str_eq(err.message, "stream 'orders' would have 4 shards, floor is 8");
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, floors");
    TCase *tcase = tcase_create("floors");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, shards_are_there_when_the_hour_of_a_floor_begins);
    tcase_add_test(tcase, the_pass_gives_nothing_back_below_a_floor);
    tcase_add_test(tcase, an_operator_is_not_let_below_a_floor_either);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
