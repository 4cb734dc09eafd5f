/*
 * cloudformation.c - the CloudFormation operations the program uses (Query, XML answers).
 *
 * What changes something carries a token, so that a repeated request is the same one to AWS.
 */
#include "aws/cloudformation.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "call.h"

enum {
    FORM_CEILING = 256 * 1024, /* a template, each byte of which may take three */
    PAGES_MAX = 100,
    TOKEN_SIZE = 1025, /* NextToken */
    VALUE_SIZE = 4097, /* of a parameter; of an output it is less */
    NAME_SIZE = 256,
};

static const char version[] = "2010-05-15";

static struct aws_call call_of(const char *operation, const char *stack)
{
    return (struct aws_call){.service = AWS_CLOUDFORMATION, .operation = operation, .subject = stack};
}

/* "Stack with id X does not exist" is a ValidationError like any other. */
static int told(const struct aws_call *call, int result, struct error *err)
{
    if (result < 0 && strcmp(call->code, "ValidationError") == 0 &&
        strstr(err->message, "does not exist") != NULL)
        err->kind = ERROR_NOT_FOUND;
    return result;
}

static int ask(struct aws_client *client, struct aws_call *call, const struct buffer *form, struct error *err)
{
    return told(call, aws_call_query(client, call, version, buffer_text(form), NULL, 0, err), err);
}

static int form_begin(struct buffer *form, const char *stack, struct error *err)
{
    buffer_init(form, FORM_CEILING);
    return form_add(form, "StackName", stack, err);
}

/* ---- DescribeStacks */

void stack_clear(struct stack *stack)
{
    stack_values_clear(&stack->parameters);
    stack_values_clear(&stack->outputs);
    *stack = (struct stack){0};
}

/* Where a name and its value land before they are kept. */
struct pair {
    struct stack_values *values;
    char name[NAME_SIZE];
    char value[VALUE_SIZE];
};

static int take_pair(void *context, struct error *err)
{
    struct pair *pair = context;

    if (pair->name[0] == '\0')
        return error_set(err, ERROR_INPUT, "the answer has a value without a name");
    stack_values_set(pair->values, pair->name, "%s", pair->value);
    return 0;
}

static int describe(struct aws_client *client, struct aws_call *call, const struct buffer *form,
                    struct stack *stack, struct error *err)
{
    const struct xml_want wants[] = {
        {"Stacks/member/StackId", stack->id, sizeof(stack->id)},
        {"Stacks/member/StackStatus", stack->status, sizeof(stack->status)},
        {"Stacks/member/StackStatusReason", stack->reason, sizeof(stack->reason), .cut = true},
    };
    struct pair parameter = {.values = &stack->parameters}, output = {.values = &stack->outputs};
    const struct xml_want parameter_wants[] = {
        {"member/ParameterKey", parameter.name, sizeof(parameter.name)},
        {"member/ParameterValue", parameter.value, sizeof(parameter.value)},
    };
    const struct xml_want output_wants[] = {
        {"member/OutputKey", output.name, sizeof(output.name)},
        {"member/OutputValue", output.value, sizeof(output.value)},
    };
    const struct xml_rows rows[] = {
        {"Parameters/member", parameter_wants, COUNT_OF(parameter_wants), take_pair, &parameter},
        {"Outputs/member", output_wants, COUNT_OF(output_wants), take_pair, &output},
    };

    return told(call,
                aws_call_query_rows(client, call, version, buffer_text(form), wants, COUNT_OF(wants), rows,
                                    COUNT_OF(rows), err),
                err);
}

int cloudformation_describe_stack(struct aws_client *client, const char *name, struct stack *ret_stack,
                                  struct error *err)
{
    struct aws_call call = call_of("DescribeStacks", name);
    SCOPED(buffer_clear) struct buffer form;
    SCOPED(stack_clear) struct stack stack = {0};

    if (form_begin(&form, name, err) < 0)
        return aws_call_wrap(&call, err);
    if (describe(client, &call, &form, &stack, err) < 0)
        return -1;
    if (stack.id[0] == '\0' || stack.status[0] == '\0') {
        (void)error_set(err, ERROR_INPUT, "the answer has no '%s'",
                        stack.id[0] == '\0' ? "StackId" : "StackStatus");
        return aws_call_wrap(&call, err);
    }
    *ret_stack = stack;
    stack = (struct stack){0};
    return 0;
}

int cloudformation_get_template(struct aws_client *client, const char *name, char **ret_body,
                                struct error *err)
{
    struct aws_call call = call_of("GetTemplate", name);
    SCOPED(free_text) char *body = must_calloc(1, STACK_TEMPLATE_MAX + 1);
    /* One of somebody else may come from S3 and be longer; its beginning differs enough. */
    const struct xml_want want = {"GetTemplateResult/TemplateBody", body, STACK_TEMPLATE_MAX + 1,
                                  .cut = true};
    SCOPED(buffer_clear) struct buffer form;

    if (form_begin(&form, name, err) < 0)
        return aws_call_wrap(&call, err);
    if (told(&call, aws_call_query(client, &call, version, buffer_text(&form), &want, 1, err), err) < 0)
        return -1;
    *ret_body = take_text(&body);
    return 0;
}

/* ---- CreateStack, DeleteStack */

static int add_parameters(struct buffer *form, const struct stack_values *parameters, struct error *err)
{
    for (size_t i = 0; i < parameters->count; i++) {
        char name[64];

        snprintf(name, sizeof(name), "Parameters.member.%zu.ParameterKey", i + 1);
        if (form_add(form, name, parameters->items[i].name, err) < 0)
            return -1;
        snprintf(name, sizeof(name), "Parameters.member.%zu.ParameterValue", i + 1);
        if (form_add(form, name, parameters->items[i].value, err) < 0)
            return -1;
    }
    return 0;
}

static int add_token(struct buffer *form, const char *name, struct error *err)
{
    char token[UUID_SIZE];

    random_uuid(token);
    return form_add(form, name, token, err);
}

static int add_request(struct buffer *form, const struct stack_request *request, struct error *err)
{
    if (strlen(request->template) > STACK_TEMPLATE_MAX)
        return error_set(err, ERROR_BUG, "a template of more than %d bytes", STACK_TEMPLATE_MAX);
    if (form_begin(form, request->stack, err) < 0 ||
        form_add(form, "TemplateBody", request->template, err) < 0 ||
        /* The policies of the service. */
        form_add(form, "Capabilities.member.1", "CAPABILITY_IAM", err) < 0)
        return -1;
    return add_parameters(form, request->parameters, err);
}

int cloudformation_create_stack(struct aws_client *client, const struct stack_request *request,
                                struct error *err)
{
    struct aws_call call = call_of("CreateStack", request->stack);
    SCOPED(buffer_clear) struct buffer form;

    if (add_request(&form, request, err) < 0 || add_token(&form, "ClientRequestToken", err) < 0)
        return aws_call_wrap(&call, err);
    return ask(client, &call, &form, err);
}

int cloudformation_delete_stack(struct aws_client *client, const char *stack, struct error *err)
{
    struct aws_call call = call_of("DeleteStack", stack);
    SCOPED(buffer_clear) struct buffer form;

    if (form_begin(&form, stack, err) < 0 || add_token(&form, "ClientRequestToken", err) < 0)
        return aws_call_wrap(&call, err);
    return ask(client, &call, &form, err);
}

/* ---- change sets */

int cloudformation_create_change_set(struct aws_client *client, const struct stack_request *request,
                                     const char *change_set, struct error *err)
{
    struct aws_call call = call_of("CreateChangeSet", request->stack);
    SCOPED(buffer_clear) struct buffer form;

    if (add_request(&form, request, err) < 0 || form_add(&form, "ChangeSetName", change_set, err) < 0 ||
        form_add(&form, "ChangeSetType", "UPDATE", err) < 0 || add_token(&form, "ClientToken", err) < 0)
        return aws_call_wrap(&call, err);
    return ask(client, &call, &form, err);
}

/* What one page of DescribeChangeSet says. */
struct change_page {
    struct change_set *set;
    char status[64], execution[64];
    char token[TOKEN_SIZE];
    char action[64], resource[NAME_SIZE], type[NAME_SIZE], replacement[64]; /* of one change */
};

static int take_change(void *context, struct error *err)
{
    struct change_page *page = context;
    bool goes = strcmp(page->action, "Remove") == 0 ||
                (page->replacement[0] != '\0' && strcmp(page->replacement, "False") != 0);

    (void)err;
    page->set->changes++;
    if (strcmp(page->type, "AWS::Kinesis::Stream") == 0) {
        page->set->changes_stream = true;
        if (goes)
            (void)text_copy(page->set->replaces, sizeof(page->set->replaces), page->resource);
    }
    return 0;
}

/* The two ways in which AWS says that there is nothing to do: the words of the AWS CLI's deployer. */
static bool says_no_changes(const char *reason)
{
    return strstr(reason, "didn't contain changes") != NULL ||
           strstr(reason, "No updates are to be performed") != NULL;
}

static enum change_set_state judge(const struct change_page *page)
{
    static const struct {
        const char *status;
        enum change_set_state state;
    } states[] = {
        {"CREATE_PENDING", CHANGE_SET_MAKING},   {"CREATE_IN_PROGRESS", CHANGE_SET_MAKING},
        {"CREATE_COMPLETE", CHANGE_SET_READY},   {"DELETE_PENDING", CHANGE_SET_GONE},
        {"DELETE_IN_PROGRESS", CHANGE_SET_GONE}, {"DELETE_COMPLETE", CHANGE_SET_GONE},
    };

    if (strcmp(page->status, "FAILED") == 0 && says_no_changes(page->set->reason))
        return CHANGE_SET_EMPTY;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (strcmp(page->status, states[i].status) != 0)
            continue;
        /* AWS makes it first and allows its execution a moment later. */
        if (states[i].state == CHANGE_SET_READY && strcmp(page->execution, "UNAVAILABLE") == 0)
            return CHANGE_SET_MAKING;
        if (states[i].state == CHANGE_SET_READY && strcmp(page->execution, "AVAILABLE") != 0)
            return CHANGE_SET_GONE;
        return states[i].state;
    }
    return CHANGE_SET_FAILED;
}

static int describe_page(struct aws_client *client, struct aws_call *call, const char *stack,
                         const char *change_set, struct change_page *page, struct error *err)
{
    SCOPED(buffer_clear) struct buffer form;
    const struct xml_want wants[] = {
        {"DescribeChangeSetResult/Status", page->status, sizeof(page->status)},
        {"DescribeChangeSetResult/ExecutionStatus", page->execution, sizeof(page->execution)},
        {"DescribeChangeSetResult/StatusReason", page->set->reason, sizeof(page->set->reason), .cut = true},
        {"DescribeChangeSetResult/NextToken", page->token, sizeof(page->token)},
    };
    const struct xml_want change_wants[] = {
        {"ResourceChange/Action", page->action, sizeof(page->action)},
        {"ResourceChange/LogicalResourceId", page->resource, sizeof(page->resource)},
        {"ResourceChange/ResourceType", page->type, sizeof(page->type)},
        {"ResourceChange/Replacement", page->replacement, sizeof(page->replacement)},
    };
    const struct xml_rows rows = {"Changes/member", change_wants, COUNT_OF(change_wants), take_change, page};

    if (form_begin(&form, stack, err) < 0 || form_add(&form, "ChangeSetName", change_set, err) < 0 ||
        (page->token[0] != '\0' && form_add(&form, "NextToken", page->token, err) < 0))
        return aws_call_wrap(call, err);
    return told(
        call,
        aws_call_query_rows(client, call, version, buffer_text(&form), wants, COUNT_OF(wants), &rows, 1, err),
        err);
}

int cloudformation_describe_change_set(struct aws_client *client, const char *stack, const char *change_set,
                                       struct change_set *ret_change_set, struct error *err)
{
    struct aws_call call = call_of("DescribeChangeSet", stack);
    struct change_set set = {0};
    struct change_page page = {.set = &set};
    int pages = 0;

    do {
        if (describe_page(client, &call, stack, change_set, &page, err) < 0) {
            if (err->kind != ERROR_NOT_FOUND)
                return -1;
            *ret_change_set = (struct change_set){.state = CHANGE_SET_GONE};
            return 0;
        }
        if (page.status[0] == '\0' || ++pages > PAGES_MAX) {
            (void)error_set(err, ERROR_INPUT, "the answer has %s",
                            page.status[0] == '\0' ? "no 'Status'" : "too many pages");
            return aws_call_wrap(&call, err);
        }
    } while (page.token[0] != '\0');
    set.state = judge(&page);
    *ret_change_set = set;
    return 0;
}

int cloudformation_execute_change_set(struct aws_client *client, const char *stack, const char *change_set,
                                      bool roll_back, struct error *err)
{
    struct aws_call call = call_of("ExecuteChangeSet", stack);
    SCOPED(buffer_clear) struct buffer form;

    if (form_begin(&form, stack, err) < 0 || form_add(&form, "ChangeSetName", change_set, err) < 0 ||
        (!roll_back && form_add(&form, "DisableRollback", "true", err) < 0) ||
        add_token(&form, "ClientRequestToken", err) < 0)
        return aws_call_wrap(&call, err);
    return ask(client, &call, &form, err);
}

int cloudformation_delete_change_set(struct aws_client *client, const char *stack, const char *change_set,
                                     struct error *err)
{
    struct aws_call call = call_of("DeleteChangeSet", stack);
    SCOPED(buffer_clear) struct buffer form;

    if (form_begin(&form, stack, err) < 0 || form_add(&form, "ChangeSetName", change_set, err) < 0)
        return aws_call_wrap(&call, err);
    if (ask(client, &call, &form, err) == 0 || err->kind == ERROR_NOT_FOUND)
        return 0;
    return -1;
}

/* ---- DescribeStackEvents */

void stack_event_list_clear(struct stack_event_list *list)
{
    free(list->items);
    *list = (struct stack_event_list){0};
}

/* The newest come first; reading ends where the last operation began. */
struct event_page {
    struct stack_event_list *list;
    struct stack_event event;
    char stack_id[STACK_ID_SIZE], physical_id[STACK_ID_SIZE * 2];
    char token[TOKEN_SIZE];
    bool begun;
};

static bool begins_operation(const struct event_page *page)
{
    static const char *const statuses[] = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS",
                                           "REVIEW_IN_PROGRESS", "IMPORT_IN_PROGRESS"};

    if (strcmp(page->physical_id, page->stack_id) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (strcmp(page->event.status, statuses[i]) == 0)
            return true;
    }
    return false;
}

static int take_event(void *context, struct error *err)
{
    struct event_page *page = context;
    struct stack_event_list *list = page->list;

    if (page->event.id[0] == '\0')
        return error_set(err, ERROR_INPUT, "the answer has an event without 'EventId'");
    if (page->begun || list->count == STACK_EVENTS_MAX)
        return 0;
    list->items = must_realloc(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = page->event;
    page->begun = begins_operation(page);
    return 0;
}

static int events_page(struct aws_client *client, struct aws_call *call, const char *stack,
                       struct event_page *page, struct error *err)
{
    struct stack_event *event = &page->event;
    const struct xml_want wants[] = {
        {"DescribeStackEventsResult/NextToken", page->token, sizeof(page->token)},
    };
    const struct xml_want event_wants[] = {
        {"member/EventId", event->id, sizeof(event->id)},
        {"member/StackId", page->stack_id, sizeof(page->stack_id)},
        {"member/PhysicalResourceId", page->physical_id, sizeof(page->physical_id), .cut = true},
        {"member/LogicalResourceId", event->resource, sizeof(event->resource)},
        {"member/ResourceType", event->type, sizeof(event->type)},
        {"member/ResourceStatus", event->status, sizeof(event->status)},
        {"member/ResourceStatusReason", event->reason, sizeof(event->reason), .cut = true},
    };
    const struct xml_rows rows = {"StackEvents/member", event_wants, COUNT_OF(event_wants), take_event, page};
    SCOPED(buffer_clear) struct buffer form;

    if (form_begin(&form, stack, err) < 0 ||
        (page->token[0] != '\0' && form_add(&form, "NextToken", page->token, err) < 0))
        return aws_call_wrap(call, err);
    return told(
        call,
        aws_call_query_rows(client, call, version, buffer_text(&form), wants, COUNT_OF(wants), &rows, 1, err),
        err);
}

int cloudformation_events(struct aws_client *client, const char *stack, struct stack_event_list *ret_list,
                          struct error *err)
{
    struct aws_call call = call_of("DescribeStackEvents", stack);
    SCOPED(stack_event_list_clear) struct stack_event_list list = {0};
    struct event_page page = {.list = &list};

    for (int pages = 0; pages < PAGES_MAX; pages++) {
        if (events_page(client, &call, stack, &page, err) < 0)
            return -1;
        if (page.begun || page.token[0] == '\0' || list.count == STACK_EVENTS_MAX)
            break;
    }
    for (size_t i = 0; i < list.count / 2; i++) {
        struct stack_event swapped = list.items[i];

        list.items[i] = list.items[list.count - 1 - i];
        list.items[list.count - 1 - i] = swapped;
    }
    *ret_list = list;
    list = (struct stack_event_list){0};
    return 0;
}
