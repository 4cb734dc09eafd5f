/*
 * The table of settings is sound, and what is printed from it is what stands in the tree.
 */
#include "base/memory.h"
#include "base/text.h"
#include "cli/explain.h"
#include "scaling/config.h"
#include "scaling/settings.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <ctype.h>

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:kinescale"

static const struct setting *all;
static size_t count;

/* Does `key = value` parse on its own?  Faults of comparing it with other settings do not count. */
static bool is_value(const struct setting *setting, const char *value)
{
    const char *topic = text_equal(setting->name, "topic_arn") ? "" : "topic_arn = " TOPIC "\n";
    SCOPED(free_text)
    char *text = setting->scope == SCOPE_SERVICE
                     ? must_printf("[stream a]\n[service]\n%s%s = %s\n", topic, setting->name, value)
                     : must_printf("[service]\n%s[stream a]\n%s = %s\n", topic, setting->name, value);
    char allowed[SETTING_ALLOWED_SIZE];
    SCOPED(free_text) char *refusal = NULL;
    struct config *config = NULL;
    struct fault_list faults;
    struct error err = {0};
    bool accepted = true;

    setting_allowed(setting, allowed);
    refusal = must_printf("%s must be %s, not '%s'", setting->name, allowed, value);
    (void)config_parse(text, strlen(text), "f", &config, &faults, &err);
    for (size_t i = 0; i < faults.count; i++)
        accepted = accepted && strstr(faults.texts[i], refusal) == NULL;
    fault_list_clear(&faults);
    config_free(config);
    return accepted;
}

START_TEST(a_row_is_sound)
{
    const struct setting *row = &all[_i];
    char allowed[SETTING_ALLOWED_SIZE];
    size_t limit = row->scope == SCOPE_SERVICE ? sizeof(struct service_config) : sizeof(struct stream_config);

    setting_allowed(row, allowed);
    ck_assert_ptr_eq(setting_find(row->name), row); /* no other of that name */
    ck_assert_uint_le(row->offset + row->size, limit);
    ck_assert_uint_lt(strlen(allowed), sizeof(allowed) - 1);
    ck_assert_uint_gt(strlen(allowed), 0);
    ck_assert_ptr_nonnull(row->unit);
    ck_assert_msg(isupper((unsigned char)row->help[0]) && text_ends_with(row->help, "."), "%s", row->help);
    ck_assert_msg(strchr(row->help, '|') == NULL, "%s breaks the table in README.md", row->name);
    ck_assert_msg((row->choices != NULL) == (row->type == TYPE_CHOICE || row->type == TYPE_WORD), "%s",
                  row->name);
    /* The sample needs a value to show. */
    ck_assert(row->example != NULL || (row->fallback != NULL && *row->fallback != '\0'));
    if (row->fallback != NULL && *row->fallback != '\0')
        ck_assert_msg(is_value(row, row->fallback), "%s = %s", row->name, row->fallback);
    if (row->example != NULL)
        ck_assert_msg(is_value(row, row->example), "%s = %s", row->name, row->example);
}
END_TEST

START_TEST(a_number_is_accepted_up_to_its_bounds_and_no_further)
{
    static const struct {
        enum setting_type type;
        double scale, step;
        const char *unit;
    } forms[] = {{TYPE_COUNT, 1, 1, ""}, {TYPE_PERCENT, 100, 1, "%"}, {TYPE_DURATION, 1, 1, "ms"}};
    const struct setting *row = &all[_i];

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        double low = row->minimum * forms[i].scale, high = row->maximum * forms[i].scale;
        double step = row->step > 0 ? row->step : forms[i].step;
        const struct {
            double value;
            bool allowed;
        } cases[] = {{low, true},
                     {low + step, true},
                     {high, true},
                     {high - step, true},
                     {high + step, false},
                     {low - step, false},
                     {low + step / 2, row->step <= 0 && row->type != TYPE_COUNT}};

        for (size_t j = 0; forms[i].type == row->type && j < COUNT_OF(cases); j++) {
            SCOPED(free_text) char *value = must_printf("%.15g%s", cases[j].value, forms[i].unit);

            if (row->type == TYPE_DURATION && cases[j].value != (double)(int64_t)cases[j].value)
                continue; /* half a millisecond is no duration */
            ck_assert_msg(is_value(row, value) == cases[j].allowed, "%s = %s", row->name, value);
        }
    }
}
END_TEST

START_TEST(every_choice_is_accepted_and_named)
{
    const struct setting *row = &all[_i];
    SCOPED(free_text) char *choices = must_strdup(row->choices);
    char allowed[SETTING_ALLOWED_SIZE];
    char *cursor = choices;
    const char *word;

    if (row->choices == NULL)
        return;
    setting_allowed(row, allowed);
    while ((word = text_split(&cursor, '|')) != NULL) {
        ck_assert_msg(is_value(row, word), "%s = %s", row->name, word);
        ck_assert_ptr_nonnull(strstr(allowed, word));
    }
    ck_assert(!is_value(row, row->choices[0] == 'x' ? "y" : "x"));
}
END_TEST

START_TEST(an_unknown_name_is_no_setting)
{
    ck_assert_ptr_null(setting_find("max_shard"));
    ck_assert_ptr_null(setting_find(""));
}
END_TEST

static char *printed(explain_fn *explain)
{
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);

    explain(file);
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

START_TEST(streams_conf_is_printed_from_the_table)
{
    SCOPED(free_text) char *expected = printed(explain_conf);
    SCOPED(free_text) char *found = read_text("streams.conf");

    ck_assert_msg(strcmp(expected, found) == 0,
                  "print it again: kinescale check --explain --output conf > streams.conf");
}
END_TEST

START_TEST(streams_conf_parses_to_the_defaults_and_three_streams)
{
    struct config *config = NULL;
    struct fault_list faults;
    struct error err = {0};

    ck_assert_msg(config_load("streams.conf", &config, &faults, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(config->stream_count, 3);
    ck_assert_str_eq(config->streams[0].name, "user-events");
    ck_assert_int_eq(config->streams[0].min_shards, 2);
    ck_assert_int_eq(config->streams[0].max_shards, 64);
    ck_assert_int_eq(config->streams[0].desired_shards, 4);
    ck_assert_int_eq(config->streams[0].policy, POLICY_CLASSIC);
    ck_assert_int_eq(config->streams[1].policy, POLICY_ADAPTIVE);
    ck_assert_int_eq(config->streams[2].max_shards, 8);
    ck_assert_double_eq(config->streams[2].target_utilization, 0.45);
    ck_assert_int_eq(config->defaults.max_shards, 16);
    ck_assert_str_eq(config->service.topic_arns[0], TOPIC);
    config_free(config);
}
END_TEST

START_TEST(every_setting_stands_in_streams_conf)
{
    SCOPED(free_text) char *text = read_text("streams.conf");

    for (size_t i = 0; i < count; i++) {
        SCOPED(free_text) char *given = must_printf("\n%s = ", all[i].name);
        SCOPED(free_text) char *commented = must_printf("\n# %s = ", all[i].name);

        ck_assert_msg(strstr(text, given) != NULL || strstr(text, commented) != NULL, "%s", all[i].name);
    }
}
END_TEST

START_TEST(the_table_in_readme_is_printed_from_the_table)
{
    static const char begin[] = "<!-- settings -->\n", end[] = "<!-- /settings -->";
    SCOPED(free_text) char *expected = printed(explain_markdown);
    SCOPED(free_text) char *readme = read_text("README.md");
    char *from = strstr(readme, begin);
    char *to;

    ck_assert_ptr_nonnull(from);
    from += strlen(begin);
    to = strstr(from, end);
    ck_assert_ptr_nonnull(to);
    *to = '\0';
    ck_assert_msg(strcmp(expected, from) == 0, "print it again: kinescale check --explain --output markdown, "
                                               "between the marks in README.md");
}
END_TEST

START_TEST(the_json_has_every_setting_with_its_members)
{
    static const char *const members[] = {"name", "scope", "unit", "required", "default", "allowed", "help"};
    SCOPED(free_text) char *text = printed(explain_json);
    cJSON *array = cJSON_Parse(text);

    ck_assert_int_eq(cJSON_GetArraySize(array), (int)count);
    for (size_t i = 0; i < count; i++) {
        const cJSON *object = cJSON_GetArrayItem(array, (int)i);

        for (size_t j = 0; j < COUNT_OF(members); j++)
            ck_assert_ptr_nonnull(cJSON_GetObjectItemCaseSensitive(object, members[j]));
        ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(object, "name")->valuestring, all[i].name);
        ck_assert_int_eq(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "required")),
                         all[i].fallback == NULL);
    }
    cJSON_Delete(array);
}
END_TEST

START_TEST(the_table_has_two_lines_for_each_setting)
{
    SCOPED(free_text) char *text = printed(explain_table);
    size_t lines = 0;

    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    ck_assert_uint_eq(lines, 1 + 2 * count);
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_nonnull(strstr(text, all[i].help));
}
END_TEST

static Suite *suite(void)
{
    Suite *explain = suite_create("explain");
    TCase *table = tcase_create("table");
    TCase *prints = tcase_create("prints");

    tcase_add_loop_test(table, a_row_is_sound, 0, (int)count);
    tcase_add_loop_test(table, a_number_is_accepted_up_to_its_bounds_and_no_further, 0, (int)count);
    tcase_add_loop_test(table, every_choice_is_accepted_and_named, 0, (int)count);
    tcase_add_test(table, an_unknown_name_is_no_setting);
    suite_add_tcase(explain, table);

    tcase_add_test(prints, streams_conf_is_printed_from_the_table);
    tcase_add_test(prints, streams_conf_parses_to_the_defaults_and_three_streams);
    tcase_add_test(prints, every_setting_stands_in_streams_conf);
    tcase_add_test(prints, the_table_in_readme_is_printed_from_the_table);
    tcase_add_test(prints, the_json_has_every_setting_with_its_members);
    tcase_add_test(prints, the_table_has_two_lines_for_each_setting);
    suite_add_tcase(explain, prints);
    return explain;
}

int main(void)
{
    all = settings(&count);
    return run_suite(suite());
}
