/* The alarm inside a notification: every text in the answer is ended, valid UTF-8 and says what it must. */
#include "fuzz.h"

#include "aws/alarm_message.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alarm_message message;
    struct error err = {0};

    if (alarm_message_parse((const char *)data, size, &message, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_INPUT);
        return 0;
    }
    FUZZ_ASSERT(message.alarm_name[0] != '\0');
    FUZZ_ASSERT(strnlen(message.alarm_name, sizeof(message.alarm_name)) < sizeof(message.alarm_name));
    FUZZ_ASSERT(text_is_utf8(message.alarm_name, strlen(message.alarm_name)));
    FUZZ_ASSERT(strnlen(message.stream, sizeof(message.stream)) < sizeof(message.stream));
    FUZZ_ASSERT(strnlen(message.shard, sizeof(message.shard)) < sizeof(message.shard));
    FUZZ_ASSERT(strnlen(message.metric, sizeof(message.metric)) < sizeof(message.metric));
    FUZZ_ASSERT(message.child_count <= ALARM_CHILDREN_MAX);
    return 0;
}
