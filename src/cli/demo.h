/*
 * demo.h - what the files of the demo share.
 *
 * Internal to cli/: demo.c is the command, demo_scene.c sets everything up, demo_provision.c makes the streams,
 * demo_watch.c tells what happens, demo_sum.c what it came to.
 */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "parts.h"

#include "aws/cloudwatch.h"
#include "daemon/daemon.h"
#include "sim/sim.h"
#include "store/actions.h"

#include <signal.h>

enum { DEMO_ALARMS_MAX = 512 };

/* The same producers write to three streams of each name. */
enum demo_fleet { FLEET_KINESCALE, FLEET_LEFT_ALONE, FLEET_FOR_THE_PEAK, FLEET_COUNT };

struct seen_alarm {
    char name[ALARM_NAME_SIZE];
    enum alarm_state state;
    int64_t transitioned_ms;
    double threshold;
};

/* What the watcher keeps of one stream. */
struct seen_stream {
    int64_t most_shards;              /* that an action ended with */
    int64_t last_begun, last_ended;   /* the last actions that were told of; one comes after the other */
    double hours_before[FLEET_COUNT]; /* shard-hours before the producers began */
    size_t hold_phase;                /* the last in which it was told why nothing is given back */
};

struct demo {
    struct config *config;
    struct scaled_clock clock;
    struct sim_server *sim;
    struct daemon *daemon;
    struct account account;
    struct store *store;
    char folder[64];
    int64_t hours;
    int64_t friday_ms; /* midnight */
    int64_t day_ms;    /* when the daemon began: DEMO_FIRST_HOUR for the producers */
    int64_t start_ms;  /* when the producers began, some minutes later */
    int64_t last_notification, last_decision;
    struct seen_alarm alarms[DEMO_ALARMS_MAX];
    size_t alarm_count;
    struct seen_stream *streams; /* as in config */
    size_t phase;                /* the next one to be told */
    int actions;                 /* that changed the shards */
    bool gave_back;              /* one of them left fewer than there were */
};

/* ---- demo_scene.c */

const char *demo_fleet_name(enum demo_fleet fleet); /* "left alone" */
enum { FLEET_STREAM_SIZE = STREAM_NAME_SIZE + 16 };
void demo_fleet_stream(const struct stream_config *stream, enum demo_fleet fleet,
                       char ret_name[FLEET_STREAM_SIZE]);
/* What a stream has at the start. */
int64_t demo_fleet_shards(const struct stream_config *stream, enum demo_fleet fleet);

/* The demo begins on a Friday at this hour. */
enum { DEMO_FIRST_HOUR = 5 };
/* Starts the clock, at the last Friday before today.  `speed` at least 2. */
void demo_start_clock(struct demo *demo, double speed);
/* The simulated AWS, the daemon and the scene; start_ms is written.  demo_stop() also after a failure. */
int demo_start(struct demo *demo, struct error *err);
void demo_stop(struct demo *demo);

/* ---- demo_provision.c */

/*
 * What `kinescale provision` does, with the configuration of the demo: stacks from the templates, of the service and of
 * each stream.  With `tell` each is told.  ERROR_BUG when one failed.
 */
int demo_provision(struct demo *demo, const char *public_url, bool tell, struct error *err);

/* ---- demo_watch.c */

/* Tells what happens until `until_ms` or until *interrupted. */
void demo_watch(struct demo *demo, int64_t until_ms, const volatile sig_atomic_t *interrupted);

/* ---- demo_sum.c */

/* What is summed up later counts from now on. */
int demo_begin_sum(struct demo *demo, struct error *err);

/* *ret_better: together the streams lost less than those left alone. */
int demo_summarise(const struct demo *demo, bool *ret_better, struct error *err);

#endif
