/*
 * error.c - texts that fit in place: a failure is reported without allocating.
 */
#include "base/error.h"

#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>

/* Here they are made. */
#undef error_set
#undef error_wrap

/* Answers of AWS end up in messages; a message must stay one line whatever they hold. */
static void keep_one_line(char *message)
{
    for (; *message != '\0'; message++) {
        if (iscntrl((unsigned char)*message))
            *message = ' ';
    }
}

/* A cut may have gone through a character of several bytes; what is left of that goes too. */
static void end_whole(char *message, size_t length)
{
    size_t start = length;

    while (start > 0 && ((unsigned char)message[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && !text_is_utf8(message + start - 1, length - (start - 1)))
        message[start - 1] = '\0';
}

static void store_message(struct error *err, const char *text, size_t wanted)
{
    snprintf(err->message, sizeof(err->message), "%s", text);
    if (wanted >= sizeof(err->message))
        end_whole(err->message, sizeof(err->message) - 1);
    keep_one_line(err->message);
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    char text[sizeof(err->message)]; /* apart, because the old message may be among the arguments */
    va_list arguments;
    int wanted;

    va_start(arguments, format);
    wanted = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    err->kind = kind;
    store_message(err, text, wanted < 0 ? 0 : (size_t)wanted);
    return -1;
}

int error_wrap(struct error *err, const char *format, ...)
{
    char view[sizeof(err->message)];
    char text[2 * sizeof(err->message) + sizeof(": ")];
    va_list arguments;
    int wanted;

    va_start(arguments, format);
    vsnprintf(view, sizeof(view), format, arguments);
    va_end(arguments);

    wanted = snprintf(text, sizeof(text), "%s: %s", view, err->message);
    store_message(err, text, (size_t)wanted);
    return -1;
}

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[ERROR_KIND_COUNT] = {
        [ERROR_NONE] = "none",         [ERROR_CONFIG] = "config",       [ERROR_INPUT] = "input",
        [ERROR_AUTH] = "auth",         [ERROR_THROTTLED] = "throttled", [ERROR_TRANSIENT] = "transient",
        [ERROR_CONFLICT] = "conflict", [ERROR_QUOTA] = "quota",         [ERROR_NOT_FOUND] = "not-found",
        [ERROR_REFUSED] = "refused",   [ERROR_STORE] = "store",         [ERROR_BUSY] = "busy",
        [ERROR_BUG] = "bug",
    };

    if ((unsigned)kind >= COUNT_OF(names))
        return "unknown";
    return names[kind];
}

bool error_is_retryable(const struct error *err)
{
    return err->kind == ERROR_THROTTLED || err->kind == ERROR_TRANSIENT;
}
