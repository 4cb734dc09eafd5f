#include "sim_alarms.h"

#include "support.h"

#include "base/memory.h"

struct sim *test_sim_with_topic(void)
{
    struct topic *topic;
    struct subscription *subscription;
    struct sim_delivery delivery;
    struct sim *sim = test_sim();
    struct fault fault;

    ck_assert_int_eq(model_create_topic(sim, "scaling", &topic, &fault), 0);
    ck_assert_int_eq(
        model_subscribe(sim, TEST_TOPIC, "http", "http://127.0.0.1:1/sns", &subscription, &fault), 0);
    ck_assert_int_eq(
        model_confirm_subscription(sim, TEST_TOPIC, subscription->token, false, &subscription, &fault), 0);
    ck_assert(sim_take_delivery(sim, &delivery));
    sim_delivery_result(sim, delivery.id, 200);
    sim_delivery_clear(&delivery);
    return sim;
}

int test_deliveries(struct sim *sim)
{
    struct sim_delivery delivery;
    int count = 0;

    while (sim_take_delivery(sim, &delivery)) {
        sim_delivery_result(sim, delivery.id, 200);
        sim_delivery_clear(&delivery);
        count++;
    }
    return count;
}

struct text_list test_texts(const char *text)
{
    struct text_list list = {must_calloc(1, sizeof(char *)), 1};

    list.items[0] = must_strdup(text);
    return list;
}

struct metric_name test_stream_metric(const char *metric, const char *stream)
{
    struct metric_name name = {must_strdup("AWS/Kinesis"), must_strdup(metric),
                               must_calloc(1, sizeof(struct dimension)), 1};

    name.dimensions[0] = (struct dimension){must_strdup("StreamName"), must_strdup(stream)};
    return name;
}

struct alarm_settings test_busy(const char *name, int shards)
{
    struct alarm_settings settings = {
        .name = must_strdup(name),
        .actions_enabled = true,
        .metric = test_stream_metric("IncomingBytes", "orders"),
        .statistic = must_strdup("Sum"),
        .period_s = 60,
        .evaluation_periods = 1,
        .threshold = 0.8 * 60 * 1048576 * shards,
        .comparison = must_strdup("GreaterThanThreshold"),
    };

    settings.actions[VALUE_ALARM] = test_texts(TEST_TOPIC);
    return settings;
}

struct alarm *test_put_alarm(struct sim *sim, struct alarm_settings settings)
{
    char *name = must_strdup(settings.name);
    struct alarm *alarm;
    struct fault fault;

    ck_assert_msg(model_put_alarm(sim, &settings, &fault) == 0, "%s: %s", fault.type, fault.message);
    alarm = model_find_alarm(sim, name);
    free(name);
    return alarm;
}

static struct data_query metric_query(const char *id, const char *metric)
{
    return (struct data_query){.id = must_strdup(id),
                               .metric = test_stream_metric(metric, "orders"),
                               .period_s = 60,
                               .stat = must_strdup("Sum"),
                               .return_data = 0};
}

static struct data_query expression_query(const char *id, const char *expression, bool return_data)
{
    return (struct data_query){
        .id = must_strdup(id), .expression = must_strdup(expression), .return_data = return_data};
}

struct alarm_settings test_usage(void)
{
    struct alarm_settings settings = {
        .name = must_strdup("usage"),
        .actions_enabled = true,
        .queries = must_calloc(7, sizeof(struct data_query)),
        .query_count = 7,
        .evaluation_periods = 1,
        .threshold = 0.8,
        .comparison = must_strdup("GreaterThanOrEqualToThreshold"),
        .treat_missing = must_strdup("ignore"),
    };

    settings.actions[VALUE_ALARM] = test_texts(TEST_TOPIC);
    settings.queries[0] = metric_query("m1", "IncomingBytes");
    settings.queries[1] = metric_query("m2", "IncomingRecords");
    settings.queries[2] = expression_query("e1", "FILL(m1,0)", false);
    settings.queries[3] = expression_query("e2", "FILL(m2,0)", false);
    settings.queries[4] = expression_query("e3", "e1/(1024*1024*60*2)", false);
    settings.queries[5] = expression_query("e4", "e2/(1000*60*2)", false);
    settings.queries[6] = expression_query("e5", "MAX([e3,e4])", true);
    return settings;
}
