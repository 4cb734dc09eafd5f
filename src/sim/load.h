/*
 * load.h - how many bytes and records per second producers offer, as a function of time.
 *
 * Every load is a staircase: constant, steps and trace are ones by nature; ramp, sine and day move in steps
 * of ten seconds that carry the curve's value at their middle.  So the traffic of any span is a sum over
 * few exact pieces.
 */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "base/error.h"
#include "sim/sim.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_FILE_MAX = 64 << 20,
    TRACE_ROWS_MAX = 2000000,
    LOAD_STEPS_MAX = 10000,
};

struct load;

/* `text` as in sim_set_traffic().  ERROR_INPUT, or file_read()'s kinds for a trace. */
int model_load_parse(const char *text, int64_t record_bytes, struct load **ret_load, struct error *err);
/* What is offered minute by minute, and nothing after; copied. */
struct load *model_load_of_minutes(const struct sim_minute *minutes, size_t count);
void model_load_free(struct load *load);

struct offer {
    double bytes_s, records_s;
    int64_t until_ms; /* it stays so until then; INT64_MAX: for ever */
};
/* since_ms: when the load began. */
struct offer model_load_at(const struct load *load, int64_t since_ms, int64_t now_ms);

/* ---- trace files */

struct trace_row {
    int64_t at_ms;  /* from the first row */
    double bytes;   /* or the count of a `value` column */
    double records; /* -1 when the file has none */
    int line;       /* of the file */
};
struct trace {
    struct trace_row *rows; /* at_ms rises from row to row */
    size_t count;           /* at least 1 */
    bool dated;             /* rows have timestamps, not numbers of minutes */
    int64_t first_ms;       /* of the first row: Unix milliseconds, or 60,000 times its minute */
    int64_t end_ms;         /* of the last row's step, which is taken to be as long as the commonest one */
    double percentile;      /* the 99.9th of `bytes`; more than 0 when the file has no records */
};
/* CSV text, changed in place; `name` is for error texts ("trace.csv:12: ...").  ERROR_INPUT. */
int model_trace_parse(const char *name, char *text, size_t length, struct trace *ret_trace,
                      struct error *err);
void model_trace_clear(struct trace *trace);
/* The value below or at which `fraction` (above 0, at most 1) of at least one value lie; sorts them. */
double nearest_rank(double *values, size_t count, double fraction);

#endif
