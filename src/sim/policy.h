/*
 * policy.h - policy documents: whether they are well-formed, and what those of topics and queues let a service do.
 */
#ifndef SIM_POLICY_H
#define SIM_POLICY_H

#include "model.h"

#include <cjson/cJSON.h>

enum policy_kind {
    POLICY_OF_IDENTITY, /* of roles and users: resources, no principal */
    POLICY_OF_RESOURCE, /* of topics and queues: a principal */
};

/* -1 with a fault of `type` that says what is wrong. */
int policy_check(const cJSON *document, enum policy_kind kind, const char *type, struct fault *fault);

/* An AWS service that wants to do something for somebody. */
struct policy_question {
    const char *service;        /* "cloudwatch.amazonaws.com" */
    const char *action;         /* "sns:Publish" */
    const char *resource;       /* ARN */
    const char *source_arn;     /* for whom; aws:SourceArn */
    const char *source_account; /* aws:SourceAccount */
};
/* `document`: JSON that policy_check() has seen.  Conditions other than comparisons of aws:SourceArn and
 * aws:SourceAccount (StringEquals, StringLike, ArnEquals, ArnLike) are not fulfilled. */
bool policy_allows(const char *document, const struct policy_question *question);

#endif
