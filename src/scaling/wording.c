/*
 * wording.c - the sentences of the planners, and the numbers in them.
 */
#include "wording.h"

#include "scaling/load.h"

#include <math.h>
#include <stdarg.h>

/* Keeps every number within WORDING_SIZE. */
#define LOAD_SHOWN_MAX 1e12

void wording_count(double value, char text[WORDING_SIZE])
{
    char digits[WORDING_SIZE / 2];
    size_t count = (size_t)snprintf(digits, sizeof(digits), "%.0f", value), at = 0;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

void wording_percent(double fraction, double against, char text[WORDING_SIZE])
{
    double whole = round(100 * fmin(fraction, LOAD_SHOWN_MAX));
    bool hides = fabs(whole - round(100 * against)) < 0.5 && fabs(fraction - against) > LOAD_SLACK;

    if (hides)
        snprintf(text, WORDING_SIZE, "%.2f %%", 100 * fraction);
    else
        snprintf(text, WORDING_SIZE, "%.0f %%", whole);
}

void wording_add(char *text, size_t size, const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
}
