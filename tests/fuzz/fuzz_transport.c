/*
 * What comes back when AWS is asked, byte for byte through a real socket: status, headers and body within their bounds,
 * or an error; nothing in it makes us ask again or elsewhere.
 */
#include "fuzz.h"

#include "aws/transport.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { BODY_CEILING = 4096 };

/* The other end: to each connection, the input, and no more. */
static struct {
    int listener;
    const uint8_t *data;
    size_t size;
    atomic_int accepted, closed; /* connections so far */
    char url[64];
} other;

static void *answer_all(void *context)
{
    char request[4096];
    sigset_t all;

    (void)context;
    (void)sigfillset(&all); /* the fuzzer's own clock ticks for its own thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (;;) {
        int descriptor = accept4(other.listener, NULL, NULL, SOCK_CLOEXEC);

        FUZZ_ASSERT(descriptor >= 0);
        atomic_fetch_add(&other.accepted, 1);
        (void)recv(descriptor, request, sizeof(request), 0); /* a GET is one piece */
        (void)send(descriptor, other.data, other.size, MSG_NOSIGNAL);
        close(descriptor);
        atomic_fetch_add(&other.closed, 1);
    }
    return NULL;
}

static void start_other(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    pthread_t thread;

    other.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_ASSERT(bind(other.listener, (struct sockaddr *)&address, length) == 0);
    FUZZ_ASSERT(listen(other.listener, 16) == 0);
    FUZZ_ASSERT(getsockname(other.listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(other.url, sizeof(other.url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    FUZZ_ASSERT(pthread_create(&thread, NULL, answer_all, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct transport *transport;
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    struct aws_request request = {.method = "GET", .answer_ceiling = BODY_CEILING, .timeout_ms = 30000};
    struct error err = {0};
    int before;

    if (transport == NULL) {
        (void)unsetenv("http_proxy"); /* the other end is here */
        (void)unsetenv("ALL_PROXY");
        (void)unsetenv("all_proxy");
        start_other();
        FUZZ_ASSERT(transport_curl_open(&transport, &err) == 0);
    }
    before = atomic_load(&other.accepted);
    other.data = data;
    other.size = size;
    request.url = other.url;
    if (transport->send(transport, &request, &answer, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_TRANSIENT || err.kind == ERROR_INPUT);
        FUZZ_ASSERT(err.message[0] != '\0' && strstr(err.message, "timed out") == NULL);
    } else {
        FUZZ_ASSERT(answer.status >= 200 && answer.status <= 599 && answer.body.length <= BODY_CEILING);
        FUZZ_ASSERT(strnlen(answer.request_id, sizeof(answer.request_id)) < sizeof(answer.request_id));
        FUZZ_ASSERT(strnlen(answer.error_type, sizeof(answer.error_type)) < sizeof(answer.error_type));
        FUZZ_ASSERT(answer.retry_after_ms >= -1 && answer.date_ms >= 0);
    }
    /* None, when what was left of the answer before is taken for one. */
    FUZZ_ASSERT(atomic_load(&other.accepted) - before <= 1);
    while (atomic_load(&other.closed) != atomic_load(&other.accepted))
        (void)sched_yield(); /* the other end has the input still */
    return 0;
}
