/*
 * sim_aws.c - `kinescale sim-aws`: a simulated AWS on a loopback address, until it is told to end.
 */
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/cli.h"
#include "sim/sim.h"

#include <signal.h>

static int run_sim_aws(int argc, char **argv);

const struct command command_sim_aws = {
    .name = "sim-aws",
    .arguments = "",
    .summary = "Run a simulated AWS on this machine: Kinesis, CloudWatch, SNS, STS, CloudFormation",
    .run = run_sim_aws,
};

/* What the command line gave, as text. */
struct arguments {
    const char *listen, *public_url, *speed, *clock, *account, *region, *scene, *seed;
    const char *shard_limit, *create_s, *split_s, *update_s, *metric_delay_s;
    const char *no_signatures, *no_quotas, *lenient, *any_certificate;
};

/* A number of seconds, or what the option leaves to the model. */
struct limit {
    const char *name, *text, *otherwise; /* otherwise: a word that stands for `fallback`; may be NULL */
    int64_t minimum, maximum, scale, fallback;
    int64_t *value;
};

static int read_limit(const struct limit *limit, struct error *err)
{
    int64_t number;

    *limit->value = limit->fallback;
    if (limit->text == NULL || (limit->otherwise != NULL && text_equal(limit->text, limit->otherwise)))
        return 0;
    if (!number_parse(limit->text, limit->minimum, limit->maximum, &number))
        return error_set(err, ERROR_CONFIG, "%s must be %s%s%lld to %lld, not '%s'", limit->name,
                         limit->otherwise == NULL ? "" : limit->otherwise,
                         limit->otherwise == NULL ? "" : " or ", (long long)limit->minimum,
                         (long long)limit->maximum, limit->text);
    *limit->value = number * limit->scale;
    return 0;
}

static int read_limits(const struct arguments *arguments, struct sim_options *sim, struct error *err)
{
    int64_t seed = 0;
    const struct limit limits[] = {
        {"--shard-limit", arguments->shard_limit, NULL, 1, 1000000, 1, 0, &sim->shard_limit},
        {"--create-seconds", arguments->create_s, NULL, 1, 86400, 1000, 0, &sim->create_ms},
        {"--split-seconds", arguments->split_s, NULL, 1, 86400, 1000, 0, &sim->split_ms},
        {"--update-seconds", arguments->update_s, "serial", 1, 86400, 1000, 0, &sim->update_ms},
        {"--metric-delay", arguments->metric_delay_s, NULL, 0, 86400, 1000, -1, &sim->metric_delay_ms},
        {"--seed", arguments->seed, NULL, 0, INT64_MAX, 1, 1, &seed},
    };

    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        if (read_limit(&limits[i], err) < 0)
            return -1;
    }
    sim->seed = (uint64_t)seed;
    return 0;
}

static bool consists_of(const char *text, const char *characters, size_t minimum, size_t maximum)
{
    size_t length = strlen(text);

    return strspn(text, characters) == length && length >= minimum && length <= maximum;
}

/* Messages put a path behind it. */
static bool is_base_url(const char *url)
{
    const char *host = strstr(url, "://");

    return host != NULL && (text_starts_with(url, "http://") || text_starts_with(url, "https://")) &&
           consists_of(host + strlen("://"),
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-[]:", 1, 255);
}

static int read_account(const struct arguments *arguments, struct sim_options *sim, struct error *err)
{
    if (arguments->account != NULL && !consists_of(arguments->account, "0123456789", 12, 12))
        return error_set(err, ERROR_CONFIG, "--account must be 12 digits, not '%s'", arguments->account);
    if (arguments->region != NULL &&
        !consists_of(arguments->region, "abcdefghijklmnopqrstuvwxyz0123456789-", 1, 32))
        return error_set(err, ERROR_CONFIG, "--region must be the name of a region, not '%s'",
                         arguments->region);
    if (arguments->public_url != NULL && !is_base_url(arguments->public_url))
        return error_set(err, ERROR_CONFIG, "--public-url must be http(s)://HOST:PORT, not '%s'",
                         arguments->public_url);
    sim->account = arguments->account;
    sim->region = arguments->region;
    sim->public_url = arguments->public_url;
    return 0;
}

/* Simulated time begins now, or runs along with another process that was given the same text. */
static int read_clock(const struct arguments *arguments, struct scaled_clock *clock, struct error *err)
{
    double speed;

    if (arguments->clock != NULL && arguments->speed != NULL)
        return error_set(err, ERROR_CONFIG, "--clock says the speed already: leave --speed out");
    if (arguments->clock != NULL)
        return clock_scaled_parse(arguments->clock, clock, err);
    if (!number_parse_double(arguments->speed == NULL ? "1" : arguments->speed, &speed) || speed < 1 ||
        speed > 100000)
        return error_set(err, ERROR_CONFIG, "--speed must be 1 to 100000, not '%s'", arguments->speed);
    clock_scaled_init(clock, clock_now_ms(clock_system()), speed);
    return 0;
}

/* As a shell reads it: what is no setting is a comment. */
static void announce(const struct sim_server *server, const char *host_and_port,
                     const struct sim_options *sim, const struct scaled_clock *clock)
{
    const char *port = strrchr(host_and_port, ':');
    char speed[32];

    number_format_double(clock->speed, speed, sizeof(speed));
    printf("# simulated AWS, account %s\n", sim->account == NULL ? SIM_ACCOUNT : sim->account);
    printf("export AWS_ENDPOINT_URL=http://%.*s:%d\n", (int)(port - host_and_port), host_and_port,
           sim_server_port(server));
    printf("export AWS_REGION=%s\n", sim->region == NULL ? SIM_REGION : sim->region);
    printf("export AWS_DEFAULT_REGION=%s\n", sim->region == NULL ? SIM_REGION : sim->region);
    printf("export AWS_ACCESS_KEY_ID='%s'\n", SIM_ACCESS_KEY_ID);
    printf("export AWS_SECRET_ACCESS_KEY='%s'\n", SIM_SECRET_ACCESS_KEY);
    printf("# kinescale serve --clock %lld@%s\n", (long long)clock->base_ms, speed);
    (void)fflush(stdout); /* main() looks whether it was written */
}

static int serve(const struct arguments *arguments, struct error *err)
{
    struct scaled_clock clock;
    struct sim_server *server;
    struct sim_server_options options = {
        .sim = {.check_signatures = arguments->no_signatures == NULL,
                .check_quotas = arguments->no_quotas == NULL},
        .listen = arguments->listen,
        .clock = &clock.clock,
        .scene = arguments->scene,
        .lenient = arguments->lenient != NULL,
        .accept_any_certificate = arguments->any_certificate != NULL,
    };
    sigset_t signals;
    int signal_number;

    if (read_limits(arguments, &options.sim, err) < 0 || read_account(arguments, &options.sim, err) < 0 ||
        read_clock(arguments, &clock, err) < 0)
        return -1;
    /* Before the first thread: all of them inherit it, and only sigwait() below gets one. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL); /* fails for wrong arguments only */
    (void)signal(SIGPIPE, SIG_IGN);
    if (sim_server_start(&options, &server, err) < 0)
        return -1;
    announce(server, arguments->listen, &options.sim, &clock);
    (void)sigwait(&signals, &signal_number);
    sim_server_stop(server);
    return 0;
}

static int run_sim_aws(int argc, char **argv)
{
    struct arguments arguments;
    const struct cli_option options[] = {
        {"--listen", "HOST:PORT", "127.0.0.1:4567", "a loopback address; port 0 for any", &arguments.listen},
        {"--public-url", "URL", NULL, "where messages say it is, when something stands in front of it",
         &arguments.public_url},
        {"--scene", "FILE", NULL, "streams, alarms, topics and traffic there are at the start",
         &arguments.scene},
        {"--speed", "N", NULL, "simulated seconds a second (default: 1)", &arguments.speed},
        {"--clock", "BASE@SPEED", NULL, "run along with another process's simulated time", &arguments.clock},
        {"--account", "ID", NULL, "12 digits (default: " SIM_ACCOUNT ")", &arguments.account},
        {"--region", "NAME", NULL, "(default: " SIM_REGION ")", &arguments.region},
        {"--shard-limit", "N", NULL, "shards the account may have (default: 500)", &arguments.shard_limit},
        {"--create-seconds", "N", NULL, "until a new stream is ACTIVE (default: 30)", &arguments.create_s},
        {"--split-seconds", "N", NULL, "a split or merge lasts (default: 30)", &arguments.split_s},
        {"--update-seconds", "N", NULL,
         "UpdateShardCount lasts; 'serial': as its splits and merges would (default)", &arguments.update_s},
        {"--metric-delay", "N", NULL, "seconds until a minute's metrics can be read (default: 75)",
         &arguments.metric_delay_s},
        {"--seed", "N", NULL, "of ids and jitter (default: 1)", &arguments.seed},
        {"--no-signatures", NULL, NULL, "any well-formed Authorization will do", &arguments.no_signatures},
        {"--no-quotas", NULL, NULL, "never throttle requests", &arguments.no_quotas},
        {"--lenient", NULL, NULL, "pass over unknown members, as AWS does, instead of refusing them",
         &arguments.lenient},
        {"--any-certificate", NULL, NULL, "deliver to HTTPS endpoints whatever their certificate",
         &arguments.any_certificate},
    };
    struct error err = {0};
    int code, left = cli_parse(&command_sim_aws, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    if (left > 0) {
        (void)error_set(&err, ERROR_CONFIG, "sim-aws takes no argument '%s'", argv[1]);
        return cli_fail(&err);
    }
    return serve(&arguments, &err) < 0 ? cli_fail(&err) : EXIT_DONE;
}
