/*
 * sns.c - the SNS operations the program uses (Query, XML answers).
 */
#include "aws/sns.h"

#include "base/memory.h"
#include "base/text.h"
#include "call.h"

enum { FORM_CEILING = 64 * 1024 };

int sns_confirm_subscription(struct aws_client *client, const char *topic_arn, const char *token,
                             char *ret_arn, size_t size, struct error *err)
{
    struct aws_call call = {.service = AWS_SNS, .operation = "ConfirmSubscription", .subject = topic_arn};
    char arn[512];
    const struct xml_want wanted = {"ConfirmSubscriptionResult/SubscriptionArn", arn, sizeof(arn)};
    SCOPED(buffer_clear) struct buffer form;

    buffer_init(&form, FORM_CEILING);
    if (form_add(&form, "TopicArn", topic_arn, err) < 0 || form_add(&form, "Token", token, err) < 0 ||
        form_add(&form, "AuthenticateOnUnsubscribe", "true", err) < 0)
        return aws_call_wrap(&call, err);
    if (aws_call_query(client, &call, "2010-03-31", buffer_text(&form), &wanted, 1, err) < 0)
        return -1;
    if (arn[0] == '\0' || !text_copy(ret_arn, size, arn)) {
        (void)error_set(err, ERROR_INPUT, "the answer has no 'SubscriptionArn' that could be kept");
        return aws_call_wrap(&call, err);
    }
    return 0;
}
