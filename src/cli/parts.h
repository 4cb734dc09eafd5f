/*
 * parts.h - what several commands share.
 *
 * Internal to cli/.
 */
#ifndef CLI_PARTS_H
#define CLI_PARTS_H

#include "aws/client.h"
#include "cli/cli.h"
#include "engine/engine.h"

#include <cjson/cJSON.h>

/* ---- print.c: as cli_print() would write it; the caller's */

char *cli_escaped(const char *text);

/* ---- table.c: columns as wide as their widest cell */

enum { TABLE_COLUMNS_MAX = 15 };

struct table {
    const char *const *headings; /* ends with NULL */
    unsigned right_aligned;      /* bit per column */
    char **cells;                /* row by row, owned */
    size_t count;
};
/* One cell, escaped as by cli_print(); a row is full after as many as there are headings. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *table, FILE *file);
void table_clear(struct table *table);

/* ---- operations.c: resharding calls as a table, nothing when there is none; as an array, the caller's */

void operations_print(const struct operation *operations, size_t count, FILE *file);
cJSON *operations_json(const struct operation *operations, size_t count);

/* ---- account.c: the way to AWS for commands that are no daemon */

struct account {
    char region[64];
    struct transport *transport;
    struct credentials_provider *credentials;
    struct aws_client *aws;
};
int account_open(const struct service_config *service, struct clock *clock, struct account *ret_account,
                 struct error *err);
void account_close(struct account *account);

/*
 * The database; for who only looks, one that is never written, and where there is none yet, an empty one in memory stands
 * in for it.
 */
int cli_store(const char *path, bool only_looks, struct store **ret_store, struct error *err);

/*
 * For a command that speaks of all streams: the configuration with those that its patterns match, as Kinesis says now;
 * or, after a warning, as it said when it was last asked.  `store` as in engine_discover().
 */
struct config *cli_discover(struct engine *engine, struct store *store);

/*
 * Are all of these streams to speak of?  A section or a look for patterns (engine_recall() before) knows them;
 * of a name that only a pattern matches AWS is asked.  ERROR_CONFIG: one is not configured, or does not exist.
 */
int cli_check_streams(const struct config *config, struct clock *clock, const char *const *streams,
                      size_t count, struct error *err);

/* ---- options */

/* "table" or "json" */
bool cli_output(const char *text, bool *ret_json, struct error *err);
/* NULL: the system's clock; else "BASE@SPEED".  `scaled` is where that one lives. */
int cli_clock(const char *text, struct scaled_clock *scaled, struct clock **ret_clock, struct error *err);

#endif
