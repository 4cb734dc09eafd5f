/*
 * demo.c - the whole main job in about a minute: the simulated AWS and the daemon in one process, on one fast clock.
 *
 * Every stream of streams.conf has a twin with the same shards and the same producers that nobody looks after.
 * Nothing is staged: the daemon talks to the simulated AWS over loopback, signed requests one way and signed
 * SNS messages the other; what is printed was read from its database and from CloudWatch's alarms.
 */
#include "parts.h"

#include "aws/cloudwatch.h"
#include "aws/endpoint.h"
#include "base/date.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "sim/sim.h"
#include "store/actions.h"
#include "store/notifications.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

static const char *config_path = "streams.conf", *speed_text = "1440", *hours_text = "24", *stay;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "whose streams are played with; nothing of it is touched",
     &config_path},
    {"--speed", "N", "1440", "simulated seconds per second", &speed_text},
    {"--hours", "N", "24", "simulated hours", &hours_text},
    {"--stay", NULL, NULL, "leave it running at the end, until interrupted", &stay},
};

static const char access_key_id[] = "AKIAKINESCALEDEMO001",
                  secret_access_key[] = "kinescale/demo/secret/key/000000000000001";
static const char twin_suffix[] = "-left-alone";

enum { WATCH_EVERY_REAL_MS = 50, ALARMS_MAX = 512 };

struct seen_alarm {
    char name[ALARM_NAME_SIZE];
    enum alarm_state state;
    double threshold;
};

struct demo {
    struct config *config;
    struct scaled_clock clock;
    struct sim_server *sim;
    struct daemon *daemon;
    struct account account;
    struct store *store;
    char folder[64];
    int64_t hours;
    int64_t start_ms;
    int64_t last_notification, last_action_begun, last_action_ended;
    struct seen_alarm alarms[ALARMS_MAX];
    size_t alarm_count;
    int actions;
};

/* ---- the scene */

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

static int write_scene(const struct demo *demo, const char *path, struct error *err)
{
    FILE *file = fopen(path, "we");

    if (file == NULL)
        return error_set(err, ERROR_CONFIG, "cannot write '%s'", path);
    fprintf(file, "topic kinescale\nsubscribe kinescale http://127.0.0.1:%d/sns\n",
            daemon_port(demo->daemon));
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        const struct stream_config *s = &demo->config->streams[i];

        for (int twin = 0; twin < 2; twin++)
            fprintf(file,
                    "stream %s%s shards=%lld\ntraffic %s%s load=day:%.2fM:%.2fM record=2048 keys=uniform\n",
                    s->name, twin ? twin_suffix : "", (long long)s->desired_shards, s->name,
                    twin ? twin_suffix : "", low_mib_s(s), high_mib_s(s));
        fprintf(file, "alarms %s topic=kinescale threshold=%g%% period=60s\n", s->name,
                s->scale_up_threshold * 100);
    }
    if (fclose(file) != 0)
        return error_set(err, ERROR_CONFIG, "cannot write '%s'", path);
    return 0;
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
    service->tls_certificate[0] = service->tls_key[0] = service->profile[0] = '\0';
    return daemon_start(&daemon, &demo->daemon, err);
}

static int start(struct demo *demo, struct error *err)
{
    char scene[96];

    (void)text_copy(demo->folder, sizeof(demo->folder), "/tmp/kinescale-demo-XXXXXX");
    if (mkdtemp(demo->folder) == NULL)
        return error_set(err, ERROR_CONFIG, "cannot make a folder in /tmp");
    demo->start_ms = clock_now_ms(&demo->clock.clock);
    snprintf(scene, sizeof(scene), "%s/scene", demo->folder);
    if (start_sim(demo, err) < 0 || start_daemon(demo, err) < 0 || write_scene(demo, scene, err) < 0 ||
        sim_scene_load(sim_server_sim(demo->sim), scene, err) < 0 ||
        account_open(&demo->config->service, &demo->clock.clock, &demo->account, err) < 0)
        return -1;
    demo->start_ms = clock_now_ms(&demo->clock.clock);
    return store_open_readonly(demo->config->service.database, &demo->store, err);
}

/* SQLite leaves two more files beside the database when it was not closed last. */
static void remove_folder(const char *folder)
{
    static const char *const files[] = {"scene", "kinescale.db", "kinescale.db-wal", "kinescale.db-shm"};

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        (void)unlink(path); /* may not be there */
    }
    if (rmdir(folder) < 0)
        fprintf(stderr, "could not remove %s: %s\n", folder, strerror(errno));
}

static void stop(struct demo *demo)
{
    store_close(demo->store);
    daemon_stop(demo->daemon);
    account_close(&demo->account);
    sim_server_stop(demo->sim);
    if (demo->folder[0] != '\0')
        remove_folder(demo->folder);
}

/* ---- what happens */

static void say(const struct demo *demo, int64_t at_ms, const char *stream, const char *what,
                const char *text)
{
    int64_t minutes = (at_ms - demo->start_ms) / 60000;

    printf("  %02lld:%02lld  %-16s %-10s %s\n", (long long)minutes / 60, (long long)minutes % 60, stream,
           what, text);
    fflush(stdout);
}

static void watch_notifications(struct demo *demo)
{
    struct notification_list list = {0};
    struct error err = {0};

    if (store_notifications_recent(demo->store, NULL, -1, 50, &list, &err) < 0)
        return;
    for (size_t i = list.count; i > 0; i--) {
        const struct notification *n = &list.items[i - 1];

        if (n->id <= demo->last_notification)
            continue;
        demo->last_notification = n->id;
        if (strcmp(n->new_state, "ALARM") == 0)
            say(demo, n->received_ms, n->stream, "alarm", n->alarm_name);
    }
    notification_list_clear(&list);
}

static void say_end(const struct demo *demo, const struct action *action)
{
    struct step_list_stored steps = {0};
    struct error err = {0};
    char text[640];
    int counts[3] = {0};

    if (store_steps(demo->store, action->id, &steps, &err) < 0)
        return;
    for (size_t i = 0; i < steps.count; i++)
        counts[steps.items[i].operation.kind] += steps.items[i].outcome == STEP_ACCEPTED;
    step_list_stored_clear(&steps);
    snprintf(text, sizeof(text), "%lld to %lld shards in %lld min: %d splits, %d UpdateShardCount%s%s",
             (long long)action->from_shards, (long long)action->to_shards,
             (long long)(action->ended_ms - action->started_ms + 30000) / 60000, counts[OPERATION_SPLIT],
             counts[OPERATION_UPDATE], action->failure[0] != '\0' ? "; but: " : "", action->failure);
    say(demo, action->ended_ms, action->stream, "done", text);
}

static void watch_actions(struct demo *demo)
{
    struct action_list list = {0};
    struct error err = {0};

    if (store_actions_recent(demo->store, NULL, 50, &list, &err) < 0)
        return;
    for (size_t i = list.count; i > 0; i--) {
        const struct action *action = &list.items[i - 1];

        if (action->id > demo->last_action_begun && action->reason[0] != '\0') {
            demo->last_action_begun = action->id;
            say(demo, action->started_ms, action->stream, "decision", action->reason);
        }
        if (action->id > demo->last_action_ended && action->ended_ms > 0) {
            demo->last_action_ended = action->id;
            demo->actions += action->to_shards != action->from_shards;
            say_end(demo, action);
        }
    }
    action_list_clear(&list);
}

static struct seen_alarm *seen(struct demo *demo, const struct alarm *alarm)
{
    for (size_t i = 0; i < demo->alarm_count; i++) {
        if (strcmp(demo->alarms[i].name, alarm->name) == 0)
            return &demo->alarms[i];
    }
    if (demo->alarm_count == ALARMS_MAX)
        return NULL;
    (void)text_copy(demo->alarms[demo->alarm_count].name, ALARM_NAME_SIZE, alarm->name);
    demo->alarms[demo->alarm_count].threshold = alarm->threshold;
    demo->alarms[demo->alarm_count].state = alarm->state;
    return &demo->alarms[demo->alarm_count++];
}

static void watch_alarms(struct demo *demo)
{
    struct alarm_list list = {0};
    struct error err = {0};
    int64_t now_ms = clock_now_ms(&demo->clock.clock);

    if (cloudwatch_alarms_by_action(demo->account.aws, demo->config->service.topic_arns[0], &list, &err) < 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        const struct alarm *alarm = &list.items[i];
        struct seen_alarm *before = seen(demo, alarm);
        char text[ALARM_NAME_SIZE + 64];

        if (before == NULL)
            continue;
        if (before->threshold != alarm->threshold) {
            snprintf(text, sizeof(text), "%s now at %.0f a minute", alarm->name, alarm->threshold);
            say(demo, now_ms, alarm->stream, "threshold", text);
        }
        if (before->state == ALARM_ALARM && alarm->state == ALARM_OK) {
            snprintf(text, sizeof(text), "%s is OK and can fire again", alarm->name);
            say(demo, now_ms, alarm->stream, "armed", text);
        }
        before->threshold = alarm->threshold;
        before->state = alarm->state;
    }
    alarm_list_clear(&list);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void watch(struct demo *demo, int64_t until_ms)
{
    struct clock *wall = clock_system();

    while (!interrupted && clock_now_ms(&demo->clock.clock) < until_ms) {
        watch_notifications(demo);
        watch_actions(demo);
        watch_alarms(demo);
        clock_sleep_ms(wall, WATCH_EVERY_REAL_MS);
    }
}

/* ---- what it came to */

static double share(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

/* *ret_better: no stream lost more than its twin, and together they lost less. */
static int summarise(struct demo *demo, bool *ret_better, struct error *err)
{
    static const char *const headings[] = {"STREAM",
                                           "SHARDS",
                                           "THROTTLED",
                                           "SHARD-HOURS",
                                           "LEFT ALONE: THROTTLED",
                                           "SHARD-HOURS",
                                           "SIZED FOR THE PEAK: SHARD-HOURS",
                                           NULL};
    struct table table = {.headings = headings, .right_aligned = 0x7e};
    double lost = 0, lost_alone = 0;

    for (size_t i = 0; i < demo->config->stream_count; i++) {
        const struct stream_config *s = &demo->config->streams[i];
        struct sim *sim = sim_server_sim(demo->sim);
        struct sim_totals with, without;
        char twin[STREAM_NAME_SIZE + 16];
        double peak_shards = (double)(int64_t)(high_mib_s(s) / s->target_utilization + 0.999);

        snprintf(twin, sizeof(twin), "%s%s", s->name, twin_suffix);
        if (sim_stream_totals(sim, s->name, &with, err) < 0 ||
            sim_stream_totals(sim, twin, &without, err) < 0) {
            table_clear(&table);
            return -1;
        }
        lost += with.throttled_bytes;
        lost_alone += without.throttled_bytes;
        table_add(&table, "%s", s->name);
        table_add(&table, "%lld -> %lld", (long long)s->desired_shards, (long long)with.open_shards);
        table_add(&table, "%.3f %%", share(with.throttled_bytes, with.offered_bytes));
        table_add(&table, "%.0f", with.shard_hours);
        table_add(&table, "%.3f %%", share(without.throttled_bytes, without.offered_bytes));
        table_add(&table, "%.0f", without.shard_hours);
        table_add(&table, "%.0f", peak_shards * (double)demo->hours);
    }
    printf("\nWhat producers lost to throttling, and what the shards cost, with kinescale and without:\n\n");
    table_print(&table, stdout);
    table_clear(&table);
    *ret_better = lost < lost_alone;
    return 0;
}

static int play(struct demo *demo, struct error *err)
{
    bool better;

    printf(
        "kinescale demo: %lld simulated hours, %s simulated seconds a second, %zu streams of %s.\n"
        "Each has a twin with the same producers that is left alone.  Night is quiet, the morning rises.\n\n",
        (long long)demo->hours, speed_text, demo->config->stream_count, config_path);
    if (start(demo, err) < 0)
        return -1;
    watch(demo, demo->start_ms + demo->hours * 3600 * 1000);
    if (summarise(demo, &better, err) < 0)
        return -1;
    if (stay != NULL && !interrupted) {
        printf("\nStill running: simulated AWS on http://127.0.0.1:%d, daemon on port %d, admin on port %d.\n"
               "Interrupt (Ctrl-C) to end.\n",
               sim_server_port(demo->sim), daemon_port(demo->daemon), daemon_admin_port(demo->daemon));
        watch(demo, INT64_MAX);
    }
    if (interrupted)
        return 0;
    if (demo->actions == 0 || !better)
        return error_set(err, ERROR_BUG, "the streams were not better off: %d actions changed shards",
                         demo->actions);
    printf("\n%d actions.  Alarms came in by SNS, shards were split, thresholds moved with the capacity, the "
           "alarms\n"
           "were armed again.  'kinescale demo --stay' leaves it running; README.md goes on from here.\n",
           demo->actions);
    return 0;
}

static int run(int argc, char **argv)
{
    struct demo *demo;
    struct error err = {0};
    int64_t speed, hours;
    int code = EXIT_DONE;
    int left = cli_parse(&command_demo, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    if (left > 0 || !number_parse(speed_text, 1, 3600, &speed) || !number_parse(hours_text, 1, 240, &hours)) {
        (void)error_set(&err, ERROR_CONFIG,
                        "demo takes --speed 1 to 3600 and --hours 1 to 240, and no argument");
        return cli_fail(&err);
    }
    demo = must_calloc(1, sizeof(*demo));
    demo->config = cli_config(config_path);
    demo->hours = hours;
    if (demo->config == NULL) {
        free(demo);
        return EXIT_USAGE;
    }
    log_set_level(LOG_ERROR);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    clock_scaled_init(&demo->clock, clock_now_ms(clock_system()), (double)speed);
    code = play(demo, &err) < 0 ? cli_fail(&err) : EXIT_DONE;
    stop(demo);
    config_free(demo->config);
    free(demo);
    return code;
}

const struct command command_demo = {"demo", "", "Play a day on the simulated AWS in about a minute", run};
