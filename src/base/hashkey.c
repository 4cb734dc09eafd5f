/*
 * hashkey.c - arithmetic on 128-bit hash keys.
 *
 * A whole key space has 2^128 keys, one more than a hashkey can count; so the
 * code works with `last - first`, which always fits.
 */
#include "base/hashkey.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

bool hashkey_parse(const char *text, hashkey *ret_key)
{
    hashkey key = 0;

    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(key, (hashkey)10, &key) ||
            __builtin_add_overflow(key, (hashkey)(*text - '0'), &key))
            return false;
    }
    *ret_key = key;
    return true;
}

/* Divides by 10^19, the largest power of ten in 64 bits, first: dividing 128 bits is slow, and keys are in every listing. */
void hashkey_format(hashkey key, char text[HASHKEY_TEXT_SIZE])
{
    const uint64_t chunk = 10000000000000000000u;
    char digits[HASHKEY_TEXT_SIZE];
    int first = HASHKEY_TEXT_SIZE - 1;

    digits[first] = '\0';
    do {
        uint64_t low = (uint64_t)(key % chunk);
        int until = first - 19;

        key /= chunk;
        do {
            digits[--first] = (char)('0' + (int)(low % 10));
            low /= 10;
        } while (key > 0 ? first > until : low > 0);
    } while (key > 0);
    memcpy(text, digits + first, (size_t)(HASHKEY_TEXT_SIZE - first));
}

double hashkey_share(hashkey start, hashkey end)
{
    hashkey width = end - start + 1;

    if (end < start)
        return 0;
    return width == 0 ? 1 : ldexp((double)width, -128);
}

/* AWS wants at least two keys below the new one and one above it. */
static bool can_split(hashkey start, hashkey end)
{
    return end > start && end - start >= 3;
}

bool hashkey_middle(hashkey start, hashkey end, hashkey *ret_key)
{
    if (!can_split(start, end))
        return false;
    *ret_key = start + (end - start) / 2 + 1;
    return true;
}

bool hashkey_at_fraction(hashkey start, hashkey end, double fraction, hashkey *ret_key)
{
    hashkey distance = end - start;
    hashkey scaled, key;

    if (!can_split(start, end) || !(fraction > 0 && fraction < 1))
        return false;
    /* distance * fraction in integers: a double knows only the first 53 of 128 bits. */
    scaled = (hashkey)ldexp(fraction, 64);
    key = start + (distance >> 64) * scaled + (((distance & UINT64_MAX) * scaled) >> 64) + 1;
    if (key < start + 2)
        key = start + 2;
    if (key > end - 1)
        key = end - 1;
    *ret_key = key;
    return true;
}

hashkey hashkey_even_start(unsigned index, unsigned count)
{
    hashkey step;

    assert(count > 0 && index < count);
    step = HASHKEY_MAX / count;
    if (HASHKEY_MAX % count == count - 1) /* 2^128 itself is a multiple of count */
        step++;
    return step * index;
}
