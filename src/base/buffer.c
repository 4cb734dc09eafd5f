/*
 * buffer.c - bytes that grow, up to a stated ceiling.
 */
#include "base/buffer.h"

#include "base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer, size_t ceiling)
{
    *buffer = (struct buffer){.ceiling = ceiling};
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int grow(struct buffer *buffer, size_t more, struct error *err)
{
    size_t needed;
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
    char *bytes;

    if (more > buffer->ceiling - buffer->length || buffer->ceiling == SIZE_MAX)
        return error_set(err, ERROR_INPUT, "more than %zu bytes", buffer->ceiling);
    needed = buffer->length + more + 1;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    capacity = smaller(capacity, buffer->ceiling + 1); /* so what there is room for is below the ceiling */
    /* Room of its own: the bytes may be secret, and to make theirs longer would leave a copy behind. */
    bytes = must_malloc(capacity);
    if (buffer->bytes != NULL) {
        memcpy(bytes, buffer->bytes, buffer->length);
        wipe(buffer->bytes, buffer->length);
        free(buffer->bytes);
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}

/* Room for `more` bytes and the '\0'.  There nearly always is, and texts are made of many small pieces. */
static int make_room(struct buffer *buffer, size_t more, struct error *err)
{
    return more < buffer->capacity - buffer->length ? 0 : grow(buffer, more, err);
}

char *buffer_extend(struct buffer *buffer, size_t length, struct error *err)
{
    char *added;

    if (make_room(buffer, length, err) < 0)
        return NULL;
    added = buffer->bytes + buffer->length;
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
    return added;
}

int buffer_add(struct buffer *buffer, const void *bytes, size_t length, struct error *err)
{
    char *added = buffer_extend(buffer, length, err);

    if (added == NULL)
        return -1;
    if (length > 0)
        memcpy(added, bytes, length);
    return 0;
}

int buffer_add_text(struct buffer *buffer, const char *text, struct error *err)
{
    return buffer_add(buffer, text, strlen(text), err);
}

int buffer_printf(struct buffer *buffer, struct error *err, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return error_set(err, ERROR_INPUT, "cannot format text: %s", strerror(errno));
    if (make_room(buffer, (size_t)length, err) < 0)
        return -1;

    va_start(arguments, format);
    vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
    return 0;
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->bytes != NULL ? buffer->bytes : "";
}

char *buffer_take(struct buffer *buffer)
{
    char *taken = buffer->bytes != NULL ? buffer->bytes : must_calloc(1, 1);

    buffer_init(buffer, buffer->ceiling);
    return taken;
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->bytes);
    buffer_init(buffer, buffer->ceiling);
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->bytes != NULL)
        wipe(buffer->bytes, buffer->capacity);
    buffer_clear(buffer);
}
