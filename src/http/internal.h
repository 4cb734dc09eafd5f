/*
 * internal.h - what the files of http/ share; private to http/.
 */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* A bound, listening, non-blocking socket; and the port it got.  ERROR_CONFIG when `address` is none or we have no
 * right to it, ERROR_TRANSIENT when it is in use, not there (yet), or its name cannot be resolved. */
int http_listen(const char *address, int *ret_socket, int *ret_port, struct error *err);

/* The token in a file: one line of 16 to 512 of the characters a bearer token may have.  ERROR_CONFIG; the
 * caller's to free_secret(). */
int token_read(const char *path, char **ret_token, struct error *err);
/* Is this the Authorization header (NULL: there is none) of who knows the token? */
bool token_is_in(const char *authorization, const char *token);

/*
 * The watch: a thread that cuts off connections which take too long as a whole.  The server's own timeout
 * begins anew with every byte, so a client that sends one now and then would keep its place for ever.
 */
struct watch;
struct watched;

enum watch_phase {
    WATCH_RECEIVING, /* from the first moment, or the end of the last answer, until the request is whole */
    WATCH_HANDLING,  /* our own time: never cut */
    WATCH_SENDING
};

int watch_start(unsigned timeout_s, unsigned connections_max, struct watch **ret_watch, struct error *err);
/* No connection may be left.  Accepts NULL. */
void watch_stop(struct watch *watch);
/* `socket` stays open until watch_remove() returns. */
struct watched *watch_add(struct watch *watch, int socket);
void watch_remove(struct watch *watch, struct watched *watched);
void watch_set_phase(struct watch *watch, struct watched *watched, enum watch_phase phase);
/* Enters WATCH_HANDLING, or says no: the watch is drained, and nothing may be begun that would have to be awaited. */
bool watch_may_handle(struct watch *watch, struct watched *watched);
/* resume(connection), where draining waits for its return: the connection may be gone long before that. */
void watch_answer(struct watch *watch, void resume(void *connection), void *connection);
/* Cuts off who comes.  Waits until no request is being handled, however long that takes; and until all answers are
 * sent, but for a client that does not read its own no longer than two seconds, or `timeout_s` in all.  From then on
 * none is handled. */
void watch_drain(struct watch *watch, unsigned timeout_s);

#endif
