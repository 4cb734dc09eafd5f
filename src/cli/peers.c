/*
 * peers.c - the policies of other autoscalers.
 */
#include "peers.h"

#include "base/memory.h"

#include <math.h>

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MINUTES = 1440 };

static const struct peer_wish nothing = {PEER_NOTHING, 0};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- two alarms and a function that they call */

struct alarm_policy {
    struct peer_alarm up, down;
    int64_t (*target)(const struct peer_view *view, bool up);
    /* With so few shards the alarm for the way down is turned off. */
    int64_t (*floor)(const struct peer_view *view);
    int64_t rest_up_ms, rest_down_ms; /* since it last scaled; an alarm that comes too early is reset */
    bool waits;                       /* the alarms are moved when the stream rests again, else at once */
    bool resets_refused; /* the alarm of a call that AWS refused fires again; else Lambda tries twice more */
    bool resyncs;        /* an alarm that divides by another count than there is, is put right and no more */
    bool spares_same;    /* no call to the count there is, and no reset of the alarm either */
};

static void move_alarms(struct peer_state *state, int64_t shards)
{
    state->alarm_shards = shards;
    state->up.state = state->down.state = PEER_INSUFFICIENT_DATA;
    state->retry_ms = INT64_MAX;
}

static void has_scaled(const struct alarm_policy *policy, struct peer_state *state,
                       const struct peer_view *view)
{
    state->waiting = false;
    state->scaled_ms = view->now_ms;
    move_alarms(state, state->last.target);
    state->down_is_off =
        !state->last_up && policy->floor != NULL && state->last.target <= policy->floor(view);
}

/* Lambda's retries of an event: after one minute, then after two more. */
static void try_later(struct peer_state *state, const struct peer_view *view)
{
    state->retry_ms = state->retries > 0 ? view->now_ms + (3 - state->retries) * MINUTE_MS : INT64_MAX;
    state->retries--;
}

static void take_outcome(const struct alarm_policy *policy, struct peer_state *state,
                         const struct peer_view *view)
{
    struct peer_alarm *alarm = state->last_up ? &state->up : &state->down;

    if (view->outcome == PEER_ACCEPTED && policy->waits)
        state->waiting = true;
    else if (view->outcome == PEER_ACCEPTED)
        has_scaled(policy, state, view);
    else if (view->outcome != PEER_NONE && policy->resets_refused)
        alarm->state = PEER_OK;
    else if (view->outcome != PEER_NONE)
        try_later(state, view);
}

static struct peer_wish handle(const struct alarm_policy *policy, struct peer_state *state,
                               const struct peer_view *view, bool up)
{
    int64_t rest_ms = up ? policy->rest_up_ms : policy->rest_down_ms;
    int64_t target;

    if (policy->resyncs && state->alarm_shards != view->open) {
        move_alarms(state, view->open);
        return nothing;
    }
    target = policy->target(view, up);
    if (view->now_ms - state->scaled_ms < rest_ms) {
        (up ? &state->up : &state->down)->state = PEER_INSUFFICIENT_DATA;
        return nothing;
    }
    if (policy->spares_same && target == view->open)
        return nothing;
    state->last_up = up;
    state->last = (struct peer_wish){PEER_UPDATE, target};
    return state->last;
}

static struct peer_wish decide_by_alarms(const struct peer *peer, struct peer_state *state,
                                         const struct peer_view *view)
{
    const struct alarm_policy *policy = peer->settings;
    bool up, down, again;

    if (!state->begun) {
        *state = (struct peer_state){.begun = true,
                                     .up = policy->up,
                                     .down = policy->down,
                                     .alarm_shards = view->open,
                                     .retry_ms = INT64_MAX,
                                     .scaled_ms = view->start_ms - HOUR_MS};
    }
    take_outcome(policy, state, view);
    if (state->waiting && view->active)
        has_scaled(policy, state, view);
    if (!view->new_minute)
        return nothing;
    up = peer_alarm_fires(&state->up, view->history, state->alarm_shards);
    down = !state->down_is_off && peer_alarm_fires(&state->down, view->history, state->alarm_shards);
    again = !up && !down && view->now_ms >= state->retry_ms;
    if (state->waiting || (!up && !down && !again))
        return nothing;
    if (!again)
        state->retries = 2;
    state->retry_ms = INT64_MAX;
    return handle(policy, state, view, again ? state->last_up : up);
}

static int64_t one(const struct peer_view *view)
{
    (void)view;
    return 1;
}

/* Doubles and halves. */
static int64_t kas_target(const struct peer_view *view, bool up)
{
    return up ? 2 * view->open : larger(1, view->open / 2);
}

static const struct alarm_policy kas = {.up = {.period = 5, .needed = 5, .periods = 5, .threshold = 0.75},
                                        .down = {5, 57, 60, .low = true, .threshold = 0.25},
                                        .target = kas_target,
                                        .floor = one,
                                        .resets_refused = true};

/* Its maximum is five times its minimum; so the minimum is what makes the maximum the shards at the start. */
enum { ADA_FACTOR = 5 };

static int64_t ada_minimum(const struct peer_view *view)
{
    return larger(view->min_shards, (view->initial_shards + ADA_FACTOR - 1) / ADA_FACTOR);
}

static int64_t ada_target(const struct peer_view *view, bool up)
{
    int64_t least = ada_minimum(view), most = ADA_FACTOR * least;

    if (!up)
        return larger(least, (view->open + 1) / 2);
    return 2 * view->open > most ? most : 2 * view->open;
}

static const struct alarm_policy ada = {.up = {.period = 5, .needed = 5, .periods = 5, .threshold = 0.75},
                                        .down = {5, 57, 60, .low = true, .threshold = 0.25},
                                        .target = ada_target,
                                        .floor = ada_minimum,
                                        .rest_up_ms = 10 * MINUTE_MS,
                                        .rest_down_ms = 10 * MINUTE_MS,
                                        .resets_refused = true};

/* Down to twice what the fullest five minutes of a day took. */
static int64_t eps_target(const struct peer_view *view, bool up)
{
    double open = (double)view->open, fullest = 0;

    if (up)
        return (int64_t)ceil(open * (view->open <= 3 ? 2 : view->open <= 50 ? 1.5 : 1.25));
    for (int64_t ago = 0; ago < DAY_MINUTES && ago + 5 <= view->history->count; ago += 5)
        fullest = fmax(fullest, peer_utilization(view->history, ago, 5, view->open));
    return larger((int64_t)ceil(open / 2), (int64_t)ceil(2 * open * fullest));
}

static const struct alarm_policy eps = {
    .up = {.period = 5, .needed = 1, .periods = 1, .threshold = 0.75},
    .down = {5, DAY_MINUTES / 5, DAY_MINUTES / 5, .low = true, .or_equal = true, .threshold = 0.25},
    .target = eps_target,
    .floor = one,
    .resyncs = true,
    .spares_same = true};

static int64_t sub_target(const struct peer_view *view, bool up)
{
    double factor = view->open < 5 ? 2 : view->open < 13 ? 1.75 : view->open < 33 ? 1.5 : 1.25;

    return (int64_t)(up ? floor((double)view->open * factor) : ceil((double)view->open / factor));
}

static const struct alarm_policy sub = {.up = {.period = 1, .needed = 5, .periods = 5, .threshold = 0.70},
                                        .down = {1, 60, 60, .low = true, .or_equal = true, .threshold = 0.35},
                                        .target = sub_target,
                                        .rest_up_ms = 3 * MINUTE_MS,
                                        .rest_down_ms = 30 * MINUTE_MS,
                                        .waits = true,
                                        .spares_same = true};

/* ---- KSU: a loop that votes */

enum {
    KSU_CHECK_MS = 5 * MINUTE_MS,
    KSU_REFRESH_MS = 10 * MINUTE_MS,
    KSU_UP_MINUTES = 5,
    KSU_DOWN_MINUTES = 15, /* also the window, as the longer of the two */
    KSU_UP_REST_MS = 15 * MINUTE_MS,
    KSU_DOWN_REST_MS = 60 * MINUTE_MS,
};

/* +1: more, -1: fewer.  Minutes that CloudWatch does not have yet count as low. */
static int ksu_vote(const struct peer_state *state, const struct peer_view *view)
{
    const struct peer_history *history = view->history;
    int64_t known_until_ms = view->start_ms + history->count * MINUTE_MS;
    int64_t late = (view->now_ms - known_until_ms) / MINUTE_MS;
    int64_t points = smaller(history->count, larger(0, KSU_DOWN_MINUTES - late));
    int64_t high = 0, low = KSU_DOWN_MINUTES - points;

    for (int64_t ago = 0; ago < points; ago++) {
        double utilization = peer_utilization(history, ago, 1, state->capacity);

        high += utilization > 0.75;
        low += utilization < 0.25;
    }
    return high >= KSU_UP_MINUTES ? 1 : low >= KSU_DOWN_MINUTES ? -1 : 0;
}

static struct peer_wish ksu_scale(struct peer_state *state, const struct peer_view *view, bool up)
{
    int64_t target = up ? (view->open * 150 + 99) / 100 : view->open - view->open * 25 / 100;

    target = smaller(larger(target, view->min_shards), view->max_shards);
    if (target == view->open ||
        view->now_ms - (up ? state->up_ms : state->down_ms) < (up ? KSU_UP_REST_MS : KSU_DOWN_REST_MS))
        return nothing;
    state->last_up = up;
    state->last = (struct peer_wish){PEER_UPDATE, target};
    return state->last;
}

static void ksu_take_outcome(struct peer_state *state, const struct peer_view *view)
{
    bool swept = state->sweeping && view->outcome == PEER_REACHED;

    if (swept)
        state->capacity = view->open;
    if (swept || (!state->sweeping && view->outcome == PEER_ACCEPTED))
        *(state->last_up ? &state->up_ms : &state->down_ms) = view->now_ms;
    /* Where UpdateShardCount is refused it splits and merges by itself, and does nothing else meanwhile. */
    if (view->outcome == PEER_REFUSED)
        state->sweeping = !state->sweeping;
    if (swept)
        state->sweeping = false;
}

static struct peer_wish decide_by_votes(const struct peer *peer, struct peer_state *state,
                                        const struct peer_view *view)
{
    int vote;

    (void)peer;
    if (!state->begun)
        *state = (struct peer_state){.begun = true,
                                     .check_ms = view->now_ms,
                                     .capacity = view->open,
                                     .capacity_ms = view->now_ms,
                                     .up_ms = view->start_ms - HOUR_MS,
                                     .down_ms = view->start_ms - HOUR_MS};
    ksu_take_outcome(state, view);
    if (state->sweeping)
        return view->active ? (struct peer_wish){PEER_SWEEP, state->last.target} : nothing;
    if (!view->new_minute || view->now_ms < state->check_ms)
        return nothing;
    state->check_ms = view->now_ms + KSU_CHECK_MS;
    vote = ksu_vote(state, view);
    if (vote == 0 || view->now_ms - state->capacity_ms > KSU_REFRESH_MS) {
        state->capacity = view->open;
        state->capacity_ms = view->now_ms;
    }
    return vote == 0 ? nothing : ksu_scale(state, view, vote > 0);
}

/* ---- one split an alarm, by the number of shards; a pass every 36 hours */

enum { SPLITS_REST_MS = 5 * MINUTE_MS, PASS_EVERY_MS = 36 * HOUR_MS };

struct pass_policy {
    bool halves; /* else one pair a pass */
};

static bool was_quiet(const struct peer_view *view)
{
    if (view->history->count < DAY_MINUTES)
        return false;
    for (int64_t ago = 0; ago < DAY_MINUTES; ago += 5) {
        if (peer_utilization(view->history, ago, 5, view->open) >= 0.5)
            return false;
    }
    return true;
}

static bool is_alarmed(const struct peer_view *view)
{
    return view->history->count > 0 && (peer_utilization(view->history, 0, 1, view->open) > 0.8 ||
                                        peer_throttled(view->history, 0, 1) > 0);
}

static struct peer_wish decide_by_splits(const struct peer *peer, struct peer_state *state,
                                         const struct peer_view *view)
{
    const struct pass_policy *policy = peer->settings;

    if (!state->begun)
        *state = (struct peer_state){.begun = true, .pass_ms = view->start_ms + PASS_EVERY_MS};
    if (view->outcome == PEER_ACCEPTED)
        state->waiting = true;
    if (view->outcome == PEER_REFUSED)
        state->merges_left = 0;
    if (!view->active)
        return nothing;
    if (state->waiting && state->merges_left == 0)
        state->rest_until_ms = view->now_ms + SPLITS_REST_MS;
    state->waiting = false;
    if (state->merges_left > 0) {
        state->merges_left--;
        return (struct peer_wish){PEER_MERGE, 0};
    }
    if (!view->new_minute || view->now_ms < state->rest_until_ms)
        return nothing;
    if (is_alarmed(view) && view->open < view->max_shards)
        return (struct peer_wish){PEER_SPLIT, 0};
    if (view->now_ms < state->pass_ms)
        return nothing;
    state->pass_ms += PASS_EVERY_MS;
    if (!was_quiet(view) || view->open <= view->min_shards)
        return nothing;
    state->merges_left = policy->halves ? view->open - larger(view->min_shards, (view->open + 1) / 2) : 1;
    state->merges_left--;
    return (struct peer_wish){PEER_MERGE, 0};
}

static const struct pass_policy halving = {true}, one_pair = {false};

const struct peer peers[] = {
    {.key = "ksu",
     .name = "scaling-utils",
     .what = "awslabs/amazon-kinesis-scaling-utils, README's sample: +50 % after 5 minutes above 75 %, -25 % "
             "after 15 "
             "below 25 %",
     .decide = decide_by_votes},
    {.key = "kas",
     .name = "auto-scaling",
     .what = "aws-samples/kinesis-auto-scaling: doubles after 25 minutes at 75 %, halves after 4:45 of 5 "
             "hours below "
             "25 %",
     .alarm_metrics = 5,
     .decide = decide_by_alarms,
     .settings = &kas},
    {.key = "ada",
     .name = "adaptavist",
     .what = "Adaptavist/terraform-module-kinesis-stream with 0.75 and 0.25: as auto-scaling, up to five "
             "times its "
             "minimum",
     .alarm_metrics = 4,
     .decide = decide_by_alarms,
     .settings = &ada},
    {.key = "eps",
     .name = "epsagon",
     .what = "epsagon/kinesis-autoscaler: +50 % after 5 minutes at 75 %, down after a whole day at 25 %",
     .alarm_metrics = 4,
     .decide = decide_by_alarms,
     .settings = &eps},
    {.key = "sub",
     .name = "substation",
     .what = "brexhq/substation autoscale: up after 5 minutes at 70 %, down after an hour at 35 %",
     .repeats_missing = true,
     .alarm_metrics = 4,
     .decide = decide_by_alarms,
     .settings = &sub},
    {.key = "splits_halving",
     .name = "a split an alarm",
     .what = "one split an alarm, 80 % of the number of shards; every 36 hours half of a stream that was "
             "quiet for a day",
     .alarm_metrics = 3,
     .decide = decide_by_splits,
     .settings = &halving},
    {.key = "splits_one_pair",
     .name = "the same, one merge",
     .what = "the same, merging one pair a pass",
     .alarm_metrics = 3,
     .decide = decide_by_splits,
     .settings = &one_pair},
};
const size_t peer_count = COUNT_OF(peers);
