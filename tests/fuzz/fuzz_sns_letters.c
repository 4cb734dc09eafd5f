/* A file saved from a queue: each body is found whole, and a refusal is one short line of plain text. */
#include "fuzz.h"

#include "aws/sns_letters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sns_letters letters = {0};
    struct error err = {0};

    if (sns_letters_read((const char *)data, size, &letters, &err) == 0) {
        size_t bytes = 0;

        for (size_t i = 0; i < letters.count; i++)
            bytes += strlen(letters.bodies[i]);
        FUZZ_ASSERT(bytes <= size);
    } else {
        FUZZ_ASSERT(err.kind == ERROR_INPUT);
        FUZZ_ASSERT(letters.count == 0);
    }
    sns_letters_clear(&letters);
    return 0;
}
