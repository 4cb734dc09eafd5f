/*
 * route.h - the ways to reach what a plan aims at, and the best of them.  Internal to the planners.
 */
#ifndef SCALING_ROUTE_H
#define SCALING_ROUTE_H

#include "forecast.h"

/* What the reshardings are for. */
struct aim {
    double target;               /* no shard may carry more; INFINITY: only the count matters */
    int64_t floor;               /* so many shards at least */
    int64_t ceiling;             /* so many at most */
    enum up_limit ceiling_limit; /* and what sets it */
    int64_t account;             /* open at once at most, short-lived ones included; INT64_MAX when unknown */
    double partial_above;        /* a part of a generation only while the fullest carries more than this */
};

/*
 * Finds the quickest way and writes the plan's operations, shards, peak, seconds, limit and
 * utilization_after.  No operation when nothing helps.  Uses up the forecast.
 */
void route_find(const struct up_facts *facts, enum up_basis basis, const struct aim *aim,
                struct forecast *forecast, struct up_plan *plan);

/* How long UpdateShardCount takes to reach `target`, by the stream's own figure when it has one. */
double route_update_seconds(double per_shard, double target);

#endif
