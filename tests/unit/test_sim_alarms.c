#include "sim_alarms.h"
#include "support.h"

#include "base/json_check.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>

#define MIB 1048576.0

static struct sim *sim;
static struct fault fault;

static void begin(void)
{
    sim = test_sim_with_topic();
}

static void end(void)
{
    sim_free(sim);
}

/* ---- evaluation */

START_TEST(an_alarm_fires_when_its_minute_becomes_visible_and_only_once)
{
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 2);
    alarm = test_put_alarm(sim, test_busy("busy", 2));
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_int_eq(alarm->value, VALUE_INSUFFICIENT_DATA);
    test_traffic(sim, "orders", "steps:5m=100k,30m=4M,1m=100k", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(12) + 15000);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    sim_advance(sim, SIM_START + MINUTES(16) + 75000 - 1);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    ck_assert_int_eq(test_deliveries(sim), 0);
    sim_advance(sim, SIM_START + MINUTES(16) + 75000);
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert_int_eq(alarm->transitioned_ms, SIM_START + MINUTES(16) + 75000);
    ck_assert_int_eq(test_deliveries(sim), 1);
    sim_advance(sim, SIM_START + MINUTES(46) + 70000);
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert_int_eq(test_deliveries(sim), 0);
    sim_advance(sim, SIM_START + MINUTES(46) + 75000);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    ck_assert_int_eq(test_deliveries(sim), 0); /* it has no OK actions */
}
END_TEST

START_TEST(an_alarm_that_is_reset_fires_again_while_the_load_is_there)
{
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 2);
    alarm = test_put_alarm(sim, test_busy("busy", 2));
    test_traffic(sim, "orders", "constant:4M", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_int_eq(test_deliveries(sim), 1);
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_OK, "scaled", NULL, &fault), 0);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    ck_assert_str_eq(alarm->reason, "scaled");
    sim_advance(sim, sim->now_ms + 60000);
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert_int_eq(test_deliveries(sim), 1);
}
END_TEST

START_TEST(setting_a_state_acts_when_it_differs_from_the_one_before)
{
    (void)test_put_alarm(sim, test_busy("busy", 2));
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", "{}", &fault), 0);
    ck_assert_int_eq(test_deliveries(sim), 1);
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(test_deliveries(sim), 0);
    ck_assert_int_eq(model_set_alarm_state(sim, "none", VALUE_ALARM, "by hand", NULL, &fault), -1);
    ck_assert_str_eq(fault.type, "ResourceNotFound");
    ck_assert_str_eq(fault.message, "");
}
END_TEST

START_TEST(no_actions_without_actions_enabled)
{
    struct alarm_settings settings = test_busy("busy", 2);

    settings.actions_enabled = false;
    (void)test_put_alarm(sim, settings);
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(test_deliveries(sim), 0);
}
END_TEST

START_TEST(putting_an_alarm_again_overwrites_all_but_its_state)
{
    struct alarm_settings again = test_busy("busy", 4);
    struct alarm *alarm = test_put_alarm(sim, test_busy("busy", 2));

    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", NULL, &fault), 0);
    sim_advance(sim, sim->now_ms + 1000);
    again.description = must_strdup("four");
    again.opaque = must_strdup("{\"EvaluationWindow\":{}}");
    ck_assert_ptr_eq(test_put_alarm(sim, again), alarm);
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert_str_eq(alarm->reason, "by hand");
    ck_assert_double_eq(alarm->settings.threshold, 0.8 * 60 * MIB * 4);
    ck_assert_str_eq(alarm->settings.opaque, "{\"EvaluationWindow\":{}}");
    ck_assert_int_eq(alarm->configured_ms, sim->now_ms);
    ck_assert_uint_eq(sim->alarm_count, 1);
}
END_TEST

START_TEST(five_minutes_slide_with_every_minute)
{
    struct alarm_settings settings = test_busy("busy", 1);
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 4);
    settings.period_s = 300;
    settings.threshold = 3 * 60 * MIB; /* three busy minutes of five */
    alarm = test_put_alarm(sim, settings);
    sim_advance(sim, SIM_START + MINUTES(17));
    test_traffic(sim, "orders", "constant:1100000", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(20) + 74999);
    ck_assert_int_ne(alarm->value, VALUE_ALARM);
    sim_advance(sim,
                SIM_START + MINUTES(20) + 75000); /* minutes 17, 18, 19, wherever the clock's fives are */
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
}
END_TEST

START_TEST(a_quiet_stream_is_insufficient_data_and_says_so)
{
    struct alarm_settings settings = test_busy("busy", 2);
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 2);
    settings.actions[VALUE_INSUFFICIENT_DATA] = test_texts(TEST_TOPIC);
    alarm = test_put_alarm(sim, settings);
    test_traffic(sim, "orders", "steps:5m=100k,1m=0", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(5));
    ck_assert_int_eq(alarm->value, VALUE_OK);
    sim_advance(sim, SIM_START + MINUTES(20));
    ck_assert_int_eq(alarm->value, VALUE_INSUFFICIENT_DATA);
    ck_assert_str_eq(alarm->reason, "Insufficient Data: 1 datapoint was unknown.");
    ck_assert_int_eq(test_deliveries(sim), 1);
}
END_TEST

/* ---- verdicts, with the tables of the CloudWatch user guide (1 breaches, 0 does not, - is missing) */

static const struct {
    const char *points;
    int64_t m, n;
    const char *missing, *ignore, *breaching, *not_breaching; /* "" : keep */
} tables[] = {
    {"0-1-1", 3, 3, "OK", "OK", "OK", "OK"},
    {"----0", 3, 3, "OK", "OK", "OK", "OK"},
    {"-----", 3, 3, "INSUFFICIENT_DATA", "", "ALARM", "OK"},
    {"011-1", 3, 3, "ALARM", "ALARM", "ALARM", "ALARM"},
    {"--1--", 3, 3, "ALARM", "", "ALARM", "OK"},
    {"0-1-1", 2, 3, "ALARM", "ALARM", "ALARM", "ALARM"},
    {"00101", 2, 3, "ALARM", "ALARM", "ALARM", "ALARM"},
    {"0-1--", 2, 3, "OK", "OK", "ALARM", "OK"},
    {"----0", 2, 3, "OK", "OK", "ALARM", "OK"},
    {"---1-", 2, 3, "ALARM", "", "ALARM", "OK"},
    {"----1", 3, 3, "", "", "ALARM", "OK"},
    {"001", 1, 1, "ALARM", "ALARM", "ALARM", "ALARM"},
    {"110", 1, 1, "OK", "OK", "OK", "OK"},
    {"1--", 1, 1, "ALARM", "ALARM", "ALARM", "ALARM"},
};

static void assert_verdict(int row, const char *treat, const char *expected)
{
    double values[5];
    struct verdict_input input = {
        values, strlen(tables[row].points), tables[row].n, tables[row].m, "GreaterThanThreshold", treat, 0.5};
    struct verdict verdict;

    for (size_t i = 0; i < input.count; i++)
        values[i] = tables[row].points[i] == '-' ? NAN : tables[row].points[i] - '0';
    verdict = model_verdict(&input);
    ck_assert_msg(text_equal(verdict.keep ? "" : model_value_name(verdict.value), expected),
                  "%s with %s: '%s', not '%s'", tables[row].points, treat == NULL ? "nothing" : treat,
                  verdict.keep ? "" : model_value_name(verdict.value), expected);
}

START_TEST(missing_data_is_treated_as_the_guide_says)
{
    assert_verdict(_i, NULL, tables[_i].missing);
    assert_verdict(_i, "missing", tables[_i].missing);
    assert_verdict(_i, "ignore", tables[_i].ignore);
    assert_verdict(_i, "breaching", tables[_i].breaching);
    assert_verdict(_i, "notBreaching", tables[_i].not_breaching);
}
END_TEST

static const struct {
    const char *comparison;
    bool below, at, above;
} comparisons[] = {
    {"GreaterThanOrEqualToThreshold", false, true, true},
    {"GreaterThanThreshold", false, false, true},
    {"LessThanThreshold", true, false, false},
    {"LessThanOrEqualToThreshold", true, true, false},
    {"GreaterThanUpperThreshold", false, false, false},
};

START_TEST(comparisons_are_what_they_are_called)
{
    ck_assert_int_eq(model_breaches(comparisons[_i].comparison, 1, 2), comparisons[_i].below);
    ck_assert_int_eq(model_breaches(comparisons[_i].comparison, 2, 2), comparisons[_i].at);
    ck_assert_int_eq(model_breaches(comparisons[_i].comparison, 3, 2), comparisons[_i].above);
    ck_assert_int_eq(model_breaches(comparisons[_i].comparison, NAN, 2), false);
}
END_TEST

/* ---- what is said */

static const struct {
    double number;
    const char *text;
} numbers[] = {
    {580, "580.0"},
    {0.4, "0.4"},
    {0, "0.0"},
    {50331648, "5.0331648E7"},
    {9999999, "9999999.0"},
    {1e7, "1.0E7"},
    {0.001, "0.001"},
    {0.0001, "1.0E-4"},
    {-2.5, "-2.5"},
    {123456.75, "123456.75"},
    {0.43262672424316406, "0.43262672424316406"},
    {596.3636363636364, "596.3636363636364"},
};

START_TEST(numbers_are_printed_as_java_does)
{
    char text[32];

    model_format_number(numbers[_i].number, text, sizeof(text));
    ck_assert_str_eq(text, numbers[_i].text);
}
END_TEST

START_TEST(a_notification_reads_as_cloudwatch_writes_it)
{
    struct alarm_settings settings = test_busy("orders: \"busy\"", 2);
    struct sim_delivery delivery;
    struct error err = {0};

    (void)test_stream(sim, "orders", 2);
    settings.datapoints_to_alarm = 1;
    settings.description = must_strdup("line\nbreak");
    settings.treat_missing = must_strdup("notBreaching");
    (void)test_put_alarm(sim, settings);
    test_traffic(sim, "orders", "steps:5m=100k,30m=1900000", 1000, "uniform");
    sim_advance(sim, SIM_START + MINUTES(9));
    ck_assert(sim_take_delivery(sim, &delivery));
    ck_assert_str_eq(
        delivery.body,
        "{\"AlarmName\":\"orders: \\\"busy\\\"\",\"AlarmDescription\":\"line\\nbreak\","
        "\"AWSAccountId\":\"000000000000\",\"AlarmConfigurationUpdatedTimestamp\":\"2026-01-01T00:00:30.000+"
        "0000\","
        "\"NewStateValue\":\"ALARM\",\"NewStateReason\":\"Threshold Crossed: 1 out of the last 1 datapoints "
        "[1.14E8 "
        "(01/01/26 00:06:00)] was greater than the threshold (1.00663296E8) (minimum 1 datapoint for OK -> "
        "ALARM "
        "transition).\",\"StateChangeTime\":\"2026-01-01T00:08:15.000+0000\",\"Region\":\"US East (N. "
        "Virginia)\","
        "\"AlarmArn\":\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:orders: "
        "\\\"busy\\\"\",\"OldStateValue\":\"OK\","
        "\"OKActions\":[],\"AlarmActions\":[\"arn:aws:sns:us-east-1:000000000000:scaling\"],"
        "\"InsufficientDataActions\":[],\"Trigger\":{\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/"
        "Kinesis\","
        "\"StatisticType\":\"Statistic\",\"Statistic\":\"SUM\",\"Unit\":null,\"Dimensions\":[{\"value\":"
        "\"orders\","
        "\"name\":\"StreamName\"}],\"Period\":60,\"EvaluationPeriods\":1,\"DatapointsToAlarm\":1,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"Threshold\":1.00663296E8,\"TreatMissingData\":"
        "\"notBreaching\","
        "\"EvaluateLowSampleCountPercentile\":\"\"}}");
    ck_assert_int_eq(json_check(delivery.body, strlen(delivery.body), 10, &err), 0);
    sim_delivery_clear(&delivery);
}
END_TEST

START_TEST(reasons_name_several_datapoints_and_missing_ones)
{
    struct alarm_settings settings = test_busy("quiet", 2), missing = test_busy("missing", 2);
    struct alarm *quiet, *breaching;

    (void)test_stream(sim, "orders", 2);
    free(settings.comparison);
    settings.comparison = must_strdup("LessThanThreshold");
    settings.evaluation_periods = settings.datapoints_to_alarm = 2;
    settings.threshold = 1000;
    quiet = test_put_alarm(sim, settings);
    missing.evaluation_periods = 2;
    missing.treat_missing = must_strdup("breaching");
    breaching = test_put_alarm(sim, missing);
    sim_advance(sim, sim->now_ms + 60000);
    ck_assert_str_eq(breaching->reason,
                     "Threshold Crossed: no datapoints were received for 2 periods and 2 missing "
                     "datapoints were treated as [Breaching].");
    test_traffic(sim, "orders", "steps:210s=10,10m=100", 1, "uniform");
    sim_advance(sim, SIM_START + MINUTES(5));
    ck_assert_str_eq(quiet->reason, "Threshold Crossed: 2 out of the last 2 datapoints were less than the "
                                    "threshold (1000.0). The most "
                                    "recent datapoints which crossed the threshold: [600.0 (01/01/26 "
                                    "00:02:00), 300.0 (01/01/26 00:01:00)] "
                                    "(minimum 2 datapoints for OK -> ALARM transition).");
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_str_eq(quiet->reason, "Threshold Crossed: 1 out of the last 2 datapoints [6000.0 (01/01/26 "
                                    "00:05:00)] was not less than the "
                                    "threshold (1000.0) (minimum 1 datapoint for ALARM -> OK transition).");
    ck_assert_str_eq(quiet->reason_data,
                     "{\"version\":\"1.0\",\"queryDate\":\"2026-01-01T00:07:15.000+0000\",\"startDate\":"
                     "\"2026-01-01T00:04:00.000+0000\",\"statistic\":\"Sum\",\"period\":60,"
                     "\"recentDatapoints\":[600.0,6000.0],"
                     "\"threshold\":1000.0}");
}
END_TEST

START_TEST(a_math_alarm_is_evaluated_and_told_with_all_its_metrics)
{
    struct alarm *alarm;
    struct sim_delivery delivery;

    (void)test_stream(sim, "orders", 2);
    alarm = test_put_alarm(sim, test_usage());
    sim_advance(sim, SIM_START + MINUTES(5));
    ck_assert_int_eq(alarm->value, VALUE_OK);                       /* FILL makes zeros of nothing */
    test_traffic(sim, "orders", "constant:180000", 100, "uniform"); /* 1800 records/s: 90 % */
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert(sim_take_delivery(sim, &delivery));
    ck_assert_ptr_nonnull(
        strstr(delivery.body, "[0.9 (01/01/26 00:05:00)] was greater than or equal to the threshold (0.8)"));
    ck_assert_ptr_nonnull(
        strstr(delivery.body,
               "\"Trigger\":{\"Period\":60,\"EvaluationPeriods\":1,\"ComparisonOperator\":"
               "\"GreaterThanOrEqualToThreshold\",\"Threshold\":0.8,\"TreatMissingData\":\"ignore\","
               "\"EvaluateLowSampleCountPercentile\":\"\",\"Metrics\":[{\"Id\":\"m1\",\"MetricStat\":{"
               "\"Metric\":{\"Dimensions\":[{\"value\":\"orders\",\"name\":\"StreamName\"}],\"MetricName\":"
               "\"IncomingBytes\",\"Namespace\":\"AWS/Kinesis\"},\"Period\":60,\"Stat\":\"Sum\"},"
               "\"ReturnData\":false}"));
    ck_assert_ptr_nonnull(
        strstr(delivery.body, "{\"Expression\":\"MAX([e3,e4])\",\"Id\":\"e5\",\"ReturnData\":true}]}}"));
    sim_delivery_clear(&delivery);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_alarms");
    TCase *evaluation = tcase_create("evaluation"), *said = tcase_create("said");

    tcase_add_checked_fixture(evaluation, begin, end);
    tcase_add_test(evaluation, an_alarm_fires_when_its_minute_becomes_visible_and_only_once);
    tcase_add_test(evaluation, an_alarm_that_is_reset_fires_again_while_the_load_is_there);
    tcase_add_test(evaluation, setting_a_state_acts_when_it_differs_from_the_one_before);
    tcase_add_test(evaluation, no_actions_without_actions_enabled);
    tcase_add_test(evaluation, putting_an_alarm_again_overwrites_all_but_its_state);
    tcase_add_test(evaluation, five_minutes_slide_with_every_minute);
    tcase_add_test(evaluation, a_quiet_stream_is_insufficient_data_and_says_so);
    tcase_add_loop_test(evaluation, missing_data_is_treated_as_the_guide_says, 0, COUNT_OF(tables));
    tcase_add_loop_test(evaluation, comparisons_are_what_they_are_called, 0, COUNT_OF(comparisons));
    suite_add_tcase(suite, evaluation);

    tcase_add_checked_fixture(said, begin, end);
    tcase_add_loop_test(said, numbers_are_printed_as_java_does, 0, COUNT_OF(numbers));
    tcase_add_test(said, a_notification_reads_as_cloudwatch_writes_it);
    tcase_add_test(said, reasons_name_several_datapoints_and_missing_ones);
    tcase_add_test(said, a_math_alarm_is_evaluated_and_told_with_all_its_metrics);
    suite_add_tcase(suite, said);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
