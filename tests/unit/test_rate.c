#include "aws/rate.h"
#include "base/memory.h"
#include "support.h"

#include <pthread.h>

static const int64_t START_MS = 1763683200000;

static const struct {
    const char *operation;
    int quota; /* AWS's, each second */
} quotas[] = {
    {"kinesis:DescribeLimits", 1},
    {"kinesis:DescribeStreamSummary", 20},
    {"kinesis:ListShards", 100},
    {"kinesis:SplitShard", 5},
    {"kinesis:MergeShards", 5},
    {"kinesis:UpdateShardCount", 10},
    {"cloudwatch:DescribeAlarms", 9},
    {"cloudwatch:DescribeAlarmsForMetric", 9},
    {"cloudwatch:PutMetricAlarm", 3},
    {"cloudwatch:SetAlarmState", 3},
    {"cloudwatch:GetMetricData", 50},
    {"sns:ConfirmSubscription", 100},
    {"kinesis:AnOperationWithoutARow", 5},
};

START_TEST(no_second_sees_more_calls_than_aws_allows_and_a_minute_four_fifths)
{
    struct virtual_clock clock;
    struct rate_limiter *limiter;
    int64_t *at_ms = must_calloc(20000, sizeof(*at_ms));
    int calls = 0, quota = quotas[_i].quota;

    clock_virtual_init(&clock, START_MS);
    limiter = rate_limiter_new(&clock.clock);
    while (clock.ms < START_MS + 60000) {
        (void)rate_limiter_wait(limiter, quotas[_i].operation, "orders");
        at_ms[calls++] = clock.ms;
    }
    for (int i = quota; i < calls; i++)
        ck_assert_msg(at_ms[i] - at_ms[i - quota] >= 999, "%s: %d calls within %d ms", quotas[_i].operation,
                      quota + 1, (int)(at_ms[i] - at_ms[i - quota]));
    ck_assert_int_ge(calls, 60 * quota * 8 / 10 - 2);
    rate_limiter_free(limiter);
    free(at_ms);
}
END_TEST

START_TEST(the_first_call_and_one_after_a_pause_do_not_wait)
{
    struct virtual_clock clock;
    struct rate_limiter *limiter;

    clock_virtual_init(&clock, START_MS);
    limiter = rate_limiter_new(&clock.clock);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:DescribeLimits", ""), 0);
        clock.ms += 1250;
    }
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:DescribeLimits", ""), 0);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:DescribeLimits", ""), 1250);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:DescribeLimits", ""), 1250);
    rate_limiter_free(limiter);
}
END_TEST

START_TEST(a_quota_per_stream_is_counted_per_stream_and_others_are_not)
{
    struct virtual_clock clock;
    struct rate_limiter *limiter;
    int64_t waited = 0;

    clock_virtual_init(&clock, START_MS);
    limiter = rate_limiter_new(&clock.clock);
    for (int i = 0; i < 20; i++)
        waited += rate_limiter_wait(limiter, "kinesis:ListShards", i % 2 == 0 ? "a" : "b");
    ck_assert_int_eq(waited, 0);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:SplitShard", "a"), 0);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:SplitShard", "b"), 250);
    /* Unlisted operations share a limit, not a bucket. */
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:One", ""), 0);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:Two", ""), 0);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:One", ""), 250);
    rate_limiter_free(limiter);
}
END_TEST

START_TEST(datapoints_never_pass_their_quota_in_any_second)
{
    static const double sizes[] = {100800, 50000, 1, 100800, 30000, 100800, 99999, 7000};
    struct virtual_clock clock;
    struct rate_limiter *limiter;
    int64_t at_ms[200];
    double taken[200];

    clock_virtual_init(&clock, START_MS);
    limiter = rate_limiter_new(&clock.clock);
    for (size_t i = 0; i < COUNT_OF(at_ms); i++) {
        taken[i] = sizes[i % COUNT_OF(sizes)];
        (void)rate_limiter_take(limiter, "cloudwatch:GetMetricData/datapoints", "", taken[i]);
        at_ms[i] = clock.ms;
    }
    for (size_t i = 0; i < COUNT_OF(at_ms); i++) {
        double sum = 0;

        for (size_t j = i; j < COUNT_OF(at_ms) && at_ms[j] < at_ms[i] + 999; j++)
            sum += taken[j];
        ck_assert_msg(sum <= 180000, "%.0f within a second", sum);
    }
    rate_limiter_free(limiter);
}
END_TEST

START_TEST(a_throttled_operation_halves_and_recovers_in_a_minute)
{
    struct virtual_clock clock;
    struct rate_limiter *limiter;

    clock_virtual_init(&clock, START_MS);
    limiter = rate_limiter_new(&clock.clock);
    rate_limiter_throttled(limiter, "kinesis:SplitShard");
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:SplitShard", ""), 0);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:SplitShard", ""), 500);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:MergeShards", ""), 0);
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:MergeShards", ""), 250);

    clock.ms = START_MS + 30000; /* half way back: three quarters of the rate */
    (void)rate_limiter_wait(limiter, "kinesis:SplitShard", "");
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:SplitShard", ""), 334);

    clock.ms = START_MS + 60000;
    (void)rate_limiter_wait(limiter, "kinesis:SplitShard", "");
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:SplitShard", ""), 250);
    rate_limiter_free(limiter);
}
END_TEST

START_TEST(however_often_it_is_throttled_an_operation_still_moves)
{
    struct virtual_clock clock;
    struct rate_limiter *limiter;

    clock_virtual_init(&clock, START_MS);
    limiter = rate_limiter_new(&clock.clock);
    for (int i = 0; i < 1000; i++)
        rate_limiter_throttled(limiter, "kinesis:SplitShard");
    (void)rate_limiter_wait(limiter, "kinesis:SplitShard", "");
    ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:SplitShard", ""), 4000);
    rate_limiter_free(limiter);
}
END_TEST

static const int64_t set_back_ms[] = {86400000, 3600000, 3599000, 600000};

START_TEST(a_clock_that_is_set_back_stops_nobody)
{
    struct virtual_clock clock;
    struct rate_limiter *limiter;

    clock_virtual_init(&clock, START_MS + set_back_ms[_i]);
    limiter = rate_limiter_new(&clock.clock);
    (void)rate_limiter_wait(limiter, "kinesis:SplitShard", "");
    clock.ms = START_MS;
    ck_assert_int_le(rate_limiter_wait(limiter, "kinesis:SplitShard", ""), 250);
    rate_limiter_free(limiter);
}
END_TEST

START_TEST(thousands_of_streams_leave_no_buckets_behind)
{
    struct virtual_clock clock;
    struct rate_limiter *limiter;
    char stream[32];

    clock_virtual_init(&clock, START_MS);
    limiter = rate_limiter_new(&clock.clock);
    for (int i = 0; i < 20000; i++) {
        snprintf(stream, sizeof(stream), "stream-%d", i);
        ck_assert_int_eq(rate_limiter_wait(limiter, "kinesis:ListShards", stream), 0);
        clock.ms += 20; /* each bucket is full again before the next is asked for: linear time, one bucket */
    }
    rate_limiter_free(limiter);
}
END_TEST

static void *call_eight_times(void *context)
{
    for (int i = 0; i < 8; i++)
        (void)rate_limiter_wait(context, "cloudwatch:GetMetricData", "");
    return NULL;
}

START_TEST(threads_share_one_quota)
{
    struct rate_limiter *limiter = rate_limiter_new(clock_system());
    pthread_t threads[8];
    int64_t start_ns = clock_monotonic_ns(), took_ms;

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_eight_times, limiter), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    took_ms = (clock_monotonic_ns() - start_ns) / 1000000;
    /* 64 calls, 10 at once, 40 a second for the rest */
    ck_assert_msg(took_ms >= 1300, "took %d ms", (int)took_ms);
    rate_limiter_free(limiter);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("rate");
    TCase *tcase = tcase_create("rate");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, no_second_sees_more_calls_than_aws_allows_and_a_minute_four_fifths, 0,
                        COUNT_OF(quotas));
    tcase_add_test(tcase, the_first_call_and_one_after_a_pause_do_not_wait);
    tcase_add_test(tcase, a_quota_per_stream_is_counted_per_stream_and_others_are_not);
    tcase_add_test(tcase, datapoints_never_pass_their_quota_in_any_second);
    tcase_add_test(tcase, a_throttled_operation_halves_and_recovers_in_a_minute);
    tcase_add_test(tcase, however_often_it_is_throttled_an_operation_still_moves);
    tcase_add_loop_test(tcase, a_clock_that_is_set_back_stops_nobody, 0, COUNT_OF(set_back_ms));
    tcase_add_test(tcase, thousands_of_streams_leave_no_buckets_behind);
    tcase_add_test(tcase, threads_share_one_quota);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
