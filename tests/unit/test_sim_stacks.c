/*
 * The simulated CloudFormation: stacks: made, deleted and read, without sockets.
 */
#include "base/memory.h"
#include "base/text.h"
#include "one_stack.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include <string.h>

/* ---- making */

START_TEST(a_stack_is_complete_when_its_stream_is_active)
{
    stack_create(RESOURCES STREAM("2"));
    expect_has("<StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/one/");
    ck_assert_str_eq(stack_status("one"), "CREATE_IN_PROGRESS");
    stacks_pass(29);
    ck_assert_str_eq(stack_status("one"), "CREATE_IN_PROGRESS");
    stacks_pass(2);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
    ck_assert_str_eq(stack_events("one", 0),
                     "one CREATE_IN_PROGRESS\nStream CREATE_IN_PROGRESS\nStream CREATE_IN_PROGRESS\n"
                     "Stream CREATE_COMPLETE\none CREATE_COMPLETE\n");
    ck_assert_int_eq(open_shards_of("orders"), 2);
    cloudformation("ListStackResources", "StackName=one", NULL);
    expect_has(
        "<LogicalResourceId>Stream</LogicalResourceId><PhysicalResourceId>orders</PhysicalResourceId>"
        "<ResourceType>AWS::Kinesis::Stream</ResourceType><LastUpdatedTimestamp>2025-11-21T00:00:30.000Z");
    cloudformation("GetTemplate", "StackName=one", NULL);
    ck_assert_str_eq(element("TemplateBody"), RESOURCES STREAM("2"));
}
END_TEST

START_TEST(what_is_needed_is_made_first_and_the_rest_side_by_side)
{
    stack_create(RESOURCES TOPIC("C", "    DependsOn: B\n") TOPIC("B", "    DependsOn: [A]\n") TOPIC("A", "")
                     TOPIC("D", ""));
    stacks_pass(10);
    ck_assert_str_eq(
        stack_events("one", 0),
        "one CREATE_IN_PROGRESS\n"
        "A CREATE_IN_PROGRESS\nA CREATE_IN_PROGRESS\nD CREATE_IN_PROGRESS\nD CREATE_IN_PROGRESS\n"
        "A CREATE_COMPLETE\nD CREATE_COMPLETE\n"
        "B CREATE_IN_PROGRESS\nB CREATE_IN_PROGRESS\nB CREATE_COMPLETE\n"
        "C CREATE_IN_PROGRESS\nC CREATE_IN_PROGRESS\nC CREATE_COMPLETE\none CREATE_COMPLETE\n");
    cloudformation("DescribeStackResources", "StackName=one&LogicalResourceId=A", NULL);
    ck_assert(text_starts_with(element("PhysicalResourceId"), "arn:aws:sns:us-east-1:000000000000:one-A-"));
}
END_TEST

START_TEST(a_stream_that_exists_fails_the_stack)
{
    make_stream("orders", 1);
    stacks_pass(60); /* as it has there */
    stack_create(RESOURCES STREAM("2"));
    stacks_pass(60);
    ck_assert_str_eq(stack_status("one"), "ROLLBACK_COMPLETE");
    query("Action=DescribeStackEvents&Version=2010-05-15&StackName=one");
    expect_has("<ResourceStatusReason>Resource handler returned message: &quot;Stream orders under account "
               "000000000000 already exists. (Service: Kinesis, Status Code: 400)&quot;");
    expect_has("HandlerErrorCode: AlreadyExists");
    expect_has("The following resource(s) failed to create: [Stream]. Rollback requested by user.");
    stack_update(RESOURCES STREAM("2"));
    expect_has("<Code>ValidationError</Code>");
    expect_has("is in ROLLBACK_COMPLETE state and can not be updated.");
    ck_assert_int_eq(open_shards_of("orders"), 1);
}
END_TEST

START_TEST(an_alarm_or_topic_that_exists_is_not_taken_over)
{
    static const struct {
        const char *request, *template, *reason;
    } cases[] = {
        {"Action=CreateTopic&Version=2010-03-31&Name=t", RESOURCES TOPIC("Topic", NAMED("t")),
         "Resource of type 'AWS::SNS::Topic' with identifier 'arn:aws:sns:us-east-1:000000000000:t' already "
         "exists."},
        {"Action=PutMetricAlarm&Version=2010-08-01&AlarmName=Hot&Namespace=n&MetricName=m&Statistic=Sum&"
         "Period=60&"
         "EvaluationPeriods=1&Threshold=5&ComparisonOperator=GreaterThanThreshold",
         RESOURCES ALARM("Hot", "1"),
         "Resource of type 'AWS::CloudWatch::Alarm' with identifier 'Hot' already exists."},
    };

    query(cases[_i].request);
    ck_assert_int_eq(response.status, 200);
    stack_create(cases[_i].template);
    stacks_pass(60);
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has(cases[_i].reason);
    ck_assert(_i == 0 ? topic_exists("t") : alarm_fires_above("Hot", "5"));
}
END_TEST

START_TEST(what_was_made_before_a_failure_is_deleted_again)
{
    stack_shall_fail("C", "create");
    stack_create(RESOURCES TOPIC("A", NAMED("a")) TOPIC("B", NAMED("b") "    DependsOn: A\n")
                     TOPIC("C", NAMED("c") "    DependsOn: B\n"));
    stacks_pass(1);
    ck_assert(topic_exists("a") && topic_exists("b"));
    stacks_pass(20);
    ck_assert_str_eq(stack_events("one", 7),
                     "C CREATE_IN_PROGRESS\nC CREATE_FAILED\none ROLLBACK_IN_PROGRESS\n"
                     "B DELETE_IN_PROGRESS\nB DELETE_COMPLETE\n"
                     "A DELETE_IN_PROGRESS\nA DELETE_COMPLETE\none ROLLBACK_COMPLETE\n");
    ck_assert(!topic_exists("a") && !topic_exists("b") && !topic_exists("c"));
}
END_TEST

START_TEST(a_failure_ends_what_is_still_being_made)
{
    stack_shall_fail("Bad", "create");
    stack_create(RESOURCES STREAM("1") TOPIC("Bad", ""));
    stacks_pass(1);
    ck_assert_str_eq(stack_events("one", 1),
                     "Stream CREATE_IN_PROGRESS\nStream CREATE_IN_PROGRESS\n"
                     "Bad CREATE_IN_PROGRESS\nBad CREATE_FAILED\nStream CREATE_FAILED\n"
                     "one ROLLBACK_IN_PROGRESS\nStream DELETE_SKIPPED\none ROLLBACK_COMPLETE\n");
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has("The following resource(s) failed to create: [Stream, Bad].");
    expect_has("Resource creation cancelled");
}
END_TEST

/* Retain keeps a stream even when its stack comes to nothing, and so in the way of the next try. */
static const struct {
    const char *parameters, *policy;
    int64_t shards;
} retentions[] = {
    {"", "Retain", 2},
    {"&RetainExceptOnCreate=true", "Retain", -1},
    {"", "RetainExceptOnCreate", -1},
    {"", "Delete", -1},
};

START_TEST(a_rollback_keeps_what_is_retained)
{
    SCOPED(free_text)
    char *template = must_strdup(RESOURCES STREAM("2") TOPIC("Bad", "    DependsOn: Stream\n"));
    SCOPED(free_text) char *policy = must_printf("DeletionPolicy: %s", retentions[_i].policy);
    SCOPED(free_text) char *parameters = must_printf("StackName=one%s", retentions[_i].parameters);

    template = replaced(template, "DeletionPolicy: Retain", policy);
    stack_shall_fail("Bad", "create");
    cloudformation("CreateStack", parameters, template);
    stacks_pass(300);
    ck_assert_str_eq(stack_status("one"), "ROLLBACK_COMPLETE");
    ck_assert_int_eq(open_shards_of("orders"), retentions[_i].shards);
}
END_TEST

START_TEST(what_becomes_of_a_failure_can_be_chosen)
{
    static const struct {
        const char *choice, *status;
        bool has_topic;
    } cases[] = {{"OnFailure=ROLLBACK", "ROLLBACK_COMPLETE", false},
                 {"OnFailure=DO_NOTHING", "CREATE_FAILED", true},
                 {"DisableRollback=true", "CREATE_FAILED", true},
                 {"OnFailure=DELETE", "", false}};
    SCOPED(free_text) char *parameters = must_printf("StackName=one&%s", cases[_i].choice);

    stack_shall_fail("Bad", "create");
    cloudformation("CreateStack", parameters,
                   RESOURCES TOPIC("A", NAMED("a")) TOPIC("Bad", "    DependsOn: A\n"));
    stacks_pass(60);
    ck_assert_str_eq(stack_status("one"), cases[_i].status);
    ck_assert(topic_exists("a") == cases[_i].has_topic);
}
END_TEST

START_TEST(the_same_request_is_carried_out_once)
{
    SCOPED(free_text) char *id = NULL;

    cloudformation("CreateStack", "StackName=one&ClientRequestToken=t1", RESOURCES TOPIC("A", ""));
    id = must_strdup(element("StackId"));
    cloudformation("CreateStack", "StackName=one&ClientRequestToken=t1", RESOURCES TOPIC("A", ""));
    ck_assert_str_eq(element("StackId"), id);
    cloudformation("CreateStack", "StackName=one&ClientRequestToken=t2", RESOURCES TOPIC("A", ""));
    expect_has("<Code>AlreadyExistsException</Code><Message>Stack [one] already exists</Message>");
    stacks_pass(10);
    cloudformation("UpdateStack", "StackName=one&ClientRequestToken=t1", RESOURCES TOPIC("B", ""));
    expect_has("<Code>TokenAlreadyExistsException</Code>");
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has("<ClientRequestToken>t1</ClientRequestToken>");
}
END_TEST

START_TEST(rights_need_a_capability)
{
    static const struct {
        const char *given, *template, *refusal;
    } cases[] = {
        {"", POLICY(""), "CAPABILITY_IAM"},
        {"&Capabilities.member.1=CAPABILITY_IAM", POLICY(""), NULL},
        {"&Capabilities.member.1=CAPABILITY_NAMED_IAM", POLICY(""), NULL},
        {"&Capabilities.member.1=CAPABILITY_IAM", POLICY("      ManagedPolicyName: p\n"),
         "CAPABILITY_NAMED_IAM"},
        {"&Capabilities.member.1=CAPABILITY_NAMED_IAM", POLICY("      ManagedPolicyName: p\n"), NULL},
    };
    SCOPED(free_text) char *parameters = must_printf("StackName=one%s", cases[_i].given);
    SCOPED(free_text) char *template = must_printf(RESOURCES "%s", cases[_i].template);

    cloudformation("CreateStack", parameters, template);
    if (cases[_i].refusal == NULL) {
        ck_assert_int_eq(response.status, 200);
        return;
    }
    expect_has("<Code>InsufficientCapabilitiesException</Code><Message>Requires capabilities : [");
    expect_has(cases[_i].refusal);
    ck_assert_str_eq(stack_status("one"), "");
}
END_TEST

/* ---- deleting */

START_TEST(a_deleted_stack_leaves_what_it_retains)
{
    SCOPED(free_text) char *id = NULL;

    stack_make(RESOURCES STREAM("2") TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    stack_status("one");
    id = must_strdup(element("StackId"));
    cloudformation("DeleteStack", "StackName=one", NULL);
    ck_assert_int_eq(response.status, 200);
    stacks_pass(60);
    ck_assert_str_eq(stack_status("one"), "");
    expect_has("<Message>Stack with id one does not exist</Message>");
    ck_assert_str_eq(stack_status(id), "DELETE_COMPLETE");
    ck_assert(!topic_exists("a"));
    ck_assert_int_eq(open_shards_of("orders"), 2);
    cloudformation("DeleteStack", "StackName=one", NULL);
    ck_assert_int_eq(response.status, 200); /* once more is no fault */
    ck_assert_ptr_nonnull(
        strstr(stack_events(id, 0), "Subscription DELETE_COMPLETE\nTopic DELETE_IN_PROGRESS\n"));
}
END_TEST

/* The exception is for the operation that makes it. */
START_TEST(what_is_retained_except_on_create_outlives_a_stack_that_was_made)
{
    SCOPED(free_text) char *template = must_strdup(RESOURCES STREAM("2"));

    template = replaced(template, "DeletionPolicy: Retain", "DeletionPolicy: RetainExceptOnCreate");
    stack_make(template);
    cloudformation("DeleteStack", "StackName=one", NULL);
    stacks_pass(300);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert_int_eq(open_shards_of("orders"), 2);
}
END_TEST

START_TEST(a_deletion_that_failed_can_be_tried_again_or_leave_the_culprit)
{
    stack_make(RESOURCES TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    stack_shall_fail("Subscription", "delete");
    cloudformation("DeleteStack", "StackName=one", NULL);
    stacks_pass(60);
    ck_assert_str_eq(stack_status("one"), "DELETE_FAILED");
    expect_has("The following resource(s) failed to delete: [Subscription]. ");
    ck_assert(topic_exists("a")); /* it was needed */
    cloudformation("DeleteStack", "StackName=one&RetainResources.member.1=Subscription", NULL);
    stacks_pass(60);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert(!topic_exists("a"));
}
END_TEST

START_TEST(a_stack_can_be_deleted_while_it_is_made_unless_it_is_protected)
{
    stack_create(RESOURCES TOPIC("Topic", NAMED("a")) ALARM("A", "1"));
    stacks_pass(1);
    cloudformation("DeleteStack", "StackName=one", NULL);
    stacks_pass(60);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert(!topic_exists("a") && !alarm_fires_above("A", "1"));
    cloudformation("CreateStack", "StackName=two&EnableTerminationProtection=true", RESOURCES TOPIC("T", ""));
    stacks_pass(10);
    cloudformation("DeleteStack", "StackName=two", NULL);
    expect_has("<Message>Stack [two] cannot be deleted while TerminationProtection is enabled</Message>");
}
END_TEST

/* ---- reading */

START_TEST(long_lists_come_in_pages)
{
    SCOPED(free_text) char *template = must_strdup(RESOURCES);

    for (int i = 0; i < 120; i++) {
        char *longer = must_printf("%s  T%d: {Type: AWS::SNS::Topic}\n", template, i);

        free(template);
        template = longer;
    }
    stack_make(template);
    ck_assert_int_eq(stack_event_count("one"), 120 * 3 + 2);
    cloudformation("ListStackResources", "StackName=one", NULL);
    expect_has("<LogicalResourceId>T99</LogicalResourceId>");
    expect_not("<LogicalResourceId>T100</LogicalResourceId>");
    ck_assert_str_eq(element("NextToken"), "100");
    cloudformation("ListStackResources", "StackName=one&NextToken=100", NULL);
    expect_has("<LogicalResourceId>T119</LogicalResourceId>");
    expect_not("<LogicalResourceId>T99</LogicalResourceId>");
    cloudformation("ListStackResources", "StackName=one&NextToken=x", NULL);
    expect_has("<Message>Invalid NextToken</Message>");
    for (int i = 0; i < 55; i++) {
        SCOPED(free_text) char *parameters = must_printf("StackName=s%d", i);

        cloudformation("CreateStack", parameters, RESOURCES TOPIC("T", ""));
    }
    cloudformation("DescribeStacks", "", NULL);
    expect_has("<StackName>s48</StackName>");
    expect_not("<StackName>s49</StackName>");
    ck_assert_str_eq(element("NextToken"), "50");
    cloudformation("DescribeStacks", "NextToken=50", NULL);
    expect_has("<StackName>s54</StackName>");
}
END_TEST

START_TEST(stacks_are_listed_by_their_status_the_deleted_ones_too)
{
    stack_make(RESOURCES TOPIC("A", ""));
    cloudformation("DeleteStack", "StackName=one", NULL);
    stacks_pass(10);
    stack_make(RESOURCES TOPIC("B", ""));
    cloudformation("ListStacks", "", NULL);
    expect_has("<StackStatus>DELETE_COMPLETE</StackStatus>");
    expect_has("<StackStatus>CREATE_COMPLETE</StackStatus>");
    cloudformation("ListStacks", "StackStatusFilter.member.1=DELETE_COMPLETE", NULL);
    expect_has("<DeletionTime>");
    expect_not("<StackStatus>CREATE_COMPLETE</StackStatus>");
}
END_TEST

START_TEST(a_template_is_summed_up)
{
    static const char parameter[] = "Parameters: {P: {Type: Number, Default: 5, Description: d}}\n";
    SCOPED(free_text) char *template = must_printf("%s" RESOURCES POLICY("") TOPIC("A", ""), parameter);

    stack_make(template);
    for (int i = 0; i < 2; i++) {
        cloudformation("GetTemplateSummary", i == 0 ? "StackName=one" : "", i == 0 ? NULL : template);
        expect_has("<ParameterKey>P</ParameterKey><DefaultValue>5</DefaultValue><ParameterType>Number</"
                   "ParameterType>"
                   "<NoEcho>false</NoEcho><Description>d</Description>");
        expect_has("<ResourceTypes><member>AWS::IAM::ManagedPolicy</member><member>AWS::SNS::Topic</member>");
        expect_has("<Capabilities><member>CAPABILITY_IAM</member></Capabilities>");
    }
    cloudformation("GetTemplateSummary", "", NULL);
    expect_has("Only one of StackName, TemplateBody and TemplateURL must be specified.");
}
END_TEST

static const struct {
    const char *action, *parameters, *code, *message;
} refusals[] = {
    {"DescribeStacks", "StackName=none", "ValidationError", "Stack with id none does not exist"},
    {"DescribeStackEvents", "StackName=none", "ValidationError", "Stack [none] does not exist"},
    {"GetTemplate", "StackName=none", "ValidationError", "Stack with id none does not exist"},
    {"ListStackResources", "StackName=none", "ValidationError", "Stack with id none does not exist"},
    {"CreateStack", "StackName=1st", "ValidationError",
     "1 validation error detected: Value '1st' at 'stackName' failed to satisfy constraint: Member must "
     "satisfy regular "
     "expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
    {"CreateStack", "StackName=one", "ValidationError",
     "Either Template URL or Template Body must be specified."},
    {"CreateStack", "StackName=one&OnFailure=DELETE&DisableRollback=true", "ValidationError",
     "Either DisableRollback or OnFailure can be specified, not both."},
    {"CreateStack", "StackName=one&RoleARN=x", "MalformedInput", "Unknown member 'RoleARN'"},
    {"ValidateTemplate", "", "ValidationError", "Either Template URL or Template Body must be specified."},
};

START_TEST(what_there_is_not_is_refused)
{
    cloudformation(refusals[_i].action, refusals[_i].parameters, NULL);
    ck_assert_str_eq(element("Code"), refusals[_i].code);
    ck_assert_str_eq(element("Message"), refusals[_i].message);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_stacks");
    TCase *tcase = tcase_create("stacks");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, stacks_begin, drop_sim);
    tcase_add_test(tcase, a_stack_is_complete_when_its_stream_is_active);
    tcase_add_test(tcase, what_is_needed_is_made_first_and_the_rest_side_by_side);
    tcase_add_test(tcase, a_stream_that_exists_fails_the_stack);
    tcase_add_loop_test(tcase, an_alarm_or_topic_that_exists_is_not_taken_over, 0, 2);
    tcase_add_test(tcase, what_was_made_before_a_failure_is_deleted_again);
    tcase_add_test(tcase, a_failure_ends_what_is_still_being_made);
    tcase_add_loop_test(tcase, a_rollback_keeps_what_is_retained, 0, COUNT_OF(retentions));
    tcase_add_loop_test(tcase, what_becomes_of_a_failure_can_be_chosen, 0, 4);
    tcase_add_test(tcase, the_same_request_is_carried_out_once);
    tcase_add_loop_test(tcase, rights_need_a_capability, 0, 5);
    tcase_add_test(tcase, a_deleted_stack_leaves_what_it_retains);
    tcase_add_test(tcase, what_is_retained_except_on_create_outlives_a_stack_that_was_made);
    tcase_add_test(tcase, a_deletion_that_failed_can_be_tried_again_or_leave_the_culprit);
    tcase_add_test(tcase, a_stack_can_be_deleted_while_it_is_made_unless_it_is_protected);
    tcase_add_test(tcase, long_lists_come_in_pages);
    tcase_add_test(tcase, stacks_are_listed_by_their_status_the_deleted_ones_too);
    tcase_add_test(tcase, a_template_is_summed_up);
    tcase_add_loop_test(tcase, what_there_is_not_is_refused, 0, COUNT_OF(refusals));
    return all;
}

int main(void)
{
    return run_suite(suite());
}
