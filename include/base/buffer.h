/*
 * buffer.h - bytes that grow, up to a stated ceiling.
 *
 * What comes from outside is refused beyond the ceiling, never cut.  The bytes
 * are always followed by a '\0' that does not count.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/error.h"

#include <stddef.h>

struct buffer {
    char *bytes; /* NULL while empty */
    size_t length;
    size_t capacity;
    size_t ceiling;
};

void buffer_init(struct buffer *buffer, size_t ceiling);
/* Refuses (ERROR_INPUT), and adds nothing, when the whole would go beyond the ceiling. */
int buffer_add(struct buffer *buffer, const void *bytes, size_t length, struct error *err);
/* Adds `length` bytes for the caller to write: where they begin, until the next call.  NULL when buffer_add() would
 * refuse them. */
char *buffer_extend(struct buffer *buffer, size_t length, struct error *err);
int buffer_add_text(struct buffer *buffer, const char *text, struct error *err);
int buffer_printf(struct buffer *buffer, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "" when empty; valid until the next call. */
const char *buffer_text(const struct buffer *buffer);
/* The caller frees what it gets (an empty string when nothing was added); the buffer is empty again. */
char *buffer_take(struct buffer *buffer);
/* Frees; may be used again with the same ceiling.  Works for SCOPED(). */
void buffer_clear(struct buffer *buffer);
/* As buffer_clear, after overwriting: for answers that hold credentials. */
void buffer_wipe(struct buffer *buffer);

#endif
