/*
 * window.h - what the shards of a stream carried in the window of a scale-down.  Internal to plan_down.
 */
#ifndef SCALING_WINDOW_H
#define SCALING_WINDOW_H

#include "scaling/plan_down.h"

/* What a period is worth, in full shards. */
struct worth {
    double bytes, records;
};

struct window {
    const struct down_facts *facts;
    int64_t start_ms;
    double capacity;       /* of the stream at present, in shards */
    struct worth *periods; /* of the stream; NAN in both where it is unknown */
    /* Row by row what each shard carried in each period, where that is known; NULL: spread by width. */
    struct worth *shards;
    size_t missing; /* unknown periods */
    size_t busy;    /* periods at or above the threshold */
    size_t throttled;
    /* Indices of periods; each counts only when there is one. */
    size_t first_missing;
    size_t worst;
    size_t most_throttled;
    double worst_load; /* of the stream, in shards; NAN when no period is known */
};

/* Cleared with window_clear(). */
void window_init(struct window *window, const struct down_facts *facts);
void window_clear(struct window *window);

/* The tighter of the two. */
double worth_load(struct worth worth);

#endif
