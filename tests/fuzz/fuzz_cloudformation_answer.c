/* Answers of CloudFormation in XML: taken whole and within bounds, or refused with a reason. */
#include "one_answer.h"

#include "aws/cloudformation.h"

static struct one_answer aws;

static bool is_ended(const char *text, size_t size)
{
    return strnlen(text, size) < size;
}

static void try_stack(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&aws, data, size, 200);
    struct stack stack = {0};
    struct error err = {0};
    char *body = NULL;

    if (cloudformation_describe_stack(client, "orders", &stack, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT && err.message[0] != '\0' && stack.parameters.items == NULL);
    else
        FUZZ_ASSERT(stack.id[0] != '\0' && is_ended(stack.status, sizeof(stack.status)) &&
                    is_ended(stack.reason, sizeof(stack.reason)));
    (void)stack_phase(stack.status);
    stack_clear(&stack);
    if (cloudformation_get_template(one_answer_client(&aws, data, size, 200), "orders", &body, &err) == 0)
        FUZZ_ASSERT(strlen(body) <= STACK_TEMPLATE_MAX);
    free(body);
}

static void try_lists(const uint8_t *data, size_t size)
{
    struct stack_event_list events = {0};
    struct change_set set = {0};
    struct error err = {0};

    if (cloudformation_describe_change_set(one_answer_client(&aws, data, size, 200), "orders", "c", &set,
                                           &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT);
    FUZZ_ASSERT(is_ended(set.reason, sizeof(set.reason)) && is_ended(set.replaces, sizeof(set.replaces)));
    if (cloudformation_events(one_answer_client(&aws, data, size, 200), "orders", &events, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT && events.items == NULL);
    for (size_t i = 0; i < events.count; i++)
        FUZZ_ASSERT(events.items[i].id[0] != '\0' && is_ended(events.items[i].reason, STACK_REASON_SIZE));
    stack_event_list_clear(&events);
}

/* The same bytes as a refusal. */
static void try_refusals(const uint8_t *data, size_t size)
{
    const struct stack_values none = {0};
    const struct stack_request request = {.stack = "orders", .template = "A: b", .parameters = &none};
    struct aws_client *client = one_answer_client(&aws, data, size, one_answer_refusal(size));
    struct error err = {0};

    FUZZ_ASSERT(cloudformation_create_stack(client, &request, &err) < 0);
    FUZZ_ASSERT(err.kind != ERROR_NONE && err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_stack(data, size);
    try_lists(data, size);
    try_refusals(data, size);
    return 0;
}
