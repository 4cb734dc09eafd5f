/*
 * adaptive_rule.c - up by generations, down where it pays.
 */
#include "adaptive_rule.h"

#include <math.h>

/* Fractions that were added up are off by less. */
#define SLACK 1e-9

double rule_room(const struct rule_view *view)
{
    return ADAPTIVE_SPARE / view->habits.line;
}

double rule_day(double fresh, double before)
{
    return fresh <= ADAPTIVE_SPARE * before ? fmax(fresh, before) : NAN;
}

bool rule_is_due(const struct rule_view *view)
{
    double there = fmax(view->capacity, (double)view->goal);

    return fmin((double)view->need.demand / view->habits.line, (double)view->most) > there + SLACK;
}

bool rule_expects_more(const struct rule_view *view)
{
    double shards = (double)view->need.ahead * rule_room(view);

    return fmin(shards, (double)view->most) > view->capacity + SLACK;
}

bool rule_asks_for_more(const struct rule_view *view)
{
    return view->demand > view->habits.line * view->capacity || view->fewest > view->open_shards ||
           rule_is_due(view);
}

int64_t rule_rise(const struct rule_view *view)
{
    bool by_demand = view->demand > view->habits.line * view->capacity;
    double need = by_demand ? view->demand * ADAPTIVE_HEAD : 0;
    double expected = rule_is_due(view) ? ceil(view->need.demand * rule_room(view) - SLACK) : 0;
    int64_t base = llround(view->capacity);
    int64_t shards;

    if (need < (double)view->fewest)
        need = (double)view->fewest;
    shards = base = base < 1 ? 1 : base;
    while (shards < SHARDS_PER_STREAM_MAX && ((double)shards < need - SLACK || (by_demand && shards <= base)))
        shards *= 2;
    /* There is time for all of these splits, so none is made for the sake of a generation. */
    if ((double)shards < expected)
        shards = ((int64_t)expected + base - 1) / base * base;
    return shards < view->most ? shards : view->most;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Boundaries that both partitions have, but for AWS's rounding and ours. */
static int64_t common_boundaries(const struct shard_map *map, int64_t shards)
{
    const hashkey slack = HASHKEY_MAX / (unsigned)shards >> 20;
    int64_t common = 1;
    unsigned next = 1;

    for (size_t i = 1; i < map->count; i++) {
        hashkey start = map->items[i].start;

        while (next < shards && hashkey_even_start(next, (unsigned)shards) + slack < start)
            next++;
        if (next < shards && hashkey_even_start(next, (unsigned)shards) - slack <= start)
            common++;
    }
    return common;
}

/* Each split adds one boundary and each merge removes one. */
int64_t rule_operations(const struct rule_view *view, int64_t shards)
{
    int64_t common = view->shards != NULL ? common_boundaries(view->shards, shards)
                                          : common_divisor(view->open_shards, shards);

    return view->open_shards + shards - 2 * common;
}

struct best {
    int64_t shards;
    double gain; /* in shards */
};

static void consider(const struct rule_view *view, int64_t shards, double price, struct best *best)
{
    double gain = (double)(view->open_shards - shards);

    if (gain - price * fabs(gain) <=
        best->gain + SLACK) /* each operation changes the number by one at most */
        return;
    gain -= price * (double)rule_operations(view, shards);
    if (gain > best->gain + SLACK)
        *best = (struct best){shards, gain};
}

/*
 * The number of `fewest` or more that saves most beyond the price of its operations.  From even shards the smallest of
 * those with the same common divisor is the best; so only one for each divisor needs to be looked at.  What a rise
 * that ended early has left is as many even shards as its capacity says, some of them split.
 */
static struct best best_of(const struct rule_view *view, int64_t fewest, double price)
{
    struct best best = {view->open_shards, 0};
    const int64_t whole[] = {view->open_shards, llround(view->capacity)};

    if (fewest >= view->open_shards)
        return best;
    for (size_t w = 0; w < 2 && (w == 0 || whole[1] != whole[0]); w++) {
        for (int64_t i = 1; i * i <= whole[w]; i++) {
            int64_t other = whole[w] / i;

            if (whole[w] % i != 0)
                continue;
            consider(view, (fewest + i - 1) / i * i, price, &best);
            consider(view, (fewest + other - 1) / other * other, price, &best);
        }
    }
    return best;
}

/* How many shards such a highest minute asks for, or what is expected within the hour. */
static int64_t fitting(const struct rule_view *view, double highest)
{
    double shards = ceil(fmax(highest, view->need.ahead) * rule_room(view) - SLACK);

    return shards > (double)view->fewest ? (int64_t)shards : view->fewest;
}

int64_t rule_give_back(const struct rule_view *view, bool *ret_by_day)
{
    struct best hold = {view->open_shards, 0}, day = hold;

    if (!isnan(view->recent) && view->recent < (double)view->open_shards)
        hold = best_of(view, fitting(view, view->recent), ADAPTIVE_OPERATION_SHARDS);
    if (!isnan(view->day) && view->day < (double)view->open_shards)
        day = best_of(view, fitting(view, view->day), ADAPTIVE_OPERATION_SHARDS * ADAPTIVE_OPERATION_DAY);
    *ret_by_day = day.gain > hold.gain;
    return *ret_by_day ? day.shards : hold.shards;
}
