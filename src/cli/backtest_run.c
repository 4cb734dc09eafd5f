/*
 * backtest_run.c - a recorded load through the real engine, against the simulated AWS.
 *
 * The stream, its alarms and its topic are there a few minutes before the load begins, as they would be: nothing of
 * its history is known.
 */
#include "bench.h"

#include "base/memory.h"

enum {
    PASS_FIRST_MS = 10 * 60 * 1000, /* as the daemon has it */
    MINUTE_MS = 60 * 1000,
    SLICE_MS = 24 * 60 * MINUTE_MS, /* between two looks at the progress */
    BAR_WIDTH = 40,
};

/* The topic's ARN ends with its name. */
static int set_scene(const struct bench *bench, struct error *err)
{
    const struct stream_config *stream = &bench->backtest->config->streams[0];
    const char *topic = bench->topic.resource;
    SCOPED(free_text)
    char *text =
        must_printf("topic %s\nsubscribe %s https://backtest.invalid/sns\nstream %s shards=%lld\n"
                    "alarms %s topic=%s threshold=%g%% period=%llds\n",
                    topic, topic, stream->name, (long long)bench->backtest->initial_shards, stream->name,
                    topic, stream->scale_up_threshold * 100, (long long)stream->alarm_period_ms / 1000);

    return sim_scene_play(bench->sim, "backtest", text, err);
}

static void draw_progress(FILE *file, int64_t done_ms, int64_t all_ms)
{
    int filled = (int)(BAR_WIDTH * done_ms / all_ms);

    if (file == NULL)
        return;
    fprintf(file, "\r\033[K[%.*s%*s] day %lld of %lld", filled, "########################################",
            BAR_WIDTH - filled, "", (long long)((done_ms + SLICE_MS - 1) / SLICE_MS),
            (long long)((all_ms + SLICE_MS - 1) / SLICE_MS));
    if (done_ms == all_ms)
        fprintf(file, "\r\033[K");
    fflush(file);
}

/* Minute by minute where a story of it is told, else day by day: the same happens. */
static int replay(struct inprocess *world, const struct backtest *backtest, int64_t start_ms,
                  struct error *err)
{
    const char *stream = backtest->config->streams[0].name;
    int64_t all_ms = (int64_t)backtest->load.count * MINUTE_MS;
    int64_t slice_ms = backtest->story != NULL ? MINUTE_MS : SLICE_MS;

    if (backtest->story != NULL && story_begin(backtest->story, world->sim, stream, start_ms, err) < 0)
        return -1;
    for (int64_t done_ms = 0; done_ms < all_ms;) {
        done_ms = done_ms + slice_ms < all_ms ? done_ms + slice_ms : all_ms;
        if (inprocess_run(world, start_ms + done_ms, err) < 0 ||
            (backtest->story != NULL && story_minute(backtest->story, world->sim, stream, err) < 0))
            return -1;
        if (done_ms % SLICE_MS == 0 || done_ms == all_ms)
            draw_progress(backtest->progress, done_ms, all_ms);
    }
    return backtest->story != NULL ? story_end(backtest->story, world->store, err) : 0;
}

static int run_engine(struct bench *bench, struct inprocess *world, struct backtest_result *ret_result,
                      struct error *err)
{
    const struct backtest *backtest = bench->backtest;

    world->clock = &bench->clock;
    world->sim = bench->sim;
    world->aws = bench->aws;
    world->reconcile_every_ms = backtest->config->service.reconcile_every_ms;
    world->reconcile_at_ms = bench->start_ms;
    world->pass_at_ms = bench->start_ms + PASS_FIRST_MS;
    if (set_scene(bench, err) < 0 || inprocess_run(world, bench->start_ms, err) < 0 ||
        bench_begin(bench, backtest->operations, err) < 0 ||
        replay(world, backtest, bench->start_ms, err) < 0 || bench_end(bench, ret_result, err) < 0)
        return -1;
    ret_result->failed_turns = world->failed_turns;
    return 0;
}

int backtest_run(const struct backtest *backtest, struct backtest_result *ret_result, struct error *err)
{
    struct bench bench = {0};
    struct inprocess world = {0};
    struct engine_options engine = {
        .config = backtest->config, .clock = &bench.clock.clock, .owner = "backtest"};
    int result = bench_open(&bench, backtest, err);

    if (result == 0)
        result = store_open(":memory:", &world.store, err);
    if (result == 0) {
        engine.aws = bench.aws;
        world.engine = engine_new(&engine);
        result = run_engine(&bench, &world, ret_result, err);
    }
    engine_free(world.engine);
    store_close(world.store);
    bench_close(&bench);
    return result;
}

void backtest_result_clear(struct backtest_result *result)
{
    free(result->peers);
    free(result->fixed);
    *result = (struct backtest_result){0};
}
