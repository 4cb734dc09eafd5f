/*
 * change_sets.c - what would change: one declaration against another, as DescribeChangeSet shows it.
 *
 * Marks make two declarations comparable before anything is made.  A resource that refers to one that will be
 * replaced changes too, whatever its own text says.
 */
#include "stacks.h"

#include "base/memory.h"
#include "base/text.h"
#include "wire.h"

/* ---- one resource */

struct difference {
    cJSON *details; /* a list */
    bool properties, policies;
    const char *replacement; /* "True", "Conditional", "False" */
};

/* Whether a value refers to a resource that will be another. */
static bool refers_to(const cJSON *value, const cJSON *replaced)
{
    const char *text = cJSON_GetStringValue(value);
    const cJSON *child;

    cJSON_ArrayForEach(child, replaced) {
        size_t length = strlen(child->string);

        for (const char *at = text; at != NULL && (at = strchr(at, MARK_BEGIN)) != NULL; at++) {
            if (strncmp(at + 1, child->string, length) == 0 &&
                (at[1 + length] == MARK_END || at[1 + length] == MARK_ATTRIBUTE))
                return true;
        }
    }
    if (!cJSON_IsObject(value) && !cJSON_IsArray(value))
        return false;
    cJSON_ArrayForEach(child, value) {
        if (refers_to(child, replaced))
            return true;
    }
    return false;
}

static void add_detail(struct difference *difference, const struct resource_type *type, const char *property,
                       bool is_static)
{
    bool recreates = type->update == NULL || resource_type_is_create_only(type, property);
    cJSON *detail = answer_element(difference->details), *target = answer_structure(detail, "Target");

    answer_text(target, "Attribute", "Properties");
    answer_text(target, "Name", property);
    answer_text(target, "RequiresRecreation", recreates ? "Always" : "Never");
    answer_text(detail, "Evaluation", is_static ? "Static" : "Dynamic");
    answer_text(detail, "ChangeSource", is_static ? "DirectModification" : "ResourceReference");
    difference->properties = true;
    if (recreates && (is_static || text_equal(difference->replacement, "False")))
        difference->replacement = is_static ? "True" : "Conditional";
}

static void compare_properties(struct difference *difference, const struct resource_type *type,
                               const cJSON *before, const cJSON *after, const cJSON *replaced)
{
    const cJSON *property;

    cJSON_ArrayForEach(property, after) {
        const cJSON *old = input_member(before, property->string);

        if (old == NULL || !cJSON_Compare(old, property, true))
            add_detail(difference, type, property->string, true);
        else if (refers_to(property, replaced))
            add_detail(difference, type, property->string, false);
    }
    cJSON_ArrayForEach(property, before) {
        if (input_member(after, property->string) == NULL)
            add_detail(difference, type, property->string, true);
    }
}

/* difference->details is the caller's to delete. */
static struct difference compare(const cJSON *before, const cJSON *after, const cJSON *replaced)
{
    struct difference difference = {.details = cJSON_CreateArray(), .replacement = "False"};

    compare_properties(&difference, resource_type_find(input_text(after, "Type")),
                       input_member(before, "Properties"), input_member(after, "Properties"), replaced);
    difference.policies =
        !text_equal(input_text(before, "DeletionPolicy"), input_text(after, "DeletionPolicy")) ||
        !text_equal(input_text(before, "UpdateReplacePolicy"), input_text(after, "UpdateReplacePolicy"));
    return difference;
}

/* ---- a stack */

/* Names of the resources that will, or may, be replaced: each can make others follow. */
static cJSON *find_replaced(const cJSON *before, const cJSON *after)
{
    cJSON *replaced = cJSON_CreateObject();
    const cJSON *resource;
    bool grew = true;

    while (grew) {
        grew = false;
        cJSON_ArrayForEach(resource, after) {
            const cJSON *old = input_member(before, resource->string);
            struct difference difference;

            if (old == NULL || input_member(replaced, resource->string) != NULL)
                continue;
            difference = compare(old, resource, replaced);
            cJSON_Delete(difference.details);
            if (text_equal(difference.replacement, "False"))
                continue;
            (void)cJSON_AddTrueToObject(replaced, resource->string);
            grew = true;
        }
    }
    return replaced;
}

static cJSON *add_change(cJSON *changes, const struct stack *stack, const char *action, const cJSON *declared)
{
    const struct resource *resource = stack_find_resource(stack, declared->string);
    cJSON *change = answer_element(changes), *inner;

    answer_text(change, "Type", "Resource");
    inner = answer_structure(change, "ResourceChange");
    answer_text(inner, "Action", action);
    answer_text(inner, "LogicalResourceId", declared->string);
    if (resource != NULL)
        answer_text(inner, "PhysicalResourceId", resource->physical);
    answer_text(inner, "ResourceType", input_text(declared, "Type"));
    return inner;
}

static void add_modification(cJSON *changes, const struct stack *stack, const cJSON *declared,
                             struct difference *difference)
{
    const char *policy = input_text(declared, "UpdateReplacePolicy");
    cJSON *inner, *scope;

    if (!difference->properties && !difference->policies) {
        cJSON_Delete(difference->details);
        return;
    }
    inner = add_change(changes, stack, "Modify", declared);
    if (text_equal(difference->replacement, "True"))
        answer_text(inner, "PolicyAction",
                    text_equal(policy, "Retain") ? "ReplaceAndRetain" : "ReplaceAndDelete");
    answer_text(inner, "Replacement", difference->replacement);
    scope = answer_list(inner, "Scope");
    if (difference->properties)
        (void)cJSON_AddItemToArray(scope, cJSON_CreateString("Properties"));
    if (difference->policies)
        (void)cJSON_AddItemToArray(scope, cJSON_CreateString("DeletionPolicy"));
    (void)cJSON_AddItemToObject(inner, "Details", difference->details);
}

cJSON *stack_changes(const struct stack *stack, const struct declaration *wanted)
{
    const cJSON *before = stack->current == NULL ? NULL : stack->current->resources, *resource;
    SCOPED(wire_delete_tree) cJSON *replaced = find_replaced(before, wanted->resources);
    cJSON *changes = cJSON_CreateArray();

    cJSON_ArrayForEach(resource, wanted->resources) {
        const cJSON *old = input_member(before, resource->string);

        if (old == NULL) {
            (void)add_change(changes, stack, "Add", resource);
        } else {
            struct difference difference = compare(old, resource, replaced);

            add_modification(changes, stack, resource, &difference);
        }
    }
    cJSON_ArrayForEach(resource, before) {
        if (input_member(wanted->resources, resource->string) == NULL)
            answer_text(add_change(changes, stack, "Remove", resource), "PolicyAction",
                        text_starts_with(input_text(resource, "DeletionPolicy"), "Retain") ? "Retain"
                                                                                           : "Delete");
    }
    return changes;
}

bool stack_is_same(const struct stack *stack, const struct declaration *wanted, const cJSON *tags)
{
    SCOPED(wire_delete_tree) cJSON *changes = stack_changes(stack, wanted);

    for (size_t i = 0; i < stack->resource_count; i++) {
        if (stack->resources[i]->tried != NULL)
            return false; /* its last change failed halfway */
    }
    return changes->child == NULL && stack->current != NULL &&
           cJSON_Compare(stack->current->outputs, wanted->outputs, true) &&
           (tags == NULL || cJSON_Compare(stack->tags, tags, true));
}

/* ---- change sets */

struct change_set *stack_find_change_set(const struct stack *stack, const char *name_or_id)
{
    for (size_t i = 0; i < stack->change_set_count; i++) {
        if (text_equal(stack->change_sets[i]->name, name_or_id) ||
            text_equal(stack->change_sets[i]->id, name_or_id))
            return stack->change_sets[i];
    }
    return NULL;
}

void stack_drop_change_set(struct stack *stack, const struct change_set *change_set)
{
    for (size_t i = 0; i < stack->change_set_count; i++) {
        if (stack->change_sets[i] != change_set)
            continue;
        change_set_free(stack->change_sets[i]);
        stack->change_set_count--;
        memmove(&stack->change_sets[i], &stack->change_sets[i + 1],
                (stack->change_set_count - i) * sizeof(struct change_set *));
        return;
    }
}
