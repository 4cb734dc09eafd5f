/*
 * loopback.h - a small HTTP server on 127.0.0.1 that answers from a table, well or badly.
 *
 * One thread accepts, one per connection answers.  Plain HTTP, or TLS with a certificate of its own.
 */
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

struct loopback_route {
    const char *path;   /* of the request, exactly */
    const char *answer; /* the bytes to send, status line and all */
    size_t filler;      /* so many times 'x' after it */
    int delay_ms;       /* before the answer */
    bool close;         /* hang up after it */
};

struct loopback;
/* Ends the test when it cannot be started.  `routes` ends with a NULL path and is borrowed; any other
 * path is answered 404. */
struct loopback *loopback_start(const struct loopback_route *routes, bool tls);
void loopback_stop(struct loopback *server);

/* "http://127.0.0.1:PORT", static within the server. */
const char *loopback_url(struct loopback *server);
int loopback_connections(struct loopback *server);
int loopback_requests(struct loopback *server);
/* The whole of the last request, the caller frees; NULL when there was none. */
char *loopback_last_request(struct loopback *server);
/* Writes the certificate of a TLS server as PEM. */
void loopback_write_certificate(struct loopback *server, const char *path);

#endif
