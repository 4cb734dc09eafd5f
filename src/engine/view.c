/*
 * view.c - what a turn would see and do now, for those who ask; nothing is stored and nothing changed at AWS.
 */
#include "turn.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/steps.h"

#include <math.h>

/* As if it had succeeded. */
static int apply(struct shard_map *shards, const struct operation *operation, struct error *err)
{
    SCOPED(step_list_clear) struct step_list steps = {0};
    struct shard_map before = *shards;
    struct shard *shard;

    if (operation->kind == OPERATION_UPDATE) {
        if (steps_to_even(shards, operation->target, &steps, err) < 0)
            return -1;
        *shards = steps.after;
        steps.after = before; /* cleared with the list */
        return 0;
    }
    shard = shard_map_find(shards, operation->shard);
    if (shard == NULL)
        return error_set(err, ERROR_BUG, "a plan names %s, which is not open", operation->shard);
    return operation->kind == OPERATION_SPLIT
               ? shard_map_split(shards, (size_t)(shard - shards->items), operation->new_start, err)
               : shard_map_merge(shards, (size_t)(shard - shards->items), err);
}

int adapt_steps(struct turn *turn, const struct adaptive_plan *plan, struct operation **ret_operations,
                size_t *ret_count, int64_t *ret_peak, struct error *err)
{
    struct operation operation;
    hashkey *starts = NULL;
    size_t starts_count;
    int result = 0;

    *ret_operations = NULL;
    *ret_count = 0;
    *ret_peak = (int64_t)turn->shards.count;
    if (plan->verdict != ADAPTIVE_GO)
        return 0;
    turn->action = (struct action){.kind = plan->rises ? ACTION_SCALE_UP : ACTION_SCALE_DOWN,
                                   .from_shards = (int64_t)turn->shards.count,
                                   .goal_shards = plan->shards};
    if (adapt_goal(turn, plan->shards, plan->starts, &starts, &starts_count, err) < 0)
        return -1;
    while (result == 0 && adapt_next_step(turn, starts, starts_count, &operation)) {
        *ret_operations = must_realloc(*ret_operations, *ret_count + 1, sizeof(operation));
        result = apply(&turn->shards, &operation, err);
        (*ret_operations)[(*ret_count)++] = operation;
        if ((int64_t)turn->shards.count > *ret_peak)
            *ret_peak = (int64_t)turn->shards.count;
    }
    free(starts);
    if (result < 0) {
        free(*ret_operations);
        *ret_operations = NULL;
        *ret_count = 0;
    }
    return result;
}

/* What the policy would do if an alarm came now, told as a plan of the other one. */
static int view_policy(struct turn *turn, struct up_plan *ret_plan, double *ret_minute, struct error *err)
{
    SCOPED(adaptive_plan_clear) struct adaptive_plan plan = {0};

    if (adapt_look(turn, true, &plan, err) < 0)
        return -1;
    *ret_plan =
        (struct up_plan){.verdict = plan.verdict == ADAPTIVE_GO ? UP_RESHARD
                                    : plan.limited              ? UP_LIMITED
                                                                : UP_ENOUGH,
                         .from_shards = (int64_t)turn->shards.count,
                         .to_shards = plan.verdict == ADAPTIVE_GO ? plan.shards : (int64_t)turn->shards.count,
                         .utilization_now = NAN,
                         .utilization_after = NAN};
    (void)text_copy(ret_plan->reason, sizeof(ret_plan->reason), plan.reason);
    *ret_minute = plan.demand;
    if (adapt_steps(turn, &plan, &ret_plan->operations, &ret_plan->operation_count, &ret_plan->peak_shards,
                    err) < 0)
        return -1;
    ret_plan->seconds = (int64_t)ret_plan->operation_count * SPLIT_SECONDS;
    return 0;
}

/* A running action is passed over: what would be planned is as if there were none. */
static int load_for_view(struct turn *turn, struct error *err)
{
    if (store_stream_load(turn->store, turn->config->name, &turn->state, err) < 0)
        return -1;
    return turn_settle(turn, err);
}

int engine_view(struct engine *engine, struct store *store, const char *stream, struct engine_view *ret_view,
                struct error *err)
{
    struct turn turn = {.engine = engine, .store = store, .now_ms = clock_now_ms(engine->clock)};
    struct shard_load *loads = NULL;
    struct up_facts facts;
    bool too_early;
    int result = -1;

    if (!turn_configure(&turn, stream))
        (void)error_set(err, ERROR_NOT_FOUND, "stream '%s' is not configured", stream);
    else if (load_for_view(&turn, err) == 0 && look_facts(&turn, &facts, &loads, &too_early, err) == 0) {
        facts.alarmed = true;
        *ret_view = (struct engine_view){.summary = turn.summary,
                                         .demand = facts.demand,
                                         .minute = NAN,
                                         .updates_24h = facts.updates_24h,
                                         .headroom = facts.account_headroom,
                                         .alarm_level = turn.config->alarm_level,
                                         .too_early = too_early};
        shard_map_copy(&ret_view->shards, &turn.shards);
        result = 0;
        if (adapt_applies(turn.config)) {
            ret_view->too_early = false;
            result = view_policy(&turn, &ret_view->plan, &ret_view->minute, err);
        } else if (!too_early) {
            plan_up(&facts, &ret_view->plan);
        }
        if (result < 0)
            shard_map_clear(&ret_view->shards);
    }
    free(loads);
    turn_clear(&turn);
    return result;
}

void engine_view_clear(struct engine_view *view)
{
    shard_map_clear(&view->shards);
    up_plan_clear(&view->plan);
}
