/*
 * scale_down.c - the pass for cron: gives back what a day of load did not need.
 */
#include "drive.h"
#include "parts.h"

#include "base/log.h"
#include "base/memory.h"
#include "daemon/owner.h"

#include <cjson/cJSON.h>

static const char *config_path = "streams.conf", *output = "table", *dry_run, *force, *no_wait, *clock_text;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--dry-run", NULL, NULL, "print what would be done and touch nothing", &dry_run},
    {"--force", NULL, NULL, "even if the last scale-down was less than scale_down_every ago", &force},
    {"--no-wait", NULL, NULL, "leave the merges to the daemon", &no_wait},
    {"--output", "table|json", "table", "for people or for programs", &output},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as 'kinescale sim-aws' prints it", &clock_text},
};

static const char *const result_names[] = {
    [PASS_RESHARD] = "merge", [PASS_HOLD] = "hold", [PASS_FORBIDDEN] = "forbidden", [PASS_FAILED] = "failed"};

/* What became of a stream that was followed. */
struct outcome {
    int64_t before; /* the last action before the pass; 0: none */
    bool followed;
    struct action action; /* id 0: none has begun */
};

struct pass {
    struct config *config;
    struct scaled_clock clock_scaled;
    struct clock *clock;
    struct account account;
    struct engine *engine;
    struct store *store;
    char owner[OWNER_SIZE];
    struct pass_row *rows;
    struct outcome *outcomes; /* one for each row */
    size_t count;
    bool json;
};

/* A stream that was not even looked at. */
static void add_shards(struct table *table, int64_t shards)
{
    if (shards > 0)
        table_add(table, "%lld", (long long)shards);
    else
        table_add(table, "-");
}

static void print_rows(const struct pass *pass)
{
    static const char *const headings[] = {"STREAM", "RESULT", "SHARDS", "THEN", "WHY", NULL};
    struct table table = {.headings = headings, .right_aligned = 0x0c};

    for (size_t i = 0; i < pass->count; i++) {
        const struct pass_row *row = &pass->rows[i];

        table_add(&table, "%s", row->stream);
        table_add(&table, "%s", result_names[row->result]);
        add_shards(&table, row->from_shards);
        add_shards(&table, row->to_shards);
        table_add(&table, "%s", row->reason);
    }
    table_print(&table, stdout);
    table_clear(&table);
    fflush(stdout);
}

/* Done, or left to the daemon or the next pass, or ended short of what was wanted. */
static const char *failure_of(const struct outcome *outcome)
{
    if (outcome->action.id == 0)
        return "not begun; left to the daemon or the next pass";
    return outcome->action.ended_ms == 0 ? "left to the daemon or the next pass" : outcome->action.failure;
}

static cJSON *row_json(const struct pass_row *row, const struct outcome *outcome)
{
    const char *failure = outcome->followed ? failure_of(outcome) : "";
    const char *followed = failure[0] == '\0' ? "done" : "failed";
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "stream", row->stream);
    (void)cJSON_AddStringToObject(object, "result", outcome->followed ? followed : result_names[row->result]);
    (void)cJSON_AddStringToObject(object, "hold", down_hold_name(row->plan.hold));
    (void)cJSON_AddNumberToObject(object, "from_shards", (double)row->from_shards);
    (void)cJSON_AddNumberToObject(object, "to_shards", (double)row->to_shards);
    (void)cJSON_AddNumberToObject(object, "operations", (double)row->plan.operation_count);
    (void)cJSON_AddStringToObject(object, "reason", row->reason);
    if (outcome->followed)
        (void)cJSON_AddStringToObject(object, "failure", failure);
    if (outcome->followed && outcome->action.id != 0) {
        (void)cJSON_AddNumberToObject(object, "action", (double)outcome->action.id);
        (void)cJSON_AddNumberToObject(object, "reached_shards", (double)outcome->action.to_shards);
    }
    return object;
}

static void print_json(const struct pass *pass)
{
    cJSON *array = cJSON_CreateArray();
    char *text;

    for (size_t i = 0; i < pass->count; i++)
        (void)cJSON_AddItemToArray(array, row_json(&pass->rows[i], &pass->outcomes[i]));
    text = cJSON_Print(array);
    puts(text);
    fflush(stdout);
    cJSON_free(text);
    cJSON_Delete(array);
}

static int open_pass(struct pass *pass, int argc, char **argv, struct error *err)
{
    if (cli_clock(clock_text, &pass->clock_scaled, &pass->clock, err) < 0 ||
        cli_store(pass->config->service.database, dry_run != NULL, &pass->store, err) < 0 ||
        engine_recall(pass->store, &pass->config, err) < 0 ||
        cli_check_streams(pass->config, pass->clock, (const char *const *)argv + 1, (size_t)argc, err) < 0 ||
        account_open(&pass->config->service, pass->clock, &pass->account, err) < 0)
        return -1;
    owner_make(pass->owner);
    pass->engine = engine_new(&(struct engine_options){
        .config = pass->config, .aws = pass->account.aws, .clock = pass->clock, .owner = pass->owner});
    return 0;
}

static void close_pass(struct pass *pass)
{
    for (size_t i = 0; i < pass->count; i++)
        down_plan_clear(&pass->rows[i].plan);
    free(pass->rows);
    free(pass->outcomes);
    engine_free(pass->engine);
    account_close(&pass->account);
    store_close(pass->store);
    config_free(pass->config);
}

static int note_what_was(struct pass *pass, struct error *err)
{
    for (size_t i = 0; i < pass->count; i++) {
        struct action action;

        if (store_action_last(pass->store, pass->rows[i].stream, &action, err) < 0)
            return -1;
        /* One that is under way is a part of what comes, should the pass follow it. */
        pass->outcomes[i].before = action.ended_ms != 0 ? action.id : 0;
    }
    return 0;
}

static int note_what_became(struct pass *pass, struct error *err)
{
    for (size_t i = 0; i < pass->count; i++) {
        struct outcome *outcome = &pass->outcomes[i];
        struct action action;

        if (!outcome->followed)
            continue;
        if (store_action_last(pass->store, pass->rows[i].stream, &action, err) < 0)
            return -1;
        if (action.id != outcome->before)
            outcome->action = action;
    }
    return 0;
}

/* The streams that were found, and those whose scale-down somebody left half done. */
static int choose_followed(struct pass *pass, const char **ret_streams, size_t *ret_count, struct error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < pass->count; i++) {
        struct action action;
        bool running = false;

        if (pass->rows[i].result == PASS_FORBIDDEN &&
            store_action_current(pass->store, pass->rows[i].stream, &action, &running, err) < 0)
            return -1;
        pass->outcomes[i].followed =
            pass->rows[i].result == PASS_RESHARD || (running && action.kind == ACTION_SCALE_DOWN);
        if (pass->outcomes[i].followed)
            ret_streams[count++] = pass->rows[i].stream;
    }
    *ret_count = count;
    return 0;
}

static int follow(struct pass *pass, size_t *ret_followed, bool *ret_failed, struct error *err)
{
    struct drive_options drive = {
        .engine = pass->engine,
        .store = pass->store,
        .clock = pass->clock,
        .owner = pass->owner,
        .out = pass->json ? stderr : stdout, /* JSON stays one document */
    };
    const char **streams = must_calloc(pass->count, sizeof(*streams));
    int result = choose_followed(pass, streams, ret_followed, err);

    if (result == 0 && *ret_followed > 0)
        result = drive_until_over(&drive, streams, *ret_followed, ret_failed, err);
    free(streams);
    return result < 0 ? -1 : note_what_became(pass, err);
}

static int exit_code(const struct pass *pass, size_t followed)
{
    size_t counts[COUNT_OF(result_names)] = {0};

    for (size_t i = 0; i < pass->count; i++)
        counts[pass->rows[i].result]++;
    if (counts[PASS_FAILED] > 0)
        return EXIT_FAILED;
    return counts[PASS_RESHARD] + followed == 0 && counts[PASS_FORBIDDEN] > 0 ? EXIT_FORBIDDEN : EXIT_DONE;
}

/* The streams that are asked for, else all that are configured or found. */
static void make_rows(struct pass *pass, int argc, char **argv)
{
    if (argc == 0) {
        config_free(pass->config);
        pass->config = cli_discover(pass->engine, dry_run == NULL ? pass->store : NULL);
    }
    pass->count = argc > 0 ? (size_t)argc : pass->config->stream_count;
    pass->rows = must_calloc(pass->count, sizeof(*pass->rows));
    pass->outcomes = must_calloc(pass->count, sizeof(*pass->outcomes));
    for (size_t i = 0; i < pass->count; i++)
        pass->rows[i].stream = argc > 0 ? argv[i + 1] : pass->config->streams[i].name;
}

static int run_pass(struct pass *pass, int argc, char **argv, int *ret_code, struct error *err)
{
    struct pass_options how = {.dry_run = dry_run != NULL, .forced = force != NULL};
    struct error looked = {0};
    size_t followed = 0;
    bool failed = false;
    int result = 0;

    if (!cli_output(output, &pass->json, err) || open_pass(pass, argc, argv, err) < 0)
        return -1;
    make_rows(pass, argc, argv);
    if (note_what_was(pass, err) < 0)
        return -1;
    (void)engine_scale_down(pass->engine, pass->store, &how, pass->rows, pass->count,
                            &looked); /* the rows say it */
    if (!pass->json)
        print_rows(pass);
    if (dry_run == NULL && no_wait == NULL)
        result = follow(pass, &followed, &failed, err);
    if (pass->json) /* at the end, when it is known what became of them */
        print_json(pass);
    *ret_code = failed ? EXIT_FAILED : exit_code(pass, followed);
    return result;
}

static int run(int argc, char **argv)
{
    struct pass pass = {0};
    struct error err = {0};
    int code = EXIT_DONE;
    int left = cli_parse(&command_scale_down, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    pass.config = cli_config(config_path);
    if (pass.config == NULL)
        return EXIT_USAGE;
    log_set_level(LOG_WARN); /* the events are told as such */
    if (run_pass(&pass, left, argv, &code, &err) < 0)
        code = cli_fail(&err);
    close_pass(&pass);
    return code;
}

const struct command command_scale_down = {"scale-down", "[STREAM...]",
                                           "Merge shards that a day of load did not need; for cron", run};
