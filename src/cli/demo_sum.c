/*
 * demo_sum.c - what it came to: throttling, shard-hours and dollars of each fleet, measured by the simulated AWS.
 */
#include "demo.h"

#include "base/memory.h"
#include "scaling/cost.h"

static double share(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static void add_fleet(struct table *table, const struct demo *demo, size_t stream, enum demo_fleet fleet,
                      const struct sim_totals *totals)
{
    struct price_list prices = price_list_default();
    int64_t begin = demo_fleet_shards(&demo->config->streams[stream], fleet);

    table_add(table, "%s", fleet == FLEET_KINESCALE ? demo->config->streams[stream].name : "");
    if (fleet == FLEET_KINESCALE)
        table_add(table, "%s, %s", demo_fleet_name(fleet),
                  config_policy_name(&demo->config->streams[stream]));
    else
        table_add(table, "%s", demo_fleet_name(fleet));
    if (demo->streams[stream].most_shards > totals->open_shards && fleet == FLEET_KINESCALE)
        table_add(table, "%lld -> %lld -> %lld", (long long)begin,
                  (long long)demo->streams[stream].most_shards, (long long)totals->open_shards);
    else if (begin != totals->open_shards)
        table_add(table, "%lld -> %lld", (long long)begin, (long long)totals->open_shards);
    else
        table_add(table, "%lld", (long long)begin);
    table_add(table, "%.3f %%", share(totals->throttled_bytes, totals->offered_bytes));
    table_add(table, "%.0f", totals->shard_hours);
    table_add(table, "%.2f", cost_shard_hours(&prices, totals->shard_hours));
}

static int read_totals(const struct demo *demo, size_t stream, enum demo_fleet fleet,
                       struct sim_totals *ret_totals, struct error *err)
{
    char name[FLEET_STREAM_SIZE];

    demo_fleet_stream(&demo->config->streams[stream], fleet, name);
    return sim_stream_totals(sim_server_sim(demo->sim), name, ret_totals, err);
}

int demo_begin_sum(struct demo *demo, struct error *err)
{
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        for (int fleet = 0; fleet < FLEET_COUNT; fleet++) {
            struct sim_totals totals;

            if (read_totals(demo, i, (enum demo_fleet)fleet, &totals, err) < 0)
                return -1;
            demo->streams[i].hours_before[fleet] = totals.shard_hours;
        }
    }
    return 0;
}

static int sum_up(const struct demo *demo, struct table *table, struct sim_totals sums[FLEET_COUNT],
                  struct error *err)
{
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        for (int fleet = 0; fleet < FLEET_COUNT; fleet++) {
            struct sim_totals totals;

            if (read_totals(demo, i, (enum demo_fleet)fleet, &totals, err) < 0)
                return -1;
            totals.shard_hours -= demo->streams[i].hours_before[fleet];
            sums[fleet].offered_bytes += totals.offered_bytes;
            sums[fleet].throttled_bytes += totals.throttled_bytes;
            sums[fleet].shard_hours += totals.shard_hours;
            add_fleet(table, demo, i, (enum demo_fleet)fleet, &totals);
        }
    }
    return 0;
}

/* What to take home. */
static void conclude(const struct sim_totals sums[FLEET_COUNT])
{
    const struct sim_totals *ours = &sums[FLEET_KINESCALE], *alone = &sums[FLEET_LEFT_ALONE],
                            *peak = &sums[FLEET_FOR_THE_PEAK];
    struct price_list prices = price_list_default();

    printf(
        "\nTogether: kinescale throttled %.3f %% for %.2f dollars, left alone %.1f %% for %.2f, sized for "
        "the "
        "peak\n%.3f %% for %.2f.  A shard-hour is %g dollars (%s, read %s); PUT payload units come on top,\n"
        "the same for all that is accepted.\n",
        share(ours->throttled_bytes, ours->offered_bytes), cost_shard_hours(&prices, ours->shard_hours),
        share(alone->throttled_bytes, alone->offered_bytes), cost_shard_hours(&prices, alone->shard_hours),
        share(peak->throttled_bytes, peak->offered_bytes), cost_shard_hours(&prices, peak->shard_hours),
        prices.dollars[PRICE_SHARD_HOUR], PRICE_REGION, price_rows[PRICE_SHARD_HOUR].read_on);
}

int demo_summarise(const struct demo *demo, bool *ret_better, struct error *err)
{
    static const char *const headings[] = {"STREAM",      "FLEET",   "SHARDS", "THROTTLED",
                                           "SHARD-HOURS", "DOLLARS", NULL};
    struct table table = {.headings = headings, .right_aligned = 0x38};
    struct sim_totals sums[FLEET_COUNT] = {0};

    if (sum_up(demo, &table, sums, err) < 0) {
        table_clear(&table);
        return -1;
    }
    printf("\nWhat producers lost to throttling, and what the shards cost in these %lld hours:\n\n",
           (long long)demo->hours);
    table_print(&table, stdout);
    table_clear(&table);
    conclude(sums);
    *ret_better = sums[FLEET_KINESCALE].throttled_bytes < sums[FLEET_LEFT_ALONE].throttled_bytes;
    return 0;
}
