/*
 * memory.h - memory or the end of the process, and scoped cleanup.
 *
 * Nobody tests the path where a small allocation fails; the daemon restarts
 * into what it stored.  What comes from outside is bounded by ceilings before
 * it is allocated (buffer.h).
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Runs `release(&variable)` when the variable goes out of scope.  That is a use, also where it is the only one. */
#define SCOPED(release) __attribute__((cleanup(release), unused))

/* Zeroed; abort()s with a line on stderr when there is no memory or the product overflows. */
void *must_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* The same for one thing whose bytes will all be written: not zeroed.  glibc's calloc(3) passes by what a thread has just
 * freed, and so is the slower one where there is much to and fro. */
void *must_malloc(size_t size) __attribute__((malloc, returns_nonnull));
/* As reallocarray(3); new bytes are not zeroed. */
void *must_realloc(void *memory, size_t count, size_t size) __attribute__((returns_nonnull));
/* The caller frees; NULL gives NULL. */
char *must_strdup(const char *text);
char *must_strndup(const char *text, size_t length) __attribute__((returns_nonnull));
/* The caller frees. */
char *must_printf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* For SCOPED(): free what a `char *` variable points to. */
void free_text(char **text);
/* Hands the text to the caller; the (scoped) variable forgets it. */
char *take_text(char **text);

/* Overwrites secrets; the compiler may not leave it out. */
void wipe(void *memory, size_t size);
/* Wipes the whole string, then frees it.  Accepts NULL. */
void free_secret(char *text);
/* For SCOPED(): the same with what a `char *` variable points to. */
void free_secret_text(char **text);
/* Takes as long wherever they differ: who guesses learns nothing but the length. */
bool secret_equal(const char *a, const char *b);
/*
 * From now on this process leaves no core file, and nobody but root can attach a debugger to it or read its memory and
 * environment below /proc.  A debugger that started it stays.  For main(): keys will be in there.
 */
void memory_hide(void);

#endif
