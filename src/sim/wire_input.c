/*
 * wire_input.c - JSON bodies: types first, as AWS's parser complains about them, then
 * the constraints, all of them in one answer.
 */
#include "wire_input.h"

#include "base/buffer.h"
#include "base/json_check.h"
#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { INPUT_DEPTH_MAX = 24, PATH_SIZE = 512, COMPLAINTS_MAX_BYTES = 16 * 1024, ECHO_MAX = 2048 };

int wire_fault_set(struct wire_fault *fault, const char *type, const char *format, ...)
{
    va_list arguments;
    char *message = NULL;

    if (format != NULL) {
        va_start(arguments, format);
        if (vasprintf(&message, format, arguments) < 0)
            abort();
        va_end(arguments);
    }
    wire_fault_clear(fault);
    snprintf(fault->type, sizeof(fault->type), "%s", type);
    fault->message = message;
    return -1;
}

void wire_fault_clear(struct wire_fault *fault)
{
    free(fault->message);
    fault->message = NULL;
    fault->type[0] = '\0';
}

void wire_delete_tree(cJSON **tree)
{
    cJSON_Delete(*tree);
}

/* ---- types */

/* What the value is called in the parser's complaints; NULL for lists and structures. */
static const char *java_class(const cJSON *value)
{
    if (cJSON_IsBool(value))
        return "java.lang.Boolean";
    if (cJSON_IsNumber(value))
        return "com.amazon.coral.value.json.numbers.TruncatingBigNumber";
    return cJSON_IsString(value) ? "java.lang.String" : NULL;
}

static int wrong_type(const struct shape *shape, const cJSON *value, struct wire_fault *fault)
{
    static const char *const wanted[] = {
        [SHAPE_STRING] = "an String",
        [SHAPE_INTEGER] = "an Integer",
        [SHAPE_DOUBLE] = "an Double",
        [SHAPE_BOOLEAN] = "an Boolean",
        [SHAPE_TIMESTAMP] = "milliseconds since epoch",
    };

    if (cJSON_IsArray(value))
        return wire_fault_set(fault, "SerializationException", "Start of list found where not expected");
    if (cJSON_IsObject(value))
        return wire_fault_set(fault, "SerializationException",
                              "Start of structure or map found where not expected.");
    if (shape->type >= SHAPE_LIST)
        return wire_fault_set(fault, "SerializationException", "Unrecognized collection type class %s",
                              java_class(value));
    return wire_fault_set(fault, "SerializationException", "class %s can not be converted to %s",
                          java_class(value), wanted[shape->type]);
}

static bool has_type(const struct shape *shape, const cJSON *value)
{
    switch (shape->type) {
    case SHAPE_STRING:
        return cJSON_IsString(value);
    case SHAPE_INTEGER:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        return cJSON_IsNumber(value);
    case SHAPE_BOOLEAN:
        return cJSON_IsBool(value);
    case SHAPE_LIST:
        return cJSON_IsArray(value);
    case SHAPE_MAP:
    case SHAPE_STRUCTURE:
        return cJSON_IsObject(value);
    }
    return false;
}

static const struct member *find_member(const struct shape *shape, const char *name)
{
    for (const struct member *member = shape->members; member->name != NULL; member++) {
        if (strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

/* Also drops nulls, which mean "absent", and cuts integers as AWS does: towards zero, into 32 bits. */
static int check_types(const struct shape *shape, cJSON *value, bool strict, struct wire_fault *fault)
{
    if (!has_type(shape, value))
        return wrong_type(shape, value, fault);
    if (shape->type == SHAPE_INTEGER)
        (void)cJSON_SetNumberHelper(value, trunc(fmax(INT32_MIN, fmin(INT32_MAX, value->valuedouble))));
    if (shape->type < SHAPE_LIST)
        return 0;

    for (cJSON *next, *child = value->child; child != NULL; child = next) {
        const struct shape *of = shape->of;

        next = child->next;
        if (shape->type == SHAPE_STRUCTURE) {
            const struct member *member = find_member(shape, child->string);

            if (member == NULL && strict)
                return wire_fault_set(fault, "SerializationException", "Unknown member '%.128s'",
                                      child->string);
            of = member == NULL ? NULL : member->shape;
        }
        if (of == NULL || cJSON_IsNull(child))
            cJSON_Delete(cJSON_DetachItemViaPointer(value, child));
        else if (check_types(of, child, strict, fault) < 0)
            return -1;
    }
    return 0;
}

/* ---- constraints */

struct complaints {
    struct buffer text;
    int count;
};

/* Where a value stands; it becomes text only for a complaint, which most requests are spared. */
struct place {
    const struct place *parent; /* NULL: the input itself */
    const char *name;           /* of a member, or the key in a map; NULL: in a list */
    int index;                  /* in a list or map, from 1 on; 0: a member */
};

/* Members are named in lower camel case: 'streamName', 'metricDataQueries.1.member.metricStat'.  Cut where it is full. */
static void write_path(const struct place *place, char path[PATH_SIZE])
{
    char number[24];
    size_t start;

    path[0] = '\0';
    if (place->parent != NULL) {
        write_path(place->parent, path);
        start = strlen(path);
        snprintf(path + start, PATH_SIZE - start, ".");
    }
    start = strlen(path);
    snprintf(number, sizeof(number), "%d", place->index);
    snprintf(path + start, PATH_SIZE - start, "%s%s", place->name != NULL ? place->name : number,
             place->index > 0 ? ".member" : "");
    path[start] = (char)tolower((unsigned char)path[start]);
}

static void complain(struct complaints *complaints, const char *value, const struct place *place,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* `value` NULL is printed as null; what does not fit below the ceiling is counted only. */
static void complain(struct complaints *complaints, const char *value, const struct place *place,
                     const char *format, ...)
{
    SCOPED(free_text) char *constraint = NULL;
    char path[PATH_SIZE];
    struct error err;
    va_list arguments;
    const char *quote = value == NULL ? "" : "'";

    write_path(place, path);
    va_start(arguments, format);
    if (vasprintf(&constraint, format, arguments) < 0)
        abort();
    va_end(arguments);
    (void)buffer_printf(&complaints->text, &err,
                        "%sValue %s%.*s%s at '%s' failed to satisfy constraint: Member must %s",
                        complaints->count == 0 ? "" : "; ", quote, ECHO_MAX, value == NULL ? "null" : value,
                        quote, path, constraint);
    complaints->count++;
}

static int64_t count_characters(const char *text)
{
    int64_t count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static bool is_listed(const char *const *values, const char *value)
{
    for (; *values != NULL; values++) {
        if (strcmp(*values, value) == 0)
            return true;
    }
    return false;
}

static void check_string(const struct shape *shape, const char *value, const struct place *place,
                         struct complaints *complaints)
{
    int64_t length = count_characters(value);

    if (shape->values != NULL && !is_listed(shape->values, value)) {
        struct buffer set;
        struct error err;

        buffer_init(&set, 4096);
        for (size_t i = 0; shape->values[i] != NULL; i++)
            (void)buffer_printf(&set, &err, "%s%s", i == 0 ? "" : ", ", shape->values[i]);
        complain(complaints, value, place, "satisfy enum value set: [%s]", buffer_text(&set));
        buffer_clear(&set);
    }
    if (shape->pattern != NULL && !shape->pattern->matches(value))
        complain(complaints, value, place, "satisfy regular expression pattern: %s", shape->pattern->text);
    if (shape->has_minimum && length < shape->minimum)
        complain(complaints, value, place, "have length greater than or equal to %lld",
                 (long long)shape->minimum);
    if (shape->has_maximum && length > shape->maximum)
        complain(complaints, value, place, "have length less than or equal to %lld",
                 (long long)shape->maximum);
}

static void check_integer(const struct shape *shape, const cJSON *value, const struct place *place,
                          struct complaints *complaints)
{
    bool low = shape->has_minimum && value->valuedouble < (double)shape->minimum;
    bool high = shape->has_maximum && value->valuedouble > (double)shape->maximum;
    char text[24];

    if (!low && !high)
        return;
    snprintf(text, sizeof(text), "%.0f", value->valuedouble);
    if (low)
        complain(complaints, text, place, "have value greater than or equal to %lld",
                 (long long)shape->minimum);
    else
        complain(complaints, text, place, "have value less than or equal to %lld", (long long)shape->maximum);
}

/* "[a, b]" */
static void check_size(const struct shape *shape, const cJSON *value, const struct place *place,
                       struct complaints *complaints)
{
    int64_t size = cJSON_GetArraySize(value);
    bool few = shape->has_minimum && size < shape->minimum;
    bool many = shape->has_maximum && size > shape->maximum;
    SCOPED(buffer_clear) struct buffer list;
    struct error err;
    const cJSON *child;

    buffer_init(&list, ECHO_MAX);
    if (!few && !many)
        return;
    cJSON_ArrayForEach(child, value) {
        (void)buffer_printf(&list, &err, "%s%s", child == value->child ? "[" : ", ",
                            cJSON_IsString(child) ? child->valuestring : "{...}");
    }
    (void)buffer_add_text(&list, size == 0 ? "[]" : "]", &err);
    complain(complaints, buffer_text(&list), place, "have length %s than or equal to %lld",
             few ? "greater" : "less", (long long)(few ? shape->minimum : shape->maximum));
}

static void check_value(const struct shape *shape, const cJSON *value, const struct place *place,
                        struct complaints *complaints);

static void check_members(const struct shape *shape, const cJSON *value, const struct place *place,
                          struct complaints *complaints)
{
    for (const struct member *member = shape->members; member->name != NULL; member++) {
        const cJSON *child = cJSON_GetObjectItemCaseSensitive(value, member->name);
        const struct place inner = {.parent = place, .name = member->name};

        if (child != NULL)
            check_value(member->shape, child, &inner, complaints);
        else if (member->required)
            complain(complaints, NULL, &inner, "not be null");
    }
}

static void check_value(const struct shape *shape, const cJSON *value, const struct place *place,
                        struct complaints *complaints)
{
    struct place inner = {.parent = place};
    const cJSON *child;

    switch (shape->type) {
    case SHAPE_STRING:
        check_string(shape, value->valuestring, place, complaints);
        break;
    case SHAPE_INTEGER:
        check_integer(shape, value, place, complaints);
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        check_size(shape, value, place, complaints);
        if (shape->of == NULL)
            break;
        cJSON_ArrayForEach(child, value) {
            inner.index++;
            inner.name = shape->type == SHAPE_LIST ? NULL : child->string;
            check_value(shape->of, child, &inner, complaints);
        }
        break;
    case SHAPE_STRUCTURE:
        check_members(shape, value, place, complaints);
        break;
    case SHAPE_DOUBLE:
    case SHAPE_BOOLEAN:
    case SHAPE_TIMESTAMP:
        break;
    }
}

int wire_input_check(const struct shape *shape, const cJSON *input, struct wire_fault *fault)
{
    struct complaints complaints = {0};
    int result = 0;

    buffer_init(&complaints.text, COMPLAINTS_MAX_BYTES);
    check_members(shape, input, NULL, &complaints);
    if (complaints.count > 0)
        result = wire_fault_set(fault, "ValidationException", "%d validation error%s detected: %s",
                                complaints.count, text_plural((int64_t)complaints.count),
                                buffer_text(&complaints.text));
    buffer_clear(&complaints.text);
    return result;
}

int wire_input_json(const struct shape *shape, const char *body, size_t length, bool strict,
                    cJSON **ret_input, struct wire_fault *fault)
{
    SCOPED(wire_delete_tree) cJSON *input = NULL;
    struct error err;

    if (json_check(body, length, INPUT_DEPTH_MAX, &err) < 0)
        return wire_fault_set(fault, "SerializationException", NULL);
    input = cJSON_ParseWithLength(body, length);
    if (!cJSON_IsObject(input))
        return wire_fault_set(fault, "SerializationException", NULL);
    if (check_types(shape, input, strict, fault) < 0 || wire_input_check(shape, input, fault) < 0)
        return -1;
    *ret_input = input;
    input = NULL;
    return 0;
}

/* ---- reading */

const cJSON *input_member(const cJSON *input, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(input, name);
}

const char *input_text(const cJSON *input, const char *name)
{
    return cJSON_GetStringValue(input_member(input, name));
}

double input_double(const cJSON *input, const char *name, double fallback)
{
    const cJSON *value = input_member(input, name);

    return value == NULL ? fallback : value->valuedouble;
}

int64_t input_integer(const cJSON *input, const char *name, int64_t fallback)
{
    const cJSON *value = input_member(input, name);

    return value == NULL ? fallback : (int64_t)value->valuedouble;
}

bool input_boolean(const cJSON *input, const char *name, bool fallback)
{
    const cJSON *value = input_member(input, name);

    return value == NULL ? fallback : cJSON_IsTrue(value);
}

int64_t input_time(const cJSON *input, const char *name, int64_t fallback)
{
    const cJSON *value = input_member(input, name);

    if (value == NULL)
        return fallback;
    /* Beyond what a double holds exactly nothing is a date; year 9999 ends near 2.5e11 seconds. */
    return (int64_t)llround(fmax(-1e12, fmin(1e12, value->valuedouble)) * 1000.0);
}
