#include "sns_support.h"
#include "support.h"

#include "base/date.h"
#include "base/memory.h"

#include <cjson/cJSON.h>

/* In turn each byte of each signed value, and of the signature, is another one. */
static void each_byte_matters(const char *body, const char *header)
{
    static const char *const members[] = {"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp",
                                          "Token",   "TopicArn",  "Type",    "Signature"};
    cJSON *object = cJSON_Parse(body);
    int changes = 0;

    for (size_t i = 0; i < COUNT_OF(members); i++) {
        cJSON *member = cJSON_GetObjectItemCaseSensitive(object, members[i]);
        char *value = cJSON_GetStringValue(member);
        size_t length = value == NULL ? 0 : strlen(value);

        for (size_t at = 0; at < length; at++) {
            struct error err = {0};
            char *changed;

            if ((unsigned char)value[at] >= 0x80) /* would be no UTF-8: refused for that */
                continue;
            value[at] ^= 1;
            changed = cJSON_PrintUnformatted(object);
            ck_assert_msg(verify_body(changed, header, &err) < 0, "%s byte %zu: taken for genuine",
                          members[i], at);
            ck_assert_int_eq(err.kind, ERROR_INPUT);
            free(changed);
            value[at] ^= 1;
            changes++;
        }
    }
    ck_assert_int_gt(changes, 500);
    cJSON_Delete(object);
}

START_TEST(no_byte_can_be_changed)
{
    struct made_message wanted = _i < 2 ? usual : usual_confirmation;
    char *body;

    wanted.version = _i % 2 == 0 ? "1" : "2";
    if (_i < 2)
        wanted.subject = "ALARM: \"orders\"";
    body = make_message(sns.our_key, &wanted);
    each_byte_matters(body, wanted.type);
    free(body);
}
END_TEST

static const char *const recorded[] = {
    "java-v2-notification-no-subject-v1.json",   "java-v2-notification-no-subject-v2.json",
    "java-v2-notification-with-subject-v1.json", "java-v2-subscription-confirmation-v1.json",
    "java-v2-unsubscribe-confirmation-v2.json",
};

START_TEST(messages_of_aws_itself_verify_and_no_byte_of_them_can_be_changed)
{
    char path[512];
    char *body, *pem;
    cJSON *object;
    const char *arns[1], *type, *slash;
    struct error err;

    if (shared_data() == NULL) {
        puts("skipped: the recorded SNS messages are not there");
        return;
    }
    snprintf(path, sizeof(path), "%s/sns/%s", shared_data(), recorded[_i]);
    body = read_text(path);
    object = cJSON_Parse(body);
    slash = strrchr(cJSON_GetStringValue(cJSON_GetObjectItem(object, "SigningCertURL")), '/');
    snprintf(path, sizeof(path), "%s/sns/certs%s", shared_data(), slash);
    pem = read_text(path);
    sns.web.page = pem;
    arns[0] = cJSON_GetStringValue(cJSON_GetObjectItem(object, "TopicArn"));
    type = cJSON_GetStringValue(cJSON_GetObjectItem(object, "Type"));
    ck_assert(date_parse(cJSON_GetStringValue(cJSON_GetObjectItem(object, "Timestamp")), &sns.clock.ms));
    sns_begin(arns, 1);

    ck_assert_msg(verify_body(body, type, &err) == 0, "%s: %s", recorded[_i], err.message);
    each_byte_matters(body, type);
    sns.clock.ms += HOUR_MS + 1;
    refused(recorded[_i], body, type, ERROR_INPUT, "more than an hour ago");

    sns.web.page = sns.our_pem; /* somebody else's certificate, with the right name */
    ck_assert(date_parse(cJSON_GetStringValue(cJSON_GetObjectItem(object, "Timestamp")), &sns.clock.ms));
    sns_begin(arns, 1);
    refused(recorded[_i], body, type, ERROR_INPUT, "signing certificate: it is not valid yet");
    cJSON_Delete(object);
    free(pem);
    free(body);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sns_signature");
    TCase *tcase = tcase_create("sns_signature");

    tcase_add_checked_fixture(tcase, sns_set_up, sns_tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, no_byte_can_be_changed, 0, 4);
    tcase_add_loop_test(tcase, messages_of_aws_itself_verify_and_no_byte_of_them_can_be_changed, 0,
                        COUNT_OF(recorded));
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return sns_run(suite());
}
