/*
 * Answers that are given later, and bodies that many connections have in memory at once.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "client_support.h"
#include "http/server.h"
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { WAITING_MAX = 64, LARGE = 100 * 1024, LARGE_BODIES = 16 };

static struct error err;

/* Requests that are not answered before somebody says so. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    struct {
        const struct http_request *request;
        struct http_response *response;
    } waiting[WAITING_MAX];
    int count;
} desk = {.mutex = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};

static void put_off(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    http_later(request);
    pthread_mutex_lock(&desk.mutex);
    ck_assert_int_lt(desk.count, WAITING_MAX);
    desk.waiting[desk.count].request = request;
    desk.waiting[desk.count++].response = response;
    pthread_cond_signal(&desk.came);
    pthread_mutex_unlock(&desk.mutex);
}

static void at_once(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)buffer_printf(&response->body, &err, "%zu bytes", request->body_length);
}

static void wait_for(int count)
{
    pthread_mutex_lock(&desk.mutex);
    while (desk.count < count)
        pthread_cond_wait(&desk.came, &desk.mutex);
    pthread_mutex_unlock(&desk.mutex);
}

/* Says back what was said; the last to come is the first to be answered. */
static void answer_all(int status)
{
    pthread_mutex_lock(&desk.mutex);
    while (desk.count > 0) {
        const struct http_request *request = desk.waiting[--desk.count].request;
        struct http_response *response = desk.waiting[desk.count].response;
        const char *header = request->header(request, "x-test");

        response->status = status;
        (void)buffer_printf(&response->body, &err, "%s %s %s %s", request->method, request->path,
                            header != NULL ? header : "-", request->body);
        http_answer(request);
    }
    pthread_mutex_unlock(&desk.mutex);
}

static const struct route routes[] = {
    {"POST", "/later", 1000, put_off},
    {"POST", "/now", 2 << 20, at_once},
};

static void empty_desk(void)
{
    desk.count = 0;
}

static int ask_later(int port, int number)
{
    char request[256];
    int client = connect_to(port);

    snprintf(request, sizeof(request),
             "POST /later HTTP/1.1\r\n" LAST "X-Test: t%d\r\nContent-Length: 3\r\n\r\nb%02d", number, number);
    say(client, request);
    return client;
}

START_TEST(far_more_answers_can_be_outstanding_than_there_are_threads)
{
    struct http_server *server = START_SERVER(routes, .threads = 2);
    int clients[40];

    for (int i = 0; i < 40; i++)
        clients[i] = ask_later(http_server_port(server), i);
    wait_for(40);
    free(ask(http_server_port(server), "POST /now HTTP/1.1\r\n" LAST "Content-Length: 1\r\n\r\nx"));
    answer_all(503);
    for (int i = 0; i < 40; i++) {
        char *heard = hear_all(clients[i]), expected[64];

        snprintf(expected, sizeof(expected), "POST /later t%d b%02d", i, i);
        ck_assert_msg(strncmp(heard, "HTTP/1.1 503", 12) == 0 && strstr(heard, expected) != NULL, "%s",
                      heard);
        free(heard);
    }
    http_server_stop(server);
}
END_TEST

START_TEST(a_connection_lives_on_after_an_answer_that_came_later)
{
    struct http_server *server = START_SERVER(routes, .timeout_s = 10);
    int client = connect_to(http_server_port(server));
    char heard[1024];

    for (int i = 0; i < 20; i++) {
        say(client, "POST /later HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
        wait_for(1);
        answer_all(200);
        hear_until(client, "POST /later - hi", heard, sizeof(heard));
        say(client, "POST /now HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
        hear_until(client, "2 bytes", heard, sizeof(heard));
    }
    (void)close(client);
    http_server_stop(server);
}
END_TEST

/* It has said all it had to say: it is not slow, we are. */
START_TEST(who_waits_for_an_answer_is_not_cut_off)
{
    struct http_server *server = START_SERVER(routes, .timeout_s = 1, .connections_max = 20);
    int waiting = ask_later(http_server_port(server), 1), idle[60];
    char *heard;

    wait_for(1);
    for (size_t i = 0; i < COUNT_OF(idle); i++)
        idle[i] = connect_to(http_server_port(server));
    clock_sleep_ms(clock_system(), 2500);
    answer_all(200);
    heard = hear_all(waiting);
    ck_assert_msg(strstr(heard, "POST /later t1 b01") != NULL, "%s", heard);
    free(heard);
    for (size_t i = 0; i < COUNT_OF(idle); i++)
        (void)close(idle[i]);
    http_server_stop(server);
}
END_TEST

START_TEST(a_client_that_does_not_wait_for_its_answer_harms_nobody)
{
    struct http_server *server = START_SERVER(routes, .timeout_s = 10);
    struct linger at_once_gone = {1, 0};

    for (int i = 0; i < 20; i++) {
        int client = ask_later(http_server_port(server), i);

        wait_for(i + 1);
        if (i % 2 == 0)
            ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once_gone, sizeof(at_once_gone)),
                             0);
        (void)close(client);
    }
    answer_all(200);
    free(ask(http_server_port(server), "POST /now HTTP/1.1\r\n" LAST "Content-Length: 1\r\n\r\nx"));
    http_server_stop(server);
}
END_TEST

static void *answer_after_a_while(void *context)
{
    (void)context;
    clock_sleep_ms(clock_system(), 1500);
    answer_all(200);
    return NULL;
}

/* Longer than the timeout. */
START_TEST(a_server_that_is_stopped_waits_for_answers_and_sends_them)
{
    struct http_server *server = START_SERVER(routes, .timeout_s = 1);
    int client = ask_later(http_server_port(server), 7);
    pthread_t thread;
    char *heard;

    wait_for(1);
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_after_a_while, NULL), 0);
    http_server_stop(server);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    heard = hear_all(client);
    ck_assert_msg(heard[0] == '\0' || strstr(heard, "POST /later t7 b07") != NULL, "%s", heard);
    free(heard);
}
END_TEST

/* Answers what comes until nobody waits any more, each request on this thread as the writer does. */
static void *answer_what_comes(void *stopping)
{
    while (!atomic_load((atomic_bool *)stopping)) {
        answer_all(200);
        clock_sleep_ms(clock_system(), 1);
    }
    answer_all(200);
    return NULL;
}

static void *ask_until_closed(void *context)
{
    static const char request[] = "POST /later HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi";
    int client = *(int *)context;
    char heard[1024];

    while (send(client, request, strlen(request), MSG_NOSIGNAL) > 0 &&
           recv(client, heard, sizeof(heard), 0) > 0) {
    }
    (void)close(client);
    return NULL;
}

/* What is whole only when the server has begun to stop must not be put off: nobody would wait for its answer. */
START_TEST(a_server_can_be_stopped_amid_requests)
{
    for (int round = 0; round < 30; round++) {
        struct http_server *server = START_SERVER(routes, .timeout_s = 1);
        atomic_bool stopped = false;
        pthread_t answerer, threads[6];
        int clients[6];

        ck_assert_int_eq(pthread_create(&answerer, NULL, answer_what_comes, &stopped), 0);
        for (size_t i = 0; i < COUNT_OF(clients); i++) {
            clients[i] = connect_to(http_server_port(server));
            ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_until_closed, &clients[i]), 0);
        }
        clock_sleep_ms(clock_system(), 10 + round);
        http_server_stop(server);
        atomic_store(&stopped, true);
        ck_assert_int_eq(pthread_join(answerer, NULL), 0);
        ck_assert_int_eq(desk.count, 0);
        for (size_t i = 0; i < COUNT_OF(clients); i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}
END_TEST

/* ---- bodies */

static void say_much(int client, size_t length)
{
    char *bytes = must_calloc(1, length + 1);

    memset(bytes, 'x', length);
    say(client, bytes);
    free(bytes);
}

static int begin_large(int port, const char *how)
{
    int client = connect_to(port);

    say(client, "POST /now HTTP/1.1\r\n" LAST);
    say(client, how);
    say_much(client, LARGE - 1);
    return client;
}

static const struct {
    const char *how, *end, *small;
} encodings[] = {
    {"Content-Length: 102400\r\n\r\n", "x", "Content-Length: 5\r\n\r\nhello"},
    {"Transfer-Encoding: chunked\r\n\r\n19000\r\n", "x\r\n0\r\n\r\n",
     "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
};

START_TEST(sixteen_large_bodies_are_kept_at_once_and_small_ones_always)
{
    struct http_server *server = START_SERVER(routes, .timeout_s = 10);
    int port = http_server_port(server), clients[LARGE_BODIES];
    char *heard, request[256];

    for (int round = 0; round < 2; round++) { /* the places are given back */
        for (size_t i = 0; i < COUNT_OF(clients); i++)
            clients[i] = begin_large(port, encodings[_i].how);
        clock_sleep_ms(clock_system(), 300); /* until all has been read */
        for (int more = 0; more < 3; more++) {
            int client = _i == 0 ? connect_to(port) : begin_large(port, encodings[_i].how);

            /* Refused by its headers, or at its end. */
            say(client,
                _i == 0 ? "POST /now HTTP/1.1\r\n" LAST "Content-Length: 102400\r\n\r\n" : encodings[_i].end);
            heard = hear_all(client);
            ck_assert_msg(strncmp(heard, "HTTP/1.1 503", 12) == 0, "%s", heard);
            free(heard);
        }
        snprintf(request, sizeof(request), "POST /now HTTP/1.1\r\n" LAST "%s", encodings[_i].small);
        heard = ask(port, request);
        ck_assert_msg(strstr(heard, "5 bytes") != NULL, "%s", heard);
        free(heard);
        for (size_t i = 0; i < COUNT_OF(clients); i++) {
            say(clients[i], encodings[_i].end);
            heard = hear_all(clients[i]);
            ck_assert_msg(strstr(heard, "102400 bytes") != NULL, "%s", heard);
            free(heard);
        }
    }
    http_server_stop(server);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("server_later");
    TCase *later = tcase_create("later"), *bodies = tcase_create("bodies");

    tcase_add_checked_fixture(later, empty_desk, NULL);
    tcase_set_timeout(later, 30);
    tcase_set_timeout(bodies, 30);
    tcase_add_test(later, far_more_answers_can_be_outstanding_than_there_are_threads);
    tcase_add_test(later, a_connection_lives_on_after_an_answer_that_came_later);
    tcase_add_test(later, who_waits_for_an_answer_is_not_cut_off);
    tcase_add_test(later, a_client_that_does_not_wait_for_its_answer_harms_nobody);
    tcase_add_test(later, a_server_that_is_stopped_waits_for_answers_and_sends_them);
    tcase_add_test(later, a_server_can_be_stopped_amid_requests);
    tcase_add_loop_test(bodies, sixteen_large_bodies_are_kept_at_once_and_small_ones_always, 0,
                        COUNT_OF(encodings));
    suite_add_tcase(made, later);
    suite_add_tcase(made, bodies);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
