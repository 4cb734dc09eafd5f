/* svg.c: what is written can be read again, and stays inside of the picture, whatever it is given. */
#include "../../src/cli/svg.h"

#include "base/memory.h"
#include "base/text.h"
#include "support.h"

#include <math.h>

static char *written(const char *text)
{
    char *memory = NULL;
    size_t size;
    FILE *file = open_memstream(&memory, &size);

    svg_text(file, text);
    ck_assert_int_eq(fclose(file), 0);
    return memory;
}

static const struct {
    const char *text, *wanted;
} texts[] = {
    {"", ""},
    {"orders-1", "orders-1"},
    {"a < b && c > \"d\"", "a &lt; b &amp;&amp; c &gt; &quot;d&quot;"},
    {"</style><script>alert(1)</script>", "&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;"},
    {"ünï \xe2\x82\xac", "ünï \xe2\x82\xac"},
    {"cut \xe2\x82", "cut ??"},
    {"\x01 bell \x07 tab \t esc \x1b[0m del \x7f", "  bell   tab   esc  [0m del  "},
};

START_TEST(text_is_escaped)
{
    SCOPED(free_text) char *got = written(texts[_i].text);

    ck_assert_str_eq(got, texts[_i].wanted);
}
END_TEST

static const struct {
    double highest, top, step;
} scales[] = {
    {0, 1e-6, 2e-7}, {0.9, 1, 0.2}, {1, 1, 0.2},     {1.01, 1.5, 0.5},         {24, 25, 5},
    {37.5, 40, 10},  {64, 80, 20},  {265, 300, 100}, {265000, 300000, 100000}, {9999, 10000, 2000},
};

START_TEST(a_scale_has_round_numbers_and_holds_the_highest_value)
{
    struct plot plot = {.height = 100};

    plot_scale(&plot, scales[_i].highest);
    ck_assert_double_eq_tol(plot.top, scales[_i].top, 1e-9 * scales[_i].top);
    ck_assert_double_eq_tol(plot.step, scales[_i].step, 1e-9 * scales[_i].step);
    ck_assert_double_ge(plot.top, scales[_i].highest);
}
END_TEST

START_TEST(nothing_is_drawn_outside_of_the_box)
{
    static const double values[] = {-1, 0, 5, 10, 11, 1e300, INFINITY, -INFINITY, NAN};
    struct plot plot = {.height = 100, .top = 10, .time = {1000, 2000, true}};

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        double y = plot_y(&plot, values[i]);

        ck_assert(y >= PLOT_TOP && y <= PLOT_TOP + 100);
    }
    ck_assert_double_eq(plot_x(&plot, 0), PLOT_LEFT);
    ck_assert_double_eq(plot_x(&plot, 1500), PLOT_LEFT + PLOT_WIDTH / 2.0);
    ck_assert_double_eq(plot_x(&plot, INT64_C(1) << 50), PLOT_LEFT + PLOT_WIDTH);
}
END_TEST

START_TEST(times_are_dates_or_days_of_the_load)
{
    struct time_axis dated = {1763683200000, 1763683200000 + 86400000, true}, undated = dated;
    char text[TIME_TEXT_SIZE];

    undated.dated = false;
    time_text(&dated, 1763683200000 + 8 * 3600000 + 59999, text);
    ck_assert_str_eq(text, "Fri 2025-11-21 08:00");
    time_text(&undated, 1763683200000 + 86400000 + 8 * 3600000, text);
    ck_assert_str_eq(text, "day 2 08:00");
}
END_TEST

/* From minutes to years: enough labels to read a time, and few enough to be read. */
START_TEST(every_length_of_time_has_some_labels_and_not_too_many)
{
    for (int64_t minutes = 2; minutes < 2000000; minutes = minutes * 3 / 2 + 1) {
        char *memory = NULL;
        size_t size, labels = 0;
        struct plot plot = {
            .file = open_memstream(&memory, &size),
            .height = 100,
            .id = "p",
            .time = {1763683200000 + 7 * 60000, 1763683200000 + (7 + minutes) * 60000, _i == 0}};

        plot_scale(&plot, 1);
        plot_open(&plot, "title", "description", "unit");
        plot_close(&plot);
        ck_assert_int_eq(fclose(plot.file), 0);
        for (const char *at = memory; (at = strstr(at, "class=\"tick mid\"")) != NULL; at++)
            labels++;
        ck_assert_msg(labels >= 2 && labels <= 12, "%zu labels for %lld minutes", labels, (long long)minutes);
        ck_assert_ptr_nonnull(strstr(memory, "aria-labelledby=\"p-title p-desc\""));
        free(memory);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("svg");
    TCase *tcase = tcase_create("svg");

    tcase_add_loop_test(tcase, text_is_escaped, 0, COUNT_OF(texts));
    tcase_add_loop_test(tcase, a_scale_has_round_numbers_and_holds_the_highest_value, 0, COUNT_OF(scales));
    tcase_add_test(tcase, nothing_is_drawn_outside_of_the_box);
    tcase_add_test(tcase, times_are_dates_or_days_of_the_load);
    tcase_add_loop_test(tcase, every_length_of_time_has_some_labels_and_not_too_many, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
