/*
 * serve.c - runs the daemon until it is told to stop.
 */
#include "parts.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "daemon/daemon.h"

#include <signal.h>
#include <sys/stat.h>

static const char *config_path = "streams.conf", *clock_text, *region, *profile;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--region", "REGION", NULL, "instead of the configured one", &region},
    {"--profile", "NAME", NULL, "of the AWS configuration, instead of the configured one", &profile},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as 'kinescale sim-aws' prints it", &clock_text},
};

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}};

static void set_log_level(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (text_equal(levels[i].name, name))
            log_set_level(levels[i].level);
    }
}

/* A signal is not handled but waited for: every thread has it blocked.  A client that went away and a file that
 * may not grow are errors of the call that met them, no reason to end. */
static void block_signals(sigset_t *awaited)
{
    sigemptyset(awaited);
    sigaddset(awaited, SIGINT);
    sigaddset(awaited, SIGTERM);
    sigaddset(awaited, SIGHUP);
    pthread_sigmask(SIG_BLOCK, awaited, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* What the command line says holds against the file, at the start and later. */
static void apply_options(struct service_config *service)
{
    if (region != NULL)
        (void)text_copy(service->region, sizeof(service->region), region);
    if (profile != NULL)
        (void)text_copy(service->profile, sizeof(service->profile), profile);
    set_log_level(service->log_level);
}

static void reload(struct daemon *daemon)
{
    SCOPED(fault_list_clear) struct fault_list faults = {0};
    struct config *config;
    struct error err = {0};

    LOG(LOG_INFO, "reloading", {"file", config_path});
    if (config_load_again(config_path, &config, &faults, &err) < 0) {
        daemon_refuse_reload(daemon, &faults);
        return;
    }
    apply_options(&config->service);
    daemon_reload(daemon, config);
}

/* The signal that ended it. */
static int wait_for_stop(struct daemon *daemon, const sigset_t *awaited)
{
    int number = 0;

    for (;;) {
        if (sigwait(awaited, &number) != 0)
            continue;
        if (number != SIGHUP)
            return number;
        reload(daemon);
    }
}

static int serve(struct config *config, struct error *err)
{
    struct scaled_clock scaled;
    struct daemon_options daemon_options = {.config = config};
    struct daemon *daemon;
    sigset_t awaited;
    int signal_number;

    if (cli_clock(clock_text, &scaled, &daemon_options.clock, err) < 0)
        return -1;
    apply_options(&config->service);
    umask(077); /* what we make holds what our streams do; it is nobody else's */
    block_signals(&awaited);
    log_never_wait();
    if (daemon_start(&daemon_options, &daemon, err) < 0)
        return -1;
    signal_number = wait_for_stop(daemon, &awaited);
    LOG(LOG_INFO, "stopping", {"signal", .number = signal_number});
    daemon_stop(daemon);
    LOG(LOG_INFO, "stopped", {"signal", .number = signal_number});
    return 0;
}

static int run(int argc, char **argv)
{
    struct error err = {0};
    struct config *config;
    int code = EXIT_DONE;
    int left = cli_parse(&command_serve, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    if (left > 0) {
        (void)error_set(&err, ERROR_CONFIG, "serve takes no argument, not '%s'", argv[1]);
        return cli_fail(&err);
    }
    config = cli_config(config_path);
    if (config == NULL)
        return EXIT_USAGE;
    code = serve(config, &err) < 0 ? cli_fail(&err) : EXIT_DONE;
    config_free(config);
    return code;
}

const struct command command_serve = {"serve", "",
                                      "Take alarms, split shards, move thresholds, until stopped", run};
