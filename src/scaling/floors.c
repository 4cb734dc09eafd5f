/*
 * floors.c - windows of the week: read, written, asked.
 */
#include "scaling/floors.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "scaling/limits.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DAYS = 7, EVERY_DAY = (1 << DAYS) - 1, DAY_MINUTES = 24 * 60, MINUTE_MS = 60 * 1000 };

#define WEEK_MS ((int64_t)DAYS * DAY_MINUTES * MINUTE_MS)
/* 1970-01-05 was a Monday. */
#define MONDAY_MS ((int64_t)4 * DAY_MINUTES * MINUTE_MS)

static const char *const day_names[DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static int day_of(const char *name, size_t length)
{
    for (int day = 0; day < DAYS; day++) {
        if (strlen(day_names[day]) == length && strncasecmp(day_names[day], name, length) == 0)
            return day;
    }
    return -1;
}

/* "daily", "Sat", "Mon-Fri", "Fri-Mon". */
static bool read_days(const char *text, uint8_t *ret_days)
{
    size_t length = strcspn(text, "-");
    int first = day_of(text, length);
    int last = text[length] == '-' ? day_of(text + length + 1, strlen(text + length + 1)) : first;

    *ret_days = 0;
    if (strcasecmp(text, "daily") == 0) {
        *ret_days = EVERY_DAY;
        return true;
    }
    if (first < 0 || last < 0)
        return false;
    for (int day = first;; day = (day + 1) % DAYS) {
        *ret_days |= (uint8_t)(1 << day);
        if (day == last)
            return true;
    }
}

/* "07:00", of exactly `length` bytes; 24:00 is the end of a day. */
static bool read_minute(const char *text, size_t length, int16_t *ret_minute)
{
    char hours[3] = "", minutes[3] = "";
    int64_t hour, minute;

    if (length != 5 || text[2] != ':')
        return false;
    memcpy(hours, text, 2);
    memcpy(minutes, text + 3, 2);
    if (!number_parse(hours, 0, 24, &hour) || !number_parse(minutes, 0, 59, &minute) ||
        hour * 60 + minute > DAY_MINUTES || strspn(text, "0123456789:") < length)
        return false;
    *ret_minute = (int16_t)(hour * 60 + minute);
    return true;
}

static bool read_hours(const char *text, int16_t *ret_from, int16_t *ret_to)
{
    size_t length = strcspn(text, "-");

    return text[length] == '-' && read_minute(text, length, ret_from) &&
           read_minute(text + length + 1, strlen(text + length + 1), ret_to);
}

/* The next word of the text, which is ended; "" when there is none. */
static char *next_word(char **cursor)
{
    char *word = *cursor + strspn(*cursor, " \t");
    char *end = word + strcspn(word, " \t");

    *cursor = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

const char *floor_parse(const char *text, struct floor_window *ret_window)
{
    SCOPED(free_text) char *copy = must_strdup(text);
    char *cursor = copy;
    const char *days = next_word(&cursor), *hours = next_word(&cursor), *shards = next_word(&cursor);
    struct floor_window window;
    int64_t count;

    if (!read_days(days, &window.days))
        return "it begins with neither a day (Mon), days (Mon-Fri) nor daily";
    if (!read_hours(hours, &window.from, &window.to) || window.from == DAY_MINUTES || window.to == 0)
        return "its hours are not HH:MM-HH:MM, from 00:00 to 24:00";
    if (window.from == window.to)
        return "it ends when it begins (a whole day is 00:00-24:00)";
    if (!number_parse(shards, 1, SHARDS_PER_STREAM_MAX, &count))
        return "its shards are not 1 to 10000";
    if (*next_word(&cursor) != '\0')
        return "more follows after its shards";
    window.shards = (int32_t)count;
    *ret_window = window;
    return NULL;
}

/* A range of days has its first day after one that it lacks, and its last before one. */
static void format_days(uint8_t days, char *text, size_t size)
{
    int first = 0, length = 0;

    if (days == EVERY_DAY) {
        (void)text_copy(text, size, "daily");
        return;
    }
    while ((days >> first & 1) == 0 || (days >> (first + DAYS - 1) % DAYS & 1) != 0)
        first++;
    while ((days >> (first + length) % DAYS & 1) != 0)
        length++;
    snprintf(text, size, "%s%s%s", day_names[first], length > 1 ? "-" : "",
             length > 1 ? day_names[(first + length - 1) % DAYS] : "");
}

void floors_format(const struct floors *floors, char *text, size_t size)
{
    size_t length = 0;
    char days[16];

    text[0] = '\0';
    for (size_t i = 0; i < floors->count && length < size; i++) {
        const struct floor_window *window = &floors->windows[i];

        format_days(window->days, days, sizeof(days));
        length += (size_t)snprintf(text + length, size - length, "%s%s %02d:%02d-%02d:%02d %d",
                                   i > 0 ? ", " : "", days, window->from / 60, window->from % 60,
                                   window->to / 60, window->to % 60, (int)window->shards);
    }
}

/* Is the window open, or opens within `lead_ms`? */
static bool is_wanted(const struct floor_window *window, int64_t week_ms, int64_t lead_ms)
{
    int minutes = window->to - window->from + (window->to <= window->from ? DAY_MINUTES : 0);

    for (int day = 0; day < DAYS; day++) {
        int64_t opens_ms = ((int64_t)day * DAY_MINUTES + window->from) * MINUTE_MS;
        int64_t since_ms = (week_ms - opens_ms + WEEK_MS) % WEEK_MS;

        if ((window->days >> day & 1) != 0 &&
            (since_ms < (int64_t)minutes * MINUTE_MS || WEEK_MS - since_ms <= lead_ms))
            return true;
    }
    return false;
}

int64_t floors_needed(const struct floors *floors, int64_t open, int64_t now_ms, int64_t slack_ms)
{
    int64_t week_ms = ((now_ms - MONDAY_MS) % WEEK_MS + WEEK_MS) % WEEK_MS;
    int64_t most = 0;

    for (size_t i = 0; i < floors->count; i++) {
        const struct floor_window *window = &floors->windows[i];
        int64_t lead_ms =
            window->shards > open ? slack_ms + (window->shards - open) * FLOOR_SPLIT_MS : FLOOR_KEEP_MS;

        if (window->shards > most && is_wanted(window, week_ms, lead_ms))
            most = window->shards;
    }
    return most;
}
