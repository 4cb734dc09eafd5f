/* Files: whole, or refused with the reason. */
#include "base/file.h"
#include "base/memory.h"
#include "support.h"

#include <sys/stat.h>

START_TEST(a_file_is_read_whole)
{
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    size_t length = 42;

    write_text(path, "line\nline\n");
    ck_assert_int_eq(file_read(path, 100, &text, &length, &err), 0);
    ck_assert_str_eq(text, "line\nline\n");
    ck_assert_uint_eq(length, 10);
}
END_TEST

START_TEST(an_empty_file_is_an_empty_text)
{
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    size_t length = 42;

    write_text(path, "");
    ck_assert_int_eq(file_read(path, 0, &text, &length, &err), 0);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(zero_bytes_are_kept)
{
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    FILE *file = fopen(path, "we");
    size_t length = 0;

    ck_assert_uint_eq(fwrite("a\0b", 1, 3, file), 3);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(file_read(path, 3, &text, &length, &err), 0);
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(text, "a\0b", 4);
}
END_TEST

/* Sizes around the piece that is read at once. */
START_TEST(the_limit_is_the_longest_accepted)
{
    static const size_t sizes[] = {1, 2, 100, 8191, 8192, 8193, 16384, 100000};
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *content = must_calloc(sizes[_i] + 1, 1);
    SCOPED(free_text) char *text = NULL;
    SCOPED(free_text) char *wanted = NULL;
    struct error err = {0};

    memset(content, 'x', sizes[_i]);
    write_text(path, content);
    ck_assert_int_eq(file_read(path, sizes[_i] - 1, &text, NULL, &err), -1);
    ck_assert_ptr_null(text);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    wanted = must_printf("'%s' has more than %zu bytes", path, sizes[_i] - 1);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(file_read(path, sizes[_i], &text, NULL, &err), 0);
    ck_assert_str_eq(text, content);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told_from_one_that_cannot_be_read)
{
    SCOPED(free_text) char *directory = must_strdup(temporary_directory());
    SCOPED(free_text) char *missing = must_printf("%s/none", directory);
    SCOPED(free_text) char *below_a_file = must_printf("%s/file/none", directory);
    SCOPED(free_text) char *file = must_printf("%s/file", directory);
    SCOPED(free_text) char *text = NULL;
    SCOPED(free_text) char *wanted = must_printf("cannot open '%s': No such file or directory", missing);
    struct error err = {0};

    write_text(file, "x");
    ck_assert_int_eq(file_read(missing, 100, &text, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(file_read(below_a_file, 100, &text, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_int_eq(file_read(directory, 100, &text, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "Is a directory"));
    if (geteuid() != 0) { /* nothing is forbidden to root */
        ck_assert_int_eq(chmod(file, 0), 0);
        ck_assert_int_eq(file_read(file, 100, &text, NULL, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_CONFIG);
    }
    ck_assert_ptr_null(text);
}
END_TEST

START_TEST(a_file_that_tells_no_size_is_read)
{
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    size_t length = 0;

    ck_assert_int_eq(file_read("/proc/self/status", 1 << 20, &text, &length, &err), 0);
    ck_assert_uint_gt(length, 0);
    ck_assert_ptr_nonnull(strstr(text, "test_file"));
    ck_assert_int_eq(file_read("/dev/zero", 100000, &text, &length, &err), -1);
    ck_assert_str_eq(err.message, "'/dev/zero' has more than 100000 bytes");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = tcase_create("file");

    tcase_add_test(tcase, a_file_is_read_whole);
    tcase_add_test(tcase, an_empty_file_is_an_empty_text);
    tcase_add_test(tcase, zero_bytes_are_kept);
    tcase_add_loop_test(tcase, the_limit_is_the_longest_accepted, 0, 8);
    tcase_add_test(tcase, a_file_that_is_not_there_is_told_from_one_that_cannot_be_read);
    tcase_add_test(tcase, a_file_that_tells_no_size_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
