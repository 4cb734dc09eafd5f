/*
 * figures.c - what a way to run the stream came to: columns of a table, fields of an object.
 */
#include "backtest.h"

#include "base/memory.h"

#include <math.h>

enum { DECIMALS_MAX = 9, DOLLAR_DECIMALS = 2, PERCENT_DECIMALS = 4 };

int figures_decimals(double value, int usual)
{
    int needed;

    if (!(value > 0))
        return usual;
    needed = 1 - (int)floor(log10(value));
    return needed < usual ? usual : needed < DECIMALS_MAX ? needed : DECIMALS_MAX;
}

static double percent_throttled(const struct figures *f, const struct backtest_result *load)
{
    double offered = load->totals.offered_bytes;

    return offered > 0 ? 100 * f->throttled_bytes / offered : 0;
}

static double rounded(double value, int decimals)
{
    double unit = pow(10, decimals);

    return round(value * unit) / unit;
}

double figures_shown_dollars(const struct figures *f)
{
    return rounded(f->dollars, figures_decimals(f->dollars, DOLLAR_DECIMALS));
}

double figures_shown_percent(const struct figures *f, const struct backtest_result *load)
{
    return rounded(percent_throttled(f, load), PERCENT_DECIMALS);
}

/* ---- for people */

void figures_add_columns(struct table *table, const struct figures *f, const struct backtest_result *load,
                         double foresight_hours)
{
    if (f->shard_hours <= 0) {
        table_add(table, "-");
        table_add(table, "-");
        table_add(table, "%.*f", figures_decimals(f->dollars, DOLLAR_DECIMALS), f->dollars);
        for (int i = 0; i < 4; i++)
            table_add(table, "-");
        return;
    }
    table_add(table, "%.*f", figures_decimals(f->shard_hours, 0), f->shard_hours);
    table_add(table, "%.2f x", f->shard_hours / foresight_hours);
    table_add(table, "%.*f", figures_decimals(f->dollars, DOLLAR_DECIMALS), f->dollars);
    if (f->even_keys) {
        table_add(table, "-");
        table_add(table, "-");
    } else {
        table_add(table, "%.*f %%", PERCENT_DECIMALS, percent_throttled(f, load));
        table_add(table, "%lld", (long long)f->minutes_throttled);
    }
    table_add(table, "%lld", (long long)f->peak_shards);
    table_add(table, "%.2f", f->shard_hours / load->hours);
}

void figures_add_call_columns(struct table *table, const struct figures *f)
{
    const int64_t counts[] = {f->operations, f->updates, f->refused_updates};

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        if (counts[i] < 0)
            table_add(table, "-");
        else
            table_add(table, "%lld", (long long)counts[i]);
    }
}

/* ---- for programs */

void figures_add_fields(cJSON *object, const struct figures *f, const struct backtest_result *load,
                        double foresight_hours)
{
    (void)cJSON_AddNumberToObject(object, "dollars", f->dollars);
    if (f->shard_hours <= 0)
        return;
    (void)cJSON_AddNumberToObject(object, "shard_hours", f->shard_hours);
    (void)cJSON_AddNumberToObject(object, "to_foresight", f->shard_hours / foresight_hours);
    if (!f->even_keys) {
        (void)cJSON_AddNumberToObject(object, "throttled_bytes", f->throttled_bytes);
        (void)cJSON_AddNumberToObject(object, "throttled_records", f->throttled_records);
        (void)cJSON_AddNumberToObject(object, "throttled_percent", percent_throttled(f, load));
        (void)cJSON_AddNumberToObject(object, "throttled_minutes", (double)f->minutes_throttled);
    }
    (void)cJSON_AddNumberToObject(object, "peak_shards", (double)f->peak_shards);
    (void)cJSON_AddNumberToObject(object, "mean_shards", f->shard_hours / load->hours);
    if (f->operations < 0)
        return;
    (void)cJSON_AddNumberToObject(object, "operations", (double)f->operations);
    (void)cJSON_AddNumberToObject(object, "updates", (double)f->updates);
    (void)cJSON_AddNumberToObject(object, "refused_updates", (double)f->refused_updates);
}
