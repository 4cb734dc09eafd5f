/*
 * text.h - small questions about strings.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies and ends it; false when it had to be cut. */
bool text_copy(char *target, size_t size, const char *source);
bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/* Removes blanks, tabs and line ends at both ends, in place; returns the new start. */
char *text_trim(char *text);
/* The next piece before `separator`, trimmed; NULL when there is none left.  Advances *cursor, writes '\0's. */
char *text_split(char **cursor, char separator);
/* Bytes that are valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool text_is_utf8(const char *bytes, size_t length);
/* "" for one, else "s" */
const char *text_plural(int64_t count);
/* The candidate nearest to `word` by edit distance, or NULL when none is near enough to be meant
 * (more than a third of its letters differ).  `candidates` ends with NULL. */
const char *text_nearest(const char *word, const char *const *candidates);

#endif
