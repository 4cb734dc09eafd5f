/*
 * sns_support.h - a verifier with one certificate to fetch, and messages as they would be signed.
 */
#ifndef TESTS_SNS_SUPPORT_H
#define TESTS_SNS_SUPPORT_H

#include "aws/sns_message.h"

#include <check.h>
#include <openssl/x509.h>
#include <pthread.h>

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:kinescale"
#define HOST "https://sns.eu-west-1.amazonaws.com"
#define URL HOST "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
#define TIME "2026-11-21T08:15:30.123Z"
#define NOTIFICATION "Notification"

enum { DAY_MS = 24 * 60 * 60 * 1000, HOUR_MS = 60 * 60 * 1000 };

/* ---- making things */

struct made_certificate {
    const char *common_name;
    size_t common_name_length;    /* 0: up to its end */
    const char *alternative_name; /* "DNS:..."; NULL for none */
    int64_t from_ms, to_ms;
    const char *second_name; /* another common name; NULL for none */
};

EVP_PKEY *make_rsa_key(unsigned bits);
EVP_PKEY *make_ec_key(void);
/* Signed by its own key; PEM, the caller frees. */
char *make_certificate(EVP_PKEY *key, const struct made_certificate *wanted);

/* A member that is NULL is left out. */
struct made_message {
    const char *type, *id, *topic, *subject, *message, *timestamp, *version, *url, *token, *subscribe_url;
    const char *signature; /* instead of the right one */
    const char *extra;     /* JSON put in front of the rest: "\"Type\":\"x\"," */
};
/* JSON, the caller frees. */
char *make_message(EVP_PKEY *key, const struct made_message *wanted);

extern const struct made_message usual, usual_confirmation;

/* ---- the verifier and its world */

/* A transport that answers every request with one page. */
struct web {
    struct transport transport;
    const char *page;
    size_t page_length; /* 0: up to its end */
    int status;
    enum error_kind failure; /* instead of an answer */
    int calls;
    char url[512]; /* of the last one */
    pthread_mutex_t mutex;
};

struct sns_fixture {
    EVP_PKEY *our_key, *foreign_key, *weak_key; /* 2048, 2048 and 1024 bits */
    char *our_pem;                              /* of our_key, "sns.amazonaws.com", for a day around TIME */
    int64_t now_ms;                             /* TIME */
    struct virtual_clock clock;
    struct web web;
    struct sns_verifier *verifier;
    const char *override; /* AWS_ENDPOINT_URL_SNS */
};
extern struct sns_fixture sns;

/* Makes the keys (once: it takes long), runs the suite; the exit code of a test program. */
int sns_run(Suite *suite);
void sns_set_up(void);
void sns_tear_down(void);
/* A new verifier, that obeys these topics; with none given, TOPIC and another one. */
void sns_begin(const char *const *topics, size_t count);

int verify_body(const char *body, const char *header, struct error *err);
int verify_made(EVP_PKEY *key, const struct made_message *wanted, struct error *err);
/* Fails the test unless the body is refused with this kind and a text that has `saying` in it. */
void refused(const char *name, const char *body, const char *header, enum error_kind kind,
             const char *saying);
void refused_made(const char *name, const struct made_message *wanted, const char *saying);

#endif
