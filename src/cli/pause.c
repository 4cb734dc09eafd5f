/*
 * pause.c - `pause` and `resume`: a row in the database, obeyed by whoever works on it.
 */
#include "parts.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/number.h"
#include "store/actions.h"
#include "store/streams.h"

static const char *config_path = "streams.conf", *for_text, *clock_text;

static const struct cli_option pause_options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--for", "DURATION", NULL, "for so long, as 30m, 2h or 7d; else until it is resumed", &for_text},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as the daemon was given", &clock_text},
};
static const struct cli_option resume_options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as the daemon was given", &clock_text},
};

/* All of them or none: a misspelled name shall not leave the others paused unnoticed. */
static int check_streams(struct store *store, struct config **config, struct clock *clock, int argc,
                         char **argv, struct error *err)
{
    if (engine_recall(store, config, err) < 0)
        return -1;
    return cli_check_streams(*config, clock, (const char *const *)argv + 1, (size_t)argc, err);
}

/* Longer is a mistyped unit, or meant to be without an end. */
static const int64_t for_max_ms = 365LL * 24 * 60 * 60 * 1000;

static int tell(struct store *store, const char *stream, int64_t until_ms, bool was_paused, struct error *err)
{
    struct action action;
    bool running;
    char until[DATE_SIZE];

    if (store_action_current(store, stream, &action, &running, err) < 0)
        return -1;
    if (until_ms == 0) {
        printf("%s: %s\n", stream, was_paused ? "resumed" : "was not paused");
        return 0;
    }
    date_format_seconds(until_ms, until);
    printf("%s: paused until %s", stream, until_ms == INT64_MAX ? "it is resumed" : until);
    if (running)
        printf("; %s #%lld is under way and will be finished first", action_kind_name(action.kind),
               (long long)action.id);
    putchar('\n');
    return 0;
}

/* What the command line alone tells: a fault of it is said before any file is looked for.  *ret_for_ms: 0 for no end. */
static int read_arguments(int argc, bool pause, int64_t *ret_for_ms, struct error *err)
{
    *ret_for_ms = 0;
    if (argc == 0)
        return error_set(err, ERROR_CONFIG, "which stream?  Name one or more");
    if (pause && for_text != NULL &&
        (!number_parse_duration(for_text, ret_for_ms) || *ret_for_ms == 0 || *ret_for_ms > for_max_ms))
        return error_set(err, ERROR_CONFIG, "--for must be a duration as 30m or 2h, at most 365d, not '%s'",
                         for_text);
    return 0;
}

static int set(struct config **config, int argc, char **argv, bool pause, int64_t for_ms, struct error *err)
{
    struct scaled_clock scaled;
    struct clock *clock;
    struct store *store;
    int64_t until_ms = 0, now_ms;
    int result;

    if (cli_clock(clock_text, &scaled, &clock, err) < 0 ||
        store_open((*config)->service.database, &store, err) < 0)
        return -1;
    result = check_streams(store, config, clock, argc, argv, err);
    now_ms = clock_now_ms(clock);
    if (pause)
        until_ms = for_ms == 0 ? INT64_MAX : now_ms + for_ms;
    for (int i = 1; i <= argc && result == 0; i++) {
        struct stream_state before;

        result = store_stream_load(store, argv[i], &before, err);
        if (result == 0)
            result = store_stream_pause(store, argv[i], until_ms, now_ms, err);
        if (result == 0)
            result = tell(store, argv[i], until_ms, before.paused_until_ms > now_ms, err);
    }
    store_close(store);
    return result;
}

static int run(const struct command *command, const struct cli_option *options, size_t count, int argc,
               char **argv)
{
    struct error err = {0};
    struct config *config;
    bool pause = command == &command_pause;
    int64_t for_ms;
    int code = EXIT_DONE;
    int left = cli_parse(command, options, count, argc, argv, &code);

    if (left < 0)
        return code;
    if (read_arguments(left, pause, &for_ms, &err) < 0)
        return cli_fail(&err);
    config = cli_config(config_path);
    if (config == NULL)
        return EXIT_USAGE;
    code = set(&config, left, argv, pause, for_ms, &err) < 0 ? cli_fail(&err) : EXIT_DONE;
    config_free(config);
    return code;
}

static int run_pause(int argc, char **argv)
{
    return run(&command_pause, pause_options, COUNT_OF(pause_options), argc, argv);
}

static int run_resume(int argc, char **argv)
{
    return run(&command_resume, resume_options, COUNT_OF(resume_options), argc, argv);
}

const struct command command_pause = {
    "pause", "STREAM...", "Leave streams alone, for a while or until they are resumed", run_pause};
const struct command command_resume = {"resume", "STREAM...", "End a pause", run_resume};
