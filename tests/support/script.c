#include "script.h"

#include "aws/kinesis.h"
#include "base/memory.h"
#include "base/text.h"
#include "support.h"

static const char *header_of(const struct aws_request *request, const char *name)
{
    for (size_t i = 0; i < REQUEST_HEADERS_MAX && request->headers[i].name != NULL; i++) {
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

static bool is_operation(const struct aws_request *request, const char *operation)
{
    const char *target = header_of(request, "X-Amz-Target");
    char action[128];

    if (target != NULL) {
        const char *dot = strchr(target, '.');

        return dot != NULL && strcmp(dot + 1, operation) == 0;
    }
    snprintf(action, sizeof(action), "Action=%s&", operation);
    return text_starts_with(request->body, action);
}

static void check_question(const struct script *script, const struct exchange *exchange,
                           const struct aws_request *request)
{
    size_t turn = script->next;

    ck_assert_msg(strcmp(request->method, "POST") == 0 && text_ends_with(request->url, "/"),
                  "exchange %zu: %s %s", turn, request->method, request->url);
    ck_assert_msg(strlen(request->body) == request->body_length, "exchange %zu: length of the body", turn);
    ck_assert_msg(header_of(request, "Content-Type") != NULL, "exchange %zu: no Content-Type", turn);
    ck_assert_msg(header_of(request, "X-Amz-Date") == NULL, "exchange %zu: X-Amz-Date is libcurl's", turn);
    ck_assert_msg(request->credentials != NULL && strcmp(request->signing_region, "eu-west-1") == 0,
                  "exchange %zu: not signed", turn);
    ck_assert_msg(exchange->operation == NULL || is_operation(request, exchange->operation),
                  "exchange %zu: expected %s, got %s: %s", turn, exchange->operation,
                  header_of(request, "X-Amz-Target"), request->body);
    ck_assert_msg(exchange->request == NULL || strcmp(exchange->request, request->body) == 0,
                  "exchange %zu: expected\n%s\ngot\n%s", turn, exchange->request, request->body);
    ck_assert_msg(exchange->contains == NULL || strstr(request->body, exchange->contains) != NULL,
                  "exchange %zu: expected a part\n%s\ngot\n%s", turn, exchange->contains, request->body);
    ck_assert_msg(exchange->access_key_id == NULL ||
                      strcmp(exchange->access_key_id, request->credentials->access_key_id) == 0,
                  "exchange %zu: signed by %s", turn, request->credentials->access_key_id);
}

static int play(struct transport *transport, const struct aws_request *request, struct aws_answer *ret_answer,
                struct error *err)
{
    struct script *script = (struct script *)transport;
    const struct exchange *exchange;
    struct aws_answer answer = {.retry_after_ms = -1};

    ck_assert_msg(script->next < script->count, "asked after the last exchange: %s", request->body);
    exchange = &script->exchanges[script->next];
    check_question(script, exchange, request);
    script->next++;
    free(script->last_request);
    script->last_request = must_strdup(request->body);
    script->clock->ms += exchange->took_ms;
    if (exchange->fails != ERROR_NONE)
        return error_set(err, exchange->fails, "no answer from 'script'");

    buffer_init(&answer.body, 64 << 20);
    if (exchange->answer != NULL)
        (void)buffer_add(&answer.body, exchange->answer,
                         exchange->answer_length > 0 ? exchange->answer_length : strlen(exchange->answer),
                         err);
    answer.status = exchange->status > 0 ? exchange->status : 200;
    if (exchange->retry_after_ms > 0)
        answer.retry_after_ms = exchange->retry_after_ms;
    if (exchange->clock_off_ms != 0)
        answer.date_ms = clock_now_ms(clock_system()) - exchange->clock_off_ms;
    (void)text_copy(answer.error_type, sizeof(answer.error_type),
                    exchange->error_type != NULL ? exchange->error_type : "");
    (void)text_copy(answer.request_id, sizeof(answer.request_id),
                    exchange->request_id != NULL ? exchange->request_id : "");
    *ret_answer = answer;
    return 0;
}

const char *conversation_keys(const char *name)
{
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return "AKIDSCRIPT0000000001";
    if (strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0)
        return "wJalrXUtnFEMI/K7MDENG+bPxRfiCYSCRIPTKEY1";
    return NULL;
}

static double half(void)
{
    return 0.5;
}

void conversation_open_as(struct conversation *conversation, const struct exchange *exchanges, size_t count,
                          const char *(*get_env)(const char *name))
{
    struct credentials_options keys = {.getenv = get_env, .region = "eu-west-1"};
    struct aws_client_options options = {.region = "eu-west-1", .getenv = get_env, .dice = half};
    struct error err = {0};

    *conversation = (struct conversation){0};
    clock_virtual_init(&conversation->clock, 1763683200000);
    conversation->script.transport.send = play;
    conversation->script.clock = &conversation->clock;
    conversation->script.exchanges = exchanges;
    conversation->script.count = count;
    conversation->credentials =
        credentials_provider_new(&keys, &conversation->script.transport, &conversation->clock.clock);
    options.transport = &conversation->script.transport;
    options.credentials = conversation->credentials;
    options.clock = &conversation->clock.clock;
    ck_assert_msg(aws_client_open(&options, &conversation->client, &err) == 0, "%s", err.message);
}

void conversation_open(struct conversation *conversation, const struct exchange *exchanges, size_t count)
{
    conversation_open_as(conversation, exchanges, count, conversation_keys);
}

void conversation_abandon(struct conversation *conversation)
{
    aws_client_close(conversation->client);
    credentials_provider_free(conversation->credentials);
    free(conversation->script.last_request);
    *conversation = (struct conversation){0};
}

void conversation_close(struct conversation *conversation)
{
    size_t next = conversation->script.next, count = conversation->script.count;

    conversation_abandon(conversation);
    ck_assert_msg(next == count, "%zu of %zu exchanges took place", next, count);
}

int conversation_limits(struct conversation *conversation, struct error *err)
{
    int64_t limit = 0, open = 0;
    int result = kinesis_limits(conversation->client, &limit, &open, err);

    if (result == 0) {
        ck_assert_int_eq(limit, 500);
        ck_assert_int_eq(open, 7);
    }
    return result;
}
