/*
 * wire_input.h - from the bytes of a request to a checked tree of its members.
 *
 * Both protocols end in the same cJSON tree: members by name, lists as arrays, maps and
 * structures as objects, timestamps as epoch seconds.  Whoever gets one may trust
 * every type, limit, pattern and required member of its shape.
 */
#ifndef SIM_WIRE_INPUT_H
#define SIM_WIRE_INPUT_H

#include "wire_shapes.h"

#include <cjson/cJSON.h>

/* What a request is answered with when it is refused. */
struct wire_fault {
    char type[64]; /* "ResourceNotFoundException": the name in JSON, see wire_reply.c for Query's */
    char *message; /* owned; NULL: the answer has none, as AWS does now and then */
};
/* Always returns -1. */
int wire_fault_set(struct wire_fault *fault, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void wire_fault_clear(struct wire_fault *fault);

/* Query parameters, decoded and sorted by name. */
struct wire_parameters;
/* NULL when there are too many or they are no UTF-8; wire_parameters_free() accepts NULL. */
struct wire_parameters *wire_parameters_parse(const char *text, size_t length);
void wire_parameters_free(struct wire_parameters *parameters);
void wire_parameters_release(struct wire_parameters **parameters); /* for SCOPED */
/* NULL when absent. */
const char *wire_parameters_find(struct wire_parameters *parameters, const char *name);

/*
 * Both give a tree that the caller deletes.  `strict`: unknown members are refused, which AWS does not do,
 * so that a misspelt one is found.
 */
int wire_input_json(const struct shape *shape, const char *body, size_t length, bool strict,
                    cJSON **ret_input, struct wire_fault *fault);
int wire_input_query(const struct shape *shape, struct wire_parameters *parameters, bool strict,
                     cJSON **ret_input, struct wire_fault *fault);

/* The constraints alone, all that are broken in one ValidationException. */
int wire_input_check(const struct shape *shape, const cJSON *input, struct wire_fault *fault);

/* "%41+b" -> "A b"; in place.  What is no escape stays as it is. */
void wire_url_decode(char *text, bool plus_is_blank);

/* For SCOPED. */
void wire_delete_tree(cJSON **tree);

/* ---- reading a checked tree; absent members give NULL or the fallback */

const char *input_text(const cJSON *input, const char *name);
int64_t input_integer(const cJSON *input, const char *name, int64_t fallback);
double input_double(const cJSON *input, const char *name, double fallback);
bool input_boolean(const cJSON *input, const char *name, bool fallback);
/* Unix milliseconds. */
int64_t input_time(const cJSON *input, const char *name, int64_t fallback);
/* The list or structure, NULL when absent; cJSON_ArrayForEach() over NULL does nothing. */
const cJSON *input_member(const cJSON *input, const char *name);

#endif
