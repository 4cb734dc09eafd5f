/*
 * handle.h - what the files of store/ share: the handle, its prepared statements, and how to run one.
 *
 * Private to store/ (and to the test that asks SQLite how it would run each statement).
 */
#ifndef STORE_HANDLE_H
#define STORE_HANDLE_H

#include "store/store.h"

#include <sqlite3.h>
#include <sys/types.h>

enum statement {
    WHOLE_BEGIN,
    WHOLE_COMMIT,
    PART_BEGIN,
    PART_COMMIT,
    TABLELESS_COUNT, /* the above need no table: the file is checked and migrated in them */
    STREAM_LOAD = TABLELESS_COUNT,
    STREAM_ALL,
    STREAM_DUE,
    STREAM_MAKE_DUE,
    STREAM_SET_DUE,
    STREAM_LOCK,
    STREAM_UNLOCK,
    STREAM_FAILED,
    STREAM_SUCCEEDED,
    STREAM_SEEN,
    STREAM_SKEW,
    STREAM_HOT_KEY,
    STREAM_PAUSE,
    STREAM_CATCH_UP,
    STREAM_ENDED,
    ALARM_LEARN,
    ALARM_LIST,
    ALARM_FORGET,
    NOTIFICATION_ADD,
    NOTIFICATION_LOAD,
    NOTIFICATION_OPEN,
    NOTIFICATION_COPY,
    NOTIFICATION_ASSIGN,
    NOTIFICATION_SET,
    NOTIFICATION_FAILED,
    NOTIFICATION_REPLAY,
    NOTIFICATION_DROP_DEAD,
    NOTIFICATION_OLDEST_DEAD,
    NOTIFICATION_ACT,
    NOTIFICATION_RECENT,
    NOTIFICATION_RECENT_STREAM,
    NOTIFICATION_RECENT_STATUS,
    NOTIFICATION_RECENT_BOTH,
    ACTION_BEGIN,
    ACTION_SAVE,
    ACTION_CURRENT,
    ACTION_RECENT,
    ACTION_RECENT_STREAM,
    STEP_INTEND,
    STEP_CLOSE,
    STEP_ACTIVE,
    STEP_LAST,
    STEP_LIST,
    STEP_UPDATES,
    STEP_UPDATE_SECONDS,
    STEP_ANY_ACCEPTED,
    FOUND_CLEAR,
    FOUND_ADD,
    FOUND_LIST,
    GOAL_CLEAR,
    GOAL_ADD,
    GOAL_LIST,
    SPLIT_SEEN,
    SPLIT_MEASURED,
    SPLIT_LIST,
    MINUTES_DAY,
    MINUTES_PUT,
    MINUTES_LIST,
    MINUTES_AGE,
    MINUTES_FORGET,
    HABITS_SET,
    HABITS_LOAD,
    EXPECTED_LOAD,
    HABITS_FORGET,
    SKEW_SET,
    SKEW_LOAD,
    SKEWS_FORGET,
    SPREAD_SET,
    SPREAD_LOAD,
    SPREADS_FORGET,
    DECISION_ADD,
    DECISION_RECENT,
    DECISION_RECENT_STREAM,
    PRUNE_DEAD_LETTERS,
    PRUNE_NOTIFICATIONS,
    PRUNE_DECISIONS,
    PRUNE_ACTIONS,
    PRUNE_SPLITS,
    TOTALS,
    PROBE,
    STATEMENT_COUNT
};
extern const char *const statement_sql[STATEMENT_COUNT];

struct store {
    sqlite3 *db;
    char *path;
    int schema;
    int busy_timeout_ms;
    int64_t busy_since_ns;
    bool ready;    /* open in full: from now on a refusal is the database's, not the operator's */
    bool counted;  /* in the list of check.c */
    int parts;     /* transactions inside the one that is open */
    int hurries;   /* variables of store_hurry() that live */
    bool unwaited; /* commits do not wait for the disk just now */
    dev_t device;
    ino_t inode;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* What is bound to a statement's parameters, in order. */
struct value {
    enum { VALUE_END, VALUE_TEXT, VALUE_INTEGER, VALUE_REAL, VALUE_BLOB } type;
    const char *text;
    const void *bytes; /* `integer` of them */
    int64_t integer;
    double real;
};
#define TEXT(value)                 \
    {                               \
        VALUE_TEXT, .text = (value) \
    }
#define INTEGER(value)                    \
    {                                     \
        VALUE_INTEGER, .integer = (value) \
    }
#define REAL(value)                 \
    {                               \
        VALUE_REAL, .real = (value) \
    }
#define BLOB(value, size)                                        \
    {                                                            \
        VALUE_BLOB, .bytes = (value), .integer = (int64_t)(size) \
    }
#define VALUES(...)        \
    (const struct value[]) \
    {                      \
        __VA_ARGS__,       \
        {                  \
            VALUE_END      \
        }                  \
    }
#define NO_VALUES          \
    (const struct value[]) \
    {                      \
        {                  \
            VALUE_END      \
        }                  \
    }

/* Looks at one row; false when no more are wanted. */
typedef bool row_fn(sqlite3_stmt *row, void *context);

/* The first `count` statements, as far as they are not prepared yet. */
int store_prepare(struct store *store, int count, struct error *err);
/* Runs a statement whose rows, if any, nobody wants. */
int store_run(struct store *store, enum statement statement, const struct value *values, struct error *err);
int store_each(struct store *store, enum statement statement, const struct value *values, row_fn *read,
               void *context, struct error *err);
/* Rows that the last INSERT, UPDATE or DELETE touched. */
int store_changes(const struct store *store);
/* SQL without parameters, also more than one statement. */
int store_execute(struct store *store, const char *sql, struct error *err);
/* One integer from a statement that is needed only while the file is opened. */
int store_ask(struct store *store, const char *sql, int64_t *ret_value, struct error *err);

/*
 * Until the variable ends, commits are as atomic as ever but do not wait for the disk; the next one that waits takes
 * them along.  For what a power cut may undo, because it is found or done again.  Declared before a transaction:
 *
 *     SCOPED(store_wait_again) struct store *hurried = store_hurry(store);
 */
struct store *store_hurry(struct store *store);
void store_wait_again(struct store **hurried);

/* Turns what SQLite just said into *err.  Always returns -1. */
int store_refused(struct store *store, struct error *err);

/* Columns of a row. */
void row_text(sqlite3_stmt *row, int column, char *target, size_t size);

/* check.c: is the file ours, whole, and not from a newer program?  Reads only. */
int store_check(struct store *store, struct error *err);
void store_uncount(struct store *store);

/* migrate.c */
enum { STORE_APPLICATION_ID = 0x4b736361 }; /* "Ksca", at offset 68 of the file */
int store_known_schema(void);
int store_migrate(struct store *store, struct error *err);

/* Ceilings for listings. */
enum { ROWS_MAX = 10000, NOTIFICATIONS_OPEN_MAX = 1000, PRUNE_MAX = 1000 };
int rows_limit(int limit);

#endif
