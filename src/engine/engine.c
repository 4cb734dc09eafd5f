/*
 * engine.c - a turn from its first look at the store to the due time it leaves behind.
 */
#include "down.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* After the first, second, and every further failure in a row. */
static const int64_t failure_delay_ms[] = {15 * 1000, 2 * 60 * 1000, DUE_LATEST_MS};

struct engine *engine_new(const struct engine_options *options)
{
    struct engine *engine = must_calloc(1, sizeof(*engine));

    engine->config = config_hold(options->config);
    engine->aws = options->aws;
    engine->clock = options->clock;
    engine->headroom = -1;
    (void)text_copy(engine->owner, sizeof(engine->owner), options->owner);
    pthread_mutex_init(&engine->limits_mutex, NULL);
    pthread_mutex_init(&engine->config_mutex, NULL);
    pthread_mutex_init(&engine->alarm_queue.mutex, NULL);
    busy_list_init(&engine->busy);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL)
        return;
    pthread_mutex_destroy(&engine->limits_mutex);
    pthread_mutex_destroy(&engine->alarm_queue.mutex);
    busy_list_clear(&engine->busy);
    pthread_mutex_destroy(&engine->config_mutex);
    config_free(engine->config);
    free(engine);
}

void turn_clear(struct turn *turn)
{
    notification_list_clear(&turn->notifications);
    shard_map_clear(&turn->shards);
    alarm_list_clear(&turn->alarms);
    free(turn->splits);
    minutes_clear(&turn->minutes);
    minutes_clear(&turn->expected);
    spread_clear(&turn->spread);
    alarm_queue_leave(turn);
    config_free(turn->whole);
}

bool turn_configure(struct turn *turn, const char *stream)
{
    turn->whole = engine_config(turn->engine);
    turn->config = config_resolve(turn->whole, stream, &turn->room);
    return turn->config != NULL;
}

int turn_settle(struct turn *turn, struct error *err)
{
    int64_t open = turn->running ? turn->action.from_shards : turn->state.open_shards;

    if (turn->config == NULL)
        return 0;
    if (turn->config != &turn->room)
        turn->room = *turn->config;
    turn->config = &turn->room;
    config_raise_floor(&turn->room, open, turn->now_ms,
                       turn->whole->service.reconcile_every_ms + FLOOR_SLACK_MS);
    return habits_line(turn->store, &turn->room, turn->now_ms, &turn->learned, err);
}

/* All but the state itself. */
static int load_rest(struct turn *turn, const char *stream, struct error *err)
{
    notification_list_clear(&turn->notifications);
    if (store_action_current(turn->store, stream, &turn->action, &turn->running, err) < 0 ||
        store_notifications_open(turn->store, stream, &turn->notifications, err) < 0)
        return -1;
    return turn_settle(turn, err);
}

int turn_load(struct turn *turn, const char *stream, struct error *err)
{
    return store_stream_load(turn->store, stream, &turn->state, err) < 0 ? -1 : load_rest(turn, stream, err);
}

int turn_lock(struct turn *turn, bool ignore_cooldown, struct error *err)
{
    struct stream_state state;

    if (store_lock_take(turn->store, turn->config->name, turn->engine->owner, turn->now_ms, LEASE_MS,
                        ignore_cooldown, &turn->locked, &state, err) < 0)
        return -1;
    turn->state = state;
    return turn->locked ? load_rest(turn, turn->config->name, err) : 0;
}

/* Without a running action a cooldown makes everything wait; the alarms are looked at again when it ends. */
static int rest(struct turn *turn, struct error *err)
{
    char reason[128];

    snprintf(reason, sizeof(reason), "cooldown for another %lld s",
             (long long)(turn->state.cooldown_until_ms - turn->now_ms + 999) / 1000);
    turn->next_ms = turn->state.cooldown_until_ms;
    turn->next_reasons = turn->state.due_reasons;
    return triage_defer(turn, reason, err);
}

/* Nothing runs: is there something to begin? */
static int begin(struct turn *turn, struct error *err)
{
    unsigned reasons = turn->state.due_reasons;
    bool asked = false;

    if (triage(turn, &asked, err) < 0)
        return -1;
    if (asked && !adapt_applies(turn->config))
        return act_begin(turn, ACTION_SCALE_UP, err);
    if (asked) {
        if (adapt_begin(turn, true, err) < 0)
            return -1;
        if (turn->action.id != 0)
            return 0;
    }
    if (reasons & DUE_ABOVE_MAXIMUM) {
        if (down_begin(turn, DOWN_TO_MAXIMUM, err) < 0)
            return -1;
        if (turn->action.id != 0) /* it began, and may be over; its end serves what else there was */
            return 0;
    }
    if (reasons & DUE_REPAIR)
        return act_begin(turn, ACTION_REPAIR, err);
    if (adapt_applies(turn->config))
        return asked ? 0 : adapt_begin(turn, false, err);
    if (reasons & DUE_SCALE_DOWN)
        return down_begin(turn, DOWN_BY_LOAD, err);
    return 0;
}

/* Nothing runs: does a pause or a cooldown forbid to begin?  Then the turn is over. */
static int hold_back(struct turn *turn, bool *ret_held, struct error *err)
{
    char reason[128];

    *ret_held = turn->held = true;
    if (pause_holds(&turn->state, turn->now_ms, reason, sizeof(reason)))
        return pause_rest(turn, reason, err);
    if (turn->now_ms < turn->state.cooldown_until_ms)
        return rest(turn, err);
    *ret_held = turn->held = false;
    return 0;
}

static int take_turn(struct turn *turn, struct error *err)
{
    bool held = false;

    if (!turn->running && turn->notifications.count == 0 &&
        !(turn->state.due_reasons & (DUE_REPAIR | DUE_SCALE_DOWN | DUE_ABOVE_MAXIMUM | DUE_ADAPT)))
        return 0;
    if (!turn->running && hold_back(turn, &held, err) < 0)
        return -1;
    if (held)
        return 0;
    if (turn_lock(turn, turn->running, err) < 0)
        return -1;
    if (!turn->locked) {
        /* Whoever has the lock says when the stream is due again. */
        turn->next_ms = -1;
        return triage_defer(turn, "another process works on the stream", err);
    }
    if (turn->running)
        return act_resume(turn, err);
    /* The action that was seen running may have ended meanwhile, and its cooldown begun. */
    if (hold_back(turn, &held, err) < 0)
        return -1;
    return held ? 0 : begin(turn, err);
}

/* The failure is stored for the operator and for the notifications; the stream is due again after a while. */
void turn_failed(struct turn *turn, const struct error *err)
{
    struct error ignored = {0};
    size_t times = (size_t)turn->state.failures;

    if (times >= COUNT_OF(failure_delay_ms))
        times = COUNT_OF(failure_delay_ms) - 1;
    turn->held = true;
    turn->next_ms = turn->now_ms + failure_delay_ms[times];
    turn->next_reasons = turn->state.due_reasons | (turn->running ? (unsigned)DUE_ACTION : 0);
    if (!turn->running)
        triage_failed(turn, err->message);
    record_decision(turn, "failed", err->message, NULL, NULL);
    /* When the store itself is what fails, there is nothing to be done here; the next turn will tell. */
    (void)store_stream_outcome(turn->store, turn->config->name, turn->now_ms, err->message, &ignored);
}

/* Leaves the lock (unless an action keeps it) and the time of the next turn. */
int turn_leave(struct turn *turn, struct error *err)
{
    if (turn->locked && !turn->running &&
        store_lock_release(turn->store, turn->config->name, turn->engine->owner, 0, err) < 0)
        return -1;
    if (turn->next_ms < 0)
        return 0;
    if (turn->config != NULL && adapt_applies(turn->config) && !turn->running && !turn->held &&
        adapt_next_ms(turn) < turn->next_ms)
        turn->next_ms = adapt_next_ms(turn);
    if (turn->config != NULL && adapt_applies(turn->config) && !turn->running)
        turn->next_reasons |= DUE_ADAPT;
    return store_stream_set_due(turn->store, &turn->state, turn->next_ms, turn->next_reasons, err);
}

/* A stream that left the configuration: what waits for it is dropped, what runs ends where it stands. */
static int abandon(struct turn *turn, const char *stream, struct error *err)
{
    static const char why[] = "the stream is not configured any more";

    if (turn_load(turn, stream, err) < 0)
        return -1;
    if (triage_drop(turn, why, err) < 0)
        return -1;
    if (turn->running) {
        turn->action.ended_ms = turn->now_ms;
        /* Whoever has the lock has no use for it. */
        (void)text_copy(turn->action.owner, sizeof(turn->action.owner), turn->state.lock_owner);
        (void)text_copy(turn->action.failure, sizeof(turn->action.failure), why);
        if (store_action_end(turn->store, &turn->action, turn->engine->owner, 0, turn->now_ms, err) < 0)
            return -1;
        LOG(LOG_WARN, "action-ended", {"stream", stream}, {"action", .number = turn->action.id},
            {"kind", action_kind_name(turn->action.kind)}, {"from", .number = turn->action.from_shards},
            {"to", .number = turn->action.to_shards}, {"failure", why});
    }
    return store_stream_set_due(turn->store, &turn->state, INT64_MAX, 0, err);
}

static int turn_on(struct turn *turn, const char *stream, struct error *err)
{
    struct error later = {0};
    int result;

    if (!turn_configure(turn, stream))
        return abandon(turn, stream, err);
    if (turn_load(turn, stream, err) < 0)
        return -1;
    result = take_turn(turn, err);
    if (result < 0)
        turn_failed(turn, err);
    else if (turn->state.failures > 0)
        result = store_stream_outcome(turn->store, stream, turn->now_ms, NULL, err);
    if (turn_leave(turn, &later) < 0) { /* worse than what went before: the stream is still due */
        *err = later;
        return -1;
    }
    return result;
}

int engine_turn(struct engine *engine, struct store *store, const char *stream, struct error *err)
{
    struct turn turn = {.engine = engine, .store = store, .next_ms = INT64_MAX};
    int result;

    if (strcmp(stream, STREAM_NOT_KNOWN) == 0)
        return triage_composites(engine, store, err);
    turn.now_ms = clock_now_ms(engine->clock);
    result = turn_on(&turn, stream, err);
    turn_clear(&turn);
    return result < 0 ? error_wrap(err, "stream '%s'", stream) : 0;
}
