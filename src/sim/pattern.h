/*
 * pattern.h - the regular expressions of templates (AllowedPattern), which are Java's, by means of POSIX's.
 *
 * What both understand, and \d, \w, \s and (?:...).  What POSIX cannot say (look-ahead, lazy repetition, references
 * back) and what could make it hang (many counted repetitions) is refused by pattern_check().
 */
#ifndef SIM_PATTERN_H
#define SIM_PATTERN_H

#include "base/error.h"

#include <stdbool.h>

/* ERROR_INPUT when the pattern cannot be used.  At most 512 bytes. */
int pattern_check(const char *pattern, struct error *err);
/* Whether it matches the whole text; false for a pattern that pattern_check() refuses. */
bool pattern_matches(const char *pattern, const char *text);

#endif
