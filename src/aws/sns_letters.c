/*
 * sns_letters.c - what an operator saved from a queue, taken apart into the bodies SNS wanted to post.
 */
#include "aws/sns_letters.h"

#include "untrusted.h"

#include "base/memory.h"

/* ReceiveMessage gives at most ten messages, whose own members are few. */
static const struct untrusted_limits limits = {
    .bytes = SNS_LETTERS_MAX, .depth = 16, .values = 65536, .members = 64};

void sns_letters_clear(struct sns_letters *letters)
{
    for (size_t i = 0; i < letters->count; i++)
        free(letters->bodies[i]);
    free(letters->bodies);
    *letters = (struct sns_letters){0};
}

static void add(struct sns_letters *letters, const char *body)
{
    letters->bodies = must_realloc(letters->bodies, letters->count + 1, sizeof(*letters->bodies));
    letters->bodies[letters->count++] = must_strdup(body);
}

/* Up to the brace that closes the first one; all there is when none does, for the parser to complain about. */
static size_t object_length(const char *text, size_t length)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < length; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && text[i] == '{')
            depth++;
        else if (!quoted && text[i] == '}' && --depth == 0)
            return i + 1;
    }
    return length;
}

static int add_messages(struct sns_letters *letters, const cJSON *messages, struct error *err)
{
    const cJSON *message;

    if (!cJSON_IsArray(messages))
        return error_set(err, ERROR_INPUT, "'Messages' is no list");
    cJSON_ArrayForEach(message, messages) {
        const char *body = untrusted_member(message, "Body");

        if (body == NULL)
            return error_set(err, ERROR_INPUT, "a message of it has no 'Body'");
        add(letters, body);
    }
    return 0;
}

static int add_object(struct sns_letters *letters, const char *text, size_t length, struct error *err)
{
    SCOPED(untrusted_release) cJSON *object = NULL;
    const cJSON *messages;

    if (untrusted_json(text, length, &limits, &object, err) < 0)
        return -1;
    messages = cJSON_GetObjectItemCaseSensitive(object, "Messages");
    if (messages != NULL)
        return add_messages(letters, messages, err);
    if (untrusted_member(object, "Body") != NULL) {
        add(letters, untrusted_member(object, "Body"));
    } else if (untrusted_member(object, "Type") != NULL) {
        SCOPED(free_text) char *body = must_strndup(text, length);

        add(letters, body);
    } else {
        return error_set(err, ERROR_INPUT,
                         "neither an answer of ReceiveMessage, a message of SQS nor a body of SNS");
    }
    return 0;
}

static size_t blanks(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && strchr(" \t\r\n", text[count]) != NULL && text[count] != '\0')
        count++;
    return count;
}

int sns_letters_read(const char *text, size_t length, struct sns_letters *ret_letters, struct error *err)
{
    SCOPED(sns_letters_clear) struct sns_letters letters = {0};
    size_t at = blanks(text, length);

    if (length > SNS_LETTERS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d bytes", SNS_LETTERS_MAX);
    for (int number = 1; at < length; number++) {
        size_t size = text[at] == '{' ? object_length(text + at, length - at) : length - at;

        if (add_object(&letters, text + at, size, err) < 0)
            return error_wrap(err, "object %d", number);
        at += size;
        at += blanks(text + at, length - at);
    }
    *ret_letters = letters;
    letters = (struct sns_letters){0};
    return 0;
}
