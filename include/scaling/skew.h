/*
 * skew.h - how full a stream can be before its fullest shard refuses records.
 *
 * Pure.  Nobody tells at stream level how the load lies over the keys; but a stream that refuses while it is not full shows
 * that a shard is, by its keys or in some seconds of each minute.  So the stream's line is kept below what it could not
 * bear.  Where a generation made for that hardly helped, a key is hot, and the line is what it was before.
 */
#ifndef SCALING_SKEW_H
#define SCALING_SKEW_H

#include "scaling/config.h"
#include "scaling/load.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SKEW_MINUTES = 3, /* in a row: one or two may be a jump */
    SKEW_DAY_MS = 24 * 60 * 60 * 1000,
    SKEW_FORGOTTEN_DAYS = 14,
    SKEW_HOT_DAYS = 8, /* so long at most a hot key is not tried again: first one day, then twice as long */
    SKEW_WINDOW_MS =
        6 * 60 * 60 * 1000,          /* what is refused so slowly that it takes longer to count is borne */
    SKEW_PROVED_MS = 10 * 60 * 1000, /* so long after a generation it shows whether that helped */
};
/* Fewer of the records refused is noise. */
#define SKEW_REFUSED_LEAST 0.01
/* The line is this part of what could not be borne... */
#define SKEW_SPARE 0.9
/* ...which grows by this factor a day: keys change, and only a fuller stream shows it. */
#define SKEW_GROWTH 1.05
/* With so many times the shards, as after a generation, it shows whether they helped: they must have saved so many times
 * what they cost, at ADAPTIVE_REFUSED_SHARD_HOURS. */
#define SKEW_MORE 1.5
#define SKEW_HELPED 2
/* Of loads that differ by more than this that does not show, for a day. */
#define SKEW_ALIKE 1.25

struct skew {
    double bears;     /* so full, of the capacity, it refused; 0: it never did, or more shards never helped */
    double earlier;   /* `bears` until then, which stands again when a key is hot */
    double refused;   /* the part of the records that it refused then, (0, 1] */
    double demand;    /* the mean then, in shards' worth */
    double capacity;  /* and of so many shards; 0: nothing was seen ever */
    int64_t seen_ms;  /* when */
    int64_t hot_days; /* for so long none were tried when more shards had been in vain; 0: they never were */
    bool hot;         /* they were, when tried last */
};

/* Is any of this for the stream?  Where the metrics of single shards tell how the load lies, those decide, and what was
 * learned before they were asked for does not. */
bool skew_applies(const struct stream_config *config);

/* Minutes in each of which records were refused. */
struct skew_sight {
    double refused;   /* of the records, the mean of the minutes */
    double owed;      /* in shard-hours: what one shard takes in an hour is 1 */
    double demand;    /* the mean of the minutes, in shards' worth */
    int64_t since_ms; /* when the first of them began */
};
/* The newest ones of the last SKEW_WINDOW_MS.  `demand` as load_worth(); points of a minute, in order.  False: they are
 * fewer than SKEW_MINUTES in a row. */
bool skew_look(const struct load_point *points, const float *demand, size_t count,
               struct skew_sight *ret_sight);
/* All of them whose demand is not above `most`, in a row or not.  False: there are fewer than SKEW_MINUTES. */
bool skew_look_back(const struct load_point *points, const float *demand, size_t count, double most,
                    struct skew_sight *ret_sight);

/* The stream that may have learned from a sight. */
struct skew_stream {
    double capacity;    /* in shards, all of which are there since before the sight */
    double most;        /* so many it may have */
    int64_t settled_ms; /* when the last of them was made */
};
/*
 * It was below its line and refused.  What it does not bear is learned when as much was refused as another generation costs
 * in a day (ADAPTIVE_REFUSED_SHARD_HOURS), if it may have SKEW_MORE as many shards; that more shards did not help, at once.
 * False: nothing is learned.
 */
bool skew_learn(struct skew *skew, const struct skew_sight *sight, const struct skew_stream *stream,
                int64_t now_ms);

/* May the minutes since then have refused enough to learn, when they all were like `sight`?  Twice as much counts. */
bool skew_may_pay(const struct skew_sight *sight, const struct skew_stream *stream, int64_t now_ms);

/* A generation was made for it a little while ago, and whether that helped does not show yet. */
bool skew_is_unproven(const struct skew *skew, const struct skew_stream *stream, int64_t now_ms);

/* So much of the capacity it does not bear; 0: nothing is known. */
double skew_too_full(const struct skew *skew, int64_t now_ms);
/* Where the line is, which without skew is at `line`. */
double skew_line(const struct skew *skew, double line, int64_t now_ms);

/* It refuses, and more shards did not help when that was tried last, less than `hot_days` ago. */
bool skew_is_hot(const struct skew *skew, int64_t now_ms);

#endif
