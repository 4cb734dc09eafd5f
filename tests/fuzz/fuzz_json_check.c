/* What json_check() lets through, the JSON library must be able to read, and no deeper than was asked for. */
#include "fuzz.h"

#include "base/json_check.h"
#include "base/text.h"

#include <cjson/cJSON.h>

static size_t values_of(const cJSON *item)
{
    size_t count = 1;

    for (const cJSON *child = item->child; child != NULL; child = child->next)
        count += values_of(child);
    return count;
}

static int depth_of(const cJSON *item)
{
    int deepest = 0;

    if (!cJSON_IsArray(item) && !cJSON_IsObject(item))
        return 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        int depth = depth_of(child);

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    int max_depth = size > 0 ? data[0] % (JSON_DEPTH_MAX + 1) : 1;
    struct error err = {0};
    cJSON *value;

    if (json_check(text, size, max_depth, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_INPUT);
        FUZZ_ASSERT(text_is_utf8(err.message, strlen(err.message)));
        return 0;
    }
    FUZZ_ASSERT(text_is_utf8(text, size));
    value = cJSON_ParseWithLength(text, size);
    /* The library refuses half a surrogate pair and numbers it has no room for, which the grammar allows. */
    FUZZ_ASSERT(value != NULL || memmem(text, size, "\\u", 2) != NULL || size > 64);
    FUZZ_ASSERT(depth_of(value) <= max_depth);
    FUZZ_ASSERT(value == NULL || values_of(value) <= json_values(text, size));
    cJSON_Delete(value);
    return 0;
}
