/* A policy document: refused with a reason, or able to answer whether a service may do something. */
#include "fuzz.h"

#include "../../src/sim/policy.h"
#include "base/json_check.h"
#include "base/memory.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum policy_kind kinds[] = {POLICY_OF_IDENTITY, POLICY_OF_RESOURCE};
    static const struct policy_question question = {
        .service = "cloudwatch.amazonaws.com",
        .action = "sns:Publish",
        .resource = "arn:aws:sns:us-east-1:000000000000:kinescale",
        .source_arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:orders",
        .source_account = "000000000000",
    };
    SCOPED(free_text) char *text = must_strndup((const char *)data, size);
    struct error err = {0};
    cJSON *document;

    if (json_check(text, strlen(text), JSON_DEPTH_MAX, &err) < 0)
        return 0;
    document = cJSON_Parse(text);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct fault fault = {0};

        if (policy_check(document, kinds[i], "InvalidParameter", &fault) < 0)
            FUZZ_ASSERT(text_equal(fault.type, "InvalidParameter") && fault.message[0] != '\0');
        else if (kinds[i] == POLICY_OF_RESOURCE)
            (void)policy_allows(text, &question); /* only that it ends */
    }
    cJSON_Delete(document);
    return 0;
}
