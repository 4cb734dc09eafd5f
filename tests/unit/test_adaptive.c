/*
 * test_adaptive.c - how many shards the adaptive policy wants.
 */
#include "scaling/adaptive.h"

#include "base/memory.h"
#include "base/text.h"
#include "partition.h"
#include "support.h"

#include <math.h>

enum { MINUTES_MAX = 14 * ADAPTIVE_DAY_MINUTES };

static float minutes[MINUTES_MAX];

static void fill(size_t from, size_t count, double load)
{
    for (size_t i = from; i < from + count; i++)
        minutes[i] = (float)load;
}

/* A day of `before`, an hour of `recent`, then one minute of `now`. */
static struct adaptive_facts facts_of(double before, double recent, double now, int64_t open)
{
    fill(0, ADAPTIVE_DAY_MINUTES, before);
    fill(ADAPTIVE_DAY_MINUTES - 60, 60, recent);
    fill(ADAPTIVE_DAY_MINUTES - 1, 1, now);
    return (struct adaptive_facts){.config = &plain_stream,
                                   .minutes = minutes,
                                   .minute_count = ADAPTIVE_DAY_MINUTES,
                                   .newest_age_ms = 120000,
                                   .open_shards = open,
                                   .capacity = (double)open,
                                   .account_headroom = -1,
                                   .habits = {.hold_minutes = 60, .line = 0.8}};
}

static const struct {
    const char *name;
    double before, recent, now;
    int64_t open, min_shards, headroom;
    enum adaptive_verdict verdict;
    int64_t shards;
} decisions[] = {
    {"below the line nothing happens", 3, 3, 3.1, 4, 1, -1, ADAPTIVE_STAY, 4},
    {"just below the line nothing happens", 3, 3, 3.19, 4, 1, -1, ADAPTIVE_STAY, 4},
    {"above the line a whole generation is split", 3, 3, 3.3, 4, 1, -1, ADAPTIVE_GO, 8},
    {"half as much again must have room", 3, 3, 5.4, 4, 1, -1, ADAPTIVE_GO, 16},
    {"a jump takes as many generations as it needs", 1, 1, 30, 4, 1, -1, ADAPTIVE_GO, 64},
    {"max_shards cuts a generation short", 30, 30, 39, 48, 1, -1, ADAPTIVE_GO, 64},
    {"at max_shards nothing is left to do", 60, 60, 60, 64, 1, -1, ADAPTIVE_STAY, 64},
    {"the account's room cuts it short too", 3, 3, 3.9, 4, 1, 3, ADAPTIVE_GO, 7},
    {"an account without room stops it", 3, 3, 3.9, 4, 1, 0, ADAPTIVE_STAY, 4},
    {"a minimum asks for generations until it is reached", 1, 1, 1, 4, 9, -1, ADAPTIVE_GO, 16},
    {"an hour that half the shards would have fitted gives half of them back", 6, 3, 3, 8, 1, -1, ADAPTIVE_GO,
     4},
    {"with less to spare it does not: the line would be passed at once", 6, 3.1, 3.1, 8, 1, -1, ADAPTIVE_STAY,
     8},
    {"one minute of the hour is enough to keep them", 6, 3, 3.1, 8, 1, -1, ADAPTIVE_STAY, 8},
    {"a few shards less are not worth their operations", 20, 11, 11, 20, 1, -1, ADAPTIVE_STAY, 20},
    {"after a day they are", 11, 11, 11, 20, 1, -1, ADAPTIVE_GO, 15},
    {"also when the last hour was a little higher, as is spared", 10.5, 11, 11, 20, 1, -1, ADAPTIVE_GO, 15},
    {"but not when it was more than that: how far will it go?", 10.4, 11, 11, 20, 1, -1, ADAPTIVE_STAY, 20},
    {"nor when the day before it is unknown", NAN, 11, 11, 20, 1, -1, ADAPTIVE_STAY, 20},
    {"one minute is enough for that", 10.4, 10.4, 11, 20, 1, -1, ADAPTIVE_STAY, 20},
    {"a minimum is not given back", 1, 1, 1, 16, 8, -1, ADAPTIVE_GO, 8},
    {"one shard is the least", 0, 0, 0, 8, 1, -1, ADAPTIVE_GO, 1},
    {"an unknown minute proves nothing", 1, NAN, 1, 8, 1, -1, ADAPTIVE_STAY, 8},
};

START_TEST(the_shards_follow_the_demand)
{
    struct adaptive_facts facts =
        facts_of(decisions[_i].before, decisions[_i].recent, decisions[_i].now, decisions[_i].open);
    struct stream_config config = plain_stream;
    struct adaptive_plan plan;

    config.min_shards = decisions[_i].min_shards;
    facts.config = &config;
    facts.account_headroom = decisions[_i].headroom;
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == decisions[_i].verdict && plan.shards == decisions[_i].shards,
                  "%s: verdict %d, %lld shards: %s", decisions[_i].name, (int)plan.verdict,
                  (long long)plan.shards, plan.reason);
    ck_assert_int_gt(plan.reason[0], 0);
}
END_TEST

START_TEST(an_hour_after_its_highest_minute_a_day_proves_something_again)
{
    struct adaptive_facts facts = facts_of(11, 11, 11, 24);
    struct adaptive_plan plan;

    for (size_t ago = 1; ago <= ADAPTIVE_FRESH_MINUTES + 1; ago++) {
        fill(0, ADAPTIVE_DAY_MINUTES, 11);
        fill(ADAPTIVE_DAY_MINUTES - ago, 1, 13); /* asks for 18 shards */
        adaptive_think(&facts, &plan);
        ck_assert_msg(plan.verdict == (ago > ADAPTIVE_FRESH_MINUTES ? ADAPTIVE_GO : ADAPTIVE_STAY),
                      "%zu minutes ago: %s", ago, plan.reason);
    }
    ck_assert_int_eq(plan.shards, 18);
}
END_TEST

/* From 2 to 30 within five hours, by 3 % more or less, after a day of 2: what is split for it is needed. */
START_TEST(what_a_load_needs_that_rises_above_the_day_is_not_given_back)
{
    enum { RISE_MINUTES = 300 };
    struct adaptive_facts facts = facts_of(2, 2, 2, 3);
    struct adaptive_plan plan;

    for (size_t i = 0; i < RISE_MINUTES; i++)
        minutes[ADAPTIVE_DAY_MINUTES + i] =
            (float)((2 + 28.0 * (double)i / RISE_MINUTES) * (0.97 + 0.06 * (double)((i * 7919) % 97) / 96));
    while (facts.minute_count < ADAPTIVE_DAY_MINUTES + RISE_MINUTES) {
        facts.minute_count++;
        adaptive_think(&facts, &plan);
        ck_assert_msg(plan.verdict == ADAPTIVE_STAY || plan.rises, "minute %zu: %s", facts.minute_count,
                      plan.reason);
        facts.open_shards = plan.shards;
        facts.capacity = (double)plan.shards;
    }
    ck_assert_int_eq(facts.open_shards, 48);
}
END_TEST

static const struct {
    size_t late; /* minutes that CloudWatch has not told yet */
    enum adaptive_verdict verdict;
} lates[] = {{0, ADAPTIVE_GO}, {1, ADAPTIVE_GO}, {3, ADAPTIVE_GO}, {4, ADAPTIVE_STAY}, {10, ADAPTIVE_STAY}};

/* The newest known one began five minutes ago at most. */
START_TEST(minutes_that_are_only_late_do_not_keep_shards)
{
    struct adaptive_facts facts = facts_of(1, 1, 1, 8);
    struct adaptive_plan plan;

    fill(ADAPTIVE_DAY_MINUTES - lates[_i].late, lates[_i].late, NAN);
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == lates[_i].verdict, "%zu late: %s", lates[_i].late, plan.reason);
}
END_TEST

static const struct {
    const char *name;
    double now;
    int64_t open;
    double capacity;
    int64_t goal;
    bool rising;
    enum adaptive_verdict verdict;
    int64_t shards;
    const char *says;
} under_way[] = {
    {"a rise goes on while the load stands", 3.9, 5, 4, 8, true, ADAPTIVE_GO, 8,
     "3.90 shards' worth, 98 % of what 5 uneven shards take, 4.00 (line: 95 %): 5 uneven shards become 8 "
     "even ones, the "},
    {"a rise goes further with the load", 9, 5, 4, 8, true, ADAPTIVE_GO, 16,
     "5 uneven shards become 16 even ones"},
    {"a rise is finished though the line is not passed any more", 3.6, 5, 4, 8, true, ADAPTIVE_STAY, 5,
     "asks for 3.60 shards' worth, 90 %"},
    {"a rise ends when the load has gone", 3.3, 5, 4, 8, true, ADAPTIVE_STOP, 5,
     "asks for 3.30 shards' worth, 82 % of what 5 uneven shards take, 4.00 (line: 95 %): 5 of the 8 shards "
     "that were wanted "
     "are enough"},
    {"it ends so too where more shards are open than were wanted", 6.5, 16, 8, 10, true, ADAPTIVE_STOP, 16,
     "81 % of what 16 uneven shards take, 8.00 (line: 95 %): 16 uneven shards are enough on the way to the "
     "10 "
     "even ones that were wanted"},
    {"fewer even shards may take more than many that are not", 4.03, 15, 4, 0, false, ADAPTIVE_GO, 8,
     "101 % of what 15 uneven shards take, 4.00 (line: 95 %): 15 uneven shards become 8 even ones, the first "
     "whole"},
    {"a rise ends where it was to go", 3.9, 8, 8, 8, true, ADAPTIVE_STOP, 8,
     "49 % of the capacity (line: 95 %): the 8 shards that were wanted are there"},
    {"a fall goes on while the load is low", 3.3, 6, 4, 4, false, ADAPTIVE_STAY, 6, "keeps 6 shards"},
    {"a fall turns when the load comes back", 3.9, 6, 4, 4, false, ADAPTIVE_GO, 8,
     "6 uneven shards become 8 even ones"},
};

START_TEST(an_action_that_runs_follows_the_load)
{
    struct adaptive_facts facts = facts_of(6, 6, under_way[_i].now, under_way[_i].open);
    struct adaptive_plan plan;

    facts.capacity = under_way[_i].capacity;
    facts.goal_shards = under_way[_i].goal;
    facts.rising = under_way[_i].rising;
    facts.habits.line = 0.95;
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == under_way[_i].verdict && plan.shards == under_way[_i].shards &&
                      strstr(plan.reason, under_way[_i].says) != NULL,
                  "%s: verdict %d, %lld shards: %s", under_way[_i].name, (int)plan.verdict,
                  (long long)plan.shards, plan.reason);
    ck_assert_int_eq(plan.look_again_ms, ADAPTIVE_LOOK_SOON_MS);
}
END_TEST

START_TEST(without_a_recent_minute_only_an_alarm_asks_for_shards)
{
    struct adaptive_facts facts = facts_of(3, 3, 3, 4);
    struct adaptive_plan plan;

    facts.newest_age_ms = 6 * 60000;
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_STAY);
    ck_assert(isnan(plan.demand));
    facts.alarmed = true;
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_GO);
    ck_assert_int_eq(plan.shards, 8);
    ck_assert_str_eq(plan.reason,
                     "CloudWatch has no minute of the last 5, so an alarm alone decides: 4 shards "
                     "become 8, the next whole generation");
}
END_TEST

/* On an even stream of 2, unless its name says otherwise. */
static const struct {
    const char *name;
    double now, line;
    int64_t min_shards, max_shards;
    const char *says;
} rises[] = {
    {"the room for a load that goes on rising is told", 6, 0.8, 1, 64,
     ": 2 shards become 16, the first whole generation that takes 1.5 times as much"},
    {"and not when every generation has it", 1.2, 0.5, 1, 64,
     ": 2 shards become 4, the next whole generation"},
    {"a minimum is told as one", 0, 0.8, 12, 64,
     "min_shards is 12: 2 shards become 16, the first whole generation of at least 12 (min_shards)"},
    {"also when the load asks for more too", 1.9, 0.8, 12, 64,
     "95 % of the capacity (line: 80 %): 2 shards become 16, the first whole generation of at least 12 "
     "(min_shards)"},
    {"a ceiling is told with what was aimed at", 6, 0.8, 1, 12,
     ": 2 shards become 12, the first whole generation that takes 1.5 times as much, as far as it is "
     "allowed: "
     "max_shards"},
};

START_TEST(the_reason_of_a_rise_says_why_so_many)
{
    struct adaptive_facts facts = facts_of(0, 0, rises[_i].now, 2);
    struct stream_config config = plain_stream;
    struct adaptive_plan plan;

    config.min_shards = rises[_i].min_shards;
    config.max_shards = rises[_i].max_shards;
    facts.config = &config;
    facts.habits.line = rises[_i].line;
    adaptive_think(&facts, &plan);
    ck_assert_msg(strstr(plan.reason, rises[_i].says) != NULL, "%s: %s", rises[_i].name, plan.reason);
}
END_TEST

START_TEST(a_newest_minute_that_is_unknown_is_the_one_before)
{
    struct adaptive_facts facts = facts_of(3, 3.5, NAN, 4);
    struct adaptive_plan plan;

    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_GO);
    ck_assert_double_eq_tol(plan.demand, 3.5, 1e-6);
}
END_TEST

START_TEST(what_a_rise_left_half_split_is_merged_back_with_the_fewest_operations)
{
    struct adaptive_facts facts = facts_of(10, 5, 5, 12);
    struct shard_map map = {0};
    struct adaptive_plan plan;
    struct error err;
    hashkey middle;

    even_map(&map, 8);
    for (size_t i = 0; i < 8; i += 2) {
        ck_assert(hashkey_middle(map.items[i].start, map.items[i].end, &middle));
        ck_assert_int_eq(shard_map_split(&map, i, middle, &err), 0);
    }
    facts.open_shards = (int64_t)map.count;
    facts.capacity = shard_map_effective(&map);
    facts.shards = &map;
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_GO);
    ck_assert_int_eq(plan.shards, 8);
    ck_assert_ptr_nonnull(strstr(plan.reason, "become 8 by 4 operations"));
    shard_map_clear(&map);
}
END_TEST

/* As many shards as are allowed, even ones; an hour ago the load was `before`. */
static const struct {
    const char *name;
    double before, recent;
    int64_t open;
    enum resharding resharding;
    enum adaptive_verdict verdict;
    int64_t shards;
    bool even;
    const char *ends;
} at_maximum[] = {
    {"half of them is a way without a split", 18, 6.2, 20, RESHARDING_AUTO, ADAPTIVE_GO, 10, true,
     "20 shards become 10 by 10 operations"},
    {"a prime number of shards is merged in pairs, which makes the room", 8, 3.4, 11, RESHARDING_AUTO,
     ADAPTIVE_GO, 6, false,
     "asked for 3.40 shards' worth: 11 shards become 6 by 5 operations; the way to 5 even ones needs room "
     "for one more, and max_shards does not allow it"},
    {"or in threes", 20, 6.6, 27, RESHARDING_AUTO, ADAPTIVE_GO, 9, true,
     "27 shards become 9 by 18 operations"},
    {"pairs that would be too full are left alone", 4, 4, 8, RESHARDING_AUTO, ADAPTIVE_STAY, 8, true,
     "for which 6 of 8 shards would be enough; the way there needs one more, and max_shards does not allow "
     "it"},
    {"UpdateShardCount merges only when it halves", 8, 3.4, 11, RESHARDING_UPDATE, ADAPTIVE_STAY, 11, true,
     "of 11 shards would be enough; the way there needs one more, and max_shards does not allow it"},
};

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

START_TEST(where_nothing_more_may_be_opened_merges_come_first)
{
    struct adaptive_facts facts =
        facts_of(at_maximum[_i].before, at_maximum[_i].recent, at_maximum[_i].recent, at_maximum[_i].open);
    struct stream_config config = plain_stream;
    struct adaptive_plan plan;
    struct shard_map map;

    even_map(&map, (unsigned)at_maximum[_i].open);
    config.max_shards = at_maximum[_i].open;
    config.resharding = at_maximum[_i].resharding;
    facts.config = &config;
    facts.shards = &map;
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == at_maximum[_i].verdict && plan.shards == at_maximum[_i].shards &&
                      (plan.starts == NULL) == at_maximum[_i].even &&
                      ends_with(plan.reason, at_maximum[_i].ends),
                  "%s: verdict %d, %lld shards: %s", at_maximum[_i].name, (int)plan.verdict,
                  (long long)plan.shards, plan.reason);
    adaptive_plan_clear(&plan);
    shard_map_clear(&map);
}
END_TEST

/* A rise that goes on soon would split again what was merged meanwhile. */
START_TEST(while_one_shard_is_too_full_the_others_are_not_merged_for_room)
{
    struct adaptive_facts facts = facts_of(1.55, 1.55, 1.55, 8);
    struct stream_config config = plain_stream;
    struct adaptive_plan plan;
    struct shard_map map;

    even_map(&map, 14);
    while (map.count > 8) { /* half of the keys in one, so they take two shards' worth */
        struct operation merge = {.kind = OPERATION_MERGE, .target = (int64_t)map.count - 1};

        (void)text_copy(merge.shard, sizeof(merge.shard), map.items[0].id);
        (void)text_copy(merge.adjacent, sizeof(merge.adjacent), map.items[1].id);
        apply_operation(&map, &merge);
    }
    config.max_shards = 8;
    facts.config = &config;
    facts.shards = &map;
    facts.capacity = shard_map_effective(&map);
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == ADAPTIVE_GO && plan.shards == 3, "%s", plan.reason);
    adaptive_plan_clear(&plan);
    fill(ADAPTIVE_DAY_MINUTES - 5, 1, 1.65);
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == ADAPTIVE_STAY && plan.shards == 8, "%s", plan.reason);
    shard_map_clear(&map);
}
END_TEST

static bool begins(const struct shard_map *map, hashkey start)
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->items[i].start == start)
            return true;
    }
    return false;
}

/* From any partition: nothing is split, and no shard is too full then; so the load asks for none of them again. */
START_TEST(what_is_merged_for_room_is_never_too_full)
{
    uint64_t state = (uint64_t)_i + 1;
    size_t merged = 0;

    for (int round = 0; round < 200; round++) {
        int64_t open = dice_between(&state, 2, 40);
        struct adaptive_facts facts = facts_of(dice_fraction(&state) * 8, 0, 0, open);
        double recent = dice_fraction(&state) * 8;
        struct stream_config config = plain_stream;
        struct shard_map map = {0};
        struct adaptive_plan plan;

        random_map(&map, (unsigned)open, &state);
        fill(ADAPTIVE_DAY_MINUTES - 60, 60, recent);
        facts.account_headroom = _i % 2 == 0 ? 0 : -1;
        config.max_shards = _i % 2 == 0 ? 64 : open;
        config.min_shards = dice_between(&state, 1, 3);
        facts.config = &config;
        facts.shards = &map;
        facts.capacity = shard_map_effective(&map);
        adaptive_think(&facts, &plan);
        for (int64_t i = 0; plan.starts != NULL && !plan.rises && i < plan.shards; i++) {
            hashkey end = i + 1 < plan.shards ? plan.starts[i + 1] - 1 : HASHKEY_MAX;

            ck_assert(begins(&map, plan.starts[i]));
            ck_assert(recent * hashkey_share(plan.starts[i], end) <= 0.8);
        }
        merged += plan.starts != NULL;
        ck_assert_int_ge(plan.shards, config.min_shards < open ? config.min_shards : open);
        adaptive_plan_clear(&plan);
        shard_map_clear(&map);
    }
    ck_assert_uint_gt(merged, 20);
}
END_TEST

/* Four even shards that carry such parts of the load; the line is 80 %, and 64 shards are allowed, if nothing is said. */
static const struct {
    const char *name;
    double parts[4];
    bool hot; /* the first is one key */
    double before, recent, now;
    enum adaptive_verdict verdict;
    int64_t shards;
    const char *says;
    int64_t max_shards;
    double line;
} by_load[] = {
    {"full on average, but no shard is above the line",
     {0.25, 0.25, 0.25, 0.25},
     false,
     3,
     3,
     3.1,
     ADAPTIVE_STAY,
     4,
     "and fills the fullest shard that can be divided 77 % (line: 80 %)"},
    {"one shard is above it: it alone is split",
     {0.55, 0.15, 0.15, 0.15},
     false,
     1,
     1,
     1.5,
     ADAPTIVE_GO,
     5,
     "fills the fullest shard that can be divided 83 % (line: 80 %): 4 shards become 5, where the load lies, "
     "for "
     "1.5 times as much"},
    {"what half as much again would fill is split with it",
     {0.4, 0.35, 0.15, 0.1},
     false,
     2,
     2,
     2.1,
     ADAPTIVE_GO,
     6,
     "4 shards become 6"},
    {"a hot key is left alone",
     {0.34, 0.22, 0.22, 0.22},
     true,
     3,
     3,
     3,
     ADAPTIVE_STAY,
     4,
     "but for one hot key that fills shardId-000000000000 102 %"},
    {"and what is beside it is merged",
     {0.7, 0.1, 0.1, 0.1},
     true,
     2,
     2,
     2,
     ADAPTIVE_GO,
     2,
     "4 shards become 2 by 2 operations, as the load lies"},
    {"what carries little is merged, what is full stays",
     {0.6, 0.1, 0.1, 0.1},
     false,
     2,
     1.2,
     1.2,
     ADAPTIVE_GO,
     2,
     "4 shards become 2 by 2 operations, as the load lies"},
    {"all that are allowed, though they are not enough for all that are as full",
     {0.25, 0.25, 0.25, 0.25},
     false,
     3,
     3,
     3.6,
     ADAPTIVE_GO,
     5,
     "4 shards become 5, where the load lies, for 1.5 times as much, as far as it is allowed: max_shards",
     .max_shards = 5},
    {"not more",
     {0.25, 0.25, 0.25, 0.25},
     false,
     3,
     3,
     3.6,
     ADAPTIVE_STAY,
     4,
     "(line: 80 %): more than 4 shards are not allowed (max_shards)",
     .max_shards = 4},
    {"above a low line though half as much again would fill it not",
     {0.25, 0.25, 0.25, 0.25},
     false,
     2,
     2,
     2.4,
     ADAPTIVE_GO,
     8,
     "60 % (line: 50 %): 4 shards become 8",
     .line = 0.5},
};

START_TEST(where_the_load_lies_is_known_it_decides)
{
    struct adaptive_facts facts = facts_of(by_load[_i].before, by_load[_i].recent, by_load[_i].now, 4);
    struct stream_config config = plain_stream;
    struct spread spread = {0};
    struct shard_map map;
    struct adaptive_plan plan;

    if (by_load[_i].max_shards > 0)
        config.max_shards = by_load[_i].max_shards;
    if (by_load[_i].line > 0)
        facts.habits.line = by_load[_i].line;
    facts.config = &config;
    even_map(&map, 4);
    spread_learn(&spread, &map, by_load[_i].parts);
    if (by_load[_i].hot)
        spread.cells[0].kept = SPREAD_CUTS_KEPT;
    facts.shards = &map;
    facts.spread = &spread;
    adaptive_think(&facts, &plan);
    ck_assert_msg(plan.verdict == by_load[_i].verdict && plan.shards == by_load[_i].shards &&
                      strstr(plan.reason, by_load[_i].says) != NULL,
                  "%s: verdict %d, %lld shards: %s", by_load[_i].name, (int)plan.verdict,
                  (long long)plan.shards, plan.reason);
    ck_assert(plan.by_load && (plan.hot == &map.items[0]) == by_load[_i].hot);
    ck_assert((plan.starts != NULL) == (plan.verdict == ADAPTIVE_GO));
    adaptive_plan_clear(&plan);
    spread_clear(&spread);
    shard_map_clear(&map);
}
END_TEST

START_TEST(a_stream_that_needs_little_is_looked_at_less_often)
{
    struct adaptive_facts facts = facts_of(1, 1, 1, 4);
    struct adaptive_plan plan;

    facts.habits.hold_minutes = 120; /* nothing is given back yet */
    fill(ADAPTIVE_DAY_MINUTES - 110, 1, 3);
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.verdict, ADAPTIVE_STAY);
    ck_assert_int_eq(plan.look_again_ms, ADAPTIVE_LOOK_LATER_MS);
    fill(ADAPTIVE_DAY_MINUTES - 1, 1, 2.8);
    adaptive_think(&facts, &plan);
    ck_assert_int_eq(plan.look_again_ms, ADAPTIVE_LOOK_SOON_MS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("adaptive");
    TCase *think = tcase_create("think");

    tcase_add_loop_test(think, the_shards_follow_the_demand, 0, COUNT_OF(decisions));
    tcase_add_test(think, an_hour_after_its_highest_minute_a_day_proves_something_again);
    tcase_add_test(think, what_a_load_needs_that_rises_above_the_day_is_not_given_back);
    tcase_add_loop_test(think, minutes_that_are_only_late_do_not_keep_shards, 0, COUNT_OF(lates));
    tcase_add_loop_test(think, an_action_that_runs_follows_the_load, 0, COUNT_OF(under_way));
    tcase_add_test(think, without_a_recent_minute_only_an_alarm_asks_for_shards);
    tcase_add_loop_test(think, the_reason_of_a_rise_says_why_so_many, 0, COUNT_OF(rises));
    tcase_add_test(think, a_newest_minute_that_is_unknown_is_the_one_before);
    tcase_add_test(think, what_a_rise_left_half_split_is_merged_back_with_the_fewest_operations);
    tcase_add_loop_test(think, where_nothing_more_may_be_opened_merges_come_first, 0, COUNT_OF(at_maximum));
    tcase_add_test(think, while_one_shard_is_too_full_the_others_are_not_merged_for_room);
    tcase_add_loop_test(think, what_is_merged_for_room_is_never_too_full, 0, 8);
    tcase_add_loop_test(think, where_the_load_lies_is_known_it_decides, 0, COUNT_OF(by_load));
    tcase_add_test(think, a_stream_that_needs_little_is_looked_at_less_often);
    suite_add_tcase(suite, think);
    return run_suite(suite);
}
