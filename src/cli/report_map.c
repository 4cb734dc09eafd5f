/*
 * report_map.c - which shard had which hash keys, and how full it was.
 *
 * Each shard is a rectangle, as wide as it lived and as high as its range.  Rectangles too small to be seen are left
 * out when there are very many, and minutes that throttled are drawn together.
 */
#include "report.h"

#include "base/memory.h"

#include <math.h>

enum { MINUTE_MS = 60000, MAP_HEIGHT = 260, TITLED_MAX = 1500, DRAWN_MAX = 12000 };

/* How full a shard was in the mean of its life. */
static const struct fullness {
    double below; /* fraction of what a shard takes */
    const char *style;
    const char *name;
} fullnesses[] = {
    {0.25, "full-0", "below 25 %"},
    {0.5, "full-1", "below 50 %"},
    {0.8, "full-2", "below 80 %"},
    {INFINITY, "full-3", "80 % full and more"},
};

struct cell {
    const struct sim_shard *shard;
    const struct fullness *fullness;
    double mean;       /* fraction */
    size_t first, end; /* minutes of its life */
    size_t throttled;  /* of these */
    double x, y, width, height;
};

static size_t minute_of(const struct drawing *drawing, int64_t ms)
{
    int64_t minute = (ms - drawing->time.start_ms) / MINUTE_MS;

    return minute < 0                                      ? 0
           : (size_t)minute < drawing->story->minute_count ? (size_t)minute
                                                           : drawing->story->minute_count;
}

/* Whether a shard of this share was full in a minute in which records were throttled. */
static bool throttles(const struct drawing *drawing, const struct cell *cell, size_t minute)
{
    return drawing->story->minutes[minute].throttled_records > 0 &&
           drawing_demand(drawing, minute) * cell->shard->share > 1 + 1e-9;
}

static void judge(const struct drawing *drawing, struct cell *cell)
{
    double sum = 0;

    for (size_t i = cell->first; i < cell->end; i++) {
        sum += fmin(1, drawing_demand(drawing, i) * cell->shard->share);
        cell->throttled += throttles(drawing, cell, i);
    }
    cell->mean = cell->end > cell->first ? sum / (double)(cell->end - cell->first) : 0;
    cell->fullness = &fullnesses[0];
    while (cell->mean >= cell->fullness->below)
        cell->fullness++;
}

static struct cell *make_cells(const struct drawing *drawing, const struct plot *plot)
{
    const struct story *story = drawing->story;
    struct cell *cells = must_calloc(story->shard_count + 1, sizeof(*cells));

    for (size_t i = 0; i < story->shard_count; i++) {
        const struct sim_shard *shard = &story->shards[i];
        int64_t until_ms = shard->closed_ms != 0 ? shard->closed_ms : drawing->time.end_ms;
        double high = plot_y(plot, 100 * (hashkey_share(0, shard->end)));

        cells[i] = (struct cell){.shard = shard,
                                 .x = plot_x(plot, shard->opened_ms),
                                 .y = high,
                                 .width = plot_x(plot, until_ms) - plot_x(plot, shard->opened_ms),
                                 .height = plot->height * hashkey_share(shard->start, shard->end),
                                 .first = minute_of(drawing, shard->opened_ms),
                                 .end = minute_of(drawing, until_ms)};
        judge(drawing, &cells[i]);
    }
    return cells;
}

/* The least side of a rectangle that leaves at most DRAWN_MAX of them; they are moved to the front. */
static size_t leave_out_small(struct cell *cells, size_t count)
{
    double least = 0.05;

    while (count > DRAWN_MAX) {
        size_t left = 0;

        for (size_t i = 0; i < count; i++) {
            if (fmin(cells[i].width, cells[i].height) >= least)
                cells[left++] = cells[i];
        }
        count = left;
        least *= 1.5;
    }
    return count;
}

static void draw_cell(const struct plot *plot, const struct cell *cell)
{
    const struct sim_shard *shard = cell->shard;
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

    time_text(&plot->time, shard->opened_ms > plot->time.start_ms ? shard->opened_ms : plot->time.start_ms,
              from);
    time_text(&plot->time, shard->closed_ms != 0 ? shard->closed_ms : plot->time.end_ms, until);
    fprintf(plot->file,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
            "<title>shardId-%012lld, %.2f %% of the hash keys, %s to %s: %.0f %% full in the mean, "
            "throttled in %zu minutes</title></rect>\n",
            cell->fullness->style, cell->x, cell->y, fmax(0.1, cell->width), fmax(0.1, cell->height),
            (long long)shard->index, 100 * hashkey_share(shard->start, shard->end), from, until,
            100 * cell->mean, cell->throttled);
}

/* All of one fullness as one path: for very many. */
static void draw_alike(const struct plot *plot, const struct cell *cells, size_t count,
                       const struct fullness *fullness)
{
    fprintf(plot->file, "<path class=\"%s\" d=\"", fullness->style);
    for (size_t i = 0; i < count; i++) {
        const struct cell *c = &cells[i];

        if (c->fullness == fullness)
            fprintf(plot->file, "M%.1f %.1fh%.1fv%.1fh-%.1fz", c->x, c->y, c->width, c->height, c->width);
    }
    fputs("\"/>\n", plot->file);
}

/* ---- where it throttled: above the rectangles, minutes that lie near each other as one */

/* The end of the throttled minutes from `minute` on, of which none is further from the next than `gap`. */
static size_t run_end(const struct drawing *drawing, const struct cell *cell, size_t minute, size_t gap)
{
    size_t end = minute + 1;

    for (size_t i = end; i < cell->end && i - end <= gap; i++) {
        if (throttles(drawing, cell, i))
            end = i + 1;
    }
    return end;
}

/* How many runs there are; written unless `file` is NULL. */
static size_t each_run(const struct drawing *drawing, const struct plot *plot, const struct cell *cell,
                       size_t gap, FILE *file)
{
    size_t runs = 0;

    for (size_t i = cell->first; i < cell->end && cell->throttled > 0; i++) {
        size_t end;
        double x;

        if (!throttles(drawing, cell, i))
            continue;
        end = run_end(drawing, cell, i, gap);
        x = plot_x(plot, plot->time.start_ms + (int64_t)i * MINUTE_MS);
        if (file != NULL)
            fprintf(file, "M%.1f %.1fh%.1fv%.1fh-%.1fz", x, cell->y,
                    fmax(1.5, plot_x(plot, plot->time.start_ms + (int64_t)end * MINUTE_MS) - x), cell->height,
                    fmax(1.5, plot_x(plot, plot->time.start_ms + (int64_t)end * MINUTE_MS) - x));
        runs++;
        i = end;
    }
    return runs;
}

static void draw_throttled(const struct drawing *drawing, const struct plot *plot, const struct cell *cells,
                           size_t count)
{
    size_t gap = drawing->story->minute_count / PLOT_WIDTH, runs;

    for (;; gap = 2 * gap + 1) {
        runs = 0;
        for (size_t i = 0; i < count; i++)
            runs += each_run(drawing, plot, &cells[i], gap, NULL);
        if (runs <= DRAWN_MAX)
            break;
    }
    fputs("<path class=\"lost\" d=\"", plot->file);
    for (size_t i = 0; i < count; i++)
        (void)each_run(drawing, plot, &cells[i], gap, plot->file);
    fputs("\"/>\n", plot->file);
}

/* ---- all of it */

static void draw_cells(const struct drawing *drawing, const struct plot *plot)
{
    struct cell *cells = make_cells(drawing, plot);
    size_t count = leave_out_small(cells, drawing->story->shard_count);

    for (size_t i = 0; i < count && count <= TITLED_MAX; i++)
        draw_cell(plot, &cells[i]);
    for (size_t i = 0; i < COUNT_OF(fullnesses) && count > TITLED_MAX; i++)
        draw_alike(plot, cells, count, &fullnesses[i]);
    draw_throttled(drawing, plot, cells, count);
    free(cells);
}

void draw_map(const struct drawing *drawing)
{
    static const struct legend_item lost = {SWATCH_AREA, "lost", "throttled"};
    struct legend_item legend[COUNT_OF(fullnesses) + 1];
    struct plot plot = {.file = drawing->file,
                        .time = drawing->time,
                        .height = MAP_HEIGHT,
                        .top = 100,
                        .step = 25,
                        .id = "map"};

    for (size_t i = 0; i < COUNT_OF(fullnesses); i++)
        legend[i] = (struct legend_item){SWATCH_AREA, fullnesses[i].style, fullnesses[i].name};
    legend[COUNT_OF(fullnesses)] = lost;
    plot_open(
        &plot, "Hash keys over time",
        "Each shard is a rectangle: from when to when it took records, and which part of the hash keys.  "
        "How full it was in the mean is its shade; where it throttled it is hatched.",
        "% of the hash keys");
    draw_cells(drawing, &plot);
    plot_legend(&plot, legend, COUNT_OF(legend));
    plot_close(&plot);
}
