/*
 * provisioning.h - the parts of provision.c.
 *
 * Internal to engine/.
 */
#ifndef ENGINE_PROVISIONING_H
#define ENGINE_PROVISIONING_H

#include "aws/cloudformation.h"
#include "aws/cloudwatch.h"
#include "engine/provision.h"

enum stage {
    STAGE_LOOK,   /* look and plan */
    STAGE_BEGIN,  /* planned; too many streams are being made for one more */
    STAGE_CLEAR,  /* what was rolled back is being deleted */
    STAGE_CHANGE, /* the change set is being made */
    STAGE_MAKE,   /* AWS makes or updates the stack */
    STAGE_OVER
};

/* What there is of a row besides what it shows. */
struct way {
    struct provision_row row;
    const struct stream_config *config; /* NULL: the service */
    enum stage stage;
    bool updates;        /* STAGE_MAKE: an update */
    bool changes_stream; /* of the plan, as the next two */
    bool incomplete;
    bool after_failure;
    int64_t due_ms;
    int64_t waiting_since_ms; /* for somebody else; 0: not */
    int failures;             /* in a row */
    int looks;
    char last_told[256]; /* id of the last event */
    char change_set[CHANGE_SET_NAME_SIZE];
};

struct provision {
    struct provision_options options;
    const char *topic_arn; /* the first one: where the alarms shall publish to */
    struct way *ways;      /* the service's first */
    struct provision_row *rows;
    size_t count;
    struct alarm_list alarms; /* that publish to a topic of ours */
    bool alarms_known;
    bool topic_there; /* the topic exists, or was made */
};

/* ---- provision_look.c: what is so; no decision but the plan's */

/* Looks at all that the plan for a row wants, and makes it. */
int provision_plan_row(struct provision *provision, struct way *way, struct provision_plan *ret_plan,
                       struct error *err);

#endif
