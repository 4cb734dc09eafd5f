#include "soak.h"

#include "bad_disk.h"
#include "support.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdarg.h>

/* Streams are of these kinds, in turn.  All look back a quarter of a day, so that the simulated AWS keeps little. */
static const char *const kinds[] = {
    "min_shards = 1\nmax_shards = 8\nresharding = split\n",
    "min_shards = 2\nmax_shards = 12\nscale_down_every = 12h\n",
    "min_shards = 1\nmax_shards = 6\nresharding = update-shard-count\nthreshold_basis = count\n",
    "min_shards = 1\nmax_shards = 4\ncooldown = 2m\nresharding = split\nscale_down_every = 6h\n",
    "min_shards = 1\nmax_shards = 16\ncooldown = 15m\npolicy = adaptive\n",
    "min_shards = 3\nmax_shards = 5\nmissing_data = idle\n",
    "min_shards = 1\nmax_shards = 2\nscale_up_threshold = 70%\n",
    "min_shards = 1\nmax_shards = 6\nalarm_level = shard\nresharding = split\nscale_down_every = 12h\n",
    "min_shards = 1\nmax_shards = 6\nalarm_level = shard\npolicy = adaptive\n",
};
enum { SCENE_TEXT_MAX = 1 << 20, METRICS_KEPT_MS = 8 * HOUR_MS, PASS_SLICES = 36 };

int64_t soak_dice(struct soak *soak, int64_t sides)
{
    soak->dice = soak->dice * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (int64_t)((soak->dice >> 33) % (uint64_t)sides);
}

void soak_broken(struct soak *soak, const char *format, ...)
{
    va_list arguments;
    size_t at = soak->violation_count++;

    if (at >= VIOLATIONS_KEPT)
        return;
    va_start(arguments, format);
    vsnprintf(soak->violations[at], sizeof(soak->violations[at]), format, arguments);
    va_end(arguments);
}

int64_t soak_ask(struct soak *soak, const char *sql, const char *stream, int64_t number)
{
    sqlite3_stmt *row = NULL;
    int64_t value = 0;
    int place = 1;

    if (sqlite3_prepare_v2(soak->reader, sql, -1, &row, NULL) != SQLITE_OK)
        ck_abort_msg("%s: %s", sql, sqlite3_errmsg(soak->reader));
    if (stream != NULL)
        (void)sqlite3_bind_text(row, place++, stream, -1, SQLITE_STATIC);
    if (number != 0)
        (void)sqlite3_bind_int64(row, place, number);
    if (sqlite3_step(row) == SQLITE_ROW)
        value = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return value;
}

static void open_reader(struct soak *soak)
{
    if (sqlite3_open_v2(soak->world->database, &soak->reader, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        ck_abort_msg("%s", sqlite3_errmsg(soak->reader));
}

void soak_restart(struct soak *soak)
{
    (void)sqlite3_close(soak->reader);
    world_restart(soak->world);
    open_reader(soak);
    soak->world->reconcile_at_ms = soak->world->clock.ms;
    soak->restarts++;
}

/* ---- the beginning and the end */

static char *config_text(size_t streams)
{
    struct buffer text;
    struct error err;

    buffer_init(&text, SCENE_TEXT_MAX);
    (void)buffer_add_text(&text, "history = 2d\n[defaults]\nscale_down_window = 6h\npolicy = classic\n",
                          &err);
    for (size_t i = 0; i < streams; i++)
        (void)buffer_printf(&text, &err, "[stream s%03zu]\n%s", i, kinds[i % COUNT_OF(kinds)]);
    return buffer_take(&text);
}

static void set_scene(struct soak *soak)
{
    struct buffer text;
    char *whole;
    struct error err = {0};

    buffer_init(&text, SCENE_TEXT_MAX);
    (void)buffer_add_text(&text, "topic kinescale\nsubscribe kinescale https://daemon.example/sns\n", &err);
    for (size_t i = 0; i < soak->stream_count; i++) {
        struct soak_stream *stream = &soak->streams[i];
        long long shards = (long long)stream->config->min_shards;

        (void)buffer_printf(&text, &err, "stream %s shards=%lld\n", stream->name, shards);
        if (stream->config->alarm_level == ALARM_LEVEL_STREAM)
            (void)buffer_printf(&text, &err, "alarms %s topic=kinescale\n", stream->name);
    }
    whole = buffer_take(&text);
    if (sim_scene_play(soak->world->sim, "soak", whole, &err) < 0)
        ck_abort_msg("%s", err.message);
    free(whole);
}

struct soak *soak_new(const struct soak_options *options)
{
    struct soak *soak = must_calloc(1, sizeof(*soak));
    struct sim_options sim = {.seed = options->seed,
                              .shard_limit =
                                  8 * (int64_t)options->streams /* a little more than all could have */,
                              .metric_delay_ms = -1,
                              .metric_kept_ms = METRICS_KEPT_MS,
                              .check_quotas = true};
    char *text = config_text(options->streams);

    log_set_level(LOG_ERROR);
    soak->start_ns = clock_monotonic_ns();
    bad_disk_install();
    soak->dice = options->seed;
    soak->world = world_new(text, &sim);
    free(text);
    soak->world->watch = soak_watch;
    soak->world->watcher = soak;
    soak->stream_count = options->streams;
    soak->streams = must_calloc(options->streams, sizeof(*soak->streams));
    for (size_t i = 0; i < options->streams; i++) {
        soak->streams[i].config = &soak->world->config->streams[i];
        soak->streams[i].name = soak->streams[i].config->name;
    }
    open_reader(soak);
    set_scene(soak);
    soak->world->reconcile_at_ms = soak->world->clock.ms;
    world_run(soak->world, 5 * MINUTE_MS);
    for (size_t i = 0; i < options->streams; i++)
        soak_load(soak, &soak->streams[i]);
    return soak;
}

void soak_free(struct soak *soak)
{
    (void)sqlite3_close(soak->reader);
    world_free(soak->world);
    free(soak->streams);
    free(soak->samples);
    free(soak);
}

/* ---- time */

static void pass(struct soak *soak)
{
    struct pass_row *rows = must_calloc(soak->stream_count, sizeof(*rows));
    struct pass_options options = {0};
    struct error err = {0};

    for (size_t i = 0; i < soak->stream_count; i++)
        rows[i].stream = soak->streams[i].name;
    (void)engine_scale_down(soak->world->engine, soak->world->store, &options, rows, soak->stream_count,
                            &err);
    for (size_t i = 0; i < soak->stream_count; i++)
        down_plan_clear(&rows[i].plan);
    free(rows);
}

/* Whoever dies is started again a little later. */
static void slice(struct soak *soak, bool trouble)
{
    struct world *world = soak->world;
    int64_t last = soak_ask(soak, "SELECT coalesce(max(id), 0) FROM notifications", NULL, 0);
    int64_t restarts = soak->restarts;
    size_t taken = world->taken;
    int64_t end_ms;

    world->call_count = 0;
    world->requests = 0;
    if (trouble)
        soak_begin_trouble(soak);
    if (trouble && soak->slices % PASS_SLICES == PASS_SLICES - 1 && !world->killed)
        pass(soak);
    for (end_ms = world->clock.ms + SLICE_MS; world->clock.ms < end_ms;) {
        world_run(world, end_ms - world->clock.ms);
        if (world->killed) {
            world->clock.ms += 5000 + soak_dice(soak, 90000);
            soak_restart(soak);
        }
    }
    soak_end_trouble(soak);
    soak->requests += (int64_t)world->call_count;
    soak->slices++;
    soak_check_slice(soak, last, taken, soak->restarts > restarts);
}

void soak_day(struct soak *soak)
{
    for (int i = 0; i < DAY_SLICES - CALM_SLICES; i++) {
        slice(soak, true);
        if (i % 6 == 5)
            soak_check_alarms(soak);
    }
    soak_calm(soak);
    for (int i = 0; i < CALM_SLICES; i++)
        slice(soak, false);
    soak_check_calm(soak);
    soak->day++;
    soak_sample(soak);
    for (size_t i = 0; i < soak->stream_count; i++)
        soak_load(soak, &soak->streams[i]);
}
