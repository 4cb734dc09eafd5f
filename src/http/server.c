/*
 * server.c - libmicrohttpd around a table of routes.
 *
 * DESIGN  The library's threads wait with epoll, each for its part of the connections, and run the handlers.
 * One that answers later has its connection suspended: the library forgets it until http_answer(), and then
 * asks for the request's end once more.  A request lives from its first line (begin_request) to the end of its answer (request_completed).  What can
 * be refused by the headers is refused before the body is read; a body without a stated length is refused
 * when it grows beyond the route's ceiling: the library cannot answer in the middle of one, so a little more
 * of it is read and thrown away, then the connection is cut.  Large bodies share a few places, so that many
 * connections cannot fill the memory; small ones always have room.
 */
#include "http/server.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "internal.h"

#include <assert.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>

enum {
    THREADS = 4,
    CONNECTIONS_MAX = 1024,
    TIMEOUT_S = 10,
    CONNECTION_BYTES = 32 * 1024,    /* request line and headers; more is 431 or 414 */
    SMALL_BODY = 64 * 1024,          /* each connection may have one of these in memory */
    LARGE_BODIES = 16,               /* at the same time; more are 503 */
    DISCARDED_MAX = 4 * 1024 * 1024, /* of a body that is too large */
    RESPONSE_BYTES_MAX = 64 << 20,
    PEM_BYTES_MAX = 256 * 1024
};

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct watch *watch;
    char *token;  /* NULL: nobody needs one */
    int listener; /* -1 when the daemon has it, or nobody */
    int port;
    atomic_int large_bodies;
    bool starting; /* what the library says is kept in `complaint` */
    char complaint[256];
};

struct request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct watched *watched;
    char *target; /* path '\0' query */
    const struct route *route;
    struct http_request http;
    struct buffer body;
    size_t discarded;
    struct http_response response;
    bool begun;
    bool large;   /* its body has one of the places */
    bool handled; /* the handler has been called */
    bool later;   /* and answers with http_answer() */
    int refusal;  /* a status: the handler is not called */
};

/* What is answered without a handler. */
static const struct {
    int status;
    const char *text;
} refusals[] = {
    {400, "400 bad request\n"},       {401, "401 unauthorized: a token is needed\n"},
    {404, "404 not found\n"},         {405, "405 method not allowed\n"},
    {413, "413 content too large\n"}, {503, "503 too much at once or stopping, send it again\n"},
};

static void *begin_request(void *context, const char *uri, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct request *request = must_calloc(1, sizeof(*request));
    char *query;

    request->server = context;
    request->connection = connection;
    request->watched = info->socket_context;
    request->target = must_strdup(uri != NULL ? uri : "");
    request->http.path = request->target;
    request->http.query = "";
    query = strchr(request->target, '?');
    if (query != NULL) {
        *query = '\0';
        request->http.query = query + 1;
    }
    return request;
}

static void request_completed(void *context, struct MHD_Connection *connection, void **request_context,
                              enum MHD_RequestTerminationCode code)
{
    struct http_server *server = context;
    struct request *request = *request_context;

    (void)connection;
    (void)code;
    if (request == NULL)
        return;
    watch_set_phase(server->watch, request->watched, WATCH_RECEIVING);
    if (request->large)
        atomic_fetch_sub(&server->large_bodies, 1);
    buffer_clear(&request->response.body); /* when the connection was lost before it was sent */
    buffer_clear(&request->body);
    free(request->target);
    free(request);
    *request_context = NULL;
}

static void connection_changed(void *context, struct MHD_Connection *connection, void **watched,
                               enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        *watched = watch_add(server->watch, info->connect_fd);
    } else {
        watch_remove(server->watch, *watched);
        *watched = NULL;
    }
}

/* The path is decoded by the router, segment by segment; an encoded NUL must not end it here. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static const char *find_header(const struct http_request *http, const char *name)
{
    const struct request *request = http->request;

    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static void response_add(struct http_response *response, const char *name, const char *value)
{
    struct http_header *header = &response->headers[response->header_count++];

    assert(response->header_count <= COUNT_OF(response->headers));
    header->name = name;
    (void)text_copy(header->value, sizeof(header->value), value);
}

static enum MHD_Result send_response(struct request *request)
{
    struct http_response *response = &request->response;
    size_t length = response->body.length;
    struct MHD_Response *sent =
        MHD_create_response_from_buffer(length, buffer_take(&response->body), MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result = MHD_NO;

    if (sent == NULL)
        return MHD_NO;
    if (MHD_add_response_header(sent, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type) == MHD_YES) {
        /* The library refuses a value with a line end in it; the answer then goes without that header. */
        for (size_t i = 0; i < response->header_count; i++)
            (void)MHD_add_response_header(sent, response->headers[i].name, response->headers[i].value);
        watch_set_phase(request->server->watch, request->watched, WATCH_SENDING);
        result = MHD_queue_response(request->connection, (unsigned)response->status, sent);
    }
    MHD_destroy_response(sent);
    return result;
}

static struct http_response *begin_response(struct request *request, int status)
{
    request->response = (struct http_response){.status = status, .content_type = "text/plain; charset=utf-8"};
    buffer_init(&request->response.body, RESPONSE_BYTES_MAX);
    return &request->response;
}

static enum MHD_Result refuse(struct request *request)
{
    const struct http_server_options *options = &request->server->options;
    struct http_response *response = begin_response(request, request->refusal);
    struct error err;

    if (options->refused != NULL)
        options->refused(options->context, &request->http, request->refusal);
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        if (refusals[i].status == request->refusal)
            (void)buffer_add_text(&response->body, refusals[i].text, &err); /* far below its ceiling */
    }
    if (request->refusal == MHD_HTTP_METHOD_NOT_ALLOWED) {
        char allow[128];

        router_allow(options->routes, options->route_count, request->http.path, allow, sizeof(allow));
        response_add(response, MHD_HTTP_HEADER_ALLOW, allow);
    }
    if (request->refusal == MHD_HTTP_UNAUTHORIZED)
        response_add(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"kinescale\"");
    return send_response(request);
}

struct header_count {
    int lengths;
    int encodings;
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct header_count *count = context;

    (void)kind;
    (void)value;
    count->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    count->encodings += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/*
 * What the headers say about the body: false when they leave a doubt about where it ends, which a proxy in
 * front of us might decide otherwise (RFC 9112, 6.3).
 */
static bool body_is_clear(struct request *request, bool *ret_has_body, int64_t *ret_length)
{
    struct header_count count = {0, 0};
    const char *encoding = find_header(&request->http, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    const char *length = find_header(&request->http, MHD_HTTP_HEADER_CONTENT_LENGTH);

    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_header, &count);
    *ret_length = 0;
    *ret_has_body = true;
    if (count.lengths + count.encodings > 1)
        return false;
    if (encoding != NULL)
        return strcasecmp(encoding, "chunked") == 0;
    if (length != NULL && !number_parse(length, 0, INT64_MAX, ret_length))
        return false;
    *ret_has_body = *ret_length > 0;
    return true;
}

static bool large_body_has_room(struct http_server *server)
{
    return atomic_load(&server->large_bodies) < LARGE_BODIES;
}

/* Who brings no token is not even told which paths there are. */
static bool is_let_in(const struct request *request)
{
    const char *token = request->server->token;

    return token == NULL || (request->refusal == 0 && request->route->open) ||
           token_is_in(find_header(&request->http, MHD_HTTP_HEADER_AUTHORIZATION), token);
}

/* The headers are there.  A request without a body is refused when it is whole, so that its connection lives
 * on. */
static enum MHD_Result take_headers(struct request *request, const char *method)
{
    const struct http_server_options *options = &request->server->options;
    bool has_body;
    int64_t length;

    request->begun = true;
    request->http.method = method;
    request->http.header = find_header;
    request->http.request = request;
    switch (router_find(options->routes, options->route_count, method, request->http.path, &request->http,
                        &request->route)) {
    case MATCH_OK:
        break;
    case MATCH_NO_PATH:
        request->refusal = MHD_HTTP_NOT_FOUND;
        break;
    case MATCH_NO_METHOD:
        request->refusal = MHD_HTTP_METHOD_NOT_ALLOWED;
        break;
    case MATCH_BAD_PATH:
        request->refusal = MHD_HTTP_BAD_REQUEST;
        break;
    }
    if (!body_is_clear(request, &has_body, &length))
        request->refusal = MHD_HTTP_BAD_REQUEST;
    else if (!is_let_in(request))
        request->refusal = MHD_HTTP_UNAUTHORIZED;
    else if (request->refusal == 0 && (uint64_t)length > request->route->body_max)
        request->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    else if (request->refusal == 0 && length > SMALL_BODY && !large_body_has_room(request->server))
        request->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (request->refusal != 0 && has_body)
        return refuse(request);
    if (request->route != NULL)
        buffer_init(&request->body, request->route->body_max);
    return MHD_YES;
}

/* False: the body has grown large, and there is no place for another one. */
static bool take_place(struct request *request, size_t length)
{
    struct http_server *server = request->server;

    if (request->large || request->body.length + length <= SMALL_BODY)
        return true;
    request->large = atomic_fetch_add(&server->large_bodies, 1) < LARGE_BODIES;
    if (!request->large)
        atomic_fetch_sub(&server->large_bodies, 1);
    return request->large;
}

static enum MHD_Result take_body(struct request *request, const char *bytes, size_t *length)
{
    struct error err;

    if (request->refusal == 0 && !take_place(request, *length)) {
        request->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
        buffer_clear(&request->body);
    }
    if (request->refusal == 0 && buffer_add(&request->body, bytes, *length, &err) < 0) {
        request->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
        buffer_clear(&request->body);
    }
    if (request->refusal != 0)
        request->discarded += *length;
    *length = 0;
    return request->discarded > DISCARDED_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result take_end(struct request *request)
{
    struct http_server *server = request->server;
    const struct http_response *response = &request->response;

    if (request->refusal == 0 && !request->handled && !watch_may_handle(server->watch, request->watched))
        request->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (request->refusal != 0)
        return refuse(request);
    if (!request->handled) {
        request->handled = true;
        request->http.body = buffer_text(&request->body);
        request->http.body_length = request->body.length;
        request->route->handler(server->options.context, &request->http,
                                begin_response(request, MHD_HTTP_OK));
        if (request->later)
            return MHD_YES;
    }
    assert(response->status >= 200 && response->status <= 599 &&
           response->header_count <= COUNT_OF(response->headers));
    return send_response(request);
}

/* On the handler's thread, so it need not be told to others that it happened. */
void http_later(const struct http_request *http)
{
    struct request *request = http->request;

    request->later = true;
    MHD_suspend_connection(request->connection);
}

static void resume(void *connection)
{
    MHD_resume_connection(connection);
}

/* The library ends the process when it is stopped while a connection is suspended or being resumed. */
void http_answer(const struct http_request *http)
{
    const struct request *request = http->request;

    watch_answer(request->server->watch, resume, request->connection);
}

/* The library calls this with the headers, with each piece of the body, and when the request is whole. */
static enum MHD_Result take_request(void *context, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_length, void **request_context)
{
    struct request *request = *request_context;

    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    if (!request->begun)
        return take_headers(request, method);
    if (*upload_length > 0)
        return take_body(request, upload, upload_length);
    return take_end(request);
}

__attribute__((format(printf, 2, 0))) static void hear(void *context, const char *format, va_list arguments)
{
    struct http_server *server = context;

    if (!server->starting) /* later it is about clients that misbehave */
        return;
    vsnprintf(server->complaint, sizeof(server->complaint), format, arguments);
    server->complaint[strcspn(server->complaint, "\r\n")] = '\0';
}

static int read_pem(const char *path, bool secret, char **ret_text, struct error *err)
{
    const char *label = secret ? "PRIVATE KEY-----" : "CERTIFICATE-----";
    SCOPED(free_secret_text) char *text = NULL;
    int result = secret ? file_read_secret(path, PEM_BYTES_MAX, &text, err)
                        : file_read(path, PEM_BYTES_MAX, &text, NULL, err);

    if (result < 0) {
        err->kind = ERROR_CONFIG;
        return -1;
    }
    if (strstr(text, "-----BEGIN ") == NULL || strstr(text, label) == NULL)
        return error_set(err, ERROR_CONFIG, "'%s' has no '%s' in PEM form", path, label);
    *ret_text = take_text(&text);
    return 0;
}

/* Threads are born with the signals of their maker blocked: the process's own threads get them. */
static struct MHD_Daemon *start_daemon(struct http_server *server, const char *certificate, const char *key)
{
    const struct http_server_options *options = &server->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_Daemon *daemon;

    server->starting = true;
    daemon = MHD_start_daemon(
        flags | (certificate != NULL ? MHD_USE_TLS : 0), 0, NULL, NULL, take_request, server,
        /* first, so that nothing is said to stderr */
        MHD_OPTION_EXTERNAL_LOGGER, hear, server, MHD_OPTION_LISTEN_SOCKET, server->listener,
        MHD_OPTION_THREAD_POOL_SIZE, options->threads, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, options->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, begin_request,
        server, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        request_completed, server, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server, MHD_OPTION_ARRAY,
        certificate != NULL ? tls : none, MHD_OPTION_END);
    server->starting = false;
    return daemon;
}

static int start(struct http_server *server, struct error *err)
{
    const struct http_server_options *options = &server->options;
    SCOPED(free_text) char *certificate = NULL;
    SCOPED(free_secret_text) char *key = NULL;

    if ((options->tls_certificate == NULL) != (options->tls_key == NULL))
        return error_set(err, ERROR_CONFIG, "a certificate needs its key, and a key its certificate");
    if (options->tls_certificate != NULL && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return error_set(err, ERROR_CONFIG, "this libmicrohttpd was built without TLS");
    if (options->tls_certificate != NULL &&
        (read_pem(options->tls_certificate, false, &certificate, err) < 0 ||
         read_pem(options->tls_key, true, &key, err) < 0))
        return -1;
    if (options->token_file != NULL && token_read(options->token_file, &server->token, err) < 0)
        return -1;
    if (http_listen(options->listen, &server->listener, &server->port, err) < 0 ||
        watch_start(options->timeout_s, options->connections_max, &server->watch, err) < 0)
        return -1;
    server->daemon = start_daemon(server, certificate, key);
    if (server->daemon == NULL && certificate != NULL)
        return error_set(err, ERROR_CONFIG, "'%s' and '%s' are no certificate with its private key: %s",
                         options->tls_certificate, options->tls_key, server->complaint);
    if (server->daemon == NULL)
        return error_set(err, ERROR_CONFIG, "cannot serve on '%s': %s", options->listen, server->complaint);
    server->listener = -1;
    return 0;
}

int http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                      struct error *err)
{
    struct http_server *server = must_calloc(1, sizeof(*server));
    sigset_t all, before;
    int result;

    server->options = *options;
    server->listener = -1;
    if (server->options.threads == 0)
        server->options.threads = THREADS;
    if (server->options.connections_max == 0)
        server->options.connections_max = CONNECTIONS_MAX;
    if (server->options.threads > server->options.connections_max)
        server->options.threads = server->options.connections_max;
    if (server->options.timeout_s == 0)
        server->options.timeout_s = TIMEOUT_S;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    result = start(server, err);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result < 0) {
        http_server_stop(server);
        return -1;
    }
    *ret_server = server;
    return 0;
}

/*
 * Who comes now is cut off by the watch: MHD_quiesce_daemon() and the library's own threads would take the listening
 * socket from the same epoll set, and whoever comes second ends the process (libmicrohttpd 0.9.75).
 */
void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    if (server->daemon != NULL) {
        watch_drain(server->watch, server->options.timeout_s);
        MHD_stop_daemon(server->daemon);
    }
    watch_stop(server->watch);
    if (server->listener >= 0)
        (void)close(server->listener);
    free_secret(server->token);
    free(server);
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}
