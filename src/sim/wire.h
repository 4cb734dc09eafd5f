/*
 * wire.h - between the files that make the HTTP face of the simulated AWS.
 *
 * One request goes: wire.c (which service, protocol and operation) -> wire_auth.c (signature) ->
 * wire_input.c, wire_query.c (members) -> a handler (the model) -> wire_reply.c (JSON or XML).
 * All of it runs with the model's lock held.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "model.h"
#include "wire_input.h"

#include <cjson/cJSON.h>

enum service {
    SERVICE_KINESIS,
    SERVICE_CLOUDWATCH,
    SERVICE_SNS,
    SERVICE_STS,
    SERVICE_CLOUDFORMATION,
    SERVICE_COUNT
};

struct service_names {
    const char *signing;   /* the service in a credential scope */
    const char *target;    /* before the operation in X-Amz-Target; NULL: no JSON */
    const char *json_type; /* the Content-Type of its JSON */
    const char *version;   /* of its Query protocol; NULL: no Query */
    const char *xmlns;
    const char *type_prefix; /* before modelled errors in JSON */
};
extern const struct service_names wire_services[SERVICE_COUNT];

struct call;
typedef int operation_fn(struct call *call, struct fault *fault);

/* Whether the input names a stream, and so the quota is that stream's. */
enum of_stream { STREAM_NONE, STREAM_REQUIRED, STREAM_OPTIONAL };

struct operation {
    enum service service;
    const char *name;
    const struct shape *input;
    enum of_stream of_stream;
    bool anonymous; /* may come without a signature */
    operation_fn *run;
};
/* Tables end with a NULL name. */
extern const struct operation wire_kinesis_operations[], wire_cloudwatch_operations[], wire_sns_operations[],
    wire_sts_operations[], wire_cloudformation_operations[];

/* Credentials that AssumeRole gave out. */
struct session {
    char access_key_id[32], secret_access_key[48], token[160];
    char arn[640], user_id[128]; /* for GetCallerIdentity */
    int64_t expires_ms;          /* of the model's time */
};

enum { SESSIONS_MAX = 256, REQUESTS_KEPT = 10000 };

/* One row of GET /sim/requests. */
struct answered {
    int64_t at_ms;
    enum service service;
    const char *operation; /* static; NULL when it could not be told */
    int status;
    char error[64];
};

/* The wire's own state, sim->wire. */
struct wire {
    struct signer *signer; /* sign.h */
    struct session sessions[SESSIONS_MAX];
    size_t session_count;      /* all that were ever made: number n is in place n % SESSIONS_MAX */
    struct answered *requests; /* a ring of REQUESTS_KEPT */
    uint64_t request_count;
    bool lenient; /* unknown members are passed over, as AWS does */
};
/*
 * Runs an operation without a request, for scenes and for CloudFormation: as if signed, and out of nobody's
 * quota of requests.  `input` is checked against the shape and stays the caller's; the output is the answer's
 * tree in JSON form, NULL when there is none, and the caller's to delete.
 */
int wire_perform(struct sim *sim, enum service service, const char *operation, const cJSON *input,
                 cJSON **ret_output, struct wire_fault *refusal);
/* Makes the wire's state, once per model: sim_answer() does, and whoever subscribes without it. */
struct wire *wire_of(struct sim *sim);

struct call {
    struct sim *sim;
    struct wire *wire;
    const struct operation *operation;
    bool query; /* Query and XML, else JSON */
    bool is_signed;
    const struct session *session; /* NULL: the account's own key, or nobody */
    const cJSON *input;            /* checked */
    char stream[MODEL_NAME_SIZE];  /* resolved; "" when the request names none */
    cJSON *output;                 /* NULL: an answer without a body */
};

/* ---- wire_auth.c */

/* The signature of the request, its service, date, key and session.  Sets call->is_signed and call->session.
 * `anonymous` lets a request without any Authorization pass. */
int wire_authorize(struct call *call, const struct sim_request *request, struct wire_fault *fault);

/* ---- wire_reply.c */

void wire_answer_output(const struct call *call, struct sim_response *response);
/* `type` as in JSON; message NULL or "" when there is none. */
void wire_answer_fault(enum service service, bool query, const char *type, const char *message, int status,
                       struct sim_response *response);

/* Members of an answer, in the protocol's own form.  A name is not copied: it is a literal, or as lasting. */
cJSON *wire_output(struct call *call); /* makes call->output when there is none yet */
void answer_text(cJSON *object, const char *name, const char *value); /* nothing when NULL */
void answer_number(cJSON *object, const char *name, double value);
void answer_boolean(cJSON *object, const char *name, bool value);
void answer_time(const struct call *call, cJSON *object, const char *name, int64_t ms);
/* An element of a list. */
void answer_element_time(const struct call *call, cJSON *array, int64_t ms);
cJSON *answer_structure(cJSON *object, const char *name);
cJSON *answer_list(cJSON *object, const char *name);
cJSON *answer_element(cJSON *array); /* a structure */
/* An entry of a map in XML. */
void answer_entry(cJSON *map, const char *key, const char *value);

/* ---- wire_state.c */

void wire_write_state(struct sim *sim, struct buffer *body);
void wire_write_requests(struct sim *sim, struct buffer *body);

#endif
