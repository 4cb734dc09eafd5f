/*
 * alarms.h - where the alarms of a stream must stand.
 *
 * Pure.  Threshold over a period p: fraction x p x limit of a shard x capacity,
 * statistic Sum; capacity is 1/widest share (effective) or the count.
 */
#ifndef SCALING_ALARMS_H
#define SCALING_ALARMS_H

#include "scaling/config.h"
#include "scaling/shards.h"

enum alarm_metric { METRIC_BYTES, METRIC_RECORDS, METRIC_THROTTLED, ALARM_METRIC_COUNT };

/* "IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded" */
const char *alarm_metric_name(enum alarm_metric metric);
/* False for any other metric. */
bool alarm_metric_parse(const char *name, enum alarm_metric *ret_metric);

/* Capacity in shards by the stream's threshold_basis, for an alarm on the stream; one on a shard has 1. */
double alarm_capacity(const struct stream_config *config, const struct shard_map *shards);
/* For METRIC_THROTTLED always 0 (alarm at Sum > 0).  Rounded to a whole byte or record, at least 1. */
double alarm_threshold(const struct stream_config *config, enum alarm_metric metric, int64_t period_s,
                       double capacity_shards);

#endif
