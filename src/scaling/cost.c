/*
 * cost.c - what a stream costs, in US dollars.
 */
#include "scaling/cost.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#define KIB_PER_GIB 1048576.0
#define GIB 1073741824.0

static const char kinesis_prices[] =
    "AWS price list by way of infracost's test data; aws.amazon.com/kinesis/data-streams/pricing",
                  standard_prices[] = "infracost's test data; Trek10's study of on-demand streams (2023)",
                  advantage_prices[] = "Kinesis developer guide, 'how-do-i-size-a-stream': at least 60 % "
                                       "below on-demand standard",
                  cloudwatch_prices[] =
                      "AWS price list by way of infracost's test data; aws.amazon.com/cloudwatch/pricing";
static const char read_on[] = "2026-11-20";

const struct price_row price_rows[PRICE_COUNT] = {
    [PRICE_SHARD_HOUR] = {"shard-hour", "an open shard for an hour", 0.015, kinesis_prices, read_on},
    [PRICE_PUT_UNITS] = {"put-units", "a million PUT payload units of 25 KB", 0.014, kinesis_prices, read_on},
    [PRICE_ON_DEMAND_HOUR] = {"on-demand-hour", "an on-demand standard stream for an hour", 0.04,
                              standard_prices, read_on},
    [PRICE_ON_DEMAND_GIB_IN] = {"on-demand-in", "a GiB written to it", 0.08, standard_prices, read_on},
    [PRICE_ON_DEMAND_GIB_OUT] = {"on-demand-out", "a GiB read from it", 0.04, standard_prices, read_on},
    [PRICE_ADVANTAGE_GIB_IN] = {"advantage-in", "a GiB written to an on-demand advantage stream", 0.032,
                                advantage_prices, read_on},
    [PRICE_ADVANTAGE_GIB_OUT] = {"advantage-out", "a GiB read from it", 0.016, advantage_prices, read_on},
    [PRICE_ALARM_MONTH] = {"alarm-month", "an alarm on one metric for 730 hours", 0.10, cloudwatch_prices,
                           read_on},
    [PRICE_CUSTOM_METRIC_MONTH] = {"metric-month", "a shard-level metric of one shard for 730 hours", 0.30,
                                   cloudwatch_prices, read_on},
    [PRICE_METRIC_REQUESTS] = {"metric-requests", "a thousand metrics that GetMetricData is asked for", 0.01,
                               cloudwatch_prices, read_on},
};

struct price_list price_list_default(void)
{
    struct price_list prices;

    for (size_t i = 0; i < PRICE_COUNT; i++)
        prices.dollars[i] = price_rows[i].dollars;
    return prices;
}

static int unknown_price(const char *name, struct error *err)
{
    const char *names[PRICE_COUNT + 1] = {0};
    const char *nearest;
    char list[256] = "";
    size_t length = 0;

    for (size_t i = 0; i < PRICE_COUNT; i++) {
        names[i] = price_rows[i].name;
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    nearest = text_nearest(name, names);
    if (nearest != NULL)
        return error_set(err, ERROR_CONFIG, "there is no price '%s'; is '%s' meant?", name, nearest);
    return error_set(err, ERROR_CONFIG, "there is no price '%s'; there are %s", name, list);
}

int price_list_set(struct price_list *prices, const char *assignment, struct error *err)
{
    const char *equals = strchr(assignment, '=');
    char name[32];
    double dollars;

    if (equals == NULL || equals == assignment || (size_t)(equals - assignment) >= sizeof(name))
        return error_set(err, ERROR_CONFIG, "a price is set as NAME=DOLLARS, not '%s'", assignment);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - assignment), assignment);
    if (!number_parse_double(equals + 1, &dollars) || dollars < 0 || dollars > PRICE_MAX)
        return error_set(err, ERROR_CONFIG, "the price '%s' must be 0 to %d dollars, not '%s'", name,
                         PRICE_MAX, equals + 1);
    for (size_t i = 0; i < PRICE_COUNT; i++) {
        if (strcmp(price_rows[i].name, name) == 0) {
            prices->dollars[i] = dollars;
            return 0;
        }
    }
    return unknown_price(name, err);
}

double cost_shard_hours(const struct price_list *prices, double shard_hours)
{
    return shard_hours * prices->dollars[PRICE_SHARD_HOUR];
}

double cost_put_units(const struct price_list *prices, double units)
{
    return units / 1e6 * prices->dollars[PRICE_PUT_UNITS];
}

double cost_alarms(const struct price_list *prices, double alarm_hours)
{
    return alarm_hours / HOURS_PER_MONTH * prices->dollars[PRICE_ALARM_MONTH];
}

double cost_custom_metrics(const struct price_list *prices, double metric_hours)
{
    return metric_hours / HOURS_PER_MONTH * prices->dollars[PRICE_CUSTOM_METRIC_MONTH];
}

double cost_metric_requests(const struct price_list *prices, double metrics)
{
    return metrics / 1000 * prices->dollars[PRICE_METRIC_REQUESTS];
}

static double by_volume(const struct usage *usage, double gib_in, double gib_out)
{
    return usage->kib / KIB_PER_GIB * gib_in + usage->readers * usage->bytes / GIB * gib_out;
}

double cost_on_demand(const struct price_list *prices, const struct usage *usage)
{
    return usage->hours * prices->dollars[PRICE_ON_DEMAND_HOUR] +
           by_volume(usage, prices->dollars[PRICE_ON_DEMAND_GIB_IN],
                     prices->dollars[PRICE_ON_DEMAND_GIB_OUT]);
}

double cost_on_demand_advantage(const struct price_list *prices, const struct usage *usage)
{
    return by_volume(usage, prices->dollars[PRICE_ADVANTAGE_GIB_IN],
                     prices->dollars[PRICE_ADVANTAGE_GIB_OUT]);
}
