/*
 * test_plan_up.c - what each situation asks for, and the sentence that says so.
 *
 * Loads are in shards' worth: 2.4 is 2.4 MiB/s.  Shard-level metrics have test_plan_shards.c, and what holds
 * for all input test_plan_properties.c.
 */
#include "scaling/plan_up.h"

#include "base/memory.h"
#include "partition.h"
#include "support.h"

#include <math.h>

/* A case says only what makes it different; the rest stays zero. */
static const struct {
    const char *name;
    int64_t mode, min, max; /* split; 1; 64 */
    unsigned shards;
    double load;     /* unknown */
    double accepted; /* all of the load */
    double throttled;
    bool calm; /* no alarm */
    int64_t goal;
    enum up_basis goal_basis;
    bool spent;
    int64_t room; /* unknown */
    bool has_room;
    int updates;
    double seconds_per_shard;
    enum up_verdict verdict;
    enum up_limit limit;
    enum up_basis basis;
    size_t splits, calls;
    int64_t to; /* as many as there are */
} cases[] = {
    /* by load */
    {"a stream within its target is left alone", .shards = 4, .load = 2.4, .verdict = UP_ENOUGH},
    {"a stream above its target doubles", .shards = 4, .load = 2.41, .verdict = UP_RESHARD, .splits = 4,
     .to = 8},
    {"twice, when once does not do", .shards = 4, .load = 4.81, .verdict = UP_RESHARD, .splits = 12,
     .to = 16},
    {"a single shard is split", .shards = 1, .load = 0.9, .verdict = UP_RESHARD, .splits = 1, .to = 2},
    {"three shards, whose shares are no doubles, fit exactly", .shards = 3, .load = 1.8,
     .verdict = UP_ENOUGH},
    {"without an alarm nothing is done", .shards = 4, .load = 9, .calm = true, .verdict = UP_ENOUGH},
    {"without an alarm and metrics neither", .shards = 4, .calm = true, .verdict = UP_ENOUGH,
     .basis = UP_BASIS_BLIND},
    {"a goal that fits exactly is not doubled for a demand that was measured again", .shards = 10,
     .load = 6.05, .goal = 10, .goal_basis = UP_BASIS_LOAD, .verdict = UP_ENOUGH},
    {"but for one that has risen", .shards = 10, .load = 6.07, .goal = 10, .goal_basis = UP_BASIS_LOAD,
     .verdict = UP_RESHARD, .splits = 10, .to = 20},
    {"and half way to the goal the target stands as it is", .shards = 8, .load = 4.82, .goal = 10,
     .goal_basis = UP_BASIS_LOAD, .verdict = UP_RESHARD, .splits = 8, .to = 16},
    {"who has no goal yet has none to keep to", .shards = 10, .load = 6.05, .verdict = UP_RESHARD,
     .splits = 10, .to = 20},
    /* bounds */
    {"full shards are relieved as far as max_shards allows", .shards = 4, .load = 4, .max = 6,
     .verdict = UP_RESHARD, .limit = LIMIT_MAX_SHARDS, .splits = 2, .to = 6},
    {"above the threshold too", .shards = 4, .load = 3.21, .max = 6, .verdict = UP_RESHARD,
     .limit = LIMIT_MAX_SHARDS, .splits = 2, .to = 6},
    {"a part of a generation is not split for nothing", .shards = 4, .load = 3.2, .max = 6,
     .verdict = UP_LIMITED, .limit = LIMIT_MAX_SHARDS},
    {"the generations that fit are", .shards = 4, .load = 5.5, .max = 14, .verdict = UP_RESHARD,
     .limit = LIMIT_MAX_SHARDS, .splits = 4, .to = 8},
    {"at max_shards nothing more is possible", .shards = 4, .load = 4, .max = 4, .verdict = UP_LIMITED,
     .limit = LIMIT_MAX_SHARDS},
    {"nor above it", .shards = 4, .load = 4, .max = 3, .verdict = UP_LIMITED, .limit = LIMIT_MAX_SHARDS},
    {"the account may be tighter than max_shards", .shards = 4, .load = 4, .has_room = true, .room = 3,
     .verdict = UP_RESHARD, .limit = LIMIT_ACCOUNT, .splits = 3, .to = 7},
    {"an account without room ends it", .shards = 4, .load = 4, .has_room = true, .verdict = UP_LIMITED,
     .limit = LIMIT_ACCOUNT},
    {"a full account does not matter to who has enough", .shards = 4, .load = 2, .has_room = true,
     .verdict = UP_ENOUGH},
    /* minimum */
    {"fewer than min_shards are brought up without an alarm", .shards = 2, .load = 0.1, .calm = true,
     .min = 5, .verdict = UP_RESHARD, .basis = UP_BASIS_MINIMUM, .splits = 3, .to = 5},
    {"and without metrics", .shards = 2, .calm = true, .min = 4, .verdict = UP_RESHARD,
     .basis = UP_BASIS_MINIMUM, .splits = 2, .to = 4},
    {"load that needs more than min_shards leads", .shards = 2, .load = 4, .min = 4, .verdict = UP_RESHARD,
     .splits = 6, .to = 8},
    {"load that needs less follows", .shards = 2, .load = 1.5, .min = 6, .verdict = UP_RESHARD, .splits = 4,
     .to = 6},
    {"the account may forbid even the minimum", .shards = 2, .calm = true, .min = 4, .has_room = true,
     .room = 1, .verdict = UP_RESHARD, .limit = LIMIT_ACCOUNT, .basis = UP_BASIS_MINIMUM, .splits = 1,
     .to = 3},
    {"a blind action that began below the minimum ends there", .shards = 4, .min = 4, .goal = 4,
     .goal_basis = UP_BASIS_MINIMUM, .verdict = UP_ENOUGH, .basis = UP_BASIS_BLIND},
    {"the minimum is reached though a part of a generation is no capacity", .shards = 4, .load = 3, .min = 5,
     .max = 6, .verdict = UP_RESHARD, .limit = LIMIT_MAX_SHARDS, .splits = 1, .to = 5},
    /* blind */
    {"without metrics a generation is split", .shards = 4, .verdict = UP_RESHARD, .basis = UP_BASIS_BLIND,
     .splits = 4, .to = 8},
    {"and then gone on with to the goal", .shards = 5, .goal = 8, .goal_basis = UP_BASIS_BLIND,
     .verdict = UP_RESHARD, .basis = UP_BASIS_BLIND, .splits = 3, .to = 8},
    {"and no further", .shards = 8, .goal = 8, .goal_basis = UP_BASIS_BLIND, .verdict = UP_ENOUGH,
     .basis = UP_BASIS_BLIND},
    {"metrics that turn up decide alone: less", .shards = 5, .load = 2, .goal = 8,
     .goal_basis = UP_BASIS_BLIND, .verdict = UP_ENOUGH},
    {"metrics that turn up decide alone: more", .shards = 8, .load = 8, .goal = 8,
     .goal_basis = UP_BASIS_BLIND, .verdict = UP_RESHARD, .splits = 8, .to = 16},
    {"metrics that vanish leave the goal", .shards = 5, .goal = 8, .goal_basis = UP_BASIS_LOAD,
     .verdict = UP_RESHARD, .basis = UP_BASIS_BLIND, .splits = 3, .to = 8},
    {"blindly, too, max_shards holds", .shards = 4, .max = 6, .verdict = UP_RESHARD,
     .limit = LIMIT_MAX_SHARDS, .basis = UP_BASIS_BLIND, .splits = 2, .to = 6},
    /* skew */
    {"throttled while not full: one generation", .shards = 8, .load = 12, .accepted = 3, .throttled = 500,
     .verdict = UP_RESHARD, .basis = UP_BASIS_SKEW, .splits = 8, .to = 16},
    {"once", .shards = 16, .load = 12, .accepted = 3, .throttled = 500, .spent = true, .verdict = UP_LIMITED,
     .limit = LIMIT_SKEW, .basis = UP_BASIS_SKEW},
    {"what was spent by this very action does not stop it", .shards = 12, .load = 12, .accepted = 3,
     .throttled = 500, .spent = true, .goal = 16, .goal_basis = UP_BASIS_SKEW, .verdict = UP_RESHARD,
     .basis = UP_BASIS_SKEW, .splits = 4, .to = 16},
    {"its goal ends it", .shards = 16, .load = 12, .accepted = 3, .throttled = 500, .goal = 16,
     .goal_basis = UP_BASIS_SKEW, .verdict = UP_ENOUGH, .basis = UP_BASIS_SKEW},
    {"a generation is finished though the throttling has ended", .shards = 12, .load = 3, .goal = 16,
     .goal_basis = UP_BASIS_SKEW, .verdict = UP_RESHARD, .basis = UP_BASIS_SKEW, .splits = 4, .to = 16},
    {"throttled while full: by load", .shards = 8, .load = 12, .accepted = 5.6, .throttled = 500,
     .verdict = UP_RESHARD, .splits = 24, .to = 32},
    {"an action that began on load is not doubted half way", .shards = 16, .load = 12, .accepted = 8,
     .throttled = 500, .goal = 32, .goal_basis = UP_BASIS_LOAD, .verdict = UP_RESHARD, .splits = 16,
     .to = 32},
    {"what is accepted may need more all the same", .shards = 8, .load = 30, .accepted = 5.5,
     .throttled = 500, .spent = true, .verdict = UP_RESHARD, .basis = UP_BASIS_SKEW, .splits = 8, .to = 16},
    {"a blind action that meets skew keeps to its goal", .shards = 5, .load = 30, .accepted = 2,
     .throttled = 500, .goal = 8, .goal_basis = UP_BASIS_BLIND, .verdict = UP_RESHARD, .basis = UP_BASIS_SKEW,
     .splits = 3, .to = 8},
    /* UpdateShardCount */
    {"an update goes to the fewest that are enough", RESHARDING_UPDATE, .shards = 16, .load = 14.56,
     .verdict = UP_RESHARD, .calls = 1, .to = 25},
    {"at most doubling per call", RESHARDING_UPDATE, .shards = 4, .load = 10.8, .verdict = UP_RESHARD,
     .calls = 3, .to = 18},
    {"at least one more", RESHARDING_UPDATE, .shards = 4, .calm = true, .min = 5, .verdict = UP_RESHARD,
     .basis = UP_BASIS_MINIMUM, .calls = 1, .to = 5},
    {"at max_shards there is no update either", RESHARDING_UPDATE, .shards = 4, .load = 3, .max = 4,
     .verdict = UP_LIMITED, .limit = LIMIT_MAX_SHARDS},
    {"to max_shards, which helps a little", RESHARDING_UPDATE, .shards = 4, .load = 9, .max = 6,
     .verdict = UP_RESHARD, .limit = LIMIT_MAX_SHARDS, .calls = 1, .to = 6},
    {"as far as the calls of the day lead", RESHARDING_UPDATE, .shards = 4, .load = 10.8, .updates = 9,
     .verdict = UP_RESHARD, .limit = LIMIT_UPDATES, .calls = 1, .to = 8},
    {"no call left", RESHARDING_UPDATE, .shards = 4, .load = 10.8, .updates = 10, .verdict = UP_LIMITED,
     .limit = LIMIT_UPDATES},
    {"short-lived shards need room in the account", RESHARDING_UPDATE, .shards = 4, .load = 3.6,
     .has_room = true, .room = 2, .verdict = UP_RESHARD, .limit = LIMIT_ACCOUNT, .calls = 1, .to = 5},
    {"doubling needs none", RESHARDING_UPDATE, .shards = 4, .load = 4.8, .has_room = true, .room = 4,
     .verdict = UP_RESHARD, .calls = 1, .to = 8},
    {"no room for a short-lived one", RESHARDING_UPDATE, .shards = 4, .load = 3, .has_room = true, .room = 1,
     .verdict = UP_LIMITED, .limit = LIMIT_ACCOUNT},
    {"blindly it doubles", RESHARDING_UPDATE, .shards = 5, .verdict = UP_RESHARD, .basis = UP_BASIS_BLIND,
     .calls = 1, .to = 10},
    {"for skew too", RESHARDING_UPDATE, .shards = 4, .load = 9, .accepted = 1, .throttled = 9,
     .verdict = UP_RESHARD, .basis = UP_BASIS_SKEW, .calls = 1, .to = 8},
    /* auto */
    {"few splits are sooner", RESHARDING_AUTO, .shards = 5, .load = 5, .verdict = UP_RESHARD, .splits = 5,
     .to = 10},
    {"a tie goes to the splits", RESHARDING_AUTO, .shards = 6, .load = 6, .verdict = UP_RESHARD, .splits = 6,
     .to = 12},
    {"many are not", RESHARDING_AUTO, .shards = 7, .load = 6, .verdict = UP_RESHARD, .calls = 1, .to = 10},
    {"a few splits save a call", RESHARDING_AUTO, .shards = 4, .load = 9.6, .verdict = UP_RESHARD,
     .splits = 4, .calls = 1, .to = 16},
    {"unless there is no room for a short-lived shard", RESHARDING_AUTO, .shards = 4, .load = 9.6,
     .has_room = true, .room = 12, .verdict = UP_RESHARD, .splits = 12, .to = 16},
    {"a slow stream is split", RESHARDING_AUTO, .shards = 16, .load = 14.56, .seconds_per_shard = 20,
     .verdict = UP_RESHARD, .splits = 16, .to = 32},
    {"a quick one is not", RESHARDING_AUTO, .shards = 4, .load = 4, .seconds_per_shard = 2,
     .verdict = UP_RESHARD, .calls = 1, .to = 7},
    {"max_shards leaves an even stream more than a part of a generation", RESHARDING_AUTO, .shards = 4,
     .load = 3.2, .max = 6, .verdict = UP_RESHARD, .calls = 1, .to = 6},
    {"the last two calls are kept", RESHARDING_AUTO, .shards = 16, .load = 14, .updates = 8,
     .verdict = UP_RESHARD, .splits = 16, .to = 32},
    {"for a stream that throttles", RESHARDING_AUTO, .shards = 16, .load = 14, .accepted = 13, .throttled = 1,
     .updates = 9, .verdict = UP_RESHARD, .calls = 1, .to = 24},
    {"with no call left it is split", RESHARDING_AUTO, .shards = 16, .load = 14, .accepted = 13,
     .throttled = 1, .updates = 10, .verdict = UP_RESHARD, .splits = 16, .to = 32},
    {"a call less means more splits first", RESHARDING_AUTO, .shards = 10, .load = 24, .updates = 7,
     .verdict = UP_RESHARD, .splits = 10, .calls = 1, .to = 40},
    {"skew is split", RESHARDING_AUTO, .shards = 40, .load = 40, .accepted = 4, .throttled = 9,
     .verdict = UP_RESHARD, .limit = LIMIT_MAX_SHARDS, .basis = UP_BASIS_SKEW, .splits = 24, .to = 64},
    {"blindly it takes what is sooner", RESHARDING_AUTO, .shards = 30, .verdict = UP_RESHARD,
     .basis = UP_BASIS_BLIND, .calls = 1, .to = 60},
};

START_TEST(plan_follows_the_table)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct stream_config config = plain_stream;
    struct up_facts facts = {&config,
                             &map,
                             .alarmed = !cases[_i].calm,
                             .account_headroom = -1,
                             .goal_shards = cases[_i].goal,
                             .goal_basis = cases[_i].goal_basis,
                             .skew_spent = cases[_i].spent,
                             .updates_24h = cases[_i].updates,
                             .update_seconds_per_shard = cases[_i].seconds_per_shard};
    size_t splits = 0;

    even_map(&map, cases[_i].shards);
    config.resharding = cases[_i].mode;
    config.min_shards = cases[_i].min > 0 ? cases[_i].min : 1;
    config.max_shards = cases[_i].max > 0 ? cases[_i].max : 64;
    if (cases[_i].has_room)
        facts.account_headroom = cases[_i].room;
    if (cases[_i].load > 0) {
        facts.demand = worth(cases[_i].load);
        facts.demand.throttled_records_per_s = cases[_i].throttled;
        if (cases[_i].accepted > 0)
            facts.demand.accepted_bytes_per_s = cases[_i].accepted * SHARD_BYTES_PER_S;
    }
    plan_up(&facts, &plan);

    for (size_t i = 0; i < plan.operation_count; i++)
        splits += plan.operations[i].kind == OPERATION_SPLIT;
    ck_assert_msg(plan.verdict == cases[_i].verdict && plan.limit == cases[_i].limit &&
                      plan.basis == cases[_i].basis && splits == cases[_i].splits &&
                      plan.operation_count - splits == cases[_i].calls &&
                      plan.to_shards == (cases[_i].to > 0 ? cases[_i].to : (int64_t)cases[_i].shards),
                  "%s: verdict %d, limit %s, basis %s, %zu splits, %zu calls, to %lld (%s)", cases[_i].name,
                  plan.verdict, up_limit_name(plan.limit), up_basis_name(plan.basis), splits,
                  plan.operation_count - splits, (long long)plan.to_shards, plan.reason);
}
END_TEST

START_TEST(a_generation_is_split_from_the_lowest_range_up_at_the_middle)
{
    for (unsigned count = 1; count <= 40; count++) {
        SCOPED(shard_map_clear) struct shard_map map = {0};
        SCOPED(up_plan_clear) struct up_plan plan = {0};
        struct up_facts facts = {&plain_stream, &map, worth(0.7 * count), .alarmed = true,
                                 .account_headroom = -1};

        even_map(&map, count);
        plan_up(&facts, &plan);
        ck_assert_uint_eq(plan.operation_count, count > 32 ? 0 : count);
        for (size_t i = 0; i < plan.operation_count; i++) {
            hashkey middle;

            ck_assert(hashkey_middle(map.items[i].start, map.items[i].end, &middle));
            ck_assert_int_eq(plan.operations[i].kind, OPERATION_SPLIT);
            ck_assert_str_eq(plan.operations[i].shard, map.items[i].id);
            ck_assert(plan.operations[i].new_start == middle);
            ck_assert_int_eq(plan.operations[i].target, (int64_t)(count + i + 1));
        }
    }
}
END_TEST

START_TEST(the_figures_of_a_plan_belong_together)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct stream_config config = plain_stream;
    struct up_facts facts = {&config, &map, worth(9.6), .alarmed = true, .account_headroom = -1};

    config.resharding = RESHARDING_AUTO;
    even_map(&map, 4);
    plan_up(&facts, &plan); /* 4 splits, then one call */
    ck_assert_int_eq(plan.from_shards, 4);
    ck_assert_int_eq(plan.to_shards, 16);
    ck_assert_int_eq(plan.peak_shards, 17);
    ck_assert_int_eq(plan.seconds, 4 * 30 + 180);
    ck_assert_double_eq_tol(plan.utilization_now, 2.4, 1e-12);
    ck_assert_double_eq_tol(plan.utilization_after, 0.6, 1e-12);
    ck_assert_int_eq(plan.operations[4].kind, OPERATION_UPDATE);
    ck_assert_int_eq(plan.operations[4].target, 16);
}
END_TEST

static const struct {
    struct demand demand;
    int64_t max_shards, min_shards;
    unsigned shards;
    bool calm, spent;
    int64_t goal;
    enum up_basis goal_basis;
    const char *reason;
} sentences[] = {
    {{.known = true, .bytes_per_s = 14.56 * 1048576, .records_per_s = 9100},
     64,
     1,
     16,
     .reason =
         "14.6 MiB/s and 9,100 records/s on 16 shards fill the widest to 91 %, above the target of 60 %: "
         "16 splits to 32 shards leave 46 %"},
    {{.known = true, .bytes_per_s = 90 * 1024, .records_per_s = 999.6},
     2,
     1,
     1,
     .reason = "90.0 KiB/s and 1,000 records/s on 1 shard fill it to 100 %, above the target of 60 %: "
               "1 split to 2 shards leaves 50 %"},
    {{.known = true, .bytes_per_s = 0, .records_per_s = 2412345},
     16,
     1,
     16,
     .reason =
         "0.0 KiB/s and 2,412,345 records/s on 16 shards fill the widest to 15077 %, above the target of "
         "60 %, but max_shards is 16"},
    {{.known = true, .records_per_s = 2404},
     6,
     1,
     4,
     .reason =
         "0.0 KiB/s and 2,404 records/s on 4 shards fill the widest to 60.10 %, above the target of 60 %, "
         "but max_shards is 6, and splitting a part of a generation adds no capacity"},
    {{.known = true, .records_per_s = 1200},
     64,
     1,
     4,
     .reason =
         "0.0 KiB/s and 1,200 records/s on 4 shards fill the widest to 30 %, within the target of 60 %"},
    {{.known = true, .records_per_s = 4830},
     64,
     1,
     8,
     .goal = 8,
     .goal_basis = UP_BASIS_LOAD,
     .reason = "0.0 KiB/s and 4,830 records/s on 8 shards fill the widest to 60.38 %, no more than 1 % above "
               "the target of 60 %"},
    {{.known = true, .records_per_s = 1200},
     64,
     1,
     4,
     .calm = true,
     .reason = "no alarm asks for more: 0.0 KiB/s and 1,200 records/s on 4 shards fill the widest to 30 %"},
    {{0}, 64, 1, 4, .calm = true, .reason = "no alarm asks for more"},
    {{0}, 64, 3, 1, .calm = true, .reason = "1 open shard, min_shards is 3: 2 splits to 3 shards"},
    {{0}, 64, 1, 4, .reason = "an alarm stands and no metrics tell how much is needed: 4 splits to 8 shards"},
    {{0},
     64,
     1,
     8,
     .goal = 8,
     .goal_basis = UP_BASIS_BLIND,
     .reason = "an alarm stands and no metrics tell how much is needed, but the 8 shards aimed at are open"},
    {{.known = true, .records_per_s = 3600, .accepted_records_per_s = 1600, .throttled_records_per_s = 2000},
     64,
     1,
     4,
     .reason =
         "records are throttled while what is accepted fills 4 shards to 40 % on average: 4 splits to 8 "
         "shards leave 20 %; to find the hot shard, turn on IncomingBytes, IncomingRecords and "
         "WriteProvisionedThroughputExceeded with EnableEnhancedMonitoring"},
    {{.known = true, .records_per_s = 3600, .accepted_records_per_s = 1600, .throttled_records_per_s = 2000},
     64,
     1,
     4,
     .spent = true,
     .reason =
         "records are throttled while what is accepted fills 4 shards to 40 % on average, and one "
         "generation of splits was spent on that already; to find the hot shard, turn on IncomingBytes, "
         "IncomingRecords and WriteProvisionedThroughputExceeded with EnableEnhancedMonitoring"},
    {{.known = true, .records_per_s = 3600, .accepted_records_per_s = 1600, .throttled_records_per_s = 2000},
     64,
     1,
     8,
     .goal = 8,
     .goal_basis = UP_BASIS_SKEW,
     .reason =
         "records were throttled on a stream that was not full on average, and the 8 shards aimed at are "
         "open; to find the hot shard, turn on IncomingBytes, IncomingRecords and "
         "WriteProvisionedThroughputExceeded with EnableEnhancedMonitoring"},
};

START_TEST(the_reason_is_a_sentence_with_its_numbers)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct stream_config config = plain_stream;
    struct up_facts facts = {&config,
                             &map,
                             sentences[_i].demand,
                             .alarmed = !sentences[_i].calm,
                             .account_headroom = -1,
                             .goal_shards = sentences[_i].goal,
                             .goal_basis = sentences[_i].goal_basis,
                             .skew_spent = sentences[_i].spent};

    config.min_shards = sentences[_i].min_shards;
    config.max_shards = sentences[_i].max_shards;
    even_map(&map, sentences[_i].shards);
    plan_up(&facts, &plan);
    ck_assert_str_eq(plan.reason, sentences[_i].reason);
}
END_TEST

START_TEST(limits_of_account_and_calls_are_said)
{
    SCOPED(shard_map_clear) struct shard_map map = {0};
    SCOPED(up_plan_clear) struct up_plan plan = {0};
    struct stream_config config = plain_stream;
    struct up_facts facts = {&config, &map, worth(4), .alarmed = true, .account_headroom = 1};

    even_map(&map, 4);
    plan_up(&facts, &plan);
    ck_assert_ptr_nonnull(strstr(plan.reason, ", but the account has room for 1 more shard only"));
    up_plan_clear(&plan);
    config.resharding = RESHARDING_UPDATE;
    facts.account_headroom = -1;
    facts.updates_24h = 10;
    plan_up(&facts, &plan);
    ck_assert_ptr_nonnull(
        strstr(plan.reason, ", but 10 of the 10 UpdateShardCount calls of 24 hours are used up"));
}
END_TEST

START_TEST(names_are_fixed)
{
    ck_assert_str_eq(operation_kind_name(OPERATION_SPLIT), "split");
    ck_assert_str_eq(operation_kind_name(OPERATION_MERGE), "merge");
    ck_assert_str_eq(operation_kind_name(OPERATION_UPDATE), "update");
    for (int i = 0; i < UP_LIMIT_COUNT; i++)
        ck_assert_uint_gt(strlen(up_limit_name((enum up_limit)i)), 0);
    for (int i = 0; i < UP_BASIS_COUNT; i++)
        ck_assert_uint_gt(strlen(up_basis_name((enum up_basis)i)), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("plan_up");
    TCase *tcase = tcase_create("plan_up");

    tcase_add_loop_test(tcase, plan_follows_the_table, 0, COUNT_OF(cases));
    tcase_add_test(tcase, a_generation_is_split_from_the_lowest_range_up_at_the_middle);
    tcase_add_test(tcase, the_figures_of_a_plan_belong_together);
    tcase_add_loop_test(tcase, the_reason_is_a_sentence_with_its_numbers, 0, COUNT_OF(sentences));
    tcase_add_test(tcase, limits_of_account_and_calls_are_said);
    tcase_add_test(tcase, names_are_fixed);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
