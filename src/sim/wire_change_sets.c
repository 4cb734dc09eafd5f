/*
 * wire_change_sets.c - CloudFormation: change sets.
 *
 * One is made in CHANGE_SET_MS; whether it can be executed is known from the start and shown from then on.
 */
#include "wire_cloudformation.h"

#include "base/memory.h"
#include "base/text.h"

static const char no_changes[] =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

/* ---- finding */

/* By its ARN alone, or by its name within a stack. */
static int find_change_set(const struct call *call, struct stack **ret_stack,
                           struct change_set **ret_change_set, struct fault *fault)
{
    const char *stack_name = input_text(call->input, "StackName"),
               *name = input_text(call->input, "ChangeSetName");
    const struct stacks *stacks = stacks_of(call->sim);

    if (stack_name == NULL && !text_starts_with(name, "arn:"))
        return template_fault(fault,
                              "StackName must be specified if ChangeSetName is not specified as an ARN.");
    *ret_stack = stack_name == NULL ? NULL : stack_find(call->sim, stack_name);
    if (stack_name != NULL && *ret_stack == NULL)
        return template_fault(fault, "Stack [%.300s] does not exist", stack_name);
    *ret_change_set = *ret_stack == NULL ? NULL : stack_find_change_set(*ret_stack, name);
    for (size_t i = 0; stack_name == NULL && *ret_change_set == NULL && i < stacks->count; i++) {
        *ret_stack = stacks->items[i];
        *ret_change_set = stack_find_change_set(*ret_stack, name);
    }
    if (*ret_change_set != NULL)
        return 0;
    return model_fault(fault, "ChangeSetNotFound", 404, "ChangeSet [%.300s] does not exist", name);
}

static bool is_ready(const struct call *call, const struct change_set *change_set)
{
    return call->sim->now_ms >= change_set->ready_ms;
}

static const char *status_of(const struct call *call, const struct change_set *change_set)
{
    if (!is_ready(call, change_set))
        return "CREATE_IN_PROGRESS";
    return change_set->failure == NULL ? "CREATE_COMPLETE" : "FAILED";
}

static const char *execution_of(const struct call *call, const struct change_set *change_set)
{
    static const char *const names[] = {"AVAILABLE", "EXECUTE_COMPLETE", "OBSOLETE"};

    if (!is_ready(call, change_set) || change_set->failure != NULL)
        return "UNAVAILABLE";
    return names[change_set->execution];
}

/* ---- making */

/* The stack that it is for: one there is, or a new one that waits for its change set. */
static int find_or_make_stack(const struct call *call, bool creates, struct stack **ret_stack, bool *ret_new,
                              struct fault *fault)
{
    const char *name = input_text(call->input, "StackName");
    struct stack *stack = stack_find(call->sim, name);

    *ret_new = false;
    if (!creates && stack == NULL)
        return template_fault(fault, "Stack [%.300s] does not exist", name);
    if (stack == NULL && text_starts_with(name, "arn:"))
        return template_fault(fault, "A new stack must be given by its name");
    if (stack == NULL) {
        *ret_new = true;
        if (stack_new(call->sim, name, &stack, fault) < 0)
            return -1;
    } else if (creates && stack->status != STACK_REVIEW_IN_PROGRESS) {
        return template_fault(
            fault, "Stack [%s] already exists and cannot be created again with the changeSet [%s].",
            stack->name, input_text(call->input, "ChangeSetName"));
    } else if (!creates && wire_check_updatable(stack, fault) < 0) {
        return -1;
    }
    *ret_stack = stack;
    return 0;
}

static int check_name(const struct call *call, const struct stack *stack, struct fault *fault)
{
    const char *name = input_text(call->input, "ChangeSetName");

    if (stack_find_change_set(stack, name) != NULL)
        return model_fault(fault, "AlreadyExistsException", 400, "ChangeSet %s already exists", name);
    if (stack->change_set_count == CHANGE_SETS_MAX)
        return model_fault(fault, "LimitExceededException", 400, "Limit for change sets has been exceeded");
    return 0;
}

static struct change_set *add_change_set(const struct call *call, struct stack *stack,
                                         struct declaration *declaration, bool creates)
{
    struct change_set *change_set = must_calloc(1, sizeof(*change_set));
    const char *name = input_text(call->input, "ChangeSetName");
    char id[37];

    model_uuid(call->sim, id);
    change_set->name = must_strdup(name);
    change_set->id = must_printf("arn:aws:cloudformation:%s:%s:changeSet/%s/%s", call->sim->region,
                                 call->sim->account, name, id);
    change_set->description = must_strdup(input_text(call->input, "Description"));
    change_set->token = must_strdup(input_text(call->input, "ClientToken"));
    change_set->parameters = wire_show_parameters(declaration);
    change_set->changes = stack_changes(stack, declaration);
    change_set->tags = wire_copy_list(call, "Tags");
    change_set->capabilities = wire_copy_list(call, "Capabilities");
    change_set->creates = creates;
    if (!creates && stack_is_same(stack, declaration, change_set->tags))
        change_set->failure = must_strdup(no_changes);
    change_set->declaration = declaration;
    change_set->created_ms = call->sim->now_ms;
    change_set->ready_ms = call->sim->now_ms + CHANGE_SET_MS;
    stack->change_sets =
        must_realloc(stack->change_sets, stack->change_set_count + 1, sizeof(struct change_set *));
    stack->change_sets[stack->change_set_count++] = change_set;
    return change_set;
}

int wire_create_change_set(struct call *call, struct fault *fault)
{
    bool creates = text_equal(input_text(call->input, "ChangeSetType"), "CREATE"), is_new;
    const char *token = input_text(call->input, "ClientToken");
    struct declaration *declaration;
    struct change_set *change_set;
    struct stack *stack;

    if (find_or_make_stack(call, creates, &stack, &is_new, fault) < 0)
        return -1;
    change_set = stack_find_change_set(stack, input_text(call->input, "ChangeSetName"));
    if (change_set == NULL || token == NULL || !text_equal(token, change_set->token)) {
        if (check_name(call, stack, fault) < 0 || wire_declare(call, stack, &declaration, fault) < 0) {
            if (is_new)
                stack_forget(call->sim, stack);
            return -1;
        }
        if (is_new)
            stack_set_status(call->sim, stack, STACK_REVIEW_IN_PROGRESS, "User Initiated");
        change_set = add_change_set(call, stack, declaration, creates);
    }
    answer_text(wire_output(call), "Id", change_set->id);
    answer_text(call->output, "StackId", stack->id);
    return 0;
}

/* ---- the others */

int wire_list_change_sets(struct call *call, struct fault *fault)
{
    const char *name = input_text(call->input, "StackName");
    const struct stack *stack = stack_find(call->sim, name);
    cJSON *list;

    if (stack == NULL)
        return template_fault(fault, "Stack [%.300s] does not exist", name);
    list = answer_list(wire_output(call), "Summaries");
    for (size_t i = 0; i < stack->change_set_count; i++) {
        const struct change_set *change_set = stack->change_sets[i];
        cJSON *object = answer_element(list);

        answer_text(object, "StackId", stack->id);
        answer_text(object, "StackName", stack->name);
        answer_text(object, "ChangeSetId", change_set->id);
        answer_text(object, "ChangeSetName", change_set->name);
        answer_text(object, "ExecutionStatus", execution_of(call, change_set));
        answer_text(object, "Status", status_of(call, change_set));
        answer_text(object, "StatusReason", is_ready(call, change_set) ? change_set->failure : NULL);
        answer_time(call, object, "CreationTime", change_set->created_ms);
        answer_text(object, "Description", change_set->description);
    }
    return 0;
}

int wire_describe_change_set(struct call *call, struct fault *fault)
{
    struct change_set *change_set;
    struct stack *stack;
    cJSON *output;

    if (find_change_set(call, &stack, &change_set, fault) < 0)
        return -1;
    output = wire_output(call);
    answer_text(output, "ChangeSetName", change_set->name);
    answer_text(output, "ChangeSetId", change_set->id);
    answer_text(output, "StackId", stack->id);
    answer_text(output, "StackName", stack->name);
    answer_text(output, "Description", change_set->description);
    (void)cJSON_AddItemToObject(output, "Parameters", cJSON_Duplicate(change_set->parameters, true));
    answer_time(call, output, "CreationTime", change_set->created_ms);
    answer_text(output, "ExecutionStatus", execution_of(call, change_set));
    answer_text(output, "Status", status_of(call, change_set));
    if (is_ready(call, change_set))
        answer_text(output, "StatusReason", change_set->failure);
    (void)answer_list(output, "NotificationARNs");
    if (change_set->capabilities != NULL)
        (void)cJSON_AddItemToObject(output, "Capabilities", cJSON_Duplicate(change_set->capabilities, true));
    if (change_set->tags != NULL)
        (void)cJSON_AddItemToObject(output, "Tags", cJSON_Duplicate(change_set->tags, true));
    if (is_ready(call, change_set))
        (void)cJSON_AddItemToObject(output, "Changes", cJSON_Duplicate(change_set->changes, true));
    return 0;
}

static int check_executable(const struct call *call, const struct stack *stack,
                            const struct change_set *change_set, struct fault *fault)
{
    const char *execution = execution_of(call, change_set);

    if (!text_equal(execution, "AVAILABLE"))
        return model_fault(
            fault, "InvalidChangeSetStatus", 400,
            "ChangeSet [%s] cannot be executed in its current %s of [%s]", change_set->id,
            change_set->failure != NULL || !is_ready(call, change_set) ? "status" : "execution status",
            change_set->failure != NULL || !is_ready(call, change_set) ? status_of(call, change_set)
                                                                       : execution);
    if (change_set->creates && stack->status == STACK_REVIEW_IN_PROGRESS)
        return 0;
    return wire_check_updatable(stack, fault);
}

/* Only the one that is executed stays. */
static void drop_others(struct stack *stack, const struct change_set *change_set)
{
    for (size_t i = 0; i < stack->change_set_count;) {
        if (stack->change_sets[i] == change_set)
            i++;
        else
            stack_drop_change_set(stack, stack->change_sets[i]);
    }
}

int wire_execute_change_set(struct call *call, struct fault *fault)
{
    struct change_set *change_set;
    struct stack *stack;
    bool repeated;

    if (find_change_set(call, &stack, &change_set, fault) < 0 ||
        wire_take_token(call, stack, &repeated, fault) < 0)
        return -1;
    if (!repeated) {
        if (check_executable(call, stack, change_set, fault) < 0)
            return -1;
        drop_others(stack, change_set);
        change_set->execution = EXECUTION_DONE;
        if (change_set->tags != NULL) {
            cJSON_Delete(stack->tags);
            stack->tags = cJSON_Duplicate(change_set->tags, true);
        }
        if (change_set->capabilities != NULL) {
            cJSON_Delete(stack->capabilities);
            stack->capabilities = cJSON_Duplicate(change_set->capabilities, true);
        }
        stack->keeps_failure = input_boolean(call->input, "DisableRollback", false);
        stack->retains_except_on_create = input_boolean(call->input, "RetainExceptOnCreate", false);
        stack_begin(call->sim, stack,
                    change_set->creates ? STACK_CREATE_IN_PROGRESS : STACK_UPDATE_IN_PROGRESS,
                    change_set->declaration);
        change_set->declaration = NULL;
    }
    (void)wire_output(call);
    return 0;
}

int wire_delete_change_set(struct call *call, struct fault *fault)
{
    struct change_set *change_set;
    struct stack *stack;

    if (find_change_set(call, &stack, &change_set, fault) < 0) {
        if (!text_equal(fault->type, "ChangeSetNotFound"))
            return -1;
    } else if (change_set->execution == EXECUTION_DONE && stack_is_busy(stack)) {
        return model_fault(fault, "InvalidChangeSetStatus", 400,
                           "An operation on this ChangeSet [%s] is currently in progress.", change_set->id);
    } else {
        stack_drop_change_set(stack, change_set);
    }
    (void)wire_output(call);
    return 0;
}
