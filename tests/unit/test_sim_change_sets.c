/*
 * The simulated CloudFormation: change sets, without sockets.
 */
#include "base/memory.h"
#include "base/text.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include <string.h>

#define RESOURCES "Parameters: {Threshold: {Type: Number, Default: 1}}\nResources:\n"
#define ALARM(more)                                                                             \
    "  Alarm:\n    Type: AWS::CloudWatch::Alarm\n" more "    Properties:\n      AlarmName: a\n" \
    "      Namespace: n\n      MetricName: m\n      Statistic: Sum\n      Period: 60\n"         \
    "      EvaluationPeriods: 1\n      ComparisonOperator: GreaterThanThreshold\n"              \
    "      Threshold: !Ref Threshold\n      AlarmActions: [!Ref Topic]\n"
#define TOPIC(name) "  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: " name "\n"
#define QUEUE(more) "  Queue:\n    Type: AWS::SQS::Queue\n" more
#define THRESHOLD(value) \
    "&Parameters.member.1.ParameterKey=Threshold&Parameters.member.1.ParameterValue=" value
#define BASE RESOURCES ALARM("") TOPIC("t") QUEUE("    DeletionPolicy: Retain\n")

static void begin(void)
{
    stacks_begin();
    cloudformation("CreateStack", "StackName=one", BASE);
    stacks_pass(10);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
}

static const char *create_set(const char *name, const char *parameters, const char *template)
{
    SCOPED(free_text) char *all = must_printf("StackName=one&ChangeSetName=%s%s", name, parameters);

    return cloudformation("CreateChangeSet", all, template);
}

static const char *describe_set(const char *name)
{
    SCOPED(free_text) char *all = must_printf("StackName=one&ChangeSetName=%s", name);

    return cloudformation("DescribeChangeSet", all, NULL);
}

static const char *execute_set(const char *name)
{
    SCOPED(free_text) char *all = must_printf("StackName=one&ChangeSetName=%s", name);

    return cloudformation("ExecuteChangeSet", all, NULL);
}

/* ---- what it shows */

START_TEST(a_change_set_takes_a_moment_to_make)
{
    create_set("s", THRESHOLD("2") "&Description=why&UsePreviousTemplate=true", NULL);
    expect_has("<Id>arn:aws:cloudformation:us-east-1:000000000000:changeSet/s/");
    expect_has("<StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/one/");
    describe_set("s");
    ck_assert_str_eq(element("Status"), "CREATE_IN_PROGRESS");
    ck_assert_str_eq(element("ExecutionStatus"), "UNAVAILABLE");
    execute_set("s");
    expect_has("<Code>InvalidChangeSetStatus</Code>");
    expect_has("cannot be executed in its current status of [CREATE_IN_PROGRESS]");
    stacks_pass(1);
    describe_set("s");
    ck_assert_str_eq(element("Status"), "CREATE_COMPLETE");
    ck_assert_str_eq(element("ExecutionStatus"), "AVAILABLE");
    ck_assert_str_eq(element("Description"), "why");
    expect_has("<ParameterKey>Threshold</ParameterKey><ParameterValue>2</ParameterValue>");
}
END_TEST

static const struct {
    const char *template, *parameters, *changes; /* as XML */
} differences[] = {
    {BASE, THRESHOLD("2"),
     "<Changes><member><Type>Resource</Type><ResourceChange><Action>Modify</Action><LogicalResourceId>Alarm"
     "</LogicalResourceId><PhysicalResourceId>a</PhysicalResourceId><ResourceType>AWS::CloudWatch::Alarm</"
     "ResourceType>"
     "<Replacement>False</Replacement><Scope><member>Properties</member></Scope><Details><member><Target>"
     "<Attribute>Properties</Attribute><Name>Threshold</Name><RequiresRecreation>Never</RequiresRecreation></"
     "Target>"
     "<Evaluation>Static</Evaluation><ChangeSource>DirectModification</ChangeSource></member></Details>"
     "</ResourceChange></member></Changes>"},
    {RESOURCES ALARM("") TOPIC("other") QUEUE("    DeletionPolicy: Retain\n"), "",
     "<Action>Modify</Action><LogicalResourceId>Alarm</LogicalResourceId><PhysicalResourceId>a</"
     "PhysicalResourceId>"
     "<ResourceType>AWS::CloudWatch::Alarm</ResourceType><Replacement>False</"
     "Replacement><Scope><member>Properties"
     "</member></Scope><Details><member><Target><Attribute>Properties</Attribute><Name>AlarmActions</Name>"
     "<RequiresRecreation>Never</RequiresRecreation></Target><Evaluation>Dynamic</Evaluation><ChangeSource>"
     "ResourceReference</ChangeSource></member></Details></ResourceChange></member><member><Type>Resource</"
     "Type>"
     "<ResourceChange><Action>Modify</Action><LogicalResourceId>Topic</LogicalResourceId><PhysicalResourceId>"
     "arn:aws:sns:us-east-1:000000000000:t</PhysicalResourceId><ResourceType>AWS::SNS::Topic</ResourceType>"
     "<PolicyAction>ReplaceAndDelete</PolicyAction><Replacement>True</Replacement>"},
    {RESOURCES ALARM("") TOPIC("t"), "",
     "<Changes><member><Type>Resource</Type><ResourceChange><Action>Remove</Action><LogicalResourceId>Queue"
     "</LogicalResourceId><PhysicalResourceId>https://sqs.us-east-1.amazonaws.com/000000000000/one-Queue-"},
    {RESOURCES ALARM("") TOPIC("t"), "",
     "<PolicyAction>Retain</PolicyAction></ResourceChange></member></Changes>"},
    {BASE "  New: {Type: 'AWS::SQS::Queue'}\n", "",
     "<Changes><member><Type>Resource</Type><ResourceChange><Action>Add</Action><LogicalResourceId>New"
     "</LogicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType></ResourceChange></member></Changes>"},
    {RESOURCES ALARM("    DeletionPolicy: Retain\n") TOPIC("t") QUEUE("    DeletionPolicy: Retain\n"), "",
     "<Replacement>False</Replacement><Scope><member>DeletionPolicy</member></Scope><Details></Details>"},
    {BASE "Outputs: {X: {Value: y}}\n", "", "<Changes></Changes>"}, /* and yet there is something to do */
};

START_TEST(it_shows_what_the_templates_say_differently)
{
    create_set("s", differences[_i].parameters, differences[_i].template);
    stacks_pass(2);
    describe_set("s");
    ck_assert_str_eq(element("Status"), "CREATE_COMPLETE");
    expect_has(differences[_i].changes);
}
END_TEST

START_TEST(what_is_there_does_not_count)
{
    query("Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a&Namespace=n&MetricName=m&Statistic=Sum&"
          "Period=60&"
          "EvaluationPeriods=1&Threshold=5&ComparisonOperator=GreaterThanThreshold");
    create_set("s", "&UsePreviousTemplate=true", NULL);
    stacks_pass(2);
    describe_set("s");
    ck_assert_str_eq(element("Status"), "FAILED");
    ck_assert_str_eq(element("ExecutionStatus"), "UNAVAILABLE");
    ck_assert_str_eq(element("StatusReason"),
                     "The submitted information didn't contain changes. Submit different "
                     "information to create a change set.");
    execute_set("s");
    expect_has("cannot be executed in its current status of [FAILED]");
}
END_TEST

/* ---- what it does */

START_TEST(an_executed_change_set_is_an_update)
{
    create_set("s", THRESHOLD("2") "&UsePreviousTemplate=true", NULL);
    create_set("other", THRESHOLD("3") "&UsePreviousTemplate=true", NULL);
    stacks_pass(2);
    execute_set("s");
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(stack_status("one"), "UPDATE_IN_PROGRESS");
    create_set("more", "", BASE);
    expect_has("is in UPDATE_IN_PROGRESS state and can not be updated.");
    stacks_pass(10);
    ck_assert_str_eq(stack_status("one"), "UPDATE_COMPLETE");
    json(GRANITE "DescribeAlarms", "{}");
    expect_has("\"Threshold\":2,");
    describe_set("s");
    ck_assert_str_eq(element("ExecutionStatus"), "EXECUTE_COMPLETE");
    describe_set("other");
    expect_has("<Code>ChangeSetNotFound</Code><Message>ChangeSet [other] does not exist</Message>");
    ck_assert_int_eq(response.status, 404);
    execute_set("s");
    expect_has("cannot be executed in its current execution status of [EXECUTE_COMPLETE]");
}
END_TEST

START_TEST(a_value_not_given_is_the_default_unless_the_previous_one_is_asked_for)
{
    create_set("s", THRESHOLD("2") "&UsePreviousTemplate=true", NULL);
    stacks_pass(2);
    execute_set("s");
    stacks_pass(10);
    create_set("default", "&UsePreviousTemplate=true", NULL);
    create_set("previous",
               "&UsePreviousTemplate=true&Parameters.member.1.ParameterKey=Threshold&"
               "Parameters.member.1.UsePreviousValue=true",
               NULL);
    stacks_pass(2);
    cloudformation("ListChangeSets", "StackName=one", NULL);
    expect_has("<ChangeSetName>default</ChangeSetName><ExecutionStatus>AVAILABLE</ExecutionStatus>"
               "<Status>CREATE_COMPLETE</Status>");
    expect_has("<ChangeSetName>previous</ChangeSetName><ExecutionStatus>UNAVAILABLE</ExecutionStatus>"
               "<Status>FAILED</Status><StatusReason>The submitted information");
    describe_set("default");
    ck_assert_str_eq(element("ParameterValue"), "1");
    ck_assert_str_eq(element("Status"), "CREATE_COMPLETE");
    describe_set("previous");
    ck_assert_str_eq(element("ParameterValue"), "2");
    ck_assert_str_eq(element("Status"), "FAILED");
}
END_TEST

START_TEST(a_stack_can_begin_with_a_change_set)
{
    SCOPED(free_text) char *id = NULL;

    cloudformation("CreateChangeSet", "StackName=two&ChangeSetName=first&ChangeSetType=CREATE",
                   "Resources: {T: {Type: 'AWS::SNS::Topic'}}\n");
    id = must_printf("ChangeSetName=%s", element("Id"));
    ck_assert_str_eq(stack_status("two"), "REVIEW_IN_PROGRESS");
    stacks_pass(2);
    cloudformation("DescribeChangeSet", id, NULL);
    expect_has("<Action>Add</Action><LogicalResourceId>T</LogicalResourceId>");
    cloudformation("ExecuteChangeSet", id, NULL);
    stacks_pass(10);
    ck_assert_str_eq(stack_status("two"), "CREATE_COMPLETE");
    cloudformation("CreateChangeSet", "StackName=two&ChangeSetName=second&ChangeSetType=CREATE",
                   "Resources: {T: {Type: 'AWS::SNS::Topic'}}\n");
    expect_has("Stack [two] already exists and cannot be created again with the changeSet [second].");
}
END_TEST

START_TEST(a_wrong_first_change_set_leaves_no_stack)
{
    cloudformation("CreateChangeSet", "StackName=two&ChangeSetName=first&ChangeSetType=CREATE", "a: b\n");
    ck_assert_str_eq(element("Code"), "ValidationError");
    ck_assert_str_eq(stack_status("two"), "");
    cloudformation("CreateChangeSet", "StackName=two&ChangeSetName=first&ChangeSetType=CREATE", BASE);
    cloudformation("DeleteChangeSet", "StackName=two&ChangeSetName=first", NULL);
    ck_assert_str_eq(stack_status("two"), "REVIEW_IN_PROGRESS");
    cloudformation("DeleteStack", "StackName=two", NULL);
    stacks_pass(1);
    ck_assert_str_eq(stack_status("two"), "");
}
END_TEST

START_TEST(another_update_makes_a_change_set_obsolete)
{
    create_set("s", THRESHOLD("2") "&UsePreviousTemplate=true", NULL);
    stacks_pass(2);
    cloudformation("UpdateStack", "StackName=one&UsePreviousTemplate=true" THRESHOLD("7"), NULL);
    ck_assert_int_eq(response.status, 200);
    stacks_pass(10);
    describe_set("s");
    ck_assert_str_eq(element("ExecutionStatus"), "OBSOLETE");
    execute_set("s");
    expect_has("<Code>InvalidChangeSetStatus</Code>");
}
END_TEST

static const struct {
    const char *action, *parameters, *code, *message;
} refusals[] = {
    {"CreateChangeSet", "StackName=none&ChangeSetName=s", "ValidationError", "Stack [none] does not exist"},
    {"CreateChangeSet", "StackName=one&ChangeSetName=there", "AlreadyExistsException",
     "ChangeSet there already exists"},
    {"CreateChangeSet", "StackName=one&ChangeSetName=s", "ValidationError",
     "Either Template URL or Template Body must be specified."},
    {"DescribeChangeSet", "StackName=one&ChangeSetName=s", "ChangeSetNotFound",
     "ChangeSet [s] does not exist"},
    {"DescribeChangeSet", "ChangeSetName=s", "ValidationError",
     "StackName must be specified if ChangeSetName is not specified as an ARN."},
    {"ExecuteChangeSet", "StackName=none&ChangeSetName=s", "ValidationError", "Stack [none] does not exist"},
    {"DeleteChangeSet", "StackName=one&ChangeSetName=s", "", ""},
    {"DeleteChangeSet", "StackName=one&ChangeSetName=there", "", ""},
};

START_TEST(a_request_is_refused)
{
    create_set("there", THRESHOLD("2") "&UsePreviousTemplate=true", NULL);
    ck_assert_int_eq(response.status, 200);
    cloudformation(refusals[_i].action, refusals[_i].parameters, NULL);
    ck_assert_str_eq(element("Code"), refusals[_i].code);
    ck_assert_str_eq(element("Message"), refusals[_i].message);
}
END_TEST

START_TEST(the_same_change_set_asked_for_twice_is_made_once)
{
    SCOPED(free_text) char *id = NULL;

    create_set("s", "&ClientToken=t" THRESHOLD("2") "&UsePreviousTemplate=true", NULL);
    id = must_strdup(element("Id"));
    create_set("s", "&ClientToken=t" THRESHOLD("2") "&UsePreviousTemplate=true", NULL);
    ck_assert_str_eq(element("Id"), id);
    create_set("s", "&ClientToken=u" THRESHOLD("2") "&UsePreviousTemplate=true", NULL);
    expect_has("<Code>AlreadyExistsException</Code>");
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_change_sets");
    TCase *tcase = tcase_create("change_sets");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, begin, drop_sim);
    tcase_add_test(tcase, a_change_set_takes_a_moment_to_make);
    tcase_add_loop_test(tcase, it_shows_what_the_templates_say_differently, 0, COUNT_OF(differences));
    tcase_add_test(tcase, what_is_there_does_not_count);
    tcase_add_test(tcase, an_executed_change_set_is_an_update);
    tcase_add_test(tcase, a_value_not_given_is_the_default_unless_the_previous_one_is_asked_for);
    tcase_add_test(tcase, a_stack_can_begin_with_a_change_set);
    tcase_add_test(tcase, a_wrong_first_change_set_leaves_no_stack);
    tcase_add_test(tcase, another_update_makes_a_change_set_obsolete);
    tcase_add_loop_test(tcase, a_request_is_refused, 0, COUNT_OF(refusals));
    tcase_add_test(tcase, the_same_change_set_asked_for_twice_is_made_once);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
