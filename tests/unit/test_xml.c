#include "aws/xml.h"
#include "base/memory.h"
#include "support.h"

#include <dirent.h>
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

START_TEST(known_attacks_are_refused_or_read_as_nothing)
{
    char folder[256], path[600], value[8] = "";
    const struct xml_want want = {"Error/Code", value, sizeof(value)};
    struct dirent *entry;
    DIR *directory;
    int count = 0;

    if (shared_data() == NULL) {
        printf("skipped: known_attacks_are_refused_or_read_as_nothing: no shared data\n");
        return;
    }
    snprintf(folder, sizeof(folder), "%s/malformed/xml/xmltestdata", shared_data());
    directory = opendir(folder);
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        struct error err;
        char *text;
        int result;

        if (strstr(entry->d_name, ".xml") == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        text = read_text(path);
        result = xml_read(text, strlen(text), &want, 1, &err);
        if (strstr(text, "<!DOCTYPE") != NULL) {
            ck_assert_msg(result < 0, "%s", entry->d_name);
            ck_assert_str_eq(err.message, "XML: a document type declaration is not allowed");
        }
        ck_assert_str_eq(value, "");
        free(text);
        count++;
    }
    closedir(directory);
    ck_assert_int_ge(count, 8);
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
    tcase_add_test(tcase, known_attacks_are_refused_or_read_as_nothing);
    tcase_add_test(tcase, every_beginning_of_an_answer_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
