/*
 * intake.c - POST /sns: verify, store, answer.  Nothing is decided about shards here.
 *
 * The answer tells SNS what to do: 2xx is final, 4xx is final too (forged or malformed), 5xx brings it back.
 */
#include "parts.h"

#include "aws/sns.h"
#include "base/log.h"

static void answer(struct http_response *response, int status, const char *text)
{
    struct error err = {0};

    response->status = status;
    (void)buffer_printf(&response->body, &err, "%s\n", text); /* short: cannot reach the ceiling */
}

/* Our own trouble: SNS shall bring the message again. */
static void answer_trouble(struct daemon *daemon, struct http_response *response, const struct error *err)
{
    atomic_fetch_add(&daemon->intake.failed, 1);
    LOG(LOG_ERROR, "intake-failed", {"kind", error_kind_name(err->kind)}, {"error", err->message});
    answer(response, 503, "not taken, send it again");
}

static void take_notification(struct daemon *daemon, const struct sns_message *message,
                              struct http_response *response)
{
    static const char *const events[] = {[TAKEN_PENDING] = "notification",
                                         [TAKEN_IGNORED] = "notification-ignored",
                                         [TAKEN_REPEATED] = "notification-repeated"};
    atomic_uint_fast64_t *const counts[] = {[TAKEN_PENDING] = &daemon->intake.accepted,
                                            [TAKEN_IGNORED] = &daemon->intake.ignored,
                                            [TAKEN_REPEATED] = &daemon->intake.repeated};
    struct notification n;
    struct error err = {0};
    enum taken taken;
    struct store *store = stores_take(&daemon->stores, &err);

    if (store == NULL || engine_take(daemon->engine, store, message->message_id, message->topic_arn,
                                     message->message, &n, &taken, &err) < 0) {
        answer_trouble(daemon, response, &err);
    } else {
        atomic_fetch_add(counts[taken], 1);
        LOG(LOG_INFO, events[taken], {"stream", n.stream}, {"alarm", n.alarm_name}, {"state", n.new_state},
            {"message_id", n.message_id}, {"why", n.reason});
        answer(response, 200, taken == TAKEN_REPEATED ? "seen before" : "taken");
        if (taken == TAKEN_PENDING)
            workers_wake(daemon->workers);
    }
    if (store != NULL)
        stores_give(&daemon->stores, store);
}

static void take_confirmation(struct daemon *daemon, const struct sns_message *message,
                              struct http_response *response)
{
    char arn[512];
    struct error err = {0};

    if (sns_confirm_subscription(daemon->aws, message->topic_arn, message->token, arn, sizeof(arn), &err) <
        0) {
        (void)error_wrap(&err, "confirm subscription to '%s'", message->topic_arn);
        answer_trouble(daemon, response, &err);
        return;
    }
    atomic_fetch_add(&daemon->intake.confirmed, 1);
    LOG(LOG_INFO, "subscription-confirmed", {"topic", message->topic_arn}, {"subscription", arn});
    answer(response, 200, "confirmed");
}

void intake_post(void *context, const struct http_request *request, struct http_response *response)
{
    struct daemon *daemon = context;
    const char *raw = request->header(request, "x-amz-sns-rawdelivery");
    struct sns_message message = {0};
    struct error err = {0};

    if (sns_verify(daemon->verifier, request->body, request->body_length,
                   request->header(request, "x-amz-sns-message-type"),
                   raw != NULL && strcmp(raw, "true") == 0, &message, &err) < 0) {
        if (err.kind != ERROR_INPUT) {
            answer_trouble(daemon, response, &err);
            return;
        }
        atomic_fetch_add(&daemon->intake.refused, 1);
        LOG(LOG_WARN, "notification-refused", {"bytes", .number = (int64_t)request->body_length},
            {"why", err.message});
        answer(response, 403, "refused");
        return;
    }
    switch (message.type) {
    case SNS_NOTIFICATION:
        take_notification(daemon, &message, response);
        break;
    case SNS_SUBSCRIPTION_CONFIRMATION:
        take_confirmation(daemon, &message, response);
        break;
    case SNS_UNSUBSCRIBE_CONFIRMATION:
        atomic_fetch_add(&daemon->intake.unsubscribed, 1);
        LOG(LOG_ERROR, "unsubscribed", {"topic", message.topic_arn},
            {"why", "somebody ended our subscription: alarms of this topic no longer arrive"});
        answer(response, 200, "noted");
        break;
    }
    sns_message_clear(&message);
}

/* What the server answered for us: another path, another method, a body beyond the ceiling. */
void intake_refused(void *context, const struct http_request *request, int status)
{
    struct daemon *daemon = context;

    if (strcmp(request->path, "/sns") == 0)
        atomic_fetch_add(&daemon->intake.refused, 1);
    LOG(LOG_INFO, "request-refused", {"method", request->method}, {"path", request->path},
        {"status", .number = status});
}
