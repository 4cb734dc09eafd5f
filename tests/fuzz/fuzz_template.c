/*
 * A CloudFormation template: made into a stack, compared with itself, and deleted.  Parameters without a default
 * get "1".
 */
#include "fuzz.h"

#include "../../src/sim/stacks.h"
#include "../../src/sim/wire_input.h"
#include "base/memory.h"
#include "base/text.h"

#define START_MS 1763683200000

static cJSON *give_values(const cJSON *tree)
{
    cJSON *given = cJSON_CreateArray();
    const cJSON *parameter;

    cJSON_ArrayForEach(parameter, template_section(tree, "Parameters")) {
        cJSON *item;

        if (input_member(parameter, "Default") != NULL)
            continue;
        item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "ParameterKey", parameter->string);
        (void)cJSON_AddStringToObject(item, "ParameterValue", "1");
        (void)cJSON_AddItemToArray(given, item);
    }
    return given;
}

/* NULL when it is refused, which must have a reason. */
static struct declaration *declare(struct sim *sim, const struct stack *stack, const uint8_t *data,
                                   size_t size)
{
    SCOPED(wire_delete_tree) cJSON *tree = NULL;
    SCOPED(wire_delete_tree) cJSON *given = NULL;
    struct declare request = {.sim = sim,
                              .text = (const char *)data,
                              .length = size,
                              .stack_name = stack->name,
                              .stack_id = stack->id};
    struct declaration *declaration = NULL;
    struct fault fault = {0};

    if (template_read((const char *)data, size, &tree, &fault) == 0 && template_check(tree, &fault) == 0) {
        given = give_values(tree);
        request.given = given;
        if (template_declare(&request, &declaration, &fault) == 0)
            return declaration;
    }
    FUZZ_ASSERT(text_equal(fault.type, "ValidationException") && fault.message[0] != '\0');
    return NULL;
}

static void pass_time(struct sim *sim)
{
    int64_t until_ms;

    model_lock(sim);
    until_ms = sim->now_ms + 3600000;
    model_unlock(sim);
    sim_advance(sim, until_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim *sim =
        sim_new(&(struct sim_options){.start_ms = START_MS, .metric_delay_ms = -1, .leave_unsigned = true});
    struct declaration *declaration, *again;
    struct stack *stack;
    struct fault fault;

    model_lock(sim);
    (void)stack_new(sim, "fuzzed", &stack, &fault);
    declaration = declare(sim, stack, data, size);
    if (declaration != NULL) {
        stack_begin(sim, stack, STACK_CREATE_IN_PROGRESS, declaration);
        model_unlock(sim);
        pass_time(sim);
        model_lock(sim);
        FUZZ_ASSERT(!stack_is_busy(stack));
        again = declare(sim, stack, data, size);
        FUZZ_ASSERT(again != NULL && stack_is_same(stack, again, NULL));
        declaration_free(again);
        stack_begin(sim, stack, STACK_DELETE_IN_PROGRESS, NULL);
        model_unlock(sim);
        pass_time(sim);
        model_lock(sim);
        FUZZ_ASSERT(stack->status == STACK_DELETE_COMPLETE && stack->resource_count == 0);
    }
    model_unlock(sim);
    sim_free(sim);
    return 0;
}
