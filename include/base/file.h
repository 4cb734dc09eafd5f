/*
 * file.h - whole files, read and written.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * For files that a service needs and may read again: a pipe is refused and never waited for.  So is a file of more than
 * `limit` bytes.  *ret_text is the caller's to free and ends with '\0'; ret_length may be NULL.  ERROR_NOT_FOUND when
 * there is no such file, else ERROR_CONFIG.
 */
int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err);
/* The same for what somebody names on the command line, to be read once: may be a pipe, whose end is waited for. */
int file_read_once(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err);
/*
 * As file_read(), for a file of ours that holds a secret: ERROR_CONFIG when others may read or change it.  The group may read
 * what is root's, unless we are root: a service gets its files so (systemd's LoadCredential=, Kubernetes's fsGroup).
 */
int file_read_secret(const char *path, size_t limit, char **ret_text, struct error *err);
/* Is there such a file, and may others than its owner read or change it?  *ret_mode: the permission bits. */
bool file_is_open_to_others(const char *path, unsigned *ret_mode);
/* In the place of what is there, all or nothing: a reader never sees half of it.  What is no file, as a device or a pipe,
 * is written to.  ERROR_TRANSIENT when there is no room or the disk fails, else ERROR_CONFIG. */
int file_write(const char *path, const char *text, size_t length, struct error *err);

#endif
