/*
 * store.h - everything the program must remember across a restart.
 *
 * One handle per thread; any number of processes on one file.  WAL,
 * synchronous=FULL: when a function that writes returns 0, a power cut does not undo it.  The exceptions are what a
 * turn finds or does again after one, and alarms shall not wait for: locks, due times and learned alarms, what was
 * seen, decisions, the beginning of an action.  They reach the disk with the next write, never after it.
 *
 * Errors: every function that can fail returns 0 or -1 and fills *err, with
 * kind ERROR_STORE unless said otherwise; the text says which file and what
 * SQLite said ("database is locked", "database or disk is full").  Nothing is half written.
 * Times are Unix milliseconds.  A busy database is waited for (5 s).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/*
 * Opens the file, creating it (mode 0600) when missing, checks it when it was not closed well or is damaged,
 * and brings its schema up to date, each migration in a transaction of its own.  A file from a newer
 * program, or one that is no database, is refused and not touched: ERROR_CONFIG.  So is one that we may only read,
 * itself or its -wal or -shm, all of which the message names.
 *
 *   path       ":memory:" for a database that dies with the handle
 *   ret_store  owned by the caller; store_close() it
 */
int store_open(const char *path, struct store **ret_store, struct error *err);
/* For status and plan: ERROR_NOT_FOUND when there is no file; never writes. */
int store_open_readonly(const char *path, struct store **ret_store, struct error *err);
/* Accepts NULL, and a handle that was only half opened. */
void store_close(struct store *store);

/* Writes and commits one row: is the store writable right now, and still where it was opened?  For /readyz. */
int store_probe(struct store *store, int64_t now_ms, struct error *err);
/*
 * Forgets what ended before `before_ms`: notifications acted on or dropped, decisions, finished actions with
 * their steps, splits that were not measured since.  Dead letters that came before then are dropped, and forgotten with
 * the others.  At most 1000 of each per call, so that other writers do not wait long; call again while ret_pruned->rows
 * is not 0.  Totals and counts are not touched by it, but for dead letters, which become dropped ones.
 */
struct pruned {
    int rows; /* deleted, without the steps of actions */
    int dead_letters;
};
int store_prune(struct store *store, int64_t before_ms, struct pruned *ret_pruned, struct error *err);

/*
 * A transaction for SCOPED(store_rollback): what is not committed when the variable ends is undone.
 *
 *     SCOPED(store_rollback) struct store *transaction = NULL;
 *     if (store_begin(store, &transaction, err) < 0 || ... < 0)
 *         return -1;
 *     return store_commit(&transaction, err);
 *
 * Functions of this layer have their own.  Who calls several of them inside one waits for the disk once: each is still
 * written as a whole or not at all, and none is on the disk before the outer commit has returned 0.  After an
 * ERROR_STORE inside, end it without a commit.
 */
int store_begin(struct store *store, struct store **ret_transaction, struct error *err);
int store_commit(struct store **transaction, struct error *err);
void store_rollback(struct store **transaction);

/* How long a writer waits for another one; 5000 at first. */
enum { STORE_BUSY_TIMEOUT_MS = 5000 };
void store_set_busy_timeout(struct store *store, int milliseconds);
int store_schema_version(const struct store *store);

#endif
