/*
 * queues.h - SQS as far as SNS needs it: queues that keep what could not be delivered.
 *
 * There is no SQS on the wire: queues are made by CloudFormation and shown by /sim/state.
 */
#ifndef SIM_QUEUES_H
#define SIM_QUEUES_H

#include "model.h"

enum { QUEUE_NAME_MAX = 80, QUEUE_MESSAGES_MAX = 1000 };

struct queue_message {
    char id[40];
    int64_t at_ms;
    char *body;
};
struct queue {
    char name[QUEUE_NAME_MAX + 1];
    char arn[MODEL_ARN_SIZE];
    char *url;
    char *policy;                   /* JSON; NULL: only its owner may send */
    struct queue_message *messages; /* oldest first; the oldest make room */
    size_t message_count;
    int64_t received; /* messages in all */
};

/* "QueueAlreadyExists", "InvalidParameterValue", "OverLimit". */
int model_create_queue(struct sim *sim, const char *name, struct queue **ret_queue, struct fault *fault);
/* By ARN or by URL; NULL when there is none. */
struct queue *model_find_queue(const struct sim *sim, const char *arn_or_url);
void model_delete_queue(struct sim *sim, struct queue *queue);
/* What SNS does with a message that a topic could not deliver: false when the queue is not there or its policy does
 * not let SNS send for this topic. */
bool model_dead_letter(struct sim *sim, const char *queue_arn, const char *topic_arn, const char *body);
void model_queues_free(struct sim *sim);

#endif
