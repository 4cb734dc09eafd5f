/*
 * credentials_container.c - the credentials endpoint of ECS, EKS and others like them.
 *
 * The address comes from the environment, and a token goes there: so plain http is for addresses that do not
 * leave the machine, and the address is taken apart here rather than by whoever sends it.
 */
#include "credentials_source.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <strings.h>

enum {
    CONTAINER_TIMEOUT_MS = 2000,
    CONTAINER_TRIES = 3,
    CONTAINER_URL_MAX = 2048,
    CONTAINER_TOKEN_MAX = 16 * 1024,
    CONTAINER_ANSWER_MAX = 64 * 1024,
};

static bool is_near(const char *host)
{
    static const char *const names[] = {"localhost", "169.254.170.2", "169.254.170.23", "[::1]",
                                        "[fd00:ec2::23]"};
    struct in_addr address;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcasecmp(host, names[i]) == 0)
            return true;
    }
    return inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

/* The host of what follows "http://", brackets included.  False when it is not plainly one. */
static bool take_host(const char *rest, char *host, size_t size)
{
    size_t length = *rest == '[' ? strcspn(rest, "]/?#@") + 1 : strcspn(rest, ":/?#");
    const char *after = rest + length;

    if (length == 0 || length >= size || memchr(rest, '\0', length) != NULL)
        return false;
    memcpy(host, rest, length);
    host[length] = '\0';
    if (strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-[:]") != length)
        return false;
    if (*after == ':')
        after += 1 + strspn(after + 1, "0123456789");
    return *after == '\0' || *after == '/' || *after == '?';
}

static int check_url(const char *url, struct error *err)
{
    char host[256];
    bool secure = strncasecmp(url, "https://", 8) == 0;

    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return error_set(err, ERROR_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI has blanks in it");
    }
    if (!secure && strncasecmp(url, "http://", 7) != 0)
        return error_set(err, ERROR_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI is no http or https address");
    if (!take_host(url + (secure ? 8 : 7), host, sizeof(host)))
        return error_set(err, ERROR_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI has no plain host");
    if (!secure && !is_near(host))
        return error_set(err, ERROR_CONFIG,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to a loopback, "
                         "ECS or EKS address, not to '%s'",
                         host);
    return 0;
}

/* SOURCE_ABSENT when there is neither. */
static int container_url(struct source_context *context, char url[CONTAINER_URL_MAX], struct error *err)
{
    const char *relative = source_getenv(context, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = source_getenv(context, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    int length;

    if (relative == NULL && full == NULL)
        return source_absent(err, "no AWS_CONTAINER_CREDENTIALS_ variable");
    if (relative != NULL && *relative != '/')
        return error_set(err, ERROR_CONFIG, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
    length = snprintf(url, CONTAINER_URL_MAX, "%s%s", relative != NULL ? "http://169.254.170.2" : "",
                      relative != NULL ? relative : full);
    if (length >= CONTAINER_URL_MAX)
        return error_set(err, ERROR_CONFIG, "the address has more than %d bytes", CONTAINER_URL_MAX - 1);
    return check_url(url, err);
}

/* *ret_token is the caller's to free_secret(), NULL when there is none.  The file is read each time: others
 * renew it. */
static int container_token(struct source_context *context, char **ret_token, struct error *err)
{
    const char *path = source_getenv(context, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *value = source_getenv(context, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    char *token = NULL;

    if (path == NULL) {
        token = must_strdup(value);
    } else if (file_read(path, CONTAINER_TOKEN_MAX, &token, NULL, err) < 0) {
        err->kind = ERROR_CONFIG;
        return error_wrap(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    }
    if (token != NULL && strpbrk(token, "\r\n") != NULL) {
        free_secret(token);
        return error_set(err, ERROR_CONFIG, "the authorization token has a line end in it");
    }
    *ret_token = token;
    return 0;
}

/* The agent beside us answers at once or not at all: a try is short, the next one follows without a pause. */
static int ask(struct source_context *context, const struct aws_request *request,
               struct aws_answer *ret_answer, struct error *err)
{
    for (int tries = 1;; tries++) {
        int result = context->transport->send(context->transport, request, ret_answer, err);

        if (result < 0 && (!error_is_retryable(err) || tries == CONTAINER_TRIES))
            return -1;
        if (result == 0 && (ret_answer->status < 500 || tries == CONTAINER_TRIES))
            return 0;
        aws_answer_clear(ret_answer);
    }
}

int source_container(struct source_context *context, const char *profile, struct credentials *ret_credentials,
                     struct error *err)
{
    static const struct source_document document = {.token_name = "Token", .expires = true};
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    char url[CONTAINER_URL_MAX];
    struct aws_request request = {
        .method = "GET",
        .url = url,
        .headers = {{"Accept", "application/json"}},
        .connect_timeout_ms = CONTAINER_TIMEOUT_MS,
        .timeout_ms = CONTAINER_TIMEOUT_MS,
        .answer_ceiling = CONTAINER_ANSWER_MAX,
    };
    char *token = NULL;
    int result;

    (void)profile;
    result = container_url(context, url, err);
    if (result != 0)
        return result;
    if (container_token(context, &token, err) < 0)
        return -1;
    if (token != NULL)
        request.headers[1] = (struct aws_header){"Authorization", token};
    result = ask(context, &request, &answer, err);
    free_secret(token);
    if (result < 0)
        return -1;
    if (answer.status != 200)
        return error_set(err, answer.status >= 500 || answer.status == 429 ? ERROR_TRANSIENT : ERROR_AUTH,
                         "the endpoint answered %d", answer.status);
    return source_read_document(buffer_text(&answer.body), answer.body.length, &document, ret_credentials,
                                err);
}
