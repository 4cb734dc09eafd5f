/*
 * sweep.c - the same load with other settings, each combination once, and which of them nothing else dominates.
 *
 * A combination is written as a configuration of its own and read like any other, so it meets all rules that a file
 * meets.
 */
#include "sweep.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "parallel.h"
#include "scaling/settings.h"

#include <cjson/cJSON.h>

struct axis {
    const struct setting *setting;
    struct names values;
};

struct combination {
    size_t values[SWEEP_SETTINGS_MAX]; /* index in each axis */
    struct config *config;             /* NULL: the rules forbid it */
    char *why;                         /* then */
    struct backtest_result result;
    struct figures figures;
    double foresight_hours; /* with its min_shards */
    bool best; /* none is as cheap and throttles less, or throttles as little and is cheaper, as shown */
};

struct sweep {
    const struct backtest *backtest;
    bool desired;
    struct axis axes[SWEEP_SETTINGS_MAX];
    size_t axis_count;
    struct combination *combinations;
    size_t count;
};

static void sweep_clear(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->axis_count; i++)
        names_clear(&sweep->axes[i].values);
    for (size_t i = 0; i < sweep->count; i++) {
        config_free(sweep->combinations[i].config);
        free(sweep->combinations[i].why);
    }
    free(sweep->combinations);
}

/* ---- reading */

static int unknown_setting(const char *name, struct error *err)
{
    const char *names[SETTINGS_MAX + 1] = {0};
    const struct setting *all, *found = setting_find(name);
    const char *nearest;
    size_t count, of_streams = 0;

    if (found != NULL)
        return error_set(err, ERROR_CONFIG,
                         "--sweep: '%s' is a setting of %s, and a replay asks for none of those", name,
                         setting_sections(found));
    all = settings(&count);
    for (size_t i = 0; i < count; i++) {
        if (all[i].scope == SCOPE_STREAM)
            names[of_streams++] = all[i].name;
    }
    nearest = text_nearest(name, names);
    return error_set(err, ERROR_CONFIG, "--sweep: no setting of a stream is called '%.64s'%s%s%s", name,
                     nearest != NULL ? "; is '" : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "' meant?" : "");
}

/* The values behind the '='. */
static int read_values(struct axis *axis, char *cursor, struct error *err)
{
    for (char *value; (value = text_split(&cursor, ',')) != NULL;) {
        if (*value == '\0')
            return error_set(err, ERROR_CONFIG, "--sweep %s: a value is missing", axis->setting->name);
        for (size_t i = 0; i < axis->values.count; i++) {
            if (text_equal(axis->values.items[i], value))
                return error_set(err, ERROR_CONFIG, "--sweep %s: '%.64s' is given twice", axis->setting->name,
                                 value);
        }
        names_add(&axis->values, value);
    }
    return 0;
}

static int read_axis(struct sweep *sweep, const char *text, struct error *err)
{
    SCOPED(free_text) char *copy = must_strdup(text);
    char *cursor = strchr(copy, '=');
    struct axis *axis = &sweep->axes[sweep->axis_count];

    if (sweep->axis_count == SWEEP_SETTINGS_MAX)
        return error_set(err, ERROR_CONFIG, "--sweep tries at most %d settings", SWEEP_SETTINGS_MAX);
    if (cursor == NULL)
        return error_set(err, ERROR_CONFIG, "--sweep must be SETTING=A,B,C, not '%.64s'", text);
    *cursor++ = '\0';
    axis->setting = setting_find(text_trim(copy));
    if (axis->setting == NULL || axis->setting->scope != SCOPE_STREAM)
        return unknown_setting(text_trim(copy), err);
    if (!sweep->desired && text_equal(axis->setting->name, "desired_shards"))
        return error_set(
            err, ERROR_CONFIG,
            "--sweep: desired_shards says nothing where --initial-shards or --from-cloudwatch does");
    for (size_t i = 0; i < sweep->axis_count; i++) {
        if (sweep->axes[i].setting == axis->setting)
            return error_set(err, ERROR_CONFIG, "--sweep: %s is given twice", axis->setting->name);
    }
    sweep->axis_count++;
    return read_values(axis, cursor, err);
}

/* The last axis turns fastest. */
static void turn(const struct sweep *sweep, size_t values[SWEEP_SETTINGS_MAX])
{
    for (size_t i = sweep->axis_count; i-- > 0;) {
        if (++values[i] < sweep->axes[i].values.count)
            return;
        values[i] = 0;
    }
}

static int combine(struct sweep *sweep, struct error *err)
{
    size_t values[SWEEP_SETTINGS_MAX] = {0};
    size_t count = 1;

    for (size_t i = 0; i < sweep->axis_count; i++) {
        count *= sweep->axes[i].values.count;
        if (count > SWEEP_COMBINATIONS_MAX)
            return error_set(err, ERROR_CONFIG, "--sweep makes more than %d combinations",
                             SWEEP_COMBINATIONS_MAX);
    }
    sweep->combinations = must_calloc(count, sizeof(*sweep->combinations));
    sweep->count = count;
    for (size_t c = 0; c < count; c++) {
        memcpy(sweep->combinations[c].values, values, sizeof(values));
        turn(sweep, values);
    }
    return 0;
}

static const char *value_of(const struct sweep *sweep, const struct combination *combination, size_t axis)
{
    return sweep->axes[axis].values.items[combination->values[axis]];
}

/* ---- configurations */

static void write_setting(const struct sweep *sweep, const struct combination *combination,
                          const struct setting *setting, struct buffer *text)
{
    const struct config *config = sweep->backtest->config;
    const void *source =
        setting->scope == SCOPE_SERVICE ? (const void *)&config->service : (const void *)&config->streams[0];
    char value[SETTING_VALUE_SIZE];
    struct error err;

    setting_format(setting, source, value);
    /* It goes with min_shards, which may be another here. */
    if (text_equal(setting->name, "desired_shards") && !config->streams[0].desired_given)
        value[0] = '\0';
    for (size_t i = 0; i < sweep->axis_count; i++) {
        if (sweep->axes[i].setting == setting)
            (void)text_copy(value, sizeof(value), value_of(sweep, combination, i));
    }
    if (value[0] != '\0')
        (void)buffer_printf(text, &err, "%s = %s\n", setting->name, value);
}

static void write_settings(const struct sweep *sweep, const struct combination *combination,
                           enum setting_scope scope, struct buffer *text)
{
    size_t count;
    const struct setting *all = settings(&count);

    for (size_t i = 0; i < count; i++) {
        if (all[i].scope == scope)
            write_setting(sweep, combination, &all[i], text);
    }
}

/* A streams.conf with this combination. */
static void write_config(const struct sweep *sweep, const struct combination *combination,
                         struct buffer *text)
{
    struct error err;

    (void)buffer_add_text(text, "[service]\n", &err);
    write_settings(sweep, combination, SCOPE_SERVICE, text);
    (void)buffer_printf(text, &err, "[stream %s]\n", sweep->backtest->config->streams[0].name);
    write_settings(sweep, combination, SCOPE_STREAM, text);
}

/* "streams.conf:12: ...": the line is one of ours and means nothing to anybody. */
static const char *without_place(const char *fault)
{
    const char *end = strstr(fault, ": ");

    return end != NULL ? end + 2 : fault;
}

static void configure(const struct sweep *sweep, struct combination *combination)
{
    SCOPED(buffer_clear) struct buffer text;
    SCOPED(fault_list_clear) struct fault_list faults = {0};
    struct error err;

    buffer_init(&text, CONFIG_SIZE_MAX);
    write_config(sweep, combination, &text);
    if (config_parse(buffer_text(&text), text.length, "sweep", &combination->config, &faults, &err) < 0) {
        combination->config = NULL;
        combination->why = must_strdup(without_place(faults.texts[0]));
    }
}

/* What the rules forbid is told and left out; here, where nothing else is left. */
static int check_any(const struct sweep *sweep, struct error *err)
{
    for (size_t c = 0; c < sweep->count; c++) {
        if (sweep->combinations[c].config != NULL)
            return 0;
    }
    return error_set(err, ERROR_CONFIG, "--sweep leaves nothing to try: %s", sweep->combinations[0].why);
}

/* ---- the runs */

static int run_one(void *context, size_t job, struct error *err)
{
    const struct sweep *sweep = context;
    struct combination *combination = &sweep->combinations[job];
    struct backtest backtest = *sweep->backtest;

    if (combination->config == NULL)
        return 0;
    backtest.config = combination->config;
    backtest.progress = NULL;
    if (sweep->desired)
        backtest.initial_shards = combination->config->streams[0].desired_shards;
    return backtest_run(&backtest, &combination->result, err);
}

/* By what is shown: of two rows that look the same neither is better. */
static bool dominates(const struct combination *a, const struct combination *b)
{
    double a_lost = figures_shown_percent(&a->figures, &a->result);
    double b_lost = figures_shown_percent(&b->figures, &b->result);
    double a_costs = figures_shown_dollars(&a->figures), b_costs = figures_shown_dollars(&b->figures);

    return a_costs <= b_costs && a_lost <= b_lost && (a_costs < b_costs || a_lost < b_lost);
}

static void judge(struct sweep *sweep, const struct price_list *prices)
{
    for (size_t i = 0; i < sweep->count; i++) {
        struct combination *combination = &sweep->combinations[i];
        struct backtest backtest = *sweep->backtest;

        backtest.config = combination->config;
        combination->best = combination->config != NULL;
        if (!combination->best)
            continue;
        combination->figures = backtest_figures(&backtest, &combination->result, prices);
        combination->foresight_hours = backtest_foresight_hours(&backtest);
    }
    for (size_t i = 0; i < sweep->count; i++) {
        for (size_t j = 0; j < sweep->count && sweep->combinations[i].config != NULL; j++) {
            if (sweep->combinations[j].config != NULL &&
                dominates(&sweep->combinations[j], &sweep->combinations[i]))
                sweep->combinations[i].best = false;
        }
    }
}

/* ---- the answer */

static void add_row(struct table *table, const struct sweep *sweep, const struct combination *combination)
{
    for (size_t i = 0; i < sweep->axis_count; i++)
        table_add(table, "%s", value_of(sweep, combination, i));
    figures_add_columns(table, &combination->figures, &combination->result, combination->foresight_hours);
    figures_add_call_columns(table, &combination->figures);
    table_add(table, "%s", combination->best ? "*" : "");
}

static void print_table(const struct sweep *sweep, FILE *file)
{
    static const char *const figures[] = {FIGURES_HEADINGS, FIGURES_CALL_HEADINGS, "BEST"};
    const char *headings[SWEEP_SETTINGS_MAX + COUNT_OF(figures) + 1] = {0};
    struct table table = {.headings = headings, .right_aligned = 0x3ffu << sweep->axis_count};

    for (size_t i = 0; i < sweep->axis_count; i++)
        headings[i] = sweep->axes[i].setting->name;
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        headings[sweep->axis_count + i] = figures[i];
    for (size_t i = 0; i < sweep->count; i++) {
        if (sweep->combinations[i].config != NULL)
            add_row(&table, sweep, &sweep->combinations[i]);
    }
    table_print(&table, file);
    table_clear(&table);
    fputs("\n*: no other is cheaper without throttling more, or throttles less without costing more.\n",
          file);
    backtest_print_caveats(sweep->backtest, file);
    if (!backtest_has_even_keys(sweep->backtest))
        fputs("Foresight is for keys that are spread evenly.\n", file);
    for (size_t c = 0; c < sweep->count; c++) {
        if (sweep->combinations[c].config != NULL)
            continue;
        fputs("not tried:", file);
        for (size_t i = 0; i < sweep->axis_count; i++)
            fprintf(file, " %s=%s", sweep->axes[i].setting->name,
                    value_of(sweep, &sweep->combinations[c], i));
        fprintf(file, ": %s\n", sweep->combinations[c].why);
    }
}

static cJSON *combination_object(const struct sweep *sweep, const struct combination *combination)
{
    cJSON *object = cJSON_CreateObject(), *tried;

    tried = cJSON_AddObjectToObject(object, "settings");
    for (size_t i = 0; i < sweep->axis_count; i++)
        (void)cJSON_AddStringToObject(tried, sweep->axes[i].setting->name, value_of(sweep, combination, i));
    if (combination->config == NULL) {
        (void)cJSON_AddStringToObject(object, "not_tried", combination->why);
        return object;
    }
    (void)cJSON_AddBoolToObject(object, "best", combination->best);
    figures_add_fields(object, &combination->figures, &combination->result, combination->foresight_hours);
    return object;
}

static void print_json(const struct sweep *sweep, FILE *file)
{
    cJSON *object = cJSON_CreateObject(), *list;
    char *text;

    backtest_add_load(object, sweep->backtest);
    list = cJSON_AddArrayToObject(object, "sweep");
    for (size_t i = 0; i < sweep->count; i++)
        (void)cJSON_AddItemToArray(list, combination_object(sweep, &sweep->combinations[i]));
    text = cJSON_Print(object);
    fprintf(file, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(object);
}

/* All that needs no load. */
static int prepare(struct sweep *sweep, const struct names *texts, struct error *err)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (read_axis(sweep, texts->items[i], err) < 0)
            return -1;
    }
    if (combine(sweep, err) < 0)
        return -1;
    for (size_t i = 0; i < sweep->count; i++)
        configure(sweep, &sweep->combinations[i]);
    return check_any(sweep, err);
}

int sweep_check(const struct backtest *backtest, const struct names *texts, bool desired, struct error *err)
{
    SCOPED(sweep_clear) struct sweep sweep = {.backtest = backtest, .desired = desired};

    return prepare(&sweep, texts, err);
}

int sweep_run(const struct backtest *backtest, const struct names *texts, bool desired, bool json,
              const struct price_list *prices, FILE *file, struct error *err)
{
    SCOPED(sweep_clear) struct sweep sweep = {.backtest = backtest, .desired = desired};

    if (prepare(&sweep, texts, err) < 0 ||
        parallel_run(sweep.count, run_one, &sweep, backtest->progress, "combinations", err) < 0)
        return -1;
    judge(&sweep, prices);
    if (json)
        print_json(&sweep, file);
    else
        print_table(&sweep, file);
    return 0;
}
