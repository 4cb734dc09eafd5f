/*
 * cost.h - what a stream costs, in US dollars.
 *
 * Pure.  One table of prices, each with where it was read and when; prices move, and differ between regions, so
 * each can be set to another value by its name.  What a thing costs is a quantity times its price and nothing
 * else: taxes, free tiers, volume discounts, retention beyond a day and readers with enhanced fan-out are left out.
 */
#ifndef SCALING_COST_H
#define SCALING_COST_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* The region that the built-in prices are of. */
#define PRICE_REGION "us-east-1"

/* CloudWatch prices by the month; AWS's own price lists count 730 hours in one. */
#define HOURS_PER_MONTH 730.0

enum price {
    PRICE_SHARD_HOUR,
    PRICE_PUT_UNITS,        /* a million PUT payload units of up to 25 KB of one record */
    PRICE_ON_DEMAND_HOUR,   /* on-demand standard: a stream, for an hour */
    PRICE_ON_DEMAND_GIB_IN, /* the same: records rounded up to 1 KB each */
    PRICE_ON_DEMAND_GIB_OUT, /* the same: read by a consumer; no source says that reads are rounded up, so none is */
    PRICE_ADVANTAGE_GIB_IN, /* on-demand advantage: no charge for the stream itself */
    PRICE_ADVANTAGE_GIB_OUT,
    PRICE_ALARM_MONTH,         /* an alarm of standard resolution, for each metric it looks at */
    PRICE_CUSTOM_METRIC_MONTH, /* shard-level metrics are billed as these, one for each metric and shard */
    PRICE_METRIC_REQUESTS, /* a thousand metrics that GetMetricData was asked for: no free tier has them */
    PRICE_COUNT
};

struct price_row {
    const char *name; /* "shard-hour": what price_list_set() knows it by */
    const char *unit; /* what the price is for */
    double dollars;
    const char *source;
    const char *read_on; /* YYYY-MM-DD */
};
extern const struct price_row price_rows[PRICE_COUNT];

struct price_list {
    double dollars[PRICE_COUNT];
};
/* The prices of PRICE_REGION. */
struct price_list price_list_default(void);
enum { PRICE_MAX = 1000000 }; /* no price is near it: a slip */
/* "NAME=DOLLARS", as "shard-hour=0.018": 0 to PRICE_MAX.  ERROR_CONFIG with what is allowed. */
int price_list_set(struct price_list *prices, const char *assignment, struct error *err);

/* ---- dollars; quantities are 0 or more */

double cost_shard_hours(const struct price_list *prices, double shard_hours);
/* `units`: one for every started 25 KB (25,600 bytes) of a record. */
double cost_put_units(const struct price_list *prices, double units);
/* `alarm_hours`: alarms times the hours each stood, for alarms on one metric. */
double cost_alarms(const struct price_list *prices, double alarm_hours);
/* `metric_hours`: custom metrics times the hours each was sent. */
double cost_custom_metrics(const struct price_list *prices, double metric_hours);

/* `metrics`: each metric in each call of GetMetricData. */
double cost_metric_requests(const struct price_list *prices, double metrics);

/* What went through an on-demand stream, or would have. */
struct usage {
    double hours;
    double kib;     /* written, each record rounded up to whole KiB */
    double bytes;   /* of all records as they are */
    double readers; /* each reads everything once */
};
double cost_on_demand(const struct price_list *prices, const struct usage *usage);
/* Without what the account commits itself to in this mode: that is shared by all its streams. */
double cost_on_demand_advantage(const struct price_list *prices, const struct usage *usage);

#endif
