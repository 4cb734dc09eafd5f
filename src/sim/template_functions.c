/*
 * template_functions.c - intrinsic functions and conditions, as a table.
 *
 * A function evaluates its argument as it needs it: of Fn::If only the branch that counts.  What is made is counted
 * against TEMPLATE_TEXT_MAX, so that nested Fn::Subs end before memory does; a condition is worked out once.
 */
#include "template.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "wire_input.h"

#include <string.h>

typedef int function_fn(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                        struct fault *fault);
typedef int condition_fn(struct evaluation *evaluation, const cJSON *argument, bool *ret_value,
                         struct fault *fault);

/* ---- values */

static int charge(struct evaluation *evaluation, size_t bytes, struct fault *fault)
{
    if (bytes > evaluation->text_left)
        return template_fault(fault, "Template error: the functions make more than %d bytes",
                              TEMPLATE_TEXT_MAX);
    evaluation->text_left -= bytes;
    return 0;
}

/* A text, or a list of texts, each of which takes more room than its letters. */
static int charge_value(struct evaluation *evaluation, const cJSON *value, struct fault *fault)
{
    size_t bytes = cJSON_IsString(value) ? strlen(value->valuestring) : 0;
    const cJSON *item;

    cJSON_ArrayForEach(item, value)
        bytes += sizeof(*item) + strlen(item->valuestring);
    return charge(evaluation, bytes, fault);
}

char *template_scalar_text(const cJSON *value)
{
    char number[32];

    if (cJSON_IsString(value))
        return must_strdup(value->valuestring);
    if (cJSON_IsBool(value))
        return must_strdup(cJSON_IsTrue(value) ? "true" : "false");
    if (!cJSON_IsNumber(value))
        return NULL;
    number_format_double(value->valuedouble, number, sizeof(number));
    return must_strdup(number);
}

static int evaluate_text(struct evaluation *evaluation, const cJSON *node, const char *function,
                         char **ret_text, struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *value = NULL;

    if (template_evaluate(evaluation, node, &value, fault) < 0)
        return -1;
    *ret_text = template_scalar_text(value);
    return *ret_text != NULL
               ? 0
               : template_fault(fault, "Template error: every %s value must be a string", function);
}

static bool is_list_of(const cJSON *argument, int least, int most)
{
    int size = cJSON_GetArraySize(argument);

    return cJSON_IsArray(argument) && size >= least && size <= most;
}

/* ---- references */

/* A list parameter is a list; `text` is cut at its commas. */
static cJSON *split_value(const char *text, const char *separator)
{
    cJSON *list = cJSON_CreateArray();

    for (const char *end; text != NULL; text = end == NULL ? NULL : end + strlen(separator)) {
        SCOPED(free_text) char *piece = NULL;

        end = strstr(text, separator);
        piece = end == NULL ? must_strdup(text) : must_strndup(text, (size_t)(end - text));
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(piece));
    }
    return list;
}

static const char *const pseudo_names[] = {"AWS::AccountId", "AWS::Region",          "AWS::StackName",
                                           "AWS::StackId",   "AWS::Partition",       "AWS::URLSuffix",
                                           "AWS::NoValue",   "AWS::NotificationARNs"};

bool template_is_pseudo(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(pseudo_names); i++) {
        if (text_equal(pseudo_names[i], name))
            return true;
    }
    return false;
}

/* NULL for what is no text, or no pseudo parameter. */
static const char *pseudo_value(const struct evaluation *evaluation, const char *name)
{
    const char *const values[COUNT_OF(pseudo_names)] = {evaluation->sim->account,
                                                        evaluation->sim->region,
                                                        evaluation->stack_name,
                                                        evaluation->stack_id,
                                                        "aws",
                                                        "amazonaws.com"};

    for (size_t i = 0; i < COUNT_OF(pseudo_names); i++) {
        if (text_equal(pseudo_names[i], name))
            return values[i];
    }
    return NULL;
}

/* NULL for AWS::NoValue.  template_check() has seen that everything else exists. */
static cJSON *reference_value(const struct evaluation *evaluation, const struct template_reference *reference)
{
    const char *name = reference->name, *value = input_text(evaluation->parameters, name);
    const char *pseudo = pseudo_value(evaluation, name);
    SCOPED(free_text) char *mark = NULL;

    if (text_equal(name, "AWS::NoValue"))
        return NULL;
    if (text_equal(name, "AWS::NotificationARNs"))
        return cJSON_CreateArray();
    if (pseudo != NULL)
        return cJSON_CreateString(pseudo);
    if (value != NULL) {
        const cJSON *declared = input_member(template_section(evaluation->tree, "Parameters"), name);

        if (!template_is_list_type(input_text(declared, "Type")))
            return cJSON_CreateString(value);
        return value[0] == '\0' ? cJSON_CreateArray() : split_value(value, ",");
    }
    if (reference->attribute[0] == '\0')
        mark = must_printf("%c%s%c", MARK_BEGIN, name, MARK_END);
    else
        mark = must_printf("%c%s%c%s%c", MARK_BEGIN, name, MARK_ATTRIBUTE, reference->attribute, MARK_END);
    return cJSON_CreateString(mark);
}

static int call_ref(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                    struct fault *fault)
{
    struct template_reference reference = {0};

    if (!cJSON_IsString(argument) ||
        !text_copy(reference.name, sizeof(reference.name), argument->valuestring))
        return template_fault(fault, "Template format error: Every Ref must have a single string value.");
    *ret_value = reference_value(evaluation, &reference);
    return charge_value(evaluation, *ret_value, fault);
}

bool template_parse_get_att(const cJSON *argument, struct template_reference *ret_reference)
{
    const cJSON *name = cJSON_GetArrayItem(argument, 0), *attribute = cJSON_GetArrayItem(argument, 1);
    const char *dot;

    if (cJSON_IsString(argument)) {
        dot = strchr(argument->valuestring, '.');
        if (dot == NULL || dot == argument->valuestring || dot[1] == '\0' ||
            (size_t)(dot - argument->valuestring) >= sizeof(ret_reference->name))
            return false;
        snprintf(ret_reference->name, sizeof(ret_reference->name), "%.*s", (int)(dot - argument->valuestring),
                 argument->valuestring);
        return text_copy(ret_reference->attribute, sizeof(ret_reference->attribute), dot + 1);
    }
    return is_list_of(argument, 2, 2) && cJSON_IsString(name) && cJSON_IsString(attribute) &&
           name->valuestring[0] != '\0' && attribute->valuestring[0] != '\0' &&
           text_copy(ret_reference->name, sizeof(ret_reference->name), name->valuestring) &&
           text_copy(ret_reference->attribute, sizeof(ret_reference->attribute), attribute->valuestring);
}

static int call_get_att(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                        struct fault *fault)
{
    struct template_reference reference;

    if (!template_parse_get_att(argument, &reference))
        return template_fault(
            fault, "Template error: every Fn::GetAtt object requires two non-empty parameters, the "
                   "resource name and the resource attribute");
    *ret_value = reference_value(evaluation, &reference);
    return charge_value(evaluation, *ret_value, fault);
}

/* ---- Fn::Sub */

bool template_next_piece(const char **cursor, struct template_piece *ret_piece)
{
    const char *at = *cursor, *begin = strstr(at, "${"), *end = begin == NULL ? NULL : strchr(begin, '}');

    if (*at == '\0')
        return false;
    if (begin != at || end == NULL) {
        size_t length = begin == NULL || end == NULL ? strlen(at) : (size_t)(begin - at);

        *ret_piece = (struct template_piece){PIECE_TEXT, at, length};
        *cursor = at + length;
        return true;
    }
    if (at[2] == '!')
        *ret_piece = (struct template_piece){PIECE_ESCAPED, at + 3, (size_t)(end - at - 3)};
    else
        *ret_piece = (struct template_piece){PIECE_REFERENCE, at + 2, (size_t)(end - at - 2)};
    *cursor = end + 1;
    return true;
}

bool template_parse_piece(const struct template_piece *piece, struct template_reference *ret_reference)
{
    SCOPED(free_text) char *text = must_strndup(piece->text, piece->length);
    char *name = text_trim(text), *dot = strchr(name, '.');

    if (name[0] == '\0' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:") != strlen(name))
        return false;
    if (dot != NULL)
        *dot = '\0';
    return text_copy(ret_reference->name, sizeof(ret_reference->name), name) &&
           text_copy(ret_reference->attribute, sizeof(ret_reference->attribute), dot == NULL ? "" : dot + 1);
}

static int add_text(struct buffer *buffer, const char *text, size_t length, struct fault *fault)
{
    struct error err;

    if (buffer_add(buffer, text, length, &err) < 0)
        return template_fault(fault, "Template error: the functions make more than %d bytes",
                              TEMPLATE_TEXT_MAX);
    return 0;
}

/* What stands for ${...}: a variable of Fn::Sub's own, or what Ref and Fn::GetAtt would give. */
static int add_reference(struct evaluation *evaluation, const struct template_piece *piece,
                         const cJSON *variables, struct buffer *buffer, struct fault *fault)
{
    SCOPED(free_text) char *name = must_strndup(piece->text, piece->length);
    SCOPED(free_text) char *text = NULL;
    SCOPED(wire_delete_tree) cJSON *value = NULL;
    const cJSON *variable = input_member(variables, text_trim(name));
    struct template_reference reference;

    if (variable != NULL) {
        if (evaluate_text(evaluation, variable, "Fn::Sub", &text, fault) < 0)
            return -1;
    } else if (template_parse_piece(piece, &reference)) {
        value = reference_value(evaluation, &reference);
        text = template_scalar_text(value);
    }
    if (text == NULL)
        return template_fault(
            fault, "Template error: variable %.100s in Fn::Sub expression does not resolve to a string",
            name);
    return add_text(buffer, text, strlen(text), fault);
}

static int call_sub(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                    struct fault *fault)
{
    bool has_variables = cJSON_IsArray(argument);
    const cJSON *pattern = has_variables ? cJSON_GetArrayItem(argument, 0) : argument;
    const cJSON *variables = has_variables ? cJSON_GetArrayItem(argument, 1) : NULL;
    SCOPED(buffer_clear) struct buffer buffer;
    struct template_piece piece;
    const char *cursor;

    buffer_init(&buffer, TEMPLATE_TEXT_MAX);
    if (!cJSON_IsString(pattern) ||
        (has_variables && !(is_list_of(argument, 2, 2) && cJSON_IsObject(variables))))
        return template_fault(
            fault, "Template error: One or more Fn::Sub intrinsic functions don't specify expected "
                   "arguments. Specify a string as first argument, and an optional second argument to "
                   "specify a mapping of values to replace in the string");
    for (cursor = pattern->valuestring; template_next_piece(&cursor, &piece);) {
        if (piece.kind == PIECE_REFERENCE) {
            if (add_reference(evaluation, &piece, variables, &buffer, fault) < 0)
                return -1;
        } else if ((piece.kind == PIECE_ESCAPED && add_text(&buffer, "${", 2, fault) < 0) ||
                   add_text(&buffer, piece.text, piece.length, fault) < 0 ||
                   (piece.kind == PIECE_ESCAPED && add_text(&buffer, "}", 1, fault) < 0)) {
            return -1;
        }
    }
    *ret_value = cJSON_CreateString(buffer_text(&buffer));
    return charge(evaluation, buffer.length, fault);
}

/* ---- lists */

static int call_join(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                     struct fault *fault)
{
    const cJSON *separator = cJSON_GetArrayItem(argument, 0), *item;
    SCOPED(wire_delete_tree) cJSON *list = NULL;
    SCOPED(buffer_clear) struct buffer buffer;

    buffer_init(&buffer, TEMPLATE_TEXT_MAX);
    if (is_list_of(argument, 2, 2) && cJSON_IsString(separator) &&
        template_evaluate(evaluation, cJSON_GetArrayItem(argument, 1), &list, fault) < 0)
        return -1;
    if (!cJSON_IsArray(list))
        return template_fault(fault,
                              "Template error: every Fn::Join object requires two parameters, (1) a string "
                              "delimiter and (2) a list of strings to be joined or a function that returns a "
                              "list of strings (such as Fn::GetAZs) to be joined.");
    cJSON_ArrayForEach(item, list) {
        SCOPED(free_text) char *text = template_scalar_text(item);

        if (text == NULL)
            return template_fault(fault, "Template error: every Fn::Join value must be a string");
        if ((item != list->child &&
             add_text(&buffer, separator->valuestring, strlen(separator->valuestring), fault) < 0) ||
            add_text(&buffer, text, strlen(text), fault) < 0)
            return -1;
    }
    *ret_value = cJSON_CreateString(buffer_text(&buffer));
    return charge(evaluation, buffer.length, fault);
}

static int call_select(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                       struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *list = NULL;
    SCOPED(free_text) char *text = NULL;
    int64_t index;

    if (!is_list_of(argument, 2, 2))
        return template_fault(fault,
                              "Template error: Fn::Select requires a list argument with two elements: an "
                              "integer index and a list");
    if (evaluate_text(evaluation, cJSON_GetArrayItem(argument, 0), "Fn::Select", &text, fault) < 0 ||
        template_evaluate(evaluation, cJSON_GetArrayItem(argument, 1), &list, fault) < 0)
        return -1;
    if (!cJSON_IsArray(list) || !number_parse(text, 0, cJSON_GetArraySize(list) - 1, &index))
        return template_fault(
            fault, "Template error: Fn::Select cannot select nonexistent value at index %.32s", text);
    *ret_value = cJSON_DetachItemFromArray(list, (int)index);
    return 0;
}

static int call_split(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                      struct fault *fault)
{
    const cJSON *separator = cJSON_GetArrayItem(argument, 0);
    SCOPED(free_text) char *text = NULL;

    if (!is_list_of(argument, 2, 2) || !cJSON_IsString(separator) || separator->valuestring[0] == '\0')
        return template_fault(fault,
                              "Template error: every Fn::Split object requires two parameters, (1) a string "
                              "delimiter and (2) a string to be split or a function that returns a string "
                              "to be split.");
    if (evaluate_text(evaluation, cJSON_GetArrayItem(argument, 1), "Fn::Split", &text, fault) < 0)
        return -1;
    if (strchr(text, MARK_BEGIN) != NULL)
        return template_fault(fault,
                              "Template error: the simulated CloudFormation splits only what is known before "
                              "the resources are made");
    *ret_value = split_value(text, separator->valuestring);
    return charge_value(evaluation, *ret_value, fault);
}

static int call_if(struct evaluation *evaluation, const cJSON *argument, cJSON **ret_value,
                   struct fault *fault)
{
    const cJSON *name = cJSON_GetArrayItem(argument, 0);
    bool truth;

    if (!is_list_of(argument, 3, 3) || !cJSON_IsString(name))
        return template_fault(fault, "Template error: Fn::If requires a list argument with three parameters");
    if (template_condition(evaluation, name->valuestring, &truth, fault) < 0)
        return -1;
    return template_evaluate(evaluation, cJSON_GetArrayItem(argument, truth ? 1 : 2), ret_value, fault);
}

/* ---- conditions */

static int evaluate_condition(struct evaluation *evaluation, const cJSON *node, bool *ret_value,
                              struct fault *fault);

static int call_equals(struct evaluation *evaluation, const cJSON *argument, bool *ret_value,
                       struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *left = NULL, *right = NULL;
    SCOPED(free_text) char *left_text = NULL;
    SCOPED(free_text) char *right_text = NULL;

    if (!is_list_of(argument, 2, 2))
        return template_fault(fault,
                              "Template error: every Fn::Equals object requires a list of two parameters");
    if (template_evaluate(evaluation, cJSON_GetArrayItem(argument, 0), &left, fault) < 0 ||
        template_evaluate(evaluation, cJSON_GetArrayItem(argument, 1), &right, fault) < 0)
        return -1;
    left_text = template_scalar_text(left);
    right_text = template_scalar_text(right);
    if (left_text != NULL && right_text != NULL)
        *ret_value = text_equal(left_text, right_text);
    else
        *ret_value = cJSON_Compare(left, right, true);
    return 0;
}

static int call_not(struct evaluation *evaluation, const cJSON *argument, bool *ret_value,
                    struct fault *fault)
{
    if (!is_list_of(argument, 1, 1))
        return template_fault(fault, "Template error: every Fn::Not object requires a list of one condition");
    if (evaluate_condition(evaluation, argument->child, ret_value, fault) < 0)
        return -1;
    *ret_value = !*ret_value;
    return 0;
}

/* Fn::And and Fn::Or: until one condition is `decisive`. */
static int call_many(struct evaluation *evaluation, const cJSON *argument, bool decisive, bool *ret_value,
                     struct fault *fault)
{
    const cJSON *item;

    if (!is_list_of(argument, 2, 10))
        return template_fault(fault, "Template error: every %s object requires a list of 2 to 10 conditions",
                              decisive ? "Fn::Or" : "Fn::And");
    *ret_value = !decisive;
    cJSON_ArrayForEach(item, argument) {
        bool truth;

        if (evaluate_condition(evaluation, item, &truth, fault) < 0)
            return -1;
        if (truth == decisive)
            *ret_value = decisive;
    }
    return 0;
}

static int call_and(struct evaluation *evaluation, const cJSON *argument, bool *ret_value,
                    struct fault *fault)
{
    return call_many(evaluation, argument, false, ret_value, fault);
}

static int call_or(struct evaluation *evaluation, const cJSON *argument, bool *ret_value, struct fault *fault)
{
    return call_many(evaluation, argument, true, ret_value, fault);
}

static int call_condition(struct evaluation *evaluation, const cJSON *argument, bool *ret_value,
                          struct fault *fault)
{
    if (!cJSON_IsString(argument))
        return template_fault(fault, "Template error: every Condition must be the name of a condition");
    return template_condition(evaluation, argument->valuestring, ret_value, fault);
}

static const struct function {
    const char *name;
    function_fn *run;        /* gives a value */
    condition_fn *condition; /* gives a truth, in Conditions only */
} functions[] = {
    {"Ref", call_ref, NULL},       {"Fn::GetAtt", call_get_att, NULL}, {"Fn::If", call_if, NULL},
    {"Fn::Join", call_join, NULL}, {"Fn::Select", call_select, NULL},  {"Fn::Split", call_split, NULL},
    {"Fn::Sub", call_sub, NULL},   {"Fn::And", NULL, call_and},        {"Fn::Equals", NULL, call_equals},
    {"Fn::Not", NULL, call_not},   {"Fn::Or", NULL, call_or},          {"Condition", NULL, call_condition},
};

static const struct function *find_function(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        if (text_equal(functions[i].name, name))
            return &functions[i];
    }
    return NULL;
}

bool template_is_known_function(const char *name, bool in_conditions)
{
    const struct function *function = find_function(name);

    return function != NULL && (function->run != NULL || in_conditions);
}

void template_list_functions(char *list, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < COUNT_OF(functions) && length < size; i++)
        length +=
            (size_t)snprintf(list + length, size - length, "%s%s", i == 0 ? "" : ", ", functions[i].name);
}

bool template_is_call(const cJSON *node)
{
    return cJSON_IsObject(node) && node->child != NULL && node->child->next == NULL &&
           (text_equal(node->child->string, "Ref") || text_starts_with(node->child->string, "Fn::"));
}

static int evaluate_condition(struct evaluation *evaluation, const cJSON *node, bool *ret_value,
                              struct fault *fault)
{
    const struct function *function =
        cJSON_IsObject(node) && cJSON_GetArraySize(node) == 1 ? find_function(node->child->string) : NULL;

    if (function == NULL || function->condition == NULL)
        return template_fault(fault,
                              "Template format error: Every Conditions member must be a condition function: "
                              "Fn::And, Fn::Equals, Fn::Not, Fn::Or or Condition");
    return function->condition(evaluation, node->child, ret_value, fault);
}

/* While a condition is being worked out, its place holds null. */
int template_condition(struct evaluation *evaluation, const char *name, bool *ret_value, struct fault *fault)
{
    const cJSON *known = input_member(evaluation->conditions, name);
    const cJSON *node = input_member(template_section(evaluation->tree, "Conditions"), name);

    if (known == NULL) {
        (void)cJSON_AddNullToObject(evaluation->conditions, name);
        if (evaluate_condition(evaluation, node, ret_value, fault) < 0)
            return -1;
        return cJSON_ReplaceItemInObjectCaseSensitive(evaluation->conditions, name,
                                                      cJSON_CreateBool(*ret_value))
                   ? 0
                   : -1;
    }
    if (cJSON_IsNull(known))
        return template_fault(fault, "Template format error: Circular dependencies for conditions: %.200s",
                              name);
    *ret_value = cJSON_IsTrue(known);
    return 0;
}

/* ---- evaluation */

static int evaluate_children(struct evaluation *evaluation, const cJSON *node, cJSON *result,
                             struct fault *fault)
{
    const cJSON *child;

    cJSON_ArrayForEach(child, node) {
        cJSON *value = NULL;

        if (template_evaluate(evaluation, child, &value, fault) < 0)
            return -1;
        if (value == NULL)
            continue;
        if (cJSON_IsArray(node))
            (void)cJSON_AddItemToArray(result, value);
        else
            (void)cJSON_AddItemToObject(result, child->string, value);
    }
    return 0;
}

int template_evaluate(struct evaluation *evaluation, const cJSON *node, cJSON **ret_value,
                      struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *result = NULL;
    int status;

    /* Also what gives nothing takes time. */
    if (charge(evaluation, sizeof(*node), fault) < 0)
        return -1;
    if (template_is_call(node)) {
        const struct function *function = find_function(node->child->string);

        if (function == NULL || function->run == NULL)
            return template_fault(fault, "Template error: %.64s has no place here", node->child->string);
        status = function->run(evaluation, node->child, &result, fault);
    } else if (cJSON_IsObject(node) || cJSON_IsArray(node)) {
        result = cJSON_IsObject(node) ? cJSON_CreateObject() : cJSON_CreateArray();
        status = evaluate_children(evaluation, node, result, fault);
    } else {
        result = cJSON_Duplicate(node, true);
        status = charge_value(evaluation, result, fault);
    }
    if (status < 0)
        return -1;
    *ret_value = result;
    result = NULL;
    return 0;
}
