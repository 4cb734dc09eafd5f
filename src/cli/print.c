/*
 * print.c - what commands say to people.
 */
#include "parts.h"

#include "base/escape.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>

char *cli_escaped(const char *text)
{
    SCOPED(buffer_clear) struct buffer escaped = {.ceiling = 4 * strlen(text)};
    struct error err = {0};

    (void)escape_add(&escaped, text, strlen(text), "", &err); /* \x1b: four for one */
    return buffer_take(&escaped);
}

void cli_print(FILE *file, const char *format, ...)
{
    SCOPED(free_text) char *text = NULL, *escaped = NULL;
    bool ends_line = text_ends_with(format, "\n");
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        text = must_strdup("?");
    else if (ends_line)
        text[length - 1] = '\0';
    escaped = cli_escaped(text);
    fprintf(file, ends_line ? "%s\n" : "%s", escaped);
}
