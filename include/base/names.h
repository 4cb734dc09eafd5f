/*
 * names.h - a list of names that grows.
 */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stddef.h>

struct names {
    char **items; /* the list's own */
    size_t count;
};

/* Keeps a copy.  Begins zeroed. */
void names_add(struct names *names, const char *name);
void names_clear(struct names *names);

#endif
