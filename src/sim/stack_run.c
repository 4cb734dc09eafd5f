/*
 * stack_run.c - how a stack works: stages as a table, and what may be done next within one.
 */
#include "stacks.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire_input.h"

enum stage_work { STAGE_APPLIES, STAGE_CLEANS, STAGE_REMOVES };

/* What a status means for as long as it lasts.  A stage that applies makes the resources like a declaration; one that
 * cleans deletes what is not in it any more; one that removes deletes everything. */
static const struct stage {
    enum stack_status status;
    enum stage_work work;
    enum stack_status done, failed;
} stages[] = {
    {STACK_CREATE_IN_PROGRESS, STAGE_APPLIES, STACK_CREATE_COMPLETE, STACK_ROLLBACK_IN_PROGRESS},
    {STACK_ROLLBACK_IN_PROGRESS, STAGE_REMOVES, STACK_ROLLBACK_COMPLETE, STACK_ROLLBACK_FAILED},
    {STACK_UPDATE_IN_PROGRESS, STAGE_APPLIES, STACK_UPDATE_COMPLETE_CLEANUP_IN_PROGRESS,
     STACK_UPDATE_ROLLBACK_IN_PROGRESS},
    {STACK_UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, STAGE_CLEANS, STACK_UPDATE_COMPLETE, STACK_UPDATE_COMPLETE},
    {STACK_UPDATE_ROLLBACK_IN_PROGRESS, STAGE_APPLIES, STACK_UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS,
     STACK_UPDATE_ROLLBACK_FAILED},
    {STACK_UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS, STAGE_CLEANS, STACK_UPDATE_ROLLBACK_COMPLETE,
     STACK_UPDATE_ROLLBACK_COMPLETE},
    {STACK_DELETE_IN_PROGRESS, STAGE_REMOVES, STACK_DELETE_COMPLETE, STACK_DELETE_FAILED},
};

static const struct stage *find_stage(enum stack_status status)
{
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        if (stages[i].status == status)
            return &stages[i];
    }
    return NULL;
}

/* ---- lists of resources */

static void add_resource(struct resource ***list, size_t *count, struct resource *resource)
{
    *list = must_realloc(*list, *count + 1, sizeof(struct resource *));
    (*list)[(*count)++] = resource;
}

static void take_resource(struct stack *stack, size_t at)
{
    stack->resource_count--;
    memmove(&stack->resources[at], &stack->resources[at + 1],
            (stack->resource_count - at) * sizeof(struct resource *));
}

static void add_leftover(struct stack *stack, struct resource *resource, const char *policy)
{
    bool on_create =
        resource->is_new && (stack->retains_except_on_create || text_equal(policy, "RetainExceptOnCreate"));

    resource->work = WORK_WAITING;
    resource->is_kept = resource->is_kept || (text_starts_with(policy, "Retain") && !on_create);
    add_resource(&stack->leftovers, &stack->leftover_count, resource);
}

/* What was deleted is forgotten; what could not be, and what that needs, are resources of the stack as before. */
static void settle_leftovers(struct stack *stack)
{
    for (size_t i = 0; i < stack->leftover_count; i++) {
        if (stack->leftovers[i]->work != WORK_DONE &&
            stack_find_resource(stack, stack->leftovers[i]->logical) == NULL)
            add_resource(&stack->resources, &stack->resource_count, stack->leftovers[i]);
        else
            resource_free(stack->leftovers[i]);
    }
    stack->leftover_count = 0;
}

/* ---- the beginning of a stage */

static const struct declaration *declaration_of(const struct stack *stack)
{
    return stack->status == STACK_UPDATE_ROLLBACK_IN_PROGRESS ? stack->current : stack->wanted;
}

static void prepare_apply(struct stack *stack)
{
    const cJSON *declared;

    for (size_t i = 0; i < stack->resource_count; i++) {
        struct resource *resource = stack->resources[i];

        resource->work = WORK_NONE;
        if (stack->status == STACK_UPDATE_ROLLBACK_IN_PROGRESS && resource->replaced != NULL)
            add_leftover(stack, resource_take_back(resource), "Delete");
    }
    cJSON_ArrayForEach(declared, declaration_of(stack)->resources) {
        struct resource *resource = stack_find_resource(stack, declared->string);

        if (resource == NULL) {
            resource = resource_new(declared->string, resource_type_find(input_text(declared, "Type")));
            add_resource(&stack->resources, &stack->resource_count, resource);
        }
        resource->work = WORK_WAITING;
    }
}

/* After an update, or after its rollback: what was replaced, and what is declared no more. */
static void prepare_clean(struct stack *stack)
{
    for (size_t i = 0; i < stack->resource_count;) {
        struct resource *resource = stack->resources[i];

        if (resource->replaced != NULL) {
            add_leftover(stack, resource->replaced, resource->replace_policy);
            resource->replaced = NULL;
        }
        if (input_member(stack->current->resources, resource->logical) != NULL) {
            i++;
            continue;
        }
        take_resource(stack, i);
        add_leftover(stack, resource, resource->deletion_policy);
    }
}

static void prepare_remove(struct stack *stack)
{
    while (stack->resource_count > 0) {
        struct resource *resource = stack->resources[--stack->resource_count];

        if (resource->replaced != NULL) {
            add_leftover(stack, resource->replaced, resource->replace_policy);
            resource->replaced = NULL;
        }
        add_leftover(stack, resource, resource->deletion_policy);
    }
}

/* ---- the end of a stage */

/* Which resources failed: "[A, B]". */
static char *list_failed(struct resource *const *list, size_t count)
{
    SCOPED(buffer_clear) struct buffer names;
    struct error err;

    buffer_init(&names, 2000);
    for (size_t i = 0; i < count; i++) {
        if (list[i]->work == WORK_FAILED)
            (void)buffer_printf(&names, &err, "%s%s", names.length == 0 ? "[" : ", ", list[i]->logical);
    }
    (void)buffer_add_text(&names, "]", &err);
    return buffer_take(&names);
}

static char *describe_failure(const struct stack *stack, const struct stage *stage)
{
    bool creates = stage->status == STACK_CREATE_IN_PROGRESS, applies = stage->work == STAGE_APPLIES;
    SCOPED(free_text)
    char *names = applies ? list_failed(stack->resources, stack->resource_count)
                          : list_failed(stack->leftovers, stack->leftover_count);

    return must_printf("The following resource(s) failed to %s: %s. %s",
                       creates   ? "create"
                       : applies ? "update"
                                 : "delete",
                       names, creates ? "Rollback requested by user." : "");
}

static const char *look_up(void *context, const char *logical, const char *attribute)
{
    const struct resource *resource = stack_find_resource(context, logical);

    if (resource == NULL)
        return NULL;
    return attribute == NULL ? resource->physical : input_text(resource->attributes, attribute);
}

/* What was wanted is what there is. */
static void commit(struct stack *stack)
{
    declaration_free(stack->current);
    stack->current = stack->wanted;
    stack->wanted = NULL;
    for (size_t i = 0; i < stack->resource_count; i++)
        stack->resources[i]->is_new = false;
    cJSON_Delete(stack->outputs);
    stack->outputs = template_resolve(stack->current->outputs, look_up, stack);
}

static void discard(struct stack *stack)
{
    declaration_free(stack->wanted);
    stack->wanted = NULL;
}

/* An update that stopped halfway: the template stays the one before, but what was done holds, and is compared with. */
static void keep_halfway(struct stack *stack)
{
    cJSON *resources = stack->current->resources;
    const cJSON *declared;

    cJSON_ArrayForEach(declared, stack->wanted->resources) {
        const struct resource *resource = stack_find_resource(stack, declared->string);

        if (resource == NULL || resource->work != WORK_DONE)
            continue;
        cJSON_DeleteItemFromObjectCaseSensitive(resources, declared->string);
        (void)cJSON_AddItemToObject(resources, declared->string, cJSON_Duplicate(declared, true));
    }
    discard(stack);
}

static enum stack_status after_failure(const struct stack *stack, const struct stage *stage)
{
    if (stage->status == STACK_UPDATE_IN_PROGRESS && stack->keeps_failure)
        return STACK_UPDATE_FAILED;
    if (stage->status != STACK_CREATE_IN_PROGRESS)
        return stage->failed;
    if (stack->deletes_failure)
        return STACK_DELETE_IN_PROGRESS;
    return stack->keeps_failure ? STACK_CREATE_FAILED : stage->failed;
}

/* What else a new status brings with it. */
static void enter(struct sim *sim, struct stack *stack, enum stack_status status, const char *reason)
{
    const struct stage *stage = find_stage(status);

    if (status == STACK_CREATE_COMPLETE || status == STACK_UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)
        commit(stack);
    else if (status == STACK_UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS ||
             status == STACK_UPDATE_ROLLBACK_FAILED)
        discard(stack);
    else if (status == STACK_UPDATE_FAILED)
        keep_halfway(stack);
    else if (status == STACK_CREATE_FAILED || status == STACK_ROLLBACK_COMPLETE ||
             status == STACK_ROLLBACK_FAILED) {
        declaration_free(stack->current);
        stack->current = stack->wanted;
        stack->wanted = NULL;
    }
    if (status == STACK_DELETE_COMPLETE)
        stack->deleted_ms = sim->now_ms;
    stack_set_status(sim, stack, status, reason);
    if (stage == NULL)
        settle_leftovers(stack);
    else if (stage->work == STAGE_APPLIES)
        prepare_apply(stack);
    else if (stage->work == STAGE_CLEANS)
        prepare_clean(stack);
    else
        prepare_remove(stack);
}

/* ---- within a stage */

static bool is_ready_to_apply(const struct stack *stack, const cJSON *declared)
{
    const cJSON *need;

    cJSON_ArrayForEach(need, input_member(declared, "Needs")) {
        const struct resource *resource = stack_find_resource(stack, need->valuestring);

        if (resource == NULL || resource->work != WORK_DONE)
            return false;
    }
    return true;
}

/* When all that needs it is gone. */
static bool is_ready_to_remove(const struct stack *stack, const struct resource *resource)
{
    for (size_t i = 0; i < stack->leftover_count; i++) {
        const struct resource *other = stack->leftovers[i];
        const cJSON *need;

        if (other == resource || other->work == WORK_DONE)
            continue;
        cJSON_ArrayForEach(need, other->needs) {
            if (text_equal(need->valuestring, resource->logical))
                return false;
        }
    }
    return true;
}

struct tally {
    size_t running, failed, waiting;
    bool moved;
};

static void count(struct tally *tally, const struct resource *resource, enum work before)
{
    tally->running += resource->work == WORK_RUNNING;
    tally->failed += resource->work == WORK_FAILED;
    tally->waiting += resource->work == WORK_WAITING;
    tally->moved = tally->moved || resource->work != before;
}

static void look_at(struct sim *sim, struct stack *stack, struct resource *resource, bool applies,
                    bool may_begin, struct tally *tally)
{
    enum work before = resource->work;
    const cJSON *declared =
        applies ? input_member(declaration_of(stack)->resources, resource->logical) : NULL;

    if (before == WORK_RUNNING && resource->until_ms <= sim->now_ms)
        resource_go_on(sim, stack, resource);
    else if (before == WORK_WAITING && may_begin && applies && is_ready_to_apply(stack, declared))
        resource_apply(sim, stack, resource, declared);
    else if (before == WORK_WAITING && may_begin && !applies && is_ready_to_remove(stack, resource))
        resource_remove(sim, stack, resource);
    count(tally, resource, before);
}

/* What is being made when something else has failed is given up; changes are let run to their end. */
static void cancel_creations(struct sim *sim, struct stack *stack)
{
    for (size_t i = 0; i < stack->resource_count; i++) {
        struct resource *resource = stack->resources[i];

        if (resource->work != WORK_RUNNING || !text_equal(resource->deed, "CREATE"))
            continue;
        resource->work = WORK_FAILED;
        stack_resource_status(sim, stack, resource, "CREATE", "FAILED", "Resource creation cancelled");
    }
}

/* Until nothing more can be done at this time. */
static struct tally work_on(struct sim *sim, struct stack *stack, bool applies)
{
    bool had_failed = false;
    struct tally tally;

    do {
        struct resource *const *list = applies ? stack->resources : stack->leftovers;
        size_t list_count = applies ? stack->resource_count : stack->leftover_count;

        tally = (struct tally){0};
        for (size_t i = 0; i < list_count; i++)
            look_at(sim, stack, list[i], applies, !applies || !(had_failed || tally.failed > 0), &tally);
        if (applies && tally.failed > 0 && !had_failed) {
            cancel_creations(sim, stack);
            had_failed = tally.moved = true;
        }
    } while (tally.moved);
    return tally;
}

static int64_t next_due(const struct stack *stack)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < stack->resource_count + stack->leftover_count; i++) {
        const struct resource *resource =
            i < stack->resource_count ? stack->resources[i] : stack->leftovers[i - stack->resource_count];

        if (resource->work == WORK_RUNNING && resource->until_ms < next_ms)
            next_ms = resource->until_ms;
    }
    return next_ms;
}

static void run(struct sim *sim, struct stack *stack)
{
    const struct stage *stage;

    stack->event_ms = INT64_MAX;
    while ((stage = find_stage(stack->status)) != NULL) {
        struct tally tally = work_on(sim, stack, stage->work == STAGE_APPLIES);
        SCOPED(free_text) char *reason = NULL;

        if (tally.running > 0) {
            stack->event_ms = next_due(stack);
            return;
        }
        if (tally.failed + tally.waiting > 0) /* what waits, waits for what failed */
            reason = describe_failure(stack, stage);
        enter(sim, stack, reason != NULL ? after_failure(stack, stage) : stage->done, reason);
    }
}

void stack_begin(struct sim *sim, struct stack *stack, enum stack_status status, struct declaration *wanted)
{
    if (wanted != NULL) {
        declaration_free(stack->wanted);
        stack->wanted = wanted;
    }
    if (status == STACK_UPDATE_IN_PROGRESS)
        stack->updated_ms = sim->now_ms;
    enter(sim, stack, status, "User Initiated");
    stack->event_ms = sim->now_ms; /* at the next moment of time */
}

int64_t stacks_next_ms(const struct sim *sim)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; sim->stacks != NULL && i < sim->stacks->count; i++) {
        if (sim->stacks->items[i]->event_ms < next_ms)
            next_ms = sim->stacks->items[i]->event_ms;
    }
    return next_ms;
}

void stacks_advance(struct sim *sim)
{
    for (size_t i = 0; sim->stacks != NULL && i < sim->stacks->count; i++) {
        if (sim->stacks->items[i]->event_ms <= sim->now_ms)
            run(sim, sim->stacks->items[i]);
    }
}
