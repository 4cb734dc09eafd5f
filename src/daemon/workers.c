/*
 * workers.c - threads that ask the store what is due and give it a turn.
 *
 * DESIGN  The queue is the database: what is due survives a crash, and two daemons on one file share it.  A worker
 * takes the stream that has been due longest and that nobody here or elsewhere is at.  Waiting for AWS holds no
 * thread: a turn ends and leaves a due time.  One more thread reconciles, and one runs the
 * scale-down pass when that is the daemon's to do.  When and whether is asked of the configuration each time.
 */
#include "parts.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    /* Other processes on the database cannot wake us; this is how late we may see what they made due. */
    IDLE_REAL_MS = 500,
    DUE_BATCH = 256,
    WORKERS_MAX = 64,
    MAINTAINERS = 2, /* threads beside them: one reconciles, one runs the scale-down pass */
    /* What happened while nobody was here is looked at first. */
    PASS_FIRST_MS = 10 * 60 * 1000,
    PASS_EVERY_MS = 60 * 60 * 1000,
    SET_BACK_MS = 60 * 1000, /* the clock, by more than is worth a word */
};

struct workers {
    struct workers_options options;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stopping;
    uint64_t wakes; /* rises with every workers_wake() */
    pthread_t threads[WORKERS_MAX + MAINTAINERS];
    size_t thread_count;
    char busy[WORKERS_MAX][STREAM_NAME_SIZE]; /* what each worker is at */
    bool is_busy[WORKERS_MAX];
    int slots_given;
    struct worker_counts counts;
    int64_t beat_ns;
    int64_t reconcile_due_ms, pass_due_ms;
};

static bool is_taken(const struct workers *workers, const char *stream)
{
    for (int i = 0; i < workers->options.count; i++) {
        if (workers->is_busy[i] && strcmp(workers->busy[i], stream) == 0)
            return true;
    }
    return false;
}

/* The first that nobody is at, of those that are only to be looked at by the policy `adaptive`, or of the others. */
static const struct stream_state *first_free(struct workers *workers, struct store *store,
                                             const struct stream_state_list *due, bool looks, int64_t now_ms)
{
    for (size_t i = 0; i < due->count; i++) {
        const struct stream_state *stream = &due->items[i];

        if ((stream->due_reasons == DUE_ADAPT) == looks && !is_taken(workers, stream->stream) &&
            !owner_other_has_lock(store, stream, workers->options.owner, now_ms))
            return stream;
    }
    return NULL;
}

/* With the mutex held.  False: nothing to do before *ret_next_ms. */
static bool take(struct workers *workers, struct store *store, int slot, int64_t *ret_next_ms)
{
    struct stream_state_list due = {0};
    struct error err = {0};
    int64_t now_ms = clock_now_ms(workers->options.clock);
    const struct stream_state *stream;
    bool taken;

    if (store_streams_due(store, now_ms, DUE_BATCH, &due, ret_next_ms, &err) < 0) {
        LOG(LOG_ERROR, "store-failed", {"error", err.message});
        *ret_next_ms = INT64_MAX;
        return false;
    }
    /* Looks of the policy `adaptive` come every minute for every stream; whatever else there is comes before them. */
    stream = first_free(workers, store, &due, false, now_ms);
    if (stream == NULL)
        stream = first_free(workers, store, &due, true, now_ms);
    taken = stream != NULL;
    if (taken) {
        (void)text_copy(workers->busy[slot], STREAM_NAME_SIZE, stream->stream);
        workers->is_busy[slot] = true;
    }
    stream_state_list_clear(&due);
    return taken;
}

/* With the mutex held: until woken, stopped, or `until_ms` of our clock; not longer than IDLE_REAL_MS. */
static void wait_until(struct workers *workers, int64_t until_ms)
{
    int64_t now_ms = clock_now_ms(workers->options.clock);
    int64_t real_ms = IDLE_REAL_MS;
    int64_t deadline_ns;
    struct timespec deadline;
    uint64_t wakes = workers->wakes;

    if (until_ms != INT64_MAX)
        real_ms = clock_real_ms(workers->options.clock, until_ms > now_ms ? until_ms - now_ms : 0) + 1;
    if (real_ms > IDLE_REAL_MS)
        real_ms = IDLE_REAL_MS;
    deadline_ns = clock_monotonic_ns() + real_ms * 1000000;
    deadline = (struct timespec){.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000};
    while (!workers->stopping && workers->wakes == wakes &&
           pthread_cond_timedwait(&workers->changed, &workers->mutex, &deadline) == 0)
        ;
}

/* Comes back with the mutex held.  False: not even the due time could be stored. */
static bool turn(struct workers *workers, struct store *store, int slot)
{
    struct error err = {0};
    bool failed = engine_turn(workers->options.engine, store, workers->busy[slot], &err) < 0;

    if (failed)
        LOG(LOG_WARN, "turn-failed", {"stream", workers->busy[slot]}, {"kind", error_kind_name(err.kind)},
            {"error", err.message});
    pthread_mutex_lock(&workers->mutex);
    workers->counts.turns++;
    workers->counts.turns_failed += failed;
    workers->is_busy[slot] = false;
    return !failed || err.kind != ERROR_STORE;
}

static void *work(void *argument)
{
    struct workers *workers = argument;
    struct store *store = NULL;
    struct error err = {0};
    int slot;

    pthread_mutex_lock(&workers->mutex);
    slot = workers->slots_given++;
    while (!workers->stopping) {
        int64_t next_ms = INT64_MAX;

        workers->beat_ns = clock_monotonic_ns();
        if (store == NULL && store_open(workers->options.database, &store, &err) < 0) {
            LOG(LOG_ERROR, "store-failed", {"error", err.message});
            wait_until(workers, INT64_MAX);
        } else if (take(workers, store, slot, &next_ms)) {
            pthread_mutex_unlock(&workers->mutex);
            if (!turn(workers, store, slot)) /* the stream is still due: no thread spins on a full disk */
                wait_until(workers, INT64_MAX);
        } else {
            wait_until(workers, next_ms);
        }
    }
    pthread_mutex_unlock(&workers->mutex);
    store_close(store);
    return NULL;
}

/* Called and left with the mutex held. */
static void reconcile_once(struct workers *workers, struct store *store)
{
    struct config *config = engine_config(workers->options.engine);
    struct error err = {0};
    bool failed;

    workers->reconcile_due_ms = clock_now_ms(workers->options.clock) + config->service.reconcile_every_ms;
    config_free(config);
    pthread_mutex_unlock(&workers->mutex);
    failed = engine_reconcile(workers->options.engine, store, &err) < 0;
    if (failed)
        LOG(LOG_ERROR, "reconcile-failed", {"kind", error_kind_name(err.kind)}, {"error", err.message});
    pthread_mutex_lock(&workers->mutex);
    workers->counts.reconciles++;
    workers->counts.reconciles_failed += failed;
    workers->counts.last_reconcile_ms = clock_now_ms(workers->options.clock);
    workers->wakes++;
    pthread_cond_broadcast(&workers->changed);
}

static int look_for_shards_to_give_back(struct workers *workers, const struct config *config,
                                        struct store *store, struct error *err)
{
    struct pass_options options = {0};
    struct pass_row *rows = must_calloc(config->stream_count, sizeof(*rows));
    size_t found = 0;
    int result;

    for (size_t i = 0; i < config->stream_count; i++)
        rows[i].stream = config->streams[i].name;
    result = engine_scale_down(workers->options.engine, store, &options, rows, config->stream_count, err);
    for (size_t i = 0; i < config->stream_count; i++) {
        if (rows[i].result == PASS_FAILED)
            LOG(LOG_WARN, "pass-failed", {"stream", rows[i].stream}, {"error", rows[i].reason});
        found += rows[i].result == PASS_RESHARD;
        down_plan_clear(&rows[i].plan);
    }
    LOG(LOG_INFO, "pass-ended", {"streams", .number = (int64_t)config->stream_count},
        {"merge", .number = (int64_t)found});
    free(rows);
    return result;
}

/* Called and left with the mutex held. */
static void pass_once(struct workers *workers, struct store *store)
{
    struct config *config = engine_config(workers->options.engine);
    struct error err = {0};
    bool failed;

    workers->pass_due_ms = clock_now_ms(workers->options.clock) + PASS_EVERY_MS;
    if (config->service.scale_down_schedule != SCHEDULE_INTERNAL) {
        config_free(config);
        return;
    }
    pthread_mutex_unlock(&workers->mutex);
    failed = look_for_shards_to_give_back(workers, config, store, &err) < 0;
    config_free(config);
    pthread_mutex_lock(&workers->mutex);
    workers->counts.passes++;
    workers->counts.passes_failed += failed;
    workers->wakes++;
    pthread_cond_broadcast(&workers->changed);
}

/* A thread that does something now and then, until the end; `once` says when next. */
static void now_and_then(struct workers *workers, const int64_t *due_ms,
                         void (*once)(struct workers *workers, struct store *store))
{
    struct store *store = NULL;
    struct error err = {0};
    int64_t before_ms = 0;

    pthread_mutex_lock(&workers->mutex);
    while (!workers->stopping) {
        int64_t now_ms = clock_now_ms(workers->options.clock);
        bool set_back = before_ms - now_ms > SET_BACK_MS; /* then the due time means nothing any more */

        before_ms = now_ms;
        if (now_ms < *due_ms && !set_back) {
            wait_until(workers, *due_ms);
        } else if (store == NULL && store_open(workers->options.database, &store, &err) < 0) {
            LOG(LOG_ERROR, "store-failed", {"error", err.message});
            wait_until(workers, INT64_MAX);
        } else {
            once(workers, store);
        }
    }
    pthread_mutex_unlock(&workers->mutex);
    store_close(store);
}

static void *reconcile(void *argument)
{
    struct workers *workers = argument;

    now_and_then(workers, &workers->reconcile_due_ms, reconcile_once);
    return NULL;
}

static void *scale_down(void *argument)
{
    struct workers *workers = argument;

    now_and_then(workers, &workers->pass_due_ms, pass_once);
    return NULL;
}

static int start_thread(struct workers *workers, void *(*body)(void *), struct error *err)
{
    int code = pthread_create(&workers->threads[workers->thread_count], NULL, body, workers);

    if (code != 0)
        return error_set(err, ERROR_BUG, "cannot start a thread: %s", strerror(code));
    workers->thread_count++;
    return 0;
}

struct workers *workers_new(const struct workers_options *options)
{
    struct workers *workers = must_calloc(1, sizeof(*workers));
    pthread_condattr_t monotonic;

    workers->options = *options;
    if (workers->options.count > WORKERS_MAX)
        workers->options.count = WORKERS_MAX;
    workers->beat_ns = clock_monotonic_ns();
    workers->pass_due_ms = clock_now_ms(options->clock) + PASS_FIRST_MS;
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return workers;
}

int workers_start(struct workers *workers, struct error *err)
{
    for (int i = 0; i < workers->options.count; i++) {
        if (start_thread(workers, work, err) < 0)
            return -1;
    }
    return start_thread(workers, reconcile, err) < 0 ? -1 : start_thread(workers, scale_down, err);
}

void workers_stop(struct workers *workers)
{
    if (workers == NULL)
        return;
    pthread_mutex_lock(&workers->mutex);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->mutex);
    for (size_t i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}

void workers_wake(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    workers->wakes++;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->mutex);
}

void workers_reconcile(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    workers->reconcile_due_ms = 0;
    workers->wakes++;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->mutex);
}

struct worker_counts workers_counts(struct workers *workers)
{
    struct worker_counts counts;

    pthread_mutex_lock(&workers->mutex);
    counts = workers->counts;
    counts.beat_age_ms = (clock_monotonic_ns() - workers->beat_ns) / 1000000;
    pthread_mutex_unlock(&workers->mutex);
    return counts;
}
