/*
 * backtest_report.c - what a backtest came to, beside what other ways to run the stream would have.
 *
 * The others are computed from the load alone: a fleet that stays at what the highest minute needs with even keys, the
 * fewest shards of every minute with perfect foresight and free, instant resharding, both min_shards at least, and AWS's
 * own on-demand modes, whose throttling is not known.  Under other keys the fleet throttles what a run of it did; of
 * perfect foresight only the shards for even keys are known.  One reader reads everything once.
 */
#include "backtest.h"
#include "peers.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/adaptive.h"
#include "scaling/alarms.h"

#include <cjson/cJSON.h>
#include <math.h>

#define MIB 1048576.0

enum way { WAY_KINESCALE, WAY_FIXED, WAY_STANDARD, WAY_ADVANTAGE, WAY_FORESIGHT, WAY_COUNT };

static const struct {
    const char *name, *key;
} ways[WAY_COUNT] = {
    [WAY_KINESCALE] = {"kinescale", "kinescale"},
    [WAY_FIXED] = {"fixed at the peak", "fixed"},
    [WAY_STANDARD] = {"on-demand standard", "on_demand_standard"},
    [WAY_ADVANTAGE] = {"on-demand advantage", "on_demand_advantage"},
    [WAY_FORESIGHT] = {"perfect foresight", "perfect_foresight"},
};

static double shards_needed(const struct backtest *backtest, size_t i)
{
    const struct sim_minute *minute = &backtest->load.minutes[i];
    double needed = fmax(minute->bytes / 60 / SHARD_BYTES_PER_S, minute->records / 60 / SHARD_RECORDS_PER_S);
    double least = (double)backtest->config->streams[0].min_shards;

    return fmax(least, ceil(needed - 1e-9)); /* a sum of doubles may lie a hair above a whole number */
}

/* Only there the engine needs them, and has them turned on. */
static bool has_shard_metrics(const struct backtest *backtest)
{
    return backtest->config->streams[0].alarm_level != ALARM_LEVEL_STREAM;
}

/*
 * As the engine keeps alarms: on the stream, or on each shard, where each metric of each shard is paid for as well; and what
 * it asked to see.  Of CloudWatch's other calls a million a month are free, which no stream comes near.
 */
static double watch_cost(const struct backtest *backtest, const struct backtest_result *result,
                         const struct price_list *prices)
{
    double looks = cost_metric_requests(prices, (double)result->metrics_requested);

    if (!has_shard_metrics(backtest))
        return looks + cost_alarms(prices, ALARM_METRIC_COUNT * result->hours);
    return looks + cost_alarms(prices, ALARM_METRIC_COUNT * result->totals.shard_hours) +
           cost_custom_metrics(prices, ALARM_METRIC_COUNT * result->totals.shard_hours);
}

/* `watch`: dollars for alarms and metrics. */
static struct figures figures_of(const struct backtest_result *result, const struct price_list *prices,
                                 double watch)
{
    const struct sim_totals *totals = &result->totals;

    return (struct figures){.shard_hours = totals->shard_hours,
                            .dollars = cost_shard_hours(prices, totals->shard_hours) +
                                       cost_put_units(prices, totals->accepted_put_units) + watch,
                            .throttled_bytes = totals->throttled_bytes,
                            .throttled_records = totals->throttled_records,
                            .minutes_throttled = totals->minutes_throttled,
                            .peak_shards = totals->peak_shards,
                            .operations = totals->splits + totals->merges,
                            .updates = totals->updates,
                            .refused_updates = result->refused_updates};
}

struct figures backtest_figures(const struct backtest *backtest, const struct backtest_result *result,
                                const struct price_list *prices)
{
    return figures_of(result, prices, watch_cost(backtest, result, prices));
}

bool backtest_has_even_keys(const struct backtest *backtest)
{
    return text_equal(backtest->keys, "uniform");
}

double backtest_peak_shards(const struct backtest *backtest)
{
    double most = 0;

    for (size_t i = 0; i < backtest->load.count; i++)
        most = fmax(most, shards_needed(backtest, i));
    return most;
}

double backtest_foresight_hours(const struct backtest *backtest)
{
    double minutes = 0;

    for (size_t i = 0; i < backtest->load.count; i++)
        minutes += shards_needed(backtest, i);
    return minutes / 60;
}

/* None of them calls GetMetricData: compare.c does, for alarms and GetMetricStatistics. */
static struct figures figures_of_peer(const struct backtest_result *result, const struct price_list *prices,
                                      size_t peer)
{
    return figures_of(&result->peers[peer], prices,
                      cost_alarms(prices, peers[peer].alarm_metrics * result->hours));
}

static struct figures figures_of_fixed(const struct backtest *backtest, const struct backtest_result *result,
                                       const struct price_list *prices)
{
    const struct sim_totals *totals = &result->totals;
    struct figures figures = {.peak_shards = (int64_t)backtest_peak_shards(backtest)};

    if (result->fixed != NULL)
        figures = figures_of(result->fixed, prices, 0);
    else {
        figures.shard_hours = (double)figures.peak_shards * result->hours;
        figures.dollars =
            cost_shard_hours(prices, figures.shard_hours) + cost_put_units(prices, totals->offered_put_units);
    }
    figures.operations = figures.updates = figures.refused_updates = -1;
    return figures;
}

static void compute(const struct backtest *backtest, const struct backtest_result *result,
                    const struct price_list *prices, struct figures figures[WAY_COUNT])
{
    const struct sim_totals *totals = &result->totals;
    struct usage usage = {
        .hours = result->hours, .kib = totals->offered_kib, .bytes = totals->offered_bytes, .readers = 1};
    double all_units = cost_put_units(prices, totals->offered_put_units);
    struct figures *foresight = &figures[WAY_FORESIGHT];

    for (int way = 0; way < WAY_COUNT; way++)
        figures[way] = (struct figures){.operations = -1, .updates = -1, .refused_updates = -1};
    figures[WAY_KINESCALE] = backtest_figures(backtest, result, prices);
    figures[WAY_FIXED] = figures_of_fixed(backtest, result, prices);
    foresight->even_keys = !backtest_has_even_keys(backtest);
    foresight->peak_shards = (int64_t)backtest_peak_shards(backtest);
    foresight->shard_hours = backtest_foresight_hours(backtest);
    foresight->dollars = cost_shard_hours(prices, foresight->shard_hours) + all_units;
    figures[WAY_STANDARD].dollars = cost_on_demand(prices, &usage);
    figures[WAY_ADVANTAGE].dollars = cost_on_demand_advantage(prices, &usage);
}

/* ---- for people */

/* "12.3 days", "1.0 hours"; `text` has room for it. */
static const char *span(double hours, char text[32])
{
    if (hours < 48)
        snprintf(text, 32, "%.*f hours", figures_decimals(hours, 1), hours);
    else
        snprintf(text, 32, "%.1f days", hours / 24);
    return text;
}

void backtest_print_load(const struct backtest *backtest, const struct backtest_result *result, FILE *file)
{
    double gib = result->totals.offered_bytes / 1024 / MIB, highest = 0;
    double mean = result->totals.offered_bytes / MIB / result->hours / 3600;
    size_t minutes = backtest->load.count;
    char text[32];

    for (size_t i = 0; i < minutes; i++)
        highest = fmax(highest, backtest->load.minutes[i].bytes / 60 / MIB);
    fprintf(
        file,
        "%s: %zu minute%s (%s), %.*f GiB and %.0f records offered, keys %s\n"
        "  %.*f MiB/s in the mean, %.*f in the highest minute; %lld shard%s at the start, %lld at the end\n",
        backtest->config->streams[0].name, minutes, text_plural((int64_t)minutes), span(result->hours, text),
        figures_decimals(gib, 1), gib, result->totals.offered_records, backtest->keys,
        figures_decimals(mean, 3), mean, figures_decimals(highest, 3), highest,
        (long long)backtest->initial_shards, text_plural(backtest->initial_shards),
        (long long)result->totals.open_shards);
}

static void add_row(struct table *table, const char *name, const struct figures *f,
                    const struct backtest_result *result, double foresight_hours, bool calls)
{
    table_add(table, "%s", name);
    figures_add_columns(table, f, result, foresight_hours);
    if (calls)
        figures_add_call_columns(table, f);
}

static void fill_table(const struct backtest *backtest, const struct backtest_result *result,
                       const struct price_list *prices, bool calls, struct table *table)
{
    struct figures figures[WAY_COUNT];
    double foresight_hours;

    compute(backtest, result, prices, figures);
    foresight_hours = figures[WAY_FORESIGHT].shard_hours;
    for (int way = 0; way < WAY_COUNT; way++) {
        add_row(table, ways[way].name, &figures[way], result, foresight_hours, calls);
        for (size_t i = 0; way == WAY_KINESCALE && result->peers != NULL && i < peer_count; i++) {
            struct figures f = figures_of_peer(result, prices, i);

            add_row(table, peers[i].name, &f, result, foresight_hours, calls);
        }
    }
}

/* Beside others it counts how much resharding each needs. */
void backtest_table(const struct backtest *backtest, const struct backtest_result *result,
                    const struct price_list *prices, struct table *table)
{
    static const char *const alone[] = {"", FIGURES_HEADINGS, NULL};
    static const char *const beside_peers[] = {"", FIGURES_HEADINGS, FIGURES_CALL_HEADINGS, NULL};
    bool calls = result->peers != NULL;

    *table = (struct table){.headings = calls ? beside_peers : alone, .right_aligned = calls ? 0x7fe : 0xfe};
    fill_table(backtest, result, prices, calls, table);
}

/* Does every minute come too late to say anything?  The rule counts from where the minute began. */
static const int64_t told_in_time_ms = (ADAPTIVE_STALE_MINUTES - 1) * 60000;

static bool is_stale(const struct backtest *backtest)
{
    return backtest->config->streams[0].policy == POLICY_ADAPTIVE &&
           backtest->metric_delay_ms > told_in_time_ms;
}

/* Only of these is it drawn where they lie. */
static bool has_drawn_keys(const struct backtest *backtest)
{
    return !backtest_has_even_keys(backtest) && !text_starts_with(backtest->keys, "slice:");
}

/* What is throttled with any number of shards; its keys have been read before, so they can be. */
static void lost_in_any_case(const struct backtest *backtest, double *ret_bytes, double *ret_records)
{
    struct error ignored = {0};

    (void)sim_keys_excess(&backtest->load, backtest->keys, ret_bytes, ret_records, &ignored);
}

static void print_lost_in_any_case(const struct backtest *backtest, FILE *file)
{
    double bytes, records, offered = 0;

    lost_in_any_case(backtest, &bytes, &records);
    if (bytes <= 0)
        return;
    for (size_t i = 0; i < backtest->load.count; i++)
        offered += backtest->load.minutes[i].bytes;
    fprintf(
        file,
        "Single keys ask for more than one shard takes: %.*f MiB, %.*f %% of the load, are throttled with "
        "any number of shards.\n",
        figures_decimals(bytes / MIB, 1), bytes / MIB, figures_decimals(100 * bytes / offered, 2),
        100 * bytes / offered);
}

void backtest_print_caveats(const struct backtest *backtest, FILE *file)
{
    fputs("The load is taken to be even within each minute, and Kinesis throttles by the second:\n"
          "what is shown is the least that is throttled.\n",
          file);
    if (has_drawn_keys(backtest))
        fprintf(
            file,
            "Where the keys lie is one draw, of seed %llu; with another --seed more or less is throttled.\n",
            (unsigned long long)backtest->seed);
    print_lost_in_any_case(backtest, file);
}

void backtest_print_deeds(const struct backtest *backtest, const struct backtest_result *result, FILE *file)
{
    const struct sim_totals *totals = &result->totals;
    double throttled = totals->throttled_bytes / MIB;

    fprintf(
        file,
        "kinescale throttled %.*f MiB, %.0f records.  It made %lld split%s, %lld merge%s and %lld call%s of\n"
        "UpdateShardCount; AWS refused %lld call%s%s.  Dollars: shard-hours, PUT payload units, alarms%s\n"
        "and %lld metrics asked of GetMetricData, at %s prices of %s unless set otherwise; on-demand\n"
        "as if one reader read everything once, and advantage without\n"
        "the minimum to which the account commits itself for all its streams.\n",
        figures_decimals(throttled, 1), throttled, totals->throttled_records, (long long)totals->splits,
        text_plural(totals->splits), (long long)totals->merges, text_plural(totals->merges),
        (long long)totals->updates, text_plural(totals->updates), (long long)result->refused,
        text_plural(result->refused),
        result->failed_turns > 0 ? "; some turns failed and were taken again" : "",
        has_shard_metrics(backtest) ? ", metrics of shards" : "", (long long)result->metrics_requested,
        PRICE_REGION, price_rows[PRICE_SHARD_HOUR].read_on);
    backtest_print_caveats(backtest, file);
    if (!backtest_has_even_keys(backtest))
        fputs(
            "Perfect foresight, and how many shards stay at the peak, are for keys that are spread evenly;\n"
            "what those shards throttle is for the keys above.\n",
            file);
    if (is_stale(backtest))
        fprintf(
            file,
            "A minute's datapoints came %lld s after its end.  Policy adaptive uses none that comes later "
            "than %lld s:\nit acted by alarms alone, and gave nothing back.\n",
            (long long)backtest->metric_delay_ms / 1000, (long long)told_in_time_ms / 1000);
}

void backtest_print(const struct backtest *backtest, const struct backtest_result *result,
                    const struct price_list *prices, FILE *file)
{
    struct table table;

    backtest_table(backtest, result, prices, &table);
    backtest_print_load(backtest, result, file);
    fputc('\n', file);
    table_print(&table, file);
    table_clear(&table);
    fputc('\n', file);
    backtest_print_deeds(backtest, result, file);
    for (size_t i = 0; result->peers != NULL && i < peer_count; i++)
        fprintf(file, "%s%-20s %s\n", i == 0 ? "\n" : "", peers[i].name, peers[i].what);
}

/* ---- for programs */

static void add_way(cJSON *all, const char *key, const struct figures *f,
                    const struct backtest_result *result, double foresight_hours)
{
    figures_add_fields(cJSON_AddObjectToObject(all, key), f, result, foresight_hours);
}

static void add_ways(cJSON *object, const struct backtest *backtest, const struct backtest_result *result,
                     const struct price_list *prices)
{
    cJSON *all = cJSON_AddObjectToObject(object, "ways");
    struct figures figures[WAY_COUNT];
    double foresight_hours;

    compute(backtest, result, prices, figures);
    foresight_hours = figures[WAY_FORESIGHT].shard_hours;
    for (int way = 0; way < WAY_COUNT; way++)
        add_way(all, ways[way].key, &figures[way], result, foresight_hours);
    for (size_t i = 0; result->peers != NULL && i < peer_count; i++) {
        struct figures f = figures_of_peer(result, prices, i);

        add_way(all, peers[i].key, &f, result, foresight_hours);
    }
}

static void add_prices(cJSON *object, const struct price_list *prices)
{
    cJSON *all = cJSON_AddObjectToObject(object, "prices");

    for (size_t i = 0; i < PRICE_COUNT; i++)
        (void)cJSON_AddNumberToObject(all, price_rows[i].name, prices->dollars[i]);
}

void backtest_add_load(cJSON *object, const struct backtest *backtest)
{
    double lost_bytes, lost_records;

    lost_in_any_case(backtest, &lost_bytes, &lost_records);
    (void)cJSON_AddStringToObject(object, "stream", backtest->config->streams[0].name);
    (void)cJSON_AddStringToObject(object, "keys", backtest->keys);
    (void)cJSON_AddNumberToObject(object, "minutes", (double)backtest->load.count);
    (void)cJSON_AddNumberToObject(object, "throttled_in_any_case_bytes", lost_bytes);
    (void)cJSON_AddNumberToObject(object, "throttled_in_any_case_records", lost_records);
}

void backtest_print_json(const struct backtest *backtest, const struct backtest_result *result,
                         const struct price_list *prices, FILE *file)
{
    const struct sim_totals *totals = &result->totals;
    cJSON *object = cJSON_CreateObject();
    char *text;

    backtest_add_load(object, backtest);
    (void)cJSON_AddNumberToObject(object, "offered_bytes", totals->offered_bytes);
    (void)cJSON_AddNumberToObject(object, "offered_records", totals->offered_records);
    (void)cJSON_AddNumberToObject(object, "accepted_bytes", totals->accepted_bytes);
    (void)cJSON_AddNumberToObject(object, "accepted_records", totals->accepted_records);
    (void)cJSON_AddNumberToObject(object, "initial_shards", (double)backtest->initial_shards);
    (void)cJSON_AddNumberToObject(object, "final_shards", (double)totals->open_shards);
    (void)cJSON_AddNumberToObject(object, "splits", (double)totals->splits);
    (void)cJSON_AddNumberToObject(object, "merges", (double)totals->merges);
    (void)cJSON_AddNumberToObject(object, "updates", (double)totals->updates);
    (void)cJSON_AddNumberToObject(object, "refused", (double)result->refused);
    (void)cJSON_AddNumberToObject(object, "failed_turns", (double)result->failed_turns);
    (void)cJSON_AddNumberToObject(object, "metrics_requested", (double)result->metrics_requested);
    add_prices(object, prices);
    add_ways(object, backtest, result, prices);
    text = cJSON_Print(object);
    fprintf(file, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(object);
}
