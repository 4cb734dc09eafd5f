/*
 * story.h - what happened while a load was replayed, kept for the report.
 *
 * Internal to cli/.  Begins zeroed; story_clear() it.
 */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include "sim/sim.h"
#include "store/actions.h"
#include "store/decisions.h"

/* At the end of one minute of the load. */
struct story_minute {
    float throttled_bytes, throttled_records; /* during the minute */
    float capacity; /* how many full shards' worth the stream takes: 1 / the greatest share */
    int32_t open_shards;
};

struct story {
    int64_t start_ms;
    struct story_minute *minutes;
    size_t minute_count, capacity;
    struct sim_shard *shards; /* every one there was, by index; closed_ms 0: to the end */
    size_t shard_count;
    struct action_list actions;     /* oldest first */
    struct decision_list decisions; /* oldest first; the newest STORY_DECISIONS_MAX */
    struct sim_totals totals;       /* as last seen */
    double widest;                  /* the greatest share of an open shard, as last seen */
    int32_t open_shards;            /* that take records, shown by AWS or not yet; as last seen */
};

enum { STORY_ACTIONS_MAX = 100000, STORY_DECISIONS_MAX = 10000 };

/* Before the first minute. */
int story_begin(struct story *story, struct sim *sim, const char *stream, int64_t start_ms,
                struct error *err);
/* The next minute is over: the simulated time is its end. */
int story_minute(struct story *story, struct sim *sim, const char *stream, struct error *err);
/* After the last one. */
int story_end(struct story *story, struct store *store, struct error *err);
void story_clear(struct story *story);

#endif
