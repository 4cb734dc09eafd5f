/*
 * test_lineage.c - where a range is split when its past is known, and when splitting is no use.
 */
#include "scaling/lineage.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

/* 1/16 of the key space. */
#define STEP ((hashkey)1 << 124)

/* In sixteenths: [start, end) was split at `at`. */
static struct lineage_split split_of(unsigned start, unsigned end, unsigned at, double lower, double upper,
                                     int64_t at_ms)
{
    return (struct lineage_split){.parent = "parent",
                                  .start = STEP * start,
                                  .end = STEP * end - 1,
                                  .at = STEP * at,
                                  .lower_load = lower,
                                  .upper_load = upper,
                                  .at_ms = at_ms};
}

/* -- where the load is halved --------------------------------------------------------------------------- */

/* The key to split [start, end) at, in sixteenths; up to three splits, those after them zeroed. */
static const struct {
    const char *name;
    struct {
        unsigned start, end, at;
        double lower, upper;
    } splits[3];
    unsigned start, end;
    double key;
    double lower_part;
} cases[] = {
    {"nothing known: the middle", {{0}}, 0, 16, 8, 0.5},
    {"a merged pair is split where its load is halved", {{0, 16, 8, 0.8, 0.2}}, 0, 16, 5, 0.5},
    {"all on one side", {{0, 16, 8, 0, 3}}, 0, 16, 12, 0.5},
    {"known to be even", {{0, 16, 8, 2, 2}}, 0, 16, 8, 0.5},
    {"nearly even is left even", {{0, 16, 8, 0.55, 0.45}}, 0, 16, 8, 0.55},
    {"what was split off centre and is even there", {{0, 16, 4, 1, 1}}, 0, 16, 4, 0.5},
    {"splits of splits", {{0, 16, 8, 0.2, 0.8}, {8, 16, 12, 0.9, 0.1}}, 0, 16, 8 + 0.3 / 0.72 * 4, 0.5},
    {"a newer split of the whole keeps the shape of its halves",
     {{8, 16, 12, 0.9, 0.1}, {0, 16, 8, 0.2, 0.8}},
     0,
     16,
     8 + 0.3 / 0.72 * 4,
     0.5},
    {"the same split again counts as it was the last time",
     {{0, 16, 8, 0.9, 0.1}, {0, 16, 8, 0.2, 0.8}},
     0,
     16,
     8 + 0.3 / 0.8 * 8,
     0.5},
    {"a child by itself has only its middle", {{0, 16, 8, 0.9, 0.1}}, 0, 8, 4, 0.5},
    {"a part of an older parent", {{0, 16, 8, 0.8, 0.2}}, 4, 16, 7, 0.5}, /* 4 to 8: 0.4; 8 to 16: 0.2 */
    {"a parent that lies within", {{4, 8, 6, 0, 5}}, 0, 16, 8, 0.5},      /* a quarter in 6 to 8 */
    {"what lies elsewhere says nothing", {{8, 16, 12, 1, 9}}, 0, 8, 4, 0.5},
    {"unknown loads say nothing", {{0, 16, 8, NAN, 1}}, 0, 16, 8, 0.5},
    {"nor do impossible ones", {{0, 16, 8, -1, 1}, {0, 16, 8, INFINITY, 1}, {0, 16, 8, 0, 0}}, 0, 16, 8, 0.5},
    {"nor a split outside itself", {{4, 8, 2, 1, 9}, {4, 8, 4, 1, 9}, {4, 8, 9, 1, 9}}, 0, 16, 8, 0.5},
};

START_TEST(a_range_is_split_where_its_past_says)
{
    struct lineage_split splits[3] = {{{0}}};
    hashkey key = 0;
    double lower_part = 0;

    for (size_t i = 0; i < COUNT_OF(splits); i++)
        splits[i] = split_of(cases[_i].splits[i].start, cases[_i].splits[i].end, cases[_i].splits[i].at,
                             cases[_i].splits[i].lower, cases[_i].splits[i].upper, (int64_t)i);
    for (int turn = 0; turn < 2; turn++) { /* in any order */
        ck_assert(lineage_split_key(splits, COUNT_OF(splits), STEP * cases[_i].start,
                                    STEP * cases[_i].end - 1, &key, &lower_part));
        ck_assert_msg(fabs(hashkey_share(0, key) * 16 - cases[_i].key) < 1e-7, "%s: %g", cases[_i].name,
                      hashkey_share(0, key) * 16);
        ck_assert_double_eq_tol(lower_part, cases[_i].lower_part, 1e-7);
        {
            struct lineage_split first = splits[0];

            splits[0] = splits[2];
            splits[2] = first;
        }
    }
}
END_TEST

START_TEST(without_splits_it_is_the_middle_to_the_key)
{
    const hashkey ends[] = {3, 4, 5, 1000, HASHKEY_MAX};
    hashkey key, middle;
    double lower_part;

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        ck_assert(lineage_split_key(NULL, 0, 0, ends[i], &key, &lower_part));
        ck_assert(hashkey_middle(0, ends[i], &middle));
        ck_assert(key == middle);
    }
    key = 77;
    ck_assert(!lineage_split_key(NULL, 0, 10, 12, &key, &lower_part)); /* three keys */
    ck_assert(key == 77);
}
END_TEST

START_TEST(a_key_at_the_very_edge_is_kept_within_what_aws_allows)
{
    /* All of the load on the first two keys, or on the last one. */
    const struct lineage_split first = {.start = 0, .end = HASHKEY_MAX, .at = 2, .lower_load = 1};
    const struct lineage_split last = {.start = 0, .end = HASHKEY_MAX, .at = HASHKEY_MAX, .upper_load = 1};
    double lower_part = 0;
    hashkey key = 0;

    ck_assert(lineage_split_key(&first, 1, 0, HASHKEY_MAX, &key, &lower_part));
    ck_assert(key == 2);
    ck_assert_double_eq_tol(lower_part, 1, 1e-9);
    ck_assert(lineage_split_key(&last, 1, 0, HASHKEY_MAX, &key, &lower_part));
    ck_assert(key == HASHKEY_MAX - 1);
    ck_assert_double_eq_tol(lower_part, 0, 1e-9);
}
END_TEST

/* Histories of splits and merges, with every load known: the halves are halves unless no key can do it. */
START_TEST(any_history_gives_a_legal_key_and_a_fair_half)
{
    uint64_t state = 613 * ((uint64_t)_i + 1);

    for (int n = 0; n < 100; n++) {
        struct lineage_split splits[40];
        size_t count = (size_t)dice_between(&state, 0, 40);
        unsigned start, end;
        double lower_part = -1;
        hashkey key = 0;

        for (size_t i = 0; i < count; i++) {
            unsigned from = (unsigned)dice_between(&state, 0, 14), to;

            to = (unsigned)dice_between(&state, from + 2, 16);
            splits[i] = split_of(from, to, (unsigned)dice_between(&state, from + 1, to - 1),
                                 0.01 + dice_fraction(&state), 0.01 + dice_fraction(&state),
                                 dice_between(&state, 0, 20));
        }
        start = (unsigned)dice_between(&state, 0, 15);
        end = (unsigned)dice_between(&state, start + 1, 16);
        ck_assert(lineage_split_key(splits, count, STEP * start, STEP * end - 1, &key, &lower_part));
        ck_assert(key >= STEP * start + 2 && key <= STEP * end - 2);
        ck_assert_double_ge(lower_part, 1 - EVEN_HALF_PART - 1e-9);
        ck_assert_double_le(lower_part, EVEN_HALF_PART + 1e-9);
    }
}
END_TEST

/* -- hot keys ------------------------------------------------------------------------------------------- */

/* 0..16 was split at 8, then the upper half, "half", at 12. */
static const struct {
    const char *name;
    double lower_1, upper_1, lower_2, upper_2;
    unsigned start, end; /* of the shard asked about */
    double part;         /* 0: not hot */
} lineages[] = {
    {"it followed one child twice", 0.1, 1.5, 1.6, 0.1, 8, 12, 1.5 / 1.6},
    {"to the other side", 0.1, 1.5, 0.05, 1.6, 12, 16, 1.5 / 1.6},
    {"the sibling is not hot", 0.1, 1.5, 1.6, 0.1, 12, 16, 0},
    {"once is not enough", 0.5, 1.5, 1.6, 0.1, 8, 12, 0},
    {"nor is the second time alone", 0.1, 1.5, 1, 0.2, 8, 12, 0},
    {"exactly nine tenths are", 1, 9, 9, 1, 8, 12, 0.9},
    {"what is not known is not held against it", 0.1, 1.5, NAN, NAN, 8, 12, 0},
    {"nor what was not measured the first time", NAN, NAN, 1.6, 0.1, 8, 12, 0},
    {"no load, no key", 0, 0, 0, 0, 8, 12, 0},
    {"another range", 0.1, 1.5, 1.6, 0.1, 8, 11, 0},
    {"the first split alone", 0.1, 1.5, 1.6, 0.1, 8, 16, 0},
};

START_TEST(a_load_that_followed_one_child_through_two_splits_is_a_hot_key)
{
    struct lineage_split splits[] = {
        split_of(8, 16, 12, lineages[_i].lower_2, lineages[_i].upper_2, 2000),
        split_of(0, 16, 8, lineages[_i].lower_1, lineages[_i].upper_1, 1000),
    };
    struct shard shard = {.id = "quarter",
                          .parent = "parent",
                          .start = STEP * lineages[_i].start,
                          .end = STEP * lineages[_i].end - 1};
    struct hot_key hot = {0};

    ck_assert_msg(lineage_hot_key(splits, 2, &shard, &hot) == (lineages[_i].part > 0), "%s",
                  lineages[_i].name);
    ck_assert_double_eq_tol(hot.part, lineages[_i].part, 1e-12);
    if (lineages[_i].part > 0)
        ck_assert(hot.start == shard.start && hot.end == shard.end);
}
END_TEST

START_TEST(what_was_merged_or_split_anew_since_is_no_lineage)
{
    struct lineage_split splits[] = {split_of(0, 16, 8, 0.1, 1.5, 1000), split_of(8, 16, 12, 1.6, 0.1, 2000),
                                     split_of(8, 16, 12, 1, 1, 3000)};
    struct shard shard = {.id = "quarter", .parent = "parent", .start = STEP * 8, .end = STEP * 12 - 1};
    struct hot_key hot;

    ck_assert(lineage_hot_key(splits, 2, &shard, &hot));
    ck_assert(!lineage_hot_key(splits, 3, &shard, &hot)); /* the last time it was even */
    ck_assert(!lineage_hot_key(splits, 1, &shard, &hot));
    ck_assert(!lineage_hot_key(NULL, 0, &shard, &hot));

    snprintf(shard.adjacent_parent, sizeof(shard.adjacent_parent), "other"); /* from a merge */
    ck_assert(!lineage_hot_key(splits, 2, &shard, &hot));
    shard.adjacent_parent[0] = '\0';
    snprintf(shard.parent, sizeof(shard.parent), "other"); /* of a split that we do not know */
    ck_assert(!lineage_hot_key(splits, 2, &shard, &hot));

    snprintf(shard.parent, sizeof(shard.parent), "parent");
    splits[0].at_ms = 2001; /* that of the parent came after that of its child */
    ck_assert(!lineage_hot_key(splits, 2, &shard, &hot));
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("lineage");
    TCase *tcase = tcase_create("lineage");

    tcase_add_loop_test(tcase, a_range_is_split_where_its_past_says, 0, COUNT_OF(cases));
    tcase_add_test(tcase, without_splits_it_is_the_middle_to_the_key);
    tcase_add_test(tcase, a_key_at_the_very_edge_is_kept_within_what_aws_allows);
    tcase_add_loop_test(tcase, any_history_gives_a_legal_key_and_a_fair_half, 0, 20);
    tcase_add_loop_test(tcase, a_load_that_followed_one_child_through_two_splits_is_a_hot_key, 0,
                        COUNT_OF(lineages));
    tcase_add_test(tcase, what_was_merged_or_split_anew_since_is_no_lineage);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
