/*
 * window.c - what the shards of a stream carried in the window of a scale-down.
 *
 * A period in which nothing was written has no datapoint, and neither has one that CloudWatch lost.  The
 * first is worth zero, the second anything; what tells them apart is in the facts.
 */
#include "window.h"

#include "base/memory.h"

#include <math.h>

static double share_of(const struct shard *shard)
{
    return hashkey_share(shard->start, shard->end);
}

double worth_load(struct worth worth)
{
    return fmax(worth.bytes, worth.records);
}

/* NAN where there was no datapoint. */
static struct worth worth_of(const struct load_point *point, int64_t period_ms)
{
    double seconds = (double)period_ms / 1000;

    if (period_ms <= 0)
        return (struct worth){NAN, NAN};
    return (struct worth){load_sum(point->bytes) / seconds / SHARD_BYTES_PER_S,
                          load_sum(point->records) / seconds / SHARD_RECORDS_PER_S};
}

static bool was_idle(const struct down_facts *facts, size_t period)
{
    switch ((enum missing_data)facts->config->missing_data) {
    case MISSING_IDLE:
        return true;
    case MISSING_UNKNOWN:
        return false;
    case MISSING_AUTO:
        break;
    }
    return facts->witnessed != NULL && facts->witnessed[period];
}

/* No bytes beside records, or no records beside bytes, is a lost datapoint whatever else is known. */
static struct worth stream_worth(const struct down_facts *facts, size_t period)
{
    const struct load_point *point = &facts->points[period];
    struct worth worth = worth_of(point, point->period_ms);

    if (!isnan(worth.bytes) && !isnan(worth.records))
        return worth;
    if (worth.bytes > 0 || worth.records > 0 || !was_idle(facts, period))
        return (struct worth){NAN, NAN};
    return (struct worth){0, 0};
}

static void judge_period(struct window *window, size_t period)
{
    const struct down_facts *facts = window->facts;
    double throttled = load_sum(facts->points[period].throttled_records);
    double load = worth_load(window->periods[period]);

    if (throttled > 0) {
        if (window->throttled == 0 ||
            throttled >= load_sum(facts->points[window->most_throttled].throttled_records))
            window->most_throttled = period;
        window->throttled++;
    }
    if (isnan(load)) {
        if (window->missing++ == 0)
            window->first_missing = period;
        return;
    }
    window->busy += load >= facts->config->scale_down_threshold * window->capacity * (1 - LOAD_SLACK);
    if (isnan(window->worst_load) || load >= window->worst_load) { /* of equal ones the later */
        window->worst_load = load;
        window->worst = period;
    }
}

/* As in a plan of scale-up: shards without figures share what the others leave, by width. */
static void find_shards(struct window *window, size_t period)
{
    const struct down_facts *facts = window->facts;
    struct worth rest = window->periods[period], share = {0, 0};

    for (size_t i = 0; i < facts->shards->count; i++) {
        struct worth *own = &window->shards[i * facts->point_count + period];

        *own = worth_of(&facts->shard_points[i][period], facts->points[period].period_ms);
        if (isnan(own->bytes))
            share.bytes += share_of(&facts->shards->items[i]);
        else
            rest.bytes = fmax(0, rest.bytes - own->bytes);
        if (isnan(own->records))
            share.records += share_of(&facts->shards->items[i]);
        else
            rest.records = fmax(0, rest.records - own->records);
    }
    for (size_t i = 0; i < facts->shards->count; i++) {
        struct worth *own = &window->shards[i * facts->point_count + period];

        if (isnan(own->bytes))
            own->bytes = rest.bytes * share_of(&facts->shards->items[i]) / share.bytes;
        if (isnan(own->records))
            own->records = rest.records * share_of(&facts->shards->items[i]) / share.records;
    }
}

static double capacity_of(const struct down_facts *facts)
{
    return facts->shard_points != NULL ? (double)facts->shards->count : shard_map_effective(facts->shards);
}

void window_init(struct window *window, const struct down_facts *facts)
{
    *window = (struct window){.facts = facts,
                              .start_ms = facts->point_count > 0
                                              ? facts->points[0].start_ms
                                              : facts->now_ms - facts->config->scale_down_window_ms,
                              .capacity = capacity_of(facts),
                              .worst_load = NAN,
                              .periods = must_calloc(facts->point_count, sizeof(struct worth))};
    for (size_t i = 0; i < facts->point_count; i++) {
        window->periods[i] = stream_worth(facts, i);
        judge_period(window, i);
    }
    if (facts->shard_points == NULL)
        return;
    window->shards = must_calloc(facts->shards->count * facts->point_count, sizeof(struct worth));
    for (size_t i = 0; i < facts->point_count; i++)
        find_shards(window, i);
}

void window_clear(struct window *window)
{
    free(window->periods);
    free(window->shards);
    *window = (struct window){0};
}
