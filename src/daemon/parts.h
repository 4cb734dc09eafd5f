/*
 * parts.h - the daemon's parts among themselves.
 *
 * Internal to daemon/.
 */
#ifndef DAEMON_PARTS_H
#define DAEMON_PARTS_H

#include "aws/client.h"
#include "aws/sns_message.h"
#include "daemon/daemon.h"
#include "daemon/owner.h"
#include "engine/engine.h"
#include "http/server.h"
#include "store/notifications.h"
#include "store/streams.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- stores.c: store handles for the HTTP server's threads, which come and go */

enum { STORES_MAX = 64 };

struct stores {
    pthread_mutex_t mutex;
    const char *path; /* borrowed */
    struct store *idle[STORES_MAX];
    size_t idle_count;
};
void stores_init(struct stores *stores, const char *path);
void stores_clear(struct stores *stores);
/* NULL with err set when the database cannot be opened.  Give it back. */
struct store *stores_take(struct stores *stores, struct error *err);
void stores_give(struct stores *stores, struct store *store);

/* ---- workers.c: threads that take turns */

struct workers;
struct workers_options {
    struct engine *engine;
    struct clock *clock;
    const char *database; /* all borrowed */
    const char *owner;
    int count;
};
struct workers *workers_new(const struct workers_options *options);
/* Nothing is done before this. */
int workers_start(struct workers *workers, struct error *err);
void workers_stop(struct workers *workers); /* accepts NULL */
/* Something was made due. */
void workers_wake(struct workers *workers);
/* Looks at everything now, not when it is time for it. */
void workers_reconcile(struct workers *workers);

struct worker_counts {
    uint64_t turns, turns_failed, reconciles, reconciles_failed, passes, passes_failed;
    int64_t beat_age_ms;       /* real time since a worker last asked for work */
    int64_t last_reconcile_ms; /* 0: not yet */
};
struct worker_counts workers_counts(struct workers *workers);

/* ---- patience.c: a stop that takes too long */

struct patience {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    int64_t deadline_ns;
    void (*lost)(void *context);
    void *context;
    bool running;
    bool over;
};
/* lost(context) is called from another thread when patience_end() has not been within `milliseconds`. */
void patience_begin(struct patience *patience, int milliseconds, void (*lost)(void *context), void *context);
void patience_end(struct patience *patience);

/* ---- desk.c: a thread that works on what the HTTP server's threads lay before it, so that they never wait */

/* A message on its way to its answer, which http_answer() gives. */
struct letter {
    struct letter *next;
    const struct http_request *request;
    struct http_response *response;
    bool genuine;
    struct sns_message message; /* once it is known to be genuine */
    struct notification notification;
    enum taken taken;
    struct error err;
    bool failed;
};

/* Takes all of them over, `at_once` at most. */
typedef void desk_fn(struct daemon *daemon, struct letter *letters);

struct desk {
    struct daemon *daemon;
    desk_fn *work;
    size_t at_once, room; /* set by its owner; the rest is the desk's */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct letter *first, *last;
    size_t count;
    bool open, closing;
};
int desk_open(struct desk *desk, struct error *err);
/* Ends when all letters have been worked on.  Accepts one that was never opened. */
void desk_close(struct desk *desk);
/* False: no room. */
bool desk_put(struct desk *desk, struct letter *letter);

/* ---- reload.c: which configuration is in force, since when */

struct reload {
    pthread_mutex_t mutex;
    int64_t loaded_ms;    /* of the one in force */
    int64_t tried_ms;     /* the last reload; 0: there was none */
    char error[512];      /* why that one was refused; "" when it was not */
    struct names waiting; /* settings of the file that count after a restart */
};
void reload_init(struct reload *reload, int64_t now_ms);
void reload_clear(struct reload *reload);
/* The caller's: {"loaded": "2026-...", "reload_tried": null, "reload_error": "", "restart_needed_for": []} */
cJSON *reload_view(struct reload *reload);
int64_t reload_loaded_ms(struct reload *reload, bool *ret_refused);

/* ---- the daemon */

struct intake_counts { /* of messages; and of transactions that stored some */
    atomic_uint_fast64_t accepted, ignored, repeated, confirmed, unsubscribed, refused, failed, commits;
};

/* How many more lines of the log strangers may fill. */
struct intake_lines {
    pthread_mutex_t mutex;
    double left;
    int64_t since_ns;
    int64_t unwritten;
};

struct daemon {
    struct config *config; /* as it was at the start: listeners, database... */
    struct reload reload;
    struct clock *clock;
    char owner[OWNER_SIZE];
    char region[64];
    struct transport *transport;
    struct credentials_provider *credentials;
    struct aws_client *aws;
    struct sns_verifier *verifier;
    struct engine *engine;
    struct stores stores;
    struct workers *workers;
    struct http_server *front; /* POST /sns */
    struct http_server *admin;
    struct desk writer;  /* stores notifications */
    struct desk errands; /* what has to ask AWS first: a certificate, a confirmation */
    struct intake_counts intake;
    struct intake_lines lines;
    const char *_Atomic stopping; /* what the stop waits for, in words */
};

/* files.c: so many files can be open at the same time, or ERROR_CONFIG */
int files_make_room(unsigned needed, struct error *err);

/* intake.c */
/* Before the front listener; and after it has ended. */
int intake_open(struct daemon *daemon, struct error *err);
void intake_close(struct daemon *daemon);
void intake_post(void *context, const struct http_request *request, struct http_response *response);
void intake_refused(void *context, const struct http_request *request, int status);

/* admin.c */
extern const struct route admin_routes[];
extern const size_t admin_route_count;

/* metrics.c; `store` may be NULL when the database cannot be opened */
void metrics_write(struct daemon *daemon, struct store *store, struct buffer *body);

#endif
