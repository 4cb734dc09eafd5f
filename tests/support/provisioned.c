#include "provisioned.h"

#include "aws/cloudformation.h"
#include "aws/cloudwatch.h"
#include "aws/sns.h"
#include "base/memory.h"
#include "base/text.h"
#include "support.h"

struct world *scene;
struct config *config;
struct provision *provision;
char told[64 * 1024];

static void note(void *context, const struct provision_row *row, const char *text)
{
    size_t length = strlen(told);

    (void)context;
    snprintf(told + length, sizeof(told) - length, "%s: %s\n", row->stream != NULL ? row->stream : "service",
             text);
}

void set_up(void)
{
    scene = world_new(ORDERS, NULL);
    scene->deaf = true; /* no daemon yet */
}

void tear_down(void)
{
    provision_free(provision);
    provision = NULL;
    config_free(config);
    config = NULL;
    world_free(scene);
}

struct provision *begin(const char *text, bool dry_run)
{
    struct provision_options options = {
        .aws = scene->aws, .clock = &scene->clock.clock, .dry_run = dry_run, .tell = note};
    struct provision *made = NULL;
    const char *streams[16];
    struct error err = {0};

    config_free(config);
    config = config_of(text);
    options.config = config;
    for (size_t i = 0; i < config->stream_count; i++)
        streams[i] = config->streams[i].name;
    options.streams = streams;
    options.stream_count = config->stream_count;
    ck_assert_msg(provision_new(&options, &made, &err) == 0, "%s", err.message);
    return made;
}

bool turn(struct provision *of)
{
    int64_t next_ms = provision_turn(of);

    if (next_ms == INT64_MAX)
        return false;
    if (next_ms > scene->clock.ms)
        world_run(scene, next_ms - scene->clock.ms);
    return true;
}

void finish(void)
{
    for (int turns = 0; turn(provision); turns++)
        ck_assert_msg(turns < 5000, "it has no end:\n%s", told);
}

void run(const char *text)
{
    provision_free(provision);
    told[0] = '\0';
    provision = begin(text, false);
    finish();
}

const struct provision_row *row_of(const char *stream)
{
    size_t count;
    const struct provision_row *rows = provision_rows(provision, &count);

    for (size_t i = 0; i < count; i++) {
        if (text_equal(rows[i].stream, stream))
            return &rows[i];
    }
    ck_abort_msg("there is no row of '%s'", stream);
}

void assert_result(const char *stream, enum provision_result result)
{
    const struct provision_row *row = row_of(stream);

    ck_assert_msg(row->result == result, "%s: %s, %s\n%s", row->stack, provision_result_name(row->result),
                  row->reason, told);
}

const char *status_of(const char *name)
{
    static char status[64];
    struct stack stack = {0};
    struct error err = {0};

    if (cloudformation_describe_stack(scene->aws, name, &stack, &err) < 0)
        return "";
    (void)text_copy(status, sizeof(status), stack.status);
    stack_clear(&stack);
    return status;
}

bool has_alarm(const char *name)
{
    struct alarm_list list = {0};
    struct error err = {0};
    bool found;

    ck_assert_int_eq(cloudwatch_alarms_by_name(scene->aws, &name, 1, &list, &err), 0);
    found = list.count > 0;
    alarm_list_clear(&list);
    return found;
}

size_t count_refused(const char *operation)
{
    size_t count = 0;

    for (size_t i = 0; i < scene->call_count; i++)
        count += strcmp(scene->calls[i].operation, operation) == 0 && scene->calls[i].status != 200;
    return count;
}

bool has_change_set(void)
{
    return world_count_calls(scene, "CreateChangeSet") - count_refused("CreateChangeSet") >
           world_count_calls(scene, "ExecuteChangeSet") - count_refused("ExecuteChangeSet") +
               world_count_calls(scene, "DeleteChangeSet") - count_refused("DeleteChangeSet");
}

size_t deeds(void)
{
    static const char *const operations[] = {"CreateStack", "CreateChangeSet", "ExecuteChangeSet",
                                             "DeleteStack"};
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(operations); i++)
        count += world_count_calls(scene, operations[i]);
    return count;
}

void make_stream_by_hand(const char *name, int shards)
{
    cJSON_Delete(
        world_kinesis(scene, "CreateStream", "{\"StreamName\":\"%s\",\"ShardCount\":%d}", name, shards));
    world_run(scene, MINUTE_MS);
}

void resize(int shards)
{
    cJSON_Delete(world_kinesis(
        scene, "UpdateShardCount",
        "{\"StreamName\":\"orders\",\"TargetShardCount\":%d,\"ScalingType\":\"UNIFORM_SCALING\"}", shards));
    world_run(scene, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(scene, "orders"), shards);
}

void put_alarm(const char *name, const char *metric)
{
    cJSON_Delete(world_cloudwatch(
        scene, "PutMetricAlarm",
        "{\"AlarmName\":\"%s\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"%s\","
        "\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],\"Statistic\":\"Sum\","
        "\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":77,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"AlarmActions\":[\"" WORLD_TOPIC "\"]}",
        name, metric));
}

void assert_made(void)
{
    enum subscription_state state;
    struct error err = {0};

    ck_assert_str_eq(status_of(SERVICE_STACK), "CREATE_COMPLETE");
    ck_assert_str_eq(status_of(ORDERS_STACK), "CREATE_COMPLETE");
    ck_assert_int_eq(world_open_shards(scene, "orders"), 4);
    ck_assert_int_eq(world_open_shards(scene, "user_events"), 3);
    ck_assert_double_eq(world_threshold(scene, BYTES), 0.8 * 60 * 1048576 * 4);
    ck_assert_double_eq(world_threshold(scene, RECORDS), 0.8 * 60 * 1000 * 4);
    ck_assert_double_eq(world_threshold(scene, THROTTLED), 0);
    ck_assert_double_eq(world_threshold(scene, "kinescale-user_events-IncomingRecords"), 0.8 * 60 * 1000 * 3);
    ck_assert_int_eq(sns_subscription(scene->aws, WORLD_TOPIC, URL, &state, &err), 0);
    ck_assert_int_eq(state, SUBSCRIPTION_PENDING);
}
