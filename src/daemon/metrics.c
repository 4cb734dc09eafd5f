/*
 * metrics.c - GET /metrics in Prometheus' text format, version 0.0.4.
 */
#include "parts.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/actions.h"
#include "store/notifications.h"

enum { CALL_ROWS_MAX = 64 };

/* The body has a ceiling of its own far above what can come together here. */
#define PUT(body, ...)                                        \
    do {                                                      \
        struct error put_error = {0};                         \
        (void)buffer_printf((body), &put_error, __VA_ARGS__); \
    } while (0)

static void head(struct buffer *body, const char *name, const char *type, const char *help)
{
    PUT(body, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_intake(struct daemon *daemon, struct buffer *body)
{
    const struct {
        const char *result;
        atomic_uint_fast64_t *count;
    } rows[] = {
        {"accepted", &daemon->intake.accepted},
        {"ignored", &daemon->intake.ignored},
        {"repeated", &daemon->intake.repeated},
        {"refused", &daemon->intake.refused},
        {"failed", &daemon->intake.failed},
        {"confirmed", &daemon->intake.confirmed},
        {"unsubscribed", &daemon->intake.unsubscribed},
    };

    head(body, "kinescale_sns_messages_total", "counter", "Messages posted to /sns, by what became of them.");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        PUT(body, "kinescale_sns_messages_total{result=\"%s\"} %llu\n", rows[i].result,
            (unsigned long long)atomic_load(rows[i].count));
    head(body, "kinescale_sns_commits_total", "counter", "Transactions that stored notifications.");
    PUT(body, "kinescale_sns_commits_total %llu\n", (unsigned long long)atomic_load(&daemon->intake.commits));
    head(body, "kinescale_log_lines_lost_total", "counter", "Lines of the log that nobody read in time.");
    PUT(body, "kinescale_log_lines_lost_total %llu\n", (unsigned long long)log_lines_lost());
    head(body, "kinescale_certificate_fetches_total", "counter", "Signing certificates fetched from SNS.");
    PUT(body, "kinescale_certificate_fetches_total %llu\n",
        (unsigned long long)sns_verifier_certificate_fetches(daemon->verifier));
}

static void write_workers(struct daemon *daemon, struct buffer *body)
{
    struct worker_counts counts = workers_counts(daemon->workers);

    head(body, "kinescale_turns_total", "counter", "Turns taken, by how they ended.");
    PUT(body, "kinescale_turns_total{result=\"ok\"} %llu\n",
        (unsigned long long)(counts.turns - counts.turns_failed));
    PUT(body, "kinescale_turns_total{result=\"failed\"} %llu\n", (unsigned long long)counts.turns_failed);
    head(body, "kinescale_reconciles_total", "counter", "Looks at all streams, by how they ended.");
    PUT(body, "kinescale_reconciles_total{result=\"ok\"} %llu\n",
        (unsigned long long)(counts.reconciles - counts.reconciles_failed));
    PUT(body, "kinescale_reconciles_total{result=\"failed\"} %llu\n",
        (unsigned long long)counts.reconciles_failed);
    head(body, "kinescale_passes_total", "counter", "Scale-down passes of this process, by how they ended.");
    PUT(body, "kinescale_passes_total{result=\"ok\"} %llu\n",
        (unsigned long long)(counts.passes - counts.passes_failed));
    PUT(body, "kinescale_passes_total{result=\"failed\"} %llu\n", (unsigned long long)counts.passes_failed);
    head(body, "kinescale_last_reconcile_timestamp_seconds", "gauge",
         "When all streams were last looked at.");
    PUT(body, "kinescale_last_reconcile_timestamp_seconds %.3f\n", (double)counts.last_reconcile_ms / 1000);
}

static void write_calls(struct daemon *daemon, struct buffer *body)
{
    struct aws_call_count rows[CALL_ROWS_MAX];
    size_t count = aws_client_counts(daemon->aws, rows, COUNT_OF(rows));
    const struct {
        const char *name, *help;
        size_t offset;
        double scale;
    } columns[] = {
        {"kinescale_aws_requests_total", "Requests sent to AWS, retries included.",
         offsetof(struct aws_call_count, calls), 1},
        {"kinescale_aws_retries_total", "Requests that were retries.",
         offsetof(struct aws_call_count, retries), 1},
        {"kinescale_aws_throttled_total", "Answers that said we are too fast.",
         offsetof(struct aws_call_count, throttled), 1},
        {"kinescale_aws_failures_total", "Calls that ended in an error.",
         offsetof(struct aws_call_count, failures), 1},
        {"kinescale_aws_seconds_total", "Time spent waiting for answers.",
         offsetof(struct aws_call_count, milliseconds), 0.001},
    };

    if (count > COUNT_OF(rows))
        count = COUNT_OF(rows);
    for (size_t c = 0; c < COUNT_OF(columns); c++) {
        head(body, columns[c].name, "counter", columns[c].help);
        for (size_t i = 0; i < count; i++) {
            uint64_t value;

            memcpy(&value, (const char *)&rows[i] + columns[c].offset, sizeof(value));
            PUT(body, "%s{service=\"%s\",operation=\"%s\"} %.15g\n", columns[c].name, rows[i].service,
                rows[i].operation, (double)value * columns[c].scale);
        }
    }
}

static void write_notifications(struct store *store, struct buffer *body)
{
    int64_t counts[NOTIFICATION_STATUS_COUNT];
    struct dead_letters dead;
    struct error err = {0};

    if (store_notification_counts(store, counts, &err) < 0 || store_dead_letters(store, &dead, &err) < 0)
        return;
    head(body, "kinescale_notifications", "gauge", "Notifications in the database, by status.");
    for (int i = 0; i < NOTIFICATION_STATUS_COUNT; i++)
        PUT(body, "kinescale_notifications{status=\"%s\"} %lld\n",
            notification_status_name((enum notification_status)i), (long long)counts[i]);
    head(body, "kinescale_oldest_dead_letter_timestamp_seconds", "gauge",
         "When the oldest dead letter was received; 0 without one.");
    PUT(body, "kinescale_oldest_dead_letter_timestamp_seconds %.3f\n", (double)dead.oldest_ms / 1000);
}

static void write_actions(struct store *store, struct buffer *body)
{
    struct action_totals totals;
    struct error err = {0};

    if (store_action_totals(store, &totals, &err) < 0)
        return;
    head(body, "kinescale_actions_total", "counter", "Actions begun, by kind.");
    for (int i = 0; i < ACTION_KIND_COUNT; i++)
        PUT(body, "kinescale_actions_total{kind=\"%s\"} %lld\n", action_kind_name((enum action_kind)i),
            (long long)totals.actions[i]);
    head(body, "kinescale_actions_failed_total", "counter", "Actions that ended short of what was wanted.");
    PUT(body, "kinescale_actions_failed_total %lld\n", (long long)totals.failed);
    head(body, "kinescale_actions_running", "gauge", "Actions under way.");
    PUT(body, "kinescale_actions_running %lld\n", (long long)totals.running);
    head(body, "kinescale_steps_total", "counter", "Resharding calls, by operation and outcome.");
    for (int kind = OPERATION_SPLIT; kind < OPERATION_KIND_COUNT; kind++) {
        for (int outcome = 0; outcome < STEP_OUTCOME_COUNT; outcome++)
            PUT(body, "kinescale_steps_total{operation=\"%s\",outcome=\"%s\"} %lld\n",
                operation_kind_name((enum operation_kind)kind), step_outcome_name((enum step_outcome)outcome),
                (long long)totals.steps[kind][outcome]);
    }
}

static void write_streams(struct daemon *daemon, struct store *store, struct buffer *body)
{
    struct stream_state_list states = {0};
    struct error err = {0};
    struct config *config;
    int64_t now_ms = clock_now_ms(daemon->clock);
    const char *const gauges[][2] = {
        {"kinescale_open_shards", "Open shards as last seen."},
        {"kinescale_effective_shards", "Shards' worth of evenly spread load the stream takes."},
        {"kinescale_cooldown_seconds", "How much of the cooldown is left."},
        {"kinescale_stream_paused", "1 while nothing is begun on the stream, because an operator said so."},
        {"kinescale_stream_hot_key", "1 while one key has more than a shard takes: no split helps."},
        {"kinescale_stream_failures", "Turns that failed in a row; of a stream that does not exist, looks."},
    };

    if (store_streams_all(store, &states, &err) < 0)
        return;
    config = engine_config(daemon->engine);
    for (size_t g = 0; g < COUNT_OF(gauges); g++) {
        head(body, gauges[g][0], "gauge", gauges[g][1]);
        for (size_t i = 0; i < states.count; i++) {
            const struct stream_state *s = &states.items[i];
            const struct stream_config *known = config_find(config, s->stream);
            int64_t left_ms = s->cooldown_until_ms > now_ms ? s->cooldown_until_ms - now_ms : 0;
            bool hot = known != NULL && stream_has_hot_key(s, known->cooldown_ms, now_ms);
            const double values[] = {(double)s->open_shards, s->effective_shards,
                                     (double)left_ms / 1000, now_ms < s->paused_until_ms ? 1.0 : 0.0,
                                     hot ? 1.0 : 0.0,        (double)s->failures};

            if (known != NULL)
                PUT(body, "%s{stream=\"%s\"} %.15g\n", gauges[g][0], s->stream, values[g]);
        }
    }
    config_free(config);
    stream_state_list_clear(&states);
}

static void write_reload(struct daemon *daemon, struct buffer *body)
{
    bool refused;
    int64_t loaded_ms = reload_loaded_ms(&daemon->reload, &refused);

    head(body, "kinescale_config_last_reload_successful", "gauge",
         "0 when the configuration file was refused at the last reload.");
    PUT(body, "kinescale_config_last_reload_successful %d\n", refused ? 0 : 1);
    head(body, "kinescale_config_last_reload_success_timestamp_seconds", "gauge",
         "When the configuration in force was read.");
    PUT(body, "kinescale_config_last_reload_success_timestamp_seconds %.3f\n", (double)loaded_ms / 1000);
}

void metrics_write(struct daemon *daemon, struct store *store, struct buffer *body)
{
    head(body, "kinescale_build_info", "gauge", "The program's version.");
    PUT(body, "kinescale_build_info{version=\"%s\"} 1\n", KINESCALE_VERSION);
    write_reload(daemon, body);
    write_intake(daemon, body);
    write_workers(daemon, body);
    write_calls(daemon, body);
    if (store == NULL)
        return;
    write_notifications(store, body);
    write_actions(store, body);
    write_streams(daemon, store, body);
}
