/*
 * The HTTP server's beginning and end: addresses, certificates, stopping.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "client_support.h"
#include "http/server.h"
#include "support.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

static struct error err;
static atomic_int slow_begun;

static void echo(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)buffer_printf(&response->body, &err, "%s|%s", request->method, request->body);
}

static void slow(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    atomic_store(&slow_begun, 1);
    clock_sleep_ms(clock_system(), 300);
    (void)buffer_add_text(&response->body, "slow but whole", &err);
}

static const struct route routes[] = {
    {"GET", "/echo", 0, echo},
    {"POST", "/echo", 1000, echo},
    {"GET", "/slow", 0, slow},
    {"GET", "/open", 0, echo, .open = true},
};

static void *stop_server(void *server)
{
    http_server_stop(server);
    return NULL;
}

static atomic_int lengthy_begun;

/* More than the buffers of two sockets take. */
static void lengthy(void *context, const struct http_request *request, struct http_response *response)
{
    static const char piece[1024 * 1024];

    (void)context;
    (void)request;
    for (int i = 0; i < 48; i++)
        (void)buffer_add(&response->body, piece, sizeof(piece), &err);
    atomic_store(&lengthy_begun, 1);
}

START_TEST(a_client_that_does_not_read_its_answer_delays_a_stop_by_two_seconds)
{
    static const struct route lengthy_routes[] = {{"GET", "/lengthy", 0, lengthy}};
    struct http_server *server = START_SERVER(lengthy_routes);
    int client = connect_to(http_server_port(server));
    int64_t begun_ns;

    say(client, "GET /lengthy HTTP/1.1\r\n" HOST "\r\n");
    while (atomic_load(&lengthy_begun) == 0)
        clock_sleep_ms(clock_system(), 1);
    begun_ns = clock_monotonic_ns();
    http_server_stop(server);
    ck_assert_int_le((clock_monotonic_ns() - begun_ns) / 1000000, 4000);
    (void)close(client);
}
END_TEST

START_TEST(stopping_lets_a_running_handler_answer_and_takes_no_new_connection)
{
    struct http_server *server = START_SERVER(routes, .timeout_s = 5);
    int port = http_server_port(server), client = connect_to(port), idle = connect_to(port);
    int64_t began = clock_monotonic_ns();
    pthread_t stopper;
    char *answer;

    say(client, "GET /slow HTTP/1.1\r\n" HOST "\r\n");
    while (atomic_load(&slow_begun) == 0)
        clock_sleep_ms(clock_system(), 5);
    ck_assert_int_eq(pthread_create(&stopper, NULL, stop_server, server), 0);
    answer = hear_all(client);
    ck_assert_msg(strstr(answer, "slow but whole") != NULL, "'%s'", answer);
    free(answer);
    ck_assert_int_eq(pthread_join(stopper, NULL), 0);
    ck_assert_int_lt(clock_monotonic_ns() - began, 3 * 1000000000LL);
    free(hear_all(idle)); /* closed */

    server = START_SERVER(routes, .timeout_s = 10); /* the old port is free, but need not be the same */
    http_server_stop(server);
    http_server_stop(NULL);
}
END_TEST

START_TEST(an_address_in_use_or_wrong_is_said_clearly)
{
    struct http_server *first = START_SERVER(routes, .timeout_s = 10), *server = NULL;
    struct http_server_options options = {.routes = routes, .route_count = COUNT_OF(routes)};
    char address[64], expected[128];

    snprintf(address, sizeof(address), "127.0.0.1:%d", http_server_port(first));
    snprintf(expected, sizeof(expected), "cannot listen on '%s': address already in use", address);
    options.listen = address;
    ck_assert_int_eq(http_server_start(&options, &server, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_str_eq(err.message, expected);
    http_server_stop(first);
    ck_assert_int_eq(http_server_start(&options, &server, &err), 0); /* at once, in spite of TIME_WAIT */
    http_server_stop(server);

    options.listen = "192.0.2.1:0"; /* nobody has this address */
    ck_assert_int_eq(http_server_start(&options, &server, &err), -1);
    ck_assert_str_eq(err.message, "cannot listen on '192.0.2.1:0': cannot assign requested address");
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT); /* yet */

    options.listen = "a..b:0"; /* no resolver knows it, and none is asked: as any name while there is none */
    ck_assert_int_eq(http_server_start(&options, &server, &err), -1);
    ck_assert_msg(text_starts_with(err.message, "cannot listen on 'a..b:0': "), "%s", err.message);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);

    options.listen = "localhost";
    ck_assert_int_eq(http_server_start(&options, &server, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

START_TEST(both_address_families_work)
{
    struct http_server_options options = {.listen = "[::1]:0", .routes = routes, .route_count = 1};
    struct http_server *server = NULL;

    if (http_server_start(&options, &server, &err) < 0) {
        printf("skipped: no IPv6 here (%s)\n", err.message);
        return;
    }
    ck_assert_int_gt(http_server_port(server), 0);
    http_server_stop(server);
}
END_TEST

static const struct {
    const char *address;
    const char *host; /* NULL: refused */
    int port;
} addresses[] = {
    {"127.0.0.1:8080", "127.0.0.1", 8080},
    {"0.0.0.0:0", "0.0.0.0", 0},
    {"localhost:65535", "localhost", 65535},
    {"[::1]:8080", "::1", 8080},
    {"[::]:80", "::", 80},
    {"", NULL, 0},
    {":8080", NULL, 0},
    {"127.0.0.1", NULL, 0},
    {"127.0.0.1:", NULL, 0},
    {"127.0.0.1:65536", NULL, 0},
    {"127.0.0.1:-1", NULL, 0},
    {"127.0.0.1:80 ", NULL, 0},
    {"127.0.0.1:http", NULL, 0},
    {"::1:8080", NULL, 0},
    {"[::1]", NULL, 0},
    {"[]:80", NULL, 0},
    {"[::1:80", NULL, 0},
    {"::1]:80", NULL, 0},
    {"http://127.0.0.1:80", NULL, 0},
    {"a b:80", NULL, 0},
};

START_TEST(addresses_are_parsed_as_the_table_says)
{
    char host[64] = "untouched";
    uint16_t port = 7;
    int result = http_address_parse(addresses[_i].address, host, sizeof(host), &port, &err);

    ck_assert_msg((result == 0) == (addresses[_i].host != NULL), "'%s'", addresses[_i].address);
    ck_assert_str_eq(host, result == 0 ? addresses[_i].host : "untouched");
    ck_assert_int_eq(port, result == 0 ? addresses[_i].port : 7);
    if (result < 0)
        ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

START_TEST(a_host_that_does_not_fit_is_refused)
{
    char host[9];
    uint16_t port;

    ck_assert_int_eq(http_address_parse("localhost:1", host, sizeof(host), &port, &err), -1);
    ck_assert_int_eq(http_address_parse("localhos:1", host, sizeof(host), &port, &err), 0);
}
END_TEST

/* DIRECTORY/NAME.crt and NAME.key; false, with a line that says so, when there is no openssl command. */
static bool make_certificate(const char *directory, const char *name)
{
    char command[512];

    if (system("openssl version >/dev/null 2>&1") != 0) {
        printf("skipped: no openssl command to make a certificate with\n");
        return false;
    }
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
             "/CN=localhost"
             " -addext subjectAltName=IP:127.0.0.1 -keyout '%s/%s.key' -out '%s/%s.crt' 2>/dev/null",
             directory, name, directory, name);
    ck_assert_int_eq(system(command), 0);
    return true;
}

static size_t collect(char *bytes, size_t size, size_t count, void *heard)
{
    ck_assert_int_eq(buffer_add(heard, bytes, size * count, &err), 0);
    return size * count;
}

START_TEST(tls_works_from_end_to_end)
{
    const char *directory = temporary_directory();
    char certificate[128], key[128], url[64], *answer;
    struct http_server *server;
    struct buffer heard;
    CURL *curl;
    CURLcode code;

    if (!make_certificate(directory, "server"))
        return;
    snprintf(certificate, sizeof(certificate), "%s/server.crt", directory);
    snprintf(key, sizeof(key), "%s/server.key", directory);
    server = START_SERVER(routes, .tls_certificate = certificate, .tls_key = key, .timeout_s = 4);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/echo", http_server_port(server));
    buffer_init(&heard, 1 << 20);
    curl = curl_easy_init();
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO, certificate);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "hello");
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &heard);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    for (int i = 0; i < 3; i++) { /* the second and third on the same connection */
        code = curl_easy_perform(curl);
        ck_assert_msg(code == CURLE_OK, "%s", curl_easy_strerror(code));
        ck_assert_str_eq(buffer_text(&heard), "POST|hello");
        buffer_clear(&heard);
    }
    /* Old protocols are refused. */
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                           (long)CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1);
    (void)curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    ck_assert_int_eq(curl_easy_perform(curl), CURLE_SSL_CONNECT_ERROR);
    curl_easy_cleanup(curl);
    buffer_clear(&heard);
    answer = ask(http_server_port(server), "GET /echo HTTP/1.1\r\n" LAST "\r\n"); /* plain text */
    ck_assert_ptr_null(strstr(answer, "HTTP/1.1 200"));
    free(answer);
    ck_assert_int_ge(seconds_until_closed(connect_to(http_server_port(server)), false), 1); /* no hello */
    http_server_stop(server);
}
END_TEST

static int descriptors(void)
{
    int count = 0;

    for (int i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

START_TEST(a_pem_file_that_does_not_fit_is_named)
{
    const char *directory = temporary_directory();
    char paths[5][128];
    enum { CERTIFICATE, KEY, OTHER_KEY, TEXT, MISSING };
    const char *const names[] = {"server.crt", "server.key", "other.key", "text", "missing"};
    const struct {
        int certificate, key;
        int named;
    } cases[] = {
        {MISSING, KEY, MISSING},
        {CERTIFICATE, MISSING, MISSING},
        {TEXT, KEY, TEXT},
        {CERTIFICATE, TEXT, TEXT},
        {KEY, KEY, KEY},
        {CERTIFICATE, CERTIFICATE, CERTIFICATE},
        {CERTIFICATE, OTHER_KEY, OTHER_KEY},
    };
    int before;

    if (!make_certificate(directory, "server") || !make_certificate(directory, "other"))
        return;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", directory, names[i]);
    write_text(paths[TEXT], "not a certificate");
    before = descriptors();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_server_options options = {.listen = "127.0.0.1:0",
                                              .routes = routes,
                                              .route_count = COUNT_OF(routes),
                                              .tls_certificate = paths[cases[i].certificate],
                                              .tls_key = paths[cases[i].key]};
        struct http_server *server = NULL;

        ck_assert_msg(http_server_start(&options, &server, &err) < 0, "case %zu", i);
        ck_assert_msg(err.kind == ERROR_CONFIG && strstr(err.message, paths[cases[i].named]) != NULL,
                      "case %zu: %s", i, err.message);
        ck_assert_ptr_null(server);
        if (i > 0) /* the TLS library keeps what it opens first */
            ck_assert_int_eq(descriptors(), before);
        before = descriptors();
    }
}
END_TEST

START_TEST(a_key_that_others_may_read_is_refused)
{
    const char *directory = temporary_directory();
    char certificate[128], key[128];
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .tls_certificate = certificate, .tls_key = key};
    struct http_server *server = NULL;

    if (!make_certificate(directory, "server"))
        return;
    snprintf(certificate, sizeof(certificate), "%s/server.crt", directory);
    snprintf(key, sizeof(key), "%s/server.key", directory);
    ck_assert_int_eq(chmod(certificate, 0644), 0); /* it is no secret */
    ck_assert_int_eq(chmod(key, 0644), 0);
    ck_assert_int_eq(http_server_start(&options, &server, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "server.key' holds a secret, and others may read"));
    ck_assert_int_eq(chmod(key, 0600), 0);
    ck_assert_msg(http_server_start(&options, &server, &err) == 0, "%s", err.message);
    http_server_stop(server);
}
END_TEST

static const struct {
    const char *text;
    mode_t mode;
    const char *complaint; /* NULL: it is one */
} token_files[] = {
    {"abcdefghijklmnop\n", 0600, NULL},
    {"  abc-DEF._~+/0123456789==  \r\n\n", 0400, NULL},
    {"abcdefghijklmno\n", 0600, "must hold one token of 16 to 512"}, /* too short */
    {"", 0600, "must hold one token"},
    {"abcdefghijklmnop qrstuvwxyz\n", 0600, "must hold one token"},
    {"abcdefghijklmnop\nqrstuvwxyzabcdef\n", 0600, "must hold one token"},
    {"abcdefghijklmno\xc3\xa9\n", 0600, "must hold one token"},
    {"abcdefghijklmnop\n", 0644,
     "holds a secret, and others may read or change it (mode 0644): chmod 600 it"},
};

START_TEST(a_token_file_holds_one_token_for_nobody_else)
{
    char path[128];
    struct http_server_options options = {.listen = "127.0.0.1:0", .token_file = path};
    struct http_server *server = NULL;

    snprintf(path, sizeof(path), "%s/admin.token", temporary_directory());
    ck_assert_int_eq(http_server_start(&options, &server, &err), -1); /* there is none */
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    write_text(path, token_files[_i].text);
    ck_assert_int_eq(chmod(path, token_files[_i].mode), 0);
    if (token_files[_i].complaint == NULL) {
        ck_assert_msg(http_server_start(&options, &server, &err) == 0, "%s", err.message);
        http_server_stop(server);
        return;
    }
    ck_assert_int_eq(http_server_start(&options, &server, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_msg(strstr(err.message, token_files[_i].complaint) != NULL &&
                      strstr(err.message, path) != NULL && strstr(err.message, "abcdef") == NULL,
                  "%s", err.message);
}
END_TEST

#define TOKEN "0123456789abcdef"

/* What is asked, and what is answered where a token is needed. */
static const struct {
    const char *request;
    int status;
} asked[] = {
    {"GET /echo HTTP/1.1\r\n" LAST "\r\n", 401},
    {"GET /echo HTTP/1.1\r\n" LAST "Authorization: Bearer " TOKEN "\r\n\r\n", 200},
    {"GET /echo HTTP/1.1\r\n" LAST "authorization: bearer   " TOKEN "\r\n\r\n", 200},
    {"GET /echo HTTP/1.1\r\n" LAST "Authorization: Bearer 0123456789abcdeX\r\n\r\n", 401},
    {"GET /echo HTTP/1.1\r\n" LAST "Authorization: Bearer 0123456789abcde\r\n\r\n", 401},
    {"GET /echo HTTP/1.1\r\n" LAST "Authorization: Bearer " TOKEN "0\r\n\r\n", 401},
    {"GET /echo HTTP/1.1\r\n" LAST "Authorization: Bearer\r\n\r\n", 401},
    {"GET /echo HTTP/1.1\r\n" LAST "Authorization: Basic " TOKEN "\r\n\r\n", 401},
    {"GET /echo HTTP/1.1\r\n" LAST "Authorization: " TOKEN "\r\n\r\n", 401},
    {"GET /echo?token=" TOKEN " HTTP/1.1\r\n" LAST "\r\n", 401},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5\r\n\r\nhello", 401},
    {"GET /nowhere HTTP/1.1\r\n" LAST "\r\n", 401},
    {"GET /nowhere HTTP/1.1\r\n" LAST "Authorization: Bearer " TOKEN "\r\n\r\n", 404},
    {"PUT /open HTTP/1.1\r\n" LAST "\r\n", 401},
    {"GET /open HTTP/1.1\r\n" LAST "\r\n", 200},
    {"HEAD /open HTTP/1.1\r\n" LAST "\r\n", 200},
};

START_TEST(where_a_token_is_needed_nothing_is_told_without_it)
{
    char path[128], wanted[32], *answer;
    struct http_server *server;

    snprintf(path, sizeof(path), "%s/admin.token", temporary_directory());
    write_text(path, TOKEN "\n");
    ck_assert_int_eq(chmod(path, 0600), 0);
    server = START_SERVER(routes, .token_file = path);
    snprintf(wanted, sizeof(wanted), "HTTP/1.1 %d ", asked[_i].status);
    answer = ask(http_server_port(server), asked[_i].request);
    ck_assert_msg(strncmp(answer, wanted, strlen(wanted)) == 0, "%s: %s", asked[_i].request, answer);
    ck_assert_msg((strstr(answer, "WWW-Authenticate: Bearer realm=\"kinescale\"\r\n") != NULL) ==
                      (asked[_i].status == 401),
                  "%s", answer);
    free(answer);
    http_server_stop(server);
}
END_TEST

START_TEST(a_certificate_without_its_key_is_refused)
{
    struct http_server_options options = {.listen = "127.0.0.1:0", .tls_certificate = "x.pem"};
    struct http_server *server = NULL;

    ck_assert_int_eq(http_server_start(&options, &server, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("server start");
    TCase *start = tcase_create("start");

    tcase_set_timeout(start, 30);
    tcase_add_test(start, stopping_lets_a_running_handler_answer_and_takes_no_new_connection);
    tcase_add_test(start, a_client_that_does_not_read_its_answer_delays_a_stop_by_two_seconds);
    tcase_add_test(start, an_address_in_use_or_wrong_is_said_clearly);
    tcase_add_test(start, both_address_families_work);
    tcase_add_loop_test(start, addresses_are_parsed_as_the_table_says, 0, COUNT_OF(addresses));
    tcase_add_test(start, a_host_that_does_not_fit_is_refused);
    tcase_add_test(start, tls_works_from_end_to_end);
    tcase_add_test(start, a_pem_file_that_does_not_fit_is_named);
    tcase_add_test(start, a_certificate_without_its_key_is_refused);
    tcase_add_test(start, a_key_that_others_may_read_is_refused);
    tcase_add_loop_test(start, a_token_file_holds_one_token_for_nobody_else, 0, COUNT_OF(token_files));
    tcase_add_loop_test(start, where_a_token_is_needed_nothing_is_told_without_it, 0, COUNT_OF(asked));
    suite_add_tcase(made, start);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
