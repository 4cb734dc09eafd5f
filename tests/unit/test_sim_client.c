/*
 * The program's own AWS client and the simulated AWS, over a socket: neither shares code with the other, and both
 * must mean the same.
 */
#include "aws/cloudwatch.h"
#include "aws/kinesis.h"
#include "aws/sns.h"
#include "aws/sns_message.h"
#include "aws/sts.h"
#include "base/memory.h"
#include "base/text.h"
#include "loopback.h"
#include "sim/sim.h"
#include "support.h"

#include <math.h>
#include <string.h>

#define SPEED 200
#define TOPIC "arn:aws:sns:us-east-1:000000000000:kinescale"

static struct scaled_clock fast;
static struct sim_server *server;
static struct transport *transport;
static struct credentials_provider *provider;
static struct aws_client *client;
static struct loopback *endpoint;
static struct error err;
static char url[64];

static const char *environment(const char *name)
{
    static const char *const values[][2] = {
        {"AWS_ENDPOINT_URL", url},
        {"AWS_ACCESS_KEY_ID", SIM_ACCESS_KEY_ID},
        {"AWS_SECRET_ACCESS_KEY", SIM_SECRET_ACCESS_KEY},
    };

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        if (text_equal(name, values[i][0]))
            return values[i][1];
    }
    return NULL;
}

static void must(int result)
{
    ck_assert_msg(result == 0, "%s", err.message);
}

static const char *write_scene(void)
{
    static char path[128];
    SCOPED(free_text)
    char *text =
        must_printf("stream orders shards=2\ntopic kinescale signature=2\nsubscribe kinescale %s/sns\n"
                    "alarms orders topic=kinescale\ntraffic orders load=constant:1M record=1024\n",
                    loopback_url(endpoint));

    snprintf(path, sizeof(path), "%s/scene", temporary_directory());
    write_text(path, text);
    return path;
}

static void start(void)
{
    static const struct loopback_route routes[] = {{"/sns", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
                                                   {NULL}};
    struct sim_server_options options = {
        .sim = {.seed = 3, .check_signatures = true, .check_quotas = true, .metric_delay_ms = -1},
        .listen = "127.0.0.1:0",
        .clock = &fast.clock,
    };

    err = (struct error){0};
    endpoint = loopback_start(routes, false);
    clock_scaled_init(&fast, clock_now_ms(clock_system()), SPEED);
    options.scene = write_scene();
    must(sim_server_start(&options, &server, &err));
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", sim_server_port(server));
    must(transport_curl_open(&transport, &err));
    provider = credentials_provider_new(&(struct credentials_options){.getenv = environment}, transport,
                                        &fast.clock);
    must(aws_client_open(&(struct aws_client_options){.region = SIM_REGION,
                                                      .getenv = environment,
                                                      .transport = transport,
                                                      .credentials = provider,
                                                      .clock = &fast.clock},
                         &client, &err));
}

static void stop(void)
{
    aws_client_close(client);
    credentials_provider_free(provider);
    transport_curl_close(transport);
    sim_server_stop(server);
    loopback_stop(endpoint);
}

/* ACTIVE again. */
static struct stream_summary settled(void)
{
    struct stream_summary summary;

    do {
        must(kinesis_describe_summary(client, "orders", &summary, &err));
        clock_sleep_ms(&fast.clock, 1000);
    } while (summary.status != STREAM_ACTIVE);
    return summary;
}

START_TEST(the_client_reshapes_a_simulated_stream)
{
    struct shard_map map = {0};
    int64_t limit, open;
    hashkey key;

    ck_assert_int_eq(settled().open_shards, 2);
    must(kinesis_list_shards(client, "orders", &map, &err));
    must(shard_map_check(&map, &err));
    ck_assert(hashkey_middle(map.items[0].start, map.items[0].end, &key));
    must(kinesis_split(client, "orders", map.items[0].id, key, &err));
    ck_assert_int_eq(kinesis_split(client, "orders", map.items[1].id, key + 5, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFLICT);
    ck_assert_int_eq(settled().open_shards, 3);
    shard_map_clear(&map);
    must(kinesis_list_shards(client, "orders", &map, &err));
    must(shard_map_check(&map, &err));
    ck_assert_uint_eq(map.count, 3);
    ck_assert_str_eq(map.items[0].parent, "shardId-000000000000");
    ck_assert_int_eq(kinesis_merge(client, "orders", map.items[1].id, map.items[0].id, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_REFUSED);
    must(kinesis_merge(client, "orders", map.items[0].id, map.items[1].id, &err));
    ck_assert_int_eq(settled().open_shards, 2);
    shard_map_clear(&map);
    must(kinesis_update_count(client, "orders", 4, &err));
    ck_assert_int_eq(settled().open_shards, 4);
    ck_assert_int_eq(kinesis_update_count(client, "orders", 9, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_QUOTA);
    must(kinesis_limits(client, &limit, &open, &err));
    ck_assert_int_eq(limit, 500);
    ck_assert_int_eq(open, 4);
    ck_assert_int_eq(kinesis_list_shards(client, "none", &map, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
}
END_TEST

START_TEST(the_client_moves_and_resets_simulated_alarms)
{
    struct alarm_list list = {0}, again = {0};
    const char *names[] = {"orders-IncomingBytes", "none"};

    must(cloudwatch_alarms_by_action(client, TOPIC, &list, &err));
    ck_assert_uint_eq(list.count, 3);
    alarm_list_clear(&list);
    must(cloudwatch_alarms_by_name(client, names, 2, &list, &err));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].stream, "orders");
    ck_assert_double_eq(list.items[0].threshold, 2 * 0.8 * 60 * 1048576);
    ck_assert(alarm_has_action(&list.items[0], TOPIC));
    must(cloudwatch_put_threshold(client, &list.items[0], 123456789, &err));
    must(cloudwatch_set_alarm_state(client, "orders-IncomingBytes", ALARM_OK, "a \"test\" <&>", &err));
    must(cloudwatch_alarms_for_metric(client, "IncomingBytes", "orders", NULL, &again, &err));
    ck_assert_uint_eq(again.count, 1);
    ck_assert_double_eq(again.items[0].threshold, 123456789);
    ck_assert_str_eq(again.items[0].comparison, "GreaterThanOrEqualToThreshold");
    ck_assert_int_eq(again.items[0].period_s, 60);
    ck_assert_int_eq(again.items[0].state, ALARM_OK);
    ck_assert_int_eq(cloudwatch_set_alarm_state(client, "none", ALARM_OK, "r", &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    alarm_list_clear(&list);
    alarm_list_clear(&again);
}
END_TEST

START_TEST(the_client_reads_what_was_written)
{
    const struct metric_query queries[] = {
        {"IncomingBytes", "orders", NULL, "Sum", 60},
        {"IncomingRecords", "orders", "", "Sum", 60},
        {"IncomingBytes", "nobody", NULL, "Sum", 60},
    };
    struct metric_answer answer = {0};
    int64_t start_ms = (clock_now_ms(&fast.clock) / 60000 + 1) * 60000;

    clock_sleep_ms(&fast.clock, 300000);
    must(cloudwatch_metrics(client, queries, 3, start_ms, start_ms + 120000, &answer, &err));
    ck_assert_uint_eq(answer.count, 3);
    ck_assert_uint_eq(answer.series[0].count, 2);
    ck_assert_double_eq_tol(answer.series[0].values[0], 60 * 1048576.0, 1024);
    ck_assert_double_eq_tol(answer.series[1].values[1], 60 * 1024.0, 1);
    ck_assert(isnan(answer.series[2].values[0]));
    ck_assert(answer.series[0].complete);
    metric_answer_clear(&answer);
}
END_TEST

START_TEST(a_simulated_message_is_genuine_and_confirms_the_subscription)
{
    const char *const topics[] = {TOPIC};
    struct sns_verifier *verifier = sns_verifier_new(&(struct sns_verifier_options){.transport = transport,
                                                                                    .clock = &fast.clock,
                                                                                    .getenv = environment,
                                                                                    .topic_arns = topics,
                                                                                    .topic_count = 1});
    struct sns_message message = {0};
    char arn[512], *request, *body;

    for (int i = 0; i < 500 && loopback_requests(endpoint) < 1; i++)
        clock_sleep_ms(clock_system(), 20);
    request = loopback_last_request(endpoint);
    ck_assert_ptr_nonnull(request);
    body = strstr(request, "\r\n\r\n") + 4;
    must(sns_verify(verifier, body, strlen(body), "SubscriptionConfirmation", false, NULL, &message, &err));
    ck_assert_str_eq(message.topic_arn, TOPIC);
    must(sns_confirm_subscription(client, message.topic_arn, message.token, arn, sizeof(arn), &err));
    ck_assert_msg(text_starts_with(arn, TOPIC ":"), "%s", arn);
    sns_message_clear(&message);

    *strstr(body, "chosen") = 'C';
    ck_assert_int_eq(
        sns_verify(verifier, body, strlen(body), "SubscriptionConfirmation", false, NULL, &message, &err),
        -1);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    free(request);
    sns_verifier_free(verifier);
}
END_TEST

START_TEST(a_simulated_role_gives_credentials)
{
    struct sts_role role = {"arn:aws:iam::123456789012:role/scaler", "test", "external", 900};
    struct credentials own = {.expires_ms = INT64_MAX}, given = {0}, web = {0};

    text_copy(own.access_key_id, sizeof(own.access_key_id), SIM_ACCESS_KEY_ID);
    text_copy(own.secret_access_key, sizeof(own.secret_access_key), SIM_SECRET_ACCESS_KEY);
    must(sts_assume_role(transport, url, SIM_REGION, &own, &role, &given, &err));
    ck_assert(text_starts_with(given.access_key_id, "ASIA"));
    ck_assert_int_le(given.expires_ms - clock_now_ms(&fast.clock), 900000);
    role.external_id = NULL; /* only AssumeRole has one */
    must(sts_assume_role_with_web_identity(transport, url, &role, "aa.bb.cc", &web, &err));
    ck_assert_str_ne(web.access_key_id, given.access_key_id);
    text_copy(own.secret_access_key, sizeof(own.secret_access_key), "wrong");
    credentials_clear(&given);
    ck_assert_int_eq(sts_assume_role(transport, url, SIM_REGION, &own, &role, &given, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_AUTH);
    credentials_clear(&own);
    credentials_clear(&given);
    credentials_clear(&web);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_client");
    TCase *tcase = tcase_create("client");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_add_test(tcase, the_client_reshapes_a_simulated_stream);
    tcase_add_test(tcase, the_client_moves_and_resets_simulated_alarms);
    tcase_add_test(tcase, the_client_reads_what_was_written);
    tcase_add_test(tcase, a_simulated_message_is_genuine_and_confirms_the_subscription);
    tcase_add_test(tcase, a_simulated_role_gives_credentials);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
