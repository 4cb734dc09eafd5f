/*
 * wire_cloudformation.h - between the files that are CloudFormation on the wire.
 */
#ifndef SIM_WIRE_CLOUDFORMATION_H
#define SIM_WIRE_CLOUDFORMATION_H

#include "stacks.h"
#include "wire.h"

/* The template and parameters of a request, for a stack that there is (stack->current NULL: a new one).  Checks
 * capabilities, and that no resource changes its type. */
int wire_declare(struct call *call, const struct stack *stack, struct declaration **ret_declaration,
                 struct fault *fault);
/* ValidationError unless the stack rests in a state from which it can be updated. */
int wire_check_updatable(const struct stack *stack, struct fault *fault);
/* Parameters with NoEcho hidden, as a list; the caller deletes. */
cJSON *wire_show_parameters(const struct declaration *declaration);
/* Remembers the request's token.  TokenAlreadyExistsException; *ret_repeated: the same operation once more. */
int wire_take_token(const struct call *call, struct stack *stack, bool *ret_repeated, struct fault *fault);
/* A copy of a list of the request; NULL when it has none. */
cJSON *wire_copy_list(const struct call *call, const char *name);

operation_fn wire_create_change_set, wire_describe_change_set, wire_execute_change_set,
    wire_delete_change_set, wire_list_change_sets;
operation_fn wire_describe_stacks, wire_list_stacks, wire_describe_stack_events, wire_list_stack_resources,
    wire_describe_stack_resources, wire_get_template, wire_get_template_summary, wire_validate_template;

#endif
