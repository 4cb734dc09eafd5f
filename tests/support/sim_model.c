#include "sim_model.h"

#include "support.h"

#include "base/memory.h"

#include "../../src/sim/metrics.h"
#include "../../src/sim/reshard.h"

#include <math.h>

struct sim *test_sim_with(struct sim_options options)
{
    options.start_ms = SIM_START;
    if (options.metric_delay_ms == 0)
        options.metric_delay_ms = -1;
    return sim_new(&options);
}

struct sim *test_sim(void)
{
    return test_sim_with((struct sim_options){.seed = 1});
}

struct stream *test_stream(struct sim *sim, const char *name, int64_t shards)
{
    struct stream *stream = NULL;
    struct fault fault = {0};

    ck_assert_msg(model_create_stream(sim, name, shards, false, &fault) == 0, "%s: %s", fault.type,
                  fault.message);
    sim_advance(sim, sim->now_ms + sim->create_ms);
    ck_assert_int_eq(model_find_stream(sim, name, &stream, &fault), 0);
    ck_assert_int_eq(stream->status, MODEL_ACTIVE);
    return stream;
}

void test_traffic(struct sim *sim, const char *stream, const char *load, int64_t record_bytes,
                  const char *keys)
{
    struct error err = {0};

    ck_assert_msg(sim_set_traffic(sim, stream, load, record_bytes, keys, &err) == 0, "%s", err.message);
}

void assert_partition(const struct stream *stream)
{
    size_t count;
    struct range *ranges = model_open_ranges(stream, &count);

    ck_assert_uint_gt(count, 0);
    ck_assert(ranges[0].start == 0 && ranges[count - 1].end == HASHKEY_MAX);
    for (size_t i = 0; i + 1 < count; i++) {
        ck_assert(ranges[i].start <= ranges[i].end);
        ck_assert(ranges[i].end + 1 == ranges[i + 1].start);
    }
    free(ranges);
}

double test_metric(struct sim *sim, const char *metric, const char *stream, const char *shard,
                   const char *statistic, int64_t start_ms, int64_t end_ms)
{
    struct dimension dimensions[] = {{(char *)"StreamName", (char *)stream},
                                     {(char *)"ShardId", (char *)shard}};
    struct metric_name name = {(char *)"AWS/Kinesis", (char *)metric, dimensions, shard == NULL ? 1 : 2};
    struct datapoint *points = NULL;
    const char *unit = NULL;
    double result = NAN;
    size_t count = 0;
    struct fault fault = {0};

    ck_assert_msg(model_get_metric_statistics(sim, &name, start_ms, end_ms, (end_ms - start_ms) / 1000,
                                              &points, &count, &unit, &fault) == 0,
                  "%s", fault.message);
    if (count > 0)
        result = model_statistic(&points[0], statistic);
    free(points);
    return result;
}
