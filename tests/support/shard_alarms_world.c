#include "shard_alarms_world.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/shard_alarms.h"
#include "support.h"

/* All alarms whose names are of the kind that kinescale gives. */
cJSON *alarms_on_shards(struct world *world)
{
    cJSON *answer = world_cloudwatch(world, "DescribeAlarms", "{\"AlarmNamePrefix\":\"kinescale-\"}");
    cJSON *alarms = cJSON_DetachItemFromObject(answer, "MetricAlarms");

    ck_assert_ptr_null(cJSON_GetObjectItem(answer, "NextToken"));
    cJSON_Delete(answer);
    return alarms;
}

const cJSON *find_alarm(const cJSON *alarms, const char *name)
{
    const cJSON *alarm;

    cJSON_ArrayForEach(alarm, alarms) {
        if (text_equal(cJSON_GetStringValue(cJSON_GetObjectItem(alarm, "AlarmName")), name))
            return alarm;
    }
    return NULL;
}

/* Exactly one for each open shard and metric, and none besides. */
void assert_shard_alarms_match(struct world *world)
{
    static const double thresholds[] = {
        [METRIC_BYTES] = 50331648, [METRIC_RECORDS] = 48000, [METRIC_THROTTLED] = 0};
    SCOPED(shard_map_clear) struct shard_map open = {0};
    cJSON *alarms = alarms_on_shards(world);

    world_shards(world, "orders", &open);
    for (size_t i = 0; i < open.count; i++) {
        for (int m = 0; m < ALARM_METRIC_COUNT; m++) {
            char name[ALARM_NAME_SIZE];
            const cJSON *alarm;

            ck_assert(shard_alarm_name("orders", open.items[i].id, (enum alarm_metric)m, name));
            alarm = find_alarm(alarms, name);
            ck_assert_msg(alarm != NULL, "no alarm '%s'", name);
            ck_assert_double_eq(cJSON_GetObjectItem(alarm, "Threshold")->valuedouble, thresholds[m]);
            ck_assert_str_eq(
                cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(alarm, "AlarmActions"), 0)),
                WORLD_TOPIC);
        }
    }
    ck_assert_int_eq(cJSON_GetArraySize(alarms), (int)open.count * ALARM_METRIC_COUNT);
    cJSON_Delete(alarms);
}

bool shard_is_open(struct world *world, const char *shard)
{
    SCOPED(shard_map_clear) struct shard_map open = {0};

    world_shards(world, "orders", &open);
    return shard_map_find(&open, shard) != NULL;
}
