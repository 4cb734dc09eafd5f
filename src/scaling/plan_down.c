/*
 * plan_down.c - whether a stream may give shards back, and by which calls.
 *
 * What the day was is in window.c, who is merged with whom in division.c, the sentence for the operator in
 * reason_down.c.
 */
#include "scaling/plan_down.h"

#include "base/memory.h"
#include "base/text.h"
#include "division.h"
#include "reason_down.h"
#include "route.h"
#include "scaling/steps.h"

#include <assert.h>
#include <math.h>

/* The calls so far, and the shards they leave under made-up ids. */
struct course {
    const struct window *window;
    struct shard_map map;
    size_t capacity;
    double *worsts; /* of each shard of the facts its worst period; NULL: spread by width */
    int updates_left;
    double seconds;
    struct down_plan *plan;
};

static struct operation *add_operation(struct course *course, enum operation_kind kind, int64_t target)
{
    struct down_plan *plan = course->plan;

    if (plan->operation_count == course->capacity) {
        course->capacity = course->capacity == 0 ? 16 : course->capacity * 2;
        plan->operations = must_realloc(plan->operations, course->capacity, sizeof(plan->operations[0]));
    }
    plan->operations[plan->operation_count] = (struct operation){.kind = kind, .target = target};
    return &plan->operations[plan->operation_count++];
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The window was calm, so no call is an emergency: the last ones of the day are left to scale-ups. */
static int updates_left(const struct down_facts *facts)
{
    int allowed = UPDATES_PER_DAY - UPDATES_KEPT_FOR_EMERGENCY;

    return facts->updates_24h < allowed ? allowed - facts->updates_24h : 0;
}

/* -- UpdateShardCount ----------------------------------------------------------------------------------- */

/* By shard, each counts with its own worst period, whenever that was: a bound for what even shards carry. */
static double even_load(const struct course *course, int64_t count)
{
    if (course->worsts == NULL)
        return course->window->worst_load / (double)count;
    return shard_map_even_load(course->window->facts->shards, course->worsts, count);
}

/* The fewest even shards of which none is above the threshold; it may be as many as there are, or more. */
static int64_t fewest_even(const struct course *course)
{
    const struct down_facts *facts = course->window->facts;
    double threshold = facts->config->scale_down_threshold * (1 + LOAD_SLACK);
    int64_t count = larger(facts->config->min_shards, (int64_t)ceil(course->window->worst_load / threshold));

    while (count < (int64_t)facts->shards->count && even_load(course, count) > threshold)
        count++;
    return count;
}

static void update(struct course *course, int64_t target)
{
    double per_shard = course->window->facts->update_seconds_per_shard;
    int64_t open = (int64_t)course->map.count;
    SCOPED(step_list_clear) struct step_list steps = {0};
    struct error err;
    int result;

    target = larger(target, open - open / 2); /* one call halves at most */
    result = steps_to_even(&course->map, target, &steps, &err);
    assert(result == 0); /* a complete partition, and fewer shards than it has */
    (void)result;

    add_operation(course, OPERATION_UPDATE, target);
    course->seconds += route_update_seconds(per_shard, (double)target);
    course->updates_left--;
    shard_map_clear(&course->map);
    course->map = steps.after;
    steps.after = (struct shard_map){0};
}

static void update_only(struct course *course)
{
    int64_t target = fewest_even(course);

    if (target >= (int64_t)course->map.count)
        course->plan->hold = HOLD_FULL;
    else if (course->updates_left == 0)
        course->plan->hold = HOLD_UPDATES;
    else
        while (target < (int64_t)course->map.count && course->updates_left > 0)
            update(course, target);
    course->plan->to_shards = (int64_t)course->map.count;
    course->plan->worst_after = even_load(course, course->plan->to_shards);
}

/* -- MergeShards ---------------------------------------------------------------------------------------- */

static void merge_group(struct course *course, const struct shard *first, size_t count, int64_t *open)
{
    struct shard front = *first;

    for (size_t i = 1; i < count; i++) {
        struct operation *operation = add_operation(course, OPERATION_MERGE, --*open);
        struct shard both;

        (void)text_copy(operation->shard, sizeof(operation->shard), front.id); /* same size */
        (void)text_copy(operation->adjacent, sizeof(operation->adjacent), first[i].id);
        shard_union(&front, &first[i], &both);
        front = both;
        course->seconds += SPLIT_SECONDS;
    }
}

static void merge_groups(struct course *course, const struct division *division)
{
    int64_t open = (int64_t)course->map.count;
    size_t start = 0;

    for (size_t i = 0; i < division->count; i++) {
        merge_group(course, &course->map.items[start], division->ends[i] - start, &open);
        start = division->ends[i];
    }
    course->plan->to_shards = open;
    course->plan->worst_after = division->fullest;
    if (course->plan->operation_count == 0)
        course->plan->hold = HOLD_FULL;
}

/*
 * Whether the next call is better an update than a merge: it leads to fewer shards, or sooner to as many.
 * The half is not rounded here, so that what does not pay now does not pay after a merge either.
 */
static bool update_pays(const struct course *course, size_t groups, int64_t target)
{
    double per_shard = course->window->facts->update_seconds_per_shard;
    double open = (double)course->map.count, next = fmax((double)target, open / 2);

    if (course->updates_left == 0 || target >= (int64_t)course->map.count)
        return false;
    return (int64_t)groups > target || route_update_seconds(per_shard, next) < SPLIT_SECONDS * (open - next);
}

/* Updates only where load is spread by width: figures of single shards would say nothing of the new ones. */
static void merge_or_update(struct course *course)
{
    const struct down_facts *facts = course->window->facts;
    bool may_update = facts->config->resharding == RESHARDING_AUTO && facts->shard_points == NULL;
    int64_t target = may_update ? fewest_even(course) : 0;

    for (;;) {
        SCOPED(division_clear) struct division division = {0};

        division_find(course->window, &course->map, &division);
        if (may_update && update_pays(course, division.count, target)) {
            update(course, target);
            continue;
        }
        merge_groups(course, &division);
        return;
    }
}

/* -- the plan ------------------------------------------------------------------------------------------- */

static enum down_hold find_hold(const struct window *window)
{
    const struct down_facts *facts = window->facts;

    if ((int64_t)facts->shards->count <= facts->config->min_shards)
        return HOLD_MINIMUM;
    if (facts->created_ms > window->start_ms)
        return HOLD_YOUNG;
    if (window->missing > 0 || facts->point_count == 0)
        return HOLD_MISSING;
    if (window->throttled > 0)
        return HOLD_THROTTLED;
    return window->busy > 0 && !facts->begun ? HOLD_BUSY : HOLD_NONE;
}

static double *shard_worsts(const struct window *window)
{
    const struct down_facts *facts = window->facts;
    double *worsts;

    if (facts->shard_points == NULL)
        return NULL;
    worsts = must_calloc(facts->shards->count, sizeof(*worsts));
    for (size_t i = 0; i < facts->shards->count; i++) {
        for (size_t period = 0; period < facts->point_count; period++)
            worsts[i] = fmax(worsts[i], worth_load(window->shards[i * facts->point_count + period]));
    }
    return worsts;
}

static void find_course(const struct window *window, struct down_plan *plan)
{
    const struct down_facts *facts = window->facts;
    struct course course = {.window = window, .updates_left = updates_left(facts), .plan = plan};

    shard_map_copy(&course.map, facts->shards);
    course.worsts = shard_worsts(window);
    if (facts->config->resharding == RESHARDING_UPDATE)
        update_only(&course);
    else
        merge_or_update(&course);
    plan->seconds = (int64_t)ceil(fmin(course.seconds, 1e15));
    shard_map_clear(&course.map);
    free(course.worsts);
}

/* To the maximum is a scale-down with another floor, another threshold, and without the need of a proof. */
static struct stream_config inside_maximum(const struct stream_config *config)
{
    struct stream_config inside = *config;

    inside.min_shards = config->max_shards;
    inside.scale_down_threshold = config->scale_up_threshold;
    inside.missing_data = MISSING_IDLE;
    return inside;
}

static void make_plan(const struct down_facts *facts, struct down_plan *ret_plan)
{
    int64_t from = (int64_t)facts->shards->count;
    struct down_plan plan = {.from_shards = from, .to_shards = from};
    struct window window;

    window_init(&window, facts);
    plan.missing = window.missing;
    plan.worst_now = plan.worst_after = window.worst_load / window.capacity;
    if (!isnan(window.worst_load))
        plan.worst_at_ms = facts->points[window.worst].start_ms;
    plan.hold = find_hold(&window);
    if (plan.hold == HOLD_NONE)
        find_course(&window, &plan);
    plan.verdict = plan.operation_count > 0 ? DOWN_RESHARD : DOWN_HOLD;
    reason_down_write(&window, &plan);
    window_clear(&window);
    *ret_plan = plan;
}

void plan_down(const struct down_facts *facts, struct down_plan *ret_plan)
{
    struct stream_config inside;
    struct down_facts own = *facts;

    if (facts->to_maximum) {
        inside = inside_maximum(facts->config);
        own.config = &inside;
        own.created_ms = 0;
    }
    make_plan(&own, ret_plan);
}

void down_plan_clear(struct down_plan *plan)
{
    free(plan->operations);
    *plan = (struct down_plan){0};
}

const char *down_hold_name(enum down_hold hold)
{
    static const char *const names[DOWN_HOLD_COUNT] = {
        [HOLD_NONE] = "none",       [HOLD_MINIMUM] = "minimum", [HOLD_YOUNG] = "young",
        [HOLD_MISSING] = "missing", [HOLD_BUSY] = "busy",       [HOLD_THROTTLED] = "throttled",
        [HOLD_FULL] = "full",       [HOLD_UPDATES] = "updates",
    };

    return names[hold];
}
