/*
 * reason_down.h - a scale-down's one sentence for the operator.  Internal to plan_down.
 */
#ifndef SCALING_REASON_DOWN_H
#define SCALING_REASON_DOWN_H

#include "window.h"

void reason_down_write(const struct window *window, struct down_plan *plan);

#endif
