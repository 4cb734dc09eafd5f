/*
 * table.c - columns as wide as their widest cell.
 */
#include "parts.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>

static size_t column_count(const struct table *table)
{
    size_t count = 0;

    while (table->headings[count] != NULL)
        count++;
    return count;
}

void table_add(struct table *table, const char *format, ...)
{
    SCOPED(free_text) char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = must_strdup("?");
    va_end(arguments);
    table->cells = must_realloc(table->cells, table->count + 1, sizeof(*table->cells));
    table->cells[table->count++] = cli_escaped(text);
}

static void print_row(const struct table *table, char *const *cells, const int *widths, size_t columns,
                      FILE *file)
{
    for (size_t c = 0; c < columns; c++) {
        bool last = c + 1 == columns;

        if (table->right_aligned & (1u << c))
            fprintf(file, "%*s%s", widths[c], cells[c], last ? "" : "  ");
        else if (last)
            fprintf(file, "%s", cells[c]); /* no blanks at the end of a line */
        else
            fprintf(file, "%-*s  ", widths[c], cells[c]);
    }
    fputc('\n', file);
}

void table_print(struct table *table, FILE *file)
{
    size_t columns = column_count(table);
    int widths[TABLE_COLUMNS_MAX] = {0};

    assert(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    for (size_t c = 0; c < columns; c++)
        widths[c] = (int)strlen(table->headings[c]);
    for (size_t i = 0; i < table->count; i++) {
        int width = (int)strlen(table->cells[i]);

        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    print_row(table, (char *const *)table->headings, widths, columns, file);
    for (size_t i = 0; i + columns <= table->count; i += columns)
        print_row(table, table->cells + i, widths, columns, file);
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->count = 0;
}
