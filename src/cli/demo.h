/*
 * demo.h - what the files of the demo share.
 *
 * Internal to cli/: demo.c is the command, demo_scene.c sets everything up, demo_watch.c tells what happens,
 * demo_sum.c what it came to.
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

struct seen_alarm {
    char name[ALARM_NAME_SIZE];
    enum alarm_state state;
    int64_t transitioned_ms;
    double threshold;
};

/* What the watcher keeps of one stream. */
struct seen_stream {
    int64_t most_shards; /* that an action ended with */
    size_t hold_phase;   /* the last in which it was told why nothing is given back */
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
    int64_t start_ms;
    int64_t last_notification, last_action_begun, last_action_ended, last_decision;
    struct seen_alarm alarms[DEMO_ALARMS_MAX];
    size_t alarm_count;
    struct seen_stream *streams; /* as in config */
    size_t phase;                /* the next one to be told */
    int actions;                 /* that changed the shards */
};

/* ---- demo_scene.c */

/* The same producers write to three streams of each name. */
enum demo_fleet { FLEET_KINESCALE, FLEET_LEFT_ALONE, FLEET_FOR_THE_PEAK, FLEET_COUNT };
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

/* ---- demo_watch.c */

/* Tells what happens until `until_ms` or until *interrupted. */
void demo_watch(struct demo *demo, int64_t until_ms, const volatile sig_atomic_t *interrupted);

/* ---- demo_sum.c */

/* *ret_better: together the streams lost less than those left alone. */
int demo_summarise(const struct demo *demo, bool *ret_better, struct error *err);

#endif
