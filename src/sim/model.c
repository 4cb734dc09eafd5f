/*
 * model.c - the simulated account as a whole: its beginning, its end, and how time moves it.
 *
 * Time goes from event to event: the end of a minute (datapoints are written), a stream whose operation ends,
 * and the moment a minute becomes visible (alarms are looked at).  Between events nothing needs to be done,
 * as traffic is counted when somebody wants to know.
 */
#include "alarms.h"
#include "keys.h"
#include "queues.h"
#include "stacks.h"
#include "streams.h"
#include "topics.h"
#include "traffic.h"

#include "base/memory.h"

#include <stdarg.h>

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

#undef model_fault /* here it is made */

int model_fault(struct fault *fault, const char *type, int http_status, const char *format, ...)
{
    va_list arguments;

    fault->type = type;
    fault->http_status = http_status;
    va_start(arguments, format);
    vsnprintf(fault->message, sizeof(fault->message), format, arguments);
    va_end(arguments);
    return -1;
}

void model_lock(struct sim *sim)
{
    pthread_mutex_lock(&sim->lock);
}

void model_unlock(struct sim *sim)
{
    pthread_mutex_unlock(&sim->lock);
}

uint64_t model_random(struct sim *sim)
{
    return model_mix(sim->seed ^ model_mix(++sim->random_state));
}

void model_uuid(struct sim *sim, char text[37])
{
    uint64_t high = (model_random(sim) & ~(uint64_t)0xF000) | 0x4000;
    uint64_t low = (model_random(sim) & ~((uint64_t)3 << 62)) | (uint64_t)1 << 63;

    snprintf(text, 37, "%08llx-%04llx-%04llx-%04llx-%012llx", (unsigned long long)(high >> 32),
             (unsigned long long)(high >> 16 & 0xFFFF), (unsigned long long)(high & 0xFFFF),
             (unsigned long long)(low >> 48), (unsigned long long)(low & 0xFFFFFFFFFFFF));
}

/* ---- life */

static char *text_or(const char *text, const char *otherwise)
{
    return must_strdup(text != NULL ? text : otherwise);
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

/* The next time after `now_ms` at which a minute becomes visible. */
static int64_t next_evaluation(int64_t now_ms, int64_t delay_ms)
{
    int64_t phase_ms = delay_ms % MINUTE_MS;

    return (now_ms - phase_ms + MINUTE_MS) / MINUTE_MS * MINUTE_MS + phase_ms;
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = must_calloc(1, sizeof(*sim));

    pthread_mutex_init(&sim->lock, NULL);
    sim->account = text_or(options->account, SIM_ACCOUNT);
    sim->region = text_or(options->region, SIM_REGION);
    sim->access_key_id = text_or(options->access_key_id, SIM_ACCESS_KEY_ID);
    sim->secret_access_key = text_or(options->secret_access_key, SIM_SECRET_ACCESS_KEY);
    sim->public_url = text_or(options->public_url, "http://127.0.0.1:4567");
    sim->shard_limit = or_default(options->shard_limit, 500);
    sim->split_ms = or_default(options->split_ms, 30000);
    sim->update_ms = options->update_ms;
    sim->create_ms = or_default(options->create_ms, 30000);
    sim->metric_delay_ms = options->metric_delay_ms < 0 ? 75000 : options->metric_delay_ms;
    sim->metric_kept_ms = or_default(options->metric_kept_ms, 15 * (int64_t)DAY_MS);
    sim->check_signatures = options->check_signatures;
    sim->check_quotas = options->check_quotas;
    sim->leave_unsigned = options->leave_unsigned;
    sim->seed = options->seed;
    sim->now_ms = options->start_ms;
    sim->next_minute_ms = options->start_ms / MINUTE_MS * MINUTE_MS + MINUTE_MS;
    sim->next_evaluation_ms = next_evaluation(options->start_ms, sim->metric_delay_ms);
    sim->metrics = model_metrics_new();
    sim->quota = model_quota_new();
    return sim;
}

void sim_free(struct sim *sim)
{
    if (sim == NULL)
        return;
    if (sim->wire_free != NULL)
        sim->wire_free(sim->wire);
    for (size_t i = 0; i < sim->stream_count; i++)
        model_stream_free(sim->streams[i]);
    for (size_t i = 0; i < sim->alarm_count; i++)
        model_alarm_free(sim->alarms[i]);
    model_topics_free(sim);
    model_queues_free(sim);
    stacks_free(sim->stacks);
    for (size_t i = 0; i < sim->rights.count; i++)
        free(sim->rights.items[i]);
    free(sim->rights.items);
    model_metrics_free(sim->metrics);
    model_quota_free(sim->quota);
    free(sim->streams);
    free(sim->alarms);
    free(sim->account);
    free(sim->region);
    free(sim->access_key_id);
    free_secret(sim->secret_access_key);
    free(sim->public_url);
    pthread_mutex_destroy(&sim->lock);
    free(sim);
}

/* ---- time */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_stream_event(const struct sim *sim)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < sim->stream_count; i++)
        next_ms = earlier(next_ms, sim->streams[i]->event_ms);
    return next_ms;
}

static void end_minute(struct sim *sim)
{
    for (size_t i = 0; i < sim->stream_count; i++) {
        model_traffic_count(sim->streams[i], sim->now_ms);
        model_traffic_minute(sim, sim->streams[i], sim->now_ms - MINUTE_MS);
        model_stream_expire(sim, sim->streams[i]);
    }
    if (sim->now_ms % HOUR_MS == 0)
        model_metrics_sweep(sim->metrics, sim->now_ms - sim->metric_kept_ms);
    sim->next_minute_ms += MINUTE_MS;
}

static void stream_events(struct sim *sim)
{
    for (size_t i = 0; i < sim->stream_count;) {
        struct stream *stream = sim->streams[i];

        if (stream->event_ms > sim->now_ms) {
            i++;
            continue;
        }
        model_stream_event(sim, stream); /* has a later event_ms now, or is gone */
    }
}

static void advance(struct sim *sim, int64_t now_ms)
{
    while (sim->now_ms < now_ms) {
        sim->now_ms = earlier(earlier(now_ms, earlier(next_stream_event(sim), stacks_next_ms(sim))),
                              earlier(sim->next_minute_ms, sim->next_evaluation_ms));
        if (sim->now_ms == sim->next_minute_ms)
            end_minute(sim);
        stream_events(sim);
        stacks_advance(sim);
        if (sim->now_ms == sim->next_evaluation_ms) {
            model_evaluate_alarms(sim);
            sim->next_evaluation_ms += MINUTE_MS;
        }
    }
}

void sim_advance(struct sim *sim, int64_t now_ms)
{
    model_lock(sim);
    advance(sim, now_ms);
    model_unlock(sim);
}

int64_t sim_next_event_ms(struct sim *sim)
{
    int64_t next_ms;

    model_lock(sim);
    next_ms = earlier(earlier(next_stream_event(sim), stacks_next_ms(sim)), model_next_delivery_ms(sim));
    if (sim->alarm_count > 0)
        next_ms = earlier(next_ms, sim->next_evaluation_ms);
    model_unlock(sim);
    return next_ms;
}
