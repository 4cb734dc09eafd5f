/*
 * template_read.c - a template's text becomes a tree.
 *
 * libyaml's events, not its documents, so that nothing grows before it is counted.  JSON is read as the YAML that it
 * is.  As in AWS there are no aliases (and so no billion laughs), no second document and no null.
 *
 * A scalar is a number or a truth value only when it is written without quotes and nothing of it is lost that way;
 * what a property wants is made of it later (resource_shapes.c).
 */
#include "template.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "wire_input.h"

#include <string.h>
#include <yaml.h>

#define STANDARD_TAGS "tag:yaml.org,2002:"

struct reader {
    yaml_parser_t parser;
    size_t nodes;
    struct fault *fault;
};

static int read_node(struct reader *reader, const yaml_event_t *event, int depth, cJSON **ret_node);

static int malformed(const struct reader *reader, const yaml_mark_t *mark, const char *what)
{
    return template_fault(
        reader->fault, "Template format error: YAML not well-formed. (line %zu, column %zu%s%s)",
        mark->line + 1, mark->column + 1, what == NULL ? "" : ": ", what == NULL ? "" : what);
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event) == 1)
        return 0;
    return malformed(reader, &reader->parser.problem_mark, reader->parser.problem);
}

/* ---- scalars */

static bool is_truth(const char *text, bool *ret_value)
{
    *ret_value = text_equal(text, "true") || text_equal(text, "True") || text_equal(text, "TRUE");
    return *ret_value || text_equal(text, "false") || text_equal(text, "False") || text_equal(text, "FALSE");
}

/* Also false for "1.0", "0755" and 0.1 with thirty decimals: they would not come back as they were. */
static bool is_exact_number(const char *text, double *ret_value)
{
    char again[32];

    if (!number_parse_double(text, ret_value))
        return false;
    number_format_double(*ret_value, again, sizeof(again));
    return text_equal(text, again);
}

/* NULL, with the fault set, when there is something in it that is no text. */
static const char *read_text(const struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    for (size_t i = 0; i < event->data.scalar.length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < ' ' && c != '\n' && c != '\r' && c != '\t') {
            (void)malformed(reader, &event->start_mark, "control characters are not allowed");
            return NULL;
        }
    }
    return text;
}

static bool is_null(const char *text)
{
    return text[0] == '\0' || text_equal(text, "null") || text_equal(text, "Null") ||
           text_equal(text, "NULL") || text_equal(text, "~");
}

static int read_scalar(const struct reader *reader, const yaml_event_t *event, cJSON **ret_node)
{
    bool plain =
        event->data.scalar.plain_implicit != 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    const char *text = read_text(reader, event);
    double number;
    bool truth;

    if (text == NULL)
        return -1;
    if (plain && is_null(text))
        return template_fault(reader->fault,
                              "Template format error: [line %zu] 'null' values are not allowed in templates",
                              event->start_mark.line + 1);
    if (plain && is_truth(text, &truth))
        *ret_node = cJSON_CreateBool(truth);
    else if (plain && is_exact_number(text, &number))
        *ret_node = cJSON_CreateNumber(number);
    else
        *ret_node = cJSON_CreateString(text);
    return 0;
}

/* ---- tags */

static const char *tag_of(const yaml_event_t *event)
{
    const yaml_char_t *tag = NULL;

    if (event->type == YAML_SCALAR_EVENT)
        tag = event->data.scalar.tag;
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        tag = event->data.sequence_start.tag;
    else if (event->type == YAML_MAPPING_START_EVENT)
        tag = event->data.mapping_start.tag;
    return (const char *)tag;
}

/* !GetAtt A.B is Fn::GetAtt: [A, B]. */
static cJSON *split_at_dot(cJSON *node)
{
    const char *text = cJSON_GetStringValue(node);
    const char *dot = text == NULL ? NULL : strchr(text, '.');
    SCOPED(free_text) char *name = NULL;
    cJSON *list;

    if (dot == NULL)
        return node;
    list = cJSON_CreateArray();
    name = must_strndup(text, (size_t)(dot - text));
    (void)cJSON_AddItemToArray(list, cJSON_CreateString(name));
    (void)cJSON_AddItemToArray(list, cJSON_CreateString(dot + 1));
    cJSON_Delete(node);
    return list;
}

/* What !X stands for; `node` is taken over. */
static int apply_tag(const struct reader *reader, const yaml_event_t *event, cJSON *node, cJSON **ret_node)
{
    const char *tag = tag_of(event);
    SCOPED(free_text) char *name = NULL;
    cJSON *call;

    if (tag == NULL || text_equal(tag, "!") || text_equal(tag, STANDARD_TAGS "str") ||
        text_equal(tag, STANDARD_TAGS "map") || text_equal(tag, STANDARD_TAGS "seq")) {
        *ret_node = node;
        return 0;
    }
    if (tag[0] != '!' || strlen(tag) > 64) {
        cJSON_Delete(node);
        return malformed(reader, &event->start_mark, "unknown tag");
    }
    name =
        must_printf("%s%s", text_equal(tag, "!Ref") || text_equal(tag, "!Condition") ? "" : "Fn::", tag + 1);
    call = cJSON_CreateObject();
    (void)cJSON_AddItemToObject(call, name, text_equal(tag, "!GetAtt") ? split_at_dot(node) : node);
    *ret_node = call;
    return 0;
}

/* ---- collections */

static int read_sequence(struct reader *reader, int depth, cJSON *list)
{
    for (;;) {
        yaml_event_t event;
        cJSON *item = NULL;
        int result;

        if (next_event(reader, &event) < 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        result = read_node(reader, &event, depth, &item);
        yaml_event_delete(&event);
        if (result < 0)
            return -1;
        (void)cJSON_AddItemToArray(list, item);
    }
}

/* `event` is the key. */
static int read_entry(struct reader *reader, const yaml_event_t *event, int depth, cJSON *mapping)
{
    const char *key;
    yaml_event_t value;
    cJSON *node = NULL;
    int result;

    if (event->type != YAML_SCALAR_EVENT || tag_of(event) != NULL)
        return malformed(reader, &event->start_mark, "a key must be text");
    key = read_text(reader, event);
    if (key == NULL)
        return -1;
    if (cJSON_GetObjectItemCaseSensitive(mapping, key) != NULL)
        return malformed(reader, &event->start_mark, "duplicate key");
    if (next_event(reader, &value) < 0)
        return -1;
    result = read_node(reader, &value, depth, &node);
    yaml_event_delete(&value);
    if (result < 0)
        return -1;
    (void)cJSON_AddItemToObject(mapping, key, node);
    return 0;
}

static int read_mapping(struct reader *reader, const yaml_mark_t *start, int depth, cJSON *mapping)
{
    for (int entries = 0;; entries++) {
        yaml_event_t event;
        int result;

        if (next_event(reader, &event) < 0)
            return -1;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        if (entries == TEMPLATE_ENTRIES_MAX)
            result = malformed(reader, start, "too many entries");
        else
            result = read_entry(reader, &event, depth, mapping);
        yaml_event_delete(&event);
        if (result < 0)
            return -1;
    }
}

static int read_untagged(struct reader *reader, const yaml_event_t *event, int depth, cJSON **ret_node)
{
    SCOPED(wire_delete_tree) cJSON *node = NULL;
    int result;

    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event, ret_node);
    case YAML_SEQUENCE_START_EVENT:
        node = cJSON_CreateArray();
        result = read_sequence(reader, depth + 1, node);
        break;
    case YAML_MAPPING_START_EVENT:
        node = cJSON_CreateObject();
        result = read_mapping(reader, &event->start_mark, depth + 1, node);
        break;
    case YAML_ALIAS_EVENT:
        return template_fault(reader->fault,
                              "Template error: YAML aliases are not allowed in CloudFormation templates");
    default:
        return malformed(reader, &event->start_mark, NULL);
    }
    if (result < 0)
        return -1;
    *ret_node = node;
    node = NULL;
    return 0;
}

static int read_node(struct reader *reader, const yaml_event_t *event, int depth, cJSON **ret_node)
{
    cJSON *node = NULL;

    if (depth > TEMPLATE_DEPTH_MAX)
        return malformed(reader, &event->start_mark, "nested too deeply");
    if (++reader->nodes > TEMPLATE_NODES_MAX)
        return malformed(reader, &event->start_mark, "too many values");
    if (read_untagged(reader, event, depth, &node) < 0)
        return -1;
    return apply_tag(reader, event, node, ret_node);
}

/* ---- documents */

static int expect_event(struct reader *reader, yaml_event_type_t type)
{
    yaml_event_t event;
    bool expected;

    if (next_event(reader, &event) < 0)
        return -1;
    expected = event.type == type;
    yaml_event_delete(&event);
    return expected ? 0 : template_fault(reader->fault, "Template format error: unsupported structure.");
}

static int read_document(struct reader *reader, cJSON **ret_tree)
{
    SCOPED(wire_delete_tree) cJSON *tree = NULL;
    yaml_event_t event;
    int result;

    if (expect_event(reader, YAML_STREAM_START_EVENT) < 0 ||
        expect_event(reader, YAML_DOCUMENT_START_EVENT) < 0 || next_event(reader, &event) < 0)
        return -1;
    result = read_node(reader, &event, 0, &tree);
    yaml_event_delete(&event);
    if (result < 0 || expect_event(reader, YAML_DOCUMENT_END_EVENT) < 0 ||
        expect_event(reader, YAML_STREAM_END_EVENT) < 0)
        return -1;
    if (!cJSON_IsObject(tree))
        return template_fault(reader->fault, "Template format error: unsupported structure.");
    *ret_tree = tree;
    tree = NULL;
    return 0;
}

int template_read(const char *text, size_t length, cJSON **ret_tree, struct fault *fault)
{
    struct reader reader = {.fault = fault};
    int result;

    if (length > TEMPLATE_BYTES_MAX)
        return template_fault(
            fault,
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
            "Member must have length less than or equal to %d",
            TEMPLATE_BYTES_MAX);
    if (!text_is_utf8(text, length))
        return template_fault(fault, "Template format error: YAML not well-formed. (not UTF-8)");
    if (yaml_parser_initialize(&reader.parser) != 1)
        abort(); /* there is no memory */
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    result = read_document(&reader, ret_tree);
    yaml_parser_delete(&reader.parser);
    return result;
}

const cJSON *template_section(const cJSON *tree, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(tree, name);
}
