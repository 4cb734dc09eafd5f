/*
 * sim_model.h - a simulated account for tests of the model, without its wire.
 */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "../../src/sim/model.h"

#define MINUTES(n) ((int64_t)(n)*60000)
#define HOURS(n) ((int64_t)(n)*3600000)

/* 2026-01-01T00:00:00Z, a whole minute and day */
#define SIM_START INT64_C(1767225600000)

/* Everything at its default, 75 s of metric delay, from SIM_START; quotas off. */
struct sim *test_sim(void);
/* As above with what the caller sets; start_ms and metric_delay_ms (when 0) are filled in. */
struct sim *test_sim_with(struct sim_options options);
/* An ACTIVE stream; time goes on by create_ms. */
struct stream *test_stream(struct sim *sim, const char *name, int64_t shards);
void test_traffic(struct sim *sim, const char *stream, const char *load, int64_t record_bytes,
                  const char *keys);
/* Fails the test unless the open shards, hidden ones included, cover every key once. */
void assert_partition(const struct stream *stream);
/* "Sum" and the like over [start, end) as GetMetricStatistics gives it; NAN when there is no datapoint. */
double test_metric(struct sim *sim, const char *metric, const char *stream, const char *shard,
                   const char *statistic, int64_t start_ms, int64_t end_ms);

#endif
