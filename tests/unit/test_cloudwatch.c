#include "aws/cloudwatch.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

#include <math.h>

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:kinescale"
#define ALARM_BEGIN(name)                                                                                    \
    "{\"AlarmName\":\"" name "\",\"AlarmArn\":\"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:" name "\"," \
    "\"StateValue\":\"ALARM\","
#define SINGLE(name, more)                                                                                 \
    ALARM_BEGIN(name)                                                                                      \
    "\"AlarmActions\":[\"" TOPIC "\"],\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/Kinesis\","     \
    "\"Statistic\":\"Sum\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],\"Period\":60," \
    "\"EvaluationPeriods\":1,\"Threshold\":50331648.0,"                                                    \
    "\"ComparisonOperator\":\"GreaterThanOrEqualToThreshold\"" more "}"
#define BY_ACTION \
    "\"AlarmTypes\":[\"MetricAlarm\",\"CompositeAlarm\"],\"MaxRecords\":100,\"ActionPrefix\":\"" TOPIC "\""

/* ---- reading alarms */

static int by_action(const struct exchange *exchanges, size_t count, struct alarm_list *list,
                     struct error *err)
{
    struct conversation conversation;
    int result;

    conversation_open(&conversation, exchanges, count);
    result = cloudwatch_alarms_by_action(conversation.client, TOPIC, list, err);
    conversation_close(&conversation);
    return result;
}

static int read_one(const char *alarm, struct alarm_list *list, struct error *err)
{
    char *answer = must_printf("{\"MetricAlarms\":[%s]}", alarm);
    struct exchange exchange = {"DescribeAlarms", .answer = answer};
    int result = by_action(&exchange, 1, list, err);

    free(answer);
    return result;
}

START_TEST(an_alarm_of_one_metric_is_read)
{
    struct alarm_list list = {0};
    struct error err = {0};
    const struct alarm *alarm;

    ck_assert_msg(
        read_one(SINGLE("orders-bytes", ",\"StateUpdatedTimestamp\":1763683100.5,"
                                        "\"StateTransitionedTimestamp\":1.763683E9,\"SomethingNew\":[{}]"),
                 &list, &err) == 0,
        "%s", err.message);
    ck_assert_uint_eq(list.count, 1);
    alarm = &list.items[0];
    ck_assert_str_eq(alarm->name, "orders-bytes");
    ck_assert_int_eq(alarm->state, ALARM_ALARM);
    ck_assert_int_eq(alarm->transitioned_ms, 1763683000000);
    ck_assert(!alarm->composite && !alarm->math);
    ck_assert_str_eq(alarm->stream, "orders");
    ck_assert_str_eq(alarm->shard, "");
    ck_assert_str_eq(alarm->namespace, "AWS/Kinesis");
    ck_assert_str_eq(alarm->metric, "IncomingBytes");
    ck_assert_str_eq(alarm->statistic, "Sum");
    ck_assert_str_eq(alarm->comparison, "GreaterThanOrEqualToThreshold");
    ck_assert_int_eq(alarm->period_s, 60);
    ck_assert_double_eq(alarm->threshold, 50331648.0);
    ck_assert_uint_eq(alarm->action_count, 1);
    ck_assert(alarm_has_action(alarm, TOPIC));
    ck_assert(!alarm_has_action(alarm, TOPIC "2"));
    alarm_list_clear(&list);
    ck_assert_ptr_null(list.items);
}
END_TEST

#define MATH_METRICS                                                                                        \
    "\"Metrics\":[{\"Id\":\"e1\",\"Expression\":\"m1/"                                                      \
    "(1024*1024*60)\",\"Label\":\"Usage\",\"ReturnData\":true},"                                            \
    "{\"Id\":\"m0\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"Own\",\"MetricName\":\"x\",\"Dimensions\":" \
    "[{\"Name\":\"StreamName\",\"Value\":\"not-this\"}]},\"Period\":60,\"Stat\":\"Sum\"},\"ReturnData\":"   \
    "false},"                                                                                               \
    "{\"Id\":\"m1\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/"                                       \
    "Kinesis\",\"MetricName\":\"IncomingBytes\","                                                           \
    "\"Dimensions\":[{\"Name\":\"ShardId\",\"Value\":\"shardId-000000000003\"},{\"Name\":\"StreamName\","   \
    "\"Value\":\"orders\"}]},\"Period\":60,\"Stat\":\"Sum\",\"Unit\":\"Bytes\"},\"ReturnData\":false}]"

START_TEST(an_alarm_of_metric_math_is_read)
{
    struct alarm_list list = {0};
    struct error err = {0};

    ck_assert_msg(read_one(ALARM_BEGIN("math") "\"AlarmActions\":[\"" TOPIC
                                               ":sub\"],\"Dimensions\":[],\"Threshold\":0.4,"
                                               "\"ComparisonOperator\":\"GreaterThanThreshold\"," MATH_METRICS
                                               "}",
                           &list, &err) == 0,
                  "%s", err.message);
    ck_assert_uint_eq(list.count, 1);
    ck_assert(list.items[0].math && !list.items[0].composite);
    ck_assert_str_eq(list.items[0].stream, "orders");
    ck_assert_str_eq(list.items[0].shard, "shardId-000000000003");
    ck_assert_str_eq(list.items[0].metric, "");
    ck_assert_str_eq(list.items[0].namespace, "");
    ck_assert_str_eq(list.items[0].statistic, "");
    ck_assert_str_eq(list.items[0].comparison, "GreaterThanThreshold");
    ck_assert_int_eq(list.items[0].period_s, 60);
    ck_assert_double_eq(list.items[0].threshold, 0.4);
    alarm_list_clear(&list);
}
END_TEST

START_TEST(alarms_of_all_pages_and_types_are_listed_and_those_of_other_actions_dropped)
{
    static const struct exchange exchanges[] = {
        {"DescribeAlarms", .request = "{" BY_ACTION "}",
         .answer = "{\"MetricAlarms\":[" SINGLE("one", "") "," ALARM_BEGIN(
             "ok-action-only") "\"AlarmActions\":[],"
                               "\"OKActions\":[\"" TOPIC "\"]}," ALARM_BEGIN(
                                   "no-actions") "\"AlarmActions\":null}],"
                                                 "\"LogAlarms\":[{\"AlarmName\":7}],\"NextToken\":\"AAAA\"}"},
        {"DescribeAlarms", .request = "{" BY_ACTION ",\"NextToken\":\"AAAA\"}",
         .answer = "{\"NextToken\":\"BBBB\"}"},
        {"DescribeAlarms", .request = "{" BY_ACTION ",\"NextToken\":\"BBBB\"}",
         .answer = "{\"CompositeAlarms\":[" ALARM_BEGIN(
             "all") "\"AlarmActions\":[\"" TOPIC "\"],\"AlarmRule\":\"ALARM(one)\"}],"
                    "\"MetricAlarms\":[" SINGLE("two", ",\"OKActions\":[]") "],\"NextToken\":\"\"}"},
    };
    struct alarm_list list = {0};
    struct error err = {0};

    ck_assert_msg(by_action(exchanges, COUNT_OF(exchanges), &list, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(list.items[0].name, "one");
    ck_assert_str_eq(list.items[1].name, "two");
    ck_assert_str_eq(list.items[2].name, "all");
    ck_assert(list.items[2].composite);
    ck_assert(isnan(list.items[2].threshold));
    ck_assert_str_eq(list.items[2].comparison, "");
    alarm_list_clear(&list);
}
END_TEST

static const struct {
    const char *alarm;
    const char *text;
} bad_alarms[] = {
    {"7", "the answer has no 'AlarmName'"},
    {"{}", "the answer has no 'AlarmName'"},
    {"{\"AlarmName\":[]}", "the answer's 'AlarmName' is malformed"},
    {"{\"AlarmName\":\"a\",\"AlarmArn\":\"b\"}", "the answer has no 'StateValue'"},
    {"{\"AlarmName\":\"a\",\"AlarmArn\":\"b\",\"StateValue\":\"Alarm\"}",
     "the answer's 'StateValue' is malformed"},
    {ALARM_BEGIN("a") "\"AlarmActions\":{}}", "the answer's 'AlarmActions' is malformed"},
    {ALARM_BEGIN("a") "\"AlarmActions\":[7]}", "the answer's 'AlarmActions' is malformed"},
    {ALARM_BEGIN("a") "\"StateUpdatedTimestamp\":\"2026-11-21T00:00:00Z\"}",
     "the answer's 'StateUpdatedTimestamp' is malformed"},
    {ALARM_BEGIN("a") "\"StateUpdatedTimestamp\":-1}", "the answer's 'StateUpdatedTimestamp' is malformed"},
    {ALARM_BEGIN("a") "\"StateUpdatedTimestamp\":1e300}",
     "the answer's 'StateUpdatedTimestamp' is malformed"},
    {ALARM_BEGIN("a") "\"Threshold\":\"5\"}", "the answer's 'Threshold' is malformed"},
    {ALARM_BEGIN("a") "\"Threshold\":1e999}", "the answer's 'Threshold' is malformed"},
    {ALARM_BEGIN("a") "\"Period\":0}", "the answer's 'Period' is malformed"},
    {ALARM_BEGIN("a") "\"Period\":60.5}", "the answer's 'Period' is malformed"},
    {ALARM_BEGIN("a") "\"Dimensions\":{}}", "the answer's 'Dimensions' is malformed"},
    {ALARM_BEGIN("a") "\"Dimensions\":[{\"Name\":\"StreamName\"}]}", "the answer has no 'Value'"},
    {ALARM_BEGIN("a") "\"Dimensions\":[{\"name\":\"StreamName\",\"value\":\"x\"}]}",
     "the answer has no 'Name'"},
    {ALARM_BEGIN("a") "\"Metrics\":7}", "the answer's 'Metrics' is malformed"},
    {ALARM_BEGIN("a") "\"Metrics\":[{\"MetricStat\":7}]}", "the answer's 'MetricStat' is malformed"},
    {ALARM_BEGIN("a") "\"Metrics\":[{\"MetricStat\":{}}]}", "the answer has no 'Metric'"},
};

START_TEST(an_alarm_that_is_malformed_is_refused_and_the_member_named)
{
    struct alarm_list list = {0};
    struct error err = {0};

    ck_assert_int_lt(read_one(bad_alarms[_i].alarm, &list, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(text_starts_with(err.message, "DescribeAlarms: ") &&
                      text_ends_with(err.message, bad_alarms[_i].text),
                  "%s", err.message);
    ck_assert_ptr_null(list.items);
}
END_TEST

/* AWS counts characters. */
START_TEST(a_name_of_255_characters_is_kept_whatever_its_bytes)
{
    struct alarm_list list = {0};
    struct error err = {0};
    char name[4 * 255 + 1] = "", *alarm;

    for (int i = 0; i < 255; i++)
        snprintf(name + 4 * i, 5, "\xf0\x9f\x93\x88");
    alarm = must_printf(SINGLE("%s", ""), name, name);
    ck_assert_msg(read_one(alarm, &list, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].name, name);
    alarm_list_clear(&list);
    free(alarm);
}
END_TEST

START_TEST(alarms_are_asked_for_by_a_hundred_names_at_once)
{
    struct exchange exchanges[] = {
        {"DescribeAlarms", .contains = "\"alarm-0\",\"alarm-1\",",
         .answer = "{\"MetricAlarms\":[" SINGLE("alarm-0", "") "]}"},
        {"DescribeAlarms", .contains = "\"alarm-198\",\"alarm-199\"]", .answer = "{}"},
        {"DescribeAlarms", .contains = "\"MaxRecords\":100,\"AlarmNames\":[\"alarm-200\"]}",
         .answer = "{\"CompositeAlarms\":[" ALARM_BEGIN("alarm-200") "\"AlarmActions\":[]}]}"},
    };
    struct conversation conversation;
    struct alarm_list list = {0};
    struct error err = {0};
    const char *names[201];

    for (size_t i = 0; i < COUNT_OF(names); i++)
        names[i] = must_printf("alarm-%zu", i);
    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(cloudwatch_alarms_by_name(conversation.client, names, COUNT_OF(names), &list, &err), 0);
    ck_assert_uint_eq(list.count, 2); /* actions of others count here */
    ck_assert_str_eq(list.items[1].name, "alarm-200");
    alarm_list_clear(&list);
    ck_assert_int_eq(cloudwatch_alarms_by_name(conversation.client, names, 0, &list, &err), 0);
    ck_assert_uint_eq(list.count, 0);
    conversation_close(&conversation);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        free((char *)names[i]);
}
END_TEST

START_TEST(alarms_of_a_metric_are_asked_for_by_its_dimensions)
{
    static const struct exchange exchanges[] = {
        {"DescribeAlarmsForMetric",
         .request =
             "{\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"IncomingBytes\",\"Dimensions\":[{\"Name\":"
             "\"StreamName\",\"Value\":\"orders\"}]}",
         .answer = "{\"MetricAlarms\":[" SINGLE("mine", "") "]}"},
        {"DescribeAlarmsForMetric",
         .request =
             "{\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"IncomingBytes\",\"Dimensions\":[{\"Name\":"
             "\"StreamName\",\"Value\":\"orders\"},{\"Name\":\"ShardId\",\"Value\":\"shardId-000000000001\"}]"
             "}",
         .answer = "{\"MetricAlarms\":[]}"},
    };
    struct conversation conversation;
    struct alarm_list list = {0};
    struct error err = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(
        cloudwatch_alarms_for_metric(conversation.client, "IncomingBytes", "orders", NULL, &list, &err), 0);
    ck_assert_uint_eq(list.count, 1);
    alarm_list_clear(&list);
    ck_assert_int_eq(cloudwatch_alarms_for_metric(conversation.client, "IncomingBytes", "orders",
                                                  "shardId-000000000001", &list, &err),
                     0);
    ck_assert_uint_eq(list.count, 0);
    conversation_close(&conversation);
}
END_TEST

/* ---- sending alarms back */

/* What DescribeAlarms shows (in an order of its own), and what PutMetricAlarm must then be told. */
static const struct {
    const char *shown;
    double threshold;
    const char *put;
} round_trips[] = {
    /* every member of an alarm of one metric; state and what is unknown stay behind */
    {ALARM_BEGIN("full") "\"AlarmDescription\":\"caf\xc3\xa9 \\\"x\\\" \\\\ "
                         "\\n\",\"AlarmConfigurationUpdatedTimestamp\":1.7E9,\"ActionsEnabled\":false,"
                         "\"OKActions\":[],\"AlarmActions\":[\"" TOPIC
                         "\",\"arn:aws:sns:eu-west-1:1:b\"],\"InsufficientDataActions\":[\"arn:c\"],"
                         "\"StateReason\":\"r\",\"StateReasonData\":\"{}\",\"StateUpdatedTimestamp\":1.7E9,"
                         "\"StateTransitionedTimestamp\":1.7E9,"
                         "\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/"
                         "Kinesis\",\"Statistic\":\"Sum\",\"Dimensions\":[{\"Name\":\"StreamName\","
                         "\"Value\":\"orders\"},{\"Name\":\"ShardId\",\"Value\":\"shardId-000000000001\"}],"
                         "\"Period\":60,\"Unit\":\"Bytes\","
                         "\"EvaluationPeriods\":3,\"DatapointsToAlarm\":2,\"Threshold\":1.0,"
                         "\"ComparisonOperator\":\"GreaterThanThreshold\","
                         "\"TreatMissingData\":\"notBreaching\",\"EvaluationState\":\"PARTIAL_DATA\","
                         "\"EvaluationWindow\":{\"SlidingWindow\":{}},"
                         "\"EvaluationInterval\":60,\"Metrics\":[],\"BrandNew\":{\"a\":1}}",
     100663296,
     "{\"AlarmName\":\"full\",\"AlarmDescription\":\"caf\xc3\xa9 \\\"x\\\" \\\\ "
     "\\n\",\"ActionsEnabled\":false,\"OKActions\":[],"
     "\"AlarmActions\":[\"" TOPIC "\",\"arn:aws:sns:eu-west-1:1:b\"],\"InsufficientDataActions\":[\"arn:c\"],"
     "\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/"
     "Kinesis\",\"Statistic\":\"Sum\",\"Dimensions\":[{\"Name\":\"StreamName\","
     "\"Value\":\"orders\"},{\"Name\":\"ShardId\",\"Value\":\"shardId-000000000001\"}],\"Period\":60,"
     "\"Unit\":\"Bytes\","
     "\"EvaluationPeriods\":3,\"DatapointsToAlarm\":2,\"ComparisonOperator\":\"GreaterThanThreshold\","
     "\"TreatMissingData\":\"notBreaching\",\"EvaluationWindow\":{\"SlidingWindow\":{}},"
     "\"EvaluationInterval\":60,"
     "\"Threshold\":100663296}"},
    /* a percentile instead of a statistic; null is absent */
    {ALARM_BEGIN("p") "\"AlarmActions\":[\"" TOPIC
                      "\"],\"Statistic\":null,\"ExtendedStatistic\":\"p99.9\",\"Threshold\":5,"
                      "\"EvaluateLowSampleCountPercentile\":\"ignore\",\"Unit\":null}",
     0.1,
     "{\"AlarmName\":\"p\",\"AlarmActions\":[\"" TOPIC "\"],\"ExtendedStatistic\":\"p99.9\","
     "\"EvaluateLowSampleCountPercentile\":\"ignore\",\"Threshold\":0.1}"},
    /* metric math; empty Dimensions must not stand beside Metrics */
    {ALARM_BEGIN("m") "\"OKActions\":[],\"AlarmActions\":[\"" TOPIC
                      "\"],\"Dimensions\":[],\"Threshold\":0.4," MATH_METRICS
                      ",\"EvaluationWindow\":{\"WallClockWindow\":{\"Timezone\":\"Europe/Berlin\"}}}",
     0.80000000000000004,
     "{\"AlarmName\":\"m\",\"OKActions\":[],\"AlarmActions\":[\"" TOPIC "\"]," MATH_METRICS
     ",\"EvaluationWindow\":{\"WallClockWindow\":{\"Timezone\":\"Europe/Berlin\"}},\"Threshold\":0.8}"},
    /* numbers come back as the same double, in a member nobody here knows the inside of */
    {ALARM_BEGIN("n") "\"AlarmActions\":[\"" TOPIC
                      "\"],\"Threshold\":1,\"EvaluationCriteria\":{\"PromQLCriteria\":{\"Query\":"
                      "\"up\",\"PendingPeriod\":0.30000000000000004,\"List\":[1e22,5e-324,-0.0,"
                      "123456789012345678]}}}",
     1.7976931348623157e308,
     "{\"AlarmName\":\"n\",\"AlarmActions\":[\"" TOPIC
     "\"],\"EvaluationCriteria\":{\"PromQLCriteria\":{\"Query\":\"up\","
     "\"PendingPeriod\":0.30000000000000004,\"List\":[1e+22,5e-324,-0,123456789012345680]}},"
     "\"Threshold\":1.7976931348623157e+308}"},
};

START_TEST(an_alarm_is_sent_back_as_it_was_but_for_its_threshold)
{
    char *answer = must_printf("{\"MetricAlarms\":[%s]}", round_trips[_i].shown);
    struct exchange exchanges[] = {
        {"DescribeAlarms", .answer = answer},
        {"PutMetricAlarm", .request = round_trips[_i].put},
        {"PutMetricAlarm", .request = round_trips[_i].put},
    };
    struct conversation conversation;
    struct alarm_list list = {0};
    struct error err = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_msg(cloudwatch_alarms_by_action(conversation.client, TOPIC, &list, &err) == 0, "%s",
                  err.message);
    ck_assert_uint_eq(list.count, 1);
    /* twice: sending must not use the alarm up */
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            cloudwatch_put_threshold(conversation.client, &list.items[0], round_trips[_i].threshold, &err),
            0);
    alarm_list_clear(&list);
    conversation_close(&conversation);
    free(answer);
}
END_TEST

START_TEST(any_threshold_survives_the_round_trip_exactly)
{
    static const double thresholds[] = {0.1,
                                        1.0 / 3,
                                        0.8 * 60 * 1048576 * 7.3,
                                        50331648,
                                        1e-300,
                                        9007199254740993.0,
                                        48000.000000000007,
                                        4.35,
                                        2.675,
                                        1e21,
                                        123456.789};
    struct conversation conversation;

    for (size_t i = 0; i < COUNT_OF(thresholds); i++) {
        struct exchange exchanges[] = {
            {"DescribeAlarms", .answer = "{\"MetricAlarms\":[" SINGLE("a", "") "]}"}, {"PutMetricAlarm"}};
        struct alarm_list list = {0};
        struct error err = {0};
        const char *sent;

        conversation_open(&conversation, exchanges, 2);
        ck_assert_int_eq(cloudwatch_alarms_by_action(conversation.client, TOPIC, &list, &err), 0);
        ck_assert_int_eq(cloudwatch_put_threshold(conversation.client, &list.items[0], thresholds[i], &err),
                         0);
        sent = strstr(conversation.script.last_request, "\"Threshold\":");
        ck_assert_ptr_nonnull(sent);
        ck_assert_msg(strtod(sent + strlen("\"Threshold\":"), NULL) == thresholds[i], "%s is not %.17g", sent,
                      thresholds[i]);
        alarm_list_clear(&list);
        conversation_close(&conversation);
    }
}
END_TEST

START_TEST(an_alarm_without_a_threshold_of_its_own_is_left_alone)
{
    static const struct exchange exchange = {
        "DescribeAlarms", .answer = "{\"CompositeAlarms\":[" ALARM_BEGIN(
                              "c") "\"AlarmActions\":[\"" TOPIC
                                   "\"]}],\"MetricAlarms\":[" ALARM_BEGIN(
                                       "band") "\"AlarmActions\":[\"" TOPIC
                                               "\"],\"ThresholdMetricId\":\"ad1\"}," SINGLE("fine", "") "]}"};
    struct conversation conversation;
    struct alarm_list list = {0};
    struct error err = {0};

    conversation_open(&conversation, &exchange, 1);
    ck_assert_int_eq(cloudwatch_alarms_by_action(conversation.client, TOPIC, &list, &err), 0);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_int_lt(cloudwatch_put_threshold(conversation.client, &list.items[0], 1, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_REFUSED);
    ck_assert_str_eq(err.message, "alarm 'band' has no threshold of its own");
    ck_assert_int_lt(cloudwatch_put_threshold(conversation.client, &list.items[2], 1, &err), 0);
    ck_assert_str_eq(err.message, "alarm 'c' has no threshold of its own");
    ck_assert_int_lt(cloudwatch_put_threshold(conversation.client, &list.items[1], NAN, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_BUG);
    ck_assert_int_lt(cloudwatch_put_threshold(conversation.client, &list.items[1], INFINITY, &err), 0);
    alarm_list_clear(&list);
    conversation_close(&conversation);
}
END_TEST

/* ---- alarms of our own */

#define MADE(metric, dimensions, threshold)                                                                \
    "{\"AlarmName\":\"a\",\"AlarmDescription\":\"why\",\"ActionsEnabled\":true,\"AlarmActions\":[\"" TOPIC \
    "\"],\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"" metric "\",\"Dimensions\":[" dimensions          \
    "],\"Statistic\":\"Sum\",\"Period\":60,\"EvaluationPeriods\":1,\"DatapointsToAlarm\":1,"               \
    "\"Threshold\":" threshold                                                                             \
    ",\"ComparisonOperator\":\"GreaterThanThreshold\",\"TreatMissingData\":\"notBreaching\"}"
#define OF_ORDERS "{\"Name\":\"StreamName\",\"Value\":\"orders\"}"

START_TEST(an_alarm_is_made_on_a_shard_or_on_the_stream)
{
    static const struct exchange exchanges[] = {
        {"PutMetricAlarm",
         .request = MADE("IncomingBytes",
                         OF_ORDERS ",{\"Name\":\"ShardId\",\"Value\":\"shardId-000000000003\"}", "50331648")},
        {"PutMetricAlarm", .request = MADE("IncomingRecords", OF_ORDERS, "0.1")},
    };
    struct alarm_order order = {"a",   "why", "IncomingBytes", "orders", "shardId-000000000003",
                                TOPIC, 60,    50331648};
    struct conversation conversation;
    struct error err = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(cloudwatch_make_alarm(conversation.client, &order, &err), 0);
    order.metric = "IncomingRecords";
    order.shard = NULL;
    order.threshold = 0.1;
    ck_assert_int_eq(cloudwatch_make_alarm(conversation.client, &order, &err), 0);
    order.threshold = NAN;
    ck_assert_int_lt(cloudwatch_make_alarm(conversation.client, &order, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_BUG);
    conversation_close(&conversation);
}
END_TEST

START_TEST(alarms_are_deleted_by_a_hundred_names_at_most)
{
    static const struct exchange exchanges[] = {
        {"DeleteAlarms", .request = "{\"AlarmNames\":[\"a\",\"b\"]}"},
        {"DeleteAlarms", .status = 404,
         .answer = "{\"__type\":\"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound\"}"},
    };
    const char *names[ALARMS_PER_DELETE + 1] = {"a", "b"};
    struct conversation conversation;
    struct error err = {0};

    for (size_t i = 2; i < COUNT_OF(names); i++)
        names[i] = "more";
    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(cloudwatch_delete_alarms(conversation.client, names, 2, &err), 0);
    ck_assert_int_lt(cloudwatch_delete_alarms(conversation.client, names, ALARMS_PER_DELETE, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_int_lt(cloudwatch_delete_alarms(conversation.client, names, COUNT_OF(names), &err), 0);
    ck_assert_int_eq(err.kind, ERROR_BUG);
    conversation_close(&conversation);
}
END_TEST

START_TEST(alarms_are_found_by_how_their_name_begins_whatever_they_do)
{
    static const struct exchange exchange = {
        "DescribeAlarms",
        .request = "{\"AlarmTypes\":[\"MetricAlarm\",\"CompositeAlarm\"],\"MaxRecords\":100,"
                   "\"AlarmNamePrefix\":\"kinescale-\"}",
        .answer = "{\"MetricAlarms\":[" SINGLE("kinescale-a",
                                               "") "," ALARM_BEGIN("kinescale-b") "\"Period\":60}]}"};
    struct conversation conversation;
    struct alarm_list list = {0};
    struct error err = {0};

    conversation_open(&conversation, &exchange, 1);
    ck_assert_int_eq(cloudwatch_alarms_by_prefix(conversation.client, "kinescale-", &list, &err), 0);
    ck_assert_uint_eq(list.count, 2);
    alarm_list_clear(&list);
    conversation_close(&conversation);
}
END_TEST

/* ---- the state of an alarm */

START_TEST(a_state_is_set_with_its_reason)
{
    static const struct exchange exchanges[] = {
        {"SetAlarmState",
         .request =
             "{\"AlarmName\":\"a \\\"b\\\"\",\"StateValue\":\"OK\",\"StateReason\":\"kinescale: done\"}"},
        {"SetAlarmState",
         .request = "{\"AlarmName\":\"a\",\"StateValue\":\"INSUFFICIENT_DATA\",\"StateReason\":\"\"}"},
        {"SetAlarmState", .contains = "\"StateValue\":\"ALARM\"", .status = 404,
         .answer = "{\"__type\":\"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound\"}"},
    };
    struct conversation conversation;
    struct error err = {0};
    char reason[1025];

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(
        cloudwatch_set_alarm_state(conversation.client, "a \"b\"", ALARM_OK, "kinescale: done", &err), 0);
    ck_assert_int_eq(cloudwatch_set_alarm_state(conversation.client, "a", ALARM_INSUFFICIENT_DATA, "", &err),
                     0);
    memset(reason, 'r', sizeof(reason));
    reason[1023] = '\0';
    ck_assert_int_lt(cloudwatch_set_alarm_state(conversation.client, "gone", ALARM_ALARM, reason, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_str_eq(err.message, "SetAlarmState 'gone': ResourceNotFound");
    reason[1023] = 'r';
    reason[1024] = '\0';
    ck_assert_int_lt(cloudwatch_set_alarm_state(conversation.client, "a", ALARM_OK, reason, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_BUG);
    conversation_close(&conversation);
}
END_TEST

START_TEST(states_have_the_names_of_aws)
{
    ck_assert_str_eq(alarm_state_name(ALARM_OK), "OK");
    ck_assert_str_eq(alarm_state_name(ALARM_ALARM), "ALARM");
    ck_assert_str_eq(alarm_state_name(ALARM_INSUFFICIENT_DATA), "INSUFFICIENT_DATA");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("cloudwatch");
    TCase *tcase = tcase_create("alarms");

    tcase_add_test(tcase, an_alarm_of_one_metric_is_read);
    tcase_add_test(tcase, an_alarm_of_metric_math_is_read);
    tcase_add_test(tcase, alarms_of_all_pages_and_types_are_listed_and_those_of_other_actions_dropped);
    tcase_add_loop_test(tcase, an_alarm_that_is_malformed_is_refused_and_the_member_named, 0,
                        COUNT_OF(bad_alarms));
    tcase_add_test(tcase, a_name_of_255_characters_is_kept_whatever_its_bytes);
    tcase_add_test(tcase, alarms_are_asked_for_by_a_hundred_names_at_once);
    tcase_add_test(tcase, alarms_of_a_metric_are_asked_for_by_its_dimensions);
    tcase_add_loop_test(tcase, an_alarm_is_sent_back_as_it_was_but_for_its_threshold, 0,
                        COUNT_OF(round_trips));
    tcase_add_test(tcase, any_threshold_survives_the_round_trip_exactly);
    tcase_add_test(tcase, an_alarm_without_a_threshold_of_its_own_is_left_alone);
    tcase_add_test(tcase, an_alarm_is_made_on_a_shard_or_on_the_stream);
    tcase_add_test(tcase, alarms_are_deleted_by_a_hundred_names_at_most);
    tcase_add_test(tcase, alarms_are_found_by_how_their_name_begins_whatever_they_do);
    tcase_add_test(tcase, a_state_is_set_with_its_reason);
    tcase_add_test(tcase, states_have_the_names_of_aws);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
