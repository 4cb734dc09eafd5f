/*
 * hashkey.h - the 128-bit hash key space of a stream.
 *
 * A shard owns an inclusive range [start, end] of 0 .. 2^128-1; AWS writes keys
 * as decimal text, `0|([1-9]\d{0,38})` (Kinesis API, HashKey).
 */
#ifndef BASE_HASHKEY_H
#define BASE_HASHKEY_H

#include <stdbool.h>

typedef unsigned __int128 hashkey;

enum { HASHKEY_TEXT_SIZE = 40 }; /* 39 digits and the end */

#define HASHKEY_MAX (~(hashkey)0)

/* False for signs, leading zeros, other characters, an empty text or more than 2^128-1. */
bool hashkey_parse(const char *text, hashkey *ret_key);
void hashkey_format(hashkey key, char text[HASHKEY_TEXT_SIZE]);

/* The share of the key space that [start, end] covers, 0 < share <= 1; exact to double precision.
 * 0 when end < start. */
double hashkey_share(hashkey start, hashkey end);

/*
 * NewStartingHashKey for a split in the middle: the upper child has the key
 * itself, sizes differ by at most one.  AWS wants start + 1 < key < end, so a
 * range of fewer than 4 keys cannot be split: false.
 */
bool hashkey_middle(hashkey start, hashkey end, hashkey *ret_key);
/* As above, but the lower child gets `fraction` (0 < fraction < 1) of the range. */
bool hashkey_at_fraction(hashkey start, hashkey end, double fraction, hashkey *ret_key);

/* Where shard number `index` of `count` even shards starts: floor(2^128 / count) * index. */
hashkey hashkey_even_start(unsigned index, unsigned count);

#endif
