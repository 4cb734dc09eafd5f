/*
 * model.h - the simulated account, inside sim/: Kinesis, CloudWatch and SNS as data that time moves.
 *
 * The contract between the model (this side: what AWS would do) and the wire (the other side: how it is
 * said over HTTP).  The wire checks signatures, members, types, lengths, patterns and enums, then calls
 * one typed function here and renders what it gets.  The model knows states, limits and time; it knows
 * no socket and no key, and JSON only where the data of AWS itself is JSON (policy.h).
 *
 * CloudFormation (stacks.h, template.h, resources.h) stands above both: its handlers call the other services'
 * operations through the wire, as AWS's do, and time reaches it from here (stacks_advance).
 *
 * Locking: every function here wants the lock held (model_lock); the public functions of sim.h take it.
 * sim_answer() is: model_lock, model_allow, model_<operation>, render, model_unlock.  Pointers into the
 * model that a function returns are valid until the lock is given back.
 *
 * Failure: functions that can fail return 0, or -1 with *fault filled; ret_ values are written only on
 * success.  fault->type is the shape's name ("ResourceInUseException"; for SNS the Query code, "NotFound").
 *
 * Times are Unix milliseconds.  Texts in settings are owned heap strings; NULL means "not given".
 *
 * Who implements what of sim.h: model.c sim_new, sim_free, sim_advance, sim_next_event_ms;
 * deliveries.c sim_take_delivery, sim_delivery_result, sim_delivery_clear; traffic.c sim_set_traffic,
 * sim_set_consumer, sim_stream_totals; reshard.c sim_stream_shards; stacks.c sim_fail_resource; the wire sim_answer and sim_server_*.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "base/hashkey.h"
#include "sim/sim.h"

#include <pthread.h>

struct fault {
    const char *type;   /* static */
    char message[1024]; /* "" when AWS sends none */
    int http_status;
};
/* Always returns -1, so a failing function can say `return model_fault(...)`. */
int model_fault(struct fault *fault, const char *type, int http_status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Compilers and analyzers see one file at a time and must be told what every caller relies on. */
#define model_fault(fault, ...) ((void)(model_fault)((fault), __VA_ARGS__), -1)

void model_lock(struct sim *sim);
void model_unlock(struct sim *sim);

/* ---- the account */

enum {
    MODEL_NAME_SIZE = 129, /* streams */
    MODEL_ARN_SIZE = 512,
    MODEL_SHARD_ID_SIZE = 32, /* "shardId-000000000000" */
    MODEL_SEQUENCE_SIZE = 64,
    MODEL_TOKEN_SIZE = 640,
};

struct text_list {
    char **items;
    size_t count;
};

struct series;      /* metrics.h: one metric's datapoints */
struct traffic;     /* traffic.h: what producers offer to one stream */
struct metrics;     /* metrics.h: every series */
struct quota;       /* quota.c */
struct delivery;    /* topics.c */
struct queue;       /* queues.h */
struct stacks;      /* stacks.h */
struct sns_message; /* below */

struct sim {
    pthread_mutex_t lock;
    char *account, *region, *access_key_id, *secret_access_key, *public_url; /* none is NULL */
    int64_t shard_limit, split_ms, update_ms, create_ms, metric_delay_ms, metric_kept_ms;
    bool check_signatures, check_quotas, leave_unsigned;

    int64_t now_ms;
    int64_t next_minute_ms;     /* when the running minute's datapoints are written */
    int64_t next_evaluation_ms; /* when the next minute becomes visible and alarms are looked at */
    uint64_t random_state;      /* of model_random(): ids, tokens */
    uint64_t seed;

    struct stream **streams; /* sorted by name */
    size_t stream_count;
    struct metrics *metrics;
    int64_t metrics_requested; /* of GetMetricData */
    struct alarm **alarms;     /* sorted by name, metric and composite together */
    size_t alarm_count;
    int change_depth; /* of alarms that change alarms */
    struct topic **topics;
    size_t topic_count;
    struct delivery *deliveries; /* oldest first */
    size_t delivery_count;
    uint64_t last_delivery_id;
    struct queue **queues;
    size_t queue_count;
    struct text_list rights; /* ARNs of IAM's policies, which CloudFormation alone makes */
    struct stacks *stacks;   /* NULL until CloudFormation is asked for something */
    struct quota *quota;

    /* The wire's own state, made by the wire at its first call; sim_free() calls wire_free(wire). */
    void *wire;
    void (*wire_free)(void *wire);
    /* Makes the signed JSON body of a delivery; the caller frees.  Until the wire sets it (it does so before
     * anybody can subscribe) a delivery's body is the bare message. */
    char *(*seal)(struct sim *sim, const struct sns_message *message);
};

/* Deterministic for the seed. */
uint64_t model_random(struct sim *sim);
/* A version 4 UUID, for request and message ids; `text` holds UUID_SIZE bytes (37). */
void model_uuid(struct sim *sim, char text[37]);

/*
 * Takes one request out of the quota of `operation` ("SplitShard") at the model's time; `stream` NULL for
 * operations that name none.  Always 0 with check_quotas off, and for operations without a quota.
 */
int model_allow(struct sim *sim, const char *operation, const char *stream, struct fault *fault);
struct quota *model_quota_new(void);
void model_quota_free(struct quota *quota); /* accepts NULL */

struct token_bucket {
    double tokens;
    int64_t filled_ms; /* 0: never used, full */
};

/* ---- Kinesis */

enum model_status { MODEL_CREATING, MODEL_ACTIVE, MODEL_UPDATING, MODEL_DELETING };
const char *model_status_name(enum model_status status); /* "ACTIVE" */

struct shard {
    int64_t index;                   /* of its id */
    hashkey start, end;              /* inclusive */
    int64_t parent, adjacent_parent; /* indexes; -1 when there is none */
    int64_t created_ms;
    int64_t closed_ms; /* 0 while it takes records */
    double share;      /* of the stream's load */
    /* of the running minute */
    double accepted_bytes, accepted_records, throttled_records;
    struct series *series[3]; /* traffic.c */
};

/* Shard-level metrics as bits, in the order of the API's enum. */
enum {
    SHARD_INCOMING_BYTES = 1 << 0,
    SHARD_INCOMING_RECORDS = 1 << 1,
    SHARD_OUTGOING_BYTES = 1 << 2,
    SHARD_OUTGOING_RECORDS = 1 << 3,
    SHARD_WRITE_EXCEEDED = 1 << 4,
    SHARD_READ_EXCEEDED = 1 << 5,
    SHARD_ITERATOR_AGE = 1 << 6,
    SHARD_METRIC_COUNT = 7,
    SHARD_ALL = (1 << SHARD_METRIC_COUNT) - 1,
};
/* Of bit number 0 to SHARD_METRIC_COUNT - 1: "IncomingBytes"... */
const char *model_shard_metric_name(int bit);

struct reshard; /* streams.c: what an UPDATING stream is doing */

struct stream {
    char name[MODEL_NAME_SIZE];
    enum model_status status;
    bool on_demand;
    int64_t created_ms;
    int64_t retention_hours; /* 24 */
    int64_t planned_shards;  /* while CREATING */
    unsigned enhanced;       /* SHARD_* bits */
    struct shard *shards;    /* by index; those that expired are gone */
    size_t shard_count;
    int64_t next_index;
    int64_t listed_below;      /* shards from this index on are not shown yet: the stream is UPDATING */
    int64_t updating_since_ms; /* a shard closed after it is still shown as open */
    int64_t event_ms;          /* when something happens next; INT64_MAX */
    int64_t reserved_shards;   /* the most that are open during the running operation */
    struct reshard *reshard;
    int64_t updates_ms[10]; /* the last accepted UpdateShardCount calls, a ring */
    size_t update_count;
    bool consumer;
    struct traffic *traffic;  /* NULL: nobody writes */
    int64_t counted_ms;       /* traffic and shard-hours are counted up to here */
    struct sim_totals totals; /* sim_stream_totals() gives them with the rest filled in */
    int64_t open_shard_ms;    /* open shards, also those not shown, times milliseconds */
    bool throttled_this_minute;
    struct series *series[5];        /* traffic.c */
    struct token_bucket list_shards; /* ListShards has a quota per stream */
};

/* StreamName, StreamARN, or both, as a request gave them (NULL when absent): the name, or a fault. */
int model_resolve_stream(struct sim *sim, const char *name, const char *arn, char ret_name[MODEL_NAME_SIZE],
                         struct fault *fault);
void model_stream_arn(const struct sim *sim, const char *name, char arn[MODEL_ARN_SIZE]);
void model_shard_id(int64_t index, char id[MODEL_SHARD_ID_SIZE]);
/* As AWS shows it now: false while an operation that made it is running. */
bool model_shard_is_listed(const struct stream *stream, const struct shard *shard);
/* As AWS shows it now: has no EndingSequenceNumber. */
bool model_shard_is_open(const struct stream *stream, const struct shard *shard);
void model_sequence_start(const struct shard *shard, char text[MODEL_SEQUENCE_SIZE]);
void model_sequence_end(const struct shard *shard, char text[MODEL_SEQUENCE_SIZE]);
int64_t model_open_shards(const struct stream *stream); /* as shown; 0 while CREATING */

/* shard_count is ignored for an on-demand stream (4). */
int model_create_stream(struct sim *sim, const char *name, int64_t shard_count, bool on_demand,
                        struct fault *fault);
int model_delete_stream(struct sim *sim, const char *name, struct fault *fault);
/* DescribeStreamSummary, and the head of DescribeStream.  ResourceNotFoundException. */
int model_find_stream(struct sim *sim, const char *name, struct stream **ret_stream, struct fault *fault);

struct stream_page {
    struct stream **items; /* into the model */
    size_t count;
    bool has_more;
    char next_token[MODEL_TOKEN_SIZE]; /* "" when that was all */
};
/* limit 0: 100.  after and token may be NULL. */
int model_list_streams(struct sim *sim, int64_t limit, const char *after, const char *token,
                       struct stream_page *ret_page, struct fault *fault);

struct shard_page {
    const struct shard **items; /* into the model; freed by model_shard_page_clear() */
    size_t count;
    struct stream *stream;
    bool has_more;
    char next_token[MODEL_TOKEN_SIZE]; /* ListShards only; "" when that was all */
};
void model_shard_page_clear(struct shard_page *page);

struct list_shards {
    const char *stream; /* resolved; NULL when next_token is given */
    const char *next_token;
    const char *after;       /* ExclusiveStartShardId */
    int64_t max_results;     /* 0: 1000 */
    int64_t created_ms;      /* StreamCreationTimestamp; 0 when not given */
    const char *filter_type; /* NULL when there is no ShardFilter */
    const char *filter_shard;
    int64_t filter_ms; /* -1 when not given */
};
/* The wire says "NextToken and StreamName cannot be provided together." and the like before it comes here. */
int model_list_shards(struct sim *sim, const struct list_shards *request, struct shard_page *ret_page,
                      struct fault *fault);
/* DescribeStream; limit 0: 100. */
int model_describe_stream(struct sim *sim, const char *name, const char *after, int64_t limit,
                          struct shard_page *ret_page, struct fault *fault);

/* Ids and the key as the request has them: AWS echoes them in its texts. */
int model_split_shard(struct sim *sim, const char *name, const char *shard_id, const char *new_start,
                      struct fault *fault);
int model_merge_shards(struct sim *sim, const char *name, const char *shard_id, const char *adjacent_id,
                       struct fault *fault);
int model_update_shard_count(struct sim *sim, const char *name, int64_t target, int64_t *ret_current,
                             struct fault *fault);
/* *ret_current: before; *ret_desired: after.  The stream stays ACTIVE. */
int model_set_enhanced(struct sim *sim, const char *name, unsigned metrics, bool enable,
                       unsigned *ret_current, unsigned *ret_desired, struct fault *fault);
struct account_limits {
    int64_t shard_limit, open_shards, on_demand_streams, on_demand_limit;
};
void model_describe_limits(struct sim *sim, struct account_limits *ret_limits);

/* ---- CloudWatch: metrics */

struct dimension {
    char *name, *value;
};
struct metric_name {
    char *namespace, *name;
    struct dimension *dimensions;
    size_t dimension_count;
};
void model_metric_name_clear(struct metric_name *metric);

/* MetricDataQuery: of GetMetricData, and of alarms with Metrics[]. */
struct data_query {
    char *id;
    char *expression; /* NULL: metric, stat, period, unit count */
    char *label;
    int return_data; /* -1 not given, 0, 1 */
    struct metric_name metric;
    char *stat, *unit;
    int64_t period_s; /* of MetricStat, or of the expression; 0 when not given */
    char *account_id;
};
void model_data_queries_clear(struct data_query *queries, size_t count); /* frees the array too */

struct data_result {
    char *id, *label;
    int64_t *times_ms;
    double *values;
    size_t count;
};
struct data_answer {
    struct data_result *items; /* those with ReturnData, in the order of the queries */
    size_t count;
    char next_token[MODEL_TOKEN_SIZE];
};
void model_data_answer_clear(struct data_answer *answer);

struct data_request {
    const struct data_query *queries;
    size_t count;
    int64_t start_ms, end_ms;
    bool ascending;
    int64_t max_datapoints; /* 0: 100,800 */
    const char *next_token;
};
int model_get_metric_data(struct sim *sim, const struct data_request *request, struct data_answer *ret_answer,
                          struct fault *fault);

struct datapoint {
    int64_t at_ms;
    double sum, count, minimum, maximum; /* average is sum / count */
};
/* GetMetricStatistics; the caller frees *ret_points.  *ret_unit is "None" when nothing is known. */
int model_get_metric_statistics(struct sim *sim, const struct metric_name *metric, int64_t start_ms,
                                int64_t end_ms, int64_t period_s, struct datapoint **ret_points,
                                size_t *ret_count, const char **ret_unit, struct fault *fault);

struct metric_datum {
    struct metric_name metric; /* borrowed */
    struct datapoint point;    /* at_ms 0: now */
    const char *unit;          /* NULL: "None" */
};
int model_put_metric_data(struct sim *sim, const struct metric_datum *data, size_t count,
                          struct fault *fault);

/* ---- CloudWatch: alarms */

enum alarm_value { VALUE_OK, VALUE_ALARM, VALUE_INSUFFICIENT_DATA };
const char *model_value_name(enum alarm_value value); /* "INSUFFICIENT_DATA" */

struct alarm_settings {
    char *name;
    bool composite;
    char *description;
    bool actions_enabled;        /* true when not given */
    struct text_list actions[3]; /* by enum alarm_value: OKActions, AlarmActions, InsufficientDataActions */
    /* of a metric alarm with one metric; metric.name NULL otherwise */
    struct metric_name metric;
    char *statistic, *extended_statistic, *unit;
    int64_t period_s;
    /* of a metric alarm with Metrics[] */
    struct data_query *queries;
    size_t query_count;
    /* of both */
    int64_t evaluation_periods;
    int64_t datapoints_to_alarm; /* 0 when not given */
    double threshold;            /* NAN when not given */
    char *comparison, *treat_missing, *low_sample_percentile, *threshold_metric_id;
    /* of a composite alarm */
    char *rule;
    /* Members the model does not read (EvaluationWindow, ActionsSuppressor...), a JSON object as text that
     * the wire makes and gets back; NULL when there are none. */
    char *opaque;
};
void model_alarm_settings_clear(struct alarm_settings *settings); /* begins zeroed */

struct alarm {
    struct alarm_settings settings;
    enum alarm_value value;
    char *reason, *reason_data; /* reason_data NULL when there is none */
    int64_t configured_ms, updated_ms, transitioned_ms;
};
void model_alarm_arn(const struct sim *sim, const struct alarm *alarm, char *arn, size_t size);

/* PutMetricAlarm and PutCompositeAlarm.  On success *settings is moved into the model and zeroed; on failure
 * it stays the caller's.  State is kept when the alarm exists. */
int model_put_alarm(struct sim *sim, struct alarm_settings *settings, struct fault *fault);

struct describe_alarms {
    const char *const *names; /* with name_count 0: all */
    size_t name_count;
    const char *name_prefix, *action_prefix; /* NULL: any */
    int value;                               /* enum alarm_value; -1: any */
    bool metric, composite;                  /* AlarmTypes; not given: metric only */
    int64_t max_records;                     /* 0: 100 */
    const char *next_token;
};
struct alarm_page {
    const struct alarm **items; /* both kinds, by name; freed by model_alarm_page_clear() */
    size_t count;
    char next_token[MODEL_TOKEN_SIZE];
};
void model_alarm_page_clear(struct alarm_page *page);
int model_describe_alarms(struct sim *sim, const struct describe_alarms *request, struct alarm_page *ret_page,
                          struct fault *fault);
/* Single-metric alarms on exactly this metric; statistic NULL and period_s 0: any. */
void model_alarms_for_metric(struct sim *sim, const struct metric_name *metric, const char *statistic,
                             int64_t period_s, struct alarm_page *ret_page);
/* reason_data may be NULL. */
int model_set_alarm_state(struct sim *sim, const char *name, enum alarm_value value, const char *reason,
                          const char *reason_data, struct fault *fault);
/* All that exist are deleted, also when others do not (ResourceNotFound). */
int model_delete_alarms(struct sim *sim, const char *const *names, size_t count, struct fault *fault);

/* ---- SNS */

/* What the wire puts into the body of a delivery, and signs. */
struct sns_message {
    const char *type; /* "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation" */
    const char *message_id, *topic_arn, *message;
    const char *subject;          /* NULL when there is none */
    const char *token;            /* of the two confirmations */
    const char *subscription_arn; /* of a Notification */
    int64_t at_ms;
    int signature_version; /* 1 or 2 */
};

struct subscription {
    char arn[MODEL_ARN_SIZE + 40]; /* also while pending; shown as "PendingConfirmation" then */
    char *endpoint;
    char protocol[8]; /* "http", "https" */
    char token[65];
    int64_t token_until_ms;
    bool confirmed, authenticate_on_unsubscribe;
    char *dead_letters; /* ARN of the queue for what cannot be delivered; NULL: none */
};
struct topic {
    char *name;
    char arn[MODEL_ARN_SIZE];
    char *display_name;    /* "" when not given */
    char *policy;          /* JSON; NULL: AWS's own, which lets the account do everything */
    int signature_version; /* 1 */
    struct subscription **subscriptions;
    size_t subscription_count;
    int64_t deleted_subscriptions;
};

/* An existing topic is found again. */
int model_create_topic(struct sim *sim, const char *name, struct topic **ret_topic, struct fault *fault);
int model_find_topic(struct sim *sim, const char *arn, struct topic **ret_topic, struct fault *fault);
int model_delete_topic(struct sim *sim, const char *arn, struct fault *fault); /* 0 when there is none */
/* DisplayName, SignatureVersion, Policy (a document that policy_check() has seen, "" for AWS's own); others are
 * InvalidParameter. */
int model_set_topic_attribute(struct sim *sim, const char *arn, const char *name, const char *value,
                              struct fault *fault);
/* The same endpoint again gives the subscription there is, with a new confirmation while pending. */
int model_subscribe(struct sim *sim, const char *topic_arn, const char *protocol, const char *endpoint,
                    struct subscription **ret_subscription, struct fault *fault);
int model_confirm_subscription(struct sim *sim, const char *topic_arn, const char *token,
                               bool authenticate_on_unsubscribe, struct subscription **ret_subscription,
                               struct fault *fault);
/* NULL when there is none of this ARN; *ret_topic may be NULL. */
struct subscription *model_find_subscription(const struct sim *sim, const char *arn,
                                             struct topic **ret_topic);
/* The ARN of an SQS queue, or NULL for none.  InvalidParameter, NotFound. */
int model_set_dead_letters(struct sim *sim, const char *subscription_arn, const char *queue_arn,
                           struct fault *fault);
/* signed_call: whether the request carried a signature (AuthenticateOnUnsubscribe). */
int model_unsubscribe(struct sim *sim, const char *arn, bool signed_call, struct fault *fault);
struct subscription_page {
    struct subscription **items; /* into the model */
    size_t count;
    char next_token[MODEL_TOKEN_SIZE];
};
/* 100 a page; token may be NULL. */
int model_list_subscriptions(struct sim *sim, const char *topic_arn, const char *token,
                             struct subscription_page *ret_page, struct fault *fault);
/* subject may be NULL. */
int model_publish(struct sim *sim, const char *topic_arn, const char *subject, const char *text,
                  char ret_message_id[37], struct fault *fault);

#endif
