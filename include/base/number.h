/*
 * number.h - numbers, percentages and durations as people write them.
 *
 * Parsers take the whole text or refuse it: no sign where none is allowed, no
 * blanks, no trailing characters, no overflow, no locale.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal, an optional leading '-'.  False when it is not one or lies outside [minimum, maximum]. */
bool number_parse(const char *text, int64_t minimum, int64_t maximum, int64_t *ret_value);
/* Finite decimal number with optional fraction and exponent. */
bool number_parse_double(const char *text, double *ret_value);
/* "80%" or "80.5%": 0.8, 0.805.  Not below 0%, not above 1000%. */
bool number_parse_percent(const char *text, double *ret_fraction);
/* "500ms", "30s", "5m", "36h", "2d"; a number without a unit is refused.  Not negative. */
bool number_parse_duration(const char *text, int64_t *ret_ms);
/* The longest unit that loses nothing: "5m", "36h", "1500ms"; "0s".  `size` at least 24. */
void number_format_duration(int64_t ms, char *text, size_t size);
/* The shortest text that reads back as the same double ("0.8", "50331648"); `size` at least 32. */
void number_format_double(double value, char *text, size_t size);
/*
 * "5.0331648e+07": the fewest digits that read back as the same double, which is finite.  How many stand behind the
 * point.
 */
enum { NUMBER_SHORTEST_SIZE = 32 };
int number_shortest(double value, char digits[NUMBER_SHORTEST_SIZE]);
/* "80%", "62.5%". */
void number_format_percent(double fraction, char *text, size_t size);

#endif
