/*
 * svg.c - text, axes and legends of a plot.
 */
#include "svg.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

/* ---- text */

void svg_text(FILE *file, const char *text)
{
    bool readable = text_is_utf8(text, strlen(text));

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        switch (c) {
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '&':
            fputs("&amp;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default: /* XML knows no other control characters, not even escaped */
            fputc(c == 0x7f || (c < ' ' && c != '\n') ? ' ' : c >= 0x80 && !readable ? '?' : c, file);
        }
    }
}

/* ---- time */

static const char *weekday(int64_t ms)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* 1970 began so */

    return days[ms / DAY_MS % 7];
}

static long long day_number(const struct time_axis *time, int64_t ms)
{
    int64_t whole_days = (ms - time->start_ms) / DAY_MS;

    return whole_days + 1;
}

void time_text(const struct time_axis *time, int64_t ms, char text[TIME_TEXT_SIZE])
{
    char date[DATE_SIZE];

    date_format_seconds(time->dated ? ms : ms - time->start_ms, date);
    if (time->dated)
        snprintf(text, TIME_TEXT_SIZE, "%s %.10s %.5s", weekday(ms), date, date + 11);
    else
        snprintf(text, TIME_TEXT_SIZE, "day %lld %.5s", day_number(time, ms), date + 11);
}

/* ---- scales */

/* 1, 2 or 5 times a power of ten. */
static double round_step(double least)
{
    double power = pow(10, floor(log10(least)));
    double digit = least / power;

    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

void plot_scale(struct plot *plot, double highest)
{
    plot->step = round_step(fmax(highest, 1e-6) / 5);
    plot->top = plot->step * ceil(fmax(highest, 1e-6) / plot->step - 1e-9);
}

static double clamp(double value, double low, double high)
{
    return !(value > low) ? low : value > high ? high : value;
}

double plot_x(const struct plot *plot, int64_t ms)
{
    double part = (double)(ms - plot->time.start_ms) / (double)(plot->time.end_ms - plot->time.start_ms);

    return PLOT_LEFT + PLOT_WIDTH * clamp(part, 0, 1);
}

double plot_y(const struct plot *plot, double value)
{
    return PLOT_TOP + plot->height * (1 - clamp(value / plot->top, 0, 1));
}

/* ---- axes */

/* The shortest step that leaves room for the labels. */
static int64_t time_step(const struct time_axis *time)
{
    static const int64_t minutes[] = {1,   2,    5,    10,   15,    30,    60,    120,   180,    360,
                                      720, 1440, 2880, 5760, 10080, 20160, 40320, 80640, 161280, 322560};
    int64_t least_ms = (time->end_ms - time->start_ms) / 10;
    size_t i = 0;

    while (i + 1 < COUNT_OF(minutes) && minutes[i] * MINUTE_MS < least_ms)
        i++;
    return minutes[i] * MINUTE_MS;
}

/* Weeks begin on Monday, which 1970 did not. */
static int64_t first_tick(const struct time_axis *time, int64_t step_ms)
{
    int64_t origin_ms = time->dated ? 4 * DAY_MS : time->start_ms;

    return origin_ms + (time->start_ms - origin_ms + step_ms - 1) / step_ms * step_ms;
}

/* "08:00" or "20 Nov" above; what day it is below, where that is new. */
static void label_time(const struct plot *plot, int64_t ms, int64_t step_ms, bool first)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const struct time_axis *time = &plot->time;
    int64_t shown_ms = time->dated ? ms : ms - time->start_ms;
    bool new_day = first || shown_ms % DAY_MS < step_ms;
    double x = plot_x(plot, ms), y = PLOT_TOP + plot->height + 35;
    char date[DATE_SIZE], day[32];

    date_format_seconds(shown_ms, date);
    if (time->dated)
        snprintf(day, sizeof(day), "%.2s %s", date + 8, months[(date[5] - '0') * 10 + date[6] - '1']);
    else
        snprintf(day, sizeof(day), "day %lld", day_number(time, ms));
    if (step_ms >= DAY_MS) {
        fprintf(plot->file, "<text class=\"tick mid\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x, y, day);
        if (time->dated && step_ms < 7 * DAY_MS)
            fprintf(plot->file, "<text class=\"tick mid dim\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x, y + 14,
                    weekday(ms));
        return;
    }
    fprintf(plot->file, "<text class=\"tick mid\" x=\"%.1f\" y=\"%.1f\">%.5s</text>\n", x, y, date + 11);
    if (new_day)
        fprintf(plot->file, "<text class=\"tick mid dim\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x, y + 14, day);
}

static void draw_times(const struct plot *plot)
{
    int64_t step_ms = time_step(&plot->time);
    int64_t first_ms = first_tick(&plot->time, step_ms);

    for (int64_t ms = first_ms; ms <= plot->time.end_ms; ms += step_ms) {
        fprintf(plot->file, "<path class=\"grid\" d=\"M%.1f %dV%.1f\"/>\n", plot_x(plot, ms), PLOT_TOP,
                PLOT_TOP + plot->height);
        label_time(plot, ms, step_ms, ms == first_ms);
    }
}

static void draw_values(const struct plot *plot, const char *unit)
{
    for (int i = 0; i * plot->step <= plot->top * (1 + 1e-9); i++) {
        double y = plot_y(plot, i * plot->step);

        fprintf(plot->file,
                "<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
                "<text class=\"tick end\" x=\"%d\" y=\"%.1f\">%.7g</text>\n",
                PLOT_LEFT, y, PLOT_LEFT + PLOT_WIDTH, PLOT_LEFT - 8, y + 4, i * plot->step);
    }
    fprintf(plot->file, "<text class=\"tick\" x=\"4\" y=\"%d\">", PLOT_TOP - 16);
    svg_text(plot->file, unit);
    fputs("</text>\n", plot->file);
}

void plot_open(const struct plot *plot, const char *title, const char *description, const char *unit)
{
    FILE *file = plot->file;

    fprintf(file,
            "<svg viewBox=\"0 0 %d %.0f\" role=\"%s\" aria-labelledby=\"%s-title %s-desc\">\n"
            "<title id=\"%s-title\">",
            SVG_WIDTH, PLOT_TOP + plot->height + PLOT_FOOT, plot->links ? "group" : "img", plot->id, plot->id,
            plot->id);
    svg_text(file, title);
    fprintf(file, "</title>\n<desc id=\"%s-desc\">", plot->id);
    svg_text(file, description);
    fputs("</desc>\n", file);
    draw_times(plot);
    draw_values(plot, unit);
    fprintf(file, "<path class=\"axis\" d=\"M%d %dV%.1fH%d\"/>\n", PLOT_LEFT, PLOT_TOP,
            PLOT_TOP + plot->height, PLOT_LEFT + PLOT_WIDTH);
}

void plot_close(const struct plot *plot)
{
    fputs("</svg>\n", plot->file);
}

/* ---- legend */

/* About as wide as it will be; the page's font is 12 units high. */
static double item_width(const struct legend_item *item)
{
    return 24 + 6.6 * (double)strlen(item->text) + 16;
}

void plot_legend(const struct plot *plot, const struct legend_item *items, size_t count)
{
    double x = PLOT_LEFT + PLOT_WIDTH + 16, y = PLOT_TOP - 20;

    for (size_t i = 0; i < count; i++)
        x -= item_width(&items[i]);
    for (size_t i = 0; i < count; i++) {
        switch (items[i].swatch) {
        case SWATCH_AREA:
            fprintf(plot->file, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"18\" height=\"10\"/>",
                    items[i].style, x, y - 5);
            break;
        case SWATCH_LINE:
            fprintf(plot->file, "<path class=\"%s\" d=\"M%.1f %.1fh18\"/>", items[i].style, x, y);
            break;
        case SWATCH_MARK:
            fprintf(plot->file, "<path class=\"%s\" d=\"M%.1f %.1fl5 9h-10z\"/>", items[i].style, x + 10,
                    y - 4);
            break;
        }
        fprintf(plot->file, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + 24, y + 4,
                items[i].text);
        x += item_width(&items[i]);
    }
}
