/*
 * credentials_source.c - what every source needs: the environment, the files, and keys that look like keys.
 */
#include "credentials_source.h"
#include "untrusted.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>

enum { TOKEN_MAX = 16 * 1024, DOCUMENT_MAX = 64 * 1024 };

static const char *system_getenv(const char *name)
{
    return getenv(name);
}

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

void source_context_init(struct source_context *context, const struct credentials_options *options,
                         struct transport *transport, struct clock *clock)
{
    static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};

    *context = (struct source_context){
        .getenv = options->getenv != NULL ? options->getenv : system_getenv,
        .asked_profile = is_given(options->profile) ? options->profile : "",
        .region = is_given(options->region) ? options->region : "",
        .transport = transport,
        .clock = clock,
    };
    context->profile = is_given(options->profile) ? options->profile : NULL;
    for (size_t i = 0; context->profile == NULL && i < COUNT_OF(variables); i++)
        context->profile = source_getenv(context, variables[i]);
    context->profile_named = context->profile != NULL;
    if (!context->profile_named)
        context->profile = "default";
}

void source_context_clear(struct source_context *context)
{
    profiles_clear(&context->profiles);
    context->profiles_known = false;
}

const char *source_getenv(const struct source_context *context, const char *name)
{
    const char *value = context->getenv(name);

    return is_given(value) ? value : NULL;
}

int source_profiles(struct source_context *context, struct error *err)
{
    if (!context->profiles_known && profiles_read(context->getenv, &context->profiles, err) < 0)
        return -1;
    context->profiles_known = true;
    if (context->profile_named && !profiles_has(&context->profiles, context->profile))
        return error_set(err, ERROR_CONFIG, "there is no profile '%s'", context->profile);
    return 0;
}

int source_absent(struct error *err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    err->kind = ERROR_AUTH;
    return SOURCE_ABSENT;
}

/* Keys travel in headers: nothing but printable ASCII without blanks. */
static bool is_key(const char *text, size_t longest)
{
    size_t length = strlen(text);

    if (length == 0 || length > longest)
        return false;
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

int source_fill(struct credentials *ret_credentials, const char *access_key_id, const char *secret_access_key,
                const char *session_token, int64_t expires_ms, struct error *err)
{
    struct credentials *filled = ret_credentials;

    if (!is_key(access_key_id, sizeof(filled->access_key_id) - 1))
        return error_set(err, ERROR_CONFIG, "the access key id is too long or has blanks in it");
    if (!is_key(secret_access_key, sizeof(filled->secret_access_key) - 1))
        return error_set(err, ERROR_CONFIG, "the secret access key is too long or has blanks in it");
    if (session_token != NULL && !is_key(session_token, TOKEN_MAX))
        return error_set(err, ERROR_CONFIG, "the session token is too long or has blanks in it");

    *filled = (struct credentials){.expires_ms = expires_ms, .session_token = must_strdup(session_token)};
    (void)text_copy(filled->access_key_id, sizeof(filled->access_key_id), access_key_id);
    (void)text_copy(filled->secret_access_key, sizeof(filled->secret_access_key), secret_access_key);
    return 0;
}

static int check_document(const cJSON *object, const struct source_document *document, struct error *err)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "Version");
    const char *code = untrusted_member(object, "Code");

    if (document->has_version && (!cJSON_IsNumber(version) || version->valuedouble != 1.0))
        return error_set(err, ERROR_AUTH, "'Version' is not 1");
    if (code != NULL && strcmp(code, "Success") != 0) {
        char said[41];

        untrusted_quote(code, said, sizeof(said));
        return error_set(err, ERROR_AUTH, "it says '%s'", said);
    }
    return 0;
}

int source_read_document(const char *text, size_t length, const struct source_document *document,
                         struct credentials *ret_credentials, struct error *err)
{
    static const struct untrusted_limits limits = {
        .bytes = DOCUMENT_MAX, .depth = 8, .values = 256, .members = 64};
    SCOPED(untrusted_wipe) cJSON *object = NULL;
    const char *access_key_id, *secret, *token, *expiration;
    int64_t expires_ms = INT64_MAX;

    if (untrusted_json(text, length, &limits, &object, err) < 0) {
        err->kind = ERROR_AUTH;
        return error_wrap(err, "not the JSON that was expected");
    }
    if (check_document(object, document, err) < 0)
        return -1;
    access_key_id = untrusted_member(object, "AccessKeyId");
    secret = untrusted_member(object, "SecretAccessKey");
    expiration = untrusted_member(object, "Expiration");
    if (!is_given(access_key_id) || !is_given(secret))
        return error_set(err, ERROR_AUTH, "'%s' is missing",
                         is_given(access_key_id) ? "SecretAccessKey" : "AccessKeyId");
    if (document->expires && !is_given(expiration))
        return error_set(err, ERROR_AUTH, "'Expiration' is missing");
    if (is_given(expiration) && !date_parse(expiration, &expires_ms))
        return error_set(err, ERROR_AUTH, "'Expiration' is not a time");
    token = untrusted_member(object, document->token_name);
    if (source_fill(ret_credentials, access_key_id, secret, is_given(token) ? token : NULL, expires_ms, err) <
        0) {
        err->kind = ERROR_AUTH;
        return -1;
    }
    return 0;
}
