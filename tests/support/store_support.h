/*
 * store_support.h - what the tests of the store share.
 */
#ifndef TESTS_STORE_SUPPORT_H
#define TESTS_STORE_SUPPORT_H

#include "store/actions.h"
#include "store/notifications.h"
#include "store/store.h"
#include "store/streams.h"

/* Fails the test with what the call said; `err` is the test's own. */
#define MUST(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.message)
/* The call must fail with this kind and say this. */
#define MUST_FAIL(call, expected_kind, part)                                              \
    do {                                                                                  \
        ck_assert_msg((call) < 0, "%s should fail", #call);                               \
        ck_assert_msg(err.kind == (expected_kind) && strstr(err.message, (part)) != NULL, \
                      "%s: kind %d, '%s'", #call, (int)err.kind, err.message);            \
    } while (0)

/* "DIRECTORY/kinescale.db" in a new temporary directory; static. */
const char *database_path(void);
struct store *open_store(const char *path);

struct notification alarm_of(const char *stream, const char *message_id, int64_t received_ms);
struct action action_of(const char *stream, enum action_kind kind, int64_t started_ms);

/* Runs `body` in a process of its own; what it returns (0 to 100), or 101 when a signal ended it. */
int in_child(int (*body)(void *context), void *context);

/* One integer from the file, asked through a connection of its own. */
int64_t ask_file(const char *path, const char *sql);
/* Statements on a connection of its own; fails the test when they do. */
void change_file(const char *path, const char *sql);

#endif
