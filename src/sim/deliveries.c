/*
 * deliveries.c - SNS's delivery policy: an answer below 500 ends it, else three more tries, 20 s apart.
 *
 * The body is made once, so every try is the same message with the same signature.
 */
#include "deliveries.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "queues.h"

enum {
    RETRIES = 3,
    RETRY_MS = 20000,
    QUEUE_MAX = 4096,
};

struct delivery {
    struct delivery *next;
    struct sim_delivery told; /* what sim_take_delivery() gives */
    int64_t due_ms;
    int failed;
    bool taken;
};

static void free_delivery(struct delivery *delivery)
{
    free(delivery->told.body);
    free(delivery);
}

static struct delivery *unlink_delivery(struct sim *sim, struct delivery **link)
{
    struct delivery *delivery = *link;

    *link = delivery->next;
    sim->delivery_count--;
    return delivery;
}

void model_deliveries_free(struct sim *sim)
{
    while (sim->deliveries != NULL)
        free_delivery(unlink_delivery(sim, &sim->deliveries));
}

void model_deliver(struct sim *sim, const char *endpoint, const struct sns_message *message)
{
    struct delivery *delivery = must_calloc(1, sizeof(*delivery));
    struct delivery **link = &sim->deliveries;
    struct sim_delivery *told = &delivery->told;

    if (sim->delivery_count == QUEUE_MAX) {
        LOG(LOG_WARN, "delivery-dropped", {"endpoint", endpoint}, {"waiting", .number = QUEUE_MAX});
        free_delivery(unlink_delivery(sim, &sim->deliveries));
    }
    told->id = ++sim->last_delivery_id;
    text_copy(told->endpoint, sizeof(told->endpoint), endpoint);
    text_copy(told->message_type, sizeof(told->message_type), message->type);
    text_copy(told->message_id, sizeof(told->message_id), message->message_id);
    text_copy(told->topic_arn, sizeof(told->topic_arn), message->topic_arn);
    if (message->subscription_arn != NULL)
        text_copy(told->subscription_arn, sizeof(told->subscription_arn), message->subscription_arn);
    told->body = sim->seal != NULL ? sim->seal(sim, message) : must_strdup(message->message);
    delivery->due_ms = sim->now_ms;
    while (*link != NULL)
        link = &(*link)->next;
    *link = delivery;
    sim->delivery_count++;
}

int64_t model_next_delivery_ms(const struct sim *sim)
{
    int64_t next_ms = INT64_MAX;

    for (const struct delivery *delivery = sim->deliveries; delivery != NULL; delivery = delivery->next) {
        if (!delivery->taken && delivery->due_ms < next_ms)
            next_ms = delivery->due_ms;
    }
    return next_ms;
}

bool sim_take_delivery(struct sim *sim, struct sim_delivery *ret_delivery)
{
    struct delivery *delivery;

    model_lock(sim);
    delivery = sim->deliveries;
    while (delivery != NULL && (delivery->taken || delivery->due_ms > sim->now_ms))
        delivery = delivery->next;
    if (delivery != NULL) {
        delivery->taken = true;
        *ret_delivery = delivery->told;
        ret_delivery->body = must_strdup(delivery->told.body);
    }
    model_unlock(sim);
    return delivery != NULL;
}

/* What was refused, or tried often enough, goes to the subscription's queue if it has one. */
static void give_up(struct sim *sim, const struct delivery *delivery)
{
    const struct subscription *subscription =
        model_find_subscription(sim, delivery->told.subscription_arn, NULL);

    if (subscription == NULL || subscription->dead_letters == NULL ||
        !text_equal(delivery->told.message_type, "Notification"))
        return;
    if (!model_dead_letter(sim, subscription->dead_letters, delivery->told.topic_arn, delivery->told.body))
        LOG(LOG_WARN, "dead-letter-lost", {"queue", subscription->dead_letters},
            {"why", "there is no such queue, or its policy does not let SNS send"});
}

void sim_delivery_result(struct sim *sim, uint64_t id, int status)
{
    struct delivery **link;

    model_lock(sim);
    link = &sim->deliveries;
    while (*link != NULL && (*link)->told.id != id)
        link = &(*link)->next;
    if (*link != NULL && (*link)->taken) {
        (*link)->taken = false;
        (*link)->due_ms = sim->now_ms + RETRY_MS;
        if ((status >= 200 && status < 500) || ++(*link)->failed > RETRIES) {
            if (status < 200 || status >= 300)
                give_up(sim, *link);
            free_delivery(unlink_delivery(sim, link));
        }
    }
    model_unlock(sim);
}

void sim_delivery_clear(struct sim_delivery *delivery)
{
    free(delivery->body);
    delivery->body = NULL;
}
