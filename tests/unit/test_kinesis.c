#include "aws/kinesis.h"
#include "base/memory.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

/* ---- DescribeStreamSummary */

#define SUMMARY(members)                                                                                     \
    "{\"StreamDescriptionSummary\":{\"StreamName\":\"orders\","                                              \
    "\"StreamARN\":\"arn:aws:kinesis:eu-west-1:123456789012:stream/orders\",\"StreamStatus\":\"UPDATING\","  \
    "\"RetentionPeriodHours\":168,\"StreamCreationTimestamp\":1.441215410867E9,\"EncryptionType\":\"NONE\"," \
    "\"OpenShardCount\":12" members "}}"

static int describe(const char *answer, struct stream_summary *summary, struct error *err)
{
    struct exchange exchange = {"DescribeStreamSummary", .request = "{\"StreamName\":\"orders\"}",
                                .answer = answer};
    struct conversation conversation;
    int result;

    conversation_open(&conversation, &exchange, 1);
    result = kinesis_describe_summary(conversation.client, "orders", summary, err);
    conversation_close(&conversation);
    return result;
}

START_TEST(a_summary_says_what_the_stream_is)
{
    struct stream_summary summary;
    struct error err = {0};

    ck_assert_msg(
        describe(SUMMARY(",\"ConsumerCount\":3,\"StreamModeDetails\":{\"StreamMode\":\"PROVISIONED\"},"
                         "\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":[\"IncomingBytes\","
                         "\"WriteProvisionedThroughputExceeded\",\"IteratorAgeMilliseconds\"]}],"
                         "\"MaxRecordSizeInKiB\":1024,\"WarmThroughput\":{\"TargetMiBps\":1}"),
                 &summary, &err) == 0,
        "%s", err.message);
    ck_assert_int_eq(summary.status, STREAM_UPDATING);
    ck_assert(!summary.on_demand);
    ck_assert_int_eq(summary.open_shards, 12);
    ck_assert_int_eq(summary.created_ms, 1441215410867);
    ck_assert_int_eq(summary.retention_hours, 168);
    ck_assert_int_eq(summary.consumers, 3);
    ck_assert(summary.shard_bytes && !summary.shard_records && summary.shard_throttled);
    ck_assert_str_eq(summary.arn, "arn:aws:kinesis:eu-west-1:123456789012:stream/orders");
}
END_TEST

static const struct {
    const char *members;
    bool on_demand, bytes, records, throttled;
} variants[] = {
    {"", false, false, false, false},
    {",\"StreamModeDetails\":{\"StreamMode\":\"ON_DEMAND\"}", true, false, false, false},
    {",\"StreamModeDetails\":null,\"ConsumerCount\":null", false, false, false, false},
    {",\"EnhancedMonitoring\":[]", false, false, false, false},
    {",\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":[]}]", false, false, false, false},
    {",\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":[\"ALL\"]}]", false, true, true, true},
    {",\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":[\"OutgoingBytes\"]},{\"ShardLevelMetrics\":"
     "[\"IncomingRecords\"]}]",
     false, false, true, false},
    {",\"EnhancedMonitoring\":[{}],\"SomethingNew\":{\"a\":[1]}", false, false, false, false},
};

START_TEST(a_summary_may_lack_what_older_services_lack_and_have_what_newer_add)
{
    struct stream_summary summary;
    struct error err = {0};
    char answer[1024];

    snprintf(answer, sizeof(answer), SUMMARY("%s"), variants[_i].members);
    ck_assert_msg(describe(answer, &summary, &err) == 0, "%s", err.message);
    ck_assert(summary.on_demand == variants[_i].on_demand);
    ck_assert(summary.shard_bytes == variants[_i].bytes);
    ck_assert(summary.shard_records == variants[_i].records);
    ck_assert(summary.shard_throttled == variants[_i].throttled);
}
END_TEST

static const struct {
    const char *answer;
    const char *text;
} bad_summaries[] = {
    {"{}", "the answer has no 'StreamDescriptionSummary'"},
    {"", "the answer has no 'StreamDescriptionSummary'"},
    {"{\"StreamDescriptionSummary\":null}", "the answer has no 'StreamDescriptionSummary'"},
    {"{\"StreamDescriptionSummary\":[]}", "the answer's 'StreamDescriptionSummary' is malformed"},
    {"{\"StreamDescriptionSummary\":{}}", "the answer has no 'StreamStatus'"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"active\"}}",
     "the answer's 'StreamStatus' is malformed"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":7}}", "the answer's 'StreamStatus' is malformed"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\"}}", "the answer has no 'OpenShardCount'"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\",\"OpenShardCount\":-1}}",
     "the answer's 'OpenShardCount' is malformed"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\",\"OpenShardCount\":1.5}}",
     "the answer's 'OpenShardCount' is malformed"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\",\"OpenShardCount\":1e300}}",
     "the answer's 'OpenShardCount' is malformed"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\",\"OpenShardCount\":1e999}}",
     "the answer's 'OpenShardCount' is malformed"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\",\"OpenShardCount\":\"4\"}}",
     "the answer's 'OpenShardCount' is malformed"},
    {"{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\",\"OpenShardCount\":4}}",
     "the answer has no 'StreamARN'"},
    {SUMMARY(",\"StreamModeDetails\":{\"StreamMode\":\"SOMETHING\"}"),
     "the answer's 'StreamMode' is malformed"},
    {SUMMARY(",\"StreamModeDetails\":\"x\""), "the answer's 'StreamModeDetails' is malformed"},
    {SUMMARY(",\"EnhancedMonitoring\":{}"), "the answer's 'EnhancedMonitoring' is malformed"},
    {SUMMARY(",\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":7}]"),
     "the answer's 'ShardLevelMetrics' is malformed"},
    {SUMMARY(",\"ConsumerCount\":true"), "the answer's 'ConsumerCount' is malformed"},
};

START_TEST(a_summary_that_is_malformed_is_refused_and_the_member_named)
{
    struct stream_summary summary = {.open_shards = 77};
    struct error err = {0};

    ck_assert_int_lt(describe(bad_summaries[_i].answer, &summary, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(text_starts_with(err.message, "DescribeStreamSummary 'orders': ") &&
                      text_ends_with(err.message, bad_summaries[_i].text),
                  "%s", err.message);
    ck_assert_int_eq(summary.open_shards, 77);
}
END_TEST

/* ---- ListShards */

#define HALF "170141183460469231731687303715884105728"
#define BELOW_HALF "170141183460469231731687303715884105727"
#define LAST "340282366920938463463374607431768211455"
#define SHARD(id, start, end, more)                                                                     \
    "{\"ShardId\":\"shardId-00000000000" id "\"," more "\"HashKeyRange\":{\"StartingHashKey\":\"" start \
    "\",\"EndingHashKey\":\"" end "\"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"49\"}}"
#define CLOSED(id)                                                                                \
    "{\"ShardId\":\"shardId-00000000000" id "\",\"HashKeyRange\":{\"StartingHashKey\":\"0\","     \
    "\"EndingHashKey\":\"" LAST "\"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"49\"," \
    "\"EndingSequenceNumber\":\"50\"}}"
#define FIRST_PAGE "{\"StreamName\":\"orders\",\"ShardFilter\":{\"Type\":\"AT_LATEST\"},\"MaxResults\":1000}"
#define EXPIRED "{\"__type\":\"ExpiredNextTokenException\",\"message\":\"too late\"}"

static int list(const struct exchange *exchanges, size_t count, struct shard_map *map, struct error *err)
{
    struct conversation conversation;
    int result;

    conversation_open(&conversation, exchanges, count);
    result = kinesis_list_shards(conversation.client, "orders", map, err);
    conversation_close(&conversation);
    return result;
}

START_TEST(open_shards_of_all_pages_are_listed_in_order_of_their_ranges)
{
    static const struct exchange exchanges[] = {
        {"ListShards", .request = FIRST_PAGE,
         .answer = "{\"Shards\":[" CLOSED("0") "," SHARD("2", HALF, LAST,
                                                         "\"ParentShardId\":\"shardId-000000000000\","
                                                         "\"AdjacentParentShardId\":\"shardId-"
                                                         "000000000009\",") "],\"NextToken\":\"AAAA\"}"},
        {"ListShards", .request = "{\"NextToken\":\"AAAA\",\"MaxResults\":1000}",
         .answer = "{\"Shards\":[],\"NextToken\":\"BBBB\"}"},
        {"ListShards", .request = "{\"NextToken\":\"BBBB\",\"MaxResults\":1000}",
         .answer = "{\"Shards\":[" SHARD("1", "0", BELOW_HALF, "") "],\"NextToken\":null}"},
    };
    struct shard_map map = {0};
    struct error err = {0};

    ck_assert_msg(list(exchanges, COUNT_OF(exchanges), &map, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(map.count, 2);
    ck_assert_str_eq(map.items[0].id, "shardId-000000000001");
    ck_assert_str_eq(map.items[0].parent, "");
    ck_assert_str_eq(map.items[1].id, "shardId-000000000002");
    ck_assert_str_eq(map.items[1].parent, "shardId-000000000000");
    ck_assert_str_eq(map.items[1].adjacent_parent, "shardId-000000000009");
    ck_assert(map.items[1].start == (hashkey)1 << 127 && map.items[1].end == HASHKEY_MAX);
    ck_assert_int_eq(shard_map_check(&map, &err), 0);
    shard_map_clear(&map);
}
END_TEST

START_TEST(a_listing_whose_token_expired_begins_again_once)
{
    static const struct exchange exchanges[] = {
        {"ListShards", .request = FIRST_PAGE,
         .answer = "{\"Shards\":[" SHARD("7", "0", LAST, "") "],\"NextToken\":\"A\"}"},
        {"ListShards", .request = "{\"NextToken\":\"A\",\"MaxResults\":1000}", .status = 400,
         .answer = EXPIRED},
        {"ListShards", .request = FIRST_PAGE, .answer = "{\"Shards\":[" SHARD("1", "0", LAST, "") "]}"},
    };
    struct shard_map map = {0};
    struct error err = {0};

    ck_assert_msg(list(exchanges, COUNT_OF(exchanges), &map, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(map.count, 1);
    ck_assert_str_eq(map.items[0].id, "shardId-000000000001");
    shard_map_clear(&map);
}
END_TEST

START_TEST(a_token_that_expires_twice_is_an_error)
{
    static const struct exchange exchanges[] = {
        {"ListShards", .answer = "{\"Shards\":[],\"NextToken\":\"A\"}"},
        {"ListShards", .status = 400, .answer = EXPIRED},
        {"ListShards", .request = FIRST_PAGE, .answer = "{\"Shards\":[],\"NextToken\":\"B\"}"},
        {"ListShards", .status = 400, .answer = EXPIRED},
    };
    struct shard_map map = {0};
    struct error err = {0};

    ck_assert_int_lt(list(exchanges, COUNT_OF(exchanges), &map, &err), 0);
    ck_assert_str_eq(err.message, "ListShards 'orders': too late (ExpiredNextTokenException)");
    ck_assert_ptr_null(map.items);
}
END_TEST

START_TEST(pages_without_end_are_refused)
{
    static struct exchange exchanges[400];
    struct shard_map map = {0};
    struct error err = {0};

    for (size_t i = 0; i < COUNT_OF(exchanges); i++)
        exchanges[i] = (struct exchange){"ListShards", .answer = "{\"Shards\":[],\"NextToken\":\"again\"}"};
    ck_assert_int_lt(list(exchanges, COUNT_OF(exchanges), &map, &err), 0);
    ck_assert_str_eq(err.message, "ListShards 'orders': more than 400 pages");
}
END_TEST

START_TEST(shards_without_end_are_refused)
{
    struct buffer page;
    struct shard_map map = {0};
    struct error err = {0};
    struct exchange exchange = {"ListShards"};

    buffer_init(&page, 64 << 20);
    ck_assert_int_eq(buffer_add_text(&page, "{\"Shards\":[", &err), 0);
    for (int i = 0; i < 2 * SHARDS_PER_STREAM_MAX + 1; i++)
        ck_assert_int_eq(buffer_printf(&page, &err, "%s" SHARD("1", "%d", LAST, ""), i > 0 ? "," : "", i), 0);
    ck_assert_int_eq(buffer_add_text(&page, "]}", &err), 0);
    exchange.answer = page.bytes;
    ck_assert_int_lt(list(&exchange, 1, &map, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    buffer_clear(&page);
}
END_TEST

static const struct {
    const char *answer;
    const char *text;
} bad_pages[] = {
    {"{}", "the answer has no 'Shards'"},
    {"{\"Shards\":{}}", "the answer's 'Shards' is malformed"},
    {"{\"Shards\":[7]}", "the answer has no 'ShardId'"},
    {"{\"Shards\":[{\"ShardId\":\"\"}]}", "the answer has no 'HashKeyRange'"},
    {"{\"Shards\":[" SHARD("1", "", LAST, "") "]}", "the answer's 'StartingHashKey' is no hash key: ''"},
    {"{\"Shards\":[" SHARD("1", "01", LAST, "") "]}", "the answer's 'StartingHashKey' is no hash key: '01'"},
    {"{\"Shards\":[" SHARD("1", "0", "340282366920938463463374607431768211456", "") "]}",
     "the answer's 'EndingHashKey' is no hash key: '340282366920938463463374607431768211456'"},
    {"{\"Shards\":[" SHARD("1", "0", "3402823669209384634633746074317682114560", "") "]}",
     "the answer's 'EndingHashKey' is malformed"},
    {"{\"Shards\":[" SHARD("1", "0", LAST, "\"ParentShardId\":7,") "]}",
     "the answer's 'ParentShardId' is malformed"},
    {"{\"Shards\":[{\"ShardId\":\"s\",\"HashKeyRange\":{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"1\"}}]"
     "}",
     "the answer has no 'SequenceNumberRange'"},
    {"{\"Shards\":[{\"ShardId\":\"\",\"HashKeyRange\":{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"1\"},"
     "\"SequenceNumberRange\":{}}]}",
     "the answer has a shard without a name"},
    {"{\"Shards\":[],\"NextToken\":7}", "the answer's 'NextToken' is malformed"},
    {"{\"Shards\":[" SHARD("1", "5", "4", "") "]}", NULL},
};

START_TEST(a_page_that_is_malformed_is_refused_and_the_member_named)
{
    struct exchange exchange = {"ListShards", .answer = bad_pages[_i].answer};
    struct shard_map map = {0};
    struct error err = {0};

    ck_assert_int_lt(list(&exchange, 1, &map, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    if (bad_pages[_i].text != NULL)
        ck_assert_msg(text_ends_with(err.message, bad_pages[_i].text), "%s", err.message);
    ck_assert_msg(text_starts_with(err.message, "ListShards 'orders': "), "%s", err.message);
    ck_assert_ptr_null(map.items);
}
END_TEST

/* ---- resharding */

START_TEST(reshardings_say_what_the_model_wants_and_nothing_else)
{
    static const struct exchange exchanges[] = {
        {"SplitShard", .request = "{\"StreamName\":\"orders\",\"ShardToSplit\":\"shardId-000000000007\","
                                  "\"NewStartingHashKey\":\"" HALF "\"}"},
        {"MergeShards", .request = "{\"StreamName\":\"orders\",\"ShardToMerge\":\"shardId-000000000001\","
                                   "\"AdjacentShardToMerge\":\"shardId-000000000002\"}"},
        {"UpdateShardCount",
         .request = "{\"StreamName\":\"orders\",\"TargetShardCount\":24,"
                    "\"ScalingType\":\"UNIFORM_SCALING\"}",
         .answer = "{\"StreamName\":\"orders\",\"CurrentShardCount\":12,\"TargetShardCount\":24}"},
        {"EnableEnhancedMonitoring",
         .request = "{\"StreamName\":\"orders\",\"ShardLevelMetrics\":[\"IncomingBytes\",\"IncomingRecords\","
                    "\"WriteProvisionedThroughputExceeded\"]}",
         .answer = "{\"StreamName\":\"orders\",\"CurrentShardLevelMetrics\":[],\"DesiredShardLevelMetrics\":"
                   "[\"IncomingBytes\"]}"},
        {"DescribeLimits", .request = "{}",
         .answer = "{\"ShardLimit\":20000,\"OpenShardCount\":31,\"OnDemandStreamCount\":0,"
                   "\"OnDemandStreamCountLimit\":50}"},
    };
    struct conversation conversation;
    struct error err = {0};
    int64_t limit, open;

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(
        kinesis_split(conversation.client, "orders", "shardId-000000000007", (hashkey)1 << 127, &err), 0);
    ck_assert_int_eq(
        kinesis_merge(conversation.client, "orders", "shardId-000000000001", "shardId-000000000002", &err),
        0);
    ck_assert_int_eq(kinesis_update_count(conversation.client, "orders", 24, &err), 0);
    ck_assert_int_eq(kinesis_enable_shard_metrics(conversation.client, "orders", &err), 0);
    ck_assert_int_eq(kinesis_limits(conversation.client, &limit, &open, &err), 0);
    ck_assert_int_eq(limit, 20000);
    ck_assert_int_eq(open, 31);
    conversation_close(&conversation);
}
END_TEST

START_TEST(limits_that_are_malformed_are_refused)
{
    static const char *const answers[] = {"{}", "{\"ShardLimit\":5}",
                                          "{\"ShardLimit\":\"5\",\"OpenShardCount\":1}",
                                          "{\"ShardLimit\":5,\"OpenShardCount\":-1}"};

    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct exchange exchange = {"DescribeLimits", .answer = answers[i]};
        struct conversation conversation;
        struct error err = {0};
        int64_t limit = 77, open = 77;

        conversation_open(&conversation, &exchange, 1);
        ck_assert_int_lt(kinesis_limits(conversation.client, &limit, &open, &err), 0);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert(limit == 77 && open == 77);
        conversation_close(&conversation);
    }
}
END_TEST

START_TEST(streams_of_all_pages_are_listed_each_page_after_the_last_name)
{
    const struct exchange exchanges[] = {
        {"ListStreams", .request = "{\"Limit\":1000}",
         .answer = "{\"StreamNames\":[\"a\",\"b\"],\"HasMoreStreams\":true,\"NextToken\":\"x\"}"},
        {"ListStreams", .request = "{\"Limit\":1000,\"ExclusiveStartStreamName\":\"b\"}",
         .answer = "{\"StreamNames\":[\"c\"],\"HasMoreStreams\":false,\"StreamSummaries\":[{}]}"},
    };
    struct conversation conversation;
    struct error err = {0};
    struct names names;

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(kinesis_list_streams(conversation.client, &names, &err), 0);
    ck_assert_uint_eq(names.count, 3);
    ck_assert_str_eq(names.items[0], "a");
    ck_assert_str_eq(names.items[2], "c");
    names_clear(&names);
    conversation_close(&conversation);
}
END_TEST

START_TEST(a_list_of_streams_that_begins_again_is_refused)
{
    const struct exchange exchanges[] = {
        {"ListStreams", .answer = "{\"StreamNames\":[\"a\",\"b\"],\"HasMoreStreams\":true}"},
        {"ListStreams", .answer = "{\"StreamNames\":[\"a\",\"b\"],\"HasMoreStreams\":true}"},
    };
    struct conversation conversation;
    struct error err = {0};
    struct names names = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_lt(kinesis_list_streams(conversation.client, &names, &err), 0);
    ck_assert_str_eq(err.message, "ListStreams: stream 'b' comes after itself");
    conversation_close(&conversation);
}
END_TEST

START_TEST(a_list_of_streams_that_is_malformed_or_has_no_end_is_refused)
{
    static const char *const answers[] = {
        "{\"StreamNames\":\"a\",\"HasMoreStreams\":false}", "{\"StreamNames\":[7],\"HasMoreStreams\":false}",
        "{\"StreamNames\":[\"\"],\"HasMoreStreams\":false}", "{\"StreamNames\":[],\"HasMoreStreams\":true}"};

    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct exchange exchange = {"ListStreams", .answer = answers[i]};
        struct conversation conversation;
        struct error err = {0};
        struct names names = {0};

        conversation_open(&conversation, &exchange, 1);
        ck_assert_int_lt(kinesis_list_streams(conversation.client, &names, &err), 0);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_uint_eq(names.count, 0);
        conversation_close(&conversation);
    }
}
END_TEST

START_TEST(statuses_have_the_names_of_aws)
{
    ck_assert_str_eq(stream_status_name(STREAM_CREATING), "CREATING");
    ck_assert_str_eq(stream_status_name(STREAM_DELETING), "DELETING");
    ck_assert_str_eq(stream_status_name(STREAM_ACTIVE), "ACTIVE");
    ck_assert_str_eq(stream_status_name(STREAM_UPDATING), "UPDATING");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("kinesis");
    TCase *tcase = tcase_create("kinesis");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_summary_says_what_the_stream_is);
    tcase_add_loop_test(tcase, a_summary_may_lack_what_older_services_lack_and_have_what_newer_add, 0,
                        COUNT_OF(variants));
    tcase_add_loop_test(tcase, a_summary_that_is_malformed_is_refused_and_the_member_named, 0,
                        COUNT_OF(bad_summaries));
    tcase_add_test(tcase, open_shards_of_all_pages_are_listed_in_order_of_their_ranges);
    tcase_add_test(tcase, a_listing_whose_token_expired_begins_again_once);
    tcase_add_test(tcase, a_token_that_expires_twice_is_an_error);
    tcase_add_test(tcase, pages_without_end_are_refused);
    tcase_add_test(tcase, shards_without_end_are_refused);
    tcase_add_loop_test(tcase, a_page_that_is_malformed_is_refused_and_the_member_named, 0,
                        COUNT_OF(bad_pages));
    tcase_add_test(tcase, reshardings_say_what_the_model_wants_and_nothing_else);
    tcase_add_test(tcase, limits_that_are_malformed_are_refused);
    tcase_add_test(tcase, streams_of_all_pages_are_listed_each_page_after_the_last_name);
    tcase_add_test(tcase, a_list_of_streams_that_begins_again_is_refused);
    tcase_add_test(tcase, a_list_of_streams_that_is_malformed_or_has_no_end_is_refused);
    tcase_add_test(tcase, statuses_have_the_names_of_aws);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
