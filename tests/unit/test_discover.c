/*
 * Streams that a pattern matches, and a configuration that changes: the real engine and store against the simulated AWS,
 * in virtual time.
 */
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/actions.h"
#include "store/notifications.h"
#include "store/streams.h"

static const char pattern[] = "[stream orders-*]\nmax_shards = 64\nresharding = split\n";

static bool is_known(struct world *world, const char *stream)
{
    struct config *config = engine_config(world->engine);
    bool known = config_find(config, stream) != NULL;

    config_free(config);
    return known;
}

static void look(struct world *world)
{
    struct error err = {0};

    ck_assert_msg(engine_reconcile(world->engine, world->store, &err) == 0, "%s", err.message);
}

static void create(struct world *world, const char *stream, int shards)
{
    cJSON_Delete(
        world_kinesis(world, "CreateStream", "{\"StreamName\":\"%s\",\"ShardCount\":%d}", stream, shards));
    world_run(world, MINUTE_MS);
}

static struct config *with_sections(const char *sections)
{
    SCOPED(free_text)
    char *text = must_printf(
        "[service]\ndatabase = unused.db\nregion = us-east-1\ntopic_arn = " WORLD_TOPIC "\n%s", sections);

    return config_of(text);
}

static void configure(struct world *world, const char *sections)
{
    struct config *config = with_sections(sections);

    engine_configure(world->engine, config);
    config_free(config);
}

START_TEST(streams_are_found_when_they_come_and_forgotten_when_they_go)
{
    struct world *world = world_new(pattern, NULL);

    create(world, "bills", 1);
    create(world, "orders-1", 2);
    look(world);
    ck_assert(is_known(world, "orders-1") && !is_known(world, "orders-2") && !is_known(world, "bills"));
    create(world, "orders-2", 3);
    look(world);
    ck_assert(is_known(world, "orders-1") && is_known(world, "orders-2"));
    cJSON_Delete(world_kinesis(world, "DeleteStream", "{\"StreamName\":\"orders-1\"}"));
    world_run(world, 5 * (int64_t)MINUTE_MS);
    look(world);
    ck_assert(!is_known(world, "orders-1") && is_known(world, "orders-2"));
    world_free(world);
}
END_TEST

/* ListStreams gives at most a thousand at once here, the simulated AWS a hundred unless told. */
START_TEST(many_streams_come_page_by_page)
{
    struct sim_options options = {.metric_delay_ms = -1, .shard_limit = 10000};
    struct world *world = world_new(pattern, &options);
    struct config *config;

    for (int i = 0; i < 1100; i++) {
        char name[32];

        snprintf(name, sizeof(name), "orders-%04d", i);
        cJSON_Delete(world_kinesis(world, "CreateStream", "{\"StreamName\":\"%s\",\"ShardCount\":1}", name));
        world->clock.ms += 250; /* five a second are allowed */
    }
    world->clock.ms += MINUTE_MS;
    look(world);
    config = engine_config(world->engine);
    ck_assert_uint_eq(config->stream_count, 1100);
    ck_assert_uint_eq(world_count_calls(world, "ListStreams"), 2);
    config_free(config);
    world_free(world);
}
END_TEST

START_TEST(an_alarm_of_a_stream_that_no_look_has_found_yet_is_acted_on)
{
    struct world *world = world_new(pattern, NULL);
    struct notification_list list = {0};
    struct error err = {0};

    world_scene(world, "orders-new", 2);
    world_traffic(world, "orders-new", "constant:4M", 2048, "uniform");
    world_run(world, 20 * (int64_t)MINUTE_MS);
    ck_assert_uint_eq(world_count_calls(world, "ListStreams"), 0);
    ck_assert_int_ge(world_open_shards(world, "orders-new"), 7);
    ck_assert_int_eq(
        store_notifications_recent(world->store, "orders-new", NOTIFICATION_ACTED, 10, &list, &err), 0);
    ck_assert_uint_ge(list.count, 1);
    notification_list_clear(&list);
    world_free(world);
}
END_TEST

START_TEST(a_found_stream_is_repaired_and_kept_inside_as_any_other)
{
    struct world *world = world_new("[stream orders-*]\nmin_shards = 4\nmax_shards = 6\nresharding = split\n"
                                    "[stream orders-big]\nmax_shards = 16\n",
                                    NULL);

    create(world, "orders-small", 2);
    create(world, "orders-large", 8);
    create(world, "orders-big", 12);
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders-small"), 4);
    ck_assert_int_eq(world_open_shards(world, "orders-large"), 6);
    ck_assert_int_eq(world_open_shards(world, "orders-big"), 12);
    world_free(world);
}
END_TEST

START_TEST(what_was_found_is_known_at_the_next_start_and_while_kinesis_does_not_say)
{
    struct world *world = world_new(pattern, NULL);
    struct config *config;
    struct error err = {0};

    create(world, "orders-1", 2);
    look(world);
    config = config_hold(world->config);
    ck_assert_ptr_null(config_find(config, "orders-1"));
    ck_assert_int_eq(engine_recall(world->store, &config, &err), 0);
    ck_assert_ptr_nonnull(config_find(config, "orders-1"));
    config_free(config);

    world_strike(world, FAULT_DENIED, "ListStreams", 100);
    create(world, "orders-2", 2);
    look(world);
    ck_assert(is_known(world, "orders-1") && !is_known(world, "orders-2"));
    world->fault = FAULT_NONE;
    look(world);
    ck_assert(is_known(world, "orders-2"));
    world_free(world);
}
END_TEST

START_TEST(when_nothing_is_known_and_kinesis_does_not_say_the_look_has_failed)
{
    struct world *world = world_new(pattern, NULL);
    struct error err = {0};

    world_strike(world, FAULT_DENIED, "ListStreams", 100);
    ck_assert_int_lt(engine_reconcile(world->engine, world->store, &err), 0);
    ck_assert_msg(strstr(err.message, "ListStreams") != NULL, "%s", err.message);
    world_free(world);
}
END_TEST

START_TEST(without_patterns_nobody_asks_which_streams_there_are)
{
    struct world *world = world_new("[stream orders]\n", NULL);

    world_scene(world, "orders", 2);
    look(world);
    ck_assert_uint_eq(world_count_calls(world, "ListStreams"), 0);
    world_free(world);
}
END_TEST

/* ---- another configuration */

START_TEST(a_turn_after_another_configuration_obeys_it)
{
    struct world *world = world_new("[stream orders]\nmax_shards = 4\nresharding = split\n", NULL);

    world_scene(world, "orders", 2);
    world_traffic(world, "orders", "constant:6M", 2048, "uniform");
    world_run(world, HOUR_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    configure(world, "[stream orders]\nmax_shards = 32\nresharding = split\n");
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, HOUR_MS);
    ck_assert_int_ge(world_open_shards(world, "orders"), 8);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

START_TEST(streams_found_so_far_stay_known_under_another_configuration_and_others_are_found)
{
    struct world *world = world_new(pattern, NULL);

    create(world, "orders-1", 2);
    create(world, "bills-1", 2);
    look(world);
    configure(world, "[stream orders-*]\nmax_shards = 7\n[stream bills-*]\n");
    ck_assert(is_known(world, "orders-1") && !is_known(world, "bills-1"));
    look(world);
    ck_assert(is_known(world, "bills-1"));
    configure(world, "[stream bills-*]\n");
    ck_assert(!is_known(world, "orders-1") && is_known(world, "bills-1"));
    world_free(world);
}
END_TEST

START_TEST(a_stream_that_left_the_configuration_is_left_where_it_stands_and_that_is_stored)
{
    struct world *world =
        world_new("[stream orders]\nmax_shards = 64\nresharding = split\n[stream bills]\n", NULL);
    struct action_list list = {0};
    struct error err = {0};
    size_t splits;

    world_scene(world, "orders", 4);
    world_traffic(world, "orders", "constant:12M", 2048, "uniform");
    while (world_count_calls(world, "SplitShard") < 2)
        world_run(world, 1000);
    configure(world, "[stream bills]\n");
    splits = world_count_calls(world, "SplitShard");
    world_run(world, HOUR_MS);
    ck_assert_uint_eq(world_count_calls(world, "SplitShard"), splits);
    ck_assert_int_eq(store_actions_recent(world->store, "orders", 1, &list, &err), 0);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].state, ACTION_DONE);
    ck_assert_str_eq(list.items[0].failure, "the stream is not configured any more");
    action_list_clear(&list);

    /* When it comes back it is taken up as it is found. */
    configure(world, "[stream orders]\nmax_shards = 64\nresharding = split\n");
    world->reconcile_at_ms = world->clock.ms;
    world_run(world, 2 * HOUR_MS);
    ck_assert_int_ge(world_open_shards(world, "orders"), 16);
    world_free(world);
}
END_TEST

/* Lowered to 4 and raised again before the merging is over. */
START_TEST(max_shards_that_is_raised_again_stops_the_merging)
{
    struct world *world =
        world_new("[stream orders]\nmax_shards = 4\nresharding = split\npolicy = classic\n", NULL);
    int64_t open;

    world_scene(world, "orders", 16);
    world->reconcile_at_ms = world->clock.ms;
    while (world_count_calls(world, "MergeShards") < 3)
        world_run(world, 1000);
    configure(world, "[stream orders]\nmax_shards = 12\nresharding = split\npolicy = classic\n");
    world_run(world, 2 * HOUR_MS);
    open = world_open_shards(world, "orders");
    ck_assert_int_eq(open, 12);
    world_assert_partition(world, "orders");
    world_free(world);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("discover");
    TCase *tcase = tcase_create("virtual time");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, streams_are_found_when_they_come_and_forgotten_when_they_go);
    tcase_add_test(tcase, many_streams_come_page_by_page);
    tcase_add_test(tcase, an_alarm_of_a_stream_that_no_look_has_found_yet_is_acted_on);
    tcase_add_test(tcase, a_found_stream_is_repaired_and_kept_inside_as_any_other);
    tcase_add_test(tcase, what_was_found_is_known_at_the_next_start_and_while_kinesis_does_not_say);
    tcase_add_test(tcase, when_nothing_is_known_and_kinesis_does_not_say_the_look_has_failed);
    tcase_add_test(tcase, without_patterns_nobody_asks_which_streams_there_are);
    tcase_add_test(tcase, a_turn_after_another_configuration_obeys_it);
    tcase_add_test(tcase, streams_found_so_far_stay_known_under_another_configuration_and_others_are_found);
    tcase_add_test(tcase, a_stream_that_left_the_configuration_is_left_where_it_stands_and_that_is_stored);
    tcase_add_test(tcase, max_shards_that_is_raised_again_stops_the_merging);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
