/*
 * main.c - the table of commands and nothing else.
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"

#include <errno.h>

/* In the order of --help. */
static const struct command *const commands[] = {
    &command_serve,
    &command_provision,
    &command_scale_down,
    &command_scale,
    &command_split,
    &command_merge,
    &command_pause,
    &command_resume,
    &command_status,
    &command_plan,
    &command_dead_letters,
    &command_replay,
    &command_check,
    &command_backtest,
    &command_sim_aws,
    &command_demo,
    NULL,
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (text_equal(commands[i]->name, name))
            return commands[i];
    }
    return NULL;
}

static void print_usage(FILE *file)
{
    fprintf(file, "usage: kinescale COMMAND [OPTION...] [ARGUMENT...]\n\n"
                  "Keeps Amazon Kinesis data streams at the right number of shards.\n\n"
                  "commands:\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(file, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(file,
            "\n'kinescale help COMMAND' describes a command, 'kinescale --version' tells the version.\n");
}

static int complain_unknown(const char *name)
{
    const char *names[COUNT_OF(commands) + 1] = {"help"};
    const char *nearest;

    for (size_t i = 0; commands[i] != NULL; i++)
        names[i + 1] = commands[i]->name;
    nearest = text_nearest(name, names);
    fprintf(stderr, "error: there is no command '%s'", name);
    if (nearest != NULL)
        fprintf(stderr, ": did you mean '%s'?", nearest);
    fprintf(stderr, "\n'kinescale --help' lists the commands.\n");
    return EXIT_USAGE;
}

static int help(const char *name)
{
    char option[] = "--help";
    const struct command *command;

    if (name == NULL) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    command = find_command(name);
    if (command == NULL)
        return complain_unknown(name);
    return command->run(2, (char *[]){(char *)command->name, option, NULL});
}

static int run(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (text_equal(argv[1], "--version")) {
        printf("kinescale %s\n", KINESCALE_VERSION);
        return EXIT_DONE;
    }
    if (text_equal(argv[1], "help") || text_equal(argv[1], "--help") || text_equal(argv[1], "-h"))
        return help(argc > 2 ? argv[2] : NULL);
    command = find_command(argv[1]);
    if (command == NULL)
        return complain_unknown(argv[1]);
    return command->run(argc - 1, argv + 1);
}

/* What did not reach the disk or the pipe was not said.  Of a write that failed before, nobody knows why any more. */
static bool output_is_written(void)
{
    bool failed = ferror(stdout) != 0;

    if (fflush(stdout) != 0)
        fprintf(stderr, "error: cannot write the output: %s\n", strerror(errno));
    else if (failed)
        fprintf(stderr, "error: cannot write all of the output\n");
    else
        return true;
    return false;
}

int main(int argc, char **argv)
{
    int result;

    memory_hide();
    result = run(argc, argv);
    return output_is_written() || result != EXIT_DONE ? result : EXIT_FAILED;
}
