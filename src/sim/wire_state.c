/*
 * wire_state.c - what the simulated account looks like from outside: /sim/state and /sim/requests.
 *
 * Not AWS's: for people, demonstrations and tests.  The caller holds the model's lock.
 */
#include "base/date.h"
#include "base/json_print.h"
#include "queues.h"
#include "stacks.h"
#include "wire.h"

#include <math.h>

static cJSON *date(int64_t ms)
{
    char text[DATE_SIZE];

    date_format(ms, text);
    return cJSON_CreateString(text);
}

static void write_shards(cJSON *object, const struct stream *stream)
{
    cJSON *list = answer_list(object, "shards");

    for (size_t i = 0; i < stream->shard_count; i++) {
        const struct shard *shard = &stream->shards[i];
        char id[MODEL_SHARD_ID_SIZE], key[HASHKEY_TEXT_SIZE];
        cJSON *item;

        if (!model_shard_is_listed(stream, shard) || !model_shard_is_open(stream, shard))
            continue;
        item = answer_element(list);
        model_shard_id(shard->index, id);
        answer_text(item, "id", id);
        hashkey_format(shard->start, key);
        answer_text(item, "start", key);
        hashkey_format(shard->end, key);
        answer_text(item, "end", key);
        answer_number(item, "share", shard->share);
    }
}

static void write_stream(cJSON *list, const struct stream *stream)
{
    const struct sim_totals *totals = &stream->totals;
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"offered_bytes", totals->offered_bytes},
        {"accepted_bytes", totals->accepted_bytes},
        {"throttled_bytes", totals->throttled_bytes},
        {"offered_records", totals->offered_records},
        {"accepted_records", totals->accepted_records},
        {"throttled_records", totals->throttled_records},
        {"shard_hours", totals->shard_hours},
        {"splits", (double)totals->splits},
        {"merges", (double)totals->merges},
        {"updates", (double)totals->updates},
        {"minutes_throttled", (double)totals->minutes_throttled},
    };
    cJSON *object = answer_element(list), *counts;

    answer_text(object, "name", stream->name);
    answer_text(object, "status", model_status_name(stream->status));
    answer_number(object, "open_shards", (double)model_open_shards(stream));
    write_shards(object, stream);
    counts = answer_structure(object, "totals");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        answer_number(counts, numbers[i].name, numbers[i].value);
}

static void write_alarm(cJSON *list, const struct alarm *alarm)
{
    cJSON *object = answer_element(list);

    answer_text(object, "name", alarm->settings.name);
    answer_text(object, "state", model_value_name(alarm->value));
    answer_text(object, "reason", alarm->reason);
    (void)cJSON_AddItemToObject(object, "since", date(alarm->transitioned_ms));
    if (!isnan(alarm->settings.threshold))
        answer_number(object, "threshold", alarm->settings.threshold);
}

static void write_topic(cJSON *list, const struct topic *topic)
{
    cJSON *object = answer_element(list), *subscriptions;

    answer_text(object, "arn", topic->arn);
    subscriptions = answer_list(object, "subscriptions");
    for (size_t i = 0; i < topic->subscription_count; i++) {
        cJSON *item = answer_element(subscriptions);

        answer_text(item, "endpoint", topic->subscriptions[i]->endpoint);
        answer_boolean(item, "confirmed", topic->subscriptions[i]->confirmed);
    }
}

static void write_queue(cJSON *list, const struct queue *queue)
{
    cJSON *object = answer_element(list), *messages;

    answer_text(object, "arn", queue->arn);
    answer_number(object, "received", (double)queue->received);
    messages = answer_list(object, "messages");
    for (size_t i = 0; i < queue->message_count; i++) {
        cJSON *item = answer_element(messages);

        answer_text(item, "id", queue->messages[i].id);
        (void)cJSON_AddItemToObject(item, "time", date(queue->messages[i].at_ms));
        answer_text(item, "body", queue->messages[i].body);
    }
}

static void write_stack(cJSON *list, const struct stack *stack)
{
    cJSON *object, *resources;

    if (stack->status == STACK_DELETE_COMPLETE)
        return;
    object = answer_element(list);
    answer_text(object, "name", stack->name);
    answer_text(object, "status", stack_status_name(stack->status));
    answer_text(object, "reason", stack->reason);
    resources = answer_list(object, "resources");
    for (size_t i = 0; i < stack->resource_count; i++) {
        cJSON *item = answer_element(resources);

        answer_text(item, "id", stack->resources[i]->logical);
        answer_text(item, "type", stack->resources[i]->type->name);
        answer_text(item, "physical_id", stack->resources[i]->physical);
        answer_text(item, "status", stack->resources[i]->status);
    }
}

void wire_write_state(struct sim *sim, struct buffer *body)
{
    cJSON *state = cJSON_CreateObject(), *list;
    struct error err;

    (void)cJSON_AddItemToObject(state, "time", date(sim->now_ms));
    list = answer_list(state, "streams");
    for (size_t i = 0; i < sim->stream_count; i++)
        write_stream(list, sim->streams[i]);
    list = answer_list(state, "alarms");
    for (size_t i = 0; i < sim->alarm_count; i++)
        write_alarm(list, sim->alarms[i]);
    list = answer_list(state, "topics");
    for (size_t i = 0; i < sim->topic_count; i++)
        write_topic(list, sim->topics[i]);
    list = answer_list(state, "queues");
    for (size_t i = 0; i < sim->queue_count; i++)
        write_queue(list, sim->queues[i]);
    list = answer_list(state, "stacks");
    for (size_t i = 0; i < stacks_of(sim)->count; i++)
        write_stack(list, sim->stacks->items[i]);
    (void)json_print_to(state, body, &err);
    cJSON_Delete(state);
}

void wire_write_requests(struct sim *sim, struct buffer *body)
{
    const struct wire *wire = wire_of(sim);
    uint64_t first = wire->request_count > REQUESTS_KEPT ? wire->request_count - REQUESTS_KEPT : 0;
    struct error err;

    for (uint64_t i = first; i < wire->request_count; i++) {
        const struct answered *row = &wire->requests[i % REQUESTS_KEPT];
        char time_text[DATE_SIZE];

        date_format(row->at_ms, time_text);
        (void)buffer_printf(
            body, &err,
            "{\"time\":\"%s\",\"service\":\"%s\",\"operation\":\"%s\",\"status\":%d,\"error\":\"%s\"}\n",
            time_text, row->service == SERVICE_COUNT ? "" : wire_services[row->service].signing,
            row->operation == NULL ? "" : row->operation, row->status, row->error);
    }
}
