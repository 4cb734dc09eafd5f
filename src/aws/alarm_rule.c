/*
 * alarm_rule.c - which alarms a composite alarm stands over, from its AlarmRule.
 *
 * ALARM(x), where x is a name or an ARN, with or without quotes (CloudWatch user guide, "Creating a composite
 * alarm").  OK() and INSUFFICIENT_DATA() name alarms that ask for nothing.
 */
#include "aws/cloudwatch.h"
#include "base/memory.h"
#include "base/text.h"
#include "call.h"

#include <ctype.h>

/* The name inside "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME", else all of it; names may hold colons. */
static const char *name_of(const char *text)
{
    const char *name = text;

    if (!text_starts_with(text, "arn:"))
        return text;
    for (int colons = 0; colons < 6; colons++) {
        name = strchr(name, ':');
        if (name == NULL)
            return text;
        name++;
    }
    return name;
}

/* Reads the argument that begins at `cursor`; returns what follows it.  A name that is too long is left out. */
static const char *read_argument(const char *cursor, char name[ALARM_NAME_SIZE])
{
    char text[ARN_SIZE] = "";
    size_t length = 0;
    bool quoted;

    while (*cursor == ' ')
        cursor++;
    quoted = *cursor == '"';
    cursor += quoted;
    while (*cursor != '\0' && *cursor != (quoted ? '"' : ')')) {
        if (quoted && *cursor == '\\' && cursor[1] != '\0')
            cursor++;
        if (length + 1 < sizeof(text))
            text[length++] = *cursor;
        cursor++;
    }
    while (!quoted && length > 0 && text[length - 1] == ' ')
        length--;
    text[length] = '\0';
    if (!text_copy(name, ALARM_NAME_SIZE, name_of(text)))
        name[0] = '\0';
    return cursor;
}

size_t cloudwatch_alarm_children(const struct alarm *alarm, char (*ret_names)[ALARM_NAME_SIZE], size_t size)
{
    static const char function[] = "ALARM(";
    SCOPED(free_json) cJSON *document = cJSON_Parse(alarm->document);
    const char *rule = cJSON_GetStringValue(json_member(document, "AlarmRule"));
    const char *found = rule;
    size_t count = 0;

    while (found != NULL && count < size && (found = strstr(found, function)) != NULL) {
        bool whole_word = found == rule || !isalnum((unsigned char)found[-1]);

        found += strlen(function);
        if (!whole_word)
            continue;
        found = read_argument(found, ret_names[count]);
        count += ret_names[count][0] != '\0';
    }
    return count;
}
