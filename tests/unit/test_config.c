/*
 * streams.conf: what parses, what is refused and with which words.
 */
#include "base/memory.h"
#include "base/text.h"
#include "scaling/config.h"
#include "scaling/settings.h"
#include "support.h"

#include <dirent.h>

#define BAD "tests/data/bad-config"

static struct config *parsed;
static struct fault_list faults;

static void forget(void)
{
    config_free(parsed);
    parsed = NULL;
    fault_list_clear(&faults);
}

static int parse(const char *text)
{
    struct error err = {0};

    forget();
    return config_parse(text, strlen(text), "test.conf", &parsed, &faults, &err);
}

static void must_parse(const char *text)
{
    int result = parse(text);

    ck_assert_msg(result == 0, "%s", faults.count > 0 ? faults.texts[0] : "refused without a fault");
    ck_assert_ptr_nonnull(parsed);
    ck_assert_uint_eq(faults.count, 0);
}

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:kinescale"
#define SERVICE "[service]\ntopic_arn = " TOPIC "\n"

START_TEST(the_least_file_gets_every_default)
{
    must_parse(SERVICE "[stream orders]\n");

    ck_assert_str_eq(parsed->service.database, "kinescale.db");
    ck_assert_str_eq(parsed->service.listen, "127.0.0.1:8080");
    ck_assert_str_eq(parsed->service.admin_listen, "127.0.0.1:8081");
    ck_assert_str_eq(parsed->service.region, "");
    ck_assert_str_eq(parsed->service.profile, "");
    ck_assert_uint_eq(parsed->service.topic_count, 1);
    ck_assert_str_eq(parsed->service.topic_arns[0], TOPIC);
    ck_assert_str_eq(parsed->service.tls_certificate, "");
    ck_assert_str_eq(parsed->service.tls_key, "");
    ck_assert_int_eq(parsed->service.workers, 4);
    ck_assert_int_eq(parsed->service.reconcile_every_ms, 300000);
    ck_assert_int_eq(parsed->service.scale_down_schedule, SCHEDULE_OFF);
    ck_assert_str_eq(parsed->service.log_level, "info");
    ck_assert_uint_eq(parsed->stream_count, 1);

    const struct stream_config *stream = &parsed->streams[0];

    ck_assert_str_eq(stream->name, "orders");
    ck_assert_int_eq(stream->line, 3);
    ck_assert_int_eq(stream->min_shards, 1);
    ck_assert_int_eq(stream->max_shards, 16);
    ck_assert_int_eq(stream->desired_shards, 1);
    ck_assert_double_eq(stream->scale_up_threshold, 0.8);
    ck_assert_double_eq(stream->target_utilization, 0.6);
    ck_assert_int_eq(stream->cooldown_ms, 300000);
    ck_assert_double_eq(stream->scale_down_threshold, 0.5);
    ck_assert_int_eq(stream->scale_down_every_ms, 129600000);
    ck_assert_int_eq(stream->scale_down_window_ms, 86400000);
    ck_assert_int_eq(stream->alarm_level, ALARM_LEVEL_STREAM);
    ck_assert_int_eq(stream->alarm_period_ms, 60000);
    ck_assert_int_eq(stream->resharding, RESHARDING_AUTO);
    ck_assert_int_eq(stream->threshold_basis, BASIS_EFFECTIVE);
    ck_assert_int_eq(stream->missing_data, MISSING_AUTO);
    forget();
}
END_TEST

START_TEST(every_setting_of_the_service_reaches_its_member)
{
    must_parse("[service]\n"
               "database = /var/lib/kinescale/state.db\n"
               "listen = [::1]:8443\n"
               "admin_listen = localhost:0\n"
               "region = us-gov-west-1\n"
               "profile = night shift\n"
               "topic_arn = arn:aws-us-gov:sns:us-gov-west-1:000000000001:one , "
               "arn:aws-us-gov:sns:us-gov-west-1:000000000001:two_2-b\n"
               "tls_certificate = a.crt\n"
               "tls_key = a.key\n"
               "workers = 64\n"
               "reconcile_every = 90s\n"
               "scale_down_schedule = internal\n"
               "log_level = debug\n"
               "[stream orders]\n");
    ck_assert_str_eq(parsed->service.database, "/var/lib/kinescale/state.db");
    ck_assert_str_eq(parsed->service.listen, "[::1]:8443");
    ck_assert_str_eq(parsed->service.admin_listen, "localhost:0");
    ck_assert_str_eq(parsed->service.region, "us-gov-west-1");
    ck_assert_str_eq(parsed->service.profile, "night shift");
    ck_assert_uint_eq(parsed->service.topic_count, 2);
    ck_assert_str_eq(parsed->service.topic_arns[1], "arn:aws-us-gov:sns:us-gov-west-1:000000000001:two_2-b");
    ck_assert_str_eq(parsed->service.tls_certificate, "a.crt");
    ck_assert_str_eq(parsed->service.tls_key, "a.key");
    ck_assert_int_eq(parsed->service.workers, 64);
    ck_assert_int_eq(parsed->service.reconcile_every_ms, 90000);
    ck_assert_int_eq(parsed->service.scale_down_schedule, SCHEDULE_INTERNAL);
    ck_assert_str_eq(parsed->service.log_level, "debug");
    ck_assert(config_has_topic(parsed, "arn:aws-us-gov:sns:us-gov-west-1:000000000001:one"));
    ck_assert(!config_has_topic(parsed, "arn:aws-us-gov:sns:us-gov-west-1:000000000001:on"));
    ck_assert(!config_has_topic(parsed, ""));
    forget();
}
END_TEST

START_TEST(a_stream_overrides_the_defaults_wherever_they_stand)
{
    must_parse("[stream orders]\n"
               "max_shards = 64\n"
               "scale_up_threshold = 72.5%\n"
               "target_utilization = 55%\n"
               "scale_down_threshold = 20%\n"
               "cooldown = 90s\n"
               "scale_down_every = 2h\n"
               "scale_down_window = 35m\n"
               "alarm_period = 30s\n"
               "resharding = split\n"
               "threshold_basis = count\n"
               "missing_data = unknown\n"
               "desired_shards = 7\n"
               "[stream billing]\n"
               "[defaults]\n"
               "min_shards = 3\n"
               "max_shards = 32\n"
               "resharding = update-shard-count\n"
               "missing_data = idle\n" SERVICE);

    const struct stream_config *orders = &parsed->streams[0], *billing = &parsed->streams[1];

    ck_assert_int_eq(orders->min_shards, 3);
    ck_assert_int_eq(orders->max_shards, 64);
    ck_assert_int_eq(orders->desired_shards, 7);
    ck_assert_double_eq(orders->scale_up_threshold, 0.725);
    ck_assert_double_eq(orders->target_utilization, 0.55);
    ck_assert_double_eq(orders->scale_down_threshold, 0.2);
    ck_assert_int_eq(orders->cooldown_ms, 90000);
    ck_assert_int_eq(orders->scale_down_every_ms, 7200000);
    ck_assert_int_eq(orders->scale_down_window_ms, 2100000);
    ck_assert_int_eq(orders->alarm_period_ms, 30000);
    ck_assert_int_eq(orders->resharding, RESHARDING_SPLIT);
    ck_assert_int_eq(orders->threshold_basis, BASIS_COUNT);
    ck_assert_int_eq(orders->missing_data, MISSING_UNKNOWN);
    ck_assert_int_eq(billing->min_shards, 3);
    ck_assert_int_eq(billing->max_shards, 32);
    ck_assert_int_eq(billing->desired_shards, 3);
    ck_assert_int_eq(billing->resharding, RESHARDING_UPDATE);
    ck_assert_int_eq(billing->missing_data, MISSING_IDLE);
    ck_assert_str_eq(parsed->defaults.name, "");
    ck_assert_int_eq(parsed->defaults.max_shards, 32);
    ck_assert_int_eq(parsed->defaults.desired_shards, 3);
    forget();
}
END_TEST

/* Each leaves max_shards = 5 in stream "a.b" and the given database. */
static const struct {
    const char *name;
    const char *text;
    const char *database;
} layouts[] = {
    {"plain", SERVICE "database = x.db\n[stream a.b]\nmax_shards = 5\n", "x.db"},
    {"blanks do not count",
     "  [ service ]\t\n\ttopic_arn\t=\t" TOPIC "\n[\tstream \t a.b\t]\n max_shards=5 \n", "kinescale.db"},
    {"CRLF", "[service]\r\ntopic_arn = " TOPIC "\r\n\r\n[stream a.b]\r\nmax_shards = 5\r\n", "kinescale.db"},
    {"no line end at the end", SERVICE "[stream a.b]\nmax_shards = 5", "kinescale.db"},
    {"CR at the end", SERVICE "[stream a.b]\nmax_shards = 5\r", "kinescale.db"},
    {"comments after a blank", SERVICE "database = x.db # y.db\n[stream a.b] ; c\nmax_shards = 5\t# = 6\n",
     "x.db"},
    {"comments at the start of a line",
     "# a\n;b\n" SERVICE "#database = y.db\n[stream a.b]\nmax_shards = 5\n", "kinescale.db"},
    {"a comment after blanks alone", SERVICE "   # [stream x]\n[stream a.b]\nmax_shards = 5\n",
     "kinescale.db"},
    {"no comment inside a word", SERVICE "database = a#b;c.db\n[stream a.b]\nmax_shards = 5\n", "a#b;c.db"},
    {"only the first '=' divides", SERVICE "database = a=b\n[stream a.b]\nmax_shards = 5\n", "a=b"},
    {"blanks inside a value stay", SERVICE "database = my state.db\n[stream a.b]\nmax_shards = 5\n",
     "my state.db"},
    {"UTF-8 in values and comments",
     SERVICE "database = donn\xC3\xA9"
             "es.db # \xE2\x82\xAC\n[stream a.b]\nmax_shards = 5\n",
     "donn\xC3\xA9"
     "es.db"},
};

START_TEST(a_layout_is_read_as_it_looks)
{
    must_parse(layouts[_i].text);
    ck_assert_msg(parsed->stream_count == 1 && parsed->streams[0].max_shards == 5 &&
                      text_equal(parsed->streams[0].name, "a.b") &&
                      text_equal(parsed->service.database, layouts[_i].database),
                  "%s: database '%s'", layouts[_i].name, parsed->service.database);
    forget();
}
END_TEST

static const struct {
    const char *key, *value;
    bool allowed;
} values[] = {
    {"listen", "0.0.0.0:1", true},
    {"listen", "example.org:65535", true},
    {"listen", "[2001:db8::1]:80", true},
    {"listen", "[::]:80", true},
    {"listen", "127.0.0.1:65536", false},
    {"listen", "1.2.3:80", false},
    {"listen", "[::g]:80", false},
    {"listen", "[]:80", false},
    {"listen", "[:80", false},
    {"listen", "a b:80", false},
    {"listen", "host:", false},
    {"listen", "host:-1", false},
    {"listen", "host:+80", false},
    {"listen", ".host:80", false},
    {"region", "eu-west-1", true},
    {"region", "ap-southeast-12", true},
    {"region", "us-iso-east-1", true},
    {"region", "eu-west", false},
    {"region", "eu-1", false},
    {"region", "eu--west-1", false},
    {"region", "EU-WEST-1", false},
    {"region", "eu-west-1a", false},
    {"region", "-eu-west-1", false},
    {"region", "eu-west-", false},
    {"log_level", "warn", true},
    {"log_level", "warning", false},
    {"log_level", "debug|info", false},
    {"workers", "064", true},
    {"workers", "65", false},
    {"reconcile_every", "999ms", false},
    {"reconcile_every", "1000ms", true},
    {"reconcile_every", "61m", false},
    {"scale_down_schedule", "internal", true},
    {"scale_down_schedule", "cron", false},
};

START_TEST(a_value_of_the_service_is_checked)
{
    SCOPED(free_text)
    char *text =
        must_printf("[service]\ntopic_arn = " TOPIC "\nadmin_listen = 127.0.0.1:9999\n%s = %s\n[stream a]\n",
                    values[_i].key, values[_i].value);
    SCOPED(free_text) char *wanted = must_printf("test.conf:4: %s must be ", values[_i].key);
    bool allowed = parse(text) == 0;

    /* Another region than the topic's is another fault. */
    if (!allowed && faults.count == 1 && strstr(faults.texts[0], "topic_arn must hold") != NULL)
        allowed = true;
    ck_assert_msg(allowed == values[_i].allowed, "%s = %s", values[_i].key, values[_i].value);
    if (!allowed)
        ck_assert_msg(faults.count == 1 && text_starts_with(faults.texts[0], wanted), "%s", faults.texts[0]);
    forget();
}
END_TEST

static const struct {
    const char *address;
    bool token_needed;
} admin_addresses[] = {
    {"127.0.0.1:8081", false},
    {"127.9.8.7:8081", false},
    {"localhost:8081", false},
    {"LocalHost:0", false},
    {"[::1]:8081", false},
    {"[0:0:0:0:0:0:0:1]:8081", false},
    {"0.0.0.0:8081", true},
    {"[::]:8081", true},
    {"10.0.0.7:8081", true},
    {"192.0.2.1:8081", true},
    {"[2001:db8::1]:8081", true},
    {"[fe80::1]:8081", true},
    {"[::ffff:10.0.0.7]:8081", true},
    {"127.example.com:8081", true}, /* a name that looks like it */
    {"localhost.example.com:8081", true},
    {"scaling.example.com:8081", true},
};

START_TEST(an_admin_address_that_others_reach_needs_a_token)
{
    const char *const lines[] = {"", "admin_token_file = admin.token\n"};

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        SCOPED(free_text)
        char *text = must_printf("[service]\ntopic_arn = " TOPIC "\n%sadmin_listen = %s\n[stream a]\n",
                                 lines[i], admin_addresses[_i].address);
        bool refused = parse(text) < 0;

        ck_assert_msg(refused == (admin_addresses[_i].token_needed && i == 0), "%s", text);
        if (refused)
            ck_assert_msg(faults.count == 1 && strstr(faults.texts[0], "unless admin_token_file is given"),
                          "%s", faults.texts[0]);
        forget();
    }
}
END_TEST

/* ---- what is refused */

static struct dirent **bad_files;
static int bad_count;

static int is_conf(const struct dirent *entry)
{
    return text_ends_with(entry->d_name, ".conf");
}

static char *joined_faults(void)
{
    char *all = must_strdup("");

    for (size_t i = 0; i < faults.count; i++) {
        SCOPED(free_text) char *before = all;

        all = must_printf("%s%s\n", before, faults.texts[i]);
    }
    return all;
}

START_TEST(a_bad_file_is_refused_with_exactly_these_words)
{
    const char *name = bad_files[_i]->d_name;
    SCOPED(free_text) char *path = must_printf(BAD "/%s", name);
    SCOPED(free_text) char *expected_path = must_printf(BAD "/%.*s.expected", (int)strlen(name) - 5, name);
    SCOPED(free_text) char *expected = read_text(expected_path);
    SCOPED(free_text) char *found = NULL;
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    FILE *file = fopen(path, "re");
    size_t length;

    ck_assert_ptr_nonnull(file);
    text = must_calloc(1, 65536);
    length = fread(text, 1, 65536, file);
    fclose(file);

    ck_assert_int_eq(config_parse(text, length, name, &parsed, &faults, &err), -1);
    ck_assert_ptr_null(parsed);
    found = joined_faults();
    ck_assert_msg(strcmp(found, expected) == 0, "%s gives\n%s", name, found);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_msg(strncmp(err.message, faults.texts[0], sizeof(err.message) - 1) == 0, "%s", err.message);
    forget();
}
END_TEST

START_TEST(a_text_beyond_the_ceiling_is_refused_unread)
{
    size_t length = CONFIG_SIZE_MAX + 1;
    SCOPED(free_text) char *text = must_calloc(1, length);
    struct error err = {0};

    memset(text, '\n', length);
    ck_assert_int_eq(config_parse(text, length, "big.conf", &parsed, &faults, &err), -1);
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_str_eq(faults.texts[0], "big.conf:1: the file must have at most 4194304 bytes, not 4194305");
    forget();
}
END_TEST

START_TEST(more_streams_than_the_ceiling_are_refused)
{
    static const char line[] = "[stream s%06d]\n";
    size_t size = (CONFIG_STREAMS_MAX + 1) * 20 + sizeof(SERVICE);
    SCOPED(free_text) char *text = must_calloc(1, size);
    size_t length = (size_t)snprintf(text, size, SERVICE);

    for (int i = 0; i < CONFIG_STREAMS_MAX + 1; i++)
        length += (size_t)snprintf(text + length, size - length, line, i);
    ck_assert_int_eq(parse(text), -1);
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_str_eq(faults.texts[0], "test.conf:100003: there are more than 100000 streams");
    forget();
}
END_TEST

START_TEST(a_file_is_loaded_or_named)
{
    const char *directory = temporary_directory();
    SCOPED(free_text) char *path = must_printf("%s/streams.conf", directory);
    SCOPED(free_text) char *prefix = must_printf("%s:4: ", path);
    struct error err = {0};

    ck_assert_int_eq(config_load(path, &parsed, &faults, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_str_eq(faults.texts[0], err.message);
    ck_assert_ptr_nonnull(strstr(faults.texts[0], "No such file"));
    forget();

    ck_assert_int_eq(config_load(directory, &parsed, &faults, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_uint_eq(faults.count, 1);
    forget();

    write_text(path, SERVICE "[stream orders]\nmax_shards = 0\n");
    ck_assert_int_eq(config_load(path, &parsed, &faults, &err), -1);
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_msg(text_starts_with(faults.texts[0], prefix), "%s", faults.texts[0]);
    forget();

    write_text(path, SERVICE "[stream orders]\nmax_shards = 9\n");
    ck_assert_int_eq(config_load(path, &parsed, &faults, &err), 0);
    ck_assert_int_eq(parsed->streams[0].max_shards, 9);
    forget();
}
END_TEST

/* ---- finding streams */

START_TEST(ten_thousand_streams_are_found_by_name)
{
    enum { STREAMS = 10000 };
    size_t size = STREAMS * 40 + sizeof(SERVICE);
    SCOPED(free_text) char *text = must_calloc(1, size);
    size_t length = (size_t)snprintf(text, size, SERVICE);
    char name[32];

    for (int i = 0; i < STREAMS; i++) /* in no order of names: 7919 is prime to 10000 */
        length += (size_t)snprintf(text + length, size - length, "[stream s%d]\nmax_shards = %d\n",
                                   i * 7919 % STREAMS, i + 1);
    must_parse(text);
    ck_assert_uint_eq(parsed->stream_count, STREAMS);
    for (int i = 0; i < STREAMS; i++) {
        const struct stream_config *found;

        snprintf(name, sizeof(name), "s%d", i * 7919 % STREAMS);
        found = config_find(parsed, name);
        ck_assert_ptr_eq(found, &parsed->streams[i]);
        ck_assert_int_eq(found->max_shards, i + 1);
        /* Halving needs this order. */
        if (i > 0)
            ck_assert_int_lt(strcmp(parsed->by_name[i - 1]->name, parsed->by_name[i]->name), 0);
    }
    ck_assert_ptr_null(config_find(parsed, "s10000"));
    ck_assert_ptr_null(config_find(parsed, ""));
    ck_assert_ptr_null(config_find(parsed, "S1"));
    forget();
}
END_TEST

START_TEST(no_text_at_all_is_refused)
{
    struct error err = {0};

    ck_assert_int_eq(config_parse(NULL, 0, "f", &parsed, &faults, &err), -1);
    ck_assert_uint_eq(faults.count, 2);
    forget();
}
END_TEST

static Suite *suite(void)
{
    Suite *config = suite_create("config");
    TCase *good = tcase_create("accepted");
    TCase *bad = tcase_create("refused");

    tcase_add_test(good, the_least_file_gets_every_default);
    tcase_add_test(good, every_setting_of_the_service_reaches_its_member);
    tcase_add_test(good, a_stream_overrides_the_defaults_wherever_they_stand);
    tcase_add_loop_test(good, a_layout_is_read_as_it_looks, 0, COUNT_OF(layouts));
    tcase_add_test(good, ten_thousand_streams_are_found_by_name);
    suite_add_tcase(config, good);

    tcase_add_loop_test(bad, a_bad_file_is_refused_with_exactly_these_words, 0, bad_count);
    tcase_add_loop_test(bad, a_value_of_the_service_is_checked, 0, COUNT_OF(values));
    tcase_add_loop_test(bad, an_admin_address_that_others_reach_needs_a_token, 0, COUNT_OF(admin_addresses));
    tcase_add_test(bad, a_text_beyond_the_ceiling_is_refused_unread);
    tcase_add_test(bad, more_streams_than_the_ceiling_are_refused);
    tcase_add_test(bad, a_file_is_loaded_or_named);
    tcase_add_test(bad, no_text_at_all_is_refused);
    suite_add_tcase(config, bad);
    return config;
}

int main(void)
{
    int result;

    bad_count = scandir(BAD, &bad_files, is_conf, alphasort);
    if (bad_count < 50) {
        fprintf(stderr, "only %d files in " BAD "\n", bad_count);
        return 1;
    }
    result = run_suite(suite());
    for (int i = 0; i < bad_count; i++)
        free(bad_files[i]);
    free(bad_files);
    return result;
}
