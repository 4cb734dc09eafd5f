/*
 * explore.c - visits every state of the protocol and holds it against what must be true.
 *
 *     explore LUCK           the protocol as it is, then each defect, which must be found
 *     explore LUCK DEFECT    one defect alone, by its number in protocol.h, with the way that leads to it
 *
 * LUCK is how many pieces of bad luck a run may meet: a crash, a delay longer than the clock of the lease, a lost
 * message, a failed or unheard call, a refusal, somebody else's resharding, a change of load.
 *
 * Properties.  Never: no step may do what it must not (two actions, two calls in flight, more shards than are
 * allowed, an action in the cooldown, an end with thresholds that do not fit).  Always again: from every state, bad
 * luck included, once nothing bad happens any more, an alarm that stays breaching is acted on; and a stored
 * notification is acted on or ended even when nobody reconciles.  Without bad luck steps are forced and time only
 * passes when nobody has anything to do, so "never" is a circle of good steps without progress.
 */
#include "protocol.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { RULE_MAX = 256 };

static uint8_t all_luck; /* with which a run begins */

struct found {
    struct state *states;
    uint32_t *parents; /* and by which step, for the way to it */
    const char **names;
    size_t count, room;
    uint32_t *slots; /* index + 1 */
    size_t slot_count;
    size_t step_count;
    bool rules[RULE_MAX];
};

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(const struct state *state)
{
    const unsigned char *bytes = (const unsigned char *)state;
    uint64_t value = 14695981039346656037u;

    for (size_t i = 0; i < sizeof(*state); i++)
        value = (value ^ bytes[i]) * 1099511628211u;
    return value ^ value >> 32;
}

static uint32_t *slot_of(struct found *found, const struct state *state)
{
    size_t i = hash(state) % found->slot_count;

    while (found->slots[i] != 0 && memcmp(&found->states[found->slots[i] - 1], state, sizeof(*state)) != 0)
        i = (i + 1) % found->slot_count;
    return &found->slots[i];
}

static void grow(struct found *found)
{
    found->room = found->room == 0 ? 1 << 16 : found->room * 2;
    found->states = must_realloc(found->states, found->room, sizeof(*found->states));
    found->parents = must_realloc(found->parents, found->room, sizeof(*found->parents));
    found->names = must_realloc(found->names, found->room, sizeof(*found->names));
    free(found->slots);
    found->slot_count = 2 * found->room;
    found->slots = must_calloc(found->slot_count, sizeof(*found->slots));
    for (size_t i = 0; i < found->count; i++)
        *slot_of(found, &found->states[i]) = (uint32_t)i + 1;
}

static void visit(struct found *found, const struct state *state, size_t parent, const char *name)
{
    uint32_t *slot;

    if (found->count == found->room)
        grow(found);
    slot = slot_of(found, state);
    if (*slot != 0)
        return;
    found->states[found->count] = *state;
    found->parents[found->count] = (uint32_t)parent;
    found->names[found->count] = name;
    found->count++;
    *slot = (uint32_t)found->count;
}

static void found_clear(struct found *found)
{
    free(found->states);
    free(found->parents);
    free(found->names);
    free(found->slots);
    *found = (struct found){0};
}

static void print_way(const struct found *found, size_t index)
{
    if (found->parents[index] != index)
        print_way(found, found->parents[index]);
    printf("%s; ", found->names[index]);
}

/* ---- never */

static const char *explore(struct found *found, bool tell)
{
    struct step steps[STEPS_MAX];

    for (uint8_t load = 0; load <= LOAD_MAX; load++) {
        struct state start = protocol_start(load, all_luck);

        visit(found, &start, found->count, "start");
    }
    for (size_t i = 0; i < found->count; i++) {
        struct state from = found->states[i];
        int count = protocol_steps(&from, true, steps);

        found->step_count += (size_t)count;
        for (int s = 0; s < count; s++) {
            if (steps[s].rule > 0 && steps[s].rule < RULE_MAX)
                found->rules[steps[s].rule] = true;
            if (steps[s].violation != NULL) {
                if (tell) {
                    print_way(found, i);
                    printf("%s\n", steps[s].name);
                }
                return steps[s].violation;
            }
            visit(found, &steps[s].to, i, steps[s].name);
        }
    }
    return NULL;
}

/* ---- always again */

struct promise {
    const char *broken;
    bool reconciles;
    bool acting_is_enough;
    bool (*is_owed)(const struct state *state);
};

static bool alarm_is_owed(const struct state *state)
{
    return state->status != AWS_GONE && state->load > state->threshold;
}

static bool alarm_is_owed_to_all_luck(const struct state *state)
{
    return state->bad_luck == all_luck && alarm_is_owed(state);
}

static bool note_is_owed(const struct state *state)
{
    return state->note != NOTE_NONE;
}

static bool thresholds_are_owed(const struct state *state)
{
    return state->status != AWS_GONE && state->threshold != state->generation;
}

static const struct promise promises[] = {
    {"an alarm that stays breaching is not acted on again", true, true, alarm_is_owed},
    {"without bad luck an alarm needs a reconcile to be acted on again", false, true,
     alarm_is_owed_to_all_luck},
    {"a stored notification is neither acted on nor ended", false, true, note_is_owed},
    {"thresholds that do not fit are not put right", true, false, thresholds_are_owed},
};

enum colour { UNSEEN, ON_THE_WAY, KEPT };

struct walk {
    struct found *found;
    const struct promise *promise;
    unsigned char *colours;
    uint32_t *way;
    size_t length;
};

/* The next state without progress; the states are those found before, and a good step leads to no other. */
static size_t next_owed(struct walk *walk, size_t index, int *cursor)
{
    struct step steps[STEPS_MAX];
    int count = protocol_steps(&walk->found->states[index], walk->promise->reconciles, steps);

    while (*cursor < count) {
        const struct step *step = &steps[(*cursor)++];
        size_t known;

        if (!step->good || (step->acted && walk->promise->acting_is_enough) ||
            !walk->promise->is_owed(&step->to))
            continue;
        visit(walk->found, &step->to, index, step->name);
        known = *slot_of(walk->found, &step->to);
        return known - 1;
    }
    return SIZE_MAX;
}

/* Depth first; a state met again on the way is a circle. */
static bool has_circle(struct walk *walk, size_t root, unsigned char *cursors, bool tell)
{
    walk->length = 0;
    walk->way[walk->length] = (uint32_t)root;
    cursors[walk->length++] = 0;
    walk->colours[root] = ON_THE_WAY;
    while (walk->length > 0) {
        size_t index = walk->way[walk->length - 1];
        int cursor = cursors[walk->length - 1];
        size_t next = next_owed(walk, index, &cursor);

        cursors[walk->length - 1] = (unsigned char)cursor;
        if (next == SIZE_MAX) {
            walk->colours[index] = KEPT;
            walk->length--;
        } else if (walk->colours[next] == ON_THE_WAY) {
            if (tell) {
                print_way(walk->found, next);
                printf("and then for ever nothing\n");
            }
            return true;
        } else if (walk->colours[next] == UNSEEN) {
            walk->colours[next] = ON_THE_WAY;
            walk->way[walk->length] = (uint32_t)next;
            cursors[walk->length++] = 0;
        }
    }
    return false;
}

static const char *keep_promise(struct found *found, const struct promise *promise, bool tell)
{
    /* Without reconcile a few states are new; they are visited as they are met. */
    size_t room = 2 * found->count + 1024;
    struct walk walk = {found, promise, must_calloc(room, 1), must_calloc(room, sizeof(uint32_t)), 0};
    unsigned char *cursors = must_calloc(room, 1);
    size_t count = found->count;
    const char *broken = NULL;

    for (size_t i = 0; i < count && broken == NULL; i++) {
        if (walk.colours[i] == UNSEEN && promise->is_owed(&found->states[i]) &&
            has_circle(&walk, i, cursors, tell))
            broken = promise->broken;
    }
    free(walk.colours);
    free(walk.way);
    free(cursors);
    return broken;
}

static const char *check(struct found *found, enum defect one, bool tell)
{
    const char *broken;

    defect = one;
    broken = explore(found, tell);
    for (size_t i = 0; i < COUNT_OF(promises) && broken == NULL; i++)
        broken = keep_promise(found, &promises[i], tell);
    return broken;
}

/* ---- the table and the model */

/*
 * A rule that no state of the model comes to would be checked by nobody.  These the engine never asks for: it waits by
 * itself (60), does what THRESHOLDS and RESET owe when it looks (92, 102), and passes over alarms that AWS will not let
 * it change (96, 106).
 */
static bool is_never_asked(int rule)
{
    return rule == 60 || rule == 92 || rule == 96 || rule == 102 || rule == 106;
}

static int compare_rules(const struct found *found)
{
    size_t count, used = 0;
    const struct action_rule *rules = action_rules(&count);
    int wrong = 0;

    for (size_t i = 0; i < count; i++) {
        used += found->rules[rules[i].id];
        if (found->rules[rules[i].id] == is_never_asked(rules[i].id)) {
            printf("rule %d is %s by the model\n", rules[i].id,
                   is_never_asked(rules[i].id) ? "used" : "not used");
            wrong++;
        }
    }
    printf("%zu of %zu rules of the table are used, the others are never asked for\n", used, count);
    return wrong;
}

static int check_defects(void)
{
    int missed = 0;

    for (int i = DEFECT_NONE + 1; i < DEFECT_COUNT; i++) {
        struct found found = {0};
        const char *broken = check(&found, (enum defect)i, false);

        printf("  %-62s %s\n", defect_name((enum defect)i), broken != NULL ? broken : "NOT FOUND");
        missed += broken == NULL;
        found_clear(&found);
    }
    printf("%d of %d defects found\n", DEFECT_COUNT - 1 - missed, DEFECT_COUNT - 1);
    return missed;
}

static long number(const char *text, long largest)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value < 0 || value > largest) {
        fprintf(stderr, "'%s' is no number from 0 to %ld\n", text, largest);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct found found = {0};
    enum defect one = argc > 2 ? (enum defect)number(argv[2], DEFECT_COUNT - 1) : DEFECT_NONE;
    const char *broken;
    int failures;

    all_luck = argc > 1 ? (uint8_t)number(argv[1], 9) : 3;
    broken = check(&found, one, true);
    failures = broken != NULL;
    printf("%s, with at most %d pieces of bad luck in a run: %zu states, %zu steps: %s\n",
           one == DEFECT_NONE ? "two processes on one stream" : defect_name(one), all_luck, found.count,
           found.step_count, broken != NULL ? broken : "all properties hold");
    if (one == DEFECT_NONE)
        failures += compare_rules(&found) + check_defects();
    found_clear(&found);
    return failures != 0;
}
