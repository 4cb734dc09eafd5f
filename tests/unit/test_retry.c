#include "aws/retry.h"
#include "base/memory.h"
#include "support.h"

static const char shard_limit[] = "This request would exceed the shard limit for the account 123456789012 in "
                                  "us-east-1. Current shard count for "
                                  "the account: 499. Limit: 500. Number of additional shards that would have "
                                  "resulted from this request: 2. Refer "
                                  "to the AWS Service Limits page";

static const struct {
    const char *operation;
    int status;
    const char *code;
    const char *message;
    enum error_kind kind;
} cases[] = {
    /* LimitExceededException: throttling, by text */
    {"DescribeStreamSummary", 400, "LimitExceededException",
     "Rate exceeded for stream orders under account 1.", ERROR_THROTTLED},
    {"SplitShard", 400, "LimitExceededException", "Rate exceeded for stream orders under account 1.",
     ERROR_THROTTLED},
    {"UpdateShardCount", 400, "LimitExceededException", "Rate exceeded for stream orders under account 1.",
     ERROR_THROTTLED},
    {"UpdateShardCount", 400, "LimitExceededException", "rate exceeded", ERROR_THROTTLED},
    /* too many streams at once */
    {"DeleteStream", 400, "LimitExceededException",
     "Only 5 streams can simultaneously be in CREATING or DELETING state.", ERROR_THROTTLED},
    {"SplitShard", 400, "LimitExceededException",
     "The number of concurrent stream requests exceeds the maximum number allowed.", ERROR_THROTTLED},
    /* quotas */
    {"SplitShard", 400, "LimitExceededException", shard_limit, ERROR_QUOTA},
    {"CreateStream", 400, "LimitExceededException", shard_limit, ERROR_QUOTA},
    {"UpdateShardCount", 400, "LimitExceededException", shard_limit, ERROR_QUOTA},
    {"UpdateShardCount", 400, "LimitExceededException", "Rate exceeded: 10 calls per rolling 24 hours.",
     ERROR_QUOTA},
    /* the bounds of UpdateShardCount */
    {"UpdateShardCount", 400, "LimitExceededException",
     "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: "
     "1 Target "
     "shard count: 4",
     ERROR_QUOTA},
    {"UpdateShardCount", 400, "LimitExceededException",
     "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: "
     "6, "
     "Target shard count: 2",
     ERROR_QUOTA},
    {"UpdateShardCount", 400, "LimitExceededException",
     "Target shard count or number of open shards cannot be greater than 500. Current open shard count: 400, "
     "Target "
     "shard count: 700",
     ERROR_QUOTA},
    /* without a text: by operation */
    {"UpdateShardCount", 400, "LimitExceededException", "", ERROR_QUOTA},
    {"PutMetricAlarm", 400, "LimitExceededException", "", ERROR_QUOTA},
    {"ListShards", 400, "LimitExceededException", "", ERROR_THROTTLED},
    {"DescribeLimits", 400, "LimitExceededException", "", ERROR_THROTTLED},
    {"SplitShard", 400, "LimitExceededException", "", ERROR_THROTTLED},
    {"MergeShards", 400, "LimitExceededException", "", ERROR_THROTTLED},
    /* the others */
    {"PutMetricAlarm", 400, "LimitExceeded", "The maximum number of alarms has been reached", ERROR_QUOTA},
    {"PutMetricAlarm", 400, "LimitExceededFault", "", ERROR_QUOTA},
    {"SplitShard", 400, "ResourceInUseException", "Stream orders not ACTIVE", ERROR_CONFLICT},
    {"SplitShard", 400, "ResourceNotFoundException", "", ERROR_NOT_FOUND},
    {"SetAlarmState", 404, "ResourceNotFound", "", ERROR_NOT_FOUND},
    {"ConfirmSubscription", 404, "NotFound", "", ERROR_NOT_FOUND},
    {"SplitShard", 400, "InvalidArgumentException", "", ERROR_REFUSED},
    {"UpdateShardCount", 400, "ValidationException", "is in On-Demand mode", ERROR_REFUSED},
    {"SetAlarmState", 400, "ValidationError", "", ERROR_REFUSED},
    {"ListShards", 400, "ExpiredNextTokenException", "", ERROR_REFUSED},
    {"SplitShard", 400, "SerializationException", "", ERROR_REFUSED},
    {"SplitShard", 400, "AccessDeniedException", "", ERROR_AUTH},
    {"SplitShard", 400, "UnrecognizedClientException", "", ERROR_AUTH},
    {"SplitShard", 403, "InvalidClientTokenId", "", ERROR_AUTH},
    {"SplitShard", 403, "SignatureDoesNotMatch", "", ERROR_AUTH},
    {"SplitShard", 400, "ExpiredTokenException", "", ERROR_AUTH},
    {"ConfirmSubscription", 403, "AuthorizationError", "", ERROR_AUTH},
    {"SplitShard", 400, "ThrottlingException", "", ERROR_THROTTLED},
    {"GetMetricData", 400, "Throttling", "Rate exceeded", ERROR_THROTTLED},
    {"ConfirmSubscription", 429, "Throttled", "", ERROR_THROTTLED},
    {"PutRecords", 400, "ProvisionedThroughputExceededException", "", ERROR_THROTTLED},
    {"SplitShard", 500, "InternalFailure", "", ERROR_TRANSIENT},
    {"GetMetricData", 500, "InternalServiceError", "", ERROR_TRANSIENT},
    {"SplitShard", 503, "ServiceUnavailable", "", ERROR_TRANSIENT},
    {"TagResource", 429, "ConcurrentModificationException", "", ERROR_TRANSIENT},
    /* unknown codes: by status */
    {"SplitShard", 500, "NeverHeardOf", "", ERROR_TRANSIENT},
    {"SplitShard", 502, "", "", ERROR_TRANSIENT},
    {"SplitShard", 503, "", "", ERROR_TRANSIENT},
    {"SplitShard", 504, "", "", ERROR_TRANSIENT},
    {"SplitShard", 429, "", "", ERROR_THROTTLED},
    {"SplitShard", 408, "", "", ERROR_TRANSIENT},
    {"SplitShard", 401, "", "", ERROR_AUTH},
    {"SplitShard", 403, "", "", ERROR_AUTH},
    {"SplitShard", 400, "NeverHeardOf", "", ERROR_REFUSED},
    {"SplitShard", 404, "", "", ERROR_REFUSED}, /* a wrong address is not a missing stream */
    {"SplitShard", 301, "", "", ERROR_REFUSED},
    {"SplitShard", 413, "", "", ERROR_REFUSED},
};

START_TEST(an_error_means_what_the_table_says)
{
    enum error_kind kind =
        aws_error_kind(cases[_i].operation, cases[_i].status, cases[_i].code, cases[_i].message);

    ck_assert_msg(kind == cases[_i].kind, "%s %d %s '%s': got %s", cases[_i].operation, cases[_i].status,
                  cases[_i].code, cases[_i].message, error_kind_name(kind));
}
END_TEST

static const struct {
    int attempt;
    enum error_kind kind;
    int64_t ceiling_ms;
} delays[] = {
    {1, ERROR_TRANSIENT, 100},   {2, ERROR_TRANSIENT, 200},   {3, ERROR_TRANSIENT, 400},
    {8, ERROR_TRANSIENT, 12800}, {9, ERROR_TRANSIENT, 20000}, {1000, ERROR_TRANSIENT, 20000},
    {1, ERROR_THROTTLED, 1000},  {2, ERROR_THROTTLED, 2000},  {3, ERROR_THROTTLED, 4000},
    {5, ERROR_THROTTLED, 16000}, {6, ERROR_THROTTLED, 20000}, {INT32_MAX, ERROR_THROTTLED, 20000},
    {0, ERROR_THROTTLED, 1000},  {-5, ERROR_TRANSIENT, 100},
};

START_TEST(a_delay_is_anything_from_nothing_to_its_ceiling)
{
    int64_t ceiling_ms = delays[_i].ceiling_ms;

    ck_assert_int_eq(retry_delay_ms(delays[_i].attempt, delays[_i].kind, 0), 0);
    ck_assert_int_eq(retry_delay_ms(delays[_i].attempt, delays[_i].kind, 0.5), ceiling_ms / 2);
    ck_assert_int_eq(retry_delay_ms(delays[_i].attempt, delays[_i].kind, 0.9999999), ceiling_ms - 1);
}
END_TEST

START_TEST(a_budget_pays_a_hundred_retries_or_fifty_after_timeouts)
{
    struct retry_budget budget;
    int cost = 0, retries;

    retry_budget_init(&budget);
    for (retries = 0; retry_budget_take(&budget, false, &cost); retries++)
        ck_assert_int_eq(cost, 5);
    ck_assert_int_eq(retries, 100);

    retry_budget_init(&budget);
    for (retries = 0; retry_budget_take(&budget, true, &cost); retries++)
        ck_assert_int_eq(cost, 10);
    ck_assert_int_eq(retries, 50);
}
END_TEST

START_TEST(an_empty_budget_leaves_the_cost_alone)
{
    struct retry_budget budget = {.tokens = 4};
    int cost = 77;

    ck_assert(!retry_budget_take(&budget, false, &cost));
    ck_assert_int_eq(cost, 77);
    ck_assert_int_eq(budget.tokens, 4);
}
END_TEST

START_TEST(a_success_gives_back_what_its_retry_had_cost_or_one)
{
    struct retry_budget budget = {.tokens = 100};

    retry_budget_success(&budget, 0);
    ck_assert_int_eq(budget.tokens, 101);
    retry_budget_success(&budget, 10);
    ck_assert_int_eq(budget.tokens, 111);
    budget.tokens = 498;
    retry_budget_success(&budget, 5);
    ck_assert_int_eq(budget.tokens, 500);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("retry");
    TCase *tcase = tcase_create("retry");

    tcase_add_loop_test(tcase, an_error_means_what_the_table_says, 0, COUNT_OF(cases));
    tcase_add_loop_test(tcase, a_delay_is_anything_from_nothing_to_its_ceiling, 0, COUNT_OF(delays));
    tcase_add_test(tcase, a_budget_pays_a_hundred_retries_or_fifty_after_timeouts);
    tcase_add_test(tcase, an_empty_budget_leaves_the_cost_alone);
    tcase_add_test(tcase, a_success_gives_back_what_its_retry_had_cost_or_one);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
