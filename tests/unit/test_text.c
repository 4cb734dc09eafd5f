/* Texts: copied, compared, split, judged. */
#include "base/memory.h"
#include "base/text.h"
#include "support.h"

START_TEST(copying_says_when_it_had_to_cut)
{
    char target[6];

    ck_assert(text_copy(target, sizeof(target), "order"));
    ck_assert_str_eq(target, "order");
    ck_assert(!text_copy(target, sizeof(target), "orders"));
    ck_assert_str_eq(target, "order");
    ck_assert(text_copy(target, sizeof(target), ""));
    ck_assert_str_eq(target, "");
    ck_assert(!text_copy(target, 1, "x"));
    ck_assert_str_eq(target, "");
    ck_assert(!text_copy(NULL, 0, "x"));
}
END_TEST

START_TEST(null_equals_only_null)
{
    ck_assert(text_equal("a", "a"));
    ck_assert(!text_equal("a", "A"));
    ck_assert(!text_equal("a", "ab"));
    ck_assert(text_equal(NULL, NULL));
    ck_assert(!text_equal(NULL, ""));
    ck_assert(!text_equal("", NULL));
}
END_TEST

START_TEST(prefixes_and_suffixes_are_found)
{
    ck_assert(text_starts_with("shardId-000", "shardId-"));
    ck_assert(text_starts_with("x", ""));
    ck_assert(!text_starts_with("shard", "shardId-"));
    ck_assert(text_ends_with("cert.pem", ".pem"));
    ck_assert(text_ends_with("x", ""));
    ck_assert(!text_ends_with("pem", ".pem"));
    ck_assert(!text_ends_with("cert.pem ", ".pem"));
}
END_TEST

START_TEST(blanks_are_trimmed_at_both_ends)
{
    static const struct {
        const char *text, *trimmed;
    } rows[] = {{"", ""},           {" ", ""},      {" \t\r\n ", ""}, {"a", "a"},
                {"  a b\t", "a b"}, {"a\r\n", "a"}, {"\va", "\va"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SCOPED(free_text) char *text = must_strdup(rows[i].text);

        ck_assert_str_eq(text_trim(text), rows[i].trimmed);
    }
}
END_TEST

START_TEST(a_list_is_split_into_trimmed_pieces)
{
    static const struct {
        const char *text;
        const char *pieces[5];
    } rows[] = {
        {"", {""}},      {"a", {"a"}},      {"a,b", {"a", "b"}},      {" a , b\t,c ", {"a", "b", "c"}},
        {",", {"", ""}}, {"a,", {"a", ""}}, {"a,,b", {"a", "", "b"}},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SCOPED(free_text) char *text = must_strdup(rows[i].text);
        char *cursor = text;
        const char *piece;
        int count = 0;

        while ((piece = text_split(&cursor, ',')) != NULL)
            ck_assert_str_eq(piece, rows[i].pieces[count++]);
        ck_assert_ptr_null(rows[i].pieces[count]);
        ck_assert_ptr_null(text_split(&cursor, ','));
    }
}
END_TEST

START_TEST(utf8_is_told_from_other_bytes)
{
    static const struct {
        const char *bytes;
        bool valid;
    } rows[] = {
        {"", true},
        {"plain", true},
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xEF\xBF\xBF", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"a\xC3\xA9z", true},
        {"\x80", false}, /* continues nothing */
        {"\xC3", false}, /* ends too early */
        {"\xC3(", false},
        {"\xE2\x82", false},
        {"\xE2\x82(", false},
        {"\xF0\x9F\x98", false},
        {"\xC0\x80", false}, /* overlong */
        {"\xC1\xBF", false},
        {"\xE0\x9F\xBF", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xED\xA0\x80", false}, /* surrogates */
        {"\xED\xBF\xBF", false},
        {"\xF4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\xFE", false},
        {"\xFF", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length = strlen(rows[i].bytes);
        /* Exactly as long as it is, so that a look behind its end is seen. */
        char *bytes = must_calloc(length, 1);

        memcpy(bytes, rows[i].bytes, length);
        ck_assert_msg(text_is_utf8(bytes, length) == rows[i].valid, "row %zu", i);
        free(bytes);
    }
    ck_assert(text_is_utf8("a\0b", 3));
    ck_assert(text_is_utf8(NULL, 0));
}
END_TEST

/* All code points, in every length they could be written with. */
START_TEST(only_the_shortest_form_of_a_scalar_value_is_utf8)
{
    static const unsigned limits[] = {0, 0, 0x80, 0x800, 0x10000, 0x200000};

    for (unsigned point = 0; point < 0x200000; point += point < 0x11000 ? 1 : 97) {
        for (size_t length = 2; length <= 4; length++) {
            char bytes[4];
            unsigned rest = point;
            bool valid = point >= limits[length] && point < limits[length + 1] && point <= 0x10FFFF &&
                         !(point >= 0xD800 && point <= 0xDFFF);

            if (point >= limits[length + 1])
                continue;
            for (size_t i = length - 1; i > 0; i--, rest >>= 6)
                bytes[i] = (char)(0x80 | (rest & 0x3F));
            bytes[0] = (char)(((0xF00 >> length) & 0xFF) | rest);
            ck_assert_msg(text_is_utf8(bytes, length) == valid, "U+%04X in %zu bytes", point, length);
        }
    }
}
END_TEST

START_TEST(the_nearest_word_is_suggested_when_it_is_near)
{
    static const char *const candidates[] = {"serve",      "scale-down", "status", "plan",
                                             "max_shards", "min_shards", NULL};
    static const struct {
        const char *word, *nearest;
    } rows[] = {
        {"serve", "serve"},
        {"srve", "serve"},
        {"sevre", "serve"},
        {"plna", "plan"},
        {"plans", "plan"},
        {"scaledown", "scale-down"},
        {"max_shard", "max_shards"},
        {"mn_shards", "min_shards"},
        {"max-shards", "max_shards"},
        {"", NULL},
        {"x", NULL},
        {"provision", NULL},
        {"sxxxe", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *nearest = text_nearest(rows[i].word, candidates);

        ck_assert_msg(text_equal(nearest, rows[i].nearest), "%s: %s", rows[i].word,
                      nearest != NULL ? nearest : "NULL");
    }
}
END_TEST

START_TEST(of_equally_near_words_the_first_is_suggested)
{
    ck_assert_str_eq(text_nearest("cat", (const char *const[]){"cab", "car", NULL}), "cab");
    ck_assert_ptr_null(text_nearest("cat", (const char *const[]){NULL}));
}
END_TEST

START_TEST(a_word_of_any_length_can_be_asked_for)
{
    SCOPED(free_text) char *word = must_calloc(1 << 20, 1);
    char longest[65] = {0}, too_long[66] = {0};

    memset(word, 'x', (1 << 20) - 1);
    memset(longest, 'x', 64);
    memset(too_long, 'x', 65);
    ck_assert_ptr_null(text_nearest(word, (const char *const[]){word, NULL}));
    ck_assert_str_eq(text_nearest(longest, (const char *const[]){too_long, longest, NULL}), longest);
}
END_TEST

START_TEST(one_is_not_many)
{
    ck_assert_str_eq(text_plural(1), "");
    ck_assert_str_eq(text_plural(0), "s");
    ck_assert_str_eq(text_plural(2), "s");
    ck_assert_str_eq(text_plural(-1), "s");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");

    tcase_add_test(tcase, copying_says_when_it_had_to_cut);
    tcase_add_test(tcase, null_equals_only_null);
    tcase_add_test(tcase, prefixes_and_suffixes_are_found);
    tcase_add_test(tcase, blanks_are_trimmed_at_both_ends);
    tcase_add_test(tcase, a_list_is_split_into_trimmed_pieces);
    tcase_add_test(tcase, utf8_is_told_from_other_bytes);
    tcase_add_test(tcase, only_the_shortest_form_of_a_scalar_value_is_utf8);
    tcase_add_test(tcase, the_nearest_word_is_suggested_when_it_is_near);
    tcase_add_test(tcase, of_equally_near_words_the_first_is_suggested);
    tcase_add_test(tcase, a_word_of_any_length_can_be_asked_for);
    tcase_add_test(tcase, one_is_not_many);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
