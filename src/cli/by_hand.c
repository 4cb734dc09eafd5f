/*
 * by_hand.c - `scale`, `split` and `merge`: an operator says what shall be, the engine does it as any action.
 */
#include "drive.h"
#include "parts.h"

#include "base/memory.h"
#include "base/number.h"
#include "daemon/owner.h"

#include <cjson/cJSON.h>

static const char *config_path = "streams.conf", *to_text, *by_text, *dry_run, *yes, *no_wait, *clock_text,
                  *output = "table";

#define COMMON_OPTIONS                                                                              \
    {"--dry-run", NULL, NULL, "print the operations and touch nothing", &dry_run},                  \
        {"--yes", NULL, NULL, "do not ask on a terminal", &yes},                                    \
        {"--no-wait", NULL, NULL, "leave what comes after the first call to the daemon", &no_wait}, \
        {"--config", "FILE", "streams.conf", "the configuration", &config_path},                    \
        {"--output", "table|json", "table", "for people or for programs", &output},                 \
    {                                                                                               \
        "--clock", "BASE@SPEED", NULL, "simulated time, as the daemon was given", &clock_text       \
    }

static const struct cli_option scale_options[] = {
    {"--to", "N", NULL, "to N even shards", &to_text},
    {"--by", "N|P%", NULL, "N shards or P percent more, or with a minus sign fewer", &by_text},
    COMMON_OPTIONS,
};
static const struct cli_option shard_options[] = {COMMON_OPTIONS};

struct session {
    struct config *config;
    struct scaled_clock scaled;
    struct clock *clock;
    struct account account;
    struct engine *engine;
    struct store *store;
    char owner[OWNER_SIZE];
    bool json;
    FILE *out; /* what is for people */
};

static int session_open(struct session *session, const char *stream, struct error *err)
{
    if (!cli_output(output, &session->json, err))
        return -1;
    session->out = session->json ? stderr : stdout;
    if (cli_clock(clock_text, &session->scaled, &session->clock, err) < 0 ||
        cli_store(session->config->service.database, dry_run != NULL, &session->store, err) < 0 ||
        engine_recall(session->store, &session->config, err) < 0 ||
        cli_check_streams(session->config, session->clock, &stream, 1, err) < 0 ||
        account_open(&session->config->service, session->clock, &session->account, err) < 0)
        return -1;
    owner_make(session->owner);
    session->engine = engine_new(&(struct engine_options){.config = session->config,
                                                          .aws = session->account.aws,
                                                          .clock = session->clock,
                                                          .owner = session->owner});
    return 0;
}

static void session_close(struct session *session)
{
    engine_free(session->engine);
    account_close(&session->account);
    store_close(session->store);
    config_free(session->config);
}

/* ---- what is asked for */

/* "4", "-2", "50%", "-12.5%" */
static bool parse_by(const char *text, struct by_hand_request *request)
{
    bool fewer = text[0] == '-';
    double part;

    request->kind = BY_HAND_BY;
    if (number_parse(text, -SHARDS_PER_STREAM_MAX, SHARDS_PER_STREAM_MAX, &request->count))
        return request->count != 0;
    request->kind = BY_HAND_PART;
    if (!number_parse_percent(text + fewer, &part) || part == 0)
        return false;
    request->part = fewer ? -part : part;
    return true;
}

static int parse_scale(int argc, char **argv, struct by_hand_request *request, struct error *err)
{
    if (argc != 1)
        return error_set(err, ERROR_CONFIG, "scale takes one stream, not %d", argc);
    request->stream = argv[1];
    if ((to_text == NULL) == (by_text == NULL))
        return error_set(err, ERROR_CONFIG, "scale needs --to or --by, and not both");
    request->kind = BY_HAND_TO;
    if (to_text != NULL && !number_parse(to_text, 1, SHARDS_PER_STREAM_MAX, &request->count))
        return error_set(err, ERROR_CONFIG, "--to must be 1 to %d shards, not '%s'", SHARDS_PER_STREAM_MAX,
                         to_text);
    if (by_text != NULL && !parse_by(by_text, request))
        return error_set(err, ERROR_CONFIG, "--by must be shards or percent, as 4, -2 or 50%%, not '%s'",
                         by_text);
    return 0;
}

static int parse_shards(int argc, char **argv, enum by_hand_kind kind, struct by_hand_request *request,
                        struct error *err)
{
    if (argc < 2)
        return error_set(err, ERROR_CONFIG, "name a stream and its shards");
    *request = (struct by_hand_request){.stream = argv[1],
                                        .kind = kind,
                                        .shards = (const char *const *)argv + 2,
                                        .shard_count = (size_t)argc - 1};
    return 0;
}

/* ---- doing it */

static void print_plan(const struct session *session, const char *stream, const struct by_hand_plan *plan)
{
    cli_print(session->out, "%s: %s\n", stream, plan->reason);
    operations_print(plan->operations, plan->operation_count, session->out);
    if (plan->refusal[0] != '\0')
        cli_print(session->out, "it would be refused now: %s\n", plan->refusal);
    fflush(session->out);
}

static void print_json(const cJSON *document)
{
    char *text = cJSON_Print(document);

    puts(text);
    cJSON_free(text);
}

/* One document at the end; what happens meanwhile is told on standard error. */
static cJSON *plan_json(const char *stream, const struct by_hand_plan *plan)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "stream", stream);
    (void)cJSON_AddStringToObject(object, "reason", plan->reason);
    (void)cJSON_AddStringToObject(object, "refusal", plan->refusal);
    (void)cJSON_AddNumberToObject(object, "from_shards", (double)plan->from_shards);
    (void)cJSON_AddNumberToObject(object, "to_shards", (double)plan->to_shards);
    (void)cJSON_AddNumberToObject(object, "peak_shards", (double)plan->peak_shards);
    (void)cJSON_AddItemToObject(object, "operations",
                                operations_json(plan->operations, plan->operation_count));
    return object;
}

static bool is_confirmed(FILE *out)
{
    char answer[16] = "";

    if (yes != NULL || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return true;
    fprintf(out, "do it? (y/N) ");
    fflush(out);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static int begin(struct session *session, const struct by_hand_request *request, bool *ret_failed,
                 struct error *err)
{
    struct drive_options drive = {.engine = session->engine,
                                  .store = session->store,
                                  .clock = session->clock,
                                  .owner = session->owner,
                                  .out = session->out};
    struct by_hand_plan plan = {0};
    struct action last;

    if (store_action_last(session->store, request->stream, &last, err) < 0 ||
        engine_by_hand(session->engine, session->store, request, &plan, err) < 0)
        return -1;
    by_hand_plan_clear(&plan);
    if (no_wait != NULL)
        return 0;
    drive.last_ids = &last.id;
    return drive_until_over(&drive, &request->stream, 1, ret_failed, err);
}

enum result { PLANNED, NOTHING, REFUSED, DECLINED, BEGUN, DONE, FAILED };
static const char *const result_names[] = {
    [PLANNED] = "planned", [NOTHING] = "nothing", [DECLINED] = "declined", [REFUSED] = "refused",
    [BEGUN] = "begun",     [DONE] = "done",       [FAILED] = "failed",
};

static const int exit_codes[] = {
    [PLANNED] = EXIT_DONE, [NOTHING] = EXIT_DONE, [REFUSED] = EXIT_FORBIDDEN, [DECLINED] = EXIT_FAILED,
    [BEGUN] = EXIT_DONE,   [DONE] = EXIT_DONE,    [FAILED] = EXIT_FAILED,
};

/* What became of it. */
static int add_result(const struct session *session, const char *stream, enum result result, cJSON *document,
                      struct error *err)
{
    struct action action;

    (void)cJSON_AddStringToObject(document, "result", result_names[result]);
    if (result < BEGUN)
        return 0;
    if (store_action_last(session->store, stream, &action, err) < 0)
        return -1;
    (void)cJSON_AddNumberToObject(document, "action", (double)action.id);
    (void)cJSON_AddNumberToObject(document, "reached_shards", (double)action.to_shards);
    (void)cJSON_AddStringToObject(document, "failure", action.failure);
    return 0;
}

/* The plan is made and shown; then, unless somebody says no, it is done. */
static int carry_out_plan(struct session *session, struct by_hand_request *request,
                          const struct by_hand_plan *plan, enum result *ret_result, struct error *err)
{
    bool failed = false;

    /* What was shown is what is done, also when shards have come or gone meanwhile. */
    if (request->kind == BY_HAND_BY || request->kind == BY_HAND_PART) {
        request->kind = BY_HAND_TO;
        request->count = plan->to_shards;
    }
    if (plan->refusal[0] != '\0') {
        *ret_result = REFUSED;
        return 0;
    }
    if (plan->operation_count == 0 || dry_run != NULL) {
        *ret_result = plan->operation_count == 0 ? NOTHING : PLANNED;
        return 0;
    }
    if (!is_confirmed(session->out)) {
        fprintf(session->out, "nothing was done\n");
        *ret_result = DECLINED;
        return 0;
    }
    request->dry_run = false;
    if (begin(session, request, &failed, err) < 0)
        return -1;
    *ret_result = failed ? FAILED : no_wait != NULL ? BEGUN : DONE;
    return 0;
}

static int carry_out(struct session *session, struct by_hand_request *request, int *ret_code,
                     struct error *err)
{
    SCOPED(by_hand_plan_clear) struct by_hand_plan plan = {0};
    enum result result;
    cJSON *document;
    int told = 0;

    request->dry_run = true;
    if (session_open(session, request->stream, err) < 0 ||
        engine_by_hand(session->engine, session->store, request, &plan, err) < 0)
        return -1;
    if (dry_run == NULL && plan.refusal[0] != '\0')
        return error_set(err, ERROR_BUSY, "%s", plan.refusal);
    print_plan(session, request->stream, &plan);
    if (carry_out_plan(session, request, &plan, &result, err) < 0)
        return -1;
    if (session->json) {
        document = plan_json(request->stream, &plan);
        told = add_result(session, request->stream, result, document, err);
        if (told == 0)
            print_json(document);
        cJSON_Delete(document);
    }
    *ret_code = exit_codes[result];
    return told;
}

static int run(struct by_hand_request *request)
{
    struct session session = {0};
    struct error err = {0};
    int code = EXIT_DONE;

    session.config = cli_config(config_path);
    if (session.config == NULL)
        return EXIT_USAGE;
    if (carry_out(&session, request, &code, &err) < 0)
        code = cli_fail(&err);
    session_close(&session);
    return code;
}

static int run_scale(int argc, char **argv)
{
    struct by_hand_request request = {0};
    struct error err = {0};
    int code = EXIT_DONE;
    int left = cli_parse(&command_scale, scale_options, COUNT_OF(scale_options), argc, argv, &code);

    if (left < 0)
        return code;
    return parse_scale(left, argv, &request, &err) < 0 ? cli_fail(&err) : run(&request);
}

static int run_shards(const struct command *command, enum by_hand_kind kind, int argc, char **argv)
{
    struct by_hand_request request = {0};
    struct error err = {0};
    int code = EXIT_DONE;
    int left = cli_parse(command, shard_options, COUNT_OF(shard_options), argc, argv, &code);

    if (left < 0)
        return code;
    return parse_shards(left, argv, kind, &request, &err) < 0 ? cli_fail(&err) : run(&request);
}

static int run_split(int argc, char **argv)
{
    return run_shards(&command_split, BY_HAND_SPLIT, argc, argv);
}

static int run_merge(int argc, char **argv)
{
    return run_shards(&command_merge, BY_HAND_MERGE, argc, argv);
}

const struct command command_scale = {"scale", "STREAM", "Bring a stream to so many even shards, by hand",
                                      run_scale};
const struct command command_split = {"split", "STREAM SHARD...", "Split shards in the middle, by hand",
                                      run_split};
const struct command command_merge = {"merge", "STREAM SHARD...", "Merge pairs of adjacent shards, by hand",
                                      run_merge};
