/*
 * resources.c - the table of types, what all handlers need, and the handlers of alarms and rights.
 */
#include "resources.h"

#include "alarms.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "base/text.h"
#include "policy.h"
#include "wire.h"

#include <ctype.h>

/* ---- alarms: the properties are the members of PutMetricAlarm */

static int put_alarm(struct handle *handle, struct fault *fault)
{
    return resource_call(handle, SERVICE_CLOUDWATCH, "PutMetricAlarm",
                         cJSON_Duplicate(handle->properties, true), NULL, fault);
}

static int create_alarm(struct handle *handle, struct fault *fault)
{
    const char *name = input_text(handle->properties, "AlarmName");
    char arn[MODEL_ARN_SIZE];

    if (model_find_alarm(handle->sim, name) != NULL)
        return resource_exists("AWS::CloudWatch::Alarm", name, fault);
    if (put_alarm(handle, fault) < 0)
        return -1;
    handle->physical = must_strdup(name);
    model_alarm_arn(handle->sim, model_find_alarm(handle->sim, name), arn, sizeof(arn));
    resource_attribute(handle, "Arn", arn);
    return 0;
}

static int remove_alarm(struct handle *handle, struct fault *fault)
{
    const char *const names[] = {handle->physical};

    return model_find_alarm(handle->sim, handle->physical) == NULL
               ? 0
               : model_delete_alarms(handle->sim, names, COUNT_OF(names), fault);
}

/* ---- rights: there is nobody here whom they could be given to, so they are checked and remembered */

enum { POLICY_CHARACTERS_MAX = 6144 };

static int check_managed_policy(const struct handle *handle, struct fault *fault)
{
    static const char *const holders[] = {"Roles", "Users", "Groups"};
    const cJSON *document = input_member(handle->properties, "PolicyDocument");
    SCOPED(free_text) char *text = NULL;
    size_t characters = 0;

    if (policy_check(document, POLICY_OF_IDENTITY, "MalformedPolicyDocument", fault) < 0)
        return -1;
    text = json_print(document);
    for (const char *at = text; *at != '\0'; at++)
        characters += !isspace((unsigned char)*at);
    if (characters > POLICY_CHARACTERS_MAX)
        return model_fault(fault, "LimitExceeded", 409, "Cannot exceed quota for PolicySize: %d",
                           POLICY_CHARACTERS_MAX);
    for (size_t i = 0; i < COUNT_OF(holders); i++) {
        const cJSON *holder = cJSON_GetArrayItem(input_member(handle->properties, holders[i]), 0);

        if (holder != NULL)
            return model_fault(fault, "NoSuchEntity", 404, "The %.4s with name %.128s cannot be found.",
                               holders[i], holder->valuestring);
    }
    return 0;
}

static size_t find_right(const struct sim *sim, const char *arn)
{
    size_t at = 0;

    while (at < sim->rights.count && !text_equal(sim->rights.items[at], arn))
        at++;
    return at;
}

static int create_managed_policy(struct handle *handle, struct fault *fault)
{
    const char *path = input_text(handle->properties, "Path");
    const char *name = input_text(handle->properties, "ManagedPolicyName");
    struct text_list *rights = &handle->sim->rights;
    SCOPED(free_text)
    char *arn =
        must_printf("arn:aws:iam::%s:policy%s%s", handle->sim->account, path == NULL ? "/" : path, name);

    if (check_managed_policy(handle, fault) < 0)
        return -1;
    if (find_right(handle->sim, arn) < rights->count)
        return model_fault(fault, "EntityAlreadyExists", 409,
                           "A policy called %s already exists. Duplicate names are "
                           "not allowed.",
                           name);
    rights->items = must_realloc(rights->items, rights->count + 1, sizeof(char *));
    rights->items[rights->count++] = must_strdup(arn);
    resource_attribute(handle, "PolicyArn", arn);
    handle->physical = take_text(&arn);
    return 0;
}

static int update_managed_policy(struct handle *handle, struct fault *fault)
{
    return check_managed_policy(handle, fault);
}

static int remove_managed_policy(struct handle *handle, struct fault *fault)
{
    struct text_list *rights = &handle->sim->rights;
    size_t at = find_right(handle->sim, handle->physical);

    (void)fault; /* one that is gone is gone */
    if (at < rights->count) {
        free(rights->items[at]);
        rights->items[at] = rights->items[--rights->count];
    }
    return 0;
}

/* ---- the table */

#define TEXTS(...)        \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }
#define NO_TEXTS ((const char *const[]){NULL})

const struct resource_type resource_types[] = {
    {.name = "AWS::Kinesis::Stream",
     .properties = &shape_resource_stream,
     .name_property = "Name",
     .name_max = 128,
     .create_only = TEXTS("Name"),
     .attributes = TEXTS("Arn"),
     .create = resource_create_stream,
     .update = resource_update_stream,
     .remove = resource_remove_stream,
     .settled = resource_stream_settled,
     .gone = resource_stream_gone},
    {.name = "AWS::CloudWatch::Alarm",
     .properties = &shape_cloudwatch_put_metric_alarm,
     .name_property = "AlarmName",
     .name_max = 255,
     .create_only = TEXTS("AlarmName"),
     .attributes = TEXTS("Arn"),
     .create = create_alarm,
     .update = put_alarm,
     .remove = remove_alarm},
    {.name = "AWS::SNS::Topic",
     .properties = &shape_resource_topic,
     .name_property = "TopicName",
     .name_max = 256,
     .create_only = TEXTS("TopicName"),
     .attributes = TEXTS("TopicArn", "TopicName"),
     .create = resource_create_topic,
     .update = resource_update_topic,
     .remove = resource_remove_topic},
    {.name = "AWS::SNS::Subscription",
     .properties = &shape_resource_subscription,
     .create_only = TEXTS("TopicArn", "Protocol", "Endpoint"),
     .attributes = TEXTS("Arn"),
     .create = resource_create_subscription,
     .update = resource_update_subscription,
     .remove = resource_remove_subscription},
    {.name = "AWS::SNS::TopicPolicy",
     .properties = &shape_resource_topic_policy,
     .create_only = NO_TEXTS,
     .attributes = TEXTS("Id"),
     .create = resource_put_topic_policy,
     .update = resource_put_topic_policy,
     .remove = resource_remove_topic_policy},
    {.name = "AWS::SQS::Queue",
     .properties = &shape_resource_queue,
     .name_property = "QueueName",
     .name_max = 80,
     .create_only = TEXTS("QueueName"),
     .attributes = TEXTS("Arn", "QueueName", "QueueUrl"),
     .create = resource_create_queue,
     .update = resource_update_queue,
     .remove = resource_remove_queue},
    {.name = "AWS::SQS::QueuePolicy",
     .properties = &shape_resource_queue_policy,
     .create_only = NO_TEXTS,
     .attributes = TEXTS("Id"),
     .create = resource_put_queue_policy,
     .update = resource_put_queue_policy,
     .remove = resource_remove_queue_policy},
    {.name = "AWS::IAM::ManagedPolicy",
     .properties = &shape_resource_managed_policy,
     .name_property = "ManagedPolicyName",
     .name_max = 128,
     .create_only = TEXTS("ManagedPolicyName", "Description", "Path"),
     .attributes = TEXTS("PolicyArn"),
     .is_right = true,
     .create = create_managed_policy,
     .update = update_managed_policy,
     .remove = remove_managed_policy},
    {.name = NULL},
};

const struct resource_type *resource_type_find(const char *name)
{
    for (const struct resource_type *type = resource_types; type->name != NULL; type++) {
        if (text_equal(type->name, name))
            return type;
    }
    return NULL;
}

static bool is_listed(const char *const *list, const char *text)
{
    for (; *list != NULL; list++) {
        if (text_equal(*list, text))
            return true;
    }
    return false;
}

bool resource_type_has_attribute(const struct resource_type *type, const char *attribute)
{
    return is_listed(type->attributes, attribute);
}

bool resource_type_is_create_only(const struct resource_type *type, const char *property)
{
    return is_listed(type->create_only, property);
}

/* ---- for the handlers */

/* What CloudFormation calls a service's refusal. */
static const char *handler_code(const char *type)
{
    static const struct {
        const char *type, *code;
    } codes[] = {
        {"ResourceInUseException", "AlreadyExists"},
        {"ResourceNotFoundException", "NotFound"},
        {"NotFound", "NotFound"},
        {"LimitExceededException", "ServiceLimitExceeded"},
        {"LimitExceededFault", "ServiceLimitExceeded"},
        {"ValidationException", "InvalidRequest"},
        {"InvalidArgumentException", "InvalidRequest"},
        {"InvalidParameter", "InvalidRequest"},
        {"InvalidParameterValueException", "InvalidRequest"},
    };

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        if (text_equal(codes[i].type, type))
            return codes[i].code;
    }
    return "GeneralServiceException";
}

int resource_call(struct handle *handle, int service, const char *operation, cJSON *input, cJSON **ret_output,
                  struct fault *fault)
{
    static const char *const names[SERVICE_COUNT] = {
        [SERVICE_KINESIS] = "Kinesis", [SERVICE_CLOUDWATCH] = "CloudWatch", [SERVICE_SNS] = "Sns"};
    struct wire_fault refusal = {0};
    cJSON *output = NULL;
    int result = wire_perform(handle->sim, (enum service)service, operation, input, &output, &refusal);

    cJSON_Delete(input);
    if (result < 0)
        (void)model_fault(fault, handler_code(refusal.type), 400, "%s (Service: %s, Status Code: 400)",
                          refusal.message == NULL ? refusal.type : refusal.message, names[service]);
    wire_fault_clear(&refusal);
    if (result == 0 && ret_output != NULL)
        *ret_output = output;
    else
        cJSON_Delete(output);
    return result;
}

void resource_attribute(struct handle *handle, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(handle->attributes, name);
    answer_text(handle->attributes, name, value);
}

int resource_exists(const char *type, const char *identifier, struct fault *fault)
{
    return model_fault(fault, "AlreadyExists", 400,
                       "Resource of type '%s' with identifier '%.300s' already exists.", type, identifier);
}
