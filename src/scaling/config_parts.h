/*
 * config_parts.h - what the files that make up config.h share, and nobody else.
 *
 * A file is read in three steps: config_read_text() takes lines apart and reads
 * each value on its own, config_inherit() fills what a stream did not say, and
 * config_check_rules() compares settings with each other.  All of them add what
 * is wrong to one fault log, so that every fault of a file is named at once.
 */
#ifndef SCALING_CONFIG_PARTS_H
#define SCALING_CONFIG_PARTS_H

#include "scaling/config.h"
#include "scaling/settings.h"

enum { CONFIG_LINE_MAX = 8192 };

/* config_faults.c */
struct fault {
    int line;
    char *text; /* the whole line for the operator */
};

struct fault_log {
    const char *file;
    struct fault *items; /* in the order they were found */
    size_t count;
    bool full; /* more were found than are kept */
};

void fault_add(struct fault_log *log, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sorts by line and moves the texts; the log is empty afterwards. */
void fault_log_take(struct fault_log *log, struct fault_list *ret_faults);
void fault_log_clear(struct fault_log *log);

enum { EXCERPT_SIZE = 72 };
/* What was found, short enough for a message; cut between characters. */
void fault_excerpt(const char *source, char excerpt[EXCERPT_SIZE]);

/* Which settings a section gives: by index in the table of settings. */
struct given {
    int section_line;         /* 0 when there is no such section */
    int lines[SETTINGS_MAX];  /* 0: not given */
    bool wrong[SETTINGS_MAX]; /* given, but not a value: comparing it would only repeat the fault */
};

struct draft {
    struct config *config;
    struct given service;
    struct given defaults;
    struct given *streams; /* parallel to config->streams */
    size_t capacity;       /* of both */
    int patterns;
    int last_line;
};

/* config_value.c: reads `text` into its member of `target`, or adds a fault and returns false. */
bool config_read_value(const struct setting *setting, const char *text, int line, void *target,
                       struct fault_log *faults);
/* Is this HOST:PORT, which has been read, of this machine alone?  Of names only localhost: others may be any. */
bool config_is_loopback(const char *address);

/* config_text.c */
void config_read_text(const char *text, size_t length, struct draft *draft, struct fault_log *faults);

/* config_patterns.c */
bool config_is_pattern(const char *name);
/* Moves them from `streams` to `patterns`; config_index() follows. */
void config_take_patterns(struct config *config);
void config_check_patterns(const struct config *config, struct fault_log *faults);

/* config.c: makes by_name anew. */
void config_index(struct config *config);

/* config_rules.c */
void config_check_rules(const struct draft *draft, struct fault_log *faults);

#endif
