/*
 * router.h - which handler answers a method and a path.  Pure: no sockets.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

enum { PATH_PARAMETERS_MAX = 4 };

struct http_parameter {
    char name[32];   /* from the pattern */
    char value[160]; /* percent-decoded */
};

struct http_request {
    const char *method;
    const char *path;  /* without the query */
    const char *query; /* after '?', "" when there is none; not decoded */
    const char *body;  /* ends with '\0'; never NULL */
    size_t body_length;
    struct http_parameter parameters[PATH_PARAMETERS_MAX];
    size_t parameter_count;
    /* Case-insensitive; NULL when absent; valid during the handler. */
    const char *(*header)(const struct http_request *request, const char *name);
    void *request; /* the server's own */
};
/* NULL when the pattern has no such {name}. */
const char *http_request_parameter(const struct http_request *request, const char *name);

struct http_header {
    const char *name; /* static */
    char value[512];
};
struct http_response {
    int status;               /* 200 at first */
    const char *content_type; /* static; "text/plain; charset=utf-8" at first */
    struct buffer body;       /* with a ceiling of 64 MiB */
    struct http_header headers[6];
    size_t header_count;
};

typedef void http_handler_fn(void *context, const struct http_request *request,
                             struct http_response *response);

struct route {
    const char *method;
    const char *pattern; /* "/healthz", "/streams/{name}" */
    size_t body_max;     /* bytes; a larger body is 413 and never reaches the handler */
    http_handler_fn *handler;
    bool open; /* also to who brings no token, where the server asks for one */
};

enum match {
    MATCH_OK,
    MATCH_NO_PATH,   /* 404 */
    MATCH_NO_METHOD, /* 405 */
    MATCH_BAD_PATH   /* 400: see router_find() */
};

/*
 * Fills request->parameters (only for MATCH_OK).  HEAD matches GET.  First match by table order; patterns must
 * not overlap.  Segments are percent-decoded one by one and then compared; a {name} takes a whole, non-empty
 * segment.  A path that does not begin with '/', or has a segment that does not decode to UTF-8 without control
 * characters and '/', or that is "." or "..", is bad.  A value that is too long for its parameter is no path.
 */
enum match router_find(const struct route *routes, size_t count, const char *method, const char *path,
                       struct http_request *request, const struct route **ret_route);
/* The methods a path has, as the Allow header wants them ("GET, HEAD, POST"); "" when there are none. */
void router_allow(const struct route *routes, size_t count, const char *path, char *text, size_t size);

#endif
