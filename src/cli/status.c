/*
 * status.c - what the database knows of each stream, or all it knows of one.
 */
#include "parts.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "daemon/view.h"
#include "scaling/rhythm.h"

static const char *config_path = "streams.conf", *output = "table", *limit_text = "5", *clock_text;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--output", "table|json", "table", "for people or for programs", &output},
    {"--limit", "N", "5", "actions, decisions and notifications shown of a stream", &limit_text},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as the daemon was given", &clock_text},
};

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text != NULL && text[0] != '\0' ? text : "-";
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *pause_end(const cJSON *stream)
{
    const char *until = text_of(stream, "paused_until");

    return strcmp(until, "-") != 0 ? until : "it is resumed";
}

static void print_streams(const cJSON *status)
{
    static const char *const headings[] = {"STREAM", "STATE", "SHARDS",        "EFFECTIVE", "MIN",
                                           "MAX",    "SEEN",  "LAST SCALE-UP", "WHY",       NULL};
    struct table table = {.headings = headings, .right_aligned = 0x3c};
    const cJSON *stream;

    cJSON_ArrayForEach(stream, cJSON_GetObjectItemCaseSensitive(status, "streams")) {
        bool failing = number_of(stream, "failures") > 0;

        table_add(&table, "%s", text_of(stream, "stream"));
        table_add(&table, "%s", text_of(stream, "state"));
        table_add(&table, "%.0f", number_of(stream, "open_shards"));
        table_add(&table, "%.6g", number_of(stream, "effective_shards"));
        table_add(&table, "%.0f", number_of(stream, "min_shards"));
        table_add(&table, "%.0f", number_of(stream, "max_shards"));
        table_add(&table, "%s", text_of(stream, "seen"));
        table_add(&table, "%s", text_of(stream, "last_scale_up"));
        table_add(&table, "%s", text_of(stream, failing ? "last_error" : "last_decision"));
    }
    table_print(&table, stdout);
    table_clear(&table);
}

static void print_steps(const cJSON *action)
{
    const cJSON *step;

    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(action, "steps")) {
        const char *kind = text_of(step, "operation");

        cli_print(stdout, "      %s  %-8s %s", text_of(step, "intended"), text_of(step, "outcome"), kind);
        if (strcmp(kind, "update") == 0)
            cli_print(stdout, " to %.0f shard%s", number_of(step, "target"),
                      text_plural((int64_t)number_of(step, "target")));
        else
            cli_print(stdout, " %s", text_of(step, "shard"));
        if (strcmp(kind, "merge") == 0)
            cli_print(stdout, " with %s", text_of(step, "adjacent_shard"));
        if (strcmp(text_of(step, "detail"), "-") != 0)
            cli_print(stdout, ": %s", text_of(step, "detail"));
        putchar('\n');
    }
}

static void print_hot_key(const cJSON *hot)
{
    if (cJSON_IsObject(hot))
        cli_print(stdout, "  hot key on shard '%s', hash keys %s..%s, seen %s: no split divides it\n",
                  text_of(hot, "shard"), text_of(hot, "starting_hash_key"), text_of(hot, "ending_hash_key"),
                  text_of(hot, "seen"));
}

static void print_habits(const cJSON *habits)
{
    bool learned = strcmp(text_of(habits, "learned"), "-") != 0;
    const char *rhythm = text_of(habits, "rhythm");
    bool expects =
        strcmp(rhythm, rhythm_name(RHYTHM_DAY)) == 0 || strcmp(rhythm, rhythm_name(RHYTHM_WEEK)) == 0;

    if (cJSON_IsObject(habits))
        cli_print(
            stdout,
            "  adaptive: more shards above %.0f %% of the capacity%s%s, fewer after %.0f minutes; %s%s\n",
            100 * number_of(habits, "line"), expects ? " and before what comes every " : "",
            expects ? rhythm : "", number_of(habits, "hold_minutes"),
            learned ? "learned " : "by default until a day of the load is known",
            learned ? text_of(habits, "learned") : "");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(habits, "hot_keys")))
        cli_print(stdout, "  keys are hot: records were refused, and more shards did not help\n");
}

static void print_stream(const cJSON *stream)
{
    const cJSON *row;

    cli_print(stdout, "%s: %s, %.0f shard%s worth %.6g, allowed %.0f to %.0f; seen %s\n",
              text_of(stream, "stream"), text_of(stream, "state"), number_of(stream, "open_shards"),
              text_plural((int64_t)number_of(stream, "open_shards")), number_of(stream, "effective_shards"),
              number_of(stream, "min_shards"), number_of(stream, "max_shards"), text_of(stream, "seen"));
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(stream, "paused")))
        cli_print(stdout, "  paused until %s\n", pause_end(stream));
    print_habits(cJSON_GetObjectItemCaseSensitive(stream, "habits"));
    print_hot_key(cJSON_GetObjectItemCaseSensitive(stream, "hot_key"));
    if (number_of(stream, "failures") > 0)
        cli_print(stdout, "  failed %.0f time%s in a row, last at %s: %s\n", number_of(stream, "failures"),
                  text_plural((int64_t)number_of(stream, "failures")), text_of(stream, "last_error_at"),
                  text_of(stream, "last_error"));
    cli_print(stdout, "  actions:\n");
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(stream, "actions")) {
        cli_print(stdout, "    %s  #%.0f %s, %s: %.0f to %.0f shard%s; %s\n", text_of(row, "started"),
                  number_of(row, "id"), text_of(row, "kind"), text_of(row, "state"),
                  number_of(row, "from_shards"), number_of(row, "to_shards"),
                  text_plural((int64_t)number_of(row, "to_shards")), text_of(row, "reason"));
        if (number_of(row, "times") > 1)
            cli_print(stdout, "      the same %.0f times, first %s\n", number_of(row, "times"),
                      text_of(row, "first_started"));
        if (strcmp(text_of(row, "failure"), "-") != 0 &&
            strcmp(text_of(row, "failure"), text_of(row, "reason")) != 0)
            cli_print(stdout, "      failed: %s\n", text_of(row, "failure"));
        print_steps(row);
    }
    cli_print(stdout, "  decisions:\n");
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(stream, "decisions"))
        cli_print(stdout, "    %s  %-8s %s\n", text_of(row, "at"), text_of(row, "verdict"),
                  text_of(row, "reason"));
    cli_print(stdout, "  notifications:\n");
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(stream, "notifications"))
        cli_print(stdout, "    %s  %-8s %s -> %s: %s\n", text_of(row, "received"), text_of(row, "status"),
                  text_of(row, "alarm"), text_of(row, "new_state"), text_of(row, "reason"));
}

static void print_object(const cJSON *object, bool json, void (*print)(const cJSON *))
{
    char *text;

    if (!json) {
        print(object);
        return;
    }
    text = cJSON_Print(object);
    puts(text);
    cJSON_free(text);
}

static int show(struct config **config, int argc, char **argv, struct error *err)
{
    struct store *store = NULL;
    struct scaled_clock scaled;
    struct clock *clock;
    int64_t limit;
    cJSON *object;
    bool json;
    int result = -1;

    if (!cli_output(output, &json, err) || cli_clock(clock_text, &scaled, &clock, err) < 0)
        return -1;
    if (!number_parse(limit_text, 1, 1000, &limit))
        return error_set(err, ERROR_CONFIG, "--limit must be 1 to 1000, not '%s'", limit_text);
    if (store_open_readonly((*config)->service.database, &store, err) < 0)
        return err->kind == ERROR_NOT_FOUND ? error_wrap(err, "nothing is known yet") : -1;
    if (engine_recall(store, config, err) < 0) {
        store_close(store);
        return -1;
    }
    if (argc == 0) {
        object = view_status(store, *config, clock_now_ms(clock), err);
        if (object != NULL) {
            print_object(object, json, print_streams);
            result = 0;
        }
        cJSON_Delete(object);
    }
    for (int i = 1; i <= argc; i++) {
        object = view_stream(store, *config, argv[i], clock_now_ms(clock), (int)limit, err);
        result = object == NULL ? -1 : 0;
        if (object == NULL && err->kind == ERROR_NOT_FOUND)
            err->kind = ERROR_CONFIG; /* 404 of the admin route is wrong usage here */
        if (object == NULL)
            break;
        print_object(object, json, print_stream);
        cJSON_Delete(object);
    }
    store_close(store);
    return result;
}

static int run(int argc, char **argv)
{
    struct error err = {0};
    struct config *config;
    int code = EXIT_DONE;
    int left = cli_parse(&command_status, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    config = cli_config(config_path);
    if (config == NULL)
        return EXIT_USAGE;
    code = show(&config, left, argv, &err) < 0 ? cli_fail(&err) : EXIT_DONE;
    config_free(config);
    return code;
}

const struct command command_status = {"status", "[STREAM...]",
                                       "Show each stream, or all that is known of one", run};
