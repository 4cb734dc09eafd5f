/*
 * backtest.c - what would the program have done with this load?  The program itself answers, in simulated time.
 */
#include "backtest.h"

#include "bench.h"
#include "compare.h"
#include "history.h"
#include "report.h"
#include "sweep.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <errno.h>

static const char *config_path = "streams.conf", *load_path, *stream_name, *initial_text, *peak_text,
                  *record_text, *keys = "uniform", *split_text = "30", *update_text = "serial",
                  *delay_text = "75", *seed_text = "1", *operations_path, *prices_text, *output = "table",
                  *history_stream, *days_text, *save_path, *clock_text, *report_path, *compare;
static struct names sweeps;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "whose settings are tried; nothing of it is touched", &config_path},
    {"--load", "FILE", NULL,
     "CSV, a row a minute or fewer, each what one minute brought: timestamp,bytes,records or "
     "minute,bytes,records; with --peak timestamp,value or minute,value (minute: as if from Monday, "
     "2026-03-02 on)",
     &load_path},
    {"--from-cloudwatch", "STREAM", NULL, "instead of --load: what was put into this stream, and throttled",
     &history_stream},
    {"--days", "N", NULL, "of that; 14 unless given, 1 to 455; what is older than 15 is known less exactly",
     &days_text},
    {"--save-load", "FILE", NULL, "write what was fetched, for --load", &save_path},
    {"--stream", "NAME", NULL, "whose settings; that stream's, or the first one's, unless given",
     &stream_name},
    {"--initial-shards", "N", NULL,
     "at the start; what --from-cloudwatch has now, or desired_shards, unless given", &initial_text},
    {"--peak", "MIB_S", NULL, "what the 99.9th percentile minute of a file of counts stands for", &peak_text},
    {"--record-bytes", "N", NULL, "with --peak: size of each record; 2048 unless given", &record_text},
    {"--keys", "KEYS", "uniform",
     "where the load's keys lie: uniform, zipf:S:KEYS, hot:SHARE or slice:SHARE:N:OF", &keys},
    {"--split-seconds", "N", "30", "how long a split or merge takes", &split_text},
    {"--update-seconds", "serial|N", "serial", "UpdateShardCount: one operation after another, or N seconds",
     &update_text},
    {"--metric-delay", "N", "75", "seconds from the end of a minute until its datapoints can be read",
     &delay_text},
    {"--seed", "N", "1", "of ids and keys: the same seed gives the same answer", &seed_text},
    {"--operations", "FILE", NULL, "write every resharding call, a JSON object a line", &operations_path},
    {"--report", "FILE", NULL, "write a page with plots and every action's reason, in HTML", &report_path},
    {"--compare", NULL, NULL,
     "run the policies of other autoscalers under the same load, and show them beside", &compare},
    {.name = "--sweep",
     .argument = "SETTING=A,B,C",
     .help = "try these values, and all combinations when given more than once",
     .values = &sweeps},
    {"--prices", "LIST", NULL, "other prices, as shard-hour=0.018,put-units=0.017", &prices_text},
    {"--output", "table|json", "table", "for people or for programs", &output},
    {"--clock", "BASE@SPEED", NULL, "simulated time, for --from-cloudwatch from sim-aws", &clock_text},
};

static int read_number(const char *option, const char *text, int64_t minimum, int64_t maximum,
                       int64_t *ret_value, struct error *err)
{
    if (number_parse(text, minimum, maximum, ret_value))
        return 0;
    return error_set(err, ERROR_CONFIG, "%s must be %lld to %lld, not '%s'", option, (long long)minimum,
                     (long long)maximum, text);
}

static int read_world(struct backtest *backtest, struct error *err)
{
    int64_t split_s, update_s = 0, delay_s, seed;

    if (read_number("--split-seconds", split_text, 1, 3600, &split_s, err) < 0 ||
        read_number("--metric-delay", delay_text, 0, 3600, &delay_s, err) < 0 ||
        read_number("--seed", seed_text, 0, INT64_MAX, &seed, err) < 0)
        return -1;
    if (!text_equal(update_text, "serial") && !number_parse(update_text, 1, 86400, &update_s))
        return error_set(err, ERROR_CONFIG, "--update-seconds must be serial or 1 to 86400, not '%s'",
                         update_text);
    backtest->split_ms = split_s * 1000;
    backtest->update_ms = update_s * 1000;
    backtest->metric_delay_ms = delay_s * 1000;
    backtest->seed = (uint64_t)seed;
    backtest->keys = keys;
    return sim_check_keys(keys, err) < 0 ? error_wrap(err, "--keys") : 0;
}

static int fetch(struct backtest *backtest, int64_t days, struct history *history, struct error *err)
{
    struct account account = {0};
    struct scaled_clock scaled;
    struct clock *clock;
    int result = cli_clock(clock_text, &scaled, &clock, err);

    if (result == 0)
        result = account_open(&backtest->config->service, clock, &account, err);
    if (result == 0)
        result = history_fetch(account.aws, history_stream, days, clock_now_ms(clock), history, err);
    account_close(&account);
    return result;
}

static int read_history(struct backtest *backtest, struct error *err)
{
    SCOPED(history_clear) struct history history = {0};
    int64_t days;
    size_t length;
    FILE *text;

    if (load_path != NULL || peak_text != NULL || record_text != NULL)
        return error_set(err, ERROR_CONFIG, "--from-cloudwatch takes no --load, --peak or --record-bytes");
    if (read_number("--days", days_text != NULL ? days_text : "14", 1, HISTORY_DAYS_MAX, &days, err) < 0 ||
        fetch(backtest, days, &history, err) < 0 ||
        (save_path != NULL && history_save(&history, save_path, err) < 0))
        return -1;
    text = open_memstream(&backtest->note, &length);
    history_print(&history, history_stream, text);
    (void)fclose(text);
    fputs(backtest->note, stderr);
    if (initial_text == NULL)
        backtest->initial_shards = history.open_shards;
    backtest->load = history.load;
    history.load = (struct sim_load){0};
    return 0;
}

/* What is in a file is not always what was meant: the sum of five minutes looks like the value of one. */
static void note_file(struct backtest *backtest)
{
    SCOPED(free_text) char *path = cli_escaped(load_path);
    SCOPED(free_text) char *steps = NULL;
    SCOPED(free_text) char *gaps = NULL;
    const struct sim_load *load = &backtest->load;
    long long step = load->step_ms / 60000;

    if (load->has_bytes && step > 1)
        steps = must_printf(
            "%s: its rows are %lld minutes apart, and each is taken for what one minute brought.\n"
            "  If they are sums over %lld minutes, divide them by %lld.\n",
            path, step, step, step);
    if (load->gap_minutes > 0)
        gaps = must_printf(
            "%s: rows are missing for %lld minute%s, up to %lld in a row; a straight line is drawn there.\n",
            path, (long long)load->gap_minutes, text_plural(load->gap_minutes), (long long)load->longest_gap);
    if (steps == NULL && gaps == NULL)
        return;
    backtest->note = must_printf("%s%s", steps != NULL ? steps : "", gaps != NULL ? gaps : "");
    fputs(backtest->note, stderr);
}

static bool begins_as_desired(void)
{
    return initial_text == NULL && history_stream == NULL;
}

static int check_sweep(const struct backtest *backtest, struct error *err)
{
    if (sweeps.count == 0)
        return 0;
    if (operations_path != NULL || report_path != NULL || compare != NULL)
        return error_set(err, ERROR_CONFIG, "--sweep takes no --operations, --report or --compare");
    return sweep_check(backtest, &sweeps, begins_as_desired(), err);
}

/* Before anything is fetched, read at length or written. */
static int check_files(const struct service_config *service, struct error *err)
{
    SCOPED(free_text) char *log = must_printf("%s-wal", service->database);
    SCOPED(free_text) char *index = must_printf("%s-shm", service->database);
    const struct backtest_file files[] = {
        {"the configuration", config_path, false},
        {"the database", service->database, false},
        {"the log of the database", log, false},
        {"the index of the database's log", index, false},
        {"the admin token", service->admin_token_file, false},
        {"the certificate", service->tls_certificate, false},
        {"the key", service->tls_key, false},
        {"the load", load_path, false},
        {"the output", "/dev/stdout", false},
        {"--save-load", save_path, true},
        {"--operations", operations_path, true},
        {"--report", report_path, true},
    };

    return backtest_check_files(files, COUNT_OF(files), err);
}

static int read_load(struct backtest *backtest, struct error *err)
{
    struct sim_load_options how = {0};
    double peak_mib_s = 0;

    if (history_stream != NULL)
        return read_history(backtest, err);
    if (days_text != NULL || save_path != NULL || clock_text != NULL)
        return error_set(err, ERROR_CONFIG, "--days, --save-load and --clock need --from-cloudwatch");
    if (load_path == NULL)
        return error_set(
            err, ERROR_CONFIG,
            "--load FILE or --from-cloudwatch STREAM says what producers offer; both are missing");
    if (peak_text != NULL && (!number_parse_double(peak_text, &peak_mib_s) || peak_mib_s <= 0 ||
                              peak_mib_s > SHARDS_PER_STREAM_MAX))
        return error_set(err, ERROR_CONFIG, "--peak must be above 0 and at most %d MiB/s, not '%s'",
                         (int)SHARDS_PER_STREAM_MAX, peak_text);
    if (record_text != NULL && peak_text == NULL)
        return error_set(err, ERROR_CONFIG,
                         "--record-bytes needs --peak: else the file says the records itself");
    if (read_number("--record-bytes", record_text != NULL ? record_text : "2048", 1, SIM_RECORD_BYTES_MAX,
                    &how.record_bytes, err) < 0)
        return -1;
    how.peak_bytes_s = peak_mib_s * SHARD_BYTES_PER_S;
    if (sim_load_read(load_path, &how, &backtest->load, err) < 0)
        return -1;
    note_file(backtest);
    return 0;
}

/* A fleet for the highest minute is simulated where keys are not even. */
static int check_height(const struct backtest *backtest, struct error *err)
{
    double shards = backtest_peak_shards(backtest);

    if (backtest_has_even_keys(backtest) || shards <= BENCH_SHARDS_MAX)
        return 0;
    return error_set(err, ERROR_CONFIG,
                     "the highest minute of the load needs %.0f shards; no more than %d are simulated",
                     shards, BENCH_SHARDS_MAX);
}

static int unknown_stream(const struct config *config, struct error *err)
{
    char known[256] = "";
    size_t length = 0;

    if (stream_name == history_stream)
        return error_set(err, ERROR_CONFIG,
                         "%s speaks of no stream '%s'; --stream NAME says whose settings are tried",
                         config_path, stream_name);
    for (size_t i = 0; i < config->stream_count + config->pattern_count && length < sizeof(known); i++)
        length +=
            (size_t)snprintf(known + length, sizeof(known) - length, "%s%s", i > 0 ? ", " : "",
                             i < config->stream_count ? config->streams[i].name
                                                      : config->patterns[i - config->stream_count].name);
    return error_set(err, ERROR_CONFIG, "%s speaks of no stream '%s', but of %s%s", config_path, stream_name,
                     known, length < sizeof(known) ? "" : "...");
}

static int check_name(const char *option, const char *name, struct error *err)
{
    if (name == NULL || config_is_stream_name(name))
        return 0;
    return error_set(err, ERROR_CONFIG,
                     "%s must be a stream's name of 1 to %d letters, digits, '_', '.' and '-', not '%.192s'",
                     option, STREAM_NAME_MAX, name);
}

/* The file with the one stream left in it. */
static int choose_stream(const struct config *config, struct backtest *backtest, struct error *err)
{
    const struct stream_config *stream;

    if (check_name("--stream", stream_name, err) < 0 ||
        check_name("--from-cloudwatch", history_stream, err) < 0)
        return -1;
    if (stream_name == NULL)
        stream_name = history_stream;
    if (stream_name == NULL && config->stream_count == 0)
        return error_set(err, ERROR_CONFIG, "%s has patterns only: --stream NAME says which stream is meant",
                         config_path);
    if (stream_name == NULL)
        stream_name = config->streams[0].name;
    backtest->config = config_only(config, stream_name);
    if (backtest->config == NULL)
        return unknown_stream(config, err);
    if (history_stream != NULL)
        (void)text_copy(backtest->config->streams[0].name, sizeof(backtest->config->streams[0].name),
                        history_stream);
    stream = &backtest->config->streams[0];
    backtest->initial_shards = stream->desired_shards;
    if (initial_text != NULL && read_number("--initial-shards", initial_text, 1, SHARDS_PER_STREAM_MAX,
                                            &backtest->initial_shards, err) < 0)
        return -1;
    return 0;
}

static int read_prices(struct price_list *prices, struct error *err)
{
    SCOPED(free_text) char *text = NULL;
    SCOPED(names_clear) struct names seen = {0};
    char *cursor;

    *prices = price_list_default();
    if (prices_text == NULL)
        return 0;
    text = must_strdup(prices_text);
    cursor = text;
    for (char *piece; (piece = text_split(&cursor, ',')) != NULL;) {
        if (price_list_set(prices, piece, err) < 0)
            return error_wrap(err, "--prices");
        piece[strcspn(piece, "=")] = '\0';
        for (size_t i = 0; i < seen.count; i++) {
            if (text_equal(seen.items[i], piece))
                return error_set(err, ERROR_CONFIG, "--prices: '%s' is given twice", piece);
        }
        names_add(&seen, piece);
    }
    return 0;
}

static int close_operations(struct backtest *backtest, struct error *err)
{
    bool failed;

    if (backtest->operations == NULL)
        return 0;
    failed = ferror(backtest->operations) != 0;
    if ((fclose(backtest->operations) != 0) || failed)
        return error_set(err, ERROR_TRANSIENT, "cannot write '%s': %s", operations_path, strerror(errno));
    return 0;
}

/* backtest_result_clear() it, also on failure. */
static int replay(struct backtest *backtest, struct backtest_result *result, struct error *err)
{
    struct error closing = {0};
    int outcome;

    if (operations_path != NULL) {
        backtest->operations = fopen(operations_path, "we");
        if (backtest->operations == NULL)
            return error_set(err, ERROR_CONFIG, "cannot write '%s': %s", operations_path, strerror(errno));
    }
    backtest->progress = isatty(STDERR_FILENO) ? stderr : NULL;
    outcome = backtest_run(backtest, result, err);
    if (close_operations(backtest, &closing) < 0 && outcome == 0) {
        *err = closing;
        outcome = -1;
    }
    if (outcome == 0 && !backtest_has_even_keys(backtest)) {
        result->fixed = must_calloc(1, sizeof(*result->fixed));
        outcome = compare_fixed(backtest, result->fixed, err);
    }
    if (outcome == 0 && compare != NULL)
        outcome = compare_run_all(backtest, &result->peers, err);
    return outcome;
}

static int sweep(struct backtest *backtest, bool json, const struct price_list *prices, struct error *err)
{
    backtest->progress = isatty(STDERR_FILENO) ? stderr : NULL;
    return sweep_run(backtest, &sweeps, begins_as_desired(), json, prices, stdout, err);
}

static int replay_and_report(struct backtest *backtest, bool json, const struct price_list *prices,
                             struct error *err)
{
    SCOPED(backtest_result_clear) struct backtest_result result = {0};

    if (sweeps.count > 0)
        return sweep(backtest, json, prices, err);
    if (replay(backtest, &result, err) < 0)
        return -1;
    if (json)
        backtest_print_json(backtest, &result, prices, stdout);
    else
        backtest_print(backtest, &result, prices, stdout);
    return report_path == NULL ? 0 : report_write(report_path, backtest, &result, prices, err);
}

static int run(int argc, char **argv)
{
    SCOPED(story_clear) struct story story = {0};
    struct backtest backtest = {0};
    struct price_list prices;
    struct error err = {0};
    struct config *config;
    bool json;
    int code = EXIT_DONE;
    int left = cli_parse(&command_backtest, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    if (left > 0) {
        (void)error_set(&err, ERROR_CONFIG, "backtest takes no argument");
        return cli_fail(&err);
    }
    config = cli_config(config_path);
    if (config == NULL)
        return EXIT_USAGE;
    backtest.story = report_path != NULL ? &story : NULL;
    log_set_level(LOG_ERROR); /* what happens is counted, not told */
    if (!cli_output(output, &json, &err) || read_prices(&prices, &err) < 0 ||
        read_world(&backtest, &err) < 0 || choose_stream(config, &backtest, &err) < 0 ||
        check_sweep(&backtest, &err) < 0 || check_files(&config->service, &err) < 0 ||
        read_load(&backtest, &err) < 0 || check_height(&backtest, &err) < 0 ||
        replay_and_report(&backtest, json, &prices, &err) < 0)
        code = cli_fail(&err);
    sim_load_clear(&backtest.load);
    free(backtest.note);
    names_clear(&sweeps);
    config_free(backtest.config);
    config_free(config);
    return code;
}

const struct command command_backtest = {
    "backtest", "", "Replay a recorded load through the program and say what it would have cost", run};
