/*
 * json.c - members of AWS's answers, by name and type, and what several requests have in common.
 *
 * cJSON tells a wrong type from an absent member only to those who ask; this asks, once for all.
 */
#include "call.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

void free_json(cJSON **json)
{
    cJSON_Delete(*json);
}

static void add_dimension(cJSON *dimensions, const char *name, const char *value)
{
    cJSON *dimension = cJSON_CreateObject();

    cJSON_AddStringToObject(dimension, "Name", name);
    cJSON_AddStringToObject(dimension, "Value", value);
    cJSON_AddItemToArray(dimensions, dimension);
}

void json_add_dimensions(cJSON *object, const char *stream, const char *shard)
{
    cJSON *dimensions = cJSON_AddArrayToObject(object, "Dimensions");

    add_dimension(dimensions, "StreamName", stream);
    if (shard != NULL && *shard != '\0')
        add_dimension(dimensions, "ShardId", shard);
}

const cJSON *json_member(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNull(member) ? NULL : member;
}

static int missing(const char *name, struct error *err)
{
    return error_set(err, ERROR_INPUT, "the answer has no '%s'", name);
}

static int malformed(const char *name, struct error *err)
{
    return error_set(err, ERROR_INPUT, "the answer's '%s' is malformed", name);
}

int json_object(const cJSON *object, const char *name, const cJSON **ret_object, struct error *err)
{
    const cJSON *member = json_member(object, name);

    if (member == NULL)
        return missing(name, err);
    if (!cJSON_IsObject(member))
        return malformed(name, err);
    *ret_object = member;
    return 0;
}

int json_array(const cJSON *object, const char *name, const cJSON **ret_array, struct error *err)
{
    const cJSON *member = json_member(object, name);

    if (member != NULL && !cJSON_IsArray(member))
        return malformed(name, err);
    *ret_array = member;
    return 0;
}

int json_optional_text(const cJSON *object, const char *name, char *text, size_t size, struct error *err)
{
    const cJSON *member = json_member(object, name);

    if (member == NULL)
        return 0;
    if (!cJSON_IsString(member) || strlen(member->valuestring) >= size)
        return malformed(name, err);
    (void)text_copy(text, size, member->valuestring);
    return 0;
}

int json_text(const cJSON *object, const char *name, char *text, size_t size, struct error *err)
{
    if (json_member(object, name) == NULL)
        return missing(name, err);
    return json_optional_text(object, name, text, size, err);
}

int json_optional_integer(const cJSON *object, const char *name, int64_t minimum, int64_t maximum,
                          int64_t *value, struct error *err)
{
    const cJSON *member = json_member(object, name);

    if (member == NULL)
        return 0;
    /* Written so that NAN is refused too. */
    if (!cJSON_IsNumber(member) || !(member->valuedouble >= (double)minimum) ||
        !(member->valuedouble <= (double)maximum) || member->valuedouble != floor(member->valuedouble))
        return malformed(name, err);
    *value = (int64_t)member->valuedouble;
    return 0;
}

int json_integer(const cJSON *object, const char *name, int64_t minimum, int64_t maximum, int64_t *ret_value,
                 struct error *err)
{
    if (json_member(object, name) == NULL)
        return missing(name, err);
    return json_optional_integer(object, name, minimum, maximum, ret_value, err);
}

int json_optional_time(const cJSON *object, const char *name, int64_t *ms, struct error *err)
{
    const double latest_s = 253402300799; /* the end of the year 9999 */
    const cJSON *member = json_member(object, name);

    if (member == NULL)
        return 0;
    if (!cJSON_IsNumber(member) || !(member->valuedouble >= 0) || !(member->valuedouble <= latest_s))
        return malformed(name, err);
    *ms = llround(member->valuedouble * 1000);
    return 0;
}

int json_one_of(const cJSON *object, const char *name, const char *const *names, int *ret_index,
                struct error *err)
{
    const cJSON *member = json_member(object, name);

    if (member == NULL)
        return missing(name, err);
    for (int i = 0; cJSON_IsString(member) && names[i] != NULL; i++) {
        if (strcmp(names[i], member->valuestring) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    return malformed(name, err);
}

int json_next_token(const cJSON *output, char **ret_token, struct error *err)
{
    const cJSON *token = json_member(output, "NextToken");

    if (token != NULL && !cJSON_IsString(token))
        return malformed("NextToken", err);
    *ret_token = token != NULL && token->valuestring[0] != '\0' ? must_strdup(token->valuestring) : NULL;
    return 0;
}
