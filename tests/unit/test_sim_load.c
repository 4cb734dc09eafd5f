#include "support.h"

#include "base/buffer.h"
#include "base/hashkey.h"
#include "base/memory.h"

#include "../../src/sim/keys.h"
#include "../../src/sim/load.h"

#include <math.h>

#define MINUTE 60000
#define HOUR (60 * MINUTE)

static struct load *parse(const char *text, int64_t record_bytes)
{
    struct load *load = NULL;
    struct error err = {0};

    ck_assert_msg(model_load_parse(text, record_bytes, &load, &err) == 0, "%s: %s", text, err.message);
    return load;
}

/* ---- generators */

static const struct {
    const char *text;
    int64_t at_ms;
    double bytes_s;
    int64_t until_ms;
} loads[] = {
    {"constant:1.5M", 0, 1572864, INT64_MAX},
    {"constant:800k", HOUR, 819200, INT64_MAX},
    {"constant:0", 5, 0, INT64_MAX},
    {"ramp:0:1000:100s", 0, 50, 10000},
    {"ramp:0:1000:100s", 95000, 950, 100000},
    {"ramp:0:1000:100s", 100000, 1000, INT64_MAX},
    {"ramp:1000:0:15s", 12000, 1000 - 1000 * 12.5 / 15, 15000},
    {"sine:0:1000:20s", 0, 500, 10000}, /* the middle of the way up */
    {"sine:100:300:40s", 15000, 100 + 200 * (1 + 0.70710678118654752) / 2, 20000},
    {"steps:1m=10,2m=20", 0, 10, MINUTE},
    {"steps:1m=10,2m=20", MINUTE - 1, 10, MINUTE},
    {"steps:1m=10,2m=20", MINUTE, 20, INT64_MAX},
    {"steps:1m=10,2m=20,1s=0", 3 * MINUTE, 0, INT64_MAX},
    {"day:0:1000", 20 * HOUR, 1000 - 70.0 * 5 / 3600, 20 * HOUR + 10000},
    {"day:0:1000", 4 * HOUR, 40.0 * 5 / 3600, 4 * HOUR + 10000},
};

START_TEST(a_load_is_what_its_text_says)
{
    struct load *load = parse(loads[_i].text, 100);
    struct offer offer = model_load_at(load, 0, loads[_i].at_ms);

    ck_assert_double_eq_tol(offer.bytes_s, loads[_i].bytes_s, 1e-9 * (1 + loads[_i].bytes_s));
    ck_assert_double_eq_tol(offer.records_s, loads[_i].bytes_s / 100, 1e-9 * (1 + loads[_i].bytes_s));
    ck_assert_int_eq(offer.until_ms, loads[_i].until_ms);
    model_load_free(load);
}
END_TEST

START_TEST(a_load_begins_when_it_is_set)
{
    struct load *load = parse("steps:1m=10,2m=20", 1);
    struct offer offer = model_load_at(load, 5 * HOUR, 5 * HOUR + 30000);

    ck_assert_double_eq(offer.bytes_s, 10);
    ck_assert_int_eq(offer.until_ms, 5 * HOUR + MINUTE);
    model_load_free(load);
}
END_TEST

static const char *const bad_loads[] = {
    "",
    "constant",
    "constant:",
    "constant:-1",
    "constant:1x",
    "constant:nan",
    "constant:2e12",
    "ramp:1:2",
    "ramp:1:2:3s:4",
    "ramp:1:2:0s",
    "ramp:1:2:3",
    "sine:1",
    "steps:",
    "steps:1m",
    "steps:1m=1,",
    "steps:x=1",
    "day:1",
    "day:1:2:3m",
    "trace:file",
    "trace:/none:1M",
    "square:1:2",
    "constant:0000000000000000000000000000000000000000000000000000000000000001",
};

START_TEST(a_load_that_cannot_be_read_is_refused)
{
    struct load *load = NULL;
    struct error err = {0};

    ck_assert_int_eq(model_load_parse(bad_loads[_i], 100, &load, &err), -1);
    ck_assert_ptr_null(load);
    ck_assert_uint_gt(strlen(err.message), 0);
}
END_TEST

START_TEST(records_have_a_size)
{
    struct load *load = NULL;
    struct error err = {0};

    ck_assert_int_eq(model_load_parse("constant:1", 0, &load, &err), -1);
    ck_assert_int_eq(model_load_parse("constant:1", (10 << 20) + 1, &load, &err), -1);
    ck_assert_str_eq(err.message, "records must have 1 to 10485760 bytes, not 10485761");
}
END_TEST

/* ---- traces */

static int parse_trace(const char *text, struct trace *ret_trace, struct error *err)
{
    SCOPED(free_text) char *copy = must_strdup(text);

    return model_trace_parse("t.csv", copy, strlen(text), ret_trace, err);
}

START_TEST(a_trace_has_rows_an_end_and_a_peak)
{
    struct trace trace = {0};
    struct error err = {0};

    ck_assert_int_eq(parse_trace("timestamp,value\r\n2014-04-10 00:04:00,94.0\r\n2014-04-10 00:09:00,56\r\n"
                                 "2014-04-10T00:19:00Z,1e2\n\n2014-04-10 00:24:00,0",
                                 &trace, &err),
                     0);
    ck_assert_uint_eq(trace.count, 4);
    ck_assert_int_eq(trace.rows[0].at_ms, 0);
    ck_assert_int_eq(trace.rows[2].at_ms, 15 * MINUTE);
    ck_assert_double_eq(trace.rows[2].bytes, 100);
    ck_assert_double_eq(trace.rows[2].records, -1);
    ck_assert_int_eq(trace.end_ms, 25 * MINUTE);
    ck_assert_double_eq(trace.percentile, 100);
    model_trace_clear(&trace);
}
END_TEST

START_TEST(the_peak_is_the_999th_of_a_thousand)
{
    struct buffer text;
    struct trace trace = {0};
    struct error err = {0};

    buffer_init(&text, 1 << 20);
    ck_assert_int_eq(buffer_add_text(&text, "minute,value\n", &err), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(buffer_printf(&text, &err, "%d,%d\n", i, 1000 - i), 0);
    ck_assert_int_eq(parse_trace(buffer_text(&text), &trace, &err), 0);
    ck_assert_double_eq(trace.percentile, 999);
    ck_assert_int_eq(trace.end_ms, 1000 * MINUTE);
    model_trace_clear(&trace);
    buffer_clear(&text);
}
END_TEST

#define DATES "2026-03-02T07:05:00Z, 2026-03-02T08:05:00+01:00 or 2026-03-02 07:05:00 (UTC)"

static const struct {
    const char *text, *message;
} bad_traces[] = {
    {"", "t.csv:1: the header must be 'timestamp,value', 'minute,value', "
         "'timestamp,bytes,records' or 'minute,bytes,records'"},
    {"minute,value\n", "t.csv: no rows"},
    {"minute,value\n0,0\n", "t.csv: the 99.9th percentile is 0, there is no load to scale"},
    {"minute,value\n0,1\n0,1\n", "t.csv:3: not later than the row before, in line 2"},
    {"minute,value\n5,1\n4,1\n", "t.csv:3: not later than the row before, in line 2"},
    {"minute,value\n0,-1\n", "t.csv:2: '-1' is not a value of 0 to 1e15"},
    {"minute,value\n0,1e16\n", "t.csv:2: '1e16' is not a value of 0 to 1e15"},
    {"minute,value\n0,\n", "t.csv:2: '' is not a value of 0 to 1e15"},
    {"minute,value\n0\n", "t.csv:2: 2 columns, not 1"},
    {"minute,value\n0,1,2,3,4,5\n", "t.csv:2: 2 columns, not 6"},
    {"minute,value\n1.5,1\n", "t.csv:2: '1.5' is not a minute, a whole number from 0 to 2147483647"},
    {"minute,bytes,records\n0,1,x\n", "t.csv:2: 'x' is not a value of 0 to 1e15"},
    {"timestamp,value\n2014-02-30 00:00:00,1\n",
     "t.csv:2: '2014-02-30 00:00:00' is not a timestamp such as " DATES},
    {"timestamp,value\n5,1\n", "t.csv:2: '5' is not a timestamp such as " DATES},
    {"minute,bytes,records\n0,1,0\n", "t.csv:2: 1 bytes in no record"},
    {"minute,bytes,records\n0,20971520,2\n\n1,20971521,2\n",
     "t.csv:4: 20971521 bytes in 2 records: Kinesis takes at most 10485760 bytes in one"},
};

START_TEST(a_trace_that_cannot_be_read_is_refused_with_its_line)
{
    struct trace trace = {0};
    struct error err = {0};

    ck_assert_int_eq(parse_trace(bad_traces[_i].text, &trace, &err), -1);
    ck_assert_str_eq(err.message, bad_traces[_i].message);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_null(trace.rows);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    char text[] = "minute,value\n0,1\n\0,2\n";
    struct trace trace = {0};
    struct error err = {0};

    ck_assert_int_eq(model_trace_parse("t.csv", text, sizeof(text) - 1, &trace, &err), -1);
    ck_assert_str_eq(err.message, "t.csv: has a NUL byte");
}
END_TEST

START_TEST(a_trace_of_bytes_and_records_keeps_both)
{
    SCOPED(free_text) char *path = must_printf("%s/a:b.csv", temporary_directory());
    SCOPED(free_text) char *text = must_printf("trace:%s:2000", path);
    struct load *load;
    struct offer offer;

    write_text(path, "minute,bytes,records\n0,100,7\n1,400,3\n5,200,2\n");
    load = parse(text, 10);
    offer = model_load_at(load, 0, 0);
    ck_assert_double_eq(offer.bytes_s, 500);
    ck_assert_double_eq(offer.records_s, 35);
    ck_assert_int_eq(offer.until_ms, MINUTE);
    offer = model_load_at(load, 0, 3 * MINUTE);
    ck_assert_double_eq(offer.bytes_s, 2000);
    ck_assert_double_eq(offer.records_s, 15);
    ck_assert_int_eq(offer.until_ms, 5 * MINUTE);
    offer = model_load_at(load, 0, 100 * MINUTE);
    ck_assert_double_eq(offer.bytes_s, 0);
    ck_assert_int_eq(offer.until_ms, INT64_MAX);
    model_load_free(load);
}
END_TEST

/* ---- loads: a trace, minute by minute */

/* 60 bytes stand for 60 bytes where a file has counts. */
static int read_load(const char *text, struct sim_load *ret_load, struct error *err)
{
    const struct sim_load_options plain = {0}, scaled = {.peak_bytes_s = 1, .record_bytes = 1};
    SCOPED(free_text) char *path = must_printf("%s/load.csv", temporary_directory());

    write_text(path, text);
    return sim_load_read(path, strstr(text, "records") != NULL ? &plain : &scaled, ret_load, err);
}

static const struct {
    const char *text;
    size_t count;
    double bytes[8];
    int64_t start_ms, step_ms;
} real_loads[] = {
    {"minute,bytes,records\n7,10,1\n8,20,1\n9,30,1\n", 3, {10, 20, 30}, 0, MINUTE},
    {"minute,bytes,records\n0,10,1\n3,40,1\n", 6, {10, 20, 30, 40, 40, 40}, 0, 3 * MINUTE},
    /* By second they are all of different minutes, though two come within two seconds. */
    {"timestamp,bytes,records\n1970-01-02T00:00:59Z,10,1\n1970-01-02T00:01:01Z,20,1\n"
     "1970-01-02T00:02:30Z,30,1\n1970-01-02 00:04:00,50,1\n",
     6,
     {10, 20, 30, 40, 50, 50},
     24 * HOUR,
     89000},
    {"minute,value\n0,30\n2,60\n", 4, {30, 45, 60, 60}, 0, 2 * MINUTE},
};

START_TEST(a_row_is_the_minute_that_it_lies_in_and_between_two_there_is_a_line)
{
    SCOPED(sim_load_clear) struct sim_load load = {0};
    struct error err = {0};

    ck_assert_msg(read_load(real_loads[_i].text, &load, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(load.count, real_loads[_i].count);
    ck_assert_int_eq(load.start_ms, real_loads[_i].start_ms);
    ck_assert_int_eq(load.step_ms, real_loads[_i].step_ms);
    for (size_t i = 0; i < load.count; i++)
        ck_assert_double_eq_tol(load.minutes[i].bytes, real_loads[_i].bytes[i], 1e-9);
}
END_TEST

static const struct {
    const char *text, *message;
} bad_loads_of_minutes[] = {
    {"timestamp,bytes,records\n2026-03-02T00:00:10Z,60,1\n\n2026-03-02T00:00:40Z,60,1\n",
     "load.csv:4: is of the same minute as line 2; a load has one row a minute, or fewer"},
    {"timestamp,value\n2026-03-02 00:00:59,60\n2026-03-02 00:01:01,60\n2026-03-02 00:01:59,60\n",
     "load.csv:4: is of the same minute as line 3; a load has one row a minute, or fewer"},
    {"minute,value\n0,1\n1500000,1\n",
     "load.csv: its last row is 1500000 minutes after its first one and stands for 1500000; a load has at "
     "most 2000000 minutes"},
    {"minute,value\n0,1\n1,1\n2,1\n1999999999,1\n",
     "load.csv: its last row is 1999999999 minutes after its first one and stands for 1; a load has at most "
     "2000000 minutes"},
};

START_TEST(a_load_that_would_be_read_wrong_is_refused)
{
    struct sim_load load = {0};
    struct error err = {0};

    ck_assert_int_eq(read_load(bad_loads_of_minutes[_i].text, &load, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(strstr(err.message, "load.csv"), bad_loads_of_minutes[_i].message);
    ck_assert_ptr_null(load.minutes);
}
END_TEST

/* ---- traces of real streams */

static const struct {
    const char *name;
    size_t rows;
    int64_t step_ms;
} real_traces[] = {
    {"azure_functions_2019_1day_1min.csv", 1440, MINUTE},
    {"nab_elb_requests.csv", 4032, 5 * MINUTE},
    {"nab_networkin_iio.csv", 1243, 5 * MINUTE},
    {"nab_nyc_taxi.csv", 10320, 30 * MINUTE},
    {"nab_tweets_AAPL.csv", 15902, 5 * MINUTE},
    {"nab_tweets_GOOG.csv", 15842, 5 * MINUTE},
    {"nab_tweets_UPS.csv", 15866, 5 * MINUTE},
    {"nasa_http_1995-07_1min.csv", 39693, MINUTE},
};

START_TEST(real_traces_are_read)
{
    SCOPED(free_text) char *path = NULL;
    SCOPED(free_text) char *text = NULL;
    struct trace trace = {0};
    struct error err = {0};

    if (shared_data() == NULL) {
        puts("skipped: real_traces_are_read");
        return;
    }
    path = must_printf("%s/traces/%s", shared_data(), real_traces[_i].name);
    text = read_text(path);
    ck_assert_msg(model_trace_parse(path, text, strlen(text), &trace, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(trace.count, real_traces[_i].rows);
    ck_assert_int_eq(trace.end_ms - trace.rows[trace.count - 1].at_ms, real_traces[_i].step_ms);
    model_trace_clear(&trace);
}
END_TEST

/* ---- keys */

static const char *const spreads[] = {"uniform",         "zipf:1:1000", "zipf:0:1",
                                      "zipf:10:1000000", "hot:0.01",    "hot:1",
                                      "slice:0.5:3:8",   "slice:1:0:1", "slice:1:9999:10000"};

START_TEST(shares_of_a_partition_add_up_to_one)
{
    struct keys *keys = NULL;
    struct error err = {0};
    double sum = 0;

    ck_assert_int_eq(model_keys_parse(spreads[_i], 42, &keys, &err), 0);
    for (unsigned i = 0; i < 7; i++) {
        double share = model_keys_share(keys, hashkey_even_start(i, 7),
                                        i == 6 ? HASHKEY_MAX : hashkey_even_start(i + 1, 7) - 1);

        ck_assert_double_ge(share, 0);
        sum += share;
    }
    ck_assert_double_eq_tol(sum, 1, 1e-12);
    ck_assert_double_eq_tol(model_keys_share(keys, 0, HASHKEY_MAX), 1, 1e-12);
    model_keys_free(keys);
}
END_TEST

START_TEST(the_first_of_two_zipf_keys_has_two_thirds_in_one_place)
{
    struct keys *keys = NULL;
    struct error err = {0};
    hashkey low = 0, high = HASHKEY_MAX;

    ck_assert_int_eq(model_keys_parse("zipf:1:2", 3, &keys, &err), 0);
    while (low < high) { /* towards the heavier half, down to one key */
        hashkey middle = low + (high - low) / 2;

        if (model_keys_share(keys, low, middle) > 0.5)
            high = middle;
        else
            low = middle + 1;
    }
    ck_assert_double_eq_tol(model_keys_share(keys, low, low), 2.0 / 3, 1e-12);
    model_keys_free(keys);
}
END_TEST

START_TEST(keys_fall_by_the_seed)
{
    struct keys *keys[3] = {NULL};
    struct error err = {0};

    ck_assert_int_eq(model_keys_parse("zipf:1:100", 5, &keys[0], &err), 0);
    ck_assert_int_eq(model_keys_parse("zipf:1:100", 5, &keys[1], &err), 0);
    ck_assert_int_eq(model_keys_parse("zipf:1:100", 6, &keys[2], &err), 0);
    ck_assert_double_eq(model_keys_share(keys[0], 0, HASHKEY_MAX / 3),
                        model_keys_share(keys[1], 0, HASHKEY_MAX / 3));
    ck_assert_double_ne(model_keys_share(keys[0], 0, HASHKEY_MAX / 3),
                        model_keys_share(keys[2], 0, HASHKEY_MAX / 3));
    for (int i = 0; i < 3; i++)
        model_keys_free(keys[i]);
}
END_TEST

START_TEST(a_slice_has_its_share_and_the_rest_lies_evenly)
{
    struct keys *keys = NULL;
    struct error err = {0};
    hashkey start = hashkey_even_start(3, 8), end = hashkey_even_start(4, 8) - 1;

    ck_assert_int_eq(model_keys_parse("slice:0.3:3:8", 42, &keys, &err), 0);
    ck_assert_double_eq_tol(model_keys_share(keys, start, end), 0.3 + 0.7 / 8, 1e-12);
    ck_assert_double_eq_tol(model_keys_share(keys, start, start + (end - start) / 2), (0.3 + 0.7 / 8) / 2,
                            1e-12);
    ck_assert_double_eq_tol(model_keys_share(keys, end + 1, HASHKEY_MAX), 0.7 / 2, 1e-12);
    model_keys_free(keys);
}
END_TEST

static const char *const bad_keys[] = {"",
                                       "zipf",
                                       "zipf:1",
                                       "zipf:x:10",
                                       "zipf:11:10",
                                       "zipf:1:0",
                                       "zipf:1:1000001",
                                       "zipf:1:2:3",
                                       "hot",
                                       "hot:0",
                                       "hot:1.1",
                                       "uniform:1",
                                       "slice:0.5",
                                       "slice:0:0:2",
                                       "slice:0.5:2:2",
                                       "slice:0.5:0:0",
                                       "slice:0.5:-1:2",
                                       "slice:0.5:0:10001",
                                       "slice:0.5:0:2:1"};

START_TEST(keys_that_cannot_be_read_are_refused)
{
    struct keys *keys = NULL;
    struct error err = {0};

    ck_assert_int_eq(model_keys_parse(bad_keys[_i], 1, &keys, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_null(keys);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_load");
    TCase *load = tcase_create("load"), *trace = tcase_create("trace"), *keys = tcase_create("keys");

    tcase_add_loop_test(load, a_load_is_what_its_text_says, 0, COUNT_OF(loads));
    tcase_add_test(load, a_load_begins_when_it_is_set);
    tcase_add_loop_test(load, a_load_that_cannot_be_read_is_refused, 0, COUNT_OF(bad_loads));
    tcase_add_test(load, records_have_a_size);
    suite_add_tcase(suite, load);
    tcase_add_test(trace, a_trace_has_rows_an_end_and_a_peak);
    tcase_add_test(trace, the_peak_is_the_999th_of_a_thousand);
    tcase_add_loop_test(trace, a_trace_that_cannot_be_read_is_refused_with_its_line, 0, COUNT_OF(bad_traces));
    tcase_add_test(trace, a_nul_byte_is_refused);
    tcase_add_test(trace, a_trace_of_bytes_and_records_keeps_both);
    tcase_add_loop_test(trace, a_row_is_the_minute_that_it_lies_in_and_between_two_there_is_a_line, 0,
                        (int)COUNT_OF(real_loads));
    tcase_add_loop_test(trace, a_load_that_would_be_read_wrong_is_refused, 0,
                        (int)COUNT_OF(bad_loads_of_minutes));
    tcase_add_loop_test(trace, real_traces_are_read, 0, COUNT_OF(real_traces));
    suite_add_tcase(suite, trace);
    tcase_set_timeout(keys, 30);
    tcase_add_loop_test(keys, shares_of_a_partition_add_up_to_one, 0, COUNT_OF(spreads));
    tcase_add_test(keys, the_first_of_two_zipf_keys_has_two_thirds_in_one_place);
    tcase_add_test(keys, keys_fall_by_the_seed);
    tcase_add_test(keys, a_slice_has_its_share_and_the_rest_lies_evenly);
    tcase_add_loop_test(keys, keys_that_cannot_be_read_are_refused, 0, COUNT_OF(bad_keys));
    suite_add_tcase(suite, keys);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
