/*
 * credentials_support.h - an environment, a home and a network of one's own.
 */
#ifndef TESTS_CREDENTIALS_SUPPORT_H
#define TESTS_CREDENTIALS_SUPPORT_H

#include "aws/credentials.h"

#include <check.h>

#define START "2026-11-21T08:00:00Z"
#define SECRET "SecretSecretSecretSecret" /* must not be seen in any message */
#define TOKEN "TokenSecretTokenSecret"

/* What is asked, and what is answered.  What is NULL in the question may be anything. */
struct exchange {
    const char *method;
    const char *url;
    const char *header; /* "Name: value" */
    const char *body;   /* a part of it */
    const char *key;    /* access key id it is signed with; "" for not signed */
    int status;
    const char *answer;
    enum error_kind failure; /* instead of an answer */
};

struct credentials_world {
    struct transport transport;
    struct virtual_clock clock;
    struct exchange exchanges[12]; /* in their order; ends with a NULL method */
    size_t asked;
    const char *home; /* with an empty .aws/ in it */
    struct {
        char name[64];
        char value[512];
    } environment[16];
    struct credentials_options options;
};
extern struct credentials_world world;

void world_set_up(void);
void world_tear_down(void); /* fails the test when not all that was to be asked was asked */
/* Copied, as the test's own end with it, but not those who look whether all was asked; NULL for none. */
void world_answer(const struct exchange *exchanges);
void world_setenv(const char *name, const char *value);
void world_config(const char *text);
void world_credentials(const char *text);

/* A provider for one get: fails the test unless it has this key; the caller clears. */
void world_get(const char *key, struct credentials *ret_credentials);
/* Fails the test unless a get fails with this kind and a text with `saying` in it, and no secret. */
void world_fail(enum error_kind kind, const char *saying);
void check_failure(const struct error *err, enum error_kind kind, const char *saying);

#endif
