/*
 * act.c - an action from its first plan to its end, by the table in scaling/action.c.
 *
 * DESIGN  Each state is observed (which looks at AWS, and for the last two states does their deed), the
 * observation is an event, the table names the next state, the new state is stored; again, until there is
 * nothing to do but wait.  What is stored always comes before what is done.
 */
#include "down.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>

enum { POLL_MIN_MS = 2000, POLL_MAX_MS = 10000, TOO_EARLY_MS = 30000, ENOUGH_COOLDOWN_MS = 60000 };

struct observation {
    bool any; /* false: nothing but time can change this; turn->next_ms is set */
    enum action_event event;
    struct operation operation; /* with EVENT_NEEDS_STEP */
    enum step_outcome outcome;  /* for DEED_STORE_OUTCOME */
    char detail[512];
};

static struct observation event(enum action_event event)
{
    return (struct observation){.any = true, .event = event, .outcome = STEP_ACCEPTED};
}

static void fail_action(struct turn *turn, const char *failure)
{
    (void)text_copy(turn->action.failure, sizeof(turn->action.failure), failure);
}

/* Looks are close together at first and then every quarter of the time it has lasted. */
static void wait_for_active(struct turn *turn, int64_t since_ms)
{
    int64_t wait_ms = (turn->now_ms - since_ms) / 4;

    wait_ms = wait_ms < POLL_MIN_MS ? POLL_MIN_MS : wait_ms > POLL_MAX_MS ? POLL_MAX_MS : wait_ms;
    turn->next_ms = turn->now_ms + wait_ms;
    turn->next_reasons = DUE_ACTION;
}

/* ---- looks */

/* Is the stream there at all, and does it rest?  *ret_event is EVENT_SEEN_GONE, _UPDATING or _ACTIVE. */
static int look_status(struct turn *turn, enum action_event *ret_event, struct error *err)
{
    if (look_summary(turn, err) < 0) {
        if (err->kind != ERROR_NOT_FOUND)
            return -1;
        fail_action(turn, err->message);
        *ret_event = EVENT_SEEN_GONE;
        return 0;
    }
    if (turn->summary.status == STREAM_DELETING) {
        fail_action(turn, "the stream is being deleted");
        *ret_event = EVENT_SEEN_GONE;
    } else {
        *ret_event = turn->summary.status == STREAM_ACTIVE ? EVENT_SEEN_ACTIVE : EVENT_SEEN_UPDATING;
    }
    return 0;
}

/* Do the shards show that AWS did it? */
static bool step_is_visible(const struct turn *turn, const struct step *step)
{
    if (step->operation.kind == OPERATION_UPDATE)
        return (int64_t)turn->shards.count == step->operation.target;
    return shard_map_find(&turn->shards, step->operation.shard) == NULL;
}

/*
 * What the first plan aimed at, and on which basis, is kept: a plan that follows no measurement must know where to
 * stop, and one that does must not take what it relieves itself for something else.
 */
static int fix_goal(struct turn *turn, const struct up_plan *plan, struct error *err)
{
    if (plan->verdict != UP_RESHARD || turn->action.goal_shards > 0)
        return 0;
    turn->action.goal_shards = plan->to_shards;
    turn->action.goal_basis = plan->basis;
    if (plan->basis == UP_BASIS_SKEW)
        return store_stream_skew(turn->store, turn->config->name, turn->now_ms, err);
    return 0;
}

/* CloudWatch will know more within a minute. */
static void look_again(struct turn *turn)
{
    turn->next_ms = turn->now_ms + TOO_EARLY_MS;
    turn->next_reasons = DUE_ACTION;
}

static const struct {
    enum action_event event;
    const char *verdict;
} verdicts[] = {
    [UP_ENOUGH] = {EVENT_NEEDS_NOTHING, "enough"},
    [UP_RESHARD] = {EVENT_NEEDS_STEP, "reshard"},
    [UP_LIMITED] = {EVENT_BLOCKED, "limited"},
};

/* Why a plan is not followed yet; NULL when it is. */
static const char *why_wait(const struct turn *turn, const struct up_facts *facts, const struct up_plan *plan,
                            struct operation *ret_operation)
{
    if (plan->basis == UP_BASIS_SKEW && facts->demand.sudden && facts->goal_shards == 0)
        return "records are throttled in the newest minute alone: the next one tells a jump from a hot key";
    if (plan->verdict == UP_RESHARD && !up_plan_next(facts, plan, turn->now_ms, ret_operation))
        return "the shards that the last splits made are not measured yet: one may hold what made its parent "
               "hot";
    return NULL;
}

/* Shown until a plan that knows the shards' loads finds it no more. */
static int keep_hot_key(struct turn *turn, const struct up_facts *facts, const struct up_plan *plan,
                        struct error *err)
{
    const struct shard *hot = &plan->hot;

    if (hot->id[0] == '\0' && (facts->split_count == 0 || turn->state.hot_shard[0] == '\0'))
        return 0;
    return store_stream_hot_key(turn->store, turn->config->name, hot->id, hot->start, hot->end, turn->now_ms,
                                err);
}

/* What the plan means for the action. */
static int follow(struct turn *turn, const struct up_facts *facts, const struct up_plan *plan,
                  struct observation *ret_seen, struct error *err)
{
    struct operation next = {0};
    char closed[512];
    const char *why = why_wait(turn, facts, plan, &next);

    if (why != NULL) {
        record_decision(turn, "wait", why, facts, plan);
        look_again(turn);
        return 0;
    }
    if (facts->goal_shards == 0 && look_closed_shard(turn, closed, sizeof(closed)))
        record_decision(turn, "closed", closed, NULL, NULL);
    record_decision(turn, verdicts[plan->verdict].verdict, plan->reason, facts, plan);
    if (turn->action.reason[0] == '\0')
        (void)text_copy(turn->action.reason, sizeof(turn->action.reason), plan->reason);
    if (plan->verdict == UP_LIMITED)
        fail_action(turn, plan->reason);
    else if (plan->verdict == UP_ENOUGH && facts->goal_shards > 0 && plan->from_shards != facts->goal_shards)
        record_later(turn, plan->reason);
    *ret_seen = event(verdicts[plan->verdict].event);
    ret_seen->operation = next;
    turn->action.to_shards = (int64_t)turn->shards.count;
    if (keep_hot_key(turn, facts, plan, err) < 0)
        return -1;
    return fix_goal(turn, plan, err);
}

/* Look at everything, think once. */
static int observe_load(struct turn *turn, struct observation *ret_seen, struct error *err)
{
    struct shard_load *loads = NULL;
    struct up_facts facts;
    struct up_plan plan = {0};
    bool too_early;
    int result = 0;

    if (look_facts(turn, &facts, &loads, &too_early, err) < 0)
        return -1;
    if (too_early && facts.alarmed) { /* not knowing would be taken for having no metrics at all */
        record_decision(turn, "wait", "CloudWatch has no figures yet from after the last action", NULL, NULL);
        look_again(turn);
    } else {
        plan_up(&facts, &plan);
        result = follow(turn, &facts, &plan, ret_seen, err);
        up_plan_clear(&plan);
    }
    free(loads);
    return result;
}

/* State PLANNING: by the load, or towards the goal that an action was begun with. */
static int observe_plan(struct turn *turn, struct observation *ret_seen, struct error *err)
{
    enum action_event status;

    if (look_status(turn, &status, err) < 0)
        return -1;
    if (status == EVENT_SEEN_ACTIVE && turn->summary.on_demand) {
        fail_action(turn, "the stream is on-demand: AWS scales it, resharding is refused");
        if (turn->action.reason[0] == '\0')
            (void)text_copy(turn->action.reason, sizeof(turn->action.reason), turn->action.failure);
        record_decision(turn, "limited", turn->action.failure, NULL, NULL);
        *ret_seen = event(EVENT_SEEN_GONE);
        return 0;
    }
    if (status != EVENT_SEEN_ACTIVE) {
        *ret_seen = event(status);
        return 0;
    }
    if (adapt_began(&turn->action)) {
        *ret_seen = event(EVENT_NEEDS_NOTHING);
        return adapt_observe(turn, &ret_seen->event, &ret_seen->operation, err);
    }
    if (turn->action.kind == ACTION_SCALE_DOWN) {
        *ret_seen = event(EVENT_NEEDS_NOTHING);
        return down_observe(turn, &ret_seen->event, &ret_seen->operation, err);
    }
    if (turn->action.kind == ACTION_BY_HAND) {
        *ret_seen = event(EVENT_NEEDS_NOTHING);
        return by_hand_observe(turn, &ret_seen->event, &ret_seen->operation, err);
    }
    return observe_load(turn, ret_seen, err);
}

/* State INTENDED after a restart or a lost answer: did AWS hear us? */
static int observe_intended(struct turn *turn, struct observation *ret_seen, struct error *err)
{
    enum action_event status;
    struct step step;
    bool found;

    if (look_status(turn, &status, err) < 0 ||
        store_step_last(turn->store, turn->action.id, &step, &found, err) < 0)
        return -1;
    *ret_seen = event(status);
    if (status != EVENT_SEEN_ACTIVE || !found)
        return 0;
    if (look_shards(turn, err) < 0)
        return -1;
    if (!step_is_visible(turn, &step))
        ret_seen->outcome = STEP_UNHEARD;
    return 0;
}

/* State WAITING: ACTIVE counts only when the shards show it, or AWS has had time to show it. */
static int observe_waiting(struct turn *turn, struct observation *ret_seen, struct error *err)
{
    enum action_event status;
    struct step step;
    bool found;

    if (look_status(turn, &status, err) < 0 ||
        store_step_last(turn->store, turn->action.id, &step, &found, err) < 0)
        return -1;
    if (status == EVENT_SEEN_UPDATING) {
        wait_for_active(turn, turn->action.state_since_ms);
        return 0;
    }
    if (status == EVENT_SEEN_ACTIVE && found && step.outcome == STEP_ACCEPTED && step.active_ms == 0) {
        if (look_shards(turn, err) < 0)
            return -1;
        if (!step_is_visible(turn, &step) && turn->now_ms >= turn->action.state_since_ms &&
            turn->now_ms - turn->action.state_since_ms < SETTLE_MS) {
            wait_for_active(turn, turn->action.state_since_ms);
            return 0;
        }
    }
    *ret_seen = event(status);
    return 0;
}

/* States THRESHOLDS and RESET: what they do is done here, unless somebody has begun to reshard meanwhile. */
static int observe_alarms(struct turn *turn, int (*deed)(struct turn *, bool *, struct error *),
                          enum action_event done, struct observation *ret_seen, struct error *err)
{
    enum action_event status;
    bool whole = false;

    if (!alarm_queue_enter(turn))
        return 0;
    if (look_status(turn, &status, err) < 0)
        return -1;
    if (status != EVENT_SEEN_ACTIVE) {
        *ret_seen = event(status);
        return 0;
    }
    if (deed(turn, &whole, err) < 0)
        return -1;
    if (whole)
        *ret_seen = event(done);
    return 0;
}

static int observe(struct turn *turn, struct observation *ret_seen, struct error *err)
{
    *ret_seen = (struct observation){0};
    switch (turn->action.state) {
    case ACTION_PLANNING:
        return observe_plan(turn, ret_seen, err);
    case ACTION_INTENDED:
        return observe_intended(turn, ret_seen, err);
    case ACTION_WAITING:
        return observe_waiting(turn, ret_seen, err);
    case ACTION_THRESHOLDS:
        return observe_alarms(turn, alarms_fit, EVENT_ALARMS_MOVED, ret_seen, err);
    case ACTION_RESET:
        return observe_alarms(turn, alarms_reset, EVENT_ALARMS_RESET, ret_seen, err);
    case ACTION_DONE:
    case ACTION_STATE_COUNT:
        break;
    }
    return error_set(err, ERROR_BUG, "action %lld is in state %d", (long long)turn->action.id,
                     (int)turn->action.state);
}

/* ---- deeds */

static int call(struct turn *turn, const struct operation *operation, struct error *err)
{
    struct aws_client *aws = turn->engine->aws;
    const char *stream = turn->config->name;

    switch (operation->kind) {
    case OPERATION_SPLIT:
        return kinesis_split(aws, stream, operation->shard, operation->new_start, err);
    case OPERATION_MERGE:
        return kinesis_merge(aws, stream, operation->shard, operation->adjacent, err);
    case OPERATION_UPDATE:
        return kinesis_update_count(aws, stream, operation->target, err);
    case OPERATION_KIND_COUNT:
        break;
    }
    return error_set(err, ERROR_BUG, "operation %d", (int)operation->kind);
}

/* Looking took its time; a lease that has run out meanwhile may belong to somebody else now. */
static int keep_lock(struct turn *turn, struct error *err)
{
    int64_t now_ms = clock_now_ms(turn->engine->clock);
    struct stream_state state;
    bool taken;

    if (now_ms - turn->now_ms < LEASE_MS / 4)
        return 0;
    if (store_lock_take(turn->store, turn->config->name, turn->engine->owner, now_ms, LEASE_MS, true, &taken,
                        &state, err) < 0)
        return -1;
    return taken ? 0 : error_set(err, ERROR_BUSY, "the lock was lost to '%s'", state.lock_owner);
}

/* UpdateShardCount may be out of calls while splits are not. */
static bool may_split_instead(const struct turn *turn, const struct operation *operation,
                              const struct error *err)
{
    return operation->kind == OPERATION_UPDATE && turn->config->resharding == RESHARDING_AUTO &&
           err->kind == ERROR_QUOTA;
}

/* Refused because the shards are no longer those that were planned for: somebody else has resharded since. */
static bool is_outdated(struct turn *turn, const struct operation *operation, enum error_kind refusal)
{
    struct error ignored = {0};

    if (operation->kind == OPERATION_UPDATE || (refusal != ERROR_REFUSED && refusal != ERROR_NOT_FOUND))
        return false;
    shard_map_clear(&turn->shards);
    if (look_shards(turn, &ignored) < 0)
        return false;
    return shard_map_find(&turn->shards, operation->shard) == NULL ||
           (operation->kind == OPERATION_MERGE && shard_map_find(&turn->shards, operation->adjacent) == NULL);
}

/* The intent is stored; now the call.  -1: nobody knows whether AWS heard it; the next turn looks. */
static int call_and_judge(struct turn *turn, const struct operation *operation, struct observation *ret_seen,
                          struct error *err)
{
    LOG(LOG_INFO, "step-asked", {"stream", turn->config->name}, {"action", .number = turn->action.id},
        {"operation", operation_kind_name(operation->kind)}, {"shard", operation->shard},
        {"target", .number = operation->target});
    if (call(turn, operation, err) == 0) {
        *ret_seen = event(EVENT_ACCEPTED);
        return 0;
    }
    if (error_is_retryable(err) || err->kind == ERROR_INPUT)
        return -1;
    LOG(LOG_WARN, "step-refused", {"stream", turn->config->name}, {"action", .number = turn->action.id},
        {"kind", error_kind_name(err->kind)}, {"error", err->message});
    *ret_seen = event(EVENT_REFUSED);
    ret_seen->outcome = STEP_REFUSED;
    if (err->kind == ERROR_CONFLICT || is_outdated(turn, operation, err->kind)) {
        ret_seen->event = EVENT_CONFLICT;
        ret_seen->outcome = STEP_UNHEARD;
    } else if (may_split_instead(turn, operation, err)) {
        ret_seen->event = EVENT_UPDATE_REFUSED;
    } else {
        fail_action(turn, err->message);
    }
    if (err->kind == ERROR_QUOTA)
        look_headroom_again(turn->engine);
    (void)text_copy(ret_seen->detail, sizeof(ret_seen->detail), err->message);
    return 0;
}

/*
 * A repair changes no load's place; a scale-down that an alarm ended shall not keep that alarm waiting; and an
 * alarm that asked for nothing yet is only kept from asking again at once.
 */
static int64_t cooldown_ms(const struct turn *turn)
{
    const struct action *action = &turn->action;
    int64_t whole_ms = turn->config->cooldown_ms;

    /* What it gives back waits by itself (give_back.c), and so does more: unless it had no figures, or AWS refused. */
    if (adapt_began(action))
        return action->kind == ACTION_SCALE_UP && (adapt_was_blind(action) || action->failure[0] != '\0')
                   ? whole_ms
                   : 0;
    if (action->kind == ACTION_REPAIR || (action->kind == ACTION_SCALE_DOWN && turn->notifications.count > 0))
        return 0;
    if (action->kind == ACTION_SCALE_UP && action->from_shards == action->to_shards &&
        action->failure[0] == '\0')
        return whole_ms < ENOUGH_COOLDOWN_MS ? whole_ms : ENOUGH_COOLDOWN_MS;
    return whole_ms;
}

static int finish(struct turn *turn, struct error *err)
{
    int64_t now_ms = clock_now_ms(turn->engine->clock);
    int64_t rest_ms = cooldown_ms(turn);
    int64_t cooldown_until_ms = rest_ms > 0 ? now_ms + rest_ms : 0;

    turn->action.ended_ms = now_ms;
    if (store_action_end(turn->store, &turn->action, turn->engine->owner, cooldown_until_ms, now_ms, err) < 0)
        return -1;
    turn->running = false;
    turn->locked = false; /* the end of the action freed it */
    LOG(turn->action.failure[0] != '\0' ? LOG_WARN : LOG_INFO, "action-ended", {"stream", turn->config->name},
        {"action", .number = turn->action.id}, {"kind", action_kind_name(turn->action.kind)},
        {"from", .number = turn->action.from_shards}, {"to", .number = turn->action.to_shards},
        {"failure", turn->action.failure});

    /* What came in meanwhile is looked at when the cooldown ends. */
    notification_list_clear(&turn->notifications);
    if (store_notifications_open(turn->store, turn->config->name, &turn->notifications, err) < 0)
        return -1;
    if (adapt_turned(&turn->action)) {
        turn->next_ms = now_ms;
        turn->next_reasons = DUE_ADAPT;
    }
    if (turn->notifications.count > 0) {
        turn->next_ms = cooldown_until_ms > now_ms ? cooldown_until_ms : now_ms;
        turn->next_reasons = DUE_NOTIFICATION;
    }
    return 0;
}

/* What was seen leads to the next state, which is stored. */
static int apply(struct turn *turn, struct observation *seen, struct error *err)
{
    const struct action_rule *rule = action_next(turn->action.state, seen->event);
    int64_t now_ms = clock_now_ms(turn->engine->clock);

    if (rule == NULL)
        return error_set(err, ERROR_BUG, "no rule for %s on %s", action_state_name(turn->action.state),
                         action_event_name(seen->event));
    if (rule->to != turn->action.state)
        turn->action.state_since_ms = now_ms;
    turn->action.state = rule->to;
    turn->action.rule = rule->id;
    LOG(LOG_DEBUG, "rule", {"stream", turn->config->name}, {"action", .number = turn->action.id},
        {"rule", .number = rule->id}, {"state", action_state_name(rule->to)}, {"why", rule->why});
    switch (rule->deed) {
    case DEED_INTEND_AND_CALL:
        if (keep_lock(turn, err) < 0 ||
            store_step_intend(turn->store, &turn->action, &seen->operation, now_ms, err) < 0 ||
            call_and_judge(turn, &seen->operation, seen, err) < 0)
            return -1;
        return apply(turn, seen, err);
    case DEED_STORE_OUTCOME:
        return store_step_close(turn->store, &turn->action, seen->outcome, seen->detail, now_ms, err);
    case DEED_STORE_ACTIVE:
        return store_step_active(turn->store, &turn->action, now_ms, err);
    case DEED_FINISH:
        return finish(turn, err);
    case DEED_NONE:
    case DEED_MOVE_THRESHOLDS: /* what the state itself does when it is observed */
    case DEED_RESET_ALARMS:
        break;
    }
    return store_action_save(turn->store, &turn->action, err);
}

static int run(struct turn *turn, struct error *err)
{
    for (;;) {
        struct observation seen;
        enum action_state before = turn->action.state;

        if (observe(turn, &seen, err) < 0)
            return -1;
        if (!seen.any)
            return 0;
        if (apply(turn, &seen, err) < 0)
            return -1;
        if (turn->action.state == ACTION_DONE)
            return 0;
        if (turn->action.state == ACTION_WAITING && before != ACTION_WAITING) {
            wait_for_active(turn, turn->now_ms);
            return 0;
        }
    }
}

int act_resume(struct turn *turn, struct error *err)
{
    (void)text_copy(turn->action.owner, sizeof(turn->action.owner), turn->engine->owner);
    if (turn->action.kind == ACTION_BY_HAND && by_hand_defer(turn, err) < 0)
        return -1;
    return run(turn, err);
}

int act_begin(struct turn *turn, enum action_kind kind, struct error *err)
{
    turn->action = (struct action){.kind = kind,
                                   .state = ACTION_PLANNING,
                                   .goal_basis = turn->goal_basis,
                                   .started_ms = turn->now_ms,
                                   .state_since_ms = turn->now_ms};
    (void)text_copy(turn->action.stream, sizeof(turn->action.stream), turn->config->name);
    (void)text_copy(turn->action.owner, sizeof(turn->action.owner), turn->engine->owner);
    if (look_summary(turn, err) < 0) {
        if (err->kind != ERROR_NOT_FOUND)
            return -1;
        record_decision(turn, "drop", err->message, NULL, NULL);
        return triage_drop(turn, err->message, err);
    }
    turn->action.from_shards = turn->action.to_shards = turn->summary.open_shards;
    if (store_action_begin(turn->store, &turn->action, err) < 0)
        return -1;
    turn->running = true;
    LOG(LOG_INFO, "action-begun", {"stream", turn->config->name}, {"action", .number = turn->action.id},
        {"kind", action_kind_name(kind)}, {"shards", .number = turn->action.from_shards});
    if (turn->by_hand != NULL && by_hand_keep_goal(turn, err) < 0)
        return -1;
    return run(turn, err);
}
