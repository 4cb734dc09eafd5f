/*
 * wire_cloudformation.c - CloudFormation: stacks.
 */
#include "wire_cloudformation.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

/* ---- what requests have in common */

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

#define OPERATION(name, shape, run)                                                          \
    {                                                                                        \
        SERVICE_CLOUDFORMATION, name, &shape_cloudformation_##shape, STREAM_NONE, false, run \
    }

const struct operation wire_cloudformation_operations[] = {
    OPERATION("CreateStack", create_stack, create_stack),
    OPERATION("UpdateStack", update_stack, update_stack),
    OPERATION("DeleteStack", delete_stack, delete_stack),
    OPERATION("DescribeStacks", describe_stacks, wire_describe_stacks),
    OPERATION("DescribeStackEvents", stack, wire_describe_stack_events),
    OPERATION("ListStackResources", stack, wire_list_stack_resources),
    OPERATION("DescribeStackResources", describe_stack_resources, wire_describe_stack_resources),
    OPERATION("GetTemplate", get_template, wire_get_template),
    OPERATION("ValidateTemplate", validate_template, wire_validate_template),
    OPERATION("GetTemplateSummary", get_template_summary, wire_get_template_summary),
    OPERATION("ListStacks", list_stacks, wire_list_stacks),
    OPERATION("ListChangeSets", stack, wire_list_change_sets),
    OPERATION("CreateChangeSet", create_change_set, wire_create_change_set),
    OPERATION("DescribeChangeSet", describe_change_set, wire_describe_change_set),
    OPERATION("ExecuteChangeSet", execute_change_set, wire_execute_change_set),
    OPERATION("DeleteChangeSet", delete_change_set, wire_delete_change_set),
    {0},
};
