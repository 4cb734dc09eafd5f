/*
 * check.c - `kinescale check`: is this configuration right, and what can it say?
 */
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "http/server.h"
#include "scaling/config.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

static size_t longer_name(const struct stream_config *sections, size_t count, size_t widest)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(sections[i].name);

        widest = length > widest ? length : widest;
    }
    return widest;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
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
        printf("%-*s  %6lld  %6lld  %8s  %8s  %7s\n", width, stream->name, (long long)stream->min_shards,
               (long long)stream->max_shards, desired, threshold, target);
    }
}

static void summary_table(const char *path, const struct config *config)
{
    const struct service_config *service = &config->service;
    size_t widest = longer_name(config->streams, config->stream_count, strlen("STREAM"));
    int width = (int)longer_name(config->patterns, config->pattern_count, widest);

    printf("%s: no faults; %zu stream%s, ", path, config->stream_count, plural(config->stream_count));
    if (config->pattern_count > 0)
        printf("%zu pattern%s, ", config->pattern_count, plural(config->pattern_count));
    printf("%zu topic%s\n", service->topic_count, plural(service->topic_count));
    for (size_t i = 0; i < service->topic_count; i++)
        printf("topic %s\n", service->topic_arns[i]);
    printf("\n%-*s  %6s  %6s  %8s  %8s  %7s\n", width, "STREAM", "MIN", "MAX", "DESIRED", "ALARM AT",
           "TARGET");
    print_sections(config->streams, config->stream_count, width, false);
    print_sections(config->patterns, config->pattern_count, width, true);
    if (config->pattern_count > 0)
        printf("\nA stream without a line of its own takes the first pattern above that matches it.\n");
}

static cJSON *section_json(const struct stream_config *stream, bool pattern)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, pattern ? "pattern" : "name", stream->name);
    cJSON_AddNumberToObject(object, "min_shards", (double)stream->min_shards);
    cJSON_AddNumberToObject(object, "max_shards", (double)stream->max_shards);
    if (!pattern)
        cJSON_AddNumberToObject(object, "desired_shards", (double)stream->desired_shards);
    cJSON_AddNumberToObject(object, "scale_up_threshold", stream->scale_up_threshold);
    cJSON_AddNumberToObject(object, "target_utilization", stream->target_utilization);
    return object;
}

static void summary_json(const char *path, const struct config *config)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *topics, *streams, *patterns;
    char *text;

    cJSON_AddStringToObject(object, "file", path);
    topics = cJSON_AddArrayToObject(object, "topics");
    for (size_t i = 0; i < config->service.topic_count; i++)
        cJSON_AddItemToArray(topics, cJSON_CreateString(config->service.topic_arns[i]));
    streams = cJSON_AddArrayToObject(object, "streams");
    for (size_t i = 0; i < config->stream_count; i++)
        cJSON_AddItemToArray(streams, section_json(&config->streams[i], false));
    patterns = cJSON_AddArrayToObject(object, "patterns");
    for (size_t i = 0; i < config->pattern_count; i++)
        cJSON_AddItemToArray(patterns, section_json(&config->patterns[i], true));
    text = cJSON_Print(object);
    printf("%s\n", text);
    cJSON_free(text);
    cJSON_Delete(object);
}

/* As the daemon will at its start: it takes them only when they are a certificate with its key. */
static int check_tls(const struct service_config *service, struct error *err)
{
    struct http_server_options options = {.listen = "127.0.0.1:0",
                                          .tls_certificate = service->tls_certificate,
                                          .tls_key = service->tls_key,
                                          .threads = 1,
                                          .connections_max = 1};
    struct http_server *server = NULL;

    if (service->tls_certificate[0] == '\0')
        return 0;
    if (http_server_start(&options, &server, err) < 0)
        return -1;
    http_server_stop(server);
    return 0;
}

/* What may be meant: a proxy may give a path another name, and a firewall may stand before the admin routes. */
static void warn(const char *path, const struct service_config *service)
{
    const char *url = service->public_url, *admin = service->admin_listen;
    const char *host = strstr(url, "://");
    const char *url_path = host == NULL ? NULL : strchr(host + strlen("://"), '/');

    if (text_starts_with(admin, "0.0.0.0:") || text_starts_with(admin, "[::]:"))
        fprintf(stderr,
                "warning: %s: admin_listen (%s) is every address of this machine, and the admin routes ask "
                "for no "
                "password: keep it private\n",
                path, admin);
    if (url[0] != '\0' && (url_path == NULL || !text_equal(url_path, "/sns")))
        fprintf(stderr,
                "warning: %s: the path of public_url (%s) is not /sns, the only one the daemon takes "
                "messages on\n",
                path, url);
}

/* What is printed, by the name of the form. */
static const struct form {
    const char *name;
    void (*summary)(const char *path, const struct config *config); /* NULL: only with --explain */
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
    struct config *config = cli_config(path);
    struct error err = {0};
    int code = EXIT_DONE;

    if (config == NULL)
        return EXIT_USAGE;
    if (check_tls(&config->service, &err) < 0) {
        (void)error_wrap(&err, "%s: tls_certificate and tls_key", path);
        code = cli_fail(&err);
    } else {
        warn(path, &config->service);
        form->summary(path, config);
    }
    config_free(config);
    return code;
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
