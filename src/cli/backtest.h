/*
 * backtest.h - what the files of backtest share.
 *
 * Internal to cli/: backtest.c is the command, backtest_run.c replays the load, backtest_report.c and figures.c
 * say what it came to, backtest_files.c spares files.
 */
#ifndef CLI_BACKTEST_H
#define CLI_BACKTEST_H

#include "parts.h"
#include "story.h"

#include "scaling/cost.h"
#include "sim/sim.h"

struct backtest {
    struct config *config; /* with one stream */
    struct sim_load load;
    char *note; /* what is to be known of the load, owned; NULL: nothing */
    int64_t initial_shards;
    const char *keys;                             /* which sim_check_keys() takes */
    int64_t split_ms, update_ms, metric_delay_ms; /* update_ms 0: serial */
    uint64_t seed;
    FILE *operations;    /* NULL: not written */
    FILE *progress;      /* NULL: not drawn */
    struct story *story; /* zeroed, to be filled; NULL: not kept */
};

struct backtest_result {
    double hours;
    struct sim_totals totals;  /* of the load's time only */
    int64_t metrics_requested; /* of GetMetricData */
    int64_t refused;           /* resharding calls that AWS refused */
    int64_t refused_updates;   /* those of them that were UpdateShardCount */
    size_t failed_turns;
    struct backtest_result *peers; /* of peers[], owned; NULL: not compared */
    /* Of backtest_peak_shards() even shards that stay, owned; NULL: keys are spread evenly, and they throttle nothing. */
    struct backtest_result *fixed;
};

void backtest_result_clear(struct backtest_result *result);

/* Replays the whole load.  ERROR_CONFIG for a topic that is none; else what failed. */
int backtest_run(const struct backtest *backtest, struct backtest_result *ret_result, struct error *err);

/* ---- backtest_files.c */

struct backtest_file {
    const char *name; /* in messages: the option of what is written, else what there is to lose: "the load" */
    const char *path; /* NULL or "": none */
    bool written;
};
/* Those that are only read come first.  ERROR_CONFIG: one that is written is another one as well, or cannot be
 * written.  Nothing is changed. */
int backtest_check_files(const struct backtest_file *files, size_t count, struct error *err);

/* ---- figures.c: what a way to run the stream came to */

struct figures {
    double dollars;     /* shard-hours, PUT payload units, and what watches the stream */
    double shard_hours; /* 0: on demand, and nothing but the dollars is known */
    bool even_keys;     /* computed as if keys were, and they are not: what is throttled is not known */
    double throttled_bytes, throttled_records;
    int64_t minutes_throttled, peak_shards;
    int64_t operations;               /* splits and merges; -1: nobody makes any, nor calls */
    int64_t updates, refused_updates; /* of UpdateShardCount; -1 */
};

/* Digits behind the point: `usual`, and of a small value so many that two of its own are seen. */
int figures_decimals(double value, int usual);
/* As they are shown: dollars, and the part of `load` that was throttled in percent. */
double figures_shown_dollars(const struct figures *f);
double figures_shown_percent(const struct figures *f, const struct backtest_result *load);
/* The headings of figures_add_columns() and of figures_add_call_columns(); numbers, all of them. */
#define FIGURES_HEADINGS "SHARD-HOURS", "TO FORESIGHT", "DOLLARS", "THROTTLED", "IN MINUTES", "PEAK", "MEAN"
#define FIGURES_CALL_HEADINGS "OPERATIONS", "UPDATES", "REFUSED"

/* `load`: any run of the load they belong to, for its hours and what was offered. */
void figures_add_columns(struct table *table, const struct figures *f, const struct backtest_result *load,
                         double foresight_hours);
void figures_add_call_columns(struct table *table, const struct figures *f);
void figures_add_fields(cJSON *object, const struct figures *f, const struct backtest_result *load,
                        double foresight_hours);

/* ---- backtest_report.c */

/* Of the run itself. */
struct figures backtest_figures(const struct backtest *backtest, const struct backtest_result *result,
                                const struct price_list *prices);
/* Are keys spread evenly? */
bool backtest_has_even_keys(const struct backtest *backtest);
/* For even keys, and min_shards at least: shard-hours of the fewest shards of every minute, and the most that one of
 * them needs. */
double backtest_foresight_hours(const struct backtest *backtest);
double backtest_peak_shards(const struct backtest *backtest);

/* Every way to run the stream, side by side; table_clear() it. */
void backtest_table(const struct backtest *backtest, const struct backtest_result *result,
                    const struct price_list *prices, struct table *table);
/* What was replayed; what was done. */
void backtest_print_load(const struct backtest *backtest, const struct backtest_result *result, FILE *file);
/* What no figure of a run can know; a part of what was done. */
void backtest_print_caveats(const struct backtest *backtest, FILE *file);
void backtest_print_deeds(const struct backtest *backtest, const struct backtest_result *result, FILE *file);
/* What was replayed, for programs. */
void backtest_add_load(cJSON *object, const struct backtest *backtest);
/* All of these. */
void backtest_print(const struct backtest *backtest, const struct backtest_result *result,
                    const struct price_list *prices, FILE *file);
void backtest_print_json(const struct backtest *backtest, const struct backtest_result *result,
                         const struct price_list *prices, FILE *file);

#endif
