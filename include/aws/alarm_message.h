/*
 * alarm_message.h - the CloudWatch alarm inside an SNS notification.
 *
 * Accepts the shapes of FACTS 4.4: one metric, metric math, composite; old and
 * new members; lower-case dimension keys.
 */
#ifndef AWS_ALARM_MESSAGE_H
#define AWS_ALARM_MESSAGE_H

#include "aws/cloudwatch.h"

enum { ALARM_CHILDREN_MAX = 32 };

struct alarm_message {
    char alarm_name[ALARM_NAME_SIZE];
    char alarm_arn[ARN_SIZE]; /* "" before about 2020 */
    enum alarm_state new_state;
    enum alarm_state old_state; /* INSUFFICIENT_DATA when not said */
    int64_t changed_ms;         /* StateChangeTime */
    bool math, composite;
    char stream[STREAM_NAME_SIZE]; /* "" when no AWS/Kinesis metric with a StreamName is in it */
    char shard[SHARD_ID_SIZE];
    char metric[256];                                      /* "" unless one metric */
    char comparison[64];                                   /* "GreaterThanThreshold"; "" for a composite */
    char child_names[ALARM_CHILDREN_MAX][ALARM_NAME_SIZE]; /* composite: alarms named in TriggeringChildren */
    size_t child_count;
};

/* ERROR_INPUT when it is no alarm message, with the member that is wrong. */
int alarm_message_parse(const char *text, size_t length, struct alarm_message *ret_message,
                        struct error *err);

#endif
