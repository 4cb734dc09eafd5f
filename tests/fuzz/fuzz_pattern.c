/* An AllowedPattern of a template on the first line, the value on the others: what is refused matches nothing. */
#include "fuzz.h"

#include "../../src/sim/pattern.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(free_text) char *text = must_strndup((const char *)data, size);
    char *value = text;
    const char *pattern = strsep(&value, "\n");
    struct error err = {0};

    if (pattern_check(pattern, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_INPUT && err.message[0] != '\0');
        FUZZ_ASSERT(!pattern_matches(pattern, value != NULL ? value : ""));
    } else {
        (void)pattern_matches(pattern, value != NULL ? value : ""); /* only that it ends */
    }
    return 0;
}
