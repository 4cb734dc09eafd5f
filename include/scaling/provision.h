/*
 * provision.h - which stacks there shall be, what they are given, and what is to be done with each.
 *
 * Pure.  The parameters are those of cfn/service.yaml and cfn/stream.yaml.  What exists is never shrunk, grown or
 * replaced: a stack that is made for a stream that exists holds alarms only, and a stack that must be updated is given
 * the shards and thresholds there are.
 */
#ifndef SCALING_PROVISION_H
#define SCALING_PROVISION_H

#include "scaling/alarms.h"
#include "scaling/config.h"

/* ---- parameters and outputs of a stack */

struct stack_value {
    char *name;
    char *value;
};
struct stack_values {
    struct stack_value *items; /* owned, each name once */
    size_t count;
};
void stack_values_set(struct stack_values *values, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* NULL when it is not there. */
const char *stack_values_get(const struct stack_values *values, const char *name);
void stack_values_clear(struct stack_values *values); /* begins zeroed */

/* ---- names */

enum { STACK_NAME_SIZE = 129 };
/* Room for the longest name of each of the three alarms, and what to do about it. */
enum { PROVISION_NOTE_SIZE = 1280 };

/*
 * "kinescale-service-TOPIC" and "kinescale-stream-NAME".  Stacks may have neither '_' nor '.' in their names and at
 * most 128 characters: where something had to be changed, a hash of the whole name tells two such apart.
 */
void provision_service_stack(const char *topic, char ret_name[STACK_NAME_SIZE]);
void provision_stream_stack(const char *stream, char ret_name[STACK_NAME_SIZE]);
enum { CHANGE_SET_NAME_SIZE = 64 };
/* The same for the same template and parameters: a run that was killed finds what it had begun, and two at once do not
 * make two. */
void provision_change_set(const char *template, const struct stack_values *parameters,
                          char ret_name[CHANGE_SET_NAME_SIZE]);
/* As cfn/stream.yaml calls it. */
void provision_alarm_name(const char *stream, enum alarm_metric metric, char ret_name[ALARM_NAME_SIZE]);

/* ---- what the status of a stack means */

enum stack_phase {
    STACK_ABSENT,      /* status "" */
    STACK_AT_REST,     /* can be updated */
    STACK_MOVING,      /* somebody is at work on it */
    STACK_ROLLED_BACK, /* was never made; holds nothing, and can only be deleted */
    STACK_STUCK,       /* only people can help; see stack_advice() */
};
/* A status that is not known is STUCK. */
enum stack_phase stack_phase(const char *status);
/* Did what was begun succeed?  Of a stack at rest. */
bool stack_succeeded(const char *status);
/* What to do about a stack that is stuck; never NULL. */
const char *stack_advice(const char *status);

struct stack_facts {
    char status[64]; /* "" when there is none */
    struct stack_values parameters;
    bool template_same; /* the one of this program */
};

/* ---- plans */

enum provision_deed {
    PROVISION_LEAVE,  /* nothing to do; see reason */
    PROVISION_CREATE, /* there is no such stack */
    PROVISION_CLEAR,  /* delete what was rolled back, then look again */
    PROVISION_UPDATE,
    PROVISION_WAIT,   /* somebody is at work on the stack or the stream; look again */
    PROVISION_REFUSE, /* somebody must decide; see reason */
    PROVISION_DEED_COUNT
};
const char *provision_deed_name(enum provision_deed deed); /* "leave", "create"... */

struct provision_plan {
    enum provision_deed deed;
    struct stack_values parameters; /* with CREATE and UPDATE: all of them */
    bool changes_stream;            /* with UPDATE: the stack holds a stream that exists */
    bool incomplete;                /* an alarm of the stack is missing, and no other does its work */
    bool after_failure;             /* with UPDATE: the last one failed */
    char reason[384];
    char note[PROVISION_NOTE_SIZE]; /* what the operator should know besides; "" */
};
void provision_plan_clear(struct provision_plan *plan); /* begins zeroed */

/* An alarm on a metric of the stream that has our topic among its actions. */
struct alarm_fact {
    bool own; /* has the name that the template gives */
    int64_t period_s;
    double threshold;
    char other[ALARM_NAME_SIZE]; /* one of another name, "" when there is none */
};
struct stream_facts {
    bool exists;
    bool active;
    bool on_demand;
    int64_t open_shards;
    double capacity_shards; /* alarm_capacity() of what is there */
    struct alarm_fact alarms[ALARM_METRIC_COUNT];
    const char *topic_arn; /* where its alarms shall publish to */
    const char *stack_name;
    struct stack_facts stack;
};
void plan_stream_stack(const struct stream_config *config, const struct stream_facts *facts,
                       struct provision_plan *ret_plan);

struct service_facts {
    const char *partition, *region, *account; /* of the topic */
    const char *topic;                        /* its name */
    bool topic_exists;
    bool subscribed;                 /* the endpoint is, whoever did it */
    bool pending;                    /* ...and it is not confirmed yet */
    const char *const *other_alarms; /* names of alarms with our topic that no template made */
    size_t other_alarm_count;
    const char *stack_name;
    struct stack_facts stack;
};
void plan_service_stack(const struct config *config, const struct service_facts *facts,
                        struct provision_plan *ret_plan);

#endif
