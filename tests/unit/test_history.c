/* history_fetch(): what producers offered, from what CloudWatch remembers. */
#include "../../src/cli/history.h"

#include "base/memory.h"
#include "script.h"
#include "support.h"

static const int64_t NOW_S = 1763683200, DAY_S = 86400; /* 2025-11-21T00:00:00Z */

#define SUMMARY(created)                                                                                \
    {                                                                                                   \
        "DescribeStreamSummary", .answer =                                                              \
                                     "{\"StreamDescriptionSummary\":{\"StreamName\":\"orders\","        \
                                     "\"StreamARN\":\"arn:x\",\"StreamStatus\":\"ACTIVE\","             \
                                     "\"RetentionPeriodHours\":24,\"StreamCreationTimestamp\":" created \
                                     ",\"OpenShardCount\":7}}"                                          \
    }
#define SERIES(id, times, values) \
    "{\"Id\":\"" id "\",\"StatusCode\":\"Complete\",\"Timestamps\":[" times "],\"Values\":[" values "]}"
#define RESULTS(a, b, c) "{\"MetricDataResults\":[" a "," b "," c "]}"
#define NOTHING RESULTS(SERIES("q0", "", ""), SERIES("q1", "", ""), SERIES("q2", "", ""))

static int fetch(const struct exchange *exchanges, size_t count, int64_t days, struct history *history,
                 struct error *err)
{
    struct conversation conversation;
    int result;

    conversation_open(&conversation, exchanges, count);
    result = history_fetch(conversation.client, "orders", days, NOW_S * 1000, history, err);
    conversation_close(&conversation);
    return result;
}

/* Made ten minutes ago; the last three minutes may still change and are left out. */
START_TEST(accepted_and_throttled_make_the_load)
{
    static const struct exchange exchanges[] = {
        SUMMARY("1763682600"),
        {"GetMetricData", .contains = "\"StartTime\":1763682600,\"EndTime\":1763683020",
         .answer = RESULTS(SERIES("q0", "1763682600,1763682780,1763682840", "6000,2000,100"),
                           SERIES("q1", "1763682600,1763682780,1763682840", "6,2,1"),
                           SERIES("q2", "1763682600,1763682720,1763682840", "3,4,50"))},
    };
    static const struct sim_minute wanted[7] = {
        {6000 + 3 * 1000.0, 9}, /* 3 records of 1000 bytes, as those of the same minute */
        {0, 0},
        {4 * 900.0, 4}, /* none was accepted: as all others in the mean, 8100 / 9 */
        {2000, 2},
        {100 + 3 * 100.0, 4}, /* 50 tries for each one that was accepted are not 50 records */
    };
    struct history history = {0};
    struct error err = {0};

    ck_assert_msg(fetch(exchanges, 2, 14, &history, &err) == 0, "%s", err.message);
    ck_assert_int_eq(history.open_shards, 7);
    ck_assert_int_eq(history.load.start_ms, 1763682600000);
    ck_assert_uint_eq(history.load.count, 7);
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        ck_assert_double_eq(history.load.minutes[i].bytes, wanted[i].bytes);
        ck_assert_double_eq(history.load.minutes[i].records, wanted[i].records);
    }
    ck_assert_int_eq(history.idle_minutes, 3);
    ck_assert_int_eq(history.coarse_minutes, 0);
    ck_assert_double_eq(history.rejections, 57);
    ck_assert_double_eq(history.throttled_records, 10);
    ck_assert_double_eq(history.throttled_bytes, 3000 + 3600 + 300);
    history_clear(&history);
}
END_TEST

static const struct {
    const char *bytes_times, *bytes, *records_times, *records;
    struct sim_minute wanted[3];
    int64_t mended;
} lost[] = {
    {"1763682600,1763682660",
     "6000,3000",
     "1763682600,1763682720",
     "6,2",
     {{6000, 6}, {3000, 3}, {2000, 2}},
     2},
    {"1763682600", "6144", "", "", {{6144, 6}}, 1},
    {"1763682600", "10", "1763682660", "7", {{10, 1}, {7 * 1024.0, 7}}, 2},
    {"1763682600", "10", "1763682600", "1", {{10, 1}}, 0},
};

/* So that every minute can be replayed, and saved and read again. */
START_TEST(a_lost_point_of_bytes_or_records_is_taken_from_the_other)
{
    SCOPED(free_text)
    char *bytes = must_printf(SERIES("q0", "%s", "%s"), lost[_i].bytes_times, lost[_i].bytes);
    SCOPED(free_text)
    char *records = must_printf(SERIES("q1", "%s", "%s"), lost[_i].records_times, lost[_i].records);
    SCOPED(free_text) char *answer = must_printf(RESULTS("%s", "%s", SERIES("q2", "", "")), bytes, records);
    const struct exchange exchanges[] = {SUMMARY("1763682600"), {"GetMetricData", .answer = answer}};
    struct history history = {0};
    struct error err = {0};

    ck_assert_msg(fetch(exchanges, 2, 14, &history, &err) == 0, "%s", err.message);
    for (size_t i = 0; i < COUNT_OF(lost[_i].wanted); i++) {
        ck_assert_double_eq(history.load.minutes[i].bytes, lost[_i].wanted[i].bytes);
        ck_assert_double_eq(history.load.minutes[i].records, lost[_i].wanted[i].records);
    }
    ck_assert_int_eq(history.mended_minutes, lost[_i].mended);
    history_clear(&history);
}
END_TEST

START_TEST(what_is_old_is_asked_for_in_the_sums_that_are_kept)
{
    static const struct exchange exchanges[] = {
        SUMMARY("1500000000"),
        {"GetMetricData", .contains = "\"Period\":60,",
         .answer = RESULTS(SERIES("q0", "1762387200,1763682960", "1,2"),
                           SERIES("q1", "1762387200,1763682960", "1,2"), SERIES("q2", "", ""))},
        {"GetMetricData", .contains = "\"Period\":300,",
         .answer = RESULTS(SERIES("q0", "1758240000", "500"), SERIES("q1", "1758240000", "50"),
                           SERIES("q2", "", ""))},
        {"GetMetricData", .contains = "\"Period\":3600,",
         .answer = RESULTS(SERIES("q0", "1755043200", "3600"), SERIES("q1", "1755043200", "600"),
                           SERIES("q2", "", ""))},
    };
    struct history history = {0};
    struct error err = {0};
    size_t five_minutes = (100 - 63) * 1440, one_minute = (100 - 15) * 1440;

    ck_assert_int_eq(1763682960, NOW_S - 240);
    ck_assert_int_eq(1762387200, NOW_S - 15 * DAY_S);
    ck_assert_int_eq(1758240000, NOW_S - 63 * DAY_S);
    ck_assert_int_eq(1755043200, NOW_S - 100 * DAY_S);
    ck_assert_msg(fetch(exchanges, 4, 100, &history, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(history.load.count, 100 * 1440 - 3);
    ck_assert_int_eq(history.coarse_minutes, (int64_t)one_minute);
    ck_assert_double_eq(history.load.minutes[0].bytes, 60);
    ck_assert_double_eq(history.load.minutes[59].records, 10);
    ck_assert_double_eq(history.load.minutes[60].bytes, 0);
    ck_assert_double_eq(history.load.minutes[five_minutes + 4].bytes, 100);
    ck_assert_double_eq(history.load.minutes[five_minutes + 5].bytes, 0);
    ck_assert_double_eq(history.load.minutes[one_minute].bytes, 1);
    ck_assert_double_eq(history.load.minutes[history.load.count - 1].records, 2);
    history_clear(&history);
}
END_TEST

START_TEST(fourteen_days_are_asked_for_minute_by_minute_in_one_call)
{
    static const struct exchange exchanges[] = {
        SUMMARY("1500000000"),
        {"GetMetricData", .contains = "\"Period\":60,",
         .answer =
             RESULTS(SERIES("q0", "1763682960", "2"), SERIES("q1", "1763682960", "2"), SERIES("q2", "", ""))},
    };
    struct history history = {0};
    struct error err = {0};

    ck_assert_msg(fetch(exchanges, 2, 14, &history, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(history.load.count, 14 * 1440);
    history_clear(&history);
}
END_TEST

static const struct {
    struct exchange exchanges[2];
    size_t count;
    enum error_kind kind;
    const char *text;
} failures[] = {
    {{{"DescribeStreamSummary", .status = 400, .error_type = "ResourceNotFoundException", .answer = "{}"}},
     1,
     ERROR_CONFIG,
     "there is no stream 'orders' in eu-west-1"},
    {{{"DescribeStreamSummary", .status = 400, .error_type = "AccessDeniedException", .answer = "{}"}},
     1,
     ERROR_AUTH,
     "the history needs credentials that may call kinesis:DescribeStreamSummary: "},
    {{SUMMARY("1500000000"), {"GetMetricData", .status = 403, .error_type = "AccessDenied", .answer = "{}"}},
     2,
     ERROR_AUTH,
     "the history needs credentials that may call cloudwatch:GetMetricData: "},
    {{SUMMARY("1500000000"), {"GetMetricData", .answer = NOTHING}},
     2,
     ERROR_CONFIG,
     "nothing was put into stream 'orders' in the last 14 days: there is no load to try"},
    {{SUMMARY("1500000000"),
      {"GetMetricData", .answer = RESULTS(SERIES("q0", "", ""), SERIES("q1", "", ""),
                                          "{\"Id\":\"q2\",\"StatusCode\":\"InternalError\",\"Timestamps\":[],"
                                          "\"Values\":[]}")}},
     2,
     ERROR_TRANSIENT,
     "CloudWatch gave only a part of WriteProvisionedThroughputExceeded; try again"},
    {{SUMMARY("1763683100")}, 1, ERROR_CONFIG, "stream 'orders' is too young to have a history"},
};

START_TEST(a_history_that_cannot_be_had_says_why)
{
    struct history history = {0};
    struct error err = {0};

    ck_assert_int_eq(fetch(failures[_i].exchanges, failures[_i].count, 14, &history, &err), -1);
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert_msg(strncmp(err.message, failures[_i].text, strlen(failures[_i].text)) == 0, "%s", err.message);
    ck_assert_ptr_null(history.load.minutes);
}
END_TEST

START_TEST(what_was_saved_is_read_back_to_the_bit)
{
    struct sim_minute minutes[] = {{1.0 / 3, 2e-7}, {0, 0}, {123456789.125, 1e9}};
    struct history history = {.load = {minutes, COUNT_OF(minutes), NOW_S * 1000}};
    SCOPED(free_text) char *path = must_printf("%s/load.csv", temporary_directory());
    struct sim_load_options options = {0};
    struct sim_load load;
    struct error err = {0};

    ck_assert_msg(history_save(&history, path, &err) == 0, "%s", err.message);
    ck_assert_msg(sim_load_read(path, &options, &load, &err) == 0, "%s", err.message);
    ck_assert_int_eq(load.start_ms, NOW_S * 1000);
    ck_assert_uint_eq(load.count, COUNT_OF(minutes));
    for (size_t i = 0; i < COUNT_OF(minutes); i++) {
        ck_assert(load.minutes[i].bytes == minutes[i].bytes);
        ck_assert(load.minutes[i].records == minutes[i].records);
    }
    sim_load_clear(&load);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("history");
    TCase *tcase = tcase_create("history");

    tcase_add_test(tcase, accepted_and_throttled_make_the_load);
    tcase_add_test(tcase, what_is_old_is_asked_for_in_the_sums_that_are_kept);
    tcase_add_loop_test(tcase, a_lost_point_of_bytes_or_records_is_taken_from_the_other, 0, COUNT_OF(lost));
    tcase_add_test(tcase, fourteen_days_are_asked_for_minute_by_minute_in_one_call);
    tcase_add_loop_test(tcase, a_history_that_cannot_be_had_says_why, 0, COUNT_OF(failures));
    tcase_add_test(tcase, what_was_saved_is_read_back_to_the_bit);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
