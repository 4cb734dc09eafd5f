/*
 * Whatever AWS, or somebody in between, answers: a result within bounds or an error, never a crash.
 *
 * Valid answers and refusals are damaged at random, more than ten thousand times, from a fixed seed; and
 * every malformed document of the public JSON suite is given as an answer.
 */
#include "aws/cloudwatch.h"
#include "aws/kinesis.h"
#include "aws/sns.h"
#include "base/memory.h"
#include "base/text.h"
#include "script.h"
#include "support.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>

/* ---- one answer to all questions */

static struct exchange exchanges[64];

static void open_with(struct conversation *conversation, const char *answer, size_t length, int status)
{
    for (size_t i = 0; i < COUNT_OF(exchanges); i++)
        exchanges[i] = (struct exchange){.status = status, .answer = answer, .answer_length = length};
    /* A page without end is cut off by the last exchange, which is no answer. */
    for (size_t i = 6; i < COUNT_OF(exchanges); i++)
        exchanges[i] = (struct exchange){.fails = ERROR_INPUT};
    conversation_open(conversation, exchanges, COUNT_OF(exchanges));
}

typedef int operation_fn(struct aws_client *client, struct error *err);

static int read_summary(struct aws_client *client, struct error *err)
{
    struct stream_summary summary = {0};

    if (kinesis_describe_summary(client, "orders", &summary, err) < 0)
        return -1;
    ck_assert(summary.open_shards >= 0 && summary.open_shards <= 1000000);
    ck_assert_ptr_nonnull(stream_status_name(summary.status));
    ck_assert(strlen(summary.arn) < sizeof(summary.arn));
    return 0;
}

static int read_shards(struct aws_client *client, struct error *err)
{
    struct shard_map map = {0};

    if (kinesis_list_shards(client, "orders", &map, err) < 0) {
        ck_assert_ptr_null(map.items);
        return -1;
    }
    for (size_t i = 0; i < map.count; i++)
        ck_assert(map.items[i].id[0] != '\0' && map.items[i].start <= map.items[i].end);
    shard_map_clear(&map);
    return 0;
}

static int read_limits(struct aws_client *client, struct error *err)
{
    int64_t limit, open;

    if (kinesis_limits(client, &limit, &open, err) < 0)
        return -1;
    ck_assert(limit >= 0 && open >= 0);
    return 0;
}

static int read_alarms(struct aws_client *client, struct error *err)
{
    struct alarm_list list = {0};

    if (cloudwatch_alarms_by_action(client, "arn:", &list, err) < 0) {
        ck_assert_ptr_null(list.items);
        return -1;
    }
    for (size_t i = 0; i < list.count; i++)
        ck_assert(isnan(list.items[i].threshold) || isfinite(list.items[i].threshold));
    alarm_list_clear(&list);
    return 0;
}

static int read_metrics(struct aws_client *client, struct error *err)
{
    static const struct metric_query queries[] = {{"IncomingBytes", "orders", NULL, "Sum", 60},
                                                  {"IncomingRecords", "orders", "s", "Sum", 60}};
    struct metric_answer answer = {0};

    if (cloudwatch_metrics(client, queries, 2, 1763683200000, 1763683500000, &answer, err) < 0) {
        ck_assert_ptr_null(answer.series);
        return -1;
    }
    ck_assert(answer.count == 2 && answer.series[0].count == 5 && answer.series[1].count == 5);
    for (size_t i = 0; i < 5; i++)
        ck_assert(!isinf(answer.series[0].values[i]) && !isinf(answer.series[1].values[i]));
    metric_answer_clear(&answer);
    return 0;
}

static int confirm(struct aws_client *client, struct error *err)
{
    char arn[512] = "";

    if (sns_confirm_subscription(client, "arn:aws:sns:eu-west-1:1:t", "token", arn, sizeof(arn), err) < 0)
        return -1;
    ck_assert(arn[0] != '\0' && strlen(arn) < sizeof(arn));
    return 0;
}

static const struct {
    operation_fn *read;
    const char *seed; /* a valid answer */
} operations[] = {
    {read_summary, "tests/fuzz/seeds/kinesis_answer/summary.json"},
    {read_shards, "tests/fuzz/seeds/kinesis_answer/shards.json"},
    {read_limits, NULL},
    {read_alarms, "tests/fuzz/seeds/cloudwatch_answer/alarms.json"},
    {read_metrics, "tests/fuzz/seeds/cloudwatch_answer/metrics.json"},
    {confirm, "tests/fuzz/seeds/xml/confirm.xml"},
};

static char *valid_answer(int operation)
{
    const char *seed = operations[operation].seed;
    char *answer, *token;

    if (seed == NULL)
        return must_strdup("{\"ShardLimit\":500,\"OpenShardCount\":7}");
    answer = read_text(seed);
    token = strstr(answer, "\"NextToken\":\"AAAA\"");
    if (token != NULL)
        memcpy(token, "\"NextToken\":null  ", strlen("\"NextToken\":null  "));
    return answer;
}

/* ---- damage */

static uint64_t dice_state;

/* xorshift64*: the same on every machine */
static size_t dice(size_t sides)
{
    dice_state ^= dice_state >> 12;
    dice_state ^= dice_state << 25;
    dice_state ^= dice_state >> 27;
    return (size_t)((dice_state * 0x2545F4914F6CDD1DULL) >> 33) % sides;
}

static void replace(struct buffer *text, size_t start, size_t length, const char *with)
{
    struct buffer changed;
    struct error err;

    buffer_init(&changed, text->ceiling);
    ck_assert(buffer_add(&changed, text->bytes, start, &err) == 0 &&
              buffer_add_text(&changed, with, &err) == 0 &&
              buffer_add(&changed, text->bytes + start + length, text->length - start - length, &err) == 0);
    buffer_clear(text);
    *text = changed;
}

/* What follows some colon, up to where a JSON value may end. */
static void replace_value(struct buffer *text)
{
    static const char *const values[] = {
        "null",
        "true",
        "-1",
        "0",
        "1e999",
        "-1e999",
        "1.5",
        "99999999999999999999",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "[null]",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "[[[[[[]]]]]]",
        "1763683200",
        "\"340282366920938463463374607431768211456\"",
        "",
    };
    size_t start = dice(text->length);

    while (start < text->length && text->bytes[start] != ':')
        start++;
    if (start + 1 < text->length)
        replace(text, start + 1, strcspn(text->bytes + start + 1, ",}]"), values[dice(COUNT_OF(values))]);
}

static void damage(struct buffer *text)
{
    size_t times = 1 + dice(4);

    while (times-- > 0 && text->length > 1) {
        size_t at = dice(text->length);

        switch (dice(6)) {
        case 0:
            text->bytes[at] = (char)dice(256);
            break;
        case 1:
            text->bytes[at] ^= (char)(1 << dice(8));
            break;
        case 2:
            replace(text, at, 1 + dice(text->length - at), "");
            break;
        case 3: { /* a piece twice */
            char *piece = must_strndup(text->bytes + at, dice(text->length - at));

            replace(text, at, 0, piece);
            free(piece);
            break;
        }
        default:
            replace_value(text);
        }
    }
}

START_TEST(a_valid_answer_is_taken)
{
    char *answer = valid_answer(_i);
    struct conversation conversation;
    struct error err = {0};

    open_with(&conversation, answer, strlen(answer), 200);
    ck_assert_msg(operations[_i].read(conversation.client, &err) == 0, "%s", err.message);
    conversation_abandon(&conversation);
    free(answer);
}
END_TEST

START_TEST(a_damaged_answer_is_a_result_within_bounds_or_an_error)
{
    enum { ROUNDS = 2500 };
    static const int statuses[] = {200, 200, 200, 200, 200, 400, 403, 500};
    char *answer = valid_answer(_i);
    int taken = 0, refused = 0;

    dice_state = 0x9E3779B97F4A7C15ULL + (uint64_t)_i;
    for (int round = 0; round < ROUNDS; round++) {
        struct conversation conversation;
        struct buffer text;
        struct error err = {0};

        buffer_init(&text, 1 << 20);
        ck_assert_int_eq(buffer_add_text(&text, answer, &err), 0);
        damage(&text);
        open_with(&conversation, buffer_text(&text), text.length, statuses[dice(COUNT_OF(statuses))]);
        if (operations[_i].read(conversation.client, &err) == 0) {
            taken++;
        } else {
            ck_assert_msg(err.kind > ERROR_NONE && err.kind < ERROR_KIND_COUNT && err.kind != ERROR_BUG, "%s",
                          err.message);
            ck_assert(text_is_utf8(err.message, strlen(err.message)) && strchr(err.message, '\n') == NULL);
            refused++;
        }
        conversation_abandon(&conversation);
        buffer_clear(&text);
    }
    /* Damage that never breaks anything, or always, would test nothing. */
    ck_assert_msg(taken > ROUNDS / 100 && refused > ROUNDS / 10, "%d taken, %d refused", taken, refused);
    free(answer);
}
END_TEST

static const struct {
    operation_fn *read;
    const char *seed;
} refusals[] = {
    {read_limits, "tests/fuzz/seeds/kinesis_answer/refused.json"},
    {confirm, "tests/fuzz/seeds/kinesis_answer/refused.xml"},
};

START_TEST(a_damaged_refusal_is_an_error_of_some_kind)
{
    enum { ROUNDS = 2500 };
    static const int statuses[] = {301, 400, 400, 400, 403, 404, 429, 500, 503};
    char *answer = read_text(refusals[_i].seed);

    dice_state = 0xD1B54A32D192ED03ULL + (uint64_t)_i;
    for (int round = 0; round < ROUNDS; round++) {
        struct conversation conversation;
        struct buffer text;
        struct error err = {0};

        buffer_init(&text, 1 << 20);
        ck_assert_int_eq(buffer_add_text(&text, answer, &err), 0);
        damage(&text);
        open_with(&conversation, buffer_text(&text), text.length, statuses[dice(COUNT_OF(statuses))]);
        ck_assert_int_lt(refusals[_i].read(conversation.client, &err), 0);
        ck_assert_msg(err.kind > ERROR_NONE && err.kind < ERROR_KIND_COUNT && err.kind != ERROR_BUG, "%s",
                      err.message);
        ck_assert(text_is_utf8(err.message, strlen(err.message)) && strchr(err.message, '\n') == NULL);
        conversation_abandon(&conversation);
        buffer_clear(&text);
    }
    free(answer);
}
END_TEST

/* ---- the public suite */

START_TEST(a_document_that_is_no_json_is_refused_by_every_operation)
{
    char folder[256];
    struct dirent *entry;
    DIR *directory;
    int count = 0;

    if (shared_data() == NULL) {
        printf("skipped: a_document_that_is_no_json_is_refused_by_every_operation: no shared data\n");
        return;
    }
    snprintf(folder, sizeof(folder), "%s/malformed/json/test_parsing", shared_data());
    directory = opendir(folder);
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        char path[600], *text;
        struct stat found;

        if (!text_starts_with(entry->d_name, "n_"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        ck_assert_int_eq(stat(path, &found), 0);
        if (found.st_size == 0) /* an empty body is an answer: that of SplitShard */
            continue;
        text = read_text(path);
        for (size_t i = 0; i < COUNT_OF(operations); i++) {
            struct conversation conversation;
            struct error err = {0};

            open_with(&conversation, text, (size_t)found.st_size, 200);
            ck_assert_msg(operations[i].read(conversation.client, &err) < 0, "%s", entry->d_name);
            ck_assert_msg(err.kind == ERROR_INPUT, "%s: %s", entry->d_name, err.message);
            conversation_abandon(&conversation);
        }
        free(text);
        count++;
    }
    closedir(directory);
    ck_assert_int_ge(count, 180);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("answers");
    TCase *tcase = tcase_create("answers");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, a_valid_answer_is_taken, 0, COUNT_OF(operations));
    tcase_add_loop_test(tcase, a_damaged_answer_is_a_result_within_bounds_or_an_error, 0,
                        COUNT_OF(operations));
    tcase_add_loop_test(tcase, a_damaged_refusal_is_an_error_of_some_kind, 0, COUNT_OF(refusals));
    tcase_add_test(tcase, a_document_that_is_no_json_is_refused_by_every_operation);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
