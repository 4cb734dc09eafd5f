/*
 * wire_shapes.h - what a request may hold: the members of every operation, as tables.
 *
 * The same shapes decode JSON and Query parameters and check both, so that an
 * operation has one handler whatever protocol it is called in.  Source: the service
 * models that AWS publishes with its SDKs.
 */
#ifndef SIM_WIRE_SHAPES_H
#define SIM_WIRE_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shape_type {
    SHAPE_STRING,
    SHAPE_INTEGER,
    SHAPE_DOUBLE,
    SHAPE_BOOLEAN,
    SHAPE_TIMESTAMP,
    SHAPE_LIST,
    SHAPE_MAP, /* of strings to `of` */
    SHAPE_STRUCTURE
};

/* A regular expression as AWS prints it, and a function that is it. */
struct shape_pattern {
    const char *text;
    bool (*matches)(const char *value);
};

struct shape {
    enum shape_type type;
    bool has_minimum, has_maximum;
    int64_t minimum, maximum; /* of a number's value, a text's characters, a list's elements */
    const struct shape_pattern *pattern;
    const char *const *values;    /* of an enum, ends with NULL, in the order AWS prints them */
    const struct shape *of;       /* what a list or map holds */
    const struct member *members; /* of a structure, ends with a NULL name */
};

struct member {
    const char *name;
    bool required;
    const struct shape *shape;
};

/* The input of the operations: structures. */
extern const struct shape kinesis_create_stream, kinesis_stream, kinesis_delete_stream, kinesis_list_streams,
    kinesis_describe_stream, kinesis_list_shards, kinesis_split_shard, kinesis_merge_shards,
    kinesis_update_shard_count, kinesis_enhanced_monitoring;
extern const struct shape cloudwatch_put_metric_alarm, cloudwatch_put_composite_alarm,
    cloudwatch_describe_alarms, cloudwatch_describe_alarms_for_metric, cloudwatch_set_alarm_state,
    cloudwatch_alarm_names, cloudwatch_get_metric_data, cloudwatch_get_metric_statistics,
    cloudwatch_put_metric_data;
extern const struct shape sns_create_topic, sns_topic, sns_set_topic_attributes, sns_subscribe,
    sns_confirm_subscription, sns_unsubscribe, sns_list_subscriptions, sns_publish;
extern const struct shape sts_assume_role, sts_assume_role_with_web_identity;
extern const struct shape shape_no_members;

#endif
