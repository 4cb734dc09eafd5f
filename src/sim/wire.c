/*
 * wire.c - sim_answer(): which service, which protocol, which operation.
 *
 * JSON is known by X-Amz-Target and Content-Type, Query by its form body, or by a GET with an
 * Action (the links in SNS messages).  What is neither is answered as AWS's front end does.
 */
#include "wire.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "sign.h"

#include <string.h>
#include <strings.h>

enum { ANSWER_MAX = 64 * 1024 * 1024 };

const struct service_names wire_services[SERVICE_COUNT] = {
    [SERVICE_KINESIS] = {"kinesis", "Kinesis_20131202.", "application/x-amz-json-1.1", NULL, NULL, ""},
    [SERVICE_CLOUDWATCH] = {"monitoring", "GraniteServiceVersion20100801.", "application/x-amz-json-1.0",
                            "2010-08-01", "http://monitoring.amazonaws.com/doc/2010-08-01/",
                            "com.amazonaws.cloudwatch.v2010_08_01#"},
    [SERVICE_SNS] = {"sns", NULL, NULL, "2010-03-31", "http://sns.amazonaws.com/doc/2010-03-31/", ""},
    [SERVICE_STS] = {"sts", NULL, NULL, "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/", ""},
    [SERVICE_CLOUDFORMATION] = {"cloudformation", NULL, NULL, "2010-05-15",
                                "http://cloudformation.amazonaws.com/doc/2010-05-15/", ""},
};

static const struct operation *const tables[SERVICE_COUNT] = {
    [SERVICE_KINESIS] = wire_kinesis_operations,
    [SERVICE_CLOUDWATCH] = wire_cloudwatch_operations,
    [SERVICE_SNS] = wire_sns_operations,
    [SERVICE_STS] = wire_sts_operations,
    [SERVICE_CLOUDFORMATION] = wire_cloudformation_operations,
};

/* ---- the wire's state */

static void free_wire(void *state)
{
    struct wire *wire = state;

    if (wire == NULL)
        return;
    signer_free(wire->signer);
    free(wire->requests);
    wipe(wire->sessions, sizeof(wire->sessions));
    free(wire);
}

/* The key takes a moment to make; a model without subscriptions never needs one. */
static char *seal(struct sim *sim, const struct sns_message *message)
{
    struct wire *wire = wire_of(sim);

    if (wire->signer == NULL && !sim->leave_unsigned)
        wire->signer = signer_new();
    return signer_seal(wire->signer, sim->public_url, message);
}

struct wire *wire_of(struct sim *sim)
{
    struct wire *wire = sim->wire;

    if (wire == NULL) {
        wire = must_calloc(1, sizeof(*wire));
        wire->requests = must_calloc(REQUESTS_KEPT, sizeof(*wire->requests));
        sim->wire = wire;
        sim->wire_free = free_wire;
        sim->seal = seal;
    }
    return wire;
}

static void remember(struct call *call, enum service service, const struct sim_response *response)
{
    struct answered *row = &call->wire->requests[call->wire->request_count++ % REQUESTS_KEPT];

    row->at_ms = call->sim->now_ms;
    row->service = service;
    row->operation = call->operation == NULL ? NULL : call->operation->name;
    row->status = response->status;
    (void)text_copy(row->error, sizeof(row->error), response->error_type);
}

/* ---- running an operation */

static const struct operation *find_operation(enum service service, const char *name)
{
    for (const struct operation *operation = tables[service]; operation->name != NULL; operation++) {
        if (strcmp(operation->name, name) == 0)
            return operation;
    }
    return NULL;
}

/* The stream a request names. */
static int find_stream(struct call *call, struct fault *fault)
{
    const char *name = input_text(call->input, "StreamName");
    const char *arn = input_text(call->input, "StreamARN");
    enum of_stream of_stream = call->operation->of_stream;

    if (of_stream == STREAM_REQUIRED || (of_stream == STREAM_OPTIONAL && (name != NULL || arn != NULL)))
        return model_resolve_stream(call->sim, name, arn, call->stream, fault);
    return 0;
}

/* The stream, and one request out of the quota. */
static int admit(struct call *call, struct fault *fault)
{
    if (find_stream(call, fault) < 0)
        return -1;
    return model_allow(call->sim, call->operation->name, call->stream[0] == '\0' ? NULL : call->stream,
                       fault);
}

/* `parameters` NULL: JSON. */
static void run(struct call *call, const struct sim_request *request, struct wire_parameters *parameters,
                struct sim_response *response)
{
    SCOPED(wire_delete_tree) cJSON *input = NULL;
    struct wire_fault refusal = {0};
    struct fault fault = {0};
    enum service service = call->operation->service;
    bool strict = !call->wire->lenient;
    int read;

    if (wire_authorize(call, request, &refusal) < 0) {
        wire_answer_fault(service, call->query, refusal.type, refusal.message, 400, response);
        wire_fault_clear(&refusal);
        return;
    }
    if (parameters != NULL)
        read = wire_input_query(call->operation->input, parameters, strict, &input, &refusal);
    else
        read = wire_input_json(call->operation->input, request->body, request->body_length, strict, &input,
                               &refusal);
    if (read < 0) {
        wire_answer_fault(service, call->query, refusal.type, refusal.message, 400, response);
        wire_fault_clear(&refusal);
        return;
    }
    call->input = input;
    if (admit(call, &fault) < 0 || call->operation->run(call, &fault) < 0)
        wire_answer_fault(service, call->query, fault.type, fault.message, fault.http_status, response);
    else
        wire_answer_output(call, response);
    cJSON_Delete(call->output);
}

int wire_perform(struct sim *sim, enum service service, const char *operation, const cJSON *input,
                 cJSON **ret_output, struct wire_fault *refusal)
{
    struct call call = {
        .sim = sim, .wire = wire_of(sim), .operation = find_operation(service, operation), .is_signed = true};
    struct fault fault = {0};

    if (wire_input_check(call.operation->input, input, refusal) < 0)
        return -1;
    call.input = input;
    if (find_stream(&call, &fault) < 0 || call.operation->run(&call, &fault) < 0) {
        cJSON_Delete(call.output);
        return wire_fault_set(refusal, fault.type, "%s", fault.message);
    }
    *ret_output = call.output;
    return 0;
}

/* ---- telling requests apart */

static bool has_type(const char *content_type, const char *wanted)
{
    size_t length = strlen(wanted);

    return content_type != NULL && strncasecmp(content_type, wanted, length) == 0 &&
           (content_type[length] == '\0' || content_type[length] == ';');
}

static void answer_text_as_is(struct sim_response *response, int status, const char *type, const char *error,
                              const char *text)
{
    struct error err;

    response->status = status;
    response->content_type = type;
    (void)text_copy(response->error_type, sizeof(response->error_type), error);
    (void)buffer_add_text(&response->body, text, &err);
}

static void answer_json(struct call *call, const struct sim_request *request, const char *target,
                        enum service service, struct sim_response *response)
{
    const struct service_names *names = &wire_services[service];

    if (target != NULL && text_starts_with(target, names->target))
        call->operation = find_operation(service, target + strlen(names->target));
    if (call->operation == NULL)
        wire_answer_fault(service, false, "UnknownOperationException", NULL, 400, response);
    else
        run(call, request, NULL, response);
    remember(call, service, response);
}

/* By version, or by action alone: the links in SNS messages have no version. */
static enum service query_service(const char *version, const char *action)
{
    for (int i = 0; i < SERVICE_COUNT; i++) {
        if (wire_services[i].version == NULL)
            continue;
        if (version != NULL ? strcmp(version, wire_services[i].version) == 0
                            : action != NULL && find_operation((enum service)i, action) != NULL)
            return (enum service)i;
    }
    return SERVICE_COUNT;
}

static void answer_query(struct call *call, const struct sim_request *request, const char *text,
                         size_t length, struct sim_response *response)
{
    SCOPED(wire_parameters_release) struct wire_parameters *parameters = wire_parameters_parse(text, length);
    const char *action = NULL, *version = NULL;
    enum service service;
    char message[256];

    if (parameters != NULL) {
        action = wire_parameters_find(parameters, "Action");
        version = wire_parameters_find(parameters, "Version");
    }
    service = query_service(version, action);
    call->query = true;
    if (service != SERVICE_COUNT && action != NULL)
        call->operation = find_operation(service, action);
    if (parameters == NULL) {
        wire_answer_fault(SERVICE_SNS, true, "SerializationException", "Too many parameters, or not UTF-8",
                          400, response);
    } else if (action == NULL) {
        wire_answer_fault(SERVICE_SNS, true, "MissingAction", "The request must contain the parameter Action",
                          400, response);
    } else if (call->operation == NULL) {
        snprintf(message, sizeof(message), "Could not find operation %.100s for version %.40s", action,
                 version == NULL ? "NO_VERSION_SPECIFIED" : version);
        wire_answer_fault(service == SERVICE_COUNT ? SERVICE_SNS : service, true, "UnknownOperationException",
                          message, 400, response);
    } else {
        run(call, request, parameters, response);
    }
    remember(call, service, response);
}

static void answer_certificate(struct call *call, const struct sim_request *request,
                               struct sim_response *response)
{
    struct signer *signer = call->wire->signer;

    if (strcmp(request->method, "GET") == 0 && signer != NULL &&
        strcmp(request->path, signer_path(signer)) == 0)
        answer_text_as_is(response, 200, "application/x-pem-file", "", signer_certificate(signer));
    else
        answer_text_as_is(response, 404, "text/xml", "UnknownOperationException",
                          "<UnknownOperationException/>\n");
}

static void answer(struct call *call, const struct sim_request *request, struct sim_response *response)
{
    const char *target = request->header(request, "X-Amz-Target");
    const char *type = request->header(request, "Content-Type");
    const char *query = request->query == NULL ? "" : request->query;
    bool post = strcmp(request->method, "POST") == 0;

    if (strcmp(request->path, "/") != 0)
        answer_certificate(call, request, response);
    else if (post && has_type(type, wire_services[SERVICE_CLOUDWATCH].json_type))
        answer_json(call, request, target, SERVICE_CLOUDWATCH, response);
    else if (post && has_type(type, wire_services[SERVICE_KINESIS].json_type))
        answer_json(call, request, target, SERVICE_KINESIS, response);
    else if (post && has_type(type, "application/json"))
        answer_text_as_is(response, 404, "application/json", "UnknownOperationException",
                          "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\","
                          "\"message\":null},\"Version\":\"1.0\"}");
    else if (post && has_type(type, "application/x-www-form-urlencoded"))
        answer_query(call, request, request->body, request->body_length, response);
    else if (strcmp(request->method, "GET") == 0 && strstr(query, "Action=") != NULL)
        answer_query(call, request, query, strlen(query), response);
    else
        answer_text_as_is(
            response, 403, "text/xml", "AccessDeniedException",
            "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be "
            "authorized</Message>\n</AccessDeniedException>\n");
}

void sim_answer(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    struct call call = {.sim = sim};

    memset(response, 0, sizeof(*response));
    buffer_init(&response->body, ANSWER_MAX);
    model_lock(sim);
    call.wire = wire_of(sim);
    model_uuid(sim, response->request_id);
    answer(&call, request, response);
    model_unlock(sim);
}
