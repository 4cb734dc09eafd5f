/* ~/.aws/config and ~/.aws/credentials: read, or refused with a line and without a word of what is in them. */
#include "fuzz.h"

#include "aws/process.h"
#include "aws/profile.h"
#include "base/memory.h"
#include "base/text.h"

static void try_file(const char *text, size_t size, enum profile_file_kind kind)
{
    struct profile_file *file = NULL;
    struct error err = {0};
    const char *command;
    char **words;

    if (profile_file_parse(text, size, kind, "fuzz", &file, &err) < 0) {
        FUZZ_ASSERT(file == NULL && err.kind == ERROR_CONFIG);
        FUZZ_ASSERT(text_starts_with(err.message, "'fuzz' ") && strlen(err.message) < 80);
        return;
    }
    command = profile_file_value(file, "default", "credential_process");
    FUZZ_ASSERT(command == NULL || (*command != '\0' && profile_file_has(file, "default")));
    if (command != NULL && process_words(command, &words, &err) == 0) {
        FUZZ_ASSERT(words[0] != NULL);
        process_words_free(words);
    }
    profile_file_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_file((const char *)data, size, PROFILE_CONFIG);
    try_file((const char *)data, size, PROFILE_CREDENTIALS);
    return 0;
}
