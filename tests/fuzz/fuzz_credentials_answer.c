/*
 * Who hands out keys - the container's endpoint, instance metadata, a helper program, STS: keys that can travel in a
 * header, or a refusal with a reason.
 */
#include "one_answer.h"

#include "../../src/aws/credentials_source.h"
#include "aws/sts.h"
#include "base/text.h"

static struct one_answer aws;

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static void judge(int result, struct credentials *found, const struct error *err)
{
    if (result != 0) {
        FUZZ_ASSERT(err->kind != ERROR_NONE && err->kind != ERROR_BUG && err->message[0] != '\0');
        FUZZ_ASSERT(text_is_utf8(err->message, strlen(err->message)));
        return;
    }
    FUZZ_ASSERT(found->access_key_id[0] != '\0' && is_printable(found->access_key_id));
    FUZZ_ASSERT(found->secret_access_key[0] != '\0' && is_printable(found->secret_access_key));
    FUZZ_ASSERT(found->session_token == NULL || is_printable(found->session_token));
    credentials_clear(found);
}

static void try_document(const uint8_t *data, size_t size)
{
    static const struct source_document documents[] = {{.token_name = "Token", .expires = true},
                                                       {.token_name = "SessionToken", .has_version = true}};

    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct credentials found = {0};
        struct error err = {0};
        int result = source_read_document((const char *)data, size, &documents[i], &found, &err);

        judge(result, &found, &err);
    }
}

static const char *container_getenv(const char *name)
{
    return strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0 ? "http://127.0.0.1/keys" : NULL;
}

static const char *empty_getenv(const char *name)
{
    (void)name;
    return NULL;
}

static void try_endpoints(const uint8_t *data, size_t size, int status)
{
    struct source_context context = {
        .getenv = container_getenv, .profile = "default", .profiles_known = true};
    struct credentials found = {0};
    struct error err = {0};
    char region[64];

    context.transport = one_answer_transport(&aws, data, size, status);
    judge(source_container(&context, "default", &found, &err), &found, &err);
    context.getenv = empty_getenv;
    context.transport = one_answer_transport(&aws, data, size, status);
    judge(source_instance(&context, "default", &found, &err), &found, &err);
    if (source_region(&context, NULL, region, sizeof(region), &err) == 0)
        FUZZ_ASSERT(aws_region_is_plausible(region));
    source_context_clear(&context);
}

static void try_sts(const uint8_t *data, size_t size, int status)
{
    static const struct credentials with = {.access_key_id = "AKID", .secret_access_key = "secret"};
    static const struct sts_role role = {.role_arn = "arn:aws:iam::1:role/r", .session_name = "fuzz"};
    struct transport *transport = one_answer_transport(&aws, data, size, status);
    struct credentials found = {0};
    struct error err = {0};
    char account[ACCOUNT_SIZE] = "";

    judge(sts_assume_role(transport, "https://sts", "eu-west-1", &with, &role, &found, &err), &found, &err);
    judge(sts_assume_role_with_web_identity(transport, "https://sts", &role, "token", &found, &err), &found,
          &err);
    if (sts_caller_account(one_answer_client(&aws, data, size, status), account, &err) == 0)
        FUZZ_ASSERT(status == 200 && strspn(account, "0123456789") == ACCOUNT_SIZE - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_document(data, size);
    try_endpoints(data, size, 200);
    try_sts(data, size, 200);
    if (size % 2 == 0) {
        try_endpoints(data, size, one_answer_refusal(size / 2));
        try_sts(data, size, one_answer_refusal(size / 2));
    }
    return 0;
}
