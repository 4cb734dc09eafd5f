/*
 * wire_cloudformation.c - CloudFormation: stacks.
 */
#include "wire_cloudformation.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>

enum { STACKS_PER_PAGE = 50, EVENTS_PER_PAGE = 100, RESOURCES_PER_PAGE = 100 };

/* ---- what requests have in common */

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

static bool has_capability(const struct call *call, const char *wanted)
{
    const cJSON *given;

    cJSON_ArrayForEach(given, input_member(call->input, "Capabilities")) {
        /* Who may name roles may make them. */
        if (text_equal(given->valuestring, wanted) || text_equal(given->valuestring, "CAPABILITY_NAMED_IAM"))
            return true;
    }
    return false;
}

static int check_types(const struct stack *stack, const struct declaration *wanted, struct fault *fault)
{
    const cJSON *resource;

    cJSON_ArrayForEach(resource, wanted->resources) {
        const cJSON *before =
            stack->current == NULL ? NULL : input_member(stack->current->resources, resource->string);

        if (before != NULL && !text_equal(input_text(before, "Type"), input_text(resource, "Type")))
            return template_fault(
                fault,
                "Update of resource type is not permitted. The new template modifies resource "
                "type of the following resources: [%.255s]",
                resource->string);
    }
    return 0;
}

int wire_declare(struct call *call, const struct stack *stack, struct declaration **ret_declaration,
                 struct fault *fault)
{
    const char *text = input_text(call->input, "TemplateBody"), *capability;
    bool previous = input_boolean(call->input, "UsePreviousTemplate", false);
    struct declaration *declaration;
    struct declare request;

    if ((text != NULL) == previous || (previous && stack->current == NULL))
        return template_fault(fault, "Either Template URL or Template Body must be specified.");
    if (previous)
        text = stack->current->text;
    request = (struct declare){.sim = call->sim,
                               .text = text,
                               .length = strlen(text),
                               .given = input_member(call->input, "Parameters"),
                               .previous = stack->current == NULL ? NULL : stack->current->parameters,
                               .stack_name = stack->name,
                               .stack_id = stack->id};
    if (template_declare(&request, &declaration, fault) < 0)
        return -1;
    capability = template_capability(declaration->tree, NULL);
    if (check_types(stack, declaration, fault) < 0 ||
        (capability != NULL && !has_capability(call, capability))) {
        if (capability != NULL && !has_capability(call, capability))
            (void)model_fault(fault, "InsufficientCapabilitiesException", 400, "Requires capabilities : [%s]",
                              capability);
        declaration_free(declaration);
        return -1;
    }
    *ret_declaration = declaration;
    return 0;
}

int wire_check_updatable(const struct stack *stack, struct fault *fault)
{
    if (stack->status == STACK_CREATE_COMPLETE || stack->status == STACK_UPDATE_COMPLETE ||
        stack->status == STACK_UPDATE_ROLLBACK_COMPLETE || stack->status == STACK_UPDATE_FAILED)
        return 0;
    return template_fault(fault, "Stack:%s is in %s state and can not be updated.", stack->id,
                          stack_status_name(stack->status));
}

int wire_first_of_page(const struct call *call, size_t count, size_t *ret_first, struct fault *fault)
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

int wire_take_token(const struct call *call, struct stack *stack, bool *ret_repeated, struct fault *fault)
{
    const char *token = input_text(call->input, "ClientRequestToken");

    *ret_repeated = token != NULL && text_equal(token, stack->token);
    if (*ret_repeated && !text_equal(call->operation->name, stack->token_of))
        return model_fault(fault, "TokenAlreadyExistsException", 400,
                           "A client request token already exists for operation %s: %.128s", stack->token_of,
                           token);
    free(stack->token);
    free(stack->token_of);
    stack->token = must_strdup(token);
    stack->token_of = token == NULL ? NULL : must_strdup(call->operation->name);
    return 0;
}

cJSON *wire_copy_list(const struct call *call, const char *name)
{
    const cJSON *list = input_member(call->input, name);

    return list == NULL ? NULL : cJSON_Duplicate(list, true);
}

/* ---- making, changing, deleting */

static int begin_creation(struct call *call, struct stack *stack, struct fault *fault)
{
    const char *on_failure = input_text(call->input, "OnFailure");
    struct declaration *declaration;
    bool repeated;

    if (wire_declare(call, stack, &declaration, fault) < 0)
        return -1;
    if (wire_take_token(call, stack, &repeated, fault) < 0) {
        declaration_free(declaration);
        return -1;
    }
    stack->tags = wire_copy_list(call, "Tags");
    stack->capabilities = wire_copy_list(call, "Capabilities");
    stack->is_protected = input_boolean(call->input, "EnableTerminationProtection", false);
    stack->retains_except_on_create = input_boolean(call->input, "RetainExceptOnCreate", false);
    stack->keeps_failure =
        input_boolean(call->input, "DisableRollback", false) || text_equal(on_failure, "DO_NOTHING");
    stack->deletes_failure = text_equal(on_failure, "DELETE");
    stack_begin(call->sim, stack, STACK_CREATE_IN_PROGRESS, declaration);
    return 0;
}

static int create_stack(struct call *call, struct fault *fault)
{
    const char *name = input_text(call->input, "StackName"),
               *token = input_text(call->input, "ClientRequestToken");
    struct stack *stack = stack_find(call->sim, name);

    if (stack != NULL && token != NULL && text_equal(stack->token, token) &&
        text_equal(stack->token_of, "CreateStack")) {
        answer_text(wire_output(call), "StackId", stack->id);
        return 0;
    }
    if (stack != NULL)
        return model_fault(fault, "AlreadyExistsException", 400, "Stack [%s] already exists", name);
    if (input_member(call->input, "OnFailure") != NULL &&
        input_member(call->input, "DisableRollback") != NULL)
        return template_fault(fault, "Either DisableRollback or OnFailure can be specified, not both.");
    if (stack_new(call->sim, name, &stack, fault) < 0)
        return -1;
    if (begin_creation(call, stack, fault) < 0) {
        stack_forget(call->sim, stack);
        return -1;
    }
    answer_text(wire_output(call), "StackId", stack->id);
    return 0;
}

static int update_stack(struct call *call, struct fault *fault)
{
    const char *name = input_text(call->input, "StackName");
    struct stack *stack = stack_find(call->sim, name);
    struct declaration *declaration;
    bool repeated;

    if (stack == NULL)
        return template_fault(fault, "Stack [%.300s] does not exist", name);
    if (wire_take_token(call, stack, &repeated, fault) < 0)
        return -1;
    if (!repeated) {
        if (wire_check_updatable(stack, fault) < 0 || wire_declare(call, stack, &declaration, fault) < 0)
            return -1;
        if (stack_is_same(stack, declaration, input_member(call->input, "Tags"))) {
            declaration_free(declaration);
            return template_fault(fault, "No updates are to be performed.");
        }
        if (input_member(call->input, "Tags") != NULL) {
            cJSON_Delete(stack->tags);
            stack->tags = wire_copy_list(call, "Tags");
        }
        for (size_t i = 0; i < stack->change_set_count; i++)
            stack->change_sets[i]->execution = EXECUTION_OBSOLETE;
        stack->keeps_failure = input_boolean(call->input, "DisableRollback", false);
        stack->retains_except_on_create = input_boolean(call->input, "RetainExceptOnCreate", false);
        stack_begin(call->sim, stack, STACK_UPDATE_IN_PROGRESS, declaration);
    }
    answer_text(wire_output(call), "StackId", stack->id);
    return 0;
}

static int retain_resources(const struct call *call, const struct stack *stack, struct fault *fault)
{
    const cJSON *names = input_member(call->input, "RetainResources"), *name;

    if (cJSON_GetArraySize(names) > 0 && stack->status != STACK_DELETE_FAILED)
        return template_fault(
            fault,
            "Invalid operation on stack [%s]. When you delete a stack, specify which resources "
            "to retain only when the stack is in the DELETE_FAILED state.",
            stack->id);
    cJSON_ArrayForEach(name, names) {
        struct resource *resource = stack_find_resource(stack, name->valuestring);

        if (resource == NULL)
            return template_fault(
                fault,
                "The specified resources to retain must be in a valid state. Do not specify: "
                "[%.255s]",
                name->valuestring);
        resource->is_kept = true;
    }
    return 0;
}

static int delete_stack(struct call *call, struct fault *fault)
{
    struct stack *stack = stack_find(call->sim, input_text(call->input, "StackName"));
    bool repeated;

    if (stack == NULL || stack->status == STACK_DELETE_IN_PROGRESS || stack->status == STACK_DELETE_COMPLETE)
        return 0;
    if (stack->is_protected)
        return template_fault(fault, "Stack [%s] cannot be deleted while TerminationProtection is enabled",
                              stack->name);
    if (stack_is_busy(stack) && stack->status != STACK_CREATE_IN_PROGRESS)
        return template_fault(fault, "Stack [%s] cannot be deleted while in status %s", stack->name,
                              stack_status_name(stack->status));
    if (retain_resources(call, stack, fault) < 0 || wire_take_token(call, stack, &repeated, fault) < 0)
        return -1;
    stack_begin(call->sim, stack, STACK_DELETE_IN_PROGRESS, NULL);
    return 0;
}

/* ---- answers */

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
    answer_time(call, object, "CreationTime", stack->created_ms);
    if (stack->updated_ms != 0)
        answer_time(call, object, "LastUpdatedTime", stack->updated_ms);
    if (stack->deleted_ms != 0)
        answer_time(call, object, "DeletionTime", stack->deleted_ms);
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

static int describe_stacks(struct call *call, struct fault *fault)
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
    if (wire_first_of_page(call, stacks->count, &first, fault) < 0)
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
static int describe_stack_events(struct call *call, struct fault *fault)
{
    const char *name = input_text(call->input, "StackName");
    const struct stack *stack = stack_find(call->sim, name);
    size_t left;
    cJSON *list;

    if (stack == NULL)
        return template_fault(fault, "Stack [%.300s] does not exist", name);
    if (wire_first_of_page(call, stack->event_count, &left, fault) < 0)
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

static int list_stack_resources(struct call *call, struct fault *fault)
{
    struct stack *stack;
    const struct resource *resource;
    size_t first, shown = 0;
    cJSON *list;

    if (find_stack(call, &stack, fault) < 0 ||
        wire_first_of_page(call, stack->resource_count + stack->leftover_count, &first, fault) < 0)
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

static int describe_stack_resources(struct call *call, struct fault *fault)
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

static int get_template(struct call *call, struct fault *fault)
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

static int validate_template(struct call *call, struct fault *fault)
{
    const char *text = input_text(call->input, "TemplateBody"), *capability;
    SCOPED(wire_delete_tree) cJSON *tree = NULL;
    SCOPED(free_text) char *types = NULL;
    const cJSON *parameter;
    cJSON *list;

    if (text == NULL)
        return template_fault(fault, "Either Template URL or Template Body must be specified.");
    if (template_read(text, strlen(text), &tree, fault) < 0 || template_check(tree, fault) < 0)
        return -1;
    list = answer_list(wire_output(call), "Parameters");
    cJSON_ArrayForEach(parameter, template_section(tree, "Parameters")) {
        const cJSON *value = input_member(parameter, "Default");
        cJSON *item = answer_element(list);

        answer_text(item, "ParameterKey", parameter->string);
        if (value != NULL)
            (void)cJSON_AddItemToObject(item, "DefaultValue", cJSON_Duplicate(value, true));
        answer_boolean(item, "NoEcho", cJSON_IsTrue(input_member(parameter, "NoEcho")));
        answer_text(item, "Description", input_text(parameter, "Description"));
    }
    answer_text(call->output, "Description", input_text(tree, "Description"));
    capability = template_capability(tree, &types);
    if (capability != NULL) {
        char reason[256];

        snprintf(reason, sizeof(reason), "The following resource(s) require capabilities: %s", types);
        (void)cJSON_AddItemToArray(answer_list(call->output, "Capabilities"), cJSON_CreateString(capability));
        answer_text(call->output, "CapabilitiesReason", reason);
    }
    return 0;
}

#define OPERATION(name, shape, run)                                                          \
    {                                                                                        \
        SERVICE_CLOUDFORMATION, name, &shape_cloudformation_##shape, STREAM_NONE, false, run \
    }

const struct operation wire_cloudformation_operations[] = {
    OPERATION("CreateStack", create_stack, create_stack),
    OPERATION("UpdateStack", update_stack, update_stack),
    OPERATION("DeleteStack", delete_stack, delete_stack),
    OPERATION("DescribeStacks", describe_stacks, describe_stacks),
    OPERATION("DescribeStackEvents", stack, describe_stack_events),
    OPERATION("ListStackResources", stack, list_stack_resources),
    OPERATION("DescribeStackResources", describe_stack_resources, describe_stack_resources),
    OPERATION("GetTemplate", get_template, get_template),
    OPERATION("ValidateTemplate", validate_template, validate_template),
    OPERATION("CreateChangeSet", create_change_set, wire_create_change_set),
    OPERATION("DescribeChangeSet", describe_change_set, wire_describe_change_set),
    OPERATION("ExecuteChangeSet", execute_change_set, wire_execute_change_set),
    OPERATION("DeleteChangeSet", delete_change_set, wire_delete_change_set),
    {0},
};
