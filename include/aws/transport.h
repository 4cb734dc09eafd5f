/*
 * transport.h - THE SEAM towards the network: one request in, one answer out.
 *
 * Everything above it (signing parameters, retries, paging, parsing) is tested
 * as it is, with a scripted conversation or a simulated AWS behind this.
 */
#ifndef AWS_TRANSPORT_H
#define AWS_TRANSPORT_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* AWS keys.  Secrets: wiped when released, never logged. */
struct credentials {
    char access_key_id[129];
    char secret_access_key[257];
    char *session_token; /* NULL when there is none; up to 16 KiB; owned */
    int64_t expires_ms;  /* INT64_MAX when they do not expire */
    const char
        *source; /* "environment", "profile 'x'"...: what provided them; static or owned by the provider */
};
void credentials_clear(struct credentials *credentials);
void credentials_copy(struct credentials *target, const struct credentials *source);

struct aws_header {
    const char *name;
    const char *value;
};
enum { REQUEST_HEADERS_MAX = 8 };

struct aws_request {
    const char *method; /* "GET", "POST", "PUT" */
    const char *url;
    struct aws_header headers[REQUEST_HEADERS_MAX]; /* ends with a NULL name, or full; never X-Amz-Date */
    const char *body;                               /* NULL for none; may not be NULL for POST */
    size_t body_length;
    /* Signed with AWS Signature Version 4 when set (POST to "/" only, see DESIGN 3). */
    const struct credentials *credentials;
    const char *signing_service; /* "kinesis", "monitoring", "sns", "sts" */
    const char *signing_region;
    int connect_timeout_ms; /* 0: 5 s */
    int timeout_ms;         /* for the whole exchange; 0: 20 s */
    size_t answer_ceiling;  /* bytes of body; 0: 16 MiB */
};

struct aws_answer {
    int status;
    struct buffer body;
    char request_id[128];   /* x-amzn-requestid, else "" */
    char error_type[128];   /* x-amzn-errortype, else "" */
    int64_t retry_after_ms; /* x-amz-retry-after or Retry-After; -1 when absent */
    int64_t date_ms;        /* Date; 0 when absent: for telling a clock that is off */
};
void aws_answer_clear(struct aws_answer *answer); /* begins zeroed */

struct transport {
    /*
     * 0 once a whole answer arrived, whatever its status.  ERROR_TRANSIENT when none did (name
     * resolution, connection, timeout, cut short), ERROR_INPUT when it is larger than the ceiling,
     * ERROR_CONFIG when TLS cannot be verified or the URL is no http(s).  Redirects are never
     * followed: a 3xx is an answer.  Thread-safe.
     */
    int (*send)(struct transport *self, const struct aws_request *request, struct aws_answer *ret_answer,
                struct error *err);
};

/* The real one: libcurl, a pool of connections, TLS verified.  Once per process. */
int transport_curl_open(struct transport **ret_transport, struct error *err);
void transport_curl_close(struct transport *transport);
/* For a program that ends: who waits for an answer gets ERROR_TRANSIENT within a second or so, and whoever
 * sends from now on at once.  From any thread. */
void transport_curl_interrupt(struct transport *transport);

/* Where signatures take the time from: libcurl's own clock (the wall).  A test transport may differ. */

#endif
