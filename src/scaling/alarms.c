/*
 * alarms.c - where the alarms of a stream must stand.
 */
#include "scaling/alarms.h"

#include "base/memory.h"

#include <math.h>

static const struct {
    const char *name;
    double limit_per_s; /* of one shard; 0: any at all is too much */
} metrics[ALARM_METRIC_COUNT] = {
    [METRIC_BYTES] = {"IncomingBytes", SHARD_BYTES_PER_S},
    [METRIC_RECORDS] = {"IncomingRecords", SHARD_RECORDS_PER_S},
    [METRIC_THROTTLED] = {"WriteProvisionedThroughputExceeded", 0},
};

const char *alarm_metric_name(enum alarm_metric metric)
{
    return metrics[metric].name;
}

bool alarm_metric_parse(const char *name, enum alarm_metric *ret_metric)
{
    for (size_t i = 0; i < COUNT_OF(metrics); i++) {
        if (strcmp(metrics[i].name, name) == 0) {
            *ret_metric = (enum alarm_metric)i;
            return true;
        }
    }
    return false;
}

double alarm_capacity(const struct stream_config *config, const struct shard_map *shards)
{
    return config->threshold_basis == BASIS_COUNT ? (double)shards->count : shard_map_effective(shards);
}

double alarm_threshold(const struct stream_config *config, enum alarm_metric metric, int64_t period_s,
                       double capacity_shards)
{
    double full = (double)period_s * metrics[metric].limit_per_s * capacity_shards;

    if (metric == METRIC_THROTTLED)
        return 0;
    return fmax(1, round(config->scale_up_threshold * full));
}
