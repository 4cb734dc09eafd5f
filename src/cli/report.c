/*
 * report.c - a backtest as one page.
 *
 * XHTML that browsers read as HTML: one file, no script, and a policy in it that forbids it to ask anybody for anything.
 */
#include "report.h"

#include "peers.h"

#include "base/date.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/settings.h"

#include <assert.h>
#include <errno.h>

enum {
    MINUTE_MS = 60000,
    VERDICTS_MAX = 32,
    PAPER_COLUMNS = 8, /* of a table, in usual letters on paper; with more they are smaller */
};

static const char *const style[] = {
#include "report.inc"
};

/* ---- pieces */

/* What was made for a terminal, as a paragraph: only a line that is indented begins a line. */
static void add_lines(FILE *file, const char *text)
{
    SCOPED(free_text) char *copy = must_strdup(text);
    char *cursor = copy;

    fputs("<p>", file);
    while (cursor != NULL && *cursor != '\0') {
        bool indented = *cursor == ' ';

        if (indented)
            fputs("<br/>", file);
        svg_text(file, text_split(&cursor, '\n'));
        fputc('\n', file);
    }
    fputs("</p>\n", file);
}

static void add_table(FILE *file, const struct table *table)
{
    size_t columns = 0;

    while (table->headings[columns] != NULL)
        columns++;
    assert(columns > 0);
    fprintf(file, "<div class=\"scroll\"><table%s>\n<thead><tr>",
            columns > PAPER_COLUMNS ? " class=\"wide\"" : "");
    for (size_t c = 0; c < columns; c++) {
        fprintf(file, "<th scope=\"col\"%s>", table->right_aligned & (1u << c) ? " class=\"number\"" : "");
        svg_text(file, table->headings[c]);
        fputs("</th>", file);
    }
    fputs("</tr></thead>\n<tbody>\n", file);
    for (size_t i = 0; i < table->count; i++) {
        size_t c = i % columns;

        fputs(c == 0                             ? "<tr><th scope=\"row\">"
              : table->right_aligned & (1u << c) ? "<td class=\"number\">"
                                                 : "<td>",
              file);
        svg_text(file, table->cells[i]);
        fputs(c == 0 ? "</th>" : "</td>", file);
        fputs(c + 1 == columns ? "</tr>\n" : "", file);
    }
    fputs("</tbody></table></div>\n", file);
}

static void add_figure(const struct drawing *drawing, const char *heading, const char *caption,
                       void (*draw)(const struct drawing *drawing))
{
    fprintf(drawing->file, "<h2>%s</h2>\n<figure>\n<figcaption>%s</figcaption>\n", heading, caption);
    draw(drawing);
    fputs("</figure>\n", drawing->file);
}

/* ---- what was done, and why */

static void add_deed(const struct drawing *drawing, const struct action *action, size_t number)
{
    FILE *file = drawing->file;
    char at[TIME_TEXT_SIZE], took[32] = "goes on";

    time_text(&drawing->time, action->started_ms, at);
    if (action->ended_ms > 0)
        snprintf(took, sizeof(took), "%.1f min", (double)(action->ended_ms - action->started_ms) / MINUTE_MS);
    fprintf(file,
            "<tr id=\"deed-%zu\"><td class=\"once\">%s</td><td class=\"once\">%s</td>"
            "<td class=\"number\">%lld to %lld</td><td class=\"number\">%s</td><td class=\"why\">",
            number, at, action_kind_name(action->kind), (long long)action->from_shards,
            (long long)action->to_shards, took);
    svg_text(file, action->reason);
    if (action->failure[0] != '\0') {
        fputs(" <strong>", file);
        svg_text(file, action->failure);
        fputs("</strong>", file);
    }
    fputs("</td></tr>\n", file);
}

static void add_deeds(const struct drawing *drawing)
{
    const struct action_list *actions = &drawing->story->actions;
    size_t first = drawing_first_deed(drawing);
    FILE *file = drawing->file;

    fputs("<h2>What it did, and why</h2>\n", file);
    if (actions->count == 0) {
        fputs("<p>Nothing: the shards were enough, and none was to spare.</p>\n", file);
        return;
    }
    if (first > 0)
        fprintf(file, "<p class=\"dim\">The last %zu of %zu actions.</p>\n", actions->count - first,
                actions->count);
    fputs("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">began</th><th "
          "scope=\"col\">action</th>"
          "<th scope=\"col\" class=\"number\">shards</th><th scope=\"col\" class=\"number\">took</th>"
          "<th scope=\"col\">because</th></tr></thead>\n<tbody>\n",
          file);
    for (size_t i = first; i < actions->count; i++)
        add_deed(drawing, &actions->items[i], i + 1);
    fputs("</tbody></table></div>\n", file);
}

/* ---- what was looked at and let be: by verdict, as the same is found again and again */

struct verdict {
    const struct decision *last;
    size_t times;
};

static size_t count_verdicts(const struct decision_list *decisions, struct verdict verdicts[VERDICTS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < decisions->count; i++) {
        const struct decision *decision = &decisions->items[i];
        size_t v = 0;

        if (decision->action_id != 0 || text_equal(decision->verdict, "reshard"))
            continue;
        while (v < count && !text_equal(verdicts[v].last->verdict, decision->verdict))
            v++;
        if (v == VERDICTS_MAX)
            continue;
        count += v == count;
        verdicts[v].times++;
        verdicts[v].last = decision;
    }
    return count;
}

static void add_verdicts(const struct drawing *drawing)
{
    struct verdict verdicts[VERDICTS_MAX] = {0};
    size_t count = count_verdicts(&drawing->story->decisions, verdicts);
    FILE *file = drawing->file;

    fputs("<h2>What it looked at and let be</h2>\n", file);
    if (count == 0) {
        fputs("<p>Nothing that it wrote down.</p>\n", file);
        return;
    }
    fputs("<div class=\"scroll\"><table>\n<thead><tr><th "
          "scope=\"col\">decision</th>"
          "<th scope=\"col\" class=\"number\">times</th><th scope=\"col\">last</th>"
          "<th scope=\"col\">because, that time</th></tr></thead>\n<tbody>\n",
          file);
    for (size_t i = 0; i < count; i++) {
        char at[TIME_TEXT_SIZE];

        time_text(&drawing->time, verdicts[i].last->at_ms, at);
        fputs("<tr><th scope=\"row\">", file);
        svg_text(file, verdicts[i].last->verdict);
        fprintf(file, "</th><td class=\"number\">%zu</td><td class=\"once\">%s</td><td class=\"why\">",
                verdicts[i].times, at);
        svg_text(file, verdicts[i].last->reason);
        fputs("</td></tr>\n", file);
    }
    fputs("</tbody></table></div>\n", file);
}

/* ---- with which settings */

static void add_settings(const struct drawing *drawing)
{
    static const char *const headings[] = {"setting", "value", NULL};
    const struct backtest *backtest = drawing->backtest;
    struct table table = {.headings = headings};
    size_t count;
    const struct setting *all = settings(&count);
    char value[SETTING_VALUE_SIZE];

    for (size_t i = 0; i < count; i++) {
        if (all[i].scope != SCOPE_STREAM)
            continue;
        setting_format(&all[i], &backtest->config->streams[0], value);
        table_add(&table, "%s", all[i].name);
        table_add(&table, "%s", value);
    }
    fputs("<h2>Settings</h2>\n", drawing->file);
    fprintf(drawing->file, "<p>A split or merge takes %lld s, ", (long long)backtest->split_ms / 1000);
    if (backtest->update_ms > 0)
        fprintf(drawing->file, "UpdateShardCount %lld s", (long long)backtest->update_ms / 1000);
    else
        fputs("UpdateShardCount as long as its splits and merges", drawing->file);
    fprintf(drawing->file, "; a minute's datapoints can be read %lld s after it has ended. Keys: ",
            (long long)backtest->metric_delay_ms / 1000);
    svg_text(drawing->file, backtest->keys);
    fprintf(drawing->file, ". Seed: %llu.</p>\n", (unsigned long long)backtest->seed);
    add_table(drawing->file, &table);
    table_clear(&table);
}

/* ---- the page */

static void add_head(const struct drawing *drawing)
{
    const char *stream = drawing->backtest->config->streams[0].name;
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE], date[DATE_SIZE];
    FILE *file = drawing->file;

    date_format_seconds(drawing->time.start_ms, date);
    time_text(&drawing->time, drawing->time.start_ms, from);
    time_text(&drawing->time, drawing->time.end_ms, until);
    fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta "
          "charset=\"utf-8\"/>\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>",
          file);
    svg_text(file, stream);
    fputs(": backtest of kinescale</title>\n<style>\n", file);
    fputs(style[0], file);
    fputs("</style>\n</head>\n<body>\n<header>\n<h1>Would kinescale have helped ", file);
    svg_text(file, stream);
    fprintf(file, "?</h1>\n<p class=\"dim\">%s to %s", from, until);
    if (drawing->time.dated)
        fputs(" UTC", file);
    else
        fprintf(file, "; the load has no dates, and reasons speak of it as if it began on %.10s", date);
    fputs("</p>\n</header>\n<main>\n", file);
    /* One pattern for all plots: what throttled is told by more than its colour. */
    fputs("<svg class=\"defs\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"5\" height=\"5\" "
          "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path class=\"hatch-back\" d=\"M0 "
          "0h5v5h-5z\"/>"
          "<path class=\"hatch\" d=\"M1 0v5\"/></pattern></defs></svg>\n",
          file);
}

static void add_peers(FILE *file)
{
    fputs("<dl>\n", file);
    for (size_t i = 0; i < peer_count; i++) {
        fputs("<dt>", file);
        svg_text(file, peers[i].name);
        fputs("</dt><dd>", file);
        svg_text(file, peers[i].what);
        fputs("</dd>\n", file);
    }
    fputs("</dl>\n", file);
}

/* What a printer for terminals prints. */
static void add_comparison(const struct drawing *drawing, const struct backtest_result *result,
                           const struct price_list *prices)
{
    SCOPED(free_text) char *load = NULL;
    SCOPED(free_text) char *deeds = NULL;
    struct table table;
    size_t size;
    FILE *text = open_memstream(&load, &size);

    backtest_print_load(drawing->backtest, result, text);
    (void)fclose(text);
    text = open_memstream(&deeds, &size);
    backtest_print_deeds(drawing->backtest, result, text);
    (void)fclose(text);
    add_lines(drawing->file, load);
    if (drawing->backtest->note != NULL)
        add_lines(drawing->file, drawing->backtest->note);
    fputs("<h2>Side by side</h2>\n", drawing->file);
    backtest_table(drawing->backtest, result, prices, &table);
    add_table(drawing->file, &table);
    table_clear(&table);
    add_lines(drawing->file, deeds);
    if (result->peers != NULL)
        add_peers(drawing->file);
}

static void write_page(const struct drawing *drawing, const struct backtest_result *result,
                       const struct price_list *prices)
{
    add_head(drawing);
    add_comparison(drawing, result, prices);
    add_figure(drawing, "Load and capacity",
               "What producers offered (lighter: the highest minute where one column stands for many), what "
               "the stream "
               "could take before its fullest shard throttled, and what was throttled.",
               draw_load);
    add_figure(drawing, "Shards",
               "Each triangle is an action, upwards for more shards and downwards for fewer; a bar is one "
               "that changed nothing. Each leads to its reason below.",
               draw_shards);
    add_figure(drawing, "Hash keys",
               "Each shard, from when to when it took records and which part of the hash keys; how full it "
               "was in the mean.",
               draw_map);
    add_deeds(drawing);
    add_verdicts(drawing);
    add_settings(drawing);
    fputs("</main>\n<footer>kinescale " KINESCALE_VERSION
          ". The program itself was run on a simulated AWS, in simulated "
          "time.</footer>\n</body>\n</html>\n",
          drawing->file);
}

int report_write(const char *path, const struct backtest *backtest, const struct backtest_result *result,
                 const struct price_list *prices, struct error *err)
{
    SCOPED(free_text) char *page = NULL;
    size_t length = 0;
    struct drawing drawing = {
        .file = open_memstream(&page, &length),
        .backtest = backtest,
        .story = backtest->story,
        .time = {.start_ms = backtest->story->start_ms,
                 .end_ms = backtest->story->start_ms + (int64_t)backtest->story->minute_count * MINUTE_MS,
                 .dated = backtest->load.start_ms > 0}};
    bool failed;

    if (drawing.file == NULL)
        return error_set(err, ERROR_TRANSIENT, "--report: %s", strerror(errno));
    write_page(&drawing, result, prices);
    failed = ferror(drawing.file) != 0;
    if (fclose(drawing.file) != 0 || failed)
        return error_set(err, ERROR_TRANSIENT, "--report: %s", strerror(errno));
    return file_write(path, page, length, err);
}
