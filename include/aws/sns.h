/*
 * sns.h - the SNS operations the program uses (Query, XML answers).
 */
#ifndef AWS_SNS_H
#define AWS_SNS_H

#include "aws/client.h"

/* AuthenticateOnUnsubscribe=true.  Idempotent.  `ret_arn` size at least 512. */
int sns_confirm_subscription(struct aws_client *client, const char *topic_arn, const char *token,
                             char *ret_arn, size_t size, struct error *err);

/* Is there such a topic? */
int sns_topic_exists(struct aws_client *client, const char *topic_arn, bool *ret_exists, struct error *err);

enum subscription_state { SUBSCRIPTION_NONE, SUBSCRIPTION_PENDING, SUBSCRIPTION_CONFIRMED };
/* How far the subscription of this endpoint to the topic is; all pages. */
int sns_subscription(struct aws_client *client, const char *topic_arn, const char *endpoint,
                     enum subscription_state *ret_state, struct error *err);

#endif
