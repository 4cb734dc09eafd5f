/*
 * untrusted.c - the checks that stand in front of the JSON library, and of our own messages.
 *
 * The library is lenient and takes some eighty bytes for a value of two, so a text is judged whole before it
 * is parsed: grammar, depth, and how many values it can hold.
 */
#include "untrusted.h"

#include "base/json_check.h"
#include "base/memory.h"

/* Knows the text to be JSON already: backslashes are in texts only. */
static int check_escapes(const char *text, size_t length, struct error *err)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\\')
            continue;
        i++;
        if (text[i] == 'u' && memcmp(text + i + 1, "0000", 4) == 0)
            return error_set(err, ERROR_INPUT, "a text with \\u0000 at byte %zu", i - 1);
    }
    return 0;
}

static int check_members(const cJSON *object, size_t limit, struct error *err)
{
    const cJSON *a, *b;
    size_t count = 0;

    cJSON_ArrayForEach(a, object) {
        if (++count > limit)
            return error_set(err, ERROR_INPUT, "an object of more than %zu members", limit);
    }
    cJSON_ArrayForEach(a, object) {
        for (b = a->next; b != NULL; b = b->next) {
            if (strcmp(a->string, b->string) == 0) {
                char name[41];

                untrusted_quote(a->string, name, sizeof(name));
                return error_set(err, ERROR_INPUT, "the key '%s' twice", name);
            }
        }
    }
    return 0;
}

int untrusted_json(const char *text, size_t length, const struct untrusted_limits *limits, cJSON **ret_object,
                   struct error *err)
{
    cJSON *object;

    if (length > limits->bytes)
        return error_set(err, ERROR_INPUT, "more than %zu bytes", limits->bytes);
    if (json_check(text, length, limits->depth, err) < 0 || check_escapes(text, length, err) < 0)
        return -1;
    if (json_values(text, length) > limits->values)
        return error_set(err, ERROR_INPUT, "JSON of more than %zu values", limits->values);
    object = cJSON_ParseWithLength(text, length);
    if (object == NULL) /* half a surrogate pair: allowed by the grammar, not by the library */
        return error_set(err, ERROR_INPUT, "JSON with a text that is no Unicode");
    if (!cJSON_IsObject(object)) {
        cJSON_Delete(object);
        return error_set(err, ERROR_INPUT, "JSON, but not an object");
    }
    if (check_members(object, limits->members, err) < 0) {
        cJSON_Delete(object);
        return -1;
    }
    *ret_object = object;
    return 0;
}

const char *untrusted_member(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

void untrusted_release(cJSON **object)
{
    cJSON_Delete(*object);
    *object = NULL;
}

/* No deeper than the check before parsing allowed. */
static void wipe_texts(cJSON *item)
{
    cJSON *later[JSON_DEPTH_MAX] = {NULL};
    size_t depth = 0;

    while (item != NULL || depth > 0) {
        if (item == NULL) {
            item = later[--depth];
            continue;
        }
        if (item->valuestring != NULL)
            wipe(item->valuestring, strlen(item->valuestring));
        if (item->child != NULL) {
            later[depth++] = item->next;
            item = item->child;
        } else {
            item = item->next;
        }
    }
}

void untrusted_wipe(cJSON **object)
{
    wipe_texts(*object);
    untrusted_release(object);
}

void untrusted_quote(const char *text, char *ret_text, size_t size)
{
    size_t length = 0;

    for (; *text != '\0' && length + 1 < size; text++)
        ret_text[length++] = (char)(*text >= ' ' && *text <= '~' && *text != '\'' ? *text : '?');
    ret_text[length] = '\0';
}

bool untrusted_is_plain(const char *text, size_t longest, const char *others)
{
    size_t length = strlen(text);

    if (length == 0 || length > longest)
        return false;
    for (; *text != '\0'; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr(others, *text) != NULL;

        if (!plain)
            return false;
    }
    return true;
}
