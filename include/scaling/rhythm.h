/*
 * rhythm.h - what the same minutes of earlier days say of those to come.
 *
 * Pure.  A load that comes every day, or every week, at the same minute is expected: shards are split before it, and what
 * it will need within the hour is not given back.  Whether a stream has a rhythm is one of its habits (adaptive.h): it has
 * one when a replay of its last week would have cost less with it.
 */
#ifndef SCALING_RHYTHM_H
#define SCALING_RHYTHM_H

#include <stddef.h>

enum rhythm {
    RHYTHM_NONE, /* nothing is expected */
    RHYTHM_DAY,  /* the lower of yesterday and the day before, so that what happened once is not expected */
    RHYTHM_WEEK, /* as a week ago */
    RHYTHM_COUNT
};

enum {
    RHYTHM_DAY_MINUTES = 24 * 60,
    RHYTHM_HISTORY_MINUTES =
        14 * RHYTHM_DAY_MINUTES, /* a week, as it would have been expected by the one before */
    /* What is expected reaches to the end of the next day: the shards that are split until then are split 30 s each. */
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

/* What must be there in a minute, so that all that is expected finds its shards. */
struct rhythm_need {
    float open;   /* shards, as splits take SPLIT_SECONDS one after the other */
    float demand; /* that of the minute that it is for, in shards' worth; 0: nothing is expected */
    float ahead;  /* the highest demand expected within RHYTHM_KEEP_MINUTES */
    size_t after; /* so many minutes after this one */
};

/* For each of the expected minutes; `room` is how many shards one shard's worth of demand needs, 1 or more. */
void rhythm_needs(const float *expected, size_t count, double room, struct rhythm_need *ret_needs);

#endif
