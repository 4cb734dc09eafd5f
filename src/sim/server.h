/*
 * server.h - between the server and those who carry its messages out.
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "sim/sim.h"

struct couriers;
/* Threads that send what sim_take_delivery() gives, to the model's own endpoints. */
struct couriers *couriers_start(struct sim *sim, bool accept_any_certificate);
/* Something may have fallen due. */
void couriers_wake(struct couriers *couriers);
/* Breaks off what is under way.  Accepts NULL. */
void couriers_stop(struct couriers *couriers);

#endif
