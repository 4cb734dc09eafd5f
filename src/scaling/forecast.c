/*
 * forecast.c - what every shard will carry, now and as it is split.
 */
#include "forecast.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

/* Beyond any stream; keeps sums of loads finite. */
#define LOAD_MAX 1e12

static double share_of(const struct leaf *leaf)
{
    return hashkey_share(leaf->shard.start, leaf->shard.end);
}

/* 40 bits: what differs by less ranks the same, and the lower range goes first. */
static double rank_of(double value)
{
    int exponent;
    double mantissa = frexp(value, &exponent);

    return ldexp(round(ldexp(mantissa, 40)), exponent - 40);
}

static double sane(double rate)
{
    return rate > 0 ? fmin(rate, LOAD_MAX) : 0; /* NAN is not > 0 */
}

static bool has_figures(const struct demand *demand)
{
    return demand->known && !(isnan(demand->bytes_per_s) && isnan(demand->records_per_s));
}

/* The shard's own figures, or NULL. */
static const struct demand *own_demand(const struct up_facts *facts, size_t shard)
{
    const struct shard_load *loads = facts->shard_loads;

    return loads != NULL && has_figures(&loads[shard].demand) ? &loads[shard].demand : NULL;
}

static bool is_alarming(const struct up_facts *facts, size_t shard)
{
    return facts->shard_loads != NULL && facts->shard_loads[shard].alarming;
}

struct worth {
    double bytes, records; /* in shards */
};

static struct worth worth_of(const struct demand *demand)
{
    return (struct worth){sane(demand->bytes_per_s / SHARD_BYTES_PER_S),
                          sane(demand->records_per_s / SHARD_RECORDS_PER_S)};
}

/* -- the heap ------------------------------------------------------------------------------------------- */

static bool goes_before(const struct forecast *forecast, size_t a, size_t b)
{
    const struct leaf *one = &forecast->leaves[a], *other = &forecast->leaves[b];

    return one->rank > other->rank || (one->rank >= other->rank && one->shard.start < other->shard.start);
}

static void sift_down(struct forecast *forecast, size_t at)
{
    size_t *heap = forecast->heap;

    for (;;) {
        size_t first = at;
        size_t moved = heap[at];

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < forecast->heap_count; child++) {
            if (goes_before(forecast, heap[child], heap[first]))
                first = child;
        }
        if (first == at)
            return;
        heap[at] = heap[first];
        heap[first] = moved;
        at = first;
    }
}

static void push(struct forecast *forecast, size_t leaf)
{
    size_t *heap = forecast->heap;
    size_t at = forecast->heap_count++;

    while (at > 0 && goes_before(forecast, leaf, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = leaf;
}

static void drop_top(struct forecast *forecast)
{
    forecast->heap[0] = forecast->heap[--forecast->heap_count];
    sift_down(forecast, 0);
}

/* -- the start ------------------------------------------------------------------------------------------ */

/* Loads by the shards' own figures; what these leave of the stream's demand lies on the others by width. */
static void spread_load(struct forecast *forecast, const struct up_facts *facts)
{
    struct worth rest = {0};
    double rest_share = 0;

    if (has_figures(&facts->demand)) {
        rest = worth_of(&facts->demand);
        forecast->measured = true;
    }
    for (size_t i = 0; i < forecast->count; i++) {
        const struct demand *own = own_demand(facts, i);
        struct worth worth;

        if (own == NULL) {
            rest_share += share_of(&forecast->leaves[i]);
            continue;
        }
        worth = worth_of(own);
        forecast->leaves[i].load = fmax(worth.bytes, worth.records);
        rest.bytes = fmax(0, rest.bytes - worth.bytes);
        rest.records = fmax(0, rest.records - worth.records);
        forecast->measured = forecast->by_shard = true;
    }
    for (size_t i = 0; i < forecast->count; i++) {
        struct leaf *leaf = &forecast->leaves[i];

        if (own_demand(facts, i) != NULL)
            continue;
        leaf->load = fmax(rest.bytes, rest.records) * (share_of(leaf) / rest_share);
        if (is_alarming(facts, i)) /* its alarm has seen at least this much */
            leaf->load = fmax(leaf->load, facts->config->scale_up_threshold);
    }
}

/* Where the number at the end of "shardId-000000000012" begins. */
static size_t number_at(const char *id)
{
    size_t at = strlen(id);

    while (at > 0 && id[at - 1] >= '0' && id[at - 1] <= '9')
        at--;
    return at;
}

/* A split numbers its children one after the other. */
static bool numbers_are_neighbours(const char *one, const char *other)
{
    size_t at = number_at(one), digits = strlen(one) - at;
    long long a, b;

    if (at != number_at(other) || strncmp(one, other, at) != 0 || digits == 0 || digits > 18 ||
        strlen(other) - at > 18)
        return false;
    a = strtoll(one + at, NULL, 10);
    b = strtoll(other + at, NULL, 10);
    return a - b == 1 || b - a == 1;
}

static bool came_from_split(const struct shard *shard)
{
    return shard->parent[0] != '\0' && shard->adjacent_parent[0] == '\0';
}

/* Can the open shard `at`, beside what was the closed `parent`, be its sibling?  Not if it has no parent. */
static bool may_be_its_sibling(const struct forecast *forecast, size_t at, const char *parent)
{
    return at < forecast->count && came_from_split(&forecast->leaves[at].shard) &&
           numbers_are_neighbours(forecast->leaves[at].shard.id, parent);
}

/*
 * Has this shard kept its parent's load, and the parent its own parent's?  Closed shards are not listed, but
 * as long as what was split off is open, it shows: the sibling has the same parent, and the parent's sibling
 * lies beside both with the number next to the parent's.
 */
static bool holds_hot_key(const struct forecast *forecast, size_t hot)
{
    const struct leaf *leaf = &forecast->leaves[hot];

    for (int step = -1; step <= 1; step += 2) {
        size_t sibling = hot + (size_t)step; /* wraps at 0, and is then beyond the count */
        size_t beside[2] = {(step < 0 ? sibling : hot) - 1, (step < 0 ? hot : sibling) + 1};
        double family;
        int quiet = 0;

        if (sibling >= forecast->count || !came_from_split(&leaf->shard) ||
            !text_equal(leaf->shard.parent, forecast->leaves[sibling].shard.parent))
            continue;
        family = leaf->load + forecast->leaves[sibling].load;
        if (leaf->load < HOT_CHILD_PART * family)
            return false;
        for (size_t i = 0; i < COUNT_OF(beside); i++) {
            if (!may_be_its_sibling(forecast, beside[i], leaf->shard.parent))
                continue;
            if (family < HOT_CHILD_PART * (family + forecast->leaves[beside[i]].load))
                return false;
            quiet++;
        }
        return quiet > 0;
    }
    return false;
}

static void find_hot_keys(struct forecast *forecast, const struct up_facts *facts)
{
    for (size_t i = 0; i < forecast->count; i++) {
        struct leaf *leaf = &forecast->leaves[i];
        struct hot_key hot;

        if (leaf->load <= facts->config->target_utilization || own_demand(facts, i) == NULL)
            continue;
        if (lineage_hot_key(facts->splits, facts->split_count, &leaf->shard, &hot))
            leaf->state = LEAF_HOT_LINEAGE;
        else if (holds_hot_key(forecast, i))
            leaf->state = LEAF_HOT_KEY;
    }
}

static void find_rank(const struct forecast *forecast, struct leaf *leaf, bool alarming)
{
    if (forecast->measured && !forecast->uniform)
        leaf->rank = rank_of(leaf->load);
    else /* without figures, a shard that was named goes before all that were not */
        leaf->rank = rank_of(share_of(leaf) + (alarming ? 2 : 0));
}

void forecast_init(struct forecast *forecast, const struct up_facts *facts)
{
    const struct shard_map *map = facts->shards;

    *forecast =
        (struct forecast){.facts = facts, .count = map->count, .capacity = map->count, .narrowest = 1};
    forecast->divisible = must_calloc(map->count, sizeof(forecast->divisible[0]));
    forecast->leaves = must_calloc(map->count, sizeof(forecast->leaves[0]));
    forecast->heap = must_calloc(map->count, sizeof(forecast->heap[0]));
    for (size_t i = 0; i < map->count; i++) {
        forecast->leaves[i].shard = map->items[i];
        forecast->widest = fmax(forecast->widest, share_of(&forecast->leaves[i]));
        forecast->narrowest = fmin(forecast->narrowest, share_of(&forecast->leaves[i]));
        forecast->alarming += is_alarming(facts, i);
    }
    spread_load(forecast, facts);
    forecast->uniform = !forecast->by_shard && forecast->alarming == 0;
    if (forecast->by_shard)
        find_hot_keys(forecast, facts);
    for (size_t i = 0; i < map->count; i++) {
        struct leaf *leaf = &forecast->leaves[i];

        if (!forecast->measured)
            leaf->load = share_of(leaf);
        forecast->divisible[i] = leaf->state != LEAF_FREE ? 0 : leaf->load;
        find_rank(forecast, leaf, is_alarming(facts, i));
        if (leaf->state == LEAF_FREE)
            push(forecast, i);
    }
}

void forecast_clear(struct forecast *forecast)
{
    free(forecast->leaves);
    free(forecast->heap);
    free(forecast->divisible);
    *forecast = (struct forecast){0};
}

/* -- the splits ----------------------------------------------------------------------------------------- */

const struct leaf *forecast_top(const struct forecast *forecast)
{
    return forecast->heap_count == 0 ? NULL : &forecast->leaves[forecast->heap[0]];
}

/* What the stream's history says of a range, it says of shards that have figures. */
static bool find_split_key(const struct forecast *forecast, const struct shard *whole, hashkey *ret_key,
                           double *ret_lower_part)
{
    const struct up_facts *facts = forecast->facts;

    return lineage_split_key(facts->splits, forecast->by_shard ? facts->split_count : 0, whole->start,
                             whole->end, ret_key, ret_lower_part);
}

bool forecast_split(struct forecast *forecast, struct operation *ret_operation)
{
    size_t lower = forecast->heap[0], upper = forecast->count;
    struct shard whole = forecast->leaves[lower].shard;
    double load = forecast->leaves[lower].load, lower_part;
    hashkey key;

    if (!find_split_key(forecast, &whole, &key, &lower_part)) {
        forecast->leaves[lower].state = LEAF_NARROW;
        drop_top(forecast);
        return false;
    }
    if (forecast->count == forecast->capacity) {
        forecast->capacity *= 2;
        forecast->leaves = must_realloc(forecast->leaves, forecast->capacity, sizeof(forecast->leaves[0]));
        forecast->heap = must_realloc(forecast->heap, forecast->capacity, sizeof(forecast->heap[0]));
    }
    forecast->count++;
    forecast->leaves[upper] = forecast->leaves[lower];
    forecast->leaves[lower].load = load * lower_part;
    forecast->leaves[upper].load = load * (1 - lower_part);
    shard_halves(&whole, key, &forecast->leaves[lower].shard, &forecast->leaves[upper].shard);
    for (size_t i = 0; i < 2; i++) {
        struct leaf *half = &forecast->leaves[i == 0 ? lower : upper];

        if (!forecast->measured)
            half->load = share_of(half);
        find_rank(forecast, half, false);
    }
    sift_down(forecast, 0);
    push(forecast, upper);

    *ret_operation =
        (struct operation){.kind = OPERATION_SPLIT, .new_start = key, .target = (int64_t)forecast->count};
    (void)text_copy(ret_operation->shard, sizeof(ret_operation->shard), whole.id); /* same size */
    return true;
}

const struct leaf *forecast_fullest(const struct forecast *forecast)
{
    const struct leaf *fullest = &forecast->leaves[0];

    for (size_t i = 1; i < forecast->count; i++) {
        const struct leaf *leaf = &forecast->leaves[i];

        if (leaf->load > fullest->load ||
            (leaf->load >= fullest->load && leaf->shard.start < fullest->shard.start))
            fullest = leaf;
    }
    return fullest;
}

const struct leaf *forecast_stuck(const struct forecast *forecast)
{
    const struct leaf *fullest = NULL;

    for (size_t i = 0; i < forecast->count; i++) {
        const struct leaf *leaf = &forecast->leaves[i];

        if (leaf->state != LEAF_FREE && (fullest == NULL || leaf->load > fullest->load))
            fullest = leaf;
    }
    return fullest;
}

/* -- other ways to lay the same load -------------------------------------------------------------------- */

double forecast_even_load(const struct forecast *forecast, int64_t count)
{
    double total = 0;

    if (!forecast->uniform)
        return shard_map_even_load(forecast->facts->shards, forecast->divisible, count);
    for (size_t i = 0; i < forecast->facts->shards->count; i++)
        total += forecast->divisible[i];
    return total / (double)count;
}

int64_t forecast_widest_count(const struct forecast *forecast)
{
    int64_t count = 0;

    for (size_t i = 0; i < forecast->count; i++)
        count += share_of(&forecast->leaves[i]) >= forecast->widest * (1 - LOAD_SLACK);
    return count;
}

void forecast_scale(struct forecast *forecast, double factor)
{
    for (size_t i = 0; i < forecast->count; i++)
        forecast->leaves[i].load *= factor;
    for (size_t i = 0; i < forecast->facts->shards->count; i++)
        forecast->divisible[i] *= factor;
}
