/*
 * shard_alarms.c - the alarms on single shards, compared with the shards that are open.
 */
#include "scaling/shard_alarms.h"

#include "base/memory.h"
#include "base/text.h"

enum { CLOUDWATCH_NAME_MAX = 255 };

bool shard_alarm_name(const char *stream, const char *shard, enum alarm_metric metric,
                      char name[ALARM_NAME_SIZE])
{
    int length =
        snprintf(name, ALARM_NAME_SIZE, "kinescale-%s-%s-%s", stream, shard, alarm_metric_name(metric));

    return length <= CLOUDWATCH_NAME_MAX;
}

void shard_alarm_prefix(const char *stream, char prefix[ALARM_NAME_SIZE])
{
    snprintf(prefix, ALARM_NAME_SIZE, "kinescale-%s-shardId-", stream);
}

/* An open shard and what watches it. */
struct watched {
    const char *id;
    size_t index; /* in the map */
    bool by[ALARM_METRIC_COUNT];
};

/* Kinesis numbers its shards in the order in which they are made, with as many digits: the newest first. */
static int compare_watched(const void *a, const void *b)
{
    return strcmp(((const struct watched *)b)->id, ((const struct watched *)a)->id);
}

static int compare_id(const void *id, const void *watched)
{
    return strcmp(((const struct watched *)watched)->id, id);
}

static struct watched *watched_of(const struct shard_map *open)
{
    struct watched *watched = must_calloc(open->count, sizeof(*watched));

    for (size_t i = 0; i < open->count; i++)
        watched[i] = (struct watched){.id = open->items[i].id, .index = i};
    qsort(watched, open->count, sizeof(*watched), compare_watched);
    return watched;
}

static void add(struct shard_alarm_plan *plan, const struct shard_alarm_change *change)
{
    if ((plan->count & (plan->count - 1)) == 0)
        plan->items = must_realloc(plan->items, plan->count > 0 ? 2 * plan->count : 1, sizeof(*plan->items));
    plan->items[plan->count++] = *change;
}

static void add_missing(const struct stream_config *config, const struct watched *watched, size_t count,
                        struct shard_alarm_plan *plan)
{
    for (size_t i = 0; i < count; i++) {
        for (int m = 0; m < ALARM_METRIC_COUNT; m++) {
            enum alarm_metric metric = (enum alarm_metric)m;

            if (!watched[i].by[m])
                add(plan, &(struct shard_alarm_change){
                              SHARD_ALARM_MAKE, watched[i].index, metric,
                              alarm_threshold(config, metric, config->alarm_period_ms / 1000, 1)});
        }
    }
}

/* Whoever made an alarm on throttled records says how many are too many. */
static bool must_move(const struct stream_config *config, const struct shard_alarm *alarm)
{
    return alarm->watches && alarm->metric != METRIC_THROTTLED &&
           alarm->threshold != alarm_threshold(config, alarm->metric, alarm->period_s, 1);
}

void shard_alarms_plan(const struct stream_config *config, const struct shard_map *open,
                       const struct shard_alarm *have, size_t count, bool guarded,
                       struct shard_alarm_plan *ret_plan)
{
    bool wanted = config->alarm_level == ALARM_LEVEL_SHARD;
    struct watched *watched = watched_of(open);
    struct shard_alarm_plan plan = {0}, later = {0};

    for (size_t i = 0; i < count; i++) {
        struct watched *shard =
            wanted ? bsearch(have[i].shard, watched, open->count, sizeof(*watched), compare_id) : NULL;

        if (shard == NULL) {
            if (wanted || (have[i].made && guarded))
                add(&later, &(struct shard_alarm_change){SHARD_ALARM_DELETE, i, have[i].metric, 0});
            continue;
        }
        shard->by[have[i].metric] |= have[i].watches;
    }
    if (wanted)
        add_missing(config, watched, open->count, &plan);
    for (size_t i = 0; i < count && wanted; i++) {
        if (must_move(config, &have[i]) &&
            bsearch(have[i].shard, watched, open->count, sizeof(*watched), compare_id) != NULL)
            add(&plan,
                &(struct shard_alarm_change){SHARD_ALARM_MOVE, i, have[i].metric,
                                             alarm_threshold(config, have[i].metric, have[i].period_s, 1)});
    }
    for (size_t i = 0; i < later.count; i++)
        add(&plan, &later.items[i]);
    free(watched);
    shard_alarm_plan_clear(&later);
    *ret_plan = plan;
}

void shard_alarm_plan_clear(struct shard_alarm_plan *plan)
{
    free(plan->items);
    *plan = (struct shard_alarm_plan){0};
}
