/*
 * alarms.c - the thresholds fit the shards, and what stands in ALARM can fire again.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

bool alarm_has_our_topic(const struct config *config, const struct alarm *alarm)
{
    for (size_t i = 0; i < config->service.topic_count; i++) {
        if (alarm_has_action(alarm, config->service.topic_arns[i]))
            return true;
    }
    return false;
}

static bool rises(const struct alarm *alarm)
{
    return strncmp(alarm->comparison, "GreaterThan", strlen("GreaterThan")) == 0;
}

bool alarm_asks_for_shards(const struct alarm *alarm)
{
    enum alarm_metric metric;

    if (alarm->composite || alarm->math)
        return strncmp(alarm->comparison, "LessThan", strlen("LessThan")) != 0;
    return strcmp(alarm->namespace, "AWS/Kinesis") == 0 && alarm_metric_parse(alarm->metric, &metric) &&
           rises(alarm);
}

bool alarm_is_ours_to_move(const struct alarm *alarm, const char *stream, enum alarm_metric *ret_metric)
{
    return !alarm->composite && !alarm->math && strcmp(alarm->namespace, "AWS/Kinesis") == 0 &&
           strcmp(alarm->stream, stream) == 0 && alarm->shard[0] == '\0' &&
           strcmp(alarm->statistic, "Sum") == 0 && rises(alarm) &&
           alarm_metric_parse(alarm->metric, ret_metric) && *ret_metric != METRIC_THROTTLED;
}

/* Moves the items of `more` that are not there yet and that `wanted` says yes to. */
static void adopt(struct turn *turn, struct alarm_list *more, bool any_topic)
{
    struct alarm_list *all = &turn->alarms;
    size_t kept = 0;

    all->items = must_realloc(all->items, all->count + more->count + 1, sizeof(*all->items));
    for (size_t i = 0; i < more->count; i++) {
        struct alarm *alarm = &more->items[i];
        bool known = !any_topic && !alarm_has_our_topic(turn->whole, alarm);

        for (size_t k = 0; k < all->count && !known; k++)
            known = strcmp(all->items[k].name, alarm->name) == 0;
        if (known)
            more->items[kept++] = *alarm;
        else
            all->items[all->count++] = *alarm;
    }
    more->count = kept;
    alarm_list_clear(more);
}

static int look_learned(struct turn *turn, struct error *err)
{
    struct alarm_list found = {0};
    char **names = NULL;
    size_t count = 0;
    int result = 0;

    if (store_alarms_learned(turn->store, turn->config->name, &names, &count, err) < 0)
        return -1;
    if (count > 0)
        result = cloudwatch_alarms_by_name(turn->engine->aws, (const char *const *)names, count, &found, err);
    if (result == 0)
        adopt(turn, &found, true);
    store_names_free(names, count);
    return result;
}

int alarms_look(struct turn *turn, struct error *err)
{
    if (turn->alarms_known)
        return 0;
    for (int metric = 0; metric < ALARM_METRIC_COUNT; metric++) {
        struct alarm_list found = {0};

        if (cloudwatch_alarms_for_metric(turn->engine->aws, alarm_metric_name((enum alarm_metric)metric),
                                         turn->config->name, NULL, &found, err) < 0)
            return -1;
        adopt(turn, &found, false);
    }
    if (look_learned(turn, err) < 0)
        return -1;
    if (turn->alarms.count == 0)
        LOG(LOG_WARN, "no-alarms", {"stream", turn->config->name},
            {"why", "no alarm on the stream's write metrics has a configured topic among its actions"});
    turn->alarms_known = true;
    return 0;
}

/* What may pass when tried again ends the turn; what never will is noted, and the other alarms are served. */
static int note_or_fail(struct turn *turn, const struct alarm *alarm, struct error *err)
{
    if (err->kind == ERROR_NOT_FOUND) {
        struct error ignored = {0};

        (void)store_alarm_forget(turn->store, turn->config->name, alarm->name, &ignored);
        return 0;
    }
    if (error_is_retryable(err) || err->kind == ERROR_STORE)
        return -1;
    LOG(LOG_WARN, "alarm-refused", {"stream", turn->config->name}, {"alarm", alarm->name},
        {"error", err->message});
    if (turn->action.failure[0] == '\0')
        (void)text_copy(turn->action.failure, sizeof(turn->action.failure), err->message);
    return 0;
}

int alarms_move_thresholds(struct turn *turn, struct error *err)
{
    double capacity;

    if (look_shards(turn, err) < 0 || alarms_look(turn, err) < 0)
        return -1;
    capacity = alarm_capacity(turn->config, &turn->shards);
    turn->action.to_shards = (int64_t)turn->shards.count;
    for (size_t i = 0; i < turn->alarms.count; i++) {
        struct alarm *alarm = &turn->alarms.items[i];
        enum alarm_metric metric;
        double threshold;

        if (!alarm_is_ours_to_move(alarm, turn->config->name, &metric))
            continue;
        threshold = alarm_threshold(turn->config, metric, alarm->period_s, capacity);
        if (threshold == alarm->threshold)
            continue;
        if (cloudwatch_put_threshold(turn->engine->aws, alarm, threshold, err) < 0) {
            if (note_or_fail(turn, alarm, err) < 0)
                return -1;
            continue;
        }
        LOG(LOG_INFO, "threshold-moved", {"stream", turn->config->name}, {"alarm", alarm->name},
            {"from", .number = (int64_t)alarm->threshold}, {"to", .number = (int64_t)threshold});
        alarm->threshold = threshold;
    }
    return 0;
}

int alarms_reset(struct turn *turn, struct error *err)
{
    char reason[256];

    /* A repair of thresholds alone changes nothing that an alarm in ALARM waits for. */
    if (turn->action.kind == ACTION_REPAIR && turn->action.to_shards == turn->action.from_shards)
        return 0;
    /* An alarm that came in while shards were given back has not been acted on yet. */
    if (turn->action.kind == ACTION_SCALE_DOWN && turn->notifications.count > 0)
        return 0;
    if (alarms_look(turn, err) < 0)
        return -1;
    snprintf(reason, sizeof(reason), "kinescale: %lld to %lld shards, action %lld; the alarm is armed again",
             (long long)turn->action.from_shards, (long long)turn->action.to_shards,
             (long long)turn->action.id);
    for (size_t i = 0; i < turn->alarms.count; i++) {
        const struct alarm *alarm = &turn->alarms.items[i];

        /* A composite follows its children; its own state cannot be set for good. */
        if (alarm->state != ALARM_ALARM || alarm->composite)
            continue;
        if (cloudwatch_set_alarm_state(turn->engine->aws, alarm->name, ALARM_OK, reason, err) < 0) {
            if (note_or_fail(turn, alarm, err) < 0)
                return -1;
            continue;
        }
        LOG(LOG_INFO, "alarm-reset", {"stream", turn->config->name}, {"alarm", alarm->name});
    }
    return 0;
}
