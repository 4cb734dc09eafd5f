/*
 * adaptive_rule.h - the bare rule of the adaptive policy: what a decision and a replay of the past have in common.
 *
 * Internal to adaptive.c and habits.c.
 */
#ifndef SCALING_ADAPTIVE_RULE_H
#define SCALING_ADAPTIVE_RULE_H

#include "scaling/adaptive.h"

struct rule_view {
    double demand; /* shards; NAN unknown */
    double capacity;
    int64_t open_shards;
    const struct shard_map *shards; /* NULL: even */
    int64_t fewest, most;           /* min_shards or the floor; max_shards or what the account allows */
    double recent;                  /* highest minute of the hold; NAN: not known, proves nothing */
    double day;                     /* rule_day() */
    struct adaptive_habits habits;
    struct rhythm_need need; /* of this minute; zeroed: nothing is expected */
    int64_t goal;            /* of the action that runs, in shards; 0: none does */
    const struct shard *hot; /* too full, and no split helps; NULL: none, or nobody knows */
    double hot_part;         /* of the demand */
};

/*
 * The highest minute of a day, by that of its last ADAPTIVE_FRESH_MINUTES and that of those before.  NAN: it proves
 * nothing, as a minute is not known, or as the load has just risen above what ADAPTIVE_SPARE adds to the rest of the day,
 * and nobody knows how far it goes.
 */
double rule_day(double fresh, double before);
/* Does the demand, the floor or what is expected ask for more than there is? */
bool rule_asks_for_more(const struct rule_view *view);
/* What is expected would pass the line of the shards that there are or will be, and more are allowed. */
bool rule_is_due(const struct rule_view *view);
/* More than the capacity is expected within RHYTHM_KEEP_MINUTES, and allowed. */
bool rule_expects_more(const struct rule_view *view);
/* How many shards one shard's worth of demand needs, so that the line is not reached. */
double rule_room(const struct rule_view *view);
/* By whole generations, or for what is expected each shard in as many as it takes; at most `most`, no more than there
 * are when that is all that is allowed. */
int64_t rule_rise(const struct rule_view *view);
/* What pays best; open_shards when nothing does.  *ret_by_day: the day proves it. */
int64_t rule_give_back(const struct rule_view *view, bool *ret_by_day);
/* Splits and merges from the present shards to so many even ones. */
int64_t rule_operations(const struct rule_view *view, int64_t shards);

#endif
