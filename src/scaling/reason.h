/*
 * reason.h - a plan's one sentence for the operator.  Internal to plan_up.
 */
#ifndef SCALING_REASON_H
#define SCALING_REASON_H

#include "forecast.h"

/* What the plan started from; splitting changes the forecast. */
struct situation {
    bool measured;
    bool named; /* something but its width tells the fullest shard from the others */
    struct leaf fullest;
    struct leaf stuck; /* fullest of those that cannot be split; counts when the limit is a hot key */
};

void reason_write(const struct up_facts *facts, const struct situation *situation, struct up_plan *plan);

#endif
