#include "aws/cloudwatch.h"
#include "aws/kinesis.h"
#include "aws/sns.h"
#include "base/memory.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

#include <pthread.h>

#define REFUSED(code, message) "{\"__type\":\"" code "\",\"message\":\"" message "\"}"

static struct aws_call_count only_count(struct conversation *conversation)
{
    struct aws_call_count row = {0};

    ck_assert_uint_eq(aws_client_counts(conversation->client, &row, 1), 1);
    return row;
}

/* ---- what is tried again */

static const struct exchange throttled_then_fine[] = {
    {"DescribeLimits", .request = "{}", .status = 400,
     .answer = REFUSED("LimitExceededException", "Rate exceeded for account 1."), .took_ms = 10},
    {"DescribeLimits", .status = 500, .answer = "{\"__type\":\"InternalFailure\"}", .took_ms = 20},
    {"DescribeLimits", .fails = ERROR_TRANSIENT, .took_ms = 20000},
    {"DescribeLimits", .answer = CONVERSATION_LIMITS, .took_ms = 30},
};

START_TEST(throttling_and_failures_of_aws_are_tried_again_and_counted)
{
    struct conversation conversation;
    struct aws_call_count count;
    struct error err = {0};

    conversation_open(&conversation, throttled_then_fine, COUNT_OF(throttled_then_fine));
    ck_assert_msg(conversation_limits(&conversation, &err) == 0, "%s", err.message);
    count = only_count(&conversation);
    ck_assert_str_eq(count.service, "kinesis");
    ck_assert_str_eq(count.operation, "DescribeLimits");
    ck_assert_uint_eq(count.calls, 4);
    ck_assert_uint_eq(count.retries, 3);
    ck_assert_uint_eq(count.throttled, 1);
    ck_assert_uint_eq(count.failures, 0);
    ck_assert_uint_eq(count.milliseconds, 20060);
    conversation_close(&conversation);
}
END_TEST

START_TEST(a_client_that_was_stopped_asks_nothing)
{
    struct conversation conversation;
    struct error err = {0};

    conversation_open(&conversation, throttled_then_fine, 0);
    ck_assert(!aws_client_is_stopping(conversation.client));
    aws_client_stop(conversation.client);
    ck_assert(aws_client_is_stopping(conversation.client));
    ck_assert_int_eq(conversation_limits(&conversation, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_str_eq(err.message, "DescribeLimits: not asked, the program ends");
    conversation_close(&conversation);
}
END_TEST

static const struct exchange always_throttled[] = {
    {"DescribeLimits", .status = 400, .answer = REFUSED("ThrottlingException", "Rate exceeded"),
     .request_id = "r-1"},
    {"DescribeLimits", .status = 400, .answer = REFUSED("ThrottlingException", "Rate exceeded"),
     .request_id = "r-2"},
    {"DescribeLimits", .status = 400, .answer = REFUSED("ThrottlingException", "Rate exceeded"),
     .request_id = "r-3"},
    {"DescribeLimits", .status = 400, .answer = REFUSED("ThrottlingException", "Rate exceeded."),
     .request_id = "r-4"},
};

START_TEST(the_fourth_try_is_the_last)
{
    struct conversation conversation;
    struct error err = {0};

    conversation_open(&conversation, always_throttled, COUNT_OF(always_throttled));
    ck_assert_int_lt(conversation_limits(&conversation, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_THROTTLED);
    ck_assert_str_eq(err.message, "DescribeLimits: Rate exceeded (ThrottlingException, request r-4)");
    ck_assert_uint_eq(only_count(&conversation).failures, 1);
    ck_assert_uint_eq(only_count(&conversation).throttled, 4);
    conversation_close(&conversation);
}
END_TEST

START_TEST(between_tries_it_waits_half_of_the_ceiling_when_the_dice_say_so)
{
    static const struct exchange failing[] = {
        {"DescribeStreamSummary", .status = 503},
        {"DescribeStreamSummary", .status = 503},
        {"DescribeStreamSummary", .status = 503},
        {"DescribeStreamSummary", .status = 503},
    };
    struct conversation conversation;
    struct stream_summary summary;
    struct error err = {0};
    int64_t start_ms;

    conversation_open(&conversation, failing, COUNT_OF(failing));
    start_ms = conversation.clock.ms;
    ck_assert_int_lt(kinesis_describe_summary(conversation.client, "orders", &summary, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_str_eq(err.message, "DescribeStreamSummary 'orders': HTTP 503 without an error code of AWS");
    ck_assert_int_eq(conversation.clock.ms - start_ms, 50 + 100 + 200);
    conversation_close(&conversation);
}
END_TEST

START_TEST(aws_may_ask_for_a_longer_wait_but_not_for_ever)
{
    static const struct exchange asking[] = {
        {"DescribeStreamSummary", .status = 503, .retry_after_ms = 4000},
        {"DescribeStreamSummary", .status = 503, .retry_after_ms = 1},
        {"DescribeStreamSummary", .status = 503, .retry_after_ms = 3600 * 1000},
        {"DescribeStreamSummary", .status = 503},
    };
    struct conversation conversation;
    struct stream_summary summary;
    struct error err = {0};
    int64_t start_ms;

    conversation_open(&conversation, asking, COUNT_OF(asking));
    start_ms = conversation.clock.ms;
    ck_assert_int_lt(kinesis_describe_summary(conversation.client, "orders", &summary, &err), 0);
    ck_assert_int_eq(conversation.clock.ms - start_ms, 4000 + 100 + 20000);
    conversation_close(&conversation);
}
END_TEST

/* ---- what is not */

static const struct {
    struct exchange exchange;
    enum error_kind kind;
    const char *text;
} final[] = {
    {{"SplitShard", .status = 400,
      .answer = REFUSED("ResourceInUseException", "Stream orders under account 1 not ACTIVE, instead in "
                                                  "state UPDATING")},
     ERROR_CONFLICT,
     "SplitShard 'orders': Stream orders under account 1 not ACTIVE, instead in state UPDATING "
     "(ResourceInUseException)"},
    {{"SplitShard", .status = 400,
      .answer = REFUSED("com.amazonaws.kinesis#ResourceNotFoundException", "Stream orders under account 1 "
                                                                           "not found.")},
     ERROR_NOT_FOUND,
     "SplitShard 'orders': Stream orders under account 1 not found (ResourceNotFoundException)"},
    {{"SplitShard", .status = 400,
      .answer = "{\"__type\":\"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound\"}"},
     ERROR_NOT_FOUND,
     "SplitShard 'orders': ResourceNotFound"},
    {{"SplitShard", .status = 400,
      .answer =
          "{\"__type\":\"InvalidArgumentException:http://internal.amazon.com/coral/#x\",\"Message\":\"no\"}"},
     ERROR_REFUSED,
     "SplitShard 'orders': no (InvalidArgumentException)"},
    {{"SplitShard", .status = 400, .error_type = "ValidationException:http://internal.amazon.com/",
      .answer = "{\"message\":\"on-demand\"}"},
     ERROR_REFUSED,
     "SplitShard 'orders': on-demand (ValidationException)"},
    {{"SplitShard", .status = 400, .answer = "{\"code\":\"ValidationException\",\"message\":\"m\"}"},
     ERROR_REFUSED,
     "SplitShard 'orders': m (ValidationException)"},
    {{"SplitShard", .status = 400,
      .answer = REFUSED("LimitExceededException", "This request would exceed the shard limit for the account "
                                                  "1 in eu-west-1.")},
     ERROR_QUOTA,
     "SplitShard 'orders': This request would exceed the shard limit for the account 1 in eu-west-1 "
     "(LimitExceededException)"},
    {{"SplitShard", .status = 400,
      .answer = REFUSED("AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized")},
     ERROR_AUTH,
     "SplitShard 'orders': User: arn:aws:iam::1:user/x is not authorized (AccessDeniedException)"},
    {{"SplitShard", .status = 403,
      .answer = "<AccessDeniedException>\n  <Message>Unable to determine "
                "service</Message>\n</AccessDeniedException>"},
     ERROR_AUTH,
     "SplitShard 'orders': HTTP 403 without an error code of AWS"},
    {{"SplitShard", .status = 404, .answer = "<!DOCTYPE html><html><body>not here</body></html>"},
     ERROR_REFUSED,
     "SplitShard 'orders': HTTP 404 without an error code of AWS"},
    {{"SplitShard", .status = 302, .answer = "moved"},
     ERROR_REFUSED,
     "SplitShard 'orders': HTTP 302 without an error code of AWS"},
    {{"SplitShard", .status = 400, .answer = "{\"__type\":17,\"message\":{}}"},
     ERROR_REFUSED,
     "SplitShard 'orders': HTTP 400 without an error code of AWS"},
    {{"SplitShard", .status = 400,
      .answer = "{\"__type\":\"Odd\\nLine\",\"message\":\"two\\r\\nlines\\u0007. \"}"},
     ERROR_REFUSED,
     "SplitShard 'orders': two  lines  (Odd Line)"},
    {{"SplitShard", .fails = ERROR_CONFIG}, ERROR_CONFIG, "SplitShard 'orders': no answer from 'script'"},
    {{"SplitShard", .fails = ERROR_INPUT}, ERROR_INPUT, "SplitShard 'orders': no answer from 'script'"},
    /* AWS may have heard these: the caller looks at the stream first */
    {{"SplitShard", .fails = ERROR_TRANSIENT},
     ERROR_TRANSIENT,
     "SplitShard 'orders': no answer from 'script'"},
    {{"SplitShard", .status = 500, .answer = "{\"__type\":\"InternalFailure\"}"},
     ERROR_TRANSIENT,
     "SplitShard 'orders': InternalFailure"},
    /* answers of 200 that say nothing we know */
    {{"SplitShard", .answer = "{\"half\":"}, ERROR_INPUT, NULL},
    {{"SplitShard", .answer = "[]"}, ERROR_INPUT, "SplitShard 'orders': the answer is no JSON object"},
    {{"SplitShard", .answer = "null"}, ERROR_INPUT, "SplitShard 'orders': the answer is no JSON object"},
};

START_TEST(an_answer_that_is_final_is_said_once_with_its_kind_and_text)
{
    struct conversation conversation;
    struct error err = {0};

    conversation_open(&conversation, &final[_i].exchange, 1);
    ck_assert_int_lt(kinesis_split(conversation.client, "orders", "shardId-000000000000", 77, &err), 0);
    ck_assert_msg(err.kind == final[_i].kind, "%s: %s", error_kind_name(err.kind), err.message);
    if (final[_i].text != NULL)
        ck_assert_str_eq(err.message, final[_i].text);
    ck_assert_uint_eq(only_count(&conversation).calls, 1);
    ck_assert_uint_eq(only_count(&conversation).failures, 1);
    conversation_close(&conversation);
}
END_TEST

START_TEST(a_throttled_resharding_is_tried_again_for_it_was_not_done)
{
    static const struct exchange exchanges[] = {
        {"SplitShard", .status = 400,
         .answer = REFUSED("LimitExceededException", "Rate exceeded for stream orders")},
        {"SplitShard"},
    };
    struct conversation conversation;
    struct error err = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(kinesis_split(conversation.client, "orders", "shardId-000000000000", 77, &err), 0);
    conversation_close(&conversation);
}
END_TEST

START_TEST(a_rate_that_update_shard_count_exceeds_for_seconds_is_the_cap_of_the_day)
{
    static const struct exchange limited = {
        "UpdateShardCount", .status = 400,
        .answer = REFUSED("LimitExceededException", "Rate exceeded for stream orders")};
    struct exchange exchanges[] = {limited, limited, limited, limited};
    struct conversation conversation;
    struct error err = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_lt(kinesis_update_count(conversation.client, "orders", 8, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_QUOTA);
    conversation_close(&conversation);
}
END_TEST

START_TEST(the_budget_ends_retries_when_everything_fails)
{
    enum { CALLS = 60 };
    static struct exchange exchanges[CALLS * 4];
    struct conversation conversation;
    struct error err = {0};
    uint64_t calls;

    for (size_t i = 0; i < COUNT_OF(exchanges); i++)
        exchanges[i] = (struct exchange){"DescribeLimits", .status = 500};
    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    for (int i = 0; i < CALLS; i++)
        ck_assert_int_lt(conversation_limits(&conversation, &err), 0);
    /* 500 tokens, 5 each: a hundred retries, then only first tries */
    calls = only_count(&conversation).calls;
    ck_assert_uint_eq(calls, CALLS + 100);
    conversation_abandon(&conversation);
}
END_TEST

/* ---- Query */

#define CONFIRM                                                                                  \
    "Action=ConfirmSubscription&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A1%3At" \
    "&Token=a%20b%26c%2F~-_.%C3%B3&AuthenticateOnUnsubscribe=true"

START_TEST(a_subscription_is_confirmed_by_a_signed_form)
{
    static const struct exchange exchange = {
        "ConfirmSubscription", .request = CONFIRM,
        .answer =
            "<ConfirmSubscriptionResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">"
            "<ConfirmSubscriptionResult><SubscriptionArn>arn:aws:sns:eu-west-1:1:t:8a21</SubscriptionArn>"
            "</ConfirmSubscriptionResult></ConfirmSubscriptionResponse>"};
    struct conversation conversation;
    struct error err = {0};
    char arn[512];

    conversation_open(&conversation, &exchange, 1);
    ck_assert_msg(sns_confirm_subscription(conversation.client, "arn:aws:sns:eu-west-1:1:t",
                                           "a b&c/~-_.\xc3\xb3", arn, sizeof(arn), &err) == 0,
                  "%s", err.message);
    ck_assert_str_eq(arn, "arn:aws:sns:eu-west-1:1:t:8a21");
    ck_assert_str_eq(only_count(&conversation).service, "sns");
    conversation_close(&conversation);
}
END_TEST

static const struct {
    struct exchange exchange;
    enum error_kind kind;
    const char *text;
} confirmations[] = {
    {{"ConfirmSubscription", .status = 404,
      .answer = "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic "
                "does not exist</Message></Error><RequestId>r</RequestId></ErrorResponse>"},
     ERROR_NOT_FOUND,
     "ConfirmSubscription 'arn:t': Topic does not exist (NotFound)"},
    {{"ConfirmSubscription", .status = 400,
      .answer = "<ErrorResponse><Error><Code>InvalidParameter</Code><Message>Invalid "
                "token</Message></Error></ErrorResponse>",
      .request_id = "q-7"},
     ERROR_REFUSED,
     "ConfirmSubscription 'arn:t': Invalid token (InvalidParameter, request q-7)"},
    {{"ConfirmSubscription", .status = 404,
      .answer = "<ErrorResponse><Error><Code>ResourceNotFound</Code></Error></ErrorResponse>"},
     ERROR_NOT_FOUND,
     "ConfirmSubscription 'arn:t': ResourceNotFound"},
    {{"ConfirmSubscription", .answer = "<A/>"},
     ERROR_INPUT,
     "ConfirmSubscription 'arn:t': the answer has no 'SubscriptionArn' that could be kept"},
    {{"ConfirmSubscription", .answer = ""},
     ERROR_INPUT,
     "ConfirmSubscription 'arn:t': XML: no element found at byte 0"},
    {{"ConfirmSubscription", .answer = "{}"},
     ERROR_INPUT,
     "ConfirmSubscription 'arn:t': XML: not well-formed (invalid token) at byte 0"},
};

START_TEST(a_confirmation_that_fails_says_why)
{
    struct conversation conversation;
    struct error err = {0};
    char arn[512] = "untouched";

    conversation_open(&conversation, &confirmations[_i].exchange, 1);
    ck_assert_int_lt(sns_confirm_subscription(conversation.client, "arn:t", "t", arn, sizeof(arn), &err), 0);
    ck_assert_str_eq(err.message, confirmations[_i].text);
    ck_assert_int_eq(err.kind, confirmations[_i].kind);
    ck_assert_str_eq(arn, "untouched");
    conversation_close(&conversation);
}
END_TEST

/* ---- clients */

static const char *bad_endpoint(const char *name)
{
    return strcmp(name, "AWS_ENDPOINT_URL_SNS") == 0 ? "nonsense" : NULL;
}

START_TEST(a_client_knows_its_region_and_endpoints_and_refuses_bad_ones)
{
    struct conversation conversation;
    struct aws_client_options options = {
        .region = "eu-west-1", .getenv = bad_endpoint, .clock = clock_system()};
    struct aws_client *client = NULL;
    struct error err = {0};

    conversation_open(&conversation, NULL, 0);
    ck_assert_str_eq(aws_client_region(conversation.client), "eu-west-1");
    ck_assert_str_eq(aws_client_endpoint(conversation.client, AWS_CLOUDWATCH),
                     "https://monitoring.eu-west-1.amazonaws.com");
    ck_assert_uint_eq(aws_client_counts(conversation.client, NULL, 0), 0);
    conversation_close(&conversation);

    ck_assert_int_lt(aws_client_open(&options, &client, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    options.region = "a-region-whose-name-is-longer-than-any-that-could-ever-have-been-meant-1";
    ck_assert_int_lt(aws_client_open(&options, &client, &err), 0);
    ck_assert_ptr_null(client);
    aws_client_close(NULL);
}
END_TEST

START_TEST(operations_are_counted_each_in_a_row)
{
    static const struct exchange exchanges[] = {{"DescribeLimits", .answer = CONVERSATION_LIMITS},
                                                {"SplitShard"},
                                                {"DescribeLimits", .answer = CONVERSATION_LIMITS},
                                                {"SetAlarmState"}};
    struct conversation conversation;
    struct aws_call_count rows[3];
    struct error err = {0};

    conversation_open(&conversation, exchanges, COUNT_OF(exchanges));
    ck_assert_int_eq(conversation_limits(&conversation, &err), 0);
    ck_assert_int_eq(kinesis_split(conversation.client, "orders", "s", 5, &err), 0);
    ck_assert_int_eq(conversation_limits(&conversation, &err), 0);
    ck_assert_int_eq(cloudwatch_set_alarm_state(conversation.client, "a", ALARM_OK, "r", &err), 0);
    ck_assert_uint_eq(aws_client_counts(conversation.client, rows, 3), 3);
    ck_assert_str_eq(rows[0].operation, "DescribeLimits");
    ck_assert_uint_eq(rows[0].calls, 2);
    ck_assert_str_eq(rows[1].operation, "SplitShard");
    ck_assert_str_eq(rows[2].service, "cloudwatch");
    ck_assert_str_eq(rows[2].operation, "SetAlarmState");
    conversation_close(&conversation);
}
END_TEST

/* ---- threads */

/* Answers at once, throttling every fifth time; as thread-safe as a transport must be. */
static int answer_shards(struct transport *transport, const struct aws_request *request,
                         struct aws_answer *ret_answer, struct error *err)
{
    static int questions;
    bool throttle = __atomic_add_fetch(&questions, 1, __ATOMIC_RELAXED) % 5 == 0;
    struct aws_answer answer = {.status = throttle ? 400 : 200, .retry_after_ms = -1};
    const char *body = throttle ? REFUSED("ThrottlingException", "slow down") : "{\"Shards\":[]}";

    (void)transport;
    (void)request;
    buffer_init(&answer.body, 1024);
    if (buffer_add_text(&answer.body, body, err) < 0)
        return -1;
    *ret_answer = answer;
    return 0;
}

static void *list_fifty_times(void *context)
{
    for (int i = 0; i < 50; i++) {
        struct shard_map map = {0};
        struct error err = {0};
        char stream[32];

        snprintf(stream, sizeof(stream), "stream-%d", i);
        (void)kinesis_list_shards(context, stream, &map, &err); /* four throttlings in a row are possible */
        shard_map_clear(&map);
    }
    return NULL;
}

START_TEST(one_client_serves_all_threads)
{
    struct transport transport = {answer_shards};
    struct credentials_options keys = {.getenv = conversation_keys, .region = "eu-west-1"};
    struct aws_client_options options = {
        .region = "eu-west-1", .getenv = conversation_keys, .transport = &transport};
    struct scaled_clock clock;
    struct aws_call_count count;
    struct aws_client *client;
    struct error err = {0};
    pthread_t threads[8];

    clock_scaled_init(&clock, clock_now_ms(clock_system()), 10000);
    options.clock = &clock.clock;
    options.credentials = credentials_provider_new(&keys, &transport, options.clock);
    ck_assert_int_eq(aws_client_open(&options, &client, &err), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, list_fifty_times, client), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(aws_client_counts(client, &count, 1), 1);
    ck_assert_uint_eq(count.calls - count.retries, 400);
    ck_assert_uint_eq(count.throttled, count.calls / 5);
    aws_client_close(client);
    credentials_provider_free(options.credentials);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("call");
    TCase *tcase = tcase_create("call");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, throttling_and_failures_of_aws_are_tried_again_and_counted);
    tcase_add_test(tcase, a_client_that_was_stopped_asks_nothing);
    tcase_add_test(tcase, the_fourth_try_is_the_last);
    tcase_add_test(tcase, between_tries_it_waits_half_of_the_ceiling_when_the_dice_say_so);
    tcase_add_test(tcase, aws_may_ask_for_a_longer_wait_but_not_for_ever);
    tcase_add_loop_test(tcase, an_answer_that_is_final_is_said_once_with_its_kind_and_text, 0,
                        COUNT_OF(final));
    tcase_add_test(tcase, a_throttled_resharding_is_tried_again_for_it_was_not_done);
    tcase_add_test(tcase, a_rate_that_update_shard_count_exceeds_for_seconds_is_the_cap_of_the_day);
    tcase_add_test(tcase, the_budget_ends_retries_when_everything_fails);
    tcase_add_test(tcase, a_subscription_is_confirmed_by_a_signed_form);
    tcase_add_loop_test(tcase, a_confirmation_that_fails_says_why, 0, COUNT_OF(confirmations));
    tcase_add_test(tcase, a_client_knows_its_region_and_endpoints_and_refuses_bad_ones);
    tcase_add_test(tcase, operations_are_counted_each_in_a_row);
    tcase_add_test(tcase, one_client_serves_all_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
