/*
 * inprocess.h - the real engine on the simulated AWS: one process, one thread, virtual time, no sockets.
 *
 * What `serve` gives threads, this gives a loop: time goes from one thing that falls due to the next, so that months
 * pass in seconds.  For backtest and for tests.
 */
#ifndef CLI_INPROCESS_H
#define CLI_INPROCESS_H

#include "aws/client.h"
#include "engine/engine.h"
#include "sim/sim.h"
#include "store/store.h"

/* The transport seam with the simulated AWS behind it; it is brought to the clock's time before it answers. */
struct sim_transport {
    struct transport transport; /* first */
    struct sim *sim;            /* borrowed */
    struct clock *clock;        /* borrowed */
};
void sim_transport_init(struct sim_transport *transport, struct sim *sim, struct clock *clock);

/* "SplitShard", of whichever protocol; "?" when it cannot be told.  `size` at least 64. */
void aws_request_operation(const struct aws_request *request, char *operation, size_t size);

/* An environment that has the simulated account's keys and nothing else; for credentials and client options. */
const char *inprocess_getenv(const char *name);

struct inprocess {
    struct virtual_clock *clock; /* all of these borrowed */
    struct sim *sim;
    struct aws_client *aws;
    struct store *store;
    struct engine *engine;
    int64_t reconcile_every_ms;
    int64_t reconcile_at_ms; /* INT64_MAX: never */
    int64_t pass_at_ms;      /* of the scale-down pass, every hour from then on; INT64_MAX: never */
    bool deaf;               /* messages of SNS go nowhere */
    const bool *stopped;     /* when somebody sets it, nothing more is begun; NULL: nobody will */
    size_t failed_turns;     /* may fail, must recover */
    size_t taken;            /* messages that were new and answered 200 */
};

/*
 * Everything that falls due happens until the clock says `until_ms`, or it is stopped.  -1 when a message cannot be taken, the store
 * fails, or the engine makes itself due for ever (ERROR_BUG).
 */
int inprocess_run(struct inprocess *world, int64_t until_ms, struct error *err);

#endif
