/*
 * CloudFormation, the topic and the caller, against answers as AWS gives them.
 */
#include "aws/cloudformation.h"
#include "aws/sns.h"
#include "aws/sts.h"
#include "base/memory.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

#define ID "arn:aws:cloudformation:eu-west-1:123456789012:stack/kinescale-stream-orders/0a1b"
#define ANSWER(operation, inside)                                                           \
    "<" operation "Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">" \
    "<" operation "Result>" inside "</" operation "Result>"                                 \
    "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></" operation "Response>"
#define REFUSAL(code, message)                                                                 \
    "<ErrorResponse "                                                                          \
    "xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>" \
    "<Code>" code "</Code><Message>" message "</Message></Error><RequestId>r</RequestId></ErrorResponse>"
#define STACK "kinescale-stream-orders"
#define ASKED(operation) "Action=" operation "&Version=2010-05-15&StackName=" STACK

static struct conversation talk;

static void begin(const struct exchange *exchanges, size_t count)
{
    conversation_open(&talk, exchanges, count);
}

/* ---- DescribeStacks */

START_TEST(a_stack_has_its_status_parameters_and_outputs)
{
    const struct exchange exchange = {
        "DescribeStacks", .request = ASKED("DescribeStacks"),
        .answer = ANSWER(
            "DescribeStacks",
            "<Stacks><member><StackName>" STACK "</StackName><StackId>" ID "</StackId>"
            "<StackStatus>UPDATE_COMPLETE</StackStatus><StackStatusReason>because</StackStatusReason>"
            "<Parameters><member><ParameterKey>ShardCount</ParameterKey><ParameterValue>4</ParameterValue></"
            "member>"
            "<member><ParameterKey>Endpoint</ParameterKey><ParameterValue/></member></Parameters>"
            "<Tags/><Outputs><member><OutputKey>TopicArn</OutputKey><OutputValue>arn:t</OutputValue></member>"
            "</Outputs></member></Stacks>")};
    struct stack stack = {0};
    struct error err = {0};

    begin(&exchange, 1);
    ck_assert_msg(cloudformation_describe_stack(talk.client, STACK, &stack, &err) == 0, "%s", err.message);
    ck_assert_str_eq(stack.id, ID);
    ck_assert_str_eq(stack.status, "UPDATE_COMPLETE");
    ck_assert_str_eq(stack.reason, "because");
    ck_assert_uint_eq(stack.parameters.count, 2);
    ck_assert_str_eq(stack_values_get(&stack.parameters, "ShardCount"), "4");
    ck_assert_str_eq(stack_values_get(&stack.parameters, "Endpoint"), "");
    ck_assert_uint_eq(stack.outputs.count, 1);
    ck_assert_str_eq(stack_values_get(&stack.outputs, "TopicArn"), "arn:t");
    stack_clear(&stack);
    conversation_close(&talk);
}
END_TEST

static const struct {
    int status;
    const char *answer;
    enum error_kind kind;
    const char *text;
} refused_stacks[] = {
    {400, REFUSAL("ValidationError", "Stack with id " STACK " does not exist"), ERROR_NOT_FOUND,
     "Stack with id " STACK " does not exist"},
    {400, REFUSAL("ValidationError", "1 validation error detected"), ERROR_REFUSED, "1 validation error"},
    {403, REFUSAL("AccessDenied", "User: x is not authorized"), ERROR_AUTH, "not authorized"},
    {200, ANSWER("DescribeStacks", "<Stacks/>"), ERROR_INPUT, "the answer has no 'StackId'"},
    {200, ANSWER("DescribeStacks", "<Stacks><member><StackId>x</StackId></member></Stacks>"), ERROR_INPUT,
     "the answer has no 'StackStatus'"},
    {200,
     ANSWER("DescribeStacks",
            "<Stacks><member><StackId>x</StackId><StackStatus>y</StackStatus><Parameters>"
            "<member><ParameterValue>4</ParameterValue></member></Parameters></member></Stacks>"),
     ERROR_INPUT, "a value without a name"},
    {200, "no XML", ERROR_INPUT, "XML"},
};

START_TEST(a_stack_that_cannot_be_described_is_an_error_that_names_it)
{
    const struct exchange exchange = {"DescribeStacks", .status = refused_stacks[_i].status,
                                      .answer = refused_stacks[_i].answer};
    struct stack stack = {0};
    struct error err = {0};

    begin(&exchange, 1);
    ck_assert_int_lt(cloudformation_describe_stack(talk.client, STACK, &stack, &err), 0);
    ck_assert_int_eq(err.kind, refused_stacks[_i].kind);
    ck_assert_msg(text_starts_with(err.message, "DescribeStacks '" STACK "'") &&
                      strstr(err.message, refused_stacks[_i].text) != NULL,
                  "%s", err.message);
    ck_assert_uint_eq(stack.parameters.count, 0);
    conversation_close(&talk);
}
END_TEST

START_TEST(a_template_comes_back_as_it_was_sent)
{
    const struct exchange exchange = {"GetTemplate", .request = ASKED("GetTemplate"),
                                      .answer =
                                          ANSWER("GetTemplate", "<TemplateBody>A: \"1\"\n# &lt;&amp;&gt;\n"
                                                                "</TemplateBody>")};
    char *body = NULL;
    struct error err = {0};

    begin(&exchange, 1);
    ck_assert_msg(cloudformation_get_template(talk.client, STACK, &body, &err) == 0, "%s", err.message);
    ck_assert_str_eq(body, "A: \"1\"\n# <&>\n");
    free(body);
    conversation_close(&talk);
}
END_TEST

/* ---- what changes something */

static struct stack_request request_of(struct stack_values *parameters)
{
    stack_values_set(parameters, "StreamName", "orders");
    stack_values_set(parameters, "ShardCount", "%d", 4);
    return (struct stack_request){.stack = STACK, .template = "A: b\n", .parameters = parameters};
}

#define REQUESTED                                                                            \
    "StackName=" STACK "&TemplateBody=A%3A%20b%0A&Capabilities.member.1=CAPABILITY_IAM"      \
    "&Parameters.member.1.ParameterKey=StreamName&Parameters.member.1.ParameterValue=orders" \
    "&Parameters.member.2.ParameterKey=ShardCount&Parameters.member.2.ParameterValue=4"

/* The value of a parameter of the last request. */
static void asked_for(const char *name, char *value, size_t size)
{
    const char *at = strstr(talk.script.last_request, name);

    ck_assert_msg(at != NULL, "no %s in %s", name, talk.script.last_request);
    at += strlen(name);
    snprintf(value, size, "%.*s", (int)strcspn(at, "&"), at);
}

START_TEST(a_stack_is_begun_with_template_parameters_and_a_token)
{
    const struct exchange exchange = {"CreateStack", .contains = REQUESTED "&ClientRequestToken=",
                                      .answer = ANSWER("CreateStack", "<StackId>" ID "</StackId>")};
    struct stack_values parameters = {0};
    const struct stack_request request = request_of(&parameters);
    struct error err = {0};

    begin(&exchange, 1);
    ck_assert_msg(cloudformation_create_stack(talk.client, &request, &err) == 0, "%s", err.message);
    stack_values_clear(&parameters);
    conversation_close(&talk);
}
END_TEST

START_TEST(a_repeated_request_carries_the_same_token_and_another_one_another)
{
    const struct exchange exchanges[] = {
        {"CreateStack", .fails = ERROR_TRANSIENT},
        {"CreateStack", .answer = ANSWER("CreateStack", "<StackId>" ID "</StackId>")},
        {"CreateStack", .answer = ANSWER("CreateStack", "<StackId>" ID "</StackId>")},
    };
    char first[64], second[64];
    struct stack_values parameters = {0};
    const struct stack_request request = request_of(&parameters);
    struct error err = {0};

    begin(exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(cloudformation_create_stack(talk.client, &request, &err), 0);
    asked_for("ClientRequestToken=", first, sizeof(first));
    ck_assert_uint_eq(strlen(first), 36);
    ck_assert_int_eq(cloudformation_create_stack(talk.client, &request, &err), 0);
    asked_for("ClientRequestToken=", second, sizeof(second));
    ck_assert_str_ne(first, second);
    stack_values_clear(&parameters);
    conversation_close(&talk);
}
END_TEST

START_TEST(a_template_beyond_the_limit_of_aws_is_not_sent)
{
    SCOPED(free_text) char *template = must_calloc(1, STACK_TEMPLATE_MAX + 2);
    const struct stack_values none = {0};
    const struct stack_request request = {.stack = STACK, .template = template, .parameters = &none};
    struct error err = {0};

    memset(template, 'a', STACK_TEMPLATE_MAX + 1);
    begin(NULL, 0);
    ck_assert_int_lt(cloudformation_create_stack(talk.client, &request, &err), 0);
    ck_assert_str_eq(err.message, "CreateStack '" STACK "': a template of more than 51200 bytes");
    conversation_close(&talk);
}
END_TEST

static const struct {
    const char *code, *message;
    enum error_kind kind;
} refused_creations[] = {
    {"AlreadyExistsException", "Stack [" STACK "] already exists", ERROR_CONFLICT},
    {"TokenAlreadyExistsException", "", ERROR_CONFLICT},
    {"LimitExceededException", "Limit for stack has been exceeded", ERROR_QUOTA},
    {"InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]", ERROR_REFUSED},
    {"ValidationError", "Template format error: x", ERROR_REFUSED},
    {"AccessDenied", "no", ERROR_AUTH},
};

START_TEST(a_stack_that_may_not_be_begun_says_why)
{
    char answer[1024];
    const struct exchange exchange = {"CreateStack", .status = 400, .answer = answer};
    struct stack_values parameters = {0};
    const struct stack_request request = request_of(&parameters);
    struct error err = {0};

    snprintf(answer, sizeof(answer), REFUSAL("%s", "%s"), refused_creations[_i].code,
             refused_creations[_i].message);
    begin(&exchange, 1);
    ck_assert_int_lt(cloudformation_create_stack(talk.client, &request, &err), 0);
    ck_assert_msg(err.kind == refused_creations[_i].kind, "%s: %s", error_kind_name(err.kind), err.message);
    stack_values_clear(&parameters);
    conversation_close(&talk);
}
END_TEST

START_TEST(a_change_set_is_an_update_under_its_name)
{
    const struct exchange exchanges[] = {
        {"CreateChangeSet", .contains = REQUESTED "&ChangeSetName=mine&ChangeSetType=UPDATE&ClientToken=",
         .answer = ANSWER("CreateChangeSet", "<Id>c</Id><StackId>" ID "</StackId>")},
        {"ExecuteChangeSet", .contains = ASKED("ExecuteChangeSet") "&ChangeSetName=mine&ClientRequestToken=",
         .answer = ANSWER("ExecuteChangeSet", "")},
        {"ExecuteChangeSet", .contains = "&ChangeSetName=mine&DisableRollback=true&ClientRequestToken=",
         .answer = ANSWER("ExecuteChangeSet", "")},
        {"DeleteChangeSet", .request = ASKED("DeleteChangeSet") "&ChangeSetName=mine",
         .answer = ANSWER("DeleteChangeSet", "")},
        {"DeleteChangeSet", .status = 404,
         .answer = REFUSAL("ChangeSetNotFound", "ChangeSet [mine] does not exist")},
        {"DeleteStack", .contains = ASKED("DeleteStack") "&ClientRequestToken=",
         .answer = "<DeleteStackResponse><ResponseMetadata/></DeleteStackResponse>"},
    };
    struct stack_values parameters = {0};
    const struct stack_request request = request_of(&parameters);
    struct error err = {0};

    begin(exchanges, COUNT_OF(exchanges));
    ck_assert_msg(cloudformation_create_change_set(talk.client, &request, "mine", &err) == 0, "%s",
                  err.message);
    ck_assert_int_eq(cloudformation_execute_change_set(talk.client, STACK, "mine", true, &err), 0);
    ck_assert_int_eq(cloudformation_execute_change_set(talk.client, STACK, "mine", false, &err), 0);
    ck_assert_int_eq(cloudformation_delete_change_set(talk.client, STACK, "mine", &err), 0);
    ck_assert_int_eq(cloudformation_delete_change_set(talk.client, STACK, "mine", &err), 0);
    ck_assert_msg(cloudformation_delete_stack(talk.client, STACK, &err) == 0, "%s", err.message);
    stack_values_clear(&parameters);
    conversation_close(&talk);
}
END_TEST

/* ---- DescribeChangeSet */

#define CHANGE(action, resource, type, replacement)                                                        \
    "<member><Type>Resource</Type><ResourceChange><Action>" action "</Action><LogicalResourceId>" resource \
    "</LogicalResourceId><ResourceType>" type "</ResourceType>" replacement "</ResourceChange></member>"
#define REPLACEMENT(value) "<Replacement>" value "</Replacement>"
#define ALARM_TYPE "AWS::CloudWatch::Alarm"
#define STREAM_TYPE "AWS::Kinesis::Stream"
#define READY "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>"

static const struct {
    const char *inside;
    enum change_set_state state;
    size_t changes;
    bool stream;
    const char *replaces;
} change_sets[] = {
    {"<Status>CREATE_PENDING</Status><ExecutionStatus>UNAVAILABLE</ExecutionStatus>", CHANGE_SET_MAKING, 0,
     false, ""},
    {"<Status>CREATE_IN_PROGRESS</Status><ExecutionStatus>UNAVAILABLE</ExecutionStatus>", CHANGE_SET_MAKING,
     0, false, ""},
    {"<Status>CREATE_COMPLETE</Status><ExecutionStatus>UNAVAILABLE</ExecutionStatus>", CHANGE_SET_MAKING, 0,
     false, ""},
    {"<Status>CREATE_COMPLETE</Status><ExecutionStatus>OBSOLETE</ExecutionStatus>", CHANGE_SET_GONE, 0, false,
     ""},
    {"<Status>CREATE_COMPLETE</Status><ExecutionStatus>EXECUTE_IN_PROGRESS</ExecutionStatus>",
     CHANGE_SET_GONE, 0, false, ""},
    {"<Status>DELETE_COMPLETE</Status>", CHANGE_SET_GONE, 0, false, ""},
    {READY "<Changes/>", CHANGE_SET_READY, 0, false, ""},
    {READY "<Changes>" CHANGE("Modify", "IncomingBytes", ALARM_TYPE, REPLACEMENT("False")) "</Changes>",
     CHANGE_SET_READY, 1, false, ""},
    {READY "<Changes>" CHANGE("Add", "IncomingBytes", ALARM_TYPE, "")
         CHANGE("Modify", "Stream", STREAM_TYPE, REPLACEMENT("False")) "</Changes>",
     CHANGE_SET_READY, 2, true, ""},
    {READY "<Changes>" CHANGE("Modify", "Stream", STREAM_TYPE, REPLACEMENT("True")) "</Changes>",
     CHANGE_SET_READY, 1, true, "Stream"},
    {READY "<Changes>" CHANGE("Modify", "Stream", STREAM_TYPE, REPLACEMENT("Conditional")) "</Changes>",
     CHANGE_SET_READY, 1, true, "Stream"},
    {READY "<Changes>" CHANGE("Remove", "Stream", STREAM_TYPE, "") "</Changes>", CHANGE_SET_READY, 1, true,
     "Stream"},
    /* an alarm may be made anew */
    {READY "<Changes>" CHANGE("Modify", "IncomingBytes", ALARM_TYPE, REPLACEMENT("True")) "</Changes>",
     CHANGE_SET_READY, 1, false, ""},
    {"<Status>FAILED</Status><StatusReason>The submitted information didn't contain changes. Submit "
     "different "
     "information to create a change set.</StatusReason>",
     CHANGE_SET_EMPTY, 0, false, ""},
    {"<Status>FAILED</Status><StatusReason>No updates are to be performed.</StatusReason>", CHANGE_SET_EMPTY,
     0, false, ""},
    {"<Status>FAILED</Status><StatusReason>Transform failed</StatusReason>", CHANGE_SET_FAILED, 0, false, ""},
    {"<Status>SOMETHING_NEW</Status>", CHANGE_SET_FAILED, 0, false, ""},
};

START_TEST(a_change_set_says_what_would_be_touched)
{
    char answer[4096];
    const struct exchange exchange = {
        "DescribeChangeSet", .request = ASKED("DescribeChangeSet") "&ChangeSetName=mine", .answer = answer};
    struct change_set set;
    struct error err = {0};

    snprintf(answer, sizeof(answer), ANSWER("DescribeChangeSet", "%s"), change_sets[_i].inside);
    begin(&exchange, 1);
    ck_assert_msg(cloudformation_describe_change_set(talk.client, STACK, "mine", &set, &err) == 0, "%s",
                  err.message);
    ck_assert_int_eq(set.state, change_sets[_i].state);
    ck_assert_uint_eq(set.changes, change_sets[_i].changes);
    ck_assert_int_eq(set.changes_stream, change_sets[_i].stream);
    ck_assert_str_eq(set.replaces, change_sets[_i].replaces);
    conversation_close(&talk);
}
END_TEST

START_TEST(changes_are_read_on_all_pages)
{
    const struct exchange exchanges[] = {
        {"DescribeChangeSet",
         .answer =
             ANSWER("DescribeChangeSet", READY
                    "<Changes>" CHANGE("Add", "A", ALARM_TYPE, "") "</Changes><NextToken>two/2</NextToken>")},
        {"DescribeChangeSet", .contains = "&NextToken=two%2F2",
         .answer = ANSWER("DescribeChangeSet",
                          READY "<Changes>" CHANGE("Remove", "Stream", STREAM_TYPE, "") "</Changes>")},
    };
    struct change_set set;
    struct error err = {0};

    begin(exchanges, COUNT_OF(exchanges));
    ck_assert_msg(cloudformation_describe_change_set(talk.client, STACK, "mine", &set, &err) == 0, "%s",
                  err.message);
    ck_assert_uint_eq(set.changes, 2);
    ck_assert_str_eq(set.replaces, "Stream");
    conversation_close(&talk);
}
END_TEST

START_TEST(a_change_set_that_is_not_there_is_gone)
{
    const struct exchange exchange = {"DescribeChangeSet", .status = 404,
                                      .answer =
                                          REFUSAL("ChangeSetNotFound", "ChangeSet [mine] does not exist")};
    struct change_set set;
    struct error err = {0};

    begin(&exchange, 1);
    ck_assert_int_eq(cloudformation_describe_change_set(talk.client, STACK, "mine", &set, &err), 0);
    ck_assert_int_eq(set.state, CHANGE_SET_GONE);
    conversation_close(&talk);
}
END_TEST

/* ---- DescribeStackEvents */

#define EVENT(id, physical, resource, status, reason)                                                \
    "<member><EventId>" id "</EventId><StackId>" ID "</StackId><StackName>" STACK "</StackName>"     \
    "<LogicalResourceId>" resource "</LogicalResourceId><PhysicalResourceId>" physical               \
    "</PhysicalResourceId><ResourceType>T</ResourceType><ResourceStatus>" status "</ResourceStatus>" \
    "<ResourceStatusReason>" reason "</ResourceStatusReason></member>"

START_TEST(events_are_those_of_the_last_operation_the_oldest_first)
{
    const struct exchange exchanges[] = {
        {"DescribeStackEvents", .request = ASKED("DescribeStackEvents"),
         .answer = ANSWER("DescribeStackEvents",
                          "<StackEvents>" EVENT("e5", ID, STACK, "UPDATE_ROLLBACK_IN_PROGRESS", "")
                              EVENT("e4", "b", "B", "UPDATE_FAILED", "no") "</StackEvents>"
                                                                           "<NextToken>more</NextToken>")},
        {"DescribeStackEvents", .contains = "NextToken=more",
         .answer = ANSWER("DescribeStackEvents",
                          "<StackEvents>" EVENT("e3", "a", "A", "UPDATE_IN_PROGRESS", "")
                              EVENT("e2", ID, STACK, "UPDATE_IN_PROGRESS", "User Initiated")
                                  EVENT("e1", ID, STACK, "CREATE_COMPLETE", "") "</StackEvents>"
                                                                                "<NextToken>even "
                                                                                "more</NextToken>")},
    };
    static const char *const ids[] = {"e2", "e3", "e4", "e5"};
    struct stack_event_list list = {0};
    struct error err = {0};

    begin(exchanges, COUNT_OF(exchanges));
    ck_assert_msg(cloudformation_events(talk.client, STACK, &list, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(list.count, COUNT_OF(ids));
    for (size_t i = 0; i < list.count; i++)
        ck_assert_str_eq(list.items[i].id, ids[i]);
    ck_assert_str_eq(list.items[2].resource, "B");
    ck_assert_str_eq(list.items[2].status, "UPDATE_FAILED");
    ck_assert_str_eq(list.items[2].reason, "no");
    stack_event_list_clear(&list);
    conversation_close(&talk);
}
END_TEST

START_TEST(an_event_without_an_id_is_malformed)
{
    const struct exchange exchange = {
        "DescribeStackEvents",
        .answer = ANSWER("DescribeStackEvents", "<StackEvents><member/></StackEvents>")};
    struct stack_event_list list = {0};
    struct error err = {0};

    begin(&exchange, 1);
    ck_assert_int_lt(cloudformation_events(talk.client, STACK, &list, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_null(list.items);
    conversation_close(&talk);
}
END_TEST

/* ---- the topic, and whose keys these are */

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:kinescale"
#define SUBSCRIPTION(arn, endpoint) \
    "<member><SubscriptionArn>" arn "</SubscriptionArn><Endpoint>" endpoint "</Endpoint></member>"

static const struct {
    int status;
    const char *answer;
    bool exists;
} topics[] = {
    {200, ANSWER("GetTopicAttributes", "<Attributes/>"), true},
    {404, REFUSAL("NotFound", "Topic does not exist"), false},
};

START_TEST(a_topic_exists_or_not)
{
    const struct exchange exchange = {"GetTopicAttributes", .status = topics[_i].status,
                                      .answer = topics[_i].answer};
    struct error err = {0};
    bool exists = !topics[_i].exists;

    begin(&exchange, 1);
    ck_assert_msg(sns_topic_exists(talk.client, TOPIC, &exists, &err) == 0, "%s", err.message);
    ck_assert_int_eq(exists, topics[_i].exists);
    conversation_close(&talk);
}
END_TEST

static const struct {
    const char *first, *second;
    enum subscription_state state;
} subscriptions[] = {
    {"", NULL, SUBSCRIPTION_NONE},
    {SUBSCRIPTION(TOPIC ":1", "https://b/sns"), NULL, SUBSCRIPTION_NONE},
    {SUBSCRIPTION("PendingConfirmation", "https://a/sns"), NULL, SUBSCRIPTION_PENDING},
    {SUBSCRIPTION("Deleted", "https://a/sns"), NULL, SUBSCRIPTION_NONE},
    {SUBSCRIPTION(TOPIC ":1", "https://a/sns"), NULL, SUBSCRIPTION_CONFIRMED},
    {SUBSCRIPTION(TOPIC ":1", "https://a/sns") SUBSCRIPTION("PendingConfirmation", "https://a/sns"), NULL,
     SUBSCRIPTION_CONFIRMED},
    {SUBSCRIPTION(TOPIC ":1", "https://b/sns"), SUBSCRIPTION(TOPIC ":2", "https://a/sns"),
     SUBSCRIPTION_CONFIRMED},
};

START_TEST(a_subscription_is_found_by_its_endpoint_on_all_pages)
{
    char pages[2][1024];
    const struct exchange exchanges[] = {
        {"ListSubscriptionsByTopic", .answer = pages[0]},
        {"ListSubscriptionsByTopic", .contains = "NextToken=n", .answer = pages[1]},
    };
    bool two = subscriptions[_i].second != NULL;
    enum subscription_state state;
    struct error err = {0};

    snprintf(pages[0], sizeof(pages[0]),
             ANSWER("ListSubscriptionsByTopic", "<Subscriptions>%s</Subscriptions>%s"),
             subscriptions[_i].first, two ? "<NextToken>n</NextToken>" : "");
    snprintf(pages[1], sizeof(pages[1]),
             ANSWER("ListSubscriptionsByTopic", "<Subscriptions>%s</Subscriptions>"),
             two ? subscriptions[_i].second : "");
    begin(exchanges, two ? 2 : 1);
    ck_assert_msg(sns_subscription(talk.client, TOPIC, "https://a/sns", &state, &err) == 0, "%s",
                  err.message);
    ck_assert_int_eq(state, subscriptions[_i].state);
    conversation_close(&talk);
}
END_TEST

START_TEST(the_caller_has_an_account_of_twelve_digits)
{
    const struct exchange exchanges[] = {
        {"GetCallerIdentity", .request = "Action=GetCallerIdentity&Version=2011-06-15",
         .answer =
             ANSWER("GetCallerIdentity", "<Arn>a</Arn><UserId>u</UserId><Account>123456789012</Account>")},
        {"GetCallerIdentity", .answer = ANSWER("GetCallerIdentity", "<Account>12345678901x</Account>")},
    };
    char account[ACCOUNT_SIZE] = "";
    struct error err = {0};

    begin(exchanges, COUNT_OF(exchanges));
    ck_assert_msg(sts_caller_account(talk.client, account, &err) == 0, "%s", err.message);
    ck_assert_str_eq(account, "123456789012");
    ck_assert_int_lt(sts_caller_account(talk.client, account, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    conversation_close(&talk);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("cloudformation");
    TCase *stacks = tcase_create("stacks");
    TCase *changes = tcase_create("changes");
    TCase *others = tcase_create("others");

    tcase_add_test(stacks, a_stack_has_its_status_parameters_and_outputs);
    tcase_add_loop_test(stacks, a_stack_that_cannot_be_described_is_an_error_that_names_it, 0,
                        COUNT_OF(refused_stacks));
    tcase_add_test(stacks, a_template_comes_back_as_it_was_sent);
    tcase_add_test(stacks, a_stack_is_begun_with_template_parameters_and_a_token);
    tcase_add_test(stacks, a_repeated_request_carries_the_same_token_and_another_one_another);
    tcase_add_test(stacks, a_template_beyond_the_limit_of_aws_is_not_sent);
    tcase_add_loop_test(stacks, a_stack_that_may_not_be_begun_says_why, 0, COUNT_OF(refused_creations));
    tcase_add_test(changes, a_change_set_is_an_update_under_its_name);
    tcase_add_loop_test(changes, a_change_set_says_what_would_be_touched, 0, COUNT_OF(change_sets));
    tcase_add_test(changes, changes_are_read_on_all_pages);
    tcase_add_test(changes, a_change_set_that_is_not_there_is_gone);
    tcase_add_test(changes, events_are_those_of_the_last_operation_the_oldest_first);
    tcase_add_test(changes, an_event_without_an_id_is_malformed);
    tcase_add_loop_test(others, a_topic_exists_or_not, 0, COUNT_OF(topics));
    tcase_add_loop_test(others, a_subscription_is_found_by_its_endpoint_on_all_pages, 0,
                        COUNT_OF(subscriptions));
    tcase_add_test(others, the_caller_has_an_account_of_twelve_digits);
    suite_add_tcase(suite, stacks);
    suite_add_tcase(suite, changes);
    suite_add_tcase(suite, others);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
