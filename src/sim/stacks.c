/*
 * stacks.c - stacks as objects: made, found, and what is written down about them.
 */
#include "stacks.h"

#include "base/date.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

/* ---- names */

const char *stack_status_name(enum stack_status status)
{
    static const char *const names[] = {
        [STACK_REVIEW_IN_PROGRESS] = "REVIEW_IN_PROGRESS",
        [STACK_CREATE_IN_PROGRESS] = "CREATE_IN_PROGRESS",
        [STACK_CREATE_FAILED] = "CREATE_FAILED",
        [STACK_CREATE_COMPLETE] = "CREATE_COMPLETE",
        [STACK_ROLLBACK_IN_PROGRESS] = "ROLLBACK_IN_PROGRESS",
        [STACK_ROLLBACK_FAILED] = "ROLLBACK_FAILED",
        [STACK_ROLLBACK_COMPLETE] = "ROLLBACK_COMPLETE",
        [STACK_UPDATE_IN_PROGRESS] = "UPDATE_IN_PROGRESS",
        [STACK_UPDATE_COMPLETE_CLEANUP_IN_PROGRESS] = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        [STACK_UPDATE_COMPLETE] = "UPDATE_COMPLETE",
        [STACK_UPDATE_FAILED] = "UPDATE_FAILED",
        [STACK_UPDATE_ROLLBACK_IN_PROGRESS] = "UPDATE_ROLLBACK_IN_PROGRESS",
        [STACK_UPDATE_ROLLBACK_FAILED] = "UPDATE_ROLLBACK_FAILED",
        [STACK_UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS] = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        [STACK_UPDATE_ROLLBACK_COMPLETE] = "UPDATE_ROLLBACK_COMPLETE",
        [STACK_DELETE_IN_PROGRESS] = "DELETE_IN_PROGRESS",
        [STACK_DELETE_FAILED] = "DELETE_FAILED",
        [STACK_DELETE_COMPLETE] = "DELETE_COMPLETE",
    };

    return names[status];
}

bool stack_is_busy(const struct stack *stack)
{
    return stack->status != STACK_REVIEW_IN_PROGRESS &&
           text_ends_with(stack_status_name(stack->status), "_IN_PROGRESS");
}

/* ---- life */

struct resource *resource_new(const char *logical, const struct resource_type *type)
{
    struct resource *resource = must_calloc(1, sizeof(*resource));

    resource->logical = must_strdup(logical);
    resource->type = type;
    resource->properties = cJSON_CreateObject();
    resource->attributes = cJSON_CreateObject();
    return resource;
}

void resource_free(struct resource *resource)
{
    if (resource == NULL)
        return;
    resource_free(resource->replaced);
    free(resource->logical);
    free(resource->physical);
    free(resource->reason);
    cJSON_Delete(resource->properties);
    cJSON_Delete(resource->attributes);
    cJSON_Delete(resource->needs);
    cJSON_Delete(resource->tried);
    free(resource);
}

void change_set_free(struct change_set *change_set)
{
    if (change_set == NULL)
        return;
    free(change_set->name);
    free(change_set->id);
    free(change_set->description);
    free(change_set->token);
    free(change_set->failure);
    declaration_free(change_set->declaration);
    cJSON_Delete(change_set->parameters);
    cJSON_Delete(change_set->changes);
    cJSON_Delete(change_set->tags);
    cJSON_Delete(change_set->capabilities);
    free(change_set);
}

static void free_event(struct stack_event *event)
{
    free(event->logical);
    free(event->physical);
    free(event->reason);
    free(event->properties);
    free(event->token);
}

static void free_stack(struct stack *stack)
{
    for (size_t i = 0; i < stack->resource_count; i++)
        resource_free(stack->resources[i]);
    for (size_t i = 0; i < stack->leftover_count; i++)
        resource_free(stack->leftovers[i]);
    for (size_t i = 0; i < stack->event_count; i++)
        free_event(&stack->events[i]);
    for (size_t i = 0; i < stack->change_set_count; i++)
        change_set_free(stack->change_sets[i]);
    declaration_free(stack->current);
    declaration_free(stack->wanted);
    cJSON_Delete(stack->outputs);
    cJSON_Delete(stack->tags);
    cJSON_Delete(stack->capabilities);
    free(stack->resources);
    free(stack->leftovers);
    free(stack->events);
    free(stack->change_sets);
    free(stack->name);
    free(stack->id);
    free(stack->reason);
    free(stack->token);
    free(stack->token_of);
    free(stack);
}

struct stacks *stacks_of(struct sim *sim)
{
    if (sim->stacks == NULL)
        sim->stacks = must_calloc(1, sizeof(*sim->stacks));
    return sim->stacks;
}

void stacks_free(struct stacks *stacks)
{
    if (stacks == NULL)
        return;
    for (size_t i = 0; i < stacks->count; i++)
        free_stack(stacks->items[i]);
    for (size_t i = 0; i < stacks->failure_count; i++)
        free(stacks->failures[i].reason);
    free(stacks->items);
    free(stacks->failures);
    free(stacks);
}

int sim_fail_resource(struct sim *sim, const char *logical, const char *deed, int64_t times,
                      const char *reason, struct error *err)
{
    static const char *const deeds[] = {"CREATE", "UPDATE", "DELETE"};
    struct stacks *stacks;
    struct planned_failure failure = {.times = times};
    int result = 0;

    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        if (strcasecmp(deeds[i], deed) == 0)
            failure.deed = deeds[i];
    }
    if (failure.deed == NULL || !text_copy(failure.logical, sizeof(failure.logical), logical))
        return error_set(err, ERROR_CONFIG, "a resource fails on create, update or delete, not '%s'", deed);
    model_lock(sim);
    stacks = stacks_of(sim);
    if (stacks->failure_count == FAILURES_MAX) {
        result = error_set(err, ERROR_CONFIG, "more than %d failures are planned", FAILURES_MAX);
    } else {
        failure.reason = must_strdup(reason);
        stacks->failures = must_realloc(stacks->failures, stacks->failure_count + 1, sizeof(failure));
        stacks->failures[stacks->failure_count++] = failure;
    }
    model_unlock(sim);
    return result;
}

struct stack *stack_find(struct sim *sim, const char *name_or_id)
{
    const struct stacks *stacks = stacks_of(sim);

    for (size_t i = 0; i < stacks->count; i++) {
        struct stack *stack = stacks->items[i];

        if (text_equal(stack->id, name_or_id) ||
            (stack->status != STACK_DELETE_COMPLETE && text_equal(stack->name, name_or_id)))
            return stack;
    }
    return NULL;
}

void stack_forget(struct sim *sim, struct stack *stack)
{
    struct stacks *stacks = stacks_of(sim);

    for (size_t i = 0; i < stacks->count; i++) {
        if (stacks->items[i] != stack)
            continue;
        stacks->count--;
        memmove(&stacks->items[i], &stacks->items[i + 1], (stacks->count - i) * sizeof(struct stack *));
        free_stack(stack);
        return;
    }
}

static int make_room(struct sim *sim, struct fault *fault)
{
    const struct stacks *stacks = stacks_of(sim);

    if (stacks->count < STACKS_MAX)
        return 0;
    for (size_t i = 0; i < stacks->count; i++) {
        if (stacks->items[i]->status == STACK_DELETE_COMPLETE) {
            stack_forget(sim, stacks->items[i]);
            return 0;
        }
    }
    return model_fault(fault, "LimitExceededException", 400, "Limit for stack has been exceeded");
}

int stack_new(struct sim *sim, const char *name, struct stack **ret_stack, struct fault *fault)
{
    struct stacks *stacks = stacks_of(sim);
    struct stack *stack;
    char id[37];

    if (make_room(sim, fault) < 0)
        return -1;
    model_uuid(sim, id);
    stack = must_calloc(1, sizeof(*stack));
    stack->name = must_strdup(name);
    stack->id = must_printf("arn:aws:cloudformation:%s:%s:stack/%s/%s", sim->region, sim->account, name, id);
    stack->created_ms = sim->now_ms;
    stack->event_ms = INT64_MAX;
    stack->outputs = cJSON_CreateObject();
    stacks->items = must_realloc(stacks->items, stacks->count + 1, sizeof(struct stack *));
    stacks->items[stacks->count++] = stack;
    *ret_stack = stack;
    return 0;
}

struct resource *stack_find_resource(const struct stack *stack, const char *logical)
{
    for (size_t i = 0; i < stack->resource_count; i++) {
        if (text_equal(stack->resources[i]->logical, logical))
            return stack->resources[i];
    }
    return NULL;
}

/* ---- what happened */

static struct stack_event *add_event(struct sim *sim, struct stack *stack)
{
    struct stack_event *event;

    if (stack->event_count == STACK_EVENTS_MAX) {
        free_event(&stack->events[0]);
        memmove(&stack->events[0], &stack->events[1], --stack->event_count * sizeof(*event));
    }
    stack->events = must_realloc(stack->events, stack->event_count + 1, sizeof(*event));
    event = &stack->events[stack->event_count++];
    memset(event, 0, sizeof(*event));
    event->at_ms = sim->now_ms;
    event->token = must_strdup(stack->token);
    return event;
}

void stack_resource_status(struct sim *sim, struct stack *stack, struct resource *resource, const char *deed,
                           const char *progress, const char *reason)
{
    struct stack_event *event = add_event(sim, stack);
    const cJSON *properties = resource->tried != NULL ? resource->tried : resource->properties;
    char time[DATE_SIZE];

    snprintf(resource->status, sizeof(resource->status), "%s_%s", deed, progress);
    free(resource->reason);
    resource->reason = must_strdup(reason);
    resource->changed_ms = sim->now_ms;
    date_format(sim->now_ms, time);
    snprintf(event->id, sizeof(event->id), "%.100s-%s-%s-%04llx", resource->logical, resource->status, time,
             (unsigned long long)(model_random(sim) & 0xFFFF));
    (void)text_copy(event->status, sizeof(event->status), resource->status);
    event->logical = must_strdup(resource->logical);
    event->physical = must_strdup(resource->physical == NULL ? "" : resource->physical);
    event->type = resource->type->name;
    event->reason = must_strdup(reason);
    event->properties = json_print(properties);
}

void stack_set_status(struct sim *sim, struct stack *stack, enum stack_status status, const char *reason)
{
    struct stack_event *event = add_event(sim, stack);

    stack->status = status;
    free(stack->reason);
    stack->reason = must_strdup(reason);
    model_uuid(sim, event->id);
    (void)text_copy(event->status, sizeof(event->status), stack_status_name(status));
    event->logical = must_strdup(stack->name);
    event->physical = must_strdup(stack->id);
    event->type = "AWS::CloudFormation::Stack";
    event->reason = must_strdup(reason);
}
