/*
 * triage.c - which of the stored notifications still ask for something.
 *
 * CloudWatch acts only on a change of state.  So a notification that meets a lock or a cooldown is kept, and when
 * that is over the alarm itself is asked: still in ALARM means act.
 */
#include "turn.h"

#include "aws/alarm_message.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

static int end_one(struct turn *turn, const struct notification *n, enum notification_status status,
                   const char *reason, struct error *err)
{
    LOG(LOG_INFO, notification_status_name(status),
        {"stream", turn->config != NULL ? turn->config->name : ""}, {"alarm", n->alarm_name},
        {"message_id", n->message_id}, {"why", reason});
    return store_notification_set(turn->store, n->id, status, reason, 0, err);
}

int triage_defer(struct turn *turn, const char *reason, struct error *err)
{
    for (size_t i = 0; i < turn->notifications.count; i++) {
        const struct notification *n = &turn->notifications.items[i];

        if (n->status == NOTIFICATION_PENDING && end_one(turn, n, NOTIFICATION_DEFERRED, reason, err) < 0)
            return -1;
    }
    return 0;
}

int triage_drop(struct turn *turn, const char *reason, struct error *err)
{
    char text[512];

    (void)text_copy(text, sizeof(text), reason); /* may be err's own */
    for (size_t i = 0; i < turn->notifications.count; i++) {
        if (end_one(turn, &turn->notifications.items[i], NOTIFICATION_DROPPED, text, err) < 0)
            return -1;
    }
    notification_list_clear(&turn->notifications); /* nothing else of this turn is held up by them */
    return 0;
}

static void count_failure(struct store *store, const struct notification *n, const char *reason)
{
    struct error err = {0};
    bool dead = false;

    if (store_notification_failed(store, n->id, reason, &dead, &err) < 0)
        LOG(LOG_ERROR, "store-failed", {"stream", n->stream}, {"error", err.message});
    else if (dead)
        LOG(LOG_ERROR, "dead-letter", {"stream", n->stream}, {"alarm", n->alarm_name},
            {"message_id", n->message_id}, {"why", reason});
}

void triage_failed(struct turn *turn, const char *reason)
{
    for (size_t i = 0; i < turn->notifications.count; i++)
        count_failure(turn->store, &turn->notifications.items[i], reason);
}

/*
 * What came before the last cooldown ended speaks of a time before the alarms were reset; what was replayed, or was
 * long under way, of a time before it came.
 */
static bool is_fresh(const struct turn *turn, const struct notification *n)
{
    return n->status == NOTIFICATION_PENDING && turn->now_ms - n->received_ms < FRESH_MS &&
           turn->now_ms - n->changed_ms < FRESH_MS && n->received_ms >= turn->state.cooldown_until_ms;
}

static const struct alarm *find_alarm(const struct alarm_list *alarms, const char *name)
{
    for (size_t i = 0; i < alarms->count; i++) {
        if (strcmp(alarms->items[i].name, name) == 0)
            return &alarms->items[i];
    }
    return NULL;
}

/* None is fresh: ask CloudWatch how the alarms stand now. */
static int check_alarms(struct turn *turn, bool *ret_any, struct error *err)
{
    size_t count = turn->notifications.count;
    const char **names = must_calloc(count, sizeof(*names));
    struct alarm_list alarms = {0};
    int result;

    for (size_t i = 0; i < count; i++)
        names[i] = turn->notifications.items[i].alarm_name;
    result = cloudwatch_alarms_by_name(turn->engine->aws, names, count, &alarms, err);
    for (size_t i = 0; result == 0 && i < count; i++) {
        const struct notification *n = &turn->notifications.items[i];
        const struct alarm *alarm = find_alarm(&alarms, n->alarm_name);

        if (alarm == NULL)
            result = end_one(turn, n, NOTIFICATION_DROPPED, "the alarm does not exist any more", err);
        else if (alarm->state != ALARM_ALARM)
            result = end_one(turn, n, NOTIFICATION_DROPPED, "the alarm is no longer in ALARM", err);
        else
            *ret_any = true;
    }
    alarm_list_clear(&alarms);
    free(names);
    return result;
}

int triage(struct turn *turn, bool *ret_any, struct error *err)
{
    *ret_any = false;
    if (turn->notifications.count == 0)
        return 0;
    for (size_t i = 0; i < turn->notifications.count; i++) {
        if (is_fresh(turn, &turn->notifications.items[i]))
            *ret_any = true;
    }
    return *ret_any ? 0 : check_alarms(turn, ret_any, err);
}

/* ---- composites */

static bool is_among(const char *const *streams, size_t count, const char *stream)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(streams[i], stream) == 0)
            return true;
    }
    return false;
}

/* One composite may stand over alarms of several streams: the first gets the row, others a copy of it. */
static int assign(struct turn *turn, const struct notification *n, const struct alarm_list *children,
                  struct error *err)
{
    const char *streams[ALARM_CHILDREN_MAX];
    size_t count = 0;

    for (size_t i = 0; i < children->count && count < COUNT_OF(streams); i++) {
        const struct alarm *child = &children->items[i];

        if (child->state != ALARM_ALARM || !alarm_asks_for_shards(child) ||
            !config_covers(turn->whole, child->stream))
            continue;
        if (store_alarm_learn(turn->store, child->stream, child->name, turn->now_ms, err) < 0)
            return -1;
        if (!is_among(streams, count, child->stream))
            streams[count++] = child->stream;
    }
    if (count == 0)
        return end_one(turn, n, NOTIFICATION_DROPPED,
                       "no child of the composite alarm stands in ALARM for a configured stream", err);
    return store_notification_assign(turn->store, n->id, streams, count, turn->now_ms, err);
}

static int resolve(struct turn *turn, const struct notification *n, struct error *err)
{
    struct notification whole = {0};
    struct alarm_message *message = must_calloc(1, sizeof(*message));
    struct alarm_list children = {0};
    const char *names[ALARM_CHILDREN_MAX];
    int result = -1;

    if (store_notification_load(turn->store, n->id, &whole, err) == 0 &&
        alarm_message_parse(whole.body, strlen(whole.body), message, err) == 0) {
        for (size_t i = 0; i < message->child_count; i++)
            names[i] = message->child_names[i];
        if (cloudwatch_alarms_by_name(turn->engine->aws, names, message->child_count, &children, err) == 0)
            result = assign(turn, n, &children, err);
    }
    alarm_list_clear(&children);
    notification_clear(&whole);
    free(message);
    return result;
}

int triage_composites(struct engine *engine, struct store *store, struct error *err)
{
    SCOPED(turn_clear)
    struct turn turn = {.engine = engine, .store = store, .now_ms = clock_now_ms(engine->clock)};
    int64_t next_ms = INT64_MAX;

    if (store_stream_load(store, STREAM_NOT_KNOWN, &turn.state, err) < 0 ||
        store_notifications_open(store, "", &turn.notifications, err) < 0)
        return -1;
    turn.whole = engine_config(engine);
    for (size_t i = 0; i < turn.notifications.count; i++) {
        if (resolve(&turn, &turn.notifications.items[i], err) < 0) {
            LOG(LOG_WARN, "composite-unresolved", {"alarm", turn.notifications.items[i].alarm_name},
                {"error", err->message});
            count_failure(store, &turn.notifications.items[i], err->message);
            next_ms = turn.now_ms + 15 * 1000;
        }
    }
    return store_stream_set_due(store, &turn.state, next_ms, DUE_NOTIFICATION, err);
}
