/*
 * route.c - the ways to reach what a plan aims at, and the best of them.
 *
 * Splits only; or `updates` calls of UpdateShardCount, each at most doubling,
 * with as many splits before them as the first call lacks.  Among the ways that
 * reach the aim the quickest wins, else the one that leaves the fullest shard
 * least full; of equals the one with fewer updates.  Each step makes the chosen
 * way shorter by itself and the others by no more, so a plan made again half way
 * is the rest of the same plan.
 */
#include "route.h"

#include "base/memory.h"

#include <math.h>

struct route {
    size_t splits; /* of the split list, before the updates */
    int updates;
    int64_t target; /* of the last update */
    int64_t shards; /* open at the end */
    int64_t peak;
    double seconds;
    double fullest;
    enum up_limit limit; /* NONE: it reaches the aim */
};

struct search {
    const struct up_facts *facts;
    const struct aim *aim;
    struct forecast *forecast;
    int64_t from;
    struct operation *splits; /* what splitting alone would do, also without use */
    size_t split_count;
    size_t split_capacity;
    struct route best;
};

static void add_operation(struct search *search, const struct operation *operation)
{
    if (search->split_count == search->split_capacity) {
        search->split_capacity *= 2;
        search->splits = must_realloc(search->splits, search->split_capacity, sizeof(search->splits[0]));
    }
    search->splits[search->split_count++] = *operation;
}

static bool over(double load, double target)
{
    return load > target * (1 + LOAD_SLACK);
}

static enum up_limit stuck_limit(const struct forecast *forecast)
{
    static const enum up_limit limits[] = {
        [LEAF_FREE] = LIMIT_NONE,
        [LEAF_HOT_KEY] = LIMIT_SKEW,
        [LEAF_HOT_LINEAGE] = LIMIT_HOT_KEY,
        [LEAF_NARROW] = LIMIT_RANGE,
    };
    const struct leaf *stuck = forecast_stuck(forecast);

    return stuck == NULL ? LIMIT_RANGE : limits[stuck->state];
}

/*
 * Splits until the aim is reached or nothing more can be split.  Returns how many of the splits are of use:
 * the last ones are not when the generation they began cannot be finished and need not be.
 */
static size_t split_on(struct search *search, double partial_above, enum up_limit *ret_limit)
{
    const struct aim *aim = search->aim;
    struct forecast *forecast = search->forecast;
    double rank = INFINITY;
    size_t whole = 0;

    for (;;) {
        const struct leaf *top = forecast_top(forecast);
        struct operation operation;

        if (top != NULL && top->rank < rank) { /* all before it are split: what carried more is gone */
            rank = top->rank;
            whole = search->split_count;
        }
        *ret_limit = LIMIT_NONE;
        if ((int64_t)forecast->count >= aim->floor && (top == NULL || !over(top->load, aim->target))) {
            const struct leaf *stuck = forecast_stuck(forecast);

            if (stuck != NULL && over(stuck->load, aim->target))
                *ret_limit = stuck_limit(forecast);
            return search->split_count;
        }
        *ret_limit = top == NULL ? stuck_limit(forecast) : aim->ceiling_limit;
        if (top == NULL || ((int64_t)forecast->count >= aim->ceiling && over(top->load, partial_above)))
            return search->split_count;
        if ((int64_t)forecast->count >= aim->ceiling)
            break;
        if (forecast_split(forecast, &operation))
            add_operation(search, &operation);
    }
    if (aim->floor > search->from && whole < (size_t)(aim->floor - search->from))
        whole = (size_t)(aim->floor - search->from);
    return whole < search->split_count ? whole : search->split_count;
}

static struct route split_route(struct search *search, double partial_above)
{
    struct route route = {0};

    route.splits = split_on(search, partial_above, &route.limit);
    route.shards = route.peak = search->from + (int64_t)route.splits;
    route.seconds = (double)route.splits * SPLIT_SECONDS;
    route.fullest = forecast_fullest(search->forecast)->load;
    return route;
}

static int calls_for(int64_t from, int64_t target)
{
    int calls = 0;

    for (; from < target; from *= 2)
        calls++;
    return calls;
}

/* Most open at once while `from` shards become `target`: rebalancing opens one more than stays. */
static int64_t update_peak(const struct search *search, int64_t target)
{
    bool doubling =
        search->from << calls_for(search->from, target) == target && shard_map_is_even(search->facts->shards);

    return doubling ? target : target + 1;
}

/* The fewest even shards that are enough, or, with its limit, as many as may be; 0 when there is no room. */
static int64_t update_target(const struct search *search, enum up_limit *ret_limit)
{
    const struct aim *aim = search->aim;
    int64_t low = search->from + 1, high = aim->ceiling;

    *ret_limit = aim->ceiling_limit;
    if (low > high)
        return 0;
    if (aim->floor > high || over(forecast_even_load(search->forecast, high), aim->target)) {
        low = high;
    } else {
        *ret_limit = LIMIT_NONE;
        low = low < aim->floor ? aim->floor : low;
    }
    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (over(forecast_even_load(search->forecast, middle), aim->target))
            low = middle + 1;
        else
            high = middle;
    }
    if (update_peak(search, low) > aim->account) {
        *ret_limit = LIMIT_ACCOUNT;
        low--;
    }
    return low > search->from ? low : 0;
}

static int updates_left(const struct search *search)
{
    const struct up_facts *facts = search->facts;
    int kept = facts->config->resharding == RESHARDING_AUTO && !(facts->demand.throttled_records_per_s > 0)
                   ? UPDATES_KEPT_FOR_EMERGENCY
                   : 0;

    return facts->updates_24h < UPDATES_PER_DAY - kept ? UPDATES_PER_DAY - kept - facts->updates_24h : 0;
}

double route_update_seconds(double per_shard, double target)
{
    return per_shard > 0 && isfinite(per_shard) ? per_shard * target : UPDATE_SECONDS;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct route update_route(const struct search *search, int64_t target, enum up_limit limit,
                                 size_t splits)
{
    int64_t open = search->from + (int64_t)splits;
    struct route route = {.splits = splits, .target = target, .shards = target, .limit = limit};

    route.seconds = (double)splits * SPLIT_SECONDS;
    while (open < target) {
        open = smaller(open * 2, target);
        route.updates++;
        route.seconds += route_update_seconds(search->facts->update_seconds_per_shard, (double)open);
    }
    route.peak = route.updates == 0 ? open : splits == 0 ? update_peak(search, target) : target + 1;
    return route;
}

static bool is_better(const struct route *a, const struct route *b)
{
    if ((a->limit == LIMIT_NONE) != (b->limit == LIMIT_NONE))
        return a->limit == LIMIT_NONE;
    if (a->limit != LIMIT_NONE && fabs(a->fullest - b->fullest) > LOAD_SLACK * b->fullest)
        return a->fullest < b->fullest;
    if (fabs(a->seconds - b->seconds) > LOAD_SLACK * b->seconds)
        return a->seconds < b->seconds;
    return a->updates < b->updates;
}

/* The calls that are left may not lead all the way, where nothing but calls is wanted. */
static int64_t within_calls(const struct search *search, int64_t target, enum up_limit *ret_limit)
{
    int left = updates_left(search);

    if (calls_for(search->from, target) <= left)
        return target;
    *ret_limit = LIMIT_UPDATES;
    return left == 0 ? 0 : search->from << left;
}

/* Ways with 1, 2... updates at the end.  None that leaves a range less divided than somebody divided it. */
static void try_updates(struct search *search, int64_t target, enum up_limit limit, double fullest)
{
    int calls = calls_for(search->from, target);

    if (1 / (double)target > search->forecast->narrowest * (1 + LOAD_SLACK))
        return;
    for (int updates = 1; updates <= calls && updates <= updates_left(search); updates++) {
        int64_t first = ((target - 1) >> updates) + 1; /* doubled `updates` times it is enough */
        size_t splits = first > search->from ? (size_t)(first - search->from) : 0;
        struct route route = update_route(search, target, limit, splits);

        route.fullest = fullest;
        if (splits <= search->split_count && route.peak <= search->aim->account &&
            is_better(&route, &search->best))
            search->best = route;
    }
}

static void write_operations(const struct search *search, struct up_plan *plan)
{
    const struct route *route = &search->best;
    int64_t open = search->from + (int64_t)route->splits;

    plan->operation_count = route->splits + (size_t)route->updates;
    if (plan->operation_count > 0)
        plan->operations = must_calloc(plan->operation_count, sizeof(plan->operations[0]));
    for (size_t i = 0; i < route->splits; i++)
        plan->operations[i] = search->splits[i];
    for (size_t i = route->splits; i < plan->operation_count; i++) {
        open = smaller(open * 2, route->target);
        plan->operations[i] = (struct operation){.kind = OPERATION_UPDATE, .target = open};
    }
    plan->to_shards = route->shards;
    plan->peak_shards = route->peak;
    plan->seconds = (int64_t)ceil(fmin(route->seconds, 1e15));
    plan->limit = route->limit;
}

/* Is there anything that an even partition would mend? */
static bool updates_help(const struct search *search)
{
    const struct leaf *top = forecast_top(search->forecast);

    return search->from < search->aim->floor || (top != NULL && over(top->load, search->aim->target));
}

/*
 * The one shard of room that UpdateShardCount needed while it made this partition even, and that no other
 * call can use, is not for splitting one of many.
 */
static bool is_spare_room(const struct search *search)
{
    return search->aim->account - search->from == 1 && search->from > 1 &&
           shard_map_is_even(search->facts->shards);
}

static void find_best(struct search *search, enum up_basis basis)
{
    enum resharding resharding = (enum resharding)search->facts->config->resharding;
    struct forecast *forecast = search->forecast;
    bool may_be_even = resharding == RESHARDING_AUTO && forecast->uniform && basis != UP_BASIS_SKEW;
    const struct leaf *stuck = forecast_stuck(forecast);
    double stuck_load = stuck == NULL ? 0 : stuck->load;
    double fullest = forecast_fullest(forecast)->load;
    enum up_limit limit = over(stuck_load, search->aim->target) ? stuck_limit(forecast) : LIMIT_NONE;
    int64_t target = 0;

    if (updates_help(search) && (resharding == RESHARDING_UPDATE || may_be_even))
        target = update_target(search, &limit);
    if (target > 0 && resharding == RESHARDING_UPDATE)
        target = within_calls(search, target, &limit);
    if (target > 0) /* before the splits change the forecast */
        fullest = fmax(stuck_load, forecast_even_load(forecast, target));

    if (resharding != RESHARDING_UPDATE) {
        search->best =
            split_route(search, may_be_even && is_spare_room(search) ? INFINITY : search->aim->partial_above);
        if (target > 0)
            try_updates(search, target, limit, fullest);
        return;
    }
    search->best = update_route(search, target > 0 ? target : search->from, limit, 0);
    search->best.fullest = fullest;
    if (search->best.limit == LIMIT_NONE && over(stuck_load, search->aim->target))
        search->best.limit = stuck_limit(forecast);
}

void route_find(const struct up_facts *facts, enum up_basis basis, const struct aim *aim,
                struct forecast *forecast, struct up_plan *plan)
{
    struct search search = {facts, aim, forecast, .from = (int64_t)facts->shards->count};

    search.split_capacity = facts->shards->count;
    search.splits = must_calloc(search.split_capacity, sizeof(search.splits[0]));
    find_best(&search, basis);
    write_operations(&search, plan);
    if (forecast->measured)
        plan->utilization_after = search.best.fullest;
    free(search.splits);
}
