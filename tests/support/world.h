/*
 * world.h - the real engine, the real store and the simulated AWS in one thread and in virtual time
 * (cli/inprocess.h), and what tests want besides.
 *
 * The simulated AWS stands behind the transport seam, so that no socket is needed and a day passes in
 * milliseconds.  A test sets the scene by AWS's own operations, lets time pass, and asks what was done.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "aws/client.h"
#include "base/clock.h"
#include "cli/inprocess.h"
#include "engine/engine.h"
#include "scaling/config.h"
#include "sim/sim.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/streams.h"
#include "trouble.h"

#include <cjson/cJSON.h>

#define WORLD_TOPIC "arn:aws:sns:us-east-1:000000000000:kinescale"

enum { WORLD_CALLS_MAX = 65536, MINUTE_MS = 60000, HOUR_MS = 3600000 };

struct world_call {
    char operation[48]; /* "SplitShard" */
    int64_t at_ms;
    int status;
    char error_type[64];
};

/* What happens to the next requests, before they reach the simulated AWS or after. */
enum world_fault {
    FAULT_NONE,
    FAULT_UNHEARD, /* the connection fails before the request is heard */
    FAULT_LOST,    /* it was executed, the answer is lost */
    FAULT_DENIED,  /* AccessDeniedException */
    FAULT_CLOCK,   /* InvalidSignatureException: the clock of this machine is off, by `clock_off_ms` */
};

struct world {
    struct virtual_clock clock;
    struct sim *sim;
    struct transport transport; /* world.c finds the world around it */
    struct sim_transport inner;
    struct credentials_provider *credentials;
    struct aws_client *aws;
    struct config *config;
    const char *defaults; /* before the streams of every configuration */
    struct store *store;
    struct engine *engine;
    char database[128];
    int64_t reconcile_at_ms; /* INT64_MAX: never */
    bool deaf;               /* deliveries of SNS go nowhere */
    size_t taken;            /* new messages of SNS that were answered 200 */
    int64_t answer_ms;       /* how long each request takes; 0 at first */
    void (*meanwhile)(
        struct world *world); /* once, while the next PutMetricAlarm is under way; NULL: nothing */
    /* After AWS did what the program asked of it, whatever the program hears of that; NULL: nobody looks. */
    void (*watch)(struct world *world, const struct aws_request *request, const char *operation);
    void *watcher; /* for `watch` */
    struct world_call *calls;
    size_t call_count;
    /* The fault strikes operation `fault_operation` (NULL: any) when `fault_after` of them have gone by. */
    enum world_fault fault;
    const char *fault_operation;
    int fault_after;
    int fault_times;
    int64_t clock_off_ms;
    /* Of another sort, and up to two of them; request numbers count from when they were set. */
    struct trouble troubles[2];
    int trouble_count;
    int requests;
    /* The program dies at this request, sent or not; 0: never.  Nothing that it stores afterwards lasts. */
    int kill_at;
    bool kill_unheard;
    bool killed; /* until world_restart() */
};

/* `streams` are [stream NAME] sections (and [defaults]) of streams.conf; topic and region are WORLD's.
 * Begins at 2026-03-02 00:00 UTC.  Fails the test when anything is wrong. */
struct world *world_new(const char *streams, const struct sim_options *options);
/* The same with `policy = classic` in [defaults]; other defaults may stand before the first section of `streams`. */
struct world *world_new_classic(const char *streams, const struct sim_options *options);
void world_free(struct world *world);
/* The program alone: engine, store and AWS client.  It is started when the world is new. */
void world_stop(struct world *world);
void world_start(struct world *world);
/* As a kill and a restart: a new engine with a new owner on the same database. */
void world_restart(struct world *world);
/* The program dies now: nothing that it stores from here on lasts. */
void world_kill(struct world *world);
/* As above, with other sections in streams.conf. */
void world_configure(struct world *world, const char *streams);

/* A request as an operator would send it; the answer is the caller's.  Fails the test unless it is a 200. */
cJSON *world_kinesis(struct world *world, const char *operation, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with any answer: its status.  The answer is the caller's. */
int world_ask(struct world *world, const char *target, const char *body, struct aws_answer *ret_answer);
cJSON *world_cloudwatch(struct world *world, const char *operation, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A stream of `shards`, ACTIVE; its three alarms at 80 % of that; the topic, subscribed and confirmed. */
void world_scene(struct world *world, const char *stream, int shards);
void world_traffic(struct world *world, const char *stream, const char *load, int64_t record_bytes,
                   const char *keys);

/* The next `times` requests of that operation (NULL: of any) meet the fault; `world->fault = FAULT_NONE` ends it. */
void world_strike(struct world *world, enum world_fault fault, const char *operation, int times);

/* Everything that falls due happens until `ms` have passed, or the program dies. */
void world_run(struct world *world, int64_t ms);

/* ---- questions */
/* The newest; zeroed when there is none. */
struct decision world_last_decision(struct world *world, const char *stream);
size_t world_count_calls(const struct world *world, const char *operation);
/* Open shards; the map begins zeroed and is the caller's. */
void world_shards(struct world *world, const char *stream, struct shard_map *ret_map);
/* Of `orders`; zeroed when it never had one. */
struct action world_last_action(struct world *world);
int64_t world_open_shards(struct world *world, const char *stream);
/* What is stored of `orders`, and what the simulated AWS counts of it. */
struct stream_state world_state(struct world *world);
struct sim_totals world_totals(struct world *world);
/* Was there such a decision about `orders`, with this in its reason? */
bool world_was_decided(struct world *world, const char *verdict, const char *why);
/* Calls that change the number of shards, refused ones too. */
size_t world_reshards(const struct world *world);
/* Alarm by name, with every field; the caller's. */
cJSON *world_alarm(struct world *world, const char *name);
double world_threshold(struct world *world, const char *name);
/* "OK", "ALARM"... static */
const char *world_alarm_state(struct world *world, const char *name);
/* Fails the test unless the open shards cover the hash key space exactly once. */
void world_assert_partition(struct world *world, const char *stream);

#endif
