/*
 * test_shard_alarms.c - which alarms on shards are made, moved and deleted.
 */
#include "scaling/shard_alarms.h"

#include "base/memory.h"
#include "base/text.h"
#include "partition.h"
#include "support.h"

#define ID(number) "shardId-00000000000" number

static double right(enum alarm_metric metric)
{
    struct stream_config config = plain_stream;

    return alarm_threshold(&config, metric, 60, 1);
}

static struct stream_config watched_at(enum alarm_level level)
{
    struct stream_config config = plain_stream;

    config.alarm_level = level;
    config.alarm_period_ms = 60000;
    return config;
}

/* All three, fit and made by us. */
static size_t watch(struct shard_alarm *have, size_t count, const char *shard)
{
    for (int m = 0; m < ALARM_METRIC_COUNT; m++)
        have[count++] =
            (struct shard_alarm){shard, (enum alarm_metric)m, 60, right((enum alarm_metric)m), true, true};
    return count;
}

/* "make 1 IncomingBytes; move 0 ...; delete 3 ..." */
static char *told(const struct shard_alarm_plan *plan)
{
    static const char *const deeds[] = {
        [SHARD_ALARM_MAKE] = "make", [SHARD_ALARM_MOVE] = "move", [SHARD_ALARM_DELETE] = "delete"};
    char *text = must_strdup("");

    for (size_t i = 0; i < plan->count; i++) {
        const struct shard_alarm_change *change = &plan->items[i];
        char *longer =
            must_printf("%s%s%s %zu %.5s", text, i > 0 ? "; " : "", deeds[change->deed], change->index,
                        alarm_metric_name(change->metric) + (change->metric == METRIC_THROTTLED ? 0 : 8));

        if (change->deed != SHARD_ALARM_DELETE)
            ck_assert_double_eq(change->threshold, right(change->metric));
        free(text);
        text = longer;
    }
    return text;
}

static void expect(enum alarm_level level, int shards, const struct shard_alarm *have, size_t count,
                   bool guarded, const char *wanted)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(shard_alarm_plan_clear) struct shard_alarm_plan plan = {0};
    struct stream_config config = watched_at(level);
    char *text;

    even_map(&map, (size_t)shards);
    shard_alarms_plan(&config, &map, have, count, guarded, &plan);
    text = told(&plan);
    ck_assert_str_eq(text, wanted);
    free(text);
}

START_TEST(every_open_shard_gets_three_alarms_the_newest_first)
{
    expect(ALARM_LEVEL_SHARD, 2, NULL, 0, true,
           "make 1 Bytes; make 1 Recor; make 1 Write; make 0 Bytes; make 0 Recor; make 0 Write");
}
END_TEST

START_TEST(alarms_that_fit_are_left_alone)
{
    struct shard_alarm have[6];

    expect(ALARM_LEVEL_SHARD, 2, have, watch(have, watch(have, 0, ID("0")), ID("1")), true, "");
}
END_TEST

START_TEST(what_is_on_a_closed_shard_is_deleted_last_whoever_made_it)
{
    struct shard_alarm have[7];
    size_t count = watch(have, watch(have, 0, ID("9")), ID("0"));

    have[count++] = (struct shard_alarm){ID("8"), METRIC_BYTES, 60, 1, true, false};
    have[0].watches = false; /* nor does it matter what it does */
    expect(ALARM_LEVEL_SHARD, 2, have, count, true,
           "make 1 Bytes; make 1 Recor; make 1 Write; delete 0 Bytes; delete 1 Recor; delete 2 Write; delete "
           "6 Bytes");
}
END_TEST

START_TEST(a_threshold_is_moved_where_it_is_ours_to_say)
{
    struct shard_alarm have[3];
    size_t count = watch(have, 0, ID("0"));

    have[METRIC_BYTES].threshold -= 1;
    have[METRIC_RECORDS].made = false; /* somebody else's: moved all the same */
    have[METRIC_RECORDS].threshold = 7;
    have[METRIC_THROTTLED].threshold = 5; /* whoever made it says how many are too many */
    expect(ALARM_LEVEL_SHARD, 1, have, count, true, "move 0 Bytes; move 1 Recor");
}
END_TEST

START_TEST(an_alarm_that_does_not_watch_is_no_guard)
{
    struct shard_alarm have[3];
    size_t count = watch(have, 0, ID("0"));

    have[METRIC_RECORDS].watches = false;
    have[METRIC_RECORDS].threshold = 7;
    expect(ALARM_LEVEL_SHARD, 1, have, count, true, "make 0 Recor");
}
END_TEST

START_TEST(another_one_for_the_same_shard_and_metric_is_enough)
{
    struct shard_alarm have[3];
    size_t count = watch(have, 0, ID("0"));

    for (size_t i = 0; i < count; i++)
        have[i].made = false;
    expect(ALARM_LEVEL_SHARD, 1, have, count, true, "");
}
END_TEST

START_TEST(at_stream_level_what_we_made_goes_when_the_stream_is_guarded)
{
    struct shard_alarm have[4];
    size_t count = watch(have, 0, ID("0"));

    have[count++] = (struct shard_alarm){ID("0"), METRIC_BYTES, 60, 1, true, false};
    expect(ALARM_LEVEL_STREAM, 1, have, count, true, "delete 0 Bytes; delete 1 Recor; delete 2 Write");
    expect(ALARM_LEVEL_STREAM, 1, have, count, false, "");
    expect(ALARM_LEVEL_STREAM, 1, NULL, 0, true, "");
}
END_TEST

START_TEST(names_say_what_an_alarm_watches_and_fit_cloudwatch)
{
    char name[ALARM_NAME_SIZE], prefix[ALARM_NAME_SIZE], longest[STREAM_NAME_SIZE], strange[SHARD_ID_SIZE];

    ck_assert(shard_alarm_name("orders", "shardId-000000000007", METRIC_BYTES, name));
    ck_assert_str_eq(name, "kinescale-orders-shardId-000000000007-IncomingBytes");
    shard_alarm_prefix("orders", prefix);
    ck_assert(text_starts_with(name, prefix));

    memset(longest, 's', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    ck_assert(shard_alarm_name(longest, "shardId-000000000007", METRIC_THROTTLED, name));
    memset(strange, 'x', sizeof(strange) - 1);
    strange[sizeof(strange) - 1] = '\0';
    ck_assert(!shard_alarm_name(longest, strange, METRIC_THROTTLED, name));
}
END_TEST

/* Whatever there is: afterwards every open shard is watched by all metrics, and nothing is left on another. */
START_TEST(what_is_planned_ends_in_alarms_that_match_the_shards)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    struct stream_config config = watched_at(ALARM_LEVEL_SHARD);
    struct shard_alarm have[200];
    char ids[200][SHARD_ID_SIZE];
    size_t count = 0;
    unsigned dice = (unsigned)_i * 2654435761u + 1;

    even_map(&map, 1 + (size_t)(_i % 17));
    for (; count < (size_t)(_i * 7 % 190); count++) {
        dice = dice * 1664525u + 1013904223u;
        snprintf(ids[count], SHARD_ID_SIZE, "shardId-%012u", (dice >> 8) % 30);
        have[count] = (struct shard_alarm){ids[count],
                                           (enum alarm_metric)((dice >> 14) % ALARM_METRIC_COUNT),
                                           60,
                                           (dice >> 18) % 2 ? 3 : right(METRIC_BYTES),
                                           (dice >> 20) % 4 > 0,
                                           (dice >> 22) % 2};
    }
    for (int round = 0; round < 2; round++) {
        SCOPED(shard_alarm_plan_clear) struct shard_alarm_plan plan = {0};
        bool deleted[400] = {false};
        struct shard_alarm after[400];
        size_t left = 0;

        shard_alarms_plan(&config, &map, have, count, true, &plan);
        if (round == 1) {
            ck_assert_uint_eq(plan.count, 0);
            break;
        }
        for (size_t i = 0; i < plan.count; i++) {
            const struct shard_alarm_change *change = &plan.items[i];

            if (change->deed == SHARD_ALARM_MAKE)
                after[left++] = (struct shard_alarm){map.items[change->index].id, change->metric, 60,
                                                     change->threshold,           true,           true};
            else if (change->deed == SHARD_ALARM_MOVE)
                have[change->index].threshold = change->threshold;
            else
                deleted[change->index] = true;
        }
        for (size_t i = 0; i < count; i++) {
            if (!deleted[i])
                after[left++] = have[i];
        }
        ck_assert_uint_le(left, COUNT_OF(have));
        memcpy(have, after, left * sizeof(*have));
        count = left;
    }
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_nonnull(shard_map_find(&map, have[i].shard));
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("alarms on shards");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, every_open_shard_gets_three_alarms_the_newest_first);
    tcase_add_test(tcase, alarms_that_fit_are_left_alone);
    tcase_add_test(tcase, what_is_on_a_closed_shard_is_deleted_last_whoever_made_it);
    tcase_add_test(tcase, a_threshold_is_moved_where_it_is_ours_to_say);
    tcase_add_test(tcase, an_alarm_that_does_not_watch_is_no_guard);
    tcase_add_test(tcase, another_one_for_the_same_shard_and_metric_is_enough);
    tcase_add_test(tcase, at_stream_level_what_we_made_goes_when_the_stream_is_guarded);
    tcase_add_test(tcase, names_say_what_an_alarm_watches_and_fit_cloudwatch);
    tcase_add_loop_test(tcase, what_is_planned_ends_in_alarms_that_match_the_shards, 0, 300);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
