/*
 * pattern.c - a Java pattern written as a POSIX one.
 */
#include "pattern.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"

#include <regex.h>
#include <string.h>

enum {
    PATTERN_MAX = 512,
    WRITTEN_MAX = 4096,
    REPETITIONS_MAX = 2000, /* all {n,m} multiplied: glibc writes them out */
};

struct writer {
    struct buffer text;
    struct error *err;
};

static int add(struct writer *writer, const char *text, size_t length)
{
    return buffer_add(&writer->text, text, length, writer->err);
}

/* \d and its like stand for sets; `inside` brackets without brackets of their own. */
static int write_escape(struct writer *writer, const char **cursor, bool inside)
{
    static const struct {
        char letter;
        const char *set;
    } sets[] = {{'d', "0-9"}, {'w', "a-zA-Z0-9_"}, {'s', " \t\r\n\f\v"}};
    char letter = (*cursor)[1];

    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        if (sets[i].letter != letter)
            continue;
        *cursor += 2;
        if (inside)
            return add(writer, sets[i].set, strlen(sets[i].set));
        return buffer_printf(&writer->text, writer->err, "[%s]", sets[i].set);
    }
    if (letter == '\0' || strchr(".^$*+?()[]{}|\\/-", letter) == NULL)
        return error_set(writer->err, ERROR_INPUT, "the simulated CloudFormation knows no '\\%c'", letter);
    /* A bracket expression has no escapes: what could be taken for its syntax is refused there. */
    if (inside && strchr("]^-[\\", letter) != NULL)
        return error_set(writer->err, ERROR_INPUT,
                         "the simulated CloudFormation knows no '\\%c' within brackets", letter);
    *cursor += 2;
    if (inside)
        return add(writer, &letter, 1);
    return buffer_printf(&writer->text, writer->err, letter == '/' || letter == '-' ? "%c" : "\\%c", letter);
}

static int write_brackets(struct writer *writer, const char **cursor)
{
    const char *at = *cursor;
    int result = add(writer, at, 1);

    at++;
    for (; result == 0 && *at == '^'; at++)
        result = add(writer, at, 1);
    while (result == 0 && *at != ']') {
        if (*at == '\0')
            return error_set(writer->err, ERROR_INPUT, "a bracket is not closed");
        if (*at == '\\') {
            result = write_escape(writer, &at, true);
        } else if (*at == '[' || (at[0] == '&' && at[1] == '&')) {
            return error_set(writer->err, ERROR_INPUT,
                             "the simulated CloudFormation knows no sets within sets");
        } else {
            result = add(writer, at, 1);
            at++;
        }
    }
    *cursor = at + 1;
    return result < 0 ? -1 : add(writer, "]", 1);
}

/* {n}, {n,}, {n,m}: counts what they multiply to. */
static int write_interval(struct writer *writer, const char **cursor, int64_t *repetitions)
{
    const char *end = strchr(*cursor, '}');
    SCOPED(free_text) char *text = NULL;
    char *comma;
    int64_t least, most;

    if (end == NULL)
        return error_set(writer->err, ERROR_INPUT, "a brace is not closed");
    text = must_strndup(*cursor + 1, (size_t)(end - *cursor - 1));
    comma = strchr(text, ',');
    if (comma != NULL)
        *comma++ = '\0';
    if (!number_parse(text, 0, REPETITIONS_MAX, &least))
        return error_set(writer->err, ERROR_INPUT, "'{' must be followed by a number of repetitions");
    most = least;
    if (comma != NULL && comma[0] != '\0' && !number_parse(comma, least, REPETITIONS_MAX, &most))
        return error_set(writer->err, ERROR_INPUT, "'{' must be followed by a number of repetitions");
    *repetitions *= most < 1 ? 1 : most;
    if (*repetitions > REPETITIONS_MAX)
        return error_set(writer->err, ERROR_INPUT, "more than %d repetitions", REPETITIONS_MAX);
    if (add(writer, *cursor, (size_t)(end - *cursor) + 1) < 0)
        return -1;
    *cursor = end + 1;
    return 0;
}

static int write_one(struct writer *writer, const char **cursor, int64_t *repetitions)
{
    const char *at = *cursor;

    if (*at == '\\')
        return write_escape(writer, cursor, false);
    if (*at == '[')
        return write_brackets(writer, cursor);
    if (*at == '{')
        return write_interval(writer, cursor, repetitions);
    if (at[0] == '(' && at[1] == '?') {
        if (at[2] != ':')
            return error_set(writer->err, ERROR_INPUT, "the simulated CloudFormation knows no '(?%c'", at[2]);
        *cursor += 3;
        return add(writer, "(", 1);
    }
    if (strchr("*+?", *at) != NULL && at[1] != '\0' && strchr("*+?{", at[1]) != NULL)
        return error_set(writer->err, ERROR_INPUT, "the simulated CloudFormation knows no '%.2s'", at);
    *cursor += 1;
    return add(writer, at, 1);
}

static int compile(const char *pattern, regex_t *ret_compiled, struct error *err)
{
    struct writer writer = {.err = err};
    int64_t repetitions = 1;
    char why[128];
    int code = 0, result;

    if (strlen(pattern) > PATTERN_MAX)
        return error_set(err, ERROR_INPUT, "more than %d bytes", PATTERN_MAX);
    buffer_init(&writer.text, WRITTEN_MAX);
    result = add(&writer, "^(", 2);
    while (result == 0 && *pattern != '\0')
        result = write_one(&writer, &pattern, &repetitions);
    if (result == 0)
        result = add(&writer, ")$", 2);
    if (result == 0) {
        code = regcomp(ret_compiled, buffer_text(&writer.text), REG_EXTENDED | REG_NOSUB);
        if (code != 0) {
            (void)regerror(code, ret_compiled, why, sizeof(why));
            result = error_set(err, ERROR_INPUT, "%s", why);
        }
    }
    buffer_clear(&writer.text);
    return result;
}

int pattern_check(const char *pattern, struct error *err)
{
    regex_t compiled;

    if (compile(pattern, &compiled, err) < 0)
        return -1;
    regfree(&compiled);
    return 0;
}

bool pattern_matches(const char *pattern, const char *text)
{
    regex_t compiled;
    struct error err;
    bool matches;

    if (compile(pattern, &compiled, &err) < 0)
        return false;
    matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}
