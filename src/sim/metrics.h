/*
 * metrics.h - datapoints of one minute, kept for fifteen days, seen a while after their minute has ended.
 */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include "model.h"

enum { MINUTE_MS = 60000 };

struct metrics *model_metrics_new(void);
void model_metrics_free(struct metrics *metrics);
/* Forgets datapoints before that hour, and series without datapoints or users.  Once an hour is enough. */
void model_metrics_sweep(struct metrics *metrics, int64_t before_ms);

/* The series of this name, made when missing; it stays until everybody who pinned it has unpinned it. */
struct series *model_series_pin(struct metrics *metrics, const struct metric_name *name);
void model_series_unpin(struct series *series); /* accepts NULL */
/* NULL when there is none. */
const struct series *model_series_find(const struct metrics *metrics, const struct metric_name *name);
const char *model_series_unit(const struct series *series);
void model_series_set_unit(struct series *series, const char *unit);

/* Adds to what the minute of point->at_ms has. */
void model_series_add(struct series *series, const struct datapoint *point);
/* All minutes that begin in [start_ms, end_ms) as one datapoint at start_ms; false when there is none. */
bool model_series_read(const struct series *series, int64_t start_ms, int64_t end_ms,
                       struct datapoint *ret_point);
/* Where the newest minute that can be read ends. */
int64_t model_visible_end(const struct sim *sim);

/* "Sum", "Average", "Minimum", "Maximum", "SampleCount"; NAN for others, which the model cannot compute. */
double model_statistic(const struct datapoint *point, const char *statistic);
bool model_metric_name_equal(const struct metric_name *a, const struct metric_name *b);

#endif
