/*
 * The HTTP face of the simulated AWS, without sockets: protocols, members, Kinesis.
 */
#include "base/memory.h"
#include "base/text.h"
#include "sim_wire.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <string.h>

/* ---- protocols */

static const struct {
    const char *name, *method, *path, *query, *type, *target, *body;
    int status;
    const char *answer;
} protocol_cases[] = {
    {"no target", "POST", "/", "", JSON_1_1, NULL, "{}", 400, "{\"__type\":\"UnknownOperationException\"}"},
    {"unknown operation", "POST", "/", "", JSON_1_1, KINESIS "Fly", "{}", 400,
     "{\"__type\":\"UnknownOperationException\"}"},
    {"the other service's target", "POST", "/", "", JSON_1_1, GRANITE "DescribeAlarms", "{}", 400,
     "{\"__type\":\"UnknownOperationException\"}"},
    {"unknown operation of CloudWatch", "POST", "/", "", JSON_1_0, GRANITE "Fly", "{}", 400,
     "{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"}"},
    {"content type with parameters", "POST", "/", "", "Application/X-Amz-Json-1.1; charset=utf-8",
     KINESIS "DescribeLimits", "{}", 200,
     "{\"ShardLimit\":500,\"OpenShardCount\":0,\"OnDemandStreamCount\":0,\"OnDemandStreamCountLimit\":50}"},
    {"a type that only begins alike", "POST", "/", "", JSON_1_1 "2", KINESIS "DescribeLimits", "{}", 403,
     NULL},
    {"plain JSON", "POST", "/", "", "application/json", KINESIS "DescribeLimits", "{}", 404,
     "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\",\"message\":null},"
     "\"Version\":\"1.0\"}"},
    {"no content type", "POST", "/", "", NULL, NULL, "x", 403,
     "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be "
     "authorized</Message>\n"
     "</AccessDeniedException>\n"},
    {"a GET without an action", "GET", "/", "", NULL, NULL, "", 403, NULL},
    {"another path", "POST", "/x", "", JSON_1_1, KINESIS "DescribeLimits", "{}", 404,
     "<UnknownOperationException/>\n"},
    {"a certificate nobody has made", "GET", "/SimpleNotificationService-00.pem", "", NULL, NULL, "", 404,
     NULL},
    {"not JSON", "POST", "/", "", JSON_1_1, KINESIS "DescribeLimits", "hello", 400,
     "{\"__type\":\"SerializationException\"}"},
    {"an empty body", "POST", "/", "", JSON_1_1, KINESIS "DescribeLimits", "", 400,
     "{\"__type\":\"SerializationException\"}"},
    {"a list", "POST", "/", "", JSON_1_1, KINESIS "DescribeLimits", "[]", 400,
     "{\"__type\":\"SerializationException\"}"},
    {"rubbish behind the JSON", "POST", "/", "", JSON_1_1, KINESIS "DescribeLimits", "{} x", 400,
     "{\"__type\":\"SerializationException\"}"},
    {"not JSON, to CloudWatch", "POST", "/", "", JSON_1_0, GRANITE "DescribeAlarms", "hello", 400,
     "{\"__type\":\"com.amazon.coral.service#SerializationException\"}"},
};

START_TEST(requests_are_told_apart_as_aws_does)
{
    struct test_request test;

    test_request_init(&test, protocol_cases[_i].method, protocol_cases[_i].path, protocol_cases[_i].query,
                      protocol_cases[_i].body);
    test_request_header(&test, "Content-Type", protocol_cases[_i].type);
    test_request_header(&test, "X-Amz-Target", protocol_cases[_i].target);
    test_request_header(&test, "Authorization", AUTHORIZATION);
    answer(&test);
    ck_assert_msg(response.status == protocol_cases[_i].status, "%s: %d %s", protocol_cases[_i].name,
                  response.status, buffer_text(&response.body));
    if (protocol_cases[_i].answer != NULL)
        ck_assert_str_eq(buffer_text(&response.body), protocol_cases[_i].answer);
    ck_assert_uint_eq(strlen(response.request_id), 36);
}
END_TEST

START_TEST(query_answers_name_what_they_miss)
{
    query("Version=2010-03-31");
    ck_assert_int_eq(response.status, 400);
    expect_has("<Code>MissingAction</Code>");
    query("Action=Fly&Version=2010-08-01");
    ck_assert_int_eq(response.status, 400);
    expect_has(
        "<ErrorResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><Error><Type>Sender</Type>"
        "<Code>InvalidAction</Code><Message>Could not find operation Fly for version 2010-08-01</Message>");
    query("Action=ListTopics&Version=2010-08-01");
    expect_has("Could not find operation ListTopics for version 2010-08-01");
    query("Action=CreateTopic&Version=1999-01-01&Name=a");
    expect_has("Could not find operation CreateTopic for version 1999-01-01");
    ck_assert_str_eq(response.error_type, "InvalidAction");
}
END_TEST

/* ---- types and constraints */

static const struct {
    const char *operation, *body, *message;
} type_cases[] = {
    {"CreateStream", "{\"StreamName\":true}", "class java.lang.Boolean can not be converted to an String"},
    {"CreateStream", "{\"StreamName\":23}",
     "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
    {"CreateStream", "{\"StreamName\":34.56}",
     "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
    {"CreateStream", "{\"StreamName\":[]}", "Start of list found where not expected"},
    {"CreateStream", "{\"StreamName\":{}}", "Start of structure or map found where not expected."},
    {"CreateStream", "{\"ShardCount\":\"23\"}", "class java.lang.String can not be converted to an Integer"},
    {"CreateStream", "{\"ShardCount\":true}", "class java.lang.Boolean can not be converted to an Integer"},
    {"CreateStream", "{\"ShardCount\":[]}", "Start of list found where not expected"},
    {"CreateStream", "{\"ShardCount\":{}}", "Start of structure or map found where not expected."},
    {"ListShards", "{\"StreamCreationTimestamp\":\"23\"}",
     "class java.lang.String can not be converted to milliseconds since epoch"},
    {"ListShards", "{\"StreamCreationTimestamp\":true}",
     "class java.lang.Boolean can not be converted to milliseconds since epoch"},
    {"ListShards", "{\"ShardFilter\":{\"Type\":1}}",
     "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
    {"ListShards", "{\"ShardFilter\":\"AT_LATEST\"}", "Unrecognized collection type class java.lang.String"},
    {"EnableEnhancedMonitoring", "{\"ShardLevelMetrics\":[\"ALL\",1]}",
     "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
    {"SplitShard", "{\"StreamNane\":\"a\"}", "Unknown member 'StreamNane'"},
};

START_TEST(wrong_types_are_named_in_the_words_of_aws)
{
    SCOPED(free_text) char *operation = must_printf(KINESIS "%s", type_cases[_i].operation);
    SCOPED(free_text)
    char *body =
        must_printf("{\"__type\":\"SerializationException\",\"Message\":\"%s\"}", type_cases[_i].message);

    json(operation, type_cases[_i].body);
    expect(400, body);
}
END_TEST

#define A129                                                                                                 \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aa"                                                                                                     \
    "aaaaaaaaaaaaaaaaaaaaaaaaa"
#define FAILED " failed to satisfy constraint: Member must "

static const struct {
    const char *operation, *body, *message;
} constraint_cases[] = {
    {KINESIS "CreateStream", "{}",
     "1 validation error detected: Value null at 'streamName'" FAILED "not be null"},
    {KINESIS "CreateStream", "{\"StreamName\":null,\"ShardCount\":1}",
     "1 validation error detected: Value null at 'streamName'" FAILED "not be null"},
    {KINESIS "CreateStream", "{\"StreamName\":\"\",\"ShardCount\":0}",
     "3 validation errors detected: Value '' at 'streamName'" FAILED
     "satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'streamName'" FAILED
     "have length greater than or equal to 1; Value '0' at 'shardCount'" FAILED
     "have value greater than or equal to 1"},
    {KINESIS "CreateStream", "{\"StreamName\":\"" A129 "\",\"ShardCount\":100000000000}",
     "2 validation errors detected: Value '" A129 "' at 'streamName'" FAILED
     "have length less than or equal to 128; Value '2147483647' at 'shardCount'" FAILED
     "have value less than or equal to 100000"},
    {KINESIS "CreateStream", "{\"StreamName\":\"a\"}",
     "1 validation error detected: Value null at 'shardCount'" FAILED "not be null"},
    {KINESIS "CreateStream",
     "{\"StreamName\":\"a\",\"ShardCount\":1,\"Tags\":{\"Team\":\"ok\",\"\":\"" A129 A129
     "\",\"Who\":\"" A129 A129 "\"}}",
     "2 validation errors detected: Value '" A129 A129 "' at 'tags..member'" FAILED
     "have length less than or equal to 256; Value '" A129 A129 "' at 'tags.who.member'" FAILED
     "have length less than or equal to 256"},
    {KINESIS "SplitShard", "{\"StreamName\":\"a\",\"ShardToSplit\":\"b\",\"NewStartingHashKey\":\"01\"}",
     "1 validation error detected: Value '01' at 'newStartingHashKey'" FAILED
     "satisfy regular expression pattern: 0|([1-9]\\d{0,38})"},
    {KINESIS "UpdateShardCount", "{\"StreamName\":\"a\",\"ScalingType\":\"\",\"TargetShardCount\":100001}",
     "2 validation errors detected: Value '100001' at 'targetShardCount'" FAILED
     "have value less than or equal to 100000; Value '' at 'scalingType'" FAILED
     "satisfy enum value set: [UNIFORM_SCALING]"},
    {KINESIS "ListShards", "{\"StreamName\":\"a\",\"ShardFilter\":{\"Type\":\"X\",\"ShardId\":\"\"}}",
     "3 validation errors detected: Value 'X' at 'shardFilter.type'" FAILED
     "satisfy enum value set: [AFTER_SHARD_ID, AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, "
     "FROM_TIMESTAMP]; Value '' at 'shardFilter.shardId'" FAILED
     "satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'shardFilter.shardId'" FAILED
     "have length greater than or equal to 1"},
    {KINESIS "DescribeStreamSummary", "{\"StreamARN\":\"arn:aws:kinesis:us-east-1:12345678901:stream/a\"}",
     "1 validation error detected: Value 'arn:aws:kinesis:us-east-1:12345678901:stream/a' at "
     "'streamARN'" FAILED "satisfy regular expression pattern: arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"},
    {KINESIS "EnableEnhancedMonitoring", "{\"StreamName\":\"a\",\"ShardLevelMetrics\":[]}",
     "1 validation error detected: Value '[]' at 'shardLevelMetrics'" FAILED
     "have length greater than or equal to 1"},
    {GRANITE "SetAlarmState", "{\"AlarmName\":\"a\",\"StateValue\":\"INVALID\",\"StateReason\":\"r\"}",
     "1 validation error detected: Value 'INVALID' at 'stateValue'" FAILED
     "satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"},
    {GRANITE "PutMetricAlarm",
     "{\"AlarmName\":\"a\",\"EvaluationPeriods\":1,\"ComparisonOperator\":\"GreaterThanThreshold\","
     "\"Dimensions\":[{\"Name\":\"StreamName\"}],\"OKActions\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}",
     "2 validation errors detected: Value '[1, 2, 3, 4, 5, 6]' at 'oKActions'" FAILED
     "have length less than or equal to 5; Value null at 'dimensions.1.member.value'" FAILED "not be null"},
    {GRANITE "GetMetricData",
     "{\"StartTime\":1,\"EndTime\":2,\"MetricDataQueries\":[{\"Id\":\"a\"},{\"Id\":\"b\",\"MetricStat\":"
     "{\"Metric\":{\"Namespace\":\":x\"},\"Stat\":\"Sum\",\"Period\":0}}]}",
     "2 validation errors detected: Value ':x' at "
     "'metricDataQueries.2.member.metricStat.metric.namespace'" FAILED
     "satisfy regular expression pattern: [^:].*; Value '0' at "
     "'metricDataQueries.2.member.metricStat.period'" FAILED "have value greater than or equal to 1"},
};

START_TEST(all_broken_constraints_are_in_one_answer)
{
    cJSON *body;

    json(constraint_cases[_i].operation, constraint_cases[_i].body);
    body = cJSON_Parse(buffer_text(&response.body));
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(body, "message")),
                     constraint_cases[_i].message);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(body, "__type")),
                     text_starts_with(constraint_cases[_i].operation, KINESIS)
                         ? "ValidationException"
                         : "com.amazon.coral.validate#ValidationException");
    ck_assert_int_eq(response.status, 400);
    cJSON_Delete(body);
}
END_TEST

START_TEST(a_constraint_fails_the_same_way_in_query)
{
    query("Action=SetAlarmState&Version=2010-08-01&AlarmName=a&StateValue=BAD&StateReason=r");
    ck_assert_int_eq(response.status, 400);
    expect_has(
        "<Type>Sender</Type><Code>ValidationError</Code><Message>1 validation error detected: Value 'BAD' at "
        "'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, "
        "ALARM, OK]</Message>");
    query("Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a&EvaluationPeriods=one");
    expect_has("<Code>MalformedInput</Code>");
    query("Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.2=a");
    expect_has("<Code>MalformedInput</Code><Message>Unknown member 'AlarmNames.member.2'</Message>");
    query("Action=DescribeAlarms&Version=2010-08-01&AlarmNames=a");
    expect_has("<Code>MalformedInput</Code>");
    query("Action=GetMetricStatistics&Version=2010-08-01&StartTime=yesterday");
    expect_has("Could not read 'yesterday' as the value of 'StartTime'");
    query("Action=DescribeAlarms&Version=2010-08-01&AlarmNames=&MaxRecords=1");
    ck_assert_int_eq(response.status, 200);
}
END_TEST

/* Bytes of any kind are answered, never trusted: what comes in is refused or understood. */
START_TEST(no_body_brings_the_wire_down)
{
    static const char pieces[][24] = {"{",
                                      "}",
                                      "[",
                                      "]",
                                      "\"",
                                      ":",
                                      ",",
                                      "StreamName",
                                      "null",
                                      "1e999",
                                      "\\u0000",
                                      "&",
                                      "=",
                                      ".member.1",
                                      "Action=PutMetricData",
                                      "%",
                                      "%zz",
                                      "&MetricData",
                                      ".entry.1.key",
                                      "\xff",
                                      "-1",
                                      "true"};
    uint64_t dice = 88172645463325252u + (uint64_t)_i;

    for (int round = 0; round < 300; round++) {
        char body[512] = "";

        for (int i = 0; i < 20; i++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            snprintf(body + strlen(body), sizeof(body) - strlen(body), "%s", pieces[dice % COUNT_OF(pieces)]);
        }
        json(KINESIS "ListShards", body);
        ck_assert_int_eq(response.status, 400);
        json(GRANITE "PutMetricData", body);
        ck_assert_int_eq(response.status, 400);
        query(body);
        ck_assert_int_ge(response.status, 400);
    }
}
END_TEST

/* ---- Kinesis */

START_TEST(a_stream_is_made_described_split_and_merged)
{
    json(KINESIS "CreateStream", "{\"StreamName\":\"orders\",\"ShardCount\":2}");
    expect(200, "");
    ck_assert_str_eq(response.content_type, JSON_1_1);
    json(KINESIS "DescribeStreamSummary", "{\"StreamName\":\"orders\"}");
    expect(200,
           "{\"StreamDescriptionSummary\":{\"StreamName\":\"orders\",\"StreamARN\":"
           "\"arn:aws:kinesis:us-east-1:000000000000:stream/orders\",\"StreamStatus\":\"CREATING\","
           "\"StreamModeDetails\":{\"StreamMode\":\"PROVISIONED\"},\"StreamCreationTimestamp\":1763683200,"
           "\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":[]}],\"RetentionPeriodHours\":24,"
           "\"EncryptionType\":\"NONE\",\"OpenShardCount\":0,\"ConsumerCount\":0}}");
    json(KINESIS "SplitShard", "{\"StreamName\":\"orders\",\"ShardToSplit\":\"shardId-000000000000\","
                               "\"NewStartingHashKey\":\"10\"}");
    expect(400, "{\"__type\":\"ResourceInUseException\",\"message\":\"Stream orders under account "
                "000000000000 not "
                "ACTIVE, instead in state CREATING\"}");
    ck_assert_str_eq(response.error_type, "ResourceInUseException");

    sim_advance(sim, START_MS + 60000);
    json(KINESIS "SplitShard", "{\"StreamName\":\"orders\",\"ShardToSplit\":\"shardId-000000000000\","
                               "\"NewStartingHashKey\":\"85070591730234615865843651857942052864\"}");
    expect(200, "");
    json(KINESIS "DescribeStreamSummary",
         "{\"StreamARN\":\"arn:aws:kinesis:us-east-1:000000000000:stream/orders\"}");
    expect_has("\"StreamStatus\":\"UPDATING\"");
    sim_advance(sim, START_MS + 120000);
    json(KINESIS "ListShards", "{\"StreamName\":\"orders\",\"ShardFilter\":{\"Type\":\"AT_LATEST\"}}");
    expect_has(
        "{\"ShardId\":\"shardId-000000000002\",\"ParentShardId\":\"shardId-000000000000\",\"HashKeyRange\":"
        "{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"85070591730234615865843651857942052863\"},"
        "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"");
    expect_not("\"ShardId\":\"shardId-000000000000\"");
    expect_not("EndingSequenceNumber");
    json(KINESIS "MergeShards", "{\"StreamName\":\"orders\",\"ShardToMerge\":\"shardId-000000000003\","
                                "\"AdjacentShardToMerge\":\"shardId-000000000001\"}");
    expect(200, "");
    sim_advance(sim, START_MS + 240000);
    json(KINESIS "DescribeStream", "{\"StreamName\":\"orders\"}");
    expect_has("\"ShardId\":\"shardId-000000000004\",\"ParentShardId\":\"shardId-000000000003\","
               "\"AdjacentParentShardId\":\"shardId-000000000001\"");
    expect_has("EndingSequenceNumber");
    expect_has("\"HasMoreShards\":false");
    json(KINESIS "DeleteStream", "{\"StreamName\":\"orders\"}");
    expect(200, "");
}
END_TEST

START_TEST(shards_are_counted_updated_and_limited)
{
    make_stream("orders", 4);
    json(KINESIS "UpdateShardCount",
         "{\"StreamName\":\"orders\",\"TargetShardCount\":8,\"ScalingType\":\"UNIFORM_SCALING\"}");
    expect(200, "{\"StreamName\":\"orders\",\"StreamARN\":\"arn:aws:kinesis:us-east-1:000000000000:stream/"
                "orders\","
                "\"CurrentShardCount\":4,\"TargetShardCount\":8}");
    json(KINESIS "DescribeLimits", "{}");
    ck_assert_int_eq(response.status, 200);
    expect_has("\"ShardLimit\":500");
    json(KINESIS "UpdateShardCount",
         "{\"StreamName\":\"orders\",\"TargetShardCount\":8,\"ScalingType\":\"UNIFORM_SCALING\"}");
    expect_has("\"ResourceInUseException\"");
}
END_TEST

START_TEST(streams_are_listed_in_pages)
{
    make_stream("a", 1);
    make_stream("b", 1);
    make_stream("c", 1);
    json(KINESIS "ListStreams", "{\"Limit\":2}");
    expect_has("{\"StreamNames\":[\"a\",\"b\"],\"HasMoreStreams\":true,\"NextToken\":\"");
    expect_has("\"StreamSummaries\":[{\"StreamName\":\"a\",\"StreamARN\":");
    json(KINESIS "ListStreams", "{\"ExclusiveStartStreamName\":\"b\"}");
    expect_has("{\"StreamNames\":[\"c\"],\"HasMoreStreams\":false,\"StreamSummaries\":");
}
END_TEST

START_TEST(a_listing_token_stands_alone)
{
    SCOPED(free_text) char *body = NULL;
    cJSON *page;

    make_stream("orders", 3);
    json(KINESIS "ListShards", "{\"StreamName\":\"orders\",\"MaxResults\":2}");
    page = cJSON_Parse(buffer_text(&response.body));
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(page, "Shards")), 2);
    body =
        must_printf("{\"NextToken\":\"%s\"}", cJSON_GetStringValue(cJSON_GetObjectItem(page, "NextToken")));
    cJSON_Delete(page);
    json(KINESIS "ListShards", body);
    ck_assert_int_eq(response.status, 200);
    expect_has("\"ShardId\":\"shardId-000000000002\"");
    expect_not("NextToken");
    json(KINESIS "ListShards", "{}");
    expect(400,
           "{\"__type\":\"InvalidArgumentException\",\"message\":\"Either NextToken or StreamName should be "
           "provided.\"}");
    json(KINESIS "ListShards", "{\"StreamName\":\"orders\",\"NextToken\":\"x\"}");
    expect(400, "{\"__type\":\"InvalidArgumentException\",\"message\":\"NextToken and StreamName cannot be "
                "provided "
                "together.\"}");
    sim_advance(sim, START_MS + 600000);
    json(KINESIS "ListShards", body);
    expect_has("\"ExpiredNextTokenException\"");
}
END_TEST

START_TEST(shard_metrics_are_switched_by_name)
{
    make_stream("orders", 1);
    json(KINESIS "EnableEnhancedMonitoring",
         "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"IncomingBytes\",\"IncomingRecords\"]}");
    expect_has("\"CurrentShardLevelMetrics\":[],\"DesiredShardLevelMetrics\":[\"IncomingBytes\","
               "\"IncomingRecords\"]}");
    json(KINESIS "EnableEnhancedMonitoring", "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"ALL\"]}");
    expect_has("\"ResourceInUseException\"");
    sim_advance(sim, START_MS + 70000);
    json(KINESIS "EnableEnhancedMonitoring", "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"ALL\"]}");
    expect_has(
        "\"DesiredShardLevelMetrics\":[\"IncomingBytes\",\"IncomingRecords\",\"OutgoingBytes\","
        "\"OutgoingRecords\",\"WriteProvisionedThroughputExceeded\",\"ReadProvisionedThroughputExceeded\","
        "\"IteratorAgeMilliseconds\"]}");
    sim_advance(sim, START_MS + 80000);
    json(KINESIS "DisableEnhancedMonitoring", "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"ALL\"]}");
    expect_has("\"DesiredShardLevelMetrics\":[]}");
}
END_TEST

/* ---- the recorded errors of Kinesis */

static bool is_ours(const char *operation)
{
    static const char *const ours[] = {"CreateStream",          "DeleteStream", "DescribeStream",
                                       "DescribeStreamSummary", "ListShards",   "ListStreams",
                                       "MergeShards",           "SplitShard"};

    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        if (text_equal(operation, ours[i]))
            return true;
    }
    return false;
}

static char *fill_in(const cJSON *value)
{
    char *text = cJSON_PrintUnformatted(value);

    text = replaced(text, "{accountId}", "000000000000");
    text = replaced(text, "{shardLimit}", "500");
    text = replaced(text, "{region}", "us-east-1");
    text = replaced(text, "{name1}", "abc");
    text = replaced(text, "{name2}", "def");
    text = replaced(text, "{name3}", "ghi");
    return replaced(text, "{testStream3shards}", "three");
}

/* StreamName was required when these were recorded, and so was ShardCount: those lines are out of date. */
static bool is_outdated(const char *line)
{
    return text_starts_with(line, "Value null at 'streamName'") ||
           text_starts_with(line, "Value null at 'shardCount'");
}

static void check_recorded(const cJSON *row)
{
    const cJSON *message = cJSON_GetObjectItem(row, "message"), *line;
    const char *operation = cJSON_GetStringValue(cJSON_GetObjectItem(row, "operation"));
    const cJSON *lines = cJSON_GetObjectItem(message, "validation_errors_any_order");
    SCOPED(free_text) char *target = must_printf(KINESIS "%s", operation);
    SCOPED(free_text) char *body = fill_in(cJSON_GetObjectItem(row, "request"));
    cJSON *got;
    const char *text;
    int expected = 0;

    cJSON_ArrayForEach(line, lines) {
        if (is_outdated(line->valuestring))
            return;
    }
    json(target, body);
    got = cJSON_Parse(buffer_text(&response.body));
    text = cJSON_GetStringValue(cJSON_GetObjectItem(got, "message"));
    ck_assert_msg(text != NULL, "%s %s: %s", operation, body, buffer_text(&response.body));
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(got, "__type")),
                     cJSON_GetStringValue(cJSON_GetObjectItem(row, "error_type")));
    cJSON_ArrayForEach(line, lines) {
        ck_assert_msg(strstr(text, line->valuestring) != NULL, "no '%s' in '%s'", line->valuestring, text);
        expected++;
    }
    if (lines != NULL) {
        ck_assert_int_eq(strtol(text, NULL, 10), expected);
    } else {
        SCOPED(free_text) char *wanted = fill_in(message);
        SCOPED(free_text) char *quoted = cJSON_PrintUnformatted(cJSON_GetObjectItem(got, "message"));

        ck_assert_str_eq(quoted, wanted);
    }
    cJSON_Delete(got);
}

START_TEST(recorded_errors_come_back_word_for_word)
{
    static const char *const lists[] = {"kinesalite_assertions_split_merge_list_create",
                                        "kinesalite_assertions_other_ops"};
    SCOPED(free_text) char *path = NULL;
    SCOPED(free_text) char *text = NULL;
    cJSON *file;
    const cJSON *row;
    int checked = 0;

    if (shared_data() == NULL) {
        printf("skipped: recorded_errors_come_back_word_for_word: no shared data\n");
        return;
    }
    path = must_printf("%s/kinesis_errors.json", shared_data());
    text = read_text(path);
    file = cJSON_Parse(text);
    make_stream("three", 3);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(file, lists[i])) {
            if (!is_ours(cJSON_GetStringValue(cJSON_GetObjectItem(row, "operation"))) ||
                !cJSON_IsObject(cJSON_GetObjectItem(row, "request")))
                continue;
            check_recorded(row);
            checked++;
        }
    }
    ck_assert_int_gt(checked, 50);
    cJSON_Delete(file);
}
END_TEST

/* ---- */

static Suite *suite(void)
{
    Suite *all = suite_create("sim_wire");
    TCase *tcase = tcase_create("wire");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_sim, drop_sim);
    tcase_add_loop_test(tcase, requests_are_told_apart_as_aws_does, 0, COUNT_OF(protocol_cases));
    tcase_add_test(tcase, query_answers_name_what_they_miss);
    tcase_add_loop_test(tcase, wrong_types_are_named_in_the_words_of_aws, 0, COUNT_OF(type_cases));
    tcase_add_loop_test(tcase, all_broken_constraints_are_in_one_answer, 0, COUNT_OF(constraint_cases));
    tcase_add_test(tcase, a_constraint_fails_the_same_way_in_query);
    tcase_add_loop_test(tcase, no_body_brings_the_wire_down, 0, 4);
    tcase_add_test(tcase, a_stream_is_made_described_split_and_merged);
    tcase_add_test(tcase, shards_are_counted_updated_and_limited);
    tcase_add_test(tcase, streams_are_listed_in_pages);
    tcase_add_test(tcase, a_listing_token_stands_alone);
    tcase_add_test(tcase, shard_metrics_are_switched_by_name);
    tcase_add_test(tcase, recorded_errors_come_back_word_for_word);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
