/*
 * The simulated CloudFormation: stacks that are changed, and what becomes of it when that fails, without sockets.
 */
#include "base/memory.h"
#include "base/text.h"
#include "one_stack.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include <string.h>

START_TEST(an_update_makes_the_shards_what_the_template_says)
{
    struct sim_totals totals;
    struct error err;

    stack_make(RESOURCES STREAM("2"));
    json(KINESIS "UpdateShardCount",
         "{\"StreamName\":\"orders\",\"TargetShardCount\":4,\"ScalingType\":\"UNIFORM_SCALING\"}");
    stacks_pass(300);
    ck_assert_int_eq(open_shards_of("orders"), 4);
    stack_update(RESOURCES STREAM("2"));
    expect_has("<Message>No updates are to be performed.</Message>");
    stack_change(RESOURCES STREAM("3"), "UPDATE_COMPLETE"); /* who made it 4, it does not ask */
    ck_assert_int_eq(open_shards_of("orders"), 3);
    json(KINESIS "UpdateShardCount",
         "{\"StreamName\":\"orders\",\"TargetShardCount\":6,\"ScalingType\":\"UNIFORM_SCALING\"}");
    stacks_pass(300);
    stack_change(RESOURCES STREAM("6"), "UPDATE_COMPLETE"); /* as it is already: nothing is called */
    ck_assert_int_eq(open_shards_of("orders"), 6);
    ck_assert_int_eq(sim_stream_totals(sim, "orders", &totals, &err), 0);
    ck_assert_int_eq(totals.updates, 3); /* to 4 and to 6 by hand, to 3 by the stack */
    stack_change(RESOURCES STREAM("6") "      DesiredShardLevelMetrics: [IncomingBytes]\n",
                 "UPDATE_COMPLETE");
    json(KINESIS "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    expect_has("\"ShardLevelMetrics\":[\"IncomingBytes\"]");
    stack_change(RESOURCES STREAM("6"), "UPDATE_COMPLETE");
    json(KINESIS "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    expect_has("\"ShardLevelMetrics\":[]");
}
END_TEST

START_TEST(an_update_touches_what_the_template_changes_and_nothing_else)
{
    stack_make(RESOURCES ALARM("A", "1") ALARM("B", "2"));
    for (int i = 0; i < 2; i++)
        query(i == 0 ? "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=A&Namespace=n&MetricName=m&"
                       "Statistic=Sum&"
                       "Period=60&EvaluationPeriods=1&Threshold=77&ComparisonOperator=GreaterThanThreshold"
                     : "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=B&Namespace=n&MetricName=m&"
                       "Statistic=Sum&"
                       "Period=60&EvaluationPeriods=1&Threshold=88&ComparisonOperator=GreaterThanThreshold");
    stack_change(RESOURCES ALARM("A", "1") ALARM("B", "3"), "UPDATE_COMPLETE");
    ck_assert(alarm_fires_above("A", "77"));
    ck_assert(alarm_fires_above("B", "3"));
    expect_has("\"MetricName\":\"IncomingBytes\""); /* overwritten as a whole */
}
END_TEST

START_TEST(what_the_template_drops_is_deleted_when_all_else_is_done)
{
    int before;

    stack_make(RESOURCES STREAM("1") TOPIC("Old", NAMED("old")));
    before = stack_event_count("one");
    stack_change(RESOURCES TOPIC("New", NAMED("new")), "UPDATE_COMPLETE");
    ck_assert_str_eq(
        stack_events("one", before),
        "one UPDATE_IN_PROGRESS\nNew CREATE_IN_PROGRESS\nNew CREATE_IN_PROGRESS\nNew CREATE_COMPLETE\n"
        "one UPDATE_COMPLETE_CLEANUP_IN_PROGRESS\nStream DELETE_SKIPPED\nOld DELETE_IN_PROGRESS\n"
        "Old DELETE_COMPLETE\none UPDATE_COMPLETE\n");
    ck_assert(topic_exists("new") && !topic_exists("old"));
    ck_assert_int_eq(open_shards_of("orders"), 1);
}
END_TEST

START_TEST(what_cannot_be_changed_is_made_anew_and_so_is_what_refers_to_it)
{
    int before;

    stack_make(RESOURCES TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    before = stack_event_count("one");
    stack_change(RESOURCES TOPIC("Topic", NAMED("b")) SUBSCRIPTION, "UPDATE_COMPLETE");
    ck_assert_str_eq(stack_events("one", before),
                     "one UPDATE_IN_PROGRESS\nTopic UPDATE_IN_PROGRESS\nTopic UPDATE_COMPLETE\n"
                     "Subscription UPDATE_IN_PROGRESS\nSubscription UPDATE_COMPLETE\n"
                     "one UPDATE_COMPLETE_CLEANUP_IN_PROGRESS\nSubscription DELETE_IN_PROGRESS\n"
                     "Subscription DELETE_COMPLETE\nTopic DELETE_IN_PROGRESS\nTopic DELETE_COMPLETE\n"
                     "one UPDATE_COMPLETE\n");
    ck_assert(!topic_exists("a"));
    query("Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:b");
    expect_has("<Endpoint>http://127.0.0.1:1/sns</Endpoint>");
}
END_TEST

START_TEST(an_update_that_fails_is_undone)
{
    int before;

    stack_make(RESOURCES ALARM("A", "1") TOPIC("Topic", NAMED("a")));
    before = stack_event_count("one");
    stack_shall_fail("Bad", "create");
    stack_change(RESOURCES ALARM("A", "2") TOPIC("Topic", NAMED("b")) TOPIC("New", NAMED("new"))
                     TOPIC("Bad", "    DependsOn: [A, Topic, New]\n"),
                 "UPDATE_ROLLBACK_COMPLETE");
    ck_assert_str_eq(
        stack_events("one", before),
        "one UPDATE_IN_PROGRESS\nA UPDATE_IN_PROGRESS\nTopic UPDATE_IN_PROGRESS\nNew CREATE_IN_PROGRESS\n"
        "New CREATE_IN_PROGRESS\nA UPDATE_COMPLETE\nTopic UPDATE_COMPLETE\nNew CREATE_COMPLETE\n"
        "Bad CREATE_IN_PROGRESS\nBad CREATE_FAILED\none UPDATE_ROLLBACK_IN_PROGRESS\nA UPDATE_IN_PROGRESS\n"
        "A UPDATE_COMPLETE\none UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS\nTopic DELETE_IN_PROGRESS\n"
        "New DELETE_IN_PROGRESS\nTopic DELETE_COMPLETE\nNew DELETE_COMPLETE\none UPDATE_ROLLBACK_COMPLETE\n");
    ck_assert(alarm_fires_above("A", "1"));
    ck_assert(topic_exists("a") && !topic_exists("b") && !topic_exists("new"));
    stack_change(RESOURCES ALARM("A", "2") TOPIC("Topic", NAMED("a")), "UPDATE_COMPLETE");
    ck_assert(alarm_fires_above("A", "2"));
}
END_TEST

START_TEST(a_change_that_failed_halfway_is_put_right_again)
{
    stack_make(RESOURCES ALARM("A", "1"));
    stack_shall_fail("A", "update");
    stack_change(RESOURCES ALARM("A", "2"), "UPDATE_ROLLBACK_COMPLETE");
    ck_assert(alarm_fires_above("A", "1"));
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has("<ResourceStatus>UPDATE_FAILED</ResourceStatus><ResourceStatusReason>Resource handler "
               "returned message: "
               "&quot;it shall&quot;");
    expect_has("The following resource(s) failed to update: [A]. ");
}
END_TEST

START_TEST(where_rolling_back_is_disabled_an_update_stops_halfway_and_can_go_on)
{
    stack_make(RESOURCES ALARM("A", "1") ALARM("B", "1"));
    stack_shall_fail("B", "update");
    cloudformation("UpdateStack", "StackName=one&DisableRollback=true",
                   RESOURCES ALARM("A", "2") ALARM("B", "2") "    DependsOn: A\n");
    stacks_pass(10);
    ck_assert_str_eq(stack_status("one"), "UPDATE_FAILED");
    ck_assert(alarm_fires_above("A", "2") && alarm_fires_above("B", "1"));
    if (_i == 0) {
        stack_change(RESOURCES ALARM("A", "2") ALARM("B", "2"), "UPDATE_COMPLETE");
        ck_assert(alarm_fires_above("A", "2") && alarm_fires_above("B", "2"));
    } else {
        stack_change(RESOURCES ALARM("A", "1") ALARM("B", "1"), "UPDATE_COMPLETE");
        ck_assert(alarm_fires_above("A", "1") && alarm_fires_above("B", "1"));
    }
}
END_TEST

START_TEST(a_replacement_that_fails_leaves_what_was_there)
{
    stack_make(RESOURCES TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    stack_shall_fail(_i == 0 ? "Topic" : "Subscription", "update");
    stack_change(RESOURCES TOPIC("Topic", NAMED("b")) SUBSCRIPTION, "UPDATE_ROLLBACK_COMPLETE");
    ck_assert(topic_exists("a") && !topic_exists("b"));
    query("Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:a");
    expect_has("<Endpoint>http://127.0.0.1:1/sns</Endpoint>");
    stack_change(RESOURCES TOPIC("Topic", NAMED("b")) SUBSCRIPTION, "UPDATE_COMPLETE");
    ck_assert(!topic_exists("a") && topic_exists("b"));
}
END_TEST

START_TEST(a_rollback_that_fails_leaves_the_stack_stuck_until_it_is_deleted)
{
    struct error err;

    stack_make(RESOURCES ALARM("A", "1"));
    ck_assert_int_eq(sim_fail_resource(sim, "A", "update", 2, "it shall", &err), 0);
    stack_change(RESOURCES ALARM("A", "2"), "UPDATE_ROLLBACK_FAILED");
    stack_update(RESOURCES ALARM("A", "3"));
    expect_has("is in UPDATE_ROLLBACK_FAILED state and can not be updated.");
    cloudformation("DeleteStack", "StackName=one", NULL);
    stacks_pass(10);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert(!alarm_fires_above("A", "1"));
}
END_TEST

START_TEST(an_update_is_refused)
{
    static const struct {
        const char *template, *refusal;
    } cases[] = {
        {RESOURCES "  A:\n    Type: AWS::SQS::Queue\n",
         "Update of resource type is not permitted. The new template modifies resource type of the following "
         "resources: [A]"},
        {RESOURCES TOPIC("A", "    Typo: x\n"), "Invalid template resource property &apos;Typo&apos;"},
        {NULL, "Either Template URL or Template Body must be specified."},
    };
    SCOPED(free_text) char *refusal = must_strdup(cases[_i].refusal);

    stack_make(RESOURCES TOPIC("A", ""));
    refusal = replaced(refusal, "&apos;", "'");
    stack_update(cases[_i].template);
    ck_assert_str_eq(element("Code"), "ValidationError");
    ck_assert_str_eq(element("Message"), refusal);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
    cloudformation("UpdateStack", "StackName=none", RESOURCES TOPIC("A", ""));
    expect_has("<Message>Stack [none] does not exist</Message>");
}
END_TEST

START_TEST(a_resource_with_a_name_of_its_own_cannot_be_replaced_in_place)
{
    static const char parameters[] = "StackName=one&Capabilities.member.1=CAPABILITY_NAMED_IAM";

    cloudformation("CreateStack", parameters, RESOURCES POLICY("      ManagedPolicyName: p\n"));
    stacks_pass(10);
    cloudformation("UpdateStack", parameters,
                   RESOURCES POLICY("      ManagedPolicyName: p\n      Description: d\n"));
    stacks_pass(10);
    ck_assert_str_eq(stack_status("one"), "UPDATE_ROLLBACK_COMPLETE");
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has(
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename p and "
        "update the stack again.");
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim stacks, updates");
    TCase *tcase = tcase_create("updates");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, stacks_begin, drop_sim);
    tcase_add_test(tcase, an_update_makes_the_shards_what_the_template_says);
    tcase_add_test(tcase, an_update_touches_what_the_template_changes_and_nothing_else);
    tcase_add_test(tcase, what_the_template_drops_is_deleted_when_all_else_is_done);
    tcase_add_test(tcase, what_cannot_be_changed_is_made_anew_and_so_is_what_refers_to_it);
    tcase_add_test(tcase, an_update_that_fails_is_undone);
    tcase_add_test(tcase, a_change_that_failed_halfway_is_put_right_again);
    tcase_add_loop_test(tcase, where_rolling_back_is_disabled_an_update_stops_halfway_and_can_go_on, 0, 2);
    tcase_add_loop_test(tcase, a_replacement_that_fails_leaves_what_was_there, 0, 2);
    tcase_add_test(tcase, a_rollback_that_fails_leaves_the_stack_stuck_until_it_is_deleted);
    tcase_add_loop_test(tcase, an_update_is_refused, 0, 3);
    tcase_add_test(tcase, a_resource_with_a_name_of_its_own_cannot_be_replaced_in_place);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
