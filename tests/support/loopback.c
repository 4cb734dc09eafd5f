#include "loopback.h"

#include "base/clock.h"
#include "base/memory.h"
#include "support.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

enum { CONNECTIONS_MAX = 64, REQUEST_MAX = 256 * 1024 };

struct loopback {
    const struct loopback_route *routes;
    char url[64];
    int listener;
    int wake[2]; /* a byte, or rather its end, ends all waiting */
    SSL_CTX *tls;
    X509 *certificate;
    pthread_t acceptor;
    pthread_mutex_t lock; /* of all below */
    pthread_t threads[CONNECTIONS_MAX];
    int connections;
    int requests;
    char *last_request;
};

struct connection {
    struct loopback *server;
    int socket;
    SSL *tls;
};

/* ---- bytes */

/* False when the server is to stop. */
static bool wait_readable(struct connection *connection)
{
    struct pollfd polled[] = {{connection->socket, POLLIN, 0}, {connection->server->wake[0], POLLIN, 0}};

    if (connection->tls != NULL && SSL_pending(connection->tls) > 0)
        return true;
    return poll(polled, 2, 30000) > 0 && polled[1].revents == 0;
}

static ssize_t receive(struct connection *connection, char *bytes, size_t size)
{
    if (!wait_readable(connection))
        return -1;
    if (connection->tls != NULL)
        return SSL_read(connection->tls, bytes, (int)size);
    return recv(connection->socket, bytes, size, 0);
}

static bool send_all(struct connection *connection, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = connection->tls != NULL ? SSL_write(connection->tls, bytes, (int)length)
                                               : send(connection->socket, bytes, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* ---- requests */

/* How long the request at the beginning of `text` is; 0 while it is not whole. */
static size_t whole_length(const char *text, size_t length)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *header = strcasestr(text, "\r\nContent-Length:");
    size_t body = 0;

    if (end == NULL)
        return 0;
    if (header != NULL && header < end)
        body = strtoul(header + strlen("\r\nContent-Length:"), NULL, 10);
    return (size_t)(end + 4 - text) + body <= length ? (size_t)(end + 4 - text) + body : 0;
}

/* The caller frees; NULL when the client is gone. */
static char *receive_request(struct connection *connection)
{
    char *text = must_calloc(1, REQUEST_MAX + 1);
    size_t length = 0;

    while (length < REQUEST_MAX) {
        ssize_t got = receive(connection, text + length, REQUEST_MAX - length);

        if (got <= 0)
            break;
        length += (size_t)got;
        text[length] = '\0';
        if (whole_length(text, length) > 0)
            return text;
    }
    free(text);
    return NULL;
}

static const struct loopback_route *find_route(const struct loopback *server, const char *request)
{
    static const struct loopback_route not_found = {"", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                                                    0, 0, false};
    const char *path = strchr(request, ' ');
    size_t length = path != NULL ? strcspn(path + 1, " ") : 0;

    for (const struct loopback_route *route = server->routes; path != NULL && route->path != NULL; route++) {
        if (strlen(route->path) == length && strncmp(route->path, path + 1, length) == 0)
            return route;
    }
    return &not_found;
}

static bool answer(struct connection *connection, const struct loopback_route *route)
{
    char filler[4096];
    size_t left = route->filler;

    memset(filler, 'x', sizeof(filler));
    if (route->delay_ms > 0) {
        struct pollfd stop = {connection->server->wake[0], POLLIN, 0};

        (void)poll(&stop, 1, route->delay_ms);
    }
    if (!send_all(connection, route->answer, strlen(route->answer)))
        return false;
    while (left > 0) {
        size_t now = left < sizeof(filler) ? left : sizeof(filler);

        if (!send_all(connection, filler, now))
            return false;
        left -= now;
    }
    return !route->close;
}

static bool serve_one(struct connection *connection)
{
    struct loopback *server = connection->server;
    char *request = receive_request(connection);
    const struct loopback_route *route;

    if (request == NULL)
        return false;
    route = find_route(server, request);
    pthread_mutex_lock(&server->lock);
    server->requests++;
    free(server->last_request);
    server->last_request = request;
    pthread_mutex_unlock(&server->lock);
    return answer(connection, route);
}

static void *serve(void *context)
{
    struct connection *connection = context;
    bool ready = true;

    if (connection->server->tls != NULL) {
        connection->tls = SSL_new(connection->server->tls);
        SSL_set_fd(connection->tls, connection->socket);
        ready = SSL_accept(connection->tls) == 1;
    }
    while (ready && serve_one(connection))
        ;
    SSL_free(connection->tls);
    close(connection->socket);
    free(connection);
    return NULL;
}

static void *accept_all(void *context)
{
    struct loopback *server = context;
    struct pollfd polled[] = {{server->listener, POLLIN, 0}, {server->wake[0], POLLIN, 0}};

    while (poll(polled, 2, -1) > 0 && polled[1].revents == 0) {
        struct connection *connection = must_calloc(1, sizeof(*connection));

        connection->server = server;
        connection->socket = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_mutex_lock(&server->lock);
        if (connection->socket < 0 || server->connections == CONNECTIONS_MAX ||
            pthread_create(&server->threads[server->connections++], NULL, serve, connection) != 0)
            abort();
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

/* ---- a certificate that nobody has signed */

static void make_certificate(struct loopback *server)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_NAME *name = X509_get_subject_name(certificate);

    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"loopback", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);

    server->tls = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(SSL_CTX_use_certificate(server->tls, certificate), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(server->tls, key), 1);
    server->certificate = certificate;
    EVP_PKEY_free(key);
}

void loopback_write_certificate(struct loopback *server, const char *path)
{
    FILE *file = fopen(path, "we");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_X509(file, server->certificate), 1);
    ck_assert_int_eq(fclose(file), 0);
}

/* ---- life */

struct loopback *loopback_start(const struct loopback_route *routes, bool tls)
{
    struct loopback *server = must_calloc(1, sizeof(*server));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    (void)signal(SIGPIPE, SIG_IGN); /* a client may hang up on TLS */
    server->routes = routes;
    pthread_mutex_init(&server->lock, NULL);
    if (tls)
        make_certificate(server);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(server->listener, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(server->listener, 16), 0);
    ck_assert_int_eq(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(server->url, sizeof(server->url), "%s://127.0.0.1:%d", tls ? "https" : "http",
             ntohs(address.sin_port));
    ck_assert_int_eq(pipe(server->wake), 0);
    ck_assert_int_eq(pthread_create(&server->acceptor, NULL, accept_all, server), 0);
    return server;
}

void loopback_stop(struct loopback *server)
{
    close(server->wake[1]); /* its other end is now readable, for all */
    pthread_join(server->acceptor, NULL);
    for (int i = 0; i < server->connections; i++)
        pthread_join(server->threads[i], NULL);
    close(server->wake[0]);
    close(server->listener);
    SSL_CTX_free(server->tls);
    X509_free(server->certificate);
    pthread_mutex_destroy(&server->lock);
    free(server->last_request);
    free(server);
}

const char *loopback_url(struct loopback *server)
{
    return server->url;
}

int loopback_connections(struct loopback *server)
{
    int connections;

    pthread_mutex_lock(&server->lock);
    connections = server->connections;
    pthread_mutex_unlock(&server->lock);
    return connections;
}

int loopback_requests(struct loopback *server)
{
    int requests;

    pthread_mutex_lock(&server->lock);
    requests = server->requests;
    pthread_mutex_unlock(&server->lock);
    return requests;
}

char *loopback_last_request(struct loopback *server)
{
    char *request;

    pthread_mutex_lock(&server->lock);
    request = must_strdup(server->last_request);
    pthread_mutex_unlock(&server->lock);
    return request;
}
