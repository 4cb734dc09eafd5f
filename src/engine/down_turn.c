/*
 * down_turn.c - one turn of a scale-down: begin it, or take the next merge of the plan that was made then.
 */
#include "down.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* Looks at the day of this one stream and plans. */
static int look_and_plan(struct turn *turn, enum down_aim aim, struct down_plan *ret_plan, char *reason,
                         size_t size, struct error *err)
{
    struct down_subject subject = {.config = turn->config, .shards = &turn->shards};
    double update_seconds;
    int64_t oldest_ms;
    int updates;

    if (look_shards(turn, err) < 0)
        return -1;
    subject.by_shard = look_has_shard_metrics(&turn->summary);
    if (store_updates_since(turn->store, turn->config->name, turn->now_ms - DAY_MS, &updates, &oldest_ms,
                            err) < 0 ||
        store_update_seconds(turn->store, turn->config->name, &update_seconds, err) < 0 ||
        down_look(turn->engine, &subject, 1, turn->now_ms, err) < 0)
        return -1;
    if (down_is_drained(&subject, &turn->state, turn->now_ms, reason, size))
        down_think(&subject, &turn->summary, aim, turn->now_ms, updates, update_seconds, ret_plan);
    down_subject_clear(&subject);
    return 0;
}

/* Above max_shards it is looked at every few minutes, and the period that decides is often another one: that such
 * a number is more than such a maximum, before the colon, is what is said once. */
static int hold(struct turn *turn, enum down_aim aim, const char *reason)
{
    record_once(turn, "hold", reason, aim == DOWN_TO_MAXIMUM ? strcspn(reason, ":") + 1 : strlen(reason) + 1);
    return 0;
}

int down_begin(struct turn *turn, enum down_aim aim, struct error *err)
{
    bool forced = turn->state.due_reasons & DUE_SCALE_DOWN_FORCED;
    struct down_plan plan = {0};
    char reason[256] = "";

    if (aim == DOWN_BY_LOAD &&
        !down_gate(&turn->state, turn->config, forced, turn->now_ms, reason, sizeof(reason)))
        return hold(turn, aim, reason);
    if (look_summary(turn, err) < 0)
        return -1;
    if (!down_stream_fits(&turn->summary, reason, sizeof(reason)))
        return hold(turn, aim, reason);
    if (look_and_plan(turn, aim, &plan, reason, sizeof(reason), err) < 0)
        return -1;
    if (reason[0] != '\0' || plan.verdict == DOWN_HOLD) {
        int result = hold(turn, aim, reason[0] != '\0' ? reason : plan.reason);

        down_plan_clear(&plan);
        return result;
    }
    down_plan_clear(&plan); /* made again, from the same look, when the action exists that it belongs to */
    turn->goal_basis = aim;
    return act_begin(turn, ACTION_SCALE_DOWN, err);
}

/* ---- the goal */

/* The partition that the merges of the plan lead to. */
static int keep_goal(struct turn *turn, const struct down_plan *plan, struct error *err)
{
    struct shard_map map = {0};
    hashkey *starts;
    int result = 0;

    turn->action.goal_shards = plan->to_shards;
    if (plan->operations[0].kind != OPERATION_MERGE)
        return 0;
    shard_map_copy(&map, &turn->shards);
    for (size_t i = 0; i < plan->operation_count && result == 0; i++) {
        const struct shard *lower = shard_map_find(&map, plan->operations[i].shard);

        result = lower == NULL ? error_set(err, ERROR_BUG, "a plan merges shard '%s', which it does not have",
                                           plan->operations[i].shard)
                               : shard_map_merge(&map, (size_t)(lower - map.items), err);
    }
    starts = must_calloc(map.count, sizeof(*starts));
    for (size_t i = 0; i < map.count; i++)
        starts[i] = map.items[i].start;
    if (result == 0)
        result = store_goal_set(turn->store, turn->action.id, starts, map.count, err);
    free(starts);
    shard_map_clear(&map);
    return result;
}

/* The goal is fixed, or, when there is nothing to do after all, left at 0. */
static int plan_first(struct turn *turn, struct error *err)
{
    struct down_plan plan = {0};
    char reason[256] = "";
    int result = 0;

    if (look_and_plan(turn, (enum down_aim)turn->action.goal_basis, &plan, reason, sizeof(reason), err) < 0)
        return -1;
    record_decision(turn, plan.verdict == DOWN_RESHARD ? "reshard" : "hold",
                    reason[0] != '\0' ? reason : plan.reason, NULL, NULL);
    (void)text_copy(turn->action.reason, sizeof(turn->action.reason),
                    reason[0] != '\0' ? reason : plan.reason);
    if (reason[0] == '\0' && plan.verdict == DOWN_RESHARD)
        result = keep_goal(turn, &plan, err);
    down_plan_clear(&plan);
    return result;
}

static bool is_goal(const hashkey *starts, size_t count, hashkey start)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (starts[middle] == start)
            return true;
        if (starts[middle] < start)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool is_to_maximum(const struct turn *turn)
{
    return turn->action.goal_basis == DOWN_TO_MAXIMUM;
}

/* Fewer are not left, whatever the plan was: the settings may have changed since. */
static int64_t fewest(const struct turn *turn)
{
    return is_to_maximum(turn) ? turn->config->max_shards : turn->config->min_shards;
}

/* The first boundary that the goal does not have. */
static bool next_merge(const struct turn *turn, const hashkey *starts, size_t count,
                       struct operation *ret_operation)
{
    const struct shard_map *map = &turn->shards;

    if ((int64_t)map->count <= fewest(turn))
        return false;
    for (size_t i = 0; i + 1 < map->count; i++) {
        if (is_goal(starts, count, map->items[i + 1].start))
            continue;
        *ret_operation = (struct operation){.kind = OPERATION_MERGE, .target = (int64_t)map->count - 1};
        (void)text_copy(ret_operation->shard, SHARD_ID_SIZE, map->items[i].id);
        (void)text_copy(ret_operation->adjacent, SHARD_ID_SIZE, map->items[i + 1].id);
        return true;
    }
    return false;
}

/* AWS goes down by half at most in one call. */
static bool next_update(const struct turn *turn, struct operation *ret_operation)
{
    int64_t open = (int64_t)turn->shards.count;
    int64_t half = (open + 1) / 2;
    int64_t goal = turn->action.goal_shards > fewest(turn) ? turn->action.goal_shards : fewest(turn);

    if (open <= goal)
        return false;
    *ret_operation = (struct operation){.kind = OPERATION_UPDATE, .target = goal > half ? goal : half};
    return true;
}

/* Has something happened since that makes the plan wrong?  The action then ends where it stands. */
static bool is_overtaken(struct turn *turn, const hashkey *starts, size_t count)
{
    double widest = 1.0 / (double)turn->action.goal_shards;
    double fullest =
        is_to_maximum(turn) ? turn->config->scale_up_threshold : turn->config->target_utilization;
    struct demand demand;
    struct error err = {0};
    char text[256];

    for (size_t i = 0; i < turn->notifications.count; i++) {
        if (turn->notifications.items[i].received_ms > turn->action.started_ms) {
            (void)text_copy(turn->action.failure, sizeof(turn->action.failure),
                            "ended early: an alarm came in");
            return true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        double share = hashkey_share(starts[i], i + 1 < count ? starts[i + 1] - 1 : HASHKEY_MAX);

        widest = share > widest ? share : widest;
    }
    /* Without recent numbers there is no reason to stop: the day before was quiet. */
    if (look_demand(turn, &demand, &err) < 0 || !demand.known ||
        demand_utilization(&demand, 1 / widest) <= fullest)
        return false;
    snprintf(text, sizeof(text),
             "ended early: the load has risen to %.0f %% of what the fewer shards would take",
             100 * demand_utilization(&demand, 1 / widest));
    (void)text_copy(turn->action.failure, sizeof(turn->action.failure), text);
    return true;
}

int down_observe(struct turn *turn, enum action_event *ret_event, struct operation *ret_operation,
                 struct error *err)
{
    hashkey *starts = NULL;
    size_t count = 0;

    if (look_shards(turn, err) < 0)
        return -1;
    turn->action.to_shards = (int64_t)turn->shards.count;
    *ret_event = EVENT_NEEDS_NOTHING;
    if (turn->action.goal_shards == 0 && plan_first(turn, err) < 0)
        return -1;
    if (turn->action.goal_shards == 0)
        return 0;
    if (store_goal_load(turn->store, turn->action.id, &starts, &count, err) < 0)
        return -1;
    if (!is_overtaken(turn, starts, count) &&
        (count > 0 ? next_merge(turn, starts, count, ret_operation) : next_update(turn, ret_operation)))
        *ret_event = EVENT_NEEDS_STEP;
    free(starts);
    return 0;
}
