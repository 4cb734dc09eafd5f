/*
 * retry.c - what AWS's errors mean to us, and how long to wait.  Pure.
 *
 * Codes: the exceptions of the Kinesis, CloudWatch, SNS, CloudFormation and STS models, the common errors of the
 * API references, and the throttling codes of botocore's retries/standard.py.
 */
#include "aws/retry.h"

#include "base/memory.h"
#include "base/text.h"

/* What AWS calls it, and what it means to us.  CloudWatch and SNS use the older names in Query answers. */
static const struct {
    const char *code;
    enum error_kind kind;
} meanings[] = {
    {"BandwidthLimitExceeded", ERROR_THROTTLED},
    {"EC2ThrottledException", ERROR_THROTTLED},
    {"KMSThrottling", ERROR_THROTTLED},
    {"KMSThrottlingException", ERROR_THROTTLED},
    {"PriorRequestNotComplete", ERROR_THROTTLED},
    {"ProvisionedThroughputExceededException", ERROR_THROTTLED},
    {"RequestLimitExceeded", ERROR_THROTTLED},
    {"RequestThrottled", ERROR_THROTTLED},
    {"RequestThrottledException", ERROR_THROTTLED},
    {"SlowDown", ERROR_THROTTLED},
    {"Throttled", ERROR_THROTTLED},
    {"ThrottledException", ERROR_THROTTLED},
    {"Throttling", ERROR_THROTTLED},
    {"ThrottlingException", ERROR_THROTTLED},
    {"TooManyRequestsException", ERROR_THROTTLED},
    {"TransactionInProgressException", ERROR_THROTTLED},

    {"ConcurrentAccess", ERROR_TRANSIENT},
    {"ConcurrentModificationException", ERROR_TRANSIENT},
    {"InternalError", ERROR_TRANSIENT},
    {"InternalFailure", ERROR_TRANSIENT},
    {"InternalFailureException", ERROR_TRANSIENT},
    {"InternalServerError", ERROR_TRANSIENT},
    {"InternalServiceError", ERROR_TRANSIENT},
    {"InternalServiceFault", ERROR_TRANSIENT},
    {"RequestTimeout", ERROR_TRANSIENT},
    {"RequestTimeoutException", ERROR_TRANSIENT},
    {"ServiceUnavailable", ERROR_TRANSIENT},
    {"ServiceUnavailableException", ERROR_TRANSIENT},

    {"AlreadyExistsException", ERROR_CONFLICT},
    {"ConflictException", ERROR_CONFLICT},
    {"InvalidChangeSetStatus", ERROR_CONFLICT},
    {"ResourceConflict", ERROR_CONFLICT},
    {"ResourceInUseException", ERROR_CONFLICT},
    {"TokenAlreadyExistsException", ERROR_CONFLICT},

    {"LimitExceeded", ERROR_QUOTA},
    {"LimitExceededFault", ERROR_QUOTA},
    {"SubscriptionLimitExceeded", ERROR_QUOTA},
    {"FilterPolicyLimitExceeded", ERROR_QUOTA},
    {"ReplayLimitExceeded", ERROR_QUOTA},

    {"ChangeSetNotFound", ERROR_NOT_FOUND},
    {"NotFound", ERROR_NOT_FOUND},
    {"NotFoundException", ERROR_NOT_FOUND},
    {"ResourceNotFound", ERROR_NOT_FOUND},
    {"ResourceNotFoundException", ERROR_NOT_FOUND},

    {"AccessDenied", ERROR_AUTH},
    {"AccessDeniedException", ERROR_AUTH},
    {"AuthFailure", ERROR_AUTH},
    {"AuthorizationError", ERROR_AUTH},
    {"ExpiredToken", ERROR_AUTH},
    {"ExpiredTokenException", ERROR_AUTH},
    {"IncompleteSignature", ERROR_AUTH},
    {"IncompleteSignatureException", ERROR_AUTH},
    {"InvalidClientTokenId", ERROR_AUTH},
    {"InvalidSecurity", ERROR_AUTH},
    {"InvalidSignatureException", ERROR_AUTH},
    {"MissingAuthenticationToken", ERROR_AUTH},
    {"MissingAuthenticationTokenException", ERROR_AUTH},
    {"NotAuthorized", ERROR_AUTH},
    {"OptInRequired", ERROR_AUTH},
    {"RequestExpired", ERROR_AUTH},
    {"RequestTimeTooSkewed", ERROR_AUTH},
    {"SignatureDoesNotMatch", ERROR_AUTH},
    {"UnrecognizedClientException", ERROR_AUTH},

    {"ExpiredNextTokenException", ERROR_REFUSED},
    {"InvalidArgumentException", ERROR_REFUSED},
    {"InvalidNextToken", ERROR_REFUSED},
    {"InvalidParameter", ERROR_REFUSED},
    {"SerializationException", ERROR_REFUSED},
    {"UnknownOperationException", ERROR_REFUSED},
    {"ValidationError", ERROR_REFUSED},
    {"ValidationException", ERROR_REFUSED},
};

/*
 * LimitExceededException, by its text (FACTS 1.6).  A text with words of both kinds is a quota:
 * "rate exceeded, 10 per 24 hours" does not pass with seconds.
 */
static const struct {
    const char *words;
    enum error_kind kind;
} limit_texts[] = {
    {"rate exceeded", ERROR_THROTTLED},
    {"simultaneously", ERROR_THROTTLED}, /* "... be in CREATING or DELETING" */
    {"concurrent", ERROR_THROTTLED},
    {"shard limit", ERROR_QUOTA}, /* "This request would exceed the shard limit for the account" */
    {"shard count", ERROR_QUOTA}, /* "... double your current open shard count", "Target shard count ..." */
    {"24 hour", ERROR_QUOTA},
    {"24-hour", ERROR_QUOTA},
    {"per day", ERROR_QUOTA},
    {"daily", ERROR_QUOTA},
};

/* The text says nothing: operations whose limit is more likely one of the day or the account than of the second. */
static const char *const quota_operations[] = {"CreateChangeSet", "CreateStack",      "CreateStream",
                                               "PutMetricAlarm",  "UpdateShardCount", "UpdateStreamMode"};

static enum error_kind limit_kind(const char *operation, const char *message)
{
    enum error_kind kind = ERROR_NONE;

    for (size_t i = 0; i < COUNT_OF(limit_texts); i++) {
        if (kind != ERROR_QUOTA && strcasestr(message, limit_texts[i].words) != NULL)
            kind = limit_texts[i].kind;
    }
    if (kind != ERROR_NONE)
        return kind;
    for (size_t i = 0; i < COUNT_OF(quota_operations); i++) {
        if (text_equal(operation, quota_operations[i]))
            return ERROR_QUOTA;
    }
    return ERROR_THROTTLED;
}

/* A code we have no row for. */
static enum error_kind kind_by_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return ERROR_AUTH;
    case 408:
        return ERROR_TRANSIENT;
    case 429:
        return ERROR_THROTTLED;
    default:
        return status >= 500 ? ERROR_TRANSIENT : ERROR_REFUSED;
    }
}

enum error_kind aws_error_kind(const char *operation, int status, const char *code, const char *message)
{
    if (strcmp(code, "LimitExceededException") == 0)
        return limit_kind(operation, message);
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (strcmp(meanings[i].code, code) == 0)
            return meanings[i].kind;
    }
    return kind_by_status(status);
}

int64_t retry_delay_ms(int attempt, enum error_kind kind, double dice)
{
    const int64_t longest_ms = 20000;
    int64_t base_ms = kind == ERROR_THROTTLED ? 1000 : 100;
    int doublings = attempt < 1 ? 0 : attempt > 16 ? 15 : attempt - 1;
    int64_t ceiling_ms = base_ms << doublings;

    return (int64_t)((double)(ceiling_ms < longest_ms ? ceiling_ms : longest_ms) * dice);
}

enum { BUDGET_TOKENS = 500, COST_RETRY = 5, COST_AFTER_TIMEOUT = 10 };

void retry_budget_init(struct retry_budget *budget)
{
    budget->tokens = BUDGET_TOKENS;
}

bool retry_budget_take(struct retry_budget *budget, bool after_timeout, int *ret_cost)
{
    int cost = after_timeout ? COST_AFTER_TIMEOUT : COST_RETRY;

    if (budget->tokens < cost)
        return false;
    budget->tokens -= cost;
    *ret_cost = cost;
    return true;
}

void retry_budget_success(struct retry_budget *budget, int cost_of_last_retry)
{
    int back = cost_of_last_retry > 0 ? cost_of_last_retry : 1;

    budget->tokens = budget->tokens + back < BUDGET_TOKENS ? budget->tokens + back : BUDGET_TOKENS;
}
