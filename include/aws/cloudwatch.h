/*
 * cloudwatch.h - the CloudWatch operations the program uses (JSON 1.0).
 */
#ifndef AWS_CLOUDWATCH_H
#define AWS_CLOUDWATCH_H

#include "aws/client.h"
#include "scaling/limits.h"

/* ---- alarms */

enum alarm_state { ALARM_OK, ALARM_ALARM, ALARM_INSUFFICIENT_DATA };
const char *alarm_state_name(enum alarm_state state); /* "OK", "ALARM", "INSUFFICIENT_DATA" */

/*
 * An alarm as DescribeAlarms showed it.  The whole of it stays in `document`, so that a change of
 * one field sends every other one back as it was; as text, because an account may have thousands.
 */
struct alarm {
    char name[ALARM_NAME_SIZE];
    enum alarm_state state;
    int64_t transitioned_ms; /* StateTransitionedTimestamp, else StateUpdatedTimestamp; 0 when absent */
    bool composite;
    bool math;                     /* has Metrics[] instead of one metric */
    char stream[STREAM_NAME_SIZE]; /* dimension StreamName (of any metric in a math alarm); "" when none */
    char shard[SHARD_ID_SIZE];     /* dimension ShardId; "" when none */
    char namespace[256], metric[256], statistic[32]; /* "" in a math or composite alarm */
    char comparison[64];                             /* "GreaterThanThreshold"; "" in a composite alarm */
    int64_t period_s;
    double threshold; /* NAN when there is none */
    char **actions;   /* AlarmActions */
    size_t action_count;
    char *document; /* JSON; opaque to callers */
};
struct alarm_list {
    struct alarm *items;
    size_t count;
};
void alarm_list_clear(struct alarm_list *list); /* begins zeroed */
bool alarm_has_action(const struct alarm *alarm, const char *arn);
/* The alarms whose ALARM a composite alarm waits for, at most `size`; 0 for any other. */
size_t cloudwatch_alarm_children(const struct alarm *alarm, char (*ret_names)[ALARM_NAME_SIZE], size_t size);

/* All alarms, metric and composite, one of whose ALARM actions begins with `action_prefix`; all pages. */
int cloudwatch_alarms_by_action(struct aws_client *client, const char *action_prefix,
                                struct alarm_list *ret_list, struct error *err);
/* All alarms, metric and composite, whose name begins with `name_prefix`; all pages. */
int cloudwatch_alarms_by_prefix(struct aws_client *client, const char *name_prefix,
                                struct alarm_list *ret_list, struct error *err);
/* Those of these names that exist, metric and composite, in batches of 100. */
int cloudwatch_alarms_by_name(struct aws_client *client, const char *const *names, size_t count,
                              struct alarm_list *ret_list, struct error *err);
/* DescribeAlarmsForMetric on AWS/Kinesis; `shard` NULL or "" for the stream's own metric. */
int cloudwatch_alarms_for_metric(struct aws_client *client, const char *metric, const char *stream,
                                 const char *shard, struct alarm_list *ret_list, struct error *err);
/* Sends the alarm back with this threshold and everything else as it was.  ERROR_REFUSED for one that
 * has no threshold of its own (composite, anomaly band). */
int cloudwatch_put_threshold(struct aws_client *client, const struct alarm *alarm, double threshold,
                             struct error *err);
/*
 * An alarm of our own on a metric of a stream or one of its shards: Sum over one period of `period_s` above
 * `threshold`; no datapoint is no breach.  Overwrites one of that name.  All texts are borrowed.
 */
struct alarm_order {
    const char *name, *description; /* at most 255 and 1024 characters */
    const char *metric, *stream;
    const char *shard; /* NULL or "" for the stream's own metric */
    const char *topic_arn;
    int64_t period_s;
    double threshold;
};
int cloudwatch_make_alarm(struct aws_client *client, const struct alarm_order *order, struct error *err);
enum { ALARMS_PER_DELETE = 100 };
/* One call, so at most ALARMS_PER_DELETE.  Those that exist are deleted; NOT_FOUND when one did not. */
int cloudwatch_delete_alarms(struct aws_client *client, const char *const *names, size_t count,
                             struct error *err);
/* reason: at most 1023 bytes.  NOT_FOUND when the alarm is gone. */
int cloudwatch_set_alarm_state(struct aws_client *client, const char *name, enum alarm_state state,
                               const char *reason, struct error *err);

/* ---- metrics */

struct metric_query {
    const char *metric; /* of namespace AWS/Kinesis */
    const char *stream;
    const char *shard;     /* NULL or "" for the stream's own */
    const char *statistic; /* "Sum", "Maximum"... */
    int64_t period_s;
};

/* Values on the periods of [start, end); NAN where there was no datapoint. */
struct metric_series {
    double *values;
    size_t count;  /* (end - start) / period */
    bool complete; /* false: CloudWatch said PartialData to the end, InternalError or Forbidden */
};
struct metric_answer {
    struct metric_series *series; /* one per query, in their order */
    size_t count;
};
void metric_answer_clear(struct metric_answer *answer); /* begins zeroed */

/*
 * Sends as few GetMetricData calls as AWS allows (500 queries, 100,800 datapoints each), follows
 * pages, and lines the points up.  start and end are multiples of every period.
 */
int cloudwatch_metrics(struct aws_client *client, const struct metric_query *queries, size_t count,
                       int64_t start_ms, int64_t end_ms, struct metric_answer *ret_answer, struct error *err);

#endif
