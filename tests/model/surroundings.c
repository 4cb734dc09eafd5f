/*
 * surroundings.c - time, AWS and bad luck: what happens to the processes of the model.
 */
#include "steps.h"

#include <string.h>

static void less(uint8_t *ticks)
{
    if (*ticks > 0)
        (*ticks)--;
}

/* engine_reconcile(), in one piece */
static void reconcile(struct state *to)
{
    if (to->status == AWS_GONE)
        return;
    if (to->action != NO_ACTION) {
        model_make_due(to, LEASE);
        return;
    }
    if (to->alarm && to->note == NOTE_NONE && defect != DEFECT_RECONCILE_BLIND)
        model_notify(to);
    if (to->threshold != to->generation && to->status == AWS_ACTIVE) {
        to->repair = 1;
        model_make_due(to, 0);
    }
}

/* Half a lease goes by.  Without bad luck nobody is in the middle of anything, and every message arrives. */
static void tick(struct steps *steps, const char *name, bool good, bool reconciles, bool delivered)
{
    struct state *to = &steps_add(steps, name, good)->to;
    bool breaching = to->load > to->threshold && to->status != AWS_GONE;

    if (defect != DEFECT_LEASE_NEVER_ENDS || to->lock != LOCK_GHOST)
        less(&to->lease);
    less(&to->cooldown);
    if (to->due != NEVER)
        less(&to->due);
    for (int i = 0; i < PROCESSES; i++) {
        if (to->processes[i].place != AWAY && to->processes[i].late < LEASE)
            to->processes[i].late++;
    }
    if (to->status == AWS_UPDATING)
        to->status = AWS_ACTIVE;
    if (breaching && !to->alarm && delivered)
        model_notify(to);
    to->alarm = breaching;
    if (reconciles)
        reconcile(to);
}

static void crash(struct steps *steps, int who)
{
    struct state *to = &steps_add(steps, "crash", false)->to;

    to->processes[who] = (struct process){.action = NO_ACTION};
    if (to->lock == model_owner_of(who))
        to->lock = LOCK_GHOST; /* who is started in its place is somebody else */
}

static void add_bad_luck(struct steps *steps)
{
    for (int i = 0; i < PROCESSES; i++) {
        if (steps->from->processes[i].place != AWAY || steps->from->lock == model_owner_of(i))
            crash(steps, i);
    }
    tick(steps, "tick: all stand still, no message arrives", false, false, false);
    tick(steps, "tick: all stand still", false, false, true);
    tick(steps, "tick: all stand still, and somebody reconciles", false, true, true);
    if (steps->from->status == AWS_ACTIVE) {
        steps_add(steps, "somebody reshards", false)->to.status = AWS_UPDATING;
        steps_add(steps, "the stream is deleted", false)->to.status = AWS_GONE;
    }
    for (uint8_t load = 0; load <= LOAD_MAX; load++) {
        if (load != steps->from->load)
            steps_add(steps, "the load changes", false)->to.load = load;
    }
}

/* Whoever ends a notification has an action for it, or has seen that its alarm is over. */
static void watch_note(const struct state *from, struct step *step)
{
    bool ended =
        from->note != NOTE_NONE && step->to.note == NOTE_NONE && from->status != AWS_GONE && from->alarm;
    bool meanwhile = from->note == NOTE_PENDING_MEANWHILE || from->note == NOTE_DEFERRED_MEANWHILE;

    steps_violate(step, ended && (from->action == NO_ACTION || meanwhile),
                  "a notification ended while its alarm stands in ALARM");
}

/* The processes are alike: which of them is the first makes no difference. */
static void put_in_order(struct state *state)
{
    struct process first = state->processes[0];

    if (memcmp(&state->processes[0], &state->processes[1], sizeof(first)) <= 0 &&
        (memcmp(&state->processes[0], &state->processes[1], sizeof(first)) != 0 ||
         state->lock != LOCK_SECOND))
        return;
    state->processes[0] = state->processes[1];
    state->processes[1] = first;
    if (state->lock == LOCK_FIRST || state->lock == LOCK_SECOND)
        state->lock = state->lock == LOCK_FIRST ? LOCK_SECOND : LOCK_FIRST;
}

int protocol_steps(const struct state *from, bool reconciles, struct step items[STEPS_MAX])
{
    struct steps steps = {.from = from, .items = items};
    bool busy = false;

    for (int i = 0; i < PROCESSES; i++) {
        model_step(&steps, i);
        busy |= model_is_busy(from, i);
    }
    if (!busy)
        tick(&steps, "tick", true, reconciles, true);
    add_bad_luck(&steps);
    for (int i = 0; i < steps.count; i++) {
        watch_note(from, &items[i]);
        put_in_order(&items[i].to);
    }
    return steps.count;
}
