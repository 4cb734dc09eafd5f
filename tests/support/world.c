#include "world.h"

#include "support.h"

#include "aws/kinesis.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/streams.h"

#include <stdarg.h>
#include <stddef.h>

static const char head[] = "[service]\n"
                           "database = unused.db\n"
                           "region = us-east-1\n"
                           "topic_arn = " WORLD_TOPIC "\n";

/* ---- the transport */

static enum world_fault due_fault(struct world *world, const char *operation)
{
    if (world->fault == FAULT_NONE || world->fault_times == 0 ||
        (world->fault_operation != NULL && strcmp(operation, world->fault_operation) != 0))
        return FAULT_NONE;
    if (world->fault_after > 0) {
        world->fault_after--;
        return FAULT_NONE;
    }
    world->fault_times--;
    return world->fault;
}

/* ---- a kill: what is in the database files now is what will be there */

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out;
    char bytes[65536];
    size_t count;

    (void)unlink(to);
    if (in == NULL) /* no -wal: nothing was written since the last checkpoint */
        return;
    out = fopen(to, "wb");
    ck_assert_ptr_nonnull(out);
    while ((count = fread(bytes, 1, sizeof(bytes), in)) > 0)
        ck_assert_uint_eq(fwrite(bytes, 1, count, out), count);
    ck_assert_int_eq(fclose(out), 0);
    (void)fclose(in);
}

static void copy_database(const char *from, const char *to)
{
    static const char *const parts[] = {"", "-wal"};
    char source[160], target[160];

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        snprintf(source, sizeof(source), "%s%s", from, parts[i]);
        snprintf(target, sizeof(target), "%s%s", to, parts[i]);
        copy_file(source, target);
    }
    snprintf(target, sizeof(target), "%s-shm", to);
    (void)unlink(target);
}

static const char *dead_database(const struct world *world)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s.dead", world->database);
    return path;
}

void world_kill(struct world *world)
{
    world->killed = true;
    copy_database(world->database, dead_database(world));
}

/* Is this the request at which the program dies? */
static bool dies_now(struct world *world)
{
    if (world->killed || world->kill_at == 0 || --world->kill_at > 0)
        return false;
    world_kill(world);
    return true;
}

static int deny(const struct world *world, const char *code, struct aws_answer *answer, struct error *err)
{
    answer->status = 400;
    /* Signatures go by the system's clock. */
    answer->date_ms = clock_now_ms(clock_system()) - world->clock_off_ms;
    buffer_init(&answer->body, 1024);
    return buffer_printf(&answer->body, err, "{\"__type\":\"%s\",\"message\":\"User is not authorized\"}",
                         code);
}

static int world_send(struct transport *self, const struct aws_request *request,
                      struct aws_answer *ret_answer, struct error *err)
{
    struct world *world = (struct world *)((char *)self - offsetof(struct world, transport));
    struct world_call *call = &world->calls[world->call_count];
    const struct trouble_kind *trouble;
    enum world_fault fault;
    bool dead = world->killed, dies = dies_now(world);

    ck_assert_uint_lt(world->call_count, WORLD_CALLS_MAX);
    *call = (struct world_call){.at_ms = world->clock.ms};
    aws_request_operation(request, call->operation, sizeof(call->operation));
    fault = due_fault(world, call->operation);
    world->call_count++;
    world->clock.ms += world->answer_ms;
    if (world->meanwhile != NULL && strcmp(call->operation, "PutMetricAlarm") == 0) {
        void (*meanwhile)(struct world *) = world->meanwhile;

        world->meanwhile = NULL;
        meanwhile(world);
    }
    if (dies)
        fault = world->kill_unheard ? FAULT_UNHEARD : FAULT_LOST;
    if (fault == FAULT_UNHEARD || dead)
        return error_set(err, ERROR_TRANSIENT, "connection refused");
    if (fault == FAULT_DENIED)
        return deny(world, "AccessDeniedException", ret_answer, err);
    if (fault == FAULT_CLOCK)
        return deny(world, "InvalidSignatureException", ret_answer, err);
    trouble = trouble_due(world->troubles, world->trouble_count, world->requests++);
    if (trouble != NULL)
        world->clock.ms += trouble->takes_ms;
    if (trouble != NULL && !trouble->executed)
        return trouble_answer(trouble, ret_answer, err);
    if (world->inner.transport.send(&world->inner.transport, request, ret_answer, err) < 0)
        return -1;
    call->status = ret_answer->status;
    if (world->watch != NULL && ret_answer->status == 200)
        world->watch(world, request, call->operation);
    (void)text_copy(call->error_type, sizeof(call->error_type), ret_answer->error_type);
    if (trouble != NULL) {
        aws_answer_clear(ret_answer);
        return trouble_answer(trouble, ret_answer, err);
    }
    if (fault == FAULT_LOST) {
        aws_answer_clear(ret_answer);
        *ret_answer = (struct aws_answer){0};
        return error_set(err, ERROR_TRANSIENT, "connection reset by peer");
    }
    return 0;
}

/* ---- making and unmaking */

static double half(void)
{
    return 0.5;
}

/* One write of a bad disk goes wrong, and the daemon tries again at its next turn. */
static void open_lock(struct world *world, const struct stream_state *state)
{
    struct error err = {0};

    for (int tries = 0; tries < 2; tries++) {
        if (store_lock_release(world->store, state->stream, state->lock_owner, 0, &err) == 0)
            return;
    }
    ck_abort_msg("%s", err.message);
}

/* The daemon opens what a dead process of its host had locked. */
static void open_locks(struct world *world)
{
    struct stream_state_list streams = {0};
    struct error err = {0};

    ck_assert_int_eq(store_streams_all(world->store, &streams, &err), 0);
    for (size_t i = 0; i < streams.count; i++) {
        if (streams.items[i].lock_owner[0] != '\0')
            open_lock(world, &streams.items[i]);
    }
    stream_state_list_clear(&streams);
}

void world_start(struct world *world)
{
    static int number;
    struct credentials_options credentials = {.getenv = inprocess_getenv, .region = "us-east-1"};
    struct aws_client_options client = {.region = "us-east-1",
                                        .getenv = inprocess_getenv,
                                        .dice = half,
                                        .transport = &world->transport,
                                        .clock = &world->clock.clock};
    struct engine_options engine = {.config = world->config, .clock = &world->clock.clock};
    char owner[OWNER_SIZE];
    struct error err = {0};

    world->credentials = credentials_provider_new(&credentials, &world->transport, &world->clock.clock);
    client.credentials = world->credentials;
    snprintf(owner, sizeof(owner), "world:%d", ++number);
    if (aws_client_open(&client, &world->aws, &err) < 0 ||
        store_open(world->database, &world->store, &err) < 0)
        ck_abort_msg("%s", err.message);
    engine.aws = world->aws;
    engine.owner = owner;
    world->engine = engine_new(&engine);
    open_locks(world);
}

void world_stop(struct world *world)
{
    engine_free(world->engine);
    store_close(world->store);
    aws_client_close(world->aws);
    credentials_provider_free(world->credentials);
}

static struct config *parse(const struct world *world, const char *streams)
{
    struct fault_list faults = {0};
    struct config *config = NULL;
    struct error err = {0};
    char *text = must_printf("%s%s%s", head, world->defaults, streams);

    if (config_parse(text, strlen(text), "world.conf", &config, &faults, &err) < 0)
        ck_abort_msg("%s", err.message);
    free(text);
    fault_list_clear(&faults);
    return config;
}

static struct world *world_make(const char *defaults, const char *streams, const struct sim_options *options)
{
    struct world *world = must_calloc(1, sizeof(*world));
    struct sim_options sim = options != NULL ? *options : (struct sim_options){.metric_delay_ms = -1};

    world->defaults = defaults;
    world->config = parse(world, streams);
    clock_virtual_init(&world->clock, 1772409600000);
    world->reconcile_at_ms = INT64_MAX;
    world->calls = must_calloc(WORLD_CALLS_MAX, sizeof(*world->calls));
    sim.start_ms = world->clock.ms;
    sim.public_url = "https://sns.us-east-1.amazonaws.com";
    sim.leave_unsigned = true; /* hand_over() does not look at signatures */
    world->sim = sim_new(&sim);
    world->transport.send = world_send;
    sim_transport_init(&world->inner, world->sim, &world->clock.clock);
    snprintf(world->database, sizeof(world->database), "%s/world.db", temporary_directory());
    world_start(world);
    return world;
}

struct world *world_new(const char *streams, const struct sim_options *options)
{
    return world_make("", streams, options);
}

struct world *world_new_classic(const char *streams, const struct sim_options *options)
{
    return world_make("[defaults]\npolicy = classic\n", streams, options);
}

void world_restart(struct world *world)
{
    world_stop(world);
    if (world->killed)
        copy_database(dead_database(world), world->database);
    world->killed = false;
    world_start(world);
}

void world_configure(struct world *world, const char *streams)
{
    struct config *before = world->config;

    world->config = parse(world, streams);
    world_restart(world);
    config_free(before);
}

void world_free(struct world *world)
{
    world_stop(world);
    sim_free(world->sim);
    config_free(world->config);
    free(world->calls);
    free(world);
}

/* ---- requests of an operator */

int world_ask(struct world *world, const char *target, const char *body, struct aws_answer *ret_answer)
{
    bool kinesis = strncmp(target, "Kinesis", strlen("Kinesis")) == 0;
    struct credentials none = {0};
    struct aws_request request = {
        .method = "POST",
        .url = "http://world/",
        .headers = {{"Content-Type", kinesis ? "application/x-amz-json-1.1" : "application/x-amz-json-1.0"},
                    {"X-Amz-Target", target}},
        .body = body,
        .body_length = strlen(body),
        .credentials = &none,
        .signing_service = kinesis ? "kinesis" : "monitoring",
        .signing_region = "us-east-1"};
    struct error err = {0};

    /* Faults are for the program, not for the scene. */
    *ret_answer = (struct aws_answer){0};
    (void)world->inner.transport.send(&world->inner.transport, &request, ret_answer, &err);
    return ret_answer->status;
}

static cJSON *ask(struct world *world, const char *target, char *body)
{
    struct aws_answer answer;
    cJSON *object;

    ck_assert_msg(world_ask(world, target, body, &answer) == 200, "%s %s: %d %s", target, body, answer.status,
                  buffer_text(&answer.body));
    object = cJSON_Parse(buffer_text(&answer.body));
    aws_answer_clear(&answer);
    free(body);
    return object;
}

#define FORMATTED(text, format)                                     \
    do {                                                            \
        va_list arguments;                                          \
        va_start(arguments, format);                                \
        ck_assert_int_ge(vasprintf(&(text), format, arguments), 0); \
        va_end(arguments);                                          \
    } while (0)

cJSON *world_kinesis(struct world *world, const char *operation, const char *format, ...)
{
    char target[96], *body = NULL;

    FORMATTED(body, format);
    snprintf(target, sizeof(target), "Kinesis_20131202.%s", operation);
    return ask(world, target, body);
}

cJSON *world_cloudwatch(struct world *world, const char *operation, const char *format, ...)
{
    char target[96], *body = NULL;

    FORMATTED(body, format);
    snprintf(target, sizeof(target), "GraniteServiceVersion20100801.%s", operation);
    return ask(world, target, body);
}

static void form(struct world *world, const char *body)
{
    struct credentials none = {0};
    struct aws_request request = {
        .method = "POST",
        .url = "http://world/",
        .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
        .body = body,
        .body_length = strlen(body),
        .credentials = &none,
        .signing_service = "sns",
        .signing_region = "us-east-1"};
    struct aws_answer answer = {0};
    struct error err = {0};

    (void)world->inner.transport.send(&world->inner.transport, &request, &answer, &err);
    ck_assert_msg(answer.status == 200, "%s: %d %s", body, answer.status, buffer_text(&answer.body));
    aws_answer_clear(&answer);
}

static void put_alarm(struct world *world, const char *stream, const char *metric, double threshold)
{
    cJSON_Delete(world_cloudwatch(
        world, "PutMetricAlarm",
        "{\"AlarmName\":\"%s %s\",\"AlarmDescription\":\"the user's own "
        "words\",\"Namespace\":\"AWS/Kinesis\","
        "\"MetricName\":\"%s\",\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"%s\"}],\"Statistic\":"
        "\"Sum\","
        "\"Period\":60,\"EvaluationPeriods\":1,\"DatapointsToAlarm\":1,\"Threshold\":%.1f,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"TreatMissingData\":\"notBreaching\","
        "\"ActionsEnabled\":true,\"AlarmActions\":[\"" WORLD_TOPIC "\"],"
        "\"OKActions\":[\"arn:aws:sns:us-east-1:000000000000:somebody-else\"]}",
        stream, metric, metric, stream, threshold));
}

void world_scene(struct world *world, const char *stream, int shards)
{
    cJSON_Delete(
        world_kinesis(world, "CreateStream", "{\"StreamName\":\"%s\",\"ShardCount\":%d}", stream, shards));
    world_run(world, MINUTE_MS); /* until it is ACTIVE */
    form(world, "Action=CreateTopic&Version=2010-03-31&Name=kinescale");
    form(world, "Action=CreateTopic&Version=2010-03-31&Name=somebody-else");
    form(world,
         "Action=Subscribe&Version=2010-03-31&Protocol=https&Endpoint=https%3A%2F%2Fdaemon.example%2Fsns"
         "&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Akinescale");
    put_alarm(world, stream, "IncomingBytes", 0.8 * 60 * 1048576 * shards);
    put_alarm(world, stream, "IncomingRecords", 0.8 * 60 * 1000 * shards);
    put_alarm(world, stream, "WriteProvisionedThroughputExceeded", 0);
    world_run(world, MINUTE_MS); /* until the subscription is confirmed */
}

void world_traffic(struct world *world, const char *stream, const char *load, int64_t record_bytes,
                   const char *keys)
{
    struct error err = {0};

    sim_advance(world->sim, world->clock.ms);
    if (sim_set_traffic(world->sim, stream, load, record_bytes, keys, &err) < 0)
        ck_abort_msg("%s", err.message);
}

/* ---- time */

void world_strike(struct world *world, enum world_fault fault, const char *operation, int times)
{
    world->fault = fault;
    world->fault_operation = operation;
    world->fault_times = times;
}

void world_run(struct world *world, int64_t ms)
{
    struct inprocess inside = {.clock = &world->clock,
                               .sim = world->sim,
                               .aws = world->aws,
                               .store = world->store,
                               .engine = world->engine,
                               .reconcile_every_ms = 5 * MINUTE_MS,
                               .reconcile_at_ms = world->reconcile_at_ms,
                               .pass_at_ms = INT64_MAX,
                               .deaf = world->deaf || world->killed,
                               /* the dead hear nothing; who is dead already lets time pass */
                               .stopped = world->killed ? NULL : &world->killed};
    struct error err = {0};

    if (inprocess_run(&inside, world->clock.ms + ms, &err) < 0)
        ck_abort_msg("%s", err.message);
    world->reconcile_at_ms = inside.reconcile_at_ms;
    world->taken += inside.taken;
}

/* ---- questions */

struct decision world_last_decision(struct world *world, const char *stream)
{
    struct decision_list list = {0};
    struct decision decision = {0};
    struct error err = {0};

    ck_assert_int_eq(store_decisions_recent(world->store, stream, 1, &list, &err), 0);
    if (list.count > 0)
        decision = list.items[0];
    decision_list_clear(&list);
    return decision;
}

size_t world_count_calls(const struct world *world, const char *operation)
{
    size_t count = 0;

    for (size_t i = 0; i < world->call_count; i++)
        count += strcmp(world->calls[i].operation, operation) == 0;
    return count;
}

void world_shards(struct world *world, const char *stream, struct shard_map *ret_map)
{
    struct error err = {0};
    size_t calls = world->call_count;
    enum world_fault fault = world->fault;
    int kill_at = world->kill_at;

    ck_assert(!world->killed);
    world->fault = FAULT_NONE;
    world->kill_at = 0;
    if (kinesis_list_shards(world->aws, stream, ret_map, &err) < 0)
        ck_abort_msg("%s", err.message);
    world->fault = fault;
    world->kill_at = kill_at;
    world->call_count = calls;
}

int64_t world_open_shards(struct world *world, const char *stream)
{
    struct shard_map map = {0};
    int64_t count;

    world_shards(world, stream, &map);
    count = (int64_t)map.count;
    shard_map_clear(&map);
    return count;
}

void world_assert_partition(struct world *world, const char *stream)
{
    struct shard_map map = {0};
    struct error err = {0};

    world_shards(world, stream, &map);
    ck_assert_msg(shard_map_check(&map, &err) == 0, "%s", err.message);
    shard_map_clear(&map);
}

cJSON *world_alarm(struct world *world, const char *name)
{
    cJSON *answer = world_cloudwatch(world, "DescribeAlarms", "{\"AlarmNames\":[\"%s\"]}", name);
    cJSON *alarm = cJSON_DetachItemFromArray(cJSON_GetObjectItem(answer, "MetricAlarms"), 0);

    ck_assert_msg(alarm != NULL, "no alarm '%s'", name);
    cJSON_Delete(answer);
    return alarm;
}

double world_threshold(struct world *world, const char *name)
{
    cJSON *alarm = world_alarm(world, name);
    double threshold = cJSON_GetObjectItem(alarm, "Threshold")->valuedouble;

    cJSON_Delete(alarm);
    return threshold;
}

const char *world_alarm_state(struct world *world, const char *name)
{
    static const char *const states[] = {"OK", "ALARM", "INSUFFICIENT_DATA"};
    cJSON *alarm = world_alarm(world, name);
    const char *found = "?";

    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (strcmp(states[i], cJSON_GetStringValue(cJSON_GetObjectItem(alarm, "StateValue"))) == 0)
            found = states[i];
    }
    cJSON_Delete(alarm);
    return found;
}

struct action world_last_action(struct world *world)
{
    struct action action;
    struct error err = {0};

    ck_assert_int_eq(store_action_last(world->store, "orders", &action, &err), 0);
    return action;
}
