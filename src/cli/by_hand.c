/*
 * by_hand.c - `scale`, `split` and `merge`: an operator says what shall be, the engine does it as any action.
 */
#include "drive.h"
#include "parts.h"

#include "base/memory.h"
#include "base/number.h"
#include "daemon/owner.h"

static const char *config_path = "streams.conf", *to_text, *by_text, *dry_run, *yes, *no_wait, *clock_text;

#define COMMON_OPTIONS                                                                              \
    {"--dry-run", NULL, NULL, "print the operations and touch nothing", &dry_run},                  \
        {"--yes", NULL, NULL, "do not ask on a terminal", &yes},                                    \
        {"--no-wait", NULL, NULL, "leave what comes after the first call to the daemon", &no_wait}, \
        {"--config", "FILE", "streams.conf", "the configuration", &config_path},                    \
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
};

static int session_open(struct session *session, struct error *err)
{
    if (cli_clock(clock_text, &session->scaled, &session->clock, err) < 0 ||
        store_open(session->config->service.database, &session->store, err) < 0 ||
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

static void print_plan(const char *stream, const struct by_hand_plan *plan)
{
    static const char *const headings[] = {
        "#", "OPERATION", "SHARD", "WITH", "NEW STARTING HASH KEY", "SHARDS AFTER", NULL};
    struct table table = {.headings = headings, .right_aligned = 0x31};

    printf("%s: %s\n", stream, plan->reason);
    for (size_t i = 0; i < plan->operation_count; i++) {
        const struct operation *operation = &plan->operations[i];
        char key[HASHKEY_TEXT_SIZE] = "";

        if (operation->kind == OPERATION_SPLIT)
            hashkey_format(operation->new_start, key);
        table_add(&table, "%zu", i + 1);
        table_add(&table, "%s", operation_kind_name(operation->kind));
        table_add(&table, "%s", operation->shard);
        table_add(&table, "%s", operation->adjacent);
        table_add(&table, "%s", key);
        table_add(&table, "%lld", (long long)operation->target);
    }
    if (plan->operation_count > 0)
        table_print(&table, stdout);
    table_clear(&table);
    fflush(stdout);
}

static bool is_confirmed(void)
{
    char answer[16] = "";

    if (yes != NULL || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return true;
    printf("do it? (y/N) ");
    fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static int last_action(const struct session *session, const char *stream, int64_t *ret_id, struct error *err)
{
    struct action_list last = {0};

    if (store_actions_recent(session->store, stream, 1, &last, err) < 0)
        return -1;
    *ret_id = last.count > 0 ? last.items[0].id : 0;
    action_list_clear(&last);
    return 0;
}

static int begin(struct session *session, const struct by_hand_request *request, bool *ret_failed,
                 struct error *err)
{
    struct drive_options drive = {.engine = session->engine,
                                  .store = session->store,
                                  .clock = session->clock,
                                  .owner = session->owner,
                                  .out = stdout};
    struct by_hand_plan plan = {0};
    int64_t last_id;

    if (last_action(session, request->stream, &last_id, err) < 0 ||
        engine_by_hand(session->engine, session->store, request, &plan, err) < 0)
        return -1;
    by_hand_plan_clear(&plan);
    if (no_wait != NULL)
        return 0;
    drive.last_ids = &last_id;
    return drive_until_over(&drive, &request->stream, 1, ret_failed, err);
}

static int carry_out(struct session *session, struct by_hand_request *request, int *ret_code,
                     struct error *err)
{
    struct by_hand_plan plan = {0};
    bool failed = false, empty;

    request->dry_run = true;
    if (session_open(session, err) < 0 ||
        engine_by_hand(session->engine, session->store, request, &plan, err) < 0)
        return -1;
    print_plan(request->stream, &plan);
    /* What was shown is what is done, also when shards have come or gone meanwhile. */
    if (request->kind == BY_HAND_BY || request->kind == BY_HAND_PART) {
        request->kind = BY_HAND_TO;
        request->count = plan.to_shards;
    }
    empty = plan.operation_count == 0;
    by_hand_plan_clear(&plan);
    if (empty || dry_run != NULL)
        return 0;
    if (!is_confirmed()) {
        printf("nothing was done\n");
        *ret_code = EXIT_FAILED;
        return 0;
    }
    request->dry_run = false;
    if (begin(session, request, &failed, err) < 0)
        return -1;
    *ret_code = failed ? EXIT_FAILED : EXIT_DONE;
    return 0;
}

static int run(struct by_hand_request *request)
{
    struct session session = {0};
    struct error err = {0};
    struct config *config = cli_config(config_path);
    int code = EXIT_DONE;

    if (config == NULL)
        return EXIT_USAGE;
    session.config = config;
    if (carry_out(&session, request, &code, &err) < 0)
        code = cli_fail(&err);
    session_close(&session);
    config_free(config);
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
