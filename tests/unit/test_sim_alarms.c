#include "sim_model.h"
#include "support.h"

#include "base/json_check.h"
#include "base/memory.h"
#include "base/text.h"

#include "../../src/sim/alarms.h"
#include "../../src/sim/expression.h"

#include <math.h>

#define MIB 1048576.0
#define TOPIC "arn:aws:sns:us-east-1:000000000000:scaling"

static struct sim *sim;
static struct fault fault;

static void begin(void)
{
    struct topic *topic;
    struct subscription *subscription;
    struct sim_delivery delivery;

    sim = test_sim();
    ck_assert_int_eq(model_create_topic(sim, "scaling", &topic, &fault), 0);
    ck_assert_int_eq(model_subscribe(sim, TOPIC, "http", "http://127.0.0.1:1/sns", &subscription, &fault), 0);
    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, subscription->token, false, &subscription, &fault), 0);
    ck_assert(sim_take_delivery(sim, &delivery));
    sim_delivery_result(sim, delivery.id, 200);
    sim_delivery_clear(&delivery);
}

static void end(void)
{
    sim_free(sim);
}

static struct text_list one_text(const char *text)
{
    struct text_list list = {must_calloc(1, sizeof(char *)), 1};

    list.items[0] = must_strdup(text);
    return list;
}

static struct metric_name stream_metric(const char *metric, const char *stream)
{
    struct metric_name name = {must_strdup("AWS/Kinesis"), must_strdup(metric), must_calloc(1, sizeof(struct dimension)), 1};

    name.dimensions[0] = (struct dimension){must_strdup("StreamName"), must_strdup(stream)};
    return name;
}

/* IncomingBytes of stream "orders", Sum over a minute, one of one, above 80 % of `shards` shards. */
static struct alarm_settings busy(const char *name, int shards)
{
    struct alarm_settings settings = {
        .name = must_strdup(name),
        .actions_enabled = true,
        .metric = stream_metric("IncomingBytes", "orders"),
        .statistic = must_strdup("Sum"),
        .period_s = 60,
        .evaluation_periods = 1,
        .threshold = 0.8 * 60 * MIB * shards,
        .comparison = must_strdup("GreaterThanThreshold"),
    };

    settings.actions[VALUE_ALARM] = one_text(TOPIC);
    return settings;
}

static struct alarm *put(struct alarm_settings settings)
{
    char *name = must_strdup(settings.name);
    struct alarm *alarm;

    ck_assert_msg(model_put_alarm(sim, &settings, &fault) == 0, "%s: %s", fault.type, fault.message);
    alarm = model_find_alarm(sim, name);
    free(name);
    return alarm;
}

/* Refused with this text; the settings stay ours and are cleared. */
static void assert_refused(struct alarm_settings settings, const char *message)
{
    ck_assert_int_eq(model_put_alarm(sim, &settings, &fault), -1);
    ck_assert_str_eq(fault.type, "ValidationException");
    ck_assert_str_eq(fault.message, message);
    model_alarm_settings_clear(&settings);
}

/* How many deliveries wait; they are taken and answered. */
static int deliveries(void)
{
    struct sim_delivery delivery;
    int count = 0;

    while (sim_take_delivery(sim, &delivery)) {
        sim_delivery_result(sim, delivery.id, 200);
        sim_delivery_clear(&delivery);
        count++;
    }
    return count;
}

/* ---- evaluation */

START_TEST(an_alarm_fires_when_its_minute_becomes_visible_and_only_once)
{
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 2);
    alarm = put(busy("busy", 2));
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_int_eq(alarm->value, VALUE_INSUFFICIENT_DATA);
    test_traffic(sim, "orders", "steps:5m=100k,30m=4M,1m=100k", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(12) + 15000);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    sim_advance(sim, SIM_START + MINUTES(16) + 75000 - 1);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    ck_assert_int_eq(deliveries(), 0);
    sim_advance(sim, SIM_START + MINUTES(16) + 75000);
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert_int_eq(alarm->transitioned_ms, SIM_START + MINUTES(16) + 75000);
    ck_assert_int_eq(deliveries(), 1);
    sim_advance(sim, SIM_START + MINUTES(46) + 70000);
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert_int_eq(deliveries(), 0);
    sim_advance(sim, SIM_START + MINUTES(46) + 75000);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    ck_assert_int_eq(deliveries(), 0); /* it has no OK actions */
}
END_TEST

START_TEST(an_alarm_that_is_reset_fires_again_while_the_load_is_there)
{
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 2);
    alarm = put(busy("busy", 2));
    test_traffic(sim, "orders", "constant:4M", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_int_eq(deliveries(), 1);
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_OK, "scaled", NULL, &fault), 0);
    ck_assert_int_eq(alarm->value, VALUE_OK);
    ck_assert_str_eq(alarm->reason, "scaled");
    sim_advance(sim, sim->now_ms + 60000);
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert_int_eq(deliveries(), 1);
}
END_TEST

START_TEST(setting_a_state_acts_when_it_differs_from_the_one_before)
{
    (void)put(busy("busy", 2));
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", "{}", &fault), 0);
    ck_assert_int_eq(deliveries(), 1);
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(deliveries(), 0);
    ck_assert_int_eq(model_set_alarm_state(sim, "none", VALUE_ALARM, "by hand", NULL, &fault), -1);
    ck_assert_str_eq(fault.type, "ResourceNotFound");
    ck_assert_str_eq(fault.message, "");
}
END_TEST

START_TEST(no_actions_without_actions_enabled)
{
    struct alarm_settings settings = busy("busy", 2);

    settings.actions_enabled = false;
    (void)put(settings);
    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(deliveries(), 0);
}
END_TEST

START_TEST(putting_an_alarm_again_overwrites_all_but_its_state)
{
    struct alarm_settings again = busy("busy", 4);
    struct alarm *alarm = put(busy("busy", 2));

    ck_assert_int_eq(model_set_alarm_state(sim, "busy", VALUE_ALARM, "by hand", NULL, &fault), 0);
    sim_advance(sim, sim->now_ms + 1000);
    again.description = must_strdup("four");
    again.opaque = must_strdup("{\"EvaluationWindow\":{}}");
    ck_assert_ptr_eq(put(again), alarm);
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
    struct alarm_settings settings = busy("busy", 1);
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 4);
    settings.period_s = 300;
    settings.threshold = 3 * 60 * MIB; /* three busy minutes of five */
    alarm = put(settings);
    sim_advance(sim, SIM_START + MINUTES(17));
    test_traffic(sim, "orders", "constant:1100000", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(20) + 74999);
    ck_assert_int_ne(alarm->value, VALUE_ALARM);
    sim_advance(sim, SIM_START + MINUTES(20) + 75000); /* minutes 17, 18, 19, wherever the clock's fives are */
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
}
END_TEST

START_TEST(a_quiet_stream_is_insufficient_data_and_says_so)
{
    struct alarm_settings settings = busy("busy", 2);
    struct alarm *alarm;

    (void)test_stream(sim, "orders", 2);
    settings.actions[VALUE_INSUFFICIENT_DATA] = one_text(TOPIC);
    alarm = put(settings);
    test_traffic(sim, "orders", "steps:5m=100k,1m=0", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(5));
    ck_assert_int_eq(alarm->value, VALUE_OK);
    sim_advance(sim, SIM_START + MINUTES(20));
    ck_assert_int_eq(alarm->value, VALUE_INSUFFICIENT_DATA);
    ck_assert_str_eq(alarm->reason, "Insufficient Data: 1 datapoint was unknown.");
    ck_assert_int_eq(deliveries(), 1);
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
    struct verdict_input input = {values, strlen(tables[row].points), tables[row].n, tables[row].m,
                                  "GreaterThanThreshold", treat, 0.5};
    struct verdict verdict;

    for (size_t i = 0; i < input.count; i++)
        values[i] = tables[row].points[i] == '-' ? NAN : tables[row].points[i] - '0';
    verdict = model_verdict(&input);
    ck_assert_msg(text_equal(verdict.keep ? "" : model_value_name(verdict.value), expected), "%s with %s: '%s', not '%s'",
                  tables[row].points, treat == NULL ? "nothing" : treat,
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
    {"GreaterThanOrEqualToThreshold", false, true, true}, {"GreaterThanThreshold", false, false, true},
    {"LessThanThreshold", true, false, false},            {"LessThanOrEqualToThreshold", true, true, false},
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
    {580, "580.0"},          {0.4, "0.4"},       {0, "0.0"},          {50331648, "5.0331648E7"}, {9999999, "9999999.0"},
    {1e7, "1.0E7"},          {0.001, "0.001"},   {0.0001, "1.0E-4"},  {-2.5, "-2.5"},            {123456.75, "123456.75"},
    {0.43262672424316406, "0.43262672424316406"}, {596.3636363636364, "596.3636363636364"},
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
    struct alarm_settings settings = busy("orders: \"busy\"", 2);
    struct sim_delivery delivery;
    struct error err = {0};

    (void)test_stream(sim, "orders", 2);
    settings.datapoints_to_alarm = 1;
    settings.description = must_strdup("line\nbreak");
    settings.treat_missing = must_strdup("notBreaching");
    (void)put(settings);
    test_traffic(sim, "orders", "steps:5m=100k,30m=1900000", 1000, "uniform");
    sim_advance(sim, SIM_START + MINUTES(9));
    ck_assert(sim_take_delivery(sim, &delivery));
    ck_assert_str_eq(
        delivery.body,
        "{\"AlarmName\":\"orders: \\\"busy\\\"\",\"AlarmDescription\":\"line\\u000abreak\","
        "\"AWSAccountId\":\"000000000000\",\"AlarmConfigurationUpdatedTimestamp\":\"2026-01-01T00:00:30.000+0000\","
        "\"NewStateValue\":\"ALARM\",\"NewStateReason\":\"Threshold Crossed: 1 out of the last 1 datapoints [1.14E8 "
        "(01/01/26 00:06:00)] was greater than the threshold (1.00663296E8) (minimum 1 datapoint for OK -> ALARM "
        "transition).\",\"StateChangeTime\":\"2026-01-01T00:08:15.000+0000\",\"Region\":\"US East (N. Virginia)\","
        "\"AlarmArn\":\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:orders: \\\"busy\\\"\",\"OldStateValue\":\"OK\","
        "\"OKActions\":[],\"AlarmActions\":[\"arn:aws:sns:us-east-1:000000000000:scaling\"],"
        "\"InsufficientDataActions\":[],\"Trigger\":{\"MetricName\":\"IncomingBytes\",\"Namespace\":\"AWS/Kinesis\","
        "\"StatisticType\":\"Statistic\",\"Statistic\":\"SUM\",\"Unit\":null,\"Dimensions\":[{\"value\":\"orders\","
        "\"name\":\"StreamName\"}],\"Period\":60,\"EvaluationPeriods\":1,\"DatapointsToAlarm\":1,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"Threshold\":1.00663296E8,\"TreatMissingData\":\"notBreaching\","
        "\"EvaluateLowSampleCountPercentile\":\"\"}}");
    ck_assert_int_eq(json_check(delivery.body, strlen(delivery.body), 10, &err), 0);
    sim_delivery_clear(&delivery);
}
END_TEST

START_TEST(reasons_name_several_datapoints_and_missing_ones)
{
    struct alarm_settings settings = busy("quiet", 2), missing = busy("missing", 2);
    struct alarm *quiet, *breaching;

    (void)test_stream(sim, "orders", 2);
    free(settings.comparison);
    settings.comparison = must_strdup("LessThanThreshold");
    settings.evaluation_periods = settings.datapoints_to_alarm = 2;
    settings.threshold = 1000;
    quiet = put(settings);
    missing.evaluation_periods = 2;
    missing.treat_missing = must_strdup("breaching");
    breaching = put(missing);
    sim_advance(sim, sim->now_ms + 60000);
    ck_assert_str_eq(breaching->reason, "Threshold Crossed: no datapoints were received for 2 periods and 2 missing "
                                        "datapoints were treated as [Breaching].");
    test_traffic(sim, "orders", "steps:210s=10,10m=100", 1, "uniform");
    sim_advance(sim, SIM_START + MINUTES(5));
    ck_assert_str_eq(quiet->reason,
                     "Threshold Crossed: 2 out of the last 2 datapoints were less than the threshold (1000.0). The most "
                     "recent datapoints which crossed the threshold: [600.0 (01/01/26 00:02:00), 300.0 (01/01/26 00:01:00)] "
                     "(minimum 2 datapoints for OK -> ALARM transition).");
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_str_eq(quiet->reason,
                     "Threshold Crossed: 1 out of the last 2 datapoints [6000.0 (01/01/26 00:05:00)] was not less than the "
                     "threshold (1000.0) (minimum 1 datapoint for ALARM -> OK transition).");
    ck_assert_str_eq(quiet->reason_data,
                     "{\"version\":\"1.0\",\"queryDate\":\"2026-01-01T00:07:15.000+0000\",\"startDate\":"
                     "\"2026-01-01T00:04:00.000+0000\",\"statistic\":\"Sum\",\"period\":60,\"recentDatapoints\":[600.0,6000.0],"
                     "\"threshold\":1000.0}");
}
END_TEST

/* ---- metric math */

static struct data_query metric_query(const char *id, const char *metric)
{
    return (struct data_query){.id = must_strdup(id), .metric = stream_metric(metric, "orders"), .period_s = 60,
                               .stat = must_strdup("Sum"), .return_data = 0};
}

static struct data_query expression_query(const char *id, const char *expression, bool return_data)
{
    return (struct data_query){.id = must_strdup(id), .expression = must_strdup(expression), .return_data = return_data};
}

/* The alarm of aws-samples/kinesis-auto-scaling, for two shards. */
static struct alarm_settings usage_alarm(void)
{
    struct alarm_settings settings = {
        .name = must_strdup("usage"),
        .actions_enabled = true,
        .queries = must_calloc(7, sizeof(struct data_query)),
        .query_count = 7,
        .evaluation_periods = 1,
        .threshold = 0.8,
        .comparison = must_strdup("GreaterThanOrEqualToThreshold"),
        .treat_missing = must_strdup("ignore"),
    };

    settings.actions[VALUE_ALARM] = one_text(TOPIC);
    settings.queries[0] = metric_query("m1", "IncomingBytes");
    settings.queries[1] = metric_query("m2", "IncomingRecords");
    settings.queries[2] = expression_query("e1", "FILL(m1,0)", false);
    settings.queries[3] = expression_query("e2", "FILL(m2,0)", false);
    settings.queries[4] = expression_query("e3", "e1/(1024*1024*60*2)", false);
    settings.queries[5] = expression_query("e4", "e2/(1000*60*2)", false);
    settings.queries[6] = expression_query("e5", "MAX([e3,e4])", true);
    return settings;
}

START_TEST(a_math_alarm_is_evaluated_and_told_with_all_its_metrics)
{
    struct alarm *alarm;
    struct sim_delivery delivery;

    (void)test_stream(sim, "orders", 2);
    alarm = put(usage_alarm());
    sim_advance(sim, SIM_START + MINUTES(5));
    ck_assert_int_eq(alarm->value, VALUE_OK); /* FILL makes zeros of nothing */
    test_traffic(sim, "orders", "constant:180000", 100, "uniform"); /* 1800 records/s: 90 % */
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_int_eq(alarm->value, VALUE_ALARM);
    ck_assert(sim_take_delivery(sim, &delivery));
    ck_assert_ptr_nonnull(strstr(delivery.body, "[0.9 (01/01/26 00:05:00)] was greater than or equal to the threshold (0.8)"));
    ck_assert_ptr_nonnull(strstr(delivery.body,
                                 "\"Trigger\":{\"Period\":60,\"EvaluationPeriods\":1,\"ComparisonOperator\":"
                                 "\"GreaterThanOrEqualToThreshold\",\"Threshold\":0.8,\"TreatMissingData\":\"ignore\","
                                 "\"EvaluateLowSampleCountPercentile\":\"\",\"Metrics\":[{\"Id\":\"m1\",\"MetricStat\":{"
                                 "\"Metric\":{\"Dimensions\":[{\"value\":\"orders\",\"name\":\"StreamName\"}],\"MetricName\":"
                                 "\"IncomingBytes\",\"Namespace\":\"AWS/Kinesis\"},\"Period\":60,\"Stat\":\"Sum\"},"
                                 "\"ReturnData\":false}"));
    ck_assert_ptr_nonnull(strstr(delivery.body, "{\"Expression\":\"MAX([e3,e4])\",\"Id\":\"e5\",\"ReturnData\":true}]}}"));
    sim_delivery_clear(&delivery);
}
END_TEST

static const struct {
    const char *expression;
    double values[3]; /* where a is 1, missing, 3 and b is 10, 20, missing */
} expressions[] = {
    {"a", {1, NAN, 3}},
    {"a + b", {11, NAN, NAN}},
    {"2*3+4", {10, 10, 10}},
    {"2+3*4-6/2", {11, 11, 11}},
    {"-(a)*-2", {2, NAN, 6}},
    {"--a", {1, NAN, 3}},
    {"1e3/a", {1000, NAN, 1000.0 / 3}},
    {"a/0", {NAN, NAN, NAN}},
    {"FILL(a,0)", {1, 0, 3}},
    {"FILL(a, -1.5)", {1, -1.5, 3}},
    {"FILL(b,REPEAT)", {10, 20, 20}},
    {"MAX([a,b])", {10, 20, 3}},
    {"MIN([a, b, 2])", {1, 2, 2}},
    {"SUM([a,b])", {11, 20, 3}},
    {"AVG([a,b])", {5.5, 20, 3}},
    {"MAX(a)", {3, 3, 3}},
    {"SUM(a)", {4, 4, 4}},
    {"a/PERIOD(a)*60", {1, NAN, 3}},
    {"(((a)))", {1, NAN, 3}},
};

/* Custom metrics a and b with the three minutes from SIM_START on. */
static void put_values(void)
{
    const struct metric_datum data[] = {
        {{(char *)"Test", (char *)"a", NULL, 0}, {SIM_START, 1, 1, 1, 1}, NULL},
        {{(char *)"Test", (char *)"a", NULL, 0}, {SIM_START + 125000, 3, 1, 3, 3}, "Count"},
        {{(char *)"Test", (char *)"b", NULL, 0}, {SIM_START + 10000, 10, 1, 10, 10}, NULL},
        {{(char *)"Test", (char *)"b", NULL, 0}, {SIM_START + 60000, 20, 1, 20, 20}, NULL},
    };

    ck_assert_msg(model_put_metric_data(sim, data, COUNT_OF(data), &fault) == 0, "%s", fault.message);
    sim_advance(sim, SIM_START + HOURS(1));
}

#define TEST_QUERIES(text)                                                                                        \
    {.id = (char *)"a", .metric = {(char *)"Test", (char *)"a", NULL, 0}, .stat = (char *)"Sum", .period_s = 60},       \
        {.id = (char *)"b", .metric = {(char *)"Test", (char *)"b", NULL, 0}, .stat = (char *)"Sum", .period_s = 60},   \
        {.id = (char *)"e", .expression = (char *)(text), .return_data = -1}

START_TEST(expressions_have_their_values)
{
    const struct data_query queries[] = {TEST_QUERIES(expressions[_i].expression)};
    const struct grid grid = {SIM_START, 60000, 3};
    double values[3];
    struct error err = {0};

    put_values();
    ck_assert_msg(model_math(sim, queries, 3, 2, &grid, values, &err) == 0, "%s", err.message);
    for (int i = 0; i < 3; i++) {
        if (isnan(expressions[_i].values[i]))
            ck_assert_double_nan(values[i]);
        else
            ck_assert_double_eq_tol(values[i], expressions[_i].values[i], 1e-12);
    }
}
END_TEST

static const char *const bad_expressions[] = {"",       "a +",       "a b",        "(a",        "MAX([a,b)",   "MAX(a,b)",   "c",
                                              "e",      "FILL(a)",   "FILL(a,b",   "SEARCH('x')", "1.2.3",     "a;b",        "[a,b]",
                                              "1e999", "MAX([])", "a..b"};

START_TEST(an_expression_that_is_none_is_refused)
{
    const struct data_query queries[] = {TEST_QUERIES(bad_expressions[_i])};
    const struct grid grid = {SIM_START, 60000, 3};
    double values[3];
    struct error err = {0};

    ck_assert_int_eq(model_math(sim, queries, 3, 2, &grid, values, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
}
END_TEST

START_TEST(a_deeply_nested_expression_is_refused)
{
    char text[2000];
    const struct data_query queries[] = {TEST_QUERIES(text)};
    const struct grid grid = {SIM_START, 60000, 0};
    struct error err = {0};

    memset(text, '(', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(model_math(sim, queries, 3, 2, &grid, NULL, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.message, "nested too deep"));
}
END_TEST

START_TEST(queries_are_answered_page_by_page_in_either_order)
{
    const struct data_query queries[] = {TEST_QUERIES("SUM([a,b])")};
    struct data_request request = {queries, 3, SIM_START, SIM_START + MINUTES(3), true, 0, NULL};
    struct data_answer answer;
    char token[MODEL_TOKEN_SIZE];

    put_values();
    ck_assert_int_eq(model_get_metric_data(sim, &request, &answer, &fault), 0);
    ck_assert_uint_eq(answer.count, 1); /* return_data 0 is not returned */
    ck_assert_str_eq(answer.items[0].label, "e");
    ck_assert_uint_eq(answer.items[0].count, 3);
    ck_assert_double_eq(answer.items[0].values[1], 20);
    ck_assert_str_eq(answer.next_token, "");
    model_data_answer_clear(&answer);

    request.ascending = false;
    request.max_datapoints = 2;
    ck_assert_int_eq(model_get_metric_data(sim, &request, &answer, &fault), 0);
    ck_assert_uint_eq(answer.items[0].count, 2);
    ck_assert_double_eq(answer.items[0].values[0], 3);
    ck_assert_int_eq(answer.items[0].times_ms[0], SIM_START + MINUTES(2));
    memcpy(token, answer.next_token, sizeof(token));
    model_data_answer_clear(&answer);

    request.next_token = token;
    ck_assert_int_eq(model_get_metric_data(sim, &request, &answer, &fault), 0);
    ck_assert_uint_eq(answer.items[0].count, 1);
    ck_assert_double_eq(answer.items[0].values[0], 11);
    ck_assert_str_eq(answer.next_token, "");
    model_data_answer_clear(&answer);

    request.next_token = "x";
    ck_assert_int_eq(model_get_metric_data(sim, &request, &answer, &fault), -1);
    ck_assert_str_eq(fault.type, "InvalidNextToken");
    request = (struct data_request){queries, 3, SIM_START, SIM_START + MINUTES(33601), true, 0, NULL};
    ck_assert_int_eq(model_get_metric_data(sim, &request, &answer, &fault), -1); /* 3 x 33,601 datapoints */
    ck_assert_str_eq(fault.type, "ValidationException");
}
END_TEST

START_TEST(statistics_have_at_most_1440_points)
{
    const struct metric_name metric = {(char *)"Test", (char *)"a", NULL, 0};
    struct datapoint *points;
    const char *unit;
    size_t count;

    put_values();
    ck_assert_int_eq(model_get_metric_statistics(sim, &metric, SIM_START, SIM_START + HOURS(24), 60, &points, &count, &unit,
                                                 &fault), 0);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(unit, "Count");
    free(points);
    ck_assert_int_eq(model_get_metric_statistics(sim, &metric, SIM_START, SIM_START + HOURS(48), 60, &points, &count, &unit,
                                                 &fault), -1);
    ck_assert_str_eq(fault.message, "You have requested up to 2880 datapoints, which exceeds the limit of 1440. You may "
                                    "reduce the datapoints requested by increasing Period, or decreasing the time range.");
}
END_TEST

START_TEST(metric_data_must_be_one_s_own_and_recent)
{
    struct metric_datum datum = {{(char *)"AWS/Kinesis", (char *)"a", NULL, 0}, {0, 1, 1, 1, 1}, NULL};

    ck_assert_int_eq(model_put_metric_data(sim, &datum, 1, &fault), -1);
    datum.metric.namespace = (char *)"Mine";
    ck_assert_int_eq(model_put_metric_data(sim, &datum, 1, &fault), 0);
    datum.point.at_ms = sim->now_ms - HOURS(24 * 14) - 1;
    ck_assert_int_eq(model_put_metric_data(sim, &datum, 1, &fault), -1);
    datum.point.at_ms = sim->now_ms + HOURS(2) + 1;
    ck_assert_int_eq(model_put_metric_data(sim, &datum, 1, &fault), -1);
    datum.point = (struct datapoint){sim->now_ms, NAN, 1, 1, 1};
    ck_assert_int_eq(model_put_metric_data(sim, &datum, 1, &fault), -1);
    ck_assert_str_eq(fault.type, "InvalidParameterValueException");
}
END_TEST

/* ---- what is refused */

START_TEST(an_alarm_that_makes_no_sense_is_refused)
{
    struct alarm_settings settings = busy("x", 1);

    settings.period_s = 90;
    assert_refused(settings, "Period must be 10, 20, 30 or a multiple of 60.");
    settings = busy("x", 1);
    settings.evaluation_periods = 1441;
    assert_refused(settings, "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).");
    settings = busy("x", 1);
    settings.datapoints_to_alarm = 2;
    assert_refused(settings, "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
    settings = busy("x", 1);
    settings.treat_missing = must_strdup("Ignore");
    assert_refused(settings, "The value for parameter TreatMissingData must be one of breaching, notBreaching, ignore, missing.");
    settings = busy("x", 1);
    settings.extended_statistic = must_strdup("p90");
    assert_refused(settings, "Exactly one of the parameters Statistic and ExtendedStatistic must be given.");
    settings = busy("x", 1);
    settings.threshold = NAN;
    assert_refused(settings, "The parameter Threshold must be given.");
    settings = usage_alarm();
    settings.queries[5].return_data = 1;
    assert_refused(settings, "Exactly one element of the metrics list should return data.");
    settings = usage_alarm();
    settings.metric = stream_metric("IncomingBytes", "orders");
    assert_refused(settings, "The request must contain either MetricName or Metrics, and not both.");
    settings = usage_alarm();
    free(settings.queries[6].expression);
    settings.queries[6].expression = must_strdup("MAX([e3,e9])");
    assert_refused(settings, "Unknown id 'e9' in expression 'MAX([e3,e9])'");
    settings = usage_alarm();
    free(settings.queries[2].expression);
    settings.queries[2].expression = must_strdup("e5");
    assert_refused(settings, "Expression 'e5' needs itself");
    ck_assert_uint_eq(sim->alarm_count, 0);
}
END_TEST

/* ---- composite */

static struct alarm_settings composite(const char *name, const char *rule)
{
    struct alarm_settings settings = {.name = must_strdup(name), .composite = true, .actions_enabled = true,
                                      .threshold = NAN, .rule = must_strdup(rule)};

    settings.actions[VALUE_ALARM] = one_text(TOPIC);
    return settings;
}

START_TEST(a_composite_alarm_follows_its_children)
{
    struct alarm *both, *either;
    struct sim_delivery delivery;

    (void)put(busy("a", 1));
    (void)put(busy("b", 1));
    both = put(composite("both", "ALARM(a) AND NOT OK(\"b\") AND NOT INSUFFICIENT_DATA(b)"));
    either = put(composite("either", "ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:a) OR (ALARM(b) AND TRUE)"));
    ck_assert_int_eq(both->value, VALUE_OK);
    sim_advance(sim, SIM_START + 1000);
    ck_assert_int_eq(model_set_alarm_state(sim, "a", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(both->value, VALUE_OK);
    ck_assert_int_eq(either->value, VALUE_ALARM);
    ck_assert_int_eq(model_set_alarm_state(sim, "b", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(both->value, VALUE_ALARM);
    ck_assert_str_eq(both->reason, "arn:aws:cloudwatch:us-east-1:000000000000:alarm:b transitioned to ALARM at Thursday 01 "
                                   "January, 2026 00:00:01 UTC");
    ck_assert(sim_take_delivery(sim, &delivery)); /* a */
    sim_delivery_clear(&delivery);
    ck_assert(sim_take_delivery(sim, &delivery)); /* either */
    ck_assert_ptr_nonnull(strstr(delivery.body, "\"AlarmRule\":\"ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:a) OR "
                                                "(ALARM(b) AND TRUE)\",\"TriggeringChildren\":[{\"Arn\":\"arn:aws:cloudwatch:"
                                                "us-east-1:000000000000:alarm:a\",\"State\":{\"Value\":\"ALARM\",\"Timestamp\":"
                                                "\"2026-01-01T00:00:01.000+0000\"}}]}"));
    ck_assert_ptr_null(strstr(delivery.body, "Trigger\":{"));
    sim_delivery_clear(&delivery);
}
END_TEST

START_TEST(composite_alarms_that_watch_each_other_do_not_hang)
{
    (void)put(composite("a", "NOT ALARM(b)"));
    (void)put(composite("b", "ALARM(a)"));
    ck_assert_int_eq(model_set_alarm_state(sim, "a", VALUE_OK, "by hand", NULL, &fault), 0);
    ck_assert_uint_eq(sim->alarm_count, 2);
}
END_TEST

static const char *const bad_rules[] = {"", "ALARM", "ALARM()", "ALARM(a", "ALARM(\"a)", "ALARM(a) AND", "a", "ALARM(a) b",
                                        "(ALARM(a)", "AND ALARM(a)", "ALARM(a) ALARM(b)", "NOT", "ALARMED(a)"};

START_TEST(a_rule_that_is_none_is_refused)
{
    struct alarm_settings settings = composite("x", bad_rules[_i]);

    ck_assert_int_eq(model_put_alarm(sim, &settings, &fault), -1);
    ck_assert(text_starts_with(fault.message, "AlarmRule must be a valid expression"));
    model_alarm_settings_clear(&settings);
}
END_TEST

/* ---- showing and deleting */

static const char *names_of(const struct describe_alarms *request)
{
    static char text[256];
    struct alarm_page page;
    int length = 0;

    text[0] = '\0';
    ck_assert_int_eq(model_describe_alarms(sim, request, &page, &fault), 0);
    for (size_t i = 0; i < page.count; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%s ", page.items[i]->settings.name);
    snprintf(text + length, sizeof(text) - (size_t)length, "%s", page.next_token);
    model_alarm_page_clear(&page);
    return text;
}

START_TEST(alarms_are_shown_as_asked)
{
    struct alarm_settings other = busy("b2", 1);

    free(other.actions[VALUE_ALARM].items[0]);
    other.actions[VALUE_ALARM].items[0] = must_strdup("arn:aws:sns:us-east-1:000000000000:other");
    (void)put(busy("b1", 1));
    (void)put(busy("a1", 1));
    (void)put(other);
    (void)put(composite("c1", "ALARM(a1)"));
    ck_assert_int_eq(model_set_alarm_state(sim, "b1", VALUE_ALARM, "by hand", NULL, &fault), 0);

#define NAMES(...) names_of(&(struct describe_alarms){.value = -1, ##__VA_ARGS__})
    ck_assert_str_eq(NAMES(), "a1 b1 b2 ");
    ck_assert_str_eq(NAMES(.composite = true), "c1 ");
    ck_assert_str_eq(NAMES(.composite = true, .metric = true), "a1 b1 b2 c1 ");
    ck_assert_str_eq(NAMES(.name_prefix = "b"), "b1 b2 ");
    ck_assert_str_eq(NAMES(.action_prefix = TOPIC), "a1 b1 ");
    ck_assert_str_eq(NAMES(.action_prefix = "arn:aws:sns:", .name_prefix = "b"), "b1 b2 ");
    ck_assert_str_eq(NAMES(.names = (const char *const[]){"b2", "c1", "zz"}, .name_count = 3), "b2 ");
    ck_assert_str_eq(NAMES(.max_records = 2), "a1 b1 after:b1");
    ck_assert_str_eq(NAMES(.max_records = 2, .next_token = "after:b1"), "b2 ");
#undef NAMES
    ck_assert_str_eq(names_of(&(struct describe_alarms){.value = VALUE_ALARM}), "b1 ");
    ck_assert_int_eq(model_describe_alarms(sim, &(struct describe_alarms){.value = -1, .next_token = "b1"},
                                           &(struct alarm_page){0}, &fault), -1);
    ck_assert_str_eq(fault.type, "InvalidNextToken");
}
END_TEST

START_TEST(alarms_of_a_metric_are_those_with_one_metric)
{
    struct metric_name metric = stream_metric("IncomingBytes", "orders");
    struct alarm_page page;

    (void)put(busy("busy", 1));
    (void)put(usage_alarm());
    model_alarms_for_metric(sim, &metric, NULL, 0, &page);
    ck_assert_uint_eq(page.count, 1);
    ck_assert_str_eq(page.items[0]->settings.name, "busy");
    model_alarm_page_clear(&page);
    model_alarms_for_metric(sim, &metric, "Average", 0, &page);
    ck_assert_uint_eq(page.count, 0);
    model_alarm_page_clear(&page);
    metric.dimension_count = 0;
    model_alarms_for_metric(sim, &metric, NULL, 0, &page);
    ck_assert_uint_eq(page.count, 0);
    model_alarm_page_clear(&page);
    metric.dimension_count = 1;
    model_metric_name_clear(&metric);
}
END_TEST

START_TEST(those_alarms_that_exist_are_deleted)
{
    (void)put(busy("a", 1));
    (void)put(busy("b", 1));
    ck_assert_int_eq(model_delete_alarms(sim, (const char *const[]){"a", "none", "b"}, 3, &fault), -1);
    ck_assert_str_eq(fault.type, "ResourceNotFound");
    ck_assert_uint_eq(sim->alarm_count, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_alarms");
    TCase *evaluation = tcase_create("evaluation"), *said = tcase_create("said"), *math = tcase_create("math"),
          *shown = tcase_create("shown");

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
    suite_add_tcase(suite, said);

    tcase_add_checked_fixture(math, begin, end);
    tcase_add_test(math, a_math_alarm_is_evaluated_and_told_with_all_its_metrics);
    tcase_add_loop_test(math, expressions_have_their_values, 0, COUNT_OF(expressions));
    tcase_add_loop_test(math, an_expression_that_is_none_is_refused, 0, COUNT_OF(bad_expressions));
    tcase_add_test(math, a_deeply_nested_expression_is_refused);
    tcase_add_test(math, queries_are_answered_page_by_page_in_either_order);
    tcase_add_test(math, statistics_have_at_most_1440_points);
    tcase_add_test(math, metric_data_must_be_one_s_own_and_recent);
    suite_add_tcase(suite, math);

    tcase_add_checked_fixture(shown, begin, end);
    tcase_add_test(shown, an_alarm_that_makes_no_sense_is_refused);
    tcase_add_test(shown, a_composite_alarm_follows_its_children);
    tcase_add_test(shown, composite_alarms_that_watch_each_other_do_not_hang);
    tcase_add_loop_test(shown, a_rule_that_is_none_is_refused, 0, COUNT_OF(bad_rules));
    tcase_add_test(shown, alarms_are_shown_as_asked);
    tcase_add_test(shown, alarms_of_a_metric_are_those_with_one_metric);
    tcase_add_test(shown, those_alarms_that_exist_are_deleted);
    suite_add_tcase(suite, shown);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
