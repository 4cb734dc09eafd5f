/*
 * reason.c - a plan's one sentence for the operator.
 *
 * What is; what is done about it and what that leaves; why not more.  Always with the numbers that decided.
 */
#include "reason.h"

#include "base/text.h"
#include "wording.h"

#include <math.h>

#define SHARD_METRICS                                                                                       \
    "to find the hot shard, turn on IncomingBytes, IncomingRecords and WriteProvisionedThroughputExceeded " \
    "with EnableEnhancedMonitoring"

static double shown(double value)
{
    return value > 0 ? fmin(value, 1e18) : 0; /* NAN is not > 0 */
}

static void write_bytes(double per_s, char text[WORDING_SIZE])
{
    if (per_s >= 0.1 * 1048576)
        snprintf(text, WORDING_SIZE, "%.1f MiB/s", per_s / 1048576);
    else
        snprintf(text, WORDING_SIZE, "%.1f KiB/s", per_s / 1024);
}

/* So much of what was rejected is believed: it may have been more. */
static bool is_capped(const struct demand *demand)
{
    const double most = DEMAND_OVER_ACCEPTED_MAX * (1 - LOAD_SLACK);

    return demand->throttled_records_per_s > 0 &&
           ((demand->accepted_bytes_per_s > 0 &&
             demand->bytes_per_s >= most * demand->accepted_bytes_per_s) ||
            (demand->accepted_records_per_s > 0 &&
             demand->records_per_s >= most * demand->accepted_records_per_s));
}

static void say_load(const struct up_facts *facts, const struct situation *situation, struct up_plan *plan)
{
    double target = facts->config->target_utilization;
    char bytes[WORDING_SIZE], records[WORDING_SIZE], percent[WORDING_SIZE];

    write_bytes(shown(facts->demand.bytes_per_s), bytes);
    wording_count(shown(facts->demand.records_per_s), records);
    wording_percent(situation->fullest.load, target, percent);
    if (facts->demand.known)
        SAY(plan, "%s%s and %s records/s on %lld shard%s fill ", is_capped(&facts->demand) ? "at least " : "",
            bytes, records, (long long)plan->from_shards, text_plural(plan->from_shards));
    else
        SAY(plan, "the load on %lld shard%s fills ", (long long)plan->from_shards,
            text_plural(plan->from_shards));
    if (plan->from_shards == 1)
        SAY(plan, "it to %s", percent);
    else if (situation->named)
        SAY(plan, "shard '%s' to %s", situation->fullest.shard.id, percent);
    else
        SAY(plan, "the widest to %s", percent);
}

static void say_target(const struct up_facts *facts, const struct situation *situation, struct up_plan *plan)
{
    double target = facts->config->target_utilization;
    char percent[WORDING_SIZE];

    wording_percent(target, target, percent);
    if (situation->fullest.load <= target * (1 + LOAD_SLACK))
        SAY(plan, ", within the target of %s", percent);
    else if (plan->verdict == UP_ENOUGH)
        SAY(plan, ", no more than %g %% above the target of %s", 100 * GOAL_SLACK, percent);
    else
        SAY(plan, ", above the target of %s", percent);
}

static void say_blind(const struct up_facts *facts, struct up_plan *plan)
{
    long long alarming = 0;

    for (size_t i = 0; facts->shard_loads != NULL && i < facts->shards->count; i++)
        alarming += facts->shard_loads[i].alarming;
    if (alarming > 0)
        SAY(plan, "alarms name %lld shard%s and no metrics tell how much is needed", alarming,
            text_plural(alarming));
    else
        SAY(plan, "an alarm stands and no metrics tell how much is needed");
    if (plan->verdict == UP_ENOUGH)
        SAY(plan, ", but the %lld shards aimed at are open", (long long)facts->goal_shards);
}

static void say_skew(const struct up_facts *facts, const struct situation *situation, struct up_plan *plan)
{
    char percent[WORDING_SIZE];

    wording_percent(situation->fullest.load, SKEW_BELOW, percent);
    if (facts->goal_shards > 0)
        SAY(plan, "records were throttled on a stream that was not full on average");
    else
        SAY(plan, "records are throttled while what is accepted fills %lld shard%s to %s on average",
            (long long)plan->from_shards, text_plural(plan->from_shards), percent);
    if (plan->verdict == UP_ENOUGH)
        SAY(plan, ", and the %lld shards aimed at are open", (long long)facts->goal_shards);
}

static void say_what_is(const struct up_facts *facts, const struct situation *situation, struct up_plan *plan)
{
    if (plan->basis == UP_BASIS_MINIMUM) {
        SAY(plan, "%lld open shard%s, %s is %lld", (long long)plan->from_shards,
            text_plural(plan->from_shards), config_minimum_name(facts->config),
            (long long)facts->config->min_shards);
    } else if (!facts->alarmed) {
        SAY(plan, "no alarm asks for more");
        if (situation->measured) {
            SAY(plan, ": ");
            say_load(facts, situation, plan);
        }
    } else if (plan->basis == UP_BASIS_BLIND) {
        say_blind(facts, plan);
    } else if (plan->basis == UP_BASIS_SKEW) {
        say_skew(facts, situation, plan);
    } else {
        say_load(facts, situation, plan);
        say_target(facts, situation, plan);
    }
}

static void say_what_is_done(const struct up_facts *facts, struct up_plan *plan)
{
    long long splits = 0, updates = 0;
    char percent[WORDING_SIZE];

    for (size_t i = 0; i < plan->operation_count; i++) {
        splits += plan->operations[i].kind == OPERATION_SPLIT;
        updates += plan->operations[i].kind == OPERATION_UPDATE;
    }
    SAY(plan, ": ");
    if (splits > 0)
        SAY(plan, "%lld split%s%s", splits, text_plural(splits), updates > 0 ? " and " : "");
    if (updates > 0)
        SAY(plan, "%lld UpdateShardCount call%s", updates, text_plural(updates));
    SAY(plan, " to %lld shard%s", (long long)plan->to_shards, text_plural(plan->to_shards));
    if (isnan(plan->utilization_after))
        return;
    wording_percent(plan->utilization_after, facts->config->target_utilization, percent);
    SAY(plan, " leave%s %s", splits + updates == 1 ? "s" : "", percent);
}

static void say_hot_key(const struct up_facts *facts, const struct situation *situation, struct up_plan *plan)
{
    const struct shard *shard = &situation->stuck.shard;
    char start[HASHKEY_TEXT_SIZE], end[HASHKEY_TEXT_SIZE], part[WORDING_SIZE];
    struct hot_key hot;

    hashkey_format(shard->start, start);
    hashkey_format(shard->end, end);
    if (lineage_hot_key(facts->splits, facts->split_count, shard, &hot)) {
        wording_percent(hot.part, HOT_CHILD_PART, part);
        SAY(plan, ", but %s of the load", part);
    } else {
        SAY(plan, ", but the load of shard '%s'", shard->id);
    }
    SAY(plan, " followed one child through two splits: a key that hashes to %s..%s, which no split divides",
        start, end);
}

static void say_why_not_more(const struct up_facts *facts, const struct situation *situation,
                             struct up_plan *plan)
{
    static const char useless[] = ", and splitting a part of a generation adds no capacity";
    long long room = (long long)facts->account_headroom;

    switch (plan->limit) {
    case LIMIT_MAX_SHARDS:
        SAY(plan, ", but max_shards is %lld%s", (long long)facts->config->max_shards,
            plan->verdict == UP_LIMITED && plan->from_shards < facts->config->max_shards ? useless : "");
        break;
    case LIMIT_ACCOUNT:
        SAY(plan, ", but the account has room for %lld more shard%s only%s", room, text_plural(room),
            plan->verdict == UP_LIMITED && room > 0 ? useless : "");
        break;
    case LIMIT_RANGE:
        SAY(plan, ", but a range of fewer than 4 hash keys cannot be split");
        break;
    case LIMIT_UPDATES:
        SAY(plan, ", but %d of the %d UpdateShardCount calls of 24 hours are used up", facts->updates_24h,
            UPDATES_PER_DAY);
        break;
    case LIMIT_SKEW:
        if (plan->basis == UP_BASIS_SKEW)
            SAY(plan, ", and one generation of splits was spent on that already");
        else
            say_hot_key(facts, situation, plan);
        break;
    case LIMIT_HOT_KEY:
        say_hot_key(facts, situation, plan);
        break;
    case LIMIT_NONE:
    case UP_LIMIT_COUNT:
        return;
    }
}

void reason_write(const struct up_facts *facts, const struct situation *situation, struct up_plan *plan)
{
    say_what_is(facts, situation, plan);
    if (plan->verdict == UP_RESHARD)
        say_what_is_done(facts, plan);
    say_why_not_more(facts, situation, plan);
    if (plan->basis == UP_BASIS_SKEW && facts->alarmed)
        SAY(plan, "; " SHARD_METRICS);
}
