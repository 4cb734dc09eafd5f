/*
 * provision.c - makes the stacks for what streams.conf declares and AWS lacks.
 */
#include "parts.h"

#include "aws/kinesis.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/provision.h"

#include <cjson/cJSON.h>

static const char *config_path = "streams.conf", *output = "table", *dry_run, *print_template, *clock_text;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--dry-run", NULL, NULL, "print what would be done and touch nothing", &dry_run},
    {"--print-template", "KIND", NULL, "print the CloudFormation template for the service or a stream",
     &print_template},
    {"--output", "table|json", "table", "for people or for programs", &output},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as 'kinescale sim-aws' prints it", &clock_text},
};

struct job {
    struct config *config;
    struct scaled_clock clock_scaled;
    struct clock *clock;
    struct account account;
    struct provision *provision;
    bool json;
    bool terminal;
    FILE *out; /* where progress is told: JSON stays one document */
    int lines; /* drawn on the terminal */
};

static const char *name_of(const struct provision_row *row)
{
    return row->stream != NULL ? row->stream : "(service)";
}

/* ---- progress */

/* One line per event: for logs and pipes. */
static void tell(void *context, const struct provision_row *row, const char *text)
{
    const struct job *job = context;
    char at[DATE_SIZE];

    if (job->terminal)
        return;
    date_format_seconds(clock_now_ms(job->clock), at);
    cli_print(job->out, "%s  %s  %s\n", at, name_of(row), text);
    fflush(job->out);
}

/* On a terminal: what is under way, and how many are over. */
static void draw(struct job *job)
{
    size_t count, over = 0;
    const struct provision_row *rows = provision_rows(job->provision, &count);
    int lines = 0;

    if (!job->terminal)
        return;
    if (job->lines > 0)
        fprintf(job->out, "\033[%dA\033[J", job->lines);
    for (size_t i = 0; i < count; i++) {
        over += rows[i].result != PROVISION_OPEN;
        if (rows[i].result != PROVISION_OPEN || rows[i].doing[0] == '\0')
            continue;
        cli_print(job->out, "%-40.40s %s\n", name_of(&rows[i]), rows[i].doing);
        lines++;
    }
    if (over < count) {
        fprintf(job->out, "%zu of %zu stacks looked at or made\n", over, count);
        lines++;
    }
    job->lines = lines;
    fflush(job->out);
}

/* ---- the outcome */

static const char *outcome(const struct provision_row *row)
{
    bool planned = dry_run != NULL && row->result == PROVISION_UNCHANGED;

    return planned ? provision_deed_name(row->deed) : provision_result_name(row->result);
}

static void print_table(const struct job *job)
{
    static const char *const headings[] = {"STREAM", "STACK", "RESULT", "WHY", NULL};
    struct table table = {.headings = headings};
    size_t count;
    const struct provision_row *rows = provision_rows(job->provision, &count);

    for (size_t i = 0; i < count; i++) {
        table_add(&table, "%s", name_of(&rows[i]));
        table_add(&table, "%s", rows[i].stack);
        table_add(&table, "%s", outcome(&rows[i]));
        table_add(&table, "%s", rows[i].reason);
    }
    table_print(&table, stdout);
    table_clear(&table);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].note[0] != '\0')
            cli_print(stdout, "%s: %s\n", name_of(&rows[i]), rows[i].note);
    }
}

static void print_json(const struct job *job)
{
    cJSON *array = cJSON_CreateArray();
    size_t count;
    const struct provision_row *rows = provision_rows(job->provision, &count);
    char *text;

    for (size_t i = 0; i < count; i++) {
        cJSON *object = cJSON_CreateObject(), *parameters;

        if (rows[i].stream != NULL)
            (void)cJSON_AddStringToObject(object, "stream", rows[i].stream);
        else
            (void)cJSON_AddNullToObject(object, "stream");
        (void)cJSON_AddStringToObject(object, "stack", rows[i].stack);
        (void)cJSON_AddStringToObject(object, "result", outcome(&rows[i]));
        (void)cJSON_AddStringToObject(object, "reason", rows[i].reason);
        (void)cJSON_AddStringToObject(object, "note", rows[i].note);
        parameters = cJSON_AddObjectToObject(object, "parameters");
        for (size_t k = 0; k < rows[i].parameters.count; k++)
            (void)cJSON_AddStringToObject(parameters, rows[i].parameters.items[k].name,
                                          rows[i].parameters.items[k].value);
        (void)cJSON_AddItemToArray(array, object);
    }
    text = cJSON_Print(array);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(array);
}

static int exit_code(const struct job *job)
{
    size_t count, busy = 0, done = 0;
    const struct provision_row *rows = provision_rows(job->provision, &count);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].result == PROVISION_FAILED || rows[i].result == PROVISION_INCOMPLETE)
            return EXIT_FAILED;
        busy += rows[i].result == PROVISION_BUSY;
        done += rows[i].result == PROVISION_MADE || rows[i].result == PROVISION_UPDATED;
    }
    return busy > 0 && done == 0 ? EXIT_FORBIDDEN : EXIT_DONE;
}

/* ---- the command */

/* A pattern makes no stream; those that exist and match it get their alarms. */
static int find_streams(struct job *job, struct error *err)
{
    struct names names = {0};
    struct config *with;

    if (job->config->pattern_count == 0)
        return 0;
    if (kinesis_list_streams(job->account.aws, &names, err) < 0)
        return -1;
    with = config_with_found(job->config, &names);
    names_clear(&names);
    if (with != NULL) {
        config_free(job->config);
        job->config = with;
    }
    return 0;
}

/* A stream that only a pattern speaks of, and that does not exist. */
static int check_names(const struct job *job, int argc, char **argv, struct error *err)
{
    struct stream_config room;

    for (int i = 1; i <= argc; i++) {
        const struct stream_config *stream = config_resolve(job->config, argv[i], &room);

        if (stream == &room)
            return error_set(
                err, ERROR_CONFIG,
                "stream '%s' does not exist, and the pattern '%s' makes none: give it a section of its own",
                argv[i], room.pattern);
    }
    return 0;
}

static void tell_patterns(const struct job *job)
{
    for (size_t i = 0; i < job->config->pattern_count; i++) {
        const char *pattern = job->config->patterns[i].name;
        size_t count = 0;

        for (size_t k = 0; k < job->config->stream_count; k++)
            count += text_equal(job->config->streams[k].pattern, pattern);
        printf("%s: a pattern makes no stream; of those that exist it speaks of %zu\n", pattern, count);
    }
}

static int open_job(struct job *job, int argc, char **argv, struct error *err)
{
    struct provision_options how = {.dry_run = dry_run != NULL, .tell = tell, .context = job};
    const char **streams;
    int result;

    if (cli_clock(clock_text, &job->clock_scaled, &job->clock, err) < 0 ||
        account_open(&job->config->service, job->clock, &job->account, err) < 0 ||
        find_streams(job, err) < 0 || check_names(job, argc, argv, err) < 0)
        return -1;
    how.stream_count = argc > 0 ? (size_t)argc : job->config->stream_count;
    streams = must_calloc(how.stream_count + 1, sizeof(*streams));
    for (size_t i = 0; i < how.stream_count; i++)
        streams[i] = argc > 0 ? argv[i + 1] : job->config->streams[i].name;
    how.config = job->config;
    how.streams = streams;
    how.clock = job->clock;
    how.aws = job->account.aws;
    result = provision_new(&how, &job->provision, err);
    free(streams);
    return result;
}

static int provide(struct job *job, int argc, char **argv, int *ret_code, struct error *err)
{
    int64_t next_ms;

    if (!cli_output(output, &job->json, err) || open_job(job, argc, argv, err) < 0)
        return -1;
    job->out = job->json ? stderr : stdout;
    job->terminal = isatty(fileno(job->out));
    while ((next_ms = provision_turn(job->provision)) != INT64_MAX) {
        int64_t now_ms = clock_now_ms(job->clock);

        draw(job);
        if (next_ms > now_ms)
            clock_sleep_ms(job->clock, next_ms - now_ms);
    }
    draw(job);
    if (job->json) {
        print_json(job);
    } else {
        print_table(job);
        tell_patterns(job);
    }
    *ret_code = exit_code(job);
    return 0;
}

static int show_template(void)
{
    if (text_equal(print_template, "service"))
        fputs(provision_service_template(), stdout);
    else if (text_equal(print_template, "stream"))
        fputs(provision_stream_template(), stdout);
    else {
        fprintf(stderr, "error: --print-template must be service or stream, not '%s'\n", print_template);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct job job = {0};
    struct error err = {0};
    int code = EXIT_DONE;
    int left = cli_parse(&command_provision, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    if (print_template != NULL)
        return show_template();
    job.config = cli_config(config_path);
    if (job.config == NULL)
        return EXIT_USAGE;
    if (provide(&job, left, argv, &code, &err) < 0)
        code = cli_fail(&err);
    provision_free(job.provision);
    account_close(&job.account);
    config_free(job.config);
    return code;
}

const struct command command_provision = {
    "provision", "[STREAM...]", "Make the topic, streams and alarms that streams.conf declares and AWS lacks",
    run};
