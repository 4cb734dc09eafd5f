#include "support.h"

#include "aws/alarm_message.h"
#include "aws/sns_message.h"
#include "base/date.h"
#include "base/memory.h"

#include <cjson/cJSON.h>

#define NOTHING \
    "\"AlarmName\":\"a\",\"NewStateValue\":\"ALARM\",\"StateChangeTime\":\"2025-09-16T16:59:17.131+0000\""
#define BEFORE "{" NOTHING ",\"OldStateValue\":\"OK\",\"Trigger\":"
#define STREAM "{\"value\":\"orders\",\"name\":\"StreamName\"}"
#define SHARD(n) "{\"value\":\"shardId-00000000000" n "\",\"name\":\"ShardId\"}"
#define METRIC(dimensions)                                                  \
    "{\"Id\":\"m\",\"MetricStat\":{\"Metric\":{\"Dimensions\":[" dimensions \
    "],\"MetricName\":\"IncomingBytes\","                                   \
    "\"Namespace\":\"AWS/Kinesis\"},\"Period\":60,\"Stat\":\"Sum\"},\"ReturnData\":false}"

/* ---- every shape */

static const struct {
    const char *name;
    const char *text;
    struct alarm_message expected; /* its first child only; changed_ms is that of NOTHING unless said */
} shapes[] = {
    {"one metric, as of 2025",
     "{\"AlarmName\":\"[T] Title #1: a|b\",\"AlarmDescription\":null,\"AWSAccountId\":\"308535385114\","
     "\"AlarmConfigurationUpdatedTimestamp\":\"2025-09-16T16:54:41.676+0000\",\"NewStateValue\":\"ALARM\","
     "\"NewStateReason\":\"Threshold Crossed\",\"StateChangeTime\":\"2025-09-16T16:59:17.131+0000\","
     "\"Region\":\"US East (N. Virginia)\","
     "\"AlarmArn\":\"arn:aws:cloudwatch:us-east-1:308535385114:alarm:[T] Title #1: "
     "a|b\",\"OldStateValue\":\"OK\","
     "\"OKActions\":[],\"AlarmActions\":[\"arn:aws:sns:us-east-1:308535385114:t\"],"
     "\"InsufficientDataActions\":[],"
     "\"Trigger\":{\"MetricName\":\"IncomingRecords\",\"Namespace\":\"AWS/"
     "Kinesis\",\"StatisticType\":\"Statistic\","
     "\"Statistic\":\"SUM\",\"Unit\":null,\"Dimensions\":[" STREAM "],\"Period\":60,\"EvaluationPeriods\":1,"
     "\"DatapointsToAlarm\":1,\"ComparisonOperator\":\"GreaterThanThreshold\",\"Threshold\":4.8E4,"
     "\"TreatMissingData\":\"notBreaching\",\"EvaluateLowSampleCountPercentile\":\"\"}}",
     {.alarm_name = "[T] Title #1: a|b",
      .alarm_arn = "arn:aws:cloudwatch:us-east-1:308535385114:alarm:[T] Title #1: a|b",
      .new_state = ALARM_ALARM,
      .old_state = ALARM_OK,
      .stream = "orders",
      .metric = "IncomingRecords",
      .comparison = "GreaterThanThreshold"}},
    {"a shard",
     BEFORE "{\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/Kinesis\",\"Dimensions\":[" SHARD(
         "7") "," STREAM "]}}",
     {.alarm_name = "a",
      .new_state = ALARM_ALARM,
      .old_state = ALARM_OK,
      .stream = "orders",
      .shard = "shardId-000000000007",
      .metric = "IncomingBytes"}},
    {"dimensions spelt as in the API",
     BEFORE "{\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/"
            "Kinesis\",\"Dimensions\":[{\"Name\":\"StreamName\","
            "\"Value\":\"a_b.c-D9\"}]}}",
     {.alarm_name = "a",
      .new_state = ALARM_ALARM,
      .old_state = ALARM_OK,
      .stream = "a_b.c-D9",
      .metric = "IncomingBytes"}},
    {"no dimensions",
     BEFORE "{\"MetricName\":\"m\",\"Namespace\":\"AWS/Kinesis\",\"Dimensions\":[]}}",
     {.alarm_name = "a", .new_state = ALARM_ALARM, .old_state = ALARM_OK, .metric = "m"}},
    {"dimensions that are a text",
     BEFORE "{\"MetricName\":\"m\",\"Namespace\":\"AWS/Kinesis\",\"Dimensions\":\"\"}}",
     {.alarm_name = "a", .new_state = ALARM_ALARM, .old_state = ALARM_OK, .metric = "m"}},
    {"another namespace",
     BEFORE "{\"MetricName\":\"m\",\"Namespace\":\"AWS/Firehose\",\"Dimensions\":[" STREAM "]}}",
     {.alarm_name = "a", .new_state = ALARM_ALARM, .old_state = ALARM_OK, .metric = "m"}},
    {"math",
     BEFORE
     "{\"Period\":60,\"Threshold\":0.4,\"ComparisonOperator\":\"GreaterThanOrEqualToThreshold\",\"Metrics\":["
     "{\"Expression\":\"FILL(m,0)\",\"Id\":\"e1\",\"ReturnData\":true}," METRIC(STREAM) "," METRIC(
         STREAM) "]}}",
     {.alarm_name = "a",
      .new_state = ALARM_ALARM,
      .old_state = ALARM_OK,
      .math = true,
      .stream = "orders",
      .comparison = "GreaterThanOrEqualToThreshold"}},
    {"math of one shard",
     BEFORE "{\"Metrics\":[" METRIC(STREAM "," SHARD("3")) "," METRIC(SHARD("3") "," STREAM) "]}}",
     {.alarm_name = "a",
      .new_state = ALARM_ALARM,
      .old_state = ALARM_OK,
      .math = true,
      .stream = "orders",
      .shard = "shardId-000000000003"}},
    {"math of two shards is of the stream",
     BEFORE "{\"Metrics\":[" METRIC(STREAM "," SHARD("3")) "," METRIC(STREAM "," SHARD("4")) "]}}",
     {.alarm_name = "a", .new_state = ALARM_ALARM, .old_state = ALARM_OK, .math = true, .stream = "orders"}},
    {"math of a shard and the stream is of the stream",
     BEFORE "{\"Metrics\":[" METRIC(STREAM "," SHARD("3")) "," METRIC(STREAM) "," METRIC(
         STREAM "," SHARD("3")) "]}}",
     {.alarm_name = "a", .new_state = ALARM_ALARM, .old_state = ALARM_OK, .math = true, .stream = "orders"}},
    {"an anomaly band",
     BEFORE
     "{\"ThresholdMetricId\":\"ad1\",\"ComparisonOperator\":\"GreaterThanUpperThreshold\",\"Metrics\":"
     "[" METRIC(STREAM) ",{\"Expression\":\"ANOMALY_DETECTION_BAND(m, 2)\",\"Id\":\"ad1\",\"Label\":\"x\","
                        "\"ReturnData\":true}]}}",
     {.alarm_name = "a",
      .new_state = ALARM_ALARM,
      .old_state = ALARM_OK,
      .math = true,
      .stream = "orders",
      .comparison = "GreaterThanUpperThreshold"}},
    {"composite",
     "{" NOTHING
     ",\"AlarmDescription\":\"\",\"OldStateValue\":\"OK\",\"AlarmRule\":\"ALARM(arn:x) OR ALARM(arn:y)\","
     "\"TriggeringChildren\":[{\"Arn\":\"arn:aws:cloudwatch:us-east-1:427809481713:alarm:a:b "
     "c\",\"State\":{\"Value\":"
     "\"ALARM\",\"Timestamp\":\"2021-11-10T02:45:55.640+0000\"}},{\"Arn\":"
     "\"arn:aws-cn:cloudwatch:cn-north-1:427809481713:alarm:second\"}]}",
     {.alarm_name = "a",
      .new_state = ALARM_ALARM,
      .old_state = ALARM_OK,
      .composite = true,
      .child_count = 2,
      .child_names = {"a:b c", "second"}}},
    {"composite without children",
     "{" NOTHING ",\"AlarmRule\":\"TRUE\"}",
     {.alarm_name = "a", .new_state = ALARM_ALARM, .old_state = ALARM_INSUFFICIENT_DATA, .composite = true}},
    {"the least there is",
     "{" NOTHING "}",
     {.alarm_name = "a", .new_state = ALARM_ALARM, .old_state = ALARM_INSUFFICIENT_DATA}},
    {"back to OK, with members nobody knows yet",
     "{\"AlarmName\":\"Inicio de "
     "Sesi\\u00f3n\",\"NewStateValue\":\"OK\",\"OldStateValue\":\"INSUFFICIENT_DATA\","
     "\"StateChangeTime\":\"2025-09-16T16:59:17.131Z\",\"ActionExecutedAfterMuteWindow\":false,\"New\":{"
     "\"a\":[1]},"
     "\"Trigger\":null,\"AlarmArn\":null}",
     {.alarm_name = "Inicio de Sesi\xc3\xb3n", .new_state = ALARM_OK, .old_state = ALARM_INSUFFICIENT_DATA}},
};

START_TEST(every_shape_of_an_alarm_message_is_read)
{
    const struct alarm_message *expected = &shapes[_i].expected;
    struct alarm_message message;
    struct error err;
    int64_t changed_ms;

    ck_assert(date_parse("2025-09-16T16:59:17.131Z", &changed_ms));
    ck_assert_msg(alarm_message_parse(shapes[_i].text, strlen(shapes[_i].text), &message, &err) == 0,
                  "%s: %s", shapes[_i].name, err.message);
    ck_assert_str_eq(message.alarm_name, expected->alarm_name);
    ck_assert_str_eq(message.alarm_arn, expected->alarm_arn);
    ck_assert_int_eq(message.new_state, expected->new_state);
    ck_assert_int_eq(message.old_state, expected->old_state);
    ck_assert_int_eq(message.changed_ms, changed_ms);
    ck_assert_int_eq(message.math, expected->math);
    ck_assert_int_eq(message.composite, expected->composite);
    ck_assert_str_eq(message.stream, expected->stream);
    ck_assert_str_eq(message.shard, expected->shard);
    ck_assert_str_eq(message.metric, expected->metric);
    ck_assert_str_eq(message.comparison, expected->comparison);
    ck_assert_uint_eq(message.child_count, expected->child_count);
    for (size_t i = 0; i < message.child_count; i++)
        ck_assert_str_eq(message.child_names[i], expected->child_names[i]);
}
END_TEST

START_TEST(of_many_children_the_first_are_kept)
{
    struct alarm_message message;
    struct buffer text;
    struct error err;

    buffer_init(&text, 65536);
    ck_assert_int_eq(buffer_add_text(&text, "{" NOTHING ",\"TriggeringChildren\":[", &err), 0);
    for (int i = 0; i < ALARM_CHILDREN_MAX + 5; i++)
        ck_assert_int_eq(buffer_printf(&text, &err, "%s{\"Arn\":\"arn:aws:cloudwatch:r:1:alarm:child-%d\"}",
                                       i > 0 ? "," : "", i),
                         0);
    ck_assert_int_eq(buffer_add_text(&text, "]}", &err), 0);
    ck_assert_int_eq(alarm_message_parse(buffer_text(&text), text.length, &message, &err), 0);
    ck_assert_uint_eq(message.child_count, ALARM_CHILDREN_MAX);
    ck_assert_str_eq(message.child_names[ALARM_CHILDREN_MAX - 1], "child-31");
    buffer_clear(&text);
}
END_TEST

/* ---- what is no alarm message */

#define LONG_NAME                                                                                          \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" \
    "01234567890123456789012345678901234567890123456789012345"
/* AWS counts characters, and each of 255 may have four bytes. */
#define LONG_ALARM_NAME LONG_NAME LONG_NAME LONG_NAME LONG_NAME

static const struct {
    const char *text, *saying;
} faults[] = {
    {"", "alarm message: "},
    {"hello", "alarm message: not JSON"},
    {"[]", "not an object"},
    {"{}", "'AlarmName' is missing"},
    {"{\"AlarmName\":\"\",\"NewStateValue\":\"OK\"}", "'AlarmName' is missing"},
    {"{\"AlarmName\":1,\"NewStateValue\":\"OK\"}", "'AlarmName' is missing or no text"},
    {"{\"AlarmName\":\"" LONG_ALARM_NAME "\",\"NewStateValue\":\"OK\"}",
     "'AlarmName' has more than 1020 bytes"},
    {"{\"AlarmName\":\"a\"}", "'NewStateValue' is missing"},
    {"{\"AlarmName\":\"a\",\"NewStateValue\":\"alarm\"}", "'NewStateValue' is no state: 'alarm'"},
    {"{\"AlarmName\":\"a\",\"NewStateValue\":\"A\\nB\"}", "'A?B'"},
    {"{\"AlarmName\":\"a\",\"NewStateValue\":\"OK\",\"OldStateValue\":\"x\"}", "'OldStateValue' is no state"},
    {"{\"AlarmName\":\"a\",\"NewStateValue\":\"OK\"}", "'StateChangeTime' is missing"},
    {"{\"AlarmName\":\"a\",\"NewStateValue\":\"OK\",\"StateChangeTime\":\"date\"}",
     "'StateChangeTime' is no time: 'date'"},
    {"{" NOTHING ",\"AlarmName\":\"b\"}", "the key 'AlarmName' twice"},
    {"{" NOTHING ",\"x\":\"\\u0000\"}", "\\u0000"},
    {"{" NOTHING ",\"TriggeringChildren\":[{}]}", "an 'Arn' in 'TriggeringChildren'"},
    {"{" NOTHING ",\"TriggeringChildren\":[{\"Arn\":\"arn:aws:sns:r:1:topic\"}]}",
     "an 'Arn' in 'TriggeringChildren'"},
    {"{" NOTHING ",\"TriggeringChildren\":[{\"Arn\":\"arn:aws:cloudwatch:r:1:alarm:" LONG_ALARM_NAME "\"}]}",
     "an 'Arn' in 'TriggeringChildren'"},
    {BEFORE
     "{\"MetricName\":\"m\",\"Namespace\":\"AWS/Kinesis\",\"Dimensions\":[{\"name\":\"StreamName\",\"value\":"
     "\"a/b\"}]}}",
     "'StreamName' is no name of a stream"},
    {BEFORE "{\"MetricName\":\"m\",\"Namespace\":\"AWS/"
            "Kinesis\",\"Dimensions\":[{\"name\":\"StreamName\",\"value\":\"" LONG_NAME "\"}]}}",
     "'StreamName' is no name of a stream"},
    {BEFORE "{\"MetricName\":\"m\",\"Namespace\":\"AWS/Kinesis\",\"Dimensions\":[" STREAM
            ",{\"name\":\"ShardId\","
            "\"value\":\"\"}]}}",
     "'ShardId' is no id of a shard"},
    {BEFORE "{\"MetricName\":\"" LONG_NAME "\"}}", "'MetricName' has more than 255 bytes"},
};

START_TEST(what_is_no_alarm_message_is_refused_by_the_member_that_is_wrong)
{
    struct alarm_message message = {.alarm_name = "unchanged"};
    struct error err = {0};

    ck_assert_int_lt(alarm_message_parse(faults[_i].text, strlen(faults[_i].text), &message, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(strstr(err.message, faults[_i].saying) != NULL, "'%s' without '%s'", err.message,
                  faults[_i].saying);
    ck_assert_str_eq(message.alarm_name, "unchanged");
}
END_TEST

START_TEST(a_deep_or_large_text_is_refused)
{
    struct alarm_message message;
    struct error err;
    char *text = must_calloc(1, SNS_BODY_MAX + 2);

    memset(text, '[', 10000);
    ck_assert_int_lt(alarm_message_parse(text, 10000, &message, &err), 0);
    memset(text, ' ', SNS_BODY_MAX + 1);
    memcpy(text, "{" NOTHING "}", strlen("{" NOTHING "}"));
    ck_assert_int_eq(alarm_message_parse(text, SNS_BODY_MAX, &message, &err), 0);
    ck_assert_int_lt(alarm_message_parse(text, SNS_BODY_MAX + 1, &message, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    free(text);
}
END_TEST

/* ---- recorded */

static const struct {
    const char *file;
    const char *alarm_name;
    enum alarm_state new_state, old_state;
    bool math;
    const char *stream, *metric;
} recorded[] = {
    {"aws-lambda-go-metric-math.lambda.json", "EXAMPLE", ALARM_ALARM, ALARM_INSUFFICIENT_DATA, true, "", ""},
    {"aws-lambda-go-single-metric.lambda.json", "EXAMPLE", ALARM_ALARM, ALARM_INSUFFICIENT_DATA, false, "",
     "NetworkOut"},
    {"kinesis-metric-math-scale-down.message.json", "Kinesis_Auto_Scale_Down_Alarm", ALARM_ALARM,
     ALARM_INSUFFICIENT_DATA, true, "auto-stream-poc", ""},
    {"kinesis-metric-math-scale-up.message.json", "Kinesis_Auto_Scale_Up_Alarm", ALARM_ALARM, ALARM_OK, true,
     "auto-scaling-demo-stream", ""},
    {"localstack-recorded-from-aws.templated.json", "<alarm-name:1>", ALARM_ALARM, ALARM_INSUFFICIENT_DATA,
     false, "", "my-metric1"},
    {"notify-slack-minimal-no-trigger.message.json", "Example", ALARM_ALARM, ALARM_OK, false, "", ""},
    {"notify-slack-single-metric-ok.lambda.json", "DBMigrationRequired", ALARM_OK, ALARM_ALARM, false, "",
     "DBMigrationRequired"},
};

/* What SNS would have delivered; the caller frees. */
static char *message_of(const char *file, size_t number)
{
    char *path = must_printf("%s/alarms/%s", shared_data(), file);
    char *text = read_text(path);
    cJSON *json = cJSON_Parse(text), *message;
    char *taken;

    if (strstr(file, ".lambda.") != NULL) {
        cJSON *record = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "Records"), 0);

        taken = must_strdup(
            cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(record, "Sns"), "Message")));
    } else if (cJSON_IsArray(json)) { /* times are templates */
        message = cJSON_GetObjectItem(cJSON_GetArrayItem(json, (int)number), "message");
        cJSON_ReplaceItemInObject(message, "StateChangeTime",
                                  cJSON_CreateString("2025-09-16T16:59:17.131+0000"));
        taken = cJSON_PrintUnformatted(message);
    } else {
        taken = must_strdup(text);
    }
    cJSON_Delete(json);
    free(text);
    free(path);
    return taken;
}

START_TEST(recorded_messages_are_read)
{
    struct alarm_message message;
    struct error err;

    if (shared_data() == NULL) {
        puts("skipped: the recorded alarm messages are not there");
        return;
    }
    for (size_t number = 0; number < (strstr(recorded[_i].file, "templated") != NULL ? 3 : 1); number++) {
        char *text = message_of(recorded[_i].file, number);

        ck_assert_msg(alarm_message_parse(text, strlen(text), &message, &err) == 0, "%s: %s",
                      recorded[_i].file, err.message);
        ck_assert_str_eq(message.alarm_name, recorded[_i].alarm_name);
        ck_assert_int_eq(message.new_state, recorded[_i].new_state);
        ck_assert_int_eq(message.old_state, recorded[_i].old_state);
        ck_assert_int_eq(message.math, recorded[_i].math);
        ck_assert(!message.composite);
        ck_assert_str_eq(message.stream, recorded[_i].stream);
        ck_assert_str_eq(message.shard, "");
        ck_assert(strncmp(message.metric, recorded[_i].metric, strlen(recorded[_i].metric)) == 0);
        ck_assert_int_gt(message.changed_ms, 0);
        free(text);
    }
}
END_TEST

/* ---- anything */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Whatever a byte is turned into: a message that holds to its bounds, or an error with a text. */
START_TEST(a_damaged_message_never_does_harm)
{
    static const char bytes[] = "{}[],:\"\\u0n1-e.\x00\xff\xc3 ";
    const char *original = shapes[_i].text;
    size_t length = strlen(original);
    char *text = must_calloc(1, length);
    uint64_t state = 0x9e3779b97f4a7c15u + (uint64_t)_i;

    for (int round = 0; round < 3000; round++) {
        struct alarm_message message;
        struct error err = {0};
        size_t cut = next_random(&state) % 8 == 0 ? next_random(&state) % length : length;

        memcpy(text, original, length);
        for (uint64_t changes = 1 + next_random(&state) % 4; changes > 0; changes--)
            text[next_random(&state) % length] = bytes[next_random(&state) % (sizeof(bytes) - 1)];
        if (alarm_message_parse(text, cut, &message, &err) == 0) {
            ck_assert_uint_gt(strlen(message.alarm_name), 0);
            ck_assert_uint_le(message.child_count, ALARM_CHILDREN_MAX);
            ck_assert(message.stream[0] != '\0' || message.shard[0] == '\0');
            ck_assert(!message.composite || !message.math);
        } else {
            ck_assert_int_eq(err.kind, ERROR_INPUT);
            ck_assert_uint_gt(strlen(err.message), 0);
        }
    }
    free(text);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("alarm_message");
    TCase *tcase = tcase_create("alarm_message");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_shape_of_an_alarm_message_is_read, 0, COUNT_OF(shapes));
    tcase_add_test(tcase, of_many_children_the_first_are_kept);
    tcase_add_loop_test(tcase, what_is_no_alarm_message_is_refused_by_the_member_that_is_wrong, 0,
                        COUNT_OF(faults));
    tcase_add_test(tcase, a_deep_or_large_text_is_refused);
    tcase_add_loop_test(tcase, recorded_messages_are_read, 0, COUNT_OF(recorded));
    tcase_add_loop_test(tcase, a_damaged_message_never_does_harm, 0, COUNT_OF(shapes));
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
