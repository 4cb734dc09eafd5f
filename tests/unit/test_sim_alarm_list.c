#include "sim_alarms.h"
#include "support.h"

#include "base/memory.h"
#include "base/text.h"

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

/* Refused with this text; the settings stay ours and are cleared. */
static void assert_refused(struct alarm_settings settings, const char *message)
{
    ck_assert_int_eq(model_put_alarm(sim, &settings, &fault), -1);
    ck_assert_str_eq(fault.type, "ValidationException");
    ck_assert_str_eq(fault.message, message);
    model_alarm_settings_clear(&settings);
}

/* How many deliveries wait; they are taken and answered. */
/* ---- what is refused */

START_TEST(an_alarm_that_makes_no_sense_is_refused)
{
    struct alarm_settings settings = test_busy("x", 1);

    settings.period_s = 90;
    assert_refused(settings, "Period must be 10, 20, 30 or a multiple of 60.");
    settings = test_busy("x", 1);
    settings.evaluation_periods = 1441;
    assert_refused(settings, "Metrics cannot be checked across more than a day (EvaluationPeriods * Period "
                             "must be <= 86400).");
    settings = test_busy("x", 1);
    settings.datapoints_to_alarm = 2;
    assert_refused(settings,
                   "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
    settings = test_busy("x", 1);
    settings.treat_missing = must_strdup("Ignore");
    assert_refused(settings, "The value for parameter TreatMissingData must be one of breaching, "
                             "notBreaching, ignore, missing.");
    settings = test_busy("x", 1);
    settings.extended_statistic = must_strdup("p90");
    assert_refused(settings, "Exactly one of the parameters Statistic and ExtendedStatistic must be given.");
    settings = test_busy("x", 1);
    settings.threshold = NAN;
    assert_refused(settings, "The parameter Threshold must be given.");
    settings = test_usage();
    settings.queries[5].return_data = 1;
    assert_refused(settings, "Exactly one element of the metrics list should return data.");
    settings = test_usage();
    settings.metric = test_stream_metric("IncomingBytes", "orders");
    assert_refused(settings, "The request must contain either MetricName or Metrics, and not both.");
    settings = test_usage();
    free(settings.queries[6].expression);
    settings.queries[6].expression = must_strdup("MAX([e3,e9])");
    assert_refused(settings, "Unknown id 'e9' in expression 'MAX([e3,e9])'");
    settings = test_usage();
    free(settings.queries[2].expression);
    settings.queries[2].expression = must_strdup("e5");
    assert_refused(settings, "Expression 'e5' needs itself");
    ck_assert_uint_eq(sim->alarm_count, 0);
}
END_TEST

/* ---- composite */

static struct alarm_settings composite(const char *name, const char *rule)
{
    struct alarm_settings settings = {.name = must_strdup(name),
                                      .composite = true,
                                      .actions_enabled = true,
                                      .threshold = NAN,
                                      .rule = must_strdup(rule)};

    settings.actions[VALUE_ALARM] = test_texts(TEST_TOPIC);
    return settings;
}

START_TEST(a_composite_alarm_follows_its_children)
{
    struct alarm *both, *either;
    struct sim_delivery delivery;

    (void)test_put_alarm(sim, test_busy("a", 1));
    (void)test_put_alarm(sim, test_busy("b", 1));
    both = test_put_alarm(sim, composite("both", "ALARM(a) AND NOT OK(\"b\") AND NOT INSUFFICIENT_DATA(b)"));
    either = test_put_alarm(sim, composite("either", "ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:"
                                                     "a) OR (ALARM(b) AND TRUE)"));
    ck_assert_int_eq(both->value, VALUE_OK);
    sim_advance(sim, SIM_START + 1000);
    ck_assert_int_eq(model_set_alarm_state(sim, "a", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(both->value, VALUE_OK);
    ck_assert_int_eq(either->value, VALUE_ALARM);
    ck_assert_int_eq(model_set_alarm_state(sim, "b", VALUE_ALARM, "by hand", NULL, &fault), 0);
    ck_assert_int_eq(both->value, VALUE_ALARM);
    ck_assert_str_eq(both->reason,
                     "arn:aws:cloudwatch:us-east-1:000000000000:alarm:b transitioned to ALARM at Thursday 01 "
                     "January, 2026 00:00:01 UTC");
    ck_assert(sim_take_delivery(sim, &delivery)); /* a */
    sim_delivery_clear(&delivery);
    ck_assert(sim_take_delivery(sim, &delivery)); /* either */
    ck_assert_ptr_nonnull(
        strstr(delivery.body, "\"AlarmRule\":\"ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:a) OR "
                              "(ALARM(b) AND TRUE)\",\"TriggeringChildren\":[{\"Arn\":\"arn:aws:cloudwatch:"
                              "us-east-1:000000000000:alarm:a\",\"State\":{\"Value\":\"ALARM\",\"Timestamp\":"
                              "\"2026-01-01T00:00:01.000+0000\"}}]}"));
    ck_assert_ptr_null(strstr(delivery.body, "Trigger\":{"));
    sim_delivery_clear(&delivery);
}
END_TEST

START_TEST(composite_alarms_that_watch_each_other_do_not_hang)
{
    (void)test_put_alarm(sim, composite("a", "NOT ALARM(b)"));
    (void)test_put_alarm(sim, composite("b", "ALARM(a)"));
    ck_assert_int_eq(model_set_alarm_state(sim, "a", VALUE_OK, "by hand", NULL, &fault), 0);
    ck_assert_uint_eq(sim->alarm_count, 2);
}
END_TEST

static const char *const bad_rules[] = {
    "",           "ALARM",     "ALARM()",      "ALARM(a",           "ALARM(\"a)", "ALARM(a) AND", "a",
    "ALARM(a) b", "(ALARM(a)", "AND ALARM(a)", "ALARM(a) ALARM(b)", "NOT",        "ALARMED(a)"};

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
    struct alarm_settings other = test_busy("b2", 1);

    free(other.actions[VALUE_ALARM].items[0]);
    other.actions[VALUE_ALARM].items[0] = must_strdup("arn:aws:sns:us-east-1:000000000000:other");
    (void)test_put_alarm(sim, test_busy("b1", 1));
    (void)test_put_alarm(sim, test_busy("a1", 1));
    (void)test_put_alarm(sim, other);
    (void)test_put_alarm(sim, composite("c1", "ALARM(a1)"));
    ck_assert_int_eq(model_set_alarm_state(sim, "b1", VALUE_ALARM, "by hand", NULL, &fault), 0);

#define NAMES(...) names_of(&(struct describe_alarms){.value = -1, ##__VA_ARGS__})
    ck_assert_str_eq(NAMES(), "a1 b1 b2 ");
    ck_assert_str_eq(NAMES(.composite = true), "c1 ");
    ck_assert_str_eq(NAMES(.composite = true, .metric = true), "a1 b1 b2 c1 ");
    ck_assert_str_eq(NAMES(.name_prefix = "b"), "b1 b2 ");
    ck_assert_str_eq(NAMES(.action_prefix = TEST_TOPIC), "a1 b1 ");
    ck_assert_str_eq(NAMES(.action_prefix = "arn:aws:sns:", .name_prefix = "b"), "b1 b2 ");
    ck_assert_str_eq(NAMES(.names = (const char *const[]){"b2", "c1", "zz"}, .name_count = 3), "b2 ");
    ck_assert_str_eq(NAMES(.max_records = 2), "a1 b1 after:b1");
    ck_assert_str_eq(NAMES(.max_records = 2, .next_token = "after:b1"), "b2 ");
#undef NAMES
    ck_assert_str_eq(names_of(&(struct describe_alarms){.value = VALUE_ALARM}), "b1 ");
    ck_assert_int_eq(model_describe_alarms(sim, &(struct describe_alarms){.value = -1, .next_token = "b1"},
                                           &(struct alarm_page){0}, &fault),
                     -1);
    ck_assert_str_eq(fault.type, "InvalidNextToken");
}
END_TEST

START_TEST(alarms_of_a_metric_are_those_with_one_metric)
{
    struct metric_name metric = test_stream_metric("IncomingBytes", "orders");
    struct alarm_page page;

    (void)test_put_alarm(sim, test_busy("busy", 1));
    (void)test_put_alarm(sim, test_usage());
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
    (void)test_put_alarm(sim, test_busy("a", 1));
    (void)test_put_alarm(sim, test_busy("b", 1));
    ck_assert_int_eq(model_delete_alarms(sim, (const char *const[]){"a", "none", "b"}, 3, &fault), -1);
    ck_assert_str_eq(fault.type, "ResourceNotFound");
    ck_assert_uint_eq(sim->alarm_count, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_alarm_list");
    TCase *shown = tcase_create("shown");

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
