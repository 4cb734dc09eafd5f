/*
 * credentials_profile.c - the sources that a profile of ~/.aws/config or ~/.aws/credentials can name.
 *
 * A role is assumed with the keys of another profile, which may be a role again: a chain, walked from its
 * end, with every profile once.  Only a profile that has keys of its own may name itself.
 */
#include "credentials_source.h"
#include "untrusted.h"

#include "aws/endpoint.h"
#include "aws/process.h"
#include "aws/sts.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

enum {
    ROLES_MAX = 8,
    WEB_TOKEN_MAX = 20000, /* AssumeRoleWithWebIdentity */
    PROCESS_OUTPUT_MAX = 64 * 1024,
    PROCESS_TIMEOUT_MS = 60 * 1000,
    SESSION_NAME_SIZE = 65,
};

static const char *value_of(const struct source_context *context, const char *profile, const char *key)
{
    return profiles_value(&context->profiles, profile, key);
}

/* ---- static keys, process, sign-in */

static int keys_of(const struct profile_file *file, const char *profile, struct credentials *ret_credentials,
                   struct error *err)
{
    const char *access_key_id = profile_file_value(file, profile, "aws_access_key_id");
    const char *secret = profile_file_value(file, profile, "aws_secret_access_key");

    if (access_key_id == NULL)
        return source_absent(err, "no aws_access_key_id");
    if (secret == NULL)
        return error_set(err, ERROR_CONFIG, "aws_access_key_id without aws_secret_access_key");
    return source_fill(ret_credentials, access_key_id, secret,
                       profile_file_value(file, profile, "aws_session_token"), INT64_MAX, err);
}

int source_profile_credentials_file(struct source_context *context, const char *profile,
                                    struct credentials *ret_credentials, struct error *err)
{
    if (source_profiles(context, err) < 0)
        return -1;
    return keys_of(context->profiles.credentials, profile, ret_credentials, err);
}

int source_profile_config_file(struct source_context *context, const char *profile,
                               struct credentials *ret_credentials, struct error *err)
{
    if (source_profiles(context, err) < 0)
        return -1;
    return keys_of(context->profiles.config, profile, ret_credentials, err);
}

int source_profile_sign_in(struct source_context *context, const char *profile,
                           struct credentials *ret_credentials, struct error *err)
{
    static const char *const keys[] = {"sso_session", "sso_start_url", "sso_account_id", "sso_role_name",
                                       "login_session"};

    (void)ret_credentials; /* a person's session ends within hours: not for a service */
    if (source_profiles(context, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (value_of(context, profile, keys[i]) != NULL)
            return error_set(err, ERROR_CONFIG, "profile '%s' has '%s': a person's sign-in is not supported",
                             profile, keys[i]);
    }
    return source_absent(err, "no sign-in");
}

int source_profile_process(struct source_context *context, const char *profile,
                           struct credentials *ret_credentials, struct error *err)
{
    static const struct source_document document = {.token_name = "SessionToken", .has_version = true};
    SCOPED(buffer_wipe) struct buffer output;
    const char *command;
    char **words;
    int result;

    buffer_init(&output, PROCESS_OUTPUT_MAX);
    if (source_profiles(context, err) < 0)
        return -1;
    command = value_of(context, profile, "credential_process");
    if (command == NULL)
        return source_absent(err, "no credential_process");
    if (process_words(command, &words, err) < 0)
        return -1;
    result = process_output(words, PROCESS_TIMEOUT_MS, &output, err);
    process_words_free(words);
    if (result < 0)
        return error_wrap(err, "the program");
    return source_read_document(buffer_text(&output), output.length, &document, ret_credentials, err);
}

/* ---- roles */

struct role_walk {
    const char *visited[ROLES_MAX];
    size_t count;
};

/* The one given, else one of our own. */
static int session_name(const struct source_context *context, const char *given, char name[SESSION_NAME_SIZE],
                        struct error *err)
{
    if (given == NULL)
        snprintf(name, SESSION_NAME_SIZE, "kinescale-%lld", (long long)clock_now_ms(context->clock));
    else if (!untrusted_is_plain(given, SESSION_NAME_SIZE - 1, "_+=,.@-") || strlen(given) < 2)
        return error_set(err, ERROR_CONFIG,
                         "the role session name must be 2 to %d letters, digits or any of _+=,.@-",
                         SESSION_NAME_SIZE - 1);
    else
        (void)text_copy(name, SESSION_NAME_SIZE, given);
    return 0;
}

static int sts_place(struct source_context *context, char region[64], char endpoint[ENDPOINT_SIZE],
                     struct error *err)
{
    if (source_region(context, context->region, region, 64, err) < 0 ||
        aws_endpoint(AWS_STS, region, context->getenv, endpoint, NULL, err) < 0)
        return error_wrap(err, "where to assume a role");
    return 0;
}

static int read_duration(const char *text, int64_t *ret_seconds, struct error *err)
{
    if (text == NULL)
        *ret_seconds = 0;
    else if (!number_parse(text, 900, 43200, ret_seconds))
        return error_set(err, ERROR_CONFIG, "duration_seconds must be 900 to 43200");
    return 0;
}

static int read_role(struct source_context *context, const char *profile, char name[SESSION_NAME_SIZE],
                     struct sts_role *ret_role, struct error *err)
{
    struct sts_role role = {
        .role_arn = value_of(context, profile, "role_arn"),
        .external_id = value_of(context, profile, "external_id"),
        .session_name = name,
    };

    if (session_name(context, value_of(context, profile, "role_session_name"), name, err) < 0 ||
        read_duration(value_of(context, profile, "duration_seconds"), &role.duration_s, err) < 0)
        return -1;
    *ret_role = role;
    return 0;
}

/* The sources of keys that a profile has besides a role. */
static const struct {
    const char *name;
    source_fn *load;
} profile_sources[] = {
    {"web identity", source_profile_web_identity},         {"sign-in", source_profile_sign_in},
    {"credentials file", source_profile_credentials_file}, {"credential_process", source_profile_process},
    {"config file", source_profile_config_file},
};

static int without_role(struct source_context *context, const char *profile,
                        struct credentials *ret_credentials, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(profile_sources); i++) {
        int result = profile_sources[i].load(context, profile, ret_credentials, err);

        if (result < 0)
            return error_wrap(err, "%s of source_profile '%s'", profile_sources[i].name, profile);
        if (result == 0)
            return 0;
    }
    return error_set(err, ERROR_CONFIG, "source_profile '%s' has no credentials", profile);
}

static bool has_keys(const struct source_context *context, const char *profile)
{
    return value_of(context, profile, "aws_access_key_id") != NULL ||
           value_of(context, profile, "aws_secret_access_key") != NULL;
}

static bool is_role(const struct source_context *context, const char *profile)
{
    return value_of(context, profile, "role_arn") != NULL &&
           value_of(context, profile, "web_identity_token_file") == NULL;
}

/* May the role of `profile` be assumed with what `source` gives? */
static int check_source_profile(const struct source_context *context, const char *profile, const char *source,
                                const struct role_walk *walk, struct error *err)
{
    bool itself = strcmp(source, profile) == 0;

    if (!profiles_has(&context->profiles, source))
        return error_set(err, ERROR_CONFIG, "there is no profile '%s', the source_profile of '%s'", source,
                         profile);
    for (size_t i = 0; i < walk->count; i++) {
        if (strcmp(walk->visited[i], source) == 0 && !(itself && has_keys(context, source)))
            return error_set(err, ERROR_CONFIG, "source_profile of '%s' leads back to '%s'", profile, source);
    }
    return 0;
}

static int from_credential_source(struct source_context *context, const char *name,
                                  struct credentials *ret_credentials, struct error *err)
{
    static const struct {
        const char *name;
        source_fn *load;
    } sources[] = {
        {"Environment", source_environment},
        {"Ec2InstanceMetadata", source_instance},
        {"EcsContainer", source_container},
    };

    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        int result;

        if (strcmp(sources[i].name, name) != 0)
            continue;
        result = sources[i].load(context, context->profile, ret_credentials, err);
        return result == 0 ? 0 : error_wrap(err, "credential_source '%s'", name);
    }
    return error_set(err, ERROR_CONFIG,
                     "credential_source must be Environment, Ec2InstanceMetadata or EcsContainer, not '%s'",
                     name);
}

/* Can the role of `profile` be assumed at all, and with the keys of which other profile, or place? */
static int read_source(const struct source_context *context, const char *profile, const char **ret_source,
                       bool *ret_is_place, struct error *err)
{
    const char *source = value_of(context, profile, "source_profile");
    const char *place = value_of(context, profile, "credential_source");

    if (value_of(context, profile, "mfa_serial") != NULL)
        return error_set(err, ERROR_CONFIG, "profile '%s' has 'mfa_serial': nobody is there to type the code",
                         profile);
    if ((source == NULL) == (place == NULL))
        return error_set(err, ERROR_CONFIG,
                         "role_arn of profile '%s' needs %s of source_profile and credential_source", profile,
                         source == NULL ? "one" : "only one");
    *ret_source = source != NULL ? source : place;
    *ret_is_place = source == NULL;
    return 0;
}

/* Notes one role after the other, down to the keys that the last of them is assumed with. */
static int walk_down(struct source_context *context, const char *profile, struct role_walk *walk,
                     struct credentials *ret_credentials, struct error *err)
{
    for (;;) {
        const char *source = "";
        bool is_place = false;

        if (read_source(context, profile, &source, &is_place, err) < 0)
            return -1;
        if (walk->count == COUNT_OF(walk->visited))
            return error_set(err, ERROR_CONFIG, "more than %d roles in a row", ROLES_MAX);
        walk->visited[walk->count++] = profile;
        if (is_place)
            return from_credential_source(context, source, ret_credentials, err);
        if (check_source_profile(context, profile, source, walk, err) < 0)
            return -1;
        if (!is_role(context, source) || has_keys(context, source))
            return without_role(context, source, ret_credentials, err);
        profile = source;
    }
}

/* The role of `profile` with these keys, which its own replace. */
static int assume(struct source_context *context, const char *profile, struct credentials *credentials,
                  struct error *err)
{
    char region[64], endpoint[ENDPOINT_SIZE], name[SESSION_NAME_SIZE];
    struct credentials assumed = {0};
    struct sts_role role;

    if (read_role(context, profile, name, &role, err) < 0 || sts_place(context, region, endpoint, err) < 0 ||
        sts_assume_role(context->transport, endpoint, region, credentials, &role, &assumed, err) < 0)
        return -1;
    credentials_clear(credentials);
    *credentials = assumed;
    wipe(&assumed, sizeof(assumed));
    return 0;
}

int source_profile_role(struct source_context *context, const char *profile,
                        struct credentials *ret_credentials, struct error *err)
{
    SCOPED(credentials_clear) struct credentials credentials = {0};
    struct role_walk walk = {0};

    if (source_profiles(context, err) < 0)
        return -1;
    if (!is_role(context, profile))
        return source_absent(err, "no role_arn");
    if (walk_down(context, profile, &walk, &credentials, err) < 0)
        return -1;
    while (walk.count > 0) {
        if (assume(context, walk.visited[--walk.count], &credentials, err) < 0)
            return -1;
    }
    *ret_credentials = credentials;
    credentials.session_token = NULL; /* now the caller's */
    return 0;
}

/* ---- web identity */

/* The token is read again each time: whoever issues it replaces it. */
static int with_web_token(struct source_context *context, const char *path, const struct sts_role *role,
                          struct credentials *ret_credentials, struct error *err)
{
    char region[64], endpoint[ENDPOINT_SIZE];
    char *text;
    int result;

    if (sts_place(context, region, endpoint, err) < 0)
        return -1;
    if (file_read(path, WEB_TOKEN_MAX, &text, NULL, err) < 0) {
        err->kind = ERROR_CONFIG;
        return error_wrap(err, "the token");
    }
    result = sts_assume_role_with_web_identity(context->transport, endpoint, role, text_trim(text),
                                               ret_credentials, err);
    free_secret(text);
    return result;
}

int source_environment_web_identity(struct source_context *context, const char *profile,
                                    struct credentials *ret_credentials, struct error *err)
{
    const char *path = source_getenv(context, "AWS_WEB_IDENTITY_TOKEN_FILE");
    char name[SESSION_NAME_SIZE];
    struct sts_role role = {.role_arn = source_getenv(context, "AWS_ROLE_ARN"), .session_name = name};

    (void)profile;
    if (*context->asked_profile != '\0')
        return source_absent(err, "a profile was asked for");
    if (path == NULL)
        return source_absent(err, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    if (role.role_arn == NULL)
        return error_set(err, ERROR_CONFIG, "AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN");
    if (session_name(context, source_getenv(context, "AWS_ROLE_SESSION_NAME"), name, err) < 0)
        return -1;
    return with_web_token(context, path, &role, ret_credentials, err);
}

int source_profile_web_identity(struct source_context *context, const char *profile,
                                struct credentials *ret_credentials, struct error *err)
{
    char name[SESSION_NAME_SIZE];
    struct sts_role role;
    const char *path;

    if (source_profiles(context, err) < 0)
        return -1;
    path = value_of(context, profile, "web_identity_token_file");
    if (path == NULL)
        return source_absent(err, "no web_identity_token_file");
    if (read_role(context, profile, name, &role, err) < 0)
        return -1;
    if (role.role_arn == NULL)
        return error_set(err, ERROR_CONFIG, "web_identity_token_file of profile '%s' without role_arn",
                         profile);
    return with_web_token(context, path, &role, ret_credentials, err);
}
