/* Dates: four ways to write, all read; the calendar has no February 30. */
#include "base/date.h"
#include "base/memory.h"
#include "base/random.h"
#include "support.h"

static const struct {
    int64_t ms;
    const char *full, *seconds, *offset, *basic;
} moments[] = {
    {0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000+0000",
     "19700101T000000Z"},
    {999, "1970-01-01T00:00:00.999Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.999+0000",
     "19700101T000000Z"},
    {INT64_C(951782400000), "2000-02-29T00:00:00.000Z", "2000-02-29T00:00:00Z",
     "2000-02-29T00:00:00.000+0000", "20000229T000000Z"},
    {INT64_C(1795248930123), "2026-11-21T08:15:30.123Z", "2026-11-21T08:15:30Z",
     "2026-11-21T08:15:30.123+0000", "20261121T081530Z"},
    {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z", "2100-03-01T00:00:00Z",
     "2100-03-01T00:00:00.000+0000", "21000301T000000Z"},
    {DATE_MAX_MS, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999+0000",
     "99991231T235959Z"},
};

START_TEST(moments_are_written_in_all_forms)
{
    char text[DATE_SIZE];

    date_format(moments[_i].ms, text);
    ck_assert_str_eq(text, moments[_i].full);
    date_format_seconds(moments[_i].ms, text);
    ck_assert_str_eq(text, moments[_i].seconds);
    date_format_offset(moments[_i].ms, text);
    ck_assert_str_eq(text, moments[_i].offset);
    date_format_basic(moments[_i].ms, text);
    ck_assert_str_eq(text, moments[_i].basic);
}
END_TEST

START_TEST(moments_are_read_in_all_forms)
{
    int64_t whole = moments[_i].ms / 1000 * 1000;
    int64_t ms = -1;

    ck_assert(date_parse(moments[_i].full, &ms) && ms == moments[_i].ms);
    ck_assert(date_parse(moments[_i].offset, &ms) && ms == moments[_i].ms);
    ck_assert(date_parse(moments[_i].seconds, &ms) && ms == whole);
    ck_assert(date_parse(moments[_i].basic, &ms) && ms == whole);
}
END_TEST

START_TEST(a_moment_outside_the_calendar_is_written_as_the_nearest)
{
    char text[DATE_SIZE];

    date_format(-1, text);
    ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
    date_format(INT64_MIN, text);
    ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
    date_format(DATE_MAX_MS + 1, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59.999Z");
    date_format(INT64_MAX, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(offsets_and_decimals_are_understood)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2026-11-21T08:15:30+00:00", INT64_C(1795248930000)},
        {"2026-11-21T10:15:30+02:00", INT64_C(1795248930000)},
        {"2026-11-21T13:45:30+0530", INT64_C(1795248930000)},
        {"2026-11-20T22:15:30-10:00", INT64_C(1795248930000)},
        {"2026-11-21T08:15:30.1Z", INT64_C(1795248930100)},
        {"2026-11-21T08:15:30.12Z", INT64_C(1795248930120)},
        {"2026-11-21T08:15:30.123999999Z", INT64_C(1795248930123)},
        {"2026-11-21T08:15:30.000000001+0000", INT64_C(1795248930000)},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T23:00:00-01:00", 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = -1;

        ck_assert_msg(date_parse(rows[i].text, &ms), "%s", rows[i].text);
        ck_assert_msg(ms == rows[i].ms, "%s: %lld", rows[i].text, (long long)ms);
    }
}
END_TEST

START_TEST(the_29th_of_february_exists_in_leap_years_only)
{
    static const struct {
        int year;
        bool leap;
    } rows[] = {{1972, true}, {1999, false}, {2000, true}, {2023, false},
                {2024, true}, {2100, false}, {2400, true}, {9996, true}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[DATE_SIZE];
        int64_t ms = 42, march = 0;

        snprintf(text, sizeof(text), "%d-02-29T12:00:00Z", rows[i].year);
        ck_assert_msg(date_parse(text, &ms) == rows[i].leap, "%s", text);
        snprintf(text, sizeof(text), "%d-03-01T12:00:00Z", rows[i].year);
        ck_assert(date_parse(text, &march));
        ck_assert_int_eq(ms, rows[i].leap ? march - 86400000 : 42);
    }
}
END_TEST

START_TEST(impossible_and_malformed_dates_are_refused)
{
    static const char *const rows[] = {
        "",
        "2026-11-21",
        "2026-11-21T08:15Z",
        "2026-11-21T08:15:30",
        "2026-11-21 08:15:30Z",
        "2026-11-21t08:15:30z",
        "2026-00-21T08:15:30Z",
        "2026-13-21T08:15:30Z",
        "2026-11-00T08:15:30Z",
        "2026-11-31T08:15:30Z",
        "2026-02-30T08:15:30Z",
        "2026-04-31T08:15:30Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T08:60:30Z",
        "2026-11-21T08:15:60Z",
        "2026-11-21T08:15:30.Z",
        "2026-11-21T08:15:30.1234567890Z",
        "2026-11-21T08:15:30+24:00",
        "2026-11-21T08:15:30+01:60",
        "2026-11-21T08:15:30+1:00",
        "2026-11-21T08:15:30+",
        "2026-11-21T08:15:30Zx",
        " 2026-11-21T08:15:30Z",
        "2026-11-2T08:15:30Z",
        "+026-11-21T08:15:30Z",
        "2026-11-21T08:-5:30Z",
        "20261121T08:15:30Z",
        "2026-1121T081530Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = 42;

        ck_assert_msg(!date_parse(rows[i], &ms), "%s", rows[i]);
        ck_assert_int_eq(ms, 42);
    }
}
END_TEST

/* A text cut anywhere is refused, and nothing behind its end is read (AddressSanitizer looks). */
START_TEST(a_cut_date_is_refused)
{
    static const char whole[] = "2026-11-21T08:15:30.123+00:00";

    for (size_t length = 0; length < sizeof(whole) - 1; length++) {
        SCOPED(free_text) char *text = must_strndup(whole, length);
        int64_t ms = 42;

        ck_assert_msg(!date_parse(text, &ms), "%s", text);
    }
}
END_TEST

START_TEST(every_moment_reads_back_as_itself)
{
    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)(random_fraction() * (double)DATE_MAX_MS);
        int64_t back = -1;
        char text[DATE_SIZE];

        date_format(ms, text);
        ck_assert_msg(date_parse(text, &back) && back == ms, "%s", text);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("date");
    TCase *tcase = tcase_create("date");

    tcase_add_loop_test(tcase, moments_are_written_in_all_forms, 0, (int)COUNT_OF(moments));
    tcase_add_loop_test(tcase, moments_are_read_in_all_forms, 0, (int)COUNT_OF(moments));
    tcase_add_test(tcase, a_moment_outside_the_calendar_is_written_as_the_nearest);
    tcase_add_test(tcase, offsets_and_decimals_are_understood);
    tcase_add_test(tcase, the_29th_of_february_exists_in_leap_years_only);
    tcase_add_test(tcase, impossible_and_malformed_dates_are_refused);
    tcase_add_test(tcase, a_cut_date_is_refused);
    tcase_add_test(tcase, every_moment_reads_back_as_itself);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
