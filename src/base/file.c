/*
 * file.c - whole files: configuration, credentials, certificates, traces; reports.
 */
#include "base/file.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file); /* read only: nothing can be lost */
}

/* NULL with err set.  `flags`: O_NONBLOCK, so that nothing is waited for; or 0. */
static FILE *open_file(const char *path, int flags, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    int failure = errno;

    if (file != NULL)
        return file;
    if (fd >= 0)
        (void)close(fd);
    (void)error_set(err, failure == ENOENT || failure == ENOTDIR ? ERROR_NOT_FOUND : ERROR_CONFIG,
                    "cannot open '%s': %s", path, strerror(failure));
    return NULL;
}

/* One that stays: it can be read again, and there is no other end to wait for.  *ret_found: what stat(2) says of it. */
static FILE *open_lasting(const char *path, struct stat *ret_found, struct error *err)
{
    FILE *file = open_file(path, O_NONBLOCK, err);

    if (file == NULL)
        return NULL;
    if (fstat(fileno(file), ret_found) < 0)
        (void)error_set(err, ERROR_CONFIG, "cannot read '%s': %s", path, strerror(errno));
    else if (S_ISFIFO(ret_found->st_mode))
        (void)error_set(err, ERROR_CONFIG, "'%s' is a pipe, not a file", path);
    else
        return file;
    close_file(&file);
    return NULL;
}

static int read_whole(FILE *file, const char *path, size_t limit, char **ret_text, size_t *ret_length,
                      struct error *err)
{
    SCOPED(buffer_wipe)
    struct buffer text = {.ceiling = limit}; /* what is refused half way may be a secret */
    struct error too_long = {0};
    char piece[8192];
    size_t got;

    (void)setvbuf(file, NULL, _IONBF, 0); /* no copy in stdio's buffer */

    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        int added = buffer_add(&text, piece, got, &too_long);

        wipe(piece, got);
        if (added < 0)
            return error_set(err, ERROR_CONFIG, "'%s' has more than %zu bytes", path, limit);
    }
    if (ferror(file))
        return error_set(err, ERROR_CONFIG, "cannot read '%s': %s", path, strerror(errno));

    if (ret_length != NULL)
        *ret_length = text.length;
    *ret_text = buffer_take(&text);
    return 0;
}

int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err)
{
    struct stat found;
    SCOPED(close_file) FILE *file = open_lasting(path, &found, err);

    return file == NULL ? -1 : read_whole(file, path, limit, ret_text, ret_length, err);
}

int file_read_once(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err)
{
    SCOPED(close_file) FILE *file = open_file(path, 0, err);

    return file == NULL ? -1 : read_whole(file, path, limit, ret_text, ret_length, err);
}

/* What others than the owner may do with it, as a mode. */
static unsigned for_others(const struct stat *found)
{
    return found->st_mode & (S_IRWXG | S_IRWXO);
}

int file_read_secret(const char *path, size_t limit, char **ret_text, struct error *err)
{
    struct stat found;
    SCOPED(close_file) FILE *file = open_lasting(path, &found, err);

    if (file == NULL)
        return -1;
    if (for_others(&found) != 0 && (for_others(&found) != S_IRGRP || found.st_uid != 0 || geteuid() == 0))
        return error_set(err, ERROR_CONFIG,
                         "'%s' holds a secret, and others may read or change it (mode %04o): chmod 600 it",
                         path, (unsigned)found.st_mode & 07777);
    return read_whole(file, path, limit, ret_text, NULL, err);
}

bool file_is_open_to_others(const char *path, unsigned *ret_mode)
{
    struct stat found;

    if (stat(path, &found) < 0 || !S_ISREG(found.st_mode) || for_others(&found) == 0)
        return false;
    *ret_mode = found.st_mode & 07777;
    return true;
}

/* Closes `fd` in any case.  An answer of close(2) counts: a full disk may show only there. */
static int write_all(int fd, const char *text, size_t length)
{
    int failure = 0;

    while (length > 0 && failure == 0) {
        ssize_t wrote = write(fd, text, length);

        if (wrote < 0 && errno != EINTR)
            failure = errno;
        if (wrote > 0) {
            text += wrote;
            length -= (size_t)wrote;
        }
    }
    if (close(fd) < 0 && failure == 0)
        failure = errno;
    errno = failure;
    return failure == 0 ? 0 : -1;
}

static int replace(const char *path, const char *text, size_t length)
{
    SCOPED(free_text) char *draft = must_printf("%s.%ld.tmp", path, (long)getpid());
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int failure;

    if (fd < 0)
        return -1;
    if (write_all(fd, text, length) == 0 && rename(draft, path) == 0)
        return 0;
    failure = errno;
    (void)unlink(draft);
    errno = failure;
    return -1;
}

/* A device or a pipe is written to: a file in its place would not be what was meant. */
static int write_through(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -1 : write_all(fd, text, length);
}

int file_write(const char *path, const char *text, size_t length, struct error *err)
{
    SCOPED(free_text) char *target = realpath(path, NULL); /* what a link leads to */
    struct stat there;
    bool special = target != NULL && stat(target, &there) == 0 && !S_ISREG(there.st_mode);
    int result =
        special ? write_through(target, text, length) : replace(target != NULL ? target : path, text, length);

    if (result < 0)
        return error_set(err,
                         errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO
                             ? ERROR_TRANSIENT
                             : ERROR_CONFIG,
                         "cannot write '%s': %s", path, strerror(errno));
    return 0;
}
