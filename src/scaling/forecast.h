/*
 * forecast.h - what every shard will carry, now and as it is split.  Internal to plan_up.
 */
#ifndef SCALING_FORECAST_H
#define SCALING_FORECAST_H

#include "scaling/plan_up.h"

/* Why a leaf is not split. */
enum leaf_state {
    LEAF_FREE,
    LEAF_HOT_KEY,     /* by its neighbours of today */
    LEAF_HOT_LINEAGE, /* by the splits of the past */
    LEAF_NARROW
};

/* An open shard of the present, or one that a planned split would open. */
struct leaf {
    struct shard shard;
    double load; /* in shards' worth of capacity */
    double rank; /* the highest is split first; rounded, so that AWS's uneven rounding makes no order */
    enum leaf_state state;
};

struct forecast {
    const struct up_facts *facts;
    double *divisible;   /* of each shard of the map: the load that splits divide, so not that of a hot key */
    struct leaf *leaves; /* the shards of the map in their order; a split leaf becomes its lower half */
    size_t count;
    size_t capacity;
    size_t *heap; /* indices into leaves, the next to split on top; what cannot be split is not in it */
    size_t heap_count;
    bool measured; /* some demand is known; otherwise a leaf's load is its share */
    bool by_shard; /* the demand of some shard is known */
    bool uniform;  /* nothing tells one shard from another but its width */
    double widest; /* shares of the widest and narrowest shard of the map */
    double narrowest;
    size_t alarming; /* shards named by an alarm */
};

/* Cleared with forecast_clear(). */
void forecast_init(struct forecast *forecast, const struct up_facts *facts);
void forecast_clear(struct forecast *forecast);

/* The leaf that would be split next, or NULL when there is none that can be. */
const struct leaf *forecast_top(const struct forecast *forecast);
/* Splits it, the load too.  When it cannot be: false, and it is left out from now on. */
bool forecast_split(struct forecast *forecast, struct operation *ret_operation);

/* The fullest leaf, whether it can be split or not. */
const struct leaf *forecast_fullest(const struct forecast *forecast);
/* The fullest of those that cannot be split, or NULL. */
const struct leaf *forecast_stuck(const struct forecast *forecast);

/* What the fullest of `count` even shards would carry, hot keys left aside. */
double forecast_even_load(const struct forecast *forecast, int64_t count);
/* Before anything is split: how many shards are as wide as the widest. */
int64_t forecast_widest_count(const struct forecast *forecast);
/* Multiplies all loads. */
void forecast_scale(struct forecast *forecast, double factor);

#endif
