/*
 * explain.c - prints the table of settings in four forms.
 */
#include "cli/explain.h"

#include "base/memory.h"
#include "scaling/settings.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

static bool is_required(const struct setting *setting)
{
    return setting->fallback == NULL;
}

static bool is_optional(const struct setting *setting)
{
    return setting->fallback != NULL && *setting->fallback == '\0';
}

static bool has_default(const struct setting *setting)
{
    return !is_required(setting) && !is_optional(setting);
}

static const char *shown_default(const struct setting *setting)
{
    return is_required(setting) ? "required" : is_optional(setting) ? "-" : setting->fallback;
}

/* What holds of a setting beside its sentence. */
static const char *note(const struct setting *setting)
{
    return setting->restart   ? " Counts after a restart."
           : setting->classic ? " Counts with `policy = classic`."
                              : "";
}

static const char *scope_name(const struct setting *setting)
{
    return setting->scope == SCOPE_SERVICE ? "service" : "stream";
}

void explain_table(FILE *file)
{
    size_t count;
    const struct setting *all = settings(&count);
    char allowed[SETTING_ALLOWED_SIZE];

    fprintf(file, "%-20s  %-7s  %-13s  %-14s  %s\n", "SETTING", "SCOPE", "UNIT", "DEFAULT", "ALLOWED");
    for (size_t i = 0; i < count; i++) {
        setting_allowed(&all[i], allowed);
        fprintf(file, "%-20s  %-7s  %-13s  %-14s  %s\n    %s%s\n", all[i].name, scope_name(&all[i]),
                all[i].unit, shown_default(&all[i]), allowed, all[i].help, note(&all[i]));
    }
}

static cJSON *choices_json(const char *choices)
{
    cJSON *array = cJSON_CreateArray();

    while (*choices != '\0') {
        size_t length = strcspn(choices, "|");
        SCOPED(free_text) char *word = must_strndup(choices, length);

        cJSON_AddItemToArray(array, cJSON_CreateString(word));
        choices += length + (choices[length] == '|');
    }
    return array;
}

static cJSON *setting_json(const struct setting *setting)
{
    cJSON *object = cJSON_CreateObject();
    char allowed[SETTING_ALLOWED_SIZE];

    setting_allowed(setting, allowed);
    cJSON_AddStringToObject(object, "name", setting->name);
    cJSON_AddStringToObject(object, "scope", scope_name(setting));
    cJSON_AddStringToObject(object, "unit", setting->unit);
    cJSON_AddBoolToObject(object, "required", is_required(setting));
    if (has_default(setting))
        cJSON_AddStringToObject(object, "default", setting->fallback);
    else
        cJSON_AddNullToObject(object, "default");
    cJSON_AddStringToObject(object, "allowed", allowed);
    if (setting->choices != NULL)
        cJSON_AddItemToObject(object, "choices", choices_json(setting->choices));
    cJSON_AddBoolToObject(object, "restart", setting->restart);
    cJSON_AddBoolToObject(object, "classic", setting->classic);
    cJSON_AddStringToObject(object, "help", setting->help);
    return object;
}

void explain_json(FILE *file)
{
    cJSON *array = cJSON_CreateArray();
    size_t count;
    const struct setting *all = settings(&count);
    char *text;

    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, setting_json(&all[i]));
    text = cJSON_Print(array);
    fprintf(file, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(array);
}

void explain_markdown(FILE *file)
{
    size_t count;
    const struct setting *all = settings(&count);
    char allowed[SETTING_ALLOWED_SIZE];

    fprintf(file, "| setting | section | unit | allowed | default | what it does |\n"
                  "| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        const char *quote = has_default(&all[i]) ? "`" : "";

        setting_allowed(&all[i], allowed);
        fprintf(file, "| `%s` | %s | %s | %s | %s%s%s | %s%s |\n", all[i].name,
                all[i].scope == SCOPE_SERVICE ? "service" : "defaults, stream", all[i].unit, allowed, quote,
                shown_default(&all[i]), quote, all[i].help, note(&all[i]));
    }
}

static void print_conf_setting(FILE *file, const struct setting *setting)
{
    char allowed[SETTING_ALLOWED_SIZE];

    setting_allowed(setting, allowed);
    fprintf(file, "\n# %s%s\n# %s", setting->help, note(setting), allowed);
    if (strstr(allowed, setting->unit) == NULL)
        fprintf(file, " (%s)", setting->unit);
    fprintf(file, "; ");
    if (has_default(setting))
        fprintf(file, "default %s\n", setting->fallback);
    else
        fprintf(file, "%s\n", is_required(setting) ? "must be given" : "may be left out");
    fprintf(file, "%s%s = %s\n", is_optional(setting) ? "# " : "", setting->name,
            setting->example != NULL ? setting->example : setting->fallback);
}

static void print_conf_section(FILE *file, const char *title, enum setting_scope scope)
{
    size_t count;
    const struct setting *all = settings(&count);

    fprintf(file, "\n%s\n", title);
    for (size_t i = 0; i < count; i++) {
        if (all[i].scope == scope)
            print_conf_setting(file, &all[i]);
    }
}

void explain_conf(FILE *file)
{
    fprintf(file,
            "# streams.conf - every setting with its default.\n"
            "#\n"
            "# `key = value`; a comment begins with '#' or ';'.  A percentage ends with '%%', a duration\n"
            "# with ms, s, m, h or d.  `kinescale check` names everything that is wrong with this file.\n");
    print_conf_section(file, "[service]", SCOPE_SERVICE);
    print_conf_section(file, "# For all streams; a [stream NAME] may say otherwise.\n[defaults]",
                       SCOPE_STREAM);
    fprintf(file, "\n# By the rules above: alarms at 80 %%, shards given back after a day below 50 %%.\n"
                  "[stream user-events]\n"
                  "policy         = classic\n"
                  "min_shards     = 2\n"
                  "max_shards     = 64\n"
                  "desired_shards = 4\n"
                  "\n"
                  "# By its own demand, minute by minute.\n"
                  "[stream page-views]\n"
                  "max_shards = 32\n"
                  "\n"
                  "# Its load comes in steps: more room above, more proof before shards are given back.\n"
                  "[stream audit-log]\n"
                  "policy               = classic\n"
                  "max_shards           = 8\n"
                  "scale_up_threshold   = 70%%\n"
                  "target_utilization   = 45%%\n"
                  "scale_down_threshold = 30%%\n"
                  "scale_down_window    = 3d\n");
}
