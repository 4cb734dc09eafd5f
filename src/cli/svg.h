/*
 * svg.h - text, axes and legends of a plot as SVG inside HTML.
 *
 * Internal to cli/.  Writes to a FILE and says nothing of failures: the caller asks ferror() in the end.  All
 * coordinates are finite and inside of the picture, whatever the values are; all text is escaped.
 */
#ifndef CLI_SVG_H
#define CLI_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Good as content and as an attribute in double quotes, in HTML and in XML.  What is no UTF-8 becomes '?'. */
void svg_text(FILE *file, const char *text);

/* ---- time: UTC dates, or days from the start of a load that has none */

enum { TIME_TEXT_SIZE = 40 };

struct time_axis {
    int64_t start_ms, end_ms; /* start < end */
    bool dated;
};
/* "Fri 2026-11-20 08:15" or "day 3 08:15". */
void time_text(const struct time_axis *time, int64_t ms, char text[TIME_TEXT_SIZE]);

/* ---- a plot: time to the right, something else upwards */

enum {
    SVG_WIDTH = 1000, /* of the whole picture */
    PLOT_LEFT = 64,   /* of the box with the curves: room for labels beside it */
    PLOT_WIDTH = 900, /* and of this width; a load with more minutes is thinned to so many columns */
    PLOT_TOP = 34,    /* room for the legend above it */
    PLOT_FOOT = 54,   /* room for the lane of throttled minutes and the times below it */
};

struct plot {
    FILE *file;
    struct time_axis time;
    double height;  /* of the box */
    double top;     /* the value at its upper edge, above 0; at its lower edge stands 0 */
    double step;    /* from one label to the next */
    const char *id; /* of the picture's title and description */
    bool links;     /* it has links in it, which a screen reader shall find */
};

/* Sets top and step to round numbers, so that `highest` fits. */
void plot_scale(struct plot *plot, double highest);
/* Into the box, or its nearest edge. */
double plot_x(const struct plot *plot, int64_t ms);
double plot_y(const struct plot *plot, double value);

/* <svg> with its title and description, box, grid and labels.  `unit` stands above the upward axis. */
void plot_open(const struct plot *plot, const char *title, const char *description, const char *unit);
void plot_close(const struct plot *plot);

enum swatch { SWATCH_AREA, SWATCH_LINE, SWATCH_MARK };
struct legend_item {
    enum swatch swatch;
    const char *style; /* the class of what it explains */
    const char *text;
};
/* To the right above the box. */
void plot_legend(const struct plot *plot, const struct legend_item *items, size_t count);

#endif
