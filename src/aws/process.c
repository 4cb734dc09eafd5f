/*
 * process.c - runs a helper program and never waits for it longer than was said.
 *
 * The helper leads a process group of its own, so that what it started dies with it.  Deadlines are real
 * time, whatever clock the program runs on: another process knows no other.
 */
#include "aws/process.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

/* ---- words */

enum { WORDS_MAX = 256, REAP_EVERY_MS = 10 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Takes one word from *cursor, which stands at its start, into `word`.  False for an open quote. */
static bool take_word(const char **cursor, char *word)
{
    const char *c = *cursor;
    char quote = '\0';

    for (; *c != '\0' && (quote != '\0' || !is_blank(*c)); c++) {
        if (quote == '\0' && (*c == '"' || *c == '\'')) {
            quote = *c;
        } else if (quote != '\0' && *c == quote) {
            quote = '\0';
        } else if (*c == '\\' && quote != '\'' && c[1] != '\0' &&
                   (quote == '\0' || c[1] == '"' || c[1] == '\\')) {
            *word++ = *++c;
        } else {
            *word++ = *c;
        }
    }
    *word = '\0';
    *cursor = c;
    return quote == '\0';
}

int process_words(const char *command, char ***ret_words, struct error *err)
{
    char **words = must_calloc(WORDS_MAX + 1, sizeof(*words));
    size_t count = 0;

    for (;;) {
        while (is_blank(*command))
            command++;
        if (*command == '\0')
            break;
        if (count == WORDS_MAX) {
            error_set(err, ERROR_CONFIG, "the command has more than %d words", WORDS_MAX);
            goto fail;
        }
        words[count] = must_calloc(1, strlen(command) + 1);
        if (!take_word(&command, words[count++])) {
            error_set(err, ERROR_CONFIG, "the command has a quote that does not end");
            goto fail;
        }
    }
    if (count == 0) {
        error_set(err, ERROR_CONFIG, "the command is empty");
        goto fail;
    }
    *ret_words = words;
    return 0;

fail:
    process_words_free(words);
    return -1;
}

void process_words_free(char **words)
{
    for (char **word = words; word != NULL && *word != NULL; word++)
        free_secret(*word);
    free(words);
}

/* ---- running */

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
    *descriptor = -1;
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

static int start(char *const *words, int output, pid_t *ret_pid, struct error *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int failure;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attributes);
    /* The output first: the pipe may itself be 0 or 2 in a program started with those closed. */
    failure = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    if (failure == 0)
        failure = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failure == 0)
        failure = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (failure == 0)
        failure = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                            POSIX_SPAWN_SETSIGDEF);
    if (failure == 0)
        failure = posix_spawnattr_setsigmask(&attributes, &none);
    if (failure == 0)
        failure = posix_spawnattr_setsigdefault(&attributes, &all);
    if (failure == 0)
        failure = posix_spawnp(ret_pid, words[0], &files, &attributes, words, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    if (failure != 0)
        return error_set(err, ERROR_CONFIG, "cannot be started: %s", strerror(failure));
    return 0;
}

static int too_late(int timeout_ms, struct error *err)
{
    return error_set(err, ERROR_TRANSIENT, "took longer than %d ms", timeout_ms);
}

/* Until the end of its output. */
static int take_output(int from, int64_t deadline_ms, int timeout_ms, struct buffer *output,
                       struct error *err)
{
    char chunk[4096];
    ssize_t count = -1;

    while (count != 0) {
        struct pollfd ready = {.fd = from, .events = POLLIN};
        int64_t left_ms = deadline_ms - now_ms();

        if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) == 0)
            return too_late(timeout_ms, err);
        count = read(from, chunk, sizeof(chunk));
        if (count < 0 && errno != EINTR && errno != EAGAIN)
            return error_set(err, ERROR_TRANSIENT, "cannot be read: %s", strerror(errno));
        if (count > 0 && buffer_add(output, chunk, (size_t)count, err) < 0)
            return error_set(err, ERROR_AUTH, "printed more than %zu bytes", output->ceiling);
        wipe(chunk, sizeof(chunk));
    }
    return 0;
}

/* Until it has ended: closing its output does not mean that. */
static int wait_for(pid_t pid, int64_t deadline_ms, int timeout_ms, int *ret_status, struct error *err)
{
    for (;;) {
        pid_t ended = waitpid(pid, ret_status, WNOHANG);

        if (ended == pid)
            return 0;
        if (ended < 0 && errno != EINTR)
            return error_set(err, ERROR_TRANSIENT, "its end cannot be awaited: %s", strerror(errno));
        if (now_ms() >= deadline_ms)
            return too_late(timeout_ms, err);
        (void)poll(NULL, 0, REAP_EVERY_MS);
    }
}

static void kill_group(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int process_output(char *const *words, int timeout_ms, struct buffer *output, struct error *err)
{
    int64_t deadline_ms = now_ms() + timeout_ms;
    int ends[2] = {-1, -1};
    int status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, ERROR_TRANSIENT, "cannot make a pipe: %s", strerror(errno));
    SCOPED(close_descriptor) int reading = ends[0];
    SCOPED(close_descriptor) int writing = ends[1];

    if (start(words, writing, &pid, err) < 0)
        return -1;
    close_descriptor(&writing);
    if (take_output(reading, deadline_ms, timeout_ms, output, err) < 0 ||
        wait_for(pid, deadline_ms, timeout_ms, &status, err) < 0) {
        kill_group(pid);
        return -1;
    }
    if (WIFSIGNALED(status))
        return error_set(err, ERROR_AUTH, "was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return error_set(err, ERROR_AUTH, "ended with code %d", WEXITSTATUS(status));
    return 0;
}
