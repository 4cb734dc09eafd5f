/*
 * trace.c - recorded traffic from CSV files.
 *
 * Four forms, told apart by their header: `timestamp,value`, `minute,value`, `timestamp,bytes,records` and
 * `minute,bytes,records`.
 * A row stands until the next one.  Anything else is refused with file and line: a trace that is read
 * wrong gives a wrong verdict on a policy.
 */
#include "load.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>

static const struct form {
    const char *header;
    bool minutes; /* the first column is a number of minutes, not a date */
    int columns;
} forms[] = {
    {"timestamp,value", false, 2},
    {"minute,value", true, 2},
    {"timestamp,bytes,records", false, 3},
    {"minute,bytes,records", true, 3},
};

static const double value_max = 1e15;

static const struct form *find_form(const char *header)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (text_equal(header, forms[i].header))
            return &forms[i];
    }
    return NULL;
}

/* "2014-04-10 00:04:00" is the other common way to write "2014-04-10T00:04:00Z". */
static bool parse_date(const char *text, int64_t *ret_ms)
{
    char date[DATE_SIZE + 8];

    if (date_parse(text, ret_ms))
        return true;
    if (strlen(text) != 19 || text[10] != ' ')
        return false;
    snprintf(date, sizeof(date), "%.10sT%.8sZ", text, text + 11);
    return date_parse(date, ret_ms);
}

static bool parse_time(const struct form *form, const char *text, int64_t *ret_ms)
{
    int64_t minute;

    if (!form->minutes)
        return parse_date(text, ret_ms);
    if (!number_parse(text, 0, INT32_MAX, &minute))
        return false;
    *ret_ms = minute * 60000;
    return true;
}

static bool parse_value(const char *text, double *ret_value)
{
    return number_parse_double(text, ret_value) && *ret_value >= 0 && *ret_value <= value_max;
}

/* `records` is -1 when nothing is said of them. */
static int check_records(const struct trace_row *row, const char *const *cells, const char *where,
                         struct error *err)
{
    static const double hair = 1 + 1e-9; /* of what was multiplied before it was written */

    if (row->bytes > 0 && row->records == 0)
        return error_set(err, ERROR_INPUT, "%s: %.64s bytes in no record", where, cells[1]);
    if (row->records > 0 && row->bytes > row->records * SIM_RECORD_BYTES_MAX * hair)
        return error_set(err, ERROR_INPUT,
                         "%s: %.64s bytes in %.64s records: Kinesis takes at most %d bytes in one", where,
                         cells[1], cells[2], SIM_RECORD_BYTES_MAX);
    return 0;
}

static int bad_time(const struct form *form, const char *text, const char *where, struct error *err)
{
    if (form->minutes)
        return error_set(err, ERROR_INPUT, "%s: '%.64s' is not a minute, a whole number from 0 to %d", where,
                         text, INT32_MAX);
    return error_set(err, ERROR_INPUT,
                     "%s: '%.64s' is not a timestamp such as 2026-03-02T07:05:00Z, 2026-03-02T08:05:00+01:00 "
                     "or 2026-03-02 07:05:00 (UTC)",
                     where, text);
}

static int parse_row(const struct form *form, char *line, struct trace_row *ret_row, const char *where,
                     struct error *err)
{
    const char *cells[4] = {"", "", "", ""};
    int count = 0;
    struct trace_row row = {.records = -1};

    for (char *cell; (cell = text_split(&line, ',')) != NULL; count++) {
        if (count < 4)
            cells[count] = cell;
    }
    if (count != form->columns)
        return error_set(err, ERROR_INPUT, "%s: %d columns, not %d", where, form->columns, count);
    if (!parse_time(form, cells[0], &row.at_ms))
        return bad_time(form, cells[0], where, err);
    if (!parse_value(cells[1], &row.bytes))
        return error_set(err, ERROR_INPUT, "%s: '%.64s' is not a value of 0 to 1e15", where, cells[1]);
    if (form->columns == 3 && !parse_value(cells[2], &row.records))
        return error_set(err, ERROR_INPUT, "%s: '%.64s' is not a value of 0 to 1e15", where, cells[2]);
    if (check_records(&row, cells, where, err) < 0)
        return -1;
    *ret_row = row;
    return 0;
}

static int add_row(struct trace *trace, size_t *capacity, const struct trace_row *row, const char *where,
                   struct error *err)
{
    if (trace->count > 0 && row->at_ms <= trace->rows[trace->count - 1].at_ms)
        return error_set(err, ERROR_INPUT, "%s: not later than the row before, in line %d", where,
                         trace->rows[trace->count - 1].line);
    if (trace->count == TRACE_ROWS_MAX)
        return error_set(err, ERROR_INPUT, "%s: more than %d rows", where, TRACE_ROWS_MAX);
    if (trace->count == *capacity) {
        *capacity = *capacity == 0 ? 1024 : 2 * *capacity;
        trace->rows = must_realloc(trace->rows, *capacity, sizeof(*trace->rows));
    }
    trace->rows[trace->count++] = *row;
    return 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double nearest_rank(double *values, size_t count, double fraction)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[(size_t)ceil(fraction * (double)count) - 1];
}

static double percentile(const struct trace *trace, double fraction)
{
    double *values = must_calloc(trace->count, sizeof(*values));
    double found;

    for (size_t i = 0; i < trace->count; i++)
        values[i] = trace->rows[i].bytes;
    found = nearest_rank(values, trace->count, fraction);
    free(values);
    return found;
}

/* The median of the steps; gaps are fewer than half. */
static int64_t common_step_ms(const struct trace *trace)
{
    double *steps;
    int64_t median;

    if (trace->count < 2)
        return 60000;
    steps = must_calloc(trace->count - 1, sizeof(*steps));
    for (size_t i = 0; i + 1 < trace->count; i++)
        steps[i] = (double)(trace->rows[i + 1].at_ms - trace->rows[i].at_ms);
    median = (int64_t)nearest_rank(steps, trace->count - 1, 0.5);
    free(steps);
    return median;
}

static int finish(struct trace *trace, const char *name, struct error *err)
{
    int64_t first_ms;

    if (trace->count == 0)
        return error_set(err, ERROR_INPUT, "%s: no rows", name);
    first_ms = trace->first_ms = trace->rows[0].at_ms;
    for (size_t i = 0; i < trace->count; i++)
        trace->rows[i].at_ms -= first_ms;
    trace->end_ms = trace->rows[trace->count - 1].at_ms + common_step_ms(trace);
    trace->percentile = percentile(trace, 0.999);
    /* Bytes may stand as they are; a count means nothing until it is scaled. */
    if (trace->percentile <= 0 && trace->rows[0].records < 0)
        return error_set(err, ERROR_INPUT, "%s: the 99.9th percentile is 0, there is no load to scale", name);
    return 0;
}

int model_trace_parse(const char *name, char *text, size_t length, struct trace *ret_trace, struct error *err)
{
    SCOPED(model_trace_clear) struct trace trace = {0};
    const struct form *form = NULL;
    size_t capacity = 0;
    int line_number = 0;

    if (strlen(text) != length)
        return error_set(err, ERROR_INPUT, "%s: has a NUL byte", name);
    if (text_starts_with(text, "\xEF\xBB\xBF"))
        return error_set(err, ERROR_INPUT, "%s:1: begins with a byte order mark; save it without", name);
    for (char *line; (line = text_split(&text, '\n')) != NULL;) {
        char where[320];
        struct trace_row row;

        line_number++;
        snprintf(where, sizeof(where), "%.256s:%d", name, line_number);
        if (form == NULL) {
            form = find_form(line);
            if (form == NULL)
                return error_set(err, ERROR_INPUT,
                                 "%s: the header must be 'timestamp,value', 'minute,value', "
                                 "'timestamp,bytes,records' or 'minute,bytes,records'",
                                 where);
            continue;
        }
        if (line[0] == '\0')
            continue;
        if (parse_row(form, line, &row, where, err) < 0)
            return -1;
        row.line = line_number;
        if (add_row(&trace, &capacity, &row, where, err) < 0)
            return -1;
    }
    if (finish(&trace, name, err) < 0)
        return -1;
    trace.dated = form != NULL && !form->minutes;
    *ret_trace = trace;
    trace = (struct trace){0};
    return 0;
}

void model_trace_clear(struct trace *trace)
{
    free(trace->rows);
    *trace = (struct trace){0};
}
