/*
 * template.h - CloudFormation templates: from a text to what a stack shall hold.
 *
 *   template_read()      YAML or JSON -> a tree; short tags (!Ref) become their long form
 *   template_check()     sections, names, references, functions, types and properties; no values yet
 *   template_declare()   with values for the parameters: the resources and outputs there shall be
 *   template_resolve()   with the resources that there are: final values
 *
 * In a declaration all is known but what a resource is called once it is made.  In its place stands a mark in the
 * text, MARK_BEGIN LogicalId [MARK_ATTRIBUTE Attribute] MARK_END, so that Fn::Join and Fn::Sub work as ever, and two
 * declarations can be compared.  No template holds such characters: template_read() refuses them.
 *
 * Bounded whatever comes: bytes, depth, nodes, and the text that functions make.  A fault is always a
 * ValidationException in AWS's words.
 */
#ifndef SIM_TEMPLATE_H
#define SIM_TEMPLATE_H

#include "model.h"

#include <cjson/cJSON.h>

enum {
    TEMPLATE_BYTES_MAX = 51200, /* these are AWS's */
    TEMPLATE_RESOURCES_MAX = 500,
    TEMPLATE_PARAMETERS_MAX = 200,
    TEMPLATE_OUTPUTS_MAX = 200,
    TEMPLATE_VALUE_MAX = 4096,   /* of a parameter */
    TEMPLATE_ENTRIES_MAX = 1000, /* these are ours: of a mapping */
    TEMPLATE_DEPTH_MAX = 32,
    TEMPLATE_NODES_MAX = 20000,
    TEMPLATE_TEXT_MAX = 4 * 1024 * 1024, /* what the functions of one declaration may make, in bytes */
};

#define MARK_BEGIN '\x01'
#define MARK_ATTRIBUTE '\x02'
#define MARK_END '\x03'

/* Always -1, with ValidationException. */
#define template_fault(fault, ...) model_fault((fault), "ValidationException", 400, __VA_ARGS__)

/* The caller deletes the tree. */
int template_read(const char *text, size_t length, cJSON **ret_tree, struct fault *fault);
int template_check(const cJSON *tree, struct fault *fault);

/* A scalar as CloudFormation writes it; NULL for lists, mappings and null.  The caller frees. */
char *template_scalar_text(const cJSON *value);
/* The section ("Parameters", "Resources"...), NULL when there is none. */
const cJSON *template_section(const cJSON *tree, const char *name);
/* "CAPABILITY_NAMED_IAM", "CAPABILITY_IAM", or NULL when the template asks for none.  *ret_types, when not NULL:
 * the types that are the reason, "[AWS::IAM::Role]", the caller's to free. */
const char *template_capability(const cJSON *tree, char **ret_types);

/* ---- parameters */

/* Names to values as text, in the template's order.  `given`: the request's list of {ParameterKey, ParameterValue,
 * UsePreviousValue}, may be NULL; `previous`: those of the stack, may be NULL.  The caller deletes. */
int template_parameters(const cJSON *tree, const cJSON *given, const cJSON *previous, cJSON **ret_values,
                        struct fault *fault);
/* The structure and default of every declared parameter. */
int template_check_parameters(const cJSON *parameters, struct fault *fault);
/* "CommaDelimitedList", "List<Number>". */
bool template_is_list_type(const char *type);

/* ---- functions */

/* A reference, as Ref, Fn::GetAtt and Fn::Sub make them. */
struct template_reference {
    char name[256];      /* a parameter, a pseudo parameter, or a resource */
    char attribute[256]; /* "" for Ref */
};

struct evaluation {
    struct sim *sim;
    const cJSON *tree, *parameters; /* parameters: values, by name */
    const char *stack_name, *stack_id;
    cJSON *conditions; /* by name; what was found out so far */
    size_t text_left;  /* of TEMPLATE_TEXT_MAX */
};
/* *ret_value NULL: AWS::NoValue.  The caller deletes. */
int template_evaluate(struct evaluation *evaluation, const cJSON *node, cJSON **ret_value,
                      struct fault *fault);
/* The condition of this name; it exists. */
int template_condition(struct evaluation *evaluation, const char *name, bool *ret_value, struct fault *fault);
/* Whether the node is a call: an object with one member, Ref or Fn::*. */
bool template_is_call(const cJSON *node);
bool template_is_known_function(const char *name, bool in_conditions);
/* "[Ref, Fn::If, ...]" into `list`. */
void template_list_functions(char *list, size_t size);
/* Fn::GetAtt's argument, "A.B" or ["A", "B"]; false when it is neither. */
bool template_parse_get_att(const cJSON *argument, struct template_reference *ret_reference);
bool template_is_pseudo(const char *name);

/* One piece of Fn::Sub's text after the other. */
enum piece_kind { PIECE_TEXT, PIECE_REFERENCE, PIECE_ESCAPED }; /* abc, ${abc}, ${!abc} */
struct template_piece {
    enum piece_kind kind;
    const char *text; /* what stands within the braces */
    size_t length;
};
bool template_next_piece(const char **cursor, struct template_piece *ret_piece);
/* False when it is too long or has characters that have no place there. */
bool template_parse_piece(const struct template_piece *piece, struct template_reference *ret_reference);

/* ---- declarations */

struct declaration {
    char *text;        /* the template as it came */
    cJSON *tree;       /* of it */
    cJSON *parameters; /* values by name */
    /* Logical id -> {Type, Properties, DeletionPolicy, UpdateReplacePolicy, Needs: [logical ids]}, in the template's
     * order, without those whose condition is false. */
    cJSON *resources;
    cJSON *outputs; /* key -> {Value, Description} */
};
struct declare {
    struct sim *sim;
    const char *text;
    size_t length;
    const cJSON *given, *previous; /* as for template_parameters() */
    const char *stack_name, *stack_id;
};
/* The caller frees. */
int template_declare(const struct declare *request, struct declaration **ret_declaration,
                     struct fault *fault);
void declaration_free(struct declaration *declaration); /* accepts NULL */

/* The physical id or attribute of a resource; NULL when it is not there yet. */
typedef const char *lookup_fn(void *context, const char *logical, const char *attribute);
/* A copy of `value` with every mark replaced; the caller deletes.  A mark that nobody knows stays away. */
cJSON *template_resolve(const cJSON *value, lookup_fn *lookup, void *context);

#endif
