/* Answers of SNS in XML: taken whole and within bounds, or refused with a reason. */
#include "one_answer.h"

#include "aws/sns.h"

static struct one_answer sns;

static const char topic[] = "arn:aws:sns:eu-west-1:123456789012:kinescale";

static void try_answer(const uint8_t *data, size_t size)
{
    enum subscription_state state = SUBSCRIPTION_NONE;
    struct error err = {0};
    char arn[512] = "";
    bool exists = false;

    if (sns_confirm_subscription(one_answer_client(&sns, data, size, 200), topic, "token", arn, sizeof(arn),
                                 &err) == 0)
        FUZZ_ASSERT(arn[0] != '\0' && strnlen(arn, sizeof(arn)) < sizeof(arn));
    else
        FUZZ_ASSERT(err.kind == ERROR_INPUT && err.message[0] != '\0');
    if (sns_topic_exists(one_answer_client(&sns, data, size, 200), topic, &exists, &err) == 0)
        FUZZ_ASSERT(exists);
    if (sns_subscription(one_answer_client(&sns, data, size, 200), topic, "https://a/sns", &state, &err) == 0)
        FUZZ_ASSERT(state <= SUBSCRIPTION_CONFIRMED);
}

/* The same bytes as a refusal. */
static void try_refusals(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&sns, data, size, one_answer_refusal(size));
    struct error err = {0};
    bool exists = true;

    if (sns_topic_exists(client, topic, &exists, &err) == 0)
        FUZZ_ASSERT(!exists);
    else
        FUZZ_ASSERT(err.kind != ERROR_NONE && err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_answer(data, size);
    try_refusals(data, size);
    return 0;
}
