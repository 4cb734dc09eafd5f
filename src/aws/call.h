/*
 * call.h - one AWS operation from request to answer: sign, keep below the quota, send, judge, try again.
 *
 * For the files of aws/ only: the layers above call kinesis.h, cloudwatch.h and sns.h.
 */
#ifndef AWS_CALL_H
#define AWS_CALL_H

#include "aws/client.h"
#include "aws/rate.h"
#include "aws/retry.h"
#include "aws/xml.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>

enum { OPERATIONS_MAX = 48 }; /* different ones that a client counts */

struct aws_client {
    char region[64];
    char endpoints[AWS_SERVICE_COUNT][ENDPOINT_SIZE];
    struct transport *transport;
    struct credentials_provider *credentials;
    struct clock *clock;
    double (*dice)(void);
    struct rate_limiter *limiter;
    atomic_bool stopping;

    pthread_mutex_t lock; /* of all below */
    struct retry_budget budget;
    struct aws_call_count counts[OPERATIONS_MAX];
    size_t count;
    bool refused; /* the last call was refused for its credentials */
    char refusal[256];
    bool answered;           /* ever, whatever the answer was */
    int64_t silent_since_ms; /* since when no request was answered; 0: the last one was */
    char silence[256];       /* what became of the last one */
};

/* "kinesis", "cloudwatch"...: as in IAM actions, metrics and the table of quotas; static. */
const char *aws_service_name(enum aws_service service);

struct aws_call {
    enum aws_service service;
    const char *operation; /* static */
    const char *
        subject; /* the stream, alarm or topic it is about: for error texts, and quotas per stream; may be "" */
    char code[64]; /* filled when AWS refused: "ExpiredNextTokenException" */
};

/* `input` is an object.  *ret_output is the caller's to cJSON_Delete(), always an object; may be NULL. */
int aws_call_json(struct aws_client *client, struct aws_call *call, const cJSON *input, cJSON **ret_output,
                  struct error *err);
/* `form` without Action and Version: "TopicArn=...&Token=...". */
int aws_call_query(struct aws_client *client, struct aws_call *call, const char *version, const char *form,
                   const struct xml_want *wants, size_t want_count, struct error *err);
/* As above for an answer with lists in it. */
int aws_call_query_rows(struct aws_client *client, struct aws_call *call, const char *version,
                        const char *form, const struct xml_want *wants, size_t want_count,
                        const struct xml_rows *rows, size_t row_count, struct error *err);

/* Puts "SplitShard 'orders'" in front of the text.  Always returns -1. */
int aws_call_wrap(const struct aws_call *call, struct error *err);

/* Adds "name=value", percent-encoded, after a '&' unless it is the first. */
int form_add(struct buffer *form, const char *name, const char *value, struct error *err);

/* For SCOPED(): deletes what a `cJSON *` variable points to. */
void free_json(cJSON **json);

/* Adds CloudWatch's Dimensions: StreamName, and ShardId unless `shard` is NULL or "". */
void json_add_dimensions(cJSON *object, const char *stream, const char *shard);

/* ---- members of answers.  All refuse (ERROR_INPUT) a member of another type, and name it. */

/* The member, or NULL when absent or null. */
const cJSON *json_member(const cJSON *object, const char *name);
/* ERROR_INPUT when absent. */
int json_object(const cJSON *object, const char *name, const cJSON **ret_object, struct error *err);
/* NULL when absent. */
int json_array(const cJSON *object, const char *name, const cJSON **ret_array, struct error *err);
/* A text that does not fit is refused. */
int json_text(const cJSON *object, const char *name, char *text, size_t size, struct error *err);
/* Leaves `text` as it is when absent. */
int json_optional_text(const cJSON *object, const char *name, char *text, size_t size, struct error *err);
/* Whole, within [minimum, maximum]. */
int json_integer(const cJSON *object, const char *name, int64_t minimum, int64_t maximum, int64_t *ret_value,
                 struct error *err);
int json_optional_integer(const cJSON *object, const char *name, int64_t minimum, int64_t maximum,
                          int64_t *value, struct error *err);
/* Epoch seconds with a fraction, as Unix milliseconds; leaves `ms` as it is when absent. */
int json_optional_time(const cJSON *object, const char *name, int64_t *ms, struct error *err);
/* The token of the next page, the caller's to free; NULL when this was the last. */
int json_next_token(const cJSON *output, char **ret_token, struct error *err);
/* Which of `names` (ended by NULL) it is; a text that is none of them is refused. */
int json_one_of(const cJSON *object, const char *name, const char *const *names, int *ret_index,
                struct error *err);

#endif
