/*
 * json_check.c - RFC 8259 as a loop: no recursion, one bit of memory per level.
 */
#include "base/json_check.h"

#include "base/text.h"

#include <assert.h>
#include <stdint.h>

struct scanner {
    const char *start;
    const char *at;
    const char *end;
    uint64_t objects; /* bit n-1: level n is an object, else an array */
    int depth;
    int max_depth;
};

static_assert(JSON_DEPTH_MAX <= 64, "a level needs a bit of scanner.objects");

/* What must come next. */
enum expected {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* after '[' */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* after '{' */
    EXPECT_SEPARATOR,  /* after a value: ',' or the end of what holds it */
};

static int fault(const struct scanner *scanner, const char *what, struct error *err)
{
    return error_set(err, ERROR_INPUT, "not JSON: %s at byte %zu", what,
                     (size_t)(scanner->at - scanner->start));
}

static bool here(const struct scanner *scanner, char wanted)
{
    return scanner->at < scanner->end && *scanner->at == wanted;
}

static bool take(struct scanner *scanner, char wanted)
{
    if (!here(scanner, wanted))
        return false;
    scanner->at++;
    return true;
}

static bool digit_here(const struct scanner *scanner)
{
    return scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9';
}

static void skip_blanks(struct scanner *scanner)
{
    while (here(scanner, ' ') || here(scanner, '\t') || here(scanner, '\n') || here(scanner, '\r'))
        scanner->at++;
}

static int take_digits(struct scanner *scanner, struct error *err)
{
    if (!digit_here(scanner))
        return fault(scanner, "a digit is missing", err);
    while (digit_here(scanner))
        scanner->at++;
    return 0;
}

static int take_number(struct scanner *scanner, struct error *err)
{
    (void)take(scanner, '-'); /* may be there */
    if (!take(scanner, '0') && take_digits(scanner, err) < 0)
        return -1;
    if (take(scanner, '.') && take_digits(scanner, err) < 0)
        return -1;
    if (take(scanner, 'e') || take(scanner, 'E')) {
        if (!take(scanner, '+'))
            (void)take(scanner, '-');
        return take_digits(scanner, err);
    }
    return 0;
}

/* After the backslash. */
static int take_escape(struct scanner *scanner, struct error *err)
{
    if (take(scanner, 'u')) {
        for (int i = 0; i < 4; i++, scanner->at++) {
            if (scanner->at >= scanner->end || *scanner->at == '\0' ||
                strchr("0123456789abcdefABCDEF", *scanner->at) == NULL)
                return fault(scanner, "a hexadecimal digit is missing", err);
        }
        return 0;
    }
    if (scanner->at >= scanner->end || *scanner->at == '\0' || strchr("\"\\/bfnrt", *scanner->at) == NULL)
        return fault(scanner, "an unknown escape", err);
    scanner->at++;
    return 0;
}

/* Up to what ends a string, begins an escape, or must not be in it; the bits that any of the bytes had. */
static unsigned skip_plain(struct scanner *scanner)
{
    const char *at = scanner->at;
    unsigned bits = 0;

    while (at < scanner->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        bits |= (unsigned char)*at++;
    scanner->at = at;
    return bits;
}

static int take_string(struct scanner *scanner, struct error *err)
{
    const char *first;
    unsigned bits;

    if (!take(scanner, '"'))
        return fault(scanner, "a string is missing", err);
    first = scanner->at;
    for (bits = skip_plain(scanner); !here(scanner, '"'); bits |= skip_plain(scanner)) {
        if (scanner->at >= scanner->end)
            return fault(scanner, "a string does not end", err);
        if ((unsigned char)*scanner->at < 0x20)
            return fault(scanner, "a control character", err);
        (void)take(scanner, '\\'); /* there is nothing else left that it could be */
        if (take_escape(scanner, err) < 0)
            return -1;
    }
    if (bits >= 0x80 && !text_is_utf8(first, (size_t)(scanner->at - first))) { /* most of all text is ASCII */
        scanner->at = first;
        return fault(scanner, "a string that is not UTF-8", err);
    }
    scanner->at++;
    return 0;
}

static int take_literal(struct scanner *scanner, const char *literal, struct error *err)
{
    size_t length = strlen(literal);

    if ((size_t)(scanner->end - scanner->at) < length || memcmp(scanner->at, literal, length) != 0)
        return fault(scanner, "an unknown word", err);
    scanner->at += length;
    return 0;
}

static int enter(struct scanner *scanner, bool object, struct error *err)
{
    uint64_t bit;

    if (scanner->depth >= scanner->max_depth)
        return error_set(err, ERROR_INPUT, "JSON nested deeper than %d levels at byte %zu",
                         scanner->max_depth, (size_t)(scanner->at - scanner->start));
    bit = UINT64_C(1) << scanner->depth++;
    scanner->objects = object ? scanner->objects | bit : scanner->objects & ~bit;
    scanner->at++;
    return 0;
}

static bool in_object(const struct scanner *scanner)
{
    return scanner->depth > 0 && (scanner->objects >> (scanner->depth - 1) & 1) != 0;
}

static int take_value(struct scanner *scanner, enum expected *next, struct error *err)
{
    *next = EXPECT_SEPARATOR;
    if (scanner->at >= scanner->end)
        return fault(scanner, "a value is missing", err);
    switch (*scanner->at) {
    case '{':
        *next = EXPECT_KEY_OR_END;
        return enter(scanner, true, err);
    case '[':
        *next = EXPECT_VALUE_OR_END;
        return enter(scanner, false, err);
    case '"':
        return take_string(scanner, err);
    case 't':
        return take_literal(scanner, "true", err);
    case 'f':
        return take_literal(scanner, "false", err);
    case 'n':
        return take_literal(scanner, "null", err);
    default:
        if (!here(scanner, '-') && !digit_here(scanner))
            return fault(scanner, "a value is missing", err);
        return take_number(scanner, err);
    }
}

static int take_key(struct scanner *scanner, struct error *err)
{
    if (take_string(scanner, err) < 0)
        return -1;
    skip_blanks(scanner);
    if (!take(scanner, ':'))
        return fault(scanner, "a colon is missing", err);
    return 0;
}

static bool take_end(struct scanner *scanner)
{
    if (!take(scanner, in_object(scanner) ? '}' : ']'))
        return false;
    scanner->depth--;
    return true;
}

/* One token, or a key with its colon. */
static int take_next(struct scanner *scanner, enum expected *expected, struct error *err)
{
    skip_blanks(scanner);
    if ((*expected == EXPECT_KEY_OR_END || *expected == EXPECT_VALUE_OR_END) && take_end(scanner)) {
        *expected = EXPECT_SEPARATOR;
        return 0;
    }
    switch (*expected) {
    case EXPECT_KEY:
    case EXPECT_KEY_OR_END:
        *expected = EXPECT_VALUE;
        return take_key(scanner, err);
    case EXPECT_SEPARATOR:
        if (take(scanner, ',')) {
            *expected = in_object(scanner) ? EXPECT_KEY : EXPECT_VALUE;
            return 0;
        }
        if (take_end(scanner))
            return 0;
        return fault(scanner, "a comma or an end is missing", err);
    default:
        return take_value(scanner, expected, err);
    }
}

int json_check(const char *text, size_t length, int max_depth, struct error *err)
{
    struct scanner scanner = {.start = text, .at = text, .end = text + length};
    enum expected expected = EXPECT_VALUE;

    scanner.max_depth = max_depth < JSON_DEPTH_MAX ? max_depth : JSON_DEPTH_MAX;
    do {
        if (take_next(&scanner, &expected, err) < 0)
            return -1;
    } while (scanner.depth > 0 || expected != EXPECT_SEPARATOR);

    skip_blanks(&scanner);
    if (scanner.at < scanner.end)
        return fault(&scanner, "more after the value", err);
    return 0;
}

/* Every value but the first is behind a '{', '[', ',' or ':', and each ':' behind a '{' or ','. */
size_t json_values(const char *text, size_t length)
{
    bool in_text = false;
    size_t values = 1;

    for (size_t i = 0; i < length; i++) {
        if (in_text && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_text = !in_text;
        else if (!in_text)
            values += text[i] == '{' || text[i] == '[' || text[i] == ',';
    }
    return values;
}
