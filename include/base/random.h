/*
 * random.h - the kernel's dice.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

enum { UUID_SIZE = 37 };

void random_bytes(void *bytes, size_t count);
double random_fraction(void); /* [0, 1) */
/* Version 4, lower case. */
void random_uuid(char text[UUID_SIZE]);

#endif
