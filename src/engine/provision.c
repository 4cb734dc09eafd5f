/*
 * provision.c - takes each stack from what is to what shall be, a step at a time.
 *
 * DESIGN
 *
 *     look --+-- nothing to do, or not ours to do ------------------------> over
 *      ^     +-- wait: somebody is at work on it; look again
 *      |     +-- clear: DeleteStack ... gone -----> look
 *      |     +-- create: CreateStack -------------> make ... at rest -----> over
 *      |     +-- update: CreateChangeSet -> change +-- nothing in it -----> over
 *      |                                           +-- ExecuteChangeSet -> make
 *      +------------ somebody was faster ---------+
 *
 * Only a few are under way at once, and of these only some make streams.
 */
#include "provisioning.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>

enum {
    UNDER_WAY_MAX = 10,
    /* CreateStream: five may be CREATING at the same time, and one is left to others. */
    MAKING_MAX = 4,
    POLL_MS = 5 * 1000,
    /* Somebody else's work; making a stream of thousands of shards takes long. */
    PATIENCE_MS = 30 * 60 * 1000,
    FAILURES_MAX = 5,
};

const char *provision_result_name(enum provision_result result)
{
    static const char *const names[] = {
        [PROVISION_OPEN] = "open",           [PROVISION_MADE] = "made",
        [PROVISION_UPDATED] = "updated",     [PROVISION_INCOMPLETE] = "incomplete",
        [PROVISION_UNCHANGED] = "unchanged", [PROVISION_BUSY] = "busy",
        [PROVISION_FAILED] = "failed",
    };

    return names[result];
}

/* ---- the life of the object */

static int add_way(struct provision *provision, const char *stream, struct error *err)
{
    struct way *way = &provision->ways[provision->count];

    way->config = config_find(provision->options.config, stream);
    if (way->config == NULL)
        return error_set(
            err, ERROR_CONFIG,
            config_covers(provision->options.config, stream)
                ? "stream '%s' matches a pattern, but does not exist: give it a section of its own"
                : "stream '%s' is not configured",
            stream);
    way->row.stream = way->config->name;
    provision_stream_stack(stream, way->row.stack);
    for (size_t i = 1; i < provision->count; i++) {
        if (strcmp(provision->ways[i].row.stack, way->row.stack) == 0)
            return error_set(err, ERROR_CONFIG, "streams '%s' and '%s' would share the stack '%s'",
                             provision->ways[i].row.stream, stream, way->row.stack);
    }
    provision->count++;
    return 0;
}

int provision_new(const struct provision_options *options, struct provision **ret_provision,
                  struct error *err)
{
    struct provision *provision = must_calloc(1, sizeof(*provision));
    const char *topic = options->config->service.topic_arns[0];

    provision->options = *options;
    provision->topic_arn = topic;
    provision->ways = must_calloc(options->stream_count + 1, sizeof(*provision->ways));
    provision->rows = must_calloc(options->stream_count + 1, sizeof(*provision->rows));
    provision->count = 1;
    provision_service_stack(strrchr(topic, ':') + 1, provision->ways[0].row.stack);
    for (size_t i = 0; i < options->stream_count; i++) {
        if (add_way(provision, options->streams[i], err) < 0) {
            provision_free(provision);
            return -1;
        }
    }
    *ret_provision = provision;
    return 0;
}

void provision_free(struct provision *provision)
{
    if (provision == NULL)
        return;
    for (size_t i = 0; i < provision->count; i++)
        stack_values_clear(&provision->ways[i].row.parameters);
    alarm_list_clear(&provision->alarms);
    free(provision->ways);
    free(provision->rows);
    free(provision);
}

const struct provision_row *provision_rows(const struct provision *provision, size_t *ret_count)
{
    for (size_t i = 0; i < provision->count; i++)
        provision->rows[i] = provision->ways[i].row;
    *ret_count = provision->count;
    return provision->rows;
}

/* ---- what happens to a row */

static void tell(const struct provision *provision, const struct way *way, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(const struct provision *provision, const struct way *way, const char *format, ...)
{
    char text[STACK_REASON_SIZE + 512];
    va_list arguments;

    if (provision->options.tell == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    provision->options.tell(provision->options.context, &way->row, text);
}

static void enter(struct provision *provision, struct way *way, enum stage stage, const char *doing)
{
    way->stage = stage;
    way->due_ms = clock_now_ms(provision->options.clock) + POLL_MS;
    way->waiting_since_ms = 0;
    (void)text_copy(way->row.doing, sizeof(way->row.doing), doing);
    tell(provision, way, "%s", doing);
}

static void end(struct way *way, enum provision_result result)
{
    way->stage = STAGE_OVER;
    way->due_ms = INT64_MAX;
    way->row.result = result;
    way->row.doing[0] = '\0';
}

static void end_failed(struct way *way, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void end_failed(struct way *way, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(way->row.reason, sizeof(way->row.reason), format, arguments);
    va_end(arguments);
    end(way, PROVISION_FAILED);
}

/* There was nothing (more) to do. */
static void end_left(struct way *way)
{
    end(way, way->incomplete ? PROVISION_INCOMPLETE : way->updates ? PROVISION_UPDATED : PROVISION_UNCHANGED);
}

/* Somebody was faster, or is at work: look again in a while. */
static void look_again(struct provision *provision, struct way *way)
{
    way->stage = STAGE_LOOK;
    way->due_ms = clock_now_ms(provision->options.clock) + POLL_MS;
}

static void wait_for_others(struct provision *provision, struct way *way)
{
    int64_t now_ms = clock_now_ms(provision->options.clock);

    if (way->waiting_since_ms == 0) {
        way->waiting_since_ms = now_ms;
        (void)text_copy(way->row.doing, sizeof(way->row.doing), "waiting");
        tell(provision, way, "waiting: %s", way->row.reason);
    }
    if (now_ms - way->waiting_since_ms >= PATIENCE_MS)
        end(way, PROVISION_BUSY);
    else
        look_again(provision, way);
}

/* ---- look */

static int begin_create(struct provision *provision, struct way *way, const struct stack_request *request,
                        struct error *err)
{
    if (cloudformation_create_stack(provision->options.aws, request, err) < 0) {
        if (err->kind != ERROR_CONFLICT)
            return -1;
        look_again(provision, way);
        return 0;
    }
    way->updates = false;
    enter(provision, way, STAGE_MAKE, "creating");
    return 0;
}

/* CloudFormation says "Stack:ARN is in UPDATE_IN_PROGRESS state and can not be updated" as a ValidationError. */
static bool says_in_progress(const struct error *err)
{
    return err->kind == ERROR_CONFLICT ||
           (err->kind == ERROR_REFUSED && strstr(err->message, "_IN_PROGRESS") != NULL);
}

static int begin_change(struct provision *provision, struct way *way, const struct stack_request *request,
                        struct error *err)
{
    provision_change_set(request->template, request->parameters, way->change_set);
    /* One of that name is the same: it was left by a kill, or somebody else is at it. */
    if (cloudformation_create_change_set(provision->options.aws, request, way->change_set, err) < 0 &&
        err->kind != ERROR_CONFLICT) {
        if (!says_in_progress(err))
            return -1;
        look_again(provision, way);
        return 0;
    }
    enter(provision, way, STAGE_CHANGE, "comparing");
    return 0;
}

static int begin_clear(struct provision *provision, struct way *way, struct error *err)
{
    if (cloudformation_delete_stack(provision->options.aws, way->row.stack, err) < 0)
        return -1;
    enter(provision, way, STAGE_CLEAR, "clearing");
    return 0;
}

static int act(struct provision *provision, struct way *way, struct error *err)
{
    const struct stack_request request = {
        .stack = way->row.stack,
        .template = way->config == NULL ? provision_service_template() : provision_stream_template(),
        .parameters = &way->row.parameters,
    };

    switch (way->row.deed) {
    case PROVISION_CREATE:
        return begin_create(provision, way, &request, err);
    case PROVISION_CLEAR:
        return begin_clear(provision, way, err);
    case PROVISION_UPDATE:
        return begin_change(provision, way, &request, err);
    default:
        return 0;
    }
}

static bool makes_stream(const struct way *way)
{
    return text_equal(stack_values_get(&way->row.parameters, "MakeStream"), "true");
}

static size_t count_making(const struct provision *provision)
{
    size_t count = 0;

    for (size_t i = 0; i < provision->count; i++) {
        const struct way *way = &provision->ways[i];

        count += way->stage == STAGE_MAKE && !way->updates && makes_stream(way);
    }
    return count;
}

static int start(struct provision *provision, struct way *way, struct error *err)
{
    way->stage = STAGE_BEGIN;
    if (way->row.deed == PROVISION_CREATE && makes_stream(way) && count_making(provision) >= MAKING_MAX)
        return 0;
    return act(provision, way, err);
}

static int look(struct provision *provision, struct way *way, struct error *err)
{
    struct provision_plan plan = {0};

    if (provision_plan_row(provision, way, &plan, err) < 0)
        return -1;
    stack_values_clear(&way->row.parameters);
    way->row.parameters = plan.parameters; /* moved */
    way->row.deed = plan.deed;
    way->changes_stream = plan.changes_stream;
    way->incomplete = plan.incomplete;
    way->after_failure = plan.after_failure;
    (void)text_copy(way->row.reason, sizeof(way->row.reason), plan.reason);
    (void)text_copy(way->row.note, sizeof(way->row.note), plan.note);
    if (plan.deed == PROVISION_REFUSE)
        end(way, PROVISION_FAILED);
    else if (plan.deed == PROVISION_LEAVE)
        end_left(way);
    else if (provision->options.dry_run && plan.deed != PROVISION_WAIT)
        end(way, PROVISION_UNCHANGED);
    else if (plan.deed == PROVISION_WAIT && provision->options.dry_run)
        end(way, PROVISION_BUSY);
    else if (plan.deed == PROVISION_WAIT)
        wait_for_others(provision, way);
    else
        return start(provision, way, err);
    return 0;
}

/* ---- the change set */

static int execute(struct provision *provision, struct way *way, const struct change_set *set,
                   struct error *err)
{
    /* A rollback would give a stream the shards it was made with. */
    if (cloudformation_execute_change_set(provision->options.aws, way->row.stack, way->change_set,
                                          !set->changes_stream, err) < 0) {
        if (!says_in_progress(err) && err->kind != ERROR_NOT_FOUND)
            return -1;
        look_again(provision, way); /* somebody was faster */
        return 0;
    }
    way->updates = true;
    enter(provision, way, STAGE_MAKE, "updating");
    return 0;
}

static int see_change(struct provision *provision, struct way *way, struct error *err)
{
    struct aws_client *aws = provision->options.aws;
    struct change_set set = {0};

    if (cloudformation_describe_change_set(aws, way->row.stack, way->change_set, &set, err) < 0)
        return -1;
    if (set.state == CHANGE_SET_MAKING)
        return 0;
    if (set.state == CHANGE_SET_READY && set.changes > 0 && set.replaces[0] == '\0')
        return execute(provision, way, &set, err);

    /* One that somebody carries out at the moment stays. */
    if (cloudformation_delete_change_set(aws, way->row.stack, way->change_set, err) < 0 &&
        err->kind != ERROR_CONFLICT)
        return -1;
    if (set.state == CHANGE_SET_GONE)
        look_again(provision, way);
    else if (set.replaces[0] != '\0')
        end_failed(way, "the update would replace or remove '%s', and was not carried out", set.replaces);
    else if (set.state == CHANGE_SET_FAILED)
        end_failed(way, "the change set failed: %s", set.reason);
    else if (way->after_failure)
        end_failed(
            way,
            "its last update failed, and AWS finds nothing to change: take it back (aws cloudformation "
            "rollback-stack --stack-name %s), then run this again",
            way->row.stack);
    else
        end_left(way);
    return 0;
}

/* ---- AWS at work */

/* Tells what is new, and finds what failed first. */
static void tell_events(struct provision *provision, struct way *way, const struct stack_event_list *events,
                        const struct stack_event **ret_failed)
{
    size_t next = 0;

    *ret_failed = NULL;
    for (size_t i = 0; i < events->count; i++) {
        if (strcmp(events->items[i].id, way->last_told) == 0)
            next = i + 1;
    }
    for (size_t i = 0; i < events->count; i++) {
        const struct stack_event *event = &events->items[i];

        /* AWS says twice that it begins with a resource. */
        if (i >= next && strcmp(event->reason, "Resource creation Initiated") != 0)
            tell(provision, way, "%s %s%s%s", event->resource, event->status,
                 event->reason[0] != '\0' ? ": " : "", event->reason);
        /* What is cancelled is so because another failed. */
        if (*ret_failed == NULL && text_ends_with(event->status, "_FAILED") &&
            strstr(event->reason, "cancelled") == NULL)
            *ret_failed = event;
    }
    if (events->count > 0)
        (void)text_copy(way->last_told, sizeof(way->last_told), events->items[events->count - 1].id);
}

static void conclude(struct provision *provision, struct way *way, const struct stack *stack,
                     const struct stack_event *failed)
{
    if (stack_succeeded(stack->status) && way->incomplete) {
        look_again(provision, way); /* an alarm that was missing may have been made */
    } else if (stack_succeeded(stack->status)) {
        end(way, way->updates ? PROVISION_UPDATED : PROVISION_MADE);
        provision->topic_there |= way->config == NULL;
    } else if (failed != NULL) {
        end_failed(way, "%s: %s (%s): %s", stack->status, failed->resource, failed->type, failed->reason);
    } else {
        end_failed(way, "%s: %s", stack->status, stack->reason);
    }
}

static int see_making(struct provision *provision, struct way *way, struct error *err)
{
    SCOPED(stack_event_list_clear) struct stack_event_list events = {0};
    SCOPED(stack_clear) struct stack stack = {0};
    const struct stack_event *failed;

    /* The stack first: what its end was has its events then. */
    if (cloudformation_describe_stack(provision->options.aws, way->row.stack, &stack, err) < 0 ||
        cloudformation_events(provision->options.aws, way->row.stack, &events, err) < 0)
        return -1;
    tell_events(provision, way, &events, &failed);
    if (stack_phase(stack.status) != STACK_MOVING)
        conclude(provision, way, &stack, failed);
    return 0;
}

static int see_clearing(struct provision *provision, struct way *way, struct error *err)
{
    SCOPED(stack_clear) struct stack stack = {0};

    if (cloudformation_describe_stack(provision->options.aws, way->row.stack, &stack, err) < 0) {
        if (err->kind != ERROR_NOT_FOUND)
            return -1;
        look_again(provision, way);
        way->due_ms = clock_now_ms(provision->options.clock);
        return 0;
    }
    if (stack_phase(stack.status) != STACK_MOVING)
        end_failed(way, "the stack was to be deleted and is in %s: %s", stack.status, stack.reason);
    return 0;
}

/* ---- turns */

static void step(struct provision *provision, struct way *way)
{
    static int (*const steps[])(struct provision *, struct way *, struct error *) = {
        [STAGE_LOOK] = look,         [STAGE_BEGIN] = start,     [STAGE_CLEAR] = see_clearing,
        [STAGE_CHANGE] = see_change, [STAGE_MAKE] = see_making,
    };
    struct error err = {0};

    way->due_ms = clock_now_ms(provision->options.clock) + POLL_MS;
    if (steps[way->stage](provision, way, &err) == 0) {
        way->failures = 0;
        return;
    }
    if (!error_is_retryable(&err) || ++way->failures >= FAILURES_MAX)
        end_failed(way, "%s", err.message);
    else
        tell(provision, way, "%s; tried again", err.message);
}

/* Begun and not over. */
static size_t count_under_way(const struct provision *provision)
{
    size_t count = 0;

    for (size_t i = 0; i < provision->count; i++)
        count += provision->ways[i].looks > 0 && provision->ways[i].stage != STAGE_OVER;
    return count;
}

/* The streams come after the topic that their alarms publish to. */
static bool streams_may_begin(struct provision *provision)
{
    if (provision->ways[0].stage != STAGE_OVER)
        return false;
    if (provision->topic_there ||
        (provision->options.dry_run && provision->ways[0].row.result != PROVISION_FAILED))
        return true;
    for (size_t i = 1; i < provision->count; i++)
        end_failed(&provision->ways[i], "there is no topic that its alarms could publish to");
    return false;
}

/* The next one that nobody has looked at. */
static struct way *find_new(struct provision *provision)
{
    for (size_t i = 0; i < provision->count; i++) {
        if (provision->ways[i].looks == 0 && provision->ways[i].stage != STAGE_OVER &&
            (i == 0 || streams_may_begin(provision)))
            return &provision->ways[i];
    }
    return NULL;
}

int64_t provision_turn(struct provision *provision)
{
    int64_t now_ms = clock_now_ms(provision->options.clock), next_ms = INT64_MAX;
    bool room = count_under_way(provision) < UNDER_WAY_MAX;
    struct way *new = room ? find_new(provision) : NULL;

    for (size_t i = 0; i < provision->count; i++) {
        struct way *way = &provision->ways[i];

        if (way->stage != STAGE_OVER && (way == new || way->looks > 0) && way->due_ms <= now_ms)
            step(provision, way);
        if (way->stage != STAGE_OVER && way->looks > 0 && way->due_ms < next_ms)
            next_ms = way->due_ms;
    }
    room = count_under_way(provision) < UNDER_WAY_MAX;
    return room && find_new(provision) != NULL ? now_ms : next_ms;
}
