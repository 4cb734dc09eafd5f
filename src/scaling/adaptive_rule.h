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
    double recent, day; /* highest minute of the hold and of a day; NAN: not known, proves nothing */
    struct adaptive_habits habits;
    const struct shard *hot; /* too full, and no split helps; NULL: none, or nobody knows */
    double hot_part;         /* of the demand */
};

/* Does the demand, or the floor, ask for more than there is? */
bool rule_asks_for_more(const struct rule_view *view);
/* By whole generations, at most `most`; no more than there are when that is all that is allowed. */
int64_t rule_rise(const struct rule_view *view);
/* What pays best; open_shards when nothing does.  *ret_by_day: the day proves it. */
int64_t rule_give_back(const struct rule_view *view, bool *ret_by_day);
/* Splits and merges from the present shards to so many even ones. */
int64_t rule_operations(const struct rule_view *view, int64_t shards);

#endif
