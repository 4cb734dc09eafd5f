/*
 * wire_parameters.c - the Query protocol's flat parameters, put together by the shape they stand for.
 *
 *     AlarmNames.member.1=a                       a list
 *     Attributes.entry.1.key=a & ...1.value=b     a map
 *     Metric.Dimensions.member.1.Name=a           a structure
 */
#include "wire_input.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>

enum { PARAMETERS_MAX = 20000, NAME_SIZE = 512 };

struct parameter {
    char *name, *value; /* into the text */
    bool used;
};

struct wire_parameters {
    char *text;
    struct parameter *items; /* sorted by name */
    size_t count;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%41" stands for; -1 when it stands for none, and for "%00", which would end the text. */
static int escaped_byte(const char *text)
{
    int high, low;

    if (text[0] != '%')
        return -1;
    high = hex_digit(text[1]);
    low = high < 0 ? -1 : hex_digit(text[2]);
    return low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

void wire_url_decode(char *text, bool plus_is_blank)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        int byte = escaped_byte(text);

        if (byte >= 0) {
            *to++ = (char)byte;
            text += 2;
        } else {
            *to++ = *text == '+' && plus_is_blank ? ' ' : *text;
        }
    }
    *to = '\0';
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct parameter *)a)->name, ((const struct parameter *)b)->name);
}

struct wire_parameters *wire_parameters_parse(const char *text, size_t length)
{
    struct wire_parameters *parameters = must_calloc(1, sizeof(*parameters));
    size_t capacity = 1;
    char *cursor, *pair;

    parameters->text = must_strndup(text, length);
    for (const char *c = parameters->text; *c != '\0'; c++)
        capacity += *c == '&';
    if (capacity > PARAMETERS_MAX) {
        wire_parameters_free(parameters);
        return NULL;
    }
    parameters->items = must_calloc(capacity, sizeof(*parameters->items));
    for (cursor = parameters->text; (pair = strsep(&cursor, "&")) != NULL;) {
        struct parameter *item = &parameters->items[parameters->count];

        if (pair[0] == '\0')
            continue;
        item->name = strsep(&pair, "=");
        item->value = pair == NULL ? item->name + strlen(item->name) : pair;
        wire_url_decode(item->name, true);
        wire_url_decode(item->value, true);
        parameters->count++;
        if (!text_is_utf8(item->name, strlen(item->name)) ||
            !text_is_utf8(item->value, strlen(item->value))) {
            wire_parameters_free(parameters);
            return NULL;
        }
    }
    qsort(parameters->items, parameters->count, sizeof(*parameters->items), by_name);
    return parameters;
}

void wire_parameters_free(struct wire_parameters *parameters)
{
    if (parameters == NULL)
        return;
    free(parameters->items);
    free(parameters->text);
    free(parameters);
}

void wire_parameters_release(struct wire_parameters **parameters)
{
    wire_parameters_free(*parameters);
}

/* The first whose name is not before `name`. */
static struct parameter *lower_bound(struct wire_parameters *parameters, const char *name)
{
    size_t low = 0, high = parameters->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(parameters->items[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low == parameters->count ? NULL : &parameters->items[low];
}

static struct parameter *find(struct wire_parameters *parameters, const char *name)
{
    struct parameter *item = lower_bound(parameters, name);

    if (item == NULL || strcmp(item->name, name) != 0)
        return NULL;
    item->used = true;
    return item;
}

const char *wire_parameters_find(struct wire_parameters *parameters, const char *name)
{
    struct parameter *item = find(parameters, name);

    return item == NULL ? NULL : item->value;
}

/* Whether there is "NAME", or "NAME.anything". */
static bool has_any(struct wire_parameters *parameters, const char *name)
{
    char prefix[NAME_SIZE];
    struct parameter *item = lower_bound(parameters, name);

    if (item != NULL && strcmp(item->name, name) == 0)
        return true;
    snprintf(prefix, sizeof(prefix), "%s.", name);
    item = lower_bound(parameters, prefix);
    return item != NULL && text_starts_with(item->name, prefix);
}

/* ---- values */

static int decode_value(const struct shape *shape, struct wire_parameters *parameters, const char *name,
                        cJSON **ret_value, struct wire_fault *fault);

static int malformed(struct wire_fault *fault, const char *value, const char *name)
{
    return wire_fault_set(fault, "SerializationException", "Could not read '%.256s' as the value of '%.256s'",
                          value, name);
}

static int decode_scalar(const struct shape *shape, const char *name, const char *value, cJSON **ret_value,
                         struct wire_fault *fault)
{
    int64_t integer;
    double number;

    switch (shape->type) {
    case SHAPE_INTEGER:
        if (!number_parse(value, INT32_MIN, INT32_MAX, &integer))
            return malformed(fault, value, name);
        *ret_value = cJSON_CreateNumber((double)integer);
        return 0;
    case SHAPE_DOUBLE:
        if (!number_parse_double(value, &number))
            return malformed(fault, value, name);
        *ret_value = cJSON_CreateNumber(number);
        return 0;
    case SHAPE_TIMESTAMP:
        if (!date_parse(value, &integer))
            return malformed(fault, value, name);
        *ret_value = cJSON_CreateNumber((double)integer / 1000.0);
        return 0;
    case SHAPE_BOOLEAN:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return malformed(fault, value, name);
        *ret_value = cJSON_CreateBool(value[0] == 't');
        return 0;
    default:
        *ret_value = cJSON_CreateString(value);
        return 0;
    }
}

/* "NAME=" alone is how an empty list is written. */
static int decode_list(const struct shape *shape, struct wire_parameters *parameters, const char *name,
                       cJSON *list, struct wire_fault *fault)
{
    char element[NAME_SIZE];
    const struct parameter *empty = find(parameters, name);

    if (empty != NULL && empty->value[0] != '\0')
        return malformed(fault, empty->value, name);
    for (int i = 1;; i++) {
        cJSON *value = NULL;

        snprintf(element, sizeof(element), "%s.member.%d", name, i);
        if (!has_any(parameters, element))
            return 0;
        if (decode_value(shape->of, parameters, element, &value, fault) < 0)
            return -1;
        (void)cJSON_AddItemToArray(list, value);
    }
}

static int decode_map(const struct shape *shape, struct wire_parameters *parameters, const char *name,
                      cJSON *map, struct wire_fault *fault)
{
    char entry[NAME_SIZE];

    for (int i = 1;; i++) {
        const struct parameter *key;
        cJSON *value = NULL;

        snprintf(entry, sizeof(entry), "%s.entry.%d.key", name, i);
        key = find(parameters, entry);
        if (key == NULL)
            return 0;
        snprintf(entry, sizeof(entry), "%s.entry.%d.value", name, i);
        if (decode_value(shape->of, parameters, entry, &value, fault) < 0)
            return -1;
        (void)cJSON_AddItemToObject(map, key->value, value);
    }
}

static int decode_members(const struct shape *shape, struct wire_parameters *parameters, const char *name,
                          cJSON *structure, struct wire_fault *fault)
{
    char inner[NAME_SIZE];

    for (const struct member *member = shape->members; member->name != NULL; member++) {
        cJSON *value = NULL;

        snprintf(inner, sizeof(inner), "%s%s%s", name, name[0] == '\0' ? "" : ".", member->name);
        if (!has_any(parameters, inner))
            continue;
        if (decode_value(member->shape, parameters, inner, &value, fault) < 0)
            return -1;
        (void)cJSON_AddItemToObject(structure, member->name, value);
    }
    return 0;
}

static int decode_value(const struct shape *shape, struct wire_parameters *parameters, const char *name,
                        cJSON **ret_value, struct wire_fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *value = NULL;
    const struct parameter *scalar;
    int result;

    if (shape->type < SHAPE_LIST) {
        scalar = find(parameters, name);
        return decode_scalar(shape, name, scalar == NULL ? "" : scalar->value, ret_value, fault);
    }
    value = shape->type == SHAPE_LIST ? cJSON_CreateArray() : cJSON_CreateObject();
    if (shape->type == SHAPE_LIST)
        result = decode_list(shape, parameters, name, value, fault);
    else if (shape->type == SHAPE_MAP)
        result = decode_map(shape, parameters, name, value, fault);
    else
        result = decode_members(shape, parameters, name, value, fault);
    if (result < 0)
        return -1;
    *ret_value = value;
    value = NULL;
    return 0;
}

int wire_input_query(const struct shape *shape, struct wire_parameters *parameters, bool strict,
                     cJSON **ret_input, struct wire_fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *input = NULL;

    (void)find(parameters, "Action");
    (void)find(parameters, "Version");
    if (decode_value(shape, parameters, "", &input, fault) < 0)
        return -1;
    for (size_t i = 0; strict && i < parameters->count; i++) {
        if (!parameters->items[i].used)
            return wire_fault_set(fault, "SerializationException", "Unknown member '%.128s'",
                                  parameters->items[i].name);
    }
    if (wire_input_check(shape, input, fault) < 0)
        return -1;
    *ret_input = input;
    input = NULL;
    return 0;
}
