/*
 * day.h - for the tests of scale-downs: a day of a stream, in five-minute periods.
 */
#ifndef TESTS_DAY_H
#define TESTS_DAY_H

#include "partition.h"
#include "scaling/plan_down.h"

enum { DAY_PERIODS = 288, DAY_PERIOD_MS = 300000, DAY_SHARDS_MAX = 64 };

/* 2026-11-20T08:00:00Z */
#define DAY_START_MS INT64_C(1795161600000)

struct day {
    struct stream_config config; /* plain_stream's, threshold 50 % */
    struct shard_map map;
    struct load_point points[DAY_PERIODS];
    bool witnessed[DAY_PERIODS];
    struct load_point *rows[DAY_SHARDS_MAX]; /* day_by_shard() */
    struct down_facts facts;
};

/* What so many shards' worth of bytes and records is in a period. */
struct load_point day_point(int64_t start_ms, double bytes, double records);

/* A day of `shards` even shards that carry `load` by their bytes, and half of it by their records. */
void day_init(struct day *day, unsigned shards, double load);
void day_clear(struct day *day);
/* The same in every period, as above; a load of -1 is no datapoint.  The stream's points stay. */
void day_by_shard(struct day *day, const double *loads);

#endif
