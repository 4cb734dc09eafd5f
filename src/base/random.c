/*
 * random.c - the kernel's dice.
 */
#include "base/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

void random_bytes(void *bytes, size_t count)
{
    unsigned char *at = bytes;

    while (count > 0) {
        ssize_t got = getrandom(at, count, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort(); /* a kernel without dice: identifiers would collide */
        at += got;
        count -= (size_t)got;
    }
}

double random_fraction(void)
{
    uint64_t bits;

    random_bytes(&bits, sizeof(bits));
    return (double)(bits >> 11) * 0x1p-53; /* the 53 bits a double has */
}

void random_uuid(char text[UUID_SIZE])
{
    unsigned char b[16];

    random_bytes(b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
    snprintf(text, UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
