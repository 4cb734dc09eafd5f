/*
 * resources.h - the types of resources that the simulated CloudFormation makes, as a table.
 *
 * A type does what CloudFormation's handlers do: it calls the operations of the service as any client would (through
 * wire_perform(), so that what is refused is refused in the service's own words).  What has no operation here (queues,
 * rights) is kept by the model.  Called with the model's lock held.
 */
#ifndef SIM_RESOURCES_H
#define SIM_RESOURCES_H

#include "model.h"
#include "wire_shapes.h"

#include <cjson/cJSON.h>

/* One resource as a handler sees it. */
struct handle {
    struct sim *sim;
    const cJSON *
        properties; /* final, checked against the shape; what is wanted, or what is there when it is deleted */
    const cJSON *before; /* of an update: what was there */
    char *physical;      /* what Ref gives; made by create() with must_...(), owned by the caller */
    cJSON *attributes;   /* what Fn::GetAtt gives, by name; an object that the handlers fill */
};

/* -1 with *fault in the service's own words. */
typedef int handler_fn(struct handle *handle, struct fault *fault);
/* 1: it has come to rest; 0: ask again later; -1: it failed. */
typedef int settled_fn(struct handle *handle, struct fault *fault);

struct resource_type {
    const char *name; /* "AWS::Kinesis::Stream" */
    const struct shape *properties;
    const char *name_property; /* made up when it is not given; NULL: the type has no name */
    size_t name_max;
    const char *const *create_only; /* properties whose change makes another resource; ends with NULL */
    const char *const *attributes;  /* of Fn::GetAtt; ends with NULL */
    bool is_right;                  /* asks for a capability */
    handler_fn *create, *update;    /* update NULL: every change makes another resource */
    handler_fn *remove;             /* what is gone already is no fault */
    settled_fn *settled;            /* NULL: at once; asked after create and update */
    settled_fn *gone;               /* NULL: at once; asked after remove */
};
/* Ends with a NULL name. */
extern const struct resource_type resource_types[];
/* NULL when there is none. */
const struct resource_type *resource_type_find(const char *name);
bool resource_type_has_attribute(const struct resource_type *type, const char *attribute);
bool resource_type_is_create_only(const struct resource_type *type, const char *property);

/* ---- resource_shapes.c: properties against the shape of a type */

/* The keys of a resource in a template, as far as functions leave them open. */
int resource_check_keys(const struct resource_type *type, const char *logical, const cJSON *properties,
                        struct fault *fault);
/* Final values: texts become the numbers and truth values that the shape wants (and the other way round), then every
 * limit is checked.  The caller deletes. */
int resource_check_values(const struct resource_type *type, const char *logical, const cJSON *properties,
                          cJSON **ret_values, struct fault *fault);

extern const struct shape shape_resource_stream, shape_resource_topic, shape_resource_subscription,
    shape_resource_topic_policy, shape_resource_queue, shape_resource_queue_policy,
    shape_resource_managed_policy;

/* ---- for the handlers */

/* An operation of a service, at CloudFormation's own request: no quota of requests counts.  `input` is taken over;
 * ret_output may be NULL. */
int resource_call(struct handle *handle, int service, const char *operation, cJSON *input, cJSON **ret_output,
                  struct fault *fault);
/* Adds or replaces. */
void resource_attribute(struct handle *handle, const char *name, const char *value);
/* "AlreadyExists", with the text of CloudFormation's own. */
int resource_exists(const char *type, const char *identifier, struct fault *fault);

handler_fn resource_create_stream, resource_update_stream, resource_remove_stream;
settled_fn resource_stream_settled, resource_stream_gone;
handler_fn resource_create_topic, resource_update_topic, resource_remove_topic;
handler_fn resource_create_subscription, resource_update_subscription, resource_remove_subscription;
handler_fn resource_put_topic_policy, resource_remove_topic_policy;
handler_fn resource_create_queue, resource_update_queue, resource_remove_queue;
handler_fn resource_put_queue_policy, resource_remove_queue_policy;

#endif
