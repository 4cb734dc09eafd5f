/*
 * protocol.c - a turn of the engine, in steps.
 */
#include "steps.h"

#include <stddef.h>
#include <string.h>

enum defect defect;

const char *defect_name(enum defect one)
{
    static const char *const names[DEFECT_COUNT] = {
        [DEFECT_NONE] = "none",
        [DEFECT_LOCK_DROPPED] = "the lock is dropped",
        [DEFECT_LEASE_NEVER_ENDS] = "the lease of a dead process never ends",
        [DEFECT_LEASE_NOT_RENEWED] = "the lease is not renewed before a late call",
        [DEFECT_COOLDOWN_IGNORED] = "the cooldown is ignored",
        [DEFECT_COOLDOWN_NOT_CHECKED_UNDER_LOCK] = "a cooldown that began before the lock was had is ignored",
        [DEFECT_DEFERRED_FORGOTTEN] = "an alarm in the cooldown is dropped",
        [DEFECT_DEFERRED_NEVER_DUE] = "the end of the cooldown makes nothing due",
        [DEFECT_INTENT_NOT_STORED] = "the intent is not stored",
        [DEFECT_LATE_WRITER_NOT_STOPPED] = "who lost the lock may still write",
        [DEFECT_REVISION_IGNORED] = "what was made due during a turn is overwritten",
        [DEFECT_ALARM_NOT_RESET] = "the alarm is not reset",
        [DEFECT_THRESHOLDS_NOT_MOVED] = "the thresholds are not moved",
        [DEFECT_BLOCKED_ENDS_AT_ONCE] = "where more is not allowed the action ends at once",
        [DEFECT_ALL_NOTES_ENDED] = "the end of an action ends alarms that came meanwhile",
        [DEFECT_RECONCILE_BLIND] = "reconcile does not look for silent alarms",
    };

    return names[one];
}

struct state protocol_start(uint8_t load, uint8_t bad_luck)
{
    struct state state = {.action = NO_ACTION, .due = NEVER, .load = load, .bad_luck = bad_luck};

    for (int i = 0; i < PROCESSES; i++)
        state.processes[i].action = NO_ACTION;
    return state;
}

/* ---- gathering */

struct step *steps_add(struct steps *steps, const char *name, bool good)
{
    bool possible = good || steps->from->bad_luck > 0;
    struct step *step = possible ? &steps->items[steps->count++] : &steps->beyond;

    *step = (struct step){.to = *steps->from, .good = good, .name = name};
    step->to.bad_luck -= good ? 0 : 1;
    return step;
}

void steps_violate(struct step *step, bool broken, const char *what)
{
    if (broken && step->violation == NULL)
        step->violation = what;
}

/* ---- the database */

uint8_t model_owner_of(int who)
{
    return (uint8_t)(LOCK_FIRST + who);
}

/* store_stream_make_due() */
void model_make_due(struct state *state, uint8_t due)
{
    if (due < state->due)
        state->due = due;
    for (int i = 0; i < PROCESSES; i++) {
        if (state->processes[i].place != AWAY)
            state->processes[i].disturbed = 1;
    }
}

void model_notify(struct state *state)
{
    state->note = state->action == NO_ACTION ? NOTE_PENDING : NOTE_PENDING_MEANWHILE;
    model_make_due(state, 0);
}

/* triage_defer() */
static void defer(struct state *state)
{
    if (state->note == NOTE_PENDING)
        state->note = NOTE_DEFERRED;
    else if (state->note == NOTE_PENDING_MEANWHILE)
        state->note = NOTE_DEFERRED_MEANWHILE;
}

static bool is_held_by_other(const struct state *state, int who)
{
    return state->lock != LOCK_FREE && state->lock != model_owner_of(who) && state->lease > 0;
}

/* store_lock_take() */
static bool take_lock(struct state *state, int who, bool ignore_cooldown)
{
    if (is_held_by_other(state, who) && defect != DEFECT_LOCK_DROPPED)
        return false;
    if (state->cooldown > 0 && !ignore_cooldown && defect != DEFECT_COOLDOWN_IGNORED)
        return false;
    state->lock = model_owner_of(who);
    state->lease = LEASE;
    state->processes[who].late = 0;
    return true;
}

/* ---- a turn, from its end */

static void leave(struct state *state, int who, uint8_t next, bool keep)
{
    struct process *process = &state->processes[who];

    process->place = LEAVING;
    process->next = next;
    process->keep = keep;
    process->event = 0;
    process->planned = 0;
}

/* turn_failed() */
static void fail(struct state *state, int who)
{
    leave(state, who, 1, state->repair != 0);
}

/* turn_leave(): the lock stays with an action that runs. */
static void step_leaving(struct steps *steps, int who)
{
    struct state *to = &steps_add(steps, "unlock", true)->to;
    struct process *process = &to->processes[who];

    if (process->action == NO_ACTION && to->lock == model_owner_of(who)) {
        to->lock = LOCK_FREE;
        to->lease = 0;
    }
    process->place = LEFT;
}

/* turn_leave() -> store_stream_set_due() */
static void step_left(struct steps *steps, int who)
{
    struct state *to = &steps_add(steps, "set due", true)->to;
    struct process *process = &to->processes[who];

    if (process->next != KEEP_DUE) {
        if (process->disturbed && defect != DEFECT_REVISION_IGNORED) {
            to->due = process->next < to->due ? process->next : to->due;
            to->repair |= process->keep;
        } else {
            to->due = process->next;
            to->repair = process->keep;
        }
    }
    *process = (struct process){.action = NO_ACTION};
}

/* finish(): store_action_end() frees the lock and begins the cooldown. */
static void finish(struct state *to, int who)
{
    struct process *process = &to->processes[who];

    to->action = NO_ACTION;
    to->step_open = 0;
    to->cooldown = to->repair_action ? 0 : COOLDOWN;
    to->repair_action = 0;
    if (to->lock == model_owner_of(who)) {
        to->lock = LOCK_FREE;
        to->lease = 0;
    }
    if (to->note == NOTE_PENDING || to->note == NOTE_DEFERRED || defect == DEFECT_ALL_NOTES_ENDED)
        to->note = NOTE_NONE;
    else if (to->note != NOTE_NONE)
        to->note = to->note == NOTE_PENDING_MEANWHILE ? NOTE_PENDING : NOTE_DEFERRED;
    process->action = NO_ACTION;
    leave(to, who, to->note == NOTE_NONE ? NEVER : to->cooldown, false);
}

/* store_action_save() and its kin refuse when the action runs no more, or somebody else has the lock. */
static bool save(struct state *to, int who, uint8_t action)
{
    bool lost =
        to->lock != LOCK_FREE && to->lock != model_owner_of(who) && defect != DEFECT_LATE_WRITER_NOT_STOPPED;

    if (to->action == NO_ACTION || lost) {
        fail(to, who);
        return false;
    }
    to->action = action;
    to->processes[who].action = action;
    return true;
}

/* apply(): the rule is the program's own. */
static void apply(struct step *step, int who)
{
    struct state *to = &step->to;
    struct process *process = &to->processes[who];
    enum action_event event = (enum action_event)process->event;
    const struct action_rule *rule = action_next((enum action_state)process->action, event);
    uint8_t before = process->action;

    if (rule == NULL) {
        step->violation = "the table has no rule for what was seen";
        return;
    }
    step->rule = rule->id;
    if (rule->deed == DEED_INTEND_AND_CALL) {
        /* keep_lock() */
        if (process->late > 0 && defect != DEFECT_LEASE_NOT_RENEWED && !take_lock(to, who, true)) {
            fail(to, who);
            return;
        }
        if (defect != DEFECT_INTENT_NOT_STORED) {
            if (to->step_open || !save(to, who, (uint8_t)rule->to)) {
                fail(to, who);
                return;
            }
            to->step_open = 1;
        }
        process->action = (uint8_t)rule->to;
        process->late = 0; /* it has just made sure */
        process->place = INTENDED;
        return;
    }
    if (rule->deed == DEED_FINISH) {
        if (save(to, who, process->action))
            finish(to, who);
        return;
    }
    if (!save(to, who, (uint8_t)rule->to))
        return;
    if (rule->deed == DEED_STORE_OUTCOME)
        to->step_open = 0;
    if (rule->to == ACTION_WAITING && before != ACTION_WAITING) {
        leave(to, who, 1, false);
        return;
    }
    process->event = 0;
    process->place = LOOKING;
}

static void step_seen(struct steps *steps, int who)
{
    apply(steps_add(steps, "apply", true), who);
}

/* call(): what AWS makes of it, and what we hear. */
static void hear(struct steps *steps, int who, const char *name, bool good, bool executed, int event)
{
    struct step *step = steps_add(steps, name, good);
    struct state *to = &step->to;
    const struct process *other = &to->processes[1 - who];
    struct process *process = &to->processes[who];

    if (executed) {
        steps_violate(step, process->late < LEASE && to->lock != model_owner_of(who),
                      "a call was taken from a process without the lock");
        steps_violate(step,
                      other->place == SEEN && other->event == EVENT_ACCEPTED && process->late < LEASE &&
                          other->late < LEASE,
                      "two calls were in flight");
        steps_violate(
            step, to->action == ACTION_PLANNING || to->action == NO_ACTION ? process->late < LEASE : false,
            "AWS took a call that is stored nowhere");
        to->status = AWS_UPDATING;
        to->generation++;
        step->acted = true;
        steps_violate(step, to->generation > GENERATION_MAX, "more shards than are allowed");
    }
    if (event < 0) {
        fail(to, who);
        return;
    }
    process->event = (uint8_t)event;
    process->place = SEEN;
}

static void step_intended(struct steps *steps, int who)
{
    const struct state *from = steps->from;

    if (from->status == AWS_GONE) {
        hear(steps, who, "call: gone", true, false, EVENT_REFUSED);
    } else if (from->status == AWS_UPDATING) {
        hear(steps, who, "call: in use", true, false, EVENT_CONFLICT);
    } else if (from->generation != from->processes[who].planned) {
        hear(steps, who, "call: shard is closed", true, false, -1);
    } else {
        hear(steps, who, "call: taken", true, true, EVENT_ACCEPTED);
        hear(steps, who, "call: answer lost", false, true, -1);
        hear(steps, who, "call: refused", false, false, EVENT_REFUSED);
        hear(steps, who, "call: out of updates", false, false, EVENT_UPDATE_REFUSED);
    }
    hear(steps, who, "call: not heard", false, false, -1);
}

/* ---- observe() */

static void see(struct steps *steps, int who, const char *name, enum action_event event)
{
    struct process *process = &steps_add(steps, name, true)->to.processes[who];

    process->event = (uint8_t)event;
    process->place = SEEN;
}

static void plan(struct steps *steps, int who)
{
    const struct state *from = steps->from;

    if (from->load <= from->generation) {
        see(steps, who, "plan: enough", EVENT_NEEDS_NOTHING);
    } else if (from->generation == GENERATION_MAX) {
        see(steps, who, "plan: blocked",
            defect == DEFECT_BLOCKED_ENDS_AT_ONCE ? EVENT_SEEN_GONE : EVENT_BLOCKED);
    } else {
        see(steps, who, "plan: reshard", EVENT_NEEDS_STEP);
        steps->items[steps->count - 1].to.processes[who].planned = from->generation;
    }
}

/* observe_alarms() */
static void tend_alarms(struct steps *steps, int who, bool reset)
{
    struct state *to;

    see(steps, who, reset ? "reset" : "move", reset ? EVENT_ALARMS_RESET : EVENT_ALARMS_MOVED);
    to = &steps->items[steps->count - 1].to;
    if (reset && defect != DEFECT_ALARM_NOT_RESET)
        to->alarm = 0;
    if (!reset && defect != DEFECT_THRESHOLDS_NOT_MOVED)
        to->threshold = to->generation;
}

static void step_looking(struct steps *steps, int who)
{
    const struct state *from = steps->from;
    bool updating = from->status == AWS_UPDATING;

    fail(&steps_add(steps, "look failed", false)->to, who);
    if (from->status == AWS_GONE)
        see(steps, who, "see gone", EVENT_SEEN_GONE);
    else if (updating && from->processes[who].action == ACTION_WAITING)
        leave(&steps_add(steps, "wait", true)->to, who, 1, false);
    else if (updating)
        see(steps, who, "see updating", EVENT_SEEN_UPDATING);
    else if (from->processes[who].action == ACTION_PLANNING)
        plan(steps, who);
    else if (from->processes[who].action == ACTION_THRESHOLDS)
        tend_alarms(steps, who, false);
    else if (from->processes[who].action == ACTION_RESET)
        tend_alarms(steps, who, true);
    else
        see(steps, who, "see active", EVENT_SEEN_ACTIVE);
}

/* ---- begin() */

/* In the middle of a turn, by a lease that is not over. */
static bool is_at_work(const struct process *process)
{
    return process->place > LOADED && process->place < LEAVING && process->late < LEASE;
}

/* act_begin() -> store_action_begin() */
static void begin_action(struct steps *steps, int who, const char *name, bool repair)
{
    struct step *step = steps_add(steps, name, true);
    struct state *to = &step->to;
    struct process *process = &to->processes[who];

    if (to->status == AWS_GONE) {
        to->note = NOTE_NONE;
        leave(to, who, NEVER, false);
        return;
    }
    if (to->action != NO_ACTION) {
        steps_violate(step, process->late < LEASE && is_at_work(&to->processes[1 - who]),
                      "two actions on one stream");
        fail(to, who);
        return;
    }
    steps_violate(step, to->cooldown > 0 && process->late < LEASE, "an action began in the cooldown");
    to->action = process->action = ACTION_PLANNING;
    to->repair_action = repair;
    step->acted = true;
    process->place = LOOKING;
}

static void begin_without_alarm(struct steps *steps, int who, const char *name)
{
    struct state *to;

    if (steps->from->repair) {
        begin_action(steps, who, name, true);
        return;
    }
    to = &steps_add(steps, name, true)->to;
    to->note = NOTE_NONE;
    leave(to, who, NEVER, false);
}

/* take_turn() once the lock is had, and triage(): a fresh alarm is believed, of another CloudWatch is asked. */
static void step_locked(struct steps *steps, int who)
{
    const struct state *from = steps->from;
    bool fresh = from->note == NOTE_PENDING || from->note == NOTE_PENDING_MEANWHILE;

    fail(&steps_add(steps, "triage failed", false)->to, who);
    if (from->processes[who].action != NO_ACTION) {
        steps_add(steps, "resume", true)->to.processes[who].place = LOOKING;
        return;
    }
    if (from->cooldown > 0 && from->processes[who].late < LEASE && defect != DEFECT_COOLDOWN_IGNORED &&
        defect != DEFECT_COOLDOWN_NOT_CHECKED_UNDER_LOCK) {
        struct state *to = &steps_add(steps, "rest after all", true)->to;

        defer(to);
        leave(to, who, to->cooldown, to->repair != 0);
        return;
    }
    if (fresh)
        begin_action(steps, who, "begin", false);
    if (from->note != NOTE_NONE && from->alarm)
        begin_action(steps, who, "begin: still in ALARM", false);
    else if (!fresh || !from->alarm)
        begin_without_alarm(steps, who, "nothing in ALARM");
}

/* take_turn() up to the lock */
static void step_loaded(struct steps *steps, int who)
{
    struct step *step = steps_add(steps, "lock", true);
    struct state *to = &step->to;
    struct process *process = &to->processes[who];
    bool running = process->action != NO_ACTION;

    if (!running && to->note == NOTE_NONE && !to->repair) {
        leave(to, who, NEVER, false);
    } else if (!running && to->cooldown > 0 && defect != DEFECT_COOLDOWN_IGNORED) {
        if (defect == DEFECT_DEFERRED_FORGOTTEN)
            to->note = NOTE_NONE;
        defer(to);
        leave(to, who, defect == DEFECT_DEFERRED_NEVER_DUE ? NEVER : to->cooldown, to->repair != 0);
    } else if (take_lock(to, who, running)) {
        process->action = to->action;
        process->disturbed = 0;
        process->place = LOCKED;
    } else {
        defer(to);
        leave(to, who, KEEP_DUE, false);
    }
}

/* ---- who may go on */

/* take() of workers.c passes over what another living process has locked. */
static bool is_called(const struct state *state, int who)
{
    return state->due == 0 && !is_held_by_other(state, who);
}

static void step_away(struct steps *steps, int who)
{
    struct state *to;

    if (!is_called(steps->from, who))
        return;
    to = &steps_add(steps, "load", true)->to;
    to->processes[who].place = LOADED;
    to->processes[who].action = to->action;
}

bool model_is_busy(const struct state *state, int who)
{
    return state->processes[who].place != AWAY || is_called(state, who);
}

static void (*const places[])(struct steps *, int) = {
    [AWAY] = step_away, [LOADED] = step_loaded,     [LOCKED] = step_locked,   [LOOKING] = step_looking,
    [SEEN] = step_seen, [INTENDED] = step_intended, [LEAVING] = step_leaving, [LEFT] = step_left,
};

void model_step(struct steps *steps, int who)
{
    places[steps->from->processes[who].place](steps, who);
}
