/*
 * patience.c - somebody who waits for another thread, and does something about it when that takes too long.
 */
#include "parts.h"

static void *watch(void *argument)
{
    struct patience *patience = argument;
    struct timespec deadline = {.tv_sec = patience->deadline_ns / 1000000000,
                                .tv_nsec = patience->deadline_ns % 1000000000};
    bool over;

    pthread_mutex_lock(&patience->mutex);
    while (!patience->over && pthread_cond_timedwait(&patience->changed, &patience->mutex, &deadline) == 0)
        ;
    over = patience->over;
    pthread_mutex_unlock(&patience->mutex);
    if (!over)
        patience->lost(patience->context);
    return NULL;
}

void patience_begin(struct patience *patience, int milliseconds, void (*lost)(void *context), void *context)
{
    pthread_condattr_t monotonic;

    *patience = (struct patience){.deadline_ns = clock_monotonic_ns() + (int64_t)milliseconds * 1000000,
                                  .lost = lost,
                                  .context = context};
    pthread_mutex_init(&patience->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&patience->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    /* Without a thread there is no limit to it: the wait ends when what is waited for does. */
    patience->running = pthread_create(&patience->thread, NULL, watch, patience) == 0;
}

void patience_end(struct patience *patience)
{
    pthread_mutex_lock(&patience->mutex);
    patience->over = true;
    pthread_cond_signal(&patience->changed);
    pthread_mutex_unlock(&patience->mutex);
    if (patience->running)
        pthread_join(patience->thread, NULL);
    pthread_cond_destroy(&patience->changed);
    pthread_mutex_destroy(&patience->mutex);
}
