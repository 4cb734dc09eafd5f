/*
 * load.c - how much the producers want to write, from what CloudWatch says.
 */
#include "scaling/load.h"

#include "scaling/limits.h"

#include <math.h>

/* More than ten thousand full shards write in a year: not a measurement. */
#define SUM_MAX 1e18

double load_sum(double sum)
{
    return sum >= 0 && sum <= SUM_MAX ? sum : NAN;
}

/* The rates of one point; NAN where there was no datapoint. */
struct rates {
    double bytes, records; /* demanded */
    double accepted_bytes, accepted_records;
    double throttled;
};

/* Bytes of a record: of this point, else of the window; 0 when nothing was accepted at all. */
static double mean_size(const struct load_point *point, double window_mean)
{
    double bytes = load_sum(point->bytes), records = load_sum(point->records);

    return bytes > 0 && records > 0 ? bytes / records : window_mean;
}

static double window_mean_size(const struct load_point *points, size_t count)
{
    double bytes = 0, records = 0;

    for (size_t i = 0; i < count; i++) {
        if (load_sum(points[i].bytes) > 0 && load_sum(points[i].records) > 0) {
            bytes += points[i].bytes;
            records += points[i].records;
        }
    }
    return records > 0 ? bytes / records : 0;
}

static double with_throttled(double accepted, double throttled)
{
    return isnan(accepted) ? NAN : fmin(accepted + throttled, accepted * DEMAND_OVER_ACCEPTED_MAX);
}

/* False when the point says nothing. */
static bool point_rates(const struct load_point *point, double window_mean, struct rates *ret_rates)
{
    double seconds = (double)point->period_ms / 1000;
    struct rates rates;

    if (point->period_ms <= 0 || (isnan(load_sum(point->bytes)) && isnan(load_sum(point->records))))
        return false;
    rates.throttled = isnan(load_sum(point->throttled_records)) ? 0 : point->throttled_records / seconds;
    rates.accepted_bytes = load_sum(point->bytes) / seconds;
    rates.accepted_records = load_sum(point->records) / seconds;
    rates.bytes = with_throttled(rates.accepted_bytes, rates.throttled * mean_size(point, window_mean));
    rates.records = with_throttled(rates.accepted_records, rates.throttled);
    *ret_rates = rates;
    return true;
}

/* Least squares in one pass, with times relative to the first so that no digits are lost. */
struct line {
    size_t count;
    double t, y, tt, ty;
};

static void line_add(struct line *line, double t, double y)
{
    if (isnan(y))
        return;
    line->count++;
    line->t += t;
    line->y += y;
    line->tt += t * t;
    line->ty += t * y;
}

static double line_slope(const struct line *line)
{
    double n = (double)line->count;
    double spread = n * line->tt - line->t * line->t;

    return line->count < 3 || spread <= 0 ? 0 : (n * line->ty - line->t * line->y) / spread;
}

/* Is `rate` the worst so far?  Of equal ones the later counts. */
static bool is_worse(double rate, int64_t at_ms, double worst, int64_t worst_at_ms)
{
    return !isnan(rate) && (isnan(worst) || rate > worst || (rate >= worst && at_ms > worst_at_ms));
}

struct demand load_demand(const struct load_point *points, size_t count)
{
    struct demand demand = {0};
    double window_mean = window_mean_size(points, count);
    double worst_bytes = NAN, worst_records = NAN;
    int64_t bytes_at_ms = 0, records_at_ms = 0;
    struct line bytes_line = {0}, records_line = {0};
    int64_t newest_ms = INT64_MIN, throttled_at_ms = INT64_MIN;
    size_t throttled_points = 0;

    for (size_t i = 0; i < count; i++) {
        double t = (double)(points[i].start_ms - points[0].start_ms) / 1000;
        struct rates rates;

        if (!point_rates(&points[i], window_mean, &rates))
            continue;
        demand.points++;
        newest_ms = points[i].start_ms > newest_ms ? points[i].start_ms : newest_ms;
        if (rates.throttled > 0) {
            throttled_points++;
            throttled_at_ms = points[i].start_ms;
        }
        demand.throttled_records_per_s = fmax(demand.throttled_records_per_s, rates.throttled);
        line_add(&bytes_line, t, rates.bytes);
        line_add(&records_line, t, rates.records);
        if (is_worse(rates.bytes, points[i].start_ms, worst_bytes, bytes_at_ms)) {
            worst_bytes = demand.bytes_per_s = rates.bytes;
            demand.accepted_bytes_per_s = rates.accepted_bytes;
            bytes_at_ms = points[i].start_ms;
        }
        if (is_worse(rates.records, points[i].start_ms, worst_records, records_at_ms)) {
            worst_records = demand.records_per_s = rates.records;
            demand.accepted_records_per_s = rates.accepted_records;
            records_at_ms = points[i].start_ms;
        }
    }
    demand.known = demand.points > 0;
    demand.sudden = throttled_points == 1 && throttled_at_ms == newest_ms;
    demand.slope_bytes_per_s2 = line_slope(&bytes_line);
    demand.slope_records_per_s2 = line_slope(&records_line);
    if (isnan(worst_records) || worst_bytes / SHARD_BYTES_PER_S >= worst_records / SHARD_RECORDS_PER_S)
        demand.worst_at_ms = bytes_at_ms;
    else
        demand.worst_at_ms = records_at_ms;
    return demand;
}

static double tighter(double bytes_per_s, double records_per_s, double shards)
{
    return fmax(bytes_per_s / SHARD_BYTES_PER_S, records_per_s / SHARD_RECORDS_PER_S) / shards;
}

void load_worth(const struct load_point *points, size_t count, float *ret)
{
    double window_mean = window_mean_size(points, count);

    for (size_t i = 0; i < count; i++) {
        struct rates rates;

        ret[i] = NAN;
        if (point_rates(&points[i], window_mean, &rates) && !isnan(rates.bytes) && !isnan(rates.records))
            ret[i] = (float)tighter(rates.bytes, rates.records, 1);
    }
}

double demand_utilization(const struct demand *demand, double shards)
{
    return demand->known && shards > 0 ? tighter(demand->bytes_per_s, demand->records_per_s, shards) : NAN;
}

double demand_accepted_utilization(const struct demand *demand, double shards)
{
    return demand->known && shards > 0
               ? tighter(demand->accepted_bytes_per_s, demand->accepted_records_per_s, shards)
               : NAN;
}
