/*
 * HTTP as the front listener gets it: byte for byte through a real socket, each input a connection of its own.
 *
 * The server, its limits, the handler and what verifies a message are the daemon's.  What comes back is nothing, or
 * answers of known status of which none says that something was taken; and the server lives on.
 */
#include "one_answer.h"

#include "../../src/daemon/parts.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { ANSWERS_SIZE = 1 << 20, ALIVE_EVERY = 64 };

static struct daemon front;

static void start_front(void)
{
    static const struct route routes[] = {{"POST", "/sns", SNS_BODY_MAX, intake_post}};
    static const char *const topics[] = {"arn:aws:sns:eu-west-1:123456789012:kinescale"};
    static struct one_answer endpoint;
    static struct virtual_clock clock;
    const struct sns_verifier_options verifier = {
        .transport = one_answer_transport(&endpoint, (const uint8_t *)"", 0, 500),
        .clock = &clock.clock,
        .getenv = one_answer_keys,
        .topic_arns = topics,
        .topic_count = 1};
    const struct http_server_options server = {.listen = "127.0.0.1:0",
                                               .routes = routes,
                                               .route_count = COUNT_OF(routes),
                                               .context = &front,
                                               .refused = intake_refused,
                                               .threads = 1};
    struct error err = {0};

    log_set_level((enum log_level)(LOG_ERROR + 1)); /* a line for each refusal would be all there is to see */
    clock_virtual_init(&clock, ONE_ANSWER_NOW_MS);
    front.verifier = sns_verifier_new(&verifier);
    FUZZ_ASSERT(intake_open(&front, &err) == 0);
    FUZZ_ASSERT(http_server_start(&server, &front.front, &err) == 0);
}

/* ---- when is the server done?  It rests until we do something; then it works, and rests when it sees no more to do. */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t rests;
    uint64_t begun, idle; /* looks for something to do: how many there were, and the last that saw nothing */
} looks = {.mutex = PTHREAD_MUTEX_INITIALIZER, .rests = PTHREAD_COND_INITIALIZER};

/* In the place of libc's, for the server's only thread: first a look, then the waiting. */
int epoll_wait(int descriptor, struct epoll_event *events, int room, int timeout_ms)
{
    uint64_t number;
    int count;

    if (timeout_ms == 0) /* the server knows of more to do */
        return epoll_pwait(descriptor, events, room, 0, NULL);
    pthread_mutex_lock(&looks.mutex);
    number = ++looks.begun;
    pthread_mutex_unlock(&looks.mutex);
    count = epoll_pwait(descriptor, events, room, 0, NULL);
    if (count != 0)
        return count;
    pthread_mutex_lock(&looks.mutex);
    looks.idle = number;
    pthread_cond_signal(&looks.rests);
    pthread_mutex_unlock(&looks.mutex);
    return epoll_pwait(descriptor, events, room, timeout_ms, NULL);
}

/* Before something is done that the server sees. */
static uint64_t look_before(void)
{
    uint64_t begun;

    pthread_mutex_lock(&looks.mutex);
    begun = looks.begun;
    pthread_mutex_unlock(&looks.mutex);
    return begun;
}

static void wait_for_rest(uint64_t before)
{
    pthread_mutex_lock(&looks.mutex);
    while (looks.idle <= before)
        pthread_cond_wait(&looks.rests, &looks.mutex);
    pthread_mutex_unlock(&looks.mutex);
}

/* ---- a connection */

static int dial(void)
{
    /* Closed at once and for both sides, whatever is under way. */
    const struct linger none = {.l_onoff = 1};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)http_server_port(front.front)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t before = look_before();

    FUZZ_ASSERT(descriptor >= 0);
    FUZZ_ASSERT(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
    if (connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        struct pollfd connected = {.fd = descriptor, .events = POLLOUT};

        FUZZ_ASSERT(errno == EINTR); /* the fuzzer's own clock; it goes on all the same */
        while (poll(&connected, 1, -1) != 1)
            ;
    }
    wait_for_rest(before);
    return descriptor;
}

/* All that comes back.  Who leaves a request unfinished is waited for; that is not tried here. */
static size_t converse(const void *bytes, size_t size, char *answers)
{
    int descriptor = dial();
    uint64_t before = look_before();
    size_t length = 0;
    ssize_t count;

    if (size > 0) {
        FUZZ_ASSERT(send(descriptor, bytes, size, MSG_NOSIGNAL) ==
                    (ssize_t)size); /* far from filling a socket */
        wait_for_rest(before);
    }
    do {
        count = recv(descriptor, answers + length, ANSWERS_SIZE - length, MSG_DONTWAIT);
        length += count > 0 ? (size_t)count : 0;
        FUZZ_ASSERT(length < ANSWERS_SIZE);
    } while (count > 0);
    before = look_before();
    close(descriptor);
    if (count < 0) /* else the server closed it first, and sees nothing of this */
        wait_for_rest(before);
    return length;
}

static bool is_known_status(const char *text)
{
    static const char *const known[] = {"100", "400", "403", "404", "405", "413",
                                        "414", "431", "501", "503", "505"};

    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strncmp(known[i], text, 3) == 0)
            return true;
    }
    return false;
}

/* Nothing of a request is in an answer, so what looks like the start of one is one. */
static void check_answers(const char *answers, size_t length)
{
    static const char start[] = "HTTP/1.";
    const char *end = answers + length;
    const char *at = answers;

    FUZZ_ASSERT(length == 0 || (length > 12 && memcmp(answers, start, strlen(start)) == 0));
    while ((at = memmem(at, (size_t)(end - at), start, strlen(start))) != NULL) {
        FUZZ_ASSERT(end - at > 12 && is_known_status(at + strlen(start) + 2));
        at += strlen(start);
    }
}

/* A message like any other, but for its signature. */
static void check_alive(char *answers)
{
    static const char message[] = "POST /sns HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    size_t length = converse(message, strlen(message), answers);

    FUZZ_ASSERT(length > 12 && memcmp(answers, "HTTP/1.1 403", 12) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answers[ANSWERS_SIZE];
    static unsigned count;

    if (front.front == NULL)
        start_front();
    check_answers(answers, converse(data, size, answers));
    if (count++ % ALIVE_EVERY == 0)
        check_alive(answers);
    FUZZ_ASSERT(front.intake.accepted == 0 && front.intake.confirmed == 0);
    return 0;
}
