/*
 * Provisioning: what fails, and what is killed or done twice.
 */
#include "provisioned.h"
#include "support.h"

#include "aws/cloudformation.h"
#include "base/text.h"

/* ---- what fails */

START_TEST(one_stream_that_fails_stops_no_other_and_says_what_failed)
{
    run(SERVICE "[stream large]\nmax_shards = 1000\ndesired_shards = 600\n" ORDERS);
    assert_result("large", PROVISION_FAILED);
    ck_assert_msg(
        text_starts_with(row_of("large")->reason, "ROLLBACK_COMPLETE: Stream (AWS::Kinesis::Stream): ") &&
            strstr(row_of("large")->reason, "shard limit") != NULL,
        "%s", row_of("large")->reason);
    assert_result("orders", PROVISION_MADE);
}
END_TEST

START_TEST(an_alarm_that_was_deleted_leaves_the_row_incomplete_until_its_note_is_followed)
{
    struct error err = {0};
    size_t before;

    run(SERVICE ORDERS);
    resize(8);
    cJSON_Delete(world_cloudwatch(scene, "DeleteAlarms", "{\"AlarmNames\":[\"" BYTES "\"]}"));
    before = deeds();
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_INCOMPLETE);
    ck_assert_uint_eq(deeds(), before);
    ck_assert_msg(
        strstr(row_of("orders")->note, "aws cloudformation delete-stack --stack-name " ORDERS_STACK) != NULL,
        "%s", row_of("orders")->note);

    ck_assert_int_eq(cloudformation_delete_stack(scene->aws, ORDERS_STACK, &err), 0);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_double_eq(world_threshold(scene, BYTES), 0.8 * 60 * 1048576 * 8);
    ck_assert_int_eq(world_open_shards(scene, "orders"), 8);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_str_eq(row_of("orders")->note, "");
}
END_TEST

START_TEST(an_update_that_makes_the_missing_alarm_is_no_longer_incomplete)
{
    run(SERVICE ORDERS);
    cJSON_Delete(world_cloudwatch(scene, "DeleteAlarms", "{\"AlarmNames\":[\"" BYTES "\"]}"));
    run(SERVICE ORDERS LONGER);
    assert_result("orders", has_alarm(BYTES) ? PROVISION_UPDATED : PROVISION_INCOMPLETE);
}
END_TEST

START_TEST(a_dry_run_refuses_the_streams_whose_topic_cannot_be)
{
    provision = begin("[service]\ntopic_arn = arn:aws:sns:eu-west-1:000000000000:kinescale\n" ORDERS, true);
    finish();
    assert_result(NULL, PROVISION_FAILED);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_str_eq(row_of("orders")->reason, "there is no topic that its alarms could publish to");
}
END_TEST

START_TEST(a_stack_that_was_rolled_back_is_cleared_and_made_again)
{
    run(SERVICE "[stream large]\nmax_shards = 1000\ndesired_shards = 600\n");
    assert_result("large", PROVISION_FAILED);
    ck_assert_str_eq(status_of("kinescale-stream-large"), "ROLLBACK_COMPLETE");
    run(SERVICE "[stream large]\nmax_shards = 1000\ndesired_shards = 5\n");
    assert_result("large", PROVISION_MADE);
    ck_assert_int_eq(world_open_shards(scene, "large"), 5);
}
END_TEST

START_TEST(without_the_right_to_make_the_topic_no_stream_is_begun)
{
    world_strike(scene, FAULT_DENIED, "CreateStack", 1000);
    run(SERVICE ORDERS);
    assert_result(NULL, PROVISION_FAILED);
    ck_assert_msg(strstr(row_of(NULL)->reason, "not authorized") != NULL, "%s", row_of(NULL)->reason);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_uint_eq(deeds(), 1);
}
END_TEST

START_TEST(a_lost_answer_makes_no_second_stack)
{
    world_strike(scene, FAULT_LOST, "CreateStack", 1);
    run(SERVICE ORDERS);
    assert_result(NULL, PROVISION_MADE);
    assert_result("orders", PROVISION_MADE);
}
END_TEST

START_TEST(trouble_for_a_while_is_outlived)
{
    scene->fault = FAULT_UNHEARD;
    scene->fault_operation = "DescribeStackEvents";
    scene->fault_times = 6; /* more than the client tries */
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_ptr_nonnull(strstr(told, "tried again"));
}
END_TEST

START_TEST(two_streams_of_one_stack_and_unknown_streams_are_refused)
{
    const char *twice[] = {"orders", "orders"}, *unknown[] = {"nowhere"};
    struct provision_options options = {
        .aws = scene->aws, .clock = &scene->clock.clock, .streams = twice, .stream_count = 2};
    struct provision *none = NULL;
    struct error err = {0};

    provision = begin(SERVICE ORDERS, true);
    options.config = config;
    ck_assert_int_lt(provision_new(&options, &none, &err), 0);
    ck_assert_str_eq(err.message, "streams 'orders' and 'orders' would share the stack '" ORDERS_STACK "'");
    options.streams = unknown;
    options.stream_count = 1;
    ck_assert_int_lt(provision_new(&options, &none, &err), 0);
    ck_assert_str_eq(err.message, "stream 'nowhere' is not configured");
}
END_TEST

/* ---- kills, and two at once */

/* Turns until everything is made from nothing. */
enum { TURNS = 40 };

START_TEST(a_run_that_is_killed_after_any_turn_is_gone_on_with)
{
    provision = begin(BOTH, false);
    for (int turns = 0; turns < _i && turn(provision); turns++)
        continue;
    run(BOTH);
    ck_assert_int_ne(row_of(NULL)->result, PROVISION_FAILED);
    ck_assert_int_ne(row_of("orders")->result, PROVISION_FAILED);
    assert_made();
    run(BOTH);
    assert_result("orders", PROVISION_UNCHANGED);
}
END_TEST

START_TEST(an_update_that_is_killed_after_any_turn_is_gone_on_with)
{
    static const char longer[] = SERVICE ORDERS LONGER;

    run(SERVICE ORDERS);
    provision_free(provision);
    provision = begin(longer, false);
    for (int turns = 0; turns < _i && turn(provision); turns++)
        continue;
    run(longer);
    ck_assert_int_ne(row_of("orders")->result, PROVISION_FAILED);
    ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 300 * 1000 * 4);
    ck_assert(!has_change_set());
    run(longer);
    assert_result("orders", PROVISION_UNCHANGED);
}
END_TEST

static void run_two(const char *text)
{
    struct provision *second;
    struct config *first_config;
    bool more = true;

    provision_free(provision);
    told[0] = '\0';
    provision = begin(text, false);
    first_config = config;
    config = NULL;
    second = begin(text, false);
    for (int turns = 0; more; turns++) {
        size_t count;
        const struct provision_row *rows;
        bool of_first = turn(provision), of_second = turn(second);

        more = of_first || of_second;
        ck_assert_int_lt(turns, 5000);
        rows = provision_rows(second, &count);
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(rows[i].result != PROVISION_FAILED, "%s\n%s", rows[i].reason, told);
    }
    provision_free(second);
    ck_assert_int_ne(row_of("orders")->result, PROVISION_FAILED);
    provision_free(provision);
    provision = NULL;
    config_free(first_config);
}

START_TEST(two_at_once_make_everything_once)
{
    run_two(BOTH);
    assert_made();
}
END_TEST

START_TEST(two_at_once_update_once)
{
    run(SERVICE ORDERS);
    run_two(SERVICE ORDERS LONGER);
    ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 300 * 1000 * 4);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_COMPLETE");
    ck_assert(!has_change_set());
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("provision, trouble");
    TCase *trouble = tcase_create("trouble");
    TCase *kills = tcase_create("kills");

    tcase_add_checked_fixture(trouble, set_up, tear_down);
    tcase_add_checked_fixture(kills, set_up, tear_down);
    tcase_set_timeout(kills, 120);
    tcase_add_test(trouble, one_stream_that_fails_stops_no_other_and_says_what_failed);
    tcase_add_test(trouble, an_alarm_that_was_deleted_leaves_the_row_incomplete_until_its_note_is_followed);
    tcase_add_test(trouble, an_update_that_makes_the_missing_alarm_is_no_longer_incomplete);
    tcase_add_test(trouble, a_dry_run_refuses_the_streams_whose_topic_cannot_be);
    tcase_add_test(trouble, a_stack_that_was_rolled_back_is_cleared_and_made_again);
    tcase_add_test(trouble, without_the_right_to_make_the_topic_no_stream_is_begun);
    tcase_add_test(trouble, a_lost_answer_makes_no_second_stack);
    tcase_add_test(trouble, trouble_for_a_while_is_outlived);
    tcase_add_test(trouble, two_streams_of_one_stack_and_unknown_streams_are_refused);
    tcase_add_loop_test(kills, a_run_that_is_killed_after_any_turn_is_gone_on_with, 0, TURNS);
    tcase_add_loop_test(kills, an_update_that_is_killed_after_any_turn_is_gone_on_with, 0, TURNS / 4);
    tcase_add_test(kills, two_at_once_make_everything_once);
    tcase_add_test(kills, two_at_once_update_once);
    suite_add_tcase(suite, trouble);
    suite_add_tcase(suite, kills);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
