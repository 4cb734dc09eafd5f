/* Clocks: one seam, three behaviours. */
#include "base/clock.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"
#include "support.h"

static double elapsed_ms(int64_t since_ns)
{
    return (double)(clock_monotonic_ns() - since_ns) / 1e6;
}

START_TEST(the_system_clock_tells_and_waits_in_real_time)
{
    struct clock *clock = clock_system();
    int64_t start_ns = clock_monotonic_ns();
    int64_t now_ms = clock_now_ms(clock);

    ck_assert_int_le((long)(now_ms / 1000), (long)time(NULL));
    ck_assert_int_ge((long)(now_ms / 1000), (long)time(NULL) - 2);
    clock_sleep_ms(clock, 20);
    ck_assert(elapsed_ms(start_ns) >= 20);
    ck_assert_int_eq(clock_real_ms(clock, 1234), 1234);
    ck_assert_ptr_eq(clock, clock_system());
}
END_TEST

START_TEST(a_wait_of_nothing_or_less_returns_at_once)
{
    struct scaled_clock scaled;
    struct virtual_clock still;
    int64_t start_ns = clock_monotonic_ns();

    clock_scaled_init(&scaled, 0, 10);
    clock_virtual_init(&still, 1000);
    clock_sleep_ms(clock_system(), 0);
    clock_sleep_ms(clock_system(), INT64_MIN);
    clock_sleep_ms(&scaled.clock, -1);
    clock_sleep_ms(&still.clock, -500);
    ck_assert_int_eq(clock_now_ms(&still.clock), 1000);
    ck_assert(elapsed_ms(start_ns) < 5000);
}
END_TEST

START_TEST(a_scaled_clock_runs_faster_from_its_base)
{
    struct scaled_clock scaled;
    int64_t base_ms = clock_now_ms(clock_system());
    int64_t start_ns = clock_monotonic_ns();
    int64_t before, after;
    double real_ms;

    clock_scaled_init(&scaled, base_ms, 1000);
    before = clock_now_ms(&scaled.clock);
    ck_assert_int_ge(before, base_ms);
    clock_sleep_ms(&scaled.clock, 20000);
    after = clock_now_ms(&scaled.clock);
    real_ms = elapsed_ms(start_ns);
    ck_assert(real_ms >= 20);
    ck_assert_int_ge(after - before, 20000);
    ck_assert((double)(after - before) <= (real_ms + 1) * 1000);
}
END_TEST

START_TEST(two_clocks_of_one_base_and_speed_agree)
{
    struct scaled_clock one, other;
    int64_t first, between, last;

    clock_scaled_init(&one, clock_now_ms(clock_system()) - 3600000, 60);
    clock_scaled_init(&other, one.base_ms, one.speed);
    first = clock_now_ms(&one.clock);
    between = clock_now_ms(&other.clock);
    last = clock_now_ms(&one.clock);
    ck_assert_int_le(first, between);
    ck_assert_int_le(between, last);
    ck_assert_int_ge(first - one.base_ms, INT64_C(60) * 3600000);
}
END_TEST

START_TEST(real_time_is_rounded_up)
{
    struct scaled_clock scaled;

    clock_scaled_init(&scaled, 0, 60);
    ck_assert_int_eq(clock_real_ms(&scaled.clock, 0), 0);
    ck_assert_int_eq(clock_real_ms(&scaled.clock, 1), 1);
    ck_assert_int_eq(clock_real_ms(&scaled.clock, 60), 1);
    ck_assert_int_eq(clock_real_ms(&scaled.clock, 61), 2);
    ck_assert_int_eq(clock_real_ms(&scaled.clock, 300000), 5000);
}
END_TEST

START_TEST(a_scaled_clock_stays_within_the_calendar)
{
    struct scaled_clock scaled;

    clock_scaled_init(&scaled, 0, 100000); /* fifty years at this speed are five million */
    ck_assert_int_eq(clock_now_ms(&scaled.clock), DATE_MAX_MS);
    clock_scaled_init(&scaled, DATE_MAX_MS, 100000); /* and as many before the base */
    ck_assert_int_eq(clock_now_ms(&scaled.clock), 0);
}
END_TEST

START_TEST(a_scaled_clock_is_read_from_text)
{
    struct scaled_clock scaled = {0};
    struct error err = {0};

    ck_assert_int_eq(clock_scaled_parse("1763683200000@60", &scaled, &err), 0);
    ck_assert_int_eq(scaled.base_ms, INT64_C(1763683200000));
    ck_assert(scaled.speed == 60);
    ck_assert_int_eq(clock_scaled_parse("0@1", &scaled, &err), 0);
    ck_assert_int_eq(clock_scaled_parse("0@100000", &scaled, &err), 0);
    ck_assert_int_eq(clock_scaled_parse("5@1.5", &scaled, &err), 0);
    ck_assert(scaled.speed == 1.5);
    ck_assert_int_eq(clock_real_ms(&scaled.clock, 3000), 2000);
}
END_TEST

START_TEST(what_is_not_a_clock_is_refused)
{
    static const char *const rows[] = {"",      "@",    "5",       "5@",    "@60",
                                       "-1@60", "5@0",  "5@0.5",   "5@nan", "5@100001",
                                       "5@6 0", "x@60", "5@60@60", "5 @60", "253402300800000@60"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scaled_clock scaled = {.base_ms = 42};
        struct error err = {0};

        ck_assert_msg(clock_scaled_parse(rows[i], &scaled, &err) == -1, "%s", rows[i]);
        ck_assert_int_eq(err.kind, ERROR_CONFIG);
        ck_assert_int_eq(scaled.base_ms, 42);
        ck_assert_ptr_nonnull(strstr(err.message, "is not a clock"));
    }
}
END_TEST

START_TEST(a_virtual_clock_moves_only_when_somebody_waits)
{
    struct virtual_clock clock;
    int64_t start_ns = clock_monotonic_ns();

    clock_virtual_init(&clock, 1000);
    ck_assert_int_eq(clock_now_ms(&clock.clock), 1000);
    ck_assert_int_eq(clock_now_ms(&clock.clock), 1000);
    clock_sleep_ms(&clock.clock, INT64_C(86400000) * 365);
    ck_assert_int_eq(clock_now_ms(&clock.clock), 1000 + INT64_C(86400000) * 365);
    ck_assert_int_eq(clock_real_ms(&clock.clock, 5000), 0);
    ck_assert(elapsed_ms(start_ns) < 5000);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");

    tcase_add_test(tcase, the_system_clock_tells_and_waits_in_real_time);
    tcase_add_test(tcase, a_wait_of_nothing_or_less_returns_at_once);
    tcase_add_test(tcase, a_scaled_clock_runs_faster_from_its_base);
    tcase_add_test(tcase, two_clocks_of_one_base_and_speed_agree);
    tcase_add_test(tcase, real_time_is_rounded_up);
    tcase_add_test(tcase, a_scaled_clock_stays_within_the_calendar);
    tcase_add_test(tcase, a_scaled_clock_is_read_from_text);
    tcase_add_test(tcase, what_is_not_a_clock_is_refused);
    tcase_add_test(tcase, a_virtual_clock_moves_only_when_somebody_waits);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
