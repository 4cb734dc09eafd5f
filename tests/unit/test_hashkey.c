/* Hash keys: 128 bits, to the last one. */
#include "base/hashkey.h"
#include "base/memory.h"
#include "base/random.h"
#include "support.h"

#include <stdint.h>

#define TWO_TO_64 ((hashkey)1 << 64)
#define TWO_TO_127 ((hashkey)1 << 127)

/* Check cannot print 128 bits. */
static void assert_key(hashkey key, const char *wanted)
{
    char text[HASHKEY_TEXT_SIZE];

    hashkey_format(key, text);
    ck_assert_str_eq(text, wanted);
}

static const struct {
    const char *text;
    hashkey key;
} keys[] = {
    {"0", 0},
    {"1", 1},
    {"9", 9},
    {"10", 10},
    {"18446744073709551615", UINT64_MAX},
    {"18446744073709551616", TWO_TO_64},
    {"99999999999999999999999999999999999999",
     (hashkey)5421010862427522170U * TWO_TO_64 + 687399551400673279U},
    {"170141183460469231731687303715884105727", TWO_TO_127 - 1},
    {"170141183460469231731687303715884105728", TWO_TO_127},
    {"340282366920938463463374607431768211454", HASHKEY_MAX - 1},
    {"340282366920938463463374607431768211455", HASHKEY_MAX},
};

START_TEST(keys_are_read_and_written)
{
    hashkey key = 42;

    ck_assert(hashkey_parse(keys[_i].text, &key));
    ck_assert(key == keys[_i].key);
    assert_key(keys[_i].key, keys[_i].text);
}
END_TEST

START_TEST(what_is_not_a_key_is_refused)
{
    static const char *const rows[] = {
        "",
        "00",
        "01",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1x",
        "0x1",
        "1.0",
        "1e3",
        "\n",
        "340282366920938463463374607431768211456", /* 2^128 */
        "340282366920938463463374607431768211460",
        "340282366920938463463374607431768211465",
        "350000000000000000000000000000000000000",
        "999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000",
        "3402823669209384634633746074317682114550",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        hashkey key = 42;

        ck_assert_msg(!hashkey_parse(rows[i], &key), "%s", rows[i]);
        ck_assert(key == 42);
    }
}
END_TEST

static hashkey random_key(void)
{
    hashkey key;

    random_bytes(&key, sizeof(key));
    return key >> (int)(random_fraction() * 128); /* all lengths */
}

START_TEST(every_key_reads_back_as_itself)
{
    for (int i = 0; i < 20000; i++) {
        hashkey key = random_key();
        hashkey back = 0;
        char text[HASHKEY_TEXT_SIZE];

        hashkey_format(key, text);
        ck_assert_msg(hashkey_parse(text, &back) && back == key, "%s", text);
    }
}
END_TEST

START_TEST(shares_are_exact)
{
    ck_assert(hashkey_share(0, HASHKEY_MAX) == 1.0);
    ck_assert(hashkey_share(0, TWO_TO_127 - 1) == 0.5);
    ck_assert(hashkey_share(TWO_TO_127, HASHKEY_MAX) == 0.5);
    ck_assert(hashkey_share(0, 0) == 0x1p-128);
    ck_assert(hashkey_share(HASHKEY_MAX, HASHKEY_MAX) == 0x1p-128);
    ck_assert(hashkey_share(1, HASHKEY_MAX) == 1.0); /* the nearest double */
    ck_assert(hashkey_share(5, 4) == 0);
    ck_assert(hashkey_share(0, hashkey_even_start(1, 3) - 1) == 1.0 / 3);
}
END_TEST

START_TEST(the_whole_space_is_split_where_aws_documents_it)
{
    hashkey key = 0;

    ck_assert(hashkey_middle(0, HASHKEY_MAX, &key));
    assert_key(key, "170141183460469231731687303715884105728");
}
END_TEST

START_TEST(a_range_of_fewer_than_four_keys_cannot_be_split)
{
    static const hashkey starts[] = {0, 1, TWO_TO_64 - 1, HASHKEY_MAX - 3};

    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        hashkey start = starts[i];
        hashkey key = 42;

        for (hashkey end = start; end < start + 3; end++) {
            ck_assert(!hashkey_middle(start, end, &key));
            ck_assert(!hashkey_at_fraction(start, end, 0.5, &key));
        }
        ck_assert(key == 42);
        ck_assert(hashkey_middle(start, start + 3, &key) && key == start + 2);
        ck_assert(hashkey_at_fraction(start, start + 3, 0.99, &key) && key == start + 2);
    }
}
END_TEST

START_TEST(a_range_that_ends_before_it_starts_cannot_be_split)
{
    hashkey key = 42;

    ck_assert(!hashkey_middle(10, 0, &key));
    ck_assert(!hashkey_at_fraction(HASHKEY_MAX, 0, 0.5, &key));
    ck_assert(key == 42);
}
END_TEST

START_TEST(halves_differ_by_at_most_one_and_obey_aws)
{
    for (int i = 0; i < 20000; i++) {
        hashkey start = random_key(), end = random_key();
        hashkey key = 0, lower, upper, difference;

        if (end < start || end - start < 3)
            continue;
        ck_assert(hashkey_middle(start, end, &key));
        ck_assert(start + 1 < key && key < end);
        lower = key - start;
        upper = end - key + 1;
        difference = lower > upper ? lower - upper : upper - lower;
        ck_assert(difference <= 1);
    }
}
END_TEST

START_TEST(a_fraction_goes_to_the_lower_child)
{
    static const double fractions[] = {0x1p-60, 0.01, 0.25, 1.0 / 3, 0.5, 0.9, 0.999999};

    for (int i = 0; i < 20000; i++) {
        double fraction = fractions[(size_t)i % COUNT_OF(fractions)];
        hashkey start = random_key(), end = random_key();
        hashkey key = 0;
        double got;

        if (end < start || end - start < 3)
            continue;
        ck_assert(hashkey_at_fraction(start, end, fraction, &key));
        ck_assert(start + 1 < key && key < end);
        got = hashkey_share(start, key - 1) / hashkey_share(start, end);
        if (end - start > TWO_TO_64)
            ck_assert_double_eq_tol(got, fraction, 1e-12);
    }
}
END_TEST

START_TEST(half_as_a_fraction_is_the_middle)
{
    static const hashkey ends[] = {3, 4, 5, 100, TWO_TO_64 - 1, TWO_TO_64, TWO_TO_127, HASHKEY_MAX};

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        hashkey middle = 1, half = 2;

        ck_assert(hashkey_middle(0, ends[i], &middle));
        ck_assert(hashkey_at_fraction(0, ends[i], 0.5, &half));
        ck_assert(middle == half);
    }
}
END_TEST

START_TEST(fractions_outside_0_to_1_are_refused)
{
    static const double rows[] = {0, 1, -0.5, 1.5, -0.0};
    hashkey key = 42;

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        ck_assert(!hashkey_at_fraction(0, HASHKEY_MAX, rows[i], &key));
    ck_assert(!hashkey_at_fraction(0, HASHKEY_MAX, __builtin_nan(""), &key));
    ck_assert(key == 42);
}
END_TEST

START_TEST(even_shards_start_where_aws_puts_them)
{
    assert_key(hashkey_even_start(0, 1), "0");
    assert_key(hashkey_even_start(1, 2), "170141183460469231731687303715884105728");
    assert_key(hashkey_even_start(1, 3), "113427455640312821154458202477256070485");
    assert_key(hashkey_even_start(2, 3), "226854911280625642308916404954512140970");
    assert_key(hashkey_even_start(3, 4), "255211775190703847597530955573826158592");
}
END_TEST

START_TEST(even_shards_are_even)
{
    for (unsigned count = 1; count <= 1000; count++) {
        double widest = 0;

        for (unsigned i = 0; i < count; i++) {
            hashkey start = hashkey_even_start(i, count);
            hashkey end = i + 1 < count ? hashkey_even_start(i + 1, count) - 1 : HASHKEY_MAX;
            double share = hashkey_share(start, end);

            ck_assert(start <= end);
            widest = share > widest ? share : widest;
        }
        ck_assert_double_eq_tol(widest, 1.0 / count, 1e-15);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("hashkey");
    TCase *tcase = tcase_create("hashkey");

    tcase_add_loop_test(tcase, keys_are_read_and_written, 0, (int)COUNT_OF(keys));
    tcase_add_test(tcase, what_is_not_a_key_is_refused);
    tcase_add_test(tcase, every_key_reads_back_as_itself);
    tcase_add_test(tcase, shares_are_exact);
    tcase_add_test(tcase, the_whole_space_is_split_where_aws_documents_it);
    tcase_add_test(tcase, a_range_of_fewer_than_four_keys_cannot_be_split);
    tcase_add_test(tcase, a_range_that_ends_before_it_starts_cannot_be_split);
    tcase_add_test(tcase, halves_differ_by_at_most_one_and_obey_aws);
    tcase_add_test(tcase, a_fraction_goes_to_the_lower_child);
    tcase_add_test(tcase, half_as_a_fraction_is_the_middle);
    tcase_add_test(tcase, fractions_outside_0_to_1_are_refused);
    tcase_add_test(tcase, even_shards_start_where_aws_puts_them);
    tcase_add_test(tcase, even_shards_are_even);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
