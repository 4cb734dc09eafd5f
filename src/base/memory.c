/*
 * memory.c - the one place that knows an allocation can fail.
 */
#include "base/memory.h"

#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void *there(void *memory)
{
    if (memory == NULL) {
        static const char complaint[] = "error out-of-memory\n";

        (void)!write(STDERR_FILENO, complaint, sizeof(complaint) - 1); /* about to end: nobody to tell */
        abort();
    }
    return memory;
}

void *must_calloc(size_t count, size_t size)
{
    /* Asking for nothing may be answered with NULL, which would look like a failure. */
    return there(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *must_malloc(size_t size)
{
    return there(malloc(size > 0 ? size : 1));
}

void *must_realloc(void *memory, size_t count, size_t size)
{
    return there(reallocarray(memory, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *must_strdup(const char *text)
{
    return text != NULL ? there(strdup(text)) : NULL;
}

char *must_strndup(const char *text, size_t length)
{
    return there(strndup(text, length));
}

char *must_printf(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return there(length < 0 ? NULL : text);
}

void free_text(char **text)
{
    free(*text);
}

char *take_text(char **text)
{
    char *taken = *text;

    *text = NULL;
    return taken;
}

void wipe(void *memory, size_t size)
{
    if (size > 0)
        explicit_bzero(memory, size);
}

void free_secret(char *text)
{
    if (text != NULL)
        wipe(text, strlen(text));
    free(text);
}

void free_secret_text(char **text)
{
    free_secret(*text);
}

bool secret_equal(const char *a, const char *b)
{
    size_t length = strlen(a);
    volatile unsigned char different = 0;

    if (strlen(b) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        different |= (unsigned char)(a[i] ^ b[i]);
    return different == 0;
}

/* Either alone would do; a system call filter may forbid one (systemd's @resources), so neither must succeed. */
void memory_hide(void)
{
    struct rlimit limit;

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > 0)
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
