/*
 * log_writer.c - lines to stderr, whoever reads them.
 *
 * DESIGN  A pager that was stopped, a terminal whose connection hangs, a journal that is stuck: what we say then finds
 * no reader, and a plain write() would wait for one in the middle of whatever the thread does.  A process that serves
 * has a description of its own of the same pipe or terminal, which does not wait (O_NONBLOCK on stderr itself would
 * hold for all who share it), and sockets are asked not to.  One line waits a moment for its reader; from then on
 * lines are counted instead of written until one goes through, and the first to do so says how many are missing.
 */
#include "log_writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 200, MISSING_LINE_MAX = 256 };

static struct {
    pthread_mutex_t mutex;
    int descriptor;
    bool socket;
    bool stalled; /* the last line was not written */
    bool torn;    /* only its beginning */
    uint64_t missing;
    uint64_t lost;
} writer = {.mutex = PTHREAD_MUTEX_INITIALIZER, .descriptor = STDERR_FILENO};

/* False: there is no room, or nowhere to write; there is no other place to complain to. */
static bool write_some(const char *bytes, size_t length, size_t *ret_written)
{
    ssize_t written;

    do
        written = writer.socket ? send(writer.descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL)
                                : write(writer.descriptor, bytes, length);
    while (written < 0 && errno == EINTR);
    *ret_written = written > 0 ? (size_t)written : 0;
    return written > 0;
}

static bool has_room(int64_t until_ns)
{
    struct pollfd there = {.fd = writer.descriptor, .events = POLLOUT};
    int64_t left_ms = (until_ns - clock_monotonic_ns()) / 1000000;

    return left_ms > 0 && (poll(&there, 1, (int)left_ms) > 0 || errno == EINTR);
}

/* As much as there is room for, soon: a stalled reader gets no patience. */
static size_t write_patiently(const char *bytes, size_t length)
{
    int64_t until_ns = clock_monotonic_ns() + (writer.stalled ? 0 : PATIENCE_MS) * 1000000LL;
    size_t done = 0, written;

    while (done < length) {
        if (write_some(bytes + done, length - done, &written))
            done += written;
        else if (errno != EAGAIN || !has_room(until_ns))
            break;
    }
    return done;
}

static bool write_line(const char *line, size_t length)
{
    size_t written = write_patiently(line, length);

    if (written > 0)
        writer.torn = written < length;
    writer.stalled = written < length;
    return !writer.stalled;
}

/* What is missing is told where it would have stood. */
static bool tell_of_missing(missing_line_fn *missing_line)
{
    SCOPED(buffer_clear) struct buffer line = {.ceiling = MISSING_LINE_MAX};
    struct error err;

    if (writer.torn)
        (void)buffer_add_text(&line, "\n", &err); /* an empty line has room for this */
    missing_line(writer.missing, &line);
    if (!write_line(buffer_text(&line), line.length))
        return false;
    writer.missing = 0;
    return true;
}

void log_write(const struct buffer *line, missing_line_fn *missing_line)
{
    pthread_mutex_lock(&writer.mutex);
    if ((writer.missing > 0 && !tell_of_missing(missing_line)) || !write_line(line->bytes, line->length)) {
        writer.missing++;
        writer.lost++;
    }
    pthread_mutex_unlock(&writer.mutex);
}

void log_never_wait(void)
{
    struct stat status;
    int own = -1;

    pthread_mutex_lock(&writer.mutex);
    if (fstat(STDERR_FILENO, &status) == 0) {
        writer.socket = S_ISSOCK(status.st_mode);
        if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
            own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (own >= 0)
        writer.descriptor = own;
    pthread_mutex_unlock(&writer.mutex);
}

uint64_t log_lines_lost(void)
{
    uint64_t lost;

    pthread_mutex_lock(&writer.mutex);
    lost = writer.lost;
    pthread_mutex_unlock(&writer.mutex);
    return lost;
}
