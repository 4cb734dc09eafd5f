/*
 * test_transport_signing.c - what a request carries: its signature, and the keys it is made with.
 */
#include "aws/transport.h"
#include "base/memory.h"
#include "base/text.h"
#include "loopback.h"
#include "support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const struct loopback_route routes[] = {
    {"/", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 0, false},
    {NULL, NULL, 0, 0, false},
};

static struct loopback *server;
static struct transport *transport;

static void set_up(void)
{
    struct error err = {0};

    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("all_proxy");
    server = loopback_start(routes, false);
    ck_assert_msg(transport_curl_open(&transport, &err) == 0, "%s", err.message);
}

static void tear_down(void)
{
    transport_curl_close(transport);
    loopback_stop(server);
}

/* ---- signatures, computed a second time from what arrived */

static void hex(const unsigned char *bytes, size_t length, char *text)
{
    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void sha256_hex(const char *text, size_t length, char digest[65])
{
    unsigned char bytes[32];
    unsigned size;

    ck_assert_int_eq(EVP_Digest(text, length, bytes, &size, EVP_sha256(), NULL), 1);
    hex(bytes, size, digest);
}

/* key becomes HMAC(key, text). */
static void chain(unsigned char key[32], const char *text)
{
    unsigned char next[32];
    unsigned size;

    ck_assert_ptr_nonnull(
        HMAC(EVP_sha256(), key, 32, (const unsigned char *)text, strlen(text), next, &size));
    memcpy(key, next, 32);
}

/* The value of a header, the caller frees; fails the test unless it is there exactly once. */
static char *header_value(const char *request, const char *name)
{
    char *wanted = must_printf("\r\n%s: ", name);
    const char *at = strcasestr(request, wanted);
    char *value;

    ck_assert_msg(at != NULL && at < strstr(request, "\r\n\r\n"), "no header %s in:\n%s", name, request);
    ck_assert_msg(strcasestr(at + 2, wanted) == NULL, "two headers %s", name);
    at += strlen(wanted);
    value = must_strndup(at, strcspn(at, "\r"));
    free(wanted);
    return value;
}

/* "name=" up to the next comma or the end, of the Authorization header. */
static char *authorization_part(const char *authorization, const char *name)
{
    const char *at = strstr(authorization, name);

    ck_assert_msg(at != NULL, "no %s in %s", name, authorization);
    at += strlen(name);
    return must_strndup(at, strcspn(at, ", "));
}

static char *canonical_request(const char *request, const char *signed_headers)
{
    struct buffer text;
    struct error err;
    char *list = must_strdup(signed_headers), *cursor = list, *name, digest[65];
    const char *body = strstr(request, "\r\n\r\n") + 4;

    buffer_init(&text, 1 << 20);
    ck_assert_int_eq(buffer_add_text(&text, "POST\n/\n\n", &err), 0);
    while ((name = text_split(&cursor, ';')) != NULL) {
        char *value = header_value(request, name);

        ck_assert_int_eq(buffer_printf(&text, &err, "%s:%s\n", name, value), 0);
        free(value);
    }
    sha256_hex(body, strlen(body), digest);
    ck_assert_int_eq(buffer_printf(&text, &err, "\n%s\n%s", signed_headers, digest), 0);
    free(list);
    return buffer_take(&text);
}

static void check_signature(const char *request, const char *secret, const char *region, const char *service,
                            const char *signed_headers)
{
    char *authorization = header_value(request, "Authorization"), *date = header_value(request, "X-Amz-Date");
    char *signature = authorization_part(authorization, "Signature=");
    char *names = authorization_part(authorization, "SignedHeaders=");
    char *credential = authorization_part(authorization, "Credential=");
    char *canonical = canonical_request(request, names), *scope, *to_sign, digest[65], day[9], computed[65];
    unsigned char key[32];
    char first_key[300];
    unsigned size;

    ck_assert_str_eq(names, signed_headers);
    snprintf(day, sizeof(day), "%.8s", date);
    scope = must_printf("%s/%s/%s/aws4_request", day, region, service);
    ck_assert_msg(text_starts_with(credential, "AKIDEXAMPLE/") && text_ends_with(credential, scope), "%s",
                  credential);
    sha256_hex(canonical, strlen(canonical), digest);
    to_sign = must_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, digest);

    snprintf(first_key, sizeof(first_key), "AWS4%s", secret);
    ck_assert_ptr_nonnull(HMAC(EVP_sha256(), first_key, (int)strlen(first_key), (const unsigned char *)day,
                               strlen(day), key, &size));
    chain(key, region);
    chain(key, service);
    chain(key, "aws4_request");
    chain(key, to_sign);
    hex(key, 32, computed);
    ck_assert_str_eq(signature, computed);

    free(authorization);
    free(date);
    free(signature);
    free(names);
    free(credential);
    free(canonical);
    free(scope);
    free(to_sign);
}

/* A whole request as a client sends it; returns what arrived, the caller frees. */
static char *send_signed(const struct credentials *credentials, const char *service, const char *target,
                         const char *body)
{
    struct aws_request request = {
        .method = "POST",
        .headers = {{"Content-Type", "application/x-amz-json-1.1"},
                    {target != NULL ? "X-Amz-Target" : NULL, target}},
        .body = body,
        .body_length = strlen(body),
        .credentials = credentials,
        .signing_service = service,
        .signing_region = "eu-west-1",
    };
    struct aws_answer answer = {0};
    struct error err = {0};
    char url[128];

    snprintf(url, sizeof(url), "%s/", loopback_url(server));
    request.url = url;
    ck_assert_msg(transport->send(transport, &request, &answer, &err) == 0, "%s", err.message);
    ck_assert_int_eq(answer.status, 200);
    aws_answer_clear(&answer);
    return loopback_last_request(server);
}

static const struct credentials example = {
    .access_key_id = "AKIDEXAMPLE",
    .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    .expires_ms = INT64_MAX,
};

START_TEST(a_request_carries_a_signature_over_all_it_says)
{
    char *seen =
        send_signed(&example, "kinesis", "Kinesis_20131202.ListShards", "{\"StreamName\":\"orders\"}");

    check_signature(seen, example.secret_access_key, "eu-west-1", "kinesis",
                    "content-type;host;x-amz-date;x-amz-target");
    ck_assert_ptr_nonnull(strstr(seen, "\r\n\r\n{\"StreamName\":\"orders\"}"));
    ck_assert_ptr_nonnull(strstr(seen, "User-Agent: kinescale/" KINESCALE_VERSION "\r\n"));
    ck_assert_ptr_null(strstr(seen, "Expect:"));
    free(seen);
}
END_TEST

START_TEST(a_session_token_is_sent_and_signed_however_long)
{
    static const size_t lengths[] = {1, 356, 2000, 16000};
    struct credentials temporary = example;
    char *seen, *value;

    temporary.session_token = must_calloc(1, lengths[_i] + 1);
    memset(temporary.session_token, 'T', lengths[_i]);
    seen = send_signed(&temporary, "monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", "{}");
    check_signature(seen, example.secret_access_key, "eu-west-1", "monitoring",
                    "content-type;host;x-amz-date;x-amz-security-token;x-amz-target");
    value = header_value(seen, "X-Amz-Security-Token");
    ck_assert_str_eq(value, temporary.session_token);
    free(value);
    free(seen);
    free(temporary.session_token);
}
END_TEST

START_TEST(a_query_request_without_a_target_is_signed_too)
{
    char *seen = send_signed(&example, "sns", NULL, "Action=ConfirmSubscription&Version=2010-03-31");

    check_signature(seen, example.secret_access_key, "eu-west-1", "sns", "content-type;host;x-amz-date");
    free(seen);
}
END_TEST

START_TEST(a_large_body_is_signed_and_sent_whole)
{
    char *body = must_calloc(1, 150001), *seen;

    memset(body, 'b', 150000);
    seen = send_signed(&example, "monitoring", "GraniteServiceVersion20100801.GetMetricData", body);
    check_signature(seen, example.secret_access_key, "eu-west-1", "monitoring",
                    "content-type;host;x-amz-date;x-amz-target");
    ck_assert_uint_eq(strlen(strstr(seen, "\r\n\r\n") + 4), 150000);
    free(seen);
    free(body);
}
END_TEST

START_TEST(keys_of_one_request_do_not_reach_the_next)
{
    struct credentials temporary = example;
    struct aws_answer answer = {0};
    struct error err = {0};
    char url[128], *seen;
    struct aws_request plain = {.method = "GET", .url = url};

    temporary.session_token = must_strdup("session-token");
    free(send_signed(&temporary, "sns", NULL, "Action=X"));
    free(temporary.session_token);
    snprintf(url, sizeof(url), "%s/", loopback_url(server));
    ck_assert_int_eq(transport->send(transport, &plain, &answer, &err), 0);
    aws_answer_clear(&answer);
    seen = loopback_last_request(server);
    ck_assert_int_eq(loopback_connections(server), 1);
    ck_assert_ptr_null(strstr(seen, "Authorization"));
    ck_assert_ptr_null(strstr(seen, "session-token"));
    ck_assert_ptr_null(strstr(seen, "Content-Type"));
    free(seen);
}
END_TEST

START_TEST(a_put_without_a_body_says_so)
{
    struct aws_request request = {.method = "PUT",
                                  .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}};
    struct aws_answer answer = {0};
    struct error err = {0};
    char url[128], *seen;

    snprintf(url, sizeof(url), "%s/", loopback_url(server));
    request.url = url;
    ck_assert_int_eq(transport->send(transport, &request, &answer, &err), 0);
    aws_answer_clear(&answer);
    seen = loopback_last_request(server);
    ck_assert(text_starts_with(seen, "PUT / HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(seen, "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
    ck_assert_ptr_nonnull(strstr(seen, "Content-Length: 0\r\n"));
    free(seen);
}
END_TEST

START_TEST(a_line_end_in_a_header_or_key_is_refused_before_anything_is_sent)
{
    struct credentials split = example;
    struct aws_request request = {.method = "POST",
                                  .body = "",
                                  .credentials = &split,
                                  .signing_service = "sns",
                                  .signing_region = "eu-west-1"};
    struct aws_answer answer = {0};
    struct error err = {0};
    char url[128], token[] = "token\r\nX-Evil: 1";

    snprintf(url, sizeof(url), "%s/", loopback_url(server));
    request.url = url;
    split.session_token = token;
    ck_assert_int_lt(transport->send(transport, &request, &answer, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_null(strstr(err.message, "Evil"));
    split.session_token = NULL;
    request.headers[0] = (struct aws_header){"X-A", "b\nc"};
    ck_assert_int_lt(transport->send(transport, &request, &answer, &err), 0);
    ck_assert_int_eq(loopback_requests(server), 0);
}
END_TEST

/* ---- keys */

START_TEST(copied_keys_are_a_copy_and_cleared_ones_are_gone)
{
    struct credentials source = example, copy = {0};

    source.session_token = must_strdup("token");
    source.source = "environment";
    credentials_copy(&copy, &source);
    ck_assert_str_eq(copy.access_key_id, "AKIDEXAMPLE");
    ck_assert_str_eq(copy.session_token, "token");
    ck_assert_ptr_ne(copy.session_token, source.session_token);
    ck_assert_str_eq(copy.source, "environment");
    ck_assert_int_eq(copy.expires_ms, INT64_MAX);

    credentials_copy(&copy, &example); /* over what was there */
    ck_assert_ptr_null(copy.session_token);
    credentials_clear(&copy);
    credentials_clear(&source);
    ck_assert_str_eq(copy.secret_access_key, "");
    ck_assert_str_eq(source.secret_access_key, "");
    ck_assert_ptr_null(source.session_token);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("transport, signing");
    TCase *tcase = tcase_create("signing");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_request_carries_a_signature_over_all_it_says);
    tcase_add_loop_test(tcase, a_session_token_is_sent_and_signed_however_long, 0, 4);
    tcase_add_test(tcase, a_query_request_without_a_target_is_signed_too);
    tcase_add_test(tcase, a_large_body_is_signed_and_sent_whole);
    tcase_add_test(tcase, keys_of_one_request_do_not_reach_the_next);
    tcase_add_test(tcase, a_put_without_a_body_says_so);
    tcase_add_test(tcase, a_line_end_in_a_header_or_key_is_refused_before_anything_is_sent);
    tcase_add_test(tcase, copied_keys_are_a_copy_and_cleared_ones_are_gone);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
