/*
 * compare.c - the policies of others under the same load, on the same simulated AWS.
 *
 * A policy is asked when CloudWatch has another minute, two seconds later as an alarm needs to reach its handler, and
 * when the stream rests after one of its calls.  What it asks for goes through the same client to the same model as
 * kinescale's calls, with its quotas and refusals.
 */
#include "compare.h"

#include "aws/cloudwatch.h"
#include "aws/kinesis.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench.h"
#include "parallel.h"
#include "scaling/alarms.h"
#include "scaling/steps.h"

#include <math.h>

enum { MINUTE_MS = 60000, HANDLER_MS = 2000, DEEDS_AT_ONCE_MAX = 100 };

struct trial {
    const struct peer *peer;
    struct bench bench;
    const struct stream_config *stream;
    struct peer_history history;
    struct peer_state state;
    int64_t read_until_ms; /* minutes up to here are in the history */
    enum peer_outcome outcome;
    bool made_change; /* since the stream was last seen at rest */
};

/* ---- what it sees */

static double value_or(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

static void add_minutes(struct trial *trial, const struct metric_series *series, double last[2])
{
    bool repeats = trial->peer->repeats_missing;

    for (size_t i = 0; i < series[0].count; i++) {
        last[0] = value_or(series[METRIC_BYTES].values[i], repeats ? last[0] : 0);
        last[1] = value_or(series[METRIC_RECORDS].values[i], repeats ? last[1] : 0);
        peer_history_add(&trial->history, last[0], last[1], value_or(series[METRIC_THROTTLED].values[i], 0));
    }
}

/* Minutes that CloudWatch has now and had not before. */
static int read_minutes(struct trial *trial, double last[2], struct error *err)
{
    int64_t end_ms = (trial->bench.clock.ms - trial->bench.backtest->metric_delay_ms) / MINUTE_MS * MINUTE_MS;
    struct metric_query queries[ALARM_METRIC_COUNT];
    SCOPED(metric_answer_clear) struct metric_answer answer = {0};

    if (end_ms <= trial->read_until_ms)
        return 0;
    for (int i = 0; i < ALARM_METRIC_COUNT; i++)
        queries[i] = (struct metric_query){.metric = alarm_metric_name((enum alarm_metric)i),
                                           .stream = trial->stream->name,
                                           .statistic = "Sum",
                                           .period_s = 60};
    if (cloudwatch_metrics(trial->bench.aws, queries, COUNT_OF(queries), trial->read_until_ms, end_ms,
                           &answer, err) < 0)
        return -1;
    add_minutes(trial, answer.series, last);
    trial->read_until_ms = end_ms;
    return 0;
}

static int look(struct trial *trial, bool new_minute, struct peer_view *ret_view, struct error *err)
{
    struct stream_summary summary;

    if (kinesis_describe_summary(trial->bench.aws, trial->stream->name, &summary, err) < 0)
        return -1;
    *ret_view = (struct peer_view){.now_ms = trial->bench.clock.ms,
                                   .new_minute = new_minute,
                                   .open = summary.open_shards,
                                   .active = summary.status == STREAM_ACTIVE,
                                   .start_ms = trial->bench.start_ms,
                                   .min_shards = trial->stream->min_shards,
                                   .max_shards = trial->stream->max_shards,
                                   .initial_shards = trial->bench.backtest->initial_shards,
                                   .outcome = trial->outcome,
                                   .history = &trial->history};
    return 0;
}

/* ---- what it does */

static double width(const struct shard *shard)
{
    return hashkey_share(shard->start, shard->end);
}

/* Of equal ones the lowest. */
static int split_widest(struct aws_client *aws, const char *stream, const struct shard_map *map,
                        struct error *err)
{
    const struct shard *widest = &map->items[0];
    hashkey middle;

    for (size_t i = 1; i < map->count; i++) {
        if (width(&map->items[i]) > width(widest))
            widest = &map->items[i];
    }
    if (!hashkey_middle(widest->start, widest->end, &middle))
        return error_set(err, ERROR_REFUSED, "one hash key cannot be split");
    return kinesis_split(aws, stream, widest->id, middle, err);
}

static int merge_narrowest(struct aws_client *aws, const char *stream, const struct shard_map *map,
                           struct error *err)
{
    const struct shard *lower = &map->items[0];

    if (map->count < 2)
        return error_set(err, ERROR_REFUSED, "the last shard has no neighbour");
    for (size_t i = 1; i + 1 < map->count; i++) {
        if (width(&map->items[i]) + width(&map->items[i + 1]) < width(lower) + width(lower + 1))
            lower = &map->items[i];
    }
    return kinesis_merge(aws, stream, lower->id, lower[1].id, err);
}

/* The first step of the way from here; what comes after it is seen again. */
static int sweep(struct aws_client *aws, const char *stream, const struct shard_map *map, int64_t target,
                 bool *ret_reached, struct error *err)
{
    SCOPED(step_list_clear) struct step_list steps = {0};
    const struct operation *first;

    if (steps_to_even(map, target, &steps, err) < 0)
        return -1;
    *ret_reached = steps.count == 0;
    if (*ret_reached)
        return 0;
    first = &steps.items[0];
    if (first->kind == OPERATION_SPLIT)
        return kinesis_split(aws, stream, first->shard, first->new_start, err);
    return kinesis_merge(aws, stream, first->shard, first->adjacent, err);
}

static int carry_out(const struct trial *trial, const struct peer_wish *wish, bool *ret_reached,
                     struct error *err)
{
    struct aws_client *aws = trial->bench.aws;
    const char *stream = trial->stream->name;
    SCOPED(shard_map_clear) struct shard_map map = {0};

    *ret_reached = false;
    if (wish->deed == PEER_UPDATE)
        return kinesis_update_count(aws, stream, wish->target, err);
    if (kinesis_list_shards(aws, stream, &map, err) < 0)
        return -1;
    if (wish->deed == PEER_SPLIT)
        return split_widest(aws, stream, &map, err);
    if (wish->deed == PEER_MERGE)
        return merge_narrowest(aws, stream, &map, err);
    return sweep(aws, stream, &map, wish->target, ret_reached, err);
}

/* A refusal is an outcome; -1 is trouble that the simulated AWS does not have. */
static int act(struct trial *trial, const struct peer_wish *wish, struct error *err)
{
    bool reached;

    if (carry_out(trial, wish, &reached, err) == 0) {
        trial->outcome = reached ? PEER_REACHED : PEER_ACCEPTED;
        trial->made_change |= !reached;
        return 0;
    }
    if (err->kind != ERROR_CONFLICT && err->kind != ERROR_QUOTA && err->kind != ERROR_REFUSED)
        return error_wrap(err, "%s", trial->peer->name);
    trial->outcome = err->kind == ERROR_CONFLICT ? PEER_BUSY : PEER_REFUSED;
    return 0;
}

/* Until it wants nothing more at this moment. */
static int ask(struct trial *trial, bool new_minute, struct error *err)
{
    for (int deeds = 0; deeds < DEEDS_AT_ONCE_MAX; deeds++) {
        struct peer_view view;
        struct peer_wish wish;

        if (look(trial, new_minute && deeds == 0, &view, err) < 0)
            return -1;
        trial->made_change = trial->made_change && !view.active;
        wish = trial->peer->decide(trial->peer, &trial->state, &view);
        trial->outcome = PEER_NONE;
        if (wish.deed == PEER_NOTHING)
            return 0;
        if (act(trial, &wish, err) < 0)
            return -1;
    }
    return error_set(err, ERROR_BUG, "%s wants something for ever", trial->peer->name);
}

/* ---- time */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void advance(struct bench *bench, int64_t to_ms)
{
    bench->clock.ms = to_ms;
    sim_advance(bench->sim, to_ms);
}

static int64_t end_of_load(const struct bench *bench)
{
    return bench->start_ms + (int64_t)bench->backtest->load.count * MINUTE_MS;
}

/* With so many even shards, which are there when the load begins. */
static int begin(struct bench *bench, int64_t shards, struct error *err)
{
    SCOPED(free_text)
    char *scene =
        must_printf("stream %s shards=%lld\n", bench->backtest->config->streams[0].name, (long long)shards);

    if (sim_scene_play(bench->sim, "compare", scene, err) < 0)
        return -1;
    advance(bench, bench->start_ms);
    return bench_begin(bench, NULL, err);
}

/* From one minute that CloudWatch has to the next, and to the end of what the policy began in between. */
static int run_load(struct trial *trial, struct error *err)
{
    const struct backtest *backtest = trial->bench.backtest;
    int64_t start_ms = trial->bench.start_ms;
    int64_t end_ms = end_of_load(&trial->bench);
    int64_t minute_ms = start_ms + MINUTE_MS + backtest->metric_delay_ms + HANDLER_MS;
    double last[2] = {0, 0};

    while (trial->bench.clock.ms < end_ms) {
        int64_t next_ms = earlier(minute_ms, end_ms);
        bool new_minute;

        if (trial->made_change)
            next_ms = earlier(next_ms, sim_next_event_ms(trial->bench.sim));
        advance(&trial->bench, next_ms);
        new_minute = next_ms == minute_ms;
        if (new_minute)
            minute_ms += MINUTE_MS;
        if (next_ms == end_ms)
            return 0;
        if ((new_minute && read_minutes(trial, last, err) < 0) || ask(trial, new_minute, err) < 0)
            return -1;
    }
    return 0;
}

static int run_trial(struct trial *trial, struct backtest_result *ret_result, struct error *err)
{
    trial->read_until_ms = trial->bench.start_ms;
    if (begin(&trial->bench, trial->bench.backtest->initial_shards, err) < 0 || run_load(trial, err) < 0)
        return -1;
    return bench_end(&trial->bench, ret_result, err);
}

int compare_run(const struct peer *peer, const struct backtest *backtest, struct backtest_result *ret_result,
                struct error *err)
{
    struct trial *trial = must_calloc(1, sizeof(*trial));
    int result;

    trial->peer = peer;
    trial->stream = &backtest->config->streams[0];
    result = bench_open(&trial->bench, backtest, err);
    if (result == 0)
        result = run_trial(trial, ret_result, err);
    bench_close(&trial->bench);
    free(trial);
    return result;
}

int compare_fixed(const struct backtest *backtest, struct backtest_result *ret_result, struct error *err)
{
    struct bench *bench = must_calloc(1, sizeof(*bench));
    int result = bench_open(bench, backtest, err);

    if (result == 0)
        result = begin(bench, (int64_t)backtest_peak_shards(backtest), err);
    if (result == 0) {
        advance(bench, end_of_load(bench));
        result = bench_end(bench, ret_result, err);
    }
    bench_close(bench);
    free(bench);
    return result;
}

struct all {
    const struct backtest *backtest;
    struct backtest_result *results;
};

static int run_one(void *context, size_t job, struct error *err)
{
    const struct all *all = context;

    return compare_run(&peers[job], all->backtest, &all->results[job], err);
}

int compare_run_all(const struct backtest *backtest, struct backtest_result **ret_results, struct error *err)
{
    struct all all = {backtest, must_calloc(peer_count, sizeof(*all.results))};

    if (parallel_run(peer_count, run_one, &all, backtest->progress, "other policies", err) < 0) {
        free(all.results);
        return -1;
    }
    *ret_results = all.results;
    return 0;
}
