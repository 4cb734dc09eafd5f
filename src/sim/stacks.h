/*
 * stacks.h - CloudFormation's stacks: what they hold, what happens to them, and change sets.
 *
 * A stack in a status that ends in _IN_PROGRESS works when time comes (stack->event_ms): resources whose needs are met
 * are begun side by side, and each takes at least RESOURCE_MS of the model's time.  stack_run.c has the stages as a
 * table.
 *
 *   CREATE ------> CREATE_COMPLETE            UPDATE ------> ..._CLEANUP --> UPDATE_COMPLETE
 *      `-failed--> ROLLBACK --> ROLLBACK_COMPLETE   `-failed--> UPDATE_ROLLBACK --> ..._CLEANUP
 *                                                                                --> UPDATE_ROLLBACK_COMPLETE
 *
 * Compared is what the templates say, never what is there: like AWS, it does not notice that somebody else changed a
 * resource.
 */
#ifndef SIM_STACKS_H
#define SIM_STACKS_H

#include "resources.h"
#include "template.h"

enum {
    FAILURES_MAX = 100,
    STACKS_MAX = 2000,       /* AWS's, deleted ones included here: the oldest of these make room */
    STACK_EVENTS_MAX = 2000, /* of one stack; the oldest make room */
    CHANGE_SETS_MAX = 100,   /* of one stack */
    RESOURCE_MS = 1000,
    CHANGE_SET_MS = 1000,
};

enum stack_status {
    STACK_REVIEW_IN_PROGRESS,
    STACK_CREATE_IN_PROGRESS,
    STACK_CREATE_FAILED,
    STACK_CREATE_COMPLETE,
    STACK_ROLLBACK_IN_PROGRESS,
    STACK_ROLLBACK_FAILED,
    STACK_ROLLBACK_COMPLETE,
    STACK_UPDATE_IN_PROGRESS,
    STACK_UPDATE_COMPLETE_CLEANUP_IN_PROGRESS,
    STACK_UPDATE_COMPLETE,
    STACK_UPDATE_FAILED, /* where rolling back was disabled */
    STACK_UPDATE_ROLLBACK_IN_PROGRESS,
    STACK_UPDATE_ROLLBACK_FAILED,
    STACK_UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS,
    STACK_UPDATE_ROLLBACK_COMPLETE,
    STACK_DELETE_IN_PROGRESS,
    STACK_DELETE_FAILED,
    STACK_DELETE_COMPLETE,
};
const char *stack_status_name(enum stack_status status); /* "CREATE_COMPLETE" */

enum work { WORK_NONE, WORK_WAITING, WORK_RUNNING, WORK_DONE, WORK_FAILED };

struct resource {
    char *logical;
    const struct resource_type *type;
    char *physical;    /* NULL: it is not there */
    cJSON *properties; /* as it was made or changed last */
    cJSON *attributes;
    cJSON *needs; /* logical ids */
    char deletion_policy[32], replace_policy[32];
    char status[48]; /* "CREATE_COMPLETE"; "" before anything happened */
    char *reason;    /* NULL when there is none */
    int64_t changed_ms;

    /* of the running operation */
    bool is_new;               /* made by it */
    bool is_kept;              /* not to be deleted, whatever the stage */
    struct resource *replaced; /* what it took the place of */
    cJSON *tried; /* properties of the deed that is under way or failed; NULL when there is none */
    enum work work;
    const char *deed; /* "CREATE", "UPDATE", "DELETE" */
    int64_t until_ms;
};

struct stack_event {
    char id[200];
    char *logical, *physical, *reason, *properties, *token; /* all but logical and physical may be NULL */
    const char *type;                                       /* static */
    char status[64];
    int64_t at_ms;
};

enum execution { EXECUTION_POSSIBLE, EXECUTION_DONE, EXECUTION_OBSOLETE };

struct change_set {
    char *name, *id, *description, *token; /* description and token may be NULL */
    struct declaration *declaration;       /* NULL once it was executed */
    cJSON *parameters;                     /* as the answer shows them */
    cJSON *changes;                        /* a list, as the answer shows it */
    cJSON *tags, *capabilities;
    bool creates;
    char *failure; /* NULL: it can be executed */
    enum execution execution;
    int64_t created_ms, ready_ms;
};

struct stack {
    char *name, *id;
    enum stack_status status;
    char *reason;                               /* NULL when there is none */
    int64_t created_ms, updated_ms, deleted_ms; /* 0: not yet */
    struct declaration *current;                /* what it holds; NULL before it was made */
    struct declaration *wanted;                 /* of the running operation */
    struct resource **resources;                /* in the template's order */
    size_t resource_count;
    struct resource **leftovers; /* to be deleted */
    size_t leftover_count;
    cJSON *outputs; /* key -> {Value, Description}, final */
    cJSON *tags, *capabilities;
    char *token, *token_of; /* of the last operation ("CreateStack"); NULL when it had none */
    bool is_protected, keeps_failure, deletes_failure, retains_except_on_create;
    struct stack_event *events; /* oldest first */
    size_t event_count;
    struct change_set **change_sets;
    size_t change_set_count;
    int64_t event_ms; /* when it goes on; INT64_MAX */
};

/* A deed that shall fail. */
struct planned_failure {
    char logical[256];
    const char *deed; /* "CREATE", "UPDATE", "DELETE" */
    char *reason;
    int64_t times;
};

struct stacks {
    struct stack **items; /* oldest first */
    size_t count;
    struct planned_failure *failures;
    size_t failure_count;
};

/* ---- stacks.c */

/* Made when there is none yet. */
struct stacks *stacks_of(struct sim *sim);
void stacks_free(struct stacks *stacks); /* accepts NULL */
/* By name (not the deleted ones) or by id; NULL when there is none. */
struct stack *stack_find(struct sim *sim, const char *name_or_id);
/* LimitExceededException. */
int stack_new(struct sim *sim, const char *name, struct stack **ret_stack, struct fault *fault);
/* As if it had never been: of a review that comes to nothing. */
void stack_forget(struct sim *sim, struct stack *stack);
struct resource *stack_find_resource(const struct stack *stack, const char *logical);
struct resource *resource_new(const char *logical, const struct resource_type *type);
void resource_free(struct resource *resource); /* accepts NULL */
/* The resource takes this status, and an event says so.  `reason` may be NULL. */
void stack_resource_status(struct sim *sim, struct stack *stack, struct resource *resource, const char *deed,
                           const char *progress, const char *reason);
/* The stack takes this status, and an event says so.  `reason` may be NULL. */
void stack_set_status(struct sim *sim, struct stack *stack, enum stack_status status, const char *reason);
bool stack_is_busy(const struct stack *stack);
void change_set_free(struct change_set *change_set); /* accepts NULL */

/* ---- stack_run.c */

/* Begins a stage: CREATE_IN_PROGRESS and UPDATE_IN_PROGRESS with `wanted` (taken over), DELETE_IN_PROGRESS with NULL. */
void stack_begin(struct sim *sim, struct stack *stack, enum stack_status status, struct declaration *wanted);
/* What model.c needs. */
int64_t stacks_next_ms(const struct sim *sim);
void stacks_advance(struct sim *sim);

/* ---- stack_deeds.c: one resource.  Each leaves work, status and events behind. */

/* Brings a resource to what is declared: made, changed, replaced, or left as it is. */
void resource_apply(struct sim *sim, struct stack *stack, struct resource *resource, const cJSON *declared);
void resource_remove(struct sim *sim, struct stack *stack, struct resource *resource);
/* A deed under way, when its time has come. */
void resource_go_on(struct sim *sim, struct stack *stack, struct resource *resource);
/* The resource that was replaced has its place again; the new one is the caller's. */
struct resource *resource_take_back(struct resource *resource);

/* ---- change_sets.c */

/* What an update from the stack's declaration to another would do, as a list of Changes. */
cJSON *stack_changes(const struct stack *stack, const struct declaration *wanted);
/* Whether there is nothing to do, outputs and tags (NULL: as they are) included. */
bool stack_is_same(const struct stack *stack, const struct declaration *wanted, const cJSON *tags);
/* By name or id; NULL when there is none. */
struct change_set *stack_find_change_set(const struct stack *stack, const char *name_or_id);
void stack_drop_change_set(struct stack *stack, const struct change_set *change_set);

#endif
