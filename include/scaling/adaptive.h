/*
 * adaptive.h - how many shards a stream of the adaptive policy should have, and why.
 *
 * Pure: the demand of the last minutes in, a number of even shards with its reason out.
 *
 * Up: when the newest minute asks for more than `line` of the capacity, by whole generations (each shard in two, as
 * often as it takes), because under even keys a part of one gives no capacity, and no other way to more shards is
 * sooner there.  While the shards are split the goal follows the load; when the load has gone again the splitting ends
 * where it stands.
 *
 * Down: to the number for which most is saved, of those that the highest minute of the last `hold_minutes`, or of the
 * last day, would have fitted with some room.  Each operation has a price, so that shards which are needed again in an
 * hour are not merged for an hour.  What a whole day has shown makes them cheaper; but when the last hour was higher than
 * the rest of the day, and by more than is spared, the day shows nothing of how far a load goes that rises.  Where a way that
 * also splits has no room, first to what merges alone reach.
 *
 * Where the metrics of single shards show how the load lies over the keys, the same holds for what each shard carries: up,
 * every shard that would be too full is split by itself, where its load is halved; down, to the cheapest partition in
 * which none would have been too full.  What one hot key makes too full is left alone.  When nobody has measured shards for
 * an hour, because their metrics were switched off or cannot be had, what was known still says where to split, as
 * nothing better is known and a split in the wrong place costs a shard; but it gives nothing back, as a merge in the wrong
 * place throttles.
 *
 * Before both, what is expected (rhythm.h): shards are split for it so early that they are there in time, and nothing is
 * given back that it will need within the hour.
 *
 * The line, the hold and the rhythm are habits of the stream: once a day its last week is replayed with each choice of a
 * few, and the one that would have cost least, in shards and in refused records, holds for the next day.
 */
#ifndef SCALING_ADAPTIVE_H
#define SCALING_ADAPTIVE_H

#include "scaling/config.h"
#include "scaling/rhythm.h"
#include "scaling/shards.h"
#include "scaling/spread.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Weights of the choice, found by replaying seven public traces (HACKING.md); none decides alone: half or twice of
 * each moves cost and refused bytes by some per cent.
 */
/* A rise aims at so many times the demand: a load that rises goes on rising while shards are split. */
#define ADAPTIVE_HEAD 1.5
/* After a give-back the line stands at so many times the highest minute of the time that proves it. */
#define ADAPTIVE_SPARE 1.05
/* A rise ends early when the capacity that is there is so many times the demand. */
#define ADAPTIVE_CALM 1.2
/* Above so much of the line a stream is looked at every minute; below it the next minute seldom passes the line, and when
 * one does, an alarm tells. */
#define ADAPTIVE_NEAR 0.85
/* An operation must save so many shards when the hold has shown that they are not needed (2 to 1 pays, 4 to 3 does not)... */
#define ADAPTIVE_OPERATION_SHARDS 0.35
/* ...and this part of it when a whole day has shown it (4 to 3 pays). */
#define ADAPTIVE_OPERATION_DAY 0.25
/* Refusing what one shard could take in an hour is as bad as paying for so many shard-hours. */
#define ADAPTIVE_REFUSED_SHARD_HOURS 200.0
/* In a replay, an operation costs so many shard-hours. */
#define ADAPTIVE_OPERATION_SHARD_HOURS 0.1

enum {
    ADAPTIVE_DAY_MINUTES = RHYTHM_DAY_MINUTES,
    ADAPTIVE_LEARN_MINUTES = 7 * ADAPTIVE_DAY_MINUTES, /* what is replayed */
    ADAPTIVE_WARM_UP_MINUTES = ADAPTIVE_DAY_MINUTES,   /* less is not replayed */
    ADAPTIVE_STALE_MINUTES = 5,                        /* an older minute says nothing of now */
    ADAPTIVE_HOLD_MINUTES = 60,                        /* while nothing is learned */
    ADAPTIVE_FRESH_MINUTES = 60,                       /* a rise that is younger may go on */
    ADAPTIVE_LOOK_SOON_MS = 60 * 1000,
    ADAPTIVE_LOOK_LATER_MS = 5 * 60 * 1000, /* below ADAPTIVE_NEAR; an alarm comes in between */
    /* Shards are measured four times an hour (engine/adapt.c): a spread older than this was not to be had. */
    ADAPTIVE_SPREAD_STALE_MS = 60 * 60 * 1000,
};

struct adaptive_habits {
    int64_t hold_minutes; /* what the last so many minutes asked for is not given back */
    double line;          /* of the capacity: a minute above it asks for more */
    enum rhythm rhythm;   /* what is expected of the next minutes */
    bool learned;         /* false: the defaults */
};
/* While nothing is learned: ADAPTIVE_HOLD_MINUTES, and scale_up_threshold, where the alarms stand. */
struct adaptive_habits adaptive_default_habits(const struct stream_config *config);

struct adaptive_facts {
    const struct stream_config *config; /* with the floor of the hour: config_raise_floor() */
    /*
     * Demand by the minute in shards: the larger of bytes and records, refused ones counted in, of what one shard
     * takes (limits.h).  Oldest first, without a gap; NAN where nobody knows.  A day of it is enough.
     */
    const float *minutes;
    size_t minute_count;
    int64_t newest_age_ms; /* since the start of the last one */
    int64_t open_shards;
    double capacity;                /* shard_map_effective() */
    const struct shard_map *shards; /* for the number of operations; NULL: as if they were even */
    /* How the load lies over the keys, where shard-level metrics have shown it, with `shards`; else NULL. */
    const struct spread *spread;
    int64_t spread_age_ms; /* since it was measured last; below 0 by a clock that was ahead */
    /* Demand as rhythm_expect() has it, from the minute on in which this is thought; count 0: nothing is expected. */
    const float *expected;
    size_t expected_count;
    int64_t goal_shards;           /* of the adaptive action that runs; 0: none */
    bool rising;                   /* it is a rise */
    bool alarmed;                  /* an alarm came: with no minute known, act blindly */
    int64_t account_headroom;      /* shards the account may still open; -1 unknown */
    struct adaptive_habits habits; /* with the line where skew lets it be: skew_line() */
    double too_full;               /* skew_too_full(): says why the line is where it is */
    bool refuses;                  /* records were refused in the newest minutes */
    bool unproven;                 /* skew_is_unproven(): nothing is given back yet */
    bool hot_keys;                 /* skew_is_hot() */
};

enum adaptive_verdict {
    ADAPTIVE_STAY, /* as it is; what runs goes on */
    ADAPTIVE_GO,   /* to `shards` shards, which may be as many as there are, if those are uneven */
    ADAPTIVE_STOP, /* the rise that runs ends where it stands */
};

struct adaptive_plan {
    enum adaptive_verdict verdict;
    bool by_load; /* by `spread` */
    bool stale;   /* by_load, and too old to give anything back */
    hashkey *
        starts; /* with GO: where the `shards` shards begin; NULL: they are even, which they are not by_load */
    int64_t shards;          /* with STAY and STOP the open ones */
    bool rises;              /* with GO: for more capacity */
    bool limited;            /* max_shards or the account allow no more, or keys are hot and no more helps */
    bool due;                /* with GO: for what is expected */
    bool blind;              /* an alarm came and no minute is known: one generation, by no figure */
    const struct shard *hot; /* of facts->shards: the fullest above the line that no split divides, or NULL */
    int64_t look_again_ms;
    double demand;    /* of the newest minute, in shards; NAN unknown */
    char reason[480]; /* one sentence with the numbers; never empty */
};

/* The plan is the caller's: adaptive_plan_clear(). */
void adaptive_think(const struct adaptive_facts *facts, struct adaptive_plan *ret_plan);
void adaptive_plan_clear(struct adaptive_plan *plan);

/*
 * Replays the last ADAPTIVE_LEARN_MINUTES of `minutes` from `open_shards` with each choice of habits; what was before them
 * says what would have been expected (RHYTHM_HISTORY_MINUTES is as much as is used).  Defaults when fewer than
 * ADAPTIVE_WARM_UP_MINUTES of the last are known.  About 30 ms for two weeks.
 */
void adaptive_learn(const struct stream_config *config, const float *minutes, size_t minute_count,
                    int64_t open_shards, struct adaptive_habits *ret_habits);

#endif
