/*
 * habits.c - what the policy `adaptive` has learned of a stream, and what it expects by it.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"

enum { MINUTE_MS = 60 * 1000 };

/* What the habits expect, from the end of the minutes that are known on. */
static void expect(struct turn *turn, const struct minutes *known)
{
    minutes_clear(&turn->expected);
    turn->expected_known = true;
    if (turn->habits.rhythm == RHYTHM_NONE)
        return;
    turn->expected = (struct minutes){.start_ms = known->start_ms + (int64_t)known->count * MINUTE_MS,
                                      .demand = must_calloc(RHYTHM_AHEAD_MINUTES, sizeof(float)),
                                      .count = RHYTHM_AHEAD_MINUTES};
    rhythm_expect(turn->habits.rhythm, known->demand, known->count, known->count, RHYTHM_AHEAD_MINUTES,
                  turn->expected.demand);
}

static void log_habits(const struct turn *turn)
{
    char hold[24], line[24];

    snprintf(hold, sizeof(hold), "%lld", (long long)turn->habits.hold_minutes);
    number_format_percent(turn->habits.line, line, sizeof(line));
    LOG(LOG_INFO, "habits-learned", {"stream", turn->config->name}, {"hold_minutes", hold}, {"line", line},
        {"rhythm", rhythm_name(turn->habits.rhythm)});
}

/* Once a day, from the last two weeks; what was learned before serves until then. */
static int learn(struct turn *turn, int64_t open_shards, struct error *err)
{
    SCOPED(minutes_clear) struct minutes weeks = {0};
    struct stream_config room;
    const struct stream_config *config = config_resolve(turn->whole, turn->config->name, &room);

    /* The minutes of the look go back a day at least, where there are so many. */
    if (turn->minutes.count < ADAPTIVE_WARM_UP_MINUTES || !turn->locked ||
        (turn->habits_ms <= turn->now_ms && turn->now_ms - turn->habits_ms < DAY_MS))
        return 0;
    if (store_minutes_load(turn->store, config->name,
                           turn->now_ms - (int64_t)RHYTHM_HISTORY_MINUTES * MINUTE_MS, &weeks, err) < 0)
        return -1;
    if (weeks.count < ADAPTIVE_WARM_UP_MINUTES)
        return 0;
    adaptive_learn(config, weeks.demand, weeks.count, open_shards, &turn->habits);
    turn->habits_ms = turn->now_ms;
    expect(turn, &weeks);
    log_habits(turn);
    return store_habits_set(turn->store, config->name, &turn->habits, &turn->expected, turn->now_ms, err);
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

int habits_look(struct turn *turn, struct adaptive_facts *facts, struct error *err)
{
    if (learn(turn, facts->open_shards, err) < 0)
        return -1;
    facts->habits = turn->habits_ms > 0 ? turn->habits : adaptive_default_habits(turn->config);
    return expected_now(turn, facts, err);
}

int habits_line(struct store *store, struct stream_config *config, struct adaptive_habits *habits,
                int64_t *habits_ms, struct error *err)
{
    if (!adapt_applies(config))
        return 0;
    if (*habits_ms == 0 && store_habits_load(store, config->name, habits, habits_ms, err) < 0)
        return -1;
    if (habits->learned)
        config->scale_up_threshold = habits->line;
    /* Who splits below it, for an alarm that no split helps, splits what is given back within the hour. */
    config->target_utilization = config->scale_up_threshold;
    return 0;
}
