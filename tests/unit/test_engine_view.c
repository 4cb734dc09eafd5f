/*
 * What `kinescale plan` is told: what a turn would see and think, without doing it.
 */
#include "support.h"
#include "world.h"

#include "store/actions.h"

static const char orders[] = "[stream orders]\nmin_shards = 1\nmax_shards = 64\nresharding = split\n";

/* 3.6 MiB/s on 4 shards is 90 %. */
static struct world *loaded_world(void)
{
    struct world *world = world_new(orders, NULL);

    world_scene(world, "orders", 4);
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    return world;
}

static struct engine_view look(struct world *world)
{
    struct engine_view view = {0};
    struct error err = {0};

    ck_assert_msg(engine_view(world->engine, world->store, "orders", &view, &err) == 0, "%s", err.message);
    return view;
}

static bool has_ended(struct world *world)
{
    struct action_list list = {0};
    struct error err = {0};
    bool ended;

    ck_assert_int_eq(store_actions_recent(world->store, "orders", 1, &list, &err), 0);
    ended = list.count > 0 && list.items[0].ended_ms > 0;
    action_list_clear(&list);
    return ended;
}

START_TEST(a_view_is_what_an_alarm_would_lead_to_and_touches_nothing)
{
    struct world *world = loaded_world();
    struct engine_view view;

    world->deaf = true; /* so that the alarm leads to nothing by itself */
    world_run(world, 10 * MINUTE_MS);
    view = look(world);
    ck_assert(!view.too_early);
    ck_assert_uint_eq(view.shards.count, 4);
    ck_assert_int_eq(view.plan.verdict, UP_RESHARD);
    ck_assert_uint_eq(view.plan.operation_count, 4);
    ck_assert_double_eq_tol(view.demand.bytes_per_s, 3.6 * 1048576, 1000);
    engine_view_clear(&view);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), 0);
    world_free(world);
}
END_TEST

START_TEST(a_view_right_after_an_action_knows_that_its_shards_have_not_been_measured_yet)
{
    struct world *world = loaded_world();
    struct engine_view view;

    for (int i = 0; i < 1200 && !has_ended(world); i++)
        world_run(world, 1000);
    view = look(world);
    ck_assert(view.too_early);
    ck_assert(!view.demand.known);
    ck_assert_uint_eq(view.shards.count, 8);
    ck_assert_uint_eq(view.plan.operation_count, 0);
    engine_view_clear(&view);

    world_run(world, 5 * MINUTE_MS);
    view = look(world);
    ck_assert(!view.too_early);
    ck_assert_int_eq(view.plan.verdict, UP_ENOUGH);
    ck_assert_double_eq_tol(view.demand.bytes_per_s, 3.6 * 1048576, 1000);
    engine_view_clear(&view);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine view");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_view_is_what_an_alarm_would_lead_to_and_touches_nothing);
    tcase_add_test(tcase, a_view_right_after_an_action_knows_that_its_shards_have_not_been_measured_yet);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
