/*
 * config_faults.c - collects what is wrong with a file, up to a ceiling.
 */
#include "config_parts.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>

/* The last place is kept for the line that says that there are more. */
enum { FAULTS_KEPT = CONFIG_FAULTS_MAX - 1 };

void fault_add(struct fault_log *log, int line, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (log->count == FAULTS_KEPT) {
        log->full = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    log->items = must_realloc(log->items, log->count + 1, sizeof(*log->items));
    log->items[log->count++] = (struct fault){line, must_printf("%s:%d: %s", log->file, line, text)};
}

/* Insertion: few faults, and those of one line stay in the order they were found. */
static void sort_by_line(struct fault *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct fault item = items[i];
        size_t place = i;

        for (; place > 0 && items[place - 1].line > item.line; place--)
            items[place] = items[place - 1];
        items[place] = item;
    }
}

void fault_log_take(struct fault_log *log, struct fault_list *ret_faults)
{
    size_t count = log->count + log->full;
    char **texts;

    *ret_faults = (struct fault_list){0};
    if (count == 0)
        return;
    texts = must_calloc(count, sizeof(*texts));
    sort_by_line(log->items, log->count);
    for (size_t i = 0; i < log->count; i++) {
        texts[i] = log->items[i].text;
        log->items[i].text = NULL;
    }
    if (log->full)
        texts[log->count] = must_printf("%s:%d: there are more faults than these %zu", log->file,
                                        log->items[log->count - 1].line, log->count);
    fault_log_clear(log);
    *ret_faults = (struct fault_list){texts, count};
}

void fault_log_clear(struct fault_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        free(log->items[i].text);
    free(log->items);
    *log = (struct fault_log){.file = log->file};
}

void fault_list_clear(struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        free(faults->texts[i]);
    free(faults->texts);
    *faults = (struct fault_list){0};
}

void fault_excerpt(const char *source, char excerpt[EXCERPT_SIZE])
{
    size_t end = EXCERPT_SIZE - sizeof("...");

    if (text_copy(excerpt, EXCERPT_SIZE, source))
        return;
    while (end > 0 && ((unsigned char)excerpt[end] & 0xC0) == 0x80) /* not into a character of UTF-8 */
        end--;
    memcpy(excerpt + end, "...", sizeof("..."));
}
