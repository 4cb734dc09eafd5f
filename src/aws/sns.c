/*
 * sns.c - the SNS operations the program uses (Query, XML answers).
 */
#include "aws/sns.h"

#include "base/memory.h"
#include "base/text.h"
#include "call.h"

enum { FORM_CEILING = 64 * 1024, PAGES_MAX = 1000, TOKEN_SIZE = 4096, ENDPOINT_URL_SIZE = 2049 };

static const char version[] = "2010-03-31";

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
    if (aws_call_query(client, &call, version, buffer_text(&form), &wanted, 1, err) < 0)
        return -1;
    if (arn[0] == '\0' || !text_copy(ret_arn, size, arn)) {
        (void)error_set(err, ERROR_INPUT, "the answer has no 'SubscriptionArn' that could be kept");
        return aws_call_wrap(&call, err);
    }
    return 0;
}

int sns_topic_exists(struct aws_client *client, const char *topic_arn, bool *ret_exists, struct error *err)
{
    struct aws_call call = {.service = AWS_SNS, .operation = "GetTopicAttributes", .subject = topic_arn};
    SCOPED(buffer_clear) struct buffer form;

    buffer_init(&form, FORM_CEILING);
    if (form_add(&form, "TopicArn", topic_arn, err) < 0)
        return aws_call_wrap(&call, err);
    *ret_exists = aws_call_query(client, &call, version, buffer_text(&form), NULL, 0, err) == 0;
    return *ret_exists || err->kind == ERROR_NOT_FOUND ? 0 : -1;
}

/* A page of subscriptions, and what of it is asked for. */
struct subscription_page {
    const char *endpoint_wanted;
    enum subscription_state state;
    char endpoint[ENDPOINT_URL_SIZE], arn[512];
    char token[TOKEN_SIZE];
};

static int take_subscription(void *context, struct error *err)
{
    struct subscription_page *page = context;

    (void)err;
    if (strcmp(page->endpoint, page->endpoint_wanted) != 0)
        return 0;
    if (text_starts_with(page->arn, "arn:"))
        page->state = SUBSCRIPTION_CONFIRMED;
    else if (page->state == SUBSCRIPTION_NONE && strcmp(page->arn, "PendingConfirmation") == 0)
        page->state = SUBSCRIPTION_PENDING;
    return 0;
}

int sns_subscription(struct aws_client *client, const char *topic_arn, const char *endpoint,
                     enum subscription_state *ret_state, struct error *err)
{
    struct aws_call call = {
        .service = AWS_SNS, .operation = "ListSubscriptionsByTopic", .subject = topic_arn};
    struct subscription_page page = {.endpoint_wanted = endpoint};
    const struct xml_want next = {"ListSubscriptionsByTopicResult/NextToken", page.token, sizeof(page.token)};
    const struct xml_want wants[] = {
        {"member/Endpoint", page.endpoint, sizeof(page.endpoint)},
        {"member/SubscriptionArn", page.arn, sizeof(page.arn)},
    };
    const struct xml_rows rows = {"Subscriptions/member", wants, COUNT_OF(wants), take_subscription, &page};

    for (int pages = 0; pages < PAGES_MAX; pages++) {
        SCOPED(buffer_clear) struct buffer form;

        buffer_init(&form, FORM_CEILING);
        if (form_add(&form, "TopicArn", topic_arn, err) < 0 ||
            (page.token[0] != '\0' && form_add(&form, "NextToken", page.token, err) < 0))
            return aws_call_wrap(&call, err);
        if (aws_call_query_rows(client, &call, version, buffer_text(&form), &next, 1, &rows, 1, err) < 0)
            return -1;
        if (page.token[0] == '\0')
            break;
    }
    *ret_state = page.state;
    return 0;
}
