/*
 * Sections that speak of many streams, and what another configuration changes.
 */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"
#include "scaling/config.h"
#include "scaling/settings.h"
#include "support.h"

#include <stdarg.h>

#define SERVICE "[service]\ntopic_arn = arn:aws:sns:eu-west-1:123456789012:kinescale\n"

static struct config *parse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* NULL when it is refused. */
static struct config *parse(const char *format, ...)
{
    SCOPED(fault_list_clear) struct fault_list faults = {0};
    struct config *config = NULL;
    struct error err = {0};
    char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    ck_assert_int_ge(vasprintf(&text, format, arguments), 0);
    va_end(arguments);
    (void)config_parse(text, strlen(text), "test.conf", &config, &faults, &err);
    free(text);
    return config;
}

static struct names names_of(const char *words)
{
    struct names names = {0};
    SCOPED(free_text) char *copy = must_strdup(words);
    char *rest = copy;

    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " "))
        names_add(&names, word);
    return names;
}

/* One max_shards for each section, so that one can tell which holds. */
static const char sections[] = SERVICE "[stream *]\nmax_shards = 101\n"
                                       "[stream orders-*]\nmax_shards = 102\n"
                                       "[stream orders-eu-*]\nmax_shards = 103\n"
                                       "[stream orders-eu-1]\nmax_shards = 104\n"
                                       "[stream *-archive]\nmax_shards = 105\n"
                                       "[stream a*b*c]\nmax_shards = 106\n";

static const struct {
    const char *stream;
    int64_t max;
} resolved[] = {
    {"orders", 101},         {"orders-", 102},       {"orders-us-1", 102},
    {"orders-eu-1", 104},    {"orders-eu-10", 103},  {"orders-eu-", 103},
    {"my-orders-eu-1", 101}, {"bills-archive", 105}, {"-archive", 105},
    {"archive", 101},        {"abc", 106},           {"axxbxbyyc", 106},
    {"abcx", 101},           {"acb", 101},
};

START_TEST(the_most_exact_section_holds)
{
    struct config *config = parse("%s", sections);
    struct stream_config room;
    const struct stream_config *found = config_resolve(config, resolved[_i].stream, &room);

    ck_assert_ptr_nonnull(found);
    ck_assert_msg(found->max_shards == resolved[_i].max, "%s: %lld", resolved[_i].stream,
                  (long long)found->max_shards);
    ck_assert_str_eq(found->name, resolved[_i].stream);
    config_free(config);
}
END_TEST

START_TEST(what_is_no_streams_name_or_matches_nothing_is_not_covered)
{
    struct config *config = parse(SERVICE "[stream orders-*]\n");

    ck_assert(config_covers(config, "orders-1"));
    ck_assert(!config_covers(config, "orders"));
    ck_assert(!config_covers(config, ""));
    ck_assert(!config_covers(config, "orders-*"));
    ck_assert(!config_covers(config, "orders-1 "));
    ck_assert(!config_covers(config, ":unknown"));
    ck_assert_uint_eq(config->stream_count, 0); /* a file of patterns alone is a file */
    config_free(config);
}
END_TEST

/* Names of up to six letters; patterns of up to three characters besides '*' need no longer ones. */
static bool matches_by_brute_force(const char *pattern, const char *name)
{
    if (*pattern == '\0')
        return *name == '\0';
    if (*pattern == '*')
        return matches_by_brute_force(pattern + 1, name) ||
               (*name != '\0' && matches_by_brute_force(pattern, name + 1));
    return *pattern == *name && matches_by_brute_force(pattern + 1, name + 1);
}

static bool share_a_name(const char *one, const char *other)
{
    for (int length = 1; length <= 6; length++) {
        for (int bits = 0; bits < 1 << length; bits++) {
            char name[7] = "";

            for (int i = 0; i < length; i++)
                name[i] = (bits >> i & 1) ? 'b' : 'a';
            if (matches_by_brute_force(one, name) && matches_by_brute_force(other, name))
                return true;
        }
    }
    return false;
}

/* All patterns of two letters and at least one '*', at most five characters long. */
static size_t all_patterns(char (*patterns)[6])
{
    size_t count = 0;

    for (int code = 0; code < 3 * 3 * 3 * 3 * 3; code++) {
        char pattern[6] = "";
        int letters = 0;

        for (int i = 0, rest = code; i < 5; i++, rest /= 3)
            pattern[i] = "*ab"[rest % 3];
        for (int i = 0; i < 5; i++)
            letters += pattern[i] != '*';
        if (letters == 2)
            (void)memcpy(patterns[count++], pattern, sizeof(pattern));
    }
    return count;
}

START_TEST(two_equally_exact_patterns_are_refused_exactly_when_a_name_can_match_both)
{
    char patterns[3 * 3 * 3 * 3 * 3][6];
    size_t count = all_patterns(patterns), refused = 0, taken = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            struct config *config;
            bool shared;

            if (i == j)
                continue;
            shared = share_a_name(patterns[i], patterns[j]);
            config = parse(SERVICE "[stream %s]\n[stream %s]\n", patterns[i], patterns[j]);
            ck_assert_msg((config == NULL) == shared, "%s and %s", patterns[i], patterns[j]);
            refused += shared;
            taken += !shared;
            config_free(config);
        }
    }
    ck_assert_uint_gt(refused, 100);
    ck_assert_uint_gt(taken, 100);
}
END_TEST

START_TEST(found_streams_follow_those_of_the_file_by_name_and_each_once)
{
    struct config *config =
        parse(SERVICE "[stream zebra]\n[stream orders-*]\nmin_shards = 3\n[stream orders-9]\n");
    struct names names = names_of("zebra orders-2 bills orders-9 orders-1 orders-2 orders-");
    struct config *with = config_with_found(config, &names);
    static const char *const expected[] = {"zebra", "orders-9", "orders-", "orders-1", "orders-2"};

    config_free(config); /* nothing of it is borrowed */
    ck_assert_ptr_nonnull(with);
    ck_assert_uint_eq(with->stream_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        ck_assert_str_eq(with->streams[i].name, expected[i]);
        ck_assert_str_eq(with->streams[i].pattern, i < 2 ? "" : "orders-*");
        ck_assert_ptr_eq(config_find(with, expected[i]), &with->streams[i]);
    }
    ck_assert_int_eq(with->streams[4].min_shards, 3);
    ck_assert_int_eq(with->streams[4].desired_shards, 3);
    ck_assert_ptr_null(config_with_found(with, &names)); /* the same again */
    names_clear(&names);

    names = names_of("orders-1");
    config = config_with_found(with, &names);
    ck_assert_uint_eq(config->stream_count, 3);
    ck_assert_ptr_null(config_find(config, "orders-2"));
    names_clear(&names);
    config_free(config);
    config_free(with);
}
END_TEST

START_TEST(a_file_has_at_most_so_many_patterns)
{
    for (int more = 0; more < 2; more++) {
        struct buffer text;
        struct error err = {0};
        struct config *config;

        buffer_init(&text, 100000);
        for (int i = 0; i < CONFIG_PATTERNS_MAX + more; i++)
            ck_assert_int_eq(buffer_printf(&text, &err, "[stream s%03d-*]\n", i), 0);
        config = parse(SERVICE "%s", buffer_text(&text));
        ck_assert((config != NULL) == (more == 0));
        config_free(config);
        buffer_clear(&text);
    }
}
END_TEST

START_TEST(a_configuration_lives_as_long_as_its_last_holder)
{
    struct config *config = parse(SERVICE "[stream orders]\n");
    struct config *second = config_hold(config);

    ck_assert_ptr_eq(config, second);
    config_free(config);
    ck_assert_str_eq(second->streams[0].name, "orders");
    config_free(second);
}
END_TEST

/* ---- what another configuration changes */

static void note(void *context, const struct config_change *change)
{
    static const char *const kinds[] = {[CHANGE_ADDED] = "added", [CHANGE_REMOVED] = "removed"};
    struct error err = {0};

    if (change->kind == CHANGE_SETTING)
        ck_assert_int_eq(buffer_printf(context, &err, "%s.%s: %s -> %s%s\n", change->section, change->setting,
                                       change->from, change->to, change->restart ? " (restart)" : ""),
                         0);
    else
        ck_assert_int_eq(buffer_printf(context, &err, "%s: %s\n", change->section, kinds[change->kind]), 0);
}

static const struct {
    const char *before, *after, *changes;
} changes[] = {
    {"[stream a]\n", "[stream a]\n", ""},
    {"[stream a]\n", "[stream a]\nmin_shards = 1\n", ""}, /* the same by default */
    {"[stream a]\nmax_shards = 8\n", "[defaults]\ncooldown = 90s\n[stream a]\nmax_shards = 9\n",
     "a.max_shards: 8 -> 9\na.cooldown: 5m -> 90s\n"},
    {"[stream a]\n[stream b]\n", "[stream b]\n[stream c]\n", "a: removed\nc: added\n"},
    {"[stream a]\n", "[stream a]\nresharding = split\nscale_up_threshold = 90%\n",
     "a.scale_up_threshold: 80% -> 90%\na.resharding: auto -> split\n"},
    {"[stream a-*]\n", "[stream a-*]\nmax_shards = 20\n[stream b-*]\n",
     "a-*.max_shards: 16 -> 20\nb-*: added\n"},
    {"[stream b-*]\n[stream a]\n", "[stream a]\n", "b-*: removed\n"},
    /* a section of its own instead of a pattern, and back */
    {"[stream a*]\n", "[stream a*]\n[stream a1]\nmax_shards = 4\n", "a1.max_shards: 16 -> 4\n"},
    {"[stream a*]\n[stream a1]\nmax_shards = 4\n", "[stream a*]\n", "a1.max_shards: 4 -> 16\n"},
    {"workers = 4\n[stream a]\n", "workers = 5\nreconcile_every = 1m\nlisten = 0.0.0.0:80\n[stream a]\n",
     "service.listen: 127.0.0.1:8080 -> 0.0.0.0:80 (restart)\nservice.workers: 4 -> 5 (restart)\n"
     "service.reconcile_every: 5m -> 1m\n"},
};

START_TEST(each_change_is_named_with_both_values)
{
    struct config *before = parse(SERVICE "%s", changes[_i].before);
    struct config *after = parse(SERVICE "%s", changes[_i].after);
    struct names existing = names_of("a1");
    struct config *with = config_with_found(before, &existing);
    struct buffer text;

    ck_assert(before != NULL && after != NULL);
    buffer_init(&text, 100000);
    config_compare(with != NULL ? with : before, after, note, &text);
    ck_assert_str_eq(buffer_text(&text), changes[_i].changes);
    buffer_clear(&text);
    names_clear(&existing);
    config_free(with);
    config_free(before);
    config_free(after);
}
END_TEST

START_TEST(a_change_of_topics_shows_the_whole_list)
{
    struct config *before = parse(SERVICE "[stream a]\n");
    struct config *after = parse("[service]\ntopic_arn = arn:aws:sns:eu-west-1:123456789012:kinescale, "
                                 "arn:aws:sns:eu-west-1:123456789012:other\n[stream a]\n");
    struct buffer text;

    buffer_init(&text, 100000);
    config_compare(before, after, note, &text);
    ck_assert_str_eq(buffer_text(&text), "service.topic_arn: arn:aws:sns:eu-west-1:123456789012:kinescale -> "
                                         "arn:aws:sns:eu-west-1:123456789012:kinescale, "
                                         "arn:aws:sns:eu-west-1:123456789012:other\n");
    buffer_clear(&text);
    config_free(before);
    config_free(after);
}
END_TEST

START_TEST(what_needs_a_restart_stays_as_it_was)
{
    struct config *running = parse(SERVICE "listen = 127.0.0.1:1\nworkers = 2\nhistory = 60d\n[stream a]\n");
    struct config *config = parse(SERVICE "listen = 127.0.0.1:2\nworkers = 3\nhistory = 70d\n[stream a]\n");

    config_keep_restart_settings(config, running);
    ck_assert_str_eq(config->service.listen, "127.0.0.1:1");
    ck_assert_int_eq(config->service.workers, 2);
    ck_assert_int_eq(config->service.history_ms, INT64_C(70) * 24 * 3600 * 1000);
    config_free(running);
    config_free(config);
}
END_TEST

/* What `check --explain` calls a setting's default is how its value is written. */
START_TEST(every_default_is_written_as_it_is_read)
{
    struct config *config = parse(SERVICE "[stream a]\n");
    size_t count;
    const struct setting *all = settings(&count);

    for (size_t i = 0; i < count; i++) {
        char text[SETTING_VALUE_SIZE];
        int64_t written_ms, read_ms;

        setting_format(&all[i],
                       all[i].scope == SCOPE_SERVICE ? (const void *)&config->service : &config->streams[0],
                       text);
        if (all[i].fallback == NULL || strcmp(all[i].name, "desired_shards") == 0)
            continue;
        if (number_parse_duration(all[i].fallback, &read_ms)) /* 24h is written 1d */
            ck_assert_msg(number_parse_duration(text, &written_ms) && written_ms == read_ms, "%s: %s",
                          all[i].name, text);
        else
            ck_assert_msg(strcmp(text, all[i].fallback) == 0, "%s: %s", all[i].name, text);
    }
    config_free(config);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("patterns");
    TCase *tcase = tcase_create("patterns");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, the_most_exact_section_holds, 0, COUNT_OF(resolved));
    tcase_add_test(tcase, what_is_no_streams_name_or_matches_nothing_is_not_covered);
    tcase_add_test(tcase, two_equally_exact_patterns_are_refused_exactly_when_a_name_can_match_both);
    tcase_add_test(tcase, found_streams_follow_those_of_the_file_by_name_and_each_once);
    tcase_add_test(tcase, a_file_has_at_most_so_many_patterns);
    tcase_add_test(tcase, a_configuration_lives_as_long_as_its_last_holder);
    tcase_add_loop_test(tcase, each_change_is_named_with_both_values, 0, COUNT_OF(changes));
    tcase_add_test(tcase, a_change_of_topics_shows_the_whole_list);
    tcase_add_test(tcase, what_needs_a_restart_stays_as_it_was);
    tcase_add_test(tcase, every_default_is_written_as_it_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
