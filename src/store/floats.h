/*
 * floats.h - floats as they stand in blobs: little-endian, whatever machine wrote them.  Internal to store/.
 */
#ifndef STORE_FLOATS_H
#define STORE_FLOATS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return htole32(bits);
}

static inline float float_value(uint32_t bits)
{
    float value;

    bits = le32toh(bits);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

#endif
