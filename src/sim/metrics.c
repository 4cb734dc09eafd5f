/*
 * metrics.c - CloudWatch's store: sum, count, minimum and maximum of every minute of every series.
 *
 * A series is a ring of hours, so what is rarely written to costs little and what is too old is written over.
 */
#include "metrics.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

enum {
    BUCKET_COUNT = 4096,
    HOUR_MS = 3600000,
    RING_HOURS = 16 * 24,
};

struct hour {
    int64_t number;   /* since 1970 */
    uint64_t present; /* bit of each minute */
    struct minute {
        double sum, count, minimum, maximum;
    } minutes[60];
};

struct series {
    struct series *next; /* in its bucket */
    char *key;
    int pins;
    char unit[24];
    struct hour *hours[RING_HOURS];
};

struct metrics {
    struct series *buckets[BUCKET_COUNT];
};

struct metrics *model_metrics_new(void)
{
    return must_calloc(1, sizeof(struct metrics));
}

static void free_series(struct series *series)
{
    for (size_t i = 0; i < RING_HOURS; i++)
        free(series->hours[i]);
    free(series->key);
    free(series);
}

void model_metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        while (metrics->buckets[i] != NULL) {
            struct series *series = metrics->buckets[i];

            metrics->buckets[i] = series->next;
            free_series(series);
        }
    }
    free(metrics);
}

/* ---- names */

static int compare_dimensions(const void *a, const void *b)
{
    const struct dimension *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);

    return order != 0 ? order : strcmp((*x)->value, (*y)->value);
}

/* Adds a text where there is room for it; returns where the next belongs.  Called very often. */
static char *append(char *end, const char *text)
{
    while (*text != '\0')
        *end++ = *text++;
    return end;
}

/* One text for a namespace, a name and dimensions in any order; the caller frees. */
static char *key_of(const struct metric_name *name)
{
    const struct dimension **sorted = must_calloc(name->dimension_count + 1, sizeof(*sorted));
    size_t length = strlen(name->namespace) + strlen(name->name) + 2;
    char *key, *end;

    for (size_t i = 0; i < name->dimension_count; i++) {
        sorted[i] = &name->dimensions[i];
        length += strlen(sorted[i]->name) + strlen(sorted[i]->value) + 2;
    }
    qsort(sorted, name->dimension_count, sizeof(*sorted), compare_dimensions);
    key = must_calloc(length, 1);
    end = append(append(append(key, name->namespace), "\x1f"), name->name);
    for (size_t i = 0; i < name->dimension_count; i++)
        end = append(append(append(append(end, "\x1f"), sorted[i]->name), "\x1e"), sorted[i]->value);
    free(sorted);
    return key;
}

bool model_metric_name_equal(const struct metric_name *a, const struct metric_name *b)
{
    SCOPED(free_text) char *first = NULL;
    SCOPED(free_text) char *second = NULL;

    if (!text_equal(a->name, b->name) || a->dimension_count != b->dimension_count)
        return false;
    if (a->dimension_count == 1 && !text_equal(a->dimensions[0].value, b->dimensions[0].value))
        return false;
    first = key_of(a);
    second = key_of(b);
    return text_equal(first, second);
}

static size_t bucket_of(const char *key)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */

    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * 0x100000001B3u;
    return (size_t)(hash % BUCKET_COUNT);
}

static struct series *find_key(const struct metrics *metrics, const char *key)
{
    struct series *series = metrics->buckets[bucket_of(key)];

    while (series != NULL && !text_equal(series->key, key))
        series = series->next;
    return series;
}

struct series *model_series_pin(struct metrics *metrics, const struct metric_name *name)
{
    SCOPED(free_text) char *key = key_of(name);
    struct series *series = find_key(metrics, key);
    struct series **bucket = &metrics->buckets[bucket_of(key)];

    if (series == NULL) {
        series = must_calloc(1, sizeof(*series));
        series->key = take_text(&key);
        snprintf(series->unit, sizeof(series->unit), "None");
        series->next = *bucket;
        *bucket = series;
    }
    series->pins++;
    return series;
}

void model_series_unpin(struct series *series)
{
    if (series != NULL)
        series->pins--;
}

const struct series *model_series_find(const struct metrics *metrics, const struct metric_name *name)
{
    SCOPED(free_text) char *key = key_of(name);

    return find_key(metrics, key);
}

const char *model_series_unit(const struct series *series)
{
    return series->unit;
}

void model_series_set_unit(struct series *series, const char *unit)
{
    snprintf(series->unit, sizeof(series->unit), "%s", unit);
}

/* True when nothing is left of it. */
static bool forget_old_hours(struct series *series, int64_t oldest_hour)
{
    bool empty = true;

    for (size_t i = 0; i < RING_HOURS; i++) {
        if (series->hours[i] != NULL && series->hours[i]->number < oldest_hour) {
            free(series->hours[i]);
            series->hours[i] = NULL;
        }
        empty = empty && series->hours[i] == NULL;
    }
    return empty;
}

void model_metrics_sweep(struct metrics *metrics, int64_t before_ms)
{
    int64_t oldest_hour = before_ms / HOUR_MS;

    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        struct series **link = &metrics->buckets[i];

        while (*link != NULL) {
            struct series *series = *link;

            if (forget_old_hours(series, oldest_hour) && series->pins == 0) {
                *link = series->next;
                free_series(series);
            } else {
                link = &series->next;
            }
        }
    }
}

/* ---- datapoints */

void model_series_add(struct series *series, const struct datapoint *point)
{
    int64_t number = point->at_ms / HOUR_MS;
    struct hour **slot = &series->hours[number % RING_HOURS];
    int64_t minute = point->at_ms / MINUTE_MS % 60;
    struct minute *into;

    if (*slot != NULL && (*slot)->number > number)
        return; /* older than the ring */
    if (*slot == NULL)
        *slot = must_calloc(1, sizeof(**slot));
    if ((*slot)->number != number) {
        (*slot)->number = number;
        (*slot)->present = 0;
    }
    into = &(*slot)->minutes[minute];
    if (((*slot)->present >> minute & 1) == 0) {
        (*slot)->present |= (uint64_t)1 << minute;
        *into = (struct minute){point->sum, point->count, point->minimum, point->maximum};
        return;
    }
    into->sum += point->sum;
    into->count += point->count;
    into->minimum = fmin(into->minimum, point->minimum);
    into->maximum = fmax(into->maximum, point->maximum);
}

/* Adds the minutes [first, end) of an hour; how many there were.  Long alarms come here very often. */
static int add_minutes(const struct hour *hour, int first, int end, struct datapoint *point)
{
    int found = 0;

    for (int i = first; i < end; i++) {
        const struct minute *minute = &hour->minutes[i];

        if ((hour->present >> i & 1) == 0)
            continue;
        found++;
        point->sum += minute->sum;
        point->count += minute->count;
        point->minimum = minute->minimum < point->minimum ? minute->minimum : point->minimum;
        point->maximum = minute->maximum > point->maximum ? minute->maximum : point->maximum;
    }
    return found;
}

bool model_series_read(const struct series *series, int64_t start_ms, int64_t end_ms,
                       struct datapoint *ret_point)
{
    int64_t oldest_ms = end_ms - (int64_t)RING_HOURS * HOUR_MS; /* nothing before it can be in the ring */
    int64_t from_ms = start_ms > oldest_ms ? start_ms : oldest_ms;
    int64_t minute = from_ms <= 0 ? 0 : (from_ms + MINUTE_MS - 1) / MINUTE_MS; /* since 1970 */
    int64_t end = end_ms <= 0 ? 0 : (end_ms + MINUTE_MS - 1) / MINUTE_MS;
    struct datapoint point = {.at_ms = start_ms, .minimum = INFINITY, .maximum = -INFINITY};
    int found = 0;

    while (minute < end) {
        int64_t number = minute / 60, next = number * 60 + 60;
        const struct hour *hour = series->hours[number % RING_HOURS];

        if (hour != NULL && hour->number == number)
            found += add_minutes(hour, (int)(minute % 60), end < next ? (int)(end % 60) : 60, &point);
        minute = next;
    }
    if (found > 0)
        *ret_point = point;
    return found > 0;
}

int64_t model_visible_end(const struct sim *sim)
{
    return (sim->now_ms - sim->metric_delay_ms) / MINUTE_MS * MINUTE_MS;
}

double model_statistic(const struct datapoint *point, const char *statistic)
{
    if (text_equal(statistic, "Sum"))
        return point->sum;
    if (text_equal(statistic, "Average"))
        return point->count > 0 ? point->sum / point->count : NAN;
    if (text_equal(statistic, "Minimum"))
        return point->minimum;
    if (text_equal(statistic, "Maximum"))
        return point->maximum;
    if (text_equal(statistic, "SampleCount"))
        return point->count;
    return NAN;
}
