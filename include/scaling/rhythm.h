/*
 * rhythm.h - what the same minutes of earlier days say of those to come.
 *
 * Pure.  A load that comes every day, or every week, at the same minute is expected: shards are split before it, and what
 * it will need within the hour is not given back.  Whether a stream has a rhythm is one of its habits (adaptive.h): it has
 * one when a replay of its last week would have cost a tenth less with it.
 */
#ifndef SCALING_RHYTHM_H
#define SCALING_RHYTHM_H

#include <stddef.h>
#include <stdint.h>

enum rhythm {
    RHYTHM_NONE, /* nothing is expected */
    RHYTHM_DAY,  /* the lower of yesterday and the day before, so that what happened once is not expected */
    RHYTHM_WEEK, /* as a week ago */
    RHYTHM_COUNT
};

enum {
    RHYTHM_DAY_MINUTES = 24 * 60,
    /* A week, as it would have been expected by the one before. */
    RHYTHM_HISTORY_MINUTES = 14 * RHYTHM_DAY_MINUTES,
    /* Learned once a day; at its end still four hours are known, which is 480 splits. */
    RHYTHM_AHEAD_MINUTES = RHYTHM_DAY_MINUTES + 240,
    RHYTHM_KEEP_MINUTES = 60, /* what is needed again so soon is not given back */
};

/* "none", "day", "week". */
const char *rhythm_name(enum rhythm rhythm);

/*
 * ret_expected[0 .. count): the demand expected in the minutes from place `from` of `minutes` on, also beyond their end, by
 * what is known before each; 0 where nothing is.  A minute is as high as any within five of it, as clocks and queues
 * are late or early.  `minutes` as in struct adaptive_facts.
 */
void rhythm_expect(enum rhythm rhythm, const float *minutes, size_t minute_count, size_t from, size_t count,
                   float *ret_expected);

/* What must be thought of in a minute, so that all that is expected finds its shards. */
struct rhythm_need {
    /* The highest demand for which splits must begin now, in shards' worth: n shards take at most n splits of
     * SPLIT_SECONDS, as of even shards each must be split to gain anything.  0: nothing is expected. */
    float demand;
    size_t after; /* so many minutes after this one */
    float ahead;  /* the highest demand expected within RHYTHM_KEEP_MINUTES, or `demand` */
};

/* For each of the expected minutes; `room` is how many shards one shard's worth of demand needs, `most` how many there may
 * be. */
void rhythm_needs(const float *expected, size_t count, double room, int64_t most,
                  struct rhythm_need *ret_needs);

#endif
