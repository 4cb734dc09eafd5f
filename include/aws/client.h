/*
 * client.h - one AWS account and region to talk to.
 *
 * Signs, keeps below the quotas, retries what may be retried, and turns AWS's
 * answers into error kinds.  Only aws/call.c retries; nobody above it loops.
 * Thread-safe: one client serves all threads.
 */
#ifndef AWS_CLIENT_H
#define AWS_CLIENT_H

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/transport.h"
#include "base/clock.h"

struct aws_client;

struct aws_client_options {
    const char *region;                       /* required */
    const char *(*getenv)(const char *name);  /* for endpoint overrides; NULL: getenv(3) */
    struct transport *transport;              /* borrowed */
    struct credentials_provider *credentials; /* borrowed */
    struct clock *clock;                      /* borrowed: waits between tries, rate limits */
    double (*dice)(void);                     /* [0,1); NULL: random_fraction */
};

/* ERROR_CONFIG for a bad endpoint override. */
int aws_client_open(const struct aws_client_options *options, struct aws_client **ret_client,
                    struct error *err);
void aws_client_close(struct aws_client *client);
/* For a program that ends: nothing is tried again and nothing new is asked (ERROR_TRANSIENT).  From any thread. */
void aws_client_stop(struct aws_client *client);
bool aws_client_is_stopping(const struct aws_client *client);
const char *aws_client_region(const struct aws_client *client);
const char *aws_client_endpoint(const struct aws_client *client, enum aws_service service);

/* Counters since the start, for /metrics.  One row per operation that was used. */
struct aws_call_count {
    const char *service;   /* "kinesis" */
    const char *operation; /* "SplitShard" */
    uint64_t calls;        /* requests sent, retries included */
    uint64_t retries;
    uint64_t throttled;
    uint64_t failures;     /* calls that ended in an error */
    uint64_t milliseconds; /* spent waiting for answers, of the client's clock */
};
/* Fills up to `size` rows, returns how many there are. */
size_t aws_client_counts(struct aws_client *client, struct aws_call_count *rows, size_t size);

/*
 * The last word on credentials: true when the last call was not refused for them.  For /readyz.
 * When false, `reason` (size at least 256) says why.
 */
bool aws_client_credentials_ok(struct aws_client *client, char *reason, size_t size);

/* Is anybody there?  For /readyz too. */
struct aws_silence {
    bool answered;    /* at least once, whatever the answer was */
    int64_t since_ms; /* no request was answered since then; 0: the last one was, or none was sent */
    char reason[256]; /* what became of the last one that was not */
};
void aws_client_silence(struct aws_client *client, struct aws_silence *ret_silence);

#endif
