/* What all commands share: options, --help, complaints, exit codes. */
#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "support.h"

#include <fcntl.h>

static const char *config, *output, *verbose;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config},
    {"--output", "table|json", NULL, "how the answer looks", &output},
    {"--verbose", NULL, NULL, "say more", &verbose},
};

static const struct command command = {"plan", "[STREAM...]", "Says what would be done, and why.", NULL};

/* What was printed by the last parse(). */
static char *printed_out, *printed_err;
static int positional, exit_code;
static char *arguments[16];

static int open_capture(const char *path, int stream)
{
    int kept = dup(stream);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(file, 0);
    dup2(file, stream);
    close(file);
    return kept;
}

/* Calls `print` and keeps what it prints. */
static void capture(void (*print)(const char *argument), const char *argument)
{
    const char *directory = temporary_directory();
    SCOPED(free_text) char *out = must_printf("%s/out", directory);
    SCOPED(free_text) char *err = must_printf("%s/err", directory);
    int kept_out = open_capture(out, STDOUT_FILENO);
    int kept_err = open_capture(err, STDERR_FILENO);

    print(argument);
    fflush(stdout);
    fflush(stderr);
    dup2(kept_out, STDOUT_FILENO);
    dup2(kept_err, STDERR_FILENO);
    close(kept_out);
    close(kept_err);
    printed_out = read_text(out);
    printed_err = read_text(err);
}

static void parse_words(const char *line)
{
    static char words[512];
    char *cursor = words;
    char *word;
    int count = 0;

    ck_assert(text_copy(words, sizeof(words), line));
    while ((word = text_split(&cursor, ' ')) != NULL)
        arguments[count++] = word;
    arguments[count] = NULL;
    exit_code = 42;
    positional = cli_parse(&command, options, COUNT_OF(options), count, arguments, &exit_code);
}

/* `line` without the program's name, its words separated by single blanks. */
static void parse(const char *line)
{
    capture(parse_words, line);
}

static void forget_printed(void)
{
    free(printed_out);
    free(printed_err);
}

START_TEST(options_that_are_not_given_have_their_fallback)
{
    parse("plan");
    ck_assert_int_eq(positional, 0);
    ck_assert_int_eq(exit_code, 42);
    ck_assert_str_eq(config, "streams.conf");
    ck_assert_ptr_null(output);
    ck_assert_ptr_null(verbose);
    ck_assert_str_eq(printed_out, "");
    ck_assert_str_eq(printed_err, "");
    forget_printed();
}
END_TEST

static const struct {
    const char *line;
    const char *config, *output, *verbose;
    const char *positional[4];
} accepted[] = {
    {"plan --config a.conf", "a.conf", NULL, NULL, {NULL}},
    {"plan --config=a.conf", "a.conf", NULL, NULL, {NULL}},
    {"plan --config=a=b", "a=b", NULL, NULL, {NULL}},
    {"plan --config a --config b", "b", NULL, NULL, {NULL}},
    {"plan --config --verbose", "--verbose", NULL, NULL, {NULL}},
    {"plan --verbose", "streams.conf", NULL, "", {NULL}},
    {"plan orders", "streams.conf", NULL, NULL, {"orders"}},
    {"plan orders --output json users --verbose x", "streams.conf", "json", "", {"orders", "users", "x"}},
    {"plan -- --verbose -x", "streams.conf", NULL, NULL, {"--verbose", "-x"}},
    {"plan a -- b --", "streams.conf", NULL, NULL, {"a", "b", "--"}},
    {"plan -", "streams.conf", NULL, NULL, {"-"}},
};

START_TEST(options_and_arguments_may_be_mixed)
{
    parse(accepted[_i].line);
    ck_assert_str_eq(printed_err, "");
    ck_assert(text_equal(config, accepted[_i].config));
    ck_assert(text_equal(output, accepted[_i].output));
    ck_assert(text_equal(verbose, accepted[_i].verbose));
    for (int i = 0; i < positional; i++)
        ck_assert_str_eq(arguments[i + 1], accepted[_i].positional[i]);
    ck_assert_ptr_null(accepted[_i].positional[positional]);
    ck_assert_int_eq(exit_code, 42);
    forget_printed();
}
END_TEST

static const struct {
    const char *line, *complaint;
} refused[] = {
    {"plan --config", "plan: '--config' needs FILE"},
    {"plan x --output", "plan: '--output' needs table|json"},
    {"plan --config=", "plan: '--config' needs FILE, not an empty value"},
    {"plan --config  orders", "plan: '--config' needs FILE, not an empty value"},
    {"plan --verbose=yes", "plan: '--verbose' takes no value"},
    {"plan --confg a", "plan has no option '--confg': did you mean '--config'?"},
    {"plan --ouptut=json", "plan has no option '--ouptut': did you mean '--output'?"},
    {"plan --hlep", "plan has no option '--hlep': did you mean '--help'?"},
    {"plan --quite-different", "plan has no option '--quite-different'"},
    {"plan -v", "plan has no option '-v'"},
    {"plan --conf a", "plan has no option '--conf': did you mean '--config'?"},
};

START_TEST(a_wrong_option_ends_the_command_with_a_complaint)
{
    SCOPED(free_text)
    char *wanted =
        must_printf("error: %s\n'kinescale help plan' lists its options.\n", refused[_i].complaint);

    parse(refused[_i].line);
    ck_assert_int_eq(positional, -1);
    ck_assert_int_eq(exit_code, EXIT_USAGE);
    ck_assert_str_eq(printed_err, wanted);
    ck_assert_str_eq(printed_out, "");
    forget_printed();
}
END_TEST

START_TEST(help_is_printed_from_the_table)
{
    static const char *const lines[] = {"plan --help", "plan -h", "plan orders --verbose --help"};

    parse(lines[_i]);
    ck_assert_int_eq(positional, -1);
    ck_assert_int_eq(exit_code, EXIT_DONE);
    ck_assert_str_eq(printed_err, "");
    ck_assert_str_eq(printed_out, "usage: kinescale plan [OPTION...] [STREAM...]\n"
                                  "\n"
                                  "Says what would be done, and why.\n"
                                  "\n"
                                  "options:\n"
                                  "  --config FILE              the configuration (default: streams.conf)\n"
                                  "  --output table|json        how the answer looks\n"
                                  "  --verbose                  say more\n"
                                  "  --help                     print this and end\n");
    forget_printed();
}
END_TEST

START_TEST(behind_two_dashes_help_is_an_argument)
{
    parse("plan -- --help");
    ck_assert_int_eq(positional, 1);
    ck_assert_str_eq(arguments[1], "--help");
    forget_printed();
}
END_TEST

START_TEST(the_exit_code_belongs_to_the_kind)
{
    for (int kind = 0; kind < ERROR_KIND_COUNT; kind++) {
        struct error err = {.kind = (enum error_kind)kind, .message = "said by a test"};
        int wanted = kind == ERROR_CONFIG ? EXIT_USAGE : kind == ERROR_BUSY ? EXIT_FORBIDDEN : EXIT_FAILED;

        ck_assert_int_eq(cli_fail(&err), wanted);
    }
}
END_TEST

static struct config *loaded;

static void load(const char *path)
{
    loaded = cli_config(path);
}

START_TEST(every_fault_of_a_configuration_is_printed)
{
    static const char *const faults[] = {":2: min_shards", ":3: max_shards"};
    SCOPED(free_text) char *path = must_printf("%s/bad.conf", temporary_directory());

    write_text(path, "[defaults]\nmin_shards = many\nmax_shards = few\n");
    capture(load, path);
    ck_assert_ptr_null(loaded);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        SCOPED(free_text) char *wanted = must_printf("error: %s%s ", path, faults[i]);

        ck_assert_msg(strstr(printed_err, wanted) != NULL, "%s", printed_err);
    }
    ck_assert_str_eq(printed_out, "");
    forget_printed();
}
END_TEST

START_TEST(a_configuration_that_is_not_there_is_complained_about)
{
    SCOPED(free_text) char *path = must_printf("%s/none.conf", temporary_directory());

    capture(load, path);
    ck_assert_ptr_null(loaded);
    ck_assert_msg(text_starts_with(printed_err, "error: "), "%s", printed_err);
    ck_assert_ptr_nonnull(strstr(printed_err, path));
    ck_assert_ptr_eq(strchr(printed_err, '\n'), printed_err + strlen(printed_err) - 1);
    forget_printed();
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("cli");
    TCase *tcase = tcase_create("cli");

    tcase_add_test(tcase, options_that_are_not_given_have_their_fallback);
    tcase_add_loop_test(tcase, options_and_arguments_may_be_mixed, 0, (int)COUNT_OF(accepted));
    tcase_add_loop_test(tcase, a_wrong_option_ends_the_command_with_a_complaint, 0, (int)COUNT_OF(refused));
    tcase_add_loop_test(tcase, help_is_printed_from_the_table, 0, 3);
    tcase_add_test(tcase, behind_two_dashes_help_is_an_argument);
    tcase_add_test(tcase, the_exit_code_belongs_to_the_kind);
    tcase_add_test(tcase, every_fault_of_a_configuration_is_printed);
    tcase_add_test(tcase, a_configuration_that_is_not_there_is_complained_about);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
