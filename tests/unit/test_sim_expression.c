#include "sim_alarms.h"
#include "support.h"

#include "base/memory.h"

#include "../../src/sim/expression.h"

#include <math.h>

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

#define TEST_QUERIES(text)                                                 \
    {.id = (char *)"a",                                                    \
     .metric = {(char *)"Test", (char *)"a", NULL, 0},                     \
     .stat = (char *)"Sum",                                                \
     .period_s = 60},                                                      \
        {.id = (char *)"b",                                                \
         .metric = {(char *)"Test", (char *)"b", NULL, 0},                 \
         .stat = (char *)"Sum",                                            \
         .period_s = 60},                                                  \
    {                                                                      \
        .id = (char *)"e", .expression = (char *)(text), .return_data = -1 \
    }

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

static const char *const bad_expressions[] = {
    "",         "a +",         "a b",   "(a",  "MAX([a,b)", "MAX(a,b)", "c",       "e",   "FILL(a)",
    "FILL(a,b", "SEARCH('x')", "1.2.3", "a;b", "[a,b]",     "1e999",    "MAX([])", "a..b"};

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

START_TEST(a_long_expression_over_a_long_time_is_refused)
{
    char text[201];
    const struct data_query queries[] = {TEST_QUERIES(text)};
    const struct grid grid = {SIM_START, 60000, 100000};
    double *values = must_calloc(grid.count, sizeof(*values));
    struct error err = {0};

    for (size_t i = 0; i < 200; i++)
        text[i] = i % 2 == 0 ? 'a' : '+';
    text[199] = text[200] = '\0';
    ck_assert_int_eq(model_math(sim, queries, 3, 2, &grid, values, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.message, "needs too many datapoints"));
    text[79] = '\0';
    ck_assert_int_eq(model_math(sim, queries, 3, 2, &grid, values, &err), 0);
    free(values);
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
    ck_assert_int_eq(sim_metrics_requested(sim), 2); /* maths are free */
    ck_assert_uint_eq(answer.count, 1);              /* return_data 0 is not returned */
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
    ck_assert_int_eq(sim_metrics_requested(sim), 6); /* each page was asked for */
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
    ck_assert_int_eq(model_get_metric_statistics(sim, &metric, SIM_START, SIM_START + HOURS(24), 60, &points,
                                                 &count, &unit, &fault),
                     0);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(unit, "Count");
    free(points);
    ck_assert_int_eq(model_get_metric_statistics(sim, &metric, SIM_START, SIM_START + HOURS(48), 60, &points,
                                                 &count, &unit, &fault),
                     -1);
    ck_assert_str_eq(fault.message,
                     "You have requested up to 2880 datapoints, which exceeds the limit of 1440. You may "
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

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_expression");
    TCase *math = tcase_create("math");

    tcase_add_checked_fixture(math, begin, end);
    tcase_add_loop_test(math, expressions_have_their_values, 0, COUNT_OF(expressions));
    tcase_add_loop_test(math, an_expression_that_is_none_is_refused, 0, COUNT_OF(bad_expressions));
    tcase_add_test(math, a_deeply_nested_expression_is_refused);
    tcase_add_test(math, a_long_expression_over_a_long_time_is_refused);
    tcase_add_test(math, queries_are_answered_page_by_page_in_either_order);
    tcase_add_test(math, statistics_have_at_most_1440_points);
    tcase_add_test(math, metric_data_must_be_one_s_own_and_recent);
    suite_add_tcase(suite, math);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
