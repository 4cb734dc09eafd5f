/*
 * minutes.c - recorded traffic as one row a minute, whatever its steps were.
 *
 * A row is what one minute brought, the one that its time lies in.
 */
#include "load.h"

#include "base/file.h"
#include "base/memory.h"

enum { MINUTE_MS = 60000, MINUTES_MAX = TRACE_ROWS_MAX };

void sim_load_clear(struct sim_load *load)
{
    free(load->minutes);
    *load = (struct sim_load){0};
}

/* Rows begin with their minutes from here on.  Of two in one minute neither would be what the minute brought. */
static int align(struct trace *trace, const char *name, struct error *err)
{
    int64_t past_minute_ms = trace->first_ms % MINUTE_MS;

    for (size_t i = 0; i < trace->count; i++) {
        struct trace_row *row = &trace->rows[i];

        row->at_ms = (row->at_ms + past_minute_ms) / MINUTE_MS * MINUTE_MS;
        if (i > 0 && row->at_ms == row[-1].at_ms)
            return error_set(err, ERROR_CONFIG,
                             "%s:%d: is of the same minute as line %d; a load has one row a minute, or fewer",
                             name, row->line, row[-1].line);
    }
    trace->first_ms -= past_minute_ms;
    return 0;
}

/* Row `row` is the last one at or before `at_ms`. */
static double between(const struct trace *trace, size_t row, int64_t at_ms, bool records)
{
    const struct trace_row *from = &trace->rows[row], *to = from + 1;
    double first = records ? from->records : from->bytes, second, part;

    if (row + 1 == trace->count)
        return first;
    second = records ? to->records : to->bytes;
    part = (double)(at_ms - from->at_ms) / (double)(to->at_ms - from->at_ms);
    return first + (second - first) * part;
}

/* The last row stands for one more step. */
static int resample(const struct trace *trace, int64_t step_ms, const char *name, struct sim_load *load,
                    struct error *err)
{
    int64_t last_ms = trace->rows[trace->count - 1].at_ms;
    int64_t count = (last_ms + step_ms + MINUTE_MS - 1) / MINUTE_MS;
    bool has_records = trace->rows[0].records >= 0;
    size_t row = 0;

    if (count > MINUTES_MAX)
        return error_set(
            err, ERROR_CONFIG,
            "%s: its last row is %lld minutes after its first one and stands for %lld; a load has "
            "at most %d minutes",
            name, (long long)(last_ms / MINUTE_MS), (long long)(count - last_ms / MINUTE_MS), MINUTES_MAX);
    load->minutes = must_calloc((size_t)count, sizeof(*load->minutes));
    load->count = (size_t)count;
    for (size_t minute = 0; minute < load->count; minute++) {
        int64_t at_ms = (int64_t)minute * MINUTE_MS;

        while (row + 1 < trace->count && trace->rows[row + 1].at_ms <= at_ms)
            row++;
        load->minutes[minute].bytes = between(trace, row, at_ms, false);
        if (has_records)
            load->minutes[minute].records = between(trace, row, at_ms, true);
    }
    return 0;
}

/* Of `bytes`. */
static double percentile(const struct sim_load *load, double fraction)
{
    double *values = must_calloc(load->count, sizeof(*values));
    double found;

    for (size_t i = 0; i < load->count; i++)
        values[i] = load->minutes[i].bytes;
    found = nearest_rank(values, load->count, fraction);
    free(values);
    return found;
}

/* Counts become bytes, so that the 99.9th percentile minute is the peak. */
static int scale(struct sim_load *load, const struct sim_load_options *options, const char *name,
                 struct error *err)
{
    double top = percentile(load, 0.999);

    if (top <= 0)
        return error_set(err, ERROR_CONFIG, "%s: the 99.9th percentile is 0, there is no load to scale",
                         name);
    for (size_t i = 0; i < load->count; i++) {
        load->minutes[i].bytes *= options->peak_bytes_s * 60 / top;
        load->minutes[i].records = load->minutes[i].bytes / (double)options->record_bytes;
    }
    return 0;
}

static void count_gaps(const struct trace *trace, struct sim_load *load)
{
    for (size_t i = 1; i < trace->count; i++) {
        int64_t apart_ms = trace->rows[i].at_ms - trace->rows[i - 1].at_ms;
        int64_t missing = (apart_ms - load->step_ms) / MINUTE_MS;

        if (missing <= 0)
            continue;
        load->gap_minutes += missing;
        if (missing > load->longest_gap)
            load->longest_gap = missing;
    }
}

static int make_load(struct trace *trace, const char *name, const struct sim_load_options *options,
                     struct sim_load *load, struct error *err)
{
    bool has_bytes = trace->rows[0].records >= 0;
    int64_t step_ms = trace->end_ms - trace->rows[trace->count - 1].at_ms;

    if (has_bytes && options->peak_bytes_s > 0)
        return error_set(err, ERROR_CONFIG, "%s: says bytes and records itself, no --peak scales it", name);
    if (!has_bytes && options->peak_bytes_s <= 0)
        return error_set(
            err, ERROR_CONFIG,
            "%s: has counts only; --peak MIB_S says what its 99.9th percentile minute stands for", name);
    if (align(trace, name, err) < 0 || resample(trace, step_ms, name, load, err) < 0)
        return -1;
    load->start_ms = trace->dated ? trace->first_ms : 0;
    load->has_bytes = has_bytes;
    load->step_ms = step_ms;
    count_gaps(trace, load);
    return has_bytes ? 0 : scale(load, options, name, err);
}

int sim_load_read(const char *path, const struct sim_load_options *options, struct sim_load *ret_load,
                  struct error *err)
{
    SCOPED(free_text) char *text = NULL;
    SCOPED(model_trace_clear) struct trace trace = {0};
    SCOPED(sim_load_clear) struct sim_load load = {0};
    size_t length;

    if (file_read_once(path, TRACE_FILE_MAX, &text, &length, err) < 0 ||
        model_trace_parse(path, text, length, &trace, err) < 0) {
        err->kind = ERROR_CONFIG;
        return -1;
    }
    if (make_load(&trace, path, options, &load, err) < 0)
        return -1;
    *ret_load = load;
    load = (struct sim_load){0};
    return 0;
}
