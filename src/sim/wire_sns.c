/*
 * wire_sns.c - SNS: topics, subscriptions, messages.
 */
#include "wire.h"

#include "base/json_check.h"
#include "base/memory.h"
#include "base/text.h"
#include "policy.h"

#include <string.h>

enum { MESSAGE_MAX = 256 * 1024, SUBJECT_MAX = 100, SNS_NAME_MAX = 256 };

static int invalid(struct fault *fault, const char *parameter, const char *reason)
{
    return model_fault(fault, "InvalidParameter", 400, "Invalid parameter: %s%s%s", parameter,
                       reason == NULL ? "" : " Reason: ", reason == NULL ? "" : reason);
}

/* ---- topics */

static bool is_topic_name(const char *name)
{
    size_t length = strlen(name);

    return length >= 1 && length <= SNS_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

/* An attribute whose value is a JSON object; NULL when it is none. */
static cJSON *parse_attribute(const char *value)
{
    struct error err;
    cJSON *object;

    if (json_check(value, strlen(value), JSON_DEPTH_MAX, &err) < 0)
        return NULL;
    object = cJSON_Parse(value);
    if (cJSON_IsObject(object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

static int set_attribute(struct call *call, const char *arn, const char *name, const char *value,
                         struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *policy = NULL;

    if (strcmp(name, "Policy") == 0 && value[0] != '\0') {
        policy = parse_attribute(value);
        if (policy == NULL)
            return invalid(fault, "Policy Error", "null");
        if (policy_check(policy, POLICY_OF_RESOURCE, "InvalidParameter", fault) < 0)
            return -1;
    }
    return model_set_topic_attribute(call->sim, arn, name, value, fault);
}

static int create_topic(struct call *call, struct fault *fault)
{
    const char *name = input_text(call->input, "Name");
    const cJSON *attribute;
    struct topic *topic;

    if (!is_topic_name(name))
        return invalid(fault, "Topic Name", NULL);
    if (model_create_topic(call->sim, name, &topic, fault) < 0)
        return -1;
    cJSON_ArrayForEach(attribute, input_member(call->input, "Attributes")) {
        if (set_attribute(call, topic->arn, attribute->string, attribute->valuestring, fault) < 0)
            return -1;
    }
    answer_text(wire_output(call), "TopicArn", topic->arn);
    return 0;
}

static int delete_topic(struct call *call, struct fault *fault)
{
    return model_delete_topic(call->sim, input_text(call->input, "TopicArn"), fault);
}

static int set_topic_attributes(struct call *call, struct fault *fault)
{
    const char *value = input_text(call->input, "AttributeValue");

    return set_attribute(call, input_text(call->input, "TopicArn"), input_text(call->input, "AttributeName"),
                         value == NULL ? "" : value, fault);
}

static void answer_count(cJSON *map, const char *key, int64_t count)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)count);
    answer_entry(map, key, text);
}

static int get_topic_attributes(struct call *call, struct fault *fault)
{
    struct topic *topic;
    int64_t confirmed = 0;
    cJSON *map;

    if (model_find_topic(call->sim, input_text(call->input, "TopicArn"), &topic, fault) < 0)
        return -1;
    for (size_t i = 0; i < topic->subscription_count; i++)
        confirmed += topic->subscriptions[i]->confirmed;
    map = answer_structure(wire_output(call), "Attributes");
    answer_entry(map, "TopicArn", topic->arn);
    answer_entry(map, "Owner", call->sim->account);
    answer_entry(map, "DisplayName", topic->display_name);
    if (topic->policy != NULL)
        answer_entry(map, "Policy", topic->policy);
    answer_count(map, "SignatureVersion", topic->signature_version);
    answer_count(map, "SubscriptionsConfirmed", confirmed);
    answer_count(map, "SubscriptionsPending", (int64_t)topic->subscription_count - confirmed);
    answer_count(map, "SubscriptionsDeleted", topic->deleted_subscriptions);
    answer_entry(map, "EffectiveDeliveryPolicy",
                 "{\"http\":{\"defaultHealthyRetryPolicy\":{\"minDelayTarget\":20,\"maxDelayTarget\":20,"
                 "\"numRetries\":3,\"numMaxDelayRetries\":0,\"numNoDelayRetries\":0,\"numMinDelayRetries\":0,"
                 "\"backoffFunction\":\"linear\"},\"disableSubscriptionOverrides\":false}}");
    return 0;
}

/* ---- subscriptions */

static int subscribe(struct call *call, struct fault *fault)
{
    const char *protocol = input_text(call->input, "Protocol");
    const char *endpoint = input_text(call->input, "Endpoint");
    struct subscription *subscription;
    char scheme[16];

    if (strcmp(protocol, "http") != 0 && strcmp(protocol, "https") != 0)
        return invalid(fault, "Protocol", "the simulated SNS delivers to http and https only");
    snprintf(scheme, sizeof(scheme), "%s://", protocol);
    if (endpoint == NULL || !text_starts_with(endpoint, scheme) || endpoint[strlen(scheme)] == '\0')
        return invalid(fault, "Endpoint must match the specified protocol", NULL);
    if (strlen(endpoint) >= sizeof(((struct sim_delivery *)NULL)->endpoint))
        return invalid(fault, "Endpoint", "it is too long");
    if (model_subscribe(call->sim, input_text(call->input, "TopicArn"), protocol, endpoint, &subscription,
                        fault) < 0)
        return -1;
    answer_text(wire_output(call), "SubscriptionArn",
                subscription->confirmed || input_boolean(call->input, "ReturnSubscriptionArn", false)
                    ? subscription->arn
                    : "pending confirmation");
    return 0;
}

static int confirm_subscription(struct call *call, struct fault *fault)
{
    const char *authenticate = input_text(call->input, "AuthenticateOnUnsubscribe");
    bool authenticated = authenticate != NULL && strcmp(authenticate, "true") == 0;
    struct subscription *subscription;

    if (authenticated && !call->is_signed)
        return model_fault(fault, "AuthorizationError", 403,
                           "AuthenticateOnUnsubscribe can be asked for with a signature only");
    if (model_confirm_subscription(call->sim, input_text(call->input, "TopicArn"),
                                   input_text(call->input, "Token"), authenticated, &subscription, fault) < 0)
        return -1;
    answer_text(wire_output(call), "SubscriptionArn", subscription->arn);
    return 0;
}

static int unsubscribe(struct call *call, struct fault *fault)
{
    return model_unsubscribe(call->sim, input_text(call->input, "SubscriptionArn"), call->is_signed, fault);
}

/* {"deadLetterTargetArn": "arn:aws:sqs:..."}, or nothing for no queue. */
static int set_subscription_attributes(struct call *call, struct fault *fault)
{
    const char *arn = input_text(call->input, "SubscriptionArn");
    const char *value = input_text(call->input, "AttributeValue");
    SCOPED(wire_delete_tree) cJSON *redrive = NULL;

    if (strcmp(input_text(call->input, "AttributeName"), "RedrivePolicy") != 0)
        return invalid(fault, "AttributeName", "the simulated SNS knows RedrivePolicy only");
    if (value == NULL || value[0] == '\0')
        return model_set_dead_letters(call->sim, arn, NULL, fault);
    redrive = parse_attribute(value);
    if (cJSON_GetArraySize(redrive) != 1 || input_text(redrive, "deadLetterTargetArn") == NULL)
        return invalid(fault, "RedrivePolicy", "it must be {\"deadLetterTargetArn\": ARN}");
    return model_set_dead_letters(call->sim, arn, input_text(redrive, "deadLetterTargetArn"), fault);
}

static int get_subscription_attributes(struct call *call, struct fault *fault)
{
    struct topic *topic;
    const struct subscription *subscription =
        model_find_subscription(call->sim, input_text(call->input, "SubscriptionArn"), &topic);
    SCOPED(free_text) char *redrive = NULL;
    cJSON *map;

    if (subscription == NULL)
        return model_fault(fault, "NotFound", 404, "Subscription does not exist");
    map = answer_structure(wire_output(call), "Attributes");
    answer_entry(map, "SubscriptionArn", subscription->arn);
    answer_entry(map, "TopicArn", topic->arn);
    answer_entry(map, "Owner", call->sim->account);
    answer_entry(map, "Protocol", subscription->protocol);
    answer_entry(map, "Endpoint", subscription->endpoint);
    answer_entry(map, "PendingConfirmation", subscription->confirmed ? "false" : "true");
    answer_entry(map, "ConfirmationWasAuthenticated",
                 subscription->authenticate_on_unsubscribe ? "true" : "false");
    answer_entry(map, "RawMessageDelivery", "false");
    if (subscription->dead_letters != NULL) {
        redrive = must_printf("{\"deadLetterTargetArn\":\"%s\"}", subscription->dead_letters);
        answer_entry(map, "RedrivePolicy", redrive);
    }
    return 0;
}

static int list_subscriptions(struct call *call, struct fault *fault)
{
    const char *topic_arn = input_text(call->input, "TopicArn");
    struct subscription_page page;
    cJSON *list;

    if (model_list_subscriptions(call->sim, topic_arn, input_text(call->input, "NextToken"), &page, fault) <
        0)
        return -1;
    list = answer_list(wire_output(call), "Subscriptions");
    for (size_t i = 0; i < page.count; i++) {
        const struct subscription *subscription = page.items[i];
        cJSON *object = answer_element(list);

        answer_text(object, "SubscriptionArn",
                    subscription->confirmed ? subscription->arn : "PendingConfirmation");
        answer_text(object, "Owner", call->sim->account);
        answer_text(object, "Protocol", subscription->protocol);
        answer_text(object, "Endpoint", subscription->endpoint);
        answer_text(object, "TopicArn", topic_arn);
    }
    if (page.next_token[0] != '\0')
        answer_text(call->output, "NextToken", page.next_token);
    return 0;
}

/* ---- messages */

static bool is_subject(const char *subject)
{
    size_t length = strlen(subject);

    if (length == 0 || length > SUBJECT_MAX)
        return false;
    for (; *subject != '\0'; subject++) {
        if ((unsigned char)*subject < 0x20 || (unsigned char)*subject > 0x7e)
            return false;
    }
    return true;
}

static int publish(struct call *call, struct fault *fault)
{
    const char *arn = input_text(call->input, "TopicArn");
    const char *message = input_text(call->input, "Message");
    const char *subject = input_text(call->input, "Subject");
    char id[37];

    if (arn == NULL)
        arn = input_text(call->input, "TargetArn");
    if (arn == NULL)
        return invalid(fault, "TopicArn or TargetArn", "no value found for required parameter");
    if (message[0] == '\0')
        return invalid(fault, "Empty message", NULL);
    if (strlen(message) > MESSAGE_MAX)
        return invalid(fault, "Message too long", NULL);
    if (subject != NULL && !is_subject(subject))
        return invalid(fault, "Subject", NULL);
    if (model_publish(call->sim, arn, subject, message, id, fault) < 0)
        return -1;
    answer_text(wire_output(call), "MessageId", id);
    return 0;
}

const struct operation wire_sns_operations[] = {
    {SERVICE_SNS, "CreateTopic", &shape_sns_create_topic, STREAM_NONE, false, create_topic},
    {SERVICE_SNS, "DeleteTopic", &shape_sns_topic, STREAM_NONE, false, delete_topic},
    {SERVICE_SNS, "GetTopicAttributes", &shape_sns_topic, STREAM_NONE, false, get_topic_attributes},
    {SERVICE_SNS, "SetTopicAttributes", &shape_sns_set_topic_attributes, STREAM_NONE, false,
     set_topic_attributes},
    {SERVICE_SNS, "Subscribe", &shape_sns_subscribe, STREAM_NONE, false, subscribe},
    {SERVICE_SNS, "ConfirmSubscription", &shape_sns_confirm_subscription, STREAM_NONE, true,
     confirm_subscription},
    {SERVICE_SNS, "GetSubscriptionAttributes", &shape_sns_subscription, STREAM_NONE, false,
     get_subscription_attributes},
    {SERVICE_SNS, "SetSubscriptionAttributes", &shape_sns_set_subscription_attributes, STREAM_NONE, false,
     set_subscription_attributes},
    {SERVICE_SNS, "Unsubscribe", &shape_sns_subscription, STREAM_NONE, true, unsubscribe},
    {SERVICE_SNS, "ListSubscriptionsByTopic", &shape_sns_list_subscriptions, STREAM_NONE, false,
     list_subscriptions},
    {SERVICE_SNS, "Publish", &shape_sns_publish, STREAM_NONE, false, publish},
    {0},
};
