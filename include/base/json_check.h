/*
 * json_check.h - is this JSON, and is it shallow enough to hand to a parser?
 *
 * The JSON library is lenient and recursive; this goes first.  It accepts
 * exactly RFC 8259 in UTF-8, without a byte order mark, in linear time and
 * constant memory.
 */
#ifndef BASE_JSON_CHECK_H
#define BASE_JSON_CHECK_H

#include "base/error.h"

#include <stddef.h>

enum { JSON_DEPTH_MAX = 64 };

/* ERROR_INPUT with the byte offset.  A text nested deeper than `max_depth` (at most JSON_DEPTH_MAX) is refused. */
int json_check(const char *text, size_t length, int max_depth, struct error *err);
/* How many values a text holds that json_check() has accepted, or a few more: what a parser needs memory for, some
 * eighty bytes each. */
size_t json_values(const char *text, size_t length);

#endif
