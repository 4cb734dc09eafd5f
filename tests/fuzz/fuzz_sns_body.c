/* A POST to the SNS endpoint: nothing unsigned is genuine, and a refusal is one short line of plain text. */
#include "fuzz.h"

#include "aws/sns_message.h"
#include "base/memory.h"

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:kinescale"

/* Seeds are of 2026-11-21T08:15:30Z. */
static const int64_t now_ms = 1795248930000;

static int send_nothing(struct transport *self, const struct aws_request *request,
                        struct aws_answer *ret_answer, struct error *err)
{
    (void)self;
    (void)ret_answer;
    FUZZ_ASSERT(strncmp(request->url, "https://sns.eu-west-1.amazonaws.com/", 36) == 0);
    return error_set(err, ERROR_TRANSIENT, "nobody there");
}

static const char *no_getenv(const char *name)
{
    (void)name;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const topics[] = {TOPIC};
    struct transport transport = {send_nothing};
    struct virtual_clock clock;
    struct sns_verifier_options options = {.transport = &transport,
                                           .clock = &clock.clock,
                                           .getenv = no_getenv,
                                           .topic_arns = topics,
                                           .topic_count = 1};
    struct sns_verifier *verifier;
    struct sns_message message;

    clock_virtual_init(&clock, now_ms);
    verifier = sns_verifier_new(&options);
    for (int type = SNS_SUBSCRIPTION_CONFIRMATION; type <= SNS_UNSUBSCRIBE_CONFIRMATION; type++) {
        struct error err = {0};
        int result = sns_verify(verifier, (const char *)data, size, sns_type_name((enum sns_type)type), false,
                                NULL, &message, &err);

        FUZZ_ASSERT(result < 0);
        FUZZ_ASSERT(err.kind == ERROR_INPUT || err.kind == ERROR_TRANSIENT);
        FUZZ_ASSERT(strlen(err.message) < 256);
        for (const char *c = err.message; *c != '\0'; c++)
            FUZZ_ASSERT(*c >= ' ' && *c <= '~');
    }
    FUZZ_ASSERT(sns_verifier_certificate_fetches(verifier) <= 1);
    sns_verifier_free(verifier);
    return 0;
}
