/* Random values: in their range, in their form, and not the same twice. */
#include "base/memory.h"
#include "base/random.h"
#include "support.h"

START_TEST(bytes_are_filled_to_the_last)
{
    bool seen[1000] = {false};
    unsigned char bytes[1001];

    bytes[1000] = 42;
    for (int round = 0; round < 20; round++) { /* a byte is 0 in all of them once in 10^48 */
        memset(bytes, 0, 1000);
        random_bytes(bytes, 1000);
        for (int i = 0; i < 1000; i++)
            seen[i] |= bytes[i] != 0;
    }
    for (int i = 0; i < 1000; i++)
        ck_assert(seen[i]);
    ck_assert_uint_eq(bytes[1000], 42);
    random_bytes(NULL, 0);
}
END_TEST

START_TEST(fractions_are_spread_from_0_to_below_1)
{
    enum { COUNT = 100000 };
    int tenths[10] = {0};

    for (int i = 0; i < COUNT; i++) {
        double fraction = random_fraction();

        ck_assert(fraction >= 0 && fraction < 1);
        tenths[(int)(fraction * 10)]++;
    }
    for (int i = 0; i < 10; i++) { /* ten standard deviations */
        ck_assert_int_gt(tenths[i], COUNT / 10 - 950);
        ck_assert_int_lt(tenths[i], COUNT / 10 + 950);
    }
}
END_TEST

START_TEST(uuids_have_the_form_of_version_4)
{
    char uuids[100][UUID_SIZE];

    for (size_t i = 0; i < COUNT_OF(uuids); i++) {
        random_uuid(uuids[i]);
        ck_assert_uint_eq(strlen(uuids[i]), 36);
        ck_assert_uint_eq(strspn(uuids[i], "0123456789abcdef-"), 36);
        for (size_t at = 0; at < 36; at++)
            ck_assert_int_eq(uuids[i][at] == '-', at == 8 || at == 13 || at == 18 || at == 23);
        ck_assert_int_eq(uuids[i][14], '4');
        ck_assert_ptr_nonnull(strchr("89ab", uuids[i][19]));
        for (size_t other = 0; other < i; other++)
            ck_assert_str_ne(uuids[i], uuids[other]);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("random");

    tcase_add_test(tcase, bytes_are_filled_to_the_last);
    tcase_add_test(tcase, fractions_are_spread_from_0_to_below_1);
    tcase_add_test(tcase, uuids_have_the_form_of_version_4);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
