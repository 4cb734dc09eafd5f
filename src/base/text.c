/*
 * text.c - small questions about strings.
 */
#include "base/text.h"

#include "base/memory.h"

bool text_copy(char *target, size_t size, const char *source)
{
    size_t length = strnlen(source, size);

    if (size == 0)
        return false;
    if (length < size) {
        memcpy(target, source, length + 1);
        return true;
    }
    memcpy(target, source, size - 1);
    target[size - 1] = '\0';
    return false;
}

bool text_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t wanted = strlen(suffix);

    return length >= wanted && memcmp(text + length - wanted, suffix, wanted) == 0;
}

char *text_trim(char *text)
{
    static const char blanks[] = " \t\r\n";
    size_t length;

    text += strspn(text, blanks);
    length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

char *text_split(char **cursor, char separator)
{
    char *piece = *cursor;
    char *end;

    if (piece == NULL)
        return NULL;
    end = strchr(piece, separator);
    if (end != NULL)
        *end++ = '\0';
    *cursor = end;
    return text_trim(piece);
}

/* What may follow a first byte: how many bytes, and the bounds of the second (RFC 3629, section 4). */
static const struct sequence {
    unsigned char first_low, first_high;
    unsigned char second_low, second_high;
    size_t length;
} sequences[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

/* The length of the character at the start, or 0 when it is none. */
static size_t character_length(const unsigned char *bytes, size_t left)
{
    const struct sequence *sequence = sequences;
    const struct sequence *end = sequences + COUNT_OF(sequences);

    while (sequence < end && (bytes[0] < sequence->first_low || bytes[0] > sequence->first_high))
        sequence++;
    if (sequence == end || sequence->length > left)
        return 0;
    if (sequence->length > 1 && (bytes[1] < sequence->second_low || bytes[1] > sequence->second_high))
        return 0;
    for (size_t i = 2; i < sequence->length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    }
    return sequence->length;
}

bool text_is_utf8(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t step;

    for (size_t i = 0; i < length; i += step) {
        step = at[i] < 0x80 ? 1 : character_length(at + i, length - i); /* most of all text is ASCII */
        if (step == 0)
            return false;
    }
    return true;
}

enum { WORD_MAX = 64 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance in which two neighbours that changed places count once ("plna"). */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = smaller(above[j], row[j - 1]) + 1;
            row[j] = smaller(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[b_length];
}

const char *text_nearest(const char *word, const char *const *candidates)
{
    size_t length = strnlen(word, WORD_MAX + 1);
    const char *nearest = NULL;
    size_t nearest_distance = WORD_MAX + 1;

    if (length > WORD_MAX)
        return NULL;
    for (; *candidates != NULL; candidates++) {
        size_t candidate_length = strnlen(*candidates, WORD_MAX + 1);
        size_t longer = length > candidate_length ? length : candidate_length;
        size_t distance = longer - smaller(length, candidate_length); /* at the least */

        if (candidate_length > WORD_MAX || distance * 3 > longer)
            continue;
        distance = edit_distance(word, length, *candidates, candidate_length);
        if (distance * 3 <= longer && distance < nearest_distance) {
            nearest = *candidates;
            nearest_distance = distance;
        }
    }
    return nearest;
}

const char *text_plural(int64_t count)
{
    return count == 1 ? "" : "s";
}
