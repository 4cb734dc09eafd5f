/*
 * log.h - one event, one line, the facts as key=value.
 *
 *     info  step-accepted stream=orders rule=30 operation=split shard=shardId-000000000003
 *
 * Only engine/, daemon/, sim/ and cli/ log; everything below returns an error.
 * Values with blanks, quotes or control characters are quoted and escaped, so
 * that input from outside can never begin a line of its own.  A value is cut
 * at 1024 bytes.  Thread-safe: lines to stderr do not mix.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key;
    const char *text; /* when NULL, the number counts */
    int64_t number;
};

/* LOG(LOG_INFO, "listening", {"port", .number = 80}, {"address", "127.0.0.1"});
 * At least one field. */
#define LOG(level, event, ...) log_event((level), (event), (const struct log_field[]){__VA_ARGS__, {0}})

void log_event(enum log_level level, const char *event, const struct log_field *fields);
/* Lines below it are dropped; LOG_INFO at first. */
void log_set_level(enum log_level level);
/* Each line begins with the time when set (default); journald adds its own. */
void log_set_timestamps(int on);
/*
 * From now on a reader of stderr that does not read (a pipe, terminal or socket that is full for 200 ms) costs lines
 * and not time: they are counted, and "log-lines-lost" says how many when there is room again.  Before threads are
 * started.  A file, and what may not be opened again, is written as before.
 */
void log_never_wait(void);
/* Since the start. */
uint64_t log_lines_lost(void);

#endif
