/*
 * report.h - a backtest as one page: HTML with its plots in it, that asks nobody for anything.
 *
 * Internal to cli/: report.c is the page, report_plots.c and report_map.c draw.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "backtest.h"
#include "svg.h"

/*
 * Writes the page to `path`, whole or not at all; with the same load, settings and seed the same page to the byte.  The
 * story must have been kept.  Never more than about 3 MiB:
 * longer loads are thinned, and of more deeds than REPORT_DEEDS_MAX the last ones are shown.  Kinds as file_write().
 */
int report_write(const char *path, const struct backtest *backtest, const struct backtest_result *result,
                 const struct price_list *prices, struct error *err);

enum { REPORT_DEEDS_MAX = 1000 };

/* What the drawings draw. */
struct drawing {
    FILE *file;
    const struct backtest *backtest;
    const struct story *story;
    struct time_axis time;
};

/* How many full shards' worth is offered in a minute: of bytes or of records, whichever is more. */
double drawing_demand(const struct drawing *drawing, size_t minute);
/* Of the deeds, the first one that is shown. */
size_t drawing_first_deed(const struct drawing *drawing);

/* ---- report_plots.c */

void draw_load(const struct drawing *drawing);
void draw_shards(const struct drawing *drawing);

/* ---- report_map.c */

void draw_map(const struct drawing *drawing);

#endif
