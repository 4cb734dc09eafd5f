/*
 * script.h - a transport that plays a conversation with AWS, and a client on top of it.
 *
 * Each exchange says what must be asked and what is answered.  A question out of turn, or another one
 * than was expected, fails the test.  Time is virtual: waiting costs nothing and can be measured.
 */
#ifndef TESTS_SCRIPT_H
#define TESTS_SCRIPT_H

#include "aws/client.h"

/* An exchange says only what makes it different; the rest stays zero. */
struct exchange {
    const char *operation;  /* the end of X-Amz-Target, or Action of a form; NULL: anything */
    const char *request;    /* the whole body; NULL: anything */
    const char *contains;   /* a part of the body */
    int status;             /* 0: 200 */
    const char *answer;     /* body; NULL: none */
    size_t answer_length;   /* 0: strlen(answer) */
    enum error_kind fails;  /* no answer at all, with an error of this kind */
    const char *error_type; /* x-amzn-errortype */
    const char *request_id;
    int64_t retry_after_ms;    /* 0: absent */
    int64_t clock_off_ms;      /* Date is the system's time minus this; 0: absent */
    const char *access_key_id; /* the one that must sign; NULL: anyone */
    int took_ms;               /* how long the exchange takes */
};

struct script {
    struct transport transport; /* first: a pointer to it is a struct transport */
    struct virtual_clock *clock;
    const struct exchange *exchanges;
    size_t count, next;
    char *last_request; /* body of the last question */
};

/* A client with a script below it. */
struct conversation {
    struct script script;
    struct virtual_clock clock;
    struct credentials_provider *credentials;
    struct aws_client *client;
};

/* The environment of a conversation, unless it is given another one: keys "AKIDSCRIPT0000000001". */
const char *conversation_keys(const char *name);
/* Region eu-west-1, those keys, dice that always fall on 0.5. */
void conversation_open(struct conversation *conversation, const struct exchange *exchanges, size_t count);
/* Fails the test unless every exchange has taken place. */
void conversation_close(struct conversation *conversation);

/* As above with the keys of an environment: "AWS_ACCESS_KEY_ID" and so on. */
void conversation_open_as(struct conversation *conversation, const struct exchange *exchanges, size_t count,
                          const char *(*get_env)(const char *name));

/* DescribeLimits; when it succeeds the answer must be CONVERSATION_LIMITS. */
#define CONVERSATION_LIMITS "{\"ShardLimit\":500,\"OpenShardCount\":7}"
int conversation_limits(struct conversation *conversation, struct error *err);

/* Closes what a test that expects questions to stay unasked has opened. */
void conversation_abandon(struct conversation *conversation);

#endif
