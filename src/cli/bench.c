/*
 * bench.c - the simulated AWS in which a load is replayed, and what there is to know of it afterwards.
 */
#include "bench.h"

#include "base/json_print.h"
#include "base/memory.h"

#include <cjson/cJSON.h>

enum {
    SETTLE_MS = 10 * 60 * 1000, /* before the load: a stream takes half a minute to be made */
};
/* Where a load begins whose file has no dates: a Monday. */
static const int64_t undated_start_ms = 1772409600000; /* 2026-03-02 00:00 UTC */

/* ---- every resharding call, as it was sent */

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
        recorder->refused_updates += strcmp(operation, "UpdateShardCount") == 0;
    }
    write_line(recorder, line);
    return 0;
}

/* ---- the world */

/* No dice: the same seed shall give the same answer. */
static double half(void)
{
    return 0.5;
}

int bench_open(struct bench *bench, const struct backtest *backtest, struct error *err)
{
    int64_t start_ms = backtest->load.start_ms > 0 ? backtest->load.start_ms : undated_start_ms;
    struct sim_options sim = {.start_ms = start_ms - SETTLE_MS,
                              .seed = backtest->seed,
                              .shard_limit = BENCH_SHARDS_MAX,
                              .split_ms = backtest->split_ms,
                              .update_ms = backtest->update_ms,
                              .metric_delay_ms = backtest->metric_delay_ms,
                              .check_quotas = true,
                              .leave_unsigned = true, /* nobody looks at signatures in here */
                              .public_url = "https://sns.amazonaws.com"};
    struct credentials_options credentials = {.getenv = inprocess_getenv};
    struct aws_client_options client = {
        .getenv = inprocess_getenv, .clock = &bench->clock.clock, .dice = half};

    bench->backtest = backtest;
    bench->start_ms = start_ms;
    if (arn_parse(backtest->config->service.topic_arns[0], &bench->topic, err) < 0)
        return -1;
    sim.account = bench->topic.account;
    sim.region = credentials.region = client.region = bench->topic.region;
    clock_virtual_init(&bench->clock, sim.start_ms);
    bench->sim = sim_new(&sim);
    sim_transport_init(&bench->recorder.inner, bench->sim, &bench->clock.clock);
    bench->recorder.transport.send = send_and_record;
    bench->recorder.start_ms = start_ms;
    client.transport = &bench->recorder.transport;
    bench->credentials =
        credentials_provider_new(&credentials, &bench->recorder.transport, &bench->clock.clock);
    client.credentials = bench->credentials;
    return aws_client_open(&client, &bench->aws, err);
}

void bench_close(struct bench *bench)
{
    aws_client_close(bench->aws);
    credentials_provider_free(bench->credentials);
    sim_free(bench->sim);
}

int bench_begin(struct bench *bench, FILE *operations, struct error *err)
{
    const struct backtest *backtest = bench->backtest;
    const char *stream = backtest->config->streams[0].name;

    if (sim_set_minutes(bench->sim, stream, &backtest->load, backtest->keys, err) < 0 ||
        sim_stream_totals(bench->sim, stream, &bench->before, err) < 0)
        return -1;
    bench->metrics_before = sim_metrics_requested(bench->sim);
    bench->recorder.file = operations;
    write_start(&bench->recorder, bench->before.open_shards);
    return 0;
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
    totals.offered_put_units -= before->offered_put_units;
    totals.accepted_put_units -= before->accepted_put_units;
    totals.offered_kib -= before->offered_kib;
    totals.shard_hours -= before->shard_hours;
    totals.splits -= before->splits;
    totals.merges -= before->merges;
    totals.updates -= before->updates;
    totals.minutes_throttled -= before->minutes_throttled;
    return totals;
}

int bench_end(struct bench *bench, struct backtest_result *ret_result, struct error *err)
{
    struct sim_totals after;

    if (sim_stream_totals(bench->sim, bench->backtest->config->streams[0].name, &after, err) < 0)
        return -1;
    *ret_result = (struct backtest_result){.hours = (double)bench->backtest->load.count / 60,
                                           .totals = difference(&after, &bench->before),
                                           .metrics_requested =
                                               sim_metrics_requested(bench->sim) - bench->metrics_before,
                                           .refused = bench->recorder.refused,
                                           .refused_updates = bench->recorder.refused_updates};
    return 0;
}
