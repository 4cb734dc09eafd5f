/*
 * cli.c - what every command does the same: options, --help, complaints, exit
 * codes.
 */
#include "cli/cli.h"

#include "base/memory.h"
#include "base/text.h"

static const struct cli_option help_option = {.name = "--help", .help = "print this and end"};

static void print_option(const struct cli_option *option)
{
    char left[64];

    snprintf(left, sizeof(left), "%s%s%s", option->name, option->argument != NULL ? " " : "",
             option->argument != NULL ? option->argument : "");
    printf("  %-26s %s", left, option->help);
    if (option->fallback != NULL)
        printf(" (default: %s)", option->fallback);
    printf("\n");
}

static void print_help(const struct command *command, const struct cli_option *options, size_t count)
{
    bool has_arguments = command->arguments != NULL && command->arguments[0] != '\0';

    printf("usage: kinescale %s [OPTION...]%s%s\n\n%s\n\noptions:\n", command->name, has_arguments ? " " : "",
           has_arguments ? command->arguments : "", command->summary);
    for (size_t i = 0; i < count; i++)
        print_option(&options[i]);
    print_option(&help_option);
}

/* Does `text` name this option?  *ret_value: behind the '=', NULL when there is
 * none. */
static bool names_option(const char *text, const struct cli_option *option, const char **ret_value)
{
    size_t length = strcspn(text, "=");

    if (strlen(option->name) != length || memcmp(option->name, text, length) != 0)
        return false;
    *ret_value = text[length] == '=' ? text + length + 1 : NULL;
    return true;
}

static const struct cli_option *find_option(const char *text, const struct cli_option *options, size_t count,
                                            const char **ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (names_option(text, &options[i], ret_value))
            return &options[i];
    }
    return names_option(text, &help_option, ret_value) ? &help_option : NULL;
}

static void complain_unknown(const struct command *command, const char *text,
                             const struct cli_option *options, size_t count)
{
    SCOPED(free_text) char *name = must_strndup(text, strcspn(text, "="));
    const char **names = must_calloc(count + 2, sizeof(*names));
    const char *nearest;

    for (size_t i = 0; i < count; i++)
        names[i] = options[i].name;
    names[count] = help_option.name;
    nearest = text_nearest(name, names);
    fprintf(stderr, "error: %s has no option '%s'", command->name, name);
    if (nearest != NULL)
        fprintf(stderr, ": did you mean '%s'?", nearest);
    fprintf(stderr, "\n");
    free(names);
}

/* Takes the option at argv[*index] and, when it has one, its argument; false
 * after a complaint. */
static bool take_option(const struct command *command, const struct cli_option *option, const char *value,
                        int argc, char **argv, int *index)
{
    if (option->argument == NULL) {
        if (value != NULL) {
            fprintf(stderr, "error: %s: '%s' takes no value\n", command->name, option->name);
            return false;
        }
        *option->value = "";
        return true;
    }
    if (value == NULL) {
        if (*index + 1 >= argc) {
            fprintf(stderr, "error: %s: '%s' needs %s\n", command->name, option->name, option->argument);
            return false;
        }
        value = argv[++*index];
    }
    if (*value ==
        '\0') { /* a variable of a script that was not set; an option that does nothing would hide it */
        fprintf(stderr, "error: %s: '%s' needs %s, not an empty value\n", command->name, option->name,
                option->argument);
        return false;
    }
    if (option->values != NULL)
        names_add(option->values, value);
    else
        *option->value = value;
    return true;
}

int cli_parse(const struct command *command, const struct cli_option *options, size_t count, int argc,
              char **argv, int *ret_exit)
{
    int positional = 0;
    bool only_positional = false;

    for (size_t i = 0; i < count; i++) {
        if (options[i].values == NULL)
            *options[i].value = options[i].fallback;
    }

    for (int i = 1; i < argc; i++) {
        const struct cli_option *option;
        const char *value;

        if (only_positional || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[++positional] = argv[i];
            continue;
        }
        if (text_equal(argv[i], "--")) {
            only_positional = true;
            continue;
        }
        option = find_option(text_equal(argv[i], "-h") ? help_option.name : argv[i], options, count, &value);
        if (option == &help_option) {
            print_help(command, options, count);
            *ret_exit = EXIT_DONE;
            return -1;
        }
        if (option == NULL)
            complain_unknown(command, argv[i], options, count);
        if (option == NULL || !take_option(command, option, value, argc, argv, &i)) {
            fprintf(stderr, "'kinescale help %s' lists its options.\n", command->name);
            *ret_exit = EXIT_USAGE;
            return -1;
        }
    }
    return positional;
}

struct config *cli_config(const char *path)
{
    SCOPED(fault_list_clear) struct fault_list faults = {0};
    struct config *config = NULL;
    struct error err = {0};

    if (config_load(path, &config, &faults, &err) == 0)
        return config;
    for (size_t i = 0; i < faults.count; i++)
        cli_print(stderr, "error: %s\n", faults.texts[i]);
    if (faults.count == 0) /* there is no such file, or it cannot be read */
        (void)cli_fail(&err);
    return NULL;
}

int cli_fail(const struct error *err)
{
    cli_print(stderr, "error: %s\n", err->message);
    switch (err->kind) {
    case ERROR_CONFIG:
        return EXIT_USAGE;
    case ERROR_BUSY:
        return EXIT_FORBIDDEN;
    default:
        return EXIT_FAILED;
    }
}
