/*
 * read.c - CloudWatch: GetMetricData, GetMetricStatistics and PutMetricData.
 */
#include "expression.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>

enum { HTTP_REFUSED = 400, DATAPOINTS_MAX = 100800, STATISTICS_MAX = 1440 };
static const int64_t time_max_ms = 253402300800000; /* the year 10000 */
static const int64_t two_weeks_ms = 14 * 86400000LL, two_hours_ms = 2 * 3600000;

void model_metric_name_clear(struct metric_name *metric)
{
    for (size_t i = 0; i < metric->dimension_count; i++) {
        free(metric->dimensions[i].name);
        free(metric->dimensions[i].value);
    }
    free(metric->dimensions);
    free(metric->namespace);
    free(metric->name);
    *metric = (struct metric_name){0};
}

void model_data_queries_clear(struct data_query *queries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct data_query *query = &queries[i];

        model_metric_name_clear(&query->metric);
        free(query->id);
        free(query->expression);
        free(query->label);
        free(query->stat);
        free(query->unit);
        free(query->account_id);
    }
    free(queries);
}

void model_data_answer_clear(struct data_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        free(answer->items[i].id);
        free(answer->items[i].label);
        free(answer->items[i].times_ms);
        free(answer->items[i].values);
    }
    free(answer->items);
    *answer = (struct data_answer){0};
}

static int invalid(struct fault *fault, const char *text)
{
    return model_fault(fault, "ValidationException", HTTP_REFUSED, "%s", text);
}

static bool is_period(int64_t period_s)
{
    return period_s == 1 || period_s == 5 || period_s == 10 || period_s == 30 ||
           (period_s > 0 && period_s % 60 == 0);
}

/* ---- GetMetricData */

/* An expression has its own period, or the longest of the metrics in the request. */
static int64_t period_of(const struct data_request *request, size_t index)
{
    int64_t longest = 0;

    if (request->queries[index].period_s > 0)
        return request->queries[index].period_s;
    for (size_t i = 0; i < request->count; i++) {
        if (request->queries[i].expression == NULL && request->queries[i].period_s > longest)
            longest = request->queries[i].period_s;
    }
    return longest > 0 ? longest : 60;
}

/* Periods begin at multiples of themselves; the first is the one `start_ms` falls into. */
static struct grid grid_of(int64_t start_ms, int64_t end_ms, int64_t period_s)
{
    struct grid grid = {.period_ms = period_s * 1000};

    grid.first_ms = start_ms / grid.period_ms * grid.period_ms;
    grid.count = (size_t)((end_ms - grid.first_ms + grid.period_ms - 1) / grid.period_ms);
    return grid;
}

static int check_request(const struct data_request *request, struct fault *fault)
{
    double points = 0;

    if (request->start_ms < 0 || request->end_ms <= request->start_ms || request->end_ms > time_max_ms)
        return invalid(fault, "The parameter StartTime must be less than the parameter EndTime.");
    for (size_t i = 0; i < request->count; i++) {
        const struct data_query *query = &request->queries[i];
        int64_t period_s = period_of(request, i);

        if (query->expression == NULL && (query->metric.name == NULL || query->stat == NULL))
            return invalid(fault,
                           "Each member of MetricDataQueries must have either MetricStat or Expression.");
        for (size_t j = 0; j < i; j++) {
            if (text_equal(request->queries[j].id, query->id))
                return invalid(fault, "The values for parameter Id in MetricDataQueries are not unique.");
        }
        if (!is_period(period_s) || period_s > 86400 * 365)
            return invalid(fault, "Period must be 1, 5, 10, 30, or a multiple of 60.");
        points += (double)(request->end_ms - request->start_ms) / 1000 / (double)period_s;
    }
    if (points > DATAPOINTS_MAX)
        return invalid(
            fault, "You have requested more than 100800 datapoints. You may reduce the datapoints requested "
                   "by increasing Period, or decreasing the time range.");
    return 0;
}

struct page {
    int64_t skip, take; /* datapoints, of all results one after the other */
};

static void add_result(const struct data_request *request, size_t index, const struct grid *grid,
                       const double *values, struct page *page, struct data_answer *answer)
{
    const struct data_query *query = &request->queries[index];
    struct data_result *result = &answer->items[answer->count++];
    const char *plain = query->expression == NULL ? query->metric.name : query->id;

    result->id = must_strdup(query->id);
    result->label = must_strdup(query->label != NULL ? query->label : plain);
    result->times_ms = must_calloc(grid->count, sizeof(*result->times_ms));
    result->values = must_calloc(grid->count, sizeof(*result->values));
    for (size_t i = 0; i < grid->count; i++) {
        size_t at = request->ascending ? i : grid->count - 1 - i;

        if (isnan(values[at]))
            continue;
        if (page->skip > 0) {
            page->skip--;
            continue;
        }
        if (page->take-- <= 0)
            continue; /* counted below zero: there is another page */
        result->times_ms[result->count] = grid->first_ms + (int64_t)at * grid->period_ms;
        result->values[result->count++] = values[at];
    }
}

static int read_query(struct sim *sim, const struct data_request *request, size_t index, struct page *page,
                      struct data_answer *answer, struct fault *fault)
{
    struct grid grid = grid_of(request->start_ms, request->end_ms, period_of(request, index));
    double *values = must_calloc(grid.count, sizeof(*values));
    struct error err;
    int result = model_math(sim, request->queries, request->count, index, &grid, values, &err);

    if (result == 0)
        add_result(request, index, &grid, values, page, answer);
    else
        (void)invalid(fault, err.message);
    free(values);
    return result;
}

/* Those that AWS bills: maths are free. */
static int64_t count_metrics(const struct data_request *request)
{
    int64_t count = 0;

    for (size_t i = 0; i < request->count; i++)
        count += request->queries[i].expression == NULL;
    return count;
}

int64_t sim_metrics_requested(struct sim *sim)
{
    int64_t count;

    model_lock(sim);
    count = sim->metrics_requested;
    model_unlock(sim);
    return count;
}

int model_get_metric_data(struct sim *sim, const struct data_request *request, struct data_answer *ret_answer,
                          struct fault *fault)
{
    struct data_answer answer = {0};
    int64_t most = request->max_datapoints > 0 && request->max_datapoints < DATAPOINTS_MAX
                       ? request->max_datapoints
                       : DATAPOINTS_MAX;
    struct page page = {.take = most};
    int64_t skip = 0, next;

    if (request->next_token != NULL && !number_parse(request->next_token, 0, INT32_MAX, &skip))
        return model_fault(fault, "InvalidNextToken", HTTP_REFUSED, "The next token %.200s is invalid.",
                           request->next_token);
    if (check_request(request, fault) < 0)
        return -1;
    sim->metrics_requested += count_metrics(request);
    page.skip = skip;
    answer.items = must_calloc(request->count + 1, sizeof(*answer.items));
    for (size_t i = 0; i < request->count; i++) {
        if (request->queries[i].return_data == 0)
            continue;
        if (read_query(sim, request, i, &page, &answer, fault) < 0) {
            model_data_answer_clear(&answer);
            return -1;
        }
    }
    next = skip + most;
    if (page.take < 0)
        snprintf(answer.next_token, sizeof(answer.next_token), "%lld", (long long)next);
    *ret_answer = answer;
    return 0;
}

/* ---- GetMetricStatistics */

int model_get_metric_statistics(struct sim *sim, const struct metric_name *metric, int64_t start_ms,
                                int64_t end_ms, int64_t period_s, struct datapoint **ret_points,
                                size_t *ret_count, const char **ret_unit, struct fault *fault)
{
    const struct series *series = model_series_find(sim->metrics, metric);
    int64_t visible_ms = model_visible_end(sim);
    struct datapoint *points;
    struct grid grid;
    int64_t most;
    size_t count = 0;

    if (start_ms < 0 || end_ms <= start_ms || end_ms > time_max_ms)
        return model_fault(fault, "InvalidParameterValueException", HTTP_REFUSED,
                           "The parameter StartTime must be less than the parameter EndTime.");
    if (!is_period(period_s) || period_s > 86400 * 365)
        return model_fault(fault, "InvalidParameterValueException", HTTP_REFUSED,
                           "The parameter Period must be 1, 5, 10, 30 or a multiple of 60.");
    most = (end_ms - start_ms) / 1000 / period_s;
    if (most > STATISTICS_MAX)
        return model_fault(
            fault, "InvalidParameterCombinationException", HTTP_REFUSED,
            "You have requested up to %lld datapoints, which exceeds the limit of %d. You may reduce "
            "the datapoints requested by increasing Period, or decreasing the time range.",
            (long long)most, STATISTICS_MAX);
    grid = grid_of(start_ms, end_ms, period_s);
    points = must_calloc(grid.count, sizeof(*points));
    for (size_t i = 0; i < grid.count && series != NULL; i++) {
        int64_t from_ms = grid.first_ms + (int64_t)i * grid.period_ms, to_ms = from_ms + grid.period_ms;

        if (model_series_read(series, from_ms, to_ms < visible_ms ? to_ms : visible_ms, &points[count]))
            count++;
    }
    *ret_points = points;
    *ret_count = count;
    *ret_unit = series == NULL ? "None" : model_series_unit(series);
    return 0;
}

/* ---- PutMetricData */

static int check_datum(const struct sim *sim, const struct metric_datum *datum, struct fault *fault)
{
    const struct datapoint *point = &datum->point;

    if (text_starts_with(datum->metric.namespace, "AWS/"))
        return model_fault(fault, "InvalidParameterValueException", HTTP_REFUSED,
                           "The value AWS/ for parameter Namespace is invalid.");
    if (point->at_ms != 0 &&
        (point->at_ms < sim->now_ms - two_weeks_ms || point->at_ms > sim->now_ms + two_hours_ms))
        return model_fault(
            fault, "InvalidParameterValueException", HTTP_REFUSED,
            "The parameter MetricData.member.Timestamp must be between two weeks in the past and two "
            "hours in the future.");
    if (!isfinite(point->sum) || !isfinite(point->minimum) || !isfinite(point->maximum) ||
        !(point->count > 0))
        return model_fault(fault, "InvalidParameterValueException", HTTP_REFUSED,
                           "The value for parameter MetricData.member.Value is invalid.");
    return 0;
}

int model_put_metric_data(struct sim *sim, const struct metric_datum *data, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        if (check_datum(sim, &data[i], fault) < 0)
            return -1;
    }
    for (size_t i = 0; i < count; i++) {
        struct series *series = model_series_pin(sim->metrics, &data[i].metric);
        struct datapoint point = data[i].point;

        if (point.at_ms == 0)
            point.at_ms = sim->now_ms;
        model_series_add(series, &point);
        if (data[i].unit != NULL)
            model_series_set_unit(series, data[i].unit);
        model_series_unpin(series);
    }
    return 0;
}
