/*
 * lineage.c - what the splits of a stream have taught about where its load lies.
 */
#include "scaling/lineage.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/load.h"

#include <math.h>

static bool is_known(const struct lineage_split *split)
{
    double sum = split->lower_load + split->upper_load;

    return split->lower_load >= 0 && split->upper_load >= 0 && sum > 0 && isfinite(sum) &&
           split->start < split->at && split->at <= split->end;
}

/* -- where the load of a range is halved ---------------------------------------------------------------- */

/* In a part of a range the load lies evenly. */
struct part {
    hashkey start, end;
    double load; /* of that of the range */
};

struct profile {
    struct part *parts; /* in order, without gap */
    size_t count;
};

/* Does it tell two sides of this range apart? */
static bool divides(const struct lineage_split *split, hashkey start, hashkey end)
{
    return is_known(split) && start < split->at && split->at <= end;
}

static double part_below(const struct part *part, hashkey key)
{
    if (key <= part->start)
        return 0;
    if (key > part->end)
        return part->load;
    return part->load * hashkey_share(part->start, key - 1) / hashkey_share(part->start, part->end);
}

/* Makes `key` the start of a part. */
static void cut(struct profile *profile, hashkey key)
{
    for (size_t i = 0; i < profile->count; i++) {
        struct part *part = &profile->parts[i];
        double below = part_below(part, key);

        if (key <= part->start || key > part->end)
            continue;
        memmove(part + 1, part, (profile->count - i) * sizeof(*part));
        profile->count++;
        part[0] = (struct part){part[1].start, key - 1, below};
        part[1] = (struct part){key, part[1].end, part[1].load - below};
        return;
    }
}

static double load_within(const struct profile *profile, hashkey start, hashkey end)
{
    double load = 0;

    for (size_t i = 0; i < profile->count; i++) {
        if (profile->parts[i].start >= start && profile->parts[i].end <= end)
            load += profile->parts[i].load;
    }
    return load;
}

/* Makes the whole parts within [start, end] carry `load`, in proportion to what they carry. */
static void set_load(struct profile *profile, hashkey start, hashkey end, double load)
{
    double before = load_within(profile, start, end);

    for (size_t i = 0; i < profile->count; i++) {
        struct part *part = &profile->parts[i];

        if (part->start < start || part->end > end)
            continue;
        if (before > 0)
            part->load *= load / before;
        else
            part->load = load * hashkey_share(part->start, part->end) / hashkey_share(start, end);
    }
}

static void apply(struct profile *profile, const struct lineage_split *split)
{
    hashkey start = profile->parts[0].start, end = profile->parts[profile->count - 1].end;
    double lower, upper, load;

    start = split->start > start ? split->start : start;
    end = split->end < end ? split->end : end;
    lower =
        split->lower_load * hashkey_share(start, split->at - 1) / hashkey_share(split->start, split->at - 1);
    upper = split->upper_load * hashkey_share(split->at, end) / hashkey_share(split->at, split->end);
    if (!(lower + upper > 0))
        return;
    cut(profile, start);
    cut(profile, split->at);
    if (end < HASHKEY_MAX)
        cut(profile, end + 1);
    load = load_within(profile, start, end);
    set_load(profile, start, split->at - 1, load * (lower / (lower + upper)));
    set_load(profile, split->at, end, load * (upper / (lower + upper)));
}

static int by_time(const void *a, const void *b)
{
    const struct lineage_split *left = *(const struct lineage_split *const *)a;
    const struct lineage_split *right = *(const struct lineage_split *const *)b;

    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}

/* The caller frees the parts. */
static struct profile profile_of(const struct lineage_split *splits, size_t count, hashkey start, hashkey end)
{
    const struct lineage_split **chosen;
    struct profile profile = {.count = 1};
    size_t relevant = 0;

    for (size_t i = 0; i < count; i++)
        relevant += divides(&splits[i], start, end);
    profile.parts = must_calloc(1 + 3 * relevant, sizeof(profile.parts[0])); /* each cuts three times */
    profile.parts[0] = (struct part){start, end, 1};
    if (relevant == 0)
        return profile;

    chosen = must_calloc(relevant, sizeof(const struct lineage_split *));
    relevant = 0;
    for (size_t i = 0; i < count; i++) {
        if (divides(&splits[i], start, end))
            chosen[relevant++] = &splits[i];
    }
    qsort(chosen, relevant, sizeof(const struct lineage_split *), by_time);
    for (size_t i = 0; i < relevant; i++)
        apply(&profile, chosen[i]);
    free(chosen);
    return profile;
}

static double load_below(const struct profile *profile, hashkey key)
{
    double load = 0;

    for (size_t i = 0; i < profile->count; i++)
        load += part_below(&profile->parts[i], key);
    return load;
}

static hashkey halving_key(const struct profile *profile)
{
    const struct part *part = profile->parts, *last = &profile->parts[profile->count - 1];
    double before = 0, fraction;
    hashkey key;

    while (part < last && before + part->load < 0.5 * (1 - LOAD_SLACK))
        before += part++->load;
    fraction = (0.5 - before) / part->load;
    if (part < last && fraction >= 1 - LOAD_SLACK)
        return part->end + 1;
    return hashkey_at_fraction(part->start, part->end, fraction, &key) ? key : part->end;
}

bool lineage_split_key(const struct lineage_split *splits, size_t count, hashkey start, hashkey end,
                       hashkey *ret_key, double *ret_lower_part)
{
    struct profile profile;
    hashkey key;
    double lower;

    if (!hashkey_middle(start, end, &key))
        return false;
    profile = profile_of(splits, count, start, end);
    lower = load_below(&profile, key);
    if (fmax(lower, 1 - lower) > EVEN_HALF_PART) {
        key = halving_key(&profile);
        key = key < start + 2 ? start + 2 : key > end - 1 ? end - 1 : key; /* as AWS wants it */
        lower = load_below(&profile, key);
    }
    free(profile.parts);
    *ret_key = key;
    *ret_lower_part = lower;
    return true;
}

/* -- a key that no split divides ------------------------------------------------------------------------ */

static bool made(const struct lineage_split *split, const struct shard *child)
{
    return split->start < split->at && ((child->start == split->start && child->end == split->at - 1) ||
                                        (child->start == split->at && child->end == split->end));
}

/* The last split until `until_ms` that made the range of `child`; NULL when there is none. */
static const struct lineage_split *find_origin(const struct lineage_split *splits, size_t count,
                                               const struct shard *child, int64_t until_ms)
{
    const struct lineage_split *origin = NULL;

    for (size_t i = 0; i < count; i++) {
        if (made(&splits[i], child) && splits[i].at_ms <= until_ms &&
            (origin == NULL || splits[i].at_ms > origin->at_ms))
            origin = &splits[i];
    }
    return origin;
}

/* The part of the load that went to this child; 0 while it is unknown. */
static double part_of(const struct lineage_split *origin, const struct shard *child)
{
    double load = child->start == origin->start ? origin->lower_load : origin->upper_load;

    return is_known(origin) ? load / (origin->lower_load + origin->upper_load) : 0;
}

bool lineage_hot_key(const struct lineage_split *splits, size_t count, const struct shard *shard,
                     struct hot_key *ret_hot)
{
    const struct lineage_split *first, *second = find_origin(splits, count, shard, INT64_MAX);
    struct shard parent;
    double part;

    if (second == NULL || !text_equal(second->parent, shard->parent) || shard->adjacent_parent[0] != '\0')
        return false; /* of a merge, or of another split since */
    parent = (struct shard){.start = second->start, .end = second->end};
    first = find_origin(splits, count, &parent, second->at_ms);
    if (first == NULL)
        return false;
    part = fmin(part_of(first, &parent), part_of(second, shard));
    if (part < HOT_CHILD_PART)
        return false;
    *ret_hot = (struct hot_key){shard->start, shard->end, part};
    return true;
}
