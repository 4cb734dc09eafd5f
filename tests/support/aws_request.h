/*
 * aws_request.h - requests to the simulated AWS, signed by code of the tests' own.
 *
 * Nothing of src/ is in here, so that a mistake there cannot hide: the signature is checked
 * against AWS's published example in test_sim_wire.c.
 */
#ifndef TESTS_AWS_REQUEST_H
#define TESTS_AWS_REQUEST_H

#include "sim/sim.h"

enum { TEST_HEADERS_MAX = 16 };

struct test_request {
    struct sim_request request; /* for sim_answer() */
    char names[TEST_HEADERS_MAX][64];
    char values[TEST_HEADERS_MAX][1024];
    size_t count;
};

/* Borrows the texts; a Host header is there already. */
void test_request_init(struct test_request *test, const char *method, const char *path, const char *query,
                       const char *body);
/* Sets or, with NULL, removes. */
void test_request_header(struct test_request *test, const char *name, const char *value);

struct test_signature {
    const char *access_key_id, *secret, *region, *service;
    const char *token; /* NULL when there is none */
    const char *time;  /* "20150830T123600Z"; NULL: the wall clock's */
};
/* Adds X-Amz-Date, X-Amz-Security-Token and Authorization over all headers there are. */
void test_request_sign(struct test_request *test, const struct test_signature *signature);

#endif
