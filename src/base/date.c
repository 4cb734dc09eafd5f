/*
 * date.c - timestamps as text, and back, on the proleptic Gregorian calendar.
 *
 * Parsing is by hand: strptime() takes February 31, and skips blanks.
 */
#include "base/date.h"

enum { MS_PER_SECOND = 1000, SECONDS_PER_DAY = 86400 };

struct parts {
    struct tm tm;
    int ms;
};

static struct parts split(int64_t ms)
{
    struct parts parts = {0};
    time_t seconds;

    if (ms < 0)
        ms = 0;
    if (ms > DATE_MAX_MS)
        ms = DATE_MAX_MS;
    seconds = ms / MS_PER_SECOND;
    gmtime_r(&seconds, &parts.tm);
    parts.ms = (int)(ms % MS_PER_SECOND);
    return parts;
}

enum form { FORM_MILLISECONDS, FORM_SECONDS, FORM_BASIC };

static void format_as(enum form form, int64_t ms, const char *zone, char text[DATE_SIZE])
{
    struct parts parts = split(ms);
    size_t length = form == FORM_BASIC ? strftime(text, DATE_SIZE, "%Y%m%dT%H%M%S", &parts.tm)
                                       : strftime(text, DATE_SIZE, "%Y-%m-%dT%H:%M:%S", &parts.tm);

    if (form == FORM_MILLISECONDS)
        length += (size_t)snprintf(text + length, DATE_SIZE - length, ".%03d", parts.ms);
    snprintf(text + length, DATE_SIZE - length, "%s", zone);
}

void date_format(int64_t ms, char text[DATE_SIZE])
{
    format_as(FORM_MILLISECONDS, ms, "Z", text);
}

void date_format_seconds(int64_t ms, char text[DATE_SIZE])
{
    format_as(FORM_SECONDS, ms, "Z", text);
}

void date_format_offset(int64_t ms, char text[DATE_SIZE])
{
    format_as(FORM_MILLISECONDS, ms, "+0000", text);
}

void date_format_basic(int64_t ms, char text[DATE_SIZE])
{
    format_as(FORM_BASIC, ms, "Z", text);
}

/* Reads exactly `count` digits as a number in [minimum, maximum]; advances *text. */
static bool read_number(const char **text, int count, int minimum, int maximum, int *ret_value)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        if ((*text)[i] < '0' || (*text)[i] > '9') /* also true at the end of the text */
            return false;
        value = value * 10 + ((*text)[i] - '0');
    }
    if (value < minimum || value > maximum)
        return false;
    *text += count;
    *ret_value = value;
    return true;
}

static bool read_character(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    (*text)++;
    return true;
}

/* In the basic form there is nothing between the numbers. */
static bool read_separator(const char **text, char wanted, bool basic)
{
    return basic || read_character(text, wanted);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01.  Years are counted from March, so that the leap day is the last one. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t years = month > 2 ? year : year - 1;
    int64_t months = month > 2 ? month - 3 : month + 9;

    return years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719468;
}

/* ".5" to ".123456789"; what is finer than a millisecond is cut. */
static bool read_fraction(const char **text, int *ret_ms)
{
    int ms = 0;
    int digits = 0;

    for (; **text >= '0' && **text <= '9'; (*text)++, digits++) {
        if (digits < 3)
            ms = ms * 10 + (**text - '0');
    }
    if (digits < 1 || digits > 9)
        return false;
    for (; digits < 3; digits++)
        ms *= 10;
    *ret_ms = ms;
    return true;
}

static bool read_offset(const char **text, int *ret_seconds)
{
    int sign, hours, minutes;

    if (read_character(text, 'Z')) {
        *ret_seconds = 0;
        return true;
    }
    sign = **text == '-' ? -1 : 1;
    if (!read_character(text, '-') && !read_character(text, '+'))
        return false;
    if (!read_number(text, 2, 0, 23, &hours))
        return false;
    if (**text == ':')
        (*text)++;
    if (!read_number(text, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool date_parse(const char *text, int64_t *ret_ms)
{
    int year, month, day, hour, minute, second, offset, second_of_day;
    int fraction_ms = 0;
    bool basic;
    int64_t ms;

    if (!read_number(&text, 4, 1, 9999, &year))
        return false;
    basic = *text != '-';
    if (!read_separator(&text, '-', basic) || !read_number(&text, 2, 1, 12, &month) ||
        !read_separator(&text, '-', basic) || !read_number(&text, 2, 1, days_in_month(year, month), &day) ||
        !read_character(&text, 'T') || !read_number(&text, 2, 0, 23, &hour) ||
        !read_separator(&text, ':', basic) || !read_number(&text, 2, 0, 59, &minute) ||
        !read_separator(&text, ':', basic) || !read_number(&text, 2, 0, 59, &second))
        return false;
    if (read_character(&text, '.') && !read_fraction(&text, &fraction_ms))
        return false;
    if (!read_offset(&text, &offset) || *text != '\0')
        return false;

    second_of_day = hour * 3600 + minute * 60 + second - offset;
    ms = (days_since_epoch(year, month, day) * SECONDS_PER_DAY + second_of_day) * MS_PER_SECOND + fraction_ms;
    if (ms < 0 || ms > DATE_MAX_MS)
        return false;
    *ret_ms = ms;
    return true;
}
