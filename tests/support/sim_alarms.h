/*
 * sim_alarms.h - alarms for tests of the model, and a topic that hears them.
 */
#ifndef TESTS_SIM_ALARMS_H
#define TESTS_SIM_ALARMS_H

#include "sim_model.h"

#include "../../src/sim/alarms.h"

#define TEST_TOPIC "arn:aws:sns:us-east-1:000000000000:scaling"

/* test_sim() with TEST_TOPIC and one confirmed subscriber; nothing waits to be delivered. */
struct sim *test_sim_with_topic(void);
/* How many deliveries wait; they are taken and answered. */
int test_deliveries(struct sim *sim);

/* A list of one; the caller's. */
struct text_list test_texts(const char *text);
/* Of AWS/Kinesis and dimension StreamName; the caller's. */
struct metric_name test_stream_metric(const char *metric, const char *stream);
/* IncomingBytes of "orders" above 80 % of `shards` shards in one minute; tells TEST_TOPIC. */
struct alarm_settings test_busy(const char *name, int shards);
/* "usage": the metric math of other autoscalers, on "orders" with two shards; tells TEST_TOPIC. */
struct alarm_settings test_usage(void);
/* Takes the settings over; fails the test when they are refused. */
struct alarm *test_put_alarm(struct sim *sim, struct alarm_settings settings);

#endif
