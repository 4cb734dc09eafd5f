/*
 * check.c - `kinescale check`: is this configuration right, and what can it say?
 */
#include "aws/profile.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "http/server.h"
#include "scaling/config.h"
#include "scaling/settings.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>

/* What is found out about a file: told to stderr at once, and in the JSON. */
struct report {
    const char *path;
    cJSON *faults, *warnings; /* arrays of texts */
};

static size_t longer_name(const struct stream_config *sections, size_t count, size_t widest)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(sections[i].name);

        widest = length > widest ? length : widest;
    }
    return widest;
}

static void print_sections(const struct stream_config *sections, size_t count, int width, bool patterns)
{
    for (size_t i = 0; i < count; i++) {
        const struct stream_config *stream = &sections[i];
        char threshold[32], target[32], desired[24] = "-"; /* a pattern makes no stream */

        if (!patterns)
            snprintf(desired, sizeof(desired), "%lld", (long long)stream->desired_shards);
        number_format_percent(stream->scale_up_threshold, threshold, sizeof(threshold));
        number_format_percent(stream->target_utilization, target, sizeof(target));
        printf("%-*s  %-8s  %6lld  %6lld  %8s  %8s  %7s\n", width, stream->name, config_policy_name(stream),
               (long long)stream->min_shards, (long long)stream->max_shards, desired, threshold, target);
    }
}

/* Nothing when there are faults. */
static void summary_table(const struct report *report, const struct config *config)
{
    const struct service_config *service;
    size_t widest;
    int width;

    if (config == NULL)
        return;
    service = &config->service;
    widest = longer_name(config->streams, config->stream_count, strlen("STREAM"));
    width = (int)longer_name(config->patterns, config->pattern_count, widest);
    printf("%s: no faults; %zu stream%s, ", report->path, config->stream_count,
           text_plural((int64_t)config->stream_count));
    if (config->pattern_count > 0)
        printf("%zu pattern%s, ", config->pattern_count, text_plural((int64_t)config->pattern_count));
    printf("%zu topic%s\n", service->topic_count, text_plural((int64_t)service->topic_count));
    for (size_t i = 0; i < service->topic_count; i++)
        printf("topic %s\n", service->topic_arns[i]);
    printf("\n%-*s  %-8s  %6s  %6s  %8s  %8s  %7s\n", width, "STREAM", "POLICY", "MIN", "MAX", "DESIRED",
           "ALARM AT", "TARGET");
    print_sections(config->streams, config->stream_count, width, false);
    print_sections(config->patterns, config->pattern_count, width, true);
    if (config->pattern_count > 0)
        printf("\nA stream without a line of its own takes the first pattern above that matches it.\n");
}

static cJSON *section_json(const struct stream_config *stream, bool pattern)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, pattern ? "pattern" : "name", stream->name);
    cJSON_AddStringToObject(object, "policy", config_policy_name(stream));
    cJSON_AddNumberToObject(object, "min_shards", (double)stream->min_shards);
    cJSON_AddNumberToObject(object, "max_shards", (double)stream->max_shards);
    if (!pattern)
        cJSON_AddNumberToObject(object, "desired_shards", (double)stream->desired_shards);
    cJSON_AddNumberToObject(object, "scale_up_threshold", stream->scale_up_threshold);
    cJSON_AddNumberToObject(object, "target_utilization", stream->target_utilization);
    return object;
}

static void summary_json(const struct report *report, const struct config *config)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *topics, *streams, *patterns;
    char *text;

    cJSON_AddStringToObject(object, "file", report->path);
    (void)cJSON_AddItemReferenceToObject(object, "faults", report->faults);
    (void)cJSON_AddItemReferenceToObject(object, "warnings", report->warnings);
    topics = cJSON_AddArrayToObject(object, "topics");
    streams = cJSON_AddArrayToObject(object, "streams");
    patterns = cJSON_AddArrayToObject(object, "patterns");
    for (size_t i = 0; config != NULL && i < config->service.topic_count; i++)
        cJSON_AddItemToArray(topics, cJSON_CreateString(config->service.topic_arns[i]));
    for (size_t i = 0; config != NULL && i < config->stream_count; i++)
        cJSON_AddItemToArray(streams, section_json(&config->streams[i], false));
    for (size_t i = 0; config != NULL && i < config->pattern_count; i++)
        cJSON_AddItemToArray(patterns, section_json(&config->patterns[i], true));
    text = cJSON_Print(object);
    printf("%s\n", text);
    cJSON_free(text);
    cJSON_Delete(object);
}

/* ---- what is wrong, and what may be meant */

static void tell(cJSON *list, const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

__attribute__((format(printf, 2, 3))) static void warn(struct report *report, const char *format, ...)
{
    char text[PATH_SIZE + 512];
    size_t length = (size_t)snprintf(text, sizeof(text), "%.512s: ", report->path);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text + length, sizeof(text) - length, format, arguments);
    va_end(arguments);
    tell(report->warnings, "warning", text);
}

/* NULL with every fault told. */
static struct config *load(struct report *report)
{
    SCOPED(fault_list_clear) struct fault_list faults = {0};
    struct config *config = NULL;
    struct error err = {0};

    if (config_load(report->path, &config, &faults, &err) == 0)
        return config;
    for (size_t i = 0; i < faults.count; i++)
        tell(report->faults, "error", faults.texts[i]);
    if (faults.count == 0) /* there is no such file, or it cannot be read */
        tell(report->faults, "error", err.message);
    return NULL;
}

/* Does a listener start with these files?  As the daemon will at its start, but on a port of its own. */
static void check_listener(struct report *report, const char *settings,
                           const struct http_server_options *files)
{
    struct http_server_options options = *files;
    struct http_server *server = NULL;
    struct error err = {0};

    options.listen = "127.0.0.1:0";
    options.threads = options.connections_max = 1;
    if (http_server_start(&options, &server, &err) < 0) {
        (void)error_wrap(&err, "%s: %s", report->path, settings);
        tell(report->faults, "error", err.message);
        return;
    }
    http_server_stop(server);
}

/* Whether it is a database of ours is seen at the start; it may not be there yet. */
static void check_database(struct report *report, const struct service_config *service)
{
    struct stat found;
    struct error err = {0};

    if (stat(service->database, &found) < 0 || S_ISREG(found.st_mode))
        return;
    (void)error_set(&err, ERROR_CONFIG, "%s: database must be a file, and '%s' is %s", report->path,
                    service->database, S_ISDIR(found.st_mode) ? "a folder" : "none");
    tell(report->faults, "error", err.message);
}

static void check_files(struct report *report, const struct service_config *service)
{
    check_database(report, service);
    if (service->tls_certificate[0] != '\0')
        check_listener(report, "tls_certificate and tls_key",
                       &(struct http_server_options){.tls_certificate = service->tls_certificate,
                                                     .tls_key = service->tls_key});
    if (service->admin_token_file[0] != '\0')
        check_listener(report, "admin_token_file",
                       &(struct http_server_options){.token_file = service->admin_token_file});
}

static const char *system_getenv(const char *name)
{
    return getenv(name);
}

/* The AWS CLI takes its keys from a file that everybody may read, so we do; but it is seldom meant. */
static void warn_of_open_files(struct report *report, const struct service_config *service)
{
    SCOPED(free_text) char *credentials = profiles_path(system_getenv, PROFILE_CREDENTIALS);
    unsigned mode;

    if (file_is_open_to_others(service->database, &mode))
        warn(report,
             "others may read or change the database '%s' (mode %04o): chmod 600 it, '-wal' and '-shm' too",
             service->database, mode);
    if (credentials != NULL && file_is_open_to_others(credentials, &mode))
        warn(report, "others may read or change '%s' (mode %04o), where AWS keys are kept: chmod 600 it",
             credentials, mode);
}

/* A proxy may give the path another name. */
static void warn_of_path(struct report *report, const struct service_config *service)
{
    const char *url = service->public_url;
    const char *host = strstr(url, "://");
    const char *path = host == NULL ? NULL : strchr(host + strlen("://"), '/');

    if (url[0] != '\0' && (path == NULL || !text_equal(path, "/sns")))
        warn(report, "the path of public_url (%s) is not /sns, the only one the daemon takes messages on",
             url);
}

/* Settings of the section that decide nothing: it was written for the policy `classic`, once the default. */
static void warn_of_rules(struct report *report, const struct stream_config *section, const char *title,
                          const struct stream_config *inherited)
{
    size_t count, length = 0, found = 0;
    const struct setting *all = settings(&count);
    char names[256] = "";

    if (section->policy != POLICY_ADAPTIVE)
        return;
    for (size_t i = 0; i < count; i++) {
        if (all[i].classic && config_differs(section, inherited, &all[i]))
            length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
                                       found++ > 0 ? ", " : "", all[i].name);
    }
    if (found > 0)
        warn(report, "%s%s: %s count%s with policy = classic, and it is adaptive", title, section->name,
             names, found == 1 ? "s" : "");
}

static void warn_of_all_rules(struct report *report, const struct config *config)
{
    warn_of_rules(report, &config->defaults, "[defaults]", NULL);
    for (size_t i = 0; i < config->stream_count; i++)
        warn_of_rules(report, &config->streams[i], "stream ", &config->defaults);
    for (size_t i = 0; i < config->pattern_count; i++)
        warn_of_rules(report, &config->patterns[i], "stream ", &config->defaults);
}

/* What is printed, by the name of the form. */
static const struct form {
    const char *name;
    /* `config` is NULL when there are faults.  NULL: only with --explain. */
    void (*summary)(const struct report *report, const struct config *config);
    explain_fn *explain;
} forms[] = {
    {"table", summary_table, explain_table},
    {"json", summary_json, explain_json},
    {"markdown", NULL, explain_markdown},
    {"conf", NULL, explain_conf},
};

/* NULL, after a complaint, when there is none of that name. */
static const struct form *find_form(const char *name, bool explain)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (text_equal(forms[i].name, name) && (explain || forms[i].summary != NULL))
            return &forms[i];
    }
    fprintf(stderr, "error: --output must be table%s, not '%s'\n",
            explain ? ", json, markdown or conf" : " or json", name);
    return NULL;
}

static int check_file(const char *path, const struct form *form)
{
    struct report report = {path, cJSON_CreateArray(), cJSON_CreateArray()};
    struct config *config = load(&report);
    int faults;

    if (config != NULL) {
        check_files(&report, &config->service);
        warn_of_open_files(&report, &config->service);
        warn_of_path(&report, &config->service);
        warn_of_all_rules(&report, config);
    }
    faults = cJSON_GetArraySize(report.faults);
    form->summary(&report, faults == 0 ? config : NULL);
    cJSON_Delete(report.faults);
    cJSON_Delete(report.warnings);
    config_free(config);
    return faults == 0 ? EXIT_DONE : EXIT_USAGE;
}

static int run_check(int argc, char **argv)
{
    const char *path = "streams.conf", *explain = NULL, *output = "table";
    const struct cli_option options[] = {
        {"--config", "FILE", "streams.conf", "the configuration to check", &path},
        {"--explain", NULL, NULL, "print every setting instead", &explain},
        {"--output", "FORM", "table", "table or json; with --explain also markdown or conf", &output},
    };
    const struct form *form;
    int result;
    int left = cli_parse(&command_check, options, COUNT_OF(options), argc, argv, &result);

    if (left < 0)
        return result;
    if (left > 0) {
        fprintf(stderr, "error: 'check' takes no argument, not '%s' either\n", argv[1]);
        return EXIT_USAGE;
    }
    form = find_form(output, explain != NULL);
    if (form == NULL)
        return EXIT_USAGE;
    if (explain != NULL) {
        form->explain(stdout);
        return EXIT_DONE;
    }
    return check_file(path, form);
}

const struct command command_check = {"check", "", "check a configuration, or explain the settings",
                                      run_check};
