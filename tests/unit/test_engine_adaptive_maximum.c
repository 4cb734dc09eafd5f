/*
 * The policy `adaptive` where max_shards leaves no room, or less than there is.
 */
#include "adaptive_world.h"
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/decisions.h"

static const char orders[] = "[stream orders]\nmax_shards = 64\n";

/* Somebody set max_shards below what is open: the way down opens no more than that at any time. */
START_TEST(a_give_back_from_above_max_shards_splits_nothing_above_it)
{
    SCOPED(step_list_stored_clear) struct step_list_stored steps = {0};
    struct world *world = adaptive_scene(orders, 11, "constant:2.3M");
    struct error err = {0};
    int splits = 0;

    world_run(world, 30 * MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX; /* which would make room by itself */
    world_configure(world, "[stream orders]\nmax_shards = 10\n");
    world_run(world, 2 * HOUR_MS);
    ck_assert_int_lt(world_open_shards(world, "orders"), 10);
    assert_fitting(world, world_open_shards(world, "orders"));
    ck_assert_int_eq(store_steps(world->store, world_last_action(world).id, &steps, &err), 0);
    for (size_t i = 0; i < steps.count; i++) {
        splits += steps.items[i].operation.kind == OPERATION_SPLIT;
        if (steps.items[i].operation.kind == OPERATION_SPLIT)
            ck_assert_int_le(steps.items[i].operation.target, 10);
    }
    ck_assert_int_gt(splits, 0);
    world_free(world);
}
END_TEST

/* Six would be enough.  Without room for a ninth the way there merges first, and what it merges would be too full. */
START_TEST(a_stream_at_max_shards_is_not_led_over_shards_that_are_too_full)
{
    struct world *world = adaptive_scene("[stream orders]\nmax_shards = 8\n", 8, "constant:4M");

    world_run(world, 30 * (int64_t)HOUR_MS);
    ck_assert_uint_eq(world_reshards(world), 0);
    ck_assert_double_eq(world_totals(world).throttled_bytes, 0);
    world_configure(world, orders);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 2 * HOUR_MS);
    ck_assert_int_lt(world_open_shards(world, "orders"), 8);
    ck_assert_double_eq(world_totals(world).throttled_bytes, 0);
    world_free(world);
}
END_TEST

/* Eleven shards have no divisor: pairs of them make the room for what pays best, and there it stays. */
START_TEST(a_stream_at_max_shards_goes_down_by_merges_first)
{
    struct world *world = adaptive_scene("[stream orders]\nmax_shards = 11\n", 11, "constant:3.4M");
    size_t reshards;

    world_run(world, 3 * HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 6);
    ck_assert(
        world_was_decided(world, "reshard", "needs room for one more, and max_shards does not allow it"));
    world_run(world, 27 * (int64_t)HOUR_MS);
    ck_assert_int_lt(world_open_shards(world, "orders"), 6);
    reshards = world_reshards(world);
    world_run(world, 24 * (int64_t)HOUR_MS);
    ck_assert_uint_eq(world_reshards(world), reshards);
    ck_assert_double_eq(world_totals(world).throttled_bytes, 0);
    world_free(world);
}
END_TEST

/* The hour keeps eight at first, and max_shards, set meanwhile, does later: each is told once, in whatever numbers. */
START_TEST(what_keeps_shards_now_is_what_is_stored)
{
    struct world *world = adaptive_scene("[stream orders]\nmax_shards = 8\n", 8, "constant:4M");
    struct decision_list list = {0};
    struct error err = {0};

    world_run(world, 30 * (int64_t)HOUR_MS);
    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 100, &list, &err), 0);
    ck_assert_uint_eq(list.count, 4);
    ck_assert_msg(strncmp(list.items[0].reason, "the highest of the last 1440 minutes", 36) == 0, "%s",
                  list.items[0].reason);
    ck_assert(strncmp(list.items[1].reason, "the newest minute", 17) == 0);
    decision_list_clear(&list);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine, adaptive, at max_shards");
    TCase *tcase = tcase_create("maximum");

    tcase_add_test(tcase, a_give_back_from_above_max_shards_splits_nothing_above_it);
    tcase_add_test(tcase, a_stream_at_max_shards_is_not_led_over_shards_that_are_too_full);
    tcase_add_test(tcase, a_stream_at_max_shards_goes_down_by_merges_first);
    tcase_add_test(tcase, what_keeps_shards_now_is_what_is_stored);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
