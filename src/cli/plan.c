/*
 * plan.c - what would be done now, operation by operation.  Touches nothing.
 *
 * Without --to: the answer to "if an alarm came this moment".  With it: the way to N even shards.
 */
#include "parts.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/engine.h"
#include "scaling/alarms.h"
#include "scaling/cost.h"
#include "scaling/steps.h"

#include <cjson/cJSON.h>
#include <math.h>

static const char *config_path = "streams.conf", *output = "table", *to_text, *clock_text;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--to", "N", NULL, "the way to N even shards, whatever the load", &to_text},
    {"--output", "table|json", "table", "for people or for programs", &output},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as 'kinescale sim-aws' prints it", &clock_text},
};

/* What is printed, whichever way it was found. */
struct outlook {
    const char *stream, *verdict, *reason;
    const struct engine_view *view;
    const struct operation *operations;
    size_t count;
    int64_t to_shards, peak_shards, seconds;
    int update_calls;
};

static const char *const verdict_names[] = {
    [UP_ENOUGH] = "enough", [UP_RESHARD] = "reshard", [UP_LIMITED] = "limited"};

/* What watching each shard takes: alarms of ours, and those of the metrics we use that are, or will be, turned on. */
struct watch {
    int alarms, metrics; /* per shard */
};

static struct watch watch_of(const struct outlook *outlook)
{
    const struct stream_summary *summary = &outlook->view->summary;

    if (outlook->view->alarm_level == ALARM_LEVEL_SHARD)
        return (struct watch){ALARM_METRIC_COUNT, ALARM_METRIC_COUNT};
    return (struct watch){0, summary->shard_bytes + summary->shard_records + summary->shard_throttled};
}

static double watch_dollars(struct watch watch, int64_t shards)
{
    struct price_list prices = price_list_default();
    double hours = (double)shards * HOURS_PER_MONTH;

    return cost_alarms(&prices, watch.alarms * hours) + cost_custom_metrics(&prices, watch.metrics * hours);
}

static void print_watch(const struct outlook *outlook)
{
    int64_t open = (int64_t)outlook->view->shards.count;
    struct watch watch = watch_of(outlook);

    if (watch.metrics == 0)
        return;
    printf("  watching    %lld alarms on shards and %lld shard-level metrics: %.2f dollars a month; after it "
           "%.2f "
           "(prices of %s)\n",
           (long long)watch.alarms * open, (long long)watch.metrics * open, watch_dollars(watch, open),
           watch_dollars(watch, outlook->to_shards), PRICE_REGION);
}

static void print_table(const struct outlook *outlook)
{
    const struct engine_view *view = outlook->view;
    char duration[32];

    number_format_duration(outlook->seconds * 1000, duration, sizeof(duration));
    cli_print(stdout, "%s: %s\n", outlook->stream, outlook->verdict);
    cli_print(stdout, "  %s\n", outlook->reason);
    printf("  shards      %zu open, worth %.6g; after it %lld, at most %lld on the way\n", view->shards.count,
           shard_map_effective(&view->shards), (long long)outlook->to_shards,
           (long long)outlook->peak_shards);
    if (view->demand.known)
        printf("  demand      %.3f MiB/s and %.0f records/s (accepted: %.3f MiB/s and %.0f records/s)\n",
               view->demand.bytes_per_s / 1048576, view->demand.records_per_s,
               view->demand.accepted_bytes_per_s / 1048576, view->demand.accepted_records_per_s);
    else if (!isnan(view->minute))
        printf("  demand      %.2f shards' worth in the newest minute; one without a datapoint is taken as "
               "missing_data says\n",
               view->minute);
    else
        printf("  demand      unknown: CloudWatch has no recent datapoint\n");
    printf("  time        about %s\n", outlook->count > 0 ? duration : "0s");
    printf("  quotas      UpdateShardCount %d of %d used in 24 hours, this plan takes %d; ",
           view->updates_24h, UPDATES_PER_DAY, outlook->update_calls);
    if (view->headroom >= 0)
        printf("the account may open %lld more shard%s\n", (long long)view->headroom,
               text_plural(view->headroom));
    else
        printf("the account's shard limit is unknown\n");
    print_watch(outlook);
    operations_print(outlook->operations, outlook->count, stdout);
}

static void add_known(cJSON *object, const char *name, double value, bool known)
{
    if (known)
        (void)cJSON_AddNumberToObject(object, name, value);
    else
        (void)cJSON_AddNullToObject(object, name);
}

static void add_watch(cJSON *object, const struct outlook *outlook)
{
    int64_t open = (int64_t)outlook->view->shards.count;
    struct watch watch = watch_of(outlook);

    (void)cJSON_AddNumberToObject(object, "shard_alarms", (double)(watch.alarms * open));
    (void)cJSON_AddNumberToObject(object, "shard_metrics", (double)(watch.metrics * open));
    (void)cJSON_AddNumberToObject(object, "watch_dollars_a_month", watch_dollars(watch, open));
    (void)cJSON_AddNumberToObject(object, "watch_dollars_a_month_after",
                                  watch_dollars(watch, outlook->to_shards));
}

static cJSON *outlook_object(const struct outlook *outlook)
{
    const struct engine_view *view = outlook->view;
    const struct demand *demand = &view->demand;
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "stream", outlook->stream);
    (void)cJSON_AddStringToObject(object, "verdict", outlook->verdict);
    (void)cJSON_AddStringToObject(object, "reason", outlook->reason);
    (void)cJSON_AddNumberToObject(object, "open_shards", (double)view->shards.count);
    (void)cJSON_AddNumberToObject(object, "effective_shards", shard_map_effective(&view->shards));
    (void)cJSON_AddNumberToObject(object, "to_shards", (double)outlook->to_shards);
    (void)cJSON_AddNumberToObject(object, "peak_shards", (double)outlook->peak_shards);
    (void)cJSON_AddNumberToObject(object, "seconds", (double)outlook->seconds);
    add_known(object, "demand_bytes_per_s", demand->bytes_per_s, demand->known);
    add_known(object, "demand_records_per_s", demand->records_per_s, demand->known);
    add_known(object, "accepted_bytes_per_s", demand->accepted_bytes_per_s, demand->known);
    add_known(object, "accepted_records_per_s", demand->accepted_records_per_s, demand->known);
    (void)cJSON_AddNumberToObject(object, "updates_24h", view->updates_24h);
    (void)cJSON_AddNumberToObject(object, "update_calls", outlook->update_calls);
    add_known(object, "account_headroom", (double)view->headroom, view->headroom >= 0);
    add_watch(object, outlook);
    (void)cJSON_AddItemToObject(object, "operations", operations_json(outlook->operations, outlook->count));
    return object;
}

static void outlook_print(struct outlook *outlook, cJSON *all)
{
    for (size_t i = 0; i < outlook->count; i++)
        outlook->update_calls += outlook->operations[i].kind == OPERATION_UPDATE;
    if (all != NULL)
        (void)cJSON_AddItemToArray(all, outlook_object(outlook));
    else
        print_table(outlook);
}

static void plan_for_load(const struct engine_view *view, const char *stream, cJSON *all)
{
    const struct up_plan *plan = &view->plan;
    struct outlook outlook = {.stream = stream,
                              .verdict = verdict_names[plan->verdict],
                              .reason = plan->reason,
                              .view = view,
                              .operations = plan->operations,
                              .count = plan->operation_count,
                              .to_shards = plan->to_shards,
                              .peak_shards = plan->peak_shards,
                              .seconds = plan->seconds};

    if (view->too_early) {
        outlook.verdict = "wait";
        outlook.reason = "nothing was measured since the last action ended; an alarm would wait for that";
        outlook.to_shards = outlook.peak_shards = (int64_t)view->shards.count;
    }
    outlook_print(&outlook, all);
}

static int plan_to(const struct engine_view *view, const char *stream, int64_t target, cJSON *all,
                   struct error *err)
{
    struct step_list steps = {0};
    struct outlook outlook = {.stream = stream, .verdict = "by hand", .view = view, .to_shards = target};
    char reason[160];

    if (steps_to_even(&view->shards, target, &steps, err) < 0)
        return -1;
    snprintf(reason, sizeof(reason), "%zu split%s and %zu merge%s lead from %zu shard%s to %lld even",
             steps.splits, text_plural((int64_t)steps.splits), steps.merges,
             text_plural((int64_t)steps.merges), view->shards.count, text_plural((int64_t)view->shards.count),
             (long long)target);
    outlook.reason = reason;
    outlook.operations = steps.items;
    outlook.count = steps.count;
    outlook.peak_shards = steps.peak_shards;
    outlook.seconds = (int64_t)steps.count * SPLIT_SECONDS;
    outlook_print(&outlook, all);
    step_list_clear(&steps);
    return 0;
}

static int plan_stream(struct engine *engine, struct store *store, const char *stream, int64_t target,
                       cJSON *all, struct error *err)
{
    struct engine_view view;
    int result = 0;

    if (engine_view(engine, store, stream, &view, err) < 0)
        return -1;
    if (target > 0)
        result = plan_to(&view, stream, target, all, err);
    else
        plan_for_load(&view, stream, all);
    engine_view_clear(&view);
    return result;
}

/*
 * Those named, else all that are configured.  One that cannot be looked at does not stop the others; the exit code is
 * that of the first of these.
 */
static int plan_each(struct engine *engine, struct store *store, int argc, char **argv, int64_t target,
                     cJSON *all)
{
    struct config *config = argc > 0 ? NULL : cli_discover(engine, NULL);
    size_t count = argc > 0 ? (size_t)argc : config->stream_count;
    int code = EXIT_DONE;

    for (size_t i = 0; i < count; i++) {
        const char *stream = argc > 0 ? argv[i + 1] : config->streams[i].name;
        struct error err = {0};

        if (plan_stream(engine, store, stream, target, all, &err) < 0) {
            int failed = cli_fail(&err);

            code = code == EXIT_DONE ? failed : code;
        }
    }
    config_free(config);
    return code;
}

static int plan_streams(struct config **config, int argc, char **argv, bool json, int64_t target,
                        int *ret_code, struct error *err)
{
    struct scaled_clock scaled;
    struct clock *clock;
    struct account account;
    struct engine *engine;
    struct store *store;
    cJSON *all = NULL;

    if (cli_clock(clock_text, &scaled, &clock, err) < 0 ||
        cli_store((*config)->service.database, true, &store, err) < 0)
        return -1;
    if (engine_recall(store, config, err) < 0 ||
        cli_check_streams(*config, clock, (const char *const *)argv + 1, (size_t)argc, err) < 0 ||
        account_open(&(*config)->service, clock, &account, err) < 0) {
        store_close(store);
        return -1;
    }
    engine = engine_new(
        &(struct engine_options){.config = *config, .aws = account.aws, .clock = clock, .owner = "plan"});
    if (json)
        all = cJSON_CreateArray();
    *ret_code = plan_each(engine, store, argc, argv, target, all);
    if (json) {
        char *text = cJSON_Print(all);

        puts(text);
        cJSON_free(text);
        cJSON_Delete(all);
    }
    engine_free(engine);
    account_close(&account);
    store_close(store);
    return 0;
}

static int run(int argc, char **argv)
{
    struct error err = {0};
    struct config *config;
    int64_t target = 0;
    bool json;
    int code = EXIT_DONE;
    int left = cli_parse(&command_plan, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    if (!cli_output(output, &json, &err))
        return cli_fail(&err);
    if (to_text != NULL && !number_parse(to_text, 1, SHARDS_PER_STREAM_MAX, &target)) {
        (void)error_set(&err, ERROR_CONFIG, "--to must be 1 to %d shards, not '%s'",
                        (int)SHARDS_PER_STREAM_MAX, to_text);
        return cli_fail(&err);
    }
    config = cli_config(config_path);
    if (config == NULL)
        return EXIT_USAGE;
    if (plan_streams(&config, left, argv, json, target, &code, &err) < 0)
        code = cli_fail(&err);
    config_free(config);
    return code;
}

const struct command command_plan = {"plan", "[STREAM...]",
                                     "Print the exact next operations for a stream; touches nothing", run};
