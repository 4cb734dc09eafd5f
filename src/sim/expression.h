/*
 * expression.h - metric queries on a grid of periods, with as much metric math as scaling alarms use.
 *
 * Numbers, ids, + - * / and parentheses, FILL(series, number|REPEAT), PERIOD(id), and AVG, MAX, MIN, SUM of a
 * list ([e1, e2]: period by period) or of one series (a single number).  A missing datapoint is NAN and makes
 * arithmetic with it missing; the functions of lists pass over it.
 */
#ifndef SIM_EXPRESSION_H
#define SIM_EXPRESSION_H

#include "metrics.h"

enum { EXPRESSION_DEPTH_MAX = 64 };

struct grid {
    int64_t first_ms, period_ms;
    size_t count; /* 0: only the expressions are checked */
};

/* Reads one metric on the grid, as far as it is visible; `series` may be NULL: all missing. */
void model_read_grid(const struct sim *sim, const struct series *series, const char *stat,
                     const struct grid *grid, double *values);
/*
 * The value of queries[index] in each period: `values` holds grid->count.  ERROR_INPUT for an expression that
 * is none, an unknown id, or one that needs itself.
 */
int model_math(const struct sim *sim, const struct data_query *queries, size_t query_count, size_t index,
               const struct grid *grid, double *values, struct error *err);

#endif
