/*
 * demo_scene.c - the stage of the demo: a simulated AWS with streams and producers, and the daemon.
 */
#include "demo.h"

#include "aws/endpoint.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>

static const char access_key_id[] = "AKIAKINESCALEDEMO001",
                  secret_access_key[] = "kinescale/demo/secret/key/000000000000001";

static const struct {
    const char *name, *suffix;
} fleets[FLEET_COUNT] = {
    [FLEET_KINESCALE] = {"kinescale", ""},
    [FLEET_LEFT_ALONE] = {"left alone", "-left-alone"},
    [FLEET_FOR_THE_PEAK] = {"sized for the peak", "-for-the-peak"},
};

/* Until the twins are ACTIVE: AWS makes no more than five streams at a time. */
enum { TWINS_MADE_MS = 60000 };

/* ---- the producers */

/*
 * A working day with a rush, the night after it and a quiet weekend; hours from Friday's midnight, height between low
 * and high.  The rush ends between two hourly looks of the daemon's scale-down pass, not during one.
 */
static const struct {
    double hour, height;
} curve[] = {
    {0, 0},     {6, 0.02}, {11, 1},    {14.4, 1}, {14.85, 0.05},
    {24, 0.02}, {28, 0},   {34, 0.05}, {48, 0},   {58, 0.04},
};

static double height_at(double hour)
{
    for (size_t i = 1; i < COUNT_OF(curve); i++) {
        if (hour < curve[i].hour)
            return curve[i - 1].height + (curve[i].height - curve[i - 1].height) *
                                             (hour - curve[i - 1].hour) / (curve[i].hour - curve[i - 1].hour);
    }
    return curve[COUNT_OF(curve) - 1].height;
}

/* What producers write at night and at the peak, so that a stream of this size must grow and can. */
static double low_mib_s(const struct stream_config *stream)
{
    return 0.2 * (double)stream->desired_shards;
}

static double high_mib_s(const struct stream_config *stream)
{
    double wanted = 3.0 * (double)stream->desired_shards, possible = 0.5 * (double)stream->max_shards;

    return wanted < possible ? wanted : possible;
}

const char *demo_fleet_name(enum demo_fleet fleet)
{
    return fleets[fleet].name;
}

void demo_fleet_stream(const struct stream_config *stream, enum demo_fleet fleet,
                       char ret_name[FLEET_STREAM_SIZE])
{
    snprintf(ret_name, FLEET_STREAM_SIZE, "%s%s", stream->name, fleets[fleet].suffix);
}

int64_t demo_fleet_shards(const struct stream_config *stream, enum demo_fleet fleet)
{
    return fleet == FLEET_FOR_THE_PEAK ? (int64_t)ceil(high_mib_s(stream) / stream->target_utilization)
                                       : stream->desired_shards;
}

/* ---- time */

/*
 * A scaled clock shows the real time at its base.  So the base lies where the demo's time will have caught up with
 * the real one: now = base + (real - base) * speed, solved for the base that makes now a Friday.
 */
void demo_start_clock(struct demo *demo, double speed)
{
    const int64_t day_ms = 86400000;
    int64_t real_ms = clock_now_ms(clock_system()), today = real_ms / day_ms;
    int64_t friday = today - 1 - (today - 2) % 7; /* 1970-01-02, day 1, was a Friday */
    int64_t behind_ms = real_ms - (friday * day_ms + DEMO_FIRST_HOUR * 3600000);

    demo->friday_ms = friday * day_ms;
    clock_scaled_init(&demo->clock, real_ms + (int64_t)((double)behind_ms / (speed - 1)), speed);
}

/* ---- the scene */

static void trace_path(const struct demo *demo, size_t stream, char path[96])
{
    snprintf(path, 96, "%s/load-%zu.csv", demo->folder, stream);
}

static int write_trace(const struct demo *demo, size_t stream, struct error *err)
{
    const struct stream_config *s = &demo->config->streams[stream];
    double begin = DEMO_FIRST_HOUR + (double)(demo->start_ms - demo->day_ms) / 3600000;
    char path[96];
    FILE *file;

    trace_path(demo, stream, path);
    file = fopen(path, "we");
    if (file == NULL)
        return error_set(err, ERROR_CONFIG, "cannot write '%s'", path);
    fputs("minute,value\n", file);
    /* One hour more, so that producers do not stop before the demo does. */
    for (int64_t minute = 0; minute < (demo->hours + 1) * 60; minute++)
        fprintf(file, "%lld,%.4f\n", (long long)minute,
                low_mib_s(s) + (high_mib_s(s) - low_mib_s(s)) * height_at(begin + (double)minute / 60));
    if (fclose(file) != 0)
        return error_set(err, ERROR_CONFIG, "cannot write '%s'", path);
    return 0;
}

/* Gives the simulated AWS what `lines` writes. */
static int play_scene(const struct demo *demo, void (*lines)(const struct demo *demo, FILE *file),
                      struct error *err)
{
    char path[96];
    FILE *file;

    snprintf(path, sizeof(path), "%s/scene", demo->folder);
    file = fopen(path, "we");
    if (file == NULL)
        return error_set(err, ERROR_CONFIG, "cannot write '%s'", path);
    lines(demo, file);
    if (fclose(file) != 0)
        return error_set(err, ERROR_CONFIG, "cannot write '%s'", path);
    return sim_scene_load(sim_server_sim(demo->sim), path, err);
}

/* The twins; what kinescale looks after is provisioned. */
static void twins(const struct demo *demo, FILE *file)
{
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        for (int fleet = FLEET_LEFT_ALONE; fleet < FLEET_COUNT; fleet++) {
            const struct stream_config *stream = &demo->config->streams[i];
            char name[FLEET_STREAM_SIZE];

            demo_fleet_stream(stream, (enum demo_fleet)fleet, name);
            fprintf(file, "stream %s shards=%lld\n", name,
                    (long long)demo_fleet_shards(stream, (enum demo_fleet)fleet));
        }
    }
}

/* The same for all fleets, from the same moment on. */
static void producers(const struct demo *demo, FILE *file)
{
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        const struct stream_config *stream = &demo->config->streams[i];
        char trace[96];

        trace_path(demo, i, trace);
        for (int fleet = 0; fleet < FLEET_COUNT; fleet++) {
            char name[FLEET_STREAM_SIZE];

            demo_fleet_stream(stream, (enum demo_fleet)fleet, name);
            fprintf(file, "traffic %s load=trace:%s:%.2fM record=2048 keys=uniform\n", name, trace,
                    high_mib_s(stream));
        }
    }
}

/* The demo is its own AWS: nothing of the operator's account is used or even looked at. */
static void use_simulated_account(const char *endpoint)
{
    static const char *const foreign[] = {"AWS_PROFILE",
                                          "AWS_DEFAULT_PROFILE",
                                          "AWS_SESSION_TOKEN",
                                          "AWS_ENDPOINT_URL_KINESIS",
                                          "AWS_ENDPOINT_URL_CLOUDWATCH",
                                          "AWS_ENDPOINT_URL_SNS",
                                          "AWS_ENDPOINT_URL_STS",
                                          "AWS_ENDPOINT_URL_CLOUDFORMATION",
                                          "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                          "http_proxy",
                                          "HTTP_PROXY",
                                          "all_proxy",
                                          "ALL_PROXY"};

    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        unsetenv(foreign[i]);
    setenv("AWS_ENDPOINT_URL", endpoint, 1);
    setenv("AWS_ACCESS_KEY_ID", access_key_id, 1);
    setenv("AWS_SECRET_ACCESS_KEY", secret_access_key, 1);
}

static int start_sim(struct demo *demo, struct error *err)
{
    struct sim_server_options server = {.listen = "127.0.0.1:0", .clock = &demo->clock.clock};
    char endpoint[64];
    struct arn topic;

    if (arn_parse(demo->config->service.topic_arns[0], &topic, err) < 0)
        return -1;
    server.sim = (struct sim_options){.account = topic.account,
                                      .region = topic.region,
                                      .access_key_id = access_key_id,
                                      .secret_access_key = secret_access_key,
                                      .shard_limit = 10000,
                                      .metric_delay_ms = -1,
                                      .seed = 1,
                                      .check_signatures = true,
                                      .check_quotas = true};
    if (sim_server_start(&server, &demo->sim, err) < 0)
        return -1;
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", sim_server_port(demo->sim));
    use_simulated_account(endpoint);
    (void)text_copy(demo->config->service.region, sizeof(demo->config->service.region), topic.region);
    /* The topic of the scene is the first of the configuration. */
    snprintf(demo->config->service.topic_arns[0], sizeof(demo->config->service.topic_arns[0]),
             "arn:%s:sns:%s:%s:kinescale", "aws", topic.region, topic.account);
    demo->config->service.topic_count = 1;
    return 0;
}

static int start_daemon(struct demo *demo, struct error *err)
{
    struct service_config *service = &demo->config->service;
    struct daemon_options daemon = {.config = demo->config, .clock = &demo->clock.clock};

    snprintf(service->database, sizeof(service->database), "%s/kinescale.db", demo->folder);
    (void)text_copy(service->listen, sizeof(service->listen), "127.0.0.1:0");
    (void)text_copy(service->admin_listen, sizeof(service->admin_listen), "127.0.0.1:0");
    service->scale_down_schedule = SCHEDULE_INTERNAL;
    service->tls_certificate[0] = service->tls_key[0] = service->profile[0] = '\0';
    service->admin_token_file[0] = '\0';
    return daemon_start(&daemon, &demo->daemon, err);
}

int demo_start(struct demo *demo, struct error *err)
{
    char url[64];

    (void)text_copy(demo->folder, sizeof(demo->folder), "/tmp/kinescale-demo-XXXXXX");
    if (mkdtemp(demo->folder) == NULL) {
        demo->folder[0] = '\0';
        return error_set(err, ERROR_CONFIG, "cannot make a folder in /tmp");
    }
    if (start_sim(demo, err) < 0 || play_scene(demo, twins, err) < 0)
        return -1;
    clock_sleep_ms(&demo->clock.clock, TWINS_MADE_MS);
    if (account_open(&demo->config->service, &demo->clock.clock, &demo->account, err) < 0 ||
        demo_provision(demo, "", true, err) < 0)
        return -1;
    demo->day_ms = clock_now_ms(&demo->clock.clock);
    if (start_daemon(demo, err) < 0)
        return -1;
    /* The daemon's port is known now: the service's stack is updated, and SNS asks it to confirm. */
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/sns", daemon_port(demo->daemon));
    if (demo_provision(demo, url, false, err) < 0)
        return -1;
    demo->start_ms = clock_now_ms(&demo->clock.clock);
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        if (write_trace(demo, i, err) < 0)
            return -1;
    }
    if (play_scene(demo, producers, err) < 0 || demo_begin_sum(demo, err) < 0)
        return -1;
    return store_open_readonly(demo->config->service.database, &demo->store, err);
}

static void remove_file(const char *path)
{
    (void)unlink(path); /* may not be there */
}

/* SQLite leaves two more files beside the database when it was not closed last. */
static void remove_folder(const struct demo *demo)
{
    static const char *const files[] = {"scene", "kinescale.db", "kinescale.db-wal", "kinescale.db-shm"};
    char path[96];

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", demo->folder, files[i]);
        remove_file(path);
    }
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        trace_path(demo, i, path);
        remove_file(path);
    }
    if (rmdir(demo->folder) < 0)
        fprintf(stderr, "could not remove %s: %s\n", demo->folder, strerror(errno));
}

void demo_stop(struct demo *demo)
{
    store_close(demo->store);
    daemon_stop(demo->daemon);
    account_close(&demo->account);
    sim_server_stop(demo->sim);
    if (demo->folder[0] != '\0')
        remove_folder(demo);
}
