#include "sim_model.h"
#include "support.h"

#include "base/memory.h"

#include "../../src/sim/load.h"

#include <math.h>

static const double MIB = 1048576;

#define assert_near(a, b) ck_assert_double_eq_tol((a), (b), 1e-9 * (1 + fabs((double)(b))))

static struct sim_totals totals_of(struct sim *sim, const char *stream)
{
    struct sim_totals totals = {0};
    struct error err = {0};

    ck_assert_msg(sim_stream_totals(sim, stream, &totals, &err) == 0, "%s", err.message);
    return totals;
}

/* ---- by hand */

START_TEST(a_step_from_two_to_eight_mib_on_four_shards_throttles_what_is_above_four)
{
    struct sim *sim = test_sim();
    struct sim_totals totals;

    test_stream(sim, "orders", 4);
    test_traffic(sim, "orders", "steps:10m=2M,5m=8M,1m=0", 2048, "uniform");
    sim_advance(sim, sim->now_ms + MINUTES(30));
    totals = totals_of(sim, "orders");
    ck_assert_double_eq(totals.offered_bytes, (600 * 2 + 300 * 8) * MIB);
    ck_assert_double_eq(totals.accepted_bytes, (600 * 2 + 300 * 4) * MIB);
    ck_assert_double_eq(totals.throttled_bytes, 300 * 4 * MIB);
    ck_assert_double_eq(totals.throttled_records, 300 * 4 * MIB / 2048);
    ck_assert_int_eq(totals.minutes_throttled, 6); /* it begins at half past a minute */
    sim_free(sim);
}
END_TEST

START_TEST(small_records_are_held_to_a_thousand_a_second_and_shard)
{
    struct sim *sim = test_sim();
    struct sim_totals totals;

    test_stream(sim, "orders", 2);
    test_traffic(sim, "orders", "constant:400000", 100, "uniform"); /* 4000 records/s on 2 shards */
    sim_advance(sim, sim->now_ms + MINUTES(10));
    totals = totals_of(sim, "orders");
    ck_assert_double_eq(totals.offered_records, 4000.0 * 600);
    ck_assert_double_eq(totals.accepted_records, 2000.0 * 600);
    ck_assert_double_eq(totals.accepted_bytes, 2000.0 * 600 * 100);
    sim_free(sim);
}
END_TEST

static const struct {
    const char *name;
    int64_t record_bytes;
    double put_units, kib;
} billed[] = {
    {"a byte is a unit, and a KiB", 1, 1, 1}, {"2 KiB are one unit", 2048, 1, 2},
    {"25 KB are one unit", 25600, 1, 25},     {"one byte more begins the next", 25601, 2, 26},
    {"a MiB is 41 units", 1048576, 41, 1024},
};

START_TEST(each_record_is_billed_in_whole_units)
{
    struct sim *sim = test_sim();
    struct sim_totals totals;

    test_stream(sim, "orders", 1);
    test_traffic(sim, "orders", "constant:2M", billed[_i].record_bytes,
                 "uniform"); /* at least a half is throttled */
    sim_advance(sim, sim->now_ms + MINUTES(10));
    totals = totals_of(sim, "orders");
    ck_assert_msg(totals.accepted_records > 0 && totals.accepted_records <= totals.offered_records / 2 + 1e-6,
                  "%s", billed[_i].name);
    assert_near(totals.offered_put_units, totals.offered_records * billed[_i].put_units);
    assert_near(totals.accepted_put_units, totals.accepted_records * billed[_i].put_units);
    assert_near(totals.offered_kib, totals.offered_records * billed[_i].kib);
    sim_free(sim);
}
END_TEST

START_TEST(a_hot_key_throttles_its_shard_alone)
{
    struct sim *sim = test_sim();
    struct sim_totals totals;
    struct stream *stream = test_stream(sim, "orders", 4);
    double hottest = 0;

    test_traffic(sim, "orders", "constant:2M", 4096, "hot:0.8");
    for (size_t i = 0; i < stream->shard_count; i++)
        hottest = fmax(hottest, stream->shards[i].share);
    assert_near(hottest, 0.8 + 0.2 / 4);
    sim_advance(sim, sim->now_ms + MINUTES(1));
    totals = totals_of(sim, "orders");
    assert_near(totals.throttled_bytes, 60 * (2 * 0.85 - 1) * MIB);
    sim_free(sim);
}
END_TEST

START_TEST(shard_hours_count_a_split_from_the_moment_it_is_done)
{
    struct sim *sim = test_sim();
    struct fault fault = {0};
    int64_t begin;

    test_stream(sim, "orders", 2);
    begin = sim->now_ms;
    sim_advance(sim, begin + MINUTES(30));
    ck_assert_int_eq(model_split_shard(sim, "orders", "shardId-000000000000", "4", &fault), 0);
    sim_advance(sim, begin + HOURS(2));
    /* two shards for 30 m 30 s, three for the rest of two hours */
    ck_assert_double_eq(totals_of(sim, "orders").shard_hours, (2 * 30.5 + 3 * 89.5) / 60);
    ck_assert_int_eq(totals_of(sim, "orders").open_shards, 3);
    ck_assert_int_eq(totals_of(sim, "orders").splits, 1);
    sim_free(sim);
}
END_TEST

START_TEST(a_split_inside_a_minute_gives_capacity_from_that_second)
{
    struct sim *sim = test_sim_with((struct sim_options){.split_ms = 15000, .seed = 1});
    struct fault fault = {0};

    test_stream(sim, "orders", 1);
    sim_advance(sim, SIM_START + MINUTES(1));
    test_traffic(sim, "orders", "constant:2M", 2048, "uniform");
    ck_assert_int_eq(model_split_shard(sim, "orders", "0", "170141183460469231731687303715884105728", &fault),
                     0);
    sim_advance(sim, SIM_START + MINUTES(2));
    ck_assert_double_eq(totals_of(sim, "orders").throttled_bytes, 15 * MIB);
    ck_assert_double_eq(totals_of(sim, "orders").accepted_bytes, (15 + 2 * 45) * MIB);
    sim_free(sim);
}
END_TEST

/* ---- metrics */

START_TEST(shards_are_told_with_when_they_opened_and_closed_and_what_they_get)
{
    struct sim *sim = test_sim();
    struct sim_shard *shards;
    struct fault fault = {0};
    struct error err = {0};
    int64_t split_ms;
    size_t count;

    test_stream(sim, "orders", 2);
    test_traffic(sim, "orders", "constant:1M", 2048, "uniform");
    ck_assert_int_eq(model_split_shard(sim, "orders", "1", "255211775190703847597530955573826158592", &fault),
                     0);
    split_ms = sim->now_ms + 30000;
    sim_advance(sim, split_ms);
    ck_assert_int_eq(sim_stream_shards(sim, "orders", split_ms, &shards, &count, &err), 0);
    ck_assert_uint_eq(count, 4);
    ck_assert_int_eq(shards[0].closed_ms, 0);
    assert_near(shards[0].share, 0.5);
    ck_assert_int_eq(shards[1].closed_ms, split_ms);
    ck_assert_double_eq(shards[1].share, 0);
    for (size_t i = 2; i < 4; i++) {
        ck_assert_int_eq(shards[i].index, (int64_t)i);
        ck_assert_int_eq(shards[i].opened_ms, split_ms);
        assert_near(shards[i].share, 0.25);
    }
    ck_assert(shards[2].start == shards[1].start && shards[3].end == HASHKEY_MAX);
    free(shards);
    ck_assert_int_eq(sim_stream_shards(sim, "orders", split_ms + 1, &shards, &count, &err), 0);
    ck_assert_uint_eq(count, 3); /* what was closed before is not told */
    free(shards);
    ck_assert_int_eq(sim_stream_shards(sim, "none", 0, &shards, &count, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    sim_free(sim);
}
END_TEST

START_TEST(metrics_tell_what_was_accepted_and_how_many_records_were_not)
{
    struct sim *sim = test_sim();
    int64_t minute = SIM_START + MINUTES(2);

    test_stream(sim, "orders", 2);
    test_traffic(sim, "orders", "constant:3M", 2048, "uniform");
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_double_eq(test_metric(sim, "IncomingBytes", "orders", NULL, "Sum", minute, minute + 60000),
                        120 * MIB);
    ck_assert_double_eq(test_metric(sim, "IncomingRecords", "orders", NULL, "Sum", minute, minute + 60000),
                        120 * 512);
    ck_assert_double_eq(test_metric(sim, "IncomingBytes", "orders", NULL, "Average", minute, minute + 60000),
                        2048);
    assert_near(
        test_metric(sim, "WriteProvisionedThroughputExceeded", "orders", NULL, "Sum", minute, minute + 60000),
        60 * 512);
    assert_near(test_metric(sim, "WriteProvisionedThroughputExceeded", "orders", NULL, "Average", minute,
                            minute + 60000),
                1.0 / 3);
    ck_assert_double_eq(test_metric(sim, "GetRecords.Success", "orders", NULL, "Sum", minute, minute + 60000),
                        120);
    sim_free(sim);
}
END_TEST

START_TEST(a_datapoint_is_seen_when_the_delay_has_passed_and_not_a_millisecond_before)
{
    struct sim *sim = test_sim();
    int64_t minute = SIM_START + MINUTES(3);

    test_stream(sim, "orders", 1);
    test_traffic(sim, "orders", "constant:1000", 100, "uniform");
    sim_advance(sim, minute + 60000 + 75000 - 1);
    ck_assert_double_nan(test_metric(sim, "IncomingBytes", "orders", NULL, "Sum", minute, minute + 60000));
    sim_advance(sim, minute + 60000 + 75000);
    ck_assert_double_eq(test_metric(sim, "IncomingBytes", "orders", NULL, "Sum", minute, minute + 60000),
                        60000);
    sim_free(sim);
}
END_TEST

START_TEST(a_minute_without_puts_has_no_datapoint_but_its_witness)
{
    struct sim *sim = test_sim();
    struct error err = {0};
    int64_t idle = SIM_START + MINUTES(10);

    test_stream(sim, "orders", 1);
    test_traffic(sim, "orders", "steps:3m=1000,1m=0", 100, "uniform");
    sim_advance(sim, SIM_START + MINUTES(20));
    ck_assert_double_nan(test_metric(sim, "IncomingBytes", "orders", NULL, "Sum", idle, idle + 60000));
    ck_assert_double_nan(
        test_metric(sim, "WriteProvisionedThroughputExceeded", "orders", NULL, "Sum", idle, idle + 60000));
    ck_assert_double_eq(test_metric(sim, "GetRecords.Success", "orders", NULL, "Average", idle, idle + 60000),
                        1);
    ck_assert_int_eq(sim_set_consumer(sim, "orders", false, &err), 0);
    sim_advance(sim, SIM_START + MINUTES(30));
    ck_assert_double_nan(test_metric(sim, "GetRecords.Success", "orders", NULL, "Sum",
                                     SIM_START + MINUTES(22), SIM_START + MINUTES(23)));
    ck_assert_int_eq(sim_set_consumer(sim, "nobody", true, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    sim_free(sim);
}
END_TEST

START_TEST(shards_have_metrics_while_they_are_monitored)
{
    struct sim *sim = test_sim();
    struct fault fault = {0};
    unsigned current, desired;
    int64_t before = SIM_START + MINUTES(2), during = SIM_START + MINUTES(6), after = SIM_START + MINUTES(12);
    const char *shard = "shardId-000000000001";

    test_stream(sim, "orders", 2);
    test_traffic(sim, "orders", "constant:1M", 1024, "uniform");
    sim_advance(sim, SIM_START + MINUTES(5));
    ck_assert_int_eq(
        model_set_enhanced(sim, "orders", SHARD_INCOMING_BYTES, true, &current, &desired, &fault), 0);
    ck_assert_uint_eq(current, 0);
    ck_assert_uint_eq(desired, SHARD_INCOMING_BYTES);
    sim_advance(sim, SIM_START + MINUTES(10));
    ck_assert_int_eq(model_set_enhanced(sim, "orders", SHARD_ALL, false, &current, &desired, &fault), 0);
    ck_assert_uint_eq(current, SHARD_INCOMING_BYTES);
    ck_assert_uint_eq(desired, 0);
    sim_advance(sim, SIM_START + MINUTES(20));
    ck_assert_double_nan(test_metric(sim, "IncomingBytes", "orders", shard, "Sum", before, before + 60000));
    ck_assert_double_eq(test_metric(sim, "IncomingBytes", "orders", shard, "Sum", during, during + 60000),
                        30 * MIB);
    ck_assert_double_nan(test_metric(sim, "IncomingRecords", "orders", shard, "Sum", during, during + 60000));
    ck_assert_double_nan(test_metric(sim, "IncomingBytes", "orders", shard, "Sum", after, after + 60000));
    sim_free(sim);
}
END_TEST

START_TEST(datapoints_last_a_fortnight)
{
    struct sim *sim = test_sim();
    int64_t minute = SIM_START + MINUTES(5);

    test_stream(sim, "orders", 1);
    test_traffic(sim, "orders", "constant:1000", 100, "uniform");
    sim_advance(sim, SIM_START + HOURS(24 * 14));
    ck_assert_double_eq(test_metric(sim, "IncomingBytes", "orders", NULL, "Sum", minute, minute + 60000),
                        60000);
    ck_assert_double_eq(test_metric(sim, "IncomingBytes", "orders", NULL, "Sum", SIM_START + HOURS(24),
                                    SIM_START + HOURS(48)),
                        86400.0 * 1000);
    sim_advance(sim, SIM_START + HOURS(24 * 17));
    ck_assert_double_nan(test_metric(sim, "IncomingBytes", "orders", NULL, "Sum", minute, minute + 60000));
    sim_free(sim);
}
END_TEST

/* ---- what must always hold */

static const struct {
    const char *load, *keys;
    int64_t record_bytes;
} mixes[] = {
    {"constant:5M", "uniform", 2048},
    {"ramp:0:9M:45m", "zipf:1.1:10000", 700},
    {"sine:0:6M:17m", "hot:0.3", 90},
    {"day:100k:7M", "zipf:0.8:5000", 4096},
    {"steps:7m=1M,3m=12M,90s=0", "hot:1", 1048576},
};

/* A reshard of a random kind, refused or not: the model must stay whole either way. */
static void reshard_somehow(struct sim *sim, struct stream *stream, uint64_t dice)
{
    struct shard *shard = &stream->shards[dice % stream->shard_count];
    char id[MODEL_SHARD_ID_SIZE], other[MODEL_SHARD_ID_SIZE], key[HASHKEY_TEXT_SIZE];
    hashkey middle;
    int64_t current;
    struct fault fault = {0};

    model_shard_id(shard->index, id);
    switch (dice >> 32 & 3) {
    case 0:
        if (hashkey_at_fraction(shard->start, shard->end, 0.05 + (double)(dice >> 40 & 63) / 70, &middle)) {
            hashkey_format(middle, key);
            (void)model_split_shard(sim, stream->name, id, key, &fault);
        }
        break;
    case 1:
        model_shard_id(stream->shards[dice >> 16 & 7 % stream->shard_count].index, other);
        for (size_t i = 0; i < stream->shard_count; i++) {
            if (stream->shards[i].closed_ms == 0 && stream->shards[i].start == shard->end + 1)
                model_shard_id(stream->shards[i].index, other);
        }
        (void)model_merge_shards(sim, stream->name, id, other, &fault);
        break;
    default:
        (void)model_update_shard_count(sim, stream->name, 1 + (int64_t)(dice >> 20 & 15), &current, &fault);
    }
}

START_TEST(whatever_happens_keys_are_covered_once_and_nothing_is_lost)
{
    struct sim *sim = test_sim_with((struct sim_options){.seed = 7, .shard_limit = 60});
    struct stream *stream = test_stream(sim, "orders", 3);
    struct sim_totals totals;
    double shares;

    test_traffic(sim, "orders", mixes[_i].load, mixes[_i].record_bytes, mixes[_i].keys);
    for (int round = 0; round < 300; round++) {
        uint64_t dice = model_random(sim);

        reshard_somehow(sim, stream, dice);
        sim_advance(sim, sim->now_ms + 1 + (int64_t)(dice >> 8) % 200000);
        assert_partition(stream);
        shares = 0;
        for (size_t i = 0; i < stream->shard_count; i++)
            shares += stream->shards[i].share;
        assert_near(shares, 1);
        totals = totals_of(sim, "orders");
        assert_near(totals.offered_bytes, totals.accepted_bytes + totals.throttled_bytes);
        assert_near(totals.offered_records, totals.accepted_records + totals.throttled_records);
    }
    ck_assert_int_gt(totals.splits, 20);
    ck_assert_int_gt(totals.merges, 20);
    ck_assert_int_gt(totals.updates, 20);
    sim_free(sim);
}
END_TEST

/* Datapoints are whole; what is left of each of the three shards waits for the next minute. */
static void assert_adds_up(struct sim *sim, const char *metric, double total)
{
    double sum = test_metric(sim, metric, "orders", NULL, "Sum", SIM_START, SIM_START + HOURS(24));

    ck_assert_double_eq(sum, floor(sum));
    ck_assert_double_le(sum, total + 1e-3);
    ck_assert_double_ge(sum, total - 3 - 1e-3);
}

START_TEST(metrics_add_up_to_the_totals)
{
    struct sim *sim = test_sim();
    struct sim_totals totals;

    test_stream(sim, "orders", 3);
    test_traffic(sim, "orders", mixes[_i].load, mixes[_i].record_bytes, mixes[_i].keys);
    sim_advance(sim, SIM_START + HOURS(24));
    totals = totals_of(sim, "orders");
    sim_advance(sim, SIM_START + HOURS(25));
    assert_adds_up(sim, "IncomingBytes", totals.accepted_bytes);
    assert_adds_up(sim, "IncomingRecords", totals.accepted_records);
    assert_adds_up(sim, "WriteProvisionedThroughputExceeded", totals.throttled_records);
    sim_free(sim);
}
END_TEST

START_TEST(the_steps_in_which_time_is_advanced_change_nothing)
{
    struct sim *one = test_sim(), *many = test_sim();
    struct sim_totals a, b;

    test_stream(one, "orders", 3);
    test_stream(many, "orders", 3);
    test_traffic(one, "orders", mixes[_i].load, mixes[_i].record_bytes, mixes[_i].keys);
    test_traffic(many, "orders", mixes[_i].load, mixes[_i].record_bytes, mixes[_i].keys);
    sim_advance(one, SIM_START + HOURS(3));
    for (int64_t at = many->now_ms; at < SIM_START + HOURS(3); at += 7919)
        sim_advance(many, at);
    sim_advance(many, SIM_START + HOURS(3));
    a = totals_of(one, "orders");
    b = totals_of(many, "orders");
    assert_near(a.accepted_bytes, b.accepted_bytes);
    assert_near(a.throttled_records, b.throttled_records);
    ck_assert_double_eq(a.shard_hours, b.shard_hours);
    sim_free(one);
    sim_free(many);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_traffic");
    TCase *by_hand = tcase_create("by hand"), *metrics = tcase_create("metrics"),
          *always = tcase_create("always");

    tcase_add_test(by_hand, a_step_from_two_to_eight_mib_on_four_shards_throttles_what_is_above_four);
    tcase_add_test(by_hand, small_records_are_held_to_a_thousand_a_second_and_shard);
    tcase_add_loop_test(by_hand, each_record_is_billed_in_whole_units, 0, COUNT_OF(billed));
    tcase_add_test(by_hand, a_hot_key_throttles_its_shard_alone);
    tcase_add_test(by_hand, shard_hours_count_a_split_from_the_moment_it_is_done);
    tcase_add_test(by_hand, a_split_inside_a_minute_gives_capacity_from_that_second);
    tcase_add_test(by_hand, shards_are_told_with_when_they_opened_and_closed_and_what_they_get);
    suite_add_tcase(suite, by_hand);
    tcase_add_test(metrics, metrics_tell_what_was_accepted_and_how_many_records_were_not);
    tcase_add_test(metrics, a_datapoint_is_seen_when_the_delay_has_passed_and_not_a_millisecond_before);
    tcase_add_test(metrics, a_minute_without_puts_has_no_datapoint_but_its_witness);
    tcase_add_test(metrics, shards_have_metrics_while_they_are_monitored);
    tcase_add_test(metrics, datapoints_last_a_fortnight);
    suite_add_tcase(suite, metrics);
    tcase_set_timeout(always, 60);
    tcase_add_loop_test(always, whatever_happens_keys_are_covered_once_and_nothing_is_lost, 0,
                        COUNT_OF(mixes));
    tcase_add_loop_test(always, metrics_add_up_to_the_totals, 0, COUNT_OF(mixes));
    tcase_add_loop_test(always, the_steps_in_which_time_is_advanced_change_nothing, 0, COUNT_OF(mixes));
    suite_add_tcase(suite, always);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
