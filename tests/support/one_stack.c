#include "one_stack.h"

#include "base/memory.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include <string.h>

const char *stack_create(const char *template)
{
    return cloudformation("CreateStack", "StackName=one&Capabilities.member.1=CAPABILITY_IAM", template);
}

const char *stack_update(const char *template)
{
    return cloudformation("UpdateStack", "StackName=one&Capabilities.member.1=CAPABILITY_IAM", template);
}

void stack_make(const char *template)
{
    stack_create(template);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
    stacks_pass(120);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
}

void stack_change(const char *template, const char *status)
{
    stack_update(template);
    ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
    stacks_pass(300);
    ck_assert_str_eq(stack_status("one"), status);
}

void stack_shall_fail(const char *logical, const char *deed)
{
    struct error err;

    ck_assert_int_eq(sim_fail_resource(sim, logical, deed, 1, "it shall", &err), 0);
}

int64_t open_shards_of(const char *stream)
{
    SCOPED(free_text) char *body = must_printf("{\"StreamName\":\"%s\"}", stream);
    const char *count = strstr(json(KINESIS "DescribeStreamSummary", body), "\"OpenShardCount\":");

    return count == NULL ? -1 : atoll(count + strlen("\"OpenShardCount\":"));
}

bool alarm_fires_above(const char *name, const char *threshold)
{
    SCOPED(free_text) char *body = must_printf("{\"AlarmNames\":[\"%s\"]}", name);
    SCOPED(free_text) char *wanted = must_printf("\"Threshold\":%s,", threshold);

    return strstr(json(GRANITE "DescribeAlarms", body), wanted) != NULL;
}

bool topic_exists(const char *name)
{
    SCOPED(free_text)
    char *body = must_printf(
        "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:%s", name);

    query(body);
    return response.status == 200;
}
