/*
 * test_cost.c - what a stream costs.
 */
#include "scaling/cost.h"

#include "base/memory.h"
#include "support.h"

#define GIB 1073741824.0

START_TEST(shards_alarms_and_metrics_cost_by_the_hour)
{
    struct price_list prices = price_list_default();

    ck_assert_double_eq_tol(cost_shard_hours(&prices, 730), 10.95, 1e-9); /* AWS: 10.95 a month */
    ck_assert_double_eq_tol(cost_alarms(&prices, 3 * 730), 0.30, 1e-9);
    /* Two metrics of 16 shards for a day. */
    ck_assert_double_eq_tol(cost_custom_metrics(&prices, 2 * 16 * 24), 2 * 16 * 0.30 / 730 * 24, 1e-9);
    /* Four metrics every minute. */
    ck_assert_double_eq_tol(cost_metric_requests(&prices, 4 * 60 * 730), 1.752, 1e-9);
}
END_TEST

START_TEST(a_read_costs_what_is_read_and_a_write_what_it_is_rounded_up_to)
{
    struct price_list prices = price_list_default();
    struct usage small = {.hours = 10, .kib = GIB / 1024, .bytes = GIB / 1024, .readers = 1},
                 whole = {.hours = 10, .kib = GIB / 1024, .bytes = GIB, .readers = 2};

    ck_assert_double_eq_tol(cost_put_units(&prices, 3e6), 3 * 0.014, 1e-9);
    ck_assert_double_eq_tol(cost_on_demand(&prices, &small), 0.4 + 0.08 + 0.04 / 1024, 1e-9);
    ck_assert_double_eq_tol(cost_on_demand(&prices, &whole), 0.4 + 0.08 + 2 * 0.04, 1e-9);
    ck_assert_double_eq_tol(cost_on_demand_advantage(&prices, &small), 0.032 + 0.016 / 1024, 1e-9);
    ck_assert_double_eq_tol(cost_on_demand_advantage(&prices, &whole), 0.032 + 2 * 0.016, 1e-9);
}
END_TEST

START_TEST(every_price_has_a_name_a_unit_a_source_and_a_day_and_can_be_set)
{
    struct price_list prices = price_list_default();
    struct error err = {0};

    for (size_t i = 0; i < PRICE_COUNT; i++) {
        const struct price_row *row = &price_rows[i];
        char assignment[64];

        ck_assert_ptr_nonnull(row->name);
        ck_assert_ptr_nonnull(row->unit);
        ck_assert_uint_gt(strlen(row->source), 10);
        ck_assert_uint_eq(strlen(row->read_on), strlen("2026-11-20"));
        ck_assert_double_gt(row->dollars, 0);
        ck_assert_double_eq(prices.dollars[i], row->dollars);
        snprintf(assignment, sizeof(assignment), "%s=%zu.5", row->name, i);
        ck_assert_int_eq(price_list_set(&prices, assignment, &err), 0);
        ck_assert_double_eq(prices.dollars[i], (double)i + 0.5);
    }
}
END_TEST

static const struct {
    const char *assignment, *complaint;
} refusals[] = {
    {"shard-hour", "a price is set as NAME=DOLLARS, not 'shard-hour'"},
    {"=1", "a price is set as NAME=DOLLARS, not '=1'"},
    {"", "a price is set as NAME=DOLLARS, not ''"},
    {"shard-hours=1", "there is no price 'shard-hours'; is 'shard-hour' meant?"},
    {"coffee=1", "there is no price 'coffee'; there are shard-hour, put-units, on-demand-hour, on-demand-in, "
                 "on-demand-out, advantage-in, advantage-out, alarm-month, metric-month, metric-requests"},
    {"shard-hour=", "the price 'shard-hour' must be 0 to 1000000 dollars, not ''"},
    {"shard-hour=-1", "the price 'shard-hour' must be 0 to 1000000 dollars, not '-1'"},
    {"shard-hour=1x", "the price 'shard-hour' must be 0 to 1000000 dollars, not '1x'"},
    {"shard-hour=inf", "the price 'shard-hour' must be 0 to 1000000 dollars, not 'inf'"},
};

START_TEST(a_wrong_price_is_refused_and_changes_nothing)
{
    struct price_list prices = price_list_default(), before = prices;
    struct error err = {0};

    ck_assert_int_eq(price_list_set(&prices, refusals[_i].assignment, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(err.message, refusals[_i].complaint);
    ck_assert_mem_eq(&prices, &before, sizeof(prices));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cost");
    TCase *dollars = tcase_create("dollars"), *prices = tcase_create("prices");

    tcase_add_test(dollars, shards_alarms_and_metrics_cost_by_the_hour);
    tcase_add_test(dollars, a_read_costs_what_is_read_and_a_write_what_it_is_rounded_up_to);
    tcase_add_test(prices, every_price_has_a_name_a_unit_a_source_and_a_day_and_can_be_set);
    tcase_add_loop_test(prices, a_wrong_price_is_refused_and_changes_nothing, 0, COUNT_OF(refusals));
    suite_add_tcase(suite, dollars);
    suite_add_tcase(suite, prices);
    return run_suite(suite);
}
