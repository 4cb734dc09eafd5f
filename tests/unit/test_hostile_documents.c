/*
 * Documents made to be misread, or to cost more than they are long, at every door where a stranger's may stand.
 *
 * The public JSON suite says what is JSON and what is not; the attacks are made here, and measured in CPU time.
 */
#include "../../src/aws/credentials_source.h"
#include "aws/alarm_message.h"
#include "aws/kinesis.h"
#include "aws/sns_message.h"
#include "aws/xml.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/json_check.h"
#include "base/memory.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <time.h>

/* ---- doors: 0 for a document that is taken, else -1 with the reason */

static int enter_check(const char *text, size_t length, struct error *err)
{
    return json_check(text, length, JSON_DEPTH_MAX, err);
}

static int enter_sns(const char *text, size_t length, struct error *err)
{
    struct virtual_clock clock;
    struct sns_verifier_options options = {.clock = &clock.clock};
    struct sns_verifier *verifier;
    struct sns_message message = {0};
    int result;

    clock_virtual_init(&clock, 1795248930000);
    verifier = sns_verifier_new(&options);
    result = sns_verify(verifier, text, length, "Notification", false, NULL, &message, err);
    sns_message_clear(&message);
    sns_verifier_free(verifier);
    return result;
}

static int enter_alarm(const char *text, size_t length, struct error *err)
{
    struct alarm_message message;

    return alarm_message_parse(text, length, &message, err);
}

static int enter_credentials(const char *text, size_t length, struct error *err)
{
    static const struct source_document document = {.token_name = "Token", .expires = true};
    struct credentials found = {0};
    int result = source_read_document(text, length, &document, &found, err);

    credentials_clear(&found);
    return result;
}

static int enter_answer(const char *text, size_t length, struct error *err)
{
    const struct exchange exchange = {.answer = text, .answer_length = length};
    struct conversation conversation;
    struct stream_summary summary;
    int result;

    conversation_open(&conversation, &exchange, 1);
    result = kinesis_describe_summary(conversation.client, "orders", &summary, err);
    conversation_close(&conversation);
    return result;
}

static const struct door {
    const char *name;
    int (*enter)(const char *text, size_t length, struct error *err);
    bool any_value;   /* not only objects */
    bool refuses_nul; /* in a text, as "\u0000" */
} doors[] = {
    {"json_check", enter_check, true, false},         {"the body of POST /sns", enter_sns, false, true},
    {"an alarm's message", enter_alarm, false, true}, {"credentials", enter_credentials, false, true},
    {"an answer of AWS", enter_answer, false, false},
};

/* ---- the public suite */

static const char suite_of_json[] = "malformed/json/test_parsing",
                  suite_of_xml[] = "malformed/xml/xmltestdata";

typedef void document_fn(const char *name, const char *text, size_t length);

/* How many files of a public suite there were; 0, and a line, when it is not there. */
static int for_each_document(const char *suite, const char *ending, document_fn *judge)
{
    SCOPED(free_text) char *folder = NULL;
    struct dirent *entry;
    DIR *directory;
    int count = 0;

    if (shared_data() == NULL) {
        printf("skipped: %s: no shared data\n", suite);
        return 0;
    }
    folder = must_printf("%s/%s", shared_data(), suite);
    directory = opendir(folder);
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        SCOPED(free_text) char *path = must_printf("%s/%s", folder, entry->d_name);
        SCOPED(free_text) char *text = NULL;
        struct error err = {0};
        size_t length;

        if (!text_ends_with(entry->d_name, ending))
            continue;
        ck_assert_msg(file_read(path, 1 << 20, &text, &length, &err) == 0, "%s", err.message);
        judge(entry->d_name, text, length);
        count++;
    }
    closedir(directory);
    return count;
}

static bool is_about_form(const char *reason)
{
    return strstr(reason, "not JSON") != NULL || strstr(reason, "no JSON") != NULL ||
           strstr(reason, "nested deeper") != NULL || strstr(reason, "no Unicode") != NULL ||
           strstr(reason, " bytes") != NULL;
}

static void refuse_everywhere(const char *name, const char *text, size_t length)
{
    if (name[0] != 'n' || length == 0) /* no answer at all is one too: that of SplitShard */
        return;
    for (size_t i = 0; i < COUNT_OF(doors); i++) {
        struct error err = {0};

        ck_assert_msg(doors[i].enter(text, length, &err) < 0, "%s: %s", doors[i].name, name);
        ck_assert_msg(is_about_form(err.message), "%s: %s: %s", doors[i].name, name, err.message);
    }
}

START_TEST(what_is_no_json_is_refused_at_every_door)
{
    int count = for_each_document(suite_of_json, ".json", refuse_everywhere);

    ck_assert(count == 0 || count > 300);
}
END_TEST

/* As it is where any value may stand, else as the value of a member that nobody asks for. */
static void parse_everywhere(const char *name, const char *text, size_t length)
{
    SCOPED(free_text) char *inside = must_printf("{\"unasked\":%s}", text);
    cJSON *value = cJSON_ParseWithLength(text, length);

    if (name[0] == 'y')
        ck_assert_msg(value != NULL, "%s", name);
    cJSON_Delete(value);
    for (size_t i = 0; i < COUNT_OF(doors) && name[0] == 'y'; i++) {
        const struct door *door = &doors[i];
        struct error err = {0};
        int result =
            door->any_value ? door->enter(text, length, &err) : door->enter(inside, strlen(inside), &err);

        if (door->refuses_nul && strstr(err.message, "a text with \\u0000") != NULL)
            ck_assert_msg(strstr(text, "\\u0000") != NULL, "%s: %s: %s", door->name, name, err.message);
        else
            ck_assert_msg(result == (door->any_value ? 0 : -1) && !is_about_form(err.message), "%s: %s: %s",
                          door->name, name, err.message);
    }
}

START_TEST(what_is_json_is_parsed_at_every_door)
{
    int count = for_each_document(suite_of_json, ".json", parse_everywhere);

    ck_assert(count == 0 || count > 300);
}
END_TEST

/* ---- attacks */

enum { DEAR_NS = 10 * 1000 * 1000, TRIES = 5 };

static int64_t cpu_ns(void)
{
    struct timespec now;

    ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int read_xml(const char *text, size_t length, struct error *err)
{
    char value[64];
    const struct xml_want want = {"Error/Code", value, sizeof(value)};

    return xml_read(text, length, &want, 1, err);
}

/* The least of a few tries: what else the machine does costs no CPU time of ours, but it empties our caches. */
static void cost_of_refusing(int (*read)(const char *text, size_t length, struct error *err),
                             const char *name, const struct buffer *text, const char *reason)
{
    int64_t least = INT64_MAX;

    for (int i = 0; i < TRIES; i++) {
        struct error err = {0};
        int64_t start = cpu_ns(), cost;

        ck_assert_msg(read(buffer_text(text), text->length, &err) < 0, "%s", name);
        cost = cpu_ns() - start;
        least = cost < least ? cost : least;
        ck_assert_msg(strstr(err.message, reason) != NULL, "%s: %s", name, err.message);
    }
    printf("%-45s %8zu bytes %7lld us\n", name, text->length, (long long)least / 1000);
    ck_assert_msg(least < DEAR_NS, "%s costs %lld us", name, (long long)least / 1000);
}

static void add(struct buffer *text, const char *piece)
{
    struct error err;

    ck_assert_int_eq(buffer_add_text(text, piece, &err), 0);
}

static void add_times(struct buffer *text, const char *piece, int times)
{
    for (int i = 0; i < times; i++)
        add(text, piece);
}

/* Ten entities, each ten times the one before: ten thousand million times "lol". */
static void billion_laughs(struct buffer *text)
{
    add(text, "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY l0 \"lol\">");
    for (int level = 1; level <= 10; level++) {
        SCOPED(free_text) char *before = must_printf("&l%d;", level - 1);
        SCOPED(free_text) char *begin = must_printf("<!ENTITY l%d \"", level);

        add(text, begin);
        add_times(text, before, 10);
        add(text, "\">");
    }
    add(text, "]><a>&l10;</a>");
}

static void quadratic_blowup(struct buffer *text)
{
    add(text, "<!DOCTYPE a [<!ENTITY e \"");
    add_times(text, "0123456789", 10000);
    add(text, "\">]><a>");
    add_times(text, "&e;", 30000);
    add(text, "</a>");
}

static void external_entity(struct buffer *text)
{
    add(text, "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>");
}

static void remote_definition(struct buffer *text)
{
    add(text, "<!DOCTYPE a PUBLIC \"-//a//b\" \"http://169.254.169.254/latest/meta-data/\"><a/>");
}

static void parameter_entity(struct buffer *text)
{
    add(text, "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///dev/zero\">%p;]><a/>");
}

/* Who looks for "<!DOCTYPE" does not see it. */
static void laughs_in_utf16(struct buffer *text)
{
    SCOPED(buffer_clear) struct buffer plain;
    struct error err;

    buffer_init(&plain, text->ceiling);
    billion_laughs(&plain);
    ck_assert_int_eq(buffer_add(text, "\xff\xfe", 2, &err), 0);
    for (size_t i = strlen("<?xml version=\"1.0\"?>"); i < plain.length; i++)
        ck_assert_int_eq(buffer_add(text, (const char[]){plain.bytes[i], '\0'}, 2, &err), 0);
}

static void deep_elements(struct buffer *text)
{
    add_times(text, "<a>", 100000);
}

static void undefined_entity(struct buffer *text)
{
    add(text, "<a>");
    add_times(text, "&l10;", 30000);
    add(text, "</a>");
}

static void deep_arrays(struct buffer *text)
{
    add_times(text, "[", 100000);
}

static void deep_objects(struct buffer *text)
{
    add_times(text, "{\"a\":", 100000);
}

#define NO_DOCTYPE "a document type declaration is not allowed"

static const struct {
    const char *name;
    void (*make)(struct buffer *text);
    int (*read)(const char *text, size_t length, struct error *err);
    const char *reason;
} attacks[] = {
    {"XML: ten thousand million laughs", billion_laughs, read_xml, NO_DOCTYPE},
    {"XML: quadratic blow-up", quadratic_blowup, read_xml, NO_DOCTYPE},
    {"XML: an entity from a file", external_entity, read_xml, NO_DOCTYPE},
    {"XML: a definition from the network", remote_definition, read_xml, NO_DOCTYPE},
    {"XML: a parameter entity", parameter_entity, read_xml, NO_DOCTYPE},
    {"XML: laughs in UTF-16", laughs_in_utf16, read_xml, NO_DOCTYPE},
    {"XML: entities that nobody defines", undefined_entity, read_xml, "undefined entity"},
    {"XML: a hundred thousand levels", deep_elements, read_xml, "nested too deep"},
    {"POST /sns: a hundred thousand arrays", deep_arrays, enter_sns, "nested deeper than 8"},
    {"POST /sns: a hundred thousand objects", deep_objects, enter_sns, "nested deeper than 8"},
    {"AWS answer: a hundred thousand objects", deep_objects, enter_answer, "nested deeper than 64"},
};

START_TEST(an_attack_is_refused_for_less_than_ten_milliseconds_of_cpu)
{
    SCOPED(buffer_clear) struct buffer text;

    buffer_init(&text, 4 << 20);
    attacks[_i].make(&text);
    cost_of_refusing(attacks[_i].read, attacks[_i].name, &text, attacks[_i].reason);
}
END_TEST

/* Two bytes become eighty in the parser: 16 MiB of such an answer would take more than 600. */
START_TEST(an_answer_of_too_many_values_is_refused_before_it_is_parsed)
{
    SCOPED(buffer_clear) struct buffer text;
    struct error err = {0};

    buffer_init(&text, 4 << 20);
    add(&text, "{\"a\":[0");
    add_times(&text, ",0", 1000000);
    add(&text, "]}");
    ck_assert_int_lt(enter_answer(buffer_text(&text), text.length, &err), 0);
    ck_assert_msg(strstr(err.message, "JSON of more than 400000 values") != NULL, "%s", err.message);
}
END_TEST

static void refuse_document_type(const char *name, const char *text, size_t length)
{
    struct buffer borrowed = {.bytes = (char *)text, .length = length, .ceiling = length};

    if (strstr(text, "<!DOCTYPE") != NULL)
        cost_of_refusing(read_xml, name, &borrowed, NO_DOCTYPE);
}

START_TEST(so_are_the_attacks_of_the_public_suite)
{
    int count = for_each_document(suite_of_xml, ".xml", refuse_document_type);

    ck_assert(count == 0 || count >= 8);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("hostile_documents");
    TCase *tcase = tcase_create("hostile_documents");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, what_is_no_json_is_refused_at_every_door);
    tcase_add_test(tcase, what_is_json_is_parsed_at_every_door);
    tcase_add_loop_test(tcase, an_attack_is_refused_for_less_than_ten_milliseconds_of_cpu, 0,
                        COUNT_OF(attacks));
    tcase_add_test(tcase, an_answer_of_too_many_values_is_refused_before_it_is_parsed);
    tcase_add_test(tcase, so_are_the_attacks_of_the_public_suite);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
