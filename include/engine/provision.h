/*
 * provision.h - makes what streams.conf declares and AWS lacks: a stack for the service, then one per stream.
 *
 * A passive object like the engine: somebody gives it turns.  Nothing is stored, because what AWS shows is all there
 * is to know: killed and begun again, it goes on.  Two at once meet at CloudFormation, which lets one at a stack.
 */
#ifndef ENGINE_PROVISION_H
#define ENGINE_PROVISION_H

#include "aws/client.h"
#include "scaling/provision.h"

/* The templates in cfn/ as this program holds them; static. */
const char *provision_service_template(void);
const char *provision_stream_template(void);

enum provision_result {
    PROVISION_OPEN, /* not yet over */
    PROVISION_MADE,
    PROVISION_UPDATED,
    PROVISION_UNCHANGED,  /* there was nothing to do; in a dry run see `deed` for what there would be */
    PROVISION_INCOMPLETE, /* as UNCHANGED, but an alarm of the stack is missing: see note */
    PROVISION_BUSY,       /* somebody else was at work on it for too long */
    PROVISION_FAILED,
};
const char *provision_result_name(enum provision_result result); /* "made", "unchanged"... */

/* One stack. */
struct provision_row {
    const char *stream; /* NULL: the service */
    char stack[STACK_NAME_SIZE];
    enum provision_deed deed; /* what was, or in a dry run would be, done */
    enum provision_result result;
    char doing[64];                 /* while it is open: "creating" */
    struct stack_values parameters; /* those it was, or would be, given */
    char reason[1400];              /* why; with FAILED what AWS says about it */
    char note[PROVISION_NOTE_SIZE]; /* what the operator should know besides; "" */
};

struct provision_options {
    const struct config *config; /* borrowed, as all below */
    struct aws_client *aws;
    struct clock *clock;
    bool dry_run; /* only what reads is called */
    const char *const *streams;
    size_t stream_count;
    /* One event on the way: "Stream CREATE_COMPLETE".  May be NULL. */
    void (*tell)(void *context, const struct provision_row *row, const char *text);
    void *context;
};

struct provision;

/* ERROR_CONFIG for a stream that is not configured, or two whose stacks would have the same name. */
int provision_new(const struct provision_options *options, struct provision **ret_provision,
                  struct error *err);
void provision_free(struct provision *provision);

/*
 * Each stack whose time has come is taken one step further; a failure stays in its row.  Returns when the next one is
 * due (Unix milliseconds), INT64_MAX when all is over.
 */
int64_t provision_turn(struct provision *provision);

/* The service's first. */
const struct provision_row *provision_rows(const struct provision *provision, size_t *ret_count);

#endif
