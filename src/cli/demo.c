/*
 * demo.c - the whole main job in about a minute: the simulated AWS and the daemon in one process, on one fast clock.
 *
 * Every stream of streams.conf has two twins with the same producers that nobody looks after: one with the same
 * shards, one with as many as the peak needs.  Nothing is staged: the daemon talks to the simulated AWS over loopback,
 * signed requests one way and signed SNS messages the other; what is printed was read from its database and from
 * CloudWatch's alarms, what is summed up was counted by the simulated AWS.
 */
#include "demo.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"

#include <signal.h>
#include <sys/stat.h>

static const char *config_path = "streams.conf", *speed_text = "3000", *hours_text = "55", *stay;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "whose streams are played with; nothing of it is touched",
     &config_path},
    {"--speed", "N", "3000", "simulated seconds per second", &speed_text},
    {"--hours", "N", "55", "simulated hours", &hours_text},
    {"--stay", NULL, NULL, "leave it running at the end, until interrupted", &stay},
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static int play(struct demo *demo, struct error *err)
{
    bool better;

    if (demo->config->stream_count == 0)
        return error_set(err, ERROR_CONFIG,
                         "demo plays with the [stream NAME] sections of %s: a pattern makes no stream",
                         config_path);
    printf("kinescale demo: %lld simulated hours, %s simulated seconds a second, %zu streams of %s.\n"
           "Each has two twins with the same producers: one is left alone, one is sized for the peak.\n",
           (long long)demo->hours, speed_text, demo->config->stream_count, config_path);
    if (demo_start(demo, err) < 0)
        return -1;
    demo_watch(demo, demo->start_ms + demo->hours * 3600 * 1000, &interrupted);
    if (demo_summarise(demo, &better, err) < 0)
        return -1;
    if (stay != NULL && !interrupted) {
        printf("\nStill running: simulated AWS on http://127.0.0.1:%d, daemon on port %d, admin on port %d.\n"
               "Interrupt (Ctrl-C) to end.\n",
               sim_server_port(demo->sim), daemon_port(demo->daemon), daemon_admin_port(demo->daemon));
        demo_watch(demo, INT64_MAX, &interrupted);
    }
    if (interrupted)
        return 0;
    if (demo->actions == 0 || !better)
        return error_set(err, ERROR_BUG, "the streams were not better off: %d actions changed shards",
                         demo->actions);
    printf(
        "\n%d actions.  Alarms came in by SNS, shards were split%s, thresholds moved with the capacity, the\n"
        "alarms were armed again.  'kinescale demo --stay' leaves it running; README.md goes on from here.\n",
        demo->actions, demo->gave_back ? " and merged" : "");
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
    if (left > 0 || !number_parse(speed_text, 2, 3600, &speed) || !number_parse(hours_text, 1, 240, &hours)) {
        (void)error_set(&err, ERROR_CONFIG,
                        "demo takes --speed 2 to 3600 and --hours 1 to 240, and no argument");
        return cli_fail(&err);
    }
    demo = must_calloc(1, sizeof(*demo));
    demo->config = cli_config(config_path);
    demo->hours = hours;
    if (demo->config == NULL) {
        free(demo);
        return EXIT_USAGE;
    }
    demo->streams = must_calloc(demo->config->stream_count, sizeof(*demo->streams));
    log_set_level(LOG_ERROR);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    demo_start_clock(demo, (double)speed);
    code = play(demo, &err) < 0 ? cli_fail(&err) : EXIT_DONE;
    demo_stop(demo);
    free(demo->streams);
    config_free(demo->config);
    free(demo);
    return code;
}

const struct command command_demo = {
    "demo", "", "Play a busy day and a quiet weekend on the simulated AWS in about a minute", run};
