/*
 * queues.c - queues for what SNS could not deliver.
 */
#include "queues.h"

#include "base/memory.h"
#include "base/text.h"
#include "policy.h"

enum { QUEUES_MAX = 1000 };

static void free_queue(struct queue *queue)
{
    for (size_t i = 0; i < queue->message_count; i++)
        free(queue->messages[i].body);
    free(queue->messages);
    free(queue->policy);
    free(queue->url);
    free(queue);
}

void model_queues_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->queue_count; i++)
        free_queue(sim->queues[i]);
    free(sim->queues);
}

struct queue *model_find_queue(const struct sim *sim, const char *arn_or_url)
{
    for (size_t i = 0; i < sim->queue_count; i++) {
        if (text_equal(sim->queues[i]->arn, arn_or_url) || text_equal(sim->queues[i]->url, arn_or_url))
            return sim->queues[i];
    }
    return NULL;
}

int model_create_queue(struct sim *sim, const char *name, struct queue **ret_queue, struct fault *fault)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    char arn[MODEL_ARN_SIZE];
    struct queue *queue;

    if (length == 0 || length > QUEUE_NAME_MAX || name[length] != '\0')
        return model_fault(
            fault, "InvalidParameterValue", 400,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    snprintf(arn, sizeof(arn), "arn:aws:sqs:%s:%s:%s", sim->region, sim->account, name);
    if (model_find_queue(sim, arn) != NULL)
        return model_fault(fault, "QueueAlreadyExists", 400, "A queue already exists with the same name");
    if (sim->queue_count == QUEUES_MAX)
        return model_fault(fault, "OverLimit", 403, "Too many queues");
    queue = must_calloc(1, sizeof(*queue));
    (void)text_copy(queue->name, sizeof(queue->name), name);
    (void)text_copy(queue->arn, sizeof(queue->arn), arn);
    queue->url = must_printf("https://sqs.%s.amazonaws.com/%s/%s", sim->region, sim->account, name);
    sim->queues = must_realloc(sim->queues, sim->queue_count + 1, sizeof(struct queue *));
    sim->queues[sim->queue_count++] = queue;
    *ret_queue = queue;
    return 0;
}

void model_delete_queue(struct sim *sim, struct queue *queue)
{
    for (size_t i = 0; i < sim->queue_count; i++) {
        if (sim->queues[i] != queue)
            continue;
        sim->queue_count--;
        memmove(&sim->queues[i], &sim->queues[i + 1], (sim->queue_count - i) * sizeof(struct queue *));
        free_queue(queue);
        return;
    }
}

bool model_dead_letter(struct sim *sim, const char *queue_arn, const char *topic_arn, const char *body)
{
    struct queue *queue = model_find_queue(sim, queue_arn);
    const struct policy_question question = {.service = "sns.amazonaws.com",
                                             .action = "sqs:SendMessage",
                                             .resource = queue_arn,
                                             .source_arn = topic_arn,
                                             .source_account = sim->account};
    struct queue_message *message;

    if (queue == NULL || queue->policy == NULL || !policy_allows(queue->policy, &question))
        return false;
    if (queue->messages == NULL)
        queue->messages = must_calloc(QUEUE_MESSAGES_MAX, sizeof(*queue->messages));
    if (queue->message_count == QUEUE_MESSAGES_MAX) {
        free(queue->messages[0].body);
        memmove(&queue->messages[0], &queue->messages[1], --queue->message_count * sizeof(*message));
    }
    message = &queue->messages[queue->message_count++];
    model_uuid(sim, message->id);
    message->at_ms = sim->now_ms;
    message->body = must_strdup(body);
    queue->received++;
    return true;
}
