/*
 * resources_messaging.c - AWS::SNS::* and AWS::SQS::*.
 */
#include "base/json_print.h"
#include "base/memory.h"
#include "base/text.h"
#include "policy.h"
#include "queues.h"
#include "resources.h"
#include "wire.h"

/* ---- topics */

static int set_topic_attribute(struct handle *handle, const char *arn, const char *name, const char *value,
                               struct fault *fault)
{
    cJSON *input = cJSON_CreateObject();

    answer_text(input, "TopicArn", arn);
    answer_text(input, "AttributeName", name);
    answer_text(input, "AttributeValue", value);
    return resource_call(handle, SERVICE_SNS, "SetTopicAttributes", input, NULL, fault);
}

int resource_update_topic(struct handle *handle, struct fault *fault)
{
    const char *display = input_text(handle->properties, "DisplayName");
    const char *version = input_text(handle->properties, "SignatureVersion");

    if (set_topic_attribute(handle, handle->physical, "DisplayName", display == NULL ? "" : display, fault) <
        0)
        return -1;
    return set_topic_attribute(handle, handle->physical, "SignatureVersion", version == NULL ? "1" : version,
                               fault);
}

int resource_create_topic(struct handle *handle, struct fault *fault)
{
    const char *name = input_text(handle->properties, "TopicName");
    SCOPED(free_text)
    char *arn = must_printf("arn:aws:sns:%s:%s:%s", handle->sim->region, handle->sim->account, name);
    struct topic *topic;
    struct fault none;
    cJSON *input;

    if (model_find_topic(handle->sim, arn, &topic, &none) == 0)
        return resource_exists("AWS::SNS::Topic", arn, fault);
    input = cJSON_CreateObject();
    answer_text(input, "Name", name);
    if (resource_call(handle, SERVICE_SNS, "CreateTopic", input, NULL, fault) < 0)
        return -1;
    resource_attribute(handle, "TopicArn", arn);
    resource_attribute(handle, "TopicName", name);
    handle->physical = take_text(&arn);
    return resource_update_topic(handle, fault);
}

int resource_remove_topic(struct handle *handle, struct fault *fault)
{
    cJSON *input = cJSON_CreateObject();

    answer_text(input, "TopicArn", handle->physical);
    return resource_call(handle, SERVICE_SNS, "DeleteTopic", input, NULL, fault);
}

/* ---- subscriptions: made at once, confirmed by their endpoint whenever it does */

int resource_update_subscription(struct handle *handle, struct fault *fault)
{
    const cJSON *redrive = input_member(handle->properties, "RedrivePolicy");
    cJSON *input = cJSON_CreateObject();
    SCOPED(free_text) char *text = redrive == NULL ? NULL : json_print(redrive);

    answer_text(input, "SubscriptionArn", handle->physical);
    answer_text(input, "AttributeName", "RedrivePolicy");
    answer_text(input, "AttributeValue", text);
    return resource_call(handle, SERVICE_SNS, "SetSubscriptionAttributes", input, NULL, fault);
}

int resource_create_subscription(struct handle *handle, struct fault *fault)
{
    static const char *const members[] = {"TopicArn", "Protocol", "Endpoint"};
    SCOPED(wire_delete_tree) cJSON *output = NULL;
    cJSON *input = cJSON_CreateObject();

    for (size_t i = 0; i < COUNT_OF(members); i++)
        answer_text(input, members[i], input_text(handle->properties, members[i]));
    answer_boolean(input, "ReturnSubscriptionArn", true);
    if (resource_call(handle, SERVICE_SNS, "Subscribe", input, &output, fault) < 0)
        return -1;
    handle->physical = must_strdup(input_text(output, "SubscriptionArn"));
    resource_attribute(handle, "Arn", handle->physical);
    return resource_update_subscription(handle, fault);
}

int resource_remove_subscription(struct handle *handle, struct fault *fault)
{
    cJSON *input = cJSON_CreateObject();

    answer_text(input, "SubscriptionArn", handle->physical);
    return resource_call(handle, SERVICE_SNS, "Unsubscribe", input, NULL, fault);
}

/* ---- policies: of every topic or queue that they name */

static bool is_named(const cJSON *list, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list) {
        if (text_equal(item->valuestring, text))
            return true;
    }
    return false;
}

/* One topic or queue gets a policy, or loses its own (NULL). */
typedef int set_policy_fn(struct handle *handle, const char *target, const char *policy, struct fault *fault);

static int put_policy(struct handle *handle, const char *targets, set_policy_fn *set, struct fault *fault)
{
    const cJSON *document = input_member(handle->properties, "PolicyDocument");
    const cJSON *wanted = input_member(handle->properties, targets), *target;
    SCOPED(free_text) char *text = json_print(document);
    char id[37];

    if (policy_check(document, POLICY_OF_RESOURCE, "InvalidParameter", fault) < 0)
        return -1;
    cJSON_ArrayForEach(target, wanted) {
        if (set(handle, target->valuestring, text, fault) < 0)
            return -1;
    }
    cJSON_ArrayForEach(target, input_member(handle->before, targets)) {
        struct fault gone;

        if (!is_named(wanted, target->valuestring))
            (void)set(handle, target->valuestring, NULL, &gone); /* it may not be there any more */
    }
    if (handle->physical == NULL) {
        model_uuid(handle->sim, id);
        handle->physical = must_strdup(id);
        resource_attribute(handle, "Id", id);
    }
    return 0;
}

static void remove_policy(struct handle *handle, const char *targets, set_policy_fn *set)
{
    const cJSON *target;
    struct fault gone;

    cJSON_ArrayForEach(target, input_member(handle->properties, targets))
        (void)set(handle, target->valuestring, NULL, &gone); /* it may not be there any more */
}

static int set_topic_policy(struct handle *handle, const char *topic, const char *policy, struct fault *fault)
{
    return set_topic_attribute(handle, topic, "Policy", policy == NULL ? "" : policy, fault);
}

int resource_put_topic_policy(struct handle *handle, struct fault *fault)
{
    return put_policy(handle, "Topics", set_topic_policy, fault);
}

int resource_remove_topic_policy(struct handle *handle, struct fault *fault)
{
    (void)fault;
    remove_policy(handle, "Topics", set_topic_policy);
    return 0;
}

static int set_queue_policy(struct handle *handle, const char *url, const char *policy, struct fault *fault)
{
    struct queue *queue = model_find_queue(handle->sim, url);

    if (queue == NULL)
        return model_fault(fault, "NonExistentQueue", 400, "The specified queue does not exist.");
    free(queue->policy);
    queue->policy = must_strdup(policy);
    return 0;
}

int resource_put_queue_policy(struct handle *handle, struct fault *fault)
{
    return put_policy(handle, "Queues", set_queue_policy, fault);
}

int resource_remove_queue_policy(struct handle *handle, struct fault *fault)
{
    (void)fault;
    remove_policy(handle, "Queues", set_queue_policy);
    return 0;
}

/* ---- queues */

int resource_create_queue(struct handle *handle, struct fault *fault)
{
    struct queue *queue;

    if (model_create_queue(handle->sim, input_text(handle->properties, "QueueName"), &queue, fault) < 0)
        return -1;
    handle->physical = must_strdup(queue->url);
    resource_attribute(handle, "Arn", queue->arn);
    resource_attribute(handle, "QueueName", queue->name);
    resource_attribute(handle, "QueueUrl", queue->url);
    return 0;
}

/* How long messages are kept and hidden means nothing where nobody receives any. */
int resource_update_queue(struct handle *handle, struct fault *fault)
{
    if (model_find_queue(handle->sim, handle->physical) == NULL)
        return model_fault(fault, "NonExistentQueue", 400, "The specified queue does not exist.");
    return 0;
}

int resource_remove_queue(struct handle *handle, struct fault *fault)
{
    struct queue *queue = model_find_queue(handle->sim, handle->physical);

    (void)fault;
    if (queue != NULL)
        model_delete_queue(handle->sim, queue);
    return 0;
}
