/*
 * ~/.aws/config and ~/.aws/credentials: read, or refused with a line and without a word of what is in them; and the
 * chain is walked with them, roles after roles, to its end.
 */
#include "memory_file.h"
#include "one_answer.h"

#include "aws/process.h"
#include "aws/profile.h"
#include "base/text.h"

#include <errno.h>
#include <spawn.h>

/* In the place of libc's: a credential_process is read, but nobody's commands are run here. */
int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                 const posix_spawn_file_actions_t *restrict actions,
                 const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
                 char *const environment[restrict])
{
    (void)pid, (void)file, (void)actions, (void)attributes, (void)arguments, (void)environment;
    return EPERM;
}

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

static struct memory_file files[2];

static const char *files_getenv(const char *name)
{
    if (strcmp(name, "AWS_CONFIG_FILE") == 0)
        return files[0].path;
    if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
        return files[1].path;
    if (strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0)
        return "true";
    return strcmp(name, "AWS_REGION") == 0 ? "eu-west-1" : NULL;
}

/* Each role is assumed. */
static void try_chain(const uint8_t *data, size_t size)
{
    static const char assumed[] =
        "<R><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
        "</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></R>";
    static struct one_answer sts;
    const struct credentials_options options = {.getenv = files_getenv};
    struct credentials_provider *provider;
    struct credentials found = {0};
    struct virtual_clock clock;
    struct error err = {0};

    (void)memory_file_write(&files[0], data, size);
    (void)memory_file_write(&files[1], data, size);
    clock_virtual_init(&clock, ONE_ANSWER_NOW_MS);
    provider = credentials_provider_new(
        &options, one_answer_transport(&sts, (const uint8_t *)assumed, strlen(assumed), 200), &clock.clock);
    sts.questions_left = 8; /* no chain has more roles */
    if (credentials_get(provider, &found, &err) == 0)
        FUZZ_ASSERT(found.access_key_id[0] != '\0' && found.secret_access_key[0] != '\0');
    else
        FUZZ_ASSERT(err.kind == ERROR_CONFIG || err.kind == ERROR_AUTH || err.kind == ERROR_TRANSIENT);
    credentials_clear(&found);
    credentials_provider_free(provider);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_file((const char *)data, size, PROFILE_CONFIG);
    try_file((const char *)data, size, PROFILE_CREDENTIALS);
    try_chain(data, size);
    return 0;
}
