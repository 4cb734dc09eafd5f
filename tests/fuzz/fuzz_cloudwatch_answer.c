/* Answers of CloudWatch: alarms that can be sent back, datapoints in their places, or refused with a reason. */
#include "one_answer.h"

#include "aws/cloudwatch.h"

#include <math.h>

static struct one_answer cloudwatch;

/* Whatever was in the alarm, it can be sent, or has no threshold; and a composite one stands over named alarms. */
static void send_back(const struct alarm *alarm)
{
    char children[4][ALARM_NAME_SIZE];
    size_t child_count = cloudwatch_alarm_children(alarm, children, COUNT_OF(children));
    static const char nothing[] = "{}";
    struct aws_client *client = one_answer_client(&cloudwatch, (const uint8_t *)nothing, 2, 200);
    struct error err = {0};

    if (cloudwatch_put_threshold(client, alarm, 1.5, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_REFUSED && (alarm->composite || isnan(alarm->threshold)));
    FUZZ_ASSERT(child_count <= COUNT_OF(children));
    for (size_t i = 0; i < child_count; i++)
        FUZZ_ASSERT(children[i][0] != '\0' && strnlen(children[i], ALARM_NAME_SIZE) < ALARM_NAME_SIZE);
}

static void try_alarms(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&cloudwatch, data, size, 200);
    struct alarm_list list = {0};
    struct error err = {0};

    if (cloudwatch_alarms_by_action(client, "arn:", &list, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT && list.items == NULL);
    for (size_t i = 0; i < list.count; i++) {
        FUZZ_ASSERT(list.items[i].action_count > 0 && alarm_state_name(list.items[i].state) != NULL);
        FUZZ_ASSERT(isnan(list.items[i].threshold) || isfinite(list.items[i].threshold));
        send_back(&list.items[i]);
    }
    alarm_list_clear(&list);
    client = one_answer_client(&cloudwatch, data, size, 200);
    if (cloudwatch_alarms_for_metric(client, "IncomingBytes", "orders", NULL, &list, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT && list.items == NULL);
    alarm_list_clear(&list);
}

/* The same bytes as a refusal. */
static void try_refusals(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&cloudwatch, data, size, one_answer_refusal(size));
    struct error err = {0};

    FUZZ_ASSERT(cloudwatch_set_alarm_state(client, "a", ALARM_OK, "because", &err) < 0);
    FUZZ_ASSERT(err.kind != ERROR_NONE && err.message[0] != '\0');
}

static void try_metrics(const uint8_t *data, size_t size)
{
    static const struct metric_query queries[] = {{"IncomingBytes", "orders", NULL, "Sum", 60},
                                                  {"IncomingRecords", "orders", "s", "Sum", 300}};
    struct aws_client *client = one_answer_client(&cloudwatch, data, size, 200);
    struct metric_answer answer = {0};
    struct error err = {0};

    if (cloudwatch_metrics(client, queries, 2, 1763683200000, 1763683500000, &answer, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_INPUT && answer.series == NULL);
        return;
    }
    FUZZ_ASSERT(answer.count == 2 && answer.series[0].count == 5 && answer.series[1].count == 1);
    for (size_t i = 0; i < 5; i++)
        FUZZ_ASSERT(!isinf(answer.series[0].values[i]));
    metric_answer_clear(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_alarms(data, size);
    try_metrics(data, size);
    try_refusals(data, size);
    return 0;
}
