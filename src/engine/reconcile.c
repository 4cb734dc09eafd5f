/*
 * reconcile.c - everything is looked at now and then, so that nothing hangs on a message that got lost.
 *
 * SNS gives up after about a minute, an alarm acts only on a change of state, and a process may die in the
 * middle.  Here a stream is only made due; what is done about it is decided in its turn.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "store/spreads.h"

enum {
    PRUNE_ROUNDS = 100,
    FORGET_EVERY_MS = 60 * 60 * 1000,
    /* What another process writes while a stream is looked at is not ahead of the clock. */
    CLOCK_SLACK_MS = 60 * 1000,
    /* So many repairs in a row that AWS refused something of; the next one then waits so long after the last. */
    REPAIRS_REFUSED = 2,
    REPAIR_REST_MS = 60 * 60 * 1000,
};

struct look_around {
    struct engine *engine;
    struct store *store;
    struct config *config; /* as it was when the look began */
    int64_t now_ms;        /* when the stream at hand is looked at; a look may last minutes */
    int64_t listed_ms;     /* when the alarms were asked for */
    /* One per topic, and one per composite alarm that stands in ALARM: its children. */
    struct alarm_list *lists;
    size_t list_count;
    bool lists_whole; /* all of them could be read */
    bool answered;    /* AWS did as it was asked, once at least */
    /* The alarms of all lists, by their stream: for slice_of(). */
    const struct alarm **by_stream;
    size_t alarm_count;
    bool any_composite;
};

enum { CHILDREN_MAX = 100 };

static struct alarm_list *new_list(struct look_around *around)
{
    around->lists = must_realloc(around->lists, around->list_count + 1, sizeof(*around->lists));
    around->lists[around->list_count] = (struct alarm_list){0};
    return &around->lists[around->list_count++];
}

/* A composite alarm that stands in ALARM speaks for its children, whoever they would have told. */
static int look_at_children(struct look_around *around, const struct alarm *composite, struct error *err)
{
    char(*names)[ALARM_NAME_SIZE] = must_calloc(CHILDREN_MAX, sizeof(*names));
    const char *pointers[CHILDREN_MAX];
    size_t count = cloudwatch_alarm_children(composite, names, CHILDREN_MAX);
    struct alarm_list *list = new_list(around);
    int result = 0;

    for (size_t i = 0; i < count; i++)
        pointers[i] = names[i];
    if (count > 0)
        result = cloudwatch_alarms_by_name(around->engine->aws, pointers, count, list, err);
    for (size_t i = 0; result == 0 && i < list->count; i++) {
        const struct alarm *child = &list->items[i];

        if (config_covers(around->config, child->stream) && alarm_asks_for_shards(child))
            result = store_alarm_learn(around->store, child->stream, child->name, around->now_ms, err);
    }
    free(names);
    return result;
}

static int look_at_composites(struct look_around *around, struct error *err)
{
    size_t topics = around->list_count;

    for (size_t l = 0; l < topics; l++) {
        for (size_t i = 0; i < around->lists[l].count; i++) {
            const struct alarm *alarm = &around->lists[l].items[i];

            if (!alarm->composite || alarm->state != ALARM_ALARM)
                continue;
            if (look_at_children(around, alarm, err) < 0)
                return error_wrap(err, "children of '%s'", alarm->name);
        }
    }
    return 0;
}

static int look_at_alarms(struct look_around *around, struct error *err)
{
    const struct service_config *service = &around->config->service;

    for (size_t i = 0; i < service->topic_count; i++) {
        if (cloudwatch_alarms_by_action(around->engine->aws, service->topic_arns[i], new_list(around), err) <
            0)
            return error_wrap(err, "alarms of topic '%s'", service->topic_arns[i]);
    }
    return look_at_composites(around, err);
}

static int compare_streams(const void *a, const void *b)
{
    return strcmp((*(const struct alarm *const *)a)->stream, (*(const struct alarm *const *)b)->stream);
}

/* With thousands of streams every one would walk along the alarms of all. */
static void index_alarms(struct look_around *around)
{
    for (size_t l = 0; l < around->list_count; l++)
        around->alarm_count += around->lists[l].count;
    around->by_stream = must_calloc(around->alarm_count, sizeof(const struct alarm *));
    around->alarm_count = 0;
    for (size_t l = 0; l < around->list_count; l++) {
        for (size_t i = 0; i < around->lists[l].count; i++) {
            around->by_stream[around->alarm_count++] = &around->lists[l].items[i];
            around->any_composite |= around->lists[l].items[i].composite;
        }
    }
    qsort(around->by_stream, around->alarm_count, sizeof(const struct alarm *), compare_streams);
}

/* The alarms of one stream: from *ret_first on, so many. */
static size_t slice_of(const struct look_around *around, const char *stream,
                       const struct alarm *const **ret_first)
{
    size_t low = 0, high = around->alarm_count, count = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(around->by_stream[middle]->stream, stream) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + count < around->alarm_count && strcmp(around->by_stream[low + count]->stream, stream) == 0)
        count++;
    *ret_first = around->by_stream + low;
    return count;
}

/* As if SNS had brought it, with an id of our own. */
static int notify(struct look_around *around, const char *stream, const struct alarm *alarm,
                  struct error *err)
{
    struct notification n = {
        .received_ms = around->now_ms, .changed_ms = alarm->transitioned_ms, .status = NOTIFICATION_PENDING};
    char uuid[UUID_SIZE];
    bool is_new;

    random_uuid(uuid);
    snprintf(n.message_id, sizeof(n.message_id), "reconcile:%s", uuid);
    (void)text_copy(n.topic_arn, sizeof(n.topic_arn), alarm->action_count > 0 ? alarm->actions[0] : "");
    (void)text_copy(n.alarm_name, sizeof(n.alarm_name), alarm->name);
    (void)text_copy(n.stream, sizeof(n.stream), stream);
    (void)text_copy(n.shard, sizeof(n.shard), alarm->shard);
    (void)text_copy(n.metric, sizeof(n.metric), alarm->metric);
    (void)text_copy(n.new_state, sizeof(n.new_state), "ALARM");
    LOG(LOG_INFO, "alarm-found", {"stream", stream}, {"alarm", alarm->name},
        {"why", "it stands in ALARM and nothing is being done"});
    return store_notification_add(around->store, &n, &is_new, err);
}

/* An alarm in ALARM whose notification never came, or whose action ended without relief. */
static int look_for_silent_alarms(struct look_around *around, const struct stream_config *config,
                                  struct error *err)
{
    struct notification_list open = {0};
    const struct alarm *const *alarms;
    size_t count = slice_of(around, config->name, &alarms);
    bool waiting, notified = false;

    if (store_notifications_open(around->store, config->name, &open, err) < 0)
        return -1;
    waiting = open.count > 0;
    notification_list_clear(&open);
    for (size_t i = 0; i < count && !waiting; i++) {
        bool on_shard = alarms[i]->shard[0] != '\0';

        /* One is enough for the stream, but each shard is named by its own. */
        if (alarms[i]->state != ALARM_ALARM || !alarm_asks_for_shards(alarms[i]) || (notified && !on_shard))
            continue;
        if (notify(around, config->name, alarms[i], err) < 0)
            return -1;
        notified = true;
    }
    return 0;
}

/* Without an alarm a stream may be throttled for ever and nobody hears of it.  A composite alarm may be any stream's. */
static void warn_without_alarms(const struct look_around *around, const char *stream)
{
    const struct alarm *const *alarms;
    size_t count = slice_of(around, stream, &alarms);

    if (around->any_composite)
        return;
    for (size_t i = 0; i < count; i++) {
        if (alarm_asks_for_shards(alarms[i]))
            return;
    }
    LOG(LOG_WARN, "no-alarms", {"stream", stream},
        {"why", "no alarm on the stream's write metrics has a configured topic among its actions"});
}

static bool thresholds_fit(const struct look_around *around, const struct stream_config *config,
                           const struct shard_map *shards)
{
    double capacity = alarm_capacity(config, shards);
    const struct alarm *const *alarms;
    size_t count = slice_of(around, config->name, &alarms);

    for (size_t i = 0; i < count; i++) {
        enum alarm_metric metric;

        if (alarm_is_ours_to_move(alarms[i], config->name, &metric) &&
            alarms[i]->threshold != alarm_threshold(config, metric, alarms[i]->period_s, capacity))
            return false;
    }
    return true;
}

/* Alarms on shards: none missing, none too many, and metrics for them?  Others' names for such are learned. */
static int shard_alarms_match(const struct look_around *around, const struct stream_config *config,
                              const struct shard_map *shards, bool *ret_match, struct error *err)
{
    struct shard_alarm_plan plan = {0};
    struct stream_summary summary = {0};
    const struct alarm *const *alarms;
    size_t count = slice_of(around, config->name, &alarms);

    *ret_match = true;
    if (!around->lists_whole)
        return 0;
    if (config->alarm_level == ALARM_LEVEL_SHARD) {
        if (kinesis_describe_summary(around->engine->aws, config->name, &summary, err) < 0)
            return -1;
        if (summary.on_demand)
            return 0;
        *ret_match = look_has_shard_metrics(&summary);
    }
    for (size_t i = 0; i < count; i++) {
        if (shard_alarm_learn(around->store, config->name, alarms[i]->shard, alarms[i]->metric,
                              alarms[i]->name, around->now_ms, err) < 0)
            return -1;
    }
    shard_alarms_think(around->config, config, shards, alarms, count, &plan);
    *ret_match = *ret_match && plan.count == 0;
    shard_alarm_plan_clear(&plan);
    return 0;
}

/* What a look found missing is over when a look finds it.  After a failed turn the stream is due: that turn tells. */
static int forget_missing(const struct look_around *around, const char *stream, struct error *err)
{
    struct stream_state state;

    if (store_stream_load(around->store, stream, &state, err) < 0)
        return -1;
    if (state.failures == 0 || state.due_ms != INT64_MAX)
        return 0;
    return store_stream_outcome(around->store, stream, around->now_ms, NULL, err);
}

/* An action that ended since the alarms were listed has moved them; one that ended in the time of a wrong clock has not. */
static int lists_are_old(const struct look_around *around, const char *stream, bool *ret_old,
                         struct error *err)
{
    struct action last;

    if (store_action_last(around->store, stream, &last, err) < 0)
        return -1;
    *ret_old =
        last.id > 0 && last.ended_ms >= around->listed_ms && last.ended_ms <= around->now_ms + CLOCK_SLACK_MS;
    return 0;
}

/* What AWS refused twice for want of a right it will refuse again: it is asked once an hour, not at each look. */
static int repairs_rest(const struct look_around *around, const char *stream, bool *ret_rest,
                        struct error *err)
{
    SCOPED(action_list_clear) struct action_list last = {0};

    if (store_actions_recent(around->store, stream, REPAIRS_REFUSED, &last, err) < 0)
        return -1;
    *ret_rest = last.count == REPAIRS_REFUSED && last.items[0].ended_ms <= around->now_ms + CLOCK_SLACK_MS &&
                around->now_ms - last.items[0].ended_ms < REPAIR_REST_MS;
    for (size_t i = 0; i < last.count; i++)
        *ret_rest = *ret_rest && last.items[i].kind == ACTION_REPAIR && last.items[i].failure[0] != '\0';
    return 0;
}

/* Do the alarms fit the shards, as far as can be told, or is it too soon to mend them? */
static int alarms_match(const struct look_around *around, const struct stream_config *config,
                        const struct shard_map *shards, bool *ret_match, struct error *err)
{
    bool match, old = false, rest = false;

    if (shard_alarms_match(around, config, shards, &match, err) < 0)
        return -1;
    match = match && thresholds_fit(around, config, shards);
    if (!match && (lists_are_old(around, config->name, &old, err) < 0 ||
                   repairs_rest(around, config->name, &rest, err) < 0))
        return -1;
    *ret_match = match || old || rest;
    return 0;
}

/* What is to be done about the shards there are; 0: nothing. */
static unsigned judge_shards(const struct look_around *around, const struct stream_config *config,
                             const struct shard_map *shards, bool alarms_fit)
{
    int64_t slack_ms = around->config->service.reconcile_every_ms + FLOOR_SLACK_MS;
    int64_t open = (int64_t)shards->count;
    unsigned reasons = 0;

    if (open < config->min_shards || open < floors_needed(&config->floors, open, around->now_ms, slack_ms) ||
        !alarms_fit)
        reasons |= DUE_REPAIR;
    if (open > config->max_shards)
        reasons |= DUE_ABOVE_MAXIMUM;
    return reasons;
}

static int look_at_shards(struct look_around *around, const struct stream_config *given, struct error *err)
{
    struct stream_config settled = *given;
    const struct stream_config *config = &settled;
    struct shard_map shards = {0};
    struct error ignored = {0};
    struct learned learned = {0};
    bool match = true;
    unsigned reasons;
    int result;

    if (habits_line(around->store, &settled, around->now_ms, &learned, err) < 0)
        return -1;
    result = kinesis_list_shards(around->engine->aws, config->name, &shards, err);
    around->answered |= result == 0;
    /* A listing in the middle of a reshard says nothing; whoever reshards will be looked at again. */
    if (result == 0 && shard_map_check(&shards, err) == 0) {
        result = store_stream_seen(around->store, config->name, (int64_t)shards.count,
                                   shard_map_effective(&shards), around->now_ms, err);
        if (result == 0)
            result = forget_missing(around, config->name, err);
        if (result == 0)
            result = alarms_match(around, config, &shards, &match, err);
        reasons = judge_shards(around, config, &shards, match);
        if (result == 0 && reasons != 0)
            result = store_stream_make_due(around->store, config->name, around->now_ms, reasons, err);
    }
    shard_map_clear(&shards);
    /* A misspelled name, or a stream that was deleted: no alarm will ever lead to a turn that says so. */
    if (result < 0 && err->kind == ERROR_NOT_FOUND)
        (void)store_stream_outcome(around->store, config->name, around->now_ms, err->message, &ignored);
    return result;
}

/* Without this a clock that is set back an hour would keep a stream resting, locked or forgotten for an hour. */
static int catch_up(const struct look_around *around, const struct stream_config *config, struct error *err)
{
    int64_t rest_ms = config->cooldown_ms > DUE_LATEST_MS ? config->cooldown_ms : DUE_LATEST_MS;
    int64_t now_ms = around->now_ms + CLOCK_SLACK_MS;
    struct stream_latest latest = {.cooldown_ms = now_ms + config->cooldown_ms,
                                   .lock_ms = now_ms + LEASE_MS,
                                   .due_ms = now_ms + rest_ms,
                                   .reshard_ms = now_ms};
    bool changed;

    if (store_stream_catch_up(around->store, config->name, &latest, &changed, err) < 0)
        return -1;
    if (changed)
        LOG(LOG_WARN, "clock-set-back", {"stream", config->name},
            {"why", "its cooldown, lock, next turn or last reshard lay further ahead than it can be"});
    return 0;
}

/* A stream that the policy `adaptive` is to look at is due for it at some time; the first time at once. */
static int arm(const struct look_around *around, const struct stream_config *config, struct error *err)
{
    struct stream_state state;

    if (store_stream_load(around->store, config->name, &state, err) < 0)
        return -1;
    if (state.due_ms != INT64_MAX && (state.due_reasons & DUE_ADAPT) != 0)
        return 0;
    return store_stream_make_due(around->store, config->name, around->now_ms, DUE_ADAPT, err);
}

static int look_at_stream(struct look_around *around, const struct stream_config *config, struct error *err)
{
    struct action action;
    bool running;

    around->now_ms = clock_now_ms(around->engine->clock);
    if (catch_up(around, config, err) < 0 ||
        store_action_current(around->store, config->name, &action, &running, err) < 0)
        return -1;
    if (running) {
        int64_t late_ms = action.state_since_ms + LEASE_MS;

        return store_stream_make_due(
            around->store, config->name,
            late_ms < around->now_ms + LEASE_MS ? late_ms : around->now_ms + LEASE_MS, DUE_ACTION, err);
    }
    if (adapt_applies(config) && arm(around, config, err) < 0)
        return -1;
    if (look_for_silent_alarms(around, config, err) < 0)
        return -1;
    if (look_at_shards(around, config, err) < 0)
        return -1;
    if (around->lists_whole && config->alarm_level == ALARM_LEVEL_STREAM) /* else they are about to be made */
        warn_without_alarms(around, config->name);
    return 0;
}

/* History that nobody asks for any more; a part at a time, so that alarms never wait long for the database. */
static void forget_old(const struct look_around *around)
{
    int64_t before_ms = around->now_ms - around->config->service.history_ms;
    int64_t load_ms = around->now_ms - (int64_t)MINUTES_KEPT_DAYS * DAY_MS;
    struct pruned pruned = {.rows = 1};
    struct error err = {0};

    if (store_minutes_forget(around->store, load_ms, &err) < 0 ||
        store_spreads_forget(around->store, load_ms, &err) < 0) {
        LOG(LOG_ERROR, "store-failed", {"error", err.message});
        return;
    }
    for (int rounds = 0; pruned.rows > 0 && rounds < PRUNE_ROUNDS; rounds++) {
        if (store_prune(around->store, before_ms, &pruned, &err) < 0) {
            LOG(LOG_ERROR, "store-failed", {"error", err.message});
            return;
        }
        if (pruned.dead_letters > 0)
            LOG(LOG_WARN, "dead-letters-forgotten", {"count", .number = pruned.dead_letters},
                {"why", "they are older than `history`"});
    }
}

/* The number of those that could not be looked at; err is of the last one. */
static size_t look_at_streams(struct look_around *around, struct error *err)
{
    size_t failed = 0;

    for (size_t i = 0; i < around->config->stream_count && !aws_client_is_stopping(around->engine->aws);
         i++) {
        const struct stream_config *stream = &around->config->streams[i];

        if (look_at_stream(around, stream, err) == 0)
            continue;
        failed++;
        if (err->kind == ERROR_NOT_FOUND)
            LOG(LOG_WARN, "stream-missing", {"stream", stream->name},
                {"why",
                 "Kinesis has no such stream yet: is the name right?  `kinescale provision` makes it"});
        else
            LOG(LOG_WARN, "reconcile-failed", {"stream", stream->name}, {"kind", error_kind_name(err->kind)},
                {"error", err->message});
    }
    return failed;
}

int engine_reconcile(struct engine *engine, struct store *store, struct error *err)
{
    struct look_around around = {.engine = engine, .store = store, .now_ms = clock_now_ms(engine->clock)};
    bool discovered = engine_discover(engine, store, err) == 0;
    size_t failed, count;

    if (!discovered) /* those that were found before are still looked at */
        LOG(LOG_WARN, "discover-failed", {"kind", error_kind_name(err->kind)}, {"error", err->message});
    look_headroom_now(engine);
    around.config = engine_config(engine);
    count = around.config->stream_count;
    /* Without alarms the shards can still be looked at; thresholds then seem to fit. */
    around.listed_ms = clock_now_ms(engine->clock);
    around.lists_whole = around.answered = look_at_alarms(&around, err) == 0;
    if (!around.lists_whole)
        LOG(LOG_WARN, "reconcile-failed", {"error", err->message});
    index_alarms(&around);
    failed = look_at_streams(&around, err);
    for (size_t i = 0; i < around.list_count; i++)
        alarm_list_clear(&around.lists[i]);
    free(around.lists);
    free(around.by_stream);
    /* AWS answers nobody whose clock is wrong: one that is a year ahead shall not cost the whole history. */
    if (around.answered && llabs(around.now_ms - engine->forgot_ms) >= FORGET_EVERY_MS) {
        forget_old(&around);
        engine->forgot_ms = around.now_ms;
    }
    config_free(around.config);
    if (failed == count && (failed > 0 || !discovered))
        return error_wrap(err, "none of %zu streams could be looked at", failed);
    return 0;
}
