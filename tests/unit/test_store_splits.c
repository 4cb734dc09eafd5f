/*
 * What the splits of a stream showed of its load, and the hot key that a plan found.
 */
#include "base/memory.h"
#include "base/text.h"
#include "store/splits.h"
#include "store_support.h"
#include "support.h"

#include <math.h>

static struct error err;

static struct lineage_split split_of(const char *parent, hashkey start, hashkey at, hashkey end, double lower,
                                     double upper)
{
    struct lineage_split split = {
        .start = start, .end = end, .at = at, .lower_load = lower, .upper_load = upper};

    (void)text_copy(split.parent, sizeof(split.parent), parent);
    return split;
}

static size_t load(struct store *store, const char *stream, int64_t since_ms,
                   struct lineage_split **ret_splits)
{
    size_t count = 0;

    MUST(store_splits_load(store, stream, since_ms, ret_splits, &count, &err));
    return count;
}

START_TEST(splits_are_read_back_to_the_last_hash_key)
{
    struct store *store = open_store(":memory:");
    struct lineage_split splits[] = {split_of("shardId-1", 0, HASHKEY_MAX / 2, HASHKEY_MAX, 0.25, 1.5),
                                     split_of("shardId-2", 7, 9, HASHKEY_MAX - 1, NAN, NAN)};
    struct lineage_split *found;

    MUST(store_splits_seen(store, "orders", splits, 2, 1000, &err));
    ck_assert_uint_eq(load(store, "clicks", 0, &found), 0);
    ck_assert_ptr_null(found);
    ck_assert_uint_eq(load(store, "orders", 0, &found), 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_str_eq(found[i].parent, splits[i].parent);
        ck_assert(found[i].start == splits[i].start && found[i].at == splits[i].at &&
                  found[i].end == splits[i].end);
        ck_assert_int_eq(found[i].at_ms, 1000);
    }
    ck_assert_double_eq(found[0].lower_load, 0.25);
    ck_assert_double_eq(found[0].upper_load, 1.5);
    ck_assert(isnan(found[1].lower_load) && isnan(found[1].upper_load));
    free(found);
    store_close(store);
}
END_TEST

START_TEST(a_later_look_replaces_loads_and_one_without_figures_replaces_nothing)
{
    struct store *store = open_store(":memory:");
    struct lineage_split split = split_of("shardId-1", 0, 100, 199, 0.5, 0.25), *found;

    MUST(store_splits_seen(store, "orders", &split, 1, 1000, &err));
    split.lower_load = 0.75;
    MUST(store_splits_seen(store, "orders", &split, 1, 2000, &err));
    split.lower_load = split.upper_load = NAN;
    MUST(store_splits_seen(store, "orders", &split, 1, 3000, &err));
    ck_assert_uint_eq(load(store, "orders", 2000, &found), 1);
    ck_assert_double_eq(found[0].lower_load, 0.75);
    ck_assert_double_eq(found[0].upper_load, 0.25);
    ck_assert_int_eq(found[0].at_ms, 1000);
    free(found);
    /* It was measured at 2000 for the last time. */
    ck_assert_uint_eq(load(store, "orders", 2001, &found), 0);
    store_close(store);
}
END_TEST

/* Shards are numbered anew when a stream is deleted and made again. */
START_TEST(a_split_of_an_earlier_stream_of_that_name_is_replaced_as_a_whole)
{
    struct store *store = open_store(":memory:");
    struct lineage_split old = split_of("shardId-1", 0, 100, 199, 0.5, 0.25), new_one = old, *found;

    MUST(store_splits_seen(store, "orders", &old, 1, 1000, &err));
    new_one.at = 50;
    if (_i == 0) {
        new_one.lower_load = new_one.upper_load = NAN;
    } else {
        new_one.lower_load = 2;
    }
    MUST(store_splits_seen(store, "orders", &new_one, 1, 5000, &err));
    ck_assert_uint_eq(load(store, "orders", 0, &found), 1);
    ck_assert(found[0].at == 50);
    ck_assert_int_eq(found[0].at_ms, 5000);
    ck_assert(_i == 0 ? isnan(found[0].lower_load) : found[0].lower_load == 2);
    free(found);
    store_close(store);
}
END_TEST

START_TEST(what_is_no_hash_key_is_refused)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct lineage_split split = split_of("shardId-1", 0, 100, 199, 0.5, 0.25), *found = NULL;
    size_t count;

    MUST(store_splits_seen(store, "orders", &split, 1, 1000, &err));
    change_file(path, "UPDATE splits SET upper_key = '-1'");
    MUST_FAIL(store_splits_load(store, "orders", 0, &found, &count, &err), ERROR_STORE, "no hash key");
    store_close(store);
}
END_TEST

START_TEST(splits_that_were_not_measured_for_long_are_forgotten)
{
    struct store *store = open_store(":memory:");
    struct lineage_split split = split_of("shardId-1", 0, 100, 199, 0.5, 0.25), *found;
    struct pruned pruned;

    MUST(store_splits_seen(store, "orders", &split, 1, 1000, &err));
    MUST(store_prune(store, 1000, &pruned, &err));
    ck_assert_int_eq(pruned.rows, 0);
    MUST(store_prune(store, 1001, &pruned, &err));
    ck_assert_int_eq(pruned.rows, 1);
    ck_assert_uint_eq(load(store, "orders", 0, &found), 0);
    store_close(store);
}
END_TEST

START_TEST(a_hot_key_is_kept_until_a_plan_finds_none_and_shown_for_an_hour_after_its_cooldown)
{
    const int64_t hour_ms = 3600 * 1000, cooldown_ms = 300 * 1000;
    struct store *store = open_store(":memory:");
    struct stream_state state;

    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert_str_eq(state.hot_shard, "");
    ck_assert(!stream_has_hot_key(&state, cooldown_ms, 1000));
    MUST(store_stream_hot_key(store, "orders", "shardId-9", 5, HASHKEY_MAX, 1000, &err));
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert_str_eq(state.hot_shard, "shardId-9");
    ck_assert(state.hot_start == 5 && state.hot_end == HASHKEY_MAX && state.hot_ms == 1000);
    ck_assert(stream_has_hot_key(&state, cooldown_ms, 999 + hour_ms + cooldown_ms));
    ck_assert(!stream_has_hot_key(&state, cooldown_ms, 1000 + hour_ms + cooldown_ms));
    MUST(store_stream_hot_key(store, "orders", "", 0, 0, 2000, &err));
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert(!stream_has_hot_key(&state, cooldown_ms, 2000));
    store_close(store);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("store, splits");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, splits_are_read_back_to_the_last_hash_key);
    tcase_add_test(tcase, a_later_look_replaces_loads_and_one_without_figures_replaces_nothing);
    tcase_add_loop_test(tcase, a_split_of_an_earlier_stream_of_that_name_is_replaced_as_a_whole, 0, 2);
    tcase_add_test(tcase, what_is_no_hash_key_is_refused);
    tcase_add_test(tcase, splits_that_were_not_measured_for_long_are_forgotten);
    tcase_add_test(tcase, a_hot_key_is_kept_until_a_plan_finds_none_and_shown_for_an_hour_after_its_cooldown);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
