/*
 * load.h - how much the producers want to write, from what CloudWatch says.
 *
 * Pure.  IncomingBytes and IncomingRecords count what was accepted; a stream
 * that throttles reads "full", never "more".  So demand = accepted + rejected
 * records (WriteProvisionedThroughputExceeded, Sum) times the mean size of a
 * record in that minute.
 */
#ifndef SCALING_LOAD_H
#define SCALING_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One period of Sums; NAN where CloudWatch had no datapoint. */
struct load_point {
    int64_t start_ms;
    int64_t period_ms;
    double bytes;
    double records;
    double throttled_records;
}; /* what is negative, infinite or beyond 10^18 counts as no datapoint */

/* As it can be: NAN for what counts as no datapoint. */
double load_sum(double sum);

/* Loads, shares and thresholds that differ by less than this part of themselves are equal: rounding. */
#define LOAD_SLACK 1e-9

/*
 * A scale-up that has opened what it aimed at goes on only when a shard is above target_utilization by more than this
 * part of it.  A demand with rejected records is an estimate: they are counted with the mean size of the accepted ones,
 * which is another one every minute.  Without this, a target that was hit exactly would cost a generation more.
 */
#define GOAL_SLACK 0.01

/*
 * Rejected records are counted once per attempt, and producers try again, so a
 * throttled minute can report many times the records that exist.  Demand is
 * believed up to this many times what was accepted; the next look corrects it.
 */
#define DEMAND_OVER_ACCEPTED_MAX 4.0

struct demand {
    bool known;         /* at least one point with bytes or records */
    double bytes_per_s; /* the worst point of the window, with throttled records counted in */
    double records_per_s;
    double accepted_bytes_per_s; /* of the same worst points, without them */
    double accepted_records_per_s;
    double throttled_records_per_s; /* of the worst point for it */
    int64_t worst_at_ms;
    double slope_bytes_per_s2; /* least squares over the window; 0 when fewer than 3 points */
    double slope_records_per_s2;
    size_t points; /* points with data */
    /* Only the newest point has throttled records: a jump inside it looks the same as skew, and one more minute tells. */
    bool sudden;
};

/* Points in any order.  Bytes and records take their worst point each on its own. */
struct demand load_demand(const struct load_point *points, size_t count);

/*
 * What each point demanded, in shards' worth by the tighter of bytes and records, rejected records counted in.  NAN
 * where one of the two is not known.  `ret` has `count` places.
 */
void load_worth(const struct load_point *points, size_t count, float *ret);

/* Share of a capacity of `shards` shards, by the tighter of bytes and records; accepted load only when asked.
 * NAN when the demand is not known or there are no shards. */
double demand_utilization(const struct demand *demand, double shards);
double demand_accepted_utilization(const struct demand *demand, double shards);

#endif
