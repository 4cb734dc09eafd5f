#include "sim_model.h"
#include "support.h"

#include "base/memory.h"
#include "base/text.h"

#define TOPIC "arn:aws:sns:us-east-1:000000000000:scaling"

static struct sim *sim;
static struct fault fault;

static void begin(void)
{
    struct topic *topic;

    sim = test_sim();
    ck_assert_int_eq(model_create_topic(sim, "scaling", &topic, &fault), 0);
    ck_assert_str_eq(topic->arn, TOPIC);
}

static void end(void)
{
    sim_free(sim);
}

static struct sim_delivery take(void)
{
    struct sim_delivery delivery = {0};

    ck_assert(sim_take_delivery(sim, &delivery));
    return delivery;
}

static void answer(struct sim_delivery *delivery, int status)
{
    sim_delivery_result(sim, delivery->id, status);
    sim_delivery_clear(delivery);
}

static bool nothing_waits(void)
{
    struct sim_delivery delivery;

    if (!sim_take_delivery(sim, &delivery))
        return true;
    sim_delivery_clear(&delivery);
    return false;
}

static struct subscription *subscribe(const char *endpoint)
{
    struct subscription *subscription = NULL;

    ck_assert_msg(model_subscribe(sim, TOPIC, text_starts_with(endpoint, "https") ? "https" : "http",
                                  endpoint, &subscription, &fault) == 0,
                  "%s", fault.message);
    return subscription;
}

/* Confirmed, its confirmation delivered. */
static struct subscription *subscriber(const char *endpoint)
{
    struct subscription *subscription = subscribe(endpoint);
    struct sim_delivery delivery = take();

    answer(&delivery, 200);
    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, subscription->token, true, &subscription, &fault),
                     0);
    return subscription;
}

static void publish(const char *message)
{
    char id[37];

    ck_assert_msg(model_publish(sim, TOPIC, "subject", message, id, &fault) == 0, "%s", fault.message);
}

START_TEST(a_topic_is_made_once)
{
    struct topic *topic;

    ck_assert_int_eq(model_create_topic(sim, "scaling", &topic, &fault), 0);
    ck_assert_uint_eq(sim->topic_count, 1);
    ck_assert_int_eq(model_create_topic(sim, "a b", &topic, &fault), -1);
    ck_assert_str_eq(fault.type, "InvalidParameter");
    ck_assert_int_eq(model_find_topic(sim, "arn:aws:sns:us-east-1:000000000000:other", &topic, &fault), -1);
    ck_assert_str_eq(fault.type, "NotFound");
    ck_assert_str_eq(fault.message, "Topic does not exist");
    ck_assert_int_eq(fault.http_status, 404);
    ck_assert_int_eq(model_find_topic(sim, "scaling", &topic, &fault), -1);
    ck_assert_str_eq(fault.type, "InvalidParameter");
    ck_assert_int_eq(model_delete_topic(sim, TOPIC, &fault), 0);
    ck_assert_int_eq(model_delete_topic(sim, TOPIC, &fault), 0);
    ck_assert_uint_eq(sim->topic_count, 0);
}
END_TEST

START_TEST(a_subscription_is_pending_until_its_token_comes_back)
{
    struct subscription *subscription = subscribe("http://127.0.0.1:9/sns"), *same;
    struct sim_delivery delivery = take();
    char token[65];

    ck_assert_str_eq(delivery.message_type, "SubscriptionConfirmation");
    ck_assert_str_eq(delivery.endpoint, "http://127.0.0.1:9/sns");
    ck_assert_str_eq(delivery.topic_arn, TOPIC);
    ck_assert_str_eq(delivery.subscription_arn, "");
    answer(&delivery, 200);
    publish("not yet");
    ck_assert(nothing_waits());
    memcpy(token, subscription->token, sizeof(token));
    ck_assert_uint_eq(strlen(token), 64);

    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, "x", false, &same, &fault), -1);
    ck_assert_str_eq(fault.message, "Invalid parameter: Token");
    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, "", false, &same, &fault), -1);
    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, token, false, &same, &fault), 0);
    ck_assert_ptr_eq(same, subscription);
    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, token, false, &same, &fault),
                     0); /* again: the same */
    publish("now");
    delivery = take();
    ck_assert_str_eq(delivery.message_type, "Notification");
    ck_assert_str_eq(delivery.subscription_arn, subscription->arn);
    ck_assert_str_eq(delivery.body, "now");
    answer(&delivery, 204);
    ck_assert(nothing_waits());
}
END_TEST

START_TEST(a_token_is_good_for_two_days)
{
    struct subscription *subscription = subscribe("http://127.0.0.1:9/"), *found;

    sim_advance(sim, SIM_START + HOURS(48) + 1);
    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, subscription->token, false, &found, &fault), -1);
    ck_assert_str_eq(fault.message, "Invalid parameter: Token has expired");
    ck_assert_ptr_eq(subscribe("http://127.0.0.1:9/"), subscription);
    ck_assert_int_eq(model_confirm_subscription(sim, TOPIC, subscription->token, false, &found, &fault), 0);
}
END_TEST

static const struct {
    const char *protocol, *endpoint, *message;
} bad_subscriptions[] = {
    {"email", "a@b.c", "Invalid parameter: Amazon SNS does not support this protocol string: email"},
    {"http", "https://a/", "Invalid parameter: Endpoint must match the specified protocol"},
    {"https", "http://a/", "Invalid parameter: Endpoint must match the specified protocol"},
    {"http", "http://", "Invalid parameter: Endpoint must match the specified protocol"},
    {"http", "http://a b/", "Invalid parameter: Endpoint must match the specified protocol"},
    {"http", NULL, "Invalid parameter: Endpoint must match the specified protocol"},
};

START_TEST(a_bad_subscription_is_refused)
{
    struct subscription *subscription;

    ck_assert_int_eq(model_subscribe(sim, TOPIC, bad_subscriptions[_i].protocol,
                                     bad_subscriptions[_i].endpoint, &subscription, &fault),
                     -1);
    ck_assert_str_eq(fault.message, bad_subscriptions[_i].message);
}
END_TEST

static const struct {
    int status;
    bool again;
} answers[] = {{200, false}, {204, false}, {302, false}, {400, false}, {404, false},
               {499, false}, {0, true},    {100, true},  {500, true},  {503, true}};

START_TEST(only_an_answer_below_500_ends_a_delivery)
{
    struct sim_delivery delivery;

    (void)subscriber("https://127.0.0.1:9/");
    publish("m");
    delivery = take();
    answer(&delivery, answers[_i].status);
    sim_advance(sim, sim->now_ms + 20000);
    ck_assert_int_eq(!nothing_waits(), answers[_i].again);
}
END_TEST

START_TEST(a_delivery_is_tried_four_times_twenty_seconds_apart_as_the_same_message)
{
    struct sim_delivery delivery;
    char id[40];

    (void)subscriber("http://127.0.0.1:9/");
    publish("m");
    delivery = take();
    ck_assert(nothing_waits()); /* it is on its way */
    memcpy(id, delivery.message_id, sizeof(id));
    for (int retry = 0; retry < 3; retry++) {
        answer(&delivery, 500);
        ck_assert_int_eq(sim_next_event_ms(sim), sim->now_ms + 20000);
        sim_advance(sim, sim->now_ms + 19999);
        ck_assert(nothing_waits());
        sim_advance(sim, sim->now_ms + 1);
        delivery = take();
        ck_assert_str_eq(delivery.message_id, id);
        ck_assert_str_eq(delivery.body, "m");
    }
    answer(&delivery, 500);
    ck_assert_int_eq(sim_next_event_ms(sim), INT64_MAX);
    sim_advance(sim, sim->now_ms + HOURS(1));
    ck_assert(nothing_waits());
}
END_TEST

START_TEST(one_subscriber_s_trouble_is_not_another_s)
{
    struct sim_delivery first, second;

    (void)subscriber("http://127.0.0.1:1/");
    (void)subscriber("http://127.0.0.1:2/");
    publish("m");
    first = take();
    second = take();
    ck_assert_str_ne(first.endpoint, second.endpoint);
    ck_assert_str_eq(first.message_id, second.message_id);
    answer(&first, 500);
    answer(&second, 200);
    sim_advance(sim, sim->now_ms + 20000);
    first = take();
    ck_assert_str_eq(first.endpoint, "http://127.0.0.1:1/");
    answer(&first, 200);
    ck_assert(nothing_waits());
}
END_TEST

START_TEST(a_result_for_a_delivery_that_is_not_out_changes_nothing)
{
    struct sim_delivery delivery;

    (void)subscriber("http://127.0.0.1:1/");
    publish("m");
    sim_delivery_result(sim, 999, 200);
    sim_delivery_result(sim, 2, 200); /* waits, but was not taken */
    delivery = take();
    ck_assert_uint_eq(delivery.id, 2);
    answer(&delivery, 200);
}
END_TEST

START_TEST(unsubscribing_wants_a_signature_when_it_was_asked_for)
{
    struct subscription *subscription = subscriber("http://127.0.0.1:1/");
    struct sim_delivery delivery;
    char arn[MODEL_ARN_SIZE + 40];
    struct topic *topic;

    memcpy(arn, subscription->arn, sizeof(arn));
    ck_assert_int_eq(model_unsubscribe(sim, arn, false, &fault), -1);
    ck_assert_str_eq(fault.type, "AuthorizationError");
    ck_assert_int_eq(model_unsubscribe(sim, arn, true, &fault), 0);
    delivery = take();
    ck_assert_str_eq(delivery.message_type, "UnsubscribeConfirmation");
    answer(&delivery, 200);
    publish("m");
    ck_assert(nothing_waits());
    ck_assert_int_eq(model_unsubscribe(sim, arn, true, &fault), 0);
    ck_assert_int_eq(model_unsubscribe(sim, "x", true, &fault), -1);
    ck_assert_int_eq(model_find_topic(sim, TOPIC, &topic, &fault), 0);
    ck_assert_int_eq(topic->deleted_subscriptions, 1);
}
END_TEST

START_TEST(subscriptions_are_listed_a_hundred_at_a_time)
{
    struct subscription_page page;
    char endpoint[64];

    for (int i = 0; i < 130; i++) {
        snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:1/%d", i);
        (void)subscribe(endpoint);
    }
    ck_assert_int_eq(model_list_subscriptions(sim, TOPIC, NULL, &page, &fault), 0);
    ck_assert_uint_eq(page.count, 100);
    ck_assert_str_eq(page.next_token, "100");
    ck_assert_int_eq(model_list_subscriptions(sim, TOPIC, page.next_token, &page, &fault), 0);
    ck_assert_uint_eq(page.count, 30);
    ck_assert_str_eq(page.items[0]->endpoint, "http://127.0.0.1:1/100");
    ck_assert_str_eq(page.next_token, "");
    ck_assert_int_eq(model_list_subscriptions(sim, TOPIC, "131", &page, &fault), -1);
}
END_TEST

START_TEST(a_message_has_bounds)
{
    SCOPED(free_text) char *large = must_calloc(262146, 1);
    char id[37], subject[102];

    memset(large, 'x', 262145);
    memset(subject, 's', sizeof(subject));
    subject[101] = '\0';
    ck_assert_int_eq(model_publish(sim, TOPIC, NULL, large, id, &fault), -1);
    ck_assert_str_eq(fault.message, "Invalid parameter: Message too long");
    large[262144] = '\0';
    ck_assert_int_eq(model_publish(sim, TOPIC, NULL, large, id, &fault), 0);
    ck_assert_int_eq(model_publish(sim, TOPIC, NULL, "", id, &fault), -1);
    ck_assert_int_eq(model_publish(sim, TOPIC, subject, "m", id, &fault), -1);
    ck_assert_int_eq(model_publish(sim, TOPIC, "", "m", id, &fault), -1);
}
END_TEST

static char *seal(struct sim *unused, const struct sns_message *message)
{
    (void)unused;
    return must_printf("%s|%s|%s|%s|%d|%lld", message->type, message->message,
                       message->subject == NULL ? "-" : message->subject,
                       message->token == NULL ? "-" : message->token, message->signature_version,
                       (long long)message->at_ms);
}

START_TEST(the_body_is_what_the_seal_makes_of_the_message)
{
    struct sim_delivery delivery;

    (void)subscriber("http://127.0.0.1:1/");
    sim->seal = seal;
    ck_assert_int_eq(model_set_topic_attribute(sim, TOPIC, "SignatureVersion", "2", &fault), 0);
    ck_assert_int_eq(model_set_topic_attribute(sim, TOPIC, "SignatureVersion", "3", &fault), -1);
    ck_assert_int_eq(model_set_topic_attribute(sim, TOPIC, "DisplayName", "d", &fault), 0);
    ck_assert_int_eq(model_set_topic_attribute(sim, TOPIC, "DeliveryPolicy", "{}", &fault), -1);
    publish("m");
    delivery = take();
    ck_assert_str_eq(delivery.body, "Notification|m|subject|-|2|1767225600000");
    answer(&delivery, 200);
}
END_TEST

START_TEST(ids_follow_from_the_seed)
{
    struct sim *same = test_sim(), *other = test_sim_with((struct sim_options){.seed = 2}),
               *again = test_sim();
    char a[37], b[37], c[37];

    model_uuid(same, a);
    model_uuid(again, b);
    model_uuid(other, c);
    ck_assert_str_eq(a, b);
    ck_assert_str_ne(a, c);
    model_uuid(same, b);
    ck_assert_str_ne(a, b);
    ck_assert_int_eq(a[14], '4');
    ck_assert_ptr_nonnull(strchr("89ab", a[19]));
    sim_free(same);
    sim_free(other);
    sim_free(again);
}
END_TEST

START_TEST(the_queue_has_a_ceiling)
{
    struct sim_delivery delivery;
    int count = 0;

    (void)subscriber("http://127.0.0.1:1/");
    for (int i = 0; i < 4100; i++)
        publish("m");
    while (sim_take_delivery(sim, &delivery)) {
        sim_delivery_clear(&delivery);
        count++;
    }
    ck_assert_int_eq(count, 4096);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_topics");
    TCase *topics = tcase_create("topics"), *deliveries = tcase_create("deliveries");

    tcase_add_checked_fixture(topics, begin, end);
    tcase_add_test(topics, a_topic_is_made_once);
    tcase_add_test(topics, a_subscription_is_pending_until_its_token_comes_back);
    tcase_add_test(topics, a_token_is_good_for_two_days);
    tcase_add_loop_test(topics, a_bad_subscription_is_refused, 0, COUNT_OF(bad_subscriptions));
    tcase_add_test(topics, unsubscribing_wants_a_signature_when_it_was_asked_for);
    tcase_add_test(topics, subscriptions_are_listed_a_hundred_at_a_time);
    tcase_add_test(topics, a_message_has_bounds);
    tcase_add_test(topics, ids_follow_from_the_seed);
    suite_add_tcase(suite, topics);

    tcase_add_checked_fixture(deliveries, begin, end);
    tcase_add_loop_test(deliveries, only_an_answer_below_500_ends_a_delivery, 0, COUNT_OF(answers));
    tcase_add_test(deliveries, a_delivery_is_tried_four_times_twenty_seconds_apart_as_the_same_message);
    tcase_add_test(deliveries, one_subscriber_s_trouble_is_not_another_s);
    tcase_add_test(deliveries, a_result_for_a_delivery_that_is_not_out_changes_nothing);
    tcase_add_test(deliveries, the_body_is_what_the_seal_makes_of_the_message);
    tcase_add_test(deliveries, the_queue_has_a_ceiling);
    suite_add_tcase(suite, deliveries);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
