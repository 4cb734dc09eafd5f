/*
 * Scheduled floors: what is a window, how it is written, when it counts.
 */
#include "support.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/config.h"

static const struct {
    const char *text;
    const char *fault; /* a part of it; NULL: it is a window */
    const char *again; /* as it is written; NULL: as it was read */
} texts[] = {
    {"Mon-Fri 07:00-10:00 20", NULL, NULL},
    {"daily 22:00-02:00 8", NULL, NULL},
    {"Sat 00:00-24:00 1", NULL, NULL},
    {"Fri-Mon 18:00-06:00 10000", NULL, NULL},
    {"mon-sun 07:00-10:00 20", NULL, "daily 07:00-10:00 20"},
    {"  sun \t 07:00-10:00   20  ", NULL, "Sun 07:00-10:00 20"},
    {"", "neither a day", NULL},
    {"07:00-10:00 20", "neither a day", NULL},
    {"Monday 07:00-10:00 20", "neither a day", NULL},
    {"Mon- 07:00-10:00 20", "neither a day", NULL},
    {"Mon-Fri-Sat 07:00-10:00 20", "neither a day", NULL},
    {"Mon", "its hours", NULL},
    {"Mon 7:00-10:00 20", "its hours", NULL},
    {"Mon 07:00 20", "its hours", NULL},
    {"Mon 07:00-10:00Z 20", "its hours", NULL},
    {"Mon 07:00-24:01 20", "its hours", NULL},
    {"Mon 07:60-10:00 20", "its hours", NULL},
    {"Mon 24:00-10:00 20", "its hours", NULL},
    {"Mon 10:00-00:00 20", "its hours", NULL},
    {"Mon -1:00-10:00 20", "its hours", NULL},
    {"Mon 07:00-07:00 20", "ends when it begins", NULL},
    {"Mon 07:00-10:00", "its shards", NULL},
    {"Mon 07:00-10:00 0", "its shards", NULL},
    {"Mon 07:00-10:00 10001", "its shards", NULL},
    {"Mon 07:00-10:00 20%", "its shards", NULL},
    {"Mon 07:00-10:00 20 shards", "more follows", NULL},
};

START_TEST(a_window_is_days_hours_and_shards_and_nothing_else)
{
    struct floors floors = {.count = 1};
    const char *fault = floor_parse(texts[_i].text, &floors.windows[0]);
    char again[64];

    if (texts[_i].fault != NULL) {
        ck_assert_msg(fault != NULL && strstr(fault, texts[_i].fault) != NULL, "'%s': %s", texts[_i].text,
                      fault != NULL ? fault : "taken");
        return;
    }
    ck_assert_msg(fault == NULL, "'%s': %s", texts[_i].text, fault);
    floors_format(&floors, again, sizeof(again));
    ck_assert_str_eq(again, texts[_i].again != NULL ? texts[_i].again : texts[_i].text);
}
END_TEST

/* 2026-03-02 is a Monday. */
static const struct {
    const char *floors, *at;
    int64_t open, needed;
} cases[] = {
    {"Mon-Fri 07:00-10:00 20", "2026-03-02T07:00:00Z", 20, 20},
    {"Mon-Fri 07:00-10:00 20", "2026-03-02T09:59:59Z", 1, 20},
    {"Mon-Fri 07:00-10:00 20", "2026-03-02T10:00:00Z", 1, 0},
    {"Mon-Fri 07:00-10:00 20", "2026-03-06T08:00:00Z", 1, 20},
    {"Mon-Fri 07:00-10:00 20", "2026-03-07T08:00:00Z", 1, 0},
    /* ten shards are missing: five minutes, and one of slack */
    {"Mon-Fri 07:00-10:00 20", "2026-03-02T06:53:59Z", 10, 0},
    {"Mon-Fri 07:00-10:00 20", "2026-03-02T06:54:00Z", 10, 20},
    /* those that are open already are kept for an hour */
    {"Mon-Fri 07:00-10:00 20", "2026-03-02T05:59:59Z", 24, 0},
    {"Mon-Fri 07:00-10:00 20", "2026-03-02T06:00:00Z", 24, 20},
    /* over midnight, and over the end of the week */
    {"Sun 22:00-02:00 8", "2026-03-01T23:59:00Z", 1, 8},
    {"Sun 22:00-02:00 8", "2026-03-02T01:59:00Z", 1, 8},
    {"Sun 22:00-02:00 8", "2026-03-02T02:00:00Z", 1, 0},
    {"Mon 00:00-01:00 3", "2026-03-01T23:58:00Z", 1, 3},
    {"Sat 00:00-24:00 2", "2026-02-28T23:59:59Z", 2, 2},
    {"Sat 00:00-24:00 2", "2026-03-01T00:00:00Z", 2, 0},
    /* of several, the most */
    {"daily 00:00-24:00 3, Mon 07:00-10:00 20", "2026-03-02T08:00:00Z", 3, 20},
    {"Mon 07:00-10:00 20, daily 00:00-24:00 3", "2026-03-02T11:00:00Z", 20, 3},
};

START_TEST(a_floor_counts_in_its_window_and_as_long_before_as_it_takes_to_get_there)
{
    struct floors floors = {0};
    SCOPED(free_text) char *text = must_strdup(cases[_i].floors);
    char *cursor = text;
    int64_t at_ms, needed;

    for (const char *piece; (piece = text_split(&cursor, ',')) != NULL;)
        ck_assert_ptr_null(floor_parse(piece, &floors.windows[floors.count++]));
    ck_assert(date_parse(cases[_i].at, &at_ms));
    needed = floors_needed(&floors, cases[_i].open, at_ms, 60000);
    ck_assert_msg(needed == cases[_i].needed, "%s at %s: %lld", cases[_i].floors, cases[_i].at,
                  (long long)needed);
}
END_TEST

/* An hour before 1970 too: a clock may say anything. */
START_TEST(every_minute_of_a_window_counts_whatever_the_year)
{
    struct floors floors = {.count = 1};
    int minutes = 0;

    ck_assert_ptr_null(floor_parse("Wed-Thu 23:30-00:30 5", &floors.windows[0]));
    for (int64_t minute = -5 * 1440; minute < 2 * 1440; minute++)
        minutes += floors_needed(&floors, 0, minute * 60000, -5 * FLOOR_SPLIT_MS) == 5;
    ck_assert_int_eq(minutes, 2 * 60);
}
END_TEST

START_TEST(the_minimum_rises_with_the_floor_and_never_above_the_maximum)
{
    struct stream_config stream = {.min_shards = 2, .max_shards = 10, .floors = {.count = 1}};
    struct stream_config low = stream, high = stream;

    ck_assert_ptr_null(floor_parse("daily 00:00-24:00 8", &low.floors.windows[0]));
    ck_assert_ptr_null(floor_parse("daily 00:00-24:00 12", &high.floors.windows[0]));
    ck_assert_str_eq(config_minimum_name(&low), "min_shards");
    config_raise_floor(&low, 2, 0, 0);
    config_raise_floor(&high, 2, 0, 0);
    config_raise_floor(&stream, 2, 0, 0);
    ck_assert_int_eq(low.min_shards, 8);
    ck_assert_str_eq(config_minimum_name(&low), "floor");
    ck_assert_int_eq(high.min_shards, 10);
    ck_assert_int_eq(stream.min_shards, 2);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("floors");
    TCase *tcase = tcase_create("floors");

    tcase_add_loop_test(tcase, a_window_is_days_hours_and_shards_and_nothing_else, 0, (int)COUNT_OF(texts));
    tcase_add_loop_test(tcase, a_floor_counts_in_its_window_and_as_long_before_as_it_takes_to_get_there, 0,
                        (int)COUNT_OF(cases));
    tcase_add_test(tcase, every_minute_of_a_window_counts_whatever_the_year);
    tcase_add_test(tcase, the_minimum_rises_with_the_floor_and_never_above_the_maximum);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
