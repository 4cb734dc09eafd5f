/*
 * log.c - one event, one line.
 */
#include "base/log.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/escape.h"
#include "base/memory.h"
#include "log_writer.h"

#include <errno.h>
#include <stdatomic.h>

#define QUOTED "\"\\"

enum { VALUE_MAX = 1024, LINE_MAX_BYTES = 64 * 1024 };

static atomic_int lowest_level = LOG_INFO;
static atomic_bool with_time = true;

void log_set_level(enum log_level level)
{
    atomic_store(&lowest_level, (int)level);
}

void log_set_timestamps(int on)
{
    atomic_store(&with_time, on != 0);
}

static bool needs_quotes(const char *text, size_t length)
{
    if (length == 0)
        return true;
    for (size_t i = 0, step; i < length; i += step) {
        step = escape_plain(text + i, length - i);
        if (step == 0 || strchr(" =" QUOTED, text[i]) != NULL)
            return true;
    }
    return false;
}

static int add_value(struct buffer *line, const char *text, struct error *err)
{
    size_t length = strnlen(text, VALUE_MAX);

    /* A cut must not go through a character. */
    if (length == VALUE_MAX) {
        while (length > VALUE_MAX - 4 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    if (!needs_quotes(text, length))
        return buffer_add(line, text, length, err);
    if (buffer_add_text(line, "\"", err) < 0 || escape_add(line, text, length, QUOTED, err) < 0)
        return -1;
    return buffer_add_text(line, "\"", err);
}

static int add_field(struct buffer *line, const struct log_field *field, struct error *err)
{
    if (buffer_printf(line, err, " %s=", field->key) < 0)
        return -1;
    if (field->text == NULL)
        return buffer_printf(line, err, "%lld", (long long)field->number);
    return add_value(line, field->text, err);
}

/* As much of it as there is room for: what fits is better than nothing. */
static void add_line(struct buffer *line, enum log_level level, const char *event,
                     const struct log_field *fields)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct error err = {0};

    if (atomic_load(&with_time)) {
        char now[DATE_SIZE];

        date_format(clock_now_ms(clock_system()), now);
        (void)buffer_printf(line, &err, "%s ", now); /* an empty line has room for this */
    }
    (void)buffer_printf(line, &err, "%-5s %s", names[level], event);
    for (const struct log_field *field = fields; field->key != NULL; field++) {
        if (add_field(line, field, &err) < 0)
            break;
    }
    line->ceiling++;
    (void)buffer_add_text(line, "\n", &err);
}

static void add_missing_line(uint64_t count, struct buffer *line)
{
    const struct log_field fields[] = {
        {"count", .number = (int64_t)count}, {"why", "nobody read them in time"}, {0}};

    add_line(line, LOG_WARN, "log-lines-lost", fields);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
    SCOPED(buffer_clear) struct buffer line = {.ceiling = LINE_MAX_BYTES};
    int saved_errno = errno;

    if ((int)level < atomic_load(&lowest_level))
        return;
    add_line(&line, level, event, fields);
    log_write(&line, add_missing_line);
    errno = saved_errno;
}
