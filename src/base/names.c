/*
 * names.c - a list of names that grows.
 */
#include "base/names.h"

#include "base/memory.h"

void names_add(struct names *names, const char *name)
{
    /* Room doubles: the count is a power of two whenever it is used up. */
    if ((names->count & (names->count - 1)) == 0)
        names->items =
            must_realloc(names->items, names->count == 0 ? 1 : 2 * names->count, sizeof(*names->items));
    names->items[names->count++] = must_strdup(name);
}

void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}
