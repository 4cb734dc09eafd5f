#include "support.h"

#include "aws/process.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdio.h>

/* ---- words */

static const struct {
    const char *command;
    const char *words; /* joined by '|' */
} splits[] = {
    {"run", "run"},
    {"  run  a\tb ", "run|a|b"},
    {"run 'a b' c", "run|a b|c"},
    {"run \"a b\"c", "run|a bc"},
    {"run ''", "run|"},
    {"run a'b'\"c\"d", "run|abcd"},
    {"run 'a\\b'", "run|a\\b"},
    {"run \"a\\\"b\\\\c\\d\"", "run|a\"b\\c\\d"},
    {"run a\\ b", "run|a b"},
    {"run $HOME `x` ; a > b | c *", "run|$HOME|`x`|;|a|>|b|||c|*"},
    {"run a\\", "run|a\\"},
};

START_TEST(a_command_is_parted_as_a_shell_would_and_nothing_more)
{
    char **words;
    struct error err;
    struct buffer joined;

    buffer_init(&joined, 1024);
    ck_assert_int_eq(process_words(splits[_i].command, &words, &err), 0);
    for (size_t i = 0; words[i] != NULL; i++)
        ck_assert_int_eq(buffer_printf(&joined, &err, "%s%s", i > 0 ? "|" : "", words[i]), 0);
    ck_assert_str_eq(buffer_text(&joined), splits[_i].words);
    buffer_clear(&joined);
    process_words_free(words);
}
END_TEST

START_TEST(a_command_that_is_none_is_refused)
{
    static const struct {
        const char *command, *saying;
    } faults[] = {{"", "empty"}, {"  \t", "empty"}, {"run 'a", "quote"}, {"run \"a\\\"", "quote"}};
    char **words = NULL;
    struct error err;
    char *many = must_calloc(2, 300);

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        ck_assert_int_lt(process_words(faults[i].command, &words, &err), 0);
        ck_assert_int_eq(err.kind, ERROR_CONFIG);
        ck_assert_ptr_nonnull(strstr(err.message, faults[i].saying));
    }
    for (int i = 0; i < 257; i++)
        memcpy(many + (size_t)i * 2, "a ", 2);
    ck_assert_int_lt(process_words(many, &words, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, "more than 256 words"));
    many[256 * 2] = '\0';
    ck_assert_int_eq(process_words(many, &words, &err), 0);
    process_words_free(words);
    free(many);
    process_words_free(NULL);
}
END_TEST

/* ---- running */

static int run(const char *command, int timeout_ms, size_t ceiling, struct buffer *output, struct error *err)
{
    char **words;
    int result;

    buffer_init(output, ceiling);
    ck_assert_int_eq(process_words(command, &words, err), 0);
    result = process_output(words, timeout_ms, output, err);
    process_words_free(words);
    return result;
}

static const struct {
    const char *command, *output;
} runs[] = {
    {"printf '%s-%s' 'a b' c", "a b-c"},
    {"/bin/sh -c 'echo complaint >&2; echo answer'", "answer\n"},
    {"cat", ""}, /* nothing to read */
    {"true", ""},
    {"/bin/sh -c 'exec >&-; sleep 0.1'", ""}, /* ends later than its output */
};

START_TEST(what_a_program_prints_is_taken)
{
    struct buffer output;
    struct error err;

    ck_assert_msg(run(runs[_i].command, 10000, 1024, &output, &err) == 0, "%s", err.message);
    ck_assert_str_eq(buffer_text(&output), runs[_i].output);
    buffer_clear(&output);
}
END_TEST

static const struct {
    const char *command;
    enum error_kind kind;
    const char *saying;
} failures[] = {
    {"/nonexistent/program SecretSecret", ERROR_CONFIG, "cannot be started: No such file"},
    {"false", ERROR_AUTH, "ended with code 1"},
    {"/bin/sh -c 'echo SecretSecret; exit 7'", ERROR_AUTH, "ended with code 7"},
    {"/bin/sh -c 'kill -9 $$'", ERROR_AUTH, "ended by signal 9"},
    {"/bin/sh -c 'while :; do echo SecretSecret; done'", ERROR_AUTH, "printed more than 1024 bytes"},
};

START_TEST(what_went_wrong_is_said_without_what_was_printed)
{
    struct buffer output;
    struct error err;

    ck_assert_int_lt(run(failures[_i].command, 10000, 1024, &output, &err), 0);
    ck_assert_msg(err.kind == failures[_i].kind && strstr(err.message, failures[_i].saying) != NULL, "%s",
                  err.message);
    ck_assert_ptr_null(strstr(err.message, "Secret"));
    buffer_clear(&output);
}
END_TEST

/* Dead is also who waits for somebody to collect him: his parent is gone, and not every init cares. */
static bool lives(const char *pid)
{
    char path[64];
    char state = 'Z';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(pid, NULL, 10));
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fscanf(file, "%*d %*s %c", &state) != 1)
        state = 'Z';
    (void)fclose(file);
    return state != 'Z';
}

START_TEST(a_program_that_takes_too_long_dies_with_all_it_started)
{
    struct buffer output;
    struct error err;
    char path[128], command[256];
    char *pid;
    int64_t began = clock_monotonic_ns();

    snprintf(path, sizeof(path), "%s/pid", temporary_directory());
    snprintf(command, sizeof(command), "/bin/sh -c 'sleep 600 %s & echo $! > %s; %s wait'",
             _i == 0 ? "" : ">/dev/null", path,
             _i == 0 ? "" : "exec >&-;"); /* its output stays open, or not */
    ck_assert_int_lt(run(command, 500, 1024, &output, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_str_eq(err.message, "took longer than 500 ms");
    ck_assert_int_lt((clock_monotonic_ns() - began) / 1000000, 5000);
    pid = read_text(path);
    for (int i = 0; i < 200 && lives(pid); i++)
        clock_sleep_ms(clock_system(), 10);
    ck_assert(!lives(pid));
    free(pid);
    buffer_clear(&output);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("process");
    TCase *tcase = tcase_create("process");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_command_is_parted_as_a_shell_would_and_nothing_more, 0, COUNT_OF(splits));
    tcase_add_test(tcase, a_command_that_is_none_is_refused);
    tcase_add_loop_test(tcase, what_a_program_prints_is_taken, 0, COUNT_OF(runs));
    tcase_add_loop_test(tcase, what_went_wrong_is_said_without_what_was_printed, 0, COUNT_OF(failures));
    tcase_add_loop_test(tcase, a_program_that_takes_too_long_dies_with_all_it_started, 0, 2);
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
