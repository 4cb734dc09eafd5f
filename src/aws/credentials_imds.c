/*
 * credentials_imds.c - the instance metadata service of EC2.
 *
 * Version 2: a session token first, then everything with it.  The old way, without a token, is taken only
 * when the service says that it knows no tokens, and may be forbidden (AWS_EC2_METADATA_V1_DISABLED).
 */
#include "credentials_source.h"
#include "untrusted.h"

#include "base/memory.h"
#include "base/text.h"

#include <strings.h>

enum { IMDS_TIMEOUT_MS = 1000, IMDS_ANSWER_MAX = 64 * 1024, IMDS_TOKEN_MAX = 1024, IMDS_URL_MAX = 1024 };

static const char security_credentials[] = "/latest/meta-data/iam/security-credentials/";

static bool is_true(const struct source_context *context, const char *name)
{
    const char *value = source_getenv(context, name);

    return value != NULL && strcasecmp(value, "true") == 0;
}

static int imds_url(const struct source_context *context, const char *path, char url[IMDS_URL_MAX],
                    struct error *err)
{
    const char *base = source_getenv(context, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = source_getenv(context, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    size_t length;
    int needed;

    if (base == NULL)
        base = mode != NULL && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]"
                                                             : "http://169.254.169.254";
    else if (!text_starts_with(base, "http://") && !text_starts_with(base, "https://"))
        return error_set(err, ERROR_CONFIG, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https address");
    length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    needed = snprintf(url, IMDS_URL_MAX, "%.*s%s", (int)length, base, path);
    if (needed < 0 || needed >= IMDS_URL_MAX)
        return error_set(err, ERROR_CONFIG, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
    return 0;
}

/* This is no instance of EC2; or it is one whose network is not up yet. */
static int no_answer(struct error *err)
{
    (void)error_set(err, ERROR_TRANSIENT, "no answer");
    return SOURCE_ABSENT;
}

static int send_request(struct source_context *context, const char *method, const char *path,
                        struct aws_header header, struct aws_answer *ret_answer, struct error *err)
{
    char url[IMDS_URL_MAX];
    struct aws_request request = {.method = method,
                                  .url = url,
                                  .headers = {header},
                                  .connect_timeout_ms = IMDS_TIMEOUT_MS,
                                  .timeout_ms = IMDS_TIMEOUT_MS,
                                  .answer_ceiling = IMDS_ANSWER_MAX};

    if (imds_url(context, path, url, err) < 0)
        return -1;
    if (context->transport->send(context->transport, &request, ret_answer, err) < 0)
        return error_is_retryable(err) ? no_answer(err) : -1;
    return 0;
}

/* *ret_token is the caller's to free_secret(); NULL when the service knows no tokens. */
static int get_token(struct source_context *context, char **ret_token, struct error *err)
{
    static const struct aws_header lifetime = {"X-aws-ec2-metadata-token-ttl-seconds", "21600"};
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    int result = send_request(context, "PUT", "/latest/api/token", lifetime, &answer, err);

    if (result != 0)
        return result;
    if (answer.status == 403 || answer.status == 404 || answer.status == 405) {
        if (is_true(context, "AWS_EC2_METADATA_V1_DISABLED"))
            return error_set(err, ERROR_AUTH,
                             "it gives no tokens (%d), and AWS_EC2_METADATA_V1_DISABLED is set",
                             answer.status);
        *ret_token = NULL;
        return 0;
    }
    if (answer.status != 200)
        return error_set(err, ERROR_TRANSIENT, "it answered %d when asked for a token", answer.status);
    if (!untrusted_is_plain(buffer_text(&answer.body), IMDS_TOKEN_MAX, "+/=_-."))
        return error_set(err, ERROR_TRANSIENT, "it answered with something that is no token");
    *ret_token = must_strdup(buffer_text(&answer.body));
    return 0;
}

/* Without a token for version 1. */
static int get_page(struct source_context *context, const char *token, const char *path, struct buffer *body,
                    struct error *err)
{
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    struct aws_header header = {token == NULL ? NULL : "X-aws-ec2-metadata-token", token};
    int result = send_request(context, "GET", path, header, &answer, err);

    if (result != 0)
        return result;
    if (answer.status == 404)
        return source_absent(err, "it has no such page");
    if (answer.status != 200)
        return error_set(err, answer.status >= 500 || answer.status == 429 ? ERROR_TRANSIENT : ERROR_AUTH,
                         "it answered %d", answer.status);
    buffer_wipe(body);
    return buffer_add(body, buffer_text(&answer.body), answer.body.length, err);
}

static int begin(struct source_context *context, char **ret_token, struct error *err)
{
    if (is_true(context, "AWS_EC2_METADATA_DISABLED"))
        return source_absent(err, "AWS_EC2_METADATA_DISABLED is true");
    return get_token(context, ret_token, err);
}

int instance_metadata_get(struct source_context *context, const char *path, struct buffer *body,
                          struct error *err)
{
    char *token = NULL;
    int result = begin(context, &token, err);

    if (result == 0)
        result = get_page(context, token, path, body, err);
    free_secret(token);
    return result;
}

/* The role's name is the first line of the listing. */
static int get_credentials_page(struct source_context *context, const char *token, struct buffer *body,
                                struct error *err)
{
    SCOPED(free_text) char *role = NULL;
    SCOPED(free_text) char *path = NULL;
    int result = get_page(context, token, security_credentials, body, err);

    if (result == SOURCE_ABSENT)
        return source_absent(err, "the instance has no role");
    if (result < 0)
        return -1;
    role = must_strndup(buffer_text(body), strcspn(buffer_text(body), "\r\n"));
    if (*role == '\0')
        return source_absent(err, "the instance has no role");
    if (!untrusted_is_plain(role, 128, "+=,.@_-"))
        return error_set(err, ERROR_AUTH, "it answered with something that is no role");
    path = must_printf("%s%s", security_credentials, role);
    return get_page(context, token, path, body, err);
}

int source_instance(struct source_context *context, const char *profile, struct credentials *ret_credentials,
                    struct error *err)
{
    static const struct source_document document = {.token_name = "Token", .expires = true};
    SCOPED(buffer_wipe) struct buffer body;
    char *token = NULL;
    int result;

    (void)profile;
    buffer_init(&body, IMDS_ANSWER_MAX);
    result = begin(context, &token, err);
    if (result == 0)
        result = get_credentials_page(context, token, &body, err);
    free_secret(token);
    if (result != 0)
        return result;
    return source_read_document(buffer_text(&body), body.length, &document, ret_credentials, err);
}
