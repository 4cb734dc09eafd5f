/*
 * transport_curl.c - requests to the real network, with libcurl.
 *
 * DESIGN
 * Connections are kept from one transfer to the next in a "multi handle" of libcurl, which may serve only one
 * thread at a time.  So idle ones lie on a stack: a thread takes the topmost, whose connections are
 * the warmest, and puts it back; there are never more of them than threads that were sending at once.  The transfer
 * itself is a handle of its own each time: one that is used again, reset or not, remembers the last header of the
 * answer before, which is freed, and libcurl 7.88 writes there when the next answer begins with a folded line.
 *
 * What libcurl 7.88 gets wrong in signatures is not used here: no header is suppressed ("Expect:"), as
 * it would be signed and not sent; X-Amz-Date is left to libcurl; the path is "/" and there is no query.
 */
#include "aws/transport.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <strings.h>

enum {
    IDLE_MAX = 32,
    CONNECTIONS_KEPT = 8, /* on each: a few services, and whoever hands out the keys */
    LOOK_EVERY_MS = 1000,
    STATUS_MIN = 200, /* of a whole answer; libcurl takes "HTTP/21 103" for a status of 1 */
    STATUS_MAX = 599,
    CONNECT_TIMEOUT_MS = 5000,
    TIMEOUT_MS = 20000,
    ANSWER_CEILING = 16 * 1024 * 1024,
    HEADERS_CEILING = 64 * 1024,
    RETRY_AFTER_MAX = 24 * 3600 * 1000, /* seconds or milliseconds: beyond it is nonsense */
};

struct curl_transport {
    struct transport transport; /* first: a pointer to it is a struct transport */
    char *ca_bundle;            /* NULL: libcurl's own */
    pthread_mutex_t lock;
    CURLM *idle[IDLE_MAX];
    int idle_count;
    atomic_bool interrupted;
};

/* One request under way. */
struct exchange {
    struct aws_answer answer;
    size_t header_bytes;
    bool headers_ended;     /* libcurl takes headers that are cut short for an answer without a body */
    struct error too_large; /* kind ERROR_NONE while it is not */
    char complaint[CURL_ERROR_SIZE];
    struct curl_slist *headers;
};

/* ---- the pool */

static CURLM *new_connections(void)
{
    CURLM *connections = curl_multi_init();

    if (connections != NULL)
        (void)curl_multi_setopt(connections, CURLMOPT_MAXCONNECTS,
                                (long)CONNECTIONS_KEPT); /* known since 7.16 */
    return connections;
}

static CURLM *take_connections(struct curl_transport *self)
{
    CURLM *connections = NULL;

    pthread_mutex_lock(&self->lock);
    if (self->idle_count > 0)
        connections = self->idle[--self->idle_count];
    pthread_mutex_unlock(&self->lock);
    return connections != NULL ? connections : new_connections();
}

static void return_connections(struct curl_transport *self, CURLM *connections)
{
    pthread_mutex_lock(&self->lock);
    if (connections != NULL && self->idle_count < IDLE_MAX) {
        self->idle[self->idle_count++] = connections;
        connections = NULL;
    }
    pthread_mutex_unlock(&self->lock);
    (void)curl_multi_cleanup(connections); /* takes NULL */
}

/* ---- receiving */

static size_t receive_body(char *bytes, size_t one, size_t length, void *context)
{
    struct exchange *exchange = context;

    (void)one;
    return buffer_add(&exchange->answer.body, bytes, length, &exchange->too_large) < 0 ? 0 : length;
}

static void keep_milliseconds(const char *value, int64_t unit_ms, int64_t *ret_ms)
{
    int64_t number;

    /* Retry-After may also be a date; AWS does not send that. */
    if (number_parse(value, 0, RETRY_AFTER_MAX, &number))
        *ret_ms = number * unit_ms;
}

static void keep_header(struct aws_answer *answer, const char *name, const char *value)
{
    time_t date;

    if (strcasecmp(name, "x-amzn-requestid") == 0 || strcasecmp(name, "x-amz-request-id") == 0) {
        (void)text_copy(answer->request_id, sizeof(answer->request_id), value);
    } else if (strcasecmp(name, "x-amzn-errortype") == 0) {
        (void)text_copy(answer->error_type, sizeof(answer->error_type), value);
    } else if (strcasecmp(name, "x-amz-retry-after") == 0) {
        keep_milliseconds(value, 1, &answer->retry_after_ms);
    } else if (strcasecmp(name, "retry-after") == 0) {
        keep_milliseconds(value, 1000, &answer->retry_after_ms);
    } else if (strcasecmp(name, "date") == 0) {
        date = curl_getdate(value, NULL);
        if (date > 0 && date <= DATE_MAX_MS / 1000)
            answer->date_ms = (int64_t)date * 1000;
    }
}

static size_t receive_header(char *bytes, size_t one, size_t length, void *context)
{
    struct exchange *exchange = context;
    struct aws_answer *answer = &exchange->answer;
    char line[1024], *colon;

    (void)one;
    exchange->header_bytes += length;
    if (exchange->header_bytes > HEADERS_CEILING) {
        (void)error_set(&exchange->too_large, ERROR_INPUT, "more than %d bytes of headers", HEADERS_CEILING);
        return 0;
    }
    exchange->headers_ended = length == 2 && memcmp(bytes, "\r\n", 2) == 0;
    if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) { /* what came before belonged to a 1xx */
        answer->request_id[0] = answer->error_type[0] = '\0';
        answer->retry_after_ms = -1;
        answer->date_ms = 0;
    }
    snprintf(line, sizeof(line), "%.*s", (int)(length < sizeof(line) ? length : sizeof(line) - 1), bytes);
    colon = strchr(line, ':');
    if (colon != NULL) {
        *colon = '\0';
        keep_header(answer, line, text_trim(colon + 1));
    }
    return length;
}

/* ---- sending */

/* Keys may be in there. */
static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header != NULL; header = header->next)
        wipe(header->data, strlen(header->data));
    curl_slist_free_all(headers);
}

/* A line end would begin a header of its own. */
static bool is_one_line(const char *text)
{
    return text == NULL || text[strcspn(text, "\r\n")] == '\0';
}

static bool is_plain(const struct aws_request *request)
{
    const struct credentials *credentials = request->credentials;

    for (size_t i = 0; i < REQUEST_HEADERS_MAX && request->headers[i].name != NULL; i++) {
        if (!is_one_line(request->headers[i].name) || !is_one_line(request->headers[i].value))
            return false;
    }
    return credentials == NULL ||
           (is_one_line(credentials->access_key_id) && is_one_line(credentials->session_token));
}

static bool add_header(struct exchange *exchange, const char *name, const char *value)
{
    char *line = must_printf("%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(exchange->headers, line);

    free_secret(line);
    if (longer == NULL)
        return false;
    exchange->headers = longer;
    return true;
}

static bool set_headers(CURL *handle, struct exchange *exchange, const struct aws_request *request)
{
    const struct credentials *credentials = request->credentials;

    for (size_t i = 0; i < REQUEST_HEADERS_MAX && request->headers[i].name != NULL; i++) {
        if (!add_header(exchange, request->headers[i].name, request->headers[i].value))
            return false;
    }
    if (credentials != NULL && credentials->session_token != NULL &&
        !add_header(exchange, "X-Amz-Security-Token", credentials->session_token))
        return false;
    return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

static bool set_signature(CURL *handle, const struct aws_request *request)
{
    char how[160];

    if (request->credentials == NULL)
        return true;
    snprintf(how, sizeof(how), "aws:amz:%s:%s", request->signing_region, request->signing_service);
    return curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, how) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_USERNAME, request->credentials->access_key_id) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_PASSWORD, request->credentials->secret_access_key) == CURLE_OK;
}

static bool set_body(CURL *handle, const struct aws_request *request)
{
    if (strcmp(request->method, "GET") == 0)
        return curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "") ==
               CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t)(request->body != NULL ? request->body_length : 0)) == CURLE_OK;
}

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

/* The addresses of metadata services mean another machine at the other end of a proxy. */
static bool is_link_local(const char *url)
{
    return text_starts_with(url, "http://169.254.") || text_starts_with(url, "http://[fd00:ec2:") ||
           text_starts_with(url, "http://[fe80:");
}

/* libcurl asks now and then, about once a second when nothing moves; anything but 0 ends the transfer. */
static int is_interrupted(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct curl_transport *self = context;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(&self->interrupted) ? 1 : 0;
}

static bool set_connection(struct curl_transport *self, CURL *handle, const struct aws_request *request)
{
    long connect_ms = request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    long timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS;

    return curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, is_interrupted) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_XFERINFODATA, self) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
           (self->ca_bundle == NULL ||
            curl_easy_setopt(handle, CURLOPT_CAINFO, self->ca_bundle) == CURLE_OK) &&
           (!is_link_local(request->url) || curl_easy_setopt(handle, CURLOPT_PROXY, "") == CURLE_OK);
}

static bool set_up(struct curl_transport *self, CURL *handle, struct exchange *exchange,
                   const struct aws_request *request)
{
    return curl_easy_setopt(handle, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_USERAGENT, "kinescale/" KINESCALE_VERSION) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->complaint) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive_body) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, receive_header) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)exchange->answer.body.ceiling) ==
               CURLE_OK &&
           set_connection(self, handle, request) && set_body(handle, request) &&
           set_signature(handle, request) && set_headers(handle, exchange, request);
}

/* ---- what went wrong */

/* Scheme and host; what follows, or stands before an '@', may be a secret. */
static void format_host(const char *url, char *text, size_t size)
{
    const char *host = strstr(url, "://");
    size_t scheme, length;
    const char *at;

    host = host != NULL ? host + 3 : url;
    scheme = (size_t)(host - url);
    length = strcspn(host, "/?#");
    at = memrchr(host, '@', length);
    if (at != NULL) {
        length -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    snprintf(text, size, "%.*s%.*s", (int)(scheme < 16 ? scheme : 16), url,
             (int)(length < 256 ? length : 256), host);
}

/* Those of libcurl's codes that do not just mean "try again". */
static const struct {
    CURLcode code;
    enum error_kind kind;
} meanings[] = {
    {CURLE_URL_MALFORMAT, ERROR_CONFIG},
    {CURLE_NOT_BUILT_IN, ERROR_CONFIG},
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_CONFIG},
    {CURLE_SSL_CERTPROBLEM, ERROR_CONFIG},
    {CURLE_SSL_CIPHER, ERROR_CONFIG},
    {CURLE_SSL_CACERT_BADFILE, ERROR_CONFIG},
    {CURLE_SSL_ISSUER_ERROR, ERROR_CONFIG},
    {CURLE_SSL_INVALIDCERTSTATUS, ERROR_CONFIG},
    {CURLE_FILESIZE_EXCEEDED, ERROR_INPUT},
};

static int report(CURLcode code, const struct exchange *exchange, const struct aws_request *request,
                  struct error *err)
{
    enum error_kind kind = ERROR_TRANSIENT;
    char host[300];

    format_host(request->url, host, sizeof(host));
    if (exchange->too_large.kind != ERROR_NONE)
        return error_set(err, ERROR_INPUT, "the answer of '%s' is too large: %s", host,
                         exchange->too_large.message);
    if (code == CURLE_FILESIZE_EXCEEDED)
        return error_set(err, ERROR_INPUT, "the answer of '%s' is too large: more than %zu bytes", host,
                         exchange->answer.body.ceiling);
    if (code == CURLE_OK && !exchange->headers_ended)
        return error_set(err, ERROR_TRANSIENT, "no answer from '%s': cut short in its headers", host);
    if (code == CURLE_OK)
        return error_set(err, ERROR_TRANSIENT, "no answer from '%s': there is no such status", host);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(err, ERROR_TRANSIENT, "no answer from '%s': interrupted, the program ends", host);
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (meanings[i].code == code)
            kind = meanings[i].kind;
    }
    return error_set(err, kind, "no answer from '%s': %s", host,
                     exchange->complaint[0] != '\0' ? exchange->complaint : curl_easy_strerror(code));
}

/* Until the transfer is over; libcurl itself sees to the timeouts. */
static CURLcode perform(CURLM *connections, CURL *handle)
{
    CURLMcode code = curl_multi_add_handle(connections, handle);
    const CURLMsg *message;
    CURLcode result = CURLE_OUT_OF_MEMORY;
    int count = 1;

    while (code == CURLM_OK && count > 0) {
        code = curl_multi_perform(connections, &count);
        if (code == CURLM_OK && count > 0)
            code = curl_multi_poll(connections, NULL, 0, LOOK_EVERY_MS, NULL);
    }
    message = curl_multi_info_read(connections, &count);
    if (code == CURLM_OK && message != NULL && message->msg == CURLMSG_DONE)
        result = message->data.result;
    (void)curl_multi_remove_handle(connections, handle); /* one that was not added is passed over */
    return result;
}

static int curl_send(struct transport *transport, const struct aws_request *request,
                     struct aws_answer *ret_answer, struct error *err)
{
    struct curl_transport *self = (struct curl_transport *)transport;
    struct exchange exchange = {.answer.retry_after_ms = -1};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    long status = 0;
    CURLM *connections;
    CURL *handle;

    if (!is_plain(request))
        return error_set(err, ERROR_CONFIG, "a header or key holds a line end");
    if (!is_http(request->url)) {
        char host[300];

        format_host(request->url, host, sizeof(host));
        return error_set(err, ERROR_CONFIG, "'%s' is no http(s) address", host);
    }
    connections = take_connections(self);
    handle = curl_easy_init();
    buffer_init(&exchange.answer.body,
                request->answer_ceiling > 0 ? request->answer_ceiling : ANSWER_CEILING);
    if (atomic_load(&self->interrupted))
        code = CURLE_ABORTED_BY_CALLBACK;
    else if (connections != NULL && handle != NULL && set_up(self, handle, &exchange, request))
        code = perform(connections, handle);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(handle); /* takes NULL, as all of them do */
    return_connections(self, connections);
    free_headers(exchange.headers);
    if (code != CURLE_OK || !exchange.headers_ended || status < STATUS_MIN || status > STATUS_MAX) {
        (void)report(code, &exchange, request, err);
        aws_answer_clear(&exchange.answer);
        return -1;
    }
    exchange.answer.status = (int)status;
    *ret_answer = exchange.answer;
    return 0;
}

/* ---- life */

static CURLcode global_result;

/* CURLOPT_NOSIGNAL keeps libcurl's hands off signals, SIGPIPE too: a connection that AWS closed while
 * OpenSSL writes to it would end the process. */
static void init_libcurl(void)
{
    struct sigaction present;

    if (sigaction(SIGPIPE, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int transport_curl_open(struct transport **ret_transport, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct curl_transport *self;
    const char *ca_bundle = getenv("AWS_CA_BUNDLE"); /* as the AWS CLI: for proxies that open TLS */

    (void)pthread_once(&once, init_libcurl);
    if (global_result != CURLE_OK)
        return error_set(err, ERROR_CONFIG, "libcurl does not start: %s", curl_easy_strerror(global_result));
    self = must_calloc(1, sizeof(*self));
    self->transport.send = curl_send;
    self->ca_bundle = ca_bundle != NULL && *ca_bundle != '\0' ? must_strdup(ca_bundle) : NULL;
    pthread_mutex_init(&self->lock, NULL);
    *ret_transport = &self->transport;
    return 0;
}

void transport_curl_interrupt(struct transport *transport)
{
    atomic_store(&((struct curl_transport *)transport)->interrupted, true);
}

void transport_curl_close(struct transport *transport)
{
    struct curl_transport *self = (struct curl_transport *)transport;

    if (self == NULL)
        return;
    while (self->idle_count > 0)
        (void)curl_multi_cleanup(self->idle[--self->idle_count]);
    pthread_mutex_destroy(&self->lock);
    free(self->ca_bundle);
    free(self);
}
