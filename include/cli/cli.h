/*
 * cli.h - the commands: one file each in src/cli/, one row each in src/main.c.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/clock.h"
#include "base/error.h"
#include "scaling/config.h"

#include "base/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes, the same for every command. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,     /* wrong arguments or configuration */
    EXIT_FORBIDDEN = 3, /* nothing done because a lock or cooldown forbade it */
    EXIT_REFUSED = 4    /* replay: all was dealt with, but of some nothing will ever come */
};

/* One option of a command; --help is printed from these. */
struct cli_option {
    const char *name;     /* "--config" */
    const char *argument; /* "FILE"; NULL for a flag */
    const char *fallback; /* NULL when there is none */
    const char *help;
    const char **value; /* where the text goes; a flag sets it to "" */
    struct names
        *values; /* instead, of an option that may be given more than once: all of them; begins zeroed */
};

struct command {
    const char *name;
    const char *arguments; /* "[STREAM...]" */
    const char *summary;
    int (*run)(int argc, char **argv);
};

/*
 * Parses `argv[1..]` by the table.  Returns the number of positional arguments left in argv[1..], or -1 when
 * the command is over: *ret_exit is then EXIT_DONE (--help was printed) or EXIT_USAGE (a complaint was).
 * "--name=value" and "--name value", which must not be empty; "--" ends the options.
 */
int cli_parse(const struct command *command, const struct cli_option *options, size_t count, int argc,
              char **argv, int *ret_exit);
/* Loads the configuration or prints every fault to stderr; NULL then. */
struct config *cli_config(const char *path);
/*
 * A line, or a part of one: a line end is where `format` ends with one.  What else is no plain character, from an alarm's
 * name perhaps, is escaped (base/escape.h), so that no text from outside commands a terminal or looks like a line of ours.
 */
void cli_print(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "error: ..." to stderr; the exit code that belongs to the kind. */
int cli_fail(const struct error *err);

extern const struct command command_backtest, command_check, command_dead_letters, command_demo,
    command_merge, command_replay, command_pause, command_plan, command_provision, command_resume,
    command_scale, command_scale_down, command_serve, command_sim_aws, command_split, command_status;

#endif
