/*
 * division.c - which neighbours a scale-down puts together.
 *
 * From the lowest range up, a group takes the next shard as long as it may; no other way makes fewer groups.
 * What it may is first the threshold, which gives the number of groups; then the least that still gives this
 * number, which gives the fullest group its load, and among equals the widest its width: on a stream that has
 * carried nothing all day, width is all there is to tell groups apart.
 *
 * Merging two shards of a group takes a choice away that was not made, so a division made again after every
 * merge is the same division.
 */
#include "division.h"

#include "base/memory.h"

#include <math.h>

/* Halvings of an interval: to less than one part in 10^12 of it. */
enum { SEARCH_STEPS = 44 };

/* What a group of two or more may be; a shard by itself is left as it is. */
struct limits {
    double load;
    double share;
};

struct group {
    double share;
    struct worth *sums; /* per period; NULL when the load is spread by width */
};

struct sweep {
    const struct window *window;
    const struct shard_map *map;
    struct group group;
    size_t at_least; /* groups, even if fewer would do */
};

/* The periods of a shard. */
static const struct worth *row_of(const struct sweep *sweep, size_t index)
{
    return &sweep->window->shards[index * sweep->window->facts->point_count];
}

static double share_of(const struct sweep *sweep, size_t index)
{
    return hashkey_share(sweep->map->items[index].start, sweep->map->items[index].end);
}

static bool within(double value, double limit)
{
    return value <= limit * (1 + LOAD_SLACK);
}

static bool may_join(const struct sweep *sweep, size_t index, const struct limits *limits)
{
    double share = sweep->group.share + share_of(sweep, index);
    const struct worth *own;

    if (!within(share, limits->share))
        return false;
    if (sweep->group.sums == NULL)
        return within(share * sweep->window->worst_load, limits->load);
    own = row_of(sweep, index);
    for (size_t i = 0; i < sweep->window->facts->point_count; i++) {
        struct worth sum = sweep->group.sums[i];

        if (!within(fmax(sum.bytes + own[i].bytes, sum.records + own[i].records), limits->load))
            return false;
    }
    return true;
}

static void join(struct sweep *sweep, size_t index)
{
    const struct worth *own;

    sweep->group.share += share_of(sweep, index);
    if (sweep->group.sums == NULL)
        return;
    own = row_of(sweep, index);
    for (size_t i = 0; i < sweep->window->facts->point_count; i++) {
        sweep->group.sums[i].bytes += own[i].bytes;
        sweep->group.sums[i].records += own[i].records;
    }
}

static void begin(struct sweep *sweep, size_t index)
{
    sweep->group.share = 0;
    if (sweep->group.sums != NULL)
        memset(sweep->group.sums, 0, sweep->window->facts->point_count * sizeof(sweep->group.sums[0]));
    join(sweep, index);
}

static double group_load(const struct sweep *sweep)
{
    double worst = 0;

    if (sweep->group.sums == NULL)
        return sweep->group.share * sweep->window->worst_load;
    for (size_t i = 0; i < sweep->window->facts->point_count; i++)
        worst = fmax(worst, worth_load(sweep->group.sums[i]));
    return worst;
}

static double fullest_shard(struct sweep *sweep)
{
    double fullest = 0;

    for (size_t i = 0; i < sweep->map->count; i++) {
        begin(sweep, i);
        fullest = fmax(fullest, group_load(sweep));
    }
    return fullest;
}

/* The number of groups within the limits; writes them down where they are wanted. */
static size_t divide(struct sweep *sweep, const struct limits *limits, struct division *division)
{
    size_t groups = 0;

    for (size_t i = 0; i < sweep->map->count; groups++) {
        begin(sweep, i++);
        while (i < sweep->map->count && sweep->map->count - i + groups + 1 > sweep->at_least &&
               may_join(sweep, i, limits))
            join(sweep, i++);
        if (division == NULL)
            continue;
        division->ends[groups] = i;
        division->fullest = fmax(division->fullest, group_load(sweep));
    }
    return groups;
}

/*
 * The least of one of the limits with which there are no more than `groups`; none below what a shard is by
 * itself, or the groups that are one shard already would no longer count.
 */
static void tighten(struct sweep *sweep, struct limits *limits, double *limit, double least, size_t groups)
{
    double low = least, high = *limit;

    if (least >= high)
        return;
    *limit = least;
    if (divide(sweep, limits, NULL) <= groups)
        return;
    for (int i = 0; i < SEARCH_STEPS; i++) {
        *limit = low + (high - low) / 2;
        if (divide(sweep, limits, NULL) <= groups)
            high = *limit;
        else
            low = *limit;
    }
    *limit = high;
}

void division_find(const struct window *window, const struct shard_map *map, struct division *ret_division)
{
    const struct down_facts *facts = window->facts;
    struct limits limits = {.load = facts->config->scale_down_threshold, .share = 1};
    struct sweep sweep = {.window = window, .map = map, .at_least = (size_t)facts->config->min_shards};
    struct division division = {.ends = must_calloc(map->count, sizeof(division.ends[0]))};

    if (facts->shard_points != NULL)
        sweep.group.sums = must_calloc(facts->point_count, sizeof(sweep.group.sums[0]));
    division.count = divide(&sweep, &limits, NULL);
    sweep.at_least = 1;
    if (facts->shard_points != NULL) /* by width both are one */
        tighten(&sweep, &limits, &limits.load, fullest_shard(&sweep), division.count);
    tighten(&sweep, &limits, &limits.share, shard_map_widest_share(map), division.count);
    sweep.at_least = division.count;
    (void)divide(&sweep, &limits, &division);
    free(sweep.group.sums);
    *ret_division = division;
}

void division_clear(struct division *division)
{
    free(division->ends);
    *division = (struct division){0};
}
