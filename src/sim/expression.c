/*
 * expression.c - a recursive descent over metric math expressions.
 *
 * Each query is worked out once for a grid, however often it is referred to; one that is asked for while it
 * is being worked out needs itself.
 */
#include "expression.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>

/* A number for each period, or one for all. */
struct value {
    bool scalar;
    double *at; /* the work's; at[0] when scalar */
};

/* What the values of one piece of work may take; a long expression over a long time is refused. */
enum { NUMBERS_MAX = 5000000 };

struct numbers {
    struct numbers *next;
    double at[];
};

enum progress { NOT_YET, IN_WORK, DONE };

struct work {
    const struct sim *sim;
    const struct data_query *queries;
    size_t query_count;
    const struct grid *grid;
    struct value *values; /* of the queries */
    enum progress *progress;
    struct numbers *numbers; /* of all values; freed together */
    size_t number_count;
    int depth;
};

struct parser {
    struct work *work;
    const char *expression, *at;
};

static int parse_sum(struct parser *parser, struct value *ret_value, struct error *err);
static int work_out(struct work *work, size_t index, struct error *err);

static struct value new_value(struct work *work, bool scalar)
{
    size_t count = scalar ? 1 : work->grid->count + 1;
    struct numbers *numbers = must_calloc(1, sizeof(*numbers) + count * sizeof(double));

    numbers->next = work->numbers;
    work->numbers = numbers;
    work->number_count += count;
    return (struct value){scalar, numbers->at};
}

static double value_at(const struct value *value, size_t i)
{
    return value->scalar ? value->at[0] : value->at[i];
}

static void skip_blanks(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\r\n");
}

static bool take_char(struct parser *parser, char wanted)
{
    skip_blanks(parser);
    if (*parser->at != wanted)
        return false;
    parser->at++;
    return true;
}

static int bad(const struct parser *parser, struct error *err)
{
    return error_set(err, ERROR_INPUT, "Error in expression '%.200s' near '%.40s'", parser->expression,
                     parser->at);
}

/* ---- operators */

static double apply(char sign, double a, double b)
{
    switch (sign) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    default:
        return b == 0 ? NAN : a / b; /* CloudWatch drops the datapoint */
    }
}

/* In the place of one of the two, which nobody else uses. */
static struct value combine(const struct work *work, char sign, struct value left, struct value right)
{
    struct value result = left.scalar ? right : left;
    size_t count = result.scalar ? 1 : work->grid->count;

    for (size_t i = 0; i < count; i++)
        result.at[i] = apply(sign, value_at(&left, i), value_at(&right, i));
    return result;
}

/* ---- functions */

enum { LIST_MAX = 100 };

struct list {
    struct value items[LIST_MAX];
    size_t count;
    bool bracketed;
};

/* "[a, b]" or one expression, up to the closing parenthesis. */
static int parse_list(struct parser *parser, struct list *list, struct error *err)
{
    list->count = 0;
    list->bracketed = take_char(parser, '[');
    do {
        if (list->count == LIST_MAX)
            return bad(parser, err);
        if (parse_sum(parser, &list->items[list->count], err) < 0)
            return -1;
        list->count++;
    } while (list->bracketed && take_char(parser, ','));
    if ((list->bracketed && !take_char(parser, ']')) || !take_char(parser, ')'))
        return bad(parser, err);
    return 0;
}

struct fold {
    const char *name;
    double (*add)(double so_far, double value);
    bool mean;
};

static double add_up(double so_far, double value)
{
    return so_far + value;
}

static const struct fold folds[] = {
    {"AVG", add_up, true}, {"MAX", fmax, false}, {"MIN", fmin, false}, {"SUM", add_up, false}};

struct folded {
    double value;
    int count;
};

static void fold_in(const struct fold *fold, struct folded *folded, double value)
{
    if (isnan(value))
        return;
    folded->value = folded->count == 0 ? value : fold->add(folded->value, value);
    folded->count++;
}

static double fold_result(const struct fold *fold, const struct folded *folded)
{
    if (folded->count == 0)
        return NAN;
    return fold->mean ? folded->value / folded->count : folded->value;
}

/* Over the list for each period, or over the periods of the only series. */
static int call_fold(struct parser *parser, const struct fold *fold, struct value *ret_value,
                     struct error *err)
{
    struct work *work = parser->work;
    struct list list = {.count = 0};
    struct value result;

    if (parse_list(parser, &list, err) < 0)
        return -1;
    result = new_value(work, !list.bracketed);
    if (result.scalar) {
        struct folded folded = {0};

        for (size_t i = 0; i < (list.items[0].scalar ? 1 : work->grid->count); i++)
            fold_in(fold, &folded, value_at(&list.items[0], i));
        result.at[0] = fold_result(fold, &folded);
    }
    for (size_t i = 0; i < work->grid->count && !result.scalar; i++) {
        struct folded folded = {0};

        for (size_t item = 0; item < list.count; item++)
            fold_in(fold, &folded, value_at(&list.items[item], i));
        result.at[i] = fold_result(fold, &folded);
    }
    *ret_value = result;
    return 0;
}

/* What is missing becomes the filler's value; to repeat, the filler follows the series. */
static int call_fill(struct parser *parser, struct value *ret_value, struct error *err)
{
    struct work *work = parser->work;
    struct value result = new_value(work, false), filler = new_value(work, true), series = {0};
    bool repeat;

    if (parse_sum(parser, &series, err) < 0)
        return -1;
    if (!take_char(parser, ','))
        return bad(parser, err);
    skip_blanks(parser);
    repeat = text_starts_with(parser->at, "REPEAT");
    filler.at[0] = NAN;
    if (repeat)
        parser->at += strlen("REPEAT");
    else if (parse_sum(parser, &filler, err) < 0)
        return -1;
    if (!take_char(parser, ')'))
        return bad(parser, err);
    for (size_t i = 0; i < work->grid->count; i++) {
        double value = value_at(&series, i);

        result.at[i] = isnan(value) ? value_at(&filler, i) : value;
        if (repeat)
            filler.at[0] = result.at[i];
    }
    *ret_value = result;
    return 0;
}

static int call_period(struct parser *parser, struct value *ret_value, struct error *err)
{
    struct value argument = {0};

    if (parse_sum(parser, &argument, err) < 0)
        return -1;
    if (!take_char(parser, ')'))
        return bad(parser, err);
    *ret_value = new_value(parser->work, true);
    ret_value->at[0] = (double)parser->work->grid->period_ms / 1000;
    return 0;
}

static int call(struct parser *parser, const char *name, struct value *ret_value, struct error *err)
{
    if (text_equal(name, "FILL"))
        return call_fill(parser, ret_value, err);
    if (text_equal(name, "PERIOD"))
        return call_period(parser, ret_value, err);
    for (size_t i = 0; i < COUNT_OF(folds); i++) {
        if (text_equal(name, folds[i].name))
            return call_fold(parser, &folds[i], ret_value, err);
    }
    return error_set(err, ERROR_INPUT, "Unsupported function '%s' in expression '%.200s'", name,
                     parser->expression);
}

/* ---- the grammar */

static int refer(struct parser *parser, const char *id, struct value *ret_value, struct error *err)
{
    struct work *work = parser->work;

    for (size_t i = 0; i < work->query_count; i++) {
        if (!text_equal(work->queries[i].id, id))
            continue;
        if (work_out(work, i, err) < 0)
            return -1;
        *ret_value = new_value(work, work->values[i].scalar);
        memcpy(ret_value->at, work->values[i].at,
               (ret_value->scalar ? 1 : work->grid->count) * sizeof(double));
        return 0;
    }
    return error_set(err, ERROR_INPUT, "Unknown id '%s' in expression '%.200s'", id, parser->expression);
}

static int parse_name(struct parser *parser, struct value *ret_value, struct error *err)
{
    char name[256];
    size_t length = 0;

    while (isalnum((unsigned char)parser->at[length]) || parser->at[length] == '_')
        length++;
    if (length >= sizeof(name))
        return bad(parser, err);
    snprintf(name, sizeof(name), "%.*s", (int)length, parser->at);
    parser->at += length;
    if (parser->work->number_count > NUMBERS_MAX)
        return error_set(err, ERROR_INPUT, "Expression '%.200s' needs too many datapoints",
                         parser->expression);
    if (take_char(parser, '('))
        return call(parser, name, ret_value, err);
    return refer(parser, name, ret_value, err);
}

static int parse_number(struct parser *parser, struct value *ret_value, struct error *err)
{
    char text[64];
    size_t length = strspn(parser->at, "0123456789.");
    double number;

    if (length > 0 && (parser->at[length] == 'e' || parser->at[length] == 'E')) {
        length++;
        length += parser->at[length] == '-' || parser->at[length] == '+';
        length += strspn(parser->at + length, "0123456789");
    }
    if (length >= sizeof(text))
        return bad(parser, err);
    snprintf(text, sizeof(text), "%.*s", (int)length, parser->at);
    if (!number_parse_double(text, &number))
        return bad(parser, err);
    parser->at += length;
    *ret_value = new_value(parser->work, true);
    ret_value->at[0] = number;
    return 0;
}

static int parse_primary(struct parser *parser, struct value *ret_value, struct error *err)
{
    skip_blanks(parser);
    if (take_char(parser, '(')) {
        if (parse_sum(parser, ret_value, err) < 0)
            return -1;
        return take_char(parser, ')') ? 0 : bad(parser, err);
    }
    if (isalpha((unsigned char)*parser->at))
        return parse_name(parser, ret_value, err);
    return parse_number(parser, ret_value, err);
}

static int parse_unary(struct parser *parser, struct value *ret_value, struct error *err)
{
    bool minus = false;

    while (take_char(parser, '-'))
        minus = !minus;
    if (parse_primary(parser, ret_value, err) < 0)
        return -1;
    if (!minus)
        return 0;
    *ret_value = combine(parser->work, '-', new_value(parser->work, true), *ret_value);
    return 0;
}

static int parse_product(struct parser *parser, struct value *ret_value, struct error *err)
{
    if (parse_unary(parser, ret_value, err) < 0)
        return -1;
    for (;;) {
        char sign = take_char(parser, '*') ? '*' : take_char(parser, '/') ? '/' : '\0';
        struct value right = {0};

        if (sign == '\0')
            return 0;
        if (parse_unary(parser, &right, err) < 0)
            return -1;
        *ret_value = combine(parser->work, sign, *ret_value, right);
    }
}

static int parse_terms(struct parser *parser, struct value *ret_value, struct error *err)
{
    if (parse_product(parser, ret_value, err) < 0)
        return -1;
    for (;;) {
        char sign = take_char(parser, '+') ? '+' : take_char(parser, '-') ? '-' : '\0';
        struct value right = {0};

        if (sign == '\0')
            return 0;
        if (parse_product(parser, &right, err) < 0)
            return -1;
        *ret_value = combine(parser->work, sign, *ret_value, right);
    }
}

static int parse_sum(struct parser *parser, struct value *ret_value, struct error *err)
{
    int result;

    if (parser->work->depth == EXPRESSION_DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "Expression '%.200s' is nested too deep", parser->expression);
    parser->work->depth++;
    result = parse_terms(parser, ret_value, err);
    parser->work->depth--;
    return result;
}

/* ---- queries */

void model_read_grid(const struct sim *sim, const struct series *series, const char *stat,
                     const struct grid *grid, double *values)
{
    int64_t visible_ms = model_visible_end(sim);

    for (size_t i = 0; i < grid->count; i++) {
        int64_t start_ms = grid->first_ms + (int64_t)i * grid->period_ms;
        int64_t end_ms = start_ms + grid->period_ms;
        struct datapoint point;

        values[i] = NAN;
        if (series != NULL &&
            model_series_read(series, start_ms, end_ms < visible_ms ? end_ms : visible_ms, &point))
            values[i] = model_statistic(&point, stat);
    }
}

static int work_out_expression(struct work *work, size_t index, struct error *err)
{
    const char *expression = work->queries[index].expression;
    struct parser parser = {work, expression, expression};

    if (parse_sum(&parser, &work->values[index], err) < 0)
        return -1;
    skip_blanks(&parser);
    return *parser.at == '\0' ? 0 : bad(&parser, err);
}

static int work_out(struct work *work, size_t index, struct error *err)
{
    const struct data_query *query = &work->queries[index];

    if (work->progress[index] == DONE)
        return 0;
    if (work->progress[index] == IN_WORK)
        return error_set(err, ERROR_INPUT, "Expression '%.200s' needs itself", query->expression);
    work->progress[index] = IN_WORK;
    if (query->expression == NULL) {
        work->values[index] = new_value(work, false);
        model_read_grid(work->sim, model_series_find(work->sim->metrics, &query->metric), query->stat,
                        work->grid, work->values[index].at);
    } else if (work_out_expression(work, index, err) < 0) {
        return -1;
    }
    work->progress[index] = DONE;
    return 0;
}

int model_math(const struct sim *sim, const struct data_query *queries, size_t query_count, size_t index,
               const struct grid *grid, double *values, struct error *err)
{
    struct work work = {.sim = sim, .queries = queries, .query_count = query_count, .grid = grid};
    int result;

    work.values = must_calloc(query_count, sizeof(*work.values));
    work.progress = must_calloc(query_count, sizeof(*work.progress));
    result = work_out(&work, index, err);
    for (size_t i = 0; i < grid->count && result == 0; i++)
        values[i] = value_at(&work.values[index], i);
    while (work.numbers != NULL) {
        struct numbers *numbers = work.numbers;

        work.numbers = numbers->next;
        free(numbers);
    }
    free(work.values);
    free(work.progress);
    return result;
}
