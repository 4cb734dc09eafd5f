/*
 * json_print.c - JSON as text, on one line.
 */
#include "base/json_print.h"

#include "base/number.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>

/* What stands in a string as it is. */
static const bool plain[UCHAR_MAX + 1] = {
    [' ' ... '!'] = true, ['#' ... '['] = true, [']' ... UCHAR_MAX] = true};

/* Up to what ends a string or must be escaped in it. */
static size_t plain_length(const char *text)
{
    size_t length = 0;

    while (plain[(unsigned char)text[length]])
        length++;
    return length;
}

static int add_plain(const char *text, size_t length, struct buffer *buffer, struct error *err)
{
    char *added = buffer_extend(buffer, length + 2, err);

    if (added == NULL)
        return -1;
    added[0] = added[length + 1] = '"';
    memcpy(added + 1, text, length);
    return 0;
}

static int add_escape(char character, struct buffer *buffer, struct error *err)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = strchr(escaped, character);

    if (found == NULL)
        return buffer_printf(buffer, err, "\\u%04x", (unsigned)(unsigned char)character);
    return buffer_add(buffer, (char[]){'\\', letters[found - escaped]}, 2, err);
}

int json_print_text(const char *text, struct buffer *buffer, struct error *err)
{
    size_t length = plain_length(text);

    if (text[length] == '\0') /* most are */
        return add_plain(text, length, buffer, err);
    if (buffer_add(buffer, "\"", 1, err) < 0)
        return -1;
    for (;; length = plain_length(text)) {
        if (buffer_add(buffer, text, length, err) < 0)
            return -1;
        text += length;
        if (*text == '\0')
            return buffer_add(buffer, "\"", 1, err);
        if (add_escape(*text++, buffer, err) < 0)
            return -1;
    }
}

static int add_number(double value, struct buffer *buffer, struct error *err)
{
    char text[32];

    if (!isfinite(value))
        return buffer_add(buffer, "null", 4, err);
    number_format_double(value, text, sizeof(text));
    return buffer_add_text(buffer, text, err);
}

static int add_children(const cJSON *json, struct buffer *buffer, struct error *err)
{
    bool object = cJSON_IsObject(json);
    const cJSON *child;

    if (buffer_add(buffer, object ? "{" : "[", 1, err) < 0)
        return -1;
    cJSON_ArrayForEach(child, json) {
        if (child != json->child && buffer_add(buffer, ",", 1, err) < 0)
            return -1;
        if (object &&
            (json_print_text(child->string, buffer, err) < 0 || buffer_add(buffer, ":", 1, err) < 0))
            return -1;
        if (json_print_to(child, buffer, err) < 0)
            return -1;
    }
    return buffer_add(buffer, object ? "}" : "]", 1, err);
}

int json_print_to(const cJSON *json, struct buffer *buffer, struct error *err)
{
    if (cJSON_IsString(json))
        return json_print_text(json->valuestring, buffer, err);
    if (cJSON_IsNumber(json))
        return add_number(json->valuedouble, buffer, err);
    if (cJSON_IsObject(json) || cJSON_IsArray(json))
        return add_children(json, buffer, err);
    return buffer_add_text(buffer, cJSON_IsTrue(json) ? "true" : cJSON_IsFalse(json) ? "false" : "null", err);
}

char *json_print(const cJSON *json)
{
    struct buffer buffer;
    struct error err;

    buffer_init(&buffer, SIZE_MAX - 1); /* as much memory as there is */
    (void)json_print_to(json, &buffer, &err);
    return buffer_take(&buffer);
}
