/*
 * watch.c - no connection keeps its place by being slow.
 *
 * DESIGN  One thread looks at all connections twenty times per timeout and shuts
 * the socket of one that is late; the server then sees its end and closes it.  When places grow scarce, who comes
 * shuts the one that has been receiving for longest: a request is whole within milliseconds, so what is lost are
 * slow and idle ones, however many and however fast they come.  A connection is in the list
 * exactly while its descriptor is open, and shutdown() is called under the lock, so it can never hit a
 * descriptor that was closed and given to somebody else.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "internal.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

/* How much of the timeout a phase may take as a whole. */
enum {
    RECEIVING_TIMES = 2, /* the server's timeout ends idle ones after one; then as much for a request */
    SENDING_TIMES = 6,
    LOOKS = 20
};

/* How long a stop waits for who does not read an answer, with nothing else to wait for: `docker stop` kills after ten
 * seconds, and there are two listeners. */
static const int64_t UNREAD_NS = 2 * INT64_C(1000000000);

struct watched {
    struct watched *previous, *next;
    int socket;
    enum watch_phase phase;
    int64_t since_ns;
    bool cut;
};

struct watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* stopping, or a request went on while draining */
    bool stopping;
    bool draining;
    bool drained; /* no handler is called any more */
    int64_t timeout_ns;
    unsigned connections_max;
    unsigned count;
    unsigned handling;
    unsigned answering; /* threads in the middle of watch_answer() */
    unsigned busy;      /* handling or sending */
    struct watched *first;
};

static int64_t allowed_ns(const struct watch *watch, const struct watched *watched)
{
    switch (watched->phase) {
    case WATCH_RECEIVING:
        return watch->timeout_ns * RECEIVING_TIMES;
    case WATCH_SENDING:
        return watch->timeout_ns * SENDING_TIMES;
    case WATCH_HANDLING:
        break;
    }
    return INT64_MAX;
}

static void cut(struct watched *watched)
{
    watched->cut = true;
    (void)shutdown(watched->socket, SHUT_RDWR); /* an end that is gone already is as good */
}

/* One place for one who comes, when nine of ten are taken: closing takes the server a moment. */
static void make_room(struct watch *watch)
{
    struct watched *slowest = NULL;

    if (watch->count * 10 < watch->connections_max * 9)
        return;
    for (struct watched *watched = watch->first; watched != NULL; watched = watched->next) {
        if (!watched->cut && watched->phase == WATCH_RECEIVING &&
            (slowest == NULL || watched->since_ns < slowest->since_ns))
            slowest = watched;
    }
    if (slowest != NULL)
        cut(slowest);
}

static void cut_late_ones(struct watch *watch)
{
    int64_t now_ns = clock_monotonic_ns();

    for (struct watched *watched = watch->first; watched != NULL; watched = watched->next) {
        if (!watched->cut && now_ns - watched->since_ns >= allowed_ns(watch, watched))
            cut(watched);
    }
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* Waits on `changed` until then; the lock is held. */
static void wait_until(struct watch *watch, int64_t at_ns)
{
    struct timespec at = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};

    (void)pthread_cond_timedwait(&watch->changed, &watch->lock, &at);
}

static void *run(void *context)
{
    struct watch *watch = context;
    int64_t look_ns = clock_monotonic_ns();

    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        if (clock_monotonic_ns() >= look_ns) {
            cut_late_ones(watch);
            look_ns = clock_monotonic_ns() + watch->timeout_ns / LOOKS;
        }
        wait_until(watch, look_ns);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

int watch_start(unsigned timeout_s, unsigned connections_max, struct watch **ret_watch, struct error *err)
{
    struct watch *watch = must_calloc(1, sizeof(*watch));
    pthread_condattr_t monotonic;
    int code;

    watch->timeout_ns = (int64_t)timeout_s * 1000000000;
    watch->connections_max = connections_max;
    (void)pthread_mutex_init(&watch->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watch->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    code = pthread_create(&watch->thread, NULL, run, watch);
    if (code != 0) {
        free(watch);
        return error_set(err, ERROR_TRANSIENT, "cannot start a thread: %s", strerror(code));
    }
    *ret_watch = watch;
    return 0;
}

void watch_stop(struct watch *watch)
{
    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_broadcast(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    (void)pthread_join(watch->thread, NULL);
    assert(watch->first == NULL);
    (void)pthread_cond_destroy(&watch->changed);
    (void)pthread_mutex_destroy(&watch->lock);
    free(watch);
}

struct watched *watch_add(struct watch *watch, int socket)
{
    struct watched *watched = must_calloc(1, sizeof(*watched));

    watched->socket = socket;
    watched->since_ns = clock_monotonic_ns();
    pthread_mutex_lock(&watch->lock);
    make_room(watch);
    watched->next = watch->first;
    if (watch->first != NULL)
        watch->first->previous = watched;
    watch->first = watched;
    watch->count++;
    if (watch->draining)
        cut(watched);
    pthread_mutex_unlock(&watch->lock);
    return watched;
}

/* The lock is held. */
static void set_phase(struct watch *watch, struct watched *watched, enum watch_phase phase)
{
    bool was_busy = watched->phase != WATCH_RECEIVING;
    bool is_busy = phase != WATCH_RECEIVING;

    watch->busy = watch->busy + is_busy - was_busy;
    watch->handling = watch->handling + (phase == WATCH_HANDLING) - (watched->phase == WATCH_HANDLING);
    watched->phase = phase;
    watched->since_ns = clock_monotonic_ns();
    if (watch->draining)
        pthread_cond_broadcast(&watch->changed);
}

void watch_set_phase(struct watch *watch, struct watched *watched, enum watch_phase phase)
{
    pthread_mutex_lock(&watch->lock);
    set_phase(watch, watched, phase);
    pthread_mutex_unlock(&watch->lock);
}

bool watch_may_handle(struct watch *watch, struct watched *watched)
{
    bool may;

    pthread_mutex_lock(&watch->lock);
    may = !watch->drained;
    if (may)
        set_phase(watch, watched, WATCH_HANDLING);
    pthread_mutex_unlock(&watch->lock);
    return may;
}

void watch_answer(struct watch *watch, void resume(void *connection), void *connection)
{
    pthread_mutex_lock(&watch->lock);
    watch->answering++;
    pthread_mutex_unlock(&watch->lock);
    resume(connection);
    pthread_mutex_lock(&watch->lock);
    watch->answering--;
    pthread_cond_broadcast(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
}

void watch_remove(struct watch *watch, struct watched *watched)
{
    pthread_mutex_lock(&watch->lock);
    set_phase(watch, watched, WATCH_RECEIVING);
    if (watched->previous != NULL)
        watched->previous->next = watched->next;
    else
        watch->first = watched->next;
    if (watched->next != NULL)
        watched->next->previous = watched->previous;
    watch->count--;
    pthread_mutex_unlock(&watch->lock);
    free(watched);
}

void watch_drain(struct watch *watch, unsigned timeout_s)
{
    int64_t begun_ns = clock_monotonic_ns(), end_ns = begun_ns + (int64_t)timeout_s * 1000000000;
    int64_t until_ns = earlier(begun_ns + UNREAD_NS, end_ns);

    pthread_mutex_lock(&watch->lock);
    watch->draining = true;
    while (watch->busy > 0 || watch->answering > 0) {
        if (watch->handling > 0 || watch->answering > 0) {
            (void)pthread_cond_wait(&watch->changed, &watch->lock);
            until_ns = earlier(clock_monotonic_ns() + UNREAD_NS, end_ns);
        } else if (clock_monotonic_ns() >= until_ns) {
            break;
        } else {
            wait_until(watch, until_ns);
        }
    }
    watch->drained = true;
    pthread_mutex_unlock(&watch->lock);
}
