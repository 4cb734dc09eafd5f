/* JSON as text: what cJSON reads back is what there was, to the last bit. */
#include "base/json_check.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "base/random.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <math.h>

START_TEST(json_is_printed_as_it_was_read)
{
    static const char *const rows[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "0.1",
        "50331648",
        "1772409675.123",
        "\"\"",
        "\"plain\"",
        "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\"",
        "\"caf\u00e9 \xF0\x9F\x98\x80\"",
        "[]",
        "{}",
        "[[],{},[{}],1,\"a\"]",
        "{\"a\":1,\"b\":[true,false,null],\"\\\"\":{\"c\":\"d\"}}",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cJSON *json = cJSON_Parse(rows[i]);
        char *text = json_print(json);

        ck_assert_str_eq(text, rows[i]);
        free(text);
        cJSON_Delete(json);
    }
}
END_TEST

START_TEST(numbers_read_back_as_themselves)
{
    for (int i = 0; i < 10000; i++) {
        double value = random_fraction() * pow(10, i % 40 - 20);
        cJSON *json = cJSON_CreateNumber(value), *back;
        struct error err = {0};
        char *text = json_print(json);

        ck_assert_msg(json_check(text, strlen(text), 1, &err) == 0, "%s: %s", text, err.message);
        back = cJSON_Parse(text);
        ck_assert_msg(back->valuedouble == value, "%s is not %a", text, value);
        free(text);
        cJSON_Delete(json);
        cJSON_Delete(back);
    }
}
END_TEST

START_TEST(what_json_cannot_say_is_null)
{
    static const double rows[] = {NAN, INFINITY, -INFINITY};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cJSON *json = cJSON_CreateNumber(rows[i]);
        char *text = json_print(json);

        ck_assert_str_eq(text, "null");
        free(text);
        cJSON_Delete(json);
    }
}
END_TEST

/* Every ceiling below what is needed is refused, and none is passed. */
START_TEST(a_ceiling_is_kept)
{
    static const char whole[] = "{\"a\":[1,\"b\\n\",{}]}";
    cJSON *json = cJSON_Parse(whole);

    for (size_t ceiling = 0; ceiling <= strlen(whole); ceiling++) {
        struct buffer buffer;
        struct error err = {0};

        buffer_init(&buffer, ceiling);
        ck_assert_int_eq(json_print_to(json, &buffer, &err), ceiling < strlen(whole) ? -1 : 0);
        ck_assert_uint_le(buffer.length, ceiling);
        buffer_clear(&buffer);
    }
    cJSON_Delete(json);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("json_print");
    TCase *tcase = tcase_create("printing");

    tcase_add_test(tcase, json_is_printed_as_it_was_read);
    tcase_add_test(tcase, numbers_read_back_as_themselves);
    tcase_add_test(tcase, what_json_cannot_say_is_null);
    tcase_add_test(tcase, a_ceiling_is_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
