/*
 * The simulated AWS checks Signature Version 4: what is signed right passes, every tampering shows.
 */
#include "base/clock.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim_wire.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <string.h>

#define LIMITS KINESIS "DescribeLimits"

static void make_strict_sim(void)
{
    sim = sim_new(&(struct sim_options){.start_ms = START_MS, .seed = 1, .check_signatures = true});
}

static const struct test_signature account_key = {SIM_ACCESS_KEY_ID, SIM_SECRET_ACCESS_KEY, SIM_REGION,
                                                  "kinesis"};

static void limits_request(struct test_request *test)
{
    test_request_init(test, "POST", "/", "", "{}");
    test_request_header(test, "Content-Type", JSON_1_1);
    test_request_header(test, "X-Amz-Target", LIMITS);
}

static void form_request(struct test_request *test, const char *body)
{
    test_request_init(test, "POST", "/", "", body);
    test_request_header(test, "Content-Type", FORM);
}

/* The text of the first element of that name in an XML answer; the caller frees. */
static char *element(const char *name)
{
    SCOPED(free_text) char *open = must_printf("<%s>", name);
    const char *start = strstr(buffer_text(&response.body), open);

    ck_assert_msg(start != NULL, "no %s in %s", name, buffer_text(&response.body));
    start += strlen(open);
    return must_strndup(start, strcspn(start, "<"));
}

/* "get-vanilla" of AWS's own signing test suite. */
START_TEST(the_tests_own_signer_gives_the_published_signature)
{
    struct test_request test;

    test_request_init(&test, "GET", "/", "", "");
    test_request_header(&test, "Host", "example.amazonaws.com");
    test_request_sign(&test,
                      &(struct test_signature){"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                               "us-east-1", "service", NULL, "20150830T123600Z"});
    ck_assert_str_eq(test.request.header(&test.request, "Authorization"),
                     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                     "SignedHeaders=host;x-amz-date, "
                     "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}
END_TEST

START_TEST(a_signed_request_passes)
{
    struct test_request test;

    limits_request(&test);
    test_request_sign(&test, &account_key);
    answer(&test);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
}
END_TEST

/* What is collapsed, sorted and encoded before it is hashed. */
START_TEST(canonical_forms_are_what_counts)
{
    struct test_request test;

    form_request(&test, "");
    test.request.method = "GET";
    test.request.query = "Action=GetCallerIdentity&Version=2011-06-15";
    test_request_header(&test, "X-Odd", "a b");
    test_request_sign(&test,
                      &(struct test_signature){SIM_ACCESS_KEY_ID, SIM_SECRET_ACCESS_KEY, SIM_REGION, "sts"});
    test_request_header(&test, "X-Odd", "  a  \t b ");
    test.request.query = "Version=2011%2D06-15&Action=GetCallerIdentity";
    answer(&test);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
    expect_has("<Arn>arn:aws:iam::000000000000:user/kinescale</Arn>");
    expect_has("<Account>000000000000</Account>");
}
END_TEST

/* ---- tampering: each case signs a good request, then changes one thing */

static void change_body(struct test_request *test)
{
    test->request.body = "{} ";
    test->request.body_length = 3;
}
static void change_signed_header(struct test_request *test)
{
    test_request_header(test, "Content-Type", JSON_1_1 "; charset=utf-8");
}
static void drop_signed_header(struct test_request *test)
{
    test_request_header(test, "X-Extra", NULL);
}
static void change_target(struct test_request *test)
{
    test_request_header(test, "X-Amz-Target", KINESIS "ListStreams");
}
static void change_host(struct test_request *test)
{
    test_request_header(test, "Host", "127.0.0.1:4568");
}
static void change_query(struct test_request *test)
{
    test->request.query = "a=b";
}
static void add_token(struct test_request *test)
{
    test_request_header(test, "X-Amz-Security-Token", "abc");
}
static void drop_authorization(struct test_request *test)
{
    test_request_header(test, "Authorization", NULL);
}
static void sign_in_query_as_well(struct test_request *test)
{
    test->request.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256";
}
static void edit(struct test_request *test, const char *what, const char *with)
{
    SCOPED(free_text)
    char *header = replaced(must_strdup(test->request.header(&test->request, "Authorization")), what, with);

    test_request_header(test, "Authorization", header);
}
static void cut_signature(struct test_request *test)
{
    edit(test, ", Signature=", ", Nothing=");
}
static void cut_credential(struct test_request *test)
{
    edit(test, "Credential=", "Debit=");
}
static void cut_everything(struct test_request *test)
{
    test_request_header(test, "Authorization", "AWS4-HMAC-SHA256 x");
    test_request_header(test, "X-Amz-Date", NULL);
}
static void cut_scope(struct test_request *test)
{
    edit(test, "/aws4_request", "");
}
static void change_algorithm(struct test_request *test)
{
    edit(test, "AWS4-HMAC-SHA256", "AWS5-HMAC-SHA256");
}
static void change_terminator(struct test_request *test)
{
    edit(test, "aws4_request", "aws5_request");
}
static void unsort_headers(struct test_request *test)
{
    edit(test, "content-type;host;", "host;content-type;");
}
static void name_unsent_header(struct test_request *test)
{
    edit(test, "x-amz-target", "x-amz-target;x-nothing");
}
static void unsign_host(struct test_request *test)
{
    edit(test, "content-type;host;", "content-type;");
}
static void unsign_target(struct test_request *test)
{
    edit(test, ";x-amz-target", "");
}
static void change_key(struct test_request *test)
{
    edit(test, SIM_ACCESS_KEY_ID, "AKIAKINESCALESIM0002");
}
static void spoil_date(struct test_request *test)
{
    test_request_header(test, "X-Amz-Date", "yesterday");
}
static void lengthen_signature(struct test_request *test)
{
    edit(test, "Signature=", "Signature=0");
}

static const struct {
    const char *name;
    void (*tamper)(struct test_request *test);
    const char *type, *message;
} tamperings[] = {
    {"body", change_body, "InvalidSignatureException", "The request signature we calculated does not match"},
    {"header", change_signed_header, "InvalidSignatureException",
     "The request signature we calculated does not match"},
    {"extra header gone", drop_signed_header, "InvalidSignatureException",
     "Header 'x-extra' is among the SignedHeaders but was not sent"},
    {"target", change_target, "InvalidSignatureException",
     "The request signature we calculated does not match"},
    {"host", change_host, "InvalidSignatureException",
     "The Canonical String for this request should have been\n'POST"},
    {"query", change_query, "InvalidSignatureException",
     "The String-to-Sign should have been\n'AWS4-HMAC-SHA256"},
    {"a token without a session", add_token, "UnrecognizedClientException",
     "The security token included in the request is invalid."},
    {"nothing", drop_authorization, "MissingAuthenticationTokenException", "Missing Authentication Token"},
    {"both kinds", sign_in_query_as_well, "InvalidSignatureException",
     "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
    {"no signature", cut_signature, "IncompleteSignatureException",
     "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 Credential="},
    {"no credential", cut_credential, "IncompleteSignatureException",
     "Authorization header requires 'Credential' parameter. Authorization="},
    {"no part", cut_everything, "IncompleteSignatureException",
     "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
     "parameter. "
     "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of "
     "either a "
     "'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 x"},
    {"short scope", cut_scope, "IncompleteSignatureException",
     "Credential must have exactly 5 slash-delimited elements"},
    {"algorithm", change_algorithm, "IncompleteSignatureException",
     "Unsupported AWS 'algorithm': 'AWS5-HMAC-SHA256"},
    {"terminator", change_terminator, "InvalidSignatureException",
     "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "},
    {"unsorted", unsort_headers, "InvalidSignatureException", "SignedHeaders must be in lower case, sorted"},
    {"unsent", name_unsent_header, "InvalidSignatureException",
     "Header 'x-nothing' is among the SignedHeaders but was not sent"},
    {"host unsigned", unsign_host, "InvalidSignatureException",
     "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
    {"target unsigned", unsign_target, "InvalidSignatureException",
     "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."},
    {"key", change_key, "UnrecognizedClientException",
     "The security token included in the request is invalid."},
    {"date", spoil_date, "IncompleteSignatureException",
     "Date must be in ISO-8601 'basic format'. Got 'yesterday'."},
    {"longer signature", lengthen_signature, "InvalidSignatureException", "does not match"},
};

START_TEST(every_tampering_shows)
{
    struct test_request test;
    cJSON *body;
    const char *message;

    limits_request(&test);
    test_request_header(&test, "X-Extra", "1");
    test_request_sign(&test, &account_key);
    tamperings[_i].tamper(&test);
    buffer_clear(&response.body);
    sim_answer(sim, &test.request, &response);
    body = cJSON_Parse(buffer_text(&response.body));
    message = cJSON_GetStringValue(cJSON_GetObjectItem(body, "message"));
    ck_assert_msg(response.status == 400 && message != NULL &&
                      strstr(message, tamperings[_i].message) != NULL,
                  "%s: %d %s", tamperings[_i].name, response.status, buffer_text(&response.body));
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(body, "__type")), tamperings[_i].type);
    cJSON_Delete(body);
}
END_TEST

/* No change of one character of the signature or the secret goes unseen. */
START_TEST(no_single_character_may_change)
{
    struct test_request test;
    char secret[] = SIM_SECRET_ACCESS_KEY;
    struct test_signature signature = account_key;

    signature.secret = secret;
    for (size_t i = 0; i < strlen(secret); i++) {
        secret[i] ^= 1;
        limits_request(&test);
        test_request_sign(&test, &signature);
        answer(&test);
        ck_assert_int_eq(response.status, 400);
        expect_has("\"InvalidSignatureException\"");
        secret[i] ^= 1;
    }
    limits_request(&test);
    test_request_sign(&test, &signature);
    answer(&test);
    ck_assert_int_eq(response.status, 200);
}
END_TEST

/* ---- date and scope */

static const struct {
    int64_t off_ms;
    const char *message; /* NULL: passes */
} dates[] = {
    {0, NULL},
    {-14 * 60000, NULL},
    {14 * 60000, NULL},
    {-16 * 60000, "Signature expired: "},
    {16 * 60000, "Signature not yet current: "},
    {-365 * 86400000LL, "Signature expired: "},
};

START_TEST(a_signature_is_good_for_fifteen_minutes_of_the_wall_clock)
{
    struct test_request test;
    struct test_signature signature = account_key;
    char time[DATE_SIZE];

    date_format_basic(clock_now_ms(clock_system()) + dates[_i].off_ms, time);
    signature.time = time;
    limits_request(&test);
    test_request_sign(&test, &signature);
    answer(&test);
    if (dates[_i].message == NULL) {
        ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
        return;
    }
    expect_has("\"InvalidSignatureException\"");
    expect_has(dates[_i].message);
    expect_has("15 min.)");
    expect_has(time);
}
END_TEST

static const struct {
    const char *region, *service, *message;
} scopes[] = {
    {"eu-west-1", "kinesis", "Credential should be scoped to a valid region, not 'eu-west-1'. "},
    {SIM_REGION, "monitoring", "Credential should be scoped to correct service: 'kinesis'. "},
};

START_TEST(a_signature_is_for_one_region_and_service)
{
    struct test_request test;

    limits_request(&test);
    test_request_sign(&test, &(struct test_signature){SIM_ACCESS_KEY_ID, SIM_SECRET_ACCESS_KEY,
                                                      scopes[_i].region, scopes[_i].service});
    answer(&test);
    expect_has("\"InvalidSignatureException\"");
    expect_has(scopes[_i].message);
}
END_TEST

START_TEST(the_scope_has_the_day_of_the_signature)
{
    struct test_request test;
    char day[16] = "/";

    limits_request(&test);
    test_request_sign(&test, &account_key);
    snprintf(day, sizeof(day), "/%.8s/", test.request.header(&test.request, "X-Amz-Date"));
    edit(&test, day, "/20200101/");
    answer(&test);
    expect_has("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
               "'20200101' "
               "!= '");
}
END_TEST

/* ---- Query, and services that sign under another name */

START_TEST(query_has_its_own_words_for_it)
{
    struct test_request test;

    form_request(&test, "Action=DescribeAlarms&Version=2010-08-01");
    answer(&test);
    ck_assert_int_eq(response.status, 403);
    expect_has("<Type>Sender</Type><Code>MissingAuthenticationToken</Code>");
    test_request_sign(&test, &(struct test_signature){SIM_ACCESS_KEY_ID, "wrong", SIM_REGION, "monitoring"});
    answer(&test);
    ck_assert_int_eq(response.status, 403);
    expect_has("<Code>SignatureDoesNotMatch</Code>");
    test_request_sign(&test, &(struct test_signature){"AKIAOTHER", "wrong", SIM_REGION, "monitoring"});
    answer(&test);
    ck_assert_int_eq(response.status, 403);
    expect_has("<Code>InvalidClientTokenId</Code>");
    test_request_sign(
        &test, &(struct test_signature){SIM_ACCESS_KEY_ID, SIM_SECRET_ACCESS_KEY, SIM_REGION, "monitoring"});
    answer(&test);
    ck_assert_int_eq(response.status, 200);
}
END_TEST

START_TEST(cloudwatch_puts_a_namespace_before_it)
{
    struct test_request test;

    test_request_init(&test, "POST", "/", "", "{}");
    test_request_header(&test, "Content-Type", JSON_1_0);
    test_request_header(&test, "X-Amz-Target", GRANITE "DescribeAlarms");
    answer(&test);
    expect(400, "{\"__type\":\"com.amazon.coral.service#MissingAuthenticationTokenException\",\"message\":"
                "\"Missing "
                "Authentication Token\"}");
}
END_TEST

/* ---- sessions */

static void assume(const char *body)
{
    struct test_request test;

    form_request(&test, body);
    if (!text_starts_with(body, "Action=AssumeRoleWithWebIdentity"))
        test_request_sign(
            &test, &(struct test_signature){SIM_ACCESS_KEY_ID, SIM_SECRET_ACCESS_KEY, SIM_REGION, "sts"});
    answer(&test);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
}

static const char *const assumptions[] = {
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/path/"
    "scaler&RoleSessionName=test&"
    "DurationSeconds=900&ExternalId=abc",
    "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/path/scaler&"
    "RoleSessionName=test&DurationSeconds=900&WebIdentityToken=aa.bb.cc",
};

START_TEST(a_session_needs_its_token_and_ends)
{
    SCOPED(free_text) char *key = NULL;
    SCOPED(free_text) char *secret = NULL;
    SCOPED(free_text) char *token = NULL;
    struct test_signature signature;
    struct test_request test;

    assume(assumptions[_i]);
    expect_has("<Expiration>2025-11-21T00:15:00.000Z</Expiration>");
    expect_has("<Arn>arn:aws:sts::123456789012:assumed-role/scaler/test</Arn>");
    key = element("AccessKeyId");
    secret = element("SecretAccessKey");
    token = element("SessionToken");
    ck_assert(text_starts_with(key, "ASIA") && strlen(key) == 20 && strlen(secret) == 40);

    signature = (struct test_signature){key, secret, SIM_REGION, "sts", token};
    form_request(&test, "Action=GetCallerIdentity&Version=2011-06-15");
    test_request_sign(&test, &signature);
    answer(&test);
    expect_has("<Arn>arn:aws:sts::123456789012:assumed-role/scaler/test</Arn>");

    signature.token = NULL;
    test_request_sign(&test, &signature);
    answer(&test);
    expect_has("<Code>InvalidClientTokenId</Code>");
    signature.token = "IQoJother";
    test_request_sign(&test, &signature);
    answer(&test);
    expect_has("<Code>InvalidClientTokenId</Code>");

    sim_advance(sim, START_MS + 900000);
    signature.token = token;
    test_request_sign(&test, &signature);
    answer(&test);
    ck_assert_int_eq(response.status, 403);
    expect_has(
        "<Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message>");
    limits_request(&test);
    signature.service = "kinesis";
    test_request_sign(&test, &signature);
    answer(&test);
    expect_has("\"ExpiredTokenException\"");
}
END_TEST

START_TEST(old_sessions_make_room)
{
    SCOPED(free_text) char *key = NULL;
    SCOPED(free_text) char *secret = NULL;
    SCOPED(free_text) char *token = NULL;
    struct test_request test;

    assume(assumptions[1]);
    key = element("AccessKeyId");
    secret = element("SecretAccessKey");
    token = element("SessionToken");
    for (int i = 0; i < 256; i++)
        assume(assumptions[1]);
    form_request(&test, "Action=GetCallerIdentity&Version=2011-06-15");
    test_request_sign(&test, &(struct test_signature){key, secret, SIM_REGION, "sts", token});
    answer(&test);
    expect_has("<Code>InvalidClientTokenId</Code>");
}
END_TEST

START_TEST(without_checks_any_well_formed_authorization_will_do)
{
    struct test_request test;

    drop_sim();
    make_sim();
    limits_request(&test);
    test_request_header(&test, "Authorization", AUTHORIZATION);
    answer(&test);
    ck_assert_int_eq(response.status, 200);
    test_request_header(&test, "Authorization", "AWS4-HMAC-SHA256 x");
    answer(&test);
    expect_has("\"IncompleteSignatureException\"");
    test_request_header(&test, "Authorization", NULL);
    answer(&test);
    expect_has("\"MissingAuthenticationTokenException\"");
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_auth");
    TCase *tcase = tcase_create("auth");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_strict_sim, drop_sim);
    tcase_add_test(tcase, the_tests_own_signer_gives_the_published_signature);
    tcase_add_test(tcase, a_signed_request_passes);
    tcase_add_test(tcase, canonical_forms_are_what_counts);
    tcase_add_loop_test(tcase, every_tampering_shows, 0, COUNT_OF(tamperings));
    tcase_add_test(tcase, no_single_character_may_change);
    tcase_add_loop_test(tcase, a_signature_is_good_for_fifteen_minutes_of_the_wall_clock, 0, COUNT_OF(dates));
    tcase_add_loop_test(tcase, a_signature_is_for_one_region_and_service, 0, COUNT_OF(scopes));
    tcase_add_test(tcase, the_scope_has_the_day_of_the_signature);
    tcase_add_test(tcase, query_has_its_own_words_for_it);
    tcase_add_test(tcase, cloudwatch_puts_a_namespace_before_it);
    tcase_add_loop_test(tcase, a_session_needs_its_token_and_ends, 0, COUNT_OF(assumptions));
    tcase_add_test(tcase, old_sessions_make_room);
    tcase_add_test(tcase, without_checks_any_well_formed_authorization_will_do);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
