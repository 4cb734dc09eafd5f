/* XML answers: a value is ended, fits, or the answer is refused. */
#include "fuzz.h"

#include "aws/xml.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char arn[32] = "", code[8] = "";
    const struct xml_want wants[] = {
        {"ConfirmSubscriptionResult/SubscriptionArn", arn, sizeof(arn)},
        {"Error/Code", code, sizeof(code)},
    };
    struct error err = {0};

    if (xml_read((const char *)data, size, wants, COUNT_OF(wants), &err) < 0)
        FUZZ_ASSERT(err.kind != ERROR_NONE && err.message[0] != '\0');
    FUZZ_ASSERT(strnlen(arn, sizeof(arn)) < sizeof(arn));
    FUZZ_ASSERT(strnlen(code, sizeof(code)) < sizeof(code));
    return 0;
}
