/*
 * trouble.h - what can go wrong with a request to AWS.
 */
#ifndef TESTS_TROUBLE_H
#define TESTS_TROUBLE_H

#include "aws/transport.h"

struct trouble_kind {
    const char *name;
    bool executed; /* AWS did what it was asked to, and then this */
    int status;    /* of the answer; 0: there is none */
    const char *body;
    int64_t takes_ms; /* until the program knows */
    int times;        /* so many requests in a row meet it */
    bool for_good;    /* AWS says that it will never do it */
};
extern const struct trouble_kind trouble_kinds[];
extern const int trouble_kind_count;

struct trouble {
    const struct trouble_kind *kind;
    int at;     /* the request it begins with, from 0 */
    int struck; /* so many have met it */
};

/* Which of `count` troubles request number `request` meets; NULL for none.  Counts. */
const struct trouble_kind *trouble_due(struct trouble *troubles, int count, int request);
/* The answer, or none: what the transport returns. */
int trouble_answer(const struct trouble_kind *kind, struct aws_answer *ret_answer, struct error *err);

#endif
