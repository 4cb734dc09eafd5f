/*
 * error.h - what went wrong, carried up to the function that must decide.
 *
 * The caller owns the struct and passes it last.  A function fills it only
 * when it fails, so one struct serves a whole chain of calls.  There is no heap
 * in here: a failure can be reported when memory is what ran out.
 *
 * Texts are one line, lower case, no full stop, the subject in single quotes.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

/* A kind exists only where somebody acts differently on it. */
enum error_kind {
    ERROR_NONE = 0,
    ERROR_CONFIG,    /* the operator must change something: exit code 2 */
    ERROR_INPUT,     /* what came from outside is malformed or not allowed: 4xx, never retried */
    ERROR_AUTH,      /* no usable credentials, or AWS refused them */
    ERROR_THROTTLED, /* try again, later than usual */
    ERROR_TRANSIENT, /* try again: network, timeout, 5xx */
    ERROR_CONFLICT,  /* the stream is not ACTIVE: look again, it is not a failure */
    ERROR_QUOTA,     /* an AWS limit that seconds do not lift: shard limit, calls per day, x2, half */
    ERROR_NOT_FOUND, /* the stream, alarm or topic does not exist */
    ERROR_REFUSED,   /* AWS understood and said no for good (invalid argument, on-demand stream) */
    ERROR_STORE,     /* the database refused: 5xx to SNS */
    ERROR_BUSY,      /* a lock or cooldown forbids it: exit code 3 */
    ERROR_BUG,       /* something we promised ourselves is not so */
    ERROR_KIND_COUNT
};

struct error {
    enum error_kind kind;
    char message[512]; /* cut when too long */
};

/* Always returns -1, so a failing function can say `return error_set(...)`. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the caller's view in front: "look at stream 'orders': timed out".
 * Keeps the kind.  Always returns -1. */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* clang's analyzer sees one file at a time and must be told what every caller relies on. */
#ifdef __clang_analyzer__
#define error_set(err, ...) ((void)(error_set)((err), __VA_ARGS__), -1)
#define error_wrap(err, ...) ((void)(error_wrap)((err), __VA_ARGS__), -1)
#endif

/* "throttled", "transient"...: for logs and metrics; static, never NULL. */
const char *error_kind_name(enum error_kind kind);

/* THROTTLED and TRANSIENT: the same call may succeed when it is made again. */
bool error_is_retryable(const struct error *err);

#endif
