/* cloudwatch_metrics(): what is asked, and how datapoints find their places. */
#include "aws/cloudwatch.h"
#include "base/memory.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

#include <math.h>

static const int64_t START_MS = 1763683200000, MINUTE_MS = 60000;

static const struct metric_query one_query[] = {{"IncomingBytes", "orders", NULL, "Sum", 60}};
static const struct metric_query two_queries[] = {
    {"IncomingBytes", "orders", "", "Sum", 60},
    {"IncomingRecords", "orders", "shardId-000000000001", "Maximum", 300}};

static int ask(const struct exchange *exchanges, size_t exchange_count, const struct metric_query *queries,
               size_t query_count, int minutes, struct metric_answer *answer, struct error *err)
{
    struct conversation conversation;
    int result;

    conversation_open(&conversation, exchanges, exchange_count);
    result = cloudwatch_metrics(conversation.client, queries, query_count, START_MS,
                                START_MS + minutes * MINUTE_MS, answer, err);
    conversation_close(&conversation);
    return result;
}

#define REQUEST                                                                                              \
    "{\"MetricDataQueries\":[{\"Id\":\"q0\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/Kinesis\","      \
    "\"MetricName\":\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}]},"     \
    "\"Period\":60,\"Stat\":\"Sum\"},\"ReturnData\":true},{\"Id\":\"q1\",\"MetricStat\":{\"Metric\":{"       \
    "\"Namespace\":"                                                                                         \
    "\"AWS/Kinesis\",\"MetricName\":\"IncomingRecords\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":" \
    "\"orders\"},{\"Name\":\"ShardId\",\"Value\":\"shardId-000000000001\"}]},\"Period\":300,\"Stat\":"       \
    "\"Maximum\"},"                                                                                          \
    "\"ReturnData\":true}],\"StartTime\":1763683200,\"EndTime\":1763683500,\"ScanBy\":"                      \
    "\"TimestampAscending\""

START_TEST(points_of_several_pages_find_their_places)
{
    static const struct exchange exchanges[] = {
        {"GetMetricData", .request = REQUEST "}",
         .answer =
             "{\"MetricDataResults\":[{\"Id\":\"q0\",\"Label\":\"x\",\"StatusCode\":\"PartialData\","
             "\"Timestamps\":"
             "[1763683260,1763683200.0],\"Values\":[2.5,1E3]},{\"Id\":\"q1\",\"StatusCode\":\"Complete\","
             "\"Timestamps\":[1.7636832E9],\"Values\":[7]}],\"Messages\":[],\"NextToken\":\"AAAA\"}"},
        {"GetMetricData", .request = REQUEST ",\"NextToken\":\"AAAA\"}",
         .answer =
             "{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":[1763683440],"
             "\"Values\":[5]}]}"},
    };
    struct metric_answer answer = {0};
    struct error err = {0};

    ck_assert_msg(ask(exchanges, 2, two_queries, 2, 5, &answer, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_uint_eq(answer.series[0].count, 5);
    ck_assert(answer.series[0].complete);
    ck_assert_double_eq(answer.series[0].values[0], 1000);
    ck_assert_double_eq(answer.series[0].values[1], 2.5);
    ck_assert(isnan(answer.series[0].values[2]));
    ck_assert(isnan(answer.series[0].values[3]));
    ck_assert_double_eq(answer.series[0].values[4], 5);
    ck_assert_uint_eq(answer.series[1].count, 1);
    ck_assert(answer.series[1].complete);
    ck_assert_double_eq(answer.series[1].values[0], 7);
    metric_answer_clear(&answer);
}
END_TEST

START_TEST(points_outside_of_the_range_and_second_ones_are_passed_over)
{
    static const struct exchange exchange = {
        "GetMetricData", .answer =
                             "{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\","
                             "\"Timestamps\":[1763683199,1763683320,"
                             "0,-5,1e300,1763683200,1763683200,1763683290],\"Values\":[1,2,3,4,5,6,7,8]}]}"};
    struct metric_answer answer = {0};
    struct error err = {0};

    ck_assert_msg(ask(&exchange, 1, one_query, 1, 2, &answer, &err) == 0, "%s", err.message);
    ck_assert_double_eq(answer.series[0].values[0], 6);
    ck_assert_double_eq(answer.series[0].values[1], 8); /* half a minute in */
    metric_answer_clear(&answer);
}
END_TEST

static const struct {
    const char *name;
    const char *first, *second; /* StatusCode on the first page, on the second; NULL: not mentioned */
    bool complete;
} statuses[] = {
    {"complete at once", "Complete", NULL, true},
    {"partial, then complete", "PartialData", "Complete", true},
    {"partial to the end", "PartialData", "PartialData", false},
    {"partial and then not mentioned", "PartialData", NULL, false},
    {"never mentioned", NULL, NULL, false},
    {"an error of CloudWatch", "InternalError", NULL, false},
    {"an error stays one", "InternalError", "Complete", false},
    {"not allowed", "Forbidden", NULL, false},
};

START_TEST(a_series_is_complete_only_when_cloudwatch_said_so_in_the_end)
{
    char first[256] = "", second[256] = "", pages[2][512];
    struct exchange exchanges[] = {{"GetMetricData", .answer = pages[0]},
                                   {"GetMetricData", .answer = pages[1]}};
    struct metric_answer answer = {0};
    struct error err = {0};

    if (statuses[_i].first != NULL)
        snprintf(first, sizeof(first), "{\"Id\":\"q0\",\"StatusCode\":\"%s\"}", statuses[_i].first);
    if (statuses[_i].second != NULL)
        snprintf(second, sizeof(second), "{\"Id\":\"q0\",\"StatusCode\":\"%s\"}", statuses[_i].second);
    snprintf(pages[0], sizeof(pages[0]), "{\"MetricDataResults\":[%s],\"NextToken\":\"A\"}", first);
    snprintf(pages[1], sizeof(pages[1]), "{\"MetricDataResults\":[%s]}", second);
    ck_assert_msg(ask(exchanges, 2, one_query, 1, 1, &answer, &err) == 0, "%s", err.message);
    ck_assert_msg(answer.series[0].complete == statuses[_i].complete, "%s", statuses[_i].name);
    metric_answer_clear(&answer);
}
END_TEST

static const struct {
    const char *answer;
    const char *text;
} malformed[] = {
    {"{}", "the answer has no 'MetricDataResults'"},
    {"{\"MetricDataResults\":{}}", "the answer's 'MetricDataResults' is malformed"},
    {"{\"MetricDataResults\":[7]}", "the answer has no 'Id'"},
    {"{\"MetricDataResults\":[{\"Id\":7}]}", "the answer's 'Id' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q1\",\"StatusCode\":\"Complete\"}]}",
     "the answer's 'Id' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q-1\",\"StatusCode\":\"Complete\"}]}",
     "the answer's 'Id' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"m0\",\"StatusCode\":\"Complete\"}]}",
     "the answer's 'Id' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"\",\"StatusCode\":\"Complete\"}]}", "the answer's 'Id' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\"}]}", "the answer has no 'StatusCode'"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Odd\"}]}",
     "the answer's 'StatusCode' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":[1763683200]}]}",
     "the answer has 1 timestamps for 0 values"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":[],\"Values\":[1]}]}",
     "the answer has 0 timestamps for 1 values"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":[\"x\"],\"Values\":["
     "1]}]}",
     "the answer's 'Timestamps' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":[1e999],\"Values\":["
     "1]}]}",
     "the answer's 'Timestamps' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":[1],\"Values\":[null]"
     "}]}",
     "the answer's 'Values' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":[1],\"Values\":[-"
     "1e999]}]}",
     "the answer's 'Values' is malformed"},
    {"{\"MetricDataResults\":[{\"Id\":\"q0\",\"StatusCode\":\"Complete\",\"Timestamps\":7}]}",
     "the answer's 'Timestamps' is malformed"},
    {"{\"MetricDataResults\":[],\"NextToken\":[]}", "the answer's 'NextToken' is malformed"},
};

START_TEST(an_answer_that_is_malformed_is_refused_and_the_member_named)
{
    struct exchange exchange = {"GetMetricData", .answer = malformed[_i].answer};
    struct metric_answer answer = {0};
    struct error err = {0};

    ck_assert_int_lt(ask(&exchange, 1, one_query, 1, 1, &answer, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(text_starts_with(err.message, "GetMetricData: ") &&
                      text_ends_with(err.message, malformed[_i].text),
                  "%s", err.message);
    ck_assert_ptr_null(answer.series);
}
END_TEST

START_TEST(pages_without_end_are_refused)
{
    static struct exchange exchanges[300];
    struct metric_answer answer = {0};
    struct error err = {0};

    for (size_t i = 0; i < COUNT_OF(exchanges); i++)
        exchanges[i] =
            (struct exchange){"GetMetricData", .answer = "{\"MetricDataResults\":[],\"NextToken\":\"A\"}"};
    ck_assert_int_lt(ask(exchanges, COUNT_OF(exchanges), one_query, 1, 1, &answer, &err), 0);
    ck_assert_str_eq(err.message, "GetMetricData: more than 300 pages");
}
END_TEST

static size_t occurrences(const char *text, const char *word)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        count++;
    return count;
}

/* How many queries AWS would see in each request, and what the calls cost in time. */
static const struct {
    const char *name;
    size_t queries;
    int minutes;
    size_t batches[4];
} batches[] = {
    {"one call for as many as AWS takes", 500, 15, {500}},
    {"one more query needs one more call", 501, 15, {500, 1}},
    {"two hours of a thousand: 840 would fit by points", 1000, 120, {500, 500}},
    {"a day of minutes: 70 queries have 100,800 points", 71, 1440, {70, 1}},
    {"fifteen days: 4 queries fit", 9, 21600, {4, 4, 1}},
    {"seventy days in one query are just allowed", 2, 100800, {1, 1}},
};

START_TEST(requests_carry_as_many_queries_as_aws_allows)
{
    struct metric_query *queries = must_calloc(batches[_i].queries, sizeof(*queries));
    struct exchange exchanges[4] = {0};
    struct conversation conversation;
    struct metric_answer answer = {0};
    struct error err = {0};
    size_t count = 0;

    while (count < 4 && batches[_i].batches[count] > 0)
        exchanges[count++] = (struct exchange){"GetMetricData", .answer = "{\"MetricDataResults\":[]}"};
    for (size_t i = 0; i < batches[_i].queries; i++)
        queries[i] = one_query[0];
    conversation_open(&conversation, exchanges, count);
    ck_assert_int_eq(cloudwatch_metrics(conversation.client, queries, batches[_i].queries, 0,
                                        batches[_i].minutes * MINUTE_MS, &answer, &err),
                     0);
    ck_assert_uint_eq(occurrences(conversation.script.last_request, "\"Id\":"),
                      batches[_i].batches[count - 1]);
    ck_assert_uint_eq(conversation.script.next, count);
    ck_assert_uint_eq(answer.count, batches[_i].queries);
    metric_answer_clear(&answer);
    conversation_close(&conversation);
    free(queries);
}
END_TEST

START_TEST(results_of_a_later_batch_go_to_its_own_queries)
{
    static struct metric_query queries[501];
    static const struct exchange exchanges[] = {
        {"GetMetricData",
         .answer = "{\"MetricDataResults\":[{\"Id\":\"q499\",\"StatusCode\":\"Complete\",\"Timestamps\":"
                   "[1763683200],\"Values\":[1]}]}"},
        {"GetMetricData", .contains = "\"Id\":\"q500\"",
         .answer = "{\"MetricDataResults\":[{\"Id\":\"q500\",\"StatusCode\":\"Complete\",\"Timestamps\":["
                   "1763683200],"
                   "\"Values\":[2]}]}"},
    };
    struct metric_answer answer = {0};
    struct error err = {0};

    for (size_t i = 0; i < COUNT_OF(queries); i++)
        queries[i] = one_query[0];
    ck_assert_msg(ask(exchanges, 2, queries, COUNT_OF(queries), 1, &answer, &err) == 0, "%s", err.message);
    ck_assert_double_eq(answer.series[499].values[0], 1);
    ck_assert_double_eq(answer.series[500].values[0], 2);
    ck_assert(!answer.series[0].complete && answer.series[499].complete);
    metric_answer_clear(&answer);
}
END_TEST

static const struct {
    int64_t start_ms, end_ms, period_s;
} senseless[] = {
    {0, 60000, 0},       {0, 60000, -60},           {1, 60000, 60}, {0, 60001, 60}, {60000, 60000, 60},
    {120000, 60000, 60}, {0, 100801LL * 60000, 60},
};

START_TEST(a_range_that_does_not_fit_is_a_bug_of_ours)
{
    struct metric_query query = {"IncomingBytes", "orders", NULL, "Sum", senseless[_i].period_s};
    struct metric_answer answer = {0};
    struct conversation conversation;
    struct error err = {0};

    conversation_open(&conversation, NULL, 0);
    ck_assert_int_lt(cloudwatch_metrics(conversation.client, &query, 1, senseless[_i].start_ms,
                                        senseless[_i].end_ms, &answer, &err),
                     0);
    ck_assert_int_eq(err.kind, ERROR_BUG);
    ck_assert_ptr_null(answer.series);
    conversation_close(&conversation);
}
END_TEST

START_TEST(no_queries_need_no_call)
{
    struct metric_answer answer = {0};
    struct error err = {0};

    ck_assert_int_eq(ask(NULL, 0, NULL, 0, 1, &answer, &err), 0);
    ck_assert_uint_eq(answer.count, 0);
    metric_answer_clear(&answer);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("cloudwatch_metrics");
    TCase *tcase = tcase_create("cloudwatch_metrics");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, points_of_several_pages_find_their_places);
    tcase_add_test(tcase, points_outside_of_the_range_and_second_ones_are_passed_over);
    tcase_add_loop_test(tcase, a_series_is_complete_only_when_cloudwatch_said_so_in_the_end, 0,
                        COUNT_OF(statuses));
    tcase_add_loop_test(tcase, an_answer_that_is_malformed_is_refused_and_the_member_named, 0,
                        COUNT_OF(malformed));
    tcase_add_test(tcase, pages_without_end_are_refused);
    tcase_add_loop_test(tcase, requests_carry_as_many_queries_as_aws_allows, 0, COUNT_OF(batches));
    tcase_add_test(tcase, results_of_a_later_batch_go_to_its_own_queries);
    tcase_add_loop_test(tcase, a_range_that_does_not_fit_is_a_bug_of_ours, 0, COUNT_OF(senseless));
    tcase_add_test(tcase, no_queries_need_no_call);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
