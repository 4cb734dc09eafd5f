/*
 * The simulated CloudWatch, SNS and STS, without sockets.
 */
#include "base/memory.h"
#include "base/text.h"
#include "sim_wire.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <string.h>

/* ---- CloudWatch */

#define ALARM_BODY                                                                                     \
    "{\"AlarmName\":\"hot\",\"AlarmDescription\":\"d\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":"  \
    "\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],\"Statistic\":" \
    "\"Sum\","                                                                                         \
    "\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":50331648,\"ComparisonOperator\":"             \
    "\"GreaterThanOrEqualToThreshold\",\"TreatMissingData\":\"notBreaching\",\"AlarmActions\":"        \
    "[\"arn:aws:sns:us-east-1:000000000000:t\"],\"EvaluationWindow\":{\"SlidingWindow\":{}}}"

START_TEST(an_alarm_comes_back_as_it_was_put)
{
    json(GRANITE "PutMetricAlarm", ALARM_BODY);
    expect(200, "");
    json(GRANITE "DescribeAlarms", "{\"AlarmNames\":[\"hot\"]}");
    ck_assert_str_eq(response.content_type, JSON_1_0);
    expect_has("{\"CompositeAlarms\":[],\"MetricAlarms\":[{\"AlarmName\":\"hot\",\"AlarmArn\":"
               "\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:hot\",\"AlarmDescription\":\"d\","
               "\"AlarmConfigurationUpdatedTimestamp\":1763683200,\"ActionsEnabled\":true,\"OKActions\":[],"
               "\"AlarmActions\":[\"arn:aws:sns:us-east-1:000000000000:t\"],\"InsufficientDataActions\":[],"
               "\"StateValue\":\"INSUFFICIENT_DATA\"");
    expect_has(
        "\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/Kinesis\",\"Statistic\":\"Sum\",\"Dimensions\":"
        "[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],\"Period\":60,\"EvaluationPeriods\":1,"
        "\"Threshold\":50331648,\"ComparisonOperator\":\"GreaterThanOrEqualToThreshold\","
        "\"TreatMissingData\":\"notBreaching\"}");
    expect_has("\"EvaluationWindow\":{\"SlidingWindow\":{}}");
    expect_has("\"LogAlarms\":[]");
    query("Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=hot");
    ck_assert_str_eq(response.content_type, "text/xml");
    expect_has("<DescribeAlarmsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">"
               "<DescribeAlarmsResult><CompositeAlarms></CompositeAlarms><MetricAlarms><member>"
               "<AlarmName>hot</AlarmName>");
    expect_has(
        "<AlarmConfigurationUpdatedTimestamp>2025-11-21T00:00:00.000Z</AlarmConfigurationUpdatedTimestamp>");
    expect_has("<Threshold>50331648</Threshold>");
    expect_has("<Dimensions><member><Name>StreamName</Name><Value>orders</Value></member></Dimensions>");
}
END_TEST

START_TEST(query_and_json_put_the_same_alarm)
{
    SCOPED(free_text) char *first = NULL;

    json(GRANITE "PutMetricAlarm", ALARM_BODY);
    first = must_strdup(json(GRANITE "DescribeAlarms", "{}"));
    query("Action=PutMetricAlarm&Version=2010-08-01&AlarmName=hot&AlarmDescription=d&Namespace=AWS%2FKinesis&"
          "MetricName=IncomingBytes&Dimensions.member.1.Name=StreamName&Dimensions.member.1.Value=orders&"
          "Statistic=Sum&Period=60&EvaluationPeriods=1&Threshold=50331648.0&"
          "ComparisonOperator=GreaterThanOrEqualToThreshold&TreatMissingData=notBreaching&"
          "AlarmActions.member.1=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3At&OKActions=");
    ck_assert_int_eq(response.status, 200);
    expect_has(
        "<PutMetricAlarmResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><ResponseMetadata>"
        "<RequestId>");
    first = replaced(first, ",\"EvaluationWindow\":{\"SlidingWindow\":{}}", "");
    ck_assert_str_eq(json(GRANITE "DescribeAlarms", "{}"), first);
}
END_TEST

START_TEST(an_alarm_of_metric_math_keeps_its_queries)
{
    json(GRANITE "PutMetricAlarm",
         "{\"AlarmName\":\"math\",\"EvaluationPeriods\":1,\"ComparisonOperator\":\"GreaterThanThreshold\","
         "\"Threshold\":0.5,\"Metrics\":[{\"Id\":\"m1\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/"
         "Kinesis\","
         "\"MetricName\":\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}]},"
         "\"Period\":60,\"Stat\":\"Sum\"},\"ReturnData\":false},{\"Id\":\"e1\",\"Expression\":\"m1/60\","
         "\"Label\":\"rate\"}]}");
    expect(200, "");
    json(GRANITE "DescribeAlarms", "{}");
    expect_has(
        "\"Metrics\":[{\"Id\":\"m1\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/"
        "Kinesis\",\"MetricName\":"
        "\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}]},\"Period\":60,"
        "\"Stat\":\"Sum\"},\"ReturnData\":false},{\"Id\":\"e1\",\"Expression\":\"m1/60\",\"Label\":\"rate\","
        "\"ReturnData\":true}]");
    expect_not("\"Namespace\":\"AWS/Kinesis\",\"Statistic\"");
}
END_TEST

START_TEST(alarms_are_set_found_and_deleted)
{
    json(GRANITE "PutMetricAlarm", ALARM_BODY);
    json(GRANITE "SetAlarmState", "{\"AlarmName\":\"hot\",\"StateValue\":\"OK\",\"StateReason\":\"why\","
                                  "\"StateReasonData\":\"{\\\"a\\\":1}\"}");
    expect(200, "");
    json(GRANITE "DescribeAlarmsForMetric",
         "{\"Namespace\":\"AWS/"
         "Kinesis\",\"MetricName\":\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\","
         "\"Value\":\"orders\"}]}");
    expect_has("\"StateValue\":\"OK\",\"StateReason\":\"why\",\"StateReasonData\":\"{\\\"a\\\":1}\"");
    json(GRANITE "DescribeAlarmsForMetric",
         "{\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"IncomingRecords\"}");
    expect(200, "{\"MetricAlarms\":[]}");
    json(GRANITE "DescribeAlarms", "{\"StateValue\":\"ALARM\"}");
    expect(200, "{\"CompositeAlarms\":[],\"MetricAlarms\":[],\"LogAlarms\":[]}");
    json(GRANITE "SetAlarmState", "{\"AlarmName\":\"hot\",\"StateValue\":\"OK\",\"StateReason\":\"why\","
                                  "\"StateReasonData\":\"{\"}");
    expect_has("#InvalidFormatFault\"");
    json(GRANITE "DeleteAlarms", "{\"AlarmNames\":[\"hot\"]}");
    expect(200, "");
    json(GRANITE "DescribeAlarms", "{}");
    expect_not("hot");
}
END_TEST

START_TEST(an_unknown_alarm_has_no_message)
{
    json(GRANITE "SetAlarmState", "{\"AlarmName\":\"none\",\"StateValue\":\"OK\",\"StateReason\":\"r\"}");
    ck_assert_str_eq(buffer_text(&response.body),
                     "{\"__type\":\"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound\"}");
    ck_assert_str_eq(response.error_type, "ResourceNotFound");
    ck_assert_str_eq(response.query_error, "ResourceNotFound;Sender");
    query("Action=SetAlarmState&Version=2010-08-01&AlarmName=none&StateValue=OK&StateReason=r");
    ck_assert_int_eq(response.status, 404);
    expect_has("<Error><Type>Sender</Type><Code>ResourceNotFound</Code></Error>");
}
END_TEST

START_TEST(a_composite_alarm_is_shown_when_asked_for)
{
    json(GRANITE "PutMetricAlarm", ALARM_BODY);
    json(GRANITE "PutCompositeAlarm", "{\"AlarmName\":\"both\",\"AlarmRule\":\"ALARM(hot)\"}");
    expect(200, "");
    json(GRANITE "DescribeAlarms", "{}");
    expect_has("{\"CompositeAlarms\":[],\"MetricAlarms\":[{\"AlarmName\":\"hot\"");
    json(GRANITE "DescribeAlarms", "{\"AlarmTypes\":[\"CompositeAlarm\"]}");
    expect_has("{\"CompositeAlarms\":[{\"AlarmName\":\"both\"");
    expect_has("\"AlarmRule\":\"ALARM(hot)\"}],\"MetricAlarms\":[]");
}
END_TEST

START_TEST(what_is_put_as_metric_data_can_be_read)
{
    json(GRANITE "PutMetricData", "{\"Namespace\":\"test\",\"MetricData\":[{\"MetricName\":\"m\",\"Value\":3,"
                                  "\"Timestamp\":1763683200},"
                                  "{\"MetricName\":\"m\",\"Values\":[1,2],\"Counts\":[1,3],\"Timestamp\":"
                                  "1763683205,\"Unit\":\"Count\"},"
                                  "{\"MetricName\":\"m\",\"StatisticValues\":{\"Sum\":10,\"SampleCount\":2,"
                                  "\"Minimum\":4,\"Maximum\":6},"
                                  "\"Timestamp\":1763683210}]}");
    expect(200, "");
    sim_advance(sim, START_MS + 300000);
    json(GRANITE "GetMetricStatistics",
         "{\"Namespace\":\"test\",\"MetricName\":\"m\",\"StartTime\":1763683200,\"EndTime\":1763683260,"
         "\"Period\":60,"
         "\"Statistics\":[\"Sum\",\"SampleCount\",\"Minimum\",\"Maximum\",\"Average\"]}");
    ck_assert_int_eq(response.status, 200);
    expect_has("{\"Label\":\"m\",\"Datapoints\":[{\"Timestamp\":1763683200,\"Sum\":20,\"SampleCount\":7,"
               "\"Minimum\":1,"
               "\"Maximum\":6,\"Average\":2.857142857142857");
    json(GRANITE "GetMetricData",
         "{\"StartTime\":1763683200,\"EndTime\":1763683260,\"MetricDataQueries\":[{\"Id\":\"q\","
         "\"MetricStat\":"
         "{\"Metric\":{\"Namespace\":\"test\",\"MetricName\":\"m\"},\"Period\":60,\"Stat\":\"Sum\"}}]}");
    expect(200, "{\"MetricDataResults\":[{\"Id\":\"q\",\"Label\":\"m\",\"Timestamps\":[1763683200],"
                "\"Values\":[20],"
                "\"StatusCode\":\"Complete\"}],\"Messages\":[]}");
    query("Action=GetMetricData&Version=2010-08-01&StartTime=2025-11-21T00%3A00%3A00Z&EndTime=2025-11-21T00:"
          "01:00Z&"
          "MetricDataQueries.member.1.Id=q&MetricDataQueries.member.1.MetricStat.Metric.Namespace=test&"
          "MetricDataQueries.member.1.MetricStat.Metric.MetricName=m&"
          "MetricDataQueries.member.1.MetricStat.Period=60&MetricDataQueries.member.1.MetricStat.Stat=Sum");
    expect_has("<Timestamps><member>2025-11-21T00:00:00.000Z</member></Timestamps><Values><member>20</"
               "member></Values>");
}
END_TEST

static const struct {
    const char *operation, *body, *answer;
} refusals[] = {
    {"PutMetricData", "{\"Namespace\":\"t\",\"MetricData\":[{\"MetricName\":\"m\"}]}",
     "#InvalidParameterCombinationException\",\"message\":\"Exactly one of MetricData.member.1.Value, "
     "MetricData.member.1.StatisticValues and MetricData.member.1.Values must be specified.\""},
    {"PutMetricData",
     "{\"Namespace\":\"t\",\"MetricData\":[{\"MetricName\":\"m\",\"Value\":1},{\"MetricName\":\"m\","
     "\"Values\":[1],"
     "\"Counts\":[1,2]}]}",
     "#InvalidParameterValueException\",\"message\":\"The parameters MetricData.member.2.Values and "
     "MetricData.member.2.Counts must be of the same size.\""},
    {"GetMetricStatistics",
     "{\"Namespace\":\"t\",\"MetricName\":\"m\",\"StartTime\":1,\"EndTime\":2,\"Period\":60}",
     "#InvalidParameterCombinationException\",\"message\":\"Must specify either Statistics or "
     "ExtendedStatistics\""},
    {"GetMetricStatistics",
     "{\"Namespace\":\"t\",\"MetricName\":\"m\",\"StartTime\":1,\"EndTime\":2,\"Period\":60,"
     "\"ExtendedStatistics\":"
     "[\"p99\"]}",
     "#InvalidParameterValueException\""},
};

START_TEST(cloudwatch_refuses_what_does_not_go_together)
{
    SCOPED(free_text) char *operation = must_printf(GRANITE "%s", refusals[_i].operation);

    json(operation, refusals[_i].body);
    ck_assert_int_eq(response.status, 400);
    expect_has(refusals[_i].answer);
}
END_TEST

/* ---- SNS and STS */

#define TOPIC "arn:aws:sns:us-east-1:000000000000:kinescale"

START_TEST(a_topic_is_made_subscribed_confirmed_and_left)
{
    struct sim_delivery delivery;
    SCOPED(free_text) char *confirm = NULL;
    SCOPED(free_text) char *leave = NULL;
    cJSON *body;

    query("Action=CreateTopic&Version=2010-03-31&Name=kinescale&Attributes.entry.1.key=SignatureVersion&"
          "Attributes.entry.1.value=2");
    expect_has("<CreateTopicResponse "
               "xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><CreateTopicResult><TopicArn>" TOPIC
               "</TopicArn></CreateTopicResult><ResponseMetadata><RequestId>");
    query("Action=Subscribe&Version=2010-03-31&TopicArn=" TOPIC
          "&Protocol=http&Endpoint=http://127.0.0.1:1/sns");
    expect_has("<SubscribeResult><SubscriptionArn>pending confirmation</SubscriptionArn></SubscribeResult>");
    ck_assert(sim_take_delivery(sim, &delivery));
    ck_assert_str_eq(delivery.message_type, "SubscriptionConfirmation");
    body = cJSON_Parse(delivery.body);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(body, "SignatureVersion")), "2");
    confirm =
        must_printf("Action=ConfirmSubscription&TopicArn=" TOPIC "&Token=%s&AuthenticateOnUnsubscribe=true&"
                    "Version=2010-03-31",
                    cJSON_GetStringValue(cJSON_GetObjectItem(body, "Token")));
    cJSON_Delete(body);
    sim_delivery_result(sim, delivery.id, 200);
    sim_delivery_clear(&delivery);

    query("Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=" TOPIC);
    expect_has(
        "<Subscriptions><member><SubscriptionArn>PendingConfirmation</SubscriptionArn>"
        "<Owner>000000000000</Owner><Protocol>http</Protocol><Endpoint>http://127.0.0.1:1/sns</Endpoint>"
        "<TopicArn>" TOPIC "</TopicArn></member></Subscriptions>");
    query(confirm);
    expect_has("<ConfirmSubscriptionResult><SubscriptionArn>" TOPIC ":");
    query("Action=GetTopicAttributes&Version=2010-03-31&TopicArn=" TOPIC);
    expect_has("<Attributes><entry><key>TopicArn</key><value>" TOPIC "</value></entry>");
    expect_has("<entry><key>SubscriptionsConfirmed</key><value>1</value></entry>");
    expect_has("<entry><key>SignatureVersion</key><value>2</value></entry>");
    query("Action=Publish&Version=2010-03-31&TopicArn=" TOPIC "&Subject=s&Message=hello+%3Cyou%3E");
    expect_has("<PublishResult><MessageId>");
    ck_assert(sim_take_delivery(sim, &delivery));
    ck_assert_ptr_nonnull(strstr(delivery.body, "\"Message\":\"hello <you>\""));
    leave =
        must_printf("Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=%s", delivery.subscription_arn);
    sim_delivery_result(sim, delivery.id, 200);
    sim_delivery_clear(&delivery);
    query(leave);
    expect_has("<UnsubscribeResponse xmlns");
    query("Action=DeleteTopic&Version=2010-03-31&TopicArn=" TOPIC);
    ck_assert_int_eq(response.status, 200);
}
END_TEST

START_TEST(messages_are_signed_unless_nobody_wants_it)
{
    struct sim_delivery delivery;

    sim_free(sim);
    sim = sim_new(
        &(struct sim_options){.start_ms = START_MS, .metric_delay_ms = -1, .leave_unsigned = _i == 1});
    query("Action=CreateTopic&Version=2010-03-31&Name=kinescale");
    query("Action=Subscribe&Version=2010-03-31&TopicArn=" TOPIC
          "&Protocol=http&Endpoint=http://127.0.0.1:1/sns");
    ck_assert(sim_take_delivery(sim, &delivery));
    ck_assert_int_eq(strstr(delivery.body, "\"Signature\"") == NULL, _i == 1);
    ck_assert_int_eq(strstr(delivery.body, "\"SigningCertURL\"") == NULL, _i == 1);
    ck_assert_ptr_nonnull(strstr(delivery.body, "\"Token\""));
    sim_delivery_clear(&delivery);
}
END_TEST

START_TEST(the_link_in_a_confirmation_works_without_a_signature)
{
    struct sim_delivery delivery;
    struct test_request test;
    char *url;
    cJSON *body;

    query("Action=CreateTopic&Version=2010-03-31&Name=kinescale");
    query("Action=Subscribe&Version=2010-03-31&TopicArn=" TOPIC
          "&Protocol=http&Endpoint=http://127.0.0.1:1/sns");
    ck_assert(sim_take_delivery(sim, &delivery));
    body = cJSON_Parse(delivery.body);
    url = cJSON_GetStringValue(cJSON_GetObjectItem(body, "SubscribeURL"));
    ck_assert(
        text_starts_with(url, "http://127.0.0.1:4567/?Action=ConfirmSubscription&TopicArn=" TOPIC "&Token="));
    test_request_init(&test, "GET", "/", strchr(url, '?') + 1, "");
    answer(&test);
    ck_assert_int_eq(response.status, 200);
    expect_has("<ConfirmSubscriptionResult><SubscriptionArn>" TOPIC ":");
    cJSON_Delete(body);
    sim_delivery_clear(&delivery);
}
END_TEST

static const struct {
    const char *body;
    int status;
    const char *answer;
} sns_refusals[] = {
    {"Action=CreateTopic&Name=a+b", 400,
     "<Code>InvalidParameter</Code><Message>Invalid parameter: Topic Name"},
    {"Action=CreateTopic&Name=a&Attributes.entry.1.key=Colour&Attributes.entry.1.value=red", 400,
     "<Code>InvalidParameter</Code>"},
    {"Action=CreateTopic", 400, "Value null at 'name' failed to satisfy constraint: Member must not be null"},
    {"Action=GetTopicAttributes&TopicArn=" TOPIC, 404, "<Code>NotFound</Code>"},
    {"Action=Subscribe&TopicArn=" TOPIC "&Protocol=sqs&Endpoint=x", 400, "Invalid parameter: Protocol"},
    {"Action=Subscribe&TopicArn=" TOPIC "&Protocol=https&Endpoint=http://a", 400,
     "Invalid parameter: Endpoint must match the specified protocol"},
    {"Action=Subscribe&TopicArn=" TOPIC "&Protocol=http&Endpoint=http://a", 404, "<Code>NotFound</Code>"},
    {"Action=Publish&TopicArn=" TOPIC "&Message=", 400, "Invalid parameter: Empty message"},
    {"Action=Publish&Message=a", 400, "Invalid parameter: TopicArn or TargetArn"},
    {"Action=Publish&TopicArn=" TOPIC "&Message=a&Subject=%0A", 400, "Invalid parameter: Subject"},
    {"Action=ConfirmSubscription&TopicArn=" TOPIC "&Token=x", 0, "<Code>"},
    {"Action=AssumeRole&RoleArn=arn:aws:iam::1:role/a&RoleSessionName=ab", 400,
     "<Code>ValidationError</Code><Message>arn:aws:iam::1:role/a is invalid</Message>"},
    {"Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/a&RoleSessionName=a&DurationSeconds=899", 400,
     "2 validation errors detected: "},
    {"Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::123456789012:role/a&RoleSessionName=ab&"
     "WebIdentityToken=abcdef",
     400, "<Code>InvalidIdentityToken</Code>"},
};

START_TEST(sns_and_sts_say_what_is_wrong)
{
    query(sns_refusals[_i].body);
    if (sns_refusals[_i].status != 0)
        ck_assert_int_eq(response.status, sns_refusals[_i].status);
    ck_assert_int_ge(response.status, 400);
    expect_has(sns_refusals[_i].answer);
    ck_assert(response.error_type[0] != '\0');
}
END_TEST

START_TEST(texts_are_escaped_in_xml)
{
    query("Action=PutMetricAlarm&Version=2010-08-01&AlarmName=%3Ca%3E%26%22%01&Namespace=n&MetricName=m&"
          "Statistic=Sum&Period=60&EvaluationPeriods=1&Threshold=1&ComparisonOperator=GreaterThanThreshold");
    ck_assert_int_eq(response.status, 200);
    query("Action=DescribeAlarms&Version=2010-08-01");
    expect_has("<AlarmName>&lt;a&gt;&amp;&quot;?</AlarmName>");
}
END_TEST

/* ---- */

START_TEST(what_is_no_text_is_refused_and_never_sent_back)
{
    query("Action=CreateTopic&Version=2010-03-31&Name=%ff");
    ck_assert_int_eq(response.status, 400);
    expect_has("<Code>MalformedInput</Code><Message>Too many parameters, or not UTF-8</Message>");
    /* Cut after 100 bytes, within the last character. */
    query(
        "Action=%c3%"
        "b6xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "%c3%b6%c3%b6");
    expect_has("x? for version");
    ck_assert(text_is_utf8(buffer_text(&response.body), response.body.length));
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_query");
    TCase *tcase = tcase_create("query");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_sim, drop_sim);
    tcase_add_test(tcase, an_alarm_comes_back_as_it_was_put);
    tcase_add_test(tcase, query_and_json_put_the_same_alarm);
    tcase_add_test(tcase, an_alarm_of_metric_math_keeps_its_queries);
    tcase_add_test(tcase, alarms_are_set_found_and_deleted);
    tcase_add_test(tcase, an_unknown_alarm_has_no_message);
    tcase_add_test(tcase, a_composite_alarm_is_shown_when_asked_for);
    tcase_add_test(tcase, what_is_put_as_metric_data_can_be_read);
    tcase_add_loop_test(tcase, cloudwatch_refuses_what_does_not_go_together, 0, COUNT_OF(refusals));
    tcase_add_test(tcase, a_topic_is_made_subscribed_confirmed_and_left);
    tcase_add_loop_test(tcase, messages_are_signed_unless_nobody_wants_it, 0, 2);
    tcase_add_test(tcase, the_link_in_a_confirmation_works_without_a_signature);
    tcase_add_loop_test(tcase, sns_and_sts_say_what_is_wrong, 0, COUNT_OF(sns_refusals));
    tcase_add_test(tcase, texts_are_escaped_in_xml);
    tcase_add_test(tcase, what_is_no_text_is_refused_and_never_sent_back);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
