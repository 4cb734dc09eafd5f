/*
 * file.h - whole small files.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stddef.h>

/* A file of more than `limit` bytes is refused.  *ret_text is the caller's to free and ends with '\0';
 * ret_length may be NULL.  ERROR_NOT_FOUND when there is no such file, else ERROR_CONFIG. */
int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err);

#endif
