/*
 * What stacks hold: the project's own templates, messages that go to the dead letters, and policies that are obeyed.
 */
#include "base/memory.h"
#include "base/text.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include "../../src/sim/policy.h"
#include "../../src/sim/queues.h"

#include <cjson/cJSON.h>
#include <string.h>

#define TOPIC_ARN "arn:aws:sns:us-east-1:000000000000:kinescale"
#define QUEUE_ARN "arn:aws:sqs:us-east-1:000000000000:kinescale-undelivered"
#define PARAMETER(n, key, value) \
    "&Parameters.member." n ".ParameterKey=" key "&Parameters.member." n ".ParameterValue=" value

static int64_t second;

static void pass(int64_t seconds)
{
    second += seconds;
    sim_advance(sim, START_MS + second * 1000);
}

/* The body's "Token". */
static void confirm(const char *body)
{
    cJSON *message = cJSON_Parse(body);
    SCOPED(free_text)
    char *request =
        must_printf("Action=ConfirmSubscription&Version=2010-03-31&TopicArn=" TOPIC_ARN "&Token=%s",
                    cJSON_GetStringValue(cJSON_GetObjectItem(message, "Token")));

    cJSON_Delete(message);
    query(request);
    ck_assert_int_eq(response.status, 200);
}

/* Answers every message that is due with a status, and confirms what wants to be confirmed; how many there were. */
static int deliver(int status)
{
    struct sim_delivery delivery;
    int count = 0;

    while (sim_take_delivery(sim, &delivery)) {
        if (strcmp(delivery.message_type, "SubscriptionConfirmation") == 0)
            confirm(delivery.body);
        sim_delivery_result(sim, delivery.id, status);
        sim_delivery_clear(&delivery);
        count++;
    }
    return count;
}

static void create_service(void)
{
    SCOPED(free_text) char *template = read_text("cfn/service.yaml");

    cloudformation(
        "CreateStack",
        "StackName=service&Capabilities.member.1=CAPABILITY_IAM" PARAMETER(
            "1", "StreamArns", "arn:aws:kinesis:us-east-1:000000000000:stream/*")
            PARAMETER("2", "AlarmArns", "arn:aws:cloudwatch:us-east-1:000000000000:alarm:kinescale-*")
                PARAMETER("3", "Endpoint", "http://127.0.0.1:1/sns") PARAMETER("4", "Protocol", "http"),
        template);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
    pass(10);
    ck_assert_str_eq(stack_status("service"), "CREATE_COMPLETE");
}

static void make_service(void)
{
    make_sim();
    second = 0;
    create_service();
}

static const struct queue *dead_letters(void)
{
    return model_find_queue(sim, QUEUE_ARN);
}

/* ---- the project's own templates */

START_TEST(the_service_template_makes_a_topic_that_waits_for_its_endpoint)
{
    SCOPED(free_text) char *request = NULL;

    ck_assert_str_eq(stack_output("service", "TopicArn"), TOPIC_ARN);
    ck_assert_str_eq(stack_output("service", "DeadLettersArn"), QUEUE_ARN);
    query("Action=GetTopicAttributes&Version=2010-03-31&TopicArn=" TOPIC_ARN);
    expect_has("<key>SignatureVersion</key><value>2</value>");
    expect_has("<key>SubscriptionsPending</key><value>1</value>");
    expect_has("&quot;Service&quot;:&quot;cloudwatch.amazonaws.com&quot;");
    ck_assert_int_eq(deliver(200), 1);
    query("Action=GetTopicAttributes&Version=2010-03-31&TopicArn=" TOPIC_ARN);
    expect_has("<key>SubscriptionsConfirmed</key><value>1</value>");
    query("Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=" TOPIC_ARN);
    request = must_printf("Action=GetSubscriptionAttributes&Version=2010-03-31&SubscriptionArn=%s",
                          element("SubscriptionArn"));
    query(request);
    expect_has("<key>RedrivePolicy</key><value>{&quot;deadLetterTargetArn&quot;:&quot;" QUEUE_ARN
               "&quot;}</value>");
    expect_has("<key>PendingConfirmation</key><value>false</value>");
}
END_TEST

START_TEST(the_stream_template_makes_a_stream_and_its_alarms)
{
    SCOPED(free_text) char *template = read_text("cfn/stream.yaml");

    cloudformation("CreateStack",
                   "StackName=kinescale-orders" PARAMETER("1", "StreamName", "orders")
                       PARAMETER("2", "ShardCount", "2") PARAMETER("3", "TopicArn", TOPIC_ARN)
                           PARAMETER("4", "ShardLevelMetrics", "true")
                               PARAMETER("5", "ThrottledAlarm", "false"),
                   template);
    pass(60);
    ck_assert_str_eq(stack_status("kinescale-orders"), "CREATE_COMPLETE");
    json(KINESIS "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    expect_has("\"OpenShardCount\":2");
    expect_has("[\"IncomingBytes\",\"IncomingRecords\",\"WriteProvisionedThroughputExceeded\"]");
    json(GRANITE "DescribeAlarms", "{}");
    expect_has("\"AlarmName\":\"kinescale-orders-IncomingBytes\"");
    expect_has("\"AlarmName\":\"kinescale-orders-IncomingRecords\"");
    expect_has("\"AlarmActions\":[\"" TOPIC_ARN "\"]");
    expect_not("kinescale-orders-WriteProvisionedThroughputExceeded");
}
END_TEST

/* ---- dead letters */

static void put_alarm(const char *name)
{
    SCOPED(free_text)
    char *body =
        must_printf("{\"AlarmName\":\"%s\",\"Namespace\":\"n\",\"MetricName\":\"m\",\"Statistic\":\"Sum\","
                    "\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":1,\"ComparisonOperator\":"
                    "\"GreaterThanThreshold\",\"AlarmActions\":[\"" TOPIC_ARN "\"]}",
                    name);

    json(GRANITE "PutMetricAlarm", body);
    ck_assert_int_eq(response.status, 200);
}

static void ring(const char *name)
{
    SCOPED(free_text)
    char *body = must_printf("{\"AlarmName\":\"%s\",\"StateValue\":\"ALARM\",\"StateReason\":\"r\"}", name);

    json(GRANITE "SetAlarmState", body);
    ck_assert_int_eq(response.status, 200);
}

START_TEST(what_cannot_be_delivered_goes_to_the_queue)
{
    static const struct {
        int status, tries;
        int64_t kept;
    } cases[] = {{200, 1, 0}, {404, 1, 1}, {503, 4, 1}, {0, 4, 1}};
    int tries = 0;

    (void)deliver(200);
    put_alarm("a");
    ring("a");
    for (int i = 0; i < 10; i++) {
        tries += deliver(cases[_i].status);
        pass(20);
    }
    ck_assert_int_eq(tries, cases[_i].tries);
    ck_assert_int_eq(dead_letters()->received, cases[_i].kept);
    if (cases[_i].kept > 0)
        ck_assert_ptr_nonnull(strstr(dead_letters()->messages[0].body, "\"Type\":\"Notification\""));
}
END_TEST

START_TEST(a_queue_without_a_policy_gets_nothing)
{
    (void)deliver(200);
    put_alarm("a");
    ring("a");
    model_lock(sim);
    free(sim->queues[0]->policy);
    sim->queues[0]->policy = NULL;
    model_unlock(sim);
    (void)deliver(404);
    ck_assert_int_eq(dead_letters()->received, 0);
}
END_TEST

START_TEST(a_topic_tells_only_what_its_policy_lets_it)
{
    static const char *const policies[] = {
        "",
        "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"events.amazonaws.com\"},"
        "\"Action\":"
        "\"sns:Publish\",\"Resource\":\"*\"}]}",
    };
    struct fault fault;

    (void)deliver(200);
    model_lock(sim);
    ck_assert_int_eq(model_set_topic_attribute(sim, TOPIC_ARN, "Policy", policies[_i], &fault), 0);
    model_unlock(sim);
    put_alarm("a");
    ring("a");
    ck_assert_int_eq(deliver(200), _i == 0 ? 1 : 0);
}
END_TEST

/* ---- policies */

#define ALLOW(more)                                                                               \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":" \
    "\"sns.amazonaws.com\"},\"Action\":\"sqs:SendMessage\"" more "}}"

static const struct {
    const char *document;
    bool allows;
} judgements[] = {
    {ALLOW(""), true},
    {ALLOW(",\"Resource\":\"arn:q\""), true},
    {ALLOW(",\"Resource\":\"arn:*\""), true},
    {ALLOW(",\"Resource\":[\"arn:x\",\"arn:?\"]"), true},
    {ALLOW(",\"Resource\":\"arn:x\""), false},
    {ALLOW(",\"NotResource\":\"arn:x\""), true},
    {ALLOW(",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"arn:t\"}}"), true},
    {ALLOW(",\"Condition\":{\"ArnLike\":{\"AWS:SourceArn\":[\"arn:u\",\"a*t\"]}}"), true},
    {ALLOW(",\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":\"a*b*t\"}}"), false},
    {ALLOW(",\"Condition\":{\"StringEquals\":{\"aws:SourceArn\":\"arn:*\"}}"), false},
    {ALLOW(",\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"1\"}}"), true},
    {ALLOW(",\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"2\"}}"), false},
    {ALLOW(",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}}"), false},
    {ALLOW(",\"Condition\":{\"StringEquals\":{\"aws:Unknown\":\"x\"}}"), false},
    {"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"SQS:*\"}]}", true},
    {"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"NotAction\":\"sqs:Purge*\"}]}",
     true},
    {"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sqs:*\"},{\"Effect\":\"Deny\","
     "\"Principal\":\"*\",\"Action\":\"sqs:Send*\"}]}",
     false},
    {"{\"Statement\":[]}", false},
};

START_TEST(a_policy_allows_or_not)
{
    const struct policy_question question = {.service = "sns.amazonaws.com",
                                             .action = "sqs:SendMessage",
                                             .resource = "arn:q",
                                             .source_arn = "arn:t",
                                             .source_account = "1"};

    ck_assert_msg(policy_allows(judgements[_i].document, &question) == judgements[_i].allows, "%s",
                  judgements[_i].document);
}
END_TEST

static const struct {
    const char *document;
    enum policy_kind kind;
    const char *complaint; /* NULL: none */
} documents[] = {
    {ALLOW(""), POLICY_OF_RESOURCE, NULL},
    {ALLOW(",\"Resource\":\"*\""), POLICY_OF_IDENTITY, "Policy document should not specify a principal."},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s:O\",\"Resource\":\"*\"}}", POLICY_OF_IDENTITY,
     NULL},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s:O\",\"Resource\":\"*\"}}", POLICY_OF_RESOURCE,
     "a statement must name its principal"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s:O\"}}", POLICY_OF_IDENTITY,
     "Policy statement must contain resources."},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"O\",\"Resource\":\"*\"}}", POLICY_OF_IDENTITY,
     "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
    {"{\"Statement\":{\"Effect\":\"allow\",\"Action\":\"s:O\",\"Resource\":\"*\"}}", POLICY_OF_IDENTITY,
     "Effect must be Allow or Deny"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s:O\",\"Resource\":\"*\",\"Conditions\":{}}}",
     POLICY_OF_IDENTITY, "a statement has an element that there is not"},
    {"{\"Version\":\"2012-10-18\",\"Statement\":[{}]}", POLICY_OF_IDENTITY,
     "Version must be 2012-10-17 or 2008-10-17"},
    {"{\"Version\":\"2012-10-17\"}", POLICY_OF_IDENTITY, "a policy must have a Statement"},
    {"{\"Statements\":[],\"Statement\":[{}]}", POLICY_OF_IDENTITY, "a policy has Version, Id and Statement"},
};

START_TEST(a_policy_has_a_form)
{
    cJSON *document = cJSON_Parse(documents[_i].document);
    struct fault fault = {0};
    int result = policy_check(document, documents[_i].kind, "MalformedPolicyDocument", &fault);

    cJSON_Delete(document);
    ck_assert_int_eq(result, documents[_i].complaint == NULL ? 0 : -1);
    if (documents[_i].complaint != NULL)
        ck_assert_ptr_nonnull(strstr(fault.message, documents[_i].complaint));
}
END_TEST

/* ---- properties */

#define STREAM(properties) \
    "Resources: {R: {Type: 'AWS::Kinesis::Stream', Properties: {Name: orders, " properties "}}}\n"
#define TOPIC(properties) "Resources: {R: {Type: 'AWS::SNS::Topic', Properties: {" properties "}}}\n"
#define ALARM(properties)                                                                                   \
    "Resources: {R: {Type: 'AWS::CloudWatch::Alarm', Properties: {AlarmName: a, Namespace: n, MetricName: " \
    "m, "                                                                                                   \
    "Statistic: Sum, EvaluationPeriods: 1, ComparisonOperator: GreaterThanThreshold, " properties "}}}\n"
#define RIGHT(properties)                                                       \
    "Resources: {R: {Type: 'AWS::IAM::ManagedPolicy', Properties: {" properties \
    "PolicyDocument: {Statement: {Effect: Allow, Action: 's:O', Resource: '*'}}}}}\n"

static const struct {
    const char *template, *reason; /* reason NULL: it is made */
} properties[] = {
    {STREAM("ShardCount: 2"), NULL},
    {STREAM("ShardCount: '2'"), NULL},
    {STREAM("StreamModeDetails: {StreamMode: ON_DEMAND}"), NULL},
    {STREAM("ShardCount: 2, RetentionPeriodHours: 48, DesiredShardLevelMetrics: [ALL]"), NULL},
    {STREAM("ShardCount: x"),
     "Properties validation failed for resource R with message: #/ShardCount: expected type: Integer"},
    {STREAM("ShardCount: 1.5"), "#/ShardCount: expected type: Integer"},
    {STREAM("ShardCount: [1]"), "#/ShardCount: expected type: Integer"},
    {STREAM("ShardCount: 0"), "Value '0' at 'shardCount' failed to satisfy constraint: Member must have "
                              "value greater than or equal to 1"},
    {STREAM("StreamModeDetails: PROVISIONED"), "#/StreamModeDetails: expected type: JSONObject"},
    {STREAM("ShardCount: 1, DesiredShardLevelMetrics: [Bytes]"),
     "Value 'Bytes' at 'desiredShardLevelMetrics.1.member' failed to satisfy constraint: Member must satisfy "
     "enum "
     "value set: [IncomingBytes,"},
    {STREAM("ShardCount: 1, DesiredShardLevelMetrics: IncomingBytes"),
     "#/DesiredShardLevelMetrics: expected type: JSONArray"},
    {STREAM("ShardCount: 2, StreamModeDetails: {StreamMode: ON_DEMAND}"),
     "ShardCount must not be given for a stream with StreamMode ON_DEMAND"},
    {STREAM("Tags: []"), "ShardCount must be given for a stream with StreamMode PROVISIONED"},
    {STREAM("ShardCount: 501"), "HandlerErrorCode: ServiceLimitExceeded"},
    {TOPIC("TopicName: 12, SignatureVersion: 2"), NULL},
    {TOPIC("TopicName: true"), NULL},
    {TOPIC("TopicName: a.b"), "Invalid parameter: Topic Name (Service: Sns, Status Code: 400)"},
    {ALARM("Period: '60', Threshold: '1.50', ActionsEnabled: 'false'"), NULL},
    {ALARM("Period: 60, Threshold: 1, ActionsEnabled: true"), NULL},
    {ALARM("Period: 60, Threshold: 1, ActionsEnabled: maybe"), "#/ActionsEnabled: expected type: Boolean"},
    {ALARM("Period: 60, Threshold: much"), "#/Threshold: expected type: Number"},
    {ALARM("Period: 61, Threshold: 1"), "(Service: CloudWatch, Status Code: 400)"},
    {"Resources: {R: {Type: 'AWS::SQS::Queue', Properties: {QueueName: a.b}}}\n",
     "Can only include alphanumeric characters, hyphens, or underscores."},
    {"Resources: {R: {Type: 'AWS::SQS::QueuePolicy', Properties: {Queues: [q], PolicyDocument: {Statement: "
     "{Effect: "
     "Allow, Principal: '*', Action: 's:O'}}}}}\n",
     "The specified queue does not exist."},
    {"Resources: {R: {Type: 'AWS::SNS::Subscription', Properties: {TopicArn: "
     "'arn:aws:sns:us-east-1:000000000000:none', Protocol: http, Endpoint: 'http://127.0.0.1:1/'}}}\n",
     "Topic does not exist (Service: Sns, Status Code: 400)"},
    {RIGHT(""), NULL},
    {RIGHT("Roles: [daemon], "), "The Role with name daemon cannot be found."},
};

START_TEST(a_resource_takes_what_its_type_allows)
{
    cloudformation("CreateStack", "StackName=one&Capabilities.member.1=CAPABILITY_IAM",
                   properties[_i].template);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
    sim_advance(sim, START_MS + 120000);
    if (properties[_i].reason == NULL) {
        ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
        return;
    }
    ck_assert_str_eq(stack_status("one"), "ROLLBACK_COMPLETE");
    cloudformation("DescribeStackEvents", "StackName=one", NULL);
    expect_has(properties[_i].reason);
}
END_TEST

START_TEST(the_service_can_be_deleted_and_made_again)
{
    for (int i = 0; i < 2; i++) {
        cloudformation("DeleteStack", "StackName=service", NULL);
        pass(20);
        ck_assert_str_eq(stack_status("service"), "");
        ck_assert_ptr_null(dead_letters());
        query("Action=GetTopicAttributes&Version=2010-03-31&TopicArn=" TOPIC_ARN);
        ck_assert_int_eq(response.status, 404);
        model_lock(sim);
        ck_assert_uint_eq(sim->rights.count, 0);
        model_unlock(sim);
        create_service();
    }
}
END_TEST

#define POLICED(topics)                                                                  \
    "Resources:\n  A: {Type: 'AWS::SNS::Topic', Properties: {TopicName: a}}\n"           \
    "  B: {Type: 'AWS::SNS::Topic', Properties: {TopicName: b}}\n"                       \
    "  P:\n    Type: AWS::SNS::TopicPolicy\n    Properties:\n      Topics: " topics "\n" \
    "      PolicyDocument: {Statement: {Effect: Allow, Principal: '*', Action: 'sns:Publish'}}\n"

static bool has_policy(const char *topic)
{
    SCOPED(free_text)
    char *request = must_printf(
        "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:%s", topic);

    return strstr(query(request), "<key>Policy</key>") != NULL;
}

START_TEST(a_policy_leaves_the_topics_that_it_does_not_name_any_more)
{
    cloudformation("CreateStack", "StackName=one", POLICED("[!Ref A, !Ref B]"));
    pass(10);
    ck_assert(has_policy("a") && has_policy("b"));
    cloudformation("UpdateStack", "StackName=one", POLICED("[!Ref B]"));
    pass(10);
    ck_assert_str_eq(stack_status("one"), "UPDATE_COMPLETE");
    ck_assert(!has_policy("a") && has_policy("b"));
}
END_TEST

START_TEST(a_wrong_policy_fails_its_resource)
{
    cloudformation("CreateStack", "StackName=bad&Capabilities.member.1=CAPABILITY_IAM",
                   "Resources: {P: {Type: 'AWS::IAM::ManagedPolicy', Properties: {PolicyDocument: {Version: "
                   "'2012-10-17', Statement: [{Effect: Allow, Action: Everything, Resource: '*'}]}}}}\n");
    pass(10);
    ck_assert_str_eq(stack_status("bad"), "ROLLBACK_COMPLETE");
    cloudformation("DescribeStackEvents", "StackName=bad", NULL);
    expect_has("Syntax errors in policy: Actions/Conditions must be prefaced by a vendor");
    expect_has("HandlerErrorCode: MalformedPolicyDocument");
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_resources");
    TCase *tcase = tcase_create("resources"), *policies = tcase_create("policies"),
          *kinds = tcase_create("kinds");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_service, drop_sim);
    tcase_add_test(tcase, the_service_template_makes_a_topic_that_waits_for_its_endpoint);
    tcase_add_test(tcase, the_stream_template_makes_a_stream_and_its_alarms);
    tcase_add_loop_test(tcase, what_cannot_be_delivered_goes_to_the_queue, 0, 4);
    tcase_add_test(tcase, a_queue_without_a_policy_gets_nothing);
    tcase_add_loop_test(tcase, a_topic_tells_only_what_its_policy_lets_it, 0, 2);
    tcase_add_test(tcase, the_service_can_be_deleted_and_made_again);
    tcase_add_test(tcase, a_policy_leaves_the_topics_that_it_does_not_name_any_more);
    suite_add_tcase(all, kinds);
    tcase_add_checked_fixture(kinds, make_sim, drop_sim);
    tcase_add_loop_test(kinds, a_resource_takes_what_its_type_allows, 0, COUNT_OF(properties));
    suite_add_tcase(all, policies);
    tcase_add_loop_test(policies, a_policy_allows_or_not, 0, COUNT_OF(judgements));
    tcase_add_loop_test(policies, a_policy_has_a_form, 0, COUNT_OF(documents));
    tcase_add_test(tcase, a_wrong_policy_fails_its_resource);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
