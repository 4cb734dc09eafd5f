/*
 * A clock that jumps: nothing fires twice, and nothing is lost for longer than the clock was wrong.
 */
#include "store_support.h"
#include "support.h"
#include "world.h"

#include "base/memory.h"

enum { STEPS = 40, STEP_MS = 20 * 1000 };

static const char orders[] = "[stream orders]\nmax_shards = 64\nresharding = split\ncooldown = 10m\n";

static struct error err;

static struct world *scene(void)
{
    struct world *world = world_new_classic(orders, NULL);

    world_scene(world, "orders", 4);
    world_traffic(world, "orders", "constant:500k", 4096, "uniform");
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 10 * MINUTE_MS);
    world_traffic(world, "orders", "constant:3.6M", 4096, "uniform");
    return world;
}

static void assert_served(struct world *world, const char *when)
{
    ck_assert_msg(world_open_shards(world, "orders") == 8, "%s: %lld shards", when,
                  (long long)world_open_shards(world, "orders"));
    world_assert_partition(world, "orders");
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 60 * 1048576 * 8);
    ck_assert_str_eq(world_alarm_state(world, "orders IncomingBytes"), "OK");
}

static int64_t splits_taken(const struct world *world)
{
    int64_t taken = 0;

    for (size_t i = 0; i < world->call_count; i++)
        taken += strcmp(world->calls[i].operation, "SplitShard") == 0 && world->calls[i].status == 200;
    return taken;
}

/*
 * The clock is off by so much for two minutes, and is then put right.  Meanwhile AWS refuses whatever is signed by
 * it, so nothing reaches the simulated one, whose own time goes on; an alarm comes in all the same.
 */
static void be_wrong(struct world *world, int64_t off_ms)
{
    struct notification alarm = alarm_of("orders", "meanwhile", world->clock.ms + off_ms);
    bool is_new;

    snprintf(alarm.alarm_name, sizeof(alarm.alarm_name), "orders IncomingBytes");
    world->fault = FAULT_CLOCK;
    world->fault_times = INT32_MAX;
    world->clock_off_ms = off_ms;
    world->clock.ms += off_ms;
    MUST(store_notification_add(world->store, &alarm, &is_new, &err));
    (void)engine_reconcile(world->engine, world->store, &err);
    for (int64_t end_ms = world->clock.ms + 2 * MINUTE_MS; world->clock.ms < end_ms;
         world->clock.ms += 1000) {
        struct stream_state state;

        MUST(store_stream_load(world->store, "orders", &state, &err));
        if (state.due_ms <= world->clock.ms)
            (void)engine_turn(world->engine, world->store, "orders", &err);
    }
    world->clock.ms -= off_ms;
    world->fault = FAULT_NONE;
    world->reconcile_at_ms =
        world->clock.ms; /* the daemon sees a step back; after one ahead it is due anyway */
}

static const int64_t jumps[] = {-HOUR_MS, HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS};

/* At every moment of a scale-up the clock goes wrong for two minutes, and is then put right. */
START_TEST(a_clock_that_is_wrong_for_a_while_costs_only_that_while)
{
    for (int step = 0; step < STEPS; step++) {
        struct world *world = scene();
        char when[64];

        snprintf(when, sizeof(when), "%lld h after %d s", (long long)(jumps[_i] / HOUR_MS),
                 step * STEP_MS / 1000);
        world_run(world, step * STEP_MS);
        be_wrong(world, jumps[_i]);
        world_run(world, 30 * MINUTE_MS);
        assert_served(world, when);
        ck_assert_msg(splits_taken(world) == 4, "%s: %lld splits", when, (long long)splits_taken(world));
        world_free(world);
    }
}
END_TEST

/* A machine that slept: its processes know nothing of the day that went by, the alarm and AWS do. */
START_TEST(a_day_that_was_slept_through_costs_nothing_more)
{
    for (int step = 0; step < STEPS; step++) {
        struct world *world = scene();

        world_run(world, step * STEP_MS);
        world->clock.ms += 24 * (int64_t)HOUR_MS;
        world_run(world, 30 * MINUTE_MS);
        assert_served(world, "after a day");
        ck_assert_int_eq(splits_taken(world), 4);
        world_free(world);
    }
}
END_TEST

/* Stored by a clock that was an hour ahead: a cooldown of ten minutes is never longer than ten minutes. */
START_TEST(a_cooldown_from_a_clock_that_was_ahead_is_cut_to_what_is_configured)
{
    struct world *world = scene();
    struct stream_state state;
    bool taken;

    MUST(store_lock_take(world->store, "orders", "x", world->clock.ms, 1000, true, &taken, &state, &err));
    MUST(store_lock_release(world->store, "orders", "x", world->clock.ms + HOUR_MS + 10 * MINUTE_MS, &err));
    world_run(world, 6 * MINUTE_MS); /* until somebody has looked at everything */
    MUST(store_stream_load(world->store, "orders", &state, &err));
    ck_assert_int_le(state.cooldown_until_ms, world->clock.ms + 10 * MINUTE_MS);
    world_run(world, 20 * MINUTE_MS);
    assert_served(world, "after the cooldown");
    world_free(world);
}
END_TEST

/* A scale-up ended by a clock that was a day ahead. */
static void end_ahead(struct world *world)
{
    struct action action = {.stream = "orders", .kind = ACTION_SCALE_UP, .owner = "x"};
    struct operation split = {.kind = OPERATION_SPLIT};
    int64_t ahead_ms = world->clock.ms + 24 * (int64_t)HOUR_MS;
    struct stream_state state;
    bool taken;

    MUST(store_lock_take(world->store, "orders", "x", world->clock.ms, 1000, true, &taken, &state, &err));
    MUST(store_action_begin(world->store, &action, &err));
    action.state = ACTION_INTENDED;
    MUST(store_step_intend(world->store, &action, &split, ahead_ms, &err));
    MUST(store_step_close(world->store, &action, STEP_ACCEPTED, "", ahead_ms, &err));
    MUST(store_action_end(world->store, &action, "x", 0, ahead_ms, &err));
    world->reconcile_at_ms = world->clock.ms;
}

START_TEST(what_a_clock_that_was_ahead_has_done_keeps_no_shards)
{
    struct world *world = world_new("[stream orders]\nmax_shards = 64\n", NULL);

    world_scene(world, "orders", 8);
    world_traffic(world, "orders", "constant:2M", 4096, "uniform");
    end_ahead(world);
    world_run(world, 90 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    world_free(world);
}
END_TEST

START_TEST(what_a_clock_that_was_ahead_has_done_hides_no_threshold_that_does_not_fit)
{
    struct world *world = world_new_classic(orders, NULL);

    world_scene(world, "orders", 4);
    cJSON_Delete(world_kinesis(
        world, "UpdateShardCount",
        "{\"StreamName\":\"orders\",\"TargetShardCount\":8,\"ScalingType\":\"UNIFORM_SCALING\"}"));
    world_run(world, 10 * MINUTE_MS);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 60 * 1048576 * 4);
    end_ahead(world);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"), 0.8 * 60 * 1048576 * 8);
    world_free(world);
}
END_TEST

START_TEST(a_clock_that_is_off_is_the_reason_that_is_shown)
{
    struct world *world = scene();
    struct stream_state state;

    be_wrong(world, 10 * MINUTE_MS);
    MUST(store_stream_load(world->store, "orders", &state, &err));
    ck_assert_int_gt(state.failures, 0);
    ck_assert_msg(strstr(state.last_error, "the clock of this machine is 600 s ahead of AWS's") != NULL, "%s",
                  state.last_error);
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("engine clock");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, a_clock_that_is_wrong_for_a_while_costs_only_that_while, 0, COUNT_OF(jumps));
    tcase_add_test(tcase, a_day_that_was_slept_through_costs_nothing_more);
    tcase_add_test(tcase, a_cooldown_from_a_clock_that_was_ahead_is_cut_to_what_is_configured);
    tcase_add_test(tcase, what_a_clock_that_was_ahead_has_done_keeps_no_shards);
    tcase_add_test(tcase, what_a_clock_that_was_ahead_has_done_hides_no_threshold_that_does_not_fit);
    tcase_add_test(tcase, a_clock_that_is_off_is_the_reason_that_is_shown);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
