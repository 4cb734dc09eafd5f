/*
 * cloudformation.h - the CloudFormation operations the program uses (Query, XML answers).
 *
 * Errors carry the operation and the stack.  NOT_FOUND: no such stack or change set.  CONFLICT: it exists already, or
 * its status forbids it now: look again.  QUOTA: the account's number of stacks.  AUTH: a right is missing.
 */
#ifndef AWS_CLOUDFORMATION_H
#define AWS_CLOUDFORMATION_H

#include "aws/client.h"
#include "scaling/provision.h"

enum {
    STACK_ID_SIZE = 512,
    STACK_TEMPLATE_MAX = 51200, /* bytes of a TemplateBody */
    STACK_REASON_SIZE = 1024,   /* ours: longer ones are cut */
    STACK_EVENTS_MAX = 2000,    /* ours: what is read of one operation on a stack */
};

struct stack {
    char id[STACK_ID_SIZE];
    char status[64]; /* "CREATE_COMPLETE"...; see stack_phase() */
    char reason[STACK_REASON_SIZE];
    struct stack_values parameters;
    struct stack_values outputs;
};
void stack_clear(struct stack *stack); /* begins zeroed */

/* `name` may be an id: a deleted stack is found by that only. */
int cloudformation_describe_stack(struct aws_client *client, const char *name, struct stack *ret_stack,
                                  struct error *err);
/* As it was sent.  *ret_body is the caller's to free. */
int cloudformation_get_template(struct aws_client *client, const char *name, char **ret_body,
                                struct error *err);

struct stack_request {
    const char *stack;
    const char *template; /* at most STACK_TEMPLATE_MAX bytes */
    const struct stack_values *parameters;
};
/* Begins it; what fails is rolled back.  An answer that was lost makes no second stack. */
int cloudformation_create_stack(struct aws_client *client, const struct stack_request *request,
                                struct error *err);
/* Begins it: of a stack that was rolled back, nothing but its name goes. */
int cloudformation_delete_stack(struct aws_client *client, const char *stack, struct error *err);

/* An update, to be looked at before it is carried out. */
int cloudformation_create_change_set(struct aws_client *client, const struct stack_request *request,
                                     const char *change_set, struct error *err);
enum change_set_state {
    CHANGE_SET_MAKING, /* AWS compares */
    CHANGE_SET_READY,
    CHANGE_SET_EMPTY, /* there is nothing to change */
    CHANGE_SET_FAILED,
    CHANGE_SET_GONE, /* executed or deleted by somebody */
};
struct change_set {
    enum change_set_state state;
    char reason[STACK_REASON_SIZE]; /* with FAILED */
    size_t changes;                 /* resources that would be touched, on all pages */
    bool changes_stream;            /* a stream is among them */
    char replaces[256]; /* a resource that would, or might, be replaced or removed; "" when none */
};
int cloudformation_describe_change_set(struct aws_client *client, const char *stack, const char *change_set,
                                       struct change_set *ret_change_set, struct error *err);
/* Begins it.  `roll_back` false: what fails stays as it is then (UPDATE_FAILED). */
int cloudformation_execute_change_set(struct aws_client *client, const char *stack, const char *change_set,
                                      bool roll_back, struct error *err);
/* One that is not there is deleted. */
int cloudformation_delete_change_set(struct aws_client *client, const char *stack, const char *change_set,
                                     struct error *err);

struct stack_event {
    char id[256];
    char resource[256]; /* its name in the template */
    char type[256];     /* "AWS::Kinesis::Stream" */
    char status[64];    /* "CREATE_FAILED" */
    char reason[STACK_REASON_SIZE];
};
struct stack_event_list {
    struct stack_event *items; /* the oldest first */
    size_t count;
};
void stack_event_list_clear(struct stack_event_list *list); /* begins zeroed */
/* Those of the last operation on the stack; of a very long one the last STACK_EVENTS_MAX. */
int cloudformation_events(struct aws_client *client, const char *stack, struct stack_event_list *ret_list,
                          struct error *err);

#endif
