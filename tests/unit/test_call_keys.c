/*
 * test_call_keys.c - keys that expire, are refused or not there; clocks that are off; secrets that come back.
 */
#include "base/memory.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

#define REFUSED(code, message) "{\"__type\":\"" code "\",\"message\":\"" message "\"}"

/* ---- keys */

static int generation;

/* As if somebody changed the environment each time the keys are asked for anew. */
static const char *changing_keys(const char *name)
{
    static char id[32];

    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0) {
        snprintf(id, sizeof(id), "AKIDGENERATION%06d", ++generation);
        return id;
    }
    return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? "secret-secret-secret-secret-secret-secre" : NULL;
}

static const char *const renewable[] = {"ExpiredTokenException", "ExpiredToken",
                                        "UnrecognizedClientException", "InvalidClientTokenId"};

START_TEST(keys_that_have_expired_are_asked_for_again_and_the_call_made_once_more)
{
    char refused[128], reason[256] = "";
    struct exchange exchanges[] = {
        {"DescribeLimits", .status = 400, .answer = refused},
        {"DescribeLimits", .answer = CONVERSATION_LIMITS},
    };
    struct conversation conversation;
    struct error err = {0};
    int64_t start_ms;

    snprintf(refused, sizeof(refused), "{\"__type\":\"%s\",\"message\":\"too old\"}", renewable[_i]);
    conversation_open_as(&conversation, exchanges, COUNT_OF(exchanges), changing_keys);
    start_ms = conversation.clock.ms;
    ck_assert_msg(conversation_limits(&conversation, &err) == 0, "%s", err.message);
    ck_assert_int_ge(generation, 2);
    ck_assert_int_le(conversation.clock.ms - start_ms, 1250); /* the quota of DescribeLimits, no backoff */
    ck_assert(aws_client_credentials_ok(conversation.client, reason, sizeof(reason)));
    conversation_close(&conversation);
}
END_TEST

START_TEST(keys_that_are_refused_twice_are_reported_until_aws_knows_them)
{
    struct exchange exchanges[] = {
        {"DescribeLimits", .status = 400,
         .answer = REFUSED("UnrecognizedClientException",
                           "The security token included in the request is invalid.")},
        {"DescribeLimits", .status = 400,
         .answer = REFUSED("UnrecognizedClientException",
                           "The security token included in the request is invalid.")},
        {"DescribeLimits", .status = 400, .answer = REFUSED("AccessDeniedException", "not allowed")},
    };
    struct conversation conversation;
    char reason[256] = "";
    struct error err = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert(aws_client_credentials_ok(conversation.client, reason, sizeof(reason)));
    ck_assert_int_lt(conversation_limits(&conversation, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_AUTH);
    ck_assert(!aws_client_credentials_ok(conversation.client, reason, sizeof(reason)));
    ck_assert_str_eq(reason,
                     "The security token included in the request is invalid (UnrecognizedClientException)");
    /* Keys that may not do something are known all the same. */
    ck_assert_int_lt(conversation_limits(&conversation, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_AUTH);
    ck_assert(aws_client_credentials_ok(conversation.client, reason, sizeof(reason)));
    conversation_close(&conversation);
}
END_TEST

static const char *no_keys(const char *name)
{
    static const char *const off[] = {"AWS_EC2_METADATA_DISABLED=true", "HOME=/nonexistent",
                                      "AWS_CONFIG_FILE=/nonexistent/config",
                                      "AWS_SHARED_CREDENTIALS_FILE=/nonexistent/credentials"};

    for (size_t i = 0; i < COUNT_OF(off); i++) {
        size_t length = strlen(name);

        if (strncmp(off[i], name, length) == 0 && off[i][length] == '=')
            return off[i] + length + 1;
    }
    return NULL;
}

START_TEST(without_keys_nothing_is_sent)
{
    struct conversation conversation;
    char reason[256] = "";
    struct error err = {0};

    conversation_open_as(&conversation, NULL, 0, no_keys);
    ck_assert_int_lt(conversation_limits(&conversation, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_AUTH);
    ck_assert_msg(text_starts_with(err.message, "DescribeLimits: "), "%s", err.message);
    ck_assert(!aws_client_credentials_ok(conversation.client, reason, sizeof(reason)));
    ck_assert_int_gt(strlen(reason), 0);
    conversation_close(&conversation);
}
END_TEST

/* ---- clocks */

static const struct {
    int64_t clock_off_ms;
    const char *code;
    const char *beginning;
} clocks[] = {
    /* half a second more than is said: the test takes time too */
    {600 * 1000 + 500, "InvalidSignatureException",
     "DescribeLimits: the clock of this machine is 600 s ahead of AWS's: "},
    {-423 * 1000 - 500, "RequestTimeTooSkewed",
     "DescribeLimits: the clock of this machine is 423 s behind AWS's: "},
    {3600 * 1000 + 500, "SignatureDoesNotMatch",
     "DescribeLimits: the clock of this machine is 3600 s ahead of AWS's: "},
    {3600 * 1000 + 500, "RequestExpired",
     "DescribeLimits: the clock of this machine is 3600 s ahead of AWS's: "},
    {60 * 1000, "InvalidSignatureException", "DescribeLimits: why ("},
    {0, "InvalidSignatureException", "DescribeLimits: why ("},
    {600 * 1000, "AccessDeniedException", "DescribeLimits: why ("},
};

START_TEST(a_clock_that_is_off_is_named_as_the_reason_of_a_refused_signature)
{
    char answer[128];
    struct exchange exchange = {"DescribeLimits", .status = 403, .answer = answer,
                                .clock_off_ms = clocks[_i].clock_off_ms};
    struct conversation conversation;
    struct error err = {0};

    snprintf(answer, sizeof(answer), "{\"__type\":\"%s\",\"message\":\"why\"}", clocks[_i].code);
    conversation_open(&conversation, &exchange, 1);
    ck_assert_int_lt(conversation_limits(&conversation, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_AUTH);
    ck_assert_msg(text_starts_with(err.message, clocks[_i].beginning), "%s", err.message);
    conversation_close(&conversation);
}
END_TEST

/* ---- secrets */

static const char *session_keys(const char *name)
{
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return "ASIASCRIPT0000000001";
    if (strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0)
        return "SECRETSECRETSECRETSECRETSECRETSECRET1234";
    return strcmp(name, "AWS_SESSION_TOKEN") == 0 ? "TOKENTOKENTOKENTOKENTOKENTOKENTOKEN" : NULL;
}

static const char *const telltales[] = {
    "The request signature we calculated does not match. The Canonical String for this request should have "
    "been "
    "'POST\\n/\\n\\nx-amz-security-token:TOKENTOKENTOKENTOKENTOKENTOKENTOKEN'",
    "your token TOKENTOKENTOKENTOKENTOKENTOKENTOKEN is odd",
    "cut in the middle of TOKENTOKENTOKENTOKENTOKE",
    "X-Amz-Security-Token: something",
    "your key SECRETSECRETSECRETSECRETSECRETSECRET1234 is odd",
};

START_TEST(a_secret_in_an_answer_does_not_reach_the_error_text)
{
    struct exchange exchange = {"DescribeLimits", .status = 403};
    struct conversation conversation;
    char answer[1024], reason[256];
    struct error err = {0};

    snprintf(answer, sizeof(answer), "{\"__type\":\"InvalidSignatureException\",\"message\":\"%s\"}",
             telltales[_i]);
    exchange.answer = answer;
    conversation_open_as(&conversation, &exchange, 1, session_keys);
    ck_assert_int_lt(conversation_limits(&conversation, &err), 0);
    ck_assert_msg(strstr(err.message, "TOKENTOKEN") == NULL && strstr(err.message, "SECRET") == NULL, "%s",
                  err.message);
    ck_assert(!aws_client_credentials_ok(conversation.client, reason, sizeof(reason)));
    ck_assert_msg(strstr(reason, "TOKENTOKEN") == NULL && strstr(reason, "SECRET") == NULL, "%s", reason);
    conversation_close(&conversation);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("call, keys");
    TCase *tcase = tcase_create("keys");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, keys_that_have_expired_are_asked_for_again_and_the_call_made_once_more, 0,
                        COUNT_OF(renewable));
    tcase_add_test(tcase, keys_that_are_refused_twice_are_reported_until_aws_knows_them);
    tcase_add_test(tcase, without_keys_nothing_is_sent);
    tcase_add_loop_test(tcase, a_clock_that_is_off_is_named_as_the_reason_of_a_refused_signature, 0,
                        COUNT_OF(clocks));
    tcase_add_loop_test(tcase, a_secret_in_an_answer_does_not_reach_the_error_text, 0, COUNT_OF(telltales));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
