/*
 * sim.h - a simulated AWS: Kinesis, CloudWatch, SNS, STS and CloudFormation on one endpoint.
 *
 * The model is passive and lives in virtual time: sim_advance() moves it.  It
 * shares no code with the engine (only base/ and http/), so that what is tested
 * does not test itself.  Strict: a wrong signature, an unknown member, a wrong type or a bad state are
 * answered as AWS does.
 *
 * One lock around everything: all functions are thread-safe.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hashkey.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;

#define SIM_ACCOUNT "000000000000"
#define SIM_REGION "us-east-1"
#define SIM_ACCESS_KEY_ID "AKIAKINESCALESIM0001"
#define SIM_SECRET_ACCESS_KEY "kinescale/simulated/secret/key/0000000001"

struct sim_options {
    const char *account; /* NULL: SIM_ACCOUNT, and so on */
    const char *region;
    const char *access_key_id;
    const char *secret_access_key;
    int64_t start_ms;    /* where its time begins */
    uint64_t seed;       /* of ids and jitter */
    int64_t shard_limit; /* of the account; 0: 500 */
    int64_t split_ms;    /* a split or merge; 0: 30,000 */
    int64_t update_ms;   /* UpdateShardCount as a whole; 0: serial, split_ms for each split or merge in it */
    int64_t create_ms;   /* 0: 30,000 */
    int64_t metric_delay_ms; /* from the end of a minute until its datapoint can be read; -1: 75,000 */
    int64_t
        metric_kept_ms; /* how long datapoints stay at least, in memory; 0: 15 days, which is also the most */
    bool check_signatures;  /* off: any well-formed Authorization will do */
    bool check_quotas;      /* requests per second, UpdateShardCount per day */
    bool leave_unsigned;    /* messages of SNS bear no signature, whose key takes a second to make */
    const char *public_url; /* "http://127.0.0.1:4567": SigningCertURL and SubscribeURL begin with it */
};

struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim);

/* Moves the model to `now_ms` (never back): traffic, metrics, reshardings, alarms, deliveries that fall due. */
void sim_advance(struct sim *sim, int64_t now_ms);
/* When something happens next by itself, for a virtual clock; INT64_MAX when nothing does. */
int64_t sim_next_event_ms(struct sim *sim);

/* ---- the wire, without sockets */

struct sim_request {
    const char *method;
    const char *path;
    const char *query;
    const char *body;
    size_t body_length;
    /* NULL when absent; case-insensitive. */
    const char *(*header)(const struct sim_request *request, const char *name);
    void *context;
};
struct sim_response {
    int status;
    const char *content_type; /* static */
    char request_id[40];
    char error_type[64];  /* x-amzn-errortype, "" when none */
    char query_error[96]; /* x-amzn-query-error, "" when none */
    struct buffer body;
};
/* Answers one request at the model's present time, GET of the signing certificate included.  The caller clears
 * response->body.  SigV4 dates are compared with the wall clock, whatever time the model has. */
void sim_answer(struct sim *sim, const struct sim_request *request, struct sim_response *response);

/* ---- SNS deliveries: the model says what is to be sent, the caller sends it and says how it went */

struct sim_delivery {
    uint64_t id;
    char endpoint[1024];   /* http(s)://... */
    char message_type[32]; /* x-amz-sns-message-type */
    char message_id[40];
    char topic_arn[320];
    char subscription_arn[384]; /* "" for a SubscriptionConfirmation */
    char *body;                 /* owned by the delivery */
};
/* The next delivery due at the model's present time; false when there is none.  sim_delivery_clear() it. */
bool sim_take_delivery(struct sim *sim, struct sim_delivery *ret_delivery);
/* status 0: no answer.  200..4xx end it, others are tried again as SNS does (3 retries, 20 s apart). */
void sim_delivery_result(struct sim *sim, uint64_t id, int status);
void sim_delivery_clear(struct sim_delivery *delivery);

/* ---- traffic */

enum key_spread { KEYS_UNIFORM, KEYS_ZIPF, KEYS_HOT, KEYS_SLICE };

/*
 * Sets what producers offer to a stream from now on.
 *
 *   load  "constant:BYTES_S", "ramp:FROM:TO:DURATION", "sine:LOW:HIGH:PERIOD", "steps:DURATION=BYTES_S,...",
 *         "day:LOW:HIGH" (a day with a morning rise and an evening peak), "trace:FILE:PEAK_BYTES_S"
 *         (CSV `timestamp,value` or `minute,bytes,records`; the 99.9th percentile step stands for the peak);
 *         rates take k, M (1024-based): "1.5M"
 *   keys  "uniform", "zipf:S:KEYS", "hot:SHARE" (one key), "slice:SHARE:N:OF" (many keys, evenly on slice N,
 *         from 0, of OF equal slices of the hash key space); what has no SHARE is spread evenly
 */
int sim_set_traffic(struct sim *sim, const char *stream, const char *load, int64_t record_bytes,
                    const char *keys, struct error *err);

enum { SIM_RECORD_BYTES_MAX = 10 << 20 }; /* UpdateMaxRecordSize allows 10,240 KiB at most */

/* What producers offer, minute by minute. */
struct sim_minute {
    double bytes, records;
};
struct sim_load {
    struct sim_minute *minutes;
    size_t count;
    int64_t start_ms; /* of the first minute, a whole one; 0 when the file only numbers them */
    /* Of a file: */
    bool has_bytes;      /* its rows say bytes and records, not counts */
    int64_t step_ms;     /* the commonest one between two rows */
    int64_t gap_minutes; /* that lie between two rows further apart than that */
    int64_t longest_gap; /* of them in a row */
};
struct sim_load_options {
    double peak_bytes_s; /* what the 99.9th percentile minute stands for; 0 when the file says bytes itself */
    int64_t record_bytes; /* with a peak: size of each record, 1 to SIM_RECORD_BYTES_MAX */
};
/*
 * Reads CSV: `minute,bytes,records` or `timestamp,bytes,records` (offered in the one minute that the row lies in), or
 * `timestamp,value` and `minute,value` (counts that are scaled to the peak), in steps of any length from a minute on: two rows
 * of one minute are refused.  Between two rows a straight line, after the last one its value for one more step.
 * ERROR_CONFIG, with file and line where there is one.
 */
int sim_load_read(const char *path, const struct sim_load_options *options, struct sim_load *ret_load,
                  struct error *err);
void sim_load_clear(struct sim_load *load);
/* ERROR_CONFIG when sim_set_minutes() would not take these keys. */
int sim_check_keys(const char *text, struct error *err);
/* What single keys (written as above) offer beyond what one shard takes: it is throttled however many shards there are.
 * ERROR_INPUT. */
int sim_keys_excess(const struct sim_load *load, const char *text, double *ret_bytes, double *ret_records,
                    struct error *err);
/* What producers offer from now on, and nothing after the last minute; keys as above.  Copied. */
int sim_set_minutes(struct sim *sim, const char *stream, const struct sim_load *load, const char *keys,
                    struct error *err);

/* Whether somebody reads the stream: then it has GetRecords.Success in every minute, written to or not.
 * True when a stream is made.  ERROR_NOT_FOUND. */
int sim_set_consumer(struct sim *sim, const char *name, bool present, struct error *err);

struct sim_totals {
    double offered_bytes, accepted_bytes, throttled_bytes;
    double offered_records, accepted_records, throttled_records;
    /* What AWS bills by, each record rounded up; all of a minute are taken to be of their mean size, to the byte. */
    double offered_put_units, accepted_put_units; /* of 25 KB, provisioned */
    double offered_kib;                           /* on demand */
    double shard_hours;
    int64_t open_shards;
    int64_t peak_shards; /* the most that took records at one time */
    int64_t splits, merges, updates;
    int64_t minutes_throttled;
};
/* Since the stream was made; ERROR_NOT_FOUND. */
int sim_stream_totals(struct sim *sim, const char *name, struct sim_totals *ret_totals, struct error *err);

/* Metrics that GetMetricData was asked for since sim_new(), as AWS bills them: each in each call, also for another page. */
int64_t sim_metrics_requested(struct sim *sim);

struct sim_shard {
    int64_t index;      /* of its id */
    hashkey start, end; /* inclusive */
    int64_t opened_ms;
    int64_t closed_ms; /* 0 while it takes records */
    double share;      /* of what producers offer; 0 when it is closed or nothing is offered */
};
/* Those that were open at `since_ms` or later, as far as the stream still knows them (a day), oldest first.  The caller
 * frees *ret_shards.  ERROR_NOT_FOUND. */
int sim_stream_shards(struct sim *sim, const char *name, int64_t since_ms, struct sim_shard **ret_shards,
                      size_t *ret_count, struct error *err);

/* The next `times` deeds ("create", "update", "delete") of CloudFormation on resources of this logical id, in whatever
 * stack, fail and say `reason`.  ERROR_CONFIG for another deed, or when there are more than 100 such orders. */
int sim_fail_resource(struct sim *sim, const char *logical, const char *deed, int64_t times,
                      const char *reason, struct error *err);

/* Adds what a scene file describes (see src/sim/scene.c) to the model; ERROR_CONFIG with "FILE:LINE: ...". */
int sim_scene_load(struct sim *sim, const char *path, struct error *err);
/* The same from text, which is changed; `name` stands in messages. */
int sim_scene_play(struct sim *sim, const char *name, char *text, struct error *err);

/* ---- the server: wire, deliveries and a clock on one address */

struct sim_server;
struct sim_server_options {
    struct sim_options sim;      /* start_ms, and public_url when it is NULL, are filled in by the server */
    const char *listen;          /* "127.0.0.1:4567" */
    struct clock *clock;         /* borrowed */
    const char *scene;           /* a file of what there is at the start, see scene.c; NULL: nothing */
    bool lenient;                /* unknown members are passed over, as AWS does; else refused */
    bool accept_any_certificate; /* of HTTPS endpoints that messages are delivered to */
};
/* Besides AWS's own: GET /sim/state (JSON), PUT /sim/traffic/{stream} (load=...&record_bytes=...&keys=...),
 * GET /sim/requests (one JSON line per AWS request), GET /SimpleNotificationService-*.pem. */
int sim_server_start(const struct sim_server_options *options, struct sim_server **ret_server,
                     struct error *err);
struct sim *sim_server_sim(struct sim_server *server);
int sim_server_port(const struct sim_server *server);
void sim_server_stop(struct sim_server *server);

#endif
