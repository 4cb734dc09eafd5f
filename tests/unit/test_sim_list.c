#include "sim_model.h"
#include "support.h"

#include "base/memory.h"

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

/* ---- quotas */

START_TEST(requests_beyond_the_rate_are_refused_until_time_has_passed)
{
    sim_free(sim);
    sim = test_sim_with((struct sim_options){.check_quotas = true});
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(model_allow(sim, "SplitShard", "orders", &fault), 0);
    assert_fault(model_allow(sim, "SplitShard", "orders", &fault), "LimitExceededException",
                 "Rate exceeded for stream orders under account 000000000000.");
    ck_assert_int_eq(model_allow(sim, "MergeShards", "orders", &fault), 0);
    sim_advance(sim, sim->now_ms + 199);
    ck_assert_int_eq(model_allow(sim, "SplitShard", "orders", &fault), -1);
    sim_advance(sim, sim->now_ms + 1);
    ck_assert_int_eq(model_allow(sim, "SplitShard", "orders", &fault), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(model_allow(sim, "PutMetricAlarm", NULL, &fault), 0);
    assert_fault(model_allow(sim, "PutMetricAlarm", NULL, &fault), "ThrottlingException", "Rate exceeded");
}
END_TEST

START_TEST(list_shards_has_a_rate_for_each_stream)
{
    sim_free(sim);
    sim = test_sim_with((struct sim_options){.check_quotas = true});
    (void)test_stream(sim, "a", 1);
    (void)test_stream(sim, "b", 1);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(model_allow(sim, "ListShards", "a", &fault), 0);
    ck_assert_int_eq(model_allow(sim, "ListShards", "a", &fault), -1);
    ck_assert_int_eq(model_allow(sim, "ListShards", "b", &fault), 0);
}
END_TEST

/* ---- listing */

static const char *shards_of(const struct list_shards *request)
{
    static char text[1024];
    struct shard_page page;
    int length = 0;

    text[0] = '\0';
    ck_assert_msg(model_list_shards(sim, request, &page, &fault) == 0, "%s: %s", fault.type, fault.message);
    for (size_t i = 0; i < page.count; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%s%lld", i > 0 ? " " : "",
                           (long long)page.items[i]->index);
    model_shard_page_clear(&page);
    return text;
}

START_TEST(filters_pass_what_they_promise)
{
    int64_t first, split;

    (void)test_stream(sim, "orders", 2);
    first = sim->now_ms;
    sim_advance(sim, first + HOURS(1));
    ck_assert_int_eq(model_split_shard(sim, "orders", "0", "500", &fault), 0);
    split = sim->now_ms + 30000;
    sim_advance(sim, split + HOURS(1));

#define LIST(...) shards_of(&(struct list_shards){.stream = "orders", .filter_ms = -1, ##__VA_ARGS__})
    ck_assert_str_eq(LIST(), "0 1 2 3");
    ck_assert_str_eq(LIST(.filter_type = "FROM_TRIM_HORIZON"), "0 1 2 3");
    ck_assert_str_eq(LIST(.filter_type = "AT_LATEST"), "1 2 3");
    ck_assert_str_eq(LIST(.filter_type = "AT_TRIM_HORIZON"), "0 1");
    ck_assert_str_eq(LIST(.filter_type = "AFTER_SHARD_ID", .filter_shard = "shardId-000000000001"), "2 3");
    ck_assert_str_eq(LIST(.after = "shardId-000000000002"), "3");
#undef LIST
#define LIST(type, at) \
    shards_of(&(struct list_shards){.stream = "orders", .filter_type = (type), .filter_ms = (at)})
    ck_assert_str_eq(LIST("AT_TIMESTAMP", first + 1), "0 1");
    ck_assert_str_eq(LIST("AT_TIMESTAMP", split + 1), "1 2 3");
    ck_assert_str_eq(LIST("FROM_TIMESTAMP", split - 1), "0 1 2 3");
    ck_assert_str_eq(LIST("FROM_TIMESTAMP", split + 1), "1 2 3");
#undef LIST
}
END_TEST

START_TEST(pages_follow_one_another_and_tokens_age)
{
    struct shard_page page;
    char token[MODEL_TOKEN_SIZE], second[MODEL_TOKEN_SIZE];
    struct list_shards request = {
        .stream = "orders", .max_results = 2, .filter_type = "AT_LATEST", .filter_ms = -1};

    (void)test_stream(sim, "orders", 5);
    ck_assert_int_eq(model_list_shards(sim, &request, &page, &fault), 0);
    ck_assert_uint_eq(page.count, 2);
    memcpy(token, page.next_token, sizeof(token));
    model_shard_page_clear(&page);

    request = (struct list_shards){.next_token = token, .max_results = 2, .filter_ms = -1};
    ck_assert_int_eq(model_list_shards(sim, &request, &page, &fault), 0);
    ck_assert_int_eq(page.items[0]->index, 2);
    memcpy(second, page.next_token, sizeof(second));
    model_shard_page_clear(&page);
    ck_assert_str_eq(shards_of(&(struct list_shards){.next_token = second, .filter_ms = -1}), "4");

    token[4] = token[4] == '0' ? '1' : '0';
    ck_assert_int_eq(model_list_shards(sim, &request, &page, &fault), -1);
    ck_assert_str_eq(fault.type, "InvalidArgumentException");
    request.next_token = second;
    sim_advance(sim, sim->now_ms + 300000);
    ck_assert_str_eq(shards_of(&request), "4");
    sim_advance(sim, sim->now_ms + 1);
    ck_assert_int_eq(model_list_shards(sim, &request, &page, &fault), -1);
    ck_assert_str_eq(fault.type, "ExpiredNextTokenException");
}
END_TEST

START_TEST(streams_are_listed_by_name_and_page)
{
    struct stream_page page;

    for (const char *const *name = (const char *const[]){"c", "a", "b", "d", NULL}; *name != NULL; name++)
        (void)test_stream(sim, *name, 1);
    ck_assert_int_eq(model_list_streams(sim, 3, NULL, NULL, &page, &fault), 0);
    ck_assert_uint_eq(page.count, 3);
    ck_assert(page.has_more);
    ck_assert_str_eq(page.items[0]->name, "a");
    ck_assert_str_eq(page.items[2]->name, "c");
    ck_assert_int_eq(model_list_streams(sim, 3, NULL, page.next_token, &page, &fault), 0);
    ck_assert_uint_eq(page.count, 1);
    ck_assert(!page.has_more);
    ck_assert_str_eq(page.items[0]->name, "d");
}
END_TEST

START_TEST(limits_count_what_is_open)
{
    struct account_limits limits;

    (void)test_stream(sim, "a", 3);
    (void)test_stream(sim, "b", 4);
    ck_assert_int_eq(model_create_stream(sim, "c", 0, true, &fault), 0);
    sim_advance(sim, sim->now_ms + 30000);
    model_describe_limits(sim, &limits);
    ck_assert_int_eq(limits.shard_limit, 500);
    ck_assert_int_eq(limits.open_shards, 7);
    ck_assert_int_eq(limits.on_demand_streams, 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("sim_list");
    TCase *list = tcase_create("list");

    tcase_add_checked_fixture(list, begin, end);
    tcase_add_test(list, requests_beyond_the_rate_are_refused_until_time_has_passed);
    tcase_add_test(list, list_shards_has_a_rate_for_each_stream);
    tcase_add_test(list, filters_pass_what_they_promise);
    tcase_add_test(list, pages_follow_one_another_and_tokens_age);
    tcase_add_test(list, streams_are_listed_by_name_and_page);
    tcase_add_test(list, limits_count_what_is_open);
    suite_add_tcase(suite, list);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
