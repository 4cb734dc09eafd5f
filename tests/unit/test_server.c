/*
 * The HTTP server over real sockets, spoken to byte by byte.
 */
#include "base/memory.h"
#include "client_support.h"
#include "http/server.h"
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>

static struct error err;
static char shared[] = "ctx";
static atomic_int handled, refused;

/* Says back all it got. */
static void echo(void *context, const struct http_request *request, struct http_response *response)
{
    const char *name = http_request_parameter(request, "name");
    const char *header = request->header(request, "x-test");

    atomic_fetch_add(&handled, 1);
    (void)buffer_printf(&response->body, &err, "%s|%s|%s|%s|%s|%s|%zu|", (const char *)context,
                        request->method, request->path, request->query, name != NULL ? name : "-",
                        header != NULL ? header : "-", request->body_length);
    (void)buffer_add(&response->body, request->body, request->body_length, &err);
}

static void note_refused(void *context, const struct http_request *request, int status)
{
    ck_assert_ptr_eq(context, shared);
    ck_assert_ptr_nonnull(request->method);
    ck_assert_ptr_nonnull(request->path);
    atomic_store(&refused, status);
}

enum { BIG_BYTES = 8 << 20 };

static void big(void *context, const struct http_request *request, struct http_response *response)
{
    char *bytes = must_calloc(1, BIG_BYTES);

    (void)context;
    (void)request;
    memset(bytes, 'b', BIG_BYTES);
    (void)buffer_add(&response->body, bytes, BIG_BYTES, &err);
    free(bytes);
}

static void found_elsewhere(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    response->status = 303;
    response->content_type = "text/html";
    response->headers[0] = (struct http_header){"Location", "/elsewhere"};
    response->headers[1] = (struct http_header){"X-Bad", "a\r\nX-Injected: yes"};
    response->header_count = 2;
}

static const struct route routes[] = {
    {"GET", "/echo", 0, echo},    {"GET", "/echo/{name}", 0, echo}, {"POST", "/echo", 1000, echo},
    {"PUT", "/nothing", 0, echo}, {"GET", "/big", 0, big},          {"GET", "/moved", 0, found_elsewhere},
};

static int count_of(const char *text, const char *part)
{
    int count = 0;

    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

static const struct {
    const char *request;
    const char *status;   /* "" when the connection is just closed */
    const char *contains; /* NULL: anything */
    int handled;
} exchanges[] = {
    {"GET /echo HTTP/1.1\r\n" LAST "\r\n", "200", "ctx|GET|/echo||-|-|0|", 1},
    {"GET /echo?a=%20b&c HTTP/1.1\r\n" LAST "X-TEST: t\r\n\r\n", "200", "ctx|GET|/echo|a=%20b&c|-|t|0|", 1},
    {"GET /echo/user%20events HTTP/1.1\r\n" LAST "\r\n", "200", "/echo/user%20events||user events|-|0|", 1},
    {"GET /echo HTTP/1.0\r\n\r\n", "200", "Connection: close", 1},
    {"HEAD /echo HTTP/1.1\r\n" LAST "\r\n", "200", "Content-Length: 22\r\n", 1},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5\r\n\r\nhello", "200", "|5|hello", 1},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 0\r\n\r\n", "200", "|0|", 1},
    {"POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
     "200", "|5|abcde", 1},
    {"GET /moved HTTP/1.1\r\n" LAST "\r\n", "303", "Location: /elsewhere\r\n", 0},
    {"GET /nowhere HTTP/1.1\r\n" LAST "\r\n", "404", "404 not found\n", 0},
    {"POST /nowhere HTTP/1.1\r\n" LAST "Content-Length: 3\r\n\r\nabc", "404", NULL, 0},
    {"DELETE /echo HTTP/1.1\r\n" LAST "\r\n", "405", "Allow: GET, HEAD, POST\r\n", 0},
    {"POST /echo/x HTTP/1.1\r\n" LAST "Content-Length: 1\r\n\r\nx", "405", "Allow: GET, HEAD\r\n", 0},
    {"GET /echo/%00 HTTP/1.1\r\n" LAST "\r\n", "400", NULL, 0},
    {"GET /echo%00/x HTTP/1.1\r\n" LAST "\r\n", "400", NULL, 0},
    {"GET /echo/..%2f..%2fetc HTTP/1.1\r\n" LAST "\r\n", "400", NULL, 0},
    {"GET /../echo HTTP/1.1\r\n" LAST "\r\n", "400", NULL, 0},
    {"GET /echo/%e0%80%af HTTP/1.1\r\n" LAST "\r\n", "400", NULL, 0},
    {"GET echo HTTP/1.1\r\n" LAST "\r\n", "400", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 1001\r\n\r\n", "413", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 9223372036854775807\r\n\r\n", "413", NULL, 0},
    {"PUT /nothing HTTP/1.1\r\n" LAST "Content-Length: 1\r\n\r\nx", "413", NULL, 0},
    {"GET /echo HTTP/1.1\r\n" LAST "Content-Length: 1\r\n\r\nx", "413", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 99999999999999999999999\r\n\r\n", "413", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: -1\r\n\r\n", "400", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5x\r\n\r\nhello", "400", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "400", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
     NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: gzip\r\n\r\n", "400", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", "", NULL, 0},
    {"POST /echo HTTP/1.1\r\n" LAST "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n", "413", NULL, 0},
    {"GET /echo HTTP/1.1\r\n\r\n", "400", NULL, 0}, /* no Host */
    {"GET /echo HTTP/9.9\r\n" LAST "\r\n", "505", NULL, 0},
    {"GET\r\n\r\n", "", NULL, 0},
    {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03 TLS hello?\r\n\r\n", "", NULL, 0},
};

START_TEST(requests_are_answered_as_the_table_says)
{
    struct http_server *server =
        START_SERVER(routes, .context = shared, .timeout_s = 2, .refused = note_refused);
    const char *request = exchanges[_i].request;
    char *answer;

    atomic_store(&handled, 0);
    atomic_store(&refused, 0);
    answer = ask(http_server_port(server), request);
    if (exchanges[_i].status[0] == '\0')
        ck_assert_msg(answer[0] == '\0' || strstr(answer, "HTTP/1.1 400") == answer, "%s: %s", request,
                      answer);
    else
        ck_assert_msg(strncmp(answer, "HTTP/1.", 7) == 0 && strncmp(answer + 9, exchanges[_i].status, 3) == 0,
                      "%s: %s", request, answer);
    if (exchanges[_i].contains != NULL)
        ck_assert_msg(strstr(answer, exchanges[_i].contains) != NULL, "%s: %s", request, answer);
    ck_assert_int_eq(atomic_load(&handled), exchanges[_i].handled);
    /* A length beyond all numbers is refused by the library, which tells nobody. */
    if (atomic_load(&refused) != 0 || (exchanges[_i].status[0] == '4' && exchanges[_i].contains != NULL))
        ck_assert_int_eq(atomic_load(&refused), strtol(exchanges[_i].status, NULL, 10));
    if (exchanges[_i].handled > 0)
        ck_assert_int_eq(atomic_load(&refused), 0);
    ck_assert_msg(strstr(answer, "Server:") == NULL && strstr(answer, "microhttpd") == NULL, "%s", answer);
    ck_assert_ptr_null(strstr(answer, "X-Injected"));
    if (strncmp(request, "HEAD", 4) == 0)
        ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    free(answer);
    http_server_stop(server);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order_on_one_connection)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 2);
    char *answer = ask(http_server_port(server), "GET /echo/1 HTTP/1.1\r\n" HOST "\r\n"
                                                 "GET /nowhere HTTP/1.1\r\n" HOST "\r\n"
                                                 "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\ntwo"
                                                 "HEAD /echo HTTP/1.1\r\n" HOST "\r\n"
                                                 "GET /echo/3 HTTP/1.1\r\n" LAST "\r\n");
    const char *first = strstr(answer, "/echo/1||1|"), *second = strstr(answer, "404 not found\n");
    const char *third = strstr(answer, "|3|two"), *fourth = strstr(answer, "/echo/3||3|");

    ck_assert_msg(first != NULL && second > first && third > second && fourth > third, "%s", answer);
    ck_assert_int_eq(count_of(answer, "HTTP/1.1 "), 5);
    free(answer);
    http_server_stop(server);
}
END_TEST

START_TEST(a_body_up_to_the_ceiling_is_taken_and_one_more_byte_is_not)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 2);

    for (int chunked = 0; chunked < 2; chunked++) {
        for (int length = 999; length <= 1002; length++) {
            char request[2048], body[1100];
            char *answer;

            memset(body, 'x', sizeof(body));
            if (chunked)
                snprintf(request, sizeof(request),
                         "POST /echo HTTP/1.1\r\n" LAST
                         "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s\r\n0\r\n\r\n",
                         (unsigned)length, length, body);
            else
                snprintf(request, sizeof(request),
                         "POST /echo HTTP/1.1\r\n" LAST "Content-Length: %d\r\n\r\n%.*s", length, length,
                         body);
            answer = ask(http_server_port(server), request);
            ck_assert_msg(strncmp(answer + 9, length <= 1000 ? "200" : "413", 3) == 0, "%d: %s", length,
                          answer);
            free(answer);
        }
    }
    http_server_stop(server);
}
END_TEST

/* The client sends all of it before it listens, as simple clients do. */
START_TEST(a_client_that_sends_a_large_body_at_once_still_hears_why_not)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 2);
    size_t length = 3 << 20;
    char *body = must_calloc(1, length + 1), head[128], *answer;

    memset(body, 'x', length);
    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", length);
    for (int i = 0; i < 20; i++) {
        int client = connect_to(http_server_port(server));

        say(client, head);
        (void)send(client, body, length, MSG_NOSIGNAL);
        answer = hear_all(client);
        ck_assert_msg(strncmp(answer, "HTTP/1.1 413", 12) == 0, "round %d: '%s'", i, answer);
        free(answer);
    }
    free(body);
    http_server_stop(server);
}
END_TEST

START_TEST(an_endless_body_is_cut_off)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 2);
    int client = connect_to(http_server_port(server));
    char chunk[65536 + 16];
    size_t sent = 0;
    int length = snprintf(chunk, sizeof(chunk), "10000\r\n%065536d\r\n", 0);

    say(client, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    while (sent < (64 << 20)) {
        ssize_t went = send(client, chunk, (size_t)length, MSG_NOSIGNAL);

        if (went < 0)
            break;
        sent += (size_t)went;
    }
    ck_assert_uint_lt(sent, 32 << 20);
    (void)close(client);
    ck_assert_int_eq(atomic_load(&handled), 0);
    http_server_stop(server);
}
END_TEST

START_TEST(headers_have_a_ceiling)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 2);
    char *request = must_calloc(1, 100000), *answer;

    snprintf(request, 100000, "GET /echo HTTP/1.1\r\n" LAST "X-Long: %090000d\r\n\r\n", 0);
    answer = ask(http_server_port(server), request);
    ck_assert_msg(answer[0] == '\0' || strncmp(answer + 9, "431", 3) == 0, "%s", answer);
    free(answer);
    snprintf(request, 100000, "GET /echo?%090000d HTTP/1.1\r\n" LAST "\r\n", 0);
    answer = ask(http_server_port(server), request);
    ck_assert_msg(answer[0] == '\0' || strncmp(answer + 9, "414", 3) == 0, "%s", answer);
    free(answer);
    free(request);
    ck_assert_int_eq(atomic_load(&handled), 0);
    http_server_stop(server);
}
END_TEST

static const struct {
    const char *what;
    const char *said;
    bool dripping;
} slow_clients[] = {
    {"says nothing", "", false},
    {"stops in the headers", "GET /echo HTTP/1.1\r\nHo", false},
    {"stops in the body", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc", false},
    {"sends a header byte now and then", "GET /echo HTTP/1.1\r\n" HOST "X-Drip: ", true},
    {"sends a body byte now and then", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n", true},
};

START_TEST(a_slow_client_is_closed_by_the_timeout)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 1);
    int client = connect_to(http_server_port(server));
    int64_t seconds;

    say(client, slow_clients[_i].said);
    seconds = seconds_until_closed(client, slow_clients[_i].dripping);
    ck_assert_msg(seconds >= 1 && seconds <= 3, "%s: %d s", slow_clients[_i].what, (int)seconds);
    ck_assert_int_eq(atomic_load(&handled), 0);
    http_server_stop(server);
}
END_TEST

START_TEST(idle_connections_are_bounded_and_do_not_keep_others_out)
{
    enum { IDLE = 1000 };
    struct rlimit files = {4096, 4096};
    struct http_server *server;
    int clients[IDLE], port;
    char *answer;

    (void)setrlimit(RLIMIT_NOFILE, &files);
    server = START_SERVER(routes, .context = shared, .timeout_s = 1, .connections_max = 50);
    port = http_server_port(server);
    for (int i = 0; i < IDLE; i++)
        clients[i] = connect_to(port);
    answer = ask(port, "GET /echo HTTP/1.1\r\n" LAST "\r\n");
    ck_assert_msg(strstr(answer, "ctx|GET|") != NULL, "%s", answer);
    free(answer);
    for (int i = 0; i < IDLE; i++)
        (void)close(clients[i]);
    http_server_stop(server);
}
END_TEST

START_TEST(no_more_connections_are_kept_than_allowed_and_who_was_idle_longest_makes_room)
{
    struct http_server *server =
        START_SERVER(routes, .context = shared, .timeout_s = 10, .connections_max = 20, .threads = 2);
    int port = http_server_port(server), clients[40], kept = 0;
    char heard[1024];

    /* Each keeps its connection after its answer; nobody is late yet. */
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = connect_to(port);
        say(clients[i], "GET /echo HTTP/1.1\r\n" HOST "\r\n");
        hear_until(clients[i], "||-|-|0|", heard, sizeof(heard));
    }
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        struct timeval patience = {.tv_usec = 20000};

        ck_assert_int_eq(setsockopt(clients[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
        if (recv(clients[i], heard, sizeof(heard), 0) < 0)
            kept++;
        else
            ck_assert_uint_lt(i, 30);
    }
    ck_assert_int_ge(kept, 10);
    ck_assert_int_le(kept, 20);
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        (void)close(clients[i]);
    http_server_stop(server);
}
END_TEST

START_TEST(a_client_that_goes_away_does_not_end_the_process)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 1);
    struct linger at_once = {1, 0};
    char heard[65536], *answer;

    for (int i = 0; i < 20; i++) {
        int client = connect_to(http_server_port(server));

        say(client, "GET /big HTTP/1.1\r\n" HOST "\r\n");
        ck_assert_int_gt(recv(client, heard, sizeof(heard), 0), 0);
        if (i % 2 == 0)
            (void)setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        (void)close(client);
    }
    answer = ask(http_server_port(server), "GET /big HTTP/1.1\r\n" LAST "\r\n");
    ck_assert_int_eq(strlen(strstr(answer, "\r\n\r\n") + 4), BIG_BYTES);
    free(answer);
    http_server_stop(server);
}
END_TEST

struct caller {
    pthread_t thread;
    int port;
    int answers;
};

static void *call_many_times(void *context)
{
    struct caller *caller = context;

    for (int i = 0; i < 50; i++) {
        char request[256], heard[1024];
        int client = connect_to(caller->port);

        for (int j = 0; j < 3; j++) {
            snprintf(request, sizeof(request),
                     "POST /echo?%d HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n%04d", j, i);
            say(client, request);
            snprintf(request, sizeof(request), "|/echo|%d|-|-|4|%04d", j, i);
            hear_until(client, request, heard, sizeof(heard));
            caller->answers++;
        }
        (void)close(client);
    }
    return NULL;
}

START_TEST(many_clients_at_once_each_get_their_own_answers)
{
    struct http_server *server = START_SERVER(routes, .context = shared, .timeout_s = 5);
    struct caller callers[8];

    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        callers[i] = (struct caller){.port = http_server_port(server)};
        ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call_many_times, &callers[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
        ck_assert_int_eq(callers[i].answers, 150);
    }
    http_server_stop(server);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("server");
    TCase *answers = tcase_create("answers"), *crowd = tcase_create("crowd");

    tcase_set_timeout(answers, 30);
    tcase_set_timeout(crowd, 60);
    tcase_add_loop_test(answers, requests_are_answered_as_the_table_says, 0, COUNT_OF(exchanges));
    tcase_add_test(answers, pipelined_requests_are_answered_in_order_on_one_connection);
    tcase_add_test(answers, a_body_up_to_the_ceiling_is_taken_and_one_more_byte_is_not);
    tcase_add_test(answers, a_client_that_sends_a_large_body_at_once_still_hears_why_not);
    tcase_add_test(answers, an_endless_body_is_cut_off);
    tcase_add_test(answers, headers_have_a_ceiling);
    tcase_add_loop_test(crowd, a_slow_client_is_closed_by_the_timeout, 0, COUNT_OF(slow_clients));
    tcase_add_test(crowd, idle_connections_are_bounded_and_do_not_keep_others_out);
    tcase_add_test(crowd, no_more_connections_are_kept_than_allowed_and_who_was_idle_longest_makes_room);
    tcase_add_test(crowd, a_client_that_goes_away_does_not_end_the_process);
    tcase_add_test(crowd, many_clients_at_once_each_get_their_own_answers);
    suite_add_tcase(made, answers);
    suite_add_tcase(made, crowd);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
