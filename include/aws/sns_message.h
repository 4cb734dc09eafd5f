/*
 * sns_message.h - is this body from our topic, and what does it say?
 *
 * The checks of DESIGN 5.6, cheapest first.  Sources: "Verifying the signatures
 * of Amazon SNS messages" (SNS developer guide).
 */
#ifndef AWS_SNS_MESSAGE_H
#define AWS_SNS_MESSAGE_H

#include "aws/transport.h"
#include "base/clock.h"

enum { SNS_BODY_MAX = 2 * 1024 * 1024, SNS_AGE_MAX_MS = 60 * 60 * 1000 };

enum sns_type { SNS_SUBSCRIPTION_CONFIRMATION, SNS_NOTIFICATION, SNS_UNSUBSCRIBE_CONFIRMATION };
const char *sns_type_name(enum sns_type type); /* "Notification" */

struct sns_message {
    enum sns_type type;
    char message_id[128];
    char topic_arn[256];
    int64_t timestamp_ms;
    char *message; /* owned */
    char *token;   /* owned; NULL in a Notification */
};
void sns_message_clear(struct sns_message *message); /* begins zeroed */

/* Keeps the signing certificates it has fetched.  Thread-safe. */
struct sns_verifier;

struct sns_verifier_options {
    struct transport *transport;             /* borrowed: fetches certificates */
    struct clock *clock;                     /* borrowed */
    const char *(*getenv)(const char *name); /* endpoint override; NULL: getenv(3) */
    const char *const *topic_arns;           /* copied; only these are obeyed */
    size_t topic_count;
    bool kept; /* messages come from where somebody kept them: they may be of any age */
};
struct sns_verifier *sns_verifier_new(const struct sns_verifier_options *options);
void sns_verifier_free(struct sns_verifier *verifier);
/* Only these from now on; copied. */
void sns_verifier_obey(struct sns_verifier *verifier, const char *const *topic_arns, size_t count);

/*
 * header_type: x-amz-sns-message-type, may be NULL (then refused); raw: x-amz-sns-rawdelivery is "true".
 * 0: genuine.  ERROR_INPUT: forged or malformed, answer 4xx, text says which check.
 * ERROR_TRANSIENT: the certificate could not be fetched, answer 5xx.
 * Whether the message was seen before is the store's to say.
 *   ret_unknown  NULL: waits for the network (5 s, and for another's fetch) when the certificate is not known.  Else it
 *                never does, and *ret_unknown becomes true, with -1, when only that could tell.
 */
int sns_verify(struct sns_verifier *verifier, const char *body, size_t length, const char *header_type,
               bool raw, bool *ret_unknown, struct sns_message *ret_message, struct error *err);

/* Counters for /metrics. */
uint64_t sns_verifier_certificate_fetches(struct sns_verifier *verifier);

#endif
