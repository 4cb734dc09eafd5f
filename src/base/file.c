/*
 * file.c - whole small files: configuration, credentials, certificates, traces.
 */
#include "base/file.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <errno.h>

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file); /* read only: nothing can be lost */
}

int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err)
{
    SCOPED(close_file) FILE *file = fopen(path, "re");
    SCOPED(buffer_wipe)
    struct buffer text = {.ceiling = limit}; /* what is refused half way may be a secret */
    struct error too_long = {0};
    char piece[8192];
    size_t got;

    if (file == NULL)
        return error_set(err, errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_CONFIG,
                         "cannot open '%s': %s", path, strerror(errno));
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
