/*
 * template_parameters.c - the parameters of a template: how they are declared, and which values they take.
 */
#include "template.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "pattern.h"
#include "wire_input.h"

#include <string.h>

static const char *const types[] = {"String", "Number", "CommaDelimitedList", "List<Number>", NULL};
static const char *const members[] = {
    "Type",      "Default",  "Description", "AllowedValues", "AllowedPattern",        "MinLength",
    "MaxLength", "MinValue", "MaxValue",    "NoEcho",        "ConstraintDescription", NULL};

static bool is_listed(const char *const *list, const char *text)
{
    for (; *list != NULL; list++) {
        if (text_equal(*list, text))
            return true;
    }
    return false;
}

bool template_is_list_type(const char *type)
{
    return text_equal(type, "CommaDelimitedList") || text_equal(type, "List<Number>");
}

/* ---- one value */

struct subject {
    const char *name, *type;
    const cJSON *declared;
    struct fault *fault;
};

static int refuse(const struct subject *subject, const char *why)
{
    const char *description = input_text(subject->declared, "ConstraintDescription");

    if (description != NULL)
        return template_fault(subject->fault, "Parameter %.255s failed to satisfy constraint: %.500s",
                              subject->name, description);
    return template_fault(subject->fault, "Parameter '%.255s' must %.500s", subject->name, why);
}

/* A limit, which may be written as a number or in quotes. */
static bool limit_of(const struct subject *subject, const char *name, double *ret_limit)
{
    SCOPED(free_text) char *text = template_scalar_text(input_member(subject->declared, name));

    return text != NULL && number_parse_double(text, ret_limit);
}

static int check_allowed(const struct subject *subject, const char *value)
{
    const cJSON *allowed = input_member(subject->declared, "AllowedValues"), *item;

    cJSON_ArrayForEach(item, allowed) {
        SCOPED(free_text) char *text = template_scalar_text(item);

        if (text_equal(text, value))
            return 0;
    }
    return allowed == NULL ? 0 : refuse(subject, "be one of AllowedValues");
}

static int check_number(const struct subject *subject, const char *value)
{
    double number, limit;
    char why[96];

    if (!number_parse_double(value, &number))
        return refuse(subject, "be a number");
    if (limit_of(subject, "MinValue", &limit) && number < limit) {
        snprintf(why, sizeof(why), "be a number not less than %g", limit);
        return refuse(subject, why);
    }
    if (limit_of(subject, "MaxValue", &limit) && number > limit) {
        snprintf(why, sizeof(why), "be a number not greater than %g", limit);
        return refuse(subject, why);
    }
    return 0;
}

static int check_text(const struct subject *subject, const char *value)
{
    const char *pattern = input_text(subject->declared, "AllowedPattern");
    double length = (double)strlen(value), limit;
    char why[700];

    if (limit_of(subject, "MinLength", &limit) && length < limit) {
        snprintf(why, sizeof(why), "contain at least %g characters", limit);
        return refuse(subject, why);
    }
    if (limit_of(subject, "MaxLength", &limit) && length > limit) {
        snprintf(why, sizeof(why), "contain at most %g characters", limit);
        return refuse(subject, why);
    }
    if (pattern != NULL && !pattern_matches(pattern, value)) {
        snprintf(why, sizeof(why), "match pattern %s", pattern);
        return refuse(subject, why);
    }
    return 0;
}

static int check_one(const struct subject *subject, const char *value)
{
    bool is_number = strstr(subject->type, "Number") != NULL;

    if (check_allowed(subject, value) < 0)
        return -1;
    return is_number ? check_number(subject, value) : check_text(subject, value);
}

static int check_value(const struct subject *subject, const char *value)
{
    SCOPED(free_text) char *copy = must_strdup(value);
    char *cursor = copy;

    if (strlen(value) > TEMPLATE_VALUE_MAX)
        return template_fault(subject->fault, "Parameter '%.255s' must contain at most %d characters",
                              subject->name, TEMPLATE_VALUE_MAX);
    for (const char *at = value; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' && *at != '\n' && *at != '\r' && *at != '\t')
            return template_fault(subject->fault, "Parameter '%.255s' must not contain control characters",
                                  subject->name);
    }
    if (!template_is_list_type(subject->type))
        return check_one(subject, value);
    for (char *item; value[0] != '\0' && (item = strsep(&cursor, ",")) != NULL;) {
        if (check_one(subject, item) < 0)
            return -1;
    }
    return 0;
}

/* ---- declarations */

static int check_pattern(const char *name, const cJSON *declared, struct fault *fault)
{
    const cJSON *pattern = input_member(declared, "AllowedPattern");
    struct error err;

    if (pattern == NULL)
        return 0;
    if (!cJSON_IsString(pattern) || strlen(pattern->valuestring) > 512)
        return template_fault(
            fault,
            "Template format error: AllowedPattern of parameter %.255s must be a text of at "
            "most 512 characters",
            name);
    if (pattern_check(pattern->valuestring, &err) < 0)
        return template_fault(fault, "Template format error: AllowedPattern of parameter %.255s: %s", name,
                              err.message);
    return 0;
}

static int check_members(const char *name, const cJSON *declared, struct fault *fault)
{
    const cJSON *member;

    if (!cJSON_IsObject(declared))
        return template_fault(
            fault, "Template format error: Every Parameters member must be a mapping: %.255s", name);
    cJSON_ArrayForEach(member, declared) {
        bool is_list = text_equal(member->string, "AllowedValues");

        if (!is_listed(members, member->string))
            return template_fault(fault, "Invalid template parameter property '%.100s'", member->string);
        if (is_list != (bool)cJSON_IsArray(member) || cJSON_IsObject(member))
            return template_fault(fault, "Template format error: Every %s of parameter %.255s must be a %s.",
                                  member->string, name, is_list ? "list" : "string");
    }
    if (!is_listed(types, input_text(declared, "Type")))
        return template_fault(fault, "Template format error: Unrecognized parameter type: %.100s",
                              input_text(declared, "Type") == NULL ? "None" : input_text(declared, "Type"));
    return check_pattern(name, declared, fault);
}

int template_check_parameters(const cJSON *parameters, struct fault *fault)
{
    const cJSON *declared;

    if (cJSON_GetArraySize(parameters) > TEMPLATE_PARAMETERS_MAX)
        return template_fault(fault,
                              "Template format error: Number of parameters, %d, is greater than maximum "
                              "allowed, %d",
                              cJSON_GetArraySize(parameters), TEMPLATE_PARAMETERS_MAX);
    cJSON_ArrayForEach(declared, parameters) {
        SCOPED(free_text) char *value = NULL;
        struct subject subject = {declared->string, NULL, declared, fault};

        if (check_members(declared->string, declared, fault) < 0)
            return -1;
        subject.type = input_text(declared, "Type");
        value = template_scalar_text(input_member(declared, "Default"));
        if (value != NULL && check_value(&subject, value) < 0)
            return -1;
    }
    return 0;
}

/* ---- the values of a stack */

static const cJSON *find_given(const cJSON *given, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, given) {
        if (text_equal(input_text(item, "ParameterKey"), name))
            return item;
    }
    return NULL;
}

static int check_given(const cJSON *declared, const cJSON *given, struct fault *fault)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, given) {
        const char *name = input_text(item, "ParameterKey");

        if (name == NULL)
            return template_fault(fault, "Parameter must have a ParameterKey");
        if (input_member(declared, name) == NULL)
            return template_fault(fault, "Parameters: [%.255s] do not exist in the template", name);
        if (find_given(given, name) != item)
            return template_fault(fault, "Duplicate parameter key: %.255s", name);
    }
    return 0;
}

/* The caller frees; NULL when there is none. */
static char *choose_value(const cJSON *declared, const cJSON *given, const cJSON *previous)
{
    const cJSON *item = find_given(given, declared->string);

    if (item != NULL && input_boolean(item, "UsePreviousValue", false))
        return must_strdup(input_text(previous, declared->string));
    if (item != NULL)
        return must_strdup(input_text(item, "ParameterValue"));
    return template_scalar_text(input_member(declared, "Default"));
}

int template_parameters(const cJSON *tree, const cJSON *given, const cJSON *previous, cJSON **ret_values,
                        struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *values = cJSON_CreateObject();
    SCOPED(buffer_clear) struct buffer missing;
    const cJSON *parameters = template_section(tree, "Parameters"), *declared;
    struct error err;

    buffer_init(&missing, 900);
    if (check_given(parameters, given, fault) < 0)
        return -1;
    cJSON_ArrayForEach(declared, parameters) {
        SCOPED(free_text) char *value = choose_value(declared, given, previous);
        struct subject subject = {declared->string, input_text(declared, "Type"), declared, fault};

        if (value == NULL)
            (void)buffer_printf(&missing, &err, "%s%s", missing.length == 0 ? "" : ", ", declared->string);
        else if (check_value(&subject, value) < 0)
            return -1;
        else
            (void)cJSON_AddStringToObject(values, declared->string, value);
    }
    if (missing.length > 0)
        return template_fault(fault, "Parameters: [%s] must have values", buffer_text(&missing));
    *ret_values = values;
    values = NULL;
    return 0;
}
