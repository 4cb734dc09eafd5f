/*
 * What is to be done with the stack of the service, by what there is.
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
static struct service_facts facts;

static const char *given(const char *name)
{
    const char *value = stack_values_get(&plan.parameters, name);

    ck_assert_msg(value != NULL, "no %s", name);
    return value;
}

static void think(const char *settings, const char *streams)
{
    SCOPED(free_text) char *text = must_printf(SERVICE "%s%s", settings, streams);

    config_free(config);
    config = config_of(text);
    provision_plan_clear(&plan);
    plan_service_stack(config, &facts, &plan);
}

static void set_up(void)
{
    facts = (struct service_facts){.partition = "aws",
                                   .region = "eu-west-1",
                                   .account = "123456789012",
                                   .topic = "kinescale",
                                   .stack_name = "kinescale-service-kinescale"};
}

static void tear_down(void)
{
    stack_values_clear(&facts.stack.parameters);
    provision_plan_clear(&plan);
    config_free(config);
    config = NULL;
}

static void service_is_there(void)
{
    ck_assert_int_eq(plan.deed, PROVISION_CREATE);
    stack_values_clear(&facts.stack.parameters);
    facts.stack = (struct stack_facts){.status = "CREATE_COMPLETE", .template_same = true};
    facts.stack.parameters = plan.parameters;
    plan.parameters = (struct stack_values){0};
    facts.topic_exists = true;
}

#define URL "public_url = https://scaling.example.com/sns\n"
#define UNCONFIRMED                                                                                         \
    "the subscription is not confirmed: SNS asks when it is made; once the daemon runs, have it ask again " \
    "(aws sns "                                                                                             \
    "subscribe)"
#define ORDERS "[stream orders]\n"

START_TEST(a_topic_that_is_not_there_is_made)
{
    think("", ORDERS "[stream user_events]\n");
    ck_assert_int_eq(plan.deed, PROVISION_CREATE);
    ck_assert_str_eq(plan.reason, "topic 'kinescale', a dead-letter queue and rights");
    ck_assert_str_eq(plan.note, "public_url is not set: nothing is subscribed");
    ck_assert_str_eq(given("TopicName"), "kinescale");
    ck_assert_str_eq(given("MakeTopic"), "true");
    ck_assert_str_eq(given("Endpoint"), "");
    ck_assert_str_eq(given("Protocol"), "https");
    ck_assert_str_eq(given("StreamArns"), "arn:aws:kinesis:eu-west-1:123456789012:stream/orders,"
                                          "arn:aws:kinesis:eu-west-1:123456789012:stream/user_events");
    ck_assert_str_eq(given("AlarmArns"), "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:kinescale-*");
    ck_assert_uint_eq(plan.parameters.count, 6);
}
END_TEST

START_TEST(a_topic_that_is_there_is_used_as_it_is)
{
    facts.topic_exists = true;
    think("", ORDERS);
    ck_assert_int_eq(plan.deed, PROVISION_CREATE);
    ck_assert_str_eq(given("MakeTopic"), "false");
}
END_TEST

START_TEST(a_topic_of_the_stack_stays_in_it)
{
    think(URL, ORDERS);
    service_is_there();
    facts.subscribed = true;
    think(URL, ORDERS);
    ck_assert_msg(plan.deed == PROVISION_LEAVE, "%s", plan.reason);
    ck_assert_str_eq(given("MakeTopic"), "true");
    ck_assert_str_eq(plan.note, "");
}
END_TEST

START_TEST(a_topic_that_was_deleted_while_its_stack_has_it_is_for_people)
{
    think(URL, ORDERS);
    service_is_there();
    facts.topic_exists = false;
    think(URL, ORDERS);
    ck_assert_int_eq(plan.deed, PROVISION_REFUSE);
}
END_TEST

static const struct {
    const char *url, *given; /* setting; what the stack has, NULL: no stack */
    bool subscribed, pending;
    enum provision_deed deed;
    const char *endpoint, *note;
} endpoints[] = {
    {"", NULL, false, false, PROVISION_CREATE, "", "public_url is not set: nothing is subscribed"},
    {"", "https://old/sns", true, false, PROVISION_LEAVE, "https://old/sns",
     "public_url is not set: 'https://old/sns' stays subscribed"},
    {"https://a/sns", NULL, false, false, PROVISION_CREATE, "https://a/sns", ""},
    {"http://a/sns", NULL, false, false, PROVISION_CREATE, "http://a/sns", ""},
    {"https://a/sns", NULL, true, false, PROVISION_CREATE, "", "'https://a/sns' is subscribed already"},
    {"https://a/sns", NULL, true, true, PROVISION_CREATE, "",
     "'https://a/sns' is subscribed already; " UNCONFIRMED},
    {"https://a/sns", "https://a/sns", true, false, PROVISION_LEAVE, "https://a/sns", ""},
    {"https://a/sns", "https://a/sns", true, true, PROVISION_LEAVE, "https://a/sns", UNCONFIRMED},
    {"https://b/sns", "https://a/sns", false, false, PROVISION_UPDATE, "https://b/sns", ""},
    {"https://a/sns", "", false, false, PROVISION_UPDATE, "https://a/sns", ""},
    {"https://a/sns", "", true, false, PROVISION_LEAVE, "", "'https://a/sns' is subscribed already"},
};

START_TEST(an_endpoint_is_subscribed_once)
{
    char setting[128] = "";

    if (endpoints[_i].given != NULL) {
        if (endpoints[_i].given[0] != '\0')
            snprintf(setting, sizeof(setting), "public_url = %s\n", endpoints[_i].given);
        think(setting, ORDERS);
        service_is_there();
    }
    facts.subscribed = endpoints[_i].subscribed;
    facts.pending = endpoints[_i].pending;
    setting[0] = '\0';
    if (endpoints[_i].url[0] != '\0')
        snprintf(setting, sizeof(setting), "public_url = %s\n", endpoints[_i].url);
    think(setting, ORDERS);
    ck_assert_msg(plan.deed == endpoints[_i].deed, "%s", plan.reason);
    ck_assert_str_eq(given("Endpoint"), endpoints[_i].endpoint);
    ck_assert_str_eq(given("Protocol"),
                     text_starts_with(endpoints[_i].endpoint, "http://") ? "http" : "https");
    ck_assert_str_eq(plan.note, endpoints[_i].note);
}
END_TEST

START_TEST(a_subscription_that_sns_has_dropped_is_told)
{
    think(URL, ORDERS);
    service_is_there();
    think(URL, ORDERS);
    ck_assert_int_eq(plan.deed, PROVISION_LEAVE);
    ck_assert_msg(strstr(plan.note, "is gone") != NULL, "%s", plan.note);
}
END_TEST

START_TEST(rights_grow_with_the_streams)
{
    think(URL, ORDERS);
    service_is_there();
    facts.subscribed = true;
    think(URL, ORDERS "[stream invoices]\n");
    ck_assert_int_eq(plan.deed, PROVISION_UPDATE);
    ck_assert_str_eq(given("StreamArns"), "arn:aws:kinesis:eu-west-1:123456789012:stream/orders,"
                                          "arn:aws:kinesis:eu-west-1:123456789012:stream/invoices");
}
END_TEST

#define ARN "arn:aws:kinesis:eu-west-1:123456789012:stream/"
#define MANY ORDERS "[stream user-events]\n[stream users]\n"

static const struct {
    const char *first, *then, *reason;
} long_values[] = {
    {MANY, MANY "[stream invoices]\n", "StreamArns '..." ARN "users," ARN "invoices', not '..." ARN "users'"},
    {MANY, ORDERS "[stream user-events]\n[stream others]\n",
     "StreamArns '..." ARN "others', not '..." ARN "users'"},
    {ORDERS "[stream b]\n[stream c]\n[stream d]\n", ORDERS "[stream e]\n[stream c]\n[stream d]\n",
     "StreamArns '..." ARN "e," ARN "c,arn:aws:kinesis:eu-west-1:123456789012:strea...', not '..." ARN
     "b," ARN "c,arn:aws:kinesis:eu-west-1:123456789012:strea...'"},
};

START_TEST(of_long_values_the_part_that_differs_is_shown)
{
    think("", long_values[_i].first);
    service_is_there();
    think("", long_values[_i].then);
    ck_assert_int_eq(plan.deed, PROVISION_UPDATE);
    ck_assert_str_eq(plan.reason, long_values[_i].reason);
}
END_TEST

START_TEST(of_long_values_that_are_no_lists_a_little_before_the_difference_is_shown)
{
    char long_url[160], setting[2][256];

    memset(long_url, 'a', sizeof(long_url));
    long_url[130] = '\0';
    for (int i = 0; i < 2; i++)
        snprintf(setting[i], sizeof(setting[i]), "public_url = https://a/%s%d\n", long_url, i);
    think(setting[0], ORDERS);
    service_is_there();
    think(setting[1], ORDERS);
    ck_assert_str_eq(plan.reason, "Endpoint '...aaaaaaaaaaaaaaaaaaaa1', not '...aaaaaaaaaaaaaaaaaaaa0'");
}
END_TEST

START_TEST(rights_name_patterns_as_they_are_written)
{
    think("", ORDERS "[stream user-*]\n");
    ck_assert_str_eq(given("StreamArns"), "arn:aws:kinesis:eu-west-1:123456789012:stream/orders,"
                                          "arn:aws:kinesis:eu-west-1:123456789012:stream/user-*");
}
END_TEST

START_TEST(rights_for_more_streams_than_a_policy_can_name_are_for_all)
{
    SCOPED(buffer_clear) struct buffer streams;
    struct error err = {0};

    buffer_init(&streams, 65536);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(buffer_printf(&streams, &err, "[stream orders-%03d]\n", i), 0);
    think("", buffer_text(&streams));
    ck_assert_str_eq(given("StreamArns"), "arn:aws:kinesis:eu-west-1:123456789012:stream/*");
}
END_TEST

START_TEST(rights_cover_alarms_that_were_made_by_hand)
{
    static const char *const by_hand[] = {"orders-IncomingBytes", "kinescale-orders-IncomingRecords", "a,b"};

    facts.other_alarms = by_hand;
    facts.other_alarm_count = COUNT_OF(by_hand);
    think("", ORDERS);
    ck_assert_str_eq(given("AlarmArns"),
                     "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:kinescale-*,"
                     "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:orders-IncomingBytes");
    ck_assert_msg(strstr(plan.note, "the policy cannot name alarm 'a,b'") != NULL, "%s", plan.note);
    service_is_there();
    /* What was given once stays, also what an administrator added. */
    stack_values_set(&facts.stack.parameters, "AlarmArns", "x,%s",
                     "arn:aws:cloudwatch:eu-west-1:"
                     "123456789012:alarm:kinescale-*");
    facts.other_alarm_count = 0;
    think("", ORDERS);
    ck_assert_msg(plan.deed == PROVISION_LEAVE, "%s", plan.reason);
    ck_assert_str_eq(given("AlarmArns"), "x,arn:aws:cloudwatch:eu-west-1:123456789012:alarm:kinescale-*");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("provision_service");
    TCase *service = tcase_create("service");

    tcase_add_checked_fixture(service, set_up, tear_down);
    tcase_add_test(service, a_topic_that_is_not_there_is_made);
    tcase_add_test(service, a_topic_that_is_there_is_used_as_it_is);
    tcase_add_test(service, a_topic_of_the_stack_stays_in_it);
    tcase_add_test(service, a_topic_that_was_deleted_while_its_stack_has_it_is_for_people);
    tcase_add_loop_test(service, an_endpoint_is_subscribed_once, 0, COUNT_OF(endpoints));
    tcase_add_test(service, a_subscription_that_sns_has_dropped_is_told);
    tcase_add_test(service, rights_grow_with_the_streams);
    tcase_add_loop_test(service, of_long_values_the_part_that_differs_is_shown, 0, COUNT_OF(long_values));
    tcase_add_test(service, of_long_values_that_are_no_lists_a_little_before_the_difference_is_shown);
    tcase_add_test(service, rights_name_patterns_as_they_are_written);
    tcase_add_test(service, rights_for_more_streams_than_a_policy_can_name_are_for_all);
    tcase_add_test(service, rights_cover_alarms_that_were_made_by_hand);
    suite_add_tcase(suite, service);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
