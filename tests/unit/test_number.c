/* Numbers, percentages and durations: the whole text or nothing. */
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "support.h"

#include <math.h>

START_TEST(whole_numbers_are_taken_to_the_edges)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-7", -7},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = -1;

        ck_assert_msg(number_parse(rows[i].text, INT64_MIN, INT64_MAX, &value), "%s", rows[i].text);
        ck_assert_int_eq(value, rows[i].value);
    }
}
END_TEST

START_TEST(what_is_not_a_whole_number_is_refused)
{
    static const char *const rows[] = {
        "",
        "-",
        "+1",
        "--1",
        " 1",
        "1 ",
        "1x",
        "0x10",
        "1.0",
        "1e3",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999999999999999999",
        "\xEF\xBC\x91",
        "1\n",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 42;

        ck_assert_msg(!number_parse(rows[i], INT64_MIN, INT64_MAX, &value), "%s", rows[i]);
        ck_assert_int_eq(value, 42);
    }
}
END_TEST

START_TEST(bounds_are_inclusive)
{
    int64_t value = 42;

    ck_assert(number_parse("1", 1, 64, &value) && value == 1);
    ck_assert(number_parse("64", 1, 64, &value) && value == 64);
    ck_assert(!number_parse("0", 1, 64, &value));
    ck_assert(!number_parse("65", 1, 64, &value));
    ck_assert_int_eq(value, 64);
}
END_TEST

START_TEST(decimal_numbers_are_read_exactly)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0},
        {"0.8", 0.8},
        {"-1.5", -1.5},
        {"1e3", 1000},
        {"1E+3", 1000},
        {"25e-2", 0.25},
        {"1e-400", 0},
        {"50331648", 50331648},
        {"1.7976931348623157e308", 0x1.fffffffffffffp1023},
        {"0.1000000000000000055511151231257827", 0.1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double value = -1;

        ck_assert_msg(number_parse_double(rows[i].text, &value), "%s", rows[i].text);
        ck_assert_msg(value == rows[i].value, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(what_is_not_a_decimal_number_is_refused)
{
    static const char *const rows[] = {"",    "-",   ".5", "5.", "1e", "1e+",   "nan", "inf",   "1e309",
                                       "0x1", "1,5", "+1", " 1", "1 ", "1.5.2", "e3",  "1e3.5", "-1e999"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double value = 42;

        ck_assert_msg(!number_parse_double(rows[i], &value), "%s", rows[i]);
        ck_assert(value == 42);
    }
}
END_TEST

START_TEST(percentages_are_fractions_without_a_rounding_error)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {{"80%", 0.8}, {"80.5%", 0.805}, {"62.7%", 0.627}, {"0%", 0},
                {"100%", 1},  {"1000%", 10},    {"0.1%", 0.001}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double value = -1;

        ck_assert_msg(number_parse_percent(rows[i].text, &value), "%s", rows[i].text);
        ck_assert_msg(value == rows[i].value, "%s: %.20g", rows[i].text, value);
    }
}
END_TEST

START_TEST(what_is_not_a_percentage_is_refused)
{
    static const char *const rows[] = {
        "",     "%",       "80",    "80 %",
        "-1%",  "1000.1%", "1001%", "1e1%",
        "80%%", "80.%",    ".5%",   "x%",
        " 80%", "80% ",    "+8%",   "00000000000000000000000000000000000000000000000000000000000000000001%"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double value = 42;

        ck_assert_msg(!number_parse_percent(rows[i], &value), "%s", rows[i]);
        ck_assert(value == 42);
    }
}
END_TEST

/* Text, milliseconds, and the text that is written for them. */
static const struct {
    const char *text;
    int64_t ms;
    const char *written;
} durations[] = {
    {"0s", 0, "0s"},
    {"0ms", 0, "0s"},
    {"500ms", 500, "500ms"},
    {"1500ms", 1500, "1500ms"},
    {"30s", 30000, "30s"},
    {"60s", 60000, "1m"},
    {"5m", 300000, "5m"},
    {"90m", 5400000, "90m"},
    {"36h", 129600000, "36h"},
    {"48h", 172800000, "2d"},
    {"2d", 172800000, "2d"},
    {"61s", 61000, "61s"},
    {"9223372036854775807ms", INT64_MAX, "9223372036854775807ms"},
};

START_TEST(durations_are_read_and_written)
{
    int64_t ms = -1;
    char text[24];

    ck_assert(number_parse_duration(durations[_i].text, &ms));
    ck_assert_int_eq(ms, durations[_i].ms);
    number_format_duration(ms, text, sizeof(text));
    ck_assert_str_eq(text, durations[_i].written);
}
END_TEST

START_TEST(what_is_not_a_duration_is_refused)
{
    static const char *const rows[] = {"",
                                       "5",
                                       "m",
                                       "-5m",
                                       "5 m",
                                       "5M",
                                       "5min",
                                       "1.5h",
                                       "5m ",
                                       " 5m",
                                       "5m5s",
                                       "+5m",
                                       "9223372036854775808ms",
                                       "9223372036854775807s",
                                       "106751991168d"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = 42;

        ck_assert_msg(!number_parse_duration(rows[i], &ms), "%s", rows[i]);
        ck_assert_int_eq(ms, 42);
    }
}
END_TEST

START_TEST(doubles_are_written_as_people_would)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {0.8, "0.8"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1, "1"},
        {100, "100"},
        {50331648, "50331648"},
        {1048576, "1048576"},
        {-2.5, "-2.5"},
        {1e6, "1000000"},
        {1e15, "1000000000000000"},
        {123456789012345678.0, "123456789012345680"},
        {1e18, "1e+18"},
        {1e-6, "0.000001"},
        {1.5e-7, "1.5e-07"},
        {1e300, "1e+300"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[32];

        number_format_double(rows[i].value, text, sizeof(text));
        ck_assert_str_eq(text, rows[i].text);
    }
}
END_TEST

START_TEST(every_finite_double_reads_back_as_itself)
{
    for (int i = 0; i < 100000; i++) {
        double value = NAN;
        double back = 0;
        char text[32];

        while (!isfinite(value))
            random_bytes(&value, sizeof(value));
        if (i % 2 == 0) /* most bit patterns are huge or tiny: sizes of everyday too */
            value = random_fraction() * pow(10, i % 40 - 20);
        number_format_double(value, text, sizeof(text));
        ck_assert_uint_lt(strlen(text), sizeof(text) - 1);
        ck_assert_msg(number_parse_double(text, &back), "%s", text);
        ck_assert_msg(back == value, "%s is not %a", text, value);
    }
}
END_TEST

START_TEST(percentages_are_written_as_people_would)
{
    static const struct {
        double fraction;
        const char *text;
    } rows[] = {{0, "0%"},   {0.8, "80%"},  {0.625, "62.5%"},        {0.627, "62.7%"},
                {1, "100%"}, {10, "1000%"}, {1.0 / 3, "33.333333%"}, {0.001, "0.1%"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[32];

        number_format_percent(rows[i].fraction, text, sizeof(text));
        ck_assert_str_eq(text, rows[i].text);
    }
}
END_TEST

START_TEST(a_written_percentage_reads_back)
{
    for (int tenths = 0; tenths <= 10000; tenths++) {
        double fraction, back = -1;
        char given[16], text[32];

        snprintf(given, sizeof(given), "%d.%d%%", tenths / 10, tenths % 10);
        ck_assert(number_parse_percent(given, &fraction));
        number_format_percent(fraction, text, sizeof(text));
        ck_assert(number_parse_percent(text, &back));
        ck_assert_msg(back == fraction, "%s became %s", given, text);
    }
}
END_TEST

START_TEST(what_is_no_number_is_written_all_the_same)
{
    char text[32];

    number_format_double(NAN, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "nan"));
    number_format_double(-INFINITY, text, sizeof(text));
    ck_assert_str_eq(text, "-inf");
    number_format_percent(INFINITY, text, sizeof(text));
    ck_assert_str_eq(text, "inf%");
    number_format_percent(1e300, text, sizeof(text)); /* cut, not overrun */
    ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("number");
    TCase *tcase = tcase_create("number");

    tcase_add_test(tcase, whole_numbers_are_taken_to_the_edges);
    tcase_add_test(tcase, what_is_not_a_whole_number_is_refused);
    tcase_add_test(tcase, bounds_are_inclusive);
    tcase_add_test(tcase, decimal_numbers_are_read_exactly);
    tcase_add_test(tcase, what_is_not_a_decimal_number_is_refused);
    tcase_add_test(tcase, percentages_are_fractions_without_a_rounding_error);
    tcase_add_test(tcase, what_is_not_a_percentage_is_refused);
    tcase_add_loop_test(tcase, durations_are_read_and_written, 0, (int)COUNT_OF(durations));
    tcase_add_test(tcase, what_is_not_a_duration_is_refused);
    tcase_add_test(tcase, doubles_are_written_as_people_would);
    tcase_add_test(tcase, every_finite_double_reads_back_as_itself);
    tcase_add_test(tcase, percentages_are_written_as_people_would);
    tcase_add_test(tcase, a_written_percentage_reads_back);
    tcase_add_test(tcase, what_is_no_number_is_written_all_the_same);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
