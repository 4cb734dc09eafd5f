/*
 * steps.h - what the two halves of the model share.
 */
#ifndef TESTS_STEPS_H
#define TESTS_STEPS_H

#include "protocol.h"

struct steps {
    const struct state *from;
    struct step *items;
    int count;
    struct step beyond; /* what takes more bad luck than is left */
};

/* One more step, from `from`; to be changed in place. */
struct step *steps_add(struct steps *steps, const char *name, bool good);
/* The first violation stays. */
void steps_violate(struct step *step, bool broken, const char *what);

/* store_stream_make_due() */
void model_make_due(struct state *state, uint8_t due);
/* engine_take() */
void model_notify(struct state *state);
uint8_t model_owner_of(int who);
/* In a turn, or called to take one. */
bool model_is_busy(const struct state *state, int who);
/* All that the process may do next. */
void model_step(struct steps *steps, int who);

#endif
