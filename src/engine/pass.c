/*
 * pass.c - the scale-down pass: all streams are looked at together, so that CloudWatch is asked in full batches.
 *
 * The pass only finds out which streams have something to give back and makes those due; the action itself is
 * taken in turns like any other, by whichever process gets there first.
 */
#include "down.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/*
 * Streams are asked about in groups of about so many series: 40 full calls, and some 80 MiB of points with shard-level
 * metrics.  A stream that has more by itself is a group.
 */
enum { GROUP_SERIES = 20000 };

/* One stream of the pass. */
struct candidate {
    struct turn turn; /* for what looks and records; takes no lock */
    struct pass_row *row;
    bool open; /* nothing has ruled it out yet */
    /* As the policy `adaptive` saw them; 0: it went by what the store remembers. */
    int64_t seen_shards;
    double seen_effective;
};

static void rule_out(struct candidate *candidate, enum pass_result result, const char *reason)
{
    candidate->open = false;
    candidate->row->result = result;
    (void)text_copy(candidate->row->reason, sizeof(candidate->row->reason), reason);
}

/* What lets nobody act on the stream now, or NULL. */
static const char *forbidden(const struct turn *turn)
{
    const struct stream_state *state = &turn->state;

    if (turn->running)
        return "an action is under way";
    if (state->lock_owner[0] != '\0' && state->lock_until_ms > turn->now_ms)
        return "another process works on the stream";
    if (turn->now_ms < state->cooldown_until_ms)
        return "the cooldown of the last action is not over";
    return NULL;
}

static bool alarm_waits(const struct turn *turn, char *ret_reason, size_t size)
{
    if (turn->notifications.count == 0)
        return false;
    snprintf(ret_reason, size, "an alarm waits to be looked at");
    return true;
}

/* What the store knows: is somebody at it, must it rest, is it too soon? */
static void ask_store(struct candidate *candidate, bool forced)
{
    struct turn *turn = &candidate->turn;
    struct stream_state *state = &turn->state;
    char reason[256];
    struct error err = {0};

    if (store_stream_load(turn->store, turn->config->name, state, &err) < 0 ||
        store_action_current(turn->store, turn->config->name, &turn->action, &turn->running, &err) < 0 ||
        store_notifications_open(turn->store, turn->config->name, &turn->notifications, &err) < 0 ||
        turn_settle(turn, &err) < 0) {
        rule_out(candidate, PASS_FAILED, err.message);
        return;
    }
    candidate->row->from_shards = candidate->row->to_shards = state->open_shards;
    if (forbidden(turn) != NULL)
        rule_out(candidate, PASS_FORBIDDEN, forbidden(turn));
    else if (pause_holds(state, turn->now_ms, reason, sizeof(reason)) ||
             alarm_waits(turn, reason, sizeof(reason)) ||
             !down_gate(state, turn->config, forced, turn->now_ms, reason, sizeof(reason)))
        rule_out(candidate, PASS_HOLD, reason);
}

/* A hold that stands whatever CloudWatch says, which bills for every series. */
static bool holds_anyway(const struct turn *turn, struct down_plan *ret_plan)
{
    struct down_subject nothing = {.config = turn->config, .shards = &turn->shards};
    struct down_plan plan;

    down_think(&nothing, &turn->summary, DOWN_BY_LOAD, turn->now_ms, 0, 0, &plan);
    if (plan.hold == HOLD_MINIMUM || plan.hold == HOLD_YOUNG) {
        *ret_plan = plan;
        return true;
    }
    down_plan_clear(&plan);
    return busy_recall(&turn->engine->busy, turn->config, &turn->shards, turn->now_ms, ret_plan);
}

/* What Kinesis knows. */
static void ask_kinesis(struct candidate *candidate)
{
    struct turn *turn = &candidate->turn;
    struct error err = {0};
    char reason[256];
    bool fits = false;
    int rc = look_summary(turn, &err);

    if (rc == 0) {
        fits = down_stream_fits(&turn->summary, reason, sizeof(reason));
        rc = fits ? look_shards(turn, &err) : 0;
    }
    if (rc < 0)
        rule_out(candidate, PASS_FAILED, err.message);
    else if (!fits)
        rule_out(candidate, PASS_HOLD, reason);
    else if (holds_anyway(turn, &candidate->row->plan))
        rule_out(candidate, PASS_HOLD, candidate->row->plan.reason);
    candidate->row->from_shards = candidate->row->to_shards = (int64_t)turn->shards.count;
}

/* The policy `adaptive` waits for no pass; where no daemon runs, it looks when a pass does. */
static void ask_policy(struct candidate *candidate)
{
    struct turn *turn = &candidate->turn;
    SCOPED(adaptive_plan_clear) struct adaptive_plan plan = {0};
    struct error err = {0};
    int64_t peak;

    if (look_summary(turn, &err) < 0) {
        rule_out(candidate, PASS_FAILED, err.message);
        return;
    }
    /* Where no daemon looks at everything, the store may remember other shards than there are: look at them. */
    if (turn->summary.open_shards != turn->state.open_shards)
        turn->state.open_shards = 0;
    if (adapt_look(turn, false, &plan, &err) < 0) {
        rule_out(candidate, PASS_FAILED, err.message);
        return;
    }
    candidate->seen_shards = (int64_t)turn->shards.count;
    candidate->seen_effective = turn->shards.count > 0 ? shard_map_effective(&turn->shards) : 0;
    candidate->row->from_shards = candidate->row->to_shards = turn->summary.open_shards;
    rule_out(candidate, plan.verdict == ADAPTIVE_GO ? PASS_RESHARD : PASS_HOLD, plan.reason);
    if (plan.verdict != ADAPTIVE_GO)
        return;
    candidate->row->to_shards = plan.shards;
    if (adapt_steps(turn, &plan, &candidate->row->plan.operations, &candidate->row->plan.operation_count,
                    &peak, &err) < 0)
        rule_out(candidate, PASS_FAILED, err.message);
}

static int think(struct candidate *candidate, const struct down_subject *subject, struct error *err)
{
    struct turn *turn = &candidate->turn;
    struct pass_row *row = candidate->row;
    double update_seconds;
    int64_t oldest_ms;
    char reason[256];
    int updates;

    if (!down_is_drained(subject, &turn->state, turn->now_ms, reason, sizeof(reason))) {
        rule_out(candidate, PASS_HOLD, reason);
        return 0;
    }
    if (store_updates_since(turn->store, turn->config->name, turn->now_ms - DAY_MS, &updates, &oldest_ms,
                            err) < 0 ||
        store_update_seconds(turn->store, turn->config->name, &update_seconds, err) < 0)
        return -1;
    down_think(subject, &turn->summary, DOWN_BY_LOAD, turn->now_ms, updates, update_seconds, &row->plan);
    busy_remember(&turn->engine->busy, turn->config, &turn->shards, &row->plan);
    rule_out(candidate, row->plan.verdict == DOWN_RESHARD ? PASS_RESHARD : PASS_HOLD, row->plan.reason);
    row->to_shards = row->plan.to_shards;
    return 0;
}

static void ask_about_group(struct engine *engine, struct candidate *const *group,
                            struct down_subject *subjects, size_t count, int64_t now_ms)
{
    struct error err = {0};
    int result = down_look(engine, subjects, count, now_ms, &err);

    for (size_t i = 0; i < count; i++) {
        if (result < 0 || think(group[i], &subjects[i], &err) < 0)
            rule_out(group[i], PASS_FAILED, err.message);
        down_subject_clear(&subjects[i]);
    }
}

/* All that are left, in as few calls as AWS allows. */
static void ask_cloudwatch(struct engine *engine, struct candidate *candidates, size_t count, int64_t now_ms)
{
    struct candidate **group = must_calloc(count, sizeof(*group));
    struct down_subject *subjects = must_calloc(count, sizeof(*subjects));
    size_t grouped = 0, series = 0;

    for (size_t i = 0; i < count; i++) {
        struct turn *turn = &candidates[i].turn;

        if (!candidates[i].open)
            continue;
        group[grouped] = &candidates[i];
        subjects[grouped] = (struct down_subject){.config = turn->config,
                                                  .shards = &turn->shards,
                                                  .by_shard = look_has_shard_metrics(&turn->summary)};
        series += down_query_count(&subjects[grouped++]);
        if (series < GROUP_SERIES)
            continue;
        ask_about_group(engine, group, subjects, grouped, now_ms);
        grouped = series = 0;
    }
    ask_about_group(engine, group, subjects, grouped, now_ms);
    free(subjects);
    free(group);
}

/* What was found is stored; a stream that has something to give back is due at once. */
static void conclude(struct candidate *candidate, bool forced)
{
    struct turn *turn = &candidate->turn;
    struct pass_row *row = candidate->row;
    bool adaptive = adapt_applies(turn->config);
    unsigned reasons =
        adaptive ? (unsigned)DUE_ADAPT : DUE_SCALE_DOWN | (forced ? (unsigned)DUE_SCALE_DOWN_FORCED : 0);
    struct error err = {0};

    if (row->result == PASS_HOLD && !adaptive)
        record_once(turn, "hold", row->reason, sizeof(row->reason));
    if (candidate->seen_shards > 0 &&
        store_stream_seen(turn->store, turn->config->name, candidate->seen_shards, candidate->seen_effective,
                          turn->now_ms, &err) < 0)
        rule_out(candidate, PASS_FAILED, err.message);
    if (row->result == PASS_RESHARD &&
        store_stream_make_due(turn->store, turn->config->name, turn->now_ms, reasons, &err) < 0)
        rule_out(candidate, PASS_FAILED, err.message);
}

int engine_scale_down(struct engine *engine, struct store *store, const struct pass_options *options,
                      struct pass_row *rows, size_t count, struct error *err)
{
    struct candidate *candidates = must_calloc(count, sizeof(*candidates));
    int64_t now_ms = clock_now_ms(engine->clock);
    size_t failed = 0;

    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &candidates[i];

        candidate->row = &rows[i];
        candidate->open = true;
        candidate->turn = (struct turn){.engine = engine, .store = store, .now_ms = now_ms};
        if (!turn_configure(&candidate->turn, rows[i].stream)) {
            rule_out(candidate, PASS_FAILED, "the stream is not configured");
            continue;
        }
        ask_store(candidate, options->forced || adapt_applies(candidate->turn.config));
        if (candidate->open && adapt_applies(candidate->turn.config))
            ask_policy(candidate);
        if (candidate->open)
            ask_kinesis(candidate);
    }
    ask_cloudwatch(engine, candidates, count, now_ms);
    for (size_t i = 0; i < count; i++) {
        if (!options->dry_run && candidates[i].turn.config != NULL)
            conclude(&candidates[i], options->forced);
        failed += rows[i].result == PASS_FAILED;
        turn_clear(&candidates[i].turn);
    }
    free(candidates);
    return failed == 0
               ? 0
               : error_set(err, ERROR_TRANSIENT, "%zu of %zu streams could not be looked at", failed, count);
}
