/*
 * test_alarms.c - where the alarms of a stream must stand.
 */
#include "scaling/alarms.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

static const struct {
    double fraction;
    enum alarm_metric metric;
    int64_t period_s;
    double capacity;
    double threshold;
} cases[] = {
    {0.8, METRIC_BYTES, 60, 4, 201326592},
    {0.8, METRIC_BYTES, 60, 1, 50331648},
    {0.8, METRIC_BYTES, 300, 10000, 2516582400000},
    {0.8, METRIC_BYTES, 86400, 10000, 724775731200000},
    {0.8, METRIC_RECORDS, 60, 4, 192000},
    {0.8, METRIC_RECORDS, 60, 1, 48000},
    {0.7, METRIC_RECORDS, 60, 3, 126000},
    {0.35, METRIC_RECORDS, 60, 1, 21000},
    {0.333, METRIC_RECORDS, 1, 1, 333},
    {0.8, METRIC_RECORDS, 60, 1.6, 76800},
    {0.8, METRIC_BYTES, 60, 10.0 / 3, 167772160},
    {0.00001, METRIC_RECORDS, 60, 1, 1},
    {0.0, METRIC_BYTES, 60, 0, 1},
    {0.8, METRIC_THROTTLED, 60, 4, 0},
};

START_TEST(thresholds_are_exact)
{
    struct stream_config config = {.scale_up_threshold = cases[_i].fraction};

    ck_assert_double_eq(alarm_threshold(&config, cases[_i].metric, cases[_i].period_s, cases[_i].capacity),
                        cases[_i].threshold);
}
END_TEST

START_TEST(thresholds_of_even_streams_are_those_of_whole_shards)
{
    struct stream_config config = {.scale_up_threshold = 0.8, .threshold_basis = BASIS_EFFECTIVE};

    for (unsigned count = 1; count <= 300; count++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};

        even_map(&map, count);
        ck_assert_double_eq(alarm_threshold(&config, METRIC_BYTES, 60, alarm_capacity(&config, &map)),
                            50331648.0 * count);
        ck_assert_double_eq(alarm_threshold(&config, METRIC_RECORDS, 300, alarm_capacity(&config, &map)),
                            240000.0 * count);
    }
}
END_TEST

START_TEST(the_basis_decides_what_a_part_of_a_generation_is_worth)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct stream_config config = {.threshold_basis = BASIS_EFFECTIVE};
    struct error err;

    even_map(&map, 4);
    ck_assert_int_eq(shard_map_split(&map, 0, (hashkey)1 << 125, &err), 0);
    ck_assert_double_eq(alarm_capacity(&config, &map), 4);
    config.threshold_basis = BASIS_COUNT;
    ck_assert_double_eq(alarm_capacity(&config, &map), 5);
}
END_TEST

START_TEST(metrics_are_read_as_they_are_written)
{
    enum alarm_metric metric = METRIC_RECORDS;

    for (int i = 0; i < ALARM_METRIC_COUNT; i++) {
        ck_assert(alarm_metric_parse(alarm_metric_name((enum alarm_metric)i), &metric));
        ck_assert_int_eq(metric, i);
    }
    ck_assert_str_eq(alarm_metric_name(METRIC_BYTES), "IncomingBytes");
    ck_assert_str_eq(alarm_metric_name(METRIC_RECORDS), "IncomingRecords");
    ck_assert_str_eq(alarm_metric_name(METRIC_THROTTLED), "WriteProvisionedThroughputExceeded");
    ck_assert(!alarm_metric_parse("incomingbytes", &metric));
    ck_assert(!alarm_metric_parse("", &metric));
    ck_assert(!alarm_metric_parse("IncomingBytes ", &metric));
    ck_assert_int_eq(metric, METRIC_THROTTLED);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("alarms");
    TCase *tcase = tcase_create("alarms");

    tcase_add_loop_test(tcase, thresholds_are_exact, 0, COUNT_OF(cases));
    tcase_add_test(tcase, thresholds_of_even_streams_are_those_of_whole_shards);
    tcase_add_test(tcase, the_basis_decides_what_a_part_of_a_generation_is_worth);
    tcase_add_test(tcase, metrics_are_read_as_they_are_written);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
