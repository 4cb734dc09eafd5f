/*
 * The simulated CloudFormation: stacks, from their making to their end, without sockets.
 */
#include "base/memory.h"
#include "base/text.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include <string.h>

#define STREAM(more) \
    "  Stream:\n    Type: AWS::Kinesis::Stream\n" more "    Properties:\n      Name: orders\n"
#define TOPIC(logical, name) \
    "  " logical ":\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: " name "\n"
#define TWO_SHARDS "Resources:\n" STREAM("") "      ShardCount: 2\n"

static void at_second(int64_t seconds)
{
    sim_advance(sim, START_MS + seconds * 1000);
}

static int64_t open_shards(const char *stream)
{
    SCOPED(free_text) char *body = must_printf("{\"StreamName\":\"%s\"}", stream);
    const char *count = strstr(json(KINESIS "DescribeStreamSummary", body), "\"OpenShardCount\":");

    return count == NULL ? -1 : atoll(count + strlen("\"OpenShardCount\":"));
}

/* ---- making */

START_TEST(a_stack_is_complete_when_its_stream_is_active)
{
    cloudformation("CreateStack", "StackName=one", TWO_SHARDS);
    expect_has("<StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/one/");
    ck_assert_str_eq(stack_status("one"), "CREATE_IN_PROGRESS");
    at_second(29);
    ck_assert_str_eq(stack_status("one"), "CREATE_IN_PROGRESS");
    at_second(31);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
    ck_assert_str_eq(stack_events("one", 0),
                     "one CREATE_IN_PROGRESS\nStream CREATE_IN_PROGRESS\nStream CREATE_IN_PROGRESS\n"
                     "Stream CREATE_COMPLETE\none CREATE_COMPLETE\n");
    ck_assert_int_eq(open_shards("orders"), 2);
    cloudformation("ListStackResources", "StackName=one", NULL);
    expect_has(
        "<LogicalResourceId>Stream</LogicalResourceId><PhysicalResourceId>orders</PhysicalResourceId>"
        "<ResourceType>AWS::Kinesis::Stream</ResourceType><LastUpdatedTimestamp>2025-11-21T00:00:30.000Z");
    cloudformation("GetTemplate", "StackName=one", NULL);
    ck_assert_str_eq(element("TemplateBody"), TWO_SHARDS);
}
END_TEST

START_TEST(a_stream_that_exists_fails_the_stack)
{
    make_stream("orders", 1);
    cloudformation("CreateStack", "StackName=one", TWO_SHARDS);
    at_second(120);
    ck_assert_str_eq(stack_status("one"), "ROLLBACK_COMPLETE");
    query("Action=DescribeStackEvents&Version=2010-05-15&StackName=one");
    expect_has("<ResourceStatusReason>Resource handler returned message: &quot;Stream orders under account "
               "000000000000 already exists. (Service: Kinesis, Status Code: 400)&quot;");
    expect_has("HandlerErrorCode: AlreadyExists");
    expect_has("The following resource(s) failed to create: [Stream]. Rollback requested by user.");
    cloudformation("UpdateStack", "StackName=one", TWO_SHARDS);
    expect_has("<Code>ValidationError</Code>");
    expect_has("is in ROLLBACK_COMPLETE state and can not be updated.");
    ck_assert_int_eq(open_shards("orders"), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_stacks");
    TCase *tcase = tcase_create("stacks");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_sim, drop_sim);
    tcase_add_test(tcase, a_stack_is_complete_when_its_stream_is_active);
    tcase_add_test(tcase, a_stream_that_exists_fails_the_stack);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
