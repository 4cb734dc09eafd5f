/*
 * resource_shapes.c - the properties of resources: which there are, and what their values may be.
 *
 * The shapes are those of requests (wire_shapes.h), so that the same limits are checked in the same words.  Templates
 * are careless about types, and CloudFormation with them: a Ref to a Number is a text.
 */
#include "resources.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "template.h"
#include "wire_input.h"
#include "wire_shapes_common.h"

#include <math.h>

/* ---- shapes */

/* Any JSON object: a map of nothing in particular. */
static const struct shape document = {SHAPE_MAP};
static const struct shape texts = {SHAPE_LIST, .of = &shape_text};
static const struct shape some_texts = {SHAPE_LIST, BETWEEN(1, 100), .of = &shape_text};

static const struct shape stream_name = {SHAPE_STRING, BETWEEN(1, 128)};
static const struct shape shard_count = {SHAPE_INTEGER, BETWEEN(1, 100000)};
static const struct shape retention_hours = {SHAPE_INTEGER, BETWEEN(24, 8760)};
static const struct shape stream_mode = {SHAPE_STRING,
                                         .values = (const char *const[]){"PROVISIONED", "ON_DEMAND", NULL}};
static const struct shape stream_mode_details = STRUCTURE({"StreamMode", true, &stream_mode});
static const struct shape shard_metric = {
    SHAPE_STRING,
    .values = (const char *const[]){"IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords",
                                    "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
                                    "IteratorAgeMilliseconds", "ALL", NULL},
};
static const struct shape shard_metrics = {SHAPE_LIST, AT_MOST(7), .of = &shard_metric};
const struct shape shape_resource_stream = STRUCTURE(
    {"Name", false, &stream_name}, {"ShardCount", false, &shard_count},
    {"StreamModeDetails", false, &stream_mode_details}, {"RetentionPeriodHours", false, &retention_hours},
    {"DesiredShardLevelMetrics", false, &shard_metrics}, {"Tags", false, &shape_tags});

static const struct shape signature_version = {SHAPE_STRING, .values = (const char *const[]){"1", "2", NULL}};
const struct shape shape_resource_topic =
    STRUCTURE({"TopicName", false, &shape_text}, {"DisplayName", false, &shape_text},
              {"SignatureVersion", false, &signature_version}, {"Tags", false, &shape_tags});
const struct shape shape_resource_subscription =
    STRUCTURE({"TopicArn", true, &shape_text}, {"Protocol", true, &shape_text},
              {"Endpoint", false, &shape_text}, {"RedrivePolicy", false, &document});
const struct shape shape_resource_topic_policy =
    STRUCTURE({"Topics", true, &some_texts}, {"PolicyDocument", true, &document});

static const struct shape queue_retention = {SHAPE_INTEGER, BETWEEN(60, 1209600)};
static const struct shape visibility = {SHAPE_INTEGER, BETWEEN(0, 43200)};
const struct shape shape_resource_queue =
    STRUCTURE({"QueueName", false, &shape_text}, {"MessageRetentionPeriod", false, &queue_retention},
              {"VisibilityTimeout", false, &visibility}, {"SqsManagedSseEnabled", false, &shape_boolean},
              {"Tags", false, &shape_tags});
const struct shape shape_resource_queue_policy =
    STRUCTURE({"Queues", true, &some_texts}, {"PolicyDocument", true, &document});

static const struct shape policy_description = {SHAPE_STRING, BETWEEN(0, 1000)};
const struct shape shape_resource_managed_policy =
    STRUCTURE({"ManagedPolicyName", false, &shape_text}, {"Path", false, &shape_text},
              {"Description", false, &policy_description}, {"PolicyDocument", true, &document},
              {"Groups", false, &texts}, {"Roles", false, &texts}, {"Users", false, &texts});

/* ---- keys */

enum { PATH_SIZE = 256 };

struct place {
    const struct resource_type *type;
    const char *logical;
    struct fault *fault;
};

static int check_keys(const struct place *place, const struct shape *shape, const cJSON *node,
                      const char *path);

static const struct member *find_member(const struct shape *shape, const char *name)
{
    for (const struct member *member = shape->members; member->name != NULL; member++) {
        if (text_equal(member->name, name))
            return member;
    }
    return NULL;
}

static int check_structure(const struct place *place, const struct shape *shape, const cJSON *node,
                           const char *path)
{
    const cJSON *child;
    char inner[PATH_SIZE];

    cJSON_ArrayForEach(child, node) {
        const struct member *member = find_member(shape, child->string);

        if (member == NULL)
            return template_fault(
                place->fault,
                "Properties validation failed for resource %.255s with message: #%s: extraneous key "
                "[%.100s] is not permitted",
                place->logical, path, child->string);
        snprintf(inner, sizeof(inner), "%s/%s", path, child->string);
        if (check_keys(place, member->shape, child, inner) < 0)
            return -1;
    }
    for (const struct member *member = shape->members; member->name != NULL; member++) {
        if (!member->required || input_member(node, member->name) != NULL ||
            (path[0] == '\0' && text_equal(member->name, place->type->name_property)))
            continue;
        return template_fault(
            place->fault,
            "Properties validation failed for resource %.255s with message: #%s: required key [%s] "
            "not found",
            place->logical, path, member->name);
    }
    return 0;
}

/* Both branches of Fn::If are looked at; what other functions give is not known yet. */
static int check_call(const struct place *place, const struct shape *shape, const cJSON *call,
                      const char *path)
{
    for (int i = 1; text_equal(call->string, "Fn::If") && i <= 2; i++) {
        const cJSON *branch = cJSON_GetArrayItem(call, i);

        if (branch != NULL && check_keys(place, shape, branch, path) < 0)
            return -1;
    }
    return 0;
}

static int check_keys(const struct place *place, const struct shape *shape, const cJSON *node,
                      const char *path)
{
    const cJSON *item;

    if (template_is_call(node))
        return check_call(place, shape, node->child, path);
    if (shape->type == SHAPE_STRUCTURE && cJSON_IsObject(node))
        return check_structure(place, shape, node, path);
    if (shape->type != SHAPE_LIST || !cJSON_IsArray(node))
        return 0; /* of values, resource_check_values() will tell */
    cJSON_ArrayForEach(item, node) {
        if (check_keys(place, shape->of, item, path) < 0)
            return -1;
    }
    return 0;
}

int resource_check_keys(const struct resource_type *type, const char *logical, const cJSON *properties,
                        struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *nothing = cJSON_CreateObject();
    const struct place place = {type, logical, fault};

    return check_keys(&place, type->properties, properties == NULL ? nothing : properties, "");
}

/* ---- values */

static int wrong_type(const struct place *place, const char *path, const char *wanted)
{
    return template_fault(
        place->fault, "Properties validation failed for resource %.255s with message: #%s: expected type: %s",
        place->logical, path, wanted);
}

/* A scalar in the form that the shape wants; NULL when it cannot be that. */
static cJSON *convert_scalar(const struct shape *shape, const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    char number_text[32];
    double number;

    if (shape->type == SHAPE_INTEGER || shape->type == SHAPE_DOUBLE || shape->type == SHAPE_TIMESTAMP) {
        if (cJSON_IsNumber(value))
            number = value->valuedouble;
        else if (text == NULL || !number_parse_double(text, &number))
            return NULL;
        if (shape->type == SHAPE_INTEGER && (number > 1e15 || number < -1e15 || number != trunc(number)))
            return NULL;
        return cJSON_CreateNumber(number);
    }
    if (shape->type == SHAPE_BOOLEAN) {
        if (text_equal(text, "true") || text_equal(text, "false"))
            return cJSON_CreateBool(text[0] == 't');
        return cJSON_IsBool(value) ? cJSON_Duplicate(value, false) : NULL;
    }
    if (cJSON_IsBool(value))
        return cJSON_CreateString(cJSON_IsTrue(value) ? "true" : "false");
    if (!cJSON_IsNumber(value))
        return text == NULL ? NULL : cJSON_CreateString(text);
    number_format_double(value->valuedouble, number_text, sizeof(number_text));
    return cJSON_CreateString(number_text);
}

static int convert(const struct place *place, const struct shape *shape, const cJSON *value, const char *path,
                   cJSON **ret_value);

static int convert_children(const struct place *place, const struct shape *shape, const cJSON *value,
                            const char *path, cJSON *result)
{
    const cJSON *child;
    char inner[PATH_SIZE];
    int index = 0;

    cJSON_ArrayForEach(child, value) {
        const struct member *member =
            shape->type == SHAPE_STRUCTURE ? find_member(shape, child->string) : NULL;
        cJSON *converted = NULL;

        if (shape->type == SHAPE_STRUCTURE) {
            snprintf(inner, sizeof(inner), "%s/%s", path, child->string);
            if (member == NULL)
                return wrong_type(place, inner, "no such property");
        } else {
            snprintf(inner, sizeof(inner), "%s/%d", path, index++);
        }
        if (convert(place, member == NULL ? shape->of : member->shape, child, inner, &converted) < 0)
            return -1;
        if (shape->type == SHAPE_STRUCTURE)
            (void)cJSON_AddItemToObject(result, child->string, converted);
        else
            (void)cJSON_AddItemToArray(result, converted);
    }
    return 0;
}

static int convert(const struct place *place, const struct shape *shape, const cJSON *value, const char *path,
                   cJSON **ret_value)
{
    static const char *const names[] = {
        [SHAPE_STRING] = "String",   [SHAPE_INTEGER] = "Integer",      [SHAPE_DOUBLE] = "Number",
        [SHAPE_BOOLEAN] = "Boolean", [SHAPE_TIMESTAMP] = "Number",     [SHAPE_LIST] = "JSONArray",
        [SHAPE_MAP] = "JSONObject",  [SHAPE_STRUCTURE] = "JSONObject",
    };
    SCOPED(wire_delete_tree) cJSON *result = NULL;

    if (shape->type < SHAPE_LIST) {
        result = convert_scalar(shape, value);
    } else if (shape->type == SHAPE_LIST ? cJSON_IsArray(value) : cJSON_IsObject(value)) {
        result = shape->type == SHAPE_LIST ? cJSON_CreateArray() : cJSON_CreateObject();
        if (shape->type == SHAPE_MAP) { /* a document, as it is */
            cJSON_Delete(result);
            result = cJSON_Duplicate(value, true);
        } else if (convert_children(place, shape, value, path, result) < 0) {
            return -1;
        }
    }
    if (result == NULL)
        return wrong_type(place, path, names[shape->type]);
    *ret_value = result;
    result = NULL;
    return 0;
}

int resource_check_values(const struct resource_type *type, const char *logical, const cJSON *properties,
                          cJSON **ret_values, struct fault *fault)
{
    const struct place place = {type, logical, fault};
    SCOPED(wire_delete_tree) cJSON *values = NULL;
    struct wire_fault refusal = {0};
    int result = 0;

    if (convert(&place, type->properties, properties, "", &values) < 0)
        return -1;
    if (wire_input_check(type->properties, values, &refusal) < 0)
        result =
            template_fault(fault, "Properties validation failed for resource %.255s with message: %.600s",
                           logical, refusal.message == NULL ? "" : refusal.message);
    wire_fault_clear(&refusal);
    if (result < 0)
        return -1;
    *ret_values = values;
    values = NULL;
    return 0;
}
