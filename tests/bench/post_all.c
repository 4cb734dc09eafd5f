/*
 * post_all.c - many messages over many connections at once.
 */
#include "bed.h"

#include "base/clock.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>

struct round {
    struct bed *bed;
    const struct sim_delivery *deliveries;
    int count;
    double *ret_took_ms;
    atomic_int next;
};

struct poster {
    struct round *round;
    int connection;
    pthread_t thread;
};

static void *post(void *context)
{
    struct poster *poster = context;
    struct round *round = poster->round;
    int i;

    while ((i = atomic_fetch_add(&round->next, 1)) < round->count) {
        int64_t start_ns = clock_monotonic_ns();
        int status = bed_post(round->bed, poster->connection, &round->deliveries[i]);

        if (status != 200)
            bed_fail("a notification was answered %d", status);
        round->ret_took_ms[i] = bed_milliseconds_since(start_ns);
    }
    return NULL;
}

double bed_post_all(struct bed *bed, int connections, const struct sim_delivery *deliveries, int count,
                    double *ret_took_ms)
{
    struct round round = {.bed = bed, .deliveries = deliveries, .count = count, .ret_took_ms = ret_took_ms};
    struct poster *posters = must_calloc((size_t)connections, sizeof(*posters));
    int64_t start_ns = clock_monotonic_ns();

    for (int i = 0; i < connections; i++) {
        posters[i] = (struct poster){.round = &round, .connection = i};
        if (pthread_create(&posters[i].thread, NULL, post, &posters[i]) != 0)
            bed_fail("cannot start a thread");
    }
    for (int i = 0; i < connections; i++)
        pthread_join(posters[i].thread, NULL);
    free(posters);
    return bed_milliseconds_since(start_ns) / 1000;
}
