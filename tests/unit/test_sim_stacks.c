/*
 * The simulated CloudFormation: stacks, from their making to their end, without sockets.
 */
#include "base/memory.h"
#include "base/text.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include <string.h>

#define RESOURCES "Resources:\n"
#define STREAM(shards)                                                        \
    "  Stream:\n    Type: AWS::Kinesis::Stream\n    DeletionPolicy: Retain\n" \
    "    Properties:\n      Name: orders\n      ShardCount: " shards "\n"
#define TOPIC(logical, more) "  " logical ":\n    Type: AWS::SNS::Topic\n" more
#define NAMED(name) "    Properties:\n      TopicName: " name "\n"
#define ALARM(logical, threshold)                                                                         \
    "  " logical ":\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      AlarmName: " logical "\n"   \
    "      Namespace: AWS/Kinesis\n      MetricName: IncomingBytes\n      Statistic: Sum\n      Period: " \
    "60\n"                                                                                                \
    "      EvaluationPeriods: 1\n      ComparisonOperator: GreaterThanThreshold\n"                        \
    "      Threshold: " threshold "\n"
#define POLICY(more)                                                                                     \
    "  Policy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n" more                               \
    "      PolicyDocument: {Version: '2012-10-17', Statement: {Effect: Allow, Action: 's:O', Resource: " \
    "'*'}}\n"

static int64_t second;

static void pass(int64_t seconds)
{
    second += seconds;
    sim_advance(sim, START_MS + second * 1000);
}

static void begin(void)
{
    make_sim();
    second = 0;
}

static const char *create(const char *template)
{
    return cloudformation("CreateStack", "StackName=one&Capabilities.member.1=CAPABILITY_IAM", template);
}

static const char *update(const char *template)
{
    return cloudformation("UpdateStack", "StackName=one&Capabilities.member.1=CAPABILITY_IAM", template);
}

static void make(const char *template)
{
    create(template);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
    pass(120);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
}

static void change(const char *template, const char *status)
{
    update(template);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
    pass(300);
    ck_assert_str_eq(stack_status("one"), status);
}

static void shall_fail(const char *logical, const char *deed)
{
    struct error err;

    ck_assert_int_eq(sim_fail_resource(sim, logical, deed, 1, "it shall", &err), 0);
}

static int64_t open_shards(const char *stream)
{
    SCOPED(free_text) char *body = must_printf("{\"StreamName\":\"%s\"}", stream);
    const char *count = strstr(json(KINESIS "DescribeStreamSummary", body), "\"OpenShardCount\":");

    return count == NULL ? -1 : atoll(count + strlen("\"OpenShardCount\":"));
}

static bool has_alarm(const char *name, const char *threshold)
{
    SCOPED(free_text) char *body = must_printf("{\"AlarmNames\":[\"%s\"]}", name);
    SCOPED(free_text) char *wanted = must_printf("\"Threshold\":%s,", threshold);

    return strstr(json(GRANITE "DescribeAlarms", body), wanted) != NULL;
}

static bool has_topic(const char *name)
{
    SCOPED(free_text)
    char *body = must_printf(
        "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:%s", name);

    query(body);
    return response.status == 200;
}

/* ---- making */

START_TEST(a_stack_is_complete_when_its_stream_is_active)
{
    create(RESOURCES STREAM("2"));
    expect_has("<StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/one/");
    ck_assert_str_eq(stack_status("one"), "CREATE_IN_PROGRESS");
    pass(29);
    ck_assert_str_eq(stack_status("one"), "CREATE_IN_PROGRESS");
    pass(2);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
    ck_assert_str_eq(stack_events("one", 0),
                     "one CREATE_IN_PROGRESS\nStream CREATE_IN_PROGRESS\nStream CREATE_IN_PROGRESS\n"
                     "Stream CREATE_COMPLETE\none CREATE_COMPLETE\n");
    ck_assert_int_eq(open_shards("orders"), 2);
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
    create(RESOURCES TOPIC("C", "    DependsOn: B\n") TOPIC("B", "    DependsOn: [A]\n") TOPIC("A", "")
               TOPIC("D", ""));
    pass(10);
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
    second = 60;
    create(RESOURCES STREAM("2"));
    pass(60);
    ck_assert_str_eq(stack_status("one"), "ROLLBACK_COMPLETE");
    query("Action=DescribeStackEvents&Version=2010-05-15&StackName=one");
    expect_has("<ResourceStatusReason>Resource handler returned message: &quot;Stream orders under account "
               "000000000000 already exists. (Service: Kinesis, Status Code: 400)&quot;");
    expect_has("HandlerErrorCode: AlreadyExists");
    expect_has("The following resource(s) failed to create: [Stream]. Rollback requested by user.");
    update(RESOURCES STREAM("2"));
    expect_has("<Code>ValidationError</Code>");
    expect_has("is in ROLLBACK_COMPLETE state and can not be updated.");
    ck_assert_int_eq(open_shards("orders"), 1);
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
    create(cases[_i].template);
    pass(60);
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has(cases[_i].reason);
    ck_assert(_i == 0 ? has_topic("t") : has_alarm("Hot", "5"));
}
END_TEST

START_TEST(what_was_made_before_a_failure_is_deleted_again)
{
    shall_fail("C", "create");
    create(RESOURCES TOPIC("A", NAMED("a")) TOPIC("B", NAMED("b") "    DependsOn: A\n")
               TOPIC("C", NAMED("c") "    DependsOn: B\n"));
    pass(1);
    ck_assert(has_topic("a") && has_topic("b"));
    pass(20);
    ck_assert_str_eq(stack_events("one", 7),
                     "C CREATE_IN_PROGRESS\nC CREATE_FAILED\none ROLLBACK_IN_PROGRESS\n"
                     "B DELETE_IN_PROGRESS\nB DELETE_COMPLETE\n"
                     "A DELETE_IN_PROGRESS\nA DELETE_COMPLETE\none ROLLBACK_COMPLETE\n");
    ck_assert(!has_topic("a") && !has_topic("b") && !has_topic("c"));
}
END_TEST

START_TEST(a_failure_ends_what_is_still_being_made)
{
    shall_fail("Bad", "create");
    create(RESOURCES STREAM("1") TOPIC("Bad", ""));
    pass(1);
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
    shall_fail("Bad", "create");
    cloudformation("CreateStack", parameters, template);
    pass(300);
    ck_assert_str_eq(stack_status("one"), "ROLLBACK_COMPLETE");
    ck_assert_int_eq(open_shards("orders"), retentions[_i].shards);
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

    shall_fail("Bad", "create");
    cloudformation("CreateStack", parameters,
                   RESOURCES TOPIC("A", NAMED("a")) TOPIC("Bad", "    DependsOn: A\n"));
    pass(60);
    ck_assert_str_eq(stack_status("one"), cases[_i].status);
    ck_assert(has_topic("a") == cases[_i].has_topic);
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
    pass(10);
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

/* ---- updating */

START_TEST(an_update_makes_the_shards_what_the_template_says)
{
    struct sim_totals totals;
    struct error err;

    make(RESOURCES STREAM("2"));
    json(KINESIS "UpdateShardCount",
         "{\"StreamName\":\"orders\",\"TargetShardCount\":4,\"ScalingType\":\"UNIFORM_SCALING\"}");
    pass(300);
    ck_assert_int_eq(open_shards("orders"), 4);
    update(RESOURCES STREAM("2"));
    expect_has("<Message>No updates are to be performed.</Message>");
    change(RESOURCES STREAM("3"), "UPDATE_COMPLETE"); /* who made it 4, it does not ask */
    ck_assert_int_eq(open_shards("orders"), 3);
    json(KINESIS "UpdateShardCount",
         "{\"StreamName\":\"orders\",\"TargetShardCount\":6,\"ScalingType\":\"UNIFORM_SCALING\"}");
    pass(300);
    change(RESOURCES STREAM("6"), "UPDATE_COMPLETE"); /* as it is already: nothing is called */
    ck_assert_int_eq(open_shards("orders"), 6);
    ck_assert_int_eq(sim_stream_totals(sim, "orders", &totals, &err), 0);
    ck_assert_int_eq(totals.updates, 3); /* to 4 and to 6 by hand, to 3 by the stack */
    change(RESOURCES STREAM("6") "      DesiredShardLevelMetrics: [IncomingBytes]\n", "UPDATE_COMPLETE");
    json(KINESIS "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    expect_has("\"ShardLevelMetrics\":[\"IncomingBytes\"]");
    change(RESOURCES STREAM("6"), "UPDATE_COMPLETE");
    json(KINESIS "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    expect_has("\"ShardLevelMetrics\":[]");
}
END_TEST

START_TEST(an_update_touches_what_the_template_changes_and_nothing_else)
{
    make(RESOURCES ALARM("A", "1") ALARM("B", "2"));
    for (int i = 0; i < 2; i++)
        query(i == 0 ? "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=A&Namespace=n&MetricName=m&"
                       "Statistic=Sum&"
                       "Period=60&EvaluationPeriods=1&Threshold=77&ComparisonOperator=GreaterThanThreshold"
                     : "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=B&Namespace=n&MetricName=m&"
                       "Statistic=Sum&"
                       "Period=60&EvaluationPeriods=1&Threshold=88&ComparisonOperator=GreaterThanThreshold");
    change(RESOURCES ALARM("A", "1") ALARM("B", "3"), "UPDATE_COMPLETE");
    ck_assert(has_alarm("A", "77"));
    ck_assert(has_alarm("B", "3"));
    expect_has("\"MetricName\":\"IncomingBytes\""); /* overwritten as a whole */
}
END_TEST

START_TEST(what_the_template_drops_is_deleted_when_all_else_is_done)
{
    int before;

    make(RESOURCES STREAM("1") TOPIC("Old", NAMED("old")));
    before = stack_event_count("one");
    change(RESOURCES TOPIC("New", NAMED("new")), "UPDATE_COMPLETE");
    ck_assert_str_eq(
        stack_events("one", before),
        "one UPDATE_IN_PROGRESS\nNew CREATE_IN_PROGRESS\nNew CREATE_IN_PROGRESS\nNew CREATE_COMPLETE\n"
        "one UPDATE_COMPLETE_CLEANUP_IN_PROGRESS\nStream DELETE_SKIPPED\nOld DELETE_IN_PROGRESS\n"
        "Old DELETE_COMPLETE\none UPDATE_COMPLETE\n");
    ck_assert(has_topic("new") && !has_topic("old"));
    ck_assert_int_eq(open_shards("orders"), 1);
}
END_TEST

#define SUBSCRIPTION                                                                                   \
    "  Subscription:\n    Type: AWS::SNS::Subscription\n    Properties:\n      TopicArn: !Ref Topic\n" \
    "      Protocol: http\n      Endpoint: http://127.0.0.1:1/sns\n"

START_TEST(what_cannot_be_changed_is_made_anew_and_so_is_what_refers_to_it)
{
    int before;

    make(RESOURCES TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    before = stack_event_count("one");
    change(RESOURCES TOPIC("Topic", NAMED("b")) SUBSCRIPTION, "UPDATE_COMPLETE");
    ck_assert_str_eq(stack_events("one", before),
                     "one UPDATE_IN_PROGRESS\nTopic UPDATE_IN_PROGRESS\nTopic UPDATE_COMPLETE\n"
                     "Subscription UPDATE_IN_PROGRESS\nSubscription UPDATE_COMPLETE\n"
                     "one UPDATE_COMPLETE_CLEANUP_IN_PROGRESS\nSubscription DELETE_IN_PROGRESS\n"
                     "Subscription DELETE_COMPLETE\nTopic DELETE_IN_PROGRESS\nTopic DELETE_COMPLETE\n"
                     "one UPDATE_COMPLETE\n");
    ck_assert(!has_topic("a"));
    query("Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:b");
    expect_has("<Endpoint>http://127.0.0.1:1/sns</Endpoint>");
}
END_TEST

START_TEST(an_update_that_fails_is_undone)
{
    int before;

    make(RESOURCES ALARM("A", "1") TOPIC("Topic", NAMED("a")));
    before = stack_event_count("one");
    shall_fail("Bad", "create");
    change(RESOURCES ALARM("A", "2") TOPIC("Topic", NAMED("b")) TOPIC("New", NAMED("new"))
               TOPIC("Bad", "    DependsOn: [A, Topic, New]\n"),
           "UPDATE_ROLLBACK_COMPLETE");
    ck_assert_str_eq(
        stack_events("one", before),
        "one UPDATE_IN_PROGRESS\nA UPDATE_IN_PROGRESS\nTopic UPDATE_IN_PROGRESS\nNew CREATE_IN_PROGRESS\n"
        "New CREATE_IN_PROGRESS\nA UPDATE_COMPLETE\nTopic UPDATE_COMPLETE\nNew CREATE_COMPLETE\n"
        "Bad CREATE_IN_PROGRESS\nBad CREATE_FAILED\none UPDATE_ROLLBACK_IN_PROGRESS\nA UPDATE_IN_PROGRESS\n"
        "A UPDATE_COMPLETE\none UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS\nTopic DELETE_IN_PROGRESS\n"
        "New DELETE_IN_PROGRESS\nTopic DELETE_COMPLETE\nNew DELETE_COMPLETE\none UPDATE_ROLLBACK_COMPLETE\n");
    ck_assert(has_alarm("A", "1"));
    ck_assert(has_topic("a") && !has_topic("b") && !has_topic("new"));
    change(RESOURCES ALARM("A", "2") TOPIC("Topic", NAMED("a")), "UPDATE_COMPLETE");
    ck_assert(has_alarm("A", "2"));
}
END_TEST

START_TEST(a_change_that_failed_halfway_is_put_right_again)
{
    make(RESOURCES ALARM("A", "1"));
    shall_fail("A", "update");
    change(RESOURCES ALARM("A", "2"), "UPDATE_ROLLBACK_COMPLETE");
    ck_assert(has_alarm("A", "1"));
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has("<ResourceStatus>UPDATE_FAILED</ResourceStatus><ResourceStatusReason>Resource handler "
               "returned message: "
               "&quot;it shall&quot;");
    expect_has("The following resource(s) failed to update: [A]. ");
}
END_TEST

START_TEST(where_rolling_back_is_disabled_an_update_stops_halfway_and_can_go_on)
{
    make(RESOURCES ALARM("A", "1") ALARM("B", "1"));
    shall_fail("B", "update");
    cloudformation("UpdateStack", "StackName=one&DisableRollback=true",
                   RESOURCES ALARM("A", "2") ALARM("B", "2") "    DependsOn: A\n");
    pass(10);
    ck_assert_str_eq(stack_status("one"), "UPDATE_FAILED");
    ck_assert(has_alarm("A", "2") && has_alarm("B", "1"));
    if (_i == 0) {
        change(RESOURCES ALARM("A", "2") ALARM("B", "2"), "UPDATE_COMPLETE");
        ck_assert(has_alarm("A", "2") && has_alarm("B", "2"));
    } else {
        change(RESOURCES ALARM("A", "1") ALARM("B", "1"), "UPDATE_COMPLETE");
        ck_assert(has_alarm("A", "1") && has_alarm("B", "1"));
    }
}
END_TEST

START_TEST(a_replacement_that_fails_leaves_what_was_there)
{
    make(RESOURCES TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    shall_fail(_i == 0 ? "Topic" : "Subscription", "update");
    change(RESOURCES TOPIC("Topic", NAMED("b")) SUBSCRIPTION, "UPDATE_ROLLBACK_COMPLETE");
    ck_assert(has_topic("a") && !has_topic("b"));
    query("Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:a");
    expect_has("<Endpoint>http://127.0.0.1:1/sns</Endpoint>");
    change(RESOURCES TOPIC("Topic", NAMED("b")) SUBSCRIPTION, "UPDATE_COMPLETE");
    ck_assert(!has_topic("a") && has_topic("b"));
}
END_TEST

START_TEST(a_rollback_that_fails_leaves_the_stack_stuck_until_it_is_deleted)
{
    struct error err;

    make(RESOURCES ALARM("A", "1"));
    ck_assert_int_eq(sim_fail_resource(sim, "A", "update", 2, "it shall", &err), 0);
    change(RESOURCES ALARM("A", "2"), "UPDATE_ROLLBACK_FAILED");
    update(RESOURCES ALARM("A", "3"));
    expect_has("is in UPDATE_ROLLBACK_FAILED state and can not be updated.");
    cloudformation("DeleteStack", "StackName=one", NULL);
    pass(10);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert(!has_alarm("A", "1"));
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

    make(RESOURCES TOPIC("A", ""));
    refusal = replaced(refusal, "&apos;", "'");
    update(cases[_i].template);
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
    pass(10);
    cloudformation("UpdateStack", parameters,
                   RESOURCES POLICY("      ManagedPolicyName: p\n      Description: d\n"));
    pass(10);
    ck_assert_str_eq(stack_status("one"), "UPDATE_ROLLBACK_COMPLETE");
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has(
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename p and "
        "update the stack again.");
}
END_TEST

/* ---- deleting */

START_TEST(a_deleted_stack_leaves_what_it_retains)
{
    SCOPED(free_text) char *id = NULL;

    make(RESOURCES STREAM("2") TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    stack_status("one");
    id = must_strdup(element("StackId"));
    cloudformation("DeleteStack", "StackName=one", NULL);
    ck_assert_int_eq(response.status, 200);
    pass(60);
    ck_assert_str_eq(stack_status("one"), "");
    expect_has("<Message>Stack with id one does not exist</Message>");
    ck_assert_str_eq(stack_status(id), "DELETE_COMPLETE");
    ck_assert(!has_topic("a"));
    ck_assert_int_eq(open_shards("orders"), 2);
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
    make(template);
    cloudformation("DeleteStack", "StackName=one", NULL);
    pass(300);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert_int_eq(open_shards("orders"), 2);
}
END_TEST

START_TEST(a_deletion_that_failed_can_be_tried_again_or_leave_the_culprit)
{
    make(RESOURCES TOPIC("Topic", NAMED("a")) SUBSCRIPTION);
    shall_fail("Subscription", "delete");
    cloudformation("DeleteStack", "StackName=one", NULL);
    pass(60);
    ck_assert_str_eq(stack_status("one"), "DELETE_FAILED");
    expect_has("The following resource(s) failed to delete: [Subscription]. ");
    ck_assert(has_topic("a")); /* it was needed */
    cloudformation("DeleteStack", "StackName=one&RetainResources.member.1=Subscription", NULL);
    pass(60);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert(!has_topic("a"));
}
END_TEST

START_TEST(a_stack_can_be_deleted_while_it_is_made_unless_it_is_protected)
{
    create(RESOURCES TOPIC("Topic", NAMED("a")) ALARM("A", "1"));
    pass(1);
    cloudformation("DeleteStack", "StackName=one", NULL);
    pass(60);
    ck_assert_str_eq(stack_status("one"), "");
    ck_assert(!has_topic("a") && !has_alarm("A", "1"));
    cloudformation("CreateStack", "StackName=two&EnableTerminationProtection=true", RESOURCES TOPIC("T", ""));
    pass(10);
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
    make(template);
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
    make(RESOURCES TOPIC("A", ""));
    cloudformation("DeleteStack", "StackName=one", NULL);
    pass(10);
    make(RESOURCES TOPIC("B", ""));
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

    make(template);
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
    tcase_add_checked_fixture(tcase, begin, drop_sim);
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
