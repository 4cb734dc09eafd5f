/*
 * sim_stacks.h - the simulated CloudFormation, asked without sockets (sim_wire.h has the fixture).
 */
#ifndef TESTS_SIM_STACKS_H
#define TESTS_SIM_STACKS_H

#include <stdint.h>

/* A fixture: make_sim(), at its first second. */
void stacks_begin(void);
void stacks_pass(int64_t seconds);
/* `parameters`: "StackName=one&..." as they stand in a form, may be ""; `template` may be NULL.  Gives the body. */
const char *cloudformation(const char *action, const char *parameters, const char *template);
/* "CREATE_COMPLETE"; "" when there is no such stack.  Valid until the next call. */
const char *stack_status(const char *stack);
/* "LOGICAL STATUS" a line, oldest first: of all events, or with `since` of those after that many.  The same. */
const char *stack_events(const char *stack, int since);
int stack_event_count(const char *stack);
/* The text of the first element of that name in the last answer; "" when there is none.  The same. */
const char *element(const char *name);
/* What an output of a stack is. */
const char *stack_output(const char *stack, const char *key);

#endif
