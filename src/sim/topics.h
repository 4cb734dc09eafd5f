/*
 * topics.h - what model.c needs of topics.c.
 */
#ifndef SIM_TOPICS_H
#define SIM_TOPICS_H

#include "model.h"

/* All topics and deliveries. */
void model_topics_free(struct sim *sim);
/* When the next delivery can be taken; INT64_MAX when none waits. */
int64_t model_next_delivery_ms(const struct sim *sim);

#endif
