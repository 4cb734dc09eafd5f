/*
 * plan_down.h - which merges give back what a stream has not needed for a day, and why not.
 *
 * Pure.  Everything comes in as facts; the answer carries its reason with its numbers.
 *
 * Only adjacent shards can be merged, so a plan divides the shards, in the order of their ranges, into the
 * fewest groups such that no group's projected load passes scale_down_threshold of one shard in any period
 * of the window (never fewer groups than min_shards); among divisions into that many groups, the one whose
 * fullest group is the least full, then the one whose widest is the narrowest.  Each group is merged into one
 * shard, lower ranges first.  A shard that is fuller by itself is left as it is.
 *
 * UpdateShardCount goes to the fewest even shards that stay within the threshold.  `auto` merges, unless
 * calls of UpdateShardCount lead to fewer shards, or sooner to as many, and nothing but the width tells the
 * shards apart.  A scale-down is no emergency: it leaves the last UPDATES_KEPT_FOR_EMERGENCY calls to
 * scale-ups.
 *
 * A stream above max_shards is brought inside by the same means: to max_shards, or as close to it as no group
 * passes scale_up_threshold, where its alarm would stand.  The operator's ceiling is no reason to throttle
 * producers: load that does not fit below it keeps its shards, and the hold says so.
 *
 * The same facts after operations[0], begun set, give operations[1] and what follows it, as in plan_up.h.
 */
#ifndef SCALING_PLAN_DOWN_H
#define SCALING_PLAN_DOWN_H

#include "scaling/plan_up.h"

/* Why nothing is merged. */
enum down_hold {
    HOLD_NONE,
    HOLD_MINIMUM,   /* min_shards are open; with to_maximum, max_shards or fewer */
    HOLD_YOUNG,     /* the stream is younger than the window */
    HOLD_MISSING,   /* a period without a datapoint, and nothing says that it was idle */
    HOLD_BUSY,      /* a period at or above scale_down_threshold */
    HOLD_THROTTLED, /* records were rejected in the window */
    HOLD_FULL,      /* below the threshold, but no two neighbours fit into one shard */
    HOLD_UPDATES,   /* only UpdateShardCount may be used, and its calls of the day are used up, or kept */
    DOWN_HOLD_COUNT
};

struct down_facts {
    const struct stream_config *config;
    const struct shard_map *shards; /* complete partition */
    int64_t now_ms;
    int64_t created_ms; /* of the stream; 0 when unknown */
    /*
     * Operations of this action have been done.  They left less capacity, and groups may be as full as the
     * threshold; so HOLD_BUSY, which asks whether to begin, does not end what has begun.
     */
    bool begun;
    /*
     * Only down to max_shards, and up to scale_up_threshold.  Nothing has to be proven for it: a stream may be younger
     * than the window, and periods without a datapoint count as idle.
     */
    bool to_maximum;
    /*
     * The periods of the window, oldest first, without a gap between them; NAN where there was no datapoint.
     * bytes and records missing in a period whose `witnessed` is true are zero: another metric of the stream
     * that is always there had a point.  config->missing_data says what holds for those without.  One of the
     * two missing beside the other is unknown in any case.
     */
    const struct load_point *points;
    const bool *witnessed; /* one per point; NULL: none */
    size_t point_count;
    /*
     * Shard-level points, one row of point_count per shard of the map; NULL: spread by width.  Where a shard
     * has no datapoint, it shares with its like what the others leave of the stream's period, by width.
     */
    const struct load_point *const *shard_points;
    int updates_24h;
    double update_seconds_per_shard; /* as in up_facts */
};

enum down_verdict { DOWN_HOLD, DOWN_RESHARD };

struct down_plan {
    enum down_verdict verdict;
    enum down_hold hold;
    struct operation *operations; /* in order; each assumes the ones before it succeeded */
    size_t operation_count;
    int64_t from_shards;
    int64_t to_shards;
    /*
     * The worst period, of the present effective capacity; NAN when unknown.  With shard-level points, of as
     * many shards as there are: then each is judged by itself, and width says nothing.
     */
    double worst_now;
    double worst_after;  /* projected, of the fullest shard afterwards */
    int64_t worst_at_ms; /* start of that period */
    size_t missing;      /* periods without a datapoint that count as unknown */
    int64_t seconds;
    char reason[384]; /* one sentence with the numbers; names the period where one decides; never empty */
};

/* The plan is the caller's: down_plan_clear(). */
void plan_down(const struct down_facts *facts, struct down_plan *ret_plan);
void down_plan_clear(struct down_plan *plan);

const char *down_hold_name(enum down_hold hold); /* "minimum", "young"... */

#endif
