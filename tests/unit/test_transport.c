#include "aws/transport.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"
#include "loopback.h"
#include "support.h"

#include <pthread.h>

/* ---- a server, a transport */

static char many_headers[100 * 1024];

static const struct loopback_route routes[] = {
    {"/", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 0, false},
    {"/headers",
     "HTTP/1.1 400 Bad Request\r\nX-AMZN-RequestId: 4f6c0b2e-1\r\nx-amzn-ErrorType: Ouch:http://x/\r\n"
     "Date: Sat, 21 Nov 2026 08:15:30 GMT\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbody",
     0, 0, false},
    {"/retry-ms", "HTTP/1.1 429 Slow\r\nx-amz-retry-after: 1500\r\nContent-Length: 0\r\n\r\n", 0, 0, false},
    {"/retry-date",
     "HTTP/1.1 503 Later\r\nRetry-After: Sat, 21 Nov 2026 08:15:30 GMT\r\nDate: yesterday\r\n"
     "Content-Length: 0\r\n\r\n",
     0, 0, false},
    {"/continue",
     "HTTP/1.1 100 Continue\r\nx-amzn-RequestId: wrong\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
     0, 0, false},
    {"/redirect", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 0, 0, false},
    {"/slow", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 3000, false},
    {"/truncated", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":", 0, 0, true},
    {"/hang-up", "", 0, 0, true},
    {"/garbage", "SSH-2.0-OpenSSH_9.2\r\n", 0, 0, true},
    {"/half-headers", "HTTP/1.1 200 OK\r\nContent-Le", 0, 0, true},
    {"/declared", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", 1001, 0, false},
    {"/endless", "HTTP/1.1 200 OK\r\n\r\n", 1 << 20, 0, true},
    {"/exact", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 1000, 0, false},
    {"/many-headers", many_headers, 0, 0, true},
    {NULL, NULL, 0, 0, false},
};

static struct loopback *server;
static struct transport *transport;

static void set_up(void)
{
    struct error err = {0};
    size_t length = (size_t)snprintf(many_headers, sizeof(many_headers), "HTTP/1.1 200 OK\r\n");

    for (int i = 0; i < 3500; i++)
        length += (size_t)snprintf(many_headers + length, sizeof(many_headers) - length,
                                   "X-Filler-%d: %d\r\n", i, i);
    ck_assert_uint_gt(length, 64 * 1024);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("all_proxy");
    unsetenv("AWS_CA_BUNDLE");
    server = loopback_start(routes, false);
    ck_assert_msg(transport_curl_open(&transport, &err) == 0, "%s", err.message);
}

static void tear_down(void)
{
    transport_curl_close(transport);
    loopback_stop(server);
}

static int get(const char *path, size_t ceiling, int timeout_ms, struct aws_answer *answer, struct error *err)
{
    char url[128];
    struct aws_request request = {
        .method = "GET", .url = url, .answer_ceiling = ceiling, .timeout_ms = timeout_ms};

    snprintf(url, sizeof(url), "%s%s", loopback_url(server), path);
    return transport->send(transport, &request, answer, err);
}

/* ---- answers */

START_TEST(an_answer_arrives_whole_with_what_its_headers_say)
{
    struct aws_answer answer = {0};
    struct error err = {0};
    int64_t date_ms;

    ck_assert_msg(get("/headers", 0, 0, &answer, &err) == 0, "%s", err.message);
    ck_assert(date_parse("2026-11-21T08:15:30Z", &date_ms));
    ck_assert_int_eq(answer.status, 400);
    ck_assert_str_eq(buffer_text(&answer.body), "body");
    ck_assert_uint_eq(answer.body.length, 4);
    ck_assert_str_eq(answer.request_id, "4f6c0b2e-1");
    ck_assert_str_eq(answer.error_type, "Ouch:http://x/");
    ck_assert_int_eq(answer.retry_after_ms, 3000);
    ck_assert_int_eq(answer.date_ms, date_ms);
    aws_answer_clear(&answer);
    ck_assert_int_eq(answer.status, 0);
    ck_assert_ptr_null(answer.body.bytes);
}
END_TEST

START_TEST(what_headers_do_not_say_is_marked_as_absent)
{
    struct aws_answer answer = {0};
    struct error err = {0};

    ck_assert_int_eq(get("/", 0, 0, &answer, &err), 0);
    ck_assert_str_eq(answer.request_id, "");
    ck_assert_str_eq(answer.error_type, "");
    ck_assert_int_eq(answer.retry_after_ms, -1);
    ck_assert_int_eq(answer.date_ms, 0);
    aws_answer_clear(&answer);

    ck_assert_int_eq(get("/retry-date", 0, 0, &answer, &err), 0);
    ck_assert_int_eq(answer.retry_after_ms, -1);
    ck_assert_int_eq(answer.date_ms, 0);
    aws_answer_clear(&answer);

    ck_assert_int_eq(get("/retry-ms", 0, 0, &answer, &err), 0);
    ck_assert_int_eq(answer.retry_after_ms, 1500);
    aws_answer_clear(&answer);
}
END_TEST

START_TEST(headers_before_the_final_answer_do_not_count)
{
    struct aws_answer answer = {0};
    struct error err = {0};

    ck_assert_int_eq(get("/continue", 0, 0, &answer, &err), 0);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.request_id, "");
    ck_assert_str_eq(buffer_text(&answer.body), "1");
    aws_answer_clear(&answer);
}
END_TEST

START_TEST(a_redirect_is_an_answer_and_not_followed)
{
    struct aws_answer answer = {0};
    struct error err = {0};

    ck_assert_int_eq(get("/redirect", 0, 0, &answer, &err), 0);
    ck_assert_int_eq(answer.status, 302);
    ck_assert_int_eq(loopback_requests(server), 1);
    aws_answer_clear(&answer);
}
END_TEST

/* ---- no answers */

static const struct {
    const char *path;
    size_t ceiling;
    enum error_kind kind;
    const char *text; /* after the host */
} failures[] = {
    {"/truncated", 0, ERROR_TRANSIENT, "transfer closed with"},
    {"/hang-up", 0, ERROR_TRANSIENT, "Empty reply from server"},
    {"/garbage", 0, ERROR_TRANSIENT, "Received HTTP/0.9 when not allowed"},
    {"/half-headers", 0, ERROR_TRANSIENT, "cut short in its headers"},
    {"/declared", 1000, ERROR_INPUT, "more than 1000 bytes"},
    {"/endless", 1000, ERROR_INPUT, "1000"},
    {"/many-headers", 0, ERROR_INPUT, "more than 65536 bytes of headers"},
};

START_TEST(an_answer_that_is_cut_short_or_too_large_is_an_error_and_leaves_nothing)
{
    struct aws_answer answer = {.status = 77};
    struct error err = {0};
    const char *host;

    ck_assert_int_lt(get(failures[_i].path, failures[_i].ceiling, 0, &answer, &err), 0);
    ck_assert_msg(err.kind == failures[_i].kind, "%s: %s: %s", failures[_i].path, error_kind_name(err.kind),
                  err.message);
    host = strstr(err.message, loopback_url(server));
    ck_assert_msg(host != NULL && strstr(host, failures[_i].text) != NULL, "%s: %s", failures[_i].path,
                  err.message);
    ck_assert_int_eq(answer.status, 77);
}
END_TEST

START_TEST(an_answer_of_exactly_the_ceiling_is_taken)
{
    struct aws_answer answer = {0};
    struct error err = {0};

    ck_assert_int_eq(get("/exact", 1000, 0, &answer, &err), 0);
    ck_assert_uint_eq(answer.body.length, 1000);
    aws_answer_clear(&answer);
}
END_TEST

START_TEST(a_slow_answer_times_out_in_time)
{
    struct aws_answer answer = {0};
    struct error err = {0};
    int64_t start_ns = clock_monotonic_ns(), took_ms;

    ck_assert_int_lt(get("/slow", 0, 300, &answer, &err), 0);
    took_ms = (clock_monotonic_ns() - start_ns) / 1000000;
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_msg(took_ms >= 290 && took_ms < 2500, "took %d ms", (int)took_ms);
    ck_assert_ptr_nonnull(strstr(err.message, "timed out"));
}
END_TEST

static const struct {
    const char *url;
    enum error_kind kind;
    const char *text;
} addresses[] = {
    {"http://127.0.0.1:1/", ERROR_TRANSIENT, "no answer from 'http://127.0.0.1:1': "},
    {"ftp://127.0.0.1/", ERROR_CONFIG, "'ftp://127.0.0.1' is no http(s) address"},
    {"file:///etc/passwd", ERROR_CONFIG, "'file://' is no http(s) address"},
    {"gopher://127.0.0.1/", ERROR_CONFIG, "'gopher://127.0.0.1' is no http(s) address"},
    {"http://", ERROR_CONFIG, "no answer from 'http://': "},
    {"http://user:secret@127.0.0.1:1/path?key=secret", ERROR_TRANSIENT,
     "no answer from 'http://127.0.0.1:1': "},
};

START_TEST(an_address_where_nobody_answers_is_named_without_its_secrets)
{
    struct aws_answer answer = {0};
    struct error err = {0};
    struct aws_request request = {.method = "GET", .url = addresses[_i].url};

    ck_assert_int_lt(transport->send(transport, &request, &answer, &err), 0);
    ck_assert_msg(err.kind == addresses[_i].kind, "%s: %s", addresses[_i].url, error_kind_name(err.kind));
    ck_assert_msg(text_starts_with(err.message, addresses[_i].text), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "secret"));
}
END_TEST

/* ---- connections */

START_TEST(requests_one_after_the_other_share_a_connection)
{
    struct aws_answer answer = {0};
    struct error err = {0};

    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(get(i % 2 == 0 ? "/" : "/headers", 0, 0, &answer, &err), 0);
        aws_answer_clear(&answer);
    }
    ck_assert_int_eq(loopback_requests(server), 20);
    ck_assert_int_eq(loopback_connections(server), 1);
}
END_TEST

static void *send_fifty(void *context)
{
    int *failures_seen = context;

    for (int i = 0; i < 50; i++) {
        struct aws_answer answer = {0};
        struct error err = {0};

        if (get("/exact", 0, 0, &answer, &err) < 0 || answer.body.length != 1000)
            ++*failures_seen;
        aws_answer_clear(&answer);
    }
    return NULL;
}

START_TEST(threads_share_the_transport_and_need_a_connection_each_at_most)
{
    pthread_t threads[8];
    int failed[8] = {0};

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_fifty, &failed[i]), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(failed[i], 0);
    }
    ck_assert_int_eq(loopback_requests(server), 400);
    ck_assert_int_le(loopback_connections(server), 8);
}
END_TEST

START_TEST(a_proxy_is_honoured_but_not_for_link_local_addresses)
{
    struct aws_request request = {.method = "GET", .url = "http://kinesis.invalid/"};
    struct aws_answer answer = {0};
    struct error err = {0};
    char *seen;

    setenv("http_proxy", loopback_url(server), 1);
    ck_assert_msg(transport->send(transport, &request, &answer, &err) == 0, "%s", err.message);
    aws_answer_clear(&answer);
    seen = loopback_last_request(server);
    ck_assert_msg(text_starts_with(seen, "GET http://kinesis.invalid/ HTTP/1.1"), "%s", seen);
    free(seen);

    request.url = "http://169.254.255.254:9/";
    request.connect_timeout_ms = 200;
    (void)transport->send(transport, &request, &answer, &err); /* what counts is who was not asked */
    aws_answer_clear(&answer);
    ck_assert_int_eq(loopback_requests(server), 1);
    unsetenv("http_proxy");
}
END_TEST

/* ---- TLS */

static int get_over_tls(struct loopback *tls, struct error *err)
{
    struct aws_request request = {.method = "GET"};
    struct aws_answer answer = {0};
    struct transport *own;
    char url[128];
    int result;

    ck_assert_int_eq(transport_curl_open(&own, err), 0);
    snprintf(url, sizeof(url), "%s/", loopback_url(tls));
    request.url = url;
    result = own->send(own, &request, &answer, err);
    aws_answer_clear(&answer);
    transport_curl_close(own);
    return result;
}

START_TEST(a_certificate_is_verified_against_the_authorities_we_trust)
{
    struct loopback *tls = loopback_start(routes, true);
    struct error err = {0};
    char path[256];

    ck_assert_int_lt(get_over_tls(tls, &err), 0);
    ck_assert_msg(err.kind == ERROR_CONFIG && strstr(err.message, "certificate") != NULL, "%s", err.message);
    ck_assert_int_eq(loopback_requests(tls), 0);

    snprintf(path, sizeof(path), "%s/ca.pem", temporary_directory());
    loopback_write_certificate(tls, path);
    setenv("AWS_CA_BUNDLE", path, 1);
    ck_assert_msg(get_over_tls(tls, &err) == 0, "%s", err.message);
    ck_assert_int_eq(loopback_requests(tls), 1);

    setenv("AWS_CA_BUNDLE", "/nonexistent/ca.pem", 1);
    ck_assert_int_lt(get_over_tls(tls, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    unsetenv("AWS_CA_BUNDLE");
    loopback_stop(tls);
}
END_TEST

/* ---- the end */

static void *interrupt_soon(void *unused)
{
    (void)unused;
    clock_sleep_ms(clock_system(), 100);
    transport_curl_interrupt(transport);
    return NULL;
}

START_TEST(who_waits_when_it_is_interrupted_does_not_wait_for_long)
{
    struct aws_answer answer = {0};
    struct error err = {0};
    int64_t start_ns = clock_monotonic_ns();
    pthread_t thread;
    int requests;

    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
    ck_assert_int_eq(get("/slow", 0, 0, &answer, &err), -1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_lt((clock_monotonic_ns() - start_ns) / 1000000, 2500);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(err.message, ": interrupted, the program ends"));

    requests = loopback_requests(server);
    ck_assert_int_eq(get("/", 0, 0, &answer, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_int_eq(loopback_requests(server), requests);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("transport");
    TCase *tcase = tcase_create("transport");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_answer_arrives_whole_with_what_its_headers_say);
    tcase_add_test(tcase, what_headers_do_not_say_is_marked_as_absent);
    tcase_add_test(tcase, headers_before_the_final_answer_do_not_count);
    tcase_add_test(tcase, a_redirect_is_an_answer_and_not_followed);
    tcase_add_loop_test(tcase, an_answer_that_is_cut_short_or_too_large_is_an_error_and_leaves_nothing, 0,
                        COUNT_OF(failures));
    tcase_add_test(tcase, an_answer_of_exactly_the_ceiling_is_taken);
    tcase_add_test(tcase, a_slow_answer_times_out_in_time);
    tcase_add_loop_test(tcase, an_address_where_nobody_answers_is_named_without_its_secrets, 0,
                        COUNT_OF(addresses));
    tcase_add_test(tcase, requests_one_after_the_other_share_a_connection);
    tcase_add_test(tcase, threads_share_the_transport_and_need_a_connection_each_at_most);
    tcase_add_test(tcase, a_proxy_is_honoured_but_not_for_link_local_addresses);
    tcase_add_test(tcase, a_certificate_is_verified_against_the_authorities_we_trust);
    tcase_add_test(tcase, who_waits_when_it_is_interrupted_does_not_wait_for_long);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
