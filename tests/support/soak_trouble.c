/*
 * soak_trouble.c - what producers, operators, AWS and the machine do to the program, by the dice.
 */
#include "soak.h"
#include "support.h"

#include "bad_disk.h"

#include "base/memory.h"
#include "store/streams.h"

#define MIB 1048576.0

enum {
    REQUESTS_A_SLICE = 3, /* a stream is asked about so often in ten minutes */
    DISK_OPERATIONS = 400,
    QUIET_MS = HOUR_MS, /* nobody disturbs a stream again before */
};

/* ---- loads */

static void steady(char *text, size_t size, double mib_s)
{
    snprintf(text, size, "constant:%.0f", mib_s * MIB);
}

static void day_and_night(char *text, size_t size, double mib_s)
{
    snprintf(text, size, "day:%.0f:%.0f", 0.1 * mib_s * MIB, mib_s * MIB);
}

static void rising(char *text, size_t size, double mib_s)
{
    snprintf(text, size, "ramp:%.0f:%.0f:50m", 0.2 * mib_s * MIB, mib_s * MIB);
}

static void waves(char *text, size_t size, double mib_s)
{
    snprintf(text, size, "sine:%.0f:%.0f:3h", 0.1 * mib_s * MIB, mib_s * MIB);
}

static void bursts(char *text, size_t size, double mib_s)
{
    double low = 0.15 * mib_s * MIB, high = mib_s * MIB;

    snprintf(text, size, "steps:40m=%.0f,6m=%.0f,55m=%.0f,12m=%.0f,10m=%.0f", low, high, low, high, low);
}

static void trickle(char *text, size_t size, double mib_s)
{
    snprintf(text, size, "constant:%.0f", mib_s * 1024);
}

static void nothing(char *text, size_t size, double mib_s)
{
    (void)mib_s;
    snprintf(text, size, "constant:0");
}

typedef void load_fn(char *text, size_t size, double mib_s);
static load_fn *const loads[] = {steady, day_and_night, day_and_night, rising, waves,
                                 bursts, bursts,        trickle,       nothing};
/* Even keys are the rule. */
static const char *const keys[] = {"uniform", "uniform",     "uniform",       "uniform",
                                   "uniform", "zipf:1:1000", "slice:0.5:1:4", "hot:0.2"};

static void set_load(struct soak *soak, const struct soak_stream *stream, load_fn *load, double mib_s,
                     const char *spread)
{
    char text[160];

    load(text, sizeof(text), mib_s);
    world_traffic(soak->world, stream->name, text, 4096, spread);
}

/* One in twenty has a maximum that is too low for its load. */
void soak_load(struct soak *soak, struct soak_stream *stream)
{
    double most = (double)stream->config->max_shards;
    double part =
        0.01 * (double)(soak_dice(soak, 20) == 0 ? 80 + soak_dice(soak, 50) : 3 + soak_dice(soak, 57));

    if (stream->back_ms == 0)
        set_load(soak, stream, loads[soak_dice(soak, COUNT_OF(loads))], most * part,
                 keys[soak_dice(soak, COUNT_OF(keys))]);
}

/* ---- somebody else at work */

struct soak_stream *soak_any_stream(struct soak *soak)
{
    int64_t now_ms = soak->world->clock.ms;

    for (int tries = 0; tries < 10; tries++) {
        struct soak_stream *stream = &soak->streams[soak_dice(soak, (int64_t)soak->stream_count)];

        if (stream->back_ms == 0 && stream->paused_ms <= now_ms && stream->disturbed_ms + QUIET_MS < now_ms) {
            stream->disturbed_ms = now_ms;
            return stream;
        }
    }
    return NULL;
}

/* Frees `body`; true when AWS did it. */
static bool asked(struct soak *soak, const char *target, char *body)
{
    struct aws_answer answer;
    int status = world_ask(soak->world, target, body, &answer);

    aws_answer_clear(&answer);
    free(body);
    return status == 200;
}

static bool reshard(struct soak *soak)
{
    struct soak_stream *stream = soak_any_stream(soak);
    struct sim_totals totals;
    struct error err = {0};
    int64_t target;

    if (stream == NULL || sim_stream_totals(soak->world->sim, stream->name, &totals, &err) < 0)
        return false;
    target = totals.open_shards + (totals.open_shards > 1 && soak_dice(soak, 2) == 0 ? -1 : 1);
    return asked(soak, "Kinesis_20131202.UpdateShardCount",
                 must_printf("{\"StreamName\":\"%s\",\"TargetShardCount\":%lld,\"ScalingType\":"
                             "\"UNIFORM_SCALING\"}",
                             stream->name, (long long)target));
}

static bool move_threshold(struct soak *soak)
{
    const struct soak_stream *stream = soak_any_stream(soak);

    if (stream == NULL || stream->config->alarm_level != ALARM_LEVEL_STREAM)
        return false;
    return asked(
        soak, "GraniteServiceVersion20100801.PutMetricAlarm",
        must_printf("{\"AlarmName\":\"%s-IncomingBytes\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":"
                    "\"IncomingBytes\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"%s\"}],"
                    "\"Statistic\":\"Sum\",\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":%lld,"
                    "\"ComparisonOperator\":\"GreaterThanThreshold\",\"TreatMissingData\":"
                    "\"notBreaching\",\"AlarmActions\":[\"" WORLD_TOPIC "\"]}",
                    stream->name, stream->name, (long long)(1 + soak_dice(soak, 100000000))));
}

static bool raise_alarm(struct soak *soak)
{
    const struct soak_stream *stream = soak_any_stream(soak);

    return stream != NULL &&
           asked(soak, "GraniteServiceVersion20100801.SetAlarmState",
                 must_printf("{\"AlarmName\":\"%s-IncomingRecords\",\"StateValue\":\"ALARM\","
                             "\"StateReason\":\"by hand\"}",
                             stream->name));
}

static bool delete_stream(struct soak *soak)
{
    struct soak_stream *stream = soak_any_stream(soak);

    if (stream == NULL ||
        !asked(soak, "Kinesis_20131202.DeleteStream", must_printf("{\"StreamName\":\"%s\"}", stream->name)))
        return false;
    stream->back_ms = soak->world->clock.ms + HOUR_MS / 2 + soak_dice(soak, 5 * HOUR_MS);
    stream->last_step = 0;
    return true;
}

static void bring_back(struct soak *soak, struct soak_stream *stream)
{
    if (!asked(soak, "Kinesis_20131202.CreateStream",
               must_printf("{\"StreamName\":\"%s\",\"ShardCount\":%lld}", stream->name,
                           (long long)stream->config->min_shards)))
        return; /* not yet gone, or too many at once: the next time */
    stream->back_ms = 0;
    stream->disturbed_ms = soak->world->clock.ms;
    soak_load(soak, stream);
}

/* ---- operators of the program */

static bool pause_stream(struct soak *soak)
{
    struct soak_stream *stream = soak_any_stream(soak);
    int64_t now_ms = soak->world->clock.ms;
    struct error err = {0};

    if (stream == NULL)
        return false;
    stream->paused_ms = now_ms + 5 * MINUTE_MS + soak_dice(soak, 3 * HOUR_MS);
    return store_stream_pause(soak->world->store, stream->name, stream->paused_ms, now_ms, &err) == 0;
}

static bool by_hand(struct soak *soak)
{
    const struct soak_stream *stream = soak_any_stream(soak);
    struct by_hand_request request = {.kind = BY_HAND_BY, .count = 1 - 2 * soak_dice(soak, 2)};
    struct by_hand_plan plan = {0};
    struct error err = {0};
    bool begun;

    if (stream == NULL)
        return false;
    request.stream = stream->name;
    begun = engine_by_hand(soak->world->engine, soak->world->store, &request, &plan, &err) == 0;
    by_hand_plan_clear(&plan);
    return begun;
}

/* ---- AWS */

static bool request_fails(struct soak *soak)
{
    struct world *world = soak->world;
    int64_t requests = REQUESTS_A_SLICE * (int64_t)soak->stream_count;

    world->trouble_count = 1 + (int)soak_dice(soak, 2);
    for (int i = 0; i < world->trouble_count; i++)
        world->troubles[i] = (struct trouble){.kind = &trouble_kinds[soak_dice(soak, trouble_kind_count)],
                                              .at = (int)soak_dice(soak, requests)};
    return true;
}

static bool outage(struct soak *soak)
{
    soak->world->fault = FAULT_UNHEARD;
    soak->world->fault_times = INT32_MAX;
    return true;
}

static bool denied(struct soak *soak)
{
    static const char *const operations[] = {"ListShards",    "DescribeAlarms", "PutMetricAlarm",
                                             "SetAlarmState", "SplitShard",     "MergeShards",
                                             "GetMetricData"};

    soak->world->fault = FAULT_DENIED;
    soak->world->fault_times = INT32_MAX;
    soak->world->fault_operation = operations[soak_dice(soak, COUNT_OF(operations))];
    return true;
}

static bool slow(struct soak *soak)
{
    soak->world->answer_ms = 50 + soak_dice(soak, 500);
    return true;
}

static bool deaf(struct soak *soak)
{
    soak->world->deaf = true;
    return true;
}

/* ---- the machine */

static bool kill_at_request(struct soak *soak)
{
    soak->world->kill_at = 1 + (int)soak_dice(soak, REQUESTS_A_SLICE * (int64_t)soak->stream_count);
    soak->world->kill_unheard = soak_dice(soak, 2) == 0;
    return true;
}

static void die(void *context)
{
    struct world *world = context;

    if (!world->killed)
        world_kill(world);
}

static bool disk(struct soak *soak, enum disk_fault fault)
{
    bad_disk = (struct bad_disk){
        .fault = fault, .at = 1 + (int)soak_dice(soak, DISK_OPERATIONS), .kill = die, .context = soak->world};
    return true;
}

static bool disk_fails(struct soak *soak)
{
    static const enum disk_fault faults[] = {DISK_FULL, DISK_IO, DISK_BUSY};

    return disk(soak, faults[soak_dice(soak, COUNT_OF(faults))]);
}

static bool kill_at_write(struct soak *soak)
{
    return disk(soak, DISK_KILL);
}

static bool restart(struct soak *soak)
{
    soak_restart(soak);
    return true;
}

static bool sleep_long(struct soak *soak)
{
    soak->world->clock.ms += 10 * MINUTE_MS + soak_dice(soak, 3 * HOUR_MS);
    return true;
}

/* By less than AWS minds. */
static bool set_back(struct soak *soak)
{
    soak->world->clock.ms -= 10000 + soak_dice(soak, 4 * MINUTE_MS);
    soak->world->reconcile_at_ms = soak->world->clock.ms; /* as the daemon does */
    return true;
}

/* For two minutes, in which AWS refuses every call and its own time stands still. */
static bool wrong_clock(struct soak *soak)
{
    static const int64_t hours[] = {-24, -1, 1, 24, 365 * 24};
    int64_t off_ms = hours[soak_dice(soak, COUNT_OF(hours))] * HOUR_MS;
    int64_t rows = soak_ask(soak, "SELECT count(*) FROM notifications", NULL, 0);
    struct world *world = soak->world;
    struct error err = {0};

    world->fault = FAULT_CLOCK;
    world->fault_operation = NULL; /* whatever is signed by it */
    world->fault_times = INT32_MAX;
    world->clock_off_ms = off_ms;
    world->clock.ms += off_ms;
    (void)engine_reconcile(world->engine, world->store, &err);
    for (int i = 0; i < 20; i++) {
        (void)engine_turn(world->engine, world->store,
                          soak->streams[soak_dice(soak, (int64_t)soak->stream_count)].name, &err);
        world->clock.ms += 6000;
    }
    world->clock.ms -= off_ms;
    world->fault = FAULT_NONE;
    world->reconcile_at_ms = world->clock.ms;
    if (soak_ask(soak, "SELECT count(*) FROM notifications", NULL, 0) < rows)
        soak_broken(soak, "day %d: a clock that is wrong has cost notifications", soak->day);
    return true;
}

/* ---- the dice */

static const struct {
    const char *name;
    int per_thousand; /* slices */
    bool (*begin)(struct soak *soak);
} troubles[] = {
    {"requests that fail", 600, request_fails},
    {"AWS away for ten minutes", 10, outage},
    {"AWS refuses an operation for ten minutes", 10, denied},
    {"AWS slow for ten minutes", 20, slow},
    {"messages of SNS lost for ten minutes", 30, deaf},
    {"disk full, failing or busy", 60, disk_fails},
    {"killed at a request", 5, kill_at_request},
    {"killed at a write", 5, kill_at_write},
    {"restarted", 3, restart},
    {"slept for hours", 3, sleep_long},
    {"clock set back by minutes", 10, set_back},
    {"clock wrong by hours for two minutes", 6, wrong_clock},
    {"resharded by somebody else", 100, reshard},
    {"threshold moved by somebody else", 60, move_threshold},
    {"alarm raised by somebody else", 60, raise_alarm},
    {"stream deleted and made anew", 20, delete_stream},
    {"paused", 40, pause_stream},
    {"scaled by hand", 40, by_hand},
};
_Static_assert(COUNT_OF(troubles) <= SOAK_TROUBLES_MAX, "a counter for each");
const int soak_trouble_count = (int)COUNT_OF(troubles);

const char *soak_trouble_name(int row)
{
    return troubles[row].name;
}

/* One sixth of the streams get another load in an hour. */
static void change_loads(struct soak *soak)
{
    for (size_t i = 0; i < soak->stream_count; i++) {
        if (soak_dice(soak, 36) == 0)
            soak_load(soak, &soak->streams[i]);
    }
}

void soak_begin_trouble(struct soak *soak)
{
    change_loads(soak);
    for (size_t i = 0; i < soak->stream_count; i++) {
        if (soak->streams[i].back_ms != 0 && soak->streams[i].back_ms <= soak->world->clock.ms)
            bring_back(soak, &soak->streams[i]);
    }
    for (int i = 0; i < soak_trouble_count; i++) {
        if (soak_dice(soak, 1000) < troubles[i].per_thousand && troubles[i].begin(soak))
            soak->troubles[i]++;
    }
}

void soak_end_trouble(struct soak *soak)
{
    struct world *world = soak->world;

    for (int i = 0; i < world->trouble_count; i++)
        soak->faults_struck += world->troubles[i].struck;
    soak->faults_struck += bad_disk.fault != DISK_GOOD && bad_disk.struck;
    bad_disk = (struct bad_disk){.fault = DISK_GOOD};
    world->trouble_count = 0;
    world->kill_at = 0;
    world->fault = FAULT_NONE;
    world->fault_operation = NULL;
    world->answer_ms = 0;
    world->deaf = false;
}

void soak_calm(struct soak *soak)
{
    struct error err = {0};

    for (size_t i = 0; i < soak->stream_count; i++) {
        struct soak_stream *stream = &soak->streams[i];

        for (int tries = 0; stream->back_ms != 0 && tries < 100; tries++) {
            soak->world->clock.ms += 10000;
            bring_back(soak, stream);
        }
        if (stream->paused_ms > soak->world->clock.ms) {
            stream->paused_ms = soak->world->clock.ms;
            ck_assert_int_eq(
                store_stream_pause(soak->world->store, stream->name, 0, soak->world->clock.ms, &err), 0);
        }
        set_load(soak, stream, steady,
                 (double)stream->config->max_shards * (0.05 + 0.01 * (double)soak_dice(soak, 30)), "uniform");
    }
}
