/*
 * adapt.c - the policy `adaptive`: the demand of every minute decides, straight to the shards it needs.
 *
 * DESIGN  A look costs one request: what the store knows of the shards is enough to see that nothing is to be done.  Only
 * who wants to act looks at the stream itself, and thinks again.  An action has its partition as a goal, in the store;
 * it is thought about again after every operation: a scale-up may get a larger goal, a scale-down ends when the load
 * rises.  Without goal rows the goal is reached by UpdateShardCount.
 */
#include "down.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/goal.h"
#include "scaling/steps.h"

#include <math.h>

/* goal_basis of an action by this policy; no value of enum up_basis or enum down_aim. */
enum { BASIS_ADAPTIVE = 100, BASIS_TURNED, BASIS_BLIND };

enum {
    MINUTE_MS = 60 * 1000,
    /* A minute's points are read 15 to 20 s after the next minute has ended, more seldom sooner (FACTS 2.4). */
    PHASE_MS = 20 * 1000,
    /* Streams are looked at one after the other, so that their looks do not come all at once. */
    SPREAD_MS = 30 * 1000,
    /* How long it is believed how the load lies over the keys: when nothing rests on it, and when something does. */
    SPREAD_OLD_MS = 15 * 60 * 1000,
    SPREAD_FRESH_MS = 90 * 1000,
    /* A burst of seconds, or a hot shard: an alarm so long after the last action is not a remnant of what led to it. */
    SETTLED_MS = 5 * 60 * 1000,
};

bool adapt_applies(const struct stream_config *config)
{
    return config->policy == POLICY_ADAPTIVE;
}

bool adapt_began(const struct action *action)
{
    return (action->kind == ACTION_SCALE_UP || action->kind == ACTION_SCALE_DOWN) &&
           action->goal_basis >= BASIS_ADAPTIVE;
}

bool adapt_turned(const struct action *action)
{
    return adapt_began(action) && action->goal_basis == BASIS_TURNED;
}

bool adapt_was_blind(const struct action *action)
{
    return adapt_began(action) && action->goal_basis == BASIS_BLIND;
}

/* ---- looking */

/* As they are seen now, else as they were last seen. */
static int64_t open_shards(const struct turn *turn)
{
    return turn->shards.count > 0 ? (int64_t)turn->shards.count : turn->state.open_shards;
}

/* An alarm, or an action under way, is not left alone because CloudWatch has no numbers: tried once more, then without. */
static int do_without(const struct turn *turn, const struct error *err)
{
    if (err->kind == ERROR_STORE || (error_is_retryable(err) && turn->state.failures == 0))
        return -1;
    LOG(LOG_WARN, "metrics-missing", {"stream", turn->config->name}, {"error", err->message});
    return 0;
}

static int look_minutes(struct turn *turn, struct error *err)
{
    return minutes_look(turn, err) < 0 ? do_without(turn, err) : 0;
}

/* Where alarms watch single shards, their metrics say what each carries, and how the load lies over the keys. */
static bool goes_by_load(const struct turn *turn)
{
    return turn->config->alarm_level == ALARM_LEVEL_SHARD;
}

static void tell_spread(const struct turn *turn, struct adaptive_facts *facts)
{
    facts->spread = &turn->spread;
    facts->spread_age_ms = turn->now_ms - turn->spread.measured_ms;
}

static int look_facts_of_policy(struct turn *turn, bool alarmed, struct adaptive_facts *facts,
                                struct error *err)
{
    *facts = (struct adaptive_facts){
        .config = turn->config, .alarmed = alarmed, .account_headroom = look_headroom(turn->engine)};
    if (goes_by_load(turn) && look_shards(turn, err) < 0)
        return -1;
    if (look_minutes(turn, err) < 0)
        return -1;
    facts->open_shards = open_shards(turn);
    if (habits_look(turn, facts, err) < 0 || (goes_by_load(turn) && spread_look(turn, err) < 0))
        return -1;
    facts->capacity = turn->state.effective_shards;
    if (turn->shards.count > 0) {
        facts->shards = &turn->shards;
        facts->capacity = shard_map_effective(&turn->shards);
    }
    /* What the store knows of the minutes is old when CloudWatch does not answer. */
    if (turn->minutes_known && turn->minutes.count > 0) {
        facts->minutes = turn->minutes.demand;
        facts->minute_count = turn->minutes.count;
        facts->newest_age_ms =
            turn->now_ms - (turn->minutes.start_ms + (int64_t)(turn->minutes.count - 1) * MINUTE_MS);
    }
    if (turn->running) {
        facts->goal_shards = turn->action.goal_shards;
        facts->rising = turn->action.kind == ACTION_SCALE_UP;
    }
    tell_spread(turn, facts);
    return 0;
}

/* Are the metrics of the shards worth asking for? */
static bool wants_spread(const struct turn *turn, const struct adaptive_plan *plan, bool alarmed)
{
    int64_t age_ms = turn->now_ms - turn->spread_read_ms;

    if (!goes_by_load(turn) || !turn->minutes_known || turn->shards.count == 0 || isnan(plan->demand))
        return false;
    if (age_ms < 0 || age_ms >= SPREAD_OLD_MS)
        return true;
    return age_ms >= SPREAD_FRESH_MS && (alarmed || plan->verdict != ADAPTIVE_STAY ||
                                         (plan->look_again_ms == ADAPTIVE_LOOK_SOON_MS &&
                                          spread_is_guessed(&turn->spread, &turn->shards)));
}

/* A hot key is shown while it is one. */
static int keep_hot_key(struct turn *turn, const struct adaptive_plan *plan, struct error *err)
{
    static const struct shard none = {0};
    const struct shard *hot = plan->hot == NULL ? &none : plan->hot;

    if (!turn->locked || !plan->by_load || (plan->hot == NULL && turn->state.hot_shard[0] == '\0'))
        return 0;
    return store_stream_hot_key(turn->store, turn->config->name, hot->id, hot->start, hot->end, turn->now_ms,
                                err);
}

static int think(struct turn *turn, bool alarmed, struct adaptive_plan *ret_plan, struct error *err)
{
    struct adaptive_facts facts;

    if (look_facts_of_policy(turn, alarmed, &facts, err) < 0)
        return -1;
    adaptive_think(&facts, ret_plan);
    if (wants_spread(turn, ret_plan, alarmed)) {
        adaptive_plan_clear(ret_plan);
        if (spread_read(turn, err) < 0 && do_without(turn, err) < 0)
            return -1;
        tell_spread(turn, &facts);
        adaptive_think(&facts, ret_plan);
    }
    return keep_hot_key(turn, ret_plan, err);
}

/* ---- ticks */

/* The same stream has always the same place among `count` of them. */
static int64_t place_of(const char *stream, size_t count)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    int64_t spread_ms = (int64_t)count * 100 < SPREAD_MS ? (int64_t)count * 100 : SPREAD_MS;

    for (const char *at = stream; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return count <= 1 ? 0 : (int64_t)(hash % (uint32_t)spread_ms);
}

static int64_t tick_after(const struct turn *turn, int64_t wait_ms)
{
    int64_t phase_ms = PHASE_MS + place_of(turn->config->name, turn->whole->stream_count);
    int64_t at_ms = (turn->now_ms + wait_ms) / MINUTE_MS * MINUTE_MS + phase_ms;

    /* Not half a minute after the last look, and not later than any turn may be. */
    while (at_ms - turn->now_ms < MINUTE_MS / 2)
        at_ms += MINUTE_MS;
    while (at_ms - turn->now_ms > DUE_LATEST_MS)
        at_ms -= MINUTE_MS;
    return at_ms;
}

int64_t adapt_next_ms(const struct turn *turn)
{
    return turn->adapt_ms > 0 ? turn->adapt_ms : tick_after(turn, MINUTE_MS);
}

/* ---- how a goal is reached */

static int look_updates(struct turn *turn, int *ret_left, double *ret_seconds_per_shard, struct error *err)
{
    int64_t oldest_ms;
    int used;

    if (store_updates_since(turn->store, turn->config->name, turn->now_ms - DAY_MS, &used, &oldest_ms, err) <
            0 ||
        store_update_seconds(turn->store, turn->config->name, ret_seconds_per_shard, err) < 0)
        return -1;
    *ret_left = used < UPDATES_PER_DAY ? UPDATES_PER_DAY - used : 0;
    return 0;
}

/* An UpdateShardCount of this action was refused: its calls are used up, whatever our own count says. */
static int was_refused(struct turn *turn, bool *ret_refused, struct error *err)
{
    SCOPED(step_list_stored_clear) struct step_list_stored steps = {0};

    *ret_refused = false;
    if (!turn->running)
        return 0;
    if (store_steps(turn->store, turn->action.id, &steps, err) < 0)
        return -1;
    for (size_t i = 0; i < steps.count; i++) {
        if (steps.items[i].operation.kind == OPERATION_UPDATE && steps.items[i].outcome == STEP_REFUSED)
            *ret_refused = true;
    }
    return 0;
}

/* `auto`: UpdateShardCount where the stream has shown that it is faster, one call is enough, and calls are left. */
static int by_update(struct turn *turn, int64_t shards, size_t operations, bool *ret_update,
                     struct error *err)
{
    int64_t open = (int64_t)turn->shards.count;
    int kept = turn->action.kind == ACTION_SCALE_DOWN ? UPDATES_KEPT_FOR_EMERGENCY : 0;
    double seconds, own = (double)operations * SPLIT_SECONDS;
    bool refused;
    int left;

    *ret_update = turn->config->resharding == RESHARDING_UPDATE;
    if (turn->config->resharding != RESHARDING_AUTO)
        return 0;
    if (look_updates(turn, &left, &seconds, err) < 0 || was_refused(turn, &refused, err) < 0)
        return -1;
    *ret_update = !refused && left > kept && seconds > 0 && seconds * (double)shards < own &&
                  shards <= 2 * open && shards >= (open + 1) / 2;
    return 0;
}

int adapt_goal(struct turn *turn, int64_t shards, const hashkey *starts, hashkey **ret_starts,
               size_t *ret_count, struct error *err)
{
    SCOPED(step_list_clear) struct step_list steps = {0};
    bool update = false;

    *ret_count = (size_t)shards;
    *ret_starts = must_calloc((size_t)shards, sizeof(**ret_starts));
    if (starts != NULL) {
        memcpy(*ret_starts, starts, (size_t)shards * sizeof(*starts));
        return 0;
    }
    if (steps_to_even(&turn->shards, shards, &steps, err) < 0 ||
        by_update(turn, shards, steps.count, &update, err) < 0) {
        free(*ret_starts);
        return -1;
    }
    for (size_t i = 0; i < steps.after.count; i++)
        (*ret_starts)[i] = steps.after.items[i].start;
    if (update)
        *ret_count = 0;
    return 0;
}

/* `starts` NULL: even shards. */
static int set_goal(struct turn *turn, int64_t shards, const hashkey *starts, struct error *err)
{
    hashkey *goal;
    size_t count;
    int result;

    if (adapt_goal(turn, shards, starts, &goal, &count, err) < 0)
        return -1;
    result = store_goal_set(turn->store, turn->action.id, goal, count, err);
    free(goal);
    if (result == 0)
        turn->action.goal_shards = shards;
    return result;
}

/* AWS goes to twice or half in one call. */
static bool next_update(const struct turn *turn, struct operation *ret_operation)
{
    int64_t open = (int64_t)turn->shards.count, half = (open + 1) / 2;
    int64_t goal = turn->action.goal_shards;

    if (open == goal && shard_map_is_even(&turn->shards))
        return false;
    goal = goal > 2 * open ? 2 * open : goal < half ? half : goal;
    *ret_operation = (struct operation){.kind = OPERATION_UPDATE, .target = goal};
    return true;
}

/*
 * Growing, splits come first and relieve as soon as they can; when that would open more than is allowed, or when
 * giving back, one sweep keeps no shard open that is not needed.
 */
static bool next_step(struct turn *turn, const hashkey *starts, size_t count, struct operation *ret_operation)
{
    int64_t open = (int64_t)turn->shards.count, headroom = look_headroom(turn->engine);
    int64_t from = turn->action.from_shards, larger = from > (int64_t)count ? from : (int64_t)count;
    int64_t peak = open + (int64_t)goal_splits(&turn->shards, starts, count);
    int64_t most = turn->config->max_shards;

    if (headroom >= 0 && open + headroom < most)
        most = open + headroom;
    if (turn->action.kind == ACTION_SCALE_UP && peak <= most)
        return goal_next(&turn->shards, starts, count, peak, GOAL_RELIEF, &turn->spread, ret_operation);
    if (larger < most)
        larger++;
    /* It may have begun above max_shards, which somebody else did: what it opens itself stays below. */
    if (larger > turn->config->max_shards)
        larger = turn->config->max_shards;
    return goal_next(&turn->shards, starts, count, larger, GOAL_SWEEP, NULL, ret_operation);
}

bool adapt_next_step(struct turn *turn, const hashkey *starts, size_t count, struct operation *ret_operation)
{
    return count > 0 ? next_step(turn, starts, count, ret_operation) : next_update(turn, ret_operation);
}

static int next_operation(struct turn *turn, enum action_event *ret_event, struct operation *ret_operation,
                          struct error *err)
{
    hashkey *starts = NULL;
    size_t count = 0;
    bool refused = false, any;

    if (store_goal_load(turn->store, turn->action.id, &starts, &count, err) < 0)
        return -1;
    if (count == 0 && turn->config->resharding == RESHARDING_AUTO) {
        if (was_refused(turn, &refused, err) < 0 ||
            (refused && (set_goal(turn, turn->action.goal_shards, NULL, err) < 0 ||
                         store_goal_load(turn->store, turn->action.id, &starts, &count, err) < 0)))
            return -1;
    }
    any = adapt_next_step(turn, starts, count, ret_operation);
    *ret_event = any ? EVENT_NEEDS_STEP : EVENT_NEEDS_NOTHING;
    free(starts);
    return 0;
}

/* ---- an action */

/* The goal of a new action; left at 0 when the shards, seen at last, need no action. */
static int first_goal(struct turn *turn, const struct adaptive_plan *plan, struct error *err)
{
    bool rising = turn->action.kind == ACTION_SCALE_UP;

    (void)text_copy(turn->action.reason, sizeof(turn->action.reason), plan->reason);
    if (plan->verdict != ADAPTIVE_GO || plan->rises != rising) {
        record_decision(turn, "enough", plan->reason, NULL, NULL);
        return 0;
    }
    if (plan->blind)
        turn->action.goal_basis = BASIS_BLIND;
    record_decision(turn, "reshard", plan->reason, NULL, NULL);
    return set_goal(turn, plan->shards, plan->starts, err);
}

static int is_there(struct turn *turn, bool *ret_there, struct error *err)
{
    struct operation ignored;
    enum action_event event;

    if (next_operation(turn, &event, &ignored, err) < 0)
        return -1;
    *ret_there = event == EVENT_NEEDS_NOTHING;
    return 0;
}

/* The load of now may ask for more than the load of then, or for no more. */
static int think_again(struct turn *turn, const struct adaptive_plan *plan, bool *ret_ends, struct error *err)
{
    bool rising = turn->action.kind == ACTION_SCALE_UP, there = false;

    *ret_ends = rising ? plan->verdict == ADAPTIVE_STOP : plan->verdict == ADAPTIVE_GO && plan->rises;
    if (*ret_ends && rising && is_there(turn, &there, err) < 0)
        return -1;
    if (*ret_ends)
        record_decision(turn, rising ? "enough" : "hold", plan->reason, NULL, NULL);
    if (*ret_ends && rising && !there)
        record_later(turn, plan->reason);
    if (*ret_ends && !rising) {
        turn->action.goal_basis = BASIS_TURNED;
        snprintf(turn->action.failure, sizeof(turn->action.failure), "ended early: %s", plan->reason);
    }
    if (rising && plan->verdict == ADAPTIVE_GO && plan->rises && plan->shards > turn->action.goal_shards) {
        record_decision(turn, "reshard", plan->reason, NULL, NULL);
        record_later(turn, plan->reason);
        return set_goal(turn, plan->shards, plan->starts, err);
    }
    return 0;
}

int adapt_observe(struct turn *turn, enum action_event *ret_event, struct operation *ret_operation,
                  struct error *err)
{
    SCOPED(adaptive_plan_clear) struct adaptive_plan plan = {0};
    bool ends = false;

    *ret_event = EVENT_NEEDS_NOTHING;
    if (look_shards(turn, err) < 0)
        return -1;
    turn->action.to_shards = (int64_t)turn->shards.count;
    if (think(turn, turn->notifications.count > 0, &plan, err) < 0)
        return -1;
    if (turn->action.goal_shards == 0) {
        if (first_goal(turn, &plan, err) < 0)
            return -1;
    } else if (think_again(turn, &plan, &ends, err) < 0) {
        return -1;
    }
    return turn->action.goal_shards == 0 || ends ? 0 : next_operation(turn, ret_event, ret_operation, err);
}

/* ---- to begin one */

/* What forbids to act on what was thought; the reason is written, and the verdict becomes STAY. */
static void stay(struct adaptive_plan *plan, const char *reason)
{
    plan->verdict = ADAPTIVE_STAY;
    plan->limited = false;
    (void)text_copy(plan->reason, sizeof(plan->reason), reason);
}

/* UpdateShardCount alone may be allowed, and its calls used up. */
static int look_for_calls(struct turn *turn, struct adaptive_plan *plan, struct error *err)
{
    int kept = plan->rises ? 0 : UPDATES_KEPT_FOR_EMERGENCY;
    double seconds;
    int left;

    if (turn->config->resharding != RESHARDING_UPDATE)
        return 0;
    if (look_updates(turn, &left, &seconds, err) < 0)
        return -1;
    if (left <= kept)
        stay(plan, "the UpdateShardCount calls of the last 24 hours are used up");
    return 0;
}

/* What is said is also the answer to an alarm: that the shards suffice comes first. */
static int look_at_rest(struct turn *turn, struct adaptive_plan *plan, struct error *err)
{
    char why[sizeof(plan->reason) - 64], reason[sizeof(plan->reason)];
    bool waits;

    if (give_back_look(turn, &waits, why, sizeof(why), err) < 0)
        return -1;
    if (waits) {
        snprintf(reason, sizeof(reason), "%lld of %lld shards would be enough; %s", (long long)plan->shards,
                 (long long)open_shards(turn), why);
        stay(plan, reason);
    }
    return 0;
}

/* The stream itself is looked at, and the thought made again; it may not be as the store remembers it. */
static int look_closer(struct turn *turn, bool asked, struct adaptive_plan *plan, struct error *err)
{
    char reason[256];

    if (look_summary(turn, err) < 0)
        return -1;
    if (!down_stream_fits(&turn->summary, reason, sizeof(reason))) {
        stay(plan, reason);
        return 0;
    }
    adaptive_plan_clear(plan);
    if (look_shards(turn, err) < 0 || think(turn, asked, plan, err) < 0)
        return -1;
    if (plan->verdict == ADAPTIVE_GO && !plan->rises && look_at_rest(turn, plan, err) < 0)
        return -1;
    return plan->verdict == ADAPTIVE_GO ? look_for_calls(turn, plan, err) : 0;
}

/* Throttled though the minute is not full, and not for what was done about just now: a shard is hot, or a second is, and
 * what is known of the shards is too old to tell.  plan_up() knows what to try.  Of a whole stream, skew.h is learned. */
static bool looks_skewed(const struct turn *turn, const struct adaptive_plan *plan)
{
    if (!goes_by_load(turn) || (plan->by_load && !plan->stale) ||
        turn->now_ms - stream_last_reshard_ms(&turn->state) < SETTLED_MS ||
        !(plan->demand < SKEW_BELOW * turn->state.effective_shards))
        return false;
    for (size_t i = 0; i < turn->notifications.count; i++) {
        if (strcmp(turn->notifications.items[i].metric, alarm_metric_name(METRIC_THROTTLED)) == 0)
            return true;
    }
    return false;
}

int adapt_look(struct turn *turn, bool asked, struct adaptive_plan *ret_plan, struct error *err)
{
    *ret_plan = (struct adaptive_plan){.demand = NAN, .look_again_ms = ADAPTIVE_LOOK_SOON_MS};
    if (open_shards(turn) == 0) /* never seen: it may not be there yet */
        return look_closer(turn, asked, ret_plan, err);
    if (think(turn, asked, ret_plan, err) < 0)
        return -1;
    return ret_plan->verdict == ADAPTIVE_GO ? look_closer(turn, asked, ret_plan, err) : 0;
}

/* The numbers are others at every look: once for each sentence is enough, unless an alarm asks. */
static void note_stay(struct turn *turn, const struct adaptive_plan *plan, bool asked)
{
    const char *verdict = plan->limited ? "limited" : "hold";

    if (asked)
        record_decision(turn, verdict, plan->reason, NULL, NULL);
    else
        record_sentence(turn, verdict, plan->reason);
}

int adapt_begin(struct turn *turn, bool asked, struct error *err)
{
    SCOPED(adaptive_plan_clear) struct adaptive_plan plan = {0};

    if (adapt_look(turn, asked, &plan, err) < 0)
        return -1;
    turn->adapt_ms = tick_after(turn, plan.look_again_ms);
    if (plan.verdict == ADAPTIVE_GO) {
        /* A give-back is no answer to an alarm, and would find it open at its end. */
        if (!plan.rises && triage_drop(turn, plan.reason, err) < 0)
            return -1;
        turn->goal_basis = BASIS_ADAPTIVE;
        return act_begin(turn, plan.rises ? ACTION_SCALE_UP : ACTION_SCALE_DOWN, err);
    }
    if (asked && looks_skewed(turn, &plan))
        return act_begin(turn, ACTION_SCALE_UP, err);
    note_stay(turn, &plan, asked);
    return asked ? triage_drop(turn, plan.reason, err) : 0;
}
