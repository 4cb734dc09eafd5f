/*
 * The demand of every minute in the store, and what was learned from it.
 */
#include "base/memory.h"
#include "store/minutes.h"
#include "store/spreads.h"
#include "store_support.h"
#include "support.h"

#include <math.h>

enum { DAY_MINUTES = 1440, MINUTE = 60000 };

static struct error err;
/* 2026-03-02 00:00 UTC */
static const int64_t midnight = 1772409600000;

static void put(struct store *store, int64_t from, size_t count, float demand)
{
    struct minutes minutes = {.start_ms = midnight + from * MINUTE, .count = count};

    minutes.demand = must_calloc(count, sizeof(*minutes.demand));
    for (size_t i = 0; i < count; i++)
        minutes.demand[i] = demand;
    MUST(store_minutes_put(store, "orders", &minutes, &err));
    minutes_clear(&minutes);
}

/* Begins and ends there, in minutes since midnight. */
static struct minutes load(struct store *store, int64_t first, int64_t end)
{
    struct minutes minutes;

    MUST(store_minutes_load(store, "orders", 0, &minutes, &err));
    ck_assert_int_eq((minutes.start_ms - midnight) / MINUTE, first);
    ck_assert_int_eq((int64_t)minutes.count, end - first);
    return minutes;
}

START_TEST(minutes_are_read_back_across_days_as_they_were_put)
{
    struct store *store = open_store(":memory:");
    struct minutes minutes;

    MUST(store_minutes_load(store, "orders", 0, &minutes, &err));
    ck_assert(minutes.count == 0 && minutes.demand == NULL);
    put(store, -90, 200, 1.25f);
    put(store, 105, 10, 2.5f); /* the last five of before are revised */
    minutes = load(store, -90, 115);
    for (int i = 0; i < 205; i++)
        ck_assert(minutes.demand[i] == (i < 195 ? 1.25f : 2.5f));
    minutes_clear(&minutes);
    MUST(store_minutes_load(store, "clicks", 0, &minutes, &err));
    ck_assert_uint_eq(minutes.count, 0);
    MUST(store_minutes_load(store, "orders", midnight, &minutes, &err));
    ck_assert_int_eq(minutes.start_ms, midnight);
    minutes_clear(&minutes);
    store_close(store);
}
END_TEST

START_TEST(what_nobody_put_is_not_known_and_counts_for_nothing_before_the_first_that_is)
{
    struct store *store = open_store(":memory:");
    struct minutes minutes;

    put(store, 10, 5, NAN);
    put(store, 20, 5, 1);
    put(store, 2 * DAY_MINUTES + 30, 5, 2); /* a day between has no row */
    put(store, 2 * DAY_MINUTES + 35, 5, NAN);
    minutes = load(store, 20, 2 * DAY_MINUTES + 40);
    for (size_t i = 0; i < minutes.count; i++) {
        bool known = i < 5 || (i >= 2 * DAY_MINUTES + 10 && i < 2 * DAY_MINUTES + 15);

        ck_assert_msg(!isnan(minutes.demand[i]) == known, "minute %zu", i);
    }
    minutes_clear(&minutes);
    store_close(store);
}
END_TEST

START_TEST(fifteen_days_are_kept_and_what_is_asked_about_no_more_is_forgotten)
{
    struct store *store = open_store(":memory:");
    struct adaptive_habits habits = {
        .hold_minutes = 90, .line = 0.875, .rhythm = RHYTHM_DAY, .learned = true};
    struct adaptive_habits found = {0};
    float demand[] = {1.5f, 0, 30000};
    struct minutes expected = {.start_ms = midnight, .demand = demand, .count = COUNT_OF(demand)};
    struct minutes minutes;
    int64_t learned_ms;

    for (int day = 0; day < 20; day++)
        put(store, day * DAY_MINUTES, DAY_MINUTES, (float)day);
    minutes = load(store, 5 * DAY_MINUTES, 20 * DAY_MINUTES);
    ck_assert(minutes.demand[0] == 5.0f);
    minutes_clear(&minutes);
    MUST(store_habits_load(store, "orders", &found, &learned_ms, &err));
    ck_assert(learned_ms == 0 && found.hold_minutes == 0);
    MUST(store_expected_load(store, "orders", &minutes, &err));
    ck_assert_uint_eq(minutes.count, 0);
    MUST(store_habits_set(store, "orders", &habits, &expected, midnight, &err));
    MUST(store_habits_load(store, "orders", &found, &learned_ms, &err));
    ck_assert(learned_ms == midnight && found.rhythm == RHYTHM_DAY);
    MUST(store_expected_load(store, "orders", &minutes, &err));
    ck_assert(minutes.count == expected.count && minutes.start_ms == midnight);
    for (size_t i = 0; i < expected.count; i++)
        ck_assert(minutes.demand[i] == demand[i]);
    minutes_clear(&minutes);
    habits.hold_minutes = 45;
    habits.rhythm = RHYTHM_NONE;
    expected.count = 0;
    MUST(store_habits_set(store, "orders", &habits, &expected, midnight + 1, &err));
    MUST(store_habits_load(store, "orders", &found, &learned_ms, &err));
    ck_assert(learned_ms == midnight + 1 && found.hold_minutes == 45 && found.learned);
    ck_assert(found.rhythm == RHYTHM_NONE);
    ck_assert_double_eq(found.line, 0.875);
    MUST(store_expected_load(store, "orders", &minutes, &err));
    ck_assert_uint_eq(minutes.count, 0);
    minutes_clear(&minutes);
    MUST(store_minutes_forget(store, midnight + (int64_t)18 * DAY_MINUTES * MINUTE, &err));
    minutes = load(store, 18 * DAY_MINUTES, 20 * DAY_MINUTES);
    minutes_clear(&minutes);
    MUST(store_habits_load(store, "orders", &found, &learned_ms, &err));
    ck_assert_int_eq(learned_ms, 0);
    store_close(store);
}
END_TEST

START_TEST(a_skew_is_read_back_as_it_was_put_and_forgotten_in_the_end)
{
    struct store *store = open_store(":memory:");
    struct skew found, skew = {.bears = 0.625,
                               .earlier = 0.75,
                               .refused = 0.25,
                               .demand = 5,
                               .capacity = 8,
                               .seen_ms = midnight,
                               .hot_days = 4,
                               .hot = true};

    MUST(store_skew_load(store, "orders", &found, &err));
    ck_assert(found.bears == 0 && found.capacity == 0 && !found.hot);
    MUST(store_skew_set(store, "orders", &skew, &err));
    skew.bears = 0.5;
    MUST(store_skew_set(store, "orders", &skew, &err));
    MUST(store_skew_load(store, "orders", &found, &err));
    ck_assert(found.bears == 0.5 && found.earlier == 0.75 && found.refused == 0.25 && found.demand == 5);
    ck_assert(found.capacity == 8 && found.seen_ms == midnight && found.hot_days == 4 && found.hot);
    MUST(store_minutes_forget(store, midnight, &err));
    MUST(store_skew_load(store, "orders", &found, &err));
    ck_assert(found.bears == 0.5);
    MUST(store_minutes_forget(store, midnight + 1, &err));
    MUST(store_skew_load(store, "orders", &found, &err));
    ck_assert(found.bears == 0);
    store_close(store);
}
END_TEST

START_TEST(a_spread_is_read_back_as_it_was_put_and_forgotten_in_the_end)
{
    struct store *store = open_store(":memory:");
    struct spread_cell cells[] = {
        {.start = 0, .part = 0.25, .cut_from = 1, .cut_share = 0.5, .guessed = true},
        {.start = HASHKEY_MAX / 3, .part = 0.75, .cut_from = 0.5, .kept = 2}};
    struct spread spread = {.cells = cells, .count = COUNT_OF(cells), .measured_ms = midnight - 7}, found;
    int64_t read_ms;

    MUST(store_spread_load(store, "orders", &found, &read_ms, &err));
    ck_assert(found.count == 0 && read_ms == 0);
    spread.count = 0;
    MUST(store_spread_set(store, "orders", &spread, midnight - 1, &err)); /* read, and nothing was learned */
    MUST(store_spread_load(store, "orders", &found, &read_ms, &err));
    ck_assert(found.count == 0 && read_ms == midnight - 1);
    spread_clear(&found);
    spread.count = 2;
    MUST(store_spread_set(store, "orders", &spread, midnight, &err));
    spread.count = 1;
    MUST(store_spread_set(store, "other", &spread, midnight + 1, &err));
    spread.count = 2;
    MUST(store_spread_load(store, "orders", &found, &read_ms, &err));
    ck_assert(found.count == 2 && read_ms == midnight && found.measured_ms == midnight - 7);
    for (size_t i = 0; i < found.count; i++) {
        ck_assert(found.cells[i].start == cells[i].start && found.cells[i].kept == cells[i].kept);
        ck_assert(found.cells[i].guessed == cells[i].guessed);
        ck_assert_double_eq(found.cells[i].part, cells[i].part);
        ck_assert_double_eq(found.cells[i].cut_from, cells[i].cut_from);
        ck_assert_double_eq(found.cells[i].cut_share, cells[i].cut_share);
    }
    spread_clear(&found);
    MUST(store_spreads_forget(store, midnight + 1, &err));
    MUST(store_spread_load(store, "orders", &found, &read_ms, &err));
    ck_assert(found.count == 0 && read_ms == 0);
    MUST(store_spread_load(store, "other", &found, &read_ms, &err));
    ck_assert_uint_eq(found.count, 1);
    spread_clear(&found);
    store_close(store);
}
END_TEST

/* What a broken file has is measured again. */
START_TEST(a_spread_whose_cells_are_in_no_order_is_none)
{
    struct store *store = open_store(":memory:");
    struct spread_cell broken[][2] = {{{.start = 1, .part = 1}, {.start = 2}},
                                      {{.start = 0, .part = 1}, {.start = 0}},
                                      {{.start = 0, .part = NAN}, {.start = 1}},
                                      {{.start = 0, .part = -1}, {.start = 1}}};

    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct spread spread = {.cells = broken[i], .count = 2}, found;
        int64_t read_ms;

        MUST(store_spread_set(store, "orders", &spread, midnight, &err));
        MUST(store_spread_load(store, "orders", &found, &read_ms, &err));
        ck_assert_msg(found.count == 0 && read_ms == 0, "%zu", i);
    }
    store_close(store);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("store, minutes");
    TCase *tcase = tcase_create("minutes");

    tcase_add_test(tcase, minutes_are_read_back_across_days_as_they_were_put);
    tcase_add_test(tcase, what_nobody_put_is_not_known_and_counts_for_nothing_before_the_first_that_is);
    tcase_add_test(tcase, fifteen_days_are_kept_and_what_is_asked_about_no_more_is_forgotten);
    tcase_add_test(tcase, a_skew_is_read_back_as_it_was_put_and_forgotten_in_the_end);
    tcase_add_test(tcase, a_spread_is_read_back_as_it_was_put_and_forgotten_in_the_end);
    tcase_add_test(tcase, a_spread_whose_cells_are_in_no_order_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
