/*
 * sns.h - the SNS operations the program uses (Query, XML answers).
 */
#ifndef AWS_SNS_H
#define AWS_SNS_H

#include "aws/client.h"

/* AuthenticateOnUnsubscribe=true.  Idempotent.  `ret_arn` size at least 512. */
int sns_confirm_subscription(struct aws_client *client, const char *topic_arn, const char *token,
                             char *ret_arn, size_t size, struct error *err);

#endif
