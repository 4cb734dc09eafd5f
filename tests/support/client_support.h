/*
 * client_support.h - a client that speaks HTTP byte by byte, and the server it speaks to.
 */
#ifndef TESTS_CLIENT_SUPPORT_H
#define TESTS_CLIENT_SUPPORT_H

#include "base/memory.h"
#include "http/server.h"

#define HOST "Host: x\r\n"
#define LAST HOST "Connection: close\r\n"

/* On a free port of 127.0.0.1; fails the test when it cannot be.  http_server_stop() it. */
struct http_server *start_server(struct http_server_options options);
/* The same with an array of routes, and options by name. */
#define START_SERVER(array, ...) \
    start_server((struct http_server_options){.routes = (array), .route_count = COUNT_OF(array), __VA_ARGS__})

/* To 127.0.0.1, with 10 s of patience. */
int connect_to(int port);
void say(int client, const char *text);
/* All that comes until the other end closes, the caller frees; fails the test when it stays open. */
char *hear_all(int client);
/* Until `end` was heard. */
void hear_until(int client, const char *end, char *heard, size_t size);
/* Connects, says it, hears all; the caller frees. */
char *ask(int port, const char *request);
/* Rounded; when dripping, a byte is sent ten times a second. */
int64_t seconds_until_closed(int client, bool dripping);

#endif
