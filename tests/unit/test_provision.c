/*
 * Provisioning: the real thing against the simulated CloudFormation, in virtual time.
 */
#include "support.h"
#include "world.h"

#include "aws/cloudformation.h"
#include "aws/cloudwatch.h"
#include "aws/kinesis.h"
#include "aws/sns.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/provision.h"

#define URL "https://daemon.example/sns"
#define SERVICE "[service]\nregion = us-east-1\ntopic_arn = " WORLD_TOPIC "\npublic_url = " URL "\n"
#define UNCONFIRMED                                                                                         \
    "the subscription is not confirmed: SNS asks when it is made; once the daemon runs, have it ask again " \
    "(aws sns "                                                                                             \
    "subscribe)"
#define ORDERS "[stream orders]\nmin_shards = 2\nmax_shards = 64\ndesired_shards = 4\n"
#define LONGER "alarm_period = 300s\ncooldown = 10m\n"
#define BOTH SERVICE ORDERS "[stream user_events]\ndesired_shards = 3\n"
#define BYTES "kinescale-orders-IncomingBytes"
#define RECORDS "kinescale-orders-IncomingRecords"
#define THROTTLED "kinescale-orders-WriteProvisionedThroughputExceeded"
#define ORDERS_STACK "kinescale-stream-orders"
#define SERVICE_STACK "kinescale-service-kinescale"

static struct world *world;
static struct config *config;
static struct provision *provision;
static char told[64 * 1024];

static void note(void *context, const struct provision_row *row, const char *text)
{
    size_t length = strlen(told);

    (void)context;
    snprintf(told + length, sizeof(told) - length, "%s: %s\n", row->stream != NULL ? row->stream : "service",
             text);
}

static void set_up(void)
{
    world = world_new(ORDERS, NULL);
    world->deaf = true; /* no daemon yet */
}

static void tear_down(void)
{
    provision_free(provision);
    provision = NULL;
    config_free(config);
    config = NULL;
    world_free(world);
}

static struct provision *begin(const char *text, bool dry_run)
{
    struct provision_options options = {
        .aws = world->aws, .clock = &world->clock.clock, .dry_run = dry_run, .tell = note};
    struct fault_list faults = {0};
    struct provision *made = NULL;
    const char *streams[16];
    struct error err = {0};

    config_free(config);
    config = NULL;
    ck_assert_msg(config_parse(text, strlen(text), "test.conf", &config, &faults, &err) == 0, "%s",
                  err.message);
    fault_list_clear(&faults);
    options.config = config;
    for (size_t i = 0; i < config->stream_count; i++)
        streams[i] = config->streams[i].name;
    options.streams = streams;
    options.stream_count = config->stream_count;
    ck_assert_msg(provision_new(&options, &made, &err) == 0, "%s", err.message);
    return made;
}

/* One turn, then the time until the next one; false when all is over. */
static bool turn(struct provision *of)
{
    int64_t next_ms = provision_turn(of);

    if (next_ms == INT64_MAX)
        return false;
    if (next_ms > world->clock.ms)
        world_run(world, next_ms - world->clock.ms);
    return true;
}

static void finish(void)
{
    for (int turns = 0; turn(provision); turns++)
        ck_assert_msg(turns < 5000, "it has no end:\n%s", told);
}

static void run(const char *text)
{
    provision_free(provision);
    told[0] = '\0';
    provision = begin(text, false);
    finish();
}

static const struct provision_row *row_of(const char *stream)
{
    size_t count;
    const struct provision_row *rows = provision_rows(provision, &count);

    for (size_t i = 0; i < count; i++) {
        if (text_equal(rows[i].stream, stream))
            return &rows[i];
    }
    ck_abort_msg("there is no row of '%s'", stream);
}

static void assert_result(const char *stream, enum provision_result result)
{
    const struct provision_row *row = row_of(stream);

    ck_assert_msg(row->result == result, "%s: %s, %s\n%s", row->stack, provision_result_name(row->result),
                  row->reason, told);
}

static const char *status_of(const char *name)
{
    static char status[64];
    struct stack stack = {0};
    struct error err = {0};

    if (cloudformation_describe_stack(world->aws, name, &stack, &err) < 0)
        return "";
    (void)text_copy(status, sizeof(status), stack.status);
    stack_clear(&stack);
    return status;
}

static bool has_alarm(const char *name)
{
    struct alarm_list list = {0};
    struct error err = {0};
    bool found;

    ck_assert_int_eq(cloudwatch_alarms_by_name(world->aws, &name, 1, &list, &err), 0);
    found = list.count > 0;
    alarm_list_clear(&list);
    return found;
}

static size_t count_refused(const char *operation)
{
    size_t count = 0;

    for (size_t i = 0; i < world->call_count; i++)
        count += strcmp(world->calls[i].operation, operation) == 0 && world->calls[i].status != 200;
    return count;
}

/* One that nobody has carried out. */
static bool has_change_set(void)
{
    return world_count_calls(world, "CreateChangeSet") - count_refused("CreateChangeSet") >
           world_count_calls(world, "ExecuteChangeSet") - count_refused("ExecuteChangeSet") +
               world_count_calls(world, "DeleteChangeSet") - count_refused("DeleteChangeSet");
}

static size_t deeds(void)
{
    static const char *const operations[] = {"CreateStack", "CreateChangeSet", "ExecuteChangeSet",
                                             "DeleteStack"};
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(operations); i++)
        count += world_count_calls(world, operations[i]);
    return count;
}

static void make_stream(const char *name, int shards)
{
    cJSON_Delete(
        world_kinesis(world, "CreateStream", "{\"StreamName\":\"%s\",\"ShardCount\":%d}", name, shards));
    world_run(world, MINUTE_MS);
}

/* As an operator, or the engine, would. */
static void resize(int shards)
{
    cJSON_Delete(world_kinesis(
        world, "UpdateShardCount",
        "{\"StreamName\":\"orders\",\"TargetShardCount\":%d,\"ScalingType\":\"UNIFORM_SCALING\"}", shards));
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
}

static void put_alarm(const char *name, const char *metric)
{
    cJSON_Delete(world_cloudwatch(
        world, "PutMetricAlarm",
        "{\"AlarmName\":\"%s\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"%s\","
        "\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"orders\"}],\"Statistic\":\"Sum\","
        "\"Period\":60,\"EvaluationPeriods\":1,\"Threshold\":77,"
        "\"ComparisonOperator\":\"GreaterThanThreshold\",\"AlarmActions\":[\"" WORLD_TOPIC "\"]}",
        name, metric));
}

/* ---- from nothing, and again */

static void assert_made(void)
{
    enum subscription_state state;
    struct error err = {0};

    ck_assert_str_eq(status_of(SERVICE_STACK), "CREATE_COMPLETE");
    ck_assert_str_eq(status_of(ORDERS_STACK), "CREATE_COMPLETE");
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    ck_assert_int_eq(world_open_shards(world, "user_events"), 3);
    ck_assert_double_eq(world_threshold(world, BYTES), 0.8 * 60 * 1048576 * 4);
    ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 60 * 1000 * 4);
    ck_assert_double_eq(world_threshold(world, THROTTLED), 0);
    ck_assert_double_eq(world_threshold(world, "kinescale-user_events-IncomingRecords"), 0.8 * 60 * 1000 * 3);
    ck_assert_int_eq(sns_subscription(world->aws, WORLD_TOPIC, URL, &state, &err), 0);
    ck_assert_int_eq(state, SUBSCRIPTION_PENDING);
}

START_TEST(what_is_declared_is_made_from_nothing)
{
    run(BOTH);
    assert_result(NULL, PROVISION_MADE);
    assert_result("orders", PROVISION_MADE);
    assert_result("user_events", PROVISION_MADE);
    assert_made();
    ck_assert_ptr_nonnull(strstr(told, "orders: Stream CREATE_COMPLETE\n"));
    /* The topic first: alarms publish to it. */
    ck_assert(strstr(told, "service: " SERVICE_STACK " CREATE_COMPLETE") < strstr(told, "orders: creating"));
}
END_TEST

START_TEST(a_second_run_changes_nothing)
{
    size_t before;

    run(BOTH);
    before = deeds();
    run(BOTH);
    assert_result(NULL, PROVISION_UNCHANGED);
    assert_result("orders", PROVISION_UNCHANGED);
    assert_result("user_events", PROVISION_UNCHANGED);
    ck_assert_uint_eq(deeds(), before);
    ck_assert_str_eq(row_of(NULL)->note, UNCONFIRMED);
    ck_assert_str_eq(row_of("orders")->note, "");
    assert_made();
}
END_TEST

START_TEST(a_dry_run_only_reads)
{
    static const char *const reading[] = {"DescribeStacks",     "DescribeStreamSummary",   "DescribeAlarms",
                                          "GetTopicAttributes", "GetCallerIdentity",       "GetTemplate",
                                          "ListShards",         "ListSubscriptionsByTopic"};

    provision = begin(BOTH, true);
    finish();
    ck_assert_int_eq(row_of("orders")->deed, PROVISION_CREATE);
    ck_assert_str_eq(row_of("orders")->reason, "a stream of 4 shards with 3 alarms");
    ck_assert_str_eq(stack_values_get(&row_of("orders")->parameters, "ShardCount"), "4");
    for (size_t i = 0; i < world->call_count; i++) {
        bool reads = false;

        for (size_t k = 0; k < COUNT_OF(reading); k++)
            reads = reads || strcmp(world->calls[i].operation, reading[k]) == 0;
        ck_assert_msg(reads, "%s", world->calls[i].operation);
    }
}
END_TEST

/* How many stacks were being made at the same time at most, of so many streams. */
static size_t most_at_once(int streams)
{
    SCOPED(buffer_clear) struct buffer text;
    struct error err = {0};
    size_t most = 0;

    buffer_init(&text, 65536);
    ck_assert_int_eq(buffer_add_text(&text, SERVICE, &err), 0);
    for (int i = 0; i < streams; i++)
        ck_assert_int_eq(buffer_printf(&text, &err, "[stream s%d]\n", i), 0);
    provision = begin(buffer_text(&text), false);
    while (turn(provision)) {
        size_t count, making = 0;
        const struct provision_row *rows = provision_rows(provision, &count);

        for (size_t i = 0; i < count; i++)
            making += strcmp(rows[i].doing, "creating") == 0;
        most = making > most ? making : most;
    }
    assert_result("s0", PROVISION_MADE);
    return most;
}

START_TEST(four_streams_are_made_at_the_same_time)
{
    ck_assert_uint_eq(most_at_once(9), 4);
    assert_result("s8", PROVISION_MADE);
}
END_TEST

START_TEST(ten_stacks_of_alarms_are_made_at_the_same_time)
{
    for (int i = 0; i < 15; i++) {
        char name[16];

        snprintf(name, sizeof(name), "s%d", i);
        make_stream(name, 1);
    }
    ck_assert_uint_eq(most_at_once(15), 10);
    assert_result("s14", PROVISION_MADE);
}
END_TEST

/* ---- what exists stays */

START_TEST(after_a_scale_up_nothing_is_put_back)
{
    size_t before;

    run(SERVICE ORDERS);
    resize(8);
    world->reconcile_at_ms = world->clock.ms; /* the engine moves the thresholds */
    world_run(world, MINUTE_MS);
    world->reconcile_at_ms = INT64_MAX;
    ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 60 * 1000 * 8);
    before = deeds();
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_uint_eq(deeds(), before);

    /* A reason to update: shards stay, and the thresholds are those of the shards there are. */
    run(SERVICE ORDERS LONGER);
    assert_result("orders", PROVISION_UPDATED);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_COMPLETE");
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 300 * 1000 * 8);
    ck_assert_double_eq(world_threshold(world, BYTES), 0.8 * 300 * 1048576 * 8);
    ck_assert(!has_change_set());
    before = deeds();
    run(SERVICE ORDERS LONGER);
    ck_assert_uint_eq(deeds(), before);
}
END_TEST

START_TEST(a_stream_that_is_there_gets_alarms_and_outlives_their_stack)
{
    struct error err = {0};

    make_stream("orders", 6);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_str_eq(row_of("orders")->reason, "3 alarms for the stream of 6 shards that is there");
    ck_assert_int_eq(world_open_shards(world, "orders"), 6);
    ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 60 * 1000 * 6);
    ck_assert_int_eq(cloudformation_delete_stack(world->aws, ORDERS_STACK, &err), 0);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_str_eq(status_of(ORDERS_STACK), "");
    ck_assert(!has_alarm(RECORDS));
    ck_assert_int_eq(world_open_shards(world, "orders"), 6);
}
END_TEST

START_TEST(a_stream_of_a_stack_outlives_it_and_is_taken_up_again)
{
    struct error err = {0};

    run(SERVICE ORDERS);
    ck_assert_int_eq(cloudformation_delete_stack(world->aws, ORDERS_STACK, &err), 0);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 4);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_str_eq(row_of("orders")->reason, "3 alarms for the stream of 4 shards that is there");
}
END_TEST

START_TEST(alarms_that_were_made_by_hand_are_not_doubled)
{
    make_stream("orders", 4);
    put_alarm("mine", "IncomingBytes");
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_str_eq(row_of("orders")->note, "alarm 'mine' is there already");
    ck_assert(!has_alarm(BYTES));
    ck_assert(has_alarm(RECORDS));
    ck_assert_double_eq(world_threshold(world, "mine"), 77);
    /* The daemon may change it all the same. */
    ck_assert_ptr_nonnull(strstr(stack_values_get(&row_of(NULL)->parameters, "AlarmArns"), ":alarm:mine"));
}
END_TEST

START_TEST(a_topic_with_its_subscription_is_used_as_it_is)
{
    world->deaf = false;
    world_scene(world, "orders", 4); /* topic, confirmed subscription, three alarms */
    run(SERVICE ORDERS);
    assert_result(NULL, PROVISION_MADE);
    ck_assert_str_eq(row_of(NULL)->reason,
                     "a dead-letter queue and rights for topic 'kinescale', which is there");
    ck_assert_str_eq(row_of(NULL)->note, "'" URL "' is subscribed already");
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_str_eq(row_of("orders")->reason, "the stream and its alarms are there");
    ck_assert_str_eq(status_of(ORDERS_STACK), "");
}
END_TEST

START_TEST(a_topic_of_another_account_is_left_to_it)
{
    static const char other[] = "[service]\nregion = us-east-1\n"
                                "topic_arn = arn:aws:sns:us-east-1:999999999999:kinescale\n" ORDERS;

    run(other);
    assert_result(NULL, PROVISION_UNCHANGED);
    ck_assert_msg(strstr(row_of(NULL)->reason, "account 999999999999") != NULL, "%s", row_of(NULL)->reason);
    assert_result("orders", PROVISION_MADE);
}
END_TEST

START_TEST(a_topic_of_another_region_is_refused)
{
    run("[service]\ntopic_arn = arn:aws:sns:eu-west-1:000000000000:kinescale\n" ORDERS);
    assert_result(NULL, PROVISION_FAILED);
    ck_assert_msg(strstr(row_of(NULL)->reason, "is in eu-west-1, the streams are in us-east-1") != NULL, "%s",
                  row_of(NULL)->reason);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_str_eq(row_of("orders")->reason, "there is no topic that its alarms could publish to");
    ck_assert_uint_eq(deeds(), 0);
}
END_TEST

/* ---- updates */

/* A stack as an older program would have left it. */
static void make_with(const char *template)
{
    struct stack_values parameters = {0};
    struct stack_request request = {.stack = ORDERS_STACK, .template = template, .parameters = &parameters};
    struct error err = {0};

    stack_values_set(&parameters, "StreamName", "orders");
    stack_values_set(&parameters, "ShardCount", "4");
    stack_values_set(&parameters, "BytesThreshold", "201326592");
    stack_values_set(&parameters, "RecordsThreshold", "192000");
    stack_values_set(&parameters, "TopicArn", "%s", WORLD_TOPIC);
    ck_assert_msg(cloudformation_create_stack(world->aws, &request, &err) == 0, "%s", err.message);
    stack_values_clear(&parameters);
    world_run(world, 10 * MINUTE_MS);
    ck_assert_str_eq(status_of(ORDERS_STACK), "CREATE_COMPLETE");
}

START_TEST(a_template_that_differs_in_words_only_leaves_no_change_set)
{
    SCOPED(free_text) char *template = must_printf("# of another day\n%s", provision_stream_template());

    make_with(template);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_uint_eq(world_count_calls(world, "CreateChangeSet"), 1);
    ck_assert_uint_eq(world_count_calls(world, "DeleteChangeSet"), 1);
    ck_assert_uint_eq(world_count_calls(world, "ExecuteChangeSet"), 0);
    ck_assert(!has_change_set());
}
END_TEST

/* A stack whose stream has a property that is in this program's template no more. */
static void make_with_another_stream(void)
{
    SCOPED(free_text) char *template = must_strdup(provision_stream_template());
    char *mode = strstr(template, "      StreamModeDetails:\n        StreamMode: PROVISIONED\n");

    ck_assert_ptr_nonnull(mode);
    memset(mode, ' ', strlen("      StreamModeDetails:"));
    memcpy(mode, "      RetentionPeriodHours: 48 #", strlen("      RetentionPeriodHours: 48 #"));
    memset(strstr(mode, "StreamMode: "), ' ', strlen("StreamMode: PROVISIONED"));
    make_with(template);
    resize(8);
}

/* The stream is in the change set then, and keeps its shards. */
START_TEST(an_update_of_the_stream_itself_is_given_the_shards_there_are)
{
    make_with_another_stream();
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UPDATED);
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    ck_assert_uint_eq(world_count_calls(world, "UpdateShardCount"), 0);
}
END_TEST

START_TEST(an_update_of_the_stream_that_fails_puts_no_shard_back)
{
    struct error err = {0};

    make_with_another_stream();
    ck_assert_int_eq(sim_fail_resource(world->sim, "Stream", "update", 1, "no more today", &err), 0);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_msg(
        text_starts_with(row_of("orders")->reason, "UPDATE_FAILED: Stream (AWS::Kinesis::Stream): ") &&
            strstr(row_of("orders")->reason, "no more today") != NULL,
        "%s", row_of("orders")->reason);
    world_run(world, 30 * MINUTE_MS);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UPDATED);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_COMPLETE");
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
}
END_TEST

START_TEST(an_update_of_alarms_that_fails_is_rolled_back)
{
    struct error err = {0};

    run(SERVICE ORDERS);
    ck_assert_int_eq(sim_fail_resource(world->sim, "IncomingBytes", "update", 1, "no more today", &err), 0);
    run(SERVICE ORDERS LONGER);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_msg(strstr(row_of("orders")->reason, "IncomingBytes (AWS::CloudWatch::Alarm): ") != NULL &&
                      strstr(row_of("orders")->reason, "no more today") != NULL,
                  "%s", row_of("orders")->reason);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_ROLLBACK_COMPLETE");
    run(SERVICE ORDERS LONGER);
    assert_result("orders", PROVISION_UPDATED);
    ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 300 * 1000 * 4);
}
END_TEST

START_TEST(an_update_there_and_back_and_there_is_carried_out_each_time)
{
    run(SERVICE ORDERS);
    for (int times = 0; times < 2; times++) {
        run(SERVICE ORDERS LONGER);
        assert_result("orders", PROVISION_UPDATED);
        ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 300 * 1000 * 4);
        run(SERVICE ORDERS);
        assert_result("orders", PROVISION_UPDATED);
        ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 60 * 1000 * 4);
    }
}
END_TEST

START_TEST(an_update_that_would_replace_the_stream_is_not_carried_out)
{
    SCOPED(free_text) char *template = must_strdup(provision_stream_template());
    char *name = strstr(template, "      Name: !Ref StreamName\n");

    ck_assert_ptr_nonnull(name);
    memcpy(name, "      Name: other          ", strlen("      Name: !Ref StreamName"));
    make_stream("orders", 4);
    make_with(template);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_str_eq(row_of("orders")->reason,
                     "the update would replace or remove 'Stream', and was not carried out");
    ck_assert(!has_change_set());
    ck_assert_uint_eq(world_count_calls(world, "ExecuteChangeSet"), 0);
}
END_TEST

/* ---- what fails */

START_TEST(one_stream_that_fails_stops_no_other_and_says_what_failed)
{
    run(SERVICE "[stream large]\nmax_shards = 1000\ndesired_shards = 600\n" ORDERS);
    assert_result("large", PROVISION_FAILED);
    ck_assert_msg(
        text_starts_with(row_of("large")->reason, "ROLLBACK_COMPLETE: Stream (AWS::Kinesis::Stream): ") &&
            strstr(row_of("large")->reason, "shard limit") != NULL,
        "%s", row_of("large")->reason);
    assert_result("orders", PROVISION_MADE);
}
END_TEST

START_TEST(an_alarm_that_was_deleted_leaves_the_row_incomplete_until_its_note_is_followed)
{
    struct error err = {0};
    size_t before;

    run(SERVICE ORDERS);
    resize(8);
    cJSON_Delete(world_cloudwatch(world, "DeleteAlarms", "{\"AlarmNames\":[\"" BYTES "\"]}"));
    before = deeds();
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_INCOMPLETE);
    ck_assert_uint_eq(deeds(), before);
    ck_assert_msg(
        strstr(row_of("orders")->note, "aws cloudformation delete-stack --stack-name " ORDERS_STACK) != NULL,
        "%s", row_of("orders")->note);

    ck_assert_int_eq(cloudformation_delete_stack(world->aws, ORDERS_STACK, &err), 0);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_double_eq(world_threshold(world, BYTES), 0.8 * 60 * 1048576 * 8);
    ck_assert_int_eq(world_open_shards(world, "orders"), 8);
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_UNCHANGED);
    ck_assert_str_eq(row_of("orders")->note, "");
}
END_TEST

START_TEST(an_update_that_makes_the_missing_alarm_is_no_longer_incomplete)
{
    run(SERVICE ORDERS);
    cJSON_Delete(world_cloudwatch(world, "DeleteAlarms", "{\"AlarmNames\":[\"" BYTES "\"]}"));
    run(SERVICE ORDERS LONGER);
    assert_result("orders", has_alarm(BYTES) ? PROVISION_UPDATED : PROVISION_INCOMPLETE);
}
END_TEST

START_TEST(a_dry_run_refuses_the_streams_whose_topic_cannot_be)
{
    provision = begin("[service]\ntopic_arn = arn:aws:sns:eu-west-1:000000000000:kinescale\n" ORDERS, true);
    finish();
    assert_result(NULL, PROVISION_FAILED);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_str_eq(row_of("orders")->reason, "there is no topic that its alarms could publish to");
}
END_TEST

START_TEST(a_stack_that_was_rolled_back_is_cleared_and_made_again)
{
    run(SERVICE "[stream large]\nmax_shards = 1000\ndesired_shards = 600\n");
    assert_result("large", PROVISION_FAILED);
    ck_assert_str_eq(status_of("kinescale-stream-large"), "ROLLBACK_COMPLETE");
    run(SERVICE "[stream large]\nmax_shards = 1000\ndesired_shards = 5\n");
    assert_result("large", PROVISION_MADE);
    ck_assert_int_eq(world_open_shards(world, "large"), 5);
}
END_TEST

START_TEST(without_the_right_to_make_the_topic_no_stream_is_begun)
{
    world->fault = FAULT_DENIED;
    world->fault_operation = "CreateStack";
    world->fault_times = 1000;
    run(SERVICE ORDERS);
    assert_result(NULL, PROVISION_FAILED);
    ck_assert_msg(strstr(row_of(NULL)->reason, "not authorized") != NULL, "%s", row_of(NULL)->reason);
    assert_result("orders", PROVISION_FAILED);
    ck_assert_uint_eq(deeds(), 1);
}
END_TEST

START_TEST(a_lost_answer_makes_no_second_stack)
{
    world->fault = FAULT_LOST;
    world->fault_operation = "CreateStack";
    world->fault_times = 1;
    run(SERVICE ORDERS);
    assert_result(NULL, PROVISION_MADE);
    assert_result("orders", PROVISION_MADE);
}
END_TEST

START_TEST(trouble_for_a_while_is_outlived)
{
    world->fault = FAULT_UNHEARD;
    world->fault_operation = "DescribeStackEvents";
    world->fault_times = 6; /* more than the client tries */
    run(SERVICE ORDERS);
    assert_result("orders", PROVISION_MADE);
    ck_assert_ptr_nonnull(strstr(told, "tried again"));
}
END_TEST

START_TEST(two_streams_of_one_stack_and_unknown_streams_are_refused)
{
    const char *twice[] = {"orders", "orders"}, *unknown[] = {"nowhere"};
    struct provision_options options = {
        .aws = world->aws, .clock = &world->clock.clock, .streams = twice, .stream_count = 2};
    struct provision *none = NULL;
    struct error err = {0};

    provision = begin(SERVICE ORDERS, true);
    options.config = config;
    ck_assert_int_lt(provision_new(&options, &none, &err), 0);
    ck_assert_str_eq(err.message, "streams 'orders' and 'orders' would share the stack '" ORDERS_STACK "'");
    options.streams = unknown;
    options.stream_count = 1;
    ck_assert_int_lt(provision_new(&options, &none, &err), 0);
    ck_assert_str_eq(err.message, "stream 'nowhere' is not configured");
}
END_TEST

/* ---- kills, and two at once */

/* Turns until everything is made from nothing. */
enum { TURNS = 40 };

START_TEST(a_run_that_is_killed_after_any_turn_is_gone_on_with)
{
    provision = begin(BOTH, false);
    for (int turns = 0; turns < _i && turn(provision); turns++)
        continue;
    run(BOTH);
    ck_assert_int_ne(row_of(NULL)->result, PROVISION_FAILED);
    ck_assert_int_ne(row_of("orders")->result, PROVISION_FAILED);
    assert_made();
    run(BOTH);
    assert_result("orders", PROVISION_UNCHANGED);
}
END_TEST

START_TEST(an_update_that_is_killed_after_any_turn_is_gone_on_with)
{
    static const char longer[] = SERVICE ORDERS LONGER;

    run(SERVICE ORDERS);
    provision_free(provision);
    provision = begin(longer, false);
    for (int turns = 0; turns < _i && turn(provision); turns++)
        continue;
    run(longer);
    ck_assert_int_ne(row_of("orders")->result, PROVISION_FAILED);
    ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 300 * 1000 * 4);
    ck_assert(!has_change_set());
    run(longer);
    assert_result("orders", PROVISION_UNCHANGED);
}
END_TEST

static void run_two(const char *text)
{
    struct provision *second;
    struct config *first_config;
    bool more = true;

    provision_free(provision);
    told[0] = '\0';
    provision = begin(text, false);
    first_config = config;
    config = NULL;
    second = begin(text, false);
    for (int turns = 0; more; turns++) {
        size_t count;
        const struct provision_row *rows;
        bool of_first = turn(provision), of_second = turn(second);

        more = of_first || of_second;
        ck_assert_int_lt(turns, 5000);
        rows = provision_rows(second, &count);
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(rows[i].result != PROVISION_FAILED, "%s\n%s", rows[i].reason, told);
    }
    provision_free(second);
    ck_assert_int_ne(row_of("orders")->result, PROVISION_FAILED);
    provision_free(provision);
    provision = NULL;
    config_free(first_config);
}

START_TEST(two_at_once_make_everything_once)
{
    run_two(BOTH);
    assert_made();
}
END_TEST

START_TEST(two_at_once_update_once)
{
    run(SERVICE ORDERS);
    run_two(SERVICE ORDERS LONGER);
    ck_assert_double_eq(world_threshold(world, RECORDS), 0.8 * 300 * 1000 * 4);
    ck_assert_str_eq(status_of(ORDERS_STACK), "UPDATE_COMPLETE");
    ck_assert(!has_change_set());
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("provision");
    TCase *making = tcase_create("making");
    TCase *trouble = tcase_create("trouble");
    TCase *kills = tcase_create("kills");

    tcase_add_checked_fixture(making, set_up, tear_down);
    tcase_add_checked_fixture(trouble, set_up, tear_down);
    tcase_add_checked_fixture(kills, set_up, tear_down);
    tcase_set_timeout(kills, 120);
    tcase_add_test(making, what_is_declared_is_made_from_nothing);
    tcase_add_test(making, a_second_run_changes_nothing);
    tcase_add_test(making, a_dry_run_only_reads);
    tcase_add_test(making, four_streams_are_made_at_the_same_time);
    tcase_add_test(making, ten_stacks_of_alarms_are_made_at_the_same_time);
    tcase_add_test(making, after_a_scale_up_nothing_is_put_back);
    tcase_add_test(making, a_stream_that_is_there_gets_alarms_and_outlives_their_stack);
    tcase_add_test(making, a_stream_of_a_stack_outlives_it_and_is_taken_up_again);
    tcase_add_test(making, alarms_that_were_made_by_hand_are_not_doubled);
    tcase_add_test(making, a_topic_with_its_subscription_is_used_as_it_is);
    tcase_add_test(making, a_topic_of_another_account_is_left_to_it);
    tcase_add_test(making, a_topic_of_another_region_is_refused);
    tcase_add_test(making, a_template_that_differs_in_words_only_leaves_no_change_set);
    tcase_add_test(making, an_update_of_the_stream_itself_is_given_the_shards_there_are);
    tcase_add_test(making, an_update_of_the_stream_that_fails_puts_no_shard_back);
    tcase_add_test(making, an_update_of_alarms_that_fails_is_rolled_back);
    tcase_add_test(making, an_update_there_and_back_and_there_is_carried_out_each_time);
    tcase_add_test(making, an_update_that_would_replace_the_stream_is_not_carried_out);
    tcase_add_test(trouble, one_stream_that_fails_stops_no_other_and_says_what_failed);
    tcase_add_test(trouble, an_alarm_that_was_deleted_leaves_the_row_incomplete_until_its_note_is_followed);
    tcase_add_test(trouble, an_update_that_makes_the_missing_alarm_is_no_longer_incomplete);
    tcase_add_test(trouble, a_dry_run_refuses_the_streams_whose_topic_cannot_be);
    tcase_add_test(trouble, a_stack_that_was_rolled_back_is_cleared_and_made_again);
    tcase_add_test(trouble, without_the_right_to_make_the_topic_no_stream_is_begun);
    tcase_add_test(trouble, a_lost_answer_makes_no_second_stack);
    tcase_add_test(trouble, trouble_for_a_while_is_outlived);
    tcase_add_test(trouble, two_streams_of_one_stack_and_unknown_streams_are_refused);
    tcase_add_loop_test(kills, a_run_that_is_killed_after_any_turn_is_gone_on_with, 0, TURNS);
    tcase_add_loop_test(kills, an_update_that_is_killed_after_any_turn_is_gone_on_with, 0, TURNS / 4);
    tcase_add_test(kills, two_at_once_make_everything_once);
    tcase_add_test(kills, two_at_once_update_once);
    suite_add_tcase(suite, making);
    suite_add_tcase(suite, trouble);
    suite_add_tcase(suite, kills);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
