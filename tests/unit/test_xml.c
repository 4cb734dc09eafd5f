#include "aws/xml.h"
#include "base/memory.h"
#include "support.h"

#include <string.h>

static const char confirmed[] =
    "<ConfirmSubscriptionResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">"
    "<ConfirmSubscriptionResult><SubscriptionArn>arn:aws:sns:us-west-2:123456789012:t:8a21d249</"
    "SubscriptionArn>"
    "</ConfirmSubscriptionResult><ResponseMetadata><RequestId>0ef9</RequestId></ResponseMetadata>"
    "</ConfirmSubscriptionResponse>";

static const struct {
    const char *name;
    const char *xml;
    const char *path;
    const char *value;
} values[] = {
    {"a path of two", confirmed, "ConfirmSubscriptionResult/SubscriptionArn",
     "arn:aws:sns:us-west-2:123456789012:t:8a21d249"},
    {"a path of one", confirmed, "RequestId", "0ef9"},
    {"the whole path", confirmed, "ConfirmSubscriptionResponse/ResponseMetadata/RequestId", "0ef9"},
    {"absent", confirmed, "Error/Code", ""},
    {"half a name is no match", confirmed, "Id", ""},
    {"half a step is no match", confirmed, "Metadata/RequestId", ""},
    {"a prefix is not part of the name", "<e:A xmlns:e=\"u\"><e:B>x</e:B></e:A>", "A/B", "x"},
    {"the first of several", "<A><B>1</B><B>2</B></A>", "B", "1"},
    {"an empty first one stays the first", "<A><B/><B>2</B></A>", "A/B", ""},
    {"text of children is not its own", "<A><B>a<C>no</C>b</B></A>", "B", "ab"},
    {"entities of XML itself", "<A>&lt;&amp;&#65;&gt;&quot;</A>", "A", "<&A>\""},
    {"CDATA", "<A><![CDATA[<raw>]]></A>", "A", "<raw>"},
    {"comments and instructions are passed over",
     "<?xml version=\"1.0\"?><!-- c --><A>x<!-- y -->z<?p q?></A>", "A", "xz"},
    {"white space is kept", "<A> x\n</A>", "A", " x\n"},
    {"UTF-8", "<A>\xc3\xb3</A>", "A", "\xc3\xb3"},
    {"Latin-1 becomes UTF-8", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><A>\xf3</A>", "A", "\xc3\xb3"},
};

START_TEST(the_first_value_at_a_path_is_found)
{
    char value[128] = "before";
    const struct xml_want want = {values[_i].path, value, sizeof(value)};
    struct error err = {0};

    ck_assert_msg(xml_read(values[_i].xml, strlen(values[_i].xml), &want, 1, &err) == 0, "%s: %s",
                  values[_i].name, err.message);
    ck_assert_msg(strcmp(value, values[_i].value) == 0, "%s: '%s'", values[_i].name, value);
}
END_TEST

START_TEST(several_values_are_read_at_once_even_from_one_element)
{
    char code[32], message[32], again[32];
    const char xml[] =
        "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error>"
        "</ErrorResponse>";
    const struct xml_want wants[] = {{"Error/Message", message, sizeof(message)},
                                     {"Error/Code", code, sizeof(code)},
                                     {"Code", again, sizeof(again)}};
    struct error err;

    ck_assert_int_eq(xml_read(xml, strlen(xml), wants, COUNT_OF(wants), &err), 0);
    ck_assert_str_eq(code, "NotFound");
    ck_assert_str_eq(message, "no");
    ck_assert_str_eq(again, "NotFound");
}
END_TEST

static const struct {
    const char *xml;
    const char *text; /* what the error says */
} refused[] = {
    {"", "XML: no element found at byte 0"},
    {"   ", "XML: no element found at byte 3"},
    {"{\"a\":1}", "XML: not well-formed (invalid token) at byte 0"},
    {"<A>", "XML: no element found at byte 3"},
    {"<A><B>x</A>", "XML: mismatched tag at byte 9"},
    {"<A>x</A>trailing", "XML: junk after document element at byte 8"},
    {"<A>\xff</A>", "XML: not well-formed (invalid token) at byte 3"},
    {"<A>&undefined;</A>", "XML: undefined entity at byte 3"},
    {"<!DOCTYPE A><A>x</A>", "XML: a document type declaration is not allowed"},
    {"<!DOCTYPE A [<!ENTITY e \"boom\">]><A>&e;</A>", "XML: a document type declaration is not allowed"},
    {"<!DOCTYPE A SYSTEM \"file:///etc/passwd\"><A/>", "XML: a document type declaration is not allowed"},
};

START_TEST(what_is_not_plain_xml_is_refused_and_leaves_no_value)
{
    char value[16] = "before";
    const struct xml_want want = {"A", value, sizeof(value)};
    struct error err = {0};

    ck_assert_int_lt(xml_read(refused[_i].xml, strlen(refused[_i].xml), &want, 1, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, refused[_i].text);
    ck_assert_str_eq(value, "");
}
END_TEST

START_TEST(a_value_that_fills_its_place_is_taken_and_one_more_byte_refused)
{
    char value[4];
    const struct xml_want want = {"A", value, sizeof(value)};
    struct error err;

    ck_assert_int_eq(xml_read("<A>abc</A>", 10, &want, 1, &err), 0);
    ck_assert_str_eq(value, "abc");
    ck_assert_int_lt(xml_read("<A>abcd</A>", 11, &want, 1, &err), 0);
    ck_assert_str_eq(err.message, "XML: a value is too long");
    ck_assert_int_lt(xml_read("<A>ab<!-- -->cd</A>", 19, &want, 1, &err), 0);
}
END_TEST

START_TEST(thirty_two_levels_are_taken_and_one_more_refused)
{
    char xml[512], value[8];
    const struct xml_want want = {"a/a", value, sizeof(value)};
    struct error err;

    for (int levels = 32; levels <= 33; levels++) {
        size_t length = 0;

        for (int i = 0; i < levels; i++)
            length += (size_t)snprintf(xml + length, sizeof(xml) - length, "<a>");
        for (int i = 0; i < levels; i++)
            length += (size_t)snprintf(xml + length, sizeof(xml) - length, "</a>");
        ck_assert_int_eq(xml_read(xml, length, &want, 1, &err), levels == 32 ? 0 : -1);
    }
    ck_assert_str_eq(err.message, "XML: nested too deep");
}
END_TEST

START_TEST(names_of_elements_have_a_ceiling)
{
    char xml[4096] = "<";
    struct error err;

    memset(xml + 1, 'a', 2000);
    snprintf(xml + 2001, sizeof(xml) - 2001, "/>");
    ck_assert_int_lt(xml_read(xml, strlen(xml), NULL, 0, &err), 0);
    ck_assert_str_eq(err.message, "XML: names of elements are too long");
}
END_TEST

START_TEST(every_beginning_of_an_answer_is_refused)
{
    char value[128];
    const struct xml_want want = {"SubscriptionArn", value, sizeof(value)};
    struct error err;

    for (size_t length = 0; length < strlen(confirmed); length++)
        ck_assert_int_lt(xml_read(confirmed, length, &want, 1, &err), 0);
}
END_TEST

/* ---- rows */

struct row_log {
    char key[16], value[16];
    char text[256]; /* "key=value;..." */
    int left;       /* rows that are taken before one is refused; -1: all */
};

static int take_row(void *context, struct error *err)
{
    struct row_log *log = context;
    size_t length = strlen(log->text);

    if (log->left-- == 0)
        return error_set(err, ERROR_INPUT, "enough");
    snprintf(log->text + length, sizeof(log->text) - length, "%s=%s;", log->key, log->value);
    return 0;
}

static int read_rows(const char *text, struct row_log *log, char outer[16], struct error *err)
{
    const struct xml_want wants[] = {{"member/K", log->key, sizeof(log->key)},
                                     {"member/V", log->value, sizeof(log->value)}};
    const struct xml_rows rows = {"L/member", wants, COUNT_OF(wants), take_row, log};
    const struct xml_want outside = {"R/Next", outer, 16};

    return xml_read_rows(text, strlen(text), &outside, 1, &rows, 1, err);
}

static const struct {
    const char *text, *rows, *next;
} row_cases[] = {
    {"<R/>", "", ""},
    {"<R><L/></R>", "", ""},
    {"<R><L><member><K>a</K><V>1</V></member></L><Next>n</Next></R>", "a=1;", "n"},
    {"<R><Next>n</Next><L><member><K>a</K><V>1</V></member><member><V>2</V><K>b</K></member></L></R>",
     "a=1;b=2;", "n"},
    /* nothing of a row is left for the next one */
    {"<R><L><member><K>a</K><V>1</V></member><member><K>b</K></member><member/></L></R>", "a=1;b=;=;", ""},
    /* the first of two counts, in each row anew */
    {"<R><L><member><K>a</K><K>x</K></member><member><K>b</K><K>y</K></member></L></R>", "a=;b=;", ""},
    /* what is outside of rows, or in a list of another name, is none */
    {"<R><member><K>x</K></member><M><member><K>y</K></member></M><L><member><K>a</K></member></L></R>",
     "a=;", ""},
    /* a row inside of a row is part of it */
    {"<R><L><member><K>a</K><L><member><V>9</V></member></L></member></L></R>", "a=9;", ""},
    {"<x:R xmlns:x='u'><x:L><x:member><x:K>a</x:K></x:member></x:L></x:R>", "a=;", ""},
};

START_TEST(rows_are_read_one_by_one)
{
    struct row_log log = {.left = -1};
    struct error err = {0};
    char next[16];

    ck_assert_msg(read_rows(row_cases[_i].text, &log, next, &err) == 0, "%s", err.message);
    ck_assert_str_eq(log.text, row_cases[_i].rows);
    ck_assert_str_eq(next, row_cases[_i].next);
}
END_TEST

START_TEST(a_row_that_is_refused_ends_the_reading_with_its_reason)
{
    struct row_log log = {.left = 1};
    struct error err = {0};
    char next[16];

    ck_assert_int_lt(read_rows("<R><Next>n</Next><L><member><K>a</K></member><member><K>b</K></member>"
                               "<member><K>c</K></member></L></R>",
                               &log, next, &err),
                     0);
    ck_assert_str_eq(err.message, "enough");
    ck_assert_str_eq(log.text, "a=;");
    ck_assert_str_eq(next, "");
}
END_TEST

static const struct {
    const char *text, *value;
} cuts[] = {
    {"<a>1234567</a>", "1234567"},
    {"<a>12345678</a>", "1234567"},
    {"<a>123456&amp;8</a>", "123456&"},
    {"<a>12345\xc3\xa4</a>", "12345\xc3\xa4"},
    {"<a>123456\xc3\xa4</a>", "123456"},
    {"<a>1234\xe2\x82\xac"
     "</a>",
     "1234\xe2\x82\xac"},
    {"<a>12345\xe2\x82\xac"
     "9</a>",
     "12345"},
};

START_TEST(a_text_for_people_is_cut_between_two_characters)
{
    char value[8];
    const struct xml_want want = {"a", value, sizeof(value), .cut = true};
    struct error err = {0};

    ck_assert_msg(xml_read(cuts[_i].text, strlen(cuts[_i].text), &want, 1, &err) == 0, "%s", err.message);
    ck_assert_str_eq(value, cuts[_i].value);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("xml");
    TCase *tcase = tcase_create("xml");

    tcase_add_loop_test(tcase, the_first_value_at_a_path_is_found, 0, COUNT_OF(values));
    tcase_add_test(tcase, several_values_are_read_at_once_even_from_one_element);
    tcase_add_loop_test(tcase, what_is_not_plain_xml_is_refused_and_leaves_no_value, 0, COUNT_OF(refused));
    tcase_add_test(tcase, a_value_that_fills_its_place_is_taken_and_one_more_byte_refused);
    tcase_add_test(tcase, thirty_two_levels_are_taken_and_one_more_refused);
    tcase_add_test(tcase, names_of_elements_have_a_ceiling);
    tcase_add_test(tcase, every_beginning_of_an_answer_is_refused);
    tcase_add_loop_test(tcase, rows_are_read_one_by_one, 0, COUNT_OF(row_cases));
    tcase_add_test(tcase, a_row_that_is_refused_ends_the_reading_with_its_reason);
    tcase_add_loop_test(tcase, a_text_for_people_is_cut_between_two_characters, 0, COUNT_OF(cuts));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
