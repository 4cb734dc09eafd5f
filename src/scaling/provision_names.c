/*
 * provision_names.c - values of stacks, what stacks are called, and what their status means.
 */
#include "scaling/provision.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>

/* ---- values */

void stack_values_set(struct stack_values *values, const char *name, const char *format, ...)
{
    struct stack_value *item = NULL;
    char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort(); /* no memory, see base/memory.h */
    va_end(arguments);
    for (size_t i = 0; i < values->count && item == NULL; i++) {
        if (strcmp(values->items[i].name, name) == 0)
            item = &values->items[i];
    }
    if (item == NULL) {
        values->items = must_realloc(values->items, values->count + 1, sizeof(*values->items));
        item = &values->items[values->count++];
        *item = (struct stack_value){.name = must_strdup(name)};
    }
    free(item->value);
    item->value = text;
}

const char *stack_values_get(const struct stack_values *values, const char *name)
{
    for (size_t i = 0; i < values->count; i++) {
        if (strcmp(values->items[i].name, name) == 0)
            return values->items[i].value;
    }
    return NULL;
}

void stack_values_clear(struct stack_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        free(values->items[i].name);
        free(values->items[i].value);
    }
    free(values->items);
    *values = (struct stack_values){0};
}

/* ---- names */

enum { HASH_DIGITS = 16, PLAIN_MAX = STACK_NAME_SIZE - 1 - HASH_DIGITS - 1 };
static const uint64_t hash_of_nothing = 14695981039346656037u;

/* FNV-1a of the text and its end: for telling things apart, not for secrets. */
static uint64_t hash(uint64_t value, const char *text)
{
    do
        value = (value ^ (unsigned char)*text) * 1099511628211u;
    while (*text++ != '\0');
    return value;
}

static void make_name(const char *prefix, const char *name, char ret_name[STACK_NAME_SIZE])
{
    char whole[STACK_NAME_SIZE * 4];
    bool changed = (size_t)snprintf(whole, sizeof(whole), "%s%s", prefix, name) >= STACK_NAME_SIZE;

    for (char *c = whole; *c != '\0'; c++) {
        bool allowed =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-';

        changed = changed || !allowed;
        *c = allowed ? *c : '-';
    }
    if (changed)
        snprintf(ret_name, STACK_NAME_SIZE, "%.*s-%016llx", PLAIN_MAX, whole,
                 (unsigned long long)hash(hash_of_nothing, name));
    else
        (void)text_copy(ret_name, STACK_NAME_SIZE, whole);
}

void provision_service_stack(const char *topic, char ret_name[STACK_NAME_SIZE])
{
    make_name("kinescale-service-", topic, ret_name);
}

void provision_stream_stack(const char *stream, char ret_name[STACK_NAME_SIZE])
{
    make_name("kinescale-stream-", stream, ret_name);
}

void provision_change_set(const char *template, const struct stack_values *parameters,
                          char ret_name[CHANGE_SET_NAME_SIZE])
{
    uint64_t value = hash(hash_of_nothing, template);

    for (size_t i = 0; i < parameters->count; i++)
        value = hash(hash(value, parameters->items[i].name), parameters->items[i].value);
    snprintf(ret_name, CHANGE_SET_NAME_SIZE, "kinescale-%016llx", (unsigned long long)value);
}

void provision_alarm_name(const char *stream, enum alarm_metric metric, char ret_name[ALARM_NAME_SIZE])
{
    snprintf(ret_name, ALARM_NAME_SIZE, "kinescale-%s-%s", stream, alarm_metric_name(metric));
}

/* ---- statuses */

#define DELETE_IT "delete it (aws cloudformation delete-stack); a stream in it stays"
#define CONTINUE_IT "bring it back by hand (aws cloudformation continue-update-rollback)"
#define REVIEW_IT "somebody has begun it with a change set of its own; execute that, or delete the stack"

static const struct status_row {
    const char *status;
    enum stack_phase phase;
    bool succeeded;
    const char *advice;
} statuses[] = {
    {"", STACK_ABSENT, false, NULL},
    {"CREATE_COMPLETE", STACK_AT_REST, true, NULL},
    {"UPDATE_COMPLETE", STACK_AT_REST, true, NULL},
    {"IMPORT_COMPLETE", STACK_AT_REST, true, NULL},
    {"UPDATE_ROLLBACK_COMPLETE", STACK_AT_REST, false, NULL},
    {"IMPORT_ROLLBACK_COMPLETE", STACK_AT_REST, false, NULL},
    /* Where rolling back was disabled; it takes updates. */
    {"UPDATE_FAILED", STACK_AT_REST, false, NULL},
    {"CREATE_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"DELETE_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"IMPORT_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"IMPORT_ROLLBACK_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"ROLLBACK_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"UPDATE_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"UPDATE_ROLLBACK_IN_PROGRESS", STACK_MOVING, false, NULL},
    {"ROLLBACK_COMPLETE", STACK_ROLLED_BACK, false, NULL},
    {"DELETE_COMPLETE", STACK_ABSENT, false, NULL},
    {"CREATE_FAILED", STACK_STUCK, false, DELETE_IT},
    {"DELETE_FAILED", STACK_STUCK, false, DELETE_IT},
    {"ROLLBACK_FAILED", STACK_STUCK, false, DELETE_IT},
    {"IMPORT_ROLLBACK_FAILED", STACK_STUCK, false, CONTINUE_IT},
    {"UPDATE_ROLLBACK_FAILED", STACK_STUCK, false, CONTINUE_IT},
    {"REVIEW_IN_PROGRESS", STACK_STUCK, false, REVIEW_IT},
};

static const struct status_row *find_status(const char *status)
{
    static const struct status_row unknown = {"", STACK_STUCK, false, "see what AWS's console says of it"};

    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (strcmp(statuses[i].status, status) == 0)
            return &statuses[i];
    }
    return &unknown;
}

enum stack_phase stack_phase(const char *status)
{
    return find_status(status)->phase;
}

bool stack_succeeded(const char *status)
{
    return find_status(status)->succeeded;
}

const char *stack_advice(const char *status)
{
    const char *advice = find_status(status)->advice;

    return advice != NULL ? advice : "";
}
