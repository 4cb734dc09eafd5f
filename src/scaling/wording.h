/*
 * wording.h - the sentences of the planners, and the numbers in them.  Internal to scaling/.
 */
#ifndef SCALING_WORDING_H
#define SCALING_WORDING_H

#include <stddef.h>

enum { WORDING_SIZE = 40 };

/* 1234567 as "1,234,567"; at most 10^18. */
void wording_count(double value, char text[WORDING_SIZE]);
/* "62 %": whole per cent, unless that would hide on which side of `against` it is. */
void wording_percent(double fraction, double against, char text[WORDING_SIZE]);
/* Goes on with a sentence in `text`; what does not fit is left out. */
void wording_add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The reason of a plan, of whichever kind. */
#define SAY(plan, ...) wording_add((plan)->reason, sizeof((plan)->reason), __VA_ARGS__)

#endif
