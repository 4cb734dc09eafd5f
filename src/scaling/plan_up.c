/*
 * plan_up.c - what the facts ask for: on which basis, how full a shard may be, how many there must be.
 *
 * What every shard carries is in forecast.c, how to get there in route.c, the
 * sentence for the operator in reason.c.
 */
#include "scaling/plan_up.h"

#include "base/memory.h"
#include "forecast.h"
#include "reason.h"
#include "route.h"

#include <math.h>

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What no basis changes: how far it may go, and where a part of a generation is worth its shards. */
static struct aim boundaries(const struct up_facts *facts)
{
    const struct stream_config *config = facts->config;
    int64_t from = (int64_t)facts->shards->count;
    struct aim aim = {.target = INFINITY, .floor = config->min_shards, .partial_above = 0};

    aim.account = facts->account_headroom < 0 || facts->account_headroom > INT64_MAX - from
                      ? INT64_MAX
                      : from + facts->account_headroom;
    aim.ceiling = config->max_shards;
    aim.ceiling_limit = LIMIT_MAX_SHARDS;
    if (aim.account < aim.ceiling) {
        aim.ceiling = aim.account;
        aim.ceiling_limit = LIMIT_ACCOUNT;
    }
    return aim;
}

/* Throttling that the stream's own sums do not explain. */
static bool is_skewed(const struct up_facts *facts, const struct forecast *forecast)
{
    if (forecast->by_shard || !forecast->measured || !(facts->demand.throttled_records_per_s > 0))
        return false;
    if (facts->goal_shards > 0 && facts->goal_basis != UP_BASIS_BLIND && facts->goal_basis != UP_BASIS_SKEW)
        return false;
    return demand_accepted_utilization(&facts->demand, 1 / forecast->widest) < SKEW_BELOW;
}

/* Nothing measured: what was named, else all of the widest generation, once. */
static enum up_basis aim_blindly(const struct up_facts *facts, struct forecast *forecast, struct aim *aim)
{
    int64_t more = forecast->alarming > 0 ? (int64_t)forecast->alarming : forecast_widest_count(forecast);
    int64_t goal = facts->goal_shards > 0 ? facts->goal_shards : (int64_t)forecast->count + more;

    aim->floor = larger(aim->floor, goal);
    return UP_BASIS_BLIND;
}

static double accepted_part(const struct demand *demand)
{
    double accepted = demand_accepted_utilization(demand, 1), demanded = demand_utilization(demand, 1);

    if (!(accepted > 0)) /* nor NAN */
        return 0;
    return demanded > accepted ? accepted / demanded : 1;
}

/* What was accepted is all one may spread by width, and one generation all one may spend on the rest. */
static enum up_basis aim_at_skew(const struct up_facts *facts, struct forecast *forecast, struct aim *aim)
{

    if (facts->goal_shards > 0) {
        aim->floor = larger(aim->floor, facts->goal_shards);
    } else {
        aim->target = facts->config->target_utilization;
        if (!facts->skew_spent)
            aim->floor = larger(aim->floor, (int64_t)forecast->count + forecast_widest_count(forecast));
    }
    forecast_scale(forecast, accepted_part(&facts->demand));
    return UP_BASIS_SKEW;
}

/* What an alarm asks for. */
static enum up_basis aim_at_load(const struct up_facts *facts, struct forecast *forecast, struct aim *aim)
{
    bool skew_goal = facts->goal_shards > 0 && facts->goal_basis == UP_BASIS_SKEW;

    if (!forecast->measured)
        return aim_blindly(facts, forecast, aim);
    if (is_skewed(facts, forecast))
        return aim_at_skew(facts, forecast, aim);
    aim->target = facts->config->target_utilization;
    if (skew_goal && !forecast->by_shard)
        aim->floor = larger(aim->floor, facts->goal_shards);
    if (forecast->uniform)
        aim->partial_above = facts->config->scale_up_threshold;
    if (forecast->by_shard)
        return UP_BASIS_SHARDS;
    return skew_goal && facts->goal_shards > (int64_t)forecast->count ? UP_BASIS_SKEW : UP_BASIS_LOAD;
}

static bool is_reached(const struct forecast *forecast, const struct aim *aim)
{
    int64_t goal = forecast->facts->goal_shards, open = (int64_t)forecast->count;
    double slack = goal > 0 && open >= goal ? GOAL_SLACK : LOAD_SLACK;

    return open >= aim->floor && forecast_fullest(forecast)->load <= aim->target * (1 + slack);
}

void plan_up(const struct up_facts *facts, struct up_plan *ret_plan)
{
    int64_t from = (int64_t)facts->shards->count;
    struct up_plan plan = {.from_shards = from, .to_shards = from, .peak_shards = from};
    struct aim aim = boundaries(facts);
    struct situation situation = {0};
    struct forecast forecast;

    forecast_init(&forecast, facts);
    if (facts->alarmed)
        plan.basis = aim_at_load(facts, &forecast, &aim);
    else
        plan.basis = forecast.by_shard ? UP_BASIS_SHARDS : forecast.measured ? UP_BASIS_LOAD : UP_BASIS_BLIND;
    situation.measured = forecast.measured;
    situation.named = !forecast.uniform;
    situation.fullest = *forecast_fullest(&forecast);
    if (forecast_stuck(&forecast) != NULL)
        situation.stuck = *forecast_stuck(&forecast);
    plan.utilization_now = plan.utilization_after = forecast.measured ? situation.fullest.load : NAN;

    if (!is_reached(&forecast, &aim)) {
        struct aim without_minimum = aim;

        if (aim.floor == facts->config->min_shards)
            without_minimum.floor = 0;
        if (is_reached(&forecast, &without_minimum))
            plan.basis = UP_BASIS_MINIMUM;
        route_find(facts, plan.basis, &aim, &forecast, &plan);
        plan.verdict = plan.operation_count > 0 ? UP_RESHARD : UP_LIMITED;
    } else if (plan.basis == UP_BASIS_SKEW && facts->goal_shards == 0) {
        plan.verdict = UP_LIMITED;
        plan.limit = LIMIT_SKEW;
    }
    if (plan.limit == LIMIT_HOT_KEY || (plan.limit == LIMIT_SKEW && plan.basis != UP_BASIS_SKEW))
        plan.hot = situation.stuck.shard;
    reason_write(facts, &situation, &plan);
    forecast_clear(&forecast);
    *ret_plan = plan;
}

/* Is it a shard whose load is only guessed, by what its parent carried? */
static bool must_be_measured(const struct up_facts *facts, const struct shard *shard, int64_t now_ms)
{
    const struct shard_load *load = &facts->shard_loads[shard - facts->shards->items];

    return load->young_ms > 0 && !load->demand.known && now_ms - load->young_ms < YOUNG_MS;
}

bool up_plan_next(const struct up_facts *facts, const struct up_plan *plan, int64_t now_ms,
                  struct operation *ret_operation)
{
    bool any = facts->shard_loads == NULL || plan->basis != UP_BASIS_SHARDS;

    for (size_t i = 0; i < plan->operation_count; i++) {
        const struct operation *operation = &plan->operations[i];
        const struct shard *shard = shard_map_find(facts->shards, operation->shard);

        /* One that is not open yet is what an operation before it leaves. */
        if (!any && (shard == NULL || must_be_measured(facts, shard, now_ms)))
            continue;
        *ret_operation = *operation;
        if (operation->kind == OPERATION_SPLIT)
            ret_operation->target = plan->from_shards + 1;
        return true;
    }
    return false;
}

void up_plan_clear(struct up_plan *plan)
{
    free(plan->operations);
    *plan = (struct up_plan){0};
}

const char *up_limit_name(enum up_limit limit)
{
    static const char *const names[UP_LIMIT_COUNT] = {
        [LIMIT_NONE] = "none",       [LIMIT_MAX_SHARDS] = "max-shards", [LIMIT_ACCOUNT] = "account",
        [LIMIT_SKEW] = "skew",       [LIMIT_RANGE] = "range",           [LIMIT_UPDATES] = "updates",
        [LIMIT_HOT_KEY] = "hot-key",
    };

    return names[limit];
}

const char *up_basis_name(enum up_basis basis)
{
    static const char *const names[UP_BASIS_COUNT] = {
        [UP_BASIS_LOAD] = "load", [UP_BASIS_SHARDS] = "shards",   [UP_BASIS_BLIND] = "blind",
        [UP_BASIS_SKEW] = "skew", [UP_BASIS_MINIMUM] = "minimum",
    };

    return names[basis];
}

const char *operation_kind_name(enum operation_kind kind)
{
    static const char *const names[OPERATION_KIND_COUNT] = {
        [OPERATION_SPLIT] = "split",
        [OPERATION_MERGE] = "merge",
        [OPERATION_UPDATE] = "update",
    };

    return names[kind];
}
