/*
 * call.c - one AWS operation from request to answer.
 *
 * The only place that tries again.  What is tried again, and what is not:
 *
 *   throttled, 5xx, no answer   up to RETRY_ATTEMPTS_MAX tries with full jitter, while the budget lasts
 *   the keys have expired       the provider is told, and there is one more try with what it gives then
 *   resharding, answer lost     not repeated: AWS may have heard us, so the caller looks at the stream first
 *   anything else               never
 */
#include "call.h"

#include "answer.h"
#include "base/json_check.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "base/text.h"

/* Twice what the largest page holds, 100,800 datapoints with their times: about 32 MiB once it is parsed. */
enum { ANSWER_VALUES_MAX = 400000 };

/* How a service wants its requests.  Those without a target prefix speak Query. */
static const struct {
    const char *content_type;
    const char *target_prefix;
} protocols[AWS_SERVICE_COUNT] = {
    [AWS_KINESIS] = {"application/x-amz-json-1.1", "Kinesis_20131202."},
    [AWS_CLOUDWATCH] = {"application/x-amz-json-1.0", "GraniteServiceVersion20100801."},
    [AWS_SNS] = {"application/x-www-form-urlencoded; charset=utf-8", NULL},
    [AWS_CLOUDFORMATION] = {"application/x-www-form-urlencoded; charset=utf-8", NULL},
    [AWS_STS] = {"application/x-www-form-urlencoded; charset=utf-8", NULL},
};

/* Doing these twice by mistake costs shards, or one of ten calls a day. */
static const char *const not_repeatable[] = {"SplitShard", "MergeShards", "UpdateShardCount"};

/* One try. */
struct attempt {
    bool unanswered; /* nothing came back in time */
    bool lost;       /* AWS may have heard us, but did not say what it did: unanswered, or 5xx */
    bool renewable;  /* fresh keys may help */
    int64_t retry_after_ms;
    char access_key_id[129];
};

/* All tries of one call. */
struct progress {
    int attempts;
    bool renewed;
    int cost; /* of the last retry */
};

int aws_call_wrap(const struct aws_call *call, struct error *err)
{
    if (call->subject[0] == '\0')
        return error_wrap(err, "%s", call->operation);
    return error_wrap(err, "%s '%s'", call->operation, call->subject);
}

/* ---- counters; the client's lock is held */

static struct aws_call_count *count_row(struct aws_client *client, const struct aws_call *call)
{
    const char *service = aws_service_name(call->service);
    size_t i = 0;

    while (i < client->count && (strcmp(client->counts[i].operation, call->operation) != 0 ||
                                 client->counts[i].service != service))
        i++;
    if (i == OPERATIONS_MAX) /* the last row takes the rest */
        return &client->counts[OPERATIONS_MAX - 1];
    if (i == client->count)
        client->counts[client->count++] =
            (struct aws_call_count){.service = service, .operation = call->operation};
    return &client->counts[i];
}

static void count_try(struct aws_client *client, const struct aws_call *call, bool retry, int64_t took_ms)
{
    struct aws_call_count *row;

    pthread_mutex_lock(&client->lock);
    row = count_row(client, call);
    row->calls++;
    row->retries += retry;
    row->milliseconds += took_ms > 0 ? (uint64_t)took_ms : 0;
    pthread_mutex_unlock(&client->lock);
}

static void count_throttled(struct aws_client *client, const struct aws_call *call)
{
    pthread_mutex_lock(&client->lock);
    count_row(client, call)->throttled++;
    pthread_mutex_unlock(&client->lock);
}

static void count_failure(struct aws_client *client, const struct aws_call *call)
{
    pthread_mutex_lock(&client->lock);
    count_row(client, call)->failures++;
    pthread_mutex_unlock(&client->lock);
}

/* NULL: AWS knew the keys. */
static void note_credentials(struct aws_client *client, const char *refusal)
{
    pthread_mutex_lock(&client->lock);
    client->refused = refusal != NULL;
    (void)text_copy(client->refusal, sizeof(client->refusal), refusal != NULL ? refusal : "");
    pthread_mutex_unlock(&client->lock);
}

/* NULL: there was an answer, whichever. */
static void note_answer(struct aws_client *client, const char *silence)
{
    int64_t now_ms = clock_now_ms(client->clock);

    pthread_mutex_lock(&client->lock);
    if (silence == NULL) {
        client->answered = true;
        client->silent_since_ms = 0;
    } else if (client->silent_since_ms == 0) {
        client->silent_since_ms = now_ms;
    }
    (void)text_copy(client->silence, sizeof(client->silence), silence != NULL ? silence : "");
    pthread_mutex_unlock(&client->lock);
}

/* ---- one try */

static bool is_repeatable(const char *operation)
{
    for (size_t i = 0; i < COUNT_OF(not_repeatable); i++) {
        if (strcmp(not_repeatable[i], operation) == 0)
            return false;
    }
    return true;
}

static void judge_refusal(struct aws_client *client, struct aws_call *call, const struct aws_answer *answer,
                          const struct credentials *credentials, struct attempt *attempt, struct error *err)
{
    struct refusal refusal;
    enum error_kind kind;

    answer_refusal(answer, credentials, clock_now_ms(clock_system()), &refusal);
    (void)text_copy(call->code, sizeof(call->code), refusal.code);
    kind = aws_error_kind(call->operation, answer->status, refusal.code, refusal.message);
    (void)error_set(err, kind, "%s", refusal.text);

    attempt->lost = answer->status >= 500;
    attempt->renewable = refusal.renewable;
    attempt->retry_after_ms = answer->retry_after_ms;
    note_credentials(client, refusal.credentials ? refusal.text : NULL);
    if (kind == ERROR_THROTTLED)
        count_throttled(client, call);
}

static int try_once(struct aws_client *client, struct aws_call *call, const struct aws_request *message,
                    bool retry, struct attempt *ret_attempt, struct aws_answer *ret_answer, struct error *err)
{
    SCOPED(credentials_clear) struct credentials credentials = {0};
    struct attempt attempt = {.retry_after_ms = -1};
    struct aws_request request = *message;
    char rate_name[96];
    int64_t start_ms;
    int sent;

    *ret_attempt = attempt;
    if (aws_client_is_stopping(client))
        return error_set(err, ERROR_TRANSIENT, "not asked, the program ends");
    if (credentials_get(client->credentials, &credentials, err) < 0) {
        note_credentials(client, err->message);
        /* The provider has its own tries; whoever called us comes back later. */
        return -1;
    }
    (void)text_copy(attempt.access_key_id, sizeof(attempt.access_key_id), credentials.access_key_id);
    request.credentials = &credentials;
    snprintf(rate_name, sizeof(rate_name), "%s:%s", aws_service_name(call->service), call->operation);
    (void)rate_limiter_wait(client->limiter, rate_name, call->subject);

    start_ms = clock_now_ms(client->clock);
    sent = client->transport->send(client->transport, &request, ret_answer, err);
    count_try(client, call, retry, clock_now_ms(client->clock) - start_ms);
    note_answer(client, sent < 0 ? err->message : NULL);
    if (sent < 0) {
        attempt.unanswered = attempt.lost = true;
    } else if (ret_answer->status >= 200 && ret_answer->status < 300) {
        note_credentials(client, NULL);
        return 0;
    } else {
        judge_refusal(client, call, ret_answer, &credentials, &attempt, err);
        if (err->kind == ERROR_THROTTLED)
            rate_limiter_throttled(client->limiter, rate_name);
    }
    *ret_attempt = attempt;
    return -1;
}

/* ---- and again */

static bool take_from_budget(struct aws_client *client, const struct attempt *attempt, int *ret_cost)
{
    bool allowed;

    pthread_mutex_lock(&client->lock);
    allowed = retry_budget_take(&client->budget, attempt->unanswered, ret_cost);
    pthread_mutex_unlock(&client->lock);
    return allowed;
}

static bool may_try_again(struct aws_client *client, const struct aws_call *call,
                          const struct attempt *attempt, struct progress *progress, struct error *err)
{
    const int64_t asked_longest_ms = 20000;
    int64_t delay_ms;

    if (attempt->renewable && !progress->renewed) {
        credentials_reject(client->credentials, attempt->access_key_id);
        progress->renewed = true;
        return true;
    }
    if (attempt->access_key_id[0] == '\0' || !error_is_retryable(err) || aws_client_is_stopping(client) ||
        (attempt->lost && !is_repeatable(call->operation)))
        return false;
    if (progress->attempts == RETRY_ATTEMPTS_MAX) {
        /* A rate per second is not still exceeded after seconds of waiting: this is the cap per day,
         * whose text nobody has published and which was seen to say "Rate exceeded" (FACTS 1.6). */
        if (strcmp(call->operation, "UpdateShardCount") == 0 &&
            strcmp(call->code, "LimitExceededException") == 0)
            err->kind = ERROR_QUOTA;
        return false;
    }
    if (!take_from_budget(client, attempt, &progress->cost))
        return false;

    delay_ms = retry_delay_ms(progress->attempts, err->kind, client->dice());
    if (attempt->retry_after_ms > delay_ms)
        delay_ms = attempt->retry_after_ms < asked_longest_ms ? attempt->retry_after_ms : asked_longest_ms;
    clock_sleep_ms(client->clock, delay_ms);
    progress->attempts++;
    return true;
}

/* Sends until there is a good answer or no reason to go on. */
static int send_until_answered(struct aws_client *client, struct aws_call *call,
                               const struct aws_request *message, struct aws_answer *ret_answer,
                               struct error *err)
{
    struct progress progress = {.attempts = 1};
    struct attempt attempt;
    bool retry = false;

    call->code[0] = '\0';
    while (try_once(client, call, message, retry, &attempt, ret_answer, err) < 0) {
        aws_answer_clear(ret_answer);
        if (!may_try_again(client, call, &attempt, &progress, err))
            return -1;
        retry = true;
        call->code[0] = '\0';
    }
    pthread_mutex_lock(&client->lock);
    retry_budget_success(&client->budget, progress.cost);
    pthread_mutex_unlock(&client->lock);
    return 0;
}

static int perform(struct aws_client *client, struct aws_call *call, const char *body, size_t length,
                   struct aws_answer *ret_answer, struct error *err)
{
    const char *prefix = protocols[call->service].target_prefix;
    char url[ENDPOINT_SIZE + 1], target[128];
    struct aws_request message = {
        .method = "POST",
        .url = url,
        .headers = {{"Content-Type", protocols[call->service].content_type},
                    {prefix != NULL ? "X-Amz-Target" : NULL, target}},
        .body = body,
        .body_length = length,
        .signing_service = aws_signing_name(call->service),
        .signing_region = client->region,
    };

    snprintf(url, sizeof(url), "%s/", client->endpoints[call->service]);
    snprintf(target, sizeof(target), "%s%s", prefix != NULL ? prefix : "", call->operation);
    return send_until_answered(client, call, &message, ret_answer, err);
}

/* ---- JSON */

static int parse_object(const struct buffer *body, cJSON **ret_output, struct error *err)
{
    cJSON *output;

    if (body->length == 0) /* SplitShard and others answer with nothing at all */
        output = cJSON_CreateObject();
    else if (json_check(body->bytes, body->length, JSON_DEPTH_MAX, err) < 0)
        return error_wrap(err, "the answer is no JSON");
    else if (body->length > ANSWER_VALUES_MAX && /* each value has a byte at the least */
             json_values(body->bytes, body->length) > ANSWER_VALUES_MAX)
        return error_set(err, ERROR_INPUT, "the answer is JSON of more than %d values", ANSWER_VALUES_MAX);
    else
        output = cJSON_ParseWithLength(body->bytes, body->length);
    if (!cJSON_IsObject(output)) {
        cJSON_Delete(output);
        return error_set(err, ERROR_INPUT, "the answer is no JSON object");
    }
    *ret_output = output;
    return 0;
}

int aws_call_json(struct aws_client *client, struct aws_call *call, const cJSON *input, cJSON **ret_output,
                  struct error *err)
{
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    char *body = json_print(input);
    cJSON *output = NULL;
    int result;

    result = perform(client, call, body, strlen(body), &answer, err);
    free(body);
    if (result == 0)
        result = parse_object(&answer.body, &output, err);
    if (result < 0) {
        count_failure(client, call);
        return aws_call_wrap(call, err);
    }
    if (ret_output != NULL)
        *ret_output = output;
    else
        cJSON_Delete(output);
    return 0;
}

/* ---- Query */

int form_add(struct buffer *form, const char *name, const char *value, struct error *err)
{
    static const char digits[] = "0123456789ABCDEF";

    if (buffer_printf(form, err, "%s%s=", form->length > 0 ? "&" : "", name) < 0)
        return -1;
    for (const char *c = value; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("-_.~", *c) != NULL;
        const char encoded[] = {'%', digits[(unsigned char)*c >> 4], digits[(unsigned char)*c & 15]};

        if (buffer_add(form, plain ? c : encoded, plain ? 1 : sizeof(encoded), err) < 0)
            return -1;
    }
    return 0;
}

int aws_call_query_rows(struct aws_client *client, struct aws_call *call, const char *version,
                        const char *form, const struct xml_want *wants, size_t want_count,
                        const struct xml_rows *rows, size_t row_count, struct error *err)
{
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    char *body =
        must_printf("Action=%s&Version=%s%s%s", call->operation, version, *form != '\0' ? "&" : "", form);
    int result;

    result = perform(client, call, body, strlen(body), &answer, err);
    free(body);
    if (result == 0)
        result = xml_read_rows(buffer_text(&answer.body), answer.body.length, wants, want_count, rows,
                               row_count, err);
    if (result < 0) {
        count_failure(client, call);
        return aws_call_wrap(call, err);
    }
    return 0;
}

int aws_call_query(struct aws_client *client, struct aws_call *call, const char *version, const char *form,
                   const struct xml_want *wants, size_t want_count, struct error *err)
{
    return aws_call_query_rows(client, call, version, form, wants, want_count, NULL, 0, err);
}
