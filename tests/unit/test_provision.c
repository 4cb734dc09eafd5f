/*
 * Provisioning: what is made, what stays, what is updated.
 */
#include "provisioned.h"
#include "support.h"

#include "aws/cloudformation.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- from nothing, and again */

START_TEST(what_is_declared_is_made_from_nothing)
{
    run(BOTH);
    assert_result(NULL, PROVISION_MADE);
    assert_result("orders", PROVISION_MADE);
    assert_result("user_events", PROVISION_MADE);
    assert_made();
    ck_assert_ptr_nonnull(strstr(told, "orders: Stream CREATE_COMPLETE\n"));
    /* The topic first: alarms publish to it. */
    ck_assert(strstr(told, "service: " SERVICE_STACK " CREATE_COMPLETE") < strstr(told, "orders: creating"));
}
END_TEST

START_TEST(a_second_run_changes_nothing)
{
    size_t before;

    run(BOTH);
    before = deeds();
    run(BOTH);
    assert_result(NULL, PROVISION_UNCHANGED);
    assert_result("orders", PROVISION_UNCHANGED);
    assert_result("user_events", PROVISION_UNCHANGED);
    ck_assert_uint_eq(deeds(), before);
    ck_assert_str_eq(row_of(NULL)->note, UNCONFIRMED);
    ck_assert_str_eq(row_of("orders")->note, "");
    assert_made();
}
END_TEST

START_TEST(a_dry_run_only_reads)
{
    static const char *const reading[] = {"DescribeStacks",     "DescribeStreamSummary",   "DescribeAlarms",
                                          "GetTopicAttributes", "GetCallerIdentity",       "GetTemplate",
                                          "ListShards",         "ListSubscriptionsByTopic"};

    provision = begin(BOTH, true);
    finish();
    ck_assert_int_eq(row_of("orders")->deed, PROVISION_CREATE);
    ck_assert_str_eq(row_of("orders")->reason, "a stream of 4 shards with 3 alarms");
    ck_assert_str_eq(stack_values_get(&row_of("orders")->parameters, "ShardCount"), "4");
    for (size_t i = 0; i < scene->call_count; i++) {
        bool reads = false;

        for (size_t k = 0; k < COUNT_OF(reading); k++)
            reads = reads || strcmp(scene->calls[i].operation, reading[k]) == 0;
        ck_assert_msg(reads, "%s", scene->calls[i].operation);
    }
}
END_TEST

/* How many stacks were being made at the same time at most, of so many streams. */
static size_t most_at_once(int streams)
{
    SCOPED(buffer_clear) struct buffer text;
    struct error err = {0};
    size_t most = 0;

    buffer_init(&text, 65536);
    ck_assert_int_eq(buffer_add_text(&text, SERVICE, &err), 0);
    for (int i = 0; i < streams; i++)
        ck_assert_int_eq(buffer_printf(&text, &err, "[stream s%d]\n", i), 0);
    provision = begin(buffer_text(&text), false);
    while (turn(provision)) {
        size_t count, making = 0;
        const struct provision_row *rows = provision_rows(provision, &count);

        for (size_t i = 0; i < count; i++)
            making += strcmp(rows[i].doing, "creating") == 0;
        most = making > most ? making : most;
    }
    assert_result("s0", PROVISION_MADE);
    return most;
}

START_TEST(four_streams_are_made_at_the_same_time)
{
    ck_assert_uint_eq(most_at_once(9), 4);
    assert_result("s8", PROVISION_MADE);
}
END_TEST

START_TEST(ten_stacks_of_alarms_are_made_at_the_same_time)
{
    for (int i = 0; i < 15; i++) {
        char name[16];

        snprintf(name, sizeof(name), "s%d", i);
        make_stream_by_hand(name, 1);
    }
    ck_assert_uint_eq(most_at_once(15), 10);
    assert_result("s14", PROVISION_MADE);
}
END_TEST

/* ---- what exists stays */

START_TEST(after_a_scale_up_nothing_is_put_back)
{
    size_t before;

    run(SERVICE ORDERS);
    resize(8);
    scene->reconcile_at_ms = scene->clock.ms; /* the engine moves the thresholds */
    world_run(scene, MINUTE_MS);
    scene->reconcile_at_ms = INT64_MAX;
    ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 60 * 1000 * 8);
    before = deeds();
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_uint_eq(deeds(), before);

    /* A reason to update: shards stay, and the thresholds are those of the shards there are. */
    run(SERVICE ORDERS LONGER);
    assert_result("orders", PROVISION_UPDATED);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_COMPLETE");
    world_run(scene, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(scene, "orders"), 8);
    ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 300 * 1000 * 8);
    ck_assert_double_eq(world_threshold(scene, BYTES), 0.8 * 300 * 1048576 * 8);
    ck_assert(!has_change_set());
    before = deeds();
    run(SERVICE ORDERS LONGER);
    ck_assert_uint_eq(deeds(), before);
}
END_TEST

START_TEST(a_stream_that_is_there_gets_alarms_and_outlives_their_stack)
{
    struct error err = {0};

    make_stream_by_hand("orders", 6);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_str_eq(row_of("orders")->reason, "3 alarms for the stream of 6 shards that is there");
    ck_assert_int_eq(world_open_shards(scene, "orders"), 6);
    ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 60 * 1000 * 6);
    ck_assert_int_eq(cloudformation_delete_stack(scene->aws, ORDERS_STACK, &err), 0);
    world_run(scene, 10 * MINUTE_MS);
    ck_assert_str_eq(status_of(ORDERS_STACK), "");
    ck_assert(!has_alarm(RECORDS));
    ck_assert_int_eq(world_open_shards(scene, "orders"), 6);
}
END_TEST

START_TEST(a_stream_of_a_stack_outlives_it_and_is_taken_up_again)
{
    struct error err = {0};

    run(SERVICE ORDERS);
    ck_assert_int_eq(cloudformation_delete_stack(scene->aws, ORDERS_STACK, &err), 0);
    world_run(scene, 10 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(scene, "orders"), 4);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_str_eq(row_of("orders")->reason, "3 alarms for the stream of 4 shards that is there");
}
END_TEST

START_TEST(alarms_that_were_made_by_hand_are_not_doubled)
{
    make_stream_by_hand("orders", 4);
    put_alarm("mine", "IncomingBytes");
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_str_eq(row_of("orders")->note, "alarm 'mine' is there already");
    ck_assert(!has_alarm(BYTES));
    ck_assert(has_alarm(RECORDS));
    ck_assert_double_eq(world_threshold(scene, "mine"), 77);
    /* The daemon may change it all the same. */
    ck_assert_ptr_nonnull(strstr(stack_values_get(&row_of(NULL)->parameters, "AlarmArns"), ":alarm:mine"));
}
END_TEST

START_TEST(a_topic_with_its_subscription_is_used_as_it_is)
{
    scene->deaf = false;
    world_scene(scene, "orders", 4); /* topic, confirmed subscription, three alarms */
    run(SERVICE ORDERS);
    assert_result(NULL, PROVISION_MADE);
    ck_assert_str_eq(row_of(NULL)->reason,
                     "a dead-letter queue and rights for topic 'kinescale', which is there");
    ck_assert_str_eq(row_of(NULL)->note, "'" URL "' is subscribed already");
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_str_eq(row_of("orders")->reason, "the stream and its alarms are there");
    ck_assert_str_eq(status_of(ORDERS_STACK), "");
}
END_TEST

START_TEST(a_topic_of_another_account_is_left_to_it)
{
    static const char other[] = "[service]\nregion = us-east-1\n"
                                "topic_arn = arn:aws:sns:us-east-1:999999999999:kinescale\n" ORDERS;

    run(other);
    assert_result(NULL, PROVISION_UNCHANGED);
    ck_assert_msg(strstr(row_of(NULL)->reason, "account 999999999999") != NULL, "%s", row_of(NULL)->reason);
    assert_result("orders", PROVISION_MADE);
}
END_TEST

START_TEST(a_topic_of_another_region_is_refused)
{
    run("[service]\ntopic_arn = arn:aws:sns:eu-west-1:000000000000:kinescale\n" ORDERS);
    assert_result(NULL, PROVISION_FAILED);
    ck_assert_msg(strstr(row_of(NULL)->reason, "is in eu-west-1, the streams are in us-east-1") != NULL, "%s",
                  row_of(NULL)->reason);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_str_eq(row_of("orders")->reason, "there is no topic that its alarms could publish to");
    ck_assert_uint_eq(deeds(), 0);
}
END_TEST

/* ---- updates */

/* A stack as an older program would have left it. */
static void make_with(const char *template)
{
    struct stack_values parameters = {0};
    struct stack_request request = {.stack = ORDERS_STACK, .template = template, .parameters = &parameters};
    struct error err = {0};

    stack_values_set(&parameters, "StreamName", "orders");
    stack_values_set(&parameters, "ShardCount", "4");
    stack_values_set(&parameters, "BytesThreshold", "201326592");
    stack_values_set(&parameters, "RecordsThreshold", "192000");
    stack_values_set(&parameters, "TopicArn", "%s", WORLD_TOPIC);
    ck_assert_msg(cloudformation_create_stack(scene->aws, &request, &err) == 0, "%s", err.message);
    stack_values_clear(&parameters);
    world_run(scene, 10 * MINUTE_MS);
    ck_assert_str_eq(status_of(ORDERS_STACK), "CREATE_COMPLETE");
}

START_TEST(a_template_that_differs_in_words_only_leaves_no_change_set)
{
    SCOPED(free_text) char *template = must_printf("# of another day\n%s", provision_stream_template());

    make_with(template);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_uint_eq(world_count_calls(scene, "CreateChangeSet"), 1);
    ck_assert_uint_eq(world_count_calls(scene, "DeleteChangeSet"), 1);
    ck_assert_uint_eq(world_count_calls(scene, "ExecuteChangeSet"), 0);
    ck_assert(!has_change_set());
}
END_TEST

/* A stack whose stream has a property that is in this program's template no more. */
static void make_with_another_stream(void)
{
    SCOPED(free_text) char *template = must_strdup(provision_stream_template());
    char *mode = strstr(template, "      StreamModeDetails:\n        StreamMode: PROVISIONED\n");

    ck_assert_ptr_nonnull(mode);
    memset(mode, ' ', strlen("      StreamModeDetails:"));
    memcpy(mode, "      RetentionPeriodHours: 48 #", strlen("      RetentionPeriodHours: 48 #"));
    memset(strstr(mode, "StreamMode: "), ' ', strlen("StreamMode: PROVISIONED"));
    make_with(template);
    resize(8);
}

/* The stream is in the change set then, and keeps its shards. */
START_TEST(an_update_of_the_stream_itself_is_given_the_shards_there_are)
{
    make_with_another_stream();
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UPDATED);
    world_run(scene, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(scene, "orders"), 8);
    ck_assert_uint_eq(world_count_calls(scene, "UpdateShardCount"), 0);
}
END_TEST

START_TEST(an_update_of_the_stream_that_fails_puts_no_shard_back)
{
    struct error err = {0};

    make_with_another_stream();
    ck_assert_int_eq(sim_fail_resource(scene->sim, "Stream", "update", 1, "no more today", &err), 0);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_msg(
        text_starts_with(row_of("orders")->reason, "UPDATE_FAILED: Stream (AWS::Kinesis::Stream): ") &&
            strstr(row_of("orders")->reason, "no more today") != NULL,
        "%s", row_of("orders")->reason);
    world_run(scene, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(scene, "orders"), 8);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UPDATED);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_COMPLETE");
    ck_assert_int_eq(world_open_shards(scene, "orders"), 8);
}
END_TEST

START_TEST(an_update_of_alarms_that_fails_is_rolled_back)
{
    struct error err = {0};

    run(SERVICE ORDERS);
    ck_assert_int_eq(sim_fail_resource(scene->sim, "IncomingBytes", "update", 1, "no more today", &err), 0);
    run(SERVICE ORDERS LONGER);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_msg(strstr(row_of("orders")->reason, "IncomingBytes (AWS::CloudWatch::Alarm): ") != NULL &&
                      strstr(row_of("orders")->reason, "no more today") != NULL,
                  "%s", row_of("orders")->reason);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_ROLLBACK_COMPLETE");
    run(SERVICE ORDERS LONGER);
    assert_result("orders", PROVISION_UPDATED);
    ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 300 * 1000 * 4);
}
END_TEST

START_TEST(an_update_there_and_back_and_there_is_carried_out_each_time)
{
    run(SERVICE ORDERS);
    for (int times = 0; times < 2; times++) {
        run(SERVICE ORDERS LONGER);
        assert_result("orders", PROVISION_UPDATED);
        ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 300 * 1000 * 4);
        run(SERVICE ORDERS);
        assert_result("orders", PROVISION_UPDATED);
        ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 60 * 1000 * 4);
    }
}
END_TEST

START_TEST(an_update_that_would_replace_the_stream_is_not_carried_out)
{
    SCOPED(free_text) char *template = must_strdup(provision_stream_template());
    char *name = strstr(template, "      Name: !Ref StreamName\n");

    ck_assert_ptr_nonnull(name);
    memcpy(name, "      Name: other          ", strlen("      Name: !Ref StreamName"));
    make_stream_by_hand("orders", 4);
    make_with(template);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_str_eq(row_of("orders")->reason,
                     "the update would replace or remove 'Stream', and was not carried out");
    ck_assert(!has_change_set());
    ck_assert_uint_eq(world_count_calls(scene, "ExecuteChangeSet"), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("provision");
    TCase *making = tcase_create("making");

    tcase_add_checked_fixture(making, set_up, tear_down);
    tcase_add_test(making, what_is_declared_is_made_from_nothing);
    tcase_add_test(making, a_second_run_changes_nothing);
    tcase_add_test(making, a_dry_run_only_reads);
    tcase_add_test(making, four_streams_are_made_at_the_same_time);
    tcase_add_test(making, ten_stacks_of_alarms_are_made_at_the_same_time);
    tcase_add_test(making, after_a_scale_up_nothing_is_put_back);
    tcase_add_test(making, a_stream_that_is_there_gets_alarms_and_outlives_their_stack);
    tcase_add_test(making, a_stream_of_a_stack_outlives_it_and_is_taken_up_again);
    tcase_add_test(making, alarms_that_were_made_by_hand_are_not_doubled);
    tcase_add_test(making, a_topic_with_its_subscription_is_used_as_it_is);
    tcase_add_test(making, a_topic_of_another_account_is_left_to_it);
    tcase_add_test(making, a_topic_of_another_region_is_refused);
    tcase_add_test(making, a_template_that_differs_in_words_only_leaves_no_change_set);
    tcase_add_test(making, an_update_of_the_stream_itself_is_given_the_shards_there_are);
    tcase_add_test(making, an_update_of_the_stream_that_fails_puts_no_shard_back);
    tcase_add_test(making, an_update_of_alarms_that_fails_is_rolled_back);
    tcase_add_test(making, an_update_there_and_back_and_there_is_carried_out_each_time);
    tcase_add_test(making, an_update_that_would_replace_the_stream_is_not_carried_out);
    suite_add_tcase(suite, making);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
