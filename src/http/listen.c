/*
 * listen.c - "HOST:PORT" made into a socket, with errors an operator can act on.
 */
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "http/server.h"
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { HOST_SIZE = 256 };

static int bad_address(const char *address, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "'%s' is not an address: HOST:PORT or [IPV6]:PORT is wanted",
                     address);
}

int http_address_parse(const char *address, char *ret_host, size_t host_size, uint16_t *ret_port,
                       struct error *err)
{
    const char *colon = strrchr(address, ':');
    const char *host = address;
    size_t length;
    int64_t port;
    char text[HOST_SIZE];

    if (colon == NULL || !number_parse(colon + 1, 0, UINT16_MAX, &port))
        return bad_address(address, err);
    length = (size_t)(colon - address);
    if (host[0] == '[' && length > 2 && host[length - 1] == ']') {
        host++;
        length -= 2;
    } else if (memchr(host, ':', length) != NULL) {
        return bad_address(address, err); /* an IPv6 address without brackets: where does it end? */
    }
    if (length == 0 || length >= sizeof(text) || length >= host_size || memchr(host, '[', length) != NULL ||
        memchr(host, ']', length) != NULL)
        return bad_address(address, err);
    memcpy(text, host, length);
    text[length] = '\0';
    if (strpbrk(text, " \t\r\n/") != NULL)
        return bad_address(address, err);
    memcpy(ret_host, text, length + 1);
    *ret_port = (uint16_t)port;
    return 0;
}

/*
 * What the operator must mend.  All else may end by itself: another process still has the port, the network of a host
 * that has just been booted has no address yet, or no resolver.
 */
static enum error_kind kind_of(int failure)
{
    return failure == EACCES || failure == EPERM || failure == EAFNOSUPPORT ? ERROR_CONFIG : ERROR_TRANSIENT;
}

/* strerror() begins with a capital; our texts do not. */
static int cannot_listen(const char *address, enum error_kind kind, const char *why, struct error *err)
{
    return error_set(err, kind, "cannot listen on '%s': %c%s", address, tolower((unsigned char)why[0]),
                     why[0] != '\0' ? why + 1 : "");
}

static void close_socket(const int *socket)
{
    if (*socket >= 0)
        (void)close(*socket);
}

/* Hands it to the caller; the scoped variable forgets it. */
static int take_socket(int *socket)
{
    int taken = *socket;

    *socket = -1;
    return taken;
}

static void free_addresses(struct addrinfo **addresses)
{
    if (*addresses != NULL)
        freeaddrinfo(*addresses);
}

static int resolve(const char *address, struct addrinfo **ret_addresses, struct error *err)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char host[HOST_SIZE], service[8];
    uint16_t port = 0;
    int code;

    if (http_address_parse(address, host, sizeof(host), &port, err) < 0)
        return -1;
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    code = getaddrinfo(host, service, &hints, ret_addresses);
    return code == 0 ? 0 : cannot_listen(address, ERROR_TRANSIENT, gai_strerror(code), err);
}

int http_listen(const char *address, int *ret_socket, int *ret_port, struct error *err)
{
    SCOPED(free_addresses) struct addrinfo *found = NULL;
    SCOPED(close_socket) int listener = -1;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {0};
    socklen_t length = sizeof(bound);

    if (resolve(address, &found, err) < 0)
        return -1;
    listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* A restart must not wait for the last connections of the process before. */
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(listener, found->ai_addr, found->ai_addrlen) < 0 || listen(listener, SOMAXCONN) < 0 ||
        getsockname(listener, &bound.any, &length) < 0)
        return cannot_listen(address, kind_of(errno), strerror(errno), err);
    *ret_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    *ret_socket = take_socket(&listener);
    return 0;
}
