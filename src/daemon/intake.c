/*
 * intake.c - POST /sns: verify, store, answer.  Nothing is decided about shards here.
 *
 * The answer tells SNS what to do: 2xx is final, 4xx is final too (forged or malformed), 5xx brings it back.
 */
#include "parts.h"

#include "aws/alarm_message.h"
#include "aws/sns.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/alarms.h"
#include "store/notifications.h"

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

/* Why a genuine alarm asks nothing of us; NULL when it does. */
static const char *why_ignored(const struct daemon *daemon, const struct alarm_message *alarm)
{
    enum alarm_metric metric;

    if (alarm->new_state != ALARM_ALARM)
        return "its new state is not ALARM";
    if (alarm->composite)
        return alarm->child_count > 0 ? NULL : "the composite alarm names no child that triggered it";
    if (alarm->stream[0] == '\0')
        return "it speaks of no Kinesis stream";
    if (config_find(daemon->config, alarm->stream) == NULL)
        return "the stream is not configured";
    if (!alarm->math && !alarm_metric_parse(alarm->metric, &metric))
        return "its metric does not measure what producers write";
    if (strncmp(alarm->comparison, "LessThan", strlen("LessThan")) == 0)
        return "it fires when the load is low";
    return NULL;
}

static void fill(struct notification *n, const struct sns_message *message, const struct alarm_message *alarm)
{
    (void)text_copy(n->message_id, sizeof(n->message_id), message->message_id);
    (void)text_copy(n->topic_arn, sizeof(n->topic_arn), message->topic_arn);
    (void)text_copy(n->alarm_name, sizeof(n->alarm_name), alarm->alarm_name);
    (void)text_copy(n->stream, sizeof(n->stream), alarm->composite ? "" : alarm->stream);
    (void)text_copy(n->shard, sizeof(n->shard), alarm->shard);
    (void)text_copy(n->metric, sizeof(n->metric), alarm->metric);
    (void)text_copy(n->new_state, sizeof(n->new_state), alarm_state_name(alarm->new_state));
    n->changed_ms = alarm->changed_ms;
    n->body = message->message; /* borrowed for the call */
}

static int keep(struct daemon *daemon, const struct notification *n, bool math, bool *ret_new, struct error *err)
{
    struct store *store = stores_take(&daemon->stores, err);
    int result;

    if (store == NULL)
        return -1;
    result = store_notification_add(store, n, ret_new, err);
    if (result == 0 && math && *ret_new && n->status == NOTIFICATION_PENDING)
        result = store_alarm_learn(store, n->stream, n->alarm_name, n->received_ms, err);
    stores_give(&daemon->stores, store);
    return result;
}

static void take_notification(struct daemon *daemon, const struct sns_message *message,
                              struct http_response *response)
{
    struct alarm_message *alarm = must_calloc(1, sizeof(*alarm));
    struct notification n = {.received_ms = clock_now_ms(daemon->clock), .status = NOTIFICATION_PENDING};
    struct error err = {0};
    const char *ignored;
    bool is_new = false;

    /* Genuine but no alarm: somebody published to the topic by hand.  Kept, so that it can be seen. */
    if (alarm_message_parse(message->message, strlen(message->message), alarm, &err) < 0) {
        *alarm = (struct alarm_message){0};
        ignored = err.message;
    } else {
        ignored = why_ignored(daemon, alarm);
    }
    fill(&n, message, alarm);
    if (ignored != NULL) {
        n.status = NOTIFICATION_DROPPED;
        (void)text_copy(n.reason, sizeof(n.reason), ignored);
    }
    if (keep(daemon, &n, alarm->math, &is_new, &err) < 0) {
        answer_trouble(daemon, response, &err);
    } else {
        atomic_fetch_add(!is_new          ? &daemon->intake.repeated
                         : ignored != NULL ? &daemon->intake.ignored
                                           : &daemon->intake.accepted, 1);
        LOG(LOG_INFO, !is_new ? "notification-repeated" : ignored != NULL ? "notification-ignored" : "notification",
            {"stream", n.stream}, {"alarm", n.alarm_name}, {"state", n.new_state}, {"message_id", n.message_id},
            {"why", n.reason});
        answer(response, 200, is_new ? "taken" : "seen before");
        if (is_new && ignored == NULL)
            workers_wake(daemon->workers);
    }
    free(alarm);
}

static void take_confirmation(struct daemon *daemon, const struct sns_message *message,
                              struct http_response *response)
{
    char arn[512];
    struct error err = {0};

    if (sns_confirm_subscription(daemon->aws, message->topic_arn, message->token, arn, sizeof(arn), &err) < 0) {
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
                   request->header(request, "x-amz-sns-message-type"), raw != NULL && strcmp(raw, "true") == 0,
                   &message, &err) < 0) {
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
