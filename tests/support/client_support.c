#include "client_support.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct http_server *start_server(struct http_server_options options)
{
    struct http_server *server = NULL;
    struct error err;

    options.listen = "127.0.0.1:0";
    ck_assert_msg(http_server_start(&options, &server, &err) == 0, "%s", err.message);
    return server;
}

int connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(client, 0);
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ck_assert_msg(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0, "%s", strerror(errno));
    return client;
}

void say(int client, const char *text)
{
    size_t length = strlen(text);

    ck_assert_int_eq(send(client, text, length, MSG_NOSIGNAL), (ssize_t)length);
}

char *hear_all(int client)
{
    struct error err;
    struct buffer heard;
    char piece[65536];
    ssize_t got;

    buffer_init(&heard, 64 << 20);
    while ((got = recv(client, piece, sizeof(piece), 0)) > 0)
        ck_assert_int_eq(buffer_add(&heard, piece, (size_t)got, &err), 0);
    ck_assert_msg(got == 0 || errno == ECONNRESET, "the connection stays open: %s", strerror(errno));
    (void)close(client);
    return buffer_take(&heard);
}

void hear_until(int client, const char *end, char *heard, size_t size)
{
    size_t length = 0;

    heard[0] = '\0';
    while (strstr(heard, end) == NULL) {
        ssize_t got = recv(client, heard + length, size - length - 1, 0);

        ck_assert_msg(got > 0, "'%s' did not come after '%s'", end, heard);
        length += (size_t)got;
        heard[length] = '\0';
    }
}

char *ask(int port, const char *request)
{
    int client = connect_to(port);

    say(client, request);
    return hear_all(client);
}

int64_t seconds_until_closed(int client, bool dripping)
{
    int64_t began = clock_monotonic_ns();
    char byte;
    struct timeval patience = {.tv_usec = 100000};

    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    for (;;) {
        ssize_t got = recv(client, &byte, 1, 0);

        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        if (dripping && send(client, "x", 1, MSG_NOSIGNAL) < 0)
            break;
        ck_assert_int_lt(clock_monotonic_ns() - began, 10 * 1000000000LL);
    }
    (void)close(client);
    return (clock_monotonic_ns() - began + 500000000) / 1000000000;
}
