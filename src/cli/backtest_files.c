/*
 * backtest_files.c - no file that a backtest writes takes the place of one that it reads, or writes as well.
 */
#include "backtest.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <sys/stat.h>

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The folder that `path` lies in, and its name there.  False when there is no such folder. */
static bool find_folder(const char *path, struct stat *ret_folder, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    SCOPED(free_text)
    char *folder = slash == NULL ? must_strdup(".") : must_printf("%.*s/", (int)(slash - path), path);

    *ret_name = slash == NULL ? path : slash + 1;
    return stat(folder, ret_folder) == 0;
}

/* Under whatever names.  What is no file, as /dev/null, takes whatever is written to it. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    const char *name_a, *name_b;
    bool there = stat(a, &of_a) == 0;

    if (there != (stat(b, &of_b) == 0))
        return false;
    if (there)
        return S_ISREG(of_a.st_mode) && is_same(&of_a, &of_b);
    return find_folder(a, &of_a, &name_a) && find_folder(b, &of_b, &name_b) && is_same(&of_a, &of_b) &&
           text_equal(name_a, name_b);
}

static int check_pair(const struct backtest_file *written, const struct backtest_file *other,
                      struct error *err)
{
    if (!is_same_file(written->path, other->path))
        return 0;
    if (other->written)
        return error_set(err, ERROR_CONFIG, "%s and %s would write the same file, '%s'", other->name,
                         written->name, written->path);
    return error_set(err, ERROR_CONFIG, "%s would write over %s in '%s'", written->name, other->name,
                     written->path);
}

/* A replay may take minutes: that its outcome cannot be written is told before. */
static int try_to_write(const char *path, struct error *err)
{
    struct stat before;
    bool there = stat(path, &before) == 0;
    FILE *file;

    if (there && !S_ISREG(before.st_mode) && !S_ISDIR(before.st_mode))
        return 0; /* who reads from a pipe would see its end */
    file = fopen(path, "ae");
    if (file == NULL)
        return error_set(err, ERROR_CONFIG, "cannot write '%s': %s", path, strerror(errno));
    (void)fclose(file); /* nothing was written */
    if (!there)
        (void)unlink(path); /* whether or not it can be: what is written takes its place */
    return 0;
}

static bool is_used(const struct backtest_file *file)
{
    return file->path != NULL && file->path[0] != '\0';
}

int backtest_check_files(const struct backtest_file *files, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_used(&files[i]) || !files[i].written)
            continue;
        for (size_t j = 0; j < i; j++) {
            if (is_used(&files[j]) && check_pair(&files[i], &files[j], err) < 0)
                return -1;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_used(&files[i]) && files[i].written && try_to_write(files[i].path, err) < 0)
            return -1;
    }
    return 0;
}
