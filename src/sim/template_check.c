/*
 * template_check.c - what can be said of a template before there are any values.
 *
 * AWS refuses here what it cannot even begin with, and finds misspelt properties later, at the resource; the simulated
 * one finds them at once, in the same words.
 */
#include "template.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "resources.h"
#include "wire_input.h"

#include <ctype.h>
#include <string.h>

struct checker {
    const cJSON *parameters, *conditions, *resources;
    const char *block;  /* the section that is looked at */
    bool in_conditions; /* no resources there */
    struct fault *fault;
};

static int check_node(const struct checker *checker, const cJSON *node);

/* ---- references */

static int unresolved(const struct checker *checker, const char *name)
{
    if (checker->in_conditions)
        return template_fault(
            checker->fault,
            "Template format error: Unresolved dependencies [%.255s]. Cannot reference resources in "
            "the Conditions block of the template",
            name);
    return template_fault(
        checker->fault,
        "Template format error: Unresolved resource dependencies [%.255s] in the %s block of the "
        "template",
        name, checker->block);
}

static int check_ref(const struct checker *checker, const char *name)
{
    if (template_is_pseudo(name) || input_member(checker->parameters, name) != NULL ||
        (!checker->in_conditions && input_member(checker->resources, name) != NULL))
        return 0;
    return unresolved(checker, name);
}

static int check_get_att(const struct checker *checker, const struct template_reference *reference)
{
    const cJSON *resource = input_member(checker->resources, reference->name);
    const struct resource_type *type;

    if (resource == NULL || checker->in_conditions)
        return template_fault(checker->fault,
                              "Template error: instance of Fn::GetAtt references undefined resource %.255s",
                              reference->name);
    type = resource_type_find(input_text(resource, "Type"));
    if (type != NULL && resource_type_has_attribute(type, reference->attribute))
        return 0;
    return template_fault(
        checker->fault,
        "Template error: resource %.255s does not support attribute type %.255s in Fn::GetAtt",
        reference->name, reference->attribute);
}

static int check_sub(const struct checker *checker, const cJSON *argument)
{
    const cJSON *pattern = cJSON_IsArray(argument) ? cJSON_GetArrayItem(argument, 0) : argument;
    const cJSON *variables = cJSON_IsArray(argument) ? cJSON_GetArrayItem(argument, 1) : NULL, *variable;
    const char *cursor = cJSON_IsString(pattern) ? pattern->valuestring : "";
    struct template_piece piece;

    while (template_next_piece(&cursor, &piece)) {
        SCOPED(free_text) char *name = must_strndup(piece.text, piece.length);
        struct template_reference reference;

        if (piece.kind != PIECE_REFERENCE || input_member(variables, text_trim(name)) != NULL)
            continue;
        if (!template_parse_piece(&piece, &reference))
            return template_fault(checker->fault, "Template error: variable names in Fn::Sub syntax must "
                                                  "contain only alphanumeric "
                                                  "characters, underscores, periods, and colons");
        if (reference.attribute[0] == '\0' ? check_ref(checker, reference.name) < 0
                                           : check_get_att(checker, &reference) < 0)
            return -1;
    }
    cJSON_ArrayForEach(variable, variables) {
        if (check_node(checker, variable) < 0)
            return -1;
    }
    return 0;
}

static int check_condition_name(const struct checker *checker, const cJSON *name)
{
    if (cJSON_IsString(name) && input_member(checker->conditions, name->valuestring) != NULL)
        return 0;
    return template_fault(
        checker->fault,
        "Template format error: Unresolved condition dependency %.255s in the %s block of the "
        "template",
        cJSON_IsString(name) ? name->valuestring : "", checker->block);
}

/* ---- calls */

static int check_call(const struct checker *checker, const cJSON *call)
{
    struct template_reference reference;

    if (!template_is_known_function(call->string, checker->in_conditions)) {
        char list[256];

        template_list_functions(list, sizeof(list));
        return template_fault(
            checker->fault,
            "Template validation error: Template error: Encountered unsupported function: %.64s "
            "Supported functions are: [%s]",
            call->string, list);
    }
    if (text_equal(call->string, "Ref"))
        return cJSON_IsString(call)
                   ? check_ref(checker, call->valuestring)
                   : template_fault(checker->fault,
                                    "Template format error: Every Ref must have a single string value.");
    if (text_equal(call->string, "Fn::GetAtt"))
        return template_parse_get_att(call, &reference)
                   ? check_get_att(checker, &reference)
                   : template_fault(checker->fault, "Template error: every Fn::GetAtt object requires two "
                                                    "non-empty parameters, the "
                                                    "resource name and the resource attribute");
    if (text_equal(call->string, "Fn::Sub"))
        return check_sub(checker, call);
    if (text_equal(call->string, "Condition"))
        return check_condition_name(checker, call);
    if (text_equal(call->string, "Fn::If") && check_condition_name(checker, cJSON_GetArrayItem(call, 0)) < 0)
        return -1;
    return check_node(checker, call);
}

static int check_node(const struct checker *checker, const cJSON *node)
{
    const cJSON *child;

    if (template_is_call(node))
        return check_call(checker, node->child);
    if (checker->in_conditions && cJSON_IsObject(node) && cJSON_GetArraySize(node) == 1)
        return check_call(checker, node->child); /* {"Condition": name} */
    if (!cJSON_IsObject(node) && !cJSON_IsArray(node))
        return 0;
    cJSON_ArrayForEach(child, node) {
        if (cJSON_IsObject(node) && text_starts_with(child->string, "Fn::"))
            return template_fault(checker->fault,
                                  "Template format error: %.64s must be the only member of its mapping",
                                  child->string);
        if (check_node(checker, child) < 0)
            return -1;
    }
    return 0;
}

/* ---- resources */

static bool is_alphanumeric(const char *name)
{
    size_t length = 0;

    while (isalnum((unsigned char)name[length]))
        length++;
    return length > 0 && length <= 255 && name[length] == '\0';
}

static bool is_policy(const cJSON *policy, bool may_depend_on_create)
{
    const char *name = cJSON_GetStringValue(policy);

    return policy == NULL || text_equal(name, "Delete") || text_equal(name, "Retain") ||
           (may_depend_on_create && text_equal(name, "RetainExceptOnCreate"));
}

static int check_policies(const cJSON *resource, struct fault *fault)
{
    const cJSON *deletion = input_member(resource, "DeletionPolicy");
    const cJSON *replacing = input_member(resource, "UpdateReplacePolicy");
    bool wrong_deletion = !is_policy(deletion, true);
    const char *value = cJSON_GetStringValue(wrong_deletion ? deletion : replacing);

    if (!wrong_deletion && is_policy(replacing, false))
        return 0;
    if (text_equal(value, "Snapshot"))
        return template_fault(
            fault, "Template error: resource type %.100s does not support deletion policy Snapshot",
            input_text(resource, "Type"));
    return template_fault(fault, "Template format error: Unrecognized %s %.64s for resource %.255s",
                          wrong_deletion ? "DeletionPolicy" : "UpdateReplacePolicy",
                          value == NULL ? "" : value, resource->string);
}

static int check_depends_on(const struct checker *checker, const cJSON *resource)
{
    const cJSON *depends = input_member(resource, "DependsOn"), *item;

    if (depends == NULL)
        return 0;
    if (cJSON_IsString(depends))
        return input_member(checker->resources, depends->valuestring) != NULL
                   ? 0
                   : unresolved(checker, depends->valuestring);
    cJSON_ArrayForEach(item, depends) {
        if (!cJSON_IsString(item))
            break;
        if (input_member(checker->resources, item->valuestring) == NULL)
            return unresolved(checker, item->valuestring);
    }
    if (cJSON_IsArray(depends) && item == NULL)
        return 0;
    return template_fault(checker->fault,
                          "Template format error: Every DependsOn value must be a string or a list of "
                          "strings.");
}

static int check_members(const cJSON *resource, struct fault *fault)
{
    static const char *const known[] = {"Type",           "Properties",          "Condition", "DependsOn",
                                        "DeletionPolicy", "UpdateReplacePolicy", "Metadata"};
    const cJSON *member;

    if (!is_alphanumeric(resource->string))
        return template_fault(fault, "Template format error: Resource name %.255s is non alphanumeric.",
                              resource->string);
    if (!cJSON_IsObject(resource))
        return template_fault(fault, "Template format error: Any Resources member must be an object.");
    cJSON_ArrayForEach(member, resource) {
        bool is_known = false;

        for (size_t i = 0; i < COUNT_OF(known); i++)
            is_known = is_known || text_equal(known[i], member->string);
        if (!is_known)
            return template_fault(fault, "Invalid template resource property '%.100s'", member->string);
    }
    if (input_text(resource, "Type") == NULL)
        return template_fault(
            fault,
            "Template format error: [/Resources/%.255s] Every Resources object must contain a "
            "Type member.",
            resource->string);
    return 0;
}

static int check_resource(const struct checker *checker, const cJSON *resource)
{
    const cJSON *properties = input_member(resource, "Properties");
    const cJSON *condition = input_member(resource, "Condition");
    const struct resource_type *type;

    if (check_members(resource, checker->fault) < 0 || check_policies(resource, checker->fault) < 0 ||
        check_depends_on(checker, resource) < 0 ||
        (condition != NULL && check_condition_name(checker, condition) < 0))
        return -1;
    type = resource_type_find(input_text(resource, "Type"));
    if (type == NULL)
        return template_fault(checker->fault, "Template format error: Unrecognized resource types: [%.255s]",
                              input_text(resource, "Type"));
    if (properties != NULL && !cJSON_IsObject(properties))
        return template_fault(checker->fault,
                              "Template format error: Properties of resource %.255s must be an object",
                              resource->string);
    if (properties != NULL && check_node(checker, properties) < 0)
        return -1;
    return resource_check_keys(type, resource->string, properties, checker->fault);
}

static int check_resources(struct checker *checker)
{
    int count = cJSON_GetArraySize(checker->resources);
    const cJSON *resource;

    checker->block = "Resources";
    checker->in_conditions = false;
    if (count == 0)
        return template_fault(checker->fault,
                              "Template format error: At least one Resources member must be defined.");
    if (count > TEMPLATE_RESOURCES_MAX)
        return template_fault(checker->fault,
                              "Template format error: Number of resources, %d, is greater than maximum "
                              "allowed, %d",
                              count, TEMPLATE_RESOURCES_MAX);
    cJSON_ArrayForEach(resource, checker->resources) {
        if (check_resource(checker, resource) < 0)
            return -1;
    }
    return 0;
}

/* ---- the other sections */

static int check_conditions(struct checker *checker)
{
    const cJSON *condition;

    checker->block = "Conditions";
    checker->in_conditions = true;
    cJSON_ArrayForEach(condition, checker->conditions) {
        if (check_node(checker, condition) < 0)
            return -1;
    }
    return 0;
}

static int check_output(const struct checker *checker, const cJSON *output)
{
    const cJSON *member, *condition = input_member(output, "Condition");

    if (!is_alphanumeric(output->string))
        return template_fault(checker->fault,
                              "Template format error: Output name '%.255s' is non alphanumeric.",
                              output->string);
    cJSON_ArrayForEach(member, output) {
        if (!text_equal(member->string, "Value") && !text_equal(member->string, "Description") &&
            !text_equal(member->string, "Condition"))
            return template_fault(checker->fault, "Invalid template output property '%.100s'",
                                  member->string);
    }
    if (input_member(output, "Value") == NULL)
        return template_fault(checker->fault,
                              "Template format error: Output %.255s is malformed.  Every Outputs member "
                              "must contain a Value object",
                              output->string);
    if (condition != NULL && check_condition_name(checker, condition) < 0)
        return -1;
    return check_node(checker, input_member(output, "Value"));
}

static int check_outputs(struct checker *checker, const cJSON *outputs)
{
    const cJSON *output;

    checker->block = "Outputs";
    checker->in_conditions = false;
    if (cJSON_GetArraySize(outputs) > TEMPLATE_OUTPUTS_MAX)
        return template_fault(checker->fault,
                              "Template format error: Number of outputs, %d, is greater than maximum "
                              "allowed, %d",
                              cJSON_GetArraySize(outputs), TEMPLATE_OUTPUTS_MAX);
    cJSON_ArrayForEach(output, outputs) {
        if (check_output(checker, output) < 0)
            return -1;
    }
    return 0;
}

static int check_sections(const cJSON *tree, struct fault *fault)
{
    static const struct {
        const char *name;
        bool is_text, is_simulated;
    } sections[] = {{"AWSTemplateFormatVersion", true, true},
                    {"Description", true, true},
                    {"Metadata", false, true},
                    {"Parameters", false, true},
                    {"Conditions", false, true},
                    {"Resources", false, true},
                    {"Outputs", false, true},
                    {"Mappings", false, false},
                    {"Rules", false, false},
                    {"Transform", false, false}};
    const cJSON *section;

    cJSON_ArrayForEach(section, tree) {
        size_t i = 0;

        while (i < COUNT_OF(sections) && !text_equal(sections[i].name, section->string))
            i++;
        if (i == COUNT_OF(sections))
            return template_fault(fault, "Invalid template property or properties [%.100s]", section->string);
        if (!sections[i].is_simulated)
            return template_fault(fault,
                                  "Template validation error: the simulated CloudFormation knows no %s",
                                  section->string);
        if (sections[i].is_text ? !cJSON_IsString(section) : !cJSON_IsObject(section))
            return template_fault(fault, "Template format error: %s must be %s", section->string,
                                  sections[i].is_text ? "a string" : "an object");
    }
    return 0;
}

int template_check(const cJSON *tree, struct fault *fault)
{
    struct checker checker = {.parameters = template_section(tree, "Parameters"),
                              .conditions = template_section(tree, "Conditions"),
                              .resources = template_section(tree, "Resources"),
                              .fault = fault};
    const char *version = input_text(tree, "AWSTemplateFormatVersion");
    const char *description = input_text(tree, "Description");

    if (check_sections(tree, fault) < 0)
        return -1;
    if (version != NULL && !text_equal(version, "2010-09-09"))
        return template_fault(fault,
                              "Template format error: unsupported value for AWSTemplateFormatVersion.");
    if (description != NULL && strlen(description) > 1024)
        return template_fault(fault, "Template format error: 'Description' length is greater than 1024.");
    if (template_check_parameters(checker.parameters, fault) < 0 || check_conditions(&checker) < 0 ||
        check_resources(&checker) < 0)
        return -1;
    return check_outputs(&checker, template_section(tree, "Outputs"));
}

const char *template_capability(const cJSON *tree, char **ret_types)
{
    const char *capability = NULL;
    const cJSON *resource;
    SCOPED(buffer_clear) struct buffer types;
    struct error err;

    buffer_init(&types, 4096);
    cJSON_ArrayForEach(resource, template_section(tree, "Resources")) {
        const struct resource_type *type = resource_type_find(input_text(resource, "Type"));
        bool is_named = type != NULL && type->name_property != NULL &&
                        input_member(input_member(resource, "Properties"), type->name_property) != NULL;

        if (type == NULL || !type->is_right)
            continue;
        if (is_named || capability == NULL)
            capability = is_named ? "CAPABILITY_NAMED_IAM" : "CAPABILITY_IAM";
        if (strstr(buffer_text(&types), type->name) == NULL)
            (void)buffer_printf(&types, &err, "%s%s", types.length == 0 ? "[" : ", ", type->name);
    }
    (void)buffer_add_text(&types, "]", &err);
    if (ret_types != NULL && capability != NULL)
        *ret_types = buffer_take(&types);
    return capability;
}
