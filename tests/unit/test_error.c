/* Errors: texts that are complete, on one line, and never too long. */
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "support.h"

START_TEST(setting_fills_kind_and_text_and_returns_minus_one)
{
    struct error err = {0};

    ck_assert_int_eq(error_set(&err, ERROR_QUOTA, "stream '%s' has %d shards", "orders", 7), -1);
    ck_assert_int_eq(err.kind, ERROR_QUOTA);
    ck_assert_str_eq(err.message, "stream 'orders' has 7 shards");
}
END_TEST

START_TEST(wrapping_puts_the_view_in_front_and_keeps_the_kind)
{
    struct error err = {0};

    (void)error_set(&err, ERROR_TRANSIENT, "timed out");
    (void)error_wrap(&err, "describe");
    ck_assert_int_eq(error_wrap(&err, "look at stream '%s'", "orders"), -1);
    ck_assert_str_eq(err.message, "look at stream 'orders': describe: timed out");
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
}
END_TEST

START_TEST(an_error_can_be_made_from_its_own_text)
{
    struct error err = {0};

    (void)error_set(&err, ERROR_TRANSIENT, "no route");
    (void)error_set(&err, ERROR_AUTH, "%s, twice: %s", err.message, err.message);
    ck_assert_str_eq(err.message, "no route, twice: no route");
    (void)error_wrap(&err, "%s", err.message);
    ck_assert_str_eq(err.message, "no route, twice: no route: no route, twice: no route");
}
END_TEST

START_TEST(what_comes_from_outside_cannot_begin_a_line)
{
    struct error err = {0};

    (void)error_set(&err, ERROR_REFUSED, "AWS says '%s'", "no\nerror fake\r\t\x1b[2J\x7f");
    ck_assert_str_eq(err.message, "AWS says 'no error fake   [2J '");
    (void)error_wrap(&err, "a\nb");
    ck_assert_str_eq(err.message, "a b: AWS says 'no error fake   [2J '");
}
END_TEST

/* Every length around the end of the message, with characters of one to four bytes. */
START_TEST(a_long_text_is_cut_at_a_whole_character)
{
    static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    const char *character = characters[_i];
    size_t step = strlen(character);

    for (size_t lead = 0; lead < 4; lead++) {
        char text[2048] = "....";
        struct error err = {0};
        size_t length;

        for (length = lead; length + step < 1500; length += step)
            memcpy(text + length, character, step);
        text[length] = '\0';
        (void)error_set(&err, ERROR_INPUT, "%s", text);
        length = strlen(err.message);
        ck_assert_uint_ge(length, sizeof(err.message) - step);
        ck_assert_uint_lt(length, sizeof(err.message));
        ck_assert(text_is_utf8(err.message, length));
        ck_assert(text_starts_with(text, err.message));
    }
}
END_TEST

START_TEST(a_text_that_just_fits_is_not_cut)
{
    char text[sizeof(((struct error *)0)->message)];
    struct error err = {0};

    memset(text, 'x', sizeof(text));
    memcpy(text + sizeof(text) - 3, "\xC3\xA9", 3);
    (void)error_set(&err, ERROR_INPUT, "%s", text);
    ck_assert_str_eq(err.message, text);
}
END_TEST

START_TEST(wrapping_a_full_message_keeps_the_view)
{
    char text[1000] = {0};
    struct error err = {0};

    memset(text, 'x', sizeof(text) - 1);
    (void)error_set(&err, ERROR_BUG, "%s", text);
    for (int i = 0; i < 100; i++)
        (void)error_wrap(&err, "view %d", i);
    ck_assert(text_starts_with(err.message, "view 99: view 98: "));
    ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 1);
}
END_TEST

START_TEST(every_kind_has_a_name_of_its_own)
{
    for (int a = 0; a < ERROR_KIND_COUNT; a++) {
        ck_assert_ptr_nonnull(error_kind_name((enum error_kind)a));
        for (int b = 0; b < a; b++)
            ck_assert_str_ne(error_kind_name((enum error_kind)a), error_kind_name((enum error_kind)b));
    }
    ck_assert_str_eq(error_kind_name(ERROR_THROTTLED), "throttled");
    ck_assert_str_eq(error_kind_name(ERROR_KIND_COUNT), "unknown");
    ck_assert_str_eq(error_kind_name((enum error_kind) - 1), "unknown");
}
END_TEST

START_TEST(only_throttled_and_transient_are_worth_another_try)
{
    for (int kind = 0; kind < ERROR_KIND_COUNT; kind++) {
        struct error err = {.kind = (enum error_kind)kind};

        ck_assert_int_eq(error_is_retryable(&err), kind == ERROR_THROTTLED || kind == ERROR_TRANSIENT);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("error");
    TCase *tcase = tcase_create("error");

    tcase_add_test(tcase, setting_fills_kind_and_text_and_returns_minus_one);
    tcase_add_test(tcase, wrapping_puts_the_view_in_front_and_keeps_the_kind);
    tcase_add_test(tcase, an_error_can_be_made_from_its_own_text);
    tcase_add_test(tcase, what_comes_from_outside_cannot_begin_a_line);
    tcase_add_loop_test(tcase, a_long_text_is_cut_at_a_whole_character, 0, 4);
    tcase_add_test(tcase, a_text_that_just_fits_is_not_cut);
    tcase_add_test(tcase, wrapping_a_full_message_keeps_the_view);
    tcase_add_test(tcase, every_kind_has_a_name_of_its_own);
    tcase_add_test(tcase, only_throttled_and_transient_are_worth_another_try);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
