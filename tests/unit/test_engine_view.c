/*
 * What `kinescale plan` is told: what a turn would see and think, without doing it.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/actions.h"
#include "store/streams.h"

static const char orders[] = "[stream orders]\nmin_shards = 1\nmax_shards = 64\nresharding = split\n";

/* 3.6 MiB/s on 4 shards is 90 %. */
static struct world *loaded_world(void)
{
    struct world *world = world_new_classic(orders, NULL);

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

/* What is shown is what is then done, call for call. */
START_TEST(a_view_of_the_policy_adaptive_is_what_it_then_does)
{
    static const struct {
        const char *settings, *load;
        int shards;
        int64_t to;
        size_t splits, merges, updates;
        const char *why;
    } cases[] = {
        {"resharding = split", "constant:2M", 16, 4, 0, 12, 0, "16 shards become 4 by 12 operations"},
        {"resharding = split", "constant:3.6M", 4, 8, 4, 0, 0, "4 shards become 8"},
        {"resharding = split", "constant:3.3M", 1, 8, 7, 0, 0, "1 shard becomes 8"},
        {"resharding = update-shard-count", "constant:2M", 16, 4, 0, 0, 2, "16 shards become 4"},
    };
    SCOPED(free_text)
    char *text = must_printf("[stream orders]\nmax_shards = 64\ncooldown = 1m\n%s\n", cases[_i].settings);
    struct world *world = world_new(text, NULL);
    struct error err = {0};
    struct engine_view view;

    world_scene(world, "orders", cases[_i].shards);
    world_traffic(world, "orders", cases[_i].load, 4096, "uniform");
    ck_assert_int_eq(store_stream_pause(world->store, "orders", INT64_MAX, world->clock.ms, &err), 0);
    world_run(world, 70 * MINUTE_MS);
    view = look(world);
    ck_assert_int_eq(view.plan.verdict, UP_RESHARD);
    ck_assert_int_eq(view.plan.to_shards, cases[_i].to);
    ck_assert_msg(strstr(view.plan.reason, cases[_i].why) != NULL, "%s", view.plan.reason);
    ck_assert_uint_eq(view.plan.operation_count, cases[_i].splits + cases[_i].merges + cases[_i].updates);
    engine_view_clear(&view);

    ck_assert_int_eq(store_stream_pause(world->store, "orders", 0, world->clock.ms, &err), 0);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 15 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), cases[_i].to);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), cases[_i].splits);
    ck_assert_uint_eq(world_count_calls(world, "MergeShards"), cases[_i].merges);
    ck_assert_uint_eq(world_count_calls(world, "UpdateShardCount"), cases[_i].updates);
    world_free(world);
}
END_TEST

/* By missing_data: the last hour brought nothing, and CloudWatch has no datapoint of it. */
START_TEST(a_view_of_an_idle_adaptive_stream_tells_the_minute_that_it_went_by)
{
    struct world *world = world_new("[stream orders]\nmax_shards = 64\nmissing_data = idle\n", NULL);
    struct engine_view view;

    world_scene(world, "orders", 4);
    world_traffic(world, "orders", "constant:1M", 4096, "uniform");
    world_run(world, 10 * MINUTE_MS);
    world_traffic(world, "orders", "constant:0", 4096, "uniform");
    world_run(world, 30 * MINUTE_MS);
    view = look(world);
    ck_assert(!view.demand.known);
    ck_assert(view.minute <= 0); /* nor NAN */
    ck_assert_msg(strstr(view.plan.reason, "the newest minute asks for 0.00") != NULL, "%s",
                  view.plan.reason);
    engine_view_clear(&view);
    world_free(world);
}
END_TEST

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
    tcase_add_loop_test(tcase, a_view_of_the_policy_adaptive_is_what_it_then_does, 0, 4);
    tcase_add_test(tcase, a_view_of_an_idle_adaptive_stream_tells_the_minute_that_it_went_by);
    tcase_add_test(tcase, a_view_is_what_an_alarm_would_lead_to_and_touches_nothing);
    tcase_add_test(tcase, a_view_right_after_an_action_knows_that_its_shards_have_not_been_measured_yet);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
