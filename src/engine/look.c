/*
 * look.c - what is so: the stream, its shards, its load.  No decision is made here.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"

int look_summary(struct turn *turn, struct error *err)
{
    if (turn->summary_known)
        return 0;
    if (kinesis_describe_summary(turn->engine->aws, turn->config->name, &turn->summary, err) < 0)
        return -1;
    turn->summary_known = true;
    return 0;
}

int look_shards(struct turn *turn, struct error *err)
{
    if (turn->shards.count > 0)
        return 0;
    if (kinesis_list_shards(turn->engine->aws, turn->config->name, &turn->shards, err) < 0)
        return -1;
    if (shard_map_check(&turn->shards, err) < 0) {
        /* A listing just after a reshard may show parents and children half and half. */
        shard_map_clear(&turn->shards);
        err->kind = ERROR_TRANSIENT;
        return error_wrap(err, "shards of '%s'", turn->config->name);
    }
    if (!turn->locked) /* somebody only wants to know */
        return 0;
    return store_stream_seen(turn->store, turn->config->name, (int64_t)turn->shards.count,
                             shard_map_effective(&turn->shards), turn->now_ms, err);
}

/* Not knowing is no reason to wait: AWS refuses what is too much, and says so. */
static int64_t ask_headroom(struct engine *engine)
{
    struct error err = {0};
    int64_t limit, open;

    if (kinesis_limits(engine->aws, &limit, &open, &err) < 0) {
        LOG(LOG_WARN, "limits-unknown", {"error", err.message});
        return -1;
    }
    return limit > open ? limit - open : 0;
}

int64_t look_headroom(struct engine *engine)
{
    struct config *config = engine_config(engine);
    int64_t good_ms = 2 * config->service.reconcile_every_ms;
    int64_t headroom;

    config_free(config);
    pthread_mutex_lock(&engine->limits_mutex);
    if (engine->limits_at_ms == 0 || clock_now_ms(engine->clock) - engine->limits_at_ms > good_ms) {
        engine->headroom = ask_headroom(engine);
        engine->limits_at_ms = clock_now_ms(engine->clock);
    }
    headroom = engine->headroom;
    pthread_mutex_unlock(&engine->limits_mutex);
    return headroom;
}

/* Turns do not wait for it: what was known serves until there is an answer. */
void look_headroom_now(struct engine *engine)
{
    int64_t headroom = ask_headroom(engine);

    pthread_mutex_lock(&engine->limits_mutex);
    engine->headroom = headroom;
    engine->limits_at_ms = clock_now_ms(engine->clock);
    pthread_mutex_unlock(&engine->limits_mutex);
}

void look_headroom_again(struct engine *engine)
{
    pthread_mutex_lock(&engine->limits_mutex);
    engine->limits_at_ms = 0;
    pthread_mutex_unlock(&engine->limits_mutex);
}

void look_add_queries(struct metric_query *queries, const char *stream, const char *shard)
{
    for (int i = 0; i < ALARM_METRIC_COUNT; i++)
        queries[i] = (struct metric_query){.metric = alarm_metric_name((enum alarm_metric)i),
                                           .stream = stream,
                                           .shard = shard,
                                           .statistic = "Sum",
                                           .period_s = 60};
}

/* Minutes that began before `since_ms` count as if CloudWatch had nothing. */
static struct demand demand_of(const struct metric_series *series, int64_t start_ms, int64_t since_ms)
{
    struct load_point points[LOOK_BACK_MS / 60000];
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(points); i++) {
        int64_t at_ms = start_ms + (int64_t)i * 60000;

        if (at_ms >= since_ms)
            points[count++] = (struct load_point){.start_ms = at_ms,
                                                  .period_ms = 60000,
                                                  .bytes = series[METRIC_BYTES].values[i],
                                                  .records = series[METRIC_RECORDS].values[i],
                                                  .throttled_records = series[METRIC_THROTTLED].values[i]};
    }
    return load_demand(points, count);
}

bool look_has_shard_metrics(const struct stream_summary *summary)
{
    return summary->shard_bytes && summary->shard_records && summary->shard_throttled;
}

/*
 * What was throttled before the last action ended was throttled by shards that are no more; compared with the
 * present ones it would look like skew.  Once an action has its goal, the whole window counts.
 */
static int look_since(struct turn *turn, int64_t *ret_since_ms, struct error *err)
{
    struct action_list last = {0};

    *ret_since_ms = 0;
    if (turn->running && turn->action.goal_shards > 0)
        return 0;
    if (store_actions_recent(turn->store, turn->config->name, 2, &last, err) < 0)
        return -1;
    for (size_t i = 0; i < last.count; i++) {
        const struct action *action = &last.items[i];

        /* One that has not ended yet ended by a clock that was set back since. */
        if (action->from_shards != action->to_shards && action->ended_ms > *ret_since_ms &&
            action->ended_ms <= turn->now_ms)
            *ret_since_ms = action->ended_ms;
    }
    action_list_clear(&last);
    return 0;
}

/* When the shard was made by this action: a minute that began before that has a part of its load only.  0: earlier. */
static int64_t young_since(const struct step_list_stored *steps, const struct shard *shard)
{
    for (size_t i = steps->count; i > 0; i--) {
        const struct step *step = &steps->items[i - 1];

        if (step->operation.kind == OPERATION_SPLIT && strcmp(step->operation.shard, shard->parent) == 0)
            return step->active_ms > 0 ? step->active_ms : step->ended_ms;
    }
    return 0;
}

static struct shard_load *read_loads(const struct turn *turn, const struct metric_answer *answer,
                                     int64_t start_ms, int64_t since_ms, const struct step_list_stored *steps)
{
    struct shard_load *loads = must_calloc(turn->shards.count, sizeof(*loads));

    for (size_t i = 0; i < turn->shards.count; i++) {
        int64_t young_ms = young_since(steps, &turn->shards.items[i]);

        loads[i].young_ms = young_ms;
        loads[i].demand = demand_of(answer->series + (1 + i) * ALARM_METRIC_COUNT, start_ms,
                                    young_ms > since_ms ? young_ms : since_ms);
    }
    return loads;
}

static int look_load(struct turn *turn, const struct step_list_stored *steps, struct up_facts *facts,
                     struct shard_load **ret_loads, bool *ret_too_early, struct error *err)
{
    size_t shards = look_has_shard_metrics(&turn->summary) ? turn->shards.count : 0;
    size_t count = (1 + shards) * ALARM_METRIC_COUNT;
    struct metric_query *queries = must_calloc(count, sizeof(*queries));
    struct metric_answer answer = {0};
    int64_t end_ms = turn->now_ms / 60000 * 60000;
    int64_t start_ms = end_ms - LOOK_BACK_MS;
    int64_t since_ms;
    int result;

    if (look_since(turn, &since_ms, err) < 0) {
        free(queries);
        return -1;
    }
    look_add_queries(queries, turn->config->name, NULL);
    for (size_t i = 0; i < shards; i++)
        look_add_queries(queries + (1 + i) * ALARM_METRIC_COUNT, turn->config->name,
                         turn->shards.items[i].id);
    result = cloudwatch_metrics(turn->engine->aws, queries, count, start_ms, end_ms, &answer, err);
    free(queries);
    if (result < 0)
        return -1;

    facts->demand = demand_of(answer.series, start_ms, since_ms);
    if (shards > 0)
        *ret_loads = read_loads(turn, &answer, start_ms, since_ms, steps);
    *ret_too_early = since_ms > start_ms && !facts->demand.known;
    metric_answer_clear(&answer);
    return 0;
}

int look_demand(struct turn *turn, struct demand *ret_demand, struct error *err)
{
    struct metric_query queries[ALARM_METRIC_COUNT];
    struct metric_answer answer = {0};
    int64_t end_ms = turn->now_ms / 60000 * 60000;

    look_add_queries(queries, turn->config->name, NULL);
    if (cloudwatch_metrics(turn->engine->aws, queries, COUNT_OF(queries), end_ms - LOOK_BACK_MS, end_ms,
                           &answer, err) < 0)
        return -1;
    *ret_demand = demand_of(answer.series, end_ms - LOOK_BACK_MS, 0);
    metric_answer_clear(&answer);
    return 0;
}

static void mark(const struct turn *turn, const char *id, struct shard_load **loads)
{
    const struct shard *shard = shard_map_find(&turn->shards, id);

    if (shard == NULL)
        return;
    if (*loads == NULL)
        *loads = must_calloc(turn->shards.count, sizeof(**loads));
    (*loads)[shard - turn->shards.items].alarming = true;
}

/* A notification may name a shard; one that has been split since counts for nothing. */
static void mark_alarming(const struct turn *turn, struct shard_load **loads)
{
    for (size_t n = 0; n < turn->notifications.count; n++)
        mark(turn, turn->notifications.items[n].shard, loads);
}

/* Where nothing is measured, what stands in ALARM is all that names the shards: not only what was notified. */
static int mark_all_in_alarm(struct turn *turn, struct shard_load **loads, struct error *err)
{
    if (alarms_look(turn, err) < 0)
        return -1;
    for (size_t i = 0; i < turn->alarms.count; i++) {
        const struct alarm *alarm = &turn->alarms.items[i];

        if (alarm->state == ALARM_ALARM && strcmp(alarm->stream, turn->config->name) == 0 &&
            alarm_asks_for_shards(alarm))
            mark(turn, alarm->shard, loads);
    }
    return 0;
}

/* Do all notifications name shards that are closed?  They have been split; what took their place has alarms. */
static bool speaks_of_closed_shards(const struct turn *turn)
{
    for (size_t n = 0; n < turn->notifications.count; n++) {
        const char *id = turn->notifications.items[n].shard;

        if (id[0] == '\0' || shard_map_find(&turn->shards, id) != NULL)
            return false;
    }
    return turn->notifications.count > 0;
}

bool look_closed_shard(const struct turn *turn, char *reason, size_t size)
{
    const struct notification *named = NULL;
    const char *between = ": ";
    size_t length;

    for (size_t n = 0; n < turn->notifications.count && named == NULL; n++) {
        const struct notification *one = &turn->notifications.items[n];

        if (one->shard[0] != '\0' && shard_map_find(&turn->shards, one->shard) == NULL)
            named = one;
    }
    if (named == NULL)
        return false;
    snprintf(reason, size, "an alarm names shard '%s', which is closed; what took its place is looked at",
             named->shard);
    for (size_t i = 0; i < turn->shards.count; i++) {
        const struct shard *shard = &turn->shards.items[i];

        if (strcmp(shard->parent, named->shard) != 0 && strcmp(shard->adjacent_parent, named->shard) != 0)
            continue;
        length = strlen(reason);
        snprintf(reason + length, size - length, "%s'%s'", between, shard->id);
        between = " and ";
    }
    return true;
}

/* AWS refused an UpdateShardCount of this action: its calls are used up, whatever our own count says. */
static bool update_was_refused(const struct step_list_stored *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->items[i].operation.kind == OPERATION_UPDATE && steps->items[i].outcome == STEP_REFUSED)
            return true;
    }
    return false;
}

static int look_history(struct turn *turn, const struct step_list_stored *steps, struct up_facts *facts,
                        struct error *err)
{
    int64_t oldest_ms;

    if (store_updates_since(turn->store, turn->config->name, turn->now_ms - DAY_MS, &facts->updates_24h,
                            &oldest_ms, err) < 0)
        return -1;
    if (update_was_refused(steps))
        facts->updates_24h = UPDATES_PER_DAY;
    return store_update_seconds(turn->store, turn->config->name, &facts->update_seconds_per_shard, err);
}

static bool is_measured(const struct up_facts *facts, const struct shard_load *loads)
{
    bool measured = facts->demand.known;

    for (size_t i = 0; loads != NULL && i < facts->shards->count && !measured; i++)
        measured = loads[i].demand.known;
    return measured;
}

/* What a running action asks for. */
static void look_at_goal(const struct turn *turn, struct up_facts *facts)
{
    bool begun = turn->action.goal_shards > 0;

    if (!turn->running)
        return;
    facts->alarmed = turn->action.kind == ACTION_SCALE_UP;
    facts->goal_shards = turn->action.goal_shards;
    facts->goal_basis = (enum up_basis)turn->action.goal_basis;
    /* What a closed shard asked for has been done; by the numbers its children may need more, but nothing is done
     * for it blindly. */
    if (!begun && !is_measured(facts, facts->shard_loads) && speaks_of_closed_shards(turn))
        facts->alarmed = false;
}

static int look_at_shard_level(struct turn *turn, struct up_facts *facts, struct shard_load **loads,
                               struct error *err)
{
    if (look_has_shard_metrics(&turn->summary) && *loads != NULL) {
        if (lineage_look(turn, *loads, err) < 0)
            return -1;
        facts->splits = turn->splits;
        facts->split_count = turn->split_count;
    }
    mark_alarming(turn, loads);
    if (turn->running && turn->config->alarm_level == ALARM_LEVEL_SHARD && !is_measured(facts, *loads))
        return mark_all_in_alarm(turn, loads, err);
    return 0;
}

static int look_at_all(struct turn *turn, const struct step_list_stored *steps, struct up_facts *facts,
                       struct shard_load **loads, bool *ret_too_early, struct error *err)
{
    if (look_history(turn, steps, facts, err) < 0)
        return -1;
    facts->shards = &turn->shards;
    if (look_load(turn, steps, facts, loads, ret_too_early, err) < 0) {
        /* An alarm is not left alone because CloudWatch has no numbers: tried once more, then blind. */
        if (error_is_retryable(err) && turn->state.failures == 0)
            return -1;
        LOG(LOG_WARN, "metrics-missing", {"stream", turn->config->name}, {"error", err->message});
    }
    if (look_at_shard_level(turn, facts, loads, err) < 0)
        return -1;
    facts->shard_loads = *loads;
    facts->account_headroom = look_headroom(turn->engine);
    facts->skew_spent = turn->state.skew_split_ms > 0 && turn->now_ms - turn->state.skew_split_ms < DAY_MS;
    look_at_goal(turn, facts);
    return 0;
}

int look_facts(struct turn *turn, struct up_facts *ret_facts, struct shard_load **ret_loads,
               bool *ret_too_early, struct error *err)
{
    SCOPED(step_list_stored_clear) struct step_list_stored steps = {0};
    struct up_facts facts = {.config = turn->config};
    struct shard_load *loads = NULL;

    *ret_too_early = false;
    if (look_summary(turn, err) < 0 || look_shards(turn, err) < 0 ||
        (turn->running && store_steps(turn->store, turn->action.id, &steps, err) < 0))
        return -1;
    if (look_at_all(turn, &steps, &facts, &loads, ret_too_early, err) < 0) {
        free(loads);
        return -1;
    }
    *ret_facts = facts;
    *ret_loads = loads;
    return 0;
}
