/*
 * by_hand.c - what an operator asks for: so many shards, or these split, or those merged.
 *
 * What is asked for becomes a partition before anything is done: the goal, stored with the action.  Every turn, of
 * whichever process, then takes one more step from the shards there are towards it.
 */
#include "turn.h"

#include "base/date.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/goal.h"
#include "scaling/steps.h"

#include <math.h>

/* How the goal is reached; stored as goal_basis of the action. */
enum { BY_STEPS, BY_UPDATE };

struct by_hand_goal {
    hashkey *starts;
    size_t count;
    int basis;
    const char *reason;
};

/* ---- towards the goal */

/* One more than the larger of both makes room to split before merging; but never more than the bill allows, also on
 * the way down from more than that. */
static int64_t ceiling(const struct stream_config *config, int64_t from, int64_t to)
{
    int64_t room = (from > to ? from : to) + 1;
    int64_t most = room < config->max_shards ? room : config->max_shards;

    return most > to ? most : to; /* max_shards may have been lowered meanwhile */
}

/* AWS goes to twice or half in one call. */
static bool next_update(int64_t open, int64_t goal, struct operation *ret_operation)
{
    int64_t half = (open + 1) / 2;

    if (open == goal)
        return false;
    *ret_operation = (struct operation){.kind = OPERATION_UPDATE, .target = goal};
    if (goal > 2 * open)
        ret_operation->target = 2 * open;
    if (goal < half)
        ret_operation->target = half;
    return true;
}

static bool next_operation(const struct shard_map *map, const struct stream_config *config,
                           const struct by_hand_goal *goal, int64_t from, struct operation *ret_operation)
{
    int64_t to = (int64_t)goal->count;

    if (goal->basis == BY_UPDATE)
        return next_update((int64_t)map->count, to, ret_operation);
    return goal_next(map, goal->starts, goal->count, ceiling(config, from, to), GOAL_SWEEP, NULL,
                     ret_operation);
}

int by_hand_keep_goal(struct turn *turn, struct error *err)
{
    const struct by_hand_goal *goal = turn->by_hand;

    turn->action.goal_shards = (int64_t)goal->count;
    turn->action.goal_basis = goal->basis;
    (void)text_copy(turn->action.reason, sizeof(turn->action.reason), goal->reason);
    if (store_goal_set(turn->store, turn->action.id, goal->starts, goal->count, err) < 0)
        return -1;
    return store_action_save(turn->store, &turn->action, err);
}

int by_hand_defer(struct turn *turn, struct error *err)
{
    char reason[64];

    snprintf(reason, sizeof(reason), "%s #%lld is under way", action_kind_name(turn->action.kind),
             (long long)turn->action.id);
    return triage_defer(turn, reason, err);
}

int by_hand_observe(struct turn *turn, enum action_event *ret_event, struct operation *ret_operation,
                    struct error *err)
{
    struct by_hand_goal goal = {.basis = turn->action.goal_basis};

    if (look_shards(turn, err) < 0)
        return -1;
    turn->action.to_shards = (int64_t)turn->shards.count;
    *ret_event = EVENT_NEEDS_NOTHING;
    if (turn->action.goal_shards == 0) {
        (void)text_copy(turn->action.failure, sizeof(turn->action.failure),
                        "it was stopped before anything was done; ask for it again");
        return 0;
    }
    if (store_goal_load(turn->store, turn->action.id, &goal.starts, &goal.count, err) < 0)
        return -1;
    if (next_operation(&turn->shards, turn->config, &goal, turn->action.from_shards, ret_operation))
        *ret_event = EVENT_NEEDS_STEP;
    free(goal.starts);
    return 0;
}

/* ---- what is asked for, as a partition */

static const struct shard *find(const struct shard_map *map, const char *stream, const char *id,
                                struct error *err)
{
    const struct shard *shard = shard_map_find(map, id);

    if (shard == NULL)
        (void)error_set(err, ERROR_NOT_FOUND, "stream '%s' has no open shard '%s'", stream, id);
    return shard;
}

static int check_twice(const struct by_hand_request *request, struct error *err)
{
    for (size_t i = 1; i < request->shard_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (text_equal(request->shards[i], request->shards[k]))
                return error_set(err, ERROR_CONFIG, "shard '%s' is named twice", request->shards[i]);
        }
    }
    return 0;
}

static int split_named(const struct by_hand_request *request, struct shard_map *map, struct error *err)
{
    for (size_t i = 0; i < request->shard_count; i++) {
        const struct shard *shard = find(map, request->stream, request->shards[i], err);
        hashkey middle;

        if (shard == NULL)
            return -1;
        if (!hashkey_middle(shard->start, shard->end, &middle))
            return error_set(err, ERROR_INPUT, "shard '%s' has fewer than 4 hash keys and cannot be split",
                             shard->id);
        if (shard_map_split(map, (size_t)(shard - map->items), middle, err) < 0)
            return -1;
    }
    return 0;
}

static int merge_named(const struct by_hand_request *request, struct shard_map *map, struct error *err)
{
    if (request->shard_count % 2 != 0)
        return error_set(err, ERROR_CONFIG, "shards are merged in pairs: name an even number, not %zu",
                         request->shard_count);
    for (size_t i = 0; i < request->shard_count; i += 2) {
        const struct shard *one = find(map, request->stream, request->shards[i], err);
        const struct shard *other =
            one == NULL ? NULL : find(map, request->stream, request->shards[i + 1], err);
        const struct shard *lower = one < other ? one : other;

        if (one == NULL || other == NULL)
            return -1;
        if (one + 1 != other && other + 1 != one)
            return error_set(err, ERROR_INPUT, "shards '%s' and '%s' are not adjacent", one->id, other->id);
        if (shard_map_merge(map, (size_t)(lower - map->items), err) < 0)
            return -1;
    }
    return 0;
}

static int64_t wanted_count(const struct by_hand_request *request, int64_t open)
{
    double more;

    switch (request->kind) {
    case BY_HAND_BY:
        return open + request->count;
    case BY_HAND_PART:
        /* What a percentage leaves over in the last digits of a double is no shard. */
        more = ceil((double)open * request->part - 1e-9);
        return open + (int64_t)fmax(-1e6, fmin(1e6, more));
    case BY_HAND_TO:
    case BY_HAND_SPLIT:
    case BY_HAND_MERGE:
        break;
    }
    return request->count;
}

static int check_bounds(const struct stream_config *config, int64_t from, int64_t to, struct error *err)
{
    if (to < config->min_shards && to < from)
        return error_set(err, ERROR_CONFIG, "stream '%s' would have %lld shard%s, %s is %lld", config->name,
                         (long long)to, text_plural(to), config_minimum_name(config),
                         (long long)config->min_shards);
    if (to > config->max_shards && to > from)
        return error_set(err, ERROR_CONFIG, "stream '%s' would have %lld shards, max_shards is %lld",
                         config->name, (long long)to, (long long)config->max_shards);
    return 0;
}

/* The shards that shall be there in the end: `map` begins as a copy of those there are. */
static int partition(const struct by_hand_request *request, const struct stream_config *config,
                     struct shard_map *map, struct error *err)
{
    int64_t from = (int64_t)map->count, to = wanted_count(request, from);
    struct step_list steps = {0};

    if (request->kind == BY_HAND_SPLIT || request->kind == BY_HAND_MERGE) {
        if (check_twice(request, err) < 0 ||
            (request->kind == BY_HAND_SPLIT ? split_named : merge_named)(request, map, err) < 0)
            return -1;
        return check_bounds(config, from, (int64_t)map->count, err);
    }
    if (check_bounds(config, from, to, err) < 0 || steps_to_even(map, to, &steps, err) < 0)
        return -1;
    /* Boundaries that AWS rounded its own way are as good: those of `after` are the ones there are. */
    shard_map_clear(map);
    *map = steps.after;
    steps.after = (struct shard_map){0};
    step_list_clear(&steps);
    return 0;
}

/* ---- the plan: all the steps there will be, when nobody interferes */

static void add_operation(struct by_hand_plan *plan, const struct operation *operation)
{
    plan->operations = must_realloc(plan->operations, plan->operation_count + 1, sizeof(*plan->operations));
    plan->operations[plan->operation_count++] = *operation;
    if (operation->target > plan->peak_shards)
        plan->peak_shards = operation->target;
}

static int perform(struct shard_map *map, const struct operation *operation, struct error *err)
{
    const struct shard *shard = shard_map_find(map, operation->shard);

    if (shard == NULL)
        return error_set(err, ERROR_BUG, "a plan names shard '%s', which it does not have", operation->shard);
    return operation->kind == OPERATION_SPLIT
               ? shard_map_split(map, (size_t)(shard - map->items), operation->new_start, err)
               : shard_map_merge(map, (size_t)(shard - map->items), err);
}

static int rehearse(const struct turn *turn, const struct by_hand_goal *goal, struct by_hand_plan *plan,
                    struct error *err)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    int64_t open = (int64_t)turn->shards.count;
    struct operation operation;

    plan->from_shards = plan->peak_shards = open;
    plan->to_shards = (int64_t)goal->count;
    shard_map_copy(&map, &turn->shards);
    while (goal->basis == BY_UPDATE
               ? next_update(open, plan->to_shards, &operation)
               : next_operation(&map, turn->config, goal, plan->from_shards, &operation)) {
        add_operation(plan, &operation);
        open = operation.target;
        if (operation.kind != OPERATION_UPDATE && perform(&map, &operation, err) < 0)
            return -1;
    }
    return 0;
}

static void explain(struct by_hand_plan *plan)
{
    size_t counts[OPERATION_KIND_COUNT] = {0};

    for (size_t i = 0; i < plan->operation_count; i++)
        counts[plan->operations[i].kind]++;
    if (plan->operation_count == 0)
        snprintf(plan->reason, sizeof(plan->reason), "nothing to do: the %lld shard%s what was asked for",
                 (long long)plan->from_shards, plan->from_shards == 1 ? " is" : "s are");
    else if (counts[OPERATION_UPDATE] > 0)
        snprintf(plan->reason, sizeof(plan->reason),
                 "by hand: UpdateShardCount from %lld to %lld shard%s, %zu call%s",
                 (long long)plan->from_shards, (long long)plan->to_shards, text_plural(plan->to_shards),
                 counts[OPERATION_UPDATE], text_plural((int64_t)counts[OPERATION_UPDATE]));
    else
        snprintf(plan->reason, sizeof(plan->reason),
                 "by hand: from %lld to %lld shard%s, splits: %zu, merges: %zu", (long long)plan->from_shards,
                 (long long)plan->to_shards, text_plural(plan->to_shards), counts[OPERATION_SPLIT],
                 counts[OPERATION_MERGE]);
}

static int make_plan(struct turn *turn, const struct by_hand_request *request, struct by_hand_goal *goal,
                     struct by_hand_plan *plan, struct error *err)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    bool named = request->kind == BY_HAND_SPLIT || request->kind == BY_HAND_MERGE;

    shard_map_copy(&map, &turn->shards);
    if (partition(request, turn->config, &map, err) < 0)
        return -1;
    goal->basis = !named && turn->config->resharding == RESHARDING_UPDATE ? BY_UPDATE : BY_STEPS;
    goal->starts = must_calloc(map.count, sizeof(*goal->starts));
    goal->count = map.count;
    for (size_t i = 0; i < map.count; i++)
        goal->starts[i] = map.items[i].start;
    if (rehearse(turn, goal, plan, err) < 0)
        return -1;
    explain(plan);
    goal->reason = plan->reason;
    return 0;
}

void by_hand_plan_clear(struct by_hand_plan *plan)
{
    free(plan->operations);
    *plan = (struct by_hand_plan){0};
}

/* ---- may it be done now? */

static int check_store(const struct turn *turn, struct error *err)
{
    const struct stream_state *state = &turn->state;
    char until[DATE_SIZE];

    if (turn->running)
        return error_set(err, ERROR_BUSY, "stream '%s': %s #%lld is under way", turn->config->name,
                         action_kind_name(turn->action.kind), (long long)turn->action.id);
    if (turn->now_ms < state->cooldown_until_ms) {
        date_format_seconds(state->cooldown_until_ms, until);
        return error_set(err, ERROR_BUSY, "stream '%s' is in its cooldown for another %lld s, until %s",
                         turn->config->name,
                         (long long)(state->cooldown_until_ms - turn->now_ms + 999) / 1000, until);
    }
    if (!turn->locked && state->lock_owner[0] != '\0' && state->lock_until_ms > turn->now_ms)
        return error_set(err, ERROR_BUSY, "stream '%s': '%s' works on it", turn->config->name,
                         state->lock_owner);
    return 0;
}

/* What forbids it keeps nobody from planning it: a dry run goes on, and tells the first of the reasons. */
static int forbid(const struct by_hand_request *request, struct by_hand_plan *plan, const struct error *err)
{
    if (!request->dry_run || err->kind != ERROR_BUSY)
        return -1;
    if (plan->refusal[0] == '\0')
        (void)text_copy(plan->refusal, sizeof(plan->refusal), err->message);
    return 0;
}

static int check_stream(struct turn *turn, const struct by_hand_request *request, struct by_hand_plan *plan,
                        struct error *err)
{
    if (look_summary(turn, err) < 0)
        return -1;
    if (turn->summary.on_demand)
        return error_set(err, ERROR_INPUT, "stream '%s' is on-demand: AWS scales it", turn->config->name);
    if (turn->summary.status != STREAM_ACTIVE) {
        (void)error_set(err, ERROR_BUSY, "stream '%s' is %s, not ACTIVE", turn->config->name,
                        stream_status_name(turn->summary.status));
        if (forbid(request, plan, err) < 0)
            return -1;
    }
    return look_shards(turn, err);
}

static int lock(struct turn *turn, struct error *err)
{
    if (turn_lock(turn, false, err) < 0)
        return -1;
    if (!turn->locked)
        return error_set(err, ERROR_BUSY, "stream '%s': '%s' works on it", turn->config->name,
                         turn->state.lock_owner);
    return check_store(turn, err);
}

/* An action that has begun is gone on with, whatever happened to its first step. */
static int begin(struct turn *turn, struct error *err)
{
    if (act_begin(turn, ACTION_BY_HAND, err) == 0)
        return 0;
    if (!turn->running)
        return -1;
    LOG(LOG_WARN, "turn-failed", {"stream", turn->config->name}, {"error", err->message});
    turn_failed(turn, err);
    return 0;
}

static int ask(struct turn *turn, const struct by_hand_request *request, struct by_hand_goal *goal,
               struct by_hand_plan *plan, struct error *err)
{
    if (turn_load(turn, request->stream, err) < 0)
        return -1;
    if (check_store(turn, err) < 0 && forbid(request, plan, err) < 0)
        return -1;
    if (!request->dry_run && lock(turn, err) < 0)
        return -1;
    /* What waits for the stream is not forgotten when this turn sets its due time. */
    turn->next_ms = turn->state.due_ms;
    turn->next_reasons = turn->state.due_reasons;
    if (check_stream(turn, request, plan, err) < 0 || make_plan(turn, request, goal, plan, err) < 0)
        return -1;
    if (request->dry_run || plan->operation_count == 0)
        return 0;
    turn->by_hand = goal;
    return begin(turn, err);
}

int engine_by_hand(struct engine *engine, struct store *store, const struct by_hand_request *request,
                   struct by_hand_plan *ret_plan, struct error *err)
{
    struct turn turn = {
        .engine = engine, .store = store, .now_ms = clock_now_ms(engine->clock), .next_ms = -1};
    struct by_hand_goal goal = {0};
    struct by_hand_plan plan = {0};
    struct error later = {0};
    int result;

    if (!turn_configure(&turn, request->stream)) {
        turn_clear(&turn);
        return error_set(err, ERROR_CONFIG, "stream '%s' is not configured", request->stream);
    }
    result = ask(&turn, request, &goal, &plan, err);
    if (turn.locked && turn_leave(&turn, &later) < 0) {
        *err = later;
        result = -1;
    }
    turn_clear(&turn);
    free(goal.starts);
    if (result < 0) {
        by_hand_plan_clear(&plan);
        return -1;
    }
    *ret_plan = plan;
    return 0;
}
