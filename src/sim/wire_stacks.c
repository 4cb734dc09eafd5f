/*
 * wire_stacks.c - CloudFormation: what can be asked about stacks and templates.
 */
#include "wire_cloudformation.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>

enum { STACKS_PER_PAGE = 50, SUMMARIES_PER_PAGE = 100, EVENTS_PER_PAGE = 100, RESOURCES_PER_PAGE = 100 };

static int no_stack(const char *name, struct fault *fault)
{
    return template_fault(fault, "Stack with id %.300s does not exist", name);
}

static int find_stack(const struct call *call, struct stack **ret_stack, struct fault *fault)
{
    const char *name = input_text(call->input, "StackName");

    *ret_stack = stack_find(call->sim, name);
    return *ret_stack != NULL ? 0 : no_stack(name, fault);
}

/* The index in NextToken, 0 without one; at most `count`. */
static int first_of_page(const struct call *call, size_t count, size_t *ret_first, struct fault *fault)
{
    const char *token = input_text(call->input, "NextToken");
    int64_t first = 0;

    if (token != NULL && !number_parse(token, 0, (int64_t)count, &first))
        return template_fault(fault, "Invalid NextToken");
    *ret_first = (size_t)first;
    return 0;
}

static void answer_next(struct call *call, size_t next)
{
    char token[24];

    snprintf(token, sizeof(token), "%zu", next);
    answer_text(call->output, "NextToken", token);
}

/* ---- stacks */

cJSON *wire_show_parameters(const struct declaration *declaration)
{
    const cJSON *declared = template_section(declaration->tree, "Parameters"), *value;
    cJSON *list = cJSON_CreateArray();

    cJSON_ArrayForEach(value, declaration->parameters) {
        const cJSON *secret = input_member(input_member(declared, value->string), "NoEcho");
        bool hidden = cJSON_IsTrue(secret) || text_equal(cJSON_GetStringValue(secret), "true");
        cJSON *item = answer_element(list);

        answer_text(item, "ParameterKey", value->string);
        answer_text(item, "ParameterValue", hidden ? "****" : value->valuestring);
    }
    return list;
}

static void answer_outputs(cJSON *object, const struct stack *stack)
{
    cJSON *list;
    const cJSON *output;

    if (stack->outputs->child == NULL || stack->status == STACK_DELETE_COMPLETE)
        return;
    list = answer_list(object, "Outputs");
    cJSON_ArrayForEach(output, stack->outputs) {
        cJSON *item = answer_element(list);

        answer_text(item, "OutputKey", output->string);
        (void)cJSON_AddItemToObject(item, "OutputValue",
                                    cJSON_Duplicate(input_member(output, "Value"), true));
        answer_text(item, "Description", input_text(output, "Description"));
    }
}

static void answer_times(const struct call *call, cJSON *object, const struct stack *stack)
{
    answer_time(call, object, "CreationTime", stack->created_ms);
    if (stack->updated_ms != 0)
        answer_time(call, object, "LastUpdatedTime", stack->updated_ms);
    if (stack->deleted_ms != 0)
        answer_time(call, object, "DeletionTime", stack->deleted_ms);
}

static void answer_stack(const struct call *call, cJSON *list, const struct stack *stack)
{
    const struct declaration *shown = stack->wanted != NULL ? stack->wanted : stack->current;
    cJSON *object = answer_element(list);

    answer_text(object, "StackId", stack->id);
    answer_text(object, "StackName", stack->name);
    if (shown != NULL) {
        answer_text(object, "Description", input_text(shown->tree, "Description"));
        (void)cJSON_AddItemToObject(object, "Parameters", wire_show_parameters(shown));
    }
    answer_times(call, object, stack);
    answer_text(object, "StackStatus", stack_status_name(stack->status));
    answer_text(object, "StackStatusReason", stack->reason);
    answer_boolean(object, "DisableRollback", stack->keeps_failure);
    answer_boolean(object, "EnableTerminationProtection", stack->is_protected);
    (void)answer_list(object, "NotificationARNs");
    if (stack->capabilities != NULL)
        (void)cJSON_AddItemToObject(object, "Capabilities", cJSON_Duplicate(stack->capabilities, true));
    answer_outputs(object, stack);
    if (stack->tags != NULL)
        (void)cJSON_AddItemToObject(object, "Tags", cJSON_Duplicate(stack->tags, true));
}

int wire_describe_stacks(struct call *call, struct fault *fault)
{
    const struct stacks *stacks = stacks_of(call->sim);
    struct stack *stack;
    size_t first, shown = 0;
    cJSON *list;

    if (input_member(call->input, "StackName") != NULL) {
        if (find_stack(call, &stack, fault) < 0)
            return -1;
        answer_stack(call, answer_list(wire_output(call), "Stacks"), stack);
        return 0;
    }
    if (first_of_page(call, stacks->count, &first, fault) < 0)
        return -1;
    list = answer_list(wire_output(call), "Stacks");
    for (size_t i = first; i < stacks->count; i++) {
        if (stacks->items[i]->status == STACK_DELETE_COMPLETE)
            continue;
        if (shown++ == STACKS_PER_PAGE) {
            answer_next(call, i);
            break;
        }
        answer_stack(call, list, stacks->items[i]);
    }
    return 0;
}

static bool is_wanted(const cJSON *statuses, const struct stack *stack)
{
    const cJSON *status;

    cJSON_ArrayForEach(status, statuses) {
        if (text_equal(status->valuestring, stack_status_name(stack->status)))
            return true;
    }
    return statuses == NULL;
}

/* Also those that were deleted. */
int wire_list_stacks(struct call *call, struct fault *fault)
{
    const struct stacks *stacks = stacks_of(call->sim);
    size_t first, shown = 0;
    cJSON *list;

    if (first_of_page(call, stacks->count, &first, fault) < 0)
        return -1;
    list = answer_list(wire_output(call), "StackSummaries");
    for (size_t i = first; i < stacks->count; i++) {
        const struct stack *stack = stacks->items[i];
        cJSON *object;

        if (!is_wanted(input_member(call->input, "StackStatusFilter"), stack))
            continue;
        if (shown++ == SUMMARIES_PER_PAGE) {
            answer_next(call, i);
            break;
        }
        object = answer_element(list);
        answer_text(object, "StackId", stack->id);
        answer_text(object, "StackName", stack->name);
        answer_times(call, object, stack);
        answer_text(object, "StackStatus", stack_status_name(stack->status));
        answer_text(object, "StackStatusReason", stack->reason);
    }
    return 0;
}

static void answer_event(const struct call *call, cJSON *list, const struct stack *stack,
                         const struct stack_event *event)
{
    cJSON *object = answer_element(list);

    answer_text(object, "StackId", stack->id);
    answer_text(object, "EventId", event->id);
    answer_text(object, "StackName", stack->name);
    answer_text(object, "LogicalResourceId", event->logical);
    answer_text(object, "PhysicalResourceId", event->physical);
    answer_text(object, "ResourceType", event->type);
    answer_time(call, object, "Timestamp", event->at_ms);
    answer_text(object, "ResourceStatus", event->status);
    answer_text(object, "ResourceStatusReason", event->reason);
    answer_text(object, "ResourceProperties", event->properties);
    answer_text(object, "ClientRequestToken", event->token);
}

/* Newest first.  A token is the number of events that are older, so that what happens meanwhile shifts nothing. */
int wire_describe_stack_events(struct call *call, struct fault *fault)
{
    const char *name = input_text(call->input, "StackName");
    const struct stack *stack = stack_find(call->sim, name);
    size_t left;
    cJSON *list;

    if (stack == NULL)
        return template_fault(fault, "Stack [%.300s] does not exist", name);
    if (first_of_page(call, stack->event_count, &left, fault) < 0)
        return -1;
    if (input_member(call->input, "NextToken") == NULL)
        left = stack->event_count;
    list = answer_list(wire_output(call), "StackEvents");
    for (size_t shown = 0; left > 0 && shown < EVENTS_PER_PAGE; shown++)
        answer_event(call, list, stack, &stack->events[--left]);
    if (left > 0)
        answer_next(call, left);
    return 0;
}

static void answer_resource(const struct call *call, cJSON *list, const struct resource *resource,
                            const char *time)
{
    cJSON *object = answer_element(list);

    answer_text(object, "LogicalResourceId", resource->logical);
    answer_text(object, "PhysicalResourceId", resource->physical);
    answer_text(object, "ResourceType", resource->type->name);
    answer_time(call, object, time, resource->changed_ms);
    answer_text(object, "ResourceStatus", resource->status);
    answer_text(object, "ResourceStatusReason", resource->reason);
}

/* Those being deleted included; number `at` of all, NULL when there are no more. */
static const struct resource *resource_at(const struct stack *stack, size_t at)
{
    if (at < stack->resource_count)
        return stack->resources[at];
    at -= stack->resource_count;
    return at < stack->leftover_count ? stack->leftovers[at] : NULL;
}

int wire_list_stack_resources(struct call *call, struct fault *fault)
{
    struct stack *stack;
    const struct resource *resource;
    size_t first, shown = 0;
    cJSON *list;

    if (find_stack(call, &stack, fault) < 0 ||
        first_of_page(call, stack->resource_count + stack->leftover_count, &first, fault) < 0)
        return -1;
    list = answer_list(wire_output(call), "StackResourceSummaries");
    for (; (resource = resource_at(stack, first)) != NULL; first++) {
        if (shown++ == RESOURCES_PER_PAGE) {
            answer_next(call, first);
            break;
        }
        if (resource->status[0] != '\0')
            answer_resource(call, list, resource, "LastUpdatedTimestamp");
    }
    return 0;
}

int wire_describe_stack_resources(struct call *call, struct fault *fault)
{
    const char *logical = input_text(call->input, "LogicalResourceId");
    const struct resource *resource;
    struct stack *stack;
    cJSON *list;

    if (find_stack(call, &stack, fault) < 0)
        return -1;
    list = answer_list(wire_output(call), "StackResources");
    for (size_t i = 0; (resource = resource_at(stack, i)) != NULL && cJSON_GetArraySize(list) < 100; i++) {
        if (resource->status[0] == '\0' || (logical != NULL && !text_equal(logical, resource->logical)))
            continue;
        answer_resource(call, list, resource, "Timestamp");
        answer_text(list->child->prev, "StackName", stack->name);
        answer_text(list->child->prev, "StackId", stack->id);
    }
    return 0;
}

int wire_get_template(struct call *call, struct fault *fault)
{
    const struct declaration *declaration;
    struct stack *stack;
    cJSON *stages;

    if (find_stack(call, &stack, fault) < 0)
        return -1;
    declaration = stack->current != NULL ? stack->current : stack->wanted;
    if (declaration == NULL)
        return template_fault(fault, "Template for stack %s does not exist", stack->name);
    answer_text(wire_output(call), "TemplateBody", declaration->text);
    stages = answer_list(call->output, "StagesAvailable");
    (void)cJSON_AddItemToArray(stages, cJSON_CreateString("Original"));
    (void)cJSON_AddItemToArray(stages, cJSON_CreateString("Processed"));
    return 0;
}

/* ---- templates */

/* What a template asks for and declares; `in_full` with what GetTemplateSummary has more than ValidateTemplate. */
static void answer_template(struct call *call, const cJSON *tree, bool in_full)
{
    SCOPED(free_text) char *types = NULL;
    SCOPED(free_text) char *reason = NULL;
    const char *capability = template_capability(tree, &types);
    cJSON *list = answer_list(wire_output(call), "Parameters");
    const cJSON *parameter;

    cJSON_ArrayForEach(parameter, template_section(tree, "Parameters")) {
        const cJSON *value = input_member(parameter, "Default");
        cJSON *item = answer_element(list);

        answer_text(item, "ParameterKey", parameter->string);
        if (value != NULL)
            (void)cJSON_AddItemToObject(item, "DefaultValue", cJSON_Duplicate(value, true));
        if (in_full)
            answer_text(item, "ParameterType", input_text(parameter, "Type"));
        answer_boolean(item, "NoEcho", cJSON_IsTrue(input_member(parameter, "NoEcho")));
        answer_text(item, "Description", input_text(parameter, "Description"));
    }
    answer_text(call->output, "Description", input_text(tree, "Description"));
    if (capability == NULL)
        return;
    reason = must_printf("The following resource(s) require capabilities: %s", types);
    (void)cJSON_AddItemToArray(answer_list(call->output, "Capabilities"), cJSON_CreateString(capability));
    answer_text(call->output, "CapabilitiesReason", reason);
}

static void answer_types(struct call *call, const cJSON *tree)
{
    SCOPED(wire_delete_tree) cJSON *seen = cJSON_CreateObject();
    cJSON *list = answer_list(call->output, "ResourceTypes");
    const cJSON *resource;

    cJSON_ArrayForEach(resource, template_section(tree, "Resources")) {
        const char *type = input_text(resource, "Type");

        if (input_member(seen, type) != NULL)
            continue;
        (void)cJSON_AddTrueToObject(seen, type);
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(type));
    }
}

static int answer_template_text(struct call *call, const char *text, bool in_full, struct fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *tree = NULL;

    if (template_read(text, strlen(text), &tree, fault) < 0 || template_check(tree, fault) < 0)
        return -1;
    answer_template(call, tree, in_full);
    if (in_full) {
        answer_types(call, tree);
        answer_text(call->output, "Version", input_text(tree, "AWSTemplateFormatVersion"));
    }
    return 0;
}

int wire_validate_template(struct call *call, struct fault *fault)
{
    const char *text = input_text(call->input, "TemplateBody");

    if (text == NULL)
        return template_fault(fault, "Either Template URL or Template Body must be specified.");
    return answer_template_text(call, text, false, fault);
}

int wire_get_template_summary(struct call *call, struct fault *fault)
{
    const char *text = input_text(call->input, "TemplateBody");
    const struct declaration *declaration;
    struct stack *stack;

    if ((text == NULL) == (input_member(call->input, "StackName") == NULL))
        return template_fault(fault,
                              "Only one of StackName, TemplateBody and TemplateURL must be specified.");
    if (text != NULL)
        return answer_template_text(call, text, true, fault);
    if (find_stack(call, &stack, fault) < 0)
        return -1;
    declaration = stack->current != NULL ? stack->current : stack->wanted;
    if (declaration == NULL)
        return template_fault(fault, "Template for stack %s does not exist", stack->name);
    return answer_template_text(call, declaration->text, true, fault);
}
