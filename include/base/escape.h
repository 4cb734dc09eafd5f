/*
 * escape.h - text from outside that is to stand on one line, of a log or of a terminal, and to command neither.
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/buffer.h"

/* How many bytes stand here that may be written as they are: those of one character.  0 for a control character, also
 * of those above ASCII, and for what is no UTF-8.  `left` is at least 1. */
size_t escape_plain(const char *at, size_t left);
/*
 * Adds the text with what is not plain as \n, \r, \t or \x1b, and with a backslash before each of the characters in
 * `quoted` (ASCII; "" for none).  ERROR_INPUT beyond the buffer's ceiling; what fits has been added then.
 */
int escape_add(struct buffer *buffer, const char *text, size_t length, const char *quoted, struct error *err);

#endif
