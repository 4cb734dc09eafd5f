/*
 * shard_alarms.c - one alarm per open shard and metric: made, moved and deleted as shards come and go.
 *
 * Nothing is remembered of it: the open shards and the alarms that there are say what is missing and what is too
 * much, so a kill at any call is mended by the next turn or the next look at everything.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { MONITORING_RETRY_MS = 5000, DESCRIPTION_SIZE = 512 };

static bool has_our_name(const struct alarm *alarm, enum alarm_metric metric)
{
    char name[ALARM_NAME_SIZE];

    return shard_alarm_name(alarm->stream, alarm->shard, metric, name) && strcmp(name, alarm->name) == 0;
}

/* Is it on a shard of this stream, with a topic of ours? */
static bool shard_alarm_of(const struct config *config, const struct alarm *alarm, const char *stream,
                           struct shard_alarm *ret_alarm)
{
    enum alarm_metric metric;

    if (alarm->composite || alarm->math || alarm->shard[0] == '\0' || strcmp(alarm->stream, stream) != 0 ||
        strcmp(alarm->namespace, "AWS/Kinesis") != 0 || !alarm_metric_parse(alarm->metric, &metric) ||
        !alarm_has_our_topic(config, alarm))
        return false;
    *ret_alarm =
        (struct shard_alarm){.shard = alarm->shard,
                             .metric = metric,
                             .period_s = alarm->period_s,
                             .threshold = alarm->threshold,
                             .watches = strcmp(alarm->statistic, "Sum") == 0 && alarm_asks_for_shards(alarm),
                             .made = has_our_name(alarm, metric)};
    return true;
}

int shard_alarm_learn(struct store *store, const char *stream, const char *shard, const char *metric,
                      const char *name, int64_t now_ms, struct error *err)
{
    enum alarm_metric known;
    char made[ALARM_NAME_SIZE];

    if (shard[0] == '\0' || !alarm_metric_parse(metric, &known) ||
        (shard_alarm_name(stream, shard, known, made) && strcmp(made, name) == 0))
        return 0;
    return store_alarm_learn(store, stream, name, now_ms, err);
}

void shard_alarms_think(const struct config *config, const struct stream_config *stream,
                        const struct shard_map *open, const struct alarm *const *alarms, size_t count,
                        struct shard_alarm_plan *ret_plan)
{
    struct shard_alarm *have = must_calloc(count + 1, sizeof(*have));
    size_t *place = must_calloc(count + 1, sizeof(*place));
    bool guarded = false;
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        guarded |= alarms[i]->shard[0] == '\0' && strcmp(alarms[i]->stream, stream->name) == 0 &&
                   alarm_asks_for_shards(alarms[i]);
        if (shard_alarm_of(config, alarms[i], stream->name, &have[found]))
            place[found++] = i;
    }
    shard_alarms_plan(stream, open, have, found, guarded, ret_plan);
    for (size_t i = 0; i < ret_plan->count; i++) {
        if (ret_plan->items[i].deed != SHARD_ALARM_MAKE)
            ret_plan->items[i].index = place[ret_plan->items[i].index];
    }
    free(place);
    free(have);
}

static void think(const struct turn *turn, struct shard_alarm_plan *ret_plan)
{
    const struct alarm **alarms = must_calloc(turn->alarms.count + 1, sizeof(*alarms));

    for (size_t i = 0; i < turn->alarms.count; i++)
        alarms[i] = &turn->alarms.items[i];
    shard_alarms_think(turn->whole, turn->config, &turn->shards, alarms, turn->alarms.count, ret_plan);
    free(alarms);
}

/* ---- deeds */

/* *ret_on is false when AWS will not have it: alarms without metrics would cost and never fire. */
static int turn_metrics_on(struct turn *turn, bool *ret_on, bool *ret_later, struct error *err)
{
    *ret_on = true;
    *ret_later = false;
    if (look_summary(turn, err) < 0)
        return -1;
    if (turn->config->alarm_level != ALARM_LEVEL_SHARD || look_has_shard_metrics(&turn->summary))
        return 0;
    if (kinesis_enable_shard_metrics(turn->engine->aws, turn->config->name, err) < 0) {
        *ret_on = false;
        if (err->kind != ERROR_CONFLICT)
            return alarms_pass_over(turn, "shard-level metrics", err);
        *ret_later = true; /* somebody changes the stream this moment */
        turn->next_ms = turn->now_ms + MONITORING_RETRY_MS;
        turn->next_reasons = DUE_ACTION;
        return 0;
    }
    turn->summary.shard_bytes = turn->summary.shard_records = turn->summary.shard_throttled = true;
    LOG(LOG_INFO, "shard-metrics-on", {"stream", turn->config->name},
        {"why", "alarm_level is shard; CloudWatch bills three metrics per shard"});
    return 0;
}

/* *ret_refused: AWS will not have it, for want of a right or because the account has all the alarms it may have. */
static int make(struct turn *turn, const struct shard_alarm_change *change, bool *ret_refused,
                struct error *err)
{
    const char *shard = turn->shards.items[change->index].id;
    char name[ALARM_NAME_SIZE], description[DESCRIPTION_SIZE];
    struct alarm_order order = {.name = name,
                                .description = description,
                                .metric = alarm_metric_name(change->metric),
                                .stream = turn->config->name,
                                .shard = shard,
                                .topic_arn = turn->whole->service.topic_arns[0],
                                .period_s = turn->config->alarm_period_ms / 1000,
                                .threshold = change->threshold};

    if (!shard_alarm_name(turn->config->name, shard, change->metric, name)) {
        (void)error_set(err, ERROR_REFUSED, "shard '%s' has too long a name for an alarm", shard);
        return alarms_pass_over(turn, name, err);
    }
    snprintf(description, sizeof(description), "%s of %s; made by kinescale, which deletes it with the shard",
             shard, turn->config->name);
    if (cloudwatch_make_alarm(turn->engine->aws, &order, err) < 0) {
        *ret_refused = true;
        return alarms_pass_over(turn, name, err);
    }
    LOG(LOG_INFO, "alarm-made", {"stream", turn->config->name}, {"alarm", name},
        {"threshold", .number = (int64_t)change->threshold});
    return 0;
}

static int move(struct turn *turn, const struct shard_alarm_change *change, struct error *err)
{
    struct alarm *alarm = &turn->alarms.items[change->index];

    if (cloudwatch_put_threshold(turn->engine->aws, alarm, change->threshold, err) < 0)
        return alarms_pass_over(turn, alarm->name, err);
    LOG(LOG_INFO, "threshold-moved", {"stream", turn->config->name}, {"alarm", alarm->name},
        {"from", .number = (int64_t)alarm->threshold}, {"to", .number = (int64_t)change->threshold});
    alarm->threshold = change->threshold;
    return 0;
}

/* As many as one call takes, from `change` on; returns how many, or -1. */
static int delete_some(struct turn *turn, const struct shard_alarm_change *change, size_t left,
                       struct error *err)
{
    const char *names[ALARMS_PER_DELETE] = {0};
    size_t count = left < COUNT_OF(names) ? left : COUNT_OF(names);

    for (size_t i = 0; i < count; i++)
        names[i] = turn->alarms.items[change[i].index].name;
    if (cloudwatch_delete_alarms(turn->engine->aws, names, count, err) < 0) {
        /* One that was gone already is what was wanted. */
        if (err->kind != ERROR_NOT_FOUND && alarms_pass_over(turn, names[0], err) < 0)
            return -1;
        if (err->kind != ERROR_NOT_FOUND)
            return (int)count;
    }
    for (size_t i = 0; i < count; i++) {
        struct alarm *alarm = &turn->alarms.items[change[i].index];

        LOG(LOG_INFO, "alarm-deleted", {"stream", turn->config->name}, {"alarm", alarm->name});
        alarm->state = ALARM_OK; /* nothing to reset */
        if (store_alarm_forget(turn->store, turn->config->name, alarm->name, err) < 0)
            return -1;
    }
    return (int)count;
}

/* Carries out items[first]; returns how many it took, or -1.  After one that was refused no more are asked for. */
static int carry_out(struct turn *turn, const struct shard_alarm_plan *plan, size_t first, bool *refused,
                     struct error *err)
{
    const struct shard_alarm_change *change = &plan->items[first];

    switch (change->deed) {
    case SHARD_ALARM_MAKE:
        return !*refused && make(turn, change, refused, err) < 0 ? -1 : 1;
    case SHARD_ALARM_MOVE:
        return move(turn, change, err) < 0 ? -1 : 1;
    case SHARD_ALARM_DELETE:
        break;
    }
    return delete_some(turn, change, plan->count - first, err); /* they come last */
}

int shard_alarms_fit(struct turn *turn, bool *ret_whole, struct error *err)
{
    SCOPED(shard_alarm_plan_clear) struct shard_alarm_plan plan = {0};
    bool on, later, refused = false;

    if (turn_metrics_on(turn, &on, &later, err) < 0)
        return -1;
    *ret_whole = !later;
    if (!on)
        return 0;
    think(turn, &plan);
    for (size_t done = 0; done < plan.count;) {
        int count;

        if (alarms_must_stop(turn, ret_whole))
            return 0;
        count = carry_out(turn, &plan, done, &refused, err);
        if (count < 0)
            return -1;
        done += (size_t)count;
    }
    *ret_whole = true;
    return 0;
}
