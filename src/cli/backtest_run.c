/*
 * backtest_run.c - a recorded load through the real engine, against the simulated AWS.
 *
 * The stream, its alarms and its topic are there a few minutes before the load begins, as they would be: nothing of
 * its history is known.
 */
#include "backtest.h"

#include "aws/endpoint.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "cli/inprocess.h"

#include <cjson/cJSON.h>

enum {
    SETTLE_MS = 10 * 60 * 1000,     /* before the load: a stream takes half a minute to be made */
    PASS_FIRST_MS = 10 * 60 * 1000, /* as the daemon has it */
    MINUTE_MS = 60 * 1000,
    SLICE_MS = 24 * 60 * MINUTE_MS, /* between two looks at the progress */
    SHARD_LIMIT = 20000,            /* of an account in a large region */
    BAR_WIDTH = 40,
};
/* Where a load begins whose file has no dates: a Monday. */
static const int64_t undated_start_ms = 1772409600000; /* 2026-03-02 00:00 UTC */

/* ---- every resharding call, as it was sent */

struct recorder {
    struct transport transport; /* first */
    struct sim_transport inner;
    FILE *file;
    int64_t start_ms;
    int64_t refused;
};

static void free_json(cJSON **json)
{
    cJSON_Delete(*json);
}

static void copy_text(cJSON *to, const char *name, const cJSON *from, const char *member)
{
    (void)cJSON_AddStringToObject(to, name, cJSON_GetStringValue(cJSON_GetObjectItem(from, member)));
}

/* NULL for a call that reshards nothing. */
static cJSON *describe(const char *operation, const cJSON *input, double seconds)
{
    cJSON *line = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(line, "t", seconds);
    if (strcmp(operation, "SplitShard") == 0) {
        (void)cJSON_AddStringToObject(line, "op", "split");
        copy_text(line, "shard", input, "ShardToSplit");
        copy_text(line, "key", input, "NewStartingHashKey");
    } else if (strcmp(operation, "MergeShards") == 0) {
        cJSON *shards;

        (void)cJSON_AddStringToObject(line, "op", "merge");
        shards = cJSON_AddArrayToObject(line, "shards");
        (void)cJSON_AddItemToArray(
            shards, cJSON_CreateString(cJSON_GetStringValue(cJSON_GetObjectItem(input, "ShardToMerge"))));
        (void)cJSON_AddItemToArray(shards, cJSON_CreateString(cJSON_GetStringValue(
                                               cJSON_GetObjectItem(input, "AdjacentShardToMerge"))));
    } else if (strcmp(operation, "UpdateShardCount") == 0) {
        (void)cJSON_AddStringToObject(line, "op", "update");
        (void)cJSON_AddNumberToObject(line, "target",
                                      cJSON_GetNumberValue(cJSON_GetObjectItem(input, "TargetShardCount")));
    } else {
        cJSON_Delete(line);
        return NULL;
    }
    return line;
}

static void write_line(const struct recorder *recorder, const cJSON *line)
{
    char *text;

    if (recorder->file == NULL)
        return;
    text = json_print(line);
    fprintf(recorder->file, "%s\n", text);
    free(text);
}

static void write_start(const struct recorder *recorder, int64_t shards)
{
    SCOPED(free_json) cJSON *line = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(line, "t", 0);
    (void)cJSON_AddStringToObject(line, "op", "start");
    (void)cJSON_AddNumberToObject(line, "shards", (double)shards);
    write_line(recorder, line);
}

static int send_and_record(struct transport *self, const struct aws_request *request,
                           struct aws_answer *ret_answer, struct error *err)
{
    struct recorder *recorder = (struct recorder *)self;
    SCOPED(free_json) cJSON *input = NULL;
    SCOPED(free_json) cJSON *line = NULL;
    char operation[64];

    if (recorder->inner.transport.send(&recorder->inner.transport, request, ret_answer, err) < 0)
        return -1;
    aws_request_operation(request, operation, sizeof(operation));
    /* Most calls only read; those need not be parsed again. */
    if (strstr(operation, "Shard") == NULL || strcmp(operation, "ListShards") == 0)
        return 0;
    input = cJSON_Parse(request->body);
    line =
        describe(operation, input, (double)(clock_now_ms(recorder->inner.clock) - recorder->start_ms) / 1000);
    if (line == NULL)
        return 0;
    if (ret_answer->status != 200) {
        (void)cJSON_AddTrueToObject(line, "refused");
        recorder->refused++;
    }
    write_line(recorder, line);
    return 0;
}

/* ---- the world */

struct bench {
    struct virtual_clock clock;
    struct sim *sim;
    struct recorder recorder;
    struct credentials_provider *credentials;
    struct aws_client *aws;
    struct store *store;
    struct engine *engine;
};

/* No dice: the same seed shall give the same answer. */
static double half(void)
{
    return 0.5;
}

static int open_bench(struct bench *bench, const struct backtest *backtest, const struct arn *topic,
                      int64_t start_ms, struct error *err)
{
    struct sim_options sim = {.account = topic->account,
                              .region = topic->region,
                              .start_ms = start_ms - SETTLE_MS,
                              .seed = backtest->seed,
                              .shard_limit = SHARD_LIMIT,
                              .split_ms = backtest->split_ms,
                              .update_ms = backtest->update_ms,
                              .metric_delay_ms = backtest->metric_delay_ms,
                              .check_quotas = true,
                              .leave_unsigned = true, /* nobody looks at signatures in here */
                              .public_url = "https://sns.amazonaws.com"};
    struct credentials_options credentials = {.getenv = inprocess_getenv, .region = topic->region};
    struct aws_client_options client = {
        .region = topic->region, .getenv = inprocess_getenv, .clock = &bench->clock.clock, .dice = half};
    struct engine_options engine = {
        .config = backtest->config, .clock = &bench->clock.clock, .owner = "backtest"};

    clock_virtual_init(&bench->clock, sim.start_ms);
    bench->sim = sim_new(&sim);
    sim_transport_init(&bench->recorder.inner, bench->sim, &bench->clock.clock);
    bench->recorder.transport.send = send_and_record;
    bench->recorder.start_ms = start_ms;
    bench->recorder.file = backtest->operations;
    client.transport = &bench->recorder.transport;
    bench->credentials =
        credentials_provider_new(&credentials, &bench->recorder.transport, &bench->clock.clock);
    client.credentials = bench->credentials;
    if (aws_client_open(&client, &bench->aws, err) < 0 || store_open(":memory:", &bench->store, err) < 0)
        return -1;
    engine.aws = bench->aws;
    bench->engine = engine_new(&engine);
    return 0;
}

static void close_bench(struct bench *bench)
{
    engine_free(bench->engine);
    store_close(bench->store);
    aws_client_close(bench->aws);
    credentials_provider_free(bench->credentials);
    sim_free(bench->sim);
}

/* The topic's ARN ends with its name. */
static int set_scene(const struct bench *bench, const struct backtest *backtest, const struct arn *topic,
                     struct error *err)
{
    const struct stream_config *stream = &backtest->config->streams[0];
    SCOPED(free_text)
    char *text = must_printf("topic %s\nsubscribe %s https://backtest.invalid/sns\nstream %s shards=%lld\n"
                             "alarms %s topic=%s threshold=%g%% period=%llds\n",
                             topic->resource, topic->resource, stream->name,
                             (long long)backtest->initial_shards, stream->name, topic->resource,
                             stream->scale_up_threshold * 100, (long long)stream->alarm_period_ms / 1000);

    return sim_scene_play(bench->sim, "backtest", text, err);
}

/* ---- the run */

static void draw_progress(FILE *file, int64_t done_ms, int64_t all_ms)
{
    int filled = (int)(BAR_WIDTH * done_ms / all_ms);

    if (file == NULL)
        return;
    fprintf(file, "\r\033[K[%.*s%*s] day %lld of %lld", filled, "########################################",
            BAR_WIDTH - filled, "", (long long)(done_ms / SLICE_MS), (long long)(all_ms / SLICE_MS));
    if (done_ms == all_ms)
        fprintf(file, "\r\033[K");
    fflush(file);
}

/* Minute by minute where a story of it is told, else day by day: the same happens. */
static int replay(struct inprocess *world, const struct backtest *backtest, int64_t start_ms,
                  struct error *err)
{
    const char *stream = backtest->config->streams[0].name;
    int64_t all_ms = (int64_t)backtest->load.count * MINUTE_MS;
    int64_t slice_ms = backtest->story != NULL ? MINUTE_MS : SLICE_MS;

    if (backtest->story != NULL && story_begin(backtest->story, world->sim, stream, start_ms, err) < 0)
        return -1;
    for (int64_t done_ms = 0; done_ms < all_ms;) {
        done_ms = done_ms + slice_ms < all_ms ? done_ms + slice_ms : all_ms;
        if (inprocess_run(world, start_ms + done_ms, err) < 0 ||
            (backtest->story != NULL && story_minute(backtest->story, world->sim, stream, err) < 0))
            return -1;
        if (done_ms % SLICE_MS == 0 || done_ms == all_ms)
            draw_progress(backtest->progress, done_ms, all_ms);
    }
    return backtest->story != NULL ? story_end(backtest->story, world->store, err) : 0;
}

static struct sim_totals difference(const struct sim_totals *after, const struct sim_totals *before)
{
    struct sim_totals totals = *after; /* open_shards and peak_shards are no sums */

    totals.offered_bytes -= before->offered_bytes;
    totals.accepted_bytes -= before->accepted_bytes;
    totals.throttled_bytes -= before->throttled_bytes;
    totals.offered_records -= before->offered_records;
    totals.accepted_records -= before->accepted_records;
    totals.throttled_records -= before->throttled_records;
    totals.shard_hours -= before->shard_hours;
    totals.splits -= before->splits;
    totals.merges -= before->merges;
    totals.updates -= before->updates;
    totals.minutes_throttled -= before->minutes_throttled;
    return totals;
}

static int run_bench(struct bench *bench, const struct backtest *backtest, const struct arn *topic,
                     int64_t start_ms, struct backtest_result *ret_result, struct error *err)
{
    const char *stream = backtest->config->streams[0].name;
    struct inprocess world = {.clock = &bench->clock,
                              .sim = bench->sim,
                              .aws = bench->aws,
                              .store = bench->store,
                              .engine = bench->engine,
                              .reconcile_every_ms = backtest->config->service.reconcile_every_ms,
                              .reconcile_at_ms = start_ms,
                              .pass_at_ms = start_ms + PASS_FIRST_MS};
    struct sim_totals before, after;

    if (set_scene(bench, backtest, topic, err) < 0 || inprocess_run(&world, start_ms, err) < 0)
        return -1;
    if (sim_set_minutes(bench->sim, stream, &backtest->load, backtest->keys, err) < 0) {
        err->kind = ERROR_CONFIG; /* what an operator wrote */
        return error_wrap(err, "--keys");
    }
    if (sim_stream_totals(bench->sim, stream, &before, err) < 0)
        return -1;
    write_start(&bench->recorder, before.open_shards);
    if (replay(&world, backtest, start_ms, err) < 0 || sim_stream_totals(bench->sim, stream, &after, err) < 0)
        return -1;
    *ret_result = (struct backtest_result){.hours = (double)backtest->load.count / 60,
                                           .totals = difference(&after, &before),
                                           .refused = bench->recorder.refused,
                                           .failed_turns = world.failed_turns};
    return 0;
}

int backtest_run(const struct backtest *backtest, struct backtest_result *ret_result, struct error *err)
{
    struct bench bench = {0};
    struct arn topic;
    int64_t start_ms = backtest->load.start_ms > 0 ? backtest->load.start_ms : undated_start_ms;
    int result;

    if (arn_parse(backtest->config->service.topic_arns[0], &topic, err) < 0)
        return -1;
    result = open_bench(&bench, backtest, &topic, start_ms, err);
    if (result == 0)
        result = run_bench(&bench, backtest, &topic, start_ms, ret_result, err);
    close_bench(&bench);
    return result;
}
