/*
 * habits.c - what the policy `adaptive` has learned of a stream, and what it expects by it.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"

enum {
    MINUTE_MS = 60 * 1000,
    /* Of so many minutes, in the first few: who looks every five minutes comes by once. */
    ASKED_MINUTES = 15,
    LOOK_MINUTES = ADAPTIVE_LOOK_LATER_MS / MINUTE_MS,
};

/* What the habits expect, from the end of the minutes that are known on. */
static void expect(struct turn *turn, const struct minutes *known)
{
    minutes_clear(&turn->expected);
    turn->expected_known = true;
    if (turn->learned.habits.rhythm == RHYTHM_NONE)
        return;
    turn->expected = (struct minutes){.start_ms = known->start_ms + (int64_t)known->count * MINUTE_MS,
                                      .demand = must_calloc(RHYTHM_AHEAD_MINUTES, sizeof(float)),
                                      .count = RHYTHM_AHEAD_MINUTES};
    rhythm_expect(turn->learned.habits.rhythm, known->demand, known->count, known->count,
                  RHYTHM_AHEAD_MINUTES, turn->expected.demand);
}

static void log_habits(const struct turn *turn)
{
    char hold[24], line[24];

    snprintf(hold, sizeof(hold), "%lld", (long long)turn->learned.habits.hold_minutes);
    number_format_percent(turn->learned.habits.line, line, sizeof(line));
    LOG(LOG_INFO, "habits-learned", {"stream", turn->config->name}, {"hold_minutes", hold}, {"line", line},
        {"rhythm", rhythm_name(turn->learned.habits.rhythm)});
}

/* Once a day, from the last two weeks; what was learned before serves until then. */
static int learn(struct turn *turn, int64_t open_shards, struct error *err)
{
    SCOPED(minutes_clear) struct minutes weeks = {0};
    struct stream_config room;
    const struct stream_config *config = config_resolve(turn->whole, turn->config->name, &room);
    int64_t habits_ms = turn->learned.habits_ms;

    /* The minutes of the look go back a day at least, where there are so many. */
    if (turn->minutes.count < ADAPTIVE_WARM_UP_MINUTES || !turn->locked ||
        (habits_ms <= turn->now_ms && turn->now_ms - habits_ms < DAY_MS))
        return 0;
    if (store_minutes_load(turn->store, config->name,
                           turn->now_ms - (int64_t)RHYTHM_HISTORY_MINUTES * MINUTE_MS, &weeks, err) < 0)
        return -1;
    if (weeks.count < ADAPTIVE_WARM_UP_MINUTES)
        return 0;
    adaptive_learn(config, weeks.demand, weeks.count, open_shards, &turn->learned.habits);
    turn->learned.habits_ms = turn->now_ms;
    expect(turn, &weeks);
    log_habits(turn);
    return store_habits_set(turn->store, config->name, &turn->learned.habits, &turn->expected, turn->now_ms,
                            err);
}

/* From this minute on. */
static int expected_now(struct turn *turn, struct adaptive_facts *facts, struct error *err)
{
    const struct minutes *expected = &turn->expected;
    int64_t place;

    if (facts->habits.rhythm == RHYTHM_NONE)
        return 0;
    if (!turn->expected_known &&
        store_expected_load(turn->store, turn->config->name, &turn->expected, err) < 0)
        return -1;
    turn->expected_known = true;
    place = (turn->now_ms - expected->start_ms) / MINUTE_MS;
    if (place >= 0 && place < (int64_t)expected->count) {
        facts->expected = expected->demand + place;
        facts->expected_count = expected->count - (size_t)place;
    }
    return 0;
}

static int keep_skew(struct turn *turn, struct error *err)
{
    LOG(LOG_INFO, turn->learned.skew.hot ? "skew-hot" : "skew-learned", {"stream", turn->config->name});
    return store_skew_set(turn->store, turn->config->name, &turn->learned.skew, err);
}

static const struct skew *skew_of(const struct stream_config *config, const struct learned *learned)
{
    static const struct skew none;

    return skew_applies(config) ? &learned->skew : &none;
}

static struct skew_stream stream_of(const struct turn *turn, const struct adaptive_facts *facts)
{
    int64_t most = turn->config->max_shards, room = facts->account_headroom;

    if (room >= 0 && facts->open_shards + room < most)
        most = facts->open_shards + room;
    return (struct skew_stream){.capacity = turn->state.effective_shards,
                                .most = (double)most,
                                .settled_ms = stream_last_reshard_ms(&turn->state)};
}

/* Refused by shards that are there since before, though the stream is not full.  How much was refused altogether is asked
 * for in a third of the minutes. */
static int learn_skew(struct turn *turn, const struct skew_stream *stream, double line, struct error *err)
{
    int64_t earliest_ms = turn->now_ms - SKEW_WINDOW_MS;
    struct skew *skew = &turn->learned.skew;
    double full = skew_line(skew, line, turn->now_ms) * stream->capacity;
    struct skew_sight sight;
    struct error ignored = {0};
    bool any;

    if (!skew_applies(turn->config) || !turn->refuses || !turn->locked || turn->running ||
        !(stream->capacity > 0) || turn->sight.since_ms < stream->settled_ms || turn->sight.demand > full)
        return 0;
    if (skew_learn(skew, &turn->sight, stream, turn->now_ms))
        return keep_skew(turn, err);
    if (turn->now_ms / MINUTE_MS % ASKED_MINUTES >= LOOK_MINUTES || skew_is_hot(skew, turn->now_ms) ||
        !skew_may_pay(&turn->sight, stream, turn->now_ms))
        return 0;
    if (minutes_refused(turn, stream->settled_ms > earliest_ms ? stream->settled_ms : earliest_ms, full, &any,
                        &sight, &ignored) < 0)
        return 0; /* the next look asks again */
    return any && skew_learn(skew, &sight, stream, turn->now_ms) ? keep_skew(turn, err) : 0;
}

int habits_look(struct turn *turn, struct adaptive_facts *facts, struct error *err)
{
    const struct learned *learned = &turn->learned;
    const struct skew *skew = skew_of(turn->config, learned);
    struct skew_stream stream = stream_of(turn, facts);

    if (learn(turn, facts->open_shards, err) < 0)
        return -1;
    facts->habits = learned->habits_ms > 0 ? learned->habits : adaptive_default_habits(turn->config);
    if (learn_skew(turn, &stream, facts->habits.line, err) < 0)
        return -1;
    facts->habits.line = skew_line(skew, facts->habits.line, turn->now_ms);
    facts->too_full = skew_too_full(skew, turn->now_ms);
    facts->refuses = turn->refuses;
    facts->unproven = skew_is_unproven(skew, &stream, turn->now_ms);
    facts->hot_keys = skew_is_hot(skew, turn->now_ms);
    return expected_now(turn, facts, err);
}

int habits_line(struct store *store, struct stream_config *config, int64_t now_ms, struct learned *learned,
                struct error *err)
{
    if (!adapt_applies(config))
        return 0;
    if (!learned->loaded &&
        (store_habits_load(store, config->name, &learned->habits, &learned->habits_ms, err) < 0 ||
         store_skew_load(store, config->name, &learned->skew, err) < 0))
        return -1;
    learned->loaded = true;
    if (learned->habits.learned)
        config->scale_up_threshold = learned->habits.line;
    config->scale_up_threshold = skew_line(skew_of(config, learned), config->scale_up_threshold, now_ms);
    /* Who splits below it, for an alarm that no split helps, splits what is given back within the hour. */
    config->target_utilization = config->scale_up_threshold;
    return 0;
}
