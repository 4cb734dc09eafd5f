/*
 * wire_reply.c - how an answer is written: JSON as it stands, or XML made from the same tree.
 *
 * In XML a list's elements are <member>s and a structure's children are elements of their own
 * name; a name may stand in a structure twice, which is how the entries of a map are kept.
 */
#include "wire.h"

#include "base/date.h"
#include "base/json_print.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* What AWS calls a fault in each of its protocols; types without a row have one name everywhere. */
static const struct fault_name {
    const char *type;      /* the handlers' */
    const char *json_type; /* CloudWatch's; NULL: its own prefix and the type */
    const char *query_code;
    int query_status; /* 0: the fault's own */
} fault_names[] = {
    {"ValidationException", "com.amazon.coral.validate#ValidationException", "ValidationError", 400},
    {"SerializationException", "com.amazon.coral.service#SerializationException", "MalformedInput", 400},
    {"UnknownOperationException", "com.amazon.coral.service#UnknownOperationException", "InvalidAction", 400},
    {"UnrecognizedClientException", "com.amazon.coral.service#UnrecognizedClientException",
     "InvalidClientTokenId", 403},
    {"InvalidSignatureException", "com.amazon.coral.service#InvalidSignatureException",
     "SignatureDoesNotMatch", 403},
    {"IncompleteSignatureException", "com.amazon.coral.service#IncompleteSignatureException",
     "IncompleteSignature", 400},
    {"MissingAuthenticationTokenException", "com.amazon.coral.service#MissingAuthenticationTokenException",
     "MissingAuthenticationToken", 403},
    {"ExpiredTokenException", "com.amazon.coral.service#ExpiredTokenException", "ExpiredToken", 403},
    {"AccessDeniedException", "com.amazon.coral.service#AccessDeniedException", "AccessDenied", 403},
    {"ThrottlingException", "com.amazon.coral.availability#ThrottlingException", "Throttling", 400},
    {"InvalidParameterValueException", NULL, "InvalidParameterValue", 400},
    {"InvalidParameterCombinationException", NULL, "InvalidParameterCombination", 400},
    {"MissingRequiredParameterException", NULL, "MissingParameter", 400},
    {"LimitExceededFault", NULL, "LimitExceeded", 400},
    {"InvalidFormatFault", NULL, "InvalidFormat", 400},
    {"InternalServiceFault", NULL, "InternalServiceError", 500},
};

static const struct fault_name *find_fault_name(const char *type)
{
    for (size_t i = 0; i < COUNT_OF(fault_names); i++) {
        if (strcmp(fault_names[i].type, type) == 0)
            return &fault_names[i];
    }
    return NULL;
}

/* ---- XML */

static void add(struct buffer *body, const char *text)
{
    struct error err;

    (void)buffer_add_text(body, text, &err); /* an answer beyond the ceiling is cut, and so no XML */
}

/* Control characters have no place in XML 1.0, escaped or not. */
static void add_escaped(struct buffer *body, const char *text)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\r', "&#13;"}};
    struct error err;

    for (; *text != '\0'; text++) {
        const char *entity = NULL;

        for (size_t i = 0; i < COUNT_OF(entities); i++) {
            if (*text == entities[i].character)
                entity = entities[i].entity;
        }
        if (entity == NULL && (unsigned char)*text < 0x20 && *text != '\n' && *text != '\t')
            entity = "?";
        if (entity != NULL)
            add(body, entity);
        else
            (void)buffer_add(body, text, 1, &err);
    }
}

static void add_tag(struct buffer *body, const char *open, const char *name)
{
    add(body, open);
    add(body, name);
    add(body, ">");
}

static void add_xml(struct buffer *body, const char *name, const cJSON *value)
{
    const cJSON *child;
    char number[32];

    add_tag(body, "<", name);
    if (cJSON_IsString(value)) {
        add_escaped(body, value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        number_format_double(value->valuedouble, number, sizeof(number));
        add(body, number);
    } else if (cJSON_IsBool(value)) {
        add(body, cJSON_IsTrue(value) ? "true" : "false");
    }
    if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
        cJSON_ArrayForEach(child, value)
            add_xml(body, cJSON_IsArray(value) ? "member" : child->string, child);
    }
    add_tag(body, "</", name);
}

static void answer_xml(const struct call *call, struct sim_response *response)
{
    const struct operation *operation = call->operation;
    struct error err;
    char name[96];

    (void)buffer_printf(&response->body, &err, "<%sResponse xmlns=\"%s\">", operation->name,
                        wire_services[operation->service].xmlns);
    if (call->output != NULL) {
        snprintf(name, sizeof(name), "%sResult", operation->name);
        add_xml(&response->body, name, call->output);
    }
    (void)buffer_printf(&response->body, &err,
                        "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>",
                        response->request_id, operation->name);
}

/* ---- answers */

void wire_answer_output(const struct call *call, struct sim_response *response)
{
    struct error err;

    response->status = 200;
    if (call->query) {
        response->content_type = "text/xml";
        answer_xml(call, response);
        return;
    }
    response->content_type = wire_services[call->operation->service].json_type;
    if (call->output != NULL)
        (void)json_print_to(call->output, &response->body, &err);
}

static void answer_query_fault(enum service service, const char *type, const char *message, int status,
                               struct sim_response *response)
{
    const struct fault_name *name = find_fault_name(type);
    const char *code = name == NULL ? type : name->query_code;
    struct error err;

    response->status = name == NULL ? status : name->query_status;
    response->content_type = "text/xml";
    snprintf(response->error_type, sizeof(response->error_type), "%s", code);
    (void)buffer_printf(&response->body, &err,
                        "<ErrorResponse xmlns=\"%s\"><Error><Type>%s</Type><Code>%s</Code>",
                        wire_services[service].xmlns, response->status >= 500 ? "Receiver" : "Sender", code);
    if (message != NULL) {
        add(&response->body, "<Message>");
        add_escaped(&response->body, message);
        add(&response->body, "</Message>");
    }
    (void)buffer_printf(&response->body, &err, "</Error><RequestId>%s</RequestId></ErrorResponse>",
                        response->request_id);
}

static void answer_json_fault(enum service service, const char *type, const char *message, int status,
                              struct sim_response *response)
{
    const struct fault_name *name = find_fault_name(type);
    const char *prefix = wire_services[service].type_prefix;
    char full[128];
    cJSON *body = cJSON_CreateObject();
    struct error err;

    /* Kinesis gives bare names; CloudWatch's have a namespace each. */
    if (prefix[0] != '\0' && name != NULL && name->json_type != NULL)
        snprintf(full, sizeof(full), "%s", name->json_type);
    else
        snprintf(full, sizeof(full), "%s%s", prefix, type);
    (void)cJSON_AddStringToObject(body, "__type", full);
    /* AWS's parser has a capital letter where everybody else has a small one. */
    if (message != NULL)
        (void)cJSON_AddStringToObject(
            body, strcmp(type, "SerializationException") == 0 ? "Message" : "message", message);
    (void)json_print_to(body, &response->body, &err);
    cJSON_Delete(body);
    response->status = status;
    response->content_type = wire_services[service].json_type;
    snprintf(response->error_type, sizeof(response->error_type), "%s", type);
    if (prefix[0] != '\0')
        snprintf(response->query_error, sizeof(response->query_error), "%s;%s",
                 name == NULL ? type : name->query_code, status >= 500 ? "Receiver" : "Sender");
}

/* What was echoed may have come as anything, or been cut within a character: '?' stands for bytes that are no UTF-8. */
static void make_utf8(char *text)
{
    size_t length;

    for (; *text != '\0'; text += length) {
        length = 1;
        while (length < 4 && text[length] != '\0' && !text_is_utf8(text, length))
            length++;
        if (!text_is_utf8(text, length)) {
            *text = '?';
            length = 1;
        }
    }
}

void wire_answer_fault(enum service service, bool query, const char *type, const char *message, int status,
                       struct sim_response *response)
{
    SCOPED(free_text) char *copy = NULL;

    if (message != NULL && message[0] != '\0') {
        copy = must_strdup(message);
        make_utf8(copy);
    }
    buffer_clear(&response->body);
    if (query)
        answer_query_fault(service, type, copy, status, response);
    else
        answer_json_fault(service, type, copy, status, response);
}

/* ---- members of an answer */

cJSON *wire_output(struct call *call)
{
    if (call->output == NULL)
        call->output = cJSON_CreateObject();
    return call->output;
}

static cJSON *add_member(cJSON *object, const char *name, cJSON *value)
{
    (void)cJSON_AddItemToObjectCS(object, name, value);
    return value;
}

void answer_text(cJSON *object, const char *name, const char *value)
{
    if (value != NULL)
        (void)add_member(object, name, cJSON_CreateString(value));
}

void answer_number(cJSON *object, const char *name, double value)
{
    (void)add_member(object, name, cJSON_CreateNumber(value));
}

void answer_boolean(cJSON *object, const char *name, bool value)
{
    (void)add_member(object, name, cJSON_CreateBool(value));
}

static cJSON *make_time(const struct call *call, int64_t ms)
{
    char text[DATE_SIZE];

    if (!call->query)
        return cJSON_CreateNumber((double)ms / 1000.0);
    date_format(ms, text);
    return cJSON_CreateString(text);
}

void answer_time(const struct call *call, cJSON *object, const char *name, int64_t ms)
{
    (void)add_member(object, name, make_time(call, ms));
}

void answer_element_time(const struct call *call, cJSON *array, int64_t ms)
{
    (void)cJSON_AddItemToArray(array, make_time(call, ms));
}

cJSON *answer_structure(cJSON *object, const char *name)
{
    return add_member(object, name, cJSON_CreateObject());
}

cJSON *answer_list(cJSON *object, const char *name)
{
    return add_member(object, name, cJSON_CreateArray());
}

cJSON *answer_element(cJSON *array)
{
    cJSON *element = cJSON_CreateObject();

    (void)cJSON_AddItemToArray(array, element);
    return element;
}

void answer_entry(cJSON *map, const char *key, const char *value)
{
    cJSON *entry = answer_structure(map, "entry");

    answer_text(entry, "key", key);
    answer_text(entry, "value", value);
}
