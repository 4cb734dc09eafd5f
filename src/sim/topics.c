/*
 * topics.c - SNS: topics, subscriptions over HTTP and HTTPS, and messages to them.
 */
#include "deliveries.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

enum {
    TOPICS_MAX = 1000,
    SUBSCRIPTIONS_MAX = 1000, /* of a topic */
    SUBSCRIPTIONS_PER_PAGE = 100,
    MESSAGE_MAX = 262144,
    ENDPOINT_MAX = 1023,
};
static const int64_t token_life_ms = 2 * 86400000LL;

static int invalid(struct fault *fault, const char *what)
{
    return model_fault(fault, "InvalidParameter", 400, "Invalid parameter: %s", what);
}

/* ---- topics */

static bool is_topic_name(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    return length > 0 && length <= 256 && name[length] == '\0';
}

static struct topic *lookup(const struct sim *sim, const char *arn)
{
    for (size_t i = 0; i < sim->topic_count; i++) {
        if (text_equal(sim->topics[i]->arn, arn))
            return sim->topics[i];
    }
    return NULL;
}

int model_create_topic(struct sim *sim, const char *name, struct topic **ret_topic, struct fault *fault)
{
    char arn[MODEL_ARN_SIZE];
    struct topic *topic;

    if (!is_topic_name(name))
        return invalid(fault, "Topic Name");
    snprintf(arn, sizeof(arn), "arn:aws:sns:%s:%s:%s", sim->region, sim->account, name);
    topic = lookup(sim, arn);
    if (topic == NULL) {
        if (sim->topic_count == TOPICS_MAX)
            return model_fault(fault, "TopicLimitExceeded", 403, "Topic limit exceeded");
        topic = must_calloc(1, sizeof(*topic));
        topic->name = must_strdup(name);
        topic->display_name = must_strdup("");
        topic->signature_version = 1;
        text_copy(topic->arn, sizeof(topic->arn), arn);
        sim->topics = must_realloc(sim->topics, sim->topic_count + 1, sizeof(struct topic *));
        sim->topics[sim->topic_count++] = topic;
    }
    *ret_topic = topic;
    return 0;
}

int model_find_topic(struct sim *sim, const char *arn, struct topic **ret_topic, struct fault *fault)
{
    struct topic *topic = lookup(sim, arn);

    if (!text_starts_with(arn, "arn:aws:sns:"))
        return invalid(fault, "TopicArn");
    if (topic == NULL)
        return model_fault(fault, "NotFound", 404, "Topic does not exist");
    *ret_topic = topic;
    return 0;
}

static void free_subscription(struct subscription *subscription)
{
    free(subscription->endpoint);
    free(subscription->dead_letters);
    free(subscription);
}

static void free_topic(struct topic *topic)
{
    for (size_t i = 0; i < topic->subscription_count; i++)
        free_subscription(topic->subscriptions[i]);
    free(topic->subscriptions);
    free(topic->name);
    free(topic->display_name);
    free(topic->policy);
    free(topic);
}

void model_topics_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->topic_count; i++)
        free_topic(sim->topics[i]);
    free(sim->topics);
    model_deliveries_free(sim);
}

int model_delete_topic(struct sim *sim, const char *arn, struct fault *fault)
{
    struct topic *topic = lookup(sim, arn);

    if (!text_starts_with(arn, "arn:aws:sns:"))
        return invalid(fault, "TopicArn");
    for (size_t i = 0; i < sim->topic_count && topic != NULL; i++) {
        if (sim->topics[i] != topic)
            continue;
        sim->topic_count--;
        memmove(&sim->topics[i], &sim->topics[i + 1], (sim->topic_count - i) * sizeof(struct topic *));
        free_topic(topic);
        break;
    }
    return 0;
}

int model_set_topic_attribute(struct sim *sim, const char *arn, const char *name, const char *value,
                              struct fault *fault)
{
    struct topic *topic;
    int64_t version;

    if (model_find_topic(sim, arn, &topic, fault) < 0)
        return -1;
    if (text_equal(name, "DisplayName")) {
        if (strlen(value) > 100)
            return invalid(fault, "DisplayName");
        free(topic->display_name);
        topic->display_name = must_strdup(value);
        return 0;
    }
    if (text_equal(name, "Policy")) {
        free(topic->policy);
        topic->policy = value[0] == '\0' ? NULL : must_strdup(value);
        return 0;
    }
    if (!text_equal(name, "SignatureVersion"))
        return invalid(fault, "AttributeName");
    if (!number_parse(value, 1, 2, &version))
        return invalid(fault, "SignatureVersion");
    topic->signature_version = (int)version;
    return 0;
}

/* ---- subscriptions */

static void new_token(struct sim *sim, struct subscription *subscription)
{
    for (size_t i = 0; i < 4; i++)
        snprintf(subscription->token + 16 * i, 17, "%016llx", (unsigned long long)model_random(sim));
    subscription->token_until_ms = sim->now_ms + token_life_ms;
}

/* A confirmation, of subscribing or of unsubscribing. */
static void send_confirmation(struct sim *sim, const struct topic *topic,
                              const struct subscription *subscription, const char *type)
{
    char id[37];
    SCOPED(free_text) char *text = NULL;
    bool subscribing = text_equal(type, "SubscriptionConfirmation");
    struct sns_message message = {.type = type,
                                  .message_id = id,
                                  .topic_arn = topic->arn,
                                  .at_ms = sim->now_ms,
                                  .token = subscription->token,
                                  .signature_version = topic->signature_version};

    model_uuid(sim, id);
    if (subscribing) {
        text = must_printf(
            "You have chosen to subscribe to the topic %s.\nTo confirm the subscription, visit the "
            "SubscribeURL included in this message.",
            topic->arn);
    } else {
        text = must_printf(
            "You have chosen to deactivate subscription %s.\nTo cancel this operation and restore the "
            "subscription, visit the SubscribeURL included in this message.",
            subscription->arn);
        message.subscription_arn = subscription->arn;
    }
    message.message = text;
    model_deliver(sim, subscription->endpoint, &message);
}

/* "http://host..." for protocol http; no blanks or control characters. */
static bool fits_protocol(const char *protocol, const char *endpoint)
{
    size_t length = strlen(protocol);

    if (endpoint == NULL || strlen(endpoint) > ENDPOINT_MAX || strncmp(endpoint, protocol, length) != 0 ||
        !text_starts_with(endpoint + length, "://") || endpoint[length + 3] == '\0')
        return false;
    for (const char *at = endpoint; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    }
    return true;
}

static struct subscription *find_endpoint(const struct topic *topic, const char *endpoint)
{
    for (size_t i = 0; i < topic->subscription_count; i++) {
        if (text_equal(topic->subscriptions[i]->endpoint, endpoint))
            return topic->subscriptions[i];
    }
    return NULL;
}

static struct subscription *add_subscription(struct sim *sim, struct topic *topic, const char *protocol,
                                             const char *endpoint)
{
    struct subscription *subscription = must_calloc(1, sizeof(*subscription));
    char id[37];

    model_uuid(sim, id);
    snprintf(subscription->arn, sizeof(subscription->arn), "%s:%s", topic->arn, id);
    text_copy(subscription->protocol, sizeof(subscription->protocol), protocol);
    subscription->endpoint = must_strdup(endpoint);
    topic->subscriptions =
        must_realloc(topic->subscriptions, topic->subscription_count + 1, sizeof(struct subscription *));
    topic->subscriptions[topic->subscription_count++] = subscription;
    return subscription;
}

int model_subscribe(struct sim *sim, const char *topic_arn, const char *protocol, const char *endpoint,
                    struct subscription **ret_subscription, struct fault *fault)
{
    struct subscription *subscription;
    struct topic *topic;

    if (model_find_topic(sim, topic_arn, &topic, fault) < 0)
        return -1;
    if (!text_equal(protocol, "http") && !text_equal(protocol, "https"))
        return model_fault(fault, "InvalidParameter", 400,
                           "Invalid parameter: Amazon SNS does not support this protocol string: %.64s",
                           protocol);
    if (!fits_protocol(protocol, endpoint))
        return invalid(fault, "Endpoint must match the specified protocol");
    subscription = find_endpoint(topic, endpoint);
    if (subscription == NULL && topic->subscription_count == SUBSCRIPTIONS_MAX)
        return model_fault(fault, "SubscriptionLimitExceeded", 403, "Subscription limit exceeded");
    if (subscription == NULL)
        subscription = add_subscription(sim, topic, protocol, endpoint);
    if (!subscription->confirmed) {
        new_token(sim, subscription);
        send_confirmation(sim, topic, subscription, "SubscriptionConfirmation");
    }
    *ret_subscription = subscription;
    return 0;
}

struct subscription *model_find_subscription(const struct sim *sim, const char *arn, struct topic **ret_topic)
{
    for (size_t i = 0; i < sim->topic_count; i++) {
        struct topic *topic = sim->topics[i];

        for (size_t j = 0; j < topic->subscription_count; j++) {
            if (!text_equal(topic->subscriptions[j]->arn, arn))
                continue;
            if (ret_topic != NULL)
                *ret_topic = topic;
            return topic->subscriptions[j];
        }
    }
    return NULL;
}

int model_set_dead_letters(struct sim *sim, const char *subscription_arn, const char *queue_arn,
                           struct fault *fault)
{
    struct subscription *subscription = model_find_subscription(sim, subscription_arn, NULL);

    if (subscription == NULL)
        return model_fault(fault, "NotFound", 404, "Subscription does not exist");
    if (queue_arn != NULL && !text_starts_with(queue_arn, "arn:aws:sqs:"))
        return invalid(fault, "RedrivePolicy: deadLetterTargetArn is invalid");
    free(subscription->dead_letters);
    subscription->dead_letters = must_strdup(queue_arn);
    return 0;
}

/* As AWS, a token is enough: any topic of the account may stand beside it. */
static struct subscription *find_token(const struct sim *sim, const char *token)
{
    for (size_t i = 0; i < sim->topic_count; i++) {
        for (size_t j = 0; j < sim->topics[i]->subscription_count; j++) {
            if (text_equal(sim->topics[i]->subscriptions[j]->token, token))
                return sim->topics[i]->subscriptions[j];
        }
    }
    return NULL;
}

int model_confirm_subscription(struct sim *sim, const char *topic_arn, const char *token,
                               bool authenticate_on_unsubscribe, struct subscription **ret_subscription,
                               struct fault *fault)
{
    struct subscription *subscription = find_token(sim, token);
    struct topic *topic;

    if (model_find_topic(sim, topic_arn, &topic, fault) < 0)
        return -1;
    if (subscription == NULL || token[0] == '\0')
        return invalid(fault, "Token");
    if (!subscription->confirmed && sim->now_ms > subscription->token_until_ms)
        return invalid(fault, "Token has expired");
    if (!subscription->confirmed)
        subscription->authenticate_on_unsubscribe = authenticate_on_unsubscribe;
    subscription->confirmed = true;
    *ret_subscription = subscription;
    return 0;
}

int model_unsubscribe(struct sim *sim, const char *arn, bool signed_call, struct fault *fault)
{
    for (size_t i = 0; i < sim->topic_count; i++) {
        struct topic *topic = sim->topics[i];

        for (size_t j = 0; j < topic->subscription_count; j++) {
            struct subscription *subscription = topic->subscriptions[j];

            if (!text_equal(subscription->arn, arn))
                continue;
            if (subscription->authenticate_on_unsubscribe && !signed_call)
                return model_fault(fault, "AuthorizationError", 403, "Unsubscribe must be authenticated");
            if (subscription->confirmed)
                send_confirmation(sim, topic, subscription, "UnsubscribeConfirmation");
            topic->subscription_count--;
            topic->deleted_subscriptions++;
            memmove(&topic->subscriptions[j], &topic->subscriptions[j + 1],
                    (topic->subscription_count - j) * sizeof(struct subscription *));
            free_subscription(subscription);
            return 0;
        }
    }
    return text_starts_with(arn, "arn:aws:sns:") ? 0 : invalid(fault, "SubscriptionArn");
}

int model_list_subscriptions(struct sim *sim, const char *topic_arn, const char *token,
                             struct subscription_page *ret_page, struct fault *fault)
{
    struct subscription_page page = {0};
    struct topic *topic;
    int64_t first = 0;

    if (model_find_topic(sim, topic_arn, &topic, fault) < 0)
        return -1;
    if (token != NULL && !number_parse(token, 0, (int64_t)topic->subscription_count, &first))
        return invalid(fault, "NextToken");
    page.items = topic->subscriptions + first;
    page.count = topic->subscription_count - (size_t)first;
    if (page.count > SUBSCRIPTIONS_PER_PAGE) {
        page.count = SUBSCRIPTIONS_PER_PAGE;
        snprintf(page.next_token, sizeof(page.next_token), "%lld", (long long)first + SUBSCRIPTIONS_PER_PAGE);
    }
    *ret_page = page;
    return 0;
}

/* ---- messages */

int model_publish(struct sim *sim, const char *topic_arn, const char *subject, const char *text,
                  char ret_message_id[37], struct fault *fault)
{
    struct sns_message message = {
        .type = "Notification", .message = text, .subject = subject, .at_ms = sim->now_ms};
    struct topic *topic;
    char id[37];

    if (model_find_topic(sim, topic_arn, &topic, fault) < 0)
        return -1;
    if (text[0] == '\0')
        return invalid(fault, "Empty message");
    if (strlen(text) > MESSAGE_MAX)
        return invalid(fault, "Message too long");
    if (subject != NULL && (subject[0] == '\0' || strlen(subject) > 100))
        return invalid(fault, "Subject");
    model_uuid(sim, id);
    message.message_id = id;
    message.topic_arn = topic->arn;
    message.signature_version = topic->signature_version;
    for (size_t i = 0; i < topic->subscription_count; i++) {
        if (!topic->subscriptions[i]->confirmed)
            continue;
        message.subscription_arn = topic->subscriptions[i]->arn;
        model_deliver(sim, topic->subscriptions[i]->endpoint, &message);
    }
    text_copy(ret_message_id, sizeof(id), id);
    return 0;
}
