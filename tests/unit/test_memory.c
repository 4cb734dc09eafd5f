/* Memory: zeroed, copied, handed over, wiped; and what happens when there is none. */
#include "base/memory.h"
#include "support.h"

#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>

START_TEST(memory_is_zeroed)
{
    unsigned char *bytes = must_calloc(100, 7);

    for (int i = 0; i < 700; i++)
        ck_assert_uint_eq(bytes[i], 0);
    free(bytes);
}
END_TEST

START_TEST(nothing_can_be_asked_for)
{
    char *none = must_calloc(0, 0);

    ck_assert_ptr_nonnull(none);
    none = must_realloc(none, 0, 4);
    ck_assert_ptr_nonnull(none);
    free(none);
    none = must_malloc(0);
    ck_assert_ptr_nonnull(none);
    free(none);
}
END_TEST

START_TEST(growing_keeps_what_was_there)
{
    int *numbers = must_calloc(2, sizeof(*numbers));

    numbers[1] = 42;
    numbers = must_realloc(numbers, 1000, sizeof(*numbers));
    ck_assert_int_eq(numbers[1], 42);
    free(numbers);
}
END_TEST

/* Each of these ends with SIGABRT, which is what the suite expects of it. */
START_TEST(an_overflowing_product_ends_the_process)
{
    volatile size_t half = SIZE_MAX / 2;

    free(must_calloc(half, 3));
}
END_TEST

START_TEST(an_overflowing_growth_ends_the_process)
{
    volatile size_t half = SIZE_MAX / 2;

    free(must_realloc(NULL, half, 3));
}
END_TEST

START_TEST(copies_are_independent)
{
    char text[] = "orders";
    char *copy = must_strdup(text);
    char *part = must_strndup(text, 3);
    char *printed = must_printf("%s has %d", text, 4);

    text[0] = 'X';
    ck_assert_str_eq(copy, "orders");
    ck_assert_str_eq(part, "ord");
    ck_assert_str_eq(printed, "orders has 4");
    ck_assert_ptr_null(must_strdup(NULL));
    free(copy);
    free(part);
    free(printed);
}
END_TEST

START_TEST(a_part_ends_where_the_text_ends)
{
    char *part = must_strndup("ab\0cd", 5);

    ck_assert_str_eq(part, "ab");
    free(part);
}
END_TEST

static char *taken_from_a_scope(void)
{
    SCOPED(free_text) char *kept = must_strdup("kept");
    SCOPED(free_text) char *dropped = must_strdup("dropped");

    ck_assert_str_eq(dropped, "dropped");
    return take_text(&kept);
}

/* AddressSanitizer reports both a leak and a double free of the other. */
START_TEST(a_scope_frees_what_was_not_taken_out_of_it)
{
    char *text = taken_from_a_scope();

    ck_assert_str_eq(text, "kept");
    free(text);
}
END_TEST

START_TEST(wiping_leaves_nothing)
{
    char secret[] = "wJalrXUtnFEMI";

    wipe(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        ck_assert_int_eq(secret[i], 0);
    wipe(NULL, 0);
    free_secret(NULL);
    free_secret(must_strdup("wJalrXUtnFEMI"));
}
END_TEST

START_TEST(secrets_are_equal_only_when_they_are_the_same)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {{"", "", true},       {"a", "a", true},   {"token", "token", true},
                 {"a", "", false},     {"", "a", false},   {"token", "tokem", false},
                 {"a", "b", false},    {"ab", "a", false}, {"token", "Token", false},
                 {"a", "\xe1", false}, {"a", "\x61", true}};

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        ck_assert_msg(secret_equal(cases[i].a, cases[i].b) == cases[i].equal, "'%s', '%s'", cases[i].a,
                      cases[i].b);
}
END_TEST

START_TEST(hidden_memory_leaves_no_core_file)
{
    struct rlimit limit = {0};

    memory_hide();
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    ck_assert(limit.rlim_cur == 0 && limit.rlim_max == 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");

    tcase_add_test(tcase, memory_is_zeroed);
    tcase_add_test(tcase, nothing_can_be_asked_for);
    tcase_add_test(tcase, growing_keeps_what_was_there);
    tcase_add_test(tcase, copies_are_independent);
    tcase_add_test(tcase, a_part_ends_where_the_text_ends);
    tcase_add_test(tcase, a_scope_frees_what_was_not_taken_out_of_it);
    tcase_add_test(tcase, wiping_leaves_nothing);
    tcase_add_test(tcase, secrets_are_equal_only_when_they_are_the_same);
    tcase_add_test(tcase, hidden_memory_leaves_no_core_file);
    suite_add_tcase(suite, tcase);

    return suite;
}

/* A sanitizer's allocator may end the process itself, with an exit code of its own; then abort() is not seen. */
static Suite *fatal_suite(void)
{
    Suite *suite = suite_create("memory-fatal");
    TCase *tcase = tcase_create("fatal");

    tcase_add_test_raise_signal(tcase, an_overflowing_product_ends_the_process, SIGABRT);
    tcase_add_test_raise_signal(tcase, an_overflowing_growth_ends_the_process, SIGABRT);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    int failed = run_suite(suite());

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)fatal_suite;
    return failed;
#else
    return run_suite(fatal_suite()) || failed;
#endif
}
