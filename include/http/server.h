/*
 * server.h - libmicrohttpd around a table of routes.
 *
 * Bodies are collected up to the route's ceiling, then the handler runs on one of the server's
 * threads.  Slow and idle connections are closed after `timeout_s`; the number of connections is bounded, and
 * when nearly all places are taken, each new connection closes the one that has not said a whole request for longest.
 * 16 bodies of more than 64 KiB are kept at the same time, more are answered 503.
 * 404, 405 (with Allow), 413, 400, 401 are answered here.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/router.h"

#include <stdint.h>

struct http_server;

/*
 * A handler that cannot answer yet calls http_later(), gives request and response to whoever can, and returns.  Both then
 * stay where they are, and no thread waits, until that one (any thread) has filled the response and calls
 * http_answer(), once; it must not touch them afterwards.  http_server_stop() waits for all answers.
 */
void http_later(const struct http_request *http);
void http_answer(const struct http_request *http);

/* Told of each request that is answered without a handler, just before.  Not of what never became a request. */
typedef void refused_fn(void *context, const struct http_request *request, int status);

struct http_server_options {
    const char *listen;         /* "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0" for any free port */
    const struct route *routes; /* static */
    size_t route_count;
    void *context;               /* given to handlers */
    refused_fn *refused;         /* NULL: nobody is told */
    unsigned threads;            /* 0: 4 */
    unsigned connections_max;    /* 0: 1024 */
    unsigned timeout_s;          /* 0: 10 */
    const char *tls_certificate; /* PEM files, both or neither */
    const char *tls_key;         /* refused when others may read it */
    /* Who asks must bring what stands in this file, "Authorization: Bearer TOKEN", or is answered 401; refused when
     * others may read it.  NULL: nobody needs a token. */
    const char *token_file;
};

/* ERROR_CONFIG when the address is wrong or not for us, or a file cannot be read or is open to others, with its name;
 * ERROR_TRANSIENT when the address is in use, not there (yet), or its name cannot be resolved. */
int http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                      struct error *err);
/* Cuts off new connections, lets running handlers end, sends their answers (two seconds for who does not read them), then
 * frees.  Accepts NULL. */
void http_server_stop(struct http_server *server);
int http_server_port(const struct http_server *server);
/* "HOST:PORT" -> its parts; ERROR_CONFIG. */
int http_address_parse(const char *address, char *ret_host, size_t host_size, uint16_t *ret_port,
                       struct error *err);

#endif
