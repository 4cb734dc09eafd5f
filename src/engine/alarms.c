/*
 * alarms.c - the thresholds fit the shards, and what stands in ALARM can fire again.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* How long an action may go on changing alarms before the rest is left to a repair. */
enum { CHANGES_MS = 2 * 60 * 1000 };

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

/* Does the list have it already? */
static bool is_known(const struct alarm_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    }
    return false;
}

/* What was found by how its name begins, or by its metric: on this stream, with a topic of ours. */
static bool is_managed(const struct turn *turn, const struct alarm *alarm)
{
    return strcmp(alarm->stream, turn->config->name) == 0 && alarm_has_our_topic(turn->whole, alarm);
}

/* Moves the items of `more` that are not there yet and, unless they are `learned`, are managed. */
static void adopt(struct turn *turn, struct alarm_list *more, bool learned)
{
    struct alarm_list *all = &turn->alarms;
    size_t before = all->count, kept = 0;

    all->items = must_realloc(all->items, all->count + more->count + 1, sizeof(*all->items));
    for (size_t i = 0; i < more->count; i++) {
        struct alarm *alarm = &more->items[i];

        /* Names within one answer differ. */
        if ((learned || is_managed(turn, alarm)) &&
            !is_known(&(struct alarm_list){all->items, before}, alarm->name))
            all->items[all->count++] = *alarm;
        else
            more->items[kept++] = *alarm;
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

static int look_on_shards(struct turn *turn, struct error *err)
{
    struct alarm_list found = {0};
    char prefix[ALARM_NAME_SIZE];

    if (turn->config->alarm_level != ALARM_LEVEL_SHARD && turn->action.kind != ACTION_REPAIR)
        return 0;
    shard_alarm_prefix(turn->config->name, prefix);
    if (cloudwatch_alarms_by_prefix(turn->engine->aws, prefix, &found, err) < 0)
        return -1;
    adopt(turn, &found, false);
    return 0;
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
    if (look_learned(turn, err) < 0 || look_on_shards(turn, err) < 0)
        return -1;
    if (turn->alarms.count == 0 && turn->config->alarm_level == ALARM_LEVEL_STREAM)
        LOG(LOG_WARN, "no-alarms", {"stream", turn->config->name},
            {"why", "no alarm on the stream's write metrics has a configured topic among its actions"});
    turn->alarms_known = true;
    return 0;
}

int alarms_pass_over(struct turn *turn, const char *alarm, struct error *err)
{
    if (err->kind == ERROR_NOT_FOUND) {
        struct error ignored = {0};

        (void)store_alarm_forget(turn->store, turn->config->name, alarm, &ignored);
        return 0;
    }
    if (error_is_retryable(err) || err->kind == ERROR_STORE)
        return -1;
    LOG(LOG_WARN, "alarm-refused", {"stream", turn->config->name}, {"alarm", alarm}, {"error", err->message});
    if (turn->action.failure[0] == '\0')
        (void)text_copy(turn->action.failure, sizeof(turn->action.failure), err->message);
    return 0;
}

bool alarms_must_stop(struct turn *turn, bool *ret_whole)
{
    int64_t since_ms = clock_now_ms(turn->engine->clock) - turn->action.state_since_ms;
    bool repair = turn->action.kind == ACTION_REPAIR;

    /* Whoever repairs gives way to an alarm; whoever has split must be able to do so again soon. */
    *ret_whole = repair ? turn->notifications.count > 0 : since_ms >= CHANGES_MS;
    return (repair && *ret_whole) || alarm_queue_is_over(turn);
}

/* Thresholds of the alarms on the stream itself. */
static int move_thresholds(struct turn *turn, bool *ret_whole, struct error *err)
{
    double capacity = alarm_capacity(turn->config, &turn->shards);

    for (size_t i = 0; i < turn->alarms.count; i++) {
        struct alarm *alarm = &turn->alarms.items[i];
        enum alarm_metric metric;
        double threshold;

        if (!alarm_is_ours_to_move(alarm, turn->config->name, &metric))
            continue;
        threshold = alarm_threshold(turn->config, metric, alarm->period_s, capacity);
        if (threshold == alarm->threshold)
            continue;
        if (alarms_must_stop(turn, ret_whole))
            return 0;
        if (cloudwatch_put_threshold(turn->engine->aws, alarm, threshold, err) < 0) {
            if (alarms_pass_over(turn, alarm->name, err) < 0)
                return -1;
            continue;
        }
        LOG(LOG_INFO, "threshold-moved", {"stream", turn->config->name}, {"alarm", alarm->name},
            {"from", .number = (int64_t)alarm->threshold}, {"to", .number = (int64_t)threshold});
        alarm->threshold = threshold;
    }
    *ret_whole = true;
    return 0;
}

int alarms_fit(struct turn *turn, bool *ret_whole, struct error *err)
{
    if (look_shards(turn, err) < 0 || alarms_look(turn, err) < 0)
        return -1;
    turn->action.to_shards = (int64_t)turn->shards.count;
    if (move_thresholds(turn, ret_whole, err) < 0)
        return -1;
    return *ret_whole ? shard_alarms_fit(turn, ret_whole, err) : 0;
}

/* In a later turn only what stood in ALARM when the first one began: what came after has told us by itself. */
static bool needs_reset(const struct turn *turn, const struct alarm *alarm)
{
    bool again = turn->now_ms > turn->action.state_since_ms;

    /* A composite follows its children; its own state cannot be set for good. */
    return alarm->state == ALARM_ALARM && !alarm->composite &&
           !(again && alarm->transitioned_ms > turn->action.state_since_ms);
}

int alarms_reset(struct turn *turn, bool *ret_whole, struct error *err)
{
    char reason[256];

    *ret_whole = true;
    /* A repair of thresholds alone changes nothing that an alarm in ALARM waits for. */
    if (turn->action.kind == ACTION_REPAIR && turn->action.to_shards == turn->action.from_shards)
        return 0;
    /* An alarm that came in while shards were given back has not been acted on yet. */
    if (turn->action.kind == ACTION_SCALE_DOWN && turn->notifications.count > 0)
        return 0;
    if (alarms_look(turn, err) < 0)
        return -1;
    snprintf(reason, sizeof(reason), "kinescale: %lld to %lld shard%s, action %lld; the alarm is armed again",
             (long long)turn->action.from_shards, (long long)turn->action.to_shards,
             text_plural(turn->action.to_shards), (long long)turn->action.id);
    for (size_t i = 0; i < turn->alarms.count; i++) {
        const struct alarm *alarm = &turn->alarms.items[i];

        if (!needs_reset(turn, alarm))
            continue;
        if (alarm_queue_is_over(turn)) {
            *ret_whole = false;
            return 0;
        }
        if (cloudwatch_set_alarm_state(turn->engine->aws, alarm->name, ALARM_OK, reason, err) < 0) {
            if (alarms_pass_over(turn, alarm->name, err) < 0)
                return -1;
            continue;
        }
        LOG(LOG_INFO, "alarm-reset", {"stream", turn->config->name}, {"alarm", alarm->name});
    }
    return 0;
}
