/*
 * report_plots.c - load and capacity, and shards, over time.
 *
 * A load with more minutes than the plot has columns is thinned: each column shows the lowest and the highest of its
 * minutes, so that no peak and no throttled minute is lost.
 */
#include "report.h"

#include "base/memory.h"

#include <math.h>

enum { MINUTE_MS = 60000, LOAD_HEIGHT = 280, SHARDS_HEIGHT = 170 };

double drawing_demand(const struct drawing *drawing, size_t minute)
{
    const struct sim_minute *m = &drawing->backtest->load.minutes[minute];

    return fmax(m->bytes / 60 / SHARD_BYTES_PER_S, m->records / 60 / SHARD_RECORDS_PER_S);
}

size_t drawing_first_deed(const struct drawing *drawing)
{
    size_t count = drawing->story->actions.count;

    return count > REPORT_DEEDS_MAX ? count - REPORT_DEEDS_MAX : 0;
}

/* ---- the unit of the load: that of the limit which binds */

struct unit {
    const char *name;
    double per_shard;
};
enum { UNIT_BYTES, UNIT_RECORDS, UNIT_SHARDS };
static const struct unit units[] = {
    [UNIT_BYTES] = {"MiB/s", SHARD_BYTES_PER_S / 1048576},
    [UNIT_RECORDS] = {"records/s", SHARD_RECORDS_PER_S},
    [UNIT_SHARDS] = {"full shards", 1},
};

static const struct unit *binding_unit(const struct drawing *drawing)
{
    const struct sim_load *load = &drawing->backtest->load;
    double bytes = 0,
           records = 0; /* in full shards: the highest minute that is bound by the one, and by the other */

    for (size_t i = 0; i < load->count; i++) {
        double b = load->minutes[i].bytes / 60 / SHARD_BYTES_PER_S;
        double r = load->minutes[i].records / 60 / SHARD_RECORDS_PER_S;

        if (b >= r)
            bytes = fmax(bytes, b);
        else
            records = fmax(records, r);
    }
    if (records < bytes / 20)
        return &units[UNIT_BYTES];
    return bytes < records / 20 ? &units[UNIT_RECORDS] : &units[UNIT_SHARDS];
}

/* ---- columns */

typedef double value_fn(const struct drawing *drawing, size_t minute);

struct column {
    double low, high, last;
};

static size_t column_count(const struct drawing *drawing)
{
    return drawing->story->minute_count < PLOT_WIDTH ? drawing->story->minute_count : PLOT_WIDTH;
}

/* The first minute of a column; that of column_count() is the end. */
static size_t column_start(const struct drawing *drawing, size_t column)
{
    return drawing->story->minute_count * column / column_count(drawing);
}

static double column_x(const struct plot *plot, const struct drawing *drawing, size_t column)
{
    return plot_x(plot, plot->time.start_ms + (int64_t)column_start(drawing, column) * MINUTE_MS);
}

static struct column read_column(const struct drawing *drawing, size_t column, value_fn *value, double factor)
{
    struct column c = {INFINITY, -INFINITY, 0};

    for (size_t i = column_start(drawing, column); i < column_start(drawing, column + 1); i++) {
        c.last = value(drawing, i) * factor;
        c.low = fmin(c.low, c.last);
        c.high = fmax(c.high, c.last);
    }
    return c;
}

static double capacity_at(const struct drawing *drawing, size_t minute)
{
    return drawing->story->minutes[minute].capacity;
}

static double shards_at(const struct drawing *drawing, size_t minute)
{
    return drawing->story->minutes[minute].open_shards;
}

static double needed_at(const struct drawing *drawing, size_t minute)
{
    double least = (double)drawing->backtest->config->streams[0].min_shards;

    return fmax(least, ceil(drawing_demand(drawing, minute) - 1e-9));
}

/* In full shards. */
static double throttled_at(const struct drawing *drawing, size_t minute)
{
    const struct story_minute *m = &drawing->story->minutes[minute];

    return fmax(m->throttled_bytes / 60 / SHARD_BYTES_PER_S, m->throttled_records / 60 / SHARD_RECORDS_PER_S);
}

static double highest(const struct drawing *drawing, value_fn *value)
{
    double found = 0;

    for (size_t i = 0; i < drawing->story->minute_count; i++)
        found = fmax(found, value(drawing, i));
    return found;
}

/* From the axis to the lowest or the highest of each column. */
static void draw_area(const struct plot *plot, const struct drawing *drawing, value_fn *value, double factor,
                      bool high, const char *style)
{
    fprintf(plot->file, "<path class=\"%s\" d=\"M%d %.1f", style, PLOT_LEFT, plot_y(plot, 0));
    for (size_t i = 0; i < column_count(drawing); i++) {
        struct column c = read_column(drawing, i, value, factor);

        fprintf(plot->file, "V%.1fH%.1f", plot_y(plot, high ? c.high : c.low),
                column_x(plot, drawing, i + 1));
    }
    fprintf(plot->file, "V%.1fz\"/>\n", plot_y(plot, 0));
}

/* Along the highest of each column, or through all of its values. */
static void draw_line(const struct plot *plot, const struct drawing *drawing, value_fn *value, double factor,
                      bool high, const char *style)
{
    for (size_t i = 0; i < column_count(drawing); i++) {
        struct column c = read_column(drawing, i, value, factor);

        if (i == 0)
            fprintf(plot->file, "<path class=\"%s\" d=\"M%d %.1f", style, PLOT_LEFT,
                    plot_y(plot, high ? c.high : c.last));
        if (c.low < c.high && !high)
            fprintf(plot->file, "V%.1fV%.1f", plot_y(plot, c.low), plot_y(plot, c.high));
        fprintf(plot->file, "V%.1fH%.1f", plot_y(plot, high ? c.high : c.last),
                column_x(plot, drawing, i + 1));
    }
    fputs("\"/>\n", plot->file);
}

/* ---- throttled minutes: what was lost, at its height, and a lane below the axis where no minute is too short */

/* The worst minute of a column; false when nothing was throttled in it. */
static bool worst_minute(const struct drawing *drawing, size_t column, size_t *ret_minute)
{
    double worst = 0;

    for (size_t i = column_start(drawing, column); i < column_start(drawing, column + 1); i++) {
        if (throttled_at(drawing, i) > worst) {
            worst = throttled_at(drawing, i);
            *ret_minute = i;
        }
    }
    return worst > 0;
}

/* A column too narrow for hatching is filled. */
static void draw_lost(const struct plot *plot, const struct drawing *drawing, double factor)
{
    bool narrow = (double)PLOT_WIDTH / (double)column_count(drawing) < 3;

    fprintf(plot->file, "<path class=\"%s\" d=\"", narrow ? "lost-narrow" : "lost");
    for (size_t i = 0; i < column_count(drawing); i++) {
        size_t minute = 0;
        double x = column_x(plot, drawing, i), high, low;

        if (!worst_minute(drawing, i, &minute))
            continue;
        high = plot_y(plot, drawing_demand(drawing, minute) * factor);
        low = plot_y(plot, (drawing_demand(drawing, minute) - throttled_at(drawing, minute)) * factor);
        fprintf(plot->file, "M%.1f %.1fH%.1fV%.1fH%.1fz", x, high, column_x(plot, drawing, i + 1), low, x);
    }
    fputs("\"/>\n", plot->file);
}

static void draw_lane_name(const struct plot *plot, const char *name)
{
    fprintf(plot->file, "<text class=\"tick end dim\" x=\"%d\" y=\"%.1f\">%s</text>\n", PLOT_LEFT - 8,
            PLOT_TOP + plot->height + 18, name);
}

/* Columns that follow each other are one mark. */
static void draw_lane(const struct plot *plot, const struct drawing *drawing)
{
    double y = PLOT_TOP + plot->height + 9;
    size_t count = column_count(drawing), minute = 0;

    for (size_t i = 0; i < count; i++) {
        size_t first = i, minutes = 0;
        double bytes = 0;
        char from[TIME_TEXT_SIZE];

        while (i < count && worst_minute(drawing, i, &minute)) {
            for (size_t k = column_start(drawing, i); k < column_start(drawing, i + 1); k++) {
                minutes += drawing->story->minutes[k].throttled_records > 0;
                bytes += drawing->story->minutes[k].throttled_bytes;
            }
            i++;
        }
        if (i == first)
            continue;
        time_text(&plot->time, plot->time.start_ms + (int64_t)column_start(drawing, first) * MINUTE_MS, from);
        fprintf(plot->file,
                "<rect class=\"lost\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"8\"><title>from %s on: "
                "%.1f MiB "
                "throttled in %zu minute%s</title></rect>\n",
                column_x(plot, drawing, first), y,
                fmax(3, column_x(plot, drawing, i) - column_x(plot, drawing, first)), from, bytes / 1048576,
                minutes, minutes == 1 ? "" : "s");
    }
}

void draw_load(const struct drawing *drawing)
{
    static const struct legend_item legend[] = {{SWATCH_AREA, "load-high", "offered, highest minute"},
                                                {SWATCH_AREA, "load-low", "offered"},
                                                {SWATCH_LINE, "capacity", "capacity"},
                                                {SWATCH_AREA, "lost", "throttled"}};
    bool thinned = drawing->story->minute_count > PLOT_WIDTH;
    struct plot plot = {.file = drawing->file, .time = drawing->time, .height = LOAD_HEIGHT, .id = "load"};
    const struct unit *unit = binding_unit(drawing);
    double top = highest(drawing, drawing_demand);

    /* Far more capacity than load would press the load flat. */
    plot_scale(&plot, fmax(top, fmin(highest(drawing, capacity_at), 4 * top)) * unit->per_shard);
    plot_open(
        &plot, "Load and capacity over time",
        "What producers offered, what the stream could take before its fullest shard throttled, and what was "
        "throttled.  The strip below the axis marks every throttled minute.",
        unit->name);
    draw_area(&plot, drawing, drawing_demand, unit->per_shard, true, "load-high");
    draw_area(&plot, drawing, drawing_demand, unit->per_shard, false, "load-low");
    draw_lost(&plot, drawing, unit->per_shard);
    draw_line(&plot, drawing, capacity_at, unit->per_shard, false, "capacity");
    draw_lane_name(&plot, "throttled");
    draw_lane(&plot, drawing);
    plot_legend(&plot, thinned ? legend : legend + 1, COUNT_OF(legend) - !thinned);
    plot_close(&plot);
}

/* ---- shards, and what changed them */

/* What points up made more shards, what points down fewer; a bar changed none. */
static void draw_deed(const struct plot *plot, const struct action *action, size_t number, bool reasons)
{
    int64_t more = action->to_shards - action->from_shards;
    double x = plot_x(plot, action->started_ms), y = PLOT_TOP + plot->height;
    char at[TIME_TEXT_SIZE];

    time_text(&plot->time, action->started_ms, at);
    fprintf(plot->file, "<a href=\"#deed-%zu\"><path ", number);
    if (more == 0)
        fprintf(plot->file, "class=\"same\" d=\"M%.1f %.1fh2v8h-2z\"", x - 1, y + 9);
    else
        fprintf(plot->file, "class=\"%s\" d=\"M%.1f %.1fl4 %dh-8z\"", more > 0 ? "up" : "down", x,
                y + (more > 0 ? 9 : 17), more > 0 ? 8 : -8);
    fprintf(plot->file, "><title>%s: %s, %lld to %lld shards", at, action_kind_name(action->kind),
            (long long)action->from_shards, (long long)action->to_shards);
    if (reasons) {
        fputs(": ", plot->file);
        svg_text(plot->file, action->reason);
    }
    fputs("</title></path></a>\n", plot->file);
}

void draw_shards(const struct drawing *drawing)
{
    static const struct legend_item legend[] = {{SWATCH_AREA, "shards", "open shards"},
                                                {SWATCH_LINE, "needed", "needed with perfect foresight"},
                                                {SWATCH_MARK, "up", "action"}};
    struct plot plot = {
        .file = drawing->file, .time = drawing->time, .height = SHARDS_HEIGHT, .id = "shards", .links = true};
    const struct action_list *actions = &drawing->story->actions;
    size_t first = drawing_first_deed(drawing);

    plot_scale(&plot, fmax(highest(drawing, shards_at), highest(drawing, needed_at)));
    plot_open(
        &plot, "Shards over time",
        "Open shards, the fewest that would have been enough in each minute, and each action as a triangle "
        "below the axis: pointing up for more shards, down for fewer; a bar is one that changed nothing.  "
        "The table of actions says why.",
        "shards");
    draw_area(&plot, drawing, shards_at, 1, true, "shards");
    draw_line(&plot, drawing, needed_at, 1, true, "needed");
    draw_lane_name(&plot, "actions");
    for (size_t i = first; i < actions->count; i++)
        draw_deed(&plot, &actions->items[i], i + 1, actions->count - first <= 200);
    plot_legend(&plot, legend, COUNT_OF(legend));
    plot_close(&plot);
}
