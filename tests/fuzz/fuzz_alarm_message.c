/* The message inside a notification: read within its bounds, or refused as input. */
#include "fuzz.h"

#include "aws/alarm_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alarm_message message;
    struct error err = {0};

    if (alarm_message_parse((const char *)data, size, &message, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_INPUT && err.message[0] != '\0');
        return 0;
    }
    FUZZ_ASSERT(message.alarm_name[0] != '\0');
    FUZZ_ASSERT(strlen(message.alarm_name) < sizeof(message.alarm_name));
    FUZZ_ASSERT(message.new_state <= ALARM_INSUFFICIENT_DATA && message.old_state <= ALARM_INSUFFICIENT_DATA);
    FUZZ_ASSERT(message.child_count <= ALARM_CHILDREN_MAX);
    FUZZ_ASSERT(message.child_count == 0 || message.composite);
    FUZZ_ASSERT(message.stream[0] != '\0' || message.shard[0] == '\0');
    return 0;
}
