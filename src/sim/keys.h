/*
 * keys.h - how partition keys lie on the hash ring, so how much of the load a range gets.
 */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H

#include "base/error.h"
#include "base/hashkey.h"

#include <stdint.h>

enum { KEYS_MAX = 1000000 };

struct keys;

/* "uniform", "zipf:S:KEYS", "hot:SHARE", "slice:SHARE:N:OF"; where keys fall depends on the seed alone.  ERROR_INPUT. */
int model_keys_parse(const char *text, uint64_t seed, struct keys **ret_keys, struct error *err);
void model_keys_free(struct keys *keys);
/* The shares of the ranges of a partition add up to 1. */
double model_keys_share(const struct keys *keys, hashkey start, hashkey end);

/* A good mix of 64 bits: also the model's dice. */
uint64_t model_mix(uint64_t value);

#endif
