/*
 * take.c - a genuine message of one of our topics becomes a row; nothing is decided about shards here.
 */
#include "turn.h"

#include "aws/alarm_message.h"
#include "base/memory.h"
#include "base/text.h"

/* Why a genuine alarm asks nothing of us; NULL when it does. */
static const char *why_ignored(struct engine *engine, const struct alarm_message *alarm)
{
    enum alarm_metric metric;
    struct config *config;
    bool covered;

    if (alarm->new_state != ALARM_ALARM)
        return "its new state is not ALARM";
    if (alarm->composite)
        return alarm->child_count > 0 ? NULL : "the composite alarm names no child that triggered it";
    if (alarm->stream[0] == '\0')
        return "it speaks of no Kinesis stream";
    config = engine_config(engine);
    covered = config_covers(config, alarm->stream); /* a stream may be so new that no look has found it yet */
    config_free(config);
    if (!covered)
        return "the stream is not configured";
    if (!alarm->math && !alarm_metric_parse(alarm->metric, &metric))
        return "its metric does not measure what producers write";
    if (strncmp(alarm->comparison, "LessThan", strlen("LessThan")) == 0)
        return "it fires when the load is low";
    return NULL;
}

static void fill(struct notification *n, const struct alarm_message *alarm)
{
    (void)text_copy(n->alarm_name, sizeof(n->alarm_name), alarm->alarm_name);
    (void)text_copy(n->stream, sizeof(n->stream), alarm->composite ? "" : alarm->stream);
    (void)text_copy(n->shard, sizeof(n->shard), alarm->shard);
    (void)text_copy(n->metric, sizeof(n->metric), alarm->metric);
    (void)text_copy(n->new_state, sizeof(n->new_state), alarm_state_name(alarm->new_state));
    n->changed_ms = alarm->changed_ms;
}

static enum notification_status judge(struct engine *engine, const char *message, struct notification *n,
                                      bool *ret_math)
{
    struct alarm_message *alarm = must_calloc(1, sizeof(*alarm));
    struct error err = {0};
    const char *ignored;

    /* Genuine but no alarm: somebody published to the topic by hand.  Kept, so that it can be seen. */
    if (alarm_message_parse(message, strlen(message), alarm, &err) < 0) {
        ignored = err.message;
    } else {
        ignored = why_ignored(engine, alarm);
        fill(n, alarm);
    }
    *ret_math = alarm->math;
    if (ignored != NULL)
        (void)text_copy(n->reason, sizeof(n->reason), ignored);
    free(alarm);
    return ignored != NULL ? NOTIFICATION_DROPPED : NOTIFICATION_PENDING;
}

int engine_take(struct engine *engine, struct store *store, const char *message_id, const char *topic_arn,
                const char *message, struct notification *ret_notification, enum taken *ret_taken,
                struct error *err)
{
    struct notification n = {.received_ms = clock_now_ms(engine->clock)};
    bool math, is_new;

    (void)text_copy(n.message_id, sizeof(n.message_id), message_id);
    (void)text_copy(n.topic_arn, sizeof(n.topic_arn), topic_arn);
    n.status = judge(engine, message, &n, &math);
    n.body = (char *)message; /* borrowed: the store only reads it */
    /* DescribeAlarmsForMetric does not find alarms on metric math, and is not asked for each shard; the name is how they are found
     * again. */
    if (math && n.status == NOTIFICATION_PENDING &&
        store_alarm_learn(store, n.stream, n.alarm_name, n.received_ms, err) < 0)
        return -1;
    if (!math && n.status == NOTIFICATION_PENDING &&
        shard_alarm_learn(store, n.stream, n.shard, n.metric, n.alarm_name, n.received_ms, err) < 0)
        return -1;
    if (store_notification_add(store, &n, &is_new, err) < 0)
        return -1;
    n.body = NULL;
    *ret_taken = !is_new ? TAKEN_REPEATED : n.status == NOTIFICATION_PENDING ? TAKEN_PENDING : TAKEN_IGNORED;
    *ret_notification = n;
    return 0;
}
