#include "day.h"

#include "base/memory.h"

#include <check.h>
#include <math.h>

struct load_point day_point(int64_t start_ms, double bytes, double records)
{
    return (struct load_point){.start_ms = start_ms,
                               .period_ms = DAY_PERIOD_MS,
                               .bytes = bytes * 300 * SHARD_BYTES_PER_S,
                               .records = records * 300 * SHARD_RECORDS_PER_S};
}

void day_init(struct day *day, unsigned shards, double load)
{
    *day = (struct day){.config = plain_stream};
    day->config.scale_down_threshold = 0.5;
    day->config.scale_down_window_ms = INT64_C(86400000);
    even_map(&day->map, shards);
    for (size_t i = 0; i < DAY_PERIODS; i++)
        day->points[i] = day_point(DAY_START_MS + (int64_t)i * DAY_PERIOD_MS, load, load / 2);
    day->facts = (struct down_facts){.config = &day->config,
                                     .shards = &day->map,
                                     .now_ms = DAY_START_MS + DAY_PERIODS * DAY_PERIOD_MS + 60000,
                                     .points = day->points,
                                     .witnessed = day->witnessed,
                                     .point_count = DAY_PERIODS};
}

void day_clear(struct day *day)
{
    shard_map_clear(&day->map);
    for (size_t i = 0; i < DAY_SHARDS_MAX; i++)
        free(day->rows[i]);
}

void day_by_shard(struct day *day, const double *loads)
{
    ck_assert_uint_le(day->map.count, DAY_SHARDS_MAX);
    for (size_t i = 0; i < day->map.count; i++) {
        double load = loads[i] >= 0 ? loads[i] : NAN;

        free(day->rows[i]);
        day->rows[i] = must_calloc(DAY_PERIODS, sizeof(*day->rows[i]));
        for (size_t period = 0; period < DAY_PERIODS; period++)
            day->rows[i][period] = day_point(day->points[period].start_ms, load, load / 2);
    }
    day->facts.shard_points = (const struct load_point *const *)day->rows;
}
