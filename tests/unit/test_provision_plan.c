/*
 * What is to be done with the stack of a stream, by what there is.
 */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/provision.h"
#include "support.h"

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:kinescale"
#define SERVICE "[service]\ntopic_arn = " TOPIC "\n"

static struct config *config;
static struct provision_plan plan;
static struct stream_facts facts;

static void configure(const char *text)
{
    config_free(config);
    config = config_of(text);
}

static void set_up(void)
{
    configure(SERVICE "[stream orders]\nmin_shards = 2\nmax_shards = 16\ndesired_shards = 4\n");
    facts = (struct stream_facts){.topic_arn = TOPIC, .stack_name = "kinescale-stream-orders"};
}

static void tear_down(void)
{
    stack_values_clear(&facts.stack.parameters);
    provision_plan_clear(&plan);
    config_free(config);
    config = NULL;
}

static void think(void)
{
    provision_plan_clear(&plan);
    plan_stream_stack(&config->streams[0], &facts, &plan);
}

static void shall(enum provision_deed deed, const char *reason)
{
    think();
    ck_assert_int_eq(plan.deed, deed);
    ck_assert_str_eq(plan.reason, reason);
}

static const char *given(const char *name)
{
    const char *value = stack_values_get(&plan.parameters, name);

    ck_assert_msg(value != NULL, "no %s", name);
    return value;
}

/* The stack is there, as a run of before would have left it. */
static void stack_is_there(const char *status)
{
    struct stack_values made;

    think();
    ck_assert_int_eq(plan.deed, PROVISION_CREATE);
    made = plan.parameters;
    plan.parameters = (struct stack_values){0};
    stack_values_clear(&facts.stack.parameters);
    facts.stack = (struct stack_facts){.parameters = made, .template_same = true};
    (void)text_copy(facts.stack.status, sizeof(facts.stack.status), status);
}

static void stream_is_there(int64_t shards)
{
    facts.exists = facts.active = true;
    facts.open_shards = shards;
    facts.capacity_shards = (double)shards;
}

static void alarms_are_there(double shards)
{
    for (int metric = 0; metric < ALARM_METRIC_COUNT; metric++)
        facts.alarms[metric] = (struct alarm_fact){
            .own = true,
            .period_s = 60,
            .threshold = alarm_threshold(&config->streams[0], (enum alarm_metric)metric, 60, shards)};
}

/* ---- names */

static const struct {
    const char *stream, *stack;
} names[] = {
    {"orders", "kinescale-stream-orders"},
    {"user-events", "kinescale-stream-user-events"},
    {"user_events", "kinescale-stream-user-events-14309e8531442516"},
    {"user.events", "kinescale-stream-user-events-3d1a6a5fa6fe04b7"},
};

START_TEST(a_stack_is_called_as_its_stream_and_a_hash_tells_changed_names_apart)
{
    char name[STACK_NAME_SIZE];

    provision_stream_stack(names[_i].stream, name);
    ck_assert_str_eq(name, names[_i].stack);
}
END_TEST

START_TEST(names_that_differ_in_a_forbidden_letter_only_have_stacks_of_their_own)
{
    char underscore[STACK_NAME_SIZE], point[STACK_NAME_SIZE], dash[STACK_NAME_SIZE], topic[STACK_NAME_SIZE];

    provision_stream_stack("user_events", underscore);
    provision_stream_stack("user.events", point);
    provision_stream_stack("user-events", dash);
    provision_service_stack("user-events", topic);
    ck_assert_str_ne(underscore, point);
    ck_assert_str_ne(underscore, dash);
    ck_assert_str_ne(point, dash);
    ck_assert_str_eq(topic, "kinescale-service-user-events");
}
END_TEST

START_TEST(the_longest_names_of_streams_make_names_of_stacks)
{
    char stream[STREAM_NAME_SIZE], other[STREAM_NAME_SIZE], name[STACK_NAME_SIZE], second[STACK_NAME_SIZE];

    memset(stream, 'a', STREAM_NAME_MAX);
    stream[STREAM_NAME_MAX] = '\0';
    memcpy(other, stream, sizeof(other));
    other[STREAM_NAME_MAX - 1] = 'b';
    provision_stream_stack(stream, name);
    provision_stream_stack(other, second);
    ck_assert_uint_le(strlen(name), 128);
    ck_assert_str_ne(name, second);
}
END_TEST

/* ---- statuses */

static const struct {
    const char *status;
    enum stack_phase phase;
    enum provision_deed deed;
    const char *words;
} statuses[] = {
    {"CREATE_COMPLETE", STACK_AT_REST, PROVISION_LEAVE, "as it should be"},
    {"UPDATE_COMPLETE", STACK_AT_REST, PROVISION_LEAVE, "as it should be"},
    {"IMPORT_COMPLETE", STACK_AT_REST, PROVISION_LEAVE, "as it should be"},
    {"UPDATE_ROLLBACK_COMPLETE", STACK_AT_REST, PROVISION_LEAVE, "as it should be"},
    {"IMPORT_ROLLBACK_COMPLETE", STACK_AT_REST, PROVISION_LEAVE, "as it should be"},
    {"UPDATE_FAILED", STACK_AT_REST, PROVISION_UPDATE, "its last update failed"},
    {"CREATE_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "CREATE_IN_PROGRESS"},
    {"DELETE_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "DELETE_IN_PROGRESS"},
    {"ROLLBACK_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "somebody is at work"},
    {"UPDATE_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "somebody is at work"},
    {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "somebody is at work"},
    {"UPDATE_ROLLBACK_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "somebody is at work"},
    {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "somebody is at work"},
    {"IMPORT_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "somebody is at work"},
    {"IMPORT_ROLLBACK_IN_PROGRESS", STACK_MOVING, PROVISION_WAIT, "somebody is at work"},
    {"ROLLBACK_COMPLETE", STACK_ROLLED_BACK, PROVISION_CLEAR, "deleted first"},
    {"CREATE_FAILED", STACK_STUCK, PROVISION_REFUSE, "aws cloudformation delete-stack"},
    {"DELETE_FAILED", STACK_STUCK, PROVISION_REFUSE, "aws cloudformation delete-stack"},
    {"ROLLBACK_FAILED", STACK_STUCK, PROVISION_REFUSE, "aws cloudformation delete-stack"},
    {"UPDATE_ROLLBACK_FAILED", STACK_STUCK, PROVISION_REFUSE, "continue-update-rollback"},
    {"IMPORT_ROLLBACK_FAILED", STACK_STUCK, PROVISION_REFUSE, "continue-update-rollback"},
    {"REVIEW_IN_PROGRESS", STACK_STUCK, PROVISION_REFUSE, "change set"},
    {"SOMETHING_NEW", STACK_STUCK, PROVISION_REFUSE, "SOMETHING_NEW"},
};

START_TEST(every_status_of_a_stack_leads_somewhere)
{
    stack_is_there(statuses[_i].status);
    stream_is_there(4);
    alarms_are_there(4);
    think();
    ck_assert_int_eq(stack_phase(statuses[_i].status), statuses[_i].phase);
    ck_assert_msg(plan.deed == statuses[_i].deed && strstr(plan.reason, statuses[_i].words) != NULL, "%s: %s",
                  provision_deed_name(plan.deed), plan.reason);
    ck_assert_int_eq(stack_succeeded(statuses[_i].status), _i < 3);
}
END_TEST

/* ---- a stream without a stack */

START_TEST(a_stream_that_is_not_there_is_made_with_its_alarms)
{
    shall(PROVISION_CREATE, "a stream of 4 shards with 3 alarms");
    ck_assert_str_eq(plan.note, "");
    ck_assert_str_eq(given("StreamName"), "orders");
    ck_assert_str_eq(given("MakeStream"), "true");
    ck_assert_str_eq(given("ShardCount"), "4");
    ck_assert_str_eq(given("ShardLevelMetrics"), "false");
    ck_assert_str_eq(given("TopicArn"), TOPIC);
    ck_assert_str_eq(given("AlarmPeriod"), "60");
    ck_assert_str_eq(given("BytesAlarm"), "true");
    ck_assert_str_eq(given("BytesThreshold"), "201326592");
    ck_assert_str_eq(given("RecordsAlarm"), "true");
    ck_assert_str_eq(given("RecordsThreshold"), "192000");
    ck_assert_str_eq(given("ThrottledAlarm"), "true");
    ck_assert_uint_eq(plan.parameters.count, 11);
}
END_TEST

START_TEST(a_stream_that_is_there_gets_alarms_for_its_shards_and_nothing_else)
{
    stream_is_there(7);
    shall(PROVISION_CREATE, "3 alarms for the stream of 7 shards that is there");
    ck_assert_str_eq(given("MakeStream"), "false");
    ck_assert_str_eq(given("ShardCount"), "7");
    ck_assert_str_eq(given("RecordsThreshold"), "336000");
}
END_TEST

START_TEST(an_alarm_of_another_name_is_not_doubled)
{
    stream_is_there(4);
    (void)text_copy(facts.alarms[METRIC_RECORDS].other, ALARM_NAME_SIZE, "by hand");
    think();
    ck_assert_int_eq(plan.deed, PROVISION_CREATE);
    ck_assert_str_eq(given("BytesAlarm"), "true");
    ck_assert_str_eq(given("RecordsAlarm"), "false");
    ck_assert_str_eq(given("ThrottledAlarm"), "true");
    ck_assert_str_eq(plan.note, "alarm 'by hand' is there already");
}
END_TEST

START_TEST(where_all_alarms_are_there_no_stack_is_made)
{
    stream_is_there(4);
    for (int metric = 0; metric < ALARM_METRIC_COUNT; metric++)
        (void)text_copy(facts.alarms[metric].other, ALARM_NAME_SIZE,
                        alarm_metric_name((enum alarm_metric)metric));
    shall(PROVISION_LEAVE, "the stream and its alarms are there");
}
END_TEST

START_TEST(an_on_demand_stream_is_left_to_aws)
{
    stream_is_there(4);
    facts.on_demand = true;
    shall(PROVISION_LEAVE, "the stream is on-demand: AWS scales it");
}
END_TEST

START_TEST(a_stream_that_is_being_changed_is_waited_for)
{
    stream_is_there(4);
    facts.active = false;
    think();
    ck_assert_int_eq(plan.deed, PROVISION_WAIT);
}
END_TEST

/* ---- a stream with a stack */

START_TEST(what_the_engine_changed_is_no_reason_for_an_update)
{
    stack_is_there("CREATE_COMPLETE");
    stream_is_there(9);
    alarms_are_there(9);
    think();
    ck_assert_msg(plan.deed == PROVISION_LEAVE, "%s", plan.reason);
}
END_TEST

static const struct {
    const char *settings; /* of [stream orders] */
    const char *topic;
    bool other_template;
    const char *reason;
} reasons[] = {
    {"alarm_period = 300s\n", TOPIC, false, "AlarmPeriod '300', not '60'"},
    {"", "arn:aws:sns:eu-west-1:123456789012:other", false,
     "TopicArn 'arn:aws:sns:eu-west-1:123456789012:other', not '" TOPIC "'"},
    {"", TOPIC, true, "its template is another than this program's"},
};

START_TEST(an_update_is_given_the_shards_and_thresholds_there_are)
{
    char text[512];
    double period_s = _i == 0 ? 300 : 60;

    stack_is_there("UPDATE_COMPLETE");
    stream_is_there(9);
    alarms_are_there(9);
    facts.alarms[METRIC_BYTES].threshold = 123456789; /* whatever it is */
    facts.topic_arn = reasons[_i].topic;
    facts.stack.template_same = !reasons[_i].other_template;
    snprintf(text, sizeof(text),
             SERVICE "[stream orders]\nmin_shards = 2\ncooldown = 10m\ndesired_shards = 4\n%s",
             reasons[_i].settings);
    configure(text);
    think();
    ck_assert_int_eq(plan.deed, PROVISION_UPDATE);
    ck_assert_str_eq(plan.reason, reasons[_i].reason);
    ck_assert(plan.changes_stream);
    ck_assert_str_eq(given("MakeStream"), "true");
    ck_assert_str_eq(given("ShardCount"), "9");
    /* For another period the threshold must be another one. */
    ck_assert_str_eq(given("BytesThreshold"), period_s == 60 ? "123456789" : "2264924160");
    ck_assert_str_eq(given("RecordsThreshold"), period_s == 60 ? "432000" : "2160000");
}
END_TEST

START_TEST(a_stack_without_the_stream_does_not_take_it_in)
{
    stream_is_there(7);
    stack_is_there("CREATE_COMPLETE");
    alarms_are_there(7);
    facts.stack.template_same = false;
    think();
    ck_assert_int_eq(plan.deed, PROVISION_UPDATE);
    ck_assert_str_eq(given("MakeStream"), "false");
    ck_assert(!plan.changes_stream);
}
END_TEST

START_TEST(an_alarm_that_was_made_by_hand_and_is_gone_is_made_by_the_stack)
{
    stream_is_there(7);
    (void)text_copy(facts.alarms[METRIC_BYTES].other, ALARM_NAME_SIZE, "by hand");
    stack_is_there("CREATE_COMPLETE");
    alarms_are_there(7);
    facts.alarms[METRIC_BYTES] = (struct alarm_fact){0};
    shall(PROVISION_UPDATE, "BytesAlarm 'true', not 'false'");
}
END_TEST

START_TEST(an_alarm_of_the_stack_stays_in_it_though_another_was_made_by_hand)
{
    stack_is_there("CREATE_COMPLETE");
    stream_is_there(4);
    alarms_are_there(4);
    (void)text_copy(facts.alarms[METRIC_BYTES].other, ALARM_NAME_SIZE, "by hand");
    think();
    ck_assert_int_eq(plan.deed, PROVISION_LEAVE);
    ck_assert_str_eq(given("BytesAlarm"), "true");
}
END_TEST

#define GONE                                                                                          \
    "alarm 'kinescale-orders-WriteProvisionedThroughputExceeded' of the stack is gone, or no longer " \
    "publishes "                                                                                      \
    "to the topic; to have it made again: aws cloudformation delete-stack --stack-name "              \
    "kinescale-stream-orders (a stream in it stays, with its shards), and once it is deleted run this again"

static const struct {
    const char *topic; /* of the stack */
    const char *other; /* alarm on the same metric */
    enum alarm_level level;
    bool incomplete;
    enum provision_deed deed;
    const char *reason, *note;
} gone[] = {
    {TOPIC, "", ALARM_LEVEL_STREAM, true, PROVISION_LEAVE, "an alarm of the stack is missing", GONE},
    {TOPIC, "by hand", ALARM_LEVEL_STREAM, false, PROVISION_LEAVE, "as it should be",
     "alarm 'kinescale-orders-WriteProvisionedThroughputExceeded' of the stack is gone; 'by hand' does its "
     "work"},
    {TOPIC, "", ALARM_LEVEL_SHARD, false, PROVISION_LEAVE, "as it should be", ""},
    {TOPIC "-old", "", ALARM_LEVEL_STREAM, false, PROVISION_UPDATE,
     "TopicArn '" TOPIC "', not '" TOPIC "-old'", ""},
};

START_TEST(an_alarm_of_the_stack_that_is_gone_is_told_with_what_to_do)
{
    stack_is_there("CREATE_COMPLETE");
    stream_is_there(4);
    alarms_are_there(4);
    facts.alarms[METRIC_THROTTLED].own = false;
    (void)text_copy(facts.alarms[METRIC_THROTTLED].other, ALARM_NAME_SIZE, gone[_i].other);
    stack_values_set(&facts.stack.parameters, "TopicArn", "%s", gone[_i].topic);
    config->streams[0].alarm_level = gone[_i].level;
    think();
    ck_assert_int_eq(plan.deed, gone[_i].deed);
    ck_assert_int_eq(plan.incomplete, gone[_i].incomplete);
    ck_assert_str_eq(plan.reason, gone[_i].reason);
    ck_assert_str_eq(plan.note, gone[_i].note);
}
END_TEST

START_TEST(the_note_has_room_for_three_alarms_of_the_longest_name)
{
    SCOPED(free_text) char *text = NULL;
    char name[STREAM_NAME_SIZE];

    memset(name, 'a', STREAM_NAME_MAX);
    name[STREAM_NAME_MAX] = '\0';
    text = must_printf(SERVICE "[stream %s]\n", name);
    configure(text);
    stack_is_there("CREATE_COMPLETE");
    stream_is_there(4);
    think();
    ck_assert(plan.incomplete);
    ck_assert_msg(text_ends_with(plan.note, "run this again"), "%s", plan.note);
}
END_TEST

START_TEST(a_stream_that_was_deleted_while_its_stack_has_it_is_for_people)
{
    stack_is_there("CREATE_COMPLETE");
    think();
    ck_assert_int_eq(plan.deed, PROVISION_REFUSE);
    ck_assert_msg(strstr(plan.reason,
                         "the stream was deleted, but stack 'kinescale-stream-orders' still has it") != NULL,
                  "%s", plan.reason);
}
END_TEST

START_TEST(a_stack_of_alarms_whose_stream_was_deleted_makes_it)
{
    stream_is_there(7);
    stack_is_there("CREATE_COMPLETE");
    alarms_are_there(7);
    facts.exists = false;
    shall(PROVISION_UPDATE, "MakeStream 'true', not 'false'");
    ck_assert_str_eq(given("ShardCount"), "4");
    ck_assert(!plan.changes_stream);
}
END_TEST

START_TEST(a_stack_of_something_else_is_not_touched)
{
    stack_is_there("CREATE_COMPLETE");
    stack_values_set(&facts.stack.parameters, "StreamName", "invoices");
    think();
    ck_assert_int_eq(plan.deed, PROVISION_REFUSE);
    ck_assert_str_eq(plan.reason,
                     "stack 'kinescale-stream-orders' is there and is not of this stream, but of 'invoices'");
    stack_values_clear(&facts.stack.parameters);
    think();
    ck_assert_int_eq(plan.deed, PROVISION_REFUSE);
}
END_TEST

/* ---- alarms on shards: the daemon makes them */

START_TEST(a_new_stream_with_alarms_on_shards_has_the_metrics_for_them)
{
    config->streams[0].alarm_level = ALARM_LEVEL_SHARD;
    shall(PROVISION_CREATE, "a stream of 4 shards, whose alarms the daemon makes");
    ck_assert_str_eq(given("ShardLevelMetrics"), "true");
    ck_assert_str_eq(given("BytesAlarm"), "false");
    ck_assert_str_eq(given("RecordsAlarm"), "false");
    ck_assert_str_eq(given("ThrottledAlarm"), "false");
}
END_TEST

START_TEST(a_stream_that_is_there_with_alarms_on_shards_needs_no_stack)
{
    config->streams[0].alarm_level = ALARM_LEVEL_SHARD;
    stream_is_there(4);
    think();
    ck_assert_int_eq(plan.deed, PROVISION_LEAVE);
    ck_assert_str_eq(plan.reason, "the stream is there; the daemon makes the alarms of its shards");
}
END_TEST

START_TEST(another_level_takes_no_alarm_away_and_the_way_back_makes_them)
{
    stack_is_there("CREATE_COMPLETE");
    stream_is_there(4);
    alarms_are_there(4);
    config->streams[0].alarm_level = ALARM_LEVEL_SHARD;
    think();
    ck_assert_msg(plan.deed == PROVISION_LEAVE, "%s", plan.reason);
    ck_assert_str_eq(given("BytesAlarm"), "true");

    facts.exists = false;
    facts.stack.status[0] = '\0';
    memset(facts.alarms, 0, sizeof(facts.alarms));
    stack_values_clear(&facts.stack.parameters);
    stack_is_there("CREATE_COMPLETE");
    stream_is_there(4);
    config->streams[0].alarm_level = ALARM_LEVEL_STREAM;
    shall(PROVISION_UPDATE, "BytesAlarm 'true', not 'false'");
    /* The stream itself is left alone: the daemon does not turn its metrics off either. */
    ck_assert_str_eq(given("ShardLevelMetrics"), "true");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("provision_plan");
    TCase *stream = tcase_create("stream");

    tcase_add_checked_fixture(stream, set_up, tear_down);
    tcase_add_loop_test(stream, a_stack_is_called_as_its_stream_and_a_hash_tells_changed_names_apart, 0,
                        COUNT_OF(names));
    tcase_add_test(stream, names_that_differ_in_a_forbidden_letter_only_have_stacks_of_their_own);
    tcase_add_test(stream, the_longest_names_of_streams_make_names_of_stacks);
    tcase_add_loop_test(stream, every_status_of_a_stack_leads_somewhere, 0, COUNT_OF(statuses));
    tcase_add_test(stream, a_stream_that_is_not_there_is_made_with_its_alarms);
    tcase_add_test(stream, a_stream_that_is_there_gets_alarms_for_its_shards_and_nothing_else);
    tcase_add_test(stream, an_alarm_of_another_name_is_not_doubled);
    tcase_add_test(stream, where_all_alarms_are_there_no_stack_is_made);
    tcase_add_test(stream, an_on_demand_stream_is_left_to_aws);
    tcase_add_test(stream, a_stream_that_is_being_changed_is_waited_for);
    tcase_add_test(stream, what_the_engine_changed_is_no_reason_for_an_update);
    tcase_add_loop_test(stream, an_update_is_given_the_shards_and_thresholds_there_are, 0, COUNT_OF(reasons));
    tcase_add_test(stream, a_stack_without_the_stream_does_not_take_it_in);
    tcase_add_test(stream, an_alarm_that_was_made_by_hand_and_is_gone_is_made_by_the_stack);
    tcase_add_test(stream, an_alarm_of_the_stack_stays_in_it_though_another_was_made_by_hand);
    tcase_add_loop_test(stream, an_alarm_of_the_stack_that_is_gone_is_told_with_what_to_do, 0,
                        COUNT_OF(gone));
    tcase_add_test(stream, the_note_has_room_for_three_alarms_of_the_longest_name);
    tcase_add_test(stream, a_stream_that_was_deleted_while_its_stack_has_it_is_for_people);
    tcase_add_test(stream, a_stack_of_alarms_whose_stream_was_deleted_makes_it);
    tcase_add_test(stream, a_stack_of_something_else_is_not_touched);
    tcase_add_test(stream, a_new_stream_with_alarms_on_shards_has_the_metrics_for_them);
    tcase_add_test(stream, a_stream_that_is_there_with_alarms_on_shards_needs_no_stack);
    tcase_add_test(stream, another_level_takes_no_alarm_away_and_the_way_back_makes_them);
    suite_add_tcase(suite, stream);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
