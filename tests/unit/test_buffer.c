/* Buffers: they grow to their ceiling and not a byte further. */
#include "base/buffer.h"
#include "base/memory.h"
#include "support.h"

#include <stdint.h>

START_TEST(an_empty_buffer_is_an_empty_text)
{
    struct buffer buffer;
    char *taken;

    buffer_init(&buffer, 10);
    ck_assert_str_eq(buffer_text(&buffer), "");
    taken = buffer_take(&buffer);
    ck_assert_str_eq(taken, "");
    free(taken);
    buffer_clear(&buffer);
    buffer_wipe(&buffer);
}
END_TEST

START_TEST(pieces_are_put_one_behind_the_other)
{
    SCOPED(buffer_clear) struct buffer buffer;
    struct error err = {0};

    buffer_init(&buffer, 100);
    ck_assert_int_eq(buffer_add(&buffer, "abc\0d", 5, &err), 0);
    ck_assert_int_eq(buffer_add(&buffer, NULL, 0, &err), 0);
    ck_assert_int_eq(buffer_add_text(&buffer, "efg", &err), 0);
    ck_assert_int_eq(buffer_printf(&buffer, &err, "-%03d-", 7), 0);
    ck_assert_uint_eq(buffer.length, 13);
    ck_assert_mem_eq(buffer_text(&buffer), "abc\0defg-007-", 14);
}
END_TEST

START_TEST(an_extension_is_for_the_caller_to_write)
{
    SCOPED(buffer_clear) struct buffer buffer;
    struct error err = {0};
    char *added;

    buffer_init(&buffer, 1000);
    ck_assert_int_eq(buffer_add_text(&buffer, "abc", &err), 0);
    added = buffer_extend(&buffer, 900, &err);
    ck_assert_ptr_nonnull(added);
    memset(added, 'x', 900);
    ck_assert_ptr_eq(added, buffer_text(&buffer) + 3);
    ck_assert_uint_eq(buffer.length, 903);
    ck_assert_uint_eq(strlen(buffer_text(&buffer)), 903);
    ck_assert_ptr_null(buffer_extend(&buffer, 98, &err));
    ck_assert_str_eq(err.message, "more than 1000 bytes");
    ck_assert_uint_eq(buffer.length, 903);
    ck_assert_int_eq(buffer_add_text(&buffer, "def", &err), 0);
    ck_assert_mem_eq(buffer_text(&buffer) + 900, "xxxdef", 7);
}
END_TEST

/* Ceilings around the sizes at which the memory behind grows. */
START_TEST(the_ceiling_is_reached_and_not_passed)
{
    static const size_t ceilings[] = {0, 1, 254, 255, 256, 257, 511, 512, 513, 5000};
    SCOPED(buffer_clear) struct buffer buffer;
    struct error err = {0};
    size_t ceiling = ceilings[_i];
    char wanted[64];

    buffer_init(&buffer, ceiling);
    for (size_t i = 0; i < ceiling; i++)
        ck_assert_int_eq(buffer_add(&buffer, "x", 1, &err), 0);
    ck_assert_int_eq(buffer_add(&buffer, "y", 1, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    snprintf(wanted, sizeof(wanted), "more than %zu bytes", ceiling);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(buffer_add_text(&buffer, "y", &err), -1);
    ck_assert_int_eq(buffer_printf(&buffer, &err, "%c", 'y'), -1);
    ck_assert_int_eq(buffer_add(&buffer, "y", 0, &err), 0);

    ck_assert_uint_eq(buffer.length, ceiling);
    ck_assert_uint_eq(strlen(buffer_text(&buffer)), ceiling);
    ck_assert_ptr_null(strchr(buffer_text(&buffer), 'y'));
}
END_TEST

START_TEST(a_length_that_overflows_is_refused)
{
    SCOPED(buffer_clear) struct buffer buffer;
    struct error err = {0};

    buffer_init(&buffer, SIZE_MAX - 1);
    ck_assert_int_eq(buffer_add_text(&buffer, "abc", &err), 0);
    ck_assert_int_eq(buffer_add(&buffer, "abc", SIZE_MAX - 1, &err), -1);
    ck_assert_str_eq(buffer_text(&buffer), "abc");
}
END_TEST

START_TEST(taking_leaves_an_empty_buffer_with_the_same_ceiling)
{
    SCOPED(buffer_clear) struct buffer buffer;
    struct error err = {0};
    char *taken;

    buffer_init(&buffer, 5);
    ck_assert_int_eq(buffer_add_text(&buffer, "first", &err), 0);
    taken = buffer_take(&buffer);
    ck_assert_str_eq(taken, "first");
    free(taken);
    ck_assert_int_eq(buffer_add_text(&buffer, "second", &err), -1);
    ck_assert_int_eq(buffer_add_text(&buffer, "2nd", &err), 0);
    ck_assert_str_eq(buffer_text(&buffer), "2nd");
}
END_TEST

START_TEST(a_cleared_or_wiped_buffer_can_be_used_again)
{
    SCOPED(buffer_wipe) struct buffer buffer;
    struct error err = {0};

    buffer_init(&buffer, 1000);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(buffer_printf(&buffer, &err, "%0300d", i), 0);
        ck_assert_uint_eq(buffer.length, 300);
        if (i % 2 == 0)
            buffer_clear(&buffer);
        else
            buffer_wipe(&buffer);
        ck_assert_uint_eq(buffer.length, 0);
        ck_assert_str_eq(buffer_text(&buffer), "");
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tcase = tcase_create("buffer");

    tcase_add_test(tcase, an_empty_buffer_is_an_empty_text);
    tcase_add_test(tcase, pieces_are_put_one_behind_the_other);
    tcase_add_test(tcase, an_extension_is_for_the_caller_to_write);
    tcase_add_loop_test(tcase, the_ceiling_is_reached_and_not_passed, 0, 10);
    tcase_add_test(tcase, a_length_that_overflows_is_refused);
    tcase_add_test(tcase, taking_leaves_an_empty_buffer_with_the_same_ceiling);
    tcase_add_test(tcase, a_cleared_or_wiped_buffer_can_be_used_again);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
