/*
 * parallel.c - jobs that know nothing of each other, on all cores.
 */
#include "parallel.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

enum { THREADS_MAX = 16 };

struct crew {
    pthread_mutex_t mutex;
    size_t next, done, count;
    FILE *progress;
    const char *what;
    job_fn *run;
    void *context;
    bool failed;
    struct error err;
};

static bool take(struct crew *crew, size_t *ret_job)
{
    bool left;

    pthread_mutex_lock(&crew->mutex);
    left = crew->next < crew->count && !crew->failed;
    if (left)
        *ret_job = crew->next++;
    pthread_mutex_unlock(&crew->mutex);
    return left;
}

/* The crew's mutex is held, or nobody is at work. */
static void draw(const struct crew *crew)
{
    if (crew->progress == NULL)
        return;
    fprintf(crew->progress, "\r\033[K%zu of %zu %s", crew->done, crew->count, crew->what);
    fflush(crew->progress);
}

static void *work(void *argument)
{
    struct crew *crew = argument;
    struct error err;
    size_t job;

    while (take(crew, &job)) {
        int result = crew->run(crew->context, job, &err);

        pthread_mutex_lock(&crew->mutex);
        if (result < 0 && !crew->failed)
            crew->err = err;
        crew->failed |= result < 0;
        crew->done++;
        draw(crew);
        pthread_mutex_unlock(&crew->mutex);
    }
    return NULL;
}

int parallel_run(size_t count, job_fn *run, void *context, FILE *progress, const char *what,
                 struct error *err)
{
    struct crew crew = {.count = count, .run = run, .context = context, .progress = progress, .what = what};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[THREADS_MAX];
    size_t wanted = cores > 1 ? (size_t)cores - 1 : 0, started = 0; /* one is here already */

    pthread_mutex_init(&crew.mutex, NULL);
    draw(&crew);
    while (started < wanted && started + 1 < count && started < THREADS_MAX &&
           pthread_create(&threads[started], NULL, work, &crew) == 0)
        started++;
    (void)work(&crew);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&crew.mutex);
    if (progress != NULL)
        fputs("\r\033[K", progress);
    if (!crew.failed)
        return 0;
    *err = crew.err;
    return -1;
}
