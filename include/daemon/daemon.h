/*
 * daemon.h - serve: the endpoint for SNS, the workers, the admin listener.
 *
 * DESIGN  Intake threads (the HTTP server's) only verify and store.  One scheduler thread asks the store
 * which streams are due and hands them to the workers; a stream is with one worker at a time.
 * A reconcile thread looks at everything now and then.  Each thread has a store handle of its own;
 * what they share is the queue and the counters.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "base/clock.h"
#include "base/error.h"
#include "scaling/config.h"

struct daemon;

struct daemon_options {
    struct config *config; /* held until daemon_stop() */
    struct clock *clock;   /* borrowed */
};

/* Everything is up when this returns 0: store open, listeners bound, workers turning. */
int daemon_start(const struct daemon_options *options, struct daemon **ret_daemon, struct error *err);
/*
 * Another configuration from now on, and a look at everything.  What has changed is logged; what cannot change while
 * running (setting.restart) stays as it is and is named.  Takes `config` over.
 */
void daemon_reload(struct daemon *daemon, struct config *config);
/* Another configuration was wrong: told by the log, /status and /metrics; the one in force stays. */
void daemon_refuse_reload(struct daemon *daemon, const struct fault_list *faults);
/* Closes the listeners and lets running turns end; those that wait for AWS longer than five seconds are cut
 * short.  Accepts NULL. */
void daemon_stop(struct daemon *daemon);
int daemon_port(const struct daemon *daemon);
int daemon_admin_port(const struct daemon *daemon);

#endif
