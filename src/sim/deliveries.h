/*
 * deliveries.h - messages on their way to subscribers.
 */
#ifndef SIM_DELIVERIES_H
#define SIM_DELIVERIES_H

#include "topics.h"

/* Queues a message for one endpoint, due at once. */
void model_deliver(struct sim *sim, const char *endpoint, const struct sns_message *message);
void model_deliveries_free(struct sim *sim);

#endif
