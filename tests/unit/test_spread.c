/*
 * test_spread.c - how the load lies over the keys, and where shards should begin then.
 */
#include "scaling/layout.h"
#include "scaling/spread.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

static hashkey eighth(unsigned index)
{
    return hashkey_even_start(index, 8);
}

static double part_of_eighths(const struct spread *spread, unsigned first, unsigned after)
{
    return spread_part(spread, eighth(first), after == 8 ? HASHKEY_MAX : eighth(after) - 1);
}

static void add_range(struct shard_map *map, hashkey start, hashkey end)
{
    struct shard shard = {.start = start, .end = end};
    struct error err = {0};

    ck_assert_int_eq(shard_map_add(map, &shard, &err), 0);
}

/* `count` even shards were measured to carry so much. */
static void learn(struct spread *spread, unsigned count, const double *parts)
{
    struct shard_map map;

    even_map(&map, count);
    spread_learn(spread, &map, parts);
    shard_map_clear(&map);
}

/* ---- what is known */

START_TEST(nothing_known_is_even)
{
    struct spread spread = {0};
    hashkey key;

    ck_assert_double_eq_tol(part_of_eighths(&spread, 1, 4), 0.375, 1e-12);
    ck_assert(!spread_is_hot(&spread, 0, HASHKEY_MAX));
    ck_assert(spread_key(&spread, 0, HASHKEY_MAX, 0.25, &key));
    ck_assert_double_eq_tol(hashkey_share(0, key), 0.25, 1e-12);
}
END_TEST

START_TEST(what_was_measured_outlasts_the_merge)
{
    struct spread spread = {0};

    learn(&spread, 4, (double[]){0.1, 0.2, 0.3, 0.4});
    learn(&spread, 2, (double[]){0.3, 0.7});
    ck_assert_double_eq_tol(part_of_eighths(&spread, 0, 2), 0.1, 1e-9);
    ck_assert_double_eq_tol(part_of_eighths(&spread, 6, 8), 0.4, 1e-9);
    ck_assert_double_eq_tol(part_of_eighths(&spread, 1, 2), 0.05, 1e-9);
    spread_clear(&spread);
}
END_TEST

START_TEST(more_is_believed_at_once_and_less_by_halves)
{
    struct spread spread = {0};

    learn(&spread, 2, (double[]){0.5, 0.5});
    learn(&spread, 2, (double[]){0.9, 0.1});
    ck_assert_double_eq_tol(part_of_eighths(&spread, 0, 4), 0.9, 1e-9);
    ck_assert_double_eq_tol(part_of_eighths(&spread, 4, 8), 0.3, 1e-9);
    learn(&spread, 2, (double[]){NAN, 0.1});
    ck_assert_double_eq_tol(part_of_eighths(&spread, 0, 4), 0.9, 1e-9);
    ck_assert_double_eq_tol(part_of_eighths(&spread, 4, 8), 0.2, 1e-9);
    spread_clear(&spread);
}
END_TEST

START_TEST(what_was_only_guessed_is_replaced_by_what_is_measured)
{
    struct spread spread = {0};
    struct shard_map map;

    learn(&spread, 2, (double[]){0.5, 0.5});
    learn(&spread, 4, (double[]){NAN, NAN, NAN, NAN});
    even_map(&map, 4);
    ck_assert(spread_is_guessed(&spread, &map));
    ck_assert_double_eq_tol(part_of_eighths(&spread, 0, 2), 0.25, 1e-9);
    spread_learn(&spread, &map, (double[]){0.05, 0.45, 0.25, 0.25});
    ck_assert(!spread_is_guessed(&spread, &map));
    ck_assert_double_eq_tol(part_of_eighths(&spread, 0, 2), 0.05, 1e-9);
    shard_map_clear(&map);
    spread_clear(&spread);
}
END_TEST

START_TEST(a_key_that_two_cuts_did_not_divide_is_hot_until_it_cools)
{
    struct spread spread = {0};

    learn(&spread, 2, (double[]){0.6, 0.4});
    learn(&spread, 4, (double[]){0.58, 0.02, 0.2, 0.2});
    ck_assert(!spread_is_hot(&spread, 0, eighth(2) - 1));
    learn(&spread, 8, (double[]){0.57, 0.01, 0.01, 0.01, 0.1, 0.1, 0.1, 0.1});
    ck_assert(spread_is_hot(&spread, 0, eighth(1) - 1));
    ck_assert(spread_is_hot(&spread, 0, eighth(2) - 1)); /* nearly all of it is there */
    ck_assert(!spread_is_hot(&spread, eighth(1), eighth(2) - 1));
    ck_assert(!spread_is_hot(&spread, 0, eighth(6) - 1));
    learn(&spread, 8, (double[]){0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
    ck_assert(spread_is_hot(&spread, 0, eighth(1) - 1)); /* less is believed by halves */
    learn(&spread, 8, (double[]){0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
    ck_assert(!spread_is_hot(&spread, 0, eighth(1) - 1));
    spread_clear(&spread);
}
END_TEST

/* What a cut leaves nearly whole keeps nearly all of an even load. */
START_TEST(a_cut_near_the_edge_says_nothing_of_a_hot_key)
{
    static const struct {
        unsigned starts[3], count; /* in 32ths */
        double parts[3];
        bool hot;
    } cuts[] = {
        {{0}, 1, {1}, false},
        {{0, 2}, 2, {0.0625, 0.9375}, false},
        {{0, 2, 4}, 3, {0.0625, 0.0625, 0.875}, false},
        {{0, 2, 16}, 3, {0.01, 0.01, 0.98}, false}, /* at half the width it tells, */
        {{0, 16, 24}, 3, {0.01, 0.97, 0.02}, true}, /* and again */
    };
    struct spread spread = {0};

    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        struct shard_map map = {0};

        for (unsigned shard = 0; shard < cuts[i].count; shard++)
            add_range(&map, hashkey_even_start(cuts[i].starts[shard], 32),
                      shard + 1 < cuts[i].count ? hashkey_even_start(cuts[i].starts[shard + 1], 32) - 1
                                                : HASHKEY_MAX);
        spread_learn(&spread, &map, cuts[i].parts);
        ck_assert_msg(spread_is_hot(&spread, 0, HASHKEY_MAX) == cuts[i].hot, "cut %zu", i);
        shard_map_clear(&map);
    }
    spread_clear(&spread);
}
END_TEST

START_TEST(what_differs_no_more_than_noise_is_even_where_no_shard_begins)
{
    struct spread spread = {0};

    learn(&spread, 8, (double[]){0.13, 0.12, 0.12, 0.13, 0.2, 0.05, 0.12, 0.13});
    ck_assert_uint_eq(spread.count, 8);
    learn(&spread, 2, (double[]){0.5, 0.5});
    ck_assert_uint_eq(spread.count, 4);
    ck_assert_double_eq_tol(part_of_eighths(&spread, 0, 1), 0.125, 1e-9);
    ck_assert_double_eq_tol(part_of_eighths(&spread, 5, 6), 0.05, 1e-9);
    ck_assert_double_eq_tol(part_of_eighths(&spread, 7, 8), 0.125, 1e-9);
    spread_clear(&spread);
}
END_TEST

START_TEST(a_load_is_halved_where_it_lies_and_beside_a_hot_key)
{
    struct spread spread = {0};
    hashkey key;

    learn(&spread, 4, (double[]){0.1, 0.1, 0.4, 0.4});
    ck_assert(spread_key(&spread, 0, HASHKEY_MAX, 0.5, &key));
    ck_assert_double_eq_tol(hashkey_share(0, key), 0.6875, 1e-9);
    spread.cells[2].kept = SPREAD_CUTS_KEPT;
    ck_assert(spread_key(&spread, 0, HASHKEY_MAX, 0.5, &key));
    ck_assert(key == hashkey_even_start(3, 4) || key == hashkey_even_start(2, 4));
    ck_assert(!spread_key(&spread, eighth(4), eighth(6) - 1, 0.4, &key)); /* all of it is that key */
    spread_clear(&spread);
}
END_TEST

START_TEST(cells_stay_few_and_their_load_is_kept)
{
    struct spread spread = {0};
    struct shard_map map = {0};
    double parts[1500];

    even_map(&map, 1500);
    for (size_t i = 0; i < 1500; i++)
        parts[i] = 1.0 / 1500;
    spread_learn(&spread, &map, parts);
    ck_assert_uint_eq(spread.count, 1500);
    shard_map_clear(&map);
    even_map(&map, 2);
    spread_learn(&spread, &map, (double[]){0.5, 0.5});
    ck_assert_uint_le(spread.count, SPREAD_CELLS_MAX + 1);
    ck_assert_double_eq_tol(spread_part(&spread, 0, HASHKEY_MAX), 1, 1e-9);
    shard_map_clear(&map);
    spread_clear(&spread);
}
END_TEST

/* ---- layouts: parts are of 1; the demand says how many shards' worth 1 is */

static struct spread spread;
static struct shard_map map;
static struct layout layout;
static struct layout_facts facts;

/* So many even shards carry so much. */
static void set_out(unsigned count, const double *parts, double demand)
{
    even_map(&map, count);
    spread_learn(&spread, &map, parts);
    facts = (struct layout_facts){.map = &map, .spread = &spread, .demand = demand};
}

static void drop(void)
{
    free(layout.starts);
    layout = (struct layout){0};
    shard_map_clear(&map);
    spread_clear(&spread);
}

/* What the fullest shard of the layout would carry, but for hot keys. */
static double fullest(void)
{
    double most = 0;

    for (size_t i = 0; i < layout.count; i++) {
        hashkey end = i + 1 < layout.count ? layout.starts[i + 1] - 1 : HASHKEY_MAX;

        if (!spread_is_hot(&spread, layout.starts[i], end))
            most = fmax(most, facts.demand * spread_part(&spread, layout.starts[i], end));
    }
    return most;
}

static const struct {
    const char *name;
    double parts[4], demand, limit;
    int64_t fewest, most;
    size_t count; /* of all */
    size_t first; /* shards that the first of the four becomes */
} rises[] = {
    {"none is too full: nothing", {0.25, 0.25, 0.25, 0.25}, 2, 0.6, 1, 64, 4, 1},
    {"one is: it alone is split", {0.4, 0.2, 0.2, 0.2}, 2, 0.6, 1, 64, 5, 2},
    {"into as many as it takes", {0.7, 0.1, 0.1, 0.1}, 4, 0.6, 1, 64, 8, 5},
    {"even load, even splits", {0.25, 0.25, 0.25, 0.25}, 4, 0.6, 1, 64, 8, 2},
    {"as far as it is allowed, the fullest first", {0.7, 0.1, 0.1, 0.1}, 4, 0.6, 1, 6, 6, 3},
    {"the last one too, though it is not enough for all that are as full",
     {0.25, 0.25, 0.25, 0.25},
     4,
     0.6,
     1,
     5,
     5,
     2},
    {"no room: nothing", {0.7, 0.1, 0.1, 0.1}, 4, 0.6, 1, 4, 4, 1},
    {"as many as are wanted at least", {0.4, 0.25, 0.2, 0.15}, 1, 0.6, 6, 64, 6, 2},
    {"also without load, by width", {0, 0, 0, 0}, 0, 0.6, 8, 64, 8, 2},
};

START_TEST(a_rise_splits_what_is_too_full)
{
    size_t first = 0;

    set_out(4, rises[_i].parts, rises[_i].demand);
    layout_rise(&facts, rises[_i].limit, rises[_i].fewest, rises[_i].most, &layout);
    while (first < layout.count && layout.starts[first] < map.items[1].start)
        first++;
    ck_assert_msg(layout.count == rises[_i].count && first == rises[_i].first &&
                      layout.operations == layout.count - 4,
                  "%s: %zu shards, the first becomes %zu, %zu operations", rises[_i].name, layout.count,
                  first, layout.operations);
    if (rises[_i].most == 64)
        ck_assert_double_le(fullest(), rises[_i].limit + 1e-6);
}
END_TEST

START_TEST(a_rise_cuts_where_the_load_is_halved_and_not_the_width)
{
    learn(&spread, 8, (double[]){0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
    set_out(4, (double[]){NAN, NAN, NAN, NAN}, 2);
    layout_rise(&facts, 0.6, 1, 64, &layout);
    ck_assert_uint_eq(layout.count, 5);
    ck_assert_double_eq_tol(hashkey_share(0, layout.starts[1] - 1), 2.0 / 3 / 8, 1e-9);
}
END_TEST

#define EVENLY                                                 \
    {                                                          \
        0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125 \
    }

static const struct {
    const char *name;
    double parts[8], demand, limit, price;
    int64_t fewest;
    size_t count, operations; /* 0: nothing pays */
} falls[] = {
    {"full shards stay", EVENLY, 6, 0.8, 0.35, 1, 0, 0},
    {"neighbours that fit into one are merged",
     {0.2, 0.2, 0.2, 0.2, 0.05, 0.05, 0.05, 0.05},
     4,
     0.8,
     0.35,
     1,
     5,
     3},
    {"even load: pairs", EVENLY, 3, 0.8, 0.35, 1, 4, 4},
    {"what fits in no pairs is worth cuts when they are cheap", EVENLY, 4, 0.8, 0.08, 1, 6, 6},
    {"and not when they are dear", EVENLY, 4, 0.8, 0.35, 1, 0, 0},
    {"not below the fewest", EVENLY, 1, 0.8, 0.35, 4, 4, 4},
    {"without load by width", {0, 0, 0, 0, 0, 0, 0, 0}, 0, 0.8, 0.35, 2, 2, 6},
    {"too full by itself stays alone",
     {0.93, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01},
     2,
     0.8,
     0.35,
     1,
     2,
     6},
};

START_TEST(a_give_back_takes_the_cheapest_partition_in_which_none_is_too_full)
{
    bool pays;

    set_out(8, falls[_i].parts, falls[_i].demand);
    if (falls[_i].parts[0] > 0.9)
        spread.cells[0].kept = SPREAD_CUTS_KEPT;
    pays = layout_give_back(&facts, falls[_i].limit, falls[_i].price, falls[_i].fewest, &layout);
    ck_assert_msg(pays == (falls[_i].count > 0) && layout.count == falls[_i].count &&
                      layout.operations == falls[_i].operations,
                  "%s: %zu shards by %zu operations", falls[_i].name, layout.count, layout.operations);
    ck_assert_double_le(fullest(), falls[_i].limit + 1e-9);
}
END_TEST

/* Three partitions one after the other were measured; the last one is there. */
static void set_out_by_dice(uint64_t *state)
{
    for (int round = 0; round < 3; round++) {
        double parts[40], sum = 0;

        shard_map_clear(&map);
        random_map(&map, (unsigned)dice_between(state, 20, 40), state);
        for (size_t i = 0; i < map.count; i++)
            sum += parts[i] = pow(dice_fraction(state), 4);
        for (size_t i = 0; i < map.count; i++)
            parts[i] /= sum;
        spread_learn(&spread, &map, parts);
    }
    facts = (struct layout_facts){.map = &map, .spread = &spread, .demand = 20 * dice_fraction(state)};
}

static double fullest_now(void)
{
    double most = 0;

    for (size_t i = 0; i < map.count; i++)
        most = fmax(most, facts.demand * spread_part(&spread, map.items[i].start, map.items[i].end));
    return most;
}

/* Whatever the load: never more than is allowed, complete, and what is given back carries what it carried. */
START_TEST(layouts_of_any_load_keep_to_their_limits)
{
    uint64_t state = (uint64_t)_i + 1;
    double limit = 0.5 + 0.5 * dice_fraction(&state);
    int64_t fewest = dice_between(&state, 1, 20), most = dice_between(&state, 40, 80);

    set_out_by_dice(&state);
    if (layout_give_back(&facts, limit, 0.35, fewest, &layout)) {
        ck_assert_int_ge((int64_t)layout.count, fewest);
        ck_assert_uint_lt(layout.count, map.count);
        for (size_t i = 0; i < layout.count; i++)
            ck_assert(i == 0 ? layout.starts[i] == 0 : layout.starts[i] > layout.starts[i - 1]);
        ck_assert_double_le(fullest(), fmax(limit, fullest_now()) + 1e-9);
    }
    free(layout.starts);
    layout_rise(&facts, limit / 4, fewest, most, &layout);
    ck_assert_int_le((int64_t)layout.count, most);
    for (size_t i = 0, own = 0; i < map.count; i++) { /* every shard still begins where it did */
        while (own < layout.count && layout.starts[own] < map.items[i].start)
            own++;
        ck_assert(own < layout.count && layout.starts[own] == map.items[i].start);
    }
}
END_TEST

static void take_layout(void)
{
    shard_map_clear(&map);
    for (size_t i = 0; i < layout.count; i++)
        add_range(&map, layout.starts[i], i + 1 < layout.count ? layout.starts[i + 1] - 1 : HASHKEY_MAX);
    free(layout.starts);
    layout = (struct layout){0};
}

/* What even load looks like in ten minutes of each shard: some per cent off, the more the narrower. */
static void learn_with_noise(uint64_t *state)
{
    double parts[64];

    for (size_t i = 0; i < map.count; i++) {
        double share = hashkey_share(map.items[i].start, map.items[i].end), off = 0;

        for (int die = 0; die < 4; die++)
            off += dice_fraction(state) - 0.5;
        parts[i] = share * fmax(0, 1 + 0.05 * off / sqrt(share * (double)map.count));
    }
    spread_learn(&spread, &map, parts);
}

START_TEST(an_even_load_that_rises_and_falls_is_not_cut_up_for_its_noise)
{
    uint64_t state = (uint64_t)_i + 1;
    size_t operations = 0;

    even_map(&map, 4);
    for (int look = 0; look < 2000; look++) {
        double demand = 2 + 16 * (look < 1000 ? look : 2000 - look) / 1000.0;

        learn_with_noise(&state);
        facts = (struct layout_facts){.map = &map, .spread = &spread, .demand = demand};
        if (demand > 0.95 * layout_capacity(&facts)) {
            facts.demand *= 1.5;
            layout_rise(&facts, 1, 1, 64, &layout);
        } else if (!layout_give_back(&facts, 0.9, 0.09, 1, &layout)) {
            continue;
        }
        operations += layout.operations;
        take_layout();
        for (size_t i = 0; i < map.count; i++)
            ck_assert_msg(hashkey_share(map.items[i].start, map.items[i].end) * (double)map.count > 0.2,
                          "look %d: a sliver among %zu shards", look, map.count);
        ck_assert_double_le((double)map.count, 2.5 * demand + 2);
    }
    ck_assert_msg(map.count <= 4 && operations < 3000, "%zu shards, %zu operations", map.count, operations);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spread");
    TCase *know = tcase_create("know"), *layouts = tcase_create("layouts");

    tcase_add_test(know, nothing_known_is_even);
    tcase_add_test(know, what_was_measured_outlasts_the_merge);
    tcase_add_test(know, more_is_believed_at_once_and_less_by_halves);
    tcase_add_test(know, what_was_only_guessed_is_replaced_by_what_is_measured);
    tcase_add_test(know, a_key_that_two_cuts_did_not_divide_is_hot_until_it_cools);
    tcase_add_test(know, a_cut_near_the_edge_says_nothing_of_a_hot_key);
    tcase_add_test(know, what_differs_no_more_than_noise_is_even_where_no_shard_begins);
    tcase_add_test(know, a_load_is_halved_where_it_lies_and_beside_a_hot_key);
    tcase_add_test(know, cells_stay_few_and_their_load_is_kept);
    tcase_add_checked_fixture(layouts, NULL, drop);
    tcase_add_loop_test(layouts, a_rise_splits_what_is_too_full, 0, (int)COUNT_OF(rises));
    tcase_add_test(layouts, a_rise_cuts_where_the_load_is_halved_and_not_the_width);
    tcase_add_loop_test(layouts, a_give_back_takes_the_cheapest_partition_in_which_none_is_too_full, 0,
                        (int)COUNT_OF(falls));
    tcase_add_loop_test(layouts, layouts_of_any_load_keep_to_their_limits, 0, 200);
    tcase_add_loop_test(layouts, an_even_load_that_rises_and_falls_is_not_cut_up_for_its_noise, 0, 10);
    suite_add_tcase(suite, know);
    suite_add_tcase(suite, layouts);
    return run_suite(suite);
}
