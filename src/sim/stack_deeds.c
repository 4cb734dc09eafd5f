/*
 * stack_deeds.c - what is done to one resource, and what is said about it.
 *
 * A handler is called when a deed begins.  What it could do at once is complete RESOURCE_MS later; what takes longer
 * (a stream) is asked for every second.
 */
#include "stacks.h"

#include "base/memory.h"
#include "base/text.h"
#include "wire_input.h"

/* ---- handlers */

static struct handle handle_for(struct sim *sim, const struct resource *resource)
{
    return (struct handle){
        .sim = sim,
        .properties = resource->tried != NULL ? resource->tried : resource->properties,
        .before = resource->physical == NULL ? NULL : resource->properties,
        .physical = resource->physical,
        .attributes = resource->attributes,
    };
}

/* A deed that a test or scene wants to fail. */
static bool is_to_fail(struct sim *sim, const struct resource *resource, struct fault *fault)
{
    struct stacks *stacks = stacks_of(sim);

    for (size_t i = 0; i < stacks->failure_count; i++) {
        struct planned_failure *failure = &stacks->failures[i];

        if (failure->times == 0 || !text_equal(failure->logical, resource->logical) ||
            !text_equal(failure->deed, resource->deed))
            continue;
        failure->times--;
        (void)model_fault(fault, "GeneralServiceException", 400, "%s", failure->reason);
        return true;
    }
    return false;
}

static void fail(struct sim *sim, struct stack *stack, struct resource *resource, const struct fault *fault)
{
    char token[37];
    SCOPED(free_text) char *reason = NULL;

    model_uuid(sim, token);
    if (text_equal(fault->type, "ValidationException"))
        reason = must_strdup(fault->message);
    else
        reason =
            must_printf("Resource handler returned message: \"%s\" (RequestToken: %s, HandlerErrorCode: %s)",
                        fault->message, token, fault->type);
    resource->work = WORK_FAILED;
    stack_resource_status(sim, stack, resource, resource->deed, "FAILED", reason);
}

static void begin(struct sim *sim, struct stack *stack, struct resource *resource, const char *deed,
                  handler_fn *handler, const char *reason)
{
    struct handle handle;
    struct fault fault = {0};
    int result;

    resource->deed = deed;
    resource->work = WORK_RUNNING;
    resource->until_ms = sim->now_ms + RESOURCE_MS;
    stack_resource_status(sim, stack, resource, deed, "IN_PROGRESS", reason);
    handle = handle_for(sim, resource);
    result = is_to_fail(sim, resource, &fault) ? -1 : handler(&handle, &fault);
    resource->physical = handle.physical;
    if (result < 0)
        fail(sim, stack, resource, &fault);
}

/* ---- properties */

static const char *look_up(void *context, const char *logical, const char *attribute)
{
    const struct resource *resource = stack_find_resource(context, logical);

    if (resource == NULL)
        return NULL;
    return attribute == NULL ? resource->physical : input_text(resource->attributes, attribute);
}

/* STACK-LOGICAL-RANDOM, cut where the type wants it shorter. */
static void add_name(struct sim *sim, const struct stack *stack, const struct resource *resource,
                     cJSON *properties)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *property = resource->type->name_property;
    char random[13] = "", text[320];
    size_t room = resource->type->name_max - sizeof(random);

    for (size_t i = 0; i + 1 < sizeof(random); i++)
        random[i] = letters[model_random(sim) % (sizeof(letters) - 1)];
    snprintf(text, sizeof(text), "%s-%s", stack->name, resource->logical);
    if (strlen(text) > room)
        text[room] = '\0';
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "-%s", random);
    (void)cJSON_AddStringToObject(properties, property, text);
}

/* Final properties.  One whose name was made up keeps it for as long as it is the same resource. */
static int final_properties(struct sim *sim, struct stack *stack, const struct resource *resource,
                            const cJSON *declared, bool anew, cJSON **ret_properties, struct fault *fault)
{
    const char *property = resource->type->name_property;
    SCOPED(wire_delete_tree)
    cJSON *properties = template_resolve(input_member(declared, "Properties"), look_up, stack);
    const char *known = property == NULL ? NULL : input_text(resource->properties, property);

    if (property != NULL && input_member(properties, property) == NULL) {
        if (known == NULL || anew)
            add_name(sim, stack, resource, properties);
        else
            (void)cJSON_AddStringToObject(properties, property, known);
    }
    return resource_check_values(resource->type, resource->logical, properties, ret_properties, fault);
}

/* A property that only another resource can have differently; NULL when there is none. */
static const char *find_replacing(const struct resource *resource, const cJSON *wanted)
{
    for (const char *const *name = resource->type->create_only; *name != NULL; name++) {
        const cJSON *before = input_member(resource->properties, *name), *after = input_member(wanted, *name);

        if ((before == NULL) != (after == NULL) || (before != NULL && !cJSON_Compare(before, after, true)))
            return *name;
    }
    return NULL;
}

/* ---- deeds */

/* What the resource was steps aside: it is deleted when all went well, and comes back when not. */
static void step_aside(struct resource *resource)
{
    struct resource *old = resource_new(resource->logical, resource->type);

    cJSON_Delete(old->properties);
    cJSON_Delete(old->attributes);
    old->physical = resource->physical;
    old->properties = resource->properties;
    old->attributes = resource->attributes;
    old->needs = cJSON_Duplicate(resource->needs, true);
    (void)text_copy(old->deletion_policy, sizeof(old->deletion_policy), resource->deletion_policy);
    (void)text_copy(old->replace_policy, sizeof(old->replace_policy), resource->replace_policy);
    resource->replaced = old;
    resource->physical = NULL;
    resource->properties = cJSON_CreateObject();
    resource->attributes = cJSON_CreateObject();
}

struct resource *resource_take_back(struct resource *resource)
{
    struct resource *fresh = resource->replaced;
    struct resource swap = *resource;

    resource->physical = fresh->physical;
    resource->properties = fresh->properties;
    resource->attributes = fresh->attributes;
    resource->replaced = NULL;
    resource->tried = NULL;
    fresh->tried = swap.tried;
    fresh->physical = swap.physical;
    fresh->properties = swap.properties;
    fresh->attributes = swap.attributes;
    fresh->is_new = true;
    return fresh;
}

/* A resource with a name of the template's own cannot stand beside its replacement. */
static bool has_room_beside(const struct resource *resource, const cJSON *declared, const cJSON *wanted)
{
    const char *property = resource->type->name_property;

    return property == NULL || input_member(input_member(declared, "Properties"), property) == NULL ||
           !text_equal(input_text(wanted, property), input_text(resource->properties, property));
}

/* Refused before anything was tried. */
static void refuse(struct sim *sim, struct stack *stack, struct resource *resource, const struct fault *fault)
{
    fail(sim, stack, resource, fault);
    cJSON_Delete(resource->tried);
    resource->tried = NULL;
}

static void replace(struct sim *sim, struct stack *stack, struct resource *resource, const cJSON *declared)
{
    struct fault fault = {0};
    cJSON *wanted = NULL;

    resource->deed = "UPDATE";
    if (!has_room_beside(resource, declared, resource->tried)) {
        (void)template_fault(
            &fault,
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            "Rename %.255s and update the stack again.",
            input_text(resource->tried, resource->type->name_property));
        refuse(sim, stack, resource, &fault);
        return;
    }
    if (final_properties(sim, stack, resource, declared, true, &wanted, &fault) < 0) {
        refuse(sim, stack, resource, &fault);
        return;
    }
    cJSON_Delete(resource->tried);
    resource->tried = wanted;
    step_aside(resource);
    begin(sim, stack, resource, "UPDATE", resource->type->create,
          "Requested update requires the creation of a new physical resource; hence creating one.");
}

/* What the template says beside the properties holds from now on. */
static void take_policies(struct resource *resource, const cJSON *declared)
{
    (void)text_copy(resource->deletion_policy, sizeof(resource->deletion_policy),
                    input_text(declared, "DeletionPolicy"));
    (void)text_copy(resource->replace_policy, sizeof(resource->replace_policy),
                    input_text(declared, "UpdateReplacePolicy"));
    cJSON_Delete(resource->needs);
    resource->needs = cJSON_Duplicate(input_member(declared, "Needs"), true);
}

void resource_apply(struct sim *sim, struct stack *stack, struct resource *resource, const cJSON *declared)
{
    struct fault fault = {0};
    bool doubtful = resource->tried != NULL; /* its last change failed halfway */
    cJSON *wanted = NULL;

    take_policies(resource, declared);
    resource->deed = resource->physical == NULL ? "CREATE" : "UPDATE";
    if (final_properties(sim, stack, resource, declared, false, &wanted, &fault) < 0) {
        fail(sim, stack, resource, &fault);
        return;
    }
    if (doubtful && resource->physical != NULL) { /* what was tried is what may be there */
        cJSON_Delete(resource->properties);
        resource->properties = resource->tried;
        resource->tried = NULL;
    }
    cJSON_Delete(resource->tried);
    resource->tried = wanted;
    if (resource->physical == NULL) {
        resource->is_new = true;
        begin(sim, stack, resource, "CREATE", resource->type->create, NULL);
        if (resource->work == WORK_RUNNING)
            stack_resource_status(sim, stack, resource, "CREATE", "IN_PROGRESS",
                                  "Resource creation Initiated");
    } else if (!doubtful && cJSON_Compare(resource->properties, wanted, true)) {
        cJSON_Delete(resource->tried);
        resource->tried = NULL;
        resource->work = WORK_DONE;
    } else if (resource->type->update == NULL || find_replacing(resource, wanted) != NULL) {
        replace(sim, stack, resource, declared);
    } else {
        begin(sim, stack, resource, "UPDATE", resource->type->update, NULL);
    }
}

void resource_remove(struct sim *sim, struct stack *stack, struct resource *resource)
{
    resource->deed = "DELETE";
    if (resource->physical == NULL) {
        resource->work = WORK_DONE;
    } else if (resource->is_kept) {
        stack_resource_status(sim, stack, resource, "DELETE", "SKIPPED", NULL);
        resource->work = WORK_DONE;
    } else {
        begin(sim, stack, resource, "DELETE", resource->type->remove, NULL);
    }
}

void resource_go_on(struct sim *sim, struct stack *stack, struct resource *resource)
{
    bool removes = text_equal(resource->deed, "DELETE");
    settled_fn *settled = removes ? resource->type->gone : resource->type->settled;
    struct handle handle = handle_for(sim, resource);
    struct fault fault = {0};
    int result = settled == NULL ? 1 : settled(&handle, &fault);

    if (result < 0) {
        fail(sim, stack, resource, &fault);
    } else if (result == 0) {
        resource->until_ms = sim->now_ms + RESOURCE_MS;
    } else {
        resource->work = WORK_DONE;
        if (!removes) {
            cJSON_Delete(resource->properties);
            resource->properties = resource->tried;
            resource->tried = NULL;
        }
        stack_resource_status(sim, stack, resource, resource->deed, "COMPLETE", NULL);
    }
}
