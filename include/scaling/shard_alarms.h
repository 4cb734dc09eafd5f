/*
 * shard_alarms.h - which alarms on single shards there must be, and what is to be done about those there are.
 *
 * Pure.  With alarm_level = shard every open shard has one alarm for each of bytes, records and throttled records,
 * at the capacity of one shard.  Throttled records are watched too because a shard that is full for seconds of a
 * minute throttles below the thresholds of the other two.
 */
#ifndef SCALING_SHARD_ALARMS_H
#define SCALING_SHARD_ALARMS_H

#include "scaling/alarms.h"

/*
 * "kinescale-STREAM-SHARD-METRIC": what an alarm is called that this program makes.  False for a name that CloudWatch
 * would not take, longer than 255 bytes: only for a shard whose name is not of the kind that Kinesis gives.
 */
bool shard_alarm_name(const char *stream, const char *shard, enum alarm_metric metric,
                      char name[ALARM_NAME_SIZE]);
/* How the names of all those of a stream begin. */
void shard_alarm_prefix(const char *stream, char prefix[ALARM_NAME_SIZE]);

/* An alarm on a shard of the stream that has a topic of ours among its actions. */
struct shard_alarm {
    const char *shard; /* borrowed; may be closed */
    enum alarm_metric metric;
    int64_t period_s;
    double threshold;
    bool watches; /* Sum, fires above its threshold: the shard needs no other for this metric */
    bool made;    /* has the name that this program gives */
};

enum shard_alarm_deed { SHARD_ALARM_MAKE, SHARD_ALARM_MOVE, SHARD_ALARM_DELETE };
struct shard_alarm_change {
    enum shard_alarm_deed deed;
    size_t index; /* MAKE: of the shard in the map; else of the alarm that there is */
    enum alarm_metric metric;
    double threshold; /* MAKE, MOVE */
};
/* In the order in which they are to be made: nothing is deleted before what takes its place is there, and of new
 * alarms those on the newest shards come first. */
struct shard_alarm_plan {
    struct shard_alarm_change *items;
    size_t count;
};

/*
 * What makes the alarms fit the open shards.  An alarm on a shard that is not open is deleted, whoever made it.
 * With alarm_level = stream only what this program made is deleted, and not before the stream is `guarded`: has an
 * alarm of its own.  `have` as far as it is known, in any order.
 */
void shard_alarms_plan(const struct stream_config *config, const struct shard_map *open,
                       const struct shard_alarm *have, size_t count, bool guarded,
                       struct shard_alarm_plan *ret_plan);
void shard_alarm_plan_clear(struct shard_alarm_plan *plan);

#endif
