#include "sns_support.h"
#include "support.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <cjson/cJSON.h>

/* ---- what is genuine */

static const struct {
    const char *type, *version, *subject;
    enum sns_type expected;
} genuine[] = {
    {NOTIFICATION, "1", NULL, SNS_NOTIFICATION},
    {NOTIFICATION, "2", NULL, SNS_NOTIFICATION},
    {NOTIFICATION, "1", "ALARM: \"x\" in EU (Ireland)", SNS_NOTIFICATION},
    {NOTIFICATION, "2", "", SNS_NOTIFICATION},
    {"SubscriptionConfirmation", "1", NULL, SNS_SUBSCRIPTION_CONFIRMATION},
    {"SubscriptionConfirmation", "2", NULL, SNS_SUBSCRIPTION_CONFIRMATION},
    {"UnsubscribeConfirmation", "1", NULL, SNS_UNSUBSCRIBE_CONFIRMATION},
    {"UnsubscribeConfirmation", "2", NULL, SNS_UNSUBSCRIBE_CONFIRMATION},
};

START_TEST(what_our_topic_signed_is_genuine)
{
    bool confirms = genuine[_i].expected != SNS_NOTIFICATION;
    struct made_message wanted = confirms ? usual_confirmation : usual;
    struct sns_message message = {0};
    struct error err;
    char *body;
    int64_t timestamp_ms;

    wanted.type = genuine[_i].type;
    wanted.version = genuine[_i].version;
    wanted.subject = genuine[_i].subject;
    body = make_message(sns.our_key, &wanted);
    ck_assert_msg(sns_verify(sns.verifier, body, strlen(body), wanted.type, false, NULL, &message, &err) == 0,
                  "%s", err.message);
    ck_assert_int_eq(message.type, genuine[_i].expected);
    ck_assert_str_eq(sns_type_name(message.type), wanted.type);
    ck_assert_str_eq(message.message_id, wanted.id);
    ck_assert_str_eq(message.topic_arn, TOPIC);
    ck_assert_str_eq(message.message, wanted.message);
    ck_assert_pstr_eq(message.token, confirms ? "2336412f37" : NULL);
    ck_assert(date_parse(TIME, &timestamp_ms));
    ck_assert_int_eq(message.timestamp_ms, timestamp_ms);
    ck_assert_str_eq(sns.web.url, URL);
    sns_message_clear(&message);
    ck_assert_ptr_null(message.message);
    free(body);
}
END_TEST

START_TEST(message_attributes_and_unknown_members_do_not_matter)
{
    struct made_message wanted = usual;
    struct error err;

    wanted.extra = "\"UnsubscribeURL\":\"" HOST "/?Action=Unsubscribe\",\"Later\":[1,null],"
                   "\"MessageAttributes\":{\"a\":{\"Type\":\"String\",\"Value\":\"b\"}},";
    ck_assert_msg(verify_made(sns.our_key, &wanted, &err) == 0, "%s", err.message);
}
END_TEST

/* ---- what is not */

#define BUT                                                                                                \
    .type = NOTIFICATION, .id = "id-1", .topic = TOPIC, .message = "m", .timestamp = TIME, .version = "1", \
    .url = URL

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
static const struct {
    const char *name;
    struct made_message message;
    const char *saying;
} forgeries[] = {
    {"topic of somebody else", {BUT, .topic = "arn:aws:sns:eu-west-1:666666666666:kinescale"}, "'TopicArn'"},
    {"topic that begins like ours", {BUT, .topic = TOPIC "2"}, "'TopicArn'"},
    {"empty topic", {BUT, .topic = ""}, "'TopicArn'"},
    {"message id with a blank", {BUT, .id = "a b"}, "'MessageId'"},
    {"empty message id", {BUT, .id = ""}, "'MessageId'"},
    {"message id of two lines", {BUT, .id = "a\nb"}, "'MessageId'"},
    {"subject of two lines", {BUT, .subject = "a\nb"}, "'Subject'"},
    {"an hour old", {BUT, .timestamp = "2026-11-21T07:15:30.122Z"}, "more than an hour ago"},
    {"an hour early", {BUT, .timestamp = "2026-11-21T09:15:30.124Z"}, "more than an hour ahead"},
    {"no time", {BUT, .timestamp = "yesterday"}, "'Timestamp' is no time"},
    {"a day that is not", {BUT, .timestamp = "2026-02-30T08:15:30.123Z"}, "'Timestamp' is no time"},
    {"version 3", {BUT, .version = "3"}, "'SignatureVersion'"},
    {"version 01", {BUT, .version = "01"}, "'SignatureVersion'"},
    {"no version", {BUT, .version = ""}, "'SignatureVersion'"},
    {"empty signature", {BUT, .signature = ""}, "'Signature'"},
    {"signature of padding", {BUT, .signature = "===="}, "'Signature'"},
    {"signature with a blank", {BUT, .signature = "AA A"}, "'Signature'"},
    {"signature of another alphabet", {BUT, .signature = "__--"}, "'Signature'"},
    {"signature cut", {BUT, .signature = "AAAAA"}, "'Signature'"},
    {"signature of nothing in particular", {BUT, .signature = "AAAA"}, "signature does not match"},
    {"plain http", {BUT, .url = "http://sns.eu-west-1.amazonaws.com/a.pem"}, "'SigningCertURL'"},
    {"host of another region", {BUT, .url = "https://sns.us-east-1.amazonaws.com/a.pem"}, "'SigningCertURL'"},
    {"evil suffix", {BUT, .url = HOST ".evil.com/a.pem"}, "'SigningCertURL'"},
    {"evil suffix without a dot", {BUT, .url = HOST "evil.com/a.pem"}, "'SigningCertURL'"},
    {"evil prefix", {BUT, .url = "https://evil.com/sns.eu-west-1.amazonaws.com/a.pem"}, "'SigningCertURL'"},
    {"evil region", {BUT, .url = "https://sns.evil.amazonaws.com/a.pem"}, "'SigningCertURL'"},
    {"bucket of a stranger", {BUT, .url = "https://s3.eu-west-1.amazonaws.com/a.pem"}, "'SigningCertURL'"},
    {"userinfo", {BUT, .url = "https://sns.eu-west-1.amazonaws.com@evil.com/a.pem"}, "'SigningCertURL'"},
    {"userinfo in front", {BUT, .url = "https://a@sns.eu-west-1.amazonaws.com/a.pem"}, "'SigningCertURL'"},
    {"another port", {BUT, .url = HOST ":8443/a.pem"}, "'SigningCertURL'"},
    {"its own port", {BUT, .url = HOST ":443/a.pem"}, "'SigningCertURL'"},
    {"query", {BUT, .url = HOST "/a?x=.pem"}, "'SigningCertURL'"},
    {"query with a path", {BUT, .url = HOST "?/a.pem"}, "'SigningCertURL'"},
    {"fragment", {BUT, .url = HOST "/a.pem#.pem"}, "'SigningCertURL'"},
    {"two names", {BUT, .url = HOST "/a/b.pem"}, "'SigningCertURL'"},
    {"up", {BUT, .url = HOST "/../a.pem"}, "'SigningCertURL'"},
    {"two slashes", {BUT, .url = HOST "//evil.com.pem"}, "'SigningCertURL'"},
    {"backslash", {BUT, .url = HOST "/\\evil.com.pem"}, "'SigningCertURL'"},
    {"escape", {BUT, .url = HOST "/%2e%2e.pem"}, "'SigningCertURL'"},
    {"nothing but the ending", {BUT, .url = HOST "/.pem"}, "'SigningCertURL'"},
    {"another ending", {BUT, .url = HOST "/a.pem.exe"}, "'SigningCertURL'"},
    {"no path", {BUT, .url = HOST}, "'SigningCertURL'"},
    {"empty address", {BUT, .url = ""}, "'SigningCertURL'"},
    {"file", {BUT, .url = "file:///etc/a.pem"}, "'SigningCertURL'"},
};
#pragma GCC diagnostic pop

START_TEST(a_forgery_is_refused_for_what_it_is)
{
    refused_made(forgeries[_i].name, &forgeries[_i].message, forgeries[_i].saying);
    /* Only a signature that might be right is worth a look at the certificate. */
    ck_assert_int_eq(sns.web.calls, strstr(forgeries[_i].saying, "does not match") != NULL);
}
END_TEST

START_TEST(a_message_of_just_an_hour_is_genuine)
{
    static const char *const timestamps[] = {"2026-11-21T07:15:30.123Z", "2026-11-21T09:15:30.123Z"};
    struct made_message wanted = usual;
    struct error err;

    wanted.timestamp = timestamps[_i];
    ck_assert_msg(verify_made(sns.our_key, &wanted, &err) == 0, "%s", err.message);
}
END_TEST

START_TEST(a_stranger_with_a_key_of_his_own_is_refused)
{
    struct error err;

    ck_assert_int_lt(verify_made(sns.foreign_key, &usual, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "the signature does not match"));
}
END_TEST

START_TEST(a_signature_of_one_version_is_not_one_of_the_other)
{
    struct made_message wanted = usual;
    char *body, *version;

    wanted.version = _i == 0 ? "1" : "2";
    body = make_message(sns.our_key, &wanted);
    version = strstr(body, "\"SignatureVersion\":\"") + strlen("\"SignatureVersion\":\"");
    *version = _i == 0 ? '2' : '1';
    refused("other version", body, NOTIFICATION, ERROR_INPUT, "the signature does not match");
    free(body);
}
END_TEST

/* Both have one signed text; what is read out of it must be what was put into it. */
START_TEST(a_signed_text_has_one_reading)
{
    struct made_message published = usual, other = usual;
    struct error err;

    published.message = "hello\nMessageId\nid-1\nSubject\nevil";
    published.id = "id-2";
    ck_assert_msg(verify_made(sns.our_key, &published, &err) == 0, "%s", err.message);
    other.message = "hello";
    other.id = "id-1";
    other.subject = "evil\nMessageId\nid-2";
    refused_made("another reading", &other, "'Subject' has control characters");
}
END_TEST

START_TEST(header_and_body_must_agree)
{
    static const struct {
        const char *header, *saying;
    } headers[] = {
        {NULL, "no x-amz-sns-message-type header"},
        {"", "unknown x-amz-sns-message-type"},
        {"notification", "unknown x-amz-sns-message-type"},
        {"Notification\n", "'Notification?'"},
        {"UnsubscribeConfirmation", "'SubscribeURL' is missing"},
    };
    char *body = make_message(sns.our_key, &usual);
    struct made_message confirmation = usual_confirmation;

    for (size_t i = 0; i < COUNT_OF(headers); i++)
        refused("header", body, headers[i].header, ERROR_INPUT, headers[i].saying);
    free(body);
    body = make_message(sns.our_key, &confirmation);
    refused("header", body, "UnsubscribeConfirmation", ERROR_INPUT, "'Type' is not what");
    refused("header", body, NOTIFICATION, ERROR_INPUT, "'Type' is not what");
    free(body);
    ck_assert_int_eq(sns.web.calls, 0);
}
END_TEST

START_TEST(raw_delivery_is_refused)
{
    struct sns_message message = {0};
    struct error err;
    char *body = make_message(sns.our_key, &usual);

    ck_assert_int_lt(sns_verify(sns.verifier, body, strlen(body), NOTIFICATION, true, NULL, &message, &err),
                     0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "raw delivery"));
    ck_assert_ptr_null(message.message);
    free(body);
}
END_TEST

static const char *const all_members[] = {
    "Type",      "MessageId",        "TopicArn",  "Message", "SubscribeURL",
    "Timestamp", "SignatureVersion", "Signature", "Token",   "SigningCertURL",
};

START_TEST(a_member_that_is_missing_or_no_text_is_named)
{
    char *body = make_message(sns.our_key, &usual_confirmation);
    char *saying = must_printf("'%s' is missing or no text", all_members[_i]);

    for (int kind = 0; kind < 4; kind++) {
        cJSON *object = cJSON_Parse(body);
        char *changed;

        cJSON_DeleteItemFromObjectCaseSensitive(object, all_members[_i]);
        if (kind == 1)
            cJSON_AddNullToObject(object, all_members[_i]);
        else if (kind == 2)
            cJSON_AddNumberToObject(object, all_members[_i], 1);
        else if (kind == 3)
            cJSON_AddArrayToObject(object, all_members[_i]);
        changed = cJSON_PrintUnformatted(object);
        refused(all_members[_i], changed, "SubscriptionConfirmation", ERROR_INPUT, saying);
        free(changed);
        cJSON_Delete(object);
    }
    free(saying);
    free(body);
    ck_assert_int_eq(sns.web.calls, 0);
}
END_TEST

START_TEST(a_confirmation_without_a_sane_token_is_refused)
{
    static const char *const tokens[] = {"", "a b", "a\nb", "a&Action=x", "t\xc3\xb6ken"};
    struct made_message wanted = usual_confirmation;

    wanted.token = tokens[_i];
    refused_made("token", &wanted, "'Token' is no token");
}
END_TEST

/* ---- bodies */

START_TEST(a_body_of_two_mebibytes_is_read_and_one_more_byte_is_not)
{
    struct made_message wanted = usual;
    size_t filling = SNS_BODY_MAX - 2048;
    char *message = must_calloc(1, filling + 1);
    char *body, *padded;
    struct sns_message read = {0};
    struct error err;

    memset(message, 'x', filling);
    wanted.message = message;
    body = make_message(sns.our_key, &wanted);
    ck_assert_uint_lt(strlen(body), SNS_BODY_MAX);
    padded = must_printf("%-*s", SNS_BODY_MAX + 1, body);
    ck_assert_msg(sns_verify(sns.verifier, padded, SNS_BODY_MAX, NOTIFICATION, false, NULL, &read, &err) == 0,
                  "%s", err.message);
    ck_assert_uint_eq(strlen(read.message), filling);
    sns_message_clear(&read);
    ck_assert_int_lt(
        sns_verify(sns.verifier, padded, SNS_BODY_MAX + 1, NOTIFICATION, false, NULL, &read, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "more than 2097152 bytes"));
    free(padded);
    free(body);
    free(message);
}
END_TEST

START_TEST(nested_brackets_are_refused)
{
    char *body = must_calloc(1, 10001);

    memset(body, '[', 10000);
    refused("brackets", body, NOTIFICATION, ERROR_INPUT, "the body");
    memset(body, '\0', 10000);
    for (int i = 0; i < 2000; i++)
        memcpy(body + (size_t)i * 5, "{\"a\":", 5);
    refused("objects", body, NOTIFICATION, ERROR_INPUT, "the body");
    free(body);
}
END_TEST

START_TEST(more_values_than_a_message_can_have_are_refused)
{
    size_t count = 5000;
    char *zeros = must_calloc(2, count);
    char *body;

    for (size_t i = 0; i < count; i++)
        memcpy(zeros + 2 * i, i + 1 < count ? "0," : "0", 2);
    body = must_printf("{\"a\":[%s]}", zeros);
    refused("values", body, NOTIFICATION, ERROR_INPUT, "more than 4096 values");
    free(body);
    free(zeros);
}
END_TEST

START_TEST(a_key_twice_is_refused_whichever_of_them_is_signed)
{
    struct made_message wanted = usual;
    static const char *const extras[] = {"\"Message\":\"evil\",", "\"TopicArn\":\"" TOPIC "\",",
                                         "\"Mess\\u0061ge\":\"evil\",", "\"x\":1,\"x\":2,"};

    wanted.extra = extras[_i];
    refused_made("twice", &wanted, "twice");
    ck_assert_int_eq(sns.web.calls, 0);
}
END_TEST

START_TEST(a_key_of_another_case_is_another_key)
{
    struct made_message wanted = usual;
    struct sns_message message = {0};
    struct error err;
    char *body;

    wanted.extra = "\"message\":\"evil\",\"MESSAGE\":\"evil\",";
    body = make_message(sns.our_key, &wanted);
    ck_assert_msg(sns_verify(sns.verifier, body, strlen(body), NOTIFICATION, false, NULL, &message, &err) ==
                      0,
                  "%s", err.message);
    ck_assert_str_eq(message.message, usual.message);
    sns_message_clear(&message);
    free(body);
}
END_TEST

START_TEST(a_text_that_c_would_cut_is_refused)
{
    struct made_message wanted = usual;

    wanted.extra = "\"a\":\"b\\u0000c\",";
    refused_made("nul", &wanted, "\\u0000");
    wanted.extra = "\"a\\u0000b\":\"c\",";
    refused_made("nul", &wanted, "\\u0000");
}
END_TEST

static const char *const broken[] = {
    "",
    " ",
    "null",
    "[]",
    "\"Notification\"",
    "1",
    "{",
    "{}",
    "{}{}",
    "{\"Type\":\"Notification\",}",
    "{'Type':'Notification'}",
    "{\"Type\":\"\xff\"}",
    "{\"Type\":\"\\ud800\"}",
    "\xef\xbb\xbf{}",
    "<xml/>",
    "hello",
    "{\"Type\":\"Notification\"} //",
};

START_TEST(what_is_no_message_is_refused)
{
    refused(broken[_i], broken[_i], NOTIFICATION, ERROR_INPUT, "SNS message refused");
}
END_TEST

START_TEST(what_a_stranger_wrote_is_shown_short_and_on_one_line)
{
    struct made_message wanted = usual;
    char *topic = must_calloc(1, 5001);
    struct error err;

    memset(topic, 'A', 5000);
    memcpy(topic, "\n\x1b[31m\"'\xc3\xa9", 10);
    wanted.topic = topic;
    ck_assert_int_lt(verify_made(sns.our_key, &wanted, &err), 0);
    ck_assert_uint_lt(strlen(err.message), 160);
    for (const char *c = err.message; *c != '\0'; c++)
        ck_assert_msg(*c >= ' ' && *c <= '~', "%s", err.message);
    free(topic);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sns_message");
    TCase *tcase = tcase_create("sns_message");

    tcase_add_checked_fixture(tcase, sns_set_up, sns_tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, what_our_topic_signed_is_genuine, 0, COUNT_OF(genuine));
    tcase_add_test(tcase, message_attributes_and_unknown_members_do_not_matter);
    tcase_add_loop_test(tcase, a_forgery_is_refused_for_what_it_is, 0, COUNT_OF(forgeries));
    tcase_add_loop_test(tcase, a_message_of_just_an_hour_is_genuine, 0, 2);
    tcase_add_test(tcase, a_stranger_with_a_key_of_his_own_is_refused);
    tcase_add_loop_test(tcase, a_signature_of_one_version_is_not_one_of_the_other, 0, 2);
    tcase_add_test(tcase, a_signed_text_has_one_reading);
    tcase_add_test(tcase, header_and_body_must_agree);
    tcase_add_test(tcase, raw_delivery_is_refused);
    tcase_add_loop_test(tcase, a_member_that_is_missing_or_no_text_is_named, 0, COUNT_OF(all_members));
    tcase_add_loop_test(tcase, a_confirmation_without_a_sane_token_is_refused, 0, 5);
    tcase_add_test(tcase, a_body_of_two_mebibytes_is_read_and_one_more_byte_is_not);
    tcase_add_test(tcase, nested_brackets_are_refused);
    tcase_add_test(tcase, more_values_than_a_message_can_have_are_refused);
    tcase_add_loop_test(tcase, a_key_twice_is_refused_whichever_of_them_is_signed, 0, 4);
    tcase_add_test(tcase, a_key_of_another_case_is_another_key);
    tcase_add_test(tcase, a_text_that_c_would_cut_is_refused);
    tcase_add_loop_test(tcase, what_is_no_message_is_refused, 0, COUNT_OF(broken));
    tcase_add_test(tcase, what_a_stranger_wrote_is_shown_short_and_on_one_line);
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return sns_run(suite());
}
