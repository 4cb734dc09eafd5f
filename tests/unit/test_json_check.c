/* JSON: exactly RFC 8259, and never deeper than asked for.  The public suite: test_hostile_documents.c. */
#include "base/clock.h"
#include "base/json_check.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "support.h"

static int check_text(const char *text, struct error *err)
{
    size_t length = strlen(text);
    /* Exactly as long as it is, so that a look behind its end is seen. */
    char *exact = must_calloc(length, 1);
    int result;

    memcpy(exact, text, length);
    result = json_check(exact, length, JSON_DEPTH_MAX, err);
    free(exact);
    return result;
}

START_TEST(json_is_accepted)
{
    static const char *const rows[] = {
        "0",
        "-0",
        "1.5e+10",
        "-1E-2",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t{\r\n}\n",
        "[1,2,3]",
        "[[],{},[{}]]",
        "{\"a\":1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":[true,false,null]}}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
        "\"\\ud800\"",
        "\"\xC3\xA9\"",
        "\"\x7f\"",
        "[{\"a\":[]},{\"b\":{}}]",
        " 1 ",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err = {0};

        ck_assert_msg(check_text(rows[i], &err) == 0, "%s: %s", rows[i], err.message);
    }
}
END_TEST

START_TEST(a_fault_is_named_with_its_place)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "not JSON: a value is missing at byte 0"},
        {"  ", "not JSON: a value is missing at byte 2"},
        {"[", "not JSON: a value is missing at byte 1"},
        {"[1", "not JSON: a comma or an end is missing at byte 2"},
        {"[1,", "not JSON: a value is missing at byte 3"},
        {"[1,]", "not JSON: a value is missing at byte 3"},
        {"[1}", "not JSON: a comma or an end is missing at byte 2"},
        {"[1 2]", "not JSON: a comma or an end is missing at byte 3"},
        {"{", "not JSON: a string is missing at byte 1"},
        {"{]", "not JSON: a string is missing at byte 1"},
        {"{\"a\"}", "not JSON: a colon is missing at byte 4"},
        {"{\"a\":}", "not JSON: a value is missing at byte 5"},
        {"{\"a\":1,}", "not JSON: a string is missing at byte 7"},
        {"{1:2}", "not JSON: a string is missing at byte 1"},
        {"{\"a\":1]", "not JSON: a comma or an end is missing at byte 6"},
        {"]", "not JSON: a value is missing at byte 0"},
        {",", "not JSON: a value is missing at byte 0"},
        {"1 2", "not JSON: more after the value at byte 2"},
        {"{}}", "not JSON: more after the value at byte 2"},
        {"01", "not JSON: more after the value at byte 1"},
        {"-", "not JSON: a digit is missing at byte 1"},
        {"+1", "not JSON: a value is missing at byte 0"},
        {".5", "not JSON: a value is missing at byte 0"},
        {"1.", "not JSON: a digit is missing at byte 2"},
        {"1e", "not JSON: a digit is missing at byte 2"},
        {"1e+", "not JSON: a digit is missing at byte 3"},
        {"NaN", "not JSON: a value is missing at byte 0"},
        {"tru", "not JSON: an unknown word at byte 0"},
        {"nulL", "not JSON: an unknown word at byte 0"},
        {"truefalse", "not JSON: more after the value at byte 4"},
        {"'a'", "not JSON: a value is missing at byte 0"},
        {"\"", "not JSON: a string does not end at byte 1"},
        {"\"a", "not JSON: a string does not end at byte 2"},
        {"\"a\\", "not JSON: an unknown escape at byte 3"},
        {"\"\\x\"", "not JSON: an unknown escape at byte 2"},
        {"\"\\u12g4\"", "not JSON: a hexadecimal digit is missing at byte 5"},
        {"\"\\u12", "not JSON: a hexadecimal digit is missing at byte 5"},
        {"\"a\nb\"", "not JSON: a control character at byte 2"},
        {"\"a\xFF\"", "not JSON: a string that is not UTF-8 at byte 1"},
        {"[\"\xED\xA0\x80\"]", "not JSON: a string that is not UTF-8 at byte 2"},
        {"\xEF\xBB\xBF{}", "not JSON: a value is missing at byte 0"},
        {"[1]/*c*/", "not JSON: more after the value at byte 3"},
        {"\f1", "not JSON: a value is missing at byte 0"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err = {0};

        ck_assert_msg(check_text(rows[i].text, &err) == -1, "%s", rows[i].text);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_str_eq(err.message, rows[i].message);
    }
}
END_TEST

START_TEST(a_zero_byte_is_not_an_end)
{
    struct error err = {0};

    ck_assert_int_eq(json_check("1\0", 2, 1, &err), -1);
    ck_assert_int_eq(json_check("\"\0\"", 3, 1, &err), -1);
    ck_assert_int_eq(json_check("\"\\\0\"", 4, 1, &err), -1);
    ck_assert_int_eq(json_check("\"\\u000\0\"", 8, 1, &err), -1);
}
END_TEST

/* `depth` brackets of each kind in turn, closed again. */
static char *nested(int depth)
{
    char *text = must_calloc((size_t)depth * 8 + 2, 1);
    char *at = text;

    for (int i = 0; i < depth; i++) {
        memcpy(at, i % 2 == 0 ? "[" : "{\"k\":", i % 2 == 0 ? 1 : 5);
        at += i % 2 == 0 ? 1 : 5;
    }
    *at++ = '1';
    for (int i = depth - 1; i >= 0; i--)
        *at++ = i % 2 == 0 ? ']' : '}';
    return text;
}

START_TEST(the_depth_asked_for_is_the_deepest_accepted)
{
    int depth = _i;
    SCOPED(free_text) char *fits = nested(depth);
    SCOPED(free_text) char *deeper = nested(depth + 1);
    SCOPED(free_text) char *wanted = must_printf("JSON nested deeper than %d levels at byte ", depth);
    struct error err = {0};

    ck_assert_int_eq(json_check(fits, strlen(fits), depth, &err), 0);
    ck_assert_int_eq(json_check(deeper, strlen(deeper), depth, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert(text_starts_with(err.message, wanted));
}
END_TEST

START_TEST(no_more_than_the_ceiling_can_be_asked_for)
{
    SCOPED(free_text) char *deeper = nested(JSON_DEPTH_MAX + 1);
    struct error err = {0};

    ck_assert_int_eq(json_check(deeper, strlen(deeper), 1000, &err), -1);
    ck_assert_int_eq(json_check("[]", 2, 0, &err), -1);
    ck_assert_int_eq(json_check("1", 1, 0, &err), 0);
    ck_assert_int_eq(json_check("[]", 2, -5, &err), -1);
}
END_TEST

START_TEST(a_hundred_thousand_brackets_are_refused_at_once)
{
    enum { COUNT = 100000 };
    static const char *const openings[] = {"[", "{\"\":", "[{\"\":"};

    for (size_t i = 0; i < COUNT_OF(openings); i++) {
        size_t step = strlen(openings[i]);
        SCOPED(free_text) char *text = must_calloc(COUNT, step + 1);
        struct error err = {0};

        for (size_t at = 0; at < COUNT; at++)
            memcpy(text + at * step, openings[i], step);
        ck_assert_int_eq(json_check(text, COUNT * step, JSON_DEPTH_MAX, &err), -1);
        ck_assert(text_starts_with(err.message, "JSON nested deeper than 64 levels"));
    }
}
END_TEST

START_TEST(time_grows_no_faster_than_the_text)
{
    enum { SIZE = 4 << 20 };
    SCOPED(free_text) char *text = must_calloc(SIZE + 1, 1);
    struct error err = {0};
    int64_t start_ns = clock_monotonic_ns();

    for (size_t at = 0; at < SIZE; at += 4)
        memcpy(text + at, at == 0 ? "[[] " : ",[] ", 4);
    text[SIZE - 1] = ']';
    ck_assert_int_eq(json_check(text, SIZE, JSON_DEPTH_MAX, &err), 0);
    memset(text, 'x', SIZE);
    text[0] = text[SIZE - 1] = '"';
    ck_assert_int_eq(json_check(text, SIZE, JSON_DEPTH_MAX, &err), 0);
    ck_assert(clock_monotonic_ns() - start_ns < INT64_C(20000000000)); /* a square would take hours */
}
END_TEST

START_TEST(random_bytes_are_survived)
{
    static const char alphabet[] = "[]{},:\"\\ 019-+.eEtruefalsn/\xC3\xA9\x01\n";

    for (int i = 0; i < 100000; i++) {
        unsigned char dice[24];
        size_t length = (size_t)(random_fraction() * sizeof(dice));
        struct error err = {0};
        char *exact = must_calloc(length, 1);

        random_bytes(dice, sizeof(dice));
        for (size_t at = 0; at < length; at++)
            exact[at] = alphabet[dice[at] % (sizeof(alphabet) - 1)];
        if (json_check(exact, length, 4, &err) < 0)
            ck_assert_int_eq(err.kind, ERROR_INPUT);
        free(exact);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("json_check");
    TCase *tcase = tcase_create("json_check");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, json_is_accepted);
    tcase_add_test(tcase, a_fault_is_named_with_its_place);
    tcase_add_test(tcase, a_zero_byte_is_not_an_end);
    tcase_add_loop_test(tcase, the_depth_asked_for_is_the_deepest_accepted, 0, JSON_DEPTH_MAX + 1);
    tcase_add_test(tcase, no_more_than_the_ceiling_can_be_asked_for);
    tcase_add_test(tcase, a_hundred_thousand_brackets_are_refused_at_once);
    tcase_add_test(tcase, time_grows_no_faster_than_the_text);
    tcase_add_test(tcase, random_bytes_are_survived);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
