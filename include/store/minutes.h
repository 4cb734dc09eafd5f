/*
 * minutes.h - what producers wanted to write, minute by minute, and what was learned from it.
 *
 * CloudWatch has it for fifteen days too; here it is at hand, with what was made of missing datapoints.  What a power
 * cut takes is asked again.
 */
#ifndef STORE_MINUTES_H
#define STORE_MINUTES_H

#include "scaling/adaptive.h"
#include "scaling/skew.h"
#include "store/store.h"

#include <stddef.h>

enum { MINUTES_KEPT_DAYS = 15 };

/* Consecutive minutes. */
struct minutes {
    int64_t start_ms; /* of the first; a whole minute */
    float *demand;    /* in shards' worth; NAN where it is not known */
    size_t count;
};
void minutes_clear(struct minutes *minutes); /* begins zeroed */

/* These minutes are so; others stay as they are.  Days that are MINUTES_KEPT_DAYS older than the last go. */
int store_minutes_put(struct store *store, const char *stream, const struct minutes *minutes,
                      struct error *err);
/* From the first that is known of the day of `since_ms` or later to the last that was put; count 0 when there is none.
 * The caller's. */
int store_minutes_load(struct store *store, const char *stream, int64_t since_ms, struct minutes *ret_minutes,
                       struct error *err);
/* Of streams that nobody asks about any more: days, habits learned and skew seen, before then. */
int store_minutes_forget(struct store *store, int64_t before_ms, struct error *err);

/* Replaces those of before, and what they expected. */
int store_habits_set(struct store *store, const char *stream, const struct adaptive_habits *habits,
                     const struct minutes *expected, int64_t learned_ms, struct error *err);
/* Changes nothing but *ret_learned_ms, to 0, when there are none yet. */
int store_habits_load(struct store *store, const char *stream, struct adaptive_habits *ret_habits,
                      int64_t *ret_learned_ms, struct error *err);
/* What the habits expect; count 0 when it is nothing.  The caller's. */
int store_expected_load(struct store *store, const char *stream, struct minutes *ret_expected,
                        struct error *err);

/* Replaces what was seen before. */
int store_skew_set(struct store *store, const char *stream, const struct skew *skew, struct error *err);
/* Zeroed when none was ever seen. */
int store_skew_load(struct store *store, const char *stream, struct skew *ret_skew, struct error *err);

#endif
