/*
 * sim_wire.h - a simulated AWS in the test's own process, asked without sockets.
 *
 * Signatures are off, but for what test_sim_auth.c asks itself.
 */
#ifndef TESTS_SIM_WIRE_H
#define TESTS_SIM_WIRE_H

#include "aws_request.h"

#define START_MS 1763683200000 /* 2025-11-21T00:00:00Z */
#define KINESIS "Kinesis_20131202."
#define GRANITE "GraniteServiceVersion20100801."
#define JSON_1_1 "application/x-amz-json-1.1"
#define JSON_1_0 "application/x-amz-json-1.0"
#define FORM "application/x-www-form-urlencoded; charset=utf-8"
/* Well-formed, and no more. */
#define AUTHORIZATION \
    "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0"

/* Fixture. */
extern struct sim *sim;
extern struct sim_response response; /* the last one */
void make_sim(void);
void drop_sim(void);

/* Each gives the body of the answer.  `operation` with its prefix: KINESIS "SplitShard". */
const char *answer(struct test_request *test);
const char *json(const char *operation, const char *body);
const char *query(const char *body);

void expect(int status, const char *body);
void expect_has(const char *text);
void expect_not(const char *text);
/* ACTIVE when it returns. */
void make_stream(const char *name, int shards);
/* `text` is freed; the caller frees what it gets. */
char *replaced(char *text, const char *what, const char *with);

#endif
