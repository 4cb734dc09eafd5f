/*
 * template_declare.c - a template and values: the resources and outputs that there shall be, and which needs which.
 */
#include "template.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire_input.h"

#include <string.h>

/* ---- marks */

/* The next mark in a text: its inside is split in place.  NULL when there is none. */
struct mark {
    const char *begin, *end; /* of the whole, the end behind MARK_END */
    struct template_reference reference;
};

static bool next_mark(const char *text, struct mark *ret_mark)
{
    const char *begin = strchr(text, MARK_BEGIN), *end = begin == NULL ? NULL : strchr(begin, MARK_END);
    SCOPED(free_text) char *inside = NULL;
    char *attribute;

    if (end == NULL)
        return false;
    inside = must_strndup(begin + 1, (size_t)(end - begin - 1));
    attribute = strchr(inside, MARK_ATTRIBUTE);
    if (attribute != NULL)
        *attribute++ = '\0';
    ret_mark->begin = begin;
    ret_mark->end = end + 1;
    (void)text_copy(ret_mark->reference.name, sizeof(ret_mark->reference.name), inside);
    (void)text_copy(ret_mark->reference.attribute, sizeof(ret_mark->reference.attribute),
                    attribute == NULL ? "" : attribute);
    return true;
}

static cJSON *resolve_text(const char *text, lookup_fn *lookup, void *context)
{
    SCOPED(buffer_clear) struct buffer buffer;
    struct error err;
    struct mark mark;

    buffer_init(&buffer, TEMPLATE_TEXT_MAX);
    while (next_mark(text, &mark)) {
        const char *attribute = mark.reference.attribute;
        const char *value = lookup(context, mark.reference.name, attribute[0] == '\0' ? NULL : attribute);

        (void)buffer_add(&buffer, text, (size_t)(mark.begin - text), &err);
        (void)buffer_add_text(&buffer, value == NULL ? "" : value, &err);
        text = mark.end;
    }
    (void)buffer_add_text(&buffer, text, &err);
    return cJSON_CreateString(buffer_text(&buffer));
}

cJSON *template_resolve(const cJSON *value, lookup_fn *lookup, void *context)
{
    const cJSON *child;
    cJSON *result;

    if (cJSON_IsString(value))
        return resolve_text(value->valuestring, lookup, context);
    if (!cJSON_IsObject(value) && !cJSON_IsArray(value))
        return cJSON_Duplicate(value, true);
    result = cJSON_IsObject(value) ? cJSON_CreateObject() : cJSON_CreateArray();
    cJSON_ArrayForEach(child, value) {
        if (cJSON_IsArray(value))
            (void)cJSON_AddItemToArray(result, template_resolve(child, lookup, context));
        else
            (void)cJSON_AddItemToObject(result, child->string, template_resolve(child, lookup, context));
    }
    return result;
}

/* ---- needs */

static bool has_text(const cJSON *list, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list) {
        if (text_equal(item->valuestring, text))
            return true;
    }
    return false;
}

static void add_need(cJSON *needs, const char *name)
{
    if (!has_text(needs, name))
        (void)cJSON_AddItemToArray(needs, cJSON_CreateString(name));
}

/* Every resource that a value names; each must be there. */
static int collect_needs(const cJSON *value, const cJSON *resources, const char *block, cJSON *needs,
                         struct fault *fault)
{
    const cJSON *child;
    struct mark mark;

    for (const char *text = cJSON_GetStringValue(value); text != NULL && next_mark(text, &mark);
         text = mark.end) {
        if (input_member(resources, mark.reference.name) == NULL)
            return template_fault(
                fault,
                "Template format error: Unresolved resource dependencies [%.255s] in the %s "
                "block of the template",
                mark.reference.name, block);
        add_need(needs, mark.reference.name);
    }
    if (!cJSON_IsObject(value) && !cJSON_IsArray(value))
        return 0;
    cJSON_ArrayForEach(child, value) {
        if (collect_needs(child, resources, block, needs, fault) < 0)
            return -1;
    }
    return 0;
}

/* What DependsOn names and a condition left out does not count. */
static void collect_depends_on(const cJSON *depends, const cJSON *resources, cJSON *needs)
{
    const cJSON *item;

    if (cJSON_IsString(depends) && input_member(resources, depends->valuestring) != NULL)
        add_need(needs, depends->valuestring);
    if (!cJSON_IsArray(depends))
        return;
    cJSON_ArrayForEach(item, depends) {
        if (input_member(resources, item->valuestring) != NULL)
            add_need(needs, item->valuestring);
    }
}

/* A walk from need to need. */
struct walk {
    const cJSON *resources;
    const cJSON *path[TEMPLATE_RESOURCES_MAX + 1]; /* where it came along */
    size_t length;
    cJSON *done; /* names of those from which no circle can be reached */
    struct fault *fault;
};

static int found_circle(const struct walk *walk, size_t first)
{
    SCOPED(buffer_clear) struct buffer circle;
    struct error err;

    buffer_init(&circle, 800);
    for (size_t i = first; i < walk->length; i++)
        (void)buffer_printf(&circle, &err, "%s%s", i == first ? "" : ", ", walk->path[i]->string);
    return template_fault(walk->fault, "Circular dependency between resources: [%s]", buffer_text(&circle));
}

static int visit(struct walk *walk, const cJSON *resource)
{
    const cJSON *need;

    if (input_member(walk->done, resource->string) != NULL)
        return 0;
    for (size_t i = 0; i < walk->length; i++) {
        if (walk->path[i] == resource)
            return found_circle(walk, i);
    }
    walk->path[walk->length++] = resource;
    cJSON_ArrayForEach(need, input_member(resource, "Needs")) {
        if (visit(walk, input_member(walk->resources, need->valuestring)) < 0)
            return -1;
    }
    walk->length--;
    (void)cJSON_AddTrueToObject(walk->done, resource->string);
    return 0;
}

static int check_circles(const cJSON *resources, struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *done = cJSON_CreateObject();
    struct walk walk = {.resources = resources, .done = done, .fault = fault};
    const cJSON *resource;

    cJSON_ArrayForEach(resource, resources) {
        if (visit(&walk, resource) < 0)
            return -1;
    }
    return 0;
}

/* ---- declarations */

/* Whether the condition of a resource or output, if it has one, is true. */
static int is_wanted(struct evaluation *evaluation, const cJSON *node, bool *ret_wanted, struct fault *fault)
{
    const char *condition = input_text(node, "Condition");

    *ret_wanted = true;
    return condition == NULL ? 0 : template_condition(evaluation, condition, ret_wanted, fault);
}

static int declare_resource(struct evaluation *evaluation, const cJSON *resource, cJSON *resources,
                            struct fault *fault)
{
    const cJSON *properties = input_member(resource, "Properties");
    cJSON *declared = cJSON_AddObjectToObject(resources, resource->string), *value = NULL;
    const char *deletion = input_text(resource, "DeletionPolicy");
    const char *replacing = input_text(resource, "UpdateReplacePolicy");

    if (properties == NULL)
        value = cJSON_CreateObject();
    else if (template_evaluate(evaluation, properties, &value, fault) < 0)
        return -1;
    (void)cJSON_AddStringToObject(declared, "Type", input_text(resource, "Type"));
    (void)cJSON_AddItemToObject(declared, "Properties", value == NULL ? cJSON_CreateObject() : value);
    (void)cJSON_AddStringToObject(declared, "DeletionPolicy", deletion == NULL ? "Delete" : deletion);
    (void)cJSON_AddStringToObject(declared, "UpdateReplacePolicy", replacing == NULL ? "Delete" : replacing);
    return 0;
}

/* Every one, needed or not, so that a wrong one is found. */
static int evaluate_conditions(struct evaluation *evaluation, struct fault *fault)
{
    const cJSON *condition;
    bool truth;

    cJSON_ArrayForEach(condition, template_section(evaluation->tree, "Conditions")) {
        if (template_condition(evaluation, condition->string, &truth, fault) < 0)
            return -1;
    }
    return 0;
}

static int declare_resources(struct evaluation *evaluation, cJSON *resources, struct fault *fault)
{
    const cJSON *all = template_section(evaluation->tree, "Resources"), *resource;

    cJSON_ArrayForEach(resource, all) {
        bool wanted;

        if (is_wanted(evaluation, resource, &wanted, fault) < 0 ||
            (wanted && declare_resource(evaluation, resource, resources, fault) < 0))
            return -1;
    }
    cJSON_ArrayForEach(resource, all) {
        cJSON *declared = cJSON_GetObjectItemCaseSensitive(resources, resource->string), *needs;

        if (declared == NULL)
            continue;
        needs = cJSON_AddArrayToObject(declared, "Needs");
        collect_depends_on(input_member(resource, "DependsOn"), resources, needs);
        if (collect_needs(input_member(declared, "Properties"), resources, "Resources", needs, fault) < 0)
            return -1;
    }
    return check_circles(resources, fault);
}

static int declare_output(struct evaluation *evaluation, const cJSON *output,
                          const struct declaration *declaration, struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *needs = cJSON_CreateArray();
    const char *description = input_text(output, "Description");
    cJSON *declared, *value = NULL;

    if (template_evaluate(evaluation, input_member(output, "Value"), &value, fault) < 0)
        return -1;
    declared = cJSON_AddObjectToObject(declaration->outputs, output->string);
    if (value != NULL)
        (void)cJSON_AddItemToObject(declared, "Value", value);
    if (description != NULL)
        (void)cJSON_AddStringToObject(declared, "Description", description);
    if (value == NULL || cJSON_IsObject(value) || cJSON_IsArray(value))
        return template_fault(
            fault, "Template format error: The Value field of every Outputs member must evaluate to a "
                   "String.");
    return collect_needs(value, declaration->resources, "Outputs", needs, fault);
}

static int declare_outputs(struct evaluation *evaluation, const struct declaration *declaration,
                           struct fault *fault)
{
    const cJSON *output;

    cJSON_ArrayForEach(output, template_section(evaluation->tree, "Outputs")) {
        bool wanted;

        if (is_wanted(evaluation, output, &wanted, fault) < 0 ||
            (wanted && declare_output(evaluation, output, declaration, fault) < 0))
            return -1;
    }
    return 0;
}

void declaration_free(struct declaration *declaration)
{
    if (declaration == NULL)
        return;
    free(declaration->text);
    cJSON_Delete(declaration->tree);
    cJSON_Delete(declaration->parameters);
    cJSON_Delete(declaration->resources);
    cJSON_Delete(declaration->outputs);
    free(declaration);
}

static int fill(struct declaration *declaration, const struct declare *request, struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *conditions = cJSON_CreateObject();
    struct evaluation evaluation = {.sim = request->sim,
                                    .stack_name = request->stack_name,
                                    .stack_id = request->stack_id,
                                    .conditions = conditions,
                                    .text_left = TEMPLATE_TEXT_MAX};

    if (template_read(request->text, request->length, &declaration->tree, fault) < 0 ||
        template_check(declaration->tree, fault) < 0 ||
        template_parameters(declaration->tree, request->given, request->previous, &declaration->parameters,
                            fault) < 0)
        return -1;
    evaluation.tree = declaration->tree;
    evaluation.parameters = declaration->parameters;
    if (evaluate_conditions(&evaluation, fault) < 0 ||
        declare_resources(&evaluation, declaration->resources, fault) < 0)
        return -1;
    return declare_outputs(&evaluation, declaration, fault);
}

int template_declare(const struct declare *request, struct declaration **ret_declaration, struct fault *fault)
{
    struct declaration *declaration = must_calloc(1, sizeof(*declaration));

    declaration->text = must_strndup(request->text, request->length);
    declaration->resources = cJSON_CreateObject();
    declaration->outputs = cJSON_CreateObject();
    if (fill(declaration, request, fault) < 0) {
        declaration_free(declaration);
        return -1;
    }
    *ret_declaration = declaration;
    return 0;
}
