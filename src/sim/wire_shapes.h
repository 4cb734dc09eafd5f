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
    const struct shape *of;       /* what a list or map holds; NULL: anything, which no request has */
    const struct member *members; /* of a structure, ends with a NULL name */
};

struct member {
    const char *name;
    bool required;
    const struct shape *shape;
};

/* The input of the operations: structures. */
extern const struct shape shape_kinesis_create_stream, shape_kinesis_stream, shape_kinesis_delete_stream,
    shape_kinesis_list_streams, shape_kinesis_describe_stream, shape_kinesis_list_shards,
    shape_kinesis_split_shard, shape_kinesis_merge_shards, shape_kinesis_update_shard_count,
    shape_kinesis_enhanced_monitoring;
extern const struct shape shape_cloudwatch_put_metric_alarm, shape_cloudwatch_put_composite_alarm,
    shape_cloudwatch_describe_alarms, shape_cloudwatch_describe_alarms_for_metric,
    shape_cloudwatch_set_alarm_state, shape_cloudwatch_alarm_names, shape_cloudwatch_get_metric_data,
    shape_cloudwatch_get_metric_statistics, shape_cloudwatch_put_metric_data;
extern const struct shape shape_sns_create_topic, shape_sns_topic, shape_sns_set_topic_attributes,
    shape_sns_subscribe, shape_sns_confirm_subscription, shape_sns_subscription,
    shape_sns_set_subscription_attributes, shape_sns_list_subscriptions, shape_sns_publish;
extern const struct shape shape_sts_assume_role, shape_sts_assume_role_with_web_identity;
extern const struct shape shape_cloudformation_create_stack, shape_cloudformation_update_stack,
    shape_cloudformation_delete_stack, shape_cloudformation_describe_stacks, shape_cloudformation_stack,
    shape_cloudformation_describe_stack_resources, shape_cloudformation_get_template,
    shape_cloudformation_validate_template, shape_cloudformation_get_template_summary,
    shape_cloudformation_list_stacks, shape_cloudformation_create_change_set,
    shape_cloudformation_describe_change_set, shape_cloudformation_execute_change_set,
    shape_cloudformation_delete_change_set;
extern const struct shape shape_no_members;

#endif
