#include "sim_model.h"
#include "support.h"

#include "base/memory.h"

#include "../../src/sim/reshard.h"

#define MIDDLE_OF_ALL "170141183460469231731687303715884105728"

static struct sim *sim;
static struct fault fault;

static void begin(void)
{
    sim = test_sim();
    fault = (struct fault){0};
}

static void end(void)
{
    sim_free(sim);
}

/* The call was refused with this type and exact text. */
#define assert_fault(call, expected_type, expected_message)  \
    do {                                                     \
        ck_assert_int_eq((call), -1);                        \
        ck_assert_str_eq(fault.type, (expected_type));       \
        ck_assert_str_eq(fault.message, (expected_message)); \
    } while (0)

/* "0* 1 2*": listed shards by index, those shown as open with a star. */
static const char *listing(const struct stream *stream)
{
    static char text[4096];
    int length = 0;

    for (size_t i = 0; i < stream->shard_count; i++) {
        const struct shard *shard = &stream->shards[i];

        if (model_shard_is_listed(stream, shard))
            length +=
                snprintf(text + length, sizeof(text) - (size_t)length, "%s%lld%s", length > 0 ? " " : "",
                         (long long)shard->index, model_shard_is_open(stream, shard) ? "*" : "");
    }
    return text;
}

/* ---- life of a stream */

START_TEST(a_stream_is_creating_for_thirty_seconds_and_has_even_shards_then)
{
    struct stream *stream;

    ck_assert_int_eq(model_create_stream(sim, "orders", 3, false, &fault), 0);
    sim_advance(sim, SIM_START + 29999);
    ck_assert_int_eq(model_find_stream(sim, "orders", &stream, &fault), 0);
    ck_assert_int_eq(stream->status, MODEL_CREATING);
    ck_assert_int_eq(model_open_shards(stream), 0);
    ck_assert_int_eq(sim_next_event_ms(sim), SIM_START + 30000);
    assert_fault(model_split_shard(sim, "orders", "0", "5", &fault), "ResourceInUseException",
                 "Stream orders under account 000000000000 not ACTIVE, instead in state CREATING");
    sim_advance(sim, SIM_START + 30000);
    ck_assert_int_eq(stream->status, MODEL_ACTIVE);
    ck_assert_str_eq(listing(stream), "0* 1* 2*");
    assert_partition(stream);
    ck_assert(stream->shards[1].start == hashkey_even_start(1, 3));
}
END_TEST

START_TEST(a_deleted_stream_is_gone_after_a_minute)
{
    struct stream *stream = test_stream(sim, "orders", 2);

    ck_assert_int_eq(model_delete_stream(sim, "orders", &fault), 0);
    ck_assert_int_eq(stream->status, MODEL_DELETING);
    ck_assert_int_eq(model_delete_stream(sim, "orders", &fault), 0);
    sim_advance(sim, sim->now_ms + 60000);
    assert_fault(model_find_stream(sim, "orders", &stream, &fault), "ResourceNotFoundException",
                 "Stream orders under account 000000000000 not found.");
    ck_assert_int_eq(sim_next_event_ms(sim), INT64_MAX);
}
END_TEST

START_TEST(creating_is_refused_for_a_taken_name_and_beyond_the_shard_limit)
{
    (void)test_stream(sim, "orders", 3);
    assert_fault(model_create_stream(sim, "orders", 1, false, &fault), "ResourceInUseException",
                 "Stream orders under account 000000000000 already exists.");
    assert_fault(
        model_create_stream(sim, "more", 1000, false, &fault), "LimitExceededException",
        "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard "
        "count for the account: 3. Limit: 500. Number of additional shards that would have resulted from "
        "this "
        "request: 1000. Refer to the AWS Service Limits page "
        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how "
        "to "
        "request higher limits.");
    ck_assert_int_eq(model_create_stream(sim, "more", 497, false, &fault), 0);
    ck_assert_int_eq(model_create_stream(sim, "one too many", 1, false, &fault), -1);
}
END_TEST

START_TEST(an_arn_names_a_stream_of_this_account_and_region)
{
    char name[MODEL_NAME_SIZE];

    ck_assert_int_eq(
        model_resolve_stream(sim, NULL, "arn:aws:kinesis:us-east-1:000000000000:stream/orders", name, &fault),
        0);
    ck_assert_str_eq(name, "orders");
    ck_assert_int_eq(
        model_resolve_stream(sim, "x", "arn:aws:kinesis:us-east-1:000000000000:stream/y", name, &fault), -1);
    ck_assert_str_eq(fault.type, "InvalidArgumentException");
    ck_assert_int_eq(
        model_resolve_stream(sim, NULL, "arn:aws:kinesis:eu-west-1:000000000000:stream/y", name, &fault), -1);
    ck_assert_str_eq(fault.type, "ResourceNotFoundException");
    ck_assert_int_eq(model_resolve_stream(sim, NULL, NULL, name, &fault), -1);
}
END_TEST

/* ---- split and merge */

START_TEST(children_are_shown_and_parents_closed_when_the_stream_is_active_again)
{
    struct stream *stream = test_stream(sim, "orders", 2);
    char key[HASHKEY_TEXT_SIZE];
    int64_t began = sim->now_ms;

    hashkey_format(hashkey_even_start(1, 4), key);
    ck_assert_int_eq(model_split_shard(sim, "orders", "shardId-000000000000", key, &fault), 0);
    ck_assert_int_eq(stream->status, MODEL_UPDATING);
    sim_advance(sim, began + 29999);
    ck_assert_str_eq(listing(stream), "0* 1*");
    assert_fault(model_split_shard(sim, "orders", "1", MIDDLE_OF_ALL, &fault), "ResourceInUseException",
                 "Stream orders under account 000000000000 not ACTIVE, instead in state UPDATING");
    sim_advance(sim, began + 30000);
    ck_assert_int_eq(stream->status, MODEL_ACTIVE);
    ck_assert_str_eq(listing(stream), "0 1* 2* 3*");
    ck_assert_int_eq(stream->shards[2].parent, 0);
    ck_assert_int_eq(stream->shards[3].parent, 0);
    ck_assert_int_eq(stream->shards[3].adjacent_parent, -1);
    ck_assert(stream->shards[2].start == 0 && stream->shards[3].start == hashkey_even_start(1, 4));

    ck_assert_int_eq(model_merge_shards(sim, "orders", "shardId-3", "x-1", &fault), 0);
    ck_assert_str_eq(listing(stream), "0 1* 2* 3*"); /* what was closed this very millisecond stays so */
    sim_advance(sim, began + 60000);
    ck_assert_str_eq(listing(stream), "0 1 2* 3 4*");
    ck_assert_int_eq(stream->shards[4].parent, 3);
    ck_assert_int_eq(stream->shards[4].adjacent_parent, 1);
    assert_partition(stream);
}
END_TEST

START_TEST(closed_shards_are_listed_for_a_day)
{
    struct stream *stream = test_stream(sim, "orders", 1);
    int64_t closed = sim->now_ms + 30000;

    ck_assert_int_eq(model_split_shard(sim, "orders", "0", MIDDLE_OF_ALL, &fault), 0);
    sim_advance(sim, closed + HOURS(24) - 60000);
    ck_assert_str_eq(listing(stream), "0 1* 2*");
    sim_advance(sim, closed + HOURS(24) + 60000);
    ck_assert_str_eq(listing(stream), "1* 2*");
    assert_partition(stream);
}
END_TEST

static const struct {
    const char *stream, *shard, *key, *type, *message;
} bad_splits[] = {
    {"nobody", "2147483647", "0", "ResourceNotFoundException",
     "Stream nobody under account 000000000000 not found."},
    {"nobody", "-00002147483647", "0", "ResourceNotFoundException",
     "Stream nobody under account 000000000000 not found."},
    {"nobody", "2147483648", "0", "ResourceNotFoundException",
     "Could not find shard 2147483648 in stream nobody under account 000000000000."},
    {"nobody", "shardId-002147483648", "0", "ResourceNotFoundException",
     "Could not find shard shardId-002147483648 in stream nobody under account 000000000000."},
    {"nobody", "ABKLFD8", "0", "ResourceNotFoundException",
     "Could not find shard ABKLFD8 in stream nobody under account 000000000000."},
    {"nobody", "2.14E4", "0", "ResourceNotFoundException",
     "Could not find shard 2.14E4 in stream nobody under account 000000000000."},
    {"three", "shardId-5", "0", "ResourceNotFoundException",
     "Could not find shard shardId-000000000005 in stream three under account 000000000000."},
    {"three", "shard-0", "1", "InvalidArgumentException",
     "NewStartingHashKey 1 used in SplitShard() on shard shardId-000000000000 in stream three under account "
     "000000000000 is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's "
     "EndingHashKey 113427455640312821154458202477256070484."},
    {"three", "shard-0", "113427455640312821154458202477256070484", "InvalidArgumentException",
     "NewStartingHashKey 113427455640312821154458202477256070484 used in SplitShard() on shard "
     "shardId-000000000000 in "
     "stream three under account 000000000000 is not both greater than one plus the shard's StartingHashKey "
     "0 and less "
     "than the shard's EndingHashKey 113427455640312821154458202477256070484."},
    {"three", "shard-2", "999999999999999999999999999999999999999", "InvalidArgumentException",
     "NewStartingHashKey 999999999999999999999999999999999999999 used in SplitShard() on shard "
     "shardId-000000000002 in "
     "stream three under account 000000000000 is not both greater than one plus the shard's StartingHashKey "
     "226854911280625642308916404954512140970 and less than the shard's EndingHashKey "
     "340282366920938463463374607431768211455."},
};

START_TEST(a_bad_split_is_refused_in_the_words_of_aws)
{
    (void)test_stream(sim, "three", 3);
    assert_fault(
        model_split_shard(sim, bad_splits[_i].stream, bad_splits[_i].shard, bad_splits[_i].key, &fault),
        bad_splits[_i].type, bad_splits[_i].message);
}
END_TEST

START_TEST(the_smallest_and_the_largest_key_of_a_split_are_taken)
{
    (void)test_stream(sim, "three", 3);
    ck_assert_int_eq(model_split_shard(sim, "three", "0", "2", &fault), 0);
    sim_advance(sim, sim->now_ms + 30000);
    ck_assert_int_eq(model_split_shard(sim, "three", "1", "226854911280625642308916404954512140968", &fault),
                     0);
}
END_TEST

static const struct {
    const char *stream, *shard, *adjacent, *type, *message;
} bad_merges[] = {
    {"nobody", "x-0", "2147483647", "ResourceNotFoundException",
     "Stream nobody under account 000000000000 not found."},
    {"nobody", "x-0", "2147483648", "ResourceNotFoundException",
     "Could not find shard 2147483648 in stream nobody under account 000000000000."},
    {"nobody", "ABKLFD8", "x-0", "ResourceNotFoundException",
     "Could not find shard ABKLFD8 in stream nobody under account 000000000000."},
    {"three", "x-0", "shardId-5", "ResourceNotFoundException",
     "Could not find shard shardId-000000000005 in stream three under account 000000000000."},
    {"three", "x-0", "y-2", "InvalidArgumentException",
     "Shards shardId-000000000000 and shardId-000000000002 in stream three under account 000000000000 are "
     "not an adjacent "
     "pair of shards eligible for merging"},
    {"three", "x-1", "y-0", "InvalidArgumentException",
     "Shards shardId-000000000001 and shardId-000000000000 in stream three under account 000000000000 are "
     "not an adjacent "
     "pair of shards eligible for merging"},
};

START_TEST(a_bad_merge_is_refused_in_the_words_of_aws)
{
    (void)test_stream(sim, "three", 3);
    assert_fault(
        model_merge_shards(sim, bad_merges[_i].stream, bad_merges[_i].shard, bad_merges[_i].adjacent, &fault),
        bad_merges[_i].type, bad_merges[_i].message);
}
END_TEST

START_TEST(a_closed_shard_is_not_split_again)
{
    (void)test_stream(sim, "orders", 1);
    ck_assert_int_eq(model_split_shard(sim, "orders", "0", MIDDLE_OF_ALL, &fault), 0);
    sim_advance(sim, sim->now_ms + 30000);
    assert_fault(model_split_shard(sim, "orders", "0", "77", &fault), "InvalidArgumentException",
                 "Shard shardId-000000000000 in stream orders under account 000000000000 has already been "
                 "merged or split, "
                 "and thus is not eligible for merging or splitting.");
}
END_TEST

START_TEST(a_split_beyond_the_account_limit_is_refused)
{
    sim_free(sim);
    sim = test_sim_with((struct sim_options){.shard_limit = 3});
    (void)test_stream(sim, "orders", 3);
    ck_assert_int_eq(model_split_shard(sim, "orders", "0", "5", &fault), -1);
    ck_assert_str_eq(fault.type, "LimitExceededException");
    ck_assert_ptr_nonnull(strstr(fault.message,
                                 "Current shard count for the account: 3. Limit: 3. Number of additional "
                                 "shards that would have resulted from this request: 1."));
}
END_TEST

START_TEST(an_on_demand_stream_is_not_resharded)
{
    int64_t current;
    const char *text = "Request is invalid. Stream demand under account 000000000000 is in On-Demand mode.";

    ck_assert_int_eq(model_create_stream(sim, "demand", 0, true, &fault), 0);
    sim_advance(sim, sim->now_ms + 30000);
    assert_fault(model_update_shard_count(sim, "demand", 8, &current, &fault), "ValidationException", text);
    assert_fault(model_split_shard(sim, "demand", "0", "5", &fault), "ValidationException", text);
    assert_fault(model_merge_shards(sim, "demand", "0", "1", &fault), "ValidationException", text);
}
END_TEST

/* ---- UpdateShardCount */

static const struct {
    int64_t from, to, splits, merges;
} sweeps[] = {
    {4, 5, 4, 3},        {4, 6, 4, 2},       {4, 8, 4, 0},        {10, 11, 10, 9},     {10, 15, 10, 5},
    {10, 20, 10, 0},     {32, 46, 44, 30},   {100, 101, 100, 99}, {100, 125, 100, 75}, {100, 150, 100, 50},
    {100, 175, 150, 75}, {100, 200, 100, 0}, {100, 75, 50, 75},   {2, 4, 2, 0},        {10, 13, 12, 9},
    {4, 2, 0, 2},        {5, 3, 2, 4},       {1, 2, 1, 0},        {2, 1, 0, 1},        {4, 3, 2, 3},
    {3, 6, 3, 0},        {6, 3, 0, 3},
};

START_TEST(an_update_takes_as_many_operations_as_the_sweep_and_ends_even)
{
    struct stream *stream;
    int64_t current = 0, operations = sweeps[_i].splits + sweeps[_i].merges, began;

    sim_free(sim);
    sim = test_sim_with((struct sim_options){.shard_limit = 500});
    stream = test_stream(sim, "orders", sweeps[_i].from);
    began = sim->now_ms;
    ck_assert_msg(model_update_shard_count(sim, "orders", sweeps[_i].to, &current, &fault) == 0, "%s",
                  fault.message);
    ck_assert_int_eq(current, sweeps[_i].from);
    sim_advance(sim, began + operations * 30000 - 1);
    ck_assert_int_eq(stream->status, MODEL_UPDATING);
    ck_assert_int_eq(model_open_shards(stream), sweeps[_i].from);
    sim_advance(sim, began + operations * 30000);
    ck_assert_int_eq(stream->status, MODEL_ACTIVE);
    ck_assert_int_eq(model_open_shards(stream), sweeps[_i].to);
    ck_assert_int_eq(stream->totals.splits, sweeps[_i].splits);
    ck_assert_int_eq(stream->totals.merges, sweeps[_i].merges);
    ck_assert_int_eq(stream->totals.updates, 1);
    assert_partition(stream);
    for (size_t i = 0; i < stream->shard_count; i++) {
        if (stream->shards[i].closed_ms == 0)
            ck_assert_double_eq_tol(hashkey_share(stream->shards[i].start, stream->shards[i].end),
                                    1.0 / (double)sweeps[_i].to, 1e-8);
    }
}
END_TEST

START_TEST(four_to_three_leaves_the_shards_that_were_seen_in_the_field)
{
    struct stream *stream = test_stream(sim, "orders", 4);
    int64_t current;

    ck_assert_int_eq(model_update_shard_count(sim, "orders", 3, &current, &fault), 0);
    sim_advance(sim, sim->now_ms + 150000);
    ck_assert_str_eq(listing(stream), "0 1 2 3 4 5 6* 7 8 9* 10*");
}
END_TEST

START_TEST(an_update_of_one_span_does_all_at_its_end)
{
    struct stream *stream;
    int64_t current, began;

    sim_free(sim);
    sim = test_sim_with((struct sim_options){.update_ms = 180000});
    stream = test_stream(sim, "orders", 10);
    began = sim->now_ms;
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 20, &current, &fault), 0);
    sim_advance(sim, began + 179999);
    ck_assert_uint_eq(stream->shard_count, 10);
    sim_advance(sim, began + 180000);
    ck_assert_int_eq(model_open_shards(stream), 20);
    assert_partition(stream);
}
END_TEST

static const struct {
    int64_t open, target;
    const char *message;
} bad_targets[] = {
    {4, 9,
     "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: "
     "4, "
     "Target shard count: 9"},
    {5, 2,
     "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: "
     "5, "
     "Target shard count: 2"},
    {4, 1,
     "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: "
     "4, "
     "Target shard count: 1"},
    {4, 10001,
     "Target shard count or number of open shards cannot be greater than 10000. Current open shard count: 4, "
     "Target shard count: 10001"},
};

START_TEST(a_target_out_of_bounds_is_refused)
{
    int64_t current = -1;

    (void)test_stream(sim, "orders", bad_targets[_i].open);
    assert_fault(model_update_shard_count(sim, "orders", bad_targets[_i].target, &current, &fault),
                 "LimitExceededException", bad_targets[_i].message);
    ck_assert_int_eq(current, -1);
}
END_TEST

START_TEST(short_lived_shards_count_towards_the_account_limit)
{
    int64_t current;

    sim_free(sim);
    sim = test_sim_with((struct sim_options){.shard_limit = 5});
    (void)test_stream(sim, "orders", 4);
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 5, &current, &fault), -1); /* six for a while */
    sim_free(sim);
    sim = test_sim_with((struct sim_options){.shard_limit = 6});
    (void)test_stream(sim, "orders", 4);
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 5, &current, &fault), 0);
    ck_assert_int_eq(model_create_stream(sim, "more", 1, false, &fault), -1);
    sim_free(sim);
    sim = test_sim_with((struct sim_options){.shard_limit = 4});
    (void)test_stream(sim, "orders", 4);
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 3, &current, &fault),
                     -1); /* begins with a split */
    ck_assert_str_eq(fault.type, "LimitExceededException");
}
END_TEST

START_TEST(ten_updates_in_any_24_hours)
{
    int64_t current, first;

    sim_free(sim);
    sim = test_sim_with((struct sim_options){.check_quotas = true, .split_ms = 1000});
    (void)test_stream(sim, "orders", 2);
    first = sim->now_ms;
    for (int i = 0; i < 10; i++) {
        ck_assert_msg(model_update_shard_count(sim, "orders", i % 2 == 0 ? 4 : 2, &current, &fault) == 0,
                      "%s", fault.message);
        sim_advance(sim, sim->now_ms + HOURS(1));
    }
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 4, &current, &fault), -1);
    ck_assert_str_eq(fault.type, "LimitExceededException");
    sim_advance(sim, first + HOURS(24) - 1);
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 4, &current, &fault), -1);
    sim_advance(sim, first + HOURS(24));
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 4, &current, &fault), 0);
    sim_advance(sim, sim->now_ms + 60000);
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 2, &current, &fault), -1);
}
END_TEST

START_TEST(an_even_stream_is_updated_to_its_own_count_at_once)
{
    struct stream *stream = test_stream(sim, "orders", 7);
    int64_t current;

    ck_assert_int_eq(model_update_shard_count(sim, "orders", 7, &current, &fault), 0);
    ck_assert_int_eq(stream->status, MODEL_ACTIVE);
    ck_assert_uint_eq(stream->shard_count, 7);
}
END_TEST

START_TEST(five_streams_at_most_are_being_made)
{
    char name[] = "s0";

    sim_free(sim);
    sim = test_sim_with((struct sim_options){.check_quotas = true});
    for (; name[1] < '5'; name[1]++)
        ck_assert_int_eq(model_create_stream(sim, name, 1, false, &fault), 0);
    ck_assert_int_eq(model_create_stream(sim, name, 1, false, &fault), -1);
    ck_assert_str_eq(fault.type, "LimitExceededException");
    sim_advance(sim, sim->now_ms + 30000);
    ck_assert_int_eq(model_create_stream(sim, name, 1, false, &fault), 0);
}
END_TEST

START_TEST(a_stream_deleted_while_it_is_resharded_leaves_nothing)
{
    int64_t current;

    (void)test_stream(sim, "orders", 4);
    ck_assert_int_eq(model_update_shard_count(sim, "orders", 5, &current, &fault), 0);
    sim_advance(sim, sim->now_ms + 45000);
    ck_assert_int_eq(model_delete_stream(sim, "orders", &fault), 0);
    sim_advance(sim, sim->now_ms + 60000);
    ck_assert_int_eq(model_create_stream(sim, "orders", 500, false, &fault), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_streams");
    TCase *life = tcase_create("life"), *reshard = tcase_create("reshard"), *update = tcase_create("update");

    tcase_add_checked_fixture(life, begin, end);
    tcase_add_test(life, a_stream_is_creating_for_thirty_seconds_and_has_even_shards_then);
    tcase_add_test(life, a_deleted_stream_is_gone_after_a_minute);
    tcase_add_test(life, creating_is_refused_for_a_taken_name_and_beyond_the_shard_limit);
    tcase_add_test(life, an_arn_names_a_stream_of_this_account_and_region);
    tcase_add_test(life, five_streams_at_most_are_being_made);
    tcase_add_test(life, a_stream_deleted_while_it_is_resharded_leaves_nothing);
    suite_add_tcase(suite, life);

    tcase_add_checked_fixture(reshard, begin, end);
    tcase_add_test(reshard, children_are_shown_and_parents_closed_when_the_stream_is_active_again);
    tcase_add_test(reshard, closed_shards_are_listed_for_a_day);
    tcase_add_loop_test(reshard, a_bad_split_is_refused_in_the_words_of_aws, 0, COUNT_OF(bad_splits));
    tcase_add_test(reshard, the_smallest_and_the_largest_key_of_a_split_are_taken);
    tcase_add_loop_test(reshard, a_bad_merge_is_refused_in_the_words_of_aws, 0, COUNT_OF(bad_merges));
    tcase_add_test(reshard, a_closed_shard_is_not_split_again);
    tcase_add_test(reshard, a_split_beyond_the_account_limit_is_refused);
    tcase_add_test(reshard, an_on_demand_stream_is_not_resharded);
    suite_add_tcase(suite, reshard);

    tcase_add_checked_fixture(update, begin, end);
    tcase_add_loop_test(update, an_update_takes_as_many_operations_as_the_sweep_and_ends_even, 0,
                        COUNT_OF(sweeps));
    tcase_add_test(update, four_to_three_leaves_the_shards_that_were_seen_in_the_field);
    tcase_add_test(update, an_update_of_one_span_does_all_at_its_end);
    tcase_add_loop_test(update, a_target_out_of_bounds_is_refused, 0, COUNT_OF(bad_targets));
    tcase_add_test(update, short_lived_shards_count_towards_the_account_limit);
    tcase_add_test(update, ten_updates_in_any_24_hours);
    tcase_add_test(update, an_even_stream_is_updated_to_its_own_count_at_once);
    suite_add_tcase(suite, update);

    return suite;
}

int main(void)
{
    return run_suite(suite());
}
