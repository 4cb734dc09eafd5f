/*
 * drive.c - takes turns for some streams until their actions are over, for commands that wait for what they began.
 *
 * A daemon on the same database may take turns too: the lock decides.  When this process is killed, the daemon or
 * the next command goes on.
 */
#include "drive.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "daemon/owner.h"

#include <stdarg.h>

enum { LOOK_EVERY_REAL_MS = 200, BAR_WIDTH = 24, FAILURES_MAX = 3 };

/* One stream on its way. */
struct way {
    const char *stream;
    bool over;
    int64_t action_id; /* the last one seen; 0: none yet */
    int64_t before_id; /* the last action there was before */
    int steps_told;
    bool told_begin, told_end;
    const char *given_up; /* why it is left to others; NULL: it is not */
    struct action action;
};

struct drive {
    const struct drive_options *options;
    struct way *ways;
    size_t count;
    bool terminal;
    int lines; /* of bars on the terminal */
    bool failed;
};

static void say(const struct drive *drive, const char *stream, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct drive *drive, const char *stream, const char *format, ...)
{
    char at[DATE_SIZE];
    va_list arguments;

    date_format_seconds(clock_now_ms(drive->options->clock), at);
    fprintf(drive->options->out, "%s  %s  ", at, stream);
    va_start(arguments, format);
    vfprintf(drive->options->out, format, arguments);
    va_end(arguments);
    fputc('\n', drive->options->out);
    fflush(drive->options->out);
}

static void tell_steps(const struct drive *drive, struct way *way, const struct step_list_stored *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];

        if (step->sequence <= way->steps_told || step->outcome == STEP_OPEN)
            continue;
        way->steps_told = step->sequence;
        if (step->operation.kind == OPERATION_UPDATE)
            say(drive, way->stream, "update to %lld shard%s: %s", (long long)step->operation.target,
                text_plural(step->operation.target), step_outcome_name(step->outcome));
        else
            say(drive, way->stream, "%s %s %s: %s%s%s", operation_kind_name(step->operation.kind),
                step->operation.shard, step->operation.adjacent, step_outcome_name(step->outcome),
                step->detail[0] != '\0' ? ": " : "", step->detail);
    }
}

/* One line per event: for logs and pipes. */
static void tell(const struct drive *drive, struct way *way, const struct step_list_stored *steps)
{
    const struct action *action = &way->action;

    if (!way->told_begin && action->reason[0] != '\0') {
        way->told_begin = true;
        say(drive, way->stream, "%s #%lld: %s", action_kind_name(action->kind), (long long)action->id,
            action->reason);
    }
    tell_steps(drive, way, steps);
    if (!way->told_end && action->ended_ms > 0) {
        way->told_end = true;
        say(drive, way->stream, "%lld to %lld shard%s%s%s", (long long)action->from_shards,
            (long long)action->to_shards, text_plural(action->to_shards),
            action->failure[0] != '\0' ? "; " : "", action->failure);
    }
}

static const char *why_given_up(const struct drive *drive, const struct way *way,
                                const struct stream_state *state)
{
    if (state->failures >= FAILURES_MAX)
        return "fails again and again; left to the daemon or the next pass";
    if (way->action_id == 0 && state->paused_until_ms > clock_now_ms(drive->options->clock))
        return "was paused; left to the daemon or the next pass";
    return NULL;
}

/* Asks the store how far it is. */
static int look(struct drive *drive, struct way *way, struct error *err)
{
    struct action last;
    struct step_list_stored steps = {0};
    struct stream_state state;

    if (store_stream_load(drive->options->store, way->stream, &state, err) < 0 ||
        store_action_last(drive->options->store, way->stream, &last, err) < 0)
        return -1;
    if (last.id > way->before_id) {
        way->action = last;
        way->action_id = last.id;
    }
    way->given_up = why_given_up(drive, way, &state);
    way->over = way->given_up != NULL ||
                (!(state.due_reasons & DUE_SCALE_DOWN) && (way->action_id == 0 || way->action.ended_ms > 0));
    if (way->given_up != NULL && !way->told_end && !drive->terminal)
        say(drive, way->stream, "%s", way->given_up);
    way->told_end |= way->given_up != NULL;
    drive->failed |= way->given_up != NULL;
    if (way->action_id == 0)
        return 0;
    if (store_steps(drive->options->store, way->action_id, &steps, err) < 0)
        return -1;
    if (!drive->terminal)
        tell(drive, way, &steps);
    step_list_stored_clear(&steps);
    drive->failed |= way->over && way->action.failure[0] != '\0';
    return 0;
}

/* What is left takes as long per shard as what was done did; before that, AWS's usual half minute. */
static int64_t left_ms(const struct way *way, int64_t now_ms)
{
    int64_t all = llabs(way->action.goal_shards - way->action.from_shards);
    int64_t done = llabs(way->action.to_shards - way->action.from_shards);
    int64_t each_ms = done > 0 ? (now_ms - way->action.started_ms) / done : SPLIT_SECONDS * 1000;

    return way->action.goal_shards == 0 || all <= done ? 0 : (all - done) * each_ms;
}

static void draw_bar(const struct drive *drive, const struct way *way)
{
    int64_t all = llabs(way->action.goal_shards - way->action.from_shards);
    int64_t done = llabs(way->action.to_shards - way->action.from_shards);
    int filled = all > 0 ? (int)(BAR_WIDTH * (done < all ? done : all) / all) : 0;
    char left[24] = "";

    if (way->over)
        filled = BAR_WIDTH;
    number_format_duration(left_ms(way, clock_now_ms(drive->options->clock)) / 1000 * 1000, left,
                           sizeof(left));
    fprintf(drive->options->out, "\033[K%-24.24s [%.*s%*s] %lld -> %lld shard%s, %s%s%s\n", way->stream,
            filled, "########################", BAR_WIDTH - filled, "", (long long)way->action.from_shards,
            (long long)way->action.to_shards, text_plural(way->action.to_shards),
            way->given_up != NULL ? way->given_up
            : way->over           ? (way->action.failure[0] != '\0' ? way->action.failure : "done")
            : way->action_id == 0 ? "waiting"
                                  : action_state_name(way->action.state),
            way->over || way->action_id == 0 ? "" : ", left ", way->over || way->action_id == 0 ? "" : left);
}

static void draw(struct drive *drive)
{
    if (!drive->terminal)
        return;
    if (drive->lines > 0)
        fprintf(drive->options->out, "\033[%dA", drive->lines);
    for (size_t i = 0; i < drive->count; i++)
        draw_bar(drive, &drive->ways[i]);
    drive->lines = (int)drive->count;
    fflush(drive->options->out);
}

static struct way *find(struct drive *drive, const char *stream)
{
    for (size_t i = 0; i < drive->count; i++) {
        if (strcmp(drive->ways[i].stream, stream) == 0)
            return &drive->ways[i];
    }
    return NULL;
}

/* Every stream of ours that is due gets its turn.  *ret_next_ms: when the next one is due. */
static int take_turns(struct drive *drive, int64_t *ret_next_ms, struct error *err)
{
    const struct drive_options *options = drive->options;
    struct stream_state_list due = {0};
    int64_t now_ms = clock_now_ms(options->clock);

    if (store_streams_due(options->store, now_ms, 1000, &due, ret_next_ms, err) < 0)
        return -1;
    for (size_t i = 0; i < due.count; i++) {
        struct error failure = {0};

        if (find(drive, due.items[i].stream) == NULL ||
            owner_other_has_lock(options->store, &due.items[i], options->owner, now_ms))
            continue;
        if (engine_turn(options->engine, options->store, due.items[i].stream, &failure) < 0 &&
            !drive->terminal)
            say(drive, due.items[i].stream, "%s", failure.message);
    }
    stream_state_list_clear(&due);
    return 0;
}

static int wait_for_all(struct drive *drive, struct error *err)
{
    for (;;) {
        int64_t next_ms;
        size_t over = 0;

        if (take_turns(drive, &next_ms, err) < 0)
            return -1;
        for (size_t i = 0; i < drive->count; i++) {
            if (look(drive, &drive->ways[i], err) < 0)
                return -1;
            over += drive->ways[i].over;
        }
        draw(drive);
        if (over == drive->count)
            return 0;
        clock_sleep_ms(clock_system(), LOOK_EVERY_REAL_MS);
    }
}

int drive_until_over(const struct drive_options *options, const char *const *streams, size_t count,
                     bool *ret_failed, struct error *err)
{
    struct drive drive = {.options = options, .count = count, .terminal = isatty(fileno(options->out))};
    int result = 0;

    drive.ways = must_calloc(count, sizeof(*drive.ways));
    for (size_t i = 0; i < count && result == 0; i++) {
        struct action current, last;
        bool running;

        drive.ways[i].stream = streams[i];
        if (store_action_current(options->store, streams[i], &current, &running, err) < 0 ||
            store_action_last(options->store, streams[i], &last, err) < 0) {
            result = -1;
            break;
        }
        /* One that runs already is gone on with; an older one is not ours to show. */
        drive.ways[i].before_id = running ? last.id - 1 : last.id;
        if (options->last_ids != NULL)
            drive.ways[i].before_id = options->last_ids[i];
    }
    if (result == 0)
        result = wait_for_all(&drive, err);
    *ret_failed = drive.failed;
    free(drive.ways);
    return result;
}
