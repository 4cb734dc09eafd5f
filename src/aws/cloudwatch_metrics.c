/*
 * cloudwatch_metrics.c - datapoints (GetMetricData).
 *
 * CloudWatch gives lists of timestamps and values in any order, in pages, with gaps where nothing was
 * written.  What leaves here is an array per query with a place for every period.
 */
#include "aws/cloudwatch.h"

#include "base/memory.h"
#include "base/number.h"
#include "call.h"

#include <math.h>

enum {
    QUERIES_PER_CALL = 500,
    POINTS_PER_CALL = 100800, /* estimated by AWS from range and period, not from what is there */
    PAGES_MAX = 300,
};

/* The queries of one request: those from `first` on. */
struct batch {
    const struct metric_query *queries; /* of the whole call */
    size_t first, count;
    size_t points;
    int64_t start_ms, end_ms;
    struct metric_series *series; /* of the whole call */
    bool *failed;                 /* InternalError or Forbidden was said for the query; of the whole call */
};

void metric_answer_clear(struct metric_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->series[i].values);
    free(answer->series);
    *answer = (struct metric_answer){0};
}

/* ---- asking */

static cJSON *query_input(const struct metric_query *query, size_t id)
{
    cJSON *input = cJSON_CreateObject(), *stat, *metric;
    char name[32];

    snprintf(name, sizeof(name), "q%zu", id);
    cJSON_AddStringToObject(input, "Id", name);
    stat = cJSON_AddObjectToObject(input, "MetricStat");
    metric = cJSON_AddObjectToObject(stat, "Metric");
    cJSON_AddStringToObject(metric, "Namespace", "AWS/Kinesis");
    cJSON_AddStringToObject(metric, "MetricName", query->metric);
    json_add_dimensions(metric, query->stream, query->shard);
    cJSON_AddNumberToObject(stat, "Period", (double)query->period_s);
    cJSON_AddStringToObject(stat, "Stat", query->statistic);
    cJSON_AddBoolToObject(input, "ReturnData", true);
    return input;
}

static cJSON *batch_input(const struct batch *batch)
{
    cJSON *input = cJSON_CreateObject();
    cJSON *queries = cJSON_AddArrayToObject(input, "MetricDataQueries");
    int64_t start_s = batch->start_ms / 1000, end_s = batch->end_ms / 1000;

    for (size_t i = 0; i < batch->count; i++)
        cJSON_AddItemToArray(queries, query_input(&batch->queries[batch->first + i], batch->first + i));
    cJSON_AddNumberToObject(input, "StartTime", (double)start_s);
    cJSON_AddNumberToObject(input, "EndTime", (double)end_s);
    cJSON_AddStringToObject(input, "ScanBy", "TimestampAscending");
    return input;
}

/* ---- reading */

static int malformed(const char *name, struct error *err)
{
    return error_set(err, ERROR_INPUT, "the answer's '%s' is malformed", name);
}

/* Which of the batch's queries "q12" is. */
static int find_query(const struct batch *batch, const cJSON *result, size_t *ret_index, struct error *err)
{
    char id[32];
    int64_t index;

    if (json_text(result, "Id", id, sizeof(id), err) < 0)
        return -1;
    if (id[0] != 'q' ||
        !number_parse(id + 1, (int64_t)batch->first, (int64_t)(batch->first + batch->count) - 1, &index))
        return malformed("Id", err);
    *ret_index = (size_t)index;
    return 0;
}

/* A point outside of the range is passed over, and so is a second one for a period. */
static void keep_point(struct metric_series *series, int64_t start_ms, int64_t period_s, double time_s,
                       double value)
{
    double slot = floor((time_s - (double)start_ms / 1000) / (double)period_s);

    if (!(slot >= 0) || slot >= (double)series->count || !isnan(series->values[(size_t)slot]))
        return;
    series->values[(size_t)slot] = value;
}

static int read_points(const struct batch *batch, size_t index, const cJSON *result, struct error *err)
{
    const cJSON *times, *values, *value;
    const cJSON *time;

    if (json_array(result, "Timestamps", &times, err) < 0 || json_array(result, "Values", &values, err) < 0)
        return -1;
    if (cJSON_GetArraySize(times) != cJSON_GetArraySize(values))
        return error_set(err, ERROR_INPUT, "the answer has %d timestamps for %d values",
                         cJSON_GetArraySize(times), cJSON_GetArraySize(values));
    value = values != NULL ? values->child : NULL;
    cJSON_ArrayForEach(time, times) {
        if (!cJSON_IsNumber(time) || !isfinite(time->valuedouble))
            return malformed("Timestamps", err);
        if (value == NULL || !cJSON_IsNumber(value) || !isfinite(value->valuedouble))
            return malformed("Values", err);
        keep_point(&batch->series[index], batch->start_ms, batch->queries[index].period_s, time->valuedouble,
                   value->valuedouble);
        value = value->next;
    }
    return 0;
}

/* A query's datapoints may come in several pages, PartialData in all but the last. */
static int read_result(const struct batch *batch, const cJSON *result, struct error *err)
{
    static const char *const statuses[] = {"Complete", "PartialData", "InternalError", "Forbidden", NULL};
    int status = 0;
    size_t index = 0;

    if (find_query(batch, result, &index, err) < 0 || read_points(batch, index, result, err) < 0)
        return -1;
    if (json_one_of(result, "StatusCode", statuses, &status, err) < 0)
        return -1;
    if (status >= 2)
        batch->failed[index] = true;
    batch->series[index].complete = status == 0 && !batch->failed[index];
    return 0;
}

static int read_page(const struct batch *batch, const cJSON *output, struct error *err)
{
    const cJSON *results, *result;

    if (json_array(output, "MetricDataResults", &results, err) < 0)
        return -1;
    if (results == NULL)
        return error_set(err, ERROR_INPUT, "the answer has no 'MetricDataResults'");
    cJSON_ArrayForEach(result, results) {
        if (read_result(batch, result, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- pages and batches */

static int read_batch(struct aws_client *client, const struct batch *batch, struct error *err)
{
    struct aws_call call = {.service = AWS_CLOUDWATCH, .operation = "GetMetricData", .subject = ""};
    SCOPED(free_json) cJSON *input = batch_input(batch);

    for (int page = 0; page < PAGES_MAX; page++) {
        SCOPED(free_json) cJSON *output = NULL;
        SCOPED(free_text) char *token = NULL;

        (void)rate_limiter_take(client->limiter, "cloudwatch:GetMetricData/datapoints", "",
                                (double)batch->points);
        if (aws_call_json(client, &call, input, &output, err) < 0)
            return -1;
        if (read_page(batch, output, err) < 0 || json_next_token(output, &token, err) < 0)
            return aws_call_wrap(&call, err);
        if (token == NULL)
            return 0;
        cJSON_DeleteItemFromObjectCaseSensitive(input, "NextToken");
        cJSON_AddStringToObject(input, "NextToken", token);
    }
    (void)error_set(err, ERROR_INPUT, "more than %d pages", PAGES_MAX);
    return aws_call_wrap(&call, err);
}

/* Places for every query's points; ERROR_BUG when the caller asks for what no request can carry. */
static int make_places(const struct metric_query *queries, size_t count, int64_t start_ms, int64_t end_ms,
                       struct metric_answer *answer, struct error *err)
{
    answer->series = must_calloc(count > 0 ? count : 1, sizeof(*answer->series));
    answer->count = count;
    for (size_t i = 0; i < count; i++) {
        int64_t period_ms = queries[i].period_s * 1000;

        if (period_ms <= 0 || start_ms % period_ms != 0 || end_ms % period_ms != 0 || end_ms <= start_ms)
            return error_set(err, ERROR_BUG, "a range of metrics does not fit its period of %lld s",
                             (long long)queries[i].period_s);
        if ((end_ms - start_ms) / period_ms > POINTS_PER_CALL)
            return error_set(err, ERROR_BUG, "a range of metrics has more than %d periods", POINTS_PER_CALL);
        answer->series[i].count = (size_t)((end_ms - start_ms) / period_ms);
        answer->series[i].values = must_calloc(answer->series[i].count, sizeof(double));
        for (size_t slot = 0; slot < answer->series[i].count; slot++)
            answer->series[i].values[slot] = NAN;
    }
    return 0;
}

/* As many of the queries from `first` on as one request may carry. */
static struct batch next_batch(const struct metric_query *queries, size_t count, size_t first,
                               const struct metric_answer *answer)
{
    struct batch batch = {.queries = queries, .first = first, .series = answer->series};

    while (first + batch.count < count && batch.count < QUERIES_PER_CALL &&
           batch.points + answer->series[first + batch.count].count <= POINTS_PER_CALL) {
        batch.points += answer->series[first + batch.count].count;
        batch.count++;
    }
    return batch;
}

int cloudwatch_metrics(struct aws_client *client, const struct metric_query *queries, size_t count,
                       int64_t start_ms, int64_t end_ms, struct metric_answer *ret_answer, struct error *err)
{
    SCOPED(metric_answer_clear) struct metric_answer answer = {0};
    bool *failed;
    int result = 0;

    if (make_places(queries, count, start_ms, end_ms, &answer, err) < 0)
        return -1;
    failed = must_calloc(count > 0 ? count : 1, sizeof(*failed));
    for (size_t first = 0; first < count && result == 0;) {
        struct batch batch = next_batch(queries, count, first, &answer);

        batch.start_ms = start_ms;
        batch.end_ms = end_ms;
        batch.failed = failed;
        result = read_batch(client, &batch, err);
        first += batch.count;
    }
    free(failed);
    if (result < 0)
        return -1;
    *ret_answer = answer;
    answer = (struct metric_answer){0};
    return 0;
}
