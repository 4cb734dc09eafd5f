/*
 * escape.c - text from outside that is to stand on one line.
 */
#include "base/escape.h"

#include "base/memory.h"
#include "base/text.h"

size_t escape_plain(const char *at, size_t left)
{
    unsigned char c = (unsigned char)*at;

    if (c < 0x80)
        return c >= 0x20 && c != 0x7F ? 1 : 0;
    if (c == 0xC2 && left > 1 && (unsigned char)at[1] < 0xA0) /* the control characters above ASCII */
        return 0;
    for (size_t length = 2; length <= 4 && length <= left; length++) {
        if (text_is_utf8(at, length))
            return length;
    }
    return 0;
}

static int add_byte(struct buffer *buffer, char byte, struct error *err)
{
    static const struct {
        char character;
        const char *escaped;
    } escapes[] = {{'\n', "\\n"}, {'\r', "\\r"}, {'\t', "\\t"}};

    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        if (escapes[i].character == byte)
            return buffer_add_text(buffer, escapes[i].escaped, err);
    }
    return buffer_printf(buffer, err, "\\x%02x", (unsigned char)byte);
}

int escape_add(struct buffer *buffer, const char *text, size_t length, const char *quoted, struct error *err)
{
    for (size_t i = 0, step; i < length; i += step) {
        int added;

        step = escape_plain(text + i, length - i);
        if (step == 0)
            added = add_byte(buffer, text[i], err);
        else if (step == 1 && strchr(quoted, text[i]) != NULL)
            added = buffer_printf(buffer, err, "\\%c", text[i]);
        else
            added = buffer_add(buffer, text + i, step, err);
        if (added < 0)
            return -1;
        if (step == 0)
            step = 1;
    }
    return 0;
}
