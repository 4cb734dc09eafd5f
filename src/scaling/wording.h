/*
 * wording.h - numbers as the planners' sentences write them.  Internal to scaling/.
 */
#ifndef SCALING_WORDING_H
#define SCALING_WORDING_H

#include <stdint.h>

enum { WORDING_SIZE = 40 };

/* 1234567 as "1,234,567"; at most 10^18. */
void wording_count(double value, char text[WORDING_SIZE]);
/* "62 %": whole per cent, unless that would hide on which side of `against` it is. */
void wording_percent(double fraction, double against, char text[WORDING_SIZE]);

#endif
